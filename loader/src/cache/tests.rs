//! A module that is read is the module that was linked; other files are refused.

#[path = "../../tests/common/bifs.rs"]
mod bifs;

use std::path::PathBuf;
use std::process::Command;

use vm::term::Term;

use super::*;

#[test]
fn what_a_word_stands_for_is_read_as_it_was_written() {
    for kind in Kind::ALL {
        assert!(Kind::of(kind.with(1234)) == Some((kind, 1234)));
    }
    assert!(Kind::of(u32::MAX).is_none());
}

#[test]
fn a_cache_of_another_build_is_refused() {
    let path = std::env::temp_dir().join(format!("lintel-cache-{}", std::process::id()));
    std::fs::write(&path, build("one", &[])).expect("a file");
    let other = open(&path, "two");
    std::fs::write(&path, b"something else that is long enough").expect("a file");
    let none = open(&path, "one");
    std::fs::remove_file(&path).expect("it is there");
    assert_eq!(other, Err("it was made by another build".into()));
    assert_eq!(none, Err("not a cache of modules".into()));
}

/// A constant as bytes.
fn encoded(term: Term<'_>) -> Vec<u8> {
    vm::etf::encode(term, &vm::etf::EncodeOptions::default()).expect("a constant can be encoded")
}

/// What a word of the code or the data is, apart from where its module's own strings and constants are.
fn meaning(parts: &Parts, constants: &HashMap<Word, usize>, word: Word) -> Result<Word, Vec<u8>> {
    let strings = parts.strings.as_ptr_range();
    if (strings.start as Word..strings.end as Word).contains(&word) {
        return Err(parts.strings[(word - strings.start as Word) as usize..].to_vec());
    }
    match constants.get(&word) {
        Some(&number) => Err(encoded(parts.literals.term(number))),
        None => Ok(word),
    }
}

/// The constants by their words.
fn constants(parts: &Parts) -> HashMap<Word, usize> {
    (0..parts.literals.len())
        .map(|number| (parts.literals.term(number).word(), number))
        .filter(|(word, _)| !vm::term::word::is_immediate(*word))
        .collect()
}

/// Writes a module, reads it again, and compares it with the one that was linked. False: it cannot be linked.
fn is_read_as_it_was_linked(bytes: &[u8], preloaded: bool) -> bool {
    let mut file = BeamFile::parse(bytes).expect("a good file");
    if preloaded {
        file.forget_lines();
    }
    let (Ok(stored), Ok(linked)) = (write(&file), link::parts(&file, |_| {})) else {
        return false;
    };
    let name = Atom::existing(file.module()).expect("it was linked");
    let read = read(name, &mut Reader::new(&stored), &lengths()).expect("what was written");
    let tables = |parts: &Parts| {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            parts.name, parts.functions, parts.lines, parts.files, parts.exports, parts.on_load
        )
    };
    assert_eq!(tables(&read), tables(&linked), "{name}");
    assert_eq!(read.attributes, linked.attributes, "{name}");
    assert_eq!(read.compile_info, linked.compile_info, "{name}");
    assert_eq!(read.md5, linked.md5, "{name}");
    let funs = |parts: &Parts| -> Vec<(Word, u32)> {
        let funs = parts.funs.iter();
        funs.map(|&(fun, entry)| (address(fun), entry)).collect()
    };
    assert_eq!(funs(&read), funs(&linked), "{name}");
    let [in_read, in_linked] = [&read, &linked].map(constants);
    let words = |parts: &Parts| -> Vec<Word> {
        let code = pack(&parts.code).into_iter().flatten();
        code.chain(parts.data.iter().copied()).collect()
    };
    let (words, expected) = (words(&read), words(&linked));
    assert_eq!(words.len(), expected.len(), "{name}");
    for (place, (&word, &other)) in words.iter().zip(&expected).enumerate() {
        // Addresses that are the node's are the same in both.
        assert!(
            word == other || meaning(&read, &in_read, word) == meaning(&linked, &in_linked, other),
            "{name}: word {place} is {word:#x} instead of {other:#x}"
        );
    }
    true
}

/// The `.beam` files of an application of the OTP that is installed.
fn modules(application: &str) -> Vec<PathBuf> {
    let place = format!("io:put_chars(code:lib_dir({application}, ebin)), halt().");
    let Ok(erl) = Command::new("erl")
        .args(["-noshell", "-eval", &place])
        .output()
    else {
        eprintln!("skipped: there is no OTP here (put erl on the PATH)");
        return Vec::new();
    };
    let folder = String::from_utf8(erl.stdout).expect("a path");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "beam"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_module_of_kernel_and_stdlib_is_read_as_it_was_linked() {
    bifs::register();
    for application in ["kernel", "stdlib"] {
        let files = modules(application);
        let same = files.iter().enumerate().filter(|(number, path)| {
            let bytes = std::fs::read(path).expect("a readable file");
            let bytes = crate::uncompressed(&bytes).expect("a good file");
            is_read_as_it_was_linked(&bytes, number % 8 == 0)
        });
        assert_eq!(same.count(), files.len());
    }
}
