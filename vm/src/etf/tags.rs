//! The bytes that the external format begins its parts with.

/// First byte of a term that stands alone.
pub const VERSION: u8 = 131;
/// 32-bit size, then the term compressed by zlib.
pub const COMPRESSED: u8 = 80;
/// Index into the atoms of a distribution header.
pub const ATOM_CACHE_REF: u8 = 82;
/// Unsigned byte.
pub const SMALL_INTEGER: u8 = 97;
/// Signed 32 bits.
pub const INTEGER: u8 = 98;
/// 31 characters.
pub const FLOAT: u8 = 99;
/// 64 bits.
pub const NEW_FLOAT: u8 = 70;
/// 16-bit length, Latin-1.
pub const ATOM: u8 = 100;
/// 8-bit length, Latin-1.
pub const SMALL_ATOM: u8 = 115;
/// 16-bit length, UTF-8.
pub const ATOM_UTF8: u8 = 118;
/// 8-bit length, UTF-8.
pub const SMALL_ATOM_UTF8: u8 = 119;
/// Node, one word, 8-bit creation.
pub const REFERENCE: u8 = 101;
/// Number of words, node, 8-bit creation, words.
pub const NEW_REFERENCE: u8 = 114;
/// Number of words, node, creation, words.
pub const NEWER_REFERENCE: u8 = 90;
/// Node, number, 8-bit creation.
pub const PORT: u8 = 102;
/// Node, number, creation.
pub const NEW_PORT: u8 = 89;
/// Node, 64-bit number, creation.
pub const V4_PORT: u8 = 120;
/// Node, number, serial, 8-bit creation.
pub const PID: u8 = 103;
/// Node, number, serial, creation.
pub const NEW_PID: u8 = 88;
/// 8-bit arity.
pub const SMALL_TUPLE: u8 = 104;
/// 32-bit arity.
pub const LARGE_TUPLE: u8 = 105;
/// The empty list.
pub const NIL: u8 = 106;
/// 16-bit length, a list of bytes.
pub const STRING: u8 = 107;
/// 32-bit length, elements, tail.
pub const LIST: u8 = 108;
/// 32-bit length, bytes.
pub const BINARY: u8 = 109;
/// 32-bit length, bits in the last byte, bytes.
pub const BIT_BINARY: u8 = 77;
/// 8-bit length, sign, magnitude with the lowest byte first.
pub const SMALL_BIG: u8 = 110;
/// 32-bit length, the same.
pub const LARGE_BIG: u8 = 111;
/// A fun with its free variables.
pub const NEW_FUN: u8 = 112;
/// `fun M:F/A`.
pub const EXPORT: u8 = 113;
/// 32-bit number of associations, keys and values in turn.
pub const MAP: u8 = 116;
