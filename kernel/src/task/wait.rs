//! Event sources: what becomes ready, and who wants to know.
//!
//! Rank: a source's lock comes after the locks of the object it belongs to, and before run queues.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::thread::Thread;
use super::{sched, signal};
use crate::arch::sync::SpinLock;
use crate::arch::{current, tsc};
use crate::sys::errno::{EAGAIN, EINTR, ERESTART, Errno, Result};

/// There is something to read.
pub const IN: u32 = 0x1;
/// There is urgent data.
pub const PRI: u32 = 0x2;
/// There is room to write.
pub const OUT: u32 = 0x4;
/// There is an error.
pub const ERR: u32 = 0x8;
/// The other side is gone.
pub const HUP: u32 = 0x10;
/// The other side will send no more.
pub const RDHUP: u32 = 0x2000;

/// Someone who wants to know.
pub trait Watcher: Send + Sync {
    /// The source became ready for `events`. Called with the source's lock held.
    fn notify(&self, events: u32);
}

impl Watcher for Arc<Thread> {
    fn notify(&self, _events: u32) {
        sched::wake(self);
    }
}

/// What an object announces its readiness through.
pub struct Source {
    watchers: SpinLock<Vec<(u64, Arc<dyn Watcher>)>>,
    count: AtomicUsize,
}

static NUMBER: AtomicU64 = AtomicU64::new(1);

impl Source {
    /// A source nobody watches.
    pub const fn new() -> Source {
        Source {
            watchers: SpinLock::new(Vec::new()),
            count: AtomicUsize::new(0),
        }
    }

    /// Adds a watcher; the number removes it.
    pub fn add(&self, watcher: Arc<dyn Watcher>) -> u64 {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut watchers = self.watchers.lock();
        watchers.push((number, watcher));
        self.count.store(watchers.len(), Ordering::SeqCst);
        number
    }

    /// Removes a watcher.
    pub fn remove(&self, number: u64) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|w| w.0 != number);
        self.count.store(watchers.len(), Ordering::SeqCst);
    }

    /// Tells all watchers.
    pub fn notify(&self, events: u32) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        for (_, watcher) in self.watchers.lock().iter() {
            watcher.notify(events);
        }
    }
}

impl Default for Source {
    fn default() -> Self {
        Source::new()
    }
}

/// Repeats `attempt` until it answers something else than EAGAIN, waiting on `source` between attempts.
/// A pending signal ends the wait with `ERESTART` (`EINTR` when there was a deadline), a deadline with EAGAIN.
pub fn until<T>(
    source: &Source,
    deadline: Option<u64>,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    match attempt() {
        Err(EAGAIN) => {}
        done => return done,
    }
    let number = source.add(Arc::new(current::arc()));
    let result = loop {
        match attempt() {
            Err(EAGAIN) => {}
            done => break done,
        }
        if let Err(e) = pause(deadline) {
            break Err(e);
        }
    };
    source.remove(number);
    result
}

/// Waits once for a wake-up; an error when a signal is pending or the deadline has passed.
pub fn pause(deadline: Option<u64>) -> Result<()> {
    if signal::is_pending() {
        return Err(if deadline.is_some() { EINTR } else { ERESTART });
    }
    if deadline.is_some_and(|at| tsc::now() >= at) {
        return Err(EAGAIN);
    }
    sched::block(deadline);
    Ok(())
}

/// A deadline from a duration.
pub fn after(ns: u64) -> u64 {
    tsc::now().saturating_add(ns)
}

/// EAGAIN as another error, for waits whose timeout has an error of its own.
pub fn timeout_as<T>(result: Result<T>, error: Errno) -> Result<T> {
    if result.as_ref().is_err_and(|e| *e == EAGAIN) {
        Err(error)
    } else {
        result
    }
}
