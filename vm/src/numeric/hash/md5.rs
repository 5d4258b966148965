//! MD5 (RFC 1321), whose state can be written into a binary between two pieces.
//!
//! The binary is as large as the stock VM's: four words of state, the count of bits, the block begun.

/// The size of the binary of `erlang:md5_init/0`.
pub const CONTEXT_SIZE: usize = 88;

const BLOCK: usize = 64;

/// Bits that each step rotates by: four for each round.
const ROTATIONS: [[u32; 4]; 4] = [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
];

/// The integer parts of 2^32 times the sines of 1 to 64.
static SINES: [u32; 64] = [
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
];

/// A digest begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Md5 {
    state: [u32; 4],
    bits: u64,
    block: [u8; BLOCK],
}

impl Default for Md5 {
    fn default() -> Self {
        Md5 {
            state: [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476],
            bits: 0,
            block: [0; BLOCK],
        }
    }
}

impl Md5 {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let begun = (self.bits / 8) as usize % BLOCK;
        self.bits = self.bits.wrapping_add(bytes.len() as u64 * 8);
        if begun != 0 {
            let taken = bytes.len().min(BLOCK - begun);
            self.block[begun..begun + taken].copy_from_slice(&bytes[..taken]);
            if begun + taken < BLOCK {
                return;
            }
            self.state = compress(self.state, &self.block);
            bytes = &bytes[taken..];
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        self.state = blocks.iter().fold(self.state, compress);
        self.block[..rest.len()].copy_from_slice(rest);
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; 16] {
        let bits = self.bits;
        let begun = (bits / 8) as usize % BLOCK;
        let mut padding = [0; BLOCK];
        padding[0] = 0x80;
        self.update(&padding[..if begun < 56 { 56 - begun } else { 120 - begun }]);
        self.update(&bits.to_le_bytes());
        let mut digest = [0; 16];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.state) {
            *bytes = word.to_le_bytes();
        }
        digest
    }

    /// The context binary.
    pub fn to_bytes(&self) -> [u8; CONTEXT_SIZE] {
        let mut bytes = [0; CONTEXT_SIZE];
        for (target, word) in bytes[..16]
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .zip(self.state)
        {
            *target = word.to_le_bytes();
        }
        bytes[16..24].copy_from_slice(&self.bits.to_le_bytes());
        bytes[24..].copy_from_slice(&self.block);
        bytes
    }

    /// From a context binary; none if it is not of [`CONTEXT_SIZE`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; CONTEXT_SIZE] = bytes.try_into().ok()?;
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Some(Md5 {
            state: [word(0), word(4), word(8), word(12)],
            bits: u64::from(word(16)) | u64::from(word(20)) << 32,
            block: bytes[24..].try_into().ok()?,
        })
    }
}

/// The digest of `bytes`.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    let mut digest = Md5::new();
    digest.update(bytes);
    digest.finish()
}

fn compress(state: [u32; 4], block: &[u8; BLOCK]) -> [u32; 4] {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d] = state;
    let mut round =
        |number: usize, function: fn(u32, u32, u32) -> u32, first: usize, stride: usize| {
            for step in 0..16 {
                let word = words[(first + step * stride) % 16];
                let sum = a
                    .wrapping_add(function(b, c, d))
                    .wrapping_add(SINES[number * 16 + step])
                    .wrapping_add(word);
                let rotated = sum.rotate_left(ROTATIONS[number][step % 4]);
                (a, d, c, b) = (d, c, b, b.wrapping_add(rotated));
            }
        };
    round(0, |x, y, z| (x & y) | (!x & z), 0, 1);
    round(1, |x, y, z| (x & z) | (y & !z), 1, 5);
    round(2, |x, y, z| x ^ y ^ z, 5, 3);
    round(3, |x, y, z| y ^ (x | !z), 0, 7);
    [
        state[0].wrapping_add(a),
        state[1].wrapping_add(b),
        state[2].wrapping_add(c),
        state[3].wrapping_add(d),
    ]
}
