//! BIFs on lists: module `lists`, and `++`, `--`, `length`, `hd`, `tl` of module `erlang`.

#![forbid(unsafe_code)]

use hashbrown::HashTable;
use smallvec::smallvec;

use crate::bif::{BifResult, Call, Stop, Trap, badarg};
use crate::term::{Kind, Term};

crate::bifs! {
    "lists" {
        "reverse"/2 Heavy reverse_2;
        "member"/2 Heavy member_2;
        "keyfind"/3 Heavy keyfind_3;
        "keymember"/3 Heavy keymember_3;
        "keysearch"/3 Heavy keysearch_3;
    }
    "erlang" {
        "++"/2 Heavy append_2;
        "append"/2 Heavy append_2;
        "--"/2 Heavy subtract_2;
        "subtract"/2 Heavy subtract_2;
        "length"/1 Guard length_1;
        "hd"/1 Guard hd_1;
        "tl"/1 Guard tl_1;
    }
}

/// Cells that are visited for one reduction.
const CELLS_PER_REDUCTION: usize = 10;
/// Cells after which a long walk looks whether the slice is used up.
const STRIDE: usize = 4_000;

fn length_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let len = call.arg(0).list_len().ok_or_else(badarg)?;
    call.charge(len / 100);
    Ok(Term::size(len))
}

fn hd_1<'p>(call: Call<'p>) -> BifResult<'p> {
    call.arg(0)
        .as_cons()
        .map(|cell| cell.head())
        .ok_or_else(badarg)
}

fn tl_1<'p>(call: Call<'p>) -> BifResult<'p> {
    call.arg(0)
        .as_cons()
        .map(|cell| cell.tail())
        .ok_or_else(badarg)
}

/// `lists:reverse(List, Tail)`: goes on with what is left and what was reversed when the slice is used up.
fn reverse_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (mut rest, mut reversed) = (call.arg(0), call.arg(1));
    let mut count = 0;
    while let Some(cell) = rest.as_cons() {
        reversed = call.heap.cons(cell.head(), reversed);
        rest = cell.tail();
        count += 1;
        if count % STRIDE == 0 && call.charge(STRIDE / CELLS_PER_REDUCTION) {
            return Err(Trap::Yield {
                args: smallvec![rest, reversed],
            }
            .into());
        }
    }
    call.charge(count % STRIDE / CELLS_PER_REDUCTION);
    if rest.is_nil() {
        Ok(reversed)
    } else {
        Err(badarg())
    }
}

fn member_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let wanted = call.arg(0);
    let mut list = call.arg(1).list();
    let mut count = 0;
    while let Some(element) = list.next() {
        if element.exactly_equals(wanted) {
            call.charge(count % STRIDE / CELLS_PER_REDUCTION);
            return Ok(Term::TRUE);
        }
        count += 1;
        if count % STRIDE == 0 && call.charge(STRIDE / CELLS_PER_REDUCTION) {
            return Err(Trap::Yield {
                args: smallvec![wanted, list.rest()],
            }
            .into());
        }
    }
    call.charge(count % STRIDE / CELLS_PER_REDUCTION);
    if list.rest().is_nil() {
        Ok(Term::FALSE)
    } else {
        Err(badarg())
    }
}

/// The tuple of a list whose element at a position equals a key (`==`).
fn key_search<'p>(call: Call<'p>) -> Result<Option<Term<'p>>, Stop<'p>> {
    let (key, position) = (call.arg(0), call.arg(1));
    let at = position
        .as_usize()
        .filter(|&position| position > 0)
        .ok_or_else(badarg)?
        - 1;
    let mut list = call.arg(2).list();
    let mut count = 0;
    while let Some(element) = list.next() {
        if let Some(tuple) = element.as_tuple()
            && let Some(&value) = tuple.elements().get(at)
            && value.equals(key)
        {
            call.charge(count % STRIDE / CELLS_PER_REDUCTION);
            return Ok(Some(element));
        }
        count += 1;
        if count % STRIDE == 0 && call.charge(STRIDE / CELLS_PER_REDUCTION) {
            return Err(Trap::Yield {
                args: smallvec![key, position, list.rest()],
            }
            .into());
        }
    }
    call.charge(count % STRIDE / CELLS_PER_REDUCTION);
    if list.rest().is_nil() {
        Ok(None)
    } else {
        Err(badarg())
    }
}

fn keyfind_3<'p>(call: Call<'p>) -> BifResult<'p> {
    key_search(call).map(|found| found.unwrap_or(Term::FALSE))
}

fn keymember_3<'p>(call: Call<'p>) -> BifResult<'p> {
    key_search(call).map(|found| Term::bool(found.is_some()))
}

fn keysearch_3<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(match key_search(call)? {
        Some(tuple) => call.heap.tuple(&[Term::atom(crate::atom!("value")), tuple]),
        None => Term::FALSE,
    })
}

/// `List ++ Tail`.
fn append_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (list, tail) = (call.arg(0), call.arg(1));
    if list.is_nil() {
        return Ok(tail);
    }
    let elements = list.proper_list().ok_or_else(badarg)?;
    call.charge(elements.len() / CELLS_PER_REDUCTION);
    Ok(call.heap.list_with_tail(&elements, tail))
}

/// `List -- Remove`: each element of `Remove` removes the first equal one (`=:=`).
///
/// Counting what is to be removed in a hash table makes it linear, as in OTP since 22.
fn subtract_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let list = call.arg(0).proper_list().ok_or_else(badarg)?;
    let remove = call.arg(1).proper_list().ok_or_else(badarg)?;
    if list.is_empty() || remove.is_empty() {
        return Ok(call.arg(0));
    }
    call.charge((list.len() + remove.len()) / CELLS_PER_REDUCTION);
    let mut counts: HashTable<(Term<'p>, usize)> = HashTable::with_capacity(remove.len());
    for &element in &remove {
        let hash = element.internal_hash();
        match counts.find_mut(hash, |(other, _)| other.exactly_equals(element)) {
            Some((_, count)) => *count += 1,
            None => {
                counts.insert_unique(hash, (element, 1), |(other, _)| other.internal_hash());
            }
        }
    }
    let mut left = remove.len();
    let mut kept = Vec::with_capacity(list.len());
    for (index, &element) in list.iter().enumerate() {
        if left == 0 {
            // The rest is shared with the original list.
            let mut rest = call.arg(0).list();
            rest.by_ref().take(index).for_each(drop);
            return Ok(call.heap.list_with_tail(&kept, rest.rest()));
        }
        match counts.find_mut(element.internal_hash(), |(other, count)| {
            *count > 0 && other.exactly_equals(element)
        }) {
            Some((_, count)) => {
                *count -= 1;
                left -= 1;
            }
            None => kept.push(element),
        }
    }
    Ok(call.heap.list(&kept))
}

/// Whether a term is a list of characters that fit a byte: what decides how some BIFs read it.
pub(crate) fn byte_list(term: Term<'_>) -> Option<Vec<u8>> {
    let mut list = term.list();
    let mut bytes = Vec::new();
    for element in list.by_ref() {
        match element.kind() {
            Kind::Small(byte) => bytes.push(u8::try_from(byte).ok()?),
            _ => return None,
        }
    }
    list.rest().is_nil().then_some(bytes)
}
