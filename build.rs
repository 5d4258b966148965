//! Names this build: a hash of all sources of the VM, of the versions of its libraries and of the compiler. What one
//! build keeps in a file (modules as they were linked) must not be read by another.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders whose sources decide what linked code means.
const FOLDERS: &[&str] = &[
    "vm/src",
    "loader/src",
    "scheduler/src",
    "ports/src",
    "nif/src",
    "net/src",
    "src",
];

fn main() {
    let mut hasher = DefaultHasher::new();
    let mut files = vec![PathBuf::from("Cargo.lock"), PathBuf::from("Cargo.toml")];
    for folder in FOLDERS {
        println!("cargo:rerun-if-changed={folder}");
        collect(Path::new(folder), &mut files);
    }
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rerun-if-changed=Cargo.toml");
    files.sort();
    for file in files {
        file.hash(&mut hasher);
        std::fs::read(&file).unwrap_or_default().hash(&mut hasher);
    }
    for name in ["PROFILE", "TARGET", "CARGO_ENCODED_RUSTFLAGS"] {
        std::env::var(name).unwrap_or_default().hash(&mut hasher);
    }
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    if let Ok(output) = Command::new(compiler).arg("-vV").output() {
        output.stdout.hash(&mut hasher);
    }
    println!(
        "cargo:rustc-env=LINTEL_FINGERPRINT={:016x}",
        hasher.finish()
    );
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
