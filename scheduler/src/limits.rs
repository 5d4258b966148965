//! How many schedulers work: `schedulers_online`, and the blocking of multi-scheduling.
//!
//! A process that blocks multi-scheduling may do so several times; it is unblocked when all have been taken
//! back, or their processes have ended. Blocking takes effect when every other worker has ended its turn.

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;
use vm::process::Process;
use vm::process::hooks::AtExit;
use vm::term::Pid;

use crate::worker::{self, Workers};

/// Which schedulers are blocked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blocked {
    /// None.
    No,
    /// All but one, dirty ones among them.
    All,
    /// All but one of the normal ones.
    Normal,
}

#[derive(Default)]
struct Blockers {
    all: HashMap<Pid, u64, FxBuildHasher>,
    normal: HashMap<Pid, u64, FxBuildHasher>,
}

struct Limits {
    online: usize,
    dirty_cpu_online: usize,
    blockers: Blockers,
}

/// Lock rank: nothing is taken under it but what setting the limit takes.
static LIMITS: Mutex<Option<Limits>> = Mutex::new(None);

fn with<R>(workers: &Workers, change: impl FnOnce(&mut Limits) -> R) -> R {
    let mut limits = LIMITS.lock();
    let limits = limits.get_or_insert_with(|| Limits {
        online: workers.limit(),
        dirty_cpu_online: crate::dirty::cpu_limit(),
        blockers: Blockers::default(),
    });
    let result = change(limits);
    let limit = match limits.blocked() {
        Blocked::No => limits.online,
        Blocked::All | Blocked::Normal => 1,
    };
    if limit != workers.limit() {
        workers.set_limit(limit);
    }
    result
}

impl Limits {
    fn blocked(&self) -> Blocked {
        if !self.blockers.all.is_empty() {
            Blocked::All
        } else if !self.blockers.normal.is_empty() {
            Blocked::Normal
        } else {
            Blocked::No
        }
    }
}

/// How many schedulers are online.
pub fn online() -> usize {
    worker::workers().map_or(1, |workers| with(workers, |limits| limits.online))
}

/// Sets how many schedulers are online; how many were. None where there are not so many.
pub fn set_online(count: usize) -> Option<usize> {
    let workers = worker::workers()?;
    if count == 0 || count > workers.all.len() {
        return None;
    }
    Some(with(workers, |limits| {
        std::mem::replace(&mut limits.online, count)
    }))
}

/// How many dirty CPU schedulers are online.
pub fn dirty_cpu_online() -> usize {
    worker::workers().map_or(1, |workers| with(workers, |limits| limits.dirty_cpu_online))
}

/// Sets how many dirty CPU schedulers are online; how many were. None where there are not so many.
pub fn set_dirty_cpu_online(count: usize) -> Option<usize> {
    let workers = worker::workers()?;
    if count == 0 || count > crate::dirty::cpu_threads() {
        return None;
    }
    crate::dirty::set_cpu_limit(count);
    Some(with(workers, |limits| {
        std::mem::replace(&mut limits.dirty_cpu_online, count)
    }))
}

/// A process blocks multi-scheduling once more.
pub fn block(pid: Pid, normal_only: bool) {
    if let Some(workers) = worker::workers() {
        if let Some(shared) = vm::process::table::find(pid) {
            shared.entangle();
        }
        with(workers, |limits| {
            *limits.blockers.of(normal_only).entry(pid).or_insert(0) += 1;
        });
    }
}

/// A process takes back one of its blocks; nothing happens where there is none.
pub fn unblock(pid: Pid, normal_only: bool) {
    if let Some(workers) = worker::workers() {
        with(workers, |limits| {
            let blockers = limits.blockers.of(normal_only);
            if let Some(count) = blockers.get_mut(&pid) {
                *count -= 1;
                if *count == 0 {
                    blockers.remove(&pid);
                }
            }
        });
    }
}

impl Blockers {
    fn of(&mut self, normal_only: bool) -> &mut HashMap<Pid, u64, FxBuildHasher> {
        if normal_only {
            &mut self.normal
        } else {
            &mut self.all
        }
    }
}

/// Which schedulers are blocked.
pub fn blocked() -> Blocked {
    worker::workers().map_or(Blocked::No, |workers| {
        with(workers, |limits| limits.blocked())
    })
}

/// The processes that block all schedulers, or the normal ones.
pub fn blockers(normal_only: bool) -> Vec<Pid> {
    worker::workers().map_or_else(Vec::new, |workers| {
        with(workers, |limits| {
            limits.blockers.of(normal_only).keys().copied().collect()
        })
    })
}

/// Whether a change of the number of working schedulers has not taken effect everywhere.
pub fn is_settling() -> bool {
    worker::workers().is_some_and(Workers::is_settling)
}

/// Unblocks what a process that ends has blocked.
pub struct UnblockAtExit;

impl AtExit for UnblockAtExit {
    fn process_exits(&self, process: &Process, _budget: usize) -> bool {
        if !process.shared().is_entangled() {
            return true;
        }
        let mut limits = LIMITS.lock();
        let blocks = limits.as_mut().is_some_and(|limits| {
            let pid = process.pid();
            let all = limits.blockers.all.remove(&pid).is_some();
            limits.blockers.normal.remove(&pid).is_some() || all
        });
        drop(limits);
        if let (true, Some(workers)) = (blocks, worker::workers()) {
            with(workers, |_| ());
        }
        true
    }
}
