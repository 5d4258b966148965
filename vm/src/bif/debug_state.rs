//! `erts_debug:get_internal_state/1` and `set_internal_state/2`: what OTP's tests ask of the machine's inside.
//!
//! Until `available_internal_state` is set all else is `undef`. Other layers answer for their states through
//! [`provide`].

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

use crate::atom::Atom;
use crate::bif::{BifResult, Call, Stop, Trap, badarg, debug_relations, error, memory, re};
use crate::binary::BinaryData;
use crate::heap::OwnedTerm;
use crate::process::{hooks, table};
use crate::reference;
use crate::term::{Kind, Term};

crate::bifs! { "erts_debug":
    "get_internal_state"/1 Plain get_internal_state_1;
    "set_internal_state"/2 Heavy set_internal_state_2;
}

/// Who knows a state: called with its key and, to set it, the value. None if it does not know it.
pub type Provider = for<'p> fn(Call<'p>, Term<'p>, Option<Term<'p>>) -> Option<BifResult<'p>>;

static AVAILABLE: AtomicBool = AtomicBool::new(false);
static PROVIDERS: RwLock<Vec<Provider>> = RwLock::new(Vec::new());

/// Registers who knows further states.
pub fn provide(provider: Provider) {
    PROVIDERS.write().push(provider);
}

fn provided<'p>(call: Call<'p>, key: Term<'p>, value: Option<Term<'p>>) -> Option<BifResult<'p>> {
    let providers = PROVIDERS.read().clone();
    providers
        .iter()
        .find_map(|provider| provider(call, key, value))
}

fn unavailable<'p>() -> Stop<'p> {
    error(crate::atom!("undef"))
}

fn name<'p>(name: &'static str) -> Term<'p> {
    Term::atom(Atom::from_static(name))
}

// Asking ---------------------------------------------------------------------------------------------

fn get_internal_state_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if !AVAILABLE.load(Ordering::Relaxed) {
        return Err(unavailable());
    }
    let key = call.arg(0);
    if let Some(result) = provided(call, key, None) {
        return result;
    }
    match key.kind() {
        Kind::Atom(atom) => get(call, atom.name()),
        Kind::Tuple(tuple) => match *tuple.elements() {
            [name, argument] => get_of(call, name.as_atom().ok_or_else(badarg)?.name(), argument),
            [name, ..] if name.is_atom(crate::atom!("check_time_config")) => Ok(Term::TRUE),
            _ => Err(badarg()),
        },
        _ => Err(badarg()),
    }
}

/// The least integer that `erlang:unique_integer/1` gives (OTP: the least small integer of the stock VM, less
/// one bit).
const LEAST_UNIQUE: i64 = -(1 << 59) + 1;

fn get<'p>(call: Call<'p>, key: &str) -> BifResult<'p> {
    let heap = call.heap;
    Ok(match key {
        "next_pid" => match table::next_pid() {
            Some(pid) => heap.unsigned(pid.0),
            None => Term::FALSE,
        },
        "reds_left" => Term::int(call.process().reductions_left().max(0)),
        "available_internal_state" => Term::TRUE,
        "force_heap_frags" | "scheduler_dump" => Term::FALSE,
        "lc_graph" | "flxctr_memory_usage" => name("notsup"),
        "processes" => heap.list_from(table::all().into_iter().map(Term::pid)),
        "monitoring_nodes" => Term::NIL,
        // Nodes live as long as the machine, and nobody counts who refers to them: none is listed.
        "node_and_dist_references" => heap.tuple(
            &["node_references", "dist_references"]
                .map(|table| heap.tuple(&[name(table), Term::NIL])),
        ),
        "DbTable_words" => heap.tuple(&[Term::int(49), Term::int(6)]),
        "max_atom_out_cache_index" => Term::int(2038),
        "nbalance" | "stack_check" => Term::int(0),
        "min_unique_integer" | "min_unique_monotonic_integer" => heap.integer(LEAST_UNIQUE),
        "persistent_term" => crate::bif::misc::info_map(heap, &[("table", Term::int(64))]),
        "memory" => {
            let usage = memory::usage();
            let code = usage.code + memory::CodeTables::now().total();
            let (atom, atom_used) = usage.atom_space;
            let pair =
                |key: &'static str, bytes: usize| heap.tuple(&[name(key), Term::size(bytes)]);
            let system = usage.system
                + usage.ets
                + usage.binary
                + usage.literal
                + code
                + usage.atom_space.0
                + usage.atom_table;
            heap.list(&[
                pair("total", system + usage.processes),
                pair("processes", usage.processes),
                pair("processes_used", usage.processes),
                pair("system", system),
                pair("atom", atom + usage.atom_table),
                pair("atom_used", atom_used + usage.atom_table),
                pair("binary", usage.binary),
                pair("code", code),
                pair("ets", usage.ets),
            ])
        }
        _ => return Err(badarg()),
    })
}

fn get_of<'p>(call: Call<'p>, key: &str, argument: Term<'p>) -> BifResult<'p> {
    let heap = call.heap;
    Ok(match (key, argument.kind()) {
        ("process_status", Kind::Pid(pid)) => match table::find(pid) {
            None => Term::UNDEFINED,
            Some(process) if process.is_exiting() => name("exiting"),
            Some(process) if process.is_running() => name("running"),
            Some(_) => name("waiting"),
        },
        ("binary_info", Kind::Bits(bits)) => match bits.data() {
            None => name("heap_binary"),
            Some(data) => heap.tuple(&[
                name("refc_binary"),
                Term::size(bits.holder().len()),
                // Room for nothing takes a byte here.
                heap.tuple(&[
                    name("binary"),
                    Term::size(
                        data.capacity()
                            - usize::from(data.capacity() == 1 && bits.holder().is_empty()),
                    ),
                ]),
                Term::int(0),
            ]),
        },
        ("magic_ref", Kind::Ref(reference)) => match reference.resource() {
            None => Term::TRUE,
            Some(resource) => {
                let address = Arc::as_ptr(resource).cast::<u8>() as u64;
                let count = Arc::strong_count(resource);
                heap.tuple(&[heap.unsigned(address), Term::size(count), Term::TRUE])
            }
        },
        ("internal_hash", _) => heap.unsigned(u64::from(argument.internal_hash() as u32)),
        ("link_list", _) => return debug_relations::links(call, argument),
        ("monitor_list", _) => return debug_relations::monitors(call, argument),
        ("connection_id" | "dist_ctrl" | "channel_number", _) => Term::UNDEFINED,
        ("atom", Kind::Small(index)) => {
            let atom = u32::try_from(index).ok().and_then(Atom::at);
            Term::atom(atom.ok_or_else(badarg)?)
        }
        _ => return Err(badarg()),
    })
}

// Setting --------------------------------------------------------------------------------------------

fn set_internal_state_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (key, value) = (call.arg(0), call.arg(1));
    let name = key.as_atom().map(Atom::name);
    if name == Some("available_internal_state")
        && let Some(on) = value.as_bool()
    {
        let before = AVAILABLE.swap(on, Ordering::Relaxed);
        return Ok(Term::bool(before));
    }
    if !AVAILABLE.load(Ordering::Relaxed) {
        return Err(unavailable());
    }
    if let Some(result) = provided(call, key, Some(value)) {
        return result;
    }
    set(call, name.ok_or_else(badarg)?, value)
}

/// Milliseconds that each collection that somebody watches takes longer.
static COLLECTION_SLEEP: AtomicU32 = AtomicU32::new(0);

/// Makes a collection longer where a test asked for that.
pub(crate) fn lengthen_collection() {
    let ms = COLLECTION_SLEEP.load(Ordering::Relaxed);
    if ms > 0 {
        std::thread::sleep(Duration::from_millis(ms.into()));
    }
}

/// A limit that tests set: how it was.
fn set_limit<'p>(limit: &AtomicU32, value: Term<'p>) -> BifResult<'p> {
    let new = match value.as_usize() {
        Some(new) => u32::try_from(new).map_err(|_| badarg())?,
        None if value.is_atom(crate::atom!("default")) => DEFAULT_LIMIT,
        None => return Err(badarg()),
    };
    Ok(Term::size(limit.swap(new, Ordering::Relaxed) as usize))
}

const DEFAULT_LIMIT: u32 = 40_000;
static BINARY_LIMIT: AtomicU32 = AtomicU32::new(DEFAULT_LIMIT);
static UNICODE_LIMIT: AtomicU32 = AtomicU32::new(DEFAULT_LIMIT);

/// A value behind a reference that tests make.
struct Nothing;

fn set<'p>(call: Call<'p>, key: &str, value: Term<'p>) -> BifResult<'p> {
    let heap = call.heap;
    Ok(match key {
        "reds_left" => {
            let left = value.as_i64().ok_or_else(badarg)?;
            if let Ok(left @ 0..=crate::process::REDUCTIONS) = i32::try_from(left) {
                let surplus = call.process().reductions_left() - left;
                call.charge(usize::try_from(surplus).unwrap_or(0));
            }
            Term::TRUE
        }
        "next_pid" => {
            table::set_next_pid(value.as_u64().ok_or_else(badarg)?);
            return get(call, key);
        }
        "sleep" | "block" | "block_scheduler" => {
            let ms = value.as_i64().ok_or_else(badarg)?;
            // Holding the scheduler is what the test asks for.
            std::thread::sleep(Duration::from_millis(u64::try_from(ms).unwrap_or(0)));
            Term::TRUE
        }
        "binary_loop_limit" => set_limit(&BINARY_LIMIT, value)?,
        "unicode_loop_limit" => set_limit(&UNICODE_LIMIT, value)?,
        "re_loop_limit" => {
            let steps = match value.as_usize() {
                Some(steps) => u32::try_from(steps).map_err(|_| badarg())?,
                None if value.is_atom(crate::atom!("default")) => 0,
                None => return Err(badarg()),
            };
            Term::size(re::set_first_steps(steps) as usize)
        }
        "wait" => match value.as_atom().map(Atom::name) {
            Some("deallocations" | "timer_cancellations" | "aux_work" | "thread_progress") => {
                return Err(Trap::YieldReturn(Term::OK).into());
            }
            _ => return Err(badarg()),
        },
        "force_gc" => Term::bool(value.as_pid().is_some_and(table::exists)),
        "fill_heap" => Term::OK,
        "gc_state" => {
            let on = value.as_bool().ok_or_else(badarg)?;
            Term::bool(call.process().set_collects(on))
        }
        "test_long_gc_sleep" => {
            let ms = value.as_u64().and_then(|ms| u32::try_from(ms).ok());
            COLLECTION_SLEEP.store(ms.ok_or_else(badarg)?, Ordering::Relaxed);
            Term::TRUE
        }
        "node_tab_delayed_delete" => value.as_i64().map(|_| Term::OK).ok_or_else(badarg)?,
        "process_uniq_counter" => value.as_i64().map(|_| Term::OK).ok_or_else(badarg)?,
        "kill_dist_connection" => Term::FALSE,
        "ets_force_trap" | "jit_asm_dump" => name("notsup"),
        // Senders never wait for each other: what the switch turns on is always there.
        "proc_sig_buffers" => value.as_bool().map(|_| Term::TRUE).ok_or_else(badarg)?,
        "ets_force_split" | "ets_debug_random_split_join" => Term::OK,
        "mbuf" => OwnedTerm::copy_of(value).adopt(heap),
        "make" if value.is_atom(crate::atom!("magic_ref")) => {
            let resource = Arc::new(Nothing);
            let address = Arc::as_ptr(&resource) as u64;
            let reference = heap.magic_ref(resource, reference::next());
            heap.tuple(&[reference, heap.unsigned(address)])
        }
        "binary" => {
            let size = value.as_usize().ok_or_else(badarg)?;
            if Vec::<u8>::new().try_reserve_exact(size).is_err() {
                return Ok(Term::FALSE);
            }
            heap.ref_bin(BinaryData::build(size, size, |_| {}))
        }
        "abort" => crate::fatal::end(&hooks::print(value)),
        "remove_hopefull_dflags" => value.as_u64().map(|_| Term::OK).ok_or_else(badarg)?,
        _ => return Err(badarg()),
    })
}
