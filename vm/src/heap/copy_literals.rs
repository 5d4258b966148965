//! Taking literals over: before a literal area is freed, each process copies what it still uses of it.
//!
//! An area is shared and cannot be written to, so what was copied is remembered in a table, and a literal
//! that is used in many places is copied once. The copies go to fragments; as old objects may point to
//! them now, the next collection is a full one.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::collect::Roots;
use super::copy::{copy_few, copy_off_heap, raw_words};
use super::evacuate::each_pointer;
use super::fragment::{Fragment, OffHeap};
use super::literal::LiteralRange;
use super::{OwnedTerm, RawHeap};
use crate::term::word::{self, Word};

/// What was copied already, and where more goes.
struct Copies<'a> {
    area: LiteralRange,
    copies: HashMap<Word, Word, FxBuildHasher>,
    off_heap: &'a OffHeap,
    /// Fragments of copies, newest first.
    fragments: *mut Fragment,
    words: usize,
    /// Copies whose words may still point into the area: the pointers to them.
    pending: Vec<Word>,
}

/// Words of the first fragment of copies.
const FIRST_FRAGMENT: usize = 64;

impl<'a> Copies<'a> {
    fn new(area: LiteralRange, off_heap: &'a OffHeap) -> Copies<'a> {
        Copies {
            area,
            copies: HashMap::default(),
            off_heap,
            fragments: std::ptr::null_mut(),
            words: 0,
            pending: Vec::new(),
        }
    }

    /// Replaces a pointer into the area by one to a copy.
    ///
    /// # Safety
    /// A pointer in the slot leads to a complete object.
    #[inline(always)]
    unsafe fn replace(&mut self, slot: &mut Word) {
        if !word::is_immediate(*slot) && self.area.contains(word::pointer(*slot)) {
            // SAFETY: by contract.
            *slot = unsafe { self.copy_of(*slot) };
        }
    }

    /// # Safety
    /// The literal is a complete object in the area.
    #[cold]
    unsafe fn copy_of(&mut self, literal: Word) -> Word {
        if let Some(&copy) = self.copies.get(&literal) {
            return copy;
        }
        let from = word::pointer(literal);
        // SAFETY: by contract; the copy has room for the object, and each kind is copied as it wants it.
        let copy = unsafe {
            if word::is_cons(literal) {
                let to = self.take(2);
                copy_few(from, to, 2);
                word::cons(to)
            } else {
                let header = *from;
                let count = 1 + word::header_words(header);
                let to = self.take(count);
                if word::header_kind(header).is_off_heap() {
                    copy_off_heap(from, to, self.off_heap);
                } else {
                    copy_few(from, to, count);
                }
                word::boxed(to)
            }
        };
        self.copies.insert(literal, copy);
        self.pending.push(copy);
        copy
    }

    fn take(&mut self, words: usize) -> *mut Word {
        self.words += words;
        if !self.fragments.is_null() {
            // SAFETY: the fragment was allocated here and is nobody else's.
            if let Some(at) = unsafe { Fragment::take(self.fragments, words) } {
                return at;
            }
        }
        // No more than the whole area can be copied.
        let size = words.max(self.words).max(FIRST_FRAGMENT);
        self.fragments = Fragment::allocate(size, self.fragments);
        // SAFETY: just allocated with room for as many.
        unsafe { Fragment::take(self.fragments, words) }
            .expect("a new fragment has the room it was asked for")
    }

    /// Copies what the copies point to.
    fn finish(&mut self) {
        while let Some(copy) = self.pending.pop() {
            let at = word::pointer(copy);
            // SAFETY: a copy is a complete object of this value's alone.
            unsafe {
                let (first, end) = if word::is_cons(copy) {
                    (at, at.add(2))
                } else {
                    let size = word::header_words(*at);
                    (at.add(1 + raw_words(*at)), at.add(1 + size))
                };
                each_pointer(first, end, |slot| self.replace(slot));
            }
        }
    }
}

/// Calls `each` for the pointers in all objects of a list of fragments.
///
/// # Safety
/// The fragments hold complete objects and are the caller's alone.
unsafe fn each_in_fragments(mut fragment: *mut Fragment, mut each: impl FnMut(&mut Word)) {
    while !fragment.is_null() {
        // SAFETY: by contract.
        unsafe {
            let start = Fragment::words(fragment);
            each_pointer(start, start.add((*fragment).used), &mut each);
            fragment = (*fragment).next;
        }
    }
}

impl RawHeap {
    /// Copies all literals of an area that the heap, its stack or the roots still point to, and lets them
    /// point to the copies. Returns how many words were copied.
    pub fn copy_literals(&mut self, area: LiteralRange, roots: &mut dyn Roots) -> usize {
        let mut copies = Copies::new(area, &self.off_heap);
        // SAFETY: everything in the heap is complete and held mutably; the stack holds terms and immediates.
        unsafe {
            each_pointer(self.start.get(), self.top.get(), |slot| {
                copies.replace(slot)
            });
            each_pointer(self.old_start.get(), self.old_top.get(), |slot| {
                copies.replace(slot)
            });
            each_in_fragments(self.fragments.get(), |slot| copies.replace(slot));
            each_pointer(self.stack_top.get(), self.end.get(), |slot| {
                copies.replace(slot)
            });
        }
        roots.visit(&mut |words| {
            for slot in words {
                // SAFETY: roots are terms of this heap.
                unsafe { copies.replace(slot) };
            }
        });
        copies.finish();
        let (words, fragments) = (copies.words, copies.fragments);
        if words > 0 {
            self.need_full.set(true);
            // SAFETY: the fragments are this call's alone until now.
            unsafe { self.add_fragments(fragments, words) };
        }
        words
    }

    /// Whether anything in the heap, on its stack or in the roots points into a literal area.
    pub fn uses_literals(&mut self, area: LiteralRange, roots: &mut dyn Roots) -> bool {
        let mut used = false;
        let mut look = |slot: &mut Word| used |= area.contains(word::pointer(*slot));
        // SAFETY: as in `copy_literals`.
        unsafe {
            each_pointer(self.start.get(), self.top.get(), &mut look);
            each_pointer(self.old_start.get(), self.old_top.get(), &mut look);
            each_in_fragments(self.fragments.get(), &mut look);
            each_pointer(self.stack_top.get(), self.end.get(), &mut look);
        }
        roots.visit(&mut |words| {
            for slot in words {
                if !word::is_immediate(*slot) {
                    look(slot);
                }
            }
        });
        used
    }
}

impl OwnedTerm {
    /// Copies all literals of an area that the term still points to (a message that was not received yet).
    /// Returns how many words were copied.
    pub fn copy_literals(&mut self, area: LiteralRange) -> usize {
        let mut copies = Copies::new(area, &self.off_heap);
        // SAFETY: the fragments hold complete objects, and are held mutably; so is the root.
        unsafe {
            each_in_fragments(self.fragments, |slot| copies.replace(slot));
            copies.replace(&mut self.root);
        }
        copies.finish();
        let (words, fragments) = (copies.words, copies.fragments);
        if words > 0 {
            // SAFETY: both lists are alive and owned by this call and value.
            unsafe { Fragment::append(fragments, self.fragments) };
            self.fragments = fragments;
            self.words += words;
        }
        words
    }
}
