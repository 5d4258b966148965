//! Taking connections: who waits for one, and the port that it becomes.

use super::Tcp;
use crate::driver::Started;
use crate::drivers::inet::messages;
use crate::drivers::inet::request::{Answer, Refusal, take_timeout};
use crate::drivers::inet::socket::{Kind, Operation, Socket, State};
use crate::drivers::inet::timers::Timer;
use crate::handle::{MonitorId, PidToken, Readiness, TermSpec};
use crate::sys::socket as native;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// A process that waits for a connection.
pub struct Waiting {
    operation: Operation,
    monitor: MonitorId,
}

impl Tcp {
    /// A time-out.
    pub(super) fn start_accepting(&mut self, mut arguments: &[u8]) -> Answer {
        if self.socket.state != State::Listening || arguments.len() != 4 {
            return Err(Refusal::INVALID);
        }
        let timeout = take_timeout(&mut arguments).ok_or(Refusal::INVALID)?;
        let caller = self.socket.port.caller();
        if self.accepting.is_empty() {
            let accepted = {
                let fd = self.socket.fd().ok_or(Errno::BADF)?;
                native::accept(fd)
            };
            match accepted {
                Ok(fd) => {
                    let port = self.open_accepted(fd, caller)?;
                    let operation = self.socket.new_operation();
                    self.answer_acceptor(operation, messages::ok(port));
                    return Ok(operation.number.to_be_bytes().to_vec());
                }
                Err(Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let monitor = self.socket.port.monitor(caller);
        let monitor = monitor.ok_or(Refusal::Word("noproc"))?;
        let operation = self.socket.new_operation();
        self.accepting.push(Waiting { operation, monitor });
        if let Some(timeout) = timeout {
            let timer = Timer::Accept(operation.number);
            self.socket.timers.set(timer, timeout);
        }
        self.socket.select(Readiness::READ, true);
        Ok(operation.number.to_be_bytes().to_vec())
    }

    /// A port for a connection. It is linked to who waited for it.
    fn open_accepted(&self, fd: OwnedFd, owner: PidToken) -> Result<TermSpec, Refusal> {
        let options = self.socket.options.for_accepted();
        let family = self.socket.family;
        let opened = self.socket.port.open_sibling(owner, move |port| {
            let mut socket = Socket::new(port, Kind::Stream);
            socket.options = options;
            socket.adopt(fd, family);
            Started::new(Self::new(socket)).soft_busy()
        });
        opened
            .map(TermSpec::OtherPort)
            .ok_or(Refusal::Word("system_limit"))
    }

    fn answer_acceptor(&self, operation: Operation, result: TermSpec) {
        let Operation { number, caller } = operation;
        messages::send_async(&self.socket.port, caller, number, result);
    }

    /// There are connections.
    pub(super) fn accept(&mut self) {
        while !self.accepting.is_empty() {
            let Some(fd) = self.socket.fd() else { return };
            let accepted = native::accept(fd);
            if let Err(Errno::AGAIN) = accepted {
                return;
            }
            let operation = self.take_acceptor(0);
            let result = match accepted {
                Ok(fd) => match self.open_accepted(fd, operation.caller) {
                    Ok(port) => messages::ok(port),
                    Err(refusal) => messages::error(refusal.name()),
                },
                Err(error) => super::error(error),
            };
            let failed = accepted_failed(&result);
            self.answer_acceptor(operation, result);
            if failed {
                return;
            }
        }
    }

    /// Takes one out who waits.
    fn take_acceptor(&mut self, index: usize) -> Operation {
        let Waiting { operation, monitor } = self.accepting.remove(index);
        self.socket.port.demonitor(monitor);
        self.socket.timers.cancel(Timer::Accept(operation.number));
        if self.accepting.is_empty() {
            self.socket.select(Readiness::READ, false);
        }
        operation
    }

    /// One has waited long enough.
    pub(super) fn accept_timed_out(&mut self, number: u16) {
        let mut waiting = self.accepting.iter();
        if let Some(index) = waiting.position(|waiting| waiting.operation.number == number) {
            let operation = self.take_acceptor(index);
            self.answer_acceptor(operation, messages::error("timeout"));
        }
    }

    /// One has ended.
    pub(super) fn acceptor_exits(&mut self, monitor: MonitorId) {
        let mut waiting = self.accepting.iter();
        if let Some(index) = waiting.position(|waiting| waiting.monitor == monitor) {
            self.take_acceptor(index);
        }
    }

    /// The socket is closed: nobody waits any more.
    pub(super) fn end_accepting(&mut self) {
        while !self.accepting.is_empty() {
            let operation = self.take_acceptor(0);
            self.answer_acceptor(operation, messages::error("closed"));
        }
    }
}

/// Whether no connection came of it.
fn accepted_failed(result: &TermSpec) -> bool {
    matches!(result, TermSpec::Tuple(parts) if parts.first() != Some(&messages::OK))
}
