//! Module `ets`: traversals by match specification and pattern.
//!
//! What a traversal was limited to is continued by a tuple that names the table and holds a magic reference
//! to a [`Traversal`].

use std::sync::Arc;

use parking_lot::Mutex;

use super::ets::{TableRef, accessible, compact, table};
use crate::atom::well_known as w;
use crate::bif::{BifResult, Call, Stop, badarg};
use crate::ets::store::Cursor;
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

/// A limited traversal that is not finished.
struct Traversal {
    table: Arc<Table>,
    spec: Arc<MatchSpec>,
    limit: usize,
    forward: bool,
    /// Where it goes on, and results that did not fit the last answer.
    state: Mutex<(Cursor, Vec<OwnedTerm>)>,
}

/// A compiled specification that a program holds.
struct Compiled(Arc<MatchSpec>);

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
    store: &'a crate::ets::store::Store,
    spec: &MatchSpec,
    forward: bool,
    mut visit: impl FnMut(&'a OwnedTerm),
) {
    if let Some(key) = spec.key(table.options.key_position - 1)
        && !(table.options.kind == Type::OrderedSet && has_float(key))
    {
        store.lookup(key).iter().for_each(&mut visit);
        return;
    }
    if forward {
        store.iter().for_each(visit)
    } else {
        store.iter_reverse().for_each(visit)
    }
}

/// Keys that are equal without being the same make a look-up in an ordered set find what does not match.
fn has_float(key: Term<'_>) -> bool {
    !matches!(
        key.kind(),
        Kind::Atom(_) | Kind::Pid(_) | Kind::Bits(_) | Kind::Ref(_) | Kind::Nil
    )
}

/// All results, in the order of the traversal.
fn select_all<'p>(call: Call<'p>, table: &Table, spec: &MatchSpec, forward: bool) -> Vec<Term<'p>> {
    let store = table.store.read();
    let mut results = Vec::new();
    let mut visited = 0;
    each_candidate(table, &store, spec, forward, |object| {
        visited += 1;
        if let Outcome::Match(value) = spec.run(call.process(), object.term()) {
            results.push(value);
        }
    });
    call.charge(visited);
    results
}

fn whole<'p>(call: Call<'p>, spec: Arc<MatchSpec>, forward: bool) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    Ok(call.heap.list(&select_all(call, &table, &spec, forward)))
}

fn limited<'p>(call: Call<'p>, spec: Arc<MatchSpec>, forward: bool) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let limit = call
        .arg(2)
        .as_usize()
        .filter(|&limit| limit > 0)
        .ok_or_else(badarg)?;
    let traversal = Traversal {
        table: table.clone(),
        spec,
        limit,
        forward,
        state: Mutex::new((Cursor::Start, Vec::new())),
    };
    advance(call, Arc::new(traversal))
}

/// The next results of a traversal: `{Results, Continuation}` or `'$end_of_table'`.
fn advance<'p>(call: Call<'p>, traversal: Arc<Traversal>) -> BifResult<'p> {
    let (results, next, rest) = {
        let state = traversal.state.lock();
        let (mut cursor, mut pending) = (state.0.clone(), Vec::new());
        let mut results: Vec<Term<'p>> = Vec::new();
        for (index, value) in state.1.iter().enumerate() {
            if index < traversal.limit {
                results.push(call.heap.copy(value.term()));
            } else {
                pending.push(value.clone());
            }
        }
        let store = traversal.table.store.read();
        let mut visited = 0;
        let mut ended = false;
        while results.len() < traversal.limit {
            let Some((objects, next)) = store.step(&cursor, traversal.forward) else {
                ended = true;
                break;
            };
            for object in objects {
                visited += 1;
                if let Outcome::Match(value) = traversal.spec.run(call.process(), object.term()) {
                    if results.len() < traversal.limit {
                        results.push(value);
                    } else {
                        pending.push(OwnedTerm::copy_of(value));
                    }
                }
            }
            cursor = next;
        }
        call.charge(visited);
        let done = ended && pending.is_empty();
        (results, (!done).then_some(cursor), pending)
    };
    if results.is_empty() && next.is_none() {
        return Ok(Term::atom(w::END_OF_TABLE));
    }
    let continuation = match next {
        None => Term::atom(w::END_OF_TABLE),
        Some(cursor) => {
            let next = Traversal {
                table: traversal.table.clone(),
                spec: traversal.spec.clone(),
                limit: traversal.limit,
                forward: traversal.forward,
                state: Mutex::new((cursor, rest)),
            };
            let table = match traversal.table.options.named {
                true => Term::atom(traversal.table.control.read().name),
                false => call.heap.magic_ref(
                    Arc::new(TableRef(traversal.table.clone())),
                    traversal.table.number,
                ),
            };
            call.heap.tuple(&[
                table,
                call.heap.magic_ref(Arc::new(next), reference::next()),
            ])
        }
    };
    Ok(call.heap.tuple(&[call.heap.list(&results), continuation]))
}

fn continue_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let continuation = call.arg(0);
    if continuation.is_atom(w::END_OF_TABLE) {
        return Ok(continuation);
    }
    let [id, state] = continuation.as_tuple_of().ok_or_else(badarg)?;
    accessible(call, id, Access::Read)?;
    let traversal = state.resource::<Traversal>().ok_or_else(badarg)?;
    let current = traversal.state.lock();
    let copy = Traversal {
        table: traversal.table.clone(),
        spec: traversal.spec.clone(),
        limit: traversal.limit,
        forward: traversal.forward,
        state: Mutex::new((current.0.clone(), current.1.clone())),
    };
    drop(current);
    advance(call, Arc::new(copy))
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
    let results = select_all(call, &table, &spec, true);
    Ok(Term::size(
        results
            .iter()
            .filter(|value| value.same(Term::TRUE))
            .count(),
    ))
}

/// The objects for which the specification says `true`.
fn chosen(call: Call<'_>, table: &Table, spec: &MatchSpec) -> Vec<OwnedTerm> {
    let store = table.store.read();
    let mut chosen = Vec::new();
    each_candidate(table, &store, spec, true, |object| {
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
    let chosen = chosen(call, &table, &spec);
    call.charge(chosen.len());
    let mut count = 0;
    {
        let mut store = table.store.write();
        for object in &chosen {
            let key = table.key_of(object.term()).ok_or_else(badarg)?;
            count += store.remove_object(key, object.term());
        }
    }
    compact(&table);
    Ok(Term::size(count))
}

fn select_replace_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    if table.options.kind == Type::Bag {
        return Err(badarg());
    }
    let spec = spec(call.arg(1))?;
    let mut replacements: Vec<(OwnedTerm, OwnedTerm)> = Vec::new();
    let mut changed_key = false;
    {
        let store = table.store.read();
        each_candidate(&table, &store, &spec, true, |object| {
            if let Outcome::Match(value) = spec.run(call.process(), object.term()) {
                match (table.key_of(value), table.key_of(object.term())) {
                    (Some(new), Some(old)) if new.exactly_equals(old) => {
                        replacements.push((object.clone(), OwnedTerm::copy_of(value)));
                    }
                    _ => changed_key = true,
                }
            }
        });
    }
    if changed_key {
        return Err(badarg());
    }
    let count = replacements.len();
    let mut store = table.store.write();
    for (old, new) in replacements {
        if table.options.kind == Type::DuplicateBag {
            let key = table.key_of(old.term()).ok_or_else(badarg)?;
            store.remove_object(key, old.term());
        }
        store.insert(new);
    }
    Ok(Term::size(count))
}

fn match_spec_compile_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let compiled = Compiled(spec(call.arg(0))?);
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
        if let Outcome::Match(value) = compiled.0.run(call.process(), object) {
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
