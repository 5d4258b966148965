//! Blocks of words from the system's allocator.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};

use crate::term::word::Word;

fn layout(words: usize) -> Layout {
    match Layout::array::<Word>(words) {
        Ok(layout) => layout,
        Err(_) => handle_alloc_error(Layout::new::<Word>()),
    }
}

/// A new block of `words` words, not initialised.
pub(super) fn allocate(words: usize) -> *mut Word {
    let layout = layout(words.max(1));
    // SAFETY: the layout's size is not 0.
    let block = unsafe { alloc(layout) }.cast::<Word>();
    if block.is_null() {
        handle_alloc_error(layout);
    }
    block
}

/// Gives a block another size; it may move, and keeps its first words.
///
/// # Safety
/// The block was given by [`allocate`] with `old` words, and is this caller's alone.
pub(super) unsafe fn reallocate(block: *mut Word, old: usize, new: usize) -> *mut Word {
    let new = layout(new.max(1));
    // SAFETY: by contract; the new size is not 0 and was checked by `layout`.
    let block = unsafe { realloc(block.cast(), layout(old.max(1)), new.size()) }.cast::<Word>();
    if block.is_null() {
        handle_alloc_error(new);
    }
    block
}

/// Frees a block; none if `start` is null.
///
/// # Safety
/// The block was given by [`allocate`] or [`reallocate`] with so many words, is this caller's alone and not
/// used again.
pub(super) unsafe fn free(start: *mut Word, words: usize) {
    if !start.is_null() {
        // SAFETY: by contract.
        unsafe { dealloc(start.cast(), layout(words.max(1))) };
    }
}

/// How many words lie between two addresses.
#[inline(always)]
pub(super) fn between(low: *const Word, high: *const Word) -> usize {
    (high as usize - low as usize) / 8
}
