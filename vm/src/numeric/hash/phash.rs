//! The parts of `erlang:phash/2`: multiplication by primes, byte by byte.
//!
//! [`Phash`] is the state of a walk over a term, which calls a method for each part:
//! - tuple: the elements, then [`Phash::tuple`];
//! - list: each element ([`Phash::byte`] if 0–255), the tail, then [`Phash::list_end`] once;
//! - fun: [`Phash::local_fun`], then the free variables; or [`Phash::external_fun`];
//! - map: [`Phash::map`] with its hash by [`super::phash2`].

const ATOM: u32 = 268_440_163;
const BYTE: u32 = 268_439_161;
const POSITIVE: u32 = 268_435_459;
const NEGATIVE: u32 = 268_436_141;
const PID: u32 = 268_438_633;
const FLOAT: u32 = 268_437_017;
const LIST: u32 = 268_437_511;
const TUPLE: u32 = 268_439_627;
const FUN: u32 = 268_440_479;
const EXPORT: u32 = 268_440_577;
const BITS: u32 = 268_440_581;
const MAP: (u32, u32) = (268_440_593, 268_440_611);

/// The state of a walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phash(u32);

impl Phash {
    /// The start.
    pub fn new() -> Self {
        Phash(0)
    }

    /// The hash of what was walked.
    pub fn finish(self) -> u32 {
        self.0
    }

    #[inline]
    fn step(&mut self, prime: u32, value: u32) {
        self.0 = self.0.wrapping_mul(prime).wrapping_add(value);
    }

    fn word(&mut self, value: u32, prime: u32) {
        value
            .to_le_bytes()
            .iter()
            .for_each(|&byte| self.step(prime, u32::from(byte)));
    }

    /// An integer, its limbs lowest first (none for zero).
    pub fn integer(&mut self, negative: bool, limbs: &[u64]) {
        let (top, below) = limbs.split_last().unwrap_or((&0, &[]));
        for &limb in below {
            self.word(limb as u32, BYTE);
            self.word((limb >> 32) as u32, BYTE);
        }
        self.word(*top as u32, BYTE);
        if top >> 32 != 0 {
            self.word((top >> 32) as u32, BYTE);
        }
        self.0 = self
            .0
            .wrapping_mul(if negative { NEGATIVE } else { POSITIVE });
    }

    /// A byte (0–255) that is an element of a list.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.step(BYTE, u32::from(byte));
    }

    /// The end of a list, after its tail.
    pub fn list_end(&mut self) {
        self.0 = self.0.wrapping_mul(LIST);
    }

    /// The empty list.
    pub fn nil(&mut self) {
        self.step(POSITIVE, 1);
    }

    /// An atom, by [`super::atom_name`].
    pub fn atom(&mut self, name_hash: u32) {
        self.step(ATOM, name_hash);
    }

    /// A float; both zeros are the same.
    pub fn float(&mut self, value: f64) {
        let bits = if value == 0.0 { 0 } else { value.to_bits() };
        self.step(FLOAT, (bits >> 32) as u32 ^ bits as u32);
    }

    /// Some bytes of a binary.
    pub fn bytes(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|&byte| self.step(ATOM, u32::from(byte)));
    }

    /// The end of a binary of so many whole bytes, with the value and number of bits left over, if any.
    pub fn binary_end(&mut self, size: usize, last: Option<(u8, u8)>) {
        if let Some((value, bits)) = last {
            self.step(ATOM, u32::from(value));
            self.step(BITS, u32::from(bits));
        }
        self.step(NEGATIVE, size as u32);
    }

    /// The number of a pid.
    pub fn pid(&mut self, number: u32) {
        self.word(number, PID);
        self.0 = self.0.wrapping_mul(FLOAT);
    }

    /// The number of a port.
    pub fn port(&mut self, number: u64) {
        if number >> 32 != 0 {
            self.word((number >> 32) as u32, EXPORT);
        }
        self.reference(number as u32);
    }

    /// The first number of a reference.
    pub fn reference(&mut self, first_number: u32) {
        self.word(first_number, TUPLE);
        self.0 = self.0.wrapping_mul(FUN);
    }

    /// A tuple, after its elements.
    pub fn tuple(&mut self, arity: usize) {
        self.step(TUPLE, arity as u32);
    }

    /// A fun of a module, before its free variables.
    pub fn local_fun(&mut self, free: usize, module_hash: u32, index: u32, old_uniq: u32) {
        self.step(FUN, free as u32);
        self.step(ATOM, module_hash);
        self.step(BYTE, index);
        self.step(BYTE, old_uniq);
    }

    /// `fun M:F/A`.
    pub fn external_fun(&mut self, module_hash: u32, function_hash: u32, arity: u32) {
        self.step(EXPORT, arity);
        self.step(ATOM, module_hash);
        self.step(ATOM, function_hash);
    }

    /// A map, by its [`super::phash2`] hash.
    pub fn map(&mut self, hash: u32) {
        self.step(MAP.0, MAP.1.wrapping_add(hash));
    }
}

/// `erlang:phash/2`: 1 to `range`; none stands for 2^32.
pub fn in_range(hash: u32, range: Option<u32>) -> u64 {
    match range {
        Some(range) => 1 + u64::from(hash % range),
        None => 1 + u64::from(hash),
    }
}
