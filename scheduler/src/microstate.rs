//! Microstate accounting: how long each thread did what.
//!
//! A thread notes what it does in its [`Thread`] whether or not somebody counts, but only when it sleeps or
//! wakes; all else is told through [`vm::microstate::during`], which does nothing while nobody counts. The
//! time since a thread's last change belongs to whoever takes it by exchanging `since`, so that nothing is
//! counted twice where one thread switches the counting off and another changes its state.
//!
//! Of OTP's threads there are no `async` and `aux` ones here: what these would do the schedulers do, and the two
//! are shown as asleep. The `poll` thread is the one that looks for descriptors where no scheduler does.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use parking_lot::Mutex;
use vm::microstate::{self, State};

use crate::accounting::ThreadKind;
use crate::clock;

/// What is counted of a thread.
pub struct Thread {
    kind: ThreadKind,
    number: usize,
    state: AtomicU8,
    /// Raw time of its last change while somebody counts; else 0.
    since: AtomicU64,
    /// Nanoseconds in each state.
    times: [AtomicU64; State::COUNT],
}

/// What was counted of a thread.
pub struct Counted {
    /// Its sort.
    pub kind: ThreadKind,
    /// Its number among its sort.
    pub number: usize,
    /// Nanoseconds in each state, by its number.
    pub times: [u64; State::COUNT],
}

/// All that there ever were. Lock rank: last.
static THREADS: Mutex<Vec<&'static Thread>> = Mutex::new(Vec::new());

thread_local! {
    static MINE: Cell<Option<&'static Thread>> = const { Cell::new(None) };
}

fn now() -> u64 {
    clock::raw_monotonic().max(1) as u64
}

/// The entry of a thread; a new one is asleep.
pub fn entry(kind: ThreadKind, number: usize) -> &'static Thread {
    let mut threads = THREADS.lock();
    let known = threads
        .iter()
        .find(|thread| thread.kind == kind && thread.number == number);
    if let Some(thread) = known {
        return thread;
    }
    let since = if microstate::is_counted() { now() } else { 0 };
    // Threads have their entries for as long as the node lives.
    let thread: &'static Thread = Box::leak(Box::new(Thread {
        kind,
        number,
        state: AtomicU8::new(State::Sleep as u8),
        since: AtomicU64::new(since),
        times: std::array::from_fn(|_| AtomicU64::new(0)),
    }));
    threads.push(thread);
    thread
}

/// The calling thread is this one from now on, and awake.
pub fn begins(kind: ThreadKind, number: usize) {
    MINE.set(Some(entry(kind, number)));
    enter(State::Other);
}

/// The calling thread does something else from now on; what it did before.
pub fn enter(state: State) -> State {
    match MINE.get() {
        Some(thread) => thread.enter(state),
        None => state,
    }
}

impl Thread {
    fn enter(&self, state: State) -> State {
        let before = self.state.load(Ordering::Relaxed);
        if microstate::is_counted() {
            self.count(before, true);
        }
        self.state.store(state as u8, Ordering::Relaxed);
        named(before)
    }

    /// Counts the time since the last change.
    fn count(&self, state: u8, goes_on: bool) {
        let now = now();
        let next = if goes_on { now } else { 0 };
        let since = self.since.swap(next, Ordering::Relaxed);
        if since != 0 {
            self.times[state as usize].fetch_add(now.saturating_sub(since), Ordering::Relaxed);
        }
    }

    fn counted(&self) -> Counted {
        if microstate::is_counted() {
            self.count(self.state.load(Ordering::Relaxed), true);
        }
        Counted {
            kind: self.kind,
            number: self.number,
            times: std::array::from_fn(|at| self.times[at].load(Ordering::Relaxed)),
        }
    }
}

fn named(state: u8) -> State {
    match state {
        0 => State::Aux,
        1 => State::CheckIo,
        2 => State::Emulator,
        3 => State::Gc,
        4 => State::Other,
        5 => State::Port,
        _ => State::Sleep,
    }
}

/// Switches the counting; how it was. What was counted stays.
pub fn switch(on: bool) -> bool {
    let threads = THREADS.lock();
    if on && !microstate::is_counted() {
        let now = now();
        for thread in threads.iter() {
            thread.since.store(now, Ordering::Relaxed);
        }
    }
    let was_on = microstate::set_counted(on);
    if was_on && !on {
        for thread in threads.iter() {
            thread.count(thread.state.load(Ordering::Relaxed), false);
        }
    }
    was_on
}

/// Forgets what was counted; whether counting goes on.
pub fn reset() -> bool {
    let on = microstate::is_counted();
    for thread in THREADS.lock().iter() {
        thread
            .since
            .store(if on { now() } else { 0 }, Ordering::Relaxed);
        for time in &thread.times {
            time.store(0, Ordering::Relaxed);
        }
    }
    on
}

/// What was counted of every thread.
pub fn counted() -> Vec<Counted> {
    let threads = THREADS.lock().clone();
    threads.into_iter().map(|thread| thread.counted()).collect()
}
