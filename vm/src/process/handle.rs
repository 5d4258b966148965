//! What a process does about its signals.
//!
//! [`Process::handle_signals`] is called when the process is scheduled; `receive` fetches more when it has
//! seen all messages. Signals are handled in the order in which they came; a message joins the mailbox, so
//! it is visible to `receive` after what was sent before it took effect, and not earlier.

use super::Process;
use super::alias;
use super::flags::Flag;
use super::hooks::{self, RemoteTo};
use super::queue::Node;
use super::relations::{AliasKind, Monitored, Target};
use super::signal::{self, ExitKind, Origin, Peer, RefNumber, Signal};
use crate::atom;
use crate::atom::well_known;
use crate::heap::OwnedTerm;
use crate::term::{Kind, Term};
use crate::trace::events;

/// Signals handled before the process gives way to others (they cost reductions besides).
const BATCH: usize = 4000;
/// Signals that are not messages, for a reduction.
const MESSAGES_PER_REDUCTION: usize = 8;

impl Process {
    /// Takes what has come and handles it. True when all is handled; false when there was too much for
    /// one slice, or the process is ending.
    pub fn handle_signals(&self) -> bool {
        self.take_signals();
        let mut messages = 0;
        for _ in 0..BATCH {
            if self.must_leave() {
                return false;
            }
            let Some(node) = self.fetched.borrow_mut().pop() else {
                self.charge(messages / MESSAGES_PER_REDUCTION);
                return true;
            };
            self.signalled.set(true);
            if matches!(node.item, Signal::Message(_) | Signal::Notice(_)) {
                messages += 1;
                self.append(node);
            } else {
                self.charge(1);
                self.handle(node);
            }
        }
        self.charge(BATCH / MESSAGES_PER_REDUCTION);
        false
    }

    /// Handles what has come, where `receive` has seen all messages.
    pub(super) fn fetch_signals(&self) {
        if self.shared.queue.is_empty() && self.fetched.borrow().is_empty() {
            return;
        }
        self.handle_signals();
    }

    /// Moves the outer queue to the fetched signals.
    pub(super) fn take_signals(&self) {
        if self.shared.queue.is_empty() {
            return;
        }
        // Off before the queue is read: what comes later sets it again.
        if self.shared.state.is_notified() {
            self.shared.state.seen();
        }
        self.fetched.borrow_mut().append(self.shared.queue.take());
    }

    /// Whether signals wait to be handled.
    pub fn has_signals(&self) -> bool {
        !self.shared.queue.is_empty() || !self.fetched.borrow().is_empty()
    }

    fn handle(&self, node: Box<Node<Signal>>) {
        match node.item {
            Signal::Message(_) | Signal::Notice(_) | Signal::Traced { .. } => self.append(node),
            Signal::AliasMessage {
                alias,
                message,
                traced,
            } => {
                if self.accepts_alias_message(alias) {
                    match traced {
                        None => self.deliver(message),
                        from => self.append(Node::new(Signal::Traced {
                            from,
                            pair: message,
                        })),
                    }
                }
            }
            Signal::Exit {
                from,
                kind,
                message,
                has_token,
            } => self.handle_exit(from, kind, message, has_token),
            Signal::Link { from } => {
                self.relations.accept_link(from);
                events::process(self, atom!("getting_linked"), from.term(self.heap()));
            }
            Signal::Unlink { from, id } => {
                if self.relations.remove_link(from) {
                    events::process(self, atom!("getting_unlinked"), from.term(self.heap()));
                }
                self.acknowledge_unlink(from, id);
            }
            Signal::UnlinkAck { from, id } => self.relations.end_unlink(from, id),
            Signal::Monitor {
                reference,
                origin,
                name,
            } => self
                .relations
                .add_monitored(reference, Monitored { origin, name }),
            Signal::Demonitor { reference } => {
                self.relations.remove_monitored(reference);
            }
            Signal::Down { reference, message } => self.handle_down(reference, message),
            Signal::Change { reference, message } => {
                if self.relations.with_monitor(reference, |_| ()).is_some() {
                    self.notify(self.with_tag(reference, message));
                }
            }
            Signal::Rpc(run) => run(Some(self)),
            Signal::Timeout(number) => self.timeout_fired(number),
            Signal::Poke => {
                // What was done beside the schedulers is done.
                self.flags.set(Flag::Works, false);
            }
            Signal::Seen(_) | Signal::SeenNotice(_) | Signal::SeenPair(_) | Signal::Marker => {
                unreachable!("only a mailbox has these")
            }
        }
    }

    /// Puts a message of a process into the mailbox.
    pub fn deliver(&self, message: OwnedTerm) {
        self.append(Node::new(Signal::Message(message)));
    }

    /// Puts a message of something that is no process into the mailbox.
    fn notify(&self, message: OwnedTerm) {
        self.append(Node::new(Signal::Notice(message)));
    }

    /// A message joins the mailbox.
    fn append(&self, node: Box<Node<Signal>>) {
        if events::receives(self) {
            match &node.item {
                Signal::Message(message) | Signal::Notice(message) => {
                    events::receive(self, None, message.term());
                }
                Signal::Traced { from, pair } => {
                    if let Some(cell) = pair.term().as_cons() {
                        events::receive(self, *from, cell.head());
                    }
                }
                _ => {}
            }
        }
        self.mailbox.append(node);
    }

    fn acknowledge_unlink(&self, to: Peer, id: u64) {
        acknowledge_unlink(Peer::Process(self.pid), to, id);
    }

    fn handle_exit(&self, from: Peer, kind: ExitKind, message: OwnedTerm, has_token: bool) {
        if kind == ExitKind::Link {
            if !self.relations.remove_link(from) {
                return;
            }
            events::process(self, atom!("getting_unlinked"), from.term(self.heap()));
        }
        let reason = exit_reason(&message);
        if kind != ExitKind::Link && reason.is_atom(well_known::KILL) {
            self.begin_exit(Term::atom(well_known::KILLED));
        } else if self.traps_exits() {
            match (has_token, from) {
                (true, Peer::Process(pid)) => self.append(Node::new(Signal::Traced {
                    from: Some(pid),
                    pair: message,
                })),
                _ => self.deliver(message),
            }
        } else if kind == ExitKind::Suicide || !reason.is_atom(well_known::NORMAL) {
            let message = message.adopt(self.heap());
            let [_, _, reason] = message
                .as_cons()
                .map_or(message, |pair| pair.head())
                .as_tuple_of::<3>()
                .expect("an exit message is a tuple of three");
            self.begin_exit(reason);
        }
    }

    fn handle_down(&self, reference: RefNumber, message: OwnedTerm) {
        let Some(alias) = self
            .relations
            .with_monitor(reference, |monitor| {
                (monitor.target != Target::Alias).then_some(monitor.alias)
            })
            .flatten()
        else {
            return;
        };
        // In the stock VM only a message whose reason takes memory ends a sequential trace.
        let reason = message.term().as_tuple_of::<5>().map(|message| message[4]);
        let takes_memory = reason.is_some_and(|reason| reason.kind_if_boxed().is_some());
        let message = self.with_tag(reference, message);
        self.end_monitor(reference, alias);
        if takes_memory {
            self.deliver(message);
        } else {
            self.notify(message);
        }
    }

    /// A monitor ends: what is left of its entry is the alias, if that goes on.
    pub fn end_monitor(&self, reference: RefNumber, alias: Option<AliasKind>) {
        if alias == Some(AliasKind::Explicit) {
            self.relations
                .with_monitor(reference, |monitor| monitor.target = Target::Alias);
            return;
        }
        self.relations.take_monitor(reference);
        if alias.is_some() {
            alias::forget(reference);
        }
    }

    /// The message with the tag that its monitor asked for.
    fn with_tag(&self, reference: RefNumber, message: OwnedTerm) -> OwnedTerm {
        let tag = self
            .relations
            .with_monitor(reference, |monitor| monitor.tag.clone())
            .flatten();
        match tag {
            None => message,
            Some(tag) => OwnedTerm::build(|heap| {
                let message = message.adopt(heap);
                let mut elements = message
                    .as_tuple()
                    .expect("a monitor's message is a tuple")
                    .elements()
                    .to_vec();
                elements[0] = (*tag).adopt(heap);
                heap.tuple(&elements)
            }),
        }
    }
}

/// Tells the other side of a link that its unlink was seen.
pub(super) fn acknowledge_unlink(from: Peer, to: Peer, id: u64) {
    let Peer::Process(pid) = from else {
        return;
    };
    match to {
        Peer::Process(to) => {
            let _ = signal::send(to, Signal::UnlinkAck { from, id });
        }
        Peer::Port(port) => {
            if let Some(ports) = hooks::ports() {
                ports.unlink_ack(port, pid, id);
            }
        }
        Peer::Remote(node, number) => {
            if let Some(distribution) = hooks::distribution() {
                distribution.unlink_ack(node, number, pid, id);
            }
        }
    }
}

/// The reason in `{'EXIT', From, Reason}`, or in a cell of that and a token.
pub fn exit_reason(message: &OwnedTerm) -> Term<'_> {
    let message = message.term();
    message
        .as_cons()
        .map_or(message, |pair| pair.head())
        .as_tuple_of::<3>()
        .map(|[_, _, reason]| reason)
        .expect("an exit message is a tuple of three")
}

/// Tells whoever monitors that what it monitored is gone. `who` is a process of this node.
pub(super) fn send_down(
    reference: RefNumber,
    monitored: &Monitored,
    who: crate::term::Pid,
    reason: Term<'_>,
) {
    match &monitored.origin {
        Origin::Process(origin) => {
            let message = signal::down_message(
                reference,
                well_known::PROCESS,
                |heap| match monitored.name {
                    None => Term::pid(who),
                    Some(name) => {
                        heap.tuple(&[Term::atom(name), Term::atom(crate::node_name::this().0)])
                    }
                },
                reason,
            );
            let _ = signal::send(*origin, Signal::Down { reference, message });
        }
        Origin::Remote(node, number) => {
            if let Some(distribution) = hooks::distribution() {
                distribution.down(node, *number, reference, who, monitored.name, reason);
            }
        }
        Origin::Watch(watch) => watch.down(reference, who, reason),
    }
}

/// Asks another node to monitor, or answers `noconnection`.
pub fn monitor_remote(
    process: &Process,
    reference: RefNumber,
    node: crate::atom::Atom,
    to: RemoteTo<'_>,
) -> bool {
    hooks::distribution()
        .is_some_and(|distribution| distribution.monitor(node, to, process.pid(), reference))
}

/// The reference's number, if a term is a reference of this node.
pub fn reference_number(term: Term<'_>) -> Option<RefNumber> {
    match term.kind() {
        Kind::Ref(reference) => Some(reference.number()),
        _ => None,
    }
}
