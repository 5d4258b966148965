//! The reaper: one thread that learns of the end of every operating-system process.
//!
//! It waits on the processes' descriptors, not for a signal, and so takes away no child that another
//! part of the program waits for. A process is followed to its end even if its port is long closed.

use crate::sys::process::Child;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use parking_lot::Mutex;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, OnceLock};

/// Called with the exit status: the program's, or 128 and the signal's number.
pub type AtEnd = Box<dyn FnOnce(i32) + Send>;

struct Reaper {
    registry: Registry,
    children: Mutex<HashMap<usize, (OwnedFd, AtEnd)>>,
}

/// Follows a child to its end.
///
/// # Errors
/// No thread or descriptor left for the reaper; the child then is followed by nobody.
pub fn follow(child: Child, at_end: AtEnd) -> io::Result<()> {
    let reaper = reaper()?;
    let token = child.pid as usize;
    let raw = child.pidfd.as_raw_fd();
    // Entered first: the end may be reported before `register` returns.
    reaper.children.lock().insert(token, (child.pidfd, at_end));
    let registered =
        reaper
            .registry
            .register(&mut SourceFd(&raw), Token(token), Interest::READABLE);
    if registered.is_err() {
        reaper.children.lock().remove(&token);
    }
    registered
}

/// The reaper, started at the first use.
fn reaper() -> io::Result<Arc<Reaper>> {
    static REAPER: OnceLock<Mutex<Option<Arc<Reaper>>>> = OnceLock::new();
    let mut slot = REAPER.get_or_init(Mutex::default).lock();
    if let Some(reaper) = &*slot {
        return Ok(Arc::clone(reaper));
    }
    let poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    let reaper = Arc::new(Reaper {
        registry,
        children: Mutex::default(),
    });
    let serving = Arc::clone(&reaper);
    std::thread::Builder::new()
        .name("reaper".into())
        .spawn(move || serving.serve(poll))?;
    *slot = Some(Arc::clone(&reaper));
    Ok(reaper)
}

impl Reaper {
    fn serve(&self, mut poll: Poll) {
        let mut events = Events::with_capacity(64);
        loop {
            if let Err(error) = poll.poll(&mut events, None) {
                assert_eq!(
                    error.kind(),
                    io::ErrorKind::Interrupted,
                    "the reaper's poller failed"
                );
                continue;
            }
            for event in &events {
                let ended = self.children.lock().remove(&event.token().0);
                if let Some((pidfd, at_end)) = ended {
                    let _ = self.registry.deregister(&mut SourceFd(&pidfd.as_raw_fd()));
                    at_end(exit_status(&pidfd));
                }
            }
        }
    }
}

/// Takes the status of a process that has ended. 0 if somebody else has taken it.
fn exit_status(pidfd: &OwnedFd) -> i32 {
    loop {
        match waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) | Ok(None) => return 0,
            Ok(Some(status)) => {
                return status
                    .exit_status()
                    .unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or(0));
            }
        }
    }
}
