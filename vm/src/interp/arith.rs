//! Arithmetic and comparison off the fast path: operands that are not both small, results that do not fit.

use super::exceptions::{self, Raised};
use super::{Flow, Registers, STACK_SLACK, instr_fn};
use crate::arithmetic as terms;
use crate::atom::{Atom, well_known};
use crate::code::Instr;
use crate::code::instr::{IN_PLACE, Jump, Reg};
use crate::heap::Heap;
use crate::numeric::big::ArithError;
use crate::process::Process;
use crate::term::Term;
use crate::term::word::{self, BoxedKind, Word};

/// A binary operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Band,
    Bor,
    Bxor,
    Bsl,
    Bsr,
}

impl Op {
    /// Its name as a function of module `erlang`.
    pub const fn atom(self) -> Atom {
        match self {
            Op::Add => well_known::PLUS,
            Op::Sub => well_known::MINUS,
            Op::Mul => well_known::TIMES,
            Op::Div => well_known::DIV,
            Op::Rem => well_known::REM,
            Op::Band => well_known::BAND,
            Op::Bor => well_known::BOR,
            Op::Bxor => well_known::BXOR,
            Op::Bsl => well_known::BSL,
            Op::Bsr => well_known::BSR,
        }
    }
}

/// The exception reason of an arithmetic error.
pub(crate) fn reason(error: ArithError) -> Atom {
    match error {
        ArithError::Badarith => well_known::BADARITH,
        ArithError::SystemLimit => well_known::SYSTEM_LIMIT,
    }
}

/// A term of the running process.
///
/// Sound within this module because the words come from its registers and nothing is collected before the
/// functions here return.
fn term<'h>(word: Word) -> Term<'h> {
    // SAFETY: see above; the lifetime does not leave the calling function.
    unsafe { Term::from_word(word) }
}

/// `a op b` for any two terms; an error gives the exception's reason.
#[inline(never)]
pub(crate) fn binary(process: &Process, op: Op, a: Word, b: Word) -> Result<Word, Atom> {
    let heap = Heap::new(&process.heap);
    let (a, b) = (term(a), term(b));
    let result = match op {
        Op::Add => terms::add(heap, a, b),
        Op::Sub => terms::sub(heap, a, b),
        Op::Mul => terms::mul(heap, a, b),
        Op::Div => terms::div(heap, a, b),
        Op::Rem => terms::rem(heap, a, b),
        Op::Band => terms::band(heap, a, b),
        Op::Bor => terms::bor(heap, a, b),
        Op::Bxor => terms::bxor(heap, a, b),
        Op::Bsl => terms::bsl(heap, a, b),
        Op::Bsr => terms::bsr(heap, a, b),
    };
    result.map(Term::word).map_err(reason)
}

/// What an arithmetic instruction says beside its operands: where to go if it fails (0 raises), where the
/// result goes, and how many X registers are alive.
fn aims(instruction: &Instr) -> (Jump, Reg, u16) {
    macro_rules! aims {
        ($($any:ident)* ; $($x:ident)*) => {
            match *instruction {
                $(Instr::$any { fail, dst, live, .. } => (fail, dst, live & !IN_PLACE),)*
                $(Instr::$x { fail, dst, live, .. } => (fail, Reg::x(dst.0), live & !IN_PLACE),)*
                _ => unreachable!("only arithmetic instructions come here"),
            }
        };
    }
    aims! {
        Add AddC Sub SubC Mul MulC IntDiv IntDivC Rem RemC Band BandC Bor Bxor Bsl BslC Bsr BsrC;
        AddX AddCX AddYX AddCYX SubX SubCX SubCYX MulX BandCX BsrCX BxorX
    }
}

/// Does an arithmetic instruction whose operands are not both small, or whose result is not. The state was
/// written back.
#[cold]
#[inline(never)]
pub(crate) fn off_the_fast_path(
    process: &mut Process,
    registers: &mut Registers,
    op: Op,
    a: Word,
    b: Word,
) -> Flow {
    let ip = process.ip.get();
    let instruction = instr_fn!(ip);
    let (fail, dst, live) = aims(instruction);
    if let Some(result) = floats(process, op, a, b) {
        registers.write_at(process, dst, result);
        // SAFETY: arithmetic is never a function's last instruction.
        return Flow::At(unsafe { ip.add(1) });
    }
    let result = match binary(process, op, a, b) {
        Ok(result) => result,
        Err(reason) if fail.0 == 0 => {
            let raised = Raised::operator(instruction, op, &[a, b], reason);
            return exceptions::handle(process, registers, raised);
        }
        // SAFETY: jumps stay in the code, as the loader checked.
        Err(_) => return Flow::At(unsafe { fail.from(ip) }),
    };
    let live = usize::from(live);
    registers.x[live] = result;
    if process.heap.wants_collection() {
        // x(live) is dead: it keeps the result alive and is updated with the others.
        let alive = &mut registers.x[..=live];
        if process.collect(alive, STACK_SLACK).is_err() {
            return Flow::Leave(exceptions::killed_by_heap_size());
        }
    }
    let result = registers.x[live];
    registers.write_at(process, dst, result);
    // SAFETY: arithmetic is never a function's last instruction.
    Flow::At(unsafe { ip.add(1) })
}

/// The value of a float, or of an integer that is exactly one.
#[inline(always)]
fn as_float(word: Word) -> Option<f64> {
    /// Integers up to here, and their negatives, are floats exactly.
    const EXACT: i64 = 1 << 53;
    if word::is_small(word) {
        let value = word::small_value(word);
        return (-EXACT..=EXACT).contains(&value).then_some(value as f64);
    }
    if !word::is_boxed(word) {
        return None;
    }
    let at = word::pointer(word);
    // SAFETY: a boxed term points to its header; a float's bits follow it.
    unsafe { (*at == word::header(BoxedKind::Float, 1)).then(|| f64::from_bits(*at.add(1))) }
}

/// `a op b` of two floats, or a float and a number that can be one: a float in the block, if there is room for
/// it and it is a number.
#[inline]
fn floats(process: &Process, op: Op, a: Word, b: Word) -> Option<Word> {
    let (x, y) = (as_float(a)?, as_float(b)?);
    // Two integers are none of this.
    if word::both_small(a, b) {
        return None;
    }
    let value = match op {
        Op::Add => x + y,
        Op::Sub => x - y,
        Op::Mul => x * y,
        _ => return None,
    };
    let at = process.heap.top.get();
    let free = (process.heap.stack_top.get() as usize).wrapping_sub(at as usize);
    if !value.is_finite() || free < (2 + STACK_SLACK) * size_of::<Word>() {
        return None;
    }
    // SAFETY: there is room for two words and the slack.
    unsafe {
        *at = word::header(BoxedKind::Float, 1);
        *at.add(1) = value.to_bits();
        process.heap.top.set(at.add(2));
    }
    Some(word::boxed(at))
}

/// A small integer shifted left, if the result is one. A negative count shifts right.
#[inline(always)]
pub(crate) fn shift_left(word: Word, count: i64) -> Option<Word> {
    if count < 0 {
        return shift_right(word, count.checked_neg()?);
    }
    if word == 0 {
        return Some(0);
    }
    if count >= 61 {
        return None;
    }
    let shifted = (word as i64) << count;
    (shifted >> count == word as i64).then_some(shifted as Word)
}

/// A small integer shifted right, if the result is one. A negative count shifts left.
#[inline(always)]
pub(crate) fn shift_right(word: Word, count: i64) -> Option<Word> {
    if count < 0 {
        return shift_left(word, count.checked_neg()?);
    }
    Some(((word as i64) >> count.min(63)) as Word & !word::TAG_MASK)
}

/// A number as a float; none if it is no number or too large.
#[inline(never)]
pub(crate) fn to_float(word: Word) -> Option<f64> {
    terms::to_float(term(word))
}

/// `a =:= b`, neither an immediate.
#[inline(never)]
pub(crate) fn exactly_equal(a: Word, b: Word) -> bool {
    term(a).exactly_equals(term(b))
}

/// `a == b`.
#[inline(never)]
pub(crate) fn equal(a: Word, b: Word) -> bool {
    if let (Some(x), Some(y)) = (as_float(a), as_float(b)) {
        return x == y;
    }
    term(a).equals(term(b))
}

/// `a < b`.
#[inline(never)]
pub(crate) fn less(a: Word, b: Word) -> bool {
    if let (Some(x), Some(y)) = (as_float(a), as_float(b)) {
        return x < y;
    }
    term(a).compare(term(b)).is_lt()
}
