//! Setting options.

use std::borrow::Cow;
use std::os::fd::{AsFd, BorrowedFd};

use ports::socket as native;
use rustix::io::Errno;
use vm::bif::{BifResult, Call, badarg};
use vm::term::{Bits, Term};

use super::open::open_socket;
use super::table::{self, Access, Codec, Width};
use super::{
    atom, closed, field, int, int_argument, invalid, otp, out_of_range, posix, refused_invalid,
    socket, uint, value,
};
use crate::sockaddr;

/// Bytes of an interface's name with its zero.
pub(super) const DEVICE: usize = libc::IFNAMSIZ;
/// Bytes of a congestion algorithm's name with its zero (`TCP_CA_NAME_MAX`).
pub(super) const CONGESTION: usize = 17;

pub(super) fn setopt_5<'p>(call: Call<'p>) -> BifResult<'p> {
    let socket = socket(call)?;
    let heap = call.heap;
    let native = int(call.arg(4)).ok_or_else(badarg)? != 0;
    let number = match int_argument(call, 2) {
        Ok(number) => number,
        Err(result) => return result,
    };
    let (level, value) = (call.arg(1), call.arg(3));
    let Some(level_number) = value::decode_level(level) else {
        if level.is_atom(vm::atom!("otp")) && !native {
            return otp::set(call, socket, number, value);
        }
        return match level.is_integer() {
            true => Ok(out_of_range(heap, level)),
            false => Err(badarg()),
        };
    };
    let Some(fd) = open_socket(socket) else {
        return Ok(closed(heap));
    };
    let bytes = if native {
        match native_value(value) {
            Some(bytes) => bytes,
            None => return Ok(refused_invalid(heap, atom("value"))),
        }
    } else {
        let codec = match table::find(level_number, number) {
            Some((codec, Access::Set | Access::Both)) => codec,
            _ => return Ok(invalid(heap, atom("socket_option"))),
        };
        match encode(codec, value) {
            Some(bytes) => Cow::Owned(bytes),
            None => return Ok(invalid(heap, atom("value"))),
        }
    };
    Ok(match set(fd.as_fd(), level_number, number, &bytes) {
        Ok(()) => Term::OK,
        Err(error) => posix(heap, error),
    })
}

/// Bytes as they are, a number or a truth value as C's `int`.
fn native_value(value: Term<'_>) -> Option<Cow<'_, [u8]>> {
    if let Some(bytes) = value.as_bits().and_then(Bits::binary) {
        return Some(bytes);
    }
    let number = match int(value) {
        Some(number) => number,
        None => i32::from(value.as_bool()?),
    };
    Some(Cow::Owned(number.to_ne_bytes().to_vec()))
}

/// Sets an option. Linux changes a socket's priority with its type of service, and some options change both:
/// whichever was not set is put back, as OTP 25 does.
fn set(fd: BorrowedFd<'_>, level: i32, number: i32, value: &[u8]) -> Result<(), Errno> {
    let fd = Some(fd);
    let get = |level, number| native::number_option(fd, level, number);
    let priority = get(libc::SOL_SOCKET, libc::SO_PRIORITY);
    let service = get(libc::IPPROTO_IP, libc::IP_TOS);
    native::set_option(fd, level, number, value)?;
    if number == libc::SO_PRIORITY {
        return Ok(());
    }
    if let Ok(service) = service
        && number != libc::IP_TOS
    {
        native::set_option(fd, libc::IPPROTO_IP, libc::IP_TOS, &service.to_ne_bytes())?;
    }
    if let Ok(priority) = priority {
        let value = priority.to_ne_bytes();
        match native::set_option(fd, libc::SOL_SOCKET, libc::SO_PRIORITY, &value) {
            // Some priorities only root may set, though the system gives them by itself.
            Err(Errno::PERM) => {}
            result => return result,
        }
    }
    Ok(())
}

fn number(value: i32) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// An option's value as the system has it; none where it is not right.
fn encode(codec: Codec, value: Term<'_>) -> Option<Vec<u8>> {
    match codec {
        Codec::Bool => Some(number(value.as_bool()?.into())),
        Codec::Int => Some(number(int(value)?)),
        Codec::Device => string(value, DEVICE),
        Codec::Congestion => string(value, CONGESTION),
        Codec::Linger => linger(value),
        Codec::Service => Some(number(value::decode_service(value)?)),
        Codec::Discovery => Some(number(value::decode_discovery(value)?)),
        Codec::Interface => Some(sockaddr::decode_ip4(value)?.to_vec()),
        Codec::Membership => ip4_fields(value, &["multiaddr", "interface"]),
        // In the order of C's structure.
        Codec::SourceMembership => ip4_fields(value, &["multiaddr", "interface", "sourceaddr"]),
        Codec::SourceFilter => source_filter(value),
        Codec::Membership6 => {
            let mut bytes = sockaddr::decode_ip6(field(value, "multiaddr")?)?.to_vec();
            bytes.extend(uint(field(value, "interface")?)?.to_ne_bytes());
            Some(bytes)
        }
        Codec::AddressForm => Some(number(value::decode_domain(value)?.0)),
        Codec::Hops => match int(value) {
            Some(hops @ 0..=255) => Some(number(hops)),
            None if value.is_atom(vm::atom!("default")) => Some(number(-1)),
            _ => None,
        },
        Codec::Record(fields) => record(value, fields),
        Codec::Flags(names) => names
            .iter()
            .map(|name| Some(field(value, name)?.as_bool()?.into()))
            .collect(),
        Codec::Domain | Codec::Type | Codec::Protocol | Codec::Messages => None,
    }
}

/// A list of Latin-1 characters that has room with its zero, which is not given.
fn string(value: Term<'_>, room: usize) -> Option<Vec<u8>> {
    let bytes: Option<Vec<u8>> = value
        .proper_list()?
        .into_iter()
        .map(|character| u8::try_from(character.as_small()?).ok())
        .collect();
    bytes.filter(|bytes| bytes.len() < room)
}

/// C's `struct linger`.
fn linger(value: Term<'_>) -> Option<Vec<u8>> {
    let (on, seconds) = match (field(value, "onoff"), field(value, "linger")) {
        (Some(on), Some(seconds)) => (
            i32::from(on.as_bool()?),
            int(seconds).filter(|&seconds| seconds >= 0)?,
        ),
        _ if value.is_atom(vm::atom!("abort")) => (1, 0),
        _ => return None,
    };
    Some([on.to_ne_bytes(), seconds.to_ne_bytes()].concat())
}

/// IPv4 addresses, one after the other.
fn ip4_fields(value: Term<'_>, names: &[&'static str]) -> Option<Vec<u8>> {
    let addresses: Option<Vec<_>> = names
        .iter()
        .map(|name| sockaddr::decode_ip4(field(value, name)?))
        .collect();
    Some(addresses?.concat())
}

/// C's `struct ip_msfilter`; nothing for `null`.
fn source_filter(value: Term<'_>) -> Option<Vec<u8>> {
    if value.is_atom(vm::atom!("null")) {
        return Some(Vec::new());
    }
    let sources = field(value, "slist")?.proper_list()?;
    let mode: u32 = match field(value, "mode")?.as_atom()?.name() {
        "include" => 1,
        "exclude" => 0,
        _ => return None,
    };
    let mut bytes = ip4_fields(value, &["multiaddr", "interface"])?;
    bytes.extend(mode.to_ne_bytes());
    bytes.extend(u32::try_from(sources.len()).ok()?.to_ne_bytes());
    for source in sources {
        bytes.extend(sockaddr::decode_ip4(source)?);
    }
    Some(bytes)
}

/// A structure of numbers.
fn record(value: Term<'_>, fields: &[(&'static str, Width)]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for &(name, width) in fields {
        let term = field(value, name)?;
        // The number of an association may be signed.
        let number = match name {
            "assoc_id" => uint(term).or_else(|| Some(int(term)? as u32))?,
            _ => uint(term)?,
        };
        match width {
            // As C does, without a look at what does not fit.
            Width::Two => bytes.extend((number as u16).to_ne_bytes()),
            Width::Four => bytes.extend(number.to_ne_bytes()),
        }
    }
    Some(bytes)
}
