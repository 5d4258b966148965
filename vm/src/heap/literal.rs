//! Literals: terms of modules and persistent terms, shared by all processes and never collected.
//!
//! All literal areas lie in one region of reserved addresses, so that "is this a literal?" is two compares
//! ([`is_literal`]). A [`LiteralArea`] is immutable once built and freed as a whole; whoever frees one has
//! seen to it that nothing points into it any more ([`RawHeap::copy_literals`](super::RawHeap)).

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::Heap;
use super::copy_shared;
use super::fragment::OffHeap;
use crate::term::Term;
use crate::term::word::{self, NIL, Word};

/// Bytes of addresses reserved for literals unless `+MIscs` says otherwise (OTP: 1 GB).
pub const DEFAULT_REGION_BYTES: usize = if cfg!(miri) { 1 << 22 } else { 1 << 30 };

/// From this many bytes on, the pages of a freed area are given back to the system at once.
const RETURN_BYTES: usize = 1 << 16;
const PAGE: usize = 4096;

static BASE: AtomicUsize = AtomicUsize::new(0);
/// 0 until the region was reserved: then nothing is a literal.
static BYTES: AtomicUsize = AtomicUsize::new(0);
static USED: AtomicUsize = AtomicUsize::new(0);
static FREE: Mutex<Option<FreeSpace>> = Mutex::new(None);

/// The region's bounds, read once for a long loop.
#[derive(Clone, Copy)]
pub(crate) struct Region {
    base: usize,
    bytes: usize,
}

impl Region {
    /// The region as it is. It never moves once a literal exists, so a copy of it stays good.
    #[inline(always)]
    pub(crate) fn get() -> Region {
        // A pointer to a literal came here by something that orders these stores before it.
        Region {
            base: BASE.load(Ordering::Relaxed),
            bytes: BYTES.load(Ordering::Relaxed),
        }
    }

    /// Whether an address lies in it.
    #[inline(always)]
    pub(crate) fn contains(self, at: *const Word) -> bool {
        (at as usize).wrapping_sub(self.base) < self.bytes
    }
}

/// Whether an object is a literal.
#[inline(always)]
pub fn is_literal(at: *const Word) -> bool {
    Region::get().contains(at)
}

/// Reserves the region with another size than the default; false if it was reserved already.
pub fn reserve(bytes: usize) -> bool {
    let mut free = FREE.lock();
    if free.is_some() {
        return false;
    }
    *free = Some(FreeSpace::reserve(bytes));
    true
}

/// Bytes in use by literals, and bytes reserved for them.
pub fn usage() -> (usize, usize) {
    (USED.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed))
}

/// The free parts of the region: by address for joining, by size for finding the best fit.
struct FreeSpace {
    by_address: BTreeMap<usize, usize>,
    by_size: BTreeSet<(usize, usize)>,
}

impl FreeSpace {
    fn reserve(bytes: usize) -> FreeSpace {
        let bytes = bytes.next_multiple_of(PAGE).max(PAGE);
        // SAFETY: an anonymous mapping at an address of the system's choice touches no existing memory.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            out_of_memory(bytes);
        }
        BASE.store(base as usize, Ordering::Release);
        BYTES.store(bytes, Ordering::Release);
        let mut free = FreeSpace {
            by_address: BTreeMap::new(),
            by_size: BTreeSet::new(),
        };
        free.insert(base as usize, bytes);
        free
    }

    fn insert(&mut self, at: usize, bytes: usize) {
        self.by_address.insert(at, bytes);
        self.by_size.insert((bytes, at));
    }

    fn remove(&mut self, at: usize, bytes: usize) {
        self.by_address.remove(&at);
        self.by_size.remove(&(bytes, at));
    }

    fn allocate(&mut self, bytes: usize) -> Option<usize> {
        let &(found, at) = self.by_size.range((bytes, 0)..).next()?;
        self.remove(at, found);
        if found > bytes {
            self.insert(at + bytes, found - bytes);
        }
        Some(at)
    }

    fn release(&mut self, mut at: usize, mut bytes: usize) {
        if let Some((&before, &size)) = self.by_address.range(..at).next_back()
            && before + size == at
        {
            self.remove(before, size);
            at = before;
            bytes += size;
        }
        if let Some(&size) = self.by_address.get(&(at + bytes)) {
            self.remove(at + bytes, size);
            bytes += size;
        }
        self.insert(at, bytes);
    }
}

#[cold]
fn out_of_memory(bytes: usize) -> ! {
    crate::fatal::out_of_memory(crate::fatal::Memory::Literal, bytes)
}

fn allocate(words: usize) -> *mut Word {
    let bytes = words * 8;
    let mut free = FREE.lock();
    let free = free.get_or_insert_with(|| FreeSpace::reserve(DEFAULT_REGION_BYTES));
    let Some(at) = free.allocate(bytes) else {
        out_of_memory(bytes);
    };
    USED.fetch_add(bytes, Ordering::Relaxed);
    at as *mut Word
}

/// # Safety
/// The words were given by [`allocate`], and nothing points there any more.
unsafe fn release(at: *mut Word, words: usize) {
    let bytes = words * 8;
    let mut free = FREE.lock();
    let first = (at as usize).next_multiple_of(PAGE);
    let last = (at as usize + bytes) & !(PAGE - 1);
    if bytes >= RETURN_BYTES && first < last && !cfg!(miri) {
        // SAFETY: whole pages of the area that is going; reading them again would find zeros.
        unsafe {
            libc::madvise(
                first as *mut libc::c_void,
                last - first,
                libc::MADV_DONTNEED,
            )
        };
    }
    free.as_mut()
        .expect("the region was reserved before anything was allocated in it")
        .release(at as usize, bytes);
    USED.fetch_sub(bytes, Ordering::Relaxed);
}

/// A range of addresses: those of one literal area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteralRange {
    start: usize,
    bytes: usize,
}

impl LiteralRange {
    /// Whether a pointer leads into it.
    #[inline(always)]
    pub(crate) fn contains(self, at: *const Word) -> bool {
        (at as usize).wrapping_sub(self.start) < self.bytes
    }

    /// How many words it has.
    pub fn words(self) -> usize {
        self.bytes / 8
    }
}

/// The literals of a module, or one persistent term. Dropping it frees them: nothing may point to them.
pub struct LiteralArea {
    start: *mut Word,
    words: usize,
    off_heap: OffHeap,
    roots: Box<[Word]>,
}

// SAFETY:
// 1. Nothing is written after `build`.
// 2. What its off-heap objects count is `Send + Sync`.
unsafe impl Send for LiteralArea {}
// SAFETY: as for `Send`; `off_heap` is touched by `build` and `drop` only.
unsafe impl Sync for LiteralArea {}

impl LiteralArea {
    /// The area of the terms that `build` gives. Objects that occur several times are stored once.
    pub fn build(build: impl for<'h> FnOnce(Heap<'h>) -> Vec<Term<'h>>) -> LiteralArea {
        let raw = super::RawHeap::detached();
        let roots = build(Heap::new(&raw));
        LiteralArea::of(&roots)
    }

    /// The area of copies of terms. Objects that occur several times are stored once, literals are copied.
    pub fn of(roots: &[Term<'_>]) -> LiteralArea {
        let mut words: Box<[Word]> = roots.iter().map(|root| root.word()).collect();
        let plan = copy_shared::shared_words(&words);
        let off_heap = OffHeap::new();
        let (start, count) = match plan.words() {
            0 => (std::ptr::null_mut(), 0),
            count => (allocate(count), count),
        };
        // SAFETY: the roots are terms, and there is room for the words that were counted for them.
        unsafe { copy_shared::copy_shared(&mut words, start, plan, &off_heap) };
        LiteralArea {
            start,
            words: count,
            off_heap,
            roots: words,
        }
    }

    /// How many roots it has.
    pub fn len(&self) -> usize {
        self.roots.len()
    }

    /// Whether it has no roots.
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// A root, good while the area is not dropped.
    pub fn term(&self, index: usize) -> Term<'_> {
        // SAFETY: a root points into the area, which lives as long as `self` and is never written.
        unsafe { Term::from_word(self.roots[index]) }
    }

    /// A root for those who keep the area alive otherwise: loaded code, the table of persistent terms.
    ///
    /// # Safety
    /// The area is dropped only after nothing can reach the term any more (the purge protocol).
    pub unsafe fn static_term(&self, index: usize) -> Term<'static> {
        // SAFETY: by contract.
        unsafe { Term::from_word(self.roots[index]) }
    }

    /// Where its objects lie.
    pub fn range(&self) -> LiteralRange {
        LiteralRange {
            start: self.start as usize,
            bytes: self.words * 8,
        }
    }

    /// How many words it takes.
    pub fn words(&self) -> usize {
        self.words
    }
}

impl Drop for LiteralArea {
    fn drop(&mut self) {
        // SAFETY: by the type's contract nothing points here any more.
        unsafe {
            self.off_heap.release_all();
            if self.words > 0 {
                release(self.start, self.words);
            }
        }
    }
}

impl Default for LiteralArea {
    fn default() -> LiteralArea {
        LiteralArea {
            start: std::ptr::null_mut(),
            words: 0,
            off_heap: OffHeap {
                head: Cell::new(NIL),
                binary_words: Cell::new(0),
            },
            roots: Box::new([]),
        }
    }
}

impl Term<'_> {
    /// Whether it is an object in a literal area.
    #[inline]
    pub fn is_literal(self) -> bool {
        !word::is_immediate(self.word()) && is_literal(word::pointer(self.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_joins_its_neighbours() {
        let mut free = FreeSpace {
            by_address: BTreeMap::new(),
            by_size: BTreeSet::new(),
        };
        free.insert(1000, 300);
        let parts = [100, 100, 100].map(|bytes| free.allocate(bytes).unwrap());
        assert_eq!(parts, [1000, 1100, 1200]);
        assert_eq!(free.allocate(1), None);
        free.release(parts[0], 100);
        free.release(parts[2], 100);
        free.release(parts[1], 100);
        assert_eq!(free.by_address, BTreeMap::from([(1000, 300)]));
        assert_eq!(free.by_size, BTreeSet::from([(300, 1000)]));
    }

    #[test]
    fn literals_are_recognised() {
        let area = LiteralArea::build(|heap| {
            let pair = heap.tuple(&[heap.string("shared"), Term::OK]);
            vec![pair, heap.tuple(&[pair, pair]), Term::int(7)]
        });
        assert_eq!(area.len(), 3);
        assert_eq!(area.words(), 6 * 2 + 3 + 3);
        assert!(area.term(0).is_literal());
        assert!(area.term(1).is_literal());
        assert!(!area.term(2).is_literal());
        let [left, right] = area.term(1).as_tuple_of().unwrap();
        assert!(left.same(right) && left.same(area.term(0)));
        let raw = super::super::RawHeap::detached();
        assert!(!Heap::new(&raw).string("own").is_literal());
    }
}
