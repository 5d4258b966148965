//! BIFs on funs.

#![forbid(unsafe_code)]

use crate::atom::{Atom, well_known};
use crate::bif::{BifResult, Call, Stop, badarg};
use crate::code::{Export, FunEntry, Mfa};
use crate::term::{Kind, Term};

crate::bifs! {
    "erlang" {
        "fun_info"/2 Plain fun_info_2;
        "fun_info_mfa"/1 Plain fun_info_mfa_1;
        "make_fun"/3 Plain make_fun_3;
    }
}

/// The most arguments of a function.
const MAX_ARITY: usize = 255;

fn function_name<'p>(entry: &FunEntry) -> Term<'p> {
    // Of a fun whose code is gone only the module is known.
    if entry.address().is_null() {
        Term::NIL
    } else {
        Term::atom(entry.function())
    }
}

fn arity<'p>(entry: &FunEntry) -> Term<'p> {
    Term::int(entry.id.arity as i32)
}

fn fun_info_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let item = call.arg(1).as_atom();
    let value = match call.arg(0).kind() {
        Kind::Fun(fun) => {
            let entry = fun.entry();
            let item = item.ok_or_else(badarg)?;
            match item.name() {
                "type" => Term::atom(crate::atom!("local")),
                "pid" => fun.creator(),
                "module" => Term::atom(entry.id.module),
                "new_index" => call.heap.unsigned(entry.id.new_index.into()),
                "new_uniq" => call.heap.binary(&entry.id.new_uniq),
                "index" => call.heap.unsigned(entry.id.index.into()),
                "uniq" => call.heap.unsigned(entry.id.uniq.into()),
                "env" => call.heap.list(fun.env()),
                // Entries live as long as the node and are not counted; the table and this fun refer to it.
                "refc" => Term::int(2),
                "arity" => arity(entry),
                "name" => function_name(entry),
                _ => return Err(badarg()),
            }
        }
        Kind::Export(export) => export_info(export, item.ok_or_else(badarg)?)?,
        _ => return Err(badarg()),
    };
    Ok(call.heap.tuple(&[call.arg(1), value]))
}

fn export_info<'p>(export: &Export, item: Atom) -> BifResult<'p> {
    Ok(match item.name() {
        "type" => Term::atom(well_known::EXTERNAL),
        "module" => Term::atom(export.mfa.module),
        "name" => Term::atom(export.mfa.function),
        "arity" => Term::int(export.mfa.arity as i32),
        "env" => Term::NIL,
        "pid" | "new_index" | "new_uniq" | "index" | "uniq" | "refc" => Term::UNDEFINED,
        _ => return Err(badarg()),
    })
}

fn fun_info_mfa_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let [module, function, arity] = match call.arg(0).kind() {
        Kind::Fun(fun) => {
            let entry = fun.entry();
            [
                Term::atom(entry.id.module),
                function_name(entry),
                arity(entry),
            ]
        }
        Kind::Export(export) => [
            Term::atom(export.mfa.module),
            Term::atom(export.mfa.function),
            Term::int(export.mfa.arity as i32),
        ],
        _ => return Err(badarg()),
    };
    Ok(call.heap.tuple(&[module, function, arity]))
}

fn atom<'p>(term: Term<'p>) -> Result<Atom, Stop<'p>> {
    term.as_atom().ok_or_else(badarg)
}

fn make_fun_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (module, function) = (atom(call.arg(0))?, atom(call.arg(1))?);
    let arity = call
        .arg(2)
        .as_usize()
        .filter(|&arity| arity <= MAX_ARITY)
        .ok_or_else(badarg)?;
    let mfa = Mfa {
        module,
        function,
        arity: arity as u32,
    };
    Ok(call.heap.export_fun(Export::of(mfa)))
}
