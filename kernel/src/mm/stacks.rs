//! Kernel stacks: mapped with a gap below each, so that an overflow faults. Stacks are reused, never
//! unmapped.

use alloc::vec::Vec;

use super::frames;
use crate::arch::sync::SpinLock;
use crate::arch::{PAGE, STACKS, paging};

/// Bytes of a kernel stack.
pub const SIZE: u64 = 32 << 10;
const STRIDE: u64 = 64 << 10;

struct Pool {
    free: Vec<u64>,
    made: u64,
}

static POOL: SpinLock<Pool> = SpinLock::new(Pool {
    free: Vec::new(),
    made: 0,
});

/// The kernel stack of a thread.
pub struct KernelStack(u64);

impl KernelStack {
    /// A stack, from the pool or new. `None` when memory is exhausted.
    pub fn new() -> Option<KernelStack> {
        let bottom = {
            let mut pool = POOL.lock();
            if let Some(bottom) = pool.free.pop() {
                return Some(KernelStack(bottom));
            }
            pool.made += 1;
            STACKS + pool.made * STRIDE
        };
        for n in 0..SIZE / PAGE {
            if !paging::map_kernel(bottom + n * PAGE, frames::alloc_zeroed()?) {
                return None;
            }
        }
        Some(KernelStack(bottom))
    }

    /// The address that the first push goes below.
    pub fn top(&self) -> u64 {
        self.0 + SIZE
    }
}

impl Drop for KernelStack {
    fn drop(&mut self) {
        POOL.lock().free.push(self.0);
    }
}
