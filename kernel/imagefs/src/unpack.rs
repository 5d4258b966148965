//! Unpacking a chunk.
//!
//! It stands here and not with its caller because the code of a generic function is compiled where it is used, and the
//! kernel is compiled to be small, this crate to be fast.

/// Unpacks an LZ4 block. False: it is damaged, or is not of so many bytes.
#[inline(never)]
pub fn unpack(block: &[u8], room: &mut [u8]) -> bool {
    let len = room.len();
    lz4_flex::block::decompress_into(block, room).is_ok_and(|n| n == len)
}
