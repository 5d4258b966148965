//! Maps.
//!
//! Up to [`FLAT_LIMIT`] keys a map is flat: a tuple of the keys in the order of map keys (terms, integers before
//! floats), which maps of one shape share, and the values in that order ([`flat`]). Beyond, it is a trie over
//! the keys' hashes ([`trie`]). Both are immutable; a changed map shares what did not change.
//!
//! A map's form follows from its size alone, so that equal maps have the same form.

mod flat;
mod iter;
#[cfg(test)]
mod tests;
mod trie;

use crate::heap::Heap;
use crate::term::{Map, MapForm, Term};

pub(crate) use iter::batch;
pub use iter::{Iter, iter, iter_from};
pub(crate) use trie::shape;

/// The most keys of a flat map (OTP: `MAP_SMALL_MAP_LIMIT`).
pub const FLAT_LIMIT: usize = 32;

/// A key and its value.
pub type Pair<'h> = (Term<'h>, Term<'h>);

/// Which value stays where both sides have a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Existing {
    /// The new one.
    Replace,
    /// The one that was there.
    Keep,
}

/// The value of a key.
#[inline]
pub fn get<'h>(map: Map<'h>, key: Term<'_>) -> Option<Term<'h>> {
    match map.form() {
        MapForm::Flat { keys, values, .. } => flat::position(keys, key).map(|at| values[at]),
        MapForm::Hash {
            bitmap, children, ..
        } => trie::get(bitmap, children, key),
    }
}

/// The map without associations.
pub fn empty<'h>(heap: Heap<'h>) -> Term<'h> {
    heap.flat_map(&[], &[])
}

/// A map with one association added or replaced.
pub fn put<'h>(heap: Heap<'h>, map: Map<'h>, key: Term<'h>, value: Term<'h>) -> Term<'h> {
    match map.form() {
        MapForm::Flat { .. } => flat::put(heap, map, key, value),
        MapForm::Hash { .. } => trie::put(heap, map, key, value),
    }
}

/// A map with associations added or replaced; of equal keys the last counts.
pub fn put_many<'h>(heap: Heap<'h>, map: Map<'h>, pairs: &[Pair<'h>]) -> Term<'h> {
    match pairs {
        [] => map.term(),
        &[(key, value)] => put(heap, map, key, value),
        _ => join(heap, map, pairs, Existing::Replace),
    }
}

/// A map with associations added; `existing` says what happens to those that were there.
pub fn join<'h>(heap: Heap<'h>, map: Map<'h>, pairs: &[Pair<'h>], existing: Existing) -> Term<'h> {
    match map.form() {
        MapForm::Flat { .. } => flat::join(heap, map, pairs, existing),
        MapForm::Hash { .. } => trie::join(heap, map, pairs, existing),
    }
}

/// A map with the value of a key that it has replaced; none if it has not.
pub fn update<'h>(
    heap: Heap<'h>,
    map: Map<'h>,
    key: Term<'h>,
    value: Term<'h>,
) -> Option<Term<'h>> {
    let old = get(map, key)?;
    Some(if old.same(value) {
        map.term()
    } else {
        put(heap, map, key, value)
    })
}

/// A map with associations replaced; otherwise the key that is absent, the first one in the order of keys if there are
/// several (OTP 25 sorts them when it loads the code).
pub fn update_many<'h>(
    heap: Heap<'h>,
    map: Map<'h>,
    pairs: &[Pair<'h>],
) -> Result<Term<'h>, Term<'h>> {
    let absent = pairs.iter().filter(|&&(key, _)| get(map, key).is_none());
    match absent.min_by(|a, b| a.0.compare_keys(b.0)) {
        Some(&(key, _)) => Err(key),
        None => Ok(put_many(heap, map, pairs)),
    }
}

/// A map without a key; none if it did not have it.
pub fn remove<'h>(heap: Heap<'h>, map: Map<'h>, key: Term<'_>) -> Option<Term<'h>> {
    match map.form() {
        MapForm::Flat { .. } => flat::remove(heap, map, key),
        MapForm::Hash { .. } => trie::remove(heap, map, key),
    }
}

/// The map of pairs in any order; of equal keys the last counts.
pub fn from_pairs<'h>(heap: Heap<'h>, pairs: &[Pair<'h>]) -> Term<'h> {
    flat::build(heap, &[], pairs, Existing::Replace)
}

/// The map of pairs in any order; none if two keys are equal.
pub fn from_distinct_pairs<'h>(heap: Heap<'h>, pairs: &[Pair<'h>]) -> Option<Term<'h>> {
    let map = from_pairs(heap, pairs);
    let len = map.as_map().expect("just built").len();
    (len == pairs.len()).then_some(map)
}

/// The associations of both; where both have a key, those of `over`.
pub fn merge<'h>(heap: Heap<'h>, under: Map<'h>, over: Map<'h>) -> Term<'h> {
    if let (MapForm::Flat { .. }, MapForm::Flat { .. }) = (under.form(), over.form()) {
        return flat::merge(heap, under, over);
    }
    let (base, other, existing) = merge_order(under, over);
    let pairs: Vec<Pair<'h>> = iter(other).collect();
    join(heap, base, &pairs, existing)
}

/// The larger of two maps to be merged, the other, and which value then stays.
pub fn merge_order<'h>(under: Map<'h>, over: Map<'h>) -> (Map<'h>, Map<'h>, Existing) {
    if under.len() >= over.len() {
        (under, over, Existing::Replace)
    } else {
        (over, under, Existing::Keep)
    }
}

/// The keys as a list: a flat map's in order, a hash map's in the reverse order of [`iter`], which is that of
/// [`values`] and [`to_list`] too.
pub fn keys<'h>(heap: Heap<'h>, map: Map<'h>) -> Term<'h> {
    match map.form() {
        MapForm::Flat { keys, .. } => heap.list(keys),
        MapForm::Hash { .. } => iter(map).fold(Term::NIL, |list, (key, _)| heap.cons(key, list)),
    }
}

/// The values as a list, in the order of [`keys`].
pub fn values<'h>(heap: Heap<'h>, map: Map<'h>) -> Term<'h> {
    match map.form() {
        MapForm::Flat { values, .. } => heap.list(values),
        MapForm::Hash { .. } => {
            iter(map).fold(Term::NIL, |list, (_, value)| heap.cons(value, list))
        }
    }
}

/// The associations as a list of `{Key, Value}`, in the order of [`keys`].
pub fn to_list<'h>(heap: Heap<'h>, map: Map<'h>) -> Term<'h> {
    match map.form() {
        MapForm::Flat { .. } => {
            heap.list_from(iter(map).map(|(key, value)| heap.tuple(&[key, value])))
        }
        MapForm::Hash { .. } => iter(map).fold(Term::NIL, |list, (key, value)| {
            heap.cons(heap.tuple(&[key, value]), list)
        }),
    }
}
