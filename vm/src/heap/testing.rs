//! Random terms for tests.

use std::sync::Arc;

use super::Heap;
use crate::atom::Atom;
use crate::binary::BinaryData;
use crate::code::fun::FunId;
use crate::code::{Export, FunEntry, Mfa};
use crate::node_name;
use crate::term::word::{self, Word};
use crate::term::{Kind, MapForm, Pid, PortId, Term};

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
        // The stock VM reads no references of more schedulers than it has.
        10 => heap.reference([(number % 7) << 32 | number % 2, number >> 46]),
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
        _ => heap.magic_ref(Arc::new(number), [(number % 5) << 32, number >> 46]),
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

/// The hash map of pairs with different keys, more than a flat map holds (see `map` for the form).
pub(crate) fn hash_map<'h>(heap: Heap<'h>, pairs: &[(Term<'h>, Term<'h>)]) -> Term<'h> {
    fn node<'h>(heap: Heap<'h>, level: u32, leaves: &[(u64, Term<'h>)]) -> (u64, Vec<Term<'h>>) {
        if level == 16 {
            return (0, leaves.iter().map(|leaf| leaf.1).collect());
        }
        let (mut bitmap, mut children) = (0, Vec::new());
        for slot in 0..16 {
            let mine: Vec<_> = leaves
                .iter()
                .copied()
                .filter(|leaf| leaf.0 >> (60 - 4 * level) & 15 == slot)
                .collect();
            bitmap |= u64::from(!mine.is_empty()) << slot;
            match mine[..] {
                [] => {}
                [(_, leaf)] => children.push(leaf),
                _ => {
                    let (bitmap, below) = node(heap, level + 1, &mine);
                    children.push(heap.hash_node(bitmap, &below));
                }
            }
        }
        (bitmap, children)
    }
    let leaves: Vec<(u64, Term<'h>)> = pairs
        .iter()
        .map(|&(key, value)| (key.internal_hash(), heap.cons(key, value)))
        .collect();
    let (bitmap, children) = node(heap, 0, &leaves);
    heap.hash_map(pairs.len(), bitmap, &children)
}

/// The term as an expression that the stock VM can evaluate; none for what cannot be written so.
pub(crate) fn source(term: Term<'_>) -> Option<String> {
    let all = |terms: &[Term<'_>]| -> Option<String> {
        let parts: Option<Vec<String>> = terms.iter().map(|&term| source(term)).collect();
        Some(parts?.join(","))
    };
    let external = |tag: &[u8], node: &node_name::Node, rest: &[u8]| {
        let name = node.name.name().as_bytes();
        let mut bytes = vec![131];
        bytes.extend_from_slice(tag);
        bytes.extend_from_slice(&[119, name.len() as u8]);
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(rest);
        format!("binary_to_term(<<{}>>)", join(&bytes))
    };
    Some(match term.kind() {
        Kind::Small(value) => value.to_string(),
        Kind::Big(big) => {
            let mut out = Vec::new();
            crate::numeric::big::print(big, 10, &mut out);
            String::from_utf8(out).expect("digits")
        }
        Kind::Float(value) => {
            let text = format!("{value:?}");
            match text.contains('.') {
                true => text,
                false => text.replace('e', ".0e"),
            }
        }
        Kind::Atom(atom) => {
            let escaped = |char: char| match char.is_ascii() {
                true => char.to_string(),
                false => format!("\\x{{{:x}}}", char as u32),
            };
            format!("'{}'", atom.name().chars().map(escaped).collect::<String>())
        }
        Kind::Pid(pid) => format!("list_to_pid(\"<0.{}.{}>\")", pid.number(), pid.serial()),
        Kind::Port(port) => format!("list_to_port(\"#Port<0.{}>\")", port.0),
        Kind::Ref(reference) => {
            let [a, b, c] = crate::reference::display_words(reference.number());
            format!("list_to_ref(\"#Ref<0.{a}.{b}.{c}>\")")
        }
        Kind::Nil => "[]".into(),
        Kind::Cons(cell) => format!("[{}|{}]", source(cell.head())?, source(cell.tail())?),
        Kind::Tuple(tuple) => format!("{{{}}}", all(tuple.elements())?),
        Kind::Map(map) => {
            let pairs: Option<Vec<String>> = match map.form() {
                MapForm::Flat { keys, values, .. } => keys
                    .iter()
                    .zip(values)
                    .map(|(&key, &value)| Some(format!("{}=>{}", source(key)?, source(value)?)))
                    .collect(),
                MapForm::Hash { .. } => crate::term::order::leaves(term)
                    .iter()
                    .filter_map(|leaf| leaf.as_cons())
                    .map(|leaf| {
                        Some(format!(
                            "{}=>{}",
                            source(leaf.head())?,
                            source(leaf.tail())?
                        ))
                    })
                    .collect(),
            };
            format!("#{{{}}}", pairs?.join(","))
        }
        Kind::Bits(bits) => {
            let bytes = bits.aligned();
            let (whole, rest) = (bits.bit_len() / 8, bits.bit_len() % 8);
            let mut parts: Vec<String> = bytes[..whole].iter().map(u8::to_string).collect();
            if rest > 0 {
                parts.push(format!("{}:{rest}", bytes[whole] >> (8 - rest)));
            }
            format!("<<{}>>", parts.join(","))
        }
        Kind::Export(export) => format!("fun {}", export.mfa),
        Kind::Fun(_) => return None,
        Kind::ExternalPid(id) => {
            let (number, serial) = id.pid_parts();
            let rest = [number, serial, id.node().creation]
                .map(u32::to_be_bytes)
                .concat();
            external(&[88], id.node(), &rest)
        }
        Kind::ExternalPort(id) => {
            let rest = [
                &id.data()[0].to_be_bytes()[..],
                &id.node().creation.to_be_bytes(),
            ]
            .concat();
            external(&[120], id.node(), &rest)
        }
        Kind::ExternalRef(id) => {
            let words = id.reference_words();
            let mut rest = id.node().creation.to_be_bytes().to_vec();
            rest.extend(words.iter().flat_map(|&word| (word as u32).to_be_bytes()));
            external(&[90, 0, words.len() as u8], id.node(), &rest)
        }
    })
}

fn join(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes.iter().map(u8::to_string).collect();
    parts.join(",")
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
    if let Some((bitmap, children)) = term.map_node() {
        let parts: Vec<String> = children.iter().map(|&child| describe_node(child)).collect();
        return format!("node {bitmap:x}({})", parts.join(","));
    }
    describe(term)
}
