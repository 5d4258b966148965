//! What all threads may touch of a process, and the right to touch the rest.
//!
//! [`Shared`] lives as long as anyone holds it. The owner part ([`Process`]) belongs to whoever holds a
//! [`Running`], of which there is one at most: it is made from a [`Queued`], which only a wake-up that
//! found the process asleep gives out.

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use super::Process;
use super::queue::Queue;
use super::signal::Signal;
use super::state::{Slept, State, Woken};
use crate::atom::Atom;
use crate::term::Pid;
use crate::trace::Tracee;

/// A process's priority, in the order in which they are served.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Priority {
    /// For the system.
    Max = 0,
    /// Before all normal ones.
    High = 1,
    /// What a process has unless it asks for another.
    Normal = 2,
    /// With the normal ones, but one turn for each eight of theirs.
    Low = 3,
}

impl Priority {
    /// How many there are.
    pub const COUNT: usize = 4;

    fn from_u8(value: u8) -> Priority {
        match value {
            0 => Priority::Max,
            1 => Priority::High,
            2 => Priority::Normal,
            _ => Priority::Low,
        }
    }

    /// Its atom.
    pub fn atom(self) -> Atom {
        use crate::atom::well_known as w;
        match self {
            Priority::Max => w::MAX,
            Priority::High => w::HIGH,
            Priority::Normal => w::NORMAL,
            Priority::Low => w::LOW,
        }
    }

    /// The priority that an atom names.
    pub fn of(atom: Atom) -> Option<Priority> {
        [
            Priority::Max,
            Priority::High,
            Priority::Normal,
            Priority::Low,
        ]
        .into_iter()
        .find(|priority| priority.atom() == atom)
    }
}

/// No name, in `Shared::name`.
const NO_NAME: u32 = u32::MAX;
/// No name now or later: the process is ending.
const NO_NAME_EVER: u32 = u32::MAX - 1;

/// The part of a process that any thread may touch.
pub struct Shared {
    pid: Pid,
    pub(super) state: State,
    pub(super) queue: Queue<Signal>,
    priority: AtomicU8,
    /// The priority of the most urgent of those whose signals it has yet to handle.
    urgency: AtomicU8,
    /// The scheduler that it is bound to (from 1), or 0.
    bound: AtomicU32,
    /// The index of the name it is registered under. Written under the registry's lock.
    name: AtomicU32,
    /// Reductions in all, as of the last slice's end.
    reductions: AtomicU64,
    /// Whether it is one of the system's own.
    system: bool,
    /// Set before the layers above are told of its end.
    exiting: AtomicBool,
    tracee: Tracee,
    /// Whether it ever owned or fixed a table, or blocked the schedulers: the layers above have something to
    /// undo at its end.
    entangled: AtomicBool,
    owner: UnsafeCell<Option<Box<Process>>>,
}

// SAFETY:
// 1. All fields but `owner` are atomics or made for sharing.
// 2. `owner` is touched by the holder of the one `Running` only (`Queued::start`), handed from thread to
//    thread through `state`.
unsafe impl Sync for Shared {}
// SAFETY: as for `Sync`; `Process` is `Send`.
unsafe impl Send for Shared {}

impl Shared {
    pub(super) fn new(pid: Pid, priority: Priority, system: bool) -> Arc<Shared> {
        Arc::new(Shared {
            pid,
            state: State::new(),
            queue: Queue::new(),
            priority: AtomicU8::new(priority as u8),
            urgency: AtomicU8::new(Priority::Low as u8),
            bound: AtomicU32::new(0),
            name: AtomicU32::new(NO_NAME),
            reductions: AtomicU64::new(0),
            system,
            exiting: AtomicBool::new(false),
            tracee: Tracee::new(),
            entangled: AtomicBool::new(false),
            owner: UnsafeCell::new(None),
        })
    }

    /// Gives a process its owner part, before anyone else knows of it.
    ///
    /// # Safety
    /// The process was neither published nor woken yet.
    pub(super) unsafe fn install(&self, process: Box<Process>) {
        // SAFETY: by contract nobody else looks.
        unsafe { *self.owner.get() = Some(process) };
    }

    /// One more count of the same allocation.
    pub(super) fn counted(&self) -> Arc<Shared> {
        // SAFETY: `Shared` is only ever made inside an `Arc` (`new`), which is alive while it is borrowed.
        unsafe {
            Arc::increment_strong_count(self);
            Arc::from_raw(self)
        }
    }

    /// What it knows of being traced.
    #[inline(always)]
    pub fn tracee(&self) -> &Tracee {
        &self.tracee
    }

    /// Its pid.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Its priority.
    pub fn priority(&self) -> Priority {
        Priority::from_u8(self.priority.load(Ordering::Relaxed))
    }

    /// Sets its priority; it counts from the next time it is put into a run queue on.
    pub fn set_priority(&self, priority: Priority) {
        self.priority.store(priority as u8, Ordering::Relaxed);
    }

    /// The priority with which it is served now: its own, or that of a sender whose signals it has yet to handle (OTP 25
    /// does so for the same reason: who waits for the answer must not wait for all that are in between).
    pub fn service_priority(&self) -> Priority {
        self.priority()
            .min(Priority::from_u8(self.urgency.load(Ordering::Relaxed)))
    }

    /// A process of such a priority has sent a signal; whether it is served sooner now.
    ///
    /// `Release`, with the `Acquire` of [`take_urgency`](Shared::take_urgency): the signal was pushed before.
    pub(super) fn raise_urgency(&self, sender: Priority) -> bool {
        sender < self.priority()
            && self.urgency.fetch_min(sender as u8, Ordering::Release) > sender as u8
    }

    /// Begins a turn in which signals are handled; the urgency, where that is sooner than its own priority would give it.
    pub(super) fn take_urgency(&self) -> Option<Priority> {
        if self.urgency.load(Ordering::Relaxed) == Priority::Low as u8 {
            return None;
        }
        let urgency = self.urgency.swap(Priority::Low as u8, Ordering::Acquire);
        Some(Priority::from_u8(urgency)).filter(|&urgency| urgency < self.priority())
    }

    /// The scheduler that it is bound to (from 1), or 0.
    pub fn bound(&self) -> u32 {
        self.bound.load(Ordering::Relaxed)
    }

    /// Binds it to a scheduler (from 1), or to none (0).
    pub fn bind(&self, scheduler: u32) {
        self.bound.store(scheduler, Ordering::Relaxed);
    }

    /// The name it is registered under.
    pub fn name(&self) -> Option<Atom> {
        Atom::at(self.name.load(Ordering::Acquire))
    }

    /// Whether it is too late to give it a name. Read under the registry's lock.
    pub(super) fn is_nameless_for_good(&self) -> bool {
        self.name.load(Ordering::Relaxed) == NO_NAME_EVER
    }

    /// Gives a nameless process a name; false where it is too late for that.
    pub(super) fn give_name(&self, name: Atom) -> bool {
        let (order, failed) = (Ordering::AcqRel, Ordering::Relaxed);
        (self.name)
            .compare_exchange(NO_NAME, name.index(), order, failed)
            .is_ok()
    }

    /// It ends, and has no name that had to be taken away: it gets none any more. Needs no lock.
    pub(super) fn ends_without_name(&self) -> bool {
        let (order, failed) = (Ordering::AcqRel, Ordering::Relaxed);
        (self.name)
            .compare_exchange(NO_NAME, NO_NAME_EVER, order, failed)
            .is_ok()
    }

    pub(super) fn set_nameless_for_good(&self) {
        self.name.store(NO_NAME_EVER, Ordering::Release);
    }

    pub(super) fn set_name(&self, name: Option<Atom>) {
        self.name
            .store(name.map_or(NO_NAME, Atom::index), Ordering::Release);
    }

    /// Reductions in all, as of the last slice's end.
    pub fn reductions(&self) -> u64 {
        self.reductions.load(Ordering::Relaxed)
    }

    /// Whether it is one of the system's own.
    pub fn is_system(&self) -> bool {
        self.system
    }

    /// Whether it has begun to end: what is set up for it now would outlive it.
    pub fn is_exiting(&self) -> bool {
        self.exiting.load(Ordering::SeqCst)
    }

    pub(super) fn set_exiting(&self) {
        self.exiting.store(true, Ordering::SeqCst);
    }

    /// Says that a layer above must hear of its end; set before what makes that necessary.
    pub fn entangle(&self) {
        if !self.entangled.load(Ordering::Relaxed) {
            self.entangled.store(true, Ordering::SeqCst);
        }
    }

    /// Whether a layer above must hear of its end.
    pub fn is_entangled(&self) -> bool {
        self.entangled.load(Ordering::SeqCst)
    }

    /// Whether it sleeps with nothing to do: no signal sent before this call is still to be handled.
    pub fn is_quiet(&self) -> bool {
        self.state.is_quiet()
    }

    /// Whether a scheduler runs it just now.
    pub fn is_running(&self) -> bool {
        self.state.is_running()
    }

    /// Says that there is something to do for it; the answer, if there is one, must be enqueued.
    #[must_use]
    pub fn wake(&self) -> Option<Queued> {
        match self.state.wake() {
            Woken::Enqueue => Some(Queued(self.counted())),
            Woken::Nothing => None,
        }
    }
}

/// A process that is to be run: the right to start it.
pub struct Queued(Arc<Shared>);

impl Queued {
    /// The process.
    pub fn shared(&self) -> &Shared {
        &self.0
    }

    /// Takes possession of the process's owner part.
    pub fn start(self) -> Running {
        self.0.state.start();
        Running(self.0)
    }
}

/// A process that this thread runs.
pub struct Running(Arc<Shared>);

impl Running {
    /// The part that others see.
    pub fn shared(&self) -> &Shared {
        &self.0
    }

    fn count_reductions(&self) {
        let total = self.total_reductions();
        self.0.reductions.store(total, Ordering::Relaxed);
    }

    /// Lets it wait; the answer, if there is one, must be enqueued.
    #[must_use]
    pub fn sleep(self) -> Option<Queued> {
        self.count_reductions();
        match self.0.state.sleep() {
            Slept::Asleep => None,
            Slept::Again => Some(Queued(self.0)),
        }
    }

    /// Lets others run first.
    #[must_use]
    pub fn give_way(self) -> Queued {
        self.count_reductions();
        self.0.state.give_way();
        Queued(self.0)
    }

    /// Ends it: frees its memory. Its exit must be finished (see `exit`).
    pub fn die(self) {
        // SAFETY: this is the one `Running`.
        let process = unsafe { (*self.0.owner.get()).take() };
        self.0.state.die();
        drop(process);
    }
}

impl Deref for Running {
    type Target = Process;
    fn deref(&self) -> &Process {
        // SAFETY: this is the one `Running`; only `die` takes the owner part out, and ends it.
        unsafe { (*self.0.owner.get()).as_deref() }.expect("a running process has its owner part")
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Process {
        // SAFETY: as in `deref`, and `self` is borrowed mutably.
        unsafe { (*self.0.owner.get()).as_deref_mut() }
            .expect("a running process has its owner part")
    }
}
