//! Operating-system processes and descriptors behind ports.

use ports::drivers::fd::FdDriver;
use ports::drivers::spawn::SpawnDriver;
use ports::framing::Framing;
use ports::testing::{Bench, Upcall};
use ports::{CloseReason, Command, OpenOptions, OpenRequest, PortId, StartError};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;

/// The tests that count descriptors must not overlap the others.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> std::sync::MutexGuard<'static, ()> {
    ALONE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn spawn(line: &str, change: impl FnOnce(&mut OpenOptions)) -> OpenRequest {
    let mut request = OpenRequest::spawn(line);
    request.options.exit_status = true;
    change(&mut request.options);
    request
}

fn execute(file: &str, args: &[&str], arg0: Option<&str>) -> OpenRequest {
    let mut request = spawn("", |_| {});
    request.command = Command::SpawnExecutable {
        file: file.into(),
        args: args.iter().map(|&arg| arg.into()).collect(),
        arg0: arg0.map(Into::into),
    };
    request
}

fn run_to_end(bench: &mut Bench, port: PortId) -> (String, i32) {
    assert!(
        bench.run_until(|bench| !bench.is_open(port)),
        "{:?}",
        bench.log(port)
    );
    let output = String::from_utf8(bench.take_data(port)).unwrap();
    let log = bench.take_log(port);
    match log.as_slice() {
        [Upcall::ExitStatus(status), Upcall::Closed(CloseReason::Eof)] => (output, *status),
        other => panic!("{other:?}"),
    }
}

fn check(request: OpenRequest, output: &str, status: i32) {
    let mut bench = Bench::new();
    let port = bench.open(&SpawnDriver, &request).unwrap();
    assert!(bench.os_pid(port).is_some());
    assert_eq!(
        run_to_end(&mut bench, port),
        (output.to_owned(), status),
        "{request:?}"
    );
}

#[test]
fn output_and_status() {
    let _alone = alone();
    check(spawn("echo hello", |_| {}), "hello\n", 0);
    check(spawn("sh -c 'exit 7'", |_| {}), "", 7);
    check(spawn("sh -c 'kill -9 $$'", |_| {}), "", 137);
    check(
        spawn("nonexistent_program", |o| o.stderr_to_stdout = true),
        "sh: 1: exec: nonexistent_program: not found\n",
        127,
    );
    check(
        spawn("sh -c 'echo out; echo err >&2'", |o| {
            o.stderr_to_stdout = true
        }),
        "out\nerr\n",
        0,
    );
    check(execute("/bin/echo", &["a b", "c"], None), "a b c\n", 0);
    check(
        execute("/bin/sh", &["-c", "echo $0"], Some("name")),
        "/bin/sh\n".replace("/bin/sh", "name").as_str(),
        0,
    );
    check(execute("/tmp", &[], None), "", libc::EACCES);
}

#[test]
fn surroundings() {
    let _alone = alone();
    check(spawn("pwd", |o| o.cd = Some(b"/usr".to_vec())), "/usr\n", 0);
    let nowhere = |o: &mut OpenOptions| {
        o.cd = Some(b"/nowhere".to_vec());
        o.stderr_to_stdout = true;
    };
    check(
        spawn("pwd", nowhere),
        "spawn: Could not cd to /nowhere\r\n",
        libc::ENOENT,
    );
    let env = |o: &mut OpenOptions| {
        o.environment = Some(vec![
            (b"A".to_vec(), b"1".to_vec()),
            (b"B".to_vec(), b"2".to_vec()),
        ]);
        o.env = vec![(b"B".to_vec(), None), (b"C".to_vec(), Some(b"3".to_vec()))];
    };
    let mut printenv = execute("/usr/bin/env", &[], None);
    env(&mut printenv.options);
    check(printenv, "A=1\nC=3\n", 0);
    // A session of its own, and no descriptor but 0, 1 and 2 (and the one that looks).
    check(
        spawn("sh -c 'echo /proc/self/fd/*'", |_| {}),
        "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3\n"
            .trim_start_matches('\0'),
        0,
    );
    let three = |o: &mut OpenOptions| o.use_stdio = false;
    check(spawn("sh -c 'echo through 4 >&4'", three), "through 4\n", 0);
    // Nothing is blocked in it; what is ignored is ignored under the stock VM too.
    check(
        spawn("grep SigBlk /proc/self/status", |_| {}),
        "SigBlk:\t0000000000000000\n",
        0,
    );
}

#[test]
fn errors_of_opening() {
    let _alone = alone();
    let mut bench = Bench::new();
    for (file, error) in [("/nowhere", libc::ENOENT), ("/etc/passwd", libc::EACCES)] {
        let result = bench.open(&SpawnDriver, &execute(file, &[], None));
        assert_eq!(result, Err(StartError::Posix(error)), "{file}");
    }
    assert_eq!(
        bench.open(&SpawnDriver, &spawn("a\0b", |_| {})),
        Err(StartError::BadArg)
    );
}

#[test]
fn no_descriptors_left() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let _alone = alone();
    let mut bench = Bench::new();
    let before = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(3),
        ..before
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let result = bench.open(&SpawnDriver, &spawn("true", |_| {}));
    setrlimit(Resource::Nofile, before).unwrap();
    assert_eq!(result.unwrap_err().reason(), "emfile");
    check(spawn("true", |_| {}), "", 0);
}

#[test]
fn conversation_and_close() {
    let _alone = alone();
    let mut bench = Bench::new();
    let packets = |o: &mut OpenOptions| o.framing = Framing::packet(2).unwrap();
    let port = bench.open(&SpawnDriver, &spawn("cat", packets)).unwrap();
    assert_eq!(bench.request(port, "one").unwrap(), b"one");
    assert_eq!(
        bench.request(port, vec![7; 0xffff]).unwrap(),
        vec![7; 0xffff]
    );
    bench.close(port);
    assert!(!bench.is_open(port));
    // Much output to a slow reader: busy, then not; all of it arrives before the port is closed.
    let port = bench
        .open(
            &SpawnDriver,
            &spawn("sh -c 'sleep 0.1; wc -c >/dev/null; sleep 0.1'", |_| {}),
        )
        .unwrap();
    bench.command(port, vec![b'x'; 300_000]);
    assert_eq!(bench.take_log(port), [Upcall::Busy(true)]);
    bench.close(port);
    assert!(bench.run_until(|bench| !bench.is_open(port)));
    assert!(bench.log(port).contains(&Upcall::Busy(false)));
    // The reader is gone.
    let port = bench
        .open(&SpawnDriver, &spawn("sh -c 'exec <&-; sleep 5'", |_| {}))
        .unwrap();
    let broken = |bench: &mut Bench| {
        bench.command(port, "x");
        !bench.is_open(port)
    };
    assert!(bench.run_until(broken));
    assert!(
        bench
            .log(port)
            .contains(&Upcall::Closed(CloseReason::Posix(libc::EPIPE)))
    );
}

#[test]
fn thousands_leak_nothing() {
    let _alone = alone();
    let mut bench = Bench::new();
    let port = bench.open(&SpawnDriver, &spawn("true", |_| {})).unwrap();
    run_to_end(&mut bench, port);
    let before = descriptors();
    for _ in 0..60 {
        let ports: Vec<_> = (0..20)
            .map(|_| {
                bench
                    .open(&SpawnDriver, &execute("/bin/true", &[], None))
                    .unwrap()
            })
            .collect();
        for port in ports {
            run_to_end(&mut bench, port);
        }
    }
    // Closed while the process runs: it is still reaped.
    let port = bench
        .open(&SpawnDriver, &spawn("sleep 0.05", |_| {}))
        .unwrap();
    bench.close(port);
    assert!(bench.run_until(|_| descriptors() <= before && zombies() == 0));
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Children of this process that have ended and were not waited for.
fn zombies() -> usize {
    let me = format!(" Z {} ", std::process::id());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let states =
        processes.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    states.filter(|state| state.contains(&me)).count()
}

#[test]
fn descriptors_that_are_open_already() {
    let _alone = alone();
    let mut bench = Bench::new();
    let (near, mut far) = UnixStream::pair().unwrap();
    let fd = near.as_raw_fd();
    let mut request = spawn("", |o| o.framing = Framing::Line(80));
    request.command = Command::Fd {
        input: fd,
        output: fd,
    };
    let port = bench.open(&FdDriver, &request).unwrap();
    far.write_all(b"one\ntwo").unwrap();
    assert_eq!(bench.next_frame(port).unwrap(), b"one");
    bench.command(port, vec![b'x'; 1_000_000]);
    let reader = std::thread::spawn(move || {
        let mut all = vec![0; 1_000_000];
        far.read_exact(&mut all).unwrap();
        all.iter().all(|&byte| byte == b'x')
    });
    assert!(bench.run_until(|bench| !bench.is_open(port)));
    assert!(reader.join().unwrap());
    assert_eq!(bench.take_frames(port), [b"two"]);
    assert!(
        bench
            .log(port)
            .ends_with(&[Upcall::Closed(CloseReason::Eof)])
    );
    // Not a terminal: no window.
    assert!(bench.control(port, 0x018b_0900 + 100, b"").is_err());
    // The descriptor is still open.
    assert!(near.peer_addr().is_ok());
}

#[test]
fn reading_a_file() {
    let _alone = alone();
    let mut bench = Bench::new();
    let file = std::fs::File::open("/etc/passwd").unwrap();
    let mut request = spawn("", |o| o.write = false);
    request.command = Command::Fd {
        input: file.as_raw_fd(),
        output: 1,
    };
    let port = bench.open(&FdDriver, &request).unwrap();
    assert!(bench.run_until(|bench| !bench.is_open(port)));
    assert_eq!(bench.take_data(port), std::fs::read("/etc/passwd").unwrap());
}
