//! The operations that built bit strings before `bs_create_bin`: beams of older compilers have them.
//!
//! A binary is made first, at its full size, then filled field by field; where filling stands is kept in
//! the registers ([`UnderConstruction`]). Nothing is collected in between: the compiler puts nothing but
//! these operations there.

use super::building::{put_bits, put_float, put_integer};
use super::{SizeFault, build_size, is_little, operand, term};
use crate::arithmetic;
use crate::atom::well_known;
use crate::binary::BinaryData;
use crate::code::instr::{Reg, Table};
use crate::heap::Heap;
use crate::interp::Registers;
use crate::interp::exceptions::Raised;
use crate::numeric::big::Endian;
use crate::process::Process;
use crate::term::word::{self, BoxedKind, Word};
use crate::term::{Kind, Term};
use crate::text::{utf8, wide};

/// The binary that is being filled.
pub(crate) struct UnderConstruction {
    bytes: *mut u8,
    len: usize,
    at: usize,
}

impl UnderConstruction {
    /// None.
    pub(crate) const NONE: UnderConstruction = UnderConstruction {
        bytes: std::ptr::null_mut(),
        len: 0,
        at: 0,
    };

    fn room(&mut self) -> &mut [u8] {
        if self.bytes.is_null() {
            return &mut [];
        }
        // SAFETY:
        // 1. Set by `begin` to bytes that were just made and that no program has seen.
        // 2. Nothing is collected until the next field is written (see above).
        unsafe { std::slice::from_raw_parts_mut(self.bytes, self.len) }
    }

    fn take(&mut self, bits: usize) -> Option<usize> {
        let at = self.at;
        (bits <= (self.len * 8).checked_sub(at)?).then(|| {
            self.at += bits;
            at
        })
    }
}

/// Sizes of more bits are over the limit: in the stock VM they are no small integers.
const STOCK_SMALL_BITS: u32 = 59;

fn badarg() -> Raised {
    Raised::error(well_known::BADARG)
}

fn size(word: Word, unit: u64) -> Result<usize, Raised> {
    build_size(word, unit).map_err(|fault| match fault {
        SizeFault::Bad => badarg(),
        SizeFault::TooLarge => Raised::error(well_known::SYSTEM_LIMIT),
    })
}

/// Makes the binary: `prefix` bits of an existing one, then `bits` more, and starts filling behind the prefix.
fn begin(
    process: &Process,
    registers: &mut Registers,
    prefix: Option<Term<'_>>,
    bits: usize,
) -> Result<Word, Raised> {
    let heap = Heap::new(&process.heap);
    let prefix = prefix
        .map(|term| term.as_bits().ok_or_else(badarg))
        .transpose()?;
    let prefix_bits = prefix.map_or(0, |prefix| prefix.bit_len());
    let total = prefix_bits
        .checked_add(bits)
        .filter(|&bits| bits < 1 << 46)
        .ok_or_else(|| Raised::error(well_known::SYSTEM_LIMIT))?;
    let bytes = total.div_ceil(8);
    let holder = heap.ref_bin(BinaryData::build(bytes, bytes.max(1), |room| {
        if let Some(prefix) = prefix {
            put_bits(prefix, room, 0, prefix_bits);
        }
    }));
    let holder = holder.as_bits().map_or(holder, |bits| bits.holder_term());
    debug_assert_eq!(holder.boxed(), Some(BoxedKind::RefBin));
    // SAFETY: the third word of a `RefBin` is its counted data, made above and seen by nobody else.
    let data = unsafe { &*(holder.payload()[1] as *const BinaryData) };
    registers.bits = UnderConstruction {
        bytes: data.bytes().as_ptr().cast_mut(),
        len: bytes,
        at: prefix_bits,
    };
    Ok(if total == bytes * 8 && bytes > 0 {
        holder.word()
    } else {
        heap.sub_bits(holder, 0, total).word()
    })
}

fn character(word: Word) -> Result<u32, Raised> {
    term(word)
        .as_small()
        .and_then(|value| u32::try_from(value).ok())
        .filter(|&value| utf8::is_code_point(value))
        .ok_or_else(badarg)
}

fn put_bytes(registers: &mut Registers, bytes: &[u8]) -> Result<(), Raised> {
    let at = registers.bits.take(bytes.len() * 8).ok_or_else(badarg)?;
    for (index, &byte) in bytes.iter().enumerate() {
        crate::numeric::big::write_bits(registers.bits.room(), at + 8 * index, 8, u64::from(byte));
    }
    Ok(())
}

/// Where the operations that make a binary put it, how many registers are alive, how many words they reserve.
pub(crate) fn built(op: u16, table: Table) -> Option<(Reg, u64, u64)> {
    // SAFETY: the loader made the table with the operands of the operation.
    let word_of = |index: usize| unsafe { table.word(index) };
    match op {
        109 | 137 => Some((Reg(word_of(4) as u16), word_of(2), word_of(1))),
        134 => Some((Reg(word_of(6) as u16), word_of(2), word_of(1))),
        _ => None,
    }
}

/// Runs the operation of this number in the file format.
pub(crate) fn execute(
    process: &Process,
    registers: &mut Registers,
    op: u16,
    table: Table,
) -> Result<(), Raised> {
    // SAFETY: the loader made it with the operands of the operation.
    let word_of = |index: usize| unsafe { table.word(index) };
    let value = |registers: &Registers, index: usize| operand(process, registers, word_of(index));
    let dst = |index: usize| Reg(word_of(index) as u16);
    let endian = |flags: Word| {
        if is_little(flags) {
            Endian::Little
        } else {
            Endian::Big
        }
    };
    match op {
        // bs_init2 Size Words Live Flags Dst; bs_init_bits likewise, the size in bits.
        109 | 137 => {
            let bits = size(value(registers, 0), if op == 109 { 8 } else { 1 })?;
            let made = begin(process, registers, None, bits)?;
            registers.write(process, dst(4), made);
        }
        // bs_append Size Extra Live Unit Bin Flags Dst
        134 => {
            let bits = size(value(registers, 0), 1)?;
            let base = term(value(registers, 4));
            let made = begin(process, registers, Some(base), bits)?;
            registers.write(process, dst(6), made);
        }
        // bs_private_append Size Unit Bin Flags Dst
        135 => {
            let bits = size(value(registers, 0), word_of(1))?;
            let base = term(value(registers, 2));
            let made = begin(process, registers, Some(base), bits)?;
            registers.write(process, dst(4), made);
        }
        // bs_put_integer Size Unit Flags Src
        89 => {
            let bits = size(value(registers, 0), word_of(1))?;
            let source = term(value(registers, 3));
            if !source.is_integer() {
                return Err(badarg());
            }
            let at = registers.bits.take(bits).ok_or_else(badarg)?;
            put_integer(source, registers.bits.room(), at, bits, endian(word_of(2)));
        }
        // bs_put_float Size Unit Flags Src
        91 => {
            let bits = size(value(registers, 0), word_of(1))?;
            let source = arithmetic::to_float(term(value(registers, 3))).ok_or_else(badarg)?;
            if !matches!(bits, 16 | 32 | 64) {
                return Err(badarg());
            }
            let at = registers.bits.take(bits).ok_or_else(badarg)?;
            put_float(
                source,
                registers.bits.room(),
                at,
                bits,
                is_little(word_of(2)),
            );
        }
        // bs_put_binary Size Unit Flags Src
        90 => {
            let source = term(value(registers, 3)).as_bits().ok_or_else(badarg)?;
            let wanted = value(registers, 0);
            let bits = if wanted == Term::atom(well_known::ALL).word() {
                Some(source.bit_len())
                    .filter(|&bits| (bits as u64).is_multiple_of(word_of(1).max(1)))
                    .ok_or_else(badarg)?
            } else {
                size(wanted, word_of(1))?
            };
            if bits > source.bit_len() {
                return Err(badarg());
            }
            let at = registers.bits.take(bits).ok_or_else(badarg)?;
            put_bits(source, registers.bits.room(), at, bits);
        }
        // bs_put_string Address Length
        92 => {
            // SAFETY: the loader gave the address and length of bytes of the module's string table.
            let bytes =
                unsafe { std::slice::from_raw_parts(word_of(0) as *const u8, word_of(1) as usize) };
            put_bytes(registers, bytes)?;
        }
        // bs_add Size1 Size2 Unit Dst
        111 => {
            let sum = size(value(registers, 0), 1)? + size(value(registers, 1), word_of(2))?;
            if sum >= 1 << STOCK_SMALL_BITS {
                return Err(Raised::error(well_known::SYSTEM_LIMIT));
            }
            registers.write(process, dst(3), word::small(sum as i64));
        }
        // bs_utf8_size Src Dst, bs_utf16_size Src Dst
        144 | 146 => {
            // What is no character is found when it is put.
            let length = match term(value(registers, 0)).kind() {
                Kind::Small(value) if op == 144 => u32::try_from(value)
                    .ok()
                    .and_then(utf8::length)
                    .unwrap_or(4),
                Kind::Small(value) => u32::try_from(value)
                    .ok()
                    .and_then(wide::utf16_length)
                    .unwrap_or(4),
                _ => 4,
            };
            registers.write(process, dst(1), word::small(length as i64));
        }
        // bs_put_utf8 Flags Src, bs_put_utf16 Flags Src, bs_put_utf32 Flags Src
        145 | 147 | 148 => {
            let character = character(value(registers, 1))?;
            let mut out = Vec::with_capacity(4);
            match op {
                145 => utf8::encode(character, &mut out),
                147 => wide::encode_utf16(character, endian(word_of(0)), &mut out),
                _ => wide::encode_utf32(character, endian(word_of(0)), &mut out),
            };
            put_bytes(registers, &out)?;
        }
        other => unreachable!("operation {other} builds no bit string"),
    }
    Ok(())
}
