//! Ports, the driver trait, the command registry and the in-thread drivers.
//!
//! A port is an endpoint that an Erlang process talks to in bytes. What stands behind it is a
//! [`Driver`]: a state machine whose callbacks are run one at a time, on whatever thread the port is
//! scheduled, and which never runs Erlang code. This crate holds:
//!
//! | module | subject |
//! |---|---|
//! | [`driver`] | the traits [`DriverFactory`] and [`Driver`], which users implement |
//! | [`handle`] | [`PortHandle`]: what a driver can ask of its port; [`Host`]: who answers |
//! | [`open`] | [`OpenRequest`]: the command line and options of `open_port` |
//! | [`instance`] | [`Instance`]: a running driver, its panics contained |
//! | [`framing`] | `{packet, N}`, `{line, N}` and `stream` |
//! | `port`, [`table`] | a port of the node, and all of them |
//! | [`node`], `host`, `hooks` | the node's ports: what runs them; what drivers and processes ask of them |
//! | [`bifs`] | `open_port` and the other BIFs of ports |
//! | [`signals`] | signals of the operating system, the break key |
//! | [`pause`], [`describe`] | for the break menu: the terminal; what ports there are |
//! | [`halt`] | writing all output before the node ends |
//! | [`poller`], [`pool`] | readiness of descriptors; threads for blocking work |
//! | [`selection`], [`socket`] | for native modules: waiting for descriptors; sockets as the system has them |
//! | [`registry`] | which command lines are served by which in-thread driver |
//! | [`drivers`] | `fd`, `spawn`, `tty_sl`, `ram_file_drv`, sockets |
//! | [`programs`] | the port programs of OTP, in-thread: `inet_gethost`, `memsup`, … |
//! | [`testing`] | [`testing::Bench`]: a host that drives one driver in a test |
//!
//! Unsafe code lives in `sys` alone.

#![deny(unsafe_code)]

mod beside;
pub mod bifs;
pub mod describe;
pub mod driver;
pub mod drivers;
pub mod errno;
pub mod framing;
pub mod halt;
pub mod handle;
mod hooks;
mod host;
pub mod instance;
pub mod io_queue;
pub mod iovec;
mod messages;
mod names;
pub mod node;
pub mod open;
pub mod pause;
pub mod poller;
pub mod pool;
mod port;
pub mod programs;
pub mod registry;
pub mod selection;
pub mod signals;
#[allow(unsafe_code, reason = "the crate's one island: calls to the C library")]
mod sys;
pub mod table;
pub mod testing;
mod timers;
pub mod trim;

pub use driver::{BadArg, Driver, DriverFactory, FramedBy, StartError, Started};
pub use handle::{
    CloseReason, Event, Host, MonitorId, PidToken, PortHandle, PortId, Readiness, Starter, TermSpec,
};
pub use instance::{Crash, Instance};
pub use iovec::IoVec;
pub use open::{Command, OpenOptions, OpenRequest};
pub use sys::socket;
