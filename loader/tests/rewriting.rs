//! What generic operations become: each case is a body of f/1 and the instructions that it turns into.

mod common;

use common::assembly::*;
use loader::{BeamFile, GenericOp as G, LoadError, link::link};
use vm::code::listing::Listing;

const ATOMS: [&str; 17] = [
    "m",
    "f",
    "erlang",
    "error",
    "safe",
    "integer",
    "binary",
    "ensure_at_least",
    "ensure_exactly",
    "skip",
    "get_tail",
    "=:=",
    "+",
    "resume",
    "string",
    "element",
    "append",
];
const BINARY: u16 = 7;
const INTEGER: u16 = 6;
/// error/1, '+'/2, element/2.
const IMPORTS: [[u32; 3]; 3] = [[3, 4, 1], [3, 13, 2], [3, 16, 2]];

fn rewrite(body: &[Vec<u8>]) -> Result<Vec<String>, LoadError> {
    common::bifs::register();
    let file = assemble(&ATOMS, &IMPORTS, &[f_1(body)], 1);
    let module = link(&BeamFile::parse(&file)?)?;
    let listing = Listing::new(&module);
    Ok((1..module.len())
        .map(|index| listing.instruction(index))
        .collect())
}

/// An instruction without what its name says of where the registers are.
fn anywhere(line: String) -> String {
    let (name, operands) = line.split_at(line.find(' ').unwrap_or(line.len()));
    let name = ["_xyx", "_yx", "_xy", "_x"]
        .iter()
        .find_map(|places| name.strip_suffix(places))
        .unwrap_or(name);
    format!("{name}{operands}")
}

#[track_caller]
fn check(body: &[Vec<u8>], expected: &[&str]) {
    let code = rewrite(body).expect("good code").into_iter().map(anywhere);
    assert_eq!(code.collect::<Vec<_>>(), expected);
}

#[test]
fn instructions_know_that_their_registers_are_x_registers() {
    let code = rewrite(&[to(1)(0), to(2)(0), ret()]).expect("good code");
    assert!(code[0].starts_with("move2_x "), "{code:?}");
}

fn ret() -> Vec<u8> {
    op(G::Return, &[])
}

fn label(number: u16) -> Vec<u8> {
    op(G::Label, &[u(number)])
}

fn to(destination: u16) -> impl Fn(u16) -> Vec<u8> {
    move |source| op(G::Move, &[x(source), x(destination)])
}

#[test]
fn moves_fuse_with_what_follows() {
    check(&[to(0)(1), ret()], &["move_return src=x1"]);
    check(&[to(0)(0), ret()], &["return"]);
    check(
        &[op(G::Move, &[i(7), x(0)]), ret()],
        &["move_c_return value=7"],
    );
    check(
        &[to(1)(0), to(2)(1), to(3)(2), to(4)(3), ret()],
        &[
            "move3 src1=x0 dst1=x1 src2=x1 dst2=x2 src3=x2 dst3=x3",
            "move src=x3 dst=x4",
            "return",
        ],
    );
    check(
        &[
            op(G::Allocate, &[u(1), u(1)]),
            to(0)(1),
            op(G::Deallocate, &[u(1)]),
            ret(),
        ],
        &[
            "allocate words=1 live=1",
            "move_deallocate_return src=x1 words=1",
        ],
    );
    // A label between two instructions keeps them apart.
    check(
        &[to(0)(1), label(3), ret()],
        &["move src=x1 dst=x0", "return"],
    );
}

#[test]
fn lists_and_tuples_fuse_with_their_tests() {
    check(
        &[
            op(G::IsNonemptyList, &[f(1), x(0)]),
            op(G::GetList, &[x(0), x(1), x(0)]),
            ret(),
        ],
        &[
            "is_nonempty_list_get_list src=x0 fail=0 head=x1 tail=x0",
            "return",
        ],
    );
    check(
        &[
            op(G::IsNonemptyList, &[f(1), x(0)]),
            op(G::GetHd, &[x(1), x(0)]),
            ret(),
        ],
        &[
            "is_nonempty_list src=x0 fail=0",
            "get_hd src=x1 dst=x0",
            "return",
        ],
    );
    check(
        &[
            op(G::IsTuple, &[f(1), x(0)]),
            op(G::TestArity, &[f(1), x(0), u(2)]),
            ret(),
        ],
        &["is_tuple_of_arity src=x0 fail=0 arity=2", "return"],
    );
    let element =
        |element, destination| op(G::GetTupleElement, &[x(0), u(element), x(destination)]);
    check(
        &[element(0, 1), element(1, 2), element(2, 0), ret()],
        &[
            "get_tuple_element3 src=x0 index=0 dst1=x1 dst2=x2 dst3=x0",
            "return",
        ],
    );
    // The tuple is gone after the first.
    check(
        &[element(0, 0), element(1, 2), ret()],
        &[
            "get_tuple_element src=x0 dst=x0 index=0",
            "get_tuple_element src=x0 dst=x2 index=1",
            "return",
        ],
    );
}

#[test]
fn selects_by_what_they_select() {
    let select = |choices: &[Vec<u8>]| {
        let mut body = vec![op(G::SelectVal, &[x(0), f(1), list(choices)])];
        for number in 3..=6 {
            body.extend([label(number), ret()]);
        }
        body
    };
    let returns = ["return"; 4];
    let expect = |instruction: &str, choices: &[Vec<u8>]| {
        check(&select(choices), &[&[instruction][..], &returns].concat());
    };
    expect("jump target=0", &[]);
    expect(
        "select_imm_few src=x0 fail=0 table=[2, 9, 'm', ->2, ->3]",
        &[i(9), f(3), a(1), f(4)],
    );
    expect(
        "select_range src=x0 fail=0 table=[4, 5, ->2, ->3, -, ->4, ->5]",
        &[i(4), f(3), i(5), f(4), i(8), f(6), i(7), f(5), i(4), f(6)],
    );
    expect(
        "select_imm src=x0 fail=0 table=[4, 1, 50, 100, 'm', ->5, ->3, ->2, ->4]",
        &[i(100), f(3), i(50), f(4), a(1), f(5), i(1), f(6)],
    );
    // The test before a select of one type says nothing more.
    let tested = |test| {
        [
            vec![op(test, &[f(1), x(0)])],
            select(&[i(4), f(3), i(400), f(4)]),
        ]
        .concat()
    };
    check(
        &tested(G::IsInteger),
        &[
            &["select_imm_few src=x0 fail=0 table=[2, 4, 400, ->2, ->3]"][..],
            &returns,
        ]
        .concat(),
    );
    check(
        &tested(G::IsAtom),
        &[
            &[
                "is_atom src=x0 fail=0",
                "select_imm_few src=x0 fail=0 table=[2, 4, 400, ->3, ->4]",
            ][..],
            &returns,
        ]
        .concat(),
    );
}

#[test]
fn constants_go_where_they_can() {
    check(
        &[
            op(G::IsLt, &[f(1), i(1), i(2)]),
            op(G::IsEqExact, &[f(1), a(1), x(0)]),
            ret(),
        ],
        &[
            "move_c dst=x1024 value=1",
            "is_lt_r_c a=x1024 fail=0 value=2",
            "is_eq_exact_imm a=x0 fail=0 value='m'",
            "return",
        ],
    );
    let plus = |left, right| op(G::GcBif2, &[f(0), u(1), u(1), left, right, x(0)]);
    check(
        &[plus(x(0), i(1)), ret()],
        &["add_c a=x0 fail=- dst=x0 live=1 value=1", "return"],
    );
    check(
        &[plus(i(1), x(0)), ret()],
        &[
            "move_c dst=x1024 value=1",
            "add a=x1024 fail=- b=x0 dst=x0 live=1",
            "return",
        ],
    );
    check(
        &[op(G::Bif2, &[f(1), u(2), i(2), x(0), x(0)]), ret()],
        &["bif_element_c src=x0 fail=0 dst=x0 index=2", "return"],
    );
    check(
        &[op(G::PutTuple2, &[x(0), list(&[a(1), x(0), i(3)])]), ret()],
        &["put_tuple dst=x0 table=[3, 'm', x0, 3]", "return"],
    );
}

#[test]
fn last_calls_leave_no_frame() {
    let call = |function: u16| {
        [
            op(G::Allocate, &[u(0), u(1)]),
            op(G::CallFun2, &[a(5), u(1), x(function)]),
            op(G::Deallocate, &[u(0)]),
            ret(),
        ]
    };
    check(
        &call(1),
        &["allocate words=0 live=1", "call_fun_last arity=1 words=0"],
    );
    check(
        &call(3),
        &[
            "allocate words=0 live=1",
            "move src=x3 dst=x1",
            "call_fun_last arity=1 words=0",
        ],
    );
    check(
        &[
            op(G::Allocate, &[u(0), u(1)]),
            op(G::CallFun2, &[a(5), u(1), x(3)]),
            op(G::Deallocate, &[u(0)]),
            op(G::Move, &[x(1), x(0)]),
            ret(),
        ],
        &[
            "allocate words=0 live=1",
            "call_fun_reg arity=1 fun=x3",
            "deallocate words=0",
            "move_return src=x1",
        ],
    );
    check(
        &[op(G::CallExtOnly, &[u(1), u(0)])],
        &["call_bif_only export=erlang:error/1"],
    );
}

#[test]
fn later_releases_operations_come_apart() {
    let commands = [
        vec![a(8), u(16), u(8)],
        vec![a(INTEGER), u(1), op_nil(), u(16), u(1), x(1)],
        vec![a(12), op_nil(), u(12), u(0xabc)],
        vec![a(10), u(4)],
        vec![a(BINARY), u(2), op_nil(), u(8), u(8), x(2)],
        vec![a(9), u(24)],
        vec![a(11), u(3), u(8), x(3)],
    ]
    .concat();
    check(
        &[op(G::BsMatch, &[f(1), x(0), list(&commands)]), ret()],
        &[
            "bs_ensure context=x0 fail=0 unit=8 bits=16",
            "bs_get_small_integer context=x0 fail=0 dst=x1 bits=16 signed=0",
            "bs_match_string fail=0 table=[x0, 12, 49323]",
            "bs_skip_bits fail=0 table=[x0, 4, 1]",
            "bs_get_binary dst=x2 fail=0 table=[x0, 2, 8, 8, 0]",
            "bs_test_tail context=x0 fail=0 bits=24",
            "bs_get_tail context=x0 dst=x3 live=3",
            "return",
        ],
    );
    check(
        &[
            op(
                G::UpdateRecord,
                &[a(1), u(3), x(0), x(0), list(&[u(2), i(5), u(3), x(1)])],
            ),
            ret(),
        ],
        &[
            "update_tuple src=x0 dst=x0 table=[3, 4, 2, 5, 3, x1]",
            "return",
        ],
    );
    let refused = rewrite(&[op(G::IsAnyNativeRecord, &[f(1), x(0)]), ret()]);
    assert!(
        refused.as_ref().is_err_and(|error| error
            .to_string()
            .contains("is_any_native_record is not supported")),
        "{refused:?}"
    );
}

/// `[]`: atom 0.
fn op_nil() -> Vec<u8> {
    a(0)
}

#[test]
fn earlier_releases_operations_are_kept() {
    // Constants in these tables are words of terms: 4 and 8 as small integers, x0 as a header.
    let instructions = rewrite(&[
        op(G::BsInit2, &[f(0), u(4), u(0), u(1), u(0), x(1)]),
        op(G::BsPutInteger, &[f(0), i(8), u(1), u(16), x(0)]),
        op(G::BsPutString, &[u(3), u(0)]),
        op(G::Fclearerror, &[]),
        ret(),
    ])
    .expect("good code");
    assert_eq!(
        instructions[..2],
        [
            "bs_old op=109 fail=- table=[32, 0, 1, 0, 1]",
            "bs_old op=89 fail=- table=[64, 1, 2, 6]"
        ]
    );
    // The address of the bytes, and how many they are.
    assert!(
        instructions[2].starts_with("bs_old op=92 fail=- table=[")
            && instructions[2].ends_with(", 3]")
    );
    assert_eq!(instructions[3..], ["return"]);
    check(
        &[op(G::MakeFun2, &[u(0)]), ret()],
        &[
            "test_heap live=1 need=4",
            "make_fun dst=x0 table=[m:f/0, 1, x0]",
            "return",
        ],
    );
}
