//! The BIFs of ports.
//!
//! Those of `erts_internal` return atoms for errors (`badarg`, `badopt`, `notsup`, …), which the functions
//! of module `erlang` turn into exceptions. A port is given by its identifier or its registered name.

#![forbid(unsafe_code)]

mod ddll;
mod driver;
mod info;
mod open;
mod os;

use crate::handle::PortId;
use crate::node::node;
use crate::port::Port;
use std::sync::Arc;
use vm::bif::BifEntry;
use vm::process::registry;
use vm::process::signal::Peer;
use vm::term::{Kind, Term};

/// The tables of the files here.
#[must_use]
pub fn tables() -> Vec<&'static [BifEntry]> {
    vec![ddll::BIFS, driver::BIFS, info::BIFS, open::BIFS, os::BIFS]
}

/// The port that a term means, if it can be used.
fn lookup(term: Term<'_>) -> Option<Arc<Port>> {
    let id = match term.kind() {
        Kind::Port(port) => port,
        Kind::Atom(name) => match registry::whereis(name)? {
            Peer::Port(port) => port,
            _ => return None,
        },
        _ => return None,
    };
    node().table().open(PortId(id.0))
}
