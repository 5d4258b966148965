//! Runs `Module:main()` of a .beam file without a node: `run_beam FILE...`; the last file's module is run.
//! For looking at the interpreter alone (with a profiler, say).

use vm::atom::Atom;
use vm::code::table::Writer;
use vm::code::{Export, Mfa};
use vm::process::{Outcome, Runner, hooks, slice, spawn};
use vm::term::Term;

fn main() {
    for bif in vm::bif::tables().into_iter().flatten() {
        let (module, function) = (
            Atom::from_static(bif.module),
            Atom::from_static(bif.function),
        );
        Export::of(Mfa {
            module,
            function,
            arity: bif.arity.into(),
        })
        .set_bif(bif);
    }
    let mut last = None;
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).expect("a file that can be read");
        let name = std::path::Path::new(&path)
            .file_stem()
            .expect("a name")
            .to_str()
            .expect("UTF-8")
            .to_owned();
        let atom = Atom::new(&name).expect("an atom");
        let module = loader::link::prepare(atom, &bytes).expect("a sound module");
        Writer::seize().load(&[module]).expect("loaded once");
        last = Some(atom);
    }
    let module = last.expect("at least one file");
    vm::process::table::init(1024);
    let main = Atom::from_static("main");
    let spawned = spawn::spawn(None, module, main, Term::NIL, spawn::Options::new())
        .expect("room for a process");
    let started = std::time::Instant::now();
    spawned.start();
    let mut runner = vm::interp::Interpreter::new();
    let runner: &mut dyn Runner = &mut runner;
    let mut ready = hooks::take_early();
    while let Some(process) = ready.pop() {
        match slice::turn(process.start(), runner).0 {
            slice::After::Ready(process) => ready.push(process),
            slice::After::Asleep => println!("asleep"),
            slice::After::Ended => println!("ended"),
        }
        ready.extend(hooks::take_early());
    }
    let _ = Outcome::Yielded;
    println!("{:?}", started.elapsed());
}
