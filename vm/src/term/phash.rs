//! `erlang:phash2` and `erlang:phash`: the hashes of terms that are the same on every node.
//!
//! The walks call the parts in [`numeric::hash`](crate::numeric::hash) in the order that these ask for.
//! [`Phash2Walk`] can stop at any place: what it has still to do is a list of terms, which a BIF keeps where the
//! collector finds them, and plain data about each ([`Suspended`]).

use smallvec::SmallVec;

use super::compare::reference_parts;
use super::views::{MapForm, terms};
use super::{Bits, Kind, Term};
use crate::atom::Atom;
use crate::heap::copy::copy_bits;
use crate::numeric::hash::atom_name;
use crate::numeric::hash::phash::Phash;
use crate::numeric::hash::phash2::{BinaryState, Bytes, Phash2};

/// Bytes of a binary that are hashed between two looks at the budget.
const CHUNK: usize = 128 * BinaryState::BLOCK;

/// What is to be done with a term.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Hash all of it.
    Whole,
    /// Hash the elements of a tuple from this one on.
    Elements(usize),
    /// Hash the free variables of a fun from this one on.
    Environment(usize),
    /// Hash the rest of a list, in which a run of bytes may have begun.
    List(Bytes),
    /// Hash the rest of a binary from this byte on.
    Binary(BinaryState, usize),
    /// Hash the associations of a flat map from this one on; the map's own step is the one given.
    Flat(usize, usize),
    /// Hash the children of a node of a hash map from this one on.
    Node(usize, usize),
    /// An association of the map with that step has been hashed.
    Joined(usize),
    /// All associations of a map have been hashed: the hash from before, and the joined hashes.
    Map(Phash2, u32),
}

/// Hashing a term by `phash2`.
pub struct Phash2Walk<'h> {
    hash: Phash2,
    steps: Vec<Step>,
    terms: Vec<Term<'h>>,
}

/// A walk that has stopped, without its terms.
pub struct Suspended {
    hash: Phash2,
    steps: Vec<Step>,
}

impl<'h> Phash2Walk<'h> {
    /// Begins to hash a term.
    pub fn new(term: Term<'h>) -> Phash2Walk<'h> {
        Phash2Walk {
            hash: Phash2::new(),
            steps: vec![Step::Whole],
            terms: vec![term],
        }
    }

    /// Takes the walk apart: what to keep until it goes on, and the terms that belong to it. Inner parts of
    /// maps are among them, so no program may see them.
    pub fn suspend(self) -> (Suspended, Vec<Term<'h>>) {
        let Phash2Walk { hash, steps, terms } = self;
        (Suspended { hash, steps }, terms)
    }

    /// Goes on with the terms that [`suspend`](Phash2Walk::suspend) gave.
    pub fn resume(suspended: Suspended, terms: Vec<Term<'h>>) -> Phash2Walk<'h> {
        let Suspended { hash, steps } = suspended;
        debug_assert_eq!(steps.len(), terms.len());
        Phash2Walk { hash, steps, terms }
    }

    /// Hashes on, taking one from the budget for each term or block of bytes. The hash, of 32 bits, when it is
    /// done; none when the budget is used up.
    pub fn run(&mut self, budget: &mut usize) -> Option<u32> {
        while let Some(step) = self.steps.pop() {
            let term = self.terms.pop().expect("a term for each step");
            if *budget == 0 {
                self.push(step, term);
                return None;
            }
            *budget -= 1;
            self.step(step, term, budget);
        }
        Some(self.hash.finish())
    }

    fn push(&mut self, step: Step, term: Term<'h>) {
        self.steps.push(step);
        self.terms.push(term);
    }

    /// Pushes the step for the next of some terms, and that term.
    fn push_next(&mut self, all: &'h [Term<'h>], at: usize, step: Step, owner: Term<'h>) {
        if let Some(&next) = all.get(at) {
            if at + 1 < all.len() {
                self.push(step, owner);
            }
            self.push(Step::Whole, next);
        }
    }

    fn step(&mut self, step: Step, term: Term<'h>, budget: &mut usize) {
        match step {
            Step::Whole => self.whole(term),
            Step::Elements(at) => {
                let elements = term.as_tuple().expect("its elements are hashed").elements();
                self.push_next(elements, at, Step::Elements(at + 1), term);
            }
            Step::Environment(at) => {
                if let Kind::Fun(fun) = term.kind() {
                    self.push_next(fun.env(), at, Step::Environment(at + 1), term);
                }
            }
            Step::List(bytes) => self.list(bytes, term, budget),
            Step::Binary(state, at) => self.binary(term, state, at),
            Step::Flat(map, at) => {
                if let Some(MapForm::Flat { keys, values, .. }) =
                    term.as_map().map(|map| map.form())
                    && at < keys.len()
                {
                    self.push(Step::Flat(map, at + 1), term);
                    self.pair(map, keys[at], values[at]);
                }
            }
            Step::Node(map, at) => self.node(term, map, at),
            Step::Joined(map) => {
                let pair = std::mem::take(&mut self.hash).finish();
                let Some(Step::Map(_, joined)) = self.steps.get_mut(map) else {
                    unreachable!("a map's step stays below its associations'")
                };
                *joined ^= pair;
            }
            Step::Map(before, joined) => {
                self.hash = before;
                self.hash.pairs(joined);
            }
        }
    }

    fn whole(&mut self, term: Term<'h>) {
        let hash = &mut self.hash;
        match term.kind() {
            Kind::Small(value) => hash.small(value),
            Kind::Big(big) => hash.big(big.negative, big.limbs),
            Kind::Float(value) => hash.float(value),
            Kind::Atom(atom) => hash.atom(name_hash(atom)),
            Kind::Nil => hash.nil(),
            Kind::Pid(pid) => hash.pid(pid.number()),
            Kind::ExternalPid(id) => hash.pid(id.pid_parts().0),
            Kind::Port(port) => hash.port(port.0),
            Kind::ExternalPort(id) => hash.port(id.data()[0]),
            Kind::Ref(_) | Kind::ExternalRef(_) => hash.reference(first_number(term)),
            Kind::Export(export) => {
                let mfa = &export.mfa;
                hash.external_fun(name_hash(mfa.module), name_hash(mfa.function), mfa.arity);
            }
            Kind::Fun(fun) => {
                let id = &fun.entry().id;
                hash.local_fun(fun.env().len(), name_hash(id.module), id.new_index, id.uniq);
                self.push(Step::Environment(0), term);
            }
            Kind::Tuple(tuple) => {
                hash.tuple(tuple.arity());
                self.push(Step::Elements(0), term);
            }
            Kind::Cons(_) => self.push(Step::List(Bytes::default()), term),
            Kind::Bits(_) => {
                let state = hash.begin_binary();
                self.push(Step::Binary(state, 0), term);
            }
            Kind::Map(map) => {
                hash.map(map.len());
                if map.is_empty() {
                    return;
                }
                let at = self.steps.len();
                let before = std::mem::take(&mut self.hash);
                self.push(Step::Map(before, 0), Term::NIL);
                match map.form() {
                    MapForm::Flat { .. } => self.push(Step::Flat(at, 0), term),
                    MapForm::Hash { .. } => self.push(Step::Node(at, 0), term),
                }
            }
        }
    }

    /// Hashes the elements of a list up to one that needs steps of its own.
    fn list(&mut self, mut bytes: Bytes, mut rest: Term<'h>, budget: &mut usize) {
        while let Some(cell) = rest.as_cons() {
            let head = cell.head();
            if let Some(byte) = as_byte(head) {
                if *budget == 0 {
                    return self.push(Step::List(bytes), rest);
                }
                *budget -= 1;
                bytes.push(byte, &mut self.hash);
                rest = cell.tail();
            } else {
                bytes.end(&mut self.hash);
                self.push(Step::List(Bytes::default()), cell.tail());
                return self.push(Step::Whole, head);
            }
        }
        bytes.end(&mut self.hash);
        self.push(Step::Whole, rest);
    }

    fn binary(&mut self, term: Term<'h>, state: BinaryState, at: usize) {
        let bits = term.as_bits().expect("its bytes are hashed");
        let size = bits.bit_len() / 8;
        let mut room = [0; CHUNK];
        let left = size - at;
        if left >= CHUNK {
            let state = state.blocks(bytes_at(bits, at, &mut room));
            return self.push(Step::Binary(state, at + CHUNK), term);
        }
        let bytes = bytes_at(bits, at, &mut room[..left]);
        let whole = left - left % BinaryState::BLOCK;
        let state = state.blocks(&bytes[..whole]);
        self.hash
            .end_binary(state, &bytes[whole..], size, last_bits(bits));
    }

    fn pair(&mut self, map: usize, key: Term<'h>, value: Term<'h>) {
        self.push(Step::Joined(map), Term::NIL);
        self.push(Step::Whole, value);
        self.push(Step::Whole, key);
    }

    fn node(&mut self, term: Term<'h>, map: usize, at: usize) {
        let children = match term.map_node() {
            Some((_, children)) => children,
            None => &terms(term.payload())[2..],
        };
        if let Some(&child) = children.get(at) {
            self.push(Step::Node(map, at + 1), term);
            match child.as_cons() {
                Some(leaf) => self.pair(map, leaf.head(), leaf.tail()),
                None => self.push(Step::Node(map, 0), child),
            }
        }
    }
}

fn name_hash(atom: Atom) -> u32 {
    atom_name(atom.name().as_bytes())
}

fn first_number(reference: Term<'_>) -> u32 {
    reference_parts(reference).map_or(0, |(_, numbers)| numbers[0] as u32)
}

fn as_byte(term: Term<'_>) -> Option<u8> {
    term.as_small().and_then(|value| u8::try_from(value).ok())
}

/// Bytes of a bit string from one on: borrowed where they are aligned, else copied into the room, whose size
/// says how many.
fn bytes_at<'a>(bits: Bits<'a>, at: usize, room: &'a mut [u8]) -> &'a [u8] {
    let start = bits.start() + 8 * at;
    if start % 8 == 0 {
        &bits.holder()[start / 8..start / 8 + room.len()]
    } else {
        copy_bits(bits.holder(), start, 8 * room.len(), room);
        room
    }
}

/// The value and number of the bits after the last whole byte.
fn last_bits(bits: Bits<'_>) -> Option<(u8, u8)> {
    let count = bits.bit_len() % 8;
    if count == 0 {
        return None;
    }
    let mut last = [0];
    let start = bits.start() + bits.bit_len() - count;
    copy_bits(bits.holder(), start, count, &mut last);
    Some((last[0] >> (8 - count), count as u8))
}

impl Term<'_> {
    /// Its `phash2`, of 32 bits, in one go.
    pub fn phash2(self) -> u32 {
        Phash2Walk::new(self)
            .run(&mut usize::MAX.clone())
            .expect("a budget that nothing can use up")
    }

    /// Its `phash`, of 32 bits.
    pub fn phash(self) -> u32 {
        phash(self)
    }
}

/// What [`phash`] has still to do.
enum Pending<'h> {
    Terms(&'h [Term<'h>]),
    TupleEnd(usize),
    List(Term<'h>),
    ListEnd,
}

fn phash<'h>(term: Term<'h>) -> u32 {
    let mut hash = Phash::new();
    let mut pending: SmallVec<[Pending<'h>; 8]> = SmallVec::new();
    let mut next = Some(term);
    loop {
        if let Some(term) = next.take() {
            add(&mut hash, term, &mut pending);
        }
        match pending.pop() {
            None => return hash.finish(),
            Some(Pending::Terms(all)) => {
                if let Some((&first, rest)) = all.split_first() {
                    pending.push(Pending::Terms(rest));
                    next = Some(first);
                }
            }
            Some(Pending::TupleEnd(arity)) => hash.tuple(arity),
            Some(Pending::List(list)) => {
                let mut rest = list;
                while let Some(cell) = rest.as_cons()
                    && let Some(byte) = as_byte(cell.head())
                {
                    hash.byte(byte);
                    rest = cell.tail();
                }
                match rest.as_cons() {
                    Some(cell) => {
                        pending.push(Pending::List(cell.tail()));
                        next = Some(cell.head());
                    }
                    None => {
                        pending.push(Pending::ListEnd);
                        next = Some(rest);
                    }
                }
            }
            Some(Pending::ListEnd) => hash.list_end(),
        }
    }
}

fn add<'h>(hash: &mut Phash, term: Term<'h>, pending: &mut SmallVec<[Pending<'h>; 8]>) {
    match term.kind() {
        Kind::Small(0) => hash.integer(false, &[]),
        Kind::Small(value) => hash.integer(value < 0, &[value.unsigned_abs()]),
        Kind::Big(big) => hash.integer(big.negative, big.limbs),
        Kind::Float(value) => hash.float(value),
        Kind::Atom(atom) => hash.atom(name_hash(atom)),
        Kind::Nil => hash.nil(),
        Kind::Pid(pid) => hash.pid(pid.number()),
        Kind::ExternalPid(id) => hash.pid(id.pid_parts().0),
        Kind::Port(port) => hash.port(port.0),
        Kind::ExternalPort(id) => hash.port(id.data()[0]),
        Kind::Ref(_) | Kind::ExternalRef(_) => hash.reference(first_number(term)),
        Kind::Export(export) => {
            let mfa = &export.mfa;
            hash.external_fun(name_hash(mfa.module), name_hash(mfa.function), mfa.arity);
        }
        Kind::Fun(fun) => {
            let id = &fun.entry().id;
            hash.local_fun(fun.env().len(), name_hash(id.module), id.new_index, id.uniq);
            pending.push(Pending::Terms(fun.env()));
        }
        Kind::Tuple(tuple) => {
            pending.push(Pending::TupleEnd(tuple.arity()));
            pending.push(Pending::Terms(tuple.elements()));
        }
        Kind::Cons(_) => pending.push(Pending::List(term)),
        Kind::Bits(bits) => {
            let size = bits.bit_len() / 8;
            let mut room = [0; CHUNK];
            for at in (0..size).step_by(CHUNK) {
                let count = (size - at).min(CHUNK);
                hash.bytes(bytes_at(bits, at, &mut room[..count]));
            }
            hash.binary_end(size, last_bits(bits));
        }
        Kind::Map(_) => hash.map(term.phash2()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::{self, Random, hash_map, source};
    use crate::heap::{Heap, RawHeap};
    use crate::numeric::oracle;

    /// Hashes a term in steps, each walk ending after a few.
    fn in_steps(term: Term<'_>, random: &mut Random) -> u32 {
        let mut walk = Phash2Walk::new(term);
        loop {
            if let Some(hash) = walk.run(&mut random.below(5).clone()) {
                return hash;
            }
            let (suspended, terms) = walk.suspend();
            walk = Phash2Walk::resume(suspended, terms);
        }
    }

    #[test]
    fn hashes_are_those_of_the_stock_vm() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let random = &mut Random::new(11);
        let mut all: Vec<Term<'_>> = (0..2500)
            .map(|_| testing::term(heap, random, 4, &mut Vec::new()))
            .collect();
        let whole = heap.binary(&random.bytes(5000)).as_bits().expect("bits");
        all.extend([0, 3].map(|from| heap.part(whole, from, 39_000)));
        all.extend([0, 5].map(|from| heap.part(whole, from, 38_995)));
        let pairs: Vec<_> = (0..100)
            .map(|key| (Term::int(key), heap.list(&[Term::int(key), Term::OK])))
            .collect();
        all.push(hash_map(heap, &pairs));
        all.push(heap.byte_list(&random.bytes(1000), Term::NIL));
        all.push(heap.byte_list(&random.bytes(1001), heap.tuple(&[])));
        let (terms, expressions): (Vec<Term<'_>>, Vec<String>) = all
            .iter()
            .filter_map(|&term| {
                let text = source(term)?;
                let hashes = "[erlang:phash2(X, 1 bsl 32), erlang:phash(X, 1 bsl 32)]";
                Some((term, format!("begin X = {text}, {hashes} end")))
            })
            .unzip();
        assert!(terms.len() > 1000);
        let Some(answers) = oracle::erl(&expressions) else {
            return;
        };
        for ((term, expression), answer) in terms.iter().zip(&expressions).zip(&answers) {
            let hashes = format!("[{},{}]", term.phash2(), u64::from(term.phash()) + 1);
            assert_eq!(&hashes, answer, "{expression}");
            assert_eq!(in_steps(*term, random), term.phash2(), "{expression}");
        }
    }

    #[test]
    fn depth_is_no_matter() {
        let raw = RawHeap::detached();
        let heap = Heap::new(&raw);
        let deep = (0..200_000).fold(Term::NIL, |inner, _| {
            heap.tuple(&[heap.flat_map(&[Term::OK], &[inner]), Term::OK])
        });
        assert_eq!(deep.phash2(), in_steps(deep, &mut Random::new(1)));
        let deep = (0..200_000).fold(Term::NIL, |inner, _| {
            heap.tuple(&[heap.list(&[inner]), Term::OK])
        });
        assert_ne!(deep.phash(), 0);
    }
}
