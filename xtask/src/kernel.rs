//! Building the kernel and putting it next to the VM, where `lintel build` finds it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::check;
use crate::vm::root;

/// Options of `cargo xtask kernel`.
#[derive(clap::Args)]
pub struct Args {
    /// Folders to put it into; those of both profiles without any.
    pub folders: Vec<PathBuf>,
}

/// The kernel's name next to the VM.
pub const NAME: &str = "lintel-kernel";

/// Builds it (always with its release profile: the other is larger and no quicker to build) and copies it.
pub fn run(args: &Args) -> Result<()> {
    let kernel = root().join("kernel");
    check(
        Command::new("cargo")
            .args(["build", "--release", "--quiet", "--package", "kernel"])
            .current_dir(&kernel)
            // Flags of the environment are meant for the host's crates.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR"),
    )?;
    let built = kernel.join("target/release/kernel");
    let folders = match args.folders.is_empty() {
        true => ["debug", "release"]
            .map(|profile| root().join("target").join(profile))
            .to_vec(),
        false => args.folders.clone(),
    };
    for folder in folders {
        std::fs::create_dir_all(&folder)?;
        let to = folder.join(NAME);
        std::fs::copy(&built, &to)
            .with_context(|| format!("copying the kernel to {}", to.display()))?;
    }
    Ok(())
}
