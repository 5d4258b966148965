//! Sleeping and waking under the model checker: every interleaving of small programs.
//!
//! The files are compiled here against the checker's atomics and locks; they name them only through
//! `super::sync`.

mod sync {
    pub use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
    pub use loom::sync::{Condvar, Mutex};
}
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../src/idle.rs"]
mod idle;
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../src/park.rs"]
mod park;

use idle::Idle;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use park::Parker;

#[test]
fn a_parked_thread_wakes_and_sees_what_was_done() {
    loom::model(|| {
        let shared = Arc::new((Parker::new(), AtomicUsize::new(0)));
        let waker = {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.store(1, Ordering::Relaxed);
                shared.0.unpark();
            })
        };
        shared.0.park(None);
        assert_eq!(shared.1.load(Ordering::Relaxed), 1);
        waker.join().expect("the waker ends");
    });
}

#[test]
fn two_wakers_leave_at_most_one_token() {
    loom::model(|| {
        let parker = Arc::new(Parker::new());
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let parker = parker.clone();
                thread::spawn(move || parker.unpark())
            })
            .collect();
        parker.park(None);
        for waker in wakers {
            waker.join().expect("a waker ends");
        }
    });
}

/// A queue of jobs that are all alike, and the workers' places to sleep.
struct Pool<const WORKERS: usize> {
    jobs: AtomicUsize,
    idle: Idle,
    parkers: [Parker; WORKERS],
}

impl<const WORKERS: usize> Pool<WORKERS> {
    fn new() -> Arc<Self> {
        Arc::new(Pool {
            jobs: AtomicUsize::new(0),
            idle: Idle::new(),
            parkers: std::array::from_fn(|_| Parker::new()),
        })
    }

    fn submit(&self) {
        self.jobs.fetch_add(1, Ordering::Release);
        self.wake_one();
    }

    fn wake_one(&self) {
        if let Some(worker) = self.idle.work_to_wake_for(None) {
            self.parkers[worker].unpark();
        }
    }

    fn take(&self) -> bool {
        self.jobs
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |jobs| {
                jobs.checked_sub(1)
            })
            .is_ok()
    }

    fn found(&self) {
        if let Some(worker) = self.idle.found(None) {
            self.parkers[worker].unpark();
        }
    }

    /// Works until a job was done, as a worker's loop does.
    fn work_one(&self, index: usize) {
        loop {
            if self.take() {
                return;
            }
            let searching = self.idle.search(WORKERS);
            if searching && self.take() {
                self.found();
                return;
            }
            self.idle.sleep(index, searching);
            let work = self.jobs.load(Ordering::SeqCst) > 0;
            if !work {
                self.parkers[index].park(None);
            }
            if self.idle.awake(index) {
                self.found();
            } else if work {
                self.wake_one();
            }
        }
    }
}

#[test]
fn a_job_is_never_left_to_sleeping_workers() {
    loom::model(|| {
        let pool = Pool::<1>::new();
        let worker = {
            let pool = pool.clone();
            thread::spawn(move || pool.work_one(0))
        };
        pool.submit();
        worker.join().expect("the job is done");
    });
}

#[test]
fn two_jobs_get_two_workers_to_work() {
    let mut model = loom::model::Builder::new();
    // All interleavings with few enough preemptions; without a bound there are too many.
    model.preemption_bound = Some(2);
    model.check(|| {
        let pool = Pool::<2>::new();
        let workers: Vec<_> = (0..2)
            .map(|index| {
                let pool = pool.clone();
                thread::spawn(move || pool.work_one(index))
            })
            .collect();
        pool.submit();
        pool.submit();
        for worker in workers {
            worker.join().expect("both jobs are done");
        }
    });
}
