//! `phash/2`, `phash2/1,2` and comparison for the library: hashes that are the same on every node.

#![forbid(unsafe_code)]

use crate::bif::{BifResult, Call, Stop, badarg};
use crate::numeric::hash::phash;
use crate::term::Term;

crate::bifs! { "erlang":
    "phash"/2 Plain phash_2;
    "phash2"/1 Plain phash2_1;
    "phash2"/2 Plain phash2_2;
}

/// A range from 1 to 2^32; none within stands for 2^32, which no 32 bits hold.
fn range<'p>(term: Term<'p>) -> Result<Option<u32>, Stop<'p>> {
    let range = term
        .as_u64()
        .filter(|range| (1..=1 << 32).contains(range))
        .ok_or_else(badarg)?;
    Ok(u32::try_from(range).ok())
}

fn phash_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let range = range(call.arg(1))?;
    Ok(call
        .heap
        .unsigned(phash::in_range(call.arg(0).phash(), range)))
}

fn phash2_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call
        .heap
        .unsigned(u64::from(call.arg(0).phash2() & ((1 << 27) - 1))))
}

fn phash2_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let hash = call.arg(0).phash2();
    Ok(call.heap.unsigned(u64::from(match range(call.arg(1))? {
        None => hash,
        Some(range) => hash % range,
    })))
}
