//! The entropy device: asked once, at start.

use super::Transport;
use crate::arch::tsc;
use crate::mm::page::DmaBlock;
use crate::random;

/// Stirs 64 bytes of the device into the generator.
pub fn init(transport: Transport) -> bool {
    const LEN: u32 = 64;
    if transport.negotiate(0).is_none() {
        return false;
    }
    let (Some(mut queue), Some(block)) = (transport.queue(0), DmaBlock::new(LEN as usize)) else {
        return false;
    };
    queue.set_interrupts(false);
    transport.start();
    let asked = queue.add(&[(block.phys(), LEN, true)]).is_some();
    queue.notify();
    let end = tsc::now() + 100_000_000;
    let mut answered = false;
    while asked && !answered && tsc::now() < end {
        if let Some((_, len)) = queue.pop() {
            random::stir(block.bytes(0, len.min(LEN) as usize));
            answered = true;
        }
        core::hint::spin_loop();
    }
    // From here on it looks no more at the queue and the block, whose memory will be used for something else.
    transport.stop();
    answered
}
