//! What the command line answers before a node runs, and what a node leaves that ends with a slogan.

mod support;

use std::process::{Command, Output, Stdio};

fn run(name: &str, arguments: &[&str]) -> (Output, std::path::PathBuf) {
    let words = support::vm_words();
    let dir = support::fresh_dir(name);
    let output = Command::new(&words[0])
        .args(&words[1..])
        .args(arguments)
        .current_dir(&dir)
        .env_remove("ERL_CRASH_DUMP")
        .stdin(Stdio::null())
        .output()
        .expect("the VM starts");
    (output, dir)
}

#[test]
fn a_bad_flag_is_named_and_nothing_starts() {
    for (arguments, message) in [
        (&["+P", "7"][..], "bad number of processes 7\n"),
        (
            &["+fnx"],
            "bad filename encoding x, can be (l,u or a, optionally followed by w, i or e)\n",
        ),
        (
            &["-args_file", "/nope"],
            "Failed to open arguments file \"/nope\" at ",
        ),
        (&["+S", "x"], "bad amount of schedulers x\n"),
    ] {
        let (output, _) = run("bad_flag", arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(message), "{arguments:?}: {said}");
        assert!(said.contains("Usage: erl "), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn flags_are_told_to_those_who_ask() {
    let ask = "io:format(\"~w\", [{erlang:system_info(thread_pool_size), erlang:system_info(dist_buf_busy_limit), \
               ets:info(ets:new(t, []), compressed), erlang:system_info(process_limit)}]), halt().";
    let flags = [
        "+A", "7", "+zdbbl", "2", "+ec", "+P", "2000", "-noshell", "-eval", ask,
    ];
    let (output, _) = run("told_flags", &flags);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{7,2048,true,2048}"
    );
}

/// The one who ends the node, and those that wait, tell of themselves, even where there is only one scheduler.
#[test]
fn a_slogan_leaves_a_crash_dump() {
    let (output, dir) = run(
        "crash_dump",
        &[
            "+S",
            "1",
            "-noshell",
            "-eval",
            "register(the_end, self()), halt(\"that was it\").",
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("that was it\n"), "{said}");
    assert!(said.contains("Crash dump is being written to: erl_crash.dump...done"));
    let dump = std::fs::read_to_string(dir.join("erl_crash.dump")).expect("a dump");
    assert!(dump.starts_with("=erl_crash_dump:0.5\n"));
    for line in [
        "Slogan: that was it",
        "Name: the_end",
        "Name: code_server",
        "Spawned as: erts_code_purger:start/0",
        "=mod:init",
        "=end",
    ] {
        assert!(dump.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn the_node_ends_with_a_process_of_its_own() {
    let (output, _) = run(
        "system_process",
        &[
            "-noshell",
            "-eval",
            "exit(whereis(init), kill), receive after infinity -> ok end.",
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("System process <0.0.0> terminated: killed"),
        "{said}"
    );
}
