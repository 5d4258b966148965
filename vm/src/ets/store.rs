//! How a table's objects are stored.
//!
//! Sets and bags: entries in numbered slots, found by a hash index. A slot keeps its number while its key
//! is there, so a traversal that remembers a number neither misses nor repeats an object that stays,
//! whatever else is inserted or deleted; empty slots are squeezed out when the table is not fixed. While it
//! is, a key that goes leaves its slot's number behind: a traversal by keys goes on from there, and the key
//! gets the same slot when it comes back, so that nobody who replaces what he traverses meets it again.
//!
//! Ordered sets: a B-tree on the key.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Bound;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::Type;
use crate::heap::OwnedTerm;
use crate::match_spec::key_range::KeyRange;
use crate::term::Term;

/// There is no object with the key that was to be gone on from.
#[derive(Debug)]
pub struct NoSuchKey;

/// As many slots programs see in a table without order, however few objects it has.
const FEWEST_SLOTS: usize = 256;

/// Objects of a key, oldest first.
pub type Objects = SmallVec<[OwnedTerm; 1]>;

/// What `ets:info(Table, stats)` tells of a table without order.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// How many slots there are.
    pub slots: usize,
    /// Objects a slot.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// What it would be if a hash of the keys chose the slots.
    pub expected_deviation: f64,
    /// The least objects in a slot.
    pub fewest: usize,
    /// The most objects in a slot.
    pub most: usize,
    /// Keys that went and are remembered, because the table is fixed.
    pub kept: usize,
}

/// A table's objects.
pub enum Store {
    /// Sets and bags.
    Hash(Hash),
    /// Ordered sets.
    Ordered(Ordered),
}

/// Where a traversal stands.
#[derive(Clone, Debug)]
pub enum Cursor {
    /// The next slot to look at.
    Slot(usize),
    /// The key looked at last.
    Key(std::sync::Arc<OwnedTermKey>),
    /// Before the first.
    Start,
    /// Behind the last.
    End,
}

/// A key with memory of its own.
pub struct OwnedTermKey(pub OwnedTerm);

impl std::fmt::Debug for OwnedTermKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("key")
    }
}

/// Slots and their index.
pub struct Hash {
    kind: Type,
    key_index: usize,
    slots: Vec<Option<Objects>>,
    index: HashTable<usize>,
    objects: usize,
    words: usize,
    empty: usize,
    /// Keys that went while the table was fixed, and their slots. None where it is not fixed.
    gone: Option<HashTable<(OwnedTerm, usize)>>,
}

fn key_at(object: Term<'_>, index: usize) -> Term<'_> {
    object.as_tuple().expect("an object is a tuple").elements()[index]
}

fn object_words(object: &OwnedTerm) -> usize {
    object.words() + 8
}

impl Hash {
    fn new(kind: Type, key_position: usize) -> Hash {
        Hash {
            kind,
            key_index: key_position - 1,
            slots: Vec::new(),
            index: HashTable::new(),
            objects: 0,
            words: 0,
            empty: 0,
            gone: None,
        }
    }

    /// The slot that a key had, which went while the table was fixed.
    fn slot_gone(&self, key: Term<'_>) -> Option<usize> {
        let gone = self.gone.as_ref()?;
        gone.find(key.internal_hash(), |(other, _)| {
            other.term().exactly_equals(key)
        })
        .map(|&(_, slot)| slot)
    }

    /// Puts an object whose key is not there into a slot: the one the key had, or a new one.
    fn slot_for(&mut self, object: OwnedTerm, hash: u64) -> usize {
        let key = key_at(object.term(), self.key_index);
        let again = self.gone.as_mut().and_then(|gone| {
            gone.find_entry(hash, |(other, _)| other.term().exactly_equals(key))
                .ok()
        });
        let objects = Some(smallvec::smallvec![object]);
        match again {
            Some(entry) => {
                let ((_, slot), _) = entry.remove();
                self.slots[slot] = objects;
                self.empty -= 1;
                slot
            }
            None => {
                self.slots.push(objects);
                self.slots.len() - 1
            }
        }
    }

    fn slot_of(&self, key: Term<'_>) -> Option<usize> {
        let found = self.index.find(key.internal_hash(), |&slot| {
            self.slot_key(slot).exactly_equals(key)
        });
        found.copied()
    }

    fn slot_key(&self, slot: usize) -> Term<'_> {
        let objects = self.slots[slot]
            .as_ref()
            .expect("an indexed slot is in use");
        key_at(objects[0].term(), self.key_index)
    }

    fn insert(&mut self, object: OwnedTerm) {
        let key = key_at(object.term(), self.key_index);
        self.words += object_words(&object);
        if let Some(slot) = self.slot_of(key) {
            let objects = self.slots[slot]
                .as_mut()
                .expect("an indexed slot is in use");
            match self.kind {
                Type::Bag => {
                    if objects
                        .iter()
                        .any(|other| other.term().exactly_equals(object.term()))
                    {
                        self.words -= object_words(&object);
                        return;
                    }
                    objects.push(object);
                    self.objects += 1;
                }
                Type::DuplicateBag => {
                    objects.push(object);
                    self.objects += 1;
                }
                _ => {
                    self.words -= object_words(&objects[0]);
                    objects[0] = object;
                }
            }
            return;
        }
        let hash = key.internal_hash();
        let slot = self.slot_for(object, hash);
        self.objects += 1;
        let (slots, key_index) = (&self.slots, self.key_index);
        self.index.insert_unique(hash, slot, |&slot| {
            let objects = slots[slot].as_ref().expect("an indexed slot is in use");
            key_at(objects[0].term(), key_index).internal_hash()
        });
    }

    fn remove_slot(&mut self, slot: usize) -> Objects {
        let hash = self.slot_key(slot).internal_hash();
        if let Ok(entry) = self.index.find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
        let objects = self.slots[slot].take().expect("an indexed slot is in use");
        if let Some(gone) = &mut self.gone {
            let key = OwnedTerm::copy_of(key_at(objects[0].term(), self.key_index));
            gone.insert_unique(hash, (key, slot), |(key, _)| key.term().internal_hash());
        }
        self.empty += 1;
        self.objects -= objects.len();
        self.words -= objects.iter().map(object_words).sum::<usize>();
        objects
    }

    /// Squeezes out empty slots, unless someone may hold a slot's number.
    fn compact(&mut self) {
        if self.gone.is_some() || self.empty < 64 || self.empty * 2 < self.slots.len() {
            return;
        }
        self.slots.retain(Option::is_some);
        self.empty = 0;
        let mut index = HashTable::with_capacity(self.slots.len());
        let hash = |slot: usize| {
            let objects = self.slots[slot]
                .as_ref()
                .expect("only slots in use are left");
            key_at(objects[0].term(), self.key_index).internal_hash()
        };
        for slot in 0..self.slots.len() {
            index.insert_unique(hash(slot), slot, |&slot| hash(slot));
        }
        self.index = index;
    }
}

/// What a B-tree is searched by: something with a key, or a place between keys.
trait Keyed {
    /// The key, if it has one.
    fn key(&self) -> Option<Term<'_>>;

    /// How it lies to a key.
    fn against(&self, key: Term<'_>) -> Ordering;
}

/// An object in a B-tree.
pub struct Entry {
    object: OwnedTerm,
    key_index: usize,
}

impl Entry {
    fn key(&self) -> Term<'_> {
        key_at(self.object.term(), self.key_index)
    }
}

impl Keyed for Entry {
    fn key(&self) -> Option<Term<'_>> {
        Some(self.key())
    }

    fn against(&self, key: Term<'_>) -> Ordering {
        self.key().compare(key)
    }
}

struct Probe<'t>(Term<'t>);

impl Keyed for Probe<'_> {
    fn key(&self) -> Option<Term<'_>> {
        Some(self.0)
    }

    fn against(&self, key: Term<'_>) -> Ordering {
        self.0.compare(key)
    }
}

/// The beginning or the end of a range of keys: before the first or behind the last of them.
struct Edge<'s> {
    range: KeyRange<'s>,
    is_start: bool,
}

impl Keyed for Edge<'_> {
    fn key(&self) -> Option<Term<'_>> {
        None
    }

    fn against(&self, key: Term<'_>) -> Ordering {
        let inside = if self.is_start {
            Ordering::Less
        } else {
            Ordering::Greater
        };
        self.range.compare(key).then(inside)
    }
}

impl<'a> Borrow<dyn Keyed + 'a> for Entry {
    fn borrow(&self) -> &(dyn Keyed + 'a) {
        self
    }
}

impl PartialEq for dyn Keyed + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for dyn Keyed + '_ {}
impl PartialOrd for dyn Keyed + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for dyn Keyed + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.key(), other.key()) {
            (_, Some(key)) => self.against(key),
            (Some(key), None) => other.against(key).reverse(),
            // Two edges are of one range, and are asked for in their order.
            (None, None) => Ordering::Less,
        }
    }
}
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().compare(other.key())
    }
}

/// A B-tree of objects.
pub struct Ordered {
    key_index: usize,
    tree: BTreeSet<Entry>,
    words: usize,
}

impl Ordered {
    fn get(&self, key: Term<'_>) -> Option<&OwnedTerm> {
        self.tree
            .get(&Probe(key) as &dyn Keyed)
            .map(|entry| &entry.object)
    }

    fn beyond(&self, key: Term<'_>, forward: bool) -> Option<&OwnedTerm> {
        let probe = Probe(key);
        let probe: &dyn Keyed = &probe;
        let entry = if forward {
            self.tree
                .range::<dyn Keyed, _>((Bound::Excluded(probe), Bound::Unbounded))
                .next()
        } else {
            self.tree
                .range::<dyn Keyed, _>((Bound::Unbounded, Bound::Excluded(probe)))
                .next_back()
        };
        entry.map(|entry| &entry.object)
    }
}

impl Store {
    /// Frees the objects of up to `keys` keys, in any order; whether nothing is left. What remains serves no other
    /// purpose: a store that is shed is found by nobody.
    pub fn shed(&mut self, keys: usize) -> bool {
        match self {
            Store::Hash(hash) => {
                let left = hash.slots.len().saturating_sub(keys);
                hash.slots.truncate(left);
                left == 0
            }
            Store::Ordered(ordered) => {
                for _ in 0..keys {
                    if ordered.tree.pop_last().is_none() {
                        return true;
                    }
                }
                ordered.tree.is_empty()
            }
        }
    }

    /// No objects.
    pub fn new(kind: Type, key_position: usize) -> Store {
        match kind {
            Type::OrderedSet => Store::Ordered(Ordered {
                key_index: key_position - 1,
                tree: BTreeSet::new(),
                words: 0,
            }),
            _ => Store::Hash(Hash::new(kind, key_position)),
        }
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        match self {
            Store::Hash(hash) => hash.objects,
            Store::Ordered(ordered) => ordered.tree.len(),
        }
    }

    /// How many keys [`Store::shed`] would have to free, at most.
    pub fn keys(&self) -> usize {
        match self {
            Store::Hash(hash) => hash.slots.len(),
            Store::Ordered(ordered) => ordered.tree.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Words of memory, roughly.
    pub fn words(&self) -> usize {
        128 + match self {
            Store::Hash(hash) => hash.words,
            Store::Ordered(ordered) => ordered.words,
        }
    }

    /// Adds or replaces an object.
    pub fn insert(&mut self, object: OwnedTerm) {
        match self {
            Store::Hash(hash) => hash.insert(object),
            Store::Ordered(ordered) => {
                ordered.words += object_words(&object);
                let entry = Entry {
                    object,
                    key_index: ordered.key_index,
                };
                if let Some(old) = ordered.tree.replace(entry) {
                    ordered.words -= object_words(&old.object);
                }
            }
        }
    }

    /// Whether a key is there.
    pub fn contains(&self, key: Term<'_>) -> bool {
        match self {
            Store::Hash(hash) => hash.slot_of(key).is_some(),
            Store::Ordered(ordered) => ordered.get(key).is_some(),
        }
    }

    /// The objects of a key, oldest first.
    pub fn lookup(&self, key: Term<'_>) -> &[OwnedTerm] {
        match self {
            Store::Hash(hash) => match hash.slot_of(key) {
                Some(slot) => hash.slots[slot].as_deref().unwrap_or_default(),
                None => &[],
            },
            Store::Ordered(ordered) => ordered.get(key).map_or(&[], std::slice::from_ref),
        }
    }

    /// Changes an element (from 0) of the object of a key in place, where both the old and the new value are small
    /// integers; the new one. None changes nothing. Only for tables with one object a key.
    pub fn add_small(&mut self, key: Term<'_>, element: usize, increment: i64) -> Option<i64> {
        fn add(object: &mut OwnedTerm, element: usize, increment: i64) -> Option<i64> {
            let elements = object.term().as_tuple()?.elements();
            let new = elements.get(element)?.as_small()?.checked_add(increment)?;
            object.set_small(element, new).then_some(new)
        }
        match self {
            Store::Hash(hash) => {
                let slot = hash.slot_of(key)?;
                add(&mut hash.slots[slot].as_mut()?[0], element, increment)
            }
            Store::Ordered(ordered) => {
                // What stands in a tree cannot be changed there. Its key stays what it is.
                let mut entry = ordered.tree.take(&Probe(key) as &dyn Keyed)?;
                let new = add(&mut entry.object, element, increment);
                ordered.tree.insert(entry);
                new
            }
        }
    }

    /// Removes the objects of a key.
    pub fn remove(&mut self, key: Term<'_>) -> Objects {
        match self {
            Store::Hash(hash) => match hash.slot_of(key) {
                Some(slot) => hash.remove_slot(slot),
                None => Objects::new(),
            },
            Store::Ordered(ordered) => match ordered.tree.take(&Probe(key) as &dyn Keyed) {
                Some(entry) => {
                    ordered.words -= object_words(&entry.object);
                    smallvec::smallvec![entry.object]
                }
                None => Objects::new(),
            },
        }
    }

    /// Removes the objects equal (`=:=`) to one; how many there were.
    pub fn remove_object(&mut self, key: Term<'_>, object: Term<'_>) -> usize {
        match self {
            Store::Hash(hash) => {
                let Some(slot) = hash.slot_of(key) else {
                    return 0;
                };
                let objects = hash.slots[slot]
                    .as_mut()
                    .expect("an indexed slot is in use");
                if objects
                    .iter()
                    .all(|other| other.term().exactly_equals(object))
                {
                    return hash.remove_slot(slot).len();
                }
                let before = objects.len();
                let mut freed = 0;
                objects.retain(|other| {
                    let goes = other.term().exactly_equals(object);
                    freed += if goes { object_words(other) } else { 0 };
                    !goes
                });
                let gone = before - objects.len();
                hash.objects -= gone;
                hash.words -= freed;
                gone
            }
            Store::Ordered(ordered) => {
                if ordered
                    .get(key)
                    .is_some_and(|other| other.term().exactly_equals(object))
                {
                    self.remove(key).len()
                } else {
                    0
                }
            }
        }
    }

    /// Whether the table is fixed: keys that go are remembered until it is not.
    pub fn set_fixed(&mut self, fixed: bool) {
        if let Store::Hash(hash) = self {
            if !fixed {
                hash.gone = None;
                hash.compact();
            } else if hash.gone.is_none() {
                hash.gone = Some(HashTable::new());
            }
        }
    }

    /// Removes all objects; they are handed back to be dropped without the table's lock.
    pub fn remove_all(&mut self, kind: Type, key_position: usize) -> Store {
        let mut empty = Store::new(kind, key_position);
        if let (Store::Hash(empty), Store::Hash(old)) = (&mut empty, &mut *self)
            && old.gone.is_some()
        {
            // The slots' numbers stay: traversals go on behind the keys that are gone.
            for slot in 0..old.slots.len() {
                if old.slots[slot].is_some() {
                    let (objects, words) = (old.objects, old.words);
                    let removed = old.remove_slot(slot);
                    empty.objects += objects - old.objects;
                    empty.words += words - old.words;
                    empty.slots.push(Some(removed));
                }
            }
            return Store::Hash(std::mem::replace(empty, Hash::new(kind, key_position)));
        }
        std::mem::replace(self, empty)
    }

    /// Squeezes out the room of removed objects, unless the table is fixed.
    pub fn compact(&mut self) {
        if let Store::Hash(hash) = self {
            hash.compact();
        }
    }

    /// The objects where a traversal stands, and where it goes on; none at the end.
    pub fn step(&self, cursor: &Cursor, forward: bool) -> Option<(&[OwnedTerm], Cursor)> {
        if matches!(cursor, Cursor::End) {
            return None;
        }
        match self {
            Store::Hash(hash) => {
                let mut slot = match cursor {
                    Cursor::Slot(slot) => *slot,
                    _ => 0,
                };
                loop {
                    match hash.slots.get(slot)? {
                        Some(objects) => return Some((objects, Cursor::Slot(slot + 1))),
                        None => slot += 1,
                    }
                }
            }
            Store::Ordered(ordered) => {
                let object = match cursor {
                    Cursor::Key(key) => ordered.beyond(key.0.term(), forward)?,
                    _ if forward => &ordered.tree.first()?.object,
                    _ => &ordered.tree.last()?.object,
                };
                let key = OwnedTerm::copy_of(key_at(object.term(), ordered.key_index));
                Some((
                    std::slice::from_ref(object),
                    Cursor::Key(std::sync::Arc::new(OwnedTermKey(key))),
                ))
            }
        }
    }

    /// All objects, in the order of results. Without an order of keys what a walk by `first` and `next` finds last
    /// comes first, as in the stock VM, which collects results from the end.
    pub fn iter(&self) -> Box<dyn Iterator<Item = &OwnedTerm> + '_> {
        match self {
            Store::Hash(hash) => Box::new(hash.slots.iter().rev().flatten().flatten()),
            Store::Ordered(ordered) => Box::new(ordered.tree.iter().map(|entry| &entry.object)),
        }
    }

    /// The objects whose keys lie in a range, in their order. Without an order, all of them.
    pub fn iter_range<'a>(
        &'a self,
        range: KeyRange<'_>,
    ) -> Box<dyn DoubleEndedIterator<Item = &'a OwnedTerm> + 'a> {
        match self {
            Store::Hash(hash) => Box::new(hash.slots.iter().rev().flatten().flatten()),
            Store::Ordered(ordered) => {
                let [start, end] = [true, false].map(|is_start| Edge { range, is_start });
                let (start, end): (&dyn Keyed, &dyn Keyed) = (&start, &end);
                let found = ordered
                    .tree
                    .range::<dyn Keyed, _>((Bound::Included(start), Bound::Included(end)));
                Box::new(found.map(|entry| &entry.object))
            }
        }
    }

    /// All objects backwards, where there is an order.
    pub fn iter_reverse(&self) -> Box<dyn Iterator<Item = &OwnedTerm> + '_> {
        match self {
            Store::Hash(_) => self.iter(),
            Store::Ordered(ordered) => {
                Box::new(ordered.tree.iter().rev().map(|entry| &entry.object))
            }
        }
    }

    /// The key before or after another; the error if the table has no such key and no order.
    pub fn neighbour(&self, key: Term<'_>, forward: bool) -> Result<Option<Term<'_>>, NoSuchKey> {
        match self {
            Store::Hash(hash) => {
                let slot = hash.slot_of(key).or_else(|| hash.slot_gone(key));
                let slot = slot.ok_or(NoSuchKey)?;
                let next = (slot + 1..hash.slots.len()).find(|&slot| hash.slots[slot].is_some());
                Ok(next.map(|slot| hash.slot_key(slot)))
            }
            Store::Ordered(ordered) => Ok(ordered
                .beyond(key, forward)
                .map(|object| key_at(object.term(), ordered.key_index))),
        }
    }

    /// The first or last key.
    pub fn end(&self, forward: bool) -> Option<Term<'_>> {
        match self {
            Store::Hash(hash) => hash
                .slots
                .iter()
                .position(Option::is_some)
                .map(|slot| hash.slot_key(slot)),
            Store::Ordered(ordered) => {
                let entry = if forward {
                    ordered.tree.first()
                } else {
                    ordered.tree.last()
                };
                entry.map(Entry::key)
            }
        }
    }

    /// The objects of the slot with this number; none beyond the last.
    pub fn slot(&self, number: usize) -> Option<Vec<&OwnedTerm>> {
        match self {
            Store::Hash(hash) => match hash.slots.get(number) {
                Some(slot) => Some(slot.iter().flatten().collect()),
                None => (number < FEWEST_SLOTS).then(Vec::new),
            },
            Store::Ordered(ordered) => {
                let entry = ordered.tree.iter().nth(number)?;
                Some(vec![&entry.object])
            }
        }
    }

    /// How the objects are spread over the slots; none where keys have an order.
    pub fn spread(&self) -> Option<Spread> {
        let Store::Hash(hash) = self else {
            return None;
        };
        let slots = self.slots();
        let sizes = || {
            hash.slots
                .iter()
                .map(|slot| slot.as_ref().map_or(0, |objects| objects.len()))
        };
        let mean = hash.objects as f64 / slots as f64;
        let unused = slots - hash.slots.len();
        let squares = sizes()
            .map(|size| (size as f64 - mean).powi(2))
            .sum::<f64>()
            + unused as f64 * mean * mean;
        Some(Spread {
            slots,
            mean,
            deviation: (squares / slots as f64).sqrt(),
            expected_deviation: (mean * (1.0 - 1.0 / slots as f64)).sqrt(),
            fewest: if unused > 0 {
                0
            } else {
                sizes().min().unwrap_or(0)
            },
            most: sizes().max().unwrap_or(0),
            kept: hash.gone.as_ref().map_or(0, HashTable::len),
        })
    }

    /// How many slots there are.
    pub fn slots(&self) -> usize {
        match self {
            Store::Hash(hash) => hash.slots.len().max(FEWEST_SLOTS),
            Store::Ordered(ordered) => ordered.tree.len(),
        }
    }
}
