//! What cases gave, and the tables that hold it: results, baseline, exceptions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::plan::Suite;

/// How a case ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    Ok,
    /// The suite says that it does not apply.
    Skipped,
    /// A configuration function before it failed.
    AutoSkipped,
    Failed,
    /// It broke its own time limit, or the runner's.
    Timeout,
    /// The VM ended while it ran.
    Died,
    /// In a baseline: not always the same.
    Unstable,
}

const NAMES: [(Outcome, &str); 7] = [
    (Outcome::Ok, "ok"),
    (Outcome::Skipped, "skipped"),
    (Outcome::AutoSkipped, "auto_skipped"),
    (Outcome::Failed, "failed"),
    (Outcome::Timeout, "timeout"),
    (Outcome::Died, "died"),
    (Outcome::Unstable, "unstable"),
];

impl Outcome {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(outcome, _)| *outcome == self)
            .map_or("", |(_, name)| name)
    }

    /// The outcome of a word.
    pub fn parse(word: &str) -> Result<Outcome> {
        let found = NAMES.iter().find(|(_, name)| *name == word);
        found
            .map(|(outcome, _)| *outcome)
            .with_context(|| format!("{word:?} is no outcome"))
    }
}

/// One case and its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    pub app: String,
    pub suite: String,
    /// The path of groups with dots between, or `-`.
    pub group: String,
    pub case: String,
    pub outcome: Outcome,
    /// One line; empty when it passed.
    pub reason: String,
}

/// What names a case.
pub type Key = (String, String, String, String);

impl CaseResult {
    /// The name.
    pub fn key(&self) -> Key {
        (
            self.app.clone(),
            self.suite.clone(),
            self.group.clone(),
            self.case.clone(),
        )
    }

    /// The name in messages.
    pub fn title(&self) -> String {
        format!("{}/{} {} {}", self.app, self.suite, self.group, self.case)
    }
}

/// A case that ran several times (a repeated group) counts with its worst end.
pub fn merge(results: Vec<CaseResult>) -> Vec<CaseResult> {
    let mut merged: BTreeMap<Key, CaseResult> = BTreeMap::new();
    for result in results {
        let entry = merged.entry(result.key()).or_insert_with(|| result.clone());
        if result.outcome > entry.outcome {
            *entry = result;
        }
    }
    merged.into_values().collect()
}

/// Reads cases with their outcomes.
pub fn read(file: &Path) -> Result<Vec<CaseResult>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let cases = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty() && !line.starts_with("app\t"));
    cases
        .map(|line| {
            let fields: Vec<&str> = line.splitn(6, '\t').collect();
            let [app, suite, group, case, outcome, rest @ ..] = &fields[..] else {
                bail!("{}: too few fields in {line:?}", file.display());
            };
            Ok(CaseResult {
                app: (*app).to_string(),
                suite: (*suite).to_string(),
                group: (*group).to_string(),
                case: (*case).to_string(),
                outcome: Outcome::parse(outcome)?,
                reason: rest
                    .first()
                    .map_or(String::new(), |reason| (*reason).to_string()),
            })
        })
        .collect()
}

/// The exceptions with their reasons. No file means none.
pub fn read_exceptions(file: &Path) -> Result<BTreeMap<Key, String>> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty() && !line.starts_with("app\t"))
        .map(|line| {
            let [app, suite, group, case, reason] = line.split('\t').collect::<Vec<_>>()[..] else {
                bail!("{}: five fields are needed in {line:?}", file.display());
            };
            Ok((
                (app.into(), suite.into(), group.into(), case.into()),
                reason.to_string(),
            ))
        })
        .collect()
}

/// Begins a file of results.
pub fn start_file(file: &Path, vm: &str, version: &str) -> Result<()> {
    let head =
        format!("# {vm}, suites of OTP {version}\napp\tsuite\tgroup\tcase\toutcome\treason\n");
    std::fs::write(file, head).with_context(|| format!("writing {}", file.display()))
}

/// Adds a finished suite.
pub fn append(file: &Path, suite: &Suite, results: &[CaseResult]) -> Result<()> {
    let mut text = lines(results, true);
    writeln!(text, "# finished\t{}\t{}", suite.app, suite.name)?;
    let mut file = std::fs::File::options().append(true).open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The suites that a file of results holds whole.
pub fn read_finished(file: &Path) -> Result<Vec<(String, String)>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("# finished\t")?.split_once('\t'));
    Ok(names
        .map(|(app, suite)| (app.to_string(), suite.to_string()))
        .collect())
}

/// Puts results into the baseline. With `confirm`, a case that gave something else before is unstable from now on.
pub fn write_baseline(
    file: &Path,
    results: &[CaseResult],
    version: &str,
    confirm: bool,
) -> Result<()> {
    let mut cases: BTreeMap<Key, CaseResult> = BTreeMap::new();
    if file.exists() {
        cases.extend(read(file)?.into_iter().map(|case| (case.key(), case)));
    }
    for result in results {
        let mut result = result.clone();
        if confirm
            && cases
                .get(&result.key())
                .is_some_and(|old| old.outcome != result.outcome)
        {
            result.outcome = Outcome::Unstable;
        }
        cases.insert(result.key(), result);
    }
    let cases: Vec<CaseResult> = cases.into_values().collect();
    let head = format!(
        "# What each case gives on the stock VM, OTP {version}, undistributed, without the suites' C libraries.\n\
         app\tsuite\tgroup\tcase\toutcome\n"
    );
    std::fs::write(file, head + &lines(&cases, false))
        .with_context(|| format!("writing {}", file.display()))
}

fn lines(results: &[CaseResult], reasons: bool) -> String {
    let mut text = String::new();
    for result in results {
        let CaseResult {
            app,
            suite,
            group,
            case,
            outcome,
            reason,
        } = result;
        let _ = write!(text, "{app}\t{suite}\t{group}\t{case}\t{}", outcome.name());
        if reasons {
            let _ = write!(text, "\t{}", reason.replace(['\t', '\n'], " "));
        }
        text.push('\n');
    }
    text
}
