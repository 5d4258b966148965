//! The driver traits: what a user implements to stand behind a port.
//!
//! A [`DriverFactory`] is entered into the registry under a command's name; for every `open_port`
//! that resolves to it, [`DriverFactory::start`] makes one [`Driver`]. The callbacks of one driver
//! never overlap and may run on any thread. A driver that panics loses its port (its owner sees the exit reason
//! `driver_crashed`), nothing else; one that blocks keeps those waiting who use its port, and nobody else,
//! because a thread beside the schedulers runs it. One whose callbacks all return at once (what may block goes
//! to [`PortHandle::async_work`]) says so ([`DriverFactory::never_blocks`]), and is some ten times as fast.
//!
//! ```
//! use ports::{BadArg, Driver, DriverFactory, IoVec, OpenRequest, PortHandle, StartError, Started};
//!
//! /// Sends back what it is sent, in capitals.
//! struct Shout;
//! struct ShoutPort(PortHandle);
//!
//! impl DriverFactory for Shout {
//!     fn start(&self, _: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
//!         Ok(Started::new(ShoutPort(port)))
//!     }
//! }
//!
//! impl Driver for ShoutPort {
//!     fn output(&mut self, data: IoVec) {
//!         self.0.output_data(data.into_bytes().to_ascii_uppercase());
//!     }
//! }
//!
//! let mut bench = ports::testing::Bench::new();
//! let port = bench.open(&Shout, &OpenRequest::spawn("shout")).expect("starts");
//! bench.command(port, "hello");
//! assert_eq!(bench.take_data(port), b"HELLO");
//! ```

use crate::handle::{MonitorId, PortHandle};
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use bytes::Bytes;
use std::any::Any;
use std::os::fd::RawFd;

/// Makes drivers: one per port.
pub trait DriverFactory: Send + Sync {
    /// Starts a driver for a port that is being opened. The port is not open before this returns: what
    /// is to be sent at once is sent from [`PortHandle::post`].
    ///
    /// # Errors
    /// What `open_port` raises.
    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError>;

    /// Whether `start` and all callbacks of its drivers return at once, so that the schedulers themselves may
    /// run them. A promise that is broken stops one scheduler for as long as the callback takes.
    fn never_blocks(&self) -> bool {
        false
    }
}

impl<F> DriverFactory for F
where
    F: Fn(&OpenRequest, PortHandle) -> Result<Started, StartError> + Send + Sync,
{
    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        self(request, port)
    }
}

/// A started driver and what its port must know about it.
pub struct Started {
    /// The driver.
    pub driver: Box<dyn Driver>,
    /// Who puts on and takes off the length headers of `{packet, N}`.
    pub framing: FramedBy,
    /// The operating-system process behind the port, for `erlang:port_info(Port, os_pid)`.
    pub os_pid: Option<u32>,
    /// Whether `port_command(Port, Data, [force])` may send data while the port is busy.
    pub soft_busy: bool,
}

impl Started {
    /// A driver without an operating-system process, whose messages are whole.
    pub fn new(driver: impl Driver) -> Self {
        Self {
            driver: Box::new(driver),
            framing: FramedBy::Driver,
            os_pid: None,
            soft_busy: false,
        }
    }

    /// The same, but the driver speaks a stream of bytes and the port frames it.
    #[must_use]
    pub fn framed_by_host(mut self) -> Self {
        self.framing = FramedBy::Host;
        self
    }

    /// The same, but data may be forced on it while it is busy.
    #[must_use]
    pub fn soft_busy(mut self) -> Self {
        self.soft_busy = true;
        self
    }
}

/// Who frames messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramedBy {
    /// The port: the driver's output is cut into packets or lines, and its input has length headers.
    Host,
    /// The driver: each output is a message to the owner, each input one from it. `{packet, N}` adds
    /// nothing; `{line, N}` still cuts lines.
    Driver,
}

/// Why a driver did not start: what `open_port` raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// An error number: raised as its name (`enoent`). The stock VM's `ERL_DRV_ERROR_ERRNO`.
    Posix(i32),
    /// Raised as `einval`. The stock VM's `ERL_DRV_ERROR_GENERAL`.
    General,
    /// Raised as `badarg`. The stock VM's `ERL_DRV_ERROR_BADARG`.
    BadArg,
}

impl StartError {
    /// The exception's reason.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Posix(number) => crate::errno::name(number),
            Self::General => "einval",
            Self::BadArg => "badarg",
        }
    }
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        error.raw_os_error().map_or(Self::General, Self::Posix)
    }
}

impl From<rustix::io::Errno> for StartError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Posix(error.raw_os_error())
    }
}

/// The answer of a driver to a `control` or `call` it does not know: raised as `badarg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadArg;

/// The state machine behind one port. All but `output` have a default.
///
/// After [`PortHandle::exit`] or one of its relatives no callback comes but [`Driver::stop`].
pub trait Driver: Any + Send {
    /// Data from `Port ! {Owner, {command, Data}}` or `port_command/2,3`.
    fn output(&mut self, data: IoVec);

    /// `port_control/3`. The answer becomes a list, or a binary after
    /// [`PortHandle::set_control_binary`].
    ///
    /// # Errors
    /// `Err` is raised as `badarg`.
    fn control(&mut self, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        let _ = (command, data);
        Err(BadArg)
    }

    /// `port_call/3`: argument and answer are in the external term format.
    ///
    /// # Errors
    /// `Err` is raised as `badarg`.
    fn call(&mut self, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        let _ = (command, data);
        Err(BadArg)
    }

    /// A descriptor selected for reading is readable (or at its end, or in error).
    ///
    /// It is not reported again before this returns, and then at once if it is still readable. A
    /// report can be late: the descriptor may have been read meanwhile.
    fn ready_input(&mut self, fd: RawFd) {
        let _ = fd;
    }

    /// A descriptor selected for writing is writable; otherwise as [`Driver::ready_input`].
    fn ready_output(&mut self, fd: RawFd) {
        let _ = fd;
    }

    /// The time set by [`PortHandle::set_timer`] is over.
    fn timeout(&mut self) {}

    /// A monitored process is gone.
    fn process_exit(&mut self, monitor: MonitorId) {
        let _ = monitor;
    }

    /// How many bytes of output are still to be written. While it is not zero, a port that is
    /// closed by its owner waits (after [`Driver::flush`]) and goes on serving callbacks.
    fn queued(&self) -> usize {
        0
    }

    /// The port is being closed while [`Driver::queued`] is not zero.
    fn flush(&mut self) {}

    /// The port is closed; the driver is dropped next.
    fn stop(&mut self) {}
}
