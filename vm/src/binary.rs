//! Reference-counted bytes off the heap: what binaries of more than 64 bytes hold.
//!
//! The bytes up to `used` never change. A binary with spare room can be appended to in place by whoever
//! moves `claimed` on from the very end that it knows ([`BinaryData::claim`]): everyone else keeps seeing the
//! prefix that it saw before. That is how `<<Acc/binary, …>>` in a loop costs linear time.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Up to this many bytes a binary is stored on the heap itself (OTP: `ERL_ONHEAP_BIN_LIMIT`).
pub const HEAP_LIMIT: usize = 64;

/// How many bytes all binaries off the heap hold now (`erlang:memory(binary)`).
pub static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

/// The bytes of one or more binaries.
pub struct BinaryData {
    start: *mut u8,
    /// How many bytes are valid; only grows.
    used: AtomicUsize,
    /// How many bits are valid or about to be written: less than `used` says where the last byte is partly
    /// free, more while somebody writes.
    claimed: AtomicUsize,
    capacity: usize,
    /// Keeps `start` alive where the bytes are not our own allocation.
    foreign: Option<Bytes>,
}

// SAFETY:
// 1. Bytes below `used` are never written again.
// 2. Bytes above are written only by the one thread whose `claim` moved `used` over them, before any term
//    that covers them exists.
unsafe impl Send for BinaryData {}
// SAFETY: as for `Send`.
unsafe impl Sync for BinaryData {}

impl BinaryData {
    /// A copy of bytes.
    pub fn copy_of(bytes: &[u8]) -> Arc<BinaryData> {
        BinaryData::build(bytes.len(), bytes.len(), |room| room.copy_from_slice(bytes))
    }

    /// `len` bytes written by `fill` (which finds zeros), with room for `capacity`.
    pub fn build(len: usize, capacity: usize, fill: impl FnOnce(&mut [u8])) -> Arc<BinaryData> {
        let capacity = capacity.max(len).max(1);
        let layout = Layout::array::<u8>(capacity).expect("a binary's size fits the address space");
        // SAFETY: the layout has a size above 0.
        let start = unsafe { std::alloc::alloc_zeroed(layout) };
        if start.is_null() {
            handle_alloc_error(layout);
        }
        ALLOCATED.fetch_add(capacity, Ordering::Relaxed);
        let data = BinaryData {
            start,
            used: AtomicUsize::new(len),
            claimed: AtomicUsize::new(len * 8),
            capacity,
            foreign: None,
        };
        // SAFETY: `len <= capacity` zeroed bytes, and nobody else knows them yet.
        fill(unsafe { std::slice::from_raw_parts_mut(start, len) });
        Arc::new(data)
    }

    /// A copy of bytes with room to append.
    pub fn with_capacity(bytes: &[u8], capacity: usize) -> Arc<BinaryData> {
        let capacity = capacity.max(bytes.len()).max(1);
        let layout = Layout::array::<u8>(capacity).expect("a binary's size fits the address space");
        // SAFETY: the layout has a size above 0.
        let start = unsafe { alloc(layout) };
        if start.is_null() {
            handle_alloc_error(layout);
        }
        ALLOCATED.fetch_add(capacity, Ordering::Relaxed);
        // SAFETY: room for `capacity >= bytes.len()` bytes, not overlapping with a fresh allocation.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len()) };
        Arc::new(BinaryData {
            start,
            used: AtomicUsize::new(bytes.len()),
            claimed: AtomicUsize::new(bytes.len() * 8),
            capacity,
            foreign: None,
        })
    }

    /// Bytes that came from elsewhere (a socket's buffer, a mapped file), taken without a copy.
    pub fn from_bytes(bytes: Bytes) -> Arc<BinaryData> {
        ALLOCATED.fetch_add(bytes.len(), Ordering::Relaxed);
        Arc::new(BinaryData {
            start: bytes.as_ptr().cast_mut(),
            used: AtomicUsize::new(bytes.len()),
            claimed: AtomicUsize::new(bytes.len() * 8),
            capacity: bytes.len(),
            foreign: Some(bytes),
        })
    }

    /// The valid bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: bytes below `used` are initialised and never change; `Acquire` pairs with `claim`.
        unsafe { std::slice::from_raw_parts(self.start, self.used.load(Ordering::Acquire)) }
    }

    /// The bytes that are valid now, as a counted slice that others than terms can hold.
    pub fn share(self: Arc<BinaryData>) -> Bytes {
        Bytes::from_owner(Shared(self))
    }

    /// How many bytes there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether the holder of `data` is the only one.
    ///
    /// # Safety
    /// The pointer came from `Arc::into_raw`, and its holder keeps it.
    pub unsafe fn is_alone(data: *const BinaryData) -> bool {
        // SAFETY: by contract; the count is only looked at.
        let this = std::mem::ManuallyDrop::new(unsafe { Arc::from_raw(data) });
        // `Acquire`, as for `Arc::get_mut`: what others did before they let go is over.
        std::sync::atomic::fence(Ordering::Acquire);
        Arc::strong_count(&this) == 1
    }

    /// Says that of the last byte only some bits are valid, so that the next [`claim`](BinaryData::claim) begins
    /// within it.
    ///
    /// # Panics
    /// If the bits do not end in the last byte.
    pub fn end_at(self: &mut Arc<BinaryData>, bits: usize) {
        let data = Arc::get_mut(self).expect("nobody else knows the binary yet");
        assert_eq!(
            bits.div_ceil(8),
            *data.used.get_mut(),
            "the bits' last byte"
        );
        *data.claimed.get_mut() = bits;
    }

    /// Appends in place if the valid bits end at bit `end` and there is room for `more`: at most one caller can
    /// succeed for an `end`. `write` gets the bytes from that of `end` on, and writes from bit `end % 8`.
    ///
    /// Where `end` lies within a byte, others must not read that byte meanwhile: `alone` says that no other
    /// thread can hold the binary.
    pub fn claim(
        &self,
        end: usize,
        more: usize,
        alone: bool,
        write: impl FnOnce(&mut [u8]),
    ) -> bool {
        let Some(new) = end
            .checked_add(more)
            .filter(|&new| new.div_ceil(8) <= self.capacity)
        else {
            return false;
        };
        if self.foreign.is_some() || more == 0 || (!end.is_multiple_of(8) && !alone) {
            return false;
        }
        // `AcqRel`: our claim is seen by the next, and theirs by us.
        if self
            .claimed
            .compare_exchange(end, new, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        let (first, fresh, last) = (end / 8, end.div_ceil(8), new.div_ceil(8));
        // SAFETY:
        // 1. The exchange gave bits `end..new` to this call alone; zeroing first makes whole bytes valid.
        // 2. These lie beyond `used`, so nobody else can see them yet; a byte that was partly valid is seen by
        //    this thread alone.
        unsafe {
            std::ptr::write_bytes(self.start.add(fresh), 0, last - fresh);
            write(std::slice::from_raw_parts_mut(
                self.start.add(first),
                last - first,
            ));
        }
        // Whoever claims next knows `new` from a term made after this, so stores come in order.
        self.used.store(last, Ordering::Release);
        true
    }
}

/// What keeps the bytes alive that were handed out by [`BinaryData::share`].
struct Shared(Arc<BinaryData>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl Drop for BinaryData {
    fn drop(&mut self) {
        ALLOCATED.fetch_sub(self.capacity, Ordering::Relaxed);
        if self.foreign.is_none() {
            let layout =
                Layout::array::<u8>(self.capacity).expect("the layout it was allocated with");
            // SAFETY: allocated in `build` or `with_capacity` with this layout, and this is the last owner.
            unsafe { dealloc(self.start, layout) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_can_be_appended_to_and_only_once() {
        let data = BinaryData::with_capacity(b"abc", 8);
        assert!(!data.claim(16, 8, false, |_| panic!("not the end")));
        assert!(data.claim(24, 16, false, |room| room.copy_from_slice(b"de")));
        assert!(!data.claim(24, 16, false, |_| panic!("no longer the end")));
        assert_eq!(data.bytes(), b"abcde");
        assert!(!data.claim(40, 32, false, |_| panic!("no room")));
        assert!(data.claim(40, 24, false, |room| assert_eq!(room, [0; 3])));
        assert_eq!(data.bytes(), b"abcde\0\0\0");
        let foreign = BinaryData::from_bytes(Bytes::from_static(b"foreign"));
        assert!(!foreign.claim(56, 8, false, |_| panic!("not ours")));
    }

    #[test]
    fn bits_are_appended_to_a_byte_that_is_partly_free() {
        let mut data = BinaryData::build(1, 3, |room| room[0] = 0b1010_0000);
        BinaryData::end_at(&mut data, 3);
        assert!(!data.claim(3, 7, false, |_| panic!("others may read the byte")));
        assert!(data.claim(3, 7, true, |room| {
            assert_eq!(room, [0b1010_0000, 0]);
            room.copy_from_slice(&[0b1011_1111, 0b1100_0000]);
        }));
        assert_eq!(data.bytes(), [0b1011_1111, 0b1100_0000]);
        assert!(!data.claim(8, 8, true, |_| panic!("not the end")));
        assert!(data.claim(10, 14, true, |room| room[1] = 1));
        assert_eq!(data.bytes(), [0b1011_1111, 0b1100_0000, 1]);
    }

    #[test]
    fn of_many_writers_one_succeeds() {
        let data = BinaryData::with_capacity(&[7; 100], 400);
        let won: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4u8)
                .map(|id| {
                    let data = &data;
                    scope.spawn(move || {
                        let ends = (100..400).step_by(3);
                        ends.filter(|&end| data.claim(end * 8, 24, false, |room| room.fill(id)))
                            .count()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .sum()
        });
        let bytes = data.bytes();
        assert_eq!(bytes.len(), 100 + 3 * won);
        assert!(
            bytes[100..]
                .chunks(3)
                .all(|three| three.iter().all(|&byte| byte == three[0]))
        );
    }
}
