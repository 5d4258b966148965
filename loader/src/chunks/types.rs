//! `Type`: what the compiler knows of registers, for native code.
//!
//! The formats of OTP 25 (1), 26 (2), 27 (3) and 29 (4) differ in the order of the bits and in how
//! integer ranges are written; [`Type`] is one form for all. Entry 0 is "any term". A table in a format that is not
//! known is ignored, and so are then the types in the code.

use crate::error::LoadError;
use crate::reader::Reader;

const CHUNK: &str = "Type";

/// An index into the type table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeIndex(pub u32);

/// A set of the kinds of term that a register may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeSet(u16);

macro_rules! type_sets {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl TypeSet {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
            /// Any term.
            pub const ANY: Self = Self($(Self::$name.0)|*);
        }
    };
}

type_sets! {
    /// Atoms.
    ATOM = 0;
    /// Bit strings.
    BITSTRING = 1;
    /// Cells of lists.
    CONS = 2;
    /// Floats.
    FLOAT = 3;
    /// Funs.
    FUN = 4;
    /// Integers.
    INTEGER = 5;
    /// Maps.
    MAP = 6;
    /// The empty list.
    NIL = 7;
    /// Pids.
    PID = 8;
    /// Ports.
    PORT = 9;
    /// References.
    REFERENCE = 10;
    /// Tuples.
    TUPLE = 11;
    /// Native records, since OTP 29.
    RECORD = 12;
    /// Match contexts. Since OTP 27 the file does not tell them from bit strings, so there both bits are set.
    MATCH_CONTEXT = 13;
}

impl TypeSet {
    /// Whether a term of some kind in `other` is possible.
    pub fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether no kind outside `other` is possible.
    pub fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Both sets together.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What the compiler knows of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// The possible kinds.
    pub kinds: TypeSet,
    /// If it is an integer, it is not below this.
    pub min: Option<i64>,
    /// If it is an integer, it is not above this.
    pub max: Option<i64>,
    /// If it is a bit string, its size in bits is a multiple of this.
    pub unit: u16,
}

impl Type {
    fn is_any(&self) -> bool {
        self.kinds == TypeSet::ANY && self.min.is_none() && self.max.is_none()
    }
}

/// Parses the table; `None` if its format is not known.
pub(crate) fn parse_types(data: &[u8]) -> Result<Option<Vec<Type>>, LoadError> {
    let mut reader = Reader::new(CHUNK, data);
    let (parse, entry_bytes): (fn(&mut Reader<'_>) -> _, _) = match reader.u32()? {
        1 => (parse_with_range, 18),
        2 => (|reader| parse_with_flags(reader, 13, from_otp_25), 2),
        3 => (|reader| parse_with_flags(reader, 12, from_otp_27), 2),
        4 => (|reader| parse_with_flags(reader, 13, from_otp_29), 2),
        _ => return Ok(None),
    };
    let count = reader.count(entry_bytes)?;
    let types = (0..count)
        .map(|_| parse(&mut reader))
        .collect::<Result<Vec<_>, _>>()?;
    if types.first().is_some_and(Type::is_any) {
        Ok(Some(types))
    } else {
        Err(reader.bad_entry(4, "the first type is not that of any term"))
    }
}

/// Format 1: a set and both ends of a range, which says nothing if the lower end is above the upper.
fn parse_with_range(reader: &mut Reader<'_>) -> Result<Type, LoadError> {
    let at = reader.pos();
    let kinds = from_otp_25(reader.u16()?).ok_or_else(|| no_kind(reader, at))?;
    let (min, max) = (reader.i64()?, reader.i64()?);
    let range = (min <= max).then_some((min, max));
    Ok(Type {
        kinds,
        min: range.map(|range| range.0),
        max: range.map(|range| range.1),
        unit: 1,
    })
}

/// Formats 2 to 4: a set, above it three flags from bit `flags_at` that say what follows.
fn parse_with_flags(
    reader: &mut Reader<'_>,
    flags_at: u16,
    kinds: fn(u16) -> Option<TypeSet>,
) -> Result<Type, LoadError> {
    let at = reader.pos();
    let bits = reader.u16()?;
    let has = |flag: u16| bits >> flags_at >> flag & 1 != 0;
    let kinds = kinds(bits & ((1 << flags_at) - 1)).ok_or_else(|| no_kind(reader, at))?;
    let min = if has(0) { Some(reader.i64()?) } else { None };
    let max = if has(1) { Some(reader.i64()?) } else { None };
    let unit = if has(2) {
        u16::from(reader.u8()?) + 1
    } else {
        1
    };
    Ok(Type {
        kinds,
        min,
        max,
        unit,
    })
}

#[cold]
fn no_kind(reader: &Reader<'_>, at: usize) -> LoadError {
    reader.bad_entry(at, "a type of no term")
}

/// Up to OTP 26 match contexts have the bit after that of bit strings, and records did not exist.
fn from_otp_25(bits: u16) -> Option<TypeSet> {
    let bits = bits & 0x1fff;
    let context = if bits & 4 != 0 {
        TypeSet::MATCH_CONTEXT.0
    } else {
        0
    };
    let kinds = bits & 3 | (bits & !7) >> 1 | context;
    (bits != 0).then_some(TypeSet(if bits == 0x1fff {
        TypeSet::ANY.0
    } else {
        kinds
    }))
}

/// Since OTP 27 a match context is a bit string.
fn from_otp_27(bits: u16) -> Option<TypeSet> {
    let context = if bits & TypeSet::BITSTRING.0 != 0 {
        TypeSet::MATCH_CONTEXT.0
    } else {
        0
    };
    (bits != 0).then_some(TypeSet(if bits == 0x0fff {
        TypeSet::ANY.0
    } else {
        bits | context
    }))
}

/// Since OTP 29 there are native records.
fn from_otp_29(bits: u16) -> Option<TypeSet> {
    let context = if bits & TypeSet::BITSTRING.0 != 0 {
        TypeSet::MATCH_CONTEXT.0
    } else {
        0
    };
    (bits != 0).then_some(TypeSet(bits | context))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(version: u32, entries: &[&[u8]]) -> Vec<u8> {
        let head = [version, entries.len() as u32]
            .map(u32::to_be_bytes)
            .concat();
        [&head, entries.concat().as_slice()].concat()
    }

    fn range(min: i64, max: i64) -> Vec<u8> {
        [min.to_be_bytes(), max.to_be_bytes()].concat()
    }

    #[test]
    fn otp_25_writes_every_range() {
        let any = [&[0x1f, 0xff][..], &range(0, -1)].concat();
        let byte = [&[0, 0x40][..], &range(0, 255)].concat();
        let types = parse_types(&table(1, &[&any, &byte]))
            .expect("a table")
            .expect("known");
        assert!(types[0].is_any());
        assert_eq!(
            types[1],
            Type {
                kinds: TypeSet::INTEGER,
                min: Some(0),
                max: Some(255),
                unit: 1
            }
        );
    }

    #[test]
    fn later_formats_write_what_is_known() {
        let bytes = Type {
            kinds: TypeSet::BITSTRING.union(TypeSet::MATCH_CONTEXT),
            min: None,
            max: None,
            unit: 8,
        };
        let at_least_3 = Type {
            kinds: TypeSet::INTEGER,
            min: Some(3),
            max: None,
            unit: 1,
        };
        let three = 3i64.to_be_bytes();
        let otp_27 = table(3, &[&[0x0f, 0xff], &[0x40, 2, 7], &[0x10, 0x20], &three]);
        // The last element belongs to the entry before it.
        let otp_27 = [&otp_27[..4], &3u32.to_be_bytes(), &otp_27[8..]].concat();
        assert_eq!(
            parse_types(&otp_27).expect("a table").expect("known")[1..],
            [bytes, at_least_3]
        );
        let otp_29 = table(4, &[&[0x1f, 0xff], &[0x80, 2, 7]]);
        assert_eq!(
            parse_types(&otp_29).expect("a table").expect("known")[1..],
            [bytes]
        );
        let otp_26 = table(2, &[&[0x1f, 0xff], &[0, 4]]);
        assert_eq!(
            parse_types(&otp_26).expect("a table").expect("known")[1].kinds,
            TypeSet::MATCH_CONTEXT
        );
    }

    #[test]
    fn unknown_formats_are_ignored_and_damage_is_not() {
        assert_eq!(parse_types(&table(5, &[])), Ok(None));
        for data in [
            table(3, &[]),
            table(3, &[&[0, 1]]),
            table(3, &[&[0x0f, 0xff], &[0, 0]]),
            table(1, &[&[0x1f, 0xff]]),
        ] {
            assert!(parse_types(&data).is_err(), "{data:?}");
        }
    }
}
