//! Which workers are idle, and whom to wake when there is work.
//!
//! A worker without work *searches* at the others, and then *sleeps*. Whoever makes work wakes one sleeper,
//! unless somebody searches already: the searcher will find it. A searcher that finds work wakes the next
//! if it was the last to search, so work that comes in a burst wakes workers one after the other instead of
//! all at once.
//!
//! Nothing is lost: a worker says that it sleeps (and does not search), *then* looks at the queues once
//! more; whoever makes work puts it into a queue, *then* looks for sleepers and searchers. With sequentially
//! consistent fences between, one of the two sees the other.

use super::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// The most workers there can be (OTP: 1024; ours are limited by the mask).
pub const MAX_WORKERS: usize = 64;

/// The set of idle workers.
pub struct Idle {
    sleeping: AtomicU64,
    searching: AtomicU32,
}

impl Idle {
    /// All work.
    pub fn new() -> Idle {
        Idle {
            sleeping: AtomicU64::new(0),
            searching: AtomicU32::new(0),
        }
    }

    /// There is work in a queue: the worker to wake, which then counts as searching. `last` is woken only
    /// where no other sleeps.
    #[must_use]
    pub fn work_to_wake_for(&self, last: Option<usize>) -> Option<usize> {
        loop {
            fence(Ordering::SeqCst);
            let asleep = self.sleeping.load(Ordering::Relaxed) != 0;
            if !asleep || self.searching.load(Ordering::Relaxed) > 0 {
                return None;
            }
            if self
                .searching
                .compare_exchange(0, 1, Ordering::SeqCst, Ordering::Relaxed)
                .is_err()
            {
                return None;
            }
            let others = last.map_or(u64::MAX, |last| !(1 << last));
            let taken = self.take_sleeper(others);
            if let Some(worker) = taken.or_else(|| self.take_sleeper(!others)) {
                return Some(worker);
            }
            // Nobody searches after all; who made work meanwhile may have relied on it. Look again.
            self.searching.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Takes a sleeper of a set out; it does not sleep any more, and the caller wakes it.
    fn take_sleeper(&self, among: u64) -> Option<usize> {
        let mut sleeping = self.sleeping.load(Ordering::SeqCst);
        loop {
            let candidates = sleeping & among;
            if candidates == 0 {
                return None;
            }
            let bit = candidates & candidates.wrapping_neg();
            match self.sleeping.compare_exchange(
                sleeping,
                sleeping & !bit,
                Ordering::SeqCst,
                Ordering::SeqCst,
            ) {
                Ok(_) => return Some(bit.trailing_zeros() as usize),
                Err(now) => sleeping = now,
            }
        }
    }

    /// This very worker is wanted (a process bound to it, a timer): whether it sleeps. If so it counts as
    /// searching, and the caller wakes it.
    #[must_use]
    pub fn wake(&self, worker: usize) -> bool {
        fence(Ordering::SeqCst);
        let woken = self.take_sleeper(1 << worker).is_some();
        if woken {
            self.searching.fetch_add(1, Ordering::SeqCst);
        }
        woken
    }

    /// A worker without work begins to search. False when so many do that it had better not.
    #[must_use]
    pub fn search(&self, workers: usize) -> bool {
        if 2 * self.searching.load(Ordering::Relaxed) as usize >= workers {
            return false;
        }
        self.searching.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// A searcher has found work: the worker to wake, if it was the last to search and there may be more.
    #[must_use]
    pub fn found(&self, last: Option<usize>) -> Option<usize> {
        if self.searching.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.work_to_wake_for(last)
        } else {
            None
        }
    }

    /// A worker is about to sleep: it must look at the queues once more after this, and if there is something
    /// call [`awake`](Idle::awake) instead of sleeping, and wake another as if it had made that work.
    pub fn sleep(&self, worker: usize, searching: bool) {
        self.sleeping.fetch_or(1 << worker, Ordering::SeqCst);
        if searching {
            self.searching.fetch_sub(1, Ordering::SeqCst);
        }
        fence(Ordering::SeqCst);
    }

    /// A worker that said it sleeps is awake. True when somebody woke it, who counted it as searching.
    #[must_use]
    pub fn awake(&self, worker: usize) -> bool {
        self.sleeping.fetch_and(!(1 << worker), Ordering::SeqCst) & (1 << worker) == 0
    }

    /// Some worker that sleeps (a snapshot); it goes on sleeping for all that `Idle` knows.
    pub fn any_sleeper(&self) -> Option<usize> {
        let sleeping = self.sleeping.load(Ordering::Relaxed);
        (sleeping != 0).then(|| sleeping.trailing_zeros() as usize)
    }

    /// Whether a worker sleeps (a snapshot).
    pub fn sleeps(&self, worker: usize) -> bool {
        self.sleeping.load(Ordering::Relaxed) & (1 << worker) != 0
    }

    /// How many workers sleep (a snapshot).
    pub fn sleeping(&self) -> u32 {
        self.sleeping.load(Ordering::Relaxed).count_ones()
    }
}

impl Default for Idle {
    fn default() -> Idle {
        Idle::new()
    }
}
