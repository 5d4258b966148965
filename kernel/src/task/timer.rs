//! Timeouts: an ordered map per processor. Rank: a timer map's lock comes before run queues.

use crate::map::Map;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use super::sched;
use super::thread::Thread;
use crate::arch::percpu::{self, MAX_CPUS};
use crate::arch::sync::SpinLock;

/// Something that happens at a time.
pub trait Timed: Send + Sync {
    /// Called in an interrupt, without locks held.
    fn expire(self: Arc<Self>, now: u64);
}

/// What happens.
pub enum Action {
    /// A thread is woken.
    Wake(Arc<Thread>),
    /// An object is told.
    Call(Arc<dyn Timed>),
}

/// Names a timer, to cancel it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    cpu: u32,
    at: u64,
    number: u64,
}

static TIMERS: [SpinLock<Map<(u64, u64), Action>>; MAX_CPUS] =
    [const { SpinLock::new(Map::new()) }; MAX_CPUS];
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Sets a timer on this processor.
pub fn add(at: u64, action: Action) -> Key {
    let cpu = percpu::this();
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    TIMERS[cpu.index as usize]
        .lock()
        .insert((at, number), action);
    if at < cpu.timer_armed.load(Ordering::Relaxed) {
        sched::arm(cpu);
    }
    Key {
        cpu: cpu.index,
        at,
        number,
    }
}

/// Cancels a timer. False if it has fired.
pub fn cancel(key: Key) -> bool {
    TIMERS[key.cpu as usize]
        .lock()
        .remove(&(key.at, key.number))
        .is_some()
}

/// The next time anything is due on a processor.
pub fn next(cpu: u32) -> Option<u64> {
    TIMERS[cpu as usize]
        .lock()
        .first_key_value()
        .map(|(&(at, _), _)| at)
}

/// Does what is due.
pub fn expire(cpu: u32, now: u64) {
    loop {
        let action = {
            let mut timers = TIMERS[cpu as usize].lock();
            match timers.first_key_value() {
                Some((key, _)) if key.0 <= now => timers.pop_first(),
                _ => return,
            }
        };
        let Some((_, action)) = action else {
            return;
        };
        match action {
            Action::Wake(thread) => sched::wake(&thread),
            Action::Call(timed) => timed.expire(now),
        }
    }
}
