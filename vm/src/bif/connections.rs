//! BIFs about connections to other nodes, as a node without distribution answers them.

#![forbid(unsafe_code)]

use crate::bif::{BifResult, Call, badarg, error};
use crate::heap::OwnedTerm;
use crate::process::{hooks, signal};
use crate::term::{Kind, Term};

crate::bifs! {
    "net_kernel" {
        "dflag_unicode_io"/1 Plain dflag_unicode_io_1;
    }
    "erlang" {
        "monitor_node"/2 Plain monitor_node_2;
        "monitor_node"/3 Plain monitor_node_2;
    }
}

/// Whether the node of a process understands I/O requests with characters beyond Latin-1.
fn dflag_unicode_io_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Pid(_) => Ok(Term::TRUE),
        Kind::ExternalPid(_) => Ok(Term::bool(hooks::distribution().is_some())),
        _ => Err(badarg()),
    }
}

fn monitor_node_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (node, on) = (
        call.arg(0).as_atom().ok_or_else(badarg)?,
        call.arg(1).as_bool(),
    );
    on.ok_or_else(badarg)?;
    if node == crate::node_name::this().0 {
        return Ok(Term::TRUE);
    }
    if !crate::node_name::is_alive() {
        return Err(error(crate::atom!("notalive")));
    }
    // No connection comes about, and so the node is down.
    if on == Some(true) {
        let message = OwnedTerm::build(|heap| {
            heap.tuple(&[Term::atom(crate::atom!("nodedown")), Term::atom(node)])
        });
        signal::send_message(call.process().pid(), message);
    }
    Ok(Term::TRUE)
}
