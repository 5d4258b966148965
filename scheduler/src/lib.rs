//! Schedulers: threads that run processes, one a core.
//!
//! [`start`] makes the workers. Each has a run queue ([`run_queue`]), a slot for the process that was just
//! woken, and a wheel of timers ([`wheel`]); one without work looks for some at the others, spins briefly,
//! then sleeps ([`idle`], [`park`]; [`poll`] if for descriptors) until somebody has work for it or a timer is due. [`limits`] says how many
//! work, [`bind`] to which processors they are bound, [`accounting`] and [`microstate`] what they did; [`dirty`] runs what would hold a worker too long; [`timers`] are those of programs; [`clock`] tells
//! the time; [`halt`] ends the node; [`bifs`] are the BIFs about all this.
//!
//! Unsafe code stands in [`local_time`] only.
#![deny(unsafe_code)]

pub mod accounting;
pub mod bifs;
pub mod bind;
pub mod clock;
pub mod dirty;
pub mod halt;
pub mod idle;
pub mod limits;
pub mod local_time;
pub mod microstate;
pub mod offset_monitors;
pub mod park;
pub mod poll;
pub mod run_queue;
pub mod sync;
pub mod timeouts;
pub mod timers;
pub mod wheel;
pub mod worker;

pub use worker::{Config, start};
