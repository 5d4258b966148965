//! Images under the emulator: built by `lintel build`, started by `lintel run`, driven at their console.

mod example;
mod faults;
mod guest;
mod names;
mod network;
mod relay;
mod release;
mod soak;
mod stock;
mod system;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use clap::ValueEnum;

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
    /// Only these steps.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Only much of every fault of a network, one after another.
    #[arg(long)]
    faults: bool,
    /// Only boots of the release that serves the network, so many; how many failed.
    #[arg(long, value_name = "TIMES")]
    boots: Option<u32>,
    /// Only a long mixed load, for so many minutes.
    #[arg(long, value_name = "MINUTES")]
    soak: Option<u64>,
}

/// A step of the tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Part {
    /// Sizes of kernel and image.
    Sizes,
    /// The plain shell, on both machines.
    Shell,
    /// A release that serves the network.
    Network,
    /// A network that loses, doubles, delays, cuts and adds frames.
    BadNetwork,
    /// Memory that runs out.
    Memory,
    /// Descriptors that run out.
    Descriptors,
    /// Native code that faults.
    Native,
    /// What `os_mon` reports.
    Reports,
    /// `heart`'s reset.
    Heart,
    /// The release of the examples.
    Example,
    /// The stock VM on the kernel.
    Stock,
    /// Programs on Linux and on the kernel compared.
    Abi,
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
    if args.faults || args.boots.is_some() {
        let image = network::image(&lintel, &work)?;
        return match args.boots {
            Some(times) => boots(&lintel, &image, times),
            None => faults::single(&lintel, &image),
        };
    }
    let images = Images {
        lintel: &lintel,
        work: &work,
        built: RefCell::default(),
    };
    let mut failed = Vec::new();
    for &part in Part::value_variants() {
        let wanted = args.only.is_empty() || args.only.contains(&part);
        if !wanted || args.no_abi && part == Part::Abi {
            continue;
        }
        let outcome = step(part.title(), || part.run(&images, &beside));
        if let Err(error) = outcome {
            println!("{error:#}");
            failed.push(part.title());
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Images that several steps boot, built when the first asks for one.
struct Images<'a> {
    lintel: &'a Path,
    work: &'a Path,
    built: RefCell<Vec<&'static str>>,
}

impl Images<'_> {
    /// The plain shell.
    fn shell(&self) -> Result<PathBuf> {
        self.get("shell.img", |out| build(self.lintel, &[], out))
    }

    /// The shell with OTP's applications about the system.
    fn system(&self) -> Result<PathBuf> {
        let more = ["--app", "os_mon"].map(Path::new);
        self.get("system.img", |out| build(self.lintel, &more, out))
    }

    /// The servers of the network.
    fn network(&self) -> Result<PathBuf> {
        self.get("network.img", |_| {
            network::image(self.lintel, self.work).map(|_| ())
        })
    }

    fn get(&self, name: &'static str, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let path = self.work.join(name);
        if !self.built.borrow().contains(&name) {
            build(&path)?;
            self.built.borrow_mut().push(name);
        }
        Ok(path)
    }
}

impl Part {
    fn title(self) -> &'static str {
        match self {
            Part::Sizes => "sizes of kernel and image",
            Part::Shell => "two schedulers and an exit code; a PC and init:stop()",
            Part::Network => "a release that serves the network",
            Part::BadNetwork => "a bad network",
            Part::Memory => "memory that runs out",
            Part::Descriptors => "descriptors that run out",
            Part::Native => "native code that faults",
            Part::Reports => "reports of os_mon",
            Part::Heart => "heart",
            Part::Example => "the release of the examples",
            Part::Stock => "the stock VM",
            Part::Abi => "programs on Linux and on the kernel",
        }
    }

    fn run(self, images: &Images<'_>, beside: &Path) -> Result<()> {
        let (lintel, work) = (images.lintel, images.work);
        match self {
            Part::Sizes => sizes(beside, work, &images.shell()?),
            Part::Shell => {
                two_schedulers(lintel, &images.shell()?)?;
                on_a_pc(lintel, &images.shell()?)
            }
            Part::Network => network::run(lintel, &images.network()?),
            Part::BadNetwork => faults::mixed(lintel, &images.network()?),
            Part::Memory => faults::memory(lintel, &images.shell()?),
            Part::Descriptors => faults::descriptors(lintel, &images.shell()?),
            Part::Native => faults::native(work),
            Part::Reports => system::reports(lintel, &images.system()?),
            Part::Heart => system::heart(lintel, &images.system()?),
            Part::Example => example::run(lintel, work),
            Part::Stock => stock::run(lintel, work),
            Part::Abi => check(&mut Command::new(root().join("tests/abi/run.sh"))),
        }
    }
}

/// Boots to the servers and stops, again and again, with and without the modules that were linked at build time.
fn boots(lintel: &Path, image: &Path, times: u32) -> Result<()> {
    let mut failed = 0;
    for n in 1..=times {
        if let Err(error) = network::boots(lintel, image, n.is_multiple_of(2)) {
            failed += 1;
            println!("boot {n}: {error:#}");
        }
        if n.is_multiple_of(10) {
            println!("{n} boots, {failed} failed");
        }
    }
    ensure!(failed == 0, "{failed} of {times} boots failed");
    Ok(())
}

/// The kernel as an image holds it, and the image of the shell, are small.
fn sizes(beside: &Path, work: &Path, shell: &Path) -> Result<()> {
    let stripped = work.join("kernel");
    check(
        Command::new("strip")
            .arg("-o")
            .arg(&stripped)
            .arg(beside.join(kernel::NAME)),
    )?;
    let size = |file: &Path| -> Result<u64> { Ok(std::fs::metadata(file)?.len()) };
    let (kernel, image) = (size(&stripped)?, size(shell)?);
    println!("       kernel {kernel} bytes, image {image} bytes");
    ensure!(
        kernel <= KERNEL_MAX,
        "the kernel has {kernel} bytes, more than {KERNEL_MAX}"
    );
    ensure!(
        image <= IMAGE_MAX,
        "the shell's image has {image} bytes, more than {IMAGE_MAX}"
    );
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
