//! Running programs: whole output, lines as they come with a limit on silence, CPU time.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;

/// Runs a command to its end and returns its standard output; a failure carries its standard error.
pub fn output(mut command: Command) -> Result<String> {
    let out = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("running {command:?}"))?;
    let stdout = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() {
        bail!(
            "{command:?}: {}\n{stdout}{}",
            out.status,
            String::from_utf8_lossy(&out.stderr)
        );
    }
    Ok(stdout)
}

/// Runs a command whose output goes to the terminal; it must succeed.
pub fn check(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("running {command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}

/// How a program that was followed line by line came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It exited by itself.
    Exited(ExitStatus),
    /// It was killed: silent for longer than the limit, or past the whole limit.
    Killed(Limit),
}

/// Which limit a killed program broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// No line came for this long.
    Silence,
    /// The program as a whole took too long.
    Whole,
    /// The reader asked for the end.
    Asked,
}

/// What the reader of lines wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The following line.
    Line,
    /// No more: kill the program.
    Stop,
}

/// Limits on a followed program.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The longest time between two lines.
    pub silence: Duration,
    /// The longest time altogether.
    pub whole: Duration,
}

/// Runs a command, hands each line of its standard output to `on_line`, and enforces the limits.
/// Standard error goes to `errors`.
///
/// The program leads its own process group, and the whole group is killed at the end: what it
/// started and left behind must not disturb the next run.
pub fn follow(
    mut command: Command,
    errors: Stdio,
    limits: Limits,
    mut on_line: impl FnMut(&str) -> Next,
) -> Result<End> {
    if on_path("setpriv") {
        // When this task is killed, what it started must not live on.
        command = behind("setpriv", &["--pdeathsig", "KILL"], &command);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .process_group(0);
    let mut child = command
        .spawn()
        .with_context(|| format!("running {command:?}"))?;
    let stdout = child.stdout.take().expect("standard output is piped");
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(n) if n > 0) {
            let line = String::from_utf8_lossy(&bytes)
                .trim_end_matches(['\r', '\n'])
                .to_string();
            if sender.send(line).is_err() {
                return;
            }
            bytes.clear();
        }
    });
    let deadline = Instant::now() + limits.whole;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(limits.silence.min(left)) {
            Ok(line) => {
                if on_line(&line) == Next::Stop {
                    kill_group(&mut child);
                    return Ok(End::Killed(Limit::Asked));
                }
            }
            Err(RecvTimeoutError::Disconnected) => {
                // Standard output closed; the exit follows at once or the program hangs.
                let end = wait_until(
                    &mut child,
                    Instant::now() + limits.silence.min(Duration::from_secs(20)),
                )?;
                kill_group(&mut child);
                return Ok(end.map_or(End::Killed(Limit::Silence), End::Exited));
            }
            Err(RecvTimeoutError::Timeout) => {
                // A grandchild may hold the pipe open after the program itself has gone.
                let gone = child.try_wait().context("waiting for a program")?;
                kill_group(&mut child);
                let limit = if Instant::now() >= deadline {
                    Limit::Whole
                } else {
                    Limit::Silence
                };
                return Ok(gone.map_or(End::Killed(limit), End::Exited));
            }
        }
    }
}

/// The same command, run by another program that takes a command after its own arguments. What standard
/// error was set to is lost: set it afterwards.
pub fn behind(program: &str, arguments: &[&str], inner: &Command) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .arg(inner.get_program())
        .args(inner.get_args());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(dir) = inner.get_current_dir() {
        command.current_dir(dir);
    }
    command
}

fn wait_until(child: &mut Child, deadline: Instant) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait().context("waiting for a program")? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill_group(child: &mut Child) {
    let group = i32::try_from(child.id()).expect("process ids fit");
    // The group may be gone already; that is what is wanted.
    let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    let _ = child.wait();
}

/// CPU time (user and system) that finished children have used so far.
pub fn children_cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage knows RUSAGE_CHILDREN");
    let micros = |tv: nix::sys::time::TimeVal| tv.tv_sec() * 1_000_000 + tv.tv_usec();
    let total = micros(usage.user_time()) + micros(usage.system_time());
    Duration::from_micros(u64::try_from(total).unwrap_or(0))
}

/// Whether a program is on the PATH.
pub fn on_path(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Shows progress in one line of the terminal that the next call overwrites; nothing where there is no terminal.
pub fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}
