//! The parts of `erlang:phash2`: Bob Jenkins' mixing function, and a constant for each type.
//!
//! [`Phash2`] is the state of a walk over a term, which calls a method for each part, in this order:
//! - tuple: [`Phash2::tuple`], then the elements;
//! - list: runs of bytes (0–255) through [`Bytes`], each other element as itself; then the tail;
//! - fun: [`Phash2::local_fun`], then the free variables; or [`Phash2::external_fun`];
//! - map: [`Phash2::map`], then a new state for each pair (key, then value); the results joined by
//!   exclusive or go to [`Phash2::pairs`];
//! - binary: [`Phash2::binary`], or [`Phash2::begin_binary`] and so on for one in pieces.

/// 2^32 divided by the golden ratio; each type has its own multiple.
const GOLDEN: u32 = 0x9E37_79B9;

const fn multiple(of: u32) -> u32 {
    GOLDEN.wrapping_mul(of)
}

const INTEGER: u32 = multiple(1);
const FUN: u32 = multiple(1);
const NIL: u32 = multiple(2);
const ATOM: u32 = multiple(3);
const STRING: u32 = multiple(4);
const PID: u32 = multiple(5);
const PORT: u32 = multiple(6);
const REFERENCE: u32 = multiple(7);
const TUPLE: u32 = multiple(9);
const NEGATIVE: u32 = multiple(10);
const POSITIVE: u32 = multiple(11);
const FLOAT: u32 = multiple(12);
const BINARY: u32 = multiple(13);
const EXPORT: u32 = multiple(14);
const BITS: u32 = multiple(15);
const MAP: u32 = multiple(16);
const PAIRS: u32 = multiple(19);

/// Bytes of a block of a binary.
const BLOCK: usize = 12;

/// Mixes three numbers reversibly.
#[inline]
fn mix(mut a: u32, mut b: u32, mut c: u32) -> (u32, u32, u32) {
    a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 13);
    b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 8);
    c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 13);
    a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 12);
    b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 16);
    c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 5);
    a = a.wrapping_sub(b).wrapping_sub(c) ^ (c >> 3);
    b = b.wrapping_sub(c).wrapping_sub(a) ^ (a << 10);
    c = c.wrapping_sub(a).wrapping_sub(b) ^ (b >> 15);
    (a, b, c)
}

/// The state of a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phash2(u32);

impl Phash2 {
    /// The start.
    pub fn new() -> Self {
        Phash2(0)
    }

    /// The hash of what was walked: `erlang:phash2/1` gives it modulo 2^27.
    pub fn finish(self) -> u32 {
        self.0
    }

    #[inline]
    fn two(&mut self, first: u32, second: u32, constant: u32) {
        let (_, _, hash) = mix(
            constant.wrapping_add(first),
            constant.wrapping_add(second),
            self.0,
        );
        self.0 = hash;
    }

    #[inline]
    fn one(&mut self, value: u32, constant: u32) {
        self.two(value, 0, constant);
    }

    /// A small integer (61 bits); for others see [`Phash2::big`].
    pub fn small(&mut self, value: i64) {
        if (-(1 << 27)..1 << 27).contains(&value) {
            let value = value as i32;
            if value < 0 {
                self.one(value.unsigned_abs(), INTEGER);
            }
            self.one(value as u32, INTEGER);
        } else {
            self.big(value < 0, &[value.unsigned_abs()]);
        }
    }

    /// A bignum, its limbs lowest first.
    pub fn big(&mut self, negative: bool, limbs: &[u64]) {
        let constant = if negative { NEGATIVE } else { POSITIVE };
        for &limb in limbs {
            self.two(limb as u32, (limb >> 32) as u32, constant);
        }
    }

    /// A float; both zeros are the same.
    pub fn float(&mut self, value: f64) {
        let bits = if value == 0.0 { 0 } else { value.to_bits() };
        self.two((bits >> 32) as u32, bits as u32, FLOAT);
    }

    /// An atom, by [`super::atom_name`].
    pub fn atom(&mut self, name_hash: u32) {
        if self.0 == 0 {
            self.0 = name_hash;
        } else {
            self.one(name_hash, ATOM);
        }
    }

    /// The empty list.
    pub fn nil(&mut self) {
        if self.0 == 0 {
            self.0 = 3_468_870_702;
        } else {
            self.one(NIL_TAG, NIL);
        }
    }

    /// The number of a pid.
    pub fn pid(&mut self, number: u32) {
        self.one(number, PID);
    }

    /// The number of a port.
    pub fn port(&mut self, number: u64) {
        self.two(number as u32, (number >> 32) as u32, PORT);
    }

    /// The first number of a reference.
    pub fn reference(&mut self, first_number: u32) {
        self.one(first_number, REFERENCE);
    }

    /// A tuple, before its elements.
    pub fn tuple(&mut self, arity: usize) {
        self.one(arity as u32, TUPLE);
    }

    /// A map, before its pairs.
    pub fn map(&mut self, size: usize) {
        self.one(size as u32, MAP);
    }

    /// The pairs of a map that is not empty: their hashes joined by exclusive or.
    pub fn pairs(&mut self, joined: u32) {
        self.one(joined, PAIRS);
    }

    /// A fun of a module, before its free variables.
    pub fn local_fun(&mut self, free: usize, module_hash: u32, index: u32, old_uniq: u32) {
        self.two(free as u32, module_hash, FUN);
        self.two(index, old_uniq, FUN);
    }

    /// `fun M:F/A`.
    pub fn external_fun(&mut self, module_hash: u32, function_hash: u32, arity: u32) {
        self.two(arity, module_hash, FUN);
        self.one(function_hash, EXPORT);
    }

    /// A bit string: whole bytes, then the value and number of bits left over, if any.
    pub fn binary(&mut self, bytes: &[u8], last: Option<(u8, u8)>) {
        let state = self.begin_binary();
        let whole = bytes.len() - bytes.len() % BLOCK;
        let state = state.blocks(&bytes[..whole]);
        self.end_binary(state, &bytes[whole..], bytes.len(), last);
    }

    /// Starts a binary that comes in pieces.
    pub fn begin_binary(&self) -> BinaryState {
        BinaryState {
            a: GOLDEN,
            b: GOLDEN,
            c: BINARY.wrapping_add(self.0),
        }
    }

    /// Ends it, with fewer bytes than a block, and the size of all (the stock VM takes it modulo 2^32, and no
    /// more bytes than that).
    pub fn end_binary(
        &mut self,
        state: BinaryState,
        rest: &[u8],
        size: usize,
        last: Option<(u8, u8)>,
    ) {
        if size == 0 && last.is_none() {
            self.0 = state.c;
            return;
        }
        let mut padded = [0; BLOCK];
        // The first byte of the third word is taken by the size.
        for (index, &byte) in rest.iter().enumerate() {
            padded[if index < 8 { index } else { index + 1 }] = byte;
        }
        let state = BinaryState {
            c: state.c.wrapping_add(size as u32),
            ..state
        };
        self.0 = state.block(&padded).c;
        if let Some((value, bits)) = last {
            self.two(u32::from(bits), u32::from(value), BITS);
        }
    }
}

/// What the stock VM counts the empty list as among the types of terms.
const NIL_TAG: u32 = 2;

/// The state within a binary.
#[derive(Clone, Copy, Debug)]
pub struct BinaryState {
    a: u32,
    b: u32,
    c: u32,
}

impl BinaryState {
    /// The size of the pieces: a multiple of this.
    pub const BLOCK: usize = BLOCK;

    /// Takes whole blocks; bytes beyond the last one are left out.
    #[must_use]
    pub fn blocks(self, bytes: &[u8]) -> Self {
        bytes
            .as_chunks::<BLOCK>()
            .0
            .iter()
            .fold(self, |state, block| state.block(block))
    }

    #[inline]
    fn block(self, block: &[u8; BLOCK]) -> Self {
        let word = |at: usize| {
            u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        };
        let (a, b, c) = mix(
            self.a.wrapping_add(word(0)),
            self.b.wrapping_add(word(4)),
            self.c.wrapping_add(word(8)),
        );
        BinaryState { a, b, c }
    }
}

/// A run of bytes within a list: hashed four at a time. The run ends at the first other element, or at the
/// tail.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bytes {
    word: u32,
    count: u32,
}

impl Bytes {
    /// The next byte of the run.
    #[inline]
    pub fn push(&mut self, byte: u8, hash: &mut Phash2) {
        self.word = self.word << 8 | u32::from(byte);
        self.count += 1;
        if self.count == 4 {
            hash.one(self.word, STRING);
            *self = Bytes::default();
        }
    }

    /// The run ends.
    #[inline]
    pub fn end(self, hash: &mut Phash2) {
        if self.count > 0 {
            hash.one(self.word, STRING);
        }
    }
}
