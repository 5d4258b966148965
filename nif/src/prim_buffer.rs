//! The native half of module `prim_buffer`: a queue of bytes that raw files read ahead into.
//!
//! Small writes are gathered into one chunk; reading copies out. The lock is the module's own: it only
//! says whether another process uses the buffer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use vm::bif::{BifResult, Call, Stop, badarg, error_term};
use vm::reference;
use vm::term::{Bits, Term};

vm::bifs! { "prim_buffer":
    "new"/0 Plain new_0;
    "size"/1 Plain size_1;
    "peek_head"/1 Plain peek_head_1;
    "copying_read"/2 Plain copying_read_2;
    "write"/2 Plain write_2;
    "skip"/2 Plain skip_2;
    "find_byte_index"/2 Plain find_byte_index_2;
    "try_lock"/1 Plain try_lock_1;
    "unlock"/1 Plain unlock_1;
}

/// Writes smaller than half of this are gathered.
const ACCUMULATOR: usize = 2 << 10;

#[derive(Default)]
struct Buffer {
    content: Mutex<Content>,
    locked: AtomicBool,
}

#[derive(Default)]
struct Content {
    chunks: VecDeque<Bytes>,
    gathered: BytesMut,
    size: usize,
}

impl Content {
    fn push(&mut self, bytes: &[u8]) {
        self.size += bytes.len();
        if self.gathered.len() + bytes.len() >= ACCUMULATOR {
            self.settle();
            if bytes.len() >= ACCUMULATOR / 2 {
                self.chunks.push_back(Bytes::copy_from_slice(bytes));
                return;
            }
        }
        self.gathered.extend_from_slice(bytes);
    }

    /// Puts what was gathered into the queue.
    fn settle(&mut self) {
        if !self.gathered.is_empty() {
            let gathered = self.gathered.split().freeze();
            self.chunks.push_back(gathered);
        }
    }

    /// Removes the first `count` bytes, of which there are enough, giving each piece to `take`.
    fn remove(&mut self, mut count: usize, mut take: impl FnMut(&[u8])) {
        self.size -= count;
        while count > 0 {
            let Some(first) = self.chunks.front_mut() else {
                return;
            };
            let piece = first.split_to(count.min(first.len()));
            if first.is_empty() {
                self.chunks.pop_front();
            }
            count -= piece.len();
            take(&piece);
        }
    }
}

fn buffer<'p>(call: Call<'p>) -> Result<&'p Buffer, Stop<'p>> {
    call.arg(0).resource::<Buffer>().ok_or_else(badarg)
}

fn count<'p>(term: Term<'p>) -> Result<usize, Stop<'p>> {
    term.as_u64().map(|count| count as usize).ok_or_else(badarg)
}

fn new_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call
        .heap
        .magic_ref(Arc::new(Buffer::default()), reference::next()))
}

fn size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::size(buffer(call)?.content.lock().size))
}

fn peek_head_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut content = buffer(call)?.content.lock();
    content.settle();
    content
        .chunks
        .front()
        .map(|first| call.heap.binary_from(first.clone()))
        .ok_or_else(badarg)
}

fn copying_read_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut content = buffer(call)?.content.lock();
    let wanted = count(call.arg(1))?;
    content.settle();
    if content.size < wanted {
        return Err(badarg());
    }
    let mut bytes = Vec::with_capacity(wanted);
    content.remove(wanted, |piece| bytes.extend_from_slice(piece));
    Ok(call.heap.binary_from(bytes.into()))
}

fn write_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut content = buffer(call)?.content.lock();
    let elements = call.arg(1).proper_list().ok_or_else(badarg)?;
    let binaries: Option<Vec<_>> = elements
        .into_iter()
        .map(|element| element.as_bits().and_then(Bits::binary))
        .collect();
    for binary in binaries.ok_or_else(badarg)? {
        content.push(&binary);
    }
    Ok(Term::OK)
}

fn skip_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut content = buffer(call)?.content.lock();
    let unwanted = count(call.arg(1))?;
    content.settle();
    if content.size < unwanted {
        return Err(badarg());
    }
    content.remove(unwanted, |_| {});
    Ok(Term::OK)
}

fn find_byte_index_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut content = buffer(call)?.content.lock();
    let byte = call
        .arg(1)
        .as_small()
        .and_then(|byte| u8::try_from(byte).ok())
        .ok_or_else(badarg)?;
    content.settle();
    call.charge(content.size / 4_000);
    let mut before = 0;
    for chunk in &content.chunks {
        if let Some(index) = chunk.iter().position(|&other| other == byte) {
            return Ok(call.heap.tuple(&[Term::OK, Term::size(before + index)]));
        }
        before += chunk.len();
    }
    Ok(Term::atom(vm::atom!("not_found")))
}

fn try_lock_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let taken = buffer(call)?.locked.swap(true, Ordering::Acquire);
    Ok(Term::atom(if taken {
        vm::atom!("busy")
    } else {
        vm::atom!("acquired")
    }))
}

fn unlock_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if buffer(call)?.locked.swap(false, Ordering::Release) {
        Ok(Term::OK)
    } else {
        Err(error_term(Term::atom(vm::atom!("lock_order_violation"))))
    }
}
