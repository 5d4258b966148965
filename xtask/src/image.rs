//! Images under the emulator: built by `lintel build`, started by `lintel run`, driven at their console.

mod guest;
mod names;
mod network;
mod release;
mod soak;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::kernel;
use crate::process::check;
use crate::vm::root;
use guest::Guest;

/// Options of `cargo xtask image`.
#[derive(clap::Args)]
pub struct Args {
    /// The program that builds and runs images, and is in them.
    #[arg(long, default_value = "target/release/lintel")]
    lintel: PathBuf,
    /// Leave out the comparison of programs on Linux and on the kernel.
    #[arg(long)]
    no_abi: bool,
    /// Only a long mixed load, for so many minutes.
    #[arg(long, value_name = "MINUTES")]
    soak: Option<u64>,
}

/// The largest image of the plain shell, the largest kernel without symbols, and the memory the shell starts with.
const IMAGE_MAX: u64 = 9 << 20;
const KERNEL_MAX: u64 = 400_000;
const MEMORY_MB: &str = "64";

/// Builds an image of the shell and one of a small release, and boots both.
pub fn run(args: &Args) -> Result<()> {
    let lintel = root().join(&args.lintel);
    ensure!(
        lintel.exists(),
        "{} does not exist: build it, or name another with --lintel",
        lintel.display()
    );
    let beside = lintel.parent().map_or_else(root, Path::to_owned);
    kernel::run(&kernel::Args {
        folders: vec![beside.clone()],
    })?;
    let work = root().join("build/image");
    std::fs::create_dir_all(&work)?;
    if let Some(minutes) = args.soak {
        return soak::run(&lintel, &work, minutes);
    }
    kernel_size(&beside, &work)?;
    let shell = work.join("shell.img");
    build(&lintel, &[], &shell)?;
    let size = std::fs::metadata(&shell)?.len();
    ensure!(
        size <= IMAGE_MAX,
        "the shell's image has {size} bytes, more than {IMAGE_MAX}"
    );
    step("two schedulers and an exit code", || {
        two_schedulers(&lintel, &shell)
    })?;
    step("a PC, and init:stop()", || on_a_pc(&lintel, &shell))?;
    step("a release that serves the network", || {
        network::run(&lintel, &work)
    })?;
    if !args.no_abi {
        check(&mut Command::new(root().join("tests/abi/run.sh")))?;
    }
    Ok(())
}

/// The kernel as an image holds it is small.
fn kernel_size(beside: &Path, work: &Path) -> Result<()> {
    let stripped = work.join("kernel");
    check(
        Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(beside.join(kernel::NAME)),
    )?;
    let size = std::fs::metadata(&stripped)?.len();
    ensure!(
        size <= KERNEL_MAX,
        "the kernel has {size} bytes, more than {KERNEL_MAX}"
    );
    println!("ok     the kernel's {size} bytes");
    Ok(())
}

/// Runs a step and says how it went and how long it took.
fn step(what: &str, test: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    let outcome = test();
    println!(
        "{} {what} ({:.1} s)",
        if outcome.is_ok() { "ok    " } else { "FAILED" },
        start.elapsed().as_secs_f64()
    );
    outcome
}

fn build(lintel: &Path, arguments: &[&Path], out: &Path) -> Result<()> {
    check(
        Command::new(lintel)
            .arg("build")
            .args(arguments)
            .arg("-o")
            .arg(out),
    )
}

fn two_schedulers(lintel: &Path, image: &Path) -> Result<()> {
    let options = ["--smp", "2", "--memory", MEMORY_MB];
    let mut guest = Guest::start(lintel, image, &options)?;
    guest.expect("1> ")?;
    guest.type_line("lists:reverse(\"Hello, World!\").")?;
    guest.expect("\"!dlroW ,olleH\"")?;
    guest.expect("2> ")?;
    guest.type_line("erlang:system_info(schedulers_online) * 1000 + 7.")?;
    guest.expect("2007")?;
    guest.expect("3> ")?;
    guest.type_line("halt(3).")?;
    ended(guest, 3)
}

fn on_a_pc(lintel: &Path, image: &Path) -> Result<()> {
    let options = ["--machine", "q35", "--memory", MEMORY_MB];
    let mut guest = Guest::start(lintel, image, &options)?;
    guest.expect("1> ")?;
    guest.type_line("init:stop().")?;
    ended(guest, 0)
}

fn ended(guest: Guest, code: i32) -> Result<()> {
    match guest.wait()? {
        got if got == code => Ok(()),
        got => bail!("the guest's exit code is {got} instead of {code}"),
    }
}
