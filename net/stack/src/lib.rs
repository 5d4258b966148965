//! Sockets over smoltcp: TCP with a backlog, UDP, IPv4 and IPv6, addresses by DHCP or given, loopback, ICMP
//! echo. `no_std` and without threads, locks or a clock: the owner calls in with the time, and asks
//! afterwards which sockets changed ([`Stack::take_changed`]).
//!
//! [`Link`](link::Link) joins a network card ([`Nic`]) and the loopback into the one device that smoltcp
//! sees; it does checksums where the card does not.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod changes;
mod checksum;
mod config;
mod link;
mod refusal;
mod stack;
mod tcp;
mod udp;

pub use config::{Addresses, Mode};
pub use link::{Nic, Offload, Received};
pub use smoltcp::wire::{
    IpAddress, IpCidr, IpEndpoint, IpListenEndpoint, Ipv4Address, Ipv4Cidr, Ipv6Address,
};
pub use stack::{Id, Ready, Settings, Stack};
pub use tcp::TcpOption;

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Nothing to do now: try again when the socket changed.
    Again,
    /// The address is taken.
    AddressInUse,
    /// The address is none of ours.
    AddressNotAvailable,
    /// The call makes no sense for the socket's state.
    Invalid,
    /// The socket is not connected.
    NotConnected,
    /// The socket is connected.
    Connected,
    /// A connection is being made.
    InProgress,
    /// The other side refused.
    Refused,
    /// The other side reset the connection.
    Reset,
    /// The other side did not answer in time.
    TimedOut,
    /// There is no way to the address.
    Unreachable,
    /// Our side was shut down for sending.
    Closed,
    /// The datagram is too long.
    MessageSize,
    /// There are no free sockets or ports.
    NoBuffers,
    /// A datagram needs a destination.
    DestinationRequired,
}

/// What a call gives.
pub type Result<T> = core::result::Result<T, Error>;

#[cfg(test)]
mod tests;
