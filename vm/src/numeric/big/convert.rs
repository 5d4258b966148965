//! Between integers and floats: conversion, rounding, comparison.

use super::{BigBuf, BigRef, Limbs, limbs};
use std::cmp::Ordering;

/// 2^64.
const LIMB: f64 = 18_446_744_073_709_551_616.0;
/// 2^63.
const HALF_LIMB: f64 = 9_223_372_036_854_775_808.0;

/// The float of `a`, as `erlang:float/1` and arithmetic with floats take it; none if out of range.
///
/// The stock VM folds the limbs in from the top and rounds at each, so that a number of two limbs or more
/// may give the float next to the nearest one. Programs see that, and so it is done here; see
/// [`to_f64_nearest`] for the one correctly rounded.
pub fn to_f64(a: BigRef<'_>) -> Option<f64> {
    let mut value = 0.0;
    for &limb in a.limbs.iter().rev() {
        value = value * LIMB + limb as f64;
        if !f64::is_finite(value) {
            return None;
        }
    }
    Some(if a.negative { -value } else { value })
}

/// The float nearest to `a`, ties to even; none if out of range.
pub fn to_f64_nearest(a: BigRef<'_>) -> Option<f64> {
    let bits = a.bit_size();
    let magnitude = if bits <= 64 {
        a.limbs.first().map_or(0.0, |&limb| limb as f64)
    } else if bits > 1024 {
        return None;
    } else {
        // The highest 64 bits, the lowest of which also stands for all bits below: that decides ties.
        let (top, inexact) = limbs::shift_right(a.limbs, bits - 64);
        (top[0] | u64::from(inexact)) as f64 * 2f64.powi((bits - 64) as i32)
    };
    magnitude
        .is_finite()
        .then_some(if a.negative { -magnitude } else { magnitude })
}

/// The integer part; none unless finite.
pub fn trunc(value: f64) -> Option<BigBuf> {
    if value.abs() < HALF_LIMB {
        return Some(BigBuf::from(value as i64));
    }
    if !value.is_finite() {
        return None;
    }
    let (mantissa, exponent) = decompose(value);
    Some(BigBuf::from_limbs(
        value < 0.0,
        limbs::shift_left(&[mantissa], exponent),
    ))
}

/// The nearest integer, halves away from zero; none unless finite.
pub fn round(value: f64) -> Option<BigBuf> {
    trunc(value.round())
}

/// The largest integer not above; none unless finite.
pub fn floor(value: f64) -> Option<BigBuf> {
    trunc(value.floor())
}

/// The smallest integer not below; none unless finite.
pub fn ceil(value: f64) -> Option<BigBuf> {
    trunc(value.ceil())
}

/// Compares exactly; `value` is not a NaN (Erlang has none).
pub fn cmp_f64(a: BigRef<'_>, value: f64) -> Ordering {
    if let Some(small) = a.to_i64() {
        return cmp_i64_f64(small, value);
    }
    let by_sign = if a.negative {
        Ordering::Less
    } else {
        Ordering::Greater
    };
    if value.abs() < HALF_LIMB || a.negative != (value < 0.0) {
        return by_sign;
    }
    if value.is_infinite() {
        return by_sign.reverse();
    }
    let (mantissa, exponent) = decompose(value);
    let limbs: Limbs = limbs::shift_left(&[mantissa], exponent);
    a.cmp(&BigRef {
        negative: a.negative,
        limbs: &limbs,
    })
}

/// Compares exactly; `value` is not a NaN.
#[inline]
pub fn cmp_i64_f64(a: i64, value: f64) -> Ordering {
    if (-HALF_LIMB..HALF_LIMB).contains(&value) {
        let whole = value as i64;
        // Where `value` has a fraction, the conversion of its whole part back is exact.
        return a
            .cmp(&whole)
            .then_with(|| (whole as f64).total_cmp(&(value + 0.0)));
    }
    if value > 0.0 {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

/// Mantissa and exponent of a finite float of at least 2^52 in magnitude.
fn decompose(value: f64) -> (u64, usize) {
    let bits = value.to_bits();
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    let exponent = ((bits >> 52) & 0x7ff) as usize;
    (mantissa, exponent - 1075)
}
