//! How a process ends.
//!
//! A process ends when it returns from its first function, by an exception that nobody catches, or by an
//! exit signal. [`Process::begin_exit`] notes the reason; the scheduler then calls
//! [`Process::exit_step`] until it says that all is done, each call doing about a slice's worth. The order
//! is OTP's: timers; what the layers above hold for the process (tables); its name and its place in the
//! process table; links; monitors and aliases; those who monitor it; signals that nobody handled. Only then
//! its memory goes.

use std::cell::{Cell, RefCell};

use super::handle;
use super::hooks;
use super::mailbox::NOTHING;
use super::queue::List;
use super::registry;
use super::relations::{All, Monitored};
use super::signal::{self, ExitKind, Peer, Signal};
use super::table;
use super::{Process, Wait, alias};
use crate::atom::well_known;
use crate::atom::well_known as w;
use crate::term::{Pid, Term};
use crate::trace::events;

/// Links, monitors or signals dealt with in one step.
const BATCH: usize = 1000;
/// What one layer above may do in one step, in reductions.
const LAYER_BUDGET: usize = 4000;

/// Where an exit has got to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// The process is alive.
    Alive,
    /// Its time limit, then the layers above, by their order of registration.
    Layers(usize),
    /// Links, monitors, signals that nobody handled.
    Others,
    /// All is done.
    Done,
}

/// The state of a process's exit.
pub(super) struct Exit {
    phase: Cell<Phase>,
    work: RefCell<Option<Box<Work>>>,
}

/// Whom a process that ends has still to tell.
struct Work {
    relations: All,
    /// What was left in the signal queue when it was closed.
    signals: List<Signal>,
}

impl Exit {
    pub(super) const fn new() -> Exit {
        Exit {
            phase: Cell::new(Phase::Alive),
            work: RefCell::new(None),
        }
    }
}

impl Process {
    /// The process is to end with this reason, a term of its own heap. The first reason counts.
    pub fn begin_exit<'p>(&'p self, reason: Term<'p>) {
        if self.exit.phase.get() == Phase::Alive {
            if self.shared.is_system() {
                // Nothing of the node can be relied on without it.
                let (pid, reason) = (hooks::print(Term::pid(self.pid())), hooks::print(reason));
                crate::fatal::end(&format!("System process {pid} terminated: {reason}"));
            }
            self.exit.phase.set(Phase::Layers(0));
            self.roots.exit_reason.set(reason.word());
            self.wait.set(Wait::Turn);
        }
    }

    /// Whether the process is ending: it must not run code any more.
    #[inline]
    pub fn must_leave(&self) -> bool {
        self.exit.phase.get() != Phase::Alive
    }

    /// Why it ends; none while it is alive.
    pub fn exit_reason(&self) -> Option<Term<'_>> {
        (self.roots.exit_reason.get() != NOTHING).then(|| self.root(&self.roots.exit_reason))
    }

    /// Does a part of the exit; true when all is done and the process can be freed.
    pub fn exit_step(&mut self) -> bool {
        loop {
            match self.exit.phase.get() {
                Phase::Alive => return false,
                Phase::Layers(index) => {
                    self.disarm_timeout();
                    if index == 0 && !self.shared.is_exiting() {
                        events::exits(self, self.reason());
                    }
                    self.shared.set_exiting();
                    match hooks::at_exit(index) {
                        None => {
                            self.leave_tables();
                            self.exit.phase.set(Phase::Others);
                        }
                        Some(layer) => {
                            if !layer.process_exits(self, LAYER_BUDGET) {
                                return false;
                            }
                            self.exit.phase.set(Phase::Layers(index + 1));
                        }
                    }
                }
                Phase::Others => {
                    let mut work = self.exit.work.borrow_mut();
                    let work = work.as_mut().expect("made when the tables were left");
                    if (0..BATCH).all(|_| self.tell_one(work)) {
                        return false;
                    }
                    self.exit.phase.set(Phase::Done);
                }
                Phase::Done => return true,
            }
        }
    }

    fn leave_tables(&self) {
        if let Some(name) = registry::process_ends(&self.shared) {
            events::process(self, w::UNREGISTER, Term::atom(name));
        }
        table::remove(self.pid);
        let mut signals = std::mem::take(&mut *self.fetched.borrow_mut());
        signals.append(self.shared.queue.close());
        self.end_suspensions();
        self.end_node_monitors();
        self.refuse_tasks();
        *self.exit.work.borrow_mut() = Some(Box::new(Work {
            relations: self.relations.take_all(),
            signals,
        }));
    }

    /// Tells one of those who have to hear of the end; false when all have.
    fn tell_one(&self, work: &mut Work) -> bool {
        if let Some((peer, unlinking)) = work.relations.links.next() {
            if unlinking == 0 {
                self.tell_link(peer);
            }
        } else if let Some((reference, monitor)) = work.relations.monitors.next() {
            if monitor.alias.is_some() {
                alias::forget(reference);
            }
            self.tell_demonitor(reference, monitor.target);
        } else if let Some((reference, monitored)) = work.relations.monitored.next() {
            handle::send_down(reference, &monitored, self.pid, self.reason());
        } else if let Some(node) = work.signals.pop() {
            answer_for_dead(self.pid, node.item);
        } else {
            return false;
        }
        true
    }

    fn reason(&self) -> Term<'_> {
        self.exit_reason()
            .expect("a process that ends has a reason")
    }

    fn tell_link(&self, peer: Peer) {
        signal::send_exit_of(self, peer, ExitKind::Link, self.reason());
    }
}

/// Answers a signal to a process that has ended, or that never was.
pub fn answer_for_dead(pid: Pid, signal: Signal) {
    let noproc = Term::atom(well_known::NOPROC);
    match signal {
        Signal::Link { from } => {
            signal::send_exit(from, Peer::Process(pid), ExitKind::Link, noproc);
        }
        Signal::Unlink { from, id } => {
            handle::acknowledge_unlink(Peer::Process(pid), from, id);
        }
        Signal::Monitor {
            reference,
            origin,
            name,
        } => handle::send_down(reference, &Monitored { origin, name }, pid, noproc),
        Signal::Rpc(run) => run(None),
        Signal::Message(_)
        | Signal::Notice(_)
        | Signal::Traced { .. }
        | Signal::AliasMessage { .. }
        | Signal::Exit { .. }
        | Signal::UnlinkAck { .. }
        | Signal::Demonitor { .. }
        | Signal::Down { .. }
        | Signal::Change { .. }
        | Signal::Timeout(_)
        | Signal::Poke
        | Signal::Seen(_)
        | Signal::SeenNotice(_)
        | Signal::SeenPair(_)
        | Signal::Marker => {}
    }
}
