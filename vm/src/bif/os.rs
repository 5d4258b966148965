//! BIFs of module `os` on the environment and the operating-system process, and `error_logger:warning_map/0`.

#![forbid(unsafe_code)]

use crate::bif::{BifResult, Call, Stop, badarg, settings, unicode};
use crate::environment;
use crate::heap::Heap;
use crate::term::Term;

crate::bifs! {
    "os" {
        "getenv"/1 Plain getenv_1;
        "env"/0 Plain env_0;
        "putenv"/2 Plain putenv_2;
        "unsetenv"/1 Plain unsetenv_1;
        "getpid"/0 Plain getpid_0;
    }
    "error_logger" {
        "warning_map"/0 Plain warning_map_0;
    }
}

/// A value as the system has it: a (deep) list of characters without zeros.
fn value<'p>(term: Term<'p>) -> Result<Vec<u8>, Stop<'p>> {
    if term.as_cons().is_none() && !term.is_nil() {
        return Err(badarg());
    }
    unicode::native_name(term).ok_or_else(badarg)
}

/// A name, which has no `=` in it.
fn name<'p>(term: Term<'p>) -> Result<Vec<u8>, Stop<'p>> {
    value(term).and_then(|name| {
        if name.contains(&b'=') {
            Err(badarg())
        } else {
            Ok(name)
        }
    })
}

/// Text of the system: characters in the encoding of names of files, or bytes where it is not in it.
fn text<'h>(heap: Heap<'h>, native: &[u8]) -> Term<'h> {
    unicode::name_from_native(heap, native).unwrap_or_else(|| heap.byte_list(native, Term::NIL))
}

fn getenv_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let found = environment::get(&name(call.arg(0))?);
    Ok(found.map_or(Term::FALSE, |value| text(call.heap, &value)))
}

fn env_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let variables = environment::all();
    let pairs = variables.iter().map(|(name, value)| {
        call.heap
            .tuple(&[text(call.heap, name), text(call.heap, value)])
    });
    Ok(call.heap.list_from(pairs))
}

fn putenv_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (name, value) = (name(call.arg(0))?, value(call.arg(1))?);
    environment::set(&name, &value);
    Ok(Term::TRUE)
}

fn unsetenv_1<'p>(call: Call<'p>) -> BifResult<'p> {
    environment::unset(&name(call.arg(0))?);
    Ok(Term::TRUE)
}

fn getpid_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.string(&std::process::id().to_string()))
}

fn warning_map_0<'p>(_: Call<'p>) -> BifResult<'p> {
    Ok(Term::atom(settings::warning_map()))
}
