//! Devices: what the machine has besides processors and memory.

pub mod acpi;
pub mod pci;
pub mod power;
pub mod serial;
pub mod virtio;
