//! `memsup`: how much memory there is, for os_mon.
//!
//! Packets of one byte; a command is one byte. 1: two packets, bytes in use and in all. 2: pairs of
//! packets, a tag and a number, and the tag 0 alone. Numbers are hexadecimal text.
//! OTP 25, os_mon/c_src/memsup.c and memsup.h.

use super::link::Link;
use crate::driver::{Driver, DriverFactory, FramedBy, StartError, Started};
use crate::framing::{Framing, PacketBytes};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use crate::sys::system;

const SHOW_MEM: u8 = 1;
const SHOW_SYSTEM_MEM: u8 = 2;

const END: u8 = 0;
const MEM_SYSTEM_TOTAL: u8 = 1;
const MEM_TOTAL: u8 = 2;

/// The tags that have a line in `/proc/meminfo`, in the order in which they are sent.
const LINES: [(u8, &str); 8] = [
    (MEM_TOTAL, "MemTotal:"),
    (3, "MemFree:"),
    (6, "Buffers:"),
    (7, "Cached:"),
    (11, "SReclaimable:"),
    (12, "MemAvailable:"),
    (9, "SwapTotal:"),
    (10, "SwapFree:"),
];

/// The unit of `/proc/meminfo`, in bytes.
const KILOBYTE: u64 = 1024;

/// How much of `/proc/meminfo` is looked at.
const MEMINFO_BYTES: usize = 4096;

/// Starts the program.
pub struct Memsup;

impl DriverFactory for Memsup {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let link = Link::new(port, &request.options, Framing::Packet(PacketBytes::One));
        let framing: FramedBy = link.framed_by();
        Ok(Started {
            driver: Box::new(MemsupPort { link }),
            framing,
            os_pid: None,
            soft_busy: false,
        })
    }
}

struct MemsupPort {
    link: Link,
}

impl Driver for MemsupPort {
    fn output(&mut self, data: IoVec) {
        for packet in self.link.receive(data) {
            match packet[..] {
                [SHOW_MEM] => self.show_memory(),
                [SHOW_SYSTEM_MEM] => self.show_system_memory(),
                [_] => {}
                _ => {
                    let len = packet.len();
                    complain(&format!("Invalid command length ({len}) received"));
                    self.link.exit(0);
                    return;
                }
            }
        }
    }
}

impl MemsupPort {
    fn show_memory(&self) {
        let (all, available, size) = system::physical_pages();
        self.link.send(number(all.wrapping_sub(available), size));
        self.link.send(number(all, size));
    }

    fn show_system_memory(&self) {
        let text = std::fs::read("/proc/meminfo").unwrap_or_default();
        let text = &text[..text.len().min(MEMINFO_BYTES)];
        let mut total = None;
        for (tag, name) in LINES {
            let Some(value) = value_after(text, name) else {
                continue;
            };
            if tag == MEM_TOTAL {
                total = Some(value);
            }
            self.link.send(vec![tag]);
            self.link.send(number(value, KILOBYTE));
        }
        if let Some(total) = total {
            self.link.send(vec![MEM_SYSTEM_TOTAL]);
            self.link.send(number(total, KILOBYTE));
        }
        self.link.send(vec![END]);
    }
}

/// The number behind the first occurrence of a name.
fn value_after(text: &[u8], name: &str) -> Option<u64> {
    let at = text
        .windows(name.len())
        .position(|window| window == name.as_bytes())?;
    let rest = text[at + name.len()..].trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}

/// So many units, in hexadecimal. The unit's trailing zeros are written behind, so that what is
/// multiplied stays small; zero of them is `000`, not `0`.
fn number(units: u64, mut size: u64) -> Vec<u8> {
    let mut zeros = 0;
    while size != 0 && size.is_multiple_of(16) {
        size /= 16;
        zeros += 1;
    }
    format!("{:x}{:0zeros$}", units.wrapping_mul(size), 0).into_bytes()
}

fn complain(what: &str) {
    eprint!("[os_mon] memory supervisor port (memsup): {what}\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(1, 1024), b"400");
        assert_eq!(number(0, 1024), b"000");
        assert_eq!(number(3, 4096), b"3000");
        assert_eq!(
            value_after(b"A: 1\nMemFree:   42 kB\n", "MemFree:"),
            Some(42)
        );
        assert_eq!(value_after(b"MemFree: kB", "MemFree:"), None);
    }
}
