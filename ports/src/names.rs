//! File names, commands, arguments and variables as Erlang terms: binaries, atoms, and lists of
//! characters and such lists, encoded as the file system wants them.

#![forbid(unsafe_code)]

use vm::term::{Kind, Term};

/// The bytes of a name; none for what is no name: other terms, a zero byte (but at the end of a binary), and
/// characters that cannot be encoded.
pub(crate) fn native(term: Term<'_>, latin1: bool) -> Option<Vec<u8>> {
    let bytes = match term.as_bits() {
        Some(bits) => {
            let mut bytes = bits.binary()?.into_owned();
            while bytes.last() == Some(&0) {
                bytes.pop();
            }
            bytes
        }
        None => of_list(term, latin1)?,
    };
    (!bytes.contains(&0)).then_some(bytes)
}

/// The same, but an empty name is none.
pub(crate) fn native_nonempty(term: Term<'_>, latin1: bool) -> Option<Vec<u8>> {
    native(term, latin1).filter(|bytes| !bytes.is_empty())
}

/// The bytes of a string of Latin-1 characters; none for what is no such list, or has zero bytes.
pub(crate) fn latin1_string(term: Term<'_>) -> Option<Vec<u8>> {
    let characters = term.proper_list()?;
    let bytes: Option<Vec<u8>> = characters
        .iter()
        .map(|character| u8::try_from(character.as_small()?).ok())
        .collect();
    bytes.filter(|bytes| !bytes.is_empty())
}

/// The bytes of an atom or a list. OTP 25, erl_unicode.c: an atom is a name only by itself, a number is a
/// character only as an element, and lists are proper at every depth.
fn of_list(term: Term<'_>, latin1: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(atom) = term.as_atom() {
        for character in atom.name().chars() {
            put(&mut bytes, character, latin1)?;
        }
        return Some(bytes);
    }
    // The ends of lists that are still to be read, the innermost last.
    let mut rests = vec![term];
    while let Some(rest) = rests.pop() {
        let cell = match rest.kind() {
            Kind::Nil => continue,
            Kind::Cons(cell) => cell,
            _ => return None,
        };
        rests.push(cell.tail());
        match cell.head().kind() {
            Kind::Nil | Kind::Cons(_) => rests.push(cell.head()),
            Kind::Small(value) => {
                let value = u32::try_from(value).ok()?;
                put(&mut bytes, char::from_u32(value)?, latin1)?;
            }
            _ => return None,
        }
    }
    Some(bytes)
}

fn put(bytes: &mut Vec<u8>, character: char, latin1: bool) -> Option<()> {
    if latin1 {
        bytes.push(u8::try_from(u32::from(character)).ok()?);
    } else {
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm::heap::OwnedTerm;

    fn check(build: impl for<'h> FnOnce(vm::heap::Heap<'h>) -> Term<'h>, expected: Option<&[u8]>) {
        let term = OwnedTerm::build(build);
        assert_eq!(native(term.term(), false).as_deref(), expected);
    }

    #[test]
    fn names_of_all_kinds() {
        check(|heap| heap.string("cat"), Some(b"cat"));
        check(|heap| heap.binary(b"\xff"), Some(b"\xff"));
        check(|_| Term::atom(vm::atom!("a_b")), Some(b"a_b"));
        check(|heap| heap.string("\u{e9}"), Some("\u{e9}".as_bytes()));
        check(
            |heap| heap.list(&[heap.string("a"), Term::NIL, Term::int(99)]),
            Some(b"ac"),
        );
        check(
            |heap| heap.list(&[heap.string("a"), Term::atom(vm::atom!("b"))]),
            None,
        );
        check(|heap| heap.list(&[Term::int(97), Term::int(0)]), None);
        check(|_| Term::NIL, Some(b""));
        check(|heap| heap.binary(b"a\0\0"), Some(b"a"));
        check(|heap| heap.binary(b"a\0b"), None);
        check(|heap| heap.list(&[Term::int(0xd800)]), None);
        check(|heap| heap.list(&[heap.binary(b"a")]), None);
        check(
            |heap| heap.list(&[heap.string("a"), heap.string("b")]),
            Some(b"ab"),
        );
        check(
            |heap| heap.list_with_tail(&[Term::int(97)], Term::int(98)),
            None,
        );
        check(|_| Term::int(1), None);
    }
}
