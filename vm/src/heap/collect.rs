//! The collector.

use crate::term::word::Word;

/// Words of a new process's heap (OTP: `min_heap_size`).
pub const DEFAULT_MIN_WORDS: usize = 233;
/// Words of off-heap binaries before they alone are reason to collect (OTP: `min_bin_vheap_size`).
pub const DEFAULT_MIN_VHEAP_WORDS: usize = 46_422;
/// Minor collections between full ones (OTP: `fullsweep_after`).
pub const DEFAULT_FULLSWEEP_AFTER: u32 = 65_535;

/// Frees a block of a heap.
///
/// # Safety
/// The block is this caller's alone and not used again.
pub(crate) unsafe fn free_block(start: *mut Word, end: *mut Word) {
    if start.is_null() {
        return;
    }
    let words = (end as usize - start as usize) / 8;
    let layout =
        std::alloc::Layout::array::<Word>(words).expect("the layout it was allocated with");
    // SAFETY: by contract; blocks are allocated with this layout.
    unsafe { std::alloc::dealloc(start.cast(), layout) };
}
