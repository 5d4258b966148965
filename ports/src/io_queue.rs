//! Output that a descriptor did not take at once, and the rule for when its port is busy.

use crate::handle::{PortHandle, Readiness};
use crate::iovec::IoVec;
use crate::open::BusyLimits;
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The most pieces in one `writev`; `IOV_MAX` of Linux.
const MAX_PIECES: usize = 1024;

/// A queue of bytes before a non-blocking descriptor.
pub struct IoQueue {
    port: PortHandle,
    waiting: IoVec,
    /// `None`: the port is never made busy.
    limits: Option<BusyLimits>,
    busy: bool,
    selected: bool,
}

impl IoQueue {
    /// An empty queue.
    #[must_use]
    pub fn new(port: PortHandle, limits: Option<BusyLimits>) -> Self {
        Self {
            port,
            waiting: IoVec::new(),
            limits,
            busy: false,
            selected: false,
        }
    }

    /// How many bytes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none wait.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Writes what can be written now, after what waits already, and keeps the rest.
    ///
    /// # Errors
    /// Of the write; what waits is then lost, since the other side is.
    pub fn write(&mut self, fd: BorrowedFd<'_>, data: IoVec) -> Result<(), Errno> {
        let waited = !self.waiting.is_empty();
        for part in data {
            self.waiting.push(part);
        }
        // What has waited is written when the descriptor says it is ready.
        if waited {
            self.settle(fd)
        } else {
            self.drain(fd)
        }
    }

    /// Writes what waits, as the descriptor takes it.
    ///
    /// # Errors
    /// Of the write.
    pub fn drain(&mut self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        while !self.waiting.is_empty() {
            let slices = self.waiting.slices(MAX_PIECES);
            match rustix::io::writev(fd, &slices) {
                Ok(written) => self.waiting.advance(written),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => {
                    self.waiting = IoVec::new();
                    let _ = self.settle(fd);
                    return Err(error);
                }
            }
        }
        self.settle(fd)
    }

    /// Turns selection and business to what the queue's length asks for.
    fn settle(&mut self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        let waits = !self.waiting.is_empty();
        if waits != self.selected {
            self.selected = waits;
            let selected = self.port.select(fd.as_raw_fd(), Readiness::WRITE, waits);
            if waits && let Err(error) = selected {
                return Err(Errno::from_io_error(&error).unwrap_or(Errno::IO));
            }
        }
        if let Some(limits) = self.limits {
            if !self.busy && self.waiting.len() >= limits.high {
                self.busy = true;
                self.port.set_busy(true);
            } else if self.busy && self.waiting.len() < limits.low.max(1) {
                self.busy = false;
                self.port.set_busy(false);
            }
        }
        Ok(())
    }
}
