//! A frame as an owned page: what files and pipes keep their bytes in.

use super::frames;
use crate::arch::PAGE;
use crate::arch::phys::to_virt;

/// A reference to a frame; dropping it drops the reference.
///
/// Several may refer to one frame (a file's page that is mapped); their readers and writers race as
/// those of shared memory do, so bytes are only ever copied in and out.
pub struct Page(u64);

impl Page {
    /// A page of zeros.
    pub fn zeroed() -> Option<Page> {
        frames::alloc_zeroed().map(Page)
    }

    /// Takes a reference to a frame.
    pub fn from_frame(frame: u64) -> Page {
        frames::get(frame);
        Page(frame)
    }

    /// The frame, for mapping.
    pub fn frame(&self) -> u64 {
        self.0
    }

    /// Gives up ownership: the caller now holds the reference.
    pub fn into_frame(self) -> u64 {
        let frame = self.0;
        core::mem::forget(self);
        frame
    }

    /// The bytes, for reading.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the frame is referenced while `self` lives; racing program writes through a mapping
        // change bytes only, as with any shared memory, and the reader copies them at once.
        unsafe { core::slice::from_raw_parts(to_virt(self.0) as *const u8, PAGE as usize) }
    }

    /// The bytes, for writing. Only the owner of a page (its file, under the file's lock) calls this.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `bytes`; the file's lock excludes other writers in the kernel.
        unsafe { core::slice::from_raw_parts_mut(to_virt(self.0) as *mut u8, PAGE as usize) }
    }
}

impl Clone for Page {
    fn clone(&self) -> Page {
        Page::from_frame(self.0)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        frames::put(self.0);
    }
}

/// Neighbouring frames that are filled as one piece and then become pages.
pub struct Run {
    first: u64,
    count: usize,
}

impl Run {
    /// Frames for `len` bytes, with arbitrary contents; nothing when no block is large enough.
    pub fn new(len: usize) -> Option<Run> {
        let count = len.div_ceil(PAGE as usize);
        let order = count.next_power_of_two().trailing_zeros() as usize;
        if count == 0 || order > frames::MAX_ORDER {
            return None;
        }
        let first = frames::alloc_order(order)?;
        frames::split(first, 1 << order);
        for n in count..1 << order {
            frames::put(first + n as u64 * PAGE);
        }
        Some(Run { first, count })
    }

    /// The bytes of all frames.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: the frames are neighbours, referenced by `self` alone, and mapped nowhere else.
        unsafe {
            core::slice::from_raw_parts_mut(
                to_virt(self.first) as *mut u8,
                self.count * PAGE as usize,
            )
        }
    }

    /// The frames as pages, in order.
    pub fn into_pages(self) -> impl Iterator<Item = Page> {
        (0..self.count as u64).map(move |n| Page(self.first + n * PAGE))
    }
}

/// Physically contiguous memory that a device reads and writes.
pub struct DmaBlock {
    frame: u64,
    order: usize,
}

impl DmaBlock {
    /// A zeroed block of at least `len` bytes.
    pub fn new(len: usize) -> Option<DmaBlock> {
        let pages = len.div_ceil(PAGE as usize).max(1).next_power_of_two();
        let order = pages.trailing_zeros() as usize;
        if order > frames::MAX_ORDER {
            return None;
        }
        let frame = frames::alloc_order(order)?;
        frames::zero(frame, pages);
        Some(DmaBlock { frame, order })
    }

    /// Its physical address.
    pub fn phys(&self) -> u64 {
        self.frame
    }

    /// Its length.
    pub fn len(&self) -> usize {
        (PAGE as usize) << self.order
    }

    fn check<T>(&self, offset: usize) -> *mut T {
        assert!(offset + size_of::<T>() <= self.len(), "outside the block");
        assert!(offset.is_multiple_of(align_of::<T>()), "misaligned");
        (to_virt(self.frame) + offset as u64) as *mut T
    }

    /// Reads a value that the device may change.
    pub fn read<T: Copy>(&self, offset: usize) -> T {
        // SAFETY: within the block and aligned; volatile.
        unsafe { self.check::<T>(offset).read_volatile() }
    }

    /// Writes a value that the device may read.
    pub fn write<T: Copy>(&self, offset: usize, value: T) {
        // SAFETY: as for `read`.
        unsafe { self.check::<T>(offset).write_volatile(value) }
    }

    /// Bytes that the device has finished with.
    pub fn bytes(&self, offset: usize, len: usize) -> &[u8] {
        assert!(offset + len <= self.len(), "outside the block");
        // SAFETY: within the block; the queue's protocol says that the device is done with them.
        unsafe { core::slice::from_raw_parts((to_virt(self.frame) as *const u8).add(offset), len) }
    }

    /// Bytes that the device has not been given yet.
    pub fn bytes_mut(&mut self, offset: usize, len: usize) -> &mut [u8] {
        assert!(offset + len <= self.len(), "outside the block");
        // SAFETY: as for `bytes`.
        unsafe {
            core::slice::from_raw_parts_mut((to_virt(self.frame) as *mut u8).add(offset), len)
        }
    }
}

impl Drop for DmaBlock {
    fn drop(&mut self) {
        frames::free_order(self.frame, self.order);
    }
}
