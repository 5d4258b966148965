//! The bits of a term: the one place that knows them.
//!
//! A term is one 64-bit word whose three low bits say what it is. Apart from "small integer" (`000`) a
//! term has exactly one of them set, so that every type check is one test instruction:
//!
//! ```text
//!  63                                                  6 5   3 2 1 0
//! +-----------------------------------------------------------+-----+
//! |                 61-bit two's complement                    0 0 0|  small integer
//! |                payload (58 bits)               | subtag |  0 0 1|  immediate: atom, pid, port, [], catch, return address
//! |                address of a boxed object's header          0 1 0|  boxed
//! |                address of a cons cell (head, tail)         1 0 0|  cons
//! |   words that follow (56 bits)      | boxed kind (5 bits) | 1 1 0|  header; only ever the first word of a boxed object
//! |                                                            1 1 1|  no value (never seen by a program)
//! +-----------------------------------------------------------------+
//! ```
//!
//! A boxed object is its header and as many words as the header says. Which of those words are terms is
//! decided by its kind alone ([`BoxedKind::raw_words`]), so that the collector, the copier and the heap
//! checker need no knowledge of single kinds. A moved object is recognised by its first word: a header
//! replaced by a boxed pointer, or a cons cell whose head is [`NO_VALUE`] (the tail then points to it).

/// A term as the machine holds it.
pub type Word = u64;

/// Mask of the primary tag.
pub const TAG_MASK: Word = 0b111;
/// Primary tag of a small integer.
pub const TAG_SMALL: Word = 0b000;
/// Primary tag of an immediate.
pub const TAG_IMMEDIATE: Word = 0b001;
/// Primary tag of a pointer to a boxed object.
pub const TAG_BOXED: Word = 0b010;
/// Primary tag of a pointer to a cons cell.
pub const TAG_CONS: Word = 0b100;
/// Primary tag of a header word.
pub const TAG_HEADER: Word = 0b110;
/// What a native function returns when there is no term to return; also marks moved cons cells.
pub const NO_VALUE: Word = 0b111;

/// The smallest small integer.
pub const SMALL_MIN: i64 = -(1 << 60);
/// The largest small integer.
pub const SMALL_MAX: i64 = (1 << 60) - 1;

/// Mask of an immediate's tag and subtag.
pub const IMMEDIATE_MASK: Word = 0b111_111;
/// How far an immediate's payload is shifted.
pub const IMMEDIATE_SHIFT: u32 = 6;
/// Tag and subtag of an atom; the payload is its index.
pub const IMM_ATOM: Word = 0b000_001;
/// Tag and subtag of a local pid; the payload is its number in the process table.
pub const IMM_PID: Word = 0b001_001;
/// Tag and subtag of a local port; the payload is its number in the port table.
pub const IMM_PORT: Word = 0b010_001;
/// The empty list.
pub const NIL: Word = 0b011_001;
/// Tag and subtag of a catch frame's handler; the payload is the handler's address. Only on a stack.
pub const IMM_CATCH: Word = 0b100_001;
/// Tag and subtag of a return address; the payload is the address. Only on a stack.
pub const IMM_RETURN: Word = 0b101_001;

/// How far the kind of a boxed object is shifted in its header.
pub const HEADER_KIND_SHIFT: u32 = 3;
/// How far the number of words is shifted in a header.
pub const HEADER_SIZE_SHIFT: u32 = 8;

/// What a boxed object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum BoxedKind {
    /// Elements.
    Tuple = 0,
    /// Limbs, least significant first; the value is not negative.
    BigPositive = 1,
    /// Limbs of the magnitude of a negative integer.
    BigNegative = 2,
    /// One word, the bits of an `f64`.
    Float = 3,
    /// `&'static FunEntry`, then the environment.
    Fun = 4,
    /// `&'static Export`.
    ExportFun = 5,
    /// Two words: a local reference's number (see `term::reference`).
    Ref = 6,
    /// Next off-heap object, `Arc<dyn Resource>` (two words), and a reference's two words.
    MagicRef = 7,
    /// Length in bits, then the bytes.
    HeapBits = 8,
    /// Next off-heap object, `Arc<BinaryData>`.
    RefBin = 9,
    /// First bit, length in bits, and the `HeapBits` or `RefBin` that holds the bytes.
    SubBits = 10,
    /// Like `SubBits`: position and end in bits, and the holder. Never seen by a program as a term.
    MatchContext = 11,
    /// Tuple of the keys in order, then the values in that order.
    FlatMap = 12,
    /// Number of associations (small), bitmap (small), then the children.
    HashMap = 13,
    /// Bitmap (small), then the children.
    HashNode = 14,
    /// `&'static Node`, number.
    ExternalPid = 15,
    /// `&'static Node`, number.
    ExternalPort = 16,
    /// `&'static Node`, number of 32-bit words, then two or three words of them.
    ExternalRef = 17,
}

impl BoxedKind {
    /// Every kind, by number.
    pub const ALL: [BoxedKind; 18] = {
        use BoxedKind::*;
        [
            Tuple,
            BigPositive,
            BigNegative,
            Float,
            Fun,
            ExportFun,
            Ref,
            MagicRef,
            HeapBits,
            RefBin,
            SubBits,
            MatchContext,
            FlatMap,
            HashMap,
            HashNode,
            ExternalPid,
            ExternalPort,
            ExternalRef,
        ]
    };

    /// How many of the words after the header are not terms; `usize::MAX` where none is a term.
    #[inline]
    pub const fn raw_words(self) -> usize {
        match self {
            BoxedKind::Tuple | BoxedKind::FlatMap | BoxedKind::HashMap | BoxedKind::HashNode => 0,
            BoxedKind::Fun => 1,
            BoxedKind::SubBits | BoxedKind::MatchContext => 2,
            _ => usize::MAX,
        }
    }

    /// Whether the object's second word links it into its heap's list of off-heap objects, because it
    /// holds a counted pointer that must be dropped when the object dies.
    #[inline]
    pub const fn is_off_heap(self) -> bool {
        matches!(self, BoxedKind::RefBin | BoxedKind::MagicRef)
    }
}

/// The header of a boxed object of `words` words after the header.
#[inline]
pub const fn header(kind: BoxedKind, words: usize) -> Word {
    ((words as Word) << HEADER_SIZE_SHIFT) | ((kind as Word) << HEADER_KIND_SHIFT) | TAG_HEADER
}

/// The kind in a header.
#[inline(always)]
pub const fn header_kind(header: Word) -> BoxedKind {
    let number = (header >> HEADER_KIND_SHIFT) as u8 & 0b1_1111;
    debug_assert!((number as usize) < BoxedKind::ALL.len());
    // SAFETY: a header is what `header` made of a kind, whose number this is.
    unsafe { std::mem::transmute::<u8, BoxedKind>(number) }
}

/// The number of words after a header.
#[inline]
pub const fn header_words(header: Word) -> usize {
    (header >> HEADER_SIZE_SHIFT) as usize
}

/// The word of a small integer that is known to fit.
#[inline]
pub const fn small(value: i64) -> Word {
    (value << 3) as Word
}

/// The value of a small integer's word.
#[inline]
pub const fn small_value(word: Word) -> i64 {
    (word as i64) >> 3
}

/// Whether a value fits a small integer.
#[inline]
pub const fn fits_small(value: i64) -> bool {
    value >= SMALL_MIN && value <= SMALL_MAX
}

/// The word of an immediate.
#[inline]
pub const fn immediate(tag: Word, payload: u64) -> Word {
    (payload << IMMEDIATE_SHIFT) | tag
}

/// The payload of an immediate.
#[inline]
pub const fn payload(word: Word) -> u64 {
    word >> IMMEDIATE_SHIFT
}

/// Whether the word is a small integer.
#[inline]
pub const fn is_small(word: Word) -> bool {
    word & TAG_MASK == TAG_SMALL
}

/// Whether both words are small integers.
#[inline]
pub const fn both_small(a: Word, b: Word) -> bool {
    (a | b) & TAG_MASK == 0
}

/// Whether the word is a cons cell.
#[inline]
pub const fn is_cons(word: Word) -> bool {
    word & TAG_MASK == TAG_CONS
}

/// Whether the word points to a boxed object.
#[inline]
pub const fn is_boxed(word: Word) -> bool {
    word & TAG_MASK == TAG_BOXED
}

/// Whether a word that is a term points to a boxed object: [`is_boxed`] in one instruction.
#[inline(always)]
pub const fn is_boxed_term(term: Word) -> bool {
    debug_assert!(!is_header(term) && term != NO_VALUE);
    term & TAG_BOXED != 0
}

/// Whether a word that is a term is a cons cell.
#[inline(always)]
pub const fn is_cons_term(term: Word) -> bool {
    debug_assert!(!is_header(term) && term != NO_VALUE);
    term & TAG_CONS != 0
}

/// Whether the word is a header.
#[inline]
pub const fn is_header(word: Word) -> bool {
    word & TAG_MASK == TAG_HEADER
}

/// Whether the word is an atom.
#[inline]
pub const fn is_atom(word: Word) -> bool {
    word & IMMEDIATE_MASK == IMM_ATOM
}

/// Whether the word is no pointer to a heap.
#[inline]
pub const fn is_immediate(word: Word) -> bool {
    word & (TAG_BOXED | TAG_CONS) == 0
}

/// The address in a boxed or cons word.
#[inline]
pub const fn pointer(word: Word) -> *mut Word {
    (word & !TAG_MASK) as *mut Word
}

/// The word of a boxed object at an address.
#[inline]
pub fn boxed(at: *const Word) -> Word {
    at as Word | TAG_BOXED
}

/// The word of a cons cell at an address.
#[inline]
pub fn cons(at: *const Word) -> Word {
    at as Word | TAG_CONS
}

const _: () = {
    assert!(NIL & TAG_MASK == TAG_IMMEDIATE);
    assert!(is_immediate(small(-1)) && is_immediate(NIL) && is_immediate(IMM_RETURN));
    assert!(
        small_value(small(SMALL_MIN)) == SMALL_MIN && small_value(small(SMALL_MAX)) == SMALL_MAX
    );
    let mut kind = 0;
    while kind < BoxedKind::ALL.len() {
        assert!(BoxedKind::ALL[kind] as usize == kind);
        kind += 1;
    }
};
