//! The reaper: learns of the end of every operating-system process.
//!
//! It waits on the processes' descriptors, not for a signal, and so takes away no child that another
//! part of the program waits for. A process is followed to its end even if its port is long closed.

use crate::handle::Readiness;
use crate::selection::{Selection, Selector};
use crate::sys::process::Child;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Weak};

/// Called with the exit status: the program's, or 128 and the signal's number.
pub type AtEnd = Box<dyn FnOnce(i32) + Send>;

/// A child that is followed.
struct Followed {
    pid: u32,
    pidfd: OwnedFd,
    at_end: Mutex<Option<AtEnd>>,
    selection: Selection,
}

/// All of them, by process id.
static CHILDREN: Mutex<Option<FxHashMap<u32, Arc<Followed>>>> = Mutex::new(None);

/// Follows a child to its end.
///
/// # Errors
/// The poller has no room; the child then is followed by nobody.
pub fn follow(child: Child, at_end: AtEnd) -> io::Result<()> {
    let pid = child.pid;
    let followed = Arc::new_cyclic(|me: &Weak<Followed>| {
        let selector: Weak<dyn Selector> = me.clone();
        Followed {
            pid,
            pidfd: child.pidfd,
            at_end: Mutex::new(Some(at_end)),
            selection: Selection::new(selector),
        }
    });
    // Entered first: the end may be reported before `select` returns.
    let mut children = CHILDREN.lock();
    children
        .get_or_insert_default()
        .insert(pid, Arc::clone(&followed));
    drop(children);
    let selected = followed
        .selection
        .select(followed.pidfd.as_raw_fd(), Readiness::READ);
    if selected.is_err() {
        followed.forget();
    }
    selected
}

impl Followed {
    fn forget(&self) {
        if let Some(children) = CHILDREN.lock().as_mut() {
            children.remove(&self.pid);
        }
    }
}

impl Selector for Followed {
    fn ready(&self, _: Readiness) {
        let at_end = self.at_end.lock().take();
        if let Some(at_end) = at_end {
            self.selection
                .deselect(self.pidfd.as_raw_fd(), Readiness::BOTH);
            // Before its number can be another's.
            self.forget();
            at_end(exit_status(&self.pidfd));
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
