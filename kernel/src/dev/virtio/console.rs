//! The virtio console: port 0, both directions.

use super::Transport;
use super::queue::Queue;
use crate::arch::sync::SpinLock;
use crate::fs::tty;
use crate::mm::page::DmaBlock;

struct Console {
    transport: Transport,
    input: Queue,
    output: Queue,
    input_block: DmaBlock,
    output_block: DmaBlock,
    /// Bytes that wait in `output_block`.
    waiting: usize,
}

const BLOCK: usize = 4096;

static CONSOLE: SpinLock<Option<Console>> = SpinLock::new(None);

/// Starts the device; from here on it is the console.
pub fn init(transport: Transport) -> bool {
    const SIZE: u64 = 1;
    let Some(features) = transport.negotiate(SIZE) else {
        return false;
    };
    let parts = (
        transport.queue(0),
        transport.queue(1),
        DmaBlock::new(BLOCK),
        DmaBlock::new(BLOCK),
    );
    let (Some(mut input), Some(output), Some(input_block), Some(output_block)) = parts else {
        return false;
    };
    output.set_interrupts(false);
    let room = [(input_block.phys(), BLOCK as u32, true)];
    if !transport.bind(receive, 0) || input.add(&room).is_none() {
        return false;
    }
    transport.start();
    input.notify();
    *CONSOLE.lock() = Some(Console {
        transport,
        input,
        output,
        input_block,
        output_block,
        waiting: 0,
    });
    if features & SIZE != 0 {
        let word = |at| u16::from_le_bytes([transport.config(at), transport.config(at + 1)]);
        tty::resize(word(0), word(2));
    }
    true
}

/// Writes bytes; false if there is no such console.
pub fn write(bytes: &[u8]) -> bool {
    let mut console = CONSOLE.lock();
    let Some(console) = console.as_mut() else {
        return false;
    };
    for chunk in bytes.chunks(BLOCK) {
        if console.waiting + chunk.len() > BLOCK {
            console.send();
        }
        let at = console.waiting;
        console
            .output_block
            .bytes_mut(at, chunk.len())
            .copy_from_slice(chunk);
        console.waiting += chunk.len();
    }
    true
}

/// Hands what is buffered to the device.
pub fn flush() {
    if let Some(console) = CONSOLE.lock().as_mut() {
        console.send();
    }
}

impl Console {
    fn send(&mut self) {
        if self.waiting == 0 {
            return;
        }
        let len = core::mem::take(&mut self.waiting) as u32;
        if self
            .output
            .add(&[(self.output_block.phys(), len, false)])
            .is_some()
        {
            self.output.notify();
            // One block: it is free again when the device has taken it.
            for _ in 0..50_000_000 {
                if self.output.pop().is_some() {
                    return;
                }
                core::hint::spin_loop();
            }
        }
    }
}

fn receive(_: usize) {
    let mut bytes = [0u8; BLOCK];
    let len = {
        let mut console = CONSOLE.lock();
        let Some(console) = console.as_mut() else {
            return;
        };
        console.transport.acknowledge();
        let Some((_, len)) = console.input.pop() else {
            return;
        };
        let len = (len as usize).min(BLOCK);
        bytes[..len].copy_from_slice(console.input_block.bytes(0, len));
        let phys = console.input_block.phys();
        if console.input.add(&[(phys, BLOCK as u32, true)]).is_some() {
            console.input.notify();
        }
        len
    };
    tty::input(&bytes[..len]);
}
