//! System calls that wait for many descriptors: `poll`, `select`, `epoll`.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;

use super::errno::{EAGAIN, EBADF, EINTR, EINVAL, Result};
use super::signal::set_temporary_mask;
use super::table::calls;
use super::time::read_timespec;
use crate::arch::current;
use crate::arch::user::{self, plain};
use crate::fs::epoll::Epoll;
use crate::fs::fd;
use crate::fs::file::{O_CLOEXEC, O_RDWR, Open};
use crate::task::wait::{self, ERR, HUP, IN, OUT, PRI};

calls! {
    7 poll(list, count, timeout) = poll;
    23 select(count, read, write, except, timeout) = select;
    213 epoll_create(size) = epoll_create;
    232 epoll_wait(set, at, max, timeout) = epoll_wait;
    233 epoll_ctl(set, op, fd, event) = epoll_ctl;
    270 pselect6(count, read, write, except, timeout, mask) = pselect6;
    271 ppoll(list, count, timeout, mask, size) = ppoll;
    281 epoll_pwait(set, at, max, timeout, mask, size) = epoll_pwait;
    291 epoll_create1(flags) = epoll_create1;
    441 epoll_pwait2(set, at, max, timeout, mask, size) = epoll_pwait2;
}

const NVAL: u32 = 0x20;

/// A timeout in milliseconds as a deadline; negative is none.
fn deadline_ms(timeout: u64) -> Option<u64> {
    u64::try_from(timeout as i32)
        .ok()
        .map(|ms| wait::after(ms * 1_000_000))
}

fn deadline_timespec(at: u64) -> Result<Option<u64>> {
    if at == 0 {
        Ok(None)
    } else {
        Ok(Some(wait::after(read_timespec(at)?)))
    }
}

/// One descriptor that is waited for.
struct Polled {
    open: Option<Arc<Open>>,
    events: u32,
    found: u32,
}

impl Polled {
    fn new(fd: u32, events: u32) -> Polled {
        let open = if (fd as i32) < 0 {
            None
        } else {
            fd::get(u64::from(fd)).ok()
        };
        let found = if (fd as i32) >= 0 && open.is_none() {
            NVAL
        } else {
            0
        };
        Polled {
            open,
            events,
            found,
        }
    }

    fn look(&mut self) {
        if let Some(open) = &self.open {
            self.found = open.file.ready() & (self.events | ERR | HUP);
        }
    }
}

/// Waits until one of the descriptors is ready; how many are.
fn wait_for(list: &mut [Polled], deadline: Option<u64>) -> Result<usize> {
    let look = |list: &mut [Polled]| {
        list.iter_mut().for_each(Polled::look);
        list.iter().filter(|p| p.found != 0).count()
    };
    let ready = look(list);
    if ready > 0 || deadline.is_some_and(|at| crate::arch::tsc::now() >= at) {
        return Ok(ready);
    }
    let me = current::arc();
    let watches: Vec<(Arc<Open>, u64)> = list
        .iter()
        .filter_map(|p| {
            let open = p.open.clone()?;
            let number = open.file.source()?.add(Arc::new(me.clone()));
            Some((open, number))
        })
        .collect();
    let result = loop {
        let ready = look(list);
        if ready > 0 {
            break Ok(ready);
        }
        match wait::pause(deadline) {
            Ok(()) => {}
            Err(EAGAIN) => break Ok(0),
            Err(_) => break Err(EINTR),
        }
    };
    for (open, number) in watches {
        if let Some(source) = open.file.source() {
            source.remove(number);
        }
    }
    result
}

fn poll_list(at: u64, count: u64, deadline: Option<u64>) -> Result<usize> {
    if count > 1 << 20 {
        return Err(EINVAL);
    }
    let mut list = Vec::with_capacity(count as usize);
    for n in 0..count {
        let [fd, events] = user::read::<[u32; 2]>(at + 8 * n)?;
        list.push(Polled::new(fd, events & 0xffff));
    }
    let ready = wait_for(&mut list, deadline)?;
    for (n, polled) in list.iter().enumerate() {
        user::write(at + 8 * n as u64 + 6, &(polled.found as u16))?;
    }
    Ok(ready)
}

fn poll(list: u64, count: u64, timeout: u64) -> Result<usize> {
    poll_list(list, count, deadline_ms(timeout))
}

fn take_mask(mask: u64, size: u64) -> Result<()> {
    if mask != 0 {
        if size != 8 {
            return Err(EINVAL);
        }
        set_temporary_mask(user::read(mask)?);
    }
    Ok(())
}

fn ppoll(list: u64, count: u64, timeout: u64, mask: u64, size: u64) -> Result<usize> {
    let deadline = deadline_timespec(timeout)?;
    take_mask(mask, size)?;
    poll_list(list, count, deadline)
}

fn select(count: u64, read: u64, write: u64, except: u64, timeout: u64) -> Result<usize> {
    let deadline = if timeout == 0 {
        None
    } else {
        let [seconds, us] = user::read::<[u64; 2]>(timeout)?;
        if (seconds as i64) < 0 || (us as i64) < 0 {
            return Err(EINVAL);
        }
        Some(wait::after(
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(us.saturating_mul(1000)),
        ))
    };
    select_sets(count, [read, write, except], deadline)
}

fn pselect6(
    count: u64,
    read: u64,
    write: u64,
    except: u64,
    timeout: u64,
    mask: u64,
) -> Result<usize> {
    let deadline = deadline_timespec(timeout)?;
    if mask != 0 {
        let [set, size] = user::read::<[u64; 2]>(mask)?;
        take_mask(set, size)?;
    }
    select_sets(count, [read, write, except], deadline)
}

fn select_sets(count: u64, sets: [u64; 3], deadline: Option<u64>) -> Result<usize> {
    const WANTED: [u32; 3] = [IN, OUT, PRI];
    /// What makes a descriptor count as readable, writable, exceptional.
    const COUNTS: [u32; 3] = [IN | HUP | ERR, OUT | ERR, PRI];
    let count = count as i32;
    if count < 0 {
        return Err(EINVAL);
    }
    let words = (count as usize).min(1 << 16).div_ceil(64);
    let mut bits = [const { Vec::new() }; 3];
    for (set, bits) in sets.iter().zip(&mut bits) {
        for n in 0..words {
            bits.push(if *set == 0 {
                0
            } else {
                user::read::<u64>(set + 8 * n as u64)?
            });
        }
    }
    let mut numbers = Vec::new();
    let mut list = Vec::new();
    for fd in 0..(count as usize).min(words * 64) {
        let events = (0..3)
            .filter(|&s| bits[s][fd / 64] >> (fd % 64) & 1 != 0)
            .fold(0, |e, s| e | WANTED[s]);
        if events != 0 {
            let polled = Polled::new(fd as u32, events);
            if polled.found == NVAL {
                return Err(EBADF);
            }
            numbers.push(fd);
            list.push(polled);
        }
    }
    wait_for(&mut list, deadline)?;
    let mut total = 0;
    for s in 0..3 {
        if sets[s] == 0 {
            continue;
        }
        let mut out = alloc::vec![0u64; words];
        for (fd, polled) in numbers.iter().zip(&list) {
            if polled.events & WANTED[s] != 0 && polled.found & COUNTS[s] != 0 {
                out[fd / 64] |= 1 << (fd % 64);
                total += 1;
            }
        }
        for (n, word) in out.iter().enumerate() {
            user::write(sets[s] + 8 * n as u64, word)?;
        }
    }
    Ok(total)
}

fn epoll_create(size: u64) -> Result<usize> {
    if size as i32 <= 0 {
        return Err(EINVAL);
    }
    epoll_create1(0)
}

fn epoll_create1(flags: u64) -> Result<usize> {
    if flags as u32 & !O_CLOEXEC != 0 {
        return Err(EINVAL);
    }
    fd::install_file(
        Epoll::new(),
        O_RDWR,
        flags as u32 & O_CLOEXEC != 0,
        b"anon_inode:[eventpoll]",
    )
}

#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    data: u64,
}

plain!(Event);

fn with_set<T>(set: u64, f: impl FnOnce(&Epoll) -> Result<T>) -> Result<T> {
    let open = fd::get(set)?;
    let any: &dyn Any = open.file.as_ref();
    f(any.downcast_ref::<Epoll>().ok_or(EINVAL)?)
}

fn epoll_ctl(set: u64, op: u64, fd: u64, event: u64) -> Result<usize> {
    let event = if op == 2 {
        Event { events: 0, data: 0 }
    } else {
        user::read::<Event>(event)?
    };
    let open = fd::get(fd)?;
    with_set(set, |s| {
        s.control(op as u32, fd as u32, &open, event.events, event.data)
    })
    .map(|()| 0)
}

fn epoll_wait(set: u64, at: u64, max: u64, timeout: u64) -> Result<usize> {
    collect(set, at, max, deadline_ms(timeout))
}

fn epoll_pwait(set: u64, at: u64, max: u64, timeout: u64, mask: u64, size: u64) -> Result<usize> {
    take_mask(mask, size)?;
    collect(set, at, max, deadline_ms(timeout))
}

fn epoll_pwait2(set: u64, at: u64, max: u64, timeout: u64, mask: u64, size: u64) -> Result<usize> {
    let deadline = deadline_timespec(timeout)?;
    take_mask(mask, size)?;
    collect(set, at, max, deadline)
}

fn collect(set: u64, at: u64, max: u64, deadline: Option<u64>) -> Result<usize> {
    let max = usize::try_from(max as i32)
        .ok()
        .filter(|&m| m > 0)
        .ok_or(EINVAL)?;
    let open = fd::get(set)?;
    let source = open.file.source().ok_or(EINVAL)?;
    let attempt = || {
        let found = with_set(set, |s| Ok(s.collect(max.min(4096))))?;
        if found.is_empty() {
            Err(EAGAIN)
        } else {
            Ok(found)
        }
    };
    let found = match wait::until(source, deadline, attempt) {
        Ok(found) => found,
        Err(EAGAIN) => return Ok(0),
        Err(super::errno::ERESTART) => return Err(EINTR),
        Err(e) => return Err(e),
    };
    for (n, &(events, data)) in found.iter().enumerate() {
        user::write(
            at + (n * size_of::<Event>()) as u64,
            &Event { events, data },
        )?;
    }
    Ok(found.len())
}
