//! Tracers: who hears of what traced processes and ports do, and how it is told them.
//!
//! A process gets messages, a port gets them in the external format, a module (`erl_tracer`) has native
//! functions that are called where the event happens.

use std::sync::Arc;

use super::flags::{self, Flags};
use crate::atom;
use crate::atom::Atom;
use crate::bif::{BifEntry, Call};
use crate::code::{Export, Instr, Mfa};
use crate::heap::{Heap, OwnedTerm};
use crate::process::{Process, hooks, signal, table};
use crate::term::{Kind, Pid, PortId, Term};

/// A tracer.
pub enum Tracer {
    /// A process.
    Process(Pid),
    /// A port.
    Port(PortId),
    /// A module with native functions, and its state.
    Module(Atom, OwnedTerm),
}

/// What a tracer says about an event to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wants {
    /// It is to be told.
    Trace,
    /// It is not to be told.
    Discard,
    /// The trace is to end.
    Remove,
}

/// An event.
pub struct Event<'a> {
    /// Its tag: `call`, `send`, ….
    pub tag: Atom,
    /// What happened.
    pub message: Term<'a>,
    /// Whom it concerned, or what came of it.
    pub extra: Option<Term<'a>>,
    /// What a match specification says of it, where that is not just `true`.
    pub result: Option<Term<'a>>,
}

impl<'a> Event<'a> {
    /// An event that has nothing but a message.
    pub fn new(tag: Atom, message: Term<'a>) -> Event<'a> {
        Event {
            tag,
            message,
            extra: None,
            result: None,
        }
    }

    /// With who it concerned, or what came of it.
    pub fn with(self, extra: Term<'a>) -> Event<'a> {
        Event {
            extra: Some(extra),
            ..self
        }
    }
}

/// The functions of a tracer module, which stand for `trace` and `enabled` where it has them.
fn special(tag: Atom) -> &'static str {
    match tag.name() {
        "send" | "send_to_non_existing_process" => "send",
        "receive" => "receive",
        "call" | "return_to" | "return_from" | "exception_from" => "call",
        "in" | "out" | "in_exiting" | "out_exiting" | "out_exited" => "running_procs",
        "gc_minor_start" | "gc_minor_end" | "gc_major_start" | "gc_major_end"
        | "gc_max_heap_size" => "garbage_collection",
        "open" | "closed" => "ports",
        "trace_status" | "seq_trace" => "",
        _ => "procs",
    }
}

fn native(module: Atom, function: &str, arity: u32) -> Option<&'static BifEntry> {
    let function = Atom::existing(function)?;
    let export = Export::existing(Mfa {
        module,
        function,
        arity,
    })?;
    // SAFETY: where an export leads is an instruction.
    match unsafe { *export.untraced_address() } {
        // SAFETY: the field of this holds a `&'static BifEntry`.
        Instr::CallNative { native } => Some(unsafe { &*(native as *const BifEntry) }),
        _ => None,
    }
}

/// The function of a tracer module for a kind of events, or the one for all.
fn function(module: Atom, base: &str, tag: Atom, arity: u32) -> Option<&'static BifEntry> {
    let special = special(tag);
    let own = (!special.is_empty())
        .then(|| native(module, &format!("{base}_{special}"), arity))
        .flatten();
    own.or_else(|| native(module, base, arity))
}

impl Tracer {
    /// The tracer that a term names: `{tracer, Pid}`'s or `{meta, Pid}`'s second element.
    pub fn of(term: Term<'_>) -> Option<Tracer> {
        match term.kind() {
            Kind::Pid(pid) => table::exists(pid).then_some(Tracer::Process(pid)),
            Kind::Port(port) => hooks::ports()
                .is_some_and(|ports| ports.exists(port))
                .then_some(Tracer::Port(port)),
            _ => None,
        }
    }

    /// The tracer of an option: `{Name, Tracer}` or `{Name, Module, State}`.
    pub fn of_option(name: Atom, term: Term<'_>) -> Option<Option<Tracer>> {
        if let Some([key, value]) = term.as_tuple_of::<2>()
            && key.is_atom(name)
        {
            if value.is_nil() {
                return Some(None);
            }
            return Tracer::of(value).map(Some);
        }
        let [key, module, state] = term.as_tuple_of::<3>()?;
        if !key.is_atom(name) {
            return None;
        }
        Tracer::of_module(module, state).map(Some)
    }

    /// A module that has the functions of a tracer.
    pub fn of_module(module: Term<'_>, state: Term<'_>) -> Option<Tracer> {
        let module = module.as_atom()?;
        function(module, "enabled", atom!("trace_status"), 3)?;
        function(module, "trace", atom!("trace_status"), 5)?;
        Some(Tracer::Module(module, OwnedTerm::copy_of(state)))
    }

    /// Whether it is the same.
    pub fn is(&self, other: &Tracer) -> bool {
        match (self, other) {
            (Tracer::Process(a), Tracer::Process(b)) => a == b,
            (Tracer::Port(a), Tracer::Port(b)) => a == b,
            (Tracer::Module(a, a_state), Tracer::Module(b, b_state)) => {
                a == b && a_state.term().exactly_equals(b_state.term())
            }
            _ => false,
        }
    }

    /// As it is shown, in the heap of who asks: `Pid`, `Port` or `{Module, State}`.
    pub fn term<'h>(&self, heap: Heap<'h>) -> Term<'h> {
        match self {
            Tracer::Process(pid) => Term::pid(*pid),
            Tracer::Port(port) => Term::port(*port),
            Tracer::Module(module, state) => {
                heap.tuple(&[Term::atom(*module), heap.copy(state.term())])
            }
        }
    }

    /// The tracer of [`term`](Tracer::term).
    pub fn of_shown(term: Term<'_>) -> Option<Tracer> {
        match term.kind() {
            Kind::Pid(pid) => Some(Tracer::Process(pid)),
            Kind::Port(port) => Some(Tracer::Port(port)),
            _ => {
                let [module, state] = term.as_tuple_of::<2>()?;
                Some(Tracer::Module(module.as_atom()?, OwnedTerm::copy_of(state)))
            }
        }
    }

    /// Whether it wants to be told of an event of a tracee. `process` is the process that runs here.
    pub fn wants(&self, process: Option<&Process>, tag: Atom, tracee: Term<'_>) -> Wants {
        let gone = if tag == atom!("trace_status") {
            Wants::Remove
        } else {
            Wants::Discard
        };
        match self {
            Tracer::Process(pid) if tracee.same(Term::pid(*pid)) => Wants::Discard,
            Tracer::Process(pid) if table::exists(*pid) => Wants::Trace,
            Tracer::Port(port) if tracee.same(Term::port(*port)) => Wants::Discard,
            Tracer::Port(port) if hooks::ports().is_some_and(|ports| ports.exists(*port)) => {
                Wants::Trace
            }
            Tracer::Process(_) | Tracer::Port(_) => gone,
            Tracer::Module(module, state) => {
                let Some(process) = process else {
                    return Wants::Discard;
                };
                let Some(enabled) = function(*module, "enabled", tag, 3) else {
                    return gone;
                };
                let heap = process.heap();
                let args = [Term::atom(tag), heap.copy(state.term()), heap.copy(tracee)];
                match call(enabled, process, &args).and_then(Term::as_atom) {
                    Some(atom) if atom == atom!("trace") => Wants::Trace,
                    Some(atom) if atom == atom!("remove") => gone,
                    _ => Wants::Discard,
                }
            }
        }
    }

    /// Tells it of an event. `process` is the process that runs here.
    pub fn tell(
        &self,
        process: Option<&Process>,
        flags: Flags,
        tracee: Term<'_>,
        event: &Event<'_>,
    ) {
        match self {
            Tracer::Process(pid) => {
                let message = OwnedTerm::build(|heap| message(heap, flags, tracee, event));
                signal::send_message(*pid, message);
            }
            Tracer::Port(port) => {
                if let Some(ports) = hooks::ports() {
                    let message = OwnedTerm::build(|heap| message(heap, flags, tracee, event));
                    ports.trace(*port, message.term());
                }
            }
            Tracer::Module(module, state) => {
                let (Some(process), Some(trace)) =
                    (process, function(*module, "trace", event.tag, 5))
                else {
                    return;
                };
                let heap = process.heap();
                let args = [
                    Term::atom(event.tag),
                    heap.copy(state.term()),
                    heap.copy(tracee),
                    heap.copy(event.message),
                    options(heap, flags, event),
                ];
                call(trace, process, &args);
            }
        }
    }
}

fn call<'p>(
    function: &'static BifEntry,
    process: &'p Process,
    args: &[Term<'p>],
) -> Option<Term<'p>> {
    // A tuple of them is a slice that stays for the call.
    let args = process.heap().tuple(args).as_tuple()?.elements();
    (function.run)(Call::new(process, args)).ok()
}

/// The map that a tracer module's function gets.
fn options<'h>(heap: Heap<'h>, flags: Flags, event: &Event<'_>) -> Term<'h> {
    let mut pairs = Vec::new();
    if let Some(extra) = event.extra {
        pairs.push((Term::atom(atom!("extra")), heap.copy(extra)));
    }
    if let Some(result) = event.result {
        pairs.push((Term::atom(atom!("match_spec_result")), heap.copy(result)));
    }
    if flags & flags::SCHEDULER_ID != 0 {
        pairs.push((Term::atom(atom!("scheduler_id")), scheduler()));
    }
    let timestamp = if flags & flags::NOW_TIMESTAMP != 0 {
        Some(if super::uses_cpu_timestamps() {
            atom!("cpu_timestamp")
        } else {
            atom!("timestamp")
        })
    } else if flags & flags::STRICT_TIMESTAMP != 0 {
        Some(atom!("strict_monotonic"))
    } else if flags & flags::MONOTONIC_TIMESTAMP != 0 {
        Some(atom!("monotonic"))
    } else {
        None
    };
    if let Some(timestamp) = timestamp {
        pairs.push((Term::atom(atom!("timestamp")), Term::atom(timestamp)));
    }
    crate::map::from_pairs(heap, &pairs)
}

fn scheduler<'h>() -> Term<'h> {
    Term::int(hooks::schedulers().map_or(0, |schedulers| schedulers.current()) as i32)
}

/// `{MegaSeconds, Seconds, MicroSeconds}`.
pub fn triple<'h>(heap: Heap<'h>, microseconds: i64) -> Term<'h> {
    let million = 1_000_000;
    let seconds = microseconds.div_euclid(million);
    heap.tuple(&[
        heap.integer(seconds.div_euclid(million)),
        heap.integer(seconds.rem_euclid(million)),
        heap.integer(microseconds.rem_euclid(million)),
    ])
}

/// The time of an event, where its flags ask for one.
pub fn timestamp<'h>(heap: Heap<'h>, flags: Flags) -> Option<Term<'h>> {
    let schedulers = hooks::schedulers();
    let monotonic = || heap.integer(schedulers.map_or(0, |clock| clock.monotonic_time()));
    if flags & flags::NOW_TIMESTAMP != 0 {
        let now = if super::uses_cpu_timestamps() {
            schedulers.map_or(0, |clock| clock.cpu_time()) / 1000
        } else {
            schedulers.map_or(0, |clock| clock.now())
        };
        Some(triple(heap, now))
    } else if flags & flags::STRICT_TIMESTAMP != 0 {
        let time = monotonic();
        let unique = heap.integer(crate::bif::unique::next_monotonic());
        Some(heap.tuple(&[time, unique]))
    } else if flags & flags::MONOTONIC_TIMESTAMP != 0 {
        Some(monotonic())
    } else {
        None
    }
}

/// The message of an event.
fn message<'h>(heap: Heap<'h>, flags: Flags, tracee: Term<'_>, event: &Event<'_>) -> Term<'h> {
    let mut elements = Vec::with_capacity(8);
    let copy = |term: Term<'_>| heap.copy_message(term);
    let is_sequential = event.tag == atom!("seq_trace");
    let timestamp = timestamp(heap, flags);
    if is_sequential && event.extra.is_none() {
        elements.extend([Term::atom(event.tag), copy(tracee), copy(event.message)]);
    } else {
        let kind = match timestamp {
            Some(_) => atom!("trace_ts"),
            None => atom!("trace"),
        };
        elements.extend([
            Term::atom(kind),
            copy(tracee),
            Term::atom(event.tag),
            copy(event.message),
        ]);
        elements.extend(event.extra.map(copy));
    }
    elements.extend(event.result.map(copy));
    if flags & flags::SCHEDULER_ID != 0 {
        elements.push(scheduler());
    }
    elements.extend(timestamp);
    heap.tuple(&elements)
}

/// A tracer as tracees share it.
pub type Shared = Arc<Tracer>;
