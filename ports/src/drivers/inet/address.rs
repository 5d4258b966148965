//! Addresses of sockets, between their form in requests and the kernel's.
//!
//! In a request an address begins with a byte for its family (`INET_AF_…`), then comes the port and the
//! host's address, or the length and bytes of a local name. The kernel's form is `sockaddr_…`, as bytes.

use super::request::{Refusal, take, take_u16, take_u32};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Families as requests number them.
pub const UNSPEC: u8 = 0;
pub const INET: u8 = 1;
pub const INET6: u8 = 2;
pub const ANY: u8 = 3;
pub const LOOPBACK: u8 = 4;
pub const LOCAL: u8 = 5;
pub const UNDEFINED: u8 = 6;

/// The longest local name: `sun_path`.
const LOCAL_ROOM: usize = 108;
/// The longest local name that has a place in an answer.
const LONGEST_LOCAL: usize = 255;

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// A name in the file system, or an abstract one.
    Local,
}

impl Family {
    /// The family that a request means.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            INET => Some(Self::Inet),
            INET6 => Some(Self::Inet6),
            LOCAL => Some(Self::Local),
            _ => None,
        }
    }

    /// Its number in requests.
    pub fn code(self) -> u8 {
        match self {
            Self::Inet => INET,
            Self::Inet6 => INET6,
            Self::Local => LOCAL,
        }
    }

    /// Its number in the kernel.
    pub fn native(self) -> i32 {
        match self {
            Self::Inet => libc::AF_INET,
            Self::Inet6 => libc::AF_INET6,
            Self::Local => libc::AF_UNIX,
        }
    }
}

fn family_bytes(family: Family) -> [u8; 2] {
    (family.native() as u16).to_ne_bytes()
}

fn inet(port: u16, host: Ipv4Addr) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    bytes.extend(family_bytes(Family::Inet));
    bytes.extend(port.to_be_bytes());
    bytes.extend(host.octets());
    bytes.extend([0; 8]);
    bytes
}

fn inet6(port: u16, host: Ipv6Addr, flow: u32, scope: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(28);
    bytes.extend(family_bytes(Family::Inet6));
    bytes.extend(port.to_be_bytes());
    bytes.extend(flow.to_ne_bytes());
    bytes.extend(host.octets());
    bytes.extend(scope.to_ne_bytes());
    bytes
}

/// The kernel's form of an address in a request, taken off its front. Without a family of its own it is
/// of the socket's.
pub fn decode(socket: Option<Family>, bytes: &mut &[u8]) -> Result<Vec<u8>, Refusal> {
    let invalid = Refusal::INVALID;
    let tag = take(bytes, 1).ok_or(invalid)?[0];
    if let ANY | LOOPBACK = tag {
        let port = take_u16(bytes).ok_or(invalid)?;
        let any = tag == ANY;
        return match socket {
            Some(Family::Inet) if any => Ok(inet(port, Ipv4Addr::UNSPECIFIED)),
            Some(Family::Inet) => Ok(inet(port, Ipv4Addr::LOCALHOST)),
            Some(Family::Inet6) if any => Ok(inet6(port, Ipv6Addr::UNSPECIFIED, 0, 0)),
            Some(Family::Inet6) => Ok(inet6(port, Ipv6Addr::LOCALHOST, 0, 0)),
            _ => Err(invalid),
        };
    }
    let family = Family::from_code(tag).ok_or(Refusal::Word("eafnosupport"))?;
    decode_body(family, bytes).ok_or(invalid)
}

fn decode_body(family: Family, bytes: &mut &[u8]) -> Option<Vec<u8>> {
    match family {
        Family::Inet => {
            let port = take_u16(bytes)?;
            let host: [u8; 4] = take(bytes, 4)?.try_into().ok()?;
            Some(inet(port, host.into()))
        }
        Family::Inet6 => {
            let port = take_u16(bytes)?;
            let host: [u8; 16] = take(bytes, 16)?.try_into().ok()?;
            let flow = take_u32(bytes)?;
            let scope = take_u32(bytes)?;
            Some(inet6(port, host.into(), flow, scope))
        }
        Family::Local => {
            let len = usize::from(take(bytes, 1)?[0]);
            let name = take(bytes, len)?;
            // A name ends with a zero, an abstract one begins with it.
            let room = len + usize::from(name.first() != Some(&0));
            if room > LOCAL_ROOM {
                return None;
            }
            Some([&family_bytes(family)[..], name].concat())
        }
    }
}

/// The form of a kernel's address in an answer; none where there is none.
pub fn encode(native: &[u8]) -> Option<Vec<u8>> {
    encode_any(native).ok()
}

/// The same; the error is the tag of an address that cannot be told.
pub fn encode_any(native: &[u8]) -> Result<Vec<u8>, u8> {
    let Some(family) = native.first_chunk::<2>() else {
        return Err(UNSPEC);
    };
    match i32::from(u16::from_ne_bytes(*family)) {
        libc::AF_INET if native.len() >= 16 => Ok([&[INET], &native[2..4], &native[4..8]].concat()),
        libc::AF_INET6 if native.len() >= 28 => {
            Ok([&[INET6], &native[2..4], &native[8..24]].concat())
        }
        libc::AF_UNIX => {
            let name = &native[2..];
            // An abstract name is as long as the kernel says, another ends with a zero.
            let len = match name.iter().position(|&byte| byte == 0) {
                Some(0) | None => name.len(),
                Some(end) => end,
            };
            if name.len() > LONGEST_LOCAL {
                return Err(UNDEFINED);
            }
            Ok([&[LOCAL, len as u8], &name[..len]].concat())
        }
        libc::AF_UNSPEC => Err(UNSPEC),
        _ => Err(UNDEFINED),
    }
}

/// The port of a kernel's address; 0 for a family without ports.
pub fn port(native: &[u8]) -> u16 {
    let family = native.first_chunk::<2>().map(|f| u16::from_ne_bytes(*f));
    match (family.map(i32::from), native.get(2..4)) {
        (Some(libc::AF_INET | libc::AF_INET6), Some(port)) => {
            u16::from_be_bytes([port[0], port[1]])
        }
        _ => 0,
    }
}

/// The family of a kernel's address.
pub fn family(native: &[u8]) -> Option<Family> {
    let family = native.first_chunk::<2>().map(|f| u16::from_ne_bytes(*f))?;
    match i32::from(family) {
        libc::AF_INET => Some(Family::Inet),
        libc::AF_INET6 => Some(Family::Inet6),
        libc::AF_UNIX => Some(Family::Local),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(family: Family, request: &[u8], answer: &[u8]) {
        let mut rest = request;
        let native = decode(Some(family), &mut rest).expect("an address");
        assert_eq!(rest, b"");
        assert_eq!(encode(&native).as_deref(), Some(answer));
    }

    #[test]
    fn addresses() {
        let plain = [INET, 0x12, 0x34, 10, 0, 0, 1];
        round_trip(Family::Inet, &plain, &plain);
        round_trip(
            Family::Inet,
            &[LOOPBACK, 0, 80],
            &[INET, 0, 80, 127, 0, 0, 1],
        );
        round_trip(Family::Local, b"\x05\x02/a", b"\x05\x02/a");
        round_trip(Family::Local, b"\x05\x03\0ab", b"\x05\x03\0ab");
        let any = [&[INET6, 0, 1][..], &[0; 16]].concat();
        round_trip(Family::Inet6, &[ANY, 0, 1], &any);
        round_trip(Family::Inet, &[&any[..], &[0; 8]].concat(), &any);
    }

    #[test]
    fn refused() {
        let refused = |family, bytes: &[u8]| decode(family, &mut &bytes[..]).unwrap_err().name();
        assert_eq!(refused(Some(Family::Inet), &[9, 0, 0]), "eafnosupport");
        assert_eq!(refused(Some(Family::Inet), &[INET, 0, 0, 1]), "einval");
        assert_eq!(refused(Some(Family::Local), &[ANY, 0, 0]), "einval");
        assert_eq!(refused(None, &[]), "einval");
    }
}
