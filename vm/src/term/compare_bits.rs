//! Comparing bit strings, wherever in their holders' bytes they begin.

use std::cmp::Ordering;

use super::Bits;

/// Eight bytes of a bit string from a bit on, the first bit highest, as far as it goes on for so long.
#[inline]
fn word_at(bytes: &[u8], bit: usize) -> u64 {
    let (first, shift) = (bit / 8, bit % 8);
    let word = u64::from_be_bytes(
        bytes[first..first + 8]
            .try_into()
            .expect("a slice of eight bytes"),
    );
    match shift {
        0 => word,
        _ => word << shift | u64::from(bytes[first + 8]) >> (8 - shift),
    }
}

/// At most eight bits from a bit on, in the lowest bits.
#[inline]
fn few_at(bytes: &[u8], bit: usize, count: usize) -> u8 {
    let (first, shift) = (bit / 8, bit % 8);
    let high = u16::from(bytes[first]) << 8;
    let both = match shift + count > 8 {
        true => high | u16::from(bytes[first + 1]),
        false => high,
    };
    (both << shift >> (16 - count)) as u8
}

/// How the first `len` bits of both compare.
fn compare_common(a: Bits<'_>, b: Bits<'_>, len: usize) -> Ordering {
    let (x, y) = (a.holder(), b.holder());
    let (i, j) = (a.start(), b.start());
    if (i | j) % 8 == 0 {
        let (x, y) = (&x[i / 8..], &y[j / 8..]);
        let whole = len / 8;
        return x[..whole].cmp(&y[..whole]).then_with(|| match len % 8 {
            0 => Ordering::Equal,
            rest => few_at(x, len - rest, rest).cmp(&few_at(y, len - rest, rest)),
        });
    }
    let mut at = 0;
    // A word and a byte must be there to read a word from a bit within a byte.
    while len - at >= 72 {
        match word_at(x, i + at).cmp(&word_at(y, j + at)) {
            Ordering::Equal => at += 64,
            unequal => return unequal,
        }
    }
    while at < len {
        let count = (len - at).min(8);
        match few_at(x, i + at, count).cmp(&few_at(y, j + at, count)) {
            Ordering::Equal => at += count,
            unequal => return unequal,
        }
    }
    Ordering::Equal
}

impl Bits<'_> {
    /// How it compares in the order of terms: bit by bit, a beginning before the whole.
    pub fn compare(self, other: Bits<'_>) -> Ordering {
        let (a, b) = (self.bit_len(), other.bit_len());
        compare_common(self, other, a.min(b)).then(a.cmp(&b))
    }

    /// Whether both have the same bits.
    pub fn same_bits(self, other: Bits<'_>) -> bool {
        self.bit_len() == other.bit_len() && compare_common(self, other, self.bit_len()).is_eq()
    }
}

#[cfg(test)]
mod tests {
    use crate::heap::testing::Random;
    use crate::heap::{Heap, RawHeap};
    use crate::term::Bits;

    fn bits_of(bits: Bits<'_>) -> Vec<bool> {
        (bits.start()..bits.start() + bits.bit_len())
            .map(|at| bits.holder()[at / 8] >> (7 - at % 8) & 1 == 1)
            .collect()
    }

    #[test]
    fn any_alignment_compares_as_single_bits_do() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let random = &mut Random::new(1);
        for _ in 0..3000 {
            let len = random.below(40);
            let bytes: Vec<u8> = (0..len + 2).map(|_| random.next() as u8 % 3).collect();
            let whole = heap.binary(&bytes).as_bits().expect("bits");
            let mut copy = bytes.clone();
            copy.rotate_right(1);
            if random.chance(50) {
                copy[random.below(len + 2)] ^= 1;
            }
            let other = heap.binary(&copy).as_bits().expect("bits");
            let (i, j) = (random.below(8), random.below(8));
            let room = len * 8;
            let (n, m) = if random.chance(50) {
                (room, room)
            } else {
                (random.below(room + 1), random.below(room + 1))
            };
            let j = if random.chance(50) { i + 8 } else { j };
            let a = heap.part(whole, i, n).as_bits().expect("bits");
            let b = heap
                .part(other, j.min(16), m.min((len + 2) * 8 - j))
                .as_bits()
                .expect("bits");
            let (x, y) = (bits_of(a), bits_of(b));
            assert_eq!(a.compare(b), x.cmp(&y), "{x:?} {y:?}");
            assert_eq!(a.same_bits(b), x == y);
        }
    }
}
