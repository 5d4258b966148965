//! Measures the collector and the copier: `cargo run --release -p vm --example collect_time`.

use std::time::{Duration, Instant};

use vm::heap::{Heap, OwnedTerm, RawHeap};
use vm::term::Term;

fn main() {
    tree();
    list();
    garbage();
    message();
}

fn tree_of(heap: Heap<'_>, depth: u32) -> Term<'_> {
    if depth == 0 {
        return heap.tuple(&[Term::NIL, Term::OK, Term::NIL]);
    }
    let (left, right) = (tree_of(heap, depth - 1), tree_of(heap, depth - 1));
    heap.tuple(&[left, Term::int(1), right])
}

/// The best of some runs: what others do on the machine only adds.
fn best(runs: u32, mut run: impl FnMut() -> Duration) -> Duration {
    (0..runs).map(|_| run()).min().unwrap_or_default()
}

fn show(what: &str, words: usize, time: Duration) {
    let rate = words as f64 / time.as_secs_f64() / 1e6;
    println!("{what}: {words} words in {time:?}, {rate:.0} million words a second");
}

/// A tree of four million words, moved whole.
fn tree() {
    let mut raw = RawHeap::with_block(233);
    let mut roots = vec![tree_of(Heap::new(&raw), 19).word()];
    raw.collect_all(&mut roots, 0).expect("no limit");
    let words = raw.used_words();
    let time = best(9, || {
        let start = Instant::now();
        raw.collect_all(&mut roots, 0).expect("no limit");
        start.elapsed()
    });
    show("full collection of a tree", words, time);
}

/// A list of small integers, moved whole.
fn list() {
    let mut raw = RawHeap::with_block(233);
    let heap = Heap::new(&raw);
    let list = (0..2_000_000).fold(Term::NIL, |rest, number| heap.cons(Term::int(number), rest));
    let mut roots = vec![list.word()];
    raw.collect_all(&mut roots, 0).expect("no limit");
    let words = raw.used_words();
    let time = best(9, || {
        let start = Instant::now();
        raw.collect_all(&mut roots, 0).expect("no limit");
        start.elapsed()
    });
    show("full collection of a list", words, time);
}

/// A process that keeps a small tree and makes garbage all the time.
fn garbage() {
    let mut raw = RawHeap::with_block(233);
    let mut roots = vec![tree_of(Heap::new(&raw), 8).word()];
    let mut made = 0;
    let start = Instant::now();
    while made < 100_000_000 {
        raw.collect(&mut roots, 1000).expect("no limit");
        let heap = Heap::new(&raw);
        while raw.free_words() > 20 {
            heap.tuple(&[Term::OK; 9]);
            made += 10;
        }
    }
    show("making garbage", made, start.elapsed());
}

/// A small message and a large one, copied and dropped.
fn message() {
    for (what, depth, times) in [("small message", 1, 300_000), ("large message", 14, 50)] {
        let owned = OwnedTerm::build(|heap| tree_of(heap, depth));
        let time = best(5, || {
            let start = Instant::now();
            for _ in 0..times {
                std::hint::black_box(OwnedTerm::message_of(owned.term()));
            }
            start.elapsed()
        });
        show(what, owned.words() * times, time);
    }
}
