//! The project's own tasks: `cargo xtask TASK`.
//!
//! A task drives programs (apt, cargo, the VM under test, the stock VM) and compares what they answer.
//! The VM under test is a parameter everywhere ([`vm::Vm`]), so each task can be tried on the stock VM.
//! Erlang drivers that run inside a VM stand in `xtask/erl`.
#![forbid(unsafe_code)]

mod bench;
mod bifs;
mod compile_otp;
mod conformance;
mod differential;
mod image;
mod kernel;
mod otp;
mod process;
mod setup;
mod soak;
mod suite;
mod vm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the Lintel project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install the Debian packages that a purpose needs and the machine lacks.
    Setup(setup::Args),
    /// Run every test of the project, one step after another.
    Test(suite::Args),
    /// Build images and boot them in an emulator.
    Image(image::Args),
    /// Build the kernel and put it next to the VM.
    Kernel(kernel::Args),
    /// Compare our tables of BIFs with OTP's list.
    Bifs(bifs::Args),
    /// Measure against the stock VM, both in the same run.
    #[command(subcommand)]
    Bench(bench::Command),
    /// Run OTP's own test suites.
    Conformance(conformance::Args),
    /// Compile kernel, stdlib and compiler, and compare with what the stock VM makes of them.
    CompileOtp(compile_otp::Args),
    /// Generate cases, run them on both VMs, and compare.
    Differential(differential::Args),
    /// Keep all schedulers busy with mixed work for minutes, and check that nothing is lost and nothing left.
    Soak(soak::Args),
}

fn main() -> ExitCode {
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace: it is about the programs that were driven, not about this one.
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Setup(args) => setup::run(&args),
        Task::Test(args) => suite::run(&args),
        Task::Image(args) => image::run(&args),
        Task::Kernel(args) => kernel::run(&args),
        Task::Bifs(args) => bifs::run(&args),
        Task::Bench(command) => bench::run(&command),
        Task::Conformance(args) => conformance::run(&args),
        Task::CompileOtp(args) => compile_otp::run(&args),
        Task::Differential(args) => differential::run(&args),
        Task::Soak(args) => soak::run(&args),
    }
}
