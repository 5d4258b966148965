//! What every open file can be asked: the `File` trait, the open file description around it, and `stat`.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicU32, Ordering};

use super::io::{Feed, Sink};
use super::node::Node;
use crate::arch::sync::SpinLock;
use crate::net::socket::Socket;
use crate::sys::errno::{EAGAIN, EINVAL, ENOTDIR, ENOTTY, ESPIPE, Result};
use crate::task::wait::{self, IN, OUT, Source};

/// Open for reading only, writing only, both: the mask of the access mode.
pub const O_ACCMODE: u32 = 3;
/// Open for writing only.
pub const O_WRONLY: u32 = 1;
/// Open for both.
pub const O_RDWR: u32 = 2;
/// Every write goes to the end.
pub const O_APPEND: u32 = 0o2000;
/// Nothing waits.
pub const O_NONBLOCK: u32 = 0o4000;
/// Closed at `execve`.
pub const O_CLOEXEC: u32 = 0o2_000_000;
/// Names a file without opening it.
pub const O_PATH: u32 = 0o10_000_000;

/// Seconds and nanoseconds.
pub type Time = (i64, u32);

/// What `stat` tells.
#[derive(Clone, Copy, Default)]
#[allow(missing_docs, reason = "the fields of `struct stat`")]
pub struct Stat {
    pub dev: u64,
    pub ino: u64,
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    pub rdev: u64,
    pub size: u64,
    pub blocks: u64,
    pub atime: Time,
    pub mtime: Time,
    pub ctime: Time,
}

/// An entry of a directory.
pub struct Entry {
    /// Its name.
    pub name: Vec<u8>,
    /// Its number.
    pub ino: u64,
    /// Its type, as in a mode.
    pub mode: u32,
}

/// An object behind a descriptor.
///
/// `read` and `write` never wait: they answer EAGAIN, and the caller waits on `source`.
pub trait File: Send + Sync + Any {
    /// Reads at an offset, or where a stream stands.
    fn read(&self, _sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        Err(EINVAL)
    }

    /// Writes at an offset (`None`: at the end), or to a stream; the count and the offset afterwards.
    fn write(&self, _feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        Err(EINVAL)
    }

    /// What it is ready for.
    fn ready(&self) -> u32 {
        IN | OUT
    }

    /// Where changes of readiness are announced.
    fn source(&self) -> Option<&Source> {
        None
    }

    /// Whether it has a position.
    fn seekable(&self) -> bool {
        false
    }

    /// Its length, for seeks from the end.
    fn size(&self) -> Result<u64> {
        Err(ESPIPE)
    }

    /// Device control.
    fn ioctl(&self, _command: u32, _argument: u64) -> Result<usize> {
        Err(ENOTTY)
    }

    /// The next entries of a directory; `f` answers false when it has no room for one.
    fn entries(&self, _f: &mut dyn FnMut(&Entry) -> bool) -> Result<()> {
        Err(ENOTDIR)
    }

    /// Starts the entries anew.
    fn rewind(&self) {}

    /// What `fstat` tells.
    fn stat(&self) -> Stat;

    /// The node in the tree, for files that have one.
    fn node(&self) -> Option<&Arc<Node>> {
        None
    }

    /// The socket it is, if it is one.
    fn socket(&self) -> Option<&dyn Socket> {
        None
    }

    /// How long a read or a write waits at most, in nanoseconds.
    fn timeout(&self, _write: bool) -> Option<u64> {
        None
    }

    /// The description was opened or closed with these flags (pipes count their ends).
    fn closed(&self) {}
}

/// An open file description.
pub struct Open {
    /// The object.
    pub file: Arc<dyn File>,
    /// Access mode and status flags.
    pub flags: AtomicU32,
    /// Position.
    pub position: SpinLock<u64>,
    /// The path it was opened by.
    pub path: Vec<u8>,
}

impl Open {
    /// A description.
    pub fn new(file: Arc<dyn File>, flags: u32, path: &[u8]) -> Arc<Open> {
        Arc::new(Open {
            file,
            flags: AtomicU32::new(flags),
            position: SpinLock::new(0),
            path: path.to_vec(),
        })
    }

    /// The flags.
    pub fn flags(&self) -> u32 {
        self.flags.load(Ordering::Relaxed)
    }

    /// Whether reads are allowed.
    pub fn readable(&self) -> bool {
        self.flags() & O_ACCMODE != O_WRONLY && self.flags() & O_PATH == 0
    }

    /// Whether writes are allowed.
    pub fn writable(&self) -> bool {
        self.flags() & O_ACCMODE != 0 && self.flags() & O_PATH == 0
    }

    /// Repeats an attempt to read or write until it does not answer EAGAIN, unless the description (or
    /// `dont_wait`) says not to wait.
    pub fn wait<T>(
        &self,
        dont_wait: bool,
        write: bool,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        match self.file.source() {
            Some(source) if !dont_wait && self.flags() & O_NONBLOCK == 0 => {
                let deadline = self.file.timeout(write).map(wait::after);
                wait::until(source, deadline, attempt)
            }
            _ => attempt(),
        }
    }

    /// Reads at the position and moves it.
    pub fn read(&self, sink: &mut Sink<'_>) -> Result<usize> {
        let at = if self.file.seekable() {
            *self.position.lock()
        } else {
            0
        };
        let count = self.wait(false, false, || self.file.read(sink, at))?;
        if self.file.seekable() {
            *self.position.lock() = at + count as u64;
        }
        Ok(count)
    }

    /// Writes at the position and moves it. A stream that waits takes everything.
    pub fn write(&self, feed: &mut Feed<'_>) -> Result<usize> {
        if self.file.seekable() {
            let at = (self.flags() & O_APPEND == 0).then(|| *self.position.lock());
            let (count, end) = self.file.write(feed, at)?;
            *self.position.lock() = end;
            return Ok(count);
        }
        let mut total = 0;
        loop {
            match self.wait(false, true, || self.file.write(feed, None)) {
                Ok((count, _)) => total += count,
                Err(e) if total == 0 => return Err(e),
                Err(_) => return Ok(total),
            }
            if feed.left() == 0 || self.flags() & O_NONBLOCK != 0 || self.file.source().is_none() {
                return Ok(total);
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.file.closed();
    }
}

/// EAGAIN, spelled for streams that have nothing yet.
pub fn again<T>() -> Result<T> {
    Err(EAGAIN)
}
