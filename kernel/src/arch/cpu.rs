//! Single instructions and registers of the processor.

use core::arch::asm;
use core::arch::x86_64::{__cpuid_count, CpuidResult};

/// Model-specific registers by name.
pub mod msr {
    /// Base and enable bit of the local APIC.
    pub const APIC_BASE: u32 = 0x1b;
    /// Segment selectors of SYSCALL.
    pub const STAR: u32 = 0xc000_0081;
    /// Entry of SYSCALL.
    pub const LSTAR: u32 = 0xc000_0082;
    /// Flags that SYSCALL clears.
    pub const FMASK: u32 = 0xc000_0084;
    /// Base of FS: the program's thread pointer.
    pub const FS_BASE: u32 = 0xc000_0100;
    /// Base of GS: the kernel's per-processor block.
    pub const GS_BASE: u32 = 0xc000_0101;
    /// Time-stamp deadline of the local timer.
    pub const TSC_DEADLINE: u32 = 0x6e0;
}

/// Runs CPUID.
pub fn cpuid(leaf: u32, sub: u32) -> CpuidResult {
    __cpuid_count(leaf, sub)
}

/// Reads a model-specific register.
pub fn rdmsr(number: u32) -> u64 {
    let (high, low): (u32, u32);
    // SAFETY: callers read registers that every x86-64 has or that CPUID announced.
    unsafe {
        asm!("rdmsr", in("ecx") number, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
    };
    u64::from(high) << 32 | u64::from(low)
}

/// Writes a model-specific register.
pub fn wrmsr(number: u32, value: u64) {
    // SAFETY: callers in this island write only registers listed in `msr`, with values they computed.
    unsafe {
        asm!("wrmsr", in("ecx") number, in("eax") value as u32, in("edx") (value >> 32) as u32, options(nostack, preserves_flags))
    };
}

/// The time-stamp counter.
#[inline]
pub fn rdtsc() -> u64 {
    let (high, low): (u32, u32);
    // SAFETY: reads a counter.
    unsafe {
        asm!("lfence", "rdtsc", out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
    };
    u64::from(high) << 32 | u64::from(low)
}

/// The faulting address of the last page fault.
pub fn cr2() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr2", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Turns interrupts off and waits for ever: the end of a processor.
pub fn stop() -> ! {
    loop {
        // SAFETY: nothing runs on this processor any more.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) };
    }
}

/// Waits for one interrupt with interrupts on, and returns with them off.
pub fn wait_for_interrupt() {
    // SAFETY: only the idle loop calls this; handlers run on the idle thread's interrupt stack.
    unsafe { asm!("sti", "hlt", "cli", options(nostack)) };
}

/// A random word of the processor, where it has a generator.
pub fn rdrand() -> Option<u64> {
    if cpuid(1, 0).ecx & 1 << 30 == 0 {
        return None;
    }
    for _ in 0..10 {
        let (value, ok): (u64, u8);
        // SAFETY: CPUID announced the instruction.
        unsafe {
            asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) ok, options(nomem, nostack))
        };
        if ok != 0 {
            return Some(value);
        }
    }
    None
}
