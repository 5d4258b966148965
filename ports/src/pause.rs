//! Holding the ports while somebody else uses the terminal: the break menu.

#![forbid(unsafe_code)]

use crate::node::node;
use crate::sys::terminal;
use std::io;
use std::os::fd::BorrowedFd;

/// Runs `run` while no descriptor is reported to drivers and the terminal is as it was before the node
/// started; afterwards all is as it was.
pub fn with_terminal<R>(run: impl FnOnce() -> R) -> R {
    let pause = node().pause().lock();
    terminal::restore();
    let result = run();
    terminal::reenter();
    drop(pause);
    result
}

/// Writes to the standard output, also where that does not block.
pub fn write(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(output(), rest) {
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => wait(output(), rustix::event::PollFlags::OUT),
            // Nobody reads it.
            Err(_) => return,
        }
    }
}

/// Waits for a line (or key) on the standard input; its first byte, or none at the end.
///
/// # Errors
/// Of reading.
pub fn key() -> io::Result<Option<u8>> {
    let mut bytes = [0; 64];
    loop {
        match rustix::io::read(terminal::borrow(0), &mut bytes) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(bytes[0])),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => {
                wait(terminal::borrow(0), rustix::event::PollFlags::IN)
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn output() -> BorrowedFd<'static> {
    terminal::borrow(1)
}

fn wait(fd: BorrowedFd<'_>, what: rustix::event::PollFlags) {
    // Interrupted or not: who waits tries again.
    let _ = rustix::event::poll(&mut [rustix::event::PollFd::new(&fd, what)], None);
}
