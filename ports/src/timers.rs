//! The timers of ports: one each, run by whoever polls.
//!
//! Lock: one (rank 3), held for look-ups and changes only; not taken to see that nothing is due.

#![forbid(unsafe_code)]

use crate::handle::PortId;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// All timers.
#[derive(Default)]
pub(crate) struct Timers {
    state: Mutex<State>,
    /// Whether there are any.
    some: AtomicBool,
}

#[derive(Default)]
struct State {
    by_port: HashMap<PortId, Instant>,
    by_time: BTreeSet<(Instant, PortId)>,
}

impl Timers {
    /// Sets or removes a port's timer. True when the thread that waits has to be woken, because what it
    /// waits for comes later than this.
    pub fn set(&self, port: PortId, after: Option<Duration>) -> bool {
        let mut state = self.state.lock();
        if let Some(old) = state.by_port.remove(&port) {
            state.by_time.remove(&(old, port));
        }
        let Some(at) = after.and_then(|after| Instant::now().checked_add(after)) else {
            return false;
        };
        state.by_port.insert(port, at);
        state.by_time.insert((at, port));
        self.some.store(true, Ordering::SeqCst);
        state.by_time.first() == Some(&(at, port))
    }

    /// The time left on a port's timer.
    pub fn left(&self, port: PortId) -> Option<Duration> {
        let at = *self.state.lock().by_port.get(&port)?;
        Some(at.saturating_duration_since(Instant::now()))
    }

    /// Takes the ports whose time is up, and says how long until the next.
    pub fn due(&self) -> (Vec<PortId>, Option<Duration>) {
        // Who sets one wakes whoever waits, and that one looks again.
        if !self.some.load(Ordering::SeqCst) {
            return (Vec::new(), None);
        }
        let mut state = self.state.lock();
        let now = Instant::now();
        let mut due = Vec::new();
        while let Some(&(at, port)) = state.by_time.first() {
            if at > now {
                return (due, Some(at - now));
            }
            state.by_time.pop_first();
            state.by_port.remove(&port);
            due.push(port);
        }
        self.some.store(false, Ordering::SeqCst);
        (due, None)
    }
}
