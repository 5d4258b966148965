//! Terms: what Erlang values look like to Rust code.
//!
//! A [`Term<'h>`] is a word whose memory is known to stay where it is for `'h`: the time between two
//! collections of the heap that holds it. Code outside this crate's unsafe islands never sees the bits
//! (see [`word`]); it matches on [`Term::kind`] and builds through [`Heap`](crate::heap::Heap).
//!
//! `'h` is handed out by whoever holds the heap: for a BIF it is the length of the call, during which
//! nothing is ever moved (what does not fit the heap goes to a fragment, and the collection waits for the
//! call's end). A term therefore cannot be kept beyond the call:
//!
//! ```compile_fail
//! fn keep<'p>(call: vm::bif::Call<'p>) -> vm::term::Term<'static> {
//!     call.arg(0)
//! }
//! ```

pub mod bits;
pub mod compare;
mod compare_bits;
pub mod display;
mod equal;
pub mod hash;
pub(crate) mod order;
pub mod phash;
pub mod size;
pub mod views;
pub mod word;

#[cfg(test)]
mod tests;

use std::marker::PhantomData;

use crate::atom::Atom;
use word::{BoxedKind, Word};

pub use bits::Bits;
pub use views::{Cons, ExternalId, Fun, Map, MapForm, Reference, Tuple};

/// An Erlang value, valid for `'h`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Term<'h>(Word, PhantomData<&'h Word>);

// SAFETY: a term is a word; what it points to is never written while a term of this lifetime exists
// (heaps are only appended to between collections).
unsafe impl Send for Term<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Term<'_> {}

/// A local process's number: its place in the process table and how often that was used. The bits are
/// those that OTP prints: 15 bits of number, then the serial.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Pid(pub u64);

impl Pid {
    /// What is printed as the second number of a pid (OTP: 15 bits).
    pub const fn number(self) -> u32 {
        self.0 as u32 & 0x7fff
    }

    /// What is printed as the third number of a pid.
    pub const fn serial(self) -> u32 {
        (self.0 >> 15) as u32
    }
}

/// A local port's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PortId(pub u64);

/// What a term is, taken apart.
#[derive(Clone, Copy)]
pub enum Kind<'h> {
    /// A small integer.
    Small(i64),
    /// A large integer; its limbs are `views::big`.
    Big(Big<'h>),
    /// A float.
    Float(f64),
    /// An atom.
    Atom(Atom),
    /// A pid of this node.
    Pid(Pid),
    /// A port of this node.
    Port(PortId),
    /// A reference of this node, magic or not.
    Ref(Reference<'h>),
    /// The empty list.
    Nil,
    /// A non-empty list.
    Cons(Cons<'h>),
    /// A tuple.
    Tuple(Tuple<'h>),
    /// A map.
    Map(Map<'h>),
    /// A bit string; a binary if its length is a multiple of eight.
    Bits(Bits<'h>),
    /// A fun of a module's own.
    Fun(Fun<'h>),
    /// `fun M:F/A`.
    Export(&'static crate::code::Export),
    /// A pid, port or reference of another node.
    ExternalPid(ExternalId<'h>),
    /// A port of another node.
    ExternalPort(ExternalId<'h>),
    /// A reference of another node.
    ExternalRef(ExternalId<'h>),
}

/// A large integer: sign and magnitude.
pub use crate::numeric::big::BigRef as Big;

impl<'h> Term<'h> {
    /// The empty list.
    pub const NIL: Term<'static> = Term(word::NIL, PhantomData);
    /// The atom `true`.
    pub const TRUE: Term<'static> = Term::atom(crate::atom::well_known::TRUE);
    /// The atom `false`.
    pub const FALSE: Term<'static> = Term::atom(crate::atom::well_known::FALSE);
    /// The atom `undefined`.
    pub const UNDEFINED: Term<'static> = Term::atom(crate::atom::well_known::UNDEFINED);
    /// The atom `ok`.
    pub const OK: Term<'static> = Term::atom(crate::atom::well_known::OK);

    /// The term of a word.
    ///
    /// # Safety
    /// The word is a term, and all that it reaches stays in place and unchanged for `'h`.
    #[inline(always)]
    pub const unsafe fn from_word(word: Word) -> Term<'h> {
        Term(word, PhantomData)
    }

    /// Its word.
    #[inline(always)]
    pub const fn word(self) -> Word {
        self.0
    }

    /// An atom's term.
    #[inline(always)]
    pub const fn atom(atom: Atom) -> Term<'h> {
        Term(
            word::immediate(word::IMM_ATOM, atom.index() as u64),
            PhantomData,
        )
    }

    /// `true` or `false`.
    #[inline(always)]
    pub const fn bool(value: bool) -> Term<'h> {
        if value {
            Term::atom(crate::atom::well_known::TRUE)
        } else {
            Term::atom(crate::atom::well_known::FALSE)
        }
    }

    /// A small integer's term, if the value fits 61 bits.
    #[inline(always)]
    pub const fn small(value: i64) -> Option<Term<'h>> {
        if word::fits_small(value) {
            Some(Term(word::small(value), PhantomData))
        } else {
            None
        }
    }

    /// The term of an integer of at most 32 bits, which always is a small one.
    #[inline(always)]
    pub const fn int(value: i32) -> Term<'h> {
        Term(word::small(value as i64), PhantomData)
    }

    /// The term of a count of things in memory, which cannot exceed 60 bits.
    #[inline(always)]
    pub const fn size(value: usize) -> Term<'h> {
        Term(word::small(value as i64), PhantomData)
    }

    /// A local pid's term.
    #[inline(always)]
    pub const fn pid(pid: Pid) -> Term<'h> {
        Term(word::immediate(word::IMM_PID, pid.0), PhantomData)
    }

    /// A local port's term.
    #[inline(always)]
    pub const fn port(port: PortId) -> Term<'h> {
        Term(word::immediate(word::IMM_PORT, port.0), PhantomData)
    }

    /// What it is.
    #[inline]
    pub fn kind(self) -> Kind<'h> {
        match self.0 & word::TAG_MASK {
            word::TAG_SMALL => Kind::Small(word::small_value(self.0)),
            word::TAG_CONS => Kind::Cons(Cons(self)),
            word::TAG_BOXED => self.boxed_kind(),
            _ => match self.0 & word::IMMEDIATE_MASK {
                word::IMM_ATOM => Kind::Atom(Atom(word::payload(self.0) as u32)),
                word::IMM_PID => Kind::Pid(Pid(word::payload(self.0))),
                word::IMM_PORT => Kind::Port(PortId(word::payload(self.0))),
                word::NIL => Kind::Nil,
                other => unreachable!("no term: {:#x} (tag {other:#b})", self.0),
            },
        }
    }

    /// What it is, if it is boxed.
    #[inline]
    pub(crate) fn kind_if_boxed(self) -> Option<Kind<'h>> {
        word::is_boxed(self.0).then(|| self.boxed_kind())
    }

    fn boxed_kind(self) -> Kind<'h> {
        let kind = word::header_kind(self.header());
        match kind {
            BoxedKind::Tuple => Kind::Tuple(Tuple(self)),
            BoxedKind::BigPositive => Kind::Big(Big {
                negative: false,
                limbs: self.payload(),
            }),
            BoxedKind::BigNegative => Kind::Big(Big {
                negative: true,
                limbs: self.payload(),
            }),
            BoxedKind::Float => Kind::Float(f64::from_bits(self.payload()[0])),
            BoxedKind::Fun => Kind::Fun(Fun(self)),
            BoxedKind::ExportFun => {
                let export = self.payload()[0] as *const crate::code::Export;
                // SAFETY: the only word of an export fun is a `&'static Export` (`Heap::export_fun`).
                Kind::Export(unsafe { &*export })
            }
            BoxedKind::Ref | BoxedKind::MagicRef => Kind::Ref(Reference(self)),
            BoxedKind::HeapBits
            | BoxedKind::RefBin
            | BoxedKind::SubBits
            | BoxedKind::MatchContext => Kind::Bits(Bits::of_boxed(self)),
            BoxedKind::FlatMap | BoxedKind::HashMap => Kind::Map(Map(self)),
            BoxedKind::HashNode => unreachable!("the inner node of a map is no term"),
            BoxedKind::ExternalPid => Kind::ExternalPid(ExternalId(self)),
            BoxedKind::ExternalPort => Kind::ExternalPort(ExternalId(self)),
            BoxedKind::ExternalRef => Kind::ExternalRef(ExternalId(self)),
        }
    }

    /// The header of a boxed term.
    #[inline(always)]
    pub(crate) fn header(self) -> Word {
        debug_assert!(word::is_boxed(self.0));
        // SAFETY: a boxed word points to a header, which stays for `'h`.
        unsafe { *word::pointer(self.0) }
    }

    /// The words after the header of a boxed term.
    #[inline]
    pub(crate) fn payload(self) -> &'h [Word] {
        let words = word::header_words(self.header());
        // SAFETY:
        // 1. The header says how many words follow, all of the same object.
        // 2. They are not written for `'h`.
        unsafe { std::slice::from_raw_parts(word::pointer(self.0).add(1), words) }
    }

    /// The kind of a boxed term; none where the term is not boxed.
    #[inline]
    pub(crate) fn boxed(self) -> Option<BoxedKind> {
        word::is_boxed(self.0).then(|| word::header_kind(self.header()))
    }

    /// Whether it is this atom.
    #[inline(always)]
    pub fn is_atom(self, atom: Atom) -> bool {
        self.0 == Term::atom(atom).0
    }

    /// Whether it is the empty list.
    #[inline(always)]
    pub fn is_nil(self) -> bool {
        self.0 == word::NIL
    }

    /// Whether it is no pointer: then it is equal to the same word only.
    #[inline(always)]
    pub fn is_immediate(self) -> bool {
        word::is_immediate(self.0)
    }

    /// Whether it is the same word: true for equal immediates, and for one and the same object.
    #[inline(always)]
    pub fn same(self, other: Term<'_>) -> bool {
        self.0 == other.0
    }

    /// The atom, if it is one.
    #[inline]
    pub fn as_atom(self) -> Option<Atom> {
        word::is_atom(self.0).then(|| Atom(word::payload(self.0) as u32))
    }

    /// The small integer, if it is one.
    #[inline]
    pub fn as_small(self) -> Option<i64> {
        word::is_small(self.0).then(|| word::small_value(self.0))
    }

    /// Its value, if it is an integer of at most 64 bits, signed.
    pub fn as_i64(self) -> Option<i64> {
        match self.kind() {
            Kind::Small(value) => Some(value),
            Kind::Big(Big {
                negative: false,
                limbs: &[limb],
            }) => i64::try_from(limb).ok(),
            Kind::Big(Big {
                negative: true,
                limbs: &[limb],
            }) if limb <= 1 << 63 => Some((limb as i64).wrapping_neg()),
            _ => None,
        }
    }

    /// Its value, if it is an integer from 0 below 2^64.
    pub fn as_u64(self) -> Option<u64> {
        match self.kind() {
            Kind::Small(value) => u64::try_from(value).ok(),
            Kind::Big(Big {
                negative: false,
                limbs: &[limb],
            }) => Some(limb),
            _ => None,
        }
    }

    /// Its value, if it is a small integer that fits `usize`.
    pub fn as_usize(self) -> Option<usize> {
        self.as_small()
            .and_then(|value| usize::try_from(value).ok())
    }

    /// `true` or `false` as a `bool`.
    pub fn as_bool(self) -> Option<bool> {
        if self.same(Term::TRUE) {
            Some(true)
        } else if self.same(Term::FALSE) {
            Some(false)
        } else {
            None
        }
    }

    /// The tuple, if it is one.
    #[inline]
    pub fn as_tuple(self) -> Option<Tuple<'h>> {
        (self.boxed() == Some(BoxedKind::Tuple)).then_some(Tuple(self))
    }

    /// The tuple's elements, if it is one of this size.
    pub fn as_tuple_of<const N: usize>(self) -> Option<[Term<'h>; N]> {
        self.as_tuple()?.elements().try_into().ok()
    }

    /// The cell, if it is a non-empty list.
    #[inline]
    pub fn as_cons(self) -> Option<Cons<'h>> {
        word::is_cons(self.0).then_some(Cons(self))
    }

    /// The bit string, if it is one (match contexts count as what they match).
    pub fn as_bits(self) -> Option<Bits<'h>> {
        match self.boxed()? {
            BoxedKind::HeapBits
            | BoxedKind::RefBin
            | BoxedKind::SubBits
            | BoxedKind::MatchContext => Some(Bits::of_boxed(self)),
            _ => None,
        }
    }

    /// The fun, if it is one that is not an external function's.
    #[inline]
    pub(crate) fn as_closure(self) -> Option<Fun<'h>> {
        (self.boxed() == Some(BoxedKind::Fun)).then_some(Fun(self))
    }

    /// The map, if it is one.
    #[inline]
    pub fn as_map(self) -> Option<Map<'h>> {
        matches!(self.boxed()?, BoxedKind::FlatMap | BoxedKind::HashMap).then_some(Map(self))
    }

    /// The pid of this node, if it is one.
    pub fn as_pid(self) -> Option<Pid> {
        (self.0 & word::IMMEDIATE_MASK == word::IMM_PID).then(|| Pid(word::payload(self.0)))
    }

    /// The port of this node, if it is one.
    pub fn as_port(self) -> Option<PortId> {
        (self.0 & word::IMMEDIATE_MASK == word::IMM_PORT).then(|| PortId(word::payload(self.0)))
    }

    /// Whether it is an integer of either size.
    pub fn is_integer(self) -> bool {
        word::is_small(self.0)
            || matches!(
                self.boxed(),
                Some(BoxedKind::BigPositive | BoxedKind::BigNegative)
            )
    }

    /// The elements of a list, ending with what the last cell's tail is.
    pub fn list(self) -> ListIter<'h> {
        ListIter { rest: self }
    }

    /// The number of elements, if it is a proper list.
    pub fn list_len(self) -> Option<usize> {
        let mut cells = self.list();
        let len = cells.by_ref().count();
        cells.rest.is_nil().then_some(len)
    }

    /// The elements, if it is a proper list.
    pub fn proper_list(self) -> Option<Vec<Term<'h>>> {
        let mut cells = self.list();
        let elements = cells.by_ref().collect();
        cells.rest.is_nil().then_some(elements)
    }
}

/// The elements of a list. When it ends, [`rest`](ListIter::rest) is the last cell's tail.
#[derive(Clone, Copy)]
pub struct ListIter<'h> {
    rest: Term<'h>,
}

impl<'h> ListIter<'h> {
    /// What has not been visited: a list, or what an improper one ends with.
    pub fn rest(&self) -> Term<'h> {
        self.rest
    }
}

impl<'h> Iterator for ListIter<'h> {
    type Item = Term<'h>;
    #[inline]
    fn next(&mut self) -> Option<Term<'h>> {
        let cell = self.rest.as_cons()?;
        self.rest = cell.tail();
        Some(cell.head())
    }
}

impl From<Atom> for Term<'_> {
    fn from(atom: Atom) -> Self {
        Term::atom(atom)
    }
}

impl From<bool> for Term<'_> {
    fn from(value: bool) -> Self {
        Term::bool(value)
    }
}
