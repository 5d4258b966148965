//! Hashes of generated terms and bytes against the stock VM, and known values.

use super::*;
use crate::numeric::big::{SmallLimb, parse, print};
use crate::numeric::oracle::{Dice, erl};
use phash::Phash;
use phash2::{BinaryState, Bytes, Phash2};

/// As much of a term as hashing needs.
enum Sample {
    Integer(String),
    Float(f64),
    Atom(&'static str),
    Nil,
    List(Vec<Sample>, Box<Sample>),
    Tuple(Vec<Sample>),
    Map(Vec<(i64, Sample)>),
    Binary(Vec<u8>, Option<(u8, u8)>),
}

impl Sample {
    fn random(dice: &mut Dice, depth: usize) -> Sample {
        let some = |dice: &mut Dice| {
            (0..dice.below(9))
                .map(|_| Sample::random(dice, depth - 1))
                .collect::<Vec<_>>()
        };
        match dice.below(if depth == 0 { 8 } else { 12 }) {
            0 | 1 => Sample::Integer(dice.below(256).to_string()),
            2 => Sample::Integer((dice.next() as i64 >> dice.below(64)).to_string()),
            3 => Sample::Integer(format!(
                "{}{}{}",
                dice.next() as i64,
                dice.next(),
                dice.next()
            )),
            4 => Sample::Float([0.0, -0.0, 1.5, -2.25e30][dice.below(4)]),
            5 => Sample::Atom(
                ["a", "hello_world", "åäö", "", "€uro", "abcdefghijklmnop"][dice.below(6)],
            ),
            6 => Sample::Nil,
            7 => Sample::Binary(
                (0..dice.below(40)).map(|_| dice.next() as u8).collect(),
                [None, Some((5, 3)), Some((1, 7))][dice.below(3)],
            ),
            8 | 9 => {
                let mut elements = some(dice);
                elements.push(Sample::Nil);
                Sample::List(
                    elements,
                    Box::new(
                        [Sample::Nil, Sample::Atom("tail")]
                            .into_iter()
                            .nth(dice.below(2))
                            .unwrap(),
                    ),
                )
            }
            10 => Sample::Tuple(some(dice)),
            _ => Sample::Map(
                some(dice)
                    .into_iter()
                    .enumerate()
                    .map(|(key, value)| (key as i64, value))
                    .collect(),
            ),
        }
    }

    fn source(&self) -> String {
        let join = |samples: &[Sample]| {
            samples
                .iter()
                .map(Sample::source)
                .collect::<Vec<_>>()
                .join(",")
        };
        match self {
            Sample::Integer(text) => text.clone(),
            Sample::Float(value) => format!("{value:?}")
                .replace("e", ".0e")
                .replace("25.0e", "25e"),
            Sample::Atom(name) => {
                format!("binary_to_atom(<<{:?}>>)", name.as_bytes()).replace(['[', ']'], "")
            }
            Sample::Nil => "[]".to_owned(),
            Sample::List(elements, tail) => format!("[{}|{}]", join(elements), tail.source()),
            Sample::Tuple(elements) => format!("{{{}}}", join(elements)),
            Sample::Map(pairs) => {
                let pairs: Vec<_> = pairs
                    .iter()
                    .map(|(key, value)| format!("{key}=>{}", value.source()))
                    .collect();
                format!("#{{{}}}", pairs.join(","))
            }
            Sample::Binary(bytes, last) => {
                let last = last.map(|(value, bits)| format!("{value}:{bits}"));
                let parts: Vec<_> = bytes.iter().map(u8::to_string).chain(last).collect();
                format!("<<{}>>", parts.join(","))
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        if let Sample::Integer(text) = self {
            text.parse().ok()
        } else {
            None
        }
    }

    fn phash2(&self, hash: &mut Phash2) {
        match self {
            Sample::Integer(text) => {
                let value = parse(text.as_bytes(), 10).unwrap();
                match value.to_small() {
                    Some(small) => hash.small(small),
                    None => hash.big(value.negative(), value.limbs()),
                }
            }
            Sample::Float(value) => hash.float(*value),
            Sample::Atom(name) => hash.atom(atom_name(name.as_bytes())),
            Sample::Nil => hash.nil(),
            Sample::List(elements, tail) => {
                let mut run = Bytes::default();
                for element in elements {
                    match element.byte() {
                        Some(byte) => run.push(byte, hash),
                        None => {
                            std::mem::take(&mut run).end(hash);
                            element.phash2(hash);
                        }
                    }
                }
                run.end(hash);
                tail.phash2(hash);
            }
            Sample::Tuple(elements) => {
                hash.tuple(elements.len());
                elements.iter().for_each(|element| element.phash2(hash));
            }
            Sample::Map(pairs) => {
                hash.map(pairs.len());
                let joined = pairs.iter().fold(0, |joined, (key, value)| {
                    let mut pair = Phash2::new();
                    pair.small(*key);
                    value.phash2(&mut pair);
                    joined ^ pair.finish()
                });
                if !pairs.is_empty() {
                    hash.pairs(joined);
                }
            }
            Sample::Binary(bytes, last) => {
                let mut copy = *hash;
                copy.binary(bytes, *last);
                let mut state = hash.begin_binary();
                let (blocks, rest) =
                    bytes.split_at(bytes.len() / BinaryState::BLOCK * BinaryState::BLOCK);
                for piece in blocks.chunks(BinaryState::BLOCK) {
                    state = state.blocks(piece);
                }
                hash.end_binary(state, rest, bytes.len(), *last);
                assert_eq!(*hash, copy, "in pieces and whole");
            }
        }
    }

    fn phash(&self, hash: &mut Phash) {
        match self {
            Sample::Integer(text) => {
                let value = parse(text.as_bytes(), 10).unwrap();
                hash.integer(value.negative(), value.limbs());
            }
            Sample::Float(value) => hash.float(*value),
            Sample::Atom(name) => hash.atom(atom_name(name.as_bytes())),
            Sample::Nil => hash.nil(),
            Sample::List(elements, tail) => {
                for element in elements {
                    match element.byte() {
                        Some(byte) => hash.byte(byte),
                        None => element.phash(hash),
                    }
                }
                tail.phash(hash);
                hash.list_end();
            }
            Sample::Tuple(elements) => {
                elements.iter().for_each(|element| element.phash(hash));
                hash.tuple(elements.len());
            }
            Sample::Map(_) => {
                let mut map = Phash2::new();
                self.phash2(&mut map);
                hash.map(map.finish());
            }
            Sample::Binary(bytes, last) => {
                hash.bytes(bytes);
                hash.binary_end(bytes.len(), *last);
            }
        }
    }
}

#[test]
fn terms_hash_as_in_the_stock_vm() {
    let mut dice = Dice::new(21);
    let (mut expressions, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..400 {
        let sample = Sample::random(&mut dice, 3);
        let (mut two, mut one) = (Phash2::new(), Phash::new());
        sample.phash2(&mut two);
        sample.phash(&mut one);
        expressions.push(format!(
            "T = {}, {{erlang:phash2(T, 1 bsl 32), erlang:phash(T, 1 bsl 32)}}",
            sample.source()
        ));
        expected.push(format!(
            "{{{},{}}}",
            two.finish(),
            phash::in_range(one.finish(), None)
        ));
    }
    let Some(answers) = erl(&expressions) else {
        return;
    };
    for ((expression, expected), answer) in expressions.iter().zip(&expected).zip(&answers) {
        assert_eq!(expected, answer, "{expression}");
    }
    assert_eq!(answers.len(), expected.len());
}

#[test]
fn known_hashes() {
    let phash2 = |part: &dyn Fn(&mut Phash2)| {
        let mut hash = Phash2::new();
        part(&mut hash);
        hash.finish() % (1 << 27)
    };
    assert_eq!(phash2(&|hash| hash.nil()), 3_468_870_702 % (1 << 27));
    assert_eq!(phash2(&|hash| hash.atom(atom_name(b"a"))), 97);
    assert_eq!(phash::in_range(7, Some(4)), 4);
    let limb = SmallLimb::new(-1);
    let (mut text, mut hash) = (Vec::new(), Phash::new());
    print(limb.view(), 10, &mut text);
    hash.integer(true, limb.view().limbs);
    assert_eq!(text, b"-1");
    assert_ne!(hash.finish(), 0);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn digests_do_not_depend_on_the_pieces() {
    assert_eq!(hex(&md5::md5(b"")), "d41d8cd98f00b204e9800998ecf8427e");
    assert_eq!(
        hex(&md5::md5(b"message digest")),
        "f96b697d7cb7938d525a2f31aaf161d0"
    );
    assert_eq!(checksum::crc32(0, b"123456789"), 0xCBF4_3926);
    assert_eq!(checksum::adler32(1, b"Wikipedia"), 0x11E6_0398);
    let mut dice = Dice::new(22);
    let bytes: Vec<u8> = (0..20_000)
        .map(|_| dice.next() as u8)
        .chain([0xFF; 12_000])
        .collect();
    for _ in 0..50 {
        let (first, second) = bytes.split_at(dice.below(bytes.len()));
        let mut digest = md5::Md5::new();
        digest.update(first);
        let mut digest = md5::Md5::from_bytes(&digest.to_bytes()).unwrap();
        second
            .chunks(1 + dice.below(300))
            .for_each(|piece| digest.update(piece));
        assert_eq!(digest.finish(), md5::md5(&bytes));
        let crc = |bytes| checksum::crc32(0, bytes);
        assert_eq!(checksum::crc32(crc(first), second), crc(&bytes));
        assert_eq!(
            checksum::crc32_combine(crc(first), crc(second), second.len() as u64),
            crc(&bytes)
        );
        let adler = |bytes| checksum::adler32(1, bytes);
        assert_eq!(checksum::adler32(adler(first), second), adler(&bytes));
        assert_eq!(
            checksum::adler32_combine(adler(first), adler(second), second.len() as u64),
            adler(&bytes)
        );
    }
    assert_eq!(md5::Md5::from_bytes(&[0; 87]), None);
}

#[test]
fn the_stock_vm_sums_the_same() {
    let bytes: Vec<u8> = (0..70_000u64)
        .map(|index| ((index * index) >> 3) as u8)
        .collect();
    let source = "B = << <<((I * I) bsr 3)>> || I <- lists:seq(0, 69999) >>";
    let expressions = [
        format!("{source}, erlang:crc32(B)"),
        format!("{source}, erlang:adler32(B)"),
        format!("{source}, erlang:adler32(16#FFFFFFFF, B)"),
        format!("{source}, erlang:crc32(16#12345678, B)"),
        format!("{source}, binary:decode_unsigned(erlang:md5(B))"),
        "erlang:adler32_combine(16#FFF0FFF0, 16#12345678, 3456789012)".to_owned(),
        "erlang:crc32_combine(16#FFF0FFF0, 16#12345678, 3456789012)".to_owned(),
        "byte_size(erlang:md5_init())".to_owned(),
    ];
    let Some(answers) = erl(&expressions) else {
        return;
    };
    let expected = [
        checksum::crc32(0, &bytes).to_string(),
        checksum::adler32(1, &bytes).to_string(),
        checksum::adler32(0xFFFF_FFFF, &bytes).to_string(),
        checksum::crc32(0x1234_5678, &bytes).to_string(),
        u128::from_be_bytes(md5::md5(&bytes)).to_string(),
        checksum::adler32_combine(0xFFF0_FFF0, 0x1234_5678, 3_456_789_012).to_string(),
        checksum::crc32_combine(0xFFF0_FFF0, 0x1234_5678, 3_456_789_012).to_string(),
        md5::CONTEXT_SIZE.to_string(),
    ];
    assert_eq!(answers, expected);
}

#[test]
fn the_fast_hash_spreads() {
    let words: std::collections::HashSet<u64> = (0..10_000)
        .map(|value| fast::word(value << 3, 1) >> 48)
        .collect();
    assert!(words.len() > 8_900, "{} of 9,296 expected", words.len());
    assert_ne!(fast::bytes(b"", 0), fast::bytes(b"\0", 0));
    assert_ne!(fast::words(&[1, 2], 0), fast::words(&[2, 1], 0));
    assert_ne!(fast::words(&[0], 0), fast::words(&[0, 0], 0));
}
