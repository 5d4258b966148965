//! Arithmetic that knows nothing of terms: it works on limbs, bytes and plain values.
//!
//! [`big`] is integers of any size, as the heap stores them; [`float`] is floats as text.
#![forbid(unsafe_code)]

pub mod big;
pub mod float;

#[cfg(test)]
pub(crate) mod oracle;
