//! Pipes, with and without a name.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::file::{File, Stat, again};
use super::io::{Feed, Sink};
use super::node::{Node, S_IFIFO};
use crate::arch::sync::SpinLock;
use crate::arch::user;
use crate::sys::errno::{EBADF, EINVAL, ENOTTY, EPIPE, Result};
use crate::task::signal::{self, Info};
use crate::task::wait::{ERR, HUP, IN, OUT, Source};

/// Bytes that a pipe holds.
pub const CAPACITY: usize = 65536;
/// Writes up to this length are never torn.
pub const PIPE_BUF: usize = 4096;

struct State {
    bytes: VecDeque<u8>,
    capacity: usize,
    readers: usize,
    writers: usize,
}

/// A pipe.
pub struct Pipe {
    state: SpinLock<State>,
    source: Source,
}

/// One end of a pipe (or both, for a named pipe opened so).
pub struct End {
    pipe: Arc<Pipe>,
    read: bool,
    write: bool,
    node: Option<Arc<Node>>,
}

impl Pipe {
    /// A pipe that nobody has open.
    pub fn new() -> Arc<Pipe> {
        let state = State {
            bytes: VecDeque::new(),
            capacity: CAPACITY,
            readers: 0,
            writers: 0,
        };
        Arc::new(Pipe {
            state: SpinLock::new(state),
            source: Source::new(),
        })
    }

    /// Opens an end.
    pub fn open(self: &Arc<Pipe>, read: bool, write: bool, node: Option<Arc<Node>>) -> Arc<End> {
        let mut state = self.state.lock();
        state.readers += usize::from(read);
        state.writers += usize::from(write);
        drop(state);
        self.source.notify(IN | OUT);
        Arc::new(End {
            pipe: self.clone(),
            read,
            write,
            node,
        })
    }

    /// Where changes are announced.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether anyone has the end open that an opener of the other end waits for.
    pub fn has_other_end(&self, reading: bool) -> bool {
        let state = self.state.lock();
        if reading {
            state.writers > 0
        } else {
            state.readers > 0
        }
    }
}

/// The program wrote where nobody reads any more.
pub fn broken<T>() -> Result<T> {
    signal::send_thread(
        &crate::arch::current::arc(),
        Info::user(signal::num::SIGPIPE, 0),
    );
    Err(EPIPE)
}

impl End {
    /// `F_SETPIPE_SZ` and `F_GETPIPE_SZ`.
    pub fn capacity(&self, new: Option<usize>) -> Result<usize> {
        let mut state = self.pipe.state.lock();
        if let Some(new) = new {
            let new = new.next_power_of_two().clamp(4096, 1 << 20);
            if new < state.bytes.len() {
                return Err(crate::sys::errno::EBUSY);
            }
            state.capacity = new;
        }
        Ok(state.capacity)
    }
}

impl File for End {
    fn read(&self, sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        if !self.read {
            return Err(EBADF);
        }
        let room = sink.room();
        if room == 0 {
            return Ok(0);
        }
        let taken: Vec<u8> = {
            let mut state = self.pipe.state.lock();
            if state.bytes.is_empty() {
                return if state.writers == 0 { Ok(0) } else { again() };
            }
            let n = room.min(state.bytes.len());
            state.bytes.drain(..n).collect()
        };
        self.pipe.source.notify(OUT);
        sink.put(&taken)
    }

    fn write(&self, feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        if !self.write {
            return Err(EBADF);
        }
        let want = feed.left();
        if want == 0 {
            return Ok((0, 0));
        }
        let free = {
            let state = self.pipe.state.lock();
            if state.readers == 0 {
                drop(state);
                return broken();
            }
            state.capacity - state.bytes.len()
        };
        if free == 0 || (want <= PIPE_BUF && free < want) {
            return again();
        }
        let bytes = feed.take_vec(free.min(want))?;
        let written = {
            let mut state = self.pipe.state.lock();
            let free = state.capacity - state.bytes.len();
            let n = if want <= PIPE_BUF && free < bytes.len() {
                0
            } else {
                free.min(bytes.len())
            };
            state.bytes.extend(&bytes[..n]);
            n
        };
        feed.give_back(bytes.len() - written);
        if written == 0 {
            return again();
        }
        self.pipe.source.notify(IN);
        Ok((written, 0))
    }

    fn ready(&self) -> u32 {
        let state = self.pipe.state.lock();
        let mut events = 0;
        if self.read {
            events |= if state.bytes.is_empty() { 0 } else { IN };
            events |= if state.writers == 0 { HUP } else { 0 };
        }
        if self.write {
            events |= if state.capacity - state.bytes.len() >= PIPE_BUF {
                OUT
            } else {
                0
            };
            events |= if state.readers == 0 { ERR } else { 0 };
        }
        events
    }

    fn source(&self) -> Option<&Source> {
        Some(&self.pipe.source)
    }

    fn ioctl(&self, command: u32, argument: u64) -> Result<usize> {
        match command {
            linux_raw_sys::ioctl::FIONREAD => {
                let n = self.pipe.state.lock().bytes.len() as u32;
                user::write(argument, &n)?;
                Ok(0)
            }
            0 => Err(EINVAL),
            _ => Err(ENOTTY),
        }
    }

    fn stat(&self) -> Stat {
        match &self.node {
            Some(node) => node.stat(),
            None => Stat {
                ino: Arc::as_ptr(&self.pipe) as u64 >> 4 & 0xfff_ffff,
                mode: S_IFIFO | 0o600,
                nlink: 1,
                ..Stat::default()
            },
        }
    }

    fn node(&self) -> Option<&Arc<Node>> {
        self.node.as_ref()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.pipe.state.lock();
        state.readers -= usize::from(self.read);
        state.writers -= usize::from(self.write);
        if state.readers == 0 && state.writers == 0 {
            state.bytes.clear();
        }
        drop(state);
        self.pipe.source.notify(HUP | ERR | IN | OUT);
    }
}
