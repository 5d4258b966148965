//! Latin-1, whose bytes are the first 256 characters.

use super::utf8;

/// Bytes that Latin-1 text takes in UTF-8.
pub fn utf8_len(latin1: &[u8]) -> usize {
    latin1.len() + latin1.iter().filter(|&&byte| byte >= 0x80).count()
}

/// Appends Latin-1 text as UTF-8.
pub fn to_utf8(latin1: &[u8], out: &mut Vec<u8>) {
    out.reserve(utf8_len(latin1));
    for &byte in latin1 {
        if byte < 0x80 {
            out.push(byte);
        } else {
            out.extend_from_slice(&[0xC0 | byte >> 6, 0x80 | byte & 0x3F]);
        }
    }
}

/// Appends valid UTF-8 as Latin-1, up to the first character that has none; gives the bytes read.
pub fn from_utf8(valid: &[u8], out: &mut Vec<u8>) -> usize {
    let mut characters = utf8::characters(valid);
    loop {
        let read = valid.len() - characters.rest().len();
        match characters.next().map(u8::try_from) {
            Some(Ok(byte)) => out.push(byte),
            _ => return read,
        }
    }
}

/// Whether every character of valid UTF-8 is in Latin-1; then their number.
pub fn count_in_utf8(valid: &[u8]) -> Option<usize> {
    // C2 and C3 begin the characters 80–FF; higher first bytes begin higher ones.
    valid
        .iter()
        .all(|&byte| byte < 0xC4)
        .then(|| utf8::count(valid))
}

/// Lower case: `a`–`z`, `ß`–`ÿ` without `÷`.
pub fn is_lower(character: u32) -> bool {
    matches!(character, 0x61..=0x7A | 0xDF..=0xF6 | 0xF8..=0xFF)
}

/// Upper case: `A`–`Z`, `À`–`Þ` without `×`.
pub fn is_upper(character: u32) -> bool {
    matches!(character, 0x41..=0x5A | 0xC0..=0xD6 | 0xD8..=0xDE)
}

/// A letter or a decimal digit.
pub fn is_alphanumeric(character: u32) -> bool {
    matches!(character, 0x30..=0x39) || is_lower(character) || is_upper(character)
}

/// A control character: 00–1F, 7F–9F.
pub fn is_control(character: u32) -> bool {
    matches!(character, 0..=0x1F | 0x7F..=0x9F)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        let all: Vec<u8> = (0..=255).collect();
        let (mut utf8, mut back) = (Vec::new(), Vec::new());
        to_utf8(&all, &mut utf8);
        assert_eq!(utf8.len(), utf8_len(&all));
        assert_eq!(from_utf8(&utf8, &mut back), utf8.len());
        assert_eq!(back, all);
        assert_eq!(count_in_utf8(&utf8), Some(256));
        assert_eq!(from_utf8("aåā".as_bytes(), &mut back), 3);
        assert_eq!(count_in_utf8("aåā".as_bytes()), None);
    }
}
