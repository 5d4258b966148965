//! Threads: locks, condition variables, channels, parking with timeouts, thread-local data, a futex storm.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

thread_local!(static OWN: Cell<u64> = const { Cell::new(7) });

fn main() {
    let counter = Arc::new(Mutex::new(0u64));
    let threads: Vec<_> = (0..16)
        .map(|n| {
            let counter = counter.clone();
            thread::spawn(move || {
                for _ in 0..2000 {
                    *counter.lock().unwrap() += 1;
                }
                OWN.set(n);
                OWN.get() + 1
            })
        })
        .collect();
    let sum: u64 = threads.into_iter().map(|t| t.join().unwrap()).sum();
    println!("counter {} sum {sum} own {}", counter.lock().unwrap(), OWN.get());

    let pair = Arc::new((Mutex::new(0u32), Condvar::new()));
    let players: Vec<_> = (0..4u32)
        .map(|me| {
            let pair = pair.clone();
            thread::spawn(move || {
                for _ in 0..200 {
                    let mut turn = pair.0.lock().unwrap();
                    while *turn % 4 != me {
                        turn = pair.1.wait(turn).unwrap();
                    }
                    *turn += 1;
                    pair.1.notify_all();
                }
            })
        })
        .collect();
    players.into_iter().for_each(|t| t.join().unwrap());
    println!("turns {}", pair.0.lock().unwrap());

    let (lock, condition) = (Mutex::new(()), Condvar::new());
    let start = Instant::now();
    let (_guard, result) = condition.wait_timeout(lock.lock().unwrap(), Duration::from_millis(30)).unwrap();
    println!("timed out {} late {}", result.timed_out(), start.elapsed() >= Duration::from_millis(30));

    let (send, receive) = channel();
    for n in 0..8u64 {
        let send = send.clone();
        thread::spawn(move || (0..500).for_each(|i| send.send(n * 1000 + i).unwrap()));
    }
    drop(send);
    println!("channel {}", receive.iter().sum::<u64>());

    let table = Arc::new(RwLock::new(vec![0u64; 64]));
    let readers: Vec<_> = (0..4)
        .map(|n| {
            let table = table.clone();
            thread::spawn(move || {
                for i in 0..300 {
                    if n == 0 {
                        table.write().unwrap().iter_mut().for_each(|v| *v += 1);
                    } else {
                        let t = table.read().unwrap();
                        assert!(t.iter().all(|v| *v == t[0]), "torn at {i}");
                    }
                }
            })
        })
        .collect();
    readers.into_iter().for_each(|t| t.join().unwrap());
    println!("table {}", table.read().unwrap()[5]);

    let barrier = Arc::new(Barrier::new(8));
    let total = Arc::new(AtomicU64::new(0));
    let walkers: Vec<_> = (0..8)
        .map(|_| {
            let (barrier, total) = (barrier.clone(), total.clone());
            thread::spawn(move || {
                for round in 0..50 {
                    total.fetch_add(1, Ordering::SeqCst);
                    barrier.wait();
                    assert_eq!(total.load(Ordering::SeqCst), 8 * (round + 1));
                    barrier.wait();
                }
            })
        })
        .collect();
    walkers.into_iter().for_each(|t| t.join().unwrap());
    println!("barrier {}", total.load(Ordering::SeqCst));

    let me = thread::current();
    let waker = thread::spawn(move || {
        thread::sleep(Duration::from_millis(10));
        me.unpark();
    });
    thread::park_timeout(Duration::from_secs(5));
    waker.join().unwrap();
    let busy = thread::spawn(|| (0..3_000_000u64).fold(1u64, |a, b| a.wrapping_mul(31).wrapping_add(b)));
    println!("busy {}", busy.join().unwrap());
    println!("many {}", (0..200).map(|n| thread::spawn(move || n).join().unwrap()).sum::<i32>());
}
