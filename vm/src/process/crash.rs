//! What the error logger hears of a process that dies by an exception nobody caught, or is killed for its
//! heap's size: `{log, Level, Format, Args, Metadata}` to the process `logger`, as the stock VM sends it.

use super::Process;
use super::hooks;
use super::registry;
use super::signal;
use crate::atom::well_known as w;
use crate::heap::{Heap, OwnedTerm};
use crate::term::Term;

/// `{log, Level, Format, Args, #{error_logger => #{emulator => true, tag => Tag}, gl => …, pid => …,
/// time => Microseconds}}` to the process `logger`; to the standard error stream while there is none.
///
/// `tag` is the old error logger's: `error`, `warning_msg` or `info_msg`.
pub fn log(
    level: crate::atom::Atom,
    tag: crate::atom::Atom,
    group_leader: Term<'_>,
    pid: Option<crate::term::Pid>,
    format: &str,
    args: impl for<'h> FnOnce(Heap<'h>) -> Vec<Term<'h>>,
) {
    let message = OwnedTerm::build(|heap| {
        // The keys of a small map stand in the order of terms: atoms by their names.
        let emulator = heap.flat_map(
            &[Term::atom(atom!("emulator")), Term::atom(w::TAG)],
            &[Term::TRUE, Term::atom(tag)],
        );
        let leader = heap.copy(group_leader);
        let time = heap.integer(hooks::system_time() / 1000);
        let metadata = match pid {
            Some(pid) => heap.flat_map(
                &[
                    Term::atom(atom!("error_logger")),
                    Term::atom(atom!("gl")),
                    Term::atom(w::PID),
                    Term::atom(atom!("time")),
                ],
                &[emulator, leader, Term::pid(pid), time],
            ),
            None => heap.flat_map(
                &[
                    Term::atom(atom!("error_logger")),
                    Term::atom(atom!("gl")),
                    Term::atom(atom!("time")),
                ],
                &[emulator, leader, time],
            ),
        };
        let args = args(heap);
        heap.tuple(&[
            Term::atom(atom!("log")),
            Term::atom(level),
            heap.string(format),
            heap.list(&args),
            metadata,
        ])
    });
    let text = registry::whereis_process(w::LOGGER)
        .is_none()
        .then(|| message.clone());
    if let Some(lost) = text {
        eprintln!("{format} ({} words not logged)", lost.words());
    } else {
        signal::send_message_to_name(w::LOGGER, message);
    }
}

impl Process {
    /// Tells the error logger that this process dies by an exception.
    pub fn log_crash(&self, reason: Term<'_>) {
        log(
            w::ERROR,
            w::ERROR,
            self.group_leader(),
            Some(self.pid),
            "Error in process ~p with exit value:~n~p~n",
            |heap| vec![Term::pid(self.pid), heap.copy(reason)],
        );
    }
}
