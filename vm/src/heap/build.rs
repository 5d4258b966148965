//! Building terms: one method for each kind.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

use super::RawHeap;
use super::fragment::{Fragment, OffHeap};
use crate::binary::{BinaryData, HEAP_LIMIT};
use crate::code::{Export, FunEntry};
use crate::node_name::Node;
use crate::resource::{self, Resource};
use crate::term::word::{self, BoxedKind, NIL, Word};
use crate::term::{Bits, Term};

/// The right to build terms that live for `'h`. Copy it freely.
#[derive(Clone, Copy)]
pub struct Heap<'h> {
    raw: &'h RawHeap,
    /// Makes `'h` invariant.
    brand: PhantomData<Cell<&'h ()>>,
}

impl<'h> Heap<'h> {
    /// The right to build in `raw`, which cannot be collected meanwhile (that needs it mutably).
    #[inline(always)]
    pub fn new(raw: &'h RawHeap) -> Heap<'h> {
        Heap {
            raw,
            brand: PhantomData,
        }
    }

    /// The memory.
    #[inline(always)]
    pub(crate) fn raw(self) -> &'h RawHeap {
        self.raw
    }

    /// A boxed object: its header, then room for `words` words, to be written before anything else.
    #[inline(always)]
    pub(crate) fn object(self, kind: BoxedKind, words: usize) -> *mut Word {
        let at = self.raw.alloc(words + 1);
        // SAFETY: `alloc` gave room for `words + 1` words.
        unsafe { at.write(word::header(kind, words)) };
        at
    }

    /// The term of an object that is complete.
    ///
    /// # Safety
    /// All words at `at` were written, each as its kind wants it, terms among them valid for `'h`.
    #[inline(always)]
    pub(crate) unsafe fn finish(self, at: *mut Word) -> Term<'h> {
        // SAFETY: by contract.
        unsafe { Term::from_word(word::boxed(at)) }
    }

    /// `[head | tail]`.
    #[inline(always)]
    pub fn cons(self, head: Term<'h>, tail: Term<'h>) -> Term<'h> {
        let at = self.raw.alloc(2);
        // SAFETY: two words of room; both are written with terms of `'h`.
        unsafe {
            at.write(head.word());
            at.add(1).write(tail.word());
            Term::from_word(word::cons(at))
        }
    }

    /// The list of the elements.
    pub fn list(self, elements: &[Term<'h>]) -> Term<'h> {
        self.list_with_tail(elements, Term::NIL)
    }

    /// The list of the elements, ending with `tail`.
    pub fn list_with_tail(self, elements: &[Term<'h>], tail: Term<'h>) -> Term<'h> {
        elements
            .iter()
            .rev()
            .fold(tail, |rest, &element| self.cons(element, rest))
    }

    /// The list that an iterator gives, in its order.
    pub fn list_from<I>(self, elements: I) -> Term<'h>
    where
        I: IntoIterator<Item = Term<'h>>,
    {
        let elements: Vec<Term<'h>> = elements.into_iter().collect();
        self.list(&elements)
    }

    /// The tuple of the elements. (The empty tuple is an object of no words, as in OTP before 28.)
    #[inline]
    pub fn tuple(self, elements: &[Term<'h>]) -> Term<'h> {
        let at = self.object(BoxedKind::Tuple, elements.len());
        // SAFETY: room for the elements was given, and all are written with terms of `'h`.
        unsafe {
            copy_terms(elements, at.add(1));
            self.finish(at)
        }
    }

    /// An integer of any `i64`.
    #[inline]
    pub fn integer(self, value: i64) -> Term<'h> {
        match Term::small(value) {
            Some(small) => small,
            None => self.big(value < 0, &[value.unsigned_abs()]),
        }
    }

    /// An integer of any `u64`.
    #[inline]
    pub fn unsigned(self, value: u64) -> Term<'h> {
        if value <= word::SMALL_MAX as u64 {
            Term::size(value as usize)
        } else {
            self.big(false, &[value])
        }
    }

    /// The integer of a sign and a magnitude; small if it fits, leading zero limbs dropped.
    pub fn big(self, negative: bool, limbs: &[u64]) -> Term<'h> {
        let len = limbs
            .iter()
            .rposition(|&limb| limb != 0)
            .map_or(0, |last| last + 1);
        let limbs = &limbs[..len];
        match limbs {
            [] => return Term::int(0),
            &[limb] if limb <= 1 << 60 => {
                let value = if negative {
                    -(limb as i64)
                } else {
                    limb as i64
                };
                if let Some(small) = Term::small(value) {
                    return small;
                }
            }
            _ => {}
        }
        let kind = if negative {
            BoxedKind::BigNegative
        } else {
            BoxedKind::BigPositive
        };
        let at = self.object(kind, len);
        // SAFETY: room for the limbs was given, and all are written.
        unsafe {
            std::ptr::copy_nonoverlapping(limbs.as_ptr(), at.add(1), len);
            self.finish(at)
        }
    }

    /// A float. The caller has checked that it is finite.
    #[inline]
    pub fn float(self, value: f64) -> Term<'h> {
        let at = self.object(BoxedKind::Float, 1);
        // SAFETY: the one word is written.
        unsafe {
            at.add(1).write(value.to_bits());
            self.finish(at)
        }
    }

    /// A binary that holds a copy of bytes: on the heap up to 64, else counted.
    pub fn binary(self, bytes: &[u8]) -> Term<'h> {
        if bytes.len() <= HEAP_LIMIT {
            self.heap_bits(bytes, bytes.len() * 8)
        } else {
            self.ref_bin(BinaryData::copy_of(bytes))
        }
    }

    /// A bit string of `bits` bits that holds a copy of bytes (the first bit is the first byte's highest).
    pub fn bitstring(self, bytes: &[u8], bits: usize) -> Term<'h> {
        debug_assert!(bits.div_ceil(8) <= bytes.len());
        if bits.is_multiple_of(8) {
            return self.binary(&bytes[..bits / 8]);
        }
        if bits <= HEAP_LIMIT * 8 {
            return self.heap_bits(bytes, bits);
        }
        let holder = self.ref_bin(BinaryData::copy_of(&bytes[..bits.div_ceil(8)]));
        self.sub_bits(holder, 0, bits)
    }

    /// A binary of bytes that are taken without a copy where they are many.
    pub fn binary_from(self, bytes: bytes::Bytes) -> Term<'h> {
        if bytes.len() <= HEAP_LIMIT {
            self.binary(&bytes)
        } else {
            self.ref_bin(BinaryData::from_bytes(bytes))
        }
    }

    fn heap_bits(self, bytes: &[u8], bits: usize) -> Term<'h> {
        let count = bits.div_ceil(8);
        let words = count.div_ceil(8);
        let at = self.object(BoxedKind::HeapBits, 1 + words);
        // SAFETY:
        // 1. Room for the length and the bytes was given; the last word is zeroed before it is partly written.
        // 2. `bytes` has at least `count` bytes.
        unsafe {
            at.add(1).write(bits as Word);
            if words > 0 {
                at.add(1 + words).write(0);
            }
            let to = at.add(2).cast::<u8>();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, count);
            if !bits.is_multiple_of(8) {
                *to.add(count - 1) &= 0xff << (8 - bits % 8);
            }
            self.finish(at)
        }
    }

    /// A binary that counts `data` and shows all its bytes.
    pub fn ref_bin(self, data: Arc<BinaryData>) -> Term<'h> {
        let (len, capacity) = (data.bytes().len(), data.capacity());
        let at = self.object(BoxedKind::RefBin, 2);
        // SAFETY: both words are written (the link by `link`), then the object joins this heap's list.
        let holder = unsafe {
            at.add(2).write(Arc::into_raw(data) as Word);
            self.raw.off_heap.link(at, capacity / 8);
            self.finish(at)
        };
        // A holder with spare room may grow under us: what this term shows is fixed by a part of it.
        if capacity > len {
            self.sub_bits(holder, 0, len * 8)
        } else {
            holder
        }
    }

    /// A part of a bit string: `len` bits from bit `start` of its holder's bytes on.
    ///
    /// # Panics
    /// If `holder` holds no bytes itself (see [`Bits::holder_term`]) or has fewer bits.
    pub fn sub_bits(self, holder: Term<'h>, start: usize, len: usize) -> Term<'h> {
        assert!(
            matches!(
                holder.boxed(),
                Some(BoxedKind::HeapBits | BoxedKind::RefBin)
            ),
            "a holder of bytes"
        );
        let available = holder
            .as_bits()
            .expect("a holder is a bit string")
            .holder()
            .len()
            * 8;
        assert!(
            start <= available && len <= available - start,
            "a part lies within its holder"
        );
        let at = self.object(BoxedKind::SubBits, 3);
        // SAFETY: all three words are written, the last with a term of `'h`.
        unsafe {
            at.add(1).write(start as Word);
            at.add(2).write(len as Word);
            at.add(3).write(holder.word());
            self.finish(at)
        }
    }

    /// `len` bits of `bits`, from its bit `from` on, sharing its bytes.
    pub fn part(self, bits: Bits<'h>, from: usize, len: usize) -> Term<'h> {
        assert!(
            from <= bits.bit_len() && len <= bits.bit_len() - from,
            "a part lies within the whole"
        );
        self.sub_bits(bits.holder_term(), bits.start() + from, len)
    }

    /// `fun M:F/A`.
    pub fn export_fun(self, export: &'static Export) -> Term<'h> {
        let at = self.object(BoxedKind::ExportFun, 1);
        // SAFETY: the one word is written.
        unsafe {
            at.add(1).write(std::ptr::from_ref(export) as Word);
            self.finish(at)
        }
    }

    /// A fun of a module with the values of its free variables.
    pub fn fun(self, entry: &'static FunEntry, creator: Term<'h>, env: &[Term<'h>]) -> Term<'h> {
        let at = self.object(BoxedKind::Fun, 2 + env.len());
        // SAFETY: all words are written: the entry, the creator and the environment.
        unsafe {
            at.add(1).write(std::ptr::from_ref(entry) as Word);
            at.add(2).write(creator.word());
            std::ptr::copy_nonoverlapping(env.as_ptr().cast::<Word>(), at.add(3), env.len());
            self.finish(at)
        }
    }

    /// A reference of a number (see [`crate::reference`]).
    pub fn reference(self, number: [u64; 2]) -> Term<'h> {
        let at = self.object(BoxedKind::Ref, 2);
        // SAFETY: both words are written.
        unsafe {
            at.add(1).write(number[0]);
            at.add(2).write(number[1]);
            self.finish(at)
        }
    }

    /// A reference that stands for a Rust value.
    pub fn magic_ref(self, resource: Arc<dyn Resource>, number: [u64; 2]) -> Term<'h> {
        let at = self.object(BoxedKind::MagicRef, 5);
        // SAFETY: all five words are written (the link by `link`); an `Arc<dyn _>` is two words.
        unsafe {
            at.add(2).cast::<Arc<dyn Resource>>().write(resource);
            at.add(4).write(number[0]);
            at.add(5).write(number[1]);
            self.raw.off_heap.link(at, 0);
            self.finish(at)
        }
    }

    /// A reference of this node that was written as text or in the external format: what it stood for, it stands for
    /// again while that lives.
    pub fn read_reference(self, number: [u64; 2]) -> Term<'h> {
        match resource::recall(number) {
            Some(resource) => self.magic_ref(resource, number),
            None => self.reference(number),
        }
    }

    /// A pid of another node: its number in the low 32 bits, its serial in the high ones.
    pub fn external_pid(self, node: &'static Node, number: u64) -> Term<'h> {
        self.external(BoxedKind::ExternalPid, node, &[number])
    }

    /// A port of another node.
    pub fn external_port(self, node: &'static Node, number: u64) -> Term<'h> {
        self.external(BoxedKind::ExternalPort, node, &[number])
    }

    /// A reference of another node: its 32-bit words in the order of the external format.
    pub fn external_ref(self, node: &'static Node, words: &[u32]) -> Term<'h> {
        let data: Vec<u64> = std::iter::once(words.len() as u64)
            .chain(words.iter().map(|&word| u64::from(word)))
            .collect();
        self.external(BoxedKind::ExternalRef, node, &data)
    }

    fn external(self, kind: BoxedKind, node: &'static Node, data: &[u64]) -> Term<'h> {
        let at = self.object(kind, 1 + data.len());
        // SAFETY: all words are written.
        unsafe {
            at.add(1).write(std::ptr::from_ref(node) as Word);
            std::ptr::copy_nonoverlapping(data.as_ptr(), at.add(2), data.len());
            self.finish(at)
        }
    }

    /// A map of at most 32 keys that are sorted in the order of map keys and distinct.
    pub fn flat_map(self, keys: &[Term<'h>], values: &[Term<'h>]) -> Term<'h> {
        let keys = self.tuple(keys);
        self.flat_map_of(keys, values)
    }

    /// A map that shares the tuple of its keys with another.
    pub fn flat_map_of(self, keys_tuple: Term<'h>, values: &[Term<'h>]) -> Term<'h> {
        debug_assert_eq!(
            keys_tuple.as_tuple().map(|keys| keys.arity()),
            Some(values.len())
        );
        let at = self.object(BoxedKind::FlatMap, 1 + values.len());
        // SAFETY: all words are written with terms of `'h`.
        unsafe {
            at.add(1).write(keys_tuple.word());
            copy_terms(values, at.add(2));
            self.finish(at)
        }
    }

    /// A flat map with the keys of another and its values, that at `at` replaced.
    pub(crate) fn flat_map_with(
        self,
        keys_tuple: Term<'h>,
        values: &[Term<'h>],
        at: usize,
        value: Term<'h>,
    ) -> Term<'h> {
        assert!(at < values.len(), "the place is one of the map's");
        let map = self.flat_map_of(keys_tuple, values);
        // SAFETY: the map was just made, with its values from the third word on, and nobody else has seen it.
        unsafe { word::pointer(map.word()).add(2 + at).write(value.word()) };
        map
    }

    /// A flat map with one association more, at `at`.
    pub(crate) fn flat_map_insert(
        self,
        keys: &[Term<'h>],
        values: &[Term<'h>],
        at: usize,
        key: Term<'h>,
        value: Term<'h>,
    ) -> Term<'h> {
        let len = keys.len();
        assert!(at <= len && values.len() == len, "a place in the map");
        let keys_tuple = self.object(BoxedKind::Tuple, len + 1);
        let map = self.object(BoxedKind::FlatMap, len + 2);
        // SAFETY: all words of both objects are written with terms of `'h`.
        unsafe {
            map.add(1).write(word::boxed(keys_tuple));
            for (words, new, to) in [(keys, key, keys_tuple.add(1)), (values, value, map.add(2))] {
                copy_terms(&words[..at], to);
                to.add(at).write(new.word());
                copy_terms(&words[at..], to.add(at + 1));
            }
            self.finish(map)
        }
    }

    /// A flat map without the association at `at`.
    pub(crate) fn flat_map_remove(
        self,
        keys: &[Term<'h>],
        values: &[Term<'h>],
        at: usize,
    ) -> Term<'h> {
        let len = keys.len();
        assert!(at < len && values.len() == len, "a place of the map");
        let keys_tuple = self.object(BoxedKind::Tuple, len - 1);
        let map = self.object(BoxedKind::FlatMap, len);
        // SAFETY: all words of both objects are written with terms of `'h`.
        unsafe {
            map.add(1).write(word::boxed(keys_tuple));
            for (words, to) in [(keys, keys_tuple.add(1)), (values, map.add(2))] {
                copy_terms(&words[..at], to);
                copy_terms(&words[at + 1..], to.add(at));
            }
            self.finish(map)
        }
    }

    /// The elements as a tuple, that at `at` replaced.
    pub(crate) fn tuple_with(self, elements: &[Term<'h>], at: usize, value: Term<'h>) -> Term<'h> {
        assert!(at < elements.len(), "the place is one of the tuple's");
        let tuple = self.tuple(elements);
        // SAFETY: the tuple was just made, with its elements after the header, and nobody else has seen it.
        unsafe { word::pointer(tuple.word()).add(1 + at).write(value.word()) };
        tuple
    }

    /// The root of a hash map.
    pub(crate) fn hash_map(self, size: usize, bitmap: u64, children: &[Term<'h>]) -> Term<'h> {
        let at = self.object(BoxedKind::HashMap, 2 + children.len());
        // SAFETY: all words are written with terms of `'h`.
        unsafe {
            at.add(1).write(Term::size(size).word());
            at.add(2).write(Term::size(bitmap as usize).word());
            std::ptr::copy_nonoverlapping(
                children.as_ptr().cast::<Word>(),
                at.add(3),
                children.len(),
            );
            self.finish(at)
        }
    }

    /// An inner node of a hash map.
    pub(crate) fn hash_node(self, bitmap: u64, children: &[Term<'h>]) -> Term<'h> {
        let at = self.object(BoxedKind::HashNode, 1 + children.len());
        // SAFETY: all words are written with terms of `'h`.
        unsafe {
            at.add(1).write(Term::size(bitmap as usize).word());
            std::ptr::copy_nonoverlapping(
                children.as_ptr().cast::<Word>(),
                at.add(2),
                children.len(),
            );
            self.finish(at)
        }
    }

    /// The list of a string's code points.
    pub fn string(self, text: &str) -> Term<'h> {
        text.chars().rev().fold(Term::NIL, |rest, char| {
            self.cons(Term::int(char as i32), rest)
        })
    }

    /// The list of bytes.
    pub fn byte_list(self, bytes: &[u8], tail: Term<'h>) -> Term<'h> {
        bytes.iter().rev().fold(tail, |rest, &byte| {
            self.cons(Term::int(i32::from(byte)), rest)
        })
    }

    /// Takes over the memory of a term built elsewhere.
    pub(super) fn adopt_fragments(
        self,
        fragments: *mut Fragment,
        words: usize,
        off_heap: &OffHeap,
    ) {
        if !fragments.is_null() {
            // SAFETY: the list is alive and given to this heap alone.
            unsafe { self.raw.add_fragments(fragments, words) };
        }
        let mut object = off_heap.head.replace(NIL);
        self.raw
            .off_heap
            .binary_words
            .set(self.raw.off_heap.binary_words.get() + off_heap.binary_words.replace(0));
        while object != NIL {
            let at = word::pointer(object);
            // SAFETY: the list links complete objects; each moves to this heap's list, counted above.
            unsafe {
                object = *at.add(1);
                self.raw.off_heap.link(at, 0);
            }
        }
    }
}

/// Copies terms, few as they mostly are.
///
/// # Safety
/// There is room for them, elsewhere.
#[inline(always)]
unsafe fn copy_terms(terms: &[Term<'_>], to: *mut Word) {
    // SAFETY: by contract; a term is its word.
    unsafe { super::copy_few(terms.as_ptr().cast(), to, terms.len()) }
}
