//! `AtU8` and `Atom`: the module's atoms; the first is its name.
//!
//! `AtU8` holds UTF-8. Up to OTP 27 each text follows a byte with its length; from OTP 28 the number of atoms is
//! negative and each length is a compact term, so that 255 characters of four bytes fit. `Atom` holds Latin-1
//! (OTP 19 and earlier). In operands atom 0 is `[]`, so entry 0 of the table is an empty text that no index reaches.

use std::borrow::Cow;

use crate::error::LoadError;
use crate::reader::Reader;

/// The most characters an atom may have.
const MAX_ATOM_CHARACTERS: usize = 255;

/// An index into the module's atoms, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AtomIndex(pub u32);

impl AtomIndex {
    /// The module's name.
    pub const MODULE: Self = Self(1);
}

pub(crate) fn parse_utf8_atoms(data: &[u8]) -> Result<Vec<Cow<'_, str>>, LoadError> {
    const CHUNK: &str = "AtU8";
    let mut reader = Reader::new(CHUNK, data);
    let claimed = reader.u32()?;
    let long_lengths = claimed as i32 <= 0;
    let count = at_least_one(&reader, (claimed as i32).unsigned_abs())?;
    let mut atoms = table(count);
    for _ in 0..count {
        let at = reader.pos();
        let len = if long_lengths {
            reader.unsigned()? as usize
        } else {
            usize::from(reader.u8()?)
        };
        let text = std::str::from_utf8(reader.take(len)?).ok();
        let fits = |text: &&str| {
            text.len() <= MAX_ATOM_CHARACTERS || text.chars().count() <= MAX_ATOM_CHARACTERS
        };
        let text = text
            .filter(fits)
            .ok_or(LoadError::BadText { chunk: CHUNK, at })?;
        atoms.push(Cow::Borrowed(text));
    }
    Ok(atoms)
}

pub(crate) fn parse_latin1_atoms(data: &[u8]) -> Result<Vec<Cow<'_, str>>, LoadError> {
    let mut reader = Reader::new("Atom", data);
    let claimed = reader.u32()?;
    let count = at_least_one(&reader, claimed)?;
    let mut atoms = table(count);
    for _ in 0..count {
        let len = usize::from(reader.u8()?);
        let text = reader.take(len)?;
        atoms.push(match std::str::from_utf8(text) {
            Ok(text) if text.is_ascii() => Cow::Borrowed(text),
            _ => Cow::Owned(text.iter().copied().map(char::from).collect()),
        });
    }
    Ok(atoms)
}

fn at_least_one(reader: &Reader<'_>, count: u32) -> Result<usize, LoadError> {
    match reader.check_count(0, count, 1)? {
        0 => Err(reader.bad_entry(0, "there is no atom for the module's name")),
        count => Ok(count),
    }
}

fn table<'a>(count: usize) -> Vec<Cow<'a, str>> {
    let mut atoms = Vec::with_capacity(count + 1);
    atoms.push(Cow::Borrowed(""));
    atoms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms() {
        let short = parse_utf8_atoms(b"\0\0\0\x02\x01m\x02\xc3\xa5").expect("short lengths");
        assert_eq!(short[1..], ["m", "å"]);
        let long = parse_utf8_atoms(b"\xff\xff\xff\xfe\x10m\x20\xc3\xa5").expect("long lengths");
        assert_eq!(long[1..], ["m", "å"]);
        let latin1 = parse_latin1_atoms(b"\0\0\0\x02\x01m\x01\xe5").expect("Latin-1");
        assert_eq!(latin1[1..], ["m", "å"]);
    }

    #[test]
    fn characters_count_not_bytes() {
        let atom = |characters: usize| {
            let text = "𝄞".repeat(characters);
            let len = (text.len() as u16).to_be_bytes();
            let first = if text.len() < 0x800 {
                vec![(len[0] << 5) | 0x08, len[1]]
            } else {
                vec![0x18, len[0], len[1]]
            };
            [&b"\xff\xff\xff\xff"[..], &first, text.as_bytes()].concat()
        };
        assert!(parse_utf8_atoms(&atom(255)).is_ok());
        assert_eq!(
            parse_utf8_atoms(&atom(256)),
            Err(LoadError::BadText {
                chunk: "AtU8",
                at: 4
            })
        );
    }

    #[test]
    fn malformed_tables() {
        for data in [
            &b""[..],
            b"\0\0\0\0",
            b"\x7f\xff\xff\xff\x01m",
            b"\x80\0\0\0\x01m",
            b"\0\0\0\x01\x02m",
            b"\0\0\0\x01\x01\xff",
        ] {
            assert!(parse_utf8_atoms(data).is_err(), "{data:?}");
        }
    }
}
