//! A thread: its scheduling state, its signals, what it asked to be done at its end.

use crate::map::Map;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::signal::Signals;
use crate::arch::context::Context;
use crate::arch::sync::SpinLock;

/// Runs on a processor.
const RUNNING: u32 = 0;
/// Runs, and was woken meanwhile: its next block returns at once.
const NOTIFIED: u32 = 1;
/// Waits for a wake-up.
const BLOCKED: u32 = 2;
/// Stands in a run queue.
const QUEUED: u32 = 3;
/// Has ended.
const DEAD: u32 = 4;

/// Scheduling state in one word; a method per transition.
pub struct State(AtomicU32);

/// What a wake-up asks of the waker.
#[must_use]
#[derive(PartialEq, Eq)]
pub enum Woken {
    /// Put the thread into a run queue.
    Enqueue,
    /// Nothing.
    Nothing,
}

impl State {
    /// The thread's own wish to wait. False if it was woken since it last ran: it must look again.
    #[must_use]
    pub fn block(&self) -> bool {
        // SeqCst: what the waker wrote before `wake` is seen after a refusal.
        if self
            .0
            .compare_exchange(RUNNING, BLOCKED, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
        {
            return true;
        }
        self.0.store(RUNNING, Ordering::SeqCst);
        false
    }

    /// Somebody's wish that the thread look again.
    pub fn wake(&self) -> Woken {
        loop {
            let (from, to, then) = match self.0.load(Ordering::SeqCst) {
                RUNNING => (RUNNING, NOTIFIED, Woken::Nothing),
                BLOCKED => (BLOCKED, QUEUED, Woken::Enqueue),
                _ => return Woken::Nothing,
            };
            if self
                .0
                .compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
            {
                return then;
            }
        }
    }

    /// The scheduler put the thread back into a queue while it could run on.
    pub fn requeue(&self) {
        self.0.store(QUEUED, Ordering::SeqCst);
    }

    /// The scheduler chose the thread.
    pub fn run(&self) {
        self.0.swap(RUNNING, Ordering::SeqCst);
    }

    /// The thread has ended.
    pub fn die(&self) {
        self.0.store(DEAD, Ordering::SeqCst);
    }
}

/// A thread of the program or of the kernel.
pub struct Thread {
    /// Its number; that of the first is the process number.
    pub tid: u32,
    /// The machine's part.
    pub context: Context,
    /// Scheduling state.
    pub state: State,
    /// A processor still runs on its stack.
    pub on_cpu: AtomicBool,
    /// The processor it ran on last.
    pub cpu: AtomicU32,
    /// The processors it may run on.
    pub affinity: AtomicU64,
    /// Address to clear and wake at its end.
    pub clear_tid: AtomicU64,
    /// Head of its list of robust futexes.
    pub robust: AtomicU64,
    /// Signal mask, pending signals, alternate stack.
    pub signals: SpinLock<Signals>,
    /// Something must be looked at before the program runs on: a signal, or the end.
    pub attention: AtomicBool,
    /// The thread is to end without running the program again.
    pub killed: AtomicBool,
    /// Its name, zero-filled.
    pub name: SpinLock<[u8; 16]>,
    /// Start of its present time on a processor.
    pub since: AtomicU64,
    /// Nanoseconds on a processor, up to `since`.
    pub used: AtomicU64,
}

impl Thread {
    /// A thread that no queue holds yet.
    pub fn new(
        tid: u32,
        context: Context,
        affinity: u64,
        name: [u8; 16],
        signals: Signals,
    ) -> Arc<Thread> {
        Arc::new(Thread {
            tid,
            context,
            state: State(AtomicU32::new(QUEUED)),
            on_cpu: AtomicBool::new(false),
            cpu: AtomicU32::new(0),
            affinity: AtomicU64::new(affinity),
            clear_tid: AtomicU64::new(0),
            robust: AtomicU64::new(0),
            signals: SpinLock::new(signals),
            attention: AtomicBool::new(false),
            killed: AtomicBool::new(false),
            name: SpinLock::new(name),
            since: AtomicU64::new(0),
            used: AtomicU64::new(0),
        })
    }

    /// Nanoseconds of processor time, now included.
    pub fn cpu_time(&self, now: u64) -> u64 {
        let used = self.used.load(Ordering::Relaxed);
        if self.on_cpu.load(Ordering::Relaxed) {
            used + now.saturating_sub(self.since.load(Ordering::Relaxed))
        } else {
            used
        }
    }
}

/// The program's threads by number.
pub static THREADS: SpinLock<Map<u32, Arc<Thread>>> = SpinLock::new(Map::new());
static NEXT_TID: AtomicU32 = AtomicU32::new(1);

/// A number for a new thread.
pub fn new_tid() -> u32 {
    NEXT_TID.fetch_add(1, Ordering::Relaxed)
}

/// A thread by number.
pub fn find(tid: u32) -> Option<Arc<Thread>> {
    THREADS.lock().get(&tid).cloned()
}
