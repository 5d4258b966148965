//! Paragraphs about what a node has, in the form of a crash dump: for the menu of the break key, and for dumps.
//!
//! What is said of a process the process tells itself, between two turns: nothing is stopped for it.

use std::fmt::Write;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use vm::code::module::Module;
use vm::code::table as code;
use vm::ets;
use vm::process::signal::{self, Peer};
use vm::process::{Process, hooks, table};
use vm::term::{Pid, Term};

/// How long a process may take to tell of itself; one that runs a long native function says nothing.
const PATIENCE: Duration = Duration::from_millis(200);

fn pid_text(pid: Pid) -> String {
    hooks::print(Term::pid(pid))
}

/// A paragraph about a process.
pub fn process(pid: Pid) -> String {
    process_with(pid, PATIENCE, Instant::now(), |_| String::new()).0
}

/// A paragraph about a process, and what `more` tells of it, for which there is time until then; that is none if the
/// process did not come to it.
pub fn process_with(
    pid: Pid,
    patience: Duration,
    until: Instant,
    more: impl FnOnce(&Process) -> String + Send + 'static,
) -> (String, Option<String>) {
    let Some(shared) = table::find(pid) else {
        return (String::new(), None);
    };
    let (tell, told) = mpsc::sync_channel(2);
    let running = shared.is_running();
    signal::rpc(pid, move |process| {
        if let Some(process) = process {
            // Nobody waits for it any more if it took too long.
            let _ = tell.try_send(details(process));
            let _ = tell.try_send(more(process));
        }
    });
    let mut text = format!("=proc:{}\n", pid_text(pid));
    let state = if running { "Running" } else { "Waiting" };
    let _ = writeln!(text, "State: {state}");
    if let Some(name) = shared.name() {
        let _ = writeln!(text, "Name: {}", name.name());
    }
    let Ok(details) = told.recv_timeout(patience) else {
        return (text, None);
    };
    text.push_str(&details);
    let left = until.saturating_duration_since(Instant::now());
    (text, told.recv_timeout(left).ok())
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
    if !links.is_empty() {
        line("Link list", &format!("[{}]", links.join(", ")));
    }
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
pub fn info() -> String {
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
        .filter_map(|table| Some(table.try_read()?.words()))
        .sum();
    let _ = writeln!(
        text,
        "=ets\nentries: {}\nwords: {words}",
        ets::registry::all().len()
    );
    text
}

/// The modules with the bytes of their code.
pub fn loaded() -> String {
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

/// The node by its name.
pub fn distribution() -> String {
    let (name, creation) = vm::node_name::this();
    if vm::node_name::is_alive() {
        format!("=node:{}\nCreation: {creation}\n", name.name())
    } else {
        "=no_distribution\n".to_owned()
    }
}

/// A paragraph about each ETS table; of one that is being changed only its name.
pub fn tables() -> String {
    let mut text = String::new();
    for table in ets::registry::all() {
        let (name, owner) = {
            let control = table.control.read();
            (control.name, control.owner)
        };
        let (owner, name) = (pid_text(owner), name.name());
        let _ = writeln!(text, "=ets:{owner}\nTable: {name}\nName: {name}");
        if let Some(store) = table.try_read() {
            let _ = writeln!(text, "Objects: {}\nWords: {}", store.len(), store.words());
        }
    }
    text
}
