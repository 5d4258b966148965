//! Map instructions: the interpreter's way to [`crate::map`].

use smallvec::SmallVec;

use super::Registers;
use super::exceptions::Raised;
use crate::atom::{Atom, well_known};
use crate::code::export::Mfa;
use crate::code::instr::{Operand, Table};
use crate::heap::{Heap, copy_few};
use crate::map::FLAT_LIMIT;
use crate::process::Process;
use crate::term::Term;
use crate::term::word::{self, BoxedKind, Word};

fn term<'h>(word: Word) -> Term<'h> {
    // SAFETY: a term of the running process; nothing is collected before the caller here returns, and the
    // lifetime does not leave it.
    unsafe { Term::from_word(word) }
}

/// The value of an immediate key of a flat map, or that it has none; none where either is something else.
#[inline(always)]
pub(crate) fn quick_get(map: Word, key: Word) -> Option<Option<Word>> {
    if !word::is_boxed(map) || !word::is_immediate(key) {
        return None;
    }
    let at = word::pointer(map);
    // SAFETY: a boxed term points to its header; after that of a flat map come the tuple of its keys and as many
    // values as that has elements.
    unsafe {
        let header = *at;
        if word::header_kind(header) != BoxedKind::FlatMap {
            return None;
        }
        let keys = word::pointer(*at.add(1));
        for index in 1..word::header_words(header) {
            if *keys.add(index) == key {
                return Some(Some(*at.add(1 + index)));
            }
        }
    }
    Some(None)
}

/// The value of a key; none if it is absent or `map` is no map.
#[inline(never)]
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

/// The map of a table of constant keys, which the loader put in order, and values.
pub(crate) fn create(process: &Process, registers: &Registers, table: Table) -> Word {
    // SAFETY: the loader made the table: live, count of pairs, keys and values; the room is asked for.
    unsafe {
        let count = table.word(1) as usize;
        let keys = process.heap.alloc(2 * count + 3);
        let map = keys.add(1 + count);
        *keys = word::header(BoxedKind::Tuple, count);
        *map = word::header(BoxedKind::FlatMap, 1 + count);
        *map.add(1) = word::boxed(keys);
        for pair in 0..count {
            *keys.add(1 + pair) = table.word(2 + 2 * pair);
            *map.add(2 + pair) = match Operand::decode(table.word(3 + 2 * pair)) {
                Operand::Const(word) => word,
                Operand::Reg(reg) => registers.read(process, reg),
            };
        }
        word::boxed(map)
    }
}

/// The update of a flat map that has all keys of the table, which are immediates: its keys are shared. None
/// where it is otherwise.
fn replace(process: &Process, registers: &Registers, table: Table, source: Word) -> Option<Word> {
    if !word::is_boxed(source) {
        return None;
    }
    let operand = |word: Word| match Operand::decode(word) {
        Operand::Const(word) => word,
        Operand::Reg(reg) => registers.read(process, reg),
    };
    let at = word::pointer(source);
    // SAFETY: as in `quick_get` and `update`; the room for as many words as the map has is asked for.
    unsafe {
        let header = *at;
        if word::header_kind(header) != BoxedKind::FlatMap {
            return None;
        }
        let size = word::header_words(header);
        let keys = word::pointer(*at.add(1));
        let pairs = table.word(2) as usize / 2;
        let mut places = [0u8; FLAT_LIMIT];
        if pairs > FLAT_LIMIT {
            return None;
        }
        let mut changes = false;
        for (pair, found) in places[..pairs].iter_mut().enumerate() {
            let key = operand(table.word(3 + 2 * pair));
            if !word::is_immediate(key) {
                return None;
            }
            let place = (1..size).find(|&index| *keys.add(index) == key)?;
            *found = place as u8;
            changes |= *at.add(1 + place) != operand(table.word(4 + 2 * pair));
        }
        if !changes {
            return Some(source);
        }
        let new = process.heap.alloc(1 + size);
        copy_few(at, new, 1 + size);
        for (pair, &place) in places[..pairs].iter().enumerate() {
            *new.add(1 + usize::from(place)) = operand(table.word(4 + 2 * pair));
        }
        Some(word::boxed(new))
    }
}

fn source(process: &Process, registers: &Registers, table: Table) -> Word {
    // SAFETY: the first word of a map update's table is the operand of its source.
    match Operand::decode(unsafe { table.word(0) }) {
        Operand::Const(word) => word,
        Operand::Reg(reg) => registers.read(process, reg),
    }
}

/// `Map#{K => V, …}`.
pub(crate) fn put_assoc(
    process: &Process,
    registers: &mut Registers,
    table: Table,
) -> Option<Word> {
    if let Some(map) = replace(process, registers, table, source(process, registers, table)) {
        return Some(map);
    }
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
    if let Some(map) = replace(process, registers, table, source(process, registers, table)) {
        return Some(map);
    }
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
