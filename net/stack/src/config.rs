//! How the interface gets its addresses.

use alloc::string::String;
use alloc::vec::Vec;

use smoltcp::wire::{IpAddress, IpCidr, Ipv4Address, Ipv6Address};

/// Where addresses come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A DHCP server.
    Dhcp,
    /// Given: addresses, gateways, name servers.
    Static(Addresses),
    /// Only the loopback.
    None,
}

/// Addresses of the interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Our addresses with their networks' lengths.
    pub own: Vec<IpCidr>,
    /// Gateways, at most one a family.
    pub gateways: Vec<IpAddress>,
    /// Name servers.
    pub dns: Vec<IpAddress>,
    /// Our name, if DHCP told one.
    pub host_name: Option<String>,
}

impl Mode {
    /// Reads `dhcp`, `none`, or `ADDRESS/LENGTH[,…]` with `gw:ADDRESS` and `dns:ADDRESS` among them.
    pub fn parse(text: &str) -> Option<Mode> {
        match text {
            "dhcp" | "" => return Some(Mode::Dhcp),
            "none" | "off" => return Some(Mode::None),
            _ => {}
        }
        let mut addresses = Addresses::default();
        for word in text.split(',') {
            if let Some(gateway) = word.strip_prefix("gw:") {
                addresses.gateways.push(address(gateway)?);
            } else if let Some(server) = word.strip_prefix("dns:") {
                addresses.dns.push(address(server)?);
            } else {
                let (ip, length) = word.rsplit_once('/')?;
                let (ip, length) = (address(ip)?, length.parse().ok()?);
                let most = if matches!(ip, IpAddress::Ipv4(_)) {
                    32
                } else {
                    128
                };
                if length > most {
                    return None;
                }
                addresses.own.push(IpCidr::new(ip, length));
            }
        }
        Some(Mode::Static(addresses))
    }
}

fn address(text: &str) -> Option<IpAddress> {
    let v4 = text.parse::<Ipv4Address>().ok().map(IpAddress::Ipv4);
    v4.or_else(|| text.parse::<Ipv6Address>().ok().map(IpAddress::Ipv6))
}
