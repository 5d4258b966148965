//! The node's own hash of terms, for maps and tables: fast, of 64 bits, equal for terms that are exactly
//! equal. Programs do not see it, except by the order of large maps.

use smallvec::SmallVec;

use super::compare;
use super::order::leaves;
use super::views::terms;
use super::word::{self, BoxedKind, Word};
use super::{Kind, Term};
use crate::numeric::hash::fast;

/// Tells an element of a list from the same term elsewhere.
const ELEMENT: Word = 0x6c62_272e_07bb_0142;

/// What is still to be hashed.
enum Pending<'h> {
    /// Terms, one after the other.
    Terms(&'h [Term<'h>]),
    /// A list.
    List(Term<'h>),
    Leaves(Box<Leaves<'h>>),
}

/// Associations of a hash map, in no order: each is hashed on its own, and their sum goes into the hash from
/// before.
struct Leaves<'h> {
    rest: Vec<Term<'h>>,
    sum: u64,
    before: u64,
}

impl Term<'_> {
    /// Its hash.
    #[inline]
    pub fn internal_hash(self) -> u64 {
        if word::is_immediate(self.word()) {
            fast::word(self.word(), 0)
        } else {
            hash(self)
        }
    }
}

fn hash<'h>(term: Term<'h>) -> u64 {
    let mut pending: SmallVec<[Pending<'h>; 8]> = SmallVec::new();
    let mut hash = add(term, 0, &mut pending);
    loop {
        match pending.last_mut() {
            None => return hash,
            Some(Pending::Terms(rest)) => match rest.split_first() {
                None => {
                    pending.pop();
                }
                Some((&first, others)) => {
                    *rest = others;
                    if others.is_empty() {
                        pending.pop();
                    }
                    hash = add(first, hash, &mut pending);
                }
            },
            Some(Pending::List(list)) => {
                let mut rest = *list;
                let mut inner = None;
                while let Some(cell) = rest.as_cons() {
                    let head = cell.head();
                    rest = cell.tail();
                    if word::is_immediate(head.word()) {
                        hash = fast::word(head.word() ^ ELEMENT, hash);
                    } else {
                        hash = fast::word(ELEMENT, hash);
                        inner = Some(head);
                        break;
                    }
                }
                *list = rest;
                match inner {
                    Some(head) => hash = add(head, hash, &mut pending),
                    None => {
                        pending.pop();
                        hash = add(rest, hash, &mut pending);
                    }
                }
            }
            Some(Pending::Leaves(leaves)) => {
                // The pair before this one is done, if there was one.
                leaves.sum = leaves.sum.wrapping_add(hash);
                hash = 0;
                match leaves.rest.pop() {
                    Some(pair) => pending.push(Pending::Terms(pair.cell())),
                    None => {
                        hash = fast::mix(leaves.sum ^ ELEMENT, leaves.before);
                        pending.pop();
                    }
                }
            }
        }
    }
}

/// Adds a term to a hash; what does not follow from its own words is left for later.
#[inline]
fn add<'h>(term: Term<'h>, hash: u64, pending: &mut SmallVec<[Pending<'h>; 8]>) -> u64 {
    if word::is_immediate(term.word()) {
        return fast::word(term.word(), hash);
    }
    if word::is_cons(term.word()) {
        pending.push(Pending::List(term));
        return hash;
    }
    let header = term.header();
    let kind = word::header_kind(header);
    let words = term.payload();
    match kind {
        BoxedKind::Tuple | BoxedKind::FlatMap => {
            pending.push(Pending::Terms(terms(words)));
            fast::word(header, hash)
        }
        BoxedKind::BigPositive | BoxedKind::BigNegative => fast::words(words, hash ^ header),
        BoxedKind::Float => {
            let value = f64::from_bits(words[0]);
            let bits = match value == 0.0 && !compare::zeros_differ() {
                true => 0,
                false => words[0],
            };
            fast::word(bits ^ header, hash)
        }
        BoxedKind::HashMap => {
            pending.push(Pending::Leaves(Box::new(Leaves {
                rest: leaves(term),
                sum: 0,
                before: fast::word(words[0] ^ word::header(kind, 0), hash),
            })));
            0
        }
        BoxedKind::HashNode => unreachable!("the inner node of a map is no term"),
        _ => add_opaque(term, hash, pending),
    }
}

/// Bit strings, funs, and identifiers.
fn add_opaque<'h>(term: Term<'h>, hash: u64, pending: &mut SmallVec<[Pending<'h>; 8]>) -> u64 {
    const BITS: Word = word::header(BoxedKind::HeapBits, 0);
    const REFERENCE: Word = word::header(BoxedKind::Ref, 0);
    match term.kind() {
        Kind::Bits(bits) => fast::bytes(
            &bits.aligned(),
            hash ^ fast::word(BITS, bits.bit_len() as u64),
        ),
        Kind::Fun(fun) => {
            let id = &fun.entry().id;
            let env = fun.env();
            pending.push(Pending::Terms(env));
            let module = u64::from(id.module.index()) << 32 | env.len() as u64;
            fast::words(
                &[module, u64::from(id.new_index) << 32 | u64::from(id.uniq)],
                hash ^ word::header(BoxedKind::Fun, 0),
            )
        }
        Kind::Export(export) => fast::word(
            std::ptr::from_ref(export) as u64,
            hash ^ word::header(BoxedKind::ExportFun, 0),
        ),
        _ => match compare::reference_parts(term) {
            Some((node, numbers)) => {
                let node = node.map_or(0, |node| std::ptr::from_ref(node) as u64);
                fast::words(&numbers, hash ^ fast::word(REFERENCE, node))
            }
            // Pids and ports of other nodes: the node and the number.
            None => fast::words(term.payload(), hash ^ term.header()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::{self, Random};
    use crate::heap::{Heap, RawHeap};

    #[test]
    fn equal_terms_have_equal_hashes_and_others_do_not() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let random = &mut Random::new(5);
        let mut all: Vec<Term<'_>> = Vec::new();
        for _ in 0..1500 {
            let made = testing::term(heap, random, 3, &mut Vec::new());
            assert_eq!(heap.copy(made).internal_hash(), made.internal_hash());
            all.push(made);
        }
        for (index, &a) in all.iter().enumerate() {
            for &b in &all[..index] {
                let same = a.internal_hash() == b.internal_hash();
                assert_eq!(same, a.exactly_equals(b));
            }
        }
    }

    #[test]
    fn shape_matters_and_representation_does_not() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let [one, two] = [Term::int(1), Term::int(2)];
        let nested = [
            heap.list(&[one, two]),
            heap.list(&[two, one]),
            heap.list(&[heap.list(&[one]), two]),
            heap.list(&[heap.list(&[one, two])]),
            heap.tuple(&[one, two]),
            heap.list_with_tail(&[one], two),
            heap.flat_map(&[one], &[two]),
        ];
        for (index, a) in nested.iter().enumerate() {
            for b in &nested[..index] {
                assert_ne!(a.internal_hash(), b.internal_hash());
            }
        }
        let whole = heap.binary(&[7; 100]).as_bits().expect("bits");
        let hash = heap.bitstring(&[7; 2], 13).internal_hash();
        assert_eq!(heap.part(whole, 8, 13).internal_hash(), hash);
        assert_ne!(heap.part(whole, 8, 14).internal_hash(), hash);
        assert_eq!(
            heap.float(0.0).internal_hash(),
            heap.float(-0.0).internal_hash()
        );
    }
}
