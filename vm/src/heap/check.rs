//! The heap checker: for tests and for the `zeal` configuration, which collects all the time.
//!
//! Goes over everything a heap holds and says what is wrong with it, if anything is.

use hashbrown::HashSet;
use rustc_hash::FxBuildHasher;

use super::collect::Roots;
use super::copy::raw_words;
use super::evacuate::Area;
use super::fragment::{Fragment, OffHeap};
use super::{RawHeap, literal};
use crate::term::word::{self, BoxedKind, NIL, Word};

type Addresses = HashSet<usize, FxBuildHasher>;

/// What a piece of memory is to the collector.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Generation {
    Young,
    Old,
}

/// A piece of memory full of complete objects.
struct Piece {
    generation: Generation,
    start: *const Word,
    end: *const Word,
}

struct Checker {
    pieces: Vec<Piece>,
    /// Where boxed objects begin.
    headers: Addresses,
    /// Off-heap objects found, by generation.
    off_heap: [Addresses; 2],
    /// Whether old objects may point to young ones: literals were copied since the last collection.
    mixed: bool,
}

impl RawHeap {
    /// Checks everything the heap holds, its stack, and the roots.
    ///
    /// # Errors
    /// A description of what is wrong first.
    pub fn check(&mut self, roots: &mut dyn Roots) -> Result<(), String> {
        self.check_bounds()?;
        let mut checker = Checker {
            pieces: self.pieces(),
            headers: Addresses::default(),
            off_heap: [Addresses::default(), Addresses::default()],
            mixed: self.need_full.get(),
        };
        checker.find_objects()?;
        for piece in &checker.pieces {
            // SAFETY: `find_objects` went over the piece: it is made of complete objects.
            unsafe { checker.check_piece(piece)? };
        }
        let stack_words = self.stack_words();
        if stack_words > 0 {
            // SAFETY: the stack lies in the block and was written.
            let stack = unsafe { std::slice::from_raw_parts(self.stack_top.get(), stack_words) };
            checker.check_terms(stack, "the stack")?;
        }
        let mut result = Ok(());
        roots.visit(&mut |words| {
            if result.is_ok() {
                result = checker.check_terms(words, "the roots");
            }
        });
        result?;
        checker.check_list(&self.off_heap, Generation::Young)?;
        checker.check_list(&self.old_off_heap, Generation::Old)
    }

    fn check_bounds(&self) -> Result<(), String> {
        let block = [
            self.start.get(),
            self.high_water.get(),
            self.top.get(),
            self.stack_top.get(),
            self.end.get(),
        ];
        let old = [self.old_start.get(), self.old_top.get(), self.old_end.get()];
        if !block.is_sorted() || !old.is_sorted() {
            return Err(format!("bounds out of order: {block:?}, {old:?}"));
        }
        let mut used = 0;
        let mut fragment = self.fragments.get();
        while !fragment.is_null() {
            // SAFETY: the list holds living fragments.
            unsafe {
                used += (*fragment).used;
                fragment = (*fragment).next;
            }
        }
        if used != self.fragment_words.get() {
            return Err(format!(
                "{used} words in fragments, {} counted",
                self.fragment_words.get()
            ));
        }
        Ok(())
    }

    fn pieces(&self) -> Vec<Piece> {
        let piece = |generation, start: *const Word, end: *const Word| Piece {
            generation,
            start,
            end,
        };
        let mut pieces = vec![
            piece(Generation::Young, self.start.get(), self.top.get()),
            piece(Generation::Old, self.old_start.get(), self.old_top.get()),
        ];
        let mut fragment = self.fragments.get();
        while !fragment.is_null() {
            // SAFETY: the list holds living fragments.
            unsafe {
                let start = Fragment::words(fragment);
                pieces.push(piece(Generation::Young, start, start.add((*fragment).used)));
                fragment = (*fragment).next;
            }
        }
        pieces
    }
}

impl Checker {
    /// Finds all headers, and sees that each object lies within its piece.
    fn find_objects(&mut self) -> Result<(), String> {
        for piece in &self.pieces {
            let mut at = piece.start;
            while at < piece.end {
                // SAFETY: `at` lies in the piece, whose words were all written.
                let word = unsafe { *at };
                if !word::is_header(word) {
                    // SAFETY: as above.
                    at = unsafe { at.add(1) };
                    continue;
                }
                let number = (word >> word::HEADER_KIND_SHIFT) as usize & 31;
                let size = word::header_words(word);
                let rest = (piece.end as usize - at as usize) / 8;
                if number >= BoxedKind::ALL.len() || size >= rest {
                    return Err(format!("bad header {word:#x} at {at:?}, {rest} words left"));
                }
                let kind = word::header_kind(word);
                if kind.raw_words() != usize::MAX && size < kind.raw_words() {
                    return Err(format!("{kind:?} of {size} words at {at:?}"));
                }
                self.headers.insert(at as usize);
                if kind.is_off_heap() {
                    self.off_heap[piece.generation as usize].insert(at as usize);
                }
                // SAFETY: the object ends within the piece.
                at = unsafe { at.add(1 + raw_words(word)) };
            }
        }
        Ok(())
    }

    /// # Safety
    /// [`find_objects`](Self::find_objects) found nothing wrong.
    unsafe fn check_piece(&self, piece: &Piece) -> Result<(), String> {
        let mut at = piece.start;
        while at < piece.end {
            // SAFETY: by contract.
            let word = unsafe { *at };
            let step = if word::is_header(word) {
                1 + raw_words(word)
            } else {
                self.check_word(word, Some(piece.generation))
                    .map_err(|what| format!("{what}, in {:?} at {at:?}", piece.generation))?;
                1
            };
            // SAFETY: by contract.
            at = unsafe { at.add(step) };
        }
        Ok(())
    }

    fn check_terms(&self, words: &[Word], place: &str) -> Result<(), String> {
        for (index, &word) in words.iter().enumerate() {
            self.check_word(word, None)
                .map_err(|what| format!("{what}, in {place} at {index}"))?;
        }
        Ok(())
    }

    fn check_word(&self, word: Word, from: Option<Generation>) -> Result<(), String> {
        if word::is_immediate(word) {
            let known = [
                word::IMM_ATOM,
                word::IMM_PID,
                word::IMM_PORT,
                NIL,
                word::IMM_CATCH,
                word::IMM_RETURN,
            ];
            if word::is_small(word) || known.contains(&(word & word::IMMEDIATE_MASK)) {
                return Ok(());
            }
            return Err(format!("{word:#x} is no immediate"));
        }
        if !word::is_cons(word) && !word::is_boxed(word) {
            return Err(format!("{word:#x} is no term"));
        }
        let at = word::pointer(word);
        if literal::is_literal(at) {
            return Ok(());
        }
        let piece = self
            .pieces
            .iter()
            .find(|piece| Area::new(piece.start, piece.end).contains(at))
            .ok_or_else(|| format!("{word:#x} points nowhere"))?;
        if from == Some(Generation::Old) && piece.generation == Generation::Young && !self.mixed {
            return Err(format!("{word:#x} points from old to young"));
        }
        if word::is_boxed(word) != self.headers.contains(&(at as usize)) {
            return Err(format!("{word:#x} points to the wrong sort of object"));
        }
        Ok(())
    }

    fn check_list(&self, list: &OffHeap, generation: Generation) -> Result<(), String> {
        let found = &self.off_heap[generation as usize];
        let mut seen = Addresses::default();
        let mut object = list.head.get();
        while object != NIL {
            let at = word::pointer(object);
            if !found.contains(&(at as usize)) || !seen.insert(at as usize) {
                return Err(format!("{object:#x} in the list of {generation:?} objects"));
            }
            // SAFETY: a complete object was found there; its second word is its link.
            object = unsafe { *at.add(1) };
        }
        if seen.len() != found.len() {
            return Err(format!(
                "{} of {} {generation:?} objects listed",
                seen.len(),
                found.len()
            ));
        }
        Ok(())
    }
}
