//! Compressing an encoded term: 131, 80, the plain size as 32 bits, then a zlib stream.

use flate2::{Compress, Compression, FlushCompress, Status};

use super::tags;

/// Bytes before the zlib stream.
const HEAD: usize = 6;
/// Bytes of output room at a time.
const CHUNK: usize = 32 * 1024;

/// Compressing a term.
pub(crate) struct Deflate {
    stream: Compress,
    /// The term, with its version byte.
    plain: Vec<u8>,
    packed: Vec<u8>,
}

impl Deflate {
    /// Of an encoded term with its version byte, at a level from 1 to 9.
    pub(crate) fn new(plain: Vec<u8>, level: u32) -> Deflate {
        let size = (plain.len() - 1) as u32;
        let mut packed = vec![tags::VERSION, tags::COMPRESSED];
        packed.extend(size.to_be_bytes());
        Deflate {
            stream: Compress::new(Compression::new(level), true),
            plain,
            packed,
        }
    }

    /// Packs until about `limit` bytes of the plain term are done; true when all is packed, or will not become
    /// smaller.
    pub(crate) fn step(&mut self, limit: usize) -> bool {
        let stop = self.stream.total_in().saturating_add(limit as u64);
        let mut room = [0; CHUNK];
        loop {
            let from = 1 + self.stream.total_in() as usize;
            let before = self.stream.total_out();
            // A piece at a time, so that the limit is kept even where nothing comes out.
            let to = self.plain.len().min(from + 2 * CHUNK);
            let flush = if to == self.plain.len() {
                FlushCompress::Finish
            } else {
                FlushCompress::None
            };
            let status = self
                .stream
                .compress(&self.plain[from..to], &mut room, flush);
            let made = (self.stream.total_out() - before) as usize;
            self.packed.extend_from_slice(&room[..made]);
            match status {
                Ok(Status::StreamEnd) | Err(_) => return true,
                _ if self.packed.len() > self.plain.len() => return true,
                _ if self.stream.total_in() >= stop => return false,
                _ => {}
            }
        }
    }

    /// The packed term, or the plain one where that is not larger.
    pub(crate) fn finish(self) -> Vec<u8> {
        debug_assert!(self.packed.len() >= HEAD);
        if self.packed.len() <= self.plain.len() {
            self.packed
        } else {
            self.plain
        }
    }
}
