//! Virtio devices: their transports (PCI with MSI-X, memory-mapped old and new), and the set-up that all
//! kinds share.

pub mod console;
pub mod net;
pub mod queue;
pub mod rng;

use alloc::vec::Vec;

use super::{acpi, pci};
use crate::arch::phys::Mmio;
use crate::arch::{apic, trap};
use crate::boot::CommandLine;
use crate::println;
use queue::{Notify, Queue};

/// How a device is reached.
#[derive(Clone, Copy)]
pub enum Transport {
    /// Over PCI: common configuration, notification area and its factor, device configuration.
    Pci {
        /// The function.
        device: pci::Device,
        /// Common configuration.
        common: Mmio,
        /// Notification area.
        notify: Mmio,
        /// Bytes between two queues' notification registers, per unit of their offset.
        factor: u32,
        /// Device configuration.
        config: Option<Mmio>,
    },
    /// Memory-mapped registers, their interrupt, and whether they are of the old kind.
    Mapped {
        /// Registers.
        registers: Mmio,
        /// Global interrupt.
        interrupt: u32,
        /// Version 1 of the layout.
        old: bool,
    },
}

const ACKNOWLEDGE: u8 = 1;
const DRIVER: u8 = 2;
const DRIVER_OK: u8 = 4;
const FEATURES_OK: u8 = 8;
/// The device follows version 1 of the specification.
pub const VERSION_1: u64 = 1 << 32;

impl Transport {
    fn set_status(&self, value: u8) {
        match self {
            Transport::Pci { common, .. } => common.write(20, value),
            Transport::Mapped { registers, .. } => registers.write(0x70, u32::from(value)),
        }
    }

    fn status(&self) -> u8 {
        match self {
            Transport::Pci { common, .. } => common.read(20),
            Transport::Mapped { registers, .. } => registers.read::<u32>(0x70) as u8,
        }
    }

    fn offered(&self) -> u64 {
        let half = |n: u32| match self {
            Transport::Pci { common, .. } => {
                common.write(0, n);
                common.read::<u32>(4)
            }
            Transport::Mapped { registers, .. } => {
                registers.write(0x14, n);
                registers.read::<u32>(0x10)
            }
        };
        u64::from(half(1)) << 32 | u64::from(half(0))
    }

    fn accept(&self, features: u64) {
        for n in 0..2u32 {
            let half = (features >> (32 * n)) as u32;
            match self {
                Transport::Pci { common, .. } => {
                    common.write(8, n);
                    common.write(12, half);
                }
                Transport::Mapped { registers, .. } => {
                    registers.write(0x24, n);
                    registers.write(0x20, half);
                }
            }
        }
    }

    /// Resets the device and agrees on features; those agreed on.
    pub fn negotiate(&self, wanted: u64) -> Option<u64> {
        self.set_status(0);
        self.set_status(ACKNOWLEDGE | DRIVER);
        let old = matches!(self, Transport::Mapped { old: true, .. });
        let features = self.offered() & (wanted | VERSION_1);
        self.accept(features);
        if old {
            if let Transport::Mapped { registers, .. } = self {
                registers.write(0x28, 4096u32);
            }
            return Some(features & !VERSION_1);
        }
        self.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK);
        (self.status() & FEATURES_OK != 0 && features & VERSION_1 != 0).then_some(features)
    }

    /// Sets a queue up.
    pub fn queue(&self, index: u16) -> Option<Queue> {
        match *self {
            Transport::Pci {
                common,
                notify,
                factor,
                ..
            } => {
                common.write(22, index);
                let size = common.read::<u16>(24).min(queue::SIZE_MAX);
                let queue = Queue::new(
                    size,
                    Notify::Narrow(
                        notify.at(u64::from(common.read::<u16>(30)) * u64::from(factor)),
                    ),
                    index,
                )?;
                common.write(24, size);
                common.write(26, 0u16);
                for (offset, address) in [
                    (32, queue.descriptors()),
                    (40, queue.available()),
                    (48, queue.used()),
                ] {
                    common.write(offset, address as u32);
                    common.write(offset + 4, (address >> 32) as u32);
                }
                common.write(28, 1u16);
                Some(queue)
            }
            Transport::Mapped { registers, old, .. } => {
                registers.write(0x30, u32::from(index));
                let size = registers.read::<u32>(0x34).min(u32::from(queue::SIZE_MAX)) as u16;
                let queue = Queue::new(size, Notify::Wide(registers.at(0x50)), index)?;
                registers.write(0x38, u32::from(size));
                if old {
                    registers.write(0x3c, 4096u32);
                    registers.write(0x40, (queue.descriptors() / 4096) as u32);
                } else {
                    for (offset, address) in [
                        (0x80, queue.descriptors()),
                        (0x90, queue.available()),
                        (0xa0, queue.used()),
                    ] {
                        registers.write(offset, address as u32);
                        registers.write(offset + 4, (address >> 32) as u32);
                    }
                    registers.write(0x44, 1u32);
                }
                Some(queue)
            }
        }
    }

    /// Binds the device's interrupt to a handler.
    pub fn bind(&self, handler: fn(usize), argument: usize) -> bool {
        let Some(vector) = trap::bind(handler, argument) else {
            return false;
        };
        match self {
            Transport::Pci { device, common, .. } => {
                common.write(16, 0xffffu16);
                device.enable_msix(vector)
            }
            Transport::Mapped { interrupt, .. } => apic::route(*interrupt, vector, true, false),
        }
    }

    /// Acknowledges the interrupt, where that is needed.
    pub fn acknowledge(&self) {
        if let Transport::Mapped { registers, .. } = self {
            let status: u32 = registers.read(0x60);
            registers.write(0x64, status);
        }
    }

    /// The driver is ready.
    pub fn start(&self) {
        self.set_status(self.status() | DRIVER_OK);
    }

    /// Takes everything back from the device.
    pub fn stop(&self) {
        self.set_status(0);
        // A reset is done when the status reads as zero.
        while self.status() != 0 {
            core::hint::spin_loop();
        }
    }

    /// A byte of the device's configuration.
    pub fn config(&self, offset: u64) -> u8 {
        match self {
            Transport::Pci { config, .. } => config.map_or(0, |c| c.read(offset)),
            Transport::Mapped { registers, .. } => registers.read(0x100 + offset),
        }
    }
}

/// Finds a PCI function's register blocks.
fn over_pci(device: pci::Device) -> Option<Transport> {
    device.enable();
    let (mut common, mut notify, mut config) = (None, None, None);
    for at in device.capabilities(0x09) {
        let (kind, bar) = (device.byte(at + 3), device.byte(at + 4));
        let (offset, len) = (device.read(at + 8), device.read(at + 12));
        let Some(base) = device.bar(bar) else {
            continue;
        };
        let block = || Mmio::new(base + u64::from(offset), u64::from(len));
        match kind {
            1 => common = Some(block()),
            2 => notify = Some((block(), device.read(at + 16))),
            4 => config = Some(block()),
            _ => {}
        }
    }
    let (notify, factor) = notify?;
    Some(Transport::Pci {
        device,
        common: common?,
        notify,
        factor,
        config,
    })
}

/// Reads a device's place from the command line: `SIZE@ADDRESS:INTERRUPT`.
fn place(text: &str) -> Option<(u64, u64, u32)> {
    let (_, rest) = text.split_once('@')?;
    let mut parts = rest.split(':');
    let address = u64::from_str_radix(parts.next()?.trim_start_matches("0x"), 16).ok()?;
    Some((address, 512, parts.next()?.parse().ok()?))
}

/// Finds the devices and starts their drivers.
pub fn init(line: &CommandLine) {
    let mut devices: Vec<(u32, Transport)> = Vec::new();
    let named = line
        .options
        .iter()
        .filter(|(n, _)| n == "virtio_mmio.device")
        .filter_map(|(_, v)| place(v));
    for (address, len, interrupt) in acpi::tables().virtio.iter().copied().chain(named) {
        let registers = Mmio::new(address, len);
        if registers.read::<u32>(0) == 0x7472_6976 {
            let old = registers.read::<u32>(4) == 1;
            devices.push((
                registers.read(8),
                Transport::Mapped {
                    registers,
                    interrupt,
                    old,
                },
            ));
        }
    }
    for device in pci::devices() {
        let (vendor, id) = device.id();
        let kind = match id {
            _ if vendor != 0x1af4 => continue,
            0x1000..0x1040 => u32::from(device.subsystem()),
            _ => u32::from(id).wrapping_sub(0x1040),
        };
        match over_pci(device) {
            Some(transport) => devices.push((kind, transport)),
            None => println!("virtio device {id:#x} has no usable registers"),
        }
    }
    for (kind, transport) in devices {
        let ok = match kind {
            1 => net::init(transport),
            3 => console::init(transport),
            4 => rng::init(transport),
            _ => true,
        };
        if !ok {
            transport.stop();
            println!("virtio device of kind {kind} does not start");
        }
    }
}
