//! The parts of the external format that contain no other terms: atoms, numbers, identifiers, bit strings.

use super::decode::{DecodeError, Options};
use super::reader::Reader;
use super::tags;
use crate::atom::Atom;
use crate::heap::Heap;
use crate::node_name;
use crate::numeric::big::MAX_LIMBS;
use crate::numeric::float;
use crate::process::table;
use crate::term::{Pid, PortId, Term};

/// The most bytes of an atom's name in UTF-8 (OTP: `MAX_ATOM_SZ_LIMIT`).
const ATOM_BYTES: usize = 4 * crate::atom::MAX_CHARACTERS;
/// The most words of a reference of any node (OTP: `ERTS_MAX_REF_NUMBERS`).
const REFERENCE_WORDS: usize = 5;
/// The first word of a reference of this node is below this (OTP: `MAX_REFERENCE`).
const MAX_REFERENCE: u32 = 1 << 18;
/// Bits of a local pid's number; its serial is above (OTP: `_PID_NUM_SIZE`).
pub(super) const PID_NUMBER_BITS: u32 = 15;
/// The largest number of a pid or port that fits an immediate.
const LARGEST_NUMBER: u64 = (1 << 58) - 1;

/// An atom of any tag.
pub(super) fn atom(
    reader: &mut Reader<'_>,
    options: &Options<'_, '_>,
) -> Result<Atom, DecodeError> {
    let tag = reader.u8()?;
    atom_of_tag(tag, reader, options)?.ok_or_else(|| reader.malformed())
}

/// The atom that a tag just read begins; none if it begins something else.
#[inline]
pub(super) fn atom_of_tag(
    tag: u8,
    reader: &mut Reader<'_>,
    options: &Options<'_, '_>,
) -> Result<Option<Atom>, DecodeError> {
    let (len, utf8) = match tag {
        tags::ATOM => (reader.u16()?, false),
        tags::SMALL_ATOM => (reader.u8()?.into(), false),
        tags::ATOM_UTF8 => (reader.u16()?, true),
        tags::SMALL_ATOM_UTF8 => (reader.u8()?.into(), true),
        tags::ATOM_CACHE_REF => {
            let index = usize::from(reader.u8()?);
            let atom = options.atoms.and_then(|atoms| atoms.get(index));
            return atom.copied().map(Some).ok_or_else(|| reader.malformed());
        }
        _ => return Ok(None),
    };
    if len > ATOM_BYTES {
        return Err(reader.malformed());
    }
    let name = reader.take(len)?;
    let latin1;
    let name = match std::str::from_utf8(name) {
        Ok(name) if utf8 || name.is_ascii() => name,
        _ if utf8 => return Err(reader.malformed()),
        _ => {
            latin1 = name.iter().map(|&byte| byte as char).collect::<String>();
            &latin1
        }
    };
    let atom = if options.safe {
        Atom::existing(name)
    } else {
        Atom::new(name).ok()
    };
    atom.map(Some).ok_or_else(|| reader.malformed())
}

/// A node's creation: of one byte (and then at most 3, as old nodes have them) or of four.
fn creation(reader: &mut Reader<'_>, old: bool) -> Result<u32, DecodeError> {
    if !old {
        return reader.u32();
    }
    match reader.u8()? {
        creation @ 0..=3 => Ok(creation.into()),
        _ => Err(reader.malformed()),
    }
}

pub(super) fn pid<'h>(
    heap: Heap<'h>,
    reader: &mut Reader<'_>,
    options: &Options<'_, '_>,
    old: bool,
) -> Result<Term<'h>, DecodeError> {
    let name = atom(reader, options)?;
    let (number, serial) = (u64::from(reader.u32()?), u64::from(reader.u32()?));
    let creation = creation(reader, old)?;
    if (name, creation) != node_name::this() {
        let node = node_name::intern(name, creation);
        return Ok(heap.external_pid(node, number | serial << 32));
    }
    if number >> PID_NUMBER_BITS != 0 || serial >> table::SERIAL_BITS != 0 {
        return Err(reader.malformed());
    }
    Ok(Term::pid(Pid(number | serial << PID_NUMBER_BITS)))
}

pub(super) fn port<'h>(
    heap: Heap<'h>,
    reader: &mut Reader<'_>,
    options: &Options<'_, '_>,
    tag: u8,
) -> Result<Term<'h>, DecodeError> {
    let name = atom(reader, options)?;
    let number = if tag == tags::V4_PORT {
        reader.u64()?
    } else {
        reader.u32()?.into()
    };
    let creation = creation(reader, tag == tags::PORT)?;
    if (name, creation) != node_name::this() {
        return Ok(heap.external_port(node_name::intern(name, creation), number));
    }
    if number > LARGEST_NUMBER {
        return Err(reader.malformed());
    }
    Ok(Term::port(PortId(number)))
}

pub(super) fn reference<'h>(
    heap: Heap<'h>,
    reader: &mut Reader<'_>,
    options: &Options<'_, '_>,
    tag: u8,
) -> Result<Term<'h>, DecodeError> {
    let count = if tag == tags::REFERENCE {
        1
    } else {
        reader.u16()?
    };
    let name = atom(reader, options)?;
    // The oldest form has its word before the creation.
    let first = match tag {
        tags::REFERENCE => Some(reader.u32()?),
        _ => None,
    };
    let creation = creation(reader, tag != tags::NEWER_REFERENCE)?;
    let first = match first {
        Some(first) => first,
        None => reader.u32()?,
    };
    let local = (name, creation) == node_name::this();
    if !(1..=REFERENCE_WORDS).contains(&count)
        || (local || tag != tags::NEWER_REFERENCE) && first >= MAX_REFERENCE
        || local && count > 3
    {
        return Err(reader.malformed());
    }
    let mut words = [first, 0, 0, 0, 0];
    for word in words.iter_mut().take(count).skip(1) {
        *word = reader.u32()?;
    }
    if !local {
        let node = node_name::intern(name, creation);
        return Ok(heap.external_ref(node, &words[..count]));
    }
    let number = [
        u64::from(words[2]) << 32 | u64::from(words[1]),
        words[0].into(),
    ];
    Ok(heap.read_reference(number))
}

/// The sign and magnitude of an integer of `len` bytes.
pub(super) fn big<'h>(
    heap: Heap<'h>,
    reader: &mut Reader<'_>,
    len: usize,
) -> Result<Term<'h>, DecodeError> {
    if len > MAX_LIMBS * 8 {
        return Err(reader.malformed());
    }
    let negative = reader.u8()? != 0;
    let bytes = reader.take(len)?;
    let limbs: smallvec::SmallVec<[u64; 16]> = bytes
        .chunks(8)
        .map(|chunk| {
            let mut limb = [0; 8];
            limb[..chunk.len()].copy_from_slice(chunk);
            u64::from_le_bytes(limb)
        })
        .collect();
    Ok(heap.big(negative, &limbs))
}

/// The 31 characters of a float of old.
pub(super) fn old_float<'h>(
    heap: Heap<'h>,
    reader: &mut Reader<'_>,
) -> Result<Term<'h>, DecodeError> {
    let text = reader.take(31)?;
    float::parse(text)
        .map(|value| heap.float(value))
        .ok_or_else(|| reader.malformed())
}

pub(super) fn float<'h>(heap: Heap<'h>, reader: &mut Reader<'_>) -> Result<Term<'h>, DecodeError> {
    let value = f64::from_bits(reader.u64()?);
    if value.is_finite() {
        Ok(heap.float(value))
    } else {
        Err(reader.malformed())
    }
}

/// A bit string of the next `len` bytes, of the last of which only `last` bits count.
pub(super) fn bits<'h>(
    heap: Heap<'h>,
    reader: &mut Reader<'_>,
    options: &Options<'_, 'h>,
    len: usize,
    last: usize,
) -> Result<Term<'h>, DecodeError> {
    let start = reader.at();
    let bytes = reader.take(len)?;
    let bit_len = if len == 0 { 0 } else { len * 8 - (8 - last) };
    if let Some(holder) = options.holder.filter(|_| len > crate::binary::HEAP_LIMIT) {
        // A part keeps the whole alive: it must be worth it (OTP: more than a quarter).
        if len > holder.holder().len() / 4 {
            return Ok(heap.part(holder, start * 8, bit_len));
        }
    }
    Ok(heap.bitstring(bytes, bit_len))
}
