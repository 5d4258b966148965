//! Ends the node where it cannot go on, with the words that the stock VM uses.

/// What a layer above wants done before the node ends: the crash dump.
static BEFORE: std::sync::OnceLock<fn(&str)> = std::sync::OnceLock::new();

/// Sets what is done before the node ends (once).
pub fn set_hook(hook: fn(&str)) {
    let _ = BEFORE.set(hook);
}

/// Ends the node with a slogan, as `erlang:halt("slogan")` does: crash dump, exit code 1.
pub fn end(slogan: &str) -> ! {
    if let Some(hook) = BEFORE.get() {
        hook(slogan);
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
