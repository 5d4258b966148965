//! `erlang:trace_info/2`.

use super::trace::writer;
use super::{BifResult, Call, Stop, badarg, badarg_because};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::code::Mfa;
use crate::heap::Heap;
use crate::node_name;
use crate::process::{hooks, table};
use crate::term::{Kind, Term};
use crate::trace::flags::{self, Flags};
use crate::trace::points::{self, Point, Spec, Times};
use crate::trace::tracee::{NEW, Tracee};

crate::bifs! { "erlang":
    "trace_info"/2 Heavy trace_info_2;
}

fn trace_info_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let _writer = writer(call)?;
    let (what, key) = (call.arg(0), call.arg(1));
    match what.kind() {
        Kind::Atom(atom) if atom == atom!("on_load") => on_load(call, key),
        Kind::Atom(w::SEND) => event(call, key, &points::SEND),
        Kind::Atom(w::RECEIVE) => event(call, key, &points::RECEIVE),
        Kind::Atom(_) | Kind::Pid(_) | Kind::Port(_) => tracee(call, what, key),
        Kind::ExternalPid(id) if id.node().name == node_name::this().0 => Ok(Term::UNDEFINED),
        Kind::Tuple(_) => function(call, what, key),
        _ => Err(badarg_because(w::BADOPT)),
    }
}

fn spec_term<'h>(heap: Heap<'h>, spec: &Spec) -> Term<'h> {
    spec.as_ref()
        .map_or(Term::NIL, |spec| heap.copy(spec.source()))
}

fn event<'p>(
    call: Call<'p>,
    key: Term<'p>,
    pattern: &parking_lot::RwLock<points::EventPattern>,
) -> BifResult<'p> {
    if !key.is_atom(atom!("match_spec")) {
        return Err(badarg());
    }
    let (on, spec) = {
        let pattern = pattern.read();
        (pattern.on, pattern.spec.clone())
    };
    let value = match spec {
        Some(spec) if on => call.heap.copy(spec.source()),
        _ => Term::bool(on),
    };
    Ok(call.heap.tuple(&[key, value]))
}

fn tracee<'p>(call: Call<'p>, what: Term<'p>, key: Term<'p>) -> BifResult<'p> {
    let process = call.process();
    let name = key.as_atom().map(Atom::name);
    let wanted = matches!(name, Some("flags" | "tracer"));
    let result = |tracee: &Tracee, id| {
        if !wanted {
            return Err(badarg());
        }
        let tracer = match id {
            Some(id) => tracee.check(Some(process), id),
            // A tracer that is gone traces nothing new.
            None => tracee.check(None, Term::UNDEFINED),
        };
        let flags = tracee.flags() & flags::ALL;
        Ok(tracee_term(call.heap, key, flags, tracer.as_deref()))
    };
    match what.kind() {
        Kind::Pid(pid) => match table::find(pid) {
            _ if !wanted => Err(badarg()),
            Some(shared) if !shared.is_exiting() => result(shared.tracee(), Some(what)),
            _ => Ok(Term::UNDEFINED),
        },
        Kind::Port(port) => {
            let mut found = None;
            if let Some(ports) = hooks::ports() {
                ports.with_tracee(port, &mut |tracee| {
                    found = Some(result(tracee, Some(what)));
                    true
                });
            }
            found.unwrap_or(Ok(Term::UNDEFINED))
        }
        Kind::Atom(atom) => match atom.name() {
            "new" | "new_processes" => result(&NEW.processes, None),
            "new_ports" => result(&NEW.ports, None),
            _ => Err(badarg_because(w::BADOPT)),
        },
        _ => Err(badarg()),
    }
}

fn tracee_term<'h>(
    heap: Heap<'h>,
    key: Term<'h>,
    flags: Flags,
    tracer: Option<&crate::trace::Tracer>,
) -> Term<'h> {
    let value = if key.is_atom(atom!("flags")) {
        flags::list(heap, flags)
    } else {
        tracer.map_or(Term::NIL, |tracer| tracer.term(heap))
    };
    heap.tuple(&[key, value])
}

fn times<'h>(heap: Heap<'h>, times: &Times) -> Term<'h> {
    let all = times.0.lock();
    heap.list_from(all.iter().map(|(pid, &(calls, nanoseconds))| {
        let microseconds = nanoseconds.max(0) as u64 / 1000;
        heap.tuple(&[
            Term::pid(*pid),
            heap.unsigned(calls),
            heap.unsigned(microseconds / 1_000_000),
            heap.unsigned(microseconds % 1_000_000),
        ])
    }))
}

const ITEMS: [&str; 6] = [
    "traced",
    "match_spec",
    "meta",
    "meta_match_spec",
    "call_time",
    "call_count",
];

/// The value of an item of a function's point.
fn item<'h>(heap: Heap<'h>, point: &Point, item: &str) -> Option<Term<'h>> {
    Some(match item {
        "traced" if point.global.is_some() => Term::atom(atom!("global")),
        "traced" if point.local.is_some() => Term::atom(w::LOCAL),
        "traced" => Term::FALSE,
        "match_spec" => match point.global.as_ref().or(point.local.as_ref()) {
            Some(spec) => spec_term(heap, spec),
            None => Term::FALSE,
        },
        "meta" => match &point.meta {
            None => Term::FALSE,
            Some(meta) => {
                let tracer = meta.tracer.read().clone();
                tracer.map_or(Term::NIL, |tracer| tracer.term(heap))
            }
        },
        "meta_match_spec" => match &point.meta {
            None => Term::FALSE,
            Some(meta) => spec_term(heap, &meta.spec),
        },
        "call_count" => match &point.count {
            None => Term::FALSE,
            Some(counter) => heap.unsigned(points::count(counter)),
        },
        "call_time" => match &point.times {
            None => Term::FALSE,
            Some(counted) => times(heap, counted),
        },
        _ => return None,
    })
}

fn function<'p>(call: Call<'p>, what: Term<'p>, key: Term<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let [module, function, arity] = what.as_tuple_of::<3>().ok_or_else(badarg)?;
    let mfa = (|| {
        Some(Mfa {
            module: module.as_atom()?,
            function: function.as_atom()?,
            arity: u32::try_from(arity.as_small()?).unwrap_or(u32::MAX),
        })
    })()
    .ok_or_else(badarg)?;
    let point = match points::of(mfa) {
        None => return Ok(heap.tuple(&[key, Term::UNDEFINED])),
        Some(None) => return Ok(heap.tuple(&[key, Term::FALSE])),
        Some(Some(point)) => point,
    };
    let name = key.as_atom().ok_or_else(badarg)?.name();
    let value = if name == "all" {
        all(heap, &ITEMS, |name| item(heap, &point, name))?
    } else {
        let meta = name == "meta" && point.meta.is_none();
        match item(heap, &point, name).ok_or_else(badarg)? {
            // As it always was: no meta tracer is the empty list here.
            _ if meta => Term::NIL,
            value => value,
        }
    };
    Ok(heap.tuple(&[key, value]))
}

fn all<'h>(
    heap: Heap<'h>,
    names: &[&'static str],
    value: impl Fn(&str) -> Option<Term<'h>>,
) -> Result<Term<'h>, Stop<'h>> {
    let pairs: Option<Vec<Term<'h>>> = names
        .iter()
        .map(|&name| Some(heap.tuple(&[Term::atom(Atom::from_static(name)), value(name)?])))
        .collect();
    Ok(heap.list(&pairs.ok_or_else(badarg)?))
}

const ON_LOAD_ITEMS: [&str; 5] = [
    "traced",
    "match_spec",
    "meta",
    "meta_match_spec",
    "call_count",
];

fn on_load<'p>(call: Call<'p>, key: Term<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let state = points::on_load();
    let name = key.as_atom().ok_or_else(badarg)?.name();
    if !state.is_on {
        return Ok(heap.tuple(&[key, Term::FALSE]));
    }
    let breakpoint = state.sorts.is_breakpoint();
    let value = |item: &str| {
        Some(match item {
            "traced" if !breakpoint => Term::atom(atom!("global")),
            "traced" if state.sorts.local => Term::atom(w::LOCAL),
            "traced" => Term::FALSE,
            "match_spec" if !breakpoint || state.sorts.local => spec_term(heap, &state.spec),
            "match_spec" => Term::FALSE,
            "meta" => match &state.sorts.meta {
                Some(tracer) => tracer.term(heap),
                None => Term::FALSE,
            },
            "meta_match_spec" if state.sorts.meta.is_some() => spec_term(heap, &state.meta_spec),
            "meta_match_spec" => Term::FALSE,
            "call_count" => Term::bool(state.sorts.call_count),
            "call_time" => Term::bool(state.sorts.call_time),
            _ => return None,
        })
    };
    let value = if name == "all" {
        all(heap, &ON_LOAD_ITEMS, value)?
    } else {
        value(name).ok_or_else(badarg)?
    };
    Ok(heap.tuple(&[key, value]))
}
