//! What drivers ask of their ports, answered in terms of processes and messages.

#![forbid(unsafe_code)]

use crate::handle::{
    CloseReason, Event, Host, Job, MonitorId, PidToken, PortId, Readiness, Starter, TermSpec,
};
use crate::iovec::IoVec;
use crate::node::node;
use crate::poller::Mode;
use crate::port::Port;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use vm::heap::Heap;
use vm::process::signal::{self, Origin, RefNumber, Signal, Watch};
use vm::term::{Pid, Term};

/// The host of all ports of this node.
pub(crate) struct NodeHost;

/// Does something with a port; what follows is the answer where it is gone.
fn with<R>(port: PortId, absent: R, run: impl FnOnce(&Arc<Port>) -> R) -> R {
    node().table().get(port).map_or(absent, |port| run(&port))
}

impl Host for NodeHost {
    fn output(&self, port: PortId, header: &[u8], data: Option<IoVec>) {
        with(port, (), |port| port.deliver(header, data));
    }

    fn output_term(&self, port: PortId, term: TermSpec) {
        with(port, (), |port| port.deliver_term(None, term));
    }

    fn send_term(&self, port: PortId, to: PidToken, term: TermSpec) {
        with(port, (), |port| port.deliver_term(Some(Pid(to.0)), term));
    }

    fn close(&self, port: PortId, reason: CloseReason) {
        with(port, (), |port| port.close(reason));
    }

    fn exit_status(&self, port: PortId, status: i32) {
        with(port, (), |port| port.deliver_exit_status(status));
    }

    fn set_busy(&self, port: PortId, busy: bool) {
        with(port, (), |port| port.set_busy(busy));
    }

    fn set_timer(&self, port: PortId, after: Option<Duration>) {
        if node().timers().set(port, after) {
            node().poller().wake();
        }
    }

    fn read_timer(&self, port: PortId) -> Option<Duration> {
        node().timers().left(port)
    }

    fn select(&self, port: PortId, fd: RawFd, what: Readiness, on: bool) -> std::io::Result<()> {
        let poller = node().poller();
        if on {
            poller.select(port.0, fd, what, Mode::Rearm).map(|_| ())
        } else {
            poller.deselect(port.0, fd, what);
            Ok(())
        }
    }

    fn submit(&self, port: PortId, key: u64, job: Job) {
        let work = move || node().post(port, Event::Run(job()));
        node().pool().submit(key, Box::new(work));
    }

    fn post(&self, port: PortId, event: Event) {
        node().post(port, event);
    }

    fn monitor(&self, port: PortId, process: PidToken) -> Option<MonitorId> {
        let port = node().table().get(port)?;
        let pid = Pid(process.0);
        let reference = vm::reference::next();
        let monitor = port.add_monitor(reference, pid);
        let watch = DriverMonitor {
            port: port.id(),
            monitor,
        };
        let signal = Signal::Monitor {
            reference,
            origin: Origin::Watch(Arc::new(watch)),
            name: None,
        };
        if signal::send(pid, signal).is_err() {
            port.take_monitor(monitor);
            return None;
        }
        Some(monitor)
    }

    fn demonitor(&self, port: PortId, monitor: MonitorId) -> bool {
        let Some((reference, pid)) = with(port, None, |port| port.take_monitor(monitor)) else {
            return false;
        };
        // If the process has ended, there is nothing left to take away.
        let _ = signal::send(pid, Signal::Demonitor { reference });
        true
    }

    fn owner(&self, port: PortId) -> PidToken {
        with(port, PidToken(0), |port| PidToken(port.owner().0))
    }

    fn caller(&self, port: PortId) -> PidToken {
        with(port, PidToken(0), |port| PidToken(port.caller().0))
    }

    fn set_control_binary(&self, port: PortId, binary: bool) {
        with(port, (), |port| {
            port.control_binary.store(binary, Ordering::Relaxed)
        });
    }

    fn unlink_owner(&self, port: PortId) {
        with(port, (), |port| port.unlink_owner());
    }

    fn open_sibling(&self, port: PortId, owner: PidToken, start: Starter) -> Option<PortId> {
        let settings = with(port, None, |port| Some(port.settings.clone()))?;
        node().open_linked(Pid(owner.0), settings, start)
    }
}

/// A driver's monitor, as the process that is monitored knows it.
struct DriverMonitor {
    port: PortId,
    monitor: MonitorId,
}

impl Watch for DriverMonitor {
    fn down(&self, _: RefNumber, _: Pid, _: Term<'_>) {
        node().post(self.port, Event::ProcessExit(self.monitor));
    }

    fn term<'h>(&self, _: Heap<'h>) -> Option<Term<'h>> {
        Some(Term::port(vm::term::PortId(self.port.0)))
    }
}
