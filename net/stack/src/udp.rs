//! UDP sockets.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::udp::{self, PacketMetadata, SendError, UdpMetadata};
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use crate::changes::waker;
use crate::link::Nic;
use crate::refusal::Refusal;
use crate::stack::{Id, Protocol, Ready, Socket, Stack};
use crate::{Error, Result};

/// A UDP socket of the program.
pub(crate) struct Udp {
    handle: SocketHandle,
    local: IpListenEndpoint,
    peer: Option<IpEndpoint>,
    reuse: bool,
    read_shut: bool,
    /// What went wrong with an earlier datagram, to be told once.
    error: Option<Error>,
}

const BUFFER: usize = 128 << 10;
const PACKETS: usize = 128;
/// Longest datagram.
const DATAGRAM_MAX: usize = 65507;

impl<N: Nic> Stack<N> {
    /// A new socket.
    pub fn udp_open(&mut self) -> Result<Id> {
        let buffer =
            || udp::PacketBuffer::new(vec![PacketMetadata::EMPTY; PACKETS], vec![0; BUFFER]);
        let handle = self.set.add(udp::Socket::new(buffer(), buffer()));
        let local = IpListenEndpoint {
            addr: None,
            port: 0,
        };
        self.insert(Socket::Udp(Udp {
            handle,
            local,
            peer: None,
            reuse: false,
            read_shut: false,
            error: None,
        }))
    }

    fn udp(&mut self, id: Id) -> Result<&mut Udp> {
        match self.sockets.get_mut(id) {
            Some(Some(Socket::Udp(udp))) => Ok(udp),
            _ => Err(Error::Invalid),
        }
    }

    fn raw_udp(&mut self, id: Id) -> Result<&mut udp::Socket<'static>> {
        let handle = self.udp(id)?.handle;
        Ok(self.set.get_mut::<udp::Socket<'static>>(handle))
    }

    /// Lets the socket bind to a port that is in use.
    pub fn udp_reuse(&mut self, id: Id, on: bool) -> Result<()> {
        self.udp(id)?.reuse = on;
        Ok(())
    }

    /// Sets the hop limit.
    pub fn udp_hop_limit(&mut self, id: Id, hops: Option<u8>) -> Result<()> {
        self.raw_udp(id)?.set_hop_limit(hops);
        Ok(())
    }

    /// Binds to an address.
    pub fn udp_bind(&mut self, id: Id, at: IpListenEndpoint) -> Result<()> {
        let udp = self.udp(id)?;
        if udp.local.port != 0 {
            return Err(Error::Invalid);
        }
        let reuse = udp.reuse;
        let local = self.claim(Protocol::Udp, at, reuse, id)?;
        self.udp(id)?.local = local;
        self.raw_udp(id)?.bind(local).map_err(|_| Error::Invalid)
    }

    /// Sets or clears the peer.
    pub fn udp_connect(&mut self, id: Id, to: Option<IpEndpoint>) -> Result<()> {
        if let Some(to) = to {
            self.source_for(to.addr)?;
            if self.udp(id)?.local.port == 0 {
                self.udp_bind(
                    id,
                    IpListenEndpoint {
                        addr: None,
                        port: 0,
                    },
                )?;
            }
        }
        self.udp(id)?.peer = to;
        Ok(())
    }

    /// Sends a datagram.
    pub fn udp_send(&mut self, id: Id, to: Option<IpEndpoint>, bytes: &[u8]) -> Result<usize> {
        if bytes.len() > DATAGRAM_MAX {
            return Err(Error::MessageSize);
        }
        if let Some(error) = self.udp_take_error(id) {
            return Err(error);
        }
        let udp = self.udp(id)?;
        let mut to = to.or(udp.peer).ok_or(Error::DestinationRequired)?;
        let local = udp.local;
        if to.port == 0 {
            return Err(Error::Invalid);
        }
        if to.addr.is_unspecified() {
            to.addr = if matches!(to.addr, IpAddress::Ipv4(_)) {
                IpAddress::v4(127, 0, 0, 1)
            } else {
                IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1)
            };
        }
        let source = self.source_for(to.addr)?;
        if local.port == 0 {
            self.udp_bind(
                id,
                IpListenEndpoint {
                    addr: None,
                    port: 0,
                },
            )?;
        }
        let mut meta = UdpMetadata::from(to);
        meta.local_address = Some(local.addr.unwrap_or(source));
        match self.raw_udp(id)?.send_slice(bytes, meta) {
            Ok(()) => Ok(bytes.len()),
            Err(SendError::BufferFull) => Err(Error::Again),
            Err(SendError::Unaddressable) => Err(Error::Unreachable),
        }
    }

    /// Receives a datagram whole, and who sent it. `peek` leaves it.
    pub fn udp_receive(&mut self, id: Id, peek: bool) -> Result<(Vec<u8>, IpEndpoint)> {
        let peer = self.udp(id)?.peer;
        loop {
            let raw = self.raw_udp(id)?;
            let (from, bytes) = match raw.peek() {
                Ok((bytes, meta)) => (meta.endpoint, bytes.to_vec()),
                Err(_) => return Err(self.udp_take_error(id).unwrap_or(Error::Again)),
            };
            let wanted = peer.is_none_or(|p| p == from);
            if !peek || !wanted {
                let _ = raw.recv();
            }
            if wanted {
                return Ok((bytes, from));
            }
        }
    }

    /// What went wrong with an earlier datagram, once.
    pub fn udp_take_error(&mut self, id: Id) -> Option<Error> {
        self.udp(id).ok()?.error.take()
    }

    /// Tells the socket that sent a datagram that nobody takes it. Only a connected socket can know which it was.
    pub(crate) fn refuse(&mut self, refusal: Refusal) {
        for (id, socket) in self.sockets.iter_mut().enumerate() {
            if let Some(Socket::Udp(udp)) = socket
                && udp.peer == Some(refusal.to)
                && udp.local.port == refusal.from.port
                && udp.local.addr.is_none_or(|own| own == refusal.from.addr)
            {
                udp.error = Some(Error::Refused);
                self.changes.add(id);
            }
        }
    }

    /// Ends receiving.
    pub fn udp_shutdown(&mut self, id: Id, read: bool) -> Result<()> {
        let udp = self.udp(id)?;
        if udp.peer.is_none() {
            return Err(Error::NotConnected);
        }
        udp.read_shut |= read;
        Ok(())
    }

    /// Whether receiving was ended.
    pub fn udp_is_shut(&mut self, id: Id) -> bool {
        self.udp(id).is_ok_and(|u| u.read_shut)
    }

    /// Closes a socket; datagrams that wait to be sent are sent first.
    pub fn udp_close(&mut self, id: Id) {
        let now = self.now;
        self.interface
            .poll_egress(now, &mut self.link, &mut self.set);
        if let Some(Socket::Udp(udp)) = self.remove(id) {
            self.set.remove(udp.handle);
        }
    }

    /// What the socket is ready for.
    pub fn udp_ready(&mut self, id: Id) -> Ready {
        let shut = self.udp_is_shut(id);
        let error = self.udp(id).is_ok_and(|udp| udp.error.is_some());
        match self.raw_udp(id) {
            Ok(raw) => Ready {
                read: raw.can_recv() || shut || error,
                write: raw.can_send() || !raw.is_open(),
                read_closed: shut,
                error,
                ..Ready::default()
            },
            Err(_) => Ready::default(),
        }
    }

    pub(crate) fn watch_udp(&mut self, id: Id) {
        let waker = waker(&self.changes, id);
        if let Ok(raw) = self.raw_udp(id) {
            raw.register_recv_waker(&waker);
            raw.register_send_waker(&waker);
        }
    }

    /// Our own end, and the peer.
    pub fn udp_names(&mut self, id: Id) -> Result<(IpListenEndpoint, Option<IpEndpoint>)> {
        let udp = self.udp(id)?;
        let (local, peer) = (udp.local, udp.peer);
        let own = match (local.addr, peer) {
            (None, Some(peer)) => IpListenEndpoint {
                addr: self.source_for(peer.addr).ok(),
                port: local.port,
            },
            _ => local,
        };
        Ok((own, peer))
    }

    /// Bytes of the next datagram.
    pub fn udp_queue(&mut self, id: Id) -> usize {
        self.raw_udp(id)
            .ok()
            .and_then(|raw| raw.peek().ok().map(|(bytes, _)| bytes.len()))
            .unwrap_or(0)
    }
}
