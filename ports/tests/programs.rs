//! The in-thread programs, compared with OTP's C programs where those are installed.
//!
//! One bench drives both: the real program behind the `spawn` driver, the other by its factory.

use ports::drivers::spawn::SpawnDriver;
use ports::framing::Framing;
use ports::programs::cpu_sup::CpuSup;
use ports::programs::disksup::Disksup;
use ports::programs::heart::{Heart, Node};
use ports::programs::inet_gethost::InetGethost;
use ports::programs::memsup::Memsup;
use ports::testing::{Bench, Upcall};
use ports::{CloseReason, DriverFactory, OpenRequest, PortId};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The installed program of a name.
fn installed(pattern: &str) -> Option<PathBuf> {
    let (folder, rest) = pattern.split_once("-*/").expect("a pattern of this kind");
    let (parent, prefix) = folder.rsplit_once('/').expect("an absolute path");
    let mut found: Vec<_> = std::fs::read_dir(parent)
        .ok()?
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(&format!("{prefix}-"))
        })
        .map(|entry| entry.path().join(rest))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop()
}

/// The in-thread program and, if it is installed, the real one, each on a port.
struct Pair {
    bench: Bench,
    ours: PortId,
    real: Option<PortId>,
}

impl Pair {
    fn open(ours: &dyn DriverFactory, pattern: &str, arguments: &str, framing: Framing) -> Self {
        let mut bench = Bench::new();
        let path = installed(pattern);
        let name = path
            .as_ref()
            .map_or_else(|| pattern.to_owned(), |path| path.display().to_string());
        let mut request = OpenRequest::spawn(format!("\"{name}\" {arguments}"));
        request.options.framing = framing;
        request.options.exit_status = true;
        request.options.environment =
            Some(vec![(b"HEART_COMMAND".to_vec(), b"echo again".to_vec())]);
        let ours = bench.open(ours, &request).expect("ours starts");
        let real = path.map(|_| {
            bench
                .open(&SpawnDriver, &request)
                .expect("the real one starts")
        });
        if real.is_none() {
            println!("{pattern} is not installed");
        }
        Self { bench, ours, real }
    }

    /// What both answer, in so many messages.
    fn ask(&mut self, request: &[u8], answers: usize) -> (Vec<Vec<u8>>, Option<Vec<Vec<u8>>>) {
        let bench = &mut self.bench;
        let mut ask = |port: PortId| {
            bench.command(port, request);
            (0..answers)
                .map(|_| bench.next_frame(port).expect("an answer"))
                .collect()
        };
        let ours = ask(self.ours);
        (ours, self.real.map(ask))
    }

    /// Both answer the same.
    fn same(&mut self, request: &[u8], answers: usize) -> Vec<Vec<u8>> {
        let (ours, real) = self.ask(request, answers);
        if let Some(real) = real {
            assert_eq!(ours, real, "{request:?}");
        }
        ours
    }

    /// Both do the same when told this, and end, with this status.
    fn both_end(mut self, request: &[u8], status: i32) {
        for port in [Some(self.ours), self.real].into_iter().flatten() {
            self.bench.command(port, request);
            assert!(self.bench.run_until(|bench| !bench.is_open(port)));
            let end = [Upcall::ExitStatus(status), Upcall::Closed(CloseReason::Eof)];
            assert_eq!(self.bench.take_log(port), end);
        }
    }
}

const MEMSUP: &str = "/usr/lib/erlang/lib/os_mon-*/priv/bin/memsup";
const CPU_SUP: &str = "/usr/lib/erlang/lib/os_mon-*/priv/bin/cpu_sup";
const GETHOST: &str = "/usr/lib/erlang/erts-*/bin/inet_gethost";
const HEART: &str = "/usr/lib/erlang/erts-*/bin/heart";

fn hexadecimal(bytes: &[u8]) -> u64 {
    u64::from_str_radix(std::str::from_utf8(bytes).unwrap(), 16).unwrap()
}

/// Two readings of something that changes all the time.
fn near(a: u64, b: u64) -> bool {
    a.abs_diff(b) <= a.max(b) / 4 + (64 << 20)
}

#[test]
fn memory() {
    let mut pair = Pair::open(&Memsup, MEMSUP, "", Framing::packet(1).unwrap());
    let (ours, real) = pair.ask(&[1], 2);
    let real = real.unwrap_or_else(|| ours.clone());
    assert!(near(hexadecimal(&ours[0]), hexadecimal(&real[0])));
    assert_eq!(ours[1], real[1], "all of it");
    // Every pair of tag and value, and the end.
    let mut frames = Vec::new();
    for port in [Some(pair.ours), pair.real].into_iter().flatten() {
        pair.bench.command(port, [2]);
        let mut all = Vec::new();
        while all.last() != Some(&vec![0u8]) {
            all.push(pair.bench.next_frame(port).unwrap());
        }
        frames.push(all);
    }
    let (ours, real) = (&frames[0], frames.last().unwrap());
    assert_eq!(ours.len(), real.len());
    assert!(ours.len() >= 9);
    for (at, (a, b)) in ours.iter().zip(real).enumerate() {
        if at % 2 == 0 {
            assert_eq!(a, b, "the tag");
        } else {
            assert!(near(hexadecimal(a), hexadecimal(b)), "{a:?} {b:?}");
        }
    }
    // Unknown commands have no answer.
    pair.bench.command(pair.ours, [9]);
    assert!(pair.bench.take_data(pair.ours).is_empty());
    pair.both_end(b"\x01\x01", 0);
}

#[test]
fn memory_over_a_raw_stream() {
    let mut pair = Pair::open(&Memsup, MEMSUP, "", Framing::Stream);
    for port in [Some(pair.ours), pair.real].into_iter().flatten() {
        pair.bench.command(port, [1]);
        pair.bench.command(port, [1]);
        let answered = |bench: &mut Bench| {
            let data: Vec<u8> = bench.log(port).iter().flat_map(frame_bytes).collect();
            let first = usize::from(*data.first().unwrap_or(&0));
            data.len() > first + 1 && data.len() == first + 2 + usize::from(data[first + 1])
        };
        assert!(pair.bench.run_until(answered));
    }
}

fn frame_bytes(upcall: &Upcall) -> Vec<u8> {
    match upcall {
        Upcall::Data(header, ports::framing::Frame::Data(data)) => {
            [header.as_slice(), data].concat()
        }
        _ => Vec::new(),
    }
}

#[test]
fn processors() {
    let mut pair = Pair::open(&CpuSup, CPU_SUP, "", Framing::Stream);
    assert_eq!(pair.same(b"p", 1), [4711u32.to_be_bytes()]);
    for (command, most) in [
        (b"n", 100_000),
        (b"1", 1 << 20),
        (b"5", 1 << 20),
        (b"f", 1 << 20),
    ] {
        let (ours, real) = pair.ask(command, 1);
        let value = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
        let ours = value(&ours[0]);
        assert!(ours < most);
        if let Some(real) = real {
            assert!(
                ours.abs_diff(value(&real[0])) <= ours / 4 + 64,
                "{command:?}"
            );
        }
    }
    let (ours, real) = pair.ask(b"u", 1);
    let numbers = |bytes: &[u8]| -> Vec<u32> {
        bytes
            .chunks(4)
            .map(|chunk| u32::from_be_bytes(chunk.try_into().unwrap()))
            .collect()
    };
    let ours = numbers(&ours[0]);
    assert_eq!(ours.len(), 2 + 2 * (ours[0] * ours[1]) as usize);
    if let Some(real) = real {
        let real = numbers(&real[0]);
        assert_eq!(ours.len(), real.len());
        for at in 0..ours.len() {
            let exact = at < 2 || at % 2 == 0;
            let close = ours[at].abs_diff(real[at]) < 2000;
            assert!(
                if exact { ours[at] == real[at] } else { close },
                "number {at}"
            );
        }
    }
    pair.both_end(b"q", 0);
    Pair::open(&CpuSup, CPU_SUP, "", Framing::Stream).both_end(b"?", 255);
}

#[test]
fn names_and_addresses() {
    let mut pair = Pair::open(&InetGethost, GETHOST, "4", Framing::packet(4).unwrap());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let mut serial = 0u32;
    let mut request = |rest: &[u8]| {
        serial += 1;
        [&serial.to_be_bytes(), rest].concat()
    };
    for name in [
        "localhost",
        "127.0.0.1",
        "::1",
        host.trim(),
        "ip6-localhost",
        "name.invalid",
        "",
        "a b",
        "1.2.3",
    ] {
        for protocol in [1, 2] {
            let answer = pair.same(
                &request(&[&[1, protocol], name.as_bytes(), &[0]].concat()),
                1,
            );
            assert!(answer[0].len() > 5);
        }
    }
    let mut loopback = [0; 16];
    loopback[15] = 1;
    pair.same(&request(&[2, 1, 127, 0, 0, 1]), 1);
    pair.same(&request(&[2, 1, 192, 0, 2, 1]), 1);
    pair.same(&request(&[&[2, 2], &loopback[..]].concat()), 1);
    pair.same(
        &request(&[&[2, 2, 0x20, 1, 0x0d, 0xb8], &loopback[4..]].concat()),
        1,
    );
    // Discarded by both, and both go on.
    for discarded in [
        &[9, 1, b'a', 0][..],
        &[1, 3, b'a', 0],
        &[1, 1, b'a'],
        &[2, 1, 1, 2, 3],
        &[3],
    ] {
        for port in [Some(pair.ours), pair.real].into_iter().flatten() {
            pair.bench.command(port, request(discarded));
        }
    }
    let control = [&u32::MAX.to_be_bytes()[..], &[4, 0, 0, 0, 0, 0]].concat();
    for port in [Some(pair.ours), pair.real].into_iter().flatten() {
        pair.bench.command(port, control.clone());
    }
    pair.same(&request(b"\x01\x01localhost\0"), 1);
    pair.both_end(b"\0\0\0\x01", 1);
}

#[test]
fn many_names_at_once() {
    let mut pair = Pair::open(&InetGethost, GETHOST, "2", Framing::packet(4).unwrap());
    let port = pair.ours;
    for serial in 0..100u32 {
        pair.bench.command(
            port,
            [&serial.to_be_bytes()[..], b"\x01\x01localhost\0"].concat(),
        );
    }
    // Those that are cancelled are not answered, unless they were already.
    for serial in 50..60u32 {
        pair.bench
            .command(port, [&serial.to_be_bytes()[..], b"\x03"].concat());
    }
    let mut serials = Vec::new();
    while serials.len() < 90 {
        let answer = pair.bench.next_frame(port).unwrap();
        serials.push(u32::from_be_bytes(answer[..4].try_into().unwrap()));
    }
    serials.retain(|serial| !(50..60).contains(serial));
    serials.sort_unstable();
    serials.dedup();
    assert_eq!(serials.len(), 90);
}

#[test]
fn file_systems() {
    let request = OpenRequest::spawn("sh -s disksup 2>&1");
    let mut bench = Bench::new();
    let ports = [
        bench.open(&Disksup, &request).unwrap(),
        bench.open(&SpawnDriver, &request).unwrap(),
    ];
    let mut answers = Vec::new();
    for port in ports {
        // In two parts: the shell reads lines.
        bench.command(port, "(df -lk -x squa");
        bench.command(port, "shfs\n) </dev/null; echo  \"\r\"\n\n");
        let mut text = Vec::new();
        while !text.ends_with(b"\r\n") {
            text.extend(bench.next_frame(port).unwrap());
        }
        answers.push(String::from_utf8(text).unwrap());
    }
    // The space in use changes between the two: compare all but the numbers, and the header's columns.
    let shape = |text: &str| -> Vec<(String, String, String)> {
        text.lines()
            .map(|line| {
                let words: Vec<_> = line.split_whitespace().collect();
                let word = |at: usize| words.get(at).copied().unwrap_or_default().to_owned();
                (
                    word(0),
                    word(1),
                    words.get(5..).unwrap_or_default().join(" "),
                )
            })
            .collect()
    };
    assert_eq!(shape(&answers[0]), shape(&answers[1]));
    let width = |text: &str| text.lines().next().map(str::len);
    assert_eq!(width(&answers[0]), width(&answers[1]), "{answers:#?}");
}

/// A node whose clock a test sets.
#[derive(Default)]
struct FakeNode {
    now: Mutex<Duration>,
    done: Mutex<Vec<(Option<i32>, Vec<u8>)>>,
}

impl Node for FakeNode {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }
    fn wait_for_end(&self, _: Duration) {}
    fn restart(&self, kill: Option<i32>, _: Duration, command: &[u8]) {
        self.done.lock().unwrap().push((kill, command.to_vec()));
    }
}

impl FakeNode {
    fn heart(self: &Arc<Self>) -> Heart {
        Heart::watching(self.clone(), Duration::from_millis(1))
    }
    fn advance(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
    }
    fn done(&self) -> Vec<(Option<i32>, Vec<u8>)> {
        self.done.lock().unwrap().clone()
    }
}

#[test]
fn heart_commands() {
    let node = Arc::new(FakeNode::default());
    let mut pair = Pair::open(&node.heart(), HEART, "", Framing::packet(2).unwrap());
    for port in [Some(pair.ours), pair.real].into_iter().flatten() {
        assert_eq!(pair.bench.next_frame(port).unwrap(), [1]);
    }
    assert_eq!(pair.same(&[6], 1), [b"\x07echo again"]);
    assert_eq!(pair.same(b"\x04restart me", 1), [[1]]);
    assert_eq!(pair.same(&[6], 1), [b"\x07restart me"]);
    assert_eq!(pair.same(b"\x04cut\0here", 1), [[1]]);
    assert_eq!(pair.same(&[6], 1), [b"\x07cut"]);
    assert_eq!(pair.same(&[4], 1), [[1]]);
    assert_eq!(pair.same(&[6], 1), [b"\x07echo again"]);
    let long = [&[4][..], &[b'x'; 2046]].concat();
    assert_eq!(pair.same(&long, 1), [[1]]);
    assert_eq!(pair.same(&[6], 1)[0].len(), 2047);
    assert_eq!(pair.same(&[5], 1), [[1]]);
    for ignored in [&[][..], &[99], &[2], &[6; 3000]] {
        for port in [Some(pair.ours), pair.real].into_iter().flatten() {
            pair.bench.command(port, ignored);
        }
    }
    assert_eq!(pair.same(&[6], 1), [b"\x07echo again"]);
    pair.both_end(&[3], 0);
    assert_eq!(node.done(), []);
}

fn lone_heart(node: &Arc<FakeNode>, arguments: &str, env: &[(&str, &str)]) -> (Bench, PortId) {
    let mut bench = Bench::new();
    let mut request = OpenRequest::spawn(format!("heart {arguments}"));
    request.options.framing = Framing::packet(2).unwrap();
    request.options.exit_status = true;
    let env = env
        .iter()
        .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    request.options.environment = Some(env.collect());
    let port = bench.open(&node.heart(), &request).unwrap();
    assert_eq!(bench.next_frame(port).unwrap(), [1]);
    (bench, port)
}

#[test]
fn heart_restarts_a_silent_node() {
    let node = Arc::new(FakeNode::default());
    let command = [("HEART_COMMAND", "again")];
    let (mut bench, port) = lone_heart(&node, "-pid 77 -ht 20", &command);
    for _ in 0..3 {
        node.advance(15);
        bench.command(port, [2]);
        bench.run_for(Duration::from_millis(5));
    }
    assert!(bench.is_open(port));
    node.advance(21);
    assert!(bench.run_until(|bench| !bench.is_open(port)));
    assert_eq!(node.done(), [(Some(libc::SIGKILL), b"again".to_vec())]);
    assert_eq!(bench.take_log(port)[0], Upcall::ExitStatus(0));
}

#[test]
fn heart_when_its_node_closes_or_crashes() {
    // Closed without a word.
    let node = Arc::new(FakeNode::default());
    let env = [("HEART_COMMAND", "again"), ("HEART_KILL_SIGNAL", "SIGABRT")];
    let (mut bench, port) = lone_heart(&node, "-pid 77", &env);
    bench.close(port);
    wait_for(|| node.done() == [(Some(libc::SIGABRT), b"again".to_vec())]);
    // No command: nothing is done.
    let node = Arc::new(FakeNode::default());
    let (mut bench, port) = lone_heart(&node, "-pid 77", &[]);
    node.advance(100);
    assert!(bench.run_until(|bench| !bench.is_open(port)));
    assert_eq!(node.done(), []);
    // A crash: the dump may be written first.
    let node = Arc::new(FakeNode::default());
    let env = [
        ("HEART_COMMAND", "again"),
        ("ERL_CRASH_DUMP_SECONDS", "-1"),
        ("HEART_NO_KILL", "TRUE"),
    ];
    let (mut bench, port) = lone_heart(&node, "-pid 77", &env);
    bench.command(port, [8]);
    bench.run_for(Duration::from_millis(20));
    assert_eq!(node.done(), []);
    bench.close(port);
    wait_for(|| node.done() == [(None, b"again".to_vec())]);
}

fn wait_for(mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(2));
    }
}
