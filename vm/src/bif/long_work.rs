//! Work in Rust that cannot be interrupted: done by a thread beside the schedulers, while the process waits.
//!
//! The layer that has threads registers itself ([`set_runner`]). Without it the work is done at once.

#![forbid(unsafe_code)]

use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::process::signal::{self, Signal};
use crate::term::Pid;

/// Something to be done.
pub type Work = Box<dyn FnOnce() + Send>;

/// What it mostly does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It computes.
    Cpu,
    /// It waits for the system.
    Io,
}

static RUNNER: OnceLock<fn(Kind, Work)> = OnceLock::new();

/// Sets who runs work on threads of their own (once).
pub fn set_runner(runner: fn(Kind, Work)) {
    let _ = RUNNER.set(runner);
}

/// Work that was handed over. It wakes the process when it is done; a BIF waits for it by `Trap::Wait`.
pub struct Job<R>(Mutex<Option<R>>);

impl<R> Job<R> {
    /// The result, once it is there.
    pub fn take(&self) -> Option<R> {
        self.0.lock().take()
    }
}

/// Hands a computation over.
pub fn start<R: Send + 'static>(
    pid: Pid,
    work: impl FnOnce() -> R + Send + 'static,
) -> Arc<Job<R>> {
    start_on(Kind::Cpu, pid, work)
}

/// Hands work over.
pub fn start_on<R: Send + 'static>(
    kind: Kind,
    pid: Pid,
    work: impl FnOnce() -> R + Send + 'static,
) -> Arc<Job<R>> {
    let job = Arc::new(Job(Mutex::new(None)));
    let Some(runner) = RUNNER.get() else {
        *job.0.lock() = Some(work());
        return job;
    };
    let to = Arc::clone(&job);
    let run = Box::new(move || {
        let result = work();
        *to.0.lock() = Some(result);
        // A process that is gone does not wait.
        let _ = signal::send(pid, Signal::Poke);
    });
    runner(kind, run);
    job
}
