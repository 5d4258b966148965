//! What a process's memory amounts to (`process_info`).

use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::Process;
use super::flags::Flag;
use crate::binary::BinaryData;
use crate::heap::OwnedTerm;
use crate::heap::fragment::OffHeap;
use crate::heap::info::GcInfo;
use crate::resource::Resource;
use crate::term::word::{self, BoxedKind, NIL, Word};

/// Something off the heap that a process's terms refer to.
pub struct OffHeapObject {
    /// Where it is.
    pub address: u64,
    /// Its size in bytes.
    pub size: usize,
    /// How many refer to it.
    pub count: usize,
}

/// Calls `visit` for all objects of a list.
fn each(list: &OffHeap, mut visit: impl FnMut(BoxedKind, *const Word)) {
    let mut object = list.head.get();
    while object != NIL {
        let at: *const Word = word::pointer(object);
        // SAFETY: the list links complete objects of a heap that is borrowed; the second word is the link.
        unsafe {
            visit(word::header_kind(*at), at);
            object = *at.add(1);
        }
    }
}

fn each_binary(list: &OffHeap, mut visit: impl FnMut(OffHeapObject)) {
    each(list, |kind, at| {
        if kind != BoxedKind::RefBin {
            return;
        }
        // SAFETY: the third word of such an object is what `Arc::into_raw` gave; the count is the object's own, and
        // stays with it.
        let data = unsafe { ManuallyDrop::new(Arc::from_raw(*at.add(2) as *const BinaryData)) };
        visit(OffHeapObject {
            address: Arc::as_ptr(&data) as u64,
            size: data.capacity(),
            count: Arc::strong_count(&data),
        });
    });
}

/// Calls `visit` for every binary off the heap that a term with its own memory counts.
pub fn binaries_of(owned: &OwnedTerm, visit: impl FnMut(OffHeapObject)) {
    each_binary(owned.off_heap(), visit);
}

impl Process {
    /// The parts of its heap, messages that count as such included.
    pub fn gc_info(&self) -> GcInfo {
        let mut info = self.heap.info();
        info.mbuf_size = self.heap.fragment_words.get() + self.on_heap_message_words();
        info
    }

    fn on_heap_message_words(&self) -> usize {
        if self.flags.has(Flag::OffHeapMessages) {
            0
        } else {
            self.mailbox.outside_words()
        }
    }

    /// Words of all that counts as its heap.
    pub fn total_heap_size(&self) -> usize {
        self.gc_info().total_heap_size()
    }

    /// Bytes that it takes in all.
    pub fn memory(&self) -> usize {
        let info = self.gc_info();
        let words = info.total_heap_size() + self.dictionary_len() * 2;
        let outside = if self.flags.has(Flag::OffHeapMessages) {
            self.mailbox.outside_words()
        } else {
            0
        };
        size_of::<Process>()
            + size_of::<super::Shared>()
            + (words + outside) * size_of::<Word>()
            + self.mailbox.len() * size_of::<super::queue::Node<super::signal::Signal>>()
            + self.relations.memory()
    }

    /// How many catch handlers stand on its stack.
    pub fn catch_level(&self) -> usize {
        self.catches.get() as usize
    }

    /// Minor collections since the last full one.
    pub fn minor_collections(&self) -> usize {
        self.heap.minor_since_full.get() as usize
    }

    /// Calls `visit` for every binary off the heap that its terms count.
    pub fn for_each_binary(&self, mut visit: impl FnMut(OffHeapObject)) {
        for list in [&self.heap.off_heap, &self.heap.old_off_heap] {
            each_binary(list, &mut visit);
        }
    }

    /// Calls `visit` for every Rust value that its magic references stand for.
    pub fn for_each_magic(&self, mut visit: impl FnMut(OffHeapObject)) {
        for list in [&self.heap.off_heap, &self.heap.old_off_heap] {
            each(list, |kind, at| {
                if kind != BoxedKind::MagicRef {
                    return;
                }
                // SAFETY: the words after the link of such an object are an `Arc<dyn Resource>` that it owns.
                let resource = unsafe { &*at.add(2).cast::<Arc<dyn Resource>>() };
                visit(OffHeapObject {
                    address: Arc::as_ptr(resource).cast::<()>() as u64,
                    size: size_of_val(&**resource),
                    count: Arc::strong_count(resource),
                });
            });
        }
    }
}
