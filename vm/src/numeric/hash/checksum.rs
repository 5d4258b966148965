//! CRC-32 and Adler-32, with the joining of the sums of two parts.

/// CRC-32 of what `crc` is of, followed by `bytes`; 0 to begin with.
pub fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(crc);
    hasher.update(bytes);
    hasher.finalize()
}

/// CRC-32 of two parts from the sums of each, and the size of the second.
pub fn crc32_combine(first: u32, second: u32, second_size: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(first);
    hasher.combine(&crc32fast::Hasher::new_with_initial_len(
        second,
        second_size,
    ));
    hasher.finalize()
}

/// The largest prime below 2^16.
const BASE: u32 = 65_521;
/// So many bytes can be added before a sum could overflow 32 bits.
const RUN: usize = 5_552;

/// Adler-32 of what `adler` is of, followed by `bytes`; 1 to begin with.
pub fn adler32(adler: u32, bytes: &[u8]) -> u32 {
    let (mut low, mut high) = (adler & 0xFFFF, adler >> 16);
    for run in bytes.chunks(RUN) {
        let (blocks, rest) = run.as_chunks::<16>();
        for block in blocks {
            // The same as byte by byte, but without a chain through all additions.
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            let weighted: u32 = block
                .iter()
                .zip((1..=16).rev())
                .map(|(&byte, weight)| u32::from(byte) * weight)
                .sum();
            high += 16 * low + weighted;
            low += sum;
        }
        for &byte in rest {
            low += u32::from(byte);
            high += low;
        }
        low %= BASE;
        high %= BASE;
    }
    high << 16 | low
}

/// Adler-32 of two parts from the sums of each, and the size of the second.
pub fn adler32_combine(first: u32, second: u32, second_size: u64) -> u32 {
    let base = u64::from(BASE);
    let size = second_size % base;
    let part = |sum: u32| (u64::from(sum & 0xFFFF), u64::from(sum >> 16));
    let ((low_1, high_1), (low_2, high_2)) = (part(first), part(second));
    let low = (low_1 + low_2 + base - 1) % base;
    let high = (size * low_1 + high_1 + high_2 + base - size) % base;
    (high << 16 | low) as u32
}
