//! Sending: what the kernel does not take at once waits in a queue, and senders wait while it is long.

use super::input::closed;
use super::{Tcp, messages};
use crate::drivers::inet::request::Answer;
use crate::drivers::inet::timers::Timer;
use crate::handle::{PidToken, Readiness};
use crate::iovec::IoVec;
use crate::sys::socket as native;
use bytes::Bytes;
use rustix::io::Errno;
use vm::text::packet::Kind;

/// The most pieces in one write; `IOV_MAX` of Linux.
const MAX_PIECES: usize = 1024;

/// Which directions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Receiving.
    Read,
    /// Sending.
    Write,
    /// Both.
    Both,
}

impl From<Shutdown> for rustix::net::Shutdown {
    fn from(how: Shutdown) -> Self {
        match how {
            Shutdown::Read => Self::Read,
            Shutdown::Write => Self::Write,
            Shutdown::Both => Self::Both,
        }
    }
}

/// The queue before the socket.
#[derive(Default)]
pub struct Output {
    waiting: IoVec,
    /// Who has filled the queue and waits until it is shorter.
    sender: Option<PidToken>,
    /// What is shut down once the queue is empty.
    shutdown: Option<Shutdown>,
    shut_down: bool,
    /// It is written a little later, with what comes until then.
    delayed: bool,
}

impl Output {
    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether a sender waits.
    pub fn is_busy(&self) -> bool {
        self.sender.is_some()
    }

    /// Whether it is written later without being asked to.
    pub fn is_delayed(&self) -> bool {
        self.delayed
    }

    /// Whether sending was shut down by this side.
    pub fn is_shut_down(&self) -> bool {
        self.shut_down
    }

    fn append(&mut self, data: IoVec) {
        data.into_iter().for_each(|part| self.waiting.push(part));
    }
}

/// What goes before a packet of this length.
fn header(kind: Kind, len: usize) -> Bytes {
    let bytes = (len as u32).to_be_bytes();
    let size = match kind {
        Kind::One => 1,
        Kind::Two => 2,
        Kind::Four => 4,
        _ => 0,
    };
    Bytes::copy_from_slice(&bytes[4 - size..])
}

impl Tcp {
    fn reply_ok(&self, to: PidToken) {
        messages::send_reply(&self.socket.port, to, messages::OK);
    }

    fn reply_error(&self, to: PidToken, reason: &'static str) {
        messages::send_reply(&self.socket.port, to, messages::error(reason));
    }

    /// Data from a process, which is answered when it may go on.
    pub(super) fn send(&mut self, data: IoVec) {
        let sender = self.socket.port.caller();
        if !self.socket.is_connected() {
            let reason = match std::mem::take(&mut self.send_ended) {
                true if self.socket.reset_untold => "econnreset",
                true => "closed",
                false => "enotconn",
            };
            return self.reply_error(sender, reason);
        }
        if self.output.shutdown.is_some() {
            return self.sending_ended(Errno::PIPE, Some(sender));
        }
        let header = header(self.socket.options.packet, data.len());
        let empty = header.is_empty() && data.is_empty();
        let data: IoVec = std::iter::once(header).chain(data).collect();
        self.socket.counts.sent(data.len());
        if self.file.is_some() || self.output.len() > 0 {
            self.output.append(data);
            if self.output.len() >= self.socket.options.high_watermark.cast_unsigned() as usize {
                return self.make_wait(sender);
            }
        } else if !empty {
            self.output.append(data);
            if self.socket.options.delay_send && !self.socket.is_ignored() {
                self.output.delayed = true;
                self.socket.timers.set(Timer::Delayed, 0);
            } else if self.socket.is_ignored() {
                self.socket.select(Readiness::WRITE, true);
            } else if let Err(error) = self.write_some() {
                // What did not go out is lost with the connection.
                self.output.waiting = IoVec::new();
                return self.send_failed(error, Some(sender));
            } else if self.output.len() > 0 {
                self.socket.select(Readiness::WRITE, true);
            }
        }
        self.reply_ok(sender);
    }

    /// The queue is long: the sender, and all others, have to wait.
    fn make_wait(&mut self, sender: PidToken) {
        match self.socket.options.send_timeout {
            Some(0) => return self.reply_error(sender, "timeout"),
            Some(timeout) => self.socket.timers.set(Timer::Send, timeout),
            None => {}
        }
        self.output.sender = Some(sender);
        self.socket.port.set_busy(true);
    }

    /// The sender that waits does so no longer; who it was.
    pub(super) fn stop_waiting(&mut self) -> Option<PidToken> {
        let sender = self.output.sender.take()?;
        self.socket.timers.cancel(Timer::Send);
        self.socket.port.set_busy(false);
        Some(sender)
    }

    /// The sender has waited long enough. Nobody waits then, though the queue is still long: else the next
    /// one would wait without a limit.
    pub(super) fn send_timed_out(&mut self) {
        if let Some(sender) = self.stop_waiting() {
            self.reply_error(sender, "timeout");
            if self.socket.options.send_timeout_close {
                self.close();
            }
        }
    }

    /// Writes as much as the kernel takes.
    fn write_some(&mut self) -> Result<(), Errno> {
        let fd = self.socket.fd().ok_or(Errno::BADF)?;
        while self.output.len() > 0 {
            let slices = self.output.waiting.slices(MAX_PIECES);
            match native::send_message(fd, None, &[], &slices, 0) {
                Ok(sent) => self.output.waiting.advance(sent),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes what waits at the front, at most this much; how much it was.
    pub(super) fn write_front(&mut self, most: usize) -> Result<usize, Errno> {
        let fd = self.socket.fd().ok_or(Errno::BADF)?;
        let Some(front) = self.output.waiting.parts().next() else {
            return Ok(0);
        };
        let part = &front[..most.min(front.len())];
        let sent = native::send_message(fd, None, &[], &[std::io::IoSlice::new(part)], 0)?;
        self.output.waiting.advance(sent);
        Ok(sent)
    }

    /// The kernel takes more.
    pub(super) fn write(&mut self) {
        self.output.delayed = false;
        if !self.socket.is_connected() {
            return;
        }
        if self.file.is_some() {
            return self.write_file();
        }
        if let Err(error) = self.write_some() {
            return self.send_failed(error, None);
        }
        self.settle();
    }

    /// Draws the consequences of the queue's length.
    pub(super) fn settle(&mut self) {
        if self.output.len() <= self.socket.options.low_watermark.cast_unsigned() as usize
            && let Some(sender) = self.stop_waiting()
        {
            self.reply_ok(sender);
        }
        let waits = self.output.len() > 0;
        self.socket.select(Readiness::WRITE, waits);
        if !waits {
            self.socket.tell_subscribers();
            if let Some(how) = self.output.shutdown.take() {
                self.shut_down_late(how);
            }
        }
    }

    fn shut_down_late(&mut self, how: Shutdown) {
        let result = match self.socket.fd() {
            Some(fd) => rustix::net::shutdown(fd, how.into()),
            None => Err(Errno::BADF),
        };
        match result {
            Ok(()) => self.output.shut_down = true,
            Err(error) => self.sending_ended(error, None),
        }
    }

    /// `TCP_REQ_SHUTDOWN`: of sending when the queue is empty.
    pub(super) fn shutdown(&mut self, how: Shutdown) -> Answer {
        if how != Shutdown::Read && self.output.len() > 0 {
            self.output.shutdown = Some(how);
            return Ok(Vec::new());
        }
        let fd = self.socket.fd().ok_or(Errno::BADF)?;
        let result = rustix::net::shutdown(fd, how.into());
        if result.is_err() && how != Shutdown::Read {
            self.output.shut_down = true;
        }
        result?;
        Ok(Vec::new())
    }

    /// Throws away what waits.
    pub(super) fn clear_output(&mut self) {
        self.output.waiting = IoVec::new();
        self.output.delayed = false;
        self.socket.timers.cancel(Timer::Delayed);
        self.socket.tell_subscribers();
        // A sender that still waits would do so for ever.
        if let Some(sender) = self.stop_waiting() {
            messages::send_reply(&self.socket.port, sender, closed());
        }
    }
}
