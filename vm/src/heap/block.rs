//! Blocks of words.
//!
//! Small blocks come from the program's allocator. Those of the smallest heap, which most processes never outgrow,
//! come from the C library's: its sizes go by 16 bytes, while classes of fewer sizes would add a tenth to what an
//! idle process takes; each thread keeps some for the next process. Large blocks are mapped, and those given back are kept for a
//! while ([`Cache`]): a collector asks for a block as large as the one that it gives back a moment later, and
//! pages that are there already cost far less than new ones.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::fatal::{Memory, out_of_memory};
use crate::term::word::Word;

/// Blocks of as many bytes or more are mapped.
const LARGE: usize = if cfg!(miri) { usize::MAX } else { 128 << 10 };
const PAGE: usize = 4096;
/// Bytes that may be kept, whatever is in use. Beyond, no more are kept than are in use.
const KEPT_AT_LEAST: usize = 8 << 20;
/// A kept block is freed after so many others were given back since.
const KEPT_FOR: u64 = 64;

/// Bytes of large blocks in use.
static IN_USE: AtomicUsize = AtomicUsize::new(0);
static CACHE: Mutex<Cache> = Mutex::new(Cache {
    blocks: Vec::new(),
    bytes: 0,
    time: 0,
});

/// A large block that is not in use.
struct Kept {
    start: usize,
    bytes: usize,
    since: u64,
}

/// Large blocks kept for later, oldest first.
struct Cache {
    blocks: Vec<Kept>,
    bytes: usize,
    /// Counts blocks given back.
    time: u64,
}

impl Cache {
    /// The smallest block of at least so many bytes that is not much larger.
    fn take(&mut self, bytes: usize) -> Option<Kept> {
        let (at, _) = self
            .blocks
            .iter()
            .enumerate()
            .filter(|(_, block)| block.bytes >= bytes && block.bytes / 2 <= bytes)
            .min_by_key(|(_, block)| block.bytes)?;
        let block = self.blocks.remove(at);
        self.bytes -= block.bytes;
        Some(block)
    }

    fn keep(&mut self, start: usize, bytes: usize) {
        self.time += 1;
        self.bytes += bytes;
        self.blocks.push(Kept {
            start,
            bytes,
            since: self.time,
        });
    }

    /// A block that has been kept too long or is too much.
    fn evict(&mut self, limit: usize) -> Option<Kept> {
        let oldest = self.blocks.first()?;
        if self.bytes <= limit && self.time - oldest.since < KEPT_FOR {
            return None;
        }
        self.bytes -= oldest.bytes;
        Some(self.blocks.remove(0))
    }
}

/// Words of the smallest heap unless the program asks for less.
const SMALLEST: usize = 233;
/// How many blocks of this size a thread keeps: those of a crowd of processes that come and go together.
const SPARES: usize = 1024;

/// Blocks of [`SMALLEST`] words that a thread keeps, each with the next one's address in its first word.
struct Spares {
    first: *mut Word,
    len: usize,
}

impl Spares {
    #[inline]
    fn take(&mut self) -> Option<*mut Word> {
        let block = self.first;
        if block.is_null() {
            return None;
        }
        // SAFETY: a kept block has a first word, which `keep` wrote.
        self.first = unsafe { block.cast::<*mut Word>().read() };
        self.len -= 1;
        Some(block)
    }

    /// Whether there was room for one more.
    ///
    /// # Safety
    /// The block came from `malloc` with [`SMALLEST`] words, and nobody uses it.
    #[inline]
    unsafe fn keep(&mut self, block: *mut Word) -> bool {
        let room = self.len < SPARES && cfg!(not(miri));
        if room {
            // SAFETY: by contract.
            unsafe { block.cast::<*mut Word>().write(self.first) };
            self.first = block;
            self.len += 1;
        }
        room
    }

    fn free_all(&mut self) {
        while let Some(block) = self.take() {
            // SAFETY: the block came from `malloc`, and nobody uses it.
            unsafe { libc::free(block.cast()) };
        }
    }
}

impl Drop for Spares {
    fn drop(&mut self) {
        self.free_all();
    }
}

/// Does something with this thread's spare blocks; none when the thread is ending.
fn spare<R>(what: impl FnOnce(&mut Spares) -> R) -> Option<R> {
    thread_local! {
        static OWN: UnsafeCell<Spares> = const {
            UnsafeCell::new(Spares { first: std::ptr::null_mut(), len: 0 })
        };
    }
    // SAFETY: of this thread alone, and neither `take` nor `keep` comes back here.
    OWN.try_with(|own| what(unsafe { &mut *own.get() })).ok()
}

fn layout(words: usize) -> Layout {
    match Layout::array::<Word>(words.max(1)) {
        Ok(layout) => layout,
        Err(_) => out_of_memory(Memory::Heap, usize::MAX),
    }
}

/// Bytes mapped for a large block.
fn mapped(layout: Layout) -> usize {
    layout.size().next_multiple_of(PAGE)
}

/// A new block of `words` words, not initialised.
pub(super) fn allocate(words: usize) -> *mut Word {
    let layout = layout(words);
    if layout.size() >= LARGE {
        return map(layout);
    }
    let block = if words != SMALLEST {
        // SAFETY: the layout's size is not 0.
        unsafe { alloc(layout) }.cast::<Word>()
    } else if let Some(block) = spare(Spares::take).flatten() {
        block
    } else {
        // SAFETY: as the C library wants it.
        unsafe { libc::malloc(layout.size()) }.cast::<Word>()
    };
    if block.is_null() {
        out_of_memory(Memory::Heap, layout.size());
    }
    block
}

#[cold]
fn map(layout: Layout) -> *mut Word {
    let bytes = mapped(layout);
    IN_USE.fetch_add(bytes, Ordering::Relaxed);
    let kept = CACHE.lock().take(bytes);
    if let Some(kept) = kept {
        if kept.bytes > bytes {
            // SAFETY: the pages at the end of a block that is nobody's but ours.
            unsafe { unmap(kept.start + bytes, kept.bytes - bytes) };
        }
        return kept.start as *mut Word;
    }
    // SAFETY: an anonymous mapping at an address of the system's choice touches no existing memory.
    let block = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if block == libc::MAP_FAILED {
        out_of_memory(Memory::Heap, layout.size());
    }
    block.cast()
}

/// # Safety
/// The pages were mapped, and nobody uses them again.
unsafe fn unmap(start: usize, bytes: usize) {
    // SAFETY: by contract.
    let result = unsafe { libc::munmap(start as *mut libc::c_void, bytes) };
    debug_assert_eq!(result, 0, "what was mapped can be unmapped");
}

/// Gives a block another size; it may move, and keeps its first words.
///
/// # Safety
/// The block was given by [`allocate`] with `old` words, and is this caller's alone.
pub(super) unsafe fn reallocate(block: *mut Word, old: usize, new: usize) -> *mut Word {
    let (before, after) = (layout(old), layout(new));
    match (before.size() >= LARGE, after.size() >= LARGE) {
        (false, false) if old != SMALLEST && new != SMALLEST => {
            // SAFETY: by contract; the new size is not 0.
            let moved = unsafe { realloc(block.cast(), before, after.size()) };
            if moved.is_null() {
                out_of_memory(Memory::Heap, after.size());
            }
            moved.cast()
        }
        // SAFETY: by contract.
        (true, true) => unsafe { remap(block, mapped(before), after) },
        _ => {
            let moved = allocate(new);
            // SAFETY: both blocks have as many words; the old one is not used again.
            unsafe {
                std::ptr::copy_nonoverlapping(block, moved, old.min(new));
                free(block, old);
            }
            moved
        }
    }
}

/// # Safety
/// The block is mapped with `before` bytes, and is the caller's alone.
unsafe fn remap(block: *mut Word, before: usize, after: Layout) -> *mut Word {
    let bytes = mapped(after);
    // SAFETY: by contract. The system keeps the contents, and moves the block where it must.
    let moved = unsafe { libc::mremap(block.cast(), before, bytes, libc::MREMAP_MAYMOVE) };
    if moved == libc::MAP_FAILED {
        out_of_memory(Memory::Heap, after.size());
    }
    IN_USE.fetch_add(bytes, Ordering::Relaxed);
    IN_USE.fetch_sub(before, Ordering::Relaxed);
    moved.cast()
}

/// Frees a block; none if `start` is null.
///
/// # Safety
/// The block was given by [`allocate`] or [`reallocate`] with so many words, is this caller's alone and not
/// used again.
pub(super) unsafe fn free(start: *mut Word, words: usize) {
    if start.is_null() {
        return;
    }
    let layout = layout(words);
    if layout.size() >= LARGE {
        release(start as usize, mapped(layout));
    } else if words != SMALLEST {
        // SAFETY: by contract.
        unsafe { dealloc(start.cast(), layout) };
    // SAFETY: by contract; blocks of this size come from `malloc`.
    } else if spare(|spares| unsafe { spares.keep(start) }) != Some(true) {
        // SAFETY: by contract.
        unsafe { libc::free(start.cast()) };
    }
}

/// Keeps a large block for later, and frees those that were kept long enough.
#[cold]
fn release(start: usize, bytes: usize) {
    let in_use = IN_USE.fetch_sub(bytes, Ordering::Relaxed) - bytes;
    CACHE.lock().keep(start, bytes);
    evict(in_use.max(KEPT_AT_LEAST));
}

fn evict(limit: usize) {
    loop {
        let evicted = CACHE.lock().evict(limit);
        match evicted {
            // SAFETY: the cache's alone until now.
            Some(kept) => unsafe { unmap(kept.start, kept.bytes) },
            None => return,
        }
    }
}

/// Gives all blocks that are kept for later back to the system: for a node that has nothing to do, or too
/// little memory.
pub fn release_kept() {
    evict(0);
    spare(Spares::free_all);
}

/// Bytes of large blocks in use, and of those kept for later.
pub fn large_bytes() -> (usize, usize) {
    (IN_USE.load(Ordering::Relaxed), CACHE.lock().bytes)
}

/// How many words lie between two addresses.
#[inline(always)]
pub(super) fn between(low: *const Word, high: *const Word) -> usize {
    (high as usize - low as usize) / 8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills words, so that a page that is not there is noticed.
    fn fill(block: *mut Word, words: usize) {
        for index in 0..words {
            // SAFETY: the block has as many words.
            unsafe { *block.add(index) = index as Word };
        }
    }

    fn check(block: *mut Word, words: usize) {
        // SAFETY: the block has as many words, all filled.
        assert!((0..words).all(|index| unsafe { *block.add(index) } == index as Word));
    }

    #[test]
    fn blocks_keep_their_words_in_every_size() {
        let sizes = [
            1, 100, 20_000, 300_000, 299_000, 1_000_000, 17_000, 16_384, 5, 40_000,
        ];
        let mut block = allocate(1);
        let mut size = 1;
        fill(block, size);
        for new in sizes {
            // SAFETY: the block is as large as it was made last.
            block = unsafe { reallocate(block, size, new) };
            check(block, size.min(new));
            size = new;
            fill(block, size);
        }
        // SAFETY: as above.
        unsafe { free(block, size) };
    }

    #[test]
    fn kept_blocks_serve_what_is_about_as_large() {
        let mut cache = Cache {
            blocks: Vec::new(),
            bytes: 0,
            time: 0,
        };
        cache.keep(PAGE, 10 * PAGE);
        cache.keep(20 * PAGE, 4 * PAGE);
        assert!(cache.take(11 * PAGE).is_none());
        assert!(cache.take(PAGE).is_none(), "much too large");
        assert_eq!(cache.take(3 * PAGE).map(|kept| kept.start), Some(20 * PAGE));
        assert_eq!(cache.bytes, 10 * PAGE);
        assert!(cache.evict(10 * PAGE).is_none());
        assert_eq!(cache.evict(9 * PAGE).map(|kept| kept.start), Some(PAGE));
        cache.keep(PAGE, PAGE);
        for index in 0..KEPT_FOR as usize {
            cache.keep(100 * PAGE + index, PAGE);
        }
        assert_eq!(cache.evict(usize::MAX).map(|kept| kept.start), Some(PAGE));
        assert!(cache.evict(usize::MAX).is_none());
    }
}
