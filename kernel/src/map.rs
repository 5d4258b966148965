//! An ordered map in one sorted block of memory.
//!
//! The kernel's maps hold tens to thousands of small entries, mostly added at the end. A search takes as long as
//! in a tree; adding in the middle moves what follows. For that the code of each map is a tenth of the standard
//! library's tree, whose many instances were a tenth of the kernel.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::ops::{Bound, RangeBounds};

/// Entries in order.
pub type Entries<'a, K, V> =
    core::iter::Map<core::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

/// The map.
pub struct Map<K, V>(Vec<(K, V)>);

impl<K: Ord, V> Map<K, V> {
    /// Nothing in it.
    pub const fn new() -> Map<K, V> {
        Map(Vec::new())
    }

    /// Where a key is, or where it would be.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(k, _)| k.borrow().cmp(key))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let n = self.place(key).ok()?;
        self.0.get(n).map(|(_, v)| v)
    }

    /// The value of a key, to change it.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let n = self.place(key).ok()?;
        self.0.get_mut(n).map(|(_, v)| v)
    }

    /// Whether a key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }

    /// Adds an entry; the value that it replaces.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        // Most keys are larger than all before.
        if self.0.last().is_none_or(|(last, _)| *last < key) {
            self.0.push((key, value));
            return None;
        }
        match self.place(&key) {
            Ok(n) => Some(core::mem::replace(&mut self.0[n].1, value)),
            Err(n) => {
                self.0.insert(n, (key, value));
                None
            }
        }
    }

    /// Takes an entry out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let n = self.place(key).ok()?;
        Some(self.0.remove(n).1)
    }

    /// The first entry.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.0.first().map(|(k, v)| (k, v))
    }

    /// Takes the first entry out.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// The entries in order.
    pub fn iter(&self) -> Entries<'_, K, V> {
        self.0.iter().map(|(k, v)| (k, v))
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.0.iter().map(|(k, _)| k)
    }

    /// The values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.0.iter().map(|(_, v)| v)
    }

    /// The entries whose keys lie in a range.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Entries<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let start = match range.start_bound() {
            Bound::Unbounded => 0,
            Bound::Included(key) => self.place(key).unwrap_or_else(|n| n),
            Bound::Excluded(key) => self.place(key).map_or_else(|n| n, |n| n + 1),
        };
        let end = match range.end_bound() {
            Bound::Unbounded => self.0.len(),
            Bound::Included(key) => self.place(key).map_or_else(|n| n, |n| n + 1),
            Bound::Excluded(key) => self.place(key).unwrap_or_else(|n| n),
        };
        self.0[start..end.max(start)].iter().map(|(k, v)| (k, v))
    }

    /// Drops the entries from a key on.
    pub fn truncate(&mut self, from: &K) {
        let n = self.place(from).unwrap_or_else(|n| n);
        self.0.truncate(n);
    }

    /// Keeps the entries that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(k, v)| keep(k, v));
    }
}

impl<K: Ord, V> Default for Map<K, V> {
    fn default() -> Map<K, V> {
        Map::new()
    }
}
