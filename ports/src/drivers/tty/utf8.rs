//! UTF-8 as the terminal driver reads it: strictly, and cut anywhere.

/// The next character of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A character and its length in bytes.
    Char(u32, usize),
    /// Not UTF-8.
    Invalid,
    /// The start of a character whose end is missing.
    Cut,
}

/// Reads the character at the start of a slice that is not empty.
#[must_use]
pub fn next(bytes: &[u8]) -> Next {
    let Some(&first) = bytes.first() else {
        return Next::Invalid;
    };
    let len = match first {
        0..0x80 => return Next::Char(first.into(), 1),
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return Next::Invalid,
    };
    if bytes.len() < len {
        return Next::Cut;
    }
    match std::str::from_utf8(&bytes[..len])
        .ok()
        .and_then(|text| text.chars().next())
    {
        Some('\u{fffe}' | '\u{ffff}') | None => Next::Invalid,
        Some(character) => Next::Char(character.into(), len),
    }
}

/// Appends a character; whether it is one.
pub fn put(character: u32, out: &mut Vec<u8>) -> bool {
    let found = char::from_u32(character).filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
    if let Some(character) = found {
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    found.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads() {
        assert_eq!(next(b"a"), Next::Char(97, 1));
        assert_eq!(next("å".as_bytes()), Next::Char(0xe5, 2));
        assert_eq!(next(&"€".as_bytes()[..2]), Next::Cut);
        assert_eq!(next("😀x".as_bytes()), Next::Char(0x1f600, 4));
        for invalid in [
            &b"\x80"[..],
            b"\xc0\x80",
            b"\xed\xa0\x80",
            b"\xf5\x80\x80\x80",
            b"\xc3(",
        ] {
            assert_eq!(next(invalid), Next::Invalid, "{invalid:?}");
        }
    }
}
