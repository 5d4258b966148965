//! References and unique integers.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{BifResult, Call, badarg};
use crate::heap::Heap;
use crate::reference;
use crate::term::Term;

crate::bifs! { "erlang":
    "make_ref"/0       Plain make_ref_0;
    "unique_integer"/0 Plain unique_integer_0;
    "unique_integer"/1 Plain unique_integer_1;
}

/// What the stock VM's unique integers begin with (the smallest of its small integers).
const FIRST: i128 = -(1 << 59);

static MONOTONIC: AtomicU64 = AtomicU64::new(0);

fn make_ref_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.reference(reference::next()))
}

fn unique_integer_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(integer(call.heap, reference::unique(), false))
}

fn unique_integer_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let (mut monotonic, mut positive) = (false, false);
    for modifier in call.arg(0).proper_list().ok_or_else(badarg)? {
        match modifier.as_atom().map(|atom| atom.name()) {
            Some("monotonic") => monotonic = true,
            Some("positive") => positive = true,
            _ => return Err(badarg()),
        }
    }
    let count = if monotonic {
        MONOTONIC.fetch_add(1, Ordering::SeqCst)
    } else {
        reference::unique()
    };
    Ok(integer(call.heap, count, positive))
}

/// The next of the integers that `unique_integer([monotonic])` gives.
pub(crate) fn next_monotonic() -> i64 {
    let count = MONOTONIC.fetch_add(1, Ordering::SeqCst);
    i64::try_from(i128::from(count) + FIRST).unwrap_or(i64::MAX)
}

/// The integer that the `count`-th call on a thread of the stock VM gives there, where so many bits tell the thread.
pub fn of_thread<'p>(heap: Heap<'p>, thread: u64, thread_bits: u32, count: u64) -> Term<'p> {
    whole(
        heap,
        (i128::from(count) << thread_bits | i128::from(thread)) + FIRST,
    )
}

fn integer<'p>(heap: Heap<'p>, count: u64, positive: bool) -> Term<'p> {
    let value = i128::from(count) + if positive { 1 } else { FIRST };
    whole(heap, value)
}

fn whole<'p>(heap: Heap<'p>, value: i128) -> Term<'p> {
    match i64::try_from(value) {
        Ok(value) => heap.integer(value),
        Err(_) => heap.big(
            value < 0,
            &[
                value.unsigned_abs() as u64,
                (value.unsigned_abs() >> 64) as u64,
            ],
        ),
    }
}
