//! `Line`: from the indexes that `line` instructions carry to files and lines.
//!
//! Item 0 is "no location"; file 0 is the module's name with `.erl`. The items are compact terms: a line is
//! tagged as an integer, and a file's index (tagged as an atom) goes before the first line of it.

use crate::error::LoadError;
use crate::reader::{Number, Reader, tag};

const CHUNK: &str = "Line";

/// An index into the line table; 0 is "no location".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineIndex(pub u32);

/// A place in a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Its file: 0 is the module's own, others are in [`Lines::file`].
    pub file: u32,
    /// Its line, from 1; 0 in "no location".
    pub line: u32,
}

/// The first line that is not shown (OTP 25 keeps 24 bits, `IS_VALID_LOCATION`).
const MAX_LINE: u32 = (1 << 24) - 1;
/// The first file that is not shown.
const MAX_FILE: u32 = 255;

/// The line table.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    items: Vec<Location>,
    files: Vec<&'a str>,
    instructions: u32,
}

impl<'a> Lines<'a> {
    /// Parses the chunk; `None` if it is in a format that is not known, which the stock VM ignores too.
    pub(crate) fn parse(data: &'a [u8]) -> Result<Option<Self>, LoadError> {
        let mut reader = Reader::new(CHUNK, data);
        if reader.u32()? != 0 {
            return Ok(None);
        }
        let _flags = reader.u32()?;
        let instructions = reader.u32()?;
        let items_at = reader.pos();
        let (item_count, file_count) = (reader.u32()?, reader.u32()?);
        let item_count = reader.check_count(items_at, item_count, 1)?;
        let file_count = reader.check_count(items_at + 4, file_count, 2)?;
        let items = parse_items(&mut reader, item_count, file_count)?;
        let files = (0..file_count)
            .map(|_| parse_file(&mut reader))
            .collect::<Result<_, _>>()?;
        Ok(Some(Self {
            items,
            files,
            instructions,
        }))
    }

    /// How many items there are, "no location" included.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no locations.
    pub fn is_empty(&self) -> bool {
        self.items.len() == 1
    }

    /// How many `line` instructions the code claims to have.
    pub fn instructions(&self) -> u32 {
        self.instructions
    }

    /// The location of an item; `None` for item 0, and for lines and files that the stock VM cannot say either. Every
    /// index in the code exists.
    pub fn location(&self, index: LineIndex) -> Option<Location> {
        let location = (index.0 > 0).then(|| self.items[index.0 as usize])?;
        (location.line < MAX_LINE && location.file < MAX_FILE).then_some(location)
    }

    /// How many files have names of their own: those from 1 to this.
    pub fn file_count(&self) -> u32 {
        self.files.len() as u32
    }

    /// The name of a file; `None` for file 0 and for an empty name, which both mean the module's own.
    pub fn file(&self, file: u32) -> Option<&'a str> {
        let name = self.files[(file as usize).checked_sub(1)?];
        (!name.is_empty()).then_some(name)
    }
}

fn parse_items(
    reader: &mut Reader<'_>,
    count: usize,
    files: usize,
) -> Result<Vec<Location>, LoadError> {
    let mut items = Vec::with_capacity(count + 1);
    items.push(Location { file: 0, line: 0 });
    let mut file = 0;
    while items.len() <= count {
        let at = reader.pos();
        match reader.term()? {
            (tag::ATOM, Number::Word(index)) if index <= files as i64 => file = index as u32,
            (tag::INTEGER, Number::Word(line)) if line >= 0 => {
                // The stock VM keeps fewer bits; such a line exists in no file.
                items.push(Location {
                    file,
                    line: u32::try_from(line).unwrap_or(u32::MAX),
                });
            }
            _ => return Err(reader.bad_entry(at, "neither a line nor a file of the table")),
        }
    }
    Ok(items)
}

fn parse_file<'a>(reader: &mut Reader<'a>) -> Result<&'a str, LoadError> {
    let at = reader.pos();
    let len = reader.u16()?;
    if len > i16::MAX as u16 {
        return Err(reader.bad_entry(at, "the file's name is too long"));
    }
    let name = reader.take(usize::from(len))?;
    std::str::from_utf8(name).map_err(|_| LoadError::BadText { chunk: CHUNK, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(items: u32, files: u32, rest: &[u8]) -> Vec<u8> {
        let head = [0, 0, 5, items, files].map(u32::to_be_bytes).concat();
        [&head, rest].concat()
    }

    #[test]
    fn items_keep_their_file_until_the_next() {
        let data = chunk(3, 1, b"\x11\x12\x21\x29\xff\0\x05a.hrl");
        let lines = Lines::parse(&data).expect("a table").expect("format 0");
        let locations: Vec<_> = (0..4)
            .map(|index| lines.location(LineIndex(index)))
            .collect();
        let at = |file, line| Some(Location { file, line });
        assert_eq!(locations, [None, at(0, 1), at(1, 2), at(1, 0x1ff)]);
        assert_eq!(
            (lines.file(0), lines.file(1), lines.instructions()),
            (None, Some("a.hrl"), 5)
        );
    }

    #[test]
    fn other_formats_are_ignored_and_damage_is_not() {
        assert!(Lines::parse(b"\0\0\0\x01").expect("ignored").is_none());
        let lies: [&[u8]; 5] = [
            &chunk(1, 0, b"\x12\x11"),
            &chunk(1, 0, b"\x13"),
            &chunk(1, 1, b"\x11\x80\0"),
            &chunk(u32::MAX, 0, b"\x11"),
            &chunk(1, 0, b"\x19\xff\xff"),
        ];
        for data in lies {
            assert!(Lines::parse(data).is_err(), "{data:?}");
        }
    }
}
