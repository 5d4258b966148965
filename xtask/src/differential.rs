//! Generated cases on both VMs: terms, calls, bit syntax, match specifications, formats, small programs.
//!
//! The stock VM generates and compiles a batch of cases, both VMs run it and print a line for each, and the lines
//! are compared. A case that differs is made smaller as long as it still differs, and is kept as a program with
//! its expectation in `tests/differential`, where the integration tests run it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::otp;
use crate::process::{self, End, Limits, Next, follow};
use crate::vm::{Vm, VmArg, build_dir, root};

/// Options of `cargo xtask differential`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
    /// How many cases.
    #[arg(long, default_value_t = 10_000)]
    cases: usize,
    /// Which cases: the same seed gives the same ones.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The first case's number, to repeat one.
    #[arg(long, default_value_t = 1)]
    first: usize,
    /// Cases in a batch.
    #[arg(long, default_value_t = 2000)]
    batch: usize,
    /// How many differences are made smaller and kept.
    #[arg(long, default_value_t = 10)]
    keep: usize,
    /// Flags for the VM under test, such as `+S 1`.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    flags: String,
}

/// What a VM printed for each case.
type Answers = BTreeMap<usize, String>;

/// A batch on disk: what the generator reads again, and what the VMs run.
struct Batch {
    source: PathBuf,
    run: PathBuf,
}

struct Comparison<'a> {
    vm: &'a Vm,
    stock: Vm,
    drivers: PathBuf,
    flags: Vec<String>,
    dir: PathBuf,
    keep: &'a Path,
}

/// Generates, runs, compares; fails when something differs.
pub fn run(args: &Args) -> Result<()> {
    let vm = args.vm.resolve()?;
    let keep = root().join("tests/differential");
    std::fs::create_dir_all(&keep)?;
    let comparison = Comparison {
        vm: &vm,
        stock: Vm::stock(),
        drivers: otp::drivers()?,
        flags: args.flags.split_whitespace().map(String::from).collect(),
        dir: build_dir("differential")?,
        keep: &keep,
    };
    let (mut compared, mut different, mut kept) = (0, 0, 0);
    let mut first = args.first;
    while first < args.first + args.cases {
        let count = args.batch.min(args.first + args.cases - first);
        process::progress(&format!("{compared} cases compared, {different} differ"));
        let batch = comparison.generate(args.seed, first, count)?;
        let (ours, stock) = comparison.answers(&batch)?;
        compared += stock.len();
        for id in differing(&ours, &stock) {
            different += 1;
            process::progress("");
            println!(
                "case {id} of seed {}:\n  stock: {}\n  ours:  {}",
                args.seed,
                shown(&stock, id),
                shown(&ours, id)
            );
            if kept < args.keep {
                kept += 1;
                comparison.keep_smaller(&batch, id, &format!("case_{}_{id}", args.seed))?;
            }
        }
        first += count;
    }
    process::progress("");
    println!("{compared} cases, {different} differ");
    if different > 0 {
        bail!("{different} cases differ");
    }
    Ok(())
}

/// Cases with different lines. Where the stock VM met a limit of time or memory, nothing can be said.
fn differing(ours: &Answers, stock: &Answers) -> Vec<usize> {
    let differs = |(id, line): (&usize, &String)| {
        (line != "resources" && ours.get(id) != Some(line)).then_some(*id)
    };
    stock.iter().filter_map(differs).collect()
}

fn shown(answers: &Answers, id: usize) -> &str {
    answers.get(&id).map_or("nothing", |line| line)
}

impl Comparison<'_> {
    fn generate(&self, seed: u64, first: usize, count: usize) -> Result<Batch> {
        let batch = self.batch("new");
        self.generator(&[
            "cases",
            &seed.to_string(),
            &first.to_string(),
            &count.to_string(),
            &batch.source.to_string_lossy(),
            &batch.run.to_string_lossy(),
        ])?;
        Ok(batch)
    }

    fn batch(&self, name: &str) -> Batch {
        Batch {
            source: self.dir.join(format!("{name}.source")),
            run: self.dir.join(format!("{name}.run")),
        }
    }

    fn generator(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.stock.command();
        command.args(["-noshell", "-pa"]).arg(&self.drivers);
        command
            .args(["-s", "differential_gen", "main", "-extra"])
            .args(arguments);
        // OTP's compiler prints about its own failures, which drop a case.
        command.stderr(Stdio::null());
        process::output(command)
    }

    /// Runs a batch on both VMs at the same time.
    fn answers(&self, batch: &Batch) -> Result<(Answers, Answers)> {
        std::thread::scope(|scope| {
            let stock = scope.spawn(|| self.execute(&self.stock, &[], batch));
            let ours = self.execute(self.vm, &self.flags, batch)?;
            Ok((ours, stock.join().expect("the runner does not panic")?))
        })
    }

    fn execute(&self, vm: &Vm, flags: &[String], batch: &Batch) -> Result<Answers> {
        let mut answers = Answers::new();
        let mut from = 0;
        loop {
            let mut command = vm.command();
            command
                .args(flags)
                .args(["-noshell", "-pa"])
                .arg(&self.drivers);
            command
                .args(["-s", "differential_run", "main", "-extra"])
                .arg(&batch.run)
                .arg(from.to_string());
            let limits = Limits {
                silence: Duration::from_secs(120),
                whole: Duration::from_secs(3600),
            };
            let (mut current, mut done) = (None, false);
            let end = follow(command, Stdio::null(), limits, |line| {
                if let Some(id) = line.strip_prefix("begin ") {
                    current = id.parse().ok();
                } else if let Some((id, text)) = line
                    .strip_prefix("result ")
                    .and_then(|rest| rest.split_once(' '))
                {
                    if let Ok(id) = id.parse() {
                        answers.insert(id, text.to_string());
                    }
                }
                done |= line == "done";
                Next::Line
            })?;
            if done && matches!(end, End::Exited(_)) {
                return Ok(answers);
            }
            // The case that ran takes the blame, and the rest runs in a fresh VM.
            let Some(id) = current else {
                bail!("{} runs no case: {end:?}", vm.name())
            };
            answers
                .entry(id)
                .or_insert_with(|| format!("the VM ended: {end:?}"));
            if done {
                return Ok(answers);
            }
            from = id + 1;
        }
    }

    /// Makes a case smaller while it differs, and keeps it as a program.
    fn keep_smaller(&self, batch: &Batch, id: usize, name: &str) -> Result<()> {
        let (mut source, mut id) = (self.batch("small-0").source, id);
        std::fs::copy(&batch.source, &source)?;
        for step in 1..=60 {
            process::progress(&format!("{name}: step {step}"));
            let next = self.batch(&format!("small-{}", step % 2));
            self.generator(&[
                "shrink",
                &source.to_string_lossy(),
                &id.to_string(),
                &next.source.to_string_lossy(),
                &next.run.to_string_lossy(),
            ])?;
            let (ours, stock) = self.answers(&next)?;
            let Some(smaller) = differing(&ours, &stock).into_iter().next() else {
                break;
            };
            println!(
                "  smaller:\n  stock: {}\n  ours:  {}",
                shown(&stock, smaller),
                shown(&ours, smaller)
            );
            (source, id) = (next.source, smaller);
        }
        process::progress("");
        let file = self.keep.join(format!("{name}.erl"));
        self.generator(&[
            "program",
            &source.to_string_lossy(),
            &id.to_string(),
            name,
            &file.to_string_lossy(),
        ])?;
        self.expect(name, &file)
    }

    /// Writes what the stock VM prints into a program. A program that prints different things is not kept.
    fn expect(&self, name: &str, file: &Path) -> Result<()> {
        let out = build_dir("differential/ebin")?;
        let dir = file.parent().context("the file has a folder")?;
        otp::erlc(&[file.to_path_buf()], &out, &["+nowarn_unused_vars"])?;
        let once = || {
            let mut command = self.stock.command();
            command.current_dir(dir).args(["-noshell", "-pa"]).arg(&out);
            command.args([
                "-eval",
                &format!("io:setopts([{{encoding, unicode}}]), {name}:main(), halt()."),
            ]);
            process::output(command)
        };
        let printed = once()?;
        if once()? != printed {
            println!("  not kept as a program: its output is not always the same");
            return Ok(std::fs::remove_file(file)?);
        }
        let mut text = std::fs::read_to_string(file)?;
        for line in printed.lines() {
            text.push_str(&format!("\n%% expect: {line}\n"));
        }
        std::fs::write(file, text)?;
        println!("  kept: {}", file.display());
        Ok(())
    }
}
