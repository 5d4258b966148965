//! `os:set_signal/2`.

#![forbid(unsafe_code)]

use crate::signals::{self, Disposition};
use vm::atom;
use vm::bif::{BifResult, Call, badarg, badarg_because};
use vm::term::Term;

vm::bifs! { "os":
    "set_signal"/2 Plain set_signal_2;
}

/// `os:set_signal(Signal, default | handle | ignore)`.
fn set_signal_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let disposition = match call.arg(1).as_atom().map(|atom| atom.name()) {
        Some("default") => Disposition::Default,
        Some("ignore") => Disposition::Ignore,
        Some("handle") => Disposition::Handle,
        _ => return Err(badarg_because(atom!("badopt"))),
    };
    let signal = call.arg(0).as_atom().ok_or_else(badarg)?;
    if signals::set(signal.name(), disposition) {
        Ok(Term::OK)
    } else {
        Err(badarg())
    }
}
