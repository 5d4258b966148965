//! The summary, and the verdict against baseline and exceptions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::outcome::{CaseResult, Key, Outcome};
use super::plan::Suite;

/// A line for a finished suite.
pub fn suite_line(suite: &Suite, results: &[CaseResult], took: Duration) -> String {
    let counts = Counts::of(results.iter());
    format!(
        "{}/{}: {counts} ({:.0} s)",
        suite.app,
        suite.name,
        took.as_secs_f64()
    )
}

/// Counts for each application.
pub fn table(results: &[CaseResult]) -> String {
    let mut apps: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for result in results {
        apps.entry(&result.app).or_default().push(result);
    }
    let mut text = String::new();
    for (app, results) in apps {
        let _ = writeln!(text, "{app:10} {}", Counts::of(results.into_iter()));
    }
    let _ = write!(text, "{:10} {}", "all", Counts::of(results.iter()));
    text
}

/// How many cases ended in which way.
#[derive(Default)]
struct Counts(BTreeMap<&'static str, usize>);

impl Counts {
    fn of<'a>(results: impl Iterator<Item = &'a CaseResult>) -> Counts {
        let mut counts = Counts::default();
        for result in results {
            *counts.0.entry(result.outcome.name()).or_default() += 1;
        }
        counts
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all: usize = self.0.values().sum();
        write!(f, "{} of {all} ok", self.0.get("ok").copied().unwrap_or(0))?;
        for (name, count) in self.0.iter().filter(|(name, _)| **name != "ok") {
            write!(f, ", {count} {name}")?;
        }
        Ok(())
    }
}

/// What is to be said about a run.
#[derive(Debug, Default)]
pub struct Verdict {
    /// A line for each case that is not as it should be.
    pub complaints: Vec<String>,
    /// Cases that pass on the stock VM and here.
    pub passing: usize,
    /// Cases that do not pass, as the exceptions say.
    pub excepted: usize,
}

/// Judges results. `complete` means that whole suites ran, so that a case that is missing is a failure.
pub fn judge(
    results: &[CaseResult],
    baseline: &[&CaseResult],
    exceptions: &BTreeMap<Key, String>,
    complete: bool,
) -> Verdict {
    let known: BTreeMap<Key, Outcome> = baseline
        .iter()
        .map(|case| (case.key(), case.outcome))
        .collect();
    let mut verdict = Verdict::default();
    let mut seen = BTreeMap::new();
    for result in results {
        seen.insert(result.key(), result.outcome);
        let passes = result.outcome == Outcome::Ok;
        let skips = matches!(result.outcome, Outcome::Skipped);
        let excepted = exceptions.contains_key(&result.key());
        match known.get(&result.key()) {
            Some(Outcome::Ok) if passes => verdict.passing += 1,
            Some(Outcome::Ok) if excepted => verdict.excepted += 1,
            // A case that is not known must pass, unless its suite says that it does not apply.
            None if passes || skips || excepted => {}
            Some(Outcome::Ok) | None => verdict.complaints.push(format!(
                "{}: {} {}",
                result.title(),
                result.outcome.name(),
                result.reason
            )),
            // What the stock VM does not pass may do as it likes, but not take the VM down.
            Some(_) if result.outcome == Outcome::Died && !excepted => {
                verdict.complaints.push(format!(
                    "{}: the VM died: {}",
                    result.title(),
                    result.reason
                ));
            }
            Some(_) => {}
        }
        if excepted && passes {
            verdict.complaints.push(format!(
                "{}: passes; its line in exceptions.tsv can go",
                result.title()
            ));
        }
    }
    for case in baseline
        .iter()
        .filter(|case| complete && case.outcome == Outcome::Ok)
    {
        if !seen.contains_key(&case.key()) {
            if exceptions.contains_key(&case.key()) {
                verdict.excepted += 1;
            } else {
                verdict
                    .complaints
                    .push(format!("{}: did not run", case.title()));
            }
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, outcome: Outcome) -> CaseResult {
        CaseResult {
            app: "stdlib".into(),
            suite: "s_SUITE".into(),
            group: "-".into(),
            case: name.into(),
            outcome,
            reason: String::new(),
        }
    }

    #[test]
    fn only_what_the_stock_vm_passes_must_pass() {
        let baseline = [
            case("good", Outcome::Ok),
            case("worse", Outcome::Ok),
            case("excepted", Outcome::Ok),
            case("missing", Outcome::Ok),
            case("never", Outcome::Failed),
            case("fixed", Outcome::Ok),
        ];
        let results = [
            case("good", Outcome::Ok),
            case("worse", Outcome::Died),
            case("excepted", Outcome::Failed),
            case("never", Outcome::Failed),
            case("fixed", Outcome::Ok),
            case("new", Outcome::Failed),
        ];
        let exceptions = [("excepted", "a reason"), ("fixed", "an old reason")];
        let exceptions = exceptions
            .iter()
            .map(|&(name, why)| (case(name, Outcome::Ok).key(), why.to_string()))
            .collect();
        let verdict = judge(
            &results,
            &baseline.iter().collect::<Vec<_>>(),
            &exceptions,
            true,
        );
        let names: Vec<&str> = verdict
            .complaints
            .iter()
            .filter_map(|line| line.split(' ').nth(2))
            .map(|name| name.trim_end_matches(':'))
            .collect();
        assert_eq!(names, ["worse", "fixed", "new", "missing"]);
        assert_eq!((verdict.passing, verdict.excepted), (2, 1));
    }
}
