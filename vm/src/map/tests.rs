//! Maps against a plain list of pairs, at sizes around every change of form.

use super::*;
use crate::heap::OwnedTerm;
use crate::numeric::oracle::Dice;
use crate::term::Kind;

/// Keys of many kinds; equal numbers give equal keys.
fn key<'h>(heap: Heap<'h>, n: i64) -> Term<'h> {
    match n % 6 {
        0 => Term::int(n as i32),
        1 => heap.float(n as f64),
        2 => heap.tuple(&[Term::int(n as i32), Term::NIL]),
        3 => heap.binary(n.to_string().as_bytes()),
        4 => heap.integer((n << 50) | 1 << 61),
        _ => heap.string(&n.to_string()),
    }
}

fn check<'h>(
    map: Term<'h>,
    model: &std::collections::BTreeMap<i64, i32>,
    heap: Heap<'h>,
    range: i64,
) {
    let map = map.as_map().expect("a map");
    assert_eq!(map.len(), model.len());
    assert_eq!(
        matches!(map.form(), MapForm::Flat { .. }),
        model.len() <= FLAT_LIMIT
    );
    for n in 0..range {
        let value = get(map, key(heap, n)).and_then(|value| value.as_small());
        assert_eq!(
            value,
            model.get(&n).map(|&value| i64::from(value)),
            "key {n}"
        );
    }
    assert_eq!(iter(map).count(), model.len());
    for (key, value) in iter(map) {
        assert!(get(map, key).expect("its own key").same(value));
    }
}

#[test]
fn behaves_as_a_list_of_pairs() {
    for (seed, range) in [(1, 20), (2, 40), (3, 80), (4, 400), (5, 3000)] {
        OwnedTerm::build(|heap| {
            let mut dice = Dice::new(seed);
            let mut model = std::collections::BTreeMap::new();
            let mut map = empty(heap);
            for step in 0..range {
                let view = map.as_map().expect("a map");
                match dice.below(6) {
                    0 => {
                        let n = dice.below(range as usize) as i64;
                        let removed = remove(heap, view, key(heap, n));
                        assert_eq!(removed.is_some(), model.remove(&n).is_some());
                        map = removed.unwrap_or(map);
                    }
                    1 => {
                        let count = dice.below(60);
                        let added: Vec<(i64, i32)> = (0..count)
                            .map(|_| (dice.below(range as usize) as i64, dice.below(99) as i32))
                            .collect();
                        let pairs: Vec<Pair<'_>> = added
                            .iter()
                            .map(|&(n, value)| (key(heap, n), Term::int(value)))
                            .collect();
                        if dice.below(2) == 0 {
                            map = put_many(heap, view, &pairs);
                            model.extend(added);
                        } else {
                            let other = from_pairs(heap, &pairs).as_map().expect("a map");
                            let theirs: std::collections::BTreeMap<_, _> =
                                added.into_iter().collect();
                            if dice.below(2) == 0 {
                                map = merge(heap, view, other);
                                model.extend(theirs);
                            } else {
                                map = merge(heap, other, view);
                                for (n, value) in theirs {
                                    model.entry(n).or_insert(value);
                                }
                            }
                        }
                    }
                    _ => {
                        let (n, value) = (dice.below(range as usize) as i64, step as i32);
                        map = put(heap, view, key(heap, n), Term::int(value));
                        model.insert(n, value);
                    }
                }
                if step % 37 == 0 || range < 100 {
                    check(map, &model, heap, range);
                }
            }
            let pairs: Vec<Pair<'_>> = iter(map.as_map().expect("a map")).collect();
            check(from_pairs(heap, &pairs), &model, heap, range);
            for &(key, _) in &pairs {
                map = remove(heap, map.as_map().expect("a map"), key).expect("a key it has");
            }
            assert!(map.as_map().expect("a map").is_empty());
            map
        });
    }
}

#[test]
fn continues_from_any_hash() {
    OwnedTerm::build(|heap| {
        let pairs: Vec<Pair<'_>> = (0..5000)
            .map(|n| (key(heap, n), Term::int(n as i32)))
            .collect();
        let map = from_pairs(heap, &pairs).as_map().expect("a map");
        let all: Vec<Pair<'_>> = iter(map).collect();
        for at in (0..all.len()).step_by(97) {
            let hash = all[at].0.internal_hash();
            let first = all
                .iter()
                .position(|(key, _)| key.internal_hash() == hash)
                .expect("there");
            let rest: Vec<Pair<'_>> = iter_from(map, hash).collect();
            assert_eq!(rest.len(), all.len() - first);
            assert!(rest[0].0.same(all[first].0));
            assert!(
                iter_from(map, hash + 1)
                    .next()
                    .is_none_or(|(key, _)| key.internal_hash() > hash)
            );
        }
        map.term()
    });
}

#[test]
fn keeps_flat_keys_in_order() {
    OwnedTerm::build(|heap| {
        let keys = [
            heap.float(1.0),
            Term::OK,
            Term::int(2),
            heap.tuple(&[]),
            Term::int(1),
        ];
        let pairs: Vec<Pair<'_>> = keys.iter().map(|&key| (key, Term::NIL)).collect();
        let map = from_pairs(heap, &pairs).as_map().expect("a map");
        let MapForm::Flat { keys, .. } = map.form() else {
            panic!("a flat map")
        };
        let order: Vec<&str> = keys
            .iter()
            .map(|key| match key.kind() {
                Kind::Small(1) => "1",
                Kind::Small(_) => "2",
                Kind::Float(_) => "1.0",
                Kind::Atom(_) => "ok",
                _ => "{}",
            })
            .collect();
        assert_eq!(order, ["1", "2", "1.0", "ok", "{}"]);
        map.term()
    });
}
