//! Several timers on a port's one.

use crate::handle::PortHandle;
use std::time::{Duration, Instant};

/// What a time is set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A connection is being made.
    Connect,
    /// Data is waited for.
    Receive,
    /// A sender waits for the queue to become shorter.
    Send,
    /// Delayed output is to be written.
    Delayed,
    /// The operation with this number waits for a connection.
    Accept(u16),
}

/// The timers of a socket.
pub struct Timers {
    port: PortHandle,
    waiting: Vec<(Instant, Timer)>,
}

impl Timers {
    /// None yet.
    pub fn new(port: PortHandle) -> Self {
        Self {
            port,
            waiting: Vec::new(),
        }
    }

    /// Sets a timer, in milliseconds.
    pub fn set(&mut self, timer: Timer, after: u32) {
        let after = Duration::from_millis(after.into());
        let at = Instant::now() + after;
        let first = self.waiting.iter().all(|(other, _)| at < *other);
        self.waiting.push((at, timer));
        if first {
            self.port.set_timer(after);
        }
    }

    /// Removes a timer. The port's may come too early then, which does no harm.
    pub fn cancel(&mut self, timer: Timer) {
        self.waiting.retain(|(_, other)| *other != timer);
        if self.waiting.is_empty() {
            self.port.cancel_timer();
        }
    }

    /// Removes all.
    pub fn cancel_all(&mut self) {
        self.waiting.clear();
        self.port.cancel_timer();
    }

    /// The next one whose time has come.
    pub fn due(&mut self) -> Option<Timer> {
        let now = Instant::now();
        let first = (0..self.waiting.len()).min_by_key(|&index| self.waiting[index].0)?;
        let (at, timer) = self.waiting[first];
        if at > now {
            self.port.set_timer(at - now);
            return None;
        }
        self.waiting.swap_remove(first);
        Some(timer)
    }
}
