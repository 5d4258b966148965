//! The last step of rewriting: an instruction whose registers are all X registers, or are where they mostly
//! are, becomes one that knows it, which saves the interpreter the look at every register.

use vm::code::Instr;

/// X registers.
mod x {
    use vm::code::instr::{Reg, XReg};

    pub(super) fn holds(reg: Reg) -> bool {
        !reg.is_y()
    }

    pub(super) fn place(reg: Reg) -> XReg {
        XReg(reg.index() as u16)
    }
}

/// Slots of the frame.
mod y {
    use vm::code::instr::{Reg, YReg};

    pub(super) fn holds(reg: Reg) -> bool {
        reg.is_y()
    }

    pub(super) fn place(reg: Reg) -> YReg {
        YReg(reg.index() as u16)
    }
}

/// A row says where each register must be for the special form, then which operands stay as they are.
macro_rules! forms {
    ($instruction:expr; $($from:ident { $($reg:ident: $place:ident),+ $(; $($rest:ident),+)? } => $to:ident;)*) => {
        match $instruction {
            $(Instr::$from { $($reg,)+ $($($rest,)+)? } if $($place::holds($reg))&&+ => {
                Instr::$to { $($reg: $place::place($reg),)+ $($($rest,)+)? }
            })*
            other => other,
        }
    };
}

/// The more special form of an instruction, if there is one.
#[inline]
pub(crate) fn placed(instruction: Instr) -> Instr {
    forms! { instruction;
        Move { src: x, dst: x } => MoveX;
        MoveC { dst: x; value } => MoveCX;
        MoveReturn { src: x } => MoveReturnX;
        MoveCall { src: x, dst: x; target } => MoveCallX;
        GetList { src: x, head: x, tail: x } => GetListX;
        GetHd { src: x, dst: x } => GetHdX;
        GetTl { src: x, dst: x } => GetTlX;
        PutList { head: x, tail: x, dst: x } => PutListX;
        PutListRC { head: x, dst: x; tail } => PutListRCX;
        TestHeapPutList { head: x, tail: x, dst: x; live } => TestHeapPutListX;
        TestHeapPutListReturn { head: y, tail: x; live, words } => TestHeapPutListReturnYX;
        GetList { src: x, head: y, tail: x } => GetListXYX;
        Swap { a: x, b: x } => SwapX;
        IsTupleOfArityGet2 { src: x, dst1: x, dst2: x; fail, arity, index1, index2 } => IsTupleOfArityGet2X;
        IsNonemptyListGetList { src: x, head: x, tail: x; fail } => IsNonemptyListGetListX;
        IsNonemptyList { src: x; fail } => IsNonemptyListX;
        IsNil { src: x; fail } => IsNilX;
        GetTupleElement { src: x, dst: x; index } => GetTupleElementX;
        GetTupleElement2 { src: x, dst1: x, dst2: x; index1, index2 } => GetTupleElement2X;
        GetTupleElement3 { src: x, dst1: x, dst2: x, dst3: x; index } => GetTupleElement3X;
        PutTuple2 { dst: x, a: x, b: x } => PutTuple2X;
        PutTuple3 { dst: x, a: x, b: x, c: x } => PutTuple3X;
        PutTagged2 { dst: x, a: x; tag } => PutTagged2X;
        PutTagged3 { dst: x, a: x, b: x; tag } => PutTagged3X;
        IsLt { a: x, b: x; fail } => IsLtX;
        IsLtRC { a: x; fail, value } => IsLtRCX;
        IsGe { a: x, b: x; fail } => IsGeX;
        IsGeRC { a: x; fail, value } => IsGeRCX;
        IsGeCR { b: x; fail, value } => IsGeCRX;
        IsEqExact { a: x, b: x; fail } => IsEqExactX;
        IsNeExact { a: x, b: x; fail } => IsNeExactX;
        IsEqExactImm { a: x; fail, value } => IsEqExactImmX;
        IsNeExactImm { a: x; fail, value } => IsNeExactImmX;
        IsTupleOfArity { src: x; fail, arity } => IsTupleOfArityX;
        IsTaggedTuple { src: x; fail, arity, tag } => IsTaggedTupleX;
        IsInteger { src: x; fail } => IsIntegerX;
        IsAtom { src: x; fail } => IsAtomX;
        SelectImm { src: x; fail, table } => SelectImmX;
        SelectImmFew { src: x; fail, table } => SelectImmFewX;
        SelectRange { src: x; fail, table } => SelectRangeX;
        Add { a: x, b: x, dst: x; fail, live } => AddX;
        AddC { a: x, dst: x; fail, live, word } => AddCX;
        Sub { a: x, b: x, dst: x; fail, live } => SubX;
        SubC { a: x, dst: x; fail, live, word } => SubCX;
        Mul { a: x, b: x, dst: x; fail, live } => MulX;
        BandC { a: x, dst: x; fail, live, value } => BandCX;
        BsrC { a: x, dst: x; fail, live, value } => BsrCX;
        Bxor { a: x, b: x, dst: x; fail, live } => BxorX;
        Move { src: x, dst: y } => MoveXY;
        Move { src: y, dst: x } => MoveYX;
        Move2 { src1: x, dst1: x, src2: x, dst2: x } => Move2X;
        Move2 { src1: x, dst1: y, src2: x, dst2: y } => Move2XY;
        Move2 { src1: y, dst1: x, src2: y, dst2: x } => Move2YX;
        Move2 { src1: x, dst1: y, src2: x, dst2: x } => Move2XYX;
        Move2 { src1: x, dst1: y, src2: y, dst2: x } => Move2XYThenYX;
        Move2 { src1: y, dst1: x, src2: x, dst2: y } => Move2YXThenXY;
        Move2 { src1: y, dst1: x, src2: x, dst2: x } => Move2YXThenX;
        Move2 { src1: x, dst1: x, src2: y, dst2: x } => Move2XThenYX;
        Move2 { src1: x, dst1: x, src2: x, dst2: y } => Move2XThenXY;
        Move3 { src1: x, dst1: x, src2: x, dst2: x, src3: x, dst3: x } => Move3X;
        Move3 { src1: x, dst1: y, src2: x, dst2: y, src3: x, dst3: y } => Move3XY;
        Move3 { src1: y, dst1: x, src2: y, dst2: x, src3: y, dst3: x } => Move3YX;
        AddC { a: y, dst: x; fail, live, word } => AddCYX;
        SubC { a: y, dst: x; fail, live, word } => SubCYX;
        Add { a: y, b: x, dst: x; fail, live } => AddYX;
        Move2Call { src1: x, dst1: x, src2: x, dst2: x; target } => Move2CallX;
        Move2Call { src1: y, dst1: x, src2: y, dst2: x; target } => Move2CallYX;
        Move2Call { src1: x, dst1: y, src2: x, dst2: x; target } => Move2CallXYX;
        Move2Call { src1: y, dst1: x, src2: x, dst2: x; target } => Move2CallYXThenX;
        Move2Call { src1: x, dst1: x, src2: y, dst2: x; target } => Move2CallXThenYX;
    }
}
