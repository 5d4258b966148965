//! Waiting for descriptors on behalf of something that is no port: a native resource such as a socket of
//! module `socket`.
//!
//! A [`Selection`] is the resource's side: it asks the node's poller, which reports once per wish to the
//! resource's [`Selector`]. It must outlive the descriptor's use: drop it after [`Selection::deselect`], and
//! close the descriptor after that.

#![forbid(unsafe_code)]

use crate::handle::Readiness;
use crate::node::node;
use crate::poller::Mode;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::os::fd::RawFd;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keys of the poller with this bit are selections; ports' numbers do not reach it.
const SELECTION: u64 = 1 << 63;

/// How many tables the selections are spread over.
const SHARDS: usize = 16;

/// Who hears that a descriptor is ready. Runs on the thread that polls, and must not block.
pub trait Selector: Send + Sync {
    /// What was asked for came true. It is not reported again before it is asked for again.
    fn ready(&self, what: Readiness);
}

type Shard = Mutex<Option<FxHashMap<u64, Weak<dyn Selector>>>>;

static TABLE: [Shard; SHARDS] = [const { Mutex::new(None) }; SHARDS];
static NEXT: AtomicU64 = AtomicU64::new(0);

fn shard(key: u64) -> &'static Shard {
    &TABLE[key as usize % SHARDS]
}

/// One resource's wishes. Dropping it ends the reports.
#[derive(Debug)]
pub struct Selection(u64);

impl Selection {
    /// A selection that reports to `selector`, as long as that lives.
    #[must_use]
    pub fn new(selector: Weak<dyn Selector>) -> Self {
        let key = SELECTION | NEXT.fetch_add(1, Ordering::Relaxed);
        let mut table = shard(key).lock();
        table.get_or_insert_default().insert(key, selector);
        Self(key)
    }

    /// Asks for one report, at once if the descriptor is ready already.
    ///
    /// # Errors
    /// The descriptor is not open, or the system has no room.
    pub fn select(&self, fd: RawFd, what: Readiness) -> std::io::Result<()> {
        node()
            .poller()
            .select(self.0, fd, what, Mode::Once)
            .map(drop)
    }

    /// Takes wishes back. A report that is on its way may still come.
    pub fn deselect(&self, fd: RawFd, what: Readiness) {
        node().poller().deselect(self.0, fd, what);
    }
}

impl Drop for Selection {
    fn drop(&mut self) {
        if let Some(table) = shard(self.0).lock().as_mut() {
            table.remove(&self.0);
        }
    }
}

/// Brings a report of the poller to its selector; false if the key is that of a port.
pub(crate) fn report(key: u64, what: Readiness) -> bool {
    if key & SELECTION == 0 {
        return false;
    }
    let selector = shard(key)
        .lock()
        .as_ref()
        .and_then(|table| table.get(&key)?.upgrade());
    if let Some(selector) = selector {
        selector.ready(what);
    }
    true
}
