//! Stream sockets: `tcp_inet`, for TCP and for local names.
//!
//! This file has what is asked of a socket; [`accept`] takes connections, [`input`] receives, [`output`]
//! sends, [`file`] sends files, [`ending`] is how a connection ends.

mod accept;
mod ending;
mod file;
mod input;
mod output;

use super::address;
use super::messages;
use super::options::Next;
use super::request::{self, Answer, Refusal, take_timeout, take_u16, take_u32};
use super::socket::{Kind, Known, Socket, State};
use super::timers::Timer;
use crate::driver::{BadArg, Driver, DriverFactory, StartError, Started};
use crate::handle::{MonitorId, PortHandle, Readiness, TermSpec};
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use crate::sys::socket as native;
use accept::Waiting;
use bytes::Bytes;
use file::SendFile;
use input::Input;
use output::{Output, Shutdown};
use rustix::io::Errno;
use std::os::fd::RawFd;

/// The most bytes that `recv` may ask for.
const LARGEST_RECEIVE: usize = 0x400_0000;

/// Makes stream sockets.
pub struct TcpDriver;

impl DriverFactory for TcpDriver {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, _: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let socket = Socket::new(port, Kind::Stream);
        Ok(Started::new(Tcp::new(socket)).soft_busy())
    }
}

/// A stream socket.
struct Tcp {
    socket: Socket,
    input: Input,
    output: Output,
    /// Who waits for a connection, in order.
    accepting: Vec<Waiting>,
    /// The file that is being sent.
    file: Option<SendFile>,
    /// The connection has ended by an error in sending, or while nobody looked: what the next operation
    /// is to be answered with.
    send_ended: bool,
    receive_ended: bool,
}

impl Tcp {
    fn new(socket: Socket) -> Self {
        Self {
            socket,
            input: Input::default(),
            output: Output::default(),
            accepting: Vec::new(),
            file: None,
            send_ended: false,
            receive_ended: false,
        }
    }

    fn listen(&mut self, mut arguments: &[u8]) -> Answer {
        if !self.socket.is_open() {
            return Err(Refusal::BAD_PORT);
        }
        let backlog = take_u16(&mut arguments).ok_or(Refusal::INVALID)?;
        let fd = self.socket.fd().ok_or(Errno::BADF)?;
        rustix::net::listen(fd, backlog.into())?;
        self.socket.state = State::Listening;
        Ok(Vec::new())
    }

    /// A time-out and an address.
    fn connect(&mut self, mut arguments: &[u8]) -> Answer {
        match self.socket.state {
            State::Closed => return Err(Refusal::BAD_PORT),
            State::Connected => return Err(Errno::ISCONN.into()),
            State::Connecting => return Err(Refusal::INVALID),
            State::Open | State::Listening => {}
        }
        if arguments.len() < 6 {
            return Err(Refusal::INVALID);
        }
        let timeout = take_timeout(&mut arguments).ok_or(Refusal::INVALID)?;
        let remote = address::decode(self.socket.family, &mut arguments)?;
        let connected = {
            let fd = self.socket.fd().ok_or(Errno::BADF)?;
            native::connect(fd, &remote)
        };
        match connected {
            Ok(()) => {
                self.socket.state = State::Connected;
                if self.socket.options.is_active() {
                    self.socket.select(Readiness::READ, true);
                }
                let answer = self.socket.begin()?;
                self.socket.finish(messages::OK);
                Ok(answer)
            }
            Err(Errno::INPROGRESS | Errno::AGAIN) => {
                let answer = self.socket.begin()?;
                self.socket.state = State::Connecting;
                self.socket.select(Readiness::WRITE, true);
                if let Some(timeout) = timeout {
                    self.socket.timers.set(Timer::Connect, timeout);
                }
                Ok(answer)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The connection is made, or is not.
    fn connected(&mut self) {
        self.socket.select(Readiness::WRITE, false);
        self.socket.timers.cancel(Timer::Connect);
        let error = native::number_option(self.socket.fd(), libc::SOL_SOCKET, libc::SO_ERROR);
        match error {
            Ok(0) => {
                self.socket.state = State::Connected;
                if self.socket.options.is_active() {
                    self.socket.select(Readiness::READ, true);
                }
                self.socket.finish(messages::OK);
            }
            Ok(error) => self.not_connected(Errno::from_raw_os_error(error)),
            Err(error) => self.not_connected(error),
        }
    }

    fn not_connected(&mut self, error: Errno) {
        self.socket.state = State::Open;
        self.socket.finish(messages::error(messages::name(error)));
    }

    /// A time-out and a length.
    fn start_receiving(&mut self, mut arguments: &[u8]) -> Answer {
        if !self.socket.is_connected() {
            if !std::mem::take(&mut self.receive_ended) {
                return Err(Errno::NOTCONN.into());
            }
            self.send_ended = false;
            let reset = std::mem::take(&mut self.socket.reset_untold);
            return Err(Refusal::Word(if reset { "econnreset" } else { "closed" }));
        }
        if self.socket.options.is_active() || arguments.len() != 8 {
            return Err(Refusal::INVALID);
        }
        let timeout = take_timeout(&mut arguments).ok_or(Refusal::INVALID)?;
        let len = take_u32(&mut arguments).ok_or(Refusal::INVALID)? as usize;
        if len != 0 && self.socket.options.packet != vm::text::packet::Kind::Raw {
            return Err(Refusal::INVALID);
        }
        if len > LARGEST_RECEIVE {
            return Err(Errno::NOMEM.into());
        }
        let answer = self.socket.begin()?;
        self.input.wanted = len;
        if !self.socket.is_ignored() {
            self.receive();
        }
        if self.socket.operation.is_some() {
            if timeout == Some(0) {
                self.socket.finish(messages::error("timeout"));
            } else {
                if let Some(timeout) = timeout {
                    self.socket.timers.set(Timer::Receive, timeout);
                }
                self.socket.select(Readiness::READ, true);
            }
        }
        Ok(answer)
    }

    fn set_options(&mut self, arguments: &[u8]) -> Answer {
        match self.socket.set_options(arguments)? {
            Next::Nothing => {}
            Next::Deliver => self.deliver(),
            Next::Receive => {
                self.receive();
                if self.socket.is_connected() && self.socket.options.is_active() {
                    self.socket.select(Readiness::READ, true);
                }
            }
        }
        Ok(Vec::new())
    }

    fn answer(&mut self, number: u32, arguments: &[u8]) -> Answer {
        match number {
            request::LISTEN => self.listen(arguments),
            request::CONNECT => self.connect(arguments),
            request::ACCEPT => self.start_accepting(arguments),
            request::CLOSE => {
                self.end_operations();
                self.close();
                Ok(Vec::new())
            }
            request::TCP_RECV => self.start_receiving(arguments),
            request::TCP_UNRECV if self.socket.is_connected() => {
                self.input.put_back(arguments);
                if self.socket.options.is_active() {
                    self.deliver();
                }
                Ok(Vec::new())
            }
            request::TCP_UNRECV => Err(Errno::NOTCONN.into()),
            request::TCP_SHUTDOWN if !self.socket.is_connected() => Err(Errno::NOTCONN.into()),
            request::TCP_SHUTDOWN => match arguments {
                [0] => self.shutdown(Shutdown::Read),
                [1] => self.shutdown(Shutdown::Write),
                [2] => self.shutdown(Shutdown::Both),
                _ => Err(Refusal::INVALID),
            },
            request::TCP_SENDFILE => self.start_file(arguments),
            request::SETOPTS => self.set_options(arguments),
            _ => {
                let known = Known {
                    accepting: !self.accepting.is_empty(),
                    busy: self.output.is_busy(),
                    queued: self.output.len(),
                };
                self.socket.request(number, arguments, known)
            }
        }
    }
}

impl Driver for Tcp {
    fn output(&mut self, data: IoVec) {
        self.send(data);
    }

    fn control(&mut self, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        let answer = self.answer(request::number(command), data);
        Ok(request::reply(answer))
    }

    fn ready_input(&mut self, fd: RawFd) {
        if !self.socket.expects(fd, Readiness::READ) {
            return;
        }
        if self.socket.state == State::Listening {
            self.accept();
        } else if self.socket.is_connected() {
            self.receive();
        }
    }

    fn ready_output(&mut self, fd: RawFd) {
        if !self.socket.expects(fd, Readiness::WRITE) {
            return;
        }
        match self.socket.state {
            State::Connecting => self.connected(),
            State::Connected => self.write(),
            _ => self.socket.select(Readiness::WRITE, false),
        }
    }

    fn timeout(&mut self) {
        while let Some(timer) = self.socket.timers.due() {
            match timer {
                Timer::Connect => {
                    self.close();
                    self.socket.finish(messages::error("timeout"));
                }
                Timer::Receive => {
                    self.socket.select(Readiness::READ, false);
                    self.socket.finish(messages::error("timeout"));
                }
                Timer::Send => self.send_timed_out(),
                Timer::Delayed => self.write(),
                Timer::Accept(number) => self.accept_timed_out(number),
            }
        }
    }

    fn process_exit(&mut self, monitor: MonitorId) {
        self.acceptor_exits(monitor);
    }

    fn queued(&self) -> usize {
        self.output.len()
    }

    fn flush(&mut self) {
        let lost = !self.socket.awaits_writing() && !self.output.is_delayed();
        if lost || self.socket.options.linger_zero || self.file.is_some() {
            self.clear_output();
        }
    }

    fn stop(&mut self) {
        self.end_operations();
        self.input.clear();
        self.file = None;
        self.socket.close();
    }
}

/// `{error, Name}`.
fn error(error: Errno) -> TermSpec {
    messages::error(messages::name(error))
}
