//! The suites' sources: fetched from the distribution's source package, and compiled once.
//!
//! Nothing of the machine's package set-up is touched: the source entries are derived from the machine's own,
//! and the package lists lie in the build folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::plan::Suite;
use crate::process::check;
use crate::vm::{build_dir, root};

/// The folder of an unpacked source: the one given, or the package's, fetched when it is not there yet.
pub fn find(given: Option<&Path>, version: &str) -> Result<PathBuf> {
    if let Some(dir) = given {
        if !dir.join("erts/emulator/test").is_dir() {
            bail!("{} holds no source of OTP", dir.display());
        }
        return Ok(dir.canonicalize()?);
    }
    let dir = build_dir("otp-source")?.join(version);
    if !dir.join("complete").exists() {
        fetch(&dir)?;
        std::fs::write(dir.join("complete"), "")?;
    }
    Ok(dir)
}

/// Fetches and unpacks the source package.
fn fetch(dir: &Path) -> Result<()> {
    let work = build_dir("otp-source/fetch")?;
    let (lists, entries) = (work.join("lists"), work.join("entries.sources"));
    std::fs::create_dir_all(lists.join("partial"))?;
    std::fs::write(&entries, source_entries()?)?;
    let options = [
        format!("Dir::Etc::sourcelist={}", entries.display()),
        "Dir::Etc::sourceparts=/dev/null".to_string(),
        format!("Dir::State::lists={}", lists.display()),
    ];
    let apt = || {
        let mut command = Command::new("apt-get");
        command.current_dir(&work).arg("--quiet");
        for option in &options {
            command.args(["-o", option]);
        }
        command
    };
    println!("Fetching the source package of OTP");
    check(apt().arg("update"))?;
    check(apt().args(["source", "--download-only", "erlang"]))?;
    let archive = std::fs::read_dir(&work)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.to_string_lossy().ends_with(".orig.tar.xz"))
        .context("the source package has no .orig.tar.xz")?;
    std::fs::create_dir_all(dir)?;
    println!("Unpacking {}", archive.display());
    check(
        Command::new("tar")
            .arg("--extract")
            .arg("--file")
            .arg(&archive)
            .arg("--directory")
            .arg(dir)
            .args([
                "--strip-components=1",
                "--exclude=*/lib/wx/*",
                "--exclude=*/lib/megaco/*",
            ]),
    )
}

/// The machine's own package sources, as source entries.
fn source_entries() -> Result<String> {
    let mut text = String::new();
    let parts = Path::new("/etc/apt/sources.list.d");
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(entries) = std::fs::read_dir(parts) {
        files.extend(entries.filter_map(|entry| entry.ok().map(|entry| entry.path())));
    }
    for file in files {
        let Ok(content) = std::fs::read_to_string(&file) else {
            continue;
        };
        match file.extension().and_then(|ext| ext.to_str()) {
            Some("list") => one_line_entries(&content, &mut text)?,
            Some("sources") => stanzas(&content, &mut text)?,
            _ => {}
        }
    }
    if text.is_empty() {
        bail!("this machine has no package source of Debian's");
    }
    Ok(text)
}

/// Stanzas whose archive holds Debian itself: others may have no sources at all.
fn stanzas(content: &str, out: &mut String) -> Result<()> {
    for stanza in content.split("\n\n") {
        let lines: Vec<&str> = stanza
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect();
        let is_debian = lines
            .iter()
            .any(|line| line.starts_with("URIs:") && line.contains("debian"));
        let is_binary = lines.iter().any(|line| line.starts_with("Types:"));
        if !(is_debian && is_binary) {
            continue;
        }
        for line in lines {
            let line = if line.starts_with("Types:") {
                "Types: deb-src"
            } else {
                line
            };
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Lines `deb [options] URI suite components`, turned into stanzas.
fn one_line_entries(content: &str, out: &mut String) -> Result<()> {
    for line in content.lines().filter(|line| line.contains("debian")) {
        let Some(rest) = line.trim().strip_prefix("deb ") else {
            continue;
        };
        let (options, rest) = match rest.trim_start().strip_prefix('[') {
            Some(rest) => rest
                .split_once(']')
                .context("an option list does not end")?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let (Some(uri), Some(suite)) = (words.next(), words.next()) else {
            continue;
        };
        let components: Vec<&str> = words.collect();
        writeln!(
            out,
            "Types: deb-src\nURIs: {uri}\nSuites: {suite}\nComponents: {}",
            components.join(" ")
        )?;
        if let Some(key) = options
            .split_whitespace()
            .find_map(|option| option.strip_prefix("signed-by="))
        {
            writeln!(out, "Signed-By: {key}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Copies and compiles the test folders of the suites' applications. Returns the folder that holds them.
pub fn compile(source: &Path, suites: &[Suite], with_c: bool) -> Result<PathBuf> {
    let out = build_dir("conformance/suites")?;
    let mut apps: Vec<&str> = suites.iter().map(|suite| suite.app.as_str()).collect();
    apps.sort_unstable();
    apps.dedup();
    for app in apps {
        // Not the name of the application: the code server would take the folder for the application itself.
        let dir = out.join(format!("{app}_test"));
        let mark = out.join(format!("{app}.complete"));
        if !mark.exists() {
            let _ = std::fs::remove_dir_all(&dir);
            compile_app(source, app, &dir)?;
            std::fs::write(&mark, "")?;
        }
        let c_mark = out.join(format!("{app}.c-complete"));
        if with_c && !c_mark.exists() {
            compile_c(&dir)?;
            std::fs::write(&c_mark, "")?;
        }
    }
    Ok(out)
}

fn app_source(source: &Path, app: &str) -> PathBuf {
    if app == "emulator" {
        source.join("erts/emulator")
    } else {
        source.join("lib").join(app)
    }
}

fn compile_app(source: &Path, app: &str, dir: &Path) -> Result<()> {
    println!("Compiling the suites of {app}");
    let app_dir = app_source(source, app);
    check(
        Command::new("cp")
            .arg("--recursive")
            .arg(app_dir.join("test"))
            .arg(dir),
    )?;
    // In the folder itself and by base name: stack traces carry the name that the compiler was given.
    let mut includes = vec![
        dir.to_path_buf(),
        app_dir.join("src"),
        app_dir.join("include"),
    ];
    for part in [
        "kernel/src",
        "kernel/include",
        "stdlib/src",
        "stdlib/include",
        "compiler/src",
        "common_test/include",
    ] {
        includes.push(source.join("lib").join(part));
    }
    let list: Vec<String> = includes
        .iter()
        .map(|include| format!("{{i,{include:?}}}"))
        .collect();
    let expression = format!(
        "Files = filelib:wildcard(\"*.erl\"), \
         Failed = [F || F <- Files, compile:file(F, [debug_info, nowarn_deprecated_function, {}]) =:= error], \
         io:format(\"~w files, not compiled: ~0p~n\", [length(Files), Failed]), halt()",
        list.join(",")
    );
    let mut command = Command::new("erl");
    command
        .current_dir(dir)
        .args(["-noshell", "-enable-feature", "all", "-eval", &expression]);
    check(command.stdin(Stdio::null()))
}

/// Builds the shared objects of the suites with the installed headers, as far as that goes without OTP's own
/// build: a file with a `main` becomes a program, any other a library.
fn compile_c(dir: &Path) -> Result<()> {
    let include = "-I/usr/lib/erlang/usr/include";
    let (mut built, mut failed) = (0, Vec::new());
    for entry in std::fs::read_dir(dir)? {
        let data = entry?.path();
        if !data.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&data)? {
            let file = entry?.path();
            if file.extension().is_none_or(|ext| ext != "c") {
                continue;
            }
            let is_program = std::fs::read(&file)?
                .windows(5)
                .any(|window| window == b"main(");
            let output = file.with_extension(if is_program { "" } else { "so" });
            let mut gcc = Command::new("gcc");
            // As the suites' own makefiles say of a system of today.
            gcc.args(["-w", "-O2", "-DHAVE_STRERROR", include])
                .arg("-I")
                .arg(&data)
                .arg("-o")
                .arg(output)
                .arg(&file);
            if !is_program {
                gcc.args(["-shared", "-fPIC"]);
            }
            if gcc.stderr(Stdio::null()).status()?.success() {
                built += 1;
            } else {
                failed.push(
                    file.strip_prefix(dir)
                        .unwrap_or(&file)
                        .display()
                        .to_string(),
                );
            }
        }
    }
    println!(
        "{built} C files of {} built, not built: {}",
        root().join(dir).display(),
        failed.join(" ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_sources_become_source_entries() {
        let mut out = String::new();
        one_line_entries(
            "deb [signed-by=/k.gpg] http://mirror.example/debian bookworm main\n# deb x\n",
            &mut out,
        )
        .expect("well formed");
        stanzas("Types: deb\n# note\nURIs: http://mirror.example/debian\nSuites: b\n\nTypes: deb\nURIs: http://other.example/x\n", &mut out)
            .expect("well formed");
        assert_eq!(
            out,
            "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\nSigned-By: /k.gpg\n\n\
             Types: deb-src\nURIs: http://mirror.example/debian\nSuites: b\n\n"
        );
    }
}
