//! How many words a term takes.
//!
//! [`Term::flat_words`] is what a copy takes here. What programs see by `erts_debug:flat_size/1` and
//! `size_shared/1` are the stock VM's numbers ([`Term::stock_flat_size`], [`Term::stock_shared_size`]):
//! programs compare them with what they expect of a VM, and cannot use them for anything else.

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use super::Term;
use super::word::{self, BoxedKind, Word};
use crate::heap::literal;

/// The smallest and the largest small integer of the stock VM, which has 60 bits for them.
const STOCK_SMALL: std::ops::Range<i64> = -(1 << 59)..1 << 59;

impl Term<'_> {
    /// Words that a copy of it takes, literals included; nothing is shared in it.
    pub fn flat_words(self) -> usize {
        crate::heap::copy::copy_words::<false>(self.word())
    }

    /// Words that a message with it takes: as [`flat_words`](Term::flat_words), without literals.
    pub fn message_words(self) -> usize {
        crate::heap::copy::copy_words::<true>(self.word())
    }

    /// Words that it takes where it is, each object counted once; literals take none.
    pub fn shared_words(self) -> usize {
        shared::<true>(self, |object| match object {
            Object::Immediate(_) => 0,
            Object::Cons => 2,
            Object::Boxed(term) => 1 + word::header_words(term.header()),
        })
    }

    /// `erts_debug:flat_size/1`: words of a copy in the stock VM.
    pub fn stock_flat_size(self) -> usize {
        walk::<false>(self, |_| true, stock_words)
    }

    /// `erts_debug:size_shared/1`: words of all its objects in the stock VM, each counted once.
    pub fn stock_shared_size(self) -> usize {
        shared::<false>(self, stock_words)
    }
}

/// What is counted.
enum Object<'h> {
    Immediate(Word),
    Cons,
    Boxed(Term<'h>),
}

fn shared<const HOLDERS: bool>(term: Term<'_>, words: fn(Object<'_>) -> usize) -> usize {
    let mut seen: HashSet<Word, FxBuildHasher> = HashSet::default();
    walk::<HOLDERS>(
        term,
        |word| !literal::is_literal(word::pointer(word)) && seen.insert(word),
        words,
    )
}

/// Sums `words` over all that the term reaches, going only through those objects that `enter` admits; the
/// holders of bit strings are among them if `HOLDERS` says so.
fn walk<const HOLDERS: bool>(
    term: Term<'_>,
    mut enter: impl FnMut(Word) -> bool,
    words: fn(Object<'_>) -> usize,
) -> usize {
    let mut sum = 0;
    let mut pending: SmallVec<[Word; 32]> = SmallVec::new();
    pending.push(term.word());
    while let Some(current) = pending.pop() {
        if word::is_immediate(current) {
            sum += words(Object::Immediate(current));
        } else if !enter(current) {
        } else if word::is_cons(current) {
            sum += words(Object::Cons);
            let at = word::pointer(current);
            // SAFETY: a cell of a living term has two terms.
            pending.extend(unsafe { [*at, *at.add(1)] });
        } else {
            // SAFETY: reached from a living term.
            let object: Term<'_> = unsafe { Term::from_word(current) };
            sum += words(Object::Boxed(object));
            let payload = object.payload();
            match word::header_kind(object.header()) {
                // What a part of a bit string shows is counted with it.
                BoxedKind::SubBits | BoxedKind::MatchContext if !HOLDERS => {}
                kind => pending.extend_from_slice(&payload[kind.raw_words().min(payload.len())..]),
            }
        }
    }
    sum
}

fn heap_binary(bytes: usize) -> usize {
    2 + bytes.div_ceil(8)
}

const STOCK_COUNTED_BINARY: usize = 6;
const STOCK_PART: usize = 5;

fn stock_words(object: Object<'_>) -> usize {
    let term = match object {
        Object::Immediate(word) => {
            let fits = !word::is_small(word) || STOCK_SMALL.contains(&word::small_value(word));
            return if fits { 0 } else { 2 };
        }
        Object::Cons => return 2,
        Object::Boxed(term) => term,
    };
    let header = term.header();
    let size = word::header_words(header);
    match word::header_kind(header) {
        BoxedKind::Tuple if size == 0 => 0,
        BoxedKind::Tuple => 1 + size,
        BoxedKind::BigPositive | BoxedKind::BigNegative | BoxedKind::Float => 1 + size,
        BoxedKind::Fun => 5 + size - 2,
        BoxedKind::ExportFun => 5,
        BoxedKind::Ref | BoxedKind::MagicRef => 3,
        BoxedKind::HeapBits => {
            let bits = term.payload()[0] as usize;
            let part = if bits.is_multiple_of(8) {
                0
            } else {
                STOCK_PART
            };
            part + heap_binary(bits.div_ceil(8))
        }
        BoxedKind::RefBin => STOCK_COUNTED_BINARY,
        BoxedKind::SubBits | BoxedKind::MatchContext => {
            let bits = term.as_bits().expect("a part is a bit string");
            let odd = bits.start() % 8 + bits.bit_len() % 8;
            let part = if odd == 0 { 0 } else { STOCK_PART };
            part + match bits.holder_term().boxed() {
                Some(BoxedKind::RefBin) => STOCK_COUNTED_BINARY,
                _ => heap_binary(bits.bit_len() / 8 + odd.div_ceil(8)),
            }
        }
        // The size of a flat map has a word of its own; the bitmap of a hash map's node is in its header.
        BoxedKind::FlatMap => 2 + size,
        BoxedKind::HashMap => size,
        BoxedKind::HashNode => size,
        BoxedKind::ExternalPid | BoxedKind::ExternalPort => 4,
        BoxedKind::ExternalRef => 3 + (1 + size - 2).div_ceil(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::{Heap, RawHeap};
    use crate::node_name;

    #[test]
    fn sizes_are_those_of_the_stock_vm() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let atom = Term::OK;
        let cell = heap.cons(atom, atom);
        let keys: Vec<Term<'_>> = (2..4).map(Term::int).collect();
        let node = node_name::intern(crate::atom!("a@b"), 1);
        let check = |term: Term<'_>, flat: usize, shared: usize| {
            assert_eq!(term.stock_flat_size(), flat);
            assert_eq!(term.stock_shared_size(), shared);
        };
        let same = |term, size| check(term, size, size);
        same(Term::NIL, 0);
        same(Term::int(42), 0);
        same(heap.tuple(&[]), 0);
        same(cell, 2);
        same(heap.tuple(&[atom, cell]), 5);
        same(heap.flat_map(&keys, &keys), 8);
        same(heap.flat_map(&[], &[]), 3);
        same(heap.integer((1 << 59) - 1), 0);
        same(heap.integer(1 << 59), 2);
        same(heap.integer(1 << 61), 2);
        same(heap.external_pid(node, 17), 4);
        same(heap.external_ref(node, &[42, 43, 44]), 5);
        same(heap.reference([1, 2]), 3);
        same(heap.binary(&[1, 2, 3]), 3);
        same(heap.binary(&[0; 64]), 10);
        same(heap.binary(&[0; 65]), 6);
        same(heap.bitstring(&[10], 7), 8);
        same(heap.bitstring(&[0; 81], 641), 11);
        check(heap.cons(cell, cell), 6, 4);
        assert_eq!(heap.cons(cell, cell).flat_words(), 6);
        assert_eq!(heap.cons(cell, cell).shared_words(), 4);
    }
}
