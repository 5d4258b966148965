//! The read-only file system of an image: one block of bytes that the kernel uses in place.
//!
//! Layout (little endian): a header of 64 bytes; the nodes, 64 bytes each, the root first; names and
//! symbolic links' targets; file contents. The children of a directory are neighbours, sorted by name, and
//! come after it, so the tree has no cycles. Contents of [`PAGED`] bytes or more start on a page boundary
//! and are followed by zeros up to the next, so that they can be mapped.
//!
//! A packed file's contents are chunks of [`CHUNK`] bytes (the last may be shorter), each an LZ4 block or, where
//! that would not be shorter, the bytes themselves. They are preceded by a table of the chunks' ends (`u32`,
//! relative to the end of the table).
//!
//! [`Image::open`] checks everything once; afterwards nothing can fail.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod build;
mod read;
mod unpack;

pub use build::Builder;
pub use read::{Error, Image, Kind, Node, Packed};
pub use unpack::unpack;

/// First bytes of an image.
pub const MAGIC: &[u8; 8] = b"LINTELFS";
/// Version of the layout.
pub const VERSION: u32 = 3;
/// Bytes of the header and of a node.
const RECORD: usize = 64;
/// Page size that contents are aligned to.
pub const PAGE: usize = 4096;
/// Contents of this length or more are aligned to pages.
pub const PAGED: usize = 2048;

/// Bytes of a packed file that are unpacked together. Repetitions are looked for in the 64 KB before: in a chunk of
/// that size they are half as far on average, and a VM takes a twentieth more.
pub const CHUNK: usize = 256 << 10;

/// File type bits of a mode.
pub const TYPE: u32 = 0o170_000;
/// A directory.
pub const DIRECTORY: u32 = 0o040_000;
/// A regular file.
pub const REGULAR: u32 = 0o100_000;
/// A symbolic link.
pub const SYMLINK: u32 = 0o120_000;

#[cfg(test)]
mod tests;
