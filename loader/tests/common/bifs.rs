//! BIFs that do nothing: linking only needs to know that they exist.

use std::sync::Once;

use vm::atom::Atom;
use vm::bif::{BifEntry, BifKind, BifResult, Call, badarg};
use vm::code::{Export, Mfa};

const GUARDS: &[(&str, u8)] = &[
    ("-", 1),
    ("/", 2),
    ("abs", 1),
    ("and", 2),
    ("binary_part", 2),
    ("binary_part", 3),
    ("bit_size", 1),
    ("bnot", 1),
    ("ceil", 1),
    ("float", 1),
    ("floor", 1),
    ("get", 1),
    ("is_atom", 1),
    ("is_binary", 1),
    ("is_bitstring", 1),
    ("is_boolean", 1),
    ("is_float", 1),
    ("is_function", 1),
    ("is_function", 2),
    ("is_integer", 1),
    ("is_list", 1),
    ("is_map", 1),
    ("is_number", 1),
    ("is_pid", 1),
    ("is_port", 1),
    ("is_record", 2),
    ("is_record", 3),
    ("is_reference", 1),
    ("is_tuple", 1),
    ("map_size", 1),
    ("max", 2),
    ("min", 2),
    ("node", 0),
    ("node", 1),
    ("not", 1),
    ("or", 2),
    ("round", 1),
    ("size", 1),
    ("trunc", 1),
    ("xor", 2),
];
const OTHERS: &[(&str, &str, u8)] = &[
    ("lists", "reverse", 2),
    ("lists", "member", 2),
    ("erlang", "error", 1),
    ("erlang", "atom_to_list", 1),
];

/// Registers them, once.
pub fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let guards = GUARDS
            .iter()
            .map(|&(function, arity)| ("erlang", function, arity, BifKind::Guard));
        let others = OTHERS
            .iter()
            .map(|&(module, function, arity)| (module, function, arity, BifKind::Heavy));
        for (module, function, arity, kind) in guards.chain(others) {
            let mfa = Mfa {
                module: Atom::from_static(module),
                function: Atom::from_static(function),
                arity: arity.into(),
            };
            Export::of(mfa).set_bif(Box::leak(Box::new(BifEntry {
                module,
                function,
                arity,
                kind,
                run: refuse,
            })));
        }
    });
}

fn refuse(_: Call<'_>) -> BifResult<'_> {
    Err(badarg())
}
