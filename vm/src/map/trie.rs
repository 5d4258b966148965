//! Maps of more than [`FLAT_LIMIT`] keys: a trie over the 64 bits of the keys' hashes, highest bits first.
//!
//! A node has a child for each value of its four bits that occurs: a leaf `[Key|Value]` where that is one key, a
//! node of the next level where there are more. Keys whose hashes are equal to the last bit share a bucket, a
//! node with an empty bitmap below the last level, however many they are. The order of iteration is that of
//! the hashes. Depth is bounded by [`LEVELS`], so that what recurses here recurses no deeper.

use smallvec::SmallVec;

use super::{Existing, FLAT_LIMIT, Pair, flat, iter};
use crate::heap::Heap;
use crate::term::{Map, MapForm, Term};

/// Bits that one level decides.
const BITS: u32 = 4;
/// Levels of nodes; below are only buckets.
pub(super) const LEVELS: u32 = 64 / BITS;

/// Which of the sixteen children of a node of this level a hash belongs to.
#[inline]
pub(super) fn slot(hash: u64, level: u32) -> u32 {
    (hash >> (64 - BITS - BITS * level)) as u32 & 15
}

/// The place of a slot's child among those there are; none if there is none.
#[inline]
pub(super) fn child(bitmap: u64, slot: u32) -> Option<usize> {
    (bitmap & (1 << slot) != 0).then(|| rank(bitmap, slot))
}

/// How many children stand before a slot's.
#[inline]
pub(super) fn rank(bitmap: u64, slot: u32) -> usize {
    (bitmap & ((1 << slot) - 1)).count_ones() as usize
}

fn leaf<'h>(term: Term<'h>) -> Pair<'h> {
    let cell = term.as_cons().expect("what is no node is a leaf");
    (cell.head(), cell.tail())
}

type Children<'h> = SmallVec<[Term<'h>; 16]>;

#[inline]
pub(super) fn get<'h>(
    mut bitmap: u64,
    mut children: &'h [Term<'h>],
    key: Term<'_>,
) -> Option<Term<'h>> {
    let hash = key.internal_hash();
    for level in 0..LEVELS {
        let next = children[child(bitmap, slot(hash, level))?];
        match next.map_node() {
            Some(node) => (bitmap, children) = node,
            None => {
                let (found, value) = leaf(next);
                return found.exactly_equals(key).then_some(value);
            }
        }
    }
    children
        .iter()
        .map(|&pair| leaf(pair))
        .find_map(|(found, value)| found.exactly_equals(key).then_some(value))
}

/// The nodes on the way to a key, each with its bitmap, its children, and which of these is next.
type Path<'h> = SmallVec<[(u64, &'h [Term<'h>], usize); LEVELS as usize + 1]>;

fn root<'h>(map: Map<'h>) -> (usize, u64, &'h [Term<'h>]) {
    match map.form() {
        MapForm::Hash {
            size,
            bitmap,
            children,
        } => (size, bitmap, children),
        MapForm::Flat { .. } => unreachable!("the caller saw a hash map"),
    }
}

/// Rebuilds the nodes of a path whose last node was replaced by `below`.
fn rebuild<'h>(heap: Heap<'h>, size: usize, path: &Path<'h>, mut below: Term<'h>) -> Term<'h> {
    for (depth, &(bitmap, children, at)) in path.iter().enumerate().rev() {
        let mut children = Children::from_slice(children);
        children[at] = below;
        below = finish(heap, depth, size, bitmap, &children);
    }
    below
}

/// The node, or root, of a depth.
fn finish<'h>(
    heap: Heap<'h>,
    depth: usize,
    size: usize,
    bitmap: u64,
    children: &[Term<'h>],
) -> Term<'h> {
    if depth == 0 {
        heap.hash_map(size, bitmap, children)
    } else {
        heap.hash_node(bitmap, children)
    }
}

pub(super) fn put<'h>(heap: Heap<'h>, map: Map<'h>, key: Term<'h>, value: Term<'h>) -> Term<'h> {
    let (size, mut bitmap, mut children) = root(map);
    let hash = key.internal_hash();
    let mut path = Path::new();
    for level in 0..LEVELS {
        let slot = slot(hash, level);
        let Some(at) = child(bitmap, slot) else {
            let mut children = Children::from_slice(children);
            children.insert(rank(bitmap, slot), heap.cons(key, value));
            let node = finish(
                heap,
                level as usize,
                size + 1,
                bitmap | 1 << slot,
                &children,
            );
            return rebuild(heap, size + 1, &path, node);
        };
        path.push((bitmap, children, at));
        let next = children[at];
        if let Some(node) = next.map_node() {
            (bitmap, children) = node;
            continue;
        }
        let (found, old) = leaf(next);
        if found.exactly_equals(key) {
            if old.same(value) {
                return map.term();
            }
            return rebuild(heap, size, &path, heap.cons(found, value));
        }
        let new = Item {
            hash,
            leaf: heap.cons(key, value),
        };
        let node = part_ways(heap, level + 1, Item::of_leaf(next), new);
        return rebuild(heap, size + 1, &path, node);
    }
    put_in_bucket(heap, map, &mut path, children, (key, value))
}

fn put_in_bucket<'h>(
    heap: Heap<'h>,
    map: Map<'h>,
    path: &mut Path<'h>,
    bucket: &'h [Term<'h>],
    (key, value): Pair<'h>,
) -> Term<'h> {
    match bucket
        .iter()
        .position(|&pair| leaf(pair).0.exactly_equals(key))
    {
        Some(at) if leaf(bucket[at]).1.same(value) => map.term(),
        Some(at) => {
            path.push((0, bucket, at));
            rebuild(heap, map.len(), path, heap.cons(leaf(bucket[at]).0, value))
        }
        None => {
            let mut bucket = bucket.to_vec();
            bucket.push(heap.cons(key, value));
            rebuild(heap, map.len() + 1, path, heap.hash_node(0, &bucket))
        }
    }
}

/// The node of two leaves with different keys.
fn part_ways<'h>(heap: Heap<'h>, level: u32, a: Item<'h>, b: Item<'h>) -> Term<'h> {
    let same = (level..LEVELS)
        .take_while(|&level| slot(a.hash, level) == slot(b.hash, level))
        .count() as u32;
    let (mut node, apart) = if level + same == LEVELS {
        (heap.hash_node(0, &[a.leaf, b.leaf]), LEVELS)
    } else {
        let (first, second) = if a.hash < b.hash { (a, b) } else { (b, a) };
        let bitmap = 1 << slot(a.hash, level + same) | 1 << slot(b.hash, level + same);
        (
            heap.hash_node(bitmap, &[first.leaf, second.leaf]),
            level + same,
        )
    };
    for level in (level..apart).rev() {
        node = heap.hash_node(1 << slot(a.hash, level), &[node]);
    }
    node
}

pub(super) fn remove<'h>(heap: Heap<'h>, map: Map<'h>, key: Term<'_>) -> Option<Term<'h>> {
    let (size, mut bitmap, mut children) = root(map);
    let hash = key.internal_hash();
    let mut path = Path::new();
    for level in 0..=LEVELS {
        let at = if level == LEVELS {
            children
                .iter()
                .position(|&pair| leaf(pair).0.exactly_equals(key))?
        } else {
            child(bitmap, slot(hash, level))?
        };
        path.push((bitmap, children, at));
        match children[at].map_node() {
            Some(node) => (bitmap, children) = node,
            None if leaf(children[at]).0.exactly_equals(key) => break,
            None => return None,
        }
    }
    if size - 1 == FLAT_LIMIT {
        let mut pairs: SmallVec<[Pair<'h>; FLAT_LIMIT]> = iter(map)
            .filter(|(other, _)| !other.exactly_equals(key))
            .collect();
        return Some(flat::of_distinct(heap, &mut pairs));
    }
    Some(without_last(heap, size - 1, path))
}

/// Rebuilds the nodes of a path without the leaf that it ends at. A node that is left with one leaf gives way
/// to it, so that a map's form does not depend on how it came about.
fn without_last<'h>(heap: Heap<'h>, size: usize, mut path: Path<'h>) -> Term<'h> {
    let (bitmap, children, at) = path.pop().expect("a key that was found has a path");
    let mut left: SmallVec<[Term<'h>; 16]> = Children::from_slice(children);
    left.remove(at);
    let bitmap = clear_nth(bitmap, at);
    let mut below = match left[..] {
        [only] if !path.is_empty() && only.map_node().is_none() => only,
        _ => finish(heap, path.len(), size, bitmap, &left),
    };
    while below.map_node().is_none() && path.len() > 1 {
        let (bitmap, children, at) = path[path.len() - 1];
        if children.len() > 1 {
            break;
        }
        debug_assert!(at == 0 && bitmap.is_power_of_two());
        path.pop();
    }
    if path.is_empty() {
        below
    } else {
        below = rebuild(heap, size, &path, below);
        below
    }
}

/// The bitmap without its `n`th set bit; a bucket's stays empty.
fn clear_nth(bitmap: u64, n: usize) -> u64 {
    let mut rest = bitmap;
    for _ in 0..n {
        rest &= rest.wrapping_sub(1);
    }
    bitmap & !(rest & rest.wrapping_neg())
}

/// A leaf with its key's hash.
#[derive(Clone, Copy)]
struct Item<'h> {
    hash: u64,
    leaf: Term<'h>,
}

impl<'h> Item<'h> {
    fn of_leaf(term: Term<'h>) -> Item<'h> {
        Item {
            hash: leaf(term).0.internal_hash(),
            leaf: term,
        }
    }

    fn key(self) -> Term<'h> {
        leaf(self.leaf).0
    }
}

/// The pairs as leaves in the order of their hashes, each key once.
fn sorted_items<'h>(
    heap: Heap<'h>,
    first: &[Pair<'h>],
    pairs: &[Pair<'h>],
    existing: Existing,
) -> Vec<Item<'h>> {
    let mut order: Vec<(u64, u32, Pair<'h>)> = first
        .iter()
        .chain(pairs)
        .enumerate()
        .map(|(at, &pair)| (pair.0.internal_hash(), at as u32, pair))
        .collect();
    order.sort_unstable_by_key(|&(hash, at, _)| (hash, at));
    let mut items: Vec<(u64, Pair<'h>)> = Vec::with_capacity(order.len());
    for (hash, _, pair) in order {
        let equal = items
            .iter()
            .enumerate()
            .rev()
            .take_while(|(_, item)| item.0 == hash)
            .find(|(_, item)| item.1.0.exactly_equals(pair.0))
            .map(|(at, _)| at);
        match equal {
            Some(at) if existing == Existing::Replace => items[at].1.1 = pair.1,
            Some(_) => {}
            None => items.push((hash, pair)),
        }
    }
    items
        .into_iter()
        .map(|(hash, (key, value))| Item {
            hash,
            leaf: heap.cons(key, value),
        })
        .collect()
}

/// The map of `first` and then `pairs`.
pub(super) fn build<'h>(
    heap: Heap<'h>,
    first: &[Pair<'h>],
    pairs: &[Pair<'h>],
    existing: Existing,
) -> Term<'h> {
    let items = sorted_items(heap, first, pairs, existing);
    if items.len() <= FLAT_LIMIT {
        let mut pairs: SmallVec<[Pair<'h>; FLAT_LIMIT]> =
            items.iter().map(|item| leaf(item.leaf)).collect();
        return flat::of_distinct(heap, &mut pairs);
    }
    let mut joiner = Joiner {
        heap,
        existing,
        added: 0,
    };
    let (bitmap, children) = joiner.children(0, (0, &[]), &items);
    heap.hash_map(items.len(), bitmap, &children)
}

pub(super) fn join<'h>(
    heap: Heap<'h>,
    map: Map<'h>,
    pairs: &[Pair<'h>],
    existing: Existing,
) -> Term<'h> {
    let (size, bitmap, children) = root(map);
    let items = sorted_items(heap, &[], pairs, existing);
    let mut joiner = Joiner {
        heap,
        existing,
        added: 0,
    };
    let (bitmap, children) = joiner.children(0, (bitmap, children), &items);
    heap.hash_map(size + joiner.added, bitmap, &children)
}

/// Adds sorted leaves to a trie, visiting each node once.
struct Joiner<'h> {
    heap: Heap<'h>,
    existing: Existing,
    /// How many keys were new.
    added: usize,
}

impl<'h> Joiner<'h> {
    /// The children of a node of this level with the items added.
    fn children(
        &mut self,
        level: u32,
        (bitmap, children): (u64, &'h [Term<'h>]),
        mut items: &[Item<'h>],
    ) -> (u64, Children<'h>) {
        let mut new = Children::new();
        let mut new_bitmap = bitmap;
        for slot in 0..16 {
            let mine;
            let count = items
                .iter()
                .take_while(|item| self::slot(item.hash, level) == slot)
                .count();
            (mine, items) = items.split_at(count);
            let old = child(bitmap, slot).map(|at| children[at]);
            if let Some(joined) = self.slot(level + 1, old, mine) {
                new.push(joined);
                new_bitmap |= 1 << slot;
            }
        }
        (new_bitmap, new)
    }

    /// What stands in a slot after the items that belong there were added.
    fn slot(&mut self, level: u32, old: Option<Term<'h>>, items: &[Item<'h>]) -> Option<Term<'h>> {
        let node = match (old, items) {
            (old, []) => return old,
            (None, [item]) => {
                self.added += 1;
                return Some(item.leaf);
            }
            (None, _) => (0, &[][..]),
            (Some(old), _) => match old.map_node() {
                Some(node) => node,
                None => return Some(self.join_leaf(level, old, items)),
            },
        };
        Some(self.node(level, node, items))
    }

    fn node(&mut self, level: u32, node: (u64, &'h [Term<'h>]), items: &[Item<'h>]) -> Term<'h> {
        if level == LEVELS {
            return self.bucket(node.1, items);
        }
        let (bitmap, children) = self.children(level, node, items);
        self.heap.hash_node(bitmap, &children)
    }

    /// A leaf and the items: a leaf if all have its key, else the node of all.
    fn join_leaf(&mut self, level: u32, old: Term<'h>, items: &[Item<'h>]) -> Term<'h> {
        let old = Item::of_leaf(old);
        let mut all = SmallVec::<[Item<'h>; 16]>::from_slice(items);
        let same = all
            .iter()
            .position(|item| item.hash == old.hash && item.key().exactly_equals(old.key()));
        match same {
            Some(at) if self.existing == Existing::Keep => all[at] = old,
            Some(_) => {}
            None => {
                let at = all.partition_point(|item| item.hash < old.hash);
                all.insert(at, old);
            }
        }
        if let [only] = all[..] {
            return only.leaf;
        }
        // All will be counted as new, but one was there.
        let node = self.node(level, (0, &[]), &all);
        self.added -= 1;
        node
    }

    fn bucket(&mut self, old: &'h [Term<'h>], items: &[Item<'h>]) -> Term<'h> {
        let mut bucket = old.to_vec();
        for item in items {
            match bucket[..old.len()]
                .iter()
                .position(|&pair| leaf(pair).0.exactly_equals(item.key()))
            {
                Some(at) if self.existing == Existing::Replace => bucket[at] = item.leaf,
                Some(_) => {}
                None => {
                    bucket.push(item.leaf);
                    self.added += 1;
                }
            }
        }
        self.heap.hash_node(0, &bucket)
    }
}

/// How a hash map is built: what `erts_debug:map_info/1` tells.
pub(crate) struct Shape {
    /// The deepest leaf's depth; the root's is 0.
    pub(crate) depth: usize,
    /// How many roots with all sixteen children, and how many other nodes there are.
    pub(crate) arrays: usize,
    pub(crate) bitmaps: usize,
    /// How many of these others have 1, 2, … 16 children (a bucket with more counts as 16).
    pub(crate) children: [usize; 16],
    /// How many leaves there are at each depth (deeper ones count at the last).
    pub(crate) leaves: [usize; 16],
}

/// The shape of a hash map.
pub(crate) fn shape(map: Map<'_>) -> Shape {
    let mut shape = Shape {
        depth: 0,
        arrays: 0,
        bitmaps: 0,
        children: [0; 16],
        leaves: [0; 16],
    };
    let mut todo = vec![(0, root(map).2)];
    while let Some((depth, children)) = todo.pop() {
        if depth == 0 && children.len() == 16 {
            shape.arrays += 1;
        } else {
            shape.bitmaps += 1;
            shape.children[children.len().clamp(1, 16) - 1] += 1;
        }
        for child in children {
            let depth = depth + 1;
            shape.depth = shape.depth.max(depth);
            match child.map_node() {
                Some((_, below)) => todo.push((depth, below)),
                None => shape.leaves[depth.min(15)] += 1,
            }
        }
    }
    shape
}
