//! The operands of generic operations.
//!
//! [`Operand`] is one operand, decoded and checked against the module's tables; what may stand where is the
//! subject of [`kind`](crate::kind). A list is an [`Operand::List`] with its length, and its
//! elements are the operands that follow it, so that an instruction is one flat slice.

use crate::chunks::{AtomIndex, LiteralIndex, TypeIndex};
use crate::error::LoadError;
use crate::kind::{Tables, class};
use crate::opcodes::GenericOp;
use crate::reader::{Number, Reader, tag};

/// How many X registers there are.
pub const X_REGISTERS: u16 = 1024;
/// How many slots of a frame an operand can name.
pub const Y_REGISTERS: u16 = 1024;
/// How many float registers there are.
pub const FLOAT_REGISTERS: u16 = 1024;
/// The largest arity of a function.
pub const MAX_ARITY: u8 = 255;
/// The largest size of a tuple.
pub const MAX_TUPLE_SIZE: u64 = (1 << 24) - 1;
/// The largest reservation of heap words that a file may ask for.
pub const MAX_HEAP_WORDS: u64 = i32::MAX as u64;

/// A place in the code, numbered in the file; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(pub u32);

/// An integer too long for a word: where its bytes are in the code. See [`Code::integer`](crate::Code::integer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongInteger {
    pub(crate) at: u32,
    pub(crate) len: u32,
}

/// One operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// An untagged number: an arity, a size, an index. Below 2^63.
    Unsigned(u64),
    /// An untagged number too large for a word; its value is of no use to anyone.
    Overflow,
    /// An integer term.
    Integer(i64),
    /// An integer term that does not fit in 64 bits, or is written with more.
    LongInteger(LongInteger),
    /// The empty list.
    Nil,
    /// An atom.
    Atom(AtomIndex),
    /// An X register.
    X(u16),
    /// A slot of the frame.
    Y(u16),
    /// An X register and what the compiler knows of its content.
    TypedX(u16, TypeIndex),
    /// A slot of the frame and what the compiler knows of its content.
    TypedY(u16, TypeIndex),
    /// A float register.
    Float(u16),
    /// A place in the code.
    Label(Label),
    /// Label 0: on failure an exception is raised.
    NoLabel,
    /// This many operands follow.
    List(u32),
    /// Heap space for words, boxed floats and funs.
    Alloc {
        /// Words.
        words: u32,
        /// Boxed floats.
        floats: u32,
        /// Funs without their environment.
        funs: u32,
    },
    /// A term of the literal table.
    Literal(LiteralIndex),
}

impl Operand {
    /// Whether it is an X register or a slot, typed or not.
    #[inline]
    pub fn is_register(self) -> bool {
        matches!(
            self,
            Self::X(_) | Self::Y(_) | Self::TypedX(..) | Self::TypedY(..)
        )
    }

    /// Whether it is a term known when the module is loaded.
    pub fn is_constant(self) -> bool {
        matches!(
            self,
            Self::Integer(_) | Self::LongInteger(_) | Self::Nil | Self::Atom(_) | Self::Literal(_)
        )
    }

    #[inline]
    pub(crate) fn class(self) -> u16 {
        match self {
            Self::Unsigned(_) => class::UNSIGNED,
            Self::Overflow => class::OVERFLOW,
            Self::Integer(_) | Self::LongInteger(_) => class::INTEGER,
            Self::Nil => class::NIL,
            Self::Atom(_) => class::ATOM,
            Self::X(_) => class::X,
            Self::Y(_) => class::Y,
            Self::TypedX(..) => class::TYPED_X,
            Self::TypedY(..) => class::TYPED_Y,
            Self::Float(_) => class::FLOAT,
            Self::Label(_) => class::LABEL,
            Self::NoLabel => class::NO_LABEL,
            Self::List(_) => class::LIST,
            Self::Alloc { .. } => class::ALLOC,
            Self::Literal(_) => class::LITERAL,
        }
    }

    /// The slot it names, if it names one.
    #[inline]
    pub fn slot(self) -> Option<u16> {
        match self {
            Self::Y(slot) | Self::TypedY(slot, _) => Some(slot),
            _ => None,
        }
    }

    /// The same operand without what the compiler knows of its content.
    pub fn untyped(self) -> Self {
        match self {
            Self::TypedX(register, _) => Self::X(register),
            Self::TypedY(slot, _) => Self::Y(slot),
            other => other,
        }
    }

    /// What the compiler knows of a register's content.
    pub fn type_index(self) -> Option<TypeIndex> {
        match self {
            Self::TypedX(_, index) | Self::TypedY(_, index) => Some(index),
            _ => None,
        }
    }

    /// The label, if it is one.
    #[inline]
    pub fn label(self) -> Option<Label> {
        if let Self::Label(label) = self {
            Some(label)
        } else {
            None
        }
    }

    /// The number of an `Unsigned`, 0 for anything else: for places that the decoder has checked.
    #[inline]
    pub fn unsigned(self) -> u64 {
        if let Self::Unsigned(value) = self {
            value
        } else {
            0
        }
    }
}

/// Decodes one operand of `op`. Three in four are one byte, and take no call.
#[inline(always)]
pub(crate) fn decode(
    reader: &mut Reader<'_>,
    op: GenericOp,
    tables: &Tables<'_, '_>,
) -> Result<Operand, LoadError> {
    if let Some((tag, value)) = reader.short_term() {
        let operand = match tag {
            tag::UNSIGNED => Some(Operand::Unsigned(value.into())),
            tag::INTEGER => Some(Operand::Integer(value.into())),
            tag::X => Some(Operand::X(value.into())),
            tag::Y => Some(Operand::Y(value.into())),
            _ => None,
        };
        if let Some(operand) = operand {
            reader.skip_short_term();
            return Ok(operand);
        }
    }
    decode_any(reader, op, tables)
}

fn decode_any(
    reader: &mut Reader<'_>,
    op: GenericOp,
    tables: &Tables<'_, '_>,
) -> Result<Operand, LoadError> {
    let at = reader.pos();
    let bad = |what| LoadError::BadOperand { at, op, what };
    let (tag, number) = reader.term()?;
    let Number::Word(value) = number else {
        return decode_long(reader, tag, number).map_err(bad);
    };
    Ok(match tag {
        tag::UNSIGNED => Operand::Unsigned(value as u64),
        tag::INTEGER => Operand::Integer(value),
        tag::ATOM if value == 0 => Operand::Nil,
        tag::ATOM if value < tables.atoms.len() as i64 => Operand::Atom(AtomIndex(value as u32)),
        tag::ATOM => return Err(bad("not in the atom table")),
        tag::X if value < i64::from(X_REGISTERS) => Operand::X(value as u16),
        tag::Y if value < i64::from(Y_REGISTERS) => Operand::Y(value as u16),
        tag::X | tag::Y => return Err(bad("no such register")),
        tag::LABEL if value == 0 => Operand::NoLabel,
        tag::LABEL if value < i64::from(tables.labels) => Operand::Label(Label(value as u32)),
        tag::LABEL => return Err(bad("the label's number is out of range")),
        tag::EXTENDED => return decode_extended(reader, value, op, tables),
        _ => return Err(bad("unknown tag")),
    })
}

/// Numbers that fit in no word: integers of any size, and untagged numbers whose value nobody needs.
fn decode_long(reader: &Reader<'_>, tag: u8, number: Number) -> Result<Operand, &'static str> {
    match (tag, number) {
        (tag::UNSIGNED, _) => Ok(Operand::Overflow),
        (tag::INTEGER, Number::Long { at, len }) => {
            let bytes = reader.slice(at, len);
            let padded = match *bytes {
                [0, 0, ..] => true,
                [0xff, 0xff, ref rest @ ..] => rest.iter().any(|byte| *byte != 0),
                _ => false,
            };
            if padded {
                return Err("the integer has more bytes than it needs");
            }
            Ok(Operand::LongInteger(LongInteger {
                at: at as u32,
                len: len as u32,
            }))
        }
        _ => Err("the number is too large"),
    }
}

#[inline]
fn decode_extended(
    reader: &mut Reader<'_>,
    kind: i64,
    op: GenericOp,
    tables: &Tables<'_, '_>,
) -> Result<Operand, LoadError> {
    let at = reader.pos();
    let bad = |what| LoadError::BadOperand { at, op, what };
    match kind {
        1 => {
            let len = reader.unsigned()?;
            if len > reader.left() as u64 {
                return Err(reader.truncated());
            }
            Ok(Operand::List(len as u32))
        }
        2 => match reader.unsigned()? {
            register if register < u64::from(FLOAT_REGISTERS) => {
                Ok(Operand::Float(register as u16))
            }
            _ => Err(bad("no such float register")),
        },
        3 => decode_alloc(reader, bad),
        4 => match reader.unsigned()? {
            index if index < tables.literals as u64 => {
                Ok(Operand::Literal(LiteralIndex(index as u32)))
            }
            _ => Err(bad("not in the literal table")),
        },
        5 => decode_typed_register(reader, op, tables),
        0 => Err(bad("floats are written as literals since OTP R16")),
        _ => Err(bad("unknown extended tag")),
    }
}

/// A register and an index into the type table. Without a usable table the type means nothing.
#[inline]
fn decode_typed_register(
    reader: &mut Reader<'_>,
    op: GenericOp,
    tables: &Tables<'_, '_>,
) -> Result<Operand, LoadError> {
    let at = reader.pos();
    let bad = |what| LoadError::BadOperand { at, op, what };
    let (tag, number) = reader.term()?;
    let index = reader.unsigned()?;
    let Number::Word(register @ 0..1024) = number else {
        return Err(bad("no such register"));
    };
    let register = register as u16;
    match (tag, tables.types) {
        (tag::X, None) => Ok(Operand::X(register)),
        (tag::Y, None) => Ok(Operand::Y(register)),
        (tag::X, Some(types)) if index < types as u64 => {
            Ok(Operand::TypedX(register, TypeIndex(index as u32)))
        }
        (tag::Y, Some(types)) if index < types as u64 => {
            Ok(Operand::TypedY(register, TypeIndex(index as u32)))
        }
        (tag::X | tag::Y, _) => Err(bad("not in the type table")),
        _ => Err(bad("not a register")),
    }
}

fn decode_alloc(
    reader: &mut Reader<'_>,
    bad: impl Fn(&'static str) -> LoadError,
) -> Result<Operand, LoadError> {
    /// Words that a boxed float and a fun need at most, for the check of the sum alone.
    const FLOAT_WORDS: u64 = 2;
    const FUN_WORDS: u64 = 5;
    let parts = reader.unsigned()?;
    if parts > 3 {
        return Err(bad("too many parts of heap space"));
    }
    let (mut words, mut floats, mut funs) = (0u64, 0u64, 0u64);
    for _ in 0..parts {
        let kind = reader.unsigned()?;
        let number = reader.unsigned()?;
        if number > MAX_HEAP_WORDS / FLOAT_WORDS {
            return Err(bad("too much heap space"));
        }
        match kind {
            0 => words += number,
            1 => floats += number,
            2 => funs += number,
            _ => return Err(bad("unknown kind of heap space")),
        }
    }
    if words + FLOAT_WORDS * floats + FUN_WORDS * funs > MAX_HEAP_WORDS {
        return Err(bad("too much heap space"));
    }
    Ok(Operand::Alloc {
        words: words as u32,
        floats: floats as u32,
        funs: funs as u32,
    })
}
