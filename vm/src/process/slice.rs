//! A turn of a process: signals first, then code, then either sleep, another turn, or the end.

use std::cell::Cell;

use super::{Priority, Process, Queued, REDUCTIONS, Running};
use crate::term::Term;
use crate::term::word::Word;
use crate::trace::call::time_slice;
use crate::trace::{events, monitor};

/// Why a process left the machine that runs it.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its slice is used up; it can go on at once.
    Yielded,
    /// It waits for a signal, or (if given) until so many milliseconds have passed.
    Waiting(Option<u64>),
    /// It ended with this reason, a word of its own heap.
    Exited {
        /// The reason.
        reason: Word,
        /// Whether it crashed: an exception nobody caught, which the error logger hears of.
        crashed: bool,
    },
}

/// What runs a process's code.
///
/// # Safety
/// The reason in [`Outcome::Exited`] is a term of the process's heap, and nothing was collected since it was
/// made.
pub unsafe trait Runner {
    /// Runs a process until it leaves the machine.
    fn run(&mut self, process: &mut Process) -> Outcome;
}

/// What became of a process after its turn.
#[must_use]
pub enum After {
    /// It has more to do.
    Ready(Queued),
    /// It sleeps; who wakes it enqueues it.
    Asleep,
    /// It has ended, and its memory is gone.
    Ended,
}

thread_local! {
    /// The priority of the process whose turn it is on this thread; the lowest one outside turns.
    static SERVED: Cell<Priority> = const { Cell::new(Priority::Low) };
}

/// The priority of the process whose turn it is on this thread: the urgency of what it sends.
pub(super) fn served() -> Priority {
    SERVED.get()
}

/// Gives a process a turn; what became of it, and the reductions that it used.
pub fn turn(mut process: Running, runner: &mut dyn Runner) -> (After, u64) {
    process.begin_slice(REDUCTIONS);
    let before = process.total_reductions();
    SERVED.set(process.shared().priority());
    let next = next(&mut process, runner);
    SERVED.set(Priority::Low);
    let used = process.total_reductions().saturating_sub(before);
    (finish(process, next), used)
}

fn next(process: &mut Process, runner: &mut dyn Runner) -> Next {
    if process.must_leave() {
        return Next::End;
    }
    let urgency = process.shared().take_urgency();
    let next = run(process, runner, urgency.is_some());
    if let Some(urgency) = urgency
        && process.has_signals()
    {
        // There were more than one turn's: the next comes as soon.
        process.shared().raise_urgency(urgency);
    }
    next
}

fn finish(mut process: Running, next: Next) -> After {
    match next {
        Next::Sleep => {
            if monitor::profiles_processes() {
                monitor::process(process.pid(), events::current(&process), false);
            }
            match process.sleep() {
                None => After::Asleep,
                Some(again) => {
                    if monitor::profiles_processes() {
                        monitor::process(again.shared().pid(), None, true);
                    }
                    After::Ready(again)
                }
            }
        }
        Next::Turn => After::Ready(process.give_way()),
        Next::End if process.exit_step() => {
            if monitor::profiles_processes() {
                monitor::process(process.pid(), events::current(&process), false);
            }
            events::ended(&process);
            process.die();
            After::Ended
        }
        Next::End => After::Ready(process.give_way()),
    }
}

/// What a process does after code ran.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Sleep,
    Turn,
    End,
}

/// What is told of a turn, to tracers and the system's monitor.
struct Watched {
    told: bool,
    timed: bool,
    /// Since when (nanoseconds), and where it was then.
    since: Option<(i64, Option<crate::code::Mfa>)>,
}

impl Watched {
    #[inline]
    fn begin(process: &Process) -> Watched {
        let told = events::has_turns(process);
        let timed = process.is_timed();
        let since = monitor::watches_turns().then(|| (now(), events::current(process)));
        if told {
            events::turn(process, true);
        }
        if timed {
            time_slice(process, true);
        }
        Watched { told, timed, since }
    }

    /// `ends`: the process does so, which is no end of a turn.
    #[inline]
    fn end(self, process: &Process, ends: bool) {
        if !ends && (self.told || events::has_turns(process)) {
            events::turn(process, false);
        }
        if self.timed || process.is_timed() {
            time_slice(process, false);
        }
        if let Some((since, from)) = self.since {
            let milliseconds = ((now() - since) / 1_000_000).max(0) as u64;
            monitor::turned(process, milliseconds, from, events::current(process));
        }
    }
}

fn now() -> i64 {
    super::hooks::schedulers().map_or(0, |clock| clock.monotonic_time())
}

/// A turn; one that is `for_signals` came sooner than the process's priority would give it, and runs no code.
fn run(process: &mut Process, runner: &mut dyn Runner, for_signals: bool) -> Next {
    loop {
        let was_alive = !process.must_leave();
        let handled = process.handle_signals();
        if handled {
            process.do_tasks();
        }
        if process.must_leave() {
            if was_alive && events::has_turns(process) {
                // It had its turn to end.
                events::last_turn(process);
            }
            return Next::End;
        }
        if !handled {
            return Next::Turn;
        }
        if process.is_suspended() || !process.is_ready() {
            return Next::Sleep;
        }
        if process.reductions_left() <= 0 || for_signals {
            return Next::Turn;
        }
        process.resume();
        let watched = Watched::begin(process);
        let outcome = runner.run(process);
        let ends = matches!(outcome, Outcome::Exited { .. }) || process.must_leave();
        watched.end(process, ends);
        match outcome {
            Outcome::Yielded if process.must_leave() => return Next::End,
            Outcome::Yielded => return Next::Turn,
            Outcome::Waiting(_) if process.must_leave() => return Next::End,
            Outcome::Waiting(milliseconds) => {
                if process.wait(milliseconds) {
                    if process.is_hibernating() {
                        process.collect_to_hibernate();
                    }
                    // A signal that was handled while it ran may have brought a task.
                    if !process.has_signals() && !process.has_tasks() {
                        return Next::Sleep;
                    }
                }
            }
            Outcome::Exited { reason, crashed } => {
                // SAFETY: the runner's contract.
                let reason: Term<'_> = unsafe { Term::from_word(reason) };
                if crashed {
                    process.log_crash(reason);
                }
                process.begin_exit(reason);
                return Next::End;
            }
        }
    }
}
