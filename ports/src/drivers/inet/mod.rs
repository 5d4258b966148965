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
//! | [`tcp`] | stream sockets |
//!
//! The behaviour is that of OTP 25's inet_drv.c, down to its errors.

#![forbid(unsafe_code)]

mod address;
mod control;
mod messages;
mod options;
mod packets;
mod request;
mod socket;
mod tcp;
mod timers;

pub use tcp::TcpDriver;
