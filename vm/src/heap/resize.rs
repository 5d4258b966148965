//! Moving a block: all pointers into it move with it.
//!
//! Right after a collection nothing points into the block but itself, the stack and the roots: the old
//! generation points to nothing younger, and there are no fragments.

use super::collect::Roots;
use super::evacuate::{Area, Relocation, each_pointer};
use super::{RawHeap, block};
use crate::term::word::{NIL, Word, pointer};

impl RawHeap {
    /// Gives the block another size, in place if the allocator can.
    pub(super) fn resize_block(&mut self, roots: &mut dyn Roots, size: usize) {
        let old_size = self.block_words();
        let (used, stack) = (self.used_words(), self.stack_words());
        debug_assert!(used + stack <= size);
        let area = self.block_area();
        let start = self.start.get();
        // SAFETY: the stack lies at the end of the block, before and after; both sizes have room for it beside
        // the terms. Moves may overlap.
        let block = unsafe {
            if size < old_size {
                std::ptr::copy(start.add(old_size - stack), start.add(size - stack), stack);
            }
            let block = block::reallocate(start, old_size, size);
            if size > old_size {
                std::ptr::copy(block.add(old_size - stack), block.add(size - stack), stack);
            }
            block
        };
        self.moved_to(roots, block, size, used, stack, area);
    }

    /// Moves the block's contents to a new one.
    pub(super) fn move_block(&mut self, roots: &mut dyn Roots, size: usize) {
        let (used, stack) = (self.used_words(), self.stack_words());
        debug_assert!(used + stack <= size);
        let area = self.block_area();
        let block = block::allocate(size);
        // SAFETY: both blocks have room for terms and stack; nothing uses the old one afterwards.
        unsafe {
            std::ptr::copy_nonoverlapping(self.start.get(), block, used);
            std::ptr::copy_nonoverlapping(self.stack_top.get(), block.add(size - stack), stack);
            block::free(self.start.get(), self.block_words());
        }
        self.moved_to(roots, block, size, used, stack, area);
    }

    fn block_area(&self) -> Area {
        debug_assert!(self.fragments.get().is_null());
        Area::new(self.start.get(), self.end.get())
    }

    fn moved_to(
        &mut self,
        roots: &mut dyn Roots,
        block: *mut Word,
        size: usize,
        used: usize,
        stack: usize,
        area: Area,
    ) {
        let high_water = block::between(self.start.get(), self.high_water.get());
        let distance = (block as usize).wrapping_sub(self.start.get() as usize);
        // SAFETY: `used + stack <= size` words of the new block, `high_water <= used`.
        unsafe {
            let end = block.add(size);
            self.set_block(block, block.add(used), end.sub(stack), end);
            self.high_water.set(block.add(high_water));
        }
        if distance == 0 {
            return;
        }
        let relocation = Relocation { area, distance };
        let each = |words: &mut [Word]| {
            for word in words {
                *word = relocation.of(*word);
            }
        };
        // SAFETY:
        // 1. From start to top lie complete objects, copied from the old block.
        // 2. The stack was copied, and is this heap's alone.
        // 3. The links of the list lie in the new block once the head was moved.
        unsafe {
            each_pointer(self.start.get(), self.top.get(), |slot| {
                *slot = relocation.of(*slot);
            });
            each(std::slice::from_raw_parts_mut(self.stack_top.get(), stack));
            let mut link = self.off_heap.head.as_ptr();
            while *link != NIL {
                *link = relocation.of(*link);
                link = pointer(*link).add(1);
            }
        }
        roots.visit(&mut |words| each(words));
    }
}
