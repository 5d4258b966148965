//! What each command does.

pub mod arguments;
pub mod flags;
pub mod image;
mod otp;

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arguments::{CommandLine, Print, UsageError};
use flags::Flags;
pub use otp::Otp;

use crate::node::{self, Boot};

/// Why a command failed before a node ran.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    /// Whether it names the program that complains, as the stock one does.
    pub fn names_its_program(&self) -> bool {
        self.0.starts_with("escript: ")
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Error {
        Error(format!("{}\n{USAGE}", error.0))
    }
}

/// What stands below a complaint about the command line of `erl`.
const USAGE: &str = "\
Usage: erl [-sname NAME | -name NAME] [-noshell] [-noinput] [-boot FILE] [-config FILE] [-pa DIR ...]
           [-eval EXPR] [-s MODULE [FUNCTION [ARG ...]]] [-env VARIABLE VALUE] [-args_file FILE]
           [-version] [-emu_args] [+S SCHEDULERS:ONLINE] [+P PROCESSES] [+Q PORTS] [+t ATOMS] [+A THREADS]
           [+B[c|d|i]] [+hms WORDS] [+hmax WORDS] [+c BOOLEAN] [+C MODE] [+fn[u|l|a]] [+pc RANGE] [+W[w|i|e]]
           [+sbt TYPE] [args ...]
           [-lintel_driver PROGRAM=DRIVER] [-lintel_no_driver NAME]
All flags but the last two are those of erl(1). These let a driver stand for a program, and keep the one that does
from it (`all`: every one), so that the program itself runs.";

impl From<String> for Error {
    fn from(message: String) -> Error {
        Error(message)
    }
}

/// `erl`: starts a node.
pub fn erl(mut arguments: Vec<OsString>) -> Result<ExitCode, Error> {
    let otp = Otp::find(take_otp_root(&mut arguments)?)?;
    if let Some(file) = take_option(&mut arguments, "--module-cache", "a file")? {
        node::use_modules(&file).map_err(|why| Error(format!("{}: {why}", file.display())))?;
    }
    let read = |path: &Path| std::fs::read(path);
    let line = arguments::split(arguments::merge(
        arguments,
        |name| std::env::var_os(name),
        &read,
    )?)?;
    start(&otp, line)
}

fn take_otp_root(arguments: &mut Vec<OsString>) -> Result<Option<PathBuf>, Error> {
    take_option(
        arguments,
        "--otp-root",
        "a directory, such as /usr/lib/erlang",
    )
}

/// Takes an option of ours and its path from the front of the arguments. `what` is what it needs.
fn take_option(
    arguments: &mut Vec<OsString>,
    option: &str,
    what: &str,
) -> Result<Option<PathBuf>, Error> {
    if arguments.first().is_none_or(|first| first != option) {
        return Ok(None);
    }
    if arguments.len() < 2 {
        return Err(Error(format!("{option} needs {what}")));
    }
    arguments.remove(0);
    Ok(Some(PathBuf::from(arguments.remove(0))))
}

fn start(otp: &Otp, line: CommandLine) -> Result<ExitCode, Error> {
    let flags = Flags::parse(&line.machine)?;
    let init = init_arguments(otp, &line);
    if line.print != Print::No {
        for word in line
            .machine
            .iter()
            .map(String::as_bytes)
            .chain(init.iter().map(Vec::as_slice))
        {
            println!("{}", String::from_utf8_lossy(word));
        }
        if line.print == Print::Exit {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if line.version || flags.version {
        eprintln!(
            "Erlang (SMP,ASYNC_THREADS) (BEAM) emulator version {} on lintel {}",
            otp.erts_version,
            env!("CARGO_PKG_VERSION")
        );
        return Ok(ExitCode::SUCCESS);
    }
    if line.detached {
        return detach();
    }
    let epmd = line.distributed && !line.no_epmd;
    node::run(Boot {
        otp,
        flags,
        init,
        environment: line.environment,
        epmd,
        drivers: line.drivers,
        no_drivers: line.no_drivers,
    })
    .map_err(Error)
}

/// What `init` gets: where things are, then the user's arguments.
fn init_arguments(otp: &Otp, line: &CommandLine) -> Vec<Vec<u8>> {
    let mut init: Vec<Vec<u8>> = Vec::new();
    let mut add = |words: &[&[u8]]| init.extend(words.iter().map(|word| word.to_vec()));
    let progname = std::env::var_os("PROGNAME").unwrap_or_else(own_program_name);
    add(&[b"--", b"-root", otp.root.as_os_str().as_bytes()]);
    add(&[b"-bindir", otp.bindir().as_os_str().as_bytes()]);
    add(&[b"-progname", progname.as_bytes()]);
    add(&[b"--"]);
    if let Some(home) = std::env::var_os("HOME") {
        add(&[b"-home", home.as_bytes()]);
    }
    if let Some(port) = std::env::var_os("ERL_EPMD_PORT") {
        add(&[b"-epmd_port", port.as_bytes()]);
    }
    add(&[b"--"]);
    init.extend(line.init.iter().cloned());
    init
}

/// The program that starts another node like this one: a link named `erl` next to this executable, if there
/// is one, else `erl`.
fn own_program_name() -> OsString {
    let named = std::env::args_os().next().map(PathBuf::from);
    if let Some(path) = named.filter(|path| path.file_name().is_some_and(|name| name == "erl")) {
        return path.into_os_string();
    }
    let sibling = std::env::current_exe()
        .ok()
        .map(|path| path.with_file_name("erl"))
        .filter(|path| path.exists());
    sibling.map_or_else(|| OsString::from("erl"), PathBuf::into_os_string)
}

/// `-detached`: starts this command line again in a session of its own, without a terminal.
fn detach() -> Result<ExitCode, Error> {
    use std::process::{Command, Stdio};
    if std::env::var_os(DETACHED).is_some() {
        return Err(Error("this node is detached already".into()));
    }
    let executable = std::env::current_exe()
        .map_err(|error| Error(format!("cannot find this program: {error}")))?;
    let arguments = std::env::args_os()
        .skip(1)
        .filter(|word| word != "-detached");
    let mut command = Command::new("setsid");
    command
        .arg(executable)
        .args(arguments)
        .args(["-noshell", "-noinput"])
        .env(DETACHED, "1");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .map_err(|error| Error(format!("cannot start a detached node: {error}")))?;
    Ok(ExitCode::SUCCESS)
}

const DETACHED: &str = "LINTEL_DETACHED";

/// `erlc`: a node that compiles what the arguments name.
pub fn erlc(mut arguments: Vec<OsString>) -> Result<ExitCode, Error> {
    let otp = Otp::find(take_otp_root(&mut arguments)?)?;
    let words = [
        "+sbtu",
        "+A0",
        "-noinput",
        "-mode",
        "minimal",
        "-boot",
        "no_dot_erlang",
        "-s",
        "erl_compile",
        "compile_cmdline",
        "-extra",
    ];
    let mut line: Vec<OsString> = Vec::new();
    let mut rest = Vec::new();
    let mut arguments = arguments.into_iter();
    // `+flag`s are the compiler's; `-pa`, `-pz` and `-smp` are the node's own.
    while let Some(word) = arguments.next() {
        match word.to_str() {
            Some("-pa" | "-pz") => {
                line.extend([Some(word), arguments.next()].into_iter().flatten())
            }
            Some("-smp" | "-smpauto" | "-smpenable") => {}
            Some("-no-server" | "-server") => {}
            _ => rest.push(word),
        }
    }
    line.extend(words.map(OsString::from));
    line.extend(rest);
    run_erl(&otp, line)
}

/// `escript`: a node that runs a script.
pub fn escript(mut arguments: Vec<OsString>) -> Result<ExitCode, Error> {
    let otp = Otp::find(take_otp_root(&mut arguments)?)?;
    let options = arguments
        .iter()
        .take_while(|word| word.as_bytes().starts_with(b"-"))
        .count();
    let Some(script) = arguments.get(options).cloned() else {
        return Err(Error("escript: Missing filename".into()));
    };
    let bytes = std::fs::read(&script).map_err(|_| {
        Error(format!(
            "escript: Failed to open file: {}",
            script.to_string_lossy()
        ))
    })?;
    let mut line: Vec<OsString> = ["+B", "-boot", "no_dot_erlang", "-noshell"]
        .map(OsString::from)
        .to_vec();
    line.extend(script_flags(&bytes));
    line.extend(["-run", "escript", "start"].map(OsString::from));
    line.extend(
        arguments[..options]
            .iter()
            .map(|option| OsString::from_vec(option.as_bytes()[1..].to_vec())),
    );
    line.push("-extra".into());
    line.extend(arguments[options..].iter().cloned());
    // The script reads its own name there.
    node::set_environment("ESCRIPT_NAME", &script);
    run_erl(&otp, line)
}

/// The arguments in a script's `%%!` line, which stands second, or third behind an encoding comment.
fn script_flags(script: &[u8]) -> Vec<OsString> {
    let mut lines = script.split(|&byte| byte == b'\n');
    if !script.starts_with(b"#!") {
        return Vec::new();
    }
    lines.next();
    lines
        .take(2)
        .find_map(|line| line.strip_prefix(b"%%!"))
        .map(|flags| {
            arguments::words(flags)
                .into_iter()
                .map(OsString::from_vec)
                .collect()
        })
        .unwrap_or_default()
}

fn run_erl(otp: &Otp, line: Vec<OsString>) -> Result<ExitCode, Error> {
    let read = |path: &Path| std::fs::read(path);
    let line = arguments::split(arguments::merge(
        line,
        |name| std::env::var_os(name),
        &read,
    )?)?;
    start(otp, line)
}

/// `disasm`: shows a module's code.
pub fn disassemble(file: &Path, specific: bool) -> Result<ExitCode, Error> {
    let bytes =
        std::fs::read(file).map_err(|error| Error(format!("{}: {error}", file.display())))?;
    let text = node::disassemble(&bytes, specific)
        .map_err(|error| Error(format!("{}: {error}", file.display())))?;
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripts_flags_are_found() {
        let flags = |text: &str| script_flags(text.as_bytes());
        assert_eq!(
            flags("#!/usr/bin/env escript\n%%! -sname a +S 1\nmain(_) -> ok."),
            ["-sname", "a", "+S", "1"]
        );
        assert_eq!(
            flags("#!/x\n%% -*- coding: utf-8 -*-\n%%! -hidden\n"),
            ["-hidden"]
        );
        assert!(flags("%%! -sname a\n").is_empty());
    }
}
