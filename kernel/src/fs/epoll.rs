//! `epoll`: a set of descriptions and a queue of those that became ready.
//!
//! Ranks: a file's source lock, then the set's ready queue, then the set's own source.

use crate::map::Map;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::file::{File, Open, Stat};
use crate::arch::sync::SpinLock;
use crate::sys::errno::{EEXIST, EINVAL, ELOOP, ENOENT, EPERM, Result};
use crate::task::wait::{ERR, HUP, IN, Source, Watcher};

/// Report a change only once.
pub const ET: u32 = 1 << 31;
/// Report once, then only after a new `EPOLL_CTL_MOD`.
pub const ONESHOT: u32 = 1 << 30;
const CONTROL: u32 = ET | ONESHOT | 1 << 29 | 1 << 28;

struct Item {
    key: (u32, usize),
    open: Weak<Open>,
    events: AtomicU32,
    data: AtomicU64,
    queued: AtomicBool,
    watch: AtomicU64,
    set: Weak<Epoll>,
}

/// A set.
pub struct Epoll {
    items: SpinLock<Map<(u32, usize), Arc<Item>>>,
    ready: SpinLock<VecDeque<Arc<Item>>>,
    source: Source,
    this: Weak<Epoll>,
}

impl Item {
    fn interest(&self) -> u32 {
        match self.events.load(Ordering::Relaxed) & !CONTROL {
            0 => 0,
            events => events | ERR | HUP,
        }
    }
}

impl Watcher for Item {
    fn notify(&self, events: u32) {
        if self.interest() & events != 0
            && let Some(set) = self.set.upgrade()
        {
            set.queue(self.key);
        }
    }
}

impl Epoll {
    /// An empty set.
    pub fn new() -> Arc<Epoll> {
        Arc::new_cyclic(|this| Epoll {
            items: SpinLock::new(Map::new()),
            ready: SpinLock::new(VecDeque::new()),
            source: Source::new(),
            this: this.clone(),
        })
    }

    fn queue(&self, key: (u32, usize)) {
        let item = self.items.lock().get(&key).cloned();
        if let Some(item) = item
            && !item.queued.swap(true, Ordering::AcqRel)
        {
            self.ready.lock().push_back(item);
            self.source.notify(IN);
        }
    }

    /// Adds, changes or removes a description.
    pub fn control(
        &self,
        op: u32,
        fd: u32,
        open: &Arc<Open>,
        events: u32,
        data: u64,
    ) -> Result<()> {
        let key = (fd, Arc::as_ptr(open) as usize);
        let file = open.file.clone();
        let source = file.source().ok_or(EPERM)?;
        let any: &dyn Any = file.as_ref();
        if let Some(inner) = any.downcast_ref::<Epoll>() {
            if core::ptr::eq(inner, self) {
                return Err(EINVAL);
            }
            if inner.contains(self, 0) {
                return Err(ELOOP);
            }
        }
        match op {
            1 => {
                let item = Arc::new(Item {
                    key,
                    open: Arc::downgrade(open),
                    events: AtomicU32::new(events),
                    data: AtomicU64::new(data),
                    queued: AtomicBool::new(false),
                    watch: AtomicU64::new(0),
                    set: self.this.clone(),
                });
                let stale: Vec<Arc<Item>> = {
                    let mut items = self.items.lock();
                    if items.contains_key(&key) {
                        return Err(EEXIST);
                    }
                    // Descriptions that were closed while in the set.
                    let dead: Vec<_> = items
                        .range((fd, 0)..=(fd, usize::MAX))
                        .filter(|(_, i)| i.open.strong_count() == 0)
                        .map(|(&k, _)| k)
                        .collect();
                    items.insert(key, item.clone());
                    dead.iter().filter_map(|k| items.remove(k)).collect()
                };
                drop(stale);
                item.watch
                    .store(source.add(item.clone()), Ordering::Relaxed);
                if file.ready() & item.interest() != 0 {
                    self.queue(key);
                }
            }
            2 => {
                let item = self.items.lock().remove(&key).ok_or(ENOENT)?;
                source.remove(item.watch.load(Ordering::Relaxed));
            }
            3 => {
                let item = self.items.lock().get(&key).cloned().ok_or(ENOENT)?;
                item.events.store(events, Ordering::Relaxed);
                item.data.store(data, Ordering::Relaxed);
                if file.ready() & item.interest() != 0 {
                    self.queue(key);
                }
            }
            _ => return Err(EINVAL),
        }
        Ok(())
    }

    fn contains(&self, other: &Epoll, depth: u32) -> bool {
        if depth > 4 {
            return true;
        }
        let opens: Vec<_> = self
            .items
            .lock()
            .values()
            .filter_map(|i| i.open.upgrade())
            .collect();
        opens.iter().any(|open| {
            let any: &dyn Any = open.file.as_ref();
            any.downcast_ref::<Epoll>().is_some_and(|inner| {
                core::ptr::eq(inner, other) || inner.contains(other, depth + 1)
            })
        })
    }

    /// Up to `max` events (events, data) that hold now.
    pub fn collect(&self, max: usize) -> Vec<(u32, u64)> {
        let mut found = Vec::new();
        let mut again = Vec::new();
        let mut left = self.ready.lock().len();
        while found.len() < max && left > 0 {
            left -= 1;
            let Some(item) = self.ready.lock().pop_front() else {
                break;
            };
            item.queued.store(false, Ordering::Release);
            let Some(open) = item.open.upgrade() else {
                self.items.lock().remove(&item.key);
                continue;
            };
            if !self
                .items
                .lock()
                .get(&item.key)
                .is_some_and(|i| Arc::ptr_eq(i, &item))
            {
                continue;
            }
            let events = open.file.ready() & item.interest();
            if events == 0 {
                continue;
            }
            found.push((events, item.data.load(Ordering::Relaxed)));
            let flags = item.events.load(Ordering::Relaxed);
            if flags & ONESHOT != 0 {
                item.events.store(flags & CONTROL, Ordering::Relaxed);
            } else if flags & ET == 0 {
                again.push(item);
            }
        }
        // Level-triggered items stay queued until they are found not ready.
        for item in again {
            if !item.queued.swap(true, Ordering::AcqRel) {
                self.ready.lock().push_back(item);
            }
        }
        found
    }
}

impl File for Epoll {
    fn ready(&self) -> u32 {
        let items: Vec<_> = self.ready.lock().iter().cloned().collect();
        let holds = |i: &Arc<Item>| {
            i.open
                .upgrade()
                .is_some_and(|o| o.file.ready() & i.interest() != 0)
        };
        if items.iter().any(holds) { IN } else { 0 }
    }

    fn source(&self) -> Option<&Source> {
        Some(&self.source)
    }

    fn stat(&self) -> Stat {
        Stat {
            mode: 0o600,
            nlink: 1,
            ..Stat::default()
        }
    }

    fn closed(&self) {
        let items = core::mem::take(&mut *self.items.lock());
        for item in items.values() {
            if let Some(open) = item.open.upgrade()
                && let Some(source) = open.file.source()
            {
                source.remove(item.watch.load(Ordering::Relaxed));
            }
        }
        self.ready.lock().clear();
    }
}
