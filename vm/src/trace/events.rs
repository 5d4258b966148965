//! Events that are not calls: messages, the lives of processes, turns, collections.
//!
//! Every function here is called where its event happens, by the thread that runs the traced process unless
//! it says otherwise; each begins with a look at the tracee's flags.

use super::call::mfa_term;
use super::flags::{self, Flags};
use super::points::{RECEIVE, SEND};
use super::tracee::{NEW, Tracee};
use super::tracer::Event;
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::code::Mfa;
use crate::heap::Heap;
use crate::heap::info::GcInfo;
use crate::node_name;
use crate::process::{Process, Shared, hooks, table};
use crate::term::{Kind, Pid, Term};

/// Tells of something in the life of a process (`procs`).
#[inline]
pub fn process(process: &Process, tag: Atom, message: Term<'_>) {
    if process.shared().tracee().has(flags::PROCS) {
        tell(process, tag, message);
    }
}

/// As [`process`], where another thread may run the process that it happens to.
pub fn other_process(of: Pid, by: Option<&Process>, tag: Atom, message: Term<'_>) {
    let Some(shared) = table::find(of) else {
        return;
    };
    if shared.tracee().has(flags::PROCS) {
        shared
            .tracee()
            .tell(by, Term::pid(of), &Event::new(tag, message));
    }
}

#[cold]
fn tell(process: &Process, tag: Atom, message: Term<'_>) {
    let id = Term::pid(process.pid());
    let event = Event::new(tag, message);
    process.shared().tracee().tell(Some(process), id, &event);
}

// Messages -------------------------------------------------------------------------------------------

/// A message is sent, to what the sender named.
#[inline]
pub fn send<'p>(process: &'p Process, to: Term<'p>, message: Term<'p>) {
    if process.shared().tracee().has(flags::SEND) {
        tell_send(process, to, message);
    }
}

#[cold]
fn tell_send<'p>(process: &'p Process, to: Term<'p>, message: Term<'p>) {
    let tracee = process.shared().tracee();
    let (on, spec) = {
        let pattern = SEND.read();
        (pattern.on, pattern.spec.clone())
    };
    if !on {
        return;
    }
    let mut result = None;
    if let Some(spec) = spec {
        let args = process.heap().list(&[to, message]);
        match spec.run_event(process, args) {
            None => return,
            Some(said) => result = (!said.same(Term::TRUE)).then_some(said),
        }
        if tracee.flags() & flags::SILENT != 0 {
            return;
        }
    }
    let nobody = match to.kind() {
        Kind::Pid(pid) => !table::exists(pid),
        Kind::ExternalPid(id) => id.node().name == node_name::this().0,
        _ => false,
    };
    let tag = if nobody {
        atom!("send_to_non_existing_process")
    } else {
        w::SEND
    };
    let event = Event {
        result,
        ..Event::new(tag, message).with(to)
    };
    tracee.tell(Some(process), Term::pid(process.pid()), &event);
}

/// Whether messages that come are told.
#[inline]
pub fn receives(process: &Process) -> bool {
    process.shared().tracee().has(flags::RECEIVE)
}

/// A message has come.
#[cold]
pub fn receive(process: &Process, from: Option<Pid>, message: Term<'_>) {
    let sender = from.map_or(Term::atom(atom!("system")), Term::pid);
    receive_from(process, sender, message);
}

/// The time limit of a receive is up.
#[inline]
pub fn timeout(process: &Process) {
    if receives(process) {
        receive_from(
            process,
            Term::atom(atom!("clock_service")),
            Term::atom(w::TIMEOUT),
        );
    }
}

#[cold]
fn receive_from(process: &Process, from: Term<'_>, message: Term<'_>) {
    let tracee = process.shared().tracee();
    let (on, spec) = {
        let pattern = RECEIVE.read();
        (pattern.on, pattern.spec.clone())
    };
    if !on {
        return;
    }
    let mut result = None;
    if let Some(spec) = spec {
        let heap = process.heap();
        let (node, sender) = match from.as_atom() {
            Some(name) => (Term::atom(name), Term::UNDEFINED),
            None => (Term::atom(node_name::this().0), heap.copy(from)),
        };
        let args = heap.list(&[node, sender, heap.copy(message)]);
        match spec.run_event(process, args) {
            None => return,
            Some(said) => result = (!said.same(Term::TRUE)).then_some(said),
        }
        if tracee.flags() & flags::SILENT != 0 {
            return;
        }
    }
    let event = Event {
        result,
        ..Event::new(w::RECEIVE, message)
    };
    tracee.tell(Some(process), Term::pid(process.pid()), &event);
}

// Beginnings and ends --------------------------------------------------------------------------------

/// A process begins: it takes over what its parent hands on.
pub fn begins(parent: Option<&Process>, child: &Shared, link: bool) {
    child.tracee().begin_as(&NEW.processes);
    let Some(parent) = parent.map(|parent| parent.shared().tracee()) else {
        return;
    };
    hand_on(
        parent,
        child.tracee(),
        flags::SET_ON_SPAWN,
        flags::SET_ON_FIRST_SPAWN,
    );
    if link {
        hand_on(
            parent,
            child.tracee(),
            flags::SET_ON_LINK,
            flags::SET_ON_FIRST_LINK,
        );
    }
}

/// `always` and `once` are the two flags of a sort; the latter does not go on to a second generation.
fn hand_on(parent: &Tracee, child: &Tracee, always: Flags, once: Flags) {
    let flags = parent.flags();
    if flags & (always | once) == 0 {
        return;
    }
    child.inherit(parent);
    if flags & once != 0 {
        child.switch(0, always | once);
        parent.switch(0, always | once);
    }
}

/// A process was spawned, and does not run yet.
pub fn spawned(
    parent: Option<&Process>,
    child: &Process,
    module: Term<'_>,
    function: Term<'_>,
    args: Term<'_>,
    link: bool,
) {
    let child_id = Term::pid(child.pid());
    let parent_id = parent.map_or(Term::UNDEFINED, |parent| Term::pid(parent.pid()));
    if let Some(parent) = parent
        && parent.shared().tracee().has(flags::PROCS)
    {
        let heap = parent.heap();
        let mfa = heap.tuple(&[heap.copy(module), heap.copy(function), heap.copy(args)]);
        let event = Event::new(atom!("spawn"), child_id).with(mfa);
        parent
            .shared()
            .tracee()
            .tell(Some(parent), parent_id, &event);
        if link {
            tell(parent, w::LINK, child_id);
        }
    }
    if child.shared().tracee().has(flags::PROCS) {
        let heap = child.heap();
        let mfa = heap.tuple(&[heap.copy(module), heap.copy(function), heap.copy(args)]);
        let event = Event::new(atom!("spawned"), parent_id).with(mfa);
        child.shared().tracee().tell(Some(child), child_id, &event);
        if link {
            tell(child, atom!("getting_linked"), parent_id);
        }
    }
}

/// A process has begun to end.
#[inline]
pub fn exits(process: &Process, reason: Term<'_>) {
    self::process(process, w::EXIT, reason);
}

// Turns ----------------------------------------------------------------------------------------------

/// Whether turns are told, or timed.
#[inline]
pub fn has_turns(process: &Process) -> bool {
    process
        .shared()
        .tracee()
        .has(flags::RUNNING | flags::RUNNING_PROCS | flags::EXITING)
}

/// A process begins (`true`) or ends a turn.
#[cold]
pub fn turn(process: &Process, begins: bool) {
    if begins {
        let id = Term::pid(process.pid());
        process.shared().tracee().check(Some(process), id);
    }
    let has = |mask| process.shared().tracee().has(mask);
    let (tag, told) = match (process.must_leave(), begins) {
        (false, true) => (atom!("in"), flags::RUNNING | flags::RUNNING_PROCS),
        (false, false) => (atom!("out"), flags::RUNNING | flags::RUNNING_PROCS),
        (true, true) => (atom!("in_exiting"), flags::EXITING),
        (true, false) => (atom!("out_exiting"), flags::EXITING),
    };
    if has(told) {
        tell(process, tag, place(process));
    }
}

/// A process that was told to end gets the turn for it.
#[cold]
pub fn last_turn(process: &Process) {
    let has = |mask| process.shared().tracee().has(mask);
    if has(flags::RUNNING | flags::RUNNING_PROCS) {
        let found = hooks::stacks().and_then(|stacks| stacks.current_function(process));
        let mfa = found.unwrap_or_else(|| process.initial_call());
        tell(process, atom!("in"), mfa_term(process.heap(), mfa));
    }
}

/// A process has ended, and never runs again.
#[inline]
pub fn ended(process: &Process) {
    if process.shared().tracee().has(flags::EXITING) {
        tell(process, atom!("out_exited"), Term::int(0));
    }
}

/// Where a process is: `{Module, Function, Arity}`, or 0 where it ends. One that has not run yet is where it begins.
fn place(process: &Process) -> Term<'_> {
    match current(process) {
        Some(mfa) => mfa_term(process.heap(), mfa),
        None if process.must_leave() => Term::int(0),
        None => mfa_term(process.heap(), process.initial_call()),
    }
}

/// The function that a process is in.
pub fn current(process: &Process) -> Option<Mfa> {
    if process.must_leave() {
        return None;
    }
    hooks::stacks()?.current_function(process)
}

// Collections ----------------------------------------------------------------------------------------

/// A collection begins (`words` are needed) or ends (`words` were freed).
#[inline]
pub fn collection(process: &Process, tag: &'static str, words: usize) {
    if process.shared().tracee().has(flags::GARBAGE_COLLECTION) {
        tell_collection(process, tag, words);
    }
}

#[cold]
fn tell_collection(process: &Process, tag: &'static str, words: usize) {
    // The heap is being collected, or just was: nothing may be built in it.
    let message = crate::heap::OwnedTerm::build(|heap| {
        let info = gc_list(heap, &process.gc_info());
        let words = heap.tuple(&[Term::atom(atom!("wordsize")), Term::size(words)]);
        heap.cons(words, info)
    });
    let event = Event::new(Atom::from_static(tag), message.term());
    let id = Term::pid(process.pid());
    process.shared().tracee().tell(Some(process), id, &event);
}

/// The parts of a heap as a list of pairs.
pub fn gc_list<'h>(heap: Heap<'h>, info: &GcInfo) -> Term<'h> {
    heap.list_from(
        info.items().into_iter().map(|(name, value)| {
            heap.tuple(&[Term::atom(Atom::from_static(name)), Term::size(value)])
        }),
    )
}

// Texts ----------------------------------------------------------------------------------------------

/// What `process_dump/0` of a match specification gives.
pub fn process_dump(process: &Process) -> String {
    let current = current(process).map_or_else(String::new, |mfa| mfa.to_string());
    let stack = hooks::stacks().map_or_else(String::new, |stacks| stacks.backtrace(process));
    format!(
        "=proc:{}\nState: Running\nSpawned as: {}\nCurrent call: {current}\nMessage queue length: {}\n\
         Reductions: {}\nStack+heap: {}\n{stack}",
        hooks::print(Term::pid(process.pid())),
        process.initial_call(),
        process.message_count(),
        process.total_reductions(),
        process.total_heap_size(),
    )
}
