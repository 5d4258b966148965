//! The external term format: terms as bytes.
//!
//! [`decode`] reads it, [`encode`] writes it as OTP 25 does, byte for byte. Both go over a term with stacks
//! of their own, so that depth costs memory only, and can stop and go on, so that a large term holds no
//! scheduler. Distribution uses both with its atom cache.

pub mod decode;
pub(crate) mod deflate;
pub mod encode;
pub(crate) mod inflate;
#[cfg(test)]
mod oracle_tests;
mod parts;
mod reader;
mod sink;
pub(crate) mod spill;
pub mod tags;
#[cfg(test)]
mod tests;
mod write_parts;

pub use decode::{DecodeError, Decoder, Options, decode, decode_bare};
pub use encode::{EncodeError, EncodeOptions, Encoder, encode, encode_bare, external_size};
