//! The compiler as a workload: OTP's compiler, on the VM under test, must produce the stock VM's bytes.
//!
//! What the stock VM makes is kept in the build folder for the next run. A module whose compilation
//! hangs or takes the VM down is reported, and the rest goes on in a fresh VM.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::otp::{self, Otp};
use crate::process::{self, Limits, Next, follow};
use crate::vm::{Vm, VmArg, build_dir};

/// Options of `cargo xtask compile-otp`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
    /// Only this many modules, spread over the applications.
    #[arg(long)]
    sample: Option<usize>,
    /// Applications to compile.
    #[arg(long, value_delimiter = ',', default_value = "kernel,stdlib,compiler")]
    apps: Vec<String>,
    /// VMs at work at the same time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Seconds that one module may take.
    #[arg(long, default_value_t = 300)]
    limit: u64,
    /// Compile anew with the stock VM, too.
    #[arg(long)]
    fresh: bool,
}

/// A module to compile.
#[derive(Debug, Clone)]
struct Module {
    app: String,
    source: PathBuf,
    options: String,
}

impl Module {
    fn beam(&self, out: &Path) -> PathBuf {
        let name = self.source.with_extension("beam");
        out.join(&self.app)
            .join(name.file_name().expect("a source has a name"))
    }
}

/// Compiles with both VMs and compares.
pub fn run(args: &Args) -> Result<()> {
    let vm = args.vm.resolve()?;
    let otp = otp::installed()?;
    let mut modules = Vec::new();
    for app in &args.apps {
        modules.extend(modules_of(&otp, app)?);
    }
    if let Some(sample) = args.sample {
        modules = spread(modules, sample);
    }
    let limit = Duration::from_secs(args.limit);
    let stock_dir = build_dir(&format!("compile-otp/stock-{}", otp.version))?;
    let stock_todo: Vec<Module> = modules
        .iter()
        .filter(|module| args.fresh || !module.beam(&stock_dir).exists())
        .cloned()
        .collect();
    let failed = compile(&Vm::stock(), &stock_todo, &stock_dir, args.jobs, limit)?;
    if let Some((module, reason)) = failed.first_key_value() {
        bail!("the stock VM does not compile {module}: {reason}");
    }
    let ours_dir = build_dir("compile-otp/ours")?;
    for module in &modules {
        // What an earlier run left behind must not count.
        let _ = std::fs::remove_file(module.beam(&ours_dir));
    }
    let start = Instant::now();
    let failed = compile(&vm, &modules, &ours_dir, args.jobs, limit)?;
    let took = start.elapsed();
    report(&modules, &failed, &stock_dir, &ours_dir, took)
}

fn report(
    modules: &[Module],
    failed: &BTreeMap<String, String>,
    stock_dir: &Path,
    ours_dir: &Path,
    took: Duration,
) -> Result<()> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut bad = 0;
    for module in modules {
        let (equal, all) = counts.entry(&module.app).or_default();
        *all += 1;
        let source = module.source.display().to_string();
        if let Some(reason) = failed.get(&source) {
            bad += 1;
            println!("FAILED {source}: {reason}");
            continue;
        }
        let (stock, ours) = (module.beam(stock_dir), module.beam(ours_dir));
        if std::fs::read(&stock).with_context(|| format!("reading {}", stock.display()))?
            == std::fs::read(&ours).unwrap_or_default()
        {
            *equal += 1;
        } else {
            bad += 1;
            println!("DIFFERS {source}: {}", difference(&stock, &ours));
        }
    }
    for (app, (equal, all)) in counts {
        println!("{app}: {equal} of {all} equal");
    }
    println!(
        "{} of {} modules equal, {:.1} s",
        modules.len() - bad,
        modules.len(),
        took.as_secs_f64()
    );
    if bad > 0 {
        bail!("{bad} modules differ");
    }
    Ok(())
}

/// Which chunk differs, as OTP's own comparison says.
fn difference(stock: &Path, ours: &Path) -> String {
    let expression = format!(
        "io:format(\"~0tp\", [beam_lib:cmp({:?}, {:?})])",
        stock, ours
    );
    Vm::stock()
        .eval(&expression)
        .unwrap_or_else(|error| error.to_string())
}

fn modules_of(otp: &Otp, app: &str) -> Result<Vec<Module>> {
    let dir = otp.app_dir(app)?;
    let mut options = vec!["debug_info".to_string()];
    for include in [
        dir.join("include"),
        dir.join("src"),
        otp.app_dir("kernel")?.join("include"),
        otp.app_dir("stdlib")?.join("include"),
    ] {
        options.push(format!("{{i,{include:?}}}"));
    }
    match app {
        "kernel" => options.push("{d,erlang_daemon_port,4369}".to_string()),
        "compiler" => options.push("inline,{d,'COMPILER_VSN',\"0\"}".to_string()),
        _ => {}
    }
    let options = format!("[{}]", options.join(","));
    let sources = otp::erl_files(&dir.join("src")).context("package erlang-src is needed")?;
    Ok(sources
        .into_iter()
        .map(|source| Module {
            app: app.to_string(),
            source,
            options: options.clone(),
        })
        .collect())
}

/// Every n-th module, so that a sample sees all applications; the same modules every time.
fn spread(modules: Vec<Module>, sample: usize) -> Vec<Module> {
    let step = (modules.len() / sample.max(1)).max(1);
    modules.into_iter().step_by(step).take(sample).collect()
}

/// Compiles on `jobs` VMs and returns the modules that failed, with the reason.
fn compile(
    vm: &Vm,
    modules: &[Module],
    out: &Path,
    jobs: usize,
    limit: Duration,
) -> Result<BTreeMap<String, String>> {
    if modules.is_empty() {
        return Ok(BTreeMap::new());
    }
    let drivers = otp::drivers()?;
    for app in modules
        .iter()
        .map(|module| &module.app)
        .collect::<BTreeSet<_>>()
    {
        std::fs::create_dir_all(out.join(app))?;
    }
    let progress = Progress {
        failed: Mutex::default(),
        done: Mutex::new(0),
        all: modules.len(),
        name: vm.name(),
    };
    let results: Vec<Result<()>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs.max(1))
            .map(|job| {
                let share: Vec<&Module> = modules.iter().skip(job).step_by(jobs.max(1)).collect();
                let (drivers, progress) = (&drivers, &progress);
                scope.spawn(move || compile_share(vm, job, share, out, drivers, limit, progress))
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().expect("a worker does not panic"))
            .collect()
    });
    process::progress("");
    results.into_iter().collect::<Result<()>>()?;
    Ok(progress.failed.into_inner().expect("no worker panicked"))
}

struct Progress<'a> {
    failed: Mutex<BTreeMap<String, String>>,
    done: Mutex<usize>,
    all: usize,
    name: &'a str,
}

impl Progress<'_> {
    fn fail(&self, module: &str, reason: &str) {
        self.failed
            .lock()
            .expect("no worker panicked")
            .insert(module.to_string(), reason.to_string());
    }

    fn step(&self) {
        let mut done = self.done.lock().expect("no worker panicked");
        *done += 1;
        process::progress(&format!(
            "{}: {} of {} modules compiled",
            self.name, done, self.all
        ));
    }
}

/// Compiles a share of the modules, in as many VMs as it takes.
fn compile_share(
    vm: &Vm,
    job: usize,
    mut share: Vec<&Module>,
    out: &Path,
    drivers: &Path,
    limit: Duration,
    progress: &Progress,
) -> Result<()> {
    while !share.is_empty() {
        let list = out.join(format!("jobs-{job}.terms"));
        let mut text = String::new();
        for module in &share {
            writeln!(
                text,
                "{{{:?}, {:?}, {}}}.",
                module.source,
                out.join(&module.app),
                module.options
            )?;
        }
        std::fs::write(&list, text)?;
        let mut command = vm.command();
        command
            .args(["-noshell", "-pa"])
            .arg(drivers)
            .args(["-s", "compile_otp", "main", "-extra"])
            .arg(&list);
        let (mut current, mut finished) = (None, BTreeSet::new());
        let limits = Limits {
            silence: limit,
            whole: Duration::from_secs(24 * 3600),
        };
        let end = follow(command, Stdio::inherit(), limits, |line| {
            if let Some(module) = line.strip_prefix("begin ") {
                current = Some(module.to_string());
            } else if let Some(module) = line.strip_prefix("ok ") {
                finished.insert(module.to_string());
                progress.step();
            } else if let Some((module, reason)) = line
                .strip_prefix("error ")
                .and_then(|rest| rest.split_once(' '))
            {
                finished.insert(module.to_string());
                progress.fail(module, reason);
                progress.step();
            }
            Next::Line
        })?;
        let before = share.len();
        share.retain(|module| !finished.contains(&module.source.display().to_string()));
        if share.is_empty() {
            break;
        }
        // The VM ended early: the module it was at is to blame.
        match current.filter(|module| !finished.contains(module)) {
            Some(module) => {
                progress.fail(&module, &format!("the VM ended: {end:?}"));
                share.retain(|other| other.source.display().to_string() != module);
            }
            None if share.len() == before => bail!("{} compiles nothing: {end:?}", vm.name()),
            None => {}
        }
    }
    Ok(())
}
