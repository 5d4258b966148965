//! What code is refused, shown on modules assembled here.

mod common;

use common::assembly::*;
use loader::{BeamFile, GenericOp as G, LoadError};

/// A module `m` with `functions` functions and labels below 20. Its atoms: m, f, erlang, error, safe. Its imports:
/// erlang:error/1, m:f/2. It exports f/1 at label 2 and has the fun f/1 with an environment of one term.
fn module(code: &[Vec<u8>], functions: u32) -> Vec<u8> {
    let atoms = ["m", "f", "erlang", "error", "safe"];
    assemble(&atoms, &[[3, 4, 1], [1, 2, 2]], code, functions)
}

fn accepts(body: &[Vec<u8>]) {
    let file = module(&[f_1(body)], 1);
    assert_eq!(BeamFile::parse(&file).err(), None);
}

fn refuses(body: &[Vec<u8>], why: &str) {
    let file = module(&[f_1(body)], 1);
    let error = BeamFile::parse(&file).expect_err(why).to_string();
    assert!(error.contains(why), "{error:?} does not say {why:?}");
}

fn ret() -> Vec<u8> {
    op(G::Return, &[])
}

#[test]
fn control_stays_inside_the_function() {
    accepts(&[ret()]);
    accepts(&[op(G::CallExt, &[u(1), u(0)])]);
    accepts(&[op(G::Jump, &[f(3)]), op(G::Label, &[u(3)]), ret()]);
    refuses(&[], "leave the function at its end");
    refuses(
        &[op(G::Move, &[x(0), x(1)])],
        "leave the function at its end",
    );
    refuses(
        &[op(G::CallExt, &[u(2), u(1)])],
        "leave the function at its end",
    );
    refuses(&[op(G::Jump, &[f(3)])], "not defined");
    refuses(&[op(G::Jump, &[f(20)])], "out of range");
    refuses(&[ret(), op(G::Jump, &[f(3)])], "not defined");
    refuses(&[ret(), op(G::Label, &[u(2)]), ret()], "defined twice");
    refuses(&[op(G::IsNil, &[f(0), x(0)]), ret()], "not a label");
}

#[test]
fn jumps_do_not_enter_other_functions() {
    let other = [
        op(G::Label, &[u(3)]),
        op(G::FuncInfo, &[a(1), a(5), u(0)]),
        op(G::Label, &[u(4)]),
        ret(),
    ]
    .concat();
    let parse = |body: Vec<u8>, functions| {
        BeamFile::parse(&module(&[f_1(&[body]), other.clone()], functions))
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(parse(ret(), 2), Ok(()));
    assert_eq!(parse(op(G::CallOnly, &[u(0), f(4)]), 2), Ok(()));
    assert!(parse(op(G::Jump, &[f(4)]), 2).is_err_and(|error| error.contains("another function")));
    assert!(
        parse(op(G::CallOnly, &[u(1), f(4)]), 2)
            .is_err_and(|error| error.contains("another arity"))
    );
    assert!(
        parse(op(G::CallOnly, &[u(0), f(3)]), 2)
            .is_err_and(|error| error.contains("no function begins"))
    );
    assert!(parse(ret(), 3).is_err_and(|error| error.contains("number of functions")));
}

#[test]
fn frames_are_known_where_they_matter() {
    let allocate = |slots| op(G::Allocate, &[u(slots), u(1)]);
    let deallocate = |slots| op(G::Deallocate, &[u(slots)]);
    let keep = |slot| op(G::Move, &[x(0), y(slot)]);
    accepts(&[
        allocate(2),
        keep(1),
        op(G::Trim, &[u(1), u(1)]),
        keep(0),
        deallocate(1),
        ret(),
    ]);
    accepts(&[allocate(1), op(G::CallLast, &[u(1), f(2), u(1)])]);
    refuses(&[keep(0), ret()], "no such slot");
    refuses(
        &[allocate(2), keep(2), deallocate(2), ret()],
        "no such slot",
    );
    refuses(&[allocate(2), deallocate(1), ret()], "another size");
    refuses(
        &[
            allocate(2),
            op(G::Trim, &[u(1), u(2)]),
            deallocate(2),
            ret(),
        ],
        "another size",
    );
    refuses(&[allocate(1), ret()], "another size");
    refuses(&[allocate(1), allocate(1), ret()], "another size");
    refuses(
        &[allocate(1), op(G::CallOnly, &[u(1), f(2)])],
        "another size",
    );
    refuses(&[op(G::CallLast, &[u(1), f(2), u(0)])], "another size");
}

#[test]
fn frames_of_different_ways_meet() {
    let ways = |end: &[Vec<u8>]| {
        let start = [
            op(G::Allocate, &[u(3), u(1)]),
            op(G::IsNil, &[f(3), x(0)]),
            op(G::Trim, &[u(1), u(2)]),
            op(G::Jump, &[f(3)]),
            op(G::Label, &[u(3)]),
        ];
        [start.concat(), end.concat()]
    };
    accepts(&ways(&[op(G::Badmatch, &[y(1)])]));
    refuses(&ways(&[op(G::Badmatch, &[y(2)])]), "no such slot");
    refuses(&ways(&[op(G::Deallocate, &[u(2)]), ret()]), "another size");
    // The wrong size of a tail call that never returns does no harm, and OTP 25 ships such code.
    accepts(&ways(&[op(G::CallExtLast, &[u(1), u(0), u(9)])]));
}

#[test]
fn operands_refer_to_what_is_there() {
    let then_return = |op| [op, ret()];
    let move_of = |source| then_return(op(G::Move, &[source, x(0)]));
    accepts(&move_of(a(0)));
    accepts(&move_of(x(1023)));
    refuses(&move_of(a(6)), "not in the atom table");
    refuses(&move_of(x(1024)), "no such register");
    refuses(
        &move_of([t(7, 4), u(0)].concat()),
        "not in the literal table",
    );
    refuses(&move_of(u(1)), "neither a register nor a constant");
    refuses(&move_of(t(6, 65)), "unknown tag");
    refuses(
        &then_return(op(G::CallExt, &[u(2), u(2)])),
        "not in the import table",
    );
    refuses(
        &then_return(op(G::CallExt, &[u(1), u(1)])),
        "differs from the import table's",
    );
    refuses(
        &then_return(op(G::TestHeap, &[u(1), u(1025)])),
        "more X registers",
    );
    refuses(&then_return(op(G::LoopRec, &[f(1), x(1)])), "x0");
    accepts(&then_return(op(
        G::BsMatchString,
        &[f(1), x(0), u(24), u(0)],
    )));
    refuses(
        &then_return(op(G::BsMatchString, &[f(1), x(0), u(25), u(0)])),
        "not in the string table",
    );
    accepts(&then_return(op(G::Line, &[u(999)])));
}

#[test]
fn lists_hold_what_their_operation_needs() {
    let then_return = |op| [op, ret()];
    accepts(&[op(
        G::SelectVal,
        &[x(0), f(1), list(&[i(1), f(1), a(2), f(1)])],
    )]);
    refuses(
        &[op(G::SelectVal, &[x(0), f(1), list(&[i(1), f(1), a(2)])])],
        "inside a group",
    );
    refuses(
        &[op(G::SelectVal, &[x(0), f(1), list(&[x(1), f(1)])])],
        "not a constant",
    );
    refuses(&[op(G::SelectVal, &[x(0), f(1), u(2)])], "not a list");
    accepts(&then_return(op(G::MakeFun3, &[u(0), x(0), list(&[x(1)])])));
    refuses(
        &then_return(op(G::MakeFun3, &[u(0), x(0), list(&[])])),
        "environment",
    );
    refuses(
        &then_return(op(G::MakeFun3, &[u(1), x(0), list(&[x(1)])])),
        "not in the lambda table",
    );
    refuses(
        &then_return(op(G::PutTuple2, &[x(0), list(&[list(&[])])])),
        "list in a list",
    );
    refuses(
        &then_return(op(G::CallFun2, &[a(2), u(0), x(0)])),
        "neither safe nor unsafe",
    );
    accepts(&then_return(op(G::CallFun2, &[a(5), u(0), x(0)])));
}

#[test]
fn operations_that_no_release_loads() {
    let file = module(&[f_1(&[op(G::PutTuple, &[u(1), x(0)]), ret()])], 1);
    assert!(matches!(
        BeamFile::parse(&file),
        Err(LoadError::UnknownOpcode { opcode: 70, .. })
    ));
    let file = module(&[f_1(&[vec![192], ret()])], 1);
    assert!(matches!(
        BeamFile::parse(&file),
        Err(LoadError::UnknownOpcode { opcode: 192, .. })
    ));
}

/// Each label is reached from the one after it: a naive repetition of walks would be quadratic.
#[test]
fn long_chains_of_backward_jumps_are_quick() {
    const LABELS: u32 = 60_000;
    let number =
        |tag: u8, value: u32| [vec![0x38 | tag], value.to_be_bytes()[1..].to_vec()].concat();
    let mut code = f_1(&[
        op(G::Jump, &[number(5, LABELS)]),
        op(G::Label, &[u(3)]),
        ret(),
    ]);
    for label in 4..=LABELS {
        code.extend(op(G::Label, &[number(0, label)]));
        code.extend(op(G::Jump, &[number(5, label - 1)]));
    }
    let mut file = module(&[code], 1);
    let head = file
        .windows(4)
        .position(|bytes| bytes == b"Code")
        .expect("a Code chunk");
    file[head + 20..head + 24].copy_from_slice(&(LABELS + 1).to_be_bytes());
    assert_eq!(BeamFile::parse(&file).err(), None);
}
