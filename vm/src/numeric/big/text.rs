//! Integers as text, in radix 2 to 36.

use super::{ArithError, BigBuf, BigRef, Limbs, limbs};
use dashu_int::UBig;

/// From this many limbs on, `dashu-int` converts (its cost grows more slowly than the square).
const RADIX_LIMBS: usize = 30;

/// Why text is no integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Not an optional sign and at least one digit, and nothing else.
    NoInteger,
    /// More than the largest integer.
    SystemLimit,
}

/// The value of a digit, either case, if it is one in `radix` (2 to 36).
#[inline]
pub fn digit_value(byte: u8, radix: u32) -> Option<u32> {
    char::from(byte).to_digit(radix)
}

/// The largest power of `radix` in a limb, and its exponent.
fn chunk(radix: u32) -> (u64, usize) {
    let radix = u64::from(radix);
    let (mut power, mut digits) = (radix, 1);
    while let Some(next) = power.checked_mul(radix) {
        (power, digits) = (next, digits + 1);
    }
    (power, digits)
}

/// Reads a whole integer: a sign (`+` or `-`) or none, then digits of `radix` (2 to 36) in either case.
pub fn parse(text: &[u8], radix: u32) -> Result<BigBuf, ParseError> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(ParseError::NoInteger);
    }
    let (power, per_limb) = chunk(radix);
    if digits.len() <= per_limb {
        let limb = parse_chunk(digits, radix)?;
        return Ok(BigBuf::from_limbs(negative, Limbs::from_slice(&[limb])));
    }
    let magnitude = if digits.len() <= per_limb * RADIX_LIMBS {
        parse_schoolbook(digits, radix, power, per_limb)?
    } else {
        parse_long(digits, radix)?
    };
    BigBuf::checked(negative, magnitude).map_err(|_: ArithError| ParseError::SystemLimit)
}

fn parse_chunk(digits: &[u8], radix: u32) -> Result<u64, ParseError> {
    let mut value = 0;
    for &byte in digits {
        let digit = digit_value(byte, radix).ok_or(ParseError::NoInteger)?;
        value = value * u64::from(radix) + u64::from(digit);
    }
    Ok(value)
}

fn parse_schoolbook(
    digits: &[u8],
    radix: u32,
    power: u64,
    per_limb: usize,
) -> Result<Limbs, ParseError> {
    let (first, rest) = digits.split_at(digits.len() % per_limb);
    let mut magnitude = Limbs::from_slice(&[parse_chunk(first, radix)?]);
    for piece in rest.chunks(per_limb) {
        limbs::mul_add_small(&mut magnitude, power, parse_chunk(piece, radix)?);
    }
    Ok(magnitude)
}

fn parse_long(digits: &[u8], radix: u32) -> Result<Limbs, ParseError> {
    // The crate also takes signs and underscores, so the digits are checked here.
    if !digits
        .iter()
        .all(|&byte| digit_value(byte, radix).is_some())
    {
        return Err(ParseError::NoInteger);
    }
    let zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    let digits = &digits[zeros..];
    if digits.is_empty() {
        return Ok(Limbs::new());
    }
    // The first digit is at least 1: far beyond the limit nothing need be computed.
    if (digits.len() - 1) as f64 * f64::from(radix).log2() > (super::MAX_LIMBS * 64 + 64) as f64 {
        return Err(ParseError::SystemLimit);
    }
    let text = std::str::from_utf8(digits).map_err(|_| ParseError::NoInteger)?;
    let value = UBig::from_str_radix(text, radix).map_err(|_| ParseError::NoInteger)?;
    Ok(Limbs::from_slice(value.as_words()))
}

/// Appends the digits of `a` in `radix` (2 to 36), upper case, a minus before them if negative.
pub fn print(a: BigRef<'_>, radix: u32, out: &mut Vec<u8>) {
    if a.negative {
        out.push(b'-');
    }
    match a.limbs {
        [] => out.push(b'0'),
        [limb] => print_limb(*limb, radix, out),
        _ if radix.is_power_of_two() => print_power_of_two(a, radix, out),
        _ if a.limbs.len() < RADIX_LIMBS => print_schoolbook(a.limbs, radix, out),
        _ => {
            let start = out.len();
            let text = UBig::from_words(a.limbs).in_radix(radix as u8).to_string();
            out.extend_from_slice(text.as_bytes());
            out[start..].make_ascii_uppercase();
        }
    }
}

/// Appends the digits of `value` in `radix` (2 to 36), upper case.
pub fn print_i64(value: i64, radix: u32, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    print_limb(value.unsigned_abs(), radix, out);
}

fn digit_char(digit: u64) -> u8 {
    let digit = digit as u8;
    if digit < 10 {
        b'0' + digit
    } else {
        b'A' + digit - 10
    }
}

fn print_limb(mut limb: u64, radix: u32, out: &mut Vec<u8>) {
    let mut digits = [0; 64];
    let mut at = digits.len();
    if radix == 10 {
        // A constant divisor: the compiler multiplies instead.
        loop {
            at -= 1;
            digits[at] = b'0' + (limb % 10) as u8;
            limb /= 10;
            if limb == 0 {
                break;
            }
        }
    } else {
        let radix = u64::from(radix);
        loop {
            at -= 1;
            digits[at] = digit_char(limb % radix);
            limb /= radix;
            if limb == 0 {
                break;
            }
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn print_power_of_two(a: BigRef<'_>, radix: u32, out: &mut Vec<u8>) {
    let width = radix.trailing_zeros() as usize;
    let digits = a.bit_size().div_ceil(width);
    let mask = u64::from(radix) - 1;
    out.extend((0..digits).rev().map(|digit| {
        let (word, shift) = (digit * width / 64, digit * width % 64);
        let low = a.limbs[word] >> shift;
        let high = match a.limbs.get(word + 1) {
            Some(next) if shift + width > 64 => next << (64 - shift),
            _ => 0,
        };
        digit_char((low | high) & mask)
    }));
}

fn print_schoolbook(magnitude: &[u64], radix: u32, out: &mut Vec<u8>) {
    let (power, per_limb) = chunk(radix);
    let divisor = limbs::Divisor::new(power);
    let mut rest = Limbs::from_slice(magnitude);
    let mut chunks: Limbs = Limbs::new();
    while !rest.is_empty() {
        chunks.push(divisor.div_in_place(&mut rest));
        let len = limbs::trim(&rest).len();
        rest.truncate(len);
    }
    let mut piece = Vec::with_capacity(64);
    for (index, &value) in chunks.iter().rev().enumerate() {
        piece.clear();
        print_limb(value, radix, &mut piece);
        if index != 0 {
            out.resize(out.len() + per_limb - piece.len(), b'0');
        }
        out.extend_from_slice(&piece);
    }
}
