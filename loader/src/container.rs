//! The IFF container of a `.beam` file: `FOR1`, a length, `BEAM`, then chunks.
//!
//! [`Container`] lists the chunks and borrows their data. Where a chunk occurs twice the last one
//! counts, as in the stock VM. A file may be compressed as a whole with gzip; [`uncompressed`]
//! undoes that and copies nothing if it is not.

use std::borrow::Cow;
use std::io::Read;

use crate::error::LoadError;
use crate::reader::Reader;

/// No `.beam` file is larger than this after decompression: the container's length is a signed 32-bit number.
const MAX_FILE_BYTES: u64 = i32::MAX as u64 + 8;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The bytes of the container: decompressed if `bytes` is a gzip file, else `bytes` itself.
pub fn uncompressed(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadError> {
    if !bytes.starts_with(&GZIP_MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut plain = Vec::new();
    let mut unzip = flate2::read::MultiGzDecoder::new(bytes).take(MAX_FILE_BYTES + 1);
    match unzip.read_to_end(&mut plain) {
        Ok(len) if len as u64 <= MAX_FILE_BYTES => Ok(Cow::Owned(plain)),
        _ => Err(LoadError::BadCompression { chunk: "file" }),
    }
}

/// One chunk of the file.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The four letters of its name; any bytes are allowed.
    pub id: [u8; 4],
    /// Its contents, without padding.
    pub data: &'a [u8],
    /// Where in the file its contents begin.
    pub at: usize,
}

/// The chunks of a file, in the order of the file.
#[derive(Clone, Debug)]
pub struct Container<'a> {
    chunks: Vec<Chunk<'a>>,
}

impl<'a> Container<'a> {
    /// Finds the chunks. What follows the form is ignored.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LoadError> {
        let mut reader = Reader::new("file", bytes);
        if !bytes.starts_with(b"FOR1") {
            return Err(LoadError::BadMagic);
        }
        reader.take(4)?;
        let form_bytes = reader.u32()? as usize;
        let mut reader = Reader::new("file", reader.take(form_bytes)?);
        if reader.take(4).ok() != Some(b"BEAM") {
            return Err(LoadError::BadMagic);
        }
        let mut chunks = Vec::with_capacity(16);
        while reader.left() > 0 {
            let id = reader.u32()?.to_be_bytes();
            let len = reader.u32()? as usize;
            let at = reader.pos() + 8;
            let data = reader.take(len)?;
            reader.take(len.next_multiple_of(4) - len)?;
            chunks.push(Chunk { id, data, at });
        }
        Ok(Self { chunks })
    }

    /// All chunks, in the order of the file.
    pub fn chunks(&self) -> &[Chunk<'a>] {
        &self.chunks
    }

    /// The contents of the chunk `id`; `None` if there is none or it is empty.
    pub fn get(&self, id: &[u8; 4]) -> Option<&'a [u8]> {
        self.chunk(id).map(|chunk| chunk.data)
    }

    /// The chunk `id`; `None` if there is none or it is empty.
    pub fn chunk(&self, id: &[u8; 4]) -> Option<Chunk<'a>> {
        let chunk = self.chunks.iter().rev().find(|chunk| chunk.id == *id)?;
        (!chunk.data.is_empty()).then_some(*chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_padded_and_the_last_of_two_counts() {
        let file =
            b"FOR1\0\0\0\x24BEAMAbcd\0\0\0\x01x\0\0\0Abcd\0\0\0\x02yz\0\0Efgh\0\0\0\0trailing";
        let file = Container::parse(file).expect("a form");
        assert_eq!(file.chunks().len(), 3);
        assert_eq!(file.get(b"Abcd"), Some(&b"yz"[..]));
        assert_eq!(file.chunks()[1].at, 32);
        assert_eq!(file.get(b"Efgh"), None);
        assert_eq!(file.get(b"None"), None);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for bytes in [
            &b""[..],
            b"FOR",
            b"FOR1\0\0\0\x04BEAX",
            b"RIFF\0\0\0\x04BEAM",
        ] {
            assert_eq!(Container::parse(bytes).err(), Some(LoadError::BadMagic));
        }
        let negative = b"FOR1\0\0\0\x0cBEAMAbcd\xff\xff\xff\xff";
        assert_eq!(
            Container::parse(negative).err(),
            Some(LoadError::Truncated {
                chunk: "file",
                at: 12
            })
        );
    }
}
