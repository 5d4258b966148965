//! The constant terms of a module, as terms: its literals, and integers in its code that fit no small one.
//!
//! [`decode`] reads the external term format. Nothing in it recurses, and it builds no more than a fixed
//! multiple of the bytes that it reads.

use vm::atom::Atom;
use vm::code::export::{Export, Mfa};
use vm::heap::{Heap, LiteralArea};
use vm::term::word::{self, Word};
use vm::term::{Kind, Term};

use crate::code::Code;
use crate::error::LoadError;
use crate::file::BeamFile;
use crate::operand::{LongInteger, MAX_TUPLE_SIZE, Operand};

const CHUNK: &str = "LitT";

/// The constants of a module.
pub(crate) struct Constants {
    area: LiteralArea,
    /// How many are literals; the others are the integers below.
    literals: usize,
    /// Where a long integer's bytes are in the code, and which constant it is; sorted.
    long: Vec<(u32, u32)>,
    /// Integers of a word that are not small, and which constants they are; sorted.
    large: Vec<(i64, u32)>,
}

impl Constants {
    /// Decodes the literals of a file, and makes integers of its code where that has large ones.
    pub fn of(file: &BeamFile<'_>) -> Result<Constants, LoadError> {
        let (mut long, mut large) = (Vec::new(), Vec::new());
        for operand in file.code().operands() {
            match *operand {
                Operand::LongInteger(integer) => long.push(integer),
                Operand::Integer(value) if !word::fits_small(value) => large.push(value),
                _ => {}
            }
        }
        large.sort_unstable();
        large.dedup();
        let mut failed = None;
        let area = LiteralArea::build(|heap| {
            let mut terms = match literals(heap, file) {
                Ok(terms) => terms,
                Err(error) => {
                    failed = Some(error);
                    return Vec::new();
                }
            };
            terms.extend(large.iter().map(|&value| heap.integer(value)));
            terms.extend(
                long.iter()
                    .map(|&integer| long_integer(heap, file.code(), integer)),
            );
            terms
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let literals = file.literals().len();
        let number = |from: usize| (literals + from) as u32..;
        Ok(Constants {
            literals,
            long: long
                .iter()
                .map(|integer| integer.at)
                .zip(number(large.len()))
                .collect(),
            large: large.into_iter().zip(number(0)).collect(),
            area,
        })
    }

    /// A literal.
    pub fn literal(&self, index: usize) -> Term<'_> {
        debug_assert!(index < self.literals);
        self.area.term(index)
    }

    /// An integer of a word.
    pub fn integer(&self, value: i64) -> Word {
        if word::fits_small(value) {
            return word::small(value);
        }
        let found = self.large.binary_search_by_key(&value, |&(large, _)| large);
        let place = found.expect("every large integer of the code was collected");
        self.area.term(self.large[place].1 as usize).word()
    }

    /// An integer of more than a word.
    pub fn long_integer(&self, integer: LongInteger) -> Word {
        let found = self.long.binary_search_by_key(&integer.at, |&(at, _)| at);
        let place = found.expect("every long integer of the code was collected");
        self.area.term(self.long[place].1 as usize).word()
    }

    /// The memory that all of them stand in.
    pub fn into_area(self) -> LiteralArea {
        self.area
    }
}

fn literals<'h>(heap: Heap<'h>, file: &BeamFile<'_>) -> Result<Vec<Term<'h>>, LoadError> {
    let literals = file.literals();
    let mut offset = 8;
    let mut terms = Vec::with_capacity(literals.len());
    for bytes in literals.iter() {
        let term = decode(heap, bytes).map_err(|fault| fault.within(offset))?;
        terms.push(term);
        offset += bytes.len() + 4;
    }
    Ok(terms)
}

/// The value of a long integer of the code: two's complement, big-endian.
fn long_integer<'h>(heap: Heap<'h>, code: &Code<'_>, integer: LongInteger) -> Term<'h> {
    let bytes = code.integer(integer);
    let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    let mut limbs: Vec<u64> = bytes
        .rchunks(8)
        .map(|chunk| {
            let sign = if negative { u64::MAX } else { 0 };
            chunk
                .iter()
                .fold(sign, |limb, &byte| limb << 8 | u64::from(byte))
        })
        .collect();
    if negative {
        let mut carry = true;
        for limb in &mut limbs {
            (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
        }
        if carry {
            limbs.push(1);
        }
    }
    heap.big(negative, &limbs)
}

/// What is wrong with a term, and at which of its bytes.
struct Fault {
    at: usize,
    what: Option<&'static str>,
}

impl Fault {
    #[cold]
    fn within(self, offset: usize) -> LoadError {
        let at = self.at + offset;
        match self.what {
            Some(what) => LoadError::BadEntry {
                chunk: CHUNK,
                at,
                what,
            },
            None => LoadError::Truncated { chunk: CHUNK, at },
        }
    }
}

/// The attributes of a module, and other chunks that are one term each.
pub(crate) fn decode_term<'h>(heap: Heap<'h>, bytes: &[u8]) -> Option<Term<'h>> {
    decode(heap, bytes).ok()
}

/// A term that is complete when so many more have been read.
struct Open {
    container: Container,
    missing: usize,
    /// Where its elements begin on the stack of terms.
    first: usize,
}

#[derive(Clone, Copy)]
enum Container {
    Tuple,
    /// Elements, then the tail.
    List,
    /// Keys and values in turn.
    Map,
    /// Module, function, arity.
    Export,
}

/// Decodes one term with its version byte; nothing may follow it.
fn decode<'h>(heap: Heap<'h>, bytes: &[u8]) -> Result<Term<'h>, Fault> {
    let mut decoder = Decoder {
        heap,
        bytes,
        at: 0,
        terms: Vec::new(),
        open: Vec::new(),
    };
    if decoder.u8()? != 131 {
        return Err(decoder.fault("not a term in the external format"));
    }
    let term = decoder.term()?;
    if decoder.at != bytes.len() {
        return Err(decoder.fault("bytes after the term"));
    }
    Ok(term)
}

struct Decoder<'h, 'b> {
    heap: Heap<'h>,
    bytes: &'b [u8],
    at: usize,
    /// Finished terms that belong to containers still open.
    terms: Vec<Term<'h>>,
    open: Vec<Open>,
}

impl<'h, 'b> Decoder<'h, 'b> {
    #[cold]
    fn fault(&self, what: &'static str) -> Fault {
        Fault {
            at: self.at,
            what: Some(what),
        }
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'b [u8], Fault> {
        match self.bytes[self.at..].get(..len) {
            Some(bytes) => {
                self.at += len;
                Ok(bytes)
            }
            None => Err(Fault {
                at: self.at,
                what: None,
            }),
        }
    }

    #[inline]
    fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    #[inline]
    fn u16(&mut self) -> Result<usize, Fault> {
        let bytes = self.take(2)?;
        Ok(usize::from(bytes[0]) << 8 | usize::from(bytes[1]))
    }

    #[inline]
    fn u32(&mut self) -> Result<usize, Fault> {
        Ok(self
            .take(4)?
            .iter()
            .fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    /// One term and all that it contains.
    fn term(&mut self) -> Result<Term<'h>, Fault> {
        loop {
            let Some(mut term) = self.leaf_or_open()? else {
                continue;
            };
            loop {
                let Some(open) = self.open.last_mut() else {
                    return Ok(term);
                };
                self.terms.push(term);
                open.missing -= 1;
                if open.missing > 0 {
                    break;
                }
                let Open {
                    container, first, ..
                } = *open;
                self.open.pop();
                term = self.close(container, first)?;
            }
        }
    }

    /// Reads up to the next term that is complete at once; none where a container was opened.
    fn leaf_or_open(&mut self) -> Result<Option<Term<'h>>, Fault> {
        let tag = self.u8()?;
        Ok(Some(match tag {
            97 => Term::int(self.u8()?.into()),
            98 => Term::int(self.u32()? as u32 as i32),
            119 => {
                let len = self.u8()?.into();
                self.atom(len, false)?
            }
            118 => {
                let len = self.u16()?;
                self.atom(len, false)?
            }
            115 => {
                let len = self.u8()?.into();
                self.atom(len, true)?
            }
            100 => {
                let len = self.u16()?;
                self.atom(len, true)?
            }
            106 => Term::NIL,
            107 => {
                let len = self.u16()?;
                let bytes = self.take(len)?;
                self.heap.byte_list(bytes, Term::NIL)
            }
            108 => {
                let len = self.u32()?;
                return self.open(Container::List, len + 1);
            }
            104 => {
                let len = self.u8()?.into();
                return self.open(Container::Tuple, len);
            }
            105 => {
                let len = self.u32()?;
                return self.open(Container::Tuple, len);
            }
            116 => {
                let len = self.u32()?;
                return self.open(Container::Map, len.saturating_mul(2));
            }
            113 => return self.open(Container::Export, 3),
            109 => {
                let len = self.u32()?;
                let bytes = self.take(len)?;
                self.heap.binary(bytes)
            }
            77 => self.bit_string()?,
            70 => {
                let bits = self
                    .take(8)?
                    .iter()
                    .fold(0, |bits, &byte| bits << 8 | u64::from(byte));
                self.float(f64::from_bits(bits))?
            }
            99 => {
                let text = self.take(31)?;
                let text = text
                    .split(|&byte| byte == 0)
                    .next()
                    .and_then(|text| std::str::from_utf8(text).ok());
                match text.and_then(|text| text.trim().parse().ok()) {
                    Some(value) => self.float(value)?,
                    None => return Err(self.fault("not a float")),
                }
            }
            110 => {
                let len = self.u8()?.into();
                self.integer(len)?
            }
            111 => {
                let len = self.u32()?;
                self.integer(len)?
            }
            _ => {
                self.at -= 1;
                return Err(self.fault("a term that cannot be a literal"));
            }
        }))
    }

    fn open(&mut self, container: Container, missing: usize) -> Result<Option<Term<'h>>, Fault> {
        // Each element takes a byte at least, so what is claimed beyond those that are left is a lie.
        if missing > self.bytes.len() - self.at
            || missing > MAX_TUPLE_SIZE as usize && matches!(container, Container::Tuple)
        {
            return Err(self.fault("more elements than bytes"));
        }
        let first = self.terms.len();
        if missing == 0 {
            return self.close(container, first).map(Some);
        }
        self.open.push(Open {
            container,
            missing,
            first,
        });
        Ok(None)
    }

    fn close(&mut self, container: Container, first: usize) -> Result<Term<'h>, Fault> {
        let elements = &self.terms[first..];
        let term = match container {
            Container::Tuple => self.heap.tuple(elements),
            Container::List => {
                let (tail, elements) = elements
                    .split_last()
                    .expect("a list's tail is read with it");
                self.heap.list_with_tail(elements, *tail)
            }
            Container::Map => {
                let pairs: Vec<_> = elements
                    .chunks_exact(2)
                    .map(|pair| (pair[0], pair[1]))
                    .collect();
                let empty = self.heap.flat_map(&[], &[]).as_map().expect("a map");
                vm::map::put_many(self.heap, empty, &pairs)
            }
            Container::Export => match elements[..] {
                [module, function, arity] => self.export(module, function, arity)?,
                _ => unreachable!("an export has three elements"),
            },
        };
        self.terms.truncate(first);
        Ok(term)
    }

    fn export(
        &self,
        module: Term<'h>,
        function: Term<'h>,
        arity: Term<'h>,
    ) -> Result<Term<'h>, Fault> {
        match (module.as_atom(), function.as_atom(), arity.kind()) {
            (Some(module), Some(function), Kind::Small(arity @ 0..=255)) => {
                Ok(self.heap.export_fun(Export::of(Mfa {
                    module,
                    function,
                    arity: arity as u32,
                })))
            }
            _ => Err(self.fault("not the name of a function")),
        }
    }

    fn atom(&mut self, len: usize, latin1: bool) -> Result<Term<'h>, Fault> {
        let bytes = self.take(len)?;
        let atom = if latin1 {
            Atom::from_latin1(bytes).ok()
        } else {
            std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| Atom::new(text).ok())
        };
        atom.map(Term::atom)
            .ok_or_else(|| self.fault("not an atom"))
    }

    fn bit_string(&mut self) -> Result<Term<'h>, Fault> {
        let (len, last_bits) = (self.u32()?, usize::from(self.u8()?));
        let bytes = self.take(len)?;
        let fits = (1..=8).contains(&last_bits) && len > 0 || len == 0 && last_bits == 0;
        if !fits {
            return Err(self.fault("impossible number of bits in the last byte"));
        }
        Ok(self
            .heap
            .bitstring(bytes, (len * 8 + last_bits).saturating_sub(8)))
    }

    fn float(&self, value: f64) -> Result<Term<'h>, Fault> {
        if !value.is_finite() {
            return Err(self.fault("not a finite float"));
        }
        Ok(self.heap.float(value))
    }

    fn integer(&mut self, len: usize) -> Result<Term<'h>, Fault> {
        let negative = self.u8()? != 0;
        let bytes = self.take(len)?;
        let limbs: Vec<u64> = bytes
            .chunks(8)
            .map(|chunk| {
                chunk
                    .iter()
                    .rev()
                    .fold(0, |limb, &byte| limb << 8 | u64::from(byte))
            })
            .collect();
        Ok(self.heap.big(negative, &limbs))
    }
}
