//! A worker's queue of processes that are ready, by priority.
//!
//! `max` goes before `high`, `high` before the rest. `normal` and `low` share the rest: a process of
//! priority `low` has its turn once for every eight of `normal`, as in OTP. A process that has to handle a signal
//! of one of higher priority stands among those until it has done so.
//!
//! Anybody may push; the worker pops, and others take about half when they have nothing. The lock is the
//! worker's own and held for a few instructions; lock rank: last, nothing is called under it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use vm::process::{Priority, Queued};
use vm::term::Pid;

/// Turns of `normal` for one of `low` (OTP: `RESCHEDULE_LOW`).
const NORMAL_PER_LOW: u32 = 8;
/// The most that is taken from another's queue at once.
const STEAL_LIMIT: usize = 64;

/// The queue.
pub struct RunQueue {
    queues: Mutex<Queues>,
    /// Its lengths by priority, readable without the lock.
    lengths: [AtomicUsize; Priority::COUNT],
    /// How many of them are bound to this worker.
    bound: AtomicUsize,
}

#[derive(Default)]
struct Queues {
    by_priority: [VecDeque<Queued>; Priority::COUNT],
    /// Turns of `normal` since the last of `low`.
    since_low: u32,
}

impl RunQueue {
    /// An empty one.
    pub fn new() -> RunQueue {
        RunQueue {
            queues: Mutex::new(Queues::default()),
            lengths: std::array::from_fn(|_| AtomicUsize::new(0)),
            bound: AtomicUsize::new(0),
        }
    }

    /// How many are ready.
    pub fn len(&self) -> usize {
        self.lengths
            .iter()
            .map(|length| length.load(Ordering::Relaxed))
            .sum()
    }

    /// Whether nobody is ready.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is somebody whom another worker may run. One that looks for work must not stay awake for
    /// processes that it cannot take: it would only keep the processor from their own worker.
    pub fn has_free(&self) -> bool {
        self.len() > self.bound.load(Ordering::Relaxed)
    }

    /// How many of a priority are ready.
    pub fn len_of(&self, priority: Priority) -> usize {
        self.lengths[priority as usize].load(Ordering::Relaxed)
    }

    /// Appends a process.
    pub fn push(&self, process: Queued) {
        let mut queues = self.queues.lock();
        // Read under the lock: either this sees that it was raised, or `hurry` finds the process here.
        let priority = process.shared().service_priority() as usize;
        if process.shared().bound() != 0 {
            self.bound.fetch_add(1, Ordering::Relaxed);
        }
        queues.by_priority[priority].push_back(process);
        self.update(&queues, priority);
    }

    /// Puts a process that waits here behind those of the priority that it is served with now. False if it is not here,
    /// or in its place already.
    pub fn hurry(&self, pid: Pid) -> bool {
        let mut queues = self.queues.lock();
        for from in 1..Priority::COUNT {
            let found = queues.by_priority[from]
                .iter()
                .position(|process| process.shared().pid() == pid);
            let Some(place) = found else { continue };
            let Some(process) = queues.by_priority[from].remove(place) else {
                continue;
            };
            let to = (process.shared().service_priority() as usize).min(from);
            queues.by_priority[to].push_back(process);
            self.update(&queues, from);
            self.update(&queues, to);
            return to < from;
        }
        false
    }

    fn update(&self, queues: &Queues, priority: usize) {
        self.lengths[priority].store(queues.by_priority[priority].len(), Ordering::Relaxed);
    }

    /// The next to run.
    pub fn pop(&self) -> Option<Queued> {
        if self.is_empty() {
            return None;
        }
        let mut queues = self.queues.lock();
        let priority = queues.choose()? as usize;
        let process = queues.by_priority[priority].pop_front();
        if process
            .as_ref()
            .is_some_and(|process| process.shared().bound() != 0)
        {
            self.bound.fetch_sub(1, Ordering::Relaxed);
        }
        self.update(&queues, priority);
        process
    }

    /// Takes about half of what others may run, the longest-waiting first: one to run, the rest to keep.
    pub fn steal(&self) -> Vec<Queued> {
        if !self.has_free() {
            return Vec::new();
        }
        let Some(mut queues) = self.queues.try_lock() else {
            return Vec::new();
        };
        let total: usize = queues.by_priority.iter().map(VecDeque::len).sum();
        let wanted = total.div_ceil(2).min(STEAL_LIMIT);
        let mut stolen = Vec::with_capacity(wanted);
        for priority in 0..Priority::COUNT {
            let queue = &mut queues.by_priority[priority];
            let mut kept = VecDeque::new();
            while stolen.len() < wanted
                && let Some(process) = queue.pop_front()
            {
                if process.shared().bound() == 0 {
                    stolen.push(process);
                } else {
                    kept.push_back(process);
                }
            }
            while let Some(process) = kept.pop_back() {
                queue.push_front(process);
            }
            self.update(&queues, priority);
        }
        stolen
    }
}

impl Default for RunQueue {
    fn default() -> RunQueue {
        RunQueue::new()
    }
}

impl Queues {
    /// Whose turn it is.
    fn choose(&mut self) -> Option<Priority> {
        let has = |priority: Priority| !self.by_priority[priority as usize].is_empty();
        if has(Priority::Max) {
            return Some(Priority::Max);
        }
        if has(Priority::High) {
            return Some(Priority::High);
        }
        let (normal, low) = (has(Priority::Normal), has(Priority::Low));
        if normal && !(low && self.since_low >= NORMAL_PER_LOW) {
            self.since_low += u32::from(low);
            return Some(Priority::Normal);
        }
        self.since_low = 0;
        low.then_some(Priority::Low)
    }
}
