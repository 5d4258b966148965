//! Physical memory through the direct map, and device registers.

use super::DIRECT;

/// The address that physical address `phys` is mapped at.
pub fn to_virt(phys: u64) -> u64 {
    phys.wrapping_add(DIRECT)
}

/// The bytes at a physical address that firmware or the loader filled and that nothing writes any more.
///
/// Used for ACPI tables, the start info and the image; the memory map keeps them out of the allocator.
pub fn bytes(phys: u64, len: usize) -> &'static [u8] {
    // SAFETY: the direct map covers all memory, and such memory is never handed to the frame allocator.
    unsafe { core::slice::from_raw_parts(to_virt(phys) as *const u8, len) }
}

/// Copies `bytes` to a physical address outside the allocator (the trampoline).
pub fn write_bytes(phys: u64, bytes: &[u8]) {
    // SAFETY: callers name memory below 1 MiB, which the frame allocator never holds.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to_virt(phys) as *mut u8, bytes.len()) }
}

/// A device's register block.
#[derive(Clone, Copy, Debug)]
pub struct Mmio {
    base: u64,
    len: u64,
}

impl Mmio {
    /// Registers at physical address `phys`; the paging layer maps them when they lie above memory.
    pub fn new(phys: u64, len: u64) -> Mmio {
        super::paging::map_device(phys, len);
        Mmio {
            base: to_virt(phys),
            len,
        }
    }

    /// The registers from `offset`.
    pub fn at(self, offset: u64) -> Mmio {
        Mmio {
            base: self.base + offset,
            len: self.len - offset,
        }
    }

    fn check<T>(self, offset: u64) -> *mut T {
        assert!(
            offset + size_of::<T>() as u64 <= self.len,
            "register outside its block"
        );
        (self.base + offset) as *mut T
    }

    /// Reads a register.
    pub fn read<T: Copy>(self, offset: u64) -> T {
        // SAFETY: within a mapped register block, checked above; volatile, so never merged or moved.
        unsafe { self.check::<T>(offset).read_volatile() }
    }

    /// Writes a register.
    pub fn write<T: Copy>(self, offset: u64, value: T) {
        // SAFETY: as for `read`.
        unsafe { self.check::<T>(offset).write_volatile(value) }
    }
}
