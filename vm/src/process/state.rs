//! Whether a process runs, waits to run, sleeps, or is gone: one atomic word.
//!
//! ```text
//!              wake: Enqueue                 start
//!   0 (sleeps) ------------> NOTIFIED (queued) ------> RUNNING ---- die ----> DEAD
//!       ^                        ^                       |  ^ wake: Nothing
//!       |        give_way        +-----------------------+  | (NOTIFIED is set beside RUNNING)
//!       +------------------------------------------------+--+
//!                 sleep: Asleep; with NOTIFIED set: Again (queued)
//! ```
//!
//! `NOTIFIED` without `RUNNING` means: in exactly one run queue, or about to be put there by the one that
//! got [`Woken::Enqueue`] (or [`Slept::Again`]). Whoever starts the process takes the mark off *before* it
//! looks at the signal queue, so a signal pushed later finds the mark off and sets it: no wake-up is lost,
//! and nothing but this word decides.

use super::sync::{AtomicU32, Ordering};

/// A scheduler runs it; the owner part belongs to that scheduler.
const RUNNING: u32 = 1;
/// There is something to do that whoever runs it has not seen yet.
const NOTIFIED: u32 = 2;
/// It has ended; nothing runs it any more.
const DEAD: u32 = 4;

/// What waking asks of the waker.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
#[must_use]
pub enum Woken {
    /// The process slept: the caller puts it into a run queue.
    Enqueue,
    /// It is queued, runs, or is dead.
    Nothing,
}

/// What became of a process that wanted to sleep.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
#[must_use]
pub enum Slept {
    /// It sleeps; who wakes it enqueues it.
    Asleep,
    /// Something arrived meanwhile: the caller puts it into a run queue.
    Again,
}

/// The word.
#[derive(Debug)]
pub struct State(AtomicU32);

impl State {
    /// Of a process that sleeps: it is made runnable by the first [`wake`](State::wake).
    pub fn new() -> State {
        State(AtomicU32::new(0))
    }

    /// Says that there is something to do.
    ///
    /// `AcqRel`: the signal was pushed before this; whoever starts the process must see it.
    pub fn wake(&self) -> Woken {
        let before = self.0.fetch_or(NOTIFIED, Ordering::AcqRel);
        if before & (RUNNING | NOTIFIED | DEAD) == 0 {
            Woken::Enqueue
        } else {
            Woken::Nothing
        }
    }

    /// Starts a process taken from a run queue: the caller now owns its owner part.
    ///
    /// `AcqRel`: acquires what the last owner left and what wakers pushed; the mark goes off before the
    /// signal queue is read.
    pub fn start(&self) {
        let before = self.0.fetch_xor(RUNNING | NOTIFIED, Ordering::AcqRel);
        debug_assert_eq!(
            before & (RUNNING | NOTIFIED | DEAD),
            NOTIFIED,
            "only a queued process is started"
        );
    }

    /// Whether something happened since the process was started.
    ///
    /// `Relaxed`: a hint; the queue itself is read with its own ordering.
    pub fn is_notified(&self) -> bool {
        self.0.load(Ordering::Relaxed) & NOTIFIED != 0
    }

    /// Takes the mark off while the process runs, before the signal queue is read again.
    ///
    /// `AcqRel`, as in [`start`](State::start).
    pub fn seen(&self) {
        self.0.fetch_and(!NOTIFIED, Ordering::AcqRel);
    }

    /// Ends a slice of a process that waits; the owner part is no longer the caller's.
    ///
    /// `AcqRel`: releases the owner part to whoever starts the process next.
    pub fn sleep(&self) -> Slept {
        let before = self.0.fetch_and(!RUNNING, Ordering::AcqRel);
        debug_assert_ne!(before & RUNNING, 0, "only a running process goes to sleep");
        if before & NOTIFIED == 0 {
            Slept::Asleep
        } else {
            Slept::Again
        }
    }

    /// Ends a slice of a process that has more to do: the caller puts it into a run queue.
    ///
    /// `Release`: as in [`sleep`](State::sleep). Sets the mark whether or not a waker did.
    pub fn give_way(&self) {
        self.0.store(NOTIFIED, Ordering::Release);
    }

    /// Ends the process.
    ///
    /// `AcqRel`: the owner part was freed before; a late waker sees that it need not enqueue.
    pub fn die(&self) {
        self.0.fetch_or(DEAD, Ordering::AcqRel);
    }

    /// Whether the process has ended.
    pub fn is_dead(&self) -> bool {
        self.0.load(Ordering::Acquire) & DEAD != 0
    }

    /// Whether it sleeps and nobody has woken it.
    ///
    /// `Acquire`: what the caller's own thread pushed before is either handled, or its mark is seen.
    pub fn is_quiet(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }

    /// Whether a scheduler runs it just now (a snapshot, for `process_info` and statistics).
    pub fn is_running(&self) -> bool {
        self.0.load(Ordering::Acquire) & RUNNING != 0
    }
}

impl Default for State {
    fn default() -> State {
        State::new()
    }
}
