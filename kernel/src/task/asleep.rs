//! Child processes that never run.
//!
//! There is one address space, so a process cannot be doubled, and `fork` answers ENOSYS. Some programs start a helper
//! before they know whether they need it, and give up without. The option `fork=asleep` is for them: a child is made
//! that has a number and holds the descriptors it inherited, as a real one does, and is never given the processor.
//! The console says so each time.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use super::process::FDS;
use super::thread;
use crate::arch::sync::SpinLock;
use crate::fs::file::Open;
use crate::println;
use crate::sys::errno::{ENOSYS, Result};

static ALLOWED: AtomicBool = AtomicBool::new(false);
/// What the children hold.
static HELD: SpinLock<Vec<Arc<Open>>> = SpinLock::new(Vec::new());

/// Allows such children, or not.
pub fn allow(on: bool) {
    ALLOWED.store(on, Ordering::Relaxed);
}

/// Makes one; its number.
pub fn make() -> Result<usize> {
    if !ALLOWED.load(Ordering::Relaxed) {
        return Err(ENOSYS);
    }
    let pid = thread::new_tid();
    println!("process {pid} was started and will never run: there is one address space");
    let inherited = FDS.lock().all();
    HELD.lock().extend(inherited);
    Ok(pid as usize)
}
