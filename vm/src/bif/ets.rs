//! Module `ets`: making, owning and asking about tables, and operations on objects by key.
//!
//! Traversals and match specifications stand in [`super::ets_select`].

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use smallvec::SmallVec;

use crate::arithmetic;
use crate::atom::{Atom, well_known as w};
use crate::bif::ets_options::{self, Wanted};
use crate::bif::{BifResult, Call, Stop, badarg, badarg_because, progress};
use crate::ets::lock::{Reading, Writing};
use crate::ets::registry::Renamed;
use crate::ets::store::{NoSuchKey, Store};
use crate::ets::{Access, Control, Protection, Table, Type, WriteConcurrency, registry};
use crate::heap::OwnedTerm;
use crate::process::hooks::{self, AtExit, add_at_exit};
use crate::process::memory::binaries_of;
use crate::process::{Process, signal, table as processes};
use crate::reference;
use crate::term::{Kind, Pid, Term};

crate::bifs! {
    "ets" {
        "new"/2 Plain new_2;
        "delete"/1 Plain delete_1;
        "delete"/2 Plain delete_2;
        "delete_object"/2 Plain delete_object_2;
        "internal_delete_all"/2 Plain internal_delete_all_2;
        "internal_request_all"/0 Plain internal_request_all_0;
        "insert"/2 Plain insert_2;
        "insert_new"/2 Plain insert_new_2;
        "lookup"/2 Plain lookup_2;
        "lookup_element"/3 Plain lookup_element_3;
        "member"/2 Plain member_2;
        "take"/2 Plain take_2;
        "update_counter"/3 Plain update_counter_3;
        "update_counter"/4 Plain update_counter_4;
        "update_element"/3 Plain update_element_3;
        "first"/1 Plain first_1;
        "last"/1 Plain last_1;
        "next"/2 Plain next_2;
        "prev"/2 Plain prev_2;
        "slot"/2 Plain slot_2;
        "info"/1 Plain info_1;
        "info"/2 Plain info_2;
        "rename"/2 Plain rename_2;
        "give_away"/3 Plain give_away_3;
        "setopts"/2 Plain setopts_2;
        "safe_fixtable"/2 Plain safe_fixtable_2;
        "whereis"/1 Plain whereis_1;
    }
    "erts_internal" {
        "ets_lookup_binary_info"/2 Plain lookup_binary_info_2;
        "ets_raw_first"/1 Plain first_1;
        "ets_raw_next"/2 Plain next_2;
        "ets_super_user"/1 Plain super_user_1;
    }
}

// Finding tables ---------------------------------------------------------------------------------------

/// What a magic reference to a table holds.
pub(crate) struct TableRef(pub(crate) Arc<Table>);

/// A table that a call names: by its reference, which holds it while the call lasts, or by its name.
pub(crate) enum Handle<'p> {
    Held(&'p Arc<Table>),
    Counted(Arc<Table>),
}

impl Deref for Handle<'_> {
    type Target = Arc<Table>;

    fn deref(&self) -> &Arc<Table> {
        match self {
            Handle::Held(table) => table,
            Handle::Counted(table) => table,
        }
    }
}

/// The table of a name or reference, if there is one.
pub(crate) fn find(id: Term<'_>) -> Option<Handle<'_>> {
    let table = match id.kind() {
        Kind::Atom(name) => Handle::Counted(registry::named(name)?),
        Kind::Ref(reference) => match id.resource::<TableRef>() {
            Some(table) => Handle::Held(&table.0),
            None => Handle::Counted(registry::numbered(reference.number())?),
        },
        _ => return None,
    };
    table.exists().then_some(table)
}

/// The table of the first argument, if the caller may do this with it.
pub(crate) fn table<'p>(call: Call<'p>, access: Access) -> Result<Handle<'p>, Stop<'p>> {
    accessible(call, call.arg(0), access)
}

pub(crate) fn accessible<'p>(
    call: Call<'p>,
    id: Term<'p>,
    access: Access,
) -> Result<Handle<'p>, Stop<'p>> {
    let Some(table) = find(id) else {
        let is_id = id.as_atom().is_some() || id.resource::<TableRef>().is_some();
        return Err(badarg_because(if is_id {
            crate::atom!("id")
        } else {
            crate::atom!("type")
        }));
    };
    if !table.allows(call.process().pid(), access) {
        return Err(badarg_because(crate::atom!("access")));
    }
    Ok(table)
}

/// Why a call fails that names a table which is not there.
fn no_table<'p>() -> Stop<'p> {
    badarg_because(crate::atom!("id"))
}

/// The objects of a table that was found, to look at.
pub(crate) fn reading<'t, 'p>(table: &'t Table) -> Result<Reading<'t>, Stop<'p>> {
    table.read().ok_or_else(no_table)
}

/// The objects of a table that was found, to change.
pub(crate) fn writing<'t, 'p>(table: &'t Table) -> Result<Writing<'t>, Stop<'p>> {
    table.write().ok_or_else(no_table)
}

fn id_of<'p>(call: Call<'p>, table: &Arc<Table>) -> Term<'p> {
    if table.options.named {
        return Term::atom(table.control.read().name);
    }
    reference_of(call, table)
}

fn reference_of<'p>(call: Call<'p>, table: &Arc<Table>) -> Term<'p> {
    call.heap
        .magic_ref(Arc::new(TableRef(table.clone())), table.number)
}

// Making and ending ------------------------------------------------------------------------------------

fn new_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = call.arg(0).as_atom().ok_or_else(badarg)?;
    let Wanted {
        options,
        protection,
        heir,
        ..
    } = ets_options::read(call.arg(1))?;
    let control = Control {
        name,
        owner: call.process().pid(),
        heir,
        fixed: HashMap::new(),
        fixed_since: None,
    };
    let table = Arc::new(Table::new(options, reference::next(), protection, control));
    call.process().shared().entangle();
    if !registry::enter(&table) {
        return Err(badarg_because(crate::atom!("already_exists")));
    }
    Ok(id_of(call, &table))
}

/// Keys whose objects `delete/1` frees before it gives way.
const FREED_A_TURN: usize = 5000;

fn delete_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let objects = match progress::resumed::<Store>(call) {
        Some((objects, _)) => Some(objects),
        None => {
            let table = table(call, Access::Write)?;
            end(&table)
        }
    };
    let Some(mut objects) = objects else {
        return Ok(Term::TRUE);
    };
    if objects.shed(FREED_A_TURN) {
        return Ok(Term::TRUE);
    }
    Err(progress::give_way(call, objects, &[]))
}

/// Ends a table; its objects, which nobody finds any more.
fn end(table: &Arc<Table>) -> Option<Store> {
    registry::remove(table);
    table.take_down()
}

/// What a table costs in reductions when its owner exits, besides its objects.
const TABLE_COST: usize = 30;

/// Objects of processes that exit, which are freed over several turns.
static LEFT_BEHIND: LazyLock<Mutex<HashMap<Pid, Store>>> = LazyLock::new(Mutex::default);

/// Ends or hands over the tables of a process that exits; false when `budget` did not suffice.
fn leave_tables(pid: Pid, mut budget: usize) -> bool {
    let mut objects = LEFT_BEHIND.lock().remove(&pid);
    loop {
        if let Some(mut store) = objects.take() {
            let keys = store.keys();
            if !store.shed(budget) {
                LEFT_BEHIND.lock().insert(pid, store);
                return false;
            }
            budget = budget.saturating_sub(keys);
        }
        let Some(table) = registry::first_of_owner(pid) else {
            return true;
        };
        if budget < TABLE_COST {
            return false;
        }
        budget -= TABLE_COST;
        let heir = {
            let control = table.control.read();
            control
                .heir
                .as_ref()
                .map(|(heir, data)| (*heir, data.clone()))
        };
        match heir {
            Some((heir, data)) if heir != pid && processes::exists(heir) => {
                hand_over(&table, pid, heir, data.term());
            }
            _ => objects = end(&table),
        }
    }
}

/// Ends or hands over the tables of a process that exits, and its fixations of others'.
struct Owners;

impl AtExit for Owners {
    fn process_exits(&self, process: &Process, budget: usize) -> bool {
        if !process.shared().is_entangled() {
            return true;
        }
        let pid = process.pid();
        if !leave_tables(pid, budget) {
            return false;
        }
        for table in registry::all() {
            let fixes = table.control.read().fixed.contains_key(&pid);
            if fixes {
                let mut control = table.control.write();
                control.fixed.remove(&pid);
                if control.fixed.is_empty() {
                    control.fixed_since = None;
                    if let Some(mut store) = table.write() {
                        store.set_fixed(false);
                    }
                }
            }
        }
        true
    }
}

/// Registers what ends tables when their owners do. Once, at boot.
pub fn init() {
    add_at_exit(&Owners);
}

fn hand_over(table: &Arc<Table>, from: Pid, to: Pid, data: Term<'_>) {
    let new_owner = processes::find(to);
    if let Some(shared) = &new_owner {
        shared.entangle();
    }
    table.control.write().owner = to;
    registry::change_owner(table, from, to);
    if new_owner.is_none_or(|shared| shared.is_exiting()) {
        // It may have looked for its tables before it got this one.
        drop(end(table));
        return;
    }
    let message = OwnedTerm::build(|heap| {
        let id = match table.options.named {
            true => Term::atom(table.control.read().name),
            false => heap.magic_ref(Arc::new(TableRef(table.clone())), table.number),
        };
        heap.tuple(&[
            Term::atom(crate::atom!("ETS-TRANSFER")),
            id,
            Term::pid(from),
            heap.copy(data),
        ])
    });
    signal::send_message(to, message);
}

fn give_away_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let from = call.process().pid();
    let to = call.arg(1).as_pid().ok_or_else(badarg)?;
    if table.control.read().owner != from {
        return Err(badarg_because(crate::atom!("not_owner")));
    }
    if to == from {
        return Err(badarg_because(crate::atom!("owner")));
    }
    if !processes::exists(to) {
        return Err(badarg());
    }
    hand_over(&table, from, to, call.arg(2));
    Ok(Term::TRUE)
}

fn setopts_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let me = call.process().pid();
    if table.control.read().owner != me {
        return Err(badarg_because(crate::atom!("not_owner")));
    }
    let options = match call.arg(1).as_tuple() {
        Some(tuple) => vec![tuple.term()],
        None => call.arg(1).proper_list().ok_or_else(badarg)?,
    };
    for option in options {
        match *option.as_tuple().ok_or_else(badarg)?.elements() {
            [key, value] if key.is_atom(w::HEIR) && value.is_atom(w::NONE) => {
                table.control.write().heir = None
            }
            [key, pid, data] if key.is_atom(w::HEIR) => {
                let pid = pid.as_pid().ok_or_else(badarg)?;
                table.control.write().heir = Some((pid, OwnedTerm::copy_of(data)));
            }
            [key, value] if key.is_atom(crate::atom!("protection")) => {
                table.set_protection(match value.as_atom() {
                    Some(w::PUBLIC) => Protection::Public,
                    Some(w::PROTECTED) => Protection::Protected,
                    Some(w::PRIVATE) => Protection::Private,
                    _ => return Err(badarg()),
                });
            }
            _ => return Err(badarg()),
        }
    }
    Ok(Term::TRUE)
}

fn rename_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let name = call.arg(1).as_atom().ok_or_else(badarg)?;
    // Held meanwhile, so that whoever deletes the table knows the name under which it is entered.
    let mut control = table.control.write();
    if table.options.named {
        match registry::rename(&table, control.name, name) {
            Renamed::Done => {}
            Renamed::Taken => return Err(badarg_because(crate::atom!("already_exists"))),
            Renamed::Gone => return Err(no_table()),
        }
    }
    control.name = name;
    Ok(match table.options.named {
        true => Term::atom(name),
        false => call.arg(0),
    })
}

fn whereis_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if call.arg(0).as_atom().is_none() {
        return Err(badarg());
    }
    Ok(match find(call.arg(0)) {
        Some(table) => reference_of(call, &table),
        None => Term::UNDEFINED,
    })
}

/// `ets:all/0` asks for the identifiers and waits for them in a message.
fn internal_request_all_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let number = reference::next();
    let message = OwnedTerm::build(|heap| {
        let ids: Vec<Term<'_>> = registry::all()
            .iter()
            .map(|table| match table.options.named {
                true => Term::atom(table.control.read().name),
                false => heap.magic_ref(Arc::new(TableRef(table.clone())), table.number),
            })
            .collect();
        heap.tuple(&[heap.reference(number), heap.list(&ids)])
    });
    signal::send_message(call.process().pid(), message);
    // The caller counts one answer a scheduler.
    for _ in 1..scheduler_count() {
        let none = OwnedTerm::build(|heap| heap.tuple(&[heap.reference(number), Term::NIL]));
        signal::send_message(call.process().pid(), none);
    }
    Ok(call.heap.reference(number))
}

fn scheduler_count() -> u32 {
    crate::process::hooks::schedulers().map_or(1, |schedulers| schedulers.count())
}

fn super_user_1<'p>(call: Call<'p>) -> BifResult<'p> {
    call.arg(0).as_bool().ok_or_else(badarg)?;
    Ok(Term::OK)
}

// Objects ----------------------------------------------------------------------------------------------

/// The key of an object for this table; `badarg` where it is none.
fn key_in<'p>(table: &Table, object: Term<'p>) -> Result<Term<'p>, Stop<'p>> {
    table.key_of(object).ok_or_else(badarg)
}

/// The objects of a call: mostly one, which takes no memory.
type Objects<T> = SmallVec<[T; 1]>;

fn objects<'p>(table: &Table, term: Term<'p>) -> Result<Objects<Term<'p>>, Stop<'p>> {
    let objects = match term.as_tuple() {
        Some(tuple) => smallvec::smallvec![tuple.term()],
        None => Objects::from_vec(term.proper_list().ok_or_else(badarg)?),
    };
    for &object in &objects {
        key_in(table, object)?;
    }
    Ok(objects)
}

fn insert_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let objects = objects(&table, call.arg(1))?;
    let mut owned: Objects<OwnedTerm> = objects.into_iter().map(OwnedTerm::copy_of).collect();
    call.charge(owned.len());
    let mut store = writing(&table)?;
    in_order_of_insertion(&mut owned, &table);
    for object in owned {
        store.insert(object);
    }
    Ok(Term::TRUE)
}

/// The stock VM inserts a list into a bag from its end on, which shows where objects have the same key.
fn in_order_of_insertion(objects: &mut [OwnedTerm], table: &Table) {
    if table.options.kind == Type::Bag {
        objects.reverse();
    }
}

fn insert_new_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let objects = objects(&table, call.arg(1))?;
    let mut owned: Objects<OwnedTerm> = objects
        .iter()
        .map(|&object| OwnedTerm::copy_of(object))
        .collect();
    call.charge(owned.len());
    let mut store = writing(&table)?;
    in_order_of_insertion(&mut owned, &table);
    for &object in &objects {
        if store.contains(key_in(&table, object)?) {
            return Ok(Term::FALSE);
        }
    }
    for object in owned {
        store.insert(object);
    }
    Ok(Term::TRUE)
}

/// Copies objects out, as a list.
pub(crate) fn copy_out<'p, 'a>(
    call: Call<'p>,
    objects: impl DoubleEndedIterator<Item = &'a OwnedTerm>,
) -> Term<'p> {
    objects.rev().fold(Term::NIL, |rest, object| {
        call.heap.cons(call.heap.copy_owned(object), rest)
    })
}

fn lookup_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let store = reading(&table)?;
    Ok(copy_out(call, store.lookup(call.arg(1)).iter()))
}

fn lookup_element_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let position = call
        .arg(2)
        .as_usize()
        .filter(|&position| position > 0)
        .ok_or_else(badarg)?;
    let store = reading(&table)?;
    let found = store.lookup(call.arg(1));
    if found.is_empty() {
        return Err(badarg_because(crate::atom!("badkey")));
    }
    let mut elements = Vec::with_capacity(found.len());
    for object in found {
        let element = object
            .term()
            .as_tuple()
            .and_then(|tuple| tuple.elements().get(position - 1).copied());
        let element = element.ok_or_else(|| badarg_because(crate::atom!("position")))?;
        elements.push(call.heap.copy(element));
    }
    match table.options.kind {
        Type::Set | Type::OrderedSet => Ok(elements[0]),
        _ => Ok(call.heap.list(&elements)),
    }
}

fn member_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let found = reading(&table)?.contains(call.arg(1));
    Ok(Term::bool(found))
}

fn delete_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let mut store = writing(&table)?;
    let removed = store.remove(call.arg(1));
    store.compact();
    drop(store);
    // What is big is freed without the lock.
    drop(removed);
    Ok(Term::TRUE)
}

/// Squeezes a table, unless it is fixed.
pub(crate) fn compact(table: &Table) {
    if let Some(mut store) = table.write() {
        store.compact();
    }
}

fn delete_object_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let key = key_in(&table, call.arg(1))?;
    writing(&table)?.remove_object(key, call.arg(1));
    compact(&table);
    Ok(Term::TRUE)
}

/// Takes all objects at once, and frees them bit by bit.
fn internal_delete_all_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (mut old, count) = match progress::resumed::<(Store, usize)>(call) {
        Some((state, _)) => state,
        None => {
            let table = table(call, Access::Write)?;
            let mut store = writing(&table)?;
            let old = store.remove_all(table.options.kind, table.options.key_position);
            let count = old.len();
            (old, count)
        }
    };
    if old.shed(FREED_A_TURN) {
        call.charge(FREED_A_TURN.min(count) / 10);
        return Ok(Term::size(count));
    }
    Err(progress::give_way(call, (old, count), &[]))
}

fn take_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    let mut store = writing(&table)?;
    let removed = store.remove(call.arg(1));
    store.compact();
    drop(store);
    Ok(copy_out(call, removed.iter()))
}

/// A tuple with elements replaced, in memory of its own.
fn replaced(object: Term<'_>, changes: &[(usize, Term<'_>)]) -> OwnedTerm {
    OwnedTerm::build(|heap| {
        let mut elements: Vec<Term<'_>> = object
            .as_tuple()
            .expect("an object is a tuple")
            .elements()
            .iter()
            .enumerate()
            .map(
                |(index, &element)| match changes.iter().rev().find(|(at, _)| *at == index) {
                    Some(&(_, value)) => heap.copy(value),
                    None => heap.copy(element),
                },
            )
            .collect();
        elements.shrink_to_fit();
        heap.tuple(&elements)
    })
}

fn is_set(table: &Table) -> bool {
    matches!(table.options.kind, Type::Set | Type::OrderedSet)
}

fn update_element_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    if !is_set(&table) {
        return Err(badarg());
    }
    let specs = match call.arg(2).as_tuple() {
        Some(tuple) => vec![tuple.term()],
        None => call.arg(2).proper_list().ok_or_else(badarg)?,
    };
    let mut changes = Vec::with_capacity(specs.len());
    for spec in specs {
        let [position, value] = spec.as_tuple_of().ok_or_else(badarg)?;
        let position = position
            .as_usize()
            .filter(|&position| position > 0)
            .ok_or_else(badarg)?;
        if position == table.options.key_position {
            return Err(badarg_because(crate::atom!("keypos")));
        }
        changes.push((position - 1, value));
    }
    let mut store = writing(&table)?;
    let new = match store.lookup(call.arg(1)) {
        [] => return Ok(Term::FALSE),
        [object, ..] => {
            let arity = object.term().as_tuple().map_or(0, |tuple| tuple.arity());
            if changes.iter().any(|&(at, _)| at >= arity) {
                return Err(badarg_because(crate::atom!("position")));
            }
            replaced(object.term(), &changes)
        }
    };
    store.insert(new);
    Ok(Term::TRUE)
}

fn update_counter_3<'p>(call: Call<'p>) -> BifResult<'p> {
    update_counter(call, None)
}

fn update_counter_4<'p>(call: Call<'p>) -> BifResult<'p> {
    update_counter(call, Some(call.arg(3)))
}

/// One change of a counter: `Incr`, `{Pos, Incr}` or `{Pos, Incr, Threshold, SetValue}`.
struct Change<'p> {
    at: usize,
    increment: Term<'p>,
    limit: Option<(Term<'p>, Term<'p>)>,
}

fn change<'p>(spec: Term<'p>) -> Option<Change<'p>> {
    let position = |term: Term<'p>| {
        term.as_usize()
            .filter(|&position| position > 0)
            .map(|position| position - 1)
    };
    let change = match *spec.as_tuple()?.elements() {
        [at, increment] => Change {
            at: position(at)?,
            increment,
            limit: None,
        },
        [at, increment, threshold, value] => {
            if !threshold.is_integer() || !value.is_integer() {
                return None;
            }
            Change {
                at: position(at)?,
                increment,
                limit: Some((threshold, value)),
            }
        }
        _ => return None,
    };
    change.increment.is_integer().then_some(change)
}

fn update_counter<'p>(call: Call<'p>, default: Option<Term<'p>>) -> BifResult<'p> {
    let table = table(call, Access::Write)?;
    if !is_set(&table) {
        return Err(badarg());
    }
    let (key, operation) = (call.arg(1), call.arg(2));
    let key_at = table.options.key_position - 1;
    let mut changes = Objects::new();
    let single = operation.is_integer() || operation.as_tuple().is_some();
    if operation.is_integer() {
        changes.push(Change {
            at: key_at + 1,
            increment: operation,
            limit: None,
        });
    } else if single {
        changes.push(change(operation).ok_or_else(badarg)?);
    } else {
        for spec in operation.proper_list().ok_or_else(badarg)? {
            changes.push(change(spec).ok_or_else(badarg)?);
        }
    }
    if changes.iter().any(|change| change.at == key_at) {
        return Err(badarg_because(crate::atom!("keypos")));
    }
    let mut store = writing(&table)?;
    if let [
        Change {
            at,
            increment,
            limit: None,
        },
    ] = changes[..]
        && single
        && let Some(increment) = increment.as_small()
        && let Some(new) = store.add_small(key, at, increment)
    {
        return Ok(call.heap.integer(new));
    }
    // A default is entered only if all changes of it succeed.
    let (object, is_new) = match store.lookup(key) {
        [object, ..] => (call.heap.copy(object.term()), false),
        [] => {
            let default = default.ok_or_else(|| badarg_because(crate::atom!("badkey")))?;
            let mut elements = default.as_tuple().ok_or_else(badarg)?.elements().to_vec();
            *elements.get_mut(key_at).ok_or_else(badarg)? = key;
            (call.heap.tuple(&elements), true)
        }
    };
    let mut elements = object.as_tuple().ok_or_else(badarg)?.elements().to_vec();
    let mut results = Vec::with_capacity(changes.len());
    for change in &changes {
        let old = *elements
            .get(change.at)
            .ok_or_else(|| badarg_because(crate::atom!("position")))?;
        if !old.is_integer() {
            return Err(badarg());
        }
        let mut new = arithmetic::add(call.heap, old, change.increment).map_err(|_| badarg())?;
        if let Some((threshold, value)) = change.limit {
            let falls = change.increment.compare(Term::int(0)).is_lt();
            let beyond = if falls {
                new.compare(threshold).is_lt()
            } else {
                new.compare(threshold).is_gt()
            };
            if beyond {
                new = value;
            }
        }
        elements[change.at] = new;
        results.push(new);
    }
    if is_new || !changes.is_empty() {
        store.insert(OwnedTerm::copy_of(call.heap.tuple(&elements)));
    }
    if single {
        Ok(results[0])
    } else {
        Ok(call.heap.list(&results))
    }
}

fn lookup_binary_info_2<'p>(call: Call<'p>) -> BifResult<'p> {
    table(call, Access::Read)?;
    Ok(Term::NIL)
}

// Walking ----------------------------------------------------------------------------------------------

fn key_or_end<'p>(call: Call<'p>, key: Option<Term<'_>>) -> Term<'p> {
    key.map_or(Term::atom(w::END_OF_TABLE), |key| call.heap.copy(key))
}

fn first_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let store = reading(&table)?;
    Ok(key_or_end(call, store.end(true)))
}

fn last_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let store = reading(&table)?;
    let ordered = table.options.kind == Type::OrderedSet;
    Ok(key_or_end(call, store.end(!ordered)))
}

fn neighbour<'p>(call: Call<'p>, forward: bool) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let store = reading(&table)?;
    if call.arg(1).is_atom(w::END_OF_TABLE) && !store.contains(call.arg(1)) {
        return Err(badarg());
    }
    match store.neighbour(call.arg(1), forward) {
        Ok(key) => Ok(key_or_end(call, key)),
        Err(NoSuchKey) => Err(badarg_because(crate::atom!("badkey"))),
    }
}

fn next_2<'p>(call: Call<'p>) -> BifResult<'p> {
    neighbour(call, true)
}

fn prev_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let ordered = table(call, Access::Read)?.options.kind == Type::OrderedSet;
    neighbour(call, !ordered)
}

fn slot_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let number = call.arg(1).as_usize().ok_or_else(badarg)?;
    let store = reading(&table)?;
    match store.slot(number) {
        Some(objects) => Ok(copy_out(call, objects.into_iter())),
        None if number == store.slots() => Ok(Term::atom(w::END_OF_TABLE)),
        None => Err(badarg()),
    }
}

fn safe_fixtable_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let table = table(call, Access::Read)?;
    let fix = call.arg(1).as_bool().ok_or_else(badarg)?;
    let pid = call.process().pid();
    let mut control = table.control.write();
    if fix {
        if control.fixed.is_empty() {
            control.fixed_since = Some((hooks::monotonic_time(), hooks::system_time()));
            writing(&table)?.set_fixed(true);
        }
        call.process().shared().entangle();
        *control.fixed.entry(pid).or_insert(0) += 1;
    } else if let Some(count) = control.fixed.get_mut(&pid) {
        *count -= 1;
        if *count == 0 {
            control.fixed.remove(&pid);
        }
        if control.fixed.is_empty() {
            control.fixed_since = None;
            writing(&table)?.set_fixed(false);
        }
    }
    Ok(Term::TRUE)
}

// Information ------------------------------------------------------------------------------------------

fn type_atom(kind: Type) -> Atom {
    match kind {
        Type::Set => w::SET,
        Type::OrderedSet => w::ORDERED_SET,
        Type::Bag => w::BAG,
        Type::DuplicateBag => w::DUPLICATE_BAG,
    }
}

fn item<'p>(call: Call<'p>, table: &Arc<Table>, item: &str) -> Option<Term<'p>> {
    let options = &table.options;
    let control = table.control.read();
    Some(match item {
        "id" => reference_of(call, table),
        "name" => Term::atom(control.name),
        "named_table" => Term::bool(options.named),
        "node" => Term::atom(crate::node_name::this().0),
        "owner" => Term::pid(control.owner),
        "heir" => control
            .heir
            .as_ref()
            .filter(|(heir, _)| processes::exists(*heir))
            .map_or(Term::atom(w::NONE), |(heir, _)| Term::pid(*heir)),
        "size" => Term::size(table.read()?.len()),
        "memory" => Term::size(table.read()?.words()),
        "type" => Term::atom(type_atom(options.kind)),
        "keypos" => Term::size(options.key_position),
        "protection" => Term::atom(match table.protection() {
            Protection::Public => w::PUBLIC,
            Protection::Protected => w::PROTECTED,
            Protection::Private => w::PRIVATE,
        }),
        "compressed" => Term::bool(options.compressed),
        "read_concurrency" => Term::bool(options.read_concurrency),
        "write_concurrency" => match options.write_concurrency {
            WriteConcurrency::Off => Term::FALSE,
            WriteConcurrency::On => Term::TRUE,
            WriteConcurrency::Auto => Term::atom(w::AUTO),
            WriteConcurrency::Locks(count) => call.heap.tuple(&[
                Term::atom(crate::atom!("debug_hash_fixed_number_of_locks")),
                Term::size(count),
            ]),
        },
        "decentralized_counters" => Term::bool(options.decentralized_counters),
        "fixed" => Term::bool(!control.fixed.is_empty()),
        "safe_fixed" | "safe_fixed_monotonic_time" => match control.fixed_since {
            None => Term::FALSE,
            Some((monotonic, system)) => {
                let counts: Vec<Term<'p>> = control
                    .fixed
                    .iter()
                    .map(|(&pid, &count)| call.heap.tuple(&[Term::pid(pid), Term::size(count)]))
                    .collect();
                let time = match item {
                    "safe_fixed" => {
                        let micros = system / 1_000;
                        call.heap.tuple(&[
                            call.heap.integer(micros / 1_000_000_000_000),
                            call.heap.integer(micros / 1_000_000 % 1_000_000),
                            call.heap.integer(micros % 1_000_000),
                        ])
                    }
                    _ => call.heap.integer(monotonic),
                };
                call.heap.tuple(&[time, call.heap.list(&counts)])
            }
        },
        "binary" => {
            let mut list = Term::NIL;
            for object in table.read()?.iter() {
                binaries_of(object, |binary| {
                    let entry = call.heap.tuple(&[
                        call.heap.unsigned(binary.address),
                        Term::size(binary.size),
                        Term::size(binary.count),
                    ]);
                    list = call.heap.cons(entry, list);
                });
            }
            list
        }
        "stats" => {
            let Some(spread) = table.read()?.spread() else {
                return Some(Term::FALSE);
            };
            let float = |value| call.heap.float(value);
            call.heap.tuple(&[
                Term::size(spread.slots),
                float(spread.mean),
                float(spread.deviation),
                float(spread.expected_deviation),
                Term::size(spread.fewest),
                Term::size(spread.most),
                Term::size(spread.kept),
                // One lock guards all slots.
                Term::int(1),
            ])
        }
        _ => return None,
    })
}

/// What `info/1` lists, in the order of the stock VM.
const ITEMS: &[&str] = &[
    "id",
    "decentralized_counters",
    "read_concurrency",
    "write_concurrency",
    "compressed",
    "memory",
    "owner",
    "heir",
    "name",
    "size",
    "node",
    "named_table",
    "type",
    "keypos",
    "protection",
];

/// The table to tell about: none if it is gone. What cannot be a table is an error.
fn known<'p>(id: Term<'p>) -> Result<Option<Handle<'p>>, Stop<'p>> {
    let table = find(id);
    let may_be = matches!(id.kind(), Kind::Atom(_)) || id.resource::<TableRef>().is_some();
    if table.is_none() && !may_be {
        return Err(badarg_because(crate::atom!("type")));
    }
    Ok(table)
}

fn info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let Some(table) = known(call.arg(0))? else {
        return Ok(Term::UNDEFINED);
    };
    let pairs: Vec<Term<'p>> = ITEMS
        .iter()
        .filter_map(|&name| {
            Some(call.heap.tuple(&[
                Term::atom(Atom::from_static(name)),
                item(call, &table, name)?,
            ]))
        })
        .collect();
    // Deleted meanwhile, it may have told nothing but zeros.
    if !table.exists() {
        return Ok(Term::UNDEFINED);
    }
    Ok(call.heap.list(&pairs))
}

fn info_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let Some(table) = known(call.arg(0))? else {
        return Ok(Term::UNDEFINED);
    };
    let name = call.arg(1).as_atom().ok_or_else(badarg)?;
    let told = item(call, &table, name.name());
    if !table.exists() {
        return Ok(Term::UNDEFINED);
    }
    told.ok_or_else(badarg)
}
