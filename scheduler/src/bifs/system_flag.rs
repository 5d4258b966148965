//! `system_flag/2`.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use vm::atom::{Atom, well_known as w};
use vm::bif::process_options::{max_heap, max_heap_map};
use vm::bif::{BifResult, Call, Stop, Trap, badarg, badarg_because};
use vm::code::{Export, Mfa};
use vm::heap::sizes;
use vm::process::crash::{self, SystemLogger};
use vm::process::spawn::DEFAULTS;
use vm::process::{self, signal, table};
use vm::term::{Kind, Term};
use vm::trace::{self, Tracer, sequential};
use vm::{atom, bifs};

use crate::bind;
use crate::clock::{self, OffsetState};
use crate::limits::{self, Blocked};
use crate::microstate;
use crate::offset_monitors;

bifs! { "erlang":
    "system_flag"/2 Heavy system_flag_2;
}

/// The deepest stack trace (OTP: `MAX_BACKTRACE_SIZE`).
const BACKTRACE_MAX: usize = 64;
/// The largest `fullsweep_after`.
const FULLSWEEP_MAX: usize = 0xffff;
/// The most processes that are asked to copy literals at a time.
const OUTSTANDING_MAX: u64 = (1 << 27) - 1;

static OUTSTANDING: AtomicU64 = AtomicU64::new(100);

/// How many processes are asked to do something for the system at a time
/// (`system_info(outstanding_system_requests_limit)`).
pub fn outstanding_requests_limit() -> u64 {
    OUTSTANDING.load(Ordering::Relaxed)
}

fn system_flag_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let value = call.arg(1);
    let flag = call.arg(0).as_atom();
    let flag = flag.ok_or_else(|| badarg_because(w::BADOPT))?;
    match flag.name() {
        "multi_scheduling" => multi_scheduling(call),
        "schedulers_online" => schedulers_online(call),
        "dirty_cpu_schedulers_online" => {
            let old = value.as_usize().and_then(limits::set_dirty_cpu_online);
            Ok(Term::size(old.ok_or_else(badarg)?))
        }
        "fullsweep_after" => {
            let after = value.as_usize().ok_or_else(badarg)?.min(FULLSWEEP_MAX);
            Ok(swap(&DEFAULTS.fullsweep_after, after))
        }
        "min_heap_size" => {
            let words = value.as_usize().ok_or_else(badarg)?;
            Ok(swap(&DEFAULTS.min_heap, sizes::at_least(words)))
        }
        "min_bin_vheap_size" => {
            let words = value.as_usize().ok_or_else(badarg)?;
            Ok(swap(&DEFAULTS.min_vheap, sizes::at_least(words)))
        }
        "max_heap_size" => {
            let max = max_heap(value).ok_or_else(badarg)?;
            if max.words != 0 && max.words < DEFAULTS.min_heap.load(Ordering::Relaxed) {
                return Err(badarg());
            }
            let old = DEFAULTS.max_heap();
            DEFAULTS.set_max_heap(max);
            Ok(max_heap_map(call.heap, old))
        }
        "backtrace_depth" => {
            let depth = value.as_usize().ok_or_else(badarg)?.min(BACKTRACE_MAX);
            Ok(Term::size(process::set_backtrace_depth(depth)))
        }
        "debug_flags" => Ok(Term::TRUE),
        "trace_control_word" => {
            let word = value.as_u64().and_then(|word| u32::try_from(word).ok());
            let word = word.ok_or_else(badarg)?;
            let old = trace::control_word().swap(word, Ordering::SeqCst);
            Ok(call.heap.unsigned(old.into()))
        }
        "reset_seq_trace" => {
            reset_seq_trace(call);
            Ok(Term::TRUE)
        }
        "scheduler_wall_time" => {
            value.as_bool().ok_or_else(badarg)?;
            let function = atom!("system_flag_scheduler_wall_time");
            Err(internal(function, &[value]))
        }
        "microstate_accounting" => match (value.as_bool(), value.as_atom()) {
            (Some(on), _) => Ok(Term::bool(microstate::switch(on))),
            (None, Some(atom)) if atom == atom!("reset") => Ok(Term::bool(microstate::reset())),
            _ => Err(badarg()),
        },
        "time_offset" if value.is_atom(atom!("finalize")) => Ok(finalize()),
        "outstanding_system_requests_limit" => {
            let limit = value.as_u64();
            let limit = limit.filter(|limit| (1..=OUTSTANDING_MAX).contains(limit));
            let old = OUTSTANDING.swap(limit.ok_or_else(badarg)?, Ordering::Relaxed);
            Ok(call.heap.unsigned(old))
        }
        "scheduler_bind_type" => {
            let how = value.as_atom().map(Atom::name);
            let old = how.and_then(bind::set_bind_type).ok_or_else(badarg)?;
            Ok(Term::atom(Atom::from_static(old)))
        }
        "system_logger" => system_logger(value),
        // What has no counterpart here: the values are checked, and change nothing that could be seen.
        "scheduling_statistics" => match value.as_atom().map(Atom::name) {
            Some("enable" | "disable" | "clear") => Ok(Term::TRUE),
            _ => Err(badarg()),
        },
        "time_offset" | "erts_alloc" | "cpu_topology" | "internal_cpu_topology" => Err(badarg()),
        "sequential_tracer" => {
            let tracer = match value.as_bool() {
                Some(false) => None,
                _ => Some(sequential_tracer(value).ok_or_else(badarg)?),
            };
            let old = sequential::set_tracer(tracer);
            Ok(old.map_or(Term::FALSE, |old| old.term(call.heap)))
        }
        _ => Err(badarg_because(w::BADOPT)),
    }
}

fn sequential_tracer(value: Term<'_>) -> Option<Tracer> {
    match value.as_tuple_of::<2>() {
        Some([module, state]) => Tracer::of_module(module, state),
        None => Tracer::of(value),
    }
}

fn swap<'h>(setting: &AtomicUsize, value: usize) -> Term<'h> {
    Term::size(setting.swap(value, Ordering::Relaxed))
}

fn internal<'p>(function: Atom, args: &[Term<'p>]) -> Stop<'p> {
    let export = Export::of(Mfa {
        module: w::ERTS_INTERNAL,
        function,
        arity: args.len() as u32,
    });
    Stop::from(Trap::Call {
        export,
        args: args.iter().copied().collect(),
    })
}

/// The caller goes on when every scheduler that is not to work has stopped.
fn when_settled<'p>(result: Term<'p>) -> BifResult<'p> {
    if limits::is_settling() {
        let waiting = [Term::atom(atom!("multi_scheduling")), settled_tag(result)];
        return Err(Stop::from(Trap::Yield {
            args: waiting.into_iter().collect(),
        }));
    }
    Ok(result)
}

/// How a call that waits for the schedulers to stop is told from a new one: no program's value is this.
fn settled_tag<'p>(result: Term<'p>) -> Term<'p> {
    match result.as_atom().map(Atom::name) {
        Some("blocked") => Term::atom(atom!("$settling_blocked")),
        Some("blocked_normal") => Term::atom(atom!("$settling_blocked_normal")),
        _ => result,
    }
}

fn multi_scheduling<'p>(call: Call<'p>) -> BifResult<'p> {
    let pid = call.process().pid();
    match call.arg(1).as_atom().map(Atom::name) {
        Some("block") => limits::block(pid, false),
        Some("block_normal") => limits::block(pid, true),
        Some("unblock") => limits::unblock(pid, false),
        Some("unblock_normal") => limits::unblock(pid, true),
        Some("$settling_blocked" | "$settling_blocked_normal") => {}
        _ => return Err(badarg()),
    }
    match limits::blocked() {
        Blocked::No => Ok(Term::atom(atom!("enabled"))),
        Blocked::All => when_settled(Term::atom(atom!("blocked"))),
        Blocked::Normal => when_settled(Term::atom(atom!("blocked_normal"))),
    }
}

fn schedulers_online<'p>(call: Call<'p>) -> BifResult<'p> {
    let old = call.arg(1).as_usize().and_then(limits::set_online);
    let old = Term::size(old.ok_or_else(badarg)?);
    // A process whose scheduler goes offline goes on at another.
    Err(Stop::from(Trap::YieldReturn(old)))
}

fn finalize<'h>() -> Term<'h> {
    let (state, changed) = clock::finalize_offset();
    if let Some(offset) = changed {
        offset_monitors::changed(offset);
    }
    Term::atom(match state {
        OffsetState::Preliminary => atom!("preliminary"),
        OffsetState::Final => atom!("final"),
        OffsetState::Volatile => atom!("volatile"),
    })
}

fn reset_seq_trace(call: Call<'_>) {
    sequential::reset(call.process());
    for pid in table::all() {
        if pid != call.process().pid() {
            signal::rpc(pid, |process| {
                if let Some(process) = process {
                    sequential::reset(process);
                }
            });
        }
    }
}

fn system_logger<'p>(value: Term<'p>) -> BifResult<'p> {
    let logger = match value.kind() {
        Kind::Pid(pid) => SystemLogger::Process(pid),
        Kind::Atom(w::LOGGER) => SystemLogger::Logger,
        Kind::Atom(w::UNDEFINED) => SystemLogger::Nobody,
        _ => return Err(badarg()),
    };
    Ok(match crash::set_system_logger(logger) {
        SystemLogger::Process(pid) => Term::pid(pid),
        SystemLogger::Logger => Term::atom(w::LOGGER),
        SystemLogger::Nobody => Term::UNDEFINED,
    })
}
