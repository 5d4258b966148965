//! The examples do what they say.

use std::path::PathBuf;
use std::process::Command;

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
fn evaluate(vm: &PathBuf, expression: &str) -> String {
    let eval = format!("io:format(\"~0tp\", [begin {expression} end]), halt().");
    let output = Command::new(vm)
        .args(["erl", "-noshell", "-eval", &eval])
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
