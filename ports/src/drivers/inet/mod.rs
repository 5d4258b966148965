//! Sockets: the driver behind `gen_tcp`, `gen_udp` and `inet`.
//!
//! | module | subject |
//! |---|---|
//! | [`request`] | what `prim_inet` asks, and the form of answers |
//! | [`address`] | addresses, between their form in requests and the kernel's |
//! | [`socket`] | what all sockets share: descriptor, state, statistics, the operation under way |
//! | [`options`] | options, local ones and the kernel's |
//! | [`control`] | control messages that go with datagrams |
//! | [`timers`] | several timers on a port's one |
//! | [`messages`] | what processes are sent |
//! | [`packets`] | packets of a stream as terms |
//! | [`interfaces`], [`services`] | network interfaces; names of services |
//! | [`tcp`] | stream sockets |
//! | [`udp`] | datagram sockets |
//! | [`sctp`] | refuses |
//!
//! The behaviour is that of OTP 25's inet_drv.c, down to its errors.

#![forbid(unsafe_code)]

mod address;
mod control;
mod interfaces;
mod messages;
mod options;
mod packets;
mod request;
mod sctp;
mod services;
mod socket;
mod tcp;
mod timers;
mod udp;

pub use sctp::SctpDriver;
pub use tcp::TcpDriver;
pub use udp::UdpDriver;
