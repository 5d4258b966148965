//! Local sockets: streams, datagrams and messages, with names in the file tree or without, carrying
//! descriptions.
//!
//! A message goes straight into the receiver's queue. Rank: one socket's state at a time.

use crate::map::Map;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use super::address::AF_UNIX;
use super::socket::{self, Message, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, Socket};
use crate::arch::sync::SpinLock;
use crate::arch::user;
use crate::fs::file::{File, Open, Stat};
use crate::fs::io::{Feed, Sink};
use crate::fs::node::{Kind, Node, S_IFSOCK};
use crate::fs::{path, tree};
use crate::sys::errno::*;
use crate::task::process;
use crate::task::wait::{HUP, IN, OUT, RDHUP, Source};

/// Bytes that wait in a socket at most.
const QUEUE_MAX: usize = 208 << 10;

struct Packet {
    bytes: Vec<u8>,
    /// How far a stream's reader has come.
    offset: usize,
    from: Vec<u8>,
    files: Vec<Arc<Open>>,
}

#[derive(Default)]
struct State {
    name: Vec<u8>,
    peer: Weak<Unix>,
    /// Was connected, even if the peer is gone.
    connected: bool,
    queue: VecDeque<Packet>,
    queued: usize,
    /// The other side sends no more.
    ended: bool,
    read_shut: bool,
    write_shut: bool,
    backlog: Option<usize>,
    pending: VecDeque<Arc<Unix>>,
}

/// A local socket.
pub struct Unix {
    kind: u32,
    state: SpinLock<State>,
    source: Source,
    this: Weak<Unix>,
}

/// Sockets by name: that of the node in the tree, or the abstract one.
static NAMES: SpinLock<Map<Vec<u8>, Weak<Unix>>> = SpinLock::new(Map::new());

impl Unix {
    /// A new socket.
    pub fn open(kind: u32) -> Arc<Unix> {
        Arc::new_cyclic(|this| Unix {
            kind,
            state: SpinLock::new(State::default()),
            source: Source::new(),
            this: this.clone(),
        })
    }

    /// Two connected sockets.
    pub fn pair(kind: u32) -> (Arc<Unix>, Arc<Unix>) {
        let (a, b) = (Unix::open(kind), Unix::open(kind));
        a.join(&b);
        b.join(&a);
        (a, b)
    }

    fn join(&self, peer: &Arc<Unix>) {
        let mut state = self.state.lock();
        (state.peer, state.connected) = (Arc::downgrade(peer), true);
    }

    fn peer_socket(&self) -> Result<Arc<Unix>> {
        let (peer, connected) = {
            let state = self.state.lock();
            (state.peer.upgrade(), state.connected)
        };
        match peer {
            Some(peer) => Ok(peer),
            None if connected && self.kind == SOCK_DGRAM => Err(ECONNREFUSED),
            None if connected => Err(EPIPE),
            None => Err(ENOTCONN),
        }
    }

    /// Puts a packet into this socket's queue.
    fn deliver(&self, packet: Packet) -> Result<()> {
        let mut state = self.state.lock();
        if state.read_shut {
            return Err(EPIPE);
        }
        if state.queued + packet.bytes.len() > QUEUE_MAX && state.queued > 0 {
            return Err(EAGAIN);
        }
        state.queued += packet.bytes.len();
        state.queue.push_back(packet);
        drop(state);
        self.source.notify(IN);
        Ok(())
    }

    fn room(&self) -> usize {
        QUEUE_MAX.saturating_sub(self.state.lock().queued)
    }
}

fn path_of(address: &[u8]) -> &[u8] {
    let path = &address[2..];
    &path[..path.iter().position(|&b| b == 0).unwrap_or(path.len())]
}

/// The key of a name in `NAMES`.
fn key(address: &[u8], create: bool) -> Result<Vec<u8>> {
    if address.len() < 3 {
        return Err(EINVAL);
    }
    if u16::from_ne_bytes([address[0], address[1]]) != AF_UNIX {
        return Err(EAFNOSUPPORT);
    }
    if address[2] == 0 {
        return Ok(address[2..].to_vec());
    }
    let name = path_of(address);
    let node = if create {
        let place = path::place(&path::cwd(), name, false, EADDRINUSE)?;
        let mask = process::UMASK.load(core::sync::atomic::Ordering::Relaxed);
        let node = Node::new(S_IFSOCK | 0o777 & !mask, Kind::Socket);
        tree::link(&place, &node).map_err(|e| if e == EEXIST { EADDRINUSE } else { e })?;
        node
    } else {
        path::resolve(&path::cwd(), name, true)?
    };
    if !matches!(node.kind, Kind::Socket) {
        return Err(ECONNREFUSED);
    }
    Ok([&b"/"[..], &node.ino.to_le_bytes()].concat())
}

fn find(address: &[u8]) -> Result<Arc<Unix>> {
    let key = key(address, false)?;
    NAMES
        .lock()
        .get(&key)
        .and_then(Weak::upgrade)
        .ok_or(ECONNREFUSED)
}

impl File for Unix {
    fn read(&self, sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        socket::read(self, sink)
    }

    fn write(&self, feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        socket::write(self, feed).map(|n| (n, 0))
    }

    fn ready(&self) -> u32 {
        let (mut events, peer, connected, listening, write_shut) = {
            let s = self.state.lock();
            let readable = !s.queue.is_empty() || s.ended || s.read_shut || !s.pending.is_empty();
            let mut events = if readable { IN } else { 0 };
            if s.ended || s.read_shut {
                events |= RDHUP;
            }
            if s.ended && (s.write_shut || s.peer.strong_count() == 0) {
                events |= HUP;
            }
            (
                events,
                s.peer.upgrade(),
                s.connected,
                s.backlog.is_some(),
                s.write_shut,
            )
        };
        let writable = match peer {
            Some(peer) => peer.room() > 0 || write_shut,
            None => !listening && (connected || self.kind == SOCK_DGRAM),
        };
        if writable {
            events |= OUT;
        }
        if !connected && !listening && self.kind != SOCK_DGRAM {
            events |= OUT | HUP;
        }
        events
    }

    fn source(&self) -> Option<&Source> {
        Some(&self.source)
    }

    fn ioctl(&self, command: u32, argument: u64) -> Result<usize> {
        match command {
            0x541b => {
                let waiting = {
                    let s = self.state.lock();
                    if self.is_stream() {
                        s.queue.iter().map(|p| p.bytes.len() - p.offset).sum()
                    } else {
                        s.queue.front().map_or(0, |p| p.bytes.len())
                    }
                };
                user::write(argument, &(waiting as u32)).map(|()| 0)
            }
            _ => super::interfaces::ioctl(command, argument),
        }
    }

    fn stat(&self) -> Stat {
        Stat {
            ino: self.this.as_ptr() as u64 >> 4 & 0xfff_ffff,
            mode: S_IFSOCK | 0o777,
            nlink: 1,
            ..Stat::default()
        }
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(self)
    }

    fn closed(&self) {
        let (peer, pending) = {
            let mut s = self.state.lock();
            s.read_shut = true;
            s.backlog = None;
            (s.peer.upgrade(), core::mem::take(&mut s.pending))
        };
        for waiting in pending {
            waiting.closed();
        }
        if let Some(peer) = peer
            && self.kind != SOCK_DGRAM
        {
            {
                let mut s = peer.state.lock();
                s.ended = true;
                s.peer = Weak::new();
            }
            peer.source.notify(IN | OUT | HUP | RDHUP);
        }
        let mut names = NAMES.lock();
        names.retain(|_, w| w.strong_count() > 0 && w.as_ptr() != self.this.as_ptr());
    }
}

impl Socket for Unix {
    fn kind(&self) -> (u16, u32, u32) {
        (AF_UNIX, self.kind, 0)
    }

    fn bind(&self, address: &[u8]) -> Result<()> {
        if !self.state.lock().name.is_empty() {
            return Err(EINVAL);
        }
        let mut name = address.to_vec();
        if address.len() == 2 {
            // No name: one is made.
            let number = (self.this.as_ptr() as u64 >> 4) & 0xf_ffff;
            name = [
                &AF_UNIX.to_ne_bytes()[..],
                b"\0",
                alloc::format!("{number:05x}").as_bytes(),
            ]
            .concat();
        }
        let key = key(&name, true)?;
        let mut names = NAMES.lock();
        if names.get(&key).is_some_and(|w| w.strong_count() > 0) {
            return Err(EADDRINUSE);
        }
        names.insert(key, self.this.clone());
        drop(names);
        self.state.lock().name = name;
        Ok(())
    }

    fn listen(&self, backlog: usize) -> Result<()> {
        if self.kind == SOCK_DGRAM {
            return Err(EOPNOTSUPP);
        }
        let mut s = self.state.lock();
        if s.name.is_empty() || s.connected {
            return Err(EINVAL);
        }
        s.backlog = Some(backlog.clamp(1, 4096));
        Ok(())
    }

    fn accept(&self) -> Result<(Arc<dyn File>, Vec<u8>)> {
        let mut s = self.state.lock();
        if s.backlog.is_none() {
            return Err(EINVAL);
        }
        let socket = s.pending.pop_front().ok_or(EAGAIN)?;
        drop(s);
        let name = socket
            .peer()
            .unwrap_or_else(|_| AF_UNIX.to_ne_bytes().to_vec());
        Ok((socket, name))
    }

    fn connect(&self, address: &[u8]) -> Result<()> {
        if self.kind == SOCK_DGRAM && super::address::family(address)? == super::address::AF_UNSPEC
        {
            let mut s = self.state.lock();
            (s.peer, s.connected) = (Weak::new(), false);
            return Ok(());
        }
        let target = find(address)?;
        if target.kind != self.kind {
            return Err(EPROTOTYPE);
        }
        let me = self.this.upgrade().ok_or(EINVAL)?;
        if self.kind == SOCK_DGRAM {
            self.join(&target);
            return Ok(());
        }
        if self.state.lock().connected {
            return Err(EISCONN);
        }
        let other = Unix::open(self.kind);
        other.state.lock().name = address.to_vec();
        {
            let mut s = target.state.lock();
            match s.backlog {
                None => return Err(ECONNREFUSED),
                Some(backlog) if s.pending.len() > backlog => return Err(EAGAIN),
                Some(_) => s.pending.push_back(other.clone()),
            }
        }
        other.join(&me);
        self.join(&other);
        target.source.notify(IN);
        Ok(())
    }

    fn send(&self, bytes: &[u8], to: Option<&[u8]>, files: &[Arc<Open>]) -> Result<usize> {
        if self.state.lock().write_shut {
            return Err(EPIPE);
        }
        let target = match to {
            Some(address) if self.kind == SOCK_DGRAM => find(address)?,
            _ => self.peer_socket()?,
        };
        let from = self.state.lock().name.clone();
        let mut take = bytes.len();
        if self.is_stream() {
            take = take.min(target.room());
            if take == 0 && !bytes.is_empty() {
                return Err(if target.state.lock().read_shut {
                    EPIPE
                } else {
                    EAGAIN
                });
            }
        } else if take > QUEUE_MAX {
            return Err(EMSGSIZE);
        }
        if take == 0 && self.is_stream() {
            return Ok(0);
        }
        target.deliver(Packet {
            bytes: bytes[..take].to_vec(),
            offset: 0,
            from,
            files: files.to_vec(),
        })?;
        Ok(take)
    }

    fn receive(&self, max: usize, peek: bool) -> Result<Message> {
        let stream = self.is_stream();
        let mut message = Message::default();
        let peer = {
            let mut guard = self.state.lock();
            let s = &mut *guard;
            if s.queue.is_empty() {
                if s.ended || s.read_shut {
                    return Ok(message);
                }
                return Err(if s.connected || self.kind == SOCK_DGRAM {
                    EAGAIN
                } else if s.backlog.is_some() {
                    EINVAL
                } else {
                    ENOTCONN
                });
            }
            let mut n = 0;
            while let Some(packet) = s.queue.get_mut(n) {
                // Descriptions end a stream's read, before and after.
                if n > 0 && (!stream || !packet.files.is_empty() || message.bytes.len() == max) {
                    break;
                }
                let left = packet.bytes.len() - packet.offset;
                let part = left.min(max - message.bytes.len());
                message
                    .bytes
                    .extend_from_slice(&packet.bytes[packet.offset..packet.offset + part]);
                message.full = if stream { message.bytes.len() } else { left };
                message.from = packet.from.clone();
                let carried = !packet.files.is_empty();
                if peek {
                    message.files.extend(packet.files.iter().cloned());
                    n += 1;
                } else {
                    message.files.append(&mut packet.files);
                    packet.offset += part;
                    if !stream || packet.offset == packet.bytes.len() {
                        s.queued -= packet.bytes.len();
                        s.queue.pop_front();
                    } else {
                        break;
                    }
                }
                if !stream || carried || message.bytes.len() == max {
                    break;
                }
            }
            s.peer.upgrade()
        };
        if let Some(peer) = peer {
            peer.source.notify(OUT);
        }
        Ok(message)
    }

    fn shutdown(&self, read: bool, write: bool) -> Result<()> {
        let peer = self.peer_socket().map_err(|_| ENOTCONN)?;
        {
            let mut s = self.state.lock();
            s.read_shut |= read;
            s.write_shut |= write;
        }
        if write {
            peer.state.lock().ended = true;
        }
        self.source.notify(IN | OUT | RDHUP);
        peer.source.notify(IN | OUT | RDHUP | HUP);
        Ok(())
    }

    fn name(&self) -> Result<Vec<u8>> {
        let name = self.state.lock().name.clone();
        Ok(if name.is_empty() {
            AF_UNIX.to_ne_bytes().to_vec()
        } else {
            name
        })
    }

    fn peer(&self) -> Result<Vec<u8>> {
        let peer = self.peer_socket().map_err(|_| ENOTCONN)?;
        peer.name()
    }

    fn set_option(&self, level: u32, _name: u32, _value: &[u8]) -> Result<()> {
        if level == 1 { Ok(()) } else { Err(EOPNOTSUPP) }
    }

    fn option(&self, level: u32, name: u32) -> Result<Vec<u8>> {
        const SO_PEERCRED: u32 = 17;
        if level != 1 {
            return Err(EOPNOTSUPP);
        }
        let value = match name {
            3 => self.kind,
            4 | 13 | 20 | 21 => 0,
            7 | 8 => QUEUE_MAX as u32,
            30 => u32::from(self.state.lock().backlog.is_some()),
            38 => 0,
            39 => u32::from(AF_UNIX),
            SO_PEERCRED => return Ok([process::pid().to_ne_bytes(), [0; 4], [0; 4]].concat()),
            _ => 0,
        };
        Ok(value.to_ne_bytes().to_vec())
    }
}

/// The types there are.
pub fn is_type(kind: u32) -> bool {
    matches!(kind, SOCK_STREAM | SOCK_DGRAM | SOCK_SEQPACKET)
}
