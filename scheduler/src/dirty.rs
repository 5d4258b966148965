//! What would hold a scheduler too long: computations and blocking calls, done by threads beside them.
//!
//! There are two pools, as in OTP: dirty CPU threads, no more than there are schedulers, and dirty I/O
//! threads for what mostly waits. Threads are started when there is work and end when there was none for a
//! while. A job does not touch its process: the process goes on handling signals, and hears of the end by a
//! [`Signal::Poke`]; a BIF therefore waits like this:
//!
//! ```ignore
//! let job = dirty::spawn(process.pid(), Kind::Io, move || read_the_file(path));
//! // Trap::Wait with a magic reference to `job`; called again: `job.take()` is `Some` once it is done.
//! ```

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use vm::process::signal::{self, Signal};
use vm::term::Pid;

use crate::clock;

/// What a job mostly does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It computes.
    Cpu,
    /// It waits for the system.
    Io,
}

/// How many dirty I/O threads there may be unless `+SDio` says otherwise.
pub const DEFAULT_IO_THREADS: usize = 10;
/// How long a thread without work waits for some before it ends.
const LINGER: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Work>,
    threads: usize,
    idle: usize,
}

/// A pool of threads.
struct Pool {
    name: &'static str,
    queue: Mutex<Queue>,
    work: Condvar,
    limit: AtomicUsize,
    /// Jobs that run now.
    running: AtomicUsize,
    /// Nanoseconds that jobs ran.
    time: AtomicU64,
}

impl Pool {
    const fn new(name: &'static str, limit: usize) -> Pool {
        Pool {
            name,
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                threads: 0,
                idle: 0,
            }),
            work: Condvar::new(),
            limit: AtomicUsize::new(limit),
            running: AtomicUsize::new(0),
            time: AtomicU64::new(0),
        }
    }

    fn submit(&'static self, work: Work) {
        let mut queue = self.queue.lock();
        queue.waiting.push_back(work);
        if queue.waiting.len() <= queue.idle {
            self.work.notify_one();
        } else if queue.threads < self.limit.load(Ordering::Relaxed) {
            queue.threads += 1;
            let name = format!("{}_{}", self.name, queue.threads);
            let started = std::thread::Builder::new()
                .name(name)
                .spawn(move || self.run());
            if started.is_err() {
                queue.threads -= 1;
                assert!(
                    queue.threads > 0,
                    "the system lets us start one thread for long work"
                );
            }
        }
    }

    fn run(&self) {
        while let Some(work) = self.next() {
            self.running.fetch_add(1, Ordering::Relaxed);
            let begun = clock::raw_monotonic();
            work();
            let took = clock::raw_monotonic() - begun;
            self.time.fetch_add(took.max(0) as u64, Ordering::Relaxed);
            self.running.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The next job; none when this thread is to end.
    fn next(&self) -> Option<Work> {
        let mut queue = self.queue.lock();
        loop {
            let surplus = queue.threads > self.limit.load(Ordering::Relaxed).max(1);
            if !surplus && let Some(work) = queue.waiting.pop_front() {
                return Some(work);
            }
            queue.idle += 1;
            let timed_out = surplus || self.work.wait_for(&mut queue, LINGER).timed_out();
            queue.idle -= 1;
            if timed_out && (surplus || queue.waiting.is_empty()) {
                queue.threads -= 1;
                return None;
            }
        }
    }
}

static CPU: Pool = Pool::new("erts_dcpus", 1);
static IO: Pool = Pool::new("erts_dios", DEFAULT_IO_THREADS);
static CPU_THREADS: AtomicUsize = AtomicUsize::new(1);

fn pool(kind: Kind) -> &'static Pool {
    match kind {
        Kind::Cpu => &CPU,
        Kind::Io => &IO,
    }
}

/// Sets how many threads there may be (`+SDcpu`, `+SDio`), and how many of the CPU ones work at first.
pub fn configure(cpu: usize, cpu_online: usize, io: usize) {
    CPU_THREADS.store(cpu.max(1), Ordering::Relaxed);
    CPU.limit.store(cpu_online.max(1), Ordering::Relaxed);
    IO.limit.store(io.max(1), Ordering::Relaxed);
}

/// How many dirty CPU threads there may be.
pub fn cpu_threads() -> usize {
    CPU_THREADS.load(Ordering::Relaxed)
}

/// How many dirty I/O threads there may be.
pub fn io_threads() -> usize {
    IO.limit.load(Ordering::Relaxed)
}

/// How many of the dirty CPU threads work.
pub(crate) fn cpu_limit() -> usize {
    CPU.limit.load(Ordering::Relaxed)
}

/// Sets how many of the dirty CPU threads work.
pub(crate) fn set_cpu_limit(count: usize) {
    CPU.limit.store(count, Ordering::Relaxed);
    CPU.work.notify_all();
}

/// How many jobs wait, and how many run.
pub fn load(kind: Kind) -> (usize, usize) {
    let pool = pool(kind);
    let waiting = pool.queue.lock().waiting.len();
    (waiting, pool.running.load(Ordering::Relaxed))
}

/// Nanoseconds that jobs ran.
pub fn busy_time(kind: Kind) -> u64 {
    pool(kind).time.load(Ordering::Relaxed)
}

/// A job's result, once there is one.
pub struct Job<R> {
    result: Mutex<Option<R>>,
    done: AtomicBool,
}

impl<R> Job<R> {
    /// Whether it is done (its result may have been taken).
    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    /// The result, once. None where it is not done, was taken, or the work panicked.
    pub fn take(&self) -> Option<R> {
        self.result.lock().take()
    }
}

/// Runs a job on a pool's thread and wakes a process when it is done.
pub fn spawn<R: Send + 'static>(
    pid: Pid,
    kind: Kind,
    work: impl FnOnce() -> R + Send + 'static,
) -> Arc<Job<R>> {
    let job = Arc::new(Job {
        result: Mutex::new(None),
        done: AtomicBool::new(false),
    });
    let to = Arc::clone(&job);
    pool(kind).submit(Box::new(move || {
        // A panic harms this job only; it was reported when it happened.
        if let Ok(result) = catch_unwind(AssertUnwindSafe(work)) {
            *to.result.lock() = Some(result);
        }
        to.done.store(true, Ordering::Release);
        // A process that is gone does not wait.
        let _ = signal::send(pid, Signal::Poke);
    }));
    job
}

/// Runs something on a pool's thread that nobody waits for.
pub fn detach(kind: Kind, work: impl FnOnce() + Send + 'static) {
    pool(kind).submit(Box::new(move || {
        // As in `spawn`.
        let _ = catch_unwind(AssertUnwindSafe(work));
    }));
}
