//! The Erlang shell as a user at a terminal meets it.

mod pty;
mod support;

use pty::Terminal;

const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const RIGHT: &str = "\x1b[C";
const LEFT: &str = "\x1b[D";
const CTRL_A: &str = "\x01";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";
const CTRL_E: &str = "\x05";
const CTRL_G: &str = "\x07";
const CTRL_K: &str = "\x0b";
const CTRL_R: &str = "\x12";
const CTRL_T: &str = "\x14";
const CTRL_U: &str = "\x15";
const CTRL_W: &str = "\x17";
const CTRL_Y: &str = "\x19";
const BACKSPACE: &str = "\x7f";

/// A shell at its first prompt, in an empty folder.
fn shell(test: &str) -> Terminal {
    let mut terminal = Terminal::start(&support::vm_words(), &[], &support::fresh_dir(test));
    terminal.expect("Eshell V");
    terminal.expect("(abort with ^G)");
    terminal.prompt(1);
    terminal
}

#[test]
fn the_banner_comes_before_the_prompt() {
    let mut terminal = Terminal::start(&support::vm_words(), &[], &support::fresh_dir("banner"));
    terminal.expect("Erlang/OTP ");
    terminal.expect("Eshell V");
    terminal.expect("  (abort with ^G)\n");
    terminal.prompt(1);
}

#[test]
fn expressions_are_evaluated() {
    let mut shell = shell("expressions");
    shell.ask(r#"lists:reverse("Hello, World!")."#, "\"!dlroW ,olleH\"", 2);
    shell.ask("X = 6 * 7.", "42", 3);
    shell.ask("X + 1.", "43", 4);
    shell.ask(
        "X = 0.",
        "** exception error: no match of right hand side value 0",
        5,
    );
    shell.ask(
        "1 / (X - 42).",
        "an error occurred when evaluating an arithmetic expression",
        6,
    );
    shell.ask("foo(.", "syntax error before: '.'", 6);
    shell.ask(
        "undefined_function().",
        "** exception error: undefined shell command",
        7,
    );
    shell.ask(
        "{ok, lists:seq(1, 3), <<\"bin\">>, #{a => 1.5}}.",
        "{ok,[1,2,3],<<\"bin\">>,#{a => 1.5}}",
        8,
    );
    shell.ask("f(X), X = new.", "new", 9);
    shell.ask("self() ! hello, flush().", "Shell got hello", 10);
    shell.ask("throw(ball).", "** exception throw: ball", 11);
}

#[test]
fn an_expression_may_span_lines() {
    let mut shell = shell("lines");
    shell.line("lists:map(");
    shell.expect("1> ");
    shell.line("  fun(N) -> N * 1111 end,");
    shell.expect("1> ");
    shell.ask("  [1, 2]).", "[1111,2222]", 2);
    shell.ask("1. 2. 12345 * 2.", "24690", 5);
}

#[test]
fn the_line_can_be_edited() {
    let mut shell = shell("editing");
    // Left and right, insertion in the middle.
    shell.ask(&format!("11 * 1.{LEFT}{LEFT}1{RIGHT}1{CTRL_E}"), "1221", 2);
    // Back to the beginning, delete forward, end of the line.
    shell.ask(&format!("x222 * 3{CTRL_A}{CTRL_D}{CTRL_E}."), "666", 3);
    shell.ask(&format!("7777{BACKSPACE}{BACKSPACE} * 2."), "154", 4);
    // Kill to the end and yank.
    shell.ask(
        &format!("1234 + 1000{CTRL_A}{CTRL_K}{CTRL_Y} - 1."),
        "2233",
        5,
    );
    // Kill the word before.
    shell.ask(&format!("5000 + wrong{CTRL_W}55."), "5055", 6);
    // Transpose two characters.
    shell.ask(&format!("90 * 12{CTRL_T}."), "1890", 7);
    // Kill to the beginning.
    shell.ask(&format!("nonsense({CTRL_U}3 * 333."), "999", 8);
    // Word by word.
    shell.ask(
        &format!("44 + 55\x1bb\x1bb1{CTRL_E}\x1bb2{CTRL_E}."),
        "399",
        9,
    );
}

#[test]
fn earlier_lines_come_back() {
    let mut shell = shell("history");
    shell.ask("1000 + 111.", "1111", 2);
    shell.ask("2000 + 222.", "2222", 3);
    // What is typed ahead of the redrawn line is lost, there as here: each key waits for its effect.
    let mut recall = |keys: &[(&str, &str)], more: &str, answer: &str, prompt: u32| {
        for (key, shown) in keys {
            shell.keys(key);
            shell.expect(shown);
        }
        shell.ask(more, answer, prompt);
    };
    recall(&[(UP, "2000 + 222.")], "", "2222", 4);
    recall(&[(UP, "2000 + 222."), (UP, "1000 + 111.")], "", "1111", 5);
    recall(
        &[
            (UP, "1000 + 111."),
            (UP, "2000 + 222."),
            (DOWN, "1000 + 111."),
        ],
        &format!("{LEFT}{BACKSPACE}2"),
        "1112",
        6,
    );
    // The shell's own history of commands and results.
    shell.ask("v(1) + 1.", "1112", 7);
    shell.ask("e(2).", "2222", 8);
    shell.line("h().");
    shell.expect("1: 1000 + 111");
    shell.expect("-> 1111");
    shell.prompt(9);
    // Search backwards.
    shell.keys(CTRL_R);
    shell.expect("(search)");
    shell.keys("2000");
    shell.expect("2000 + 222");
    shell.keys("\r");
    shell.expect("\n2222");
    shell.prompt(10);
}

#[test]
fn the_tab_key_completes() {
    let mut shell = shell("completion");
    shell.keys("lists:rever\t");
    shell.expect("lists:rever");
    shell.expect("se(");
    shell.ask("\"abc\").", "\"cba\"", 2);
    // Several possibilities are listed.
    shell.keys("string:to_\t");
    shell.keys("\t");
    shell.expect("to_integer/1");
    shell.expect("to_upper/1");
    shell.keys(CTRL_U);
    shell.keys("erl_sca\t");
    shell.expect("erl_scan:");
    shell.ask("reserved_word('case').", "true", 3);
}

#[test]
fn a_module_is_compiled_and_replaced() {
    let mut shell = shell("modules");
    let source = shell.dir().join("m.erl");
    let write = |text: &str| std::fs::write(&source, text).expect("the folder is writable");
    write("-module(m).\n-export([f/0]).\nf() -> 1111.\n");
    shell.ask("c(m).", "{ok,m}", 2);
    shell.ask("m:f().", "1111", 3);
    write("-module(m).\n-export([f/0]).\nf() -> lists:reverse(\"retfa\").\n");
    shell.ask("c(m).", "{ok,m}", 4);
    shell.ask("m:f().", "\"after\"", 5);
    write("-module(m).\n-export([f/0]).\nf() -> X.\n");
    shell.line("c(m).");
    shell.expect("variable 'X' is unbound");
    shell.expect("error");
    shell.prompt(6);
    shell.ask("m:f().", "\"after\"", 7);
}

#[test]
fn a_crash_is_reported() {
    let mut shell = shell("crash");
    shell.line("P = spawn(fun() -> error(oops) end), ok.");
    shell.expect("=ERROR REPORT====");
    shell.expect("Error in process <");
    shell.expect("with exit value:");
    shell.expect("{oops,[{shell,apply_fun,3");
    shell.ask("is_process_alive(P).", "false", 3);
    // The shell's process dies with what it is linked to, and a new one takes over.
    shell.ask(
        "spawn_link(fun() -> exit(bang) end), timer:sleep(1000).",
        "** exception exit: bang",
        4,
    );
    shell.ask("is_process_alive(self()).", "true", 5);
}

#[test]
fn jobs_are_controlled() {
    let mut shell = shell("jobs");
    shell.line("timer:sleep(infinity).");
    shell.expect("\n");
    shell.keys(CTRL_G);
    shell.expect("User switch command");
    shell.expect(" --> ");
    shell.line("h");
    shell.expect("c [nn]");
    shell.expect("q ");
    shell.expect(" --> ");
    // Interrupt the one that sleeps.
    shell.line("i");
    shell.expect(" --> ");
    shell.line("c");
    shell.expect("** exception exit: killed");
    shell.prompt(2);
    // A second shell.
    shell.keys(CTRL_G);
    shell.expect(" --> ");
    shell.line("s");
    shell.expect(" --> ");
    shell.line("j");
    shell.expect("1  {shell,start,[init]}");
    shell.expect("2* {shell,start,[]}");
    shell.expect(" --> ");
    shell.line("c 2");
    shell.expect("Eshell V");
    shell.prompt(1);
    shell.ask("1111 * 2.", "2222", 2);
    shell.keys(CTRL_G);
    shell.expect(" --> ");
    shell.line("k 2");
    shell.expect(" --> ");
    shell.line("c 1");
    shell.repeat("\r", "2> ");
    shell.ask("1111 * 3.", "3333", 3);
    shell.keys(CTRL_G);
    shell.expect(" --> ");
    shell.line("q");
    shell.exit();
}

#[test]
fn the_break_menu_stops_and_continues() {
    let mut shell = shell("break");
    shell.keys(CTRL_C);
    shell.expect("BREAK: (a)bort (A)bort with dump (c)ontinue (p)roc info (i)nfo");
    shell.line("c");
    shell.repeat("\r", "1> ");
    shell.ask("1111 * 4.", "4444", 2);
    shell.keys(CTRL_C);
    shell.expect("BREAK:");
    shell.line("l");
    shell.expect("lists ");
    shell.repeat("\r", "2> ");
    shell.keys(CTRL_C);
    shell.expect("BREAK:");
    shell.line("a");
    shell.exit();
}

#[test]
fn q_ends_the_node_in_order() {
    let mut shell = shell("quit");
    shell.ask("q().", "ok", 2);
    assert_eq!(shell.exit().code(), Some(0));
}

#[test]
fn halt_gives_its_exit_code() {
    let mut shell = shell("halt");
    shell.line("halt(7).");
    assert_eq!(shell.exit().code(), Some(7));
}

#[test]
fn characters_beyond_ascii_are_typed_and_shown() {
    let mut shell = shell("unicode");
    shell.ask("length(\"grüße, 世界\").", "9", 2);
    shell.ask("io:format(\"~ts~n\", [lists:reverse(\"äöü\")]).", "üöä", 3);
    shell.ask(
        &format!("length(\"ä世\").{LEFT}{LEFT}{LEFT}{BACKSPACE}"),
        "1",
        4,
    );
}

#[test]
fn programs_read_from_the_terminal() {
    let mut shell = shell("input");
    shell.line("io:get_line(\"name? \").");
    shell.expect("\n");
    shell.expect("name? ");
    shell.line("joe");
    shell.expect("\"joe\\n\"");
    shell.prompt(2);
    shell.line("io:read(\"term: \").");
    shell.expect("\n");
    shell.expect("term: ");
    shell.line("{a, [1]}.");
    shell.expect("{ok,{a,[1]}}");
    shell.prompt(3);
}

#[test]
fn the_windows_size_is_known() {
    let mut shell = shell("window");
    shell.ask("io:columns().", "{ok,80}", 2);
    shell.ask("io:rows().", "{ok,24}", 3);
    shell.resize(120, 50);
    shell.ask("{io:columns(), io:rows()}.", "{{ok,120},{ok,50}}", 4);
}

#[test]
fn sigterm_ends_the_node_in_order() {
    let mut shell = shell("sigterm");
    let pid = i32::try_from(shell.pid())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the shell runs");
    shell.expect("SIGTERM received - shutting down");
    assert_eq!(shell.exit().code(), Some(0));
}
