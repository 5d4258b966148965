//! The outer signal queue: where any thread appends and only the owner takes.
//!
//! A stack of nodes linked from the newest to the oldest. Pushing is one compare-and-swap; taking swaps
//! the whole stack out and turns it round, so each node is touched twice and nothing is ever read that
//! another thread still writes. What one thread pushed comes out in its order, and what was pushed before
//! another push *happened before* it comes out before it.
//!
//! [`close`](Queue::close) takes the rest and refuses what comes later: whoever pushes to a process that
//! has ended gets its signal back, and answers it as the stock VM does (`noproc`).

use std::ptr::null_mut;

use super::sync::{AtomicPtr, Ordering};

/// A place in a list: of a queue, and later of the mailbox.
pub struct Node<T> {
    /// The next in the list; what was pushed before while it is in the queue.
    pub(super) next: *mut Node<T>,
    /// The one before it; unused while it is in the queue.
    pub(super) prev: *mut Node<T>,
    /// What it carries.
    pub item: T,
}

impl<T> Node<T> {
    /// A node in no list.
    pub fn new(item: T) -> Box<Node<T>> {
        Box::new(Node {
            next: null_mut(),
            prev: null_mut(),
            item,
        })
    }
}

/// A queue of many senders and one receiver.
pub struct Queue<T> {
    newest: AtomicPtr<Node<T>>,
}

// SAFETY: nodes are handed from thread to thread whole, so the queue is as movable as what it carries.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as for `Send`; nothing is ever shared between threads, only handed over.
unsafe impl<T: Send> Sync for Queue<T> {}

fn closed<T>() -> *mut Node<T> {
    std::ptr::without_provenance_mut(1)
}

impl<T> Queue<T> {
    /// An empty queue.
    pub fn new() -> Queue<T> {
        Queue {
            newest: AtomicPtr::new(null_mut()),
        }
    }

    /// Appends a node; gives it back where the queue is closed.
    ///
    /// `Release`: the node's content is written before the receiver (which takes with `Acquire`) sees it.
    pub fn push(&self, node: Box<Node<T>>) -> Result<(), Box<Node<T>>> {
        let node = Box::into_raw(node);
        let mut newest = self.newest.load(Ordering::Relaxed);
        loop {
            if newest == closed() {
                // SAFETY: from `Box::into_raw` above, and never published.
                return Err(unsafe { Box::from_raw(node) });
            }
            // SAFETY: the node is this thread's until the exchange succeeds.
            unsafe { (*node).next = newest };
            match self.newest.compare_exchange_weak(
                newest,
                node,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => newest = now,
            }
        }
    }

    /// Whether nothing waits (a hint for the receiver).
    pub fn is_empty(&self) -> bool {
        let newest = self.newest.load(Ordering::Relaxed);
        newest.is_null() || newest == closed()
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.newest.load(Ordering::Acquire) == closed()
    }

    /// Takes everything, oldest first. Only the receiver calls this.
    pub fn take(&self) -> List<T> {
        if self.is_empty() {
            return List::new();
        }
        let newest = self.newest.swap(null_mut(), Ordering::Acquire);
        List::of_stack(newest)
    }

    /// Takes everything and refuses what comes. Only the receiver calls this.
    pub fn close(&self) -> List<T> {
        List::of_stack(self.newest.swap(closed(), Ordering::AcqRel))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue::new()
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        drop(self.close());
    }
}

/// What was taken from a queue, oldest first.
pub struct List<T> {
    first: *mut Node<T>,
    last: *mut Node<T>,
}

// SAFETY: the list owns its nodes.
unsafe impl<T: Send> Send for List<T> {}

impl<T> List<T> {
    /// Nothing.
    pub const fn new() -> List<T> {
        List {
            first: null_mut(),
            last: null_mut(),
        }
    }

    fn of_stack(newest: *mut Node<T>) -> List<T> {
        if newest.is_null() || newest == closed() {
            return List::new();
        }
        let mut first = null_mut();
        let mut node = newest;
        while !node.is_null() {
            // SAFETY: the stack was taken whole: its nodes are this thread's, and were written before.
            unsafe {
                let older = (*node).next;
                (*node).next = first;
                first = node;
                node = older;
            }
        }
        List {
            first,
            last: newest,
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// The oldest, taken out.
    pub fn pop(&mut self) -> Option<Box<Node<T>>> {
        if self.first.is_null() {
            return None;
        }
        // SAFETY: the list owns its nodes, which came from boxes.
        let mut node = unsafe { Box::from_raw(self.first) };
        self.first = node.next;
        if self.first.is_null() {
            self.last = null_mut();
        }
        node.next = null_mut();
        Some(node)
    }

    /// Hands out every item, oldest first, to be changed.
    pub fn for_each(&mut self, mut change: impl FnMut(&mut T)) {
        let mut node = self.first;
        while !node.is_null() {
            // SAFETY: the list owns its nodes, and is held mutably.
            unsafe {
                change(&mut (*node).item);
                node = (*node).next;
            }
        }
    }

    /// Puts another list after this one.
    pub fn append(&mut self, mut other: List<T>) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.first = other.first;
        } else {
            // SAFETY: `last` is a live node of this list.
            unsafe { (*self.last).next = other.first };
        }
        self.last = other.last;
        other.first = null_mut();
        other.last = null_mut();
    }
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List::new()
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
