//! What each processor has of its own: its descriptor tables, stacks and current thread.
//!
//! GS points at a [`PerCpu`]; the assembly in `entry` reads the first three fields by offset.

use alloc::boxed::Box;
use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::cpu::{msr, wrmsr};
use crate::task::thread::Thread;

/// Most processors that are started.
pub const MAX_CPUS: usize = 64;

/// One processor's block.
#[repr(C, align(64))]
pub struct PerCpu {
    this: *const PerCpu,
    /// Top of the current thread's kernel stack.
    pub kernel_stack: AtomicU64,
    user_rsp: AtomicU64,
    /// The thread that runs here; null only while the processor starts.
    pub current: AtomicPtr<Thread>,
    /// Index, from 0.
    pub index: u32,
    /// Number of its local APIC.
    pub apic_id: u32,
    /// Set while the idle loop runs: such a processor touches no user memory.
    pub idle: AtomicBool,
    /// Asks for a call of the scheduler before the program runs on.
    pub reschedule: AtomicBool,
    /// A flush of all translations: 0 none, 1 asked for, 2 under way.
    pub flush: AtomicU32,
    /// The deadline the local timer is set to, in nanoseconds; `u64::MAX` for none.
    pub timer_armed: AtomicU64,
    /// Nanoseconds spent in the idle loop.
    pub idle_ns: AtomicU64,
    /// Start of the present idle period.
    pub idle_since: AtomicU64,
    /// Thread switches.
    pub switches: AtomicU64,
    interrupt_stack: u64,
    tables: UnsafeCell<Tables>,
}

// SAFETY: the fields other processors read are atomic; `tables` is written by its own processor only.
unsafe impl Sync for PerCpu {}
// SAFETY: as above; the self pointer is to a leaked box.
unsafe impl Send for PerCpu {}

const _: () = assert!(offset_of!(PerCpu, kernel_stack) == 8 && offset_of!(PerCpu, user_rsp) == 16);

const IST_BYTES: usize = 16384;

#[repr(C, align(16))]
struct Tables {
    gdt: [u64; 6],
    tss: [u32; 26],
}

static CPUS: [AtomicPtr<PerCpu>; MAX_CPUS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_CPUS];
static ONLINE: AtomicUsize = AtomicUsize::new(0);

impl PerCpu {
    /// Sets the stack for interrupts and system calls: the current thread's.
    pub fn set_kernel_stack(&self, top: u64) {
        self.kernel_stack.store(top, Ordering::Relaxed);
        self.set_ist(1, top);
    }

    /// Interrupts of the idle loop must not overwrite its own stack.
    pub fn use_idle_stack(&self) {
        self.set_ist(1, self.interrupt_stack);
    }

    fn set_ist(&self, n: usize, top: u64) {
        // SAFETY: only the owning processor writes its tables, with interrupts off.
        let tables = unsafe { &mut *self.tables.get() };
        tables.tss[7 + n * 2] = top as u32;
        tables.tss[8 + n * 2] = (top >> 32) as u32;
    }
}

/// Makes this processor's block and loads its descriptor tables.
pub fn init(index: u32, apic_id: u32) -> &'static PerCpu {
    let stack = || {
        Box::leak(Box::new([0u128; IST_BYTES / 16]))
            .as_ptr_range()
            .end as u64
    };
    let cpu: &'static mut PerCpu = Box::leak(Box::new(PerCpu {
        this: core::ptr::null(),
        kernel_stack: AtomicU64::new(0),
        user_rsp: AtomicU64::new(0),
        current: AtomicPtr::new(core::ptr::null_mut()),
        index,
        apic_id,
        idle: AtomicBool::new(false),
        reschedule: AtomicBool::new(false),
        flush: AtomicU32::new(0),
        timer_armed: AtomicU64::new(u64::MAX),
        idle_ns: AtomicU64::new(0),
        idle_since: AtomicU64::new(0),
        switches: AtomicU64::new(0),
        interrupt_stack: stack(),
        tables: UnsafeCell::new(Tables {
            gdt: [0; 6],
            tss: [0; 26],
        }),
    }));
    cpu.this = cpu;
    let cpu: &'static PerCpu = cpu;
    cpu.set_ist(1, cpu.interrupt_stack);
    cpu.set_ist(2, stack());
    cpu.set_ist(3, stack());
    // SAFETY:
    // 1. The tables live for ever and are this processor's.
    // 2. Selectors 08 and 10 have the meaning they had in the boot table, so no segment needs a reload
    //    but the code segment's cache, which stays valid.
    // 3. GS belongs to the kernel.
    unsafe {
        let tables = &mut *cpu.tables.get();
        let tss = (&raw const tables.tss) as u64;
        let limit = size_of_val(&tables.tss) as u64 - 1;
        tables.tss[25] = 104 << 16;
        tables.gdt = [
            0,
            0x00af_9b00_0000_ffff,
            0x00cf_9300_0000_ffff,
            0,
            limit | (tss & 0xff_ffff) << 16 | 0x89 << 40 | (tss >> 24 & 0xff) << 56,
            tss >> 32,
        ];
        let gdtr: [u16; 5] = pointer(size_of_val(&tables.gdt) - 1, (&raw const tables.gdt) as u64);
        asm!("lgdt [{}]", "ltr {:x}", in(reg) gdtr.as_ptr(), in(reg) 0x20u64, options(nostack));
    }
    wrmsr(msr::GS_BASE, cpu.this as u64);
    CPUS[index as usize].store(cpu.this.cast_mut(), Ordering::Release);
    ONLINE.fetch_max(index as usize + 1, Ordering::AcqRel);
    cpu
}

/// The operand of LGDT and LIDT.
pub fn pointer(limit: usize, base: u64) -> [u16; 5] {
    [
        limit as u16,
        base as u16,
        (base >> 16) as u16,
        (base >> 32) as u16,
        (base >> 48) as u16,
    ]
}

/// This processor.
#[inline]
pub fn this() -> &'static PerCpu {
    let cpu: *const PerCpu;
    // SAFETY: GS has pointed at a leaked `PerCpu` since `init`, which runs before anything else can call this.
    unsafe {
        asm!("mov {}, gs:[0]", out(reg) cpu, options(nostack, preserves_flags, readonly));
        &*cpu
    }
}

/// How many processors run.
pub fn count() -> usize {
    ONLINE.load(Ordering::Acquire)
}

/// A processor by index.
pub fn get(index: usize) -> Option<&'static PerCpu> {
    // SAFETY: the pointer is null or to a leaked block.
    unsafe { CPUS.get(index)?.load(Ordering::Acquire).as_ref() }
}

/// All processors that run.
pub fn all() -> impl Iterator<Item = &'static PerCpu> {
    (0..count()).filter_map(get)
}

/// A mask with a bit for each processor that runs.
pub fn online_mask() -> u64 {
    let n = count() as u32;
    if n >= 64 { u64::MAX } else { (1 << n) - 1 }
}

/// Number of an index's bit, for `getcpu`.
pub fn index() -> u32 {
    this().index
}
