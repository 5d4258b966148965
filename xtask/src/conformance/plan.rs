//! Which suites there are, and which a run means.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// A suite of OTP's.
#[derive(Debug, Clone)]
pub struct Suite {
    /// `emulator`, `stdlib`, …
    pub app: String,
    /// With its ending: `lists_SUITE`.
    pub name: String,
    sets: Vec<String>,
    /// About what it takes; unknown ones go first.
    seconds: u32,
}

/// Reads `tests/otp/suites.tsv`.
pub fn read(file: &Path) -> Result<Vec<Suite>> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("app\t"))
        .map(|line| {
            let [app, name, sets, seconds] = line.split('\t').collect::<Vec<_>>()[..] else {
                bail!("{}: four fields are needed in {line:?}", file.display());
            };
            Ok(Suite {
                app: app.to_string(),
                name: name.to_string(),
                sets: sets.split(',').map(String::from).collect(),
                seconds: seconds.parse().unwrap_or(u32::MAX),
            })
        })
        .collect()
}

/// The suites that are named, or those of a set; long ones first, so that the end is not one long wait.
pub fn choose(plan: &[Suite], names: &[String], set: &str) -> Result<Vec<Suite>> {
    let mut chosen: Vec<Suite> = if names.is_empty() {
        plan.iter()
            .filter(|suite| set == "all" || suite.sets.iter().any(|s| s == set))
            .cloned()
            .collect()
    } else {
        let mut chosen = Vec::new();
        for name in names {
            let before = chosen.len();
            chosen.extend(plan.iter().filter(|suite| is_named(suite, name)).cloned());
            if chosen.len() == before {
                bail!("no suite is called {name}");
            }
        }
        chosen
    };
    if chosen.is_empty() {
        bail!("the set {set} is empty");
    }
    chosen.sort_by_key(|suite| std::cmp::Reverse(suite.seconds));
    Ok(chosen)
}

/// `stdlib`, `stdlib/lists`, `lists_SUITE` and `lists` all name suites.
fn is_named(suite: &Suite, name: &str) -> bool {
    let (app, rest) = match name.split_once('/') {
        Some((app, rest)) => (Some(app), rest),
        None if name == suite.app => return true,
        None => (None, name),
    };
    app.is_none_or(|app| app == suite.app)
        && (suite.name == rest || suite.name.strip_suffix("_SUITE") == Some(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_short_names() {
        let suite = Suite {
            app: "stdlib".into(),
            name: "lists_SUITE".into(),
            sets: vec!["core".into()],
            seconds: 1,
        };
        for (name, meant) in [
            ("lists", true),
            ("lists_SUITE", true),
            ("stdlib/lists", true),
            ("stdlib", true),
            ("kernel/lists", false),
            ("list", false),
        ] {
            assert_eq!(is_named(&suite, name), meant, "{name}");
        }
    }
}
