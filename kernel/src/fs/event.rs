//! `eventfd` and `timerfd`.

use alloc::sync::{Arc, Weak};

use super::file::{File, Stat, again};
use super::io::{Feed, Sink};
use crate::arch::sync::SpinLock;
use crate::arch::tsc;
use crate::sys::errno::{EINVAL, Result};
use crate::task::timer::{self, Action, Key, Timed};
use crate::task::wait::{IN, OUT, Source};
use crate::time::Clock;

/// A counter that can be waited for.
pub struct EventFd {
    count: SpinLock<u64>,
    semaphore: bool,
    source: Source,
}

impl EventFd {
    /// A counter with a first value.
    pub fn new(count: u64, semaphore: bool) -> Arc<EventFd> {
        Arc::new(EventFd {
            count: SpinLock::new(count),
            semaphore,
            source: Source::new(),
        })
    }
}

impl File for EventFd {
    fn read(&self, sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        if sink.room() < 8 {
            return Err(EINVAL);
        }
        let value = {
            let mut count = self.count.lock();
            if *count == 0 {
                return again();
            }
            let value = if self.semaphore { 1 } else { *count };
            *count -= value;
            value
        };
        self.source.notify(OUT);
        sink.put(&value.to_le_bytes())
    }

    fn write(&self, feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        if feed.left() < 8 {
            return Err(EINVAL);
        }
        let mut bytes = [0; 8];
        feed.take(&mut bytes)?;
        let value = u64::from_le_bytes(bytes);
        if value == u64::MAX {
            return Err(EINVAL);
        }
        {
            let mut count = self.count.lock();
            if u64::MAX - 1 - *count < value {
                drop(count);
                feed.give_back(8);
                return again();
            }
            *count += value;
        }
        self.source.notify(IN);
        Ok((8, 0))
    }

    fn ready(&self) -> u32 {
        let count = *self.count.lock();
        (if count > 0 { IN } else { 0 }) | (if count < u64::MAX - 1 { OUT } else { 0 })
    }

    fn source(&self) -> Option<&Source> {
        Some(&self.source)
    }

    fn stat(&self) -> Stat {
        Stat {
            mode: 0o600,
            nlink: 1,
            ..Stat::default()
        }
    }
}

struct Setting {
    /// The next expiry, in nanoseconds since start; 0 when off.
    at: u64,
    interval: u64,
    expired: u64,
    key: Option<Key>,
}

/// A timer that can be waited for.
pub struct TimerFd {
    clock: Clock,
    setting: SpinLock<Setting>,
    source: Source,
    this: Weak<TimerFd>,
}

impl TimerFd {
    /// A timer that is off.
    pub fn new(clock: Clock) -> Arc<TimerFd> {
        Arc::new_cyclic(|this| TimerFd {
            clock,
            setting: SpinLock::new(Setting {
                at: 0,
                interval: 0,
                expired: 0,
                key: None,
            }),
            source: Source::new(),
            this: this.clone(),
        })
    }

    /// Time until the next expiry, and the interval.
    pub fn get(&self) -> (u64, u64) {
        let setting = self.setting.lock();
        (
            if setting.at == 0 {
                0
            } else {
                setting.at.saturating_sub(tsc::now()).max(1)
            },
            setting.interval,
        )
    }

    /// Sets the timer: `value` 0 turns it off. The setting before is given back.
    pub fn set(&self, value: u64, interval: u64, absolute: bool) -> (u64, u64) {
        let before = self.get();
        let mut setting = self.setting.lock();
        if let Some(key) = setting.key.take() {
            timer::cancel(key);
        }
        (setting.at, setting.interval, setting.expired) = (0, interval, 0);
        if value != 0 {
            let at = if absolute {
                self.clock.to_monotonic(value)
            } else {
                tsc::now().saturating_add(value)
            };
            setting.at = at.max(1);
            if let Some(this) = self.this.upgrade() {
                setting.key = Some(timer::add(setting.at, Action::Call(this)));
            }
        }
        before
    }
}

impl Timed for TimerFd {
    fn expire(self: Arc<Self>, now: u64) {
        let mut setting = self.setting.lock();
        if setting.at == 0 || setting.at > now {
            return;
        }
        let interval = setting.interval;
        match (now - setting.at).checked_div(interval) {
            None => {
                (setting.at, setting.key) = (0, None);
                setting.expired += 1;
            }
            Some(missed) => {
                setting.expired += missed + 1;
                setting.at += (missed + 1) * interval;
                setting.key = Some(timer::add(setting.at, Action::Call(self.clone())));
            }
        }
        drop(setting);
        self.source.notify(IN);
    }
}

impl File for TimerFd {
    fn read(&self, sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        if sink.room() < 8 {
            return Err(EINVAL);
        }
        let expired = core::mem::take(&mut self.setting.lock().expired);
        if expired == 0 {
            return again();
        }
        sink.put(&expired.to_le_bytes())
    }

    fn ready(&self) -> u32 {
        if self.setting.lock().expired > 0 {
            IN
        } else {
            0
        }
    }

    fn source(&self) -> Option<&Source> {
        Some(&self.source)
    }

    fn stat(&self) -> Stat {
        Stat {
            mode: 0o600,
            nlink: 1,
            ..Stat::default()
        }
    }

    fn closed(&self) {
        self.set(0, 0, false);
    }
}
