//! Reading and writing, against the stock VM where there is one.

use super::*;
use crate::atom::Atom;
use crate::heap::{Heap, OwnedTerm};
use crate::term::{Kind, Term};

fn decoded(bytes: &[u8], check: impl for<'h> FnOnce(Term<'h>, usize)) {
    OwnedTerm::build(|heap| {
        let (term, used) = decode(heap, bytes, &Options::default()).expect("a term");
        check(term, used);
        Term::NIL
    });
}

fn malformed(bytes: &[u8]) {
    OwnedTerm::build(|heap| {
        assert!(
            decode(heap, bytes, &Options::default()).is_err(),
            "{bytes:?}"
        );
        Term::NIL
    });
}

/// Decodes with a small budget, suspending whenever it is used up.
pub(super) fn decode_in_steps<'h>(heap: Heap<'h>, bytes: &[u8], step: usize) -> Option<Term<'h>> {
    let options = Options::default();
    let mut decoder = Decoder::new(1);
    loop {
        let mut budget = step;
        match decoder.run(heap, bytes, &options, &mut budget) {
            Ok(Some(term)) => return Some(term),
            Ok(None) => {
                let (progress, kept) = decoder.suspend(heap);
                decoder = Decoder::resume(progress, kept);
            }
            Err(_) => return None,
        }
    }
}

#[test]
fn reads_a_list_nested_ten_million_deep() {
    const DEPTH: usize = 10_000_000;
    let mut bytes = vec![131];
    for _ in 0..DEPTH {
        bytes.extend([108, 0, 0, 0, 1]);
    }
    bytes.resize(bytes.len() + DEPTH + 1, 106);
    decoded(&bytes, |mut term, used| {
        assert_eq!(used, bytes.len());
        let mut depth = 0;
        while let Some(cell) = term.as_cons() {
            assert!(cell.tail().is_nil());
            term = cell.head();
            depth += 1;
        }
        assert_eq!(depth, DEPTH);
    });
}

#[test]
fn reads_old_tags() {
    decoded(&[131, 100, 0, 2, b'o', b'k'], |term, _| {
        assert!(term.same(Term::OK))
    });
    decoded(&[131, 115, 2, b'o', b'k'], |term, _| {
        assert!(term.same(Term::OK))
    });
    decoded(&[131, 115, 1, 0xe5, 9], |term, used| {
        assert_eq!((term.as_atom(), used), (Atom::existing("å"), 4));
    });
    let mut float = vec![131, 99];
    float.extend(b"1.50000000000000000000e+00\0\0\0\0\0");
    decoded(&float, |term, _| {
        assert!(matches!(term.kind(), Kind::Float(1.5)))
    });
    // A local pid and a reference with creations of one byte.
    let node = b"nonode@nohost";
    let mut pid = vec![131, 103, 100, 0, 13];
    pid.extend(node);
    pid.extend([0, 0, 0, 42, 0, 0, 0, 1, 0]);
    decoded(&pid, |term, _| {
        assert_eq!(term.as_pid().map(|pid| pid.0), Some(42 | 1 << 15));
    });
    let mut reference = vec![131, 101, 100, 0, 13];
    reference.extend(node);
    reference.extend([0, 0, 0, 42, 0]);
    decoded(&reference, |term, _| match term.kind() {
        Kind::Ref(reference) => assert_eq!(reference.number(), [0, 42]),
        _ => panic!("a local reference"),
    });
    reference[18 + 4] = 1;
    decoded(&reference, |term, _| {
        assert!(matches!(term.kind(), Kind::ExternalRef(_)))
    });
}

#[test]
fn refuses_what_is_malformed() {
    for bytes in [
        &[][..],
        &[131],
        &[130, 97, 1],
        &[131, 97],
        &[131, 108, 255, 255, 255, 255, 106],
        &[131, 105, 255, 255, 255, 255, 106],
        &[131, 116, 0, 0, 0, 2, 97, 1, 97, 1, 97, 1, 97, 2],
        &[131, 70, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0],
        &[131, 77, 0, 0, 0, 1, 9, 0],
        &[131, 77, 0, 0, 0, 1, 0, 0],
        &[131, 118, 0, 1, 0xff],
        &[131, 82, 0],
        &[131, 117, 0, 0, 0, 0],
        &[131, 80, 255, 255, 255, 255, 120, 156],
        &[131, 111, 255, 255, 255, 255, 0, 1],
    ] {
        malformed(bytes);
    }
}

#[test]
fn safe_makes_no_atoms() {
    let bytes = b"\x83\x77\x19surely nobody has used it";
    let safe = Options {
        safe: true,
        ..Options::default()
    };
    OwnedTerm::build(|heap| {
        assert!(decode(heap, bytes, &safe).is_err());
        assert!(decode(heap, bytes, &Options::default()).is_ok());
        assert!(decode(heap, bytes, &safe).is_ok());
        Term::NIL
    });
}

#[test]
fn suspends_anywhere() {
    // [{0, #{k0 => 0}}, {1, #{k1 => 1}} …] and a large map.
    let mut bytes = vec![131, 104, 2, 108, 0, 0, 4, 0];
    for n in 0..1024u32 {
        bytes.extend([104, 2, 98]);
        bytes.extend(n.to_be_bytes());
        bytes.extend([116, 0, 0, 0, 1, 119, 1, b'k', 107, 0, 2, n as u8, 7]);
    }
    bytes.push(106);
    bytes.extend([116, 0, 0, 0x40, 0]);
    for n in 0..0x4000u32 {
        bytes.push(98);
        bytes.extend(n.to_be_bytes());
        bytes.extend([97, n as u8]);
    }
    for step in [1, 7, 1000] {
        OwnedTerm::build(|heap| {
            let term = decode_in_steps(heap, &bytes, step).expect("a term");
            let [list, map] = term.as_tuple_of().expect("a pair");
            assert_eq!(list.list_len(), Some(1024));
            for (n, pair) in list.list().enumerate() {
                let [number, map] = pair.as_tuple_of().expect("a pair");
                assert_eq!(number.as_usize(), Some(n));
                let (_, value) = crate::map::iter(map.as_map().expect("a map"))
                    .next()
                    .expect("one");
                assert_eq!(value.list().next().and_then(Term::as_usize), Some(n & 255));
            }
            let map = map.as_map().expect("a map");
            assert_eq!(map.len(), 0x4000);
            for n in 0..0x4000 {
                let value = crate::map::get(map, Term::int(n)).and_then(Term::as_small);
                assert_eq!(value, Some(i64::from(n & 255)));
            }
            term
        });
    }
}

#[test]
fn a_fun_read_before_its_module_is_loaded_gets_its_name_later() {
    use crate::atom::well_known;
    use crate::code::FunEntry;
    let mut bytes = vec![131, 112, 0, 0, 0, 0, 1];
    bytes.extend([9; 16]);
    bytes.extend([
        0, 0, 0, 7, 0, 0, 0, 1, 119, 1, b'm', 97, 7, 97, 5, 97, 0, 97, 1,
    ]);
    OwnedTerm::build(|heap| {
        let (term, _) = decode(heap, &bytes, &Options::default()).expect("a fun");
        let Kind::Fun(fun) = term.kind() else {
            panic!("a fun")
        };
        let entry = fun.entry();
        assert_eq!(entry.function(), well_known::UNDEFINED);
        // Another number of free variables is another fun: its code would find too few.
        assert!(!std::ptr::eq(
            FunEntry::of(entry.id, well_known::OK, 2),
            entry
        ));
        assert!(std::ptr::eq(
            FunEntry::of(entry.id, well_known::OK, 1),
            entry
        ));
        assert_eq!(entry.function(), well_known::OK);
        term
    });
}
