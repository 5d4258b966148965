//! The external term format: terms as bytes.
//!
//! [`decode`] reads it, [`encode`] writes it as OTP 25 does, byte for byte. Both go over a term with stacks
//! of their own, so that depth costs memory only, and can stop and go on, so that a large term holds no
//! scheduler. Distribution uses both with its atom cache.

pub(crate) mod deflate;
pub mod decode;
pub mod encode;
pub(crate) mod inflate;
mod parts;
mod reader;
mod sink;
pub(crate) mod spill;
pub mod tags;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;
mod write_parts;

pub use encode::{EncodeError, EncodeOptions, Encoder, encode, encode_bare, external_size};
pub use decode::{DecodeError, Decoder, Options, decode, decode_bare};
