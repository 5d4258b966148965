//! What all sockets share: the descriptor, its state, the operation under way, statistics.

use super::address::{self, Family};
use super::interfaces;
use super::messages;
use super::options::Options;
use super::request::{self, Answer, Refusal, take, take_i32};
use super::services;
use super::timers::Timers;
use crate::handle::{PidToken, PortHandle, Readiness, TermSpec};
use crate::sys::socket as native;
use crate::sys::terminal;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// What a socket can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is none.
    Closed,
    /// It is made, perhaps bound.
    Open,
    /// It takes connections.
    Listening,
    /// It is being connected.
    Connecting,
    /// It is connected.
    Connected,
}

/// Bits of the state, as `INET_REQ_GETSTATUS` answers them.
mod bits {
    pub const OPEN: u32 = 0x01;
    pub const ACTIVE: u32 = 0x04;
    pub const LISTEN: u32 = 0x08;
    pub const CONNECTING: u32 = 0x10;
    pub const ACCEPTING: u32 = 0x20;
    pub const BUSY: u32 = 0x80;
}

/// Whether a socket is one of streams or of datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `SOCK_STREAM`.
    Stream,
    /// `SOCK_DGRAM`.
    Datagram,
}

impl Kind {
    fn native(self) -> i32 {
        match self {
            Self::Stream => libc::SOCK_STREAM,
            Self::Datagram => libc::SOCK_DGRAM,
        }
    }

    fn protocol(self) -> i32 {
        match self {
            Self::Stream => libc::IPPROTO_TCP,
            Self::Datagram => libc::IPPROTO_UDP,
        }
    }

    /// Its number in requests.
    pub fn code(self) -> u8 {
        match self {
            Self::Stream => request::TYPE_STREAM,
            Self::Datagram => request::TYPE_DGRAM,
        }
    }
}

/// A descriptor.
enum Descriptor {
    /// Closed with the socket.
    Own(OwnedFd),
    /// From the user (`{fd, Fd}`), who closes it.
    Lent(RawFd),
}

impl Descriptor {
    fn borrow(&self) -> BorrowedFd<'_> {
        match self {
            Self::Own(fd) => fd.as_fd(),
            Self::Lent(fd) => terminal::borrow(*fd),
        }
    }
}

/// An operation whose end is told by a message.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its number.
    pub number: u16,
    /// Who waits for it.
    pub caller: PidToken,
}

/// Reports of a descriptor that a user has taken away (`inet:tcp_controlling_process` of `ssl`'s port program).
#[derive(Clone, Copy, Debug, Default)]
struct Ignored {
    on: bool,
    wanted: Readiness,
}

/// A socket.
pub struct Socket {
    /// Its port.
    pub port: PortHandle,
    /// What it can do.
    pub state: State,
    /// Streams or datagrams; the requests before `open` do not know yet.
    pub kind: Kind,
    /// Its family, once it is open.
    pub family: Option<Family>,
    /// Its options.
    pub options: Options,
    /// Its timers.
    pub timers: Timers,
    /// The operation under way.
    pub operation: Option<Operation>,
    /// Who has to be told when there is no output left.
    pub subscribers: Vec<PidToken>,
    /// Statistics.
    pub counts: Counts,
    /// The owner was told `tcp_closed`.
    pub close_told: bool,
    /// The other side has reset the connection, and nobody has been told yet.
    pub reset_untold: bool,
    descriptor: Option<Descriptor>,
    selected: Readiness,
    ignored: Ignored,
    next_operation: u16,
    /// Addresses that `setsockname` and `setpeername` have made up.
    name: Option<Vec<u8>>,
    peer: Option<Vec<u8>>,
}

impl Socket {
    /// One that is not open.
    pub fn new(port: PortHandle, kind: Kind) -> Self {
        Self {
            state: State::Closed,
            kind,
            family: None,
            options: Options::default(),
            timers: Timers::new(port.clone()),
            operation: None,
            subscribers: Vec::new(),
            counts: Counts::default(),
            close_told: false,
            reset_untold: false,
            descriptor: None,
            selected: Readiness::NONE,
            ignored: Ignored::default(),
            next_operation: 0,
            name: None,
            peer: None,
            port,
        }
    }

    /// Gives it the descriptor of a connection that was accepted.
    pub fn adopt(&mut self, fd: OwnedFd, family: Option<Family>) {
        self.descriptor = Some(Descriptor::Own(fd));
        self.family = family;
        self.state = State::Connected;
    }

    /// Its descriptor.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(Descriptor::borrow)
    }

    /// Whether there is a socket.
    pub fn is_open(&self) -> bool {
        self.state != State::Closed
    }

    /// Whether it is connected.
    pub fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// `INET_REQ_OPEN`: family and type.
    pub fn open(&mut self, arguments: &[u8]) -> Answer {
        let &[family, kind] = arguments else {
            return Err(Refusal::INVALID);
        };
        let family = Family::from_code(family).ok_or(Refusal::Word("eafnosupport"))?;
        if kind != self.kind.code() {
            return Err(Refusal::INVALID);
        }
        if self.is_open() {
            return Err(Refusal::BAD_SEQUENCE);
        }
        let protocol = match family {
            Family::Local => 0,
            _ => self.kind.protocol(),
        };
        let open = || native::open(family.native(), self.kind.native(), protocol);
        let fd = match &self.options.netns {
            Some(namespace) => native::in_namespace(namespace, open)?,
            None => open()?,
        };
        self.descriptor = Some(Descriptor::Own(fd));
        self.state = State::Open;
        self.family = Some(family);
        Ok(Vec::new())
    }

    /// `INET_REQ_FDOPEN`: family, type, descriptor, and whether it is bound.
    pub fn open_descriptor(&mut self, mut arguments: &[u8]) -> Answer {
        if ![6, 10].contains(&arguments.len()) {
            return Err(Refusal::INVALID);
        }
        let [family, kind] = *take(&mut arguments, 2).ok_or(Refusal::INVALID)? else {
            return Err(Refusal::INVALID);
        };
        let family = Family::from_code(family).ok_or(Refusal::Word("eafnosupport"))?;
        let fd = take_i32(&mut arguments).ok_or(Refusal::INVALID)?;
        let bound = take_i32(&mut arguments) != Some(0);
        if kind != self.kind.code() {
            return Err(Refusal::INVALID);
        }
        if fd < 0 {
            return Err(Errno::BADF.into());
        }
        let borrowed = terminal::borrow(fd);
        if bound && address::family(&native::name(Some(borrowed))?) != Some(family) {
            return Err(Refusal::INVALID);
        }
        if let Ok(flags) = rustix::fs::fcntl_getfl(borrowed) {
            // A descriptor that is none is found out when it is used.
            let _ = rustix::fs::fcntl_setfl(borrowed, flags | OFlags::NONBLOCK);
        }
        let connected = self.kind == Kind::Stream && native::peer(Some(borrowed)).is_ok();
        self.descriptor = Some(Descriptor::Lent(fd));
        self.state = if connected {
            State::Connected
        } else {
            State::Open
        };
        self.family = Some(family);
        Ok(Vec::new())
    }

    /// Closes it; one that the user lent is only let alone.
    pub fn close(&mut self) {
        self.subscribers.clear();
        if let Some(fd) = self.fd().map(|fd| fd.as_raw_fd()) {
            let _ = self.port.select(fd, Readiness::BOTH, false);
        }
        self.selected = Readiness::NONE;
        if !matches!(self.descriptor, Some(Descriptor::Lent(_))) {
            self.descriptor = None;
            self.state = State::Closed;
            self.ignored = Ignored::default();
        }
    }

    /// Asks for reports of the descriptor, or no longer.
    pub fn select(&mut self, what: Readiness, on: bool) {
        if self.ignored.on {
            self.ignored.wanted = if on {
                self.ignored.wanted.union(what)
            } else {
                self.ignored.wanted.difference(what)
            };
            return;
        }
        let changed = if on {
            what.difference(self.selected)
        } else {
            what.intersection(self.selected)
        };
        if changed.is_none() {
            return;
        }
        if let Some(fd) = self.fd().map(|fd| fd.as_raw_fd())
            && self.port.select(fd, changed, on).is_ok()
        {
            self.selected = if on {
                self.selected.union(changed)
            } else {
                self.selected.difference(changed)
            };
        }
    }

    /// Whether a report is one that is still wanted.
    pub fn expects(&self, fd: RawFd, what: Readiness) -> bool {
        let mine = self.fd().is_some_and(|own| own.as_raw_fd() == fd);
        mine && !self.selected.intersection(what).is_none()
    }

    /// Whether output is waited for.
    pub fn awaits_writing(&self) -> bool {
        self.selected.write
    }

    /// Whether the user has taken the descriptor away.
    pub fn is_ignored(&self) -> bool {
        self.ignored.on
    }

    /// `INET_REQ_IGNOREFD`.
    pub fn ignore(&mut self, arguments: &[u8]) -> Answer {
        if !self.is_connected() {
            return Err(Errno::NOTCONN.into());
        }
        match (arguments.first(), self.ignored.on) {
            (Some(1), false) => {
                let wanted = self.selected;
                self.select(Readiness::BOTH, false);
                self.ignored = Ignored { on: true, wanted };
            }
            (Some(0), true) => {
                let wanted = std::mem::take(&mut self.ignored).wanted;
                self.select(wanted, true);
            }
            _ => return Err(Refusal::INVALID),
        }
        Ok(Vec::new())
    }

    /// A number for an operation of the process that is asking.
    pub fn new_operation(&mut self) -> Operation {
        let number = self.next_operation;
        self.next_operation = number.wrapping_add(1);
        Operation {
            number,
            caller: self.port.caller(),
        }
    }

    /// Begins the one operation that a socket may have; the answer holds its number.
    pub fn begin(&mut self) -> Answer {
        if self.operation.is_some() {
            return Err(Errno::ALREADY.into());
        }
        let operation = self.new_operation();
        self.operation = Some(operation);
        Ok(operation.number.to_be_bytes().to_vec())
    }

    /// Ends the operation under way, if there is one.
    pub fn finish(&mut self, result: TermSpec) {
        if let Some(operation) = self.operation.take() {
            messages::send_async(&self.port, operation.caller, operation.number, result);
        }
    }

    /// `INET_REQ_BIND`: an address; the answer is the port.
    pub fn bind(&mut self, mut arguments: &[u8]) -> Answer {
        if arguments.len() < 2 {
            return Err(Refusal::INVALID);
        }
        if self.state != State::Open {
            return Err(Refusal::BAD_PORT);
        }
        let local = address::decode(self.family, &mut arguments)?;
        let fd = self.fd().ok_or(Errno::BADF)?;
        native::bind(fd, &local)?;
        let port = match address::port(&local) {
            0 => native::name(Some(fd)).map_or(0, |name| address::port(&name)),
            port => port,
        };
        Ok(port.to_be_bytes().to_vec())
    }

    /// The requests that all sockets know. `accepting`, `busy` and `queued` are what its driver knows.
    pub fn request(&mut self, number: u32, arguments: &[u8], driver: Known) -> Answer {
        match number {
            request::OPEN => self.open(arguments),
            request::FDOPEN => self.open_descriptor(arguments),
            request::BIND => self.bind(arguments),
            request::GETOPTS => self.get_options(arguments),
            request::GETSTAT => self.counts.answer(arguments, driver.queued),
            request::SUBSCRIBE => self.subscribe(arguments, driver.queued),
            request::GETSTATUS => Ok(self.status(driver).to_be_bytes().to_vec()),
            request::GETTYPE => self.get_type(),
            request::GETFD => match self.fd() {
                Some(fd) if self.is_open() => Ok(fd.as_raw_fd().to_be_bytes().to_vec()),
                _ => Err(Refusal::INVALID),
            },
            request::GETHOSTNAME if arguments.is_empty() => {
                Ok(rustix::system::uname().nodename().to_bytes().to_vec())
            }
            request::NAME => match &self.name {
                Some(name) => Ok(name.clone()),
                None => answer_address(native::name(self.fd())),
            },
            request::PEER if !self.is_connected() => Err(Errno::NOTCONN.into()),
            request::PEER => match &self.peer {
                Some(peer) => Ok(peer.clone()),
                None => answer_address(native::peer(self.fd())),
            },
            request::SETNAME => self.made_up(arguments).map(|name| {
                self.name = name;
                Vec::new()
            }),
            request::SETPEER => self.made_up(arguments).map(|peer| {
                self.peer = peer;
                Vec::new()
            }),
            request::GETLADDRS | request::GETPADDRS if arguments.len() != 4 => {
                Err(Refusal::INVALID)
            }
            request::GETLADDRS | request::GETPADDRS if !self.is_open() => Err(Refusal::BAD_PORT),
            request::IGNOREFD => self.ignore(arguments),
            request::GETLADDRS => answer_address(native::name(self.fd())),
            request::GETPADDRS => answer_address(native::peer(self.fd())),
            request::GETHOSTNAME => Err(Refusal::INVALID),
            request::GETSERVBYNAME => services::by_name(arguments),
            request::GETSERVBYPORT => services::by_port(arguments),
            request::GETIFLIST..=request::IFSET | request::GETIFADDRS if !self.is_open() => {
                Err(Refusal::BAD_PORT)
            }
            request::GETIFLIST => interfaces::names(self.fd()),
            request::IFGET => interfaces::get(self.fd(), arguments),
            request::IFSET => interfaces::set(self.fd(), arguments),
            request::GETIFADDRS => interfaces::all(self.options.netns.as_deref()),
            _ => Err(Refusal::BAD_PORT),
        }
    }

    /// An address that the user has made up; none to take the true one again.
    fn made_up(&self, mut arguments: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        match arguments.len() {
            0 => Ok(None),
            1 => Err(Refusal::INVALID),
            _ => {
                let native = address::decode(self.family, &mut arguments)?;
                address::encode(&native).map(Some).ok_or(Refusal::INVALID)
            }
        }
    }

    fn get_type(&self) -> Answer {
        let family = self.family.ok_or(Refusal::INVALID)?;
        let codes = [family.code(), self.kind.code()];
        Ok(codes
            .iter()
            .flat_map(|&code| u32::from(code).to_be_bytes())
            .collect())
    }

    fn status(&self, driver: Known) -> u32 {
        let state = match self.state {
            State::Closed => 0,
            State::Open => bits::OPEN,
            State::Listening => bits::OPEN | bits::LISTEN,
            State::Connecting => bits::OPEN | bits::CONNECTING,
            State::Connected => bits::OPEN | bits::ACTIVE,
        };
        let accepting = if driver.accepting { bits::ACCEPTING } else { 0 };
        let busy = if driver.busy { bits::BUSY } else { 0 };
        state | accepting | busy
    }

    /// `INET_REQ_SUBSCRIBE`: who asks is told when there is no output left, if there is some.
    fn subscribe(&mut self, events: &[u8], queued: usize) -> Answer {
        let mut answer = Vec::new();
        for &event in events {
            if event != request::EMPTY_OUT_Q {
                return Err(Refusal::INVALID);
            }
            if queued > 0 {
                let caller = self.port.caller();
                self.subscribers.push(caller);
            }
            answer.push(event);
            answer.extend((queued as u32).to_be_bytes());
        }
        Ok(answer)
    }

    /// There is no output left.
    pub fn tell_subscribers(&mut self) {
        for to in std::mem::take(&mut self.subscribers) {
            let message = TermSpec::Tuple(vec![TermSpec::atom("empty_out_q"), TermSpec::Port]);
            self.port.send_term(to, message);
        }
    }
}

/// What a driver knows of its socket.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known {
    /// Somebody waits for a connection.
    pub accepting: bool,
    /// Senders have to wait.
    pub busy: bool,
    /// Bytes that wait for being sent.
    pub queued: usize,
}

fn answer_address(native: Result<Vec<u8>, Errno>) -> Answer {
    address::encode(&native?).ok_or(Refusal::INVALID)
}

/// Statistics: how many messages, and how long.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    received: Count,
    sent: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    messages: u64,
    bytes: u64,
    longest: u64,
    average: f64,
    deviation: f64,
}

impl Count {
    fn add(&mut self, len: usize) {
        self.messages += 1;
        self.bytes += len as u64;
        self.longest = self.longest.max(len as u64);
        let (len, n) = (len as f64, self.messages as f64);
        self.average += (len - self.average) / n;
        self.deviation += ((len - self.average) - self.deviation) / n;
    }
}

impl Counts {
    /// A message was received.
    pub fn received(&mut self, len: usize) {
        self.received.add(len);
    }

    /// A message was sent.
    pub fn sent(&mut self, len: usize) {
        self.sent.add(len);
    }

    /// `INET_REQ_GETSTAT`: a byte for each number that is wanted.
    fn answer(&self, wanted: &[u8], queued: usize) -> Answer {
        let (received, sent) = (&self.received, &self.sent);
        let mut answer = Vec::new();
        for &what in wanted {
            answer.push(what);
            let value = match what {
                1 => received.messages,
                2 => received.longest,
                3 => received.average as u64,
                4 => received.deviation.abs() as u64,
                5 => sent.messages,
                6 => sent.longest,
                7 => sent.average as u64,
                8 => queued as u64,
                9 => {
                    answer.extend(received.bytes.to_be_bytes());
                    continue;
                }
                10 => {
                    answer.extend(sent.bytes.to_be_bytes());
                    continue;
                }
                _ => return Err(Refusal::INVALID),
            };
            answer.extend((value as u32).to_be_bytes());
        }
        Ok(answer)
    }
}
