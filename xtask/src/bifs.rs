//! Our BIFs against OTP's list, both ways.
//!
//! Ours come from the tables in the sources (`bifs! { "lists": "reverse"/2 Heavy reverse_2; … }`), or from
//! the VM itself, which has a hidden command for it. OTP's come from the stock VM.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::vm::{Vm, VmArg, root};

/// The crates that hold tables.
const CRATES: &[&str] = &["vm", "loader", "scheduler", "ports", "nif", "net", "src"];

/// Options of `cargo xtask bifs`.
#[derive(clap::Args)]
pub struct Args {
    /// Ask the VM under test (`--list-bifs`) instead of reading the sources.
    #[arg(long)]
    ask: bool,
    #[command(flatten)]
    vm: VmArg,
    /// Fail when a BIF is missing or surplus.
    #[arg(long)]
    strict: bool,
}

type Mfa = (String, String, u32);

/// Prints how many of OTP's BIFs exist, and which do not.
pub fn run(args: &Args) -> Result<()> {
    let expected = expected()?;
    let ours = if args.ask {
        asked(&args.vm.resolve()?)?
    } else {
        from_sources(&root())?
    };
    let missing: Vec<&Mfa> = expected.difference(&ours).collect();
    let surplus: Vec<&Mfa> = ours.difference(&expected).collect();
    println!(
        "{} of {} BIFs",
        expected.len() - missing.len(),
        expected.len()
    );
    print_group("missing", &missing);
    print_group("not in OTP's list", &surplus);
    if args.strict && !(missing.is_empty() && surplus.is_empty()) {
        bail!("{} missing, {} surplus", missing.len(), surplus.len());
    }
    Ok(())
}

fn print_group(title: &str, mfas: &[&Mfa]) {
    let mut by_module: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (module, function, arity) in mfas {
        by_module
            .entry(module)
            .or_default()
            .push(format!("{function}/{arity}"));
    }
    if !mfas.is_empty() {
        println!("{title} ({}):", mfas.len());
    }
    for (module, functions) in by_module {
        println!("  {module}: {}", functions.join(" "));
    }
}

fn expected() -> Result<BTreeSet<Mfa>> {
    let lines = Vm::stock().eval(
        "[io:format(\"~ts:~ts/~w~n\", [M, F, A]) || {M, F, A} <- erlang:system_info(snifs)]",
    )?;
    parse_lines(&lines)
}

fn asked(vm: &Vm) -> Result<BTreeSet<Mfa>> {
    let mut command = Command::new(vm.program());
    command.arg("--list-bifs");
    parse_lines(&process::output(command)?)
}

/// Lines `module:function/arity`. A function's name may hold a slash or a colon (`erlang:'/'/2`).
fn parse_lines(text: &str) -> Result<BTreeSet<Mfa>> {
    text.lines()
        .map(|line| {
            let (module, rest) = line
                .split_once(':')
                .with_context(|| format!("no colon in {line:?}"))?;
            let (function, arity) = rest
                .rsplit_once('/')
                .with_context(|| format!("no arity in {line:?}"))?;
            let arity = arity
                .parse()
                .with_context(|| format!("arity in {line:?}"))?;
            Ok((module.to_string(), function.to_string(), arity))
        })
        .collect()
}

fn from_sources(root: &Path) -> Result<BTreeSet<Mfa>> {
    let mut found = BTreeSet::new();
    for krate in CRATES {
        let dir = root.join(krate);
        if !dir.is_dir() {
            continue;
        }
        for file in rust_files(&dir)? {
            // The other tables of this crate are of native functions, which `load_nif` links.
            if krate.starts_with("nif") && !file.ends_with("load.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("reading {}", file.display()))?;
            for mfa in tables(&text) {
                if !found.insert(mfa.clone()) {
                    bail!(
                        "{}:{}/{} stands in two tables (second: {})",
                        mfa.0,
                        mfa.1,
                        mfa.2,
                        file.display()
                    );
                }
            }
        }
    }
    Ok(found)
}

fn rust_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if path
                .file_name()
                .is_some_and(|name| name != "target" && name != "tests")
            {
                files.extend(rust_files(&path)?);
            }
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Every row of every `bifs!` table in a source text.
fn tables(text: &str) -> Vec<Mfa> {
    let text = without_comments(text);
    let mut rows = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("bifs!") {
        rest = &rest[at + "bifs!".len()..];
        if let Some(body) = rest.trim_start().strip_prefix(['{', '(', '[']) {
            rows.extend(table(body));
        }
    }
    rows
}

/// The rows of one table, from after its opening bracket to its closing one.
///
/// A module stands before its rows, followed by a colon or a bracket of its own.
fn table(body: &str) -> Vec<Mfa> {
    let (mut rows, mut module, mut depth) = (Vec::new(), String::new(), 0_u32);
    let mut chars = body.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' if depth == 0 => break,
            '}' | ')' | ']' => depth -= 1,
            '"' => {
                let inner = &body[at + 1..];
                let Some(end) = inner.find('"') else { break };
                let (name, after) = (&inner[..end], inner[end + 1..].trim_start());
                chars.nth(inner[..end].chars().count());
                if after.starts_with('{') || (after.starts_with(':') && !after.starts_with("::")) {
                    module = name.to_string();
                } else if let Some(number) = after.strip_prefix('/') {
                    let digits: String = number
                        .trim_start()
                        .chars()
                        .take_while(char::is_ascii_digit)
                        .collect();
                    if let Ok(arity) = digits.parse() {
                        rows.push((module.clone(), name.to_string(), arity));
                    }
                }
            }
            _ => {}
        }
    }
    rows
}

/// The text without comments; string literals may hold slashes (`"/"/2` is the BIF `erlang:'/'/2`).
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut in_string = false;
    while let Some(char) = chars.next() {
        match (char, chars.peek()) {
            ('\\', Some(_)) if in_string => {
                out.push(char);
                out.extend(chars.next());
                continue;
            }
            ('"', _) => in_string = !in_string,
            // A quote as a character literal does not open a string.
            ('\'', Some('"')) if !in_string => {
                chars.next();
                continue;
            }
            ('/', Some('/')) if !in_string => {
                chars.by_ref().find(|&c| c == '\n');
                out.push('\n');
                continue;
            }
            ('/', Some('*')) if !in_string => {
                let mut before = ' ';
                chars
                    .by_ref()
                    .find(|&c| std::mem::replace(&mut before, c) == '*' && c == '/');
                continue;
            }
            _ => {}
        }
        out.push(char);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[(&str, &str, u32)]) {
        let expected: Vec<Mfa> = expected
            .iter()
            .map(|&(m, f, a)| (m.into(), f.into(), a))
            .collect();
        assert_eq!(tables(source), expected);
    }

    #[test]
    fn rows_are_found_in_tables() {
        check(
            r#"bifs! { "lists":
                "reverse"/2  Heavy  reverse_2;  // "no"/1
                /* "none"/3 */ "member"/2 Plain member_2;
            }
            bifs!{"erlang": "/"/2 Guard div_2; "abs" / 1 Guard abs_1; "maps": "get"/2 Plain get_2;}
            let s = "x"/1;"#,
            &[
                ("lists", "reverse", 2),
                ("lists", "member", 2),
                ("erlang", "/", 2),
                ("erlang", "abs", 1),
                ("maps", "get", 2),
            ],
        );
        check(
            "//! bifs! { \"lists\": \"no\"/1 Plain x; }\nmacro_rules! bifs { () => {} }",
            &[],
        );
        check(
            "let q = '\"'; bifs! { \"a\": \"b\"/0 Plain b_0; }",
            &[("a", "b", 0)],
        );
    }

    #[test]
    fn names_may_hold_slashes() {
        let lines = parse_lines("erlang://2\nlists:reverse/2\n").expect("well formed");
        assert!(lines.contains(&("erlang".into(), "/".into(), 2)));
        assert_eq!(lines.len(), 2);
    }
}
