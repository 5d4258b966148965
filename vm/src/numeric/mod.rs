//! Arithmetic that knows nothing of terms: it works on limbs, bytes and plain values.
//!
//! [`big`] is integers of any size, as the heap stores them.
#![forbid(unsafe_code)]

pub mod big;

#[cfg(test)]
pub(crate) mod oracle;
