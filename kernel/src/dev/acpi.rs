//! ACPI tables: processors, interrupt controllers, power, and the virtio devices that the DSDT names.
//!
//! There is no interpreter: the two facts needed from byte code (the sleep type of S5, the resources of
//! `LNRO0005` devices) are found by their encodings.

use alloc::vec::Vec;

use crate::arch::phys::{self, Mmio};
use crate::arch::port::{inw, outb, outw};
use crate::arch::sync::Once;

/// What the tables say.
#[derive(Default)]
pub struct Tables {
    /// APIC numbers of the enabled processors, the first to boot first.
    pub processors: Vec<u32>,
    /// I/O APICs: address, first interrupt.
    pub io_apics: Vec<(u64, u32)>,
    /// Interrupts of the ISA bus that are wired differently: (line, interrupt, flags).
    pub overrides: Vec<(u8, u32, u16)>,
    /// Virtio devices in memory: (address, length, interrupt).
    pub virtio: Vec<(u64, u64, u32)>,
    /// Port of the timer.
    pub timer: Option<u16>,
    /// Base of the memory-mapped PCI configuration space.
    pub pci_config: Option<u64>,
    power: Power,
    reset: Option<(Address, u8)>,
}

#[derive(Default)]
enum Power {
    #[default]
    None,
    /// PM1a and PM1b control ports and sleep types.
    Pm1(u16, u16, u8, u8),
    /// A sleep control register.
    Register(Address),
}

/// A register's place.
#[derive(Clone, Copy)]
enum Address {
    Memory(u64),
    Port(u16),
}

impl Address {
    fn write(self, value: u8) {
        match self {
            Address::Memory(at) => Mmio::new(at, 8).write(0, value),
            Address::Port(port) => outb(port, value),
        }
    }
}

static TABLES: Once<Tables> = Once::new();

/// The tables, once read.
pub fn tables() -> &'static Tables {
    static EMPTY: Once<Tables> = Once::new();
    TABLES.get().unwrap_or_else(|| {
        EMPTY.set(Tables::default());
        EMPTY.get().expect("just set")
    })
}

fn u16_at(b: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*b.get(at..)?.first_chunk()?))
}

fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*b.get(at..)?.first_chunk()?))
}

fn u64_at(b: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*b.get(at..)?.first_chunk()?))
}

/// The root pointer in the places where firmware puts it.
fn scan_rsdp() -> Option<u64> {
    let area = phys::bytes(0xe_0000, 0x2_0000);
    (0..area.len())
        .step_by(16)
        .find(|&n| area[n..].starts_with(b"RSD PTR "))
        .map(|n| 0xe_0000 + n as u64)
}

fn table(at: u64) -> Option<&'static [u8]> {
    if at == 0 {
        return None;
    }
    let len = u32_at(phys::bytes(at, 36), 4)?;
    (36..1 << 20)
        .contains(&len)
        .then(|| phys::bytes(at, len as usize))
}

/// Reads the tables. `rsdp` is what the loader told, or 0.
pub fn init(rsdp: u64) {
    let mut t = Tables::default();
    let rsdp = if rsdp != 0 { Some(rsdp) } else { scan_rsdp() };
    if let Some(at) = rsdp {
        read_root(at, &mut t);
    }
    TABLES.set(t);
}

fn read_root(at: u64, t: &mut Tables) -> Option<()> {
    let root = phys::bytes(at, 36);
    let wide = root[15] >= 2 && u64_at(root, 24)? != 0;
    let list = table(if wide {
        u64_at(root, 24)?
    } else {
        u64::from(u32_at(root, 16)?)
    })?;
    let size = if wide { 8 } else { 4 };
    for entry in list[36..].chunks_exact(size) {
        let at = if wide {
            u64_at(entry, 0)?
        } else {
            u64::from(u32_at(entry, 0)?)
        };
        let Some(table) = table(at) else { continue };
        match &table[..4] {
            b"APIC" => madt(table, t),
            b"FACP" => fadt(table, t),
            b"MCFG" => {
                t.pci_config = u64_at(table, 44);
                None
            }
            _ => None,
        };
    }
    Some(())
}

fn madt(table: &[u8], t: &mut Tables) -> Option<()> {
    let mut at = 44;
    while at + 2 <= table.len() {
        let (kind, len) = (table[at], usize::from(table[at + 1]));
        let entry = table.get(at..at + len.max(2))?;
        match kind {
            0 if u32_at(entry, 4)? & 1 != 0 => t.processors.push(u32::from(entry[3])),
            1 => t
                .io_apics
                .push((u64::from(u32_at(entry, 4)?), u32_at(entry, 8)?)),
            2 => t
                .overrides
                .push((entry[3], u32_at(entry, 4)?, u16_at(entry, 8)?)),
            9 if u32_at(entry, 8)? & 1 != 0 => t.processors.push(u32_at(entry, 4)?),
            _ => {}
        }
        at += len.max(2);
    }
    Some(())
}

/// A generic address structure.
fn address(b: &[u8], at: usize) -> Option<Address> {
    let target = u64_at(b, at + 4)?;
    match *b.get(at)? {
        _ if target == 0 => None,
        0 => Some(Address::Memory(target)),
        1 => Some(Address::Port(target as u16)),
        _ => None,
    }
}

fn fadt(table: &[u8], t: &mut Tables) -> Option<()> {
    let flags = u32_at(table, 112)?;
    let dsdt = match u64_at(table, 140) {
        Some(at) if at != 0 => at,
        _ => u64::from(u32_at(table, 40)?),
    };
    let code = crate::dev::acpi::table(dsdt).unwrap_or(&[]);
    if let Some(register) = address(table, 116)
        && flags & 1 << 10 != 0
    {
        t.reset = Some((register, *table.get(128)?));
    }
    if flags & 1 << 20 != 0 {
        if let Some(register) = address(table, 244) {
            t.power = Power::Register(register);
        }
    } else {
        let timer = u32_at(table, 76)? as u16;
        t.timer = (timer != 0).then_some(timer);
        if let Some((a, b)) = sleep_types(code) {
            t.power = Power::Pm1(u32_at(table, 64)? as u16, u32_at(table, 68)? as u16, a, b);
        }
    }
    virtio_devices(code, t);
    Some(())
}

/// The package of `_S5_`: two small integers.
fn sleep_types(code: &[u8]) -> Option<(u8, u8)> {
    let at = code.windows(5).position(|w| w == b"_S5_\x12")?;
    let body = &code[at + 5..];
    let skip = 1 + usize::from(body.first()? >> 6) + 1;
    let mut rest = body.get(skip..)?;
    let mut next = || -> Option<u8> {
        let (&first, after) = rest.split_first()?;
        let (value, after) = match first {
            0x0a => (*after.first()?, after.get(1..)?),
            0 | 1 => (first, after),
            _ => return None,
        };
        rest = after;
        Some(value)
    };
    Some((next()?, next()?))
}

/// Devices with the identity of virtio-mmio: their fixed memory range and interrupt follow the name.
fn virtio_devices(code: &[u8], t: &mut Tables) {
    let name = b"LNRO0005";
    let starts: Vec<usize> = code
        .windows(name.len())
        .enumerate()
        .filter(|(_, w)| w == name)
        .map(|(n, _)| n)
        .collect();
    for (i, &start) in starts.iter().enumerate() {
        let end = starts.get(i + 1).copied().unwrap_or(code.len());
        let part = &code[start..end];
        let memory = part.windows(12).find(|w| w[..3] == [0x86, 9, 0]);
        let interrupt = part.windows(9).find(|w| w[..3] == [0x89, 6, 0]);
        if let (Some(m), Some(q)) = (memory, interrupt)
            && let (Some(base), Some(len), Some(irq)) = (u32_at(m, 4), u32_at(m, 8), u32_at(q, 5))
        {
            t.virtio.push((u64::from(base), u64::from(len), irq));
        }
    }
}

/// The interrupt, and whether it is level-triggered and active low, that an ISA line arrives on.
pub fn isa_interrupt(line: u8) -> (u32, bool, bool) {
    match tables().overrides.iter().find(|o| o.0 == line) {
        Some(&(_, interrupt, flags)) => (interrupt, flags >> 2 & 3 == 3, flags & 3 == 3),
        None => (u32::from(line), false, false),
    }
}

/// Asks the firmware to switch the machine off.
pub fn power_off() {
    match tables().power {
        Power::None => {}
        Power::Pm1(a, b, type_a, type_b) => {
            for (port, kind) in [(a, type_a), (b, type_b)] {
                if port != 0 {
                    outw(port, inw(port) & !0x3c00 | u16::from(kind) << 10 | 1 << 13);
                }
            }
        }
        Power::Register(register) => register.write(5 << 2 | 1 << 5),
    }
}

/// Asks the firmware to reset the machine.
pub fn reset() {
    if let Some((register, value)) = tables().reset {
        register.write(value);
    }
}
