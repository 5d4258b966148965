//! What the schedulers did with their time: scheduler wall time, bytes in and out.
//!
//! Threads always count how long they are awake; being *switched on* only means that what is shown counts
//! from then.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock;
use crate::dirty::{self, Kind};
use crate::worker;

static INPUT: AtomicU64 = AtomicU64::new(0);
static OUTPUT: AtomicU64 = AtomicU64::new(0);

/// Ports have received bytes.
pub fn add_input(bytes: u64) {
    INPUT.fetch_add(bytes, Ordering::Relaxed);
}

/// Ports have sent bytes.
pub fn add_output(bytes: u64) {
    OUTPUT.fetch_add(bytes, Ordering::Relaxed);
}

/// Bytes that ports have received and sent.
pub fn io() -> (u64, u64) {
    (
        INPUT.load(Ordering::Relaxed),
        OUTPUT.load(Ordering::Relaxed),
    )
}

/// The sort of a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThreadKind {
    /// A scheduler.
    Scheduler,
    /// A dirty CPU scheduler.
    DirtyCpu,
    /// A dirty I/O scheduler.
    DirtyIo,
    /// OTP's thread for asynchronous drivers.
    Async,
    /// OTP's thread for what schedulers leave to it.
    Aux,
    /// The thread that looks for descriptors where no scheduler does.
    Poll,
}

/// How long a thread was busy, and over what time.
#[derive(Clone, Copy, Debug)]
pub struct ThreadTime {
    /// Its sort.
    pub kind: ThreadKind,
    /// Its number among its sort, from 1.
    pub number: usize,
    /// Nanoseconds that it was busy.
    pub busy: u64,
    /// Nanoseconds in all.
    pub total: u64,
}

/// Busy times of all threads in their lives.
fn lifetimes() -> Vec<ThreadTime> {
    let total = clock::since_start().max(0) as u64;
    let schedulers = worker::workers().map_or(&[][..], |workers| &workers.all);
    let mut times: Vec<ThreadTime> = (1..)
        .zip(schedulers)
        .map(|(number, worker)| ThreadTime {
            kind: ThreadKind::Scheduler,
            number,
            busy: worker.awake(),
            total,
        })
        .collect();
    for (kind, thread, count) in [
        (Kind::Cpu, ThreadKind::DirtyCpu, dirty::cpu_threads()),
        (Kind::Io, ThreadKind::DirtyIo, dirty::io_threads()),
    ] {
        times.extend((1..=count).map(|number| ThreadTime {
            kind: thread,
            number,
            busy: dirty::busy_time(kind, number),
            total,
        }));
    }
    times
}

/// Something that can be switched on and counts from then.
pub struct Meter(Mutex<State>);

enum State {
    Off,
    /// Counting from these times.
    On(Vec<ThreadTime>),
}

/// `scheduler_wall_time`.
pub static WALL_TIME: Meter = Meter(Mutex::new(State::Off));

fn since(start: &[ThreadTime]) -> Vec<ThreadTime> {
    let mut times = lifetimes();
    for (time, start) in times.iter_mut().zip(start) {
        time.busy = time.busy.saturating_sub(start.busy);
        time.total = time.total.saturating_sub(start.total);
    }
    times
}

impl Meter {
    /// Switches it; whether it was on.
    pub fn switch(&self, on: bool) -> bool {
        let mut state = self.0.lock();
        let was_on = matches!(*state, State::On(_));
        if on != was_on {
            *state = if on {
                State::On(lifetimes())
            } else {
                State::Off
            };
        }
        was_on
    }

    /// What was counted, while it is on.
    pub fn counted(&self) -> Option<Vec<ThreadTime>> {
        match &*self.0.lock() {
            State::On(start) => Some(since(start)),
            State::Off => None,
        }
    }
}
