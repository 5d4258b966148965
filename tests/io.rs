//! Ports, sockets and programs as the system sees them: how many programs are started, what happens where
//! descriptors run out, what ten thousand connections leave behind.

mod support;

use std::process::{Command, Output};

/// Runs an expression on the VM under test; `before` is what the shell does first.
fn evaluate(before: &str, flags: &[&str], variables: &[(&str, &str)], expression: &str) -> Output {
    let words = support::vm_words();
    let eval = format!("begin {expression} end, halt().");
    Command::new("sh")
        .args(["-c", &format!("{before} exec \"$@\""), "sh"])
        .args(&words)
        .args(["-noshell"])
        .args(flags)
        .args(["-eval", &eval])
        .envs(variables.iter().copied())
        .output()
        .expect("the VM starts")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Everything that OTP starts programs for; the shape of each answer.
const SERVICES: &str = r#"
    %% What the alarms of a machine short of memory or disk say is not asked for.
    ok = logger:set_primary_config(level, error),
    {ok, _} = application:ensure_all_started(os_mon),
    {ok, _} = application:ensure_all_started(inets),
    {ok, Listener} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Listener),
    spawn_link(fun() ->
        {ok, Socket} = gen_tcp:accept(Listener),
        {ok, _} = gen_tcp:recv(Socket, 0),
        gen_tcp:send(Socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        gen_tcp:close(Socket)
    end),
    {ok, {{_, 200, _}, _, "ok"}} = httpc:request("http://localhost:" ++ integer_to_list(Port) ++ "/"),
    {ok, {hostent, "localhost", _, inet, 4, [_ | _]}} = inet:gethostbyname("localhost"),
    {ok, {hostent, _, _, _, _, _}} = inet_gethost_native:gethostbyname("localhost"),
    {ok, Heart} = heart:get_cmd(),
    io:format("~p~n", [{
        lists:sort([Tag || {Tag, _} <- memsup:get_system_memory_data(), lists:member(Tag, [total_memory, free_memory])]),
        [is_list(Disk) andalso is_integer(Size) andalso is_integer(Full) || {Disk, Size, Full} <- [hd(disksup:get_disk_data())]],
        [is_number(Busy) || {0, Busy, _, _} <- cpu_sup:util([per_cpu])],
        is_integer(cpu_sup:avg1()),
        cpu_sup:nprocs() > 0,
        Heart
    }]),
    %% A node that ends otherwise is started again by its heart.
    init:stop(),
    receive after infinity -> ok end"#;

const ANSWERS: &str = "{[free_memory,total_memory],[true],[true],true,true,\"echo beat\"}\n";

/// The programs that were executed while those services answered, and processes that were made.
fn programs_started(disabled: &str) -> (usize, usize) {
    let trace = support::fresh_dir(&format!("io_trace_{disabled}")).join("trace");
    let before = format!(
        "exec strace -f -qq --seccomp-bpf -e trace=execve,fork,vfork,clone,clone3 -o '{}'",
        trace.display()
    );
    let output = evaluate(
        &format!("set -- {} \"$@\"; ", &before["exec ".len()..]),
        &["-heart"],
        &[
            ("LINTEL_NO_DRIVERS", disabled),
            ("HEART_COMMAND", "echo beat"),
        ],
        SERVICES,
    );
    assert_eq!(text(&output), ANSWERS, "{output:?}");
    let trace = std::fs::read_to_string(trace).expect("strace has written it");
    let executed = trace
        .lines()
        .filter(|line| line.contains("execve("))
        .count();
    let made = trace
        .lines()
        .filter(|line| {
            // The line begins with the process's number; paths in arguments may hold any word.
            let call = line.split_whitespace().nth(1).unwrap_or_default();
            ["clone(", "clone3(", "fork(", "vfork("]
                .iter()
                .any(|name| call.starts_with(name))
        })
        .filter(|line| !line.contains("CLONE_THREAD") && !line.contains("resumed>"))
        .count();
    // The first is the VM itself.
    (executed - 1, made)
}

#[test]
fn no_process_is_started_for_what_is_served_in_threads() {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("not tested: there is no strace");
        return;
    }
    assert_eq!(programs_started(""), (0, 0));
    let (executed, made) = programs_started("all");
    assert!(
        executed >= 5 && made >= 5,
        "{executed} executed, {made} made"
    );
}

#[test]
fn descriptors_run_out_and_come_back() {
    let output = evaluate(
        "ulimit -n 100;",
        &[],
        &[],
        r#"
        Loop = fun Loop(Make, All) -> case Make() of {ok, One} -> Loop(Make, [One | All]); Error -> {Error, All} end end,
        Try = fun(Make, Close) ->
            {Error, All} = Loop(Make, []),
            Close(hd(All)),
            {ok, Again} = Make(),
            Close(Again),
            [Close(One) || One <- tl(All)],
            Error
        end,
        {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, {backlog, 200}]),
        {ok, Port} = inet:port(Listener),
        io:format("~p~n", [{
            Try(fun() -> gen_tcp:listen(0, []) end, fun gen_tcp:close/1),
            Try(fun() -> gen_udp:open(0) end, fun gen_udp:close/1),
            Try(fun() -> gen_tcp:connect({127, 0, 0, 1}, Port, []) end, fun gen_tcp:close/1),
            Try(fun() -> file:open("/dev/null", [read, raw]) end, fun file:close/1),
            Try(fun() -> socket:open(inet, stream, tcp) end, fun socket:close/1),
            Try(fun() -> try {ok, open_port({spawn_executable, "/bin/cat"}, [])} catch error:E -> {error, E} end end,
                fun erlang:port_close/1)
        }])"#,
    );
    let expected = "{error,emfile}".repeat(6).replace("}{", "},{");
    assert_eq!(
        text(&output).replace([' ', '\n'], ""),
        format!("{{{expected}}}")
    );
}

#[test]
fn ten_thousand_connections_echo_and_leave_nothing() {
    // Both ends are in this node. Where the system allows fewer descriptors there are fewer.
    let output = evaluate(
        "ulimit -n $(ulimit -H -n);",
        &["+Q", "65536"],
        &[],
        r#"
        Limit = list_to_integer(string:trim(os:cmd("ulimit -n")) -- "unlimited"),
        Count = min(10000, (Limit - 200) div 2),
        Memory = fun() -> erlang:garbage_collect(), [erlang:garbage_collect(P) || P <- processes()], erlang:memory(total) end,
        Options = [binary, {active, true}, {nodelay, true}],
        {ok, Listener} = gen_tcp:listen(0, [{backlog, 1024}, {ip, {127, 0, 0, 1}}, {reuseaddr, true} | Options]),
        {ok, Port} = inet:port(Listener),
        Self = self(),
        Serve = fun Serve() -> receive {tcp, S, Data} -> ok = gen_tcp:send(S, Data), Serve(); {tcp_closed, _} -> Serve(); stop -> ok end end,
        Server = spawn_link(Serve),
        Accept = fun Accept() -> case gen_tcp:accept(Listener) of
            {ok, S} -> ok = gen_tcp:controlling_process(S, Server), Accept();
            {error, closed} -> ok end end,
        spawn_link(Accept),
        Ports = length(erlang:ports()),
        Cycle = fun() ->
        Sockets = [begin {ok, S} = gen_tcp:connect({127, 0, 0, 1}, Port, Options), S end || _ <- lists:seq(1, Count)],
        Round = fun(Text) ->
            [ok = gen_tcp:send(S, Text) || S <- Sockets],
            [receive {tcp, S, Text} -> ok after 60000 -> exit({no_echo, S}) end || S <- Sockets]
        end,
        Round(<<"first">>),
        Round(<<"second">>),
        Open = length(erlang:ports()) - Ports,
        [gen_tcp:close(S) || S <- Sockets],
        Wait = fun Wait(0) -> left; Wait(N) -> case length(erlang:ports()) of Ports -> ok; _ -> timer:sleep(50), Wait(N - 1) end end,
        {Open >= 2 * Count, Wait(600), Memory()}
        end,
        %% An allocator may keep some of what was freed, later some more or less: what is lost is lost every time.
        {true, ok, First} = Cycle(),
        {true, ok, Second} = Cycle(),
        {true, ok, Third} = Cycle(),
        Growth = max(0, min(Second - First, Third - Second)),
        io:format("~p~n", [{Count >= 1000, Growth div (20 * 1024 * 1024)}])"#,
    );
    assert_eq!(text(&output), "{true,0}\n");
}

#[test]
fn a_flag_lets_the_program_itself_run() {
    let ask = r#"
        Memsup = filename:join([code:priv_dir(os_mon), "bin", "memsup"]),
        {os_pid, Number} = erlang:port_info(open_port({spawn, Memsup}, [{packet, 1}]), os_pid),
        io:format("~p~n", [Number])"#;
    assert_eq!(text(&evaluate("", &[], &[], ask)), "undefined\n");
    for name in ["memsup", "all"] {
        let number = text(&evaluate("", &["-lintel_no_driver", name], &[], ask));
        assert!(number.trim().parse::<u32>().is_ok(), "{number}");
    }
}
