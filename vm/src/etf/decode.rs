//! Reading the external term format.
//!
//! [`Decoder`] reads a tag at a time. What is complete waits on a stack of values; what is begun, on a stack
//! of [`Frame`]s, until its last part came. Neither the native stack nor the input's claims about its own
//! sizes matter: memory is taken as parts really come. A decoder that has used its budget can be put away
//! ([`Decoder::suspend`]): its values then stand in tuples on the heap, where a collection may move them.

use super::parts;
use super::reader::Reader;
use super::spill::Spill;
use super::tags;
use crate::atom::{Atom, well_known};
use crate::code::export::Mfa;
use crate::code::{Export, FunEntry, fun::FunId};
use crate::heap::Heap;
use crate::map;
use crate::term::{Bits, Term};

/// The most arguments, and free variables, of a fun (OTP: `MAX_ARG`).
const MAX_ARGUMENTS: u32 = 255;
/// How many pairs are added to a large map at once.
const MAP_BATCH: usize = 2048;
/// Bytes that are copied for one unit of budget.
const BYTES_PER_UNIT: usize = 64;

/// The bytes are no term; `at` is where that was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeError {
    /// Offset in the (uncompressed) bytes.
    pub at: usize,
}

/// How to read.
#[derive(Clone, Copy, Default)]
pub struct Options<'a, 'h> {
    /// Makes no atoms, and no external funs of functions that do not exist (`binary_to_term/2`: `safe`).
    pub safe: bool,
    /// What cached atoms stand for (distribution).
    pub atoms: Option<&'a [Atom]>,
    /// The binary, beginning at a byte boundary, whose bytes are read: large binaries in it become parts
    /// of it instead of copies.
    pub holder: Option<Bits<'h>>,
}

/// Reads a term that begins with the version byte, compressed or not. Returns it and the number of bytes that
/// it took; what follows is not looked at.
pub fn decode<'h>(
    heap: Heap<'h>,
    bytes: &[u8],
    options: &Options<'_, 'h>,
) -> Result<(Term<'h>, usize), DecodeError> {
    if bytes.first() != Some(&tags::VERSION) {
        return Err(DecodeError { at: 0 });
    }
    match super::inflate::Inflate::of(bytes)? {
        None => Decoder::new(1).run_to_end(heap, bytes, options),
        Some(mut inflate) => {
            while !inflate.step(bytes, usize::MAX)? {}
            let options = Options {
                holder: None,
                ..*options
            };
            let (plain, used) = inflate.finish();
            let (term, _) = Decoder::new(0).run_to_end(heap, &plain, &options)?;
            Ok((term, used))
        }
    }
}

/// As [`decode`], for a term without version byte (as parts of distribution messages are).
pub fn decode_bare<'h>(
    heap: Heap<'h>,
    bytes: &[u8],
    options: &Options<'_, 'h>,
) -> Result<(Term<'h>, usize), DecodeError> {
    Decoder::new(0).run_to_end(heap, bytes, options)
}

/// What is begun and not complete.
#[derive(Clone, Copy)]
enum Frame {
    /// A tuple's elements.
    Tuple { left: usize, arity: usize },
    /// A list's elements and tail.
    List { left: usize, len: usize },
    /// The list of the topmost value as tail and `left` values below it.
    Cons { left: usize },
    /// Keys and values.
    Map { left: usize, pairs: usize },
    /// The map of the topmost value and `left` pairs below it.
    Join { left: usize, pairs: usize },
    /// Module and numbers were read; the creator and the free variables are to come.
    Fun {
        left: usize,
        entry: &'static FunEntry,
        num_free: usize,
    },
}

/// Where reading stands, apart from the values.
pub struct Progress {
    at: usize,
    frames: Vec<Frame>,
}

/// Reading a term.
pub struct Decoder<'h> {
    at: usize,
    frames: Vec<Frame>,
    values: Spill<'h>,
}

impl<'h> Decoder<'h> {
    /// Reads a term from an offset on.
    pub fn new(at: usize) -> Decoder<'h> {
        Decoder {
            at,
            frames: Vec::new(),
            values: Spill::new(),
        }
    }

    /// Where the next byte is read.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Puts the decoder away: the rest of its state is a term that must be kept.
    pub fn suspend(self, heap: Heap<'h>) -> (Progress, Term<'h>) {
        let progress = Progress {
            at: self.at,
            frames: self.frames,
        };
        (progress, self.values.suspend(heap))
    }

    /// Takes a decoder up again.
    pub fn resume(progress: Progress, kept: Term<'h>) -> Decoder<'h> {
        Decoder {
            at: progress.at,
            frames: progress.frames,
            values: Spill::resume(kept),
        }
    }

    fn run_to_end(
        mut self,
        heap: Heap<'h>,
        bytes: &[u8],
        options: &Options<'_, 'h>,
    ) -> Result<(Term<'h>, usize), DecodeError> {
        loop {
            let mut budget = usize::MAX;
            if let Some(term) = self.run(heap, bytes, options, &mut budget)? {
                return Ok((term, self.at));
            }
        }
    }

    /// Reads on until the term is complete, or the budget (in parts of a term) is used up.
    pub fn run(
        &mut self,
        heap: Heap<'h>,
        bytes: &[u8],
        options: &Options<'_, 'h>,
        budget: &mut usize,
    ) -> Result<Option<Term<'h>>, DecodeError> {
        let mut reader = Reader::new(bytes, self.at.min(bytes.len()));
        while *budget > 0 {
            // A frame that only builds reads nothing, and pays for itself.
            if let Some(Frame::Cons { .. } | Frame::Join { .. }) = self.frames.last() {
                if !self.build(heap, &reader, budget)? {
                    continue;
                }
            } else {
                *budget -= 1;
                let Some(value) = self.read(heap, &mut reader, options, budget)? else {
                    continue;
                };
                self.values.push(value);
            }
            self.complete(heap, &reader, budget)?;
            if self.frames.is_empty() {
                self.at = reader.at();
                return Ok(Some(self.values.pop()));
            }
        }
        self.at = reader.at();
        Ok(None)
    }

    /// Reads a part: a value, or the beginning of one that is now the topmost frame.
    fn read(
        &mut self,
        heap: Heap<'h>,
        reader: &mut Reader<'_>,
        options: &Options<'_, 'h>,
        budget: &mut usize,
    ) -> Result<Option<Term<'h>>, DecodeError> {
        let value = match reader.u8()? {
            tags::SMALL_INTEGER => Term::int(reader.u8()?.into()),
            tags::INTEGER => Term::int(reader.u32()? as i32),
            tags::NIL => Term::NIL,
            tags::SMALL_TUPLE => match usize::from(reader.u8()?) {
                0 => heap.tuple(&[]),
                arity => return Ok(self.begin(Frame::Tuple { left: arity, arity })),
            },
            tags::LARGE_TUPLE => match reader.count(1)? {
                0 => heap.tuple(&[]),
                arity => return Ok(self.begin(Frame::Tuple { left: arity, arity })),
            },
            tags::LIST => match reader.count(1)? {
                // Then the tail is all there is.
                0 => return Ok(None),
                len => return Ok(self.begin(Frame::List { left: len + 1, len })),
            },
            tags::MAP => match reader.count(2)? {
                0 => map::empty(heap),
                pairs => {
                    let left = 2 * pairs;
                    return Ok(self.begin(Frame::Map { left, pairs }));
                }
            },
            tags::STRING => {
                let len = reader.u16()?;
                spend(budget, len);
                heap.byte_list(reader.take(len)?, Term::NIL)
            }
            tags::BINARY => {
                let len = reader.count(1)?;
                spend(budget, len);
                parts::bits(heap, reader, options, len, 8)?
            }
            tags::BIT_BINARY => {
                let len = reader.u32()? as usize;
                let last = usize::from(reader.u8()?);
                if (last == 0) != (len == 0) || last > 8 {
                    return Err(reader.malformed());
                }
                spend(budget, len);
                parts::bits(heap, reader, options, len, last)?
            }
            tags::SMALL_BIG => {
                let len = reader.u8()?.into();
                parts::big(heap, reader, len)?
            }
            tags::LARGE_BIG => {
                let len = reader.count(1)?;
                spend(budget, len);
                parts::big(heap, reader, len)?
            }
            tags::NEW_FLOAT => parts::float(heap, reader)?,
            tags::FLOAT => parts::old_float(heap, reader)?,
            tag @ (tags::PID | tags::NEW_PID) => {
                parts::pid(heap, reader, options, tag == tags::PID)?
            }
            tag @ (tags::PORT | tags::NEW_PORT | tags::V4_PORT) => {
                parts::port(heap, reader, options, tag)?
            }
            tag @ (tags::REFERENCE | tags::NEW_REFERENCE | tags::NEWER_REFERENCE) => {
                parts::reference(heap, reader, options, tag)?
            }
            tags::EXPORT => self.export(heap, reader, options)?,
            tags::NEW_FUN => return self.begin_fun(reader, options),
            tag => match parts::atom_of_tag(tag, reader, options)? {
                Some(atom) => Term::atom(atom),
                None => return Err(reader.malformed()),
            },
        };
        Ok(Some(value))
    }

    fn begin(&mut self, frame: Frame) -> Option<Term<'h>> {
        self.frames.push(frame);
        None
    }

    fn export(
        &mut self,
        heap: Heap<'h>,
        reader: &mut Reader<'_>,
        options: &Options<'_, 'h>,
    ) -> Result<Term<'h>, DecodeError> {
        let module = parts::atom(reader, options)?;
        let function = parts::atom(reader, options)?;
        let arity = small_number(reader)?;
        let mfa = Mfa {
            module,
            function,
            arity: u32::try_from(arity).map_err(|_| reader.malformed())?,
        };
        if options.safe && !Export::existing(mfa).is_some_and(Export::is_defined) {
            return Err(reader.malformed());
        }
        Ok(heap.export_fun(Export::of(mfa)))
    }

    fn begin_fun(
        &mut self,
        reader: &mut Reader<'_>,
        options: &Options<'_, 'h>,
    ) -> Result<Option<Term<'h>>, DecodeError> {
        // The size in bytes; nodes from OTP 23 on may say too much.
        reader.u32()?;
        let arity = reader.u8()?.into();
        let new_uniq = reader.digest()?;
        let new_index = reader.u32()?;
        let num_free = reader.u32()?;
        if num_free > MAX_ARGUMENTS {
            return Err(reader.malformed());
        }
        let module = parts::atom(reader, options)?;
        let index = small_number(reader)?;
        let uniq = small_number(reader)?;
        let id = FunId {
            module,
            new_uniq,
            new_index,
            uniq: uniq as u32,
            index: index as u32,
            arity,
        };
        let entry = FunEntry::of(id, well_known::UNDEFINED, num_free);
        let num_free = num_free as usize;
        Ok(self.begin(Frame::Fun {
            left: num_free + 1,
            entry,
            num_free,
        }))
    }

    /// Counts the value that was just pushed, and builds what it completes.
    fn complete(
        &mut self,
        heap: Heap<'h>,
        reader: &Reader<'_>,
        budget: &mut usize,
    ) -> Result<(), DecodeError> {
        while let Some(frame) = self.frames.last_mut() {
            let (Frame::Tuple { left, .. }
            | Frame::List { left, .. }
            | Frame::Map { left, .. }
            | Frame::Fun { left, .. }
            | Frame::Cons { left }
            | Frame::Join { left, .. }) = frame;
            *left -= 1;
            if *left > 0 {
                return Ok(());
            }
            match *frame {
                Frame::List { len, .. } => *frame = Frame::Cons { left: len },
                Frame::Map { pairs, .. } if pairs > MAP_BATCH => {
                    *frame = Frame::Join { left: pairs, pairs };
                    self.values.push(map::empty(heap));
                }
                _ => {}
            }
            if !self.build(heap, reader, budget)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Builds what the topmost frame, whose parts are complete, stands for; false if the budget did not
    /// suffice.
    fn build(
        &mut self,
        heap: Heap<'h>,
        reader: &Reader<'_>,
        budget: &mut usize,
    ) -> Result<bool, DecodeError> {
        let frame = *self.frames.last().expect("there is a frame to complete");
        let value = match frame {
            Frame::Tuple { arity, .. } => {
                let from = self.values.last(arity);
                let tuple = heap.tuple(&self.values.newest[from..]);
                self.values.newest.truncate(from);
                tuple
            }
            Frame::Map { pairs, .. } => {
                let from = self.values.last(2 * pairs);
                let map = map::from_distinct_pairs(heap, &pairs_of(&self.values.newest[from..]))
                    .ok_or_else(|| reader.malformed())?;
                self.values.newest.truncate(from);
                map
            }
            Frame::Fun {
                entry, num_free, ..
            } => {
                let from = self.values.last(num_free + 1);
                let fun = heap.fun(
                    entry,
                    self.values.newest[from],
                    &self.values.newest[from + 1..],
                );
                self.values.newest.truncate(from);
                fun
            }
            Frame::Cons { left } => match self.build_list(heap, left, budget) {
                Some(list) => list,
                None => return Ok(false),
            },
            Frame::Join { left, pairs } => match self.build_map(heap, left, budget) {
                Some(map) if map.as_map().is_some_and(|map| map.len() == pairs) => map,
                Some(_) => return Err(reader.malformed()),
                None => return Ok(false),
            },
            Frame::List { .. } => unreachable!("a complete list is being built"),
        };
        self.frames.pop();
        self.values.push(value);
        Ok(true)
    }

    fn build_list(
        &mut self,
        heap: Heap<'h>,
        mut left: usize,
        budget: &mut usize,
    ) -> Option<Term<'h>> {
        let mut list = self.values.pop();
        while left > 0 && *budget > 0 {
            list = heap.cons(self.values.pop(), list);
            left -= 1;
            *budget -= 1;
        }
        if left == 0 {
            return Some(list);
        }
        self.values.push(list);
        *self.frames.last_mut().expect("the list's frame") = Frame::Cons { left };
        None
    }

    fn build_map(
        &mut self,
        heap: Heap<'h>,
        mut left: usize,
        budget: &mut usize,
    ) -> Option<Term<'h>> {
        let frame = self.frames.len() - 1;
        let mut map = self.values.pop();
        while left > 0 && *budget > 0 {
            let count = left.min(MAP_BATCH);
            let from = self.values.last(2 * count);
            let pairs = pairs_of(&self.values.newest[from..]);
            map = map::put_many(heap, map.as_map().expect("a map is built"), &pairs);
            self.values.newest.truncate(from);
            left -= count;
            *budget = budget.saturating_sub(4 * count);
        }
        if left == 0 {
            return Some(map);
        }
        self.values.push(map);
        if let Frame::Join { left: now, .. } = &mut self.frames[frame] {
            *now = left;
        }
        None
    }
}

fn pairs_of<'h>(values: &[Term<'h>]) -> Vec<map::Pair<'h>> {
    values
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect()
}

/// Bytes cost budget, but not so much that it never suffices.
fn spend(budget: &mut usize, bytes: usize) {
    *budget = budget.saturating_sub(bytes / BYTES_PER_UNIT);
}

/// A number within a fun, which is small and not negative.
fn small_number(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    let number = match reader.u8()? {
        tags::SMALL_INTEGER => reader.u8()?.into(),
        tags::INTEGER => i64::from(reader.u32()? as i32),
        tags::SMALL_BIG => {
            let len = usize::from(reader.u8()?);
            let negative = reader.u8()? != 0;
            let value = reader
                .take(len)?
                .iter()
                .rev()
                .try_fold(0i64, |value, &byte| {
                    value.checked_mul(256)?.checked_add(byte.into())
                });
            match value {
                Some(value) if !negative && Term::small(value).is_some() => value,
                _ => return Err(reader.malformed()),
            }
        }
        _ => return Err(reader.malformed()),
    };
    if number < 0 {
        return Err(reader.malformed());
    }
    Ok(number)
}
