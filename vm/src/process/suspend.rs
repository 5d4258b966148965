//! Suspension of a process by another (`erlang:suspend_process/2`).
//!
//! The suspending process counts how often it asked; one signal makes the suspension, one ends it. The
//! suspended process knows who suspends it; while anybody does it handles signals (that is how it hears of
//! its release) but runs no code. The end of either side ends the suspension.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Process;
use super::signal::{Signal, rpc, send};
use crate::term::Pid;

/// What a process knows of another that it suspends.
#[derive(Clone)]
pub struct Suspending {
    /// How often it asked.
    pub count: u64,
    /// Set by the suspended process when it has heard.
    active: Arc<AtomicBool>,
}

impl Suspending {
    /// Whether the suspension is known to have taken effect.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }
}

/// What [`Process::suspend`] did.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Suspended {
    /// The suspension was sent for; it has not taken effect yet.
    Asked,
    /// It was asked for before, and has taken effect.
    Active,
    /// There is no such process.
    NoProcess,
}

impl Process {
    /// Whether it must not run code just now.
    pub fn is_suspended(&self) -> bool {
        self.relations.is_suspended()
    }

    /// Whether it waits until a port is not busy any more: to others it is suspended.
    pub fn waits_for_port(&self) -> bool {
        self.waits_for_port.get()
    }

    /// Notes whether it waits until a port is not busy any more.
    pub fn set_waits_for_port(&self, waits: bool) {
        self.waits_for_port.set(waits);
    }

    /// Whether this process suspends another.
    pub fn suspends(&self, pid: Pid) -> bool {
        self.relations
            .with_suspending(|suspending| suspending.contains_key(&pid))
    }

    /// Whether this process's suspension of another has taken effect.
    pub fn suspension_is_active(&self, pid: Pid) -> bool {
        self.relations
            .with_suspending(|suspending| suspending.get(&pid).is_some_and(Suspending::is_active))
    }

    /// Suspends another process, once more if it does already.
    pub fn suspend(&self, pid: Pid) -> Suspended {
        let known = self.relations.with_suspending(|suspending| {
            suspending.get_mut(&pid).map(|entry| {
                entry.count += 1;
                entry.is_active()
            })
        });
        match known {
            Some(true) => return Suspended::Active,
            Some(false) => return Suspended::Asked,
            None => {}
        }
        let active = Arc::new(AtomicBool::new(false));
        let (by, heard) = (self.pid, Arc::clone(&active));
        let sent = send(
            pid,
            Signal::Rpc(Box::new(move |process| match process {
                Some(process) => {
                    process.relations.add_suspended_by(by);
                    heard.store(true, Ordering::Release);
                }
                None => suspended_ends(pid, by),
            })),
        );
        if sent.is_err() {
            return Suspended::NoProcess;
        }
        self.relations
            .with_suspending(|suspending| suspending.insert(pid, Suspending { count: 1, active }));
        Suspended::Asked
    }

    /// Takes back one of this process's suspensions of another; false where there is none.
    pub fn resume_other(&self, pid: Pid) -> bool {
        let left = self.relations.with_suspending(|suspending| {
            let entry = suspending.get_mut(&pid)?;
            entry.count -= 1;
            let left = entry.count;
            if left == 0 {
                suspending.remove(&pid);
            }
            Some(left)
        });
        if left == Some(0) {
            release(self.pid, pid);
        }
        left.is_some()
    }

    /// This process called a fun of code that is being purged: it is suspended, in its own name, until
    /// [`purge_ended`].
    pub(crate) fn suspend_until_purged(&self) {
        self.relations.add_suspended_by(self.pid);
    }

    /// The end of a process's suspensions: of others by it, and of it by others.
    pub(super) fn end_suspensions(&self) {
        for (pid, _) in self.relations.suspending() {
            release(self.pid, pid);
        }
        for by in self.relations.suspended_by() {
            suspended_ends(self.pid, by);
        }
    }
}

/// Lets a process go on that waited for the end of a purge.
pub fn purge_ended(pid: Pid) {
    release(pid, pid);
}

fn release(by: Pid, pid: Pid) {
    rpc(pid, move |process| {
        if let Some(process) = process {
            process.relations.remove_suspended_by(by);
        }
    });
}

fn suspended_ends(pid: Pid, by: Pid) {
    rpc(by, move |process| {
        if let Some(process) = process {
            process
                .relations
                .with_suspending(|suspending| suspending.remove(&pid));
        }
    });
}
