//! Native resources that end with the process that owns them: open files, sockets.
//!
//! A resource keeps the [`Watch`] that [`watch`] gave it; dropping that ends the watching. What is told at
//! the owner's death runs on a scheduler and must not block.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Once, Weak};

use parking_lot::Mutex;
use vm::process::Process;
use vm::process::hooks::{self, AtExit};
use vm::term::Pid;

/// Something that a process owns.
pub trait Owned: Send + Sync {
    /// A process that it was watched for is dead: its owner, or one that waits for it.
    fn owner_died(&self, owner: Pid);
}

type Belongings = HashMap<Pid, Vec<(u64, Weak<dyn Owned>)>>;

static OWNERS: Mutex<Option<Belongings>> = Mutex::new(None);
/// How many watches there are: an exit looks no further where there is none.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicU64 = AtomicU64::new(0);
static REGISTER: Once = Once::new();

struct EndWithOwner;

static END_WITH_OWNER: EndWithOwner = EndWithOwner;

impl AtExit for EndWithOwner {
    fn process_exits(&self, process: &Process, _: usize) -> bool {
        if COUNT.load(Ordering::Acquire) == 0 {
            return true;
        }
        let pid = process.pid();
        let owned = OWNERS.lock().as_mut().and_then(|all| all.remove(&pid));
        // Not under the lock: what dies takes its watch with it.
        for (_, resource) in owned.into_iter().flatten() {
            if let Some(resource) = resource.upgrade() {
                resource.owner_died(pid);
            }
        }
        true
    }
}

/// The watching of a resource's owner; ends when it is dropped.
#[derive(Debug)]
pub struct Watch {
    owner: Pid,
    number: u64,
}

/// Watches an owner, which must be the calling process or be looked for afterwards.
pub fn watch(owner: Pid, resource: Weak<dyn Owned>) -> Watch {
    REGISTER.call_once(|| hooks::add_at_exit(&END_WITH_OWNER));
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    COUNT.fetch_add(1, Ordering::AcqRel);
    OWNERS
        .lock()
        .get_or_insert_default()
        .entry(owner)
        .or_default()
        .push((number, resource));
    Watch { owner, number }
}

impl Drop for Watch {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::AcqRel);
        let mut owners = OWNERS.lock();
        let Some(all) = owners.as_mut() else {
            return;
        };
        if let Some(owned) = all.get_mut(&self.owner) {
            owned.retain(|(number, _)| *number != self.number);
            if owned.is_empty() {
                all.remove(&self.owner);
            }
        }
    }
}

/// A weak reference to a resource as [`watch`] takes it.
pub fn weak<T: Owned + 'static>(resource: &Arc<T>) -> Weak<dyn Owned> {
    let weak: Weak<T> = Arc::downgrade(resource);
    weak
}
