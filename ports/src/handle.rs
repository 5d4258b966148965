//! What a driver can ask of its port, and who answers.
//!
//! [`PortHandle`] is the driver's side: cheap to clone, and usable from any thread. [`Host`] is the
//! other side: the port table implements it in terms of processes and messages, and
//! [`crate::testing::Bench`] in terms of a log.

use crate::driver::{Driver, Started};
use crate::iovec::IoVec;
use bytes::Bytes;
use std::any::Any;
use std::borrow::Cow;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// The number of a port, given by its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PortId(pub u64);

/// A process, as its host knows it. Drivers only hand it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PidToken(pub u64);

/// A monitor that a driver holds on a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MonitorId(pub u64);

/// Directions in which a descriptor is, or is to be, ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Readable, at its end, or in error.
    pub read: bool,
    /// Writable, or in error.
    pub write: bool,
}

impl Readiness {
    /// For reading only.
    pub const READ: Self = Self {
        read: true,
        write: false,
    };
    /// For writing only.
    pub const WRITE: Self = Self {
        read: false,
        write: true,
    };
    /// For both.
    pub const BOTH: Self = Self {
        read: true,
        write: true,
    };
    /// For nothing.
    pub const NONE: Self = Self {
        read: false,
        write: false,
    };

    /// Neither direction.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Either's directions.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            read: self.read || other.read,
            write: self.write || other.write,
        }
    }

    /// Both's common directions.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self {
            read: self.read && other.read,
            write: self.write && other.write,
        }
    }

    /// These directions without the other's.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self {
            read: self.read && !other.read,
            write: self.write && !other.write,
        }
    }
}

/// A term that a driver describes and its host builds.
#[derive(Clone, Debug, PartialEq)]
pub enum TermSpec {
    /// An atom.
    Atom(Cow<'static, str>),
    /// An integer.
    Int(i64),
    /// An integer beyond `i64`.
    Uint(u64),
    /// A float; not NaN or infinite.
    Float(f64),
    /// A binary.
    Binary(Bytes),
    /// A list of bytes.
    String(Bytes),
    /// A proper list; `[]` when empty.
    List(Vec<TermSpec>),
    /// A list with a tail of its own.
    ImproperList(Vec<TermSpec>, Box<TermSpec>),
    /// A tuple.
    Tuple(Vec<TermSpec>),
    /// A map; of equal keys the last counts.
    Map(Vec<(TermSpec, TermSpec)>),
    /// The driver's own port.
    Port,
    /// Another port.
    OtherPort(PortId),
    /// A process.
    Pid(PidToken),
    /// A term in the external format.
    External(Bytes),
}

impl TermSpec {
    /// An atom known at compile time.
    #[must_use]
    pub const fn atom(name: &'static str) -> Self {
        Self::Atom(Cow::Borrowed(name))
    }
}

/// How a driver ends its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The other side has ended: `{Port, eof}` when the port was opened with `eof` (and it stays
    /// open), else exit with `normal`.
    Eof,
    /// Exit with the name of an error number.
    Posix(i32),
    /// Exit with an atom.
    Atom(Cow<'static, str>),
}

/// A piece of blocking work: runs on a driver thread; what it returns runs under the port's lock.
pub type Job = Box<dyn FnOnce() -> Completion + Send>;

/// Something to be done with the driver under its port's lock.
pub type Completion = Box<dyn FnOnce(&mut dyn Driver) + Send>;

/// Makes the driver of a port that another port's driver opens.
pub type Starter = Box<dyn FnOnce(PortHandle) -> Started>;

/// Something that a host brings to a driver, in order, one at a time.
pub enum Event {
    /// Data from the owner: [`Driver::output`].
    Output(IoVec),
    /// [`Driver::ready_input`].
    ReadyInput(RawFd),
    /// [`Driver::ready_output`].
    ReadyOutput(RawFd),
    /// [`Driver::timeout`].
    Timeout,
    /// [`Driver::process_exit`].
    ProcessExit(MonitorId),
    /// A completion, or whatever else was posted.
    Run(Completion),
    /// [`Driver::flush`].
    Flush,
}

/// The side of a port that knows Erlang. Every method may be called under the port's lock, and those
/// marked so from any thread; none may call back into the driver before returning.
pub trait Host: Send + Sync {
    /// Sends `{Port, {data, Data}}` to the owner, framed as the port's options say. `header` comes
    /// first, as a list, if the data is a binary; without data the list is all, and no empty binary ends it.
    fn output(&self, port: PortId, header: &[u8], data: Option<IoVec>);
    /// Sends a term to the owner as it is.
    fn output_term(&self, port: PortId, term: TermSpec);
    /// Sends a term to any process.
    fn send_term(&self, port: PortId, to: PidToken, term: TermSpec);
    /// Ends the port after the current callback.
    fn close(&self, port: PortId, reason: CloseReason);
    /// Sends `{Port, {exit_status, Status}}` to the owner, if it asked for that.
    fn exit_status(&self, port: PortId, status: i32);
    /// Suspends those who send to the port, or resumes them.
    fn set_busy(&self, port: PortId, busy: bool);
    /// Sets the port's one timer, or removes it.
    fn set_timer(&self, port: PortId, after: Option<Duration>);
    /// How long until the timer.
    fn read_timer(&self, port: PortId) -> Option<Duration>;
    /// Turns readiness reports of a descriptor on or off.
    ///
    /// # Errors
    /// Those of the poller.
    fn select(&self, port: PortId, fd: RawFd, what: Readiness, on: bool) -> std::io::Result<()>;
    /// Runs a job on a driver thread, after earlier ones with the same key. Any thread.
    fn submit(&self, port: PortId, key: u64, job: Job);
    /// Brings an event to the driver, later. Any thread; nothing happens when the port is gone.
    fn post(&self, port: PortId, event: Event);
    /// Monitors a process; `None` when there is none.
    fn monitor(&self, port: PortId, process: PidToken) -> Option<MonitorId>;
    /// Removes a monitor; whether it was there.
    fn demonitor(&self, port: PortId, monitor: MonitorId) -> bool;
    /// The port's owner.
    fn owner(&self, port: PortId) -> PidToken;
    /// Who caused the current callback.
    fn caller(&self, port: PortId) -> PidToken;
    /// Whether answers of `control` become binaries.
    fn set_control_binary(&self, port: PortId, binary: bool);
    /// Takes down the link to the owner.
    fn unlink_owner(&self, port: PortId);
    /// Opens another port, set up as this one and linked to `owner`; none when there are too many ports, or
    /// no such process.
    fn open_sibling(&self, port: PortId, owner: PidToken, start: Starter) -> Option<PortId>;
}

/// A driver's way to its port.
#[derive(Clone)]
pub struct PortHandle {
    id: PortId,
    host: Arc<dyn Host>,
}

impl PortHandle {
    /// A handle to one of a host's ports.
    #[must_use]
    pub fn new(host: Arc<dyn Host>, id: PortId) -> Self {
        Self { id, host }
    }

    /// The port's number.
    #[must_use]
    pub fn id(&self) -> PortId {
        self.id
    }

    /// Sends bytes to the owner: `{Port, {data, Data}}`.
    pub fn output_data(&self, data: impl Into<Bytes>) {
        self.host.output(self.id, &[], Some(data.into().into()));
    }

    /// Sends bytes to the owner, uncopied, after a header that is a list even if the data is a binary.
    pub fn output_vec(&self, header: &[u8], data: IoVec) {
        self.host.output(self.id, header, Some(data));
    }

    /// Sends bytes to the owner that are a list even if the port's data are binaries.
    pub fn output_list(&self, bytes: &[u8]) {
        self.host.output(self.id, bytes, None);
    }

    /// Sends a term to the owner.
    pub fn output_term(&self, term: TermSpec) {
        self.host.output_term(self.id, term);
    }

    /// Sends a term to a process.
    pub fn send_term(&self, to: PidToken, term: TermSpec) {
        self.host.send_term(self.id, to, term);
    }

    /// The other side has ended; see [`CloseReason::Eof`].
    pub fn failure_eof(&self) {
        self.host.close(self.id, CloseReason::Eof);
    }

    /// Ends the port with the name of an error number as its exit reason.
    pub fn failure_posix(&self, errno: i32) {
        self.host.close(self.id, CloseReason::Posix(errno));
    }

    /// Ends the port with an atom as its exit reason.
    pub fn exit(&self, reason: impl Into<Cow<'static, str>>) {
        self.host.close(self.id, CloseReason::Atom(reason.into()));
    }

    /// The same, but the owner gets no exit signal: it was told in another way.
    pub fn exit_silently(&self, reason: CloseReason) {
        self.host.unlink_owner(self.id);
        self.host.close(self.id, reason);
    }

    /// Reports how the program behind the port ended (the port stays open).
    pub fn exit_status(&self, status: i32) {
        self.host.exit_status(self.id, status);
    }

    /// Makes the port busy, or not.
    pub fn set_busy(&self, busy: bool) {
        self.host.set_busy(self.id, busy);
    }

    /// Calls [`Driver::timeout`] once after this time. A port has one timer.
    pub fn set_timer(&self, after: Duration) {
        self.host.set_timer(self.id, Some(after));
    }

    /// Removes the timer.
    pub fn cancel_timer(&self) {
        self.host.set_timer(self.id, None);
    }

    /// The time left on the timer.
    #[must_use]
    pub fn read_timer(&self) -> Option<Duration> {
        self.host.read_timer(self.id)
    }

    /// Asks for [`Driver::ready_input`] and [`Driver::ready_output`] of a descriptor, or no longer.
    /// Turn both off before closing it.
    ///
    /// # Errors
    /// Those of the poller, for a descriptor that is not open.
    pub fn select(&self, fd: RawFd, what: Readiness, on: bool) -> std::io::Result<()> {
        self.host.select(self.id, fd, what, on)
    }

    /// Runs blocking work on a driver thread and then `done` with the driver, under the port's lock
    /// (not, if the port is closed by then). Work of one port runs in order.
    pub fn async_work<D, R>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
        done: impl FnOnce(&mut D, R) + Send + 'static,
    ) where
        D: Driver,
        R: Send + 'static,
    {
        self.async_work_keyed(self.id.0, work, done);
    }

    /// The same, in order only with work of the same key. Keys below 2^63 are ports.
    pub fn async_work_keyed<D, R>(
        &self,
        key: u64,
        work: impl FnOnce() -> R + Send + 'static,
        done: impl FnOnce(&mut D, R) + Send + 'static,
    ) where
        D: Driver,
        R: Send + 'static,
    {
        let job: Job = Box::new(move || {
            let result = work();
            completion(move |driver: &mut D| done(driver, result))
        });
        self.host.submit(self.id, key, job);
    }

    /// Runs a function with the driver, later, under the port's lock. Any thread.
    pub fn post<D: Driver>(&self, what: impl FnOnce(&mut D) + Send + 'static) {
        self.host.post(self.id, Event::Run(completion(what)));
    }

    /// Monitors a process: [`Driver::process_exit`]. `None` when there is none.
    #[must_use]
    pub fn monitor(&self, process: PidToken) -> Option<MonitorId> {
        self.host.monitor(self.id, process)
    }

    /// Removes a monitor; whether it was there.
    pub fn demonitor(&self, monitor: MonitorId) -> bool {
        self.host.demonitor(self.id, monitor)
    }

    /// The process that owns the port (is connected to it).
    #[must_use]
    pub fn owner(&self) -> PidToken {
        self.host.owner(self.id)
    }

    /// The process that caused the current callback.
    #[must_use]
    pub fn caller(&self) -> PidToken {
        self.host.caller(self.id)
    }

    /// Opens another port, set up as this one, linked to and owned by a process; `None` when there are too
    /// many ports, or no such process. The stock VM's `driver_create_port`.
    #[must_use]
    pub fn open_sibling(
        &self,
        owner: PidToken,
        start: impl FnOnce(PortHandle) -> Started + 'static,
    ) -> Option<PortId> {
        self.host.open_sibling(self.id, owner, Box::new(start))
    }

    /// Whether answers of [`Driver::control`] become binaries instead of lists.
    pub fn set_control_binary(&self, binary: bool) {
        self.host.set_control_binary(self.id, binary);
    }
}

/// Wraps a function of one type of driver; for any other type it does nothing.
fn completion<D: Driver>(what: impl FnOnce(&mut D) + Send + 'static) -> Completion {
    Box::new(move |driver| {
        let driver: &mut dyn Any = driver;
        if let Some(driver) = driver.downcast_mut() {
            what(driver);
        }
    })
}
