//! The program's address space: mapping, unmapping, rights, and page faults.
//!
//! One lock guards the areas and the lower half of the page tables. Under it a file may be asked for a
//! page (its lock comes after this one); memory of the program is never touched under it.

use alloc::string::String;
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, Ordering};

use super::vma::{Area, Areas, EXEC, NoPage, READ, Source, WRITE};
use super::{frames, tlb};
use crate::arch::paging::{self, ACCESSED, ADDRESS, DIRTY, HIDDEN, NO_EXECUTE, PRESENT, SHARED};
use crate::arch::sync::{Guard, SpinLock};
use crate::arch::{LARGE, PAGE, USER_END, USER_START};
use crate::sys::errno::{EEXIST, EFAULT, EINVAL, ENOMEM, Errno};

/// Where mappings without an address are searched, from above.
const MAP_TOP: u64 = 0x7fff_0000_0000;
/// Where those of `MAP_32BIT` are.
const LOW_TOP: u64 = 0x8000_0000;

struct Space {
    areas: Areas,
    /// Nothing is free between here and `MAP_TOP` that a search should find.
    hint: u64,
    break_start: u64,
    break_end: u64,
}

static SPACE: SpinLock<Space> = SpinLock::new(Space {
    areas: Areas::new(),
    hint: MAP_TOP,
    break_start: 0,
    break_end: 0,
});
static FAULTS: AtomicU64 = AtomicU64::new(0);

/// Why a fault could not be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is mapped there.
    Unmapped,
    /// The area does not allow the access.
    Denied,
    /// The page lies behind the end of its file.
    BehindEnd,
    /// Memory is exhausted.
    NoMemory,
}

/// A request for a mapping.
pub struct Request {
    /// Wanted address, or 0.
    pub at: u64,
    /// Length, a multiple of pages.
    pub len: u64,
    /// Rights.
    pub rights: u8,
    /// Where the bytes come from.
    pub source: Source,
    /// How the address is meant.
    pub place: Place,
    /// Map the pages at once.
    pub populate: bool,
}

/// How a request's address is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A wish.
    Hint,
    /// Exactly there, replacing what is mapped.
    Fixed,
    /// Exactly there, if nothing is mapped.
    FixedNoReplace,
    /// Anywhere in the lowest 2 GiB.
    Low,
}

fn lock() -> Guard<'static, Space> {
    SPACE.lock()
}

fn range_ok(at: u64, len: u64) -> bool {
    at >= USER_START && at.checked_add(len).is_some_and(|end| end <= USER_END)
}

/// Maps an area and says where.
pub fn map(request: Request) -> Result<u64, Errno> {
    let Request {
        at,
        len,
        rights,
        source,
        place,
        populate,
    } = request;
    if len == 0 || !len.is_multiple_of(PAGE) {
        return Err(EINVAL);
    }
    if len > USER_END {
        return Err(ENOMEM);
    }
    let mut space = lock();
    let at = match place {
        Place::Fixed | Place::FixedNoReplace => {
            if !at.is_multiple_of(PAGE) {
                return Err(EINVAL);
            }
            if !range_ok(at, len) {
                return Err(ENOMEM);
            }
            if !space.areas.is_free(at, at + len) {
                if place == Place::FixedNoReplace {
                    return Err(EEXIST);
                }
                space.areas.remove(at, at + len);
                space.zap(at, at + len);
            }
            at
        }
        Place::Hint
            if at != 0
                && range_ok(at & !(PAGE - 1), len)
                && space
                    .areas
                    .is_free(at & !(PAGE - 1), (at & !(PAGE - 1)) + len) =>
        {
            at & !(PAGE - 1)
        }
        Place::Hint => space.find_gap(len).ok_or(ENOMEM)?,
        Place::Low => space
            .areas
            .gap(len, LOW_TOP, USER_START, PAGE)
            .ok_or(ENOMEM)?,
    };
    space.areas.insert(
        at,
        Area {
            end: at + len,
            rights,
            large: true,
            source,
        },
    );
    if populate && rights != 0 {
        let mut page = at;
        while page < at + len {
            if space.resolve(page, rights & WRITE != 0, false).is_err() {
                break;
            }
            page += PAGE;
        }
    }
    Ok(at)
}

/// Unmaps a range.
pub fn unmap(at: u64, len: u64) -> Result<(), Errno> {
    if !at.is_multiple_of(PAGE) || len == 0 || !range_ok(at.max(USER_START), len) {
        return Err(EINVAL);
    }
    let len = len.next_multiple_of(PAGE);
    let mut space = lock();
    space.areas.remove(at, at + len);
    space.zap(at, at + len);
    if at + len > space.hint {
        space.hint = (at + len).min(MAP_TOP);
    }
    Ok(())
}

/// Changes the rights of a range.
pub fn protect(at: u64, len: u64, rights: u8) -> Result<(), Errno> {
    if !at.is_multiple_of(PAGE) {
        return Err(EINVAL);
    }
    let end = at.checked_add(len.next_multiple_of(PAGE)).ok_or(ENOMEM)?;
    let mut space = lock();
    if !space.areas.is_covered(at, end) {
        return Err(ENOMEM);
    }
    space.areas.change(at, end, |area| area.rights = rights);
    let mut lost = false;
    let ok = paging::visit(at, end, &mut |_, entry, _| {
        let new = with_rights(*entry, rights);
        // Rights that are only added need no flush elsewhere: a stale entry faults and is found good.
        lost |= *entry & PRESENT != 0
            && (new & PRESENT == 0
                || (*entry & !new) & paging::WRITE != 0
                || (new & !*entry) & NO_EXECUTE != 0);
        *entry = new;
        true
    });
    if lost {
        tlb::flush(at, end);
    }
    if ok { Ok(()) } else { Err(ENOMEM) }
}

/// An entry's frame and marks with other rights.
fn with_rights(entry: u64, rights: u8) -> u64 {
    let mut new = entry & !(PRESENT | HIDDEN | paging::WRITE | NO_EXECUTE);
    new |= if rights == 0 { HIDDEN } else { PRESENT };
    if rights & WRITE != 0 && entry & SHARED == 0 {
        new |= paging::WRITE;
    }
    if rights & EXEC == 0 {
        new |= NO_EXECUTE;
    }
    new
}

/// Forgets the contents of a range: `MADV_DONTNEED`.
pub fn discard(at: u64, len: u64) -> Result<(), Errno> {
    let end = at
        .checked_add(len.next_multiple_of(PAGE))
        .filter(|_| at.is_multiple_of(PAGE))
        .ok_or(EINVAL)?;
    let mut space = lock();
    let covered = space.areas.is_covered(at, end);
    space.zap(at, end);
    if covered { Ok(()) } else { Err(ENOMEM) }
}

/// Allows or forbids large pages in a range.
pub fn allow_large(at: u64, len: u64, large: bool) -> Result<(), Errno> {
    let end = at.checked_add(len.next_multiple_of(PAGE)).ok_or(EINVAL)?;
    lock().areas.change(at, end, |area| area.large = large);
    Ok(())
}

/// Whether each page of a range is in memory; ENOMEM where nothing is mapped.
pub fn resident(at: u64, pages: usize) -> Result<alloc::vec::Vec<u8>, Errno> {
    let space = lock();
    if !space.areas.is_covered(at, at + pages as u64 * PAGE) {
        return Err(ENOMEM);
    }
    Ok((0..pages as u64)
        .map(|n| u8::from(paging::lookup(at + n * PAGE).is_some()))
        .collect())
}

/// Grows, shrinks or moves a mapping.
pub fn remap(at: u64, old: u64, new: u64, may_move: bool, to: Option<u64>) -> Result<u64, Errno> {
    if !at.is_multiple_of(PAGE) || new == 0 || old == 0 {
        return Err(EINVAL);
    }
    let (old, new) = (old.next_multiple_of(PAGE), new.next_multiple_of(PAGE));
    if let Some(to) = to
        && (!to.is_multiple_of(PAGE) || !range_ok(to, new) || (to < at + old && at < to + new))
    {
        return Err(EINVAL);
    }
    let mut space = lock();
    let (start, area) = space.areas.find(at).ok_or(EFAULT)?;
    if at + old > area.end {
        return Err(EFAULT);
    }
    let mut area = area.clone();
    if let Source::File { first, .. } = &mut area.source {
        *first += (at - start) / PAGE;
    }
    if to.is_none() && new <= old {
        space.areas.remove(at + new, at + old);
        space.zap(at + new, at + old);
        return Ok(at);
    }
    if to.is_none() && space.areas.is_free(at + old, at + new) && range_ok(at, new) {
        space.areas.remove(at, at + old);
        area.end = at + new;
        space.areas.insert(at, area);
        return Ok(at);
    }
    if !may_move {
        return Err(ENOMEM);
    }
    let target = match to {
        Some(to) => {
            space.areas.remove(to, to + new);
            space.zap(to, to + new);
            to
        }
        None => space.find_gap(new).ok_or(ENOMEM)?,
    };
    space.areas.remove(at, at + old);
    area.end = target + new;
    space.areas.insert(target, area);
    let keep = old.min(new);
    space.zap(at + keep, at + old);
    space.move_pages(at, target, keep)?;
    Ok(target)
}

/// Sets where the break starts, at program start.
pub fn set_break(start: u64) {
    let mut space = lock();
    let start = start.next_multiple_of(PAGE);
    (space.break_start, space.break_end) = (start, start);
}

/// Moves the break; the break that holds afterwards.
pub fn move_break(to: u64) -> u64 {
    let mut space = lock();
    let (old, new) = (
        space.break_end.next_multiple_of(PAGE),
        to.next_multiple_of(PAGE),
    );
    if to < space.break_start || !range_ok(space.break_start, to - space.break_start) {
        return space.break_end;
    }
    if new > old {
        if !space.areas.is_free(old, new) {
            return space.break_end;
        }
        let area = Area {
            end: new,
            rights: READ | WRITE,
            large: true,
            source: Source::Anonymous,
        };
        space.areas.insert(old, area);
    } else if new < old {
        space.areas.remove(new, old);
        space.zap(new, old);
    }
    space.break_end = to;
    to
}

/// Unmaps everything: before another program takes the space.
pub fn clear() {
    let mut space = lock();
    space.areas.remove(0, USER_END);
    space.zap(0, USER_END);
    space.hint = MAP_TOP;
}

/// Resolves a page fault of the program or of an access on its behalf.
pub fn fault(at: u64, error: u64) -> Result<(), Fault> {
    FAULTS.fetch_add(1, Ordering::Relaxed);
    let (write, fetch) = (error & 2 != 0, error & 16 != 0);
    let mut space = lock();
    let (_, area) = space.areas.find(at).ok_or(Fault::Unmapped)?;
    let need = if write {
        WRITE
    } else if fetch {
        EXEC
    } else {
        READ | WRITE | EXEC
    };
    if area.rights & need == 0 {
        return Err(Fault::Denied);
    }
    space.resolve(at & !(PAGE - 1), write, true)
}

/// Page faults so far.
pub fn fault_count() -> u64 {
    FAULTS.load(Ordering::Relaxed)
}

/// Bytes of all areas.
pub fn mapped_bytes() -> u64 {
    lock()
        .areas
        .0
        .iter()
        .map(|(&start, area)| area.end - start)
        .sum()
}

/// The text of `/proc/self/maps`.
pub fn maps() -> String {
    let mut text = String::new();
    let space = lock();
    for (&start, area) in space.areas.0.iter() {
        let right = |bit, c| if area.rights & bit != 0 { c } else { '-' };
        let (first, shared, name) = match &area.source {
            Source::Anonymous if start == space.break_start && space.break_end > start => {
                (0, false, String::from("[heap]"))
            }
            Source::Anonymous => (0, false, String::new()),
            Source::File {
                backing,
                first,
                shared,
            } => (*first, *shared, backing.name()),
        };
        let _ = write!(
            text,
            "{start:08x}-{:08x} {}{}{}{} {:08x} 00:00 0 ",
            area.end,
            right(READ, 'r'),
            right(WRITE, 'w'),
            right(EXEC, 'x'),
            if shared { 's' } else { 'p' },
            first * PAGE,
        );
        let _ = writeln!(
            text,
            "{}{name}",
            if name.is_empty() {
                ""
            } else {
                "                  "
            }
        );
    }
    text
}

impl Space {
    fn find_gap(&mut self, len: u64) -> Option<u64> {
        let align = if len >= LARGE { LARGE } else { PAGE };
        let at = self
            .areas
            .gap(len, self.hint, USER_START, align)
            .or_else(|| self.areas.gap(len, MAP_TOP, USER_START, align))?;
        if align == PAGE && len == PAGE {
            self.hint = at + len;
        }
        Some(at)
    }

    /// Maps the page at `at`, which lies in an area that allows the access.
    fn resolve(&mut self, at: u64, write: bool, around: bool) -> Result<(), Fault> {
        if let Some((entry, size)) = paging::lookup(at)
            && *entry & PRESENT != 0
        {
            return self.resolve_mapped(at, write, entry, size);
        }
        let (start, area) = self.areas.find(at).ok_or(Fault::Unmapped)?;
        match &area.source {
            Source::Anonymous => {
                let base = at & !(LARGE - 1);
                if area.large
                    && base >= start
                    && base + LARGE <= area.end
                    && map_large_zeroed(base, area.rights)
                {
                    return Ok(());
                }
                let entry = paging::entry(at).ok_or(Fault::NoMemory)?;
                let frame = frames::alloc_zeroed().ok_or(Fault::NoMemory)?;
                *entry = with_rights(frame | ACCESSED | DIRTY, area.rights);
                Ok(())
            }
            Source::File {
                backing,
                first,
                shared,
            } => {
                let index = first + (at - start) / PAGE;
                map_file_page(at, backing.as_ref(), index, area.rights, *shared, write)?;
                // The following pages will probably be wanted too.
                for n in 1..if around && !write { 16 } else { 1 } {
                    let next = at + n * PAGE;
                    if next >= area.end
                        || paging::lookup(next).is_some()
                        || map_file_page(
                            next,
                            backing.as_ref(),
                            index + n,
                            area.rights,
                            *shared,
                            false,
                        )
                        .is_err()
                    {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// A fault on a page that is mapped: the first write to a shared frame, or a stale translation.
    fn resolve_mapped(
        &mut self,
        at: u64,
        write: bool,
        entry: &mut u64,
        size: u64,
    ) -> Result<(), Fault> {
        if write && *entry & paging::WRITE == 0 && *entry & SHARED != 0 {
            debug_assert!(size == PAGE);
            let old = *entry & ADDRESS;
            let flags = (*entry & !ADDRESS & !SHARED) | paging::WRITE | ACCESSED | DIRTY;
            if frames::is_sole(old) {
                *entry = old | flags;
            } else {
                let new = frames::alloc().ok_or(Fault::NoMemory)?;
                frames::copy(new, old);
                *entry = new | flags;
                tlb::flush(at, at + PAGE);
                frames::put(old);
                return Ok(());
            }
        }
        paging::flush_page(at);
        Ok(())
    }

    /// Unmaps and frees all pages of a range.
    fn zap(&mut self, from: u64, to: u64) {
        const BATCH: usize = 256;
        let mut at = from;
        while at < to {
            let mut batch = [0u64; BATCH];
            let (mut n, mut last) = (0, to);
            let mut first = to;
            let ok = paging::visit(at, to, &mut |page, entry, size| {
                if n == BATCH {
                    last = page;
                    return false;
                }
                first = first.min(page);
                batch[n] = *entry & ADDRESS | u64::from(size == LARGE);
                n += 1;
                *entry = 0;
                true
            });
            if n > 0 {
                tlb::flush(first, last);
            }
            for &frame in &batch[..n] {
                if frame & 1 != 0 {
                    frames::free_order(frame & ADDRESS, frames::LARGE_ORDER);
                } else {
                    frames::put(frame);
                }
            }
            at = last;
            if !ok {
                break;
            }
        }
        let mut tables = [0u64; BATCH];
        let mut n = 0;
        let mut left = alloc::vec::Vec::new();
        if to - from >= LARGE {
            paging::prune(from, to, &mut |table| {
                if n < BATCH {
                    tables[n] = table;
                    n += 1;
                } else {
                    left.push(table);
                }
            });
        }
        if n > 0 {
            tlb::flush(0, USER_END);
            tables[..n]
                .iter()
                .chain(&left)
                .for_each(|&t| frames::put(t));
        }
    }

    /// Moves the pages of a range to another, where nothing is mapped.
    fn move_pages(&mut self, from: u64, to: u64, len: u64) -> Result<(), Errno> {
        let mut at = 0;
        while at < len {
            let aligned =
                (from + at) & (LARGE - 1) == 0 && (to + at) & (LARGE - 1) == 0 && len - at >= LARGE;
            match paging::lookup(from + at) {
                None => {
                    at += PAGE;
                    continue;
                }
                Some((entry, LARGE)) if aligned && paging::large_is_free(to + at) => {
                    let value = *entry;
                    if paging::map_large(to + at, value) {
                        *entry = 0;
                        at += LARGE;
                        continue;
                    }
                }
                Some(_) => {}
            }
            let source = paging::entry(from + at).ok_or(ENOMEM)?;
            let value = *source;
            *paging::entry(to + at).ok_or(ENOMEM)? = value;
            *source = 0;
            at += PAGE;
        }
        tlb::flush(from, from + len);
        Ok(())
    }
}

/// Maps a large page of zeros if memory is plentiful.
fn map_large_zeroed(base: u64, rights: u8) -> bool {
    let (free, total) = frames::counts();
    if free < total / 2 || free < (192 << 20) / PAGE || !paging::large_is_free(base) {
        return false;
    }
    let Some(block) = frames::alloc_order(frames::LARGE_ORDER) else {
        return false;
    };
    frames::zero(block, 512);
    if paging::map_large(base, with_rights(block | ACCESSED | DIRTY, rights)) {
        return true;
    }
    frames::free_order(block, frames::LARGE_ORDER);
    false
}

fn map_file_page(
    at: u64,
    backing: &dyn super::vma::Backing,
    index: u64,
    rights: u8,
    shared: bool,
    write: bool,
) -> Result<(), Fault> {
    let page = backing
        .page(index, shared && rights & WRITE != 0)
        .map_err(|e| match e {
            NoPage::BehindEnd => Fault::BehindEnd,
            NoPage::NoMemory => Fault::NoMemory,
        })?;
    let entry = paging::entry(at).ok_or(Fault::NoMemory)?;
    if shared {
        *entry = with_rights(page.into_frame() | ACCESSED | DIRTY, rights);
    } else if write {
        let frame = frames::alloc().ok_or(Fault::NoMemory)?;
        frames::copy(frame, page.frame());
        *entry = with_rights(frame | ACCESSED | DIRTY, rights);
    } else {
        *entry = with_rights(page.into_frame() | ACCESSED | SHARED, rights);
    }
    Ok(())
}
