//! How a port ends: by its owner, by an exit signal, by its driver, with the node.

use super::{Phase, Port};
use crate::handle::Event;
use crate::instance::Instance;
use crate::messages;
use crate::node::node;
use std::time::Duration;
use vm::atom::well_known as w;
use vm::process::registry;
use vm::process::signal::{self, ExitKind, Peer, Signal};
use vm::term::Term;

/// How long the end of the node waits for a driver that is in use.
const ABANDON_LIMIT: Duration = Duration::from_millis(100);

impl Port {
    /// An exit signal, also by `exit/2`.
    pub(super) fn exit_signal(
        &self,
        driver: &mut Option<Instance>,
        from: Peer,
        kind: ExitKind,
        reason: Term<'_>,
    ) {
        if !self.is_open() || self.is_forker() {
            return;
        }
        if kind == ExitKind::Link {
            let Peer::Process(from) = from else { return };
            let mut data = self.data.lock();
            if !data.links.remove(&from) {
                return;
            }
            // A process that is linked but not the owner may end in peace.
            if reason.is_atom(w::NORMAL) && from != data.owner {
                return;
            }
        }
        self.end(driver, reason, false);
    }

    /// The port ends: all who have to hear of it do; what its driver holds is still written, unless the
    /// reason is `kill`.
    pub(super) fn end(&self, driver: &mut Option<Instance>, reason: Term<'_>, send_closed: bool) {
        self.data.lock().send_closed = send_closed;
        let told = if reason.is_atom(w::KILL) {
            Term::atom(w::KILLED)
        } else {
            reason
        };
        self.tell_all(told);
        if !reason.is_atom(w::KILL) && self.flush(driver) {
            return;
        }
        self.terminate(driver);
    }

    /// Asks a driver that holds data to get rid of it; whether it still holds some.
    pub(super) fn flush(&self, driver: &mut Option<Instance>) -> bool {
        let Some(instance) = driver else { return false };
        if instance.queued() == 0 {
            return false;
        }
        let result = instance.dispatch(Event::Flush);
        self.contain(result).is_some() && instance.queued() > 0
    }

    /// The time from which on the port is not found any more.
    pub(super) fn tell_all(&self, reason: Term<'_>) {
        let (links, monitored, monitors, name) = {
            let mut data = self.data.lock();
            self.enter(&mut data, Phase::Closing);
            (
                std::mem::take(&mut data.links),
                std::mem::take(&mut data.monitored),
                std::mem::take(&mut data.monitors),
                data.name.take(),
            )
        };
        self.set_busy(false);
        if let Some(name) = name {
            registry::port_ends(vm::term::PortId(self.id.0), name);
        }
        for pid in links {
            signal::send_exit(Peer::Process(pid), self.peer(), ExitKind::Link, reason);
        }
        for (reference, monitored) in monitored {
            messages::send_down(self.id, reference, &monitored, reason);
        }
        for (reference, pid) in monitors.into_values() {
            let _ = signal::send(pid, Signal::Demonitor { reference });
        }
    }

    pub(super) fn terminate(&self, driver: &mut Option<Instance>) {
        let closed_to = {
            let mut data = self.data.lock();
            if data.phase == Phase::Closed {
                return;
            }
            self.enter(&mut data, Phase::Closed);
            data.value = None;
            data.send_closed.then_some(data.owner)
        };
        if let Some(mut instance) = driver.take() {
            // What it says while it stops, it says to nobody; it is gone in any case.
            let _ = instance.stop();
        }
        node().timers().set(self.id, None);
        node().table().remove(self.id);
        if let Some(owner) = closed_to {
            signal::send_message(
                owner,
                messages::from_port(self.term(), |_| Term::atom(vm::atom!("closed"))),
            );
        }
        node().halting().port_gone();
        crate::trim::port_gone();
    }

    pub(super) fn halt(&self, driver: &mut Option<Instance>) {
        if self.is_open() {
            self.enter(&mut self.data.lock(), Phase::Closing);
            self.set_busy(false);
            self.flush(driver);
        }
    }

    /// Whether its driver may block, and does so just now.
    pub fn is_stuck(&self) -> bool {
        self.settings.beside && self.driver.is_locked()
    }

    /// The node ends: the driver is stopped, unless somebody is using it just now.
    pub fn abandon(&self) {
        if let Some(mut driver) = self.driver.try_lock_for(ABANDON_LIMIT)
            && let Some(mut instance) = driver.take()
        {
            // There is nobody left to tell of a crash.
            let _ = instance.stop();
        }
    }
}
