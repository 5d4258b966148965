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

impl Kind {
    /// The classes of operands that may stand here.
    #[inline]
    const fn classes(self) -> u16 {
        use class::*;
        match self {
            Self::Number => UNSIGNED,
            Self::LabelNumber | Self::Arity | Self::Live | Self::Frame => UNSIGNED | VALUE,
            Self::TupleSize | Self::Import | Self::Lambda | Self::Line => UNSIGNED | VALUE,
            Self::NumberOrOverflow => UNSIGNED | OVERFLOW,
            Self::Label => LABEL,
            Self::Fail => LABEL | NO_LABEL,
            Self::LabelOrAtom => LABEL | ATOM | VALUE,
            Self::Source => REGISTER | CONSTANT,
            Self::Register => REGISTER,
            Self::Y => Y,
            Self::X0 => X | VALUE,
            Self::Float => FLOAT,
            Self::SourceOrFloat => FLOAT | REGISTER | LITERAL,
            Self::RegisterOrFloat => FLOAT | REGISTER,
            Self::Atom => ATOM,
            Self::AtomOrLambda => ATOM | UNSIGNED | VALUE,
            Self::Size => REGISTER | CONSTANT | UNSIGNED | OVERFLOW,
            Self::Heap => UNSIGNED | ALLOC | VALUE,
            Self::List => LIST,
        }
    }

    /// Why `operand` may not stand here, if so.
    #[inline(always)]
    pub(crate) fn refuses(self, operand: Operand, tables: &Tables<'_, '_>) -> Option<&'static str> {
        let classes = self.classes();
        if classes & operand.class() == 0 {
            return Some(self.expected());
        }
        if classes & class::VALUE == 0 {
            None
        } else {
            self.refuses_value(operand, tables)
        }
    }

    /// As [`refuses`](Self::refuses), for an operand of the right class.
    fn refuses_value(self, operand: Operand, tables: &Tables<'_, '_>) -> Option<&'static str> {
        let is =
            |atom: AtomIndex, names: [&str; 2]| names.contains(&&*tables.atoms[atom.0 as usize]);
        let below =
            |limit: usize| matches!(operand, Operand::Unsigned(value) if value < limit as u64);
        let (accepted, what) = match self {
            Self::X0 => (operand == Operand::X(0), "not the register x0"),
            Self::LabelOrAtom => match operand {
                Operand::Atom(atom) => (
                    is(atom, ["no_fail", "resume"]),
                    "neither no_fail nor resume",
                ),
                _ => (true, ""),
            },
            Self::AtomOrLambda => match operand {
                Operand::Atom(atom) => (is(atom, ["safe", "unsafe"]), "neither safe nor unsafe"),
                _ => (below(tables.lambdas.len()), "not in the lambda table"),
            },
            Self::Heap => match operand {
                Operand::Unsigned(words) => (words <= MAX_HEAP_WORDS, "too much heap space"),
                _ => (true, ""),
            },
            Self::LabelNumber => (
                below(tables.labels as usize) && operand != Operand::Unsigned(0),
                "the label's number is out of range",
            ),
            Self::Arity => (below(usize::from(MAX_ARITY) + 1), "more than 255 arguments"),
            Self::Live => (
                below(usize::from(X_REGISTERS) + 1),
                "more X registers than there are",
            ),
            Self::Frame => (
                below(usize::from(Y_REGISTERS) + 1),
                "the frame is too large",
            ),
            Self::TupleSize => (below(MAX_TUPLE_SIZE as usize + 1), "the tuple is too large"),
            Self::Import => (below(tables.imports.len()), "not in the import table"),
            Self::Lambda => (below(tables.lambdas.len()), "not in the lambda table"),
            Self::Line => (
                below(tables.lines.unwrap_or(usize::MAX)),
                "not in the line table",
            ),
            _ => (true, ""),
        };
        (!accepted).then_some(what)
    }

    /// What to say of an operand of another class.
    #[cold]
    fn expected(self) -> &'static str {
        match self {
            Self::LabelNumber | Self::Number | Self::NumberOrOverflow => "not a number",
            Self::Arity | Self::Live | Self::Frame | Self::TupleSize => "not a number",
            Self::Import | Self::Lambda | Self::Line => "not an index",
            Self::Label | Self::Fail => "not a label",
            Self::LabelOrAtom => "neither a label nor an atom",
            Self::Source => "neither a register nor a constant",
            Self::Register | Self::RegisterOrFloat => "not a register",
            Self::Y => "not a slot of the frame",
            Self::X0 => "not the register x0",
            Self::Float => "not a float register",
            Self::SourceOrFloat => "neither a register nor a literal",
            Self::Atom => "not an atom",
            Self::AtomOrLambda => "neither an atom nor an index",
            Self::Size => "not a size",
            Self::Heap => "not an amount of heap space",
            Self::List => "not a list",
        }
    }
}

/// A bit for each class of operand, so that "may this stand here" is one test.
pub(crate) mod class {
    pub const UNSIGNED: u16 = 1 << 0;
    pub const OVERFLOW: u16 = 1 << 1;
    pub const INTEGER: u16 = 1 << 2;
    pub const NIL: u16 = 1 << 3;
    pub const ATOM: u16 = 1 << 4;
    pub const X: u16 = 1 << 5;
    pub const Y: u16 = 1 << 6;
    pub const TYPED_X: u16 = 1 << 7;
    pub const TYPED_Y: u16 = 1 << 8;
    pub const FLOAT: u16 = 1 << 9;
    pub const LABEL: u16 = 1 << 10;
    pub const NO_LABEL: u16 = 1 << 11;
    pub const LIST: u16 = 1 << 12;
    pub const ALLOC: u16 = 1 << 13;
    pub const LITERAL: u16 = 1 << 14;
    /// In the classes of a kind: the operand's value matters too.
    pub const VALUE: u16 = 1 << 15;
    pub const SLOT: u16 = Y | TYPED_Y;
    pub const REGISTER: u16 = X | Y | TYPED_X | TYPED_Y;
    pub const CONSTANT: u16 = INTEGER | NIL | ATOM | LITERAL;
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
