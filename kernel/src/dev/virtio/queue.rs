//! A split virtqueue.
//!
//! Publishing an entry: descriptors and ring entry first, then a barrier, then the index, then a barrier,
//! then the look whether the device wants a notification.

use core::sync::atomic::{Ordering, fence};

use crate::arch::phys::Mmio;
use crate::mm::page::DmaBlock;

/// Most entries used.
pub const SIZE_MAX: u16 = 256;

const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// A buffer for the device: physical address, length, and whether the device writes it.
pub type Buffer = (u64, u32, bool);

/// A queue's notification register: memory-mapped devices have one of 32 bits, PCI devices of 16.
pub enum Notify {
    /// 32 bits.
    Wide(Mmio),
    /// 16 bits.
    Narrow(Mmio),
}

/// A queue. Descriptors are handed out in chains.
pub struct Queue {
    memory: DmaBlock,
    size: u16,
    index: u16,
    notify: Notify,
    free: alloc::vec::Vec<u16>,
    next_available: u16,
    next_used: u16,
    used_at: usize,
}

impl Queue {
    /// A queue of a size; its notification register.
    pub fn new(size: u16, notify: Notify, index: u16) -> Option<Queue> {
        if size == 0 || !size.is_power_of_two() {
            return None;
        }
        let n = usize::from(size);
        let used_at = (16 * n + 6 + 2 * n).next_multiple_of(4096);
        let memory = DmaBlock::new(used_at + 6 + 8 * n)?;
        Some(Queue {
            memory,
            size,
            index,
            notify,
            free: (0..size).rev().collect(),
            next_available: 0,
            next_used: 0,
            used_at,
        })
    }

    /// How many entries it has.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// Physical address of the descriptors.
    pub fn descriptors(&self) -> u64 {
        self.memory.phys()
    }

    /// Physical address of the available ring.
    pub fn available(&self) -> u64 {
        self.memory.phys() + 16 * u64::from(self.size)
    }

    /// Physical address of the used ring.
    pub fn used(&self) -> u64 {
        self.memory.phys() + self.used_at as u64
    }

    fn available_at(&self) -> usize {
        16 * usize::from(self.size)
    }

    /// Gives the device a chain of buffers; the number of its first descriptor.
    pub fn add(&mut self, buffers: &[Buffer]) -> Option<u16> {
        if buffers.is_empty() || self.free.len() < buffers.len() {
            return None;
        }
        let mut next = 0;
        for (n, &(phys, len, writes)) in buffers.iter().enumerate().rev() {
            let d = self.free.pop()?;
            let last = n + 1 == buffers.len();
            let flags = if last { 0 } else { NEXT } | if writes { WRITE } else { 0 };
            let at = 16 * usize::from(d);
            self.memory.write(at, phys);
            self.memory.write(at + 8, len);
            self.memory.write(at + 12, flags);
            self.memory.write(at + 14, next);
            next = d;
        }
        let slot = usize::from(self.next_available % self.size);
        self.memory.write(self.available_at() + 4 + 2 * slot, next);
        fence(Ordering::SeqCst);
        self.next_available = self.next_available.wrapping_add(1);
        self.memory
            .write(self.available_at() + 2, self.next_available);
        Some(next)
    }

    /// Tells the device about new buffers, unless it asked not to be told.
    pub fn notify(&self) {
        fence(Ordering::SeqCst);
        if self.memory.read::<u16>(self.used_at) & 1 == 0 {
            match self.notify {
                Notify::Wide(register) => register.write(0, u32::from(self.index)),
                Notify::Narrow(register) => register.write(0, self.index),
            }
        }
    }

    /// Asks the device for interrupts, or not to send any.
    pub fn set_interrupts(&self, on: bool) {
        self.memory.write(self.available_at(), u16::from(!on));
        fence(Ordering::SeqCst);
    }

    /// Whether the device has finished with something.
    pub fn has_used(&self) -> bool {
        self.memory.read::<u16>(self.used_at + 2) != self.next_used
    }

    /// The next chain that the device has finished with: its number, and the bytes written.
    pub fn pop(&mut self) -> Option<(u16, u32)> {
        if !self.has_used() {
            return None;
        }
        fence(Ordering::SeqCst);
        let slot = usize::from(self.next_used % self.size);
        let at = self.used_at + 4 + 8 * slot;
        let (head, len) = (self.memory.read::<u32>(at), self.memory.read::<u32>(at + 4));
        self.next_used = self.next_used.wrapping_add(1);
        let head = (head as u16) % self.size;
        let mut d = head;
        for _ in 0..self.size {
            let at = 16 * usize::from(d);
            self.free.push(d);
            if self.memory.read::<u16>(at + 12) & NEXT == 0 {
                break;
            }
            d = self.memory.read::<u16>(at + 14) % self.size;
        }
        Some((head, len))
    }
}
