//! System calls on descriptors: reading, writing, seeking, duplicating, pipes, events, directories.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::Ordering;

use super::errno::{EBADF, EINVAL, EISDIR, ENXIO, EOVERFLOW, ESPIPE, Result};
use super::table::calls;
use crate::arch::user;
use crate::fs::event::EventFd;
use crate::fs::fd;
use crate::fs::file::{O_APPEND, O_CLOEXEC, O_NONBLOCK, O_RDWR, O_WRONLY, Open};
use crate::fs::io::{Feed, Sink, buffer, buffers};
use crate::fs::node::{Node, S_IFMT, S_IFREG};
use crate::fs::pipe::{End, Pipe};
use crate::fs::regular::Regular;
use crate::task::process::FDS;

calls! {
    0 read(fd, at, len) = read;
    1 write(fd, at, len) = write;
    3 close(fd) = close;
    8 lseek(fd, offset, whence) = lseek;
    16 ioctl(fd, command, argument) = ioctl;
    17 pread64(fd, at, len, offset) = pread;
    18 pwrite64(fd, at, len, offset) = pwrite;
    19 readv(fd, list, count) = readv;
    20 writev(fd, list, count) = writev;
    22 pipe(fds) = pipe;
    32 dup(fd) = dup;
    33 dup2(fd, to) = dup2;
    40 sendfile(out, from, offset, count) = sendfile;
    72 fcntl(fd, command, argument) = fcntl;
    73 flock(fd, op) = flock;
    74 fsync(fd) = fsync;
    75 fdatasync(fd) = fsync;
    162 sync() = sync;
    217 getdents64(fd, at, len) = getdents64;
    221 fadvise64(fd, offset, len, advice) = fadvise;
    277 sync_file_range(fd, offset, len, flags) = fadvise;
    284 eventfd(count) = eventfd;
    290 eventfd2(count, flags) = eventfd2;
    292 dup3(fd, to, flags) = dup3;
    293 pipe2(fds, flags) = pipe2;
    295 preadv(fd, list, count, offset) = preadv;
    296 pwritev(fd, list, count, offset) = pwritev;
    306 syncfs(fd) = fsync;
    319 memfd_create(name, flags) = memfd_create;
    326 copy_file_range(from, from_at, out, out_at, len, flags) = copy_file_range;
    327 preadv2(fd, list, count, low, high, flags) = preadv2;
    328 pwritev2(fd, list, count, low, high, flags) = pwritev2;
    436 close_range(first, last, flags) = close_range;
}

fn readable(fd: u64) -> Result<Arc<Open>> {
    let open = fd::get(fd)?;
    if open.readable() {
        Ok(open)
    } else {
        Err(EBADF)
    }
}

fn writable(fd: u64) -> Result<Arc<Open>> {
    let open = fd::get(fd)?;
    if open.writable() {
        Ok(open)
    } else {
        Err(EBADF)
    }
}

fn read(fd: u64, at: u64, len: u64) -> Result<usize> {
    readable(fd)?.read(&mut Sink::user(&buffer(at, len)))
}

fn write(fd: u64, at: u64, len: u64) -> Result<usize> {
    writable(fd)?.write(&mut Feed::user(&buffer(at, len)))
}

fn readv(fd: u64, list: u64, count: u64) -> Result<usize> {
    readable(fd)?.read(&mut Sink::user(&buffers(list, count)?))
}

fn writev(fd: u64, list: u64, count: u64) -> Result<usize> {
    writable(fd)?.write(&mut Feed::user(&buffers(list, count)?))
}

fn read_at(fd: u64, list: &[(u64, usize)], offset: u64) -> Result<usize> {
    let open = readable(fd)?;
    if (offset as i64) < 0 {
        return Err(EINVAL);
    }
    if !open.file.seekable() && !open.file.stat().mode & 0o020_000 != 0 {
        return Err(ESPIPE);
    }
    open.file.read(&mut Sink::user(list), offset)
}

fn write_at(fd: u64, list: &[(u64, usize)], offset: u64) -> Result<usize> {
    let open = writable(fd)?;
    if (offset as i64) < 0 {
        return Err(EINVAL);
    }
    if !open.file.seekable() && !open.file.stat().mode & 0o020_000 != 0 {
        return Err(ESPIPE);
    }
    let at = (open.flags() & O_APPEND == 0).then_some(offset);
    Ok(open.file.write(&mut Feed::user(list), at)?.0)
}

fn pread(fd: u64, at: u64, len: u64, offset: u64) -> Result<usize> {
    read_at(fd, &buffer(at, len), offset)
}

fn pwrite(fd: u64, at: u64, len: u64, offset: u64) -> Result<usize> {
    write_at(fd, &buffer(at, len), offset)
}

fn preadv(fd: u64, list: u64, count: u64, offset: u64) -> Result<usize> {
    read_at(fd, &buffers(list, count)?, offset)
}

fn pwritev(fd: u64, list: u64, count: u64, offset: u64) -> Result<usize> {
    write_at(fd, &buffers(list, count)?, offset)
}

fn preadv2(fd: u64, list: u64, count: u64, low: u64, _high: u64, _flags: u64) -> Result<usize> {
    if low == u64::MAX {
        readv(fd, list, count)
    } else {
        preadv(fd, list, count, low)
    }
}

fn pwritev2(fd: u64, list: u64, count: u64, low: u64, _high: u64, _flags: u64) -> Result<usize> {
    if low == u64::MAX {
        writev(fd, list, count)
    } else {
        pwritev(fd, list, count, low)
    }
}

fn close(fd: u64) -> Result<usize> {
    fd::close(fd).map(|()| 0)
}

fn close_range(first: u64, last: u64, flags: u64) -> Result<usize> {
    if first > last {
        return Err(EINVAL);
    }
    let numbers: Vec<usize> = FDS.lock().numbers();
    for n in numbers
        .into_iter()
        .filter(|&n| (first..=last).contains(&(n as u64)))
    {
        if flags & 4 != 0 {
            if let Ok(slot) = FDS.lock().get(n as u64) {
                slot.close_on_exec = true;
            }
        } else {
            let _ = fd::close(n as u64);
        }
    }
    Ok(0)
}

fn lseek(fd: u64, offset: u64, whence: u64) -> Result<usize> {
    let open = fd::get(fd)?;
    if !open.file.seekable() {
        return if open.file.stat().mode & S_IFMT == 0o020_000 {
            Ok(0)
        } else {
            Err(ESPIPE)
        };
    }
    let mut position = open.position.lock();
    let base = match whence {
        0 => 0,
        1 => *position,
        2 => open.file.size()?,
        // SEEK_DATA and SEEK_HOLE: the file is all data.
        3 | 4 => {
            let size = open.file.size()?;
            if offset >= size {
                return Err(ENXIO);
            }
            let to = if whence == 3 { offset } else { size };
            *position = to;
            return Ok(to as usize);
        }
        _ => return Err(EINVAL),
    };
    let to = base
        .checked_add_signed(offset as i64)
        .filter(|&t| (t as i64) >= 0)
        .ok_or(if (offset as i64) > 0 {
            EOVERFLOW
        } else {
            EINVAL
        })?;
    if to == 0 {
        open.file.rewind();
    }
    *position = to;
    Ok(to as usize)
}

fn ioctl(fd: u64, command: u64, argument: u64) -> Result<usize> {
    const FIONCLEX: u32 = 0x5450;
    const FIOCLEX: u32 = 0x5451;
    const FIONBIO: u32 = 0x5421;
    let open = fd::get(fd)?;
    match command as u32 {
        FIONBIO => {
            let on = user::read::<u32>(argument)? != 0;
            set_flags(
                &open,
                if on {
                    open.flags() | O_NONBLOCK
                } else {
                    open.flags() & !O_NONBLOCK
                },
            );
            Ok(0)
        }
        FIOCLEX | FIONCLEX => {
            FDS.lock().get(fd)?.close_on_exec = command as u32 == FIOCLEX;
            Ok(0)
        }
        // FIONREAD of a regular file.
        0x541b if open.file.stat().mode & S_IFMT == S_IFREG => {
            let left = open.file.size()?.saturating_sub(*open.position.lock());
            user::write(argument, &(left.min(u64::from(u32::MAX)) as u32)).map(|()| 0)
        }
        command => open.file.ioctl(command, argument),
    }
}

fn set_flags(open: &Open, flags: u32) {
    const SETTABLE: u32 = O_APPEND | O_NONBLOCK | 0o20000 | 0o40000 | 0o1_000_000;
    let kept = open.flags() & !SETTABLE;
    open.flags.store(kept | flags & SETTABLE, Ordering::Relaxed);
}

fn pipe(fds: u64) -> Result<usize> {
    pipe2(fds, 0)
}

fn pipe2(fds: u64, flags: u64) -> Result<usize> {
    let flags = flags as u32;
    if flags & !(O_NONBLOCK | O_CLOEXEC | 0o40000) != 0 {
        return Err(EINVAL);
    }
    let pipe = Pipe::new();
    let status = flags & O_NONBLOCK;
    let name = alloc::format!("pipe:[{}]", Arc::as_ptr(&pipe) as usize >> 4 & 0xfff_ffff);
    let install = |end, access| {
        fd::install_file(
            end,
            access | status,
            flags & O_CLOEXEC != 0,
            name.as_bytes(),
        )
    };
    let read = install(pipe.open(true, false, None), 0)?;
    let write = install(pipe.open(false, true, None), O_WRONLY)
        .inspect_err(|_| _ = fd::close(read as u64))?;
    user::write(fds, &[read as u32, write as u32])?;
    Ok(0)
}

fn dup(fd: u64) -> Result<usize> {
    let open = fd::get(fd)?;
    fd::install(open, false)
}

fn dup2(fd: u64, to: u64) -> Result<usize> {
    if fd as u32 == to as u32 {
        fd::get(fd)?;
        return Ok(to as u32 as usize);
    }
    dup3(fd, to, 0)
}

fn dup3(fd: u64, to: u64, flags: u64) -> Result<usize> {
    if fd as u32 == to as u32 || flags as u32 & !O_CLOEXEC != 0 {
        return Err(EINVAL);
    }
    let open = fd::get(fd)?;
    let n = usize::try_from(to as u32 as i32).map_err(|_| EBADF)?;
    let before = FDS.lock().replace(n, open, flags as u32 & O_CLOEXEC != 0)?;
    drop(before);
    Ok(n)
}

fn fcntl(fd: u64, command: u64, argument: u64) -> Result<usize> {
    const DUPFD: u64 = 0;
    const GETFD: u64 = 1;
    const SETFD: u64 = 2;
    const GETFL: u64 = 3;
    const SETFL: u64 = 4;
    const GETLK: u64 = 5;
    const DUPFD_CLOEXEC: u64 = 1030;
    const SETPIPE_SZ: u64 = 1031;
    const GETPIPE_SZ: u64 = 1032;
    let open = fd::get(fd)?;
    match command {
        DUPFD | DUPFD_CLOEXEC => {
            let mut fds = FDS.lock();
            let from = argument as usize;
            if from >= fds.limit() {
                return Err(EINVAL);
            }
            fds.insert(open, command == DUPFD_CLOEXEC, from)
        }
        GETFD => Ok(usize::from(FDS.lock().get(fd)?.close_on_exec)),
        SETFD => {
            FDS.lock().get(fd)?.close_on_exec = argument & 1 != 0;
            Ok(0)
        }
        GETFL => Ok((open.flags() | 0o100_000) as usize),
        SETFL => {
            set_flags(&open, argument as u32);
            Ok(0)
        }
        // Record locks: there is one process, which never conflicts with itself.
        GETLK | 36 => user::write(argument, &2u16).map(|()| 0),
        6 | 7 | 37 | 38 => Ok(0),
        // Owner and signal of asynchronous notice.
        8 | 10 => Ok(0),
        9 | 11 => Ok(0),
        SETPIPE_SZ | GETPIPE_SZ => {
            let any: &dyn Any = open.file.as_ref();
            let end = any.downcast_ref::<End>().ok_or(EBADF)?;
            end.capacity((command == SETPIPE_SZ).then_some(argument as usize))
        }
        _ => Err(EINVAL),
    }
}

fn flock(fd: u64, _op: u64) -> Result<usize> {
    fd::get(fd).map(|_| 0)
}

fn fsync(fd: u64) -> Result<usize> {
    let open = fd::get(fd)?;
    if matches!(open.file.stat().mode & S_IFMT, 0o010_000 | 0o140_000) {
        Err(EINVAL)
    } else {
        Ok(0)
    }
}

fn sync() -> Result<usize> {
    Ok(0)
}

fn fadvise(fd: u64, _offset: u64, _len: u64, _advice: u64) -> Result<usize> {
    let open = fd::get(fd)?;
    if open.file.stat().mode & S_IFMT == 0o010_000 {
        Err(ESPIPE)
    } else {
        Ok(0)
    }
}

fn getdents64(fd: u64, at: u64, len: u64) -> Result<usize> {
    let open = readable(fd)?;
    let len = len as u32 as usize;
    let mut bytes: Vec<u8> = Vec::new();
    let mut position = *open.position.lock();
    let mut too_small = false;
    open.file.entries(&mut |entry| {
        let size = (19 + entry.name.len() + 1).next_multiple_of(8);
        if bytes.len() + size > len {
            too_small = bytes.is_empty();
            return false;
        }
        position += 1;
        let start = bytes.len();
        bytes.extend_from_slice(&entry.ino.to_le_bytes());
        bytes.extend_from_slice(&position.to_le_bytes());
        bytes.extend_from_slice(&(size as u16).to_le_bytes());
        bytes.push((entry.mode >> 12 & 15) as u8);
        bytes.extend_from_slice(&entry.name);
        bytes.resize(start + size, 0);
        true
    })?;
    if too_small {
        return Err(EINVAL);
    }
    user::write_bytes(at, &bytes)?;
    *open.position.lock() = position;
    Ok(bytes.len())
}

fn eventfd(count: u64) -> Result<usize> {
    eventfd2(count, 0)
}

fn eventfd2(count: u64, flags: u64) -> Result<usize> {
    let flags = flags as u32;
    if flags & !(1 | O_NONBLOCK | O_CLOEXEC) != 0 {
        return Err(EINVAL);
    }
    let file = EventFd::new(u64::from(count as u32), flags & 1 != 0);
    fd::install_file(
        file,
        O_RDWR | flags & O_NONBLOCK,
        flags & O_CLOEXEC != 0,
        b"anon_inode:[eventfd]",
    )
}

fn memfd_create(name: u64, flags: u64) -> Result<usize> {
    let name = user::read_string(name, 249)?.ok_or(EINVAL)?;
    let node = Node::regular(0o777);
    node.meta.lock().nlink = 0;
    let path = [b"/memfd:", &name[..], b" (deleted)"].concat();
    fd::install_file(Arc::new(Regular(node)), O_RDWR, flags & 1 != 0, &path)
}

/// How much is copied at a time between two files.
const COPY: usize = 64 << 10;

/// Copies between descriptions; each offset is a position of its own, or the description's.
fn copy(
    from: &Open,
    from_at: &mut Option<u64>,
    out: &Open,
    out_at: &mut Option<u64>,
    len: usize,
) -> Result<usize> {
    let mut done = 0;
    while done < len {
        let mut bytes = Vec::new();
        let mut sink = Sink::Kernel(&mut bytes, (len - done).min(COPY));
        let start = from_at.unwrap_or_else(|| *from.position.lock());
        let got = match from.file.read(&mut sink, start) {
            Ok(0) => break,
            Ok(got) => got,
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        };
        let mut feed = Feed::Kernel(&bytes, 0);
        let written = match out_at {
            Some(at) => out.file.write(&mut feed, Some(*at)).map(|(n, end)| {
                *at = end;
                n
            }),
            None => out.write(&mut feed),
        };
        let written = match written {
            Ok(n) => n,
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        };
        match from_at {
            Some(at) => *at += written as u64,
            None => *from.position.lock() = start + written as u64,
        }
        done += written;
        if written < got {
            break;
        }
    }
    Ok(done)
}

fn sendfile(out: u64, from: u64, offset: u64, count: u64) -> Result<usize> {
    let (from, out) = (readable(from)?, writable(out)?);
    if !from.file.seekable() {
        return Err(EINVAL);
    }
    let mut at = if offset == 0 {
        None
    } else {
        Some(user::read::<u64>(offset)?)
    };
    let done = copy(
        &from,
        &mut at,
        &out,
        &mut None,
        (count as usize).min(crate::fs::io::TRANSFER_MAX),
    )?;
    if let Some(at) = at {
        user::write(offset, &at)?;
    }
    Ok(done)
}

fn copy_file_range(
    from: u64,
    from_at: u64,
    out: u64,
    out_at: u64,
    len: u64,
    flags: u64,
) -> Result<usize> {
    let (from, out) = (readable(from)?, writable(out)?);
    let regular = |o: &Open| o.file.stat().mode & S_IFMT == S_IFREG;
    if out.flags() & O_APPEND != 0 {
        return Err(EBADF);
    }
    if flags != 0 || !regular(&from) || !regular(&out) {
        return Err(if from.file.stat().mode & S_IFMT == 0o040_000 {
            EISDIR
        } else {
            EINVAL
        });
    }
    let offset = |at: u64| {
        if at == 0 {
            Ok(None)
        } else {
            user::read::<u64>(at).map(Some)
        }
    };
    let (mut a, mut b) = (offset(from_at)?, offset(out_at)?);
    let done = copy(
        &from,
        &mut a,
        &out,
        &mut b,
        (len as usize).min(crate::fs::io::TRANSFER_MAX),
    )?;
    for (at, value) in [(from_at, a), (out_at, b)] {
        if let Some(value) = value {
            user::write(at, &value)?;
        }
    }
    Ok(done)
}
