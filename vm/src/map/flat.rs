//! Flat maps: a sorted tuple of keys and the values in the same order.

use smallvec::SmallVec;

use super::{Existing, FLAT_LIMIT, Pair, trie};
use crate::heap::Heap;
use crate::term::{Map, MapForm, Term};

/// More pairs than this are sorted by hash at once: their map is hardly a flat one.
const SURELY_MANY: usize = 4 * FLAT_LIMIT;

/// Room for a flat map's parts without an allocation.
type Parts<'h> = SmallVec<[Term<'h>; FLAT_LIMIT]>;

/// The place of a key. Equal immediates are equal words, so that for most keys this only compares words.
#[inline]
pub(super) fn position(keys: &[Term<'_>], key: Term<'_>) -> Option<usize> {
    let same = keys.iter().position(|&other| other.same(key));
    if same.is_some() || key.is_immediate() {
        return same;
    }
    keys.iter()
        .position(|&other| !other.is_immediate() && other.exactly_equals(key))
}

/// Where a key that is absent belongs.
fn place(keys: &[Term<'_>], key: Term<'_>) -> usize {
    // Keys often come in order.
    if keys
        .last()
        .is_none_or(|last| last.compare_keys(key).is_lt())
    {
        return keys.len();
    }
    keys.partition_point(|&other| other.compare_keys(key).is_lt())
}

fn parts<'h>(map: Map<'h>) -> (Term<'h>, &'h [Term<'h>], &'h [Term<'h>]) {
    match map.form() {
        MapForm::Flat {
            keys_tuple,
            keys,
            values,
        } => (keys_tuple, keys, values),
        MapForm::Hash { .. } => unreachable!("the caller saw a flat map"),
    }
}

pub(super) fn put<'h>(heap: Heap<'h>, map: Map<'h>, key: Term<'h>, value: Term<'h>) -> Term<'h> {
    let (keys_tuple, keys, values) = parts(map);
    if let Some(at) = position(keys, key) {
        if values[at].same(value) {
            return map.term();
        }
        return heap.flat_map_with(keys_tuple, values, at, value);
    }
    if keys.len() == FLAT_LIMIT {
        return join(heap, map, &[(key, value)], Existing::Replace);
    }
    let at = place(keys, key);
    heap.flat_map_insert(keys, values, at, key, value)
}

pub(super) fn join<'h>(
    heap: Heap<'h>,
    map: Map<'h>,
    pairs: &[Pair<'h>],
    existing: Existing,
) -> Term<'h> {
    let (keys_tuple, keys, values) = parts(map);
    // Where no key is new the keys are shared.
    let mut new_values = Parts::from_slice(values);
    for &(key, value) in pairs {
        match position(keys, key) {
            Some(at) if existing == Existing::Replace => new_values[at] = value,
            Some(_) => {}
            None => {
                let old: SmallVec<[Pair<'h>; FLAT_LIMIT]> =
                    keys.iter().copied().zip(values.iter().copied()).collect();
                return build(heap, &old, pairs, existing);
            }
        }
    }
    heap.flat_map_of(keys_tuple, &new_values)
}

/// The map of `sorted` (distinct, in order, few) and of pairs in any order.
pub(super) fn build<'h>(
    heap: Heap<'h>,
    sorted: &[Pair<'h>],
    pairs: &[Pair<'h>],
    existing: Existing,
) -> Term<'h> {
    if pairs.len() > SURELY_MANY {
        return trie::build(heap, sorted, pairs, existing);
    }
    let mut keys: Parts<'h> = sorted.iter().map(|&(key, _)| key).collect();
    let mut values: Parts<'h> = sorted.iter().map(|&(_, value)| value).collect();
    for &(key, value) in pairs {
        let at = place(&keys, key);
        if keys.get(at).is_some_and(|&other| other.exactly_equals(key)) {
            if existing == Existing::Replace {
                values[at] = value;
            }
        } else if keys.len() == FLAT_LIMIT {
            return trie::build(heap, sorted, pairs, existing);
        } else {
            keys.insert(at, key);
            values.insert(at, value);
        }
    }
    heap.flat_map(&keys, &values)
}

/// The flat map of distinct pairs in any order, at most [`FLAT_LIMIT`].
pub(super) fn of_distinct<'h>(heap: Heap<'h>, pairs: &mut [Pair<'h>]) -> Term<'h> {
    pairs.sort_unstable_by(|(a, _), (b, _)| a.compare_keys(*b));
    let keys: Parts<'h> = pairs.iter().map(|&(key, _)| key).collect();
    let values: Parts<'h> = pairs.iter().map(|&(_, value)| value).collect();
    heap.flat_map(&keys, &values)
}

pub(super) fn remove<'h>(heap: Heap<'h>, map: Map<'h>, key: Term<'_>) -> Option<Term<'h>> {
    let (_, keys, values) = parts(map);
    let at = position(keys, key)?;
    Some(heap.flat_map_remove(keys, values, at))
}

/// Both maps in one pass over their sorted keys.
pub(super) fn merge<'h>(heap: Heap<'h>, under: Map<'h>, over: Map<'h>) -> Term<'h> {
    let (under_tuple, under_keys, under_values) = parts(under);
    let (over_tuple, over_keys, over_values) = parts(over);
    if under_keys.is_empty() || under_tuple.same(over_tuple) {
        return over.term();
    }
    if over_keys.is_empty() {
        return under.term();
    }
    let mut keys = SmallVec::<[Term<'h>; 2 * FLAT_LIMIT]>::new();
    let mut values = SmallVec::<[Term<'h>; 2 * FLAT_LIMIT]>::new();
    let (mut a, mut b) = (0, 0);
    while a < under_keys.len() || b < over_keys.len() {
        let order = match (under_keys.get(a), over_keys.get(b)) {
            (Some(under), Some(over)) if under.same(*over) => std::cmp::Ordering::Equal,
            (Some(under), Some(over)) => under.compare_keys(*over),
            (None, _) => std::cmp::Ordering::Greater,
            (_, None) => std::cmp::Ordering::Less,
        };
        let (key, value) = if order.is_lt() {
            (under_keys[a], under_values[a])
        } else {
            (over_keys[b], over_values[b])
        };
        a += usize::from(order.is_le());
        b += usize::from(order.is_ge());
        keys.push(key);
        values.push(value);
    }
    if keys.len() <= FLAT_LIMIT {
        // A shape that one side has already is shared.
        return match keys.len() {
            len if len == over_keys.len() => heap.flat_map_of(over_tuple, &values),
            len if len == under_keys.len() => heap.flat_map_of(under_tuple, &values),
            _ => heap.flat_map(&keys, &values),
        };
    }
    let pairs: Vec<Pair<'h>> = keys.into_iter().zip(values).collect();
    trie::build(heap, &[], &pairs, Existing::Replace)
}
