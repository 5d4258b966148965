//! `make test`: every check of the project, one step after another, with a summary at the end.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::process::check;
use crate::setup::{self, Purpose};
use crate::vm::{VmArg, root};

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
    /// Only these steps.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Step>,
    /// Not these steps.
    #[arg(long, value_delimiter = ',')]
    skip: Vec<Step>,
}

/// A step of the tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Step {
    /// What the tests need is installed.
    Setup,
    /// The code is formatted.
    Format,
    /// Clippy has nothing to say.
    Lint,
    /// The VM under test is built.
    Build,
    /// Tests of the crates, Erlang programs and the shell.
    Cargo,
    /// Images booted in an emulator; programs compared on Linux and on the kernel.
    Image,
    /// The BIF tables against OTP's list.
    Bifs,
    /// A sample of OTP's modules compiled.
    CompileOtp,
    /// Generated cases on both VMs.
    Differential,
    /// A part of OTP's own suites.
    Conformance,
}

impl Step {
    fn run(self, vm: &str) -> Result<()> {
        match self {
            Step::Setup => setup::ensure(Purpose::Test),
            Step::Format => cargo(vm, &["fmt", "--all", "--check"]),
            Step::Lint => cargo(
                vm,
                &[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--quiet",
                    "--",
                    "--deny",
                    "warnings",
                ],
            ),
            Step::Build => cargo(vm, &["build", "--release", "--workspace"]),
            Step::Cargo => cargo_tests(vm),
            Step::Image => xtask(vm, &["image"]),
            Step::Bifs => xtask(vm, &["bifs", "--strict"]),
            Step::CompileOtp => xtask(vm, &["compile-otp", "--sample", "24"]),
            Step::Differential => xtask(vm, &["differential", "--cases", "3000"]),
            Step::Conformance => xtask(vm, &["conformance", "--group", "ci"]),
        }
    }
}

/// The steps of a plain `cargo xtask test`; the others run when they are named.
const USUAL: &[Step] = &[
    Step::Setup,
    Step::Format,
    Step::Build,
    Step::Cargo,
    Step::Image,
    Step::Bifs,
    Step::CompileOtp,
];

/// Tests of the crates and the Erlang programs, but those in `tests/known-failures.txt`, which are listed.
fn cargo_tests(vm: &str) -> Result<()> {
    let list = std::fs::read_to_string(root().join("tests/known-failures.txt"))?;
    let mut skipped = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (name, reason) = line.split_once('\t').unwrap_or((line, ""));
        println!("left out: {name} ({reason})");
        skipped.extend(["--skip", name]);
    }
    let mut libraries = vec![
        "test",
        "--workspace",
        "--lib",
        "--no-fail-fast",
        "--",
        "--exact",
    ];
    libraries.extend(&skipped);
    cargo(vm, &libraries)?;
    // Without naming kinds of targets, so that the examples are built, which a test runs.
    let mut programs = vec!["test", "--package", "lintel", "--", "--exact"];
    programs.extend(&skipped);
    cargo(vm, &programs)
}

/// Runs the steps; all of them, even when one fails.
pub fn run(args: &Args) -> Result<()> {
    let mut outcomes = Vec::new();
    for &step in Step::value_variants() {
        let wanted = if args.only.is_empty() {
            USUAL.contains(&step)
        } else {
            args.only.contains(&step)
        };
        if args.skip.contains(&step) || !wanted {
            continue;
        }
        println!("== {step:?}");
        let start = Instant::now();
        let outcome = step.run(&args.vm.vm);
        if let Err(error) = &outcome {
            println!("{error:#}");
        }
        outcomes.push((step, start.elapsed(), outcome.is_ok()));
        if step == Step::Build && outcomes.last().is_some_and(|&(_, _, ok)| !ok) {
            break;
        }
    }
    println!("== Summary");
    for (step, took, ok) in &outcomes {
        println!(
            "{} {step:?} ({:.0} s)",
            if *ok { "ok    " } else { "FAILED" },
            took.as_secs_f64()
        );
    }
    if outcomes.iter().any(|&(_, _, ok)| !ok) {
        bail!("some steps failed");
    }
    Ok(())
}

fn cargo(vm: &str, args: &[&str]) -> Result<()> {
    check(
        Command::new("cargo")
            .args(args)
            .current_dir(root())
            .env("LINTEL_TEST_VM", vm),
    )
}

/// A task in a process of its own: it has its own output and cannot take the others down.
fn xtask(vm: &str, args: &[&str]) -> Result<()> {
    let program = std::env::current_exe()?;
    check(Command::new(program).args(args).env("LINTEL_TEST_VM", vm))
}
