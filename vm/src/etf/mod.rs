//! The external term format: terms as bytes.
//!
//! [`decode`] reads it, [`encode`] writes it as OTP 25 does, byte for byte. Both go over a term with stacks
//! of their own, so that depth costs memory only, and can stop and go on, so that a large term holds no
//! scheduler. Distribution uses both with its atom cache.

pub mod decode;
pub(crate) mod inflate;
mod parts;
mod reader;
pub mod tags;
#[cfg(test)]
mod tests;

pub use decode::{DecodeError, Decoder, Options, decode, decode_bare};
