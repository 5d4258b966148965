//! Loaded code for people: the specific instructions with the names, terms and places that they hold.

use std::fmt::{self, Write};

use parking_lot::MutexGuard;

use super::instr::{FieldValue, Instr, Operand, Reg, Table};
use super::module::Module;
use super::{Export, FunEntry};
use crate::atom::Atom;
use crate::bif::BifEntry;
use crate::heap::literal::LiteralArea;
use crate::process::hooks;
use crate::term::Term;
use crate::term::word::{self, Word};

/// Displays a module's code, or that of one function of it.
pub struct Listing<'m> {
    module: &'m Module,
    /// Places in the module's data where tables begin, ascending: a table ends where the next begins.
    tables: Vec<usize>,
    function: Option<usize>,
    /// Held so that nobody frees the terms that are printed; none if they are gone.
    literals: MutexGuard<'m, Option<LiteralArea>>,
}

impl<'m> Listing<'m> {
    /// The code of a whole module.
    pub fn new(module: &'m Module) -> Listing<'m> {
        let mut tables: Vec<usize> = (0..module.len())
            .flat_map(|index| module.instruction(index).fields())
            .filter_map(|(_, value)| match value {
                FieldValue::Table(table) => Some(table.0 as usize),
                _ => None,
            })
            .collect();
        tables.sort_unstable();
        Listing {
            module,
            tables,
            function: None,
            literals: module.hold_literals(),
        }
    }

    /// Only the function at this index of the module's functions.
    #[must_use]
    pub fn function(self, function: usize) -> Listing<'m> {
        Listing {
            function: Some(function),
            ..self
        }
    }

    /// One instruction, by its index in the module.
    pub fn instruction(&self, index: usize) -> String {
        let mut text = String::new();
        let instruction = self.module.instruction(index);
        let _ = write!(text, "{}", snake_case(instruction.name()));
        for (name, value) in instruction.fields() {
            let _ = write!(text, " {name}=");
            let _ = match value {
                FieldValue::Reg(reg) => write!(text, "{reg:?}"),
                FieldValue::Jump(jump) if jump.0 == 0 => write!(text, "-"),
                FieldValue::Jump(jump) => {
                    write!(text, "{}", index as i64 + i64::from(jump.instructions()))
                }
                FieldValue::Const(value) => write!(text, "{}", self.term(value.0)),
                FieldValue::Table(table) => {
                    write!(text, "[{}]", self.table(&instruction, index, table))
                }
                FieldValue::Number(number) => {
                    write!(text, "{}", self.named(&instruction, name, number))
                }
            };
        }
        text
    }

    /// A constant of the code.
    fn term(&self, word: Word) -> String {
        if word::is_small(word) {
            return word::small_value(word).to_string();
        }
        if !word::is_immediate(word) && self.literals.is_none() {
            return format!("#{word:x}");
        }
        // SAFETY: a constant of the code is a term that lives as long as the module's literals, which are held.
        let term = unsafe { Term::from_word(word) };
        if let Some(atom) = term.as_atom() {
            return format!("'{atom}'");
        }
        if term.is_nil() {
            return "[]".to_owned();
        }
        match hooks::print(term) {
            text if text.is_empty() => format!("#{word:x}"),
            text => text,
        }
    }

    fn operand(&self, word: Word) -> String {
        match Operand::decode(word) {
            Operand::Reg(reg) => format!("{reg:?}"),
            Operand::Const(word) => self.term(word),
        }
    }

    /// The operands in a table, up to where the next begins.
    fn table(&self, instruction: &Instr, index: usize, table: Table) -> String {
        let at = table.0 as usize;
        let next = self.tables.partition_point(|&other| other <= at);
        let words = self.module.table(table);
        let count = self
            .tables
            .get(next)
            .map_or(words.len(), |end| (end - at) / size_of::<Word>());
        let words = &words[..count.min(words.len())];
        let texts: Vec<String> = words
            .iter()
            .enumerate()
            .map(|(place, &word)| self.entry(instruction, index, words, place, word))
            .collect();
        texts.join(", ")
    }

    fn one_function(&self, f: &mut fmt::Formatter<'_>, number: usize) -> fmt::Result {
        let functions = self.module.functions();
        let function = functions[number];
        let end = functions
            .get(number + 1)
            .map_or(self.module.len(), |next| next.entry as usize - 1);
        writeln!(
            f,
            "\n{}:{}/{}",
            self.module.name, function.name, function.arity
        )?;
        let mut line = 0;
        for index in function.entry as usize - 1..end {
            let location = self.module.locate(self.module.address(index as u32));
            let now = location
                .and_then(|location| location.location)
                .map_or(0, |location| location.line);
            if now != line && now > 0 {
                writeln!(f, "  % line {now}")?;
            }
            line = now;
            writeln!(f, "  {index:6} {}", self.instruction(index))?;
        }
        Ok(())
    }
}

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(function) = self.function {
            return self.one_function(f, function);
        }
        writeln!(
            f,
            "{}: {} instructions",
            self.module.name,
            self.module.len()
        )?;
        (0..self.module.functions().len()).try_for_each(|number| self.one_function(f, number))
    }
}

/// `GetTupleElement` as `get_tuple_element`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for (place, char) in name.chars().enumerate() {
        if char.is_uppercase() && place > 0 {
            text.push('_');
        }
        text.extend(char.to_lowercase());
    }
    text
}

impl Listing<'_> {
    /// A number with the name of what it stands for, where it stands for something.
    fn named(&self, instruction: &Instr, field: &str, number: i64) -> String {
        match (field, instruction) {
            ("export", _) => {
                // SAFETY: the field of every instruction of this name holds a `&'static Export`.
                let export = unsafe { &*(number as *const Export) };
                export.mfa.to_string()
            }
            ("module" | "function" | "tag", _) => match Atom::at(number as u32) {
                Some(atom) => format!("'{atom}'"),
                None => number.to_string(),
            },
            ("time", _) => self.operand(number as Word),
            ("value", Instr::FloatLoadC { .. }) => f64::from_bits(number as u64).to_string(),
            _ => number.to_string(),
        }
    }

    /// A word of a table, by the layout that the instruction's row documents.
    fn entry(
        &self,
        instruction: &Instr,
        index: usize,
        words: &[Word],
        place: usize,
        word: Word,
    ) -> String {
        let target = |word: Word| match word as i64 {
            0 => "-".to_owned(),
            distance => format!("->{}", index as i64 + distance),
        };
        let number = || (word as i64).to_string();
        let register = || format!("{:?}", Reg(word as u16));
        let count = words.first().copied().unwrap_or(0) as usize;
        match (instruction, place) {
            (Instr::SelectRange { .. } | Instr::SelectRangeX { .. }, 2..) => target(word),
            (
                Instr::SelectImm { .. }
                | Instr::SelectImmX { .. }
                | Instr::SelectImmFew { .. }
                | Instr::SelectImmFewX { .. }
                | Instr::SelectTerm { .. },
                1..,
            ) if place <= count => self.term(word),
            (
                Instr::SelectImm { .. }
                | Instr::SelectImmX { .. }
                | Instr::SelectImmFew { .. }
                | Instr::SelectImmFewX { .. }
                | Instr::SelectTerm { .. }
                | Instr::SelectArity { .. },
                1..,
            ) if place > count => target(word),
            (Instr::InitYs { .. }, 1..) => register(),
            (Instr::PutTuple { .. } | Instr::HasMapFields { .. }, 1..) => self.operand(word),
            (Instr::UpdateTuple { .. }, 2..) if place % 2 == 1 => self.operand(word),
            (Instr::GetMapElements { .. }, 1..) => {
                if place % 2 == 1 {
                    self.operand(word)
                } else {
                    register()
                }
            }
            (Instr::PutMapAssoc { .. } | Instr::PutMapExact { .. }, 0 | 3..) => self.operand(word),
            (Instr::NewMap { .. }, 2..) => self.operand(word),
            (Instr::MakeFun { .. }, 0) => {
                // SAFETY: the first word of this table is a `&'static FunEntry`.
                let entry = unsafe { &*(word as *const FunEntry) };
                format!(
                    "{}:{}/{}",
                    entry.id.module,
                    entry.function(),
                    entry.id.arity
                )
            }
            (Instr::MakeFun { .. }, 2..) | (Instr::GuardBif { .. }, 3..) => self.operand(word),
            (Instr::GuardBif { .. }, 0) => {
                // SAFETY: the first word of this table is a `&'static BifEntry`.
                let bif = unsafe { &*(word as *const BifEntry) };
                format!("{}:{}/{}", bif.module, bif.function, bif.arity)
            }
            (
                Instr::BsGetInteger { .. } | Instr::BsGetFloat { .. } | Instr::BsGetBinary { .. },
                0 | 2,
            )
            | (Instr::BsSkipBits { .. }, 0 | 1)
            | (Instr::BsMatchString { .. }, 0) => self.operand(word),
            // Segments: type, number, unit, flags, source, size. Those of strings are no terms.
            (Instr::BsCreateBin { .. }, 4..)
                if (place - 4) % 6 >= 4 && words[place - (place - 4) % 6] != 5 =>
            {
                self.operand(word)
            }
            _ => number(),
        }
    }
}
