//! Exceptions and interrupts: the descriptor table, and what each vector does.

use core::arch::asm;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::cpu::{self, msr, wrmsr};
use super::entry::{SYSCALL, TrapFrame, syscall_entry, trap_stubs};
use super::{apic, percpu, user};
use crate::mm::{space, tlb};
use crate::task::{sched, signal};

/// First vector of devices.
const FIRST_DEVICE: usize = 0x30;
const DEVICE_VECTORS: usize = 0xc0;

/// Handlers of device vectors; each is a `fn(usize)` and its argument.
static HANDLERS: [(AtomicUsize, AtomicUsize); DEVICE_VECTORS] =
    [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; DEVICE_VECTORS];
static NEXT: AtomicUsize = AtomicUsize::new(0);

static mut IDT: [[u64; 2]; 256] = [[0; 2]; 256];

/// Fills the table. Once, before any processor loads it.
pub fn init() {
    for vector in 0..256u64 {
        let at = (&raw const trap_stubs) as u64 + vector * 16;
        let ist: u64 = match vector {
            2 | 8 | 18 => 3,
            0..32 => 2,
            _ => 1,
        };
        let low = (at & 0xffff) | 0x08 << 16 | ist << 32 | 0x8e << 40 | (at >> 16 & 0xffff) << 48;
        // SAFETY: only the starting processor runs; it has not loaded the table yet.
        unsafe { (&raw mut IDT[vector as usize]).write([low, at >> 32]) };
    }
}

/// Loads the table and the system-call registers on this processor.
pub fn load() {
    let idtr = percpu::pointer(256 * 16 - 1, (&raw const IDT) as u64);
    // SAFETY: the table is complete and lives for ever.
    unsafe { asm!("lidt [{}]", in(reg) idtr.as_ptr(), options(nostack)) };
    wrmsr(msr::STAR, 0x08 << 32);
    wrmsr(msr::LSTAR, syscall_entry as *const () as u64);
    wrmsr(msr::FMASK, 0x4_7700);
}

/// Takes a device vector and binds a handler to it.
pub fn bind(handler: fn(usize), argument: usize) -> Option<u8> {
    let slot = NEXT.fetch_add(1, Ordering::Relaxed);
    let (h, a) = HANDLERS.get(slot)?;
    a.store(argument, Ordering::Relaxed);
    h.store(handler as usize, Ordering::Release);
    Some((FIRST_DEVICE + slot) as u8)
}

#[unsafe(no_mangle)]
extern "C" fn handle_syscall(frame: &mut TrapFrame) -> bool {
    crate::sys::table::call(frame);
    signal::leave(frame)
}

#[unsafe(no_mangle)]
extern "C" fn handle_trap(frame: &mut TrapFrame) {
    match frame.vector {
        14 => page_fault(frame),
        0..32 => exception(frame),
        vector => interrupt(frame, vector as u8),
    }
}

fn page_fault(frame: &mut TrapFrame) {
    let at = cpu::cr2();
    let program = frame.of_program();
    let fault = if at < super::USER_END {
        space::fault(at, frame.error)
    } else {
        Err(space::Fault::Unmapped)
    };
    match fault {
        Ok(()) => {}
        Err(reason) if program => signal::fault(frame, at, reason),
        Err(_) if user::fix(frame) => {}
        Err(reason) => panic!(
            "page fault in the kernel: address {at:#x}, error {:#x}, {reason:?}, rip {:#x}, rsp {:#x}",
            frame.error, frame.rip, frame.rsp
        ),
    }
    if program {
        signal::leave(frame);
    }
}

fn exception(frame: &mut TrapFrame) {
    if !frame.of_program() {
        panic!(
            "exception {} in the kernel: error {:#x}, rip {:#x}, rsp {:#x}",
            frame.vector, frame.error, frame.rip, frame.rsp
        );
    }
    signal::exception(frame);
    signal::leave(frame);
}

fn interrupt(frame: &mut TrapFrame, vector: u8) {
    debug_assert!(frame.vector != SYSCALL);
    match vector {
        apic::TIMER => sched::timer_interrupt(),
        apic::WAKE => {}
        apic::FLUSH => tlb::answer(),
        apic::STOP => cpu::stop(),
        apic::SPURIOUS => return,
        _ => {
            if let Some((h, a)) = HANDLERS.get((vector as usize).wrapping_sub(FIRST_DEVICE)) {
                let handler = h.load(Ordering::Acquire);
                if handler != 0 {
                    // SAFETY: `bind` stored a `fn(usize)`.
                    let handler: fn(usize) = unsafe { core::mem::transmute(handler) };
                    handler(a.load(Ordering::Relaxed));
                }
            }
        }
    }
    apic::end_of_interrupt();
    if frame.of_program() {
        signal::leave(frame);
    }
}
