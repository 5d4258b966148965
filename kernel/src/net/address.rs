//! Socket addresses as the program writes them, and back.

use alloc::vec::Vec;

use crate::sys::errno::{EAFNOSUPPORT, EINVAL, Result};
use stack::{IpAddress, IpEndpoint, IpListenEndpoint, Ipv4Address, Ipv6Address};

/// Address families.
pub const AF_UNSPEC: u16 = 0;
/// Local sockets.
pub const AF_UNIX: u16 = 1;
/// Internet, version 4.
pub const AF_INET: u16 = 2;
/// Internet, version 6.
pub const AF_INET6: u16 = 10;

/// The family of an address.
pub fn family(bytes: &[u8]) -> Result<u16> {
    Ok(u16::from_ne_bytes(*bytes.first_chunk().ok_or(EINVAL)?))
}

/// Reads an Internet address; one of version 4 inside one of version 6 is taken out.
pub fn read(bytes: &[u8], v6: bool) -> Result<IpEndpoint> {
    let port = |b: &[u8]| {
        b.get(2..)
            .and_then(|b| b.first_chunk())
            .map(|p| u16::from_be_bytes(*p))
            .ok_or(EINVAL)
    };
    match (family(bytes)?, v6) {
        (AF_INET, false) => {
            let octets: [u8; 4] = *bytes.get(4..).and_then(|b| b.first_chunk()).ok_or(EINVAL)?;
            Ok(IpEndpoint::new(
                IpAddress::Ipv4(Ipv4Address::from(octets)),
                port(bytes)?,
            ))
        }
        (AF_INET6, true) => {
            let octets: [u8; 16] = *bytes.get(8..).and_then(|b| b.first_chunk()).ok_or(EINVAL)?;
            let address = Ipv6Address::from(octets);
            let address = match address.to_ipv4_mapped() {
                Some(v4) => IpAddress::Ipv4(v4),
                None => IpAddress::Ipv6(address),
            };
            Ok(IpEndpoint::new(address, port(bytes)?))
        }
        _ => Err(EAFNOSUPPORT),
    }
}

/// An address to bind to: the unspecified one is none.
pub fn listen(endpoint: IpEndpoint) -> IpListenEndpoint {
    let addr = (!endpoint.addr.is_unspecified()).then_some(endpoint.addr);
    IpListenEndpoint {
        addr,
        port: endpoint.port,
    }
}

/// Writes an Internet address in a socket's family.
pub fn write(addr: Option<IpAddress>, port: u16, v6: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    if v6 {
        let address = match addr {
            None => Ipv6Address::UNSPECIFIED,
            Some(IpAddress::Ipv6(a)) => a,
            Some(IpAddress::Ipv4(a)) => a.to_ipv6_mapped(),
        };
        bytes.extend(AF_INET6.to_ne_bytes());
        bytes.extend(port.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(address.octets());
        bytes.extend([0; 4]);
    } else {
        let address = match addr {
            Some(IpAddress::Ipv4(a)) => a,
            _ => Ipv4Address::UNSPECIFIED,
        };
        bytes.extend(AF_INET.to_ne_bytes());
        bytes.extend(port.to_be_bytes());
        bytes.extend(address.octets());
        bytes.extend([0; 8]);
    }
    bytes
}
