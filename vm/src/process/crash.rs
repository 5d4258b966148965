//! What the error logger hears of a process that dies by an exception nobody caught, or that is killed for
//! its heap's size: `{log, Level, Format, Args, Metadata}`, as the stock VM sends it.

use parking_lot::RwLock;

use super::Process;
use super::hooks;
use super::registry;
use super::signal;
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::heap::{Heap, OwnedTerm};
use crate::term::{Pid, Term};

/// Who gets log messages (`system_flag(system_logger, …)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SystemLogger {
    /// The process registered as `logger`.
    Logger,
    /// Nobody.
    Nobody,
    /// This process, while it lives.
    Process(Pid),
}

static SYSTEM_LOGGER: RwLock<SystemLogger> = RwLock::new(SystemLogger::Logger);

/// Who gets log messages.
pub fn system_logger() -> SystemLogger {
    *SYSTEM_LOGGER.read()
}

/// Sets who gets log messages; who did before.
pub fn set_system_logger(logger: SystemLogger) -> SystemLogger {
    std::mem::replace(&mut *SYSTEM_LOGGER.write(), logger)
}

/// Sends a log message: `{log, Level, Format, Args, Metadata}` with metadata `error_logger`, `gl`, `pid`
/// and `time`. `level` is `error`, `warning` or `info`; `group_leader` is `[]` for none.
pub fn log(
    level: Atom,
    group_leader: Term<'_>,
    pid: Option<Pid>,
    format: &str,
    args: impl for<'h> FnOnce(Heap<'h>) -> Vec<Term<'h>>,
) {
    let message = OwnedTerm::build(|heap| {
        let args = args(heap);
        heap.tuple(&[
            Term::atom(atom!("log")),
            Term::atom(level),
            heap.string(format),
            heap.list(&args),
            metadata(heap, level, group_leader, pid),
        ])
    });
    deliver(message, pid);
}

/// Logs a text of the VM's own.
pub fn log_text(level: Atom, group_leader: Term<'_>, pid: Option<Pid>, text: &str) {
    log(level, group_leader, pid, "~s~n", |heap| {
        vec![heap.string(text)]
    });
}

fn metadata<'h>(heap: Heap<'h>, level: Atom, group_leader: Term<'_>, pid: Option<Pid>) -> Term<'h> {
    // The old error logger has its own names.
    let tag = if level == atom!("info") {
        atom!("info_msg")
    } else if level == atom!("warning") {
        atom!("warning_msg")
    } else {
        level
    };
    // Keys stand in the order of terms: atoms by their names.
    let error_logger = heap.flat_map(
        &[Term::atom(atom!("emulator")), Term::atom(w::TAG)],
        &[Term::TRUE, Term::atom(tag)],
    );
    let mut keys = vec![Term::atom(atom!("error_logger"))];
    let mut values = vec![error_logger];
    if !group_leader.is_nil() {
        keys.push(Term::atom(atom!("gl")));
        values.push(heap.copy(group_leader));
    }
    if let Some(pid) = pid {
        keys.push(Term::atom(w::PID));
        values.push(Term::pid(pid));
    }
    keys.push(Term::atom(atom!("time")));
    values.push(heap.integer(hooks::system_time() / 1000));
    heap.flat_map(&keys, &values)
}

fn deliver(message: OwnedTerm, from: Option<Pid>) {
    if let SystemLogger::Process(pid) = system_logger() {
        match signal::send(pid, signal::Signal::Notice(message.clone())) {
            Ok(()) => return,
            Err(_) => {
                set_system_logger(SystemLogger::Logger);
            }
        }
    }
    if system_logger() == SystemLogger::Nobody {
        return;
    }
    match registry::whereis_process(w::LOGGER) {
        // The logger's own crash would be for nobody to log.
        Some(logger) if Some(logger) == from => {}
        Some(logger) => {
            signal::send_message(logger, message);
        }
        None => eprintln!("(no logger present) {}", hooks::print(message.term())),
    }
}

impl Process {
    /// Tells the error logger that this process dies by an exception.
    pub fn log_crash(&self, reason: Term<'_>) {
        let (this, alive) = (crate::node_name::this().0, crate::node_name::is_alive());
        let format = if alive {
            "Error in process ~p on node ~p with exit value:~n~p~n"
        } else {
            "Error in process ~p with exit value:~n~p~n"
        };
        log(
            w::ERROR,
            self.group_leader(),
            Some(self.pid),
            format,
            |heap| {
                let mut args = vec![Term::pid(self.pid)];
                args.extend(alive.then_some(Term::atom(this)));
                args.push(heap.copy(reason));
                args
            },
        );
    }
}
