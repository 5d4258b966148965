//! A list of byte slices that travels as one message without being copied together.

use bytes::{Buf, Bytes, BytesMut};
use std::io::IoSlice;

/// What a process sent to a port: the binaries of its iolist, in order.
///
/// Small pieces may have been gathered into one; empty pieces are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IoVec {
    parts: Vec<Bytes>,
    len: usize,
}

impl IoVec {
    /// An empty vector.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a piece.
    pub fn push(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.len += part.len();
            self.parts.push(part);
        }
    }

    /// The number of bytes in all pieces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The pieces, in order.
    pub fn parts(&self) -> impl Iterator<Item = &Bytes> {
        self.parts.iter()
    }

    /// All bytes as one slice: free when there is one piece, else a copy.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        match self.parts.len() {
            0 => Bytes::new(),
            1 => self.parts.swap_remove(0),
            _ => {
                let mut all = BytesMut::with_capacity(self.len);
                self.parts
                    .iter()
                    .for_each(|part| all.extend_from_slice(part));
                all.freeze()
            }
        }
    }

    /// Takes `count` bytes off the front.
    ///
    /// # Panics
    /// When there are fewer than `count` bytes.
    pub fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len, "advance past the end of an IoVec");
        self.len -= count;
        let mut whole = 0;
        for part in &mut self.parts {
            if count < part.len() {
                part.advance(count);
                break;
            }
            count -= part.len();
            whole += 1;
        }
        self.parts.drain(..whole);
    }

    /// The pieces as the operating system's vector, at most `limit` of them.
    #[must_use]
    pub fn slices(&self, limit: usize) -> Vec<IoSlice<'_>> {
        self.parts
            .iter()
            .take(limit)
            .map(|part| IoSlice::new(part))
            .collect()
    }
}

impl IntoIterator for IoVec {
    type Item = Bytes;
    type IntoIter = std::vec::IntoIter<Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter()
    }
}

impl FromIterator<Bytes> for IoVec {
    fn from_iter<I: IntoIterator<Item = Bytes>>(parts: I) -> Self {
        let mut all = Self::new();
        parts.into_iter().for_each(|part| all.push(part));
        all
    }
}

impl From<Bytes> for IoVec {
    fn from(part: Bytes) -> Self {
        std::iter::once(part).collect()
    }
}

impl From<Vec<u8>> for IoVec {
    fn from(part: Vec<u8>) -> Self {
        Bytes::from(part).into()
    }
}

impl From<&'static [u8]> for IoVec {
    fn from(part: &'static [u8]) -> Self {
        Bytes::from_static(part).into()
    }
}

impl<const N: usize> From<&'static [u8; N]> for IoVec {
    fn from(part: &'static [u8; N]) -> Self {
        Bytes::from_static(part).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advances_across_pieces() {
        let mut vec: IoVec = ["ab", "", "cde", "f"]
            .into_iter()
            .map(Bytes::from_static_str)
            .collect();
        assert_eq!(vec.len(), 6);
        vec.advance(3);
        assert_eq!(vec.parts().count(), 2);
        assert_eq!(vec.clone().into_bytes(), "def");
        vec.advance(3);
        assert!(vec.is_empty());
    }

    trait FromStaticStr {
        fn from_static_str(text: &'static str) -> Bytes;
    }
    impl FromStaticStr for Bytes {
        fn from_static_str(text: &'static str) -> Bytes {
            Bytes::from_static(text.as_bytes())
        }
    }
}
