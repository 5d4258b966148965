//! Views of boxed terms: one small type for each kind, each holding the term it looks into.

use super::word::{self, BoxedKind, Word};
use super::{Kind, Pid, Term};
use crate::code::FunEntry;
use crate::node_name::Node;
use crate::resource::Resource;
use std::sync::Arc;

/// A cons cell.
#[derive(Clone, Copy)]
pub struct Cons<'h>(pub(super) Term<'h>);

impl<'h> Cons<'h> {
    /// The first element.
    #[inline(always)]
    pub fn head(self) -> Term<'h> {
        // SAFETY: a cons word points to two terms that stay for `'h`.
        unsafe { Term::from_word(*word::pointer(self.0.word())) }
    }

    /// The rest of the list.
    #[inline(always)]
    pub fn tail(self) -> Term<'h> {
        // SAFETY: as in `head`.
        unsafe { Term::from_word(*word::pointer(self.0.word()).add(1)) }
    }

    /// The cell itself.
    pub fn term(self) -> Term<'h> {
        self.0
    }
}

pub(super) fn terms(words: &[Word]) -> &[Term<'_>] {
    // SAFETY:
    // 1. `Term` is `repr(transparent)` over `Word`.
    // 2. Callers pass words of an object that are terms by its kind.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), words.len()) }
}

/// A tuple.
#[derive(Clone, Copy)]
pub struct Tuple<'h>(pub(super) Term<'h>);

impl<'h> Tuple<'h> {
    /// Its elements.
    #[inline]
    pub fn elements(self) -> &'h [Term<'h>] {
        terms(self.0.payload())
    }

    /// How many there are.
    #[inline]
    pub fn arity(self) -> usize {
        word::header_words(self.0.header())
    }

    /// The tuple itself.
    pub fn term(self) -> Term<'h> {
        self.0
    }
}

/// A map of either form.
#[derive(Clone, Copy)]
pub struct Map<'h>(pub(super) Term<'h>);

/// How a map is stored.
#[derive(Clone, Copy)]
pub enum MapForm<'h> {
    /// Up to 32 keys, in the order of terms, and their values in the same order.
    Flat {
        /// The keys' tuple as a term: maps of one shape share it.
        keys_tuple: Term<'h>,
        /// The keys.
        keys: &'h [Term<'h>],
        /// The values.
        values: &'h [Term<'h>],
    },
    /// More: the root of a hash array mapped trie.
    Hash {
        /// The number of associations.
        size: usize,
        /// The root node's bitmap.
        bitmap: u64,
        /// Its children: cons cells `[Key|Value]`, or inner nodes (see `map::node`).
        children: &'h [Term<'h>],
    },
}

impl<'h> Map<'h> {
    /// Its form.
    #[inline]
    pub fn form(self) -> MapForm<'h> {
        let words = terms(self.0.payload());
        if word::header_kind(self.0.header()) == BoxedKind::FlatMap {
            let keys = words[0]
                .as_tuple()
                .expect("a flat map begins with its tuple of keys");
            MapForm::Flat {
                keys_tuple: words[0],
                keys: keys.elements(),
                values: &words[1..],
            }
        } else {
            let size = words[0]
                .as_usize()
                .expect("a hash map begins with its size");
            let bitmap = words[1]
                .as_usize()
                .expect("a hash map's bitmap follows its size") as u64;
            MapForm::Hash {
                size,
                bitmap,
                children: &words[2..],
            }
        }
    }

    /// How many associations it has.
    pub fn len(self) -> usize {
        match self.form() {
            MapForm::Flat { values, .. } => values.len(),
            MapForm::Hash { size, .. } => size,
        }
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The map itself.
    pub fn term(self) -> Term<'h> {
        self.0
    }
}

/// A fun made by `fun … end`.
#[derive(Clone, Copy)]
pub struct Fun<'h>(pub(super) Term<'h>);

impl<'h> Fun<'h> {
    /// What it calls.
    #[inline]
    pub fn entry(self) -> &'static FunEntry {
        // SAFETY: the first word of a fun is a `&'static FunEntry` (`Heap::fun`).
        unsafe { &*(self.0.payload()[0] as *const FunEntry) }
    }

    /// The values of its free variables.
    #[inline]
    pub fn env(self) -> &'h [Term<'h>] {
        terms(&self.0.payload()[2..])
    }

    /// The process that made it.
    pub fn creator(self) -> Term<'h> {
        terms(self.0.payload())[1]
    }

    /// The fun itself.
    pub fn term(self) -> Term<'h> {
        self.0
    }
}

/// A reference of this node.
///
/// Its number has 64 bits that never repeat within the node's life, printed as OTP prints three 32-bit
/// words of which the last is 0 here… see `reference::display_words`.
#[derive(Clone, Copy)]
pub struct Reference<'h>(pub(super) Term<'h>);

impl<'h> Reference<'h> {
    /// The two words that make it unique.
    ///
    /// The first holds the 18 + 32 bits that OTP prints first and second, the second what it prints third.
    pub fn number(self) -> [u64; 2] {
        let words = self.0.payload();
        match word::header_kind(self.0.header()) {
            BoxedKind::MagicRef => [words[3], words[4]],
            _ => [words[0], words[1]],
        }
    }

    /// The Rust value that a magic reference stands for.
    pub fn resource(self) -> Option<&'h Arc<dyn Resource>> {
        if word::header_kind(self.0.header()) != BoxedKind::MagicRef {
            return None;
        }
        let words = &self.0.payload()[1..3];
        // SAFETY:
        // 1. Words 1 and 2 of a magic reference were written as an `Arc<dyn Resource>` (`Heap::magic_ref`).
        // 2. The object owns that count until the collector drops it, which cannot happen during `'h`.
        Some(unsafe { &*words.as_ptr().cast::<Arc<dyn Resource>>() })
    }

    /// The reference itself.
    pub fn term(self) -> Term<'h> {
        self.0
    }
}

/// A pid, port or reference of another node.
#[derive(Clone, Copy)]
pub struct ExternalId<'h>(pub(super) Term<'h>);

impl<'h> ExternalId<'h> {
    /// The node (name and creation).
    pub fn node(self) -> &'static Node {
        // SAFETY: the first word of an external identifier is a `&'static Node` (`Heap::external`).
        unsafe { &*(self.0.payload()[0] as *const Node) }
    }

    /// A pid's or port's number; a reference's words, packed as they came (see `Heap::external_ref`).
    pub fn data(self) -> &'h [u64] {
        &self.0.payload()[1..]
    }

    /// A pid's number and serial.
    pub fn pid_parts(self) -> (u32, u32) {
        let number = self.data()[0];
        (number as u32, (number >> 32) as u32)
    }

    /// A reference's words, in the order of the external format.
    pub fn reference_words(self) -> &'h [u64] {
        &self.data()[1..]
    }

    /// The identifier itself.
    pub fn term(self) -> Term<'h> {
        self.0
    }
}

impl<'h> Term<'h> {
    /// The bitmap and the children, if it is an inner node of a hash map (which no program ever sees).
    #[inline]
    pub(crate) fn map_node(self) -> Option<(u64, &'h [Term<'h>])> {
        if self.boxed() != Some(BoxedKind::HashNode) {
            return None;
        }
        let words = terms(self.payload());
        let bitmap = words[0]
            .as_usize()
            .expect("an inner node begins with its bitmap");
        Some((bitmap as u64, &words[1..]))
    }

    /// Head and tail of a cons cell.
    #[inline(always)]
    pub(super) fn cell(self) -> &'h [Term<'h>] {
        debug_assert!(word::is_cons(self.word()));
        // SAFETY: a cons word points to two terms that stay for `'h`.
        terms(unsafe { std::slice::from_raw_parts(word::pointer(self.word()), 2) })
    }

    /// The Rust value of type `T` behind a magic reference, if it is one.
    pub fn resource<T: Resource>(self) -> Option<&'h T> {
        match self.kind() {
            Kind::Ref(reference) => reference.resource()?.as_ref().as_any().downcast_ref(),
            _ => None,
        }
    }

    /// The pid of this node, also by the name it is registered under elsewhere is *not* resolved here.
    pub fn local_pid(self) -> Option<Pid> {
        self.as_pid()
    }
}
