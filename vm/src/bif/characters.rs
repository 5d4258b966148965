//! `unicode:characters_to_binary/2` and `characters_to_list/2`: what they share.
//!
//! [`Reading`] walks character data (lists of characters, binaries in an encoding, and such lists) and writes
//! UTF-8. When it meets what is no character in the encoding it stops, and the rest is a term that the caller
//! of the BIF gets; its shape is the stock VM's.

#![forbid(unsafe_code)]

use smallvec::SmallVec;

use crate::heap::Heap;
use crate::term::{Bits, Kind, Term};
use crate::text::chunks::{Joiner, Wrong};
use crate::text::utf8::{self, Fault};

/// How the binaries and the small integers of the input are to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Latin-1.
    Latin1,
    /// UTF-8 in binaries, code points in lists.
    Utf8,
}

/// How an attempt to read on ended.
pub enum Progress<'h> {
    /// All was read.
    Done,
    /// The budget is used up; the rest to go on with.
    More(Term<'h>),
    /// The input is no character data: `badarg`.
    Badarg,
    /// A character is wrong: `{error, Read, Rest}`.
    Error(Term<'h>),
    /// The input ends within a character: `{incomplete, Read, Rest}`.
    Incomplete(Term<'h>),
}

/// The state of reading.
pub struct Reading {
    encoding: Encoding,
    joiner: Joiner,
    /// The characters read, in UTF-8.
    pub out: Vec<u8>,
    /// How many they are.
    pub count: usize,
}

/// What an element counts as, where a byte of a binary counts as one.
const ELEMENT_COST: usize = 8;

struct Walk<'h> {
    rest: Term<'h>,
    tails: SmallVec<[Term<'h>; 16]>,
}

impl<'h> Walk<'h> {
    /// What was not read, nested as it was.
    fn rest(&self, heap: Heap<'h>, innermost: Term<'h>) -> Term<'h> {
        self.tails
            .iter()
            .rev()
            .fold(innermost, |inner, &tail| heap.cons(inner, tail))
    }
}

impl Reading {
    /// Nothing read yet.
    pub fn new(encoding: Encoding) -> Reading {
        Reading {
            encoding,
            joiner: Joiner::new(),
            out: Vec::new(),
            count: 0,
        }
    }

    /// Reads `input` (at first the whole, then what [`Progress::More`] gave) until `budget` is used up.
    pub fn read<'h>(
        &mut self,
        heap: Heap<'h>,
        input: Term<'h>,
        budget: &mut usize,
    ) -> Progress<'h> {
        let mut walk = Walk {
            rest: input,
            tails: SmallVec::new(),
        };
        loop {
            if let Some(cell) = walk.rest.as_cons() {
                if *budget == 0 {
                    return Progress::More(walk.rest(heap, walk.rest));
                }
                *budget = budget.saturating_sub(ELEMENT_COST);
                let head = cell.head();
                match head.kind() {
                    Kind::Small(value) => {
                        if !self.push(value) {
                            return self.wrong(heap, &walk, walk.rest);
                        }
                        walk.rest = cell.tail();
                    }
                    Kind::Nil => walk.rest = cell.tail(),
                    Kind::Cons(_) => {
                        walk.tails.push(cell.tail());
                        walk.rest = head;
                    }
                    Kind::Bits(bits) => match self.feed(heap, bits, budget) {
                        Fed::All => walk.rest = cell.tail(),
                        Fed::Part(part) => walk.rest = heap.cons(part, cell.tail()),
                        Fed::Wrong(part) => {
                            let rest = heap.cons(part, cell.tail());
                            return self.wrong(heap, &walk, rest);
                        }
                        Fed::NoBinary => return Progress::Badarg,
                    },
                    Kind::Big(_) => return self.error(heap, walk.rest(heap, walk.rest)),
                    _ => return Progress::Badarg,
                }
            } else if walk.rest.is_nil() {
                match walk.tails.pop() {
                    Some(tail) => walk.rest = tail,
                    None => return self.end(heap),
                }
            } else if let Some(bits) = walk.rest.as_bits() {
                match self.feed(heap, bits, budget) {
                    Fed::All => walk.rest = Term::NIL,
                    Fed::Part(part) => return Progress::More(walk.rest(heap, part)),
                    Fed::Wrong(part) => return self.wrong(heap, &walk, part),
                    Fed::NoBinary => return Progress::Badarg,
                }
            } else {
                return Progress::Badarg;
            }
        }
    }

    /// Takes a character of a list; false if it is none, or comes within another one.
    fn push(&mut self, value: i64) -> bool {
        if !self.joiner.waiting().is_empty() || (self.encoding == Encoding::Latin1 && value > 255) {
            return false;
        }
        let pushed = u32::try_from(value).is_ok_and(|value| utf8::encode(value, &mut self.out));
        self.count += usize::from(pushed);
        pushed
    }

    /// Takes a binary, or as much of it as the budget allows.
    fn feed<'h>(&mut self, heap: Heap<'h>, bits: Bits<'h>, budget: &mut usize) -> Fed<'h> {
        let Some(bytes) = bits.binary() else {
            return Fed::NoBinary;
        };
        let limit = bytes.len().min((*budget).max(ELEMENT_COST));
        let part = |from: usize| heap.part(bits, from * 8, (bytes.len() - from) * 8);
        let read = match self.encoding {
            Encoding::Latin1 => {
                crate::text::latin1::to_utf8(&bytes[..limit], &mut self.out);
                self.count += limit;
                limit
            }
            Encoding::Utf8 => {
                let cut = utf8::boundary(&bytes, limit);
                match self.joiner.feed(&bytes[..cut], &mut self.out) {
                    Ok(count) => {
                        self.count += count;
                        cut
                    }
                    Err(Wrong { at }) => {
                        self.count += utf8::count(&self.out) - self.count;
                        return Fed::Wrong(part(at));
                    }
                }
            }
        };
        *budget = budget.saturating_sub(read);
        if read < bytes.len() {
            Fed::Part(part(read))
        } else {
            Fed::All
        }
    }

    /// A wrong character, found before `rest`: what follows decides whether it is `badarg` after all.
    fn wrong<'h>(&mut self, heap: Heap<'h>, walk: &Walk<'h>, rest: Term<'h>) -> Progress<'h> {
        let rest = walk.rest(heap, rest);
        if !is_character_data(rest) {
            return Progress::Badarg;
        }
        self.error(heap, rest)
    }

    fn error<'h>(&mut self, heap: Heap<'h>, rest: Term<'h>) -> Progress<'h> {
        if self.joiner.waiting().is_empty() {
            return Progress::Error(rest);
        }
        let waiting = heap.binary(self.joiner.waiting());
        Progress::Error(heap.list(&[waiting, rest]))
    }

    fn end<'h>(&mut self, heap: Heap<'h>) -> Progress<'h> {
        let waiting = self.joiner.waiting();
        match self.joiner.finish() {
            None => Progress::Done,
            Some(Fault::Incomplete) => Progress::Incomplete(heap.binary(waiting)),
            Some(Fault::Invalid) => Progress::Error(heap.binary(waiting)),
        }
    }
}

enum Fed<'h> {
    All,
    /// The rest is still to be taken.
    Part(Term<'h>),
    /// From here on it is wrong.
    Wrong(Term<'h>),
    NoBinary,
}

/// Whether all is lists of integers, binaries and such lists. A large integer ends the look: it is a wrong
/// character, which the stock VM reports before it sees the rest.
fn is_character_data(input: Term<'_>) -> bool {
    let mut pending: SmallVec<[Term<'_>; 16]> = SmallVec::new();
    pending.push(input);
    while let Some(mut rest) = pending.pop() {
        while let Some(cell) = rest.as_cons() {
            rest = cell.tail();
            match cell.head().kind() {
                Kind::Small(_) | Kind::Nil => {}
                Kind::Big(_) => return true,
                Kind::Cons(_) => {
                    pending.push(rest);
                    rest = cell.head();
                }
                Kind::Bits(bits) if bits.is_binary() => {}
                _ => return false,
            }
        }
        if !rest.is_nil() && !rest.as_bits().is_some_and(Bits::is_binary) {
            return false;
        }
    }
    true
}
