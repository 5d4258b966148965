//! Driver threads: where blocking work runs, never on a scheduler.
//!
//! Jobs with the same key run one at a time and in order; others run at once. The pool grows while
//! every thread is blocked, up to a limit, so that work which blocks for a minute delays its own key
//! only; threads that stay idle end.
//!
//! Locks: one, over the queues; never held while a job runs.

use parking_lot::{Condvar, Mutex};
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// A piece of work.
pub type Work = Box<dyn FnOnce() + Send>;

/// A pool of driver threads.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    queues: Mutex<Queues>,
    wake: Condvar,
    limit: usize,
}

#[derive(Default)]
struct Queues {
    /// Keys whose first job may start.
    ready: VecDeque<u64>,
    /// The jobs of a key; an entry stays while one of them runs.
    jobs: HashMap<u64, VecDeque<Work>>,
    threads: usize,
    idle: usize,
}

impl Pool {
    /// A pool of at most `limit` threads; none is started before there is work.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Shared {
            queues: Mutex::default(),
            wake: Condvar::new(),
            limit: limit.max(1),
        }))
    }

    /// Runs a job after earlier ones with the same key.
    pub fn submit(&self, key: u64, work: Work) {
        let mut queues = self.0.queues.lock();
        if let Some(waiting) = queues.jobs.get_mut(&key) {
            waiting.push_back(work);
            return;
        }
        queues.jobs.insert(key, VecDeque::from([work]));
        queues.ready.push_back(key);
        if queues.idle >= queues.ready.len() || queues.threads >= self.0.limit {
            self.0.wake.notify_one();
        } else {
            queues.threads += 1;
            drop(queues);
            self.start_thread();
        }
    }

    fn start_thread(&self) {
        let shared = Arc::clone(&self.0);
        let started = std::thread::Builder::new()
            .name("driver".into())
            .spawn(move || shared.serve());
        if started.is_err() {
            // No thread to be had: those that exist will come to it, else this one does it.
            let alone = {
                let mut queues = self.0.queues.lock();
                queues.threads -= 1;
                queues.threads == 0
            };
            if alone {
                self.0.run_ready();
            }
        }
    }
}

impl Shared {
    /// The life of a thread.
    fn serve(&self) {
        loop {
            self.run_ready();
            let mut queues = self.queues.lock();
            if !queues.ready.is_empty() {
                continue;
            }
            queues.idle += 1;
            let timed_out = self.wake.wait_for(&mut queues, IDLE).timed_out();
            queues.idle -= 1;
            if timed_out && queues.ready.is_empty() {
                queues.threads -= 1;
                return;
            }
        }
    }

    /// Runs jobs until none may start.
    fn run_ready(&self) {
        loop {
            let (key, work) = {
                let mut queues = self.queues.lock();
                let Some(key) = queues.ready.pop_front() else {
                    return;
                };
                let Some(work) = queues.jobs.get_mut(&key).and_then(VecDeque::pop_front) else {
                    continue;
                };
                (key, work)
            };
            // A job's panic is its own: the thread goes on.
            let _ = catch_unwind(AssertUnwindSafe(work));
            let mut queues = self.queues.lock();
            if queues.jobs.get(&key).is_some_and(|rest| !rest.is_empty()) {
                queues.ready.push_back(key);
            } else {
                queues.jobs.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn order_within_a_key() {
        let pool = Pool::new(4);
        let (send, receive) = mpsc::channel();
        for key in 0..3u64 {
            for n in 0..100 {
                let send = send.clone();
                pool.submit(key, Box::new(move || send.send((key, n)).unwrap()));
            }
        }
        drop(send);
        let mut next = [0; 3];
        for (key, n) in receive {
            assert_eq!(next[key as usize], n);
            next[key as usize] += 1;
        }
        assert_eq!(next, [100; 3]);
    }

    #[test]
    fn a_blocked_job_delays_its_own_key_only() {
        let pool = Pool::new(4);
        let (release, blocked) = mpsc::channel::<()>();
        let (send, receive) = mpsc::channel();
        pool.submit(1, Box::new(move || blocked.recv().unwrap()));
        pool.submit(2, Box::new(|| panic!("a job's own affair")));
        pool.submit(2, Box::new(move || send.send(()).unwrap()));
        receive.recv_timeout(Duration::from_secs(5)).unwrap();
        release.send(()).unwrap();
    }
}
