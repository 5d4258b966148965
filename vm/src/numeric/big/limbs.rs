//! Arithmetic on magnitudes: slices of limbs, lowest first.
//!
//! Schoolbook loops for few limbs; beyond [`MUL_LIMBS`] and [`DIV_LIMBS`] the work goes to `dashu-int`.

use super::Limbs;
use dashu_int::UBig;
use dashu_int::ops::DivRem;
use smallvec::smallvec;
use std::cmp::Ordering;

/// From this many limbs in the shorter factor on, `dashu-int` multiplies faster than the plain loop.
const MUL_LIMBS: usize = 24;
/// From this many limbs in divisor and quotient on, `dashu-int` divides.
const DIV_LIMBS: usize = 40;

/// `limbs` without the zero limbs at the top.
#[inline]
pub fn trim(limbs: &[u64]) -> &[u64] {
    let len = limbs
        .iter()
        .rposition(|&limb| limb != 0)
        .map_or(0, |top| top + 1);
    &limbs[..len]
}

/// Low and high half.
#[inline]
pub fn split(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

/// Bits of a normalised magnitude.
pub fn bit_size(limbs: &[u64]) -> usize {
    match limbs.last() {
        None => 0,
        Some(top) => limbs.len() * 64 - top.leading_zeros() as usize,
    }
}

/// Compares normalised magnitudes.
pub fn cmp(a: &[u64], b: &[u64]) -> Ordering {
    a.len()
        .cmp(&b.len())
        .then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// `a + b`.
pub fn add(a: &[u64], b: &[u64]) -> Limbs {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut sum = Limbs::from_slice(long);
    let (low, high) = sum.split_at_mut(short.len());
    let mut carry = false;
    for (cell, &y) in low.iter_mut().zip(short) {
        (*cell, carry) = cell.carrying_add(y, carry);
    }
    for cell in high {
        if !carry {
            return sum;
        }
        (*cell, carry) = cell.overflowing_add(1);
    }
    if carry {
        sum.push(1);
    }
    sum
}

/// `a - b`, which must not be below zero; may have zero limbs at the top.
pub fn sub(a: &[u64], b: &[u64]) -> Limbs {
    let mut difference = Limbs::from_slice(a);
    let (low, high) = difference.split_at_mut(b.len());
    let mut borrow = false;
    for (cell, &y) in low.iter_mut().zip(b) {
        (*cell, borrow) = cell.borrowing_sub(y, borrow);
    }
    for cell in high {
        if !borrow {
            break;
        }
        (*cell, borrow) = cell.overflowing_sub(1);
    }
    difference
}

/// Adds one in place.
pub fn increment(limbs: &mut Limbs) {
    for limb in limbs.iter_mut() {
        let (sum, carry) = limb.overflowing_add(1);
        *limb = sum;
        if !carry {
            return;
        }
    }
    limbs.push(1);
}

/// `limbs = limbs * factor + summand`.
pub fn mul_add_small(limbs: &mut Limbs, factor: u64, summand: u64) {
    let mut carry = summand;
    for limb in limbs.iter_mut() {
        let (low, high) = limb.carrying_mul(factor, carry);
        *limb = low;
        carry = high;
    }
    if carry != 0 {
        limbs.push(carry);
    }
}

/// `a * b`; may have a zero limb at the top.
pub fn mul(a: &[u64], b: &[u64]) -> Limbs {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    match short {
        [] => Limbs::new(),
        [factor] => {
            let mut product = Limbs::with_capacity(long.len() + 1);
            product.extend_from_slice(long);
            mul_add_small(&mut product, *factor, 0);
            product
        }
        _ if short.len() < MUL_LIMBS => mul_schoolbook(long, short),
        _ => {
            let (x, y) = (UBig::from_words(long), UBig::from_words(short));
            let product = if long == short { x.sqr() } else { x * y };
            Limbs::from_slice(product.as_words())
        }
    }
}

fn mul_schoolbook(long: &[u64], short: &[u64]) -> Limbs {
    let mut product: Limbs = smallvec![0; long.len() + short.len()];
    for (at, &y) in short.iter().enumerate() {
        let row = &mut product[at..=at + long.len()];
        let mut carry = 0;
        for (cell, &x) in row.iter_mut().zip(long) {
            let (low, high) = x.carrying_mul_add(y, *cell, carry);
            *cell = low;
            carry = high;
        }
        row[long.len()] = carry;
    }
    product
}

/// `limbs << count`.
pub fn shift_left(limbs: &[u64], count: usize) -> Limbs {
    let (words, bits) = (count / 64, (count % 64) as u32);
    let mut shifted = Limbs::with_capacity(limbs.len() + words + 1);
    shifted.resize(words, 0);
    if bits == 0 {
        shifted.extend_from_slice(limbs);
        return shifted;
    }
    let mut carry = 0;
    for &limb in limbs {
        shifted.push((limb << bits) | carry);
        carry = limb >> (64 - bits);
    }
    if carry != 0 {
        shifted.push(carry);
    }
    shifted
}

/// `limbs >> count`, and whether a set bit was lost; may have a zero limb at the top.
pub fn shift_right(limbs: &[u64], count: usize) -> (Limbs, bool) {
    let (words, bits) = (count / 64, (count % 64) as u32);
    if words >= limbs.len() {
        return (Limbs::new(), !limbs.is_empty());
    }
    let (lost, kept) = limbs.split_at(words);
    let mut inexact = lost.iter().any(|&limb| limb != 0);
    if bits == 0 {
        return (Limbs::from_slice(kept), inexact);
    }
    inexact |= kept[0] << (64 - bits) != 0;
    let above = kept[1..].iter().copied().chain([0]);
    (
        kept.iter()
            .zip(above)
            .map(|(&limb, next)| (limb >> bits) | (next << (64 - bits)))
            .collect(),
        inexact,
    )
}

/// A divisor of one limb, prepared: the high bit set by a shift, with its reciprocal
/// (Möller and Granlund, "Improved division by invariant integers").
#[derive(Clone, Copy)]
pub struct Divisor {
    shift: u32,
    normalised: u64,
    reciprocal: u64,
}

impl Divisor {
    /// `divisor` must not be zero.
    pub fn new(divisor: u64) -> Self {
        let shift = divisor.leading_zeros();
        let normalised = divisor << shift;
        let numerator = (u128::from(!normalised) << 64) | u128::from(u64::MAX);
        Divisor {
            shift,
            normalised,
            reciprocal: (numerator / u128::from(normalised)) as u64,
        }
    }

    /// Quotient and remainder of `(high, low)` by the normalised divisor; `high` is below it.
    #[inline]
    fn div_2by1(self, high: u64, low: u64) -> (u64, u64) {
        let product = u128::from(self.reciprocal) * u128::from(high);
        let [q0, q1] = split(product.wrapping_add((u128::from(high) << 64) | u128::from(low)));
        let mut quotient = q1.wrapping_add(1);
        let mut rest = low.wrapping_sub(quotient.wrapping_mul(self.normalised));
        if rest > q0 {
            quotient = quotient.wrapping_sub(1);
            rest = rest.wrapping_add(self.normalised);
        }
        if rest >= self.normalised {
            quotient = quotient.wrapping_add(1);
            rest -= self.normalised;
        }
        (quotient, rest)
    }

    /// Divides `limbs` in place and gives the remainder.
    pub fn div_in_place(self, limbs: &mut [u64]) -> u64 {
        let mut rest = 0;
        if self.shift == 0 {
            for limb in limbs.iter_mut().rev() {
                (*limb, rest) = self.div_2by1(rest, *limb);
            }
            return rest;
        }
        let Some(&top) = limbs.last() else { return 0 };
        rest = top >> (64 - self.shift);
        for at in (0..limbs.len()).rev() {
            let below = if at == 0 {
                0
            } else {
                limbs[at - 1] >> (64 - self.shift)
            };
            (limbs[at], rest) = self.div_2by1(rest, (limbs[at] << self.shift) | below);
        }
        rest >> self.shift
    }
}

/// Quotient and remainder; `b` is normalised and not zero. Both may have zero limbs at the top.
pub fn div_rem(a: &[u64], b: &[u64]) -> (Limbs, Limbs) {
    if cmp(a, b) == Ordering::Less {
        return (Limbs::new(), Limbs::from_slice(a));
    }
    if let [divisor] = b {
        let mut quotient = Limbs::from_slice(a);
        let rest = Divisor::new(*divisor).div_in_place(&mut quotient);
        return (quotient, smallvec![rest]);
    }
    if b.len() < DIV_LIMBS || a.len() - b.len() < DIV_LIMBS {
        return div_knuth(a, b);
    }
    let (dividend, divisor) = (UBig::from_words(a), UBig::from_words(b));
    let (quotient, rest) = dividend.div_rem(&divisor);
    (
        Limbs::from_slice(quotient.as_words()),
        Limbs::from_slice(rest.as_words()),
    )
}

/// Knuth's algorithm D; `b` has at least two limbs and `a` is not smaller.
fn div_knuth(a: &[u64], b: &[u64]) -> (Limbs, Limbs) {
    let shift = b[b.len() - 1].leading_zeros() as usize;
    let divisor = shift_left(b, shift);
    let mut rest = shift_left(a, shift);
    if rest.len() == a.len() {
        rest.push(0);
    }
    let len = divisor.len();
    let (second, top) = (divisor[len - 2], Divisor::new(divisor[len - 1]));
    let mut quotient: Limbs = smallvec![0; rest.len() - len];
    for at in (0..quotient.len()).rev() {
        let window = &mut rest[at..=at + len];
        let mut digit = estimate(window, top, second);
        if digit != 0 && sub_mul(window, &divisor, digit) {
            digit -= 1;
            add_back(window, &divisor);
        }
        quotient[at] = digit;
    }
    rest.truncate(len);
    (quotient, shift_right(&rest, shift).0)
}

/// The quotient digit of `window` (one limb longer than the divisor), right or one too large.
#[inline]
fn estimate(window: &[u64], top: Divisor, second: u64) -> u64 {
    let at = window.len() - 1;
    let (high, middle, low) = (window[at], window[at - 1], window[at - 2]);
    let (mut digit, mut rest) = if high >= top.normalised {
        match middle.checked_add(top.normalised) {
            None => return u64::MAX,
            Some(rest) => (u64::MAX, rest),
        }
    } else {
        top.div_2by1(high, middle)
    };
    while u128::from(digit) * u128::from(second) > (u128::from(rest) << 64 | u128::from(low)) {
        digit -= 1;
        match rest.checked_add(top.normalised) {
            None => break,
            Some(more) => rest = more,
        }
    }
    digit
}

/// `window -= divisor * digit`; whether it went below zero.
#[inline]
fn sub_mul(window: &mut [u64], divisor: &[u64], digit: u64) -> bool {
    let (mut carry, mut borrow) = (0, false);
    for (cell, &limb) in window.iter_mut().zip(divisor) {
        let (low, high) = limb.carrying_mul(digit, carry);
        carry = high;
        (*cell, borrow) = cell.borrowing_sub(low, borrow);
    }
    let last = divisor.len();
    let (limb, under) = window[last].borrowing_sub(carry, borrow);
    window[last] = limb;
    under
}

#[inline]
fn add_back(window: &mut [u64], divisor: &[u64]) {
    let mut carry = false;
    for (cell, &limb) in window.iter_mut().zip(divisor) {
        (*cell, carry) = cell.carrying_add(limb, carry);
    }
    let last = divisor.len();
    window[last] = window[last].wrapping_add(u64::from(carry));
}
