//! `erts_debug`: how loaded code looks.

use std::sync::Arc;

use vm::bif::{BifResult, Call, badarg};
use vm::bifs;
use vm::code::listing::Listing;
use vm::code::module::Module;
use vm::code::{Instr, table};
use vm::term::{Kind, Term};

bifs! {
    "erts_debug" {
        "disassemble"/1     Plain   disassemble_1;
        "instructions"/0    Plain   instructions_0;
    }
}

/// The names of all instructions.
fn instructions_0(call: Call<'_>) -> BifResult<'_> {
    Ok(call
        .heap
        .list_from(Instr::NAMES.iter().map(|name| call.heap.string(name))))
}

/// OTP 25, `erts_debug:disassemble/1`: of a function or an address, the address of the next instruction, the
/// text of this one, and whose it is; `undef` where there is no such function, `false` for other addresses.
fn disassemble_1(call: Call<'_>) -> BifResult<'_> {
    let (module, index) = match call.arg(0).kind() {
        Kind::Tuple(tuple) => {
            let &[module, function, arity] = tuple.elements() else {
                return Err(badarg());
            };
            let (Some(module), Some(function), Some(arity)) =
                (module.as_atom(), function.as_atom(), arity.as_small())
            else {
                return Err(badarg());
            };
            let found = table::current(module).and_then(|module| {
                let is_it = |known: &&vm::code::module::Function| {
                    known.name == function && i64::from(known.arity) == arity
                };
                let entry = module.functions().iter().find(is_it)?.entry;
                Some((module, entry as usize - 1))
            });
            match found {
                Some(found) => found,
                None => return Ok(Term::atom(vm::atom::well_known::UNDEF)),
            }
        }
        _ => {
            let address = call.arg(0).as_u64().ok_or_else(badarg)?;
            match at_address(address) {
                Some(found) => found,
                None => return Ok(Term::FALSE),
            }
        }
    };
    let at = module.address(index as u32);
    let Some(location) = module.locate(at) else {
        return Ok(Term::FALSE);
    };
    let text = format!("{at:p}: {}\n", Listing::new(&module).instruction(index));
    let mfa = location.mfa;
    let mfa = [
        Term::atom(mfa.module),
        Term::atom(mfa.function),
        Term::int(mfa.arity as i32),
    ];
    let next = at as u64 + size_of::<Instr>() as u64;
    Ok(call.heap.tuple(&[
        call.heap.unsigned(next),
        call.heap.binary(text.as_bytes()),
        call.heap.tuple(&mfa),
    ]))
}

/// The instruction at an address, if one begins there.
fn at_address(address: u64) -> Option<(Arc<Module>, usize)> {
    let module = table::find_module(std::ptr::without_provenance(address as usize))?;
    let offset = address as usize - module.range().start as usize;
    offset
        .is_multiple_of(size_of::<Instr>())
        .then(|| (module, offset / size_of::<Instr>()))
}
