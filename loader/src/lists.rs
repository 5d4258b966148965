//! What the lists of operations may hold.

use crate::kind::{Kind, Tables};
use crate::opcodes::GenericOp;
use crate::operand::Operand;

type Checked = Result<(), &'static str>;

/// Checks the elements of the list that ends `op`.
pub(crate) fn check_list(op: GenericOp, elements: &[Operand], tables: &Tables<'_, '_>) -> Checked {
    use GenericOp as G;
    if elements
        .iter()
        .any(|element| matches!(element, Operand::List(_)))
    {
        return Err("a list in a list");
    }
    match op {
        G::PutTuple2 | G::MakeFun3 | G::HasMapFields => each(elements, &[Kind::Source], tables),
        G::InitYregs => each(elements, &[Kind::Y], tables),
        G::SelectVal => {
            each(elements, &[Kind::Source, Kind::Label], tables)?;
            match elements.iter().step_by(2).all(|value| value.is_constant()) {
                true => Ok(()),
                false => Err("a choice is not a constant"),
            }
        }
        G::SelectTupleArity => each(elements, &[Kind::TupleSize, Kind::Label], tables),
        G::PutMapAssoc | G::PutMapExact | G::PutRecord => {
            each(elements, &[Kind::Source, Kind::Source], tables)
        }
        G::GetMapElements | G::GetRecordElements => {
            each(elements, &[Kind::Source, Kind::Register], tables)
        }
        G::UpdateRecord => each(elements, &[Kind::TupleSize, Kind::Source], tables),
        G::BsCreateBin => segments(elements, tables),
        G::BsMatch => commands(elements, tables),
        _ => Ok(()),
    }
}

/// The elements repeat the pattern of `kinds`.
fn each(elements: &[Operand], kinds: &[Kind], tables: &Tables<'_, '_>) -> Checked {
    if !elements.len().is_multiple_of(kinds.len()) {
        return Err("the list ends inside a group");
    }
    elements
        .iter()
        .zip(kinds.iter().cycle())
        .try_for_each(|(element, kind)| fits(*kind, *element, tables))
}

fn fits(kind: Kind, operand: Operand, tables: &Tables<'_, '_>) -> Checked {
    match kind.refuses(operand, tables) {
        None => Ok(()),
        Some(what) => Err(what),
    }
}

fn name<'t>(operand: Operand, tables: &'t Tables<'_, '_>) -> Result<&'t str, &'static str> {
    match operand {
        Operand::Atom(atom) => Ok(&tables.atoms[atom.0 as usize]),
        _ => Err("not an atom"),
    }
}

/// The segments of `bs_create_bin`: type, number, unit, flags, value, size.
fn segments(elements: &[Operand], tables: &Tables<'_, '_>) -> Checked {
    if !elements.len().is_multiple_of(6) {
        return Err("the list ends inside a segment");
    }
    for segment in elements.chunks_exact(6) {
        let &[kind, number, unit, flags, value, size] = segment else {
            continue;
        };
        fits(Kind::Number, number, tables)?;
        fits(Kind::Number, unit, tables)?;
        if !matches!(flags, Operand::Nil | Operand::Literal(_)) {
            return Err("the flags are not a list");
        }
        match name(kind, tables)? {
            "string" => string_segment(value, size, tables)?,
            "append" | "private_append" | "binary" | "integer" | "float" | "utf8" | "utf16"
            | "utf32" => {
                fits(Kind::Source, value, tables)?;
                fits(Kind::Source, size, tables)?;
            }
            _ => return Err("unknown type of a segment"),
        }
    }
    Ok(())
}

/// A segment of bytes from the string table, its size in units of bytes.
fn string_segment(offset: Operand, bytes: Operand, tables: &Tables<'_, '_>) -> Checked {
    match (offset, bytes) {
        (Operand::Unsigned(offset), Operand::Integer(bytes))
            if bytes >= 0 && offset.saturating_add(bytes as u64) <= tables.strings as u64 =>
        {
            Ok(())
        }
        _ => Err("not in the string table"),
    }
}

/// The commands of `bs_match`: a name and what it needs.
fn commands(mut elements: &[Operand], tables: &Tables<'_, '_>) -> Checked {
    const FIELD: &[CommandArg] = &[
        CommandArg::Is(Kind::Live),
        CommandArg::Flags,
        CommandArg::Size,
        CommandArg::Is(Kind::Number),
        CommandArg::Is(Kind::Register),
    ];
    while let Some((command, rest)) = elements.split_first() {
        let args: &[CommandArg] = match name(*command, tables)? {
            "ensure_at_least" => &[CommandArg::Size, CommandArg::Is(Kind::Number)],
            "ensure_exactly" | "skip" => &[CommandArg::Size],
            "integer" | "binary" => FIELD,
            "get_tail" => &[
                CommandArg::Is(Kind::Live),
                CommandArg::Is(Kind::Number),
                CommandArg::Is(Kind::Register),
            ],
            "=:=" => &[CommandArg::Nil, CommandArg::Size, CommandArg::Value],
            _ => return Err("unknown command"),
        };
        let (now, later) = rest
            .split_at_checked(args.len())
            .ok_or("the list ends inside a command")?;
        now.iter()
            .zip(args)
            .try_for_each(|(operand, arg)| arg.check(*operand, tables))?;
        elements = later;
    }
    Ok(())
}

/// What stands after the name of a command of `bs_match`.
#[derive(Clone, Copy)]
enum CommandArg {
    Is(Kind),
    Flags,
    Nil,
    Size,
    Value,
}

impl CommandArg {
    fn check(self, operand: Operand, tables: &Tables<'_, '_>) -> Checked {
        let (accepted, what) = match self {
            Self::Is(kind) => return fits(kind, operand, tables),
            Self::Flags => (
                matches!(operand, Operand::Nil | Operand::Literal(_)),
                "the flags are not a list",
            ),
            Self::Nil => (operand == Operand::Nil, "not []"),
            // Sizes are fixed here, so that no product with a unit overflows.
            Self::Size => (
                matches!(operand, Operand::Unsigned(0..=0xff_ffff_ffff)),
                "not a fixed size",
            ),
            Self::Value => (
                matches!(operand, Operand::Unsigned(_) | Operand::Overflow)
                    || operand.is_constant(),
                "not a value",
            ),
        };
        if accepted { Ok(()) } else { Err(what) }
    }
}
