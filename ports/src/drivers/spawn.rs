//! The `spawn` driver: an operating-system process behind a port.
//!
//! `{spawn, Line}` is `/bin/sh -c "exec Line"`, `{spawn_executable, File}` the file itself. The
//! process gets pipes as descriptors 0 and 1 (or 3 and 4), a session of its own, and nothing else that
//! is open here. Without `exit_status` the port ends with the process's output; with it, it waits for
//! the process's end too. A program that cannot be executed is a process with the error number as
//! status (OTP 25, erl_child_setup.c); the errors that `open_port` raises are found before.

use super::reaper;
use crate::driver::{Driver, DriverFactory, FramedBy, StartError, Started};
use crate::handle::{PortHandle, Readiness};
use crate::io_queue::IoQueue;
use crate::iovec::IoVec;
use crate::open::{Command, OpenOptions, OpenRequest};
use crate::sys::process::{self, Child, Program};
use bytes::BytesMut;
use rustix::fs::{Access, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// How much is read at once; `ERTS_SYS_READ_BUF_SZ` of the stock VM.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// Starts a process for each port.
pub struct SpawnDriver;

impl DriverFactory for SpawnDriver {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let options = &request.options;
        let ends = Ends::open(options)?;
        let child = start_process(&request.command, options, &ends.child)?;
        let os_pid = child.pid;
        let notify = port.clone();
        let at_end =
            move |status| notify.post(move |driver: &mut SpawnPort| driver.process_ended(status));
        reaper::follow(child, Box::new(at_end))?;
        let driver = SpawnPort {
            queue: IoQueue::new(port.clone(), Some(options.busy_limits)),
            input: ends.input,
            output: ends.output,
            end: if options.exit_status {
                End::Running
            } else {
                End::Unasked
            },
            at_eof: false,
            port,
        };
        driver.listen()?;
        Ok(Started {
            driver: Box::new(driver),
            framing: FramedBy::Host,
            os_pid: Some(os_pid),
            soft_busy: false,
        })
    }
}

/// The pipes between port and process.
struct Ends {
    /// What the process writes, read here.
    input: Option<OwnedFd>,
    /// What is written here for the process.
    output: Option<OwnedFd>,
    /// The process's ends, with its numbers for them.
    child: Vec<(OwnedFd, RawFd)>,
}

impl Ends {
    fn open(options: &OpenOptions) -> Result<Self, StartError> {
        let mut ends = Self {
            input: None,
            output: None,
            child: Vec::new(),
        };
        let (stdin, stdout) = if options.use_stdio { (0, 1) } else { (3, 4) };
        if options.write {
            let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
            set_nonblocking(&write)?;
            ends.output = Some(write);
            ends.child
                .push((process::above_child_numbers(read)?, stdin));
        }
        let mut stdout_end = None;
        if options.read || options.stderr_to_stdout {
            let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
            set_nonblocking(&read)?;
            stdout_end = Some(process::above_child_numbers(write)?);
            ends.input = options.read.then_some(read);
        }
        if let Some(write) = stdout_end {
            if options.stderr_to_stdout {
                let copy = rustix::io::fcntl_dupfd_cloexec(&write, 5)?;
                ends.child.push((copy, 2));
            }
            if options.read {
                ends.child.push((write, stdout));
            }
        }
        Ok(ends)
    }
}

fn set_nonblocking(fd: &OwnedFd) -> rustix::io::Result<()> {
    rustix::fs::fcntl_setfl(fd, rustix::fs::fcntl_getfl(fd)? | OFlags::NONBLOCK)
}

fn start_process(
    command: &Command,
    options: &OpenOptions,
    ends: &[(OwnedFd, RawFd)],
) -> Result<Child, StartError> {
    let (file, args) = match command {
        Command::SpawnExecutable { file, args, arg0 } => {
            let name = c_string(arg0.as_ref().unwrap_or(file))?;
            let mut all = vec![name];
            for arg in args {
                all.push(c_string(arg)?);
            }
            let file = c_string(file)?;
            rustix::fs::access(&file, Access::EXEC_OK)?;
            (file, all)
        }
        Command::Spawn(line) | Command::SpawnDriver(line) => {
            let script = c_string(&[b"exec ", line.as_slice()].concat())?;
            (
                c"/bin/sh".to_owned(),
                vec![c"sh".to_owned(), c"-c".to_owned(), script],
            )
        }
        Command::Fd { .. } | Command::File(_) => return Err(StartError::BadArg),
    };
    let env = options
        .full_environment()
        .into_iter()
        .map(|(name, value)| c_string(&[&name, b"=".as_slice(), &value].concat()))
        .collect::<Result<Vec<_>, _>>()?;
    let cd = options.cd.as_deref().map(c_string).transpose()?;
    let descriptors: Vec<_> = ends
        .iter()
        .map(|(fd, number)| (fd.as_raw_fd(), *number))
        .collect();
    let program = Program {
        file: &file,
        args: &args,
        env: &env,
        cd: cd.as_deref().map(CStr::as_ref),
        descriptors: &descriptors,
    };
    process::spawn(&program).map_err(|error| match error.raw_os_error() {
        // A machine without processes has no programs either.
        Some(libc::ENOSYS) => StartError::Posix(libc::ENOENT),
        Some(errno) => StartError::Posix(errno),
        None => StartError::General,
    })
}

fn c_string(bytes: &[u8]) -> Result<CString, StartError> {
    CString::new(bytes).map_err(|_| StartError::BadArg)
}

/// What is known, and asked, of the process's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The port was not opened with `exit_status`.
    Unasked,
    /// It is running.
    Running,
    /// It ended with this status.
    Ended(i32),
}

struct SpawnPort {
    port: PortHandle,
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
    queue: IoQueue,
    end: End,
    at_eof: bool,
}

impl SpawnPort {
    fn listen(&self) -> std::io::Result<()> {
        match &self.input {
            Some(input) => self.port.select(input.as_raw_fd(), Readiness::READ, true),
            None => Ok(()),
        }
    }

    fn process_ended(&mut self, status: i32) {
        if self.end == End::Running {
            self.end = End::Ended(status);
            if self.at_eof {
                self.finish();
            }
        }
    }

    /// The process closed its output.
    fn eof(&mut self) {
        self.at_eof = true;
        if let Some(input) = &self.input {
            let _ = self.port.select(input.as_raw_fd(), Readiness::READ, false);
        }
        self.finish();
    }

    /// Ends the port, unless the process's status is wanted and not yet known.
    fn finish(&mut self) {
        match self.end {
            End::Running => return,
            End::Ended(status) => self.port.exit_status(status),
            End::Unasked => {}
        }
        self.port.failure_eof();
    }
}

impl Driver for SpawnPort {
    fn output(&mut self, data: IoVec) {
        let Some(output) = &self.output else { return };
        if let Err(error) = self.queue.write(output.as_fd(), data) {
            self.port.failure_posix(error.raw_os_error());
        }
    }

    fn ready_input(&mut self, _: RawFd) {
        let Some(input) = self.input.as_ref().filter(|_| !self.at_eof) else {
            return;
        };
        match read_some(input.as_fd()) {
            Ok(data) if data.is_empty() => self.eof(),
            Ok(data) => self.port.output_data(data.freeze()),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => self.port.failure_posix(error.raw_os_error()),
        }
    }

    fn ready_output(&mut self, _: RawFd) {
        let Some(output) = &self.output else { return };
        if let Err(error) = self.queue.drain(output.as_fd()) {
            self.port.failure_posix(error.raw_os_error());
        }
    }

    fn queued(&self) -> usize {
        self.queue.len()
    }

    fn stop(&mut self) {
        for fd in [self.input.take(), self.output.take()]
            .into_iter()
            .flatten()
        {
            let _ = self.port.select(fd.as_raw_fd(), Readiness::BOTH, false);
        }
    }
}

/// Reads what is there, up to [`READ_BYTES`].
pub(super) fn read_some(fd: std::os::fd::BorrowedFd<'_>) -> Result<BytesMut, Errno> {
    let mut buffer = BytesMut::zeroed(READ_BYTES);
    let count = rustix::io::read(fd, &mut buffer[..])?;
    if count < READ_BYTES / 4 {
        // A small message must not hold the whole buffer.
        return Ok(BytesMut::from(&buffer[..count]));
    }
    buffer.truncate(count);
    Ok(buffer)
}
