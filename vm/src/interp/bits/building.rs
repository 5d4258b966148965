//! Building bit strings: `bs_create_bin`.
//!
//! First every segment's size is computed and its value checked, then the bytes are written in one go. A
//! first segment of type `append` tries to grow the binary in place (see [`crate::binary`]).

use smallvec::SmallVec;

use super::{SizeFault, build_size, is_little, operand, term};
use crate::arithmetic::{self, Integer};
use crate::atom::{Atom, well_known};
use crate::binary::{BinaryData, HEAP_LIMIT};
use crate::code::instr::Table;
use crate::heap::Heap;
use crate::interp::Registers;
use crate::interp::exceptions::Raised;
use crate::numeric::big::{self, Endian};
use crate::process::Process;
use crate::term::word::{self, BoxedKind, Word};
use crate::term::{Bits, Kind, Term};

/// A segment's kind, by its number in the table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Append,
    Binary,
    Float,
    Integer,
    PrivateAppend,
    String,
    Utf8,
    Utf16,
    Utf32,
}

impl Type {
    fn of(number: Word) -> Type {
        use Type::*;
        [
            Append,
            Binary,
            Float,
            Integer,
            PrivateAppend,
            String,
            Utf8,
            Utf16,
            Utf32,
        ][number as usize]
    }

    fn atom(self) -> Atom {
        match self {
            Type::Append | Type::PrivateAppend | Type::Binary => well_known::BINARY,
            Type::Float => well_known::FLOAT,
            Type::Integer => well_known::INTEGER,
            Type::String => Atom::from_static("string"),
            Type::Utf8 => well_known::UTF8,
            Type::Utf16 => well_known::UTF16,
            Type::Utf32 => well_known::UTF32,
        }
    }
}

/// A segment that was checked: what to write and how many bits.
struct Segment<'h> {
    value: Value<'h>,
    bits: usize,
}

enum Value<'h> {
    Integer(Term<'h>, Endian),
    Float(f64, bool),
    Bits(Bits<'h>),
    Bytes(&'h [u8]),
    /// The first `len` bytes.
    Utf {
        bytes: [u8; 4],
        len: u8,
    },
}

impl Value<'_> {
    fn utf8(character: char) -> Self {
        let mut bytes = [0; 4];
        let len = character.encode_utf8(&mut bytes).len() as u8;
        Value::Utf { bytes, len }
    }

    fn utf16(character: char, endian: Endian) -> Self {
        let (mut units, mut bytes) = ([0; 2], [0; 4]);
        let units = character.encode_utf16(&mut units);
        for (bytes, unit) in bytes.chunks_mut(2).zip(&*units) {
            bytes.copy_from_slice(&match endian {
                Endian::Big => unit.to_be_bytes(),
                Endian::Little => unit.to_le_bytes(),
            });
        }
        let len = units.len() as u8 * 2;
        Value::Utf { bytes, len }
    }

    fn utf32(character: char, endian: Endian) -> Self {
        let value = u32::from(character);
        let bytes = match endian {
            Endian::Big => value.to_be_bytes(),
            Endian::Little => value.to_le_bytes(),
        };
        Value::Utf { bytes, len: 4 }
    }
}

/// Bytes that are written for a reduction.
const BYTES_PER_REDUCTION: usize = 1024;

/// Builds the bit string of a table of segments.
pub(crate) fn create(
    process: &Process,
    registers: &Registers,
    table: Table,
) -> Result<Word, Raised> {
    // SAFETY: the loader made it with the words that `instr` describes.
    let word_of = |index: usize| unsafe { table.word(index) };
    let heap = Heap::new(&process.heap);
    let count = word_of(3) as usize;
    if let Some(built) = create_short(process, registers, table, count) {
        return Ok(built);
    }
    let mut segments: SmallVec<[Segment<'_>; 8]> = SmallVec::new();
    let mut total = 0usize;
    let mut appends = false;
    // The stock VM finds all sizes before it writes, and only then sees what cannot be written.
    let mut late = None;
    for index in 0..count {
        let row = 4 + 6 * index;
        let (kind, number) = (Type::of(word_of(row)), word_of(row + 1));
        let (unit, flags) = (word_of(row + 2), word_of(row + 3));
        let segment = if kind == Type::String {
            // SAFETY: the loader gave the address and length of bytes of the module's string table.
            let bytes = unsafe {
                std::slice::from_raw_parts(word_of(row + 4) as *const u8, word_of(row + 5) as usize)
            };
            Segment {
                value: Value::Bytes(bytes),
                bits: bytes.len() * 8,
            }
        } else {
            let source = term(operand(process, registers, word_of(row + 4)));
            let size = operand(process, registers, word_of(row + 5));
            match check(kind, source, size, unit, flags) {
                Ok(segment) => segment,
                Err(fault) if fault.shows_early(kind, size) => {
                    return Err(fault.raise(heap, number, kind));
                }
                Err(fault) => {
                    late.get_or_insert_with(|| fault.raise(heap, number, kind));
                    continue;
                }
            }
        };
        appends |= index == 0 && matches!(kind, Type::Append | Type::PrivateAppend);
        total = total.saturating_add(segment.bits);
        segments.push(segment);
    }
    if total >= 1 << 46 {
        return Err(Raised::error(well_known::SYSTEM_LIMIT));
    }
    if let Some(fault) = late {
        return Err(fault);
    }
    process.charge(total / 8 / BYTES_PER_REDUCTION);
    Ok(if appends {
        append(heap, &segments, total)
    } else {
        build(heap, &segments, total)
    })
}

/// Builds what is most built: at most 64 bits of small integers and characters, alone or appended to a bit
/// string. None for everything else, and for what is not in order.
#[inline]
fn create_short(
    process: &Process,
    registers: &Registers,
    table: Table,
    count: usize,
) -> Option<Word> {
    // SAFETY: the loader made it with the words that `instr` describes.
    let word_of = |index: usize| unsafe { table.word(index) };
    let mut base = None;
    // The fields, the last in the lowest bits.
    let (mut fields, mut total) = (0u64, 0);
    for index in 0..count {
        let row = 4 + 6 * index;
        let kind = Type::of(word_of(row));
        if kind == Type::String {
            return None;
        }
        let source = operand(process, registers, word_of(row + 4));
        let (value, bits) = match kind {
            Type::Integer if word::is_small(source) => {
                let size = operand(process, registers, word_of(row + 5));
                let bits = super::fast::size(size, word_of(row + 2))?;
                let value = word::small_value(source) as u64;
                match bits {
                    0 | 65.. => return None,
                    _ if !is_little(word_of(row + 3)) => (value & (u64::MAX >> (64 - bits)), bits),
                    _ if bits % 8 == 0 => (value.swap_bytes() >> (64 - bits), bits),
                    _ => return None,
                }
            }
            Type::Utf8 if word::is_small(source) => {
                let character = u32::try_from(word::small_value(source)).ok()?;
                let mut bytes = [0; 4];
                let len = char::from_u32(character)?.encode_utf8(&mut bytes).len();
                (
                    u64::from(u32::from_be_bytes(bytes) >> (32 - 8 * len)),
                    8 * len,
                )
            }
            Type::Append | Type::PrivateAppend if index == 0 => {
                let all = operand(process, registers, word_of(row + 5));
                let bits = term(source).as_bits()?;
                let unit = word_of(row + 2);
                if all != Term::atom(well_known::ALL).word()
                    || (unit > 1 && !(bits.bit_len() as u64).is_multiple_of(unit))
                {
                    return None;
                }
                base = Some(bits);
                continue;
            }
            _ => return None,
        };
        if total + bits > 64 {
            return None;
        }
        // A shift by 64 bits happens only before anything is there.
        fields = fields.checked_shl(bits as u32).unwrap_or(0) | value;
        total += bits;
    }
    if total == 0 {
        return None;
    }
    let heap = Heap::new(&process.heap);
    match base {
        Some(base) => grow(heap, base, total, |room, first| {
            big::write_bits(room, first, total, fields);
        }),
        None => {
            let bytes = (fields << (64 - total)).to_be_bytes();
            Some(heap.bitstring(&bytes[..total.div_ceil(8)], total).word())
        }
    }
}

/// Appends `more` bits in place if nothing was appended yet and there is room; `write` gets the new bytes and
/// the bit to begin with.
#[inline]
fn grow<'h>(
    heap: Heap<'h>,
    base: Bits<'h>,
    more: usize,
    write: impl FnOnce(&mut [u8], usize),
) -> Option<Word> {
    let holder = base.holder_term();
    if holder.boxed() != Some(BoxedKind::RefBin) {
        return None;
    }
    let end = base.start() + base.bit_len();
    let data = holder.payload()[1] as *const BinaryData;
    let first = end % 8;
    // Another thread can only come by the data through a count of its own, which this process must give.
    // SAFETY: the third word of a `RefBin` is its counted data.
    let alone = first != 0 && unsafe { BinaryData::is_alone(data) };
    // SAFETY: as above.
    let data = unsafe { &*data };
    data.claim(end, more, alone, |room| write(room, first))
        .then(|| {
            heap.sub_bits(holder, base.start(), base.bit_len() + more)
                .word()
        })
}

/// Why a segment cannot be written: the word that the error's `cause` gives for it, and the culprit.
pub(super) struct Fault<'h> {
    reason: Atom,
    why: &'static str,
    value: Term<'h>,
}

impl<'h> Fault<'h> {
    fn new(why: &'static str, value: Term<'h>) -> Fault<'h> {
        Fault {
            reason: well_known::BADARG,
            why,
            value,
        }
    }

    fn size(fault: SizeFault, size: Term<'h>) -> Fault<'h> {
        match fault {
            SizeFault::Bad => Fault::new("size", size),
            SizeFault::TooLarge => Fault {
                reason: well_known::SYSTEM_LIMIT,
                why: "size",
                value: size,
            },
        }
    }

    /// Whether it shows when the sizes of all segments are found; other faults show when the segments are written. As
    /// in OTP 25, where UTF-32 is judged with the sizes and other characters are not.
    fn shows_early(&self, kind: Type, size: Word) -> bool {
        match kind {
            Type::Utf32 => true,
            Type::Binary if size == Term::atom(well_known::ALL).word() => self.why == "type",
            _ => self.why == "size",
        }
    }

    /// `error_info` as `erl_erts_errors:format_bs_fail/2` reads it.
    fn raise(self, heap: Heap<'h>, number: Word, kind: Type) -> Raised {
        let why = Atom::from_static(self.why);
        let cause = heap.tuple(&[
            Term::size(number as usize),
            Term::atom(kind.atom()),
            Term::atom(why),
            self.value,
        ]);
        let keys = [well_known::CAUSE, well_known::FUNCTION, well_known::MODULE].map(Term::atom);
        let values = [
            cause,
            Term::atom(Atom::from_static("format_bs_fail")),
            Term::atom(Atom::from_static("erl_erts_errors")),
        ];
        Raised::error(self.reason).with_error_info(heap.flat_map(&keys, &values).word())
    }
}

fn check<'h>(
    kind: Type,
    source: Term<'h>,
    size: Word,
    unit: u64,
    flags: u64,
) -> Result<Segment<'h>, Fault<'h>> {
    let endian = if is_little(flags) {
        Endian::Little
    } else {
        Endian::Big
    };
    match kind {
        Type::Integer => {
            let bits = build_size(size, unit).map_err(|fault| Fault::size(fault, term(size)))?;
            if !source.is_integer() {
                return Err(Fault::new("type", source));
            }
            Ok(Segment {
                value: Value::Integer(source, endian),
                bits,
            })
        }
        Type::Float => {
            let bits = build_size(size, unit).map_err(|fault| Fault::size(fault, term(size)))?;
            if !matches!(bits, 16 | 32 | 64) {
                return Err(Fault::new("invalid", Term::size(bits)));
            }
            let value = match source.kind() {
                Kind::Float(value) => value,
                Kind::Small(_) | Kind::Big(_) => {
                    arithmetic::to_float(source).ok_or_else(|| Fault::new("no_float", source))?
                }
                _ => return Err(Fault::new("type", source)),
            };
            Ok(Segment {
                value: Value::Float(value, endian == Endian::Little),
                bits,
            })
        }
        Type::Binary | Type::Append | Type::PrivateAppend => {
            let whole = size == Term::atom(well_known::ALL).word();
            let bits = if whole {
                0
            } else {
                build_size(size, unit).map_err(|fault| Fault::size(fault, term(size)))?
            };
            let Some(source_bits) = source.as_bits() else {
                return Err(Fault::new("type", source));
            };
            if whole {
                if unit > 1 && !(source_bits.bit_len() as u64).is_multiple_of(unit) {
                    return Err(Fault::new("unit", source));
                }
                return Ok(Segment {
                    bits: source_bits.bit_len(),
                    value: Value::Bits(source_bits),
                });
            }
            if bits > source_bits.bit_len() {
                return Err(Fault::new("short", source));
            }
            Ok(Segment {
                value: Value::Bits(source_bits),
                bits,
            })
        }
        Type::Utf8 | Type::Utf16 | Type::Utf32 => {
            let character = source
                .as_small()
                .and_then(|value| char::from_u32(u32::try_from(value).ok()?))
                .ok_or_else(|| Fault::new("type", source))?;
            let value = match kind {
                Type::Utf8 => Value::utf8(character),
                Type::Utf16 => Value::utf16(character, endian),
                _ => Value::utf32(character, endian),
            };
            let Value::Utf { len, .. } = value else {
                unreachable!("characters become bytes")
            };
            Ok(Segment {
                bits: usize::from(len) * 8,
                value,
            })
        }
        Type::String => unreachable!("strings are taken before"),
    }
}

fn write(segments: &[Segment<'_>], target: &mut [u8], mut at: usize) {
    for segment in segments {
        match &segment.value {
            Value::Integer(value, endian) => put_integer(*value, target, at, segment.bits, *endian),
            Value::Float(value, little) => put_float(*value, target, at, segment.bits, *little),
            Value::Bits(bits) => put_bits(*bits, target, at, segment.bits),
            Value::Bytes(bytes) => put_bytes(bytes, target, at),
            Value::Utf { bytes, len } => put_bytes(&bytes[..usize::from(*len)], target, at),
        }
        at += segment.bits;
    }
}

/// Writes the low bits of an integer.
pub(super) fn put_integer(
    value: Term<'_>,
    target: &mut [u8],
    at: usize,
    bits: usize,
    endian: Endian,
) {
    if bits == 0 {
        return;
    }
    if let (Some(value), true) = (value.as_small(), bits <= 64) {
        match endian {
            Endian::Big => return big::write_bits(target, at, bits, value as u64),
            Endian::Little if bits.is_multiple_of(8) => {
                let value = (value as u64).swap_bytes() >> (64 - bits);
                return big::write_bits(target, at, bits, value);
            }
            // The odd bits come last: field by field.
            Endian::Little => {}
        }
    }
    let integer = Integer::of(value).expect("checked to be an integer");
    big::to_bits(integer.view(), target, at, bits, endian);
}

/// Writes a float of 16, 32 or 64 bits.
pub(super) fn put_float(value: f64, target: &mut [u8], at: usize, bits: usize, little: bool) {
    let raw = match bits {
        16 => u64::from(super::float16::encode(value)),
        32 => u64::from((value as f32).to_bits()),
        _ => value.to_bits(),
    };
    let raw = if little {
        raw.swap_bytes() >> (64 - bits)
    } else {
        raw
    };
    big::write_bits(target, at, bits, raw);
}

/// Writes the first bits of a bit string.
pub(super) fn put_bits(source: Bits<'_>, target: &mut [u8], at: usize, bits: usize) {
    let (from, bytes) = (source.start(), source.holder());
    let mut done = 0;
    if at.is_multiple_of(8) && from % 8 == 0 {
        let whole = bits / 8;
        target[at / 8..at / 8 + whole].copy_from_slice(&bytes[from / 8..from / 8 + whole]);
        done = whole * 8;
    }
    while done < bits {
        let step = (bits - done).min(56);
        big::write_bits(
            target,
            at + done,
            step,
            big::read_bits(bytes, from + done, step),
        );
        done += step;
    }
}

fn put_bytes(bytes: &[u8], target: &mut [u8], at: usize) {
    if at.is_multiple_of(8) {
        target[at / 8..at / 8 + bytes.len()].copy_from_slice(bytes);
    } else {
        for (index, &byte) in bytes.iter().enumerate() {
            big::write_bits(target, at + 8 * index, 8, u64::from(byte));
        }
    }
}

fn build(heap: Heap<'_>, segments: &[Segment<'_>], total: usize) -> Word {
    let bytes = total.div_ceil(8);
    if bytes <= HEAP_LIMIT {
        let mut buffer = [0; HEAP_LIMIT];
        write(segments, &mut buffer[..bytes], 0);
        return heap.bitstring(&buffer[..bytes], total).word();
    }
    let holder = heap.ref_bin(BinaryData::build(bytes, bytes, |room| {
        write(segments, room, 0)
    }));
    if total.is_multiple_of(8) {
        holder.word()
    } else {
        heap.sub_bits(holder, 0, total).word()
    }
}

/// The first segment is a bit string to which the others are appended.
fn append<'h>(heap: Heap<'h>, segments: &[Segment<'h>], total: usize) -> Word {
    let Value::Bits(base) = segments[0].value else {
        unreachable!("an append segment is a bit string")
    };
    let (base_bits, rest) = (segments[0].bits, &segments[1..]);
    if total == base_bits && base_bits == base.bit_len() {
        return base.term().word();
    }
    if base_bits == base.bit_len() {
        let grown = grow(heap, base, total - base_bits, |room, first| {
            write(rest, room, first)
        });
        if let Some(grown) = grown {
            return grown;
        }
    }
    // A new binary with room to grow: appending n times copies O(n) bytes in all.
    let bytes = total.div_ceil(8);
    let mut data = BinaryData::build(bytes, (bytes * 2).max(256), |room| write(segments, room, 0));
    BinaryData::end_at(&mut data, total);
    let holder = heap.ref_bin(data);
    let holder = holder.as_bits().map_or(holder, |bits| bits.holder_term());
    heap.sub_bits(holder, 0, total).word()
}

/// The most room that is made before anything is written.
const MOST_EXPECTED: usize = 1 << 32;

/// An empty binary with room for just `expected` bytes: the compiler knows how long a comprehension becomes.
pub(crate) fn writable(process: &Process, expected: usize) -> Word {
    let heap = Heap::new(&process.heap);
    heap.ref_bin(BinaryData::build(0, expected.min(MOST_EXPECTED), |_| {}))
        .word()
}
