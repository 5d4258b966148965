//! Sending a message: to a process, a name, a name at a node, a port, or an alias.

use super::Process;
use super::alias;
use super::crash;
use super::hooks::{self, PortSent, RemoteSent, RemoteTo};
use super::registry;
use super::signal::{self, Peer, RefNumber, Signal};
use crate::atom::{Atom, well_known as w};
use crate::bif::{BifResult, Call, Stop, Trap, badarg};
use crate::heap::OwnedTerm;
use crate::node_name::{self, Node};
use crate::term::{Kind, Pid, PortId, Term};
use crate::trace::saved_calls::SavedCall;
use crate::trace::{events, points, sequential};
use std::sync::atomic::Ordering;

/// What sending costs, in reductions.
const COST: usize = 4;

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sent {
    /// It was sent, or there is nobody to get it.
    Done,
    /// There is no connection to the node, and none was wanted.
    NoConnection,
    /// The port or connection is busy; nothing was sent.
    Busy,
}

/// How far a sender goes (`erlang:send/3`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SendOptions {
    /// Whether a connection to another node is set up for it.
    pub connect: bool,
    /// Whether the sender may be suspended.
    pub suspend: bool,
}

/// The options of `!`.
pub const PLAIN: SendOptions = SendOptions {
    connect: true,
    suspend: true,
};

/// `To ! Message`: returns the message.
pub fn send<'p>(call: Call<'p>, to: Term<'p>, message: Term<'p>) -> BifResult<'p> {
    match deliver(call.process(), to, message, PLAIN)? {
        Sent::Done | Sent::NoConnection => {
            call.charge(COST);
            Ok(message)
        }
        Sent::Busy => Err(Trap::Wait {
            args: [to, message].into_iter().collect(),
        }
        .into()),
    }
}

/// Sends a message as far as the options go.
pub fn deliver<'p>(
    process: &'p Process,
    to: Term<'p>,
    message: Term<'p>,
    options: SendOptions,
) -> Result<Sent, Stop<'p>> {
    process.save_call(SavedCall::Send);
    match to.kind() {
        Kind::Pid(pid) => {
            events::send(process, to, message);
            to_process(process, pid, message);
            Ok(Sent::Done)
        }
        Kind::Atom(name) => match registry::whereis(name) {
            Some(peer) => {
                events::send(process, to, message);
                Ok(to_peer(process, peer, message, options))
            }
            None => {
                events::send(process, to, message);
                Err(badarg())
            }
        },
        Kind::Ref(reference) => {
            events::send(process, to, message);
            to_alias(process, to, reference.number(), message);
            Ok(Sent::Done)
        }
        Kind::Port(port) => {
            events::send(process, to, message);
            Ok(to_port(process, port, message, options))
        }
        Kind::Tuple(_) => {
            let Some((name, node)) = name_at_node(to) else {
                return Err(badarg());
            };
            events::send(process, to, message);
            if node == node_name::this().0 {
                return Ok(registry::whereis(name)
                    .map_or(Sent::Done, |peer| to_peer(process, peer, message, options)));
            }
            Ok(to_node(
                process,
                node,
                RemoteTo::Name(name),
                message,
                options,
            ))
        }
        Kind::ExternalPid(id) => {
            events::send(process, to, message);
            let to_remote = RemoteTo::Number(id.data()[0]);
            Ok(to_external(
                process,
                id.node(),
                to,
                to_remote,
                message,
                options,
            ))
        }
        Kind::ExternalRef(id) => {
            let to_remote = RemoteTo::Alias(id.data());
            Ok(to_external(
                process,
                id.node(),
                to,
                to_remote,
                message,
                options,
            ))
        }
        Kind::ExternalPort(id) if id.node().name == node_name::this().0 => {
            discard(process, id.node(), to, message);
            Ok(Sent::Done)
        }
        _ => Err(badarg()),
    }
}

/// `{Name, Node}` taken apart.
pub fn name_at_node(term: Term<'_>) -> Option<(Atom, Atom)> {
    let [name, node] = term.as_tuple_of::<2>()?;
    Some((name.as_atom()?, node.as_atom()?))
}

fn to_process(from: &Process, pid: Pid, message: Term<'_>) {
    if is_marked(from) {
        return to_process_marked(from, pid, message);
    }
    if pid == from.pid() {
        // To oneself the queue's end is where all that was sent before stands already.
        if !from.has_signals() && !events::receives(from) {
            return from.deliver(OwnedTerm::message_of(message));
        }
    }
    // A message to nobody is dropped.
    let _ = signal::send(pid, Signal::Message(OwnedTerm::message_of(message)));
}

/// Whether messages must bring who sent them, or a token.
fn is_marked(from: &Process) -> bool {
    !from.seq_token().is_nil() || points::RECEIVE_NAMES_SENDER.load(Ordering::Relaxed)
}

#[cold]
fn to_process_marked(from: &Process, pid: Pid, message: Term<'_>) {
    let pair = marked(from, Term::pid(pid), message);
    let from = Some(from.pid());
    // A message to nobody is dropped.
    let _ = signal::send(pid, Signal::Traced { from, pair });
}

/// A cell of a message and its sender's token, which is told.
fn marked(from: &Process, to: Term<'_>, message: Term<'_>) -> OwnedTerm {
    let heap = from.heap();
    let token = if from.seq_token().is_nil() {
        Term::NIL
    } else {
        sequential::send(from, heap.copy(to), heap.copy(message))
    };
    OwnedTerm::build(|heap| heap.cons(heap.copy_message(message), heap.copy(token)))
}

fn to_alias(from: &Process, to: Term<'_>, alias: RefNumber, message: Term<'_>) {
    if !is_marked(from) {
        alias::send_to(alias, OwnedTerm::message_of(message), None);
    } else if alias::owner(alias).is_some() {
        alias::send_to(alias, marked(from, to, message), Some(from.pid()));
    }
}

fn to_peer(from: &Process, peer: Peer, message: Term<'_>, options: SendOptions) -> Sent {
    match peer {
        Peer::Process(pid) => {
            to_process(from, pid, message);
            Sent::Done
        }
        Peer::Port(port) => to_port(from, port, message, options),
        Peer::Remote(..) => Sent::Done,
    }
}

fn to_port(from: &Process, port: PortId, message: Term<'_>, options: SendOptions) -> Sent {
    let sent = hooks::ports().map(|ports| ports.message(port, from, message, options.suspend));
    let busy = matches!(sent, Some(PortSent::Busy));
    from.set_waits_for_port(busy && options.suspend);
    if busy { Sent::Busy } else { Sent::Done }
}

fn to_external(
    from: &Process,
    node: &'static Node,
    to: Term<'_>,
    to_remote: RemoteTo<'_>,
    message: Term<'_>,
    options: SendOptions,
) -> Sent {
    if node.name == node_name::this().0 {
        discard(from, node, to, message);
        return Sent::Done;
    }
    self::to_node(from, node.name, to_remote, message, options)
}

fn to_node(
    from: &Process,
    node: Atom,
    to: RemoteTo<'_>,
    message: Term<'_>,
    options: SendOptions,
) -> Sent {
    let Some(distribution) = hooks::distribution() else {
        return Sent::NoConnection;
    };
    match distribution.message(node, to, from, message, options.connect, options.suspend) {
        RemoteSent::Done => Sent::Done,
        RemoteSent::NoConnection => Sent::NoConnection,
        RemoteSent::Busy => Sent::Busy,
    }
}

/// A message to an earlier life of this node is dropped, and logged.
fn discard(from: &Process, node: &Node, to: Term<'_>, message: Term<'_>) {
    let text = format!(
        "Discarding message {} from {} to {} in an old incarnation ({}) of this node ({})\n",
        hooks::print(message),
        hooks::print(Term::pid(from.pid())),
        hooks::print(to),
        node.creation,
        node_name::this().1,
    );
    crash::log_text(w::ERROR, from.group_leader(), Some(from.pid()), &text);
}
