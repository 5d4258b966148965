//! Preparing: a `.beam` file becomes a module that can be loaded.

use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::Mutex;

use vm::atom::{Atom, well_known};
use vm::bif::{BifResult, Call, Trap, badarg};
use vm::code::module::Module;
use vm::process::crash;
use vm::term::Term;
use vm::{atom, bifs, reference};

use super::{Prepared, atom};
use crate::error::LoadError;
use crate::literals::decode;

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
        Ok(module) if !is_described(call, &module) => Ok(badfile(call)),
        Ok(module) => {
            let prepared = Prepared(Mutex::new(Some(module)));
            let prepared = call.heap.magic_ref(Arc::new(prepared), reference::next());
            // The stock VM does this beside its schedulers, so that other processes have their turn.
            Err(Trap::YieldReturn(prepared).into())
        }
        Err(error) => {
            log_refusal(call, name, &error);
            Ok(badfile(call))
        }
    }
}

fn badfile(call: Call<'_>) -> Term<'_> {
    call.heap
        .tuple(&[Term::atom(well_known::ERROR), Term::atom(atom!("badfile"))])
}

/// Whether the chunks that `Module:module_info/0` shows are terms (OTP 25 refuses others when it loads).
fn is_described(call: Call<'_>, module: &Module) -> bool {
    [module.attributes(), module.compile_info()]
        .iter()
        .all(|chunk| chunk.is_empty() || decode(call.heap, chunk).is_ok())
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
