//! The examples do what they say.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// An example that cargo has built with the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let target = test
        .ancestors()
        .nth(2)
        .expect("it is in target/PROFILE/deps");
    target.join("examples").join(name)
}

/// What an expression gives on a VM.
fn evaluate(vm: &PathBuf, flags: &[&str], expression: &str) -> String {
    let eval = format!("io:format(\"~0tp\", [begin {expression} end]), halt().");
    let output = Command::new(vm)
        .arg("erl")
        .args(flags)
        .args(["-noshell", "-eval", &eval])
        .output()
        .expect("the example runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_driver_of_the_users_own() {
    let vm = example("echo_driver");
    let given = evaluate(
        &vm,
        &[],
        "P = open_port({spawn_driver, \"counting_echo\"}, [binary]),
         Ask = fun(Text) -> port_command(P, Text), receive {P, {data, Back}} -> Back end end,
         {Ask(<<\"hello\">>), Ask(<<\"slowly now\">>), port_control(P, 1, \"\"),
          catch port_control(P, 2, \"\"), port_close(P)}",
    );
    assert!(
        given.starts_with("{<<\"HELLO\">>,<<\"SLOWLY NOW\">>,\"15\",{'EXIT',{badarg,"),
        "{given}"
    );
    assert!(given.ends_with(",true}"), "{given}");
}

#[test]
fn a_driver_stands_for_a_program() {
    let vm = example("echo_driver");
    let ask = r#"P = open_port({spawn, "/no/such/folder/shout -x"}, [binary]),
        port_command(P, <<"hello">>), receive {P, {data, Back}} -> Back end"#;
    let given = evaluate(&vm, &["-lintel_driver", "shout=counting_echo"], ask);
    assert_eq!(given, "<<\"HELLO\">>");
    let output = Command::new(&vm)
        .args(["erl", "-lintel_driver", "shout=nobody", "-noshell"])
        .output()
        .expect("the example runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(said.contains("no driver `nobody`"), "{said}");
}

#[test]
fn a_driver_that_blocks_keeps_only_those_waiting_who_use_its_port() {
    let vm = example("echo_driver");
    let begun = Instant::now();
    for schedulers in ["1", "2"] {
        let given = evaluate(
            &vm,
            &["+S", schedulers],
            r#"
            Open = fun(Line) -> open_port({spawn_driver, Line}, [binary]) end,
            Later = fun(What) -> spawn_monitor(fun() -> exit({gave, What()}) end) end,
            Minutes = <<"300000">>,
            Told = Open("sleeper"),
            Told ! {self(), {command, Minutes}},
            Asked = [Later(fun() -> P = Open("sleeper"), port_command(P, Minutes) end) || _ <- lists:seq(1, 4)],
            Others = [Later(fun() -> port_control(Told, 1, "") end), Later(fun() -> Open("sleeper 300000") end)],
            timer:sleep(100),
            %% Everything else goes on, other ports of that driver, too.
            Echo = Open("counting_echo"),
            port_command(Echo, <<"hello">>),
            Quick = Open("sleeper 1"),
            true = port_command(Quick, <<"2">>),
            {ok, _} = file:read_file("/proc/self/status"),
            {connected, Me} = erlang:port_info(Told, connected),
            Killed = [begin exit(P, kill), receive {'DOWN', M, process, P, Why} -> Why end end || {P, M} <- Asked ++ Others],
            {receive {Echo, {data, D1}} -> D1 end, receive {Quick, {data, D2}} -> D2 end, Me =:= self(), lists:usort(Killed),
             port_close(Quick)}"#,
        );
        assert_eq!(given, "{<<\"HELLO\">>,<<\"2\">>,true,[killed],true}");
    }
    // Nor does the end of the node wait for it.
    assert!(begun.elapsed() < Duration::from_secs(250));
}
