//! What text can be an atom.

use super::{latin1, utf8};

/// The most characters of an atom.
pub const MAX_CHARACTERS: usize = 255;
/// The most bytes of an atom in UTF-8.
pub const MAX_BYTES: usize = 4 * MAX_CHARACTERS;

/// Why text is no atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// More than [`MAX_CHARACTERS`]: `system_limit`.
    TooLong,
    /// Not UTF-8: `badarg`.
    Encoding,
}

/// What is known of an atom's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Characters.
    pub characters: usize,
    /// Whether each of them is in Latin-1.
    pub latin1: bool,
}

/// Measures text in UTF-8. The first [`MAX_CHARACTERS`] must be valid, and more must not follow.
pub fn measure(text: &[u8]) -> Result<Measure, Unfit> {
    if text.len() > MAX_BYTES {
        return Err(Unfit::TooLong);
    }
    let (valid, fault) = utf8::check(text);
    let characters = utf8::count(&text[..valid]);
    // A fault after 255 characters is never looked at.
    if characters > MAX_CHARACTERS || characters == MAX_CHARACTERS && fault.is_some() {
        return Err(Unfit::TooLong);
    }
    if fault.is_some() {
        return Err(Unfit::Encoding);
    }
    Ok(Measure {
        characters,
        latin1: latin1::count_in_utf8(text).is_some(),
    })
}

/// The part of valid UTF-8 that makes an atom where too long a text is cut.
pub fn truncate(valid: &[u8]) -> &[u8] {
    &valid[..utf8::offset_of(valid, MAX_CHARACTERS).unwrap_or(valid.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters() {
        let fits = |characters, latin1| Ok(Measure { characters, latin1 });
        assert_eq!(measure(b""), fits(0, true));
        assert_eq!(measure("å".repeat(255).as_bytes()), fits(255, true));
        assert_eq!(measure("😀".repeat(255).as_bytes()), fits(255, false));
        assert_eq!(measure("a".repeat(256).as_bytes()), Err(Unfit::TooLong));
        assert_eq!(measure(b"a\xFF"), Err(Unfit::Encoding));
        assert_eq!(
            measure(&[b"a".repeat(255), vec![0xFF]].concat()),
            Err(Unfit::TooLong)
        );
        assert_eq!(truncate("å".repeat(300).as_bytes()).len(), 510);
    }
}
