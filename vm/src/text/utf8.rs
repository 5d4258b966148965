//! UTF-8 as Erlang has it: code points to 10FFFF, no surrogates, no overlong forms.

/// The largest code point.
pub const MAX_CODE_POINT: u32 = 0x10_FFFF;

/// Whether a character may have this number: not a surrogate, not above 10FFFF.
#[inline]
pub fn is_code_point(value: u32) -> bool {
    char::from_u32(value).is_some()
}

/// Why bytes are not whole characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They end within a character of which what is there is not wrong.
    Incomplete,
    /// They cannot be the start of a character.
    Invalid,
}

/// The length of a character by its first byte, which need not be a valid one.
#[inline]
pub fn length_by_first(first: u8) -> Option<usize> {
    match first {
        0x00..=0x7F => Some(1),
        0xC0..=0xDF => Some(2),
        0xE0..=0xEF => Some(3),
        0xF0..=0xF7 => Some(4),
        _ => None,
    }
}

/// The first character and its length; an empty input is incomplete.
#[inline]
pub fn decode(bytes: &[u8]) -> Result<(u32, usize), Fault> {
    match bytes.first() {
        None => Err(Fault::Incomplete),
        Some(&first) if first < 0x80 => Ok((u32::from(first), 1)),
        Some(&first) => decode_long(first, bytes),
    }
}

fn decode_long(first: u8, bytes: &[u8]) -> Result<(u32, usize), Fault> {
    let length = length_by_first(first).ok_or(Fault::Invalid)?;
    let present = &bytes[1..bytes.len().min(length)];
    if present.iter().any(|byte| byte & 0xC0 != 0x80) {
        return Err(Fault::Invalid);
    }
    // A character cut short is incomplete even where no third or fourth byte could make it valid.
    if bytes.len() < length {
        return Err(Fault::Incomplete);
    }
    let start = u32::from(first & (0x7F >> length));
    let value = present
        .iter()
        .fold(start, |value, byte| value << 6 | u32::from(byte & 0x3F));
    let smallest = [0, 0, 0x80, 0x800, 0x1_0000][length];
    if value < smallest || !is_code_point(value) {
        return Err(Fault::Invalid);
    }
    Ok((value, length))
}

/// Appends a character; false, and nothing appended, if there is none of this number.
#[inline]
#[must_use]
pub fn encode(value: u32, out: &mut Vec<u8>) -> bool {
    match char::from_u32(value) {
        Some(character) => {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            true
        }
        None => false,
    }
}

/// Bytes of a character; none if there is none of this number.
#[inline]
pub fn length(value: u32) -> Option<usize> {
    char::from_u32(value).map(char::len_utf8)
}

/// How many bytes from the start are whole characters, and what is wrong with the rest, if there is one.
pub fn check(bytes: &[u8]) -> (usize, Option<Fault>) {
    match std::str::from_utf8(bytes) {
        Ok(_) => (bytes.len(), None),
        Err(error) => {
            let valid = error.valid_up_to();
            (valid, decode(&bytes[valid..]).err())
        }
    }
}

/// The number of characters in valid UTF-8.
pub fn count(valid: &[u8]) -> usize {
    valid.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

/// Where the character of this index begins in valid UTF-8; none if there are not more characters.
pub fn offset_of(valid: &[u8], index: usize) -> Option<usize> {
    let mut starts = valid
        .iter()
        .enumerate()
        .filter(|(_, byte)| *byte & 0xC0 != 0x80);
    starts.nth(index).map(|(offset, _)| offset)
}

/// The largest cut at or after `at` that does not divide a character; bytes need not be valid.
pub fn boundary(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or(&[]);
    at + rest.iter().take_while(|&&byte| byte & 0xC0 == 0x80).count()
}

/// The characters of valid UTF-8, from either end; where it is not valid, the iteration ends.
#[derive(Clone, Debug)]
pub struct Characters<'a> {
    rest: &'a [u8],
}

/// The characters of valid UTF-8, from either end.
pub fn characters(valid: &[u8]) -> Characters<'_> {
    Characters { rest: valid }
}

impl Characters<'_> {
    /// Bytes not yet seen.
    pub fn rest(&self) -> &[u8] {
        self.rest
    }
}

impl Iterator for Characters<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let (value, length) = decode(self.rest).ok()?;
        self.rest = &self.rest[length..];
        Some(value)
    }
}

impl DoubleEndedIterator for Characters<'_> {
    /// Lists are built from their end.
    #[inline]
    fn next_back(&mut self) -> Option<u32> {
        let start = self.rest.iter().rposition(|byte| byte & 0xC0 != 0x80)?;
        let (before, last) = self.rest.split_at(start);
        let (value, _) = decode(last).ok()?;
        self.rest = before;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_told_apart() {
        for (bytes, expected) in [
            (&b"a"[..], Ok((0x61, 1))),
            (&[0xC3, 0xA5], Ok((0xE5, 2))),
            (&[0xE2, 0x82, 0xAC], Ok((0x20AC, 3))),
            (&[0xF0, 0x9F, 0x98, 0x80], Ok((0x1F600, 4))),
            (&[0xF4, 0x8F, 0xBF, 0xBF], Ok((0x10FFFF, 4))),
            (&[0xEF, 0xBF, 0xBF], Ok((0xFFFF, 3))),
            (&[], Err(Fault::Incomplete)),
            (&[0xC0], Err(Fault::Incomplete)),
            (&[0xC0, 0x80], Err(Fault::Invalid)),
            (&[0xC1, 0xBF], Err(Fault::Invalid)),
            (&[0xE0, 0x80], Err(Fault::Incomplete)),
            (&[0xE0, 0x80, 0x80], Err(Fault::Invalid)),
            (&[0xE2, 0x41], Err(Fault::Invalid)),
            (&[0xED, 0xA0, 0x80], Err(Fault::Invalid)),
            (&[0xF4, 0x90, 0x80, 0x80], Err(Fault::Invalid)),
            (&[0xF5], Err(Fault::Incomplete)),
            (&[0xF8], Err(Fault::Invalid)),
            (&[0x80], Err(Fault::Invalid)),
        ] {
            assert_eq!(decode(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn every_code_point_goes_both_ways() {
        for value in (0..0x11_0100)
            .step_by(7)
            .chain([0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFF, 0x1_0000])
        {
            let mut out = Vec::new();
            if encode(value, &mut out) {
                assert_eq!(decode(&out), Ok((value, out.len())));
                assert_eq!(length(value), Some(out.len()));
            } else {
                assert!((0xD800..0xE000).contains(&value) || value > MAX_CODE_POINT);
            }
        }
    }

    #[test]
    fn positions_are_found() {
        let text = "aå€😀z".as_bytes();
        assert_eq!(check(text), (11, None));
        assert_eq!(check(&text[..9]), (6, Some(Fault::Incomplete)));
        assert_eq!(check(b"ab\xFFc"), (2, Some(Fault::Invalid)));
        assert_eq!(count(text), 5);
        assert_eq!(offset_of(text, 3), Some(6));
        assert_eq!(offset_of(text, 5), None);
        assert_eq!(boundary(text, 7), 10);
        assert_eq!(
            characters(text).collect::<Vec<_>>(),
            [0x61, 0xE5, 0x20AC, 0x1F600, 0x7A]
        );
        assert_eq!(
            characters(text).rev().collect::<Vec<_>>(),
            [0x7A, 0x1F600, 0x20AC, 0xE5, 0x61]
        );
    }
}
