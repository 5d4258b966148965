//! `erlang:system_monitor/2` and `erlang:system_profile/2`: one process hears what takes long or much, one
//! hears who is ready to run.
//!
//! Thresholds and switches are atomics that are looked at where something happens; all are zero while
//! nobody listens.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::RwLock;

use super::call::mfa_term;
use super::flags::{self, Flags};
use super::tracer::{Tracer, timestamp};
use crate::atom;
use crate::atom::Atom;
use crate::code::Mfa;
use crate::heap::info::GcInfo;
use crate::heap::{Heap, OwnedTerm};
use crate::process::{Process, signal, table};
use crate::term::{Pid, Term};

/// What a system monitor wants to hear of; zeros and `false` where it does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Collections of so many milliseconds.
    pub long_gc: u64,
    /// Turns of so many milliseconds.
    pub long_schedule: u64,
    /// Heaps of so many words.
    pub large_heap: u64,
    /// Processes suspended by ports.
    pub busy_port: bool,
    /// Processes suspended by connections to other nodes.
    pub busy_dist_port: bool,
}

static MONITOR: RwLock<Option<(Pid, Wanted)>> = RwLock::new(None);
static LONG_GC: AtomicU64 = AtomicU64::new(0);
static LONG_SCHEDULE: AtomicU64 = AtomicU64::new(0);
static LARGE_HEAP: AtomicU64 = AtomicU64::new(0);

/// Who monitors, and what.
pub fn monitor() -> Option<(Pid, Wanted)> {
    let mut place = MONITOR.read().as_ref().copied();
    if place.is_some_and(|(pid, _)| !table::exists(pid)) {
        set_monitor(None);
        place = None;
    }
    place
}

/// Sets who monitors, and what.
pub fn set_monitor(new: Option<(Pid, Wanted)>) {
    let mut place = MONITOR.write();
    let wanted = new.map_or_else(Wanted::default, |(_, wanted)| wanted);
    LONG_GC.store(wanted.long_gc, Ordering::Relaxed);
    LONG_SCHEDULE.store(wanted.long_schedule, Ordering::Relaxed);
    LARGE_HEAP.store(wanted.large_heap, Ordering::Relaxed);
    *place = new;
}

/// Tells the monitor, which hears nothing of itself.
fn tell(of: Term<'_>, tag: Atom, build: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>) {
    let Some((pid, _)) = monitor() else {
        return;
    };
    if of.same(Term::pid(pid)) {
        return;
    }
    let message = OwnedTerm::build(|heap| {
        heap.tuple(&[
            Term::atom(atom!("monitor")),
            heap.copy(of),
            Term::atom(tag),
            build(heap),
        ])
    });
    signal::send_message(pid, message);
}

/// Whether collections are timed or sized.
#[inline]
pub fn watches_collections() -> bool {
    LONG_GC.load(Ordering::Relaxed) | LARGE_HEAP.load(Ordering::Relaxed) != 0
}

/// A collection took so many milliseconds.
#[cold]
pub fn collected(process: &Process, milliseconds: u64) {
    let id = Term::pid(process.pid());
    let info = process.gc_info();
    let long = LONG_GC.load(Ordering::Relaxed);
    if long != 0 && milliseconds > long {
        tell(id, atom!("long_gc"), |heap| {
            let timeout = heap.tuple(&[Term::atom(atom!("timeout")), heap.unsigned(milliseconds)]);
            heap.cons(timeout, sizes(heap, &info))
        });
    }
    let large = LARGE_HEAP.load(Ordering::Relaxed);
    let words = info.heap_block_size + info.old_heap_block_size + info.mbuf_size;
    if large != 0 && words as u64 > large {
        tell(id, atom!("large_heap"), |heap| sizes(heap, &info));
    }
}

fn sizes<'h>(heap: Heap<'h>, info: &GcInfo) -> Term<'h> {
    let pair = |name: &'static str, words: usize| {
        heap.tuple(&[Term::atom(Atom::from_static(name)), Term::size(words)])
    };
    heap.list(&[
        pair("old_heap_block_size", info.old_heap_block_size),
        pair("heap_block_size", info.heap_block_size),
        pair("mbuf_size", info.mbuf_size),
        pair("stack_size", info.stack_size),
        pair("old_heap_size", info.old_heap_size),
        pair("heap_size", info.heap_size),
    ])
}

/// Whether turns are timed.
#[inline]
pub fn watches_turns() -> bool {
    LONG_SCHEDULE.load(Ordering::Relaxed) != 0
}

/// A turn took so many milliseconds, from one function to another.
#[cold]
pub fn turned(process: &Process, milliseconds: u64, from: Option<Mfa>, to: Option<Mfa>) {
    let long = LONG_SCHEDULE.load(Ordering::Relaxed);
    if long == 0 || milliseconds < long {
        return;
    }
    tell(Term::pid(process.pid()), atom!("long_schedule"), |heap| {
        let place = |mfa: Option<Mfa>| mfa.map_or(Term::UNDEFINED, |mfa| mfa_term(heap, mfa));
        let pair = |name: Atom, value| heap.tuple(&[Term::atom(name), value]);
        heap.list(&[
            pair(atom!("timeout"), heap.unsigned(milliseconds)),
            pair(atom!("in"), place(from)),
            pair(atom!("out"), place(to)),
        ])
    });
}

/// A process was suspended because a port is busy.
#[cold]
pub fn busy_port(process: &Process, port: Term<'_>) {
    if monitor().is_some_and(|(_, wanted)| wanted.busy_port) {
        tell(Term::pid(process.pid()), atom!("busy_port"), |heap| {
            heap.copy(port)
        });
    }
}

// Profiling ------------------------------------------------------------------------------------------

/// What a profiler wants to hear of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Profiled {
    /// Processes that become ready or wait.
    pub processes: bool,
    /// Ports that do.
    pub ports: bool,
    /// Schedulers that sleep or wake.
    pub schedulers: bool,
    /// `exclusive`: changes nothing but what is shown.
    pub exclusive: bool,
    /// Which time messages have (flags of traces).
    pub timestamp: Flags,
}

static PROFILER: RwLock<Option<(Tracer, Profiled)>> = RwLock::new(None);
static PROFILES_PROCESSES: AtomicBool = AtomicBool::new(false);
static PROFILES_SCHEDULERS: AtomicBool = AtomicBool::new(false);
static ACTIVE_SCHEDULERS: AtomicU32 = AtomicU32::new(0);

/// Who profiles (a pid or port), and what.
pub fn profiler<'h>(heap: Heap<'h>) -> Option<(Term<'h>, Profiled)> {
    let gone = match &*PROFILER.read() {
        None => return None,
        Some((Tracer::Process(pid), _)) => !table::exists(*pid),
        Some(_) => false,
    };
    if gone {
        set_profiler(None, 0);
    }
    let place = PROFILER.read();
    let (tracer, profiled) = place.as_ref()?;
    Some((tracer.term(heap), *profiled))
}

/// Sets who profiles, and what; so many schedulers are awake.
pub fn set_profiler(new: Option<(Tracer, Profiled)>, active: u32) {
    let mut place = PROFILER.write();
    let profiled = new.as_ref().map_or_else(Profiled::default, |new| new.1);
    ACTIVE_SCHEDULERS.store(active, Ordering::Relaxed);
    PROFILES_PROCESSES.store(profiled.processes, Ordering::Relaxed);
    PROFILES_SCHEDULERS.store(profiled.schedulers, Ordering::Relaxed);
    *place = new;
}

/// Whether processes that become ready or wait are told.
#[inline]
pub fn profiles_processes() -> bool {
    PROFILES_PROCESSES.load(Ordering::Relaxed)
}

/// Whether schedulers that sleep or wake are told.
#[inline]
pub fn profiles_schedulers() -> bool {
    PROFILES_SCHEDULERS.load(Ordering::Relaxed)
}

fn tell_profiler(build: impl for<'h> FnOnce(Heap<'h>, &mut Vec<Term<'h>>)) {
    let place = PROFILER.read();
    let Some((tracer, profiled)) = &*place else {
        return;
    };
    let message = OwnedTerm::build(|heap| {
        let mut elements = vec![Term::atom(atom!("profile"))];
        build(heap, &mut elements);
        elements.extend(timestamp(heap, profiled.timestamp));
        heap.tuple(&elements)
    });
    match tracer {
        Tracer::Process(pid) => {
            signal::send_message(*pid, message);
        }
        Tracer::Port(port) => {
            if let Some(ports) = crate::process::hooks::ports() {
                ports.trace(*port, message.term());
            }
        }
        Tracer::Module(..) => {}
    }
}

/// A process becomes ready (`active`) or waits.
#[cold]
pub fn process(pid: Pid, place: Option<Mfa>, active: bool) {
    if matches!(&*PROFILER.read(), Some((Tracer::Process(profiler), _)) if *profiler == pid) {
        return;
    }
    tell_profiler(|heap, elements| {
        elements.extend([
            Term::pid(pid),
            Term::atom(state(active)),
            place.map_or(Term::int(0), |mfa| mfa_term(heap, mfa)),
        ]);
    });
}

fn state(active: bool) -> Atom {
    if active {
        atom!("active")
    } else {
        atom!("inactive")
    }
}

/// A scheduler (from 1) wakes (`active`) or sleeps.
#[cold]
pub fn scheduler(number: u32, active: bool) {
    let count = if active {
        ACTIVE_SCHEDULERS.fetch_add(1, Ordering::Relaxed) + 1
    } else {
        ACTIVE_SCHEDULERS
            .fetch_sub(1, Ordering::Relaxed)
            .saturating_sub(1)
    };
    tell_profiler(|_, elements| {
        elements.extend([
            Term::atom(atom!("scheduler")),
            Term::int(number as i32),
            Term::atom(state(active)),
            Term::int(count as i32),
        ]);
    });
}

/// The time of profile messages where nothing is asked for.
pub const DEFAULT_TIMESTAMP: Flags = flags::NOW_TIMESTAMP;
