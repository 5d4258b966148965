//! A long mixed load of everything that processes do, with every scheduler busy (`tests/soak/soak.erl`).
//!
//! The program checks every answer, and at its end that what it made is gone: processes, ports, tables, memory.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::otp;
use crate::process::{self, End, Limits, Next};
use crate::vm::{VmArg, build_dir, root};

/// How long a run may take beyond its time, for starting and for its end.
const GRACE: Duration = Duration::from_secs(180);

/// Options of `cargo xtask soak`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
    /// How long each run lasts.
    #[arg(long, default_value_t = 2)]
    minutes: u64,
    /// With how many schedulers; several for one run after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
    schedulers: Vec<usize>,
}

/// Runs the load with each number of schedulers; an error is a wrong answer, somebody who is stuck, or growth.
pub fn run(args: &Args) -> Result<()> {
    let vm = args.vm.resolve()?;
    let ebin = build_dir("soak")?;
    let source = root().join("tests/soak/soak.erl");
    otp::erlc(&[source], &ebin, &[])?;
    let time = Duration::from_secs(60 * args.minutes);
    for schedulers in &args.schedulers {
        println!("{} +S {schedulers}, {} minutes", vm.name(), args.minutes);
        let mut command = vm.command();
        command
            .args(["+S", &schedulers.to_string(), "-noshell", "-pa"])
            .arg(&ebin)
            .args(["-s", "soak", "main", "-s", "init", "stop", "-extra"])
            .arg(time.as_secs().to_string());
        let limits = Limits {
            silence: time + GRACE,
            whole: time + GRACE,
        };
        let mut finished = false;
        let end = process::follow(command, Stdio::inherit(), limits, |line| {
            println!("  {line}");
            finished |= line.starts_with("total ");
            Next::Line
        })
        .context("running the load")?;
        match end {
            End::Exited(status) if status.success() && finished => {}
            End::Exited(status) => bail!("the load ended with {status}"),
            End::Killed(limit) => bail!("the load was stopped: {limit:?}"),
        }
    }
    Ok(())
}
