//! How the node ends.
//!
//! `halt` runs what the layers registered (ports write out what they hold, the terminal is given back), then
//! ends the operating-system process. What a crash dump says is the node's matter.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// Something to be done before the node ends.
pub trait AtHalt: Send + Sync {
    /// The node ends; with `flush`, data on its way out is to get there first.
    fn node_halts(&self, flush: bool);
}

static AT_HALT: Mutex<Vec<&'static dyn AtHalt>> = Mutex::new(Vec::new());
static CRASH_DUMP: OnceLock<fn(&str)> = OnceLock::new();
static LAST: OnceLock<fn()> = OnceLock::new();
static HALTING: AtomicBool = AtomicBool::new(false);

/// Registers something to be done before the node ends, before what was registered earlier.
pub fn at_halt(what: &'static dyn AtHalt) {
    AT_HALT.lock().push(what);
}

/// Registers what writes a crash dump for a slogan. Once; false the second time.
pub fn set_crash_dump(write: fn(&str)) -> bool {
    CRASH_DUMP.set(write).is_ok()
}

/// Registers what is done last of all, when everything is closed and written (once; false the second time). A node that
/// is to be started again may never come back from it.
pub fn set_last(what: fn()) -> bool {
    LAST.set(what).is_ok()
}

/// Whether the node is ending.
pub fn is_halting() -> bool {
    HALTING.load(Ordering::Acquire)
}

/// Ends the node with an exit code, of which the system keeps the lower eight bits.
pub fn exit(code: i32, flush: bool) -> ! {
    finish(flush);
    last();
    std::process::exit(code)
}

/// Ends the node with a message on the standard error stream and a crash dump; the exit code is 1.
pub fn crash(slogan: &str) -> ! {
    finish(false);
    eprintln!("{slogan}");
    if let Some(write) = CRASH_DUMP.get() {
        write(slogan);
    }
    last();
    std::process::exit(1)
}

/// Ends the node at once, as by a fault: the system may write a core file.
pub fn abort() -> ! {
    finish(false);
    last();
    std::process::abort()
}

fn last() {
    if let Some(what) = LAST.get() {
        what();
    }
}

/// Does what is registered, once, whoever else ends the node at the same time.
fn finish(flush: bool) {
    if HALTING.swap(true, Ordering::AcqRel) {
        // Another thread is at it, and will end the process.
        loop {
            std::thread::park();
        }
    }
    let all = std::mem::take(&mut *AT_HALT.lock());
    for what in all.into_iter().rev() {
        what.node_halts(flush);
    }
}
