//! What is known of the node's memory: `system_info` about allocators and areas, from which Erlang code makes
//! `erlang:memory/0,1`.
//!
//! Here everything comes from one allocator. What it holds is told apart by the names of the stock VM's
//! allocators: heaps of processes (`eheap_alloc`), tables (`ets_alloc`), binaries, literals, and the rest
//! (`sys_alloc` and `driver_alloc` hold nothing). Layers that can count register themselves ([`count_with`]).

#![forbid(unsafe_code)]

use std::sync::atomic::Ordering;

use parking_lot::RwLock;

use crate::atom::{self, Atom};
use crate::bif::{BifResult, Call, Stop, badarg};
use crate::code::table;
use crate::heap::{Heap, literal};
use crate::process::{hooks, send};
use crate::term::Term;

crate::bifs! { "erts_internal":
    "gather_alloc_histograms"/1 Plain none_1;
    "gather_carrier_info"/1 Plain none_1;
}

/// A part of the memory that a layer can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Heaps and all else of processes.
    Processes,
    /// Loaded code.
    Code,
    /// Everything that the process of the operating system uses.
    Total,
}

/// Gives the bytes of an area.
type Counter = fn() -> usize;
static COUNTERS: RwLock<Vec<(Area, Counter)>> = RwLock::new(Vec::new());

/// Registers who counts an area, in bytes.
pub fn count_with(area: Area, counter: Counter) {
    COUNTERS.write().push((area, counter));
}

fn counted(area: Area) -> Option<usize> {
    let counters = COUNTERS.read();
    counters
        .iter()
        .find(|(other, _)| *other == area)
        .map(|(_, counter)| counter())
}

/// Bytes of a page.
const PAGE: usize = 4096;

/// The resident size that the system tells.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok())
        .unwrap_or(0)
        * PAGE
}

/// Bytes in use, by what they are for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Heaps of processes.
    pub processes: usize,
    /// Tables.
    pub ets: usize,
    /// Binaries off the heap.
    pub binary: usize,
    /// Literals.
    pub literal: usize,
    /// Code.
    pub code: usize,
    /// The names of atoms: room and use.
    pub atom_space: (usize, usize),
    /// The table of atoms.
    pub atom_table: usize,
    /// All else.
    pub system: usize,
}

/// Bytes of an instruction and what the tables need for it.
const CODE_PER_INSTRUCTION: usize = 16;
/// Bytes of an atom's place in the table.
const ATOM_ENTRY: usize = 40;
/// Bytes of an average atom's name.
const ATOM_NAME: usize = 11;

/// Bytes of loaded code.
pub fn code_bytes(module: Atom) -> usize {
    let generations = [table::current(module), table::old(module)];
    generations
        .into_iter()
        .flatten()
        .map(|module| module.len() * CODE_PER_INSTRUCTION)
        .sum()
}

/// What is in use now.
pub fn usage() -> Usage {
    let atoms = atom::count() as usize;
    let names = atoms * ATOM_NAME;
    let mut usage = Usage {
        ets: crate::ets::registry::all()
            .iter()
            .filter_map(|table| Some(table.read()?.words() * 8))
            .sum(),
        binary: crate::binary::ALLOCATED.load(Ordering::Relaxed),
        literal: literal::usage().0,
        code: counted(Area::Code)
            .unwrap_or_else(|| table::loaded().into_iter().map(code_bytes).sum()),
        atom_space: (names.next_multiple_of(1 << 15), names),
        atom_table: atoms * ATOM_ENTRY,
        ..Usage::default()
    };
    let known = usage.ets
        + usage.binary
        + usage.literal
        + usage.code
        + usage.atom_space.0
        + usage.atom_table;
    let total = counted(Area::Total).unwrap_or_else(resident);
    let rest = total.saturating_sub(known);
    // Without somebody who counts them, the heaps are taken to be half of what nothing else accounts for.
    usage.processes = counted(Area::Processes).unwrap_or(rest / 2);
    usage.system = rest.saturating_sub(usage.processes);
    usage
}

// Areas ----------------------------------------------------------------------------------------------

fn name<'h>(name: &'static str) -> Term<'h> {
    Term::atom(Atom::from_static(name))
}

/// Bytes of the tables that count as code, about.
pub struct CodeTables {
    modules: usize,
    exports: usize,
    export_list: usize,
}

impl CodeTables {
    /// What they take now.
    pub fn now() -> CodeTables {
        let exports = crate::code::Export::all().len();
        CodeTables {
            modules: table::loaded().len() * 64,
            exports: exports * 64,
            export_list: exports * 96,
        }
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.modules + self.exports + self.export_list
    }
}

/// `system_info(allocated_areas)`.
pub fn areas<'h>(heap: Heap<'h>) -> Term<'h> {
    let usage = usage();
    let tables = CodeTables::now();
    let one = |key: &'static str, bytes: usize| heap.tuple(&[name(key), Term::size(bytes)]);
    let (space, used) = usage.atom_space;
    heap.list(&[
        one("sys_misc", 0),
        one("static", 0),
        heap.tuple(&[name("atom_space"), Term::size(space), Term::size(used)]),
        one("atom_table", usage.atom_table),
        one("module_table", tables.modules),
        one("export_table", tables.exports),
        one("export_list", tables.export_list),
        one("register_table", 0),
        one("fun_table", 0),
        one("module_refs", 0),
        one("loaded_code", usage.code),
        one("dist_table", 0),
        one("node_table", 0),
        one("bits_bufs_size", 0),
        one("bif_timer", 0),
        one("process_table", crate::process::table::limit() * 8),
        one("port_table", 0),
        one("ets_misc", 0),
        one(
            "external_alloc",
            usage.code + usage.atom_space.0 + usage.atom_table,
        ),
    ])
}

// Allocators -----------------------------------------------------------------------------------------

/// The allocators that have carriers, in the order in which they are listed.
pub const ALLOCATORS: [&str; 10] = [
    "temp_alloc",
    "sl_alloc",
    "std_alloc",
    "ll_alloc",
    "eheap_alloc",
    "ets_alloc",
    "fix_alloc",
    "literal_alloc",
    "binary_alloc",
    "driver_alloc",
];

/// The others that can be asked for.
const OTHERS: [&str; 4] = ["sys_alloc", "mseg_alloc", "erts_mmap", "sys_aligned_alloc"];

fn bytes_of(allocator: &str, usage: &Usage) -> usize {
    match allocator {
        "eheap_alloc" => usage.processes,
        "ets_alloc" => usage.ets,
        "binary_alloc" => usage.binary,
        "literal_alloc" => usage.literal,
        "ll_alloc" => usage.system,
        _ => 0,
    }
}

/// `system_info(alloc_util_allocators)`.
pub fn allocators<'h>(heap: Heap<'h>) -> Term<'h> {
    heap.list_from(ALLOCATORS.into_iter().map(name))
}

/// `system_info(allocator)`: nothing is known of the allocator below.
pub fn allocator<'h>(heap: Heap<'h>) -> Term<'h> {
    let features = ALLOCATORS.into_iter().chain(["sys_alloc"]).map(name);
    let enabled = heap.list(&[
        heap.tuple(&[name("e"), Term::TRUE]),
        heap.tuple(&[name("m"), name("libc")]),
    ]);
    let settings = heap.list(&[heap.tuple(&[name("sys_alloc"), enabled])]);
    heap.tuple(&[
        Term::UNDEFINED,
        Term::NIL,
        heap.list_from(features),
        settings,
    ])
}

/// What is asked of an allocator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    /// `{allocator, …}`.
    All,
    /// `{allocator_sizes, …}`.
    Sizes,
    /// What `erlang:memory/0` needs.
    Internal,
}

fn carriers<'h>(
    heap: Heap<'h>,
    allocator: &'static str,
    bytes: usize,
    detail: Detail,
) -> [Term<'h>; 2] {
    let entry = |key: &'static str, value: Term<'h>| heap.tuple(&[name(key), value]);
    let count = usize::from(bytes > 0);
    let triple = |key: &'static str, value: usize| {
        let value = Term::size(value);
        heap.tuple(&[name(key), value, value, value])
    };
    let size = match detail {
        Detail::Internal => heap.tuple(&[name("size"), Term::size(bytes)]),
        _ => triple("size", bytes),
    };
    let mut sizes = vec![size];
    if detail == Detail::All {
        sizes.insert(0, triple("count", count));
    }
    let blocks = heap.list(&[entry(allocator, heap.list(&sizes))]);
    let carriers_size = |value| match detail {
        Detail::Internal => heap.tuple(&[name("carriers_size"), Term::size(value)]),
        _ => triple("carriers_size", value),
    };
    let described = |blocks: Term<'h>, bytes: usize, count: usize| {
        let mut list = vec![entry("blocks", blocks)];
        if detail == Detail::All {
            list.push(triple("carriers", count));
        }
        list.push(carriers_size(bytes));
        heap.list(&list)
    };
    [
        entry(
            "mbcs",
            described(blocks, bytes.next_multiple_of(PAGE), count),
        ),
        entry("sbcs", described(Term::NIL, 0, 0)),
    ]
}

fn instance<'h>(
    heap: Heap<'h>,
    allocator: &'static str,
    usage: &Usage,
    detail: Detail,
) -> Term<'h> {
    let entry = |key: &'static str, value: Term<'h>| heap.tuple(&[name(key), value]);
    let enabled = || heap.list(&[entry("e", Term::TRUE), entry("m", name("libc"))]);
    if OTHERS.contains(&allocator) {
        return match detail {
            Detail::All => heap.list(&[entry("options", enabled())]),
            _ => Term::NIL,
        };
    }
    let bytes = bytes_of(allocator, usage);
    let mut list = Vec::new();
    if detail == Detail::All {
        let versions = [name("versions"), heap.string("0.9"), heap.string("3.0")];
        list.push(heap.tuple(&versions));
        list.push(entry("options", enabled()));
    }
    if allocator == "fix_alloc" {
        list.push(entry("fix_types", Term::NIL));
    }
    list.extend(carriers(heap, allocator, bytes, detail));
    heap.list(&list)
}

/// `system_info({Item, Ref, Allocators})`: a message `{Ref, Scheduler, Info}` from each scheduler to the caller.
/// All is told by the first one.
pub fn request<'p>(
    call: Call<'p>,
    item: &str,
    reference: Term<'p>,
    wanted: Term<'p>,
) -> BifResult<'p> {
    let detail = match item {
        "allocator" => Detail::All,
        "allocator_sizes" => Detail::Sizes,
        "memory_internal" => Detail::Internal,
        _ => return Err(badarg()),
    };
    let is_reference = matches!(reference.kind(), crate::term::Kind::Ref(_));
    let wanted: Vec<&'static str> = wanted
        .proper_list()
        .filter(|_| is_reference)
        .ok_or_else(badarg)?
        .into_iter()
        .map(|allocator| {
            let asked = allocator.as_atom()?.name();
            ALLOCATORS
                .into_iter()
                .chain(OTHERS)
                .find(|known| *known == asked)
        })
        .collect::<Option<_>>()
        .ok_or_else(badarg)?;
    let usage = usage();
    let heap = call.heap;
    let schedulers = hooks::schedulers().map_or(1, |schedulers| schedulers.count().max(1));
    for scheduler in 1..=schedulers {
        let infos = wanted.iter().filter(|_| scheduler == 1).map(|&allocator| {
            heap.tuple(&[
                name(allocator),
                Term::int(0),
                instance(heap, allocator, &usage, detail),
            ])
        });
        let message = heap.tuple(&[
            reference,
            Term::int(scheduler as i32),
            heap.list_from(infos),
        ]);
        send::send(call, Term::pid(call.process().pid()), message)?;
    }
    Ok(Term::TRUE)
}

/// `{allocator, A}` and `{allocator_sizes, A}`: Erlang code asks for the messages and joins them.
pub fn ask<'p>(item: &str, wanted: Term<'p>) -> Stop<'p> {
    let function = if item == "allocator" {
        "alloc_info"
    } else {
        "alloc_sizes"
    };
    let mfa = crate::code::Mfa {
        module: atom::well_known::ERLANG,
        function: Atom::from_static(function),
        arity: 1,
    };
    crate::bif::Trap::Call {
        export: crate::code::Export::of(mfa),
        args: smallvec::smallvec![wanted],
    }
    .into()
}

/// How many messages with histograms or carriers will follow: none, as if this were switched off in the stock VM.
fn none_1<'p>(call: Call<'p>) -> BifResult<'p> {
    call.arg(0)
        .as_tuple()
        .map(|_| Term::int(0))
        .ok_or_else(badarg)
}
