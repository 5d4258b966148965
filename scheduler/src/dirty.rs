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
use vm::microstate::State;
use vm::process::signal::{self, Signal};
use vm::term::Pid;

use crate::accounting::ThreadKind;
use crate::clock;
use crate::microstate;

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
    /// How many threads there are, ...
    threads: usize,
    /// ... and which numbers they have (from 0), so that a new one takes the lowest that is free.
    taken: Vec<bool>,
    idle: usize,
}

/// A pool of threads.
struct Pool {
    kind: ThreadKind,
    name: &'static str,
    queue: Mutex<Queue>,
    work: Condvar,
    limit: AtomicUsize,
    /// Jobs that run now.
    running: AtomicUsize,
    /// What its threads did, by their numbers.
    times: Mutex<Vec<&'static Times>>,
}

/// What a thread with a number has done, whichever thread had that.
#[derive(Default)]
struct Times {
    /// Nanoseconds that jobs ran.
    busy: AtomicU64,
    /// Raw time at which the job that runs began; 0 between jobs.
    since: AtomicU64,
}

impl Times {
    fn begin(&self) {
        let now = clock::raw_monotonic().max(1) as u64;
        self.since.store(now, Ordering::Relaxed);
    }

    fn end(&self) {
        let took = self.running_for();
        self.since.store(0, Ordering::Relaxed);
        self.busy.fetch_add(took, Ordering::Relaxed);
    }

    fn running_for(&self) -> u64 {
        match self.since.load(Ordering::Relaxed) {
            0 => 0,
            since => (clock::raw_monotonic().max(0) as u64).saturating_sub(since),
        }
    }
}

impl Pool {
    const fn new(kind: ThreadKind, name: &'static str, limit: usize) -> Pool {
        Pool {
            kind,
            name,
            queue: Mutex::new(Queue {
                waiting: VecDeque::new(),
                threads: 0,
                taken: Vec::new(),
                idle: 0,
            }),
            work: Condvar::new(),
            limit: AtomicUsize::new(limit),
            running: AtomicUsize::new(0),
            times: Mutex::new(Vec::new()),
        }
    }

    /// What the thread of a number (from 0) has done.
    fn times(&self, number: usize) -> &'static Times {
        let mut times = self.times.lock();
        while times.len() <= number {
            // There are at most as many as threads at a time, and they count for the node's life.
            times.push(Box::leak(Box::default()));
        }
        times[number]
    }

    fn submit(&'static self, work: Work) {
        let mut queue = self.queue.lock();
        queue.waiting.push_back(work);
        if queue.waiting.len() <= queue.idle {
            self.work.notify_one();
        } else if queue.threads < self.limit.load(Ordering::Relaxed) {
            queue.threads += 1;
            let number = queue.take_number();
            let name = format!("{}_{}", self.name, number + 1);
            let started = std::thread::Builder::new()
                .name(name)
                .spawn(move || self.run(number));
            if started.is_err() {
                queue.threads -= 1;
                queue.taken[number] = false;
                assert!(
                    queue.threads > 0,
                    "the system lets us start one thread for long work"
                );
            }
        }
    }

    fn run(&self, number: usize) {
        microstate::begins(self.kind, number + 1);
        microstate::enter(State::Sleep);
        let times = self.times(number);
        while let Some(work) = self.next(number) {
            self.running.fetch_add(1, Ordering::Relaxed);
            times.begin();
            microstate::enter(State::Emulator);
            work();
            microstate::enter(State::Sleep);
            times.end();
            self.running.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The next job; none when this thread is to end.
    fn next(&self, number: usize) -> Option<Work> {
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
                queue.taken[number] = false;
                return None;
            }
        }
    }
}

impl Queue {
    fn take_number(&mut self) -> usize {
        let free = self.taken.iter().position(|taken| !taken);
        let number = free.unwrap_or_else(|| {
            self.taken.push(false);
            self.taken.len() - 1
        });
        self.taken[number] = true;
        number
    }
}

static CPU: Pool = Pool::new(ThreadKind::DirtyCpu, "erts_dcpus", 1);
static IO: Pool = Pool::new(ThreadKind::DirtyIo, "erts_dios", DEFAULT_IO_THREADS);
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
    for (pool, count) in [(&CPU, cpu), (&IO, io)] {
        for number in 1..=count.max(1) {
            microstate::entry(pool.kind, number);
        }
    }
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

/// Nanoseconds that jobs ran on the thread of a number (from 1).
pub fn busy_time(kind: Kind, number: usize) -> u64 {
    let times = pool(kind).times(number - 1);
    times.busy.load(Ordering::Relaxed) + times.running_for()
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
