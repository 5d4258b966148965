//! Registered names of processes and ports.
//!
//! A name is looked up without a lock: each atom that was ever registered has a cell, in chunks by the
//! atom's index that are made on demand and never freed. Changes are made under one lock, so that a name's
//! cell, the list of names, and the name noted at the process (or port) change together; a process notes
//! under the same lock that it will not take a name any more when it ends.
//!
//! Lock rank: the registry's lock is taken last; nothing is called under it but a port's `set_name`.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::hooks;
use super::shared::Shared;
use super::signal::Peer;
use super::table;
use crate::atom::{Atom, MAX_LIMIT, well_known};
use crate::term::{Pid, PortId, Term};

const CHUNK: usize = 1024;
const CHUNKS: usize = MAX_LIMIT as usize / CHUNK;

type Chunk = [AtomicU64; CHUNK];

static CELLS: [AtomicPtr<Chunk>; CHUNKS] = [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS];
static NAMES: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn cell(name: Atom) -> Option<&'static AtomicU64> {
    let chunk = CELLS[name.index() as usize / CHUNK].load(Ordering::Acquire);
    // SAFETY: null, or a chunk that was leaked by `cell_or_new`.
    unsafe { chunk.as_ref() }.map(|chunk| &chunk[name.index() as usize % CHUNK])
}

/// Called under the lock only.
fn cell_or_new(name: Atom) -> &'static AtomicU64 {
    cell(name).unwrap_or_else(|| {
        let chunk: &'static Chunk = Box::leak(Box::new([const { AtomicU64::new(0) }; CHUNK]));
        CELLS[name.index() as usize / CHUNK]
            .store(std::ptr::from_ref(chunk).cast_mut(), Ordering::Release);
        &chunk[name.index() as usize % CHUNK]
    })
}

/// What is registered under a name.
pub fn whereis(name: Atom) -> Option<Peer> {
    match cell(name)?.load(Ordering::Acquire) {
        0 => None,
        // SAFETY: `register` stores the words of pids and ports, which are immediates.
        word => Peer::of(unsafe { Term::from_word(word) }),
    }
}

/// All names.
pub fn registered() -> Vec<Atom> {
    NAMES
        .lock()
        .iter()
        .filter_map(|&index| Atom::at(index))
        .collect()
}

/// How many names there are.
pub fn count() -> usize {
    NAMES.lock().len()
}

/// Why a name was not registered.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum NotRegistered {
    /// The name is `undefined`, or taken.
    BadName,
    /// The process or port has a name already.
    HasName,
    /// The process is not alive.
    NotAlive,
}

impl NotRegistered {
    /// What `error_info` says about it.
    pub fn cause(self) -> Option<Atom> {
        match self {
            NotRegistered::BadName => None,
            NotRegistered::HasName => Some(well_known::REGISTERED_NAME),
            NotRegistered::NotAlive => Some(well_known::NOTALIVE),
        }
    }
}

/// Registers a process or port of this node.
pub fn register(name: Atom, peer: Peer) -> Result<(), NotRegistered> {
    if name == well_known::UNDEFINED {
        return Err(NotRegistered::BadName);
    }
    let mut names = NAMES.lock();
    let taken = || whereis(name).is_some();
    let word = match peer {
        Peer::Process(pid) => {
            let guard = crossbeam_epoch::pin();
            let shared = table::get(pid, &guard).ok_or(NotRegistered::NotAlive)?;
            if shared.is_nameless_for_good() {
                return Err(NotRegistered::NotAlive);
            }
            if shared.name().is_some() {
                return Err(NotRegistered::HasName);
            }
            if taken() {
                return Err(NotRegistered::BadName);
            }
            if !shared.give_name(name) {
                return Err(NotRegistered::NotAlive);
            }
            Term::pid(pid).word()
        }
        Peer::Port(port) => {
            let ports = hooks::ports().ok_or(NotRegistered::BadName)?;
            if ports.name(port).is_some() {
                return Err(NotRegistered::HasName);
            }
            if taken() || !ports.set_name(port, Some(name)) {
                return Err(NotRegistered::BadName);
            }
            Term::port(port).word()
        }
        Peer::Remote(..) => return Err(NotRegistered::BadName),
    };
    names.insert(name.index());
    cell_or_new(name).store(word, Ordering::Release);
    Ok(())
}

/// Removes a name; what it stood for, or none if it stood for nothing.
pub fn unregister(name: Atom) -> Option<Peer> {
    let mut names = NAMES.lock();
    let peer = whereis(name)?;
    match peer {
        Peer::Process(pid) => {
            if let Some(shared) = table::get(pid, &crossbeam_epoch::pin()) {
                shared.set_name(None);
            }
        }
        Peer::Port(port) => {
            if let Some(ports) = hooks::ports() {
                ports.set_name(port, None);
            }
        }
        Peer::Remote(..) => {}
    }
    remove(&mut names, name);
    Some(peer)
}

fn remove(names: &mut BTreeSet<u32>, name: Atom) {
    names.remove(&name.index());
    cell_or_new(name).store(0, Ordering::Release);
}

/// A process ends: takes its name away, and lets it have no other.
pub(super) fn process_ends(shared: &Shared) -> Option<Atom> {
    if shared.ends_without_name() {
        return None;
    }
    let mut names = NAMES.lock();
    let name = shared.name();
    if let Some(name) = name {
        remove(&mut names, name);
    }
    shared.set_nameless_for_good();
    name
}

/// A port ends: takes its name away. The caller lets it have no other.
pub fn port_ends(port: PortId, name: Atom) {
    let mut names = NAMES.lock();
    if whereis(name) == Some(Peer::Port(port)) {
        remove(&mut names, name);
    }
}

/// The process registered under a name.
pub fn whereis_process(name: Atom) -> Option<Pid> {
    match whereis(name) {
        Some(Peer::Process(pid)) => Some(pid),
        _ => None,
    }
}
