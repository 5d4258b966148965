//! Where the virtual machine itself writes: standard output and error. A layer above may take it over.

#![forbid(unsafe_code)]

use std::io::Write;
use std::sync::OnceLock;

/// The two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

static HOOK: OnceLock<fn(Stream, &[u8])> = OnceLock::new();

/// Sets who writes (once).
pub fn set_hook(hook: fn(Stream, &[u8])) {
    let _ = HOOK.set(hook);
}

/// Writes all of the bytes at once. Failures are ignored, as by the stock VM.
pub fn write(stream: Stream, bytes: &[u8]) {
    if let Some(hook) = HOOK.get() {
        return hook(stream, bytes);
    }
    let _ = match stream {
        Stream::Out => std::io::stdout()
            .write_all(bytes)
            .and_then(|()| std::io::stdout().flush()),
        Stream::Err => std::io::stderr().write_all(bytes),
    };
}
