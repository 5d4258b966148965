//! What a thread spends its time on, told to the layer that counts it (`statistics(microstate_accounting)`).
//!
//! Nothing is told while nobody counts ([`during`]).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::process::hooks;

/// What a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// Work on the side: timers that are due, memory that is given back.
    Aux = 0,
    /// It looks for descriptors that are ready.
    CheckIo = 1,
    /// It runs code of processes.
    Emulator = 2,
    /// It collects a process's heap.
    Gc = 3,
    /// All else.
    Other = 4,
    /// It runs a port's driver.
    Port = 5,
    /// It sleeps.
    Sleep = 6,
}

impl State {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// Their names, by their numbers; also the order of the names as terms.
    pub const NAMES: [&'static str; State::COUNT] = [
        "aux", "check_io", "emulator", "gc", "other", "port", "sleep",
    ];
}

static COUNTED: AtomicBool = AtomicBool::new(false);

/// Whether somebody counts.
#[inline]
pub fn is_counted() -> bool {
    COUNTED.load(Ordering::Relaxed)
}

/// Says whether somebody counts; how it was.
pub fn set_counted(on: bool) -> bool {
    COUNTED.swap(on, Ordering::SeqCst)
}

/// Does something that is time of a certain sort.
#[inline]
pub fn during<R>(state: State, run: impl FnOnce() -> R) -> R {
    if is_counted() {
        counted(state, run)
    } else {
        run()
    }
}

#[cold]
fn counted<R>(state: State, run: impl FnOnce() -> R) -> R {
    let Some(schedulers) = hooks::schedulers() else {
        return run();
    };
    let before = schedulers.enter_state(state);
    let result = run();
    schedulers.enter_state(before);
    result
}
