//! System calls on time.

use alloc::sync::Arc;

use super::errno::{EINTR, EINVAL, EOPNOTSUPP, ERESTART, Result};
use super::table::calls;
use crate::arch::sync::SpinLock;
use crate::arch::{tsc, user};
use crate::fs::event::TimerFd;
use crate::fs::fd;
use crate::fs::file::{O_CLOEXEC, O_NONBLOCK, O_RDWR};
use crate::task::signal::{self, Info, num};
use crate::task::timer::{self, Action, Key, Timed};
use crate::task::wait;
use crate::time::{Clock, SECOND};
use core::any::Any;

calls! {
    35 nanosleep(want, left) = nanosleep;
    36 getitimer(which, value) = getitimer;
    37 alarm(seconds) = alarm;
    38 setitimer(which, new, old) = setitimer;
    96 gettimeofday(at, zone) = gettimeofday;
    100 times(at) = times;
    201 time(at) = time;
    227 clock_settime(clock, at) = clock_settime;
    228 clock_gettime(clock, at) = clock_gettime;
    229 clock_getres(clock, at) = clock_getres;
    230 clock_nanosleep(clock, flags, want, left) = clock_nanosleep;
    283 timerfd_create(clock, flags) = timerfd_create;
    286 timerfd_settime(fd, flags, new, old) = timerfd_settime;
    287 timerfd_gettime(fd, at) = timerfd_gettime;
}

/// Reads a `timespec` as nanoseconds.
pub fn read_timespec(at: u64) -> Result<u64> {
    let [seconds, ns] = user::read::<[u64; 2]>(at)?;
    if ns >= SECOND || (seconds as i64) < 0 {
        return Err(EINVAL);
    }
    Ok(seconds.saturating_mul(SECOND).saturating_add(ns))
}

/// Writes nanoseconds as a `timespec`.
pub fn write_timespec(at: u64, ns: u64) -> Result<()> {
    user::write(at, &[ns / SECOND, ns % SECOND])
}

fn sleep_until(deadline: u64) -> Result<()> {
    while tsc::now() < deadline {
        if wait::pause(Some(deadline)) == Err(EINTR) {
            return Err(EINTR);
        }
    }
    Ok(())
}

fn nanosleep(want: u64, left: u64) -> Result<usize> {
    clock_nanosleep(1, 0, want, left)
}

fn clock_nanosleep(clock: u64, flags: u64, want: u64, left: u64) -> Result<usize> {
    let clock = Clock::from_number(clock)?;
    if clock == Clock::Thread {
        return Err(EINVAL);
    }
    let ns = read_timespec(want)?;
    let absolute = flags & 1 != 0;
    let deadline = if absolute {
        clock.to_monotonic(ns)
    } else {
        wait::after(ns)
    };
    match sleep_until(deadline) {
        Ok(()) => Ok(0),
        Err(_) if absolute => Err(ERESTART),
        Err(error) => {
            if left != 0 {
                write_timespec(left, deadline.saturating_sub(tsc::now()))?;
            }
            Err(error)
        }
    }
}

fn clock_gettime(clock: u64, at: u64) -> Result<usize> {
    write_timespec(at, Clock::from_number(clock)?.now()).map(|()| 0)
}

fn clock_getres(clock: u64, at: u64) -> Result<usize> {
    Clock::from_number(clock)?;
    if at != 0 {
        let coarse = matches!(clock, 5 | 6);
        write_timespec(at, if coarse { 4_000_000 } else { 1 })?;
    }
    Ok(0)
}

fn clock_settime(clock: u64, at: u64) -> Result<usize> {
    if clock != 0 {
        return Err(EINVAL);
    }
    crate::time::set_realtime(read_timespec(at)?);
    Ok(0)
}

fn gettimeofday(at: u64, zone: u64) -> Result<usize> {
    let (seconds, ns) = crate::time::realtime();
    if at != 0 {
        user::write(at, &[seconds as u64, u64::from(ns / 1000)])?;
    }
    if zone != 0 {
        user::write(zone, &0u64)?;
    }
    Ok(0)
}

fn time(at: u64) -> Result<usize> {
    let (seconds, _) = crate::time::realtime();
    if at != 0 {
        user::write(at, &(seconds as u64))?;
    }
    Ok(seconds as usize)
}

fn times(at: u64) -> Result<usize> {
    let hundredths = |ns: u64| ns / (SECOND / 100);
    if at != 0 {
        user::write(at, &[hundredths(Clock::Process.now()), 0, 0, 0])?;
    }
    Ok(hundredths(tsc::now()) as usize)
}

struct Alarm {
    at: u64,
    interval: u64,
    key: Option<Key>,
}

static ALARM: SpinLock<Alarm> = SpinLock::new(Alarm {
    at: 0,
    interval: 0,
    key: None,
});

/// The timer of `setitimer(ITIMER_REAL)`.
struct Expiry;

impl Timed for Expiry {
    fn expire(self: Arc<Self>, now: u64) {
        let mut alarm = ALARM.lock();
        if alarm.at == 0 || alarm.at > now {
            return;
        }
        if alarm.interval == 0 {
            (alarm.at, alarm.key) = (0, None);
        } else {
            alarm.at = now + alarm.interval;
            alarm.key = Some(timer::add(alarm.at, Action::Call(self)));
        }
        drop(alarm);
        signal::send_process(Info::user(num::SIGALRM, 0x80));
    }
}

/// Time left and interval before; sets new ones.
fn set_alarm(value: u64, interval: u64) -> (u64, u64) {
    let mut alarm = ALARM.lock();
    let before = (alarm.at.saturating_sub(tsc::now()), alarm.interval);
    if let Some(key) = alarm.key.take() {
        timer::cancel(key);
    }
    (alarm.at, alarm.interval) = (0, interval);
    if value != 0 {
        alarm.at = wait::after(value);
        alarm.key = Some(timer::add(alarm.at, Action::Call(Arc::new(Expiry))));
    }
    before
}

fn alarm(seconds: u64) -> Result<usize> {
    let (left, _) = set_alarm(u64::from(seconds as u32) * SECOND, 0);
    Ok(left.div_ceil(SECOND) as usize)
}

fn write_itimer(at: u64, value: u64, interval: u64) -> Result<()> {
    let us = |ns: u64| [ns / SECOND, ns % SECOND / 1000];
    let ([a, b], [c, d]) = (us(interval), us(value));
    user::write(at, &[a, b, c, d])
}

fn setitimer(which: u64, new: u64, old: u64) -> Result<usize> {
    if which != 0 {
        return Err(if which < 3 { EOPNOTSUPP } else { EINVAL });
    }
    let [a, b, c, d] = if new == 0 {
        [0; 4]
    } else {
        user::read::<[u64; 4]>(new)?
    };
    if b >= 1_000_000 || d >= 1_000_000 {
        return Err(EINVAL);
    }
    let ns = |s: u64, us: u64| s.saturating_mul(SECOND).saturating_add(us * 1000);
    let (left, interval) = set_alarm(ns(c, d), ns(a, b));
    if old != 0 {
        write_itimer(old, left, interval)?;
    }
    Ok(0)
}

fn getitimer(which: u64, value: u64) -> Result<usize> {
    if which > 2 {
        return Err(EINVAL);
    }
    let (left, interval) = {
        let alarm = ALARM.lock();
        (alarm.at.saturating_sub(tsc::now()), alarm.interval)
    };
    let on = which == 0;
    write_itimer(
        value,
        if on { left } else { 0 },
        if on { interval } else { 0 },
    )
    .map(|()| 0)
}

fn timerfd_create(clock: u64, flags: u64) -> Result<usize> {
    let clock = Clock::from_number(clock)?;
    if !matches!(clock, Clock::Realtime | Clock::Monotonic)
        || flags as u32 & !(O_NONBLOCK | O_CLOEXEC) != 0
    {
        return Err(EINVAL);
    }
    let flags = flags as u32;
    fd::install_file(
        TimerFd::new(clock),
        O_RDWR | flags & O_NONBLOCK,
        flags & O_CLOEXEC != 0,
        b"anon_inode:[timerfd]",
    )
}

fn with_timer<T>(fd: u64, f: impl FnOnce(&TimerFd) -> T) -> Result<T> {
    let open = fd::get(fd)?;
    let any: &dyn Any = open.file.as_ref();
    any.downcast_ref::<TimerFd>().map(f).ok_or(EINVAL)
}

fn timerfd_settime(fd: u64, flags: u64, new: u64, old: u64) -> Result<usize> {
    if flags & !3 != 0 {
        return Err(EINVAL);
    }
    let interval = read_timespec(new)?;
    let value = read_timespec(new + 16)?;
    let (left, before) = with_timer(fd, |t| t.set(value, interval, flags & 1 != 0))?;
    if old != 0 {
        write_timespec(old, before)?;
        write_timespec(old + 16, left)?;
    }
    Ok(0)
}

fn timerfd_gettime(fd: u64, at: u64) -> Result<usize> {
    let (left, interval) = with_timer(fd, TimerFd::get)?;
    write_timespec(at, interval)?;
    write_timespec(at + 16, left).map(|()| 0)
}
