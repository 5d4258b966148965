//! `lintel build` and `lintel run`: images that boot.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use image::run::{self, Port};

use super::{Error, Otp};

/// The kernel's name next to this program.
const KERNEL: &str = "lintel-kernel";

const BUILD_EXAMPLES: &str = "\
Examples:
  lintel build -o shell.img                           kernel and stdlib, for the shell
  lintel build --app ssl --app inets -o shell.img     more applications and what they depend on
  lintel build _build/default/rel/shop -o shop.img    a release (rebar3 release, mix release)
  lintel build -o hi.img -- -- -noshell -eval 'io:put_chars(\"hi\\n\"), halt().'

The image boots with `lintel run`, or by itself: qemu-system-x86_64 -M microvm -cpu max -m 256 -nographic -kernel FILE";

const RUN_EXAMPLES: &str = "\
Examples:
  lintel run shell.img
  lintel run shop.img --port 8080:80 --memory 512     the guest's port 80 is the host's 8080
  lintel run shell.img -- -- -noshell -eval 'halt(3).'
  lintel run shell.img -- ip=10.0.2.15/24,gw:10.0.2.2 quiet

On a terminal Ctrl-A X ends the emulator. The exit code is the guest's.";

/// Arguments of `lintel build`.
#[derive(clap::Args)]
#[command(after_help = BUILD_EXAMPLES)]
pub struct BuildArguments {
    /// The release's folder, with releases/ and lib/ in it; without it, the plain shell.
    folder: Option<PathBuf>,
    /// The image to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Which version of the release, where its folder holds several.
    #[arg(long, value_name = "VERSION")]
    release: Option<String>,
    /// An application of OTP to add to the plain shell, with those it depends on (may be repeated).
    #[arg(long = "app", value_name = "NAME", conflicts_with = "folder")]
    applications: Vec<String>,
    /// Where Erlang/OTP is, if not where LINTEL_OTP or the `erl` on the PATH say.
    #[arg(long, value_name = "DIR")]
    otp_root: Option<PathBuf>,
    /// The kernel, if not `lintel-kernel` next to this program.
    #[arg(long, value_name = "FILE", env = "LINTEL_KERNEL")]
    kernel: Option<PathBuf>,
    /// The VM, if not this program.
    #[arg(long, value_name = "FILE")]
    vm: Option<PathBuf>,
    /// Do not compress files.
    #[arg(long)]
    no_compress: bool,
    /// Leave debugging information in the .beam files.
    #[arg(long)]
    keep_debug: bool,
    /// Words that the image boots with: the kernel's, then `--`, then arguments of erl.
    #[arg(last = true, value_name = "WORD", allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Arguments of `lintel run`.
#[derive(clap::Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArguments {
    /// The image.
    image: PathBuf,
    /// A port of the host that leads to the guest: PORT, HOST:GUEST, udp:HOST:GUEST (may be repeated).
    #[arg(long = "port", value_name = "PORT")]
    ports: Vec<Port>,
    /// What the network card leads to, as QEMU's -netdev says it without an id; QEMU's own network without this.
    #[arg(long, value_name = "NETDEV", conflicts_with = "ports")]
    network: Option<String>,
    /// Processors.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    smp: u32,
    /// Memory in megabytes.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..))]
    memory: u32,
    /// The machine that is emulated.
    #[arg(long, default_value = "microvm", value_parser = ["microvm", "q35"])]
    machine: String,
    /// Let KVM run the guest; without it the processor is emulated.
    #[arg(long)]
    kvm: bool,
    /// One more argument for QEMU (may be repeated).
    #[arg(long = "qemu", value_name = "WORD", allow_hyphen_values = true)]
    more: Vec<String>,
    /// Print the emulator's command instead of running it.
    #[arg(long)]
    print: bool,
    /// Words to boot with: the kernel's, then `--`, then arguments of erl.
    #[arg(last = true, value_name = "WORD", allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Makes an image.
pub fn build(arguments: BuildArguments) -> Result<ExitCode, Error> {
    let otp = Otp::find(arguments.otp_root)?;
    let own = std::env::current_exe()
        .map_err(|error| Error(format!("cannot find this program: {error}")))?;
    let kernel = match arguments.kernel {
        Some(kernel) => kernel,
        None => own_kernel(&own)?,
    };
    let options = image::Options {
        folder: arguments.folder,
        version: arguments.release,
        applications: arguments.applications,
        otp: image::Otp {
            root: otp.root,
            erts_version: otp.erts_version,
            preloaded: otp.preloaded,
        },
        // Modules linked here are of no use to another VM.
        link: arguments.vm.is_none().then_some(link as image::Link),
        vm: arguments.vm.unwrap_or(own),
        kernel,
        words: arguments.words,
        pack: !arguments.no_compress,
        keep_debug: arguments.keep_debug,
    };
    let mut progress = Progress::new();
    let built = image::build(&options, &arguments.output, &mut |what| progress.say(what));
    progress.clear();
    let built = built.map_err(|error| Error(error.to_string()))?;
    let kilobytes = |bytes: usize| bytes.div_ceil(1024);
    println!(
        "{}: {} with {} applications, {} KB (kernel {} KB, files {} KB, unpacked {} KB)",
        arguments.output.display(),
        built.name,
        built.applications,
        kilobytes(built.total),
        kilobytes(built.kernel),
        kilobytes(built.files.0),
        built.files.1.div_ceil(1024),
    );
    Ok(ExitCode::SUCCESS)
}

/// The kernel next to this program.
fn own_kernel(own: &Path) -> Result<PathBuf, Error> {
    let real = own.canonicalize().unwrap_or_else(|_| own.to_owned());
    let beside = real.with_file_name(KERNEL);
    if beside.exists() {
        return Ok(beside);
    }
    Err(Error(format!(
        "there is no kernel at {}. In a checkout of Lintel, `cargo xtask kernel` builds it and puts it there; or say \
         where it is with --kernel FILE.",
        beside.display()
    )))
}

/// Links the modules of an image.
fn link(modules: Vec<image::Beam>) -> Vec<u8> {
    let sources: Vec<_> = modules
        .into_iter()
        .map(|beam| loader::cache::Source {
            preloaded: crate::node::is_preloaded(&beam.module),
            bytes: beam.bytes,
        })
        .collect();
    crate::node::link_modules(&sources)
}

/// Boots an image.
pub fn run(arguments: RunArguments) -> Result<ExitCode, Error> {
    if let Err(error) = std::fs::File::open(&arguments.image) {
        return Err(Error(format!("{}: {error}", arguments.image.display())));
    }
    let options = run::Options {
        image: arguments.image,
        machine: arguments.machine,
        processors: arguments.smp,
        memory_mb: arguments.memory,
        ports: arguments.ports,
        network: arguments.network,
        words: arguments.words,
        kvm: arguments.kvm,
        terminal: std::io::stdin().is_terminal(),
        more: arguments.more,
    };
    let command = run::command(&options);
    if arguments.print {
        println!("{command:?}");
        return Ok(ExitCode::SUCCESS);
    }
    let status = run::with_us(command)
        .status()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error(format!(
                "{} is not installed (on Debian: apt-get install qemu-system-x86)",
                run::QEMU
            )),
            _ => Error(format!("{}: {error}", run::QEMU)),
        })?;
    match status.code() {
        Some(code) => Ok(ExitCode::from(run::exit_code(code) as u8)),
        None => Err(Error(format!("{} was killed: {status}", run::QEMU))),
    }
}

/// One line that says what is being done, on a terminal only.
struct Progress(bool);

impl Progress {
    fn new() -> Progress {
        Progress(std::io::stderr().is_terminal())
    }

    fn say(&mut self, what: &str) {
        if self.0 {
            // A lost line of progress is no reason to stop.
            let _ = write!(std::io::stderr(), "\r\x1b[K{what}");
        }
    }

    fn clear(&mut self) {
        self.say("");
    }
}
