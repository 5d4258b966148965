//! Flushing translations on all processors before a frame is reused or a right is taken away.
//!
//! An idle processor is not interrupted: it flushes before it runs anything again. A busy one gets an
//! interrupt, or answers while it spins for a lock.

use core::sync::atomic::{AtomicUsize, Ordering, fence};

use crate::arch::{apic, paging, percpu};

static PENDING: AtomicUsize = AtomicUsize::new(0);

/// Answers a request of another processor, if there is one.
#[inline]
pub fn answer() {
    if PENDING.load(Ordering::Acquire) == 0 {
        return;
    }
    let cpu = percpu::this();
    while cpu
        .flush
        .compare_exchange(1, 2, Ordering::SeqCst, Ordering::SeqCst)
        .is_ok()
    {
        paging::flush_all();
        if cpu
            .flush
            .compare_exchange(2, 0, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
        {
            PENDING.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Flushes the pages from `from` to `to` on every processor, and returns when it is done.
pub fn flush(from: u64, to: u64) {
    if (to - from) / crate::arch::PAGE > 32 {
        paging::flush_all();
    } else {
        let mut at = from;
        while at < to {
            paging::flush_page(at);
            at += crate::arch::PAGE;
        }
    }
    if percpu::count() == 1 {
        return;
    }
    let me = percpu::index();
    let mut asked = 0u64;
    fence(Ordering::SeqCst);
    for cpu in percpu::all().filter(|c| c.index != me) {
        if cpu.flush.swap(1, Ordering::SeqCst) == 0 {
            PENDING.fetch_add(1, Ordering::AcqRel);
        }
        if !cpu.idle.load(Ordering::SeqCst) {
            apic::send(cpu, apic::FLUSH);
            asked |= 1 << cpu.index;
        }
    }
    while percpu::all().any(|c| {
        asked >> c.index & 1 != 0
            && c.flush.load(Ordering::Acquire) != 0
            && !c.idle.load(Ordering::SeqCst)
    }) {
        core::hint::spin_loop();
        answer();
    }
}
