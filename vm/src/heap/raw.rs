//! The memory of a heap.
//!
//! ```text
//! start          high_water        top →            ← stack_top      end
//!   | survived once |  new since    |  free           | stack          |
//! ```
//!
//! `top` and `stack_top` are what the interpreter keeps in registers while a process runs; they are
//! written back before anything else may look here. Without a block (`start` null) a heap consists of
//! fragments only: that is how terms are built outside processes.

use std::cell::Cell;
use std::ptr::null_mut;

use super::fragment::{Fragment, OffHeap};
use super::{block, sizes};
use crate::term::word::Word;

/// Words that always stay free between heap and stack, so that a call can push its return address unchecked.
pub const STACK_SLACK: usize = 4;

/// Memory for terms. The fields are for the modules of `heap`, the interpreter and the process.
#[repr(C)]
pub struct RawHeap {
    /// Where the next word is built in the block.
    pub(crate) top: Cell<*mut Word>,
    /// The lowest word of the stack, and the limit of `top`; the block's end where there is no stack.
    pub(crate) stack_top: Cell<*mut Word>,
    /// The block: first word and one past the last.
    pub(crate) start: Cell<*mut Word>,
    pub(crate) end: Cell<*mut Word>,
    /// What lies below has survived one minor collection.
    pub(crate) high_water: Cell<*mut Word>,
    /// The old generation's block, its next free word and its end.
    pub(crate) old_start: Cell<*mut Word>,
    pub(crate) old_top: Cell<*mut Word>,
    pub(crate) old_end: Cell<*mut Word>,
    /// Fragments, newest first: what did not fit the block, and messages whose terms are in use.
    pub(crate) fragments: Cell<*mut Fragment>,
    /// Words used in all fragments.
    pub(crate) fragment_words: Cell<usize>,
    /// Off-heap objects of the block and its fragments, and of the old generation.
    pub(crate) off_heap: OffHeap,
    pub(crate) old_off_heap: OffHeap,
    /// Minor collections since the last full one, and the number of either in all.
    pub(crate) minor_since_full: Cell<u32>,
    pub(crate) minor_count: Cell<u64>,
    pub(crate) full_count: Cell<u64>,
    /// The program's wishes: `min_heap_size`, `min_bin_vheap_size` (words), `fullsweep_after`,
    /// `max_heap_size` (words, 0 for none) with its flag `kill`.
    pub(crate) min_words: Cell<usize>,
    pub(crate) min_vheap_words: Cell<usize>,
    pub(crate) fullsweep_after: Cell<u32>,
    pub(crate) max_words: Cell<usize>,
    pub(crate) max_kill: Cell<bool>,
    /// Words of messages that are not received yet but count as the heap's (`{message_queue_data, on_heap}`),
    /// as of the last time somebody counted them.
    pub(crate) message_words: Cell<usize>,
    /// Words of off-heap binaries allowed, for the young and for the old objects, before they alone are
    /// reason to collect.
    pub(crate) vheap_limit: Cell<usize>,
    pub(crate) old_vheap_limit: Cell<usize>,
    /// Set where the next collection must be a full one.
    pub(crate) need_full: Cell<bool>,
    /// Set where the last full collection left little room: the next one gets a larger block.
    pub(crate) grow: Cell<bool>,
}

impl RawHeap {
    /// A heap without a block: what is built goes to fragments.
    pub const fn detached() -> RawHeap {
        RawHeap {
            top: Cell::new(null_mut()),
            stack_top: Cell::new(null_mut()),
            start: Cell::new(null_mut()),
            end: Cell::new(null_mut()),
            high_water: Cell::new(null_mut()),
            old_start: Cell::new(null_mut()),
            old_top: Cell::new(null_mut()),
            old_end: Cell::new(null_mut()),
            fragments: Cell::new(null_mut()),
            fragment_words: Cell::new(0),
            off_heap: OffHeap::new(),
            old_off_heap: OffHeap::new(),
            minor_since_full: Cell::new(0),
            minor_count: Cell::new(0),
            full_count: Cell::new(0),
            min_words: Cell::new(sizes::DEFAULT_MIN_WORDS),
            min_vheap_words: Cell::new(sizes::DEFAULT_MIN_VHEAP_WORDS),
            fullsweep_after: Cell::new(sizes::DEFAULT_FULLSWEEP_AFTER),
            max_words: Cell::new(0),
            max_kill: Cell::new(true),
            message_words: Cell::new(0),
            vheap_limit: Cell::new(sizes::DEFAULT_MIN_VHEAP_WORDS),
            old_vheap_limit: Cell::new(sizes::DEFAULT_MIN_VHEAP_WORDS),
            need_full: Cell::new(false),
            grow: Cell::new(false),
        }
    }

    /// A heap with a block of `words` words and an empty stack.
    pub fn with_block(words: usize) -> RawHeap {
        let raw = RawHeap::detached();
        let start = block::allocate(words);
        // SAFETY: one past the words just allocated.
        let end = unsafe { start.add(words) };
        raw.set_block(start, start, end, end);
        raw.high_water.set(start);
        raw
    }

    /// The heap of a new process that begins with `used` words (its arguments) and wants `min` at least,
    /// which has been rounded to a size that heaps can have.
    pub fn for_process(min: usize, used: usize) -> RawHeap {
        let raw = RawHeap::with_block(if used < min {
            min
        } else {
            sizes::at_least(used)
        });
        raw.min_words.set(min);
        raw
    }

    /// Uses a block; the caller has taken care of the one before.
    pub(super) fn set_block(
        &self,
        start: *mut Word,
        top: *mut Word,
        stack_top: *mut Word,
        end: *mut Word,
    ) {
        self.start.set(start);
        self.top.set(top);
        self.stack_top.set(stack_top);
        self.end.set(end);
    }

    /// Words of the block, used or not.
    pub fn block_words(&self) -> usize {
        block::between(self.start.get(), self.end.get())
    }

    /// Words used in the block by terms.
    pub fn used_words(&self) -> usize {
        block::between(self.start.get(), self.top.get())
    }

    /// Words used by the stack.
    pub fn stack_words(&self) -> usize {
        block::between(self.stack_top.get(), self.end.get())
    }

    /// Words of the old generation's block, used or not.
    pub fn old_block_words(&self) -> usize {
        block::between(self.old_start.get(), self.old_end.get())
    }

    /// Words used in the old generation.
    pub fn old_used_words(&self) -> usize {
        block::between(self.old_start.get(), self.old_top.get())
    }

    /// Words free between heap and stack.
    pub fn free_words(&self) -> usize {
        block::between(self.top.get(), self.stack_top.get())
    }

    /// Room for `words` words, in the block if they fit, else in a fragment. Never moves anything.
    #[inline(always)]
    pub(crate) fn alloc(&self, words: usize) -> *mut Word {
        let top = self.top.get();
        let free = (self.stack_top.get() as usize).wrapping_sub(top as usize) / 8;
        if words + STACK_SLACK <= free {
            // SAFETY: `words` words lie between `top` and the stack.
            self.top.set(unsafe { top.add(words) });
            top
        } else {
            self.alloc_fragment(words)
        }
    }

    /// Makes fragments this heap's.
    ///
    /// # Safety
    /// The list is not empty, alive, and nobody else's; `words` of it are used, by complete objects.
    pub(super) unsafe fn add_fragments(&self, fragments: *mut Fragment, words: usize) {
        // SAFETY: by contract.
        unsafe { Fragment::append(fragments, self.fragments.get()) };
        self.fragments.set(fragments);
        self.fragment_words.set(self.fragment_words.get() + words);
    }

    #[cold]
    fn alloc_fragment(&self, words: usize) -> *mut Word {
        let newest = self.fragments.get();
        if !newest.is_null() {
            // SAFETY: the list holds live fragments that this heap owns.
            if let Some(at) = unsafe { Fragment::take(newest, words) } {
                self.fragment_words.set(self.fragment_words.get() + words);
                return at;
            }
        }
        // Growing geometrically keeps the number of fragments of a large result small.
        let fragment = Fragment::allocate(
            words.max((self.fragment_words.get() / 2).clamp(16, 1 << 20)),
            newest,
        );
        self.fragments.set(fragment);
        self.fragment_words.set(self.fragment_words.get() + words);
        // SAFETY: just allocated with at least `words` words.
        unsafe { Fragment::take(fragment, words) }
            .expect("a new fragment has the room it was asked for")
    }
}

impl Drop for RawHeap {
    fn drop(&mut self) {
        // SAFETY: the heap is going: nothing can reach its objects or fragments any more.
        unsafe {
            self.off_heap.release_all();
            self.old_off_heap.release_all();
            Fragment::free_list(self.fragments.get());
            block::free(self.start.get(), self.block_words());
            block::free(self.old_start.get(), self.old_block_words());
        }
    }
}
