//! Terms that were compressed: 131, 80, the size as 32 bits, then a zlib stream.

use flate2::{Decompress, FlushDecompress, Status};

use super::decode::DecodeError;
use super::tags;

/// Bytes before the zlib stream.
const HEAD: usize = 6;
/// Bytes that are unpacked at a time.
const CHUNK: usize = 32 * 1024;

/// Unpacking a compressed term.
#[derive(Debug)]
pub(crate) struct Inflate {
    stream: Decompress,
    plain: Vec<u8>,
    /// What the head says that the plain size is.
    size: usize,
}

impl Inflate {
    /// Of bytes that begin with the version; none if they are not compressed.
    pub(crate) fn of(bytes: &[u8]) -> Result<Option<Inflate>, DecodeError> {
        match bytes {
            [_, tags::COMPRESSED, a, b, c, d, ..] => Ok(Some(Inflate {
                stream: Decompress::new(true),
                plain: Vec::new(),
                size: u32::from_be_bytes([*a, *b, *c, *d]) as usize,
            })),
            [_, tags::COMPRESSED, ..] => Err(DecodeError { at: bytes.len() }),
            _ => Ok(None),
        }
    }

    /// Unpacks up to about `limit` bytes; true when all is unpacked. `bytes` are those given to [`Inflate::of`].
    pub(crate) fn step(&mut self, bytes: &[u8], limit: usize) -> Result<bool, DecodeError> {
        let stop = self.plain.len().saturating_add(limit);
        let mut room = [0; CHUNK];
        loop {
            let (from, before) = (self.at(), self.stream.total_out());
            let failed = DecodeError { at: from };
            let status = self
                .stream
                .decompress(&bytes[from..], &mut room, FlushDecompress::None)
                .map_err(|_| failed)?;
            let made = (self.stream.total_out() - before) as usize;
            self.plain.extend_from_slice(&room[..made]);
            if self.plain.len() > self.size {
                return Err(failed);
            }
            match status {
                Status::StreamEnd if self.plain.len() == self.size => return Ok(true),
                Status::StreamEnd => return Err(failed),
                // All was read, and there is no end.
                _ if made == 0 && self.at() == from => return Err(failed),
                _ if self.plain.len() >= stop => return Ok(false),
                _ => {}
            }
        }
    }

    fn at(&self) -> usize {
        HEAD + self.stream.total_in() as usize
    }

    /// The plain bytes, and how many compressed ones (with the head) they took.
    pub(crate) fn finish(self) -> (Vec<u8>, usize) {
        let used = self.at();
        (self.plain, used)
    }
}
