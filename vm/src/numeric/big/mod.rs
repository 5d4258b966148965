//! Integers of any size: sign and magnitude, the magnitude in little-endian 64-bit limbs.
//!
//! [`BigRef`] looks at a number wherever it lies (in a heap, in a buffer); [`BigBuf`] owns a result
//! until the caller has reserved heap for it. Both are normalised: the highest limb is not zero, and
//! zero has no limbs and is not negative. An operation gives a [`BigBuf`]; whether that is a small
//! integer of Erlang is asked with [`BigBuf::to_small`].
//!
//! Few limbs are worked on by our own loops (see `limbs`), many by `dashu-int`. It was chosen over
//! `num-bigint` by measurement (0.6.2 against 0.5.1, in µs; x86-64, two shared cores):
//!
//! | what | dashu | num |   | what | dashu | num |
//! |---|---|---|---|---|---|---|
//! | 1,000 digits of pi | 18,500 | 55,000 | | 50 digits: multiply | 0.08 | 0.09 |
//! | 10,000 digits: multiply | 84 | 102 | | 50 digits: divide 100 by them | 0.26 | 0.28 |
//! | 10,000 digits: divide 20,000 by them | 179 | 242 | | 50 digits: print | 0.40 | 0.27 |
//! | 10,000 digits: print | 247 | 285 | | 50 digits: parse | 0.15 | 0.27 |
//! | 10,000 digits: parse | 119 | 129 | | 1,000,000 digits: multiply | 59,000 | 106,000 |
//!
//! It also takes and gives limbs by copying them, where the other goes through halves of them.
//!
//! No result is larger than [`MAX_LIMBS`]: the stock limit, beyond which is [`ArithError::SystemLimit`].

mod arith;
mod bits;
mod bytes;
mod convert;
mod limbs;
mod text;

#[cfg(test)]
mod tests;

use smallvec::SmallVec;
use std::cmp::Ordering;

pub use arith::{add, div, div_rem, mul, neg, rem, sub};
pub use bits::{band, bnot, bor, bsl, bsr, bxor, shift_count};
pub use bytes::{Endian, from_bits, from_le_bytes, read_bits, to_bits, write_bits};
pub use convert::{ceil, cmp_f64, cmp_i64_f64, floor, round, to_f64, to_f64_nearest, trunc};
pub use text::{ParseError, digit_value, parse, print, print_i64};

/// The most limbs a number may have (OTP 25, 64 bits: the arity of a bignum is below 2^19).
pub const MAX_LIMBS: usize = (1 << 19) - 1;
/// The largest small integer: 2^60 − 1.
pub const MAX_SMALL: i64 = (1 << 60) - 1;
/// The smallest small integer: −2^60.
pub const MIN_SMALL: i64 = -(1 << 60);

/// Limbs of a result; eight (512 bits) need no allocation.
pub type Limbs = SmallVec<[u64; 8]>;

/// Why there is no result; each is an exception reason of Erlang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithError {
    /// Division by zero.
    Badarith,
    /// The result would have more than [`MAX_LIMBS`] limbs.
    SystemLimit,
}

/// An integer that lies elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct BigRef<'a> {
    /// Whether it is below zero.
    pub negative: bool,
    /// The magnitude, lowest limb first, the highest not zero.
    pub limbs: &'a [u64],
}

/// An integer that owns its limbs.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BigBuf {
    negative: bool,
    limbs: Limbs,
}

/// The one limb of an `i64`, so that it can be seen as a [`BigRef`] without allocation.
#[derive(Clone, Copy, Debug)]
pub struct SmallLimb {
    negative: bool,
    limb: [u64; 1],
}

impl SmallLimb {
    /// Holds `value`.
    #[inline]
    pub fn new(value: i64) -> Self {
        SmallLimb {
            negative: value < 0,
            limb: [value.unsigned_abs()],
        }
    }

    /// The number as a reference.
    #[inline]
    pub fn view(&self) -> BigRef<'_> {
        let len = usize::from(self.limb[0] != 0);
        BigRef {
            negative: self.negative,
            limbs: &self.limb[..len],
        }
    }
}

impl<'a> BigRef<'a> {
    /// Normalises: drops zero limbs at the top, and the sign of zero.
    #[inline]
    pub fn new(negative: bool, limbs: &'a [u64]) -> Self {
        let limbs = limbs::trim(limbs);
        BigRef {
            negative: negative && !limbs.is_empty(),
            limbs,
        }
    }

    /// Whether it is zero.
    #[inline]
    pub fn is_zero(self) -> bool {
        self.limbs.is_empty()
    }

    /// Bits of the magnitude; 0 for zero.
    pub fn bit_size(self) -> usize {
        limbs::bit_size(self.limbs)
    }

    /// A copy that owns its limbs.
    pub fn to_buf(self) -> BigBuf {
        BigBuf {
            negative: self.negative,
            limbs: Limbs::from_slice(self.limbs),
        }
    }

    /// The value, if it fits 64 bits with sign.
    #[inline]
    pub fn to_i64(self) -> Option<i64> {
        match self.limbs {
            [] => Some(0),
            [limb] if self.negative => 0i64.checked_sub_unsigned(*limb),
            [limb] => i64::try_from(*limb).ok(),
            _ => None,
        }
    }

    /// The value, if it fits 64 bits without sign.
    #[inline]
    pub fn to_u64(self) -> Option<u64> {
        match self.limbs {
            [] => Some(0),
            [limb] if !self.negative => Some(*limb),
            _ => None,
        }
    }

    /// The value modulo 2^64, in two's complement.
    #[inline]
    pub fn low_u64(self) -> u64 {
        let low = self.limbs.first().copied().unwrap_or(0);
        if self.negative {
            low.wrapping_neg()
        } else {
            low
        }
    }

    /// The value, if it is a small integer (61 bits).
    #[inline]
    pub fn to_small(self) -> Option<i64> {
        self.to_i64()
            .filter(|value| (MIN_SMALL..=MAX_SMALL).contains(value))
    }
}

impl PartialEq for BigRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.negative == other.negative && self.limbs == other.limbs
    }
}

impl Eq for BigRef<'_> {}

impl PartialOrd for BigRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BigRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => limbs::cmp(self.limbs, other.limbs),
            (true, true) => limbs::cmp(other.limbs, self.limbs),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl BigBuf {
    /// Zero.
    pub fn zero() -> Self {
        Self::default()
    }

    /// Normalises `limbs` without asking for their number.
    fn from_limbs(negative: bool, mut limbs: Limbs) -> Self {
        let len = limbs::trim(&limbs).len();
        limbs.truncate(len);
        BigBuf {
            negative: negative && len != 0,
            limbs,
        }
    }

    /// Normalises `limbs`; an error if there are more than [`MAX_LIMBS`].
    fn checked(negative: bool, limbs: Limbs) -> Result<Self, ArithError> {
        let number = Self::from_limbs(negative, limbs);
        if number.limbs.len() > MAX_LIMBS {
            return Err(ArithError::SystemLimit);
        }
        Ok(number)
    }

    /// The number as a reference.
    #[inline]
    pub fn view(&self) -> BigRef<'_> {
        BigRef {
            negative: self.negative,
            limbs: &self.limbs,
        }
    }

    /// Whether it is below zero.
    #[inline]
    pub fn negative(&self) -> bool {
        self.negative
    }

    /// The magnitude, lowest limb first, the highest not zero.
    #[inline]
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    /// The value, if it is a small integer (61 bits).
    #[inline]
    pub fn to_small(&self) -> Option<i64> {
        self.view().to_small()
    }
}

impl From<i64> for BigBuf {
    fn from(value: i64) -> Self {
        SmallLimb::new(value).view().to_buf()
    }
}

impl From<u64> for BigBuf {
    fn from(value: u64) -> Self {
        Self::from_limbs(false, Limbs::from_slice(&[value]))
    }
}

impl From<u128> for BigBuf {
    fn from(value: u128) -> Self {
        Self::from_limbs(false, Limbs::from_slice(&limbs::split(value)))
    }
}

impl From<i128> for BigBuf {
    fn from(value: i128) -> Self {
        Self::from_limbs(
            value < 0,
            Limbs::from_slice(&limbs::split(value.unsigned_abs())),
        )
    }
}
