//! Futexes: threads that wait for a word of memory to change.
//!
//! Rank: a bucket's lock comes before the address space's, because the word is read under it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::thread::Thread;
use super::{sched, wait};
use crate::arch::sync::{Guard, Once, SpinLock};
use crate::arch::{current, user};
use crate::sys::errno::{EAGAIN, EINTR, EINVAL, ENOSYS, ERESTART, ETIMEDOUT, Result};

const BUCKETS: usize = 256;

struct Waiter {
    thread: Arc<Thread>,
    at: AtomicU64,
    bits: u32,
    woken: AtomicBool,
}

type Bucket = VecDeque<Arc<Waiter>>;

/// On the heap: it would stand in the kernel's file.
static BUCKET_TABLE: Once<Vec<SpinLock<Bucket>>> = Once::new();

/// Makes the table. Before anything runs.
pub fn init() {
    BUCKET_TABLE.set(
        (0..BUCKETS)
            .map(|_| SpinLock::new(VecDeque::new()))
            .collect(),
    );
}

fn table() -> &'static [SpinLock<Bucket>] {
    BUCKET_TABLE
        .get()
        .expect("the table is made before anything runs")
}

fn number(at: u64) -> usize {
    ((at >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

/// Waits while the word at `at` is `value`, for a wake-up with one of `bits`.
pub fn wait(at: u64, value: u32, bits: u32, deadline: Option<u64>) -> Result<usize> {
    if bits == 0 || !at.is_multiple_of(4) {
        return Err(EINVAL);
    }
    let waiter = Arc::new(Waiter {
        thread: current::arc(),
        at: AtomicU64::new(at),
        bits,
        woken: AtomicBool::new(false),
    });
    {
        let mut bucket = table()[number(at)].lock();
        if user::load_u32(at)? != value {
            return Err(EAGAIN);
        }
        bucket.push_back(waiter.clone());
    }
    let result = loop {
        if waiter.woken.load(Ordering::Acquire) {
            return Ok(0);
        }
        match wait::pause(deadline) {
            Ok(()) => {}
            Err(EAGAIN) => break ETIMEDOUT,
            Err(EINTR) => break EINTR,
            Err(_) => break ERESTART,
        }
    };
    // A requeue may move the waiter to another bucket until it is found.
    loop {
        let at = waiter.at.load(Ordering::Acquire);
        let mut bucket = table()[number(at)].lock();
        if waiter.woken.load(Ordering::Acquire) {
            return Ok(0);
        }
        if let Some(n) = bucket.iter().position(|w| Arc::ptr_eq(w, &waiter)) {
            bucket.remove(n);
            return Err(result);
        }
    }
}

fn wake_in(bucket: &mut Bucket, at: u64, count: usize, bits: u32) -> usize {
    let mut woken = 0;
    let mut n = 0;
    while n < bucket.len() && woken < count {
        let waiter = &bucket[n];
        if waiter.at.load(Ordering::Relaxed) == at && waiter.bits & bits != 0 {
            waiter.woken.store(true, Ordering::Release);
            sched::wake(&waiter.thread);
            bucket.remove(n);
            woken += 1;
        } else {
            n += 1;
        }
    }
    woken
}

/// Wakes up to `count` waiters.
pub fn wake(at: u64, count: usize, bits: u32) -> Result<usize> {
    if bits == 0 || !at.is_multiple_of(4) {
        return Err(EINVAL);
    }
    Ok(wake_in(&mut table()[number(at)].lock(), at, count, bits))
}

/// Both buckets, locked in the order of their numbers.
fn lock_two(a: usize, b: usize) -> (Guard<'static, Bucket>, Option<Guard<'static, Bucket>>) {
    if a == b {
        return (table()[a].lock(), None);
    }
    if a < b {
        let first = table()[a].lock();
        (first, Some(table()[b].lock()))
    } else {
        let second = table()[b].lock();
        (table()[a].lock(), Some(second))
    }
}

/// Wakes some waiters and moves others to another word, if the word is still `expected`.
pub fn requeue(
    at: u64,
    to: u64,
    wake: usize,
    move_max: usize,
    expected: Option<u32>,
) -> Result<usize> {
    if !at.is_multiple_of(4) || !to.is_multiple_of(4) {
        return Err(EINVAL);
    }
    let (mut from, mut target) = lock_two(number(at), number(to));
    if let Some(expected) = expected
        && user::load_u32(at)? != expected
    {
        return Err(EAGAIN);
    }
    let woken = wake_in(&mut from, at, wake, u32::MAX);
    let mut moved = 0;
    let mut n = 0;
    while n < from.len() && moved < move_max {
        if from[n].at.load(Ordering::Relaxed) != at {
            n += 1;
            continue;
        }
        moved += 1;
        from[n].at.store(to, Ordering::Release);
        match &mut target {
            Some(target) => {
                if let Some(waiter) = from.remove(n) {
                    target.push_back(waiter);
                }
            }
            None => n += 1,
        }
    }
    Ok(woken + if expected.is_some() { moved } else { 0 })
}

/// Changes the second word, wakes waiters of the first, and of the second if its old value compares so.
pub fn wake_op(at: u64, second: u64, wake: usize, wake_second: usize, op: u32) -> Result<usize> {
    let (kind, compare) = (op >> 28 & 7, op >> 24 & 15);
    let (mut argument, against) = (
        ((op << 8) as i32 >> 20) as u32,
        ((op << 20) as i32 >> 20) as u32,
    );
    if op >> 31 != 0 {
        argument = 1u32.checked_shl(argument).ok_or(EINVAL)?;
    }
    let (mut first, mut other) = lock_two(number(at), number(second));
    let old = loop {
        let old = user::load_u32(second)?;
        let new = match kind {
            0 => argument,
            1 => old.wrapping_add(argument),
            2 => old | argument,
            3 => old & !argument,
            4 => old ^ argument,
            _ => return Err(ENOSYS),
        };
        if user::compare_exchange(second, old, new)? == old {
            break old as i32;
        }
    };
    let against = against as i32;
    let holds = match compare {
        0 => old == against,
        1 => old != against,
        2 => old < against,
        3 => old <= against,
        4 => old > against,
        5 => old >= against,
        _ => return Err(ENOSYS),
    };
    let mut woken = wake_in(&mut first, at, wake, u32::MAX);
    if holds {
        woken += wake_in(
            other.as_mut().unwrap_or(&mut first),
            second,
            wake_second,
            u32::MAX,
        );
    }
    Ok(woken)
}

/// Marks the futexes that an ending thread still holds, and wakes a waiter of each.
pub fn release_robust(thread: &Thread) {
    const WAITERS: u32 = 0x8000_0000;
    const OWNER_DIED: u32 = 0x4000_0000;
    let head = thread.robust.load(Ordering::Relaxed);
    if head == 0 {
        return;
    }
    let Ok([first, offset, pending]) = user::read::<[u64; 3]>(head) else {
        return;
    };
    let release = |entry: u64| -> Option<()> {
        let at = (entry & !1).wrapping_add(offset);
        let value = user::load_u32(at).ok()?;
        if value & 0x3fff_ffff == thread.tid {
            user::compare_exchange(at, value, value & WAITERS | OWNER_DIED).ok()?;
            if value & WAITERS != 0 {
                wake(at, 1, u32::MAX).ok()?;
            }
        }
        Some(())
    };
    let mut entry = first;
    for _ in 0..2048 {
        if entry & !1 == head || entry == 0 {
            break;
        }
        let next = user::read::<u64>(entry & !1);
        if entry != pending && release(entry).is_none() {
            break;
        }
        let Ok(next) = next else { break };
        entry = next;
    }
    if pending != 0 {
        release(pending);
    }
}
