//! The flags of a process that are on or off.

use std::cell::Cell;

/// A flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Flag {
    /// `trap_exit`: exit signals become messages.
    TrapExit = 1,
    /// `sensitive`: not traced, and its terms are not shown.
    Sensitive = 1 << 1,
    /// `{message_queue_data, off_heap}`.
    OffHeapMessages = 1 << 2,
    /// A system process: not suspended, traced, or asked to check its code.
    System = 1 << 3,
    /// `async_dist`: sends to busy connections do not suspend.
    AsyncDist = 1 << 4,
    /// Some of its ETS tables may still be there at its end.
    UsesTables = 1 << 5,
    /// `max_heap_size`: do not log the kill.
    HeapSizeNoLog = 1 << 6,
    /// `max_heap_size`: count binaries off the heap.
    HeapSizeWithBinaries = 1 << 7,
    /// It runs, or waits to run, on a dirty scheduler.
    Dirty = 1 << 8,
    /// `save_calls`: calls are noted.
    SavesCalls = 1 << 9,
    /// It has (or had) subscribed to nodes coming and going.
    MonitorsNodes = 1 << 10,
    /// There may be frames of the tracing on its stack.
    TraceFrames = 1 << 11,
    /// A traced BIF gave way, and is not to be told when it goes on.
    ResumesBif = 1 << 12,
    /// It waits for work that is done beside the schedulers: to others it runs.
    Works = 1 << 13,
    /// Collections that others ask for wait (a switch for tests).
    CollectsLater = 1 << 14,
}

/// The flags.
pub struct Flags(Cell<u16>);

impl Flags {
    /// All off.
    pub const fn new() -> Flags {
        Flags(Cell::new(0))
    }

    /// Whether a flag is on.
    #[inline]
    pub fn has(&self, flag: Flag) -> bool {
        self.0.get() & flag as u16 != 0
    }

    /// Switches a flag; returns how it was.
    pub fn set(&self, flag: Flag, on: bool) -> bool {
        let before = self.0.get();
        self.0.set(if on {
            before | flag as u16
        } else {
            before & !(flag as u16)
        });
        before & flag as u16 != 0
    }
}

impl Default for Flags {
    fn default() -> Flags {
        Flags::new()
    }
}

impl super::Process {
    /// Whether a flag is on.
    pub fn has_flag(&self, flag: Flag) -> bool {
        self.flags.has(flag)
    }

    /// Switches a flag; returns how it was.
    pub fn set_flag(&self, flag: Flag, on: bool) -> bool {
        self.flags.set(flag, on)
    }

    /// Whether exit signals become messages.
    pub fn traps_exits(&self) -> bool {
        self.flags.has(Flag::TrapExit)
    }
}
