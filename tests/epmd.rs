//! A node with a name brings the port mapper along, which nodes of the stock VM use as if it were theirs.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a node may take to start.
const LIMIT: Duration = Duration::from_secs(20);

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
