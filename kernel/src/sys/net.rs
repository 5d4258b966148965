//! System calls on sockets.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::errno::*;
use super::table::calls;
use crate::arch::user;
use crate::fs::fd;
use crate::fs::file::{File, O_CLOEXEC, O_NONBLOCK, O_RDWR, Open};
use crate::fs::io::{Buffers, Feed, Sink, buffer, buffers};
use crate::fs::pipe;
use crate::net::address::{AF_INET, AF_INET6, AF_UNIX};
use crate::net::inet::Inet;
use crate::net::socket::{Message, SOCK_DGRAM, SOCK_STREAM, Socket};
use crate::net::unix::{Unix, is_type};

calls! {
    41 socket(domain, kind, protocol) = socket;
    42 connect(fd, at, len) = connect;
    43 accept(fd, at, len) = accept;
    44 sendto(fd, at, len, flags, to, to_len) = sendto;
    45 recvfrom(fd, at, len, flags, from, from_len) = recvfrom;
    46 sendmsg(fd, header, flags) = sendmsg;
    47 recvmsg(fd, header, flags) = recvmsg;
    48 shutdown(fd, how) = shutdown;
    49 bind(fd, at, len) = bind;
    50 listen(fd, backlog) = listen;
    51 getsockname(fd, at, len) = getsockname;
    52 getpeername(fd, at, len) = getpeername;
    53 socketpair(domain, kind, protocol, fds) = socketpair;
    54 setsockopt(fd, level, name, at, len) = setsockopt;
    55 getsockopt(fd, level, name, at, len) = getsockopt;
    288 accept4(fd, at, len, flags) = accept4;
    299 recvmmsg(fd, list, count, flags, timeout) = recvmmsg;
    307 sendmmsg(fd, list, count, flags) = sendmmsg;
}

const MSG_PEEK: u64 = 2;
const MSG_CTRUNC: u32 = 8;
const MSG_TRUNC: u64 = 0x20;
const MSG_DONTWAIT: u64 = 0x40;
const MSG_WAITALL: u64 = 0x100;
const MSG_NOSIGNAL: u64 = 0x4000;
const MSG_WAITFORONE: u64 = 0x10000;
const MSG_CMSG_CLOEXEC: u64 = 0x4000_0000;
const CHUNK: usize = 64 << 10;

fn with<T>(fd: u64, f: impl FnOnce(&Arc<Open>, &dyn Socket) -> Result<T>) -> Result<T> {
    let open = fd::get(fd)?;
    let socket = open.file.socket().ok_or(ENOTSOCK)?;
    f(&open, socket)
}

fn install(file: Arc<dyn File>, flags: u32) -> Result<usize> {
    let ino = file.stat().ino;
    let name = alloc::format!("socket:[{ino}]");
    fd::install_file(
        file,
        O_RDWR | flags & O_NONBLOCK,
        flags & O_CLOEXEC != 0,
        name.as_bytes(),
    )
}

fn socket(domain: u64, kind: u64, protocol: u64) -> Result<usize> {
    let (flags, kind) = (kind as u32 & !15, kind as u32 & 15);
    if flags & !(O_NONBLOCK | O_CLOEXEC) != 0 {
        return Err(EINVAL);
    }
    let file: Arc<dyn File> = match domain as u16 {
        AF_UNIX if !is_type(kind) => return Err(ESOCKTNOSUPPORT),
        AF_UNIX => Unix::open(kind),
        domain @ (AF_INET | AF_INET6) => match (kind, protocol) {
            (SOCK_STREAM, 0 | 6) => Inet::open(domain == AF_INET6, true)?,
            (SOCK_DGRAM, 0 | 17) => Inet::open(domain == AF_INET6, false)?,
            (SOCK_STREAM | SOCK_DGRAM, _) => return Err(EPROTONOSUPPORT),
            _ => return Err(ESOCKTNOSUPPORT),
        },
        _ => return Err(EAFNOSUPPORT),
    };
    install(file, flags)
}

fn socketpair(domain: u64, kind: u64, _protocol: u64, fds: u64) -> Result<usize> {
    let (flags, kind) = (kind as u32 & !15, kind as u32 & 15);
    if domain as u16 != AF_UNIX {
        return Err(if matches!(domain as u16, AF_INET | AF_INET6) {
            EOPNOTSUPP
        } else {
            EAFNOSUPPORT
        });
    }
    if !is_type(kind) {
        return Err(ESOCKTNOSUPPORT);
    }
    let (a, b) = Unix::pair(kind);
    let a = install(a, flags)?;
    let b = install(b, flags).inspect_err(|_| _ = fd::close(a as u64))?;
    user::write(fds, &[a as u32, b as u32]).map(|()| 0)
}

fn address(at: u64, len: u64) -> Result<Vec<u8>> {
    if !(2..=128).contains(&(len as u32)) {
        return Err(EINVAL);
    }
    let mut bytes = alloc::vec![0; len as u32 as usize];
    user::read_bytes(at, &mut bytes)?;
    Ok(bytes)
}

/// Writes an address and its length where the program wants it, cut to the room there is.
fn give_address(bytes: &[u8], at: u64, len_at: u64) -> Result<()> {
    if at == 0 || len_at == 0 {
        return Ok(());
    }
    let room = user::read::<u32>(len_at)? as usize;
    user::write_bytes(at, &bytes[..bytes.len().min(room)])?;
    user::write(len_at, &(bytes.len() as u32))
}

fn bind(fd: u64, at: u64, len: u64) -> Result<usize> {
    let address = address(at, len)?;
    with(fd, |_, s| s.bind(&address)).map(|()| 0)
}

fn listen(fd: u64, backlog: u64) -> Result<usize> {
    let backlog = (backlog as i32).max(0) as usize;
    with(fd, |_, s| s.listen(backlog)).map(|()| 0)
}

fn connect(fd: u64, at: u64, len: u64) -> Result<usize> {
    let address = address(at, len)?;
    with(fd, |open, s| {
        let result = open.wait(false, true, || s.connect(&address));
        match result {
            Err(EINPROGRESS | EALREADY) if open.flags() & O_NONBLOCK == 0 => {
                crate::task::wait::timeout_as(open.wait(false, true, || s.connected()), EINPROGRESS)
            }
            result => result,
        }
    })
    .map(|()| 0)
}

fn accept(fd: u64, at: u64, len: u64) -> Result<usize> {
    accept4(fd, at, len, 0)
}

fn accept4(fd: u64, at: u64, len: u64, flags: u64) -> Result<usize> {
    if flags as u32 & !(O_NONBLOCK | O_CLOEXEC) != 0 {
        return Err(EINVAL);
    }
    let (file, name) = with(fd, |open, s| open.wait(false, false, || s.accept()))?;
    let new = install(file, flags as u32)?;
    if let Err(error) = give_address(&name, at, len) {
        let _ = fd::close(new as u64);
        return Err(error);
    }
    Ok(new)
}

/// Sends a list of buffers. A stream that waits takes everything.
fn send(
    fd: u64,
    list: &Buffers,
    to: Option<&[u8]>,
    files: &[Arc<Open>],
    flags: u64,
) -> Result<usize> {
    with(fd, |open, s| {
        let mut feed = Feed::user(list);
        let mut total = 0;
        let dont_wait = flags & MSG_DONTWAIT != 0;
        loop {
            let bytes = feed.take_vec(if s.is_stream() { CHUNK } else { 1 << 20 })?;
            let carried = if total == 0 { files } else { &[] };
            match open.wait(dont_wait, true, || s.send(&bytes, to, carried)) {
                Ok(sent) => {
                    feed.give_back(bytes.len() - sent);
                    total += sent;
                }
                Err(_) if total > 0 => return Ok(total),
                Err(EPIPE) if flags & MSG_NOSIGNAL == 0 && s.is_stream() => return pipe::broken(),
                Err(error) => return Err(error),
            }
            if !s.is_stream() || feed.left() == 0 {
                return Ok(total);
            }
        }
    })
}

fn sendto(fd: u64, at: u64, len: u64, flags: u64, to: u64, to_len: u64) -> Result<usize> {
    let to = if to == 0 {
        None
    } else {
        Some(address(to, to_len)?)
    };
    send(fd, &buffer(at, len), to.as_deref(), &[], flags)
}

/// Receives into a list of buffers: the count, and the message without its bytes.
fn receive(fd: u64, list: &Buffers, flags: u64) -> Result<(usize, Message)> {
    with(fd, |open, s| {
        let mut sink = Sink::user(list);
        let dont_wait = flags & MSG_DONTWAIT != 0;
        let mut total = 0;
        loop {
            let room = sink.room();
            if room == 0 && s.is_stream() {
                return Ok((total, Message::default()));
            }
            let mut message = match open.wait(dont_wait, false, || {
                s.receive(room.min(1 << 20), flags & MSG_PEEK != 0)
            }) {
                Ok(message) => message,
                Err(_) if total > 0 => return Ok((total, Message::default())),
                Err(error) => return Err(error),
            };
            let got = sink.put(&message.bytes)?;
            total += got;
            let more = s.is_stream()
                && flags & MSG_WAITALL != 0
                && flags & MSG_PEEK == 0
                && got > 0
                && sink.room() > 0;
            if !more {
                message.bytes = Vec::new();
                return Ok((total, message));
            }
        }
    })
}

fn recvfrom(fd: u64, at: u64, len: u64, flags: u64, from: u64, from_len: u64) -> Result<usize> {
    let (count, message) = receive(fd, &buffer(at, len), flags)?;
    give_address(&message.from, from, from_len)?;
    Ok(if flags & MSG_TRUNC != 0 {
        message.full.max(count)
    } else {
        count
    })
}

/// A `msghdr`: name, its length, buffers, their count, control, its length, flags.
fn header(at: u64) -> Result<[u64; 7]> {
    let mut words = [0; 7];
    for (n, word) in words.iter_mut().enumerate() {
        *word = user::read(at + 8 * n as u64)?;
    }
    Ok(words)
}

/// The descriptions that a control block carries (`SCM_RIGHTS`).
fn carried(at: u64, len: u64) -> Result<Vec<Arc<Open>>> {
    let mut files = Vec::new();
    if at == 0 || len < 16 {
        return Ok(files);
    }
    let mut control = alloc::vec![0u8; (len as usize).min(4096)];
    user::read_bytes(at, &mut control)?;
    let mut rest = &control[..];
    while let (Some(size), Some(kind)) = (rest.first_chunk::<8>(), rest.get(8..16)) {
        let size = u64::from_ne_bytes(*size) as usize;
        if size < 16 || size > rest.len() {
            return Err(EINVAL);
        }
        if kind == [1, 0, 0, 0, 1, 0, 0, 0] {
            for fd in rest[16..size].chunks_exact(4) {
                files.push(fd::get(u64::from(u32::from_ne_bytes([
                    fd[0], fd[1], fd[2], fd[3],
                ])))?);
            }
        }
        rest = rest.get(size.next_multiple_of(8)..).unwrap_or(&[]);
    }
    Ok(files)
}

fn sendmsg(fd: u64, at: u64, flags: u64) -> Result<usize> {
    let [name, name_len, list, count, control, control_len, _] = header(at)?;
    let to = if name == 0 || name_len as u32 == 0 {
        None
    } else {
        Some(address(name, name_len)?)
    };
    let files = carried(control, control_len)?;
    send(fd, &buffers(list, count)?, to.as_deref(), &files, flags)
}

fn recvmsg(fd: u64, at: u64, flags: u64) -> Result<usize> {
    let [name, name_len, list, count, control, control_len, _] = header(at)?;
    let (got, message) = receive(fd, &buffers(list, count)?, flags)?;
    let mut out_flags = 0u32;
    if !message.from.is_empty() && name != 0 {
        let room = (name_len as u32 as usize).min(message.from.len());
        user::write_bytes(name, &message.from[..room])?;
    }
    user::write(
        at + 8,
        &(if name == 0 {
            0
        } else {
            message.from.len() as u32
        }),
    )?;
    let truncated = message.full > got && !with(fd, |_, s| Ok(s.is_stream()))?;
    if truncated {
        out_flags |= MSG_TRUNC as u32;
    }
    let mut written = 0u64;
    if !message.files.is_empty() {
        let fit = (control_len.saturating_sub(16) / 4) as usize;
        if control == 0 || fit == 0 {
            out_flags |= MSG_CTRUNC;
        } else {
            written = give_files(&message.files, control, fit, flags)?;
            if fit < message.files.len() {
                out_flags |= MSG_CTRUNC;
            }
        }
    }
    user::write(at + 40, &written)?;
    user::write(at + 48, &out_flags)?;
    Ok(if flags & MSG_TRUNC != 0 {
        message.full.max(got)
    } else {
        got
    })
}

/// Installs received descriptions and writes their numbers into a control block; its length.
fn give_files(files: &[Arc<Open>], at: u64, fit: usize, flags: u64) -> Result<u64> {
    let mut numbers = Vec::new();
    for open in files.iter().take(fit) {
        numbers.push(fd::install(open.clone(), flags & MSG_CMSG_CLOEXEC != 0)? as u32);
    }
    let len = 16 + 4 * numbers.len() as u64;
    user::write(at, &len)?;
    user::write(at + 8, &[1u32, 1])?;
    for (n, number) in numbers.iter().enumerate() {
        user::write(at + 16 + 4 * n as u64, number)?;
    }
    Ok(len.next_multiple_of(8))
}

/// Bytes of an `mmsghdr`.
const MMSG: u64 = 64;

fn sendmmsg(fd: u64, list: u64, count: u64, flags: u64) -> Result<usize> {
    let mut done = 0;
    for n in 0..u64::from(count as u32).min(1024) {
        match sendmsg(fd, list + n * MMSG, flags) {
            Ok(sent) => user::write(list + n * MMSG + 56, &(sent as u32))?,
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        }
        done += 1;
    }
    Ok(done)
}

fn recvmmsg(fd: u64, list: u64, count: u64, flags: u64, _timeout: u64) -> Result<usize> {
    let mut done = 0;
    for n in 0..u64::from(count as u32).min(1024) {
        let extra = if n > 0 && flags & MSG_WAITFORONE != 0 {
            MSG_DONTWAIT
        } else {
            0
        };
        match recvmsg(fd, list + n * MMSG, flags & !MSG_WAITFORONE | extra) {
            Ok(got) => user::write(list + n * MMSG + 56, &(got as u32))?,
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        }
        done += 1;
    }
    Ok(done)
}

fn shutdown(fd: u64, how: u64) -> Result<usize> {
    let (read, write) = match how as u32 {
        0 => (true, false),
        1 => (false, true),
        2 => (true, true),
        _ => return Err(EINVAL),
    };
    with(fd, |_, s| s.shutdown(read, write)).map(|()| 0)
}

fn getsockname(fd: u64, at: u64, len: u64) -> Result<usize> {
    let name = with(fd, |_, s| s.name())?;
    give_address(&name, at, len).map(|()| 0)
}

fn getpeername(fd: u64, at: u64, len: u64) -> Result<usize> {
    let name = with(fd, |_, s| s.peer())?;
    give_address(&name, at, len).map(|()| 0)
}

fn setsockopt(fd: u64, level: u64, name: u64, at: u64, len: u64) -> Result<usize> {
    let mut value = alloc::vec![0; (len as u32 as usize).min(256)];
    user::read_bytes(at, &mut value)?;
    with(fd, |_, s| s.set_option(level as u32, name as u32, &value)).map(|()| 0)
}

fn getsockopt(fd: u64, level: u64, name: u64, at: u64, len: u64) -> Result<usize> {
    let room = user::read::<u32>(len)? as usize;
    let value = with(fd, |_, s| s.option(level as u32, name as u32))?;
    let n = value.len().min(room);
    user::write_bytes(at, &value[..n])?;
    user::write(len, &(n as u32)).map(|()| 0)
}
