//! Arithmetic that knows nothing of terms: it works on limbs, bytes and plain values.
//!
//! [`big`] is integers of any size, as the heap stores them; [`float`] is floats as text; [`hash`] is hashes and checksums.
#![forbid(unsafe_code)]

pub mod big;
pub mod float;
pub mod hash;

#[cfg(test)]
pub(crate) mod oracle;
