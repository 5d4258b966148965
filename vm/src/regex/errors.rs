//! The texts of errors in patterns: those of PCRE 8, which programs and tests know.

use super::{CompileError, library_message};

/// What PCRE2 numbers errors of compilation from.
const FIRST: i32 = 100;

/// The text of an error in a pattern, and where PCRE 8 sees it.
pub fn explain(error: CompileError, pattern: &[u8]) -> (String, usize) {
    let CompileError { code, offset } = error;
    let before = &pattern[..offset.min(pattern.len())];
    match code - FIRST {
        // The pattern ends where the kind of a group should stand.
        14 | 62 if offset == pattern.len() && before.ends_with(b"(?") => {
            (message(FIRST + 11), offset)
        }
        14 | 62 if offset == pattern.len() && before.ends_with(b"(?P") => {
            (message(FIRST + 41), offset)
        }
        14 | 62 if offset == pattern.len() && before.ends_with(b"(?<") => {
            ("unrecognized character after (?<".to_owned(), offset)
        }
        43 => (message(code), offset.saturating_sub(1)),
        30 => {
            let class = before.windows(2).rposition(|pair| pair == b"[:");
            (message(code), class.map_or(offset, |class| class + 2))
        }
        _ => (message(code), offset),
    }
}

/// The text of an error in a pattern.
fn message(code: i32) -> String {
    if code < 0 {
        return "invalid UTF-8 string".to_owned();
    }
    let text = match code - FIRST {
        7 => "invalid escape sequence in character class",
        9 => "nothing to repeat",
        14 => "missing )",
        18 => "missing ) after comment",
        21 => "failed to get memory",
        22 => "unmatched parentheses",
        24 => "malformed number or name after (?(",
        25 | 35 | 87 | 100 => "lookbehind assertion is not fixed length",
        26 => "a numbered reference must not be zero",
        27 => "conditional group contains more than two branches",
        28 => "assertion expected after (?( or (?(?C)",
        29 => "digit expected after (?+",
        34 => "character value in \\x{} or \\o{} is too large",
        36 => "\\C not allowed in lookbehind assertion",
        37 => "PCRE does not support \\L, \\l, \\N{name}, \\U, or \\u",
        38 => "number after (?C is > 255",
        39 => "closing ) for (?C expected",
        40 => "(*VERB) not recognized or malformed",
        42 => "syntax error in subpattern name (missing terminator)",
        43 => "two named subpatterns have the same name",
        44 => "group name must start with a non-digit",
        47 => "unknown property name after \\P or \\p",
        48 => "subpattern name is too long (maximum 32 characters)",
        54 => "DEFINE group contains more than one branch",
        58 => "(?R or (?[+-]digits must be followed by )",
        61 => "number is too big",
        68 => "\\c must be followed by an ASCII character",
        74 => "setting UTF is disabled by the application",
        77 => "character value in \\u.... sequence is too large",
        78 => "digits missing in \\x{} or \\o{}",
        95 => "(*VERB) not recognized or malformed",
        _ => return library_message(code),
    };
    text.to_owned()
}
