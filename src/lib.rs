//! The command line: `lintel erl`, `erlc`, `escript`, and tools of Lintel's own.
//!
//! Called under the name `erl`, `erlc` or `escript` (by a link) it is that program, so that tools which
//! start `erl` can start Lintel. A program of the user's that calls [`main_with`] is a Lintel with drivers of
//! the user's own; `examples/echo_driver.rs` is one.

#![deny(unsafe_op_in_unsafe_fn)]

mod allocator;
mod break_menu;
mod command;
mod crash_dump;
mod dump_terms;
mod node;
mod report;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An Erlang virtual machine that runs on a host and boots as a unikernel.
#[derive(Parser)]
#[command(name = "lintel", version, after_help = EXAMPLES, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  lintel erl                                  start the Erlang shell
  lintel erl -noshell -eval 'io:put_chars(\"hello\\n\"), halt().'
  lintel erlc hello.erl                       compile a module
  lintel escript script.erl                   run a script
  lintel disasm hello.beam                    show a module's code
  lintel build -o shell.img                   make an image of the shell that boots
  lintel build _build/default/rel/shop -o shop.img
  lintel run shop.img --port 8080:80          boot an image in QEMU

Erlang/OTP itself is found by --otp-root DIR (before any other argument of erl), the environment
variable LINTEL_OTP, or the `erl` on the PATH.";

#[derive(Subcommand)]
enum Command {
    /// Start a node; takes the flags that the stock `erl` takes.
    #[command(disable_help_flag = true)]
    Erl {
        /// The arguments of `erl`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Compile Erlang files; takes the flags of the stock `erlc`.
    #[command(disable_help_flag = true)]
    Erlc {
        /// The arguments of `erlc`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run an Erlang script.
    #[command(disable_help_flag = true)]
    Escript {
        /// The script and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Show the code of a .beam file, as the compiler wrote it and as the machine runs it.
    Disasm {
        /// The file.
        file: std::path::PathBuf,
        /// Show what runs instead of what the file holds.
        #[arg(long)]
        specific: bool,
    },
    /// Make one file that boots: kernel, VM and a release.
    Build(command::image::BuildArguments),
    /// Boot an image in an emulator.
    Run(command::image::RunArguments),
    /// List the BIFs that exist, one `module:function/arity` a line.
    #[command(hide = true)]
    ListBifs,
}

pub use ports;

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    main_with(|_| ())
}

/// The whole program, with what a user adds to (or takes from) the table of drivers and of programs that are
/// served in the node's own threads.
#[must_use]
pub fn main_with(add: fn(&ports::registry::Registry)) -> ExitCode {
    node::set_drivers(add);
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let name = arguments
        .first()
        .map(Path::new)
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    let rest = || arguments[1..].to_vec();
    let result = match name {
        Some("erl") => command::erl(rest()),
        Some("erlc") => command::erlc(rest()),
        Some("escript") => command::escript(rest()),
        // The arguments of `erl` are its own: nothing may be taken from between them.
        _ => match arguments.get(1).and_then(|word| word.to_str()) {
            Some("erl") => command::erl(arguments[2..].to_vec()),
            Some("erlc") => command::erlc(arguments[2..].to_vec()),
            Some("escript") => command::escript(arguments[2..].to_vec()),
            _ => run(Arguments::parse().command),
        },
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            let program = if error.names_its_program() {
                ""
            } else {
                "lintel: "
            };
            eprintln!("{program}{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, command::Error> {
    match command {
        Command::Erl { arguments } => command::erl(arguments),
        Command::Erlc { arguments } => command::erlc(arguments),
        Command::Escript { arguments } => command::escript(arguments),
        Command::Disasm { file, specific } => command::disassemble(&file, specific),
        Command::Build(arguments) => command::image::build(arguments),
        Command::Run(arguments) => command::image::run(arguments),
        Command::ListBifs => {
            node::list_bifs();
            Ok(ExitCode::SUCCESS)
        }
    }
}
