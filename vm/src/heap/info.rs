//! What a program can ask about a heap.

use super::{RawHeap, block};

/// The parts of a heap, in words (`process_info(Pid, garbage_collection_info)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the names are those of OTP's documentation")]
pub struct GcInfo {
    pub old_heap_block_size: usize,
    pub heap_block_size: usize,
    pub mbuf_size: usize,
    pub recent_size: usize,
    pub stack_size: usize,
    pub old_heap_size: usize,
    pub heap_size: usize,
    pub bin_vheap_size: usize,
    pub bin_vheap_block_size: usize,
    pub bin_old_vheap_size: usize,
    pub bin_old_vheap_block_size: usize,
}

impl GcInfo {
    /// Names and values in the order in which the stock VM lists them.
    pub fn items(&self) -> [(&'static str, usize); 11] {
        [
            ("old_heap_block_size", self.old_heap_block_size),
            ("heap_block_size", self.heap_block_size),
            ("mbuf_size", self.mbuf_size),
            ("recent_size", self.recent_size),
            ("stack_size", self.stack_size),
            ("old_heap_size", self.old_heap_size),
            ("heap_size", self.heap_size),
            ("bin_vheap_size", self.bin_vheap_size),
            ("bin_vheap_block_size", self.bin_vheap_block_size),
            ("bin_old_vheap_size", self.bin_old_vheap_size),
            ("bin_old_vheap_block_size", self.bin_old_vheap_block_size),
        ]
    }

    /// What `process_info(Pid, total_heap_size)` gives.
    pub fn total_heap_size(&self) -> usize {
        self.old_heap_block_size + self.heap_block_size + self.mbuf_size
    }
}

impl RawHeap {
    /// Its parts now.
    pub fn info(&self) -> GcInfo {
        GcInfo {
            old_heap_block_size: self.old_block_words(),
            heap_block_size: self.block_words(),
            mbuf_size: self.fragment_words.get() + self.message_words.get(),
            recent_size: block::between(self.start.get(), self.high_water.get()),
            stack_size: self.stack_words(),
            old_heap_size: self.old_used_words(),
            heap_size: self.used_words(),
            bin_vheap_size: self.off_heap.binary_words.get(),
            bin_vheap_block_size: self.vheap_limit.get(),
            bin_old_vheap_size: self.old_off_heap.binary_words.get(),
            bin_old_vheap_block_size: self.old_vheap_limit.get(),
        }
    }
}
