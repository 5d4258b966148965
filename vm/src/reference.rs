//! References: numbers that are never given twice in a node's life.
//!
//! A number is two words. OTP prints a reference as `#Ref<0.A.B.C>` of three 32-bit words; the external
//! format stores them as C, B, A. Word 0 holds A (high half) and B (low half), word 1 holds C; C is at most
//! 18 bits, as in OTP (`MAX_REFERENCE`).
//!
//! Threads take numbers in blocks, so that schedulers do not contend for the counter.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers that a thread takes at once.
const BLOCK: u64 = 1024;

static NEXT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The next number of this thread's block, and the block's end.
    static MINE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// A new reference's number.
pub fn next() -> [u64; 2] {
    let count = unique();
    let low = count & ((1 << 18) - 1);
    [count >> 18, low]
}

/// A number that no other call returns, neither this function nor [`next`] (in whatever form).
pub fn unique() -> u64 {
    MINE.with(|mine| {
        let (mut next, mut end) = mine.get();
        if next == end {
            next = NEXT.fetch_add(BLOCK, Ordering::Relaxed);
            end = next + BLOCK;
        }
        mine.set((next + 1, end));
        next
    })
}

/// The three 32-bit words in the order in which they are printed.
pub fn display_words(number: [u64; 2]) -> [u32; 3] {
    [(number[0] >> 32) as u32, number[0] as u32, number[1] as u32]
}
