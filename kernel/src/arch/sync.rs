//! Spin locks. The kernel runs with interrupts off, so a lock needs no interrupt state of its own.
//!
//! A waiting processor answers requests to flush translations, because the holder may be waiting for
//! that answer. Ranks (the order in which locks are taken) stand in the README.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

/// Mutual exclusion by spinning.
pub struct SpinLock<T: ?Sized> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock hands out one guard at a time.
unsafe impl<T: ?Sized + Send> Sync for SpinLock<T> {}
// SAFETY: owning the lock is owning the value.
unsafe impl<T: ?Sized + Send> Send for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// A free lock.
    pub const fn new(value: T) -> Self {
        SpinLock {
            held: AtomicBool::new(false),
            value: UnsafeCell::new(value),
        }
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Waits for the lock.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        while self
            .held
            .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            while self.held.load(Ordering::Relaxed) {
                core::hint::spin_loop();
                crate::mm::tlb::answer();
            }
        }
        Guard { lock: self }
    }

    /// Frees a lock whose holder will never run again. For the last words of a panic only.
    pub fn break_open(&self) {
        self.held.store(false, Ordering::Release);
    }
}

/// The right to the value; gives it back when dropped.
pub struct Guard<'a, T: ?Sized> {
    lock: &'a SpinLock<T>,
}

impl<T: ?Sized> Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the guard proves that the lock is held.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard proves that the lock is held, and is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.held.store(false, Ordering::Release);
    }
}

/// The kernel heap's lock.
pub struct RawLock(AtomicBool);

// SAFETY: a compare-and-swap lock excludes; the guard marker keeps guards on their processor.
unsafe impl lock_api::RawMutex for RawLock {
    #[allow(
        clippy::declare_interior_mutable_const,
        reason = "the trait asks for a constant to start from"
    )]
    const INIT: RawLock = RawLock(AtomicBool::new(false));
    type GuardMarker = lock_api::GuardNoSend;

    fn lock(&self) {
        while !self.try_lock() {
            core::hint::spin_loop();
            crate::mm::tlb::answer();
        }
    }

    fn try_lock(&self) -> bool {
        self.0
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A value that is written once, early, and read for ever.
pub struct Once<T> {
    ready: AtomicBool,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: `ready` orders the one write before all reads.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    /// An empty cell.
    pub const fn new() -> Self {
        Once {
            ready: AtomicBool::new(false),
            value: UnsafeCell::new(None),
        }
    }

    /// Fills the cell. Only start-up code calls this, from one processor; a second call is ignored.
    pub fn set(&self, value: T) {
        if !self.ready.load(Ordering::Acquire) {
            // SAFETY: nobody reads before `ready`, and only the starting processor writes.
            unsafe { *self.value.get() = Some(value) };
            self.ready.store(true, Ordering::Release);
        }
    }

    /// The value, if it was set.
    pub fn get(&self) -> Option<&T> {
        if self.ready.load(Ordering::Acquire) {
            // SAFETY: written before `ready`, never again.
            unsafe { (*self.value.get()).as_ref() }
        } else {
            None
        }
    }
}
