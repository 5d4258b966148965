//! Heaps: where terms are built.
//!
//! [`RawHeap`] is the memory: one block shared by a process's heap (growing up) and stack (growing down),
//! an old generation, and fragments for what did not fit. [`Heap`] is the right to build in it for `'h`:
//! building never moves anything, so every term of `'h` stays good until the borrow ends; only then can
//! the collector ([`collect`]) run, which needs the heap mutably.
//!
//! Between `start` and `top`, in a fragment and in the old generation lie complete objects and nothing between
//! them: whoever takes room fills all of it. Old objects never point to young ones.
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

pub mod block;
pub mod build;
mod check;
pub mod collect;
pub mod copy;
mod copy_literals;
mod copy_shared;
mod evacuate;
pub mod fragment;
pub mod info;
pub mod literal;
pub mod raw;
mod resize;
pub mod sizes;

pub use block::release_kept;
pub use build::Heap;
pub use collect::{Collected, MaxHeapSize, Roots};
pub(crate) use copy::copy_few;
pub use fragment::OwnedTerm;
pub use literal::{LiteralArea, LiteralRange};
pub use raw::RawHeap;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
