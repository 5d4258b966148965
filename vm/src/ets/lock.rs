//! The lock of a table's objects.
//!
//! A table with `read_concurrency` has a lock in several parts: a reader takes the part of its own thread, so that
//! readers on different processors write to no common memory, and a writer takes all of them. Others have a lock in
//! one part, which costs less memory and writers less time.

use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, TryLockError};

use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::store::Store;

/// The lock.
pub enum StoreLock {
    /// In one part.
    Plain(RwLock<Store>),
    /// In several parts.
    Sharded(Box<ShardedLock<Store>>),
}

/// The right to read.
pub enum Reading<'a> {
    /// Of a lock in one part.
    Plain(RwLockReadGuard<'a, Store>),
    /// Of one in several.
    Sharded(ShardedLockReadGuard<'a, Store>),
}

/// The right to write.
pub enum Writing<'a> {
    /// Of a lock in one part.
    Plain(RwLockWriteGuard<'a, Store>),
    /// Of one in several.
    Sharded(ShardedLockWriteGuard<'a, Store>),
}

impl StoreLock {
    /// A lock for objects that are read by many at once, or not.
    pub fn new(store: Store, read_concurrency: bool) -> StoreLock {
        if read_concurrency {
            StoreLock::Sharded(Box::new(ShardedLock::new(store)))
        } else {
            StoreLock::Plain(RwLock::new(store))
        }
    }

    /// Waits until nobody writes.
    #[inline]
    pub fn read(&self) -> Reading<'_> {
        match self {
            StoreLock::Plain(lock) => Reading::Plain(lock.read()),
            // As with the other kind, what a writer that panicked has left is what there is.
            StoreLock::Sharded(lock) => {
                Reading::Sharded(lock.read().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// The right to read, unless somebody writes just now.
    pub fn try_read(&self) -> Option<Reading<'_>> {
        match self {
            StoreLock::Plain(lock) => lock.try_read().map(Reading::Plain),
            StoreLock::Sharded(lock) => match lock.try_read() {
                Ok(guard) => Some(Reading::Sharded(guard)),
                Err(TryLockError::Poisoned(poisoned)) => {
                    Some(Reading::Sharded(poisoned.into_inner()))
                }
                Err(TryLockError::WouldBlock) => None,
            },
        }
    }

    /// Waits until nobody reads or writes.
    #[inline]
    pub fn write(&self) -> Writing<'_> {
        match self {
            StoreLock::Plain(lock) => Writing::Plain(lock.write()),
            StoreLock::Sharded(lock) => {
                Writing::Sharded(lock.write().unwrap_or_else(PoisonError::into_inner))
            }
        }
    }
}

impl Deref for Reading<'_> {
    type Target = Store;

    #[inline]
    fn deref(&self) -> &Store {
        match self {
            Reading::Plain(guard) => guard,
            Reading::Sharded(guard) => guard,
        }
    }
}

impl Deref for Writing<'_> {
    type Target = Store;

    #[inline]
    fn deref(&self) -> &Store {
        match self {
            Writing::Plain(guard) => guard,
            Writing::Sharded(guard) => guard,
        }
    }
}

impl DerefMut for Writing<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Store {
        match self {
            Writing::Plain(guard) => guard,
            Writing::Sharded(guard) => guard,
        }
    }
}
