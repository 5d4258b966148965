//! Page tables: one set for all processors.
//!
//! The lower half is the program's and changes only under the lock of `mm::space`. The upper half holds
//! the direct map, kernel stacks and the kernel image; its top-level entries are made once, at start.

use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering};

use super::phys::to_virt;
use super::sync::SpinLock;
use super::{DIRECT, LARGE, PAGE, STACKS};
use crate::mm::frames;

/// The entry maps something.
pub const PRESENT: u64 = 1;
/// Writes are allowed.
pub const WRITE: u64 = 2;
/// The processor read through the entry.
pub const ACCESSED: u64 = 0x20;
/// The processor wrote through the entry.
pub const DIRTY: u64 = 0x40;
/// The entry maps a large page.
pub const BIG: u64 = 0x80;
/// Not cached: device registers.
pub const UNCACHED: u64 = 0x18;
/// The entry holds a frame that may not be accessed now (`PROT_NONE`); used without [`PRESENT`].
pub const HIDDEN: u64 = 1 << 10;
const USED: u64 = PRESENT | HIDDEN;
/// The mapped frame is shared with a file or the image: a private writer copies it first.
pub const SHARED: u64 = 1 << 9;
/// Instruction fetches are not allowed.
pub const NO_EXECUTE: u64 = 1 << 63;
/// The bits of the physical address.
pub const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

static ROOT: AtomicU64 = AtomicU64::new(0);
static KERNEL_TABLES: SpinLock<u64> = SpinLock::new(0);

type Table = [u64; 512];

fn table(phys: u64) -> &'static mut Table {
    // SAFETY:
    // 1. `phys` is a page-table frame of this tree, mapped by the direct map.
    // 2. The lock that guards its half of the tree is held by the caller (or the machine is starting).
    unsafe { &mut *(to_virt(phys) as *mut Table) }
}

fn index(at: u64, level: u32) -> usize {
    (at >> (12 + 9 * level) & 511) as usize
}

fn new_table() -> Option<u64> {
    frames::alloc_zeroed()
}

/// Builds the kernel's tables: the direct map up to `top`, and loads them.
pub fn init(top: u64) {
    let root = new_table().expect("memory for the first page table");
    let top = top.max(4 << 30).next_multiple_of(1 << 30);
    let boot = table(read_root())[511];
    table(root)[511] = boot;
    for at in [DIRECT, STACKS] {
        let pdpt = new_table().expect("memory for page tables at start");
        table(root)[index(at, 3)] = pdpt | PRESENT | WRITE;
    }
    ROOT.store(root, Ordering::Release);
    let huge = super::cpu::cpuid(0x8000_0001, 0).edx & 1 << 26 != 0;
    let mut at = 0;
    while at < top {
        if huge {
            let pdpt = table(table(root)[index(DIRECT, 3)] & ADDRESS);
            pdpt[index(DIRECT + at, 2)] = at | PRESENT | WRITE | BIG | NO_EXECUTE;
            at += 1 << 30;
        } else {
            set_large(DIRECT + at, at | PRESENT | WRITE | BIG | NO_EXECUTE)
                .expect("memory for page tables at start");
            at += LARGE;
        }
    }
    *KERNEL_TABLES.lock() = top;
    load_root();
}

fn read_root() -> u64 {
    let value: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value & ADDRESS
}

/// Physical address of the top table.
pub fn root() -> u64 {
    ROOT.load(Ordering::Acquire)
}

/// Loads the kernel's tables on this processor.
pub fn load_root() {
    // SAFETY: the tables map the kernel where it runs, its stack and all that it uses.
    unsafe {
        asm!("mov cr3, {}", in(reg) ROOT.load(Ordering::Acquire), options(nostack, preserves_flags))
    };
}

/// Forgets all cached translations of this processor.
pub fn flush_all() {
    load_root();
}

/// Forgets the cached translation of one page.
pub fn flush_page(at: u64) {
    // SAFETY: only drops a cached translation.
    unsafe { asm!("invlpg [{}]", in(reg) at, options(nostack, preserves_flags)) };
}

/// Finds or makes the table at `level` (0: of pages, 1: of large pages) for an address.
fn descend(at: u64, level: u32) -> Option<&'static mut u64> {
    let mut phys = ROOT.load(Ordering::Acquire);
    let mut here = 3;
    while here > level {
        let entry = &mut table(phys)[index(at, here)];
        if *entry & USED == 0 {
            *entry = new_table()? | PRESENT | WRITE;
        } else if *entry & BIG != 0 {
            split(entry)?;
        }
        phys = *entry & ADDRESS;
        here -= 1;
    }
    Some(&mut table(phys)[index(at, level)])
}

/// Replaces a large page by 512 pages with the same frames and rights.
fn split(entry: &mut u64) -> Option<()> {
    let pages = new_table()?;
    let (first, flags) = (*entry & ADDRESS & !(LARGE - 1), *entry & !ADDRESS & !BIG);
    for (i, page) in table(pages).iter_mut().enumerate() {
        *page = (first + i as u64 * PAGE) | flags;
    }
    frames::split(first, 512);
    *entry = pages | PRESENT | WRITE;
    Some(())
}

/// The entry of a page, made if absent; a large page there is split. `None` when memory is exhausted.
pub fn entry(at: u64) -> Option<&'static mut u64> {
    descend(at, 0)
}

fn set_large(at: u64, value: u64) -> Option<()> {
    *descend(at, 1)? = value;
    Some(())
}

/// Maps a large page where no table of pages exists yet; false where one does.
pub fn map_large(at: u64, value: u64) -> bool {
    match descend(at, 1) {
        Some(entry) if *entry & USED == 0 => {
            *entry = value | BIG;
            true
        }
        _ => false,
    }
}

/// Whether nothing, not even a table, is mapped in the large page around an address.
pub fn large_is_free(at: u64) -> bool {
    let mut phys = ROOT.load(Ordering::Acquire);
    for level in [3, 2, 1] {
        let entry = table(phys)[index(at, level)];
        if entry & USED == 0 {
            return true;
        }
        phys = entry & ADDRESS;
    }
    false
}

/// The entry that maps an address, and the size it maps.
pub fn lookup(at: u64) -> Option<(&'static mut u64, u64)> {
    let mut phys = ROOT.load(Ordering::Acquire);
    for level in [3, 2, 1, 0] {
        let entry = &mut table(phys)[index(at, level)];
        if *entry & USED == 0 {
            return None;
        }
        if level == 0 || *entry & BIG != 0 {
            return Some((entry, PAGE << (9 * level)));
        }
        phys = *entry & ADDRESS;
    }
    None
}

/// Calls `f` on each entry that maps something in a range, until it answers false. Large pages that lie
/// partly outside are split; false if memory for that ran out (then part of the range was not visited).
pub fn visit(from: u64, to: u64, f: &mut dyn FnMut(u64, &mut u64, u64) -> bool) -> bool {
    let mut at = from;
    while at < to {
        let mut phys = ROOT.load(Ordering::Acquire);
        for level in [3, 2, 1, 0] {
            let size = PAGE << (9 * level);
            let base = at & !(size - 1);
            let entry = &mut table(phys)[index(at, level)];
            if *entry & USED == 0 {
                at = base + size;
                break;
            }
            if level == 0 || (*entry & BIG != 0 && base >= from && base + size <= to) {
                if !f(base, entry, size) {
                    return true;
                }
                at = base + size;
                break;
            }
            if *entry & BIG != 0 && split(entry).is_none() {
                return false;
            }
            phys = *entry & ADDRESS;
        }
    }
    true
}

/// Takes out the tables of pages that lie in a range and hold nothing; `f` gets each one's frame, to be
/// freed after the flush.
pub fn prune(from: u64, to: u64, f: &mut dyn FnMut(u64)) {
    let mut at = from & !(LARGE - 1);
    while at < to {
        let mut phys = ROOT.load(Ordering::Acquire);
        for level in [3, 2, 1] {
            let size = PAGE << (9 * level);
            let entry = &mut table(phys)[index(at, level)];
            if *entry & USED == 0 || *entry & BIG != 0 {
                at = (at & !(size - 1)) + size;
                break;
            }
            phys = *entry & ADDRESS;
            if level == 1 {
                if table(phys).iter().all(|&e| e & USED == 0) {
                    *entry = 0;
                    f(phys);
                }
                at += LARGE;
            }
        }
    }
}

/// Maps a kernel page that no processor has mapped before.
pub fn map_kernel(at: u64, phys: u64) -> bool {
    let _guard = KERNEL_TABLES.lock();
    match descend(at, 0) {
        Some(entry) => {
            *entry = phys | PRESENT | WRITE | NO_EXECUTE | ACCESSED | DIRTY;
            true
        }
        None => false,
    }
}

/// Makes device registers above the memory's end reachable through the direct map.
pub fn map_device(phys: u64, len: u64) {
    let top = KERNEL_TABLES.lock();
    let mut at = phys & !(LARGE - 1);
    while at < phys + len {
        if at >= *top && lookup(DIRECT + at).is_none() {
            let value = at | PRESENT | WRITE | BIG | NO_EXECUTE | UNCACHED;
            set_large(DIRECT + at, value).expect("memory for device mappings at start");
        }
        at += LARGE;
    }
}
