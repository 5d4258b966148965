//! Thousands of made-up terms: the bytes must be the stock VM's, and give the terms back; bytes that were
//! tampered with must not do worse than fail.

use super::tests::decode_in_steps;
use super::*;
use crate::atom::Atom;
use crate::code::{Export, Mfa};
use crate::heap::{Heap, OwnedTerm};
use crate::numeric::float;
use crate::numeric::oracle::{Dice, erl};
use crate::term::Term;

/// A term and its Erlang source. `large` maps may stand in other order than in the stock VM.
fn term<'h>(heap: Heap<'h>, dice: &mut Dice, depth: usize, large: &mut bool) -> (Term<'h>, String) {
    let kinds = if depth == 0 { 8 } else { 14 };
    let size = dice.below(6);
    match dice.below(kinds) {
        0 => integer(heap, dice),
        1 => {
            let value = f64::from_bits(dice.next());
            let value = if value.is_finite() { value } else { 0.5 };
            let mut text = Vec::new();
            float::print(value, float::Format::Short, &mut text).expect("a short float");
            (heap.float(value), String::from_utf8(text).expect("ASCII"))
        }
        2 | 3 => atom(dice),
        4 => (Term::NIL, "[]".into()),
        5 => {
            let bytes: Vec<u8> = (0..dice.below(100)).map(|_| dice.next() as u8).collect();
            (heap.binary(&bytes), format!("<<{}>>", numbers(&bytes)))
        }
        6 => {
            let mut bytes: Vec<u8> = (0..1 + dice.below(80)).map(|_| dice.next() as u8).collect();
            let bits = 1 + dice.below(7);
            let source = format!("<<{},{}:{bits}>>", numbers(&bytes), 1);
            bytes.push(1 << (8 - bits));
            (heap.bitstring(&bytes, (bytes.len() - 1) * 8 + bits), source)
        }
        7 => {
            let mfa = Mfa {
                module: Atom::from_static("lists"),
                function: Atom::from_static("map"),
                arity: dice.below(4) as u32,
            };
            let source = format!("fun lists:map/{}", mfa.arity);
            (heap.export_fun(Export::of(mfa)), source)
        }
        8 | 9 => {
            let (elements, sources) = many(heap, dice, depth, size, large);
            (heap.list(&elements), format!("[{}]", sources.join(",")))
        }
        10 => {
            let (elements, sources) = many(heap, dice, depth, size + 1, large);
            let (tail, tail_source) = atom(dice);
            (
                heap.list_with_tail(&elements, tail),
                format!("[{}|{tail_source}]", sources.join(",")),
            )
        }
        11 => {
            let (elements, sources) = many(heap, dice, depth, size, large);
            (heap.tuple(&elements), format!("{{{}}}", sources.join(",")))
        }
        12 => {
            let bytes: Vec<u8> = (0..1 + dice.below(30)).map(|_| dice.next() as u8).collect();
            (
                heap.byte_list(&bytes, Term::NIL),
                format!("[{}]", numbers(&bytes)),
            )
        }
        _ => {
            let count = if dice.below(8) == 0 { 40 } else { size };
            *large |= count > crate::map::FLAT_LIMIT;
            let (keys, key_sources) = many(heap, dice, depth, count, large);
            let (values, value_sources) = many(heap, dice, depth - 1, count, large);
            let pairs: Vec<crate::map::Pair<'_>> = keys.into_iter().zip(values).collect();
            let sources: Vec<String> = key_sources
                .iter()
                .zip(&value_sources)
                .map(|(key, value)| format!("{key} => {value}"))
                .collect();
            (
                crate::map::from_pairs(heap, &pairs),
                format!("#{{{}}}", sources.join(",")),
            )
        }
    }
}

fn many<'h>(
    heap: Heap<'h>,
    dice: &mut Dice,
    depth: usize,
    count: usize,
    large: &mut bool,
) -> (Vec<Term<'h>>, Vec<String>) {
    (0..count)
        .map(|_| term(heap, dice, depth.saturating_sub(1), large))
        .unzip()
}

fn integer<'h>(heap: Heap<'h>, dice: &mut Dice) -> (Term<'h>, String) {
    let most = if dice.below(20) == 0 { 40 } else { 3 };
    let mut limbs: Vec<u64> = (0..1 + dice.below(most)).map(|_| dice.next()).collect();
    let negative = dice.below(2) == 0;
    if let Some(top) = limbs.last_mut() {
        *top >>= dice.below(64);
    }
    let digits: String = limbs
        .iter()
        .rev()
        .map(|limb| format!("{limb:016x}"))
        .collect();
    let sign = if negative { "-" } else { "" };
    (heap.big(negative, &limbs), format!("{sign}16#{digits}"))
}

fn atom<'h>(dice: &mut Dice) -> (Term<'h>, String) {
    let range = [128, 256, 0x3000][dice.below(3)];
    let len = [3, 10, 255][dice.below(3)];
    let name: String = (0..dice.below(len + 1))
        .filter_map(|_| char::from_u32(32 + dice.below(range - 32) as u32))
        .collect();
    let source: String = name
        .chars()
        .map(|char| format!("\\x{{{:x}}}", u32::from(char)))
        .collect();
    (
        Term::atom(Atom::new(&name).expect("a short name")),
        format!("'{source}'"),
    )
}

fn numbers(bytes: &[u8]) -> String {
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    numbers.join(",")
}

fn bytes_of(printed: &str) -> Vec<u8> {
    printed
        .trim_start_matches("<<")
        .trim_end_matches(">>")
        .split(',')
        .map(|byte| {
            byte.parse()
                .unwrap_or_else(|_| panic!("no byte: {printed}"))
        })
        .collect()
}

/// Source of options, and what they mean.
const OPTIONS: [(&str, EncodeOptions<'_>); 5] = {
    const DEFAULT: EncodeOptions<'_> = EncodeOptions {
        utf8_atoms: false,
        new_floats: true,
        deterministic: false,
        iovec: false,
        cache: None,
    };
    [
        ("[]", DEFAULT),
        ("[{minor_version,1}]", DEFAULT),
        (
            "[{minor_version,0}]",
            EncodeOptions {
                new_floats: false,
                ..DEFAULT
            },
        ),
        (
            "[{minor_version,2}]",
            EncodeOptions {
                utf8_atoms: true,
                ..DEFAULT
            },
        ),
        (
            "[deterministic]",
            EncodeOptions {
                deterministic: true,
                ..DEFAULT
            },
        ),
    ]
};

#[test]
fn writes_what_the_stock_vm_writes() {
    let mut dice = Dice::new(11);
    let mut expressions = Vec::new();
    let mut ours = Vec::new();
    for _ in 0..4000 {
        OwnedTerm::build(|heap| {
            let mut large = false;
            let (term, source) = term(heap, &mut dice, 3, &mut large);
            let (option_source, options) = OPTIONS[dice.below(OPTIONS.len())];
            let bytes = encode(term, &options).expect("not too large");
            assert_eq!(external_size(term, &options), Ok(bytes.len()));
            let (back, used) = decode(heap, &bytes, &Options::default()).expect("a term");
            assert!(back.exactly_equals(term), "{source}");
            assert_eq!(used, bytes.len());
            assert_eq!(encode_in_steps(heap, term, &options), bytes);
            assert!(
                decode_in_steps(heap, &bytes, 3)
                    .expect("a term")
                    .exactly_equals(term)
            );
            let (back, _) = decode(heap, &packed(&bytes), &Options::default()).expect("a term");
            assert!(back.exactly_equals(term), "{source}");
            expressions.push(format!("term_to_binary({source},{option_source})"));
            ours.push((bytes, large && !options.deterministic));
            Term::NIL
        });
    }
    let Some(theirs) = erl(&expressions) else {
        return;
    };
    assert_eq!(theirs.len(), ours.len());
    for ((expression, theirs), (ours, large)) in expressions.iter().zip(theirs).zip(ours) {
        let theirs = bytes_of(&theirs);
        if !large {
            assert_eq!(theirs, ours, "{expression}");
            continue;
        }
        OwnedTerm::build(|heap| {
            let (theirs, _) = decode(heap, &theirs, &Options::default()).expect("a term");
            let (ours, _) = decode(heap, &ours, &Options::default()).expect("a term");
            assert!(theirs.exactly_equals(ours), "{expression}");
            Term::NIL
        });
    }
}

#[test]
fn identifiers_and_funs_of_the_stock_vm_come_back_the_same() {
    let sources = [
        "self()",
        "make_ref()",
        "alias()",
        "hd(erlang:ports())",
        "fun(X) -> X end",
        "fun(X) -> {X, self(), a} end",
        "erl_eval:expr(erl_parse:abstract([a]), [])",
        "{fun lists:map/2, fun erlang:self/0, fun(_, _) -> #{a => <<1:3>>} end}",
        "list_to_pid(\"<0.32767.8191>\")",
        "binary_to_term(<<131,88,119,3,\"a@b\",1,2,3,4,5,6,7,8,9,10,11,12>>)",
        "binary_to_term(<<131,90,0,5,119,3,\"a@b\",1,2,3,4,0:160>>)",
        "binary_to_term(<<131,120,119,3,\"a@b\",1,2,3,4,5,6,7,8,9,10,11,12>>)",
        "binary_to_term(<<131,89,119,3,\"a@b\",0,2,3,4,5,6,7,8>>)",
    ];
    let sources = sources.map(|source| format!("term_to_binary({source})"));
    let Some(answers) = erl(&sources) else {
        return;
    };
    for (source, answer) in sources.iter().zip(&answers) {
        let bytes = bytes_of(answer);
        OwnedTerm::build(|heap| {
            let (term, used) = decode(heap, &bytes, &Options::default()).expect("a term");
            assert_eq!(used, bytes.len(), "{source}");
            let ours = encode(term, &EncodeOptions::default()).expect("not too large");
            assert_eq!(ours, bytes, "{source}");
            assert_eq!(
                encode_in_steps(heap, term, &EncodeOptions::default()),
                bytes,
                "{source}"
            );
            term
        });
    }
}

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut deflate = deflate::Deflate::new(plain.to_vec(), 6);
    while !deflate.step(100) {}
    deflate.finish()
}

fn encode_in_steps<'h>(heap: Heap<'h>, term: Term<'h>, options: &EncodeOptions<'_>) -> Vec<u8> {
    let mut encoder = Encoder::new(term);
    loop {
        let mut budget = 3;
        if encoder
            .run(heap, options, &mut budget)
            .expect("not too large")
        {
            return encoder.finish();
        }
        let (progress, kept) = encoder.suspend(heap);
        encoder = Encoder::resume(progress, kept);
    }
}

#[test]
fn survives_corruption() {
    let mut dice = Dice::new(12);
    for _ in 0..3000 {
        OwnedTerm::build(|heap| {
            let (term, _) = term(heap, &mut dice, 3, &mut false);
            let mut bytes = encode(term, &EncodeOptions::default()).expect("not too large");
            if dice.below(4) == 0 {
                bytes = packed(&bytes);
            }
            for _ in 0..10 {
                let mut bytes = bytes.clone();
                for _ in 0..1 + dice.below(3) {
                    let at = 1 + dice.below(bytes.len() - 1);
                    match dice.below(4) {
                        0 => bytes.truncate(at + 1),
                        1 => bytes[at] ^= 1 << dice.below(8),
                        2 => bytes[at] = 97 + dice.below(24) as u8,
                        _ => bytes[at] = dice.next() as u8,
                    }
                    if bytes.len() < 2 {
                        break;
                    }
                }
                let safe = Options {
                    safe: true,
                    ..Options::default()
                };
                let whole = decode(heap, &bytes, &safe).ok();
                if let Some((term, used)) = whole {
                    assert!(used <= bytes.len());
                    let again = encode(term, &EncodeOptions::default()).expect("not too large");
                    let (back, _) = decode(heap, &again, &safe).expect("what was written is read");
                    assert!(back.exactly_equals(term));
                }
            }
            Term::NIL
        });
    }
}
