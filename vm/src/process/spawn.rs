//! How a process begins.

use std::sync::atomic::{AtomicUsize, Ordering};

use smallvec::SmallVec;

use super::flags::Flag;
use super::mailbox::NOTHING;
use super::relations::{AliasKind, Monitor, Monitored, Target};
use super::shared::{Priority, Shared};
use super::signal::{Origin, Peer, RefNumber};
use super::{Process, table};
use crate::atom::{Atom, well_known as w};
use crate::code::{Instr, Mfa};
use crate::heap::raw::STACK_SLACK;
use crate::heap::{Heap, OwnedTerm, RawHeap, sizes};
use crate::term::word::{self, IMM_RETURN, Word};
use crate::term::{Pid, Term};
use crate::trace::{events, flags, sequential};

/// What a process first runs: `apply(M, F, Args)` with x0, x1, x2.
static APPLY: [Instr; 1] = [Instr::ApplyArgs];
/// Where its first function returns to.
static END: [Instr; 1] = [Instr::EndProcess];

/// A limit of a heap's size (`max_heap_size`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxHeap {
    /// Words; 0 for none.
    pub words: usize,
    /// Whether the process is killed.
    pub kill: bool,
    /// Whether the error logger hears of it.
    pub log: bool,
    /// Whether binaries off the heap count.
    pub include_shared_binaries: bool,
}

/// How a new process's memory is managed, where the spawner does not say.
pub struct Defaults {
    /// `min_heap_size` (`+hms`), rounded to a size that heaps can have.
    pub min_heap: AtomicUsize,
    /// `min_bin_vheap_size` (`+hmbs`), rounded likewise.
    pub min_vheap: AtomicUsize,
    /// `fullsweep_after`.
    pub fullsweep_after: AtomicUsize,
    /// `max_heap_size` (`+hmax`), words; 0 for none.
    pub max_heap: AtomicUsize,
    /// Its flags: 1 kill, 2 log, 4 include shared binaries (`+hmaxk`, `+hmaxel`, `+hmaxib`).
    pub max_heap_flags: AtomicUsize,
    /// 1 where messages stay off the heap (`+hmqd off_heap`).
    pub off_heap_messages: AtomicUsize,
}

/// The node's defaults.
pub static DEFAULTS: Defaults = Defaults {
    min_heap: AtomicUsize::new(sizes::DEFAULT_MIN_WORDS),
    min_vheap: AtomicUsize::new(sizes::DEFAULT_MIN_VHEAP_WORDS),
    fullsweep_after: AtomicUsize::new(sizes::DEFAULT_FULLSWEEP_AFTER as usize),
    max_heap: AtomicUsize::new(0),
    max_heap_flags: AtomicUsize::new(3),
    off_heap_messages: AtomicUsize::new(0),
};

impl Defaults {
    /// The default `max_heap_size`.
    pub fn max_heap(&self) -> MaxHeap {
        let flags = self.max_heap_flags.load(Ordering::Relaxed);
        MaxHeap {
            words: self.max_heap.load(Ordering::Relaxed),
            kill: flags & 1 != 0,
            log: flags & 2 != 0,
            include_shared_binaries: flags & 4 != 0,
        }
    }

    /// Sets the default `max_heap_size`.
    pub fn set_max_heap(&self, max: MaxHeap) {
        let flags = usize::from(max.kill)
            | usize::from(max.log) << 1
            | usize::from(max.include_shared_binaries) << 2;
        self.max_heap.store(max.words, Ordering::Relaxed);
        self.max_heap_flags.store(flags, Ordering::Relaxed);
    }
}

/// A `min_heap_size` or `min_bin_vheap_size` as asked for, rounded to what heaps can have and not below the
/// least.
pub fn rounded_size(asked: usize, least: usize) -> usize {
    if asked < least {
        least
    } else {
        sizes::at_least(asked)
    }
}

/// How a process is spawned.
pub struct Options {
    /// Whether the spawner is linked to it.
    pub link: bool,
    /// Whether the spawner monitors it, and how.
    pub monitor: Option<MonitorOptions>,
    /// Its priority.
    pub priority: Priority,
    /// `min_heap_size`, rounded.
    pub min_heap: usize,
    /// `min_bin_vheap_size`, rounded.
    pub min_vheap: usize,
    /// `fullsweep_after`.
    pub fullsweep_after: usize,
    /// `max_heap_size`.
    pub max_heap: MaxHeap,
    /// Whether its messages stay off the heap.
    pub off_heap_messages: bool,
    /// The scheduler that it is bound to (from 1), or 0.
    pub scheduler: u32,
    /// Whether it is a system process.
    pub system: bool,
    /// What `initial_call` shows, where that is not what it runs.
    pub shown: Option<Mfa>,
    /// Who leads its group; the spawner's leader unless given.
    pub group_leader: Option<OwnedTerm>,
    /// The tag of the message that tells of it, where one is to be sent (`spawn_request`); a sequential trace shows it.
    pub reply_tag: Option<OwnedTerm>,
}

/// How a new process is monitored.
#[derive(Default)]
pub struct MonitorOptions {
    /// Whether the reference is an alias.
    pub alias: Option<AliasKind>,
    /// What stands for `'DOWN'`.
    pub tag: Option<OwnedTerm>,
}

impl Options {
    /// The node's defaults.
    pub fn new() -> Options {
        let load = |setting: &AtomicUsize| setting.load(Ordering::Relaxed);
        Options {
            link: false,
            monitor: None,
            priority: Priority::Normal,
            min_heap: load(&DEFAULTS.min_heap),
            min_vheap: load(&DEFAULTS.min_vheap),
            fullsweep_after: load(&DEFAULTS.fullsweep_after),
            max_heap: DEFAULTS.max_heap(),
            off_heap_messages: load(&DEFAULTS.off_heap_messages) != 0,
            scheduler: 0,
            system: false,
            shown: None,
            group_leader: None,
            reply_tag: None,
        }
    }
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

/// A process that was spawned and does not run yet.
#[must_use = "it runs when it is started"]
pub struct Spawned {
    pid: Pid,
    monitor: Option<RefNumber>,
    traced: Option<(RefNumber, OwnedTerm)>,
    shared: std::sync::Arc<Shared>,
}

impl Spawned {
    /// Its pid.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The spawner's monitor of it.
    pub fn monitor(&self) -> Option<RefNumber> {
        self.monitor
    }

    /// Where a sequential trace goes on in it: the reference of the request to spawn it, and its token.
    pub fn traced(&self) -> Option<&(RefNumber, OwnedTerm)> {
        self.traced.as_ref()
    }

    /// Lets it run.
    pub fn start(self) -> Pid {
        if let Some(queued) = self.shared.wake() {
            super::hooks::begins(queued);
        }
        self.pid
    }
}

/// There are as many processes as there may be.
#[derive(Debug, PartialEq, Eq)]
pub struct TooManyProcesses;

/// Spawns a process that runs `module:function(args)`, `args` being a proper list. `parent` is none for a
/// process that the system starts.
pub fn spawn(
    parent: Option<&Process>,
    module: Atom,
    function: Atom,
    args: Term<'_>,
    options: Options,
) -> Result<Spawned, TooManyProcesses> {
    let pid = table::reserve().ok_or(TooManyProcesses)?;
    let shared = Shared::new(pid, options.priority, options.system);
    shared.bind(options.scheduler);
    let mut process = Process::boxed(shared.clone(), new_heap(args, &options));
    let args = process.heap().copy_message(args).word();
    let (module, function) = (Term::atom(module), Term::atom(function));
    process
        .saved
        .set(SmallVec::from_buf([module.word(), function.word(), args]));
    process.ip.set(APPLY.as_ptr());
    set_up(&mut process, parent, &options);
    process.set_initial_call(options.shown.unwrap_or_else(|| Mfa {
        module: module.as_atom().expect("made from an atom"),
        function: function.as_atom().expect("made from an atom"),
        // SAFETY: the word of the arguments that were just copied to this heap.
        arity: unsafe { Term::from_word(args) }.list_len().unwrap_or(0) as u32,
    }));
    let link = options.link;
    events::begins(parent, &shared, link);
    let reply_tag = options.reply_tag.clone();
    let monitor = parent.and_then(|parent| relate(parent, &process, options));
    let traced = parent
        .filter(|parent| !parent.seq_token().is_nil())
        .map(|parent| trace_sequentially(parent, &process, monitor, reply_tag));
    if shared.tracee().has(flags::PROCS)
        || parent.is_some_and(|parent| parent.shared().tracee().has(flags::PROCS))
    {
        // SAFETY: the word of the arguments that were just copied to this heap.
        let args: Term<'_> = unsafe { Term::from_word(args) };
        events::spawned(parent, &process, module, function, args, link);
    }
    // SAFETY: nobody knows of the process yet.
    unsafe { shared.install(process) };
    table::publish(shared.clone());
    Ok(Spawned {
        pid,
        monitor,
        traced,
        shared,
    })
}

/// The child of a process with a sequential token gets it, and the tracer is told of a request and its reply, whose
/// reference is given back with the child's token.
#[cold]
fn trace_sequentially(
    parent: &Process,
    child: &Process,
    monitor: Option<RefNumber>,
    reply_tag: Option<OwnedTerm>,
) -> (RefNumber, OwnedTerm) {
    let reference = monitor.unwrap_or_else(crate::reference::next);
    let heap = parent.heap();
    let tag = match &reply_tag {
        Some(tag) => heap.copy(tag.term()),
        None => Term::atom(w::SPAWN_REPLY),
    };
    let ok = Term::atom(w::OK);
    let reply = heap.tuple(&[tag, heap.reference(reference), ok, Term::pid(child.pid())]);
    sequential::spawn(
        parent,
        child,
        |heap| spawn_message(heap, parent, child, reference, tag),
        reply_tag.is_none().then_some(reply),
    );
    (reference, OwnedTerm::copy_of(child.seq_token()))
}

/// What the tracer of a sequential token sees of a spawn: a request to this node.
fn spawn_message<'h>(
    heap: Heap<'h>,
    parent: &Process,
    child: &Process,
    reference: RefNumber,
    tag: Term<'_>,
) -> Term<'h> {
    let mfa = child.initial_call();
    let function = heap.tuple(&[
        Term::atom(mfa.module),
        Term::atom(mfa.function),
        Term::int(mfa.arity as i32),
    ]);
    heap.tuple(&[
        Term::atom(crate::atom!("spawn_request")),
        heap.reference(reference),
        Term::pid(parent.pid()),
        heap.copy(parent.group_leader()),
        function,
        Term::NIL,
        heap.copy(tag),
        Term::NIL,
    ])
}

/// A heap with room for the arguments, and a stack that holds the way out.
fn new_heap(args: Term<'_>, options: &Options) -> RawHeap {
    let heap = RawHeap::for_process(options.min_heap, args.message_words() + STACK_SLACK + 1);
    // SAFETY: the block was just made, with room for one word of stack at its end.
    unsafe {
        let bottom = heap.end.get().sub(1);
        bottom.write(word::immediate(IMM_RETURN, END.as_ptr() as Word));
        heap.stack_top.set(bottom);
    }
    heap.min_vheap_words.set(options.min_vheap);
    heap.vheap_limit.set(options.min_vheap);
    heap.old_vheap_limit.set(options.min_vheap);
    heap.fullsweep_after
        .set(u32::try_from(options.fullsweep_after).unwrap_or(u32::MAX));
    heap
}

fn set_up(process: &mut Process, parent: Option<&Process>, options: &Options) {
    process.set_max_heap(options.max_heap);
    process
        .flags
        .set(Flag::OffHeapMessages, options.off_heap_messages);
    process.flags.set(Flag::System, options.system);
    process.parent.set(parent.map(Process::pid));
    let leader = match (&options.group_leader, parent) {
        (Some(leader), _) => process.heap().copy(leader.term()).word(),
        (None, Some(parent)) => process.heap().copy(parent.group_leader()).word(),
        (None, None) => Term::pid(process.pid).word(),
    };
    process.roots.group_leader.set(leader);
    debug_assert_ne!(leader, NOTHING);
}

/// Links and monitors a new process as its parent wants it.
fn relate(parent: &Process, child: &Process, options: Options) -> Option<RefNumber> {
    if options.link {
        parent.relations.forget_link(Peer::Process(child.pid));
        parent.relations.add_link(Peer::Process(child.pid));
        child.relations.add_link(Peer::Process(parent.pid));
    }
    let monitor = options.monitor?;
    let reference = match monitor.alias {
        Some(_) => parent.new_alias_reference(),
        None => crate::reference::next(),
    };
    parent.relations.add_monitor(
        reference,
        Monitor {
            target: Target::Process(Some(child.pid), None),
            alias: monitor.alias,
            tag: monitor.tag.map(Box::new),
        },
    );
    child.relations.add_monitored(
        reference,
        Monitored {
            origin: Origin::Process(parent.pid),
            name: None,
        },
    );
    Some(reference)
}

impl Process {
    /// Its limit of heap size.
    pub fn max_heap(&self) -> MaxHeap {
        MaxHeap {
            words: self.heap.max_words.get(),
            kill: self.heap.max_kill.get(),
            log: !self.flags.has(Flag::HeapSizeNoLog),
            include_shared_binaries: self.flags.has(Flag::HeapSizeWithBinaries),
        }
    }

    /// Sets its limit of heap size.
    pub fn set_max_heap(&self, max: MaxHeap) {
        self.heap.max_words.set(max.words);
        self.heap.max_kill.set(max.kill);
        self.flags.set(Flag::HeapSizeNoLog, !max.log);
        self.flags
            .set(Flag::HeapSizeWithBinaries, max.include_shared_binaries);
    }
}
