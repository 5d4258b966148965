//! The terminal driver in a pseudo-terminal, compared with the stock VM's where that is installed.
//!
//! Without the test harness, because the driver wants a terminal as standard input and output: the
//! program starts itself in one.

use ports::drivers::tty::TtyDriver;
use ports::testing::{Bench, Upcall};
use ports::{CloseReason, OpenRequest, StartError, TermSpec};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ROLE: &str = "LINTEL_TTY_TEST";
const PUTC: u8 = 0;
const MOVE: u8 = 1;
const INSC: u8 = 2;
const DELC: u8 = 3;
const MAGIC: u32 = 0x018b_0900;

fn main() {
    match std::env::var(ROLE) {
        Ok(role) if role == "keys" => echo_keys(),
        Ok(script) => run_script(&script),
        Err(_) => {
            without_a_terminal();
            keys_sizes_and_modes();
            restores_after_a_panic();
            same_as_the_stock_vm();
            println!("tty: all passed");
        }
    }
}

fn request() -> OpenRequest {
    OpenRequest::spawn("tty_sl -c -e")
}

/// In the terminal: runs commands, in hexadecimal.
fn run_script(script: &str) {
    let mut bench = Bench::new();
    let port = bench.open(&TtyDriver, &request()).expect("in a terminal");
    for command in script.split(',') {
        bench.command(port, unhex(command));
        bench.run_for(Duration::from_micros(200));
    }
    bench.close(port);
    assert!(bench.run_until(|bench| !bench.is_open(port)));
}

/// In the terminal: shows every input in hexadecimal until `q`, then `s`hows the state, or panics.
fn echo_keys() {
    let mut bench = Bench::new();
    let port = bench.open(&TtyDriver, &request()).expect("in a terminal");
    assert_eq!(
        bench.open(&TtyDriver, &request()).err(),
        Some(StartError::General),
        "one terminal"
    );
    bench.command(port, *b"\x05ready\n");
    assert!(bench.run_until(|bench| {
        let ok = TermSpec::Tuple(vec![TermSpec::Port, TermSpec::atom("ok")]);
        bench.log(port).contains(&Upcall::Term(ok))
    }));
    while let Some(keys) = bench.next_frame(port) {
        match keys.as_slice() {
            b"q" => break,
            b"p" => panic!("as asked"),
            b"s" => {
                let size = bench.control(port, MAGIC + 100, b"").unwrap();
                let unicode = bench.control(port, MAGIC + 101, b"").unwrap();
                let old = bench.control(port, MAGIC + 102, &[1]).unwrap();
                assert!(bench.control(port, MAGIC + 99, b"").is_err());
                let text = format!("\0size {size:?} {unicode:?} {old:?}\n");
                bench.command(port, text);
            }
            keys => bench.command(port, format!("\0{}\n", hex(keys))),
        }
    }
    bench.close(port);
}

fn without_a_terminal() {
    let mut bench = Bench::new();
    // Standard input of a test run may be a terminal; then this one cannot be had.
    if !rustix::termios::isatty(std::io::stdin()) || !rustix::termios::isatty(std::io::stdout()) {
        let error = bench.open(&TtyDriver, &request()).unwrap_err();
        assert_eq!(error.reason(), "einval");
    }
}

/// A program in a pseudo-terminal.
struct Terminal {
    master: File,
    slave: File,
    child: Child,
    seen: Vec<u8>,
}

impl Terminal {
    fn start(mut command: Command, term: &str, locale: &str, columns: u16) -> Self {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let name = std::ffi::OsString::from_vec(name.into_bytes());
        let slave = File::options().read(true).write(true).open(name).unwrap();
        resize(&slave, columns);
        command
            .stdin(Stdio::from(slave.try_clone().unwrap()))
            .stdout(Stdio::from(slave.try_clone().unwrap()))
            .env("TERM", term)
            .env("LC_ALL", locale)
            .env_remove("COLUMNS");
        let child = command.spawn().unwrap();
        Self {
            master: File::from(master),
            slave,
            child,
            seen: Vec::new(),
        }
    }

    fn myself(role: &str, term: &str, locale: &str, columns: u16) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(ROLE, role);
        Self::start(command, term, locale, columns)
    }

    fn type_keys(&mut self, keys: &[u8]) {
        self.master.write_all(keys).unwrap();
    }

    /// Reads until some text was shown.
    fn expect(&mut self, text: &str) {
        let mut byte = [0; 1];
        while !self.seen.ends_with(text.as_bytes()) {
            match self.master.read(&mut byte) {
                Ok(1..) => self.seen.push(byte[0]),
                _ => panic!(
                    "{text:?} expected, {:?} seen",
                    String::from_utf8_lossy(&self.seen)
                ),
            }
        }
        self.seen.clear();
    }

    /// Everything it shows until it ends, and whether it ended well.
    fn finish(mut self) -> (Vec<u8>, bool) {
        drop(self.slave);
        let mut all = Vec::new();
        // The end of a terminal's last user is an error on this side.
        let _ = self.master.read_to_end(&mut all);
        (all, self.child.wait().unwrap().success())
    }

    fn is_raw(&self) -> bool {
        let modes = tcgetattr(&self.slave).unwrap().local_modes;
        assert_eq!(
            modes.contains(LocalModes::ECHO),
            modes.contains(LocalModes::ICANON)
        );
        !modes.contains(LocalModes::ICANON)
    }
}

fn resize(slave: &File, columns: u16) {
    let size = Winsize {
        ws_row: 25,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(slave, size).unwrap();
}

fn keys_sizes_and_modes() {
    let mut terminal = Terminal::myself("keys", "xterm", "C.UTF-8", 40);
    terminal.expect("ready\r\n");
    assert!(terminal.is_raw());
    terminal.type_keys(b"a");
    terminal.expect("61\r\n");
    terminal.type_keys(b"\x07");
    terminal.expect("07\r\n");
    // A character cut in the middle waits for its end.
    terminal.type_keys(&"€".as_bytes()[..2]);
    std::thread::sleep(Duration::from_millis(30));
    terminal.type_keys(&"€".as_bytes()[2..]);
    terminal.expect("e282ac\r\n");
    terminal.type_keys(b"s");
    let size = format!(
        "size {:?} b\"\\x01\" b\"\\x01\"\r\n",
        bytes::Bytes::from([40u32.to_ne_bytes(), 25u32.to_ne_bytes()].concat())
    );
    terminal.expect_wrapped(&size);
    // The window shrinks: lines wrap earlier.
    resize(&terminal.slave, 4);
    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::WINCH).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    terminal.type_keys(b"bcd\x01");
    terminal.expect("62636401\r\n");
    terminal.type_keys(b"q");
    wait_for(|| !terminal.is_raw());
    assert!(terminal.finish().1);
    // What is not UTF-8 is taken for Latin-1 from then on.
    let mut terminal = Terminal::myself("keys", "xterm", "C.UTF-8", 40);
    terminal.expect("ready\r\n");
    terminal.type_keys(b"x\xe5yz");
    terminal.expect("78c3a5797a\r\n");
    terminal.type_keys("å".as_bytes());
    terminal.expect("c383c2a5\r\n");
    terminal.type_keys(b"q");
    assert!(terminal.finish().1);
}

impl Terminal {
    /// As `expect`, for text that may be wrapped at the window's width.
    fn expect_wrapped(&mut self, text: &str) {
        let mut byte = [0; 1];
        let plain = |seen: &[u8]| String::from_utf8_lossy(seen).replace(" \x08", "");
        while !plain(&self.seen).ends_with(text) {
            match self.master.read(&mut byte) {
                Ok(1..) => self.seen.push(byte[0]),
                _ => panic!("{text:?} expected, {:?} seen", plain(&self.seen)),
            }
        }
        self.seen.clear();
    }
}

fn wait_for(mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never came to hold");
}

fn restores_after_a_panic() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ROLE, "keys").stderr(Stdio::null());
    let mut terminal = Terminal::start(command, "xterm", "C.UTF-8", 40);
    terminal.expect("ready\r\n");
    assert!(terminal.is_raw());
    terminal.type_keys(b"p");
    wait_for(|| terminal.child.try_wait().unwrap().is_some());
    assert!(!terminal.is_raw());
    let _ = CloseReason::Eof;
}

/// Pseudo-random editing, shown by both.
fn same_as_the_stock_vm() {
    if Command::new("erl")
        .arg("-version")
        .stderr(Stdio::null())
        .status()
        .is_err()
    {
        println!("tty: no stock VM to compare with");
        return;
    }
    for (term, locale, columns, seed) in [
        ("xterm", "C.UTF-8", 20, 1),
        ("screen", "C.UTF-8", 7, 2),
        ("xterm", "C", 20, 3),
        ("ansi", "C.UTF-8", 13, 4),
        ("linux", "C.UTF-8", 300, 5),
        ("vt52", "C.UTF-8", 9, 6),
    ] {
        let script = random_script(seed);
        let hex: Vec<_> = script.iter().map(|command| hex(command)).collect();
        let list = hex
            .iter()
            .map(|h| format!("16#1{h}"))
            .collect::<Vec<_>>()
            .join(",");
        let program = format!(
            "P = open_port({{spawn_driver, \"tty_sl -c -e\"}}, []), \
             [begin <<_:4, B/bitstring>> = <<H:(4*length(integer_to_list(H,16)))>>, port_command(P, B) end \
             || H <- [{list}]], port_close(P), halt()."
        );
        let mut erl = Command::new("erl");
        erl.args([
            "-noinput",
            "-noshell",
            "-boot",
            "start_clean",
            "-eval",
            &program,
        ]);
        let (stock, ok) = Terminal::start(erl, term, locale, columns).finish();
        assert!(
            ok,
            "the stock VM ran the script: {}",
            String::from_utf8_lossy(&stock)
        );
        let (ours, ok) = Terminal::myself(&hex.join(","), term, locale, columns).finish();
        assert!(ok);
        compare(&stock, &ours, &format!("{term} {locale} {columns}"));
    }
}

fn compare(stock: &[u8], ours: &[u8], what: &str) {
    if stock != ours {
        let at = stock.iter().zip(ours).take_while(|(a, b)| a == b).count();
        let show = |bytes: &[u8]| {
            let from = at.saturating_sub(40);
            bytes[from..bytes.len().min(at + 40)]
                .escape_ascii()
                .to_string()
        };
        panic!(
            "{what}: differ at {at} of {}:\nstock {}\nours  {}",
            stock.len(),
            show(stock),
            show(ours)
        );
    }
}

fn random_script(seed: u64) -> Vec<Vec<u8>> {
    const TEXTS: [&str; 12] = [
        "a",
        "hello",
        "foo(bar, baz).",
        "\t",
        "x\ty",
        "\u{1}",
        "\u{7f}",
        "é",
        "€uro",
        "漢字",
        "\u{1b}[31mred\u{1b}[0m",
        "e\u{301}",
    ];
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut script = Vec::new();
    for _ in 0..400 {
        let text = TEXTS[random(TEXTS.len() as u64) as usize].as_bytes();
        let count = (random(21) as i16 - 10).to_be_bytes();
        let command = match random(12) {
            0..3 => [&[PUTC], text].concat(),
            3..6 => [&[INSC], text].concat(),
            6..8 => [&[MOVE][..], &count].concat(),
            8..10 => [&[DELC][..], &count].concat(),
            10 => vec![4],
            _ => {
                script.push(vec![MOVE, 0x7f, 0xff]);
                vec![PUTC, b'\n']
            }
        };
        script.push(command);
    }
    script
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}
