//! Datagram sockets: `udp_inet`, for UDP and for local names.

use super::address::{self, Family};
use super::control;
use super::messages;
use super::options::{TCLASS, TOS, TTL};
use super::packets;
use super::request::{self, Answer, Refusal, take, take_timeout, take_u32};
use super::socket::{Kind, Known, Socket, State};
use super::timers::Timer;
use crate::driver::{BadArg, Driver, DriverFactory, StartError, Started};
use crate::handle::{PortHandle, Readiness, TermSpec};
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use crate::sys::socket::{self as native, Received};
use bytes::Bytes;
use rustix::io::Errno;
use std::io::IoSlice;
use std::os::fd::RawFd;

/// Makes datagram sockets.
pub struct UdpDriver;

impl DriverFactory for UdpDriver {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, _: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        Ok(Started::new(Udp {
            socket: Socket::new(port, Kind::Datagram),
            remote: Vec::new(),
        }))
    }
}

/// A datagram socket.
struct Udp {
    socket: Socket,
    /// Where it is connected to.
    remote: Vec<u8>,
}

/// An address that dissolves a connection.
fn nowhere() -> [u8; 16] {
    // `AF_UNSPEC` is 0.
    [0; 16]
}

impl Udp {
    /// Family and type, and for [`request::FDOPEN`] a descriptor.
    fn open(&mut self, number: u32, arguments: &[u8]) -> Answer {
        let answer = self.socket.request(number, arguments, Known::default())?;
        if self.socket.options.is_active() {
            self.socket.select(Readiness::READ, true);
        }
        Ok(answer)
    }

    /// A time-out, which does not matter, and an address; nothing: no longer connected.
    fn connect(&mut self, mut arguments: &[u8]) -> Answer {
        if !self.socket.is_open() {
            return Err(Refusal::BAD_PORT);
        }
        let fd = self.socket.fd().ok_or(Errno::BADF)?;
        if arguments.is_empty() {
            let _ = native::connect(fd, &nowhere());
            self.socket.state = State::Open;
        } else if arguments.len() < 6 {
            return Err(Refusal::INVALID);
        } else {
            take_timeout(&mut arguments).ok_or(Refusal::INVALID)?;
            self.remote = address::decode(self.socket.family, &mut arguments)?;
            if self.socket.is_connected() {
                // Else Linux keeps the own address of the first connection.
                let _ = native::connect(fd, &nowhere());
            }
            if let Err(error) = native::connect(fd, &self.remote) {
                let _ = native::connect(fd, &nowhere());
                self.socket.state = State::Open;
                return Err(error.into());
            }
            self.socket.state = State::Connected;
        }
        let answer = self.socket.begin()?;
        self.socket.finish(messages::OK);
        Ok(answer)
    }

    /// A time-out, and a length that does not matter.
    fn start_receiving(&mut self, mut arguments: &[u8]) -> Answer {
        if !self.socket.is_open() {
            return Err(Refusal::BAD_PORT);
        }
        if self.socket.options.is_active() || arguments.len() != 8 {
            return Err(Refusal::INVALID);
        }
        let timeout = take_timeout(&mut arguments).ok_or(Refusal::INVALID)?;
        let answer = self.socket.begin()?;
        self.receive();
        if self.socket.operation.is_some()
            && let Some(timeout) = timeout
        {
            self.socket.timers.set(Timer::Receive, timeout);
        }
        Ok(answer)
    }

    /// Receives one datagram for who waits, or some for the owner.
    fn receive(&mut self) {
        for _ in 0..self.socket.options.read_packets {
            let passive = !self.socket.options.is_active();
            if passive && self.socket.operation.is_none() {
                return;
            }
            let Some(fd) = self.socket.fd() else { return };
            let mut buffer = vec![0; self.socket.options.buffer];
            let wanted = self.socket.options.ancillary.any();
            let room = if wanted { control::ROOM } else { 0 };
            match native::receive_message(fd, &mut buffer, room, 0) {
                Ok(received) => {
                    buffer.truncate(received.len);
                    self.hand_on(received, buffer, wanted);
                }
                Err(Errno::AGAIN) => {
                    if passive {
                        self.socket.select(Readiness::READ, true);
                    }
                    return;
                }
                Err(error) => return self.receive_failed(error),
            }
        }
    }

    fn receive_failed(&mut self, error: Errno) {
        let name = messages::name(error);
        if self.socket.options.is_active() {
            messages::tell_what(&self.socket.port, "udp_error", TermSpec::atom(name));
        } else {
            self.end_receiving();
            self.socket.finish(messages::error(name));
        }
    }

    fn end_receiving(&mut self) {
        self.socket.timers.cancel(Timer::Receive);
        self.socket.select(Readiness::READ, false);
    }

    fn hand_on(&mut self, received: Received, mut data: Vec<u8>, with_control: bool) {
        self.socket.counts.received(data.len());
        // A buffer that is mostly empty is not kept for a short datagram.
        if data.len() * 4 < data.capacity() * 3 {
            data.shrink_to_fit();
        }
        let from = if self.socket.is_connected() {
            address::encode_any(&self.remote)
        } else {
            address::encode_any(&received.address)
        };
        let ancillary = with_control.then(|| ancillary(&received.control));
        if !self.socket.options.is_active() {
            let result = self.passive_result(&from, data.into(), ancillary);
            self.end_receiving();
            self.socket.finish(messages::ok(result));
            return;
        }
        if self.socket.options.deliver_port {
            let from = from.unwrap_or_else(|tag| vec![tag]);
            let all: Bytes = [from, data].concat().into();
            let header = if self.socket.options.binary {
                self.socket.options.header.min(all.len())
            } else {
                all.len()
            };
            let rest = all.slice(header..);
            self.socket.port.output_vec(&all[..header], rest.into());
        } else {
            let (host, port) = address_terms(&from);
            let mut message = vec![TermSpec::atom("udp"), TermSpec::Port, host, port];
            message.extend(ancillary);
            message.push(packets::data(&self.socket.options, data.into()));
            self.socket.port.output_term(TermSpec::Tuple(message));
        }
        self.socket.count_active();
        if !self.socket.options.is_active() {
            self.end_receiving();
        }
    }

    /// What `prim_inet` takes apart again: address and data in one list, whose end may be a binary.
    fn passive_result(
        &self,
        from: &Result<Vec<u8>, u8>,
        data: Bytes,
        ancillary: Option<TermSpec>,
    ) -> TermSpec {
        let from = match from {
            Ok(bytes) => bytes.clone(),
            Err(tag) => vec![*tag],
        };
        let options = &self.socket.options;
        let header = options.header.min(data.len());
        let result = if options.binary && options.header <= data.len() {
            let list = from.iter().chain(&data[..header]);
            let list = list.map(|&byte| TermSpec::Int(byte.into()));
            let rest = TermSpec::Binary(data.slice(header..));
            TermSpec::ImproperList(list.collect(), Box::new(rest))
        } else {
            TermSpec::String([&from[..], &data].concat().into())
        };
        match ancillary {
            Some(ancillary) => TermSpec::Tuple(vec![result, ancillary]),
            None => result,
        }
    }

    /// An address, control messages with their length before them, data.
    fn send(&mut self, data: &[u8]) -> Result<(), Refusal> {
        if !self.socket.is_open() {
            return Err(Refusal::INVALID);
        }
        let mut rest = data;
        let to = address::decode(self.socket.family, &mut rest)?;
        let len = take_u32(&mut rest).ok_or(Refusal::INVALID)?;
        let mut given = take(&mut rest, len as usize).ok_or(Refusal::INVALID)?;
        let mut options = Vec::new();
        while let Some(option) = take(&mut given, 1) {
            let value = take_u32(&mut given).ok_or(Refusal::INVALID)?;
            options.push((option[0], value.cast_signed()));
        }
        let control = control::encode(&options).ok_or(Refusal::INVALID)?;
        self.socket.counts.sent(rest.len());
        // A connected socket has its address already.
        let to = (!self.socket.is_connected()).then_some(&to[..]);
        let fd = self.socket.fd().ok_or(Errno::BADF)?;
        native::send_message(fd, to, &control, &[IoSlice::new(rest)], 0)?;
        Ok(())
    }

    fn answer(&mut self, number: u32, arguments: &[u8]) -> Answer {
        match number {
            request::OPEN | request::FDOPEN => self.open(number, arguments),
            request::CLOSE => {
                self.socket.close();
                Ok(Vec::new())
            }
            request::CONNECT => self.connect(arguments),
            request::PACKET_RECV => self.start_receiving(arguments),
            request::SETOPTS => {
                self.socket.set_options(arguments)?;
                Ok(Vec::new())
            }
            request::LISTEN => Err(Refusal::BAD_PORT),
            _ => self.socket.request(number, arguments, Known::default()),
        }
    }
}

/// The control messages of a datagram: `[{tos, N}, …]`.
fn ancillary(control: &[u8]) -> TermSpec {
    let found = control::decode(control);
    let pairs = found.into_iter().map(|(option, value)| {
        let name = match option {
            TOS => "tos",
            TTL => "ttl",
            TCLASS => "tclass",
            _ => "undefined",
        };
        TermSpec::Tuple(vec![TermSpec::atom(name), TermSpec::Int(value.into())])
    });
    TermSpec::List(pairs.collect())
}

/// The two elements of a message that say who sent it.
fn address_terms(from: &Result<Vec<u8>, u8>) -> (TermSpec, TermSpec) {
    let int = |value: u16| TermSpec::Int(value.into());
    let named = |name: &'static str, bytes: &[u8]| {
        let bytes = TermSpec::Binary(Bytes::copy_from_slice(bytes));
        (TermSpec::Tuple(vec![TermSpec::atom(name), bytes]), int(0))
    };
    let bytes = match from {
        Ok(bytes) => &bytes[..],
        Err(address::UNSPEC) => return named("unspec", &[]),
        Err(_) => return named("undefined", &[]),
    };
    match (Family::from_code(bytes[0]), &bytes[1..]) {
        (Some(Family::Inet), [p1, p0, host @ ..]) => {
            let host = host.iter().map(|&byte| int(byte.into())).collect();
            (TermSpec::Tuple(host), int(u16::from_be_bytes([*p1, *p0])))
        }
        (Some(Family::Inet6), [p1, p0, host @ ..]) => {
            let (pairs, _) = host.as_chunks::<2>();
            let host = pairs.iter().map(|pair| int(u16::from_be_bytes(*pair)));
            let host = TermSpec::Tuple(host.collect());
            (host, int(u16::from_be_bytes([*p1, *p0])))
        }
        (_, rest) => named("local", rest.get(1..).unwrap_or_default()),
    }
}

impl Driver for Udp {
    fn output(&mut self, data: IoVec) {
        let result = match self.send(&data.into_bytes()) {
            Ok(()) => messages::OK,
            Err(refusal) => messages::error(refusal.name()),
        };
        let port = &self.socket.port;
        messages::send_reply(port, port.caller(), result);
    }

    fn control(&mut self, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        let answer = self.answer(request::number(command), data);
        Ok(request::reply(answer))
    }

    fn ready_input(&mut self, fd: RawFd) {
        if self.socket.expects(fd, Readiness::READ) {
            self.receive();
        }
    }

    fn timeout(&mut self) {
        while self.socket.timers.due().is_some() {
            self.end_receiving();
            self.socket.finish(messages::error("timeout"));
        }
    }

    fn stop(&mut self) {
        self.socket.finish(messages::error("closed"));
        self.socket.timers.cancel_all();
        self.socket.close();
    }
}
