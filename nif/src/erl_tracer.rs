//! The native functions of module `erl_tracer`: what tracers that are processes or ports are made of.

use vm::atom;
use vm::atom::Atom;
use vm::bif::{BifResult, Call};
use vm::map;
use vm::term::Term;
use vm::trace::Tracer;
use vm::trace::flags;
use vm::trace::tracer::{Event, Wants};

vm::bifs! { "erl_tracer":
    "enabled"/3 Plain enabled_3;
    "trace"/5   Plain trace_5;
}

/// A tracer that is a process or port.
fn tracer(state: Term<'_>) -> Option<Tracer> {
    match Tracer::of_shown(state)? {
        Tracer::Module(..) => None,
        tracer => Some(tracer),
    }
}

/// `enabled(Tag, Tracer, Tracee)`: `trace`, `discard`, or `remove` where the tracer is gone.
fn enabled_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let tag = call.arg(0).as_atom().unwrap_or(atom!("trace"));
    let wants = match tracer(call.arg(1)) {
        Some(tracer) => tracer.wants(Some(call.process()), tag, call.arg(2)),
        None if tag == atom!("trace_status") => Wants::Remove,
        None => Wants::Discard,
    };
    Ok(Term::atom(match wants {
        Wants::Trace => atom!("trace"),
        Wants::Discard => atom!("discard"),
        Wants::Remove => atom!("remove"),
    }))
}

/// `trace(Tag, Tracer, Tracee, Message, Options)`.
fn trace_5<'p>(call: Call<'p>) -> BifResult<'p> {
    let option = |name: Atom| map::get(call.arg(4).as_map()?, Term::atom(name));
    let (Some(tracer), Some(tag)) = (tracer(call.arg(1)), call.arg(0).as_atom()) else {
        return Ok(Term::OK);
    };
    let mut flags = match option(atom!("timestamp")).and_then(Term::as_atom) {
        Some(name) if name == atom!("strict_monotonic") => flags::STRICT_TIMESTAMP,
        Some(name) if name == atom!("monotonic") => flags::MONOTONIC_TIMESTAMP,
        Some(_) => flags::NOW_TIMESTAMP,
        None => 0,
    };
    if option(atom!("scheduler_id")).is_some() {
        flags |= flags::SCHEDULER_ID;
    }
    let event = Event {
        tag,
        message: call.arg(3),
        extra: option(atom!("extra")),
        result: option(atom!("match_spec_result")),
    };
    tracer.tell(Some(call.process()), flags, call.arg(2), &event);
    Ok(Term::OK)
}
