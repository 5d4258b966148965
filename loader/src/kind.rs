//! What each place of an operation may hold.
//!
//! [`Kind`] is what a row of [`opcodes`](crate::opcodes) says about a place; [`Tables`] is what an operand there
//! may refer to. Most checks are one test of a bit: every operand has a class, every kind a set of them.

use std::borrow::Cow;

use crate::chunks::{AtomIndex, Import, Lambda};
use crate::operand::{
    MAX_ARITY, MAX_HEAP_WORDS, MAX_TUPLE_SIZE, Operand, X_REGISTERS, Y_REGISTERS,
};

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
    pub atoms: &'t [Cow<'a, str>],
    pub imports: &'t [Import],
    pub lambdas: &'t [Lambda],
    pub literals: usize,
    pub types: Option<usize>,
    /// `None` if there is no line table, so that no line means anything.
    pub lines: Option<usize>,
    pub strings: usize,
    pub labels: u32,
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
