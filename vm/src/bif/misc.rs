//! Small BIFs that belong nowhere else: hashes of terms, term order, and the tags of dynamic tracing, which
//! do nothing in a virtual machine built without it.

#![forbid(unsafe_code)]

use std::cmp::Ordering;

use crate::atom::Atom;
use crate::bif::{BifResult, Call, badarg};
use crate::heap::Heap;
use crate::term::word::BoxedKind;
use crate::term::{Kind, Term, views::MapForm};

crate::bifs! {
    "erts_internal" {
        "cmp_term"/2 Plain cmp_term_2;
        "term_type"/1 Plain term_type_1;
    }
    "erlang" {
        "dt_put_tag"/1 Plain dt_undefined_0;
        "dt_get_tag"/0 Plain dt_undefined_0;
        "dt_get_tag_data"/0 Plain dt_undefined_0;
        "dt_spread_tag"/1 Plain dt_spread_tag_1;
        "dt_restore_tag"/1 Plain dt_restore_tag_1;
        "dt_prepend_vm_tag_data"/1 Plain dt_same_1;
        "dt_append_vm_tag_data"/1 Plain dt_same_1;
    }
}

/// The order in which the keys of maps stand: integers before floats. Only its sign means anything.
fn cmp_term_2<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::int(match call.arg(0).compare_keys(call.arg(1)) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}

/// How the stock VM stores a term: it has small integers of 60 bits.
fn term_type_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = match call.arg(0).kind() {
        Kind::Small(value) if value << 4 >> 4 == value => "fixnum",
        Kind::Small(_) => "bignum",
        Kind::Big(_) => "bignum",
        Kind::Float(_) => "hfloat",
        Kind::Atom(_) => "atom",
        Kind::Pid(_) => "pid",
        Kind::Port(_) => "port",
        Kind::Ref(_) => "reference",
        Kind::Nil => "nil",
        Kind::Cons(_) => "list",
        Kind::Tuple(_) => "tuple",
        Kind::Map(map) => match map.form() {
            MapForm::Flat { .. } => "flatmap",
            MapForm::Hash { .. } => "hashmap",
        },
        // The stock VM has a view for what is not of whole bytes.
        Kind::Bits(bits) if !bits.is_binary() => "sub_binary",
        Kind::Bits(_) => match call.arg(0).boxed() {
            Some(BoxedKind::RefBin) => "refc_binary",
            Some(BoxedKind::SubBits) => "sub_binary",
            Some(BoxedKind::MatchContext) => "matchstate",
            _ => "heap_binary",
        },
        Kind::Fun(_) => "fun",
        Kind::Export(_) => "export",
        Kind::ExternalPid(_) => "external_pid",
        Kind::ExternalPort(_) => "external_port",
        Kind::ExternalRef(_) => "external_reference",
    };
    Ok(Term::atom(Atom::from_static(name)))
}

fn dt_undefined_0<'p>(_: Call<'p>) -> BifResult<'p> {
    Ok(Term::UNDEFINED)
}

fn dt_spread_tag_1<'p>(call: Call<'p>) -> BifResult<'p> {
    call.arg(0).as_bool().map(|_| Term::TRUE).ok_or_else(badarg)
}

/// What `dt_spread_tag/1` gave is `true` or a pair of flags and a tag.
fn dt_restore_tag_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let spread = call.arg(0);
    let pair = spread.as_tuple_of::<2>();
    if spread.same(Term::TRUE) || pair.is_some_and(|[flags, _]| flags.as_small().is_some()) {
        Ok(Term::TRUE)
    } else {
        Err(badarg())
    }
}

fn dt_same_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.arg(0))
}

/// A map of atoms to terms, for the results of BIFs.
pub(crate) fn info_map<'h>(heap: Heap<'h>, pairs: &[(&'static str, Term<'h>)]) -> Term<'h> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|&(key, value)| (Term::atom(Atom::from_static(key)), value))
        .collect();
    crate::map::from_pairs(heap, &pairs)
}
