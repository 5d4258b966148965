//! ETS: tables of terms that processes share.
//!
//! A [`Table`] is reached by a magic reference or, if named, by its name. Its objects are [`OwnedTerm`]s:
//! copied in when inserted, copied out when looked up. [`store`] has the two kinds of storage. A table
//! belongs to a process and dies with it, unless an heir gets it.

pub mod lock;
pub mod registry;
pub mod store;

use parking_lot::RwLock;

use crate::atom::Atom;
use crate::heap::OwnedTerm;
use crate::term::{Pid, Term};
use lock::{Reading, StoreLock, Writing};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use store::Store;

/// The type of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// One object a key; keys differ by `=:=`.
    Set,
    /// One object a key, in the order of keys; keys differ by `==`.
    OrderedSet,
    /// Several different objects a key.
    Bag,
    /// Several objects a key.
    DuplicateBag,
}

/// Who may do what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protection {
    /// Everyone reads and writes.
    Public,
    /// Everyone reads, the owner writes.
    Protected,
    /// The owner only.
    Private,
}

/// What a caller wants to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Only asks about the table.
    Info,
    /// Reads objects.
    Read,
    /// Changes objects.
    Write,
}

/// The option `write_concurrency`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WriteConcurrency {
    /// `false`.
    Off,
    /// `true`.
    On,
    /// `auto`.
    Auto,
    /// `{debug_hash_fixed_number_of_locks, Locks}`, which OTP's own tests use.
    Locks(usize),
}

/// What `ets:new/2` was told.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The type.
    pub kind: Type,
    /// Where the key is in an object, from 1.
    pub key_position: usize,
    /// Whether it is reached by its name.
    pub named: bool,
    /// Whether readers on several processors are to be in each other's way as little as may be ([`lock`]).
    pub read_concurrency: bool,
    /// For `info`: tuning that this implementation needs no telling of.
    pub write_concurrency: WriteConcurrency,
    /// Likewise.
    pub decentralized_counters: bool,
    /// Likewise.
    pub compressed: bool,
}

/// What changes of a table besides its objects.
pub struct Control {
    /// Its name.
    pub name: Atom,
    /// Its owner.
    pub owner: Pid,
    /// Who gets it when the owner dies, and with what data.
    pub heir: Option<(Pid, OwnedTerm)>,
    /// `safe_fixtable`: how often each process has fixed it, and since when.
    pub fixed: HashMap<Pid, usize>,
    /// Monotonic and system time of the first fixation.
    pub fixed_since: Option<(i64, i64)>,
}

/// A table.
pub struct Table {
    /// What it was made with.
    pub options: Options,
    /// The number of its reference.
    pub number: [u64; 2],
    /// The objects. Lock rank: after `control`.
    store: StoreLock,
    /// The rest.
    pub control: RwLock<Control>,
    /// A [`Protection`]. Outside of `control`, so that reading a table takes no lock but the store's.
    protection: AtomicU8,
    /// It was deleted: every use is an error.
    deleted: AtomicBool,
}

impl Table {
    /// A table without objects.
    pub fn new(
        options: Options,
        number: [u64; 2],
        protection: Protection,
        control: Control,
    ) -> Table {
        Table {
            options,
            number,
            store: StoreLock::new(
                Store::new(options.kind, options.key_position),
                options.read_concurrency,
            ),
            control: RwLock::new(control),
            protection: AtomicU8::new(protection as u8),
            deleted: AtomicBool::new(false),
        }
    }

    /// Whether it still is one.
    pub fn exists(&self) -> bool {
        !self.deleted.load(Ordering::Acquire)
    }

    /// Ends the table: it has no objects from now on. Those that it had, the first time.
    pub(crate) fn take_down(&self) -> Option<Store> {
        if self.deleted.swap(true, Ordering::AcqRel) {
            return None;
        }
        let none = Store::new(self.options.kind, self.options.key_position);
        Some(std::mem::replace(&mut *self.store.write(), none))
    }

    /// The objects, to look at. None if the table was deleted after it had been found.
    pub fn read(&self) -> Option<Reading<'_>> {
        let store = self.store.read();
        self.exists().then_some(store)
    }

    /// The objects, to look at, if that can be had at once.
    pub fn try_read(&self) -> Option<Reading<'_>> {
        self.store.try_read()
    }

    /// The objects, to change. None if the table was deleted after it had been found: what is put into it then
    /// would be lost, and who waits for the table's end by inserting until that fails would wait for ever.
    pub fn write(&self) -> Option<Writing<'_>> {
        let store = self.store.write();
        self.exists().then_some(store)
    }

    /// Whether a process may do this.
    pub fn allows(&self, process: Pid, access: Access) -> bool {
        match (access, self.protection()) {
            (Access::Info, _) | (_, Protection::Public) => true,
            (Access::Read, Protection::Protected) => true,
            _ => self.control.read().owner == process,
        }
    }

    /// Who may do what.
    pub fn protection(&self) -> Protection {
        match self.protection.load(Ordering::Relaxed) {
            0 => Protection::Public,
            1 => Protection::Protected,
            _ => Protection::Private,
        }
    }

    /// Sets who may do what.
    pub fn set_protection(&self, protection: Protection) {
        self.protection.store(protection as u8, Ordering::Relaxed);
    }

    /// The key of an object, if it is a tuple that has one.
    pub fn key_of<'t>(&self, object: Term<'t>) -> Option<Term<'t>> {
        object
            .as_tuple()?
            .elements()
            .get(self.options.key_position - 1)
            .copied()
    }
}
