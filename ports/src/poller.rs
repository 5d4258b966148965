//! The poller: which descriptors are ready, told once until asked again.
//!
//! One [`Poller`] serves the node. [`Poller::select`] says what a descriptor's user (a port, or a
//! native resource) wants to hear; when it comes true the sink is called once with a [`Ready`], and
//! not again for that direction before [`Poller::rearm`]. Any thread may call [`Poller::poll`]; one at
//! a time waits, the others are told so.
//!
//! A descriptor may be closed and its number used anew at any moment. Every registration has a
//! generation which travels in the event, so that a late event of an old descriptor finds no one.
//! The system's poller is edge-triggered: arming always registers anew, which reports what is ready
//! already. Files that cannot be polled (regular ones) are always ready.
//!
//! Locks: `waiting` (rank 1) is held while waiting; `table` (rank 2) for look-ups only; neither while
//! the sink runs.

use crate::handle::Readiness;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use vm::microstate::{State, during};

/// How many events are taken at once.
const EVENTS: usize = 256;

/// The token of the waker; descriptors are never negative.
const WAKE: Token = Token(usize::MAX);

/// A descriptor is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Whose it is: the key given to [`Poller::select`].
    pub key: u64,
    /// Which.
    pub fd: RawFd,
    /// For what.
    pub what: Readiness,
}

/// Whether a report is followed by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The wish stays; after a report the user calls [`Poller::rearm`]. Drivers.
    Rearm,
    /// The wish is fulfilled by one report. `enif_select`.
    Once,
}

/// What [`Poller::poll`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Another thread is waiting.
    Busy,
    /// This many reports went to the sink.
    Reported(usize),
}

/// The poller of a node.
pub struct Poller {
    registry: Registry,
    waker: Waker,
    waiting: Mutex<(Poll, Events)>,
    table: Mutex<Table>,
    /// How many descriptors are in the table.
    wishes: AtomicUsize,
    sink: Box<dyn Fn(Ready) + Send + Sync>,
}

#[derive(Default)]
struct Table {
    watches: FxHashMap<RawFd, Watch>,
    generation: u32,
    /// Reports for files that are always ready.
    immediate: VecDeque<(RawFd, u32)>,
}

struct Watch {
    key: u64,
    generation: u32,
    wanted: Readiness,
    armed: Readiness,
    mode: Mode,
    pollable: bool,
}

impl Poller {
    /// A poller that reports to `sink`, on the thread that polls.
    ///
    /// # Errors
    /// The system gives no poller (no descriptors left).
    pub fn new(sink: impl Fn(Ready) + Send + Sync + 'static) -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = poll.registry().try_clone()?;
        let waker = Waker::new(&registry, WAKE)?;
        Ok(Self {
            registry,
            waker,
            waiting: Mutex::new((poll, Events::with_capacity(EVENTS))),
            table: Mutex::default(),
            wishes: AtomicUsize::new(0),
            sink: Box::new(sink),
        })
    }

    /// Adds to what is wanted of a descriptor, and arms it. If another key had it, it loses it (its
    /// descriptor was closed, and this one has its number) and is the answer.
    ///
    /// # Errors
    /// The descriptor is not open, or the system has no room.
    pub fn select(
        &self,
        key: u64,
        fd: RawFd,
        what: Readiness,
        mode: Mode,
    ) -> io::Result<Option<u64>> {
        let mut table = self.table.lock();
        let mut stolen = None;
        match table.watches.get_mut(&fd) {
            Some(watch) if watch.key == key => {
                watch.mode = mode;
                watch.wanted = watch.wanted.union(what);
            }
            other => {
                stolen = other.map(|watch| watch.key);
                table.generation = table.generation.wrapping_add(1);
                let generation = table.generation;
                let fresh = Watch {
                    key,
                    generation,
                    wanted: what,
                    armed: Readiness::NONE,
                    mode,
                    pollable: true,
                };
                table.watches.insert(fd, fresh);
            }
        }
        let armed = self.arm(&mut table, fd, what);
        if armed.is_err() {
            table.watches.remove(&fd);
        }
        self.wishes.store(table.watches.len(), Ordering::Relaxed);
        armed.map(|()| stolen)
    }

    /// Removes from what is wanted of a descriptor; when nothing is left, forgets it. To be called
    /// before it is closed.
    pub fn deselect(&self, key: u64, fd: RawFd, what: Readiness) {
        let mut table = self.table.lock();
        let Some(watch) = table.watches.get_mut(&fd).filter(|watch| watch.key == key) else {
            return;
        };
        watch.wanted = watch.wanted.difference(what);
        watch.armed = watch.armed.difference(what);
        if watch.wanted.is_none() {
            let pollable = watch.pollable;
            table.watches.remove(&fd);
            self.wishes.store(table.watches.len(), Ordering::Relaxed);
            if pollable {
                // It may be closed already, then the system has forgotten it by itself.
                let _ = self.registry.deregister(&mut SourceFd(&fd));
            }
        }
    }

    /// After a report was acted on: report again when (or if already) ready.
    ///
    /// # Errors
    /// The descriptor is not open any more.
    pub fn rearm(&self, key: u64, fd: RawFd) -> io::Result<()> {
        let mut table = self.table.lock();
        let Some(watch) = table.watches.get(&fd).filter(|watch| watch.key == key) else {
            return Ok(());
        };
        let missing = watch.wanted.difference(watch.armed);
        if missing.is_none() {
            Ok(())
        } else {
            self.arm(&mut table, fd, missing)
        }
    }

    /// Takes what is ready now; whether there was something.
    pub fn look(&self) -> bool {
        // Where nothing is asked for, nothing can be ready. Who asks at this moment finds the next look.
        if self.wishes.load(Ordering::Relaxed) == 0 {
            return false;
        }
        matches!(self.poll(Some(Duration::ZERO)), Ok(Polled::Reported(count)) if count > 0)
    }

    /// Takes what is ready, waiting at most this long for something, and reports it to the sink.
    ///
    /// # Errors
    /// Of the system's poller; none in normal operation.
    pub fn poll(&self, timeout: Option<Duration>) -> io::Result<Polled> {
        let Some(mut waiting) = self.waiting.try_lock() else {
            return Ok(Polled::Busy);
        };
        let timeout = if self.table.lock().immediate.is_empty() {
            timeout
        } else {
            Some(Duration::ZERO)
        };
        let (poll, events) = &mut *waiting;
        match poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            other => other?,
        }
        let mut reports = Vec::new();
        let mut table = self.table.lock();
        for (fd, generation) in std::mem::take(&mut table.immediate) {
            reports.extend(table.fire(fd, generation, Readiness::BOTH));
        }
        for event in events.iter().filter(|event| event.token() != WAKE) {
            let failed = event.is_error();
            let what = Readiness {
                read: event.is_readable() || event.is_read_closed() || failed,
                write: event.is_writable() || event.is_write_closed() || failed,
            };
            let (fd, generation) = unpack(event.token());
            reports.extend(table.fire(fd, generation, what));
        }
        drop(table);
        drop(waiting);
        let count = reports.len();
        if count > 0 {
            scheduler::poll::stops_waiting();
            during(State::CheckIo, || {
                reports.into_iter().for_each(|ready| (self.sink)(ready));
            });
        }
        Ok(Polled::Reported(count))
    }

    /// Makes the thread that waits in [`Poller::poll`], or the next one, return at once.
    pub fn wake(&self) {
        // Fails only when the counter is full: then it is awake.
        let _ = self.waker.wake();
    }

    /// Registers a descriptor anew, which reports it if it is ready already.
    fn arm(&self, table: &mut Table, fd: RawFd, what: Readiness) -> io::Result<()> {
        let Some(watch) = table.watches.get_mut(&fd) else {
            return Ok(());
        };
        watch.armed = watch.armed.union(what);
        let Some(interest) = interest(watch.wanted) else {
            return Ok(());
        };
        let token = pack(fd, watch.generation);
        let mut source = SourceFd(&fd);
        let registered = match self.registry.reregister(&mut source, token, interest) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.registry.register(&mut source, token, interest)
            }
            other => other,
        };
        match registered {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                watch.pollable = false;
                let generation = watch.generation;
                table.immediate.push_back((fd, generation));
                self.wake();
                Ok(())
            }
            other => {
                watch.pollable = true;
                other
            }
        }
    }
}

impl Table {
    /// What of an event its user still wants to hear.
    fn fire(&mut self, fd: RawFd, generation: u32, what: Readiness) -> Option<Ready> {
        let watch = self
            .watches
            .get_mut(&fd)
            .filter(|watch| watch.generation == generation)?;
        let what = what.intersection(watch.armed);
        if what.is_none() {
            return None;
        }
        watch.armed = watch.armed.difference(what);
        if watch.mode == Mode::Once {
            watch.wanted = watch.wanted.difference(what);
        }
        Some(Ready {
            key: watch.key,
            fd,
            what,
        })
    }
}

fn interest(what: Readiness) -> Option<Interest> {
    match (what.read, what.write) {
        (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
        (true, false) => Some(Interest::READABLE),
        (false, true) => Some(Interest::WRITABLE),
        (false, false) => None,
    }
}

/// A token: the descriptor in the low half, the generation in the high.
fn pack(fd: RawFd, generation: u32) -> Token {
    Token((generation as usize) << 32 | fd.cast_unsigned() as usize)
}

fn unpack(token: Token) -> (RawFd, u32) {
    let low = token.0 as u32;
    (low.cast_signed(), (token.0 >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    type Log = Arc<Mutex<Vec<Ready>>>;

    fn poller() -> (Poller, Log) {
        let log = Log::default();
        let sink = Arc::clone(&log);
        (
            Poller::new(move |ready| sink.lock().push(ready)).unwrap(),
            log,
        )
    }

    /// Polls without waiting; the reports.
    fn now(poller: &Poller, log: &Log) -> Vec<Ready> {
        poller.poll(Some(Duration::ZERO)).unwrap();
        std::mem::take(&mut log.lock())
    }

    #[test]
    fn reports_once_until_rearmed() {
        let (poller, log) = poller();
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let fd = near.as_raw_fd();
        poller.select(7, fd, Readiness::READ, Mode::Rearm).unwrap();
        assert_eq!(now(&poller, &log), []);
        far.write_all(b"ab").unwrap();
        let ready = Ready {
            key: 7,
            fd,
            what: Readiness::READ,
        };
        assert_eq!(now(&poller, &log), [ready]);
        far.write_all(b"c").unwrap();
        assert_eq!(now(&poller, &log), []);
        near.read_exact(&mut [0; 1]).unwrap();
        poller.rearm(7, fd).unwrap();
        assert_eq!(now(&poller, &log), [ready]);
        near.read_exact(&mut [0; 2]).unwrap();
        poller.rearm(7, fd).unwrap();
        assert_eq!(now(&poller, &log), []);
        drop(far);
        assert_eq!(now(&poller, &log), [ready]);
    }

    #[test]
    fn directions_are_independent() {
        let (poller, log) = poller();
        let (near, mut far) = UnixStream::pair().unwrap();
        let fd = near.as_raw_fd();
        poller.select(1, fd, Readiness::BOTH, Mode::Rearm).unwrap();
        assert_eq!(
            now(&poller, &log),
            [Ready {
                key: 1,
                fd,
                what: Readiness::WRITE
            }]
        );
        far.write_all(b"x").unwrap();
        assert_eq!(
            now(&poller, &log),
            [Ready {
                key: 1,
                fd,
                what: Readiness::READ
            }]
        );
        poller.deselect(1, fd, Readiness::WRITE);
        poller.rearm(1, fd).unwrap();
        assert_eq!(
            now(&poller, &log),
            [Ready {
                key: 1,
                fd,
                what: Readiness::READ
            }]
        );
    }

    #[test]
    fn a_reused_number_is_another_descriptor() {
        let (poller, log) = poller();
        let (near, far) = UnixStream::pair().unwrap();
        let fd = near.as_raw_fd();
        poller.select(1, fd, Readiness::READ, Mode::Rearm).unwrap();
        drop(far); // Ready now, not yet polled.
        let (other, _far) = UnixStream::pair().unwrap();
        // Close the first behind the poller's back and give the second its number.
        let mut first = std::os::fd::OwnedFd::from(near);
        rustix::io::dup2(&other, &mut first).unwrap();
        assert_eq!(
            poller.select(2, fd, Readiness::READ, Mode::Rearm).unwrap(),
            Some(1)
        );
        assert_eq!(now(&poller, &log), []);
    }

    #[test]
    fn regular_files_are_always_ready() {
        let (poller, log) = poller();
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let fd = file.as_raw_fd();
        poller.select(3, fd, Readiness::READ, Mode::Rearm).unwrap();
        let ready = Ready {
            key: 3,
            fd,
            what: Readiness::READ,
        };
        assert_eq!(now(&poller, &log), [ready]);
        assert_eq!(now(&poller, &log), []);
        poller.rearm(3, fd).unwrap();
        assert_eq!(now(&poller, &log), [ready]);
    }

    #[test]
    fn once_is_once_and_closed_is_an_error() {
        let (poller, log) = poller();
        let (near, _far) = UnixStream::pair().unwrap();
        let fd = near.as_raw_fd();
        poller.select(1, fd, Readiness::WRITE, Mode::Once).unwrap();
        assert_eq!(now(&poller, &log).len(), 1);
        poller.rearm(1, fd).unwrap();
        assert_eq!(now(&poller, &log), []);
        poller.select(1, fd, Readiness::WRITE, Mode::Once).unwrap();
        assert_eq!(now(&poller, &log).len(), 1);
        assert!(
            poller
                .select(1, 99_999, Readiness::READ, Mode::Once)
                .is_err()
        );
    }

    #[test]
    fn one_waits_and_is_woken() {
        let (poller, _) = poller();
        let poller = Arc::new(poller);
        let waiter = Arc::clone(&poller);
        // Whoever finds another one waiting comes again, as a scheduler does.
        let thread = std::thread::spawn(move || {
            loop {
                match waiter.poll(None).unwrap() {
                    Polled::Busy => std::thread::yield_now(),
                    reported => return reported,
                }
            }
        });
        while poller.poll(Some(Duration::ZERO)).unwrap() != Polled::Busy {
            std::thread::yield_now();
        }
        poller.wake();
        assert_eq!(thread.join().unwrap(), Polled::Reported(0));
    }
}
