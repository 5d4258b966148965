//! The ports of this node: the table, what the schedulers poll for it, the driver threads.

#![forbid(unsafe_code)]

use crate::drivers::forker::Forker;
use crate::halt::{Halting, PortsHalt};
use crate::handle::{Event, Host, PortHandle, PortId, Starter};
use crate::hooks::NodePorts;
use crate::host::NodeHost;
use crate::instance::Instance;
use crate::open::{Command, OpenOptions, OpenRequest};
use crate::poller::{Poller, Ready};
use crate::pool::Pool;
use crate::port::{Op, Port, Settings};
use crate::registry::Registry;
use crate::selection;
use crate::table::{self, Table};
use crate::timers::Timers;
use crate::{DriverFactory, StartError};
use parking_lot::Mutex;
use scheduler::poll::Polls;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use vm::atom::well_known as w;
use vm::bif::{debug_state, system_info};
use vm::heap::OwnedTerm;
use vm::process::hooks;
use vm::process::signal::{self, ExitKind, Peer, Signal};
use vm::term::{Pid, Term};

/// How the ports of a node are to be.
pub struct Config {
    /// How many there may be (`+Q`).
    pub limit: usize,
    /// How many driver threads there may be (`+A`); drivers that stand for programs block them.
    pub threads: usize,
    /// Which drivers there are.
    pub registry: Registry,
    /// Whether file names are Latin-1 instead of UTF-8 (`+fnl`).
    pub latin1_names: bool,
    /// Whether a thread of its own polls: where there are no schedulers.
    pub own_thread: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limit: table::DEFAULT_LIMIT,
            threads: 64,
            registry: Registry::standard(),
            latin1_names: false,
            own_thread: false,
        }
    }
}

/// The ports of this node.
pub(crate) struct Node {
    table: Table,
    poller: Poller,
    pool: Pool,
    timers: Timers,
    registry: Registry,
    halting: Halting,
    host: Arc<dyn Host>,
    latin1_names: bool,
    /// Held while nothing is to be reported to drivers.
    pause: Mutex<()>,
}

static NODE: OnceLock<Node> = OnceLock::new();

/// Why a port was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// There are too many.
    Full,
    /// There is no such driver.
    NoDriver,
    /// The driver did not start.
    Start(StartError),
}

/// Starts the ports of this node: what the schedulers poll, and the port that stands for the helper which
/// starts programs. Once; false the second time.
///
/// # Errors
/// The system gives no poller or no thread.
pub fn start(config: Config) -> std::io::Result<bool> {
    let own_thread = config.own_thread;
    let fresh = Node {
        table: Table::new(config.limit),
        poller: Poller::new(report)?,
        pool: Pool::new(config.threads),
        timers: Timers::default(),
        registry: config.registry,
        halting: Halting::default(),
        host: Arc::new(NodeHost),
        latin1_names: config.latin1_names,
        pause: Mutex::new(()),
    };
    if NODE.set(fresh).is_err() {
        return Ok(false);
    }
    hooks::set_ports(&NodePorts);
    scheduler::halt::at_halt(&PortsHalt);
    scheduler::halt::set_last(crate::programs::heart::node_ends);
    system_info::provide(|_, item| match item.name() {
        "port_count" => Some(Term::size(count())),
        "port_limit" => Some(Term::size(limit())),
        _ => None,
    });
    debug_state::provide(|call, key, value| {
        if key.as_atom().is_none_or(|key| key.name() != "next_port") {
            return None;
        }
        let table = &node().table;
        if let Some(value) = value {
            table.set_next(value.as_u64()?);
        }
        Some(Ok(call.heap.unsigned(table.next())))
    });
    let forker = OpenRequest {
        command: Command::SpawnDriver(b"forker".to_vec()),
        options: OpenOptions::default(),
    };
    let settings = Settings::new(b"forker".to_vec());
    // The table is empty and the driver does nothing.
    let _ = node().open(&Forker, &forker, Pid(0), settings, |_, _| ());
    if own_thread {
        std::thread::Builder::new().name("poll".into()).spawn(|| {
            loop {
                NodePolls.wait(None);
            }
        })?;
    } else {
        scheduler::poll::set(&NodePolls);
    }
    Ok(true)
}

/// The ports of this node; started, if nobody has done so (in tests).
pub(crate) fn node() -> &'static Node {
    if let Some(node) = NODE.get() {
        return node;
    }
    let config = Config {
        own_thread: true,
        ..Config::default()
    };
    start(config).expect("the system has a poller and a thread to spare");
    NODE.get().expect("it was just started")
}

/// How many ports there may be.
#[must_use]
pub fn limit() -> usize {
    node().table.limit()
}

/// How many ports there are.
#[must_use]
pub fn count() -> usize {
    node().table.count()
}

/// The drivers: users add theirs here.
#[must_use]
pub fn registry() -> &'static Registry {
    &node().registry
}

/// How the schedulers wait for what ports wait for: descriptors and timers.
struct NodePolls;

impl NodePolls {
    /// Runs the timers that are due; how long until the next, and whether there was one.
    fn timers(&self) -> (Option<Duration>, bool) {
        let (due, next) = node().timers.due();
        let some = !due.is_empty();
        for port in due {
            node().post(port, Event::Timeout);
        }
        (next, some)
    }
}

impl Polls for NodePolls {
    fn wait(&self, limit: Option<Duration>) {
        let (next, some) = self.timers();
        if some {
            return;
        }
        let limit = next.into_iter().chain(limit).min();
        match node().poller.poll(limit) {
            Ok(_) => {
                self.timers();
            }
            // Nothing can be done but to try again, not too often.
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }

    fn look(&self) -> bool {
        let reported = node().poller.look();
        let (_, some) = self.timers();
        reported || some
    }

    fn wake(&self) {
        node().poller.wake();
    }
}

fn report(ready: Ready) {
    if selection::report(ready.key, ready.what) {
        return;
    }
    let node = node();
    drop(node.pause.lock());
    let port = PortId(ready.key);
    if ready.what.read {
        node.post(port, Event::ReadyInput(ready.fd));
    }
    if ready.what.write {
        node.post(port, Event::ReadyOutput(ready.fd));
    }
}

impl Node {
    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The poller.
    pub fn poller(&self) -> &Poller {
        &self.poller
    }

    /// The driver threads.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The timers.
    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// What the node waits for when it halts.
    pub fn halting(&self) -> &Halting {
        &self.halting
    }

    /// While this lock is held, no descriptor is reported to a driver.
    pub fn pause(&self) -> &Mutex<()> {
        &self.pause
    }

    /// Whether file names are Latin-1.
    pub fn latin1_names(&self) -> bool {
        self.latin1_names
    }

    /// Brings an event to a port's driver.
    pub fn post(&self, port: PortId, event: Event) {
        if let Some(port) = self.table.get(port) {
            port.submit(Op::Event(event));
        }
    }

    /// Whatever driver serves a command.
    pub fn driver(&self, command: &Command) -> Option<Arc<dyn DriverFactory>> {
        self.registry.find(command)
    }

    /// Opens a port on a driver that may block, on a driver thread. The owner is another process than the one
    /// that runs, and hears of the link by a signal.
    pub fn open_beside(
        &self,
        factory: &dyn DriverFactory,
        request: &OpenRequest,
        owner: Pid,
        mut settings: Settings,
    ) -> Result<Arc<Port>, NotOpened> {
        settings.beside = true;
        let mut is_there = true;
        let port = self.open(factory, request, owner, settings, |id, port| {
            port.link(owner);
            let link = Signal::Link {
                from: Peer::Port(vm::term::PortId(id.0)),
            };
            is_there = signal::send(owner, link).is_ok();
        })?;
        if !is_there {
            port.submit(Op::Exit {
                from: Peer::Process(owner),
                kind: ExitKind::Link,
                reason: OwnedTerm::message_of(Term::atom(w::NOPROC)),
            });
        }
        Ok(port)
    }

    /// Opens a port for a process other than the running one. None when there are too many, or when the
    /// process has ended.
    pub fn open_linked(&self, owner: Pid, settings: Settings, start: Starter) -> Option<PortId> {
        let port = self.table.add(|id| Port::new(id, owner, settings))?;
        let id = port.id();
        port.link(owner);
        let link = Signal::Link {
            from: Peer::Port(vm::term::PortId(id.0)),
        };
        if signal::send(owner, link).is_err() {
            self.table.remove(id);
            return None;
        }
        let handle = PortHandle::new(Arc::clone(&self.host), id);
        let opened = port.open(
            || Ok::<_, StartError>(Instance::from_started(start(handle))),
            || (),
        );
        opened.ok().map(|()| id)
    }

    /// Opens a port. `opened` runs before anything can happen to it.
    pub fn open(
        &self,
        factory: &dyn DriverFactory,
        request: &OpenRequest,
        owner: Pid,
        settings: Settings,
        opened: impl FnOnce(PortId, &Port),
    ) -> Result<Arc<Port>, NotOpened> {
        let port = self
            .table
            .add(|id| Port::new(id, owner, settings))
            .ok_or(NotOpened::Full)?;
        let id = port.id();
        let start = || {
            Instance::start(
                factory,
                request,
                PortHandle::new(Arc::clone(&self.host), id),
            )
        };
        match port.open(start, || opened(id, &port)) {
            Ok(()) => Ok(port),
            Err(error) => {
                self.table.remove(id);
                self.timers.set(id, None);
                Err(NotOpened::Start(error))
            }
        }
    }
}
