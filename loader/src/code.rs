//! The instructions of a module: decoded once, checked operand by operand.
//!
//! [`Code`] holds two arrays, one of instructions and one of all their operands; an [`Op`] is a view of
//! both. What is checked here is what can be seen in one instruction; that the instructions make up functions
//! and that control stays inside them is the subject of [`validate`](crate::validate).

use crate::chunks::{AtomIndex, CodeHeader, LineIndex};
use crate::error::LoadError;
use crate::kind::{Kind, Tables, class};
use crate::lists::check_list;
use crate::opcodes::GenericOp;
use crate::operand::{self, Label, LongInteger, Operand};
use crate::reader::Reader;

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op<'c> {
    /// What it does.
    pub op: GenericOp,
    /// Its operands, one for each of the operation's kinds; the elements of a list follow their `List`.
    pub args: &'c [Operand],
    /// Its byte offset in `Code`.
    pub at: usize,
}

impl<'c> Op<'c> {
    /// The elements of its list; empty if it has none.
    pub fn list(&self) -> &'c [Operand] {
        match self.op.kinds().last() {
            Some(Kind::List) => &self.args[self.op.kinds().len()..],
            _ => &[],
        }
    }
}

/// A function: its instructions and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// The module that `func_info` names.
    pub module: AtomIndex,
    /// Its name.
    pub name: AtomIndex,
    /// Its arity.
    pub arity: u8,
    /// The label of its `func_info`.
    pub info: Label,
    /// Its entry.
    pub entry: Label,
    /// The line of its head, if the file says.
    pub line: Option<LineIndex>,
    /// The index of its first instruction, the label of its `func_info`.
    pub first_op: usize,
    /// The index of the label of its entry.
    pub entry_op: usize,
    /// The index after that of its last instruction.
    pub end_op: usize,
    /// Whether a NIF may replace it.
    pub is_nif: bool,
}

#[derive(Clone, Copy, Debug)]
struct RawOp {
    at: u32,
    first_arg: u32,
    /// One more than the highest slot of the frame that an operand names.
    slots: u16,
    /// Whether an operand is a label.
    has_label: bool,
    op: GenericOp,
}

/// The code of a module.
#[derive(Clone, Debug)]
pub struct Code<'a> {
    chunk: &'a [u8],
    ops: Vec<RawOp>,
    operands: Vec<Operand>,
    /// Index of the instruction that defines a label, or `UNDEFINED`.
    labels: Vec<u32>,
    functions: Vec<Function>,
    on_load: Option<usize>,
    line_instructions: usize,
}

const UNDEFINED: u32 = u32::MAX;

impl<'a> Code<'a> {
    pub(crate) fn decode(
        chunk: &'a [u8],
        header: CodeHeader,
        tables: &Tables<'_, '_>,
    ) -> Result<Self, LoadError> {
        // Typical code has an instruction every five bytes and an operand every two.
        let code_bytes = chunk.len() - header.code_at;
        let mut code = Self {
            chunk,
            ops: Vec::with_capacity(code_bytes / 5),
            operands: Vec::with_capacity(code_bytes / 2),
            labels: vec![UNDEFINED; header.labels as usize],
            functions: Vec::new(),
            on_load: None,
            line_instructions: 0,
        };
        code.decode_ops(header.code_at, tables)?;
        code.find_functions(header.functions)?;
        Ok(code)
    }

    fn decode_ops(&mut self, code_at: usize, tables: &Tables<'_, '_>) -> Result<(), LoadError> {
        let mut reader = Reader::new("Code", self.chunk);
        reader.take(code_at)?;
        loop {
            let at = reader.pos();
            let opcode = reader.u8()?;
            let (op, kinds) =
                GenericOp::loaded(opcode).ok_or(LoadError::UnknownOpcode { at, opcode })?;
            let first_arg = self.operands.len();
            let mut classes = 0;
            for kind in kinds {
                let operand_at = reader.pos();
                let operand = operand::decode(&mut reader, op, tables)?;
                if let Some(what) = kind.refuses(operand, tables) {
                    return Err(LoadError::BadOperand {
                        at: operand_at,
                        op,
                        what,
                    });
                }
                classes |= operand.class();
                self.operands.push(operand);
            }
            if classes & class::LIST != 0 {
                classes |= self.decode_list(&mut reader, op, tables)?;
            }
            let args = &self.operands[first_arg..];
            check_together(op, args, tables).map_err(|what| LoadError::BadOperand {
                at,
                op,
                what,
            })?;
            let slots = if classes & class::SLOT == 0 {
                0
            } else {
                slots(args)
            };
            let has_label = classes & class::LABEL != 0;
            self.ops.push(RawOp {
                at: at as u32,
                first_arg: first_arg as u32,
                slots,
                has_label,
                op,
            });
            match op {
                GenericOp::Label => {
                    self.define(self.operands[first_arg].unsigned() as usize, at)?
                }
                GenericOp::Line => self.line_instructions += 1,
                GenericOp::IntCodeEnd => return Ok(()),
                _ => {}
            }
        }
    }

    /// Decodes the list whose length is the last operand; the classes of its elements together.
    fn decode_list(
        &mut self,
        reader: &mut Reader<'_>,
        op: GenericOp,
        tables: &Tables<'_, '_>,
    ) -> Result<u16, LoadError> {
        let at = reader.pos();
        let Some(Operand::List(len)) = self.operands.last().copied() else {
            return Ok(0);
        };
        let first = self.operands.len();
        let mut classes = 0;
        for _ in 0..len {
            let operand = operand::decode(reader, op, tables)?;
            classes |= operand.class();
            self.operands.push(operand);
        }
        match check_list(op, &self.operands[first..], tables) {
            Ok(()) => Ok(classes),
            Err(what) => Err(LoadError::BadOperand { at, op, what }),
        }
    }

    fn define(&mut self, label: usize, at: usize) -> Result<(), LoadError> {
        let index = self.ops.len() as u32 - 1;
        match std::mem::replace(&mut self.labels[label], index) {
            UNDEFINED => Ok(()),
            _ => Err(LoadError::BadCode {
                at,
                what: "the label is defined twice",
            }),
        }
    }

    /// A function begins with `label`, perhaps `line`, `func_info`, and the `label` of its entry.
    fn find_functions(&mut self, claimed: u32) -> Result<(), LoadError> {
        for index in 0..self.ops.len() {
            match self.ops[index].op {
                GenericOp::FuncInfo => {
                    let function = self.function_at(index).ok_or(LoadError::BadCode {
                        at: self.op(index).at,
                        what: "func_info does not stand between the two labels of a function",
                    })?;
                    if let Some(before) = self.functions.last_mut() {
                        before.end_op = function.first_op;
                    }
                    self.functions.push(function);
                }
                GenericOp::NifStart => {
                    let at = self.op(index).at;
                    let function = self.functions.last_mut();
                    function
                        .ok_or(LoadError::BadCode {
                            at,
                            what: "nif_start outside a function",
                        })?
                        .is_nif = true;
                }
                GenericOp::OnLoad => self.set_on_load(index)?,
                _ => {}
            }
        }
        let end = self.op(self.ops.len() - 1).at;
        if let Some(last) = self.functions.last_mut() {
            last.end_op = self.ops.len() - 1;
        }
        let begins_with_function = self
            .functions
            .first()
            .map_or(self.ops.len() == 1, |first| first.first_op == 0);
        if !begins_with_function {
            return Err(LoadError::BadCode {
                at: self.op(0).at,
                what: "instructions outside a function",
            });
        }
        if self.functions.len() != claimed as usize {
            return Err(LoadError::BadCode {
                at: end,
                what: "the number of functions differs from the header's",
            });
        }
        Ok(())
    }

    fn function_at(&self, func_info: usize) -> Option<Function> {
        let [Operand::Atom(module), Operand::Atom(name), arity] = *self.op(func_info).args else {
            return None;
        };
        let (entry_op, entry) = (func_info + 1, self.label_at(func_info + 1)?);
        let before = func_info.checked_sub(1)?;
        let (first_op, line) = match self.op(before) {
            Op {
                op: GenericOp::Line,
                args,
                ..
            } => (
                before.checked_sub(1)?,
                Some(LineIndex(args[0].unsigned() as u32)),
            ),
            _ => (before, None),
        };
        let info = self.label_at(first_op)?;
        Some(Function {
            module,
            name,
            arity: arity.unsigned() as u8,
            info,
            entry,
            line,
            first_op,
            entry_op,
            end_op: entry_op + 1,
            is_nif: false,
        })
    }

    fn set_on_load(&mut self, index: usize) -> Result<(), LoadError> {
        let function = self
            .functions
            .len()
            .checked_sub(1)
            .map(|last| (last, self.functions[last]));
        match function {
            Some((last, function)) if function.entry_op + 1 == index && function.arity == 0 => {
                self.on_load = Some(last);
                Ok(())
            }
            _ => Err(LoadError::BadCode {
                at: self.op(index).at,
                what: "on_load is not the first instruction of a function without arguments",
            }),
        }
    }

    fn label_at(&self, index: usize) -> Option<Label> {
        let op = (index < self.ops.len()).then(|| self.op(index))?;
        (op.op == GenericOp::Label).then(|| Label(op.args[0].unsigned() as u32))
    }

    /// The instruction at an index.
    #[inline]
    pub fn op(&self, index: usize) -> Op<'_> {
        let RawOp {
            at, first_arg, op, ..
        } = self.ops[index];
        let end = self
            .ops
            .get(index + 1)
            .map_or(self.operands.len(), |next| next.first_arg as usize);
        Op {
            op,
            args: &self.operands[first_arg as usize..end],
            at: at as usize,
        }
    }

    /// One more than the highest slot of the frame that an instruction names, and whether it names labels.
    #[inline]
    pub(crate) fn needs(&self, index: usize) -> (GenericOp, u16, bool) {
        let RawOp {
            op,
            slots,
            has_label,
            ..
        } = self.ops[index];
        (op, slots, has_label)
    }

    /// The instructions in order; the last is `int_code_end`.
    pub fn ops(&self) -> impl ExactSizeIterator<Item = Op<'_>> {
        (0..self.ops.len()).map(|index| self.op(index))
    }

    pub(crate) fn line_instructions(&self) -> usize {
        self.line_instructions
    }

    /// How many instructions there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is nothing but `int_code_end`.
    pub fn is_empty(&self) -> bool {
        self.ops.len() == 1
    }

    /// All operands of all instructions.
    pub fn operands(&self) -> &[Operand] {
        &self.operands
    }

    /// Labels are numbered from 1 to below this; some may not be defined.
    pub fn label_limit(&self) -> u32 {
        self.labels.len() as u32
    }

    /// The index of the instruction that defines a label. Every label that an operand names is defined.
    #[inline]
    pub fn label(&self, label: Label) -> Option<usize> {
        match self.labels.get(label.0 as usize) {
            None | Some(&UNDEFINED) => None,
            Some(index) => Some(*index as usize),
        }
    }

    /// The functions, in the order of the code.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// The function whose entry a label is.
    pub fn function_of_entry(&self, label: Label) -> Option<&Function> {
        let entry_op = self.label(label)?;
        let index = self
            .functions
            .binary_search_by_key(&entry_op, |function| function.entry_op)
            .ok()?;
        Some(&self.functions[index])
    }

    /// The function that runs when the module is loaded.
    pub fn on_load(&self) -> Option<&Function> {
        self.on_load.map(|index| &self.functions[index])
    }

    /// The bytes of a long integer: two's complement, big-endian.
    pub fn integer(&self, integer: LongInteger) -> &'a [u8] {
        &self.chunk[integer.at as usize..][..integer.len as usize]
    }
}

/// One more than the highest slot that an operand names.
fn slots(args: &[Operand]) -> u16 {
    args.iter()
        .filter_map(|operand| operand.slot())
        .max()
        .map_or(0, |slot| slot + 1)
}

/// What operands say about each other.
#[inline]
fn check_together(
    op: GenericOp,
    args: &[Operand],
    tables: &Tables<'_, '_>,
) -> Result<(), &'static str> {
    use GenericOp as G;
    use Operand::Unsigned;
    let import_arity = |import: u64| u64::from(tables.imports[import as usize].arity);
    let of_arity = |import: &Operand, arity: u64| match import_arity(import.unsigned()) == arity {
        true => Ok(()),
        false => Err("the arity differs from the import table's"),
    };
    let within_strings = |offset: u64, bytes: u64| match offset.checked_add(bytes) {
        Some(end) if end <= tables.strings as u64 => Ok(()),
        _ => Err("not in the string table"),
    };
    match (op, args) {
        (G::CallExt | G::CallExtLast | G::CallExtOnly, [Unsigned(arity), import, ..]) => {
            of_arity(import, *arity)
        }
        (G::Bif0, [import, ..]) => of_arity(import, 0),
        (G::Bif1, [_, import, ..]) | (G::GcBif1, [_, _, import, ..]) => of_arity(import, 1),
        (G::Bif2, [_, import, ..]) | (G::GcBif2, [_, _, import, ..]) => of_arity(import, 2),
        (G::Bif3, [_, import, ..]) | (G::GcBif3, [_, _, import, ..]) => of_arity(import, 3),
        (G::Fmove, [source, destination]) => {
            let is_float = |operand: &Operand| matches!(operand, Operand::Float(_));
            if is_float(source) != is_float(destination) {
                Ok(())
            } else {
                Err("not between a float register and a term")
            }
        }
        (G::BsPutString, [Unsigned(bytes), Unsigned(offset)]) => within_strings(*offset, *bytes),
        (G::BsMatchString, [.., Unsigned(bits), Unsigned(offset)]) => {
            within_strings(*offset, bits.div_ceil(8))
        }
        (G::MakeFun3, [Unsigned(lambda), _, Operand::List(len), ..]) => {
            match u32::from(tables.lambdas[*lambda as usize].num_free) == *len {
                true => Ok(()),
                false => Err("the environment's size differs from the lambda table's"),
            }
        }
        (G::CallFun2, [Unsigned(lambda), Unsigned(arity), _]) => {
            match u64::from(tables.lambdas[*lambda as usize].fun_arity()) == *arity {
                true => Ok(()),
                false => Err("the arity differs from the lambda table's"),
            }
        }
        _ => Ok(()),
    }
}
