//! The interrupt controllers: the local APIC (timer, messages between processors) and the I/O APICs.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::cpu::{cpuid, msr, rdmsr, wrmsr};
use super::percpu::{self, PerCpu};
use super::phys::Mmio;
use super::port::outb;
use super::sync::{Once, SpinLock};
use super::tsc;
use alloc::vec::Vec;

/// Vector of the local timer.
pub const TIMER: u8 = 0xf0;
/// Vector that only wakes a processor so that it looks at its queue.
pub const WAKE: u8 = 0xf1;
/// Vector of translation flushes.
pub const FLUSH: u8 = 0xf2;
/// Vector that stops a processor for ever.
pub const STOP: u8 = 0xf3;
/// Vector of spurious interrupts.
pub const SPURIOUS: u8 = 0xff;

static LOCAL: Once<Mmio> = Once::new();
static X2: AtomicBool = AtomicBool::new(false);
static DEADLINE: AtomicBool = AtomicBool::new(false);
static TIMER_HERTZ: AtomicU64 = AtomicU64::new(0);
static IO: SpinLock<Vec<IoApic>> = SpinLock::new(Vec::new());

const EOI: u32 = 0xb;
const SPURIOUS_VECTOR: u32 = 0xf;
const ICR: u32 = 0x30;
const LVT_TIMER: u32 = 0x32;
const INITIAL_COUNT: u32 = 0x38;
const CURRENT_COUNT: u32 = 0x39;
const DIVIDE: u32 = 0x3e;

fn write(register: u32, value: u32) {
    if X2.load(Ordering::Relaxed) {
        wrmsr(0x800 + register, u64::from(value));
    } else if let Some(local) = LOCAL.get() {
        local.write(u64::from(register) * 16, value);
    }
}

fn read(register: u32) -> u32 {
    if X2.load(Ordering::Relaxed) {
        rdmsr(0x800 + register) as u32
    } else {
        LOCAL
            .get()
            .map_or(0, |local| local.read(u64::from(register) * 16))
    }
}

/// Prepares the controller of the first processor and silences the old PIC.
pub fn init() {
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    X2.store(cpuid(1, 0).ecx & 1 << 21 != 0, Ordering::Relaxed);
    LOCAL.set(Mmio::new(rdmsr(msr::APIC_BASE) & 0xf_ffff_f000, 4096));
    DEADLINE.store(cpuid(1, 0).ecx & 1 << 24 != 0, Ordering::Relaxed);
    init_local();
    if !DEADLINE.load(Ordering::Relaxed) {
        TIMER_HERTZ.store(timer_hertz(), Ordering::Relaxed);
    }
}

/// Prepares this processor's controller.
pub fn init_local() {
    let base = rdmsr(msr::APIC_BASE) | 1 << 11;
    wrmsr(
        msr::APIC_BASE,
        if X2.load(Ordering::Relaxed) {
            base | 1 << 10
        } else {
            base
        },
    );
    write(SPURIOUS_VECTOR, 0x100 | u32::from(SPURIOUS));
    write(DIVIDE, 0xb);
    let mode = if DEADLINE.load(Ordering::Relaxed) {
        2 << 17
    } else {
        0
    };
    write(LVT_TIMER, u32::from(TIMER) | mode);
}

/// QEMU's and KVM's timers count nanoseconds; anything else is measured.
fn timer_hertz() -> u64 {
    let id = cpuid(0x4000_0000, 0);
    if cpuid(1, 0).ecx >> 31 != 0 && matches!(&id.ebx.to_le_bytes(), b"TCGT" | b"KVMK") {
        return 1_000_000_000;
    }
    write(INITIAL_COUNT, u32::MAX);
    let start = tsc::now();
    tsc::spin(1_000_000);
    let ticks = u64::from(u32::MAX - read(CURRENT_COUNT));
    write(INITIAL_COUNT, 0);
    ticks * 1_000_000_000 / (tsc::now() - start).max(1)
}

/// This processor's APIC number.
pub fn local_id() -> u32 {
    let id = read(2);
    if X2.load(Ordering::Relaxed) {
        id
    } else {
        id >> 24
    }
}

/// Acknowledges the interrupt in service.
pub fn end_of_interrupt() {
    write(EOI, 0);
}

/// Asks for a timer interrupt at a time (nanoseconds since start), or none.
pub fn set_timer(at: Option<u64>) {
    if DEADLINE.load(Ordering::Relaxed) {
        wrmsr(msr::TSC_DEADLINE, at.map_or(0, tsc::at));
        return;
    }
    let count = at.map_or(0, |at| {
        let ns = at.saturating_sub(tsc::now());
        let ticks =
            u128::from(ns) * u128::from(TIMER_HERTZ.load(Ordering::Relaxed)) / 1_000_000_000;
        ticks.clamp(1, u128::from(u32::MAX)) as u32
    });
    write(INITIAL_COUNT, count);
}

fn command(apic_id: u32, value: u32) {
    if X2.load(Ordering::Relaxed) {
        wrmsr(0x800 + ICR, u64::from(apic_id) << 32 | u64::from(value));
    } else {
        write(ICR + 1, apic_id << 24);
        write(ICR, value);
        while read(ICR) & 1 << 12 != 0 {
            core::hint::spin_loop();
        }
    }
}

/// Sends an interrupt to another processor.
pub fn send(cpu: &PerCpu, vector: u8) {
    command(cpu.apic_id, 1 << 14 | u32::from(vector));
}

/// Resets another processor.
pub fn send_init(apic_id: u32) {
    command(apic_id, 0x4500);
}

/// Starts another processor at a page below 1 MiB.
pub fn send_startup(apic_id: u32, page: u32) {
    command(apic_id, 0x4600 | page);
}

/// Stops all other processors.
pub fn stop_others() {
    let me = percpu::index();
    percpu::all()
        .filter(|c| c.index != me)
        .for_each(|c| send(c, STOP));
}

struct IoApic {
    registers: Mmio,
    first: u32,
    count: u32,
}

impl IoApic {
    fn write(&self, register: u32, value: u32) {
        self.registers.write(0, register);
        self.registers.write(16, value);
    }
}

/// Announces an I/O APIC whose inputs start at global interrupt `first`.
pub fn add_io_apic(phys: u64, first: u32) {
    let registers = Mmio::new(phys, 32);
    registers.write(0, 1u32);
    let count = (registers.read::<u32>(16) >> 16 & 0xff) + 1;
    IO.lock().push(IoApic {
        registers,
        first,
        count,
    });
}

/// Routes a global interrupt to a vector on the first processor.
pub fn route(interrupt: u32, vector: u8, level: bool, low: bool) -> bool {
    let target = percpu::get(0).map_or(0, |c| c.apic_id);
    let io = IO.lock();
    let Some(chip) = io
        .iter()
        .find(|c| (c.first..c.first + c.count).contains(&interrupt))
    else {
        return false;
    };
    let register = 0x10 + 2 * (interrupt - chip.first);
    chip.write(register + 1, target << 24);
    chip.write(
        register,
        u32::from(vector) | u32::from(level) << 15 | u32::from(low) << 13,
    );
    true
}

/// Address and data of a message-signalled interrupt to a processor.
pub fn message(apic_id: u32, vector: u8) -> (u64, u32) {
    (0xfee0_0000 | u64::from(apic_id) << 12, u32::from(vector))
}
