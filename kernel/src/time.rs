//! Clocks: nanoseconds since start, and the time of day as an offset to it.

use core::sync::atomic::{AtomicI64, Ordering};

use crate::arch::port::{inb, outb};
use crate::arch::{current, tsc};
use crate::sys::errno::{EINVAL, Result};
use crate::task::process::ENDED_TIME;
use crate::task::thread::THREADS;

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

static OFFSET: AtomicI64 = AtomicI64::new(0);

/// A clock of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Time of day.
    Realtime,
    /// Time since start.
    Monotonic,
    /// Processor time of the program.
    Process,
    /// Processor time of the running thread.
    Thread,
}

impl Clock {
    /// The clock of a number of the interface.
    pub fn from_number(number: u64) -> Result<Clock> {
        match number as i32 {
            0 | 5 | 8 | 11 => Ok(Clock::Realtime),
            1 | 4 | 6 | 7 | 9 => Ok(Clock::Monotonic),
            2 => Ok(Clock::Process),
            3 => Ok(Clock::Thread),
            _ => Err(EINVAL),
        }
    }

    /// Its time in nanoseconds.
    pub fn now(self) -> u64 {
        match self {
            Clock::Monotonic => tsc::now(),
            Clock::Realtime => tsc::now().wrapping_add_signed(OFFSET.load(Ordering::Relaxed)),
            Clock::Thread => current::get().cpu_time(tsc::now()),
            Clock::Process => {
                let now = tsc::now();
                ENDED_TIME.load(Ordering::Relaxed)
                    + THREADS
                        .lock()
                        .values()
                        .map(|t| t.cpu_time(now))
                        .sum::<u64>()
            }
        }
    }

    /// A time of this clock as nanoseconds since start.
    pub fn to_monotonic(self, at: u64) -> u64 {
        match self {
            Clock::Realtime => {
                at.saturating_add_signed(OFFSET.load(Ordering::Relaxed).wrapping_neg())
            }
            Clock::Monotonic => at,
            Clock::Process | Clock::Thread => {
                tsc::now().saturating_add(at.saturating_sub(self.now()))
            }
        }
    }
}

/// Time of day as seconds and nanoseconds.
pub fn realtime() -> (i64, u32) {
    let ns = Clock::Realtime.now();
    ((ns / SECOND) as i64, (ns % SECOND) as u32)
}

/// Sets the time of day.
pub fn set_realtime(ns: u64) {
    OFFSET.store(ns.wrapping_sub(tsc::now()) as i64, Ordering::Relaxed);
}

/// Takes the time of day from the hypervisor's clock or the battery-backed one.
pub fn init() {
    if let Some(ns) = tsc::hypervisor_time() {
        set_realtime(ns);
    } else if let Some(seconds) = read_rtc() {
        set_realtime(seconds * SECOND);
    }
}

fn cmos(register: u8) -> u8 {
    outb(0x70, register);
    inb(0x71)
}

fn read_rtc() -> Option<u64> {
    let read = || [0u8, 2, 4, 7, 8, 9, 0x32].map(cmos);
    let mut fields = read();
    for _ in 0..10 {
        let again = read();
        if again == fields && cmos(0x0a) & 0x80 == 0 {
            break;
        }
        fields = again;
    }
    let binary = cmos(0x0b) & 4 != 0;
    let value = |b: u8| {
        if binary {
            u64::from(b)
        } else {
            u64::from(b >> 4) * 10 + u64::from(b & 15)
        }
    };
    let hour = if cmos(0x0b) & 2 == 0 && fields[2] & 0x80 != 0 {
        (value(fields[2] & 0x7f) + 12) % 24
    } else {
        value(fields[2])
    };
    let century = match value(fields[6]) {
        c @ 19..=21 => c,
        _ => 20,
    };
    let (year, month, day) = (
        century * 100 + value(fields[5]),
        value(fields[4]),
        value(fields[3]),
    );
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || fields.iter().all(|&b| b == 0xff) {
        return None;
    }
    Some(days(year, month, day) * 86400 + hour * 3600 + value(fields[1]) * 60 + value(fields[0]))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = y / 400;
    let of_era = y % 400;
    let of_year = (153 * m + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}
