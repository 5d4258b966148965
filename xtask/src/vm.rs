//! The VM under test, and the stock VM that is its measure.
//!
//! A [`Vm`] is a program with leading arguments, such as `target/release/lintel erl`; what follows are
//! `erl`'s own flags. Its program is made absolute at once, because tasks run it in other folders.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;

/// What tasks run when nothing else is said.
pub const DEFAULT: &str = "target/release/lintel erl";

/// A program that takes `erl`'s flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vm {
    program: PathBuf,
    leading: Vec<String>,
    /// As it was written on the command line.
    name: String,
}

/// The option `--vm`, shared by the tasks.
#[derive(clap::Args, Clone, Debug)]
pub struct VmArg {
    /// The VM under test: a command that takes `erl`'s flags.
    #[arg(long, default_value = DEFAULT, env = "LINTEL_TEST_VM")]
    pub vm: String,
}

impl VmArg {
    /// The VM that the option names.
    pub fn resolve(&self) -> Result<Vm> {
        Vm::parse(&self.vm)
    }
}

impl Vm {
    /// Splits a command at blanks. A program with a slash is relative to the project's root.
    pub fn parse(command: &str) -> Result<Vm> {
        let mut words = command.split_whitespace();
        let first = words.next().context("the VM's command is empty")?;
        let program = if first.contains('/') {
            let path = root().join(first);
            if !path.exists() {
                bail!(
                    "{} does not exist (build it, or name another with --vm)",
                    path.display()
                );
            }
            path
        } else {
            PathBuf::from(first)
        };
        Ok(Vm {
            program,
            leading: words.map(String::from).collect(),
            name: command.to_string(),
        })
    }

    /// The stock VM: `erl` on the PATH.
    pub fn stock() -> Vm {
        Vm {
            program: PathBuf::from("erl"),
            leading: Vec::new(),
            name: "erl".to_string(),
        }
    }

    /// The name for headings.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The program alone, for hidden commands that are not `erl`'s.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A command to which `erl`'s flags can be added. The environment carries no flags of the user's.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.leading);
        for name in [
            "ERL_FLAGS",
            "ERL_AFLAGS",
            "ERL_ZFLAGS",
            "ERL_LIBS",
            "ERL_COMPILER_OPTIONS",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Evaluates an expression without a shell and returns what it printed. `halt()` is added.
    pub fn eval(&self, expression: &str) -> Result<String> {
        let mut command = self.command();
        command.args(["-noshell", "-eval", &format!("{expression}, halt().")]);
        process::output(command).with_context(|| format!("{} -eval {expression}", self.name))
    }
}

/// The project's root.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .expect("xtask lies in the project's root")
        .to_path_buf()
}

/// A folder for what tasks make, created when missing.
pub fn build_dir(name: &str) -> Result<PathBuf> {
    let dir = root().join("build").join(name);
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir)
}
