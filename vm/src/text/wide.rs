//! UTF-16 and UTF-32, both byte orders: what the bit syntax reads and writes.

use super::utf8::{self, Fault};
use crate::numeric::big::Endian;

fn unit16(bytes: &[u8], endian: Endian) -> Option<u32> {
    let pair: [u8; 2] = bytes.get(..2)?.try_into().ok()?;
    Some(u32::from(match endian {
        Endian::Big => u16::from_be_bytes(pair),
        Endian::Little => u16::from_le_bytes(pair),
    }))
}

/// The first character in UTF-16 and its length in bytes.
pub fn decode_utf16(bytes: &[u8], endian: Endian) -> Result<(u32, usize), Fault> {
    let first = unit16(bytes, endian).ok_or(Fault::Incomplete)?;
    match first {
        0xD800..=0xDBFF => {
            let second = unit16(&bytes[2..], endian).ok_or(Fault::Incomplete)?;
            if !(0xDC00..=0xDFFF).contains(&second) {
                return Err(Fault::Invalid);
            }
            Ok((0x1_0000 + ((first & 0x3FF) << 10 | second & 0x3FF), 4))
        }
        0xDC00..=0xDFFF => Err(Fault::Invalid),
        character => Ok((character, 2)),
    }
}

/// The first character in UTF-32 (four bytes).
pub fn decode_utf32(bytes: &[u8], endian: Endian) -> Result<u32, Fault> {
    let quad: [u8; 4] = bytes
        .get(..4)
        .and_then(|quad| quad.try_into().ok())
        .ok_or(Fault::Incomplete)?;
    let value = match endian {
        Endian::Big => u32::from_be_bytes(quad),
        Endian::Little => u32::from_le_bytes(quad),
    };
    if utf8::is_code_point(value) {
        Ok(value)
    } else {
        Err(Fault::Invalid)
    }
}

/// Bytes of a character in UTF-16; none if there is none of this number.
pub fn utf16_length(value: u32) -> Option<usize> {
    char::from_u32(value).map(|character| 2 * character.len_utf16())
}

/// Appends a character in UTF-16; false, and nothing appended, if there is none of this number.
#[must_use]
pub fn encode_utf16(value: u32, endian: Endian, out: &mut Vec<u8>) -> bool {
    let Some(character) = char::from_u32(value) else {
        return false;
    };
    for unit in character.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(&match endian {
            Endian::Big => unit.to_be_bytes(),
            Endian::Little => unit.to_le_bytes(),
        });
    }
    true
}

/// Appends a character in UTF-32; false, and nothing appended, if there is none of this number.
#[must_use]
pub fn encode_utf32(value: u32, endian: Endian, out: &mut Vec<u8>) -> bool {
    if !utf8::is_code_point(value) {
        return false;
    }
    out.extend_from_slice(&match endian {
        Endian::Big => value.to_be_bytes(),
        Endian::Little => value.to_le_bytes(),
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_go_both_ways() {
        for value in [
            0, 0x61, 0xD7FF, 0xE000, 0xFFFF, 0x1_0000, 0x1F600, 0x10_FFFF,
        ] {
            for endian in [Endian::Big, Endian::Little] {
                let mut out = Vec::new();
                assert!(encode_utf16(value, endian, &mut out));
                assert_eq!(decode_utf16(&out, endian), Ok((value, out.len())));
                assert_eq!(utf16_length(value), Some(out.len()));
                out.clear();
                assert!(encode_utf32(value, endian, &mut out));
                assert_eq!(decode_utf32(&out, endian), Ok(value));
            }
        }
    }

    #[test]
    fn surrogates_alone_are_invalid() {
        assert_eq!(decode_utf16(&[0xDC, 0], Endian::Big), Err(Fault::Invalid));
        assert_eq!(
            decode_utf16(&[0xD8, 0], Endian::Big),
            Err(Fault::Incomplete)
        );
        assert_eq!(
            decode_utf16(&[0xD8, 0, 0xD8, 0], Endian::Big),
            Err(Fault::Invalid)
        );
        assert_eq!(
            decode_utf32(&[0, 0, 0xD8, 0], Endian::Big),
            Err(Fault::Invalid)
        );
        assert_eq!(
            decode_utf32(&[0, 0x11, 0, 0], Endian::Big),
            Err(Fault::Invalid)
        );
        assert!(!encode_utf16(0xD800, Endian::Big, &mut Vec::new()));
        assert!(!encode_utf32(0x11_0000, Endian::Big, &mut Vec::new()));
    }
}
