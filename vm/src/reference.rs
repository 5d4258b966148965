//! References: numbers that are never given twice in a node's life.
//!
//! A number is two words. OTP prints a reference as `#Ref<0.A.B.C>` of three 32-bit words; the external
//! format stores them as C, B, A. Word 0 holds A (high half) and B (low half), word 1 holds C; C is at most
//! 18 bits, as in OTP (`MAX_REFERENCE`).

use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A new reference's number.
pub fn next() -> [u64; 2] {
    let count = NEXT.fetch_add(1, Ordering::Relaxed);
    let low = count & ((1 << 18) - 1);
    [count >> 18, low]
}

/// The three 32-bit words in the order in which they are printed.
pub fn display_words(number: [u64; 2]) -> [u32; 3] {
    [(number[0] >> 32) as u32, number[0] as u32, number[1] as u32]
}
