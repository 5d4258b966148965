//! Timers that programs start: which there are, and whose.
//!
//! A timer is an entry under its reference, and something in a worker's wheel that will take the entry out.
//! Whoever takes the entry out (the wheel, a cancellation, the receiver's end) owns the message: none is
//! sent twice, and none after it was cancelled. Timers that send to a process are noted under its pid and
//! end with it.
//!
//! Lock ranks: a shard of references, or one of pids, or a wheel: never two at once.

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;
use vm::atom::Atom;
use vm::heap::OwnedTerm;
use vm::process::hooks::AtExit;
use vm::process::signal::{self, RefNumber};
use vm::process::{Process, table};
use vm::term::Pid;

use crate::clock;
use crate::timeouts::{Timer, tick_at_or_after};
use crate::worker;

/// Who gets a timer's message.
#[derive(Clone, Copy)]
pub enum Receiver {
    /// A process.
    Process(Pid),
    /// Whatever process has the name when the time comes.
    Name(Atom),
}

struct Entry {
    receiver: Receiver,
    message: OwnedTerm,
    due: u64,
    /// Its place in a wheel, once it is there.
    timer: Option<u64>,
}

const SHARDS: usize = 64;

type Map<K, V> = HashMap<K, V, FxBuildHasher>;
type Set<K> = HashSet<K, FxBuildHasher>;

static TIMERS: [Mutex<Map<RefNumber, Entry>>; SHARDS] =
    [const { Mutex::new(HashMap::with_hasher(FxBuildHasher)) }; SHARDS];
static BY_PROCESS: [Mutex<Map<Pid, Set<RefNumber>>>; SHARDS] =
    [const { Mutex::new(HashMap::with_hasher(FxBuildHasher)) }; SHARDS];

fn shard(reference: RefNumber) -> &'static Mutex<Map<RefNumber, Entry>> {
    &TIMERS[(reference[0] ^ reference[1]) as usize % SHARDS]
}

fn process_shard(pid: Pid) -> &'static Mutex<Map<Pid, Set<RefNumber>>> {
    &BY_PROCESS[pid.0 as usize % SHARDS]
}

/// Starts a timer. One for a process that is not there is none.
pub fn start(reference: RefNumber, due: u64, receiver: Receiver, message: OwnedTerm) {
    if let Receiver::Process(pid) = receiver {
        let mut timers = process_shard(pid).lock();
        // A process that ends says so before it asks for its timers.
        if table::find(pid).is_none_or(|shared| shared.is_exiting()) {
            return;
        }
        timers.entry(pid).or_default().insert(reference);
    }
    let entry = Entry {
        receiver,
        message,
        due,
        timer: None,
    };
    shard(reference).lock().insert(reference, entry);
    let Some(workers) = worker::workers() else {
        return;
    };
    let timer = workers.set_timer(due, Timer::Message(reference));
    // It may have fired by now.
    if let Some(entry) = shard(reference).lock().get_mut(&reference) {
        entry.timer = Some(timer);
    }
}

fn take(reference: RefNumber) -> Option<Entry> {
    let entry = shard(reference).lock().remove(&reference)?;
    if let Receiver::Process(pid) = entry.receiver {
        let mut timers = process_shard(pid).lock();
        if let Some(of_process) = timers.get_mut(&pid) {
            of_process.remove(&reference);
            if of_process.is_empty() {
                timers.remove(&pid);
            }
        }
    }
    Some(entry)
}

/// A timer's time has come.
pub fn fire(reference: RefNumber) {
    let Some(entry) = take(reference) else {
        return;
    };
    match entry.receiver {
        Receiver::Process(pid) => signal::send_message(pid, entry.message),
        Receiver::Name(name) => signal::send_message_to_name(name, entry.message),
    };
}

/// Milliseconds until a tick, 0 if it has passed.
fn left(due: u64) -> u64 {
    due.saturating_sub(tick_at_or_after(clock::monotonic()))
}

/// Cancels a timer; the milliseconds that were left, none if there was no such timer.
pub fn cancel(reference: RefNumber) -> Option<u64> {
    let entry = take(reference)?;
    drop_from_wheel(&entry);
    Some(left(entry.due))
}

fn drop_from_wheel(entry: &Entry) {
    if let (Some(timer), Some(workers)) = (entry.timer, worker::workers()) {
        workers.cancel_timer(timer);
    }
}

/// The milliseconds that a timer has left, none if there is no such timer.
pub fn read(reference: RefNumber) -> Option<u64> {
    let due = shard(reference).lock().get(&reference)?.due;
    Some(left(due))
}

/// Ends the timers of a process that ends.
pub struct EndWithProcess;

impl AtExit for EndWithProcess {
    fn process_exits(&self, process: &Process, budget: usize) -> bool {
        let mine: Vec<RefNumber> = match process_shard(process.pid()).lock().get(&process.pid()) {
            None => return true,
            Some(timers) => timers.iter().copied().take(budget).collect(),
        };
        for &reference in &mine {
            cancel(reference);
        }
        mine.len() < budget
    }
}
