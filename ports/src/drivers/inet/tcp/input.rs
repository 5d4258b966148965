//! Receiving: from the kernel into a buffer, and from there, packet by packet, to processes.

use super::Tcp;
use crate::drivers::inet::options::Options;
use crate::drivers::inet::timers::Timer;
use crate::drivers::inet::{messages, packets};
use crate::handle::{Readiness, TermSpec};
use bytes::Bytes;
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use vm::text::packet::{self, Limits};

/// The most that is read at once of a packet whose length is known, in bytes.
const LARGEST_READ: usize = 1 << 20;
/// A buffer of more bytes than this is given back when it is empty.
const LARGEST_KEPT: usize = 4096;

/// What was received and not handed on yet.
#[derive(Default)]
pub struct Input {
    data: Vec<u8>,
    /// Where in `data` it begins.
    start: usize,
    /// How many bytes the process wants that waits; 0: a packet.
    pub wanted: usize,
    /// Whether the next line of HTTP is a header.
    headers: bool,
}

/// What can be done with what was received.
enum Step {
    /// A packet of this many bytes is there.
    Packet(usize),
    /// This many bytes have to be read first.
    Read(usize),
}

impl Input {
    fn bytes(&self) -> &[u8] {
        &self.data[self.start..]
    }

    fn step(&mut self, options: &Options) -> Result<Step, Errno> {
        let len = self.data.len() - self.start;
        if self.wanted > 0 {
            return Ok(match self.wanted.checked_sub(len) {
                None | Some(0) => Step::Packet(self.wanted),
                Some(missing) => Step::Read(missing),
            });
        }
        if len == 0 {
            return Ok(Step::Read(options.buffer));
        }
        let limits = Limits {
            packet_size: options.packet_size,
            line_length: options.buffer,
            delimiter: options.line_delimiter,
        };
        let bytes = &self.data[self.start..];
        let found = packet::length(options.packet, bytes, &limits, &mut self.headers);
        match found.map_err(|_| Errno::MSGSIZE)? {
            Some(packet @ 1..) if packet <= len => Ok(Step::Packet(packet)),
            Some(packet @ 1..) => Ok(Step::Read((packet - len).min(LARGEST_READ))),
            _ => {
                // How long the packet is, is not known: it has to fit the buffer.
                let room = options.buffer.max(options.packet_size);
                match room.checked_sub(len) {
                    None | Some(0) => Err(Errno::MSGSIZE),
                    Some(missing) => Ok(Step::Read(missing)),
                }
            }
        }
    }

    /// Takes a packet off the front: without a copy, if it is most of the buffer.
    fn take(&mut self, len: usize) -> Bytes {
        if self.start == 0 && len == self.data.len() && len * 4 >= self.data.capacity() * 3 {
            return std::mem::take(&mut self.data).into();
        }
        let packet = Bytes::copy_from_slice(&self.bytes()[..len]);
        self.start += len;
        if self.start == self.data.len() {
            self.clear();
        }
        packet
    }

    /// Puts bytes before those that are there.
    pub fn put_back(&mut self, bytes: &[u8]) {
        self.data.splice(..self.start, bytes.iter().copied());
        self.start = 0;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.start = 0;
        if self.data.capacity() > LARGEST_KEPT {
            self.data = Vec::new();
        } else {
            self.data.clear();
        }
    }

    /// Makes room behind what is there.
    fn make_room(&mut self, room: usize) -> &mut Vec<u8> {
        if self.start > 0 {
            self.data.drain(..self.start);
            self.start = 0;
        }
        if self.data.is_empty() && self.data.capacity() < room {
            self.data = Vec::with_capacity(room);
        } else {
            self.data.reserve(room);
        }
        &mut self.data
    }
}

impl Tcp {
    /// Hands on what is there, or reads once and hands on what is there then.
    pub(super) fn receive(&mut self) {
        let room = match self.input.step(&self.socket.options) {
            Ok(Step::Packet(_)) => return self.deliver(),
            Ok(Step::Read(room)) => room,
            Err(error) => return self.receive_failed(error),
        };
        let Some(fd) = self.socket.fd() else { return };
        let buffer = self.input.make_room(room);
        let received = rustix::net::recv(fd, spare_capacity(buffer), RecvFlags::empty());
        match received.map(|(_, len)| len) {
            Ok(0) => self.receive_ended(),
            Ok(_) => self.deliver(),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(Errno::CONNRESET) if !self.socket.options.show_econnreset => self.receive_ended(),
            Err(error) => self.receive_failed(error),
        }
    }

    /// Hands on every packet that is there, as long as somebody wants them.
    pub(super) fn deliver(&mut self) {
        while self.socket.options.is_active() || self.socket.operation.is_some() {
            match self.input.step(&self.socket.options) {
                Ok(Step::Packet(len)) => self.hand_on(len),
                Ok(Step::Read(_)) => return,
                Err(error) => return self.receive_failed(error),
            }
        }
    }

    fn hand_on(&mut self, len: usize) {
        self.socket.counts.received(len);
        let bytes = self.input.take(len);
        let options = &self.socket.options;
        let kind = options.packet;
        let passive = !options.is_active();
        if options.deliver_port && !passive {
            let body = bytes.slice(packet::body(kind, &bytes));
            let header = if options.binary {
                options.header.min(body.len())
            } else {
                body.len()
            };
            let rest = body.slice(header..);
            self.socket.port.output_vec(&body[..header], rest.into());
        } else {
            let parsed = packet::parse(kind, &bytes, &mut self.input.headers);
            let what = match &parsed {
                Some(parsed) => packets::parsed(kind, parsed),
                None => packets::data(options, bytes.slice(packet::body(kind, &bytes))),
            };
            if passive {
                self.socket.finish(messages::ok(what));
            } else {
                let port = &self.socket.port;
                match parsed {
                    None => messages::tell_what(port, "tcp", what),
                    Some(packet::Parsed::Http(_)) => messages::tell_what(port, "http", what),
                    Some(packet::Parsed::SslTls { .. }) => port.output_term(what),
                }
            }
        }
        if passive {
            self.socket.timers.cancel(Timer::Receive);
            self.input.wanted = 0;
        } else {
            self.socket.count_active();
        }
        if !self.socket.options.is_active() {
            self.socket.select(Readiness::READ, false);
        }
    }
}

/// What a process gets whose data cannot come any more.
pub fn closed() -> TermSpec {
    messages::error("closed")
}
