//! A value that is made where it is first wanted.

use std::cell::OnceCell;

/// As large as a pointer in the many processes that never want the value.
pub(super) struct Lazy<T>(OnceCell<Box<T>>);

impl<T: Default> Lazy<T> {
    /// Not made yet.
    pub(super) const fn new() -> Lazy<T> {
        Lazy(OnceCell::new())
    }

    /// The value, made now if it was not.
    pub(super) fn made(&self) -> &T {
        self.0.get_or_init(Box::default)
    }

    /// The value, if there is one.
    pub(super) fn get(&self) -> Option<&T> {
        self.0.get().map(|value| &**value)
    }

    /// The value, if there is one.
    pub(super) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.get_mut().map(|value| &mut **value)
    }
}
