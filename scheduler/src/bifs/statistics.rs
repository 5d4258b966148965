//! `statistics/1`.

use parking_lot::Mutex;
use vm::atom::Atom;
use vm::bif::{BifResult, Call, badarg};
use vm::bifs;
use vm::heap::Heap;
use vm::microstate::State;
use vm::term::Term;

use crate::accounting::{self, ThreadKind, ThreadTime, WALL_TIME};
use crate::clock;
use crate::dirty::{self, Kind};
use crate::microstate::{self, Counted};
use crate::worker::{self, Worker};

bifs! {
    "erlang" {
        "statistics"/1          Plain statistics_1;
    }
    "erts_internal" {
        "scheduler_wall_time"/1 Plain scheduler_wall_time_1;
    }
}

/// What the last calls saw, for "since the last call".
static LAST: Mutex<Last> = Mutex::new(Last {
    reductions: 0,
    exact_reductions: 0,
    runtime: 0,
    wall_clock: 0,
});

struct Last {
    reductions: u64,
    exact_reductions: u64,
    runtime: u64,
    wall_clock: u64,
}

fn workers() -> &'static [Worker] {
    worker::workers().map_or(&[], |workers| &workers.all)
}

fn name<'h>(name: &'static str) -> Term<'h> {
    Term::atom(Atom::from_static(name))
}

fn pair<'p>(heap: Heap<'p>, first: u64, second: u64) -> Term<'p> {
    heap.tuple(&[heap.unsigned(first), heap.unsigned(second)])
}

/// `{Total, SinceLastCall}`.
fn since_last<'p>(
    heap: Heap<'p>,
    total: u64,
    last: impl FnOnce(&mut Last) -> &mut u64,
) -> Term<'p> {
    let mut all = LAST.lock();
    let before = std::mem::replace(last(&mut all), total);
    pair(heap, total, total.saturating_sub(before))
}

fn milliseconds(nanoseconds: i64) -> u64 {
    nanoseconds.max(0) as u64 / 1_000_000
}

fn statistics_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let sum = |of: fn(&Worker) -> u64| workers().iter().map(of).sum::<u64>();
    let reductions = || {
        let finished = sum(|worker| worker.reductions.load(std::sync::atomic::Ordering::Relaxed));
        finished + slice_reductions(call)
    };
    let item = call.arg(0).as_atom().ok_or_else(badarg)?;
    Ok(match item.name() {
        "context_switches" => {
            let turns = sum(|worker| worker.turns.load(std::sync::atomic::Ordering::Relaxed));
            pair(heap, turns, 0)
        }
        "reductions" => since_last(heap, reductions(), |last| &mut last.reductions),
        "exact_reductions" => since_last(heap, reductions(), |last| &mut last.exact_reductions),
        "garbage_collection" => {
            let (collections, words) = vm::heap::collect::statistics();
            heap.tuple(&[
                heap.unsigned(collections),
                heap.unsigned(words),
                Term::int(0),
            ])
        }
        "io" => {
            let (input, output) = accounting::io();
            heap.tuple(&[
                heap.tuple(&[name("input"), heap.unsigned(input)]),
                heap.tuple(&[name("output"), heap.unsigned(output)]),
            ])
        }
        "runtime" => {
            let total = milliseconds(clock::cpu_time());
            since_last(heap, total, |last| &mut last.runtime)
        }
        "wall_clock" => {
            let total = milliseconds(clock::since_start());
            since_last(heap, total, |last| &mut last.wall_clock)
        }
        "run_queue" => Term::size(workers().iter().map(|worker| worker.queue.len()).sum()),
        "run_queues" => heap.tuple(&sizes(&lengths(true))),
        "run_queue_lengths" => heap.list(&sizes(&lengths(false))),
        "run_queue_lengths_all" => heap.list(&sizes(&lengths(true))),
        "total_run_queue_lengths" => Term::size(lengths(false).iter().sum()),
        "total_run_queue_lengths_all" => Term::size(lengths(true).iter().sum()),
        "active_tasks" => heap.list(&sizes(&active(false))),
        "active_tasks_all" => heap.list(&sizes(&active(true))),
        "total_active_tasks" => Term::size(active(false).iter().sum()),
        "total_active_tasks_all" => Term::size(active(true).iter().sum()),
        "scheduler_wall_time" => wall_time(heap, false),
        "scheduler_wall_time_all" => wall_time(heap, true),
        "microstate_accounting" => heap.list_from(
            microstate::counted()
                .into_iter()
                .map(|counted| microstate(heap, &counted)),
        ),
        _ => return Err(badarg()),
    })
}

/// Reductions of the turn that makes the call, which nobody has counted yet.
fn slice_reductions(call: Call<'_>) -> u64 {
    let process = call.process();
    process
        .total_reductions()
        .saturating_sub(process.shared().reductions())
}

fn sizes<'h>(counts: &[usize]) -> Vec<Term<'h>> {
    counts.iter().map(|&count| Term::size(count)).collect()
}

/// Lengths of the schedulers' queues, of the dirty CPU one, and with `io` of the dirty I/O one.
fn lengths(io: bool) -> Vec<usize> {
    let mut lengths: Vec<usize> = workers().iter().map(|worker| worker.queue.len()).collect();
    lengths.push(dirty::load(Kind::Cpu).0);
    lengths.extend(io.then(|| dirty::load(Kind::Io).0));
    lengths
}

fn active(io: bool) -> Vec<usize> {
    let load = |kind: Kind| {
        let (waiting, running) = dirty::load(kind);
        waiting + running
    };
    let mut active: Vec<usize> = workers().iter().map(Worker::active).collect();
    active.push(load(Kind::Cpu));
    active.extend(io.then(|| load(Kind::Io)));
    active
}

/// The number by which a thread's wall time is shown: schedulers first, then the dirty ones.
fn wall_time_number(time: ThreadTime) -> usize {
    let schedulers = workers().len();
    match time.kind {
        ThreadKind::Scheduler => time.number,
        ThreadKind::DirtyCpu => schedulers + time.number,
        _ => schedulers + dirty::cpu_threads() + time.number,
    }
}

fn wall_time<'p>(heap: Heap<'p>, all: bool) -> Term<'p> {
    let Some(times) = WALL_TIME.counted() else {
        return Term::UNDEFINED;
    };
    let shown = times
        .into_iter()
        .filter(|time| all || time.kind != ThreadKind::DirtyIo);
    heap.list_from(shown.map(|time| {
        heap.tuple(&[
            Term::size(wall_time_number(time)),
            heap.unsigned(time.busy.min(time.total)),
            heap.unsigned(time.total),
        ])
    }))
}

/// `#{counters => …, id => …, type => …}`; keys stand in the order of terms.
fn microstate<'p>(heap: Heap<'p>, counted: &Counted) -> Term<'p> {
    let times = counted.times.map(|time| heap.unsigned(time));
    let counters = heap.flat_map(&State::NAMES.map(name), &times);
    let kind = match counted.kind {
        ThreadKind::Scheduler => "scheduler",
        ThreadKind::DirtyCpu => "dirty_cpu_scheduler",
        ThreadKind::DirtyIo => "dirty_io_scheduler",
        ThreadKind::Async => "async",
        ThreadKind::Aux => "aux",
        ThreadKind::Poll => "poll",
    };
    heap.flat_map(
        &[name("counters"), name("id"), name("type")],
        &[counters, Term::size(counted.number), name(kind)],
    )
}

fn scheduler_wall_time_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let on = call.arg(0).as_bool().ok_or_else(badarg)?;
    Ok(Term::bool(WALL_TIME.switch(on)))
}
