//! What `open_port` was asked: the command and its options, as bytes.

use crate::framing::Framing;
use std::os::fd::RawFd;

/// The first argument of `open_port`, its names already encoded as the file system wants them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `{spawn, CommandLine}`: a driver of that name, else the shell's command line.
    Spawn(Vec<u8>),
    /// `{spawn_driver, CommandLine}`: a driver only; its first word is the name.
    SpawnDriver(Vec<u8>),
    /// `{spawn_executable, File}` with the options `args` and `arg0`.
    SpawnExecutable {
        /// The file to execute.
        file: Vec<u8>,
        /// The arguments after the program's name.
        args: Vec<Vec<u8>>,
        /// The program's name as it sees it; `None`: the file.
        arg0: Option<Vec<u8>>,
    },
    /// A name alone: a file, or whatever has a name in the file system (until OTP 25).
    File(Vec<u8>),
    /// `{fd, In, Out}`.
    Fd {
        /// The descriptor to read.
        input: RawFd,
        /// The descriptor to write.
        output: RawFd,
    },
}

impl Command {
    /// The line a driver is started with: the command line as it was given, or the file.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        match self {
            Self::Spawn(line) | Self::SpawnDriver(line) => line,
            Self::SpawnExecutable { file, .. } | Self::File(file) => file,
            Self::Fd { .. } => b"fd",
        }
    }

    /// The program's words: of a command line those between white space, else file and arguments.
    #[must_use]
    pub fn words(&self) -> Vec<&[u8]> {
        match self {
            Self::Spawn(line) | Self::SpawnDriver(line) => line
                .split(|byte| byte.is_ascii_whitespace())
                .filter(|word| !word.is_empty())
                .collect(),
            Self::SpawnExecutable { file, args, .. } => std::iter::once(file)
                .chain(args)
                .map(Vec::as_slice)
                .collect(),
            Self::Fd { .. } | Self::File(_) => Vec::new(),
        }
    }
}

/// The second argument of `open_port`, as far as drivers are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// `stream`, `{packet, N}` or `{line, N}`.
    pub framing: Framing,
    /// The port sends data to its owner (not `out` alone).
    pub read: bool,
    /// The owner sends data to the port (not `in` alone).
    pub write: bool,
    /// `exit_status`.
    pub exit_status: bool,
    /// `use_stdio` (descriptors 0 and 1) or `nouse_stdio` (3 and 4).
    pub use_stdio: bool,
    /// `stderr_to_stdout`.
    pub stderr_to_stdout: bool,
    /// `{cd, Dir}`.
    pub cd: Option<Vec<u8>>,
    /// The node's environment; `None`: that of the operating-system process.
    pub environment: Option<Vec<(Vec<u8>, Vec<u8>)>>,
    /// `{env, Env}`: names to set, or to remove (`None`).
    pub env: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// `{busy_limits_port, {Low, High}}`, in bytes.
    pub busy_limits: BusyLimits,
}

/// When a port's queue makes it busy, and when no longer. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyLimits {
    /// Below this it is no longer busy.
    pub low: usize,
    /// From here on it is busy.
    pub high: usize,
}

impl Default for BusyLimits {
    /// OTP 25, erl_bif_port.c: 8,192 bytes and half of it.
    fn default() -> Self {
        Self {
            low: 4096,
            high: 8192,
        }
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            framing: Framing::Stream,
            read: true,
            write: true,
            exit_status: false,
            use_stdio: true,
            stderr_to_stdout: false,
            cd: None,
            environment: None,
            env: Vec::new(),
            busy_limits: BusyLimits::default(),
        }
    }
}

impl OpenOptions {
    /// The environment of a program: the node's, changed by `{env, …}`.
    #[must_use]
    pub fn full_environment(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        use std::os::unix::ffi::OsStringExt;
        let mut all = self.environment.clone().unwrap_or_else(|| {
            std::env::vars_os()
                .map(|(k, v)| (k.into_vec(), v.into_vec()))
                .collect()
        });
        for (name, value) in &self.env {
            all.retain(|(known, _)| known != name);
            if let Some(value) = value {
                all.push((name.clone(), value.clone()));
            }
        }
        all
    }

    /// The value of one variable in [`Self::full_environment`].
    #[must_use]
    pub fn getenv(&self, name: &str) -> Option<Vec<u8>> {
        use std::os::unix::ffi::OsStringExt;
        if let Some((_, value)) = self
            .env
            .iter()
            .rev()
            .find(|(known, _)| known == name.as_bytes())
        {
            return value.clone();
        }
        match &self.environment {
            Some(all) => all
                .iter()
                .find(|(known, _)| known == name.as_bytes())
                .map(|(_, v)| v.clone()),
            None => std::env::var_os(name).map(OsStringExt::into_vec),
        }
    }
}

/// Everything a driver is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// What to start.
    pub command: Command,
    /// How.
    pub options: OpenOptions,
}

impl OpenRequest {
    /// `open_port({spawn, Line}, [])`.
    #[must_use]
    pub fn spawn(line: impl Into<Vec<u8>>) -> Self {
        Self {
            command: Command::Spawn(line.into()),
            options: OpenOptions::default(),
        }
    }
}
