//! Tests of the collector: random graphs of terms, collected in all ways.

use std::cell::Cell;
use std::sync::Arc;

use super::testing::{Random, describe, term};
use super::{Heap, LiteralArea, OwnedTerm, RawHeap};
use crate::binary::BinaryData;
use crate::term::Term;
use crate::term::word::{self, Word};

/// A heap, terms on it in roots and on its stack, and what each of them should be.
struct World {
    raw: RawHeap,
    roots: Vec<Word>,
    expected: Vec<String>,
    expected_stack: Vec<String>,
    random: Random,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let raw = RawHeap::with_block([12, 38, 233, 2586][random.below(4)]);
        raw.min_words.set(12);
        if random.chance(30) {
            raw.fullsweep_after.set(random.below(4) as u32);
        }
        if random.chance(30) {
            raw.min_vheap_words.set(100);
            raw.vheap_limit.set(100);
            raw.old_vheap_limit.set(100);
        }
        World {
            raw,
            roots: Vec::new(),
            expected: Vec::new(),
            expected_stack: Vec::new(),
            random,
        }
    }

    fn term(&self, index: usize) -> Term<'_> {
        // SAFETY: roots hold terms of this heap, which is borrowed.
        unsafe { Term::from_word(self.roots[index]) }
    }

    fn build(&mut self) {
        let heap = Heap::new(&self.raw);
        let mut shared: Vec<Term<'_>> = self
            .roots
            .iter()
            // SAFETY: as in `term`.
            .map(|&word| unsafe { Term::from_word(word) })
            .collect();
        let made = term(heap, &mut self.random, 3, &mut shared);
        self.expected.push(describe(made));
        self.roots.push(made.word());
    }

    fn receive(&mut self) {
        let message = OwnedTerm::build(|heap| term(heap, &mut self.random, 3, &mut Vec::new()));
        let message = if self.random.chance(50) {
            OwnedTerm::message_of(message.term())
        } else {
            message
        };
        self.expected.push(describe(message.term()));
        self.roots.push(message.adopt(Heap::new(&self.raw)).word());
    }

    fn forget(&mut self) {
        if !self.roots.is_empty() {
            let index = self.random.below(self.roots.len());
            self.roots.swap_remove(index);
            self.expected.swap_remove(index);
        }
    }

    fn push(&mut self) {
        if self.roots.is_empty() || self.raw.free_words() == 0 {
            return;
        }
        let index = self.random.below(self.roots.len());
        // SAFETY: there is a free word below the stack.
        unsafe {
            let at = self.raw.stack_top.get().sub(1);
            *at = self.roots[index];
            self.raw.stack_top.set(at);
        }
        self.expected_stack.push(self.expected[index].clone());
    }

    fn pop(&mut self) {
        if self.expected_stack.pop().is_some() {
            // SAFETY: the stack has as many words as `expected_stack`.
            let below = unsafe { self.raw.stack_top.get().add(1) };
            self.raw.stack_top.set(below);
        }
    }

    fn collect(&mut self) {
        let need = self.random.below(300);
        match self.random.below(12) {
            0 => {
                self.raw.shrink_to_fit(&mut self.roots);
            }
            1 => {
                self.raw
                    .collect_all(&mut self.roots, need)
                    .expect("no limit");
            }
            _ => {
                let collected = self.raw.collect(&mut self.roots, need).expect("no limit");
                assert!(collected.reductions > 0 && collected.exceeded.is_none());
                assert!(self.raw.free_words() >= need);
            }
        }
        assert!(self.raw.fragments.get().is_null());
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..8 => self.build(),
            8 => self.receive(),
            9..13 => self.forget(),
            13 | 14 => self.push(),
            15 => self.pop(),
            _ => {
                self.collect();
                self.check();
            }
        }
    }

    fn check(&mut self) {
        self.raw.check(&mut self.roots).expect("a good heap");
        for (index, expected) in self.expected.iter().enumerate() {
            assert_eq!(&describe(self.term(index)), expected);
        }
        for (index, expected) in self.expected_stack.iter().rev().enumerate() {
            // SAFETY: the stack holds terms of this heap.
            let term = unsafe { Term::from_word(*self.raw.stack_top.get().add(index)) };
            assert_eq!(&describe(term), expected);
        }
    }
}

#[test]
fn random_graphs_survive() {
    let (seeds, steps) = if cfg!(miri) { (2, 60) } else { (60, 300) };
    for seed in 0..seeds {
        let mut world = World::new(seed);
        for _ in 0..steps {
            world.step();
        }
        world.check();
    }
}

/// A list as long as many small collections, of which each keeps a part.
#[test]
fn a_growing_list_is_tenured() {
    let mut raw = RawHeap::with_block(233);
    let mut roots = vec![Term::NIL.word()];
    for number in 0..20_000 {
        let heap = Heap::new(&raw);
        // SAFETY: the root is a term of the heap.
        let list: Term<'_> = unsafe { Term::from_word(roots[0]) };
        roots[0] = heap.cons(Term::int(number), list).word();
        let _garbage = heap.tuple(&[Term::OK, Term::OK]);
        if raw.free_words() < 8 {
            raw.collect(&mut roots, 8).expect("no limit");
        }
    }
    assert!(raw.minor_count.get() > 5 && raw.full_count.get() > 0);
    assert!(raw.old_used_words() > 0);
    raw.check(&mut roots).expect("a good heap");
    // SAFETY: as above.
    let list: Term<'_> = unsafe { Term::from_word(roots[0]) };
    let numbers = list.list().map(|term| term.as_small().expect("small"));
    assert!(numbers.eq((0..20_000).rev()));
    roots[0] = Term::NIL.word();
    raw.collect_all(&mut roots, 0).expect("no limit");
    assert_eq!((raw.used_words(), raw.block_words()), (0, 233));
}

#[test]
fn depth_is_no_matter() {
    let mut raw = RawHeap::with_block(12);
    let heap = Heap::new(&raw);
    let deep = (0..300_000).fold(Term::NIL, |inner, _| {
        heap.tuple(&[heap.list(&[inner]), Term::OK])
    });
    let mut roots = [deep.word()];
    raw.collect(&mut roots, 0).expect("no limit");
    raw.collect(&mut roots, 0).expect("no limit");
    assert_eq!(raw.used_words() + raw.old_used_words(), 300_000 * 5);
    raw.check(&mut roots).expect("a good heap");
}

#[test]
fn dead_binaries_are_dropped_and_weigh() {
    let mut raw = RawHeap::with_block(233);
    let data: Vec<Arc<BinaryData>> = (0..3).map(|_| BinaryData::copy_of(&[1; 800_000])).collect();
    let heap = Heap::new(&raw);
    let mut roots: Vec<Word> = data
        .iter()
        .map(|data| heap.ref_bin(Arc::clone(data)).word())
        .collect();
    assert!(
        raw.wants_collection(),
        "300,000 words of binaries are too many"
    );
    roots[1] = word::NIL;
    raw.collect(&mut roots, 0).expect("no limit");
    assert!(data.iter().map(Arc::strong_count).eq([2, 1, 2]));
    assert_eq!(raw.info().bin_vheap_size, 200_000);
    assert!(!raw.wants_collection(), "the limit follows what is kept");
    raw.collect(&mut roots, 0).expect("no limit");
    assert_eq!(raw.info().bin_old_vheap_size, 200_000);
    roots.clear();
    raw.collect_all(&mut roots, 0).expect("no limit");
    assert!(data.iter().map(Arc::strong_count).eq([1, 1, 1]));
    let heap = Heap::new(&raw);
    heap.ref_bin(Arc::clone(&data[0]));
    drop(raw);
    assert_eq!(Arc::strong_count(&data[0]), 1);
}

#[test]
fn max_heap_size_is_found_before_anything_moves() {
    let mut raw = RawHeap::with_block(233);
    raw.max_words.set(1000);
    let mut roots = [Heap::new(&raw).list(&[Term::OK; 100]).word()];
    raw.collect(&mut roots, 0).expect("within the limit");
    let mut roots = [Heap::new(&raw).list(&[Term::OK; 400]).word(), roots[0]];
    let kept = roots;
    let exceeded = raw.collect(&mut roots, 0).expect_err("above the limit");
    assert!(exceeded.total_words > 1000);
    assert_eq!(roots, kept);
    raw.check(&mut roots).expect("a good heap");
    raw.max_kill.set(false);
    let collected = raw.collect(&mut roots, 0).expect("only a report");
    assert_eq!(collected.exceeded, Some(exceeded));
    assert_ne!(roots, kept);
}

#[test]
fn literals_stay_until_they_are_copied() {
    struct Dropped(Arc<Cell<bool>>);
    // SAFETY: the test has one thread.
    unsafe impl Send for Dropped {}
    // SAFETY: as above.
    unsafe impl Sync for Dropped {}
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    #[allow(clippy::arc_with_non_send_sync, reason = "the test has one thread")]
    let dropped = Arc::new(Cell::new(false));
    let area = LiteralArea::build(|heap| {
        let magic = heap.magic_ref(Arc::new(Dropped(Arc::clone(&dropped))), [0, 1]);
        let text = heap.string("text");
        vec![
            heap.tuple(&[magic, text, text]),
            text,
            heap.string("unused"),
        ]
    });
    let mut raw = RawHeap::with_block(233);
    let (whole, text) = (area.term(0), area.term(1));
    let mut message = OwnedTerm::message_of(Heap::new(&raw).tuple(&[Term::OK, text]));
    let expected = describe(whole);
    let mut roots = vec![Heap::new(&raw).list(&[whole, text, whole]).word()];
    for _ in 0..3 {
        raw.collect(&mut roots, 0).expect("no limit");
    }
    assert_eq!(raw.old_used_words(), 6);
    assert!(raw.uses_literals(area.range(), &mut roots));
    assert_eq!(raw.copy_literals(area.range(), &mut roots), 6 + 4 + 8);
    assert!(!raw.uses_literals(area.range(), &mut roots));
    raw.check(&mut roots).expect("a good heap");
    assert_eq!(message.copy_literals(area.range()), 8);
    assert_eq!(message.words(), 3 + 8);
    drop(area);
    let collected = raw.collect(&mut roots, 0).expect("no limit");
    assert!(collected.full);
    raw.check(&mut roots).expect("a good heap");
    // SAFETY: the root is a term of the heap.
    let list: Term<'_> = unsafe { Term::from_word(roots[0]) };
    let elements = list.proper_list().expect("a list");
    assert_eq!(describe(elements[0]), expected);
    assert!(elements[0].same(elements[2]));
    let parts = elements[0].as_tuple().expect("a tuple").elements();
    assert!(parts[1].same(elements[1]) && parts[2].same(elements[1]));
    let [_, text] = message.term().as_tuple_of().expect("a pair");
    assert_eq!(describe(text), describe(elements[1]));
    assert!(!dropped.get());
    roots.clear();
    raw.collect_all(&mut roots, 0).expect("no limit");
    assert!(dropped.get());
}
