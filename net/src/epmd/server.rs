//! Connections: each sends one request and gets one answer; a node's own stays open as long as the node.
//!
//! Nothing that a connection does disturbs another: half a request is waited for only so long, what is
//! none closes its connection, and when there are too many the one that is silent for the longest goes.
//! Errors of accepting are normal; when the system has no descriptor left, accepting pauses.

use super::Config;
use super::names::Names;
use super::request::{Asker, Situation, serve};
use super::sockets::{self, BindError};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The room for a request with its length: `INBUF_SIZE` of the original, less a byte.
const REQUEST_BYTES: usize = 3 * super::names::NAME_BYTES - 1;
/// The length before a request.
const HEADER: usize = 2;
/// How long accepting pauses when there is no descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Events that are taken at once.
const EVENTS: usize = 256;
/// The waker's token.
const WAKE: Token = Token(usize::MAX);

/// An `epmd` that listens.
pub struct Server {
    poll: Poll,
    waker: Arc<Waker>,
    listeners: Vec<TcpListener>,
    port: u16,
    config: Config,
    names: Names,
    /// By number; numbers start behind the listeners' and are not used again.
    connections: HashMap<usize, Connection>,
    next: usize,
    /// Accepting was paused.
    paused: bool,
}

struct Connection {
    stream: TcpStream,
    local: bool,
    received: Vec<u8>,
    /// What is still to be sent.
    unsent: Vec<u8>,
    state: State,
    active: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its request is not here yet.
    Asking,
    /// It gets its answer and is closed.
    Answered,
    /// It keeps a node registered.
    Kept,
}

impl Server {
    /// Listens as configured.
    ///
    /// # Errors
    /// See [`sockets::open`].
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let (mut listeners, port) = sockets::open(config.port, &config.addresses)?;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
        for (number, listener) in listeners.iter_mut().enumerate() {
            poll.registry()
                .register(listener, Token(number), Interest::READABLE)?;
        }
        Ok(Self {
            poll,
            waker,
            next: listeners.len(),
            listeners,
            port,
            config: config.clone(),
            names: Names::default(),
            connections: HashMap::new(),
            paused: false,
        })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Wakes it, to see that it is to stop.
    pub fn waker(&self) -> &Arc<Waker> {
        &self.waker
    }

    /// Serves until it is stopped or killed.
    pub fn run(mut self, stop: &AtomicBool) {
        let mut events = Events::with_capacity(EVENTS);
        while !stop.load(SeqCst) {
            if let Err(error) = self.poll.poll(&mut events, self.patience()) {
                if error.kind() != ErrorKind::Interrupted {
                    return;
                }
                continue;
            }
            if self.paused {
                self.paused = false;
                (0..self.listeners.len()).for_each(|number| self.accept(number));
            }
            for event in &events {
                let number = event.token().0;
                let end = match number {
                    _ if event.token() == WAKE => false,
                    number if number < self.listeners.len() => {
                        self.accept(number);
                        false
                    }
                    number => self.ready(number),
                };
                if end {
                    return;
                }
            }
            self.close_silent();
        }
    }

    /// How long nothing need be done: until a connection has been silent for too long.
    fn patience(&self) -> Option<Duration> {
        if self.paused {
            return Some(ACCEPT_PAUSE);
        }
        let waiting = self
            .connections
            .values()
            .filter(|connection| connection.state != State::Kept);
        let oldest = waiting.map(|connection| connection.active).min()?;
        Some((oldest + self.config.packet_timeout).saturating_duration_since(Instant::now()))
    }

    fn close_silent(&mut self) {
        let limit = self.config.packet_timeout;
        let is_silent = |c: &Connection| c.state != State::Kept && c.active.elapsed() >= limit;
        self.connections
            .retain(|_, connection| !is_silent(connection));
    }

    fn accept(&mut self, number: usize) {
        loop {
            match self.listeners[number].accept() {
                Ok((stream, peer)) => self.open(stream, peer.ip()),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return,
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                    _ => {
                        // No descriptor or memory; or an error of a connection that is gone again.
                        self.paused = true;
                        return;
                    }
                },
            }
        }
    }

    fn open(&mut self, mut stream: TcpStream, peer: IpAddr) {
        if self.connections.len() >= self.config.connections {
            let waiting = self
                .connections
                .iter()
                .filter(|(_, connection)| connection.state != State::Kept);
            match waiting
                .min_by_key(|(_, connection)| connection.active)
                .map(|(&number, _)| number)
            {
                Some(silent) => drop(self.connections.remove(&silent)),
                None => return,
            }
        }
        let own = stream.local_addr().map(|address| address.ip());
        let local = peer.is_loopback() || own.is_ok_and(|own| own == peer);
        let number = self.next;
        self.next += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self
            .poll
            .registry()
            .register(&mut stream, Token(number), interest)
            .is_ok()
        {
            let (received, unsent) = (Vec::new(), Vec::new());
            let connection = Connection {
                stream,
                local,
                received,
                unsent,
                state: State::Asking,
                active: Instant::now(),
            };
            self.connections.insert(number, connection);
        }
    }

    /// A connection can be read or written; whether this `epmd` is killed by it.
    fn ready(&mut self, number: usize) -> bool {
        let Some(connection) = self.connections.get_mut(&number) else {
            return false;
        };
        let mut end = false;
        let mut open = connection.flush();
        if open && connection.state == State::Asking {
            match connection.receive() {
                Received::Nothing => {}
                Received::Closed => open = false,
                Received::Request => {
                    end = self.serve(number);
                    open = self
                        .connections
                        .get_mut(&number)
                        .is_some_and(Connection::flush);
                }
            }
        }
        if let Some(connection) = self.connections.get_mut(&number) {
            // A node says nothing more: whatever comes is its end.
            open = open
                && match connection.state {
                    State::Kept => connection.is_silent(),
                    State::Answered => !connection.unsent.is_empty(),
                    State::Asking => true,
                };
        }
        if !open {
            self.names.connection_ended(number);
            self.connections.remove(&number);
        }
        end
    }

    fn serve(&mut self, number: usize) -> bool {
        let Some(connection) = self.connections.get_mut(&number) else {
            return false;
        };
        let asker = Asker {
            connection: number,
            fd: connection.stream.as_raw_fd(),
            local: connection.local,
        };
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs() as u32);
        let situation = Situation {
            port: self.port,
            relaxed: self.config.relaxed_command_check,
            seconds,
        };
        let outcome = serve(
            &connection.received[HEADER..],
            asker,
            situation,
            &mut self.names,
        );
        connection.received = Vec::new();
        connection.unsent = outcome.answer;
        connection.state = if outcome.keep {
            State::Kept
        } else {
            State::Answered
        };
        if let Some(node) = outcome.close {
            self.connections.remove(&node);
        }
        outcome.end
    }
}

enum Received {
    Nothing,
    Closed,
    Request,
}

impl Connection {
    /// Reads towards one request. As the original does: what is beyond it in the same read, or a length
    /// that no request has, closes the connection.
    fn receive(&mut self) -> Received {
        let mut buffer = [0; REQUEST_BYTES];
        loop {
            let wanted = self.wanted().unwrap_or(REQUEST_BYTES);
            match self
                .stream
                .read(&mut buffer[..wanted - self.received.len()])
            {
                Ok(0) => return Received::Closed,
                Ok(count) => {
                    self.received.extend_from_slice(&buffer[..count]);
                    self.active = Instant::now();
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Received::Nothing,
                    ErrorKind::Interrupted => continue,
                    _ => return Received::Closed,
                },
            }
            match self.wanted() {
                Some(wanted) if wanted <= HEADER || wanted > REQUEST_BYTES => {
                    return Received::Closed;
                }
                Some(wanted) if wanted < self.received.len() => return Received::Closed,
                Some(wanted) if wanted == self.received.len() => return Received::Request,
                _ => {}
            }
        }
    }

    /// The length of the request with its header, if that is here.
    fn wanted(&self) -> Option<usize> {
        let header = self.received.first_chunk::<HEADER>()?;
        Some(usize::from(u16::from_be_bytes(*header)) + HEADER)
    }

    /// Sends what can be sent; whether the connection lives.
    fn flush(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => {
                    self.unsent.drain(..count);
                    self.active = Instant::now();
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return true,
                    ErrorKind::Interrupted => {}
                    _ => return false,
                },
            }
        }
        true
    }

    /// Whether nothing came, not even the end.
    fn is_silent(&mut self) -> bool {
        match self.stream.peek(&mut [0; 1]) {
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
            Ok(_) => false,
        }
    }
}
