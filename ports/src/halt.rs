//! The end of the node: what ports hold is written first.

#![forbid(unsafe_code)]

use crate::node::node;
use crate::poller::Polled;
use crate::port::{Op, Port};
use parking_lot::{Condvar, Mutex};
use scheduler::halt::AtHalt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is looked which ports are left, while they write.
const LOOK: Duration = Duration::from_millis(5);
/// How long a driver that blocks is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells who waits for ports to go.
#[derive(Default)]
pub(crate) struct Halting {
    gone: Mutex<u64>,
    changed: Condvar,
}

impl Halting {
    /// A port is gone.
    pub fn port_gone(&self) {
        *self.gone.lock() += 1;
        self.changed.notify_all();
    }
}

/// What is done when the node halts.
pub(crate) struct PortsHalt;

impl AtHalt for PortsHalt {
    fn node_halts(&self, flush: bool) {
        if flush {
            flush_all(None);
        }
        // What the drivers have set up outside of the node (a terminal's mode) is taken back.
        for port in node().table().all() {
            port.abandon();
        }
        crate::programs::heart::node_ends();
    }
}

/// Closes all ports and waits until their output is written (`halt/2` with `flush`), at most this long.
/// True when all is written. Not to be called on a thread that holds a port.
pub fn flush_all(limit: Option<Duration>) -> bool {
    let node = node();
    let begun = Instant::now();
    let deadline = limit.map(|limit| begun + limit);
    for port in node.table().all() {
        if !port.is_forker() {
            port.submit(Op::Halt);
        }
    }
    // Where this is the only scheduler, nobody else polls for what is to be written.
    loop {
        let patient = begun.elapsed() < PATIENCE;
        let written = |port: &Arc<Port>| port.is_forker() || (!patient && port.is_stuck());
        if node.table().all().iter().all(written) {
            return true;
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return false;
        }
        let wait = left.unwrap_or(LOOK).min(LOOK);
        if !matches!(node.poller().poll(Some(wait)), Ok(Polled::Reported(_))) {
            let mut gone = node.halting().gone.lock();
            node.halting().changed.wait_for(&mut gone, wait);
        }
    }
}
