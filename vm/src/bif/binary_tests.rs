use super::*;
use crate::bif::testing::{compare, run};
use crate::numeric::oracle::Dice;
use crate::process::Process;
use crate::term::Pid;

/// A random I/O list, sometimes one that is none.
fn iolist(dice: &mut Dice, depth: usize) -> String {
    let bytes = |dice: &mut Dice| {
        let bytes: Vec<String> = (0..dice.below(4))
            .map(|_| dice.below(256).to_string())
            .collect();
        let odd = match dice.below(8) {
            0 => format!(
                "{}{}:{}",
                if bytes.is_empty() { "" } else { "," },
                dice.below(8),
                3
            ),
            _ => String::new(),
        };
        format!("<<{}{odd}>>", bytes.join(","))
    };
    if depth == 0 || dice.below(4) == 0 {
        return match dice.below(40) {
            0 => "256".into(),
            1 => "-1".into(),
            2 => "a".into(),
            3..20 => dice.below(256).to_string(),
            20..24 => "[]".into(),
            _ => bytes(dice),
        };
    }
    let elements: Vec<String> = (0..dice.below(5))
        .map(|_| iolist(dice, depth - 1))
        .collect();
    let tail = match dice.below(4) {
        0 if !elements.is_empty() => format!("|{}", bytes(dice)),
        1 if !elements.is_empty() => format!("|{}", iolist(dice, depth - 1)),
        _ => String::new(),
    };
    format!("[{}{tail}]", elements.join(","))
}

#[test]
fn iolists_are_joined_as_in_the_stock_vm() {
    let mut dice = Dice::new(1);
    let names = [
        "erlang:list_to_binary",
        "erlang:iolist_to_binary",
        "erlang:iolist_size",
        "erlang:list_to_bitstring",
        "erlang:iolist_to_iovec",
        "binary:list_to_bin",
    ];
    let calls: Vec<String> = (0..1500)
        .map(|index| format!("{}({})", names[index % names.len()], iolist(&mut dice, 3)))
        .collect();
    compare(&calls);
}

#[test]
fn parts_and_lists_are_those_of_the_stock_vm() {
    let mut dice = Dice::new(2);
    let binaries = [
        "<<>>",
        "<<1>>",
        "<<1,2,3>>",
        "<<1,2,3,4,5:3>>",
        "<<1:1>>",
        "a",
        "[]",
    ];
    let numbers = [
        "0",
        "1",
        "2",
        "3",
        "4",
        "-1",
        "-3",
        "5",
        "a",
        "100000000000000000000",
    ];
    let mut calls = Vec::new();
    for binary in binaries {
        for name in [
            "binary_to_list",
            "bitstring_to_list",
            "byte_size",
            "bit_size",
        ] {
            calls.push(format!("erlang:{name}({binary})"));
        }
        for _ in 0..60 {
            let (a, b) = (numbers[dice.below(10)], numbers[dice.below(10)]);
            calls.push(format!("erlang:binary_part({binary},{a},{b})"));
            calls.push(format!("erlang:binary_part({binary},{{{a},{b}}})"));
            calls.push(format!("erlang:binary_to_list({binary},{a},{b})"));
            calls.push(format!("erlang:split_binary({binary},{a})"));
        }
    }
    calls.push("erlang:binary_part(<<1>>,1)".into());
    compare(&calls);
}

#[test]
fn long_lists_give_way() {
    let process = Process::detached(Pid(1));
    let heap = Heap::new(&process.heap);
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let binary = heap.binary(&bytes);
    let skewed = heap.part(binary.as_bits().unwrap(), 3, 2_999_999 * 8);
    let inner = heap.list(&[binary, Term::int(5), skewed]);
    let mut deep = Term::NIL;
    for _ in 0..200_000 {
        deep = heap.cons(deep, heap.cons(Term::int(6), Term::NIL));
    }
    let list = heap.list(&[inner, deep]);
    let (joined, times) = run(&process, iolist_to_binary_1, &[list]);
    let joined = joined.ok().unwrap();
    assert!(times > 2, "{times}");
    assert_eq!(joined.as_bits().unwrap().byte_len(), Some(6_200_000));
    let (size, _) = run(&process, iolist_size_1, &[list]);
    assert_eq!(size.ok().unwrap().as_usize(), Some(6_200_000));
    let (vector, _) = run(&process, iolist_to_iovec_1, &[list]);
    let again = run(&process, iolist_to_binary_1, &[vector.ok().unwrap()]).0;
    let again = again.ok().unwrap();
    assert_eq!(
        again.as_bits().unwrap().as_bytes(),
        joined.as_bits().unwrap().as_bytes()
    );

    let (cells, times) = run(&process, binary_to_list_1, &[skewed]);
    assert!(times > 1, "{times}");
    let back = run(&process, list_to_binary_1, &[cells.ok().unwrap()]).0;
    assert_eq!(
        back.ok().unwrap().as_bits().unwrap().as_bytes().unwrap(),
        &*skewed.as_bits().unwrap().aligned()
    );

    let wrong = heap.list(&[list, Term::OK]);
    let (outcome, times) = run(&process, list_to_binary_1, &[wrong]);
    assert!(times > 2, "{times}");
    assert!(
        outcome
            .err()
            .unwrap()
            .reason
            .is_atom(crate::atom::well_known::BADARG)
    );
}
