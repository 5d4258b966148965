//! Tables of results, in Markdown, and their place in `benches/RESULTS.md`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::measure::Sample;
use super::{Args, Group, Line, Variant};
use crate::otp::Otp;
use crate::process;
use crate::vm::Vm;

/// One table with its heading.
pub struct Section {
    /// What the table shows, in a line.
    pub heading: String,
    /// The whole, in Markdown.
    pub text: String,
}

impl Line {
    /// How many times as fast as the stock VM: the ratio of the medians.
    pub fn speed(&self) -> Option<f64> {
        let (stock, ours) = (self.stock.as_ref().ok()?, self.ours.as_ref().ok()?);
        Some(stock.nanoseconds / ours.nanoseconds)
    }

    fn cpu_ratio(&self) -> Option<f64> {
        let (stock, ours) = (self.stock.as_ref().ok()?, self.ours.as_ref().ok()?);
        Some(stock.cpu_seconds / ours.cpu_seconds)
    }
}

/// The table of one variant.
pub fn section(group: &Group, variant: &Variant, lines: &[Line], vm: &Vm) -> Section {
    let label = if variant.label.is_empty() {
        String::new()
    } else {
        format!(", {}", variant.label)
    };
    let heading = format!("{}{label}", group.title);
    let mut text = format!("### {heading}\n\n");
    if vm.name() == "erl" {
        text.push_str("(The stock VM against itself.)\n\n");
    }
    text.push_str(
        "| workload | stock | Lintel | speed | whole process, CPU |\n|---|--:|--:|--:|--:|\n",
    );
    for line in lines {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            line.workload,
            shown(&line.stock),
            shown(&line.ours),
            ratio(line.speed()),
            ratio(line.cpu_ratio())
        );
    }
    let speeds: Vec<f64> = lines.iter().filter_map(Line::speed).collect();
    let cpus: Vec<f64> = lines.iter().filter_map(Line::cpu_ratio).collect();
    let _ = writeln!(
        text,
        "| **geometric mean** of {} of {} | | | **{}** | **{}** |",
        speeds.len(),
        lines.len(),
        ratio(geometric_mean(&speeds)),
        ratio(geometric_mean(&cpus))
    );
    text.push_str(&own_values(lines));
    Section { heading, text }
}

/// Figures that workloads measure by themselves.
fn own_values(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let (Ok(stock), Ok(ours)) = (&line.stock, &line.ours) else {
            continue;
        };
        for (name, stock) in &stock.values {
            let Some(ours) = ours.values.get(name) else {
                continue;
            };
            if text.is_empty() {
                text.push_str("\n| figure (smaller is better) | stock | Lintel | stock / Lintel |\n|---|--:|--:|--:|\n");
            }
            let _ = writeln!(
                text,
                "| {}: {name} | {stock:.0} | {ours:.0} | {} |",
                line.workload,
                ratio(Some(stock / ours))
            );
        }
    }
    text
}

fn shown(sample: &std::result::Result<Sample, String>) -> String {
    match sample {
        Ok(sample) => match sample.ops {
            Some(ops) => format!("{:.0} ns/op", sample.nanoseconds / ops),
            None => format!("{:.0} ms", sample.nanoseconds / 1.0e6),
        },
        Err(reason) => {
            let short: String = reason
                .chars()
                .filter(|&c| c != '|' && c != '\n')
                .take(80)
                .collect();
            format!("failed: {short}")
        }
    }
}

fn ratio(number: Option<f64>) -> String {
    number.map_or_else(|| "–".to_string(), |number| format!("{number:.2}"))
}

fn geometric_mean(numbers: &[f64]) -> Option<f64> {
    if numbers.is_empty() {
        return None;
    }
    let count = u32::try_from(numbers.len()).ok()?;
    Some((numbers.iter().map(|number| number.ln()).sum::<f64>() / f64::from(count)).exp())
}

/// The sentence that says where and when the numbers were measured.
pub fn machine(otp: &Otp, args: &Args) -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?
                .split_once(':')
                .map(|(_, name)| name.trim())
        })
        .unwrap_or("unknown CPU");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut date = Command::new("date");
    date.args(["--utc", "+%F"]);
    let date = process::output(date)?;
    Ok(format!(
        "{}, {model}, {cores} cores, against Erlang/OTP {} ({}). Medians of {} rounds, the VMs by turns; \
         speed is the stock VM's time divided by Lintel's, so more than 1 is faster.",
        date.trim(),
        otp.version,
        otp.flavor,
        args.rounds
    ))
}

/// Puts a section between its two marks in the file, or at its end when the marks are not there yet.
pub fn replace_section(file: &Path, name: &str, text: &str) -> Result<()> {
    let (begin, end) = (
        format!("<!-- begin {name} -->"),
        format!("<!-- end {name} -->"),
    );
    let old = std::fs::read_to_string(file)
        .unwrap_or_else(|_| "# Results\n\nWritten by `cargo xtask bench`.\n".to_string());
    let section = format!("{begin}\n{}\n{end}", text.trim_end());
    let new = match (old.find(&begin), old.find(&end)) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{section}{}", &old[..from], &old[to + end.len()..])
        }
        _ => format!("{}\n\n{section}\n", old.trim_end()),
    };
    std::fs::write(file, new).with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_in_place() {
        let file = std::env::temp_dir().join(format!("lintel-results-{}.md", std::process::id()));
        let _ = std::fs::remove_file(&file);
        replace_section(&file, "cpu", "one\n").expect("written");
        replace_section(&file, "msg", "two\n").expect("written");
        replace_section(&file, "cpu", "three\n").expect("written");
        let text = std::fs::read_to_string(&file).expect("there");
        std::fs::remove_file(&file).expect("there");
        assert!(!text.contains("one") && text.find("three") < text.find("two"));
        assert_eq!(text.matches("<!-- begin cpu -->").count(), 1);
    }

    #[test]
    fn the_mean_of_ratios_is_geometric() {
        let mean = geometric_mean(&[0.5, 2.0]).expect("two numbers");
        assert!((mean - 1.0).abs() < 1.0e-12);
        assert_eq!(geometric_mean(&[]), None);
    }
}
