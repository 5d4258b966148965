//! The native half of module `zlib`: compression, as far as it is written: one stream of `deflate` at a time,
//! with zlib's header or raw.

use std::sync::Arc;

use flate2::{Compress, Compression, FlushCompress, Status};
use parking_lot::Mutex;
use vm::bif::{BifResult, Call, Stop, badarg, error_term};
use vm::heap::OwnedTerm;
use vm::reference;
use vm::term::{Bits, Term};

vm::bifs! { "zlib":
    "open_nif"/0 Plain open_0;
    "close_nif"/1 Plain close_1;
    "set_controller_nif"/2 Plain set_controller_2;
    "enqueue_nif"/2 Plain enqueue_2;
    "deflateInit_nif"/6 Plain deflate_init_6;
    "deflate_nif"/4 Plain deflate_4;
    "deflateReset_nif"/1 Plain deflate_reset_1;
    "deflateEnd_nif"/1 Plain deflate_end_1;
    "getStash_nif"/1 Plain get_stash_1;
    "setStash_nif"/2 Plain set_stash_2;
    "clearStash_nif"/1 Plain clear_stash_1;
}

#[derive(Default)]
struct Stream(Mutex<State>);

#[derive(Default)]
struct State {
    deflate: Option<Compress>,
    input: Vec<u8>,
    /// What an interrupted call keeps for the next one.
    stash: Option<OwnedTerm>,
}

fn stream<'p>(call: Call<'p>) -> Result<&'p Stream, Stop<'p>> {
    call.arg(0).resource::<Stream>().ok_or_else(badarg)
}

fn not_initialized<'p>() -> Stop<'p> {
    error_term(Term::atom(vm::atom!("not_initialized")))
}

fn open_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call
        .heap
        .magic_ref(Arc::new(Stream::default()), reference::next()))
}

fn close_1<'p>(call: Call<'p>) -> BifResult<'p> {
    *stream(call)?.0.lock() = State::default();
    Ok(Term::OK)
}

fn set_controller_2<'p>(call: Call<'p>) -> BifResult<'p> {
    stream(call)?;
    call.arg(1).as_pid().map(|_| Term::OK).ok_or_else(badarg)
}

fn enqueue_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?.0.lock();
    for part in call.arg(1).proper_list().ok_or_else(badarg)? {
        let bytes = part.as_bits().and_then(Bits::binary).ok_or_else(badarg)?;
        state.input.extend_from_slice(&bytes);
    }
    Ok(Term::OK)
}

fn deflate_init_6<'p>(call: Call<'p>) -> BifResult<'p> {
    let number = |index: usize| call.arg(index).as_small().ok_or_else(badarg);
    let (level, window) = (number(1)?, number(3)?);
    let level = match level {
        -1 => Compression::default(),
        0..=9 => Compression::new(level as u32),
        _ => return Err(badarg()),
    };
    let header = window > 0;
    let mut state = stream(call)?.0.lock();
    state.deflate = Some(Compress::new_with_window_bits(
        level,
        header,
        window.unsigned_abs().clamp(9, 15) as u8,
    ));
    state.input.clear();
    Ok(Term::OK)
}

/// Compresses all that is queued; `{finished, Output}` or `{continue, Output}`.
fn deflate_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let flush = match call.arg(3).as_small().ok_or_else(badarg)? {
        0 => FlushCompress::None,
        2 => FlushCompress::Sync,
        3 => FlushCompress::Full,
        4 => FlushCompress::Finish,
        _ => return Err(badarg()),
    };
    let mut state = stream(call)?.0.lock();
    let input = std::mem::take(&mut state.input);
    let deflate = state.deflate.as_mut().ok_or_else(not_initialized)?;
    call.charge(input.len() / 1_000);
    let mut output = Vec::with_capacity(input.len() / 2 + 128);
    let start = deflate.total_in();
    loop {
        output.reserve(4_096);
        let done = (deflate.total_in() - start) as usize;
        let status = deflate.compress_vec(&input[done..], &mut output, flush);
        let taken = (deflate.total_in() - start) as usize;
        match status {
            Ok(Status::StreamEnd) => break,
            Ok(_)
                if flush != FlushCompress::Finish
                    && taken == input.len()
                    && output.len() < output.capacity() =>
            {
                break;
            }
            Ok(_) => {}
            Err(_) => return Err(error_term(Term::atom(vm::atom!("stream_error")))),
        }
    }
    let list = call.heap.list(&[call.heap.binary_from(output.into())]);
    Ok(call.heap.tuple(&[Term::atom(vm::atom!("finished")), list]))
}

fn deflate_reset_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?.0.lock();
    state.input.clear();
    state.deflate.as_mut().ok_or_else(not_initialized)?.reset();
    Ok(Term::OK)
}

fn deflate_end_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?.0.lock();
    state.deflate.take().ok_or_else(not_initialized)?;
    state.input.clear();
    Ok(Term::OK)
}

fn get_stash_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(match &stream(call)?.0.lock().stash {
        Some(stash) => call.heap.tuple(&[Term::OK, call.heap.copy(stash.term())]),
        None => Term::atom(vm::atom!("empty")),
    })
}

fn set_stash_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?.0.lock();
    if state.stash.is_some() {
        return Err(badarg());
    }
    state.stash = Some(OwnedTerm::copy_of(call.arg(1)));
    Ok(Term::OK)
}

fn clear_stash_1<'p>(call: Call<'p>) -> BifResult<'p> {
    stream(call)?
        .0
        .lock()
        .stash
        .take()
        .map(|_| Term::OK)
        .ok_or_else(badarg)
}
