//! Processes: who runs code.
//!
//! A process has two parts. [`Process`] is its owner part: heap, registers, mailbox, links, dictionary;
//! only the scheduler that runs it touches it. [`Shared`] is what any thread may touch: the scheduling
//! state and the queue of signals. From a pid one gets to the shared part through the process table
//! ([`table`]), without a lock; from the shared part to the owner part only by the right to run it
//! ([`Queued`], [`Running`]).
//!
//! | file | holds |
//! |---|---|
//! | [`state`], [`queue`] | the scheduling state and the signal queue, each a lock-free algorithm on its own |
//! | [`shared`], [`table`] | the shared part; from pids to processes |
//! | [`signal`], [`handle`] | the signals, and what their receiver does about them |
//! | [`send`], [`mailbox`], [`receive`] | sending; messages got and not yet received; `receive` |
//! | [`relations`], [`alias`], [`registry`], [`suspend`] | links, monitors; aliases; names; suspension |
//! | [`node_monitors`] | who hears of nodes that come and go |
//! | [`spawn`], [`slice`], [`exit`], [`crash`] | the beginning, a turn, the end, and what the error logger hears of it |
//! | [`dictionary`], [`flags`] | the process dictionary, flags |
//! | [`collect`], [`task`] | the roots of a collection; collections and checks that others ask for |
//! | [`memory`] | what it takes |
//! | [`hooks`] | what the layers above register |
//!
//! Absent on purpose: threads, clock, run queues (crate `scheduler`).

pub mod alias;
pub mod collect;
pub mod crash;
pub mod dictionary;
pub mod exit;
mod few;
pub mod flags;
pub mod handle;
pub mod hooks;
mod lazy;
mod mailbox;
pub mod memory;
pub mod node_monitors;
pub mod queue;
pub mod receive;
pub mod registry;
pub mod relations;
pub mod send;
pub mod shared;
pub mod signal;
pub mod slice;
pub mod spawn;
pub mod state;
pub mod suspend;
pub mod sync;
pub mod table;
pub mod task;

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use smallvec::SmallVec;

use crate::atom::{Atom, well_known};
use crate::code::{Instr, Mfa};
use crate::heap::{Heap, RawHeap};
use crate::term::word::{NIL, Word};
use crate::term::{Pid, Term};
use dictionary::Dictionary;
use flags::Flags;
use mailbox::{Mailbox, NOTHING};
use queue::List;
use relations::Relations;
use signal::Signal;

pub use shared::{Priority, Queued, Running, Shared};
pub use signal::{ExitKind, Origin, Peer, RefNumber, Watch};
pub use slice::{After, Outcome, Runner};

/// Reductions in a slice (OTP: `CONTEXT_REDS`).
pub const REDUCTIONS: i32 = if cfg!(feature = "zeal") { 100 } else { 4000 };

static BACKTRACE_DEPTH: AtomicUsize = AtomicUsize::new(8);

/// How many entries a stack trace has at most (`system_flag(backtrace_depth, N)`).
pub fn backtrace_depth() -> usize {
    BACKTRACE_DEPTH.load(Ordering::Relaxed)
}

/// Sets how many entries a stack trace has at most; how many it had.
pub fn set_backtrace_depth(depth: usize) -> usize {
    BACKTRACE_DEPTH.swap(depth, Ordering::Relaxed)
}

/// A process as its owner, the scheduler that runs it, sees it.
#[repr(C)]
pub struct Process {
    /// Its terms.
    pub(crate) heap: RawHeap,
    /// Reductions left in this slice; below zero when it must give way.
    pub(crate) reductions: Cell<i32>,
    /// How many catch handlers stand on its stack.
    pub(crate) catches: Cell<u32>,
    /// Where it goes on.
    pub(crate) ip: Cell<*const Instr>,
    /// Its pid.
    pub(crate) pid: Pid,
    /// The X registers that are alive while it does not run.
    pub(crate) saved: Cell<SmallVec<[Word; 3]>>,
    /// Where it goes on when the time of the receive that it waits in is up.
    pub(crate) timeout_ip: Cell<*const Instr>,
    pub(crate) flags: Flags,
    pub(crate) mailbox: Mailbox,
    /// Signals taken from the outer queue and not handled yet.
    fetched: RefCell<List<Signal>>,
    pub(crate) dictionary: Dictionary,
    pub(crate) relations: Relations,
    roots: Roots,
    timeout: Cell<receive::Timeout>,
    timeout_number: Cell<u64>,
    /// Whether a signal was handled since it began to wait.
    signalled: Cell<bool>,
    /// Whether it waits until a port is not busy any more.
    waits_for_port: Cell<bool>,
    error_handler: Cell<Atom>,
    initial_call: Cell<Mfa>,
    parent: Cell<Option<Pid>>,
    /// Reductions of the slices before this one.
    earlier_reductions: Cell<u64>,
    /// What it had left when the current slice began.
    slice: Cell<i32>,
    wait: Cell<Wait>,
    exit: exit::Exit,
    extras: RefCell<Option<Box<Extras>>>,
    shared: Arc<Shared>,
}

/// Single terms of a process that the collector must keep.
struct Roots {
    group_leader: Cell<Word>,
    exit_reason: Cell<Word>,
    seq_token: Cell<Word>,
}

/// What few processes have.
#[derive(Default)]
pub(crate) struct Extras {
    /// Buffer of `process_flag(save_calls, N)`.
    pub(crate) saved_calls: Option<crate::trace::saved_calls::SavedCalls>,
    /// The time of functions that is being taken (`call_time`).
    pub(crate) timed: Option<crate::trace::call::Timed>,
    /// The traced BIF that gave way.
    resumed_bif: usize,
    /// How often its sequential token was used, and the serial of the last one that came.
    sequential: (u64, u64),
    /// What is to be done before it next runs code.
    tasks: Option<Box<task::Tasks>>,
}

/// What a process that does not run waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wait {
    /// For its turn.
    Turn,
    /// For any signal.
    Signal,
    /// For a message, with an empty stack.
    Message,
}

// SAFETY: a process's pointers point to memory that is its own (heap, mailbox) or immutable (code); it is
// handed from thread to thread whole (`Running`).
unsafe impl Send for Process {}

impl Process {
    /// A process that does not move any more.
    fn boxed(shared: Arc<Shared>, heap: RawHeap) -> Box<Process> {
        // Written where it stays: the few hundred bytes would else be copied from place to place.
        Box::write(Box::new_uninit(), Process::new(shared, heap))
    }

    #[inline(always)]
    fn new(shared: Arc<Shared>, heap: RawHeap) -> Process {
        Process {
            heap,
            reductions: Cell::new(REDUCTIONS),
            catches: Cell::new(0),
            ip: Cell::new(std::ptr::null()),
            pid: shared.pid(),
            saved: Cell::new(SmallVec::new()),
            timeout_ip: Cell::new(std::ptr::null()),
            flags: Flags::new(),
            mailbox: Mailbox::new(),
            fetched: RefCell::new(List::new()),
            dictionary: Dictionary::new(),
            relations: Relations::new(),
            roots: Roots {
                group_leader: Cell::new(Term::pid(Pid(0)).word()),
                exit_reason: Cell::new(NOTHING),
                seq_token: Cell::new(NIL),
            },
            timeout: Cell::new(receive::Timeout::None),
            timeout_number: Cell::new(0),
            signalled: Cell::new(false),
            waits_for_port: Cell::new(false),
            error_handler: Cell::new(well_known::ERROR_HANDLER),
            initial_call: Cell::new(Mfa {
                module: well_known::ERLANG,
                function: well_known::APPLY,
                arity: 3,
            }),
            parent: Cell::new(None),
            earlier_reductions: Cell::new(0),
            slice: Cell::new(REDUCTIONS),
            wait: Cell::new(Wait::Turn),
            exit: exit::Exit::new(),
            extras: RefCell::new(None),
            shared,
        }
    }

    /// A process without code or stack, for tests that call BIFs.
    pub fn detached(pid: Pid) -> Process {
        Process::new(
            Shared::new(pid, Priority::Normal, false),
            RawHeap::detached(),
        )
    }

    /// Its pid.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The instruction that it runs, or goes on at.
    pub fn position(&self) -> *const Instr {
        self.ip.get()
    }

    /// The part that others see.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Takes reductions; true when the slice is used up.
    #[inline]
    pub fn charge(&self, reductions: usize) -> bool {
        let left = self
            .reductions
            .get()
            .saturating_sub(i32::try_from(reductions).unwrap_or(i32::MAX))
            .max(i32::MIN / 2);
        self.reductions.set(left);
        left <= 0
    }

    /// Reductions left in this slice.
    pub fn reductions_left(&self) -> i32 {
        self.reductions.get()
    }

    /// Reductions in its life.
    pub fn total_reductions(&self) -> u64 {
        let used = i64::from(self.slice.get()) - i64::from(self.reductions.get());
        self.earlier_reductions.get() + used.max(0) as u64
    }

    /// Begins a slice of `reductions`.
    pub fn begin_slice(&self, reductions: i32) {
        self.earlier_reductions.set(self.total_reductions());
        self.slice.set(reductions);
        self.reductions.set(reductions);
    }

    /// The right to build terms in its heap.
    pub fn heap(&self) -> Heap<'_> {
        Heap::new(&self.heap)
    }

    /// Its links and monitors.
    pub fn relations(&self) -> &Relations {
        &self.relations
    }

    /// The process that gets its output.
    pub fn group_leader(&self) -> Term<'_> {
        self.root(&self.roots.group_leader)
    }

    /// Sets the group leader, a pid of its own heap.
    pub fn set_group_leader<'p>(&'p self, leader: Term<'p>) {
        self.roots.group_leader.set(leader.word());
    }

    /// The sequential trace token, `[]` if there is none.
    pub fn seq_token(&self) -> Term<'_> {
        self.root(&self.roots.seq_token)
    }

    /// Sets the sequential trace token.
    pub fn set_seq_token<'p>(&'p self, token: Term<'p>) {
        self.roots.seq_token.set(token.word());
    }

    fn root(&self, cell: &Cell<Word>) -> Term<'_> {
        // SAFETY: a root holds a term of this heap, updated by the collector, which needs the process mutably.
        unsafe { Term::from_word(cell.get()) }
    }

    /// The module called for functions that do not exist.
    pub fn error_handler(&self) -> Atom {
        self.error_handler.get()
    }

    /// Sets the module called for functions that do not exist.
    pub fn set_error_handler(&self, module: Atom) {
        self.error_handler.set(module);
    }

    /// The function that it was spawned to run.
    pub fn initial_call(&self) -> Mfa {
        self.initial_call.get()
    }

    /// Overrides what `initial_call` shows.
    pub fn set_initial_call(&self, mfa: Mfa) {
        self.initial_call.set(mfa);
    }

    /// The process that spawned it; none for one that the system started.
    pub fn parent(&self) -> Option<Pid> {
        self.parent.get()
    }

    /// Its `min_heap_size`, in words.
    pub fn min_heap(&self) -> usize {
        self.heap.min_words.get()
    }

    /// Sets its `min_heap_size`, a size that heaps can have; what it was.
    pub fn set_min_heap(&self, words: usize) -> usize {
        self.heap.min_words.replace(words)
    }

    /// Its `min_bin_vheap_size`, in words.
    pub fn min_vheap(&self) -> usize {
        self.heap.min_vheap_words.get()
    }

    /// Sets its `min_bin_vheap_size`; what it was.
    pub fn set_min_vheap(&self, words: usize) -> usize {
        self.heap.min_vheap_words.replace(words)
    }

    /// Its `fullsweep_after`.
    pub fn fullsweep_after(&self) -> usize {
        self.heap.fullsweep_after.get() as usize
    }

    /// Sets its `fullsweep_after`; what it was.
    pub fn set_fullsweep_after(&self, after: usize) -> usize {
        let after = u32::try_from(after).unwrap_or(u32::MAX);
        self.heap.fullsweep_after.replace(after) as usize
    }

    /// How many messages wait in its mailbox, those not fetched yet not counted.
    pub fn message_count(&self) -> usize {
        self.mailbox.len()
    }

    /// Its messages, oldest first.
    pub fn messages(&self) -> Vec<Term<'_>> {
        let mut messages = Vec::with_capacity(self.mailbox.len());
        self.mailbox
            .for_each(self.heap(), |message| messages.push(message));
        messages
    }

    pub(crate) fn with_extras<R>(&self, run: impl FnOnce(&mut Extras) -> R) -> R {
        run(self.extras.borrow_mut().get_or_insert_default())
    }

    /// Notes that a traced BIF has given way.
    pub(crate) fn set_resumed_bif(&self, bif: usize) {
        self.flags.set(flags::Flag::ResumesBif, true);
        self.with_extras(|extras| extras.resumed_bif = bif);
    }

    /// The traced BIF that has given way; only once.
    pub(crate) fn take_resumed_bif(&self) -> Option<usize> {
        if !self.flags.set(flags::Flag::ResumesBif, false) {
            return None;
        }
        self.with_extras(|extras| Some(extras.resumed_bif))
    }

    /// How often its sequential token was used, and the serial of the last one that came.
    pub(crate) fn sequential_counts(&self) -> (u64, u64) {
        let extras = self.extras.borrow();
        extras.as_ref().map_or((0, 0), |extras| extras.sequential)
    }

    /// Sets what [`sequential_counts`](Process::sequential_counts) gives.
    pub(crate) fn set_sequential_counts(&self, clock: u64, last: u64) {
        self.with_extras(|extras| extras.sequential = (clock, last));
    }

    /// Whether the time of its functions is being taken.
    pub(crate) fn is_timed(&self) -> bool {
        self.flags.has(flags::Flag::TraceFrames)
            && matches!(&*self.extras.borrow(), Some(extras) if extras.timed.is_some())
    }

    /// Makes the process wait for a message with its stack empty (`erlang:hibernate/3`).
    pub fn hibernate(&self) {
        self.wait.set(Wait::Message);
    }

    /// Whether it hibernates.
    pub fn is_hibernating(&self) -> bool {
        self.wait.get() == Wait::Message
    }

    /// Whether it waits for a signal or message, as opposed to its turn.
    pub fn is_waiting(&self) -> bool {
        self.wait.get() != Wait::Turn
    }
}

#[cfg(test)]
mod size_tests {
    use super::*;

    /// With the smallest heap (233 words), its part in the process table and the allocator's own words, a process
    /// that waits takes less than 2,700 bytes.
    #[test]
    fn an_idle_process_is_small() {
        assert!(size_of::<Process>() <= 624, "{}", size_of::<Process>());
        // With the two counts of an `Arc` 96 bytes, which is a size of the allocator's.
        assert!(size_of::<Shared>() <= 80, "{}", size_of::<Shared>());
    }
}
