//! System calls on names: opening, making, removing, renaming, links, modes, times, directories.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::errno::{
    EACCES, EAGAIN, EBUSY, EEXIST, EINVAL, EISDIR, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY, ENXIO, EPERM,
    Errno, Result,
};
use super::table::calls;
use crate::arch::user::{self, plain};
use crate::fs::file::{File, O_ACCMODE, O_CLOEXEC, O_NONBLOCK, O_PATH, Open, Stat, Time};
use crate::fs::generated::{OpenDir, Snapshot};
use crate::fs::node::{Kind, Node, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK};
use crate::fs::path::{self, PATH_MAX, Place};
use crate::fs::pipe::Pipe;
use crate::fs::regular::{self, Regular};
use crate::fs::{dev, fd, tree};
use crate::mm::frames;
use crate::sys::errno::ENAMETOOLONG;
use crate::task::process::{CWD, UMASK};
use crate::task::wait;
use crate::time;
use core::sync::atomic::Ordering;

calls! {
    2 open(path, flags, mode) = open;
    4 stat(path, at) = stat;
    5 fstat(fd, at) = fstat;
    6 lstat(path, at) = lstat;
    21 access(path, mode) = access;
    76 truncate(path, len) = truncate;
    77 ftruncate(fd, len) = ftruncate;
    79 getcwd(at, len) = getcwd;
    80 chdir(path) = chdir;
    81 fchdir(fd) = fchdir;
    82 rename(from, to) = rename;
    83 mkdir(path, mode) = mkdir;
    84 rmdir(path) = rmdir;
    85 creat(path, mode) = creat;
    86 link(from, to) = link;
    87 unlink(path) = unlink;
    88 symlink(target, path) = symlink;
    89 readlink(path, at, len) = readlink;
    90 chmod(path, mode) = chmod;
    91 fchmod(fd, mode) = fchmod;
    92 chown(path, uid, gid) = chown;
    93 fchown(fd, uid, gid) = fchown;
    94 lchown(path, uid, gid) = lchown;
    95 umask(mask) = umask;
    132 utime(path, times) = utime;
    133 mknod(path, mode, dev) = mknod;
    137 statfs(path, at) = statfs;
    138 fstatfs(fd, at) = fstatfs;
    235 utimes(path, times) = utimes;
    257 openat(dir, path, flags, mode) = openat;
    258 mkdirat(dir, path, mode) = mkdirat;
    259 mknodat(dir, path, mode, dev) = mknodat;
    260 fchownat(dir, path, uid, gid, flags) = fchownat;
    261 futimesat(dir, path, times) = futimesat;
    262 newfstatat(dir, path, at, flags) = newfstatat;
    263 unlinkat(dir, path, flags) = unlinkat;
    264 renameat(from_dir, from, to_dir, to) = renameat;
    265 linkat(from_dir, from, to_dir, to, flags) = linkat;
    266 symlinkat(target, dir, path) = symlinkat;
    267 readlinkat(dir, path, at, len) = readlinkat;
    268 fchmodat(dir, path, mode) = fchmodat;
    269 faccessat(dir, path, mode) = faccessat;
    280 utimensat(dir, path, times, flags) = utimensat;
    285 fallocate(fd, mode, at, len) = fallocate;
    316 renameat2(from_dir, from, to_dir, to, flags) = renameat2;
    332 statx(dir, path, flags, mask, at) = statx;
    439 faccessat2(dir, path, mode, flags) = faccessat2;
}

/// "Relative to the current directory", as a directory's descriptor.
const AT_FDCWD: u64 = -100i32 as u32 as u64;
const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
const AT_REMOVEDIR: u64 = 0x200;
const AT_SYMLINK_FOLLOW: u64 = 0x400;
const AT_EMPTY_PATH: u64 = 0x1000;

const O_CREAT: u32 = 0o100;
const O_EXCL: u32 = 0o200;
const O_TRUNC: u32 = 0o1000;
const O_DIRECTORY: u32 = 0o200_000;
const O_NOFOLLOW: u32 = 0o400_000;
const O_TMPFILE: u32 = 0o20_000_000;

fn text(at: u64) -> Result<Vec<u8>> {
    user::read_string(at, PATH_MAX - 1)?.ok_or(ENAMETOOLONG)
}

/// The directory that a relative path starts from.
fn start(dir: u64, path: &[u8]) -> Result<Arc<Node>> {
    if dir as u32 as u64 == AT_FDCWD || path.first() == Some(&b'/') {
        return Ok(path::cwd());
    }
    let node = fd::get(dir)?.file.node().ok_or(ENOTDIR)?.clone();
    if node.is_dir() {
        Ok(node)
    } else {
        Err(ENOTDIR)
    }
}

/// The node that a path argument names, or that of `dir` itself for an empty path where that is allowed.
fn named(dir: u64, path: u64, flags: u64) -> Result<Arc<Node>> {
    let path = text(path)?;
    if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
        if dir as u32 as u64 == AT_FDCWD {
            return Ok(path::cwd());
        }
        return fd::get(dir)?.file.node().cloned().ok_or(ENOENT);
    }
    path::resolve(&start(dir, &path)?, &path, flags & AT_SYMLINK_NOFOLLOW == 0)
}

fn place(dir: u64, path: u64, last: Errno) -> Result<Place> {
    let path = text(path)?;
    path::place(&start(dir, &path)?, &path, false, last)
}

fn permissions(mode: u64) -> u32 {
    mode as u32 & 0o7777 & !UMASK.load(Ordering::Relaxed)
}

fn open(path: u64, flags: u64, mode: u64) -> Result<usize> {
    openat(AT_FDCWD, path, flags, mode)
}

fn creat(path: u64, mode: u64) -> Result<usize> {
    openat(AT_FDCWD, path, u64::from(O_CREAT | O_TRUNC | 1), mode)
}

fn openat(dir: u64, path_at: u64, flags: u64, mode: u64) -> Result<usize> {
    let path = text(path_at)?;
    crate::timeline::see(&path);
    let flags = flags as u32;
    if let Some(result) = reopen(&path, flags) {
        return result;
    }
    let from = start(dir, &path)?;
    let node = if flags & O_TMPFILE == O_TMPFILE {
        let parent = path::resolve(&from, &path, true)?;
        if !parent.is_dir() {
            return Err(ENOTDIR);
        }
        let node = Node::regular(permissions(mode));
        node.meta.lock().nlink = 0;
        node
    } else {
        find_or_create(&from, &path, flags, mode)?
    };
    let file = open_node(&node, flags)?;
    let full = full_path(&from, &path);
    let kept = flags & !(O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | 0o400);
    fd::install(Open::new(file, kept, &full), flags & O_CLOEXEC != 0)
}

/// `/dev/fd/N` and `/proc/self/fd/N` of a file without a name: the description itself.
fn reopen(path: &[u8], flags: u32) -> Option<Result<usize>> {
    let number = path
        .strip_prefix(b"/proc/self/fd/")
        .or_else(|| path.strip_prefix(b"/dev/fd/"))?;
    let n: u64 = core::str::from_utf8(number).ok()?.parse().ok()?;
    let open = match fd::get(n) {
        Ok(open) => open,
        Err(_) => return Some(Err(ENOENT)),
    };
    let node = open.file.node().cloned();
    Some(match node {
        Some(node) => open_node(&node, flags).and_then(|file| {
            fd::install(
                Open::new(file, flags & !(O_CREAT | O_CLOEXEC), &open.path),
                flags & O_CLOEXEC != 0,
            )
        }),
        None => fd::install(open, flags & O_CLOEXEC != 0),
    })
}

/// The path to show for a description.
fn full_path(from: &Arc<Node>, path: &[u8]) -> Vec<u8> {
    if path.first() == Some(&b'/') {
        return path.to_vec();
    }
    let mut full = tree::path_of(from).unwrap_or_default();
    if full.last() != Some(&b'/') {
        full.push(b'/');
    }
    full.extend_from_slice(path.strip_prefix(b"./").unwrap_or(path));
    full
}

fn find_or_create(from: &Arc<Node>, path: &[u8], flags: u32, mode: u64) -> Result<Arc<Node>> {
    let follow = flags & O_NOFOLLOW == 0 && flags & (O_CREAT | O_EXCL) != O_CREAT | O_EXCL;
    if flags & O_CREAT == 0 {
        return path::resolve(from, path, follow);
    }
    let place = match path::place(from, path, follow, EISDIR) {
        Ok(place) => place,
        Err(EISDIR) if flags & O_EXCL != 0 => return Err(EEXIST),
        Err(e) => return Err(e),
    };
    if let Some(node) = place.node {
        return if flags & O_EXCL != 0 {
            Err(EEXIST)
        } else {
            Ok(node)
        };
    }
    if place.dir_wanted {
        return Err(EISDIR);
    }
    let node = Node::regular(permissions(mode));
    match tree::link(&place, &node) {
        Ok(()) => Ok(node),
        // Another thread was faster.
        Err(EEXIST) if flags & O_EXCL == 0 => path::resolve(from, path, follow),
        Err(e) => Err(e),
    }
}

/// An object that is only a name.
struct Named(Arc<Node>);

impl File for Named {
    fn stat(&self) -> Stat {
        self.0.stat()
    }
    fn node(&self) -> Option<&Arc<Node>> {
        Some(&self.0)
    }
}

fn open_node(node: &Arc<Node>, flags: u32) -> Result<Arc<dyn File>> {
    let writes = flags & O_ACCMODE != 0;
    if flags & O_PATH != 0 {
        return Ok(Arc::new(Named(node.clone())));
    }
    if flags & O_DIRECTORY != 0 && !node.is_dir() && flags & O_TMPFILE != O_TMPFILE {
        return Err(ENOTDIR);
    }
    match &node.kind {
        Kind::Directory(_) | Kind::Dynamic(_) if writes || flags & O_CREAT != 0 => Err(EISDIR),
        Kind::Directory(_) | Kind::Dynamic(_) => Ok(OpenDir::new(node.clone())),
        Kind::Regular(_) => {
            if flags & O_TRUNC != 0 {
                regular::truncate(node, 0)?;
            }
            Ok(Arc::new(Regular(node.clone())))
        }
        Kind::Symlink(_) | Kind::Computed(_) => Err(ELOOP),
        Kind::Generated(_) if writes => Err(EACCES),
        Kind::Generated(content) => Ok(Snapshot::new(node.clone(), content())),
        Kind::Device(make) => Ok(make()),
        Kind::Fifo(pipe) => open_fifo(pipe, node, flags),
        Kind::Socket => Err(ENXIO),
    }
}

/// A named pipe: an opener waits for the other end.
fn open_fifo(pipe: &Arc<Pipe>, node: &Arc<Node>, flags: u32) -> Result<Arc<dyn File>> {
    let (read, write) = (flags & O_ACCMODE != 1, flags & O_ACCMODE != 0);
    let nonblock = flags & O_NONBLOCK != 0;
    if write && !read && nonblock && !pipe.has_other_end(false) {
        return Err(ENXIO);
    }
    let end = pipe.open(read, write, Some(node.clone()));
    if read != write && !nonblock {
        wait::until(pipe.source(), None, || {
            if pipe.has_other_end(read) {
                Ok(())
            } else {
                Err(EAGAIN)
            }
        })?;
    }
    Ok(end)
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StatOut {
    dev: u64,
    ino: u64,
    nlink: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    pad: u32,
    rdev: u64,
    size: u64,
    block_size: u64,
    blocks: u64,
    atime: [u64; 2],
    mtime: [u64; 2],
    ctime: [u64; 2],
    unused: [u64; 3],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StatxTime {
    seconds: i64,
    ns: u32,
    pad: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StatxOut {
    mask: u32,
    block_size: u32,
    attributes: u64,
    nlink: u32,
    uid: u32,
    gid: u32,
    mode: u32,
    ino: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    times: [StatxTime; 4],
    rdev: [u32; 2],
    dev: [u32; 2],
    rest: [u64; 14],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct StatfsOut {
    words: [u64; 15],
}

plain!(StatOut, StatxOut, StatfsOut);

fn write_stat(at: u64, s: &Stat) -> Result<usize> {
    let pair = |(seconds, ns): Time| [seconds as u64, u64::from(ns)];
    let out = StatOut {
        dev: s.dev,
        ino: s.ino,
        nlink: u64::from(s.nlink),
        mode: s.mode,
        uid: s.uid,
        gid: s.gid,
        pad: 0,
        rdev: s.rdev,
        size: s.size,
        block_size: 4096,
        blocks: s.blocks,
        atime: pair(s.atime),
        mtime: pair(s.mtime),
        ctime: pair(s.ctime),
        unused: [0; 3],
    };
    user::write(at, &out).map(|()| 0)
}

fn stat(path: u64, at: u64) -> Result<usize> {
    newfstatat(AT_FDCWD, path, at, 0)
}

fn lstat(path: u64, at: u64) -> Result<usize> {
    newfstatat(AT_FDCWD, path, at, AT_SYMLINK_NOFOLLOW)
}

fn fstat(fd: u64, at: u64) -> Result<usize> {
    write_stat(at, &fd::get(fd)?.file.stat())
}

/// What a path argument's `stat` is; an empty path means the descriptor's file, named or not.
fn stat_of(dir: u64, path: u64, flags: u64) -> Result<Stat> {
    if flags & AT_EMPTY_PATH != 0
        && dir as u32 as u64 != AT_FDCWD
        && (path == 0 || user::read::<u8>(path)? == 0)
    {
        return Ok(fd::get(dir)?.file.stat());
    }
    Ok(named(dir, path, flags)?.stat())
}

fn newfstatat(dir: u64, path: u64, at: u64, flags: u64) -> Result<usize> {
    write_stat(at, &stat_of(dir, path, flags)?)
}

fn statx(dir: u64, path: u64, flags: u64, _mask: u64, at: u64) -> Result<usize> {
    const BASIC: u32 = 0x7ff;
    let s = stat_of(dir, path, flags)?;
    let time = |(seconds, ns): Time| StatxTime {
        seconds,
        ns,
        pad: 0,
    };
    let out = StatxOut {
        mask: BASIC,
        block_size: 4096,
        attributes: 0,
        nlink: s.nlink,
        uid: s.uid,
        gid: s.gid,
        mode: s.mode & 0xffff,
        ino: s.ino,
        size: s.size,
        blocks: s.blocks,
        attributes_mask: 0,
        times: [time(s.atime), time((0, 0)), time(s.ctime), time(s.mtime)],
        rdev: [(s.rdev >> 8) as u32, s.rdev as u32 & 0xff],
        dev: [0, s.dev as u32],
        rest: [0; 14],
    };
    user::write(at, &out).map(|()| 0)
}

fn write_statfs(at: u64) -> Result<usize> {
    const TMPFS: u64 = 0x0102_1994;
    let (free, total) = frames::counts();
    let words = [
        TMPFS,
        4096,
        total,
        free,
        free,
        1 << 20,
        1 << 20,
        0,
        255,
        4096,
        0x20,
        0,
        0,
        0,
        0,
    ];
    user::write(at, &StatfsOut { words }).map(|()| 0)
}

fn statfs(path: u64, at: u64) -> Result<usize> {
    named(AT_FDCWD, path, 0)?;
    write_statfs(at)
}

fn fstatfs(fd: u64, at: u64) -> Result<usize> {
    fd::get(fd)?;
    write_statfs(at)
}

fn access(path: u64, mode: u64) -> Result<usize> {
    faccessat2(AT_FDCWD, path, mode, 0)
}

fn faccessat(dir: u64, path: u64, mode: u64) -> Result<usize> {
    faccessat2(dir, path, mode, 0)
}

/// Root may do everything but run what nobody may run.
fn faccessat2(dir: u64, path: u64, mode: u64, flags: u64) -> Result<usize> {
    if mode & !7 != 0 {
        return Err(EINVAL);
    }
    let node = named(dir, path, flags)?;
    if mode & 1 != 0 && !node.is_dir() && node.mode() & 0o111 == 0 {
        return Err(EACCES);
    }
    Ok(0)
}

fn truncate(path: u64, len: u64) -> Result<usize> {
    let node = named(AT_FDCWD, path, 0)?;
    if node.is_dir() {
        return Err(EISDIR);
    }
    if (len as i64) < 0 {
        return Err(EINVAL);
    }
    regular::truncate(&node, len).map(|()| 0)
}

fn ftruncate(fd: u64, len: u64) -> Result<usize> {
    let open = fd::get(fd)?;
    if (len as i64) < 0 || !open.writable() {
        return Err(EINVAL);
    }
    regular::truncate(open.file.node().ok_or(EINVAL)?, len).map(|()| 0)
}

fn fallocate(fd: u64, mode: u64, at: u64, len: u64) -> Result<usize> {
    let open = fd::get(fd)?;
    if !open.writable() {
        return Err(super::errno::EBADF);
    }
    if (at as i64) < 0 || (len as i64) <= 0 {
        return Err(EINVAL);
    }
    let (keep, hole) = match mode {
        0 | 1 => (mode == 1, false),
        3 => (true, true),
        _ => return Err(super::errno::EOPNOTSUPP),
    };
    regular::allocate(
        open.file.node().ok_or(super::errno::ESPIPE)?,
        at,
        len,
        keep,
        hole,
    )
    .map(|()| 0)
}

fn getcwd(at: u64, len: u64) -> Result<usize> {
    let mut path = tree::path_of(&path::cwd())?;
    path.push(0);
    if path.len() as u64 > len {
        return Err(super::errno::ERANGE);
    }
    user::write_bytes(at, &path)?;
    Ok(path.len())
}

fn chdir(path: u64) -> Result<usize> {
    change_dir(named(AT_FDCWD, path, 0)?)
}

fn fchdir(fd: u64) -> Result<usize> {
    change_dir(fd::get(fd)?.file.node().cloned().ok_or(ENOTDIR)?)
}

fn change_dir(node: Arc<Node>) -> Result<usize> {
    if !node.is_dir() {
        return Err(ENOTDIR);
    }
    let before = CWD.lock().replace(node);
    drop(before);
    Ok(0)
}

fn rename(from: u64, to: u64) -> Result<usize> {
    renameat2(AT_FDCWD, from, AT_FDCWD, to, 0)
}

fn renameat(from_dir: u64, from: u64, to_dir: u64, to: u64) -> Result<usize> {
    renameat2(from_dir, from, to_dir, to, 0)
}

fn renameat2(from_dir: u64, from: u64, to_dir: u64, to: u64, flags: u64) -> Result<usize> {
    if flags & !1 != 0 {
        return Err(EINVAL);
    }
    let (from, to) = (place(from_dir, from, EBUSY)?, place(to_dir, to, EBUSY)?);
    tree::rename(&from, &to, flags & 1 != 0).map(|()| 0)
}

fn mkdir(path: u64, mode: u64) -> Result<usize> {
    mkdirat(AT_FDCWD, path, mode)
}

fn mkdirat(dir: u64, path: u64, mode: u64) -> Result<usize> {
    let place = place(dir, path, EEXIST)?;
    let node = Node::directory(permissions(mode) & 0o1777, Arc::downgrade(&place.parent));
    tree::link(&place, &node).map(|()| 0)
}

fn rmdir(path: u64) -> Result<usize> {
    unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
}

fn unlink(path: u64) -> Result<usize> {
    unlinkat(AT_FDCWD, path, 0)
}

fn unlinkat(dir: u64, path: u64, flags: u64) -> Result<usize> {
    if flags & !AT_REMOVEDIR != 0 {
        return Err(EINVAL);
    }
    let removes_dir = flags & AT_REMOVEDIR != 0;
    let bytes = text(path)?;
    let last = match bytes.rsplit(|&b| b == b'/').find(|n| !n.is_empty()) {
        Some(b".") if removes_dir => EINVAL,
        Some(b"..") if removes_dir => ENOTEMPTY,
        _ if removes_dir => EBUSY,
        _ => EISDIR,
    };
    tree::unlink(&place(dir, path, last)?, removes_dir).map(|()| 0)
}

fn link(from: u64, to: u64) -> Result<usize> {
    linkat(AT_FDCWD, from, AT_FDCWD, to, 0)
}

fn linkat(from_dir: u64, from: u64, to_dir: u64, to: u64, flags: u64) -> Result<usize> {
    if flags & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(EINVAL);
    }
    let nofollow = if flags & AT_SYMLINK_FOLLOW == 0 {
        AT_SYMLINK_NOFOLLOW
    } else {
        0
    };
    let node = named(from_dir, from, flags & AT_EMPTY_PATH | nofollow)?;
    tree::hard_link(&place(to_dir, to, EEXIST)?, &node).map(|()| 0)
}

fn symlink(target: u64, path: u64) -> Result<usize> {
    symlinkat(target, AT_FDCWD, path)
}

fn symlinkat(target: u64, dir: u64, path: u64) -> Result<usize> {
    let target = text(target)?;
    if target.is_empty() {
        return Err(ENOENT);
    }
    let place = place(dir, path, EEXIST)?;
    let node = Node::new(S_IFLNK | 0o777, Kind::Symlink(target.into()));
    tree::link(&place, &node).map(|()| 0)
}

fn readlink(path: u64, at: u64, len: u64) -> Result<usize> {
    readlinkat(AT_FDCWD, path, at, len)
}

fn readlinkat(dir: u64, path: u64, at: u64, len: u64) -> Result<usize> {
    if len as i32 <= 0 {
        return Err(EINVAL);
    }
    let target = path::target(&*named(dir, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?)?;
    let n = target.len().min(len as usize);
    user::write_bytes(at, &target[..n])?;
    Ok(n)
}

fn set_mode(node: &Node, mode: u64) -> Result<usize> {
    tree::check_changeable(node)?;
    let mut meta = node.meta.lock();
    meta.mode = meta.mode & S_IFMT | mode as u32 & 0o7777;
    meta.ctime = time::realtime();
    Ok(0)
}

fn chmod(path: u64, mode: u64) -> Result<usize> {
    set_mode(&*named(AT_FDCWD, path, 0)?, mode)
}

fn fchmodat(dir: u64, path: u64, mode: u64) -> Result<usize> {
    set_mode(&*named(dir, path, 0)?, mode)
}

fn fchmod(fd: u64, mode: u64) -> Result<usize> {
    set_mode(fd::get(fd)?.file.node().ok_or(EINVAL)?, mode)
}

fn set_owner(node: &Node, uid: u64, gid: u64) -> Result<usize> {
    tree::check_changeable(node)?;
    let mut meta = node.meta.lock();
    if uid as u32 != u32::MAX {
        meta.uid = uid as u32;
    }
    if gid as u32 != u32::MAX {
        meta.gid = gid as u32;
    }
    if meta.mode & S_IFMT == S_IFREG {
        meta.mode &= !0o6000;
    }
    meta.ctime = time::realtime();
    Ok(0)
}

fn chown(path: u64, uid: u64, gid: u64) -> Result<usize> {
    set_owner(&*named(AT_FDCWD, path, 0)?, uid, gid)
}

fn lchown(path: u64, uid: u64, gid: u64) -> Result<usize> {
    set_owner(&*named(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW)?, uid, gid)
}

fn fchown(fd: u64, uid: u64, gid: u64) -> Result<usize> {
    set_owner(fd::get(fd)?.file.node().ok_or(EINVAL)?, uid, gid)
}

fn fchownat(dir: u64, path: u64, uid: u64, gid: u64, flags: u64) -> Result<usize> {
    set_owner(&*named(dir, path, flags)?, uid, gid)
}

fn umask(mask: u64) -> Result<usize> {
    Ok(UMASK.swap(mask as u32 & 0o777, Ordering::Relaxed) as usize)
}

fn set_times(node: &Node, atime: Option<Time>, mtime: Option<Time>) -> Result<usize> {
    tree::check_changeable(node)?;
    let mut meta = node.meta.lock();
    meta.atime = atime.unwrap_or(meta.atime);
    meta.mtime = mtime.unwrap_or(meta.mtime);
    meta.ctime = time::realtime();
    Ok(0)
}

fn utimensat(dir: u64, path: u64, times: u64, flags: u64) -> Result<usize> {
    const NOW: u64 = 0x3fff_ffff;
    const OMIT: u64 = 0x3fff_fffe;
    let now = time::realtime();
    let one = |seconds: u64, ns: u64| match ns {
        NOW => Ok(Some(now)),
        OMIT => Ok(None),
        0..1_000_000_000 => Ok(Some((seconds as i64, ns as u32))),
        _ => Err(EINVAL),
    };
    let (atime, mtime) = if times == 0 {
        (Some(now), Some(now))
    } else {
        let [a, b, c, d] = user::read::<[u64; 4]>(times)?;
        (one(a, b)?, one(c, d)?)
    };
    let node = if path == 0 {
        fd::get(dir)?.file.node().cloned().ok_or(EPERM)?
    } else {
        named(dir, path, flags)?
    };
    set_times(&node, atime, mtime)
}

fn utime(path: u64, times: u64) -> Result<usize> {
    let (atime, mtime) = if times == 0 {
        (time::realtime(), time::realtime())
    } else {
        let [a, m] = user::read::<[u64; 2]>(times)?;
        ((a as i64, 0), (m as i64, 0))
    };
    set_times(&*named(AT_FDCWD, path, 0)?, Some(atime), Some(mtime))
}

fn utimes(path: u64, times: u64) -> Result<usize> {
    futimesat(AT_FDCWD, path, times)
}

fn futimesat(dir: u64, path: u64, times: u64) -> Result<usize> {
    let (atime, mtime) = if times == 0 {
        (time::realtime(), time::realtime())
    } else {
        let [a, b, c, d] = user::read::<[u64; 4]>(times)?;
        if b >= 1_000_000 || d >= 1_000_000 {
            return Err(EINVAL);
        }
        ((a as i64, b as u32 * 1000), (c as i64, d as u32 * 1000))
    };
    set_times(&*named(dir, path, 0)?, Some(atime), Some(mtime))
}

fn mknod(path: u64, mode: u64, dev: u64) -> Result<usize> {
    mknodat(AT_FDCWD, path, mode, dev)
}

fn mknodat(dir: u64, path: u64, mode: u64, rdev: u64) -> Result<usize> {
    let place = place(dir, path, EEXIST)?;
    let bits = permissions(mode);
    let node = match mode as u32 & S_IFMT {
        0 | S_IFREG => Node::regular(bits),
        S_IFIFO => Node::new(S_IFIFO | bits, Kind::Fifo(Pipe::new())),
        S_IFSOCK => Node::new(S_IFSOCK | bits, Kind::Socket),
        S_IFCHR => {
            let make = match rdev {
                0x103 => dev::null,
                0x105 => dev::zero,
                0x107 => dev::full,
                0x108 | 0x109 => dev::random,
                _ => return Err(ENXIO),
            };
            let node = Node::new(S_IFCHR | bits, Kind::Device(make));
            node.meta.lock().rdev = rdev;
            node
        }
        S_IFDIR => return Err(EPERM),
        _ => return Err(EINVAL),
    };
    tree::link(&place, &node).map(|()| 0)
}
