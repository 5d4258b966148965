//! The workers.

use std::cell::{Cell, RefCell};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use vm::process::hooks::{self, Schedulers};
use vm::process::{After, Priority, Queued, RefNumber, Runner, slice};
use vm::term::Pid;

use crate::clock;
use crate::idle::{Idle, MAX_WORKERS};
use crate::park::Parker;
use crate::run_queue::RunQueue;
use crate::timeouts::{Timer, Timers, tick_at_or_after};
use crate::wheel::Key;

/// How often a worker looks for work again before it sleeps.
const SPINS: u32 = 64;
/// Turns in a row that the slot may have while the queue waits.
const SLOT_TURNS: u32 = 16;

/// What the schedulers are started with.
pub struct Config {
    /// How many workers.
    pub workers: usize,
    /// Makes what runs processes, once a worker.
    pub runner: fn() -> Box<dyn Runner>,
}

/// A worker's part that all may touch.
pub struct Worker {
    /// Who is ready.
    pub queue: RunQueue,
    /// Its timers.
    pub timers: Timers,
    parker: Parker,
    /// Turns that it gave.
    pub turns: AtomicU64,
}

/// All workers.
pub struct Workers {
    /// Each.
    pub all: Box<[Worker]>,
    idle: Idle,
    stop: AtomicBool,
    next: AtomicU64,
}

static WORKERS: OnceLock<Workers> = OnceLock::new();

thread_local! {
    /// The worker that this thread is.
    static CURRENT: Cell<Option<usize>> = const { Cell::new(None) };
    /// The process that was woken last by the one that runs here.
    static SLOT: RefCell<Option<Queued>> = const { RefCell::new(None) };
}

/// The worker that this thread is.
pub fn current() -> Option<usize> {
    CURRENT.get()
}

/// All workers, once they were started.
pub fn workers() -> Option<&'static Workers> {
    WORKERS.get()
}

/// Starts the workers. Once; false the second time.
pub fn start(config: &Config) -> bool {
    let count = config.workers.clamp(1, MAX_WORKERS);
    let workers = Workers {
        all: (0..count)
            .map(|_| Worker {
                queue: RunQueue::new(),
                timers: Timers::new(),
                parker: Parker::new(),
                turns: AtomicU64::new(0),
            })
            .collect(),
        idle: Idle::new(),
        stop: AtomicBool::new(false),
        next: AtomicU64::new(0),
    };
    if WORKERS.set(workers).is_err() {
        return false;
    }
    let workers = WORKERS.get().expect("just set");
    hooks::set_schedulers(workers);
    let runner = config.runner;
    for index in 0..count {
        std::thread::Builder::new()
            .name(format!("erts_sched_{}", index + 1))
            .spawn(move || workers.work(index, runner))
            .expect("the system lets us start a thread for each scheduler");
    }
    true
}

impl Workers {
    /// Lets all workers end once they have no process in hand.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        for worker in &self.all {
            worker.parker.unpark();
        }
    }

    fn wake_one(&self) {
        if let Some(worker) = self.idle.work_to_wake_for() {
            self.all[worker].parker.unpark();
        }
    }

    fn wake(&self, worker: usize) {
        if self.idle.wake(worker) {
            self.all[worker].parker.unpark();
        }
    }

    fn push(&self, worker: usize, process: Queued) {
        self.all[worker].queue.push(process);
        self.wake_one();
    }

    /// What a worker does all its life.
    fn work(&self, index: usize, runner: fn() -> Box<dyn Runner>) {
        CURRENT.set(Some(index));
        let mut runner = runner();
        let me = &self.all[index];
        let mut slot_turns = 0;
        loop {
            me.timers.fire();
            let Some(process) = self.next(index, &mut slot_turns) else {
                return;
            };
            me.turns.fetch_add(1, Ordering::Relaxed);
            if let After::Ready(process) = slice::turn(process.start(), &mut *runner) {
                self.requeue(index, process);
            }
        }
    }

    fn requeue(&self, index: usize, process: Queued) {
        match process.shared().bound() {
            0 => self.push(index, process),
            bound => self.push_bound(bound, process),
        }
    }

    fn push_bound(&self, bound: u32, process: Queued) {
        let worker = (bound as usize - 1).min(self.all.len() - 1);
        self.all[worker].queue.push(process);
        if current() != Some(worker) {
            self.wake(worker);
        }
    }

    /// The next process for a worker; none when it is to end.
    fn next(&self, index: usize, slot_turns: &mut u32) -> Option<Queued> {
        let me = &self.all[index];
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            let urgent = me.queue.len_of(Priority::Max) + me.queue.len_of(Priority::High) > 0;
            if !urgent
                && *slot_turns < SLOT_TURNS
                && let Some(process) = SLOT.take()
            {
                *slot_turns += 1;
                return Some(process);
            }
            *slot_turns = 0;
            if let Some(process) = me.queue.pop() {
                return Some(process);
            }
            if let Some(process) = SLOT.take() {
                return Some(process);
            }
            if let Some(process) = self.look_around(index) {
                return Some(process);
            }
            me.timers.fire();
        }
    }

    /// Looks for work at others, and sleeps if there is none. None: look at the own queue again.
    fn look_around(&self, index: usize) -> Option<Queued> {
        let me = &self.all[index];
        let mut searching = self.idle.search(self.all.len());
        if searching {
            for _ in 0..SPINS {
                if let Some(process) = self.steal(index) {
                    self.found();
                    return Some(process);
                }
                if !me.queue.is_empty() {
                    self.found();
                    return None;
                }
                std::hint::spin_loop();
            }
        }
        self.idle.sleep(index, searching);
        searching = if self.any_work(index) {
            self.idle.awake(index)
        } else {
            me.parker.park(me.timers.wait());
            self.idle.awake(index)
        };
        if searching {
            self.found();
        }
        None
    }

    fn any_work(&self, index: usize) -> bool {
        self.stop.load(Ordering::Relaxed)
            || !self.all[index].queue.is_empty()
            || self.all.iter().any(|other| !other.queue.is_empty())
            || self.all[index]
                .timers
                .wait()
                .is_some_and(|wait| wait.is_zero())
    }

    fn found(&self) {
        if let Some(worker) = self.idle.found() {
            self.all[worker].parker.unpark();
        }
    }

    fn steal(&self, index: usize) -> Option<Queued> {
        let count = self.all.len();
        for distance in 1..count {
            let victim = &self.all[(index + distance) % count];
            let mut stolen = victim.queue.steal().into_iter();
            if let Some(first) = stolen.next() {
                for process in stolen {
                    self.all[index].queue.push(process);
                }
                return Some(first);
            }
        }
        None
    }

    fn timer_home(&self) -> usize {
        current().unwrap_or(0)
    }

    /// Sets a timer; the answer names it.
    pub fn set_timer(&self, due: u64, timer: Timer) -> u64 {
        let worker = self.timer_home();
        let (key, first) = self.all[worker].timers.set(due, timer);
        if first && current() != Some(worker) {
            self.wake(worker);
        }
        (worker as u64) << 56 | u64::from(key.generation) << 32 | u64::from(key.index)
    }

    /// Takes a timer back, if it has not fired; the tick at which it was due.
    pub fn cancel_timer(&self, timer: u64) -> Option<u64> {
        let key = Key {
            index: timer as u32,
            generation: (timer >> 32) as u32 & 0x00ff_ffff,
        };
        self.all[(timer >> 56) as usize].timers.cancel(key)
    }
}

impl Schedulers for Workers {
    fn ready(&self, process: Queued) {
        let bound = process.shared().bound();
        if bound != 0 {
            return self.push_bound(bound, process);
        }
        match current() {
            Some(worker) if process.shared().priority() == Priority::Normal => {
                if let Some(displaced) = SLOT.replace(Some(process)) {
                    self.push(worker, displaced);
                }
            }
            Some(worker) => self.push(worker, process),
            None => {
                let turn = self.next.fetch_add(1, Ordering::Relaxed) as usize;
                self.push(turn % self.all.len(), process);
            }
        }
    }

    fn set_timeout(&self, pid: Pid, number: u64, after: Duration) -> u64 {
        let nanoseconds = i64::try_from(after.as_nanos()).unwrap_or(i64::MAX / 2);
        let due = tick_at_or_after(clock::raw_monotonic().saturating_add(nanoseconds));
        self.set_timer(due, Timer::Receive { pid, number })
    }

    fn cancel_timeout(&self, timer: u64) {
        self.cancel_timer(timer);
    }

    fn system_time(&self) -> i64 {
        clock::raw_system()
    }

    fn current(&self) -> u32 {
        current().map_or(0, |worker| worker as u32 + 1)
    }

    fn count(&self) -> u32 {
        self.all.len() as u32
    }

    fn monitor_time_offset(&self, pid: Pid, reference: RefNumber) {
        let _ = (pid, reference);
    }

    fn demonitor_time_offset(&self, reference: RefNumber) {
        let _ = reference;
    }
}
