//! Ports of the node, used by processes that run by hand.
//!
//! A test is the scheduler of its processes: it holds them running, calls BIFs for them and looks at what
//! they are sent.

use bytes::Bytes;
use parking_lot::Mutex;
use ports::{
    BadArg, Driver, DriverFactory, IoVec, OpenRequest, PidToken, PortHandle, StartError, Started,
    TermSpec,
};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};
use vm::atom::Atom;
use vm::bif::{BifFn, Call, Stop, Trap, iolist};
use vm::heap::{Heap, OwnedTerm};
use vm::process::flags::Flag;
use vm::process::hooks::{self, PortSent};
use vm::process::registry;
use vm::process::relations::{Monitor, Target};
use vm::process::signal::{ExitKind, Peer};
use vm::process::spawn::{self, Options};
use vm::process::{Process, Running};
use vm::term::{Kind, PortId, Term};

const PATIENCE: Duration = Duration::from_secs(20);

/// Two tests must not take each other's new processes.
static SPAWNING: Mutex<()> = Mutex::new(());

/// A process that the test holds running.
struct Actor(Running);

fn bif(module: &str, function: &str, arity: usize) -> BifFn {
    ports::bifs::tables()
        .into_iter()
        .flatten()
        .find(|bif| {
            bif.module == module && bif.function == function && usize::from(bif.arity) == arity
        })
        .expect("there is such a BIF")
        .run
}

/// A term as Erlang writes it, references without their numbers; strings are quoted.
fn print(term: Term<'_>) -> String {
    let all = |terms: &[Term<'_>]| {
        terms
            .iter()
            .map(|term| print(*term))
            .collect::<Vec<_>>()
            .join(",")
    };
    match term.kind() {
        Kind::Small(value) => value.to_string(),
        Kind::Atom(atom) => atom.name().to_owned(),
        Kind::Pid(pid) => format!("<{}>", pid.0),
        Kind::Port(port) => format!("#{}", port.0),
        Kind::Ref(_) => "Ref".to_owned(),
        Kind::Nil => "[]".to_owned(),
        Kind::Tuple(tuple) => format!("{{{}}}", all(tuple.elements())),
        Kind::Bits(bits) => format!("<<{}>>", String::from_utf8_lossy(&bits.aligned())),
        Kind::Cons(_) => match (iolist::to_vec(term), term.proper_list()) {
            (Ok(bytes), Some(_)) if bytes.iter().all(|byte| (32..127).contains(byte)) => {
                format!("\"{}\"", String::from_utf8_lossy(&bytes))
            }
            (_, Some(list)) => format!("[{}]", all(&list)),
            (_, None) => "improper".to_owned(),
        },
        _ => "?".to_owned(),
    }
}

impl Actor {
    fn new() -> Self {
        let _guard = SPAWNING.lock();
        let spawned = spawn::spawn(
            None,
            Atom::from_static("m"),
            Atom::from_static("f"),
            Term::NIL,
            Options::new(),
        );
        let pid = spawned.ok().expect("room for a process").start();
        let queued = hooks::take_early()
            .into_iter()
            .find(|queued| queued.shared().pid() == pid)
            .expect("it is ready");
        Self(queued.start())
    }

    fn trapping() -> Self {
        let actor = Self::new();
        actor.0.set_flag(Flag::TrapExit, true);
        actor
    }

    fn process(&self) -> &Process {
        &self.0
    }

    /// Calls a BIF; what it answers, or how it stopped, as text.
    fn call<const N: usize>(
        &self,
        module: &str,
        function: &str,
        args: impl for<'h> FnOnce(Heap<'h>) -> [Term<'h>; N],
    ) -> String {
        let args = args(self.0.heap());
        match bif(module, function, N)(Call::new(self.process(), &args)) {
            Ok(term) => print(term),
            Err(Stop::Raise(exception)) => format!("error:{}", print(exception.reason)),
            Err(Stop::Trap(trap)) => match *trap {
                Trap::Wait { .. } => "wait".to_owned(),
                _ => "trap".to_owned(),
            },
        }
    }

    /// `open_port`: the port, or the error.
    fn open(
        &self,
        name: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>,
        options: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>,
    ) -> Result<PortId, String> {
        let heap = self.0.heap();
        let args = [name(heap), options(heap)];
        match bif("erts_internal", "open_port", 2)(Call::new(self.process(), &args)) {
            Ok(term) => term.as_port().ok_or_else(|| print(term)),
            Err(_) => Err("exception".to_owned()),
        }
    }

    fn spawn(&self, command: &str, options: &[&str]) -> PortId {
        self.open(
            |heap| tagged(heap, "spawn", heap.string(command)),
            |heap| atoms(heap, options),
        )
        .expect("opens")
    }

    fn send(&self, port: PortId, message: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>) -> bool {
        let message = OwnedTerm::build(message);
        let ports = hooks::ports().expect("registered");
        matches!(
            ports.message(port, self.process(), message.term(), false),
            PortSent::Done
        )
    }

    fn send_command(&self, port: PortId, data: &[u8]) -> bool {
        let me = self.0.pid();
        self.send(port, |heap| {
            let command = tagged(heap, "command", heap.binary(data));
            heap.tuple(&[Term::pid(me), command])
        })
    }

    /// All messages so far, as text, with `P` for the port.
    fn messages(&self, port: PortId) -> Vec<String> {
        self.0.handle_signals();
        let port = print(Term::port(port));
        self.0
            .messages()
            .into_iter()
            .map(|message| print(message).replace(&port, "P"))
            .collect()
    }

    /// Waits until there are so many messages.
    fn wait_messages(&self, port: PortId, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let messages = self.messages(port);
            if messages.len() >= count || Instant::now() > deadline {
                return messages;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Forgets all messages.
    fn clear(&mut self) {
        while self.0.peek_message().is_some() {
            self.0.accept_message();
        }
    }

    fn info(&self, port: PortId, item: &str) -> String {
        let item = Atom::new(item).expect("short");
        self.call("erts_internal", "port_info", |_| {
            [Term::port(port), Term::atom(item)]
        })
    }
}

fn tagged<'h>(heap: Heap<'h>, tag: &str, value: Term<'h>) -> Term<'h> {
    heap.tuple(&[atom(tag), value])
}

fn atom<'h>(name: &str) -> Term<'h> {
    Term::atom(Atom::new(name).expect("short"))
}

fn atoms<'h>(heap: Heap<'h>, names: &[&str]) -> Term<'h> {
    heap.list_from(names.iter().map(|name| atom(name)))
}

/// A driver for tests: what it is told to do is the first byte of data.
struct Puppet(PortHandle);

struct MakesPuppets;

impl DriverFactory for MakesPuppets {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, _: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        port.post(|driver: &mut Puppet| driver.0.output_data("started"));
        Ok(Started::new(Puppet(port)).soft_busy())
    }
}

impl Driver for Puppet {
    fn output(&mut self, data: IoVec) {
        let data = data.into_bytes();
        match data.first() {
            Some(b'b') => self.0.set_busy(true),
            Some(b'f') => self.0.set_busy(false),
            Some(b'p') => panic!("as asked"),
            Some(b'x') => self.0.exit("because"),
            Some(b'm') => {
                let owner = self.0.owner();
                let _ = self.0.monitor(owner);
            }
            Some(b'c') => {
                let caller = self.0.caller();
                self.0.send_term(
                    caller,
                    TermSpec::Tuple(vec![TermSpec::Port, TermSpec::Pid(caller)]),
                );
            }
            Some(b't') => self.0.set_timer(Duration::from_millis(5)),
            _ => self.0.output_data(data),
        }
    }

    fn control(&mut self, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        self.0.set_control_binary(command == 2);
        if command == 0 {
            Err(BadArg)
        } else {
            Ok(Bytes::copy_from_slice(data))
        }
    }

    fn call(&mut self, _: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        Ok(Bytes::copy_from_slice(data))
    }

    fn timeout(&mut self) {
        self.0.output_data("timeout");
    }

    fn process_exit(&mut self, _: ports::MonitorId) {
        self.0.send_term(PidToken(0), TermSpec::atom("gone"));
    }
}

fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        assert!(
            ports::node::start(ports::node::Config {
                own_thread: true,
                ..Default::default()
            })
            .expect("starts")
        );
        ports::node::registry().add_driver("puppet", Arc::new(MakesPuppets));
    });
}

/// A process that traps exits, and its port on a puppet that has said that it is there.
fn puppet() -> (Actor, PortId) {
    start();
    let mut actor = Actor::trapping();
    let port = actor.spawn("puppet", &[]);
    assert_eq!(actor.wait_messages(port, 1), ["{P,{data,\"started\"}}"]);
    actor.clear();
    (actor, port)
}

#[test]
fn data_goes_through_a_program() {
    start();
    let mut actor = Actor::trapping();
    let port = actor.spawn("cat", &["binary"]);
    assert!(actor.send_command(port, b"hello"));
    assert_eq!(actor.wait_messages(port, 1), ["{P,{data,<<hello>>}}"]);
    assert_eq!(actor.info(port, "name"), "{name,\"cat\"}");
    assert_eq!(actor.info(port, "input"), "{input,5}");
    assert_eq!(actor.info(port, "output"), "{output,5}");
    assert_eq!(
        actor.info(port, "links"),
        format!("{{links,[<{}>]}}", actor.0.pid().0)
    );
    assert!(!actor.info(port, "os_pid").contains("undefined"));
    assert_eq!(actor.info(port, "registered_name"), "[]");
    assert_eq!(actor.info(port, "nonsense"), "badarg");
    actor.clear();
    let me = actor.0.pid();
    actor.send(port, |heap| heap.tuple(&[Term::pid(me), atom("close")]));
    assert_eq!(
        actor.wait_messages(port, 2),
        ["{EXIT,P,normal}", "{P,closed}"]
    );
    assert_eq!(actor.info(port, "name"), "undefined");
}

#[test]
fn the_end_of_a_program() {
    start();
    let mut actor = Actor::trapping();
    let port = actor.spawn("sh -c 'exit 3'", &["exit_status"]);
    assert_eq!(
        actor.wait_messages(port, 2),
        ["{P,{exit_status,3}}", "{EXIT,P,normal}"]
    );
    actor.clear();
    let port = actor.spawn("sh -c 'exit 3'", &["exit_status", "eof"]);
    let mut messages = actor.wait_messages(port, 2);
    messages.sort();
    assert_eq!(messages, ["{P,eof}", "{P,{exit_status,3}}"]);
    assert_eq!(
        actor.call("erts_internal", "port_close", |_| [Term::port(port)]),
        "true"
    );
}

#[test]
fn lines_and_packets() {
    start();
    let mut actor = Actor::trapping();
    let port = actor
        .open(
            |heap| {
                tagged(
                    heap,
                    "spawn",
                    heap.string("printf 'one\\ntwo is long\\nend'"),
                )
            },
            |heap| heap.list(&[tagged(heap, "line", Term::int(6)), atom("eof")]),
        )
        .expect("opens");
    assert_eq!(
        actor.wait_messages(port, 5),
        [
            "{P,{data,{eol,\"one\"}}}",
            "{P,{data,{noeol,\"two is\"}}}",
            "{P,{data,{eol,\" long\"}}}",
            "{P,{data,{noeol,\"end\"}}}",
            "{P,eof}"
        ]
    );
    actor.clear();
    let port = actor
        .open(
            |heap| tagged(heap, "spawn", heap.string("cat")),
            |heap| heap.list(&[tagged(heap, "packet", Term::int(2))]),
        )
        .expect("opens");
    actor.send_command(port, b"ab");
    actor.send_command(port, b"c");
    assert_eq!(
        actor.wait_messages(port, 2),
        ["{P,{data,\"ab\"}}", "{P,{data,\"c\"}}"]
    );
}

#[test]
fn what_cannot_be_opened() {
    start();
    let actor = Actor::new();
    let check = |name: &str, file: &str, options: &[&str], expected: &str| {
        let opened = actor.open(
            |heap| tagged(heap, name, heap.string(file)),
            |heap| atoms(heap, options),
        );
        assert_eq!(
            opened
                .map(|_| "opened".to_owned())
                .unwrap_or_else(|error| error),
            expected,
            "{name} {file}"
        );
    };
    check("spawn_driver", "nope", &[], "badarg");
    check("spawn_executable", "/nope", &[], "enoent");
    check("spawn", "cat", &["nonsense"], "badopt");
    check(
        "spawn",
        "cat",
        &["nouse_stdio", "stderr_to_stdout"],
        "badopt",
    );
    check("spawn", "", &[], "badarg");
    check("nonsense", "cat", &[], "badarg");
    let args = actor.open(
        |heap| tagged(heap, "spawn", heap.string("cat")),
        |heap| heap.list(&[tagged(heap, "args", Term::NIL)]),
    );
    assert_eq!(args, Err("badarg".to_owned()));
    assert_eq!(
        actor.open(|_| Term::int(7), |_| Term::NIL),
        Err("badarg".to_owned())
    );
    assert_eq!(
        actor.open(|_| Term::int(7), |_| Term::int(7)),
        Err("badopt".to_owned())
    );
}

#[test]
fn messages_that_a_port_does_not_understand() {
    let (actor, port) = puppet();
    let other = Actor::new();
    assert!(other.send_command(port, b"from another"));
    assert_eq!(actor.wait_messages(port, 1), ["{EXIT,P,badsig}"]);
    assert!(other.send(port, |_| Term::int(1)));
    let me = actor.0.pid();
    assert!(actor.send(port, |heap| {
        heap.tuple(&[Term::pid(me), tagged(heap, "command", Term::int(1))])
    }));
    assert!(actor.send(port, |heap| {
        heap.tuple(&[Term::pid(me), tagged(heap, "connect", Term::int(1))])
    }));
    assert_eq!(actor.wait_messages(port, 4).len(), 4);
    assert_eq!(
        actor.info(port, "connected"),
        format!("{{connected,<{}>}}", me.0)
    );
}

#[test]
fn other_owners() {
    let (actor, port) = puppet();
    let other = Actor::trapping();
    let (me, you) = (actor.0.pid(), other.0.pid());
    actor.send(port, |heap| {
        heap.tuple(&[Term::pid(me), tagged(heap, "connect", Term::pid(you))])
    });
    assert_eq!(actor.wait_messages(port, 1), ["{P,connected}"]);
    assert!(other.send_command(port, b"1"));
    assert_eq!(other.wait_messages(port, 1), ["{P,{data,\"1\"}}"]);
    // The BIF links the new owner, a message does not.
    assert_eq!(actor.info(port, "links"), format!("{{links,[<{}>]}}", me.0));
    let third = Actor::trapping();
    let connect = |to| actor.call("erts_internal", "port_connect", |_| [Term::port(port), to]);
    assert_eq!(connect(Term::pid(third.0.pid())), "true");
    assert_eq!(connect(Term::int(1)), "badarg");
    third.messages(port);
    assert!(third.0.relations().is_linked(Peer::Port(port)));
    // A linked process ends in peace; the owner's end is the port's.
    let ports = hooks::ports().expect("registered");
    ports.exit(port, Peer::Process(me), ExitKind::Link, atom("normal"));
    assert!(ports.exists(port));
    ports.exit(
        port,
        Peer::Process(third.0.pid()),
        ExitKind::Link,
        atom("normal"),
    );
    assert!(!ports.exists(port));
}

#[test]
fn links_and_monitors_end_with_the_port() {
    let (actor, port) = puppet();
    let ports = hooks::ports().expect("registered");
    let reference = vm::reference::next();
    let other = Actor::new();
    assert!(ports.monitor(port, other.0.pid(), reference, None));
    assert_eq!(
        actor.info(port, "monitored_by"),
        format!("{{monitored_by,[<{}>]}}", other.0.pid().0)
    );
    other.0.relations().add_monitor(
        reference,
        Monitor {
            target: Target::Port(Some(port), None),
            alias: None,
            tag: None,
        },
    );
    ports.exit(
        port,
        Peer::Process(other.0.pid()),
        ExitKind::Exit,
        atom("kill"),
    );
    assert_eq!(actor.wait_messages(port, 1), ["{EXIT,P,killed}"]);
    assert_eq!(other.wait_messages(port, 1), ["{DOWN,Ref,port,P,killed}"]);
    assert!(!ports.link(port, other.0.pid()));
    assert!(!ports.monitor(port, other.0.pid(), reference, None));
}

#[test]
fn unlinking() {
    let (actor, port) = puppet();
    let (me, peer) = (actor.0.pid(), Peer::Port(port));
    let ports = hooks::ports().expect("registered");
    let id = actor.0.relations().begin_unlink(peer).expect("linked");
    assert!(ports.unlink(port, me, id));
    assert_eq!(actor.info(port, "links"), "{links,[]}");
    actor.messages(port);
    actor.send_command(port, b"x");
    assert!(!ports.exists(port));
    assert_eq!(actor.messages(port), [""; 0]);
}

#[test]
fn names() {
    let (actor, port) = puppet();
    let name = Atom::from_static("a_port");
    registry::register(name, Peer::Port(port)).expect("free");
    assert_eq!(
        actor.info(port, "registered_name"),
        "{registered_name,a_port}"
    );
    assert_eq!(
        actor.call("erts_internal", "port_command", |_| [
            Term::atom(name),
            atoms_nil(),
            atoms_nil()
        ]),
        "true"
    );
    actor.send_command(port, b"x");
    assert!(registry::whereis(name).is_none());
    assert_eq!(
        actor.wait_messages(port, 1).pop().as_deref(),
        Some("{EXIT,P,because}")
    );
}

fn atoms_nil<'h>() -> Term<'h> {
    Term::NIL
}

#[test]
fn control_call_and_data() {
    let (actor, port) = puppet();
    let control = |number, data: &[u8]| {
        actor.call("erts_internal", "port_control", |heap| {
            [Term::port(port), Term::int(number), heap.binary(data)]
        })
    };
    assert_eq!(control(1, b"ab"), "\"ab\"");
    assert_eq!(control(2, b"ab"), "<<ab>>");
    assert_eq!(control(0, b"ab"), "badarg");
    assert_eq!(control(-1, b"ab"), "badarg");
    let call = |data| {
        actor.call("erts_internal", "port_call", |_| {
            [Term::port(port), Term::int(0), data]
        })
    };
    assert_eq!(call(atom("x")), "{ok,x}");
    let set = actor.call("erlang", "port_set_data", |heap| {
        [Term::port(port), tagged(heap, "a", Term::int(1))]
    });
    assert_eq!(set, "true");
    assert_eq!(
        actor.call("erlang", "port_get_data", |_| [Term::port(port)]),
        "{a,1}"
    );
    assert_eq!(
        actor.call("erlang", "port_get_data", |_| [atom("nobody")]),
        "error:badarg"
    );
}

#[test]
fn busy_ports_let_senders_wait() {
    let (actor, port) = puppet();
    assert!(actor.send_command(port, b"b"));
    assert!(!actor.send_command(port, b"1"));
    let command = |options: &[&str]| {
        actor.call("erts_internal", "port_command", |heap| {
            [Term::port(port), heap.binary(b"2"), atoms(heap, options)]
        })
    };
    assert_eq!(command(&["nosuspend"]), "false");
    assert_eq!(command(&["nonsense"]), "badopt");
    assert_eq!(command(&[]), "wait");
    assert!(!actor.0.has_signals());
    assert_eq!(command(&["force"]), "true");
    let free = actor.call("erts_internal", "port_command", |heap| {
        [Term::port(port), heap.binary(b"f"), atoms(heap, &["force"])]
    });
    assert_eq!(free, "true");
    assert!(actor.0.has_signals());
    assert_eq!(command(&[]), "true");
}

#[test]
fn timers_callers_and_crashes() {
    let (mut actor, port) = puppet();
    actor.send_command(port, b"t");
    assert_eq!(actor.wait_messages(port, 1), ["{P,{data,\"timeout\"}}"]);
    actor.clear();
    let other = Actor::new();
    other.call("erts_internal", "port_command", |heap| {
        [Term::port(port), heap.binary(b"c"), Term::NIL]
    });
    assert_eq!(
        other.wait_messages(port, 1),
        [format!("{{P,<{}>}}", other.0.pid().0)]
    );
    actor.send_command(port, b"p");
    assert_eq!(actor.wait_messages(port, 1), ["{EXIT,P,driver_crashed}"]);
}

#[test]
fn drivers_monitor_processes() {
    let (actor, port) = puppet();
    actor.send_command(port, b"m");
    assert_eq!(
        actor.info(port, "monitors"),
        format!("{{monitors,[{{process,<{}>}}]}}", actor.0.pid().0)
    );
    actor.messages(port);
    assert_eq!(actor.0.relations().monitored_by().len(), 1);
    actor.send_command(port, b"x");
    actor.messages(port);
    assert_eq!(actor.0.relations().monitored_by().len(), 0);
}

#[test]
fn many_senders_one_port() {
    let (actor, port) = puppet();
    let ports = hooks::ports().expect("registered");
    assert_eq!(
        actor.call("erts_internal", "port_connect", |_| [
            Term::port(port),
            Term::pid(actor.0.pid())
        ]),
        "true"
    );
    const EACH: usize = 500;
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            let owner = actor.0.pid();
            scope.spawn(move || {
                let me = Actor::new();
                for _ in 0..EACH {
                    me.send(port, |heap| {
                        heap.tuple(&[
                            Term::pid(owner),
                            tagged(heap, "command", heap.binary(&[b'0' + thread])),
                        ])
                    });
                }
            });
        }
    });
    assert_eq!(actor.wait_messages(port, 4 * EACH).len(), 4 * EACH);
    assert!(ports.exists(port));
}
