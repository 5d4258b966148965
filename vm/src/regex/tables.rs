//! The character tables of PCRE2 for Latin-1: its own, made from the locale "C", know no letters beyond ASCII.
//!
//! The layout is PCRE2's (`pcre2_internal.h`): lower case, case flipped, ten classes of a bit a character, and
//! a byte of types for each character.

/// Bytes of the tables.
const LENGTH: usize = 256 + 256 + 320 + 256;
const FLIPPED: usize = 256;
const CLASSES: usize = 512;
const TYPES: usize = CLASSES + 320;

const TYPE_SPACE: u8 = 0x01;
const TYPE_LETTER: u8 = 0x02;
const TYPE_LOWER: u8 = 0x04;
const TYPE_DIGIT: u8 = 0x08;
const TYPE_WORD: u8 = 0x10;

const fn is_upper(byte: u8) -> bool {
    byte.is_ascii_uppercase() || (byte >= 0xC0 && byte <= 0xDE && byte != 0xD7)
}

const fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase()
        || matches!(byte, 0xAA | 0xB5 | 0xBA)
        || (byte >= 0xDF && byte != 0xF7)
}

/// The lower case letters that have an upper case one in Latin-1.
const fn has_upper(byte: u8) -> bool {
    is_lower(byte) && !matches!(byte, 0xAA | 0xB5 | 0xBA | 0xDF | 0xFF)
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

const fn is_control(byte: u8) -> bool {
    byte < b' ' || (byte >= 0x7F && byte <= 0x9F)
}

const fn build() -> [u8; LENGTH] {
    let mut tables = [0; LENGTH];
    let mut index = 0;
    while index < 256 {
        let byte = index as u8;
        let (upper, lower) = (is_upper(byte), is_lower(byte));
        let letter = upper || lower;
        let digit = byte.is_ascii_digit();
        let word = letter || digit || byte == b'_';
        let graph = !is_control(byte) && byte != b' ';
        tables[index] = if upper { byte + 32 } else { byte };
        tables[FLIPPED + index] = if upper {
            byte + 32
        } else if has_upper(byte) {
            byte - 32
        } else {
            byte
        };
        // In PCRE2's order of the classes.
        let classes = [
            is_space(byte),
            byte.is_ascii_hexdigit(),
            digit,
            upper,
            lower,
            word,
            graph,
            graph || byte == b' ',
            graph && !letter && !digit,
            is_control(byte),
        ];
        let mut class = 0;
        while class < classes.len() {
            if classes[class] {
                tables[CLASSES + class * 32 + index / 8] |= 1 << (index % 8);
            }
            class += 1;
        }
        tables[TYPES + index] = (if is_space(byte) { TYPE_SPACE } else { 0 })
            | (if letter { TYPE_LETTER } else { 0 })
            | (if lower { TYPE_LOWER } else { 0 })
            | (if digit { TYPE_DIGIT } else { 0 })
            | (if word { TYPE_WORD } else { 0 });
        index += 1;
    }
    tables
}

/// The tables.
pub static LATIN1: [u8; LENGTH] = build();
