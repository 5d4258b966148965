//! Terms compared as the stock VM compares them.

use std::cmp::Ordering;

use super::Term;
use super::word::{SMALL_MAX, SMALL_MIN};
use crate::atom::Atom;
use crate::heap::testing::{self, Random, hash_map, source};
use crate::heap::{Heap, RawHeap};
use crate::node_name;
use crate::numeric::oracle;

/// Numbers at the places where floats and integers of either size meet.
fn numbers<'h>(heap: Heap<'h>) -> Vec<Term<'h>> {
    let two_53 = 1i64 << 53;
    let mut all: Vec<Term<'h>> = [
        0,
        1,
        -1,
        7,
        two_53 - 1,
        two_53,
        two_53 + 1,
        SMALL_MAX,
        SMALL_MIN,
    ]
    .iter()
    .map(|&value| heap.integer(value))
    .collect();
    all.extend([1u64 << 60, (1 << 60) + 1, u64::MAX].map(|value| heap.unsigned(value)));
    all.push(heap.integer(-(1 << 60) - 1));
    all.push(heap.big(false, &[0, 1]));
    all.push(heap.big(true, &[0, 1]));
    all.push(heap.big(false, &[1, 0, 1 << 63]));
    all.push(heap.big(false, &[3; 40]));
    all.push(heap.big(true, &[3; 40]));
    let floats = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1.5,
        7.0,
        9_007_199_254_740_992.0,
        1_152_921_504_606_846_976.0,
        -1_152_921_504_606_846_976.0,
        18_446_744_073_709_551_616.0,
        1.0e19,
        1.0e300,
        -1.0e300,
        5e-324,
    ];
    all.extend(floats.map(|value| heap.float(value)));
    all
}

/// Some hash maps: alike, with another value, with another key, with numbers that are equal only by `==`.
fn hash_maps<'h>(heap: Heap<'h>, random: &mut Random) -> Vec<Term<'h>> {
    let pairs: Vec<(Term<'h>, Term<'h>)> = (0..40)
        .map(|key| (Term::int(key), Term::int(key % 3)))
        .collect();
    let mut all = vec![hash_map(heap, &pairs)];
    for _ in 0..12 {
        let mut other = pairs.clone();
        for _ in 0..random.below(3) {
            let at = random.below(40);
            other[at].1 = [Term::int(9), heap.float(1.0), Term::OK][random.below(3)];
        }
        for _ in 0..random.below(2) {
            let at = random.below(40);
            let key = random.below(100) as i32;
            other[at].0 = [
                heap.float(f64::from(key)),
                Term::int(100 + key),
                heap.list(&[Term::int(key)]),
                all[random.below(all.len())],
            ][random.below(4)];
        }
        all.push(hash_map(heap, &other));
    }
    all
}

fn identifiers<'h>(heap: Heap<'h>) -> Vec<Term<'h>> {
    let mut all = Vec::new();
    for (name, creation) in [("b@host", 1), ("b@host", 2), ("zzz@host", 1)] {
        let node = node_name::intern(Atom::new(name).expect("an atom"), creation);
        for number in [1, 2, 1 << 32, (1 << 32) + 1] {
            all.push(heap.external_pid(node, number));
            all.push(heap.external_port(node, number));
        }
        all.push(heap.external_ref(node, &[1, 2, 3]));
        all.push(heap.external_ref(node, &[2, 1, 3]));
        all.push(heap.external_ref(node, &[1, 2]));
        all.push(heap.external_ref(node, &[1, 2, 3, 4, 5]));
    }
    for number in [1, 2, 1 << 15, (1 << 15) + 1] {
        all.push(Term::pid(super::Pid(number)));
        all.push(Term::port(super::PortId(number)));
    }
    for number in [[1, 1], [1, 2], [1 << 32, 1]] {
        all.push(heap.reference(number));
    }
    all
}

/// 0 to 3 as in the expression below.
fn verdict(a: Term<'_>, b: Term<'_>) -> u8 {
    let order = a.compare(b);
    assert_eq!(a.equals(b), order.is_eq());
    assert_eq!(b.compare(a), order.reverse());
    let exact = a.compare_keys(b);
    assert_eq!(a.exactly_equals(b), exact.is_eq());
    assert_eq!(b.compare_keys(a), exact.reverse());
    match order {
        Ordering::Less => 1,
        Ordering::Equal if a.exactly_equals(b) => 3,
        Ordering::Equal => 2,
        Ordering::Greater => 0,
    }
}

fn check(terms: &[Term<'_>]) {
    let (terms, sources): (Vec<Term<'_>>, Vec<String>) = terms
        .iter()
        .filter_map(|&term| Some((term, source(term)?)))
        .unzip();
    let expression = format!(
        "begin L = [{}], binary_to_list(<< <<(if A < B -> $1; A =:= B -> $3; A == B -> $2; true -> $0 end)>> \
         || A <- L, B <- L >>) end",
        sources.join(",")
    );
    let Some(answer) = oracle::erl(&[expression]) else {
        return;
    };
    let answers: Vec<u8> = answer[0]
        .trim_matches(['[', ']'])
        .split(',')
        .map(|code| match code.parse::<u8>() {
            Ok(code) => code - b'0',
            Err(_) => panic!("the stock VM says {}", answer[0]),
        })
        .collect();
    assert_eq!(answers.len(), terms.len() * terms.len());
    for (i, &a) in terms.iter().enumerate() {
        for (j, &b) in terms.iter().enumerate() {
            assert_eq!(
                verdict(a, b),
                answers[i * terms.len() + j],
                "{} and {}",
                sources[i],
                sources[j]
            );
        }
    }
}

#[test]
fn terms_compare_as_in_the_stock_vm() {
    let raw = RawHeap::detached();
    let heap = Heap::new(&raw);
    let random = &mut Random::new(3);
    check(&numbers(heap));
    check(&identifiers(heap));
    check(&hash_maps(heap, random));
    let mut mixed = Vec::new();
    let mut shared = numbers(heap);
    shared.extend(hash_maps(heap, random).iter().take(3));
    while mixed.len() < 250 {
        mixed.push(testing::term(heap, random, 3, &mut shared));
        shared.truncate(60);
    }
    check(&mixed);
}

/// Keys of maps: integers before floats, whatever their values.
#[test]
fn the_order_of_keys_tells_integers_from_floats() {
    let raw = RawHeap::detached();
    let heap = Heap::new(&raw);
    assert!(Term::int(2).compare_keys(heap.float(1.0)).is_lt());
    assert!(
        heap.float(1.0)
            .compare_keys(heap.big(false, &[1, 1]))
            .is_gt()
    );
    assert!(Term::int(1).compare(heap.float(1.0)).is_eq());
    let map = |key| heap.flat_map(&[key], &[Term::OK]);
    assert!(map(Term::int(2)).compare(map(heap.float(1.0))).is_lt());
    assert!(!map(Term::int(1)).equals(map(heap.float(1.0))));
    let value = |value| heap.flat_map(&[Term::OK], &[value]);
    assert!(value(Term::int(1)).equals(value(heap.float(1.0))));
    assert!(!value(Term::int(1)).exactly_equals(value(heap.float(1.0))));
}

#[test]
fn depth_is_no_matter() {
    let raw = RawHeap::detached();
    let heap = Heap::new(&raw);
    let narrow = |last| (0..300_000).fold(last, |inner, _| heap.list(&[inner, Term::OK]));
    let keys = |last| {
        (0..100_000).fold(last, |inner, number| {
            let value = Term::int(number % 7);
            heap.tuple(&[heap.flat_map(&[inner], &[value]), value])
        })
    };
    let values = |last| {
        (0..2000).fold(last, |inner, _| {
            let mut pairs: Vec<(Term<'_>, Term<'_>)> =
                (0..33).map(|key| (Term::int(key), Term::OK)).collect();
            pairs[7].1 = inner;
            hash_map(heap, &pairs)
        })
    };
    let check = |a: Term<'_>, b: Term<'_>, c: Term<'_>| {
        assert!(a.equals(b) && a.exactly_equals(b) && a.compare(b).is_eq());
        assert!(!a.equals(c) && a.compare(c).is_lt() && c.compare(a).is_gt());
        assert_eq!(a.internal_hash(), b.internal_hash());
        assert_ne!(a.internal_hash(), c.internal_hash());
    };
    let (one, two) = (Term::int(1), Term::int(2));
    check(narrow(one), narrow(one), narrow(two));
    check(keys(one), keys(one), keys(two));
    check(values(one), values(one), values(two));
}
