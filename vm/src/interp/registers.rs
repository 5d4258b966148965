//! The registers of a scheduler: what the process that runs on it works with.

use super::bits::old::UnderConstruction;
use super::exceptions::Raised;
use crate::code::instr::{FLOAT_REGISTERS, Reg, Register, SCRATCH_REGISTERS, X_REGISTERS};
use crate::process::Process;
use crate::term::word::{NIL, Word};

/// X and float registers. One set a scheduler; a process that does not run keeps only those alive.
#[repr(C)]
pub struct Registers {
    /// X registers, then those that only the loader uses.
    pub(crate) x: [Word; X_REGISTERS + SCRATCH_REGISTERS],
    /// Float registers.
    pub(crate) f: [f64; FLOAT_REGISTERS],
    /// The binary that the older operations are filling.
    pub(crate) bits: UnderConstruction,
    /// The process that runs, as long as it does.
    pub(super) running: *mut Process,
    /// An exception that one of the interpreter's helpers found. It waits here so that the main loop holds no
    /// value with a destructor: LLVM would carry its parts around the loop in every instruction.
    raised: Option<Raised>,
}

// SAFETY: `running` is only followed by the call of `run` that set it.
unsafe impl Send for Registers {}

impl Registers {
    /// A set of registers.
    pub fn new() -> Box<Registers> {
        Box::new(Registers {
            x: [NIL; X_REGISTERS + SCRATCH_REGISTERS],
            f: [0.0; FLOAT_REGISTERS],
            bits: UnderConstruction::NONE,
            running: std::ptr::null_mut(),
            raised: None,
        })
    }

    /// Leaves an exception to be raised; what a helper returns then.
    pub(crate) fn raise<T>(&mut self, raised: Raised) -> Option<T> {
        self.raised = Some(raised);
        None
    }

    /// The exception that waits.
    pub(crate) fn take_raised(&mut self) -> Raised {
        self.raised
            .take()
            .expect("a helper that failed leaves its exception")
    }

    /// Whether the exception that waits is one of `erlang:apply` itself.
    pub(crate) fn raised_by_apply(&self) -> bool {
        self.raised.as_ref().is_some_and(Raised::by_apply)
    }

    /// Takes over what a process saved.
    pub(crate) fn restore(&mut self, process: &mut Process) {
        let saved = process.saved.get_mut();
        self.x[..saved.len()].copy_from_slice(saved);
        saved.clear();
    }

    /// Saves the first `live` X registers into the process.
    pub(crate) fn save(&self, process: &mut Process, live: usize) {
        let saved = process.saved.get_mut();
        saved.clear();
        saved.extend_from_slice(&self.x[..live]);
    }

    /// The value of a register, Y registers being those of the process's current frame.
    ///
    /// Called with registers out of checked code while the state is written back.
    pub(crate) fn read(&self, process: &Process, reg: Reg) -> Word {
        if reg.is_y() {
            // SAFETY: the loader's checks keep Y registers within the current frame.
            unsafe { *process.heap.stack_top.get().add(reg.index()) }
        } else {
            self.x[reg.index()]
        }
    }

    /// Sets a register of an instruction; as [`read`](Registers::read).
    #[inline(always)]
    pub(crate) fn write_at(&mut self, process: &Process, reg: Reg, value: Word) {
        // SAFETY: the loader checked that the register is one of the program's or a slot of the frame.
        unsafe { *reg.at(self.x.as_mut_ptr(), process.heap.stack_top.get()) = value }
    }

    /// Sets a register; as [`read`](Registers::read).
    pub(crate) fn write(&mut self, process: &Process, reg: Reg, value: Word) {
        if reg.is_y() {
            // SAFETY: the loader's checks keep Y registers within the current frame.
            unsafe { *process.heap.stack_top.get().add(reg.index()) = value }
        } else {
            self.x[reg.index()] = value;
        }
    }
}
