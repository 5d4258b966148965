//! `erts_debug:get_internal_state/1`: links and monitors of a process as OTP's tests read them.
//!
//! The shapes are those of the records `erl_link` and `erl_monitor` in OTP 25's `erl_link_SUITE`.

#![forbid(unsafe_code)]

use crate::atom;
use crate::atom::Atom;
use crate::bif::process::{answer, internal};
use crate::bif::{BifResult, Call, badarg};
use crate::heap::{Heap, OwnedTerm};
use crate::process::relations::Target;
use crate::process::{Origin, Peer, Process, signal, table};
use crate::term::{Kind, Term};

/// Writes what is asked for of a process.
type List = for<'h> fn(&Process, Heap<'h>) -> Term<'h>;

/// `{link_list, Pid}`.
pub(super) fn links<'p>(call: Call<'p>, of: Term<'p>) -> BifResult<'p> {
    ask(call, of, link_list)
}

/// `{monitor_list, Pid}`.
pub(super) fn monitors<'p>(call: Call<'p>, of: Term<'p>) -> BifResult<'p> {
    ask(call, of, monitor_list)
}

/// The answer is made by the process itself, after all signals that the caller has sent it.
fn ask<'p>(call: Call<'p>, of: Term<'p>, list: List) -> BifResult<'p> {
    let pid = match of.kind() {
        Kind::Pid(pid) => pid,
        // There is no connection that could have any.
        Kind::Atom(_) => return Ok(Term::UNDEFINED),
        _ => return Err(badarg()),
    };
    let process = call.process();
    if pid == process.pid() {
        return Ok(list(process, call.heap));
    }
    if !table::exists(pid) {
        return Ok(Term::UNDEFINED);
    }
    let (requester, reference) = (process.pid(), crate::reference::next());
    signal::rpc(pid, move |process| match process {
        None => answer(requester, reference, Term::UNDEFINED),
        Some(process) => {
            let message = OwnedTerm::build(|heap| {
                heap.tuple(&[heap.reference(reference), list(process, heap)])
            });
            signal::send_message(requester, message);
        }
    });
    process.skip_messages();
    let reference = call.heap.reference(reference);
    Err(internal(atom!("await_result"), &[reference]))
}

fn name<'h>(name: Atom) -> Term<'h> {
    Term::atom(name)
}

fn link_list<'h>(process: &Process, heap: Heap<'h>) -> Term<'h> {
    let links = process.relations().links();
    heap.list_from(links.into_iter().map(|peer| {
        let kind = match peer {
            Peer::Process(_) => atom!("process"),
            Peer::Port(_) => atom!("port"),
            Peer::Remote(..) => atom!("dist_process"),
        };
        heap.tuple(&[
            name(atom!("erl_link")),
            name(kind),
            peer.term(heap),
            name(atom!("linked")),
            Term::NIL,
        ])
    }))
}

fn monitor_list<'h>(process: &Process, heap: Heap<'h>) -> Term<'h> {
    let entry = |kind: Atom, direction: Atom, reference, what, extra: Option<Atom>| {
        heap.tuple(&[
            name(atom!("erl_monitor")),
            name(kind),
            name(direction),
            heap.reference(reference),
            what,
            extra.map_or(Term::NIL, Term::atom),
        ])
    };
    let origin = atom!("origin");
    let made = process.relations().monitors().into_iter();
    let made = made.filter_map(|(reference, target)| {
        let (kind, what, extra) = match target {
            Target::Process(pid, extra) => {
                (atom!("process"), pid.map_or(Term::NIL, Term::pid), extra)
            }
            Target::Port(port, extra) => (atom!("port"), port.map_or(Term::NIL, Term::port), extra),
            Target::Remote(node, number) => {
                (atom!("dist_process"), heap.external_pid(node, number), None)
            }
            Target::RemoteName(extra, node) => (atom!("dist_process"), name(node), Some(extra)),
            Target::TimeOffset => (atom!("time_offset"), name(atom!("clock_service")), None),
            Target::Alias | Target::SpawnRequest => return None,
        };
        Some(entry(kind, origin, reference, what, extra))
    });
    let target = atom!("target");
    let suffered = process.relations().monitored().into_iter();
    let suffered = suffered.filter_map(|(reference, by, extra)| {
        let (kind, what) = match by {
            Origin::Process(pid) => (atom!("process"), Term::pid(pid)),
            Origin::Remote(node, number) => {
                (atom!("dist_process"), heap.external_pid(node, number))
            }
            Origin::Watch(_) => return None,
        };
        Some(entry(kind, target, reference, what, extra))
    });
    heap.list_from(made.chain(suffered).collect::<Vec<_>>())
}
