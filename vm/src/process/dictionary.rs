//! The process dictionary.
//!
//! Keys and values stand in one vector, key before value, which is also what the collector visits. Up to
//! [`SCAN`] entries a key is looked for one by one; beyond that an index by the key's hash (which does not
//! depend on where a key lies in memory) tells its place.

use std::cell::RefCell;

use hashbrown::HashTable;

use super::Process;
use super::lazy::Lazy;
use crate::heap::Heap;
use crate::term::Term;
use crate::term::word::Word;
use crate::term::word::is_immediate;

/// So many entries are looked through without an index.
const SCAN: usize = 8;

/// The entries.
pub struct Dictionary(Lazy<RefCell<Entries>>);

#[derive(Default)]
struct Entries {
    /// Key, value, key, value…
    words: Vec<Word>,
    index: Option<Box<HashTable<u32>>>,
}

/// A key's term.
///
/// # Safety
/// The word is one of the dictionary's, whose process is borrowed for `'p`.
unsafe fn term<'p>(word: Word) -> Term<'p> {
    // SAFETY: the words are roots of the process's heap, updated by every collection.
    unsafe { Term::from_word(word) }
}

fn hash(key: Term<'_>) -> u64 {
    key.internal_hash()
}

impl Entries {
    fn key<'p>(&self, at: usize) -> Term<'p> {
        // SAFETY: `Dictionary`'s methods hand terms out for as long as the process is borrowed.
        unsafe { term(self.words[2 * at]) }
    }

    fn value<'p>(&self, at: usize) -> Term<'p> {
        // SAFETY: as in `key`.
        unsafe { term(self.words[2 * at + 1]) }
    }

    fn len(&self) -> usize {
        self.words.len() / 2
    }

    fn find(&self, key: Term<'_>) -> Option<usize> {
        if let Some(index) = &self.index {
            return index
                .find(hash(key), |&at| self.key(at as usize).exactly_equals(key))
                .map(|&at| at as usize);
        }
        if is_immediate(key.word()) {
            return (0..self.len()).find(|&at| self.words[2 * at] == key.word());
        }
        (0..self.len()).find(|&at| self.key(at).exactly_equals(key))
    }

    fn push(&mut self, key: Term<'_>, value: Term<'_>) {
        let at = self.len() as u32;
        self.words.extend([key.word(), value.word()]);
        if self.index.is_some() {
            self.index_entry(at);
        } else if self.len() > SCAN {
            self.index = Some(Box::new(HashTable::with_capacity(2 * SCAN)));
            for at in 0..self.len() as u32 {
                self.index_entry(at);
            }
        }
    }

    fn index_entry(&mut self, at: u32) {
        let words = &self.words;
        if let Some(index) = &mut self.index {
            let hash_at = |at: u32| {
                // SAFETY: as in `key`.
                hash(unsafe { term(words[2 * at as usize]) })
            };
            index.insert_unique(hash_at(at), at, |&at| hash_at(at));
        }
    }

    fn remove<'p>(&mut self, at: usize) -> Term<'p> {
        let value = self.value(at);
        let last = self.len() - 1;
        if let Some(mut index) = self.index.take() {
            let unlink = |index: &mut HashTable<u32>, at: usize, to: Option<u32>| {
                let found = index.find_entry(hash(self.key(at)), |&other| other as usize == at);
                if let Ok(mut entry) = found {
                    match to {
                        Some(to) => *entry.get_mut() = to,
                        None => {
                            entry.remove();
                        }
                    }
                }
            };
            unlink(&mut index, at, None);
            if at != last {
                unlink(&mut index, last, Some(at as u32));
            }
            self.index = Some(index);
        }
        self.words.swap(2 * at, 2 * last);
        self.words.swap(2 * at + 1, 2 * last + 1);
        self.words.truncate(2 * last);
        value
    }
}

impl Dictionary {
    /// An empty one.
    pub(super) const fn new() -> Dictionary {
        Dictionary(Lazy::new())
    }

    /// What the collector visits.
    pub(super) fn roots(&mut self) -> &mut [Word] {
        match self.0.get_mut() {
            Some(entries) => &mut entries.get_mut().words,
            None => &mut [],
        }
    }
}

impl Process {
    /// The value of a key in the process dictionary.
    pub fn dictionary_get(&self, key: Term<'_>) -> Option<Term<'_>> {
        let entries = self.dictionary.0.get()?.borrow();
        entries.find(key).map(|at| entries.value(at))
    }

    /// Sets the value of a key, both terms of this process's heap; the value that it had.
    pub fn dictionary_put<'p>(&'p self, key: Term<'p>, value: Term<'p>) -> Option<Term<'p>> {
        let mut entries = self.dictionary.0.made().borrow_mut();
        match entries.find(key) {
            Some(at) => {
                let old = entries.value(at);
                entries.words[2 * at + 1] = value.word();
                Some(old)
            }
            None => {
                entries.push(key, value);
                None
            }
        }
    }

    /// Removes a key; the value that it had.
    pub fn dictionary_erase(&self, key: Term<'_>) -> Option<Term<'_>> {
        let mut entries = self.dictionary.0.get()?.borrow_mut();
        let at = entries.find(key)?;
        Some(entries.remove(at))
    }

    /// Removes all keys; the list of `{Key, Value}` that there were.
    pub fn dictionary_clear(&self) -> Term<'_> {
        let list = self.dictionary_list(self.heap());
        if let Some(entries) = self.dictionary.0.get() {
            entries.take();
        }
        list
    }

    /// The list of `{Key, Value}`.
    pub fn dictionary_list<'p>(&'p self, heap: Heap<'p>) -> Term<'p> {
        let Some(entries) = self.dictionary.0.get() else {
            return Term::NIL;
        };
        let entries = entries.borrow();
        (0..entries.len()).fold(Term::NIL, |rest, at| {
            heap.cons(heap.tuple(&[entries.key(at), entries.value(at)]), rest)
        })
    }

    /// The list of keys, or of those that have a value.
    pub fn dictionary_keys<'p>(&'p self, heap: Heap<'p>, with: Option<Term<'_>>) -> Term<'p> {
        let Some(entries) = self.dictionary.0.get() else {
            return Term::NIL;
        };
        let entries = entries.borrow();
        (0..entries.len())
            .filter(|&at| with.is_none_or(|value| entries.value(at).exactly_equals(value)))
            .fold(Term::NIL, |rest, at| heap.cons(entries.key(at), rest))
    }

    /// How many keys there are.
    pub fn dictionary_len(&self) -> usize {
        let entries = self.dictionary.0.get();
        entries.map_or(0, |entries| entries.borrow().len())
    }
}
