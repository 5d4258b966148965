//! Signals: all that one process, port or node can do to a process.
//!
//! Everything goes through the receiver's one queue, so that no signal of a sender overtakes another. The
//! receiver handles them in order (`handle`); messages become visible to `receive` at that moment and not
//! before.

use std::sync::Arc;

use super::hooks;
use super::queue::Node;
use super::{Priority, Process};
use super::{slice, table};
use crate::atom::{Atom, well_known};
use crate::heap::{Heap, LiteralRange, OwnedTerm};
use crate::node_name::Node as NodeName;
use crate::term::{Kind, Pid, PortId, Term};
use crate::trace::sequential;

/// A reference's number.
pub type RefNumber = [u64; 2];

/// Who can be linked to, monitor, or send.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A process of this node.
    Process(Pid),
    /// A port of this node.
    Port(PortId),
    /// A process of another node.
    Remote(&'static NodeName, u64),
}

impl Peer {
    /// Its pid or port identifier as a term.
    pub fn term<'h>(self, heap: Heap<'h>) -> Term<'h> {
        match self {
            Peer::Process(pid) => Term::pid(pid),
            Peer::Port(port) => Term::port(port),
            Peer::Remote(node, number) => heap.external_pid(node, number),
        }
    }

    /// The peer that a pid or port identifier names.
    pub fn of(term: Term<'_>) -> Option<Peer> {
        match term.kind() {
            Kind::Pid(pid) => Some(Peer::Process(pid)),
            Kind::Port(port) => Some(Peer::Port(port)),
            Kind::ExternalPid(id) => Some(Peer::Remote(id.node(), id.data()[0])),
            _ => None,
        }
    }

    /// Where it stands among others when they are listed.
    pub(crate) fn rank(self) -> (u8, u64, u64) {
        match self {
            Peer::Port(port) => (0, 0, port.0),
            Peer::Process(pid) => (1, 0, pid.0),
            Peer::Remote(node, number) => (2, u64::from(node.name.index()), number),
        }
    }
}

/// Something other than a process or port that wants to know of a process's end: a native library's
/// resource, a driver, a distribution channel.
pub trait Watch: Send + Sync {
    /// The process has ended; `reference` is the monitor's.
    fn down(&self, reference: RefNumber, pid: Pid, reason: Term<'_>);
    /// What `process_info(Pid, monitored_by)` shows of it.
    fn term<'h>(&self, heap: Heap<'h>) -> Option<Term<'h>> {
        let _ = heap;
        None
    }
}

/// Who monitors.
#[derive(Clone)]
pub enum Origin {
    /// A process of this node: it gets the `DOWN` message.
    Process(Pid),
    /// A process of another node: its node gets told through the distribution.
    Remote(&'static NodeName, u64),
    /// Something else.
    Watch(Arc<dyn Watch>),
}

/// Why an exit signal was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ExitKind {
    /// A linked process, port or node ended: counts only while the link stands.
    Link,
    /// `exit/2`: `kill` cannot be trapped.
    Exit,
    /// `exit/2` of oneself with any reason, not trapping exits: `normal` ends the process too.
    Suicide,
}

/// What happened to a process that was asked to run something: it is here, or it is gone.
pub type Rpc = Box<dyn FnOnce(Option<&Process>) + Send>;

/// A signal.
pub enum Signal {
    /// A message of a process of this node, which has no sequential token: its receiver will have none, either.
    Message(OwnedTerm),
    /// A message of anything else: the receiver keeps its sequential token.
    Notice(OwnedTerm),
    /// A message that brings the sender (for `'receive'` patterns) and a sequential token: a cell of the
    /// message and the token, which is `[]` where there is none.
    Traced {
        /// The sender.
        from: Option<Pid>,
        /// `[Message | Token]`.
        pair: OwnedTerm,
    },
    /// A message that was sent to an alias: dropped unless that is active.
    AliasMessage {
        /// The alias.
        alias: RefNumber,
        /// The message.
        message: OwnedTerm,
        /// Who sent it, where `message` is `[Message | Token]`.
        traced: Option<Pid>,
    },
    /// An exit signal.
    Exit {
        /// Whose it is.
        from: Peer,
        /// Why it was sent.
        kind: ExitKind,
        /// `{'EXIT', From, Reason}`.
        message: OwnedTerm,
        /// Whether `message` is a cell of that and a sequential token.
        has_token: bool,
    },
    /// A link set up by the other side.
    Link {
        /// The other side.
        from: Peer,
    },
    /// A link taken down by the other side, which waits for the acknowledgement.
    Unlink {
        /// The other side.
        from: Peer,
        /// What the acknowledgement repeats.
        id: u64,
    },
    /// The other side has seen our unlink.
    UnlinkAck {
        /// The other side.
        from: Peer,
        /// Which unlink.
        id: u64,
    },
    /// A monitor of this process.
    Monitor {
        /// The monitor's reference.
        reference: RefNumber,
        /// Who monitors.
        origin: Origin,
        /// The name by which the process was found.
        name: Option<Atom>,
    },
    /// The monitor is gone.
    Demonitor {
        /// The monitor's reference.
        reference: RefNumber,
    },
    /// What this process monitored is gone.
    Down {
        /// The monitor's reference.
        reference: RefNumber,
        /// `{'DOWN', Ref, Type, Object, Reason}`.
        message: OwnedTerm,
    },
    /// The offset between monotonic and system time changed (a persistent monitor: it stays).
    Change {
        /// The monitor's reference.
        reference: RefNumber,
        /// `{'CHANGE', Ref, time_offset, clock_service, Offset}`.
        message: OwnedTerm,
    },
    /// Runs something where the process's own data can be touched.
    Rpc(Rpc),
    /// A receive's time is up; counts if it is this one that is waited for.
    Timeout(u64),
    /// Nothing but a reason to look again (a native's work is done).
    Poke,
    /// In a mailbox only: a message whose term is the heap's; its place among the seen ones.
    Seen(u32),
    /// In a mailbox only: the same of a [`Notice`](Signal::Notice).
    SeenNotice(u32),
    /// In a mailbox only: the same of a message that brought a token; the heap's term is the cell of both.
    SeenPair(u32),
    /// In a mailbox only: a place that a receive can start from.
    Marker,
}

impl Signal {
    /// Copies the literals of an area that the signal still points to.
    pub(super) fn copy_literals(&mut self, area: LiteralRange) {
        match self {
            Signal::Message(message)
            | Signal::Notice(message)
            | Signal::AliasMessage { message, .. }
            | Signal::Exit { message, .. }
            | Signal::Down { message, .. }
            | Signal::Change { message, .. } => {
                message.copy_literals(area);
            }
            Signal::Traced { pair, .. } => {
                pair.copy_literals(area);
            }
            Signal::Link { .. }
            | Signal::Unlink { .. }
            | Signal::UnlinkAck { .. }
            | Signal::Monitor { .. }
            | Signal::Demonitor { .. }
            | Signal::Rpc(_)
            | Signal::Timeout(_)
            | Signal::Poke
            | Signal::Seen(_)
            | Signal::SeenNotice(_)
            | Signal::SeenPair(_)
            | Signal::Marker => {}
        }
    }
}

/// Sends a signal to a process of this node; gives it back where there is no such process.
pub fn send(to: Pid, signal: Signal) -> Result<(), Signal> {
    send_urgent(to, signal, slice::served())
}

/// The same, where the signal is as urgent as those of a process of such a priority.
fn send_urgent(to: Pid, signal: Signal, urgency: Priority) -> Result<(), Signal> {
    let guard = crossbeam_epoch::pin();
    let Some(shared) = table::get(to, &guard) else {
        return Err(signal);
    };
    let is_message = matches!(
        signal,
        Signal::Message(_)
            | Signal::Notice(_)
            | Signal::Traced { .. }
            | Signal::AliasMessage { .. }
    );
    match shared.queue.push(Node::new(signal)) {
        Ok(()) => {
            let urgent = !is_message && shared.raise_urgency(urgency);
            match shared.wake() {
                Some(queued) => hooks::ready(queued),
                // It may wait in a queue among those of its own priority.
                None if urgent => {
                    if let Some(schedulers) = hooks::schedulers() {
                        schedulers.hurry(to);
                    }
                }
                None => {}
            }
            Ok(())
        }
        Err(node) => Err(node.item),
    }
}

/// Sends a message of something that is no process, which has memory of its own; false where there is no such process.
pub fn send_message(to: Pid, message: OwnedTerm) -> bool {
    send(to, Signal::Notice(message)).is_ok()
}

/// Sends a message to what is registered under a name; false where that is no process of this node.
pub fn send_message_to_name(name: Atom, message: OwnedTerm) -> bool {
    match super::registry::whereis(name) {
        Some(Peer::Process(pid)) => send_message(pid, message),
        _ => false,
    }
}

/// `{'EXIT', From, Reason}`.
pub fn exit_message(from: Peer, reason: Term<'_>) -> OwnedTerm {
    OwnedTerm::build(|heap| {
        heap.tuple(&[
            Term::atom(well_known::EXIT_SIGNAL),
            from.term(heap),
            heap.copy_message(reason),
        ])
    })
}

/// `{'DOWN', Ref, Type, Object, Reason}` for a process or port of this node, or a name.
pub fn down_message(
    reference: RefNumber,
    kind: Atom,
    object: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>,
    reason: Term<'_>,
) -> OwnedTerm {
    OwnedTerm::build(|heap| {
        heap.tuple(&[
            Term::atom(well_known::DOWN),
            heap.reference(reference),
            Term::atom(kind),
            object(heap),
            heap.copy_message(reason),
        ])
    })
}

fn exit_process(pid: Pid, from: Peer, kind: ExitKind, message: OwnedTerm, has_token: bool) {
    // A process that is gone needs no ending.
    let _ = send(
        pid,
        Signal::Exit {
            from,
            kind,
            message,
            has_token,
        },
    );
}

/// Sends an exit signal to a process, port or remote process.
pub fn send_exit(to: Peer, from: Peer, kind: ExitKind, reason: Term<'_>) {
    match to {
        Peer::Process(pid) => {
            exit_process(pid, from, kind, exit_message(from, reason), false);
        }
        Peer::Port(port) => {
            if let Some(ports) = hooks::ports() {
                ports.exit(port, from, kind, reason);
            }
        }
        Peer::Remote(node, number) => {
            if let Some(distribution) = hooks::distribution() {
                distribution.exit(node, number, from, kind, reason);
            }
        }
    }
}

/// Sends an exit signal of a process, which brings the process's sequential token to one of this node.
pub fn send_exit_of(process: &Process, to: Peer, kind: ExitKind, reason: Term<'_>) {
    let from = Peer::Process(process.pid());
    match to {
        Peer::Process(pid) if !process.seq_token().is_nil() => {
            let message = exit_message(from, reason);
            let token = sequential::exit(process, pid, message.term());
            let message = OwnedTerm::build(|heap| {
                heap.cons(heap.copy_message(message.term()), heap.copy(token))
            });
            exit_process(pid, from, kind, message, true);
        }
        _ => send_exit(to, from, kind, reason),
    }
}

/// Runs `run` on a process of this node, or here with `None` where there is no such process.
pub fn rpc(to: Pid, run: impl FnOnce(Option<&Process>) + Send + 'static) {
    rpc_urgent(to, slice::served(), run);
}

/// The same, where it is as urgent as what a process of such a priority asks for.
pub fn rpc_urgent(to: Pid, urgency: Priority, run: impl FnOnce(Option<&Process>) + Send + 'static) {
    if let Err(Signal::Rpc(run)) = send_urgent(to, Signal::Rpc(Box::new(run)), urgency) {
        run(None);
    }
}
