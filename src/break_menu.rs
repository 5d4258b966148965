//! The menu of the break key.
//!
//! While it is shown no descriptor is reported to a driver, and the terminal is in the mode in which the
//! node found it; processes run on. What it shows of a process the process tells itself, between two turns.

use std::fmt::Write;
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use ports::pause;
use vm::atom::well_known as w;
use vm::code::module::Module;
use vm::code::table as code;
use vm::ets;
use vm::process::signal::{self, ExitKind, Peer};
use vm::process::{Process, hooks, table};
use vm::term::{Pid, Term};

const HELP: &str = "BREAK: (a)bort (A)bort with dump (c)ontinue (p)roc info (i)nfo\n       \
                    (l)oaded (v)ersion (k)ill (D)b-tables (d)istribution\n";

/// How long a process may take to tell of itself; one that runs a long native function says nothing.
const PATIENCE: Duration = Duration::from_millis(200);

/// The version of the stock VM that this one stands for.
static VERSION: OnceLock<String> = OnceLock::new();

/// Sets what the menu calls the version.
pub fn set_version(version: &str) {
    // A node is started once.
    let _ = VERSION.set(version.to_owned());
}

/// Shows the menu and does what is chosen.
pub fn show() {
    pause::with_terminal(|| {
        pause::write(&format!("\n{HELP}"));
        while !choose() {}
    });
}

/// The next key; the end of input ends the node.
fn key() -> u8 {
    match pause::key() {
        Ok(Some(key)) => key,
        _ => scheduler::halt::exit(0, false),
    }
}

/// Reads a key and obeys it; false if the menu goes on.
fn choose() -> bool {
    match key() {
        b'a' | b'q' => scheduler::halt::exit(0, false),
        b'A' => scheduler::halt::crash("Crash dump requested by user"),
        b'c' | b'm' => {}
        b'p' => table::all()
            .into_iter()
            .for_each(|pid| pause::write(&process(pid))),
        b'o' => pause::write(&ports::describe::all()),
        b'i' => pause::write(&info()),
        b'l' => pause::write(&loaded()),
        b'v' => pause::write(&format!(
            "Erlang (BEAM) emulator version {}\n",
            VERSION.get().map_or("", String::as_str)
        )),
        b'd' => pause::write(&distribution()),
        b'D' => pause::write(&tables()),
        b'k' => killer(),
        b'\n' => return false,
        other => {
            let other = char::from(other);
            pause::write(&format!(
                "Invalid option '{other}'. Please enter one of the following:\n{HELP}"
            ));
            return false;
        }
    }
    true
}

fn pid_text(pid: Pid) -> String {
    hooks::print(Term::pid(pid))
}

/// A paragraph about a process.
fn process(pid: Pid) -> String {
    let Some(shared) = table::find(pid) else {
        return String::new();
    };
    let (tell, told) = mpsc::sync_channel(1);
    let running = shared.is_running();
    signal::rpc(pid, move |process| {
        // Nobody waits for it any more if it took too long.
        let _ = tell.try_send(process.map(details));
    });
    let mut text = format!("=proc:{}\n", pid_text(pid));
    let state = if running { "Running" } else { "Waiting" };
    let _ = writeln!(text, "State: {state}");
    if let Some(name) = shared.name() {
        let _ = writeln!(text, "Name: {}", name.name());
    }
    if let Ok(Some(details)) = told.recv_timeout(PATIENCE) {
        text.push_str(&details);
    }
    text
}

fn details(process: &Process) -> String {
    let mut text = String::new();
    let initial = process.initial_call();
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{name}: {value}");
    };
    let mfa = |mfa: vm::code::Mfa| {
        format!(
            "{}:{}/{}",
            mfa.module.name(),
            mfa.function.name(),
            mfa.arity
        )
    };
    line("Spawned as", &mfa(initial));
    if let Some(current) = hooks::stacks().and_then(|stacks| stacks.current_function(process)) {
        line("Current call", &mfa(current));
    }
    line(
        "Spawned by",
        &process.parent().map_or_else(|| "[]".to_owned(), pid_text),
    );
    line("Message queue length", &process.message_count());
    let links: Vec<String> = process
        .relations()
        .links()
        .into_iter()
        .map(|peer| match peer {
            Peer::Process(pid) => pid_text(pid),
            Peer::Port(port) => hooks::print(Term::port(port)),
            Peer::Remote(node, number) => format!("{number}@{}", node.name.name()),
        })
        .collect();
    line("Link list", &format!("[{}]", links.join(", ")));
    line("Reductions", &process.total_reductions());
    let heap = process.gc_info();
    line("Stack+heap", &heap.heap_block_size);
    line("OldHeap", &heap.old_heap_block_size);
    line(
        "Heap unused",
        &heap
            .heap_block_size
            .saturating_sub(heap.heap_size + heap.stack_size),
    );
    line(
        "OldHeap unused",
        &heap.old_heap_block_size.saturating_sub(heap.old_heap_size),
    );
    line("Memory", &process.memory());
    text
}

/// What the node has of everything.
fn info() -> String {
    let mut text = String::new();
    let modules = code::loaded();
    let _ = writeln!(text, "=loaded_modules\n{}", modules.len());
    let _ = writeln!(
        text,
        "=atoms\nlimit: {}\nentries: {}",
        vm::atom::limit(),
        vm::atom::count()
    );
    let _ = writeln!(
        text,
        "=processes\nlimit: {}\nentries: {}",
        table::limit(),
        table::count()
    );
    let _ = writeln!(
        text,
        "=ports\nlimit: {}\nentries: {}",
        ports::node::limit(),
        ports::node::count()
    );
    let words: usize = ets::registry::all()
        .iter()
        .map(|table| table.store.read().words())
        .sum();
    let _ = writeln!(
        text,
        "=ets\nentries: {}\nwords: {words}",
        ets::registry::all().len()
    );
    text
}

/// The modules with the bytes of their code.
fn loaded() -> String {
    let size = |module: Option<Arc<Module>>| {
        module.map_or(0, |module| module.len() * size_of::<vm::code::Instr>())
    };
    let mut modules: Vec<(&str, usize, usize)> = code::loaded()
        .into_iter()
        .map(|name| {
            (
                name.name(),
                size(code::current(name)),
                size(code::old(name)),
            )
        })
        .collect();
    modules.sort_unstable();
    let total =
        |which: fn(&(&str, usize, usize)) -> usize| -> usize { modules.iter().map(which).sum() };
    let mut text = format!(
        "Current code: {}\nOld code: {}\n",
        total(|module| module.1),
        total(|module| module.2)
    );
    for (name, current, old) in modules {
        let _ = match old {
            0 => writeln!(text, "{name} {current}"),
            _ => writeln!(text, "{name} {current} ({old} old)"),
        };
    }
    text
}

fn distribution() -> String {
    let (name, creation) = vm::node_name::this();
    if vm::node_name::is_alive() {
        format!("=node:{}\nCreation: {creation}\n", name.name())
    } else {
        "=no_distribution\n".to_owned()
    }
}

fn tables() -> String {
    let mut text = String::new();
    for table in ets::registry::all() {
        let (name, owner) = {
            let control = table.control.read();
            (control.name, control.owner)
        };
        let store = table.store.read();
        let _ = writeln!(
            text,
            "=ets:{}\nTable: {}\nObjects: {}\nWords: {}",
            pid_text(owner),
            name.name(),
            store.len(),
            store.words()
        );
    }
    text
}

/// Shows the processes one by one, the newest first, and kills those that are chosen.
fn killer() {
    pause::write("\n\nProcess Information\n\n--------------------------------------------------\n");
    let mut all = table::all();
    all.reverse();
    for pid in all {
        pause::write(&process(pid));
        pause::write("(k)ill (n)ext (r)eturn:\n");
        match key() {
            b'k' => {
                let init = Peer::Process(Pid(0));
                signal::send_exit(
                    Peer::Process(pid),
                    init,
                    ExitKind::Exit,
                    Term::atom(w::KILL),
                );
            }
            b'n' => {}
            _ => return,
        }
    }
}
