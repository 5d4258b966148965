use super::*;
use crate::bif::testing::{compare, run};
use crate::numeric::oracle::Dice;
use crate::process::Process;
use crate::term::Pid;

fn data(dice: &mut Dice, depth: usize) -> String {
    let bytes = |dice: &mut Dice| {
        let pieces: [&[u8]; 10] = [
            b"a",
            "å".as_bytes(),
            "€".as_bytes(),
            "😀".as_bytes(),
            &[0xE2, 0x82],
            &[0xAC],
            &[0xF0, 0x9F],
            &[0x98, 0x80],
            &[0xFF],
            &[0xED, 0xA0, 0x80],
        ];
        let count = dice.below(5);
        let bytes: Vec<String> = (0..count)
            .flat_map(|_| {
                let choice = if dice.below(3) == 0 {
                    dice.below(10)
                } else {
                    dice.below(4)
                };
                pieces[choice].to_vec()
            })
            .map(|byte| byte.to_string())
            .collect();
        let odd = if dice.below(60) == 0 { "1:1" } else { "" };
        let comma = if odd.is_empty() || bytes.is_empty() {
            ""
        } else {
            ","
        };
        format!("<<{}{comma}{odd}>>", bytes.join(","))
    };
    if depth == 0 || dice.below(4) == 0 {
        return match dice.below(60) {
            0 => "55296".into(),
            1 => "-1".into(),
            2 => "a".into(),
            3 => "1114112".into(),
            4 => "100000000000000000000".into(),
            5..10 => "8364".into(),
            10..13 => "1114111".into(),
            13..26 => dice.below(256).to_string(),
            26..30 => "[]".into(),
            _ => bytes(dice),
        };
    }
    let elements: Vec<String> = (0..dice.below(5)).map(|_| data(dice, depth - 1)).collect();
    let tail = match dice.below(4) {
        0 if !elements.is_empty() => format!("|{}", bytes(dice)),
        1 if !elements.is_empty() => format!("|{}", data(dice, depth - 1)),
        _ => String::new(),
    };
    format!("[{}{tail}]", elements.join(","))
}

#[test]
fn character_data_is_read_as_in_the_stock_vm() {
    let mut dice = Dice::new(5);
    let names = ["characters_to_binary", "characters_to_list"];
    let calls: Vec<String> = (0..3000)
        .map(|index| {
            let encoding = ["latin1", "utf8", "unicode"][dice.below(3)];
            format!(
                "unicode:{}({},{encoding})",
                names[index % 2],
                data(&mut dice, 3)
            )
        })
        .collect();
    compare(&calls);
}

#[test]
fn names_of_files_are_converted_as_in_the_stock_vm() {
    let mut dice = Dice::new(6);
    let names = [
        "internal_name2native",
        "internal_native2name",
        "is_translatable",
    ];
    let mut calls: Vec<String> = (0..600)
        .map(|index| format!("prim_file:{}({})", names[index % 3], data(&mut dice, 2)))
        .collect();
    for name in [
        "[]",
        "<<>>",
        "[0]",
        "<<0>>",
        "a",
        "[$a,[$b]]"
            .replace('$', "")
            .replace('a', "97")
            .replace('b', "98")
            .as_str(),
    ] {
        calls.push(format!("prim_file:internal_name2native({name})"));
        calls.push(format!("unicode:bin_is_7bit({name})"));
    }
    calls.push("unicode:bin_is_7bit(<<128>>)".into());
    calls.push("prim_file:internal_normalize_utf8(<<97,204,138,111,204,136,204,182>>)".into());
    calls.push("prim_file:internal_normalize_utf8(<<255>>)".into());
    compare(&calls);
}

#[test]
fn long_text_gives_way() {
    let process = Process::detached(Pid(1));
    let heap = Heap::new(&process.heap);
    let text = "aå€😀".repeat(200_000);
    let bytes = text.as_bytes();
    let list = heap.list(&[
        heap.binary(bytes),
        Term::int(0x20AC),
        heap.binary(&bytes[..7]),
    ]);
    let utf8 = Term::atom(well_known::UTF8);
    let (binary, times) = run(&process, characters_to_binary_2, &[list, utf8]);
    let binary = binary.ok().unwrap();
    assert!(times > 2, "{times}");
    let [fault, read, rest] = binary.as_tuple_of().unwrap();
    assert!(fault.is_atom(crate::atom!("incomplete")));
    let read = read.as_bits().unwrap().as_bytes().unwrap();
    assert_eq!(read.len(), bytes.len() + 3 + 6);
    assert_eq!(rest.as_bits().unwrap().as_bytes().unwrap(), &bytes[6..7]);

    let (characters, times) = run(&process, characters_to_list_2, &[heap.binary(bytes), utf8]);
    assert!(times > 2, "{times}");
    let characters = characters.ok().unwrap().list();
    assert!(
        characters
            .map(|character| character.as_small().unwrap() as u32)
            .eq(text.chars().map(u32::from))
    );
}
