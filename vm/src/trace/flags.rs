//! The flags of `erlang:trace/3`.

use crate::atom::Atom;
use crate::heap::Heap;
use crate::term::Term;

/// Flags of a traced process or port.
pub type Flags = u32;

/// `timestamp`.
pub const NOW_TIMESTAMP: Flags = 1;
/// `strict_monotonic_timestamp`.
pub const STRICT_TIMESTAMP: Flags = 1 << 1;
/// `monotonic_timestamp`.
pub const MONOTONIC_TIMESTAMP: Flags = 1 << 2;
/// The process is `sensitive`: nothing of it is told.
pub const SENSITIVE: Flags = 1 << 3;
/// `send`.
pub const SEND: Flags = 1 << 4;
/// `'receive'`.
pub const RECEIVE: Flags = 1 << 5;
/// `set_on_spawn`.
pub const SET_ON_SPAWN: Flags = 1 << 6;
/// `set_on_first_spawn`.
pub const SET_ON_FIRST_SPAWN: Flags = 1 << 7;
/// `set_on_link`.
pub const SET_ON_LINK: Flags = 1 << 8;
/// `set_on_first_link`.
pub const SET_ON_FIRST_LINK: Flags = 1 << 9;
/// `call`.
pub const CALL: Flags = 1 << 10;
/// `procs`.
pub const PROCS: Flags = 1 << 11;
/// `running`.
pub const RUNNING: Flags = 1 << 12;
/// `exiting`.
pub const EXITING: Flags = 1 << 13;
/// `garbage_collection`.
pub const GARBAGE_COLLECTION: Flags = 1 << 14;
/// `arity`.
pub const ARITY: Flags = 1 << 15;
/// `return_to`.
pub const RETURN_TO: Flags = 1 << 16;
/// `silent`.
pub const SILENT: Flags = 1 << 17;
/// `scheduler_id`.
pub const SCHEDULER_ID: Flags = 1 << 18;
/// `ports`.
pub const PORTS: Flags = 1 << 19;
/// `running_ports`.
pub const RUNNING_PORTS: Flags = 1 << 20;
/// `running_procs`.
pub const RUNNING_PROCS: Flags = 1 << 21;

const TIMESTAMPS: Flags = NOW_TIMESTAMP | STRICT_TIMESTAMP | MONOTONIC_TIMESTAMP;

/// All that a tracee can have (`all`).
pub const ALL: Flags = ((1 << 22) - 1) & !SENSITIVE;
/// What says nothing about whether processes or ports are meant.
pub const MODIFIERS: Flags = SILENT | TIMESTAMPS | SCHEDULER_ID | RECEIVE | SEND;
/// What ports can have.
pub const OF_PORTS: Flags = MODIFIERS | PORTS | RUNNING_PORTS;
/// What processes can have.
pub const OF_PROCESSES: Flags = (ALL & !OF_PORTS) | MODIFIERS;

/// Names and flags, in the order in which the stock VM looks for them when it lists a tracee's.
const NAMES: &[(&str, Flags)] = &[
    ("timestamp", NOW_TIMESTAMP),
    ("strict_monotonic_timestamp", STRICT_TIMESTAMP),
    ("monotonic_timestamp", MONOTONIC_TIMESTAMP),
    ("send", SEND),
    ("receive", RECEIVE),
    ("set_on_spawn", SET_ON_SPAWN),
    ("call", CALL),
    ("procs", PROCS),
    ("set_on_first_spawn", SET_ON_FIRST_SPAWN),
    ("set_on_link", SET_ON_LINK),
    ("set_on_first_link", SET_ON_FIRST_LINK),
    ("running", RUNNING),
    ("exiting", EXITING),
    ("garbage_collection", GARBAGE_COLLECTION),
    ("arity", ARITY),
    ("return_to", RETURN_TO),
    ("silent", SILENT),
    ("scheduler_id", SCHEDULER_ID),
    ("ports", PORTS),
    ("running_ports", RUNNING_PORTS),
    ("running_procs", RUNNING_PROCS),
];

/// The flag that an atom names.
pub fn of(atom: Atom) -> Option<Flags> {
    if atom.name() == "all" {
        return Some(ALL);
    }
    let found = NAMES.iter().find(|(name, _)| *name == atom.name())?;
    Some(found.1)
}

/// The names of flags, the last first.
pub fn list<'h>(heap: Heap<'h>, flags: Flags) -> Term<'h> {
    NAMES
        .iter()
        .filter(|(_, flag)| flags & flag != 0)
        .fold(Term::NIL, |list, &(name, _)| {
            heap.cons(Term::atom(Atom::from_static(name)), list)
        })
}
