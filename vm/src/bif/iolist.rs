//! I/O lists: lists of bytes, binaries and I/O lists, of any depth.
//!
//! [`Walk`] visits one in order without recursion and can be interrupted: what is left is a term again
//! ([`Walk::rest`]). [`to_vec`] and [`to_iovec`] are for ports and files.

#![forbid(unsafe_code)]

use bytes::Bytes;
use smallvec::SmallVec;

use crate::heap::Heap;
use crate::term::{Bits, Term};

/// Smaller binaries are copied together, larger ones are passed on as they are (OTP: `IOL2V_SMALL_BIN_LIMIT`).
pub const SMALL_BINARY: usize = 256;

/// A term that is no I/O list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoIolist;

/// What is found in an I/O list.
#[derive(Clone, Copy)]
pub enum Piece<'h> {
    /// A byte.
    Byte(u8),
    /// A bit string; it is up to the visitor whether it must be a binary.
    Bits(Bits<'h>),
}

/// A walk through an I/O list, or a binary.
pub struct Walk<'h> {
    rest: Term<'h>,
    /// The tails of the lists that `rest` stands in, innermost last.
    tails: SmallVec<[Term<'h>; 16]>,
}

impl<'h> Walk<'h> {
    /// Begins.
    pub fn new(iolist: Term<'h>) -> Walk<'h> {
        Walk {
            rest: iolist,
            tails: SmallVec::new(),
        }
    }

    /// The next piece; none at the end.
    #[inline]
    pub fn piece(&mut self) -> Result<Option<Piece<'h>>, NoIolist> {
        loop {
            if let Some(cell) = self.rest.as_cons() {
                let head = cell.head();
                if let Some(value) = head.as_small() {
                    self.rest = cell.tail();
                    return u8::try_from(value)
                        .map(|byte| Some(Piece::Byte(byte)))
                        .map_err(|_| NoIolist);
                }
                self.rest = cell.tail();
                if head.as_cons().is_some() {
                    if !self.rest.is_nil() {
                        self.tails.push(self.rest);
                    }
                    self.rest = head;
                } else if let Some(bits) = head.as_bits() {
                    return Ok(Some(Piece::Bits(bits)));
                } else if !head.is_nil() {
                    return Err(NoIolist);
                }
            } else if self.rest.is_nil() {
                match self.tails.pop() {
                    Some(tail) => self.rest = tail,
                    None => return Ok(None),
                }
            } else {
                let bits = self.rest.as_bits().ok_or(NoIolist)?;
                self.rest = Term::NIL;
                return Ok(Some(Piece::Bits(bits)));
            }
        }
    }

    /// Lets a piece come next (again).
    pub fn put_back(&mut self, heap: Heap<'h>, piece: Term<'h>) {
        self.rest = heap.cons(piece, self.rest);
    }

    /// What was not visited yet, as an I/O list.
    pub fn rest(self, heap: Heap<'h>) -> Term<'h> {
        // Innermost first; what a tail is must not change by standing in a list, so each is a tail again.
        self.tails
            .iter()
            .rev()
            .fold(self.rest, |inner, &tail| heap.cons(inner, tail))
    }
}

/// All bytes of an I/O list or binary. For those who cannot give way; it takes time linear in the size.
pub fn to_vec(iolist: Term<'_>) -> Result<Vec<u8>, NoIolist> {
    let mut out = Vec::new();
    append(iolist, &mut out)?;
    Ok(out)
}

/// Appends all bytes of an I/O list or binary.
pub fn append(iolist: Term<'_>, out: &mut Vec<u8>) -> Result<(), NoIolist> {
    let mut walk = Walk::new(iolist);
    while let Some(piece) = walk.piece()? {
        match piece {
            Piece::Byte(byte) => out.push(byte),
            Piece::Bits(bits) => out.extend_from_slice(&bits.binary().ok_or(NoIolist)?),
        }
    }
    Ok(())
}

/// The number of bytes of an I/O list or binary.
pub fn size(iolist: Term<'_>) -> Result<usize, NoIolist> {
    let mut size = 0;
    let mut walk = Walk::new(iolist);
    while let Some(piece) = walk.piece()? {
        size += match piece {
            Piece::Byte(_) => 1,
            Piece::Bits(bits) => bits.byte_len().ok_or(NoIolist)?,
        };
    }
    Ok(size)
}

/// The bytes of an I/O list or binary as a vector for `writev`: large binaries off the heap are not copied.
pub fn to_iovec(iolist: Term<'_>) -> Result<Vec<Bytes>, NoIolist> {
    let mut vector = Vec::new();
    let mut small = Vec::new();
    let mut walk = Walk::new(iolist);
    while let Some(piece) = walk.piece()? {
        match piece {
            Piece::Byte(byte) => small.push(byte),
            Piece::Bits(bits) => {
                let len = bits.byte_len().ok_or(NoIolist)?;
                match shared(bits).filter(|_| len >= SMALL_BINARY) {
                    Some(bytes) => {
                        if !small.is_empty() {
                            vector.push(Bytes::from(std::mem::take(&mut small)));
                        }
                        vector.push(bytes);
                    }
                    None => small.extend_from_slice(&bits.aligned()),
                }
            }
        }
    }
    if !small.is_empty() {
        vector.push(Bytes::from(small));
    }
    Ok(vector)
}

/// The bytes of a binary off the heap, shared; none if it is on the heap, or begins within a byte.
pub fn shared(bits: Bits<'_>) -> Option<Bytes> {
    let bytes = bits.as_bytes()?;
    let owner = bits.data()?.share();
    // The holder's bytes are the owner's, or a prefix of them as they were when the term was looked at.
    let from = bits.start() / 8;
    Some(owner.slice(from..from + bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::RawHeap;

    #[test]
    fn depth_does_not_matter() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let mut left = heap.list(&[Term::int(1)]);
        for _ in 0..300_000 {
            left = heap.cons(left, heap.list(&[Term::int(2)]));
        }
        let bytes = to_vec(left).unwrap();
        assert_eq!((bytes.len(), bytes[0], bytes[1]), (300_001, 1, 2));
        assert_eq!(size(left), Ok(300_001));
    }

    #[test]
    fn what_is_left_is_an_iolist() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let inner = heap.cons(Term::int(1), heap.binary(b"\x02\x03"));
        let list = heap.cons(
            inner,
            heap.list_with_tail(&[inner, Term::int(9)], heap.binary(b"x")),
        );
        let whole = to_vec(list).unwrap();
        for cut in 0..6 {
            let mut walk = Walk::new(list);
            let mut first = Vec::new();
            for _ in 0..cut {
                match walk.piece().unwrap() {
                    Some(Piece::Byte(byte)) => first.push(byte),
                    Some(Piece::Bits(bits)) => first.extend_from_slice(&bits.aligned()),
                    None => {}
                }
            }
            append(walk.rest(heap), &mut first).unwrap();
            assert_eq!(first, whole, "after {cut} pieces");
        }
    }

    #[test]
    fn large_binaries_are_shared() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let large = heap.binary(&[7; 1000]);
        let list = heap.list(&[Term::int(1), large, heap.binary(b"ab"), Term::int(2)]);
        let vector = to_iovec(list).unwrap();
        assert_eq!(
            vector.iter().map(Bytes::len).collect::<Vec<_>>(),
            [1, 1000, 3]
        );
        assert_eq!(
            vector[1].as_ptr(),
            large.as_bits().unwrap().as_bytes().unwrap().as_ptr()
        );
        assert_eq!(to_iovec(heap.list(&[Term::int(256)])), Err(NoIolist));
    }
}
