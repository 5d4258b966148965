//! Time, as Erlang sees it.
use rustix::time::{ClockId, clock_gettime};

fn read(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// The system's monotonic clock in nanoseconds.
pub fn raw_monotonic() -> i64 {
    read(ClockId::Monotonic)
}

/// The system's time in nanoseconds since 1970.
pub fn raw_system() -> i64 {
    read(ClockId::Realtime)
}
