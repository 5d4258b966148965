//! The texts of errors in patterns: those of PCRE 8, which programs and tests know.

use super::{CompileError, library_message};

/// What PCRE2 numbers errors of compilation from.
const FIRST: i32 = 100;

/// The text of an error in a pattern, and where PCRE 8 sees it.
///
/// Most errors have the same place in both libraries. Where a pattern ends too early PCRE 8 says what it was
/// about to read, and it often names the end of what is wrong where PCRE2 names its start.
pub fn explain(error: CompileError, pattern: &[u8]) -> (String, usize) {
    let CompileError { code, offset } = error;
    let offset = offset.min(pattern.len());
    let before = &pattern[..offset];
    let at_end = offset == pattern.len();
    let less = offset.saturating_sub(1);
    let like = |number: i32, offset: usize| (message(FIRST + number), offset);
    match code - FIRST {
        14 | 62 if at_end && before.ends_with(b"(?") => like(11, offset),
        14 | 62 if at_end && before.ends_with(b"(?P") => like(41, offset),
        14 | 62 if at_end && before.ends_with(b"(?<") => {
            ("unrecognized character after (?<".to_owned(), offset)
        }
        14 if at_end && before.ends_with(b"(?(") => like(28, offset),
        42 if is_condition(before) => like(24, offset),
        62 if before.ends_with(b"\\g{") => like(57, offset),
        57 if at_end && before.ends_with(b"\\g") => like(26, less),
        78 if at_end && before.ends_with(b"\\o{") => like(64, offset),
        78 if at_end && before.ends_with(b"\\x{") => like(67, offset),
        // The workspace of PCRE 8 is full then.
        19 => like(86, offset),
        15 => like(15, reference_end(pattern, offset)),
        25 => like(25, group_end(pattern, offset)),
        54 => {
            let group = last(before, b"(?(").unwrap_or(offset);
            like(54, group_end(pattern, group))
        }
        47 if before.ends_with(b"}") => like(47, less),
        30 => {
            let class = last(before, b"[:");
            like(30, class.map_or(offset, |class| class + 2))
        }
        13 => {
            let element = last(before, b"[.").max(last(before, b"[="));
            like(13, element.unwrap_or(offset))
        }
        29 => like(29, offset + 1),
        same @ (37 | 43 | 50 | 69 | 71) => like(same, less),
        _ => (message(code), offset),
    }
}

fn last(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .rposition(|window| window == wanted)
}

/// Whether the last group that begins is a condition.
fn is_condition(before: &[u8]) -> bool {
    last(before, b"(?").is_some_and(|group| before[group + 2..].starts_with(b"("))
}

/// The end of a reference (`\\1`, `(?&name)`, `\\g{-1}`, `(?(1)`) that begins here.
fn reference_end(pattern: &[u8], start: usize) -> usize {
    let rest = &pattern[start..];
    if rest.starts_with(b"(") {
        return rest
            .iter()
            .position(|&byte| byte == b')')
            .map_or(pattern.len(), |end| start + end + 1);
    }
    let skipped = usize::from(rest.starts_with(b"{"));
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b'-' | b'+');
    start + skipped + rest[skipped..].iter().take_while(is_part).count()
}

/// The closing parenthesis of a group that begins here.
fn group_end(pattern: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0usize, start);
    while let Some(&byte) = pattern.get(at) {
        match byte {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            b'[' => {
                // A bracket that comes first in a class is a member of it.
                let first = at + 1 + usize::from(pattern.get(at + 1) == Some(&b'^'));
                let rest = pattern.get(first + 1..).unwrap_or(&[]);
                let end = rest.iter().position(|&byte| byte == b']');
                at = end.map_or(pattern.len(), |end| first + 1 + end);
            }
            _ => {}
        }
        at += 1;
    }
    pattern.len()
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
