//! The floating-point and vector state of the program: saved at thread switches and in signal frames.

use alloc::alloc::{alloc_zeroed, dealloc, handle_alloc_error};
use core::alloc::Layout;
use core::arch::asm;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::cpu::cpuid;
use super::entry::TrapFrame;

static MASK: AtomicU64 = AtomicU64::new(0);
static SIZE: AtomicUsize = AtomicUsize::new(512);

/// Enables what this processor has: XSAVE with AVX and AVX-512 where CPUID announces them.
pub fn init() {
    if cpuid(1, 0).ecx & 1 << 26 == 0 {
        return;
    }
    let has = cpuid(0xd, 0);
    let mask = (u64::from(has.edx) << 32 | u64::from(has.eax)) & 0xe7;
    // SAFETY: CPUID announced XSAVE and these components.
    unsafe {
        asm!("mov {t}, cr4", "or {t}, 0x40000", "mov cr4, {t}", t = out(reg) _, options(nostack));
        asm!("xsetbv", in("ecx") 0, in("eax") mask as u32, in("edx") (mask >> 32) as u32, options(nostack));
    }
    MASK.store(mask, Ordering::Relaxed);
    SIZE.store(cpuid(0xd, 0).ebx as usize, Ordering::Relaxed);
}

/// Bytes of a saved state.
pub fn size() -> usize {
    SIZE.load(Ordering::Relaxed)
}

/// The components that are saved; zero without XSAVE.
pub fn mask() -> u64 {
    MASK.load(Ordering::Relaxed)
}

/// A saved state.
pub struct State(*mut u8, usize);

// SAFETY: an owned block of memory.
unsafe impl Send for State {}
// SAFETY: shared references only read the pointer; changes go through the owner thread.
unsafe impl Sync for State {}

impl State {
    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 64).expect("a state's size is far below the limit")
    }

    /// The state a program starts with.
    pub fn new() -> State {
        let size = size();
        // SAFETY: the size is not zero.
        let p = unsafe { alloc_zeroed(Self::layout(size)) };
        if p.is_null() {
            handle_alloc_error(Self::layout(size));
        }
        // SAFETY: within the block. Control words: all exceptions masked.
        unsafe {
            p.cast::<u16>().write(0x37f);
            p.add(24).cast::<u32>().write(0x1f80);
            if mask() != 0 {
                p.add(512).cast::<u64>().write(3);
            }
        }
        State(p, size)
    }

    /// Stores the processor's state.
    pub fn save(&mut self) {
        let mask = mask();
        // SAFETY: the block is aligned to 64 and as large as CPUID says.
        unsafe {
            if mask != 0 {
                asm!("xsave64 [{}]", in(reg) self.0, in("eax") mask as u32, in("edx") (mask >> 32) as u32, options(nostack));
            } else {
                asm!("fxsave64 [{}]", in(reg) self.0, options(nostack));
            }
        }
    }

    /// Loads the processor's state.
    pub fn restore(&self) {
        let mask = mask();
        // SAFETY: as for `save`; what `bytes_mut` may have changed was made valid by `sanitize`.
        unsafe {
            if mask != 0 {
                asm!("xrstor64 [{}]", in(reg) self.0, in("eax") mask as u32, in("edx") (mask >> 32) as u32, options(nostack));
            } else {
                asm!("fxrstor64 [{}]", in(reg) self.0, options(nostack));
            }
        }
    }

    /// The state's bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the block is ours and initialised.
        unsafe { core::slice::from_raw_parts(self.0, self.1) }
    }

    /// The state's bytes, to be replaced by those of a signal frame.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the block is ours and initialised.
        unsafe { core::slice::from_raw_parts_mut(self.0, self.1) }
    }

    /// Clears the bits that would make `restore` fault.
    pub fn sanitize(&mut self) {
        let (mask, size) = (mask(), self.1);
        let bytes = self.bytes_mut();
        bytes[26] = 0;
        bytes[27] = 0;
        if size >= 576 {
            for i in 0..8 {
                bytes[512 + i] &= (mask >> (8 * i)) as u8;
            }
            bytes[520..576].fill(0);
        }
    }

    /// Puts the vector registers of a frame into the state.
    pub fn take_frame(&mut self, frame: &TrapFrame) {
        for (i, x) in frame.xmm.iter().enumerate() {
            self.bytes_mut()[160 + 16 * i..176 + 16 * i].copy_from_slice(&x.to_le_bytes());
        }
        if mask() != 0 {
            self.bytes_mut()[512] |= 2;
        }
    }

    /// Puts the state's vector registers into a frame.
    pub fn give_frame(&self, frame: &mut TrapFrame) {
        for (i, x) in frame.xmm.iter_mut().enumerate() {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(&self.bytes()[160 + 16 * i..176 + 16 * i]);
            *x = u128::from_le_bytes(bytes);
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.0, Self::layout(self.1)) }
    }
}
