//! `erlang:load_nif/2`.

use vm::atom::{Atom, well_known};
use vm::bif::{BifResult, Call, badarg};
use vm::code::{native, table};
use vm::term::Term;

use crate::MODULES;

vm::bifs! { "erlang":
    "load_nif"/2 Heavy load_nif_2;
}

/// `{error, {Reason, Text}}`.
fn failed<'p>(call: Call<'p>, reason: &'static str, text: &str) -> BifResult<'p> {
    let reason = Term::atom(Atom::from_static(reason));
    let reason = call.heap.tuple(&[reason, call.heap.string(text)]);
    Ok(call.heap.tuple(&[Term::atom(well_known::ERROR), reason]))
}

/// The text of a path: a list of characters or a binary.
fn path(term: Term<'_>) -> Option<String> {
    if let Some(bytes) = term.as_bits().and_then(|bits| bits.binary()) {
        return String::from_utf8(bytes.into_owned()).ok();
    }
    let characters = term.proper_list()?;
    characters
        .into_iter()
        .map(|char| {
            char.as_small()
                .and_then(|code| u32::try_from(code).ok())
                .and_then(char::from_u32)
        })
        .collect()
}

fn load_nif_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let path = path(call.arg(0)).ok_or_else(badarg)?;
    let Some(module) = table::find_module(call.process().position()) else {
        return failed(
            call,
            "bad_lib",
            "load_nif/2 must be called by the module that the library is for",
        );
    };
    let Some(found) = MODULES.iter().find(|native| native.name == path) else {
        let text = format!(
            "Failed to load NIF library {path}: 'shared objects cannot be loaded by this machine'"
        );
        return failed(call, "load_failed", &text);
    };
    if !(found.load)(call.arg(1)) {
        return failed(call, "load", "Library load-call unsuccessful (1).");
    }
    match native::install(&module, found.functions) {
        Ok(()) => Ok(Term::OK),
        Err(native::NoSuchFunction(function)) => {
            let text = format!(
                "Function not found {}:{}/{}",
                module.name, function.function, function.arity
            );
            failed(call, "bad_lib", &text)
        }
    }
}
