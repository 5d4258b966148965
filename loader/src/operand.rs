//! The operands of generic operations, and what each place of an operation may hold.
//!
//! [`Operand`] is one operand, decoded and checked against the module's tables. [`Kind`] is what a row of
//! [`opcodes`](crate::opcodes) says about a place. A list is an [`Operand::List`] with its length, and its
//! elements are the operands that follow it, so that an instruction is one flat slice.

use crate::chunks::{AtomIndex, Import, Lambda, LiteralIndex, TypeIndex};
use crate::error::LoadError;
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

/// What a place of an operation may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A label's own number.
    LabelNumber,
    /// A label.
    Label,
    /// A label, or none.
    Fail,
    /// A label, or one of the atoms `no_fail` and `resume`.
    LabelOrAtom,
    /// An X register, a slot, or a constant.
    Source,
    /// An X register or a slot.
    Register,
    /// A slot.
    Y,
    /// The register x0.
    X0,
    /// A float register.
    Float,
    /// A float register, an X register, a slot, or a literal.
    SourceOrFloat,
    /// A float register, an X register, or a slot.
    RegisterOrFloat,
    /// An atom.
    Atom,
    /// The atom `safe` or `unsafe`, or an index into the lambda table.
    AtomOrLambda,
    /// An untagged number.
    Number,
    /// An untagged number of any size.
    NumberOrOverflow,
    /// A `Source` or a `NumberOrOverflow`.
    Size,
    /// The arity of a function: at most 255.
    Arity,
    /// A number of X registers that hold terms.
    Live,
    /// A number of slots.
    Frame,
    /// A reservation of heap space, in words or by parts.
    Heap,
    /// The size of a tuple or an index into one.
    TupleSize,
    /// An index into the import table.
    Import,
    /// An index into the lambda table.
    Lambda,
    /// An index into the line table.
    Line,
    /// A list, whose elements follow.
    List,
}

/// What the operands of a module may refer to.
pub(crate) struct Tables<'a, 't> {
    pub atoms: &'t [std::borrow::Cow<'a, str>],
    pub imports: &'t [Import],
    pub lambdas: &'t [Lambda],
    pub literals: usize,
    pub types: Option<usize>,
    /// `None` if there is no line table, so that no line means anything.
    pub lines: Option<usize>,
    pub strings: usize,
    pub labels: u32,
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

impl Kind {
    /// Why `operand` may not stand here, if so.
    #[inline]
    pub(crate) fn refuses(self, operand: Operand, tables: &Tables<'_, '_>) -> Option<&'static str> {
        let (accepted, what) = match self {
            Self::Source => {
                return (!operand.is_register() && !operand.is_constant())
                    .then_some("neither a register nor a constant");
            }
            Self::Register => return (!operand.is_register()).then_some("not a register"),
            Self::Label => (operand.label().is_some(), "not a label"),
            Self::Fail => (
                matches!(operand, Operand::Label(_) | Operand::NoLabel),
                "not a label",
            ),
            Self::Y => (matches!(operand, Operand::Y(_)), "not a slot of the frame"),
            Self::X0 => (operand == Operand::X(0), "not the register x0"),
            Self::Float => (matches!(operand, Operand::Float(_)), "not a float register"),
            Self::SourceOrFloat => (
                operand.is_register() || matches!(operand, Operand::Float(_) | Operand::Literal(_)),
                "neither a register nor a literal",
            ),
            Self::RegisterOrFloat => (
                operand.is_register() || matches!(operand, Operand::Float(_)),
                "not a register",
            ),
            Self::Atom => (matches!(operand, Operand::Atom(_)), "not an atom"),
            Self::LabelOrAtom => match operand {
                Operand::Label(_) => (true, ""),
                Operand::Atom(atom) => (
                    matches!(&*tables.atoms[atom.0 as usize], "no_fail" | "resume"),
                    "neither no_fail nor resume",
                ),
                _ => (false, "neither a label nor an atom"),
            },
            Self::AtomOrLambda => match operand {
                Operand::Atom(atom) => (
                    matches!(&*tables.atoms[atom.0 as usize], "safe" | "unsafe"),
                    "neither safe nor unsafe",
                ),
                _ => (
                    Self::below(operand, tables.lambdas.len()),
                    "not in the lambda table",
                ),
            },
            Self::Number => (matches!(operand, Operand::Unsigned(_)), "not a number"),
            Self::NumberOrOverflow => (
                matches!(operand, Operand::Unsigned(_) | Operand::Overflow),
                "not a number",
            ),
            Self::Size => (
                operand.is_register()
                    || operand.is_constant()
                    || matches!(operand, Operand::Unsigned(_) | Operand::Overflow),
                "not a size",
            ),
            Self::Arity => (
                Self::below(operand, usize::from(MAX_ARITY) + 1),
                "not an arity",
            ),
            Self::Live => (
                Self::below(operand, usize::from(X_REGISTERS) + 1),
                "not a number of X registers",
            ),
            Self::Frame => (
                Self::below(operand, usize::from(Y_REGISTERS) + 1),
                "not the size of a frame",
            ),
            Self::Heap => match operand {
                Operand::Unsigned(words) => (words <= MAX_HEAP_WORDS, "too much heap space"),
                _ => (
                    matches!(operand, Operand::Alloc { .. }),
                    "not an amount of heap space",
                ),
            },
            Self::TupleSize => (
                Self::below(operand, MAX_TUPLE_SIZE as usize + 1),
                "not the size of a tuple",
            ),
            Self::LabelNumber => (
                matches!(operand, Operand::Unsigned(label) if label > 0 && label < u64::from(tables.labels)),
                "the label's number is out of range",
            ),
            Self::Import => (
                Self::below(operand, tables.imports.len()),
                "not in the import table",
            ),
            Self::Lambda => (
                Self::below(operand, tables.lambdas.len()),
                "not in the lambda table",
            ),
            Self::Line => (
                Self::below(operand, tables.lines.unwrap_or(usize::MAX)),
                "not in the line table",
            ),
            Self::List => (matches!(operand, Operand::List(_)), "not a list"),
        };
        (!accepted).then_some(what)
    }

    fn below(operand: Operand, limit: usize) -> bool {
        matches!(operand, Operand::Unsigned(value) if value < limit as u64)
    }
}

/// Decodes one operand of `op`.
#[inline]
pub(crate) fn decode(
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
