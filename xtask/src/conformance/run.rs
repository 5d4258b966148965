//! Running one suite: in as many VMs as it takes.
//!
//! The driver in the VM (`xtask/erl/conformance_run.erl`) tells in marked lines what begins and ends. When the VM dies
//! or a case takes too long, the open cases get the blame, and a fresh VM runs what is left.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::guest::Guest;
use super::outcome::{CaseResult, Outcome, merge};
use super::plan::Suite;
use crate::process::{self, End, Limit, Limits, Next, behind, follow, on_path};
use crate::vm::Vm;

/// A suite that takes down more VMs than this is given up.
const RESTARTS: usize = 30;

/// Everything that suites have in common.
pub struct Runner<'a> {
    pub vm: &'a Vm,
    /// The image to run them in; without one, they run on this machine.
    pub guest: Option<Guest>,
    /// The folder of the drivers' beam files.
    pub drivers: PathBuf,
    /// The folder that holds a folder of compiled suites for each application.
    pub compiled: PathBuf,
    /// Where logs go.
    pub out: PathBuf,
    pub case_limit: Duration,
    pub suite_limit: Duration,
    pub factor: u32,
    /// Bytes of address space that a VM may take.
    pub memory: u64,
    /// A part of the names of the cases that are meant.
    pub only: String,
    /// Further flags for the VM.
    pub flags: Vec<String>,
}

/// What is known of a suite that runs.
struct State<'a> {
    suite: &'a Suite,
    results: Vec<CaseResult>,
    /// Group and case of those that have begun and not ended.
    open: Vec<(String, String)>,
    finished: bool,
    /// The last word of a configuration function that did not succeed, or of the driver.
    trouble: String,
}

impl Runner<'_> {
    /// Runs a suite to its end.
    pub fn suite(&self, suite: &Suite) -> Result<Vec<CaseResult>> {
        let logs = self.out.join("logs").join(&suite.app).join(&suite.name);
        let _ = std::fs::remove_dir_all(&logs);
        std::fs::create_dir_all(&logs)?;
        let mut state = State {
            suite,
            results: Vec::new(),
            open: Vec::new(),
            finished: false,
            trouble: String::new(),
        };
        let deadline = Instant::now() + self.suite_limit;
        for attempt in 0..=RESTARTS {
            let before = state.results.len();
            let left = deadline.saturating_duration_since(Instant::now());
            let limits = Limits {
                silence: self.case_limit.min(left),
                whole: left,
            };
            let command = self.command(suite, &logs, &state.results, attempt)?;
            let errors = std::fs::File::create(logs.join(format!("stderr-{attempt}.txt")))?;
            let end = follow(command, errors.into(), limits, |line| state.line(line))?;
            if state.finished {
                break;
            }
            state.blame(end);
            if left.is_zero() || state.results.len() == before {
                // No case is to blame: starting again would give the same.
                break;
            }
        }
        if !state.finished {
            state.give_up();
        }
        Ok(merge(state.results))
    }

    fn command(
        &self,
        suite: &Suite,
        logs: &std::path::Path,
        done: &[CaseResult],
        attempt: usize,
    ) -> Result<Command> {
        let skip = logs.join(format!("done-{attempt}.terms"));
        let mut text = String::from("%% coding: utf-8\n");
        for case in done {
            writeln!(text, "{{{:?}, {:?}}}.", case.group, case.case)?;
        }
        // Two suites use a feature themselves, and load only where it is enabled.
        let features: &[&str] = match suite.name.as_str() {
            "maybe_SUITE" | "erl_eval_SUITE" => &["-enable-feature", "all"],
            _ => &[],
        };
        let factor = self.factor.to_string();
        if let Some(guest) = &self.guest {
            return guest.command(suite, &self.flags, features, text, [&self.only, &factor]);
        }
        std::fs::write(&skip, text)?;
        let dir = self.compiled.join(format!("{}_test", suite.app));
        let mut command = self.vm.command();
        command
            .current_dir(logs)
            .args(&self.flags)
            .args(["-noshell", "-pa"])
            .arg(&self.drivers)
            .args(features)
            .args(["-s", "conformance_run", "main", "-extra"])
            .arg(&dir)
            .arg(&suite.name)
            .arg(logs)
            .arg(&skip);
        command.arg(&self.only).arg(factor);
        if on_path("prlimit") {
            command = behind("prlimit", &[&format!("--as={}", self.memory)], &command);
        }
        Ok(command)
    }
}

impl State<'_> {
    fn line(&mut self, line: &str) -> Next {
        let Some((_, told)) = line.split_once("@@lintel ") else {
            return Next::Line;
        };
        let words: Vec<&str> = told.splitn(5, ' ').collect();
        match words[..] {
            ["begin", group, case] => {
                process::progress(&format!(
                    "{}/{} {group} {case}",
                    self.suite.app, self.suite.name
                ));
                self.open.push((group.to_string(), case.to_string()));
            }
            ["end", case, outcome, ref reason @ ..] => self.end(case, outcome, &reason.join(" ")),
            ["skip", group, case, outcome, ref reason @ ..] => {
                let reason = reason.join(" ");
                if !reason.contains("not meant in this run") {
                    self.add(
                        group,
                        case,
                        Outcome::parse(outcome).unwrap_or(Outcome::Failed),
                        &reason,
                    );
                }
            }
            ["config", function, outcome, ref reason @ ..] if outcome != "ok" => {
                self.trouble = format!("{function} {outcome} {}", reason.join(" "));
            }
            ["trouble", ..] => self.trouble = told.to_string(),
            ["finished", ..] => self.finished = true,
            _ => {}
        }
        Next::Line
    }

    fn end(&mut self, case: &str, outcome: &str, reason: &str) {
        // A case that is left out ends without having begun.
        let Some(at) = self.open.iter().position(|(_, open)| open == case) else {
            return;
        };
        let (group, case) = self.open.remove(at);
        let outcome = Outcome::parse(outcome).unwrap_or(Outcome::Failed);
        let reason = if outcome == Outcome::Ok { "" } else { reason };
        self.add(&group, &case, outcome, reason);
    }

    fn add(&mut self, group: &str, case: &str, outcome: Outcome, reason: &str) {
        self.results.push(CaseResult {
            app: self.suite.app.clone(),
            suite: self.suite.name.clone(),
            group: group.to_string(),
            case: case.to_string(),
            outcome,
            reason: reason.chars().take(300).collect(),
        });
    }

    /// The VM ended before the suite did: the cases that were running are to blame.
    fn blame(&mut self, end: End) {
        let (outcome, reason) = match end {
            End::Exited(status) => (Outcome::Died, format!("the VM ended: {status}")),
            End::Killed(Limit::Silence) => (Outcome::Timeout, "the case took too long".to_string()),
            End::Killed(Limit::Whole | Limit::Asked) => {
                (Outcome::Timeout, "the suite took too long".to_string())
            }
        };
        for (group, case) in std::mem::take(&mut self.open) {
            self.add(&group, &case, outcome, &reason);
        }
        self.trouble = reason;
    }

    /// What is left did not run: one line says so.
    fn give_up(&mut self) {
        let reason = format!("the suite did not finish: {}", self.trouble);
        self.add("-", "(suite)", Outcome::Died, &reason);
    }
}
