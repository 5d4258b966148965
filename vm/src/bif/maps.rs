//! BIFs on maps: module `maps`, and what `erlang`, `erts_internal` and `erts_debug` have for it.
//!
//! What goes over a whole map works in batches and gives way between them ([`progress`]); the place in a hash
//! map where the next batch begins is a hash of its keys.

#![forbid(unsafe_code)]

use super::progress;
use crate::atom;
use crate::atom::well_known;
use crate::bif::{BifResult, Call, Stop, badarg, error_term};
use crate::map::{self, Pair};
use crate::term::{Map, MapForm, Term};

crate::bifs! {
    "maps" {
        "find"/2 Plain find_2;
        "from_keys"/2 Heavy from_keys_2;
        "from_list"/1 Heavy from_list_1;
        "get"/2 Plain map_get_2;
        "is_key"/2 Plain is_map_key_2;
        "keys"/1 Heavy keys_1;
        "merge"/2 Heavy merge_2;
        "put"/3 Plain put_3;
        "remove"/2 Plain remove_2;
        "take"/2 Plain take_2;
        "update"/3 Plain update_3;
        "values"/1 Heavy values_1;
    }
    "erlang" {
        "is_map_key"/2 Guard is_map_key_2;
        "map_get"/2 Guard map_get_2;
        "map_size"/1 Guard map_size_1;
    }
    "erts_internal" {
        "map_hashmap_children"/1 Plain map_hashmap_children_1;
        "map_next"/3 Plain map_next_3;
        "map_to_tuple_keys"/1 Plain map_to_tuple_keys_1;
    }
    "erts_debug" {
        "map_info"/1 Plain map_info_1;
    }
}

/// Associations between two looks at the reductions.
const BATCH: usize = 2048;
/// Associations that are added for one reduction, and that are listed.
const ADDED_PER_REDUCTION: usize = 2;
const LISTED_PER_REDUCTION: usize = 10;
/// How many associations the first step of an iterator over a hash map gives: often no more are wanted.
const FIRST_STEP: usize = map::FLAT_LIMIT;

#[cold]
fn badmap<'p>(call: Call<'p>, term: Term<'p>) -> Stop<'p> {
    error_term(call.heap.tuple(&[Term::atom(well_known::BADMAP), term]))
}

#[cold]
fn badkey<'p>(call: Call<'p>, key: Term<'p>) -> Stop<'p> {
    error_term(call.heap.tuple(&[Term::atom(well_known::BADKEY), key]))
}

/// The map that an argument is.
#[inline]
fn map_arg<'p>(call: Call<'p>, index: usize) -> Result<Map<'p>, Stop<'p>> {
    let term = call.arg(index);
    term.as_map().ok_or_else(|| badmap(call, term))
}

fn find_2<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(match map::get(map_arg(call, 1)?, call.arg(0)) {
        Some(value) => call.heap.tuple(&[Term::OK, value]),
        None => Term::atom(well_known::ERROR),
    })
}

fn map_get_2<'p>(call: Call<'p>) -> BifResult<'p> {
    map::get(map_arg(call, 1)?, call.arg(0)).ok_or_else(|| badkey(call, call.arg(0)))
}

fn is_map_key_2<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::bool(
        map::get(map_arg(call, 1)?, call.arg(0)).is_some(),
    ))
}

fn map_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::size(map_arg(call, 0)?.len()))
}

fn put_3<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(map::put(
        call.heap,
        map_arg(call, 2)?,
        call.arg(0),
        call.arg(1),
    ))
}

fn update_3<'p>(call: Call<'p>) -> BifResult<'p> {
    map::update(call.heap, map_arg(call, 2)?, call.arg(0), call.arg(1))
        .ok_or_else(|| badkey(call, call.arg(0)))
}

fn remove_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let map = map_arg(call, 1)?;
    Ok(map::remove(call.heap, map, call.arg(0)).unwrap_or(map.term()))
}

fn take_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let map = map_arg(call, 1)?;
    let Some(value) = map::get(map, call.arg(0)) else {
        return Ok(Term::atom(well_known::ERROR));
    };
    let rest = map::remove(call.heap, map, call.arg(0)).unwrap_or(map.term());
    Ok(call.heap.tuple(&[value, rest]))
}

/// `{Key, Value}` as the elements of `from_list`.
fn pair(element: Term<'_>) -> Option<Pair<'_>> {
    element.as_tuple_of().map(|[key, value]| (key, value))
}

fn from_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    collect(call, call.arg(0), pair)
}

fn from_keys_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let value = call.arg(1);
    collect(call, call.arg(0), |key| Some((key, value)))
}

/// The map of a list's elements, batch by batch.
fn collect<'p>(
    call: Call<'p>,
    list: Term<'p>,
    pair: impl Fn(Term<'p>) -> Option<Pair<'p>>,
) -> BifResult<'p> {
    let (mut map, mut rest) = match progress::resumed::<()>(call) {
        Some(((), kept)) => (kept[0], kept[1]),
        None => (map::empty(call.heap), list),
    };
    let wrong = badarg;
    loop {
        let mut pairs = Vec::new();
        while let Some(cell) = rest.as_cons().filter(|_| pairs.len() < BATCH) {
            pairs.push(pair(cell.head()).ok_or_else(wrong)?);
            rest = cell.tail();
        }
        let so_far = map.as_map().expect("a map is built");
        map = match so_far.is_empty() {
            true => map::from_pairs(call.heap, &pairs),
            false => map::put_many(call.heap, so_far, &pairs),
        };
        let over = call.charge(pairs.len() / ADDED_PER_REDUCTION);
        if rest.is_nil() {
            return Ok(map);
        }
        if rest.as_cons().is_none() {
            return Err(wrong());
        }
        if over {
            return Err(progress::give_way(call, (), &[map, rest]));
        }
    }
}

fn keys_1<'p>(call: Call<'p>) -> BifResult<'p> {
    listed(call, map::keys, |(key, _)| key)
}

fn values_1<'p>(call: Call<'p>) -> BifResult<'p> {
    listed(call, map::values, |(_, value)| value)
}

/// Keys or values: at once, or of a large map in batches.
fn listed<'p>(
    call: Call<'p>,
    at_once: fn(crate::heap::Heap<'p>, Map<'p>) -> Term<'p>,
    part: fn(Pair<'p>) -> Term<'p>,
) -> BifResult<'p> {
    let original = progress::original(call);
    let map = original.as_map().ok_or_else(|| badmap(call, original))?;
    if map.len() <= BATCH {
        call.charge(map.len() / LISTED_PER_REDUCTION);
        return Ok(at_once(call.heap, map));
    }
    let (mut from, mut list) = match progress::resumed::<u64>(call) {
        Some((from, kept)) => (from, kept[0]),
        None => (0, Term::NIL),
    };
    loop {
        let (pairs, next) = map::batch(map, from, BATCH);
        for &pair in &pairs {
            list = call.heap.cons(part(pair), list);
        }
        let over = call.charge(pairs.len() / LISTED_PER_REDUCTION);
        match next {
            None => return Ok(list),
            Some(next) if over => return Err(progress::give_way(call, next, &[list])),
            Some(next) => from = next,
        }
    }
}

fn merge_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (under, over) = (progress::original(call), call.arg(1));
    let (Some(under), Some(over)) = (under.as_map(), over.as_map()) else {
        let wrong = if under.as_map().is_some() {
            over
        } else {
            under
        };
        return Err(badmap(call, wrong));
    };
    if under.term().same(over.term()) || over.is_empty() {
        return Ok(under.term());
    }
    if under.is_empty() {
        return Ok(over.term());
    }
    let (base, other, existing) = map::merge_order(under, over);
    if other.len() <= BATCH {
        call.charge(other.len() / ADDED_PER_REDUCTION);
        return Ok(map::merge(call.heap, under, over));
    }
    let (mut from, mut merged) = match progress::resumed::<u64>(call) {
        Some((from, kept)) => (from, kept[0]),
        None => (0, base.term()),
    };
    loop {
        let (pairs, next) = map::batch(other, from, BATCH);
        let so_far = merged.as_map().expect("a map is built");
        merged = map::join(call.heap, so_far, &pairs, existing);
        let over = call.charge(pairs.len() / ADDED_PER_REDUCTION);
        match next {
            None => return Ok(merged),
            Some(next) if over => return Err(progress::give_way(call, next, &[merged])),
            Some(next) => from = next,
        }
    }
}

/// `erts_internal:map_next(Path, Map, iterator | Acc)`: some associations from a place on, as nested tuples for
/// `maps:next/1`, or before `Acc` for `maps:to_list/1`. Either says where to go on, if there is more.
fn map_next_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let map = call.arg(1).as_map().ok_or_else(badarg)?;
    let iterator = call.arg(2).is_atom(atom!("iterator"));
    if !iterator && !call.arg(2).is_nil() && call.arg(2).as_cons().is_none() {
        return Err(badarg());
    }
    let (pairs, next) = match map.form() {
        MapForm::Flat { .. } => {
            let path = call.arg(0).as_usize().ok_or_else(badarg)?;
            if path > map.len() {
                return Err(badarg());
            }
            let mut pairs: Vec<Pair<'p>> = map::iter(map).collect();
            if !iterator {
                pairs.reverse();
            }
            (pairs, None)
        }
        MapForm::Hash { .. } => {
            let path = call.arg(0).as_u64().ok_or_else(badarg)?;
            let most = (call.process().reductions_left().max(1) as usize / 4).max(1);
            let count = if path == 0 {
                most.min(FIRST_STEP)
            } else {
                most
            };
            let (pairs, next) = map::batch(map, path, count);
            if pairs.is_empty() {
                return Err(badarg());
            }
            (pairs, next)
        }
    };
    call.charge(pairs.len() / LISTED_PER_REDUCTION);
    let heap = call.heap;
    let path = next.map(|next| heap.unsigned(next));
    if iterator {
        let end = match path {
            Some(path) => heap.cons(path, map.term()),
            None => Term::atom(atom!("none")),
        };
        return Ok(pairs
            .iter()
            .rev()
            .fold(end, |rest, &(key, value)| heap.tuple(&[key, value, rest])));
    }
    let list = pairs.iter().fold(call.arg(2), |list, &(key, value)| {
        heap.cons(heap.tuple(&[key, value]), list)
    });
    Ok(match path {
        Some(path) => heap.cons(path, heap.cons(map.term(), list)),
        None => list,
    })
}

fn map_to_tuple_keys_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match map_arg(call, 0)?.form() {
        MapForm::Flat { keys_tuple, .. } => Ok(keys_tuple),
        MapForm::Hash { .. } => Err(badarg()),
    }
}

/// The children of a hash map or of one of its inner nodes, which only `erts_debug:size/1` ever sees.
fn map_hashmap_children_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let children = match call.arg(0).map_node() {
        Some((_, children)) => children,
        None => match map_arg(call, 0)?.form() {
            MapForm::Hash { children, .. } => children,
            MapForm::Flat { .. } => return Err(badarg()),
        },
    };
    let heap = call.heap;
    Ok(children
        .iter()
        .fold(Term::NIL, |list, &child| heap.cons(child, list)))
}

fn map_info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let map = map_arg(call, 0)?;
    let MapForm::Hash { size, .. } = map.form() else {
        return Err(badarg());
    };
    let (heap, shape) = (call.heap, map::shape(map));
    let counts = |counts: [usize; 16]| heap.tuple(&counts.map(Term::size));
    Ok(heap.list(&[
        heap.tuple(&[Term::atom(atom!("depth")), Term::size(shape.depth)]),
        heap.tuple(&[
            Term::atom(atom!("arrays")),
            Term::size(shape.arrays),
            Term::NIL,
        ]),
        heap.tuple(&[
            Term::atom(atom!("bitmaps")),
            Term::size(shape.bitmaps),
            counts(shape.children),
        ]),
        heap.tuple(&[
            Term::atom(atom!("leafs")),
            Term::size(size),
            counts(shape.leaves),
        ]),
    ]))
}

#[cfg(test)]
#[path = "maps_tests.rs"]
mod tests;
