//! Signals of the operating system: messages to `erl_signal_server`, and the break key.
//!
//! A handler may do next to nothing, so it writes the signal's number to a pipe; a thread reads it there
//! and acts. `SIGINT` is the break key, as long as nobody has set it aside.

#![forbid(unsafe_code)]

use crate::sys::signal;
use std::io;
use std::sync::OnceLock;
use vm::atom::Atom;
use vm::heap::OwnedTerm;
use vm::process::signal::send_message_to_name;
use vm::term::Term;

/// What is done about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// What the system does by itself.
    Default,
    /// Nothing.
    Ignore,
    /// `erl_signal_server` gets `{notify, Signal}`.
    Handle,
}

/// What the break key does (`+B`).
#[derive(Clone, Copy)]
pub enum Break {
    /// Calls this, on a thread of its own.
    Call(fn()),
    /// Nothing, nor do the keys that stop or quit.
    Ignore,
    /// What the system does by itself: it ends the program.
    Default,
    /// It is a key like others, which the shell sees.
    Key,
}

/// The signals that a program can be told of.
const NAMES: [(&str, i32); 11] = [
    ("sighup", libc::SIGHUP),
    ("sigquit", libc::SIGQUIT),
    ("sigabrt", libc::SIGABRT),
    ("sigalrm", libc::SIGALRM),
    ("sigterm", libc::SIGTERM),
    ("sigusr1", libc::SIGUSR1),
    ("sigusr2", libc::SIGUSR2),
    ("sigchld", libc::SIGCHLD),
    ("sigstop", libc::SIGSTOP),
    ("sigtstp", libc::SIGTSTP),
    // Only as the break key: no program can ask for it.
    ("sigint", libc::SIGINT),
];

static BREAK: OnceLock<fn()> = OnceLock::new();

/// Starts listening. `SIGTERM`, `SIGUSR1` and `SIGQUIT` are handled from the first; once.
///
/// # Errors
/// The system gives no pipe or no thread.
pub fn start(on_break: Break) -> io::Result<()> {
    let mut pipe = signal::pipe()?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            while let Ok(number) = pipe.next() {
                act(number);
            }
        })?;
    for number in [libc::SIGTERM, libc::SIGUSR1] {
        signal::set(number, Disposition::Handle);
    }
    match on_break {
        Break::Call(call) => {
            // The first one stays: a node is started once.
            let _ = BREAK.set(call);
            signal::set(libc::SIGINT, Disposition::Handle);
            signal::set(libc::SIGQUIT, Disposition::Handle);
        }
        Break::Ignore => {
            for number in [libc::SIGINT, libc::SIGQUIT, libc::SIGTSTP] {
                signal::set(number, Disposition::Ignore);
            }
        }
        Break::Default => {}
        Break::Key => {
            crate::sys::terminal::disable_interrupt_key();
            signal::set(libc::SIGINT, Disposition::Handle);
            signal::set(libc::SIGQUIT, Disposition::Handle);
        }
    }
    Ok(())
}

/// `os:set_signal/2`; false for a name that is none.
pub fn set(name: &str, disposition: Disposition) -> bool {
    let known = NAMES
        .iter()
        .find(|(known, _)| *known == name && *known != "sigint");
    let Some(&(_, number)) = known else {
        return false;
    };
    // The end of programs must stay visible to those who wait for them; ignoring is what the system does
    // by default.
    let disposition = match (number, disposition) {
        (libc::SIGCHLD, Disposition::Ignore) => Disposition::Default,
        _ => disposition,
    };
    signal::set(number, disposition);
    true
}

fn act(number: i32) {
    if number == libc::SIGINT {
        if let Some(on_break) = BREAK.get() {
            // Not here: the key may be pressed again meanwhile.
            let _ = std::thread::Builder::new()
                .name("break".into())
                .spawn(on_break);
        }
        return;
    }
    let Some((name, _)) = NAMES.iter().find(|(_, known)| *known == number) else {
        return;
    };
    let message = OwnedTerm::build(|heap| {
        heap.tuple(&[
            Term::atom(vm::atom!("notify")),
            Term::atom(Atom::from_static(name)),
        ])
    });
    // Without a server nobody wants to know.
    let _ = send_message_to_name(vm::atom!("erl_signal_server"), message);
}
