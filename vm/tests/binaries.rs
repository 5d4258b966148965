//! What binaries hold off the heap is given back to the last byte. (One test: the count is the node's.)

use std::sync::atomic::Ordering;

use vm::binary::ALLOCATED;
use vm::heap::{Heap, LiteralArea, OwnedTerm, RawHeap};
use vm::term::Term;

#[test]
fn every_counted_byte_is_given_back() {
    let mut raw = RawHeap::with_block(233);
    let mut roots: Vec<u64> = Vec::new();
    let mut kept: Vec<OwnedTerm> = Vec::new();
    let mut areas: Vec<LiteralArea> = Vec::new();
    for round in 0..400usize {
        let heap = Heap::new(&raw);
        let whole = heap.binary(&vec![round as u8; 65 + round]);
        let bits = whole.as_bits().expect("a binary is a bit string");
        let term = heap.tuple(&[whole, heap.part(bits, 3, 11), Term::OK]);
        roots.push(term.word());
        match round % 7 {
            0 => kept.push(OwnedTerm::copy_of(term)),
            1 => areas.push(LiteralArea::of(&[term, whole])),
            2 if !kept.is_empty() => {
                roots.push(kept.swap_remove(round % kept.len()).adopt(heap).word());
            }
            3 => drop(roots.swap_remove(round % roots.len())),
            4 => drop(raw.collect(&mut roots, round)),
            5 => drop(raw.shrink_to_fit(&mut roots)),
            _ => {}
        }
    }
    assert!(ALLOCATED.load(Ordering::Relaxed) > 0);
    raw.check(&mut roots).expect("a good heap");
    roots.clear();
    raw.collect_all(&mut roots, 0).expect("no limit");
    drop(kept);
    drop(areas);
    assert_eq!(ALLOCATED.load(Ordering::Relaxed), 0);
}
