//! Options of processes that more than one BIF takes.

use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::heap::Heap;
use crate::map;
use crate::process::hooks;
use crate::process::spawn::{DEFAULTS, MaxHeap};
use crate::term::{Kind, Term};

/// A number of a scheduler, or 0 for none.
pub fn scheduler(value: Term<'_>) -> Option<u32> {
    let number = u32::try_from(value.as_usize()?).ok()?;
    let count = hooks::schedulers().map_or(1, |schedulers| schedulers.count());
    (number <= count).then_some(number)
}

/// `on_heap` or `off_heap`.
pub fn off_heap(value: Term<'_>) -> Option<bool> {
    match value.as_atom()? {
        w::ON_HEAP => Some(false),
        w::OFF_HEAP => Some(true),
        _ => None,
    }
}

/// A `max_heap_size`: words, or a map with `size` and perhaps `kill`, `error_logger` and
/// `include_shared_binaries`.
pub fn max_heap(value: Term<'_>) -> Option<MaxHeap> {
    let mut max = DEFAULTS.max_heap();
    let Kind::Map(given) = value.kind() else {
        max.words = value.as_usize()?;
        return Some(max);
    };
    let get = |key: Atom| map::get(given, Term::atom(key));
    max.words = get(w::SIZE)?.as_usize()?;
    if let Some(kill) = get(w::KILL) {
        max.kill = kill.as_bool()?;
    }
    if let Some(log) = get(atom!("error_logger")) {
        max.log = log.as_bool()?;
    }
    if let Some(include) = get(atom!("include_shared_binaries")) {
        max.include_shared_binaries = include.as_bool()?;
    }
    Some(max)
}

/// A `max_heap_size` as the map that shows it (OTP 25: three keys).
pub fn max_heap_map<'p>(heap: Heap<'p>, max: MaxHeap) -> Term<'p> {
    heap.flat_map(
        &[
            Term::atom(atom!("error_logger")),
            Term::atom(w::KILL),
            Term::atom(w::SIZE),
        ],
        &[
            Term::bool(max.log),
            Term::bool(max.kill),
            Term::size(max.words),
        ],
    )
}
