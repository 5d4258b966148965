//! Matching bit strings.

use vm::code::instr::{Instr, Jump, Operand as Encoded, Reg, Table};
use vm::term::word::{self, Word};

use super::{Rewriter, Rewritten, Source};
use crate::error::LoadError;
use crate::opcodes::GenericOp as G;
use crate::operand::Operand;

/// Flags of a segment, as in the file.
pub(super) mod flag {
    pub const LITTLE: u64 = 2;
    pub const SIGNED: u64 = 4;
    pub const NATIVE: u64 = 16;
}

/// An integer of up to so many bits is read by one instruction without a table.
const SMALL_BITS: u64 = 56;

/// A field to be read from a match context.
struct Field {
    context: Reg,
    fail: Jump,
    live: u64,
    size: Word,
    unit: u64,
    flags: u64,
    dst: Reg,
}

impl Rewriter<'_> {
    pub(super) fn bits(&mut self) -> Rewritten {
        let args = self.op.args;
        let instruction = match (self.op.op, args) {
            (G::BsStartMatch3, [fail, source, live, destination]) => Instr::BsStartMatch {
                src: self.in_register(*source),
                fail: self.jump(*fail),
                dst: self.reg(*destination),
                live: self.small_number(*live),
            },
            (G::BsStartMatch4, [fail, live, source, destination]) => {
                let (src, dst) = (self.in_register(*source), self.reg(*destination));
                match self.atom_name(*fail) {
                    // It is a context already.
                    "resume" if src == dst => return Ok(()),
                    "resume" => Instr::Move { src, dst },
                    _ => Instr::BsStartMatch {
                        src,
                        fail: self.jump(*fail),
                        dst,
                        live: self.small_number(*live),
                    },
                }
            }
            (
                G::BsGetInteger2 | G::BsGetFloat2 | G::BsGetBinary2,
                [fail, context, live, size, unit, flags, destination],
            ) => {
                let field = Field {
                    context: self.reg(*context),
                    fail: self.jump(*fail),
                    live: self.number(*live),
                    size: self.encoded(*size),
                    unit: self.number(*unit),
                    flags: normal(self.number(*flags)),
                    dst: self.reg(*destination),
                };
                match self.op.op {
                    G::BsGetInteger2 => self.get_integer(&field),
                    G::BsGetFloat2 => Instr::BsGetFloat {
                        dst: field.dst,
                        fail: field.fail,
                        table: self.field(&field),
                    },
                    _ => Instr::BsGetBinary {
                        dst: field.dst,
                        fail: field.fail,
                        table: self.field(&field),
                    },
                }
            }
            (G::BsSkipBits2, [fail, context, size, unit, _]) => {
                let size = self.encoded(*size);
                self.skip(
                    self.jump(*fail),
                    self.reg(*context),
                    size,
                    self.number(*unit),
                )
            }
            (G::BsTestTail2, [fail, context, bits]) => match *bits {
                Operand::Unsigned(bits) => Instr::BsTestTail {
                    context: self.reg(*context),
                    fail: self.jump(*fail),
                    bits,
                },
                _ => Instr::Jump {
                    target: self.jump(*fail),
                },
            },
            (G::BsTestUnit, [fail, context, unit]) => self.test_unit(*fail, *context, *unit)?,
            (G::BsMatchString, [fail, context, bits, offset]) => {
                let (bits, offset) = (self.number(*bits), self.number(*offset) as usize);
                let strings = self.context.file.strings();
                let bytes = &strings[offset..offset + bits.div_ceil(8) as usize];
                match bits {
                    0 => return Ok(()),
                    _ => self.match_bytes(self.jump(*fail), self.reg(*context), bits, bytes),
                }
            }
            (G::BsGetTail, [context, destination, live]) => Instr::BsGetTail {
                context: self.reg(*context),
                dst: self.reg(*destination),
                live: self.small_number(*live),
            },
            (G::BsGetPosition, [context, destination, live]) => Instr::BsGetPosition {
                context: self.reg(*context),
                dst: self.reg(*destination),
                live: self.small_number(*live),
            },
            (G::BsSetPosition, [context, position]) => Instr::BsSetPosition {
                context: self.reg(*context),
                position: self.reg(*position),
            },
            (
                G::BsGetUtf8 | G::BsGetUtf16 | G::BsGetUtf32,
                [fail, context, _, flags, destination],
            ) => self.character(*fail, *context, *flags, Some(*destination)),
            (G::BsSkipUtf8 | G::BsSkipUtf16 | G::BsSkipUtf32, [fail, context, _, flags]) => {
                self.character(*fail, *context, *flags, None)
            }
            (G::BsMatch, [fail, context, _, commands @ ..]) => {
                return self.commands(self.jump(*fail), self.reg(*context), commands);
            }
            _ => return Err(self.unsupported()),
        };
        self.emit(instruction);
        Ok(())
    }

    fn get_integer(&mut self, field: &Field) -> Instr {
        let Field {
            context,
            fail,
            dst,
            flags,
            ..
        } = *field;
        let bits = constant_size(field.size).and_then(|size| size.checked_mul(field.unit));
        match bits {
            Some(bits @ 1..=SMALL_BITS) if flags & flag::LITTLE == 0 => Instr::BsGetSmallInteger {
                context,
                fail,
                dst,
                bits: bits as u8,
                signed: flags & flag::SIGNED != 0,
            },
            _ => Instr::BsGetInteger {
                dst,
                fail,
                table: self.field(field),
            },
        }
    }

    /// `[context, live, size, unit, flags]`.
    fn field(&mut self, field: &Field) -> Table {
        let table = self.table();
        let words = [
            Encoded::Reg(field.context).encode(),
            field.live,
            field.size,
            field.unit,
            field.flags,
        ];
        self.draft.data.extend(words);
        table
    }

    fn skip(&mut self, fail: Jump, context: Reg, size: Word, unit: u64) -> Instr {
        let table = self.table();
        self.draft
            .data
            .extend([Encoded::Reg(context).encode(), size, unit]);
        Instr::BsSkipBits { fail, table }
    }

    fn test_unit(
        &mut self,
        fail: Operand,
        context: Operand,
        unit: Operand,
    ) -> Result<Instr, LoadError> {
        match u32::try_from(self.number(unit)) {
            Ok(unit @ 1..) => Ok(Instr::BsTestUnit {
                context: self.reg(context),
                fail: self.jump(fail),
                unit,
            }),
            _ => Err(self.bad("not a unit")),
        }
    }

    /// `[context, count of bits, bytes…]`.
    fn match_bytes(&mut self, fail: Jump, context: Reg, bits: u64, bytes: &[u8]) -> Instr {
        let table = self.table();
        self.draft
            .data
            .extend([Encoded::Reg(context).encode(), bits]);
        self.draft.data.extend(bytes.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            Word::from_ne_bytes(word)
        }));
        Instr::BsMatchString { fail, table }
    }

    /// A character read or, without destination, skipped.
    fn character(
        &self,
        fail: Operand,
        context: Operand,
        flags: Operand,
        destination: Option<Operand>,
    ) -> Instr {
        let (fail, context) = (self.jump(fail), self.reg(context));
        let skip = u16::from(destination.is_none());
        let dst = destination.map_or(context, |destination| self.reg(destination));
        let flags = normal(self.number(flags)) as u16 & flag::LITTLE as u16 | skip;
        match self.op.op {
            G::BsGetUtf8 | G::BsSkipUtf8 => Instr::BsGetUtf8 {
                context,
                fail,
                dst,
                skip,
            },
            G::BsGetUtf16 | G::BsSkipUtf16 => Instr::BsGetUtf16 {
                context,
                fail,
                dst,
                flags,
            },
            _ => Instr::BsGetUtf32 {
                context,
                fail,
                dst,
                flags,
            },
        }
    }

    /// The commands of `bs_match`, each of which is an instruction here.
    fn commands(&mut self, fail: Jump, context: Reg, mut commands: &[Operand]) -> Rewritten {
        loop {
            let instruction;
            (instruction, commands) = match commands {
                [] => return Ok(()),
                [command, size, unit, rest @ ..]
                    if self.atom_name(*command) == "ensure_at_least" =>
                {
                    (self.ensure(fail, context, *size, *unit)?, rest)
                }
                [command, size, rest @ ..] if self.atom_name(*command) == "ensure_exactly" => (
                    Instr::BsTestTail {
                        context,
                        fail,
                        bits: self.number(*size),
                    },
                    rest,
                ),
                [command, size, rest @ ..] if self.atom_name(*command) == "skip" => {
                    (self.skip(fail, context, self.fixed(*size), 1), rest)
                }
                [command, live, unit, destination, rest @ ..]
                    if self.atom_name(*command) == "get_tail" =>
                {
                    let (dst, live) = (self.reg(*destination), self.small_number(*live));
                    // That the rest is a multiple of the unit was ensured before.
                    let _ = unit;
                    (Instr::BsGetTail { context, dst, live }, rest)
                }
                [command, Operand::Nil, bits, value, rest @ ..]
                    if self.atom_name(*command) == "=:=" =>
                {
                    (self.match_value(fail, context, *bits, *value)?, rest)
                }
                [command, live, flags, size, unit, destination, rest @ ..] => {
                    let field = Field {
                        context,
                        fail,
                        live: self.number(*live),
                        size: self.fixed(*size),
                        unit: self.number(*unit),
                        flags: self.flags(*flags),
                        dst: self.reg(*destination),
                    };
                    let instruction = match self.atom_name(*command) {
                        "integer" => self.get_integer(&field),
                        _ => Instr::BsGetBinary {
                            dst: field.dst,
                            fail,
                            table: self.field(&field),
                        },
                    };
                    (instruction, rest)
                }
                _ => return Err(self.bad("the list ends inside a command")),
            };
            self.emit(instruction);
        }
    }

    fn ensure(
        &self,
        fail: Jump,
        context: Reg,
        size: Operand,
        unit: Operand,
    ) -> Result<Instr, LoadError> {
        match (
            u32::try_from(self.number(size)),
            u16::try_from(self.number(unit)),
        ) {
            (Ok(bits), Ok(unit @ 1..)) => Ok(Instr::BsEnsure {
                context,
                fail,
                unit,
                bits,
            }),
            _ => Err(self.bad("not a fixed size")),
        }
    }

    /// A value of up to 64 bits that the next bits must be.
    fn match_value(
        &mut self,
        fail: Jump,
        context: Reg,
        bits: Operand,
        value: Operand,
    ) -> Result<Instr, LoadError> {
        let bits = self.number(bits);
        let value = match value {
            Operand::Unsigned(value) => value,
            Operand::Integer(value) => value as u64,
            Operand::LongInteger(integer) => {
                let bytes = self.context.file.code().integer(integer);
                bytes
                    .iter()
                    .fold(0, |value, &byte| value << 8 | u64::from(byte))
            }
            _ => return Err(self.bad("not a value")),
        };
        if !(1..=64).contains(&bits) {
            return Err(self.bad("more bits than a word has"));
        }
        let bytes = (value << (64 - bits)).to_be_bytes();
        Ok(self.match_bytes(fail, context, bits, &bytes[..bits.div_ceil(8) as usize]))
    }

    fn fixed(&self, size: Operand) -> Word {
        word::small(self.number(size) as i64)
    }

    /// The flags of a segment that are written as a list of atoms.
    pub(super) fn flags(&self, flags: Operand) -> u64 {
        let Source::Const(_) = self.source(flags) else {
            return 0;
        };
        let Operand::Literal(literal) = flags else {
            return 0;
        };
        let bits = self
            .literal(literal)
            .list()
            .filter_map(|element| element.as_atom());
        normal(bits.fold(0, |bits, atom| {
            bits | match atom.name() {
                "little" => flag::LITTLE,
                "signed" => flag::SIGNED,
                "native" => flag::NATIVE,
                _ => 0,
            }
        }))
    }
}

/// A size that is known now.
fn constant_size(size: Word) -> Option<u64> {
    word::is_small(size)
        .then(|| u64::try_from(word::small_value(size)).ok())
        .flatten()
}

/// Flags with the native byte order said by name.
pub(super) fn normal(flags: u64) -> u64 {
    if flags & flag::NATIVE == 0 {
        return flags;
    }
    let order = if cfg!(target_endian = "little") {
        flag::LITTLE
    } else {
        0
    };
    flags & !(flag::NATIVE | flag::LITTLE) | order
}
