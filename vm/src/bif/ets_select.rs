//! Module `ets`: traversals by match specification and pattern.
//!
//! What a traversal was limited to is continued by a tuple as the stock VM makes it, which holds the table, the
//! place and the compiled specification.

use std::sync::Arc;

use super::ets::{TableRef, accessible, reading, table, writing};
use crate::atom::{Atom, well_known as w};
use crate::bif::{BifResult, Call, Stop, badarg, badarg_because};
use crate::ets::store::{Cursor, OwnedTermKey, Store};
use crate::ets::{Access, Table, Type};
use crate::heap::OwnedTerm;
use crate::match_spec::{self, Dialect, MatchSpec, Outcome};
use crate::reference;
use crate::term::{Kind, Term};

crate::bifs! { "ets":
    "match"/1 Plain continue_1;
    "match"/2 Plain match_2;
    "match"/3 Plain match_3;
    "match_object"/1 Plain continue_1;
    "match_object"/2 Plain match_object_2;
    "match_object"/3 Plain match_object_3;
    "select"/1 Plain continue_1;
    "select"/2 Plain select_2;
    "select"/3 Plain select_3;
    "select_reverse"/1 Plain continue_1;
    "select_reverse"/2 Plain select_reverse_2;
    "select_reverse"/3 Plain select_reverse_3;
    "select_count"/2 Plain select_count_2;
    "select_replace"/2 Plain select_replace_2;
    "internal_select_delete"/2 Plain select_delete_2;
    "match_spec_compile"/1 Plain match_spec_compile_1;
    "match_spec_run_r"/3 Plain match_spec_run_r_3;
    "is_compiled_ms"/1 Plain is_compiled_ms_1;
}

/// A limited traversal, and where it stands.
struct Traversal<'p> {
    table: Arc<Table>,
    spec: Arc<MatchSpec>,
    limit: usize,
    forward: bool,
    cursor: Cursor,
    /// Results that did not fit the last answer.
    pending: Vec<Term<'p>>,
}

/// A compiled specification that a program holds.
struct Compiled {
    spec: Arc<MatchSpec>,
    /// In a continuation of a named table: the table and its name then. It may be renamed meanwhile, or another
    /// may have its name.
    table: Option<(Arc<Table>, Atom)>,
}

fn spec<'p>(term: Term<'p>) -> Result<Arc<MatchSpec>, Stop<'p>> {
    match_spec::compile(term, Dialect::Table)
        .map(Arc::new)
        .map_err(|_| badarg())
}

fn pattern<'p>(term: Term<'p>, whole: bool) -> Result<Arc<MatchSpec>, Stop<'p>> {
    match_spec::compile_pattern(term, whole)
        .map(Arc::new)
        .map_err(|_| badarg())
}

/// Calls `visit` with each object that can match.
fn each_candidate<'a>(
    table: &Table,
    store: &'a Store,
    spec: &MatchSpec,
    forward: bool,
    mut visit: impl FnMut(&'a OwnedTerm),
) {
    if let Some(key) = bound_key(table, spec) {
        store.lookup(key).iter().for_each(&mut visit);
        return;
    }
    if table.options.kind == Type::OrderedSet
        && let Some(range) = spec.key_range(table.options.key_position - 1)
    {
        let found = store.iter_range(range);
        if forward {
            found.for_each(visit);
        } else {
            found.rev().for_each(visit);
        }
        return;
    }
    if forward {
        store.iter().for_each(visit)
    } else {
        store.iter_reverse().for_each(visit)
    }
}

/// The key that every object has which can match, where it can be looked up.
fn bound_key<'s>(table: &Table, spec: &'s MatchSpec) -> Option<Term<'s>> {
    let key = spec.key(table.options.key_position - 1)?;
    (table.options.kind != Type::OrderedSet || !has_float(key)).then_some(key)
}

/// Keys that are equal without being the same make a look-up in an ordered set find what does not match.
fn has_float(key: Term<'_>) -> bool {
    !matches!(
        key.kind(),
        Kind::Atom(_) | Kind::Pid(_) | Kind::Bits(_) | Kind::Ref(_) | Kind::Nil
    )
}

/// All results, in the order of the traversal.
fn select_all<'p>(
    call: Call<'p>,
    table: &Table,
    spec: &MatchSpec,
    forward: bool,
) -> Result<Vec<Term<'p>>, Stop<'p>> {
    let store = reading(table)?;
    let mut results = Vec::new();
    let mut visited = 0;
    each_candidate(table, &store, spec, forward, |object| {
        visited += 1;
        if let Outcome::Match(value) = spec.run(call.process(), object.term()) {
            results.push(value);
        }
    });
    call.charge(visited);
    Ok(results)
}

fn whole<'p>(call: Call<'p>, spec: Arc<MatchSpec>, forward: bool) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    Ok(call.heap.list(&select_all(call, &table, &spec, forward)?))
}

fn limited<'p>(call: Call<'p>, spec: Arc<MatchSpec>, forward: bool) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let limit = call
        .arg(2)
        .as_usize()
        .filter(|&limit| limit > 0)
        .ok_or_else(badarg)?;
    advance(
        call,
        Traversal {
            table: table.clone(),
            spec,
            limit,
            forward,
            cursor: Cursor::Start,
            pending: Vec::new(),
        },
    )
}

/// The next results of a traversal: `{Results, Continuation}` or `'$end_of_table'`.
fn advance<'p>(call: Call<'p>, mut traversal: Traversal<'p>) -> BifResult<'p> {
    let limit = traversal.limit;
    let mut results = std::mem::take(&mut traversal.pending);
    if results.len() > limit {
        traversal.pending = results.split_off(limit);
    }
    let mut ended = false;
    {
        let table = traversal.table.clone();
        let store = reading(&table)?;
        let key = bound_key(&table, &traversal.spec);
        let mut visited = 0;
        while results.len() < limit {
            let step = match key {
                // A key in the pattern: its objects are all that there is to see.
                Some(key) if matches!(traversal.cursor, Cursor::Start) => {
                    Some((store.lookup(key), Cursor::End))
                }
                _ => store.step(&traversal.cursor, traversal.forward),
            };
            let Some((objects, next)) = step else {
                ended = true;
                break;
            };
            for object in objects {
                visited += 1;
                if let Outcome::Match(value) = traversal.spec.run(call.process(), object.term()) {
                    if results.len() < limit {
                        results.push(value);
                    } else {
                        traversal.pending.push(value);
                    }
                }
            }
            traversal.cursor = next;
        }
        call.charge(visited);
    }
    ended |= matches!(traversal.cursor, Cursor::End);
    let done = ended && traversal.pending.is_empty();
    if done && results.is_empty() {
        return Ok(Term::atom(w::END_OF_TABLE));
    }
    let continuation = match done {
        true => Term::atom(w::END_OF_TABLE),
        false => continuation(call, &traversal),
    };
    Ok(call.heap.tuple(&[call.heap.list(&results), continuation]))
}

/// What `ets:select/1` goes on with, in the shape that `ets:repair_continuation/2` knows.
fn continuation<'p>(call: Call<'p>, traversal: &Traversal<'p>) -> Term<'p> {
    let (heap, table) = (call.heap, &traversal.table);
    let name = table.control.read().name;
    let (id, named) = match table.options.named {
        true => (Term::atom(name), Some((table.clone(), name))),
        false => (
            heap.magic_ref(Arc::new(TableRef(table.clone())), table.number),
            None,
        ),
    };
    let spec = Compiled {
        spec: traversal.spec.clone(),
        table: named,
    };
    let spec = heap.magic_ref(Arc::new(spec), reference::next());
    let pending = heap.list(&traversal.pending);
    let (limit, left) = (
        Term::size(traversal.limit),
        Term::size(traversal.pending.len()),
    );
    let slot = match &traversal.cursor {
        Cursor::Key(key) => {
            let reverse = Term::int(i32::from(!traversal.forward));
            let key = heap.copy(key.0.term());
            return heap.tuple(&[id, key, Term::NIL, limit, spec, pending, reverse, left]);
        }
        Cursor::Slot(slot) => Term::size(*slot),
        Cursor::Start => Term::int(0),
        Cursor::End => Term::int(-1),
    };
    heap.tuple(&[id, slot, limit, spec, pending, left])
}

/// The table and the specification of a continuation.
fn continued<'p>(
    call: Call<'p>,
    id: Term<'p>,
    spec: Term<'p>,
) -> Result<(Arc<Table>, Arc<MatchSpec>), Stop<'p>> {
    let compiled = spec.resource::<Compiled>();
    let table = match compiled.and_then(|compiled| compiled.table.as_ref()) {
        Some((table, name)) if id.is_atom(*name) && table.exists() => {
            if !table.allows(call.process().pid(), Access::Read) {
                return Err(badarg_because(crate::atom!("access")));
            }
            table.clone()
        }
        Some((table, name)) if id.is_atom(*name) && !table.exists() => {
            return Err(badarg_because(crate::atom!("id")));
        }
        _ => accessible(call, id, Access::Read)?.clone(),
    };
    let spec = compiled.ok_or_else(badarg)?.spec.clone();
    Ok((table, spec))
}

fn continue_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let given = call.arg(0);
    if given.is_atom(w::END_OF_TABLE) {
        return Ok(given);
    }
    let parts = given.as_tuple().ok_or_else(badarg)?.elements();
    let (id, place, limit, spec, pending, reverse) = match *parts {
        [id, slot, limit, spec, pending, _left] => (id, slot, limit, spec, pending, None),
        [id, key, _end, limit, spec, pending, reverse, _left] => {
            (id, key, limit, spec, pending, Some(reverse))
        }
        _ => return Err(badarg()),
    };
    let (table, spec) = continued(call, id, spec)?;
    let limit = limit.as_usize().filter(|&limit| limit > 0);
    let pending = pending.proper_list().ok_or_else(badarg)?;
    let is_ordered = table.options.kind == Type::OrderedSet;
    let (cursor, forward) = match reverse {
        Some(reverse) if is_ordered => {
            let key = Arc::new(OwnedTermKey(OwnedTerm::copy_of(place)));
            (Cursor::Key(key), reverse.as_usize() == Some(0))
        }
        None if place.is_integer() => match place.as_usize() {
            Some(slot) if !is_ordered => (Cursor::Slot(slot), true),
            Some(_) => return Err(badarg()),
            None => (Cursor::End, true),
        },
        _ => return Err(badarg()),
    };
    advance(
        call,
        Traversal {
            table,
            spec,
            limit: limit.ok_or_else(badarg)?,
            forward,
            cursor,
            pending,
        },
    )
}

fn match_2<'p>(call: Call<'p>) -> BifResult<'p> {
    whole(call, pattern(call.arg(1), false)?, true)
}

fn match_3<'p>(call: Call<'p>) -> BifResult<'p> {
    limited(call, pattern(call.arg(1), false)?, true)
}

fn match_object_2<'p>(call: Call<'p>) -> BifResult<'p> {
    whole(call, pattern(call.arg(1), true)?, true)
}

fn match_object_3<'p>(call: Call<'p>) -> BifResult<'p> {
    limited(call, pattern(call.arg(1), true)?, true)
}

fn select_2<'p>(call: Call<'p>) -> BifResult<'p> {
    table(call, Access::Read)?;
    whole(call, spec(call.arg(1))?, true)
}

fn select_3<'p>(call: Call<'p>) -> BifResult<'p> {
    table(call, Access::Read)?;
    limited(call, spec(call.arg(1))?, true)
}

fn select_reverse_2<'p>(call: Call<'p>) -> BifResult<'p> {
    table(call, Access::Read)?;
    whole(call, spec(call.arg(1))?, false)
}

fn select_reverse_3<'p>(call: Call<'p>) -> BifResult<'p> {
    table(call, Access::Read)?;
    limited(call, spec(call.arg(1))?, false)
}

fn select_count_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let spec = spec(call.arg(1))?;
    let results = select_all(call, &table, &spec, true)?;
    Ok(Term::size(
        results
            .iter()
            .filter(|value| value.same(Term::TRUE))
            .count(),
    ))
}

/// The objects for which the specification says `true`.
fn chosen(call: Call<'_>, table: &Table, store: &Store, spec: &MatchSpec) -> Vec<OwnedTerm> {
    let mut chosen = Vec::new();
    each_candidate(table, store, spec, true, |object| {
        if let Outcome::Match(value) = spec.run(call.process(), object.term())
            && value.same(Term::TRUE)
        {
            chosen.push(object.clone());
        }
    });
    chosen
}

fn select_delete_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let spec = spec(call.arg(1))?;
    let mut count = 0;
    let chosen = {
        // One lock for the look and the deletion: what was replaced in between would be judged by its old self.
        let mut store = writing(&table)?;
        let chosen = chosen(call, &table, &store, &spec);
        call.charge(chosen.len());
        for object in &chosen {
            let key = table.key_of(object.term()).ok_or_else(badarg)?;
            count += store.remove_object(key, object.term());
        }
        store.compact();
        chosen
    };
    // What is big is freed without the lock.
    drop(chosen);
    Ok(Term::size(count))
}

fn select_replace_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    if table.options.kind == Type::Bag {
        return Err(badarg_because(crate::atom!("table_type")));
    }
    let spec = spec(call.arg(1))?;
    if !spec.keeps_key(table.options.key_position - 1) {
        return Err(badarg());
    }
    let mut replacements: Vec<(OwnedTerm, OwnedTerm)> = Vec::new();
    // One lock for the look and the replacement: of two that count at the same time, none is lost.
    let mut store = writing(&table)?;
    each_candidate(&table, &store, &spec, true, |object| {
        if let Outcome::Match(value) = spec.run(call.process(), object.term())
            && table.key_of(value).is_some()
        {
            replacements.push((object.clone(), OwnedTerm::copy_of(value)));
        }
    });
    let count = replacements.len();
    if table.options.kind == Type::DuplicateBag {
        replace_in_place(&table, &mut store, replacements);
    } else {
        replacements
            .into_iter()
            .for_each(|(_, new)| store.insert(new));
    }
    Ok(Term::size(count))
}

/// Replaces objects where a key may have several, some of them equal: each keeps its place among those of its key. The
/// replacements come in the order of the objects.
fn replace_in_place(table: &Table, store: &mut Store, replacements: Vec<(OwnedTerm, OwnedTerm)>) {
    let mut replacements = replacements.into_iter().peekable();
    while let Some((old, _)) = replacements.peek() {
        let key = table.key_of(old.term()).map(OwnedTerm::copy_of);
        let key = key.expect("an object of the table has a key");
        let mut found = false;
        for object in store.remove(key.term()) {
            let new = replacements.next_if(|(old, _)| old.term().exactly_equals(object.term()));
            found |= new.is_some();
            store.insert(new.map_or(object, |(_, new)| new));
        }
        assert!(found, "what was looked at under the lock is there");
    }
}

fn match_spec_compile_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let compiled = Compiled {
        spec: spec(call.arg(0))?,
        table: None,
    };
    Ok(call.heap.magic_ref(Arc::new(compiled), reference::next()))
}

fn is_compiled_ms_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::bool(call.arg(0).resource::<Compiled>().is_some()))
}

/// `match_spec_run_r(List, CompiledMS, Acc)`: results before `Acc`, the last first.
fn match_spec_run_r_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let compiled = call.arg(1).resource::<Compiled>().ok_or_else(badarg)?;
    let mut results = call.arg(2);
    let mut list = call.arg(0).list();
    let mut visited = 0;
    for object in list.by_ref() {
        visited += 1;
        if let Outcome::Match(value) = compiled.spec.run(call.process(), object) {
            results = call.heap.cons(value, results);
        }
    }
    call.charge(visited);
    if list.rest().is_nil() {
        Ok(results)
    } else {
        Err(badarg())
    }
}
