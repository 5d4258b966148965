//! Ends the node where it cannot go on, with the words that the stock VM uses.

/// How a node ends: ports are closed, a crash dump is written.
static END: std::sync::OnceLock<fn(&str) -> !> = std::sync::OnceLock::new();

/// Sets how the node ends (once).
pub fn set_end(end: fn(&str) -> !) {
    let _ = END.set(end);
}

/// Ends the node with a slogan, as `erlang:halt("slogan")` does: crash dump, exit code 1.
pub fn end(slogan: &str) -> ! {
    if let Some(end) = END.get() {
        end(slogan)
    }
    eprintln!("\n{slogan}\n");
    std::process::exit(1)
}

/// What memory is wanted for, as the stock VM names it: the allocator and the type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Memory {
    /// A binary off the heap.
    Binary,
    /// The heap of a process.
    Heap,
    /// Literals of a module.
    Literal,
    /// All else.
    Other,
}

impl Memory {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Memory::Binary => ("binary_alloc", "binary"),
            Memory::Heap => ("eheap_alloc", "heap"),
            Memory::Literal => ("literal_alloc", "literal"),
            Memory::Other => ("sys_alloc", "misc"),
        }
    }
}

/// The system gives no more memory: `OTP 25, erts_alloc_n_enomem`.
#[cold]
pub fn out_of_memory(what: Memory, bytes: usize) -> ! {
    use std::sync::atomic::{AtomicBool, Ordering};
    static ENDING: AtomicBool = AtomicBool::new(false);
    let (allocator, kind) = what.names();
    let slogan =
        format!("{allocator}: Cannot allocate {bytes} bytes of memory (of type \"{kind}\").");
    if ENDING.swap(true, Ordering::SeqCst) {
        // What the end itself needs is not there either, or another thread is at it.
        eprintln!("{slogan}");
        std::process::exit(1)
    }
    end(&slogan)
}

/// The atom table is full.
pub fn no_more_atoms() -> ! {
    end(&format!(
        "no more index entries in atom_tab (max={})",
        crate::atom::limit()
    ))
}
