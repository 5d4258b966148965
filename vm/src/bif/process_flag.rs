//! `process_flag/2,3`.

use super::process_options::{max_heap, max_heap_map, off_heap, scheduler};
use super::{BifResult, Call, Stop, Trap, badarg, badarg_because};
use crate::atom;
use crate::atom::well_known as w;
use crate::heap::OwnedTerm;
use crate::process::flags::Flag;
use crate::process::node_monitors::Options;
use crate::process::spawn::{self, rounded_size};
use crate::process::{Priority, hooks, signal, table};
use crate::term::Term;
use crate::trace::flags;
use crate::trace::saved_calls::Diversion;

crate::bifs! {
    "erlang" {
        "process_flag"/2 Heavy process_flag_2;
    }
    "erts_internal" {
        "process_flag"/3 Heavy process_flag_3;
    }
}

/// The largest buffer of `save_calls`.
const SAVE_CALLS_MAX: usize = 10_000;

fn process_flag_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let value = call.arg(1);
    match call.arg(0).as_atom() {
        Some(w::TRAP_EXIT) => switch(call, Flag::TrapExit, value),
        Some(w::SENSITIVE) => {
            let result = switch(call, Flag::Sensitive, value)?;
            let tracee = call.process().shared().tracee();
            if value.same(Term::TRUE) {
                tracee.switch(flags::SENSITIVE, 0);
            } else {
                tracee.switch(0, flags::SENSITIVE);
            }
            Ok(result)
        }
        Some(w::ERROR_HANDLER) => {
            let module = value.as_atom().ok_or_else(badarg)?;
            let old = call.process().error_handler();
            call.process().set_error_handler(module);
            Ok(Term::atom(old))
        }
        Some(w::PRIORITY) => {
            let priority = value.as_atom().and_then(Priority::of).ok_or_else(badarg)?;
            let old = call.process().shared().priority();
            call.process().shared().set_priority(priority);
            Ok(Term::atom(old.atom()))
        }
        Some(w::FULLSWEEP_AFTER) => {
            let after = value.as_usize().ok_or_else(badarg)?;
            let old = call.process().set_fullsweep_after(after);
            Ok(Term::size(old))
        }
        Some(w::MIN_HEAP_SIZE) => {
            let asked = value.as_usize().ok_or_else(badarg)?;
            let words = rounded_size(asked, spawn::Options::new().min_heap);
            Ok(Term::size(call.process().set_min_heap(words)))
        }
        Some(w::MIN_BIN_VHEAP_SIZE) => {
            let asked = value.as_usize().ok_or_else(badarg)?;
            let words = rounded_size(asked, spawn::Options::new().min_vheap);
            Ok(Term::size(call.process().set_min_vheap(words)))
        }
        Some(w::MAX_HEAP_SIZE) => set_max_heap(call, value),
        Some(w::MESSAGE_QUEUE_DATA) => {
            let off = off_heap(value).ok_or_else(badarg)?;
            let was = call.process().set_flag(Flag::OffHeapMessages, off);
            Ok(Term::atom(if was { w::OFF_HEAP } else { w::ON_HEAP }))
        }
        Some(atom) if atom == atom!("scheduler") => bind(call, value),
        Some(atom) if atom == atom!("async_dist") => switch(call, Flag::AsyncDist, value),
        Some(atom) if atom == atom!("monitor_nodes") => monitor_nodes(call, value, Term::NIL),
        Some(w::SAVE_CALLS) => {
            let limit = save_calls_limit(value).ok_or_else(|| badarg_because(w::NONE))?;
            let diversion = diversion(call, limit)?;
            Ok(Term::size(call.process().set_save_calls(limit, diversion)))
        }
        Some(_) => Err(badarg_because(w::BADOPT)),
        None => match call.arg(0).as_tuple_of::<2>() {
            Some([key, options]) if key.is_atom(atom!("monitor_nodes")) => {
                monitor_nodes(call, value, options)
            }
            _ => Err(badarg_because(w::BADOPT)),
        },
    }
}

fn switch<'p>(call: Call<'p>, flag: Flag, value: Term<'p>) -> BifResult<'p> {
    let on = value.as_bool().ok_or_else(badarg)?;
    Ok(Term::bool(call.process().set_flag(flag, on)))
}

fn set_max_heap<'p>(call: Call<'p>, value: Term<'p>) -> BifResult<'p> {
    let process = call.process();
    let max = max_heap(value).ok_or_else(badarg)?;
    if max.words != 0 && max.words < process.min_heap() {
        return Err(badarg());
    }
    let old = process.max_heap();
    process.set_max_heap(max);
    Ok(max_heap_map(call.heap, old))
}

/// Binds the process to a scheduler, and goes there.
fn bind<'p>(call: Call<'p>, value: Term<'p>) -> BifResult<'p> {
    let scheduler = scheduler(value).ok_or_else(badarg)?;
    let shared = call.process().shared();
    let old = Term::size(shared.bound() as usize);
    shared.bind(scheduler);
    let here = hooks::schedulers().map_or(0, |schedulers| schedulers.current());
    if scheduler != 0 && scheduler != here {
        return Err(Trap::YieldReturn(old).into());
    }
    Ok(old)
}

fn monitor_nodes<'p>(call: Call<'p>, value: Term<'p>, options: Term<'p>) -> BifResult<'p> {
    let on = value.as_bool().ok_or_else(badarg)?;
    let options = Options::parse(options).ok_or_else(badarg)?;
    let before = call.process().monitor_nodes(on, options);
    Ok(call.heap.unsigned(before))
}

fn save_calls_limit(value: Term<'_>) -> Option<usize> {
    value.as_usize().filter(|&limit| limit <= SAVE_CALLS_MAX)
}

/// Leads calls by name to where they are noted, if any are to be noted.
fn diversion<'p>(call: Call<'p>, limit: usize) -> Result<Option<Diversion>, Stop<'p>> {
    if limit == 0 {
        return Ok(None);
    }
    Ok(Some(Diversion::new(&super::trace::writer(call)?)))
}

/// Only `save_calls` can be set for another process; the answer is a value, `badarg`, `badtype`, or a
/// reference by which the answer comes as a message.
fn process_flag_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let process = call.process();
    let Some(pid) = call.arg(0).as_pid() else {
        return Ok(Term::atom(atom!("badtype")));
    };
    let limit = save_calls_limit(call.arg(2)).filter(|_| call.arg(1).is_atom(w::SAVE_CALLS));
    if pid == process.pid() {
        let Some(limit) = limit else {
            return Ok(Term::atom(w::BADARG));
        };
        let diversion = diversion(call, limit)?;
        return Ok(Term::size(process.set_save_calls(limit, diversion)));
    }
    if !table::exists(pid) {
        return Ok(Term::atom(atom!("badtype")));
    }
    let reference = crate::reference::next();
    let diversion = match limit {
        Some(limit) => diversion(call, limit)?,
        None => None,
    };
    let requester = process.pid();
    signal::rpc(pid, move |process| {
        let message = OwnedTerm::build(|heap| {
            let result = match (process, limit) {
                (Some(process), Some(limit)) => {
                    Term::size(process.set_save_calls(limit, diversion))
                }
                _ => Term::atom(w::BADARG),
            };
            heap.tuple(&[heap.reference(reference), result])
        });
        signal::send_message(requester, message);
    });
    Ok(call.heap.reference(reference))
}
