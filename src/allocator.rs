//! The program's allocator.
//!
//! Messages are made by one thread and freed by another, and most of what a VM allocates is small and short-lived:
//! what the C library's allocator is slow at. It stays in use for the blocks of the smallest heaps
//! (`vm::heap::block`) and by the C libraries.

use std::alloc::{GlobalAlloc, Layout};

use libmimalloc_sys as mi;

/// mimalloc, asked without an alignment wherever its blocks have that alignment anyway: its functions that take one
/// look first whether they can do without, which costs as much as the allocation itself.
struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Alignment of every block of 16 bytes or more (mimalloc: `MI_MAX_ALIGN_SIZE`); smaller ones have that of a word.
const USUAL_ALIGN: usize = 16;
const WORD: usize = 8;

/// Whether blocks of such a layout are aligned without being asked to.
#[inline(always)]
fn is_usual(layout: Layout) -> bool {
    layout.align() <= WORD || (layout.align() == USUAL_ALIGN && layout.size() >= USUAL_ALIGN)
}

// SAFETY:
// 1. Blocks come from mimalloc, which gives out each once and has them freed by any thread, whichever of its
//    functions they came from.
// 2. They are aligned as the layout says: see `is_usual`; else the alignment is asked for.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: any size, and an alignment that is a power of two, are allowed.
        unsafe {
            if is_usual(layout) {
                mi::mi_malloc(layout.size()).cast()
            } else {
                mi::mi_malloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe {
            if is_usual(layout) {
                mi::mi_zalloc(layout.size()).cast()
            } else {
                mi::mi_zalloc_aligned(layout.size(), layout.align()).cast()
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: by contract the block came from one of the others here, and is not used again.
        unsafe { mi::mi_free(block.cast()) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: by contract the block came from one of the others here; any size is allowed.
        unsafe {
            if is_usual(layout) && (layout.align() <= WORD || size >= USUAL_ALIGN) {
                mi::mi_realloc(block.cast(), size).cast()
            } else {
                mi::mi_realloc_aligned(block.cast(), size, layout.align()).cast()
            }
        }
    }
}

/// Gives memory that is free back to the system.
pub fn give_back() {
    vm::heap::release_kept();
    // SAFETY: a call without pointers; it looks at what is free only.
    unsafe { mi::mi_collect(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_as_asked() {
        for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
            for size in [1, 7, 8, 9, 15, 16, 17, 24, 40, 100, 1000, 5000, 70_000] {
                let layout = Layout::from_size_align(size, align).expect("a layout");
                // SAFETY: the size is not 0, and each block is given back with its layout.
                unsafe {
                    let blocks: Vec<*mut u8> = (0..50).map(|_| ALLOCATOR.alloc(layout)).collect();
                    assert!(blocks.iter().all(|block| *block as usize % align == 0));
                    for block in blocks {
                        let larger = ALLOCATOR.realloc(block, layout, size + 33);
                        assert_eq!(larger as usize % align, 0);
                        let grown = Layout::from_size_align(size + 33, align).expect("a layout");
                        ALLOCATOR.dealloc(larger, grown);
                    }
                }
            }
        }
    }
}
