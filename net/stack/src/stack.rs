//! The stack: interface, sockets, addresses; and what is common to TCP and UDP.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::dhcpv4;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    DhcpPacket, EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpListenEndpoint, Ipv4Address,
    Ipv6Address,
};

use crate::changes::{Changes, SOCKETS_MAX};
use crate::config::{Addresses, Mode};
use crate::link::{Link, Nic};
use crate::tcp::Tcp;
use crate::udp::Udp;
use crate::{Error, Result};

/// Number of a socket.
pub type Id = usize;

/// What a socket is ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// A read, or an accept, would answer.
    pub read: bool,
    /// A write would take something.
    pub write: bool,
    /// The other side will send no more.
    pub read_closed: bool,
    /// Both directions are closed.
    pub closed: bool,
    /// An error waits to be fetched.
    pub error: bool,
}

/// Sizes.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Seed of port and sequence numbers.
    pub seed: u64,
    /// Bytes of a TCP socket's receive buffer.
    pub receive_buffer: usize,
    /// Bytes of a TCP socket's send buffer.
    pub send_buffer: usize,
}

pub(crate) enum Socket {
    Tcp(Tcp),
    Udp(Udp),
}

/// The protocol of a bound port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Tcp,
    Udp,
}

/// Interface and sockets.
pub struct Stack<N> {
    pub(crate) link: Link<N>,
    pub(crate) interface: Interface,
    pub(crate) set: SocketSet<'static>,
    pub(crate) sockets: Vec<Option<Socket>>,
    free: Vec<Id>,
    /// Closed by the program, still talking to the other side.
    pub(crate) orphans: Vec<SocketHandle>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) settings: Settings,
    pub(crate) bound: Vec<(Protocol, IpListenEndpoint, Id)>,
    dhcp: Option<SocketHandle>,
    addresses: Addresses,
    next_port: u16,
    announced: Vec<(IpAddress, Instant)>,
    pub(crate) now: Instant,
}

const EPHEMERAL: core::ops::Range<u16> = 32768..60999;

impl<N: Nic> Stack<N> {
    /// A stack on a card, or on the loopback alone.
    pub fn new(nic: Option<N>, mode: Mode, settings: Settings, now_us: i64) -> Stack<N> {
        let has_nic = nic.is_some();
        let mut link = Link::new(nic);
        let mac = EthernetAddress(link.mac());
        let mut config = Config::new(HardwareAddress::Ethernet(mac));
        config.random_seed = settings.seed;
        config.slaac = has_nic && mode == Mode::Dhcp;
        let now = Instant::from_micros(now_us);
        let interface = Interface::new(config, &mut link, now);
        let mut stack = Stack {
            link,
            interface,
            set: SocketSet::new(Vec::new()),
            sockets: Vec::new(),
            free: Vec::new(),
            orphans: Vec::new(),
            changes: Changes::new(),
            settings,
            bound: Vec::new(),
            dhcp: None,
            addresses: Addresses::default(),
            next_port: EPHEMERAL.start
                + (settings.seed % u64::from(EPHEMERAL.end - EPHEMERAL.start)) as u16,
            announced: Vec::new(),
            now,
        };
        match mode {
            Mode::Static(addresses) => stack.addresses = addresses,
            Mode::Dhcp if has_nic => {
                let mut socket = dhcpv4::Socket::new();
                socket.set_parameter_request_list(&[1, 3, 6, 12]);
                socket.set_receive_packet_buffer(vec![0; 1500].leak());
                stack.dhcp = Some(stack.set.add(socket));
            }
            Mode::Dhcp | Mode::None => {}
        }
        stack.apply_addresses(has_nic);
        stack
    }

    /// Sets the interface's addresses: the loopback's, ours, and a link-local one.
    fn apply_addresses(&mut self, has_nic: bool) {
        let mac = self.link.mac();
        let own = self.addresses.own.clone();
        let loopback = [
            IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8),
            IpCidr::new(IpAddress::Ipv6(Ipv6Address::LOCALHOST), 128),
        ];
        self.interface.update_ip_addrs(|list| {
            list.clear();
            if has_nic {
                let e = [
                    mac[0] ^ 2,
                    mac[1],
                    mac[2],
                    0xff,
                    0xfe,
                    mac[3],
                    mac[4],
                    mac[5],
                ];
                let word = |n: usize| u16::from_be_bytes([e[n], e[n + 1]]);
                let link_local =
                    Ipv6Address::new(0xfe80, 0, 0, 0, word(0), word(2), word(4), word(6));
                let _ = list.push(IpCidr::new(IpAddress::Ipv6(link_local), 64));
            }
            for cidr in own.into_iter().chain(loopback) {
                let _ = list.push(cidr);
            }
        });
        let routes = self.interface.routes_mut();
        routes.remove_default_ipv4_route();
        for gateway in &self.addresses.gateways {
            let _ = match gateway {
                IpAddress::Ipv4(v4) => routes.add_default_ipv4_route(*v4).map(|_| ()),
                IpAddress::Ipv6(v6) => routes.add_default_ipv6_route(*v6).map(|_| ()),
            };
        }
        self.sync_local();
    }

    fn sync_local(&mut self) {
        let local = self
            .interface
            .ip_addrs()
            .iter()
            .map(|c| c.address())
            .collect();
        self.link.set_local(local);
    }

    /// Moves packets and timers on. True if addresses changed (see [`Stack::addresses`]).
    pub fn poll(&mut self, now_us: i64) -> bool {
        self.now = Instant::from_micros(now_us);
        let before = self.interface.ip_addrs().len();
        let mut rounds = 0;
        loop {
            self.interface.poll(self.now, &mut self.link, &mut self.set);
            self.serve_listeners();
            rounds += 1;
            if !self.link.has_turned() || rounds > 64 {
                break;
            }
        }
        for refusal in self.link.take_refusals() {
            self.refuse(refusal);
        }
        self.reap_orphans();
        let changed = self.poll_dhcp();
        if changed || self.interface.ip_addrs().len() != before {
            self.sync_local();
        }
        changed
    }

    /// Microseconds until `poll` has something to do, if no packet comes before.
    pub fn poll_delay(&mut self, now_us: i64) -> Option<u64> {
        if self.link.has_turned() {
            return Some(0);
        }
        self.interface
            .poll_delay(Instant::from_micros(now_us), &self.set)
            .map(|d| d.total_micros())
    }

    fn poll_dhcp(&mut self) -> bool {
        let Some(handle) = self.dhcp else {
            return false;
        };
        let addresses = match self.set.get_mut::<dhcpv4::Socket<'_>>(handle).poll() {
            None => return false,
            Some(dhcpv4::Event::Deconfigured) => Addresses::default(),
            Some(dhcpv4::Event::Configured(config)) => Addresses {
                own: vec![IpCidr::Ipv4(config.address)],
                gateways: config.router.into_iter().map(IpAddress::Ipv4).collect(),
                dns: config
                    .dns_servers
                    .iter()
                    .copied()
                    .map(IpAddress::Ipv4)
                    .collect(),
                host_name: config.packet.as_ref().and_then(host_name),
            },
        };
        if addresses == self.addresses {
            return false;
        }
        self.addresses = addresses;
        self.apply_addresses(true);
        true
    }

    /// The addresses in use, apart from loopback and link-local ones.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// All addresses of the interface.
    pub fn all_addresses(&self) -> Vec<IpCidr> {
        self.interface.ip_addrs().to_vec()
    }

    /// The card.
    pub fn nic(&mut self) -> Option<&mut N> {
        self.link.nic.as_mut()
    }

    /// Hardware address and longest packet.
    pub fn hardware(&self) -> ([u8; 6], usize) {
        (
            self.link.mac(),
            self.link.nic.as_ref().map_or(1514, Nic::frame_max) - 14,
        )
    }

    /// The sockets whose readiness may have changed.
    pub fn take_changed(&mut self) -> Vec<Id> {
        let changed = self.changes.take();
        for &id in &changed {
            self.watch(id);
        }
        changed
    }

    /// Asks smoltcp to tell of the next change of a socket.
    pub(crate) fn watch(&mut self, id: Id) {
        match self.sockets.get(id) {
            Some(Some(Socket::Tcp(_))) => self.watch_tcp(id),
            Some(Some(Socket::Udp(_))) => self.watch_udp(id),
            _ => {}
        }
    }

    pub(crate) fn insert(&mut self, socket: Socket) -> Result<Id> {
        let id = match self.free.pop() {
            Some(id) => id,
            None if self.sockets.len() < SOCKETS_MAX => {
                self.sockets.push(None);
                self.sockets.len() - 1
            }
            None => return Err(Error::NoBuffers),
        };
        self.sockets[id] = Some(socket);
        self.watch(id);
        Ok(id)
    }

    pub(crate) fn remove(&mut self, id: Id) -> Option<Socket> {
        let socket = self.sockets.get_mut(id)?.take()?;
        self.bound.retain(|b| b.2 != id);
        self.free.push(id);
        Some(socket)
    }

    /// Whether an address is ours, or none.
    pub(crate) fn check_local(&self, address: Option<IpAddress>) -> Result<()> {
        match address {
            Some(a) if !self.interface.has_ip_addr(a) && !a.is_multicast() && !a.is_broadcast() => {
                Err(Error::AddressNotAvailable)
            }
            _ => Ok(()),
        }
    }

    /// Takes a port for a socket; 0 means any.
    pub(crate) fn claim(
        &mut self,
        protocol: Protocol,
        at: IpListenEndpoint,
        reuse: bool,
        id: Id,
    ) -> Result<IpListenEndpoint> {
        self.check_local(at.addr)?;
        let clash = |bound: &[(Protocol, IpListenEndpoint, Id)], port: u16| {
            bound.iter().any(|(p, b, _)| {
                *p == protocol
                    && b.port == port
                    && (b.addr.is_none() || at.addr.is_none() || b.addr == at.addr)
            })
        };
        let port = if at.port != 0 {
            if !reuse && clash(&self.bound, at.port) {
                return Err(Error::AddressInUse);
            }
            at.port
        } else {
            let span = EPHEMERAL.end - EPHEMERAL.start;
            let mut tries = 0;
            loop {
                self.next_port = if self.next_port + 1 >= EPHEMERAL.end {
                    EPHEMERAL.start
                } else {
                    self.next_port + 1
                };
                if !clash(&self.bound, self.next_port) {
                    break self.next_port;
                }
                tries += 1;
                if tries > span {
                    return Err(Error::AddressInUse);
                }
            }
        };
        let at = IpListenEndpoint {
            addr: at.addr,
            port,
        };
        self.bound.push((protocol, at, id));
        Ok(at)
    }

    /// The address we speak from to another: itself if it is ours, else the interface's.
    pub(crate) fn source_for(&mut self, to: IpAddress) -> Result<IpAddress> {
        if self.interface.has_ip_addr(to) {
            self.announce(to);
            return Ok(to);
        }
        match to {
            IpAddress::Ipv4(v4) if v4.is_loopback() => Ok(IpAddress::v4(127, 0, 0, 1)),
            IpAddress::Ipv4(v4) => {
                let own = self.addresses.own.iter().filter_map(|c| match c {
                    IpCidr::Ipv4(c) => Some(*c),
                    IpCidr::Ipv6(_) => None,
                });
                let near = own.clone().find(|c| c.contains_addr(&v4));
                let has_route = near.is_some()
                    || self
                        .addresses
                        .gateways
                        .iter()
                        .any(|g| matches!(g, IpAddress::Ipv4(_)));
                let broadcast = v4 == Ipv4Address::BROADCAST || v4.is_multicast();
                near.or_else(|| own.into_iter().next())
                    .filter(|_| has_route || broadcast)
                    .map(|c| IpAddress::Ipv4(c.address()))
                    .ok_or(Error::Unreachable)
            }
            IpAddress::Ipv6(v6) => {
                let source = self.interface.get_source_address_ipv6(&v6);
                if source.is_unspecified() || (source.is_loopback() && !v6.is_loopback()) {
                    return Err(Error::Unreachable);
                }
                Ok(IpAddress::Ipv6(source))
            }
        }
    }

    /// Keeps smoltcp's knowledge of our own address fresh.
    fn announce(&mut self, to: IpAddress) {
        const EVERY: Duration = Duration::from_secs(30);
        let known = self.announced.iter().position(|(a, _)| *a == to);
        if known.is_some_and(|n| self.announced[n].1 + EVERY > self.now) {
            return;
        }
        match known {
            Some(n) => self.announced[n].1 = self.now,
            None => self.announced.push((to, self.now)),
        }
        self.link.announce(to);
    }

    /// How many sockets there are, those included that only wait for their end.
    pub fn socket_count(&self) -> usize {
        self.sockets.iter().flatten().count() + self.orphans.len()
    }
}

/// Option 12 of a DHCP answer.
fn host_name(packet: &DhcpPacket<&[u8]>) -> Option<String> {
    let option = packet.options().find(|o| o.kind == 12)?;
    let name = String::from_utf8_lossy(option.data).into_owned();
    (!name.is_empty()).then_some(name)
}
