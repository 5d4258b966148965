//! The machine's end: power off with an exit code, reset.

use core::sync::atomic::{AtomicU16, Ordering};

use super::acpi;
use crate::arch::port::{inb, outb, outw};
use crate::arch::{apic, cpu, tsc};
use crate::console;

/// Port of the debug-exit device; QEMU then exits with `2 * code + 1`.
static EXIT_PORT: AtomicU16 = AtomicU16::new(0xf4);

/// Sets the debug-exit device's port; 0 for none.
pub fn set_exit_port(port: u16) {
    EXIT_PORT.store(port, Ordering::Relaxed);
}

/// Ends the machine with an exit code: 0 by ACPI, others through the debug-exit device if there is one, which has
/// seven bits: of a signal `s` (code `128 + s`) `s` is left.
pub fn off(code: i32) -> ! {
    console::flush();
    apic::stop_others();
    if code != 0 {
        let port = EXIT_PORT.load(Ordering::Relaxed);
        if port != 0 {
            // What is left must not look like success.
            outb(
                port,
                if code & 127 == 0 {
                    127
                } else {
                    code as u8 & 127
                },
            );
        }
    }
    acpi::power_off();
    // Machines without ACPI: the ports that emulators listen on.
    outw(0x604, 0x2000);
    outw(0xb004, 0x2000);
    // Emulators take a moment.
    tsc::spin(200_000_000);
    console::print(format_args!("kernel: halted with code {code}\n"));
    cpu::stop()
}

/// Resets the machine.
pub fn reset() -> ! {
    console::flush();
    apic::stop_others();
    acpi::reset();
    for _ in 0..1000 {
        if inb(0x64) & 2 == 0 {
            break;
        }
    }
    outb(0x64, 0xfe);
    outb(0xcf9, 6);
    cpu::stop()
}
