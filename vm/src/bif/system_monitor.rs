//! `erlang:system_monitor/0,1,2` and `erlang:system_profile/0,2`.

use super::{BifResult, Call, Stop, badarg};
use crate::atom::Atom;
use crate::heap::Heap;
use crate::process::{hooks, table};
use crate::term::{Pid, Term};
use crate::trace::Tracer;
use crate::trace::flags;
use crate::trace::monitor::{self, Profiled, Wanted};

crate::bifs! { "erlang":
    "system_monitor"/0 Plain system_monitor_0;
    "system_monitor"/1 Plain system_monitor_1;
    "system_monitor"/2 Plain system_monitor_2;
    "system_profile"/0 Plain system_profile_0;
    "system_profile"/2 Plain system_profile_2;
}

/// The least `large_heap`, in words.
const LEAST_LARGE_HEAP: u64 = 16384;

fn name<'h>(name: &'static str) -> Term<'h> {
    Term::atom(Atom::from_static(name))
}

fn monitor_term<'h>(heap: Heap<'h>) -> Term<'h> {
    let Some((pid, wanted)) = monitor::monitor() else {
        return Term::UNDEFINED;
    };
    let mut options = Vec::new();
    for (on, option) in [
        (wanted.busy_dist_port, "busy_dist_port"),
        (wanted.busy_port, "busy_port"),
    ] {
        options.extend(on.then(|| name(option)));
    }
    for (value, option) in [
        (wanted.large_heap, "large_heap"),
        (wanted.long_schedule, "long_schedule"),
        (wanted.long_gc, "long_gc"),
    ] {
        options.extend((value != 0).then(|| heap.tuple(&[name(option), heap.unsigned(value)])));
    }
    heap.tuple(&[Term::pid(pid), heap.list(&options)])
}

fn wanted(list: Term<'_>) -> Option<Wanted> {
    let mut wanted = Wanted::default();
    for item in list.proper_list()? {
        if let Some(atom) = item.as_atom() {
            match atom.name() {
                "busy_port" => wanted.busy_port = true,
                "busy_dist_port" => wanted.busy_dist_port = true,
                _ => return None,
            }
            continue;
        }
        let [key, value] = item.as_tuple_of::<2>()?;
        let value = value.as_u64()?;
        match key.as_atom()?.name() {
            "long_gc" => wanted.long_gc = value.max(1),
            "long_schedule" => wanted.long_schedule = value.max(1),
            "large_heap" => wanted.large_heap = value.max(LEAST_LARGE_HEAP),
            _ => return None,
        }
    }
    Some(wanted)
}

fn set_monitor<'p>(call: Call<'p>, who: Term<'p>, list: Term<'p>) -> BifResult<'p> {
    let before = monitor_term(call.heap);
    if who.same(Term::UNDEFINED) || list.is_nil() {
        monitor::set_monitor(None);
        return Ok(before);
    }
    let pid = process(who)?;
    let wanted = wanted(list).ok_or_else(badarg)?;
    monitor::set_monitor(Some((pid, wanted)));
    Ok(before)
}

fn process<'p>(who: Term<'p>) -> Result<Pid, Stop<'p>> {
    who.as_pid()
        .filter(|&pid| table::exists(pid))
        .ok_or_else(badarg)
}

fn system_monitor_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(monitor_term(call.heap))
}

fn system_monitor_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if call.arg(0).same(Term::UNDEFINED) {
        return set_monitor(call, Term::UNDEFINED, Term::NIL);
    }
    let [who, list] = call.arg(0).as_tuple_of::<2>().ok_or_else(badarg)?;
    set_monitor(call, who, list)
}

fn system_monitor_2<'p>(call: Call<'p>) -> BifResult<'p> {
    set_monitor(call, call.arg(0), call.arg(1))
}

fn profiler_term<'h>(heap: Heap<'h>) -> Term<'h> {
    let Some((who, profiled)) = monitor::profiler(heap) else {
        return Term::UNDEFINED;
    };
    let options = [
        (profiled.exclusive, "exclusive"),
        (profiled.schedulers, "scheduler"),
        (profiled.processes, "runnable_procs"),
        (profiled.ports, "runnable_ports"),
    ];
    let options = options
        .into_iter()
        .filter(|&(on, _)| on)
        .map(|(_, option)| name(option));
    heap.tuple(&[who, heap.list_from(options.collect::<Vec<_>>())])
}

fn profiled(list: Term<'_>) -> Option<Profiled> {
    let mut profiled = Profiled {
        timestamp: monitor::DEFAULT_TIMESTAMP,
        ..Profiled::default()
    };
    for item in list.proper_list()? {
        match item.as_atom()?.name() {
            "runnable_procs" => profiled.processes = true,
            "runnable_ports" => profiled.ports = true,
            "exclusive" => profiled.exclusive = true,
            "scheduler" => profiled.schedulers = true,
            "timestamp" => profiled.timestamp = flags::NOW_TIMESTAMP,
            "strict_monotonic_timestamp" => profiled.timestamp = flags::STRICT_TIMESTAMP,
            "monotonic_timestamp" => profiled.timestamp = flags::MONOTONIC_TIMESTAMP,
            _ => return None,
        }
    }
    Some(profiled)
}

fn system_profile_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(profiler_term(call.heap))
}

fn system_profile_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let before = profiler_term(call.heap);
    let (who, list) = (call.arg(0), call.arg(1));
    if who.same(Term::UNDEFINED) || list.is_nil() {
        monitor::set_profiler(None, 0);
        return Ok(before);
    }
    let tracer = Tracer::of(who).ok_or_else(badarg)?;
    let profiled = profiled(list).ok_or_else(badarg)?;
    let active = hooks::schedulers().map_or(1, |schedulers| schedulers.count());
    monitor::set_profiler(Some((tracer, profiled)), active);
    Ok(before)
}
