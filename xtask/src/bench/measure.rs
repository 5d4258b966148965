//! One turn of one workload on one VM, and the median of several.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};

use super::Variant;
use crate::process::{self, End, Limits, Next, follow};
use crate::vm::Vm;

/// How turns are run.
pub struct Runner<'a> {
    /// The folder of compiled workloads.
    pub ebin: &'a Path,
    pub variant: &'a Variant,
    /// Timed runs in one turn.
    pub runs: usize,
    /// Seconds for a turn.
    pub limit: u64,
}

/// What a turn gave, or the medians of several turns.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Time of one run, measured inside the VM.
    pub nanoseconds: f64,
    /// CPU time of the whole process: start, warm-up and runs.
    pub cpu_seconds: f64,
    /// Operations in a run, when the workload counts them.
    pub ops: Option<f64>,
    /// What the workload measured by itself; smaller is better.
    pub values: BTreeMap<String, f64>,
}

impl Runner<'_> {
    /// Runs a workload once in a fresh VM.
    pub fn turn(&self, vm: &Vm, workload: &str) -> Result<Sample> {
        let mut command = self.pinned(vm.command());
        command
            .args(self.variant.flags)
            .args(["-noshell", "-pa"])
            .arg(self.ebin);
        command.args([
            "-s",
            "bench_driver",
            "main",
            "-extra",
            workload,
            &self.runs.to_string(),
        ]);
        let limit = Duration::from_secs(self.limit);
        let (mut times, mut sample, mut other, mut done) =
            (Vec::new(), Sample::default(), Vec::new(), false);
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let cpu_before = process::children_cpu();
        let end = follow(
            command,
            Stdio::null(),
            Limits {
                silence: limit,
                whole: limit,
            },
            |line| {
                let words: Vec<&str> = line.split(' ').collect();
                match words.as_slice() {
                    ["run", time] => times.extend(time.parse::<f64>().ok()),
                    ["ops", count] => sample.ops = count.parse().ok(),
                    ["value", name, number] => {
                        values
                            .entry((*name).to_string())
                            .or_default()
                            .extend(number.parse::<f64>().ok());
                    }
                    ["done"] => done = true,
                    _ => other.push(line.to_string()),
                }
                Next::Line
            },
        )?;
        sample.cpu_seconds = (process::children_cpu() - cpu_before).as_secs_f64();
        let success = matches!(end, End::Exited(status) if status.success());
        if !(success && done) || times.is_empty() {
            bail!("{end:?} {}", other.join(" "));
        }
        sample.nanoseconds = median(times);
        sample.values = values
            .into_iter()
            .map(|(name, numbers)| (name, median(numbers)))
            .collect();
        Ok(sample)
    }

    /// Binds the VM to the last core where the variant asks for it and `taskset` is there.
    fn pinned(&self, inner: Command) -> Command {
        if !self.variant.pinned || !process::on_path("taskset") {
            return inner;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        process::behind("taskset", &["--cpu-list", &(cores - 1).to_string()], &inner)
    }
}

impl Sample {
    /// The median of each figure.
    pub fn median(samples: &[Sample]) -> Sample {
        let names = samples
            .first()
            .map(|sample| sample.values.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default();
        Sample {
            nanoseconds: median(samples.iter().map(|sample| sample.nanoseconds).collect()),
            cpu_seconds: median(samples.iter().map(|sample| sample.cpu_seconds).collect()),
            ops: samples.first().and_then(|sample| sample.ops),
            values: names
                .into_iter()
                .map(|name| {
                    let numbers = samples
                        .iter()
                        .filter_map(|sample| sample.values.get(&name).copied())
                        .collect();
                    (name, median(numbers))
                })
                .collect(),
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    match numbers.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => numbers[len / 2],
        len => (numbers[len / 2 - 1] + numbers[len / 2]) / 2.0,
    }
}
