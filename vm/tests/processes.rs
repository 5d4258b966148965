//! Processes run by hand: what signals do, in the order in which they were sent.
//!
//! Instead of the interpreter a script runs: what a process does is told by the function it was spawned to
//! run. There are no schedulers; `settle` gives turns until nobody is ready.

use std::sync::{Arc, Mutex};

use vm::atom::{Atom, well_known as w};
use vm::heap::OwnedTerm;
use vm::process::flags::Flag;
use vm::process::relations::LinkAdded;
use vm::process::signal::{self, Signal};
use vm::process::spawn::{Options, spawn};
use vm::process::{
    After, ExitKind, Origin, Outcome, Peer, Process, Runner, Watch, hooks, registry, slice, table,
};
use vm::term::{Pid, Term};

/// Processes are the node's: one test at a time.
static NODE: Mutex<()> = Mutex::new(());

struct Script;

fn ends(reason: Atom, crashed: bool) -> Outcome {
    Outcome::Exited {
        reason: Term::atom(reason).word(),
        crashed,
    }
}

// SAFETY: the reasons are atoms.
unsafe impl Runner for Script {
    fn run(&mut self, process: &mut Process) -> Outcome {
        match process.initial_call().function.name() {
            "stop" => ends(w::NORMAL, false),
            "fail" => ends(w::BADARG, true),
            "trap" => {
                process.set_flag(Flag::TrapExit, true);
                Outcome::Waiting(None)
            }
            // Takes the message `stop`; all others stay.
            "pick" => {
                while let Some(word) = process.peek_message() {
                    if word == Term::atom(Atom::from_static("stop")).word() {
                        process.accept_message();
                        return ends(w::NORMAL, false);
                    }
                    process.next_message();
                }
                Outcome::Waiting(None)
            }
            _ => Outcome::Waiting(None),
        }
    }
}

fn settle() {
    loop {
        let ready = hooks::take_early();
        if ready.is_empty() {
            return;
        }
        for process in ready {
            let mut next = Some(process);
            while let Some(process) = next.take() {
                if let (After::Ready(again), _) = slice::turn(process.start(), &mut Script) {
                    next = Some(again);
                }
            }
        }
    }
}

fn start(function: &'static str) -> Pid {
    let spawned = spawn(
        None,
        w::ERLANG,
        Atom::from_static(function),
        Term::NIL,
        Options::new(),
    )
    .expect("room for a process");
    let pid = spawned.start();
    settle();
    pid
}

/// Reasons of ends.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Watch for Seen {
    fn down(&self, _reference: vm::process::RefNumber, _pid: Pid, reason: Term<'_>) {
        let reason = reason.as_atom().map_or("?", Atom::name);
        self.0.lock().expect("free").push(reason.to_owned());
    }
}

/// Monitors a process from outside; what it dies of can be asked later.
fn watch(pid: Pid) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    let monitor = Signal::Monitor {
        reference: vm::reference::next(),
        origin: Origin::Watch(seen.clone()),
        name: None,
    };
    if let Err(signal) = signal::send(pid, monitor) {
        vm::process::exit::answer_for_dead(pid, signal);
    }
    settle();
    seen
}

fn reasons(seen: &Seen) -> Vec<String> {
    seen.0.lock().expect("free").clone()
}

/// Asks a process something, as its owner.
fn ask<R: Send + 'static>(
    pid: Pid,
    look: impl FnOnce(&Process) -> R + Send + 'static,
) -> Option<R> {
    let answer = Arc::new(Mutex::new(None));
    let to = answer.clone();
    signal::rpc(pid, move |process| {
        *to.lock().expect("free") = process.map(look);
    });
    settle();
    answer.lock().expect("free").take()
}

fn message(name: &'static str) -> OwnedTerm {
    OwnedTerm::immediate(Term::atom(Atom::from_static(name)))
}

fn exit(to: Pid, kind: ExitKind, from: Pid, reason: Atom) {
    let (to, from) = (Peer::Process(to), Peer::Process(from));
    signal::send_exit(to, from, kind, Term::atom(reason));
    settle();
}

fn kill(pid: Pid) {
    exit(pid, ExitKind::Exit, pid, w::KILL);
}

#[test]
fn a_process_that_returns_is_gone() {
    let _node = NODE.lock();
    let pid = start("stop");
    assert!(!table::exists(pid));
    assert_eq!(reasons(&watch(pid)), ["noproc"]);
}

#[test]
fn messages_wait_for_the_receive_that_wants_them() {
    let _node = NODE.lock();
    let pid = start("pick");
    let seen = watch(pid);
    for name in ["a", "b", "c"] {
        assert!(signal::send_message(pid, message(name)));
        settle();
    }
    let waiting = ask(pid, |process| {
        let atoms = process.messages().into_iter().filter_map(Term::as_atom);
        atoms.map(Atom::name).collect::<Vec<_>>()
    });
    assert_eq!(waiting, Some(vec!["a", "b", "c"]));
    assert!(signal::send_message(pid, message("stop")));
    settle();
    assert_eq!(reasons(&seen), ["normal"]);
    assert!(!signal::send_message(pid, message("late")));
}

#[test]
fn exit_signals_kill_or_become_messages() {
    let _node = NODE.lock();
    let cases = [
        ("wait", ExitKind::Exit, w::NORMAL, None),
        ("wait", ExitKind::Exit, w::BADARG, Some("badarg")),
        ("wait", ExitKind::Exit, w::KILL, Some("killed")),
        ("wait", ExitKind::Suicide, w::NORMAL, Some("normal")),
        ("trap", ExitKind::Exit, w::BADARG, None),
        ("trap", ExitKind::Exit, w::NORMAL, None),
        ("trap", ExitKind::Exit, w::KILL, Some("killed")),
        // Without a link a link's exit signal means nothing.
        ("wait", ExitKind::Link, w::BADARG, None),
    ];
    for (function, kind, reason, dies) in cases {
        let pid = start(function);
        let seen = watch(pid);
        exit(pid, kind, Pid(12345), reason);
        let expected: Vec<&str> = dies.into_iter().collect();
        assert_eq!(reasons(&seen), expected, "{function} {kind:?} {reason}");
        if dies.is_none() {
            let messages = ask(pid, |process| process.message_count());
            assert_eq!(messages, Some(usize::from(function == "trap")));
            kill(pid);
        }
    }
}

#[test]
fn a_link_carries_the_reason_once_and_only_while_it_stands() {
    let _node = NODE.lock();
    let (a, b, c) = (start("wait"), start("wait"), start("trap"));
    for peer in [b, c] {
        let added = ask(a, move |process| {
            process.relations().add_link(Peer::Process(peer))
        });
        assert_eq!(added, Some(LinkAdded::New));
        let from = Peer::Process(a);
        assert!(signal::send(peer, Signal::Link { from }).is_ok());
    }
    settle();
    let (seen_b, seen_c) = (watch(b), watch(c));
    exit(a, ExitKind::Exit, Pid(12345), w::BADARG);
    assert_eq!(reasons(&seen_b), ["badarg"]);
    assert_eq!(reasons(&seen_c), [""; 0]);
    assert_eq!(ask(c, |process| process.message_count()), Some(1));
    // The link is gone with it.
    exit(c, ExitKind::Link, a, w::BADARG);
    assert_eq!(ask(c, |process| process.message_count()), Some(1));
    kill(c);
}

#[test]
fn signals_take_effect_before_code_runs() {
    let _node = NODE.lock();
    let pid = start("pick");
    let seen = watch(pid);
    assert!(signal::send_message(pid, message("stop")));
    exit(pid, ExitKind::Exit, Pid(12345), w::BADARG);
    assert_eq!(reasons(&seen), ["badarg"]);
}

#[test]
fn a_name_goes_with_its_process() {
    let _node = NODE.lock();
    let name = Atom::from_static("a_name_for_a_test");
    let pid = start("wait");
    let peer = Peer::Process(pid);
    assert_eq!(registry::register(name, peer), Ok(()));
    assert!(registry::whereis(name) == Some(peer));
    let again = registry::register(w::OK, peer);
    assert_eq!(again, Err(registry::NotRegistered::HasName));
    kill(pid);
    assert!(registry::whereis(name).is_none());
    let late = registry::register(name, peer);
    assert_eq!(late, Err(registry::NotRegistered::NotAlive));
}

#[test]
fn a_crash_is_logged() {
    let _node = NODE.lock();
    let logger = start("wait");
    let registered = registry::register(w::LOGGER, Peer::Process(logger));
    assert_eq!(registered, Ok(()));
    let pid = start("fail");
    assert!(!table::exists(pid));
    let logged = ask(logger, |process| {
        let messages = process.messages();
        let [log, level, _, args, _] = messages.first()?.as_tuple_of::<5>()?;
        let who = args.as_cons()?.head().as_pid()?;
        Some((log.as_atom()?.name(), level.as_atom()?.name(), who))
    });
    assert_eq!(logged, Some(Some(("log", "error", pid))));
    kill(logger);
}
