//! The interface questions of `ioctl`: names, addresses, flags. `lo` is 1, `eth0` is 2.

use alloc::vec::Vec;

use super::address;
use super::look;
use crate::arch::user;
use crate::sys::errno::{EADDRNOTAVAIL, ENODEV, ENOTTY, Result};
use stack::{IpAddress, IpCidr};

const REQUEST: usize = 40;

fn v4_of(loopback: bool) -> Option<(IpAddress, u8)> {
    look(|s| {
        s.all_addresses().into_iter().find_map(|c| match c {
            IpCidr::Ipv4(c) if c.address().is_loopback() == loopback => {
                Some((IpAddress::Ipv4(c.address()), c.prefix_len()))
            }
            _ => None,
        })
    })
}

/// Answers a request on an interface; ENOTTY for anything else.
pub fn ioctl(command: u32, argument: u64) -> Result<usize> {
    const GIFNAME: u32 = 0x8910;
    const GIFCONF: u32 = 0x8912;
    const GIFFLAGS: u32 = 0x8913;
    const GIFADDR: u32 = 0x8915;
    const GIFBRDADDR: u32 = 0x8919;
    const GIFNETMASK: u32 = 0x891b;
    const GIFMTU: u32 = 0x8921;
    const GIFHWADDR: u32 = 0x8927;
    const GIFINDEX: u32 = 0x8933;
    if command == GIFCONF {
        return configuration(argument);
    }
    if !matches!(
        command,
        GIFNAME | GIFFLAGS | GIFADDR | GIFBRDADDR | GIFNETMASK | GIFMTU | GIFHWADDR | GIFINDEX
    ) {
        return Err(ENOTTY);
    }
    let mut request = [0u8; REQUEST];
    user::read_bytes(argument, &mut request)?;
    if command == GIFNAME {
        let name: &[u8] = match request[16] {
            1 => b"lo",
            2 => b"eth0",
            _ => return Err(ENODEV),
        };
        request[..16].fill(0);
        request[..name.len()].copy_from_slice(name);
        return user::write_bytes(argument, &request).map(|()| 0);
    }
    let name = request[..16].split(|&b| b == 0).next().unwrap_or(&[]);
    let loopback = match name {
        b"lo" => true,
        b"eth0" => false,
        _ => return Err(ENODEV),
    };
    let (mac, mtu) = look(|s| s.hardware());
    let value: Vec<u8> = match command {
        GIFFLAGS => (if loopback { 0x49u16 } else { 0x1043 })
            .to_ne_bytes()
            .to_vec(),
        GIFMTU => (if loopback { 65536u32 } else { mtu as u32 })
            .to_ne_bytes()
            .to_vec(),
        GIFINDEX => (if loopback { 1u32 } else { 2 }).to_ne_bytes().to_vec(),
        GIFHWADDR if loopback => 772u16.to_ne_bytes().to_vec(),
        GIFHWADDR => [&1u16.to_ne_bytes()[..], &mac].concat(),
        _ => {
            let (address, prefix) = v4_of(loopback).ok_or(EADDRNOTAVAIL)?;
            let IpAddress::Ipv4(own) = address else {
                return Err(EADDRNOTAVAIL);
            };
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            let bits = match command {
                GIFADDR => own.to_bits(),
                GIFNETMASK => mask,
                _ => own.to_bits() | !mask,
            };
            address::write(Some(IpAddress::Ipv4(bits.into())), 0, false)
        }
    };
    request[16..16 + value.len()].copy_from_slice(&value);
    user::write_bytes(argument, &request).map(|()| 0)
}

/// `SIOCGIFCONF`: the interfaces that have an address.
fn configuration(argument: u64) -> Result<usize> {
    let [len, at] = user::read::<[u64; 2]>(argument)?;
    let mut bytes = Vec::new();
    for (name, loopback) in [(&b"lo"[..], true), (b"eth0", false)] {
        if let Some((address, _)) = v4_of(loopback) {
            let start = bytes.len();
            bytes.extend_from_slice(name);
            bytes.resize(start + 16, 0);
            bytes.extend(address::write(Some(address), 0, false));
            bytes.resize(start + REQUEST, 0);
        }
    }
    if at != 0 {
        bytes.truncate(len as u32 as usize / REQUEST * REQUEST);
        user::write_bytes(at, &bytes)?;
    }
    user::write(argument, &(bytes.len() as u32)).map(|()| 0)
}
