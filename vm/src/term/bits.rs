//! Bit strings: a view of the bytes, wherever they are held.
//!
//! `HeapBits` holds up to 64 bytes itself, `RefBin` counts a [`BinaryData`](crate::binary::BinaryData) off
//! the heap, `SubBits` is a part of either, a match context a part being taken apart.

use std::borrow::Cow;
use std::sync::Arc;

use super::Term;
use super::word::{self, BoxedKind, Word};
use crate::binary::BinaryData;

/// A bit string's bytes and where in them it lies.
#[derive(Clone, Copy)]
pub struct Bits<'h> {
    /// All bytes of the holder.
    bytes: &'h [u8],
    /// The first bit, counted from the first byte's most significant one.
    start: usize,
    /// The length in bits.
    len: usize,
    term: Term<'h>,
}

impl<'h> Bits<'h> {
    pub(super) fn of_boxed(term: Term<'h>) -> Bits<'h> {
        let words = term.payload();
        match word::header_kind(term.header()) {
            BoxedKind::SubBits => {
                let (start, len) = (words[0] as usize, words[1] as usize);
                Bits {
                    bytes: Bits::holder_bytes(holder(words)).0,
                    start,
                    len,
                    term,
                }
            }
            BoxedKind::MatchContext => {
                let (start, end) = (words[0] as usize, words[1] as usize);
                Bits {
                    bytes: Bits::holder_bytes(holder(words)).0,
                    start,
                    len: end - start,
                    term,
                }
            }
            _ => {
                let (bytes, len) = Bits::holder_bytes(term);
                Bits {
                    bytes,
                    start: 0,
                    len,
                    term,
                }
            }
        }
    }

    /// The bytes of a `HeapBits` or `RefBin`, and its length in bits.
    #[inline]
    fn holder_bytes(holder: Term<'h>) -> (&'h [u8], usize) {
        let words = holder.payload();
        if word::header_kind(holder.header()) == BoxedKind::HeapBits {
            let len = words[0] as usize;
            // SAFETY:
            // 1. `Heap::heap_bits` made room for so many bytes after the length.
            // 2. They stay for `'h`, and any byte pattern is a `u8`.
            let bytes =
                unsafe { std::slice::from_raw_parts(words[1..].as_ptr().cast(), len.div_ceil(8)) };
            (bytes, len)
        } else {
            // SAFETY: the second word of a `RefBin` is a counted pointer to its data, alive for `'h`.
            let data = unsafe { &*(words[1] as *const BinaryData) };
            let bytes = data.bytes();
            (bytes, bytes.len() * 8)
        }
    }

    /// The length in bits.
    #[inline]
    pub fn bit_len(self) -> usize {
        self.len
    }

    /// The length in bytes, if it is a whole number of them.
    #[inline]
    pub fn byte_len(self) -> Option<usize> {
        (self.len % 8 == 0).then_some(self.len / 8)
    }

    /// Whether it is a binary.
    #[inline]
    pub fn is_binary(self) -> bool {
        self.len % 8 == 0
    }

    /// Where the first bit lies within the holder's bytes.
    #[inline]
    pub fn start(self) -> usize {
        self.start
    }

    /// All bytes of the holder: what `binary:referenced_byte_size/1` speaks of.
    pub fn holder(self) -> &'h [u8] {
        self.bytes
    }

    /// The term that holds the bytes (`HeapBits` or `RefBin`), of which other parts can be made.
    pub fn holder_term(self) -> Term<'h> {
        match word::header_kind(self.term.header()) {
            BoxedKind::SubBits | BoxedKind::MatchContext => holder(self.term.payload()),
            _ => self.term,
        }
    }

    /// Whether its bytes are counted off the heap.
    pub fn is_off_heap(self) -> bool {
        self.holder_term().boxed() == Some(BoxedKind::RefBin)
    }

    /// The bytes, if it is a binary that begins at a byte boundary of its holder.
    #[inline]
    pub fn as_bytes(self) -> Option<&'h [u8]> {
        ((self.start | self.len) % 8 == 0)
            .then(|| &self.bytes[self.start / 8..(self.start + self.len) / 8])
    }

    /// The bits from a byte boundary on; unused bits of the last byte are 0. Copies only where it must.
    pub fn aligned(self) -> Cow<'h, [u8]> {
        if let Some(bytes) = self.as_bytes() {
            return Cow::Borrowed(bytes);
        }
        let shift = self.start % 8;
        let count = self.len.div_ceil(8);
        let source = &self.bytes[self.start / 8..];
        let mut out: Vec<u8> = if shift == 0 {
            source[..count].to_vec()
        } else {
            (0..count)
                .map(|i| {
                    (source[i] << shift) | source.get(i + 1).map_or(0, |next| next >> (8 - shift))
                })
                .collect()
        };
        if let (Some(last), used @ 1..) = (out.last_mut(), self.len % 8) {
            *last &= 0xff << (8 - used);
        }
        Cow::Owned(out)
    }

    /// The bytes of a binary from a byte boundary on, or none if it is no binary.
    pub fn binary(self) -> Option<Cow<'h, [u8]>> {
        self.is_binary().then(|| self.aligned())
    }

    /// The counted bytes, where they are held off the heap: as many as [`holder`](Bits::holder) shows, or more.
    pub fn data(self) -> Option<Arc<BinaryData>> {
        let holder = self.holder_term();
        if word::header_kind(holder.header()) != BoxedKind::RefBin {
            return None;
        }
        let data = holder.payload()[1] as *const BinaryData;
        // SAFETY:
        // 1. The second word of a `RefBin` came from `Arc::into_raw` (`Heap::ref_bin`).
        // 2. The object owns a count for `'h`; another is taken before one is handed out.
        unsafe {
            Arc::increment_strong_count(data);
            Some(Arc::from_raw(data))
        }
    }

    /// The bit string itself.
    pub fn term(self) -> Term<'h> {
        self.term
    }
}

fn holder<'h>(words: &'h [Word]) -> Term<'h> {
    // SAFETY: the third word of a `SubBits` or match context is the term that holds the bytes.
    unsafe { Term::from_word(words[2]) }
}
