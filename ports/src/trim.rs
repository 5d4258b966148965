//! What many ports held goes back to the system when most of them are gone.
//!
//! Allocators keep what is freed; they are asked to give it back when the ports are a quarter of what they were, if
//! those were many.

#![forbid(unsafe_code)]

use crate::node;
use crate::sys::system;
use scheduler::dirty;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Ports that are many.
const MANY: usize = 1000;
/// The part of them that may be left.
const LEFT: usize = 4;

/// The most ports that there were since memory was last given back.
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// How the program's allocator gives memory back, where it is not the C library's.
static GIVE_BACK: OnceLock<fn()> = OnceLock::new();

/// Sets how the program's allocator gives memory back (once).
pub fn set_give_back(give_back: fn()) {
    let _ = GIVE_BACK.set(give_back);
}

/// A port is gone.
pub(crate) fn port_gone() {
    let count = node::count();
    let peak = PEAK.fetch_max(count, Ordering::Relaxed);
    if peak >= MANY
        && count <= peak / LEFT
        && PEAK
            .compare_exchange(peak, count, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    {
        // It looks through all that is free.
        dirty::detach(dirty::Kind::Io, || {
            system::give_back_memory();
            if let Some(give_back) = GIVE_BACK.get() {
                give_back();
            }
        });
    }
}
