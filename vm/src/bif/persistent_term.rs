//! Module `persistent_term`: terms that every process reads without copying.
//!
//! A value lives in a literal area. A replaced or erased one is retired to the literal area collector, which
//! lets every process that still refers to it take a copy before the area goes.

use std::sync::LazyLock;

use hashbrown::HashTable;
use parking_lot::RwLock;

use crate::atom::Atom;
use crate::bif::{BifResult, Call, badarg};
use crate::code::purge;
use crate::heap::literal::LiteralArea;
use crate::term::Term;

crate::bifs! {
    "persistent_term" {
        "put"/2 Plain put_2;
        "get"/0 Plain get_0;
        "get"/1 Plain get_1;
        "get"/2 Plain get_2;
        "erase"/1 Plain erase_1;
        "info"/0 Plain info_0;
    }
    "erts_internal" {
        "erase_persistent_terms"/0 Plain erase_persistent_terms_0;
    }
}

/// A literal area whose only root is `{Key, Value}`.
struct Entry(LiteralArea);

impl Entry {
    fn pair(&self) -> [Term<'_>; 2] {
        self.0.term(0).as_tuple_of().expect("an entry is a pair")
    }
}

static TABLE: LazyLock<RwLock<HashTable<Entry>>> = LazyLock::new(RwLock::default);

/// The value of a key. It stays until the literal area collector has seen every process.
fn find<'p>(key: Term<'_>) -> Option<Term<'p>> {
    let table = TABLE.read();
    let entry = table.find(key.internal_hash(), |entry| {
        entry.pair()[0].exactly_equals(key)
    })?;
    // SAFETY: a literal is freed only after every process, this one included, has given up its references.
    Some(unsafe { Term::from_word(entry.pair()[1].word()) })
}

fn put_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (key, value) = (call.arg(0), call.arg(1));
    if find(key).is_some_and(|old| old.exactly_equals(value)) {
        return Ok(Term::OK);
    }
    let entry = Entry(LiteralArea::build(|heap| {
        vec![heap.tuple(&[heap.copy_sharing(key, true), heap.copy_sharing(value, true)])]
    }));
    let hash = key.internal_hash();
    let mut table = TABLE.write();
    let old = match table.find_entry(hash, |other| other.pair()[0].exactly_equals(key)) {
        Ok(found) => {
            let (old, vacant) = found.remove();
            vacant.insert(entry);
            Some(old)
        }
        Err(_) => {
            table.insert_unique(hash, entry, |entry| entry.pair()[0].internal_hash());
            None
        }
    };
    drop(table);
    if let Some(old) = old {
        purge::release_literals(old.0);
    }
    Ok(Term::OK)
}

fn get_1<'p>(call: Call<'p>) -> BifResult<'p> {
    find(call.arg(0)).ok_or_else(badarg)
}

fn get_2<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(find(call.arg(0)).unwrap_or(call.arg(1)))
}

fn get_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = TABLE.read();
    Ok(call
        .heap
        .list_from(table.iter().map(|entry| call.heap.copy(entry.0.term(0)))))
}

fn erase_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let key = call.arg(0);
    let removed = {
        let mut table = TABLE.write();
        let found = table.find_entry(key.internal_hash(), |entry| {
            entry.pair()[0].exactly_equals(key)
        });
        found.ok().map(|entry| entry.remove().0)
    };
    Ok(match removed {
        Some(entry) => {
            purge::release_literals(entry.0);
            Term::TRUE
        }
        None => Term::FALSE,
    })
}

fn erase_persistent_terms_0<'p>(_call: Call<'p>) -> BifResult<'p> {
    let all = std::mem::take(&mut *TABLE.write());
    for entry in all {
        purge::release_literals(entry.0);
    }
    Ok(Term::OK)
}

fn info_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = TABLE.read();
    let words: usize = table.iter().map(|entry| entry.0.words()).sum();
    let keys = ["count", "memory"].map(|key| Term::atom(Atom::from_static(key)));
    Ok(call.heap.flat_map(
        &keys,
        &[Term::size(table.len()), Term::size(words * 8 + 64)],
    ))
}
