//! The end of purged modules' literals, which `erts_literal_area_collector` drives.

use vm::bif::{BifResult, Call};
use vm::bifs;
use vm::code::purge;
use vm::term::Term;

bifs! { "erts_literal_area_collector":
    "release_area_switch"/0     Plain   release_area_switch_0;
}

/// Frees the literals that all processes have answered for; whether there are others to ask them about.
fn release_area_switch_0(_call: Call<'_>) -> BifResult<'_> {
    Ok(Term::bool(purge::next_literals()))
}
