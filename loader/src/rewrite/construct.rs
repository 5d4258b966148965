//! Building bit strings: `bs_create_bin`, and what compilers up to OTP 24 emitted.

use vm::code::instr::Instr;
use vm::term::word::{self, Word};

use super::bits::normal;
use super::{Rewriter, Rewritten};
use crate::error::LoadError;
use crate::kind::Kind;
use crate::opcodes::GenericOp as G;
use crate::operand::Operand;

/// The types of segments, numbered as `BsCreateBin` has them.
const SEGMENTS: [&str; 9] = [
    "append",
    "binary",
    "float",
    "integer",
    "private_append",
    "string",
    "utf8",
    "utf16",
    "utf32",
];
const STRING: Word = 5;

impl Rewriter<'_> {
    pub(super) fn construct(&mut self) -> Rewritten {
        let args = self.op.args;
        match (self.op.op, args) {
            (G::BsInitWritable, _) => self.emit(Instr::BsInitWritable),
            (G::BsCreateBin, [fail, heap, live, unit, destination, _, segments @ ..]) => {
                let table = self.table();
                let head = [
                    self.number(*live),
                    self.heap_words(*heap).into(),
                    self.number(*unit),
                    (segments.len() / 6) as Word,
                ];
                self.draft.data.extend(head);
                for segment in segments.chunks_exact(6) {
                    self.segment(segment)?;
                }
                self.emit(Instr::BsCreateBin {
                    dst: self.reg(*destination),
                    fail: self.jump(*fail),
                    table,
                });
            }
            _ => self.old()?,
        }
        Ok(())
    }

    /// `[type, number, unit, flags, source, size]`.
    fn segment(&mut self, segment: &[Operand]) -> Rewritten {
        let &[kind, number, unit, flags, value, size] = segment else {
            return Err(self.bad("the list ends inside a segment"));
        };
        let name = self.atom_name(kind);
        let kind = SEGMENTS.iter().position(|segment| *segment == name);
        let kind = kind.ok_or_else(|| self.bad("unknown type of a segment"))? as Word;
        let (value, size) = if kind == STRING {
            let bytes = match size {
                Operand::Integer(bytes) => bytes as u64,
                _ => self.number(size),
            };
            (self.string(self.number(value)), bytes)
        } else {
            (self.encoded(value), self.encoded(size))
        };
        let words = [
            kind,
            self.number(number),
            self.number(unit),
            self.flags(flags),
            value,
            size,
        ];
        self.draft.data.extend(words);
        Ok(())
    }

    /// The address of bytes of the string table. The decoder has checked that they are within.
    fn string(&self, offset: u64) -> Word {
        self.context.strings.as_ptr().wrapping_add(offset as usize) as Word
    }

    /// One of the older operations: its operands in a table, but the failure label.
    fn old(&mut self) -> Result<(), LoadError> {
        let (op, args) = (self.op.op, self.op.args);
        let mut fail = Operand::NoLabel;
        let table = self.table();
        if let (G::BsPutString, &[bytes, offset]) = (op, args) {
            let words = [self.string(self.number(offset)), self.number(bytes)];
            self.draft.data.extend(words);
        } else {
            let flags_at = op.fields().iter().position(|field| *field == "flags");
            for (place, (kind, operand)) in op.kinds().iter().zip(args).enumerate() {
                let word = match kind {
                    Kind::Fail => {
                        fail = *operand;
                        continue;
                    }
                    Kind::Register => self.reg(*operand).0.into(),
                    Kind::Heap => self.heap_words(*operand).into(),
                    Kind::Number if Some(place) == flags_at => normal(self.number(*operand)),
                    Kind::Source => self.encoded(*operand),
                    Kind::Size => self.old_size(*operand),
                    _ => self.number(*operand),
                };
                self.push(word);
            }
        }
        self.emit(Instr::BsOld {
            op: op as u16,
            fail: self.jump(fail),
            table,
        });
        Ok(())
    }

    /// A size that may be written as a number; one too large for a word is as good as the largest.
    fn old_size(&self, size: Operand) -> Word {
        match size {
            Operand::Unsigned(number) => word::small(number.min(word::SMALL_MAX as u64) as i64),
            Operand::Overflow => word::small(word::SMALL_MAX),
            _ => self.encoded(size),
        }
    }
}
