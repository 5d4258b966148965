//! Preparing: a `.beam` file becomes a module that can be loaded.

use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::Mutex;

use vm::atom::{Atom, well_known};
use vm::bif::{BifResult, Call, badarg};
use vm::process::crash;
use vm::term::Term;
use vm::{atom, bifs, reference};

use super::{Prepared, atom};
use crate::error::LoadError;

bifs! { "erts_internal":
    "prepare_loading"/2     Plain   prepare_loading_2;
}

/// Bytes of a file that are linked for a reduction.
const BYTES_PER_REDUCTION: usize = 64;

fn prepare_loading_2(call: Call<'_>) -> BifResult<'_> {
    let name = atom(call, 0)?;
    let bytes: Cow<'_, [u8]> = call
        .arg(1)
        .as_bits()
        .and_then(|bits| bits.binary())
        .ok_or_else(badarg)?;
    call.charge(bytes.len() / BYTES_PER_REDUCTION);
    match crate::link::prepare(name, &bytes) {
        Ok(module) => {
            let prepared = Prepared(Mutex::new(Some(module)));
            Ok(call.heap.magic_ref(Arc::new(prepared), reference::next()))
        }
        Err(error) => {
            log_refusal(call, name, &error);
            Ok(call
                .heap
                .tuple(&[Term::atom(well_known::ERROR), Term::atom(atom!("badfile"))]))
        }
    }
}

fn log_refusal(call: Call<'_>, name: Atom, error: &LoadError) {
    let process = call.process();
    let text = format!("Error loading module {name}:\n  {error}\n");
    crash::log_text(
        well_known::ERROR,
        process.group_leader(),
        Some(process.pid()),
        &text,
    );
}
