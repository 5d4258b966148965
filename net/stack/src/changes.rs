//! Which sockets changed: a set of numbers that smoltcp's wakers add to.

use alloc::sync::Arc;
use alloc::task::Wake;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Waker;

/// Most sockets.
pub const SOCKETS_MAX: usize = 16384;

/// The set, in two levels: a bit of `words` for each socket, a bit of `summary` for each word.
pub struct Changes {
    words: Vec<AtomicU64>,
    summary: Vec<AtomicU64>,
}

impl Changes {
    /// An empty set.
    pub fn new() -> Arc<Changes> {
        let zeros = |n: usize| (0..n).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Changes {
            words: zeros(SOCKETS_MAX / 64),
            summary: zeros(SOCKETS_MAX / 4096),
        })
    }

    /// Adds a number.
    pub fn add(&self, n: usize) {
        self.words[n / 64].fetch_or(1 << (n % 64), Ordering::Relaxed);
        self.summary[n / 4096].fetch_or(1 << (n / 64 % 64), Ordering::Relaxed);
    }

    /// Takes all numbers out.
    pub fn take(&self) -> Vec<usize> {
        let mut taken = Vec::new();
        for (s, summary) in self.summary.iter().enumerate() {
            let mut words = summary.swap(0, Ordering::Relaxed);
            while words != 0 {
                let w = s * 64 + words.trailing_zeros() as usize;
                words &= words - 1;
                let mut bits = self.words[w].swap(0, Ordering::Relaxed);
                while bits != 0 {
                    taken.push(w * 64 + bits.trailing_zeros() as usize);
                    bits &= bits - 1;
                }
            }
        }
        taken
    }
}

struct Mark {
    changes: Arc<Changes>,
    n: usize,
}

impl Wake for Mark {
    fn wake(self: Arc<Self>) {
        self.changes.add(self.n);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.changes.add(self.n);
    }
}

/// A waker that adds a number.
pub fn waker(changes: &Arc<Changes>, n: usize) -> Waker {
    Arc::new(Mark {
        changes: changes.clone(),
        n,
    })
    .into()
}
