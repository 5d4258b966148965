//! Integers as bytes and as bit fields: the external term format and the bit syntax.
//!
//! A bit field is `bits` bits from bit `offset` of a byte string, bits counted from the high end of each
//! byte. Big-endian, they are the number from its top down. Little-endian, the field is cut into groups of
//! eight from its start, the lowest first; a last group of fewer bits is the top of the number.

use super::{ArithError, BigBuf, BigRef, Limbs, MAX_LIMBS, limbs};

/// The order of the bytes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// The highest byte first.
    Big,
    /// The lowest byte first.
    Little,
}

/// The number whose magnitude is `bytes`, lowest first (`SMALL_BIG_EXT`, `LARGE_BIG_EXT`).
pub fn from_le_bytes(negative: bool, bytes: &[u8]) -> Result<BigBuf, ArithError> {
    let len = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |top| top + 1);
    if len > MAX_LIMBS * 8 {
        return Err(ArithError::SystemLimit);
    }
    Ok(BigBuf::from_limbs(
        negative,
        bytes[..len].chunks(8).map(le_limb).collect(),
    ))
}

fn le_limb(bytes: &[u8]) -> u64 {
    let mut whole = [0; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(whole)
}

impl BigRef<'_> {
    /// Bytes of the magnitude; 0 for zero.
    pub fn byte_size(self) -> usize {
        self.bit_size().div_ceil(8)
    }

    /// The magnitude, lowest byte first, no zero byte at the end.
    pub fn le_bytes(&self) -> impl Iterator<Item = u8> + '_ {
        self.limbs
            .iter()
            .flat_map(|limb| limb.to_le_bytes())
            .take(self.byte_size())
    }
}

/// Reads up to 64 bits as an unsigned number, highest bit first.
///
/// # Panics
/// If the field reaches beyond `source`, or is of more than 64 bits.
#[inline]
pub fn read_bits(source: &[u8], offset: usize, bits: usize) -> u64 {
    assert!(bits <= 64, "a field of one limb");
    if bits == 0 {
        return 0;
    }
    let (first, last) = (offset / 8, (offset + bits - 1) / 8);
    if let (Some(eight), true) = (source[first..].first_chunk::<8>(), last - first < 8) {
        return u64::from_be_bytes(*eight) << (offset % 8) >> (64 - bits);
    }
    let mut value = 0u128;
    for &byte in &source[first..=last] {
        value = value << 8 | u128::from(byte);
    }
    let below = (last + 1) * 8 - offset - bits;
    (value >> below) as u64 & (u64::MAX >> (64 - bits))
}

/// Writes the low `bits` (up to 64) bits of `value`, highest first, and leaves the bits around them.
///
/// # Panics
/// If the field reaches beyond `target`, or is of more than 64 bits.
#[inline]
pub fn write_bits(target: &mut [u8], offset: usize, bits: usize, value: u64) {
    assert!(bits <= 64, "a field of one limb");
    if bits == 0 {
        return;
    }
    let (first, last) = (offset / 8, (offset + bits - 1) / 8);
    if (offset | bits).is_multiple_of(8) {
        let bytes = (value << (64 - bits)).to_be_bytes();
        target[first..=last].copy_from_slice(&bytes[..bits / 8]);
        return;
    }
    let below = (last + 1) * 8 - offset - bits;
    let ones = u128::from(u64::MAX >> (64 - bits)) << below;
    let placed = (u128::from(value) << below) & ones;
    let len = last - first + 1;
    for (index, byte) in target[first..=last].iter_mut().enumerate() {
        let shift = (len - 1 - index) * 8;
        *byte = *byte & !((ones >> shift) as u8) | (placed >> shift) as u8;
    }
}

/// The number in a bit field.
///
/// # Panics
/// If the field reaches beyond `source`.
pub fn from_bits(
    source: &[u8],
    offset: usize,
    bits: usize,
    endian: Endian,
    signed: bool,
) -> Result<BigBuf, ArithError> {
    assert!(
        offset
            .checked_add(bits)
            .is_some_and(|end| end <= source.len().saturating_mul(8)),
        "the field lies within"
    );
    let mut magnitude = match endian {
        Endian::Big => read_big_endian(source, offset, bits),
        Endian::Little => read_little_endian(source, offset, bits),
    };
    let negative = signed && bits > 0 && magnitude[(bits - 1) / 64] >> ((bits - 1) % 64) & 1 == 1;
    if negative {
        negate(&mut magnitude, bits);
    }
    BigBuf::checked(negative, magnitude)
}

fn read_big_endian(source: &[u8], offset: usize, bits: usize) -> Limbs {
    let end = offset + bits;
    (0..bits.div_ceil(64))
        .map(|limb| {
            let width = (bits - limb * 64).min(64);
            read_bits(source, end - limb * 64 - width, width)
        })
        .collect()
}

fn read_little_endian(source: &[u8], offset: usize, bits: usize) -> Limbs {
    (0..bits.div_ceil(64))
        .map(|limb| {
            let (start, width) = (limb * 64, (bits - limb * 64).min(64));
            little(read_bits(source, offset + start, width), width)
        })
        .collect()
}

/// Turns the byte order of a field of up to 64 bits read from high to low into a number.
fn little(field: u64, width: usize) -> u64 {
    let (whole, partial) = (width / 8, width % 8);
    if partial == 0 {
        return (field << (64 - width)).swap_bytes();
    }
    let top = field & ((1 << partial) - 1);
    let low = if whole == 0 {
        0
    } else {
        (field >> partial << (64 - whole * 8)).swap_bytes()
    };
    low | top << (whole * 8)
}

/// The inverse of [`little`].
fn unlittle(value: u64, width: usize) -> u64 {
    let (whole, partial) = (width / 8, width % 8);
    if partial == 0 {
        return value.swap_bytes() >> (64 - width);
    }
    let top = value >> (whole * 8) & ((1 << partial) - 1);
    let low = if whole == 0 {
        0
    } else {
        value.swap_bytes() >> (64 - whole * 8)
    };
    low << partial | top
}

/// The magnitude of a negative number in two's complement of `bits` bits.
fn negate(magnitude: &mut Limbs, bits: usize) {
    for limb in magnitude.iter_mut() {
        *limb = !*limb;
    }
    if !bits.is_multiple_of(64) {
        let top = magnitude.len() - 1;
        magnitude[top] &= u64::MAX >> (64 - bits % 64);
    }
    limbs::increment(magnitude);
}

/// Writes `a` modulo 2^`bits` into a bit field and leaves the bits around it.
///
/// # Panics
/// If the field reaches beyond `target`.
pub fn to_bits(a: BigRef<'_>, target: &mut [u8], offset: usize, bits: usize, endian: Endian) {
    assert!(
        offset
            .checked_add(bits)
            .is_some_and(|end| end <= target.len().saturating_mul(8)),
        "the field lies within"
    );
    let mut borrow = a.negative;
    for index in 0..bits.div_ceil(64) {
        let limb = a.limbs.get(index).copied().unwrap_or(0);
        let value = if a.negative {
            let (less, under) = limb.overflowing_sub(u64::from(borrow));
            borrow = under;
            !less
        } else {
            limb
        };
        let (start, width) = (index * 64, (bits - index * 64).min(64));
        match endian {
            Endian::Big => write_bits(target, offset + bits - start - width, width, value),
            Endian::Little => write_bits(target, offset + start, width, unlittle(value, width)),
        }
    }
}
