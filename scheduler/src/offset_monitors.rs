//! Who hears of changes of the time offset, and the watch that is kept on the machine's clock.

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;
use vm::atom::Atom;
use vm::heap::OwnedTerm;
use vm::process::signal::{self, RefNumber, Signal};
use vm::term::{Pid, Term};

use crate::clock;
use crate::timeouts::{Timer, tick_at_or_after};
use crate::worker::Workers;

static MONITORS: Mutex<HashMap<RefNumber, Pid, FxBuildHasher>> =
    Mutex::new(HashMap::with_hasher(FxBuildHasher));

/// A process wants to hear.
pub fn add(pid: Pid, reference: RefNumber) {
    MONITORS.lock().insert(reference, pid);
}

/// It does not any more.
pub fn remove(reference: RefNumber) {
    MONITORS.lock().remove(&reference);
}

/// Tells all of a new offset.
pub fn changed(offset: i64) {
    let all: Vec<(RefNumber, Pid)> = MONITORS
        .lock()
        .iter()
        .map(|(reference, pid)| (*reference, *pid))
        .collect();
    for (reference, pid) in all {
        let message = OwnedTerm::build(|heap| {
            heap.tuple(&[
                Term::atom(Atom::from_static("CHANGE")),
                heap.reference(reference),
                Term::atom(Atom::from_static("time_offset")),
                Term::atom(Atom::from_static("clock_service")),
                heap.integer(offset),
            ])
        });
        let _ = signal::send(pid, Signal::Change { reference, message });
    }
}

/// Looks at the machine's clock from now on, time and again.
pub fn start(workers: &'static Workers) {
    let due = tick_at_or_after(clock::monotonic() + clock::CHECK_INTERVAL);
    let check = move || {
        if let Some(offset) = clock::check() {
            changed(offset);
        }
        start(workers);
    };
    workers.set_timer(due, Timer::Call(Box::new(check)));
}
