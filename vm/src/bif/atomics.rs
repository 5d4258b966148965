//! Modules `atomics` and `counters`: arrays of 64-bit integers that all processes share.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::atom::Atom;
use crate::bif::{BifResult, Call, Stop, badarg};
use crate::process::hooks;
use crate::reference;
use crate::term::{Kind, Term};

crate::bifs! {
    "atomics" {
        "put"/3 Plain put_3;
        "get"/2 Plain get_2;
        "add"/3 Plain add_3;
        "add_get"/3 Plain add_get_3;
        "exchange"/3 Plain exchange_3;
        "compare_exchange"/4 Plain compare_exchange_4;
        "info"/1 Plain info_1;
    }
    "erts_internal" {
        "atomics_new"/2 Plain atomics_new_2;
        "counters_new"/1 Plain counters_new_1;
        "counters_get"/2 Plain counters_get_2;
        "counters_add"/3 Plain counters_add_3;
        "counters_put"/3 Plain counters_put_3;
        "counters_info"/1 Plain counters_info_1;
    }
}

/// An array behind a reference of `atomics`.
struct Atomics {
    signed: bool,
    values: Box<[AtomicI64]>,
}

/// Counters that fit a cache line.
const LINE: usize = 8;

/// Counters next to each other that only one scheduler adds to.
#[repr(align(64))]
#[derive(Default)]
struct Line([AtomicI64; LINE]);

/// An array behind a reference of `counters` with write concurrency: every scheduler adds to a row of its own, and a
/// counter's value is the sum of its column. The first row is that of all other threads.
struct Counters {
    size: usize,
    rows: usize,
    lines: Box<[Line]>,
}

impl Counters {
    /// Of so many counters, for the node's schedulers; none if there would be too many.
    fn new(size: usize) -> Option<Counters> {
        let rows = hooks::schedulers().map_or(1, |schedulers| schedulers.count() as usize + 1);
        let lines = size.div_ceil(LINE).checked_mul(rows)?;
        if lines > isize::MAX as usize / size_of::<Line>() {
            return None;
        }
        Some(Counters {
            size,
            rows,
            lines: (0..lines).map(|_| Line::default()).collect(),
        })
    }

    /// The words that make up a counter.
    fn column(&self, index: usize) -> impl Iterator<Item = &AtomicI64> {
        (0..self.rows).map(move |row| self.at(row, index))
    }

    fn at(&self, row: usize, index: usize) -> &AtomicI64 {
        let lines = self.lines.len() / self.rows;
        &self.lines[row * lines + index / LINE].0[index % LINE]
    }

    /// The word that the running thread adds to.
    fn mine(&self, index: usize) -> &AtomicI64 {
        let row = hooks::schedulers().map_or(0, |schedulers| schedulers.current() as usize);
        self.at(if row < self.rows { row } else { 0 }, index)
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.lines) + 40
    }
}

fn zeros(count: usize) -> Box<[AtomicI64]> {
    (0..count).map(|_| AtomicI64::new(0)).collect()
}

/// How many are wanted.
fn count<'p>(wanted: Term<'p>) -> Result<usize, Stop<'p>> {
    match wanted.kind() {
        Kind::Small(count @ 1..) => usize::try_from(count).map_err(|_| badarg()),
        Kind::Big(count) if !count.negative => Err(crate::bif::system_limit()),
        _ => Err(badarg()),
    }
}

fn atomics_new_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let count = count(call.arg(0))?;
    if count > isize::MAX as usize / 16 {
        return Err(crate::bif::system_limit());
    }
    let options = call.arg(1).as_usize().ok_or_else(badarg)?;
    let atomics = Atomics {
        signed: options & 1 != 0,
        values: zeros(count),
    };
    Ok(call.heap.magic_ref(Arc::new(atomics), reference::next()))
}

/// The index, from 0, that a call names in an array of so many values.
fn index<'p>(call: Call<'p>, size: usize) -> Result<usize, Stop<'p>> {
    let index = call
        .arg(1)
        .as_usize()
        .filter(|index| (1..=size).contains(index));
    Ok(index.ok_or_else(badarg)? - 1)
}

fn atomics<'p>(call: Call<'p>) -> Result<(&'p Atomics, &'p AtomicI64), Stop<'p>> {
    let atomics = call.arg(0).resource::<Atomics>().ok_or_else(badarg)?;
    let index = index(call, atomics.values.len())?;
    Ok((atomics, &atomics.values[index]))
}

/// The value of an argument that fits 64 bits of the array's sort.
fn value<'p>(term: Term<'p>, signed: bool) -> Result<i64, Stop<'p>> {
    let value = if signed {
        term.as_i64()
    } else {
        term.as_u64().map(|value| value as i64)
    };
    value.ok_or_else(badarg)
}

/// The same for an increment, which may be of either sort.
fn increment<'p>(term: Term<'p>) -> Result<i64, Stop<'p>> {
    term.as_i64()
        .or_else(|| term.as_u64().map(|value| value as i64))
        .ok_or_else(badarg)
}

fn result<'p>(call: Call<'p>, value: i64, signed: bool) -> Term<'p> {
    if signed {
        call.heap.integer(value)
    } else {
        call.heap.unsigned(value as u64)
    }
}

fn put_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (array, slot) = atomics(call)?;
    slot.store(value(call.arg(2), array.signed)?, Ordering::SeqCst);
    Ok(Term::OK)
}

fn get_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (array, slot) = atomics(call)?;
    Ok(result(call, slot.load(Ordering::SeqCst), array.signed))
}

fn add_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (_, slot) = atomics(call)?;
    slot.fetch_add(increment(call.arg(2))?, Ordering::SeqCst);
    Ok(Term::OK)
}

fn add_get_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (array, slot) = atomics(call)?;
    let increment = increment(call.arg(2))?;
    let old = slot.fetch_add(increment, Ordering::SeqCst);
    Ok(result(call, old.wrapping_add(increment), array.signed))
}

fn exchange_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (array, slot) = atomics(call)?;
    let old = slot.swap(value(call.arg(2), array.signed)?, Ordering::SeqCst);
    Ok(result(call, old, array.signed))
}

fn compare_exchange_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let (array, slot) = atomics(call)?;
    let expected = value(call.arg(2), array.signed)?;
    let desired = value(call.arg(3), array.signed)?;
    match slot.compare_exchange(expected, desired, Ordering::SeqCst, Ordering::SeqCst) {
        Ok(_) => Ok(Term::OK),
        Err(actual) => Ok(result(call, actual, array.signed)),
    }
}

fn info_of<'p>(call: Call<'p>, pairs: &[(&'static str, Term<'p>)]) -> Term<'p> {
    let mut pairs: Vec<(Term<'p>, Term<'p>)> = pairs
        .iter()
        .map(|&(key, value)| (Term::atom(Atom::from_static(key)), value))
        .collect();
    pairs.sort_by(|(a, _), (b, _)| a.compare(*b));
    let (keys, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    call.heap.flat_map(&keys, &values)
}

fn info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let array = call.arg(0).resource::<Atomics>().ok_or_else(badarg)?;
    let (min, max) = if array.signed {
        (call.heap.integer(i64::MIN), call.heap.integer(i64::MAX))
    } else {
        (Term::int(0), call.heap.unsigned(u64::MAX))
    };
    let memory = Term::size(array.values.len() * 8 + 40);
    Ok(info_of(
        call,
        &[
            ("size", Term::size(array.values.len())),
            ("max", max),
            ("min", min),
            ("memory", memory),
        ],
    ))
}

fn counters_new_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let count = count(call.arg(0))?;
    let counters = Counters::new(count).ok_or_else(crate::bif::system_limit)?;
    Ok(call.heap.magic_ref(Arc::new(counters), reference::next()))
}

/// The counters that a call names, and which of them.
fn counter<'p>(call: Call<'p>) -> Result<(&'p Counters, usize), Stop<'p>> {
    let counters = call.arg(0).resource::<Counters>().ok_or_else(badarg)?;
    Ok((counters, index(call, counters.size)?))
}

fn counters_get_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (counters, index) = counter(call)?;
    let sum = counters.column(index).fold(0i64, |sum, word| {
        sum.wrapping_add(word.load(Ordering::Relaxed))
    });
    Ok(call.heap.integer(sum))
}

fn counters_add_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (counters, index) = counter(call)?;
    let increment = increment(call.arg(2))?;
    counters.mine(index).fetch_add(increment, Ordering::Relaxed);
    Ok(Term::OK)
}

fn counters_put_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (counters, index) = counter(call)?;
    let mut new = value(call.arg(2), true)?;
    for word in counters.column(index) {
        word.store(std::mem::take(&mut new), Ordering::Relaxed);
    }
    Ok(Term::OK)
}

fn counters_info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let counters = call.arg(0).resource::<Counters>().ok_or_else(badarg)?;
    let memory = Term::size(counters.bytes());
    Ok(info_of(
        call,
        &[("size", Term::size(counters.size)), ("memory", memory)],
    ))
}
