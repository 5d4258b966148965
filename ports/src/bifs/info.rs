//! What is known of ports: `port_info`, `ports`.

#![forbid(unsafe_code)]

use super::lookup;
use crate::node::node;
use crate::port::{Kind as PortKind, Port};
use std::sync::atomic::Ordering;
use vm::atom;
use vm::atom::{Atom, well_known as w};
use vm::bif::{BifResult, Call};
use vm::heap::Heap;
use vm::node_name;
use vm::term::{Kind, Pid, Term};

vm::bifs! {
    "erts_internal" {
        "port_info"/1 Heavy port_info_1;
        "port_info"/2 Heavy port_info_2;
    }
    "erlang" {
        "ports"/0 Heavy ports_0;
    }
}

/// Bytes that the stock VM counts for a link or monitor of a port.
const RELATION_BYTES: usize = 40;

/// `erlang:ports/0`.
fn ports_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let ports: Vec<Term<'_>> = node()
        .table()
        .all()
        .iter()
        .filter(|port| port.is_open())
        .map(|port| port.term())
        .collect();
    call.charge(ports.len());
    Ok(call.heap.list(&ports))
}

/// `erts_internal:port_info/1`.
fn port_info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(other) = no_port(call.arg(0), w::BADARG) {
        return Ok(other);
    }
    let Some(port) = lookup(call.arg(0)) else {
        return Ok(Term::UNDEFINED);
    };
    let heap = call.heap;
    let items = [
        atom!("registered_name"),
        atom!("name"),
        atom!("links"),
        atom!("id"),
        atom!("connected"),
        atom!("input"),
        atom!("output"),
        atom!("os_pid"),
    ];
    let all: Vec<Term<'_>> = items
        .into_iter()
        .filter_map(|item| {
            value(heap, &port, item)
                .flatten()
                .map(|value| pair(heap, item, value))
        })
        .collect();
    Ok(heap.list(&all))
}

/// `erts_internal:port_info/2`.
fn port_info_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(other) = no_port(call.arg(0), atom!("badtype")) {
        return Ok(other);
    }
    let Some(port) = lookup(call.arg(0)) else {
        return Ok(Term::UNDEFINED);
    };
    let Some(item) = call.arg(1).as_atom() else {
        return Ok(Term::atom(w::BADARG));
    };
    Ok(match value(call.heap, &port, item) {
        None => Term::atom(w::BADARG),
        Some(None) => Term::NIL,
        Some(Some(value)) => pair(call.heap, item, value),
    })
}

/// The answer for what is neither a port of this node nor a name.
fn no_port<'p>(term: Term<'p>, otherwise: Atom) -> Option<Term<'p>> {
    match term.kind() {
        Kind::Port(_) | Kind::Atom(_) => None,
        // A port of an earlier life of this node.
        Kind::ExternalPort(id) if id.node().name == node_name::this().0 => Some(Term::UNDEFINED),
        _ => Some(Term::atom(otherwise)),
    }
}

fn pair<'h>(heap: Heap<'h>, item: Atom, value: Term<'h>) -> Term<'h> {
    heap.tuple(&[Term::atom(item), value])
}

fn pids<'h>(heap: Heap<'h>, pids: &[Pid]) -> Term<'h> {
    heap.list_from(pids.iter().map(|pid| Term::pid(*pid)))
}

/// What is known under an item: none where there is no such item, and no value where the port has none.
fn value<'h>(heap: Heap<'h>, port: &Port, item: Atom) -> Option<Option<Term<'h>>> {
    let facts = port.facts.get();
    Some(Some(match item.name() {
        "registered_name" => return Some(port.name().map(Term::atom)),
        "name" => heap.byte_list(&port.settings.name, Term::NIL),
        "links" => pids(heap, &port.links()),
        "id" => Term::size(node().table().index(port.id())),
        "connected" => Term::pid(port.owner()),
        "input" => heap.unsigned(port.input.load(Ordering::Relaxed)),
        "output" => heap.unsigned(port.output.load(Ordering::Relaxed)),
        "os_pid" => match facts.and_then(|facts| facts.os_pid) {
            Some(pid) => heap.unsigned(u64::from(pid)),
            None => Term::UNDEFINED,
        },
        "monitors" => {
            let process = Term::atom(w::PROCESS);
            heap.list_from(
                port.monitors()
                    .iter()
                    .map(|pid| heap.tuple(&[process, Term::pid(*pid)])),
            )
        }
        "monitored_by" => pids(heap, &port.monitored_by()),
        "memory" => Term::size(memory(port)),
        "queue_size" => Term::size(port.queued()),
        // In the stock VM the drivers of programs have a lock for each port, those of descriptors one for all.
        "locking" if port.settings.kind == PortKind::Command && !port.is_forker() => {
            Term::atom(atom!("port_level"))
        }
        "locking" => Term::atom(atom!("driver_level")),
        "parallelism" => Term::bool(port.settings.parallelism),
        _ => return None,
    }))
}

/// What belongs to a port besides the port itself, in bytes.
fn memory(port: &Port) -> usize {
    let relations = port.links().len() + port.monitors().len() + port.monitored_by().len();
    let value = port
        .value()
        .ok()
        .flatten()
        .map_or(0, |value| 8 * value.words());
    relations * RELATION_BYTES + value
}
