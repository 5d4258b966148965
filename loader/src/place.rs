//! The last step of rewriting: an instruction whose registers are all X registers, or are where they mostly
//! are, becomes one that knows it, which saves the interpreter the look at every register.

use vm::code::Instr;
use vm::code::instr::{Reg, XReg, YReg};

/// The more special form of an instruction, if there is one.
#[inline]
pub(crate) fn placed(instruction: Instr) -> Instr {
    let x = |reg: Reg| !reg.is_y();
    let y = |reg: Reg| reg.is_y();
    let xreg = |reg: Reg| XReg(reg.index() as u16);
    let yreg = |reg: Reg| YReg(reg.index() as u16);
    match instruction {
        Instr::Move { src, dst } if x(src) && x(dst) => Instr::MoveX {
            src: xreg(src),
            dst: xreg(dst),
        },
        Instr::MoveC { dst, value } if x(dst) => Instr::MoveCX {
            dst: xreg(dst),
            value,
        },
        Instr::MoveReturn { src } if x(src) => Instr::MoveReturnX { src: xreg(src) },
        Instr::MoveCall { src, dst, target } if x(src) && x(dst) => Instr::MoveCallX {
            src: xreg(src),
            dst: xreg(dst),
            target,
        },
        Instr::GetList { src, head, tail } if x(src) && x(head) && x(tail) => Instr::GetListX {
            src: xreg(src),
            head: xreg(head),
            tail: xreg(tail),
        },
        Instr::GetHd { src, dst } if x(src) && x(dst) => Instr::GetHdX {
            src: xreg(src),
            dst: xreg(dst),
        },
        Instr::GetTl { src, dst } if x(src) && x(dst) => Instr::GetTlX {
            src: xreg(src),
            dst: xreg(dst),
        },
        Instr::PutList { head, tail, dst } if x(head) && x(tail) && x(dst) => Instr::PutListX {
            head: xreg(head),
            tail: xreg(tail),
            dst: xreg(dst),
        },
        Instr::PutListRC { head, dst, tail } if x(head) && x(dst) => Instr::PutListRCX {
            head: xreg(head),
            dst: xreg(dst),
            tail,
        },
        Instr::IsNonemptyListGetList {
            src,
            fail,
            head,
            tail,
        } if x(src) && x(head) && x(tail) => Instr::IsNonemptyListGetListX {
            src: xreg(src),
            fail,
            head: xreg(head),
            tail: xreg(tail),
        },
        Instr::IsNonemptyList { src, fail } if x(src) => Instr::IsNonemptyListX {
            src: xreg(src),
            fail,
        },
        Instr::IsNil { src, fail } if x(src) => Instr::IsNilX {
            src: xreg(src),
            fail,
        },
        Instr::GetTupleElement { src, dst, index } if x(src) && x(dst) => Instr::GetTupleElementX {
            src: xreg(src),
            dst: xreg(dst),
            index,
        },
        Instr::GetTupleElement2 {
            src,
            dst1,
            index1,
            dst2,
            index2,
        } if x(src) && x(dst1) && x(dst2) => Instr::GetTupleElement2X {
            src: xreg(src),
            dst1: xreg(dst1),
            index1,
            dst2: xreg(dst2),
            index2,
        },
        Instr::GetTupleElement3 {
            src,
            index,
            dst1,
            dst2,
            dst3,
        } if x(src) && x(dst1) && x(dst2) && x(dst3) => Instr::GetTupleElement3X {
            src: xreg(src),
            index,
            dst1: xreg(dst1),
            dst2: xreg(dst2),
            dst3: xreg(dst3),
        },
        Instr::PutTuple2 { dst, a, b } if x(dst) && x(a) && x(b) => Instr::PutTuple2X {
            dst: xreg(dst),
            a: xreg(a),
            b: xreg(b),
        },
        Instr::PutTuple3 { dst, a, b, c } if x(dst) && x(a) && x(b) && x(c) => Instr::PutTuple3X {
            dst: xreg(dst),
            a: xreg(a),
            b: xreg(b),
            c: xreg(c),
        },
        Instr::PutTagged2 { dst, a, tag } if x(dst) && x(a) => Instr::PutTagged2X {
            dst: xreg(dst),
            a: xreg(a),
            tag,
        },
        Instr::PutTagged3 { dst, a, b, tag } if x(dst) && x(a) && x(b) => Instr::PutTagged3X {
            dst: xreg(dst),
            a: xreg(a),
            b: xreg(b),
            tag,
        },
        Instr::IsLt { a, fail, b } if x(a) && x(b) => Instr::IsLtX {
            a: xreg(a),
            fail,
            b: xreg(b),
        },
        Instr::IsLtRC { a, fail, value } if x(a) => Instr::IsLtRCX {
            a: xreg(a),
            fail,
            value,
        },
        Instr::IsGe { a, fail, b } if x(a) && x(b) => Instr::IsGeX {
            a: xreg(a),
            fail,
            b: xreg(b),
        },
        Instr::IsGeRC { a, fail, value } if x(a) => Instr::IsGeRCX {
            a: xreg(a),
            fail,
            value,
        },
        Instr::IsGeCR { b, fail, value } if x(b) => Instr::IsGeCRX {
            b: xreg(b),
            fail,
            value,
        },
        Instr::IsEqExact { a, fail, b } if x(a) && x(b) => Instr::IsEqExactX {
            a: xreg(a),
            fail,
            b: xreg(b),
        },
        Instr::IsEqExactImm { a, fail, value } if x(a) => Instr::IsEqExactImmX {
            a: xreg(a),
            fail,
            value,
        },
        Instr::IsNeExactImm { a, fail, value } if x(a) => Instr::IsNeExactImmX {
            a: xreg(a),
            fail,
            value,
        },
        Instr::IsTupleOfArity { src, fail, arity } if x(src) => Instr::IsTupleOfArityX {
            src: xreg(src),
            fail,
            arity,
        },
        Instr::IsTaggedTuple {
            src,
            fail,
            arity,
            tag,
        } if x(src) => Instr::IsTaggedTupleX {
            src: xreg(src),
            fail,
            arity,
            tag,
        },
        Instr::IsInteger { src, fail } if x(src) => Instr::IsIntegerX {
            src: xreg(src),
            fail,
        },
        Instr::IsAtom { src, fail } if x(src) => Instr::IsAtomX {
            src: xreg(src),
            fail,
        },
        Instr::SelectImm { src, fail, table } if x(src) => Instr::SelectImmX {
            src: xreg(src),
            fail,
            table,
        },
        Instr::SelectImmFew { src, fail, table } if x(src) => Instr::SelectImmFewX {
            src: xreg(src),
            fail,
            table,
        },
        Instr::SelectRange { src, fail, table } if x(src) => Instr::SelectRangeX {
            src: xreg(src),
            fail,
            table,
        },
        Instr::Add {
            a,
            fail,
            b,
            dst,
            live,
        } if x(a) && x(b) && x(dst) => Instr::AddX {
            a: xreg(a),
            fail,
            b: xreg(b),
            dst: xreg(dst),
            live,
        },
        Instr::AddC {
            a,
            fail,
            dst,
            live,
            value,
        } if x(a) && x(dst) => Instr::AddCX {
            a: xreg(a),
            fail,
            dst: xreg(dst),
            live,
            value,
        },
        Instr::Sub {
            a,
            fail,
            b,
            dst,
            live,
        } if x(a) && x(b) && x(dst) => Instr::SubX {
            a: xreg(a),
            fail,
            b: xreg(b),
            dst: xreg(dst),
            live,
        },
        Instr::SubC {
            a,
            fail,
            dst,
            live,
            value,
        } if x(a) && x(dst) => Instr::SubCX {
            a: xreg(a),
            fail,
            dst: xreg(dst),
            live,
            value,
        },
        Instr::Mul {
            a,
            fail,
            b,
            dst,
            live,
        } if x(a) && x(b) && x(dst) => Instr::MulX {
            a: xreg(a),
            fail,
            b: xreg(b),
            dst: xreg(dst),
            live,
        },
        Instr::BandC {
            a,
            fail,
            dst,
            live,
            value,
        } if x(a) && x(dst) => Instr::BandCX {
            a: xreg(a),
            fail,
            dst: xreg(dst),
            live,
            value,
        },
        Instr::BsrC {
            a,
            fail,
            dst,
            live,
            value,
        } if x(a) && x(dst) => Instr::BsrCX {
            a: xreg(a),
            fail,
            dst: xreg(dst),
            live,
            value,
        },
        Instr::Bxor {
            a,
            fail,
            b,
            dst,
            live,
        } if x(a) && x(b) && x(dst) => Instr::BxorX {
            a: xreg(a),
            fail,
            b: xreg(b),
            dst: xreg(dst),
            live,
        },
        Instr::Move { src, dst } if x(src) && y(dst) => Instr::MoveXY {
            src: xreg(src),
            dst: yreg(dst),
        },
        Instr::Move { src, dst } if y(src) && x(dst) => Instr::MoveYX {
            src: yreg(src),
            dst: xreg(dst),
        },
        Instr::Move2 {
            src1,
            dst1,
            src2,
            dst2,
        } if x(src1) && x(dst1) && x(src2) && x(dst2) => Instr::Move2X {
            src1: xreg(src1),
            dst1: xreg(dst1),
            src2: xreg(src2),
            dst2: xreg(dst2),
        },
        Instr::Move2 {
            src1,
            dst1,
            src2,
            dst2,
        } if x(src1) && y(dst1) && x(src2) && y(dst2) => Instr::Move2XY {
            src1: xreg(src1),
            dst1: yreg(dst1),
            src2: xreg(src2),
            dst2: yreg(dst2),
        },
        Instr::Move2 {
            src1,
            dst1,
            src2,
            dst2,
        } if y(src1) && x(dst1) && y(src2) && x(dst2) => Instr::Move2YX {
            src1: yreg(src1),
            dst1: xreg(dst1),
            src2: yreg(src2),
            dst2: xreg(dst2),
        },
        Instr::Move2 {
            src1,
            dst1,
            src2,
            dst2,
        } if x(src1) && y(dst1) && x(src2) && x(dst2) => Instr::Move2XYX {
            src1: xreg(src1),
            dst1: yreg(dst1),
            src2: xreg(src2),
            dst2: xreg(dst2),
        },
        Instr::Move3 {
            src1,
            dst1,
            src2,
            dst2,
            src3,
            dst3,
        } if x(src1) && x(dst1) && x(src2) && x(dst2) && x(src3) && x(dst3) => Instr::Move3X {
            src1: xreg(src1),
            dst1: xreg(dst1),
            src2: xreg(src2),
            dst2: xreg(dst2),
            src3: xreg(src3),
            dst3: xreg(dst3),
        },
        Instr::Move3 {
            src1,
            dst1,
            src2,
            dst2,
            src3,
            dst3,
        } if x(src1) && y(dst1) && x(src2) && y(dst2) && x(src3) && y(dst3) => Instr::Move3XY {
            src1: xreg(src1),
            dst1: yreg(dst1),
            src2: xreg(src2),
            dst2: yreg(dst2),
            src3: xreg(src3),
            dst3: yreg(dst3),
        },
        Instr::Move3 {
            src1,
            dst1,
            src2,
            dst2,
            src3,
            dst3,
        } if y(src1) && x(dst1) && y(src2) && x(dst2) && y(src3) && x(dst3) => Instr::Move3YX {
            src1: yreg(src1),
            dst1: xreg(dst1),
            src2: yreg(src2),
            dst2: xreg(dst2),
            src3: yreg(src3),
            dst3: xreg(dst3),
        },
        Instr::AddC {
            a,
            fail,
            dst,
            live,
            value,
        } if y(a) && x(dst) => Instr::AddCYX {
            a: yreg(a),
            fail,
            dst: xreg(dst),
            live,
            value,
        },
        Instr::SubC {
            a,
            fail,
            dst,
            live,
            value,
        } if y(a) && x(dst) => Instr::SubCYX {
            a: yreg(a),
            fail,
            dst: xreg(dst),
            live,
            value,
        },
        Instr::Add {
            a,
            fail,
            b,
            dst,
            live,
        } if y(a) && x(b) && x(dst) => Instr::AddYX {
            a: yreg(a),
            fail,
            b: xreg(b),
            dst: xreg(dst),
            live,
        },
        Instr::Move2Call {
            src1,
            dst1,
            src2,
            dst2,
            target,
        } if x(src1) && x(dst1) && x(src2) && x(dst2) => Instr::Move2CallX {
            src1: xreg(src1),
            dst1: xreg(dst1),
            src2: xreg(src2),
            dst2: xreg(dst2),
            target,
        },
        Instr::Move2Call {
            src1,
            dst1,
            src2,
            dst2,
            target,
        } if y(src1) && x(dst1) && y(src2) && x(dst2) => Instr::Move2CallYX {
            src1: yreg(src1),
            dst1: xreg(dst1),
            src2: yreg(src2),
            dst2: xreg(dst2),
            target,
        },
        Instr::Move2Call {
            src1,
            dst1,
            src2,
            dst2,
            target,
        } if x(src1) && y(dst1) && x(src2) && x(dst2) => Instr::Move2CallXYX {
            src1: xreg(src1),
            dst1: yreg(dst1),
            src2: xreg(src2),
            dst2: xreg(dst2),
            target,
        },
        _ => instruction,
    }
}
