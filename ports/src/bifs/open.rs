//! `open_port`: from a command and options as terms to a port.

#![forbid(unsafe_code)]

use crate::beside;
use crate::driver::StartError;
use crate::errno;
use crate::framing::Framing;
use crate::names;
use crate::node::{NotOpened, node};
use crate::open::{BusyLimits, Command, OpenOptions, OpenRequest};
use crate::port::{Kind, Port, Settings};
use std::os::fd::RawFd;
use std::sync::Arc;
use vm::atom;
use vm::atom::{Atom, well_known as w};
use vm::bif::settings::{self, Switch};
use vm::bif::{BifResult, Call};
use vm::process::signal::Peer;
use vm::term::{PortId, Term};

vm::bifs! { "erts_internal":
    "open_port"/2 Heavy open_port_2;
}

/// What opening costs, in reductions.
const COST: usize = 1000;
/// The limits of what `{busy_limits_…, {Low, High}}` may say.
const MIN_BUSY_LIMIT: u64 = 1;
/// What `{line, L}` is without `L`.
const DEFAULT_LINE: usize = 512;

/// Why a request is not one.
enum Bad {
    /// An option: the exception has the cause `badopt`.
    Option,
    /// The command, or what does not go with it.
    Arg,
}

/// `erts_internal:open_port/2`: the port, or an atom for what is wrong.
fn open_port_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = beside::resumed(call) {
        return result;
    }
    call.charge(COST);
    let latin1 = node().latin1_names();
    let (request, settings) = match parse(call.arg(0), call.arg(1), latin1) {
        Ok(parsed) => parsed,
        Err(Bad::Option) => return Ok(Term::atom(atom!("badopt"))),
        Err(Bad::Arg) => return Ok(Term::atom(w::BADARG)),
    };
    let me = call.process();
    let Some(factory) = node().driver(&request.command) else {
        return Ok(Term::atom(error_atom(NotOpened::NoDriver)));
    };
    if !factory.never_blocks() {
        let owner = me.pid();
        return beside::elsewhere(
            call,
            move || node().open_beside(&*factory, &request, owner, settings),
            |_, opened| Ok(opened_term(opened)),
        );
    }
    let opened = node().open(&*factory, &request, me.pid(), settings, |id, port| {
        port.link(me.pid());
        me.relations().add_link(Peer::Port(PortId(id.0)));
    });
    Ok(opened_term(opened))
}

fn opened_term<'p>(opened: Result<Arc<Port>, NotOpened>) -> Term<'p> {
    match opened {
        Ok(port) => port.term(),
        Err(error) => Term::atom(error_atom(error)),
    }
}

fn error_atom(error: NotOpened) -> Atom {
    match error {
        NotOpened::Full => w::SYSTEM_LIMIT,
        NotOpened::NoDriver | NotOpened::Start(StartError::BadArg) => w::BADARG,
        NotOpened::Start(StartError::General) => Atom::from_static(errno::name(libc::EINVAL)),
        NotOpened::Start(StartError::Posix(number)) => Atom::from_static(errno::name(number)),
    }
}

/// The options as they were found; what goes with what is checked afterwards.
#[derive(Default)]
struct Found {
    packet: Option<u8>,
    line: Option<usize>,
    input: bool,
    output: bool,
    no_stdio: bool,
    stderr_to_stdout: bool,
    binary: bool,
    eof: bool,
    exit_status: bool,
    parallelism: bool,
    cd: Option<Vec<u8>>,
    bad_cd: bool,
    args: Option<Vec<Vec<u8>>>,
    arg0: Option<Vec<u8>>,
    env: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    busy: Option<BusyLimits>,
}

fn parse(name: Term<'_>, options: Term<'_>, latin1: bool) -> Result<(OpenRequest, Settings), Bad> {
    let mut found = Found {
        parallelism: settings::is_on(Switch::PortParallelism),
        ..Found::default()
    };
    let mut rest = options;
    while let Some(cell) = rest.as_cons() {
        found.option(cell.head(), latin1).ok_or(Bad::Option)?;
        rest = cell.tail();
    }
    let two_framings = found.line.is_some() && found.packet.is_some();
    let stderr_to_nothing = found.stderr_to_stdout && found.no_stdio;
    if !rest.is_nil() || two_framings || stderr_to_nothing {
        return Err(Bad::Option);
    }
    let (command, name) = command(name, &mut found, latin1).ok_or(Bad::Arg)?;
    let is_process = matches!(
        command,
        Command::Spawn(_) | Command::SpawnDriver(_) | Command::SpawnExecutable { .. }
    );
    let misplaced_args = found.args.is_some() || found.arg0.is_some();
    if misplaced_args || found.bad_cd || (found.exit_status && !is_process) {
        return Err(Bad::Arg);
    }
    let framing = found.framing();
    let settings = Settings {
        name,
        binary: found.binary,
        soft_eof: found.eof,
        exit_status: found.exit_status,
        framing,
        parallelism: found.parallelism,
        kind: match command {
            Command::Fd { .. } => Kind::Descriptors,
            Command::File(_) => Kind::File,
            _ => Kind::Command,
        },
        beside: false,
    };
    let both = !found.input && !found.output;
    let options = OpenOptions {
        framing,
        read: found.input || both,
        write: found.output || both,
        exit_status: found.exit_status,
        use_stdio: !found.no_stdio,
        stderr_to_stdout: found.stderr_to_stdout,
        cd: found.cd,
        environment: Some(vm::environment::all()),
        env: found.env,
        busy_limits: found.busy.unwrap_or_default(),
    };
    Ok((OpenRequest { command, options }, settings))
}

impl Found {
    fn framing(&self) -> Framing {
        match (self.packet, self.line) {
            (Some(bytes), _) => Framing::packet(bytes).unwrap_or_default(),
            (None, Some(limit)) => Framing::Line(limit),
            (None, None) => Framing::Stream,
        }
    }

    /// Takes an option in; none if it is not one.
    fn option(&mut self, option: Term<'_>, latin1: bool) -> Option<()> {
        if let Some([key, value]) = option.as_tuple_of::<2>() {
            return self.pair(key.as_atom()?, value, latin1);
        }
        match option.as_atom()?.name() {
            "stream" => self.packet = None,
            "use_stdio" => self.no_stdio = false,
            "nouse_stdio" => self.no_stdio = true,
            "stderr_to_stdout" => self.stderr_to_stdout = true,
            "line" => self.line = Some(DEFAULT_LINE),
            "binary" => self.binary = true,
            "in" => self.input = true,
            "out" => self.output = true,
            "eof" => self.eof = true,
            "exit_status" => self.exit_status = true,
            // These say something on Windows only.
            "hide" | "overlapped_io" => {}
            _ => return None,
        }
        Some(())
    }

    fn pair(&mut self, key: Atom, value: Term<'_>, latin1: bool) -> Option<()> {
        match key.name() {
            "packet" => {
                let bytes = u8::try_from(value.as_small()?).ok()?;
                Framing::packet(bytes)?;
                self.packet = Some(bytes);
            }
            "line" => self.line = Some(value.as_usize().filter(|&limit| limit > 0)?),
            "env" => self.env = environment(value, latin1)?,
            "args" => {
                let args = value.proper_list()?;
                let args: Option<Vec<_>> =
                    args.iter().map(|arg| names::native(*arg, latin1)).collect();
                self.args = Some(args?);
            }
            "arg0" => self.arg0 = Some(names::native(value, latin1)?),
            "cd" => {
                // A directory that is no name is found out after the command.
                self.cd = names::native_nonempty(value, latin1);
                self.bad_cd = self.cd.is_none() && !value.is_nil();
            }
            "parallelism" => self.parallelism = value.as_bool()?,
            "busy_limits_port" => self.busy = Some(busy_limits(value)?),
            // Messages do not wait in a queue of the port's own here: the driver is called at once.
            "busy_limits_msgq" => {
                busy_limits(value)?;
            }
            _ => return None,
        }
        Some(())
    }
}

/// `{Low, High}` or `disabled`.
fn busy_limits(value: Term<'_>) -> Option<BusyLimits> {
    if value.is_atom(atom!("disabled")) {
        let never = usize::MAX;
        return Some(BusyLimits {
            low: never,
            high: never,
        });
    }
    let [low, high] = value.as_tuple_of::<2>()?;
    let limit = |term: Term<'_>| {
        term.as_u64()
            .filter(|&limit| (MIN_BUSY_LIMIT..u64::MAX).contains(&limit))
    };
    let (low, high) = (limit(low)?, limit(high)?);
    Some(BusyLimits {
        low: usize::try_from(low.min(high)).ok()?,
        high: usize::try_from(high).ok()?,
    })
}

/// A variable's name and value; without one it is taken out of the environment.
type Variable = (Vec<u8>, Option<Vec<u8>>);

/// `[{Name, Value | false}]`: names and values are lists, and there is no `=` in a name.
fn environment(list: Term<'_>, latin1: bool) -> Option<Vec<Variable>> {
    let pairs = list.proper_list()?;
    let mut environment = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let [name, value] = pair.as_tuple_of::<2>()?;
        let text = |term: Term<'_>| {
            let is_list = term.is_nil() || term.as_cons().is_some();
            names::native(term, latin1).filter(|_| is_list)
        };
        let name = text(name).filter(|name| !name.contains(&b'='))?;
        let value = match value.as_bool() {
            Some(false) => None,
            _ => Some(text(value)?),
        };
        environment.push((name, value));
    }
    Some(environment)
}

/// The command, and the port's name.
fn command(term: Term<'_>, found: &mut Found, latin1: bool) -> Option<(Command, Vec<u8>)> {
    let Some(tuple) = term.as_tuple() else {
        let name = match term.as_atom() {
            Some(name) => name.name().as_bytes().to_vec(),
            None => names::latin1_string(term)?,
        };
        return Some((Command::File(name.clone()), name));
    };
    match (
        tuple.elements().first()?.as_atom()?.name(),
        &tuple.elements()[1..],
    ) {
        ("spawn", [line]) => {
            let line = names::native_nonempty(*line, latin1)?;
            Some((Command::Spawn(line.clone()), line))
        }
        ("spawn_driver", [line]) => {
            let line = names::native_nonempty(*line, latin1)?;
            Some((Command::SpawnDriver(line.clone()), line))
        }
        ("spawn_executable", [file]) => {
            let file = names::native_nonempty(*file, latin1)?;
            let command = Command::SpawnExecutable {
                file: file.clone(),
                args: found.args.take().unwrap_or_default(),
                arg0: found.arg0.take(),
            };
            Some((command, file))
        }
        ("fd", [input, output]) => {
            // As the stock VM does it, a number beyond a descriptor's size loses its upper bits.
            let (input, output) = (input.as_small()? as RawFd, output.as_small()? as RawFd);
            let name = format!("{input}/{output}").into_bytes();
            Some((Command::Fd { input, output }, name))
        }
        _ => None,
    }
}
