//! Where the tests find real `.beam` files.

pub mod assembly;
#[allow(dead_code, reason = "not every test uses it")]
pub mod bifs;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The module of the documentation, compiled with OTP 25.
#[allow(dead_code, reason = "not every test uses it")]
pub const SAMPLE: &[u8] = include_bytes!("../data/lintel_sample.beam");

/// The root of OTP: `LINTEL_OTP`, else that of the `erl` on the PATH, else none, with a message.
pub fn otp_root() -> Option<PathBuf> {
    let root = std::env::var_os("LINTEL_OTP")
        .map(PathBuf::from)
        .or_else(root_of_erl);
    if root.is_none() {
        eprintln!("skipped: there is no OTP here (set LINTEL_OTP, or put erl on the PATH)");
    }
    root
}

fn root_of_erl() -> Option<PathBuf> {
    let erl = Command::new("erl")
        .args([
            "-noshell",
            "-eval",
            "io:put_chars(code:root_dir()), halt().",
        ])
        .output();
    let root = String::from_utf8(erl.ok()?.stdout).ok()?;
    Some(PathBuf::from(root)).filter(|root| root.join("lib").is_dir())
}

/// Every `.beam` file of an application's `ebin` below the root, in a fixed order.
pub fn beams(root: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    let mut beams: Vec<_> = entries(&root.join("lib"))
        .flat_map(|application| entries(&application.join("ebin")).collect::<Vec<_>>())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "beam")
        })
        .collect();
    beams.sort();
    beams
}
