//! Taking bit strings apart.
//!
//! A match context is a boxed object of position, end and holder; the position moves as fields are taken.

use super::{Next, SIGNED, field_bits, is_little, operand, term};
use crate::arithmetic;
use crate::atom::well_known;
use crate::binary::{BinaryData, HEAP_LIMIT};
use crate::code::instr::{Instr, Jump, Reg, Table};
use crate::heap::Heap;
use crate::interp::Registers;
use crate::numeric::big::{self, Endian};
use crate::process::Process;
use crate::term::Term;
use crate::term::word::{self, BoxedKind, Word};
use crate::text::{utf8, wide};

/// A match context in the heap of the running process.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    at: *mut Word,
}

impl Context {
    /// The context in a word that a loaded instruction names as one.
    #[inline(always)]
    pub(crate) fn of(word: Word) -> Option<Context> {
        if !word::is_boxed(word) {
            return None;
        }
        let at = word::pointer(word);
        // SAFETY: a boxed term points to its header.
        (unsafe { *at } == word::header(BoxedKind::MatchContext, 3)).then_some(Context { at })
    }

    /// Where the next field begins, in bits of the holder.
    #[inline(always)]
    pub(crate) fn position(self) -> usize {
        // SAFETY: a context has three words after its header.
        unsafe { *self.at.add(1) as usize }
    }

    /// Moves on.
    #[inline(always)]
    pub(crate) fn set_position(self, position: usize) {
        // SAFETY: as in `position`; the context belongs to the running process alone.
        unsafe { *self.at.add(1) = position as Word }
    }

    /// Where the bits end.
    #[inline(always)]
    pub(crate) fn end(self) -> usize {
        // SAFETY: as in `position`.
        unsafe { *self.at.add(2) as usize }
    }

    /// How many bits are left.
    #[inline(always)]
    pub(crate) fn left(self) -> usize {
        self.end() - self.position()
    }

    /// What holds the bytes.
    #[inline(always)]
    pub(crate) fn holder(self) -> Word {
        // SAFETY: as in `position`.
        unsafe { *self.at.add(3) }
    }

    /// The holder's bytes. They stay as long as nothing is collected.
    #[inline(always)]
    pub(crate) fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY:
        // 1. The holder is a `HeapBits` (length in bits, bytes) or a `RefBin` (link, counted data).
        // 2. Nothing is collected while an instruction runs, which is as long as callers use the slice.
        unsafe {
            let holder = word::pointer(self.holder());
            if word::header_kind(*holder) == BoxedKind::HeapBits {
                std::slice::from_raw_parts(
                    holder.add(2).cast(),
                    (*holder.add(1) as usize).div_ceil(8),
                )
            } else {
                (*(*holder.add(2) as *const BinaryData)).bytes()
            }
        }
    }
}

/// A context for a bit string; none if it is none. A context stays the same one.
pub(crate) fn start(process: &Process, source: Word) -> Option<Word> {
    if !word::is_boxed(source) {
        return None;
    }
    let at = word::pointer(source);
    // SAFETY: a boxed term points to its header, and the kinds tested have the words that are read.
    let (position, end, holder) = unsafe {
        match word::header_kind(*at) {
            BoxedKind::MatchContext => return Some(source),
            BoxedKind::HeapBits => (0, *at.add(1), source),
            BoxedKind::RefBin => (
                0,
                (*(*at.add(2) as *const BinaryData)).bytes().len() as Word * 8,
                source,
            ),
            BoxedKind::SubBits => (*at.add(1), *at.add(1) + *at.add(2), *at.add(3)),
            _ => return None,
        }
    };
    let heap = Heap::new(&process.heap);
    let object = heap.object(BoxedKind::MatchContext, 3);
    // SAFETY: room for three words was given, and all are written.
    unsafe {
        object.add(1).write(position);
        object.add(2).write(end);
        object.add(3).write(holder);
    }
    Some(word::boxed(object))
}

/// A part of the context's holder as a bit string. A small binary is copied, as in the stock VM, so that it does
/// not keep a large one.
pub(crate) fn part(process: &Process, context: Context, from: usize, bits: usize) -> Word {
    let heap = Heap::new(&process.heap);
    if bits.is_multiple_of(8) && bits <= HEAP_LIMIT * 8 {
        let mut copy = [0; HEAP_LIMIT];
        let copy = &mut copy[..bits / 8];
        let bytes = context.bytes();
        if from.is_multiple_of(8) {
            copy.copy_from_slice(&bytes[from / 8..][..bits / 8]);
        } else {
            for (index, byte) in copy.iter_mut().enumerate() {
                *byte = big::read_bits(bytes, from + 8 * index, 8) as u8;
            }
        }
        return heap.binary(copy).word();
    }
    let object = heap.object(BoxedKind::SubBits, 3);
    // SAFETY: room for three words was given, and all are written; the holder holds bytes itself.
    unsafe {
        object.add(1).write(from as Word);
        object.add(2).write(bits as Word);
        object.add(3).write(context.holder());
    }
    word::boxed(object)
}

/// An integer field of up to 60 bits.
#[inline]
pub(crate) fn small_integer(bytes: &[u8], offset: usize, bits: usize, signed: bool) -> i64 {
    let value = big::read_bits(bytes, offset, bits);
    if signed {
        ((value << (64 - bits)) as i64) >> (64 - bits)
    } else {
        value as i64
    }
}

/// An integer field of any size.
fn integer(process: &Process, bytes: &[u8], offset: usize, bits: usize, flags: u64) -> Word {
    if bits == 0 {
        return word::small(0);
    }
    let signed = flags & SIGNED != 0;
    if bits <= 8 || (bits <= 60 && !is_little(flags)) {
        return word::small(small_integer(bytes, offset, bits, signed));
    }
    let endian = if is_little(flags) {
        Endian::Little
    } else {
        Endian::Big
    };
    let heap = Heap::new(&process.heap);
    match big::from_bits(bytes, offset, bits, endian, signed) {
        Ok(value) => arithmetic::integer(heap, &value).word(),
        Err(_) => word::NO_VALUE,
    }
}

/// A float field of 16, 32 or 64 bits; none where the bits are no finite number.
fn float(bytes: &[u8], offset: usize, bits: usize, little: bool) -> Option<f64> {
    let raw = big::read_bits(bytes, offset, bits);
    let raw = if little {
        raw.swap_bytes() >> (64 - bits)
    } else {
        raw
    };
    let value = match bits {
        16 => super::float16::decode(raw as u16),
        32 => f64::from(f32::from_bits(raw as u32)),
        _ => f64::from_bits(raw),
    };
    value.is_finite().then_some(value)
}

/// Up to `N` bytes from any bit on.
fn gather<const N: usize>(context: Context) -> ([u8; N], usize) {
    let mut out = [0; N];
    let count = (context.left() / 8).min(N);
    let bytes = context.bytes();
    for (index, byte) in out.iter_mut().enumerate().take(count) {
        *byte = big::read_bits(bytes, context.position() + index * 8, 8) as u8;
    }
    (out, count)
}

/// Whether the next bits are those of `literal`.
fn matches_literal(context: Context, literal: &[u8], bits: usize) -> bool {
    if context.left() < bits {
        return false;
    }
    let (bytes, at) = (context.bytes(), context.position());
    if at % 8 == 0 && bits.is_multiple_of(8) {
        return bytes[at / 8..][..bits / 8] == literal[..bits / 8];
    }
    let mut done = 0;
    while done < bits {
        let step = (bits - done).min(32);
        if big::read_bits(bytes, at + done, step) != big::read_bits(literal, done, step) {
            return false;
        }
        done += step;
    }
    true
}

/// Runs a matching instruction.
pub(crate) fn execute(
    process: &mut Process,
    registers: &mut Registers,
    instruction: Instr,
) -> Next {
    let context_in = |registers: &Registers, reg: Reg| {
        Context::of(registers.read(process, reg))
            .expect("the compiler tracks which registers hold match contexts")
    };
    // SAFETY: the loader made them with the words that `instr` describes.
    let word_of = |table: Table, index: usize| unsafe { table.word(index) };
    let context_of = |registers: &Registers, table: Table| {
        Context::of(operand(process, registers, word_of(table, 0)))
            .expect("the compiler tracks which registers hold match contexts")
    };
    let done = |fail: Jump, result: Option<()>| match result {
        Some(()) => Next::Following,
        None => Next::Fail(fail),
    };
    match instruction {
        Instr::BsStartMatch { src, fail, dst, .. } => {
            match start(process, registers.read(process, src)) {
                Some(context) => {
                    registers.write(process, dst, context);
                    Next::Following
                }
                None => Next::Fail(fail),
            }
        }
        Instr::BsGetSmallInteger {
            context,
            fail,
            dst,
            bits,
            signed,
        } => {
            let context = context_in(registers, context);
            let bits = bits as usize;
            if context.left() < bits {
                return Next::Fail(fail);
            }
            let value = small_integer(context.bytes(), context.position(), bits, signed);
            context.set_position(context.position() + bits);
            registers.write(process, dst, word::small(value));
            Next::Following
        }
        Instr::BsGetInteger { dst, fail, table } => {
            let context = context_of(registers, table);
            let size = operand(process, registers, word_of(table, 2));
            let taken = field_bits(size, word_of(table, 3))
                .filter(|&bits| bits <= context.left())
                .and_then(|bits| {
                    let value = integer(
                        process,
                        context.bytes(),
                        context.position(),
                        bits,
                        word_of(table, 4),
                    );
                    if value == word::NO_VALUE {
                        return None;
                    }
                    context.set_position(context.position() + bits);
                    registers.write(process, dst, value);
                    Some(())
                });
            done(fail, taken)
        }
        Instr::BsGetFloat { dst, fail, table } => {
            let context = context_of(registers, table);
            let size = operand(process, registers, word_of(table, 2));
            let taken = field_bits(size, word_of(table, 3))
                .filter(|bits| matches!(bits, 16 | 32 | 64) && *bits <= context.left())
                .and_then(|bits| {
                    let value = float(
                        context.bytes(),
                        context.position(),
                        bits,
                        is_little(word_of(table, 4)),
                    )?;
                    context.set_position(context.position() + bits);
                    let value = Heap::new(&process.heap).float(value).word();
                    registers.write(process, dst, value);
                    Some(())
                });
            done(fail, taken)
        }
        Instr::BsGetBinary { dst, fail, table } => {
            let context = context_of(registers, table);
            let size = operand(process, registers, word_of(table, 2));
            let unit = word_of(table, 3);
            let bits = if size == Term::atom(well_known::ALL).word() {
                Some(context.left()).filter(|left| unit <= 1 || (*left as u64).is_multiple_of(unit))
            } else {
                field_bits(size, unit).filter(|&bits| bits <= context.left())
            };
            let taken = bits.map(|bits| {
                let value = part(process, context, context.position(), bits);
                context.set_position(context.position() + bits);
                registers.write(process, dst, value);
            });
            done(fail, taken)
        }
        Instr::BsSkipBits { fail, table } => {
            let context = context_of(registers, table);
            let size = operand(process, registers, word_of(table, 1));
            let unit = word_of(table, 2);
            let bits = if size == Term::atom(well_known::ALL).word() {
                Some(context.left()).filter(|left| unit <= 1 || (*left as u64).is_multiple_of(unit))
            } else {
                field_bits(size, unit).filter(|&bits| bits <= context.left())
            };
            done(
                fail,
                bits.map(|bits| context.set_position(context.position() + bits)),
            )
        }
        Instr::BsTestTail {
            context,
            fail,
            bits,
        } => done(
            fail,
            (context_in(registers, context).left() == bits as usize).then_some(()),
        ),
        Instr::BsEnsure {
            context,
            fail,
            unit,
            bits,
        } => {
            let left = context_in(registers, context).left();
            let holds = left >= bits as usize
                && (left - bits as usize).is_multiple_of((unit as usize).max(1));
            done(fail, holds.then_some(()))
        }
        Instr::BsTestUnit {
            context,
            fail,
            unit,
        } => done(
            fail,
            (context_in(registers, context).left() % (unit as usize).max(1) == 0).then_some(()),
        ),
        Instr::BsMatchString { fail, table } => {
            let context = context_of(registers, table);
            let bits = word_of(table, 1) as usize;
            // SAFETY: the bytes of the literal follow in the table.
            let literal = unsafe {
                std::slice::from_raw_parts(table.0.add(2).cast::<u8>(), bits.div_ceil(8))
            };
            let matched = matches_literal(context, literal, bits);
            done(
                fail,
                matched.then(|| context.set_position(context.position() + bits)),
            )
        }
        Instr::BsGetTail { context, dst, .. } => {
            let context = context_in(registers, context);
            let tail = part(process, context, context.position(), context.left());
            registers.write(process, dst, tail);
            Next::Following
        }
        Instr::BsGetPosition { context, dst, .. } => {
            let position = context_in(registers, context).position();
            registers.write(process, dst, word::small(position as i64));
            Next::Following
        }
        Instr::BsSetPosition { context, position } => {
            let position = term(registers.read(process, position))
                .as_usize()
                .expect("a saved position");
            context_in(registers, context).set_position(position);
            Next::Following
        }
        Instr::BsGetUtf8 {
            context,
            fail,
            dst,
            skip,
        } => {
            let context = context_in(registers, context);
            let (bytes, count) = gather::<4>(context);
            match utf8::decode(&bytes[..count]) {
                Ok((character, length)) => {
                    context.set_position(context.position() + length * 8);
                    if skip == 0 {
                        registers.write(process, dst, word::small(i64::from(character)));
                    }
                    Next::Following
                }
                Err(_) => Next::Fail(fail),
            }
        }
        Instr::BsGetUtf16 {
            context,
            fail,
            dst,
            flags,
        } => {
            let context = context_in(registers, context);
            let (bytes, count) = gather::<4>(context);
            let endian = if is_little(u64::from(flags)) {
                Endian::Little
            } else {
                Endian::Big
            };
            match wide::decode_utf16(&bytes[..count], endian) {
                Ok((character, length)) => {
                    context.set_position(context.position() + length * 8);
                    if flags & 1 == 0 {
                        registers.write(process, dst, word::small(i64::from(character)));
                    }
                    Next::Following
                }
                Err(_) => Next::Fail(fail),
            }
        }
        Instr::BsGetUtf32 {
            context,
            fail,
            dst,
            flags,
        } => {
            let context = context_in(registers, context);
            let (bytes, count) = gather::<4>(context);
            let endian = if is_little(u64::from(flags)) {
                Endian::Little
            } else {
                Endian::Big
            };
            match wide::decode_utf32(&bytes[..count], endian) {
                Ok(character) => {
                    context.set_position(context.position() + 32);
                    if flags & 1 == 0 {
                        registers.write(process, dst, word::small(i64::from(character)));
                    }
                    Next::Following
                }
                Err(_) => Next::Fail(fail),
            }
        }
        other => unreachable!("{} does not match bits", other.name()),
    }
}
