use super::*;
use crate::bif::testing::{compare, run as call_bif};
use crate::heap::Heap;
use crate::numeric::oracle::Dice;
use crate::process::Process;
use crate::term::Pid;

/// A string as a binary in Erlang's syntax.
fn bytes(text: &str) -> String {
    let bytes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    format!("<<{}>>", bytes.join(","))
}

#[test]
fn matches_are_those_of_the_stock_vm() {
    let patterns = [
        "a",
        "(a)(b)?",
        "a*",
        "(?<x>a)|(?<y>b)",
        "^b",
        "b$",
        "[ab]+",
        "(?i)AB",
        "\\w+",
        "\\bab\\b",
        "(a|b)*c",
        "a{2,3}",
        "(?=a)b",
        "(?!a).",
        "(?<=a)b",
        "(a)\\1",
        "x|y|",
        ".",
        "\\R",
        "\\s",
        "(?:ab)+?",
        "a++b",
        "(?>a*)a",
        "\\j",
        "\\N",
        "(?|(a)|(b))",
        "(?(?=a)a|b)",
        "\\p{L}",
        "(?<n>a)(?P=n)",
        "(*ACCEPT)a",
        "a(?#c)b",
        "(?m)^b$",
        "(?s).+",
        "\\Qa.b\\E",
        "[[:alpha:]]+",
        "\\x62",
        "\\Ab\\z",
        "(a)|b(c)",
    ];
    let subjects = [
        "", "a", "ab", "aab", "b", "xyz", "AB", "a\nb", "a\r\nb", "aaaa", "b c", "abcabc", "ca",
    ];
    let options = [
        "",
        "caseless",
        "multiline",
        "dotall",
        "extended",
        "anchored",
        "notempty",
        "notbol",
        "noteol",
        "ungreedy",
        "dollar_endonly",
        "firstline",
        "no_auto_capture",
        "{newline,crlf}",
        "{newline,any}",
        "bsr_anycrlf",
        "{offset,1}",
        "{capture,none}",
        "{capture,first}",
        "{capture,all_but_first}",
        "{capture,all,list}",
        "{capture,all,binary}",
        "{capture,[1,0,7],binary}",
        "{capture,[x,<<121>>],list}",
        "{capture,all_names,binary}",
        "{capture,[2,1]}",
        "{capture,foo}",
        "{capture,all,foo}",
        "foo",
        "notempty_atstart",
        "ucp",
        "unicode",
        "{match_limit,100000}",
        "report_errors",
        "dupnames",
    ];
    let mut dice = Dice::new(9);
    let mut calls = Vec::new();
    for _ in 0..2500 {
        let (pattern, subject) = (
            patterns[dice.below(patterns.len())],
            subjects[dice.below(subjects.len())],
        );
        let mut chosen = Vec::new();
        for _ in 0..dice.below(3) {
            let option = options[dice.below(options.len())];
            if !option.is_empty() {
                chosen.push(option);
            }
        }
        // An offset beyond the end ends the stock VM's process.
        chosen.retain(|option| !option.starts_with("{offset") || !subject.is_empty());
        // These are done by Erlang code.
        let as_list = chosen.iter().any(|option| option.contains(",list"));
        chosen.retain(|&option| !(option == "unicode" && as_list));
        calls.push(format!(
            "re:run({},{},[{}])",
            bytes(subject),
            bytes(pattern),
            chosen.join(",")
        ));
    }
    compare(&calls);
}

#[test]
fn wrong_patterns_are_refused_as_by_the_stock_vm() {
    let patterns = [
        "(",
        ")",
        "a)",
        "[",
        "[a",
        "*",
        "a**",
        "(?",
        "(?<",
        "(?<a",
        "(?<1a>b)",
        "(?<a>x)(?<a>y)",
        "a{3,2}",
        "[b-a]",
        "\\",
        "(?P<a",
        "(?'a",
        "(?P",
        "(?z)",
        "[[:foo:]]",
        "\\x{110000}",
        "\\1",
        "(a)\\2",
        "(?1)",
        "(?R",
        "(?#",
        "(?C256)",
        "(?(1)a|b|c)",
        "(?<=a*)b",
        "(?<=a|bc*)",
        "[[.a.]]",
        "\\c",
        "\\p{Foo}",
        "\\p",
        "\\p{",
        "(*FOO)",
        "(?(DEFINE)a|b)",
        "\\g",
        "\\g{",
        "\\k",
        "\\k{",
        "a{99999}",
        "(?+",
        "(?(",
        "(?(a",
        "\\L",
        "\\u",
        "\\N{a}",
        "[:alpha:]",
        "\\o",
        "\\o{",
        "\\o{9}",
        "\\x{",
        "\\x{g}",
        "[\\N]",
        "(*MARK)",
        "[a-\\d]",
        "(?&x)",
        "(?P>x)",
        "(?P=x)",
        "\\k<x>",
        "(?-1)",
        "\\g{-1}",
    ];
    let mut calls = Vec::new();
    for pattern in patterns {
        calls.push(format!("re:compile({})", bytes(pattern)));
        calls.push(format!("re:run(<<>>,{},[report_errors])", bytes(pattern)));
        calls.push(format!("re:run(<<>>,{})", bytes(pattern)));
    }
    for options in [
        "[global]",
        "[foo]",
        "foo",
        "[caseless|a]",
        "[{newline,foo}]",
        "[{newline,any},{newline,crlf}]",
    ] {
        calls.push(format!("re:compile(<<40>>,{options})"));
    }
    // What compiles differs in its code.
    let Some(answers) = crate::numeric::oracle::erl(&calls) else {
        return;
    };
    let calls: Vec<String> = calls
        .into_iter()
        .zip(answers)
        .filter(|(_, answer)| !answer.contains("re_pattern"))
        .map(|(call, _)| call)
        .collect();
    compare(&calls);
}

#[test]
fn compiled_patterns_match_and_tell_their_names() {
    let process = Process::detached(Pid(1));
    let heap = Heap::new(&process.heap);
    let pattern = heap.binary("(?<second>å)|(?<first>b)".as_bytes());
    let unicode = heap.list(&[Term::atom(crate::atom!("unicode"))]);
    let compiled = call_bif(&process, compile_2, &[pattern, unicode])
        .0
        .ok()
        .unwrap();
    let [_, compiled] = compiled.as_tuple_of().unwrap();
    let elements = compiled.as_tuple().unwrap().elements();
    assert_eq!(
        elements[1..4]
            .iter()
            .map(|term| term.as_small().unwrap())
            .collect::<Vec<_>>(),
        [2, 1, 0]
    );
    let subject = heap.binary("xåb".as_bytes());
    let found = call_bif(&process, run_2, &[subject, compiled])
        .0
        .ok()
        .unwrap();
    assert_eq!(crate::bif::testing::show(found), "{match,[{1,2},{1,2}]}");
    let names = call_bif(
        &process,
        inspect_2,
        &[compiled, Term::atom(crate::atom!("namelist"))],
    )
    .0;
    let names = names.ok().unwrap();
    let wanted = heap.tuple(&[
        Term::atom(crate::atom!("namelist")),
        heap.list(&[heap.binary(b"first"), heap.binary(b"second")]),
    ]);
    assert!(names.exactly_equals(wanted));
    let broken = heap.binary(b"x\xFF");
    assert!(call_bif(&process, run_2, &[broken, compiled]).0.is_err());
}

#[test]
fn letters_of_latin1_are_letters() {
    let process = Process::detached(Pid(1));
    let heap = Heap::new(&process.heap);
    let first = heap.list(&[Term::atom(crate::atom!("caseless"))]);
    let found = call_bif(
        &process,
        run_3,
        &[heap.binary(b" \xC5\xE5"), heap.binary(b"(\xE5)\\w"), first],
    )
    .0;
    assert_eq!(
        crate::bif::testing::show(found.ok().unwrap()),
        "{match,[{1,2},{1,1}]}"
    );
}

#[test]
fn a_match_that_takes_long_goes_on_elsewhere() {
    let process = Process::detached(Pid(1));
    let heap = Heap::new(&process.heap);
    let subject = heap.binary(&[&[b'a'; 24][..], b"c"].concat());
    let pattern = heap.binary(b"^(a|aa)+$");
    let report = heap.list(&[Term::atom(crate::atom!("report_errors"))]);
    let mut args: Vec<Term<'_>> = vec![subject, pattern, report];
    let mut waited = 0;
    let result = loop {
        let held: &[Term<'_>] = Box::leak(args.clone().into_boxed_slice());
        match run_3(Call::new(&process, held)) {
            Ok(term) => break term,
            Err(Stop::Trap(trap)) => match *trap {
                Trap::Wait { args: next } => {
                    args = next.to_vec();
                    waited += 1;
                }
                _ => panic!("an unexpected trap"),
            },
            Err(Stop::Raise(_)) => panic!("an exception"),
        }
    };
    assert!(waited > 0);
    assert_eq!(crate::bif::testing::show(result), "nomatch");
}
