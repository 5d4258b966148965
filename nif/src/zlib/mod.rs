//! The native half of module `zlib`: streams that compress and decompress.
//!
//! A stream is a magic reference to a [`Stream`]. Input is queued (`enqueue_nif`); a call of `deflate_nif` or
//! `inflate_nif` takes a slice of it, gives a chunk of output and says whether there is more to do, so that
//! the Erlang half can give way between calls. [`codec`] is the only place that touches the C library.

#[allow(unsafe_code, reason = "calls the C library")]
mod codec;

use std::collections::VecDeque;
use std::ffi::c_int;
use std::sync::Arc;

use bytes::Bytes;
use libz_sys as z;
use parking_lot::{Mutex, MutexGuard};
use vm::atom::well_known;
use vm::bif::iolist;
use vm::bif::{BifResult, Call, Stop, badarg, error};
use vm::heap::OwnedTerm;
use vm::numeric::hash::checksum::{adler32, crc32};
use vm::reference;
use vm::term::{Pid, Term};

use codec::{Code, Codec, Direction};

vm::bifs! { "zlib":
    "open_nif"/0 Plain open_0;
    "close_nif"/1 Plain close_1;
    "set_controller_nif"/2 Plain set_controller_2;
    "enqueue_nif"/2 Plain enqueue_2;
    "deflateInit_nif"/6 Plain deflate_init_6;
    "deflateSetDictionary_nif"/2 Plain deflate_set_dictionary_2;
    "deflateReset_nif"/1 Plain deflate_reset_1;
    "deflateEnd_nif"/1 Plain deflate_end_1;
    "deflateParams_nif"/3 Plain deflate_params_3;
    "deflate_nif"/4 Plain deflate_4;
    "inflateInit_nif"/3 Plain inflate_init_3;
    "inflateSetDictionary_nif"/2 Plain inflate_set_dictionary_2;
    "inflateGetDictionary_nif"/1 Plain inflate_get_dictionary_1;
    "inflateReset_nif"/1 Plain inflate_reset_1;
    "inflateEnd_nif"/1 Plain inflate_end_1;
    "inflate_nif"/4 Plain inflate_4;
    "crc32_nif"/1 Plain crc32_1;
    "getStash_nif"/1 Plain get_stash_1;
    "setStash_nif"/2 Plain set_stash_2;
    "clearStash_nif"/1 Plain clear_stash_1;
    "getBufSize_nif"/1 Plain get_buf_size_1;
    "setBufSize_nif"/2 Plain set_buf_size_2;
}

/// Binaries that one call queues; the caller comes again with the rest.
const VECTOR: usize = 256;
/// Reductions of a whole slice, a hundredth of which is what a slice of the input is charged in.
const SLICE: usize = 4_000;
/// The buffer size that `zlib:getBufSize/1` tells unless one was set.
const BUFFER_SIZE: i32 = 4_000;

/// What happens to input behind the end of a compressed stream (`inflateInit/3`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// It is an error.
    Error,
    /// It is another stream.
    Reset,
    /// It is dropped.
    Cut,
}

/// What a stream is.
enum Phase {
    /// Neither `deflateInit` nor `inflateInit` was called.
    New,
    Running(Codec),
    Closed,
}

struct State {
    phase: Phase,
    controller: Pid,
    input: VecDeque<Bytes>,
    /// Bytes in `input`.
    queued: usize,
    behind: Behind,
    /// Whether the end of the stream was met.
    ended: bool,
    /// Whether there is neither header nor trailer.
    raw: bool,
    /// CRC of the uncompressed data, kept for raw streams (`zlib:crc32/1`).
    crc: u32,
    /// What an interrupted call keeps for the next one.
    stash: Option<OwnedTerm>,
    buffer_size: i32,
}

struct Stream(Mutex<State>);

impl State {
    fn codec(&mut self, direction: Direction) -> Option<&mut Codec> {
        match &mut self.phase {
            Phase::Running(codec) if codec.direction == direction => Some(codec),
            _ => None,
        }
    }

    fn running<'p>(&mut self, direction: Direction) -> Result<&mut Codec, Stop<'p>> {
        self.codec(direction).ok_or_else(not_initialized)
    }

    fn begin<'p>(&mut self, codec: Result<Codec, Code>, window_bits: c_int) -> BifResult<'p> {
        match codec {
            Ok(codec) => {
                self.phase = Phase::Running(codec);
                self.ended = false;
                self.raw = window_bits < 0;
                self.crc = 0;
                Ok(Term::OK)
            }
            Err(code) => answer(code),
        }
    }

    fn drop_input(&mut self) {
        self.input.clear();
        self.queued = 0;
        self.stash = None;
    }

    /// Removes bytes from the front of the queue.
    fn consume(&mut self, mut count: usize) {
        self.queued -= count;
        while let Some(first) = self.input.front_mut() {
            let taken = count.min(first.len());
            bytes::Buf::advance(first, taken);
            count -= taken;
            if !first.is_empty() {
                return;
            }
            self.input.pop_front();
        }
    }

    fn reset<'p>(&mut self, direction: Direction) -> BifResult<'p> {
        let code = self.running(direction)?.reset();
        self.crc = 0;
        self.ended = false;
        self.drop_input();
        answer(code)
    }

    fn end<'p>(&mut self, direction: Direction) -> BifResult<'p> {
        self.running(direction)?;
        let Phase::Running(codec) = std::mem::replace(&mut self.phase, Phase::New) else {
            return Err(not_initialized());
        };
        let mut code = codec.end();
        let unfinished = direction == Direction::Inflate && !self.ended;
        if code == z::Z_OK && (unfinished || self.queued > 0) {
            code = z::Z_DATA_ERROR;
        }
        self.drop_input();
        answer(code)
    }
}

fn not_initialized<'p>() -> Stop<'p> {
    error(vm::atom!("not_initialized"))
}

/// A result code as the caller gets it: some are results, some exceptions, as in the stock library.
fn answer<'p>(code: Code) -> BifResult<'p> {
    Ok(Term::atom(match code {
        z::Z_OK => well_known::OK,
        z::Z_STREAM_END => vm::atom!("stream_end"),
        z::Z_STREAM_ERROR => return Err(error(vm::atom!("stream_error"))),
        z::Z_DATA_ERROR => return Err(error(vm::atom!("data_error"))),
        z::Z_MEM_ERROR => vm::atom!("mem_error"),
        z::Z_BUF_ERROR => vm::atom!("buf_error"),
        z::Z_VERSION_ERROR => vm::atom!("version_error"),
        _ => vm::atom!("unknown_error"),
    }))
}

/// An argument that C's `int` holds.
fn int<'p>(call: Call<'p>, index: usize) -> Result<c_int, Stop<'p>> {
    call.arg(index)
        .as_small()
        .and_then(|value| c_int::try_from(value).ok())
        .ok_or_else(badarg)
}

fn resource<'p>(call: Call<'p>) -> Result<&'p Stream, Stop<'p>> {
    call.arg(0).resource::<Stream>().ok_or_else(badarg)
}

/// The stream of the first argument, if the caller may use it.
fn stream<'p>(call: Call<'p>) -> Result<MutexGuard<'p, State>, Stop<'p>> {
    let state = resource(call)?.0.lock();
    if state.controller != call.process().pid() {
        return Err(error(vm::atom!("not_on_controlling_process")));
    }
    Ok(state)
}

fn open_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let stream = Stream(Mutex::new(State {
        phase: Phase::New,
        controller: call.process().pid(),
        input: VecDeque::new(),
        queued: 0,
        behind: Behind::Cut,
        ended: false,
        raw: false,
        crc: 0,
        stash: None,
        buffer_size: BUFFER_SIZE,
    }));
    Ok(call.heap.magic_ref(Arc::new(stream), reference::next()))
}

fn close_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?;
    if matches!(state.phase, Phase::Closed) {
        return Err(not_initialized());
    }
    state.phase = Phase::Closed;
    state.drop_input();
    Ok(Term::OK)
}

fn set_controller_2<'p>(call: Call<'p>) -> BifResult<'p> {
    resource(call)?;
    let controller = call.arg(1).as_pid().ok_or_else(badarg)?;
    stream(call)?.controller = controller;
    Ok(Term::OK)
}

/// Queues binaries: `ok`, or `{continue, Rest}` if there were too many for one call.
fn enqueue_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?;
    if !matches!(state.phase, Phase::Running(_)) {
        return Err(not_initialized());
    }
    let mut elements = call.arg(1).list();
    let mut vector = Vec::new();
    while vector.len() < VECTOR {
        let Some(element) = elements.next() else {
            break;
        };
        let bits = element.as_bits().ok_or_else(badarg)?;
        let bytes = match iolist::shared(bits) {
            Some(bytes) => bytes,
            None => bits.binary().ok_or_else(badarg)?.into_owned().into(),
        };
        vector.push(bytes);
    }
    let rest = elements.rest();
    if !rest.is_nil() && rest.as_cons().is_none() {
        return Err(badarg());
    }
    state.queued += vector.iter().map(Bytes::len).sum::<usize>();
    state
        .input
        .extend(vector.into_iter().filter(|bytes| !bytes.is_empty()));
    Ok(match rest.is_nil() {
        true => Term::OK,
        false => call.heap.tuple(&[Term::atom(vm::atom!("continue")), rest]),
    })
}

fn deflate_init_6<'p>(call: Call<'p>) -> BifResult<'p> {
    resource(call)?;
    let [level, method, window_bits, memory_level, strategy] = [
        int(call, 1)?,
        int(call, 2)?,
        int(call, 3)?,
        int(call, 4)?,
        int(call, 5)?,
    ];
    let mut state = new_stream(call)?;
    let codec = Codec::deflate(level, method, window_bits, memory_level, strategy);
    state.begin(codec, window_bits)
}

fn inflate_init_3<'p>(call: Call<'p>) -> BifResult<'p> {
    resource(call)?;
    let (window_bits, behind) = (int(call, 1)?, int(call, 2)?);
    let mut state = new_stream(call)?;
    let begun = state.begin(Codec::inflate(window_bits), window_bits)?;
    state.behind = match behind {
        0 => Behind::Error,
        1 => Behind::Reset,
        _ => Behind::Cut,
    };
    Ok(begun)
}

/// The stream of the first argument, which must be one that nothing was begun with.
fn new_stream<'p>(call: Call<'p>) -> Result<MutexGuard<'p, State>, Stop<'p>> {
    let state = stream(call)?;
    match state.phase {
        Phase::New => Ok(state),
        _ => Err(error(vm::atom!("already_initialized"))),
    }
}

/// The bytes of the second argument.
fn dictionary<'p>(call: Call<'p>) -> Result<Vec<u8>, Stop<'p>> {
    resource(call)?;
    iolist::to_vec(call.arg(1)).map_err(|_| badarg())
}

/// Sets the dictionary and tells its checksum, as C's `int`.
fn deflate_set_dictionary_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let dictionary = dictionary(call)?;
    let mut state = stream(call)?;
    let raw = state.raw;
    let codec = state.running(Direction::Deflate)?;
    match codec.set_dictionary(&dictionary) {
        z::Z_OK => {
            // A raw stream keeps none; the stock library begins this one at 0.
            let checksum = match raw {
                true => adler32(0, &dictionary),
                false => codec.checksum(),
            };
            Ok(Term::int(checksum.cast_signed()))
        }
        code => answer(code),
    }
}

fn inflate_set_dictionary_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let dictionary = dictionary(call)?;
    answer(
        stream(call)?
            .running(Direction::Inflate)?
            .set_dictionary(&dictionary),
    )
}

fn inflate_get_dictionary_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?;
    match state.running(Direction::Inflate)?.dictionary() {
        Ok(dictionary) => Ok(call.heap.binary(&dictionary)),
        Err(code) => answer(code),
    }
}

fn deflate_reset_1<'p>(call: Call<'p>) -> BifResult<'p> {
    stream(call)?.reset(Direction::Deflate)
}

fn inflate_reset_1<'p>(call: Call<'p>) -> BifResult<'p> {
    stream(call)?.reset(Direction::Inflate)
}

fn deflate_end_1<'p>(call: Call<'p>) -> BifResult<'p> {
    stream(call)?.end(Direction::Deflate)
}

fn inflate_end_1<'p>(call: Call<'p>) -> BifResult<'p> {
    stream(call)?.end(Direction::Inflate)
}

fn deflate_params_3<'p>(call: Call<'p>) -> BifResult<'p> {
    resource(call)?;
    let (level, strategy) = (int(call, 1)?, int(call, 2)?);
    answer(
        stream(call)?
            .running(Direction::Deflate)?
            .set_params(level, strategy),
    )
}

/// How much a call takes and gives, and what is to be flushed.
#[derive(Clone, Copy)]
struct Limits {
    input: usize,
    output: usize,
    flush: c_int,
}

fn limits<'p>(call: Call<'p>) -> Result<Limits, Stop<'p>> {
    resource(call)?;
    let size = |index| {
        int(call, index)
            .and_then(|size| usize::try_from(size).map_err(|_| badarg()))
            .and_then(|size| if size == 0 { Err(badarg()) } else { Ok(size) })
    };
    Ok(Limits {
        input: size(1)?,
        output: size(2)?,
        flush: int(call, 3)?,
    })
}

fn deflate_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let limits = limits(call)?;
    let mut state = stream(call)?;
    state.running(Direction::Deflate)?;
    run(call, &mut state, limits)
}

fn inflate_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let limits = limits(call)?;
    let mut state = stream(call)?;
    state.running(Direction::Inflate)?;
    if state.ended && state.queued > 0 {
        match state.behind {
            Behind::Error => return answer(z::Z_DATA_ERROR),
            Behind::Reset => {
                let code = state.running(Direction::Inflate)?.reset();
                if code != z::Z_OK {
                    return answer(code);
                }
                state.ended = false;
            }
            Behind::Cut => state.drop_input(),
        }
    }
    run(call, &mut state, limits)
}

/// One slice of work on the input.
fn run<'p>(call: Call<'p>, state: &mut State, limits: Limits) -> BifResult<'p> {
    let mut output = Vec::new();
    if output.try_reserve_exact(limits.output).is_err() {
        return answer(z::Z_MEM_ERROR);
    }
    output.resize(limits.output, 0);
    let (code, consumed, produced) = feed(call, state, limits, &mut output)?;
    output.truncate(produced);
    if code < 0 && code != z::Z_BUF_ERROR {
        return answer(code);
    }
    state.ended |= code == z::Z_STREAM_END;
    let checksum = match &state.phase {
        Phase::Running(codec) => {
            if state.raw && codec.direction == Direction::Inflate {
                state.crc = crc32(state.crc, &output);
            }
            codec.checksum()
        }
        _ => 0,
    };
    if consumed == 0 && produced == 0 && state.queued != 0 {
        // No progress at all: the input is not what it should be.
        return answer(z::Z_DATA_ERROR);
    }
    let full = produced == limits.output;
    let output = match produced {
        0 => Term::NIL,
        _ => call.heap.list(&[call.heap.binary_from(output.into())]),
    };
    let heap = call.heap;
    Ok(if state.queued == 0 && !full {
        heap.tuple(&[Term::atom(vm::atom!("finished")), output])
    } else if code != z::Z_NEED_DICT {
        heap.tuple(&[Term::atom(vm::atom!("continue")), output])
    } else {
        // As C's `int`, which the stock library makes of it.
        let checksum = Term::int(checksum.cast_signed());
        heap.tuple(&[Term::atom(vm::atom!("need_dictionary")), checksum, output])
    })
}

/// Feeds queued input until a limit is met, the output is full or the library has something to say; then, if
/// all input is taken, flushes. Result code, bytes taken and bytes written.
fn feed<'p>(
    call: Call<'p>,
    state: &mut State,
    limits: Limits,
    output: &mut [u8],
) -> Result<(Code, usize, usize), Stop<'p>> {
    let Phase::Running(codec) = &mut state.phase else {
        return Err(not_initialized());
    };
    let sums_input = state.raw && codec.direction == Direction::Deflate;
    let (mut code, mut consumed, mut produced) = (z::Z_OK, 0, 0);
    for block in &state.input {
        if code != z::Z_OK || consumed >= limits.input || produced == output.len() {
            break;
        }
        let block = &block[..block.len().min(limits.input)];
        // Nothing is flushed before the end of the input.
        let step = codec.step(block, &mut output[produced..], z::Z_NO_FLUSH);
        code = step.code;
        if sums_input {
            state.crc = crc32(state.crc, &block[..step.consumed]);
        }
        consumed += step.consumed;
        produced += step.produced;
        let percent = (100 * step.consumed / limits.input).max(1);
        if call.charge(percent * SLICE / 100) {
            break;
        }
    }
    state.consume(consumed);
    if code == z::Z_OK
        && state.queued == 0
        && produced < output.len()
        && let Phase::Running(codec) = &mut state.phase
    {
        // Also without a flush: what did not fit into the output of the call before may be pending.
        let step = codec.step(&[], &mut output[produced..], limits.flush);
        code = step.code;
        produced += step.produced;
    }
    Ok((code, consumed, produced))
}

/// CRC of the uncompressed data of a raw stream.
fn crc32_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let state = stream(call)?;
    match state.phase {
        Phase::Running(_) => Ok(Term::size(state.crc as usize)),
        _ => Err(not_initialized()),
    }
}

fn get_stash_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(match &stream(call)?.stash {
        Some(stash) => call.heap.tuple(&[Term::OK, call.heap.copy(stash.term())]),
        None => Term::atom(vm::atom!("empty")),
    })
}

fn set_stash_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?;
    if state.stash.is_some() {
        return Err(error(well_known::ERROR));
    }
    state.stash = Some(OwnedTerm::copy_of(call.arg(1)));
    Ok(Term::OK)
}

fn clear_stash_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match stream(call)?.stash.take() {
        Some(_) => Ok(Term::OK),
        None => Err(error(well_known::ERROR)),
    }
}

fn get_buf_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::int(stream(call)?.buffer_size))
}

fn set_buf_size_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut state = stream(call)?;
    state.buffer_size = int(call, 1)?;
    Ok(Term::OK)
}
