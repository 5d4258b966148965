//! Fragments: terms outside a process's block, and terms that live on their own ([`OwnedTerm`]).

use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::Arc;

use super::{Heap, RawHeap, block};
use crate::binary::BinaryData;
use crate::resource::Resource;
use crate::term::Term;
use crate::term::word::{self, BoxedKind, NIL, Word};

/// A block of words with its bookkeeping in front.
#[repr(C)]
pub struct Fragment {
    /// The next (older) fragment of the heap.
    pub(crate) next: *mut Fragment,
    /// Room and use, in words.
    pub(crate) capacity: usize,
    pub(crate) used: usize,
}

/// Words of the bookkeeping.
const FRAGMENT_WORDS: usize = size_of::<Fragment>() / 8;

impl Fragment {
    pub(crate) fn allocate(capacity: usize, next: *mut Fragment) -> *mut Fragment {
        let fragment = block::allocate(FRAGMENT_WORDS + capacity).cast::<Fragment>();
        // SAFETY: just allocated for a `Fragment` and its words.
        unsafe {
            fragment.write(Fragment {
                next,
                capacity,
                used: 0,
            })
        };
        fragment
    }

    /// The first word of a fragment.
    ///
    /// # Safety
    /// `fragment` is alive.
    pub(crate) unsafe fn words(fragment: *mut Fragment) -> *mut Word {
        // SAFETY: the words follow the header in the same allocation.
        unsafe { fragment.add(1).cast() }
    }

    /// Room for `words` more words, if there is.
    ///
    /// # Safety
    /// `fragment` is alive and this thread's alone.
    pub(crate) unsafe fn take(fragment: *mut Fragment, words: usize) -> Option<*mut Word> {
        // SAFETY: by contract; `used <= capacity` words are in use.
        unsafe {
            if (*fragment).capacity - (*fragment).used < words {
                return None;
            }
            let at = Fragment::words(fragment).add((*fragment).used);
            (*fragment).used += words;
            Some(at)
        }
    }

    /// Lets a list end with another one.
    ///
    /// # Safety
    /// The first list is not empty, alive, and this caller's alone.
    pub(super) unsafe fn append(mut fragment: *mut Fragment, rest: *mut Fragment) {
        // SAFETY: by contract.
        unsafe {
            while !(*fragment).next.is_null() {
                fragment = (*fragment).next;
            }
            (*fragment).next = rest;
        }
    }

    /// Frees a list of fragments.
    ///
    /// # Safety
    /// The list is this caller's alone, and nothing in it is used again.
    pub(crate) unsafe fn free_list(mut fragment: *mut Fragment) {
        while !fragment.is_null() {
            // SAFETY: by contract alive; allocated with as many words.
            unsafe {
                let next = (*fragment).next;
                block::free(fragment.cast(), FRAGMENT_WORDS + (*fragment).capacity);
                fragment = next;
            }
        }
    }
}

/// A list of the off-heap objects of a heap, threaded through their second words, and how many words of
/// binaries they keep alive.
pub struct OffHeap {
    /// The newest object as a boxed word, or [`NIL`].
    pub(crate) head: Cell<Word>,
    /// Words of binaries counted by the list.
    pub(crate) binary_words: Cell<usize>,
}

impl OffHeap {
    pub(crate) const fn new() -> OffHeap {
        OffHeap {
            head: Cell::new(NIL),
            binary_words: Cell::new(0),
        }
    }

    /// Links an object whose header was just written at `at`.
    ///
    /// # Safety
    /// `at` points to a complete object of an off-heap kind that is in no list.
    pub(crate) unsafe fn link(&self, at: *mut Word, binary_words: usize) {
        // SAFETY: the second word of an off-heap object is its link.
        unsafe { *at.add(1) = self.head.get() };
        self.head.set(word::boxed(at));
        self.binary_words
            .set(self.binary_words.get() + binary_words);
    }

    /// Drops what one object counts.
    ///
    /// # Safety
    /// The object at `at` is complete, and will not be used or released again.
    pub(crate) unsafe fn release(at: *mut Word) {
        // SAFETY: by contract the words are what `Heap` wrote for the kind.
        unsafe {
            match word::header_kind(*at) {
                BoxedKind::RefBin => drop(Arc::from_raw(*at.add(2) as *const BinaryData)),
                BoxedKind::MagicRef => drop(at.add(2).cast::<Arc<dyn Resource>>().read()),
                other => unreachable!("{other:?} in the list of off-heap objects"),
            }
        }
    }

    /// The list, which leaves an empty one behind.
    pub(super) fn take(&self) -> OffHeap {
        OffHeap {
            head: Cell::new(self.head.replace(NIL)),
            binary_words: Cell::new(self.binary_words.replace(0)),
        }
    }

    /// After an evacuation: objects that were moved are linked into `young`, or into `old` where they lie in
    /// the area of that generation; what the others count is dropped.
    ///
    /// # Safety
    /// The objects were complete before the evacuation, and those not moved are not used again.
    pub(super) unsafe fn sweep(self, young: &OffHeap, area: super::evacuate::Area, old: &OffHeap) {
        // From the oldest to the newest, so that the lists keep their order.
        // SAFETY: by contract; the link of an object whose first word was changed is still there.
        let mut object = unsafe { reversed(self.head.replace(NIL)) };
        while object != NIL {
            let at = word::pointer(object);
            // SAFETY: only the first word of a moved object was changed, so its link is still there; its
            // copy is complete.
            unsafe {
                object = *at.add(1);
                let first = *at;
                if word::is_boxed(first) {
                    let moved = word::pointer(first);
                    let list = if area.contains(moved) { old } else { young };
                    list.link(moved, OffHeap::binary_words_of(moved));
                } else {
                    OffHeap::release(at);
                }
            }
        }
    }

    /// How many words of binaries an object keeps alive.
    ///
    /// # Safety
    /// The object at `at` is complete.
    unsafe fn binary_words_of(at: *const Word) -> usize {
        // SAFETY: by contract; a `RefBin` counts its data.
        unsafe {
            match word::header_kind(*at) {
                BoxedKind::RefBin => (*(*at.add(2) as *const BinaryData)).capacity() / 8,
                _ => 0,
            }
        }
    }

    /// Drops what all objects of the list count, and empties it.
    ///
    /// # Safety
    /// None of the objects is used again.
    pub(crate) unsafe fn release_all(&self) {
        let mut object = self.head.replace(NIL);
        while object != NIL {
            let at = word::pointer(object);
            // SAFETY: the list links complete objects; the link is read before the object goes.
            unsafe {
                object = *at.add(1);
                OffHeap::release(at);
            }
        }
        self.binary_words.set(0);
    }
}

/// Turns a list of off-heap objects round.
///
/// # Safety
/// The second word of each object links it to the next, and nobody else uses the list.
unsafe fn reversed(mut head: Word) -> Word {
    let mut turned = NIL;
    while head != NIL {
        let at = word::pointer(head);
        // SAFETY: by contract.
        unsafe {
            let next = *at.add(1);
            *at.add(1) = turned;
            turned = head;
            head = next;
        }
    }
    turned
}

/// A term with memory of its own: a message, an ETS object, a timer's message. Nothing changes it but who holds it
/// mutably, so any thread may read or drop it.
pub struct OwnedTerm {
    pub(super) root: Word,
    pub(super) fragments: *mut Fragment,
    pub(super) words: usize,
    pub(super) off_heap: OffHeap,
}

// SAFETY:
// 1. Nothing writes to the fragments after `build` but who holds the value mutably, and they belong to it alone.
// 2. What off-heap objects count is `Send + Sync`.
unsafe impl Send for OwnedTerm {}
// SAFETY: as for `Send`; the cells in `off_heap` are only touched by `drop` and by the owner taking it apart.
unsafe impl Sync for OwnedTerm {}

impl OwnedTerm {
    /// A term built by `build` in memory of its own.
    pub fn build(build: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>) -> OwnedTerm {
        let raw = RawHeap::detached();
        let root = build(Heap::new(&raw)).word();
        let owned = OwnedTerm {
            root,
            fragments: raw.fragments.replace(null_mut()),
            words: raw.fragment_words.get(),
            off_heap: OffHeap {
                head: Cell::new(raw.off_heap.head.replace(NIL)),
                binary_words: Cell::new(raw.off_heap.binary_words.get()),
            },
        };
        raw.off_heap.binary_words.set(0);
        owned
    }

    /// As [`build`](OwnedTerm::build), where building can fail.
    pub fn try_build<E>(
        build: impl for<'h> FnOnce(Heap<'h>) -> Result<Term<'h>, E>,
    ) -> Result<OwnedTerm, E> {
        let mut error = None;
        let owned = OwnedTerm::build(|heap| match build(heap) {
            Ok(term) => term,
            Err(err) => {
                error = Some(err);
                Term::NIL
            }
        });
        error.map_or(Ok(owned), Err)
    }

    /// A copy of a term, literals included; binaries off the heap are counted. It outlives any module.
    pub fn copy_of(term: Term<'_>) -> OwnedTerm {
        OwnedTerm::copied::<false>(term)
    }

    /// A copy of a term that shares its literals: for messages and whatever else the purge of literals
    /// looks at.
    pub fn message_of(term: Term<'_>) -> OwnedTerm {
        OwnedTerm::copied::<true>(term)
    }

    fn copied<const SHARE: bool>(term: Term<'_>) -> OwnedTerm {
        let off_heap = OffHeap::new();
        let (root, fragments, words) =
            super::copy::copy_to_fragment::<SHARE>(term.word(), &off_heap);
        OwnedTerm {
            root,
            fragments,
            words,
            off_heap,
        }
    }

    /// An immediate, which needs no memory.
    pub fn immediate(term: Term<'_>) -> OwnedTerm {
        assert!(word::is_immediate(term.word()), "an immediate term");
        OwnedTerm {
            root: term.word(),
            fragments: null_mut(),
            words: 0,
            off_heap: OffHeap::new(),
        }
    }

    /// The term.
    #[inline]
    pub fn term(&self) -> Term<'_> {
        // SAFETY: the fragments live as long as `self` and are not written.
        unsafe { Term::from_word(self.root) }
    }

    /// How many words it takes (0 for an immediate).
    pub fn words(&self) -> usize {
        self.words
    }

    /// How many words of off-heap binaries it keeps alive.
    pub fn binary_words(&self) -> usize {
        self.off_heap.binary_words.get()
    }

    /// The list of its objects that count something off the heap.
    pub(crate) fn off_heap(&self) -> &OffHeap {
        &self.off_heap
    }

    /// Replaces an element of a tuple, counted from 0, where both it and the new one are small integers; whether they
    /// are. The tuple must be in this value's memory, which is one piece then.
    pub fn set_small(&mut self, index: usize, value: i64) -> bool {
        let fragment = self.fragments;
        if fragment.is_null() || !word::is_boxed(self.root) || !word::fits_small(value) {
            return false;
        }
        let tuple = word::pointer(self.root);
        // SAFETY:
        // 1. The fragment is alive, and this value's alone, which is held mutably.
        // 2. The tuple is a whole object in it, so that an element below its arity is a word of it.
        unsafe {
            let words = Fragment::words(fragment);
            if !(words..words.add((*fragment).used)).contains(&tuple) {
                return false;
            }
            let header = *tuple;
            if word::header_kind(header) != BoxedKind::Tuple || index >= word::header_words(header)
            {
                return false;
            }
            let element = tuple.add(1 + index);
            let small = word::is_small(*element);
            if small {
                *element = word::small(value);
            }
            small
        }
    }

    /// Hands its memory over to a heap, so that its term is one of that heap's without being copied.
    pub fn adopt<'h>(self, heap: Heap<'h>) -> Term<'h> {
        let root = self.root;
        heap.adopt_fragments(self.fragments, self.words, &self.off_heap);
        std::mem::forget(self);
        // SAFETY: the fragments are the heap's now, which keeps them for `'h`.
        unsafe { Term::from_word(root) }
    }
}

impl Drop for OwnedTerm {
    fn drop(&mut self) {
        // SAFETY: the memory is this value's alone, and it is going.
        unsafe {
            self.off_heap.release_all();
            Fragment::free_list(self.fragments);
        }
    }
}

impl Clone for OwnedTerm {
    fn clone(&self) -> OwnedTerm {
        OwnedTerm::copy_of(self.term())
    }
}
