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

/// The atom table is full.
pub fn no_more_atoms() -> ! {
    end(&format!(
        "no more index entries in atom_tab (max={})",
        crate::atom::limit()
    ))
}
