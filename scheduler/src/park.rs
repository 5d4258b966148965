//! How a thread sleeps until another wakes it.
//!
//! A token is left by [`Parker::unpark`] and taken by [`Parker::park`]: a wake-up that comes before the
//! sleep is not lost, and several of them count once. Waking a thread that is awake costs one exchange and
//! no system call.

use std::time::Duration;

use super::sync::{AtomicU32, Condvar, Mutex, Ordering};

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const TOKEN: u32 = 2;

/// A thread's place to sleep.
pub struct Parker {
    state: AtomicU32,
    lock: Mutex<()>,
    wake: Condvar,
}

impl Parker {
    /// Of a thread that is awake, without a token.
    pub fn new() -> Parker {
        Parker {
            state: AtomicU32::new(EMPTY),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        }
    }

    /// Takes the token if there is one.
    ///
    /// `Acquire`: what the waker did before is seen.
    pub fn take_token(&self) -> bool {
        self.state
            .compare_exchange(TOKEN, EMPTY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Sleeps until there is a token, at most `limit`. Only the owning thread calls this.
    pub fn park(&self, limit: Option<Duration>) {
        if self.take_token() {
            return;
        }
        let mut guard = self
            .lock
            .lock()
            .expect("nothing panics under a parker's lock");
        if self
            .state
            .compare_exchange(EMPTY, PARKED, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            // A token came between; only this thread takes it.
            self.state.swap(EMPTY, Ordering::Acquire);
            return;
        }
        match limit {
            None => loop {
                guard = self
                    .wake
                    .wait(guard)
                    .expect("nothing panics under a parker's lock");
                if self.take_token() {
                    return;
                }
            },
            Some(limit) => {
                let waited = self.wake.wait_timeout(guard, limit);
                drop(waited.expect("nothing panics under a parker's lock"));
                // Whether woken, timed out, or neither: awake, and any token is taken.
                self.state.swap(EMPTY, Ordering::Acquire);
            }
        }
    }

    /// Wakes the thread, or lets its next sleep end at once.
    ///
    /// `Release`: what was done before is seen by the woken thread.
    pub fn unpark(&self) {
        if self.state.swap(TOKEN, Ordering::Release) == PARKED {
            // The sleeper holds the lock from before it says `PARKED` until it waits.
            drop(self.lock.lock());
            self.wake.notify_one();
        }
    }
}

impl Default for Parker {
    fn default() -> Parker {
        Parker::new()
    }
}
