//! Thread contexts: how a thread starts, and the switch from one to another.

use super::cpu::{msr, wrmsr};
use super::entry::{self, TrapFrame};
use super::{fpu, percpu};
use crate::mm::stacks::KernelStack;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

/// The machine's part of a thread.
pub struct Context {
    rsp: UnsafeCell<u64>,
    stack: KernelStack,
    /// The vector state while the thread does not run; none for kernel threads.
    fpu: Option<UnsafeCell<fpu::State>>,
    /// The thread pointer.
    pub fs_base: AtomicU64,
}

// SAFETY: `rsp` and `fpu` are touched only by the processor that switches to or from the thread, and the
// scheduler lets one processor at a time own a thread.
unsafe impl Sync for Context {}
// SAFETY: as above.
unsafe impl Send for Context {}

impl Context {
    /// A thread of the program that starts with the registers of `frame`.
    pub fn program(stack: KernelStack, frame: &TrapFrame, fs_base: u64, copy_fpu: bool) -> Context {
        let at = stack.top() - size_of::<TrapFrame>() as u64;
        // SAFETY: the stack is new and ours; its top is aligned to 16.
        unsafe { (at as *mut TrapFrame).write(*frame) };
        let mut state = fpu::State::new();
        if copy_fpu {
            state.save();
        }
        let context = Context {
            rsp: UnsafeCell::new(0),
            stack,
            fpu: Some(UnsafeCell::new(state)),
            fs_base: AtomicU64::new(fs_base),
        };
        context.prime(at, entry::thread_start as *const () as u64, 0);
        context
    }

    /// A kernel thread that runs `main`.
    pub fn kernel(stack: KernelStack, main: extern "C" fn() -> !) -> Context {
        let at = stack.top() - 64;
        let context = Context {
            rsp: UnsafeCell::new(0),
            stack,
            fpu: None,
            fs_base: AtomicU64::new(0),
        };
        context.prime(
            at,
            entry::kernel_thread_start as *const () as u64,
            main as usize as u64,
        );
        context
    }

    /// Lays out what `switch_stacks` pops: r15, r14, r13, r12, rbx, rbp, and where to go.
    fn prime(&self, at: u64, start: u64, r12: u64) {
        let words = [0, 0, 0, r12, 0, 0, start];
        let rsp = at - size_of_val(&words) as u64;
        // SAFETY: below the frame, within the new stack, which nobody runs on yet.
        unsafe {
            (rsp as *mut [u64; 7]).write(words);
            *self.rsp.get() = rsp;
        }
    }

    /// Top of the kernel stack.
    pub fn stack_top(&self) -> u64 {
        self.stack.top()
    }
}

/// Leaves `from` and continues `to` on this processor. Interrupts are off.
pub fn switch(from: &Context, to: &Context) {
    if let Some(state) = &from.fpu {
        // SAFETY: `from` runs here, so its state is ours.
        unsafe { (*state.get()).save() };
    }
    if let Some(state) = &to.fpu {
        // SAFETY: the scheduler made this processor the owner of `to`.
        unsafe { (*state.get()).restore() };
        wrmsr(msr::FS_BASE, to.fs_base.load(Ordering::Relaxed));
    }
    percpu::this().set_kernel_stack(to.stack_top());
    // SAFETY: both contexts are owned by this processor; `to.rsp` was stored by a switch or by `prime`.
    unsafe { entry::switch_stacks(from.rsp.get(), *to.rsp.get()) };
}

/// Sets the running thread's thread pointer.
pub fn set_fs_base(context: &Context, value: u64) {
    context.fs_base.store(value, Ordering::Relaxed);
    wrmsr(msr::FS_BASE, value);
}

/// Leaves the start-up stack for a context, for ever.
pub fn enter(to: &Context) -> ! {
    let mut scrap = 0;
    percpu::this().set_kernel_stack(to.stack_top());
    // SAFETY: the start-up stack is abandoned; `to` was primed.
    unsafe { entry::switch_stacks(&mut scrap, *to.rsp.get()) };
    unreachable!("the start-up stack is never continued")
}
