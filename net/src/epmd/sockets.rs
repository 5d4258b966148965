//! The addresses to listen on: all, or loopback and those named. IPv6 where the machine has it.

use mio::net::TcpListener;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};

/// Waiting connections; the system's own limit is often lower.
const BACKLOG: i32 = 4096;

/// Why nothing listens.
#[derive(Debug)]
pub enum BindError {
    /// Another program has the port.
    InUse,
    /// Anything else.
    Other(io::Error),
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> Self {
        Self::Other(error)
    }
}

/// Listens. With port 0 the system chooses one, the same for all addresses. The answer has at least one.
///
/// # Errors
/// The port is taken on one of the addresses, or a named address is not this machine's.
pub fn open(port: u16, named: &[IpAddr]) -> Result<(Vec<TcpListener>, u16), BindError> {
    let loopback = [
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let any = [
        IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    ];
    // Loopback may be absent; what was named, and IPv4's "all", may not.
    let wanted: Vec<(IpAddr, bool)> = if named.is_empty() {
        any.map(|address| (address, address.is_ipv4())).to_vec()
    } else {
        let named = named.iter().filter(|address| !address.is_loopback());
        loopback
            .map(|address| (address, false))
            .into_iter()
            .chain(named.map(|&address| (address, true)))
            .collect()
    };
    let mut port = port;
    let mut listeners = Vec::new();
    for (address, required) in wanted {
        match open_one(SocketAddr::new(address, port)) {
            Ok(listener) => {
                port = listener.local_addr()?.port();
                listeners.push(TcpListener::from_std(listener));
            }
            Err(Errno::ADDRINUSE) => return Err(BindError::InUse),
            Err(Errno::AFNOSUPPORT | Errno::PROTONOSUPPORT) => {}
            Err(error) if required => return Err(BindError::Other(error.into())),
            Err(_) => {}
        }
    }
    if listeners.is_empty() {
        return Err(BindError::Other(Errno::ADDRNOTAVAIL.into()));
    }
    Ok((listeners, port))
}

fn open_one(address: SocketAddr) -> Result<StdListener, Errno> {
    let family = if address.is_ipv4() {
        AddressFamily::INET
    } else {
        AddressFamily::INET6
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, BACKLOG)?;
    Ok(socket.into())
}
