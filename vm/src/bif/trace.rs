//! `erlang:trace/3`, `trace_pattern/3`, `trace_delivered/1` and `match_spec_test/3`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{BifResult, Call, Stop, Trap, badarg, badarg_because};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::code::table::Writer;
use crate::heap::OwnedTerm;
use crate::match_spec::{self, Dialect, MatchSpec, Outcome};
use crate::process::{crash, hooks, signal, table};
use crate::term::{Kind, Pid, Term};
use crate::trace::actions::Actions;
use crate::trace::flags::{self, Flags};
use crate::trace::points::{self, Change, Pattern, Sorts};
use crate::trace::tracee::NEW;
use crate::trace::{self, Tracer};

crate::bifs! {
    "erts_internal" {
        "trace"/3           Heavy trace_3;
        "trace_pattern"/3   Heavy trace_pattern_3;
    }
    "erlang" {
        "trace_delivered"/1 Plain trace_delivered_1;
        "match_spec_test"/3 Plain match_spec_test_3;
    }
    "erts_debug" {
        "breakpoint"/2      Heavy breakpoint_2;
    }
}

/// The right to write code; the call is made again where somebody else has it.
pub(super) fn writer<'p>(call: Call<'p>) -> Result<Writer, Stop<'p>> {
    Writer::try_seize().ok_or_else(|| {
        Trap::Yield {
            args: call.args().iter().copied().collect(),
        }
        .into()
    })
}

struct Options {
    mask: Flags,
    tracer: Option<Tracer>,
    cpu_timestamp: bool,
}

fn options(list: Term<'_>) -> Option<Options> {
    let mut options = Options {
        mask: 0,
        tracer: None,
        cpu_timestamp: false,
    };
    for item in list.proper_list()? {
        match item.as_atom() {
            Some(atom) if atom == atom!("cpu_timestamp") => options.cpu_timestamp = true,
            Some(atom) => options.mask |= flags::of(atom)?,
            None => options.tracer = Tracer::of_option(atom!("tracer"), item)?,
        }
    }
    Some(options)
}

/// Which tracees are meant.
struct Whom {
    existing: bool,
    new: bool,
    processes: bool,
    ports: bool,
}

fn whom(atom: Atom) -> Option<Whom> {
    let (existing, new, processes, ports) = match atom.name() {
        "all" => (true, true, true, true),
        "processes" => (true, true, true, false),
        "ports" => (true, true, false, true),
        "existing" => (true, false, true, true),
        "existing_processes" => (true, false, true, false),
        "existing_ports" => (true, false, false, true),
        "new" => (false, true, true, true),
        "new_processes" => (false, true, true, false),
        "new_ports" => (false, true, false, true),
        _ => return None,
    };
    Some(Whom {
        existing,
        new,
        processes,
        ports,
    })
}

fn trace_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let options = options(call.arg(2)).ok_or_else(|| badarg_because(w::BADOPT))?;
    let on = call.arg(1).as_bool().ok_or_else(badarg)?;
    let _writer = writer(call)?;
    let process = call.process();
    let tracer = match options.tracer {
        None if on => Some(Tracer::Process(process.pid())),
        tracer => tracer,
    };
    let tracer = tracer.map(Arc::new);
    let mask = options.mask;
    let change = |tracee: &trace::Tracee, id: Term<'_>| {
        tracee.change(Some(process), id, tracer.as_ref(), on, mask)
    };
    match call.arg(0).kind() {
        Kind::Pid(_) | Kind::Port(_) if options.cpu_timestamp => Err(badarg()),
        Kind::Pid(pid) => {
            let shared = table::find(pid).ok_or_else(badarg)?;
            match change(shared.tracee(), call.arg(0)) {
                Ok(()) => Ok(Term::int(1)),
                Err(_) => Err(already_traced(call)),
            }
        }
        Kind::Port(port) => {
            let ports = hooks::ports().ok_or_else(badarg)?;
            let changed =
                ports.with_tracee(port, &mut |tracee| change(tracee, call.arg(0)).is_ok());
            match changed {
                None => Err(badarg()),
                Some(true) => Ok(Term::int(1)),
                Some(false) => Err(already_traced(call)),
            }
        }
        Kind::Atom(atom) => {
            let whom = whom(atom).ok_or_else(badarg)?;
            if options.cpu_timestamp {
                if atom.name() != "all" {
                    return Err(badarg());
                }
                trace::set_cpu_timestamps(on);
            }
            let mut matches = 0;
            if whom.existing {
                matches += change_existing(&whom, mask, &change);
            }
            if whom.new {
                let none = Term::UNDEFINED;
                if whom.processes && mask & flags::OF_PROCESSES != 0 {
                    let mask = mask & flags::OF_PROCESSES;
                    NEW.processes
                        .change(Some(process), none, tracer.as_ref(), on, mask)
                        .ok();
                }
                if whom.ports && mask & flags::OF_PORTS != 0 {
                    let mask = mask & flags::OF_PORTS;
                    NEW.ports
                        .change(Some(process), none, tracer.as_ref(), on, mask)
                        .ok();
                }
            }
            Ok(Term::size(matches))
        }
        _ => Err(badarg()),
    }
}

/// Changes all tracees that there are; how many were.
fn change_existing(
    whom: &Whom,
    mask: Flags,
    change: &dyn Fn(&trace::Tracee, Term<'_>) -> Result<(), trace::tracee::AlreadyTraced>,
) -> usize {
    let both = whom.processes && whom.ports;
    let modifies = mask & flags::MODIFIERS != 0;
    let processes =
        whom.processes && (mask & flags::OF_PROCESSES & !flags::MODIFIERS != 0 || modifies);
    let ports = whom.ports && (mask & flags::OF_PORTS & !flags::MODIFIERS != 0 || modifies);
    let _ = both;
    let mut matches = 0;
    if processes {
        for pid in table::all() {
            if let Some(shared) = table::find(pid) {
                matches += usize::from(change(shared.tracee(), Term::pid(pid)).is_ok());
            }
        }
    }
    if ports && let Some(node) = hooks::ports() {
        for port in node.all() {
            let changed =
                node.with_tracee(port, &mut |tracee| change(tracee, Term::port(port)).is_ok());
            matches += usize::from(changed == Some(true));
        }
    }
    matches
}

fn already_traced<'p>(call: Call<'p>) -> Stop<'p> {
    let process = call.process();
    let text = "** can only have one tracer per process\n";
    crash::log_text(w::ERROR, process.group_leader(), Some(process.pid()), text);
    badarg()
}

// Patterns -------------------------------------------------------------------------------------------

fn change<'p>(term: Term<'p>, dialect: Dialect) -> Result<Change, Stop<'p>> {
    Ok(match term.as_atom() {
        Some(w::FALSE) => Change::Off,
        Some(w::TRUE) => Change::On(None),
        Some(atom) if atom == atom!("restart") => Change::Restart,
        Some(atom) if atom == atom!("pause") => Change::Pause,
        _ if term.is_nil() => Change::On(None),
        _ => {
            let spec = match_spec::compile(term, dialect)
                .map_err(|_| badarg_because(atom!("match_spec")))?;
            Change::On(Some(Arc::new(spec)))
        }
    })
}

/// The sorts that a list of options names, and whether it says `global`.
fn sorts(list: Term<'_>, me: Pid) -> Option<(Sorts, bool)> {
    let (mut sorts, mut global) = (Sorts::default(), false);
    for item in list.proper_list()? {
        match item.as_atom().map(Atom::name) {
            Some("global") if !sorts.is_breakpoint() => global = true,
            Some(_) if global => return None,
            Some("local") => sorts.local = true,
            Some("meta") => {
                if sorts.meta.is_none() {
                    sorts.meta = Some(Arc::new(Tracer::Process(me)));
                }
            }
            Some("call_count") => sorts.call_count = true,
            Some("call_time") => sorts.call_time = true,
            Some(_) => return None,
            None => sorts.meta = Some(Arc::new(Tracer::of_option(atom!("meta"), item)??)),
        }
    }
    Some((sorts, global))
}

/// `{Module, Function, Arity}`; only a tail of it may be `'_'`.
fn pattern(term: Term<'_>) -> Option<Pattern> {
    let [module, function, arity] = term.as_tuple_of::<3>()?;
    let [module, function, arity] =
        [module, function, arity].map(|part| (!part.is_atom(w::WILDCARD)).then_some(part));
    if (module.is_none() && function.is_some()) || (function.is_none() && arity.is_some()) {
        return None;
    }
    let atom = |term: Option<Term<'_>>| match term {
        None => Some(None),
        Some(term) => term.as_atom().map(Some),
    };
    Some(Pattern {
        module: atom(module)?,
        function: atom(function)?,
        arity: match arity {
            None => None,
            // No function has an arity that is no such number.
            Some(arity) => Some(u32::try_from(arity.as_small()?).unwrap_or(u32::MAX)),
        },
    })
}

fn trace_pattern_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let dialect = match call.arg(0).as_atom().map(Atom::name) {
        Some("send") => Dialect::Send,
        Some("receive") => Dialect::Receive,
        _ => Dialect::Call,
    };
    let change = change(call.arg(1), dialect)?;
    let (sorts, global) =
        sorts(call.arg(2), call.process().pid()).ok_or_else(|| badarg_because(w::BADOPT))?;
    let has_spec = matches!(change, Change::On(Some(_)));
    if has_spec && !sorts.local && sorts.meta.is_none() && (sorts.call_count || sorts.call_time) {
        return Err(badarg_because(atom!("call_count")));
    }
    let none = || badarg_because(w::NONE);
    let target = call.arg(0);
    let writer = writer(call)?;
    let matches = match target.as_atom() {
        Some(atom) if atom == atom!("on_load") => {
            points::set_on_load(&change, &sorts);
            0
        }
        Some(event) => {
            let sets = matches!(change, Change::On(_) | Change::Off);
            if global || sorts.is_breakpoint() || !sets || !points::set_event(event, &change) {
                return Err(none());
            }
            1
        }
        None => {
            let pattern = pattern(target).ok_or_else(none)?;
            points::set(&writer, pattern, &change, &sorts)
        }
    };
    Ok(Term::size(matches))
}

/// `erts_debug:breakpoint({M, F, A}, Bool)`: how many functions match.
fn breakpoint_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (Some(pattern), Some(on)) = (pattern(call.arg(0)), call.arg(1).as_bool()) else {
        return Err(badarg());
    };
    let writer = writer(call)?;
    let matched = points::set_debug(&writer, pattern, on).ok_or_else(badarg)?;
    Ok(Term::size(matched))
}

// Delivery -------------------------------------------------------------------------------------------

/// A reference, and later `{trace_delivered, Tracee, Reference}`: when the message comes, all that was told
/// of the tracee before has come to its tracer.
fn trace_delivered_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let reference = crate::reference::next();
    let me = call.process().pid();
    let tracees = match call.arg(0).kind() {
        Kind::Pid(pid) => vec![pid],
        Kind::Atom(atom) if atom == atom!("all") => table::all(),
        _ => return Err(badarg()),
    };
    let left = Arc::new(AtomicUsize::new(tracees.len().max(1)));
    let tracee = OwnedTerm::copy_of(call.arg(0));
    let tell = Arc::new(parking_lot::Mutex::new(Some(tracee)));
    let delivered = move || {
        if left.fetch_sub(1, Ordering::AcqRel) != 1 {
            return;
        }
        if let Some(tracee) = tell.lock().take() {
            let message = OwnedTerm::build(|heap| {
                heap.tuple(&[
                    Term::atom(atom!("trace_delivered")),
                    tracee.adopt(heap),
                    heap.reference(reference),
                ])
            });
            signal::send_message(me, message);
        }
    };
    if tracees.is_empty() {
        delivered();
    }
    for pid in tracees {
        if pid == me {
            // What it told, it has told.
            delivered();
            continue;
        }
        let delivered = delivered.clone();
        signal::rpc(pid, move |_| delivered());
    }
    Ok(call.heap.reference(reference))
}

// Tests of match specifications ----------------------------------------------------------------------

fn match_spec_test_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let (object, source) = (call.arg(0), call.arg(1));
    let trace = match call.arg(2).as_atom().map(Atom::name) {
        Some("trace") => true,
        Some("table") => false,
        _ => return Err(badarg()),
    };
    if trace {
        object.proper_list().ok_or_else(badarg)?;
    }
    let dialect = if trace { Dialect::Call } else { Dialect::Table };
    let spec = match match_spec::compile(source, dialect) {
        Ok(spec) => spec,
        Err(faults) => {
            let errors: Vec<Term<'_>> = faults
                .iter()
                .map(|fault| {
                    let text: Vec<Term<'_>> = fault
                        .text()
                        .iter()
                        .map(|&byte| Term::int(byte.into()))
                        .collect();
                    heap.tuple(&[Term::atom(w::ERROR), heap.list(&text)])
                })
                .collect();
            return Ok(heap.tuple(&[Term::atom(w::ERROR), heap.list(&errors)]));
        }
    };
    let (result, flags) = if trace {
        test_trace(call, &spec)
    } else {
        let result = match spec.run(call.process(), object) {
            Outcome::NoMatch => Term::FALSE,
            Outcome::Match(value) => value,
        };
        (result, Term::NIL)
    };
    Ok(heap.tuple(&[Term::OK, result, flags, Term::NIL]))
}

fn test_trace<'p>(call: Call<'p>, spec: &MatchSpec) -> (Term<'p>, Term<'p>) {
    let actions = Actions::for_test(call.process());
    let result = match spec.run_trace(call.process(), call.arg(0), &actions) {
        false => Term::FALSE,
        true => actions.message().unwrap_or(Term::TRUE),
    };
    let mut flags = Vec::new();
    if actions.exceptions() {
        flags.push(Term::atom(atom!("exception_trace")));
    }
    if actions.asked_returns() {
        flags.insert(0, Term::atom(atom!("return_trace")));
    }
    (result, call.heap.list(&flags))
}
