//! Erlang programs that carry their expectation.
//!
//! Each `NAME.erl` in `tests/erlang` (by subject) and `tests/differential` (found by comparing generated cases with
//! the stock VM) has a `main/0`; what it prints must be the texts after `%% expect:` in its
//! source, line by line. `%% flags: …` adds flags of `erl`, `%% exit: N` an exit code other than 0. The stock
//! compiler compiles them, all at once; each program runs in a VM of its own.

mod support;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};

/// A program that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(60);

fn main() {
    let arguments = Arguments::from_args();
    let sources = programs();
    let ebin = support::fresh_dir("erlang");
    if !arguments.list {
        compile(&sources, &ebin);
    }
    let trials = sources
        .into_iter()
        .map(|source| {
            let ebin = ebin.clone();
            let name = source
                .file_stem()
                .expect("a program has a name")
                .to_string_lossy()
                .into_owned();
            Trial::test(name, move || check(&source, &ebin))
        })
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn programs() -> Vec<PathBuf> {
    let dirs = ["tests/erlang", "tests/differential"].map(|dir| support::root().join(dir));
    let mut programs: Vec<PathBuf> = dirs
        .iter()
        .filter_map(|dir| std::fs::read_dir(dir).ok())
        .flatten()
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "erl"))
        .collect();
    programs.sort();
    programs
}

fn compile(sources: &[PathBuf], ebin: &Path) {
    for dir in ["tests/erlang", "tests/differential"].map(|dir| support::root().join(dir)) {
        let names: Vec<_> = sources
            .iter()
            .filter(|source| source.parent() == Some(&dir))
            .filter_map(|source| source.file_name())
            .collect();
        if names.is_empty() {
            continue;
        }
        // By base name: stack traces carry the name that the compiler was given.
        let out = Command::new("erlc")
            .current_dir(dir)
            .args(["+debug_info", "+nowarn_unused_vars", "-o"])
            .arg(ebin)
            .args(names)
            .output()
            .expect("erlc is installed");
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stdout)
        );
    }
}

/// What a program's source says about its run.
struct Expectation {
    lines: Vec<String>,
    flags: Vec<String>,
    exit: i32,
}

fn expectation(source: &str) -> Expectation {
    let mut expectation = Expectation {
        lines: Vec::new(),
        flags: Vec::new(),
        exit: 0,
    };
    for line in source.lines() {
        if let Some((_, text)) = line.split_once("%% expect:") {
            let text = text.strip_prefix(' ').unwrap_or(text);
            expectation.lines.push(text.trim_end().to_string());
        } else if let Some(flags) = line.strip_prefix("%% flags:") {
            expectation
                .flags
                .extend(flags.split_whitespace().map(String::from));
        } else if let Some(code) = line.strip_prefix("%% exit:") {
            expectation.exit = code.trim().parse().expect("an exit code is a number");
        }
    }
    expectation
}

fn check(source: &Path, ebin: &Path) -> Result<(), Failed> {
    let expected = expectation(&std::fs::read_to_string(source)?);
    let module = source
        .file_stem()
        .expect("a program has a name")
        .to_string_lossy()
        .into_owned();
    let words = support::vm_words();
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .env_remove("ERL_FLAGS")
        .env_remove("ERL_AFLAGS")
        .env_remove("ERL_LIBS")
        .args(&expected.flags)
        .args(["-noshell", "-pa"])
        .arg(ebin)
        .args([
            "-eval",
            &format!("io:setopts([{{encoding, unicode}}]), {module}:main(), halt()."),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let stdout = reader(child.stdout.take().expect("standard output is piped"));
    let stderr = reader(child.stderr.take().expect("standard error is piped"));
    let status = wait(&mut child)?;
    let printed = stdout.join().expect("the reader does not panic");
    let errors = stderr.join().expect("the reader does not panic");
    let lines: Vec<&str> = printed.lines().map(str::trim_end).collect();
    if lines != expected.lines {
        return Err(difference(&expected.lines, &lines, &errors).into());
    }
    if status != Some(expected.exit) {
        return Err(format!(
            "exit code {status:?} instead of {}\n{errors}",
            expected.exit
        )
        .into());
    }
    Ok(())
}

fn reader(mut from: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A read error ends the text; what was printed until then is compared.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn wait(child: &mut Child) -> Result<Option<i32>, Failed> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.code());
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(format!("still running after {LIMIT:?}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn difference(expected: &[String], lines: &[&str], errors: &str) -> String {
    let at = expected
        .iter()
        .zip(lines)
        .position(|(a, b)| a != b)
        .unwrap_or(expected.len().min(lines.len()));
    let show =
        |line: Option<&str>| line.map_or("(nothing more)".to_string(), |line| format!("{line:?}"));
    format!(
        "line {} of the output:\n  expected {}\n  printed  {}\nstandard error:\n{errors}",
        at + 1,
        show(expected.get(at).map(String::as_str)),
        show(lines.get(at).copied()),
    )
}
