//! BIFs of module `erlang` on binaries and bit strings: to lists, from I/O lists, parts and sizes.

#![forbid(unsafe_code)]

use bytes::Bytes;

use crate::bif::iolist::{NoIolist, Piece, SMALL_BINARY, Walk};
use crate::bif::progress::{give_way, original, resumed};
use crate::bif::{BifResult, Call, Stop, badarg, system_limit};
use crate::heap::Heap;
use crate::term::{Bits, Term};

crate::bifs! {
    "erlang" {
        "binary_to_list"/1 Heavy binary_to_list_1;
        "binary_to_list"/3 Heavy binary_to_list_3;
        "bitstring_to_list"/1 Heavy bitstring_to_list_1;
        "list_to_binary"/1 Heavy list_to_binary_1;
        "iolist_to_binary"/1 Heavy iolist_to_binary_1;
        "list_to_bitstring"/1 Heavy list_to_bitstring_1;
        "iolist_size"/1 Heavy iolist_size_1;
        "iolist_to_iovec"/1 Heavy iolist_to_iovec_1;
        "binary_part"/2 Guard binary_part_2;
        "binary_part"/3 Guard binary_part_3;
        "split_binary"/2 Plain split_binary_2;
        "byte_size"/1 Guard byte_size_1;
        "bit_size"/1 Guard bit_size_1;
    }
    "binary" {
        "list_to_bin"/1 Heavy list_to_binary_1;
    }
}

/// Bytes turned into list cells for one reduction (OTP: `ERTS_B2L_BYTES_PER_REDUCTION`).
const CELLS_PER_REDUCTION: usize = 256;
/// Work is counted in bytes copied; this many are one reduction.
const BYTES_PER_REDUCTION: usize = 512;
/// What visiting an element counts as.
const ELEMENT_COST: usize = 16;
/// Work after which a long walk looks whether the slice is used up.
const STRIDE: usize = 128 * BYTES_PER_REDUCTION;
/// The most that is copied of one binary between two looks.
const LARGEST_COPY: usize = 1 << 20;

fn bits<'p>(term: Term<'p>) -> Result<Bits<'p>, Stop<'p>> {
    term.as_bits().ok_or_else(badarg)
}

// To lists -------------------------------------------------------------------------------------------

/// How many bytes are still to be put before the list.
struct ToList(usize);

/// The list of `count` bytes from byte `from` on, ending with `tail`. It grows from its end.
fn bytes_to_list<'p>(
    call: Call<'p>,
    source: Bits<'p>,
    from: usize,
    count: usize,
    tail: Term<'p>,
) -> BifResult<'p> {
    let (mut left, mut list, source, from) = match resumed::<ToList>(call) {
        None => (count, tail, source, from),
        Some((ToList(left), &[list, part])) => (left, list, bits(part)?, 0),
        Some(_) => return Err(badarg()),
    };
    let per_look = 64 * CELLS_PER_REDUCTION;
    while left > 0 {
        let now = left.min(per_look);
        left -= now;
        let start = source.start() + (from + left) * 8;
        if start % 8 == 0 {
            let bytes = &source.holder()[start / 8..][..now];
            list = call.heap.byte_list(bytes, list);
        } else {
            let shift = start % 8;
            let bytes = &source.holder()[start / 8..=start / 8 + now];
            let shifted = |index: usize| bytes[index] << shift | bytes[index + 1] >> (8 - shift);
            for index in (0..now).rev() {
                list = call.heap.cons(Term::int(i32::from(shifted(index))), list);
            }
        }
        if call.charge(now.div_ceil(CELLS_PER_REDUCTION)) && left > 0 {
            let part = call.heap.part(source, from * 8, left * 8);
            return Err(give_way(call, ToList(left), &[list, part]));
        }
    }
    Ok(list)
}

/// The binary that a first call was given; in a later call it does not matter.
fn subject<'p>(call: Call<'p>) -> Result<Bits<'p>, Stop<'p>> {
    bits(original(call))
}

fn binary_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let source = subject(call)?;
    let count = source.byte_len().ok_or_else(badarg)?;
    bytes_to_list(call, source, 0, count, Term::NIL)
}

fn binary_to_list_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let source = subject(call)?;
    let size = source.bit_len() / 8;
    let start = call.arg(1).as_usize().ok_or_else(badarg)?;
    let stop = call.arg(2).as_usize().ok_or_else(badarg)?;
    if start < 1 || start > stop || stop > size {
        return Err(badarg());
    }
    bytes_to_list(call, source, start - 1, stop - start + 1, Term::NIL)
}

fn bitstring_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let source = subject(call)?;
    let whole = source.bit_len() / 8;
    let tail = match source.bit_len() % 8 {
        0 => Term::NIL,
        more => call.heap.list(&[call.heap.part(source, whole * 8, more)]),
    };
    bytes_to_list(call, source, 0, whole, tail)
}

// From lists -----------------------------------------------------------------------------------------

/// Bits that are joined.
#[derive(Default)]
struct Joined {
    bytes: Vec<u8>,
    /// How many bits of the last byte are in use, 0 for all.
    partial: usize,
}

impl Joined {
    fn push_byte(&mut self, byte: u8) {
        match self.bytes.last_mut() {
            Some(last) if self.partial > 0 => {
                *last |= byte >> self.partial;
                self.bytes.push(byte << (8 - self.partial));
            }
            _ => self.bytes.push(byte),
        }
    }

    fn push_bits(&mut self, bits: Bits<'_>) {
        if bits.bit_len() == 0 {
            return;
        }
        let source = bits.aligned();
        if self.partial == 0 {
            self.bytes.extend_from_slice(&source);
            self.partial = bits.bit_len() % 8;
            return;
        }
        source.iter().for_each(|&byte| self.push_byte(byte));
        let len = self.bytes.len() * 8 - 8 + self.partial;
        let unused = (8 - bits.bit_len() % 8) % 8;
        // The last byte pushed counted as whole; its unused bits are taken back.
        let len = len - unused;
        self.bytes.truncate(len.div_ceil(8));
        self.partial = len % 8;
    }

    fn term<'h>(self, heap: Heap<'h>) -> Term<'h> {
        if self.partial == 0 {
            return heap.binary_from(Bytes::from(self.bytes));
        }
        let bits = self.bytes.len() * 8 - 8 + self.partial;
        heap.bitstring(&self.bytes, bits)
    }
}

/// Joins all of an I/O list; bit strings that are no binaries only where `any_bits`.
fn join<'p>(call: Call<'p>, any_bits: bool) -> BifResult<'p> {
    let (mut joined, mut walk) = match resumed::<Joined>(call) {
        None => (Joined::default(), Walk::new(call.arg(0))),
        Some((joined, &[rest])) => (joined, Walk::new(rest)),
        Some(_) => return Err(badarg()),
    };
    let mut work = 0;
    while let Some(piece) = walk.piece().map_err(|NoIolist| badarg())? {
        match piece {
            Piece::Byte(byte) => {
                joined.push_byte(byte);
                work += ELEMENT_COST;
            }
            Piece::Bits(bits) if any_bits || bits.is_binary() => {
                let len = bits.bit_len() / 8;
                if len > LARGEST_COPY {
                    let part = call.heap.part(bits, 0, LARGEST_COPY * 8);
                    joined.push_bits(part.as_bits().expect("a part of a bit string"));
                    let left = bits.bit_len() - LARGEST_COPY * 8;
                    walk.put_back(call.heap, call.heap.part(bits, LARGEST_COPY * 8, left));
                } else {
                    joined.push_bits(bits);
                }
                work += ELEMENT_COST + len.min(LARGEST_COPY);
            }
            Piece::Bits(_) => return Err(badarg()),
        }
        if work >= STRIDE {
            if call.charge(work / BYTES_PER_REDUCTION) {
                let rest = walk.rest(call.heap);
                return Err(give_way(call, joined, &[rest]));
            }
            work = 0;
        }
    }
    call.charge(work / BYTES_PER_REDUCTION);
    Ok(joined.term(call.heap))
}

fn list_to_binary_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if call.arg(0).as_bits().is_some() {
        return Err(badarg());
    }
    join(call, false)
}

fn iolist_to_binary_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).as_bits() {
        Some(bits) if bits.is_binary() => Ok(call.arg(0)),
        Some(_) => Err(badarg()),
        None => join(call, false),
    }
}

fn list_to_bitstring_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if call.arg(0).as_bits().is_some() {
        return Err(badarg());
    }
    join(call, true)
}

/// Bytes counted so far.
struct Size(u64);

fn iolist_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let (mut size, mut walk) = match resumed::<Size>(call) {
        None => (0, Walk::new(call.arg(0))),
        Some((Size(size), &[rest])) => (size, Walk::new(rest)),
        Some(_) => return Err(badarg()),
    };
    let mut steps = 0;
    loop {
        match walk.piece() {
            Ok(None) => break,
            Ok(Some(Piece::Byte(_))) => size += 1,
            Ok(Some(Piece::Bits(bits))) if bits.is_binary() => {
                let bytes = bits.bit_len() as u64 / 8;
                size = size.checked_add(bytes).ok_or_else(system_limit)?;
            }
            _ => return Err(badarg()),
        }
        steps += ELEMENT_COST;
        if steps >= STRIDE {
            if call.charge(steps / BYTES_PER_REDUCTION) {
                let rest = walk.rest(call.heap);
                return Err(give_way(call, Size(size), &[rest]));
            }
            steps = 0;
        }
    }
    call.charge(steps / BYTES_PER_REDUCTION);
    Ok(call.heap.unsigned(size))
}

/// Small pieces that wait to be a binary of their own.
#[derive(Default)]
struct Gathered(Vec<u8>);

/// The most small pieces that are joined into one binary.
const GATHERED_LIMIT: usize = 32 * SMALL_BINARY;

impl Gathered {
    fn flush<'h>(&mut self, heap: Heap<'h>, vector: &mut Vec<Term<'h>>) {
        if !self.0.is_empty() {
            vector.push(heap.binary_from(Bytes::from(std::mem::take(&mut self.0))));
        }
    }

    fn make_room<'h>(&mut self, more: usize, heap: Heap<'h>, vector: &mut Vec<Term<'h>>) {
        if self.0.len() + more > GATHERED_LIMIT {
            self.flush(heap, vector);
        }
    }

    /// Takes a binary: small ones are copied, large ones stay as they are, so that none in the vector is small
    /// but the last.
    fn push<'h>(&mut self, bits: Bits<'h>, heap: Heap<'h>, vector: &mut Vec<Term<'h>>) {
        let len = bits.bit_len() / 8;
        let (small, gathered) = (len < SMALL_BINARY, self.0.len());
        if len == 0 {
        } else if !small && (gathered == 0 || gathered >= SMALL_BINARY) {
            self.flush(heap, vector);
            vector.push(bits.term());
        } else if small || gathered + len < 2 * SMALL_BINARY {
            self.make_room(len, heap, vector);
            self.0.extend_from_slice(&bits.aligned());
        } else {
            let missing = SMALL_BINARY - gathered;
            let first = heap.part(bits, 0, missing * 8);
            let first = first.as_bits().expect("a part of a bit string");
            self.0.extend_from_slice(&first.aligned());
            self.flush(heap, vector);
            vector.push(heap.part(bits, missing * 8, (len - missing) * 8));
        }
    }
}

/// `iolist_to_iovec/1`: the bytes as a list of binaries, made for `writev`.
fn iolist_to_iovec_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(bits) = call.arg(0).as_bits() {
        return match bits.byte_len() {
            None => Err(badarg()),
            Some(0) => Ok(Term::NIL),
            Some(_) => Ok(call.heap.list(&[call.arg(0)])),
        };
    }
    let (mut gathered, mut walk, done) = match resumed::<Gathered>(call) {
        None => (Gathered::default(), Walk::new(call.arg(0)), Term::NIL),
        Some((gathered, &[rest, done])) => (gathered, Walk::new(rest), done),
        Some(_) => return Err(badarg()),
    };
    let heap = call.heap;
    let mut vector = Vec::new();
    let mut work = 0;
    loop {
        match walk.piece() {
            Ok(None) => break,
            Ok(Some(Piece::Byte(byte))) => {
                gathered.make_room(1, heap, &mut vector);
                gathered.0.push(byte);
            }
            Ok(Some(Piece::Bits(bits))) if bits.is_binary() => {
                gathered.push(bits, heap, &mut vector);
                work += (bits.bit_len() / 8).min(SMALL_BINARY);
            }
            _ => return Err(badarg()),
        }
        work += ELEMENT_COST;
        if work >= STRIDE {
            if call.charge(work / BYTES_PER_REDUCTION) {
                let rest = walk.rest(heap);
                let done = vector
                    .iter()
                    .fold(done, |done, &binary| heap.cons(binary, done));
                return Err(give_way(call, gathered, &[rest, done]));
            }
            work = 0;
        }
    }
    call.charge(work / BYTES_PER_REDUCTION);
    gathered.flush(heap, &mut vector);
    // What was done before is in reverse order.
    Ok(done
        .list()
        .fold(heap.list(&vector), |list, binary| heap.cons(binary, list)))
}

// Parts and sizes ------------------------------------------------------------------------------------

/// A part of the whole bytes of a bit string; a length below zero counts from the position backwards.
pub(crate) fn part<'p>(
    heap: Heap<'p>,
    subject: Term<'p>,
    position: Term<'p>,
    length: Term<'p>,
) -> BifResult<'p> {
    let bits = bits(subject)?;
    let (from, len) = part_range(bits.bit_len() / 8, position, length).ok_or_else(badarg)?;
    Ok(heap.part(bits, from * 8, len * 8))
}

/// Start and length of a part of `size` bytes, if it lies within.
pub(crate) fn part_range(
    size: usize,
    position: Term<'_>,
    length: Term<'_>,
) -> Option<(usize, usize)> {
    let position = position.as_usize().filter(|&position| position <= size)?;
    let length = length.as_small()?;
    let len = usize::try_from(length.unsigned_abs()).ok()?;
    let from = if length < 0 {
        position.checked_sub(len)?
    } else {
        position
    };
    (len <= size - from).then_some((from, len))
}

fn binary_part_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let [position, length] = call.arg(1).as_tuple_of().ok_or_else(badarg)?;
    part(call.heap, call.arg(0), position, length)
}

fn binary_part_3<'p>(call: Call<'p>) -> BifResult<'p> {
    part(call.heap, call.arg(0), call.arg(1), call.arg(2))
}

fn split_binary_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let bits = bits(call.arg(0))?;
    let at = call
        .arg(1)
        .as_usize()
        .filter(|&at| at <= bits.bit_len() / 8)
        .ok_or_else(badarg)?
        * 8;
    let first = call.heap.part(bits, 0, at);
    let second = call.heap.part(bits, at, bits.bit_len() - at);
    Ok(call.heap.tuple(&[first, second]))
}

fn byte_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::size(bits(call.arg(0))?.bit_len().div_ceil(8)))
}

fn bit_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::size(bits(call.arg(0))?.bit_len()))
}

#[cfg(test)]
#[path = "binary_tests.rs"]
mod tests;
