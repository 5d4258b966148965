//! The console: where the kernel's messages and the terminal's output go, and `println!`.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::dev::serial;
use crate::dev::virtio::console as virtio;

static QUIET: AtomicBool = AtomicBool::new(false);

/// Writes bytes to the console's device.
pub fn write(bytes: &[u8]) {
    if !virtio::write(bytes) {
        serial::write(bytes);
    }
}

/// Hands what is buffered to the device.
pub fn flush() {
    virtio::flush();
}

/// Silences the kernel's own messages.
pub fn set_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

struct Out;

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while let Some(n) = rest.iter().position(|&b| b == b'\n') {
            write(&rest[..n]);
            write(b"\r\n");
            rest = &rest[n + 1..];
        }
        write(rest);
        Ok(())
    }
}

/// Writes a message.
pub fn print(arguments: fmt::Arguments<'_>) {
    if !QUIET.load(Ordering::Relaxed) {
        let _ = fmt::Write::write_fmt(&mut Out, arguments);
        flush();
    }
}

/// Writes a line to the console, marked as the kernel's.
#[macro_export]
macro_rules! println {
    ($($arg:tt)*) => { $crate::console::print(format_args!("kernel: {}\n", format_args!($($arg)*))) };
}
