//! The collector: when a heap is collected, how, and how large it is afterwards.
//!
//! A *minor* collection moves what is young: what has survived a minor collection before
//! (below `high_water`) to the old generation, all else to a new block. A *full* one moves everything
//! to a new block. Fragments are young and go with the old block. [`evacuate`](super::evacuate) moves,
//! [`resize`](super::resize) adapts the new block. The sizes, and when which is done, are the stock VM's.
//!
//! Whoever collects holds the heap mutably, so no [`Term`](crate::term::Term) of it is alive but in the
//! roots and on the stack, which are updated.

use std::sync::atomic::{AtomicU64, Ordering};

use super::evacuate::{Area, Evacuation, FULL, MINOR, PROMOTED, TENURE};
use super::fragment::Fragment;
use super::info::GcInfo;
use super::{RawHeap, block, sizes};
use crate::term::word::Word;

/// Words that a block has more than heap and stack need (OTP: `S_RESERVED`).
const RESERVED: usize = super::raw::STACK_SLACK;
/// Up to this many words a heap is not made smaller by minor collections, up to the second never
/// unless the old generation is smaller still.
const SMALL_BLOCK: usize = 3000;
const MEDIUM_BLOCK: usize = 8000;

static COLLECTIONS: AtomicU64 = AtomicU64::new(0);
static RECLAIMED: AtomicU64 = AtomicU64::new(0);

/// Where terms of a heap are held apart from its stack: registers, the process dictionary and so on.
pub trait Roots {
    /// Calls `visitor` with every slice of words; it may change them. All of them are terms or other words
    /// that may stand on a stack.
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut [Word]));
}

impl Roots for &mut [Word] {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut [Word])) {
        visitor(self);
    }
}

impl Roots for Vec<Word> {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut [Word])) {
        visitor(self);
    }
}

impl<const N: usize> Roots for [Word; N] {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut [Word])) {
        visitor(self);
    }
}

/// What a collection did.
#[derive(Clone, Copy, Debug)]
pub struct Collected {
    /// Whether it was a full one.
    pub full: bool,
    /// Words that were given back.
    pub reclaimed: usize,
    /// What it cost, in reductions (OTP: one for ten words kept, and for a hundred moved by resizing).
    pub reductions: usize,
    /// The heap exceeded `max_heap_size` on the way, but the process is not to be killed for it.
    pub exceeded: Option<MaxHeapSize>,
}

/// A heap would exceed its `max_heap_size`. Nothing was collected: the process is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxHeapSize {
    /// Words that it would have come to, the blocks that were to be allocated included.
    pub total_words: usize,
    /// Its parts, for the error logger and the trace message.
    pub info: GcInfo,
}

/// Collections in the node's life, and the words they reclaimed (`erlang:statistics(garbage_collection)`).
pub fn statistics() -> (u64, u64) {
    (
        COLLECTIONS.load(Ordering::Relaxed),
        RECLAIMED.load(Ordering::Relaxed),
    )
}

impl RawHeap {
    /// Whether it is time to collect although the block has room: fragments or off-heap binaries have
    /// become too much.
    #[inline]
    pub(crate) fn wants_collection(&self) -> bool {
        self.free_words() < self.fragment_words.get()
            || self.off_heap.binary_words.get() > self.vheap_limit.get()
    }

    /// Collects. Afterwards at least `need` words are free between heap and stack, beside the slack.
    ///
    /// # Errors
    /// Where the heap would exceed its `max_heap_size` and that kills the process; it is left as it was.
    pub fn collect(
        &mut self,
        roots: &mut dyn Roots,
        need: usize,
    ) -> Result<Collected, MaxHeapSize> {
        let full =
            self.need_full.get() || self.minor_since_full.get() >= self.fullsweep_after.get();
        let young = self.young_words();
        let collected = match full {
            true => None,
            false => self.collect_minor(roots, need, young)?,
        };
        let collected = match collected {
            Some(collected) => collected,
            None => self.collect_full(roots, need, young)?,
        };
        COLLECTIONS.fetch_add(1, Ordering::Relaxed);
        RECLAIMED.fetch_add(collected.reclaimed as u64, Ordering::Relaxed);
        debug_assert!(
            self.free_words() >= need + RESERVED,
            "a collection makes the room that is needed"
        );
        Ok(collected)
    }

    /// Collects everything (`erlang:garbage_collect/0`).
    ///
    /// # Errors
    /// As [`collect`](RawHeap::collect).
    pub fn collect_all(
        &mut self,
        roots: &mut dyn Roots,
        need: usize,
    ) -> Result<Collected, MaxHeapSize> {
        self.need_full.set(true);
        self.collect(roots, need)
    }

    /// Collects everything into a block that has room for nothing more (`erlang:hibernate/3`).
    pub fn shrink_to_fit(&mut self, roots: &mut dyn Roots) -> Collected {
        let before = self.young_words() + self.old_used_words();
        let size = self.stack_words() + before + RESERVED;
        self.full_sweep(roots, size);
        let live = self.used_words();
        // A block of its own size leaves no hole behind, as cutting the first one would.
        self.move_block(roots, live + self.stack_words() + RESERVED);
        Collected {
            full: true,
            reclaimed: before - live,
            reductions: cost(live, live),
            exceeded: None,
        }
    }

    /// Words in use by young objects.
    pub(super) fn young_words(&self) -> usize {
        self.used_words() + self.fragment_words.get()
    }

    /// The size of a block for `words` words: never below the process's own minimum.
    fn size_for(&self, words: usize) -> usize {
        sizes::at_least(words).max(self.min_words.get())
    }

    /// None if only a full collection will do.
    fn collect_minor(
        &mut self,
        roots: &mut dyn Roots,
        need: usize,
        young: usize,
    ) -> Result<Option<Collected>, MaxHeapSize> {
        let mature = block::between(self.start.get(), self.high_water.get());
        let stack = self.stack_words();
        let has_old = !self.old_start.get().is_null();
        let new_old = if !has_old && mature > 0 {
            sizes::above(young)
        } else {
            0
        };
        let size = self.size_for(stack + young);
        let exceeded = self.check_limit(|heap| {
            let fixed = young + new_old + heap.old_block_words();
            // Counted by the stock VM with the room between heap and stack.
            let size = heap.size_for(block::between(heap.top.get(), heap.end.get()) + young);
            (fixed + size, size, new_old)
        })?;
        if new_old > 0 {
            let old = block::allocate(new_old);
            self.old_start.set(old);
            self.old_top.set(old);
            // SAFETY: one past the words just allocated.
            self.old_end.set(unsafe { old.add(new_old) });
        }
        if self.old_start.get().is_null()
            || mature > block::between(self.old_top.get(), self.old_end.get())
            || self.old_off_heap.binary_words.get() >= self.old_vheap_limit.get()
        {
            return Ok(None);
        }
        let promoted_from = self.old_used_words();
        self.minor_sweep(roots, size);
        self.minor_since_full.set(self.minor_since_full.get() + 1);
        self.minor_count.set(self.minor_count.get() + 1);
        let kept = self.used_words() + self.old_used_words() - promoted_from;
        let resized = self.resize_after_minor(roots, need);
        Ok(Some(Collected {
            full: false,
            reclaimed: young - kept,
            reductions: cost(kept, resized),
            exceeded,
        }))
    }

    fn collect_full(
        &mut self,
        roots: &mut dyn Roots,
        need: usize,
        young: usize,
    ) -> Result<Collected, MaxHeapSize> {
        let before = young + self.old_used_words();
        let mut size = self.size_for(self.stack_words() + before + RESERVED);
        if size == self.block_words() && self.grow.get() {
            size = sizes::above(size).max(self.min_words.get());
        }
        let exceeded = self.check_limit(|heap| {
            let old_free = block::between(heap.old_top.get(), heap.old_end.get());
            let rest = block::between(heap.top.get(), heap.end.get());
            (before + old_free + rest + size, size, 0)
        })?;
        self.full_sweep(roots, size);
        let kept = self.used_words();
        let resized = self.resize_after_full(roots, need);
        Ok(Collected {
            full: true,
            reclaimed: before - kept,
            reductions: cost(kept, resized),
            exceeded,
        })
    }

    /// `total` gives the words in all, and how many the new block and the new old block have among them.
    fn check_limit(
        &self,
        total: impl FnOnce(&RawHeap) -> (usize, usize, usize),
    ) -> Result<Option<MaxHeapSize>, MaxHeapSize> {
        let max = self.max_words.get();
        if max == 0 {
            return Ok(None);
        }
        let (total, new_block, new_old_block) = total(self);
        let total_words = total + self.message_words.get();
        if total_words <= max {
            return Ok(None);
        }
        let mut info = self.info();
        info.heap_block_size += new_block;
        info.old_heap_block_size += new_old_block;
        let exceeded = MaxHeapSize { total_words, info };
        if self.max_kill.get() {
            Err(exceeded)
        } else {
            Ok(Some(exceeded))
        }
    }

    /// Moves young objects to a new block of `size` words, or to the old generation, which has room.
    fn minor_sweep(&mut self, roots: &mut dyn Roots, size: usize) {
        let (block, stack) = self.new_block(size);
        let old = Area::new(self.old_start.get(), self.old_end.get());
        let mature = Area::new(self.start.get(), self.high_water.get());
        let promoted_from = self.old_top.get();
        let mut evacuation = Evacuation::new(block, old, mature, promoted_from);
        // SAFETY:
        // 1. Roots and stack hold words of this heap, which is held mutably.
        // 2. The new block has room for all young objects beside the stack; the old generation for the mature
        //    ones, and these point to nothing younger (terms do not change once they have survived).
        // 3. Both tops begin where nothing was moved yet, so the scans see complete objects.
        unsafe {
            if mature.is_empty() {
                evacuation.roots::<MINOR>(stack);
                roots.visit(&mut |words| evacuation.roots::<MINOR>(words));
                evacuation.scan::<MINOR>(block);
            } else {
                evacuation.roots::<TENURE>(stack);
                roots.visit(&mut |words| evacuation.roots::<TENURE>(words));
                evacuation.scan::<TENURE>(block);
                evacuation.scan::<PROMOTED>(promoted_from);
            }
            debug_assert!(evacuation.old_top <= self.old_end.get());
            self.old_top.set(evacuation.old_top);
            let kept = self.off_heap.take();
            kept.sweep(&self.off_heap, old, &self.old_off_heap);
        }
        self.vheap_limit.set(sizes::next_vheap(
            self.off_heap.binary_words.get(),
            self.vheap_limit.get(),
            self.min_vheap_words.get(),
        ));
        self.replace_block(block, evacuation.top, stack.len(), size);
    }

    /// Moves everything to a new block of `size` words.
    fn full_sweep(&mut self, roots: &mut dyn Roots, size: usize) {
        let (block, stack) = self.new_block(size);
        let none = Area::new(std::ptr::null(), std::ptr::null());
        let mut evacuation = Evacuation::new(block, none, none, std::ptr::null_mut());
        let binary_words = self.off_heap.binary_words.get() + self.old_off_heap.binary_words.get();
        // SAFETY: as in `minor_sweep`; the new block has room for all objects.
        unsafe {
            evacuation.roots::<FULL>(stack);
            roots.visit(&mut |words| evacuation.roots::<FULL>(words));
            evacuation.scan::<FULL>(block);
            let (young, old) = (self.off_heap.take(), self.old_off_heap.take());
            old.sweep(&self.off_heap, none, &self.old_off_heap);
            young.sweep(&self.off_heap, none, &self.old_off_heap);
            block::free(self.old_start.get(), self.old_block_words());
        }
        self.old_start.set(std::ptr::null_mut());
        self.old_top.set(std::ptr::null_mut());
        self.old_end.set(std::ptr::null_mut());
        let min = self.min_vheap_words.get();
        let used = self.off_heap.binary_words.get();
        self.old_vheap_limit.set(sizes::next_vheap(
            binary_words,
            self.old_vheap_limit.get(),
            min,
        ));
        self.vheap_limit
            .set(sizes::next_vheap(used, self.vheap_limit.get(), min));
        self.replace_block(block, evacuation.top, stack.len(), size);
        self.need_full.set(false);
        self.grow.set(false);
        self.minor_since_full.set(0);
        self.full_count.set(self.full_count.get() + 1);
    }

    /// A new block of `size` words with a copy of the stack at its end, which is returned beside it.
    fn new_block<'a>(&self, size: usize) -> (*mut Word, &'a mut [Word]) {
        let stack = self.stack_words();
        let block = block::allocate(size);
        // SAFETY: the block has room for the stack, which is copied whole, and is nobody else's.
        unsafe {
            let copy = block.add(size - stack);
            if stack > 0 {
                std::ptr::copy_nonoverlapping(self.stack_top.get(), copy, stack);
            }
            (block, std::slice::from_raw_parts_mut(copy, stack))
        }
    }

    /// Frees block and fragments, from which everything alive was moved to a new block.
    fn replace_block(&mut self, block: *mut Word, top: *mut Word, stack: usize, size: usize) {
        // SAFETY: nothing points to the old block and the fragments any more; the new block has `size` words.
        unsafe {
            Fragment::free_list(self.fragments.replace(std::ptr::null_mut()));
            block::free(self.start.get(), self.block_words());
            let end = block.add(size);
            self.set_block(block, top, end.sub(stack), end);
        }
        self.fragment_words.set(0);
        self.high_water.set(top);
    }

    /// Returns how many words were moved for it.
    fn resize_after_minor(&mut self, roots: &mut dyn Roots, need: usize) -> usize {
        let size = self.block_words();
        let old = self.old_block_words();
        let wanted = self.used_words() + need + self.stack_words() + RESERVED;
        if size > SMALL_BLOCK && 4 * wanted < size && (size > MEDIUM_BLOCK || size > old) {
            let mut smaller = 3 * wanted;
            if smaller * 9 < old {
                smaller = smaller.max(old / 8);
            }
            let smaller = self.size_for(smaller);
            if smaller < size {
                self.resize_block(roots, smaller);
                return self.used_words();
            }
        } else if wanted > size {
            self.resize_block(roots, self.size_for(wanted));
            return self.used_words();
        }
        0
    }

    /// Returns how many words were moved for it.
    fn resize_after_full(&mut self, roots: &mut dyn Roots, need: usize) -> usize {
        let size = self.block_words();
        let wanted = self.used_words() + need + self.stack_words() + RESERVED;
        if size < wanted {
            self.resize_block(roots, self.size_for(wanted));
            return self.used_words();
        } else if 3 * size < 4 * wanted {
            self.grow.set(true);
        } else if 4 * wanted < size && size > sizes::DEFAULT_MIN_WORDS {
            let smaller = self.size_for(2 * wanted);
            if smaller < size {
                self.resize_block(roots, smaller);
                return self.used_words();
            }
        }
        0
    }
}

fn cost(kept: usize, resized: usize) -> usize {
    (kept / 10 + resized / 100).max(1)
}
