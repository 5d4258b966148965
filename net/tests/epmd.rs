//! The port mapper, compared with OTP's `epmd` where that is installed, and used by its programs.

use net::epmd::{Config, Epmd, Presence};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn config(relaxed: bool) -> Config {
    Config {
        port: 0,
        relaxed_command_check: relaxed,
        ..Config::default()
    }
}

fn start(config: &Config) -> (Epmd, u16) {
    match Epmd::start_if_absent(config).unwrap() {
        Presence::Started(epmd) => {
            let port = epmd.port().unwrap();
            (epmd, port)
        }
        Presence::Present => panic!("the port is free"),
    }
}

/// The installed program of a name.
fn installed(name: &str) -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/erlang").ok()?.flatten();
    let erts = folders.filter(|entry| entry.file_name().to_string_lossy().starts_with("erts-"));
    erts.map(|entry| entry.path().join("bin").join(name))
        .find(|path| path.exists())
}

/// The real program, in the foreground.
struct Real {
    child: Child,
    port: u16,
}

impl Real {
    fn start(relaxed: bool) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut command = Command::new(installed("epmd")?);
        command
            .args(["-port", &port.to_string()])
            .stderr(Stdio::null());
        if relaxed {
            command.arg("-relaxed_command_check");
        }
        let child = command.spawn().unwrap();
        eventually(|| TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(Self { child, port })
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn eventually(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "never came to hold"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

fn packet(request: &[u8]) -> Vec<u8> {
    [&(request.len() as u16).to_be_bytes(), request].concat()
}

/// Everything that is sent back until the connection is closed.
fn ask_raw(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(port);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => answer,
    }
}

fn ask(port: u16, request: &[u8]) -> Vec<u8> {
    ask_raw(port, &packet(request))
}

fn alive(name: &[u8], highest: u16, extra: &[u8]) -> Vec<u8> {
    let mut request = vec![b'x', 0x12, 0x34, 77, 0];
    request.extend(highest.to_be_bytes());
    request.extend(5u16.to_be_bytes());
    for field in [name, extra] {
        request.extend((field.len() as u16).to_be_bytes());
        request.extend_from_slice(field);
    }
    request
}

/// Registers: the connection and the answer.
fn register(port: u16, request: &[u8], len: usize) -> (TcpStream, Vec<u8>) {
    let mut stream = connect(port);
    stream.write_all(&packet(request)).unwrap();
    let mut answer = vec![0; len];
    stream.read_exact(&mut answer).unwrap();
    (stream, answer)
}

fn names(port: u16) -> String {
    String::from_utf8(ask(port, b"n")[4..].to_vec()).unwrap()
}

/// A conversation whose every answer must be the same from both.
fn conversation(port: u16) -> Vec<(String, Vec<u8>)> {
    let mut said = Vec::new();
    let mut say = |what: &str, answer: Vec<u8>| said.push((what.to_owned(), answer));
    let port_bytes = u32::from(port).to_be_bytes();
    let without_port = |answer: Vec<u8>| {
        answer
            .strip_prefix(&port_bytes)
            .expect("the port first")
            .to_vec()
    };

    say("nobody", without_port(ask(port, b"n")));
    say("unknown", ask(port, b"zone"));
    let (one, answer) = register(port, &alive(b"one", 6, b""), 6);
    say("one registers", answer[..2].to_vec());
    let creation = u32::from_be_bytes(answer[2..].try_into().unwrap());
    let (two, answer) = register(port, &alive("zwei·2".as_bytes(), 5, b"more"), 4);
    say("two registers", answer[..2].to_vec());
    assert!((1..=3).contains(&answer[3]));
    let (again, answer) = register(port, &alive(b"one", 6, b""), 6);
    say("taken", answer);
    let (again5, answer) = register(port, &alive(b"one", 5, b""), 4);
    say("taken, older", answer);
    say("names", without_port(ask(port, b"n")));
    for name in [
        &b"one"[..],
        b"one\0",
        "zwei·2".as_bytes(),
        b"on",
        b"one\0\0",
        b"",
        b"\xff",
        &[b'x'; 300],
    ] {
        say("look up", ask(port, &[b"z", name].concat()));
    }
    drop((again, again5));
    drop(one);
    eventually(|| names(port) == "name zwei·2 at port 4660\n");
    let (one, answer) = register(port, &alive(b"one", 6, b""), 6);
    let next = u32::from_be_bytes(answer[2..].try_into().unwrap());
    assert_eq!(next, creation + 1);
    // Data on a node's connection ends it.
    (&one).write_all(b"x").unwrap();
    eventually(|| names(port) == "name zwei·2 at port 4660\n");
    let dump = String::from_utf8(without_port(ask(port, b"d"))).unwrap();
    // Which descriptors there are is nobody's concern.
    let dump: Vec<_> = dump
        .split("fd = ")
        .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit()))
        .collect();
    let dump = dump.join("fd = ");
    say("dump", dump.into_bytes());
    say("kill", ask(port, b"k"));
    say("stop nobody", ask(port, b"snobody"));
    say("stop two", ask(port, "szwei·2".as_bytes()));
    say("names", without_port(ask(port, b"n")));
    // What is no request.
    for garbage in [
        &b"\0\0"[..],
        b"\xff\xff",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\0\x01nn",
        b"\0\x01n\0\x01n",
        b"\0\x03x\0\0",
        b"\0\x01?",
        b"\0\x01z",
        b"\0\x01s",
        b"\0\x0fx\0\0\0\0\0\0\0\0\0\xff\0\0\0\0",
        b"\0\x0fx\0\0M\0\0\x06\0\x05\0\x02a\0\0\0",
        b"\0\x0ex\0\0M\0\0\x06\0\x05\0\x01a\0\x09",
    ] {
        say(&format!("{garbage:?}"), ask_raw(port, garbage));
    }
    for name in [&[b'y'; 256][..], b"\xc3", &[b'y'; 1021]] {
        let (_stream, answer) = register(port, &alive(name, 6, b""), 6);
        say("bad name", answer);
    }
    let (long, answer) = register(port, &alive(&[b'y'; 255], 6, &[b'e'; 1020]), 6);
    say("long name", answer[..2].to_vec());
    say(
        "look up long",
        ask(port, &[b"z", &[b'y'; 255][..]].concat()),
    );
    say("names", without_port(ask(port, b"n")));
    drop((long, two));
    eventually(|| names(port).is_empty());
    say("kill", ask(port, b"k"));
    said
}

#[test]
fn same_as_the_real_one() {
    for relaxed in [false, true] {
        let (epmd, port) = start(&config(relaxed));
        let ours = if relaxed {
            relaxed_conversation(port)
        } else {
            conversation(port)
        };
        // Killed by the last request.
        eventually(|| !epmd.is_running());
        assert_eq!(epmd.port(), None);
        let Some(real) = Real::start(relaxed) else {
            println!("epmd is not installed");
            continue;
        };
        let theirs = if relaxed {
            relaxed_conversation(real.port)
        } else {
            conversation(real.port)
        };
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs);
        }
    }
}

fn relaxed_conversation(port: u16) -> Vec<(String, Vec<u8>)> {
    let mut said = Vec::new();
    let (mut one, _) = register(port, &alive(b"one", 6, b""), 6);
    said.push(("stop nobody".into(), ask(port, b"snobody")));
    said.push(("stop one".into(), ask(port, b"sone\0rest")));
    said.push((
        "its connection".into(),
        one.read(&mut [0; 1]).map_or(vec![1], |n| vec![n as u8]),
    ));
    let (_two, _) = register(port, &alive(b"two", 6, b""), 6);
    said.push(("kill".into(), ask(port, b"k")));
    said
}

#[test]
fn requests_cut_anywhere() {
    let (_epmd, port) = start(&config(false));
    let mut stream = connect(port);
    for byte in packet(&alive(b"slow", 6, b"x")) {
        stream.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer[..2], *b"v\0");
    assert_eq!(names(port), "name slow at port 4660\n");
}

#[test]
fn silence_floods_and_scans_disturb_nobody() {
    let limits = Config {
        connections: 20,
        packet_timeout: Duration::from_millis(200),
        ..config(false)
    };
    let (_epmd, port) = start(&limits);
    let (_node, _) = register(port, &alive(b"steady", 6, b""), 6);
    // More half-open connections than there is room for; each new one is served all the same.
    let half: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = connect(port);
            stream.write_all(b"\0").unwrap();
            stream
        })
        .collect();
    assert_eq!(names(port), "name steady at port 4660\n");
    // They are closed after their time.
    for mut stream in half {
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    }
    // Connections that are reset at once.
    for _ in 0..300 {
        drop(TcpStream::connect(("127.0.0.1", port)));
    }
    assert_eq!(names(port), "name steady at port 4660\n");
}

#[test]
fn one_stands_by() {
    let (first, port) = start(&config(false));
    let same_port = Config {
        port,
        ..config(false)
    };
    assert!(matches!(
        Epmd::start_if_absent(&same_port),
        Ok(Presence::Present)
    ));
    let second = Epmd::start_or_stand_by(&same_port).unwrap();
    assert_eq!(second.port(), None);
    drop(first);
    eventually(|| second.port() == Some(port));
    assert_eq!(names(port), "");
    // Standing by can be ended too.
    drop(Epmd::start_or_stand_by(&same_port).unwrap());
}

#[test]
fn stock_programs_use_it() {
    let Some(program) = installed("epmd") else {
        return;
    };
    let (_epmd, port) = start(&config(false));
    let list = || {
        let output = Command::new(&program)
            .args(["-port", &port.to_string(), "-names"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        list(),
        format!("epmd: up and running on port {port} with data:\n")
    );
    let mut node = Command::new("erl")
        .args(["-noinput", "-sname", "stock_node", "-start_epmd", "false"])
        .env("ERL_EPMD_PORT", port.to_string())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    eventually(|| list().contains("name stock_node at port "));
    node.kill().unwrap();
    node.wait().unwrap();
    eventually(|| !list().contains("stock_node"));
}
