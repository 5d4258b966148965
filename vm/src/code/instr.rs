//! The specific instructions: what the loader's rules produce and the interpreter runs.
//!
//! Every instruction takes 16 bytes: a number and up to 14 bytes of operands, so that the next one is found
//! without decoding. Registers are [`Reg`]; a constant stands in the instruction itself (`…C` variants);
//! longer operand lists stand in the module's data, pointed to by a [`Table`]. Jumps are relative, counted
//! in bytes from the jumping one.
//!
//! A row of the table below is an instruction: enum, names and disassembler derive from it. Fields are
//! ordered so that nothing is padded (2-byte fields to fill up to offset 4, then 4-byte, then 8-byte ones).
//!
//! Operand words in tables: a term's word is that constant; a word with the tag of a header is a register,
//! `(reg << 3) | 0b110` ([`Operand`]).

use std::fmt;

use crate::term::word::{TAG_HEADER, TAG_MASK, Word};

/// How many X registers a program can name.
pub const X_REGISTERS: usize = 1024;
/// X registers after those that programs can name, for the loader's own use.
pub const SCRATCH_REGISTERS: usize = 16;
/// How many float registers there are.
pub const FLOAT_REGISTERS: usize = 1024;

/// In place of a number of live X registers: not known, so nothing may be collected here.
pub const NOT_LIVE: u64 = u64::MAX;

/// In `live` of an addition or subtraction: the stock VM does it in place, so that the operator is not in the trace of
/// its failure.
pub const IN_PLACE: u16 = 1 << 15;

/// An X or Y register: bit 15 says Y.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Reg(pub u16);

impl Reg {
    const Y: u16 = 1 << 15;

    /// An X register.
    pub const fn x(index: u16) -> Reg {
        Reg(index)
    }

    /// A Y register: a slot of the current stack frame.
    pub const fn y(index: u16) -> Reg {
        Reg(index | Reg::Y)
    }

    /// Whether it is a Y register.
    #[inline(always)]
    pub const fn is_y(self) -> bool {
        self.0 & Reg::Y != 0
    }

    /// Its index among the registers of its sort.
    #[inline(always)]
    pub const fn index(self) -> usize {
        (self.0 & !Reg::Y) as usize
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_y() { 'y' } else { 'x' }, self.index())
    }
}

/// An X register that the instruction knows to be one: read without a look at what it is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct XReg(pub u16);

impl fmt::Debug for XReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reg::x(self.0).fmt(f)
    }
}

/// A slot of the current stack frame, likewise.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct YReg(pub u16);

impl fmt::Debug for YReg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reg::y(self.0).fmt(f)
    }
}

/// Where a register is.
pub trait Register: Copy {
    /// Its address, of the X registers at `x` and the frame at `e`.
    ///
    /// # Safety
    /// The register is one of these.
    unsafe fn at(self, x: *mut Word, e: *mut Word) -> *mut Word;
}

impl Register for Reg {
    #[inline(always)]
    unsafe fn at(self, x: *mut Word, e: *mut Word) -> *mut Word {
        let base = if self.is_y() { e } else { x };
        // SAFETY: by contract.
        unsafe { base.add(self.index()) }
    }
}

impl Register for XReg {
    #[inline(always)]
    unsafe fn at(self, x: *mut Word, _e: *mut Word) -> *mut Word {
        // SAFETY: by contract.
        unsafe { x.add(self.0 as usize) }
    }
}

impl Register for YReg {
    #[inline(always)]
    unsafe fn at(self, _x: *mut Word, e: *mut Word) -> *mut Word {
        // SAFETY: by contract.
        unsafe { e.add(self.0 as usize) }
    }
}

/// Where to go, in bytes from this instruction. 0 stands for "nowhere": a failure raises instead.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Jump(pub i32);

impl Jump {
    /// To the instruction so many after this one.
    pub const fn over(instructions: i32) -> Jump {
        Jump(instructions * size_of::<Instr>() as i32)
    }

    /// How many instructions it goes over.
    pub const fn instructions(self) -> i32 {
        self.0 / size_of::<Instr>() as i32
    }

    /// Where it leads from the instruction at `ip`.
    ///
    /// # Safety
    /// The jump is that instruction's.
    #[inline(always)]
    pub unsafe fn from(self, ip: *const Instr) -> *const Instr {
        // SAFETY: by contract; the loader keeps jumps within the code.
        unsafe { ip.byte_offset(self.0 as isize) }
    }
}

impl fmt::Debug for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            f.write_str("raise")
        } else {
            write!(f, "{:+}", self.instructions())
        }
    }
}

/// A constant term's word.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Const(pub Word);

impl fmt::Debug for Const {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:x}", self.0)
    }
}

/// The address of a list of operands in the module's data; its layout is told by the instruction.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Table(pub *const Word);

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{:x}", self.0 as usize)
    }
}

impl Table {
    /// The word at `index`.
    ///
    /// # Safety
    /// The loader made this table for the instruction that holds it, with more than `index` words, and the
    /// module has not been freed.
    #[inline(always)]
    pub unsafe fn word(self, index: usize) -> Word {
        // SAFETY: by contract.
        unsafe { *self.0.add(index) }
    }
}

/// A source operand in a table: a constant or a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// A constant term.
    Const(Word),
    /// A register.
    Reg(Reg),
}

impl Operand {
    /// As a word of a table.
    pub const fn encode(self) -> Word {
        match self {
            Operand::Const(word) => word,
            Operand::Reg(reg) => ((reg.0 as Word) << 3) | TAG_HEADER,
        }
    }

    /// From a word of a table.
    #[inline(always)]
    pub const fn decode(word: Word) -> Operand {
        if word & TAG_MASK == TAG_HEADER {
            Operand::Reg(Reg((word >> 3) as u16))
        } else {
            Operand::Const(word)
        }
    }
}

/// What links code: sees the places of an instruction that depend on where things are.
pub trait Links {
    /// A jump.
    fn jump(&mut self, jump: &mut Jump);
    /// A table.
    fn table(&mut self, table: &mut Table);
}

/// What a field of an instruction holds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum FieldValue {
    /// A register.
    Reg(Reg),
    /// A place in the code.
    Jump(Jump),
    /// A constant term.
    Const(Const),
    /// Operands in the module's data.
    Table(Table),
    /// A number, or an address as one; the field's name says of what.
    Number(i64),
}

/// A field of an instruction, as [`Instr::link`] and [`Instr::fields`] see it.
trait Field {
    #[inline(always)]
    fn link<L: Links>(&mut self, _links: &mut L) {}
    fn value(self) -> FieldValue;
}

impl Field for Reg {
    fn value(self) -> FieldValue {
        FieldValue::Reg(self)
    }
}

impl Field for XReg {
    fn value(self) -> FieldValue {
        FieldValue::Reg(Reg::x(self.0))
    }
}

impl Field for YReg {
    fn value(self) -> FieldValue {
        FieldValue::Reg(Reg::y(self.0))
    }
}

impl Field for Const {
    fn value(self) -> FieldValue {
        FieldValue::Const(self)
    }
}

macro_rules! number_fields {
    ($($type:ty)*) => {
        $(impl Field for $type {
            fn value(self) -> FieldValue {
                FieldValue::Number(self as i64)
            }
        })*
    };
}
number_fields! { u8 u16 u32 i32 u64 bool }

impl Field for Jump {
    fn value(self) -> FieldValue {
        FieldValue::Jump(self)
    }

    #[inline(always)]
    fn link<L: Links>(&mut self, links: &mut L) {
        links.jump(self);
    }
}

impl Field for Table {
    fn value(self) -> FieldValue {
        FieldValue::Table(self)
    }

    #[inline(always)]
    fn link<L: Links>(&mut self, links: &mut L) {
        links.table(self);
    }
}

macro_rules! instructions {
    ($($(#[$doc:meta])* $name:ident $({ $($field:ident : $type:ty),* })?;)*) => {
        /// A specific instruction.
        #[derive(Clone, Copy, Debug)]
        #[repr(u16)]
        pub enum Instr { $($(#[$doc])* $name $({ $(#[doc = concat!("`", stringify!($field), "`")] $field: $type),* })?),* }

        impl Instr {
            /// Its name.
            pub fn name(&self) -> &'static str {
                match self { $(Instr::$name { .. } => stringify!($name)),* }
            }

            /// The names of all instructions, by number.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// How many bytes of the instructions of each number are used, by number: with its fields an instruction is
            /// laid out as a C structure that begins with its number.
            pub const LENGTHS: &[usize] = &[$({
                #[allow(unused_mut, reason = "some have no fields")]
                let mut end = size_of::<u16>();
                $($(end = end.next_multiple_of(align_of::<$type>()) + size_of::<$type>();)*)?
                end
            }),*];

            /// Its number: an index into [`NAMES`](Instr::NAMES).
            #[inline]
            pub fn number(&self) -> u16 {
                // SAFETY: the enum is `repr(u16)`, so its first two bytes are the number.
                unsafe { *std::ptr::from_ref(self).cast::<u16>() }
            }

            /// Its operands by name, in the order of its row.
            pub fn fields(&self) -> Vec<(&'static str, FieldValue)> {
                match *self {
                    $(Instr::$name $({ $($field),* })? => vec![$($((stringify!($field), $field.value())),*)?]),*
                }
            }

            /// Where in it its number and its operands are: offsets and sizes. All else is not initialised.
            pub fn places(&self, mut place: impl FnMut(usize, usize)) {
                let start = std::ptr::from_ref(self).addr();
                place(0, size_of::<u16>());
                match self {
                    $(Instr::$name $({ $($field),* })? => {
                        $($(place(std::ptr::from_ref($field).addr() - start, size_of_val($field));)*)?
                    }),*
                }
            }

            /// Shows every jump and table of it to `links`, which may change them: how the loader links code.
            #[inline]
            pub fn link<L: Links>(&mut self, links: &mut L) {
                match self {
                    $(Instr::$name $({ $($field),* })? => { $($($field.link(links);)*)? }),*
                }
            }
        }
    };
}

instructions! {
    /// Never run: fills what is not linked yet.
    NotLinked;

    // Functions and calls ------------------------------------------------------------------------------

    /// The code of an export that has none: `error_handler:undefined_function(M, F, Args)`, or `undef`.
    ExportUndefined { export: u64 };
    /// The code of an export that is a BIF: runs it with x0… and returns.
    ExportBif { export: u64 };
    /// Stands before every function's entry and names it; raises `function_clause`.
    FuncInfo { arity: u16, module: u32, function: u32 };
    /// The code of an export whose calls by name are traced: tells the tracer, then goes where they go.
    ExportTraced { export: u64 };
    /// Stands for the first instruction of a function that has a breakpoint (see `shadow`).
    Breakpoint;
    /// What a traced function returns to: tells the tracer, pops two slots (function, tracer), returns.
    ReturnTrace;
    /// The same; exceptions that come through are told, too.
    ExceptionTrace;
    /// What a function that is traced with `return_to` returns to: tells the tracer, returns.
    ReturnToTrace;
    /// What a function whose time is taken returns to: pops a slot (the function timed before), returns.
    ReturnTimeTrace;
    /// Calls a function of the module: pushes the return address, jumps.
    Call { target: Jump };
    /// Pops the frame (`words` slots and the return address of it is kept), jumps.
    CallLast { words: u16, target: Jump };
    /// Jumps to a function: there is no frame.
    CallOnly { target: Jump };
    /// Calls through an export.
    CallExt { export: u64 };
    /// Pops the frame and calls through an export.
    CallExtLast { words: u16, export: u64 };
    /// Calls through an export; there is no frame.
    CallExtOnly { export: u64 };
    /// Calls a BIF in place (a frame stands): x0… are the arguments, the result goes to x0.
    CallBif { export: u64 };
    /// Runs a BIF as the last call of a function without a frame, then returns.
    CallBifOnly { export: u64 };
    /// Runs a BIF as the last call of a function that pops `words` slots after it, then returns.
    CallBifLast { words: u16, export: u64 };
    /// `apply`: x0…x(arity−1) arguments, module and function in the next two.
    Apply { arity: u16 };
    /// The same as a last call.
    ApplyLast { arity: u16, words: u16 };
    /// The code of `erlang:apply/3`: x0 module, x1 function, x2 list of arguments; a last call.
    ApplyArgs;
    /// The code of `erlang:apply/2`: x0 fun, x1 list of arguments; a last call.
    ApplyFunArgs;
    /// `erlang:apply/3` in a body.
    CallApplyArgs;
    /// `erlang:apply/3` as the last call of a function that pops `words` slots.
    ApplyArgsLast { words: u16 };
    /// `erlang:apply/2` in a body.
    CallApplyFunArgs;
    /// `erlang:apply/2` as the last call of a function that pops `words` slots.
    ApplyFunArgsLast { words: u16 };
    /// What a process's lowest frame returns to: it ends normally.
    EndProcess;
    /// The code of `erlang:yield/0`: gives way, then returns `true`.
    Yield;
    /// Calls the fun in x(arity).
    CallFun { arity: u16 };
    /// Calls the fun in `fun` with x0…x(arity−1).
    CallFunReg { arity: u16, fun: Reg };
    /// Calls the fun in x(arity), then pops the frame: fused with `deallocate`, `return`.
    CallFunLast { arity: u16, words: u16 };
    /// Pops the return address and goes there.
    Return;
    /// Makes a frame of `words` slots (not initialised).
    Allocate { words: u16, live: u16 };
    /// Makes a frame and sees that `need` words of heap are free.
    AllocateHeap { words: u16, need: u32, live: u16 };
    /// Makes a frame of `words` slots, all `[]`.
    AllocateZero { words: u16, need: u32, live: u16 };
    /// Sees that `need` words of heap are free; may collect with `live` X registers.
    TestHeap { live: u16, need: u32 };
    /// Pops the frame.
    Deallocate { words: u16 };
    /// Pops the frame and returns.
    DeallocateReturn { words: u16 };
    /// Drops the first `words` slots of the frame.
    Trim { words: u16 };
    /// Sets a slot to `[]`.
    InitY { reg: Reg };
    /// Sets two slots to `[]`.
    InitY2 { a: Reg, b: Reg };
    /// Sets slots to `[]`: `[count, reg…]`.
    InitYs { table: Table };
    /// Sets x0 from `src` and returns.
    MoveReturn { src: Reg };
    /// Sets x0 to a constant and returns.
    MoveCReturn { value: Const };
    /// Sets x0 from `src`, pops the frame and returns.
    MoveDeallocateReturn { src: Reg, words: u16 };
    /// `on_load`: no effect when run.
    OnLoad;
    /// Runs a native function (`&'static BifEntry`) in place of the function whose entry this is patched
    /// over, then returns.
    CallNative { native: u64 };
    /// The entry of a function that a native library may replace: no effect when run.
    NifStart;

    // Moves --------------------------------------------------------------------------------------------

    /// `dst = src`.
    Move { src: Reg, dst: Reg };
    /// `dst = value`.
    MoveC { dst: Reg, value: Const };
    /// Two moves, in order.
    Move2 { src1: Reg, dst1: Reg, src2: Reg, dst2: Reg };
    /// Three moves, in order.
    Move3 { src1: Reg, dst1: Reg, src2: Reg, dst2: Reg, src3: Reg, dst3: Reg };
    /// Exchanges two registers.
    Swap { a: Reg, b: Reg };
    /// `dst = src`, then jumps.
    MoveJump { src: Reg, dst: Reg, target: Jump };
    /// `dst = src`, then calls a function of the module.
    MoveCall { src: Reg, dst: Reg, target: Jump };
    /// Two moves, in order, then calls a function of the module.
    Move2Call { src1: Reg, dst1: Reg, src2: Reg, dst2: Reg, target: Jump };
    /// Jumps.
    Jump { target: Jump };

    // Lists and tuples ---------------------------------------------------------------------------------

    /// Takes a cell apart.
    GetList { src: Reg, head: Reg, tail: Reg };
    /// `dst = hd(src)`.
    GetHd { src: Reg, dst: Reg };
    /// `dst = tl(src)`.
    GetTl { src: Reg, dst: Reg };
    /// `dst = [head | tail]`.
    PutList { head: Reg, tail: Reg, dst: Reg };
    /// `test_heap` of a cell, and `dst = [head | tail]`.
    TestHeapPutList { live: u16, head: Reg, tail: Reg, dst: Reg };
    /// The same into x0, then pops the frame and returns: how functions that build a list in their body end.
    TestHeapPutListReturn { live: u16, head: Reg, tail: Reg, words: u16 };
    /// `dst = [head | tail]` with a constant head.
    PutListCR { tail: Reg, dst: Reg, head: Const };
    /// `dst = [head | tail]` with a constant tail.
    PutListRC { head: Reg, dst: Reg, tail: Const };
    /// `is_nonempty_list` and `get_list`.
    IsNonemptyListGetList { src: Reg, fail: Jump, head: Reg, tail: Reg };
    /// `is_nonempty_list` and `get_hd`.
    IsNonemptyListGetHd { src: Reg, fail: Jump, dst: Reg };
    /// `is_nonempty_list` and `get_tl`.
    IsNonemptyListGetTl { src: Reg, fail: Jump, dst: Reg };
    /// `dst = element(index + 1, src)` of a known tuple.
    GetTupleElement { src: Reg, dst: Reg, index: u32 };
    /// Two elements of one tuple.
    GetTupleElement2 { src: Reg, dst1: Reg, index1: u16, dst2: Reg, index2: u16 };
    /// Three elements of one tuple that follow each other.
    GetTupleElement3 { src: Reg, index: u16, dst1: Reg, dst2: Reg, dst3: Reg };
    /// Overwrites element `index` (from 0) of a tuple that nobody else has seen.
    SetTupleElement { tuple: Reg, value: Reg, index: u32 };
    /// The same with a constant.
    SetTupleElementC { tuple: Reg, index: u32, value: Const };
    /// `dst` = the tuple `src` with elements replaced, in reserved space: `[size, count of words, index from
    /// 1, operand, …]`.
    UpdateTuple { src: Reg, dst: Reg, table: Table };
    /// A tuple of operands: `[count, operand…]`.
    PutTuple { dst: Reg, table: Table };
    /// A tuple of two registers.
    PutTuple2 { dst: Reg, a: Reg, b: Reg };
    /// A tuple of three registers.
    PutTuple3 { dst: Reg, a: Reg, b: Reg, c: Reg };
    /// A tuple of an atom and a register: `{Tag, A}`.
    PutTagged2 { dst: Reg, a: Reg, tag: Const };
    /// `{Tag, A, B}`.
    PutTagged3 { dst: Reg, a: Reg, b: Reg, tag: Const };

    // Comparisons: go on if they hold, else to `fail` ----------------------------------------------------

    /// `a < b`.
    IsLt { a: Reg, fail: Jump, b: Reg };
    /// `a < value`.
    IsLtRC { a: Reg, fail: Jump, value: Const };
    /// `value < b`.
    IsLtCR { b: Reg, fail: Jump, value: Const };
    /// `a >= b`.
    IsGe { a: Reg, fail: Jump, b: Reg };
    /// `a >= value`.
    IsGeRC { a: Reg, fail: Jump, value: Const };
    /// `value >= b`.
    IsGeCR { b: Reg, fail: Jump, value: Const };
    /// `a == b`.
    IsEq { a: Reg, fail: Jump, b: Reg };
    /// `a == value`.
    IsEqC { a: Reg, fail: Jump, value: Const };
    /// `a /= b`.
    IsNe { a: Reg, fail: Jump, b: Reg };
    /// `a /= value`.
    IsNeC { a: Reg, fail: Jump, value: Const };
    /// `a =:= b`.
    IsEqExact { a: Reg, fail: Jump, b: Reg };
    /// `a =:= value`, an immediate: one comparison of words.
    IsEqExactImm { a: Reg, fail: Jump, value: Const };
    /// `a =:= value`, a literal.
    IsEqExactC { a: Reg, fail: Jump, value: Const };
    /// `a =/= b`.
    IsNeExact { a: Reg, fail: Jump, b: Reg };
    /// `a =/= value`, an immediate.
    IsNeExactImm { a: Reg, fail: Jump, value: Const };
    /// `a =/= value`, a literal.
    IsNeExactC { a: Reg, fail: Jump, value: Const };

    // Type tests ----------------------------------------------------------------------------------------

    /// `is_integer`.
    IsInteger { src: Reg, fail: Jump };
    /// `is_float`.
    IsFloat { src: Reg, fail: Jump };
    /// `is_number`.
    IsNumber { src: Reg, fail: Jump };
    /// `is_atom`.
    IsAtom { src: Reg, fail: Jump };
    /// `is_boolean`.
    IsBoolean { src: Reg, fail: Jump };
    /// `is_pid`.
    IsPid { src: Reg, fail: Jump };
    /// `is_port`.
    IsPort { src: Reg, fail: Jump };
    /// `is_reference`.
    IsReference { src: Reg, fail: Jump };
    /// `is_binary`.
    IsBinary { src: Reg, fail: Jump };
    /// `is_bitstring`.
    IsBitstr { src: Reg, fail: Jump };
    /// Whether it is `[]`.
    IsNil { src: Reg, fail: Jump };
    /// `is_list`.
    IsList { src: Reg, fail: Jump };
    /// Whether it is a cell.
    IsNonemptyList { src: Reg, fail: Jump };
    /// `is_tuple`.
    IsTuple { src: Reg, fail: Jump };
    /// Whether a known tuple has this arity.
    TestArity { src: Reg, fail: Jump, arity: u32 };
    /// `is_tuple` and `test_arity`.
    IsTupleOfArity { src: Reg, fail: Jump, arity: u32 };
    /// `is_tuple`, `test_arity`, and two elements.
    IsTupleOfArityGet2 { src: Reg, fail: Jump, arity: u16, dst1: Reg, dst2: Reg, index1: u8, index2: u8 };
    /// A tuple of this arity whose first element is the atom of this index.
    IsTaggedTuple { src: Reg, fail: Jump, arity: u32, tag: u32 };
    /// `is_map`.
    IsMap { src: Reg, fail: Jump };
    /// `is_function/1`.
    IsFunction { src: Reg, fail: Jump };
    /// `is_function(src, arity)`.
    IsFunctionOf { src: Reg, fail: Jump, arity: Reg };
    /// `is_function(src, arity)` with a constant arity.
    IsFunctionOfC { src: Reg, fail: Jump, arity: u32 };

    // Selects --------------------------------------------------------------------------------------------

    /// Goes where the word of `src` says, all values immediates: `[count, value… (ascending as u64), jump…]`
    /// (jumps as sign-extended words, in bytes from this instruction); else to `fail`.
    SelectImm { src: Reg, fail: Jump, table: Table };
    /// The same for two or three values, tried in turn.
    SelectImmFew { src: Reg, fail: Jump, table: Table };
    /// Small integers close together: `[first value (as i64), count, jump…]`, a jump of 0 meaning `fail`.
    SelectRange { src: Reg, fail: Jump, table: Table };
    /// Values that are not all immediates, compared with `=:=` in turn; layout as `SelectImm`.
    SelectTerm { src: Reg, fail: Jump, table: Table };
    /// A known tuple's arity: `[count, arity…, jump…]`, in turn.
    SelectArity { src: Reg, fail: Jump, table: Table };

    // Arithmetic and guard BIFs: `fail` 0 raises -----------------------------------------------------------

    /// `dst = a + b`.
    Add { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a + b`, `word` being the word of the small integer b.
    AddC { a: Reg, fail: Jump, dst: Reg, live: u16, word: i32 };
    /// `dst = a - b`.
    Sub { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a - b`, likewise.
    SubC { a: Reg, fail: Jump, dst: Reg, live: u16, word: i32 };
    /// `dst = a * b`.
    Mul { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a * value`.
    MulC { a: Reg, fail: Jump, dst: Reg, live: u16, value: i32 };
    /// `dst = a div b`.
    IntDiv { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a div value`; `value` is neither 0 nor −1.
    IntDivC { a: Reg, fail: Jump, dst: Reg, live: u16, value: i32 };
    /// `dst = a rem b`.
    Rem { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a rem value`; `value` is neither 0 nor −1.
    RemC { a: Reg, fail: Jump, dst: Reg, live: u16, value: i32 };
    /// `dst = a band b`.
    Band { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a band value`.
    BandC { a: Reg, fail: Jump, dst: Reg, live: u16, value: i32 };
    /// `dst = a bor b`.
    Bor { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a bxor b`.
    Bxor { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a bsl b`.
    Bsl { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a bsl value`, 0 ≤ `value` < 60.
    BslC { a: Reg, fail: Jump, dst: Reg, live: u16, value: i32 };
    /// `dst = a bsr b`.
    Bsr { a: Reg, fail: Jump, b: Reg, dst: Reg, live: u16 };
    /// `dst = a bsr value`, 0 ≤ `value` < 64.
    BsrC { a: Reg, fail: Jump, dst: Reg, live: u16, value: i32 };
    /// `dst = -src`, `dst = bnot src` and every other guard BIF, at any arity: `[&BifEntry, live, count, operand…]`.
    /// A `live` of [`NOT_LIVE`] says that it is not known which X registers are alive, so nothing may be collected.
    GuardBif { dst: Reg, fail: Jump, table: Table };
    /// `dst = self()`.
    SelfPid { dst: Reg };
    /// `dst = hd(src)`.
    BifHd { src: Reg, fail: Jump, dst: Reg };
    /// `dst = tl(src)`.
    BifTl { src: Reg, fail: Jump, dst: Reg };
    /// `dst = element(index, src)`.
    BifElement { index: Reg, fail: Jump, src: Reg, dst: Reg };
    /// `dst = element(index, src)` with a constant index from 1.
    BifElementC { src: Reg, fail: Jump, dst: Reg, index: u16 };
    /// `dst = tuple_size(src)`.
    BifTupleSize { src: Reg, fail: Jump, dst: Reg };
    /// `dst = length(src)`.
    BifLength { src: Reg, fail: Jump, dst: Reg, live: u16 };
    /// `dst = byte_size(src)`.
    BifByteSize { src: Reg, fail: Jump, dst: Reg, live: u16 };
    /// `dst = map_size(src)`.
    BifMapSize { src: Reg, fail: Jump, dst: Reg, live: u16 };
    /// `dst = map_get(key, map)`.
    BifMapGet { key: Reg, fail: Jump, map: Reg, dst: Reg };
    /// `dst = is_map_key(key, map)`.
    BifIsMapKey { key: Reg, fail: Jump, map: Reg, dst: Reg };
    /// `dst = (a =:= b)` and the like: `op` 0 `=:=`, 1 `=/=`, 2 `==`, 3 `/=`, 4 `<`, 5 `>=`.
    BifCompare { a: Reg, b: Reg, dst: Reg, op: u16 };

    // Floats: registers by number ---------------------------------------------------------------------------

    /// `dst = f(src)`; a boxed float is made in reserved heap.
    FloatStore { src: u16, dst: Reg };
    /// `f(dst) = src`, a known float.
    FloatLoad { src: Reg, dst: u16 };
    /// Two of them.
    FloatLoad2 { src1: Reg, dst1: u16, src2: Reg, dst2: u16 };
    /// `f(dst) = value`, a literal float's bits.
    FloatLoadC { dst: u16, value: u64 };
    /// `f(dst) = float(src)`; raises `badarith` if it is no number.
    FloatConvert { src: Reg, dst: u16 };
    /// `f(dst) = f(a) + f(b)`; raises `badarith` if the result is not finite.
    FloatAdd { a: u16, b: u16, dst: u16 };
    /// `f(dst) = f(a) - f(b)`.
    FloatSub { a: u16, b: u16, dst: u16 };
    /// `f(dst) = f(a) * f(b)`.
    FloatMul { a: u16, b: u16, dst: u16 };
    /// `f(dst) = f(a) / f(b)`.
    FloatDiv { a: u16, b: u16, dst: u16 };
    /// `f(dst) = -f(src)`.
    FloatNegate { src: u16, dst: u16 };

    // Exceptions -----------------------------------------------------------------------------------------

    /// Puts a handler into a slot.
    Catch { slot: Reg, handler: Jump };
    /// Removes it; turns an exception in x0…x3 into what `catch` returns.
    CatchEnd { slot: Reg };
    /// Removes a handler at the regular end of a `try`.
    TryEnd { slot: Reg };
    /// Removes a handler where the exception arrives: class, reason, raw stack trace go to x0…x2.
    TryCase { slot: Reg };
    /// `error:{try_clause, src}`.
    TryCaseEnd { src: Reg };
    /// `error:{badmatch, src}`.
    Badmatch { src: Reg };
    /// `error:{badmatch, value}`.
    BadmatchC { value: Const };
    /// `error:{case_clause, src}`.
    CaseEnd { src: Reg };
    /// `error:{case_clause, value}`.
    CaseEndC { value: Const };
    /// `error:if_clause`.
    IfEnd;
    /// `error:{badrecord, src}`.
    Badrecord { src: Reg };
    /// Raises again: a raw stack trace and a reason; the class is in the trace.
    Raise { trace: Reg, value: Reg };
    /// Raises again with class x0, reason x1, raw stack trace x2.
    RawRaise;
    /// `x0 = ` the stack trace of the raw one in x0.
    BuildStacktrace;

    // Messages -------------------------------------------------------------------------------------------

    /// `x0 ! x1`; the message goes to x0.
    Send;
    /// The current message goes to x0; to `fail` if there is none.
    LoopRec { fail: Jump };
    /// The next message; goes back to `LoopRec`.
    LoopRecEnd { target: Jump };
    /// Takes the current message out of the queue.
    RemoveMessage;
    /// A receive's time is up: start the next from the first message.
    Timeout;
    /// Waits for a message, then goes back to `LoopRec`.
    Wait { target: Jump };
    /// Waits for a message or until the time (an [`Operand`] word: milliseconds, or `infinity`) is up, then goes on after this instruction.
    WaitTimeout { target: Jump, time: u64 };
    /// Remembers in `dst` where the queue ends now.
    RecvMarkerReserve { dst: Reg };
    /// Binds that place to a reference.
    RecvMarkerBind { marker: Reg, reference: Reg };
    /// Forgets it.
    RecvMarkerClear { reference: Reg };
    /// Starts the next receive there, if the reference is bound.
    RecvMarkerUse { reference: Reg };

    // Funs and maps --------------------------------------------------------------------------------------

    /// A fun, in reserved space (three words and its environment): `[&FunEntry, count, operand…]`.
    MakeFun { dst: Reg, table: Table };
    /// A map of constant keys, distinct and in order: `[live, count of pairs, key, value operand, …]`.
    NewMap { dst: Reg, table: Table };
    /// `dst = src#{k => v, …}`: `[source operand, live, count of words, key, value, …]`.
    PutMapAssoc { dst: Reg, fail: Jump, table: Table };
    /// `dst = src#{k := v, …}`; the same layout.
    PutMapExact { dst: Reg, fail: Jump, table: Table };
    /// Whether a known map has all keys: `[count, key…]`.
    HasMapFields { src: Reg, fail: Jump, table: Table };
    /// The values of keys of a known map: `[count of words, key, destination register, …]`.
    GetMapElements { src: Reg, fail: Jump, table: Table };
    /// The value of one key in a register.
    GetMapElement { src: Reg, fail: Jump, key: Reg, dst: Reg };

    // Bit syntax. `flags` are the file format's: 2 little-endian, 4 signed, 16 native. Contexts, sources and
    // sizes are operands; all other numbers stand in tables as they are.

    /// Starts matching `src`; a match context goes to `dst`.
    BsStartMatch { src: Reg, fail: Jump, dst: Reg, live: u16 };
    /// An integer: `[context, live, size, unit, flags]`.
    BsGetInteger { dst: Reg, fail: Jump, table: Table };
    /// An unsigned or signed big-endian integer of 1 to 56 bits.
    BsGetSmallInteger { context: Reg, fail: Jump, dst: Reg, bits: u8, signed: bool };
    /// A float: layout as `BsGetInteger`.
    BsGetFloat { dst: Reg, fail: Jump, table: Table };
    /// A part as a bit string: layout as `BsGetInteger`; the size may be the atom `all`.
    BsGetBinary { dst: Reg, fail: Jump, table: Table };
    /// Skips: `[context, size, unit]`; the size may be the atom `all`.
    BsSkipBits { fail: Jump, table: Table };
    /// Goes on if exactly `bits` bits are left.
    BsTestTail { context: Reg, fail: Jump, bits: u64 };
    /// Goes on if at least `bits` bits are left, and the number of those after them is a multiple of `unit`.
    BsEnsure { context: Reg, fail: Jump, unit: u16, bits: u32 };
    /// Goes on if the number of bits left is a multiple of `unit`.
    BsTestUnit { context: Reg, fail: Jump, unit: u32 };
    /// Matches literal bits: `[context, count of bits, bytes…]` (bytes packed into words in memory order).
    BsMatchString { fail: Jump, table: Table };
    /// `dst` = the rest as a bit string.
    BsGetTail { context: Reg, dst: Reg, live: u16 };
    /// `dst` = the position, as an integer.
    BsGetPosition { context: Reg, dst: Reg, live: u16 };
    /// Goes back to a position.
    BsSetPosition { context: Reg, position: Reg };
    /// A UTF-8 character; skipped (no `dst`) where `skip` is 1.
    BsGetUtf8 { context: Reg, fail: Jump, dst: Reg, skip: u16 };
    /// A UTF-16 character of the byte order in `flags`; skipped where bit 0 of `flags` is set.
    BsGetUtf16 { context: Reg, fail: Jump, dst: Reg, flags: u16 };
    /// A UTF-32 character, likewise.
    BsGetUtf32 { context: Reg, fail: Jump, dst: Reg, flags: u16 };
    /// Builds a bit string at once, and sees that `need` words of heap are free after it: `[live, need, unit,
    /// count of segments, then six words a segment: type, segment number, unit, flags, source, size]`. Types: 0 append, 1 binary, 2 float, 3 integer, 4 private_append,
    /// 5 string, 6 utf8, 7 utf16, 8 utf32. A string's source is the address of its bytes and its size their
    /// number (both raw words); the size of a UTF segment is not looked at; that of a binary may be `all`.
    BsCreateBin { dst: Reg, fail: Jump, table: Table };
    /// One of the older operations that build bit strings, by its number in the file format: `[operands in
    /// the order of the format without the failure label]`, destination registers as raw register numbers,
    /// a string as address and length.
    BsOld { op: u16, fail: Jump, table: Table };
    /// `x0` = an empty binary with room to append; x0 says how many bytes to expect.
    BsInitWritable;

    // The same where all registers are X registers (the rules' last step) ----------------------------------

    /// [`Move`](Instr::Move).
    MoveX { src: XReg, dst: XReg };
    /// [`MoveC`](Instr::MoveC).
    MoveCX { dst: XReg, value: Const };
    /// [`MoveReturn`](Instr::MoveReturn).
    MoveReturnX { src: XReg };
    /// [`MoveCall`](Instr::MoveCall).
    MoveCallX { src: XReg, dst: XReg, target: Jump };
    /// [`GetList`](Instr::GetList).
    GetListX { src: XReg, head: XReg, tail: XReg };
    /// [`GetHd`](Instr::GetHd).
    GetHdX { src: XReg, dst: XReg };
    /// [`GetTl`](Instr::GetTl).
    GetTlX { src: XReg, dst: XReg };
    /// [`PutList`](Instr::PutList).
    PutListX { head: XReg, tail: XReg, dst: XReg };
    /// [`TestHeapPutList`](Instr::TestHeapPutList).
    TestHeapPutListX { live: u16, head: XReg, tail: XReg, dst: XReg };
    /// [`TestHeapPutListReturn`](Instr::TestHeapPutListReturn) with the head in a slot.
    TestHeapPutListReturnYX { live: u16, head: YReg, tail: XReg, words: u16 };
    /// [`IsTupleOfArityGet2`](Instr::IsTupleOfArityGet2).
    IsTupleOfArityGet2X { src: XReg, fail: Jump, arity: u16, dst1: XReg, dst2: XReg, index1: u8, index2: u8 };
    /// [`GetList`](Instr::GetList) with the head to a slot.
    GetListXYX { src: XReg, head: YReg, tail: XReg };
    /// [`Swap`](Instr::Swap).
    SwapX { a: XReg, b: XReg };
    /// [`IsNeExact`](Instr::IsNeExact).
    IsNeExactX { a: XReg, fail: Jump, b: XReg };
    /// [`PutListRC`](Instr::PutListRC).
    PutListRCX { head: XReg, dst: XReg, tail: Const };
    /// [`IsNonemptyListGetList`](Instr::IsNonemptyListGetList).
    IsNonemptyListGetListX { src: XReg, fail: Jump, head: XReg, tail: XReg };
    /// [`IsNonemptyList`](Instr::IsNonemptyList).
    IsNonemptyListX { src: XReg, fail: Jump };
    /// [`IsNil`](Instr::IsNil).
    IsNilX { src: XReg, fail: Jump };
    /// [`GetTupleElement`](Instr::GetTupleElement).
    GetTupleElementX { src: XReg, dst: XReg, index: u32 };
    /// [`GetTupleElement2`](Instr::GetTupleElement2).
    GetTupleElement2X { src: XReg, dst1: XReg, index1: u16, dst2: XReg, index2: u16 };
    /// [`GetTupleElement3`](Instr::GetTupleElement3).
    GetTupleElement3X { src: XReg, index: u16, dst1: XReg, dst2: XReg, dst3: XReg };
    /// [`PutTuple2`](Instr::PutTuple2).
    PutTuple2X { dst: XReg, a: XReg, b: XReg };
    /// [`PutTuple3`](Instr::PutTuple3).
    PutTuple3X { dst: XReg, a: XReg, b: XReg, c: XReg };
    /// [`PutTagged2`](Instr::PutTagged2).
    PutTagged2X { dst: XReg, a: XReg, tag: Const };
    /// [`PutTagged3`](Instr::PutTagged3).
    PutTagged3X { dst: XReg, a: XReg, b: XReg, tag: Const };
    /// [`IsLt`](Instr::IsLt).
    IsLtX { a: XReg, fail: Jump, b: XReg };
    /// [`IsLtRC`](Instr::IsLtRC).
    IsLtRCX { a: XReg, fail: Jump, value: Const };
    /// [`IsGe`](Instr::IsGe).
    IsGeX { a: XReg, fail: Jump, b: XReg };
    /// [`IsGeRC`](Instr::IsGeRC).
    IsGeRCX { a: XReg, fail: Jump, value: Const };
    /// [`IsGeCR`](Instr::IsGeCR).
    IsGeCRX { b: XReg, fail: Jump, value: Const };
    /// [`IsEqExact`](Instr::IsEqExact).
    IsEqExactX { a: XReg, fail: Jump, b: XReg };
    /// [`IsEqExactImm`](Instr::IsEqExactImm).
    IsEqExactImmX { a: XReg, fail: Jump, value: Const };
    /// [`IsNeExactImm`](Instr::IsNeExactImm).
    IsNeExactImmX { a: XReg, fail: Jump, value: Const };
    /// [`IsTupleOfArity`](Instr::IsTupleOfArity).
    IsTupleOfArityX { src: XReg, fail: Jump, arity: u32 };
    /// [`IsTaggedTuple`](Instr::IsTaggedTuple).
    IsTaggedTupleX { src: XReg, fail: Jump, arity: u32, tag: u32 };
    /// [`IsInteger`](Instr::IsInteger).
    IsIntegerX { src: XReg, fail: Jump };
    /// [`IsAtom`](Instr::IsAtom).
    IsAtomX { src: XReg, fail: Jump };
    /// [`SelectImm`](Instr::SelectImm).
    SelectImmX { src: XReg, fail: Jump, table: Table };
    /// [`SelectImmFew`](Instr::SelectImmFew).
    SelectImmFewX { src: XReg, fail: Jump, table: Table };
    /// [`SelectRange`](Instr::SelectRange).
    SelectRangeX { src: XReg, fail: Jump, table: Table };
    /// [`Add`](Instr::Add).
    AddX { a: XReg, fail: Jump, b: XReg, dst: XReg, live: u16 };
    /// [`AddC`](Instr::AddC).
    AddCX { a: XReg, fail: Jump, dst: XReg, live: u16, word: i32 };
    /// [`Sub`](Instr::Sub).
    SubX { a: XReg, fail: Jump, b: XReg, dst: XReg, live: u16 };
    /// [`SubC`](Instr::SubC).
    SubCX { a: XReg, fail: Jump, dst: XReg, live: u16, word: i32 };
    /// [`Mul`](Instr::Mul).
    MulX { a: XReg, fail: Jump, b: XReg, dst: XReg, live: u16 };
    /// [`BandC`](Instr::BandC).
    BandCX { a: XReg, fail: Jump, dst: XReg, live: u16, value: i32 };
    /// [`BsrC`](Instr::BsrC).
    BsrCX { a: XReg, fail: Jump, dst: XReg, live: u16, value: i32 };
    /// [`Bxor`](Instr::Bxor).
    BxorX { a: XReg, fail: Jump, b: XReg, dst: XReg, live: u16 };
    /// [`Move`](Instr::Move) to a slot.
    MoveXY { src: XReg, dst: YReg };
    /// [`Move`](Instr::Move) from a slot.
    MoveYX { src: YReg, dst: XReg };
    /// [`Move2`](Instr::Move2) between X registers.
    Move2X { src1: XReg, dst1: XReg, src2: XReg, dst2: XReg };
    /// [`Move2`](Instr::Move2) to slots.
    Move2XY { src1: XReg, dst1: YReg, src2: XReg, dst2: YReg };
    /// [`Move2`](Instr::Move2) from slots.
    Move2YX { src1: YReg, dst1: XReg, src2: YReg, dst2: XReg };
    /// [`Move2`](Instr::Move2) first to a slot, then between X registers.
    Move2XYX { src1: XReg, dst1: YReg, src2: XReg, dst2: XReg };
    /// [`Move2`](Instr::Move2) first to a slot, then from one.
    Move2XYThenYX { src1: XReg, dst1: YReg, src2: YReg, dst2: XReg };
    /// [`Move2`](Instr::Move2) first from a slot, then to one.
    Move2YXThenXY { src1: YReg, dst1: XReg, src2: XReg, dst2: YReg };
    /// [`Move2`](Instr::Move2) first from a slot, then between X registers.
    Move2YXThenX { src1: YReg, dst1: XReg, src2: XReg, dst2: XReg };
    /// [`Move2`](Instr::Move2) first between X registers, then from a slot.
    Move2XThenYX { src1: XReg, dst1: XReg, src2: YReg, dst2: XReg };
    /// [`Move2`](Instr::Move2) first between X registers, then to a slot.
    Move2XThenXY { src1: XReg, dst1: XReg, src2: XReg, dst2: YReg };
    /// [`Move2Call`](Instr::Move2Call) between X registers.
    Move2CallX { src1: XReg, dst1: XReg, src2: XReg, dst2: XReg, target: Jump };
    /// [`Move2Call`](Instr::Move2Call) from slots.
    Move2CallYX { src1: YReg, dst1: XReg, src2: YReg, dst2: XReg, target: Jump };
    /// [`Move2Call`](Instr::Move2Call) first to a slot, then between X registers.
    Move2CallXYX { src1: XReg, dst1: YReg, src2: XReg, dst2: XReg, target: Jump };
    /// [`Move2Call`](Instr::Move2Call) first from a slot, then between X registers.
    Move2CallYXThenX { src1: YReg, dst1: XReg, src2: XReg, dst2: XReg, target: Jump };
    /// [`Move2Call`](Instr::Move2Call) first between X registers, then from a slot.
    Move2CallXThenYX { src1: XReg, dst1: XReg, src2: YReg, dst2: XReg, target: Jump };
    /// [`Move3`](Instr::Move3) between X registers.
    Move3X { src1: XReg, dst1: XReg, src2: XReg, dst2: XReg, src3: XReg, dst3: XReg };
    /// [`Move3`](Instr::Move3) to slots.
    Move3XY { src1: XReg, dst1: YReg, src2: XReg, dst2: YReg, src3: XReg, dst3: YReg };
    /// [`Move3`](Instr::Move3) from slots.
    Move3YX { src1: YReg, dst1: XReg, src2: YReg, dst2: XReg, src3: YReg, dst3: XReg };
    /// [`AddC`](Instr::AddC) to a slot's value.
    AddCYX { a: YReg, fail: Jump, dst: XReg, live: u16, word: i32 };
    /// [`SubC`](Instr::SubC) from a slot's value.
    SubCYX { a: YReg, fail: Jump, dst: XReg, live: u16, word: i32 };
    /// [`Add`](Instr::Add) of a slot's value and an X register.
    AddYX { a: YReg, fail: Jump, b: XReg, dst: XReg, live: u16 };
}

const _: () = assert!(size_of::<Instr>() == 16);

// SAFETY: tables and exports that instructions point to are immutable and outlive the code.
unsafe impl Send for Instr {}
// SAFETY: as for `Send`.
unsafe impl Sync for Instr {}
