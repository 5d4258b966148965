//! Clocks, sleeps and their order.

use abi::{check, show};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

fn main() {
    let start = Instant::now();
    let mut last = start;
    for _ in 0..20_000 {
        let now = Instant::now();
        assert!(now >= last);
        last = now;
    }
    let movers: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                let mut last = Instant::now();
                for _ in 0..5000 {
                    let now = Instant::now();
                    assert!(now >= last);
                    last = now;
                }
            })
        })
        .collect();
    movers.into_iter().for_each(|t| t.join().unwrap());
    for ms in [0, 1, 5, 20] {
        let before = Instant::now();
        thread::sleep(Duration::from_millis(ms));
        println!("slept {}", before.elapsed() >= Duration::from_millis(ms));
    }
    println!("this century {}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() > 1_600_000_000);
    let sleepers: Vec<_> = [30u64, 10, 20].iter().map(|&ms| thread::spawn(move || { thread::sleep(Duration::from_millis(ms)); (Instant::now(), ms) })).collect();
    let mut ended: Vec<_> = sleepers.into_iter().map(|t| t.join().unwrap()).collect();
    ended.sort();
    println!("order {:?}", ended.iter().map(|e| e.1).collect::<Vec<_>>());
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    for clock in [libc::CLOCK_REALTIME, libc::CLOCK_MONOTONIC, libc::CLOCK_PROCESS_CPUTIME_ID, libc::CLOCK_THREAD_CPUTIME_ID, libc::CLOCK_BOOTTIME, libc::CLOCK_MONOTONIC_COARSE, 77] {
        show("clock", check(unsafe { libc::clock_gettime(clock, &mut spec) }.into()));
    }
    spec.tv_nsec = 2_000_000_000;
    show("bad sleep", check(unsafe { libc::nanosleep(&spec, std::ptr::null_mut()) }.into()));
}
