//! Random bytes: ChaCha20, rekeyed after every request, stirred with what the machine offers (the
//! processor's generator, the entropy device, times of interrupts).

use crate::arch::cpu::{rdrand, rdtsc};
use crate::arch::sync::SpinLock;

struct Generator {
    key: [u32; 8],
    counter: u64,
}

static GENERATOR: SpinLock<Generator> = SpinLock::new(Generator {
    key: [0x6c69_6e74; 8],
    counter: 0,
});

impl Generator {
    fn block(&mut self) -> [u32; 16] {
        let mut input = [0u32; 16];
        input[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
        input[4..12].copy_from_slice(&self.key);
        input[12] = self.counter as u32;
        input[13] = (self.counter >> 32) as u32;
        self.counter += 1;
        let mut x = input;
        let mut quarter = |a: usize, b: usize, c: usize, d: usize| {
            for (p, q, r, by) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
                x[p] = x[p].wrapping_add(x[q]);
                x[r] = (x[r] ^ x[p]).rotate_left(by);
            }
        };
        for _ in 0..10 {
            for n in 0..4 {
                quarter(n, n + 4, n + 8, n + 12);
            }
            quarter(0, 5, 10, 15);
            quarter(1, 6, 11, 12);
            quarter(2, 7, 8, 13);
            quarter(3, 4, 9, 14);
        }
        for (out, add) in x.iter_mut().zip(input) {
            *out = out.wrapping_add(add);
        }
        x
    }

    fn rekey(&mut self) {
        let block = self.block();
        self.key.copy_from_slice(&block[..8]);
    }
}

/// Mixes bytes into the state.
pub fn stir(bytes: &[u8]) {
    let mut generator = GENERATOR.lock();
    for chunk in bytes.chunks(32) {
        for (n, &byte) in chunk.iter().enumerate() {
            generator.key[n / 4] ^= u32::from(byte) << (8 * (n % 4));
        }
        generator.rekey();
    }
}

/// Stirs what is there at start.
pub fn init() {
    stir(&rdtsc().to_le_bytes());
    for _ in 0..4 {
        if let Some(word) = rdrand() {
            stir(&word.to_le_bytes());
        }
    }
    let (seconds, ns) = crate::time::realtime();
    stir(&seconds.to_le_bytes());
    stir(&ns.to_le_bytes());
}

/// Fills a buffer with random bytes.
pub fn fill(bytes: &mut [u8]) {
    let mut generator = GENERATOR.lock();
    generator.key[0] ^= rdtsc() as u32;
    for chunk in bytes.chunks_mut(64) {
        let block = generator.block();
        for (n, byte) in chunk.iter_mut().enumerate() {
            *byte = block[n / 4].to_le_bytes()[n % 4];
        }
    }
    generator.rekey();
}
