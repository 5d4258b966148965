//! PCI: finding devices, their register blocks and capabilities, and message-signalled interrupts.

use alloc::vec::Vec;

use super::acpi;
use crate::arch::phys::Mmio;
use crate::arch::port::{inl, outl};
use crate::arch::sync::SpinLock;
use crate::arch::{apic, percpu};

/// A device's address: bus, device, function.
#[derive(Clone, Copy, Debug)]
pub struct Device {
    bus: u8,
    slot: u8,
    function: u8,
}

/// The two ports of the configuration mechanism are used by one processor at a time.
static PORTS: SpinLock<()> = SpinLock::new(());

impl Device {
    /// Reads a configuration word.
    pub fn read(self, offset: u16) -> u32 {
        if let Some(base) = acpi::tables().pci_config {
            return self.block(base).read(u64::from(offset & !3));
        }
        let _guard = PORTS.lock();
        outl(0xcf8, self.selector(offset));
        inl(0xcfc)
    }

    /// Writes a configuration word.
    pub fn write(self, offset: u16, value: u32) {
        if let Some(base) = acpi::tables().pci_config {
            return self.block(base).write(u64::from(offset & !3), value);
        }
        let _guard = PORTS.lock();
        outl(0xcf8, self.selector(offset));
        outl(0xcfc, value);
    }

    fn block(self, base: u64) -> Mmio {
        let at =
            u64::from(self.bus) << 20 | u64::from(self.slot) << 15 | u64::from(self.function) << 12;
        Mmio::new(base + at, 4096)
    }

    fn selector(self, offset: u16) -> u32 {
        1 << 31
            | u32::from(self.bus) << 16
            | u32::from(self.slot) << 11
            | u32::from(self.function) << 8
            | u32::from(offset & 0xfc)
    }

    /// A configuration byte.
    pub fn byte(self, offset: u16) -> u8 {
        (self.read(offset) >> (8 * (offset & 3))) as u8
    }

    /// Vendor and device numbers.
    pub fn id(self) -> (u16, u16) {
        let word = self.read(0);
        (word as u16, (word >> 16) as u16)
    }

    /// Subsystem's device number.
    pub fn subsystem(self) -> u16 {
        (self.read(0x2c) >> 16) as u16
    }

    /// Lets the device answer to memory accesses and start its own.
    pub fn enable(self) {
        self.write(4, self.read(4) & 0xffff | 0x406);
    }

    /// Offsets of the capabilities with a number.
    pub fn capabilities(self, number: u8) -> Vec<u16> {
        let mut found = Vec::new();
        let mut at = u16::from(self.byte(0x34) & !3);
        while at != 0 && found.len() < 32 {
            if self.byte(at) == number {
                found.push(at);
            }
            at = u16::from(self.byte(at + 1) & !3);
        }
        found
    }

    /// The address of a memory base register; none if firmware gave it no place.
    pub fn bar(self, n: u8) -> Option<u64> {
        let offset = 0x10 + 4 * u16::from(n);
        let low = self.read(offset);
        if low & 1 != 0 {
            return None;
        }
        let high = if low >> 1 & 3 == 2 {
            self.read(offset + 4)
        } else {
            0
        };
        let at = u64::from(high) << 32 | u64::from(low & !15);
        (at != 0).then_some(at)
    }

    /// Directs entry 0 of the device's interrupt table to a vector on the first processor.
    pub fn enable_msix(self, vector: u8) -> bool {
        let Some(&at) = self.capabilities(0x11).first() else {
            return false;
        };
        let place = self.read(at + 4);
        let Some(bar) = self.bar((place & 7) as u8) else {
            return false;
        };
        let table = Mmio::new(bar + u64::from(place & !7), 16);
        let (address, data) = apic::message(percpu::get(0).map_or(0, |c| c.apic_id), vector);
        table.write(0, address as u32);
        table.write(4, (address >> 32) as u32);
        table.write(8, data);
        table.write(12, 0u32);
        self.write(at, self.read(at) & 0x3fff_ffff | 1 << 31);
        true
    }
}

/// All devices that answer.
pub fn devices() -> Vec<Device> {
    let mut found = Vec::new();
    let has_ports = Device {
        bus: 0,
        slot: 0,
        function: 0,
    }
    .read(0);
    if has_ports != u32::MAX && has_ports != 0 {
        scan(0, &mut found, 0);
    }
    found
}

fn scan(bus: u8, found: &mut Vec<Device>, depth: u32) {
    for slot in 0..32 {
        let first = Device {
            bus,
            slot,
            function: 0,
        };
        if first.read(0) as u16 == 0xffff {
            continue;
        }
        let functions = if first.byte(0x0e) & 0x80 != 0 { 8 } else { 1 };
        for function in 0..functions {
            let device = Device {
                bus,
                slot,
                function,
            };
            if device.read(0) as u16 == 0xffff {
                continue;
            }
            let is_bridge = device.byte(0x0e) & 0x7f == 1;
            if is_bridge && depth < 8 && device.byte(0x19) > bus {
                scan(device.byte(0x19), found, depth + 1);
            }
            found.push(device);
        }
    }
}
