//! Signal handlers that write the signal's number to a pipe.

use crate::signals::Disposition;
use rustix::pipe::PipeFlags;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::{mem, ptr};

/// Where handlers write to, or -1.
static WRITE_END: AtomicI32 = AtomicI32::new(-1);

/// The end that signals come out of.
pub struct Pipe(File);

impl Pipe {
    /// Waits for the next signal.
    pub fn next(&mut self) -> io::Result<i32> {
        let mut number = [0];
        self.0.read_exact(&mut number)?;
        Ok(i32::from(number[0]))
    }
}

/// Makes the pipe. Once: a second one would get nothing.
pub fn pipe() -> io::Result<Pipe> {
    static KEPT: OnceLock<OwnedFd> = OnceLock::new();
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    // A handler must not block where nobody reads for a while.
    rustix::io::ioctl_fionbio(&write, true)?;
    let number = write.as_raw_fd();
    if KEPT.set(write).is_ok() {
        WRITE_END.store(number, SeqCst);
    }
    Ok(Pipe(File::from(read)))
}

extern "C" fn notify(signal: libc::c_int) {
    let fd = WRITE_END.load(SeqCst);
    if fd < 0 {
        return;
    }
    let number = signal as u8;
    // SAFETY: `errno` is the interrupted code's and put back; `write` is safe in a handler, and reads one
    // byte of a local variable. A full pipe means that enough signals wait already.
    unsafe {
        let errno = *libc::__errno_location();
        let _ = libc::write(fd, ptr::from_ref(&number).cast(), 1);
        *libc::__errno_location() = errno;
    }
}

/// Sets what is done about a signal. What the system does not let change stays as it is.
pub fn set(signal: i32, disposition: Disposition) {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
        Disposition::Handle => notify as *const () as libc::sighandler_t,
    };
    // SAFETY: the action is plain data, filled in here; the handler does only what a handler may.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESTART;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, ptr::null_mut());
    }
}
