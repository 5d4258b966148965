//! OTP's own suites, run by Common Test on the VM under test, compared with what the stock VM gives.
//!
//! `tests/otp/suites.tsv` lists the suites and the sets they belong to, `baseline.tsv` what each case gives on the
//! stock VM, `exceptions.tsv` each case that passes there and not here, with the reason. Sources and compiled
//! suites lie in the build folder.

mod compare;
mod guest;
mod outcome;
mod plan;
mod run;
mod source;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::otp;
use crate::process;
use crate::vm::{Vm, VmArg, build_dir, root};
use outcome::{CaseResult, Outcome};
use plan::Suite;

/// Options of `cargo xtask conformance`.
#[derive(clap::Args)]
pub struct Args {
    /// Suites to run, such as `stdlib/lists` or `lists_SUITE`; without any, those of the set.
    suites: Vec<String>,
    #[command(flatten)]
    vm: VmArg,
    /// A set of suites: smoke, ci, core or all.
    #[arg(long, default_value = "smoke")]
    group: String,
    /// Only cases whose names contain this.
    #[arg(long, default_value = "")]
    case: String,
    /// Write what the VM gives into the baseline (for the stock VM).
    #[arg(long)]
    baseline: bool,
    /// With --baseline: a case that gives something else than before is unstable from now on.
    #[arg(long)]
    confirm: bool,
    /// Leave out suites that an interrupted run has finished.
    #[arg(long)]
    resume: bool,
    /// An unpacked source of OTP, instead of the distribution's source package.
    #[arg(long)]
    otp_source: Option<PathBuf>,
    /// Build the suites' C libraries, too.
    #[arg(long)]
    with_c: bool,
    /// Suites that run at the same time; as many as cores by default.
    #[arg(long)]
    jobs: Option<usize>,
    /// The folder for results and logs, `build/conformance` by default: one for each run at the same time.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Gigabytes of address space that a VM may take: some cases would take all memory of a small machine.
    #[arg(long, default_value_t = 8)]
    memory: u64,
    /// Seconds that a case may take.
    #[arg(long, default_value_t = 300)]
    case_limit: u64,
    /// Seconds that a suite may take.
    #[arg(long, default_value_t = 1800)]
    suite_limit: u64,
    /// Multiplies the time limits that the suites themselves set.
    #[arg(long, default_value_t = 1)]
    timetrap_factor: u32,
    /// Run the suites inside an image, under the emulator.
    #[arg(long)]
    image: bool,
    /// Megabytes of memory of the guest.
    #[arg(long, default_value_t = 1024)]
    guest_memory: u32,
    /// Processors of the guest.
    #[arg(long, default_value_t = 1)]
    guest_smp: u32,
    /// Further flags for the VM, such as `+S 1`.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    flags: String,
}

/// Runs suites and judges the results.
pub fn run(args: &Args) -> Result<()> {
    let vm = args.vm.resolve()?;
    let otp = otp::installed()?;
    let plan = plan::read(&root().join("tests/otp/suites.tsv"))?;
    let mut suites = plan::choose(&plan, &args.suites, &args.group)?;
    let source = source::find(args.otp_source.as_deref(), &otp.version)?;
    let compiled = source::compile(&source, &suites, args.with_c)?;
    let out = match &args.out {
        Some(dir) => {
            std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
            dir.canonicalize()?
        }
        None => build_dir("conformance")?,
    };
    let results_file = out.join("results.tsv");
    let mut results = Vec::new();
    if args.resume {
        let finished = outcome::read_finished(&results_file)?;
        suites.retain(|suite| {
            !finished
                .iter()
                .any(|(app, name)| *app == suite.app && *name == suite.name)
        });
        results = outcome::read(&results_file)?;
    } else {
        outcome::start_file(&results_file, vm.name(), &otp.version)?;
    }
    let guest = match args.image {
        true => Some(guest::Guest::build(
            &vm,
            &otp,
            &compiled,
            &suites,
            args.guest_memory,
            args.guest_smp,
        )?),
        false => None,
    };
    let started = Instant::now();
    let runner = run::Runner {
        guest,
        vm: &vm,
        drivers: otp::drivers()?,
        compiled,
        out: out.clone(),
        case_limit: Duration::from_secs(args.case_limit),
        suite_limit: Duration::from_secs(args.suite_limit),
        factor: args.timetrap_factor,
        memory: args.memory << 30,
        only: args.case.clone(),
        flags: args.flags.split_whitespace().map(String::from).collect(),
    };
    let baseline_file = root().join("tests/otp/baseline.tsv");
    let finished = |suite: &Suite, results: &[CaseResult]| {
        outcome::append(&results_file, suite, results)?;
        if args.baseline {
            outcome::write_baseline(&baseline_file, results, &otp.version, args.confirm)
        } else {
            Ok(())
        }
    };
    results.extend(run_all(&runner, &suites, args.jobs, &finished)?);
    println!("{}", compare::table(&results));
    println!(
        "{:.0} s; every case: {}",
        started.elapsed().as_secs_f64(),
        results_file.display()
    );
    if args.baseline {
        return Ok(());
    }
    judge(args, &vm, &results, &suites, &baseline_file)
}

fn run_all(
    runner: &run::Runner,
    suites: &[Suite],
    jobs: Option<usize>,
    finished: &(dyn Fn(&Suite, &[CaseResult]) -> Result<()> + Sync),
) -> Result<Vec<CaseResult>> {
    let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let waiting = Mutex::new(suites.iter());
    let all = Mutex::new(Vec::new());
    let workers: Vec<Result<()>> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..jobs.max(1))
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let next = waiting.lock().expect("no worker panicked").next();
                        let Some(suite) = next else { return Ok(()) };
                        let begun = Instant::now();
                        let results = runner.suite(suite)?;
                        let mut all = all.lock().expect("no worker panicked");
                        finished(suite, &results)?;
                        process::progress("");
                        println!("{}", compare::suite_line(suite, &results, begun.elapsed()));
                        all.extend(results);
                    }
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("a worker does not panic"))
            .collect()
    });
    workers.into_iter().collect::<Result<()>>()?;
    Ok(all.into_inner().expect("no worker panicked"))
}

fn judge(
    args: &Args,
    vm: &Vm,
    results: &[CaseResult],
    suites: &[Suite],
    baseline_file: &std::path::Path,
) -> Result<()> {
    let baseline =
        outcome::read(baseline_file).context("no baseline: run with --baseline --vm erl")?;
    let exceptions = outcome::read_exceptions(&root().join("tests/otp/exceptions.tsv"))?;
    let complete = args.case.is_empty();
    let ran = |app: &str, suite: &str| suites.iter().any(|s| s.app == app && s.name == suite);
    let expected: Vec<&CaseResult> = baseline
        .iter()
        .filter(|case| ran(&case.app, &case.suite))
        .collect();
    let verdict = compare::judge(results, &expected, &exceptions, complete);
    for line in &verdict.complaints {
        println!("{line}");
    }
    let stock_passes = expected
        .iter()
        .filter(|case| case.outcome == Outcome::Ok)
        .count();
    println!(
        "{} of {} cases that pass on the stock VM pass on {} ({} excepted)",
        verdict.passing,
        if complete {
            stock_passes
        } else {
            results.len()
        },
        vm.name(),
        verdict.excepted
    );
    if !verdict.complaints.is_empty() {
        bail!(
            "{} cases are not as they should be",
            verdict.complaints.len()
        );
    }
    Ok(())
}
