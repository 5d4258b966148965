//! Hashes and checksums, without terms: each takes plain values and bytes, a piece at a time.
//!
//! [`phash2`] and [`phash`] are the portable hashes that programs see; a walk over a term calls a method for
//! each part. [`md5`] and [`checksum`] (CRC-32, Adler-32) take bytes in pieces. [`fast`] is for our own
//! tables and is seen by nobody.

pub mod checksum;
pub mod fast;
pub mod md5;
pub mod phash;
pub mod phash2;

#[cfg(test)]
mod tests;

/// The hash of an atom's name (UTF-8) within [`phash`] and [`phash2`]: P. J. Weinberger's, over Latin-1
/// where a character is in Latin-1, over the bytes of UTF-8 where not.
pub fn atom_name(name: &[u8]) -> u32 {
    let mut hash = 0u32;
    let mut rest = name;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let mut byte = first;
        if let (0xC2 | 0xC3, Some((&second, after))) = (first, after.split_first())
            && second & 0xC0 == 0x80
        {
            byte = first << 6 | second & 0x3F;
            rest = after;
        }
        hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xF000_0000;
        hash ^= high >> 24;
        hash ^= high;
    }
    hash
}
