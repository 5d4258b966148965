//! Bit syntax: matching ([`matching`]), building ([`building`]), and the older building operations ([`old`]).
//!
//! All of them build through [`Heap`], so nothing moves while one runs; the interpreter collects afterwards
//! with the number of live registers that [`result`] tells.

pub(crate) mod building;
pub(crate) mod fast;
pub(crate) mod float16;
pub(crate) mod matching;
pub(crate) mod old;

use super::exceptions::{self, Raised};
use super::{Flow, Registers, STACK_SLACK, instr_fn};
use crate::code::instr::{Instr, Jump, NOT_LIVE, Operand, Reg};
use crate::process::Process;
use crate::term::word::{self, BoxedKind, Word};
use crate::term::{Kind, Term};

/// Little-endian, in the flags of a field.
const LITTLE: u64 = 2;
/// Signed.
const SIGNED: u64 = 4;
/// The machine's byte order, which is little-endian on all that Lintel runs on.
const NATIVE: u64 = 16;

/// How the interpreter goes on.
pub(crate) enum Next {
    /// To the following instruction.
    Following,
    /// The match failed.
    Fail(Jump),
}

fn term<'h>(word: Word) -> Term<'h> {
    // SAFETY: a term of the running process; nothing is collected before `execute` returns, and the
    // lifetime does not leave this module.
    unsafe { Term::from_word(word) }
}

fn operand(process: &Process, registers: &Registers, word: Word) -> Word {
    match Operand::decode(word) {
        Operand::Const(word) => word,
        Operand::Reg(reg) => registers.read(process, reg),
    }
}

fn is_little(flags: u64) -> bool {
    flags & (LITTLE | NATIVE) != 0
}

/// Whether a term is a binary.
#[inline]
pub(crate) fn is_binary(term: Word) -> bool {
    if !word::is_boxed(term) {
        return false;
    }
    // SAFETY: a boxed term points to its header, and the kinds tested have the words that are read.
    unsafe {
        let at = word::pointer(term);
        match word::header_kind(*at) {
            BoxedKind::HeapBits => (*at.add(1)).is_multiple_of(8),
            BoxedKind::RefBin => true,
            BoxedKind::SubBits => (*at.add(2)).is_multiple_of(8),
            BoxedKind::MatchContext => (*at.add(2) - *at.add(1)).is_multiple_of(8),
            _ => false,
        }
    }
}

/// What an instruction built, and what has to hold after it.
pub(crate) struct Built {
    /// The register that it built into.
    pub(crate) dst: Reg,
    /// How many X registers are alive after it, `dst` not counted.
    pub(crate) live: usize,
    /// How many words of heap must be free after it.
    pub(crate) need: usize,
}

/// What an instruction built; none if it builds nothing, or nothing may be collected after it.
pub(crate) fn built(instruction: Instr) -> Option<Built> {
    // SAFETY: the loader made these tables, with the live count and the need where `instr` says.
    let (dst, live, need) = unsafe {
        match instruction {
            Instr::BsStartMatch { dst, live, .. }
            | Instr::BsGetTail { dst, live, .. }
            | Instr::BsGetPosition { dst, live, .. } => (dst, u64::from(live), 0),
            Instr::BsGetInteger { dst, table, .. }
            | Instr::BsGetFloat { dst, table, .. }
            | Instr::BsGetBinary { dst, table, .. } => (dst, table.word(1), 0),
            Instr::BsCreateBin { dst, table, .. } => (dst, table.word(0), table.word(1)),
            Instr::BsInitWritable => (Reg::x(0), 0, 0),
            Instr::BsOld { op, table, .. } => old::built(op, table)?,
            _ => return None,
        }
    };
    (live != NOT_LIVE && live != u64::from(NOT_LIVE as u16)).then_some(Built {
        dst,
        live: live as usize,
        need: need as usize,
    })
}

/// A field's size in bits: a non-negative small integer times a unit.
fn field_bits(size: Word, unit: u64) -> Option<usize> {
    let size = u64::try_from(term(size).as_small()?).ok()?;
    usize::try_from(size.checked_mul(unit)?).ok()
}

/// What a size that is no usable size is reported as.
enum SizeFault {
    /// `badarg`: negative, or no integer.
    Bad,
    /// `system_limit`: too large.
    TooLarge,
}

fn build_size(size: Word, unit: u64) -> Result<usize, SizeFault> {
    match term(size).kind() {
        Kind::Small(value) if value >= 0 => (value as u64)
            .checked_mul(unit)
            .filter(|&bits| bits < 1 << 62)
            .map(|bits| bits as usize)
            .ok_or(SizeFault::TooLarge),
        Kind::Big(big) if !big.negative => Err(SizeFault::TooLarge),
        _ => Err(SizeFault::Bad),
    }
}

/// Runs an instruction of the bit syntax, whatever its operands are, and collects after it if that is due. The
/// state was written back.
#[inline(never)]
pub(crate) fn off_the_fast_path(process: &mut Process, registers: &mut Registers) -> Flow {
    let ip = process.ip.get();
    let instruction = *instr_fn!(ip);
    match execute(process, registers, instruction) {
        Ok(Next::Following) => {}
        // SAFETY: jumps stay in the code, as the loader checked.
        Ok(Next::Fail(jump)) => return Flow::At(unsafe { jump.from(ip) }),
        Err(raised) => return exceptions::handle(process, registers, raised),
    }
    if let Some(Built { dst, live, need }) = built(instruction) {
        let need = need + STACK_SLACK;
        if process.heap.free_words() < need || process.heap.wants_collection() {
            // x(live) is dead: it keeps the result alive and is updated with the others.
            registers.x[live] = registers.read(process, dst);
            if process.collect(&mut registers.x[..=live], need).is_err() {
                return Flow::Leave(exceptions::killed_by_heap_size());
            }
            registers.write(process, dst, registers.x[live]);
        }
    }
    // SAFETY: an instruction that does not jump is followed by another.
    Flow::At(unsafe { ip.add(1) })
}

/// Runs an instruction of the bit syntax; the state was written back.
fn execute(
    process: &mut Process,
    registers: &mut Registers,
    instruction: Instr,
) -> Result<Next, Raised> {
    match instruction {
        Instr::BsCreateBin { dst, fail, table } => {
            match building::create(process, registers, table) {
                Ok(binary) => {
                    registers.write(process, dst, binary);
                    Ok(Next::Following)
                }
                Err(_) if fail.0 != 0 => Ok(Next::Fail(fail)),
                Err(raised) => Err(raised),
            }
        }
        Instr::BsOld { op, fail, table } => match old::execute(process, registers, op, table) {
            Ok(()) => Ok(Next::Following),
            Err(_) if fail.0 != 0 => Ok(Next::Fail(fail)),
            Err(raised) => Err(raised),
        },
        Instr::BsInitWritable => {
            let expected = term(registers.x[0]).as_usize().unwrap_or(1024);
            registers.x[0] = building::writable(process, expected);
            Ok(Next::Following)
        }
        matching => Ok(matching::execute(process, registers, matching)),
    }
}
