//! `inet_gethost`: names to addresses and back, for `inet_gethost_native`.
//!
//! Packets of four bytes. A request is a serial number, an operation and its argument; answers come in
//! any order, with the serial number. Up to N look-ups run at once on driver threads, the others wait;
//! when most are busy, requests for one domain wait behind each other so that a slow domain does not
//! stop all others. A request that is cancelled is never answered. OTP 25, inet_gethost.c.

use super::link::Link;
use crate::driver::{Driver, DriverFactory, StartError, Started};
use crate::framing::{Framing, PacketBytes};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::{Command, OpenRequest};
use crate::sys::resolver::{self, HostEntry, h_errno};
use bytes::Bytes;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const BY_NAME: u8 = 1;
const BY_ADDRESS: u8 = 2;
const CANCEL: u8 = 3;
const CONTROL: u8 = 4;

const IPV4: u8 = 1;
const IPV6: u8 = 2;

/// The serial number of a control request.
const NO_SERIAL: u32 = u32::MAX;

/// The shortest request: serial number and operation.
const SHORTEST: usize = 5;

/// Starts the program.
pub struct InetGethost;

impl DriverFactory for InetGethost {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let (workers, greedy) = arguments(&request.command);
        let link = Link::new(port, &request.options, Framing::Packet(PacketBytes::Four));
        let framing = link.framed_by();
        let driver = Gethost {
            link,
            workers,
            greedy,
            busy: Vec::new(),
            waiting: VecDeque::new(),
        };
        Ok(Started {
            driver: Box::new(driver),
            framing,
            os_pid: None,
            soft_busy: false,
        })
    }
}

/// How many workers, and from how many busy ones on domains queue.
fn arguments(command: &Command) -> (usize, usize) {
    let number = |word: &[u8]| {
        std::str::from_utf8(word)
            .ok()
            .and_then(|w| w.parse().ok())
            .filter(|&n| n > 0)
    };
    let (mut workers, mut greedy, mut disabled) = (1, None, false);
    let words = command.words();
    let mut words = words.iter().skip(1);
    while let Some(&word) = words.next() {
        match word {
            b"-d" => {}
            b"-ng" => disabled = true,
            b"-g" => greedy = words.next().and_then(|word| number(word)),
            _ => workers = number(word).unwrap_or(workers),
        }
    }
    let quarter = workers * 3 / 4;
    let threshold = greedy.unwrap_or(if quarter == 0 { workers } else { quarter });
    (workers, if disabled { workers + 1 } else { threshold })
}

struct Gethost {
    link: Link,
    /// The most that run at once.
    workers: usize,
    greedy: usize,
    busy: Vec<Worker>,
    waiting: VecDeque<Query>,
}

/// A look-up that runs, and what waits behind it.
struct Worker {
    /// Tells its answer from one that nobody waits for any more.
    id: u64,
    serial: u32,
    domain: Vec<u8>,
    queue: VecDeque<Query>,
}

/// A request that is answered.
struct Query {
    serial: u32,
    bytes: Bytes,
}

impl Driver for Gethost {
    fn output(&mut self, data: IoVec) {
        for packet in self.link.receive(data) {
            if packet.len() < SHORTEST {
                return self
                    .fatal("Unexpected message on main input, message size less than minimum.");
            }
            let serial = u32::from_be_bytes([packet[0], packet[1], packet[2], packet[3]]);
            match packet[4] {
                CANCEL => self.cancel(serial),
                CONTROL if serial != NO_SERIAL => {
                    return self.fatal(&format!("Invalid serial: {}.", serial.cast_signed()));
                }
                // The one control there is sets how much is printed for debugging: nothing here.
                CONTROL => {}
                _ => match domain(&packet[4..]) {
                    Ok(domain) => self.request(
                        Query {
                            serial,
                            bytes: packet,
                        },
                        domain,
                    ),
                    Err(complaint) => warn(&complaint),
                },
            }
        }
    }
}

impl Gethost {
    fn request(&mut self, query: Query, domain: Vec<u8>) {
        if self.busy.len() >= self.greedy {
            let same = self
                .busy
                .iter_mut()
                .filter(|worker| worker.domain == domain);
            if let Some(worker) = same.min_by_key(|worker| worker.queue.len()) {
                worker.queue.push_back(query);
                return;
            }
        }
        if self.busy.len() < self.workers {
            self.start(query, domain, VecDeque::new());
        } else {
            self.waiting.push_back(query);
        }
    }

    /// Looks up on a driver thread.
    fn start(&mut self, query: Query, domain: Vec<u8>, queue: VecDeque<Query>) {
        /// Keys that are no port's, so that look-ups run side by side.
        static NEXT: AtomicU64 = AtomicU64::new(1 << 63);
        let id = NEXT.fetch_add(1, Relaxed);
        self.busy.push(Worker {
            id,
            serial: query.serial,
            domain,
            queue,
        });
        self.link.port().async_work_keyed(
            id,
            move || answer(&query),
            move |driver: &mut Self, answer| driver.finished(id, answer),
        );
    }

    /// A look-up ended: it is answered unless it was cancelled.
    fn finished(&mut self, id: u64, answer: Vec<u8>) {
        let Some(at) = self.busy.iter().position(|worker| worker.id == id) else {
            return;
        };
        self.link.send(answer);
        self.free(at);
    }

    /// A worker has nothing to do: it takes what waits behind it, else what waits for any.
    fn free(&mut self, at: usize) {
        let mut worker = self.busy.swap_remove(at);
        if let Some(next) = worker.queue.pop_front() {
            self.start(next, worker.domain, worker.queue);
        } else if let Some(next) = self.waiting.pop_front() {
            let domain = domain(&next.bytes[4..]).unwrap_or_default();
            self.start(next, domain, VecDeque::new());
        }
    }

    fn cancel(&mut self, serial: u32) {
        let queues =
            std::iter::once(&mut self.waiting).chain(self.busy.iter_mut().map(|w| &mut w.queue));
        for queue in queues {
            if let Some(at) = queue.iter().position(|query| query.serial == serial) {
                queue.remove(at);
                return;
            }
        }
        // The thread cannot be stopped; its answer will find no worker of its id.
        if let Some(at) = self.busy.iter().position(|worker| worker.serial == serial) {
            self.free(at);
        }
    }

    fn fatal(&self, what: &str) {
        eprint!(
            "inet_gethost[{}]: FATAL ERROR:{what}\r\n",
            std::process::id()
        );
        self.link.exit(1);
    }
}

fn warn(what: &str) {
    eprint!("inet_gethost[{}]: WARNING:{what}\r\n", std::process::id());
}

/// What a request (from its operation on) has in common with others of the same domain: of a name what
/// follows the first point, of an address all but its last byte. The error is why it is discarded.
fn domain(request: &[u8]) -> Result<Vec<u8>, String> {
    let unknown = |what: &str, byte: u8| {
        format!("Unknown {what} requested from erlang ({byte}), message discarded.")
    };
    let no_domain =
        || "Malformed message sent from erlang, no domain, message discarded.".to_owned();
    let operation = request[0];
    if operation != BY_NAME && operation != BY_ADDRESS {
        return Err(unknown("operation", operation));
    }
    let (&protocol, argument) = request[1..].split_first().ok_or_else(no_domain)?;
    if protocol != IPV4 && protocol != IPV6 {
        return Err(unknown("protocol", protocol));
    }
    let common = match (operation, protocol, argument.len()) {
        (BY_NAME, ..) => {
            let end = argument
                .iter()
                .position(|&byte| byte == 0)
                .ok_or_else(no_domain)?;
            let name = &argument[..end];
            &name[name.iter().position(|&byte| byte == b'.').unwrap_or(end)..]
        }
        (_, IPV4, 4) | (_, IPV6, 16) => &argument[..argument.len() - 1],
        _ => return Err(no_domain()),
    };
    Ok([&[operation, protocol], common].concat())
}

/// Looks up and makes the answer. May take long.
fn answer(query: &Query) -> Vec<u8> {
    let request = &query.bytes[4..];
    let argument = &request[2..];
    let found = match (request[0], request[1]) {
        (BY_NAME, protocol) => match CStr::from_bytes_until_nul(argument) {
            Ok(name) if protocol == IPV4 => resolver::by_name(name).map_err(netdb_error),
            Ok(name) => resolver::by_name_v6(name).map_err(address_info_error),
            Err(_) => Err("enotsup"),
        },
        (_, IPV4) => match argument.try_into() {
            Ok(address) => resolver::by_address(address).map_err(netdb_error),
            Err(_) => Err("enotsup"),
        },
        _ => match argument.try_into() {
            Ok(address) => resolver::by_address_v6(address).map_err(address_info_error),
            Err(_) => Err("enotsup"),
        },
    };
    encode(query.serial, if request[1] == IPV4 { 4 } else { 16 }, found)
}

fn encode(serial: u32, unit: u8, found: Result<HostEntry, &str>) -> Vec<u8> {
    let mut answer = serial.to_be_bytes().to_vec();
    let count = |list: usize| (list as u32).to_be_bytes();
    match found {
        Ok(entry) => {
            answer.push(unit);
            answer.extend(count(entry.addresses.len()));
            entry
                .addresses
                .iter()
                .for_each(|address| answer.extend_from_slice(address));
            answer.extend(count(entry.names.len()));
            entry
                .names
                .iter()
                .for_each(|name| answer.extend_from_slice(name.to_bytes_with_nul()));
        }
        Err(error) => {
            answer.push(0);
            answer.extend_from_slice(error.as_bytes());
            answer.push(0);
        }
    }
    answer
}

fn netdb_error(code: i32) -> &'static str {
    match code {
        h_errno::HOST_NOT_FOUND => "notfound",
        h_errno::TRY_AGAIN => "try_again",
        h_errno::NO_RECOVERY => "no_recovery",
        h_errno::NO_DATA => "no_data",
        _ => "netdb_internal",
    }
}

/// `EAI_NODATA` of glibc.
const EAI_NODATA: i32 = -5;

fn address_info_error(code: i32) -> &'static str {
    match code {
        libc::EAI_AGAIN => "try_again",
        libc::EAI_FAIL | libc::EAI_NONAME | EAI_NODATA => "notfound",
        _ => "netdb_internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        let line = |line: &str| arguments(&Command::Spawn(line.into()));
        assert_eq!(line("inet_gethost 4"), (4, 3));
        assert_eq!(line("inet_gethost"), (1, 1));
        assert_eq!(line("inet_gethost -d -g 2 8"), (8, 2));
        assert_eq!(line("inet_gethost -ng 8"), (8, 9));
    }

    #[test]
    fn domains() {
        assert_eq!(domain(b"\x01\x01a.b.c\0").unwrap(), b"\x01\x01.b.c");
        assert_eq!(domain(b"\x01\x02host\0").unwrap(), b"\x01\x02");
        assert_eq!(
            domain(b"\x02\x01\x7f\0\0\x01").unwrap(),
            b"\x02\x01\x7f\0\0"
        );
        for wrong in [
            &b"\x01\x01host"[..],
            b"\x02\x01\x7f",
            b"\x09\x01",
            b"\x01\x03a\0",
            b"\x01",
        ] {
            assert!(domain(wrong).is_err(), "{wrong:?}");
        }
    }
}
