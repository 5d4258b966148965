//! Tracing: telling others what processes and ports do (`erlang:trace/3`, `erlang:trace_pattern/3`).
//!
//! | file | holds |
//! |---|---|
//! | [`flags`] | what is traced of a process or port |
//! | [`tracer`] | who is told, and how |
//! | [`tracee`] | what a process or port knows of being traced |
//! | [`points`] | which functions have breakpoints; patterns |
//! | [`call`] | what happens at a breakpoint, and when a traced function returns |
//! | [`actions`] | what match specifications of traces can do |
//! | [`events`] | everything that is not a call |
//! | [`sequential`] | `seq_trace`: tokens that travel with messages |
//! | [`saved_calls`] | the last calls of a process (`save_calls`) |
//! | [`monitor`] | `erlang:system_monitor/2`, `erlang:system_profile/2` |
//!
//! A process that is not traced pays one look at its flags where it sends, receives, is scheduled or ends,
//! and nothing for calls: breakpoints are written into the code ([`code::shadow`](crate::code::shadow)) and
//! the export table.

pub mod actions;
pub mod call;
pub mod events;
pub mod flags;
pub mod monitor;
pub mod points;
pub mod saved_calls;
pub mod sequential;
pub mod tracee;
pub mod tracer;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub use tracee::Tracee;
pub use tracer::Tracer;

static CONTROL_WORD: AtomicU32 = AtomicU32::new(0);
static CPU_TIMESTAMPS: AtomicBool = AtomicBool::new(false);

/// The word that match specifications of traces can read and set (`system_flag(trace_control_word, _)`).
pub fn control_word() -> &'static AtomicU32 {
    &CONTROL_WORD
}

/// Whether times of events are the CPU time of the node (`cpu_timestamp`).
pub fn uses_cpu_timestamps() -> bool {
    CPU_TIMESTAMPS.load(Ordering::Relaxed)
}

/// Sets whether times of events are the CPU time of the node.
pub fn set_cpu_timestamps(on: bool) {
    CPU_TIMESTAMPS.store(on, Ordering::Relaxed);
}
