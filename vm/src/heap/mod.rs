//! Heaps: where terms are built.
//!
//! [`RawHeap`] is the memory: one block shared by a process's heap (growing up) and stack (growing down),
//! an old generation, and fragments for what did not fit. [`Heap`] is the right to build in it for `'h`:
//! building never moves anything, so every term of `'h` stays good until the borrow ends; only then can
//! the collector ([`collect`]) run, which needs the heap mutably.
//!
//! `'h` is invariant: a term of a shorter life (one in a message that is about to be freed, say) cannot be
//! put into a heap by mistake; it must be copied ([`Heap::copy`]).
//!
//! ```compile_fail
//! use vm::heap::{Heap, OwnedTerm};
//! fn dangle<'h>(heap: Heap<'h>) -> vm::term::Term<'h> {
//!     let owned = OwnedTerm::build(|inner| inner.list(&[]));
//!     heap.cons(owned.term(), owned.term())
//! }
//! ```

pub mod build;
pub mod collect;
pub mod copy;
mod copy_shared;
pub mod fragment;
pub mod literal;
pub mod raw;

pub use build::Heap;
pub use fragment::OwnedTerm;
pub use literal::{LiteralArea, LiteralRange};
pub use raw::RawHeap;

#[cfg(test)]
pub(crate) mod testing;
