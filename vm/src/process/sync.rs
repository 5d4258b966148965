//! The atomics that the lock-free parts of a process use.
//!
//! [`state`](super::state) and [`queue`](super::queue) name atomics only through this module, so that the
//! model checker's tests can compile those very files against its own (`vm/tests/loom_process.rs`).

pub use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
