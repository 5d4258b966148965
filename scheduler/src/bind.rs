//! Binding of schedulers to logical processors: `+sbt`, `system_flag(scheduler_bind_type, …)`.
//!
//! An order of the processors follows from the topology and the way of binding; the first scheduler is bound
//! to the first of them, and so on. Schedulers for which there is no processor stay unbound, as in OTP.

use parking_lot::Mutex;
use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_setaffinity};
use vm::bif::cpu_topology::{self, Place};

use crate::worker;

/// The ways of binding that there are. Memory nodes are not told apart, so some of them are the same.
const TYPES: &[&str] = &[
    UNBOUND,
    "no_spread",
    "thread_spread",
    "processor_spread",
    "spread",
    "no_node_thread_spread",
    "no_node_processor_spread",
    DEFAULT_BIND,
];
const UNBOUND: &str = "unbound";
/// What `default_bind` stands for.
const DEFAULT_BIND: &str = "thread_no_node_processor_spread";

/// Lock rank: nothing is taken under it.
static STATE: Mutex<State> = Mutex::new(State {
    how: UNBOUND,
    threads: Vec::new(),
});

struct State {
    how: &'static str,
    threads: Vec<Thread>,
}

/// A scheduler's thread.
struct Thread {
    index: usize,
    id: Pid,
    /// The processors that it may use when it is not bound.
    free: Option<CpuSet>,
    bound: Option<usize>,
}

fn known(how: &str) -> Option<&'static str> {
    if how == "default_bind" {
        return Some(DEFAULT_BIND);
    }
    TYPES.iter().copied().find(|&known| known == how)
}

/// The logical processors in the order in which schedulers are bound to them; none if they are not.
fn order(how: &str, mut places: Vec<Place>) -> Vec<usize> {
    match how {
        UNBOUND => places.clear(),
        "no_spread" => {}
        // Threads of a core last; of each such round the processors one after the other.
        "thread_spread" | "no_node_thread_spread" => {
            places.sort_by_key(|place| (place.thread, place.processor, place.core));
        }
        // Processors by turns, a core filled first.
        "processor_spread" | "no_node_processor_spread" => {
            places.sort_by_key(|place| (place.core, place.thread, place.processor));
        }
        // Both.
        _ => places.sort_by_key(|place| (place.thread, place.core, place.processor)),
    }
    places.into_iter().map(|place| place.logical).collect()
}

impl Thread {
    fn bind(&mut self, order: &[usize]) {
        self.bound = order.get(self.index).copied().filter(|&logical| {
            let mut set = CpuSet::new();
            if logical >= CpuSet::MAX_CPU {
                return false;
            }
            set.set(logical);
            sched_setaffinity(Some(self.id), &set).is_ok()
        });
        if let (None, Some(free)) = (self.bound, &self.free) {
            // Where the system refuses, the thread stays where it is, which only costs speed.
            let _ = sched_setaffinity(Some(self.id), free);
        }
    }
}

/// Sets how schedulers are bound, before they start.
pub fn configure(how: &str) {
    if let Some(how) = known(how) {
        STATE.lock().how = how;
    }
}

/// This thread is a scheduler from now on.
pub(crate) fn thread_starts(index: usize) {
    let mut state = STATE.lock();
    let mut thread = Thread {
        index,
        id: gettid(),
        free: sched_getaffinity(None).ok(),
        bound: None,
    };
    if state.how != UNBOUND {
        thread.bind(&order(state.how, cpu_topology::places()));
    }
    state.threads.push(thread);
}

/// How schedulers are bound.
pub fn bind_type() -> &'static str {
    STATE.lock().how
}

/// Binds them another way; how they were. None where there is no such way.
pub fn set_bind_type(how: &str) -> Option<&'static str> {
    let how = known(how)?;
    let mut state = STATE.lock();
    let order = order(how, cpu_topology::places());
    for thread in &mut state.threads {
        thread.bind(&order);
    }
    Some(std::mem::replace(&mut state.how, how))
}

/// The logical processor that each scheduler is bound to.
pub fn bindings() -> Vec<Option<usize>> {
    let count = worker::workers().map_or(1, |workers| workers.all.len());
    let mut bindings = vec![None; count];
    for thread in &STATE.lock().threads {
        if let Some(binding) = bindings.get_mut(thread.index) {
            *binding = thread.bound;
        }
    }
    bindings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two processors of two cores of two threads.
    fn places() -> Vec<Place> {
        (0..8)
            .map(|logical| Place {
                processor: logical / 4,
                core: logical / 2 % 2,
                thread: logical % 2,
                logical,
            })
            .collect()
    }

    #[test]
    fn each_way_has_its_order() {
        let order = |how| order(how, places());
        assert_eq!(order("unbound"), [0; 0]);
        assert_eq!(order("no_spread"), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(order("thread_spread"), [0, 2, 4, 6, 1, 3, 5, 7]);
        assert_eq!(order("processor_spread"), [0, 4, 1, 5, 2, 6, 3, 7]);
        assert_eq!(order("spread"), [0, 4, 2, 6, 1, 5, 3, 7]);
    }
}
