//! The stock VM on the kernel: its program in the place of ours in an image, to its prompt.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail, ensure};

use super::ended;
use super::guest::Guest;
use crate::otp;
use crate::process::check;

/// Builds an image with it, and asks its shell. Its JIT and its allocators take more memory than we do.
pub fn run(lintel: &Path, work: &Path) -> Result<()> {
    let installed = otp::installed()?;
    let erts = installed
        .app_dir("erts")
        .ok()
        .and_then(|dir| dir.file_name().map(std::ffi::OsStr::to_owned));
    let Some(erts) = erts else {
        bail!("{} has no erts", installed.root.display());
    };
    let program = installed.root.join(erts).join("bin/beam.smp");
    ensure!(program.exists(), "{} does not exist", program.display());
    let image = work.join("stock.img");
    check(
        Command::new(lintel)
            .arg("build")
            .arg("--vm")
            .arg(&program)
            .arg("-o")
            .arg(&image),
    )?;
    // It starts its helper for ports at once: a child that never runs does. And it asks a program for the domain of a
    // host whose name has none.
    let line = "quiet hostname=guest.local fork=asleep init=/bin/lintel BINDIR=/bin ROOTDIR=/otp EMU=beam PROGNAME=erl -- \
                -- -root /otp -bindir /bin -progname erl -- -home /root -- -boot /otp/bin/start";
    let mut options = vec!["--smp", "2", "--memory", "512", "--"];
    options.extend(line.split_whitespace());
    let mut guest = Guest::start(lintel, &image, &options)?;
    guest.expect("Eshell V")?;
    guest.expect("1> ")?;
    guest.type_line("lists:reverse(\"Hello, World!\").")?;
    guest.expect("\"!dlroW ,olleH\"")?;
    guest.expect("2> ")?;
    guest.type_line("erlang:system_info(emu_flavor).")?;
    guest.expect(&installed.flavor)?;
    guest.expect("3> ")?;
    guest.type_line("halt(6).")?;
    ended(guest, 6)
}
