//! Network interfaces: which there are, their addresses and properties.
//!
//! An answer is a sequence of properties, each a byte for its name and a value: an address (family and
//! bytes), a hardware address (length of two bytes, then bytes), or a number of four bytes.

use super::address::{INET, INET6};
use super::request::{Answer, Refusal, take, take_i32, take_u16, take_u32};
use crate::sys::interfaces::{self, Call, NAME_SIZE, Request, VALUE_SIZE};
use crate::sys::socket;
use rustix::io::Errno;
use std::os::fd::BorrowedFd;

/// Names of properties. OTP 25, inet_int.hrl.
mod name {
    pub const ADDRESS: u8 = 1;
    pub const BROADCAST: u8 = 2;
    pub const OTHER: u8 = 3;
    pub const MTU: u8 = 4;
    pub const MASK: u8 = 5;
    pub const FLAGS: u8 = 6;
    pub const HARDWARE: u8 = 7;
}

/// Flags as answers have them, and as the kernel does. An interface that is up counts as running.
const FLAGS: [(u32, i32); 6] = [
    (0x01, libc::IFF_UP),
    (0x02, libc::IFF_BROADCAST),
    (0x04, libc::IFF_LOOPBACK),
    (0x08, libc::IFF_POINTOPOINT),
    (0x10, libc::IFF_UP),
    (0x20, libc::IFF_MULTICAST),
];

/// Flags that can be set, and those that take them away again.
const SETTABLE: [(u32, u32, i32); 3] = [
    (0x01, 0x100, libc::IFF_UP),
    (0x02, 0x200, libc::IFF_BROADCAST),
    (0x08, 0x800, libc::IFF_POINTOPOINT),
];

/// The size of an Ethernet address.
const HARDWARE_SIZE: usize = 6;
/// The size of an address's data in a request to the kernel, behind its family.
const DATA_SIZE: usize = 14;

fn flags(native: u32) -> u32 {
    let set = FLAGS
        .iter()
        .filter(|(_, bit)| native & bit.cast_unsigned() != 0);
    set.fold(0, |flags, (flag, _)| flags | flag)
}

/// A kernel's address without its port.
fn address(native: &[u8]) -> Option<Vec<u8>> {
    let family = native.first_chunk::<2>().map(|f| u16::from_ne_bytes(*f))?;
    match i32::from(family) {
        libc::AF_INET | libc::AF_UNSPEC => Some([&[INET], native.get(4..8)?].concat()),
        libc::AF_INET6 => Some([&[INET6], native.get(8..24)?].concat()),
        // Family, protocol, index, type of hardware, type of packet, length, address.
        libc::AF_PACKET => {
            let len = *native.get(11)?;
            let bytes = native.get(12..12 + usize::from(len))?;
            Some([&[0, len], bytes].concat())
        }
        _ => None,
    }
}

fn put(answer: &mut Vec<u8>, property: u8, value: Option<Vec<u8>>) {
    if let Some(value) = value {
        answer.push(property);
        answer.extend(value);
    }
}

/// `INET_REQ_GETIFADDRS`: for each address of an interface its name, a zero, properties, a zero.
pub fn all(namespace: Option<&[u8]>) -> Answer {
    let all = match namespace {
        Some(namespace) => socket::in_namespace(namespace, interfaces::all)?,
        None => interfaces::all()?,
    };
    let mut answer = Vec::new();
    for entry in all {
        let family = entry.address.as_ref().and_then(|address| {
            let family = address.first_chunk::<2>()?;
            Some(i32::from(u16::from_ne_bytes(*family)))
        });
        // Names are bytes, and answers UTF-8.
        let name = entry.name.iter().map(|&byte| char::from(byte));
        answer.extend(name.collect::<String>().bytes());
        answer.push(0);
        answer.push(name::FLAGS);
        answer.extend(flags(entry.flags).to_be_bytes());
        let has = |flag: i32| entry.flags & flag.cast_unsigned() != 0;
        match (family, &entry.address) {
            (Some(libc::AF_INET | libc::AF_INET6), Some(own)) => {
                put(&mut answer, name::ADDRESS, address(own));
                put(
                    &mut answer,
                    name::MASK,
                    entry.mask.as_deref().and_then(address),
                );
                let other = entry.other.as_deref().and_then(address);
                if has(libc::IFF_POINTOPOINT) {
                    put(&mut answer, name::OTHER, other);
                } else if has(libc::IFF_BROADCAST) {
                    put(&mut answer, name::BROADCAST, other);
                }
            }
            (Some(libc::AF_PACKET), Some(own)) => {
                let hardware = address(own).filter(|value| value.len() > 3);
                put(&mut answer, name::HARDWARE, hardware);
            }
            _ => {}
        }
        answer.push(0);
    }
    Ok(answer)
}

/// `INET_REQ_GETIFLIST`: names, each with a zero behind it.
pub fn names(fd: Option<BorrowedFd<'_>>) -> Answer {
    let mut answer = Vec::new();
    for entry in interfaces::configured(fd.ok_or(Errno::BADF)?)? {
        let family = u16::from_ne_bytes([entry.value[0], entry.value[1]]);
        if let libc::AF_INET | libc::AF_INET6 = i32::from(family) {
            answer.extend(entry.name.iter().take_while(|&&byte| byte != 0));
            answer.push(0);
        }
    }
    Ok(answer)
}

/// An interface's name, with its length before it, off the front.
fn interface(arguments: &mut &[u8]) -> Result<Request, Refusal> {
    let len = take(arguments, 1).ok_or(Refusal::INVALID)?[0];
    let given = take(arguments, len.into()).ok_or(Refusal::INVALID)?;
    let given = &given[..given.len().min(NAME_SIZE - 1)];
    let mut request = Request {
        name: [0; NAME_SIZE],
        value: [0; VALUE_SIZE],
    };
    request.name[..given.len()].copy_from_slice(given);
    Ok(request)
}

/// `INET_REQ_IFGET`: a name, and names of properties. What cannot be read is left out.
pub fn get(fd: Option<BorrowedFd<'_>>, mut arguments: &[u8]) -> Answer {
    let fd = fd.ok_or(Errno::BADF)?;
    let mut request = interface(&mut arguments)?;
    let mut answer = Vec::new();
    for &property in arguments {
        let call = match property {
            name::ADDRESS => Call::GetAddress,
            name::BROADCAST => Call::GetBroadcast,
            name::OTHER => Call::GetOther,
            name::MASK => Call::GetMask,
            name::HARDWARE => Call::GetHardware,
            name::MTU => Call::GetMtu,
            name::FLAGS => Call::GetFlags,
            _ => return Err(Refusal::INVALID),
        };
        let result = interfaces::call(fd, call, &mut request);
        let value = request.value;
        let found = match (property, result) {
            (name::FLAGS, Err(_)) => Some(vec![0; 4]),
            (_, Err(_)) => None,
            (name::FLAGS, _) => {
                let native = u16::from_ne_bytes([value[0], value[1]]);
                Some(flags(native.into()).to_be_bytes().to_vec())
            }
            (name::MTU, _) => {
                let mtu = i32::from_ne_bytes([value[0], value[1], value[2], value[3]]);
                Some(mtu.to_be_bytes().to_vec())
            }
            (name::HARDWARE, _) => {
                Some([&[0, HARDWARE_SIZE as u8], &value[2..2 + HARDWARE_SIZE]].concat())
            }
            _ => address(&value),
        };
        put(&mut answer, property, found);
    }
    Ok(answer)
}

/// `INET_REQ_IFSET`: a name, and properties with values. What the kernel refuses is not told.
pub fn set(fd: Option<BorrowedFd<'_>>, mut arguments: &[u8]) -> Answer {
    let fd = fd.ok_or(Errno::BADF)?;
    let mut request = interface(&mut arguments)?;
    while let Some(property) = take(&mut arguments, 1) {
        set_property(fd, property[0], &mut request, &mut arguments).ok_or(Refusal::INVALID)?;
    }
    Ok(Vec::new())
}

fn set_property(
    fd: BorrowedFd<'_>,
    property: u8,
    request: &mut Request,
    arguments: &mut &[u8],
) -> Option<()> {
    let call = match property {
        name::ADDRESS => Call::SetAddress,
        name::BROADCAST => Call::SetBroadcast,
        name::OTHER => Call::SetOther,
        name::MASK => Call::SetMask,
        name::HARDWARE => Call::SetHardware,
        name::MTU => Call::SetMtu,
        name::FLAGS => Call::SetFlags,
        _ => return None,
    };
    match property {
        name::MTU => {
            let mtu = take_i32(arguments)?;
            request.value[..4].copy_from_slice(&mtu.to_ne_bytes());
        }
        name::FLAGS => {
            let wanted = take_u32(arguments)?;
            let old = match interfaces::call(fd, Call::GetFlags, request) {
                Ok(()) => u16::from_ne_bytes([request.value[0], request.value[1]]),
                Err(_) => 0,
            };
            let mut new = i32::from(old);
            for (set, clear, bit) in SETTABLE {
                if wanted & set != 0 {
                    new |= bit;
                }
                if wanted & clear != 0 {
                    new &= !bit;
                }
            }
            if new == i32::from(old) {
                return Some(());
            }
            request.value[..2].copy_from_slice(&(new as u16).to_ne_bytes());
        }
        name::HARDWARE => {
            let len = take_u16(arguments)?;
            let bytes = take(arguments, len.into())?;
            let data = &mut request.value[2..2 + DATA_SIZE];
            data.fill(0);
            data.get_mut(..bytes.len())?.copy_from_slice(bytes);
        }
        _ => {
            let native = match take(arguments, 1)?[0] {
                INET => {
                    let family = (libc::AF_INET as u16).to_ne_bytes();
                    [&family, &[0, 0][..], take(arguments, 4)?].concat()
                }
                INET6 => {
                    let family = (libc::AF_INET6 as u16).to_ne_bytes();
                    let host = take(arguments, 16)?;
                    // A request to the kernel has no room for more of it.
                    [&family, &[0; 6][..], &host[..VALUE_SIZE - 8]].concat()
                }
                _ => return None,
            };
            request.value[..native.len()].copy_from_slice(&native);
        }
    }
    let _ = interfaces::call(fd, call, request);
    Some(())
}
