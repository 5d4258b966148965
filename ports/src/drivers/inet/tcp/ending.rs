//! How a connection ends: by the other side, by an error, by its owner.
//!
//! An active socket tells its owner and, unless `{exit_on_close, false}` is set, ends with its port; a
//! passive one answers whoever waits, and remembers the rest for the next operation.

use super::Tcp;
use super::input::closed;
use crate::drivers::inet::messages;
use crate::drivers::inet::socket::State;
use crate::handle::{CloseReason, Readiness, TermSpec};
use rustix::io::Errno;

impl Tcp {
    /// Closes the socket; the port stays.
    pub(super) fn close(&mut self) {
        self.input.clear();
        self.clear_output();
        self.file = None;
        self.socket.close();
    }

    /// Closes it, or only reads no more, as `exit_on_close` says.
    fn close_or_read_no_more(&mut self) {
        if self.socket.options.exit_on_close {
            self.close();
        } else {
            self.socket.select(Readiness::READ, false);
        }
    }

    /// Answers all who wait: the socket is being closed.
    pub(super) fn end_operations(&mut self) {
        self.end_accepting();
        if matches!(
            self.socket.state,
            State::Connecting | State::Connected | State::Listening
        ) {
            self.socket.finish(closed());
        }
        self.socket.timers.cancel_all();
    }

    /// A sender that waits is answered; whether there was one.
    fn release_sender(&mut self, result: TermSpec) -> bool {
        let Some(sender) = self.stop_waiting() else {
            return false;
        };
        self.clear_output();
        messages::send_reply(&self.socket.port, sender, result);
        true
    }

    /// The other side has ended the connection.
    pub(super) fn receive_ended(&mut self) {
        let mut told = self.release_sender(closed());
        if self.file.is_some() {
            self.file_failed(Errno::NOTCONN);
            told = true;
        }
        if !told {
            // If sending is next, it is `closed` too.
            self.send_ended = true;
        }
        self.input.clear();
        if self.socket.options.is_active() {
            self.socket.tell_closed();
            if self.socket.options.exit_on_close {
                self.socket.port.exit_silently(CloseReason::Eof);
            } else {
                self.socket.select(Readiness::READ, false);
            }
        } else {
            self.socket.timers.cancel_all();
            self.close_or_read_no_more();
            self.socket.finish(closed());
        }
    }

    /// Receiving failed, or what was received makes no packet.
    pub(super) fn receive_failed(&mut self, error: Errno) {
        self.release_sender(closed());
        if self.file.is_some() {
            self.file_failed(error);
        }
        self.input.clear();
        if self.socket.options.is_active() {
            let reason = TermSpec::atom(messages::name(error));
            messages::tell_what(&self.socket.port, "tcp_error", reason);
            self.socket.tell_closed();
            if self.socket.options.exit_on_close {
                let reason = CloseReason::Posix(error.raw_os_error());
                self.socket.port.exit_silently(reason);
            } else {
                self.socket.select(Readiness::READ, false);
            }
        } else {
            self.socket.timers.cancel_all();
            self.close_or_read_no_more();
            self.socket.finish(super::error(error));
        }
    }

    /// Sending failed. `sender` is who has to be answered.
    pub(super) fn send_failed(&mut self, error: Errno, sender: Option<crate::PidToken>) {
        // After a shutdown by this side the error is its own; else it says that the other side is gone.
        let error = match error {
            Errno::PIPE if !self.output.is_shut_down() => Errno::CONNRESET,
            other => other,
        };
        self.sending_ended(error, sender);
    }

    /// The same, for a shutdown.
    pub(super) fn sending_ended(&mut self, error: Errno, sender: Option<crate::PidToken>) {
        let reset = error == Errno::CONNRESET && self.socket.options.show_econnreset;
        let sender = self.stop_waiting().or(sender);
        let reason = if reset { super::error(error) } else { closed() };
        let answered = self.file.is_some();
        let port = self.socket.port.clone();
        if self.socket.options.is_active() {
            if reset {
                let reason = TermSpec::atom(messages::name(error));
                messages::tell_what(&port, "tcp_error", reason);
            }
            self.socket.tell_closed();
            if let Some(sender) = sender.filter(|_| !answered) {
                messages::send_reply(&port, sender, reason);
            }
            if self.socket.options.exit_on_close {
                port.exit_silently(CloseReason::Eof);
            } else {
                self.close();
            }
            return;
        }
        self.end_operations();
        match sender {
            Some(sender) if !answered => messages::send_reply(&port, sender, reason),
            Some(_) => {}
            None => self.send_ended = true,
        }
        self.close();
        // The next to receive gets the end, too: who sends may ignore errors until then.
        self.receive_ended = true;
        self.socket.reset_untold = reset;
    }
}
