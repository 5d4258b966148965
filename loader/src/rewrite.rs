//! From generic operations to specific instructions.
//!
//! [`Rewriter`] goes through the code once. Each family of operations has its file; what a family emits is
//! one instruction an operation, or a few, with jumps that still name labels and tables that are indexes
//! into the module's data. [`rules`](crate::rules) then fuses neighbours and resolves the jumps.
//!
//! Where an instruction has no place for a constant, the constant is moved into a scratch register first.
//! Scratch registers are dead at the next operation.

mod arithmetic;
mod bits;
mod calls;
mod construct;
mod data;
mod tests;

use std::sync::Arc;

use vm::atom::{Atom, well_known};
use vm::bif::BifEntry;
use vm::code::instr::{
    Const, Instr, Jump, Operand as Encoded, Reg, SCRATCH_REGISTERS, Table, X_REGISTERS,
};
use vm::code::module::{Function, Line};
use vm::code::{Export, FunEntry, Mfa};
use vm::term::Term;
use vm::term::word::{self, NIL, Word};

use crate::chunks::{LineIndex, LiteralIndex};
use crate::code::Op;
use crate::error::LoadError;
use crate::file::BeamFile;
use crate::literals::Constants;
use crate::opcodes::GenericOp;
use crate::operand::{Label, Operand};
use arithmetic::Guard;

/// A function that the module calls.
#[derive(Clone, Copy)]
pub(crate) struct Imported {
    pub export: &'static Export,
    pub bif: Option<&'static BifEntry>,
    guard: Guard,
    /// Whether it is `erlang:apply/2` or `/3`, which are instructions.
    is_apply: bool,
}

impl Imported {
    pub fn new(export: &'static Export) -> Imported {
        let Mfa {
            module,
            function,
            arity,
        } = export.mfa;
        let is_apply = module == well_known::ERLANG
            && function == well_known::APPLY
            && matches!(arity, 2 | 3)
            && export.bif().is_none();
        Imported {
            export,
            bif: export.bif(),
            guard: Guard::of(export.mfa),
            is_apply,
        }
    }
}

/// What the rewriter refers to.
#[derive(Clone, Copy)]
pub(crate) struct Context<'f> {
    pub file: &'f BeamFile<'f>,
    /// The module's atoms, by the file's indexes.
    pub atoms: &'f [Atom],
    pub constants: &'f Constants,
    pub imports: &'f [Imported],
    pub funs: &'f [&'static FunEntry],
    pub strings: &'f Arc<[u8]>,
}

/// Code as [`rules`](crate::rules) takes it over.
#[derive(Default)]
pub(crate) struct Draft {
    /// Jumps name labels, tables are indexes into `data`.
    pub code: Vec<Instr>,
    /// The labels, and which instruction they stand before; in the order of the code.
    pub labels: Vec<(u32, Label)>,
    pub data: Vec<Word>,
    pub lines: Vec<Line>,
    /// The functions; the entries are instructions of `code`.
    pub functions: Vec<Function>,
}

/// A source operand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Reg(Reg),
    Const(Word),
}

struct Rewriter<'f> {
    context: Context<'f>,
    draft: Draft,
    /// How many scratch registers the current operation uses.
    scratch: usize,
    op: Op<'f>,
}

type Rewritten = Result<(), LoadError>;

/// Rewrites all functions of a module.
pub(crate) fn rewrite(context: Context<'_>) -> Result<Draft, LoadError> {
    let code = context.file.code();
    let mut rewriter = Rewriter {
        context,
        draft: Draft {
            // Typical code has a specific instruction for each but the labels and lines.
            code: Vec::with_capacity(code.len()),
            data: Vec::with_capacity(code.len()),
            labels: Vec::with_capacity(code.label_limit() as usize),
            ..Draft::default()
        },
        scratch: 0,
        op: code.op(0),
    };
    for function in code.functions() {
        rewriter.function(function)?;
    }
    Ok(rewriter.draft)
}

impl<'f> Rewriter<'f> {
    fn function(&mut self, function: &crate::code::Function) -> Rewritten {
        let name = self.context.atoms[function.name.0 as usize];
        let mut at = function.first_op;
        while at <= function.entry_op {
            self.operation(at)?;
            at += 1;
        }
        let entry = self.draft.code.len() as u32;
        self.draft.functions.push(Function {
            name,
            arity: function.arity,
            entry,
            is_native: function.is_nif,
        });
        if self.own_bif(name, function.arity) {
            return Ok(());
        }
        (at..function.end_op).try_for_each(|at| self.operation(at))
    }

    /// A function that is a BIF: what the module has in its place is a stub.
    fn own_bif(&mut self, function: Atom, arity: u8) -> bool {
        let module = self.context.atoms[crate::chunks::AtomIndex::MODULE.0 as usize];
        let mfa = Mfa {
            module,
            function,
            arity: arity.into(),
        };
        match Export::existing(mfa) {
            Some(export) if export.bif().is_some() => {
                self.emit(Instr::ExportBif {
                    export: address(export),
                });
                true
            }
            Some(export) if export.is_native() => {
                self.emit(Instr::CallExtOnly {
                    export: address(export),
                });
                true
            }
            _ => false,
        }
    }

    /// Rewrites the operation at an index.
    #[inline]
    fn operation(&mut self, at: usize) -> Rewritten {
        use GenericOp as G;
        self.scratch = 0;
        self.op = self.context.file.code().op(at);
        let args = self.op.args;
        match (self.op.op, args) {
            (G::Label, [number]) => {
                let here = self.draft.code.len() as u32;
                self.draft
                    .labels
                    .push((here, Label(number.unsigned() as u32)));
            }
            (G::Line, [line]) => self.line(*line),
            (G::IntCodeEnd | G::NifStart | G::OnLoad, _) => {}
            // Marks for tools: they change nothing that runs.
            (G::ExecutableLine | G::DebugLine, _) => {}
            (G::FuncInfo, &[Operand::Atom(module), Operand::Atom(function), arity]) => {
                let [module, function] =
                    [module, function].map(|atom| self.context.atoms[atom.0 as usize].index());
                let has_line = at > 0 && self.context.file.code().op(at - 1).op == G::Line;
                if !has_line {
                    // A line before the label is the end of the function before.
                    self.no_line();
                }
                self.emit(Instr::FuncInfo {
                    arity: arity.unsigned() as u16,
                    module,
                    function,
                });
            }
            (op, _) => match family(op) {
                Family::Calls => self.calls(at)?,
                Family::Data => self.data()?,
                Family::Tests => self.tests()?,
                Family::Arithmetic => self.arithmetic()?,
                Family::Bits => self.bits()?,
                Family::Construct => self.construct()?,
                Family::Unknown => return Err(self.unsupported()),
            },
        }
        Ok(())
    }

    fn line(&mut self, line: Operand) {
        let Some(lines) = self.context.file.lines() else {
            return;
        };
        let (file, number) = lines
            .location(LineIndex(line.unsigned() as u32))
            .map_or((0, 0), |location| (location.file, location.line));
        self.line_at(file, number);
    }

    /// What follows has no place in the source.
    fn no_line(&mut self) {
        self.line_at(0, 0);
    }

    fn line_at(&mut self, file: u32, line: u32) {
        let at = self.draft.code.len() as u32;
        let line = Line { at, file, line };
        match self.draft.lines.last_mut() {
            Some(before) if before.at == at => *before = line,
            _ => self.draft.lines.push(line),
        }
    }

    #[inline]
    fn emit(&mut self, instruction: Instr) {
        self.draft.code.push(instruction);
    }

    #[cold]
    fn bad(&self, what: &'static str) -> LoadError {
        LoadError::BadOperand {
            at: self.op.at,
            op: self.op.op,
            what,
        }
    }

    #[cold]
    fn unsupported(&self) -> LoadError {
        LoadError::Unsupported {
            at: self.op.at,
            op: self.op.op,
        }
    }

    /// A place in the code, or none.
    #[inline]
    fn jump(&self, operand: Operand) -> Jump {
        match operand {
            Operand::Label(label) => Jump(label.0 as i32),
            _ => Jump(0),
        }
    }

    /// A register. The decoder has checked that there is one.
    #[inline]
    fn reg(&self, operand: Operand) -> Reg {
        match operand {
            Operand::X(index) | Operand::TypedX(index, _) => Reg::x(index),
            Operand::Y(index) | Operand::TypedY(index, _) => Reg::y(index),
            _ => Reg::x(0),
        }
    }

    #[inline]
    fn number(&self, operand: Operand) -> u64 {
        operand.unsigned()
    }

    #[inline]
    fn small_number(&self, operand: Operand) -> u16 {
        operand.unsigned() as u16
    }

    #[inline]
    fn source(&self, operand: Operand) -> Source {
        match operand {
            Operand::X(index) | Operand::TypedX(index, _) => Source::Reg(Reg::x(index)),
            Operand::Y(index) | Operand::TypedY(index, _) => Source::Reg(Reg::y(index)),
            _ => Source::Const(self.constant(operand)),
        }
    }

    fn constant(&self, operand: Operand) -> Word {
        match operand {
            Operand::Integer(value) => self.context.constants.integer(value),
            Operand::LongInteger(integer) => self.context.constants.long_integer(integer),
            Operand::Atom(atom) => Term::atom(self.context.atoms[atom.0 as usize]).word(),
            Operand::Literal(literal) => self.literal(literal).word(),
            _ => NIL,
        }
    }

    fn literal(&self, literal: LiteralIndex) -> Term<'f> {
        self.context.constants.literal(literal.0 as usize)
    }

    /// A register that holds the operand: its own, or a scratch one that the constant is moved to.
    #[inline]
    fn in_register(&mut self, operand: Operand) -> Reg {
        match self.source(operand) {
            Source::Reg(reg) => reg,
            Source::Const(word) => self.load(word),
        }
    }

    /// A scratch register that holds a constant.
    fn load(&mut self, word: Word) -> Reg {
        let dst = Reg::x((X_REGISTERS + self.scratch % SCRATCH_REGISTERS) as u16);
        self.scratch += 1;
        self.emit(Instr::MoveC {
            dst,
            value: Const(word),
        });
        dst
    }

    /// The operand as it stands in a table.
    #[inline]
    fn encoded(&self, operand: Operand) -> Word {
        match self.source(operand) {
            Source::Reg(reg) => Encoded::Reg(reg).encode(),
            Source::Const(word) => word,
        }
    }

    /// Begins a table: [`Vec::len`] of the data is its place.
    #[inline]
    fn table(&self) -> Table {
        Table(std::ptr::without_provenance(self.draft.data.len()))
    }

    #[inline]
    fn push(&mut self, word: Word) {
        self.draft.data.push(word);
    }

    /// The words that a heap operand asks for, in the sizes that objects have here.
    fn heap_words(&self, operand: Operand) -> u32 {
        const FLOAT_WORDS: u32 = 2;
        const FUN_WORDS: u32 = 3;
        match operand {
            Operand::Alloc {
                words,
                floats,
                funs,
            } => words + FLOAT_WORDS * floats + FUN_WORDS * funs,
            _ => operand.unsigned() as u32,
        }
    }

    /// The name of an atom operand.
    fn atom_name(&self, operand: Operand) -> &'f str {
        match operand {
            Operand::Atom(atom) => self.context.file.atom(atom),
            _ => "",
        }
    }
}

/// The address of something that lives as long as the node, as instructions hold it.
pub(crate) fn address<T>(thing: &'static T) -> u64 {
    std::ptr::from_ref(thing) as u64
}

/// Which file rewrites an operation.
enum Family {
    Calls,
    Data,
    Tests,
    Arithmetic,
    Bits,
    Construct,
    Unknown,
}

#[rustfmt::skip]
fn family(op: GenericOp) -> Family {
    use GenericOp::*;
    match op {
        Call | CallLast | CallOnly | CallExt | CallExtLast | CallExtOnly | CallFun | CallFun2 | Apply | ApplyLast
        | Return | Allocate | AllocateHeap | AllocateZero | AllocateHeapZero | TestHeap | Deallocate | Trim | Init
        | InitYregs | Jump | Catch | CatchEnd | Try | TryEnd | TryCase | TryCaseEnd | Raise | RawRaise
        | BuildStacktrace | Badmatch | CaseEnd | IfEnd | Badrecord | Send | LoopRec | LoopRecEnd | RemoveMessage
        | Timeout | Wait | WaitTimeout | RecvMark | RecvSet | RecvMarkerReserve | RecvMarkerBind | RecvMarkerClear
        | RecvMarkerUse => Family::Calls,
        Move | Swap | GetList | GetHd | GetTl | GetTupleElement | SetTupleElement | PutList | PutTuple2
        | UpdateRecord | MakeFun2 | MakeFun3 | PutMapAssoc | PutMapExact | HasMapFields | GetMapElements => Family::Data,
        IsLt | IsGe | IsEq | IsNe | IsEqExact | IsNeExact | IsInteger | IsFloat | IsNumber | IsAtom | IsPid
        | IsReference | IsPort | IsNil | IsBinary | IsList | IsNonemptyList | IsTuple | TestArity | IsFunction
        | IsBoolean | IsFunction2 | IsBitstr | IsMap | IsTaggedTuple | SelectVal | SelectTupleArity => Family::Tests,
        Bif0 | Bif1 | Bif2 | Bif3 | GcBif1 | GcBif2 | GcBif3 | Fclearerror | Fcheckerror | Fmove | Fconv | Fadd
        | Fsub | Fmul | Fdiv | Fnegate => Family::Arithmetic,
        BsStartMatch3 | BsStartMatch4 | BsGetInteger2 | BsGetFloat2 | BsGetBinary2 | BsSkipBits2 | BsTestTail2
        | BsTestUnit | BsMatchString | BsGetTail | BsGetPosition | BsSetPosition | BsGetUtf8 | BsSkipUtf8
        | BsGetUtf16 | BsSkipUtf16 | BsGetUtf32 | BsSkipUtf32 | BsMatch => Family::Bits,
        BsCreateBin | BsPutInteger | BsPutBinary | BsPutFloat | BsPutString | BsInit2 | BsInitBits | BsAdd | BsAppend
        | BsPrivateAppend | BsUtf8Size | BsPutUtf8 | BsUtf16Size | BsPutUtf16 | BsPutUtf32 | BsInitWritable => Family::Construct,
        _ => Family::Unknown,
    }
}

/// Whether a word needs no memory.
fn is_immediate(word: Word) -> bool {
    word::is_immediate(word)
}
