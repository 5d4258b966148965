//! Schedulers: threads that run processes, one a core.
//!
//! [`start`] makes the workers. Each has a run queue ([`run_queue`]), a slot for the process that was just
//! woken, and a wheel of timers ([`wheel`]); one without work looks for some at the others, spins briefly,
//! then sleeps ([`idle`], [`park`]) until somebody has work for it or a timer is due. [`dirty`] runs what
//! would hold a worker too long; [`clock`] tells the time; [`bifs`] are the BIFs about all this.
#![forbid(unsafe_code)]

pub mod clock;
pub mod idle;
pub mod park;
pub mod run_queue;
pub mod sync;
pub mod timeouts;
pub mod wheel;
pub mod worker;

pub use worker::{Config, start};
