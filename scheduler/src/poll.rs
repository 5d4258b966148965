//! Descriptors: workers without work wait for them, so that what comes in is served by the thread that was
//! told of it, without another wake-up.
//!
//! The layer that has descriptors registers a [`Polls`]. Of the workers that sleep, one waits there instead of
//! in its parker; see [`Polling`] for who.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::thread::Thread;
use std::time::Duration;

use vm::microstate::{State, during};

use crate::accounting::ThreadKind;
use crate::clock;
use crate::microstate;
use crate::worker;

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

/// How often the guard looks whether some worker does.
const GUARD: Duration = Duration::from_millis(20);
/// Rounds in a row in which a worker waits, after which the guard sleeps.
const GUARD_ROUNDS: u32 = 50;

/// The calling thread is about to run what waited for a descriptor, and not waiting itself meanwhile.
pub fn stops_waiting() {
    if let (Some(index), Some(workers)) = (worker::current(), worker::workers()) {
        workers.stops_waiting(index);
    }
}

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
    /// The thread that looks where no worker does.
    guard: OnceLock<Thread>,
    /// Whether that sleeps until somebody stops waiting.
    guard_sleeps: AtomicBool,
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
            guard: OnceLock::new(),
            guard_sleeps: AtomicBool::new(false),
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

    /// It waits no more, if it did.
    pub fn end(&self, worker: usize) {
        let ended = self
            .waiting
            .compare_exchange(worker + 1, 0, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok();
        // The guard says that it sleeps, then looks who waits.
        if ended
            && self.guard_sleeps.load(Ordering::SeqCst)
            && let Some(guard) = self.guard.get()
        {
            guard.unpark();
        }
    }

    /// What the guard does all its life: looks where no worker has for long. That happens while a driver
    /// blocks the worker that was told of a descriptor, and the others sleep.
    pub fn guard(&self) {
        let _ = self.guard.set(std::thread::current());
        microstate::begins(ThreadKind::Poll, 0);
        let mut idle = 0;
        loop {
            microstate::enter(State::Sleep);
            std::thread::park_timeout(GUARD);
            if self.waiting().is_some() {
                idle += 1;
                if idle >= GUARD_ROUNDS {
                    self.guard_sleeps.store(true, Ordering::SeqCst);
                    if self.waiting.load(Ordering::SeqCst) != 0 {
                        std::thread::park();
                    }
                    self.guard_sleeps.store(false, Ordering::SeqCst);
                    idle = 0;
                }
                continue;
            }
            idle = 0;
            microstate::enter(State::CheckIo);
            let since = now().saturating_sub(self.busy_look.load(Ordering::Relaxed));
            if since >= GUARD.as_nanos() as u64
                && let Some(polls) = polls()
            {
                polls.look();
            }
        }
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
        during(State::CheckIo, || polls.look())
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
        during(State::CheckIo, || polls.look());
        true
    }
}
