//! The network card: receive buffers that the device merges, checksum offload in both directions.

use alloc::vec::Vec;

use super::Transport;
use super::queue::Queue;
use crate::mm::page::DmaBlock;
use crate::net;
use stack::{Nic, Offload, Received};

const CSUM: u64 = 1;
const GUEST_CSUM: u64 = 1 << 1;
const MAC: u64 = 1 << 5;
const MERGE: u64 = 1 << 15;

/// Bytes of a buffer.
const BUFFER: usize = 2048;
/// Buffers for each direction.
const BUFFERS: usize = 128;
const FRAME_MAX: usize = 1514;

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;

/// The card.
pub struct Card {
    transport: Transport,
    receive: Queue,
    send: Queue,
    receive_block: DmaBlock,
    send_block: DmaBlock,
    /// Which buffer a descriptor chain carries, by its first descriptor.
    receive_buffers: Vec<u16>,
    send_buffers: Vec<u16>,
    free: Vec<u16>,
    mac: [u8; 6],
    checksums: bool,
    merge: bool,
    header: usize,
}

/// Starts the card and gives it to the network layer.
pub fn init(transport: Transport) -> bool {
    let Some(features) = transport.negotiate(CSUM | GUEST_CSUM | MAC | MERGE) else {
        return false;
    };
    let parts = (
        transport.queue(0),
        transport.queue(1),
        DmaBlock::new(BUFFER * BUFFERS),
        DmaBlock::new(BUFFER * BUFFERS),
    );
    let (Some(receive), Some(send), Some(receive_block), Some(send_block)) = parts else {
        return false;
    };
    let mut mac = [2, 0, 0, 0, 0, 2];
    if features & MAC != 0 {
        mac = core::array::from_fn(|n| transport.config(n as u64));
    }
    let merge = features & MERGE != 0;
    let modern = features & super::VERSION_1 != 0;
    let mut card = Card {
        receive_buffers: alloc::vec![0; usize::from(receive.size())],
        send_buffers: alloc::vec![0; usize::from(send.size())],
        transport,
        receive,
        send,
        receive_block,
        send_block,
        free: (0..BUFFERS as u16).collect(),
        mac,
        checksums: features & CSUM != 0,
        merge,
        header: if merge || modern { 12 } else { 10 },
    };
    card.send.set_interrupts(false);
    if !transport.bind(|_| net::interrupt(), 0) {
        return false;
    }
    transport.start();
    for n in 0..BUFFERS as u16 {
        card.post(n);
    }
    card.receive.notify();
    net::set_card(card);
    true
}

impl Card {
    /// Acknowledges an interrupt.
    pub fn acknowledge(&self) {
        self.transport.acknowledge();
    }

    /// Gives a receive buffer to the device.
    fn post(&mut self, n: u16) {
        let phys = self.receive_block.phys() + u64::from(n) * BUFFER as u64;
        if let Some(head) = self.receive.add(&[(phys, BUFFER as u32, true)]) {
            self.receive_buffers[usize::from(head)] = n;
        }
    }

    /// The next filled buffer and its length, checked against the buffer's.
    fn next_buffer(&mut self) -> Option<(u16, usize)> {
        let (head, len) = self.receive.pop()?;
        Some((
            self.receive_buffers[usize::from(head)],
            (len as usize).min(BUFFER),
        ))
    }

    /// Takes back buffers that were sent.
    fn reclaim(&mut self) {
        while let Some((head, _)) = self.send.pop() {
            self.free.push(self.send_buffers[usize::from(head)]);
        }
    }
}

impl Nic for Card {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn frame_max(&self) -> usize {
        FRAME_MAX
    }

    fn computes_checksums(&self) -> bool {
        self.checksums
    }

    fn receive(&mut self) -> Option<Received> {
        loop {
            let (n, len) = self.next_buffer()?;
            let at = usize::from(n) * BUFFER;
            if len < self.header {
                self.post(n);
                continue;
            }
            let head = self.receive_block.bytes(at, len);
            let verified = head[0] & (NEEDS_CSUM | DATA_VALID) != 0;
            let parts = if self.merge {
                u16::from_le_bytes([head[10], head[11]])
            } else {
                1
            };
            let mut bytes = head[self.header..].to_vec();
            self.post(n);
            for _ in 1..parts {
                let Some((n, len)) = self.next_buffer() else {
                    break;
                };
                bytes.extend_from_slice(self.receive_block.bytes(usize::from(n) * BUFFER, len));
                self.post(n);
            }
            self.receive.notify();
            return Some(Received { bytes, verified });
        }
    }

    fn has_room(&mut self) -> bool {
        self.reclaim();
        if self.free.is_empty() {
            // Look again after asking for an interrupt: one may just have become free.
            self.send.set_interrupts(true);
            self.reclaim();
        } else {
            self.send.set_interrupts(false);
        }
        !self.free.is_empty()
    }

    fn send(&mut self, frame: &[u8], offload: Offload) {
        if frame.len() + self.header > BUFFER {
            return;
        }
        if self.free.is_empty() {
            self.reclaim();
        }
        let Some(n) = self.free.pop() else { return };
        let at = usize::from(n) * BUFFER;
        let header = self.header;
        let bytes = self.send_block.bytes_mut(at, header + frame.len());
        bytes[..header].fill(0);
        if let Some((start, offset)) = offload {
            bytes[0] = NEEDS_CSUM;
            bytes[6..8].copy_from_slice(&start.to_le_bytes());
            bytes[8..10].copy_from_slice(&offset.to_le_bytes());
        }
        bytes[header..].copy_from_slice(frame);
        let len = (header + frame.len()) as u32;
        match self
            .send
            .add(&[(self.send_block.phys() + at as u64, len, false)])
        {
            Some(head) => {
                self.send_buffers[usize::from(head)] = n;
                self.send.notify();
            }
            None => self.free.push(n),
        }
    }
}
