//! The running thread of each processor, as a counted pointer in the per-processor block.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::context::Context;
use super::percpu::{self, MAX_CPUS};
use crate::task::thread::Thread;

/// The thread a processor has just left: its reference is dropped from the next thread's stack.
static PREVIOUS: [AtomicPtr<Thread>; MAX_CPUS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_CPUS];

/// The running thread.
///
/// The reference is good while the caller runs as this thread, which is as long as the caller's stack
/// exists: callers keep it in local variables only.
#[inline]
pub fn get() -> &'static Thread {
    // SAFETY: `install` stored a counted pointer, which is released only after another thread has taken
    // over the processor; the thread's code, and so any local copy of this reference, does not run then.
    unsafe { &*percpu::this().current.load(Ordering::Relaxed) }
}

/// The running thread, counted.
pub fn arc() -> Arc<Thread> {
    let thread = percpu::this().current.load(Ordering::Relaxed).cast_const();
    // SAFETY: the pointer came from `Arc::into_raw` and one count is held by the processor.
    unsafe {
        Arc::increment_strong_count(thread);
        Arc::from_raw(thread)
    }
}

/// Makes `next` the running thread; the one before is kept for `release_previous`.
pub fn install(next: Arc<Thread>) -> &'static Context {
    let cpu = percpu::this();
    let raw = Arc::into_raw(next).cast_mut();
    let before = cpu.current.swap(raw, Ordering::Relaxed);
    PREVIOUS[cpu.index as usize].store(before, Ordering::Relaxed);
    // SAFETY: counted by the processor until the thread after it calls `release_previous`.
    unsafe { &(*raw).context }
}

/// Gives up the thread that this processor ran before: nothing uses its stack any more.
pub fn release_previous() {
    let before = PREVIOUS[percpu::index() as usize].swap(core::ptr::null_mut(), Ordering::Relaxed);
    if !before.is_null() {
        // SAFETY: the count that `install` took over from `Arc::into_raw`.
        let thread = unsafe { Arc::from_raw(before.cast_const()) };
        thread.on_cpu.store(false, Ordering::Release);
    }
}
