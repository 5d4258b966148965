//! A fast hash for our own tables (large maps, ETS, atoms): nothing that programs see depends on it.
//!
//! Two words are multiplied to 128 bits and the halves joined, as in wyhash and foldhash. It does not
//! withstand keys chosen by an enemy unless the seed is secret.

const FIRST: u64 = 0x2D35_8DCC_AA6C_78A5;
const SECOND: u64 = 0x8BB8_4B93_962E_ACC9;

/// Joins two words; each bit of the result depends on many of both.
#[inline]
pub fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// The hash of one word.
#[inline]
pub fn word(value: u64, seed: u64) -> u64 {
    mix(value ^ FIRST, seed ^ SECOND)
}

/// The hash of words.
#[inline]
pub fn words(values: &[u64], seed: u64) -> u64 {
    let (pairs, rest) = values.as_chunks::<2>();
    let hash = pairs.iter().fold(seed ^ values.len() as u64, |hash, pair| {
        mix(pair[0] ^ FIRST, pair[1] ^ hash)
    });
    rest.iter().fold(hash, |hash, &value| word(value, hash))
}

/// The hash of bytes.
pub fn bytes(bytes: &[u8], seed: u64) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<16>();
    let hash = blocks.iter().fold(seed ^ FIRST, |hash, block| {
        let (low, high) = halves(block);
        mix(low ^ SECOND, high ^ hash)
    });
    let mut last = [0; 16];
    last[..rest.len()].copy_from_slice(rest);
    let (low, high) = halves(&last);
    // The length tells zeros at the end from none.
    mix(mix(low ^ SECOND, high ^ hash), bytes.len() as u64 ^ SECOND)
}

#[inline]
fn halves(block: &[u8; 16]) -> (u64, u64) {
    let value = u128::from_le_bytes(*block);
    (value as u64, (value >> 64) as u64)
}
