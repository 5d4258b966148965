//! Benchmarks: a workload runs on both VMs by turns, in the same invocation; medians are compared.
//!
//! A workload is a module in `benches/cpu`, `benches/msg` or `benches/io` (see `benches/lib/bench_driver.erl` for what it
//! exports). Results go to the terminal, to `benches/RESULTS.md` and to a plot for each variant.

mod measure;
mod report;
mod svg;

use anyhow::{Context, Result, bail};

use crate::otp;
use crate::process;
use crate::vm::{Vm, VmArg, build_dir, root};
use measure::{Runner, Sample};

/// `cargo xtask bench …`.
#[derive(clap::Subcommand)]
pub enum Command {
    /// CPU-bound programs on one scheduler.
    Cpu(Args),
    /// Processes and messages, on one scheduler and on two.
    Msg(Args),
    /// Ports, sockets and files.
    Io(Args),
    /// All.
    All(Args),
}

/// Options of a benchmark run.
#[derive(clap::Args, Clone)]
pub struct Args {
    #[command(flatten)]
    vm: VmArg,
    /// How often the two VMs take turns.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Timed runs in each turn.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// Only workloads whose names contain one of these.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds that one turn of one workload may take.
    #[arg(long, default_value_t = 180)]
    limit: u64,
    /// Do not write the results down.
    #[arg(long)]
    no_write: bool,
}

/// A set of workloads that share a folder and a table.
struct Group {
    name: &'static str,
    title: &'static str,
    variants: &'static [Variant],
}

/// One way to start the VMs.
struct Variant {
    /// Empty when there is only one.
    label: &'static str,
    flags: &'static [&'static str],
    /// Whether the VM is bound to one core.
    pinned: bool,
}

const CPU: Group = Group {
    name: "cpu",
    title: "CPU-bound programs",
    variants: &[Variant {
        label: "",
        flags: &["+S", "1"],
        pinned: true,
    }],
};

const MSG: Group = Group {
    name: "msg",
    title: "Processes and messages",
    variants: &[
        Variant {
            label: "1 scheduler",
            flags: &["+S", "1", "+P", "2000000"],
            pinned: false,
        },
        Variant {
            label: "2 schedulers",
            flags: &["+S", "2", "+P", "2000000"],
            pinned: false,
        },
    ],
};

const IO: Group = Group {
    name: "io",
    title: "Ports, sockets and files",
    variants: &[Variant {
        label: "",
        flags: &["+S", "2"],
        pinned: false,
    }],
};

/// What one workload gave, on both VMs.
struct Line {
    workload: String,
    stock: std::result::Result<Sample, String>,
    ours: std::result::Result<Sample, String>,
}

/// Runs the benchmarks of a group.
pub fn run(command: &Command) -> Result<()> {
    match command {
        Command::Cpu(args) => group(&CPU, args),
        Command::Msg(args) => group(&MSG, args),
        Command::Io(args) => group(&IO, args),
        Command::All(args) => group(&CPU, args)
            .and(group(&MSG, args))
            .and(group(&IO, args)),
    }
}

fn group(group: &Group, args: &Args) -> Result<()> {
    let (vm, stock) = (args.vm.resolve()?, Vm::stock());
    let otp = otp::installed()?;
    let dir = root().join("benches").join(group.name);
    let ebin = build_dir(&format!("benches/{}", group.name))?;
    let sources = otp::erl_files(&dir)?;
    otp::erlc(&sources, &ebin, &["+debug_info"])?;
    otp::erlc(
        &otp::erl_files(&root().join("benches/lib"))?,
        &ebin,
        &["+debug_info"],
    )?;
    let workloads: Vec<String> = sources
        .iter()
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .filter(|name| {
            args.only.is_empty() || args.only.iter().any(|part| name.contains(part.as_str()))
        })
        .collect();
    if workloads.is_empty() {
        bail!("no workload in {} is meant", dir.display());
    }
    let complete = args.only.is_empty();
    let mut failed = 0;
    let mut sections = Vec::new();
    for variant in group.variants {
        let runner = Runner {
            ebin: &ebin,
            variant,
            runs: args.runs,
            limit: args.limit,
        };
        let lines = variant_lines(&runner, &workloads, &vm, &stock, args.rounds);
        failed += lines
            .iter()
            .filter(|line| line.ours.is_err() || line.stock.is_err())
            .count();
        let section = report::section(group, variant, &lines, &vm);
        println!("{}", section.text);
        sections.push((section, lines));
    }
    if !args.no_write && complete && vm != stock {
        write_down(group, &sections, &otp, args)?;
    }
    if failed > 0 {
        bail!("{failed} workloads failed");
    }
    Ok(())
}

fn variant_lines(
    runner: &Runner,
    workloads: &[String],
    vm: &Vm,
    stock: &Vm,
    rounds: usize,
) -> Vec<Line> {
    let mut gathered: Vec<[std::result::Result<Vec<Sample>, String>; 2]> = workloads
        .iter()
        .map(|_| [Ok(Vec::new()), Ok(Vec::new())])
        .collect();
    for round in 0..rounds.max(1) {
        for (workload, pair) in workloads.iter().zip(&mut gathered) {
            process::progress(&format!(
                "round {} of {rounds}: {workload} {}",
                round + 1,
                runner.variant.label
            ));
            // Who begins changes each round, so that neither profits from its place.
            let order = if round % 2 == 0 {
                [(0, stock), (1, vm)]
            } else {
                [(1, vm), (0, stock)]
            };
            for (place, vm) in order {
                // A workload that failed once is not tried again: it may take its whole limit.
                if let Ok(samples) = &mut pair[place] {
                    match runner.turn(vm, workload) {
                        Ok(sample) => samples.push(sample),
                        Err(error) => pair[place] = Err(format!("{error:#}")),
                    }
                }
            }
        }
    }
    process::progress("");
    workloads
        .iter()
        .zip(gathered)
        .map(|(workload, [stock, ours])| Line {
            workload: workload
                .split_once('_')
                .map_or(workload.as_str(), |(_, name)| name)
                .to_string(),
            stock: stock.map(|samples| Sample::median(&samples)),
            ours: ours.map(|samples| Sample::median(&samples)),
        })
        .collect()
}

fn write_down(
    group: &Group,
    sections: &[(report::Section, Vec<Line>)],
    otp: &otp::Otp,
    args: &Args,
) -> Result<()> {
    let benches = root().join("benches");
    let mut text = format!("## {}\n\n{}\n", group.title, report::machine(otp, args)?);
    for (variant, (section, lines)) in group.variants.iter().zip(sections) {
        let plot = if variant.label.is_empty() {
            format!("{}.svg", group.name)
        } else {
            format!(
                "{}-{}.svg",
                group.name,
                variant.label.split(' ').next().unwrap_or_default()
            )
        };
        let path = benches.join(&plot);
        std::fs::write(&path, svg::plot(&section.heading, lines))
            .with_context(|| format!("writing {}", path.display()))?;
        text.push_str(&format!(
            "\n{}\n![{}]({plot})\n",
            section.text, section.heading
        ));
    }
    report::replace_section(&benches.join("RESULTS.md"), group.name, &text)
}
