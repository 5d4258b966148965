//! Compiled Erlang runs here as on the stock VM.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use parking_lot::Mutex;
use vm::atom::Atom;
use vm::bif::{BifResult, Call};
use vm::bifs;
use vm::code::table::Writer;
use vm::code::{Export, Mfa};
use vm::interp::{Interpreter, snippets};
use vm::process::{Runner, hooks, slice, spawn};
use vm::term::{Kind, Term};

const MODULE: &str = "lintel_families";
/// What of the library the module needs.
const LIBRARY: [&str; 8] = [
    "lists",
    "maps",
    "gb_trees",
    "orddict",
    "ordsets",
    "proplists",
    "queue",
    "erl_anno",
];

static RESULT: Mutex<Option<String>> = Mutex::new(None);

mod reporting {
    use super::*;
    bifs! { "lintel_check":
        "result"/1  Plain   result_1;
    }

    fn result_1(call: Call<'_>) -> BifResult<'_> {
        let lines: Vec<_> = call.arg(0).list().map(text).collect();
        *RESULT.lock() = Some(lines.join("\n"));
        Ok(Term::OK)
    }
}

/// A term as `~w` writes it, but for what is different in every run.
fn text(term: Term<'_>) -> String {
    let many = |terms: &[Term<'_>]| {
        terms
            .iter()
            .map(|term| text(*term))
            .collect::<Vec<_>>()
            .join(",")
    };
    match term.kind() {
        Kind::Small(value) => value.to_string(),
        Kind::Big(big) => {
            let mut digits = Vec::new();
            vm::numeric::big::print(big, 10, &mut digits);
            String::from_utf8(digits).expect("digits")
        }
        Kind::Float(value) => format!("float({})", value.to_bits()),
        Kind::Atom(atom) => format!("'{atom}'"),
        Kind::Nil => "[]".to_owned(),
        Kind::Cons(_) => {
            let mut list = term.list();
            let elements: Vec<_> = list.by_ref().collect();
            match list.rest() {
                rest if rest.is_nil() => format!("[{}]", many(&elements)),
                rest => format!("[{}|{}]", many(&elements), text(rest)),
            }
        }
        Kind::Tuple(tuple) => format!("{{{}}}", many(tuple.elements())),
        Kind::Bits(bits) => format!("bits({},{:?})", bits.bit_len(), bits.aligned()),
        Kind::Map(map) => format!("map({})", map.len()),
        Kind::Pid(_) => "pid".to_owned(),
        Kind::Fun(_) | Kind::Export(_) => "fun".to_owned(),
        _ => "other".to_owned(),
    }
}

fn set_up() {
    let tables = vm::bif::tables()
        .into_iter()
        .chain(loader::bifs::TABLES.iter().copied());
    for bif in tables.chain([reporting::BIFS]).flatten() {
        export(bif.module, bif.function, bif.arity.into()).set_bif(bif);
    }
    export("erlang", "apply", 2).set_native(&snippets::APPLY_2[0]);
    export("erlang", "apply", 3).set_native(&snippets::APPLY_3[0]);
    vm::process::table::init(64);
}

fn export(module: &'static str, function: &'static str, arity: u32) -> &'static Export {
    let (module, function) = (Atom::from_static(module), Atom::from_static(function));
    Export::of(Mfa {
        module,
        function,
        arity,
    })
}

fn load(path: &Path) {
    let bytes = std::fs::read(path).expect("a file that can be read");
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .expect("a name in UTF-8");
    let name = Atom::new(name).expect("an atom");
    let module = loader::link::prepare(name, &bytes).expect("a good file");
    Writer::seize().load(&[module]).expect("loaded once");
}

/// Runs a function without arguments to its end.
fn run(module: &str, function: &'static str) {
    let module = Atom::new(module).expect("an atom");
    let spawned = spawn::spawn(
        None,
        module,
        Atom::from_static(function),
        Term::NIL,
        spawn::Options::new(),
    );
    spawned.expect("room for a process").start();
    let mut interpreter = Interpreter::new();
    let runner: &mut dyn Runner = &mut interpreter;
    let mut ready = hooks::take_early();
    while let Some(process) = ready.pop() {
        match slice::turn(process.start(), runner).0 {
            slice::After::Ready(process) => ready.push(process),
            slice::After::Asleep | slice::After::Ended => {}
        }
        ready.extend(hooks::take_early());
    }
}

#[test]
fn every_family_of_instructions_does_what_the_stock_vm_does() {
    let Some(root) = common::otp_root() else {
        return;
    };
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("run");
    std::fs::create_dir_all(&folder).expect("a folder");
    let source = |name| format!("{}/tests/data/{name}.erl", env!("CARGO_MANIFEST_DIR"));
    let sources = [source(MODULE), source("lintel_check")];
    let compiled = Command::new("erlc")
        .arg("-o")
        .arg(&folder)
        .args(sources)
        .status()
        .expect("erlc");
    assert!(compiled.success());
    let stock = Command::new("erl")
        .args(["-noshell", "-pa"])
        .arg(&folder)
        .args(["-eval", &format!("spawn({MODULE}, start, []).")])
        .output()
        .expect("erl");
    let expected = String::from_utf8(stock.stdout).expect("UTF-8");
    let expected: Vec<_> = expected.lines().collect();

    set_up();
    for path in common::beams(&root) {
        if path
            .file_stem()
            .is_some_and(|stem| LIBRARY.iter().any(|name| stem == *name))
        {
            load(&path);
        }
    }
    load(&folder.join(MODULE).with_extension("beam"));
    run(MODULE, "start");
    let result = RESULT.lock().take().expect("a result");
    let mut differ = Vec::new();
    for (ours, theirs) in result.lines().zip(&expected) {
        if ours != *theirs {
            differ.push(difference(ours, theirs));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n\n"));
    assert_eq!(result.lines().count(), expected.len());
}

/// Where two lines begin to differ.
fn difference(ours: &str, theirs: &str) -> String {
    let same = ours
        .bytes()
        .zip(theirs.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let part = |text: &str| {
        let bytes = &text.as_bytes()[same.saturating_sub(60)..];
        String::from_utf8_lossy(&bytes[..bytes.len().min(160)]).into_owned()
    };
    let name = ours.split(',').next().unwrap_or_default();
    format!(
        "{name} at {same}\n  ours:   {}\n  theirs: {}",
        part(ours),
        part(theirs)
    )
}
