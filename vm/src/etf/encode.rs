//! Writing the external term format.
//!
//! [`Encoder`] writes a term at a time; what it still has to write of lists, tuples, maps and funs waits on a
//! stack of [`Frame`]s, each of which looks into one term. The stack can be put away between two slices
//! ([`Encoder::suspend`]). Large binaries can be left out of the bytes and referred to instead (`iovec`).

use super::sink::{Count, Sink};
use super::spill::Spill;
use super::tags;
use crate::atom::Atom;
use crate::binary::HEAP_LIMIT;
use crate::heap::{Heap, RawHeap};
use crate::map;
use crate::term::{Bits, Fun, Kind, Map, MapForm, Term};

/// The most elements of a list that is written as a string (OTP: `MAX_STRING_LEN`).
const MAX_STRING: usize = 0xffff;
/// Bytes that are copied for one unit of budget.
const BYTES_PER_UNIT: usize = 64;
/// How many bytes of a binary are copied at once.
const COPY_CHUNK: usize = 64 * 1024;

/// A part of the term is too large for the format (`system_limit`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EncodeError;

/// How to write.
#[derive(Clone, Copy)]
pub struct EncodeOptions<'a> {
    /// Atoms in UTF-8 even where Latin-1 would do (`{minor_version, 2}`).
    pub utf8_atoms: bool,
    /// Floats as 64 bits, not as text (all but `{minor_version, 0}`).
    pub new_floats: bool,
    /// Large maps in the order of their keys (`deterministic`).
    pub deterministic: bool,
    /// Large binaries are referred to, not copied.
    pub iovec: bool,
    /// Atoms that are written as an index into a distribution header.
    pub cache: Option<&'a hashbrown::HashMap<Atom, u8>>,
}

impl Default for EncodeOptions<'_> {
    /// What `term_to_binary/1` does.
    fn default() -> Self {
        EncodeOptions {
            utf8_atoms: false,
            new_floats: true,
            deterministic: false,
            iovec: false,
            cache: None,
        }
    }
}

/// The bytes of a term, beginning with the version byte.
pub fn encode(term: Term<'_>, options: &EncodeOptions<'_>) -> Result<Vec<u8>, EncodeError> {
    let scratch = RawHeap::detached();
    let mut encoder = Encoder::new(term);
    encoder.run_to_end(Heap::new(&scratch), options)?;
    Ok(encoder.out)
}

/// The bytes of a term without version byte (as parts of distribution messages are).
pub fn encode_bare(term: Term<'_>, options: &EncodeOptions<'_>) -> Result<Vec<u8>, EncodeError> {
    let scratch = RawHeap::detached();
    let mut encoder = Encoder::bare(term);
    encoder.run_to_end(Heap::new(&scratch), options)?;
    Ok(encoder.out)
}

/// How many bytes [`encode`] gives at most.
pub fn external_size(term: Term<'_>, options: &EncodeOptions<'_>) -> Result<usize, EncodeError> {
    let scratch = RawHeap::detached();
    let mut encoder: Writer<'_, Count> = Writer::bare(term);
    encoder.run_to_end(Heap::new(&scratch), options)?;
    Ok(encoder.out.len() + 1)
}

/// What is still to be written of a term.
#[derive(Clone, Copy, Debug)]
enum Frame {
    /// The term.
    Term,
    /// A list, of which `count` elements were written; their number belongs `at` a place before.
    List { at: usize, count: usize },
    /// A tuple's elements from one on.
    Elements { next: usize },
    /// A flat map's keys and values in turn from one on.
    Flat { next: usize },
    /// The children of a node (or root) of a hash map from one on.
    Node { next: usize },
    /// A fun's free variables from one on. Then its size belongs `at` a place before; `inserted` bytes of
    /// binaries were left out when it began.
    Fun {
        next: usize,
        at: usize,
        inserted: usize,
    },
    /// The bytes of a binary from one on.
    Bytes { next: usize },
}

/// Where writing stands, apart from the terms.
#[derive(Debug)]
pub struct Progress {
    out: Vec<u8>,
    frames: Vec<Frame>,
    inserts: Vec<usize>,
    inserted: usize,
}

/// Writing a term into a buffer.
pub type Encoder<'h> = Writer<'h, Vec<u8>>;

/// Writing a term.
pub struct Writer<'h, S> {
    pub(super) out: S,
    frames: Vec<Frame>,
    /// The term that each frame looks into.
    terms: Spill<'h>,
    /// Where in `out` binaries belong that were left out, and how many bytes they have in all.
    inserts: Vec<usize>,
    inserted: usize,
    /// These binaries.
    binaries: Spill<'h>,
}

impl<'h> Encoder<'h> {
    /// Begins to write a term after the version byte.
    pub fn new(term: Term<'h>) -> Encoder<'h> {
        let mut encoder = Encoder::bare(term);
        encoder.out.push(tags::VERSION);
        encoder
    }

    /// The bytes, of a term without binaries that were left out.
    pub fn finish(self) -> Vec<u8> {
        debug_assert!(self.inserts.is_empty());
        self.out
    }

    /// The bytes as a list of binaries, those that were left out among them.
    pub fn finish_iovec(self, heap: Heap<'h>) -> Term<'h> {
        let binaries = self.binaries.all();
        let bytes = bytes::Bytes::from(self.out);
        let mut pieces = Vec::with_capacity(2 * binaries.len() + 1);
        let mut from = 0;
        let piece =
            |from: usize, to: usize| (to > from).then(|| heap.binary_from(bytes.slice(from..to)));
        for (at, binary) in self.inserts.into_iter().zip(binaries) {
            pieces.extend(piece(from, at));
            pieces.push(binary);
            from = at;
        }
        pieces.extend(piece(from, bytes.len()));
        heap.list(&pieces)
    }

    /// Puts the encoder away: the rest of its state is a term that must be kept.
    pub fn suspend(self, heap: Heap<'h>) -> (Progress, Term<'h>) {
        let kept = heap.cons(self.terms.suspend(heap), self.binaries.suspend(heap));
        let progress = Progress {
            out: self.out,
            frames: self.frames,
            inserts: self.inserts,
            inserted: self.inserted,
        };
        (progress, kept)
    }

    /// Takes an encoder up again.
    pub fn resume(progress: Progress, kept: Term<'h>) -> Encoder<'h> {
        let kept = kept.as_cons().expect("what was kept is a pair");
        Writer {
            out: progress.out,
            frames: progress.frames,
            terms: Spill::resume(kept.head()),
            inserts: progress.inserts,
            inserted: progress.inserted,
            binaries: Spill::resume(kept.tail()),
        }
    }
}

#[allow(private_bounds, reason = "sinks are this module's own")]
impl<'h, S: Sink> Writer<'h, S> {
    fn bare(term: Term<'h>) -> Writer<'h, S> {
        let mut writer = Writer {
            out: S::default(),
            frames: Vec::new(),
            terms: Spill::new(),
            inserts: Vec::new(),
            inserted: 0,
            binaries: Spill::new(),
        };
        writer.push(Frame::Term, term);
        writer
    }

    fn run_to_end(
        &mut self,
        heap: Heap<'h>,
        options: &EncodeOptions<'_>,
    ) -> Result<(), EncodeError> {
        loop {
            let mut budget = usize::MAX;
            if self.run(heap, options, &mut budget)? {
                return Ok(());
            }
        }
    }

    /// Writes on until all is written (true), or the budget (in parts of a term) is used up.
    pub fn run(
        &mut self,
        heap: Heap<'h>,
        options: &EncodeOptions<'_>,
        budget: &mut usize,
    ) -> Result<bool, EncodeError> {
        while *budget > 0 {
            *budget -= 1;
            match self.next(heap, budget)? {
                Next::Term(term) => self.write(heap, term, options, budget)?,
                Next::Nothing => {}
                Next::Done => return Ok(true),
            }
        }
        Ok(false)
    }

    fn push(&mut self, frame: Frame, term: Term<'h>) {
        self.frames.push(frame);
        self.terms.push(term);
    }

    fn pop(&mut self) -> Term<'h> {
        self.frames.pop();
        self.terms.pop()
    }

    /// The next term to be written.
    #[inline]
    fn next(&mut self, heap: Heap<'h>, budget: &mut usize) -> Result<Next<'h>, EncodeError> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(Next::Done);
        };
        let top = self.terms.top();
        let (term, last) = match frame {
            Frame::Term => (*top, true),
            Frame::List { at, count } => match top.as_cons() {
                Some(cell) => {
                    *count += 1;
                    *top = cell.tail();
                    (cell.head(), false)
                }
                None => {
                    self.out.patch(*at, size(*count)?);
                    (*top, true)
                }
            },
            Frame::Elements { next } => {
                let elements = top.as_tuple().expect("a tuple's frame").elements();
                *next += 1;
                (elements[*next - 1], *next == elements.len())
            }
            Frame::Flat { next } => {
                let (keys, values) = flat(*top);
                let term = if *next % 2 == 0 { keys } else { values }[*next / 2];
                *next += 1;
                (term, *next == 2 * keys.len())
            }
            Frame::Node { next } => {
                let children = children(*top);
                *next += 1;
                let (child, last) = (children[*next - 1], *next == children.len());
                return Ok(self.child(child, last));
            }
            Frame::Fun { next, at, inserted } => {
                let env = fun(*top).env();
                if *next == env.len() {
                    let len = self.out.len() - *at + (self.inserted - *inserted);
                    self.out.patch(*at, size(len)?);
                    self.pop();
                    return Ok(Next::Nothing);
                }
                *next += 1;
                (env[*next - 1], false)
            }
            Frame::Bytes { .. } => {
                self.copy_bytes(heap, budget);
                return Ok(Next::Nothing);
            }
        };
        if last {
            self.pop();
        }
        Ok(Next::Term(term))
    }

    /// A child of a node: an inner node, or a leaf, of which the key comes first.
    fn child(&mut self, child: Term<'h>, last: bool) -> Next<'h> {
        if last {
            self.pop();
        }
        match child.as_cons() {
            Some(leaf) => {
                self.push(Frame::Term, leaf.tail());
                Next::Term(leaf.head())
            }
            None => {
                self.push(Frame::Node { next: 0 }, child);
                Next::Nothing
            }
        }
    }

    /// Copies more of the topmost frame's binary.
    fn copy_bytes(&mut self, heap: Heap<'h>, budget: &mut usize) {
        let Some(Frame::Bytes { next }) = self.frames.last_mut() else {
            unreachable!("the caller saw the frame")
        };
        let bits = self.terms.top().as_bits().expect("a binary's frame");
        let count = (bits.bit_len() - *next).min(COPY_CHUNK * 8);
        let part = heap.part(bits, *next, count);
        let part = part.as_bits().expect("a part is a bit string");
        self.out.bytes(&part.aligned());
        *next += count;
        *budget = budget.saturating_sub(count / 8 / BYTES_PER_UNIT);
        if *next == bits.bit_len() {
            self.pop();
        }
    }

    /// Writes a term, or its beginning.
    fn write(
        &mut self,
        heap: Heap<'h>,
        term: Term<'h>,
        options: &EncodeOptions<'_>,
        budget: &mut usize,
    ) -> Result<(), EncodeError> {
        match term.kind() {
            Kind::Atom(atom) => self.atom(atom, options),
            Kind::Small(value) => self.small(value),
            Kind::Nil => self.out.byte(tags::NIL),
            Kind::Cons(_) => self.list(term, budget),
            Kind::Tuple(tuple) => {
                match tuple.arity() {
                    arity @ 0..=255 => self.out.bytes(&[tags::SMALL_TUPLE, arity as u8]),
                    arity => self.out.tag_u32(tags::LARGE_TUPLE, size(arity)?),
                }
                if tuple.arity() > 0 {
                    self.push(Frame::Elements { next: 0 }, term);
                }
            }
            Kind::Map(map) => self.map(heap, map, options)?,
            Kind::Bits(bits) => self.bits(heap, bits, options, budget)?,
            Kind::Float(value) => self.float(value, options),
            Kind::Big(big) => self.big(big.negative, big.limbs),
            Kind::Fun(fun) => self.fun(fun, options)?,
            Kind::Export(export) => {
                self.out.byte(tags::EXPORT);
                self.atom(export.mfa.module, options);
                self.atom(export.mfa.function, options);
                self.small(export.mfa.arity.into());
            }
            _ => self.identifier(term, options),
        }
        Ok(())
    }

    fn list(&mut self, term: Term<'h>, budget: &mut usize) {
        let len = string_len(term);
        *budget = budget.saturating_sub(len.unwrap_or(0) / 8);
        if let Some(len) = len {
            self.out.byte(tags::STRING);
            self.out.u16(len as u16);
            for byte in term.list() {
                self.out.byte(byte.as_small().unwrap_or(0) as u8);
            }
            return;
        }
        self.out.tag_u32(tags::LIST, 0);
        let at = self.out.len() - 4;
        self.push(Frame::List { at, count: 0 }, term);
    }

    fn map(
        &mut self,
        heap: Heap<'h>,
        map: Map<'h>,
        options: &EncodeOptions<'_>,
    ) -> Result<(), EncodeError> {
        self.out.tag_u32(tags::MAP, size(map.len())?);
        match map.form() {
            MapForm::Flat { keys: [], .. } => {}
            MapForm::Flat { .. } => self.push(Frame::Flat { next: 0 }, map.term()),
            MapForm::Hash { .. } if options.deterministic => {
                let mut pairs: Vec<map::Pair<'h>> = map::iter(map).collect();
                pairs.sort_unstable_by(|(a, _), (b, _)| a.compare_keys(*b));
                let flat: Vec<Term<'h>> = pairs
                    .into_iter()
                    .flat_map(|(key, value)| [key, value])
                    .collect();
                self.push(Frame::Elements { next: 0 }, heap.tuple(&flat));
            }
            MapForm::Hash { .. } => self.push(Frame::Node { next: 0 }, map.term()),
        }
        Ok(())
    }

    fn bits(
        &mut self,
        heap: Heap<'h>,
        bits: Bits<'h>,
        options: &EncodeOptions<'_>,
        budget: &mut usize,
    ) -> Result<(), EncodeError> {
        let (whole, last) = (bits.bit_len() / 8, bits.bit_len() % 8);
        let len = size(whole + usize::from(last > 0))?;
        if last == 0 {
            self.out.tag_u32(tags::BINARY, len);
        } else {
            self.out.tag_u32(tags::BIT_BINARY, len);
            self.out.byte(last as u8);
        }
        if options.iovec
            && whole > HEAP_LIMIT
            && bits.start().is_multiple_of(8)
            && bits.is_off_heap()
        {
            self.inserts.push(self.out.len());
            self.inserted += whole;
            let binary = if last == 0 {
                bits.term()
            } else {
                heap.part(bits, 0, whole * 8)
            };
            self.binaries.push(binary);
            if last > 0 {
                let tail = heap.part(bits, whole * 8, last);
                self.out
                    .bytes(&tail.as_bits().expect("a part is a bit string").aligned());
            }
        } else if whole > COPY_CHUNK {
            self.push(Frame::Bytes { next: 0 }, bits.term());
        } else {
            self.out.bytes(&bits.aligned());
            *budget = budget.saturating_sub(whole / BYTES_PER_UNIT);
        }
        Ok(())
    }

    fn fun(&mut self, fun: Fun<'h>, options: &EncodeOptions<'_>) -> Result<(), EncodeError> {
        let id = &fun.entry().id;
        self.out.tag_u32(tags::NEW_FUN, 0);
        let at = self.out.len() - 4;
        self.out.byte(id.arity as u8);
        self.out.bytes(&id.new_uniq);
        self.out.u32(id.new_index);
        self.out.u32(size(fun.env().len())?);
        self.atom(id.module, options);
        let numbers = self.out.len();
        self.small(id.index.into());
        self.small(id.uniq.into());
        if S::COUNTS {
            // The upper bound allows five bytes for each number.
            for _ in self.out.len()..numbers + 10 {
                self.out.byte(0);
            }
        }
        self.identifier(fun.creator(), options);
        let inserted = self.inserted;
        self.push(
            Frame::Fun {
                next: 0,
                at,
                inserted,
            },
            fun.term(),
        );
        Ok(())
    }
}

/// What a step found.
enum Next<'h> {
    /// A term to be written.
    Term(Term<'h>),
    /// Something else was done.
    Nothing,
    /// All is written.
    Done,
}

/// A size that the format has 32 bits for.
fn size(size: usize) -> Result<u32, EncodeError> {
    u32::try_from(size).map_err(|_| EncodeError)
}

/// The length of a list that can be written as a string.
fn string_len(list: Term<'_>) -> Option<usize> {
    let mut cells = list.list();
    let mut len = 0;
    for element in cells.by_ref() {
        let is_byte = element
            .as_small()
            .is_some_and(|byte| (0..256).contains(&byte));
        if !is_byte || len == MAX_STRING {
            return None;
        }
        len += 1;
    }
    cells.rest().is_nil().then_some(len)
}

fn flat<'h>(term: Term<'h>) -> (&'h [Term<'h>], &'h [Term<'h>]) {
    match term.as_map().map(Map::form) {
        Some(MapForm::Flat { keys, values, .. }) => (keys, values),
        _ => unreachable!("a flat map's frame"),
    }
}

fn children<'h>(term: Term<'h>) -> &'h [Term<'h>] {
    if let Some((_, children)) = term.map_node() {
        return children;
    }
    match term.as_map().map(Map::form) {
        Some(MapForm::Hash { children, .. }) => children,
        _ => unreachable!("a hash map's frame"),
    }
}

fn fun(term: Term<'_>) -> Fun<'_> {
    match term.kind() {
        Kind::Fun(fun) => fun,
        _ => unreachable!("a fun's frame"),
    }
}
