//! Evacuation: the inner loops of the collector.
//!
//! An object that is reached is moved to its new place and leaves a mark that says where (see
//! [`word`]): the header of a boxed object becomes the new pointer; the head of a cons cell becomes
//! [`NO_VALUE`] and its tail the new pointer. What was moved is then gone over (Cheney's scan): each word
//! that still points to where it should not is replaced, moving what it points to. The scan knows a header
//! by its tag, and skips as many words as the header's kind holds that are no terms.
//!
//! Everything that is neither a literal nor old is young, wherever it lies: in the block or in a fragment.

use super::block::between;
use super::copy::{copy_few, raw_words};
use super::literal::Region;
use crate::term::word::{self, NO_VALUE, Word};

/// A full collection: all but literals moves to the new block.
pub(super) const FULL: u8 = 0;
/// A minor collection of a heap in which nothing has survived one yet.
pub(super) const MINOR: u8 = 1;
/// A minor collection: what has survived one before moves to the old generation.
pub(super) const TENURE: u8 = 2;
/// For what was moved to the old generation: what it points to goes there too.
pub(super) const PROMOTED: u8 = 3;

/// An area of addresses.
#[derive(Clone, Copy)]
pub(super) struct Area {
    start: usize,
    bytes: usize,
}

impl Area {
    pub(super) fn new(start: *const Word, end: *const Word) -> Area {
        Area {
            start: start as usize,
            bytes: between(start, end) * 8,
        }
    }

    #[inline(always)]
    pub(super) fn contains(self, at: *const Word) -> bool {
        (at as usize).wrapping_sub(self.start) < self.bytes
    }

    pub(super) fn is_empty(self) -> bool {
        self.bytes == 0
    }
}

/// What is moved where. Copied into locals by the loops, so that it stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Evacuation {
    literals: Region,
    old: Area,
    mature: Area,
    /// Where the next object goes: in the new block, and in the old generation.
    pub(super) top: *mut Word,
    pub(super) old_top: *mut Word,
}

impl Evacuation {
    /// An evacuation to `top` in the new block, and of what lies in `mature` to `old_top` in `old`.
    pub(super) fn new(top: *mut Word, old: Area, mature: Area, old_top: *mut Word) -> Evacuation {
        Evacuation {
            literals: Region::get(),
            old,
            mature,
            top,
            old_top,
        }
    }

    /// Makes the pointer in `slot` point to the object's new place, moving the object if it is still in
    /// its old one.
    ///
    /// # Safety
    /// `slot` holds a pointer to a complete object or to one that was moved; the new places have room for
    /// all that is alive.
    #[inline(always)]
    unsafe fn forward<const MODE: u8>(&mut self, slot: *mut Word) {
        // SAFETY: by contract.
        unsafe {
            let word = *slot;
            let at = word::pointer(word);
            if self.literals.contains(at) || MODE != FULL && self.old.contains(at) {
                return;
            }
            let first = *at;
            let to_old = match MODE {
                PROMOTED => true,
                TENURE => self.mature.contains(at),
                _ => false,
            };
            let top = if to_old {
                &mut self.old_top
            } else {
                &mut self.top
            };
            let to = *top;
            if word::is_cons(word) {
                let tail = *at.add(1);
                if first == NO_VALUE {
                    *slot = tail;
                    return;
                }
                *to = first;
                *to.add(1) = tail;
                *top = to.add(2);
                let moved = word::cons(to);
                *slot = moved;
                *at = NO_VALUE;
                *at.add(1) = moved;
            } else {
                if word::is_boxed(first) {
                    *slot = first;
                    return;
                }
                debug_assert!(word::is_header(first), "{word:#x} points to {first:#x}");
                let size = word::header_words(first);
                *to = first;
                copy_few(at.add(1), to.add(1), size);
                *top = to.add(1 + size);
                let moved = word::boxed(to);
                *slot = moved;
                *at = moved;
            }
        }
    }

    /// Forwards all pointers among words that are terms.
    ///
    /// # Safety
    /// As for [`forward`](Self::forward), for each of them.
    #[inline]
    pub(super) unsafe fn roots<const MODE: u8>(&mut self, words: &mut [Word]) {
        let mut this = *self;
        for slot in words {
            if !word::is_immediate(*slot) {
                debug_assert!(!word::is_header(*slot), "a header among the roots");
                // SAFETY: by contract.
                unsafe { this.forward::<MODE>(slot) };
            }
        }
        *self = this;
    }

    /// Goes over what was moved, from `at` on, until nothing is left to move: in the old generation for
    /// [`PROMOTED`], else in the new block.
    ///
    /// # Safety
    /// As for [`forward`](Self::forward); from `at` to the top lie complete objects.
    #[inline(never)]
    pub(super) unsafe fn scan<const MODE: u8>(&mut self, mut at: *mut Word) {
        let mut this = *self;
        // SAFETY: by contract: words that are not terms follow their header and are skipped.
        unsafe {
            while at
                < if MODE == PROMOTED {
                    this.old_top
                } else {
                    this.top
                }
            {
                let word = *at;
                if word::is_immediate(word) {
                    at = at.add(1);
                } else if word::is_header(word) {
                    at = at.add(1 + raw_words(word));
                } else {
                    this.forward::<MODE>(at);
                    at = at.add(1);
                }
            }
        }
        *self = this;
    }
}

/// Calls `each` for every slot of an area of complete objects that holds a pointer.
///
/// # Safety
/// From `at` to `end` lie complete objects, nothing between them, and the area is the caller's alone.
#[inline(always)]
pub(super) unsafe fn each_pointer(
    mut at: *mut Word,
    end: *mut Word,
    mut each: impl FnMut(&mut Word),
) {
    // SAFETY: by contract.
    unsafe {
        while at < end {
            let word = *at;
            if word::is_immediate(word) {
                at = at.add(1);
            } else if word::is_header(word) {
                at = at.add(1 + raw_words(word));
            } else {
                each(&mut *at);
                at = at.add(1);
            }
        }
    }
}

/// Moves pointers into `area` by `distance` bytes.
#[derive(Clone, Copy)]
pub(super) struct Relocation {
    pub(super) area: Area,
    pub(super) distance: usize,
}

impl Relocation {
    /// The word, if it is no pointer into the area; else where it points now.
    #[inline(always)]
    pub(super) fn of(self, word: Word) -> Word {
        if !word::is_immediate(word) && self.area.contains(word::pointer(word)) {
            word.wrapping_add(self.distance as Word)
        } else {
            word
        }
    }
}

const _: () = {
    // A moved object is told from one that is still there by its first word.
    assert!(!word::is_boxed(word::header(word::BoxedKind::Tuple, 0)));
    assert!(!word::is_boxed(NO_VALUE));
};
