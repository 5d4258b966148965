//! Collecting a process's heap: its roots, and what happens when it has grown too large.

use super::Process;
use super::crash;
use super::flags::Flag;
use crate::atom::well_known as w;
use crate::heap::{Heap, LiteralRange, MaxHeapSize, RawHeap, Roots};
use crate::microstate::{self, State};
use crate::term::Term;
use crate::term::word::{NO_VALUE, Word};
use crate::trace::{events, monitor};

/// All roots of a process but its stack.
struct ProcessRoots<'a> {
    live: &'a mut [Word],
    saved: &'a mut [Word],
    dictionary: &'a mut [Word],
    mailbox: &'a mut [Word],
    single: &'a mut [Word],
}

impl Roots for ProcessRoots<'_> {
    fn visit(&mut self, visitor: &mut dyn FnMut(&mut [Word])) {
        visitor(self.live);
        visitor(self.saved);
        visitor(self.dictionary);
        visitor(self.mailbox);
        visitor(self.single);
    }
}

fn monotonic() -> i64 {
    super::hooks::schedulers().map_or(0, |clock| clock.monotonic_time())
}

/// What a collection is wanted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Room.
    Need(usize),
    /// A full sweep (`erlang:garbage_collect/0`).
    Full,
    /// To take as little room as possible (`erlang:hibernate/3`).
    Shrink,
}

impl Process {
    /// Collects, `live` being the words outside the process that are terms of its heap; afterwards `need`
    /// words are free. Where the heap exceeded its limit and the process is to be killed, that was logged.
    pub fn collect(&mut self, live: &mut [Word], need: usize) -> Result<(), MaxHeapSize> {
        self.collect_for(Kind::Need(need), live)
    }

    /// Collects everything (`erlang:garbage_collect/0`).
    pub fn collect_all(&mut self, live: &mut [Word]) -> Result<(), MaxHeapSize> {
        self.collect_for(Kind::Full, live)
    }

    /// Makes the heap as small as it can be, for a process that hibernates.
    pub fn collect_to_hibernate(&mut self) {
        // A heap is never killed for becoming smaller.
        let _ = self.collect_for(Kind::Shrink, &mut []);
    }

    /// Copies the literals of an area that the process still holds.
    pub(super) fn copy_literals(&mut self, area: LiteralRange) {
        self.mailbox.copy_literals(area);
        self.fetched
            .get_mut()
            .for_each(|signal| signal.copy_literals(area));
        self.relations.copy_literals(area);
        let words = self.with_roots(&mut [], |heap, roots| heap.copy_literals(area, roots));
        self.charge(words / 10);
    }

    fn collect_for(&mut self, kind: Kind, live: &mut [Word]) -> Result<(), MaxHeapSize> {
        self.heap.message_words.set(self.outside_message_words());
        let full = !matches!(kind, Kind::Need(_))
            || self.heap.need_full.get()
            || self.heap.minor_since_full.get() >= self.heap.fullsweep_after.get();
        let begins = if full {
            "gc_major_start"
        } else {
            "gc_minor_start"
        };
        let need = match kind {
            Kind::Need(need) => need,
            Kind::Full | Kind::Shrink => 0,
        };
        events::collection(self, begins, need);
        let since = monitor::watches_collections().then(monotonic);
        let collected = microstate::during(State::Gc, || {
            self.with_roots(live, |heap, roots| match kind {
                Kind::Need(need) => heap.collect(roots, need),
                Kind::Full => heap.collect_all(roots, 0),
                Kind::Shrink => Ok(heap.shrink_to_fit(roots)),
            })
        });
        match collected {
            Ok(done) => {
                if done.full && !full {
                    events::collection(self, "gc_minor_end", 0);
                    events::collection(self, "gc_major_start", need);
                }
                let ends = if done.full {
                    "gc_major_end"
                } else {
                    "gc_minor_end"
                };
                events::collection(self, ends, done.reclaimed);
                if let Some(since) = since {
                    crate::bif::debug_state::lengthen_collection();
                    let took = (monotonic() - since).max(0) / 1_000_000;
                    monitor::collected(self, took as u64);
                }
                self.charge(done.reductions);
                if let Some(exceeded) = done.exceeded {
                    self.report_heap_size(&exceeded);
                }
                Ok(())
            }
            Err(exceeded) => {
                self.report_heap_size(&exceeded);
                Err(exceeded)
            }
        }
    }

    /// Lets something change the heap, with all roots at hand.
    fn with_roots<R>(
        &mut self,
        live: &mut [Word],
        change: impl FnOnce(&mut RawHeap, &mut dyn Roots) -> R,
    ) -> R {
        let mut single = [
            self.roots.group_leader.get(),
            self.roots.exit_reason.get(),
            self.roots.seq_token.get(),
        ];
        let no_reason = single[1] == NO_VALUE;
        if no_reason {
            single[1] = Term::NIL.word();
        }
        let result = {
            let mut roots = ProcessRoots {
                live,
                saved: self.saved.get_mut(),
                dictionary: self.dictionary.roots(),
                mailbox: self.mailbox.roots(),
                single: &mut single,
            };
            change(&mut self.heap, &mut roots)
        };
        self.roots.group_leader.set(single[0]);
        if !no_reason {
            self.roots.exit_reason.set(single[1]);
        }
        self.roots.seq_token.set(single[2]);
        result
    }

    /// Words of messages that are not in the heap but count as its own. Only asked for where there is a
    /// limit to be exceeded: it means going through the queue.
    fn outside_message_words(&self) -> usize {
        if self.heap.max_words.get() == 0 || self.flags.has(Flag::OffHeapMessages) {
            return 0;
        }
        self.mailbox.outside_words()
    }

    fn report_heap_size(&self, exceeded: &MaxHeapSize) {
        if self.flags.has(Flag::HeapSizeNoLog) {
            return;
        }
        let (this, alive) = (crate::node_name::this().0, crate::node_name::is_alive());
        let format = format!(
            "     Process:            ~p {}~n     Context:            maximum heap size reached~n     \
             Max Heap Size:      ~p~n     Total Heap Size:    ~p~n     Kill:               ~p~n     \
             Error Logger:       ~p~n     Message Queue Len:  ~p~n     GC Info:            ~p~n",
            if alive { "on node ~p" } else { "" }
        );
        crash::log(
            w::ERROR,
            self.group_leader(),
            Some(self.pid),
            &format,
            |heap| {
                let mut args = vec![Term::pid(self.pid)];
                args.extend(alive.then_some(Term::atom(this)));
                args.extend([
                    Term::size(self.heap.max_words.get()),
                    Term::size(exceeded.total_words),
                    Term::bool(self.heap.max_kill.get()),
                    Term::TRUE,
                    Term::size(self.mailbox.len()),
                    gc_info(heap, exceeded),
                ]);
                args
            },
        );
    }
}

fn gc_info<'h>(heap: Heap<'h>, exceeded: &MaxHeapSize) -> Term<'h> {
    heap.list_from(exceeded.info.items().into_iter().map(|(name, value)| {
        heap.tuple(&[
            Term::atom(crate::atom::Atom::from_static(name)),
            Term::size(value),
        ])
    }))
}
