//! The Erlang port mapper: which node of this machine listens where.
//!
//! [`Epmd`] answers the whole protocol of OTP's `epmd`, byte for byte, on a thread of its own, for every
//! node of the machine. It is started with the first node that has a name ([`Epmd::start_if_absent`]);
//! where another answers already, [`Epmd::start_or_stand_by`] takes over when that one ends, since it may
//! live in a node that ends.
//!
//! | file | subject |
//! |---|---|
//! | [`names`] | who is registered, and the creation numbers |
//! | [`request`] | what is asked and what is answered |
//! | [`sockets`] | the addresses to listen on |
//! | `server` | connections: their limits, time-outs, and what is no request |
//!
//! OTP 25, erts/epmd/src and erl_epmd.erl.

pub mod names;
pub mod request;
mod server;
pub mod sockets;

use mio::Waker;
use parking_lot::Mutex;
use server::Server;
use sockets::BindError;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;

/// The port that is used unless `ERL_EPMD_PORT` says otherwise.
pub const DEFAULT_PORT: u16 = 4369;

/// How often one that stands by looks whether the port has become free.
const STAND_BY: Duration = Duration::from_millis(500);

/// How an `epmd` runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The port; 0: one that is free.
    pub port: u16,
    /// The addresses besides loopback; empty: all.
    pub addresses: Vec<IpAddr>,
    /// Names can be unregistered by others, and it can be killed while nodes are registered.
    pub relaxed_command_check: bool,
    /// How long a connection may be silent before it has registered a node.
    pub packet_timeout: Duration,
    /// The most connections at once. Beyond, the one that is silent for the longest is closed.
    pub connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: DEFAULT_PORT,
            addresses: Vec::new(),
            relaxed_command_check: false,
            packet_timeout: Duration::from_secs(60),
            connections: 1000,
        }
    }
}

impl Config {
    /// As `ERL_EPMD_PORT`, `ERL_EPMD_ADDRESS` and `ERL_EPMD_RELAXED_COMMAND_CHECK` say in this program's
    /// environment.
    ///
    /// # Errors
    /// A port or address that is none.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_variables(|name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    /// The same, of variables that `get` knows.
    ///
    /// # Errors
    /// A port or address that is none.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        if let Some(text) = get("ERL_EPMD_PORT") {
            config.port = text.trim().parse().map_err(|_| ConfigError::Port(text))?;
        }
        if let Some(list) = get("ERL_EPMD_ADDRESS") {
            config.addresses = parse_addresses(&list)?;
        }
        config.relaxed_command_check = get("ERL_EPMD_RELAXED_COMMAND_CHECK").is_some();
        Ok(config)
    }
}

/// Addresses between commas and spaces; loopback ones are listened on anyway.
fn parse_addresses(list: &str) -> Result<Vec<IpAddr>, ConfigError> {
    let words = list.split([',', ' ']).filter(|word| !word.is_empty());
    let addresses: Vec<IpAddr> = words
        .map(|word| {
            word.parse()
                .map_err(|_| ConfigError::Address(word.to_owned()))
        })
        .collect::<Result<_, _>>()?;
    Ok(addresses)
}

/// An environment variable says nothing that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// `ERL_EPMD_PORT` is no port.
    Port(String),
    /// In `ERL_EPMD_ADDRESS` this is no address.
    Address(String),
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Port(text) => write!(f, "ERL_EPMD_PORT is no port number: {text}"),
            Self::Address(text) => write!(f, "cannot parse IP address \"{text}\""),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A running `epmd`, or one that stands by. It ends when this is dropped, or when a request kills it.
pub struct Epmd {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

/// What the owner and the thread share.
#[derive(Default)]
struct Control {
    stop: AtomicBool,
    /// The port it serves; 0 when it does not.
    port: AtomicU16,
    /// Wakes the thread while it serves. Held for a moment only.
    waker: Mutex<Option<Arc<Waker>>>,
}

/// What became of [`Epmd::start_if_absent`].
pub enum Presence {
    /// There was none; this one serves now.
    Started(Epmd),
    /// Another program has the port.
    Present,
}

impl Epmd {
    /// Starts one, unless the port is taken.
    ///
    /// # Errors
    /// The addresses cannot be listened on for another reason.
    pub fn start_if_absent(config: &Config) -> io::Result<Presence> {
        match Server::bind(config) {
            Ok(server) => Self::start(config, Some(server)).map(Presence::Started),
            Err(BindError::InUse) => Ok(Presence::Present),
            Err(BindError::Other(error)) => Err(error),
        }
    }

    /// Starts one; if the port is taken, waits until it is free and serves from then on.
    ///
    /// # Errors
    /// As [`Epmd::start_if_absent`].
    pub fn start_or_stand_by(config: &Config) -> io::Result<Self> {
        match Server::bind(config) {
            Ok(server) => Self::start(config, Some(server)),
            Err(BindError::InUse) => Self::start(config, None),
            Err(BindError::Other(error)) => Err(error),
        }
    }

    /// The port it serves; `None` while it stands by, and after its end.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        Some(self.control.port.load(SeqCst)).filter(|&port| port != 0)
    }

    /// Whether its thread runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    fn start(config: &Config, server: Option<Server>) -> io::Result<Self> {
        let control = Arc::new(Control::default());
        if let Some(server) = &server {
            control.serves(server);
        }
        let (serving, config) = (Arc::clone(&control), config.clone());
        let thread = std::thread::Builder::new()
            .name("epmd".into())
            .spawn(move || {
                if let Some(server) = server.or_else(|| serving.wait_for_port(&config)) {
                    serving.serves(&server);
                    server.run(&serving.stop);
                }
                serving.port.store(0, SeqCst);
            })?;
        Ok(Self {
            control,
            thread: Some(thread),
        })
    }
}

impl Control {
    fn serves(&self, server: &Server) {
        *self.waker.lock() = Some(Arc::clone(server.waker()));
        self.port.store(server.port(), SeqCst);
    }

    fn wait_for_port(&self, config: &Config) -> Option<Server> {
        while !self.stop.load(SeqCst) {
            if let Ok(server) = Server::bind(config) {
                return Some(server);
            }
            std::thread::park_timeout(STAND_BY);
        }
        None
    }
}

impl Drop for Epmd {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        self.control.stop.store(true, SeqCst);
        if let Some(waker) = &*self.control.waker.lock() {
            // Fails only when it is awake already.
            let _ = waker.wake();
        }
        thread.thread().unpark();
        let _ = thread.join();
    }
}
