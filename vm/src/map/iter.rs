//! Going over a map's associations.

use smallvec::SmallVec;

use super::Pair;
use super::trie::{LEVELS, child, rank, slot};
use crate::term::{Map, MapForm, Term};

/// The associations of a map: a flat map's in the order of its keys, a hash map's in that of their hashes.
#[derive(Clone)]
pub struct Iter<'h> {
    flat: std::iter::Zip<std::slice::Iter<'h, Term<'h>>, std::slice::Iter<'h, Term<'h>>>,
    /// The nodes that were begun, each with the children not yet visited.
    path: SmallVec<[&'h [Term<'h>]; LEVELS as usize + 1]>,
}

/// All associations of a map.
pub fn iter<'h>(map: Map<'h>) -> Iter<'h> {
    let mut iter = Iter {
        flat: [].iter().zip([].iter()),
        path: SmallVec::new(),
    };
    match map.form() {
        MapForm::Flat { keys, values, .. } => iter.flat = keys.iter().zip(values),
        MapForm::Hash { children, .. } => iter.path.push(children),
    }
    iter
}

/// The associations of a hash map whose keys' hashes are `from` or larger (none of a flat map).
pub fn iter_from<'h>(map: Map<'h>, from: u64) -> Iter<'h> {
    let mut iter = Iter {
        flat: [].iter().zip([].iter()),
        path: SmallVec::new(),
    };
    let MapForm::Hash {
        mut bitmap,
        mut children,
        ..
    } = map.form()
    else {
        return iter;
    };
    for level in 0..LEVELS {
        let slot = slot(from, level);
        let Some(at) = child(bitmap, slot) else {
            iter.path.push(&children[rank(bitmap, slot)..]);
            return iter;
        };
        match children[at].map_node() {
            Some(node) => {
                iter.path.push(&children[at + 1..]);
                (bitmap, children) = node;
            }
            None => {
                let key = children[at]
                    .as_cons()
                    .expect("what is no node is a leaf")
                    .head();
                let skip = usize::from(key.internal_hash() < from);
                iter.path.push(&children[at + skip..]);
                return iter;
            }
        }
    }
    iter.path.push(children);
    iter
}

/// About `count` associations of a hash map in the order of their hashes from `from` on, and where the next
/// batch begins, if there is one. Equal hashes are never torn apart.
pub(crate) fn batch<'h>(map: Map<'h>, from: u64, count: usize) -> (Vec<Pair<'h>>, Option<u64>) {
    let mut rest = iter_from(map, from);
    let mut pairs: Vec<Pair<'h>> = rest.by_ref().take(count).collect();
    let Some(last) = pairs.last().map(|(key, _)| key.internal_hash()) else {
        return (pairs, None);
    };
    for pair in rest {
        let hash = pair.0.internal_hash();
        if hash != last {
            return (pairs, Some(hash));
        }
        pairs.push(pair);
    }
    (pairs, None)
}

impl<'h> Iterator for Iter<'h> {
    type Item = Pair<'h>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'h>> {
        if let Some((&key, &value)) = self.flat.next() {
            return Some((key, value));
        }
        loop {
            let top = self.path.last_mut()?;
            let Some((&first, rest)) = top.split_first() else {
                self.path.pop();
                continue;
            };
            *top = rest;
            match first.map_node() {
                Some((_, children)) => self.path.push(children),
                None => {
                    let cell = first.as_cons().expect("what is no node is a leaf");
                    return Some((cell.head(), cell.tail()));
                }
            }
        }
    }
}
