//! What a process asks of the layers above: schedulers, ports, distribution, tables.
//!
//! Each layer registers itself once, at boot. Without it the node behaves as one that has none of it.

use std::sync::OnceLock;
use std::time::Duration;

use parking_lot::Mutex;

use super::Process;
use super::shared::Queued;
use super::signal::{ExitKind, Peer, RefNumber};
use crate::atom::Atom;
use crate::heap::{Heap, OwnedTerm};
use crate::microstate::State;
use crate::node_name::Node;
use crate::term::{Pid, PortId, Term};

/// The schedulers.
pub trait Schedulers: Send + Sync {
    /// A process is to be run.
    fn ready(&self, process: Queued);
    /// A process that was just spawned is to be run: not after those that its parent wakes later.
    fn begins(&self, process: Queued) {
        self.ready(process);
    }
    /// A process that may wait in a run queue is to be served sooner than when it was put there
    /// ([`Shared::service_priority`](super::Shared::service_priority)).
    fn hurry(&self, _: Pid) {}
    /// What this thread does from now on is another sort of work; the answer is what it did before.
    fn enter_state(&self, state: State) -> State {
        state
    }
    /// After this time, unless cancelled, the process gets `Signal::Timeout(number)`. The answer
    /// identifies the timer.
    fn set_timeout(&self, pid: Pid, number: u64, after: Duration) -> u64;
    /// Forgets a timer of [`set_timeout`](Schedulers::set_timeout), if it has not fired.
    fn cancel_timeout(&self, timer: u64);
    /// Erlang system time in nanoseconds.
    fn system_time(&self) -> i64;
    /// Erlang monotonic time in nanoseconds.
    fn monotonic_time(&self) -> i64;
    /// Microseconds since the epoch, never the same twice (`erlang:now/0`).
    fn now(&self) -> i64;
    /// The node's CPU time in nanoseconds.
    fn cpu_time(&self) -> i64;
    /// The scheduler (from 1) that this thread is, or 0.
    fn current(&self) -> u32;
    /// How many schedulers there are.
    fn count(&self) -> u32;
    /// A process wants to know when the time offset changes.
    fn monitor_time_offset(&self, pid: Pid, reference: RefNumber);
    /// It does not any more.
    fn demonitor_time_offset(&self, reference: RefNumber);
}

/// What became of something sent to a port.
pub enum PortSent {
    /// It was taken, or the port is gone.
    Done,
    /// The port is busy: the caller is suspended and tries again.
    Busy,
}

/// Ports.
pub trait Ports: Send + Sync {
    /// Whether there is such a port.
    fn exists(&self, port: PortId) -> bool;
    /// A message was sent to a port by a process: `{Owner, {command, Data}}` and the like.
    fn message(&self, port: PortId, from: &Process, message: Term<'_>, suspend: bool) -> PortSent;
    /// A process links itself; false where the port is gone.
    fn link(&self, port: PortId, from: Pid) -> bool;
    /// A process unlinks itself; the port acknowledges with `id`. False where it is gone.
    fn unlink(&self, port: PortId, from: Pid, id: u64) -> bool;
    /// The acknowledgement of the port's own unlink.
    fn unlink_ack(&self, port: PortId, from: Pid, id: u64);
    /// A process monitors; false where the port is gone.
    fn monitor(&self, port: PortId, from: Pid, reference: RefNumber, name: Option<Atom>) -> bool;
    /// It does not any more.
    fn demonitor(&self, port: PortId, reference: RefNumber);
    /// An exit signal.
    fn exit(&self, port: PortId, from: Peer, kind: ExitKind, reason: Term<'_>);
    /// The name that a port is registered under changed.
    fn set_name(&self, port: PortId, name: Option<Atom>) -> bool;
    /// The name that a port is registered under.
    fn name(&self, port: PortId) -> Option<Atom>;
    /// All ports.
    fn all(&self) -> Vec<PortId> {
        Vec::new()
    }
    /// What a port knows of being traced, shown to `look`; what that says, none where there is no such port.
    fn with_tracee(
        &self,
        port: PortId,
        look: &mut dyn FnMut(&crate::trace::Tracee) -> bool,
    ) -> Option<bool> {
        let _ = (port, look);
        None
    }
    /// A tracer that is a port is told something, in the external format.
    fn trace(&self, port: PortId, message: Term<'_>) {
        let _ = (port, message);
    }
}

/// The process of another node that something is for.
pub enum RemoteTo<'a> {
    /// A pid's number.
    Number(u64),
    /// A registered name.
    Name(Atom),
    /// An alias: the words of a reference.
    Alias(&'a [u64]),
}

/// What became of something sent to another node.
pub enum RemoteSent {
    /// It is on its way, or dropped.
    Done,
    /// There is no connection (and none was wanted).
    NoConnection,
    /// The connection is busy: the caller is suspended and tries again.
    Busy,
}

/// Other nodes.
pub trait Distribution: Send + Sync {
    /// A message.
    fn message(
        &self,
        node: Atom,
        to: RemoteTo<'_>,
        from: &Process,
        message: Term<'_>,
        connect: bool,
        suspend: bool,
    ) -> RemoteSent;
    /// A link; false where there is no connection.
    fn link(&self, node: &'static Node, number: u64, from: Pid) -> bool;
    /// A link ends.
    fn unlink(&self, node: &'static Node, number: u64, from: Pid, id: u64);
    /// The acknowledgement of the other side's unlink.
    fn unlink_ack(&self, node: &'static Node, number: u64, from: Pid, id: u64);
    /// A monitor; false where there is no connection.
    fn monitor(&self, node: Atom, to: RemoteTo<'_>, from: Pid, reference: RefNumber) -> bool;
    /// A monitor ends.
    fn demonitor(&self, node: Atom, to: RemoteTo<'_>, from: Pid, reference: RefNumber);
    /// What another node's process monitored is gone.
    fn down(
        &self,
        node: &'static Node,
        number: u64,
        reference: RefNumber,
        pid: Pid,
        name: Option<Atom>,
        reason: Term<'_>,
    );
    /// An exit signal.
    fn exit(&self, node: &'static Node, number: u64, from: Peer, kind: ExitKind, reason: Term<'_>);
    /// The group leader of a process of another node.
    fn group_leader(&self, node: &'static Node, number: u64, from: Pid, leader: Term<'_>);
}

/// What the interpreter knows about a process's stack.
pub trait Stacks: Send + Sync {
    /// `current_function`: the function that a process is in.
    fn current_function(&self, process: &Process) -> Option<crate::code::Mfa>;
    /// The same for a process that asks of itself: the function that calls the BIF.
    fn asking_function(&self, process: &Process) -> Option<crate::code::Mfa> {
        self.current_function(process)
    }
    /// What a trace of turns shows: the same, or the BIF that gave way in it.
    fn turn_function(&self, process: &Process) -> Option<crate::code::Mfa>;
    /// `current_location`: `{Module, Function, Arity, Location}`, or `undefined`.
    fn current_location<'p>(&self, process: &'p Process, heap: Heap<'p>) -> Term<'p>;
    /// `current_stacktrace`: a list of such tuples, at most `depth`.
    fn stacktrace<'p>(&self, process: &'p Process, heap: Heap<'p>, depth: usize) -> Term<'p>;
    /// `backtrace`: the text that the stock VM prints for a process's stack.
    fn backtrace(&self, process: &Process) -> String;
    /// Whether a process's stack or registers refer to old code of a module.
    fn uses_old_code(&self, process: &Process, module: Atom) -> bool;
}

/// Something that must be told of a process's end and may need several turns for it.
pub trait AtExit: Send + Sync {
    /// Does some of the work, of about `budget` reductions; true when all is done.
    fn process_exits(&self, process: &Process, budget: usize) -> bool;
}

static SCHEDULERS: OnceLock<&'static dyn Schedulers> = OnceLock::new();
static PORTS: OnceLock<&'static dyn Ports> = OnceLock::new();
static DISTRIBUTION: OnceLock<&'static dyn Distribution> = OnceLock::new();
static STACKS: OnceLock<&'static dyn Stacks> = OnceLock::new();
/// The most layers that can be told of exits.
const AT_EXIT_MAX: usize = 8;
static AT_EXIT: [OnceLock<&'static dyn AtExit>; AT_EXIT_MAX] =
    [const { OnceLock::new() }; AT_EXIT_MAX];
/// What became ready before there were schedulers.
static EARLY: Mutex<Vec<Queued>> = Mutex::new(Vec::new());

/// Registers the schedulers, and hands them what is ready already. Once; false the second time.
pub fn set_schedulers(schedulers: &'static dyn Schedulers) -> bool {
    let mut early = EARLY.lock();
    if SCHEDULERS.set(schedulers).is_err() {
        return false;
    }
    for queued in early.drain(..) {
        schedulers.ready(queued);
    }
    true
}

/// Registers the ports. Once; false the second time.
pub fn set_ports(ports: &'static dyn Ports) -> bool {
    PORTS.set(ports).is_ok()
}

/// Registers the distribution. Once; false the second time.
pub fn set_distribution(distribution: &'static dyn Distribution) -> bool {
    DISTRIBUTION.set(distribution).is_ok()
}

/// Registers who reads stacks. Once; false the second time.
pub fn set_stacks(stacks: &'static dyn Stacks) -> bool {
    STACKS.set(stacks).is_ok()
}

/// Registers something that is told of every process's end, after those registered before.
pub fn add_at_exit(at_exit: &'static dyn AtExit) {
    let free = AT_EXIT.iter().any(|place| place.set(at_exit).is_ok());
    assert!(free, "there are few layers, each of which registers once");
}

/// The schedulers, once there are.
pub fn schedulers() -> Option<&'static dyn Schedulers> {
    SCHEDULERS.get().copied()
}

/// The ports, if there are.
pub fn ports() -> Option<&'static dyn Ports> {
    PORTS.get().copied()
}

/// The distribution, if there is.
pub fn distribution() -> Option<&'static dyn Distribution> {
    DISTRIBUTION.get().copied()
}

/// Who reads stacks, if someone does.
pub fn stacks() -> Option<&'static dyn Stacks> {
    STACKS.get().copied()
}

/// The one to be told of an exit at this place, from 0.
pub(super) fn at_exit(index: usize) -> Option<&'static dyn AtExit> {
    AT_EXIT.get(index)?.get().copied()
}

static PRINTER: OnceLock<fn(Term<'_>) -> String> = OnceLock::new();

/// Registers how terms are printed (as `erlang:display/1` does). Once; false the second time.
pub fn set_printer(printer: fn(Term<'_>) -> String) -> bool {
    PRINTER.set(printer).is_ok()
}

/// A term as `erlang:display/1` prints it; empty where nobody can print.
pub fn print(term: Term<'_>) -> String {
    PRINTER.get().map_or_else(String::new, |print| print(term))
}

/// Hands a process to the schedulers.
pub fn ready(process: Queued) {
    tell_ready(&process);
    if let Some(schedulers) = SCHEDULERS.get() {
        return schedulers.ready(process);
    }
    let mut early = EARLY.lock();
    // They may have come meanwhile; the lock orders this with `set_schedulers`.
    match SCHEDULERS.get() {
        Some(schedulers) => {
            drop(early);
            schedulers.ready(process);
        }
        None => early.push(process),
    }
}

/// A process that was just spawned is to be run.
pub fn begins(process: Queued) {
    match SCHEDULERS.get() {
        Some(schedulers) => {
            tell_ready(&process);
            schedulers.begins(process);
        }
        None => ready(process),
    }
}

fn tell_ready(process: &Queued) {
    if crate::trace::monitor::profiles_processes() {
        crate::trace::monitor::process(process.shared().pid(), None, true);
    }
}

/// Takes what is ready while there are no schedulers: how tests run processes by hand.
pub fn take_early() -> Vec<Queued> {
    std::mem::take(&mut EARLY.lock())
}

/// Erlang system time in nanoseconds; 0 where there is no clock yet.
pub fn system_time() -> i64 {
    schedulers().map_or(0, Schedulers::system_time)
}

/// Erlang monotonic time in nanoseconds; 0 where there is no clock yet.
pub fn monotonic_time() -> i64 {
    schedulers().map_or(0, Schedulers::monotonic_time)
}

/// Sends a message that was built elsewhere to whatever a peer is; ports and other nodes get none.
pub fn send_to_peer(peer: Peer, message: OwnedTerm) {
    if let Peer::Process(pid) = peer {
        super::signal::send_message(pid, message);
    }
}
