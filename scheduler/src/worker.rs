//! The workers: threads that give processes their turns.
//!
//! A process that is woken by the one that runs goes to the worker's *slot*: it has the next turn, its data
//! being warm. One that is displaced from the slot, or comes from elsewhere, goes to the queue. One that is new is not
//! displaced: what is woken after it was spawned may count on what it does first; nor is the first of those whom timers
//! wake together. The slot has at most [`SLOT_TURNS`] turns in a row while others wait.
//!
//! Of all workers those below the *limit* work: as many as are online (`schedulers_online`), or one while
//! multi-scheduling is blocked. The others hand over what they have and sleep, waking only for their timers.

use std::cell::{Cell, RefCell};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use vm::microstate::State;
use vm::process::hooks::{self, Schedulers};
use vm::process::{After, Priority, Queued, RefNumber, Runner, slice};
use vm::term::Pid;
use vm::trace::monitor;

use crate::accounting::ThreadKind;
use crate::bind;
use crate::clock;
use crate::idle::{Idle, MAX_WORKERS};
use crate::limits;
use crate::microstate;
use crate::offset_monitors;
use crate::park::Parker;
use crate::poll::{self, Polling};
use crate::run_queue::RunQueue;
use crate::timeouts::{Timer, Timers, tick_at_or_after};
use crate::timers;
use crate::wheel::Key;

/// How often a worker looks for work again before it sleeps, where each has a processor of its own: for the
/// time that an answer from another worker takes (some 15 µs), which is less than a sleep and a wake-up cost.
const SPINS: u32 = 500;
/// The same where workers share processors: who waits takes them from those who work.
const SPINS_SHARED: u32 = 64;
/// Turns in a row that the slot may have while the queue waits.
const SLOT_TURNS: u32 = 16;
/// Turns after which a busy worker asks the clock whether to look for descriptors, ...
const LOOK_EVERY: u32 = 16;
/// ... and reductions of a turn after which it does at once.
const LONG_TURN: u64 = 1000;
/// Looks between turns after which a sleeper is to wait for descriptors instead.
const BUSY_LOOKS: u32 = 5;
/// Turns after which a worker looks at the clock for its timers, ...
const TIMERS_EVERY: u32 = 8;
/// ... and reductions of a turn after which it does at once.
const TIMERS_TURN: u64 = 500;
/// Where the worker's number stands in a timer's.
const TIMER_WORKER_SHIFT: u32 = 56;

/// What the schedulers are started with.
pub struct Config {
    /// How many workers.
    pub workers: usize,
    /// How many of them work at first.
    pub online: usize,
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
    /// Turns that it gave. Only the worker writes this.
    pub turns: AtomicU64,
    /// Reductions that processes used in them. Only the worker writes this.
    pub reductions: AtomicU64,
    /// Whether it gives turns just now.
    pub busy: AtomicBool,
    /// Raw time at which it last looked for descriptors when it was idle.
    idle_look: AtomicU64,
    /// Nanoseconds that it was awake, while that is measured.
    pub awake_time: AtomicU64,
    /// Raw time since which it is awake; 0 while it sleeps.
    pub awake_since: AtomicU64,
}

/// All workers.
pub struct Workers {
    /// Each.
    pub all: Box<[Worker]>,
    idle: Idle,
    polling: Polling,
    stop: AtomicBool,
    next: AtomicU64,
    /// How many work.
    limit: AtomicUsize,
    /// How often one without work looks again before it sleeps.
    spins: u32,
}

static WORKERS: OnceLock<Workers> = OnceLock::new();

thread_local! {
    /// The worker that this thread is.
    static CURRENT: Cell<Option<usize>> = const { Cell::new(None) };
    /// The process that was woken last by the one that runs here, or the first that it spawned.
    static SLOT: RefCell<Option<Queued>> = const { RefCell::new(None) };
    /// Whether the process in the slot is one that was spawned.
    static SLOT_IS_NEW: Cell<bool> = const { Cell::new(false) };
    /// Whether timers fire here just now.
    static TIMERS_FIRE: Cell<bool> = const { Cell::new(false) };
}

/// Fires timers: whom they wake have their turns in the order of the timers, not the last one first.
pub(crate) fn in_order(fire: impl FnOnce()) {
    TIMERS_FIRE.set(true);
    fire();
    TIMERS_FIRE.set(false);
}

/// The worker that this thread is.
pub fn current() -> Option<usize> {
    CURRENT.get()
}

/// All workers, once they were started.
pub fn workers() -> Option<&'static Workers> {
    WORKERS.get()
}

fn new_worker() -> Worker {
    Worker {
        queue: RunQueue::new(),
        timers: Timers::new(),
        parker: Parker::new(),
        turns: AtomicU64::new(0),
        reductions: AtomicU64::new(0),
        busy: AtomicBool::new(false),
        idle_look: AtomicU64::new(0),
        awake_time: AtomicU64::new(0),
        awake_since: AtomicU64::new(0),
    }
}

fn spins(workers: usize) -> u32 {
    match std::thread::available_parallelism() {
        Ok(processors) if processors.get() >= workers => SPINS,
        _ => SPINS_SHARED,
    }
}

/// Starts the workers. Once; false the second time.
pub fn start(config: &Config) -> bool {
    let count = config.workers.clamp(1, MAX_WORKERS);
    let workers = Workers {
        all: (0..count).map(|_| new_worker()).collect(),
        idle: Idle::new(),
        polling: Polling::new(),
        stop: AtomicBool::new(false),
        next: AtomicU64::new(0),
        limit: AtomicUsize::new(config.online.clamp(1, count)),
        spins: spins(count),
    };
    if WORKERS.set(workers).is_err() {
        return false;
    }
    let workers = WORKERS.get().expect("just set");
    hooks::add_at_exit(&timers::EndWithProcess);
    hooks::add_at_exit(&limits::UnblockAtExit);
    for number in 0..count {
        microstate::entry(ThreadKind::Scheduler, number + 1);
    }
    microstate::entry(ThreadKind::Async, 0);
    microstate::entry(ThreadKind::Aux, 1);
    microstate::entry(ThreadKind::Poll, 0);
    hooks::set_schedulers(workers);
    offset_monitors::start(workers);
    if poll::polls().is_some() {
        std::thread::Builder::new()
            .name("erts_poll_guard".into())
            .spawn(move || workers.polling.guard())
            .expect("the system lets us start a thread beside the schedulers");
    }
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
        (0..self.all.len()).for_each(|worker| self.unpark(worker));
    }

    /// How many workers work.
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Acquire)
    }

    /// Sets how many workers work. Those beyond hand over what they have when their turn ends.
    pub fn set_limit(&self, limit: usize) {
        self.limit
            .store(limit.clamp(1, self.all.len()), Ordering::SeqCst);
        (0..self.all.len()).for_each(|worker| self.unpark(worker));
    }

    /// Whether a worker that should not work has not noticed yet.
    pub fn is_settling(&self) -> bool {
        self.all[self.limit()..]
            .iter()
            .any(|worker| worker.busy.load(Ordering::SeqCst))
    }

    fn wake_one(&self) {
        if let Some(worker) = self.idle.work_to_wake_for(self.polling.waiting()) {
            self.unpark(worker);
        }
    }

    fn wake(&self, worker: usize) {
        if self.idle.wake(worker) {
            self.unpark(worker);
        }
    }

    /// Ends a worker's sleep, wherever it sleeps.
    fn unpark(&self, worker: usize) {
        self.all[worker].parker.unpark();
        if self.polling.is_waiting(worker)
            && let Some(polls) = poll::polls()
        {
            polls.wake();
        }
    }

    /// Sleeps: one worker waits for descriptors, the others for being woken.
    fn sleep(&self, index: usize) {
        let me = &self.all[index];
        let limit = me.timers.wait();
        let polls = poll::polls().filter(|_| self.polling.begin(index));
        let Some(polls) = polls else {
            return me.parker.park(limit);
        };
        if self.another_looks() {
            self.polling.end(index);
            return me
                .parker
                .park(Some(limit.unwrap_or(poll::TRUST).min(poll::TRUST)));
        }
        if !me.parker.take_token() {
            polls.wait(limit);
        }
        self.polling.end(index);
        // Who left it also woke the poller.
        let _ = me.parker.take_token();
    }

    /// A worker stops waiting for descriptors before it is done with what it was told.
    pub fn stops_waiting(&self, index: usize) {
        self.polling.end(index);
    }

    /// Whether a worker that is awake is idle often enough to look for descriptors itself.
    fn another_looks(&self) -> bool {
        let mut all = self.all.iter().enumerate();
        all.any(|(index, worker)| !self.idle.sleeps(index) && poll::is_fresh(&worker.idle_look))
    }

    /// Looks for descriptors between turns, if nobody waits for them; if that goes on, somebody is to.
    fn look_between_turns(&self, looks: &mut u32) {
        if !self.polling.busy_look() {
            return;
        }
        *looks += 1;
        if *looks >= BUSY_LOOKS
            && let Some(sleeper) = self.idle.any_sleeper()
        {
            *looks = 0;
            self.unpark(sleeper);
        }
    }

    fn push(&self, worker: usize, process: Queued) {
        self.all[worker].queue.push(process);
        // Where one works and the push is its own, nobody is to wake.
        if self.limit() > 1 || current() != Some(worker) {
            self.wake_one();
        }
    }

    /// A worker for what has no reason to go to a certain one.
    fn any(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed) as usize % self.limit()
    }

    /// What a worker does all its life.
    fn work(&self, index: usize, runner: fn() -> Box<dyn Runner>) {
        CURRENT.set(Some(index));
        bind::thread_starts(index);
        microstate::begins(ThreadKind::Scheduler, index + 1);
        let mut runner = runner();
        let me = &self.all[index];
        let mut slot_turns = 0;
        let (mut turns_unlooked, mut looks) = (0_u32, 0_u32);
        let mut timers_looked = TIMERS_EVERY;
        // One that has used up its slice goes on at once where nobody else waits: in the queue it would only draw
        // others from their sleep to steal it.
        let mut kept: Option<Queued> = None;
        me.wakes();
        loop {
            if timers_looked >= TIMERS_EVERY {
                timers_looked = 0;
                me.timers.fire();
            }
            if let Some(process) = kept.take() {
                if self.nobody_waits(index) {
                    kept = Some(process);
                } else {
                    self.requeue(index, process);
                }
            }
            if index >= self.limit() {
                self.stand_by(index);
            }
            let next = kept.take();
            let Some(process) = next.or_else(|| self.next(index, &mut slot_turns)) else {
                return;
            };
            me.set_busy(true);
            if index < self.limit.load(Ordering::SeqCst) {
                let (after, reductions) = vm::microstate::during(State::Emulator, || {
                    slice::turn(process.start(), &mut *runner)
                });
                count(&me.turns, 1);
                count(&me.reductions, reductions);
                turns_unlooked += 1;
                if turns_unlooked >= LOOK_EVERY || reductions >= LONG_TURN {
                    turns_unlooked = 0;
                    self.look_between_turns(&mut looks);
                }
                timers_looked += match reductions < TIMERS_TURN {
                    true => 1,
                    false => TIMERS_EVERY,
                };
                if let After::Ready(process) = after {
                    match process.shared().bound() {
                        0 => kept = Some(process),
                        _ => self.requeue(index, process),
                    }
                }
            } else {
                self.requeue(index, process);
            }
        }
    }

    /// Whether a worker has nothing to run but the process that it has just run.
    fn nobody_waits(&self, index: usize) -> bool {
        let slot = SLOT.with_borrow(|slot| slot.is_none());
        slot && self.all[index].queue.is_empty()
            && index < self.limit()
            && !self.stop.load(Ordering::Relaxed)
    }

    /// A worker beyond the limit: hands over what it has, and sleeps until its timers or a change of the
    /// limit wake it.
    fn stand_by(&self, index: usize) {
        let me = &self.all[index];
        me.set_busy(false);
        while index >= self.limit() && !self.stop.load(Ordering::Relaxed) {
            let slot = SLOT.take();
            for process in slot
                .into_iter()
                .chain(std::iter::from_fn(|| me.queue.pop()))
            {
                self.push(self.any(), process);
            }
            me.sleeps();
            me.parker.park(me.timers.wait());
            me.wakes();
            me.timers.fire();
        }
    }

    fn requeue(&self, index: usize, process: Queued) {
        match process.shared().bound() {
            0 if index < self.limit() => self.push(index, process),
            0 => self.push(self.any(), process),
            bound => self.push_bound(bound, process),
        }
    }

    fn push_bound(&self, bound: u32, process: Queued) {
        let worker = (bound as usize - 1).min(self.limit() - 1);
        self.all[worker].queue.push(process);
        if current() != Some(worker) {
            self.wake(worker);
        }
    }

    /// The next process for a worker; none when it is to end or to stand by.
    fn next(&self, index: usize, slot_turns: &mut u32) -> Option<Queued> {
        let me = &self.all[index];
        loop {
            if self.stop.load(Ordering::Relaxed) {
                me.set_busy(false);
                return None;
            }
            if index >= self.limit() {
                self.stand_by(index);
                continue;
            }
            let urgent = me.queue.len_of(Priority::Max) + me.queue.len_of(Priority::High) > 0;
            if !urgent
                && *slot_turns < SLOT_TURNS
                && let Some(process) = SLOT.take()
            {
                *slot_turns += 1;
                return Some(process);
            }
            // In the queue it is found by others, and served sooner once it has a signal of somebody more urgent.
            if urgent && let Some(process) = SLOT.take() {
                self.push(index, process);
            }
            *slot_turns = 0;
            if let Some(process) = me.queue.pop() {
                return Some(process);
            }
            if let Some(process) = SLOT.take() {
                return Some(process);
            }
            me.set_busy(false);
            if let Some(process) = self.look_around(index) {
                return Some(process);
            }
            me.timers.fire();
        }
    }

    /// Looks for work at others, and sleeps if there is none. None: look at the own queue again.
    fn look_around(&self, index: usize) -> Option<Queued> {
        let me = &self.all[index];
        if self.polling.idle_look(&me.idle_look) {
            return None;
        }
        let searching = self.idle.search(self.limit());
        // One that does not search still waits for what is bound to it.
        for _ in 0..self.spins {
            let stolen = if searching { self.steal(index) } else { None };
            if stolen.is_some() || !me.queue.is_empty() {
                if searching {
                    self.found();
                }
                return stolen;
            }
            std::hint::spin_loop();
        }
        self.idle.sleep(index, searching);
        let work = self.any_work(index);
        if !work {
            me.sleeps();
            if monitor::profiles_schedulers() {
                monitor::scheduler(index as u32 + 1, false);
            }
            self.sleep(index);
            if monitor::profiles_schedulers() {
                monitor::scheduler(index as u32 + 1, true);
            }
            me.wakes();
        }
        if self.idle.awake(index) {
            self.found();
        } else if work {
            // Who made it relied on this search; there may be more than this worker takes.
            self.wake_one();
        }
        None
    }

    fn any_work(&self, index: usize) -> bool {
        let me = &self.all[index];
        self.stop.load(Ordering::Relaxed)
            || index >= self.limit()
            || !me.queue.is_empty()
            || self.all.iter().any(|worker| worker.queue.has_free())
            || me.timers.wait().is_some_and(|wait| wait.is_zero())
    }

    fn found(&self) {
        if let Some(worker) = self.idle.found(self.polling.waiting()) {
            self.unpark(worker);
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

    /// Sets a timer; the answer names it.
    pub fn set_timer(&self, due: u64, timer: Timer) -> u64 {
        let worker = current().unwrap_or(0);
        let (key, first) = self.all[worker].timers.set(due, timer);
        if first && current() != Some(worker) {
            self.unpark(worker);
        }
        (worker as u64) << TIMER_WORKER_SHIFT
            | u64::from(key.generation) << 32
            | u64::from(key.index)
    }

    /// Takes a timer back, if it has not fired; the tick at which it was due.
    pub fn cancel_timer(&self, timer: u64) -> Option<u64> {
        let key = Key {
            index: timer as u32,
            generation: (timer >> 32) as u32 & 0x00ff_ffff,
        };
        let worker = (timer >> TIMER_WORKER_SHIFT) as usize;
        self.all[worker].timers.cancel(key)
    }
}

/// Adds to a number that only this thread writes.
fn count(number: &AtomicU64, more: u64) {
    number.store(number.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

impl Worker {
    /// Says whether it gives turns. `SeqCst`: who blocks the schedulers sets the limit and then looks here; a worker
    /// says so and then looks at the limit.
    fn set_busy(&self, busy: bool) {
        if self.busy.load(Ordering::Relaxed) != busy {
            self.busy.store(busy, Ordering::SeqCst);
        }
    }

    fn wakes(&self) {
        microstate::enter(State::Other);
        let now = clock::raw_monotonic().max(1) as u64;
        self.awake_since.store(now, Ordering::Relaxed);
    }

    fn sleeps(&self) {
        microstate::enter(State::Sleep);
        let since = self.awake_since.swap(0, Ordering::Relaxed);
        let now = clock::raw_monotonic().max(1) as u64;
        self.awake_time
            .fetch_add(now.saturating_sub(since), Ordering::Relaxed);
    }

    /// Nanoseconds that it was awake in its life.
    pub fn awake(&self) -> u64 {
        let since = self.awake_since.load(Ordering::Relaxed);
        let now = clock::raw_monotonic().max(1) as u64;
        let current = if since == 0 {
            0
        } else {
            now.saturating_sub(since)
        };
        self.awake_time.load(Ordering::Relaxed) + current
    }

    /// How many processes run or are ready here.
    pub fn active(&self) -> usize {
        self.queue.len() + usize::from(self.busy.load(Ordering::Relaxed))
    }
}

impl Schedulers for Workers {
    fn ready(&self, process: Queued) {
        let bound = process.shared().bound();
        let here = current().filter(|&worker| worker < self.limit());
        if bound != 0 && here != Some(bound as usize - 1) {
            return self.push_bound(bound, process);
        }
        match here {
            Some(worker) if process.shared().service_priority() == Priority::Normal => {
                let keeps = SLOT_IS_NEW.get() || TIMERS_FIRE.get();
                if keeps && SLOT.with_borrow(Option::is_some) {
                    return self.push(worker, process);
                }
                SLOT_IS_NEW.set(false);
                if let Some(displaced) = SLOT.replace(Some(process)) {
                    self.requeue(worker, displaced);
                }
            }
            Some(worker) => self.requeue(worker, process),
            None => self.push(self.any(), process),
        }
    }

    fn begins(&self, process: Queued) {
        let is_free = process.shared().bound() == 0
            && process.shared().service_priority() == Priority::Normal;
        let here = current().filter(|&worker| worker < self.limit());
        match here {
            Some(worker) if is_free && SLOT.with_borrow(Option::is_some) => {
                self.push(worker, process);
            }
            Some(_) if is_free => {
                SLOT_IS_NEW.set(true);
                SLOT.set(Some(process));
            }
            _ => self.ready(process),
        }
    }

    fn hurry(&self, pid: Pid) {
        // One that is in no queue just now is on its way into one, with its new priority, or runs.
        let _ = self.all.iter().any(|worker| worker.queue.hurry(pid));
    }

    fn enter_state(&self, state: State) -> State {
        microstate::enter(state)
    }

    fn set_timeout(&self, pid: Pid, number: u64, after: Duration) -> u64 {
        let nanoseconds = i64::try_from(after.as_nanos()).unwrap_or(i64::MAX / 2);
        let due = tick_at_or_after(clock::monotonic().saturating_add(nanoseconds));
        self.set_timer(due, Timer::Receive { pid, number })
    }

    fn cancel_timeout(&self, timer: u64) {
        self.cancel_timer(timer);
    }

    fn system_time(&self) -> i64 {
        clock::system()
    }

    fn monotonic_time(&self) -> i64 {
        clock::monotonic()
    }

    fn now(&self) -> i64 {
        clock::now()
    }

    fn cpu_time(&self) -> i64 {
        clock::cpu_time()
    }

    fn current(&self) -> u32 {
        current().map_or(0, |worker| worker as u32 + 1)
    }

    fn count(&self) -> u32 {
        self.all.len() as u32
    }

    fn monitor_time_offset(&self, pid: Pid, reference: RefNumber) {
        offset_monitors::add(pid, reference);
    }

    fn demonitor_time_offset(&self, reference: RefNumber) {
        offset_monitors::remove(reference);
    }
}
