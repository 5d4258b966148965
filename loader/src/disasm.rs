//! The generic code of a module for people, in the form of `erlc -S`.
//!
//! Locations, imported functions and atoms are shown, not their indexes. A literal is shown as its index and
//! external format unless [`Disassembly::literals`] is given a way to print terms.

use std::fmt::{self, Write};

use crate::chunks::{AtomIndex, LineIndex, LiteralIndex};
use crate::code::{Function, Op};
use crate::file::BeamFile;
use crate::kind::Kind;
use crate::opcodes::GenericOp;
use crate::operand::Operand;

type PrintLiteral<'f> = &'f dyn Fn(&[u8]) -> String;

/// Displays the code of a file.
pub struct Disassembly<'f> {
    file: &'f BeamFile<'f>,
    print_literal: Option<PrintLiteral<'f>>,
}

impl<'f> Disassembly<'f> {
    /// The code of `file`.
    pub fn new(file: &'f BeamFile<'_>) -> Self {
        Self {
            file,
            print_literal: None,
        }
    }

    /// Prints literals by a function from the external format to text.
    #[must_use]
    pub fn literals(self, print: PrintLiteral<'f>) -> Self {
        Self {
            print_literal: Some(print),
            ..self
        }
    }

    fn function(&self, f: &mut fmt::Formatter<'_>, function: &Function) -> fmt::Result {
        let name = Atom(self.file.atom(function.name));
        write!(
            f,
            "\n\n{{function, {name}, {}, {}}}.\n",
            function.arity, function.entry.0
        )?;
        for index in function.first_op..function.end_op {
            let op = self.file.code().op(index);
            match op.op {
                GenericOp::Label => write!(f, "  ")?,
                _ => write!(f, "    ")?,
            }
            self.op(f, op)?;
            f.write_char('.')?;
            self.callee(f, op)?;
            f.write_char('\n')?;
        }
        Ok(())
    }

    /// One instruction as a term.
    fn op(&self, f: &mut fmt::Formatter<'_>, op: Op<'_>) -> fmt::Result {
        use GenericOp as G;
        let (kinds, args, name) = (op.op.kinds(), op.args, Atom(op.op.name()));
        if args.is_empty() {
            return write!(f, "{name}");
        }
        match (op.op, args) {
            (G::Label, [number]) => write!(f, "{{label,{}}}", number.unsigned()),
            (G::Line, [location]) => {
                f.write_str("{line,[")?;
                self.location(f, location.unsigned())?;
                f.write_str("]}")
            }
            (G::Bif0, [function, destination]) => {
                self.bif(f, "bif", &[Operand::NoLabel], *function, &[], *destination)
            }
            (G::Bif1 | G::Bif2 | G::Bif3, [fail, function, sources @ .., destination]) => {
                self.bif(f, "bif", &[*fail], *function, sources, *destination)
            }
            (
                G::GcBif1 | G::GcBif2 | G::GcBif3,
                [fail, live, function, sources @ .., destination],
            ) => self.bif(
                f,
                "gc_bif",
                &[*fail, *live],
                *function,
                sources,
                *destination,
            ),
            (_, [fail, ..]) if is_test(op.op) => {
                write!(f, "{{test,{name},")?;
                self.operand(f, kinds[0], *fail)?;
                f.write_str(",[")?;
                self.operands(f, &kinds[1..], &args[1..], op)?;
                f.write_str("]}")
            }
            _ => {
                write!(f, "{{{name},")?;
                self.operands(f, kinds, args, op)?;
                f.write_char('}')
            }
        }
    }

    fn bif(
        &self,
        f: &mut fmt::Formatter<'_>,
        what: &str,
        before: &[Operand],
        function: Operand,
        sources: &[Operand],
        destination: Operand,
    ) -> fmt::Result {
        let import = self.file.imports()[function.unsigned() as usize];
        write!(f, "{{{what},{},", Atom(self.file.atom(import.function)))?;
        for operand in before {
            self.operand(f, Kind::Fail, *operand)?;
            f.write_char(',')?;
        }
        f.write_char('[')?;
        self.separated(f, sources)?;
        f.write_str("],")?;
        self.operand(f, Kind::Register, destination)?;
        f.write_char('}')
    }

    /// Operands by their kinds; the last may be a list.
    fn operands(
        &self,
        f: &mut fmt::Formatter<'_>,
        kinds: &[Kind],
        args: &[Operand],
        op: Op<'_>,
    ) -> fmt::Result {
        for (index, (kind, operand)) in kinds.iter().zip(args).enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            if *kind == Kind::List {
                f.write_str("{list,[")?;
                self.separated(f, op.list())?;
                f.write_str("]}")?;
            } else {
                self.operand(f, *kind, *operand)?;
            }
        }
        Ok(())
    }

    fn separated(&self, f: &mut fmt::Formatter<'_>, operands: &[Operand]) -> fmt::Result {
        for (index, operand) in operands.iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            self.operand(f, Kind::Source, *operand)?;
        }
        Ok(())
    }

    fn operand(&self, f: &mut fmt::Formatter<'_>, kind: Kind, operand: Operand) -> fmt::Result {
        match operand {
            Operand::Unsigned(import) if kind == Kind::Import => self.import(f, import as usize),
            Operand::Unsigned(lambda) if matches!(kind, Kind::Lambda | Kind::AtomOrLambda) => {
                write!(f, "{{f,{}}}", self.file.lambdas()[lambda as usize].label.0)
            }
            Operand::Unsigned(location) if kind == Kind::Line => self.location(f, location),
            // Up to OTP 27 the compiler's listing writes the module's atoms of `func_info` like any other.
            Operand::Unsigned(number) => write!(f, "{number}"),
            Operand::Overflow => f.write_str("overflow"),
            Operand::Integer(value) => write!(f, "{{integer,{value}}}"),
            Operand::LongInteger(integer) => {
                f.write_str("{integer,")?;
                hexadecimal(f, self.file.code().integer(integer))?;
                f.write_char('}')
            }
            Operand::Nil => f.write_str("nil"),
            Operand::Atom(atom) => write!(f, "{{atom,{}}}", self.atom(atom)),
            Operand::X(register) => write!(f, "{{x,{register}}}"),
            Operand::Y(slot) => write!(f, "{{y,{slot}}}"),
            Operand::TypedX(register, index) => write!(f, "{{tr,{{x,{register}}},{}}}", index.0),
            Operand::TypedY(slot, index) => write!(f, "{{tr,{{y,{slot}}},{}}}", index.0),
            Operand::Float(register) => write!(f, "{{fr,{register}}}"),
            Operand::Label(label) => write!(f, "{{f,{}}}", label.0),
            Operand::NoLabel => f.write_str("{f,0}"),
            Operand::List(len) => write!(f, "{len}"),
            Operand::Alloc {
                words,
                floats,
                funs,
            } => {
                write!(
                    f,
                    "{{alloc,[{{words,{words}}},{{floats,{floats}}},{{funs,{funs}}}]}}"
                )
            }
            Operand::Literal(index) => self.literal(f, index),
        }
    }

    fn atom(&self, atom: AtomIndex) -> Atom<'f> {
        Atom(self.file.atom(atom))
    }

    fn import(&self, f: &mut fmt::Formatter<'_>, index: usize) -> fmt::Result {
        let import = self.file.imports()[index];
        write!(
            f,
            "{{extfunc,{},{},{}}}",
            self.atom(import.module),
            self.atom(import.function),
            import.arity
        )
    }

    fn location(&self, f: &mut fmt::Formatter<'_>, index: u64) -> fmt::Result {
        let location = self
            .file
            .lines()
            .and_then(|lines| Some((lines, lines.location(LineIndex(index as u32))?)));
        match location {
            None => Ok(()),
            Some((lines, location)) => {
                f.write_str("{location,")?;
                match lines.file(location.file) {
                    Some(name) => write!(f, "{name:?}")?,
                    None => write!(f, "\"{}.erl\"", self.file.module())?,
                }
                write!(f, ",{}}}", location.line)
            }
        }
    }

    fn literal(&self, f: &mut fmt::Formatter<'_>, index: LiteralIndex) -> fmt::Result {
        let external = self.file.literals().get(index);
        match self.print_literal {
            Some(print) => write!(f, "{{literal,{}}}", print(external)),
            None => write!(f, "{{literal,{}}}", ExternalTerm(external)),
        }
    }

    /// What a call by label calls.
    fn callee(&self, f: &mut fmt::Formatter<'_>, op: Op<'_>) -> fmt::Result {
        let label = match op.op {
            GenericOp::Call | GenericOp::CallLast | GenericOp::CallOnly => op.args[1].label(),
            _ => None,
        };
        match label.and_then(|label| self.file.code().function_of_entry(label)) {
            Some(function) => write!(f, " % {}/{}", self.atom(function.name), function.arity),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Disassembly<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file;
        writeln!(f, "{{module, {}}}.  %% version = 0", Atom(file.module()))?;
        f.write_str("\n{exports, [")?;
        for (index, export) in file.exports().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(
                f,
                "{comma}{{{},{}}}",
                self.atom(export.function),
                export.arity
            )?;
        }
        write!(f, "]}}.\n\n{{labels, {}}}.\n", file.code().label_limit())?;
        file.code()
            .functions()
            .iter()
            .try_for_each(|function| self.function(f, function))
    }
}

/// Whether the compiler writes it as `{test, Name, Fail, Operands}`.
fn is_test(op: GenericOp) -> bool {
    use GenericOp as G;
    let name = op.name();
    op.kinds().first() == Some(&Kind::Label)
        && (name.starts_with("is_")
            || name.starts_with("bs_get_")
            || name.starts_with("bs_skip_")
            || name.starts_with("bs_test_"))
        || matches!(
            op,
            G::TestArity | G::BsMatchString | G::HasMapFields | G::BsStartMatch3
        )
}

/// An atom as source code writes it.
struct Atom<'t>(&'t str);

impl fmt::Display for Atom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const RESERVED: [&str; 28] = [
            "after", "and", "andalso", "band", "begin", "bnot", "bor", "bsl", "bsr", "bxor",
            "case", "catch", "cond", "div", "end", "fun", "if", "let", "maybe", "not", "of", "or",
            "orelse", "receive", "rem", "try", "when", "xor",
        ];
        let plain = self.0.starts_with(|first: char| first.is_ascii_lowercase())
            && self
                .0
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '@')
            && !RESERVED.contains(&self.0);
        if plain {
            return f.write_str(self.0);
        }
        f.write_char('\'')?;
        for c in self.0.chars() {
            match c {
                '\'' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                c if c.is_control() => write!(f, "\\x{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_char('\'')
    }
}

/// The bytes of a term in the external format, as the binary that `binary_to_term/1` takes.
struct ExternalTerm<'t>(&'t [u8]);

impl fmt::Display for ExternalTerm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<<")?;
        for (index, byte) in self.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{byte}")?;
        }
        f.write_str(">>")
    }
}

/// A long integer, given in two's complement, in base 16.
fn hexadecimal(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut magnitude = bytes.to_vec();
    if negative {
        f.write_char('-')?;
        let mut carry = true;
        for byte in magnitude.iter_mut().rev() {
            (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
        }
    }
    f.write_str("16#")?;
    let digits: String = magnitude.iter().map(|byte| format!("{byte:02X}")).collect();
    f.write_str(digits.trim_start_matches('0'))
}
