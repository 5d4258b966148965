//! `+`, `-`, `*`, `div`, `rem` and negation.

use super::{ArithError, BigBuf, BigRef, MAX_LIMBS, limbs};
use std::cmp::Ordering;

/// `a + b`.
pub fn add(a: BigRef<'_>, b: BigRef<'_>) -> Result<BigBuf, ArithError> {
    if let (Some(x), Some(y)) = (one_limb(a), one_limb(b)) {
        return Ok(BigBuf::from(x + y));
    }
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
    if let ([x], [y]) = (a.limbs, b.limbs) {
        let product = u128::from(*x) * u128::from(*y);
        return Ok(BigBuf::from_limbs(
            a.negative != b.negative,
            product_limbs(product),
        ));
    }
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
    if let ([x], [y]) = (a.limbs, b.limbs) {
        let quotient =
            BigBuf::from_limbs(a.negative != b.negative, super::Limbs::from_slice(&[x / y]));
        return Ok((
            quotient,
            BigBuf::from_limbs(a.negative, super::Limbs::from_slice(&[x % y])),
        ));
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

/// The value of a number of at most one limb.
#[inline]
fn one_limb(a: BigRef<'_>) -> Option<i128> {
    let magnitude = match a.limbs {
        [] => 0,
        [limb] => i128::from(*limb),
        _ => return None,
    };
    Some(if a.negative { -magnitude } else { magnitude })
}

fn product_limbs(product: u128) -> super::Limbs {
    super::Limbs::from_slice(&limbs::split(product))
}

fn limbs_of(a: BigRef<'_>) -> super::Limbs {
    super::Limbs::from_slice(a.limbs)
}
