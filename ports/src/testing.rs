//! A host without Erlang, to drive drivers in tests.
//!
//! [`Bench`] opens ports on drivers, brings them commands and events on the calling thread, and keeps
//! what they sent as a log of [`Upcall`]s. See [`crate::driver`] for an example.

use crate::driver::{BadArg, DriverFactory, FramedBy, StartError};
use crate::framing::{Deframer, Frame};
use crate::handle::{
    CloseReason, Event, Host, Job, MonitorId, PidToken, PortHandle, PortId, Readiness, Starter,
    TermSpec,
};
use crate::instance::{CRASH_REASON, Instance};
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use crate::poller::{Mode, Poller, Ready};
use crate::pool::Pool;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long [`Bench::run_until`] waits for what a test expects.
const PATIENCE: Duration = Duration::from_secs(20);

/// Who owns every port of a bench.
pub const OWNER: PidToken = PidToken(1);

/// Something that a driver did to its port.
#[derive(Clone, Debug, PartialEq)]
pub enum Upcall {
    /// Sent bytes to the owner, after this header.
    Data(Vec<u8>, Frame),
    /// Sent a term to the owner.
    Term(TermSpec),
    /// Sent a term to a process.
    Send(PidToken, TermSpec),
    /// Reported an exit status.
    ExitStatus(i32),
    /// Became busy, or not.
    Busy(bool),
    /// Ended the port.
    Closed(CloseReason),
}

/// A host for tests. Dropping it stops every driver.
pub struct Bench {
    host: Arc<BenchHost>,
    instances: HashMap<PortId, Instance>,
    next: u64,
}

struct BenchHost {
    ports: Mutex<HashMap<PortId, PortState>>,
    inbox: Arc<Mutex<VecDeque<(PortId, Event)>>>,
    poller: Arc<Poller>,
    pool: Pool,
}

struct PortState {
    request: OpenRequest,
    framing: FramedBy,
    deframer: Deframer,
    log: Vec<Upcall>,
    timer: Option<Instant>,
    /// The driver has ended it, or the owner is closing it.
    closing: bool,
    closed: bool,
    monitors: Vec<MonitorId>,
    control_binary: bool,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// A bench without ports.
    ///
    /// # Panics
    /// When the system gives no poller.
    #[must_use]
    pub fn new() -> Self {
        let inbox = Arc::new(Mutex::new(VecDeque::new()));
        let sink = Arc::clone(&inbox);
        let poller = Poller::new(move |ready: Ready| {
            let mut inbox = sink.lock();
            if ready.what.read {
                inbox.push_back((PortId(ready.key), Event::ReadyInput(ready.fd)));
            }
            if ready.what.write {
                inbox.push_back((PortId(ready.key), Event::ReadyOutput(ready.fd)));
            }
        })
        .expect("a test has descriptors to spare");
        let host = BenchHost {
            ports: Mutex::default(),
            inbox,
            poller: Arc::new(poller),
            pool: Pool::new(16),
        };
        Self {
            host: Arc::new(host),
            instances: HashMap::new(),
            next: 1,
        }
    }

    /// Opens a port.
    ///
    /// # Errors
    /// The driver's.
    pub fn open(
        &mut self,
        factory: &dyn DriverFactory,
        request: &OpenRequest,
    ) -> Result<PortId, StartError> {
        let id = PortId(self.next);
        self.next += 1;
        self.host.ports.lock().insert(
            id,
            PortState {
                request: request.clone(),
                framing: FramedBy::Host,
                deframer: Deframer::new(request.options.framing),
                log: Vec::new(),
                timer: None,
                closing: false,
                closed: false,
                monitors: Vec::new(),
                control_binary: false,
            },
        );
        let host: Arc<dyn Host> = self.host.clone();
        match Instance::start(factory, request, PortHandle::new(host, id)) {
            Ok(instance) => {
                self.with(id, |port| port.framing = instance.framing());
                self.instances.insert(id, instance);
                Ok(id)
            }
            Err(error) => {
                self.host.ports.lock().remove(&id);
                Err(error)
            }
        }
    }

    /// Sends data as the owner does, with the header that the port's options ask for.
    pub fn command(&mut self, port: PortId, data: impl Into<Vec<u8>>) {
        let data = Bytes::from(data.into());
        let header = self.with(port, |state| match state.framing {
            FramedBy::Host => state.request.options.framing.header(data.len()),
            FramedBy::Driver => Ok(Bytes::new()),
        });
        match header {
            Ok(header) => self.dispatch(port, Event::Output([header, data].into_iter().collect())),
            Err(_) => self.host.close(port, CloseReason::Posix(libc::EINVAL)),
        }
        self.sweep(port);
    }

    /// `port_control/3`.
    ///
    /// # Errors
    /// `badarg`, also from a driver that crashed over it.
    pub fn control(&mut self, port: PortId, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        let answer = self
            .instances
            .get_mut(&port)
            .ok_or(BadArg)?
            .control(command, data);
        let answer = answer.unwrap_or_else(|_| self.crashed(port));
        self.sweep(port);
        answer
    }

    /// `port_call/3`.
    ///
    /// # Errors
    /// `badarg`, also from a driver that crashed over it.
    pub fn call(&mut self, port: PortId, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        let answer = self
            .instances
            .get_mut(&port)
            .ok_or(BadArg)?
            .call(command, data);
        let answer = answer.unwrap_or_else(|_| self.crashed(port));
        self.sweep(port);
        answer
    }

    /// Closes a port as its owner does: at once, or when its queue is written.
    pub fn close(&mut self, port: PortId) {
        let waits = self
            .instances
            .get_mut(&port)
            .is_some_and(|driver| driver.queued() > 0);
        self.with(port, |state| state.closing = true);
        if waits {
            self.dispatch(port, Event::Flush);
        }
        self.sweep(port);
    }

    /// The operating-system process behind a port.
    #[must_use]
    pub fn os_pid(&self, port: PortId) -> Option<u32> {
        self.instances.get(&port).and_then(Instance::os_pid)
    }

    /// Whether a port's driver is running.
    #[must_use]
    pub fn is_open(&self, port: PortId) -> bool {
        self.instances.contains_key(&port)
    }

    /// Tells a driver that a process it monitors is gone.
    pub fn process_exit(&mut self, port: PortId, monitor: MonitorId) {
        self.dispatch(port, Event::ProcessExit(monitor));
        self.sweep(port);
    }

    /// Brings events to drivers until something holds; whether it came to hold in time.
    pub fn run_until(&mut self, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if holds(self) {
                return true;
            }
            let now = Instant::now();
            if now >= deadline {
                return false;
            }
            self.step(deadline - now);
        }
    }

    /// Brings events to drivers for a while.
    pub fn run_for(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            self.step(left);
        }
    }

    /// What a driver has done so far, without taking it.
    #[must_use]
    pub fn log(&self, port: PortId) -> Vec<Upcall> {
        self.with(port, |state| state.log.clone())
    }

    /// Takes what a driver has done.
    pub fn take_log(&mut self, port: PortId) -> Vec<Upcall> {
        self.with(port, |state| std::mem::take(&mut state.log))
    }

    /// Takes all bytes that were sent to the owner, headers first, as one.
    pub fn take_data(&mut self, port: PortId) -> Vec<u8> {
        let mut all = Vec::new();
        self.take_frames(port)
            .iter()
            .for_each(|frame| all.extend_from_slice(frame));
        all
    }

    /// Takes all messages that were sent to the owner; what else is in the log stays.
    pub fn take_frames(&mut self, port: PortId) -> Vec<Vec<u8>> {
        self.with(port, |state| {
            let mut frames = Vec::new();
            state.log.retain(|upcall| match upcall {
                Upcall::Data(header, Frame::Data(data) | Frame::Eol(data) | Frame::NoEol(data)) => {
                    frames.push([header.as_slice(), data].concat());
                    false
                }
                _ => true,
            });
            frames
        })
    }

    /// Sends a command and waits for the first message that answers it.
    pub fn request(&mut self, port: PortId, data: impl Into<Vec<u8>>) -> Option<Vec<u8>> {
        self.command(port, data);
        self.next_frame(port)
    }

    /// Waits for the next message; `None` when the port ends, or none comes.
    pub fn next_frame(&mut self, port: PortId) -> Option<Vec<u8>> {
        let is_data = |upcall: &Upcall| matches!(upcall, Upcall::Data(..));
        self.run_until(|bench| bench.log(port).iter().any(is_data) || !bench.is_open(port));
        self.with(port, |state| {
            let at = state.log.iter().position(is_data)?;
            match state.log.remove(at) {
                Upcall::Data(header, Frame::Data(data) | Frame::Eol(data) | Frame::NoEol(data)) => {
                    Some([header.as_slice(), &data].concat())
                }
                _ => None,
            }
        })
    }

    fn with<R>(&self, port: PortId, what: impl FnOnce(&mut PortState) -> R) -> R {
        let mut ports = self.host.ports.lock();
        what(ports.get_mut(&port).expect("the bench opened this port"))
    }

    fn dispatch(&mut self, port: PortId, event: Event) {
        let Some(instance) = self.instances.get_mut(&port) else {
            return;
        };
        let ready = match &event {
            Event::ReadyInput(fd) | Event::ReadyOutput(fd) => Some(*fd),
            _ => None,
        };
        if instance.dispatch(event).is_err() {
            let _: Result<Bytes, BadArg> = self.crashed(port);
        } else if let Some(fd) = ready {
            let _ = self.host.poller.rearm(port.0, fd);
        }
    }

    fn crashed<T>(&self, port: PortId) -> Result<T, BadArg> {
        self.host
            .close(port, CloseReason::Atom(CRASH_REASON.into()));
        Err(BadArg)
    }

    /// Stops a port that has come to its end.
    fn sweep(&mut self, port: PortId) {
        let (closing, closed) = self.with(port, |state| (state.closing, state.closed));
        let Some(instance) = self.instances.get_mut(&port) else {
            return;
        };
        if closed || (closing && instance.queued() == 0) {
            let _ = instance.stop();
            self.instances.remove(&port);
        }
    }

    fn step(&mut self, limit: Duration) {
        let now = Instant::now();
        let mut wait = limit;
        let mut due = Vec::new();
        for (&id, port) in self.host.ports.lock().iter_mut() {
            if let Some(timer) = port.timer {
                if timer <= now {
                    port.timer = None;
                    due.push(id);
                } else {
                    wait = wait.min(timer - now);
                }
            }
        }
        for id in due {
            self.host.inbox.lock().push_back((id, Event::Timeout));
        }
        if !self.host.inbox.lock().is_empty() {
            wait = Duration::ZERO;
        }
        self.host.poller.poll(Some(wait)).expect("the poller works");
        loop {
            let Some((port, event)) = self.host.inbox.lock().pop_front() else {
                break;
            };
            self.dispatch(port, event);
            self.sweep(port);
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.instances.clear();
    }
}

impl BenchHost {
    fn log(&self, port: PortId, upcall: Upcall) {
        if let Some(state) = self.ports.lock().get_mut(&port) {
            state.log.push(upcall);
        }
    }
}

impl Host for BenchHost {
    fn output(&self, port: PortId, header: &[u8], data: Option<IoVec>) {
        let mut ports = self.ports.lock();
        let Some(state) = ports.get_mut(&port) else {
            return;
        };
        let data = data.unwrap_or_default().into_bytes();
        let whole = state.framing == FramedBy::Driver
            && !matches!(
                state.request.options.framing,
                crate::framing::Framing::Line(_)
            );
        let frames = if whole {
            vec![Frame::Data(data)]
        } else {
            state.deframer.push(data)
        };
        state.log.extend(
            frames
                .into_iter()
                .map(|frame| Upcall::Data(header.to_vec(), frame)),
        );
    }

    fn output_term(&self, port: PortId, term: TermSpec) {
        self.log(port, Upcall::Term(term));
    }

    fn send_term(&self, port: PortId, to: PidToken, term: TermSpec) {
        self.log(port, Upcall::Send(to, term));
    }

    fn close(&self, port: PortId, reason: CloseReason) {
        let mut ports = self.ports.lock();
        let Some(state) = ports.get_mut(&port) else {
            return;
        };
        if !std::mem::replace(&mut state.closed, true) {
            let last = state.deframer.finish();
            state.log.extend(
                last.into_iter()
                    .map(|frame| Upcall::Data(Vec::new(), frame)),
            );
            state.log.push(Upcall::Closed(reason));
        }
    }

    fn exit_status(&self, port: PortId, status: i32) {
        self.log(port, Upcall::ExitStatus(status));
    }

    fn set_busy(&self, port: PortId, busy: bool) {
        self.log(port, Upcall::Busy(busy));
    }

    fn set_timer(&self, port: PortId, after: Option<Duration>) {
        if let Some(state) = self.ports.lock().get_mut(&port) {
            state.timer = after.map(|after| Instant::now() + after);
        }
    }

    fn read_timer(&self, port: PortId) -> Option<Duration> {
        let timer = self.ports.lock().get(&port)?.timer?;
        Some(timer.saturating_duration_since(Instant::now()))
    }

    fn select(&self, port: PortId, fd: RawFd, what: Readiness, on: bool) -> std::io::Result<()> {
        if on {
            self.poller
                .select(port.0, fd, what, Mode::Rearm)
                .map(|_| ())
        } else {
            self.poller.deselect(port.0, fd, what);
            Ok(())
        }
    }

    fn submit(&self, port: PortId, key: u64, job: Job) {
        let (inbox, poller) = (Arc::clone(&self.inbox), Arc::clone(&self.poller));
        let work = move || {
            let done = job();
            inbox.lock().push_back((port, Event::Run(done)));
            poller.wake();
        };
        self.pool.submit(key, Box::new(work));
    }

    fn post(&self, port: PortId, event: Event) {
        self.inbox.lock().push_back((port, event));
        self.poller.wake();
    }

    fn monitor(&self, port: PortId, process: PidToken) -> Option<MonitorId> {
        let mut ports = self.ports.lock();
        let state = ports.get_mut(&port)?;
        let monitor = MonitorId(process.0 << 32 | state.monitors.len() as u64);
        state.monitors.push(monitor);
        Some(monitor)
    }

    fn demonitor(&self, port: PortId, monitor: MonitorId) -> bool {
        let mut ports = self.ports.lock();
        let Some(state) = ports.get_mut(&port) else {
            return false;
        };
        let before = state.monitors.len();
        state.monitors.retain(|known| *known != monitor);
        state.monitors.len() < before
    }

    fn owner(&self, _: PortId) -> PidToken {
        OWNER
    }

    fn caller(&self, _: PortId) -> PidToken {
        OWNER
    }

    fn set_control_binary(&self, port: PortId, binary: bool) {
        if let Some(state) = self.ports.lock().get_mut(&port) {
            state.control_binary = binary;
        }
    }

    /// Nor are there links.
    fn unlink_owner(&self, _: PortId) {}

    /// A bench has no processes that could own another port.
    fn open_sibling(&self, _: PortId, _: PidToken, _: Starter) -> Option<PortId> {
        None
    }
}
