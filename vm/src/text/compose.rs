//! Composing characters as the stock VM does with file names (`prim_file:internal_normalize_utf8/1`).
//!
//! Its table is that of a file system older than Unicode's stability: characters that came later do not compose, some
//! that Unicode excludes do, and Greek accents and a few others are written otherwise. A base character and what
//! follows it compose if they are the whole decomposition of a character; nothing is put into another order.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use unicode_normalization::char::decompose_canonical;

/// Characters of the longest decomposition.
const LONGEST: usize = 4;

/// A decomposition, filled up with zeros.
type Sequence = [char; LONGEST];

/// Characters with a decomposition that do not compose: those that came later, signs, Hangul.
const EXCLUDED: &[RangeInclusive<u32>] = &[
    0x1f8..=0x1f9,
    0x218..=0x21b,
    0x21e..=0x21f,
    0x226..=0x233,
    0x344..=0x344,
    0x400..=0x400,
    0x40d..=0x40d,
    0x450..=0x450,
    0x45d..=0x45d,
    0x4da..=0x4db,
    0x4ea..=0x4ed,
    0x622..=0x626,
    0x6c0..=0x6c2,
    0x6d3..=0x6d3,
    0xa33..=0xa36,
    0xdda..=0xdde,
    0xf73..=0xf75,
    0xf81..=0xf81,
    0x1026..=0x1026,
    0x1b00..=0x1bff,
    0x1ff4..=0x1ff4,
    0x2000..=0x2fff,
    0xac00..=0xd7a3,
    0xfb1d..=0xfb1d,
];

/// What is written otherwise than in Unicode, or composes only here.
const OTHERS: &[(char, &[char])] = &[
    ('\u{310}', &['\u{306}', '\u{307}']),
    ('\u{4da}', &['\u{18f}', '\u{308}']),
    ('\u{4db}', &['\u{259}', '\u{308}']),
    ('\u{4ea}', &['\u{19f}', '\u{308}']),
    ('\u{4eb}', &['\u{275}', '\u{308}']),
    ('\u{9b0}', &['\u{9ac}', '\u{9bc}']),
    ('\u{a5c}', &['\u{a21}', '\u{a3c}']),
    ('\u{b5f}', &['\u{b2f}', '\u{b3c}']),
    ('\u{e33}', &['\u{e4d}', '\u{e32}']),
    ('\u{eb3}', &['\u{ecd}', '\u{eb2}']),
    ('\u{f73}', &['\u{f72}', '\u{f71}']),
    ('\u{f75}', &['\u{f74}', '\u{f71}']),
    ('\u{f77}', &['\u{fb2}', '\u{f80}', '\u{f71}']),
    ('\u{f79}', &['\u{fb3}', '\u{f80}', '\u{f71}']),
    ('\u{1ff4}', &['\u{3bf}', '\u{345}', '\u{301}']),
];

const ACUTE: char = '\u{301}';
const VERTICAL_LINE: char = '\u{30d}';
const IOTA_BELOW: char = '\u{345}';

static TABLE: LazyLock<HashMap<Sequence, char>> = LazyLock::new(|| {
    let chars = (0x80..0x1_0000).filter_map(char::from_u32);
    let composed = chars.filter_map(|char| Some((sequence(&decomposition(char)?)?, char)));
    let others = OTHERS
        .iter()
        .filter_map(|&(char, parts)| Some((sequence(parts)?, char)));
    composed.chain(others).collect()
});

/// How a character is written by its parts.
fn decomposition(char: char) -> Option<Vec<char>> {
    let number = u32::from(char);
    if EXCLUDED.iter().any(|range| range.contains(&number)) {
        return None;
    }
    let mut parts = Vec::new();
    decompose_canonical(char, |part| parts.push(part));
    if parts.len() < 2 {
        return None;
    }
    if (0x385..=0x3d3).contains(&number)
        && let Some(last) = parts.last_mut()
        && *last == ACUTE
    {
        *last = VERTICAL_LINE;
    }
    if parts.last() == Some(&IOTA_BELOW) {
        parts.pop();
        parts.insert(1, IOTA_BELOW);
    }
    Some(parts)
}

fn sequence(parts: &[char]) -> Option<Sequence> {
    let mut sequence = Sequence::default();
    sequence.get_mut(..parts.len())?.copy_from_slice(parts);
    Some(sequence)
}

/// The text with its characters composed.
pub fn compose(text: &str) -> Vec<char> {
    let chars: Vec<char> = text.chars().collect();
    let mut composed = Vec::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        let longest = LONGEST.min(chars.len() - at);
        let found = (2..=longest).rev().find_map(|length| {
            let sequence = sequence(&chars[at..at + length])?;
            Some((length, *TABLE.get(&sequence)?))
        });
        let (length, char) = found.unwrap_or((1, chars[at]));
        composed.push(char);
        at += length;
    }
    composed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_compose_as_in_the_stock_vm() {
        let check = |from: &str, to: &str| {
            let composed: String = compose(from).into_iter().collect();
            assert_eq!(composed, to, "{from:?}");
        };
        check("A\u{300}\u{301}", "\u{c0}\u{301}");
        check("A\u{323}\u{302}", "\u{1eac}");
        // Nothing is put into order.
        check("A\u{302}\u{323}", "\u{c2}\u{323}");
        check("\u{c2}\u{301}", "\u{c2}\u{301}");
        check("a\u{308}\u{304}\u{300}", "\u{1df}\u{300}");
        check("\u{915}\u{93c}", "\u{958}");
        check("=\u{338}", "=\u{338}");
        check("\u{3b1}\u{345}\u{313}\u{300}", "\u{1f82}");
        check("\u{391}\u{30d}", "\u{386}");
    }
}
