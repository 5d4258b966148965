//! The time limits of receives, and which wheel a timer is in.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use vm::microstate::{State, during};
use vm::process::signal::{self, RefNumber, Signal};
use vm::term::Pid;

use crate::clock;
use crate::timers;
use crate::wheel::{Key, Wheel};
use crate::worker;

/// Nanoseconds in a millisecond, which is a tick of the wheels. Ticks count from the start of Erlang
/// monotonic time.
pub const MILLISECOND: i64 = 1_000_000;

/// The tick of a monotonic time, rounded up: a timer never fires early.
pub fn tick_at_or_after(monotonic: i64) -> u64 {
    since_start(monotonic).div_ceil(MILLISECOND as u64)
}

/// The tick that a monotonic time is in.
fn tick_before(monotonic: i64) -> u64 {
    since_start(monotonic) / MILLISECOND as u64
}

fn since_start(monotonic: i64) -> u64 {
    monotonic.saturating_sub(clock::START).max(0) as u64
}

/// What a timer does.
pub enum Timer {
    /// Ends a receive.
    Receive {
        /// Whose.
        pid: Pid,
        /// Which of its receives.
        number: u64,
    },
    /// Sends a program's timer's message (see [`timers`]).
    Message(RefNumber),
    /// Calls back, on the worker's thread.
    Call(Box<dyn FnOnce() + Send>),
}

impl Timer {
    fn fire(self) {
        match self {
            Timer::Receive { pid, number } => {
                let _ = signal::send(pid, Signal::Timeout(number));
            }
            Timer::Message(reference) => timers::fire(reference),
            Timer::Call(call) => call(),
        }
    }
}

/// A worker's timers.
pub struct Timers {
    wheel: Mutex<Wheel<Timer>>,
    /// The tick before which nothing is due; `u64::MAX` if nothing is set.
    next: AtomicU64,
}

impl Timers {
    /// None set.
    pub fn new() -> Timers {
        Timers {
            wheel: Mutex::new(Wheel::new(tick_before(clock::monotonic()))),
            next: AtomicU64::new(u64::MAX),
        }
    }

    /// Sets a timer for a tick; whether it is now the first.
    pub fn set(&self, due: u64, timer: Timer) -> (Key, bool) {
        let mut wheel = self.wheel.lock();
        let key = wheel.insert(due, timer);
        let before = self.next.load(Ordering::Relaxed);
        let first = due < before;
        if first {
            self.next.store(due, Ordering::Release);
        }
        (key, first)
    }

    /// Takes a timer back, if it has not fired; the tick at which it was due.
    pub fn cancel(&self, key: Key) -> Option<u64> {
        let cancelled = self.wheel.lock().cancel(key);
        cancelled.map(|(due, _)| due)
    }

    /// The tick at which a timer is due, if it has not fired.
    pub fn due(&self, key: Key) -> Option<u64> {
        self.wheel.lock().get(key).map(|(due, _)| due)
    }

    /// How long until something may be due; none if nothing is set.
    pub fn wait(&self) -> Option<std::time::Duration> {
        let next = self.next.load(Ordering::Acquire);
        if next == u64::MAX {
            return None;
        }
        let at = next.saturating_mul(MILLISECOND as u64);
        let now = since_start(clock::monotonic());
        Some(std::time::Duration::from_nanos(at.saturating_sub(now)))
    }

    /// Fires what is due.
    pub fn fire(&self) {
        let next = self.next.load(Ordering::Relaxed);
        if next == u64::MAX {
            return;
        }
        let now = tick_before(clock::monotonic());
        if next <= now {
            during(State::Aux, || self.fire_due(now));
        }
    }

    fn fire_due(&self, now: u64) {
        let mut due = Vec::new();
        {
            let mut wheel = self.wheel.lock();
            wheel.advance(now, &mut |_, timer| due.push(timer));
            self.next
                .store(wheel.next().unwrap_or(u64::MAX), Ordering::Release);
        }
        worker::in_order(|| due.into_iter().for_each(|timer| timer.fire()));
    }

    /// How many are set.
    pub fn len(&self) -> usize {
        self.wheel.lock().len()
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Timers {
    fn default() -> Timers {
        Timers::new()
    }
}
