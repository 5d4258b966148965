//! Random terms for tests.

use std::sync::Arc;

use super::Heap;
use crate::atom::Atom;
use crate::binary::BinaryData;
use crate::code::fun::FunId;
use crate::code::{Export, FunEntry, Mfa};
use crate::node_name;
use crate::term::word::{self, Word};
use crate::term::{Kind, Pid, PortId, Term};

/// A small generator of random numbers (xorshift64*): tests must be repeatable.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 33) as usize) % limit
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

const ATOMS: [&str; 6] = ["a", "ok", "true", "hello world", "[]", "åäö"];

fn leaf<'h>(heap: Heap<'h>, random: &mut Random) -> Term<'h> {
    let number = random.next();
    match random.below(18) {
        0 => Term::int(number as i32 % 100),
        1 => heap.integer(number as i64),
        2 => heap.integer((number as i64) >> random.below(64)),
        3 => heap.float(f64::from(number as i32) / 8.0),
        4 => {
            let limbs: Vec<u64> = (0..1 + random.below(4)).map(|_| random.next()).collect();
            heap.big(random.chance(50), &limbs)
        }
        5 | 6 => Term::atom(Atom::from_static(ATOMS[random.below(ATOMS.len())])),
        7 => Term::NIL,
        8 => Term::pid(Pid(number >> 40)),
        9 => Term::port(PortId(number >> 40)),
        10 => heap.reference([number % 7, number >> 46]),
        11 => {
            let node =
                node_name::intern(Atom::from_static("other@host"), 1 + random.below(2) as u32);
            match random.below(3) {
                0 => heap.external_pid(node, number >> 36),
                1 => heap.external_port(node, number >> 36),
                _ => heap.external_ref(node, &[number as u32 & 0x3ffff, 7, (number >> 40) as u32]),
            }
        }
        12 => {
            let bits = random.below(520);
            heap.bitstring(&random.bytes(bits.div_ceil(8)), bits)
        }
        13 => heap.binary(&random.bytes([3, 64, 65, 300][number as usize % 4])),
        14 => {
            let len = 65 + random.below(200);
            let data = BinaryData::with_capacity(&random.bytes(len), 300);
            heap.ref_bin(data)
        }
        15 => {
            let len = 8 * (1 + random.below(100));
            let whole = heap.binary(&random.bytes(len)).as_bits().unwrap();
            let from = random.below(8 * len);
            heap.part(whole, from, random.below(8 * len - from + 1))
        }
        16 => heap.export_fun(Export::of(Mfa {
            module: Atom::from_static("m"),
            function: Atom::from_static("f"),
            arity: random.below(3) as u32,
        })),
        _ => heap.magic_ref(Arc::new(number), [number % 5, number >> 46]),
    }
}

/// A term of some thirty objects at most `depth` deep. Older terms given in `shared` may occur in it.
pub(crate) fn term<'h>(
    heap: Heap<'h>,
    random: &mut Random,
    depth: usize,
    shared: &mut Vec<Term<'h>>,
) -> Term<'h> {
    if depth == 0 || random.chance(15) {
        return leaf(heap, random);
    }
    if !shared.is_empty() && random.chance(20) {
        return shared[random.below(shared.len())];
    }
    let mut some = |random: &mut Random, limit: usize| -> Vec<Term<'h>> {
        (0..random.below(limit))
            .map(|_| term(heap, random, depth - 1, shared))
            .collect()
    };
    let made = match random.below(6) {
        0 => {
            let elements = some(random, 6);
            heap.list(&elements)
        }
        1 => {
            let elements = some(random, 4);
            heap.list_with_tail(&elements, leaf(heap, random))
        }
        2 | 3 => {
            let elements = some(random, 5);
            heap.tuple(&elements)
        }
        4 => {
            let values = some(random, 6);
            let keys: Vec<Term<'h>> = (0..values.len()).map(|key| Term::int(key as i32)).collect();
            heap.flat_map(&keys, &values)
        }
        _ => {
            let env = some(random, 3);
            let id = FunId {
                module: Atom::from_static("m"),
                new_uniq: [7; 16],
                new_index: env.len() as u32,
                uniq: 77,
                index: env.len() as u32,
                arity: 1,
            };
            let entry = FunEntry::of(id, Atom::from_static("-f/0-fun-0-"), env.len() as u32);
            heap.fun(entry, Term::pid(Pid(9)), &env)
        }
    };
    shared.push(made);
    made
}

/// A text that two terms share if they are the same, object by object. Recursive: for small terms only.
pub(crate) fn describe(term: Term<'_>) -> String {
    fn all(terms: &[Term<'_>]) -> String {
        let parts: Vec<String> = terms.iter().map(|&term| describe(term)).collect();
        parts.join(",")
    }
    match term.kind() {
        Kind::Cons(cell) => format!("[{}|{}]", describe(cell.head()), describe(cell.tail())),
        Kind::Tuple(tuple) => format!("{{{}}}", all(tuple.elements())),
        Kind::Map(map) => {
            let words = map.term().payload();
            let parts: Vec<String> = words
                .iter()
                // SAFETY: the words of a map are terms, inner nodes (which `describe_node` takes) among them.
                .map(|&word| describe_node(unsafe { Term::from_word(word) }))
                .collect();
            format!("#{{{}}}", parts.join(","))
        }
        Kind::Fun(fun) => format!(
            "fun({:p},{},{})",
            fun.entry(),
            describe(fun.creator()),
            all(fun.env())
        ),
        Kind::Bits(bits) => format!("<<{:?}:{}>>", bits.aligned(), bits.bit_len()),
        Kind::Ref(reference) => format!(
            "ref{:?}{:?}",
            reference.number(),
            reference.term().resource::<u64>()
        ),
        _ if word::is_boxed(term.word()) => {
            let words: &[Word] = term.payload();
            format!("{:?}{:?}", term.boxed(), words)
        }
        _ => format!("{:#x}", term.word()),
    }
}

fn describe_node(term: Term<'_>) -> String {
    if term.boxed() == Some(word::BoxedKind::HashNode) {
        let (bitmap, children) = crate::term::views::hash_node(term);
        let parts: Vec<String> = children.iter().map(|&child| describe_node(child)).collect();
        return format!("node {bitmap:x}({})", parts.join(","));
    }
    describe(term)
}
