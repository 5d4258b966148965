//! Whom a port knows: owner, links, monitors, who waits for it; its name, and what a program keeps with it.

use super::{ENDING, Gone, Monitored, Phase, Port};
use crate::handle::MonitorId;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use vm::atom::Atom;
use vm::heap::OwnedTerm;
use vm::process::signal::{self, RefNumber, Signal};
use vm::term::Pid;

/// A port takes down one link in its life.
const UNLINK_ID: u64 = 1;

impl Port {
    /// Whether senders have to wait.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Notes who waits until the port is not busy; false if it is not.
    pub fn wait_while_busy(&self, pid: Pid) -> bool {
        let mut data = self.data.lock();
        if !self.is_busy() || data.phase != Phase::Open {
            return false;
        }
        if !data.waiting.contains(&pid) {
            data.waiting.push(pid);
        }
        true
    }

    /// Makes senders wait, or lets them go on.
    pub fn set_busy(&self, busy: bool) {
        if busy {
            let data = self.data.lock();
            if data.phase == Phase::Open || data.phase == Phase::Opening {
                self.busy.store(true, Ordering::Release);
            }
            return;
        }
        if !self.busy.swap(false, Ordering::AcqRel) {
            return;
        }
        // Under the lock nobody joins any more who did not see this.
        let waiting = std::mem::take(&mut self.data.lock().waiting);
        for pid in waiting {
            let _ = signal::send(pid, Signal::Poke);
        }
    }

    pub(super) fn phase(&self) -> Phase {
        let state = self.state.load(Ordering::Acquire) & !ENDING;
        [Phase::Opening, Phase::Open, Phase::Closing]
            .into_iter()
            .find(|phase| *phase as u8 == state)
            .unwrap_or(Phase::Closed)
    }

    /// Whether it can be used.
    pub fn is_open(&self) -> bool {
        self.phase() == Phase::Open
    }

    /// Whether it stands for the helper that starts programs, which nothing ends.
    pub fn is_forker(&self) -> bool {
        self.id.0 == 0
    }

    /// The process connected to it.
    pub fn owner(&self) -> Pid {
        self.data.lock().owner
    }

    /// Who caused the current callback.
    pub fn caller(&self) -> Pid {
        Pid(self.caller.load(Ordering::Relaxed))
    }

    /// Gives it another owner, linked to it unless it is already; the old one stays linked.
    /// The lock of the driver is held, so that earlier messages count for the earlier owner.
    pub(super) fn connect(&self, to: Pid) -> Result<(), Gone> {
        let new_link = {
            let mut data = self.data.lock();
            if data.phase != Phase::Open {
                return Err(Gone);
            }
            data.links.insert(to)
        };
        if new_link && signal::send(to, Signal::Link { from: self.peer() }).is_err() {
            self.data.lock().links.remove(&to);
            return Err(Gone);
        }
        self.data.lock().owner = to;
        Ok(())
    }

    /// A process links itself.
    pub fn link(&self, from: Pid) -> bool {
        let mut data = self.data.lock();
        let open = matches!(data.phase, Phase::Open | Phase::Opening);
        if open {
            data.links.insert(from);
        }
        open
    }

    /// A process unlinks itself.
    pub fn unlink(&self, from: Pid) -> bool {
        let mut data = self.data.lock();
        data.links.remove(&from);
        data.phase == Phase::Open
    }

    /// Takes down the link to the owner. Its acknowledgement is not waited for: the port ends next.
    pub fn unlink_owner(&self) {
        let (owner, linked) = {
            let mut data = self.data.lock();
            let owner = data.owner;
            (owner, data.links.remove(&owner))
        };
        if linked {
            // If the owner has ended, there is no link either.
            let _ = signal::send(
                owner,
                Signal::Unlink {
                    from: self.peer(),
                    id: UNLINK_ID,
                },
            );
        }
    }

    /// The links, in order.
    pub fn links(&self) -> Vec<Pid> {
        self.data.lock().links.iter().copied().collect()
    }

    /// A process monitors it.
    pub fn add_monitored(&self, reference: RefNumber, monitored: Monitored) -> bool {
        let mut data = self.data.lock();
        let open = data.phase == Phase::Open;
        if open {
            data.monitored.insert(reference, monitored);
        }
        open
    }

    /// A process does not monitor it any more.
    pub fn remove_monitored(&self, reference: RefNumber) {
        self.data.lock().monitored.remove(&reference);
    }

    /// Who monitors it.
    pub fn monitored_by(&self) -> Vec<Pid> {
        self.data
            .lock()
            .monitored
            .values()
            .map(|monitored| monitored.by)
            .collect()
    }

    /// The driver monitors a process; the monitor's number.
    pub fn add_monitor(&self, reference: RefNumber, pid: Pid) -> MonitorId {
        let mut data = self.data.lock();
        let id = MonitorId(data.next_monitor);
        data.next_monitor += 1;
        data.monitors.insert(id, (reference, pid));
        id
    }

    /// Forgets a monitor of the driver.
    pub fn take_monitor(&self, monitor: MonitorId) -> Option<(RefNumber, Pid)> {
        self.data.lock().monitors.remove(&monitor)
    }

    /// The processes that the driver monitors.
    pub fn monitors(&self) -> Vec<Pid> {
        self.data
            .lock()
            .monitors
            .values()
            .map(|(_, pid)| *pid)
            .collect()
    }

    /// The name that it is registered under.
    pub fn name(&self) -> Option<Atom> {
        self.data.lock().name
    }

    /// Sets the name; false if it cannot have one any more.
    pub fn set_name(&self, name: Option<Atom>) -> bool {
        let mut data = self.data.lock();
        let open = data.phase == Phase::Open;
        if open {
            data.name = name;
        }
        open
    }

    /// What `port_set_data` has set; none if the port is gone.
    pub fn value(&self) -> Result<Option<Arc<OwnedTerm>>, Gone> {
        let data = self.data.lock();
        if data.phase == Phase::Open {
            Ok(data.value.clone())
        } else {
            Err(Gone)
        }
    }

    /// `port_set_data`.
    pub fn set_value(&self, value: OwnedTerm) -> Result<(), Gone> {
        let mut data = self.data.lock();
        if data.phase != Phase::Open {
            return Err(Gone);
        }
        // The old value is dropped when the lock is free.
        let old = data.value.replace(Arc::new(value));
        drop(data);
        drop(old);
        Ok(())
    }
}
