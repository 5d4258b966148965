//! What processes ask of ports.

#![forbid(unsafe_code)]

use crate::handle::PortId;
use crate::node::node;
use crate::port::{Monitored, Op, Port};
use std::sync::Arc;
use vm::atom;
use vm::atom::Atom;
use vm::bif::iolist;
use vm::heap::OwnedTerm;
use vm::process::Process;
use vm::process::hooks::{PortSent, Ports};
use vm::process::signal::{self, ExitKind, Peer, RefNumber, Signal};
use vm::term::{Pid, PortId as Number, Term};

/// The ports of this node, for the processes of it.
pub(crate) struct NodePorts;

fn get(port: Number) -> Option<Arc<Port>> {
    node().table().get(PortId(port.0))
}

fn get_open(port: Number) -> Option<Arc<Port>> {
    node().table().open(PortId(port.0))
}

impl Ports for NodePorts {
    fn exists(&self, port: Number) -> bool {
        get_open(port).is_some()
    }

    fn message(&self, port: Number, from: &Process, message: Term<'_>, suspend: bool) -> PortSent {
        let Some(port) = get_open(port) else {
            return PortSent::Done;
        };
        let op = match parse(message) {
            Message::Command(claimed, data) => {
                if port.is_busy() && (!suspend || port.wait_while_busy(from.pid())) {
                    return PortSent::Busy;
                }
                match iolist::to_iovec(data) {
                    Ok(data) => Op::Command {
                        caller: from.pid(),
                        claimed: Some(claimed),
                        data: data.into_iter().collect(),
                    },
                    Err(_) => Op::BadSignal { bad_output: true },
                }
            }
            Message::Close(claimed) => Op::Close { claimed },
            Message::Connect(claimed, to) => Op::Connect { claimed, to },
            Message::Garbage => Op::BadSignal { bad_output: false },
        };
        port.submit(op);
        PortSent::Done
    }

    fn link(&self, port: Number, from: Pid) -> bool {
        get(port).is_some_and(|port| port.link(from))
    }

    fn unlink(&self, port: Number, from: Pid, id: u64) -> bool {
        let there = get(port).is_some_and(|port| port.unlink(from));
        if there {
            let from_port = Peer::Port(port);
            // The process is running: it is there.
            let _ = signal::send(
                from,
                Signal::UnlinkAck {
                    from: from_port,
                    id,
                },
            );
        }
        there
    }

    fn unlink_ack(&self, _: Number, _: Pid, _: u64) {
        // A port that takes a link down ends at once.
    }

    fn monitor(&self, port: Number, from: Pid, reference: RefNumber, name: Option<Atom>) -> bool {
        get(port).is_some_and(|port| port.add_monitored(reference, Monitored { by: from, name }))
    }

    fn demonitor(&self, port: Number, reference: RefNumber) {
        if let Some(port) = get(port) {
            port.remove_monitored(reference);
        }
    }

    fn exit(&self, port: Number, from: Peer, kind: ExitKind, reason: Term<'_>) {
        // One that is being opened for another process hears of it when it is open.
        if let Some(port) = get(port) {
            let reason = OwnedTerm::message_of(reason);
            port.submit(Op::Exit { from, kind, reason });
        }
    }

    fn set_name(&self, port: Number, name: Option<Atom>) -> bool {
        get(port).is_some_and(|port| port.set_name(name))
    }

    fn name(&self, port: Number) -> Option<Atom> {
        get(port).and_then(|port| port.name())
    }
}

/// What a port can be sent.
enum Message<'h> {
    Command(Pid, Term<'h>),
    Close(Pid),
    Connect(Pid, Option<Pid>),
    Garbage,
}

fn parse(message: Term<'_>) -> Message<'_> {
    let Some([claimed, what]) = message.as_tuple_of::<2>() else {
        return Message::Garbage;
    };
    let Some(claimed) = claimed.as_pid() else {
        return Message::Garbage;
    };
    if what.is_atom(atom!("close")) {
        return Message::Close(claimed);
    }
    match what.as_tuple_of::<2>() {
        Some([tag, data]) if tag.is_atom(atom!("command")) => Message::Command(claimed, data),
        Some([tag, to]) if tag.is_atom(atom!("connect")) => Message::Connect(claimed, to.as_pid()),
        _ => Message::Garbage,
    }
}
