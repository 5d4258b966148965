//! The process table: from a pid to the process, without a lock.
//!
//! A pid is 28 bits: the lower ones choose the slot (the table's size is a power of two), the rest says
//! which use of the slot it is. Free slots stand in a ring from which the one free for the longest time is
//! taken, so that a number is reused as late as possible; the numbers of a young node count up from 0.
//!
//! A slot is read under an epoch guard: what it points to is freed only when nobody who could have seen it
//! still looks.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam_epoch::Guard;

use super::shared::Shared;
use crate::term::Pid;

/// How many processes there may be unless `+P` says otherwise.
pub const DEFAULT_LIMIT: usize = 262_144;
/// The least and the most that `+P` can ask for.
pub const MIN_LIMIT: usize = 1024;
/// See [`MIN_LIMIT`].
pub const MAX_LIMIT: usize = 134_217_727;

/// Bits of a pid that are printed as its number.
pub const NUMBER_BITS: u32 = 15;
/// Bits of a pid that are printed as its serial.
pub const SERIAL_BITS: u32 = 13;
const PID_MASK: u64 = (1 << (NUMBER_BITS + SERIAL_BITS)) - 1;

/// In the ring: no number stands here.
const TAKEN: u64 = u64::MAX;

struct Table {
    slots: Box<[AtomicPtr<Shared>]>,
    /// Numbers to be given next. A number stands as its distance from the place's index, so that a table
    /// of zeros is the initial one and its memory need not be touched.
    ring: Box<[AtomicU64]>,
    take_at: AtomicUsize,
    put_at: AtomicUsize,
    count: AtomicUsize,
    /// One past the highest slot ever used.
    high: AtomicUsize,
    /// All free numbers are out, to be put in another order.
    reordered: AtomicBool,
}

static TABLE: OnceLock<Table> = OnceLock::new();

fn table() -> &'static Table {
    TABLE.get_or_init(|| Table::new(DEFAULT_LIMIT))
}

/// Sets how many processes there may be (`+P`), rounded up to a power of two. Has no effect once the
/// table is in use; false then.
pub fn init(limit: usize) -> bool {
    let limit = limit.clamp(MIN_LIMIT, MAX_LIMIT).next_power_of_two();
    TABLE.set(Table::new(limit)).is_ok()
}

fn zeroed<T>(len: usize) -> Box<[T]> {
    let words = vec![0u64; len].into_boxed_slice();
    assert!(size_of::<T>() == size_of::<u64>() && align_of::<T>() == align_of::<u64>());
    // SAFETY:
    // 1. Callers ask for `AtomicU64` and `AtomicPtr`, for which zero is a value.
    // 2. Size and alignment were just checked, so the allocation's layout stays what it was.
    unsafe { Box::from_raw(Box::into_raw(words) as *mut [T]) }
}

impl Table {
    fn new(size: usize) -> Table {
        Table {
            slots: zeroed(size),
            ring: zeroed(size),
            take_at: AtomicUsize::new(0),
            put_at: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
            high: AtomicUsize::new(0),
            reordered: AtomicBool::new(false),
        }
    }

    fn slot(&self, pid: Pid) -> &AtomicPtr<Shared> {
        &self.slots[pid.0 as usize & (self.slots.len() - 1)]
    }

    fn reserve(&self) -> Option<Pid> {
        loop {
            let pid = self.reserve_one();
            // While all free numbers are out to be put in another order, the table is not full.
            if pid.is_some() || !self.reordered.load(Ordering::Acquire) {
                return pid;
            }
            std::thread::yield_now();
        }
    }

    fn reserve_one(&self) -> Option<Pid> {
        let size = self.slots.len();
        if self.count.fetch_add(1, Ordering::AcqRel) >= size {
            self.count.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        let at = self.take_at.fetch_add(1, Ordering::Relaxed) & (size - 1);
        loop {
            // The count promises a number here; a slower thread may still be putting it.
            let distance = self.ring[at].swap(TAKEN, Ordering::AcqRel);
            if distance != TAKEN {
                let pid = Pid(distance.wrapping_add(at as u64) & PID_MASK);
                let slot = pid.0 as usize & (size - 1);
                self.high.fetch_max(slot + 1, Ordering::Release);
                return Some(pid);
            }
            std::hint::spin_loop();
        }
    }

    fn release(&self, pid: Pid) {
        self.put((pid.0 + self.slots.len() as u64) & PID_MASK);
    }

    /// A number is to be given after all that are free.
    fn put(&self, next: u64) {
        let size = self.slots.len();
        let at = self.put_at.fetch_add(1, Ordering::Relaxed) & (size - 1);
        let distance = next.wrapping_sub(at as u64) & PID_MASK;
        // The ring has as many places as there are numbers; the one before in this place was taken, or its
        // taker is about to.
        while self.ring[at]
            .compare_exchange(TAKEN, distance, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            std::hint::spin_loop();
        }
        self.count.fetch_sub(1, Ordering::AcqRel);
    }

    /// The number that is given next.
    fn next(&self) -> Option<Pid> {
        let at = self.take_at.load(Ordering::Relaxed) & (self.slots.len() - 1);
        let distance = self.ring[at].load(Ordering::Acquire);
        (distance != TAKEN).then(|| Pid(distance.wrapping_add(at as u64) & PID_MASK))
    }

    /// Free numbers count up from the one after `last`.
    fn set_next(&self, last: u64) {
        if self.reordered.swap(true, Ordering::AcqRel) {
            return;
        }
        let size = self.slots.len() as u64;
        let first = last.wrapping_add(1) & PID_MASK;
        let mut distances: Vec<u64> = std::iter::from_fn(|| self.reserve_one())
            .map(|pid| pid.0.wrapping_sub(first) & (size - 1))
            .collect();
        distances.sort_unstable();
        for distance in distances {
            self.put((first + distance) & PID_MASK);
        }
        self.reordered.store(false, Ordering::Release);
    }
}

/// The pid that is given next, for tests.
pub fn next_pid() -> Option<Pid> {
    table().next()
}

/// Lets free pids count up from the one after `last`, for tests.
pub fn set_next_pid(last: u64) {
    table().set_next(last);
}

/// A pid that nobody has, until it is released; none when the table is full.
pub(crate) fn reserve() -> Option<Pid> {
    table().reserve()
}

/// Makes a process findable.
pub(crate) fn publish(shared: Arc<Shared>) {
    let slot = table().slot(shared.pid());
    let old = slot.swap(Arc::into_raw(shared).cast_mut(), Ordering::AcqRel);
    debug_assert!(old.is_null(), "a reserved slot is empty");
}

/// Takes a process out: it is not found any more, and its pid may be used again (late).
pub(crate) fn remove(pid: Pid) {
    let table = table();
    let old = table.slot(pid).swap(std::ptr::null_mut(), Ordering::AcqRel);
    debug_assert!(!old.is_null(), "a process is removed once");
    let old = old as usize;
    let guard = crossbeam_epoch::pin();
    // SAFETY:
    // 1. The pointer came from `Arc::into_raw` in `publish`, and the slot held that count.
    // 2. It runs when no guard that could have seen the slot's value is left.
    unsafe {
        guard.defer_unchecked(move || drop(Arc::from_raw(old as *const Shared)));
    }
    table.release(pid);
}

/// The process of a pid.
pub fn get(pid: Pid, guard: &Guard) -> Option<&Shared> {
    let _ = guard;
    let shared = table().slot(pid).load(Ordering::Acquire);
    // SAFETY: null, or a counted pointer that is dropped only after this guard.
    let shared = unsafe { shared.as_ref() }?;
    (shared.pid() == pid).then_some(shared)
}

/// The process of a pid, to keep.
pub fn find(pid: Pid) -> Option<Arc<Shared>> {
    let guard = crossbeam_epoch::pin();
    get(pid, &guard).map(Shared::counted)
}

/// Whether a pid's process is in the table.
pub fn exists(pid: Pid) -> bool {
    get(pid, &crossbeam_epoch::pin()).is_some()
}

/// The pids of all processes, those that are exiting among them.
pub fn all() -> Vec<Pid> {
    let table = table();
    let guard = crossbeam_epoch::pin();
    let _ = &guard;
    table.slots[..table.high.load(Ordering::Acquire)]
        .iter()
        .filter_map(|slot| {
            // SAFETY: as in `get`.
            unsafe { slot.load(Ordering::Acquire).as_ref() }.map(Shared::pid)
        })
        .collect()
}

/// How many processes there are.
pub fn count() -> usize {
    table().count.load(Ordering::Relaxed).min(limit())
}

/// How many processes there may be.
pub fn limit() -> usize {
    table().slots.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_up_and_come_back_late() {
        let table = Table::new(4);
        let first: Vec<u64> = (0..4).map(|_| table.reserve().expect("room").0).collect();
        assert_eq!(first, [0, 1, 2, 3]);
        assert_eq!(table.reserve(), None);
        table.release(Pid(2));
        table.release(Pid(0));
        assert_eq!(table.reserve(), Some(Pid(6)));
        assert_eq!(table.reserve(), Some(Pid(4)));
        assert_eq!(table.reserve(), None);
    }

    #[test]
    fn the_next_number_can_be_set() {
        let table = Table::new(4);
        let first = table.reserve();
        assert_eq!(first, Some(Pid(0)));
        table.set_next(PID_MASK - 2);
        assert_eq!(table.next(), Some(Pid(PID_MASK - 1)));
        assert_eq!(table.reserve(), Some(Pid(PID_MASK - 1)));
        assert_eq!(table.reserve(), Some(Pid(PID_MASK)));
        // The slot of 0 is taken.
        assert_eq!(table.reserve(), Some(Pid(1)));
        assert_eq!(table.reserve(), None);
    }

    #[test]
    fn numbers_wrap_within_28_bits() {
        let table = Table::new(2);
        let (mut last, _) = (table.reserve().expect("room"), table.reserve());
        for _ in 0..5 {
            table.release(last);
            last = table.reserve().expect("room");
        }
        assert_eq!(last, Pid(10));
        let high = Pid(PID_MASK - 1);
        table.release(Pid(1));
        let _ = table.reserve();
        table.release(high);
        assert_eq!(table.reserve(), Some(Pid(0)));
    }
}
