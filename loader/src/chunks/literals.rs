//! `LitT`: the module's constant terms, in the external term format.
//!
//! The table is compressed with zlib and preceded by its size; from OTP 28 a size of 0 says that it is not
//! compressed. The terms are only delimited here; they are decoded when the module is linked.

use std::borrow::Cow;
use std::ops::Range;

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::LoadError;
use crate::reader::Reader;

const CHUNK: &str = "LitT";
/// The first byte of a term in the external format.
const ETF_VERSION: u8 = 131;
/// Compressed data grows by no more than this, so a larger claim is a lie.
const MAX_ZLIB_RATIO: usize = 1032;

/// An index into the literal table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LiteralIndex(pub u32);

/// The literal table.
#[derive(Clone, Debug, Default)]
pub struct Literals<'a> {
    data: Cow<'a, [u8]>,
    entries: Vec<Range<u32>>,
}

impl<'a> Literals<'a> {
    pub(crate) fn parse(chunk: &'a [u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new(CHUNK, chunk);
        let claimed_bytes = reader.u32()?;
        let rest = reader.take(reader.left())?;
        let data = match claimed_bytes {
            0 => Cow::Borrowed(rest),
            _ => Cow::Owned(decompress(rest, claimed_bytes as usize)?),
        };
        let entries = delimit(&data)?;
        Ok(Self { data, entries })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The external format of a literal, its version byte included. Every index in the code exists.
    pub fn get(&self, index: LiteralIndex) -> &[u8] {
        let Range { start, end } = self.entries[index.0 as usize];
        &self.data[start as usize..end as usize]
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.entries
            .iter()
            .map(|Range { start, end }| &self.data[*start as usize..*end as usize])
    }
}

/// Decompresses all of `packed`, which must give no more than `claimed_bytes`.
fn decompress(packed: &[u8], claimed_bytes: usize) -> Result<Vec<u8>, LoadError> {
    const DAMAGED: LoadError = LoadError::BadCompression { chunk: CHUNK };
    if claimed_bytes > i32::MAX as usize
        || claimed_bytes > packed.len().saturating_mul(MAX_ZLIB_RATIO)
    {
        return Err(DAMAGED);
    }
    let mut plain = Vec::new();
    plain
        .try_reserve_exact(claimed_bytes)
        .map_err(|_| DAMAGED)?;
    let mut unzip = Decompress::new(true);
    match unzip.decompress_vec(packed, &mut plain, FlushDecompress::Finish) {
        // The allocator may have given more room than was asked for.
        Ok(Status::StreamEnd) if plain.len() <= claimed_bytes => Ok(plain),
        _ => Err(DAMAGED),
    }
}

/// Where each term begins and ends.
fn delimit(data: &[u8]) -> Result<Vec<Range<u32>>, LoadError> {
    let mut reader = Reader::new(CHUNK, data);
    let count = reader.count(4)?;
    let entry = |_| {
        let len = reader.u32()? as usize;
        let start = reader.pos();
        let term = reader.take(len)?;
        if term.first() != Some(&ETF_VERSION) {
            return Err(reader.bad_entry(start, "not a term in the external format"));
        }
        Ok(start as u32..reader.pos() as u32)
    };
    (0..count).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const TABLE: &[u8] = b"\0\0\0\x02\0\0\0\x03\x83a\x01\0\0\0\x02\x83j";

    fn compressed(claimed_bytes: u32) -> Vec<u8> {
        let mut zip = flate2::write::ZlibEncoder::new(
            claimed_bytes.to_be_bytes().to_vec(),
            Default::default(),
        );
        // The encoder's own output begins after the claim.
        zip.write_all(TABLE).expect("memory");
        zip.finish().expect("memory")
    }

    #[test]
    fn compressed_or_not() {
        let plain = [b"\0\0\0\0", TABLE].concat();
        let packed = compressed(TABLE.len() as u32);
        for chunk in [&plain, &packed] {
            let literals = Literals::parse(chunk).expect("a table");
            assert_eq!(
                literals.iter().collect::<Vec<_>>(),
                [&b"\x83a\x01"[..], b"\x83j"]
            );
            assert_eq!(literals.get(LiteralIndex(1)), b"\x83j");
        }
    }

    #[test]
    fn claims_are_not_believed() {
        for claim in [TABLE.len() as u32 - 1, 0x7fff_ffff, u32::MAX] {
            let damaged = Some(LoadError::BadCompression { chunk: CHUNK });
            assert_eq!(
                Literals::parse(&compressed(claim)).err(),
                damaged,
                "{claim}"
            );
        }
        assert!(Literals::parse(&compressed(TABLE.len() as u32 + 9)).is_ok());
        assert!(Literals::parse(b"\0\0\0\0\x7f\xff\xff\xff\0\0\0\0").is_err());
        assert!(Literals::parse(b"\0\0\0\0\0\0\0\x01\0\0\0\0").is_err());
    }
}
