//! A stack of terms that can be put away: its contents then stand in tuples on the heap, where a collection
//! may move them, and come back a tuple at a time, so that a deep stack is not copied again and again.

use crate::heap::Heap;
use crate::term::Term;

/// The most terms of a tuple: what comes back at once, and is put away again if the work stops soon after.
const SEGMENT: usize = 1024;

/// The stack.
pub(crate) struct Spill<'h> {
    /// The newest terms.
    pub(super) newest: Vec<Term<'h>>,
    /// Older ones: a list of tuples, the newest first.
    older: Term<'h>,
}

impl<'h> Spill<'h> {
    pub(crate) fn new() -> Spill<'h> {
        Spill {
            newest: Vec::new(),
            older: Term::NIL,
        }
    }

    /// Puts it away as a term that must be kept.
    pub(crate) fn suspend(self, heap: Heap<'h>) -> Term<'h> {
        self.newest
            .chunks(SEGMENT)
            .fold(self.older, |older, segment| {
                heap.cons(heap.tuple(segment), older)
            })
    }

    /// Takes it up again.
    pub(crate) fn resume(kept: Term<'h>) -> Spill<'h> {
        Spill {
            newest: Vec::new(),
            older: kept,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, term: Term<'h>) {
        self.newest.push(term);
    }

    /// The newest term.
    ///
    /// # Panics
    /// If there is none: users know how many they pushed.
    #[inline]
    pub(crate) fn pop(&mut self) -> Term<'h> {
        if self.newest.is_empty() {
            self.fetch(1);
        }
        self.newest.pop().expect("what was pushed is there")
    }

    /// The newest term, which stays.
    #[inline]
    pub(crate) fn top(&mut self) -> &mut Term<'h> {
        if self.newest.is_empty() {
            self.fetch(1);
        }
        self.newest.last_mut().expect("what was pushed is there")
    }

    /// Where in `newest` the last `count` terms begin.
    #[inline]
    pub(crate) fn last(&mut self, count: usize) -> usize {
        if self.newest.len() < count {
            self.fetch(count);
        }
        self.newest.len() - count
    }

    /// All terms, the oldest first.
    pub(crate) fn all(mut self) -> Vec<Term<'h>> {
        let older = self
            .older
            .list()
            .filter_map(|segment| segment.as_tuple())
            .map(|segment| segment.arity())
            .sum::<usize>();
        self.fetch(self.newest.len() + older);
        self.newest
    }

    /// Fetches older terms back until there are `count`.
    #[cold]
    fn fetch(&mut self, count: usize) {
        let mut segments = Vec::new();
        let mut len = self.newest.len();
        while len < count {
            let cell = self.older.as_cons().expect("what was pushed is there");
            let segment = cell.head().as_tuple().expect("older terms stand in tuples");
            len += segment.arity();
            segments.push(segment.elements());
            self.older = cell.tail();
        }
        let newer = std::mem::take(&mut self.newest);
        self.newest = segments
            .into_iter()
            .rev()
            .flatten()
            .copied()
            .chain(newer)
            .collect();
    }
}
