//! Installing what is missing: Debian's own packages, by name, said before it is done.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::process::{check, on_path};

/// Options of `cargo xtask setup`.
#[derive(clap::Args)]
pub struct Args {
    /// What the machine is to be ready for.
    #[arg(long = "for", value_enum, default_value_t = Purpose::Test)]
    purpose: Purpose,
    /// Only say what is missing; the exit code is 1 when something is.
    #[arg(long)]
    dry_run: bool,
}

/// What a machine is set up for. Each includes the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Debug)]
pub enum Purpose {
    /// Building, and the shell on Lintel.
    Shell,
    /// Every test, and the benchmarks.
    Test,
}

/// A C compiler builds the libraries that come as C, and OTP comes from Debian.
const SHELL: &[&str] = &[
    "build-essential",
    "erlang-base",
    "erlang-crypto",
    "erlang-dev",
    "erlang-inets",
    "erlang-os-mon",
    "erlang-parsetools",
    "erlang-public-key",
    "erlang-runtime-tools",
    "erlang-ssl",
    "erlang-syntax-tools",
    "erlang-tools",
];

/// Sources and tools of OTP that tests run or compile, programs that run in images, and what unpacks a source package.
const TEST: &[&str] = &[
    "busybox-static",
    "erlang-asn1",
    "erlang-common-test",
    "erlang-dialyzer",
    "erlang-edoc",
    "erlang-eunit",
    "erlang-mnesia",
    "erlang-reltool",
    "erlang-snmp",
    "erlang-src",
    "erlang-ssh",
    "erlang-xmerl",
    "lua5.4",
    "procps",
    "qemu-system-x86",
    "sqlite3",
    "strace",
    "xz-utils",
];

impl Purpose {
    fn packages(self) -> Vec<&'static str> {
        match self {
            Purpose::Shell => SHELL.to_vec(),
            Purpose::Test => SHELL.iter().chain(TEST).copied().collect(),
        }
    }
}

/// Installs what is missing.
pub fn run(args: &Args) -> Result<()> {
    if !args.dry_run {
        return ensure(args.purpose);
    }
    let missing = missing(args.purpose);
    if missing.is_empty() {
        println!("nothing is missing");
        return Ok(());
    }
    bail!("missing: {}", missing.join(" "))
}

/// Makes sure that everything a purpose needs is there.
pub fn ensure(purpose: Purpose) -> Result<()> {
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    if !on_path("apt-get") {
        bail!(
            "these Debian packages are needed, and there is no apt-get: {}",
            missing.join(" ")
        );
    }
    println!("Installing from Debian: {}", missing.join(" "));
    if install(&missing).is_ok() {
        return Ok(());
    }
    println!("Updating the package lists and trying again");
    check(apt().arg("update"))?;
    install(&missing)
}

fn install(packages: &[&str]) -> Result<()> {
    check(
        apt()
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages),
    )
}

fn apt() -> Command {
    let mut command = if nix::unistd::geteuid().is_root() {
        Command::new("env")
    } else {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]);
    command
}

fn missing(purpose: Purpose) -> Vec<&'static str> {
    purpose
        .packages()
        .into_iter()
        .filter(|package| !is_installed(package))
        .collect()
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Status}", package])
        .stdin(Stdio::null())
        .output();
    query.is_ok_and(|out| String::from_utf8_lossy(&out.stdout).ends_with("ok installed"))
}
