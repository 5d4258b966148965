//! The release of the examples, made as its README says, and booted.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::guest::Guest;
use super::{MEMORY_MB, build, ended};
use crate::process::check;
use crate::vm::root;

/// Its script makes the folder; the image of it greets, and ends when it has been asked so.
pub fn run(lintel: &Path, work: &Path) -> Result<()> {
    let folder = work.join("greeter");
    check(
        Command::new(lintel)
            .arg("escript")
            .arg(root().join("examples/release/make.escript"))
            .arg(&folder),
    )?;
    let image = work.join("greeter.img");
    build(lintel, &[&folder], &image)?;
    let mut guest = Guest::start(lintel, &image, &["--memory", MEMORY_MB])?;
    guest.expect("Good morning, image!")?;
    guest.expect("I am greeter 1.0 of release greeter 1.0.")?;
    guest.expect("1> ")?;
    guest.type_line("greeter:greet(\"Joe\").")?;
    guest.expect("Good morning, Joe!")?;
    guest.type_line("init:stop().")?;
    ended(guest, 0)
}
