//! The atomics and locks of what is model-checked.
//!
//! [`park`](crate::park) and [`idle`](crate::idle) name them only through this module, so that the model
//! checker's tests can compile those very files against its own (`scheduler/tests/loom.rs`).

pub use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
pub use std::sync::{Condvar, Mutex};
