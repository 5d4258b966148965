//! Atoms, strings and binaries as the virtual machine prints them itself (`erlang:display/1`, crash reports):
//! close to `~p`, but not the same.

use super::latin1;
use std::io::Write;

/// Whether an atom of this name (valid UTF-8) is written between quotes.
pub fn atom_needs_quotes(name: &[u8]) -> bool {
    let Some((&first, rest)) = name.split_first() else {
        return true;
    };
    let next = |index: usize| rest.get(index).copied().unwrap_or(0);
    let allowed = |(index, &byte): (usize, &u8)| {
        byte == b'_' || latin1::is_alphanumeric(latin1_at(byte, next(index + 1)))
    };
    !latin1::is_lower(latin1_at(first, next(0))) || !rest.iter().enumerate().all(allowed)
}

/// The character that begins with `byte`, as far as Latin-1 (and its bytes in UTF-8) matter; a byte within
/// a character counts as a letter, and the start of one beyond Latin-1 as none.
fn latin1_at(byte: u8, next: u8) -> u32 {
    match byte {
        0x00..=0x7F => u32::from(byte),
        0x80..=0xBF => u32::from(b'a'),
        0xC0..=0xDF => u32::from(byte & 0x1F) << 6 | u32::from(next & 0x3F),
        _ => 0,
    }
}

/// Appends an atom, with quotes where it needs them.
pub fn atom(name: &[u8], out: &mut Vec<u8>) {
    let quotes = atom_needs_quotes(name);
    if quotes {
        out.push(b'\'');
    }
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\'' => out.extend_from_slice(b"\\'"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0C => out.extend_from_slice(b"\\f"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0B => out.extend_from_slice(b"\\v"),
            0x00..=0x1F => octal(byte, out),
            0xC2 if after.first().is_some_and(|&next| next < 0xA0) => {
                octal(after[0], out);
                rest = &after[1..];
            }
            _ => out.push(byte),
        }
    }
    if quotes {
        out.push(b'\'');
    }
}

fn octal(byte: u8, out: &mut Vec<u8>) {
    write!(out, "\\{byte:03o}").expect("writing to memory does not fail");
}

/// Whether a list of bytes is printed as a string if each of its elements passes this (and it is not empty).
pub fn is_string_byte(byte: u8) -> bool {
    !latin1::is_control(u32::from(byte)) || matches!(byte, b'\n' | b'\t' | b'\r')
}

/// Appends one byte of a string; the quotes around it are the caller's. The output is Latin-1, as stock.
pub fn string_byte(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'\n' => out.extend_from_slice(b"\\n"),
        b'"' => out.extend_from_slice(b"\\\""),
        byte => out.push(byte),
    }
}

/// Appends a bit string: `<<"text">>` if it is whole bytes of printable ASCII, else numbers. `last` is the
/// value and the number of the bits after the last whole byte, if there are any.
pub fn binary(bytes: &[u8], last: Option<(u8, u8)>, out: &mut Vec<u8>) {
    if last.is_none() && !bytes.is_empty() && bytes.iter().all(|byte| (b' '..0x7F).contains(byte)) {
        out.extend_from_slice(b"<<\"");
        bytes.iter().for_each(|&byte| string_byte(byte, out));
        out.extend_from_slice(b"\">>");
        return;
    }
    out.extend_from_slice(b"<<");
    for (index, byte) in bytes.iter().enumerate() {
        if index != 0 {
            out.push(b',');
        }
        write!(out, "{byte}").expect("writing to memory does not fail");
    }
    if let Some((value, bits)) = last {
        if !bytes.is_empty() {
            out.push(b',');
        }
        write!(out, "{value}:{bits}").expect("writing to memory does not fail");
    }
    out.extend_from_slice(b">>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(name: &str) -> String {
        let mut out = Vec::new();
        atom(name.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    /// The right column is what `erlang:display/1` of OTP 25 prints.
    #[test]
    fn atoms_are_quoted_as_in_the_stock_vm() {
        for (name, printed) in [
            ("", "''"),
            ("abc_D9", "abc_D9"),
            ("Abc", "'Abc'"),
            ("_a", "'_a'"),
            ("a b", "'a b'"),
            ("a@b", "'a@b'"),
            ("end", "end"),
            ("å", "å"),
            ("÷", "'÷'"),
            ("aÅ", "aÅ"),
            ("a×", "'a×'"),
            ("ā", "'ā'"),
            ("€", "'€'"),
            ("it's\\", "'it\\'s\\\\'"),
            (
                "\n\u{c}\t\r\u{8}\u{b}\u{1}\u{7f}",
                "'\\n\\f\\t\\r\\b\\v\\001\u{7f}'",
            ),
            ("a\u{85}", "'a\\205'"),
        ] {
            assert_eq!(show(name), printed, "{name:?}");
        }
    }

    #[test]
    fn binaries_are_text_where_they_can_be() {
        let show = |bytes: &[u8], last| {
            let mut out = Vec::new();
            binary(bytes, last, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(show(b"", None), "<<>>");
        assert_eq!(show(b"a\"b", None), "<<\"a\\\"b\">>");
        assert_eq!(show(b"a\n", None), "<<97,10>>");
        assert_eq!(show(b"a", Some((5, 3))), "<<97,5:3>>");
        assert_eq!(show(b"", Some((1, 1))), "<<1:1>>");
    }
}
