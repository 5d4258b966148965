//! The constant terms of a module, as terms: its literals, and integers in its code that fit no small one.
//!
//! They stand in a literal area of their own, which belongs to the module.

use vm::etf::Options;
use vm::heap::{Heap, LiteralArea};
use vm::term::Term;
use vm::term::word::{self, Word};

use crate::code::Code;
use crate::error::LoadError;
use crate::file::BeamFile;
use crate::operand::{LongInteger, Operand};

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

    /// The terms behind the literals: integers of the code.
    pub fn integers(&self) -> impl Iterator<Item = Term<'_>> {
        (self.literals..self.area.len()).map(|index| self.area.term(index))
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
        let term = decode(heap, bytes).map_err(|at| LoadError::BadEntry {
            chunk: CHUNK,
            at: offset + at,
            what: "not a term in the external format",
        })?;
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

/// A term in the external format that is all of `bytes`; else the offset of what is wrong.
pub(crate) fn decode<'h>(heap: Heap<'h>, bytes: &[u8]) -> Result<Term<'h>, usize> {
    match vm::etf::decode(heap, bytes, &Options::default()) {
        Ok((term, used)) if used == bytes.len() => Ok(term),
        Ok((_, used)) => Err(used),
        Err(error) => Err(error.at),
    }
}
