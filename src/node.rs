//! The node: the only code that sees every layer. It joins the tables of BIFs and native functions, loads
//! the preloaded modules, starts the schedulers and the first process.

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::OnceLock;

use net::epmd::{self, Epmd};
use ports::signals;
use vm::atom::Atom;
use vm::bif::BifEntry;
use vm::code::listing::Listing;
use vm::code::table::{self, Writer};
use vm::code::{Export, Mfa, purge};
use vm::heap::{Heap, OwnedTerm};
use vm::interp::{Interpreter, snippets};
use vm::process::{Outcome, Priority, Process, Runner, signal, spawn};
use vm::term::{Pid, Term};

use crate::command::Otp;
use crate::command::flags::{Break, FileNames, Flags, NameWarning, TimeWarp, Warnings};
use crate::{break_menu, crash_dump};

/// What a node is started with.
pub struct Boot<'a> {
    /// Where Erlang/OTP is.
    pub otp: &'a Otp,
    /// The machine's flags.
    pub flags: Flags,
    /// The arguments of `init`.
    pub init: Vec<Vec<u8>>,
    /// Variables set by `-env`.
    pub environment: Vec<(String, String)>,
    /// Whether an `epmd` is needed.
    pub epmd: bool,
    /// `PROGRAM=DRIVER`: programs that drivers stand for, besides those that they do anyway.
    pub drivers: Vec<String>,
    /// Entries that are turned off, so that the program itself runs.
    pub no_drivers: Vec<String>,
}

/// All tables of BIFs.
fn tables() -> Vec<&'static [BifEntry]> {
    let mut tables: Vec<&'static [BifEntry]> = Vec::new();
    tables.extend(vm::bif::tables());
    tables.extend(ports::bifs::tables());
    tables.extend(loader::bifs::TABLES);
    tables.extend(scheduler::bifs::tables());
    tables.extend(nif::bif_tables());
    tables
}

/// Names this build (see `build.rs`).
const FINGERPRINT: &str = env!("LINTEL_FINGERPRINT");

/// Takes modules that this build of the VM linked before ([`link_modules`]). Nothing may have made atoms yet.
pub fn use_modules(file: &Path) -> Result<(), String> {
    loader::cache::open(file, FINGERPRINT)
}

/// Links modules for [`use_modules`]. In this process no node can be started any more.
pub fn link_modules(modules: &[loader::cache::Source]) -> Vec<u8> {
    link_bifs();
    loader::cache::build(FINGERPRINT, modules)
}

/// The modules that are loaded before any Erlang code runs.
pub fn is_preloaded(module: &str) -> bool {
    PRELOADED.contains(&module)
}

/// Prints the names of all BIFs.
pub fn list_bifs() {
    for bif in tables().into_iter().flatten() {
        println!("{}:{}/{}", bif.module, bif.function, bif.arity);
    }
}

/// Gives every BIF its place in the export table; must come before any module is loaded.
fn link_bifs() {
    for bif in tables().into_iter().flatten() {
        export(bif.module, bif.function, u32::from(bif.arity)).set_bif(bif);
    }
    // Module `erlang` has stand-ins for these that would call themselves.
    export("erlang", "apply", 3).set_native(&snippets::APPLY_3[0]);
    export("erlang", "apply", 2).set_native(&snippets::APPLY_2[0]);
    export("erlang", "yield", 0).set_native(&snippets::YIELD[0]);
}

fn export(module: &'static str, function: &'static str, arity: u32) -> &'static Export {
    Export::of(Mfa {
        module: Atom::from_static(module),
        function: Atom::from_static(function),
        arity,
    })
}

/// The modules that are loaded before any Erlang code runs (OTP 25; 27 has one more).
const PRELOADED: &[&str] = &[
    "erts_code_purger",
    "erl_init",
    "init",
    "prim_buffer",
    "prim_eval",
    "prim_inet",
    "prim_file",
    "zlib",
    "socket_registry",
    "prim_socket",
    "prim_net",
    "prim_zip",
    "erl_prim_loader",
    "erlang",
    "erts_internal",
    "erl_tracer",
    "erts_literal_area_collector",
    "erts_dirty_process_signal_handler",
    "atomics",
    "counters",
    "persistent_term",
    "erts_trace_cleaner",
    "prim_tty",
];

fn load_preloaded(otp: &Otp) -> Result<(), String> {
    let mut names = Vec::new();
    let mut modules = Vec::new();
    for name in PRELOADED {
        let path = otp.preloaded.join(format!("{name}.beam"));
        // Which of them there are depends on OTP's version.
        let Ok(bytes) = std::fs::read(&path) else {
            continue;
        };
        let atom = Atom::from_static(name);
        let module = loader::link::prepare_preloaded(atom, &bytes)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        modules.push(module);
        names.push(atom);
    }
    let writer = Writer::seize();
    writer
        .load(&modules)
        .map_err(|_| "a preloaded module is there twice".to_string())?;
    table::set_preloaded(names);
    Ok(())
}

/// Sets a variable of the node's environment, before it starts.
pub fn set_environment(name: &str, value: &OsStr) {
    vm::environment::set(
        name.as_bytes(),
        std::os::unix::ffi::OsStrExt::as_bytes(value),
    );
}

/// Lets OTP's own programs be found by their names (`inet_gethost`, `heart`), where they are to run instead of
/// what serves them in threads. They come last: what the user has on the path is meant first.
fn find_programs(otp: &Otp) {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    if !path.is_empty() {
        path.push(":");
    }
    path.push(otp.bindir());
    set_environment("PATH", &path);
}

static DRIVERS: OnceLock<fn(&ports::registry::Registry)> = OnceLock::new();

/// What is to be added to the table of drivers before a node starts. Once; what is said later is ignored.
pub fn set_drivers(add: fn(&ports::registry::Registry)) {
    let _ = DRIVERS.set(add);
}

/// Adds the drivers of the user's program, then does what the environment and the command line say of entries.
fn set_up_drivers(serve: &[String], turn_off: &[String]) -> Result<(), String> {
    let registry = ports::node::registry();
    if let Some(add) = DRIVERS.get() {
        add(registry);
    }
    let named = std::env::var(ports::registry::SERVING_VARIABLE).unwrap_or_default();
    let named = named.split(',').map(str::trim);
    for pair in named
        .filter(|pair| !pair.is_empty())
        .chain(serve.iter().map(String::as_str))
    {
        registry.serve(pair)?;
    }
    for name in turn_off {
        registry.set_enabled(name, false);
    }
    Ok(())
}

/// Starts a node and runs it to its end.
pub fn run(boot: Boot<'_>) -> Result<ExitCode, String> {
    for (name, value) in &boot.environment {
        set_environment(name, OsStr::new(value));
    }
    find_programs(boot.otp);
    let flags = &boot.flags;
    vm::atom::set_limit(flags.atoms);
    vm::process::table::init(flags.processes);
    link_bifs();
    ports::node::start(ports::node::Config {
        limit: flags.ports,
        latin1_names: flags.file_names == FileNames::Latin1,
        ..ports::node::Config::default()
    })
    .map_err(|error| format!("ports: {error}"))?;
    set_up_drivers(&boot.drivers, &boot.no_drivers)?;
    let on_break = match flags.break_handling {
        Break::Menu => signals::Break::Call(break_menu::show),
        Break::Ignore => signals::Break::Ignore,
        Break::CancelShell => signals::Break::Key,
        Break::Disable => signals::Break::Default,
    };
    break_menu::set_version(&boot.otp.erts_version);
    signals::start(on_break).map_err(|error| format!("signals: {error}"))?;
    vm::bif::ets::init();
    settle(flags);
    tune(flags);
    set_printer();
    if !flags.no_crash_dump {
        scheduler::halt::set_crash_dump(crash_dump::write);
    }
    ports::trim::set_give_back(crate::allocator::give_back);
    vm::fatal::set_end(scheduler::halt::crash);
    if boot.epmd {
        start_epmd();
    }
    vm::process::hooks::set_stacks(&vm::code::stacks::STACKS);
    load_preloaded(boot.otp)?;
    let (workers, online) = schedulers(flags);
    scheduler::start(&scheduler::Config {
        workers,
        online,
        runner,
    });
    let args = OwnedTerm::build(|heap| {
        let words: Vec<Term<'_>> = boot.init.iter().map(|word| heap.binary(word)).collect();
        // The stock VM would give a module's name of any length, too: there is no such atom.
        let init = Atom::new(&flags.init_module).unwrap_or(Atom::from_static("init"));
        heap.list(&[Term::atom(init), heap.list(&words)])
    });
    let first = spawn::spawn(
        None,
        Atom::from_static("erl_init"),
        Atom::from_static("start"),
        args.term(),
        spawn::Options {
            system: true,
            ..spawn::Options::new()
        },
    );
    let first = first.map_err(|_| "there is no room for the first process".to_string())?;
    let others = system_processes();
    first.start();
    for process in others {
        process.start();
    }
    loop {
        std::thread::park();
    }
}

/// The processes of the machine's own that are written in Erlang, each begun by `Module:start()`.
const SYSTEM_PROCESSES: &[(&str, Priority)] = &[
    ("erts_code_purger", Priority::High),
    ("erts_literal_area_collector", Priority::High),
    ("erts_dirty_process_signal_handler", Priority::Normal),
    ("erts_dirty_process_signal_handler", Priority::High),
    ("erts_dirty_process_signal_handler", Priority::Max),
    ("erts_trace_cleaner", Priority::High),
];

/// Makes the system processes, so far as this OTP has their modules; they follow the first process in number.
fn system_processes() -> Vec<spawn::Spawned> {
    let mut spawned = Vec::new();
    for &(name, priority) in SYSTEM_PROCESSES {
        let module = Atom::from_static(name);
        if table::current(module).is_none() {
            continue;
        }
        let options = spawn::Options {
            system: true,
            off_heap_messages: true,
            priority,
            ..spawn::Options::new()
        };
        let start = Atom::from_static("start");
        let Ok(process) = spawn::spawn(None, module, start, Term::NIL, options) else {
            continue;
        };
        match name {
            "erts_code_purger" => drop(purge::set_purger(process.pid())),
            "erts_literal_area_collector" => {
                let _ = LITERAL_COLLECTOR.set(process.pid());
                purge::set_literals_waker(wake_literal_collector);
            }
            _ => {}
        }
        spawned.push(process);
    }
    spawned
}

/// The port mapper that this node runs, for every node of the machine, or that stands by for the one that does.
/// It ends with the operating-system process.
static EPMD: OnceLock<Epmd> = OnceLock::new();

/// Starts the port mapper that a node with a name registers with. A fault is told as the stock `erl` tells it, and
/// the node starts nevertheless: whether a name can be had is found out when distribution starts.
fn start_epmd() {
    // The node's environment, since `-env` may have changed it.
    let variable = |name: &str| {
        vm::environment::get(name.as_bytes())
            .map(|value| String::from_utf8_lossy(&value).into_owned())
    };
    let started = epmd::Config::from_variables(variable)
        .map_err(|error| error.to_string())
        .and_then(|config| Epmd::start_or_stand_by(&config).map_err(|error| error.to_string()));
    match started {
        Ok(epmd) => drop(EPMD.set(epmd)),
        Err(error) => eprintln!("epmd: {error}"),
    }
}

static LITERAL_COLLECTOR: OnceLock<Pid> = OnceLock::new();

/// Tells the collector of literals that there are some to be freed.
fn wake_literal_collector() {
    if let Some(&pid) = LITERAL_COLLECTOR.get() {
        let message = Term::atom(Atom::from_static("copy_literals"));
        signal::send_message(pid, OwnedTerm::immediate(message));
    }
}

/// Tells the BIFs what the command line says, and who knows what the machine does not.
fn settle(flags: &Flags) {
    use vm::bif::settings::{self, NameEncoding, WarningMap};
    settings::set_name_encoding(match flags.file_names {
        FileNames::Latin1 => NameEncoding::Latin1,
        FileNames::Utf8 => NameEncoding::Utf8,
    });
    settings::set_printable_unicode(flags.printable_unicode);
    settings::set_warning_map(match flags.warnings {
        Warnings::Warning => WarningMap::Warning,
        Warnings::Info => WarningMap::Info,
        Warnings::Error => WarningMap::Error,
    });
    vm::bif::long_work::set_runner(|kind, work| {
        use scheduler::dirty::Kind;
        let kind = match kind {
            vm::bif::long_work::Kind::Cpu => Kind::Cpu,
            vm::bif::long_work::Kind::Io => Kind::Io,
        };
        scheduler::dirty::detach(kind, work);
    });
    settings::set_name_warning(match flags.name_warning {
        NameWarning::Warning => settings::NameWarning::Warning,
        NameWarning::Ignore => settings::NameWarning::Ignore,
        NameWarning::Error => settings::NameWarning::Error,
    });
    for (wanted, switch) in [
        (flags.ets_compressed, settings::Switch::EtsCompressed),
        (flags.port_parallelism, settings::Switch::PortParallelism),
        (flags.no_lines, settings::Switch::NoLines),
    ] {
        if wanted {
            settings::turn_on(switch);
        }
    }
    let _ = FLAGS.set(flags.clone());
    vm::bif::system_info::provide(said_on_the_command_line);
    vm::bif::system_info::provide(scheduler::bifs::system_info::item);
    vm::bif::debug_state::provide(scheduler::bifs::system_info::unique_integer);
    vm::bif::system_info::provide(|_, item| match item.name() {
        "port_count" => Some(Term::size(ports::node::count())),
        "port_limit" => Some(Term::size(ports::node::limit())),
        _ => None,
    });
}

static FLAGS: OnceLock<Flags> = OnceLock::new();

/// What `system_info` tells of the command line.
fn said_on_the_command_line<'h>(heap: Heap<'h>, item: Atom) -> Option<Term<'h>> {
    let flags = FLAGS.get()?;
    let truth = |truth: bool| if truth { Term::TRUE } else { Term::FALSE };
    Some(match item.name() {
        "thread_pool_size" => Term::size(flags.async_threads),
        "compat_rel" => Term::size(flags.compat_rel? as usize),
        "modified_timing_level" => Term::size(flags.modified_timing? as usize),
        "delayed_node_table_gc" => match flags.node_table_delay {
            Some(seconds) => Term::size(seconds as usize),
            None => Term::atom(Atom::from_static("infinity")),
        },
        "dist_buf_busy_limit" => heap.unsigned(flags.dist_busy_limit as u64 * 1024),
        "outstanding_system_requests_limit" => Term::size(flags.outstanding_requests),
        "port_parallelism" => truth(flags.port_parallelism),
        "ets_always_compress" => truth(flags.ets_compressed),
        "ets_realloc_moves" => truth(flags.ets_realloc_moves),
        "ets_limit" => Term::size(flags.ets_tables.max(8192)),
        "break_ignored" => truth(flags.break_handling == Break::Ignore),
        _ => return None,
    })
}

/// How many schedulers there are, and how many of them work at first: one a processor unless told otherwise.
fn schedulers(flags: &Flags) -> (usize, usize) {
    let cores = vm::bif::cpu_topology::available();
    flags.schedulers.unwrap_or((cores, cores))
}

/// Sets clock, heaps and pools as the command line says.
fn tune(flags: &Flags) {
    use scheduler::clock::{self, WarpMode};
    use std::sync::atomic::Ordering::Relaxed;
    use vm::heap::sizes;
    let warp = match flags.time_warp {
        TimeWarp::None => WarpMode::No,
        TimeWarp::Single => WarpMode::Single,
        TimeWarp::Multi => WarpMode::Multi,
    };
    clock::configure(warp, flags.time_correction);
    // As in the stock VM: no more dirty CPU schedulers than normal ones, and no more of them online.
    let (all, online) = schedulers(flags);
    let cores = vm::bif::cpu_topology::available();
    let (dirty, dirty_online) = flags.dirty_cpu.unwrap_or((cores, cores));
    let dirty = dirty.min(all);
    scheduler::dirty::configure(dirty, dirty_online.min(dirty).min(online), flags.dirty_io);
    scheduler::bind::configure(&flags.bind_type);
    let defaults = &spawn::DEFAULTS;
    let min_heap = sizes::at_least(flags.min_heap_words);
    defaults.min_heap.store(min_heap, Relaxed);
    let min_vheap = sizes::at_least(flags.min_binary_words);
    defaults.min_vheap.store(min_vheap, Relaxed);
    defaults.set_max_heap(spawn::MaxHeap {
        words: flags.max_heap_words,
        kill: flags.max_heap_kill,
        log: flags.max_heap_log,
        ..defaults.max_heap()
    });
    defaults
        .off_heap_messages
        .store(usize::from(flags.off_heap_messages), Relaxed);
}

/// What runs processes; with `LINTEL_TRACE=slices` every slice is told on standard error.
fn runner() -> Box<dyn Runner> {
    match std::env::var("LINTEL_TRACE") {
        Ok(what) if what == "slices" => Box::new(Traced(Interpreter::new())),
        _ => Box::new(Interpreter::new()),
    }
}

/// Runs processes and tells where each slice began and ended.
struct Traced(Interpreter);

// SAFETY: the reason is that of the runner within, and nothing is collected after it.
unsafe impl Runner for Traced {
    fn run(&mut self, process: &mut Process) -> Outcome {
        let place = |process: &Process| {
            table::find(process.position())
                .map_or_else(|| "?".into(), |found| found.mfa.to_string())
        };
        let before = place(process);
        let outcome = self.0.run(process);
        eprintln!(
            "{:?} {before} -> {} {outcome:?}",
            process.pid(),
            place(process)
        );
        outcome
    }
}

/// Lets the layers below print terms.
fn set_printer() {
    vm::process::hooks::set_printer(|term| {
        String::from_utf8_lossy(&vm::bif::display::to_bytes(term)).into_owned()
    });
}

/// The text of a module's code.
pub fn disassemble(bytes: &[u8], specific: bool) -> Result<String, String> {
    let bytes = loader::uncompressed(bytes).map_err(|error| error.to_string())?;
    let file = loader::BeamFile::parse(&bytes).map_err(|error| error.to_string())?;
    if !specific {
        return Ok(loader::Disassembly::new(&file).to_string());
    }
    link_bifs();
    set_printer();
    let module = loader::link::link(&file).map_err(|error| error.to_string())?;
    Ok(Listing::new(&module).to_string())
}
