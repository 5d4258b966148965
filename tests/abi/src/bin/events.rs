//! Pipes, eventfd, timerfd, poll, select and epoll, level and edge.

use abi::{check, show};
use libc::*;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

fn pair() -> [i32; 2] {
    let mut fds = [0; 2];
    unsafe { assert_eq!(pipe2(fds.as_mut_ptr(), O_NONBLOCK | O_CLOEXEC), 0) };
    fds
}

fn ready(fd: i32, events: i16, timeout: i32) -> (i32, i16) {
    let mut list = [pollfd { fd, events, revents: 0 }];
    (unsafe { poll(list.as_mut_ptr(), 1, timeout) }, list[0].revents)
}

fn wait(set: i32, timeout: i32) -> Vec<(u32, u64)> {
    let mut events = [epoll_event { events: 0, u64: 0 }; 8];
    let n = unsafe { epoll_wait(set, events.as_mut_ptr(), 8, timeout) };
    let mut found: Vec<_> = events[..n.max(0) as usize].iter().map(|e| (e.events, e.u64)).collect();
    found.sort();
    found
}

fn control(set: i32, op: i32, fd: i32, events: u32, data: u64) -> std::io::Result<i64> {
    let mut event = epoll_event { events, u64: data };
    check(unsafe { epoll_ctl(set, op, fd, &mut event) }.into())
}

fn put(fd: i32, bytes: &[u8]) -> std::io::Result<i64> {
    check(unsafe { write(fd, bytes.as_ptr().cast(), bytes.len()) } as i64)
}

fn get(fd: i32, len: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; len];
    let n = check(unsafe { read(fd, bytes.as_mut_ptr().cast(), len) } as i64)?;
    bytes.truncate(n as usize);
    Ok(bytes)
}

fn main() {
    let [r, w] = pair();
    show("empty", get(r, 10));
    println!("{:?} {:?}", ready(r, POLLIN, 0), ready(w, POLLOUT, 0));
    show("put", put(w, b"hello"));
    println!("{:?}", ready(r, POLLIN, -1));
    show("get", get(r, 3));
    show("get", get(r, 30));
    let mut total = 0;
    while let Ok(n) = put(w, &[7; 4096]) {
        total += n;
    }
    println!("full at {total} {:?}", ready(w, POLLOUT, 0));
    show("drain", get(r, 1 << 20).map(|b| b.len()));

    let set = unsafe { epoll_create1(EPOLL_CLOEXEC) };
    show("add", control(set, EPOLL_CTL_ADD, r, EPOLLIN as u32, 1));
    show("twice", control(set, EPOLL_CTL_ADD, r, EPOLLIN as u32, 1));
    println!("{:?}", wait(set, 0));
    put(w, b"x").unwrap();
    println!("level {:?} {:?}", wait(set, 0), wait(set, 0));
    show("edge", control(set, EPOLL_CTL_MOD, r, (EPOLLIN | EPOLLET) as u32, 2));
    println!("edge {:?} {:?}", wait(set, 0), wait(set, 0));
    put(w, b"y").unwrap();
    println!("edge again {:?} {:?}", wait(set, 0), wait(set, 0));
    show("once", control(set, EPOLL_CTL_MOD, r, (EPOLLIN | EPOLLONESHOT) as u32, 3));
    println!("once {:?} {:?}", wait(set, 0), wait(set, 0));
    get(r, 100).unwrap();
    let e = unsafe { eventfd(3, EFD_NONBLOCK) };
    show("add", control(set, EPOLL_CTL_ADD, e, (EPOLLIN | EPOLLOUT) as u32, 4));
    println!("{:?}", wait(set, 0));
    show("count", get(e, 8));
    show("zero", get(e, 8));
    put(e, &5u64.to_ne_bytes()).unwrap();
    put(e, &6u64.to_ne_bytes()).unwrap();
    show("sum", get(e, 8));
    show("short", get(e, 4));
    unsafe { close(e) };
    println!("closed {:?}", wait(set, 0));

    let t = unsafe { timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK) };
    let spec = |ms: i64| timespec { tv_sec: ms / 1000, tv_nsec: ms % 1000 * 1_000_000 };
    let setting = itimerspec { it_interval: spec(10), it_value: spec(200) };
    show("timer", check(unsafe { timerfd_settime(t, 0, &setting, std::ptr::null_mut()) }.into()));
    show("early", get(t, 8));
    control(set, EPOLL_CTL_ADD, t, EPOLLIN as u32, 5).unwrap();
    let start = Instant::now();
    println!("timer {:?} late {}", wait(set, 5000), start.elapsed() >= Duration::from_millis(150));
    thread::sleep(Duration::from_millis(45));
    println!("several {}", get(t, 8).unwrap()[0] >= 3);
    control(set, EPOLL_CTL_DEL, t, 0, 0).unwrap();
    show("deleted", control(set, EPOLL_CTL_DEL, t, 0, 0));
    let start = Instant::now();
    println!("timeout {:?} {}", wait(set, 20), start.elapsed() >= Duration::from_millis(20));

    control(set, EPOLL_CTL_MOD, r, EPOLLIN as u32, 6).unwrap();
    let writer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        put(w, b"late").unwrap();
    });
    println!("woken {:?}", wait(set, 5000));
    writer.join().unwrap();
    show("late", get(r, 10));
    unsafe { close(w) };
    println!("hang-up {:?} {:?}", wait(set, 0), ready(r, POLLIN, 0));
    show("end", get(r, 10));
    let [r2, w2] = pair();
    unsafe { close(r2) };
    unsafe { signal(SIGPIPE, SIG_IGN) };
    show("broken", put(w2, b"x"));
    println!("{:?}", ready(w2, POLLOUT, 0));
    println!("bad {:?} none {:?}", ready(77, POLLIN, 0), ready(-1, POLLIN, 10));

    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let big = thread::spawn(move || writer.write_all(&vec![3u8; 1_000_000]).unwrap());
    let mut all = Vec::new();
    reader.read_to_end(&mut all).unwrap();
    big.join().unwrap();
    println!("blocking {}", all.len());
    unsafe {
        let [r, w] = pair();
        put(w, b"s").unwrap();
        let mut set: fd_set = std::mem::zeroed();
        FD_SET(r, &mut set);
        let mut limit = timeval { tv_sec: 1, tv_usec: 0 };
        println!("select {} {}", select(r + 1, &mut set, std::ptr::null_mut(), std::ptr::null_mut(), &mut limit), FD_ISSET(r, &set));
    }
}
