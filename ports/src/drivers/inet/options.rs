//! The options of sockets: those of the driver, and those of the kernel.
//!
//! In a request an option is a byte for its name and a value, mostly of four bytes. Errors of the kernel
//! are answered for some options only, as ever; where one cannot be read, it is left out of the answer.

use super::address::{self, Family};
use super::messages;
use super::request::{Answer, Refusal, take, take_i32, take_u16};
use super::socket::{Kind, Socket, State};
use crate::handle::{CloseReason, TermSpec};
use crate::sys::socket as native;
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use vm::text::packet;

/// Names of options in requests. OTP 25, inet_int.hrl.
pub(super) mod name {
    pub const REUSEADDR: u8 = 0;
    pub const KEEPALIVE: u8 = 1;
    pub const DONTROUTE: u8 = 2;
    pub const LINGER: u8 = 3;
    pub const BROADCAST: u8 = 4;
    pub const OOBINLINE: u8 = 5;
    pub const SNDBUF: u8 = 6;
    pub const RCVBUF: u8 = 7;
    pub const PRIORITY: u8 = 8;
    pub const TOS: u8 = 9;
    pub const NODELAY: u8 = 10;
    pub const MULTICAST_IF: u8 = 11;
    pub const MULTICAST_TTL: u8 = 12;
    pub const MULTICAST_LOOP: u8 = 13;
    pub const ADD_MEMBERSHIP: u8 = 14;
    pub const DROP_MEMBERSHIP: u8 = 15;
    pub const IPV6_V6ONLY: u8 = 16;
    pub const BUFFER: u8 = 20;
    pub const HEADER: u8 = 21;
    pub const ACTIVE: u8 = 22;
    pub const PACKET: u8 = 23;
    pub const MODE: u8 = 24;
    pub const DELIVER: u8 = 25;
    pub const EXIT_ON_CLOSE: u8 = 26;
    pub const HIGH_WATERMARK: u8 = 27;
    pub const LOW_WATERMARK: u8 = 28;
    pub const SEND_TIMEOUT: u8 = 30;
    pub const DELAY_SEND: u8 = 31;
    pub const PACKET_SIZE: u8 = 32;
    pub const READ_PACKETS: u8 = 33;
    pub const RAW: u8 = 34;
    pub const SEND_TIMEOUT_CLOSE: u8 = 35;
    pub const HIGH_MSGQ_WATERMARK: u8 = 36;
    pub const LOW_MSGQ_WATERMARK: u8 = 37;
    pub const NETNS: u8 = 38;
    pub const SHOW_ECONNRESET: u8 = 39;
    pub const LINE_DELIMITER: u8 = 40;
    pub const TCLASS: u8 = 41;
    pub const BIND_TO_DEVICE: u8 = 42;
    pub const RECVTOS: u8 = 43;
    pub const RECVTCLASS: u8 = 44;
    pub const PKTOPTIONS: u8 = 45;
    pub const TTL: u8 = 46;
    pub const RECVTTL: u8 = 47;
    pub const NOPUSH: u8 = 48;
    pub const DEBUG: u8 = 99;
}
pub use name::{TCLASS, TOS, TTL};

/// `{buffer, N}` unless it is set, in bytes.
const DEFAULT_BUFFER: usize = 1460;
/// Watermarks of the queue of output, in bytes.
const DEFAULT_HIGH_WATERMARK: i32 = 8192;
const DEFAULT_LOW_WATERMARK: i32 = 4096;
/// How many datagrams are read before others get their turn.
const DEFAULT_READ_PACKETS: i32 = 5;
/// The largest datagram, which bounds the buffer that `recbuf` implies.
const LARGEST_DATAGRAM: usize = 1 << 16;
/// The most bytes of options in an answer.
const LARGEST_ANSWER: usize = 64 * 1024;
/// The bytes in front of the value of a raw option.
const RAW_HEADER: usize = 13;

/// When received data is sent to the owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Active {
    /// When it is asked for.
    Passive,
    /// At once.
    AtOnce,
    /// The next message, then no more.
    Once,
    /// As many messages as the counter says, then no more.
    Counted,
}

impl Active {
    fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Passive,
            2 => Self::Once,
            3 => Self::Counted,
            _ => Self::AtOnce,
        }
    }

    fn code(self) -> i32 {
        match self {
            Self::Passive => 0,
            Self::AtOnce => 1,
            Self::Once => 2,
            Self::Counted => 3,
        }
    }
}

/// The options that the driver keeps.
#[derive(Clone, Debug)]
pub struct Options {
    /// The size of a read, in bytes.
    pub buffer: usize,
    buffer_set: bool,
    /// How many bytes of a message come as a list before its binary.
    pub header: usize,
    /// When data is sent to the owner.
    pub active: Active,
    /// How many more messages are sent to the owner.
    pub active_count: i16,
    /// How the stream is cut.
    pub packet: packet::Kind,
    /// The longest packet; 0: no limit.
    pub packet_size: usize,
    /// The last byte of a line.
    pub line_delimiter: u8,
    /// Data are binaries, else lists.
    pub binary: bool,
    /// Data are sent as a port sends them.
    pub deliver_port: bool,
    /// The port ends with the connection.
    pub exit_on_close: bool,
    /// From here on senders have to wait, in bytes.
    pub high_watermark: i32,
    /// Up to here they go on, in bytes.
    pub low_watermark: i32,
    high_msgq: i32,
    low_msgq: i32,
    /// How long senders wait, in milliseconds; none: for ever.
    pub send_timeout: Option<u32>,
    /// The socket is closed when a sender has waited too long.
    pub send_timeout_close: bool,
    /// Output is gathered.
    pub delay_send: bool,
    /// A reset is not taken for the end.
    pub show_econnreset: bool,
    /// Output is thrown away when the socket is closed.
    pub linger_zero: bool,
    /// How many datagrams are read before others get their turn.
    pub read_packets: i32,
    /// A file that stands for a network namespace.
    pub netns: Option<Vec<u8>>,
    /// Which control messages are wanted with a datagram.
    pub ancillary: Ancillary,
    debug: bool,
}

/// Which control messages are wanted with a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ancillary {
    /// `{recvtos, true}`.
    pub tos: bool,
    /// `{recvtclass, true}`.
    pub tclass: bool,
    /// `{recvttl, true}`.
    pub ttl: bool,
}

impl Ancillary {
    /// Whether any is.
    pub fn any(self) -> bool {
        self.tos || self.tclass || self.ttl
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            buffer: DEFAULT_BUFFER,
            buffer_set: false,
            header: 0,
            active: Active::Passive,
            active_count: 0,
            packet: packet::Kind::Raw,
            packet_size: 0,
            line_delimiter: b'\n',
            binary: false,
            deliver_port: false,
            exit_on_close: true,
            high_watermark: DEFAULT_HIGH_WATERMARK,
            low_watermark: DEFAULT_LOW_WATERMARK,
            high_msgq: DEFAULT_HIGH_WATERMARK,
            low_msgq: DEFAULT_LOW_WATERMARK,
            send_timeout: None,
            send_timeout_close: false,
            delay_send: false,
            show_econnreset: false,
            linger_zero: false,
            read_packets: DEFAULT_READ_PACKETS,
            netns: None,
            ancillary: Ancillary::default(),
            debug: false,
        }
    }
}

impl Options {
    /// What a connection that is accepted takes over from its listener.
    pub fn for_accepted(&self) -> Self {
        Self {
            buffer: self.buffer,
            header: self.header,
            packet: self.packet,
            packet_size: self.packet_size,
            binary: self.binary,
            deliver_port: self.deliver_port,
            exit_on_close: self.exit_on_close,
            high_watermark: self.high_watermark,
            low_watermark: self.low_watermark,
            high_msgq: self.high_msgq,
            low_msgq: self.low_msgq,
            send_timeout: self.send_timeout,
            send_timeout_close: self.send_timeout_close,
            show_econnreset: self.show_econnreset,
            linger_zero: self.linger_zero,
            ..Self::default()
        }
    }

    /// Whether data is sent to the owner.
    pub fn is_active(&self) -> bool {
        self.active != Active::Passive
    }
}

/// The kinds of packets, in the order of their numbers.
const PACKETS: [packet::Kind; 15] = {
    use packet::Kind as K;
    [
        K::Raw,
        K::One,
        K::Two,
        K::Four,
        K::Asn1,
        K::Sunrm,
        K::Cdr,
        K::Fcgi,
        K::Line,
        K::Tpkt,
        K::Http,
        K::Httph,
        K::SslTls,
        K::HttpBin,
        K::HttphBin,
    ]
};

fn packet_code(kind: packet::Kind) -> i32 {
    let at = PACKETS.iter().position(|&known| known == kind);
    at.unwrap_or(0) as i32
}

/// An option of the kernel whose value is a number.
struct Numeric {
    level: i32,
    name: i32,
    /// Whether an error in setting it is answered.
    told: bool,
}

fn numeric(option: u8) -> Option<Numeric> {
    use libc as c;
    let (level, name, told) = match option {
        name::REUSEADDR => (c::SOL_SOCKET, c::SO_REUSEADDR, false),
        name::KEEPALIVE => (c::SOL_SOCKET, c::SO_KEEPALIVE, false),
        name::DONTROUTE => (c::SOL_SOCKET, c::SO_DONTROUTE, false),
        name::BROADCAST => (c::SOL_SOCKET, c::SO_BROADCAST, false),
        name::OOBINLINE => (c::SOL_SOCKET, c::SO_OOBINLINE, false),
        name::SNDBUF => (c::SOL_SOCKET, c::SO_SNDBUF, false),
        name::RCVBUF => (c::SOL_SOCKET, c::SO_RCVBUF, false),
        name::PRIORITY => (c::SOL_SOCKET, c::SO_PRIORITY, true),
        name::TOS => (c::IPPROTO_IP, c::IP_TOS, true),
        name::TTL => (c::IPPROTO_IP, c::IP_TTL, true),
        name::RECVTOS => (c::IPPROTO_IP, c::IP_RECVTOS, true),
        name::RECVTTL => (c::IPPROTO_IP, c::IP_RECVTTL, true),
        name::TCLASS => (c::IPPROTO_IPV6, c::IPV6_TCLASS, true),
        name::RECVTCLASS => (c::IPPROTO_IPV6, c::IPV6_RECVTCLASS, true),
        name::IPV6_V6ONLY => (c::IPPROTO_IPV6, c::IPV6_V6ONLY, true),
        name::NODELAY => (c::IPPROTO_TCP, c::TCP_NODELAY, false),
        name::NOPUSH => (c::IPPROTO_TCP, c::TCP_CORK, false),
        name::MULTICAST_TTL => (c::IPPROTO_IP, c::IP_MULTICAST_TTL, false),
        name::MULTICAST_LOOP => (c::IPPROTO_IP, c::IP_MULTICAST_LOOP, false),
        _ => return None,
    };
    Some(Numeric { level, name, told })
}

/// Sets an option and keeps type of service and priority as they were, which the kernel ties to each
/// other and to others. `told`: errors in doing so count.
fn set_kept(
    fd: Option<BorrowedFd<'_>>,
    level: i32,
    name: i32,
    value: &[u8],
    told: bool,
) -> Result<(), Errno> {
    let priority_option = (libc::SOL_SOCKET, libc::SO_PRIORITY);
    let tos_option = (libc::IPPROTO_IP, libc::IP_TOS);
    let read = |(level, name)| native::number_option(fd, level, name);
    let write =
        |(level, name), value: i32| native::set_option(fd, level, name, &value.to_ne_bytes());
    let (priority, tos) = (read(priority_option), read(tos_option));
    native::set_option(fd, level, name, value)?;
    if name == libc::SO_PRIORITY {
        return Ok(());
    }
    let mut result = Ok(());
    if name != libc::IP_TOS
        && let Ok(tos) = tos
    {
        result = write(tos_option, tos);
        if !told {
            result = Ok(());
        }
    }
    if result.is_ok()
        && let Ok(priority) = priority
    {
        result = match write(priority_option, priority) {
            // The kernel may have set one that it does not let be set.
            Err(Errno::PERM) => Ok(()),
            other if told => other,
            _ => Ok(()),
        };
    }
    result
}

/// What setting options asks the driver to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    Nothing,
    /// Hand on what is received already.
    Deliver,
    /// Receive.
    Receive,
}

impl Socket {
    /// `INET_REQ_SETOPTS`.
    pub fn set_options(&mut self, mut bytes: &[u8]) -> Result<Next, Refusal> {
        let (old_packet, old_active) = (self.options.packet, self.options.active);
        while bytes.len() >= 5 {
            self.set_option(&mut bytes).ok_or(Refusal::INVALID)?;
        }
        let ready = match self.kind {
            Kind::Stream => self.is_connected(),
            Kind::Datagram => self.is_open(),
        };
        if !ready {
            return Ok(Next::Nothing);
        }
        let active = self.options.active;
        let was_passive = old_active == Active::Passive;
        let same_packet = self.options.packet == old_packet;
        let stream = self.kind == Kind::Stream;
        if stream && was_passive && same_packet && matches!(active, Active::Once | Active::Counted)
        {
            return Ok(Next::Receive);
        }
        if active != old_active {
            self.select(crate::handle::Readiness::READ, self.options.is_active());
        }
        if stream && self.options.is_active() && (was_passive || !same_packet) {
            return Ok(Next::Deliver);
        }
        Ok(Next::Nothing)
    }

    /// Takes one option off the front; none if it is wrong.
    fn set_option(&mut self, bytes: &mut &[u8]) -> Option<()> {
        let option = take(bytes, 1)?[0];
        let value = take_i32(bytes)?;
        let flag = value != 0;
        let stream = self.kind == Kind::Stream;
        let options = &mut self.options;
        match option {
            name::HEADER => options.header = value.cast_unsigned() as usize,
            name::MODE => options.binary = flag,
            name::DELIVER => options.deliver_port = value == 0,
            name::BUFFER => {
                options.buffer = usize::try_from(value).unwrap_or(1).max(1);
                options.buffer_set = true;
            }
            name::ACTIVE => return self.set_active(value, bytes),
            name::PACKET => options.packet = *PACKETS.get(usize::try_from(value).ok()?)?,
            name::PACKET_SIZE => options.packet_size = value.cast_unsigned() as usize,
            name::EXIT_ON_CLOSE => options.exit_on_close = flag,
            name::HIGH_WATERMARK if stream => {
                options.high_watermark = value.max(0);
                options.low_watermark = options.low_watermark.min(options.high_watermark);
            }
            name::LOW_WATERMARK if stream => {
                options.low_watermark = value.max(0);
                options.high_watermark = options.high_watermark.max(options.low_watermark);
            }
            // Messages do not wait in a queue of the port's own here: the driver is called at once.
            name::HIGH_MSGQ_WATERMARK if value >= 1 => {
                options.high_msgq = value;
                options.low_msgq = options.low_msgq.min(value);
            }
            name::LOW_MSGQ_WATERMARK if value >= 1 => {
                options.low_msgq = value;
                options.high_msgq = options.high_msgq.max(value);
            }
            name::SEND_TIMEOUT if stream => {
                options.send_timeout = (value != -1).then_some(value.cast_unsigned());
            }
            name::SEND_TIMEOUT_CLOSE if stream => options.send_timeout_close = flag,
            name::DELAY_SEND if stream => options.delay_send = flag,
            name::READ_PACKETS if stream => {}
            name::READ_PACKETS if value > 0 => options.read_packets = value,
            name::NETNS => {
                let file = take(bytes, usize::try_from(value).ok()?)?;
                options.netns = Some(file.to_vec());
            }
            name::SHOW_ECONNRESET => options.show_econnreset = flag && stream,
            name::LINE_DELIMITER => options.line_delimiter = value as u8,
            name::DEBUG => options.debug = flag,
            name::HIGH_WATERMARK
            | name::LOW_WATERMARK
            | name::SEND_TIMEOUT
            | name::SEND_TIMEOUT_CLOSE
            | name::DELAY_SEND => {}
            _ => return self.set_native(option, value, bytes),
        }
        Some(())
    }

    fn set_active(&mut self, value: i32, bytes: &mut &[u8]) -> Option<()> {
        let options = &mut self.options;
        options.active = Active::from_code(value);
        if options.active == Active::Counted {
            let more = take_u16(bytes)?.cast_signed();
            options.active_count = options.active_count.checked_add(more)?.max(0);
            if options.active_count == 0 {
                options.active = Active::Passive;
                self.tell_passive();
            }
        } else {
            options.active_count = 0;
        }
        let over = self.kind == Kind::Stream && self.state == State::Closed;
        if over && self.options.is_active() {
            if std::mem::take(&mut self.reset_untold) {
                let reset = TermSpec::atom(messages::name(Errno::CONNRESET));
                messages::tell_what(&self.port, "tcp_error", reset);
            }
            self.tell_closed();
            if self.options.exit_on_close {
                self.port.exit_silently(CloseReason::Eof);
            }
        }
        Some(())
    }

    /// Tells the owner, once, that the connection has ended.
    pub fn tell_closed(&mut self) {
        if !std::mem::replace(&mut self.close_told, true) {
            messages::tell(&self.port, "tcp_closed");
        }
    }

    /// Tells the owner that nothing is sent to it any more.
    fn tell_passive(&self) {
        messages::tell(
            &self.port,
            match self.kind {
                Kind::Stream => "tcp_passive",
                Kind::Datagram => "udp_passive",
            },
        );
    }

    /// A message was sent to the owner: `once` and the counter are used up.
    pub fn count_active(&mut self) {
        match self.options.active {
            Active::Once => self.options.active = Active::Passive,
            Active::Counted => {
                self.options.active_count -= 1;
                if self.options.active_count <= 0 {
                    self.options.active_count = 0;
                    self.options.active = Active::Passive;
                    self.tell_passive();
                }
            }
            Active::Passive | Active::AtOnce => {}
        }
    }

    /// An option of the kernel.
    fn set_native(&mut self, option: u8, value: i32, bytes: &mut &[u8]) -> Option<()> {
        if let Some(Numeric { level, name, told }) = numeric(option) {
            if option == name::RCVBUF && !self.options.buffer_set {
                let wanted = usize::try_from(value).unwrap_or(0);
                let bound = wanted.min(LARGEST_DATAGRAM);
                if self.kind == Kind::Datagram && wanted > LARGEST_DATAGRAM {
                    self.options.buffer = bound;
                } else {
                    self.options.buffer = self.options.buffer.max(wanted);
                }
            }
            let result = set_kept(self.fd(), level, name, &value.to_ne_bytes(), told);
            if result.is_ok() {
                let ancillary = &mut self.options.ancillary;
                match option {
                    name::RECVTOS => ancillary.tos = value != 0,
                    name::RECVTCLASS => ancillary.tclass = value != 0,
                    name::RECVTTL => ancillary.ttl = value != 0,
                    _ => {}
                }
            }
            return if told { result.ok() } else { Some(()) };
        }
        match option {
            name::LINGER => {
                let seconds = take_i32(bytes)?;
                self.options.linger_zero = value != 0 && seconds == 0 && self.kind == Kind::Stream;
                let linger = [value.to_ne_bytes(), seconds.to_ne_bytes()].concat();
                let _ = set_kept(self.fd(), libc::SOL_SOCKET, libc::SO_LINGER, &linger, false);
            }
            name::MULTICAST_IF => {
                let (level, name) = multicast_if(self.family)?;
                let value = match self.family {
                    Some(Family::Inet6) => value.to_ne_bytes(),
                    _ => value.to_be_bytes(),
                };
                let _ = set_kept(self.fd(), level, name, &value, false);
            }
            name::ADD_MEMBERSHIP | name::DROP_MEMBERSHIP => {
                self.set_membership(option == name::ADD_MEMBERSHIP, value, bytes)?;
            }
            name::RAW => {
                let name = take_i32(bytes)?;
                let len = usize::try_from(take_i32(bytes)?).ok()?;
                let contents = take(bytes, len)?;
                let _ = set_kept(self.fd(), value, name, contents, false);
            }
            name::BIND_TO_DEVICE => {
                let device = take(bytes, usize::try_from(value).ok()?)?;
                if device.len() > libc::IFNAMSIZ {
                    return None;
                }
                let mut contents = [0; libc::IFNAMSIZ];
                contents[..device.len()].copy_from_slice(device);
                let (level, name) = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
                set_kept(self.fd(), level, name, &contents, true).ok()?;
            }
            _ => return None,
        }
        Some(())
    }

    /// Joins a multicast group or leaves it: interface, then group and, for IPv4, local address.
    fn set_membership(&mut self, join: bool, family: i32, bytes: &mut &[u8]) -> Option<()> {
        let family = Family::from_code(u8::try_from(family).ok()?)?;
        let interface = take_i32(bytes)?;
        if Some(family) != self.family {
            return None;
        }
        let (level, name, value) = match family {
            Family::Inet => {
                let hosts = take(bytes, 8)?;
                let name = if join {
                    libc::IP_ADD_MEMBERSHIP
                } else {
                    libc::IP_DROP_MEMBERSHIP
                };
                let value = [hosts, &interface.to_ne_bytes()].concat();
                (libc::IPPROTO_IP, name, value)
            }
            Family::Inet6 => {
                let group = take(bytes, 16)?;
                let name = if join {
                    libc::IPV6_ADD_MEMBERSHIP
                } else {
                    libc::IPV6_DROP_MEMBERSHIP
                };
                let value = [group, &interface.to_ne_bytes()].concat();
                (libc::IPPROTO_IPV6, name, value)
            }
            Family::Local => return None,
        };
        let _ = set_kept(self.fd(), level, name, &value, false);
        Some(())
    }

    /// `INET_REQ_GETOPTS`: names of options, a few with what the kernel needs to be told.
    pub fn get_options(&self, mut wanted: &[u8]) -> Answer {
        let mut answer = Vec::new();
        while let Some(option) = take(&mut wanted, 1) {
            self.get_option(option[0], &mut wanted, &mut answer)
                .ok_or(Refusal::INVALID)?;
            if answer.len() >= LARGEST_ANSWER {
                return Err(Refusal::INVALID);
            }
        }
        Ok(answer)
    }

    fn get_option(&self, option: u8, wanted: &mut &[u8], answer: &mut Vec<u8>) -> Option<()> {
        let options = &self.options;
        let stream = self.kind == Kind::Stream;
        let value = match option {
            name::BUFFER => options.buffer as i32,
            name::HEADER => options.header as i32,
            name::MODE => options.binary.into(),
            name::DELIVER => (!options.deliver_port).into(),
            name::ACTIVE => {
                put(answer, option, options.active.code());
                if options.active == Active::Counted {
                    answer.extend(options.active_count.to_be_bytes());
                }
                return Some(());
            }
            name::PACKET => packet_code(options.packet),
            name::PACKET_SIZE => options.packet_size as i32,
            name::EXIT_ON_CLOSE => options.exit_on_close.into(),
            name::HIGH_WATERMARK if stream => options.high_watermark,
            name::LOW_WATERMARK if stream => options.low_watermark,
            name::HIGH_MSGQ_WATERMARK => options.high_msgq,
            name::LOW_MSGQ_WATERMARK => options.low_msgq,
            name::SEND_TIMEOUT if stream => options.send_timeout.map_or(-1, u32::cast_signed),
            name::SEND_TIMEOUT_CLOSE if stream => options.send_timeout_close.into(),
            name::DELAY_SEND if stream => options.delay_send.into(),
            name::SHOW_ECONNRESET if stream => options.show_econnreset.into(),
            name::READ_PACKETS if !stream => options.read_packets,
            name::DEBUG => options.debug.into(),
            name::NETNS => {
                if let Some(file) = &options.netns {
                    put(answer, option, file.len() as i32);
                    answer.extend(file);
                }
                return Some(());
            }
            // These are of the other kind of socket.
            name::HIGH_WATERMARK
            | name::LOW_WATERMARK
            | name::SEND_TIMEOUT
            | name::SEND_TIMEOUT_CLOSE
            | name::DELAY_SEND
            | name::SHOW_ECONNRESET
            | name::READ_PACKETS => return Some(()),
            _ => return self.get_native(option, wanted, answer),
        };
        put(answer, option, value);
        Some(())
    }

    fn get_native(&self, option: u8, wanted: &mut &[u8], answer: &mut Vec<u8>) -> Option<()> {
        if let Some(Numeric { level, name, .. }) = numeric(option) {
            if let Ok(value) = native::number_option(self.fd(), level, name) {
                put(answer, option, value);
            }
            return Some(());
        }
        match option {
            name::LINGER => {
                let mut linger = [0; 8];
                let (level, name) = (libc::SOL_SOCKET, libc::SO_LINGER);
                if native::option(self.fd(), level, name, &mut linger).is_ok() {
                    let number = |at: usize| {
                        i32::from_ne_bytes([
                            linger[at],
                            linger[at + 1],
                            linger[at + 2],
                            linger[at + 3],
                        ])
                    };
                    put(answer, option, number(0));
                    answer.extend(number(4).to_be_bytes());
                }
            }
            name::MULTICAST_IF => {
                let (level, name) = multicast_if(self.family)?;
                let domain = match self.family {
                    Some(Family::Inet6) => address::INET6,
                    _ => address::INET,
                };
                let value = native::number_option(self.fd(), level, name);
                if let Ok(value) = value {
                    // An address as the kernel has it, or an index; then the family.
                    let value = match self.family {
                        Some(Family::Inet6) => value.to_be_bytes(),
                        _ => value.to_ne_bytes(),
                    };
                    put(answer, option, i32::from_be_bytes(value));
                    answer.extend(u32::from(domain).to_be_bytes());
                }
            }
            name::RAW => self.get_raw(wanted, answer)?,
            name::BIND_TO_DEVICE => {
                let mut device = [0; libc::IFNAMSIZ];
                let (level, name) = (libc::SOL_SOCKET, libc::SO_BINDTODEVICE);
                if let Ok(len) = native::option(self.fd(), level, name, &mut device) {
                    let text = device[..len].split(|&byte| byte == 0).next()?;
                    put(answer, option, text.len() as i32);
                    answer.extend(text);
                }
            }
            name::PKTOPTIONS => self.get_packet_options(answer)?,
            _ => return None,
        }
        Some(())
    }

    /// `{raw, Level, Name, Value}`: level, name, whether there is a value, its size, the value.
    fn get_raw(&self, wanted: &mut &[u8], answer: &mut Vec<u8>) -> Option<()> {
        let level = take_i32(wanted)?;
        let name = take_i32(wanted)?;
        let given = take(wanted, 1)?[0] != 0;
        let size = usize::try_from(take_i32(wanted)?).ok()?;
        if answer.len() + RAW_HEADER + size > LARGEST_ANSWER {
            return None;
        }
        let mut value = if given {
            take(wanted, size)?.to_vec()
        } else {
            vec![0; size]
        };
        if let Ok(len) = native::option(self.fd(), level, name, &mut value) {
            put(answer, name::RAW, level);
            answer.extend(name.to_be_bytes());
            answer.extend((len as u32).to_be_bytes());
            answer.extend(&value[..len]);
        }
        Some(())
    }

    /// The control messages of a stream: what would come with a datagram.
    fn get_packet_options(&self, answer: &mut Vec<u8>) -> Option<()> {
        let (level, name) = match self.family? {
            Family::Inet => (libc::IPPROTO_IP, libc::IP_PKTOPTIONS),
            Family::Inet6 => (libc::IPPROTO_IPV6, libc::IPV6_2292PKTOPTIONS),
            Family::Local => return None,
        };
        // Room for a type of service and a time to live.
        let mut control = [0; 48];
        let Ok(len) = native::option(self.fd(), level, name, &mut control) else {
            return Some(());
        };
        let found = super::control::decode(&control[..len]);
        put(answer, name::PKTOPTIONS, found.len() as i32 * 5);
        for (option, value) in found {
            put(answer, option, value);
        }
        Some(())
    }
}

fn put(answer: &mut Vec<u8>, option: u8, value: i32) {
    answer.push(option);
    answer.extend(value.to_be_bytes());
}

fn multicast_if(family: Option<Family>) -> Option<(i32, i32)> {
    match family? {
        Family::Inet => Some((libc::IPPROTO_IP, libc::IP_MULTICAST_IF)),
        Family::Inet6 => Some((libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF)),
        Family::Local => None,
    }
}
