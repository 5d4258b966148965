//! Physical memory in frames: a buddy allocator with a reference count for each frame.
//!
//! Free blocks are linked through their own memory. The table of counts is carved from the largest free
//! region at start. Frames of the image and of firmware are never free and their counts never change.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

use crate::arch::PAGE;
use crate::arch::phys::to_virt;
use crate::arch::sync::{Once, SpinLock};

/// Largest block: 2^MAX_ORDER frames (4 MiB).
pub const MAX_ORDER: usize = 10;
/// Order of a large page.
pub const LARGE_ORDER: usize = 9;

const NIL: u64 = u64::MAX;
/// State of a frame that heads no free block.
const TAKEN: u8 = 0xff;

struct Info {
    references: AtomicU32,
    /// Order of the free block that starts here, or `TAKEN`.
    free_order: AtomicU8,
}

struct Lists {
    heads: [u64; MAX_ORDER + 1],
}

static TABLE: Once<&'static [Info]> = Once::new();
static LISTS: SpinLock<Lists> = SpinLock::new(Lists {
    heads: [NIL; MAX_ORDER + 1],
});
static FREE: AtomicU64 = AtomicU64::new(0);
static TOTAL: AtomicU64 = AtomicU64::new(0);
/// References of a frame that is never freed.
const PINNED: u32 = u32::MAX;

fn info(frame: u64) -> Option<&'static Info> {
    TABLE.get()?.get((frame / PAGE) as usize)
}

/// The links of a free block, kept in its first frame.
fn links(frame: u64) -> &'static mut [u64; 2] {
    // SAFETY: the frame heads a free block, so nobody else uses its memory, and the lists' lock is held.
    unsafe { &mut *(to_virt(frame) as *mut [u64; 2]) }
}

impl Lists {
    fn push(&mut self, frame: u64, order: usize) {
        let head = self.heads[order];
        *links(frame) = [head, NIL];
        if head != NIL {
            links(head)[1] = frame;
        }
        self.heads[order] = frame;
        if let Some(i) = info(frame) {
            i.free_order.store(order as u8, Ordering::Relaxed);
        }
    }

    fn unlink(&mut self, frame: u64, order: usize) {
        let [next, previous] = *links(frame);
        if next != NIL {
            links(next)[1] = previous;
        }
        if previous == NIL {
            self.heads[order] = next;
        } else {
            links(previous)[0] = next;
        }
        if let Some(i) = info(frame) {
            i.free_order.store(TAKEN, Ordering::Relaxed);
        }
    }

    fn alloc(&mut self, order: usize) -> Option<u64> {
        let from = (order..=MAX_ORDER).find(|&o| self.heads[o] != NIL)?;
        let frame = self.heads[from];
        self.unlink(frame, from);
        for o in (order..from).rev() {
            self.push(frame + (PAGE << o), o);
        }
        Some(frame)
    }

    fn free(&mut self, mut frame: u64, mut order: usize) {
        while order < MAX_ORDER {
            let buddy = frame ^ (PAGE << order);
            match info(buddy) {
                Some(i) if i.free_order.load(Ordering::Relaxed) == order as u8 => {
                    self.unlink(buddy, order)
                }
                _ => break,
            }
            frame = frame.min(buddy);
            order += 1;
        }
        self.push(frame, order);
    }
}

/// Takes over the usable regions (start, end), aligned to frames, sorted. `top` is the end of memory.
pub fn init(regions: &mut [(u64, u64)], top: u64) {
    let frames = (top / PAGE) as usize;
    let bytes = ((frames * size_of::<Info>()) as u64).next_multiple_of(PAGE);
    // The table goes where the early page tables reach: below 4 GiB.
    let home = regions
        .iter_mut()
        .filter(|r| r.1.min(4 << 30).saturating_sub(r.0) >= bytes)
        .max_by_key(|r| r.1.min(4 << 30) - r.0)
        .expect("a region for the frame table");
    let at = home.0;
    home.0 += bytes;
    // SAFETY: the region is usable memory that nothing else was given; every entry is written before use.
    let table = unsafe {
        let first = to_virt(at) as *mut Info;
        for i in 0..frames {
            first.add(i).write(Info {
                references: AtomicU32::new(PINNED),
                free_order: AtomicU8::new(TAKEN),
            });
        }
        core::slice::from_raw_parts(first, frames)
    };
    TABLE.set(table);
    // Before the kernel's own tables are loaded only the first 4 GiB are mapped.
    for r in regions.iter().filter(|r| r.0 < 4 << 30) {
        add_region(r.0, r.1.min(4 << 30));
    }
}

/// Takes over what lies above 4 GiB, once the direct map covers it.
pub fn init_high(regions: &[(u64, u64)]) {
    for r in regions.iter().filter(|r| r.1 > 4 << 30) {
        add_region(r.0.max(4 << 30), r.1);
    }
}

fn add_region(from: u64, to: u64) {
    let mut lists = LISTS.lock();
    let mut at = from;
    while at < to {
        let mut order = MAX_ORDER;
        while !at.is_multiple_of(PAGE << order) || at + (PAGE << order) > to {
            order -= 1;
        }
        lists.free(at, order);
        at += PAGE << order;
    }
    let count = (to - from) / PAGE;
    FREE.fetch_add(count, Ordering::Relaxed);
    TOTAL.fetch_add(count, Ordering::Relaxed);
}

/// Frames that are free, and all that were ever usable.
pub fn counts() -> (u64, u64) {
    (FREE.load(Ordering::Relaxed), TOTAL.load(Ordering::Relaxed))
}

/// A block of 2^order frames with one reference on its first frame; contents are arbitrary.
pub fn alloc_order(order: usize) -> Option<u64> {
    let frame = LISTS.lock().alloc(order)?;
    FREE.fetch_sub(1 << order, Ordering::Relaxed);
    if let Some(i) = info(frame) {
        i.references.store(1, Ordering::Relaxed);
    }
    Some(frame)
}

/// A frame with one reference; contents are arbitrary.
pub fn alloc() -> Option<u64> {
    alloc_order(0)
}

/// A frame of zeros.
pub fn alloc_zeroed() -> Option<u64> {
    let frame = alloc()?;
    zero(frame, 1);
    Some(frame)
}

/// Fills frames with zeros.
pub fn zero(frame: u64, count: usize) {
    // SAFETY: the caller holds the only reference to these frames.
    unsafe { core::ptr::write_bytes(to_virt(frame) as *mut u8, 0, count * PAGE as usize) }
}

/// Copies one frame to another.
pub fn copy(to: u64, from: u64) {
    // SAFETY: both are frames the caller holds references to; `to` is not shared yet.
    unsafe {
        core::ptr::copy_nonoverlapping(
            to_virt(from) as *const u8,
            to_virt(to) as *mut u8,
            PAGE as usize,
        )
    }
}

/// Gives a block back that has no references but the allocator's caller.
pub fn free_order(frame: u64, order: usize) {
    LISTS.lock().free(frame, order);
    FREE.fetch_add(1 << order, Ordering::Relaxed);
}

/// Gives each of the `count` frames of a block its own reference, so that they can be freed one by one.
pub fn split(first: u64, count: u64) {
    for n in 0..count {
        if let Some(i) = info(first + n * PAGE) {
            i.references.store(1, Ordering::Relaxed);
        }
    }
}

/// Takes one more reference.
pub fn get(frame: u64) {
    if let Some(i) = info(frame)
        && i.references.load(Ordering::Relaxed) != PINNED
    {
        i.references.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whether the caller's is the only reference.
pub fn is_sole(frame: u64) -> bool {
    info(frame).is_some_and(|i| i.references.load(Ordering::Acquire) == 1)
}

/// Drops a reference, and frees the frame with the last.
pub fn put(frame: u64) {
    if let Some(i) = info(frame)
        && i.references.load(Ordering::Relaxed) != PINNED
        && i.references.fetch_sub(1, Ordering::AcqRel) == 1
    {
        free_order(frame, 0);
    }
}
