//! The constant terms of a module.

use crate::heap::{Heap, OwnedTerm};
use crate::term::Term;
use crate::term::word::{self, Word};

/// The constant terms of a module. Code holds their words, so whoever drops them has seen to it that no
/// process can reach one any more.
pub struct Literals {
    terms: OwnedTerm,
}

impl Literals {
    /// The terms that `build` gives.
    pub fn try_build<E>(
        build: impl for<'h> FnOnce(Heap<'h>) -> Result<Vec<Term<'h>>, E>,
    ) -> Result<Literals, E> {
        let terms = OwnedTerm::try_build(|heap| Ok(heap.tuple(&build(heap)?)))?;
        Ok(Literals { terms })
    }

    /// All of them.
    pub fn terms(&self) -> &[Term<'_>] {
        self.terms
            .term()
            .as_tuple()
            .expect("a tuple of the terms")
            .elements()
    }

    /// The words of all of them, as instructions hold them.
    pub fn words(&self) -> impl ExactSizeIterator<Item = Word> {
        self.terms().iter().map(|term| term.word())
    }

    /// How many words of memory they take.
    pub fn size(&self) -> usize {
        self.terms.words()
    }
}

/// Whether a term needs no memory, so that it equals another exactly if their words are equal.
pub fn is_immediate(word: Word) -> bool {
    word::is_immediate(word)
}
