//! Processes.

use std::cell::Cell;

use crate::code::Instr;
use crate::heap::RawHeap;
use crate::term::Pid;
use crate::term::word::Word;

/// Reductions in a slice (OTP: `CONTEXT_REDS`).
pub const REDUCTIONS: i32 = 4000;

/// A process as its owner, the scheduler that runs it, sees it.
#[repr(C)]
pub struct Process {
    /// Its terms.
    pub(crate) heap: RawHeap,
    /// Reductions left in this slice; below zero when it must give way.
    pub(crate) reductions: Cell<i32>,
    /// How many catch handlers stand on its stack.
    pub(crate) catches: Cell<u32>,
    /// Where it goes on.
    pub(crate) ip: Cell<*const Instr>,
    /// Its pid.
    pub(crate) pid: Pid,
    /// The X registers that are alive while it does not run.
    pub(crate) saved: Cell<Vec<Word>>,
}

impl Process {
    /// Its pid.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Takes reductions; true when the slice is used up.
    #[inline]
    pub fn charge(&self, reductions: usize) -> bool {
        let left = self
            .reductions
            .get()
            .saturating_sub(i32::try_from(reductions).unwrap_or(i32::MAX));
        self.reductions.set(left);
        left <= 0
    }

    /// A process without code or stack, for tests that call BIFs.
    pub fn detached(pid: Pid) -> Process {
        Process {
            heap: RawHeap::detached(),
            reductions: Cell::new(REDUCTIONS),
            catches: Cell::new(0),
            ip: Cell::new(std::ptr::null()),
            pid,
            saved: Cell::new(Vec::new()),
        }
    }
}
