//! Spawning processes.

use super::link_monitor::monitor_options;
use super::process_options::{max_heap, off_heap, scheduler};
use super::{BifResult, Call, Stop, badarg, badarg_because, system_limit};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::code::Mfa;
use crate::heap::OwnedTerm;
use crate::process::relations::Target;
use crate::process::spawn::{self, MonitorOptions, Options, Spawned, rounded_size};
use crate::process::{Priority, Process, RefNumber, crash, signal};
use crate::term::{Kind, Term};
use crate::trace::sequential;

crate::bifs! {
    "erlang" {
        "spawn"/3                 Heavy spawn_3;
        "spawn_link"/3            Heavy spawn_link_3;
        "spawn_opt"/4             Heavy spawn_opt_4;
        "spawn_request_abandon"/1 Plain spawn_request_abandon_1;
    }
    "erts_internal" {
        "spawn_request"/4         Heavy spawn_request_4;
        "spawn_system_process"/3  Heavy spawn_system_process_3;
        "dist_spawn_request"/4    Plain dist_spawn_request_4;
    }
}

/// What a spawn costs its parent, in reductions (OTP: `MAX(1, …)` of the arguments' size; ours is flat).
const COST: usize = 4;

/// Module, function and the number of arguments.
fn function(call: Call<'_>) -> Option<Mfa> {
    let module = call.arg(0).as_atom()?;
    let function = call.arg(1).as_atom()?;
    let arity = u32::try_from(call.arg(2).list_len()?).ok()?;
    Some(Mfa {
        module,
        function,
        arity,
    })
}

fn start<'p>(call: Call<'p>, options: Options) -> Result<Spawned, Stop<'p>> {
    let mfa = function(call).ok_or_else(badarg)?;
    call.charge(COST);
    let parent = call.process();
    spawn::spawn(Some(parent), mfa.module, mfa.function, call.arg(2), options)
        .map_err(|_| too_many(parent))
}

fn too_many<'p>(parent: &Process) -> Stop<'p> {
    let text = "Too many processes\n";
    crash::log_text(w::ERROR, parent.group_leader(), Some(parent.pid()), text);
    system_limit()
}

fn spawn_3<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::pid(start(call, Options::new())?.start()))
}

fn spawn_link_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let options = Options {
        link: true,
        ..Options::new()
    };
    Ok(Term::pid(start(call, options)?.start()))
}

fn spawn_opt_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let options = match parse(call.arg(3), false) {
        Ok(parsed) => parsed.options,
        Err(_) => return Err(badarg_because(w::BADOPT)),
    };
    let spawned = start(call, options)?;
    let monitor = spawned.monitor();
    let pid = Term::pid(spawned.start());
    Ok(match monitor {
        Some(reference) => call.heap.tuple(&[pid, call.heap.reference(reference)]),
        None => pid,
    })
}

/// `spawn_system_process(M, F, Args)`.
fn spawn_system_process_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let options = Options {
        system: true,
        ..Options::new()
    };
    Ok(Term::pid(start(call, options)?.start()))
}

/// Options as given.
struct Parsed<'p> {
    options: Options,
    /// Whether a message is sent when it worked, and when it did not (`spawn_request`).
    replies: (bool, bool),
    reply_tag: Term<'p>,
}

/// Why options were refused.
#[derive(PartialEq, Eq)]
enum BadOptions {
    /// It is not a proper list.
    NoList,
    /// One of them is bad; whether an error message is wanted nevertheless.
    BadOption { reply: bool },
}

/// Parses options, those of requests too where `request` says so.
fn parse<'p>(list: Term<'p>, request: bool) -> Result<Parsed<'p>, BadOptions> {
    let mut parsed = Parsed {
        options: Options::new(),
        replies: (true, true),
        reply_tag: Term::atom(w::SPAWN_REPLY),
    };
    let mut good = true;
    for option in list.proper_list().ok_or(BadOptions::NoList)? {
        good &= one(&mut parsed, option, request).is_some();
    }
    let options = &parsed.options;
    good &= options.max_heap.words == 0 || options.max_heap.words >= options.min_heap;
    if good {
        Ok(parsed)
    } else {
        Err(BadOptions::BadOption {
            reply: parsed.replies.1,
        })
    }
}

fn one<'p>(parsed: &mut Parsed<'p>, option: Term<'p>, request: bool) -> Option<()> {
    let options = &mut parsed.options;
    if let Some(atom) = option.as_atom() {
        match atom {
            w::LINK => options.link = true,
            w::MONITOR => options.monitor = Some(MonitorOptions::default()),
            _ => return None,
        }
        return Some(());
    }
    let [key, value] = option.as_tuple_of::<2>()?;
    match key.as_atom()? {
        w::PRIORITY => options.priority = Priority::of(value.as_atom()?)?,
        w::MESSAGE_QUEUE_DATA => options.off_heap_messages = off_heap(value)?,
        w::MIN_HEAP_SIZE => {
            options.min_heap = rounded_size(value.as_usize()?, Options::new().min_heap);
        }
        w::MIN_BIN_VHEAP_SIZE => {
            options.min_vheap = rounded_size(value.as_usize()?, Options::new().min_vheap);
        }
        w::MAX_HEAP_SIZE => options.max_heap = max_heap(value)?,
        w::FULLSWEEP_AFTER => options.fullsweep_after = value.as_usize()?,
        atom if atom == atom!("scheduler") => options.scheduler = scheduler(value)?,
        w::MONITOR => options.monitor = Some(monitor_options(value)?),
        w::REPLY if request => parsed.replies = replies(value)?,
        atom if atom == atom!("reply_tag") && request => parsed.reply_tag = value,
        _ => return None,
    }
    Some(())
}

fn replies(value: Term<'_>) -> Option<(bool, bool)> {
    match value.as_atom()? {
        w::YES => Some((true, true)),
        w::NO => Some((false, false)),
        atom if atom == atom!("error_only") => Some((false, true)),
        atom if atom == atom!("success_only") => Some((true, false)),
        _ => None,
    }
}

/// `spawn_request(M, F, Args, Options)`: a reference; the outcome comes as a message.
fn spawn_request_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let Some(mfa) = function(call) else {
        return Ok(Term::atom(w::BADARG));
    };
    let parsed = match parse(call.arg(3), true) {
        Ok(parsed) => parsed,
        Err(BadOptions::NoList) => return Ok(Term::atom(w::BADOPT)),
        Err(BadOptions::BadOption { reply }) => {
            let tag = reply_tag(call.arg(3));
            return Ok(refuse(call, reply, tag, w::BADOPT));
        }
    };
    let (on_success, on_error) = parsed.replies;
    let options = Options {
        shown: Some(mfa),
        reply_tag: (!call.process().seq_token().is_nil())
            .then(|| OwnedTerm::copy_of(parsed.reply_tag)),
        ..parsed.options
    };
    let parent = call.process();
    // The function is called by one of OTP's, as in the stock VM.
    let args = call
        .heap
        .list(&[call.heap.tuple(&[call.arg(0), call.arg(1), call.arg(2)])]);
    call.charge(COST);
    let module = w::ERTS_INTERNAL;
    let spawned = match spawn::spawn(Some(parent), module, atom!("spawn_init"), args, options) {
        Ok(spawned) => spawned,
        Err(_) => {
            too_many(parent);
            return Ok(refuse(call, on_error, parsed.reply_tag, w::SYSTEM_LIMIT));
        }
    };
    let reference = match spawned.traced() {
        Some((reference, _)) => *reference,
        None => spawned.monitor().unwrap_or_else(crate::reference::next),
    };
    if on_success {
        // Before the child can send anything itself.
        let pid = spawned.pid();
        let message = reply_message(parsed.reply_tag, reference, w::OK, Term::pid(pid));
        match spawned.traced() {
            Some((_, token)) => sequential::spawn_reply(pid, parent, token, &message),
            None => {
                signal::send_message(parent.pid(), message);
            }
        }
    }
    spawned.start();
    Ok(call.heap.reference(reference))
}

/// `dist_spawn_request(Node, {M, F, Args}, Options, spawn_request | spawn_opt)`: there is no connection to any
/// other node, which is told as any failure is.
fn dist_spawn_request_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let is_function = call.arg(1).as_tuple_of::<3>().is_some_and(|[m, f, args]| {
        m.as_atom().is_some() && f.as_atom().is_some() && args.list_len().is_some()
    });
    let is_spawn = call.arg(3).is_atom(atom!("spawn_opt"));
    if call.arg(0).as_atom().is_none() || !is_function {
        return Ok(Term::atom(w::BADARG));
    }
    let parsed = match parse(call.arg(2), true) {
        Ok(parsed) => parsed,
        Err(BadOptions::NoList) => return Ok(Term::atom(w::BADARG)),
        Err(BadOptions::BadOption { reply }) => {
            let reference = refuse(call, reply, reply_tag(call.arg(2)), w::BADOPT);
            return Ok(match is_spawn {
                true => call.heap.tuple(&[reference, Term::FALSE]),
                false => reference,
            });
        }
    };
    let reference = refuse(call, parsed.replies.1, parsed.reply_tag, w::NOCONNECTION);
    if is_spawn {
        let monitors = Term::bool(parsed.options.monitor.is_some());
        return Ok(call.heap.tuple(&[reference, monitors]));
    }
    Ok(reference)
}

/// The last reply tag among options of which some are bad.
fn reply_tag<'p>(options: Term<'p>) -> Term<'p> {
    let tags = options.list().filter_map(|option| {
        let [key, value] = option.as_tuple_of::<2>()?;
        key.is_atom(atom!("reply_tag")).then_some(value)
    });
    tags.last().unwrap_or(Term::atom(w::SPAWN_REPLY))
}

fn refuse<'p>(call: Call<'p>, tell: bool, tag: Term<'p>, why: Atom) -> Term<'p> {
    let reference = crate::reference::next();
    if tell {
        let message = reply_message(tag, reference, w::ERROR, Term::atom(why));
        signal::send_message(call.process().pid(), message);
    }
    call.heap.reference(reference)
}

fn reply_message(tag: Term<'_>, reference: RefNumber, kind: Atom, result: Term<'_>) -> OwnedTerm {
    OwnedTerm::build(|heap| {
        heap.tuple(&[
            heap.copy(tag),
            heap.reference(reference),
            Term::atom(kind),
            heap.copy(result),
        ])
    })
}

/// Gives up waiting for the reply of a request to another node; false where there is nothing to wait for.
fn spawn_request_abandon_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let reference = match call.arg(0).kind() {
        Kind::Ref(reference) => reference.number(),
        Kind::ExternalRef(_) => return Ok(Term::FALSE),
        _ => return Err(badarg()),
    };
    let relations = call.process().relations();
    let outstanding = relations
        .with_monitor(reference, |monitor| monitor.target == Target::SpawnRequest)
        .unwrap_or(false);
    if outstanding {
        relations.take_monitor(reference);
    }
    Ok(Term::bool(outstanding))
}
