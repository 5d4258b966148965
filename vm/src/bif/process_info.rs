//! `process_info/1,2`.
//!
//! About itself a process asks directly, about another by a signal: the answer is true at the moment when
//! the other handles it, after all that the caller sent before. A row of [`ITEMS`] is an item.

use super::process::{answer, internal};
use super::process_options::max_heap_map;
use super::{BifResult, Call, Trap, badarg};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::heap::{Heap, OwnedTerm, RawHeap};
use crate::node_name;
use crate::process::flags::Flag;
use crate::process::relations::Target;
use crate::process::{Origin, Process, hooks, signal, table};
use crate::term::{Kind, Pid, Term};
use crate::trace::saved_calls::SavedCall;

crate::bifs! { "erlang":
    "process_info"/1 Heavy process_info_1;
    "process_info"/2 Heavy process_info_2;
}

/// An item's value; for another's process it is copied afterwards.
type Value = for<'p> fn(&'p Process, Heap<'p>, Asked) -> Term<'p>;

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    ByItself,
    ByOther,
}

/// All items, in the order of OTP's table.
const ITEMS: &[(&str, Value)] = &[
    ("registered_name", registered_name),
    ("current_function", current_function),
    ("initial_call", initial_call),
    ("status", status),
    ("messages", messages),
    ("message_queue_len", |process, _, _| {
        Term::size(process.message_count())
    }),
    ("links", links),
    ("monitors", monitors),
    ("monitored_by", monitored_by),
    ("dictionary", dictionary),
    ("trap_exit", |process, _, _| {
        Term::bool(process.traps_exits())
    }),
    ("error_handler", |process, _, _| {
        Term::atom(process.error_handler())
    }),
    ("heap_size", |process, _, _| {
        Term::size(process.gc_info().heap_block_size)
    }),
    ("stack_size", |process, _, _| {
        Term::size(process.gc_info().stack_size)
    }),
    ("memory", |process, _, _| Term::size(process.memory())),
    ("garbage_collection", garbage_collection),
    ("group_leader", |process, _, _| process.group_leader()),
    ("reductions", |process, heap, _| {
        heap.unsigned(process.total_reductions())
    }),
    ("priority", |process, _, _| {
        Term::atom(process.shared().priority().atom())
    }),
    ("trace", |_, _, _| Term::int(0)),
    ("binary", binary),
    ("sequential_trace_token", |process, _, _| {
        process.seq_token()
    }),
    ("catchlevel", |process, _, _| {
        Term::size(process.catch_level())
    }),
    ("backtrace", backtrace),
    ("last_calls", last_calls),
    ("total_heap_size", |process, _, _| {
        Term::size(process.total_heap_size())
    }),
    ("suspending", suspending),
    ("min_heap_size", |process, _, _| {
        Term::size(process.min_heap())
    }),
    ("min_bin_vheap_size", |process, _, _| {
        Term::size(process.min_vheap())
    }),
    ("max_heap_size", |process, heap, _| {
        max_heap_map(heap, process.max_heap())
    }),
    ("current_location", current_location),
    ("current_stacktrace", current_stacktrace),
    ("message_queue_data", message_queue_data),
    ("garbage_collection_info", garbage_collection_info),
    ("magic_ref", magic_ref),
    ("fullsweep_after", |process, _, _| {
        Term::size(process.fullsweep_after())
    }),
    ("parent", parent),
];

/// What `process_info/1` shows.
const SHOWN: &[&str] = &[
    "registered_name",
    "current_function",
    "initial_call",
    "status",
    "message_queue_len",
    "links",
    "dictionary",
    "trap_exit",
    "error_handler",
    "priority",
    "group_leader",
    "total_heap_size",
    "heap_size",
    "stack_size",
    "reductions",
    "garbage_collection",
    "suspending",
];

fn place(name: &str) -> Option<usize> {
    ITEMS.iter().position(|(item, _)| *item == name)
}

/// What was asked for.
#[derive(Clone)]
enum Question {
    /// One item: `{Item, Value}`, but `[]` for a name that there is not.
    One(usize),
    /// Several: a list of `{Item, Value}`.
    Many(Vec<usize>),
    /// The items of `process_info/1`: no entry for a name that there is not.
    Shown,
}

fn process_info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    ask(call, Question::Shown)
}

fn process_info_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let item = |term: Term<'_>| term.as_atom().and_then(|atom| place(atom.name()));
    let question = match call.arg(1).as_atom() {
        Some(atom) => Question::One(place(atom.name()).ok_or_else(badarg)?),
        None => {
            let list = call.arg(1).proper_list().ok_or_else(badarg)?;
            let items: Option<Vec<usize>> = list.into_iter().map(item).collect();
            Question::Many(items.ok_or_else(badarg)?)
        }
    };
    ask(call, question)
}

fn ask<'p>(call: Call<'p>, question: Question) -> BifResult<'p> {
    let process = call.process();
    let pid = match call.arg(0).kind() {
        Kind::Pid(pid) => pid,
        Kind::ExternalPid(id) if id.node().name == node_name::this().0 => {
            return Ok(Term::UNDEFINED);
        }
        _ => return Err(badarg()),
    };
    if pid == process.pid() {
        return ask_oneself(call, &question);
    }
    if !table::exists(pid) {
        return Ok(Term::UNDEFINED);
    }
    let reference = crate::reference::next();
    request(process.pid(), pid, reference, question);
    // The answer comes after all that is in the mailbox now.
    process.skip_messages();
    let reference = call.heap.reference(reference);
    Err(internal(atom!("await_result"), &[reference]))
}

fn ask_oneself<'p>(call: Call<'p>, question: &Question) -> BifResult<'p> {
    let process = call.process();
    if !process.handle_signals() || process.is_interrupted() {
        let stop = match process.exit_reason() {
            Some(reason) => Trap::Exit(reason),
            None => Trap::Yield {
                args: call.args().iter().copied().collect(),
            },
        };
        return Err(stop.into());
    }
    Ok(look(process, call.heap, question, Asked::ByItself))
}

fn request(requester: Pid, pid: Pid, reference: signal::RefNumber, question: Question) {
    signal::rpc(pid, move |process| match process {
        None => answer(requester, reference, Term::UNDEFINED),
        Some(process) => {
            let message = OwnedTerm::build(|heap| {
                let result = look_from_outside(process, heap, &question);
                heap.tuple(&[heap.reference(reference), result])
            });
            signal::send_message(requester, message);
        }
    });
}

/// Looks at a process for another: the values are copied to `heap`.
fn look_from_outside<'h>(process: &Process, heap: Heap<'h>, question: &Question) -> Term<'h> {
    let values = |items: &[usize], skip_nameless: bool| {
        let mut list = Vec::with_capacity(items.len());
        for &item in items {
            // What is made on the way is not the process's.
            let own = RawHeap::detached();
            let value = (ITEMS[item].1)(process, Heap::new(&own), Asked::ByOther);
            let value = heap.copy_message(value);
            if !(skip_nameless && value.is_nil() && ITEMS[item].0 == "registered_name") {
                list.push(entry(heap, item, value));
            }
        }
        list
    };
    match question {
        Question::One(item) => {
            let list = values(&[*item], true);
            list.first().copied().unwrap_or(Term::NIL)
        }
        Question::Many(items) => heap.list(&values(items, false)),
        Question::Shown => heap.list(&values(&shown(), true)),
    }
}

fn shown() -> Vec<usize> {
    SHOWN.iter().filter_map(|name| place(name)).collect()
}

fn entry<'h>(heap: Heap<'h>, item: usize, value: Term<'h>) -> Term<'h> {
    let name = Term::atom(Atom::from_static(ITEMS[item].0));
    heap.tuple(&[name, value])
}

fn look<'p>(process: &'p Process, heap: Heap<'p>, question: &Question, asked: Asked) -> Term<'p> {
    let value = |item: usize| {
        process.charge(1);
        (ITEMS[item].1)(process, heap, asked)
    };
    let is_missing_name =
        |item: usize, value: Term<'p>| ITEMS[item].0 == "registered_name" && value.is_nil();
    match question {
        Question::One(item) => {
            let value = value(*item);
            if is_missing_name(*item, value) {
                return Term::NIL;
            }
            entry(heap, *item, value)
        }
        Question::Many(items) => {
            heap.list_from(items.iter().map(|&item| entry(heap, item, value(item))))
        }
        Question::Shown => heap.list_from(shown().into_iter().filter_map(|item| {
            let value = value(item);
            (!is_missing_name(item, value)).then(|| entry(heap, item, value))
        })),
    }
}

fn registered_name<'p>(process: &'p Process, _: Heap<'p>, _: Asked) -> Term<'p> {
    process.shared().name().map_or(Term::NIL, Term::atom)
}

fn mfa_term<'p>(heap: Heap<'p>, mfa: crate::code::Mfa) -> Term<'p> {
    heap.tuple(&[
        Term::atom(mfa.module),
        Term::atom(mfa.function),
        Term::size(mfa.arity as usize),
    ])
}

fn current_function<'p>(process: &'p Process, heap: Heap<'p>, asked: Asked) -> Term<'p> {
    hooks::stacks()
        .and_then(|stacks| match asked {
            Asked::ByItself => stacks.asking_function(process),
            Asked::ByOther => stacks.current_function(process),
        })
        .map_or(Term::UNDEFINED, |mfa| mfa_term(heap, mfa))
}

fn current_location<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    hooks::stacks().map_or(Term::UNDEFINED, |stacks| {
        stacks.current_location(process, heap)
    })
}

fn current_stacktrace<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    hooks::stacks().map_or(Term::NIL, |stacks| {
        stacks.stacktrace(process, heap, crate::process::backtrace_depth())
    })
}

fn backtrace<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    if process.has_flag(Flag::Sensitive) {
        return heap.binary(b"");
    }
    let text = hooks::stacks().map_or_else(String::new, |stacks| stacks.backtrace(process));
    heap.binary(text.as_bytes())
}

fn initial_call<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    mfa_term(heap, process.initial_call())
}

fn status<'p>(process: &'p Process, _: Heap<'p>, asked: Asked) -> Term<'p> {
    Term::atom(if process.must_leave() {
        w::EXITING
    } else if process.has_flag(Flag::Works) {
        w::RUNNING
    } else if process.is_suspended() || process.waits_for_port() {
        w::SUSPENDED
    } else if asked == Asked::ByOther && process.is_idle() {
        w::WAITING
    } else {
        // Signals are handled in a process's turn: it would run now, or does.
        w::RUNNING
    })
}

fn messages<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    if process.has_flag(Flag::Sensitive) {
        return Term::NIL;
    }
    let messages = process.messages();
    process.charge(messages.len() / 4);
    heap.list(&messages)
}

fn links<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let links = process.relations().links();
    process.charge(links.len() / 4);
    heap.list_from(links.into_iter().map(|peer| peer.term(heap)))
}

fn monitors<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let monitors = process.relations().monitors();
    process.charge(monitors.len() / 4);
    let this = node_name::this().0;
    let named = |kind: Atom, name: Atom, node: Atom| {
        let object = heap.tuple(&[Term::atom(name), Term::atom(node)]);
        heap.tuple(&[Term::atom(kind), object])
    };
    let of = |kind: Atom, object: Term<'p>| heap.tuple(&[Term::atom(kind), object]);
    heap.list_from(monitors.into_iter().filter_map(|(_, target)| {
        Some(match target {
            Target::Process(_, Some(name)) => named(w::PROCESS, name, this),
            Target::Process(Some(pid), None) => of(w::PROCESS, Term::pid(pid)),
            Target::Port(Some(_), Some(name)) => named(w::PORT, name, this),
            Target::Port(None, Some(name)) => named(w::PROCESS, name, this),
            Target::Port(Some(port), None) => of(w::PORT, Term::port(port)),
            Target::Remote(node, number) => of(w::PROCESS, heap.external_pid(node, number)),
            Target::RemoteName(name, node) => named(w::PROCESS, name, node),
            Target::TimeOffset => of(w::TIME_OFFSET, Term::atom(atom!("clock_service"))),
            Target::Process(None, None)
            | Target::Port(None, None)
            | Target::Alias
            | Target::SpawnRequest => return None,
        })
    }))
}

fn monitored_by<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let origins = process.relations().monitored_by();
    process.charge(origins.len() / 4);
    heap.list_from(origins.into_iter().filter_map(|origin| match origin {
        Origin::Process(pid) => Some(Term::pid(pid)),
        Origin::Remote(node, number) => Some(heap.external_pid(node, number)),
        Origin::Watch(watch) => watch.term(heap),
    }))
}

fn dictionary<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    if process.has_flag(Flag::Sensitive) {
        return Term::NIL;
    }
    process.charge(process.dictionary_len() / 4);
    process.dictionary_list(heap)
}

fn suspending<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let suspending = process.relations().suspending();
    heap.list_from(suspending.into_iter().map(|(pid, entry)| {
        let (active, outstanding) = if entry.is_active() {
            (entry.count, 0)
        } else {
            (0, entry.count)
        };
        heap.tuple(&[
            Term::pid(pid),
            heap.unsigned(active),
            heap.unsigned(outstanding),
        ])
    }))
}

fn garbage_collection<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let of = |key: Atom, value: Term<'p>| heap.tuple(&[Term::atom(key), value]);
    heap.list(&[
        of(w::MAX_HEAP_SIZE, max_heap_map(heap, process.max_heap())),
        of(w::MIN_BIN_VHEAP_SIZE, Term::size(process.min_vheap())),
        of(w::MIN_HEAP_SIZE, Term::size(process.min_heap())),
        of(w::FULLSWEEP_AFTER, Term::size(process.fullsweep_after())),
        of(atom!("minor_gcs"), Term::size(process.minor_collections())),
    ])
}

fn garbage_collection_info<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let items = process.gc_info().items();
    heap.list_from(
        items.into_iter().map(|(name, value)| {
            heap.tuple(&[Term::atom(Atom::from_static(name)), Term::size(value)])
        }),
    )
}

fn message_queue_data<'p>(process: &'p Process, _: Heap<'p>, _: Asked) -> Term<'p> {
    Term::atom(if process.has_flag(Flag::OffHeapMessages) {
        w::OFF_HEAP
    } else {
        w::ON_HEAP
    })
}

fn last_calls<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let Some(calls) = process.saved_calls() else {
        return Term::FALSE;
    };
    heap.list_from(calls.into_iter().map(|call| match call {
        SavedCall::Call(mfa) => mfa_term(heap, mfa),
        SavedCall::Send => Term::atom(w::SEND),
        SavedCall::Receive => Term::atom(w::RECEIVE),
        SavedCall::Timeout => Term::atom(w::TIMEOUT),
    }))
}

fn parent<'p>(process: &'p Process, _: Heap<'p>, _: Asked) -> Term<'p> {
    process.parent().map_or(Term::UNDEFINED, Term::pid)
}

/// `{Address, Size, Count}` for each binary off the heap.
fn binary<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let mut list = Term::NIL;
    process.for_each_binary(|data| {
        let entry = heap.tuple(&[
            heap.unsigned(data.address),
            Term::size(data.size),
            Term::size(data.count),
        ]);
        list = heap.cons(entry, list);
    });
    list
}

/// `{Address, Size, Count}` for each value behind a magic reference.
fn magic_ref<'p>(process: &'p Process, heap: Heap<'p>, _: Asked) -> Term<'p> {
    let mut list = Term::NIL;
    process.for_each_magic(|data| {
        let entry = heap.tuple(&[
            heap.unsigned(data.address),
            Term::size(data.size),
            Term::size(data.count),
        ]);
        list = heap.cons(entry, list);
    });
    list
}
