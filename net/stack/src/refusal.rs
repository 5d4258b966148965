//! Answers that say "nobody listens at this port": ICMP errors for datagrams that we sent.
//!
//! smoltcp hands them only to sockets of their own kind; a connected UDP socket shall hear of them as of an error.

use smoltcp::wire::{IpAddress, IpEndpoint, Ipv4Address, Ipv6Address};

/// The ends of a datagram that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who sent it.
    pub from: IpEndpoint,
    /// Where it was to go.
    pub to: IpEndpoint,
}

const ETHERNET: usize = 14;
const UDP: u8 = 17;

fn v4(bytes: &[u8], at: usize) -> Option<IpAddress> {
    let octets: [u8; 4] = *bytes.get(at..)?.first_chunk()?;
    Some(IpAddress::Ipv4(Ipv4Address::from(octets)))
}

fn v6(bytes: &[u8], at: usize) -> Option<IpAddress> {
    let octets: [u8; 16] = *bytes.get(at..)?.first_chunk()?;
    Some(IpAddress::Ipv6(Ipv6Address::from(octets)))
}

fn port(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Bytes of an IPv4 header.
fn header(packet: &[u8]) -> Option<usize> {
    Some(usize::from(packet.first()? & 15) * 4)
}

/// What a received Ethernet frame refuses, if anything.
pub fn read(frame: &[u8]) -> Option<Refusal> {
    let packet = frame.get(ETHERNET..)?;
    let (from, to, ports) = match frame.get(12..14)? {
        [0x08, 0x00] => {
            let message = packet.get(header(packet)?..)?;
            // Protocol ICMP; type 3, code 3. Eight bytes later stands the beginning of what was sent.
            if packet.get(9) != Some(&1) || message.get(..2) != Some(&[3, 3]) {
                return None;
            }
            let sent = message.get(8..)?;
            if sent.get(9) != Some(&UDP) {
                return None;
            }
            (v4(sent, 12)?, v4(sent, 16)?, sent.get(header(sent)?..)?)
        }
        [0x86, 0xdd] => {
            let message = packet.get(40..)?;
            if packet.get(6) != Some(&58) || message.get(..2) != Some(&[1, 4]) {
                return None;
            }
            let sent = message.get(8..)?;
            if sent.get(6) != Some(&UDP) {
                return None;
            }
            (v6(sent, 8)?, v6(sent, 24)?, sent.get(40..)?)
        }
        _ => return None,
    };
    Some(Refusal {
        from: IpEndpoint::new(from, port(ports, 0)?),
        to: IpEndpoint::new(to, port(ports, 2)?),
    })
}
