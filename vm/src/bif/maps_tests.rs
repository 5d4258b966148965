use crate::atom;
use crate::bif::testing::{bif, compare, run};
use crate::heap::Heap;
use crate::map;
use crate::numeric::oracle::Dice;
use crate::process::Process;
use crate::term::{Pid, Term};

fn detached() -> &'static Process {
    Box::leak(Box::new(Process::detached(Pid(1))))
}

#[test]
fn small_maps_behave_as_in_the_stock_vm() {
    let mut dice = Dice::new(21);
    let keys = [
        "a",
        "b",
        "'B'",
        "1",
        "1.0",
        "2",
        "{a,1}",
        "[x]",
        "<<1,2>>",
        "#{a => 1}",
        "100000000000000000000",
    ];
    let mut calls = Vec::new();
    for _ in 0..1500 {
        let pick = |dice: &mut Dice| keys[dice.below(keys.len())];
        let pairs: Vec<(&str, usize)> = (0..dice.below(7))
            .map(|_| (pick(&mut dice), dice.below(9)))
            .collect();
        let list: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("{{{key},{value}}}"))
            .collect();
        let tail = match dice.below(12) {
            0 if !list.is_empty() => "|a",
            1 if !list.is_empty() => ",{a}",
            _ => "",
        };
        let list = format!("[{}{tail}]", list.join(","));
        let map: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("{key} => {value}"))
            .collect();
        let map = match dice.below(15) {
            0 => "a".to_owned(),
            _ => format!("#{{{}}}", map.join(",")),
        };
        let key = pick(&mut dice);
        let other = [
            "#{a => x,1 => y}",
            "#{}",
            "[]",
            "#{{a,1} => 1,[x] => 2,1.0 => 3}",
        ][dice.below(4)];
        calls.push(match dice.below(18) {
            0 => format!("maps:from_list({list})"),
            1 => format!("maps:from_keys({list},v)"),
            2 => format!("maps:find({key},{map})"),
            3 => format!("maps:get({key},{map})"),
            4 => format!("maps:is_key({key},{map})"),
            5 => format!("maps:keys({map})"),
            6 => format!("maps:values({map})"),
            7 => format!("maps:merge({map},{other})"),
            8 => format!("maps:merge({other},{map})"),
            9 => format!("maps:put({key},v,{map})"),
            10 => format!("maps:remove({key},{map})"),
            11 => format!("maps:take({key},{map})"),
            12 => format!("maps:update({key},v,{map})"),
            13 => format!("erlang:map_size({map})"),
            14 => format!("erts_internal:map_next({},{map},iterator)", dice.below(4)),
            15 => format!(
                "erts_internal:map_next(0,{map},{})",
                ["[]", "[x,y]", "x", "-1"][dice.below(4)]
            ),
            16 => format!("erts_internal:map_to_tuple_keys({map})"),
            _ => format!("erts_debug:map_info({map})"),
        });
    }
    compare(&calls);
}

#[test]
fn large_maps_give_way() {
    let process = detached();
    let heap = Heap::new(&process.heap);
    let count = 50_000;
    let list = heap.list_from((0..count).map(|n| heap.tuple(&[Term::int(n), Term::int(-n)])));
    let (map, times) = run(process, bif("maps", "from_list", 1), &[list]);
    let map = map.unwrap_or_else(|_| panic!("a map"));
    assert!(times > 2);
    let view = map.as_map().expect("a map");
    assert_eq!(view.len(), count as usize);
    assert!(
        (0..count)
            .all(|n| map::get(view, Term::int(n)).is_some_and(|value| value.same(Term::int(-n))))
    );

    let (keys, times) = run(process, bif("maps", "keys", 1), &[map]);
    let (values, _) = run(process, bif("maps", "values", 1), &[map]);
    assert!(times > 0);
    let (Ok(keys), Ok(values)) = (keys, values) else {
        panic!("lists")
    };
    assert_eq!(keys.list_len(), Some(count as usize));
    let zipped = keys.list().zip(values.list());
    assert!(
        zipped
            .clone()
            .all(|(key, value)| key.as_small() == value.as_small().map(|n| -n))
    );
    assert_eq!(zipped.count(), count as usize);

    let others = heap.list_from((count / 2..2 * count).map(Term::int));
    let (other, _) = run(process, bif("maps", "from_keys", 2), &[others, Term::OK]);
    let Ok(other) = other else { panic!("a map") };
    for (under, over, in_both) in [(map, other, Term::OK), (other, map, Term::int(1 - count))] {
        let (merged, times) = run(process, bif("maps", "merge", 2), &[under, over]);
        let Ok(merged) = merged else { panic!("a map") };
        assert!(times > 2);
        let merged = merged.as_map().expect("a map");
        assert_eq!(merged.len(), 2 * count as usize);
        assert!(map::get(merged, Term::int(count - 1)).is_some_and(|value| value.same(in_both)));
    }
    // The same map whichever way it came about.
    let (again, _) = run(process, bif("maps", "merge", 2), &[map, map]);
    assert!(again.is_ok_and(|again| again.exactly_equals(map)));

    let broken = heap.list_with_tail(&[list.list().next().expect("an element"); 20_000], Term::OK);
    let (failed, times) = run(process, bif("maps", "from_list", 1), &[broken]);
    let Err(failed) = failed else {
        panic!("an improper list")
    };
    assert!(
        times > 0
            && failed
                .args
                .is_some_and(|args| args.list().next().is_some_and(|arg| arg.same(broken)))
    );
}

#[test]
fn iterators_visit_each_association_once() {
    let process = detached();
    let heap = Heap::new(&process.heap);
    let next = bif("erts_internal", "map_next", 3);
    let pairs: Vec<map::Pair<'_>> = (0..3000).map(|n| (Term::int(n), Term::int(n))).collect();
    let map = map::from_pairs(heap, &pairs);
    let mut seen = std::collections::HashSet::new();
    let mut at = heap.cons(Term::int(0), map);
    loop {
        if let Some(cell) = at.as_cons() {
            at = run(
                process,
                next,
                &[cell.head(), cell.tail(), Term::atom(atom!("iterator"))],
            )
            .0
            .unwrap_or_else(|_| panic!("a place that the iterator gave"));
        }
        match at.as_tuple_of() {
            Some([key, value, rest]) => {
                assert!(key.same(value) && seen.insert(key.word()));
                at = rest;
            }
            None if at.as_cons().is_some() => {}
            None => break,
        }
    }
    assert_eq!(seen.len(), 3000);

    let (mut path, mut acc, mut steps) = (Term::int(0), Term::NIL, 0);
    let list = loop {
        let (list, _) = run(process, next, &[path, map, acc]);
        let list = list.unwrap_or_else(|_| panic!("a place that it gave"));
        steps += 1;
        let first = list.as_cons().expect("not empty");
        if !first.head().is_integer() {
            break list;
        }
        let second = first.tail().as_cons().expect("the map");
        (path, acc) = (first.head(), second.tail());
    };
    assert!(steps > 2);
    assert!(list.exactly_equals(map::to_list(heap, map.as_map().expect("a map"))));
    assert!(
        run(process, next, &[Term::int(-1), map, Term::NIL])
            .0
            .is_err()
    );
    let end = heap.unsigned(u64::MAX);
    assert!(run(process, next, &[end, map, Term::NIL]).0.is_err());
}
