//! One stream of the C library zlib, compressing or decompressing.
//!
//! flate2 does not reach all of it (memory level, strategy, dictionaries of raw streams, window bits of
//! gzip), so this calls the library itself; it is the one that flate2 is built over. [`Codec`] is safe: it
//! owns the stream's state, which never moves, and lends input and output to the library for one call only.

use std::ffi::{c_int, c_uint, c_void};

use libz_sys as z;

unsafe extern "C" {
    /// Since zlib 1.2.7.1; the bindings stop before it.
    fn inflateGetDictionary(
        stream: *mut z::z_stream,
        dictionary: *mut u8,
        length: *mut c_uint,
    ) -> c_int;
}

/// The largest window, which is as much as a dictionary can be.
pub const WINDOW: usize = 32 << 10;

/// A result code of the library: `Z_OK` and its like.
pub type Code = c_int;

/// What a stream does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// It compresses.
    Deflate,
    /// It decompresses.
    Inflate,
}

/// A stream.
pub struct Codec {
    /// Boxed because the library's state refers back to it.
    stream: Box<z::z_stream>,
    /// What it does.
    pub direction: Direction,
}

// SAFETY: the library's state belongs to this stream alone and is tied to no thread.
unsafe impl Send for Codec {}

/// How far a step came.
pub struct Step {
    /// The library's answer.
    pub code: Code,
    /// Bytes of the input that were taken.
    pub consumed: usize,
    /// Bytes of the output that were written.
    pub produced: usize,
}

unsafe extern "C" fn allocate(_: *mut c_void, items: c_uint, size: c_uint) -> *mut c_void {
    // SAFETY: `calloc` takes any sizes. Zeroed, because the library reads parts of its window before it
    // wrote them.
    unsafe { libc::calloc(items as usize, size as usize) }
}

unsafe extern "C" fn free(_: *mut c_void, address: *mut c_void) {
    // SAFETY: the library frees what `allocate` gave it, once.
    unsafe { libc::free(address) }
}

fn new_stream() -> Box<z::z_stream> {
    Box::new(z::z_stream {
        next_in: std::ptr::null_mut(),
        avail_in: 0,
        total_in: 0,
        next_out: std::ptr::null_mut(),
        avail_out: 0,
        total_out: 0,
        msg: std::ptr::null_mut(),
        state: std::ptr::null_mut(),
        zalloc: allocate,
        zfree: free,
        opaque: std::ptr::null_mut(),
        data_type: z::Z_BINARY,
        adler: 0,
        reserved: 0,
    })
}

const STREAM_SIZE: c_int = size_of::<z::z_stream>() as c_int;

impl Codec {
    /// A stream that compresses; the numbers are those of `deflateInit2`.
    pub fn deflate(
        level: c_int,
        method: c_int,
        window_bits: c_int,
        memory_level: c_int,
        strategy: c_int,
    ) -> Result<Codec, Code> {
        let mut stream = new_stream();
        // SAFETY: the stream is as the library wants a new one, and stays where it is.
        let code = unsafe {
            z::deflateInit2_(
                &raw mut *stream,
                level,
                method,
                window_bits,
                memory_level,
                strategy,
                z::zlibVersion(),
                STREAM_SIZE,
            )
        };
        Codec::begun(stream, Direction::Deflate, code)
    }

    /// A stream that decompresses; the number is that of `inflateInit2`.
    pub fn inflate(window_bits: c_int) -> Result<Codec, Code> {
        let mut stream = new_stream();
        // SAFETY: as above.
        let code = unsafe {
            z::inflateInit2_(&raw mut *stream, window_bits, z::zlibVersion(), STREAM_SIZE)
        };
        Codec::begun(stream, Direction::Inflate, code)
    }

    fn begun(stream: Box<z::z_stream>, direction: Direction, code: Code) -> Result<Codec, Code> {
        match code {
            z::Z_OK => Ok(Codec { stream, direction }),
            code => Err(code),
        }
    }

    /// Feeds input, of which not all may be taken, and lets the library write to `output`.
    pub fn step(&mut self, input: &[u8], output: &mut [u8], flush: c_int) -> Step {
        let length = |bytes: &[u8]| c_uint::try_from(bytes.len()).unwrap_or(c_uint::MAX);
        let (given, room) = (length(input), length(output));
        self.stream.next_in = input.as_ptr().cast_mut();
        self.stream.avail_in = given;
        self.stream.next_out = output.as_mut_ptr();
        self.stream.avail_out = room;
        let stream = &raw mut *self.stream;
        // SAFETY:
        // 1. The stream was begun in its direction and has not ended (`end` consumes the codec).
        // 2. `next_in` and `next_out` hold as many bytes as is said; the library only reads the first.
        let code = unsafe {
            match self.direction {
                Direction::Deflate => z::deflate(stream, flush),
                Direction::Inflate => z::inflate(stream, flush),
            }
        };
        let step = Step {
            code,
            consumed: (given - self.stream.avail_in) as usize,
            produced: (room - self.stream.avail_out) as usize,
        };
        self.forget_buffers();
        step
    }

    /// The library must not keep what was lent to it.
    fn forget_buffers(&mut self) {
        self.stream.next_in = std::ptr::null_mut();
        self.stream.avail_in = 0;
        self.stream.next_out = std::ptr::null_mut();
        self.stream.avail_out = 0;
    }

    /// The checksum of the stream so far, or that of the dictionary that is asked for.
    pub fn checksum(&self) -> u32 {
        self.stream.adler as u32
    }

    /// Sets the dictionary, cut to its first 4 GB.
    pub fn set_dictionary(&mut self, dictionary: &[u8]) -> Code {
        let length = c_uint::try_from(dictionary.len()).unwrap_or(c_uint::MAX);
        let stream = &raw mut *self.stream;
        // SAFETY: the stream is one of this direction, and the dictionary is read during the call only.
        unsafe {
            match self.direction {
                Direction::Deflate => z::deflateSetDictionary(stream, dictionary.as_ptr(), length),
                Direction::Inflate => z::inflateSetDictionary(stream, dictionary.as_ptr(), length),
            }
        }
    }

    /// What a stream that decompresses would have as dictionary.
    pub fn dictionary(&mut self) -> Result<Vec<u8>, Code> {
        debug_assert_eq!(self.direction, Direction::Inflate);
        let mut dictionary = vec![0; WINDOW];
        let mut length: c_uint = 0;
        // SAFETY: the stream decompresses, and there is room for the largest dictionary.
        let code = unsafe {
            inflateGetDictionary(
                &raw mut *self.stream,
                dictionary.as_mut_ptr(),
                &raw mut length,
            )
        };
        if code < 0 {
            return Err(code);
        }
        dictionary.truncate(length as usize);
        Ok(dictionary)
    }

    /// Changes level and strategy of a stream that compresses and has nothing pending. `Z_STREAM_ERROR` if
    /// it had, which would be lost.
    pub fn set_params(&mut self, level: c_int, strategy: c_int) -> Code {
        debug_assert_eq!(self.direction, Direction::Deflate);
        // Some versions refuse a stream without any room for output.
        let mut room = 0_u8;
        self.stream.next_out = &raw mut room;
        self.stream.avail_out = 1;
        // SAFETY: the stream compresses; there is no input and one byte for output.
        let code = unsafe { z::deflateParams(&raw mut *self.stream, level, strategy) };
        let written = self.stream.avail_out == 0;
        self.forget_buffers();
        if written { z::Z_STREAM_ERROR } else { code }
    }

    /// Begins anew with the same settings.
    pub fn reset(&mut self) -> Code {
        let stream = &raw mut *self.stream;
        // SAFETY: the stream is one of this direction and has not ended.
        unsafe {
            match self.direction {
                Direction::Deflate => z::deflateReset(stream),
                Direction::Inflate => z::inflateReset(stream),
            }
        }
    }

    /// Ends; `Z_DATA_ERROR` for a stream that compresses and was in the middle of something.
    pub fn end(mut self) -> Code {
        // The library leaves no state behind, so that the destructor's second end does nothing.
        self.free()
    }

    fn free(&mut self) -> Code {
        let stream = &raw mut *self.stream;
        // SAFETY: as in `reset`; a stream that has ended has no state, which the library answers with an
        // error and nothing else.
        unsafe {
            match self.direction {
                Direction::Deflate => z::deflateEnd(stream),
                Direction::Inflate => z::inflateEnd(stream),
            }
        }
    }
}

impl Drop for Codec {
    fn drop(&mut self) {
        self.free();
    }
}
