//! The BIFs whose subject is code: loading, deleting and purging it, and what is known about it.
//!
//! A BIF that changes code needs the right to write it ([`Writer`]); who does not get it at once gives way and
//! is called again. What `erts_internal:prepare_loading/2` makes is a magic reference to a [`Prepared`] module.

mod beamfile;
mod debug;
mod info;
mod loading;
mod prepare;
mod purge;
mod release;

use parking_lot::Mutex;
use smallvec::SmallVec;
use std::sync::Arc;

use vm::atom::Atom;
use vm::bif::{BifEntry, Call, Stop, Trap, badarg};
use vm::code::module::Module;
use vm::code::table::Writer;
use vm::term::Term;

/// All tables of this crate.
pub static TABLES: &[&[BifEntry]] = &[
    beamfile::BIFS,
    debug::BIFS,
    info::BIFS,
    loading::BIFS,
    prepare::BIFS,
    purge::BIFS,
    release::BIFS,
];

/// A module that was prepared, until it is loaded.
struct Prepared(Mutex<Option<Arc<Module>>>);

impl Prepared {
    /// The module that a term stands for, if it was not loaded yet.
    fn of(term: Term<'_>) -> Option<Arc<Module>> {
        term.resource::<Prepared>()?.0.lock().clone()
    }
}

/// The right to write code; else the BIF is called again.
fn seize(call: Call<'_>) -> Result<Writer, Stop<'_>> {
    Writer::try_seize().ok_or_else(|| {
        Trap::Yield {
            args: SmallVec::from_slice(call.args()),
        }
        .into()
    })
}

/// An argument that must be an atom.
fn atom(call: Call<'_>, index: usize) -> Result<Atom, Stop<'_>> {
    call.arg(index).as_atom().ok_or_else(badarg)
}
