//! The first serial port: output by polling, input by interrupt.

use crate::arch::port::{inb, outb};
use crate::arch::sync::SpinLock;
use crate::arch::{apic, trap};
use crate::fs::tty;

const PORT: u16 = 0x3f8;

static OUTPUT: SpinLock<()> = SpinLock::new(());

/// Sets the port up: 115200 baud, 8 bits, FIFO.
pub fn init() {
    for (register, value) in [
        (1, 0),
        (3, 0x80),
        (0, 1),
        (1, 0),
        (3, 3),
        (2, 0xc7),
        (4, 0x0b),
    ] {
        outb(PORT + register, value);
    }
}

/// Lets input raise interrupts.
pub fn enable_input(interrupt: u32, level: bool, low: bool) {
    if inb(PORT + 5) == 0xff {
        return;
    }
    let Some(vector) = trap::bind(receive, 0) else {
        return;
    };
    if apic::route(interrupt, vector, level, low) {
        outb(PORT + 1, 1);
        receive(0);
    }
}

/// Writes bytes.
pub fn write(bytes: &[u8]) {
    let _guard = OUTPUT.lock();
    for chunk in bytes.chunks(16) {
        // The FIFO takes 16 bytes when it is empty.
        let mut tries = 0;
        while inb(PORT + 5) & 0x20 == 0 && tries < 1_000_000 {
            tries += 1;
            core::hint::spin_loop();
        }
        chunk.iter().for_each(|&b| outb(PORT, b));
    }
}

/// Lets a panic write whatever another processor was doing.
pub fn break_lock() {
    OUTPUT.break_open();
}

fn receive(_: usize) {
    let mut bytes = [0u8; 64];
    let mut n = 0;
    while inb(PORT + 5) & 1 != 0 && n < bytes.len() {
        bytes[n] = inb(PORT);
        n += 1;
    }
    if n > 0 {
        tty::input(&bytes[..n]);
    }
}
