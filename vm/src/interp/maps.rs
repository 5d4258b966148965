//! Map instructions: the interpreter's way to [`crate::map`].

use smallvec::SmallVec;

use super::Registers;
use super::exceptions::Raised;
use crate::atom::{Atom, well_known};
use crate::code::export::Mfa;
use crate::code::instr::{Operand, Table};
use crate::heap::Heap;
use crate::process::Process;
use crate::term::Term;
use crate::term::word::{self, Word};

fn term<'h>(word: Word) -> Term<'h> {
    // SAFETY: a term of the running process; nothing is collected before the caller here returns, and the
    // lifetime does not leave it.
    unsafe { Term::from_word(word) }
}

/// The value of a key; none if it is absent or `map` is no map.
#[inline]
pub(crate) fn get(map: Word, key: Word) -> Option<Word> {
    crate::map::get(term(map).as_map()?, term(key)).map(Term::word)
}

/// The size of a map; none if it is no map.
pub(crate) fn size(map: Word) -> Option<Word> {
    term(map).as_map().map(|map| word::small(map.len() as i64))
}

fn erlang(function: &str, arity: usize) -> Mfa {
    let function = Atom::existing(function).expect("the name of a BIF that the loader linked");
    Mfa {
        module: well_known::ERLANG,
        function,
        arity: arity as u32,
    }
}

/// `error:{badmap, Map}` of a guard BIF whose last argument is no map.
#[cold]
pub(crate) fn badmap(process: &Process, function: &str, args: &[Word]) -> Raised {
    let heap = Heap::new(&process.heap);
    let map = args.last().copied().map_or(Term::NIL, term);
    let reason = heap.tuple(&[Term::atom(well_known::BADMAP), map]);
    Raised::of_function(erlang(function, args.len()), args, reason.word())
}

/// `error:{badkey, Key}`, or `badmap`, of `map_get`.
#[cold]
pub(crate) fn get_failure(process: &Process, key: Word, map: Word) -> Raised {
    if size(map).is_none() {
        return badmap(process, "map_get", &[key, map]);
    }
    let heap = Heap::new(&process.heap);
    let reason = heap.tuple(&[Term::atom(well_known::BADKEY), term(key)]);
    Raised::of_function(erlang("map_get", 2), &[key, map], reason.word())
}

/// The source and the associations of a map update's table.
fn update<'h>(
    process: &Process,
    registers: &Registers,
    table: Table,
) -> (Term<'h>, SmallVec<[(Term<'h>, Term<'h>); 8]>) {
    let operand = |word: Word| match Operand::decode(word) {
        Operand::Const(word) => term(word),
        Operand::Reg(reg) => term(registers.read(process, reg)),
    };
    // SAFETY: the loader made the table for a map update: source, live, count of words, keys and values.
    unsafe {
        let count = table.word(2) as usize;
        let pairs = (0..count / 2).map(|pair| {
            (
                operand(table.word(3 + 2 * pair)),
                operand(table.word(4 + 2 * pair)),
            )
        });
        (operand(table.word(0)), pairs.collect())
    }
}

/// `Map#{K => V, …}`.
pub(crate) fn put_assoc(
    process: &Process,
    registers: &mut Registers,
    table: Table,
) -> Option<Word> {
    let heap = Heap::new(&process.heap);
    let (source, pairs) = update(process, registers, table);
    match source.as_map() {
        Some(map) => Some(crate::map::put_many(heap, map, &pairs).word()),
        None => registers.raise(not_a_map(heap, source)),
    }
}

/// `Map#{K := V, …}`.
pub(crate) fn put_exact(
    process: &Process,
    registers: &mut Registers,
    table: Table,
) -> Option<Word> {
    let heap = Heap::new(&process.heap);
    let (source, pairs) = update(process, registers, table);
    let Some(map) = source.as_map() else {
        return registers.raise(not_a_map(heap, source));
    };
    match crate::map::update_many(heap, map, &pairs) {
        Ok(updated) => Some(updated.word()),
        Err(key) => {
            let reason = heap.tuple(&[Term::atom(well_known::BADKEY), key]);
            registers.raise(Raised::error_word(reason.word()))
        }
    }
}

fn not_a_map(heap: Heap<'_>, source: Term<'_>) -> Raised {
    let reason = heap.tuple(&[Term::atom(well_known::BADMAP), term(source.word())]);
    Raised::error_word(reason.word())
}
