//! Threads and what they wait for: the scheduler, timers, futexes, signals, event sources.
//!
//! The kernel is never preempted: a thread leaves the processor only in [`sched::block`],
//! [`sched::yield_now`] and at its end. Interrupt handlers run only while the program or the idle loop
//! runs, so they may take any lock.

pub mod asleep;
pub mod futex;
pub mod process;
pub mod sched;
pub mod sigframe;
pub mod signal;
pub mod thread;
pub mod timer;
pub mod wait;
