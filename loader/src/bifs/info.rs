//! What is known about code.

use vm::atom::Atom;
use vm::bif::{BifResult, Call, Stop, badarg};
use vm::code::module::Module;
use vm::code::{Export, Mfa, table};
use vm::heap::Heap;
use vm::term::Term;
use vm::{atom, bifs};

use super::atom;
use crate::literals::decode;

bifs! {
    "erlang" {
        "module_loaded"/1       Plain   module_loaded_1;
        "loaded"/0              Plain   loaded_0;
        "pre_loaded"/0          Plain   pre_loaded_0;
        "check_old_code"/1      Plain   check_old_code_1;
        "function_exported"/3   Plain   function_exported_3;
        "is_builtin"/3          Plain   is_builtin_3;
        "get_module_info"/1     Plain   get_module_info_1;
        "get_module_info"/2     Plain   get_module_info_2;
    }
}

fn module_loaded_1(call: Call<'_>) -> BifResult<'_> {
    Ok(Term::bool(table::current(atom(call, 0)?).is_some()))
}

fn loaded_0(call: Call<'_>) -> BifResult<'_> {
    Ok(call
        .heap
        .list_from(table::loaded().into_iter().map(Term::atom)))
}

fn pre_loaded_0(call: Call<'_>) -> BifResult<'_> {
    Ok(call
        .heap
        .list_from(table::preloaded().into_iter().map(Term::atom)))
}

fn check_old_code_1(call: Call<'_>) -> BifResult<'_> {
    Ok(Term::bool(table::old(atom(call, 0)?).is_some()))
}

/// The entry of the function that three arguments name, if anything knows it.
fn export(call: Call<'_>) -> Result<Option<&'static Export>, Stop<'_>> {
    let (module, function) = (atom(call, 0)?, atom(call, 1)?);
    // A negative arity is no function's, but no error either (OTP 25).
    let arity = call.arg(2).as_small().ok_or_else(badarg)?;
    Ok(u32::try_from(arity).ok().and_then(|arity| {
        Export::existing(Mfa {
            module,
            function,
            arity,
        })
    }))
}

fn function_exported_3(call: Call<'_>) -> BifResult<'_> {
    Ok(Term::bool(export(call)?.is_some_and(Export::is_defined)))
}

fn is_builtin_3(call: Call<'_>) -> BifResult<'_> {
    Ok(Term::bool(export(call)?.is_some_and(Export::is_native)))
}

fn get_module_info_1(call: Call<'_>) -> BifResult<'_> {
    let module = table::current(atom(call, 0)?).ok_or_else(badarg)?;
    let item = |key: Atom| {
        let value = info(call.heap, &module, key).expect("a key that is known");
        call.heap.tuple(&[Term::atom(key), value])
    };
    let keys = [
        atom!("module"),
        atom!("exports"),
        atom!("attributes"),
        atom!("compile"),
        atom!("md5"),
    ];
    Ok(call.heap.list(&keys.map(item)))
}

fn get_module_info_2(call: Call<'_>) -> BifResult<'_> {
    let module = table::current(atom(call, 0)?).ok_or_else(badarg)?;
    let key = atom(call, 1)?;
    info(call.heap, &module, key).ok_or_else(badarg)
}

/// What `Module:module_info(Key)` returns; none for a key that is not known.
fn info<'h>(heap: Heap<'h>, module: &Module, key: Atom) -> Option<Term<'h>> {
    let functions = |functions: &mut dyn Iterator<Item = (Atom, u8)>| {
        heap.list_from(
            functions.map(|(name, arity)| heap.tuple(&[Term::atom(name), Term::int(arity.into())])),
        )
    };
    Some(match key.name() {
        "module" => Term::atom(module.name),
        // The file has them in the reverse of the order of the source.
        "exports" => functions(
            &mut module
                .exports()
                .iter()
                .rev()
                .map(|exported| (exported.name, exported.arity)),
        ),
        "functions" => functions(
            &mut module
                .functions()
                .iter()
                .map(|function| (function.name, function.arity)),
        ),
        "nifs" => functions(
            &mut module
                .natives()
                .iter()
                .map(|function| (function.name, function.arity)),
        ),
        "attributes" => decoded(heap, module.attributes()),
        "compile" => decoded(heap, module.compile_info()),
        "md5" => heap.binary(&module.md5()),
        "native" => Term::FALSE,
        "native_addresses" => Term::NIL,
        _ => return None,
    })
}

/// The term in a chunk; `[]` where there is none.
fn decoded<'h>(heap: Heap<'h>, chunk: &[u8]) -> Term<'h> {
    decode(heap, chunk).unwrap_or(Term::NIL)
}
