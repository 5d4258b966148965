//! Which tables there are: by number, by name, by owner.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;

use super::Table;
use crate::atom::Atom;
use crate::term::Pid;

#[derive(Default)]
struct Registry {
    by_number: HashMap<[u64; 2], Arc<Table>>,
    by_name: HashMap<Atom, Arc<Table>>,
    by_owner: HashMap<Pid, Vec<Arc<Table>>>,
}

/// Lock rank: after a table's `control`, before nothing.
static REGISTRY: LazyLock<RwLock<Registry>> = LazyLock::new(RwLock::default);

/// Enters a new table; false if its name is taken.
pub fn enter(table: &Arc<Table>) -> bool {
    let (name, owner) = {
        let control = table.control.read();
        (control.name, control.owner)
    };
    let mut registry = REGISTRY.write();
    if table.options.named {
        if registry.by_name.contains_key(&name) {
            return false;
        }
        registry.by_name.insert(name, table.clone());
    }
    registry.by_number.insert(table.number, table.clone());
    registry
        .by_owner
        .entry(owner)
        .or_default()
        .push(table.clone());
    true
}

/// Forgets a table.
pub fn remove(table: &Arc<Table>) {
    // Held to the end: nobody gives it another name or owner meanwhile.
    let control = table.control.read();
    let (name, owner) = (control.name, control.owner);
    let mut registry = REGISTRY.write();
    registry.by_number.remove(&table.number);
    if table.options.named {
        registry.by_name.remove(&name);
    }
    if let Some(tables) = registry.by_owner.get_mut(&owner) {
        tables.retain(|other| !Arc::ptr_eq(other, table));
        if tables.is_empty() {
            registry.by_owner.remove(&owner);
        }
    }
}

/// The table of this name.
pub fn named(name: Atom) -> Option<Arc<Table>> {
    REGISTRY.read().by_name.get(&name).cloned()
}

/// The table of this number.
pub fn numbered(number: [u64; 2]) -> Option<Arc<Table>> {
    REGISTRY.read().by_number.get(&number).cloned()
}

/// A table changes its owner.
pub fn change_owner(table: &Arc<Table>, from: Pid, to: Pid) {
    let mut registry = REGISTRY.write();
    if let Some(tables) = registry.by_owner.get_mut(&from) {
        tables.retain(|other| !Arc::ptr_eq(other, table));
    }
    if registry.by_number.contains_key(&table.number) {
        registry.by_owner.entry(to).or_default().push(table.clone());
    }
}

/// What became of a table's new name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Renamed {
    /// The table has it.
    Done,
    /// Another table has it.
    Taken,
    /// There is no such table any more.
    Gone,
}

/// A named table gets another name. The caller holds its control.
pub fn rename(table: &Arc<Table>, from: Atom, to: Atom) -> Renamed {
    let mut registry = REGISTRY.write();
    if !registry.by_number.contains_key(&table.number) {
        return Renamed::Gone;
    }
    if registry.by_name.contains_key(&to) {
        return if from == to {
            Renamed::Done
        } else {
            Renamed::Taken
        };
    }
    registry.by_name.remove(&from);
    registry.by_name.insert(to, table.clone());
    Renamed::Done
}

/// The oldest table of a process.
pub fn first_of_owner(owner: Pid) -> Option<Arc<Table>> {
    REGISTRY.read().by_owner.get(&owner)?.first().cloned()
}

/// All tables.
pub fn all() -> Vec<Arc<Table>> {
    REGISTRY.read().by_number.values().cloned().collect()
}
