//! The `fd` driver: descriptors that are open already, `{fd, In, Out}`.
//!
//! Output to a terminal that is also the input is written without blocking, output to a file at once; that to
//! anything else (whose other users may not expect a non-blocking descriptor) is written by a driver thread, so
//! that a reader that stands still stops this port only. The descriptors are not closed with the port.

use super::spawn::read_some;
use crate::driver::{BadArg, Driver, DriverFactory, FramedBy, StartError, Started};
use crate::handle::{CloseReason, PortHandle, Readiness};
use crate::io_queue::IoQueue;
use crate::iovec::IoVec;
use crate::open::{BusyLimits, Command, OpenOptions, OpenRequest};
use bytes::Bytes;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// `port_control` commands of terminals are offset by this. OTP 25, sys.h.
pub(super) const TTYSL_MAGIC: u32 = 0x018b_0900;

/// Asks for the window's size.
pub(super) const GET_WINSIZE: u32 = 100;

/// Opens ports on descriptors.
pub struct FdDriver;

impl DriverFactory for FdDriver {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let options = &request.options;
        let (input, output, own) = match &request.command {
            Command::Fd { input, output } => (*input, *output, None),
            Command::File(name) => {
                let file = open_file(name, options).map_err(|_| StartError::General)?;
                (file.as_raw_fd(), file.as_raw_fd(), Some(file))
            }
            _ => return Err(StartError::BadArg),
        };
        let input = options.read.then_some(Fd::new(input)?);
        let output = options.write.then_some(Fd::new(output)?);
        let out = match (input, output) {
            (_, None) => Out::Closed,
            (from, Some(to))
                if to.is_regular() || from.is_some_and(|from| make_nonblocking(from, to)) =>
            {
                Out::Direct(IoQueue::new(port.clone(), Some(options.busy_limits)))
            }
            _ => Out::Threaded(Threaded::new(options.busy_limits)),
        };
        if let Some(input) = input {
            port.select(input.0, Readiness::READ, true)?;
        }
        let driver = FdPort {
            port,
            input,
            output,
            out,
            ended: None,
            _own: own,
        };
        Ok(Started {
            driver: Box::new(driver),
            framing: FramedBy::Host,
            os_pid: None,
            soft_busy: false,
        })
    }
}

/// Opens a file for a port. OTP 25, sys_drivers.c, vanilla_start.
fn open_file(name: &[u8], options: &OpenOptions) -> rustix::io::Result<OwnedFd> {
    let flags = match (options.read, options.write) {
        (true, false) => OFlags::RDONLY,
        (false, _) => OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC,
        (true, true) => OFlags::RDWR | OFlags::CREATE,
    };
    rustix::fs::open(
        name,
        flags | OFlags::CLOEXEC,
        rustix::fs::Mode::from_raw_mode(0o777),
    )
}

/// A descriptor that belongs to the user, not to the port.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fd(RawFd);

impl Fd {
    fn new(fd: RawFd) -> Result<Self, StartError> {
        if fd < 0 {
            Err(StartError::BadArg)
        } else {
            Ok(Self(fd))
        }
    }

    fn borrow(self) -> BorrowedFd<'static> {
        crate::sys::terminal::borrow(self.0)
    }

    /// A file takes what is written: a reader of it sees it at once.
    fn is_regular(self) -> bool {
        rustix::fs::fstat(self.borrow())
            .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file())
    }

    fn is_tty(self) -> bool {
        rustix::termios::isatty(self.borrow())
    }

    fn set_nonblocking(self, on: bool) -> rustix::io::Result<()> {
        let flags = rustix::fs::fcntl_getfl(self.borrow())?;
        rustix::fs::fcntl_setfl(
            self.borrow(),
            if on {
                flags | OFlags::NONBLOCK
            } else {
                flags - OFlags::NONBLOCK
            },
        )
    }
}

/// Whether output can be, and now is, written without blocking: only to a terminal. If the input is
/// something else, it may be shared with programs that do not expect it, so the terminal is opened
/// anew for output. OTP 25, sys_drivers.c, fd_start.
fn make_nonblocking(input: Fd, output: Fd) -> bool {
    if !output.is_tty() {
        return false;
    }
    if !input.is_tty() && reopen_terminal(output).is_err() {
        return false;
    }
    output.set_nonblocking(true).is_ok()
}

fn reopen_terminal(output: Fd) -> rustix::io::Result<()> {
    let name = rustix::termios::ttyname(output.borrow(), Vec::new())?;
    let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fresh = rustix::fs::open(&name, flags, rustix::fs::Mode::empty())?;
    crate::sys::terminal::dup2(&fresh, output.0)
}

struct FdPort {
    port: PortHandle,
    input: Option<Fd>,
    output: Option<Fd>,
    out: Out,
    /// How the port ends once its output is written.
    ended: Option<CloseReason>,
    /// A descriptor that belongs to the port, and is closed with it.
    _own: Option<OwnedFd>,
}

/// How output is written.
enum Out {
    Closed,
    Direct(IoQueue),
    Threaded(Threaded),
}

/// Output that driver threads write.
struct Threaded {
    waiting: IoVec,
    writing: usize,
    limits: BusyLimits,
    busy: bool,
}

impl Threaded {
    fn new(limits: BusyLimits) -> Self {
        Self {
            waiting: IoVec::new(),
            writing: 0,
            limits,
            busy: false,
        }
    }

    fn len(&self) -> usize {
        self.waiting.len() + self.writing
    }

    fn settle(&mut self, port: &PortHandle) {
        if !self.busy && self.len() >= self.limits.high {
            self.busy = true;
            port.set_busy(true);
        } else if self.busy && self.len() < self.limits.low.max(1) {
            self.busy = false;
            port.set_busy(false);
        }
    }

    /// Gives what waits to a driver thread, unless one is writing.
    fn start(&mut self, port: &PortHandle, to: Fd) {
        if self.writing > 0 || self.waiting.is_empty() {
            return;
        }
        let data = std::mem::take(&mut self.waiting);
        self.writing = data.len();
        port.async_work(
            move || write_all(to, data),
            |driver: &mut FdPort, result| driver.written(result),
        );
    }
}

/// Writes everything, waiting as long as it takes.
fn write_all(to: Fd, mut data: IoVec) -> Result<(), Errno> {
    while !data.is_empty() {
        match rustix::io::writev(to.borrow(), &data.slices(1024)) {
            Ok(count) => data.advance(count),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_writable(to)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Somebody else has made the descriptor non-blocking.
fn wait_writable(to: Fd) -> Result<(), Errno> {
    use rustix::event::{PollFd, PollFlags, poll};
    let fd = to.borrow();
    match poll(&mut [PollFd::new(&fd, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error),
    }
}

impl FdPort {
    /// A driver thread is done.
    fn written(&mut self, result: Result<(), Errno>) {
        let (Out::Threaded(out), Some(to)) = (&mut self.out, self.output) else {
            return;
        };
        out.writing = 0;
        if let Err(error) = result {
            out.waiting = IoVec::new();
            self.port.failure_posix(error.raw_os_error());
            return;
        }
        out.start(&self.port, to);
        out.settle(&self.port);
        self.finish();
    }

    /// The input has ended: so does the port, when its output is written.
    fn end(&mut self, reason: CloseReason) {
        if let Some(input) = self.input {
            let _ = self.port.select(input.0, Readiness::READ, false);
        }
        self.ended = Some(reason);
        self.finish();
    }

    fn finish(&mut self) {
        let threaded = matches!(&self.out, Out::Threaded(out) if out.len() > 0);
        match (&self.ended, threaded) {
            (Some(CloseReason::Posix(errno)), false) => self.port.failure_posix(*errno),
            (Some(_), false) => self.port.failure_eof(),
            _ => {}
        }
    }
}

impl Driver for FdPort {
    fn output(&mut self, data: IoVec) {
        let Some(to) = self.output else { return };
        match &mut self.out {
            Out::Closed => {}
            Out::Direct(queue) => {
                if let Err(error) = queue.write(to.borrow(), data) {
                    self.port.failure_posix(error.raw_os_error());
                }
            }
            Out::Threaded(out) => {
                data.into_iter().for_each(|part| out.waiting.push(part));
                out.settle(&self.port);
                out.start(&self.port, to);
            }
        }
    }

    fn control(&mut self, command: u32, _: &[u8]) -> Result<Bytes, BadArg> {
        if command.wrapping_sub(TTYSL_MAGIC) != GET_WINSIZE {
            return Err(BadArg);
        }
        [self.output, self.input]
            .into_iter()
            .flatten()
            .find_map(|fd| rustix::termios::tcgetwinsize(fd.borrow()).ok())
            .map(|size| winsize_answer(size.ws_col.into(), size.ws_row.into()))
            .ok_or(BadArg)
    }

    fn ready_input(&mut self, _: RawFd) {
        let Some(input) = self.input.filter(|_| self.ended.is_none()) else {
            return;
        };
        match read_some(input.borrow()) {
            Ok(data) if data.is_empty() => self.end(CloseReason::Eof),
            Ok(data) => self.port.output_data(data.freeze()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => self.end(CloseReason::Posix(error.raw_os_error())),
        }
    }

    fn ready_output(&mut self, _: RawFd) {
        if let (Out::Direct(queue), Some(to)) = (&mut self.out, self.output)
            && let Err(error) = queue.drain(to.borrow())
        {
            self.port.failure_posix(error.raw_os_error());
        }
    }

    fn queued(&self) -> usize {
        match &self.out {
            Out::Closed => 0,
            Out::Direct(queue) => queue.len(),
            Out::Threaded(out) => out.len(),
        }
    }

    fn stop(&mut self) {
        for fd in [self.input, self.output].into_iter().flatten() {
            let _ = self.port.select(fd.0, Readiness::BOTH, false);
            let _ = fd.set_nonblocking(false);
        }
    }
}

/// The answer to [`GET_WINSIZE`]: columns and rows, as the machine's own integers.
pub(super) fn winsize_answer(columns: u32, rows: u32) -> Bytes {
    Bytes::from([columns.to_ne_bytes(), rows.to_ne_bytes()].concat())
}
