//! Time, as Erlang sees it.
//!
//! *Erlang monotonic time* begins at [`START`] and never goes back; *Erlang system time* is that plus the
//! *time offset*. How system time follows the machine's clock is OTP's *time warp mode* (`+C`):
//!
//! - `no_time_warp`: the offset is fixed at the start; where the machine's clock is set or drifts, monotonic
//!   time runs one per cent faster or slower until system time agrees again;
//! - `single_time_warp`: the same, but the offset may be set once (`system_flag(time_offset, finalize)`);
//! - `multi_time_warp`: the offset changes whenever the machine's clock does, and those who monitor it hear.
//!
//! Without time correction (`+c false`) monotonic time follows the machine's system time, standing still
//! while that is behind.
//!
//! Readers take no lock: the correction in force is four numbers behind a sequence count.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU32, Ordering, fence};

use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds in a second; also Erlang's native time unit.
pub const SECOND: i64 = 1_000_000_000;
/// Erlang monotonic time at the node's start (OTP: what fits its small integers, in whole seconds).
pub const START: i64 = -576_460_752 * SECOND;
/// How far system time may differ from the machine's before that is corrected.
const TOLERANCE: i64 = 2_000_000;
/// How often that is looked at.
pub const CHECK_INTERVAL: i64 = 60 * SECOND;
/// A correction gains or loses one part in so many (OTP: one per cent).
const CORRECTION: i64 = 100;

fn read(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * SECOND + time.tv_nsec
}

/// The machine's monotonic clock in nanoseconds.
pub fn raw_monotonic() -> i64 {
    read(ClockId::Monotonic)
}

/// The machine's time in nanoseconds since 1970.
pub fn raw_system() -> i64 {
    read(ClockId::Realtime)
}

/// CPU time of this operating-system process in nanoseconds.
pub fn cpu_time() -> i64 {
    read(ClockId::ProcessCPUTime)
}

/// How system time follows the machine's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum WarpMode {
    /// The offset never changes.
    No = 0,
    /// The offset changes once, on request.
    Single = 1,
    /// The offset changes with the machine's clock.
    Multi = 2,
}

/// Whether the time offset may still change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OffsetState {
    /// It may be set once.
    Preliminary,
    /// It stays.
    Final,
    /// It may change any time.
    Volatile,
}

/// The correction in force: from `raw_at` on, monotonic time runs at `1 + rate / CORRECTION` from `at`.
#[derive(Clone, Copy)]
struct Correction {
    raw_at: i64,
    at: i64,
    rate: i64,
    /// Raw time at which the correction ends by itself.
    until: i64,
}

impl Correction {
    fn monotonic(self, raw: i64) -> i64 {
        let elapsed = raw - self.raw_at;
        let corrected = elapsed.min(self.until.saturating_sub(self.raw_at)).max(0);
        self.at + elapsed + corrected / CORRECTION * self.rate
    }
}

struct Clock {
    sequence: AtomicU32,
    raw_at: AtomicI64,
    at: AtomicI64,
    rate: AtomicI64,
    until: AtomicI64,
    offset: AtomicI64,
    mode: AtomicU8,
    /// 1 with time correction.
    correct: AtomicU8,
    /// 1 once a single warp has been made.
    finalized: AtomicU8,
    /// The highest uncorrected monotonic time given.
    last: AtomicI64,
    /// The latest `now/0` in microseconds.
    last_now: AtomicI64,
    /// Held while anything but `last` changes. Lock rank: nothing is taken under it.
    change: Mutex<()>,
    started_raw: i64,
}

static CLOCK: LazyLock<Clock> = LazyLock::new(|| {
    let (raw, system) = (raw_monotonic(), raw_system());
    Clock {
        sequence: AtomicU32::new(0),
        raw_at: AtomicI64::new(raw),
        at: AtomicI64::new(START),
        rate: AtomicI64::new(0),
        until: AtomicI64::new(raw),
        offset: AtomicI64::new(system - START),
        mode: AtomicU8::new(WarpMode::No as u8),
        correct: AtomicU8::new(1),
        finalized: AtomicU8::new(0),
        last: AtomicI64::new(START),
        last_now: AtomicI64::new(0),
        change: Mutex::new(()),
        started_raw: raw,
    }
});

impl Clock {
    fn correction(&self) -> Correction {
        loop {
            let before = self.sequence.load(Ordering::Acquire);
            let correction = Correction {
                raw_at: self.raw_at.load(Ordering::Relaxed),
                at: self.at.load(Ordering::Relaxed),
                rate: self.rate.load(Ordering::Relaxed),
                until: self.until.load(Ordering::Relaxed),
            };
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.sequence.load(Ordering::Relaxed) == before {
                return correction;
            }
            std::hint::spin_loop();
        }
    }

    /// Called under `change` only.
    fn set_correction(&self, correction: Correction) {
        self.sequence.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::Release);
        self.raw_at.store(correction.raw_at, Ordering::Relaxed);
        self.at.store(correction.at, Ordering::Relaxed);
        self.rate.store(correction.rate, Ordering::Relaxed);
        self.until.store(correction.until, Ordering::Relaxed);
        self.sequence.fetch_add(1, Ordering::Release);
    }

    fn mode(&self) -> WarpMode {
        match self.mode.load(Ordering::Relaxed) {
            0 => WarpMode::No,
            1 => WarpMode::Single,
            _ => WarpMode::Multi,
        }
    }

    fn corrects(&self) -> bool {
        self.correct.load(Ordering::Relaxed) != 0
    }

    fn uncorrected(&self) -> i64 {
        let time = raw_system() - self.offset.load(Ordering::Relaxed);
        self.last.fetch_max(time, Ordering::AcqRel).max(time)
    }
}

/// Sets the time warp mode (`+C`) and whether time is corrected (`+c`); before anything reads the time.
pub fn configure(mode: WarpMode, correct: bool) {
    CLOCK.mode.store(mode as u8, Ordering::Relaxed);
    CLOCK.correct.store(u8::from(correct), Ordering::Relaxed);
}

/// The time warp mode.
pub fn warp_mode() -> WarpMode {
    CLOCK.mode()
}

/// Whether time is corrected.
pub fn corrects() -> bool {
    CLOCK.corrects()
}

/// Erlang monotonic time in nanoseconds.
pub fn monotonic() -> i64 {
    if CLOCK.corrects() {
        CLOCK.correction().monotonic(raw_monotonic())
    } else {
        CLOCK.uncorrected()
    }
}

/// The time offset in nanoseconds.
pub fn offset() -> i64 {
    CLOCK.offset.load(Ordering::Acquire)
}

/// Erlang system time in nanoseconds since 1970.
pub fn system() -> i64 {
    monotonic() + offset()
}

/// Nanoseconds since the node started.
pub fn since_start() -> i64 {
    raw_monotonic() - CLOCK.started_raw
}

/// Whether the time offset may still change.
pub fn offset_state() -> OffsetState {
    match CLOCK.mode() {
        WarpMode::No => OffsetState::Final,
        WarpMode::Single if CLOCK.finalized.load(Ordering::Acquire) == 0 => {
            OffsetState::Preliminary
        }
        WarpMode::Single => OffsetState::Final,
        WarpMode::Multi => OffsetState::Volatile,
    }
}

/// Sets the offset where it may be set once (`system_flag(time_offset, finalize)`): the state before, and
/// the new offset if it changed.
pub fn finalize_offset() -> (OffsetState, Option<i64>) {
    let _changing = CLOCK.change.lock();
    let before = offset_state();
    if before != OffsetState::Preliminary {
        return (before, None);
    }
    CLOCK.finalized.store(1, Ordering::Release);
    let offset = whole_microseconds(raw_system() - monotonic());
    CLOCK.offset.store(offset, Ordering::Release);
    (before, Some(offset))
}

fn whole_microseconds(nanoseconds: i64) -> i64 {
    nanoseconds.div_euclid(1000) * 1000
}

/// Compares system time with the machine's, and corrects it in the way of the mode: the new offset if that
/// changed.
pub fn check() -> Option<i64> {
    let _changing = CLOCK.change.lock();
    if !CLOCK.corrects() {
        return None;
    }
    let (raw, machine) = (raw_monotonic(), raw_system());
    let now = CLOCK.correction().monotonic(raw);
    let behind = machine - (now + offset());
    if CLOCK.mode() == WarpMode::Multi {
        if behind.abs() <= TOLERANCE {
            return None;
        }
        let offset = whole_microseconds(machine - now);
        CLOCK.offset.store(offset, Ordering::Release);
        return Some(offset);
    }
    let rate = if behind.abs() <= TOLERANCE {
        0
    } else {
        behind.signum()
    };
    CLOCK.set_correction(Correction {
        raw_at: raw,
        at: now,
        rate,
        until: raw.saturating_add(behind.saturating_abs().saturating_mul(CORRECTION)),
    });
    None
}

/// Microseconds since 1970, later than any that this function returned before (`erlang:now/0`).
pub fn now() -> i64 {
    let time = system().div_euclid(1000);
    let mut last = CLOCK.last_now.load(Ordering::Relaxed);
    loop {
        let next = time.max(last + 1);
        match CLOCK
            .last_now
            .compare_exchange_weak(last, next, Ordering::AcqRel, Ordering::Relaxed)
        {
            Ok(_) => return next,
            Err(newer) => last = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_starts_where_otp_starts_and_goes_on() {
        let first = monotonic();
        assert!(first >= START && first < START + 3600 * SECOND);
        assert!(monotonic() >= first);
        assert!((system() - raw_system()).abs() < SECOND);
        let (a, b) = (now(), now());
        assert!(b > a);
    }

    #[test]
    fn a_correction_runs_its_course_and_ends() {
        let correction = Correction {
            raw_at: 1000 * SECOND,
            at: START,
            rate: 1,
            until: 1100 * SECOND,
        };
        let at = |seconds: i64| correction.monotonic(seconds * SECOND) - START;
        assert_eq!(at(1000), 0);
        assert_eq!(at(1050), 50 * SECOND + SECOND / 2);
        assert_eq!(at(1100), 101 * SECOND);
        assert_eq!(at(1200), 201 * SECOND);
        let slower = Correction {
            rate: -1,
            ..correction
        };
        assert_eq!(slower.monotonic(1100 * SECOND) - START, 99 * SECOND);
    }
}
