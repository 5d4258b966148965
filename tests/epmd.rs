//! A node with a name brings the port mapper along, which nodes of the stock VM use as if it were theirs.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a node may take to start.
const LIMIT: Duration = Duration::from_secs(60);

/// A node that ends with the test.
struct Node(Child);

impl Node {
    fn start(name: &str, words: &[String], epmd_port: u16, arguments: &[&str]) -> Self {
        let child = Command::new(&words[0])
            .args(&words[1..])
            .args(arguments)
            .current_dir(support::fresh_dir(name))
            .env("ERL_EPMD_PORT", epmd_port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the VM starts");
        Self(child)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    listener.local_addr().expect("it is bound").port()
}

/// The names that the port mapper knows (request `n`), if it answers.
fn names(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"\x00\x01n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let (own_port, text) = answer.split_first_chunk::<4>()?;
    assert_eq!(u32::from_be_bytes(*own_port), u32::from(port));
    Some(String::from_utf8_lossy(text).into_owned())
}

/// What `names` says once it satisfies `enough`.
fn eventually(port: u16, enough: impl Fn(Option<&str>) -> bool) {
    let start = Instant::now();
    while !enough(names(port).as_deref()) {
        assert!(
            start.elapsed() < LIMIT,
            "the port mapper: {:?}",
            names(port)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

const SLEEP: [&str; 3] = ["-noshell", "-eval", "timer:sleep(60000)"];

#[test]
fn a_node_with_a_name_serves_the_stock_nodes_of_the_machine() {
    let port = free_port();
    let arguments = [&["-sname", "undefined"], &SLEEP[..]].concat();
    let _lintel = Node::start("epmd_host", &support::vm_words(), port, &arguments);
    eventually(port, |names| names == Some(""));
    if Command::new("erl").arg("-version").output().is_err() {
        return;
    }
    let arguments = [&["-start_epmd", "false", "-sname", "guest"], &SLEEP[..]].concat();
    let guest = Node::start("epmd_guest", &["erl".to_string()], port, &arguments);
    eventually(port, |names| {
        names.is_some_and(|names| names.starts_with("name guest at port "))
    });
    drop(guest);
    eventually(port, |names| names == Some(""));
}

#[test]
fn a_node_without_a_name_brings_none() {
    let port = free_port();
    for arguments in [&[][..], &["-sname", "undefined", "-start_epmd", "false"]] {
        let arguments = [arguments, &["-noshell", "-eval", "halt()"]].concat();
        let mut node = Node::start("epmd_none", &support::vm_words(), port, &arguments);
        while node.0.try_wait().expect("it is ours").is_none() {
            assert_eq!(names(port), None);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// What an expression gives on a node with a name.
fn evaluate(
    dir: &str,
    words: &[String],
    epmd_port: u16,
    name: [&str; 2],
    expression: &str,
) -> String {
    let eval = format!("io:format(\"~0tp\", [begin {expression} end]), halt().");
    let output = Command::new(&words[0])
        .args(&words[1..])
        .args(["-start_epmd", "false", "-noshell", "-eval", &eval])
        .args(name)
        .current_dir(support::fresh_dir(dir))
        .env("ERL_EPMD_PORT", epmd_port.to_string())
        .stdin(Stdio::null())
        .output()
        .expect("the VM starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn nodes_with_names_know_of_each_other() {
    let port = free_port();
    let lintel = support::vm_words();
    let _first = Node::start(
        "epmd_first",
        &lintel,
        port,
        &[&["-name", "first@127.0.0.1"], &SLEEP[..]].concat(),
    );
    eventually(port, |names| {
        names.is_some_and(|names| names.contains("name first at port "))
    });
    let names = r#"
        {ok, Names} = erl_epmd:names({127, 0, 0, 1}),
        lists:sort([Name || {Name, Port} <- Names, is_integer(Port)])"#;
    let expression = format!(
        r#"
        Self = self(),
        {{node(), is_alive(), nodes(), net_kernel:longnames(), begin {names} end,
         binary_to_term(term_to_binary(Self)) =:= Self, node(Self),
         net_adm:ping('first@127.0.0.1'), net_kernel:connect_node('first@127.0.0.1'),
         rpc:call('first@127.0.0.1', erlang, node, []),
         catch erlang:monitor_node('first@127.0.0.1', true),
         receive {{nodedown, Down}} -> Down end, net_adm:ping(node())}}"#
    );
    let mine = "'second@127.0.0.1'";
    let expected = format!(
        "{{{mine},true,[],true,[\"first\",\"second\"],true,{mine},pang,false,{{badrpc,nodedown}},true,\
         'first@127.0.0.1',pong}}"
    );
    let mut vms = vec![("epmd_second", lintel)];
    if Command::new("erl").arg("-version").output().is_ok() {
        vms.push(("epmd_stock", vec!["erl".to_string()]));
    }
    for (dir, vm) in vms {
        let given = evaluate(dir, &vm, port, ["-name", "second@127.0.0.1"], &expression);
        // Why no connection came about is logged before.
        assert!(given.ends_with(&expected), "{dir}: {given}");
        eventually(port, |names| {
            names.is_some_and(|names| !names.contains("second"))
        });
    }
    assert!(names_of(port).contains("name first at port "));
}

fn names_of(port: u16) -> String {
    names(port).unwrap_or_default()
}

#[test]
fn a_node_takes_a_name_and_lays_it_down() {
    let port = free_port();
    let lintel = support::vm_words();
    let _host = Node::start(
        "epmd_for_names",
        &lintel,
        port,
        &[&["-sname", "undefined"], &SLEEP[..]].concat(),
    );
    eventually(port, |names| names == Some(""));
    let given = evaluate(
        "epmd_takes",
        &lintel,
        port,
        ["-kernel", "logger_level error"],
        r#"
        net_kernel:monitor_nodes(true, [nodedown_reason, {node_type, all}]),
        Before = term_to_binary(self()),
        {ok, _} = net_kernel:start(['taken@127.0.0.1', longnames]),
        Old = binary_to_term(Before),
        {'EXIT', {badarg, _}} = catch erlang:setnode(other@host, 1),
        Named = {node(), is_alive(), Old =:= self(), node(Old)},
        ok = net_kernel:stop(),
        Down = receive {nodedown, Node, [{nodedown_reason, Why}, {node_type, visible}]} -> {Node, Why} end,
        receive {nodeup, Node, [{node_type, visible}]} -> ok end,
        {element(1, Named), element(2, Named), element(3, Named), element(4, Named), Down, node(), is_alive(),
         binary_to_term(Before) =:= self()}"#,
    );
    assert_eq!(
        given,
        "{'taken@127.0.0.1',true,false,nonode@nohost,{'taken@127.0.0.1',net_kernel_terminated},\
         nonode@nohost,false,true}"
    );
}
