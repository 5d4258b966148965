//! The device that smoltcp sees: a network card, if there is one, and the loopback.
//!
//! Frames to our own hardware address, and questions for the hardware address of one of our own addresses,
//! turn round here. smoltcp leaves the checksums of TCP and UDP to this layer.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, Ipv4Address, Ipv6Address};

use crate::checksum;
use crate::refusal::{self, Refusal};

/// A frame from a card.
pub struct Received {
    /// Its bytes, from the Ethernet header on.
    pub bytes: Vec<u8>,
    /// The card has checked the checksums of TCP and UDP.
    pub verified: bool,
}

/// What a card is asked to do with a frame.
pub type Offload = Option<(u16, u16)>;

/// A network card.
pub trait Nic {
    /// Hardware address.
    fn mac(&self) -> [u8; 6];
    /// Longest frame, with the Ethernet header.
    fn frame_max(&self) -> usize;
    /// Whether it computes the checksums of TCP and UDP when sending.
    fn computes_checksums(&self) -> bool;
    /// The next frame that came.
    fn receive(&mut self) -> Option<Received>;
    /// Whether there is room for a frame.
    fn has_room(&mut self) -> bool;
    /// Sends a frame; with `Some((start, offset))` the card sums from `start` and stores at `start + offset`.
    fn send(&mut self, frame: &[u8], offload: Offload);
}

const LOOP_MAX: usize = 512;
/// Refusals that wait to be told, at most.
const REFUSALS_MAX: usize = 64;

/// Card and loopback.
pub struct Link<N> {
    pub(crate) nic: Option<N>,
    mac: [u8; 6],
    local: Vec<IpAddress>,
    turned: VecDeque<Vec<u8>>,
    scratch: Vec<u8>,
    refusals: Vec<Refusal>,
}

impl<N: Nic> Link<N> {
    /// A link; without a card only the loopback.
    pub fn new(nic: Option<N>) -> Link<N> {
        let mac = nic.as_ref().map_or([2, 0, 0, 0, 0, 1], Nic::mac);
        Link {
            nic,
            mac,
            local: Vec::new(),
            turned: VecDeque::new(),
            scratch: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Our hardware address.
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Tells which addresses are ours.
    pub fn set_local(&mut self, local: Vec<IpAddress>) {
        self.local = local;
    }

    /// Whether frames have turned round that smoltcp has not seen.
    pub fn has_turned(&self) -> bool {
        !self.turned.is_empty()
    }

    /// The datagrams that were refused since the last call.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        core::mem::take(&mut self.refusals)
    }

    /// Looks at a frame before smoltcp gets it.
    fn note(&mut self, frame: &[u8]) {
        if self.refusals.len() < REFUSALS_MAX {
            self.refusals.extend(refusal::read(frame));
        }
    }

    /// Whether a frame is for ourselves.
    fn turns(&self, frame: &[u8]) -> bool {
        if frame.get(..6) == Some(&self.mac) {
            return true;
        }
        let is_local = |a: IpAddress| self.local.contains(&a);
        match frame.get(12..14) {
            // An ARP request for one of our addresses.
            Some([0x08, 0x06]) => match frame.get(38..).and_then(<[u8]>::first_chunk::<4>) {
                Some(target) => is_local(IpAddress::Ipv4(Ipv4Address::from(*target))),
                None => false,
            },
            // A neighbour solicitation for one of our addresses.
            Some([0x86, 0xdd]) if frame.get(20) == Some(&58) && frame.get(54) == Some(&135) => {
                match frame.get(62..).and_then(<[u8]>::first_chunk::<16>) {
                    Some(target) => is_local(IpAddress::Ipv6(Ipv6Address::from(*target))),
                    None => false,
                }
            }
            _ => false,
        }
    }

    /// Tells smoltcp that one of our own addresses is at our own hardware address. It would ask, but no more
    /// than once a second for all addresses together.
    pub fn announce(&mut self, address: IpAddress) {
        let frame = match address {
            IpAddress::Ipv4(v4) => {
                let v4 = v4.octets();
                let mut frame = [self.mac, self.mac].concat();
                // An ARP answer for Ethernet and IPv4.
                frame.extend([0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 2]);
                frame.extend(self.mac);
                frame.extend(v4);
                frame.extend(self.mac);
                frame.extend(v4);
                frame
            }
            IpAddress::Ipv6(v6) => self.advertisement(&v6.octets(), &v6.octets()),
        };
        self.turned.push_back(frame);
    }

    /// A neighbour advertisement.
    fn advertisement(&self, to: &[u8], target: &[u8]) -> Vec<u8> {
        let mut frame = [self.mac, self.mac].concat();
        // IPv6 with 32 bytes of ICMPv6, hop limit 255.
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255]);
        frame.extend(target);
        frame.extend(to);
        // Type 136, solicited and overriding; the option is the target's hardware address.
        frame.extend([136, 0, 0, 0, 0x60, 0, 0, 0]);
        frame.extend(target);
        frame.extend([2, 1]);
        frame.extend(self.mac);
        checksum::fill_icmpv6(&mut frame);
        frame
    }

    fn dispatch(&mut self, mut frame: Vec<u8>) {
        if self.turns(&frame) {
            if frame[..6] != self.mac && frame[12..14] == [0x86, 0xdd] {
                frame = self.advertisement(&frame[22..38], &frame[62..78]);
            }
            if self.turned.len() < LOOP_MAX {
                self.turned.push_back(frame);
            }
            return;
        }
        if let Some(nic) = &mut self.nic {
            let offload = if nic.computes_checksums() {
                checksum::prepare(&mut frame)
            } else {
                checksum::fill(&mut frame);
                None
            };
            nic.send(&frame, offload);
        }
        self.scratch = frame;
    }
}

/// A received frame on its way into smoltcp.
pub struct Rx(Vec<u8>);

impl RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame.
pub struct Tx<'a, N>(&'a mut Link<N>);

impl<N: Nic> TxToken for Tx<'_, N> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = core::mem::take(&mut self.0.scratch);
        frame.clear();
        frame.resize(len, 0);
        let result = f(&mut frame);
        self.0.dispatch(frame);
        result
    }
}

impl<N: Nic> Device for Link<N> {
    type RxToken<'a>
        = Rx
    where
        N: 'a;
    type TxToken<'a>
        = Tx<'a, N>
    where
        N: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Rx, Tx<'_, N>)> {
        if let Some(frame) = self.turned.pop_front() {
            self.note(&frame);
            return Some((Rx(frame), Tx(self)));
        }
        loop {
            let received = self.nic.as_mut()?.receive()?;
            if received.verified || checksum::verify(&received.bytes) {
                self.note(&received.bytes);
                return Some((Rx(received.bytes), Tx(self)));
            }
        }
    }

    fn transmit(&mut self, _now: Instant) -> Option<Tx<'_, N>> {
        let room = self.turned.len() < LOOP_MAX && self.nic.as_mut().is_none_or(Nic::has_room);
        room.then_some(Tx(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.nic.as_ref().map_or(1514, Nic::frame_max);
        capabilities.checksum.tcp = Checksum::None;
        capabilities.checksum.udp = Checksum::None;
        capabilities
    }
}
