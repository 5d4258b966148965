//! Descriptors: workers without work wait for them, so that what comes in is served by the thread that was
//! told of it, without another wake-up.
//!
//! The layer that has descriptors registers a [`Polls`]. Of the workers that sleep, one waits there instead of
//! in its parker; see [`Polling`] for who.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::time::Duration;

use crate::clock;

/// What waits for descriptors.
pub trait Polls: Send + Sync {
    /// Waits until something is ready, or this long, or until [`wake`](Polls::wake), and does what there is to
    /// do. At once if another thread is waiting.
    fn wait(&self, limit: Option<Duration>);
    /// Does what there is to do now; whether there was something.
    fn look(&self) -> bool;
    /// Lets the thread that waits, or the next one, return at once.
    fn wake(&self);
}

static POLLS: OnceLock<&'static dyn Polls> = OnceLock::new();

/// Registers what waits for descriptors. Once; false the second time.
pub fn set(polls: &'static dyn Polls) -> bool {
    POLLS.set(polls).is_ok()
}

pub(crate) fn polls() -> Option<&'static dyn Polls> {
    POLLS.get().copied()
}

/// Nanoseconds: a worker that looked for descriptors when it was idle looks again so soon that no other need
/// wait for them.
const FRESH: u64 = 500_000;
/// How long a sleeper leaves the descriptors to another worker before it looks whether that still looks.
pub(crate) const TRUST: Duration = Duration::from_millis(1);
/// Nanoseconds between two looks of a worker that is never idle, while none waits.
const BUSY: u64 = 200_000;

/// Who waits for descriptors.
///
/// At most one worker does. While others are awake and idle now and then, they look for descriptors
/// themselves, and what they find they serve without waking anybody: a sleeper waits only if none has looked
/// for [`FRESH`] nanoseconds. Where all are busy and none waits, they look between turns.
pub(crate) struct Polling {
    /// The number of the worker that waits, plus one.
    waiting: AtomicUsize,
    /// Raw time of the last look.
    busy_look: AtomicU64,
}

fn now() -> u64 {
    clock::raw_monotonic().max(1) as u64
}

/// Whether a worker that noted this looks often enough.
pub(crate) fn is_fresh(noted: &AtomicU64) -> bool {
    now().saturating_sub(noted.load(Ordering::Relaxed)) < FRESH
}

impl Polling {
    pub fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            busy_look: AtomicU64::new(0),
        }
    }

    /// Whether this worker is to wait for descriptors; it must say when it does not any more.
    #[must_use]
    pub fn begin(&self, worker: usize) -> bool {
        let mine = self
            .waiting
            .compare_exchange(0, worker + 1, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok();
        // Who wakes this worker leaves a token, then looks who waits; this worker does it the other way round.
        fence(Ordering::SeqCst);
        mine
    }

    /// It waits no more.
    pub fn end(&self) {
        self.waiting.store(0, Ordering::SeqCst);
    }

    /// Whether a worker waits for descriptors.
    pub fn is_waiting(&self, worker: usize) -> bool {
        fence(Ordering::SeqCst);
        self.waiting.load(Ordering::SeqCst) == worker + 1
    }

    /// Which worker waits.
    pub fn waiting(&self) -> Option<usize> {
        self.waiting.load(Ordering::Relaxed).checked_sub(1)
    }

    /// An idle worker looks, and notes when; whether there was something.
    pub fn idle_look(&self, noted: &AtomicU64) -> bool {
        let Some(polls) = polls().filter(|_| self.waiting().is_none()) else {
            return false;
        };
        let now = now();
        noted.store(now, Ordering::Relaxed);
        self.busy_look.store(now, Ordering::Relaxed);
        polls.look()
    }

    /// A worker between two turns looks, if none has for a while; whether it did.
    pub fn busy_look(&self) -> bool {
        let Some(polls) = polls().filter(|_| self.waiting().is_none()) else {
            return false;
        };
        let now = now();
        let last = self.busy_look.load(Ordering::Relaxed);
        if now.saturating_sub(last) < BUSY {
            return false;
        }
        self.busy_look.store(now, Ordering::Relaxed);
        polls.look();
        true
    }
}
