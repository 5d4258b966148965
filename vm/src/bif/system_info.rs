//! `erlang:system_info/1`: what the machine says of itself.
//!
//! Items that other layers know are told by them through [`provide`]; what stands here is what a machine
//! without them would say.

#![forbid(unsafe_code)]

use std::sync::atomic::Ordering;

use parking_lot::RwLock;

use crate::atom::{self, Atom, well_known as w};
use crate::bif::misc::info_map;
use crate::bif::{BifResult, Call, badarg, cpu_topology, memory, settings, system_text};
use crate::code::{Export, Mfa};
use crate::heap::{Heap, sizes};
use crate::process::spawn::DEFAULTS;
use crate::process::{self, hooks, table};
use crate::term::Term;
use crate::trace::sequential;

crate::bifs! { "erlang":
    "system_info"/1 Heavy system_info_1;
}

/// What tells the value of an item.
pub type Provider = for<'h> fn(Heap<'h>, Atom) -> Option<Term<'h>>;

static PROVIDERS: RwLock<Vec<Provider>> = RwLock::new(Vec::new());

/// Registers who knows further items, or knows them better. The last one is asked first.
pub fn provide(provider: Provider) {
    PROVIDERS.write().push(provider);
}

fn name<'h>(name: &'static str) -> Term<'h> {
    Term::atom(Atom::from_static(name))
}

fn schedulers() -> usize {
    hooks::schedulers().map_or(1, |schedulers| schedulers.count().max(1) as usize)
}

fn system_info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let Some(item) = call.arg(0).as_atom() else {
        return tuple_item(call);
    };
    // The list is copied: a provider may be slow, and none may wait for the lock.
    let providers = PROVIDERS.read().clone();
    if let Some(value) = providers
        .iter()
        .rev()
        .find_map(|provider| provider(call.heap, item))
    {
        return Ok(value);
    }
    let (heap, item) = (call.heap, item.name());
    text_item(heap, item)
        .or_else(|| constant_item(item))
        .or_else(|| count_item(heap, item))
        .or_else(|| collector_item(heap, item))
        .or_else(|| list_item(heap, item))
        .ok_or_else(badarg)
}

/// Items whose value is text.
fn text_item<'h>(heap: Heap<'h>, item: &str) -> Option<Term<'h>> {
    let release = settings::release();
    let text = match item {
        "otp_release" => release.otp.clone(),
        "version" => release.erts.clone(),
        "system_version" => format!(
            "Erlang/OTP {} [erts-{}] [source] [64-bit] [smp:{2}:{2}] [ds:{2}:{2}:10] [async-threads:1]\n",
            release.otp,
            release.erts,
            schedulers()
        ),
        "machine" => "BEAM".to_owned(),
        "system_architecture" => format!("{}-pc-linux-gnu", std::env::consts::ARCH),
        "driver_version" => "3.3".to_owned(),
        "nif_version" => match &*release.otp {
            "24" | "25" => "2.16",
            _ => "2.17",
        }
        .to_owned(),
        _ => return system_text::report(item).map(|text| heap.binary(text.as_bytes())),
    };
    Some(heap.string(&text))
}

/// Items that never change.
fn constant_item<'h>(item: &str) -> Option<Term<'h>> {
    Some(match item {
        "wordsize" => Term::int(8),
        "compat_rel" => Term::int(settings::release().otp.parse().unwrap_or(25)),
        "context_reductions" => Term::int(process::REDUCTIONS),
        "thread_pool_size" => Term::int(1),
        "delayed_node_table_gc" => Term::int(60),
        "dist_buf_busy_limit" => Term::int(1 << 20),
        "outstanding_system_requests_limit" => Term::size(100),
        "trace_control_word" => Term::int(0),
        "ethread_used_tse" => Term::int(0),
        "threads"
        | "smp_support"
        | "eager_check_io"
        | "constant_pool_support"
        | "port_tasks"
        | "kernel_poll"
        | "beam_jump_table"
        | "time_correction" => Term::TRUE,
        "debug_compiled"
        | "lock_checking"
        | "lock_counting"
        | "dynamic_trace_probes"
        | "ets_always_compress"
        | "ets_realloc_moves"
        | "break_ignored"
        | "io_thread"
        | "port_parallelism"
        | "async_dist" => Term::FALSE,
        "modified_timing_level" | "hipe_architecture" => Term::UNDEFINED,
        "multi_scheduling" | "tolerant_timeofday" => Term::atom(w::ENABLED),
        "multi_scheduling_blockers"
        | "normal_multi_scheduling_blockers"
        | "dist_ctrl"
        | "taints"
        | "check_io"
        | "compile_info" => Term::NIL,
        "heap_type" => name("private"),
        "build_type" | "emu_type" => Term::atom(w::OPT),
        // Tools ask this to know whether there is native code.
        "emu_flavor" => Term::atom(w::EMU),
        "endian" => Term::atom(w::LITTLE),
        "dynamic_trace" => Term::atom(w::NONE),
        "literal_test" => name("range"),
        "scheduler_bind_type" => name("unbound"),
        "update_cpu_info" => name("unchanged"),
        "time_warp_mode" => Term::atom(w::NO_TIME_WARP),
        "time_offset" => name("final"),
        "system_logger" => name("logger"),
        _ => return None,
    })
}

/// Items that count.
fn count_item<'h>(heap: Heap<'h>, item: &str) -> Option<Term<'h>> {
    Some(match item {
        "atom_count" => Term::size(atom::count() as usize),
        "atom_limit" => Term::size(atom::limit() as usize),
        "process_count" => Term::size(table::count()),
        "process_limit" => Term::size(table::limit()),
        "ets_count" => Term::size(crate::ets::registry::all().len()),
        "ets_limit" => Term::int(8192),
        "port_count" => Term::int(0),
        "port_limit" => Term::int(65_536),
        "schedulers"
        | "schedulers_online"
        | "schedulers_total"
        | "schedulers_active"
        | "run_queues"
        | "dirty_cpu_schedulers"
        | "dirty_cpu_schedulers_online" => Term::size(schedulers()),
        "dirty_io_schedulers" => Term::int(10),
        "scheduler_id" => Term::size(
            hooks::schedulers().map_or(1, |schedulers| schedulers.current().max(1) as usize),
        ),
        "logical_processors" => Term::size(cpu_topology::configured()),
        "logical_processors_online" => Term::size(cpu_topology::online()),
        "logical_processors_available" => Term::size(cpu_topology::available()),
        "cpu_quota" => name("unknown"),
        "creation" => heap.unsigned(crate::node_name::this().1.into()),
        "backtrace_depth" => Term::size(process::backtrace_depth()),
        _ => return None,
    })
}

/// Items about heaps and their collection.
fn collector_item<'h>(heap: Heap<'h>, item: &str) -> Option<Term<'h>> {
    let pair = |key: &'static str, value: usize| heap.tuple(&[name(key), Term::size(value)]);
    let after = DEFAULTS.fullsweep_after.load(Ordering::Relaxed);
    let min = DEFAULTS.min_heap.load(Ordering::Relaxed);
    let min_binaries = DEFAULTS.min_vheap.load(Ordering::Relaxed);
    let max = DEFAULTS.max_heap();
    Some(match item {
        "fullsweep_after" => pair("fullsweep_after", after),
        "min_heap_size" => pair("min_heap_size", min),
        "min_bin_vheap_size" => pair("min_bin_vheap_size", min_binaries),
        "max_heap_size" => info_map(
            heap,
            &[
                ("error_logger", Term::bool(max.log)),
                ("kill", Term::bool(max.kill)),
                ("size", Term::size(max.words)),
            ],
        ),
        "garbage_collection" => heap.list(&[
            pair("max_heap_size", max.words),
            pair("min_bin_vheap_size", min_binaries),
            pair("min_heap_size", min),
            pair("fullsweep_after", after),
        ]),
        "message_queue_data" if DEFAULTS.off_heap_messages.load(Ordering::Relaxed) != 0 => {
            Term::atom(w::OFF_HEAP)
        }
        "message_queue_data" => Term::atom(w::ON_HEAP),
        "heap_sizes" => heap.list_from(sizes::all().iter().map(|&size| Term::size(size))),
        "allocated_areas" => memory::areas(heap),
        "alloc_util_allocators" => memory::allocators(heap),
        "allocator" => memory::allocator(heap),
        _ => return None,
    })
}

/// Items that are lists and tuples.
fn list_item<'h>(heap: Heap<'h>, item: &str) -> Option<Term<'h>> {
    let pair = |key: &'static str, value: Term<'h>| heap.tuple(&[name(key), value]);
    let count = schedulers();
    Some(match item {
        "os_type" => heap.tuple(&[Term::atom(w::UNIX), Term::atom(w::LINUX)]),
        "os_version" => os_version(heap),
        "cpu_topology" => cpu_topology::term(heap),
        "scheduler_bindings" => heap.tuple(&vec![name("unbound"); count]),
        "schedulers_state" => heap.tuple(&[Term::size(count); 3]),
        "all_schedulers_state" => heap.list(&[
            heap.tuple(&[
                name("normal"),
                Term::size(count),
                Term::size(count),
                Term::size(count),
            ]),
            heap.tuple(&[
                name("dirty_cpu"),
                Term::size(count),
                Term::size(count),
                Term::size(count),
            ]),
            heap.tuple(&[
                name("dirty_io"),
                Term::int(10),
                Term::int(10),
                Term::int(10),
            ]),
        ]),
        "reader_groups_map" | "decentralized_counter_groups_map" => {
            let group = |index: usize| heap.tuple(&[Term::size(index), Term::size(index + 1)]);
            heap.list_from((0..count).map(group))
        }
        "scheduling_statistics" | "total_scheduling_statistics" => {
            let kinds = [
                "process_max",
                "process_high",
                "process_normal",
                "process_low",
                "port",
            ];
            heap.list_from(
                kinds
                    .into_iter()
                    .map(|kind| heap.tuple(&[name(kind), Term::int(0), Term::int(0)])),
            )
        }
        "sequential_tracer" => {
            let tracer = sequential::tracer();
            pair(
                "sequential_tracer",
                tracer.map_or(Term::FALSE, |tracer| tracer.term(heap)),
            )
        }
        "c_compiler_used" => heap.tuple(&[name("rustc"), Term::UNDEFINED]),
        "ethread_info" => heap.list_from(
            [
                ("32-bit native atomics", "rust"),
                ("64-bit native atomics", "rust"),
                ("Double word native atomics", "no"),
            ]
            .map(|(what, how)| heap.tuple(&[heap.string(what), heap.string(how), Term::NIL])),
        ),
        "snifs" => {
            let mut built_in = Export::all();
            // Those that the stock VM has instructions for are no BIFs there.
            let is_instruction = |mfa: Mfa| {
                mfa.module == w::ERLANG
                    && (mfa.function == w::APPLY || mfa.function.name() == "yield")
            };
            built_in.retain(|export| export.is_native() && !is_instruction(export.mfa));
            heap.list_from(built_in.into_iter().map(|export| {
                let Mfa {
                    module,
                    function,
                    arity,
                } = export.mfa;
                heap.tuple(&[
                    Term::atom(module),
                    Term::atom(function),
                    Term::size(arity as usize),
                ])
            }))
        }
        "emu_args" => heap.list_from(
            settings::arguments()
                .iter()
                .map(|argument| heap.string(argument)),
        ),
        _ => return None,
    })
}

fn os_version<'h>(heap: Heap<'h>) -> Term<'h> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release
        .split(|char: char| !char.is_ascii_digit())
        .map(|part| part.parse::<i32>().unwrap_or(0));
    let mut next = || Term::int(parts.next().unwrap_or(0));
    heap.tuple(&[next(), next(), next()])
}

fn tuple_item<'p>(call: Call<'p>) -> BifResult<'p> {
    let elements = call.arg(0).as_tuple().ok_or_else(badarg)?.elements();
    let key = elements
        .first()
        .and_then(|key| key.as_atom())
        .ok_or_else(badarg)?
        .name();
    match (key, &elements[1..]) {
        ("wordsize", [which]) => match which.as_atom().map(|atom| atom.name()) {
            Some("internal" | "external") => Ok(Term::int(8)),
            _ => Err(badarg()),
        },
        ("cpu_topology", [which]) => match which.as_atom().map(|atom| atom.name()) {
            Some("defined") => Ok(Term::UNDEFINED),
            Some("detected" | "used") => Ok(cpu_topology::term(call.heap)),
            _ => Err(badarg()),
        },
        ("allocator" | "allocator_sizes", &[wanted]) => Err(memory::ask(key, wanted)),
        (_, &[reference, wanted]) => memory::request(call, key, reference, wanted),
        _ => Err(badarg()),
    }
}
