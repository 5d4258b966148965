//! Aliases: references that messages can be sent to.
//!
//! An alias is active as long as its process has an entry for it (see [`relations`](super::relations));
//! the receiver decides, so a message that was on its way when the alias ended is dropped. The table here
//! only says which process a reference belongs to, and has no entry for what is no alias.

use hashbrown::HashMap;
use parking_lot::RwLock;
use rustc_hash::FxBuildHasher;

use super::relations::{AliasKind, Monitor, Target};
use super::signal::{RefNumber, Signal, send};
use super::{Process, signal};
use crate::heap::OwnedTerm;
use crate::term::Pid;

const SHARDS: usize = 64;

type Shard = RwLock<HashMap<RefNumber, Pid, FxBuildHasher>>;

static OWNERS: [Shard; SHARDS] =
    [const { RwLock::new(HashMap::with_hasher(FxBuildHasher)) }; SHARDS];

fn shard(reference: RefNumber) -> &'static Shard {
    &OWNERS[(reference[0] ^ reference[1]) as usize % SHARDS]
}

/// The process that an alias belongs to.
pub fn owner(alias: RefNumber) -> Option<Pid> {
    shard(alias).read().get(&alias).copied()
}

/// Sends a message to an alias; dropped where it is none. One that is to bring its sender (`traced`) is a cell of the
/// message and a sequential token.
pub fn send_to(alias: RefNumber, message: OwnedTerm, traced: Option<Pid>) {
    if let Some(pid) = owner(alias) {
        let _ = send(
            pid,
            Signal::AliasMessage {
                alias,
                message,
                traced,
            },
        );
    }
}

pub(crate) fn forget(alias: RefNumber) {
    shard(alias).write().remove(&alias);
}

impl Process {
    /// A new alias of this process, with nothing monitored.
    pub fn new_alias(&self, kind: AliasKind) -> RefNumber {
        let alias = self.new_alias_reference();
        self.relations.add_monitor(
            alias,
            Monitor {
                target: Target::Alias,
                alias: Some(kind),
                tag: None,
            },
        );
        alias
    }

    /// A new reference that is known to be an alias of this process; the caller adds its entry.
    pub fn new_alias_reference(&self) -> RefNumber {
        let alias = crate::reference::next();
        shard(alias).write().insert(alias, self.pid);
        alias
    }

    /// Ends an alias; whether it was active.
    pub fn unalias(&self, alias: RefNumber) -> bool {
        let found = self
            .relations
            .with_monitor(alias, |monitor| {
                monitor
                    .alias
                    .take()
                    .map(|_| monitor.target == Target::Alias)
            })
            .flatten();
        let Some(only_alias) = found else {
            return false;
        };
        if only_alias {
            self.relations.take_monitor(alias);
        }
        forget(alias);
        true
    }

    /// A message came through an alias: whether it counts. Ends the alias and its monitor where one
    /// message is all it was for.
    pub(super) fn accepts_alias_message(&self, alias: RefNumber) -> bool {
        let kind = self
            .relations
            .with_monitor(alias, |monitor| monitor.alias)
            .flatten();
        match kind {
            None => false,
            Some(AliasKind::Reply) => {
                if let Some(monitor) = self.relations.take_monitor(alias) {
                    forget(alias);
                    self.tell_demonitor(alias, monitor.target);
                }
                true
            }
            Some(AliasKind::Explicit | AliasKind::Demonitor) => true,
        }
    }

    /// Tells the monitored side that a monitor is gone.
    pub fn tell_demonitor(&self, reference: RefNumber, target: Target) {
        use super::hooks::{self, RemoteTo};
        match target {
            Target::Process(Some(pid), _) => {
                let _ = signal::send(pid, Signal::Demonitor { reference });
            }
            Target::Port(Some(port), _) => {
                if let Some(ports) = hooks::ports() {
                    ports.demonitor(port, reference);
                }
            }
            Target::Remote(node, number) => {
                if let Some(distribution) = hooks::distribution() {
                    distribution.demonitor(
                        node.name,
                        RemoteTo::Number(number),
                        self.pid,
                        reference,
                    );
                }
            }
            Target::RemoteName(name, node) => {
                if let Some(distribution) = hooks::distribution() {
                    distribution.demonitor(node, RemoteTo::Name(name), self.pid, reference);
                }
            }
            Target::TimeOffset => {
                if let Some(schedulers) = hooks::schedulers() {
                    schedulers.demonitor_time_offset(reference);
                }
            }
            Target::Process(None, _)
            | Target::Port(None, _)
            | Target::Alias
            | Target::SpawnRequest => {}
        }
    }
}
