//! Rust values that Erlang code holds by a magic reference: compiled patterns, atomics, iterators, open
//! files, the state of a BIF that yielded.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

/// What a magic reference can stand for. The last reference's death drops it.
pub trait Resource: Any + Send + Sync {
    /// For the downcast.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Any + Send + Sync> Resource for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The values of references that were written as text or in the external format, which may come back.
#[derive(Default)]
struct Written {
    values: HashMap<[u64; 2], Weak<dyn Resource>, FxBuildHasher>,
    /// How many there may be before those that are gone are looked for.
    sweep_at: usize,
}

/// The fewest values that are swept.
const LEAST_SWEPT: usize = 64;

static WRITTEN: Mutex<Option<Written>> = Mutex::new(None);
/// Whether any was ever written: most nodes read references without taking a lock.
static ANY: AtomicBool = AtomicBool::new(false);

/// A magic reference is written: while its value lives, [`recall`] finds it.
pub fn remember(number: [u64; 2], resource: &Arc<dyn Resource>) {
    ANY.store(true, Ordering::Release);
    let mut written = WRITTEN.lock();
    let written = written.get_or_insert_default();
    if written.values.len() >= written.sweep_at {
        written.values.retain(|_, value| value.strong_count() > 0);
        written.sweep_at = (written.values.len() * 2).max(LEAST_SWEPT);
    }
    // Several values may stand for one thing (a table); any will do as long as it lives.
    let value = written
        .values
        .entry(number)
        .or_insert_with(|| Arc::downgrade(resource));
    if value.strong_count() == 0 {
        *value = Arc::downgrade(resource);
    }
}

/// The value of a reference that was written and is read again.
pub fn recall(number: [u64; 2]) -> Option<Arc<dyn Resource>> {
    if !ANY.load(Ordering::Acquire) {
        return None;
    }
    WRITTEN.lock().as_ref()?.values.get(&number)?.upgrade()
}
