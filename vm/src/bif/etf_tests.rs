use crate::atom;
use crate::bif::testing::{bif, compare, run};
use crate::etf::{self, EncodeOptions};
use crate::heap::Heap;
use crate::process::Process;
use crate::term::{Pid, Term};

const TERMS: [&str; 14] = [
    "[]",
    "1",
    "-1",
    "1.5",
    "abc",
    "\"abc\"",
    "[a,b|c]",
    "{a,1,<<1,2,3>>}",
    "<<1:3>>",
    "#{a => 1,1 => 2,1.0 => 3}",
    "-100000000000000000000000000",
    "[1,2,256]",
    "{{{}}}",
    "<<>>",
];

#[test]
fn writing_is_that_of_the_stock_vm() {
    let options = [
        "[]",
        "[compressed]",
        "[{compressed,0}]",
        "[{compressed,9}]",
        "[{compressed,10}]",
        "[{minor_version,0}]",
        "[{minor_version,2}]",
        "[{minor_version,3}]",
        "[deterministic]",
        "[x]",
        "x",
        "[compressed|x]",
        "[{compressed,a}]",
        "[local]",
    ];
    let mut calls = Vec::new();
    for term in TERMS {
        calls.push(format!("erlang:term_to_binary({term})"));
        calls.push(format!("erlang:term_to_iovec({term})"));
        calls.push(format!("erlang:external_size({term})"));
        for options in options {
            calls.push(format!("erlang:term_to_binary({term},{options})"));
            calls.push(format!("erlang:term_to_iovec({term},{options})"));
            calls.push(format!("erlang:external_size({term},{options})"));
        }
    }
    compare(&calls);
}

#[test]
fn reading_is_that_of_the_stock_vm() {
    let mut calls = Vec::new();
    for bytes in [
        "131,97,1",
        "131,97,1,2,3",
        "131",
        "130,97,1",
        "",
        "131,104,2,97,1,106",
        "131,119,5,104,101,108,108,111",
        "131,108,0,0,0,0,97,1",
        "131,116,0,0,0,1,97,1,97,2",
        "131,109,0,0,0,3,1,2,3,4",
        "131,77,0,0,0,2,3,255,255",
        "131,99,49,46,53,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,48,101,43,48,48,0,0,0,0,0",
        "131,110,0,0",
        "131,110,1,1,0",
        "131,110,9,1,1,2,3,4,5,6,7,8,9",
        "131,107,0,3,1,2,3",
        "131,107,0,0",
        "131,80,0,0,0,35,120,156,203,102,84,97,68,7,0,14,6,1,6,5",
        "131,70,63,240,0,0,0,0,0,0",
        "131,70,127,240,0,0,0,0,0,0",
        "131,120,119,1,97,0,0,0,0,0,0,0,1",
    ] {
        calls.push(format!("erlang:binary_to_term(<<{bytes}>>)"));
        for options in ["[]", "[safe]", "[used]", "[used,safe]", "[x]", "[used|x]"] {
            calls.push(format!("erlang:binary_to_term(<<{bytes}>>,{options})"));
        }
        calls.push(format!("erts_debug:dist_ext_to_term({{a,b}},<<{bytes}>>)"));
    }
    calls.push("erts_debug:dist_ext_to_term({a,b},<<131,104,2,82,1,82,0>>)".into());
    calls.push("erts_debug:dist_ext_to_term({a,b},<<131,82,2>>)".into());
    calls.push("erts_debug:dist_ext_to_term({a,1},<<131,82,0>>)".into());
    calls.push("erlang:binary_to_term(a)".into());
    calls.push("erlang:binary_to_term(<<131,97,1:3>>)".into());
    compare(&calls);
}

#[test]
fn compressed_terms_are_those_of_the_stock_vm() {
    let mut calls = Vec::new();
    for level in 1..10 {
        for elements in [30, 400, 3000] {
            let list: Vec<String> = (0..elements)
                .map(|n| (n * n % 1013 + 200).to_string())
                .collect();
            calls.push(format!(
                "erlang:term_to_binary([{}],[{{compressed,{level}}}])",
                list.join(",")
            ));
        }
    }
    compare(&calls);
}

#[test]
fn large_terms_give_way() {
    let process: &Process = Box::leak(Box::new(Process::detached(Pid(1))));
    let heap = Heap::new(&process.heap);
    let big = heap.binary(&vec![7; 5_000_000]);
    let pairs: Vec<crate::map::Pair<'_>> = (0..30_000)
        .map(|n| (Term::int(n), heap.float(f64::from(n))))
        .collect();
    let map = crate::map::from_pairs(heap, &pairs);
    let list = heap
        .list_from((0..200_000).map(|n| heap.tuple(&[Term::int(n), Term::OK, map_of(heap, n)])));
    let term = heap.tuple(&[big, map, list, big]);
    let plain = etf::encode(term, &EncodeOptions::default()).expect("not too large");
    let compressed = heap.list(&[Term::atom(atom!("compressed"))]);

    let (binary, times) = run(process, bif("erlang", "term_to_binary", 1), &[term]);
    let Ok(binary) = binary else {
        panic!("a binary")
    };
    assert!(times > 5);
    assert!(binary.as_bits().and_then(|bits| bits.as_bytes()) == Some(&plain[..]));
    let (pieces, times) = run(process, bif("erlang", "term_to_iovec", 1), &[term]);
    let Ok(pieces) = pieces else { panic!("a list") };
    assert!(times > 5);
    let pieces: Vec<&[u8]> = pieces
        .list()
        .filter_map(|piece| piece.as_bits()?.as_bytes())
        .collect();
    assert_eq!(pieces.len(), 4);
    assert!(pieces.concat() == plain);
    let (packed, times) = run(
        process,
        bif("erlang", "term_to_binary", 2),
        &[term, compressed],
    );
    let Ok(packed) = packed else {
        panic!("a binary")
    };
    assert!(times > 5);

    let skewed = {
        let bytes = packed
            .as_bits()
            .and_then(|bits| bits.as_bytes())
            .expect("a binary");
        let shifted: Vec<u8> = std::iter::once(bytes[0] >> 3)
            .chain(bytes.windows(2).map(|two| two[0] << 5 | two[1] >> 3))
            .chain([bytes[bytes.len() - 1] << 5])
            .collect();
        let whole = heap.binary(&shifted).as_bits().expect("a binary");
        heap.part(whole, 3, bytes.len() * 8)
    };
    let used = heap.list(&[Term::atom(atom!("used"))]);
    for source in [binary, packed, skewed] {
        let (back, times) = run(process, bif("erlang", "binary_to_term", 2), &[source, used]);
        let Ok(back) = back else { panic!("a term") };
        let [back, used] = back.as_tuple_of().expect("a pair");
        assert!(times > 5);
        assert!(back.exactly_equals(term));
        assert_eq!(
            used.as_usize(),
            source.as_bits().and_then(|bits| bits.byte_len())
        );
    }
    let cut = heap.binary(&plain[..plain.len() - 1]);
    let (failed, times) = run(process, bif("erlang", "binary_to_term", 1), &[cut]);
    let Err(failed) = failed else {
        panic!("a term that is cut")
    };
    assert!(
        times > 5
            && failed
                .args
                .is_some_and(|args| args.list().next().is_some_and(|arg| arg.same(cut)))
    );
}

fn map_of<'h>(heap: Heap<'h>, n: i32) -> Term<'h> {
    heap.flat_map(&[Term::OK], &[Term::int(n)])
}

#[test]
fn depth_takes_no_native_stack() {
    let process: &Process = Box::leak(Box::new(Process::detached(Pid(1))));
    let heap = Heap::new(&process.heap);
    let mut term = Term::NIL;
    for n in 0..1_000_000 {
        term = match n % 2 {
            0 => heap.list(&[term, Term::OK]),
            _ => heap.tuple(&[term, Term::OK]),
        };
    }
    let (binary, _) = run(process, bif("erlang", "term_to_binary", 1), &[term]);
    let Ok(binary) = binary else {
        panic!("a binary")
    };
    let (back, _) = run(process, bif("erlang", "binary_to_term", 1), &[binary]);
    assert!(back.is_ok_and(|back| back.exactly_equals(term)));
}
