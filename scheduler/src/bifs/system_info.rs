//! The items of `system_info/1` that schedulers and clock know.

use vm::atom::Atom;
use vm::bif::{BifResult, Call, unique};
use vm::heap::Heap;
use vm::process::crash::{self, SystemLogger};
use vm::term::Term;

use crate::bifs::system_flag;
use crate::clock::{self, OffsetState, WarpMode};
use crate::limits::{self, Blocked};
use crate::{bind, dirty, worker};

fn name<'h>(name: &'static str) -> Term<'h> {
    Term::atom(Atom::from_static(name))
}

fn total() -> usize {
    worker::workers().map_or(1, |workers| workers.all.len())
}

/// How many schedulers work: one where all or the normal ones are blocked.
fn active() -> usize {
    match limits::blocked() {
        Blocked::No => limits::online(),
        _ => 1,
    }
}

fn dirty_active() -> usize {
    match limits::blocked() {
        Blocked::All => 0,
        _ => limits::dirty_cpu_online(),
    }
}

/// What the system is asked for the time, `system_info(os_monotonic_time_source)` and `os_system_time_source`.
fn time_source<'h>(heap: Heap<'h>, clock: &'static str, time: i64, extended: bool) -> Term<'h> {
    let pair = |key: &'static str, value: Term<'h>| heap.tuple(&[name(key), value]);
    let mut list = vec![
        pair("function", name("clock_gettime")),
        pair("clock_id", name(clock)),
        pair("resolution", Term::int(1_000_000_000)),
    ];
    if extended {
        list.push(pair("extended", name("no")));
    }
    list.push(pair("parallel", name("yes")));
    list.push(pair("time", heap.integer(time)));
    heap.list(&list)
}

/// The last Erlang monotonic time that can be told (OTP: `ERTS_MONOTONIC_END`).
const END: i64 = 8_646_911_283_000_000_000;

/// `erts_debug:get_internal_state({make_unique_integer, Thread, Count})`: a unique integer of a thread of the stock VM
/// (`vm::bif::debug_state::provide`).
pub fn unique_integer<'p>(
    call: Call<'p>,
    key: Term<'p>,
    value: Option<Term<'p>>,
) -> Option<BifResult<'p>> {
    let [key, thread, count] = key.as_tuple_of::<3>()?;
    if value.is_some() || !key.is_atom(vm::atom!("make_unique_integer")) {
        return None;
    }
    let threads = total() + dirty::cpu_threads() + dirty::io_threads();
    let bits = usize::BITS - threads.leading_zeros();
    let (thread, count) = (thread.as_u64()?, count.as_u64()?);
    Some(Ok(unique::of_thread(call.heap, thread, bits, count)))
}

/// The value of an item, if it is one of these (`vm::bif::system_info::provide`).
pub fn item<'h>(heap: Heap<'h>, item: Atom) -> Option<Term<'h>> {
    Some(match item.name() {
        "schedulers" | "schedulers_total" | "run_queues" => Term::size(total()),
        "schedulers_online" => Term::size(limits::online()),
        "schedulers_active" => Term::size(active()),
        "schedulers_state" => heap.tuple(&[
            Term::size(total()),
            Term::size(limits::online()),
            Term::size(active()),
        ]),
        "dirty_cpu_schedulers" => Term::size(dirty::cpu_threads()),
        "dirty_cpu_schedulers_online" => Term::size(limits::dirty_cpu_online()),
        "dirty_io_schedulers" => Term::size(dirty::io_threads()),
        "all_schedulers_state" => {
            let row = |kind, all, online, active| {
                heap.tuple(&[
                    name(kind),
                    Term::size(all),
                    Term::size(online),
                    Term::size(active),
                ])
            };
            let io = dirty::io_threads();
            heap.list(&[
                row("normal", total(), limits::online(), active()),
                row(
                    "dirty_cpu",
                    dirty::cpu_threads(),
                    limits::dirty_cpu_online(),
                    dirty_active(),
                ),
                row("dirty_io", io, io, io),
            ])
        }
        "scheduler_bind_type" => name(bind::bind_type()),
        "scheduler_bindings" => {
            let bindings: Vec<_> = (bind::bindings().into_iter())
                .map(|logical| logical.map_or(name("unbound"), Term::size))
                .collect();
            heap.tuple(&bindings)
        }
        "scheduler_id" => Term::size(worker::current().map_or(1, |index| index + 1)),
        "multi_scheduling" => name(match limits::blocked() {
            Blocked::No => "enabled",
            Blocked::Normal => "blocked_normal",
            Blocked::All => "blocked",
        }),
        "multi_scheduling_blockers" => {
            heap.list_from(limits::blockers(false).into_iter().map(Term::pid))
        }
        "normal_multi_scheduling_blockers" => {
            heap.list_from(limits::blockers(true).into_iter().map(Term::pid))
        }
        "outstanding_system_requests_limit" => {
            heap.unsigned(system_flag::outstanding_requests_limit())
        }
        "trace_control_word" => {
            let word = vm::trace::control_word();
            heap.unsigned(word.load(std::sync::atomic::Ordering::Relaxed).into())
        }
        "system_logger" => match crash::system_logger() {
            SystemLogger::Logger => name("logger"),
            SystemLogger::Nobody => Term::UNDEFINED,
            SystemLogger::Process(pid) => Term::pid(pid),
        },
        "time_correction" => Term::bool(clock::corrects()),
        "time_warp_mode" => name(match clock::warp_mode() {
            WarpMode::No => "no_time_warp",
            WarpMode::Single => "single_time_warp",
            WarpMode::Multi => "multi_time_warp",
        }),
        "time_offset" => name(match clock::offset_state() {
            OffsetState::Preliminary => "preliminary",
            OffsetState::Final => "final",
            OffsetState::Volatile => "volatile",
        }),
        "tolerant_timeofday" => {
            let fixed = clock::corrects() && clock::offset_state() == OffsetState::Final;
            name(if fixed { "enabled" } else { "disabled" })
        }
        "start_time" => heap.integer(clock::START),
        "end_time" => heap.integer(END),
        "os_monotonic_time_source" => {
            time_source(heap, "CLOCK_MONOTONIC", clock::raw_monotonic(), true)
        }
        "os_system_time_source" => time_source(heap, "CLOCK_REALTIME", clock::raw_system(), false),
        "system_version" => heap.string(&system_version()),
        _ => return None,
    })
}

/// What the machine calls itself, a line: release, schedulers, dirty schedulers.
pub fn system_version() -> String {
    let release = vm::bif::settings::release();
    format!(
        "Erlang/OTP {} [erts-{}] [source] [64-bit] [smp:{}:{}] [ds:{}:{}:{}] [async-threads:1]\n",
        release.otp,
        release.erts,
        total(),
        limits::online(),
        dirty::cpu_threads(),
        limits::dirty_cpu_online(),
        dirty::io_threads()
    )
}
