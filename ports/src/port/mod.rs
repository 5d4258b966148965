//! A port: its driver, what waits for the driver, and whom the port knows.
//!
//! Whatever is done with the driver is an [`Op`] and happens in order, one at a time, under the lock
//! `driver`. Nobody waits for that lock who need not: [`Port::submit`] puts its operation into the queue
//! and, if the driver is free, carries out what is there; otherwise whoever holds the driver does.
//! [`Port::with_driver`] waits, for those who need the answer. Where the driver may block
//! ([`Settings::beside`]) only a driver thread carries out, and nobody waits ([`crate::beside`]).
//!
//! Lock ranks: `driver` (1), then `queue`, `deframer` or `data` (2), of which a thread holds one at a time,
//! and under which no signal is sent and nothing else called.

mod end;
mod relations;
mod speak;

use crate::driver::{BadArg, FramedBy};
use crate::framing::{Deframer, Framing};
use crate::handle::{CloseReason, Event, MonitorId, PortId};
use crate::instance::{CRASH_REASON, Crash, Instance};
use crate::iovec::IoVec;
use crate::messages;
use crate::node::node;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock};
use vm::atom::{Atom, well_known as w};
use vm::heap::OwnedTerm;
use vm::process::crash;
use vm::process::signal::{ExitKind, Peer, RefNumber};
use vm::term::{Pid, Term};

/// What was asked of a port when it was opened, as far as the port itself is concerned.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What `port_info(Port, name)` says.
    pub name: Vec<u8>,
    /// Data for the owner is binaries.
    pub binary: bool,
    /// `{Port, eof}` instead of an exit at the end of input.
    pub soft_eof: bool,
    /// `{Port, {exit_status, N}}` is wanted.
    pub exit_status: bool,
    /// How data is cut.
    pub framing: Framing,
    /// `{parallelism, true}`.
    pub parallelism: bool,
    /// What stands behind it.
    pub kind: Kind,
    /// Its driver may block: callbacks run on a driver thread.
    pub beside: bool,
}

/// What stands behind a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A driver or program.
    Command,
    /// Descriptors of the user's.
    Descriptors,
    /// A file.
    File,
}

impl Settings {
    /// What a port has that was opened without options.
    pub fn new(name: Vec<u8>) -> Self {
        Self {
            name,
            binary: false,
            soft_eof: false,
            exit_status: false,
            framing: Framing::Stream,
            parallelism: false,
            kind: Kind::Command,
            beside: false,
        }
    }
}

/// Where a port is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Phase {
    /// Its driver is being started; nobody finds it.
    Opening,
    /// It is there for all.
    Open,
    /// Those who had to hear of its end have; its driver still writes what it holds.
    Closing,
    /// It is gone.
    Closed,
}

/// Marks the key under which driver threads come to a port; without it, it is that of the driver's own work.
const BESIDE: u64 = 1 << 63;

/// In [`Port::state`], beside the phase: the driver has ended the port.
const ENDING: u8 = 1 << 7;

/// What is known once the driver has started.
pub(crate) struct Facts {
    pub framing: FramedBy,
    pub soft_busy: bool,
    pub os_pid: Option<u32>,
}

/// A process that monitors the port.
pub(crate) struct Monitored {
    pub by: Pid,
    pub name: Option<Atom>,
}

/// Whom a port knows.
struct Data {
    phase: Phase,
    owner: Pid,
    name: Option<Atom>,
    links: BTreeSet<Pid>,
    monitored: BTreeMap<RefNumber, Monitored>,
    /// Monitors that the driver holds.
    monitors: BTreeMap<MonitorId, (RefNumber, Pid)>,
    next_monitor: u64,
    /// Who waits for the port not to be busy any more.
    waiting: Vec<Pid>,
    /// How the driver ended the port in the current callback.
    ending: Option<CloseReason>,
    /// The owner asked for `{Port, closed}` (and who it was then).
    send_closed: bool,
    /// `port_set_data`.
    value: Option<Arc<OwnedTerm>>,
}

/// Something to be done with a driver.
pub(crate) enum Op {
    /// From the poller, a timer, a driver thread.
    Event(Event),
    /// Data. `claimed` is the owner that the sender named (`Port ! {Owner, {command, Data}}`); none from
    /// `port_command`.
    Command {
        caller: Pid,
        claimed: Option<Pid>,
        data: IoVec,
    },
    /// `Port ! {Owner, close}`.
    Close { claimed: Pid },
    /// `Port ! {Owner, {connect, Pid}}`.
    Connect { claimed: Pid, to: Option<Pid> },
    /// `Port ! Garbage`; whether it was data that is no I/O list.
    BadSignal { bad_output: bool },
    /// An exit signal.
    Exit {
        from: Peer,
        kind: ExitKind,
        reason: OwnedTerm,
    },
    /// The node halts: write what there is, then stop.
    Halt,
    /// Something that a process waits for.
    Ask(Box<dyn FnOnce(&mut PortGuard<'_>) + Send>),
}

/// A port.
pub(crate) struct Port {
    id: PortId,
    pub settings: Settings,
    pub facts: OnceLock<Facts>,
    driver: Mutex<Option<Instance>>,
    queue: Mutex<VecDeque<Op>>,
    /// How many operations are in the queue.
    waiting_ops: AtomicUsize,
    deframer: Mutex<Deframer>,
    data: Mutex<Data>,
    /// Its phase, and whether it is ending, for those who only look: written under the lock of `data`.
    state: AtomicU8,
    busy: AtomicBool,
    /// What the driver held after its last callback, where asking it could take long.
    held: AtomicUsize,
    /// Bytes from the driver, and to it.
    pub input: AtomicU64,
    pub output: AtomicU64,
    /// Who caused the current callback.
    caller: AtomicU64,
    pub control_binary: AtomicBool,
}

/// `Err`: the port is gone.
pub(crate) struct Gone;

impl Port {
    /// A port that is being opened, linked to its owner.
    pub fn new(id: PortId, owner: Pid, settings: Settings) -> Self {
        let deframer = Deframer::new(settings.framing);
        Self {
            id,
            settings,
            facts: OnceLock::new(),
            driver: Mutex::new(None),
            queue: Mutex::default(),
            waiting_ops: AtomicUsize::new(0),
            deframer: Mutex::new(deframer),
            data: Mutex::new(Data {
                phase: Phase::Opening,
                owner,
                name: None,
                links: BTreeSet::new(),
                monitored: BTreeMap::new(),
                monitors: BTreeMap::new(),
                next_monitor: 1,
                waiting: Vec::new(),
                ending: None,
                send_closed: false,
                value: None,
            }),
            state: AtomicU8::new(Phase::Opening as u8),
            busy: AtomicBool::new(false),
            held: AtomicUsize::new(0),
            input: AtomicU64::new(0),
            output: AtomicU64::new(0),
            caller: AtomicU64::new(0),
            control_binary: AtomicBool::new(false),
        }
    }

    /// Its number.
    pub fn id(&self) -> PortId {
        self.id
    }

    fn peer(&self) -> Peer {
        Peer::Port(vm::term::PortId(self.id.0))
    }

    /// Its identifier.
    pub fn term<'h>(&self) -> Term<'h> {
        Term::port(vm::term::PortId(self.id.0))
    }

    /// Starts the driver by `start`, then, if that went well, runs `opened` and lets the port be found.
    pub fn open<E>(
        &self,
        start: impl FnOnce() -> Result<Instance, E>,
        opened: impl FnOnce(),
    ) -> Result<(), E> {
        let mut driver = self.driver.lock();
        let instance = start()?;
        let facts = Facts {
            framing: instance.framing(),
            soft_busy: instance.soft_busy(),
            os_pid: instance.os_pid(),
        };
        // Set once: a port is opened once.
        let _ = self.facts.set(facts);
        *driver = Some(instance);
        opened();
        self.enter(&mut self.data.lock(), Phase::Open);
        self.drain(&mut driver);
        drop(driver);
        self.run();
        Ok(())
    }

    /// Whether the driver frames messages itself.
    fn framed_by_driver(&self) -> bool {
        self.facts
            .get()
            .is_some_and(|facts| facts.framing == FramedBy::Driver)
    }

    // Operations.

    /// Has something done with the driver: now, or by whoever holds it, or by a driver thread.
    pub fn submit(self: &Arc<Self>, op: Op) {
        self.queue.lock().push_back(op);
        self.waiting_ops.fetch_add(1, Ordering::SeqCst);
        if !self.settings.beside {
            return self.run();
        }
        let port = Arc::clone(self);
        node()
            .pool()
            .submit(BESIDE | self.id.0, Box::new(move || port.run()));
    }

    /// Carries out what waits, unless somebody is at it. The fences order the queue's state against the
    /// lock's: either the holder sees what was put, or who put it gets the lock.
    fn run(&self) {
        loop {
            fence(Ordering::SeqCst);
            let Some(mut driver) = self.driver.try_lock() else {
                return;
            };
            self.drain(&mut driver);
            drop(driver);
            fence(Ordering::SeqCst);
            if self.waiting_ops.load(Ordering::SeqCst) == 0 {
                return;
            }
        }
    }

    /// Does something with the driver after all that waits, and says what came of it.
    pub fn with_driver<R>(&self, run: impl FnOnce(&mut PortGuard<'_>) -> R) -> R {
        let mut driver = self.driver.lock();
        self.drain(&mut driver);
        let result = run(&mut PortGuard {
            port: self,
            driver: &mut driver,
        });
        self.settle(&mut driver);
        self.drain(&mut driver);
        drop(driver);
        fence(Ordering::SeqCst);
        if self.waiting_ops.load(Ordering::SeqCst) > 0 {
            self.run();
        }
        result
    }

    /// Bytes that the driver still holds.
    pub fn queued(&self) -> usize {
        if self.settings.beside {
            return self.held.load(Ordering::Relaxed);
        }
        self.with_driver(|guard| guard.driver.as_mut().map_or(0, Instance::queued))
    }

    fn drain(&self, driver: &mut Option<Instance>) {
        while self.waiting_ops.load(Ordering::SeqCst) > 0 {
            let Some(op) = self.queue.lock().pop_front() else {
                return;
            };
            self.waiting_ops.fetch_sub(1, Ordering::SeqCst);
            self.carry_out(driver, op);
            self.settle(driver);
            if self.settings.beside {
                let held = driver.as_mut().map_or(0, Instance::queued);
                self.held.store(held, Ordering::Relaxed);
            }
        }
    }

    fn carry_out(&self, driver: &mut Option<Instance>, op: Op) {
        match op {
            Op::Event(event) => self.event(driver, event),
            Op::Command {
                caller,
                claimed,
                data,
            } => {
                if claimed.is_some_and(|claimed| claimed != self.owner()) {
                    self.bad_signal();
                } else {
                    self.command(driver, caller, data);
                }
            }
            Op::Close { claimed } => {
                if self.is_open() {
                    if claimed == self.owner() {
                        self.end(driver, Term::atom(w::NORMAL), true);
                    } else {
                        self.bad_signal();
                    }
                }
            }
            Op::Connect { claimed, to } => self.connect_by_message(claimed, to),
            Op::BadSignal { bad_output } => self.bad_message(bad_output),
            Op::Exit { from, kind, reason } => self.exit_signal(driver, from, kind, reason.term()),
            Op::Halt => self.halt(driver),
            Op::Ask(ask) => ask(&mut PortGuard { port: self, driver }),
        }
    }

    fn event(&self, driver: &mut Option<Instance>, event: Event) {
        let Some(instance) = driver else { return };
        let ready = match &event {
            Event::ReadyInput(fd) | Event::ReadyOutput(fd) => Some(*fd),
            Event::ProcessExit(monitor) => {
                if self.data.lock().monitors.remove(monitor).is_none() {
                    return;
                }
                None
            }
            _ => None,
        };
        let result = instance.dispatch(event);
        self.contain(result);
        if let Some(fd) = ready {
            // Fails when the driver has closed it: then nothing is to be reported.
            let _ = node().poller().rearm(self.id.0, fd);
        }
    }

    fn command(&self, driver: &mut Option<Instance>, caller: Pid, data: IoVec) {
        if !self.is_open() {
            return;
        }
        let Some(instance) = driver else { return };
        let size = data.len();
        let data = if self.framed_by_driver() {
            data
        } else {
            match self.settings.framing.header(size) {
                Ok(header) if header.is_empty() => data,
                Ok(header) => std::iter::once(header).chain(data).collect(),
                Err(_) => return self.close(CloseReason::Posix(libc::EINVAL)),
            }
        };
        self.caller.store(caller.0, Ordering::Relaxed);
        let result = instance.dispatch(Event::Output(data));
        self.caller.store(0, Ordering::Relaxed);
        self.output.fetch_add(size as u64, Ordering::Relaxed);
        self.contain(result);
    }

    /// A driver that has crashed ends its port.
    fn contain<T>(&self, result: Result<T, Crash>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(crash) => {
                let text = format!(
                    "{crash} in port '{}'\n",
                    String::from_utf8_lossy(&self.settings.name)
                );
                crash::log_text(w::ERROR, Term::NIL, None, &text);
                self.close(CloseReason::Atom(CRASH_REASON.into()));
                None
            }
        }
    }

    /// Enters another phase.
    fn enter(&self, data: &mut Data, phase: Phase) {
        data.phase = phase;
        self.note_state(data);
    }

    /// Shows those who do not take the lock what they may see.
    fn note_state(&self, data: &Data) {
        let ending = if data.ending.is_some() { ENDING } else { 0 };
        self.state
            .store(data.phase as u8 | ending, Ordering::Release);
    }

    /// Draws the consequences of what a callback did.
    fn settle(&self, driver: &mut Option<Instance>) {
        let state = self.state.load(Ordering::Acquire);
        if state == Phase::Open as u8 {
            return;
        }
        let ending = {
            let mut data = self.data.lock();
            let ending = data.ending.take();
            self.note_state(&data);
            ending
        };
        if let Some(reason) = ending {
            match self.phase() {
                Phase::Open => {
                    self.tell_all(messages::close_reason(&reason));
                    self.terminate(driver);
                }
                Phase::Closing => self.terminate(driver),
                Phase::Opening | Phase::Closed => {}
            }
        } else if self.phase() == Phase::Closing
            && driver.as_mut().is_none_or(|driver| driver.queued() == 0)
        {
            self.terminate(driver);
        }
    }
}

/// The right to use a port's driver.
pub(crate) struct PortGuard<'a> {
    port: &'a Port,
    driver: &'a mut Option<Instance>,
}

impl PortGuard<'_> {
    /// `port_command/2,3`: whether the port was there to take it.
    pub fn command(&mut self, caller: Pid, data: IoVec) -> Result<(), Gone> {
        if !self.port.is_open() {
            return Err(Gone);
        }
        self.port.command(self.driver, caller, data);
        Ok(())
    }

    /// `port_control/3`.
    pub fn control(&mut self, caller: Pid, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        self.ask(caller, |instance| instance.control(command, data))
    }

    /// `port_call/3`.
    pub fn call(&mut self, caller: Pid, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        self.ask(caller, |instance| instance.call(command, data))
    }

    fn ask(
        &mut self,
        caller: Pid,
        question: impl FnOnce(&mut Instance) -> Result<Result<Bytes, BadArg>, Crash>,
    ) -> Result<Bytes, BadArg> {
        if !self.port.is_open() {
            return Err(BadArg);
        }
        let instance = self.driver.as_mut().ok_or(BadArg)?;
        self.port.caller.store(caller.0, Ordering::Relaxed);
        let answer = question(instance);
        self.port.caller.store(0, Ordering::Relaxed);
        self.port.contain(answer).unwrap_or(Err(BadArg))
    }

    /// Whether answers of `port_control/3` become binaries.
    pub fn answers_binaries(&self) -> bool {
        self.port.control_binary.load(Ordering::Relaxed)
    }

    /// `port_close/1`.
    pub fn close(&mut self) -> Result<(), Gone> {
        if !self.port.is_open() || self.port.is_forker() {
            return Err(Gone);
        }
        self.port.end(self.driver, Term::atom(w::NORMAL), false);
        Ok(())
    }

    /// `port_connect/2`.
    pub fn connect(&mut self, to: Pid) -> Result<(), Gone> {
        self.port.connect(to)
    }
}
