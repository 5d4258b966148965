//! Several schedulers at work: rings of processes that pass numbers round, processes that wait with a time
//! limit, and long work beside them. What a process does is told by the function it was spawned to run.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use scheduler::{Config, dirty};
use vm::atom::{Atom, well_known as w};
use vm::heap::OwnedTerm;
use vm::process::spawn::{Options, spawn};
use vm::process::{Outcome, Process, Runner, signal, table};
use vm::term::{Pid, Term};

/// Where the tests are told of ends.
static TOLD: OnceLock<Mutex<Sender<&'static str>>> = OnceLock::new();
static TURNS: AtomicUsize = AtomicUsize::new(0);

fn tell(what: &'static str) {
    let told = TOLD.get().expect("set before anything runs");
    let _ = told.lock().expect("free").send(what);
}

struct Script;

fn ends() -> Outcome {
    Outcome::Exited {
        reason: Term::atom(w::NORMAL).word(),
        crashed: false,
    }
}

// SAFETY: the reason is an atom.
unsafe impl Runner for Script {
    fn run(&mut self, process: &mut Process) -> Outcome {
        TURNS.fetch_add(1, Ordering::Relaxed);
        match process.initial_call().function.name() {
            "member" => member(process),
            "sleeper" => {
                if process.dictionary_put(Term::OK, Term::OK).is_none() {
                    return Outcome::Waiting(Some(20));
                }
                tell("woken");
                ends()
            }
            _ => ends(),
        }
    }
}

/// Passes a number on to the next of the ring, one less; 0 ends the ring.
fn member(process: &mut Process) -> Outcome {
    while process.peek_message().is_some() {
        let messages = process.messages();
        let number = messages[0].as_small().expect("a number");
        let next = process.dictionary_get(Term::OK).and_then(Term::as_pid);
        process.accept_message();
        let next = next.expect("the ring was closed before anything was sent");
        let left = Term::int(number.max(1) as i32 - 1);
        if number > 0 {
            signal::send_message(next, OwnedTerm::immediate(left));
        } else {
            tell("round");
        }
    }
    Outcome::Waiting(None)
}

fn start(function: &'static str) -> Pid {
    let function = Atom::from_static(function);
    let spawned = spawn(None, w::ERLANG, function, Term::NIL, Options::new());
    spawned.expect("room for a process").start()
}

fn ring(size: usize, rounds: i32) -> Vec<Pid> {
    let members: Vec<Pid> = (0..size).map(|_| start("member")).collect();
    for (at, &member) in members.iter().enumerate() {
        let next = members[(at + 1) % size];
        signal::rpc(member, move |process| {
            let process = process.expect("a member lives");
            process.dictionary_put(Term::OK, Term::pid(next));
        });
    }
    let number = Term::int(rounds * size as i32);
    signal::send_message(members[0], OwnedTerm::immediate(number));
    members
}

#[test]
fn processes_get_on_with_many_schedulers() {
    let (sender, told) = channel();
    assert!(TOLD.set(Mutex::new(sender)).is_ok());
    assert!(scheduler::start(&Config {
        workers: 4,
        online: 4,
        runner: || Box::new(Script),
    }));
    let wait = |what: &str| {
        let heard = told.recv_timeout(Duration::from_secs(60));
        assert_eq!(heard, Ok(what));
    };

    let rings: Vec<_> = (0..16).map(|_| ring(50, 40)).collect();
    rings.iter().for_each(|_| wait("round"));
    assert!(TURNS.load(Ordering::Relaxed) >= 16 * 50);

    // Fewer schedulers, and more again, while work goes on.
    assert_eq!(scheduler::limits::set_online(1), Some(4));
    let more: Vec<_> = (0..4).map(|_| ring(20, 40)).collect();
    assert_eq!(scheduler::limits::set_online(3), Some(1));
    more.iter().for_each(|_| wait("round"));

    (0..100).for_each(|_| {
        start("sleeper");
    });
    (0..100).for_each(|_| wait("woken"));

    let long = dirty::spawn(rings[0][0], dirty::Kind::Io, || {
        std::thread::sleep(Duration::from_millis(5));
        tell("done");
        42
    });
    wait("done");
    while !long.is_done() {
        std::thread::yield_now();
    }
    assert_eq!(long.take(), Some(42));

    let all: Vec<Pid> = rings.concat().into_iter().chain(more.concat()).collect();
    for &pid in &all {
        let from = vm::process::Peer::Process(pid);
        signal::send_exit(from, from, vm::process::ExitKind::Exit, Term::atom(w::KILL));
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while all.iter().any(|&pid| table::exists(pid)) {
        assert!(std::time::Instant::now() < deadline, "all were killed");
        std::thread::sleep(Duration::from_millis(1));
    }
}
