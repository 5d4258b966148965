//! `erlang:phash/2` and `phash2/1,2`. Large terms give way.

#![forbid(unsafe_code)]

use crate::bif::progress::{give_way, original, resumed};
use crate::bif::{BifResult, Call, Stop, badarg};
use crate::numeric::hash::phash::in_range;
use crate::term::Term;
use crate::term::phash::{Phash2Walk, Suspended};

crate::bifs! { "erlang":
    "phash"/2 Plain phash_2;
    "phash2"/1 Heavy phash2_1;
    "phash2"/2 Heavy phash2_2;
}

/// The largest range: 2^32.
const RANGE_LIMIT: u64 = 1 << 32;
/// Terms or blocks for one reduction.
const STEPS_PER_REDUCTION: usize = 16;
/// Steps after which it is looked whether the slice is used up.
const STRIDE: usize = 256 * STEPS_PER_REDUCTION;

/// A range from 1 to 2^32; none stands for 2^32.
fn range<'p>(term: Term<'p>) -> Result<Option<u32>, Stop<'p>> {
    match term.as_u64() {
        Some(RANGE_LIMIT) => Ok(None),
        Some(range @ 1..RANGE_LIMIT) => Ok(Some(range as u32)),
        _ => Err(badarg()),
    }
}

fn phash_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let range = range(call.arg(1))?;
    Ok(call.heap.unsigned(in_range(call.arg(0).phash(), range)))
}

fn phash2<'p>(call: Call<'p>) -> Result<u32, Stop<'p>> {
    let mut walk = match resumed::<Suspended>(call) {
        None => Phash2Walk::new(original(call)),
        Some((state, terms)) => Phash2Walk::resume(state, terms.to_vec()),
    };
    loop {
        let mut budget = STRIDE;
        let hash = walk.run(&mut budget);
        let used_up = call.charge((STRIDE - budget) / STEPS_PER_REDUCTION);
        match hash {
            Some(hash) => return Ok(hash),
            None if used_up => {
                let (state, terms) = walk.suspend();
                return Err(give_way(call, state, &terms));
            }
            None => {}
        }
    }
}

fn phash2_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::int((phash2(call)? & ((1 << 27) - 1)) as i32))
}

fn phash2_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let range = range(call.arg(1))?;
    let hash = phash2(call)?;
    Ok(call
        .heap
        .unsigned(range.map_or(hash, |range| hash % range).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bif::testing::{compare, run};
    use crate::process::Process;
    use crate::term::Pid;

    #[test]
    fn hashes_are_those_of_the_stock_vm() {
        let terms = [
            "a",
            "[]",
            "1",
            "-1",
            "1.5",
            "{a,[1,2],<<1,2:3>>}",
            "\"abc\"",
            "100000000000000000000",
        ];
        let ranges = ["1", "2", "1000", "4294967296", "4294967297", "0", "-1", "a"];
        let mut calls = Vec::new();
        for term in terms {
            calls.push(format!("erlang:phash2({term})"));
            for range in ranges {
                calls.push(format!("erlang:phash2({term},{range})"));
                calls.push(format!("erlang:phash({term},{range})"));
            }
        }
        compare(&calls);
    }

    #[test]
    fn large_terms_give_way() {
        let process = Process::detached(Pid(1));
        let heap = process.heap();
        let list = heap.list_from((0..300_000).map(|_| heap.tuple(&[Term::OK])));
        let (hash, times) = run(&process, phash2_1, &[list]);
        assert!(times > 1, "{times}");
        let whole = list.phash2() & ((1 << 27) - 1);
        assert_eq!(hash.ok().unwrap().as_u64(), Some(whole.into()));
    }
}
