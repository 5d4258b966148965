//! Time since the machine started, from the time-stamp counter.
//!
//! The counter's frequency comes from CPUID where a processor or hypervisor tells it, else it is measured
//! against the ACPI timer or the PIT's channel 0 (port 0x61 is missing on some machines).

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

use super::cpu::{cpuid, rdtsc, wrmsr};
use super::port::{inb, inl, outb};

static BASE: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds a tick, times 2^32.
static MULTIPLIER: AtomicU64 = AtomicU64::new(1 << 32);
static HERTZ: AtomicU64 = AtomicU64::new(1_000_000_000);

/// Finds the frequency and starts the clock. `acpi_timer` is the port of the ACPI timer.
pub fn init(boot_tsc: u64, acpi_timer: Option<u16>) {
    let hertz = from_cpuid().unwrap_or_else(|| measure(acpi_timer));
    HERTZ.store(hertz, Ordering::Relaxed);
    BASE.store(boot_tsc, Ordering::Relaxed);
    MULTIPLIER.store(
        ((1_000_000_000u128 << 32) / u128::from(hertz)) as u64,
        Ordering::Relaxed,
    );
}

/// What KVM tells about its clock: the structure's fields version, tsc, time, multiplier, shift.
#[repr(C, align(64))]
struct KvmTime(UnsafeCell<[u32; 16]>);

// SAFETY: written by the hypervisor; read word by word.
unsafe impl Sync for KvmTime {}

static KVM_TIME: KvmTime = KvmTime(UnsafeCell::new([0; 16]));
static KVM_WALL: KvmTime = KvmTime(UnsafeCell::new([0; 16]));

fn is_kvm() -> bool {
    cpuid(1, 0).ecx >> 31 != 0
        && &cpuid(0x4000_0000, 0).ebx.to_le_bytes() == b"KVMK"
        && cpuid(0x4000_0001, 0).eax & 1 << 3 != 0
}

fn kvm_read(msr: u32, bits: u64, block: &KvmTime) -> [u32; 8] {
    let at = block.0.get();
    wrmsr(msr, (at as u64 - super::KERNEL_BASE) | bits);
    loop {
        // SAFETY: a static of ours that the hypervisor fills.
        let words = unsafe { at.cast::<[u32; 8]>().read_volatile() };
        // SAFETY: as above.
        let after = unsafe { at.cast::<u32>().read_volatile() };
        if words[0] & 1 == 0 && words[0] == after {
            return words;
        }
    }
}

/// The counter's frequency and the hypervisor's time at a count.
fn kvm_clock() -> Option<(u64, u64, u64)> {
    if !is_kvm() {
        return None;
    }
    let w = kvm_read(0x4b56_4d01, 1, &KVM_TIME);
    let (tsc, time) = (
        u64::from(w[3]) << 32 | u64::from(w[2]),
        u64::from(w[5]) << 32 | u64::from(w[4]),
    );
    let (multiplier, shift) = (u128::from(w[6]), w[7] as u8 as i8);
    if multiplier == 0 {
        return None;
    }
    let hertz = (1_000_000_000u128 << 32) / multiplier;
    let hertz = if shift >= 0 {
        hertz >> shift
    } else {
        hertz << -shift
    };
    Some((hertz as u64, tsc, time))
}

/// Time of day in nanoseconds, from the hypervisor.
pub fn hypervisor_time() -> Option<u64> {
    let (hertz, tsc, time) = kvm_clock()?;
    let w = kvm_read(0x4b56_4d00, 0, &KVM_WALL);
    let since =
        (u128::from(rdtsc().saturating_sub(tsc)) * 1_000_000_000 / u128::from(hertz)) as u64;
    (w[1] != 0).then(|| u64::from(w[1]) * 1_000_000_000 + u64::from(w[2]) + time + since)
}

fn from_cpuid() -> Option<u64> {
    if let Some((hertz, ..)) = kvm_clock() {
        return Some(hertz);
    }
    if cpuid(0x4000_0000, 0).eax >= 0x4000_0010 && cpuid(1, 0).ecx >> 31 != 0 {
        let khz = cpuid(0x4000_0010, 0).eax;
        if khz != 0 {
            return Some(u64::from(khz) * 1000);
        }
    }
    if cpuid(0, 0).eax >= 0x15 {
        let leaf = cpuid(0x15, 0);
        if leaf.eax != 0 && leaf.ebx != 0 && leaf.ecx != 0 {
            return Some(u64::from(leaf.ecx) * u64::from(leaf.ebx) / u64::from(leaf.eax));
        }
    }
    None
}

/// Two measurements that agree to one in 500, or the median of five.
fn measure(acpi_timer: Option<u16>) -> u64 {
    let mut seen = [0u64; 5];
    for i in 0..5 {
        seen[i] = match acpi_timer {
            Some(port) => measure_acpi(port),
            None => measure_pit(),
        };
        if i > 0 && seen[i].abs_diff(seen[i - 1]) < seen[i] / 500 {
            return u64::midpoint(seen[i], seen[i - 1]);
        }
    }
    seen.sort_unstable();
    seen[2]
}

/// How long one measurement lasts, in parts of a second.
const PART: u64 = 2500;

fn measure_acpi(port: u16) -> u64 {
    const RATE: u64 = 3_579_545;
    let from = inl(port) & 0xff_ffff;
    let start = rdtsc();
    loop {
        let ticks = inl(port).wrapping_sub(from) & 0xff_ffff;
        let now = rdtsc();
        if u64::from(ticks) >= RATE / PART {
            return ((u128::from(now - start) * u128::from(RATE)) / u128::from(ticks)) as u64;
        }
    }
}

fn measure_pit() -> u64 {
    const RATE: u64 = 1_193_182;
    let read = || {
        outb(0x43, 0);
        let low = inb(0x40);
        u16::from(inb(0x40)) << 8 | u16::from(low)
    };
    outb(0x43, 0x34);
    outb(0x40, 0xff);
    outb(0x40, 0xff);
    let from = read();
    let start = rdtsc();
    for _ in 0..1_000_000 {
        let ticks = from.wrapping_sub(read());
        let now = rdtsc();
        if u64::from(ticks) >= RATE / PART {
            return ((u128::from(now - start) * u128::from(RATE)) / u128::from(ticks)) as u64;
        }
    }
    1_000_000_000
}

/// Ticks a second.
pub fn hertz() -> u64 {
    HERTZ.load(Ordering::Relaxed)
}

/// Nanoseconds since the machine started.
#[inline]
pub fn now() -> u64 {
    let ticks = rdtsc().saturating_sub(BASE.load(Ordering::Relaxed));
    ((u128::from(ticks) * u128::from(MULTIPLIER.load(Ordering::Relaxed))) >> 32) as u64
}

/// The counter's value at a time.
pub fn at(ns: u64) -> u64 {
    let ticks = u128::from(ns) * u128::from(hertz()) / 1_000_000_000;
    BASE.load(Ordering::Relaxed).saturating_add(ticks as u64)
}

/// Spins for a short time.
pub fn spin(ns: u64) {
    let end = now() + ns;
    while now() < end {
        core::hint::spin_loop();
    }
}
