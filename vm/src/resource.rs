//! Rust values that Erlang code holds by a magic reference: compiled patterns, atomics, iterators, open
//! files, the state of a BIF that yielded.

use std::any::Any;

/// What a magic reference can stand for. The last reference's death drops it.
pub trait Resource: Any + Send + Sync {
    /// For the downcast.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + Send + Sync> Resource for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}
