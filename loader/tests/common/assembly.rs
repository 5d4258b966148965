//! Modules assembled by hand.

#![allow(dead_code, reason = "not every test uses all of it")]

use loader::GenericOp as G;

/// A compact term: tag and small number.
pub fn t(tag: u8, value: u16) -> Vec<u8> {
    match value {
        0..16 => vec![(value as u8) << 4 | tag],
        16..0x800 => vec![((value >> 8) as u8) << 5 | 0x08 | tag, value as u8],
        _ => vec![0x18 | tag, (value >> 8) as u8, value as u8],
    }
}

/// An untagged number.
pub fn u(value: u16) -> Vec<u8> {
    t(0, value)
}

/// An integer.
pub fn i(value: u16) -> Vec<u8> {
    t(1, value)
}

/// An atom, by its index from 1.
pub fn a(value: u16) -> Vec<u8> {
    t(2, value)
}

/// An X register.
pub fn x(value: u16) -> Vec<u8> {
    t(3, value)
}

/// A slot of the frame.
pub fn y(value: u16) -> Vec<u8> {
    t(4, value)
}

/// A label.
pub fn f(value: u16) -> Vec<u8> {
    t(5, value)
}

/// A list.
pub fn list(elements: &[Vec<u8>]) -> Vec<u8> {
    [t(7, 1), u(elements.len() as u16), elements.concat()].concat()
}

/// An operation.
pub fn op(op: G, args: &[Vec<u8>]) -> Vec<u8> {
    [vec![op as u8], args.concat()].concat()
}

/// A chunk, padded.
pub fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = [id, &(data.len() as u32).to_be_bytes()[..], data].concat();
    chunk.resize(chunk.len().next_multiple_of(4), 0);
    chunk
}

/// Big-endian words.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A module with these atoms (its name first), imports (module, function, arity) and functions, labels below 20,
/// and the string table `abc`. It exports f/1 (the second atom) at label 2 and has the fun f/1 with an environment
/// of one term.
pub fn assemble(atoms: &[&str], imports: &[[u32; 3]], code: &[Vec<u8>], functions: u32) -> Vec<u8> {
    let head = words(&[16, 0, 191, 20, functions]);
    let mut names = words(&[atoms.len() as u32]);
    for atom in atoms {
        names.push(atom.len() as u8);
        names.extend(atom.as_bytes());
    }
    let imports = [&[imports.len() as u32][..], &imports.concat()].concat();
    let chunks = [
        chunk(b"AtU8", &names),
        chunk(
            b"Code",
            &[head, code.concat(), op(G::IntCodeEnd, &[])].concat(),
        ),
        chunk(b"StrT", b"abc"),
        chunk(b"ImpT", &words(&imports)),
        chunk(b"ExpT", &words(&[1, 2, 1, 2])),
        chunk(b"FunT", &words(&[1, 2, 1, 2, 0, 1, 7])),
    ]
    .concat();
    [
        b"FOR1".to_vec(),
        words(&[chunks.len() as u32 + 4]),
        b"BEAM".to_vec(),
        chunks,
    ]
    .concat()
}

/// The function f/1 with this body, at label 2.
pub fn f_1(body: &[Vec<u8>]) -> Vec<u8> {
    let head = [
        op(G::Label, &[u(1)]),
        op(G::FuncInfo, &[a(1), a(2), u(1)]),
        op(G::Label, &[u(2)]),
    ];
    [head.concat(), body.concat()].concat()
}
