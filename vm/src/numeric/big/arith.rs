//! `+`, `-`, `*`, `div`, `rem` and negation.

use super::{ArithError, BigBuf, BigRef, MAX_LIMBS, limbs};
use std::cmp::Ordering;

/// `a + b`.
pub fn add(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    if a.negative == b.negative {
        return BigBuf::checked(a.negative, limbs::add(a.limbs, b.limbs));
    }
    match limbs::cmp(a.limbs, b.limbs) {
        Ordering::Equal => Ok(BigBuf::zero()),
        Ordering::Greater => BigBuf::checked(a.negative, limbs::sub(a.limbs, b.limbs)),
        Ordering::Less => BigBuf::checked(b.negative, limbs::sub(b.limbs, a.limbs)),
    }
}

/// `a - b`.
pub fn sub(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    add(
        a,
        BigRef {
            negative: !b.negative && !b.is_zero(),
            limbs: b.limbs,
        },
    )
}

/// `a * b`.
pub fn mul(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    // The product has one limb less than this sum, or as many: no need to compute what is refused.
    if !a.is_zero() && !b.is_zero() && a.limbs.len() + b.limbs.len() > MAX_LIMBS + 1 {
        return Err(ArithError::SystemLimit);
    }
    BigBuf::checked(a.negative != b.negative, limbs::mul(a.limbs, b.limbs))
}

/// `a div b` and `a rem b`: truncated towards zero; the remainder has the sign of `a`.
pub fn div_rem(a: BigRef<'_>, b: BigRef<'_>) -> Result<(BigBuf, BigBuf), ArithError> {
    if b.is_zero() {
        return Err(ArithError::Badarith);
    }
    let (quotient, rest) = limbs::div_rem(a.limbs, b.limbs);
    Ok((
        BigBuf::from_limbs(a.negative != b.negative, quotient),
        BigBuf::from_limbs(a.negative, rest),
    ))
}

/// `a div b`.
pub fn div(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    div_rem(a, b).map(|(quotient, _)| quotient)
}

/// `a rem b`.
pub fn rem(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    div_rem(a, b).map(|(_, rest)| rest)
}

/// `-a`.
pub fn neg(a: BigRef<'_>) -> BigBuf {
    BigBuf {
        negative: !a.negative && !a.is_zero(),
        limbs: limbs_of(a),
    }
}

fn limbs_of(a: BigRef<'_>) -> super::Limbs {
    super::Limbs::from_slice(a.limbs)
}
