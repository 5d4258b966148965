//! `band`, `bor`, `bxor`, `bnot`, `bsl`, `bsr`: as if numbers were in two's complement of endless width.

use super::{ArithError, BigBuf, BigRef, Limbs, MAX_LIMBS, limbs};

/// `a band b`.
pub fn band(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    bitwise(a, b, a.negative && b.negative, |x, y| x & y)
}

/// `a bor b`.
pub fn bor(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    bitwise(a, b, a.negative || b.negative, |x, y| x | y)
}

/// `a bxor b`.
pub fn bxor(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    bitwise(a, b, a.negative != b.negative, |x, y| x ^ y)
}

/// `bnot a`, which is `-a - 1`.
pub fn bnot(a: BigRef<'_>) -> Result<BigBuf, ArithError> {
    if a.negative {
        return BigBuf::checked(false, limbs::sub(a.limbs, &[1]));
    }
    let mut magnitude = Limbs::from_slice(a.limbs);
    limbs::increment(&mut magnitude);
    BigBuf::checked(true, magnitude)
}

/// `a bsl count`; a count below zero shifts to the right, rounding down.
pub fn bsl(a: BigRef<'_>, count: i64) -> Result<BigBuf, ArithError> {
    let distance = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        return shift_right(a, distance);
    }
    if a.is_zero() {
        return Ok(BigBuf::zero());
    }
    if a.limbs.len().saturating_add(distance / 64) > MAX_LIMBS {
        return Err(ArithError::SystemLimit);
    }
    BigBuf::checked(a.negative, limbs::shift_left(a.limbs, distance))
}

/// `a bsr count`; a count below zero shifts to the left.
pub fn bsr(a: BigRef<'_>, count: i64) -> Result<BigBuf, ArithError> {
    match count.checked_neg() {
        Some(left) => bsl(a, left),
        None => bsl(a, i64::MAX),
    }
}

/// A shift count of any size as an `i64`; one that does not fit has the effect of the nearest that does.
pub fn shift_count(count: BigRef<'_>) -> i64 {
    count
        .to_i64()
        .unwrap_or(if count.negative { i64::MIN } else { i64::MAX })
}

fn shift_right(a: BigRef<'_>, distance: usize) -> Result<BigBuf, ArithError> {
    let (mut magnitude, inexact) = limbs::shift_right(a.limbs, distance);
    if a.negative && inexact {
        limbs::increment(&mut magnitude);
    }
    BigBuf::checked(a.negative, magnitude)
}

/// Combines limb by limb in two's complement; `negative` is the sign of the result.
fn bitwise(
    a: BigRef<'_>,
    b: BigRef<'_>,
    negative: bool,
    op: fn(u64, u64) -> u64,
) -> Result<BigBuf, ArithError> {
    let len = a.limbs.len().max(b.limbs.len());
    let combined = twos_complement(a)
        .zip(twos_complement(b))
        .take(len)
        .map(|(x, y)| op(x, y));
    if !negative {
        return BigBuf::checked(false, combined.collect());
    }
    let mut magnitude: Limbs = combined.map(|limb| !limb).collect();
    limbs::increment(&mut magnitude);
    BigBuf::checked(true, magnitude)
}

/// The limbs in two's complement, the sign repeated without end.
fn twos_complement(a: BigRef<'_>) -> impl Iterator<Item = u64> + '_ {
    let mut borrow = a.negative;
    a.limbs
        .iter()
        .copied()
        .chain(std::iter::repeat(0))
        .map(move |limb| {
            if !a.negative {
                return limb;
            }
            // -m is the complement of m - 1.
            let (less, under) = limb.overflowing_sub(u64::from(borrow));
            borrow = under;
            !less
        })
}
