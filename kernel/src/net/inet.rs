//! Internet sockets: TCP and UDP, over the stack.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::address::{self, AF_INET, AF_INET6, AF_UNSPEC};
use super::socket::{self, Message, SOCK_DGRAM, SOCK_STREAM, Socket};
use super::{interfaces, with};
use crate::arch::sync::SpinLock;
use crate::arch::user;
use crate::fs::file::{File, Open, Stat};
use crate::fs::io::{Feed, Sink};
use crate::fs::node::S_IFSOCK;
use crate::sys::errno::*;
use crate::task::wait::{ERR, HUP, IN, OUT, RDHUP, Source};
use stack::{Error, Id, Ready, TcpOption};

/// An Internet socket.
pub struct Inet {
    id: Id,
    stream: bool,
    v6: bool,
    source: Source,
    /// Values of options that are only remembered: (level, name, value).
    remembered: SpinLock<Vec<(u32, u32, i32)>>,
    linger_abort: AtomicBool,
    receive_timeout: AtomicU64,
    send_timeout: AtomicU64,
    attempted: AtomicBool,
}

/// The stack's error as one of the interface.
fn errno(error: Error) -> Errno {
    match error {
        Error::Again => EAGAIN,
        Error::AddressInUse => EADDRINUSE,
        Error::AddressNotAvailable => EADDRNOTAVAIL,
        Error::Invalid => EINVAL,
        Error::NotConnected => ENOTCONN,
        Error::Connected => EISCONN,
        Error::InProgress => EINPROGRESS,
        Error::Refused => ECONNREFUSED,
        Error::Reset => ECONNRESET,
        Error::TimedOut => ETIMEDOUT,
        Error::Unreachable => ENETUNREACH,
        Error::Closed => EPIPE,
        Error::MessageSize => EMSGSIZE,
        Error::NoBuffers => ENOBUFS,
        Error::DestinationRequired => EDESTADDRREQ,
    }
}

impl Inet {
    /// A new socket.
    pub fn open(v6: bool, stream: bool) -> Result<Arc<Inet>> {
        let id = with(|s| if stream { s.tcp_open(v6) } else { s.udp_open() }).map_err(errno)?;
        Ok(Inet::wrap(id, v6, stream))
    }

    fn wrap(id: Id, v6: bool, stream: bool) -> Arc<Inet> {
        let socket = Arc::new(Inet {
            id,
            stream,
            v6,
            source: Source::new(),
            remembered: SpinLock::new(Vec::new()),
            linger_abort: AtomicBool::new(false),
            receive_timeout: AtomicU64::new(0),
            send_timeout: AtomicU64::new(0),
            attempted: AtomicBool::new(false),
        });
        super::register(id, &socket);
        socket
    }

    fn remember(&self, level: u32, name: u32, value: i32) {
        let mut list = self.remembered.lock();
        list.retain(|o| (o.0, o.1) != (level, name));
        list.push((level, name, value));
    }

    fn recall(&self, level: u32, name: u32) -> Option<i32> {
        self.remembered
            .lock()
            .iter()
            .find(|o| (o.0, o.1) == (level, name))
            .map(|o| o.2)
    }

    fn set_tcp(&self, option: TcpOption) -> Result<()> {
        if self.stream {
            with(|s| s.tcp_set(self.id, option)).map_err(errno)
        } else {
            Ok(())
        }
    }

    /// The error of a failed attempt to connect, or of a datagram that nobody took, once.
    fn take_error(&self) -> i32 {
        with(|s| match self.stream {
            true => s.tcp_take_error(self.id),
            false => s.udp_take_error(self.id),
        })
        .map_or(0, |e| i32::from(errno(e).0))
    }
}

impl File for Inet {
    fn read(&self, sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        socket::read(self, sink)
    }

    fn write(&self, feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        socket::write(self, feed).map(|n| (n, 0))
    }

    fn ready(&self) -> u32 {
        let r: Ready = with_quiet(|s| {
            if self.stream {
                s.tcp_ready(self.id)
            } else {
                s.udp_ready(self.id)
            }
        });
        let bit = |on: bool, bit: u32| if on { bit } else { 0 };
        bit(r.read, IN)
            | bit(r.write, OUT)
            | bit(r.read_closed, RDHUP | IN)
            | bit(r.closed, HUP)
            | bit(r.error, ERR)
    }

    fn source(&self) -> Option<&Source> {
        Some(&self.source)
    }

    fn ioctl(&self, command: u32, argument: u64) -> Result<usize> {
        const FIONREAD: u32 = 0x541b;
        const TIOCOUTQ: u32 = 0x5411;
        let (waiting, unsent) = with_quiet(|s| {
            if self.stream {
                s.tcp_queues(self.id)
            } else {
                (s.udp_queue(self.id), 0)
            }
        });
        match command {
            FIONREAD => user::write(argument, &(waiting as u32)).map(|()| 0),
            TIOCOUTQ => user::write(argument, &(unsent as u32)).map(|()| 0),
            _ => interfaces::ioctl(command, argument),
        }
    }

    fn stat(&self) -> Stat {
        Stat {
            ino: self.id as u64 + 1,
            mode: S_IFSOCK | 0o777,
            nlink: 1,
            ..Stat::default()
        }
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn timeout(&self, write: bool) -> Option<u64> {
        let ns = if write {
            &self.send_timeout
        } else {
            &self.receive_timeout
        }
        .load(Ordering::Relaxed);
        (ns != 0).then_some(ns)
    }
}

/// Looks at the stack without moving packets.
fn with_quiet<T>(f: impl FnOnce(&mut super::NetStack) -> T) -> T {
    super::look(f)
}

impl Drop for Inet {
    fn drop(&mut self) {
        super::forget(self.id);
        let abort = self.linger_abort.load(Ordering::Relaxed);
        with(|s| {
            if self.stream {
                s.tcp_close(self.id, abort)
            } else {
                s.udp_close(self.id)
            }
        });
    }
}

const SOL_SOCKET: u32 = 1;
const IPPROTO_IP: u32 = 0;
const IPPROTO_TCP: u32 = 6;
const IPPROTO_IPV6: u32 = 41;
const SO_REUSEADDR: u32 = 2;
const SO_TYPE: u32 = 3;
const SO_ERROR: u32 = 4;
const SO_SNDBUF: u32 = 7;
const SO_RCVBUF: u32 = 8;
const SO_KEEPALIVE: u32 = 9;
const SO_LINGER: u32 = 13;
const SO_RCVTIMEO: u32 = 20;
const SO_SNDTIMEO: u32 = 21;
const SO_ACCEPTCONN: u32 = 30;
const SO_PROTOCOL: u32 = 38;
const SO_DOMAIN: u32 = 39;
const TCP_NODELAY: u32 = 1;
const TCP_MAXSEG: u32 = 2;
const TCP_KEEPINTVL: u32 = 5;
const TCP_KEEPIDLE: u32 = 4;
const TCP_INFO: u32 = 11;
const TCP_USER_TIMEOUT: u32 = 18;
const IP_TTL: u32 = 2;
const IPV6_UNICAST_HOPS: u32 = 16;
const IPV6_V6ONLY: u32 = 26;

impl Socket for Inet {
    fn kind(&self) -> (u16, u32, u32) {
        let family = if self.v6 { AF_INET6 } else { AF_INET };
        if self.stream {
            (family, SOCK_STREAM, 6)
        } else {
            (family, SOCK_DGRAM, 17)
        }
    }

    fn bind(&self, bytes: &[u8]) -> Result<()> {
        let at = address::listen(address::read(bytes, self.v6)?);
        with(|s| {
            if self.stream {
                s.tcp_bind(self.id, at)
            } else {
                s.udp_bind(self.id, at)
            }
        })
        .map_err(errno)
    }

    fn listen(&self, backlog: usize) -> Result<()> {
        if !self.stream {
            return Err(EOPNOTSUPP);
        }
        with(|s| s.tcp_listen(self.id, backlog)).map_err(errno)
    }

    fn accept(&self) -> Result<(Arc<dyn File>, Vec<u8>)> {
        if !self.stream {
            return Err(EOPNOTSUPP);
        }
        let (id, peer) = with(|s| {
            let id = s.tcp_accept(self.id)?;
            Ok((id, s.tcp_names(id)?.1))
        })
        .map_err(errno)?;
        let name = address::write(peer.map(|p| p.addr), peer.map_or(0, |p| p.port), self.v6);
        Ok((Inet::wrap(id, self.v6, true), name))
    }

    fn connect(&self, bytes: &[u8]) -> Result<()> {
        if !self.stream {
            let to = if address::family(bytes)? == AF_UNSPEC {
                None
            } else {
                Some(address::read(bytes, self.v6)?)
            };
            return with(|s| s.udp_connect(self.id, to)).map_err(errno);
        }
        let to = address::read(bytes, self.v6)?;
        // A second attempt while the first goes on is told so.
        let repeated = self.attempted.swap(true, Ordering::Relaxed);
        let result = with(|s| s.tcp_connect(self.id, to));
        match result {
            Err(Error::InProgress) if repeated && with_quiet(|s| !s.tcp_ready(self.id).write) => {
                Err(EALREADY)
            }
            Err(Error::InProgress) => Err(EINPROGRESS),
            result => {
                self.attempted.store(false, Ordering::Relaxed);
                result.map_err(errno)
            }
        }
    }

    fn connected(&self) -> Result<()> {
        let ready = with_quiet(|s| s.tcp_ready(self.id));
        if ready.error {
            return match self.take_error() {
                0 => Ok(()),
                error => Err(Errno(error as u16)),
            };
        }
        if ready.write || ready.read_closed {
            Ok(())
        } else {
            Err(EAGAIN)
        }
    }

    fn send(&self, bytes: &[u8], to: Option<&[u8]>, _files: &[Arc<Open>]) -> Result<usize> {
        if self.stream {
            return with(|s| s.tcp_send(self.id, bytes)).map_err(|e| match e {
                Error::NotConnected => EPIPE,
                e => errno(e),
            });
        }
        let to = to.map(|a| address::read(a, self.v6)).transpose()?;
        with(|s| s.udp_send(self.id, to, bytes)).map_err(errno)
    }

    fn receive(&self, max: usize, peek: bool) -> Result<Message> {
        if self.stream {
            let bytes = with(|s| s.tcp_receive(self.id, max, peek)).map_err(errno)?;
            return Ok(Message {
                full: bytes.len(),
                bytes,
                ..Message::default()
            });
        }
        match with(|s| s.udp_receive(self.id, peek)) {
            Ok((mut bytes, from)) => {
                let full = bytes.len();
                bytes.truncate(max);
                Ok(Message {
                    bytes,
                    full,
                    from: address::write(Some(from.addr), from.port, self.v6),
                    files: Vec::new(),
                })
            }
            Err(Error::Again) if with_quiet(|s| s.udp_is_shut(self.id)) => Ok(Message::default()),
            Err(e) => Err(errno(e)),
        }
    }

    fn shutdown(&self, read: bool, write: bool) -> Result<()> {
        let result = with(|s| {
            if self.stream {
                s.tcp_shutdown(self.id, read, write)
            } else {
                s.udp_shutdown(self.id, read)
            }
        });
        self.source.notify(self.ready());
        result.map_err(errno)
    }

    fn name(&self) -> Result<Vec<u8>> {
        let (own, _) = with(|s| {
            if self.stream {
                s.tcp_names(self.id)
            } else {
                s.udp_names(self.id)
            }
        })
        .map_err(errno)?;
        Ok(address::write(own.addr, own.port, self.v6))
    }

    fn peer(&self) -> Result<Vec<u8>> {
        let (_, peer) = with(|s| {
            if self.stream {
                s.tcp_names(self.id)
            } else {
                s.udp_names(self.id)
            }
        })
        .map_err(errno)?;
        let peer = peer.ok_or(ENOTCONN)?;
        Ok(address::write(Some(peer.addr), peer.port, self.v6))
    }

    fn set_option(&self, level: u32, name: u32, value: &[u8]) -> Result<()> {
        let number = value.first_chunk::<4>().map_or_else(
            || value.first().map(|&b| i32::from(b)).ok_or(EINVAL),
            |b| Ok(i32::from_ne_bytes(*b)),
        )?;
        let on = number != 0;
        match (level, name) {
            (SOL_SOCKET, SO_REUSEADDR) => {
                with(|s| {
                    if self.stream {
                        s.tcp_set(self.id, TcpOption::Reuse(on))
                    } else {
                        s.udp_reuse(self.id, on)
                    }
                })
                .map_err(errno)?;
            }
            (SOL_SOCKET, SO_KEEPALIVE) => {
                let seconds = self.recall(IPPROTO_TCP, TCP_KEEPIDLE).unwrap_or(7200) as u32;
                self.set_tcp(TcpOption::KeepAlive(on.then_some(seconds)))?;
            }
            (IPPROTO_TCP, TCP_KEEPIDLE | TCP_KEEPINTVL)
                if self.recall(SOL_SOCKET, SO_KEEPALIVE).unwrap_or(0) != 0 =>
            {
                self.set_tcp(TcpOption::KeepAlive(Some(number.max(1) as u32)))?;
            }
            (SOL_SOCKET, SO_LINGER) => {
                let seconds = value
                    .get(4..)
                    .and_then(|b| b.first_chunk::<4>())
                    .map_or(0, |b| i32::from_ne_bytes(*b));
                self.linger_abort
                    .store(on && seconds == 0, Ordering::Relaxed);
                self.remember(level, name + 1000, seconds);
            }
            (SOL_SOCKET, SO_RCVTIMEO | SO_SNDTIMEO) => {
                let word = |at| {
                    value
                        .get(at..)
                        .and_then(|b: &[u8]| b.first_chunk::<8>())
                        .map_or(0, |b| u64::from_ne_bytes(*b))
                };
                let ns = word(0)
                    .saturating_mul(1_000_000_000)
                    .saturating_add(word(8).saturating_mul(1000));
                let timeout = if name == SO_RCVTIMEO {
                    &self.receive_timeout
                } else {
                    &self.send_timeout
                };
                timeout.store(ns, Ordering::Relaxed);
                return Ok(());
            }
            (IPPROTO_TCP, TCP_NODELAY) if self.stream => self.set_tcp(TcpOption::NoDelay(on))?,
            (IPPROTO_TCP, TCP_USER_TIMEOUT) if self.stream => {
                self.set_tcp(TcpOption::UserTimeout(on.then_some(number as u32)))?
            }
            (IPPROTO_TCP, _) if !self.stream => return Err(ENOPROTOOPT),
            (IPPROTO_IP, IP_TTL) | (IPPROTO_IPV6, IPV6_UNICAST_HOPS) => {
                let hops = u8::try_from(number).ok().filter(|&h| h > 0);
                if hops.is_none() && number != -1 {
                    return Err(EINVAL);
                }
                with(|s| {
                    if self.stream {
                        s.tcp_set(self.id, TcpOption::HopLimit(hops))
                    } else {
                        s.udp_hop_limit(self.id, hops)
                    }
                })
                .map_err(errno)?;
            }
            (IPPROTO_IPV6, IPV6_V6ONLY) if self.v6 => self.set_tcp(TcpOption::V6Only(on))?,
            (SOL_SOCKET | IPPROTO_TCP | IPPROTO_IP | IPPROTO_IPV6, _) => {}
            _ => return Err(ENOPROTOOPT),
        }
        let kept = if level == SOL_SOCKET && matches!(name, SO_SNDBUF | SO_RCVBUF) {
            number.saturating_mul(2)
        } else {
            number
        };
        self.remember(level, name, kept);
        Ok(())
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        let (domain, kind, protocol) = self.kind();
        let time = |t: &AtomicU64| {
            let ns = t.load(Ordering::Relaxed);
            [
                (ns / 1_000_000_000).to_ne_bytes(),
                (ns % 1_000_000_000 / 1000).to_ne_bytes(),
            ]
            .concat()
        };
        let value = match (level, name) {
            (SOL_SOCKET, SO_ERROR) => self.take_error(),
            (SOL_SOCKET, SO_TYPE) => kind as i32,
            (SOL_SOCKET, SO_DOMAIN) => i32::from(domain),
            (SOL_SOCKET, SO_PROTOCOL) => protocol as i32,
            (SOL_SOCKET, SO_ACCEPTCONN) => {
                i32::from(self.stream && with_quiet(|s| s.tcp_is_listening(self.id)))
            }
            (SOL_SOCKET, SO_RCVTIMEO) => return Ok(time(&self.receive_timeout)),
            (SOL_SOCKET, SO_SNDTIMEO) => return Ok(time(&self.send_timeout)),
            (SOL_SOCKET, SO_LINGER) => {
                let on = self.recall(level, name).unwrap_or(0);
                let seconds = self.recall(level, name + 1000).unwrap_or(0);
                return Ok([on.to_ne_bytes(), seconds.to_ne_bytes()].concat());
            }
            (IPPROTO_TCP, TCP_INFO) if self.stream => {
                let mut info = alloc::vec![0u8; 104];
                info[0] = if self.peer().is_ok() { 1 } else { 7 };
                return Ok(info);
            }
            (IPPROTO_TCP, _) if !self.stream => return Err(ENOPROTOOPT),
            _ => match self.recall(level, name) {
                Some(value) => value,
                None => match (level, name) {
                    (SOL_SOCKET, SO_SNDBUF) => 87040,
                    (SOL_SOCKET, SO_RCVBUF) => 131_072,
                    (IPPROTO_TCP, TCP_MAXSEG) => 1460,
                    (IPPROTO_TCP, TCP_KEEPIDLE) => 7200,
                    (IPPROTO_IP, IP_TTL) | (IPPROTO_IPV6, IPV6_UNICAST_HOPS) => 64,
                    (SOL_SOCKET | IPPROTO_TCP | IPPROTO_IP | IPPROTO_IPV6, _) => 0,
                    _ => return Err(ENOPROTOOPT),
                },
            },
        };
        Ok(value.to_ne_bytes().to_vec())
    }
}
