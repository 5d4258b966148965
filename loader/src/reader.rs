//! Reading big-endian numbers and compact terms from the bytes of one chunk.
//!
//! [`Reader`] borrows the chunk and remembers its name, so that every error can say where it is.
//! It never allocates; a claimed number of entries is compared with the bytes that are left
//! before anyone reserves room for it ([`Reader::count`]).

use crate::error::LoadError;

/// A position in the data of one chunk.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    pos: usize,
    chunk: &'static str,
}

/// The tags of compact terms: the low three bits of a first byte.
pub(crate) mod tag {
    pub const UNSIGNED: u8 = 0;
    pub const INTEGER: u8 = 1;
    pub const ATOM: u8 = 2;
    pub const X: u8 = 3;
    pub const Y: u8 = 4;
    pub const LABEL: u8 = 5;
    pub const EXTENDED: u8 = 7;
}

/// The number of a compact term, before its tag gives it a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// Fits in a word. Negative only with the tag `INTEGER`.
    Word(i64),
    /// Does not: two's complement, big-endian, `len` bytes at `at`.
    Long { at: usize, len: usize },
}

impl<'a> Reader<'a> {
    pub fn new(chunk: &'static str, bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            pos: 0,
            chunk,
        }
    }

    pub fn pos(&self) -> usize {
        self.pos
    }

    pub fn left(&self) -> usize {
        self.bytes.len() - self.pos
    }

    #[cold]
    pub fn truncated(&self) -> LoadError {
        LoadError::Truncated {
            chunk: self.chunk,
            at: self.pos,
        }
    }

    #[cold]
    pub fn bad_entry(&self, at: usize, what: &'static str) -> LoadError {
        LoadError::BadEntry {
            chunk: self.chunk,
            at,
            what,
        }
    }

    #[inline]
    pub fn u8(&mut self) -> Result<u8, LoadError> {
        let byte = *self.bytes.get(self.pos).ok_or_else(|| self.truncated())?;
        self.pos += 1;
        Ok(byte)
    }

    #[inline]
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], LoadError> {
        let rest = &self.bytes[self.pos..];
        let taken = rest.get(..len).ok_or_else(|| self.truncated())?;
        self.pos += len;
        Ok(taken)
    }

    /// The bytes of a [`Number::Long`].
    pub fn slice(&self, at: usize, len: usize) -> &'a [u8] {
        &self.bytes[at..at + len]
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let array = *self.bytes[self.pos..]
            .first_chunk::<N>()
            .ok_or_else(|| self.truncated())?;
        self.pos += N;
        Ok(array)
    }

    pub fn u16(&mut self) -> Result<u16, LoadError> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, LoadError> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, LoadError> {
        self.array().map(i64::from_be_bytes)
    }

    /// Reads a number of entries, each of which takes at least `entry_bytes` of what follows.
    pub fn count(&mut self, entry_bytes: usize) -> Result<usize, LoadError> {
        let at = self.pos;
        let count = self.u32()?;
        self.check_count(at, count, entry_bytes)
    }

    /// As [`count`](Self::count), for a number that was read already, at `at`.
    pub fn check_count(
        &self,
        at: usize,
        count: u32,
        entry_bytes: usize,
    ) -> Result<usize, LoadError> {
        let fits = (count as usize)
            .checked_mul(entry_bytes)
            .is_some_and(|bytes| bytes <= self.left());
        if fits {
            Ok(count as usize)
        } else {
            Err(LoadError::BadCount {
                chunk: self.chunk,
                at,
                count,
            })
        }
    }

    /// The compact term ahead, if it is a single byte: its tag and its number.
    #[inline(always)]
    pub fn short_term(&self) -> Option<(u8, u8)> {
        let byte = *self.bytes.get(self.pos)?;
        (byte & 0x08 == 0).then_some((byte & 7, byte >> 4))
    }

    /// Passes a term that [`short_term`](Self::short_term) has seen.
    #[inline(always)]
    pub fn skip_short_term(&mut self) {
        self.pos += 1;
    }

    /// Reads one compact term: its tag and its number.
    #[inline]
    pub fn term(&mut self) -> Result<(u8, Number), LoadError> {
        let first = self.u8()?;
        let tag = first & 7;
        if first & 0x08 == 0 {
            Ok((tag, Number::Word(i64::from(first >> 4))))
        } else if first & 0x10 == 0 {
            let low = self.u8()?;
            Ok((
                tag,
                Number::Word(i64::from(first >> 5) << 8 | i64::from(low)),
            ))
        } else {
            self.long_term(first).map(|number| (tag, number))
        }
    }

    /// A number of two bytes or more follows the first byte.
    fn long_term(&mut self, first: u8) -> Result<Number, LoadError> {
        let tag = first & 7;
        let len = match first >> 5 {
            7 => 9 + self.length_of_long_term()?,
            code => usize::from(code) + 2,
        };
        let at = self.pos;
        let bytes = self.take(len)?;
        if len > 8 {
            return Ok(Number::Long { at, len });
        }
        let value = bytes
            .iter()
            .fold(0u64, |value, byte| value << 8 | u64::from(*byte)) as i64;
        if tag == tag::INTEGER {
            let unused_bits = 64 - 8 * len as u32;
            Ok(Number::Word(value << unused_bits >> unused_bits))
        } else if value < 0 {
            Ok(Number::Long { at, len })
        } else {
            Ok(Number::Word(value))
        }
    }

    /// The length prefix of a number longer than eight bytes, less nine. A prefix that is itself longer than
    /// eight bytes could only ask for more bytes than any file has, so this does not nest.
    fn length_of_long_term(&mut self) -> Result<usize, LoadError> {
        let at = self.pos;
        let first = *self.bytes.get(at).ok_or_else(|| self.truncated())?;
        if first & 7 != tag::UNSIGNED || first & 0x18 == 0x18 && first >> 5 == 7 {
            return Err(self.bad_entry(at, "malformed length of a long integer"));
        }
        match self.term()?.1 {
            Number::Word(len) if len <= self.left() as i64 => Ok(len as usize),
            _ => Err(self.truncated()),
        }
    }

    /// Reads a compact term that must be an unsigned number of one word.
    #[inline]
    pub fn unsigned(&mut self) -> Result<u64, LoadError> {
        let at = self.pos;
        match self.term()? {
            (tag::UNSIGNED, Number::Word(value)) => Ok(value as u64),
            _ => Err(self.bad_entry(at, "an unsigned number was expected")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], tag: u8, number: Number) {
        let mut reader = Reader::new("Code", bytes);
        assert_eq!(reader.term(), Ok((tag, number)), "{bytes:?}");
        assert_eq!(reader.left(), 0);
    }

    #[test]
    fn compact_terms_of_every_length() {
        check(&[0x00], tag::UNSIGNED, Number::Word(0));
        check(&[0xf3], tag::X, Number::Word(15));
        check(&[0xe8 | 1, 0xff], tag::INTEGER, Number::Word(0x7ff));
        check(&[0x18, 0xff, 0xff], tag::UNSIGNED, Number::Word(0xffff));
        check(&[0x19, 0xff, 0xff], tag::INTEGER, Number::Word(-1));
        check(&[0x19, 0x80, 0x00], tag::INTEGER, Number::Word(-0x8000));
        check(
            &[0xd9, 0x80, 0, 0, 0, 0, 0, 0, 0],
            tag::INTEGER,
            Number::Word(i64::MIN),
        );
        check(
            &[0xd8, 0x80, 0, 0, 0, 0, 0, 0, 0],
            tag::UNSIGNED,
            Number::Long { at: 1, len: 8 },
        );
        check(
            &[0xf9, 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 9],
            tag::INTEGER,
            Number::Long { at: 2, len: 9 },
        );
    }

    #[test]
    fn lengths_beyond_the_data_are_refused_before_anything_is_reserved() {
        for bytes in [
            &[0xf9, 0xd8, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..],
            &[0xf9, 0xf8, 0xf8],
            &[0xf9],
        ] {
            assert!(Reader::new("Code", bytes).term().is_err());
        }
        assert!(
            Reader::new("ImpT", &[0x7f, 0xff, 0xff, 0xff])
                .count(12)
                .is_err()
        );
    }
}
