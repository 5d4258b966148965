//! The scheduling state and the signal queue under the model checker: every interleaving of small programs.
//!
//! The files are compiled here against the checker's atomics; they name atomics only through `super::sync`.

mod sync {
    pub use loom::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
}
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../src/process/queue.rs"]
mod queue;
#[allow(dead_code, reason = "the tests use a part of it")]
#[path = "../src/process/state.rs"]
mod state;

use loom::sync::Arc;
use loom::thread;
use queue::{List, Node, Queue};
use state::{Slept, State, Woken};

fn items(mut list: List<u32>) -> Vec<u32> {
    std::iter::from_fn(|| list.pop().map(|node| node.item)).collect()
}

#[test]
fn each_sender_keeps_its_order() {
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let senders: Vec<_> = [10, 20]
            .into_iter()
            .map(|base| {
                let queue = queue.clone();
                thread::spawn(move || {
                    for item in base..base + 2 {
                        assert!(queue.push(Node::new(item)).is_ok());
                    }
                })
            })
            .collect();
        let mut seen = items(queue.take());
        for sender in senders {
            sender.join().expect("a sender ends");
        }
        seen.extend(items(queue.take()));
        let of = |base: u32| -> Vec<u32> {
            let mine = seen.iter().filter(|&&item| item / base == 1);
            mine.copied().collect()
        };
        assert_eq!(seen.len(), 4);
        assert_eq!(of(10), [10, 11]);
        assert_eq!(of(20), [20, 21]);
    });
}

#[test]
fn what_is_pushed_is_taken_or_given_back() {
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || {
                (0..2)
                    .filter(|&item| queue.push(Node::new(item)).is_err())
                    .count()
            })
        };
        let taken = items(queue.close()).len();
        let refused = sender.join().expect("the sender ends");
        assert_eq!(taken + refused, 2);
        assert!(items(queue.close()).is_empty());
    });
}

/// A process as the schedulers run it: it takes what it sees, and sleeps when it sees nothing.
struct Receiver {
    state: State,
    queue: Queue<u32>,
}

/// Runs a process that was enqueued until it sleeps; what it took.
fn turns(receiver: &Receiver) -> usize {
    let mut taken = 0;
    loop {
        receiver.state.start();
        taken += items(receiver.queue.take()).len();
        if receiver.state.sleep() == Slept::Asleep {
            return taken;
        }
    }
}

#[test]
fn no_wake_up_is_lost_and_one_thread_runs_a_process() {
    loom::model(|| {
        let receiver = Arc::new(Receiver {
            state: State::new(),
            queue: Queue::new(),
        });
        let running = Arc::new(loom::sync::atomic::AtomicUsize::new(0));
        let senders: Vec<_> = (0..2)
            .map(|item| {
                let (receiver, running) = (receiver.clone(), running.clone());
                thread::spawn(move || {
                    assert!(receiver.queue.push(Node::new(item)).is_ok());
                    // Who must enqueue runs it at once, as an idle worker would.
                    if receiver.state.wake() == Woken::Enqueue {
                        assert_eq!(
                            running.fetch_add(1, loom::sync::atomic::Ordering::AcqRel),
                            0
                        );
                        receiver.state.start();
                        let taken = items(receiver.queue.take()).len();
                        running.fetch_sub(1, loom::sync::atomic::Ordering::AcqRel);
                        match receiver.state.sleep() {
                            Slept::Asleep => taken,
                            Slept::Again => taken + turns(&receiver),
                        }
                    } else {
                        0
                    }
                })
            })
            .collect();
        let taken: usize = senders
            .into_iter()
            .map(|sender| sender.join().expect("a sender ends"))
            .sum();
        assert_eq!(taken, 2);
    });
}

#[test]
fn a_notice_seen_while_running_asks_for_no_other_turn() {
    loom::model(|| {
        let receiver = Arc::new(Receiver {
            state: State::new(),
            queue: Queue::new(),
        });
        assert_eq!(receiver.state.wake(), Woken::Enqueue);
        receiver.state.start();
        let sender = {
            let receiver = receiver.clone();
            thread::spawn(move || {
                assert!(receiver.queue.push(Node::new(1)).is_ok());
                receiver.state.wake() == Woken::Enqueue
            })
        };
        // As `receive` does when it has seen all: takes the mark off, then looks.
        let mut taken = 0;
        if receiver.state.is_notified() {
            receiver.state.seen();
            taken += items(receiver.queue.take()).len();
        }
        let again = receiver.state.sleep();
        let enqueue = sender.join().expect("the sender ends");
        // Either the message was taken, or exactly one of the two is to run the process again.
        match (taken, again, enqueue) {
            (1, _, _) => {}
            (_, Slept::Again, false) | (_, Slept::Asleep, true) => {}
            other => panic!("lost: {other:?}"),
        }
    });
}
