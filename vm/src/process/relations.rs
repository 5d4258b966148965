//! Links and monitors: who wants to know of whose end.
//!
//! Both sides of a link keep an entry. Who takes a link down keeps his, marked with the number of the
//! unlink signal, until the other side has acknowledged it; exit signals that come meanwhile are from
//! before the unlink, and do not count.
//!
//! A monitor is an entry of its origin, and an entry of the process that is monitored, under the same
//! reference. An alias is an entry of the first kind, with or without a monitor (see [`alias`](super::alias)).

use std::cell::{Cell, RefCell};

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use super::few::{Drained, FewMap};
use super::lazy::Lazy;
use super::signal::{Origin, Peer, RefNumber};
use super::suspend::Suspending;
use crate::atom::Atom;
use crate::heap::{LiteralRange, OwnedTerm};
use crate::node_name::Node;
use crate::term::{Pid, PortId};

/// What a monitor watches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A process of this node, and the name by which it was found.
    Process(Option<Pid>, Option<Atom>),
    /// A port of this node, and the name by which it was found.
    Port(Option<PortId>, Option<Atom>),
    /// A process of another node.
    Remote(&'static Node, u64),
    /// A name of another node.
    RemoteName(Atom, Atom),
    /// The time offset.
    TimeOffset,
    /// Nothing (any more): only the alias is left.
    Alias,
    /// A process that another node was asked to spawn.
    SpawnRequest,
}

/// When an alias ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AliasKind {
    /// Only by `unalias/1`.
    Explicit,
    /// Also with the monitor: by `demonitor`, or when its `DOWN` message is delivered.
    Demonitor,
    /// Also when a message was received through it.
    Reply,
}

/// A monitor or alias of its origin.
pub struct Monitor {
    /// What it watches.
    pub target: Target,
    /// Whether its reference is an alias.
    pub alias: Option<AliasKind>,
    /// What stands for `'DOWN'` in the message (`{tag, T}`).
    pub tag: Option<Box<OwnedTerm>>,
}

/// A monitor at the process that is monitored.
pub struct Monitored {
    /// Who monitors.
    pub origin: Origin,
    /// The name by which it found the process.
    pub name: Option<Atom>,
}

type Map<K, V> = HashMap<K, V, FxBuildHasher>;

/// All relations of a process.
pub struct Relations {
    tables: Lazy<Tables>,
    suspended: Cell<bool>,
}

/// What a process without relations does without.
#[derive(Default)]
struct Tables {
    links: RefCell<FewMap<Peer, u64>>,
    next_unlink: Cell<u64>,
    /// Monitors and aliases that this process made.
    monitors: RefCell<FewMap<RefNumber, Monitor>>,
    /// Monitors of this process.
    monitored: RefCell<FewMap<RefNumber, Monitored>>,
    suspending: RefCell<Map<Pid, Suspending>>,
    suspended_by: RefCell<Vec<Pid>>,
}

/// All relations of a process that ends, to be gone through in several turns.
pub(super) struct All {
    /// Links, those being taken down (with the number of the unlink) among them.
    pub(super) links: Drained<Peer, u64>,
    /// Monitors and aliases that it made.
    pub(super) monitors: Drained<RefNumber, Monitor>,
    /// Monitors of it.
    pub(super) monitored: Drained<RefNumber, Monitored>,
}

/// What [`Relations::add_link`] found.
#[derive(PartialEq, Eq, Debug)]
pub enum LinkAdded {
    /// There was none, or one being taken down: the other side must be told.
    New,
    /// There was one.
    Present,
}

impl Relations {
    /// None.
    pub const fn new() -> Relations {
        Relations {
            tables: Lazy::new(),
            suspended: Cell::new(false),
        }
    }

    /// Adds a link on the side that asks for it.
    pub fn add_link(&self, peer: Peer) -> LinkAdded {
        match self.tables.made().links.borrow_mut().insert(peer, 0) {
            Some(0) => LinkAdded::Present,
            _ => LinkAdded::New,
        }
    }

    /// Adds a link that the other side asked for. One that this side is taking down stays so: its unlink
    /// follows the other side's link.
    pub fn accept_link(&self, peer: Peer) {
        let links = &self.tables.made().links;
        let mut links = links.borrow_mut();
        if links.get(&peer).is_none() {
            links.insert(peer, 0);
        }
    }

    /// Whether a link stands.
    pub fn is_linked(&self, peer: Peer) -> bool {
        self.tables
            .get()
            .is_some_and(|tables| tables.links.borrow().get(&peer) == Some(&0))
    }

    /// Marks a link as being taken down; the number for the unlink signal, or none where no link stands.
    pub fn begin_unlink(&self, peer: Peer) -> Option<u64> {
        let tables = self.tables.get()?;
        let mut links = tables.links.borrow_mut();
        let entry = links.get_mut(&peer).filter(|unlinking| **unlinking == 0)?;
        let id = tables.next_unlink.get() + 1;
        tables.next_unlink.set(id);
        *entry = id;
        Some(id)
    }

    /// The other side has seen the unlink of this number.
    pub fn end_unlink(&self, peer: Peer, id: u64) {
        let Some(tables) = self.tables.get() else {
            return;
        };
        let mut links = tables.links.borrow_mut();
        if links.get(&peer) == Some(&id) {
            links.remove(&peer);
        }
    }

    /// Drops a link if it stands; whether it did.
    pub fn remove_link(&self, peer: Peer) -> bool {
        let Some(tables) = self.tables.get() else {
            return false;
        };
        let mut links = tables.links.borrow_mut();
        let stands = links.get(&peer) == Some(&0);
        if stands {
            links.remove(&peer);
        }
        stands
    }

    /// Drops a link's entry in whatever state.
    pub fn forget_link(&self, peer: Peer) {
        if let Some(tables) = self.tables.get() {
            tables.links.borrow_mut().remove(&peer);
        }
    }

    /// The links that stand, in order.
    pub fn links(&self) -> Vec<Peer> {
        let Some(tables) = self.tables.get() else {
            return Vec::new();
        };
        let links = tables.links.borrow();
        let mut links: Vec<Peer> = links
            .iter()
            .filter(|(_, unlinking)| **unlinking == 0)
            .map(|(peer, _)| *peer)
            .collect();
        links.sort_unstable_by_key(|peer| peer.rank());
        links
    }

    /// Copies the literals of an area that tags still point to.
    pub(super) fn copy_literals(&mut self, area: LiteralRange) {
        let Some(tables) = self.tables.get_mut() else {
            return;
        };
        for monitor in tables.monitors.get_mut().values_mut() {
            if let Some(tag) = &mut monitor.tag {
                tag.copy_literals(area);
            }
        }
    }

    /// Takes everything out, for the exit.
    pub(super) fn take_all(&self) -> All {
        fn taken<K, V>(
            tables: Option<&Tables>,
            which: fn(&Tables) -> &RefCell<FewMap<K, V>>,
        ) -> Drained<K, V> {
            Drained::of(tables.map_or_else(FewMap::default, |tables| which(tables).take()))
        }
        let tables = self.tables.get();
        All {
            links: taken(tables, |tables| &tables.links),
            monitors: taken(tables, |tables| &tables.monitors),
            monitored: taken(tables, |tables| &tables.monitored),
        }
    }

    /// Adds a monitor or alias of this process.
    pub fn add_monitor(&self, reference: RefNumber, monitor: Monitor) {
        let monitors = &self.tables.made().monitors;
        monitors.borrow_mut().insert(reference, monitor);
    }

    /// Takes a monitor or alias out.
    pub fn take_monitor(&self, reference: RefNumber) -> Option<Monitor> {
        self.tables.get()?.monitors.borrow_mut().remove(&reference)
    }

    /// Looks at a monitor or alias.
    pub fn with_monitor<R>(
        &self,
        reference: RefNumber,
        look: impl FnOnce(&mut Monitor) -> R,
    ) -> Option<R> {
        let mut monitors = self.tables.get()?.monitors.borrow_mut();
        monitors.get_mut(&reference).map(look)
    }

    /// The targets of all monitors with their references, in the order in which they were made.
    pub fn monitors(&self) -> Vec<(RefNumber, Target)> {
        let Some(tables) = self.tables.get() else {
            return Vec::new();
        };
        let monitors = tables.monitors.borrow();
        let mut list: Vec<_> = monitors
            .iter()
            .map(|(reference, monitor)| (*reference, monitor.target))
            .collect();
        list.sort_unstable_by_key(|(reference, _)| *reference);
        list
    }

    /// Adds a monitor of this process.
    pub fn add_monitored(&self, reference: RefNumber, monitored: Monitored) {
        let table = &self.tables.made().monitored;
        table.borrow_mut().insert(reference, monitored);
    }

    /// Drops a monitor of this process; whether there was one.
    pub fn remove_monitored(&self, reference: RefNumber) -> bool {
        self.tables
            .get()
            .is_some_and(|tables| tables.monitored.borrow_mut().remove(&reference).is_some())
    }

    /// Monitors of this process: their references, who made them, and the name by which each found it.
    pub fn monitored(&self) -> Vec<(RefNumber, Origin, Option<Atom>)> {
        let Some(tables) = self.tables.get() else {
            return Vec::new();
        };
        let monitored = tables.monitored.borrow();
        let entries = monitored
            .iter()
            .map(|(&reference, entry)| (reference, entry.origin.clone(), entry.name));
        entries.collect()
    }

    /// Who monitors this process, in the order in which the monitors were made.
    pub fn monitored_by(&self) -> Vec<Origin> {
        let Some(tables) = self.tables.get() else {
            return Vec::new();
        };
        let monitored = tables.monitored.borrow();
        let mut list: Vec<_> = monitored
            .iter()
            .map(|(reference, monitored)| (*reference, monitored.origin.clone()))
            .collect();
        list.sort_unstable_by_key(|(reference, _)| *reference);
        list.into_iter().map(|(_, origin)| origin).collect()
    }

    /// Whether somebody suspends this process.
    pub fn is_suspended(&self) -> bool {
        self.suspended.get()
    }

    /// Somebody suspends this process.
    pub(super) fn add_suspended_by(&self, by: Pid) {
        let tables = self.tables.made();
        tables.suspended_by.borrow_mut().push(by);
        self.suspended.set(true);
    }

    /// Somebody does not suspend this process any more.
    pub(super) fn remove_suspended_by(&self, by: Pid) {
        if let Some(tables) = self.tables.get() {
            let mut suspended_by = tables.suspended_by.borrow_mut();
            suspended_by.retain(|&other| other != by);
            self.suspended.set(!suspended_by.is_empty());
        }
    }

    /// Who suspends this process.
    pub(super) fn suspended_by(&self) -> Vec<Pid> {
        self.tables
            .get()
            .map_or_else(Vec::new, |tables| tables.suspended_by.borrow().clone())
    }

    /// Looks at what this process suspends.
    pub fn with_suspending<R>(
        &self,
        look: impl FnOnce(&mut HashMap<Pid, Suspending, FxBuildHasher>) -> R,
    ) -> R {
        look(&mut self.tables.made().suspending.borrow_mut())
    }

    /// What this process suspends, in order.
    pub fn suspending(&self) -> Vec<(Pid, Suspending)> {
        let Some(tables) = self.tables.get() else {
            return Vec::new();
        };
        let suspending = tables.suspending.borrow();
        let mut list: Vec<_> = suspending
            .iter()
            .map(|(pid, entry)| (*pid, entry.clone()))
            .collect();
        list.sort_unstable_by_key(|(pid, _)| *pid);
        list
    }

    /// An estimate of the bytes that the relations take.
    pub fn memory(&self) -> usize {
        self.tables.get().map_or(0, |tables| {
            size_of::<Tables>()
                + tables.links.borrow().allocation_size()
                + tables.monitors.borrow().allocation_size()
                + tables.monitored.borrow().allocation_size()
        })
    }
}

impl Default for Relations {
    fn default() -> Relations {
        Relations::new()
    }
}
