//! The port table: from a number to the port.
//!
//! Numbers count up from 0 and are used again only after all others. The table is cut into shards by the
//! number, each with a lock of its own that is held for a look-up or a change only (rank 3: nothing is
//! called under it).

#![forbid(unsafe_code)]

use crate::handle::PortId;
use crate::port::Port;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many ports there may be unless `+Q` says otherwise.
pub const DEFAULT_LIMIT: usize = 65_536;
/// The least that `+Q` can ask for.
pub const MIN_LIMIT: usize = 1024;
/// The most that `+Q` can ask for.
pub const MAX_LIMIT: usize = 134_217_727;

const SHARDS: usize = 64;
/// Numbers have 28 bits.
const NUMBERS: u64 = 1 << 28;

type Shard = RwLock<FxHashMap<u64, Arc<Port>>>;

/// The table.
pub(crate) struct Table {
    shards: [Shard; SHARDS],
    next: AtomicU64,
    count: AtomicUsize,
    limit: usize,
}

impl Table {
    /// An empty table for `limit` ports, rounded up to a power of two.
    pub fn new(limit: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            next: AtomicU64::new(0),
            count: AtomicUsize::new(0),
            limit: limit.clamp(MIN_LIMIT, MAX_LIMIT).next_power_of_two(),
        }
    }

    /// How many ports there may be.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn shard(&self, id: PortId) -> &Shard {
        &self.shards[id.0 as usize % SHARDS]
    }

    /// Adds a port that is made for a free number; none when the table is full.
    pub fn add(&self, make: impl FnOnce(PortId) -> Port) -> Option<Arc<Port>> {
        if self.count.fetch_add(1, Ordering::AcqRel) >= self.limit {
            self.count.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        loop {
            let id = PortId(self.next.fetch_add(1, Ordering::Relaxed) % NUMBERS);
            let mut shard = self.shard(id).write();
            if let Entry::Vacant(place) = shard.entry(id.0) {
                let port = Arc::new(make(id));
                place.insert(Arc::clone(&port));
                return Some(port);
            }
        }
    }

    /// The number that is given next.
    pub fn next(&self) -> u64 {
        let mut next = self.next.load(Ordering::Relaxed) % NUMBERS;
        while self.get(PortId(next)).is_some() {
            next = (next + 1) % NUMBERS;
        }
        next
    }

    /// Numbers count up from the one after `last`.
    pub fn set_next(&self, last: u64) {
        self.next.store(last.wrapping_add(1), Ordering::Relaxed);
    }

    /// Takes a port out.
    pub fn remove(&self, id: PortId) {
        let removed = self.shard(id).write().remove(&id.0);
        if removed.is_some() {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// A port in whatever state.
    pub fn get(&self, id: PortId) -> Option<Arc<Port>> {
        self.shard(id).read().get(&id.0).cloned()
    }

    /// A port that can be used.
    pub fn open(&self, id: PortId) -> Option<Arc<Port>> {
        self.get(id).filter(|port| port.is_open())
    }

    /// All ports, in the order of their numbers.
    pub fn all(&self) -> Vec<Arc<Port>> {
        let mut all: Vec<_> = self
            .shards
            .iter()
            .flat_map(|shard| shard.read().values().cloned().collect::<Vec<_>>())
            .collect();
        all.sort_unstable_by_key(|port| port.id());
        all
    }

    /// The place in the stock VM's table that `port_info(Port, id)` shows: neighbours stand in different
    /// cache lines of eight places.
    pub fn index(&self, id: PortId) -> usize {
        let number = id.0 as usize % self.limit;
        (number * 8) % self.limit + (number * 8) / self.limit
    }
}
