//! A node that stops beating is ended and started again by its command; one that stops in order is not.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a node may take to end and to start again, beyond the time that its heart gives it.
const LIMIT: Duration = Duration::from_secs(40);

/// A node with a heart, whose command starts another one that leaves its trace in a file.
fn start(name: &str, variables: &[(&str, &str)], expression: &str) -> (Child, PathBuf) {
    let words = support::vm_words();
    let dir = support::fresh_dir(name);
    let vm = words.join(" ");
    let again = format!(
        "cd {dir}; {vm} -noshell -eval 'file:write_file(\"part\", \"again\"), file:rename(\"part\", \"restarted\"), halt().'",
        dir = dir.display()
    );
    let child = Command::new(&words[0])
        .args(&words[1..])
        .args(["-heart", "-noshell", "-eval", expression])
        .current_dir(&dir)
        .env("HEART_COMMAND", again)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the VM starts");
    (child, dir)
}

fn restarted(dir: &Path, within: Duration) -> bool {
    let begun = Instant::now();
    while !dir.join("restarted").exists() {
        if begun.elapsed() > within {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

#[test]
fn silence_ends_the_node_and_starts_it_again() {
    // Less than eleven seconds are no time-out for it.
    let (mut node, dir) = start(
        "heart_silence",
        &[("HEART_BEAT_TIMEOUT", "11")],
        "erlang:suspend_process(whereis(heart)), timer:sleep(infinity).",
    );
    assert!(restarted(&dir, LIMIT + Duration::from_secs(16)));
    let status = node.wait().expect("it is ours");
    assert_eq!(status.signal(), Some(9), "{status}");
}

#[test]
fn a_node_that_halts_without_a_word_starts_again() {
    let (mut node, dir) = start("heart_halt", &[], "halt(3).");
    assert_eq!(node.wait().expect("it is ours").code(), Some(3));
    assert!(restarted(&dir, LIMIT));
}

#[test]
fn a_node_that_stops_in_order_does_not() {
    let (mut node, dir) = start("heart_stop", &[], "init:stop().");
    assert_eq!(node.wait().expect("it is ours").code(), Some(0));
    assert!(!restarted(&dir, Duration::from_secs(1)));
}

#[test]
fn commands_and_options_are_kept_for_it() {
    let (mut node, dir) = start(
        "heart_commands",
        &[],
        r#"
        {ok, First} = heart:get_cmd(),
        ok = heart:set_cmd("echo beat"),
        {ok, Second} = heart:get_cmd(),
        ok = heart:clear_cmd(),
        {ok, Third} = heart:get_cmd(),
        {error, {bad_cmd, _}} = heart:set_cmd(lists:duplicate(2047, $x)),
        Options = [heart:get_options(), heart:set_options([check_schedulers]), heart:get_options(),
                   heart:set_options([]), heart:get_options()],
        Callback = [heart:get_callback(), heart:set_callback(timer, start), heart:get_callback(),
                    heart:clear_callback(), heart:get_callback()],
        file:write_file("said", io_lib:format("~0p", [{First =:= Third, Second, Options, Callback}])),
        init:stop()."#,
    );
    assert!(node.wait().expect("it is ours").success());
    assert_eq!(
        std::fs::read_to_string(dir.join("said")).expect("it wrote"),
        "{true,\"echo beat\",[none,ok,{ok,[check_schedulers]},ok,none],[none,ok,{ok,{timer,start}},ok,none]}"
    );
}
