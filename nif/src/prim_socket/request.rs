//! Processes that wait for a socket.
//!
//! Of the readers, the acceptors and the writers one each is current: the one whose call the system could not
//! serve yet, and who is told when it can. Others queue; when the current one is done, or dead, or cancels,
//! the next becomes current and is told when it may try.

use std::collections::VecDeque;

use ports::Readiness;
use rustix::io::Errno;
use vm::bif::{BifResult, Call, Stop, badarg, error_term};
use vm::heap::{Heap, OwnedTerm};
use vm::process::signal;
use vm::term::{Pid, Term};

use super::socket::{Socket, State};
use super::{atom, caller, closed, is_ref, socket};
use crate::owners::Watch;

/// A message that waits for readiness.
pub(super) struct Wait {
    to: Pid,
    message: OwnedTerm,
}

impl Wait {
    /// Sends it.
    pub fn tell(self) {
        // A process that is dead does not mind.
        signal::send_message(self.to, self.message);
    }
}

/// One that waits.
pub(super) struct Requestor {
    pub pid: Pid,
    /// What it knows its call by.
    pub reference: OwnedTerm,
    /// Not needed while it owns the socket.
    pub watch: Option<Watch>,
}

impl Requestor {
    /// The calling process.
    pub fn new(socket: &Socket, state: &State, pid: Pid, reference: Term<'_>) -> Self {
        let owns = state.owner.as_ref().is_some_and(|(owner, _)| *owner == pid);
        Self {
            pid,
            reference: OwnedTerm::copy_of(reference),
            watch: (!owns).then(|| socket.watch(pid)),
        }
    }

    fn is(&self, pid: Pid, reference: Term<'_>) -> bool {
        self.pid == pid && self.reference.term().exactly_equals(reference)
    }

    /// Tells it that its call came to nothing.
    fn abort(self, socket: &Socket, reason: Term<'_>) {
        let reference = self.reference.term();
        let message = socket.message("abort", |heap| {
            heap.tuple(&[heap.copy_message(reference), heap.copy_message(reason)])
        });
        signal::send_message(self.pid, message);
    }
}

/// Those that wait for the same.
#[derive(Default)]
pub(super) struct Requests {
    pub current: Option<Requestor>,
    pub queue: VecDeque<Requestor>,
}

impl Requests {
    /// One alone.
    pub fn of(current: Option<Requestor>) -> Self {
        Self {
            current,
            queue: VecDeque::new(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self.current {
            Some(_) => 1 + self.queue.len(),
            None => 0,
        }
    }

    /// Whether another than this process is current.
    pub fn is_other(&self, pid: Pid) -> bool {
        self.current
            .as_ref()
            .is_some_and(|current| current.pid != pid)
    }

    pub fn queues(&self, pid: Pid) -> bool {
        self.queue.iter().any(|requestor| requestor.pid == pid)
    }

    /// Tells all; the current one only where it will not be told of readiness.
    pub fn abort_all(self, socket: &Socket, current: bool, reason: Term<'_>) {
        for requestor in self.current.into_iter().filter(|_| current) {
            requestor.abort(socket, reason);
        }
        for requestor in self.queue {
            requestor.abort(socket, reason);
        }
    }
}

/// Which requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Acceptor,
    Writer,
}

impl Role {
    fn readiness(self) -> Readiness {
        match self {
            Role::Writer => Readiness::WRITE,
            _ => Readiness::READ,
        }
    }
}

impl State {
    pub fn requests(&mut self, role: Role) -> &mut Requests {
        match role {
            Role::Reader => &mut self.readers,
            Role::Acceptor => &mut self.acceptors,
            Role::Writer => &mut self.writers,
        }
    }
}

impl Socket {
    /// What a call that others may be in front of comes to: none where it may go on, else its result.
    pub fn check<'p>(
        &self,
        call: Call<'p>,
        state: &mut State,
        role: Role,
        reference: Term<'p>,
    ) -> Option<BifResult<'p>> {
        let me = caller(call);
        if !state.requests(role).is_other(me) {
            return None;
        }
        if state.requests(role).queues(me) {
            return Some(Err(super::raise_invalid(call.heap, atom("state"))));
        }
        if reference.is_atom(vm::atom!("zero")) {
            return None;
        }
        let requestor = Requestor::new(self, state, me, reference);
        state.requests(role).queue.push_back(requestor);
        Some(Ok(atom("select")))
    }

    /// Makes the caller the current one.
    pub fn make_current(&self, state: &mut State, role: Role, pid: Pid, reference: Term<'_>) {
        if let Some(current) = &mut state.requests(role).current {
            current.reference = OwnedTerm::copy_of(reference);
        } else {
            let requestor = Requestor::new(self, state, pid, reference);
            state.requests(role).current = Some(requestor);
        }
    }

    /// Has a process told when the socket is ready.
    pub fn wait(
        &self,
        state: &mut State,
        what: Readiness,
        pid: Pid,
        reference: Term<'_>,
    ) -> Result<(), Errno> {
        let message = self.message("select", |heap| heap.copy_message(reference));
        let wait = Wait { to: pid, message };
        // In its place first: the report may come at once, and then waits for the lock.
        if what.write {
            state.write_wait = Some(wait);
        } else {
            state.read_wait = Some(wait);
        }
        let selected = self.select(state, what);
        match (&selected, what.write) {
            (Ok(()), true) => state.write.selected = true,
            (Ok(()), false) => state.read.selected = true,
            (Err(_), true) => state.write_wait = None,
            (Err(_), false) => state.read_wait = None,
        }
        selected
    }

    /// The current one is done: the next is told when it may try.
    pub fn next(&self, state: &mut State, role: Role) {
        state.requests(role).current = None;
        while let Some(next) = state.requests(role).queue.pop_front() {
            let waits = self.wait(state, role.readiness(), next.pid, next.reference.term());
            match waits {
                Ok(()) => {
                    state.requests(role).current = Some(next);
                    return;
                }
                Err(error) => {
                    let reason = OwnedTerm::build(|heap| {
                        heap.tuple(&[
                            atom("select_failed"),
                            Term::int(error.raw_os_error().wrapping_neg()),
                        ])
                    });
                    next.abort(self, reason.term());
                }
            }
        }
        if role == Role::Acceptor {
            state.read.accepting = false;
        }
    }

    /// The current one failed: so do all.
    pub fn fail(&self, state: &mut State, role: Role, reason: Term<'_>) {
        std::mem::take(state.requests(role)).abort_all(self, false, reason);
    }

    /// A process is dead: it waits no more.
    pub fn forget(&self, state: &mut State, pid: Pid) {
        if state
            .connector
            .as_ref()
            .is_some_and(|connector| connector.pid == pid)
        {
            state.connector = None;
            state.write.connecting = false;
        }
        for role in [Role::Reader, Role::Acceptor, Role::Writer] {
            let requests = state.requests(role);
            requests.queue.retain(|requestor| requestor.pid != pid);
            if requests
                .current
                .as_ref()
                .is_some_and(|current| current.pid == pid)
            {
                self.next(state, role);
            }
        }
    }

    /// Gives each request of the owner that was a watch of its own.
    pub fn watch_requests(&self, state: &mut State, pid: Pid) {
        let (readers, acceptors) = (&mut state.readers, &mut state.acceptors);
        let all = [readers, acceptors, &mut state.writers]
            .into_iter()
            .flat_map(|requests| requests.current.iter_mut().chain(&mut requests.queue))
            .chain(&mut state.connector);
        for requestor in all.filter(|requestor| requestor.pid == pid && requestor.watch.is_none()) {
            requestor.watch = Some(self.watch(pid));
        }
    }

    /// Takes a wish for readiness back: `ok`, or `select_sent` where that was told already.
    fn unselect(&self, state: &mut State, what: Readiness) -> Term<'static> {
        let waited = match what.write {
            true => state.write_wait.take(),
            false => state.read_wait.take(),
        };
        match waited {
            Some(_) => {
                self.deselect(state, what);
                Term::OK
            }
            None => atom("select_sent"),
        }
    }
}

/// What the poller refuses, as the stock VM raises it: `{select_read, Number}`.
pub(super) fn not_selected<'h>(heap: Heap<'h>, what: &'static str, error: Errno) -> Stop<'h> {
    let number = Term::int(error.raw_os_error().wrapping_neg());
    error_term(heap.tuple(&[atom(what), number]))
}

pub(super) fn cancel_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let socket = socket(call)?;
    let reference = call.arg(2);
    let Some(operation) = call.arg(1).as_atom().filter(|_| is_ref(reference)) else {
        return Err(badarg());
    };
    let mut state = socket.lock();
    if !state.read.is_open() {
        return Ok(closed(call.heap));
    }
    let role = match operation.name() {
        "connect" => return Ok(cancel_connect(socket, &mut state, caller(call), reference)),
        "accept" => Role::Acceptor,
        "recv" | "recvfrom" | "recvmsg" => Role::Reader,
        "send" | "sendto" | "sendmsg" | "sendfile" => Role::Writer,
        _ => return Err(badarg()),
    };
    Ok(cancel(socket, &mut state, role, caller(call), reference))
}

fn cancel_connect(
    socket: &Socket,
    state: &mut State,
    me: Pid,
    reference: Term<'_>,
) -> Term<'static> {
    match &state.connector {
        Some(connector) if connector.is(me, reference) => {
            let result = socket.unselect(state, Readiness::WRITE);
            state.connector = None;
            state.write.connecting = false;
            result
        }
        _ => atom("not_found"),
    }
}

fn cancel(
    socket: &Socket,
    state: &mut State,
    role: Role,
    me: Pid,
    reference: Term<'_>,
) -> Term<'static> {
    let requests = state.requests(role);
    match &requests.current {
        Some(current) if current.is(me, reference) => {
            let result = socket.unselect(state, role.readiness());
            socket.next(state, role);
            result
        }
        Some(current) if current.pid != me => {
            let before = requests.queue.len();
            requests
                .queue
                .retain(|requestor| !requestor.is(me, reference));
            match requests.queue.len() < before {
                true => Term::OK,
                false => atom("not_found"),
            }
        }
        _ => atom("not_found"),
    }
}
