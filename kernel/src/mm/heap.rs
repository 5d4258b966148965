//! The kernel heap: talc over blocks of frames.

use core::alloc::Layout;

use talc::base::Talc;
use talc::base::binning::{Binning, DefaultBinning};
use talc::source::Source;
use talc::sync::TalcLock;

use super::frames;
use crate::arch::PAGE;
use crate::arch::phys::to_virt;
use crate::arch::sync::RawLock;

#[derive(Debug)]
struct Frames;

// SAFETY: `acquire` calls only the frame allocator, which never allocates from the heap.
unsafe impl Source for Frames {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let need = (layout.size() + layout.align() + 4096)
            .next_power_of_two()
            .max(64 << 10);
        let least = (need / PAGE as usize).trailing_zeros() as usize;
        let mut claim = |order: usize| -> Option<()> {
            let block = frames::alloc_order(order)?;
            // SAFETY: the block is memory that nobody else has, for ever.
            unsafe { talc.claim(to_virt(block) as *mut u8, (PAGE as usize) << order) }.map(|_| ())
        };
        if least > frames::MAX_ORDER {
            return Err(());
        }
        claim(least.max(6)).or_else(|| claim(least)).ok_or(())
    }
}

#[global_allocator]
static HEAP: TalcLock<RawLock, Frames, DefaultBinning> = TalcLock::new(Frames);
