//! `erlang:system_info/1`: what the machine says of itself.
//!
//! Items that other layers know are told by them through [`provide`].

#![forbid(unsafe_code)]

use parking_lot::RwLock;

use crate::atom::{self, Atom, well_known as w};
use crate::bif::{BifResult, Call, badarg};
use crate::heap::Heap;
use crate::term::Term;

crate::bifs! { "erlang":
    "system_info"/1 Plain system_info_1;
}

/// What tells the value of an item that this file does not know.
pub type Provider = for<'h> fn(Heap<'h>, Atom) -> Option<Term<'h>>;

static PROVIDERS: RwLock<Vec<Provider>> = RwLock::new(Vec::new());

/// Registers who knows further items.
pub fn provide(provider: Provider) {
    PROVIDERS.write().push(provider);
}

fn text<'p>(call: Call<'p>, text: &str) -> Term<'p> {
    call.heap.string(text)
}

fn name<'p>(name: &'static str) -> Term<'p> {
    Term::atom(Atom::from_static(name))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn system_info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let item = call.arg(0);
    let Some(item) = item.as_atom() else {
        return tuple_item(call);
    };
    for provider in PROVIDERS.read().iter() {
        if let Some(value) = provider(call.heap, item) {
            return Ok(value);
        }
    }
    Ok(match item.name() {
        "otp_release" => text(call, "25"),
        "version" => text(call, "13.1.5"),
        "system_version" => text(
            call,
            &format!(
                "Erlang/OTP 25 [erts-13.1.5] [source] [64-bit] [smp:{0}:{0}] [ds:{0}:{0}:10] [async-threads:1] [lintel]\n",
                cores()
            ),
        ),
        "machine" => text(call, "BEAM"),
        "system_architecture" => text(call, "x86_64-pc-linux-gnu"),
        "driver_version" => text(call, "3.3"),
        "nif_version" => text(call, "2.16"),
        "compat_rel" => Term::int(25),
        "wordsize" => Term::int(8),
        "atom_count" => Term::size(atom::count() as usize),
        "atom_limit" => Term::size(atom::limit() as usize),
        "process_count" => Term::size(crate::process::table::count()),
        "process_limit" => Term::size(crate::process::table::limit()),
        "ets_count" => Term::size(crate::ets::registry::all().len()),
        "ets_limit" => Term::int(8192),
        "port_count" => Term::int(0),
        "port_limit" => Term::int(65536),
        "schedulers"
        | "schedulers_online"
        | "dirty_cpu_schedulers"
        | "dirty_cpu_schedulers_online" => Term::size(
            crate::process::hooks::schedulers().map_or(1, |schedulers| schedulers.count() as usize),
        ),
        "dirty_io_schedulers" => Term::int(10),
        "logical_processors" | "logical_processors_online" | "logical_processors_available" => {
            Term::size(cores())
        }
        "threads" | "smp_support" | "start_fullsweep" => Term::TRUE,
        "thread_pool_size" => Term::int(1),
        "multi_scheduling" => Term::atom(w::ENABLED),
        "multi_scheduling_blockers" | "normal_multi_scheduling_blockers" => Term::NIL,
        "heap_type" => name("private"),
        "heap_sizes" => call.heap.list_from(
            crate::heap::sizes::all()
                .iter()
                .map(|&size| Term::size(size)),
        ),
        "build_type" => Term::atom(w::OPT),
        "emu_type" => Term::atom(w::OPT),
        // Tools ask this to know whether there is native code.
        "emu_flavor" => Term::atom(w::EMU),
        "debug_compiled" | "lock_checking" | "lock_counting" => Term::FALSE,
        "kernel_poll" => Term::TRUE,
        "creation" => Term::size(crate::node_name::this().1 as usize),
        "delayed_node_table_gc" => Term::int(60),
        "dist_buf_busy_limit" => Term::int(1_048_576),
        "dist_ctrl" => Term::NIL,
        "endian" => Term::atom(w::LITTLE),
        "dynamic_trace" => Term::atom(w::NONE),
        "dynamic_trace_probes" => Term::FALSE,
        "eager_check_io" => Term::TRUE,
        "check_io" => Term::NIL,
        "trace_control_word" => Term::int(0),
        "modified_timing_level" | "cpu_topology" => Term::UNDEFINED,
        "scheduler_bind_type" => name("unbound"),
        "scheduler_bindings" => {
            let count = crate::process::hooks::schedulers()
                .map_or(1, |schedulers| schedulers.count() as usize);
            call.heap.tuple(&vec![name("unbound"); count])
        }
        "scheduler_id" => Term::size(
            crate::process::hooks::schedulers()
                .map_or(1, |schedulers| schedulers.current().max(1) as usize),
        ),
        "os_type" => call
            .heap
            .tuple(&[Term::atom(w::UNIX), Term::atom(w::LINUX)]),
        "os_version" => os_version(call),
        "port_parallelism" => Term::FALSE,
        "outstanding_system_requests_limit" => Term::size((1 << 27) - 1),
        "async_dist" => Term::FALSE,
        "system_logger" => name("logger"),
        "backtrace_depth" => Term::size(crate::process::backtrace_depth()),
        "fullsweep_after" => call
            .heap
            .tuple(&[Term::atom(w::FULLSWEEP_AFTER), Term::int(65_535)]),
        "min_heap_size" => call
            .heap
            .tuple(&[Term::atom(w::MIN_HEAP_SIZE), Term::int(233)]),
        "min_bin_vheap_size" => call
            .heap
            .tuple(&[Term::atom(w::MIN_BIN_VHEAP_SIZE), Term::int(46_422)]),
        "max_heap_size" => {
            let keys = ["error_logger", "include_shared_binaries", "kill", "size"].map(name);
            let map = call
                .heap
                .flat_map(&keys, &[Term::TRUE, Term::FALSE, Term::TRUE, Term::int(0)]);
            call.heap.tuple(&[Term::atom(w::MAX_HEAP_SIZE), map])
        }
        "message_queue_data" => Term::atom(w::ON_HEAP),
        "garbage_collection" => {
            let pair =
                |key: &'static str, value: i32| call.heap.tuple(&[name(key), Term::int(value)]);
            call.heap.list(&[
                pair("fullsweep_after", 65_535),
                pair("min_heap_size", 233),
                pair("min_bin_vheap_size", 46_422),
                pair("max_heap_size", 0),
            ])
        }
        "elib_malloc" => Term::FALSE,
        "alloc_util_allocators" => Term::NIL,
        "allocator" => call
            .heap
            .tuple(&[name("undefined"), Term::NIL, Term::NIL, Term::NIL]),
        "allocated_areas" => Term::NIL,
        "c_compiler_used" => call.heap.tuple(&[name("rustc"), Term::NIL]),
        "ets_realloc_moves" => Term::FALSE,
        "update_cpu_info" => name("unchanged"),
        "print_ethread_info" => Term::FALSE,
        "tolerant_timeofday" | "time_correction" => {
            if item.name() == "tolerant_timeofday" {
                Term::atom(w::ENABLED)
            } else {
                Term::TRUE
            }
        }
        "time_warp_mode" => Term::atom(w::NO_TIME_WARP),
        "time_offset" => name("final"),
        "dist" | "info" | "loaded" | "procs" => call.heap.binary(b""),
        "halt_flush_timeout" => Term::atom(w::INFINITY),
        "ignored_signals" => Term::NIL,
        "snifs" => Term::NIL,
        "stack_traces" => Term::TRUE,
        "start_time" => Term::int(0),
        _ => return Err(badarg()),
    })
}

fn os_version<'p>(call: Call<'p>) -> Term<'p> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release
        .split(|char: char| !char.is_ascii_digit())
        .map(|part| part.parse::<i32>().unwrap_or(0));
    let mut next = || Term::int(parts.next().unwrap_or(0));
    let version = [next(), next(), next()];
    call.heap.tuple(&version)
}

fn tuple_item<'p>(call: Call<'p>) -> BifResult<'p> {
    let [key, argument] = call.arg(0).as_tuple_of().ok_or_else(badarg)?;
    match (
        key.as_atom().map(|key| key.name()),
        argument.as_atom().map(|atom| atom.name()),
    ) {
        (Some("wordsize"), Some("internal" | "external")) => Ok(Term::int(8)),
        (Some("cpu_topology"), Some("defined" | "detected" | "used")) => Ok(Term::UNDEFINED),
        (Some("allocator" | "allocator_sizes"), Some(_)) => Ok(Term::FALSE),
        _ => Err(badarg()),
    }
}
