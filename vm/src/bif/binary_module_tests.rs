use super::*;
use crate::bif::testing::{compare, run};
use crate::numeric::oracle::Dice;
use crate::process::Process;
use crate::term::Pid;

fn text(dice: &mut Dice, most: usize) -> String {
    let len = dice.below(most + 1);
    let bytes: Vec<String> = (0..len).map(|_| (97 + dice.below(2)).to_string()).collect();
    format!("<<{}>>", bytes.join(","))
}

#[test]
fn searches_find_what_the_stock_vm_finds() {
    let mut dice = Dice::new(3);
    let mut calls = Vec::new();
    for _ in 0..900 {
        let subject = match dice.below(30) {
            0 => "a".into(),
            1 => "<<1:1>>".into(),
            _ => text(&mut dice, 12),
        };
        let pattern = match dice.below(10) {
            0 => [
                "a",
                "[]",
                "<<>>",
                "[<<>>]",
                "[a]",
                "[<<97>>|b]",
                "{bm,a}",
                "<<1:1>>",
            ][dice.below(8)]
            .into(),
            1..6 => text(&mut dice, 3),
            _ => {
                let count = 1 + dice.below(3);
                let all: Vec<String> = (0..count).map(|_| text(&mut dice, 3)).collect();
                format!("[{}]", all.join(","))
            }
        };
        let scope = match dice.below(4) {
            0 => format!(
                "{{scope,{{{},{}}}}}",
                dice.below(8),
                dice.below(10) as i64 - 5
            ),
            1 => ["{scope,a}", "foo", "{scope,{a,1}}", "{foo,{1,1}}"][dice.below(4)].into(),
            _ => String::new(),
        };
        let mut options: Vec<String> = ["global", "trim", "trim_all"]
            .into_iter()
            .filter(|_| dice.below(2) == 0)
            .map(str::to_owned)
            .collect();
        if !scope.is_empty() {
            options.push(scope.clone());
        }
        calls.push(match dice.below(6) {
            0 => format!("binary:match({subject},{pattern})"),
            1 => format!("binary:match({subject},{pattern},[{scope}])"),
            2 => format!("binary:matches({subject},{pattern})"),
            3 => format!("binary:matches({subject},{pattern},[{scope}])"),
            4 => format!("binary:split({subject},{pattern})"),
            _ => format!("binary:split({subject},{pattern},[{}])", options.join(",")),
        });
    }
    compare(&calls);
}

#[test]
fn the_rest_is_as_in_the_stock_vm() {
    let mut dice = Dice::new(4);
    let binaries = [
        "<<>>",
        "<<1>>",
        "<<1,2,3>>",
        "<<0,255,7,8,9,10,11,12,13>>",
        "<<1,2:3>>",
        "a",
        "[]",
    ];
    let numbers = [
        "0",
        "1",
        "2",
        "-1",
        "3",
        "a",
        "256",
        "18446744073709551616",
        "-18446744073709551616",
    ];
    let mut calls = Vec::new();
    for binary in binaries {
        for name in [
            "copy",
            "first",
            "last",
            "decode_unsigned",
            "longest_common_prefix",
            "longest_common_suffix",
        ] {
            calls.push(format!("binary:{name}({binary})"));
        }
        for endian in ["big", "little", "foo"] {
            calls.push(format!("binary:decode_unsigned({binary},{endian})"));
        }
        for number in numbers {
            calls.push(format!("binary:at({binary},{number})"));
            if !number.starts_with('1') || number.len() < 5 {
                calls.push(format!("binary:copy({binary},{number})"));
            }
            for other in ["0", "1", "-1", "5", "a"] {
                calls.push(format!("binary:part({binary},{number},{other})"));
                calls.push(format!("binary:part({binary},{{{number},{other}}})"));
            }
        }
        calls.push(format!(
            "binary:compile_pattern({})",
            ["<<>>", "[]", "a", "[a]"][dice.below(4)]
        ));
    }
    for number in numbers {
        calls.push(format!("binary:encode_unsigned({number})"));
        calls.push(format!("binary:encode_unsigned({number},little)"));
    }
    for _ in 0..100 {
        let list: Vec<String> = (0..1 + dice.below(3)).map(|_| text(&mut dice, 4)).collect();
        calls.push(format!(
            "binary:longest_common_prefix([{}])",
            list.join(",")
        ));
        calls.push(format!(
            "binary:longest_common_suffix([{}])",
            list.join(",")
        ));
    }
    calls.push("binary:longest_common_prefix([<<1>>|a])".into());
    calls.push("binary:longest_common_prefix([<<1:1>>])".into());
    compare(&calls);
}

#[test]
fn long_searches_and_copies_give_way() {
    let process = Process::detached(Pid(1));
    let heap = Heap::new(&process.heap);
    let mut bytes = vec![b'a'; 3_000_000];
    bytes[2_999_998] = b'b';
    let subject = heap.binary(&bytes);
    let compiled = run(
        &process,
        compile_pattern_1,
        &[heap.list(&[heap.binary(b"b"), heap.binary(b"cc")])],
    )
    .0;
    let pattern = compiled.ok().unwrap();
    let (found, times) = run(&process, match_2, &[subject, pattern]);
    assert!(times > 1, "{times}");
    let [start, len] = found.ok().unwrap().as_tuple_of().unwrap();
    assert_eq!(
        (start.as_usize(), len.as_usize()),
        (Some(2_999_998), Some(1))
    );
    let (copy, times) = run(
        &process,
        copy_2,
        &[heap.binary(b"abc"), Term::int(10_000_000)],
    );
    assert!(times > 0, "{times}");
    let copy = copy.ok().unwrap().as_bits().unwrap();
    assert_eq!(copy.byte_len(), Some(30_000_000));
    assert_eq!(&copy.as_bytes().unwrap()[29_999_997..], b"abc");
}
