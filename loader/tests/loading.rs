//! A module's life through the BIFs: prepared, loaded, looked at, replaced, deleted, purged.

mod common;

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;

use vm::atom::Atom;
use vm::bif::{BifEntry, Call, Class, Stop, Trap};
use vm::code::{Export, Mfa, listing::Listing, module, table};
use vm::heap::Heap;
use vm::process::Process;
use vm::term::{Pid, Term};

fn bif(module: &str, function: &str, arity: u8) -> &'static BifEntry {
    let rows = loader::bifs::TABLES.iter().flat_map(|table| table.iter());
    let mut found =
        rows.filter(|row| (row.module, row.function, row.arity) == (module, function, arity));
    found
        .next()
        .unwrap_or_else(|| panic!("{module}:{function}/{arity} is in no table"))
}

/// Calls a BIF until it does not give way; an exception becomes its reason in a tuple.
fn call<'p>(process: &'p Process, module: &str, function: &str, args: &'p [Term<'p>]) -> Term<'p> {
    let entry = bif(module, function, args.len() as u8);
    loop {
        match (entry.run)(Call::new(process, args)) {
            Ok(term) => return term,
            Err(Stop::Raise(exception)) => {
                assert_eq!(exception.class, Class::Error);
                return process
                    .heap()
                    .tuple(&[Term::atom(Atom::from_static("error")), exception.reason]);
            }
            Err(Stop::Trap(trap)) => match *trap {
                Trap::Yield { .. } => std::thread::yield_now(),
                Trap::YieldReturn(term) => return term,
                _ => panic!("{module}:{function} goes on elsewhere"),
            },
        }
    }
}

/// There is one purge at a time.
static PURGING: Mutex<()> = Mutex::new(());

struct Shell {
    process: Process,
}

impl Shell {
    fn new() -> Shell {
        common::bifs::register();
        Shell {
            process: Process::detached(Pid(1)),
        }
    }

    fn heap(&self) -> Heap<'_> {
        self.process.heap()
    }

    fn atom(&self, name: &str) -> Term<'_> {
        Term::atom(Atom::new(name).unwrap())
    }

    /// Calls `erlang:Function(Args)` and writes the result down.
    fn erlang(&self, function: &str, args: &[Term<'_>]) -> String {
        self.of("erlang", function, args)
    }

    fn of(&self, module: &str, function: &str, args: &[Term<'_>]) -> String {
        let args: Vec<Term<'_>> = args.iter().map(|arg| self.heap().copy(*arg)).collect();
        text(call(
            &self.process,
            module,
            function,
            self.heap().tuple(&args).as_tuple().unwrap().elements(),
        ))
    }

    fn prepare(&self, name: &str, bytes: &[u8]) -> Term<'_> {
        let args = [self.atom(name), self.heap().binary(bytes)];
        let args = self.heap().tuple(&args).as_tuple().unwrap().elements();
        call(&self.process, "erts_internal", "prepare_loading", args)
    }

    fn load(&self, name: &str, bytes: &[u8]) -> String {
        let prepared = self.prepare(name, bytes);
        self.erlang("finish_loading", &[self.heap().list(&[prepared])])
    }
}

/// Atoms, small integers, tuples and lists of these.
fn text(term: Term<'_>) -> String {
    if let Some(atom) = term.as_atom() {
        return atom.to_string();
    }
    if let Some(tuple) = term.as_tuple() {
        let elements: Vec<_> = tuple
            .elements()
            .iter()
            .map(|element| text(*element))
            .collect();
        return format!("{{{}}}", elements.join(","));
    }
    if let Some(list) = term.proper_list() {
        let elements: Vec<_> = list.into_iter().map(text).collect();
        return format!("[{}]", elements.join(","));
    }
    match (term.as_small(), term.as_bits()) {
        (Some(small), _) => small.to_string(),
        (_, Some(bits)) => format!(
            "<<{}>>",
            bits.aligned()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        ),
        _ => "...".to_owned(),
    }
}

/// Compiles a module, if there is a compiler.
fn compile(name: &str, source: &str) -> Option<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("{name}.erl"));
    std::fs::write(&file, source).unwrap();
    match Command::new("erlc")
        .arg("-o")
        .arg(&folder)
        .arg(&file)
        .status()
    {
        Ok(status) => assert!(status.success(), "{name} does not compile"),
        Err(_) => {
            eprintln!("skipped: there is no erlc here");
            return None;
        }
    }
    Some(std::fs::read(folder.join(format!("{name}.beam"))).unwrap())
}

#[test]
fn two_generations() {
    let _purging = PURGING.lock();
    let shell = Shell::new();
    let module = [shell.atom("lintel_sample")];
    assert_eq!(shell.erlang("module_loaded", &module), "false");
    assert_eq!(shell.erlang("get_module_info", &module), "{error,badarg}");
    let (name, function, arity) = (module[0], shell.atom("build"), Term::int(2));
    assert_eq!(
        shell.erlang("function_exported", &[name, function, arity]),
        "false"
    );

    assert_eq!(shell.load("lintel_sample", common::SAMPLE), "ok");
    assert_eq!(shell.erlang("module_loaded", &module), "true");
    assert_eq!(shell.erlang("check_old_code", &module), "false");
    assert_eq!(
        shell.erlang("function_exported", &[name, function, arity]),
        "true"
    );
    assert_eq!(
        shell.erlang("function_exported", &[name, function, Term::int(-1)]),
        "false"
    );
    assert_eq!(
        shell.erlang("get_module_info", &[name, shell.atom("exports")]),
        "[{sum,1},{parse,1},{build,2},{guarded,1},{serve,0},{big,0},{classify,1},{update,2},{module_info,0},{module_info,1}]"
    );
    assert!(
        shell
            .erlang("get_module_info", &module)
            .starts_with("[{module,lintel_sample},{exports,[{sum,1}")
    );
    assert_eq!(
        shell.erlang("get_module_info", &[name, shell.atom("md5")]),
        shell.of(
            "erts_internal",
            "beamfile_module_md5",
            &[shell.heap().binary(common::SAMPLE)]
        )
    );
    assert_eq!(
        shell.erlang("get_module_info", &[name, shell.atom("nifs")]),
        "[]"
    );
    assert_eq!(
        shell.erlang("get_module_info", &[name, shell.atom("imports")]),
        "{error,badarg}"
    );

    let first = table::current(Atom::from_static("lintel_sample")).unwrap();
    assert_eq!(shell.load("lintel_sample", common::SAMPLE), "ok");
    let second = table::current(Atom::from_static("lintel_sample")).unwrap();
    let build = Export::of(Mfa {
        module: second.name,
        function: Atom::from_static("build"),
        arity: 2,
    });
    assert!(second.contains(build.address()) && !first.contains(build.address()));
    let &(fun, entry) = second.funs().first().unwrap();
    assert_eq!(
        fun.address(),
        second.address(entry),
        "the same fun now has the new code"
    );
    assert_eq!(shell.erlang("check_old_code", &module), "true");
    assert_eq!(
        shell.load("lintel_sample", common::SAMPLE),
        "{not_purged,[lintel_sample]}"
    );
    assert_eq!(shell.erlang("delete_module", &module), "{error,badarg}");

    let purge = |step| shell.of("erts_internal", "purge_module", &[name, shell.atom(step)]);
    assert_eq!(purge("complete"), "{error,badarg}");
    assert_eq!(purge("prepare"), "true");
    assert_eq!(purge("prepare"), "{error,badarg}");
    assert!(!fun.is_purged(), "funs of the new code stay as they are");
    assert_eq!(purge("abort"), "false");
    assert_eq!(purge("prepare"), "true");
    assert_eq!(purge("complete"), "true");
    assert!(table::find_module(first.address(0)).is_none());
    assert_eq!(purge("prepare"), "false");

    assert_eq!(shell.erlang("delete_module", &module), "true");
    assert_eq!(shell.erlang("module_loaded", &module), "false");
    assert_eq!(
        shell.erlang("function_exported", &[name, function, arity]),
        "false"
    );
    assert!(!build.is_defined());
    assert_eq!(purge("prepare"), "true");
    assert!(fun.is_purged() && fun.address().is_null());
    assert_eq!(purge("abort"), "false");
    assert_eq!(fun.address(), second.address(entry));
    assert_eq!(purge("prepare"), "true");
    assert_eq!(purge("complete"), "true");
    assert!(fun.address().is_null() && !fun.is_purged());
    let mut releases = 0;
    while shell.of("erts_literal_area_collector", "release_area_switch", &[]) == "true" {
        releases += 1;
    }
    assert_eq!(releases, 2, "each generation had literals");
    assert_eq!(
        shell.erlang("delete_module", &[shell.atom("no_such_module")]),
        "undefined"
    );
}

#[test]
fn what_is_wrong_is_refused() {
    let shell = Shell::new();
    let prepare = |name, bytes: &[u8]| text(shell.prepare(name, bytes));
    assert_eq!(prepare("another_name", common::SAMPLE), "{error,badfile}");
    assert_eq!(
        prepare("lintel_sample", &common::SAMPLE[..900]),
        "{error,badfile}"
    );
    assert_eq!(prepare("lintel_sample", b""), "{error,badfile}");
    assert_eq!(
        shell.of("erts_internal", "prepare_loading", &[Term::NIL, Term::NIL]),
        "{error,badarg}"
    );
    assert_eq!(
        shell.erlang("finish_loading", &[Term::int(1)]),
        "{error,badarg}"
    );
    assert_eq!(
        shell.erlang("finish_loading", &[shell.heap().list(&[Term::OK])]),
        "{error,badarg}"
    );
    assert_eq!(shell.erlang("finish_loading", &[Term::NIL]), "ok");
    let prepared = shell.prepare("lintel_sample", common::SAMPLE);
    assert_eq!(
        shell.erlang("has_prepared_code_on_load", &[prepared]),
        "false"
    );
    assert_eq!(
        shell.erlang(
            "finish_loading",
            &[shell.heap().list(&[prepared, prepared])]
        ),
        "{duplicated,[lintel_sample]}"
    );
}

#[test]
fn on_load_comes_first() {
    let source = "-module(lintel_on_load).\n-on_load(start/0).\n-export([f/0]).\nstart() -> ok.\nf() -> 1.\n";
    let Some(beam) = compile("lintel_on_load", source) else {
        return;
    };
    let _purging = PURGING.lock();
    let shell = Shell::new();
    let name = shell.atom("lintel_on_load");
    let f = Export::of(Mfa {
        module: name.as_atom().unwrap(),
        function: Atom::from_static("f"),
        arity: 0,
    });
    let load = || shell.load("lintel_on_load", &beam);
    let finish = |keep| shell.erlang("finish_after_on_load", &[name, Term::bool(keep)]);
    assert_eq!(finish(true), "{error,badarg}");
    let prepared = shell.prepare("lintel_on_load", &beam);
    assert_eq!(
        shell.erlang("has_prepared_code_on_load", &[prepared]),
        "true"
    );
    assert_eq!(
        shell.erlang(
            "finish_loading",
            &[shell.heap().list(&[prepared, prepared])]
        ),
        "{error,system_limit}"
    );

    assert_eq!(load(), "{on_load,[lintel_on_load]}");
    assert_eq!(shell.erlang("module_loaded", &[name]), "false");
    assert!(!f.is_defined());
    let args = [name];
    match (bif("erlang", "call_on_load_function", 1).run)(Call::new(&shell.process, &args)) {
        Err(Stop::Trap(trap)) => {
            let Trap::Call { export, .. } = *trap else {
                panic!("not a call");
            };
            let location = module::find(export.address()).unwrap();
            assert_eq!(location.mfa.to_string(), "lintel_on_load:start/0");
        }
        _ => panic!("the function is called by a trap"),
    }
    assert_eq!(finish(true), "true");
    assert!(f.is_defined());
    assert_eq!(shell.erlang("module_loaded", &[name]), "true");

    // A second version whose function fails: the first stays.
    assert_eq!(load(), "{on_load,[lintel_on_load]}");
    let before = f.address();
    assert_eq!(finish(false), "true");
    assert_eq!(f.address(), before);
    let purge = |step| shell.of("erts_internal", "purge_module", &[name, shell.atom(step)]);
    assert_eq!(purge("prepare_on_load"), "true");
    assert_eq!(purge("complete"), "true");
    assert_eq!(shell.erlang("check_old_code", &[name]), "false");
    assert_eq!(finish(false), "{error,badarg}");
}

#[test]
fn addresses_have_functions_and_lines() {
    let source = "-module(lintel_lines).\n-export([f/1, g/1]).\nf(X) ->\n    [hd(X),\n     length(X)].\n\ng([]) -> [];\ng(L) ->\n    f(L) ++ 1.\n";
    let Some(beam) = compile("lintel_lines", source) else {
        return;
    };
    let shell = Shell::new();
    assert_eq!(shell.load("lintel_lines", &beam), "ok");
    let module = table::current(Atom::from_static("lintel_lines")).unwrap();
    let line_of = |name: &str| {
        let mut found = (0..module.len() as u32)
            .filter(|&index| module.instruction(index as usize).name() == name)
            .filter_map(|index| module::find(module.address(index)))
            .map(|found| {
                let location = found.location.unwrap();
                format!(
                    "{} {}:{}",
                    found.mfa,
                    location.file.rsplit('/').next().unwrap(),
                    location.line
                )
            });
        found.next().unwrap()
    };
    assert_eq!(line_of("BifHd"), "lintel_lines:f/1 lintel_lines.erl:4");
    assert_eq!(line_of("BifLength"), "lintel_lines:f/1 lintel_lines.erl:5");
    assert_eq!(line_of("Call"), "lintel_lines:g/1 lintel_lines.erl:9");
    assert_eq!(line_of("FuncInfo"), "lintel_lines:f/1 lintel_lines.erl:3");
    assert!(module::find(std::ptr::null()).is_none());
    let text = Listing::new(&module).function(0).to_string();
    assert!(
        text.contains("lintel_lines:f/1\n") && text.contains("bif_hd src=x0 fail=- dst="),
        "{text}"
    );

    let mfa = shell
        .heap()
        .tuple(&[shell.atom("lintel_lines"), shell.atom("f"), Term::int(1)]);
    let first = shell.of("erts_debug", "disassemble", &[mfa]);
    assert!(first.ends_with(",{lintel_lines,f,1}}"), "{first}");
    assert_eq!(
        shell.of("erts_debug", "disassemble", &[Term::int(8)]),
        "false"
    );
}

#[test]
fn bifs_stay_whatever_their_module_says() {
    let source = "-module(lists).\n-export([reverse/2, own/1]).\nreverse(_, _) -> erlang:nif_error(undef).\nown(L) -> reverse(L, []).\n";
    let Some(beam) = compile("lists", source) else {
        return;
    };
    let shell = Shell::new();
    let reverse = Export::of(Mfa {
        module: Atom::from_static("lists"),
        function: Atom::from_static("reverse"),
        arity: 2,
    });
    let before = reverse.address();
    assert_eq!(shell.load("lists", &beam), "ok");
    assert_eq!(reverse.address(), before);
    let module = table::current(Atom::from_static("lists")).unwrap();
    let text = Listing::new(&module).to_string();
    assert!(
        text.contains("function='reverse'\n") && text.contains("export_bif export=lists:reverse/2"),
        "{text}"
    );
    let name = [shell.atom("lists"), shell.atom("reverse"), Term::int(2)];
    assert_eq!(shell.erlang("is_builtin", &name), "true");
    assert_eq!(shell.erlang("delete_module", &name[..1]), "true");
    assert_eq!(shell.erlang("function_exported", &name), "true");
}

#[test]
fn chunks_are_parts_of_the_file() {
    let shell = Shell::new();
    let file = shell.heap().binary(common::SAMPLE);
    let chunk = |name: &str| {
        shell.of(
            "erts_internal",
            "beamfile_chunk",
            &[file, shell.heap().string(name)],
        )
    };
    assert_eq!(chunk("StrT"), "<<5420616263>>");
    assert_eq!(chunk("None"), "undefined");
    assert_eq!(chunk("Str"), "{error,badarg}");
    assert_eq!(
        shell.of(
            "erts_internal",
            "beamfile_chunk",
            &[shell.heap().binary(b"none"), shell.heap().string("Code")]
        ),
        "undefined"
    );
    assert_eq!(
        shell.of(
            "erts_internal",
            "beamfile_module_md5",
            &[shell.heap().binary(b"none")]
        ),
        "undefined"
    );
}

/// The error handler asks whether a module is loaded, and if so calls again what was missing.
#[test]
fn what_is_loaded_can_be_called() {
    const FUNCTIONS: usize = 500;
    let exports: Vec<_> = (0..FUNCTIONS).map(|n| format!("f{n}/0")).collect();
    let functions: String = (0..FUNCTIONS).map(|n| format!("f{n}() -> ok.\n")).collect();
    let source = format!(
        "-module(many).\n-export([{}]).\n{functions}",
        exports.join(",")
    );
    let Some(beam) = compile("many", &source) else {
        return;
    };
    let _purging = PURGING.lock();
    let shell = Shell::new();
    let name = Atom::from_static("many");
    for _ in 0..5 {
        let module = loader::link::prepare(name, &beam).unwrap();
        let missing = std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                while table::current(name).is_none() {
                    std::hint::spin_loop();
                }
                let undefined = |exported: &&module::Exported| {
                    let export = Export::of(Mfa {
                        module: name,
                        function: exported.name,
                        arity: exported.arity.into(),
                    });
                    !export.is_defined()
                };
                // The last first: the loader may be on its way from the first.
                module.exports().iter().rev().filter(undefined).count()
            });
            table::Writer::seize()
                .load(std::slice::from_ref(&module))
                .unwrap();
            other.join().unwrap()
        });
        assert_eq!(missing, 0);
        assert_eq!(shell.erlang("delete_module", &[Term::atom(name)]), "true");
        for step in ["prepare", "complete"] {
            let args = [Term::atom(name), shell.atom(step)];
            assert_eq!(shell.of("erts_internal", "purge_module", &args), "true");
        }
    }
}
