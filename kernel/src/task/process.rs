//! What the program has once: arguments, directory, descriptors, its end.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::thread::{self, Thread};
use super::{futex, sched, signal};
use crate::arch::sync::SpinLock;
use crate::arch::{current, user};
use crate::dev::power;
use crate::fs::fd::FdTable;
use crate::fs::node::Node;

/// The program's open files.
pub static FDS: SpinLock<FdTable> = SpinLock::new(FdTable::new());
/// Its current directory.
pub static CWD: SpinLock<Option<Arc<Node>>> = SpinLock::new(None);
/// Its file mode mask.
pub static UMASK: AtomicU32 = AtomicU32::new(0o022);
/// The number of its first thread.
pub static PID: AtomicU32 = AtomicU32::new(1);
/// When it was started, in nanoseconds since the machine's start.
pub static STARTED: AtomicU64 = AtomicU64::new(0);
/// Processor time of threads that have ended.
pub static ENDED_TIME: AtomicU64 = AtomicU64::new(0);
static DUMPABLE: AtomicBool = AtomicBool::new(true);

/// Path and arguments, for `/proc/self`.
pub static COMMAND: SpinLock<Command> = SpinLock::new(Command {
    exe: String::new(),
    args: Vec::new(),
    env: Vec::new(),
});

/// What the program was started with.
pub struct Command {
    /// Path of its file.
    pub exe: String,
    /// Arguments.
    pub args: Vec<Vec<u8>>,
    /// Environment.
    pub env: Vec<Vec<u8>>,
}

/// `prctl(PR_SET_DUMPABLE)`.
pub fn dumpable() -> &'static AtomicBool {
    &DUMPABLE
}

/// The process number.
pub fn pid() -> u32 {
    PID.load(Ordering::Relaxed)
}

/// Ends the running thread as `exit` does: clears its number, wakes who joins it. With the last thread the
/// program ends.
pub fn exit_thread(code: i32) -> ! {
    finish_thread();
    let me = current::get();
    let last = {
        let mut threads = thread::THREADS.lock();
        threads.remove(&me.tid);
        threads.is_empty()
    };
    ENDED_TIME.fetch_add(me.cpu_time(crate::arch::tsc::now()), Ordering::Relaxed);
    if last {
        power::off(code & 0xff);
    }
    sched::exit()
}

fn finish_thread() {
    let me: &Thread = current::get();
    futex::release_robust(me);
    let at = me.clear_tid.swap(0, Ordering::Relaxed);
    if at != 0 && user::write(at, &0u32).is_ok() {
        let _ = futex::wake(at, 1, u32::MAX);
    }
}

/// Ends the program: the machine goes off.
pub fn exit_group(code: i32) -> ! {
    power::off(code & 0xff)
}

/// Ends all threads but the running one, before another program takes over.
pub fn kill_others() {
    let me = current::get().tid;
    loop {
        let others: Vec<_> = thread::THREADS
            .lock()
            .values()
            .filter(|t| t.tid != me)
            .cloned()
            .collect();
        if others.is_empty() {
            return;
        }
        for thread in others {
            signal::kill_thread(&thread);
        }
        sched::block(Some(crate::arch::tsc::now() + 1_000_000));
    }
}
