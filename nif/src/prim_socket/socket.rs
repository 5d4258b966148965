//! A socket: what belongs to it, and how it ends.
//!
//! [`Socket`] is what a socket reference stands for. All that changes is in its [`State`], behind one lock,
//! which is held over system calls that do not wait. It ends by `close`, then `finalize_close` of the same
//! process, or with its owner; whoever waits for it is told `closed`. The descriptor is shared with work that
//! uses it outside the lock, so that its number is not given anew meanwhile.
//!
//! Locks: a socket's state (rank 1), before those of the poller and of the watches.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use ports::Readiness;
use ports::selection::{Selection, Selector};
use rustix::io::Errno;
use scheduler::dirty;
use vm::bif::{BifResult, Call};
use vm::heap::{Heap, OwnedTerm};
use vm::process::signal;
use vm::reference;
use vm::term::{Pid, Term};

use super::info::{self, Counters, SendfileCounters};
use super::request::{Requestor, Requests, Wait};
use super::{atom, caller, closed, raise_invalid, socket};
use crate::blocking::{self, Reply};
use crate::owners::{self, Owned, Watch};

/// Bytes received at once where no number is given.
const RECEIVE: usize = 8 << 10;
/// Bytes for control messages.
const CONTROL: usize = 1 << 10;

/// What happened to one direction of a socket; shown by `socket:info/1` in this order.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub bound: bool,
    pub listening: bool,
    pub accepting: bool,
    pub connecting: bool,
    pub connected: bool,
    pub selected: bool,
    pub closing: bool,
    pub closed: bool,
}

impl Flags {
    /// Neither closed nor about to be.
    pub fn is_open(self) -> bool {
        !self.closing && !self.closed
    }
}

/// A descriptor, closed in the end unless it was lent.
pub(super) struct Descriptor {
    fd: Option<OwnedFd>,
    close: bool,
}

impl Descriptor {
    pub fn new(fd: OwnedFd, close: bool) -> Self {
        Self {
            fd: Some(fd),
            close,
        }
    }
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let fd = self.fd.as_ref();
        fd.expect("a descriptor is there until it is dropped")
            .as_fd()
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if !self.close
            && let Some(fd) = self.fd.take()
        {
            // It was lent: whoever lent it closes it.
            let _ = fd.into_raw_fd();
        }
    }
}

/// What a socket is from the start.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    /// `AF_…`.
    pub domain: i32,
    /// `SOCK_…`.
    pub kind: i32,
    /// `IPPROTO_…`.
    pub protocol: i32,
    /// The descriptor that it was made from.
    pub original: Option<RawFd>,
    /// Whether closing it closes its descriptor.
    pub close: bool,
}

/// A socket.
pub(super) struct Socket {
    me: Weak<Socket>,
    /// The number of its reference.
    number: [u64; 2],
    pub facts: Facts,
    selection: Selection,
    state: Mutex<State>,
}

/// What of a socket changes.
pub(super) struct State {
    /// None once it is closed.
    pub fd: Option<Arc<Descriptor>>,
    pub read: Flags,
    pub write: Flags,
    pub owner: Option<(Pid, Watch)>,
    /// Who called `close` and is to finish it; with a watch of its own if it is not the owner.
    pub closer: Option<(Pid, Option<Watch>)>,
    pub readers: Requests,
    pub acceptors: Requests,
    pub writers: Requests,
    pub connector: Option<Requestor>,
    /// The messages that tell of readiness, not yet sent.
    pub read_wait: Option<Wait>,
    pub write_wait: Option<Wait>,
    pub counters: Counters,
    /// The file that is being sent.
    pub sendfile: Option<OwnedFd>,
    pub sendfile_counters: Option<SendfileCounters>,
    pub settings: Settings,
    /// How many full buffers were received in a row.
    pub full_buffers: u32,
    /// Any term of the owner's.
    pub meta: OwnedTerm,
}

/// Settings that an accepted socket has from the one that listens.
#[derive(Clone)]
pub(super) struct Settings {
    /// Bytes received at once.
    pub receive: usize,
    /// How often in a row, at most.
    pub receive_count: u32,
    /// Bytes for received control messages.
    pub receive_control: usize,
    /// Bytes for control messages to send.
    pub send_control: usize,
    /// Kept and told, as counters do not wrap.
    pub tell_wraps: bool,
    pub debug: bool,
    pub registered: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            receive: RECEIVE,
            receive_count: 0,
            receive_control: CONTROL,
            send_control: CONTROL,
            tell_wraps: false,
            debug: false,
            registered: true,
        }
    }
}

/// A new socket of the calling process; its reference.
pub(super) fn create<'p>(
    call: Call<'p>,
    descriptor: Descriptor,
    facts: Facts,
    settings: Settings,
    connected: bool,
) -> Term<'p> {
    let owner = caller(call);
    let socket = Arc::new_cyclic(|me: &Weak<Socket>| {
        let selector: Weak<dyn Selector> = me.clone();
        let watched: Weak<dyn Owned> = me.clone();
        Socket {
            me: me.clone(),
            number: reference::next(),
            facts,
            selection: Selection::new(selector),
            state: Mutex::new(State {
                fd: Some(Arc::new(descriptor)),
                read: Flags::default(),
                write: Flags {
                    connected,
                    ..Flags::default()
                },
                owner: Some((owner, owners::watch(owner, watched))),
                closer: None,
                readers: Requests::default(),
                acceptors: Requests::default(),
                writers: Requests::default(),
                connector: None,
                read_wait: None,
                write_wait: None,
                counters: Counters::default(),
                sendfile: None,
                sendfile_counters: None,
                settings,
                full_buffers: 0,
                meta: OwnedTerm::immediate(atom("undefined")),
            }),
        }
    });
    if socket.lock().settings.registered {
        socket.tell_registry("add");
    }
    socket.term(call.heap)
}

impl Socket {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// For work that goes on outside of a call.
    pub fn shared(&self) -> Option<Arc<Socket>> {
        self.me.upgrade()
    }

    /// The reference that stands for it.
    pub fn term<'h>(&self, heap: Heap<'h>) -> Term<'h> {
        match self.me.upgrade() {
            Some(me) => heap.magic_ref(me, self.number),
            // It is being dropped: nobody holds its reference any more.
            None => heap.reference(self.number),
        }
    }

    /// `{'$socket', Ref}`.
    fn socket_term<'h>(&self, heap: Heap<'h>) -> Term<'h> {
        heap.tuple(&[atom("$socket"), self.term(heap)])
    }

    /// `{'$socket', Socket, Tag, Info}`.
    pub fn message(
        &self,
        tag: &'static str,
        info: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>,
    ) -> OwnedTerm {
        OwnedTerm::build(|heap| {
            let info = info(heap);
            heap.tuple(&[atom("$socket"), self.socket_term(heap), atom(tag), info])
        })
    }

    /// Sends `{'$socket', Tag, Socket}` to the registry of sockets.
    pub fn tell_registry(&self, tag: &'static str) {
        let Some(registry) = info::registry() else {
            return;
        };
        let message = OwnedTerm::build(|heap| {
            heap.tuple(&[atom("$socket"), atom(tag), self.socket_term(heap)])
        });
        // The registry lives as long as the node.
        signal::send_message(registry, message);
    }

    /// Watches a process for this socket.
    pub fn watch(&self, process: Pid) -> Watch {
        let me: Weak<dyn Owned> = self.me.clone();
        owners::watch(process, me)
    }

    /// Asks the poller for one report.
    pub fn select(&self, state: &State, what: Readiness) -> Result<(), Errno> {
        let fd = state.fd.as_ref().ok_or(Errno::BADF)?;
        let fd = fd.as_fd().as_raw_fd();
        self.selection
            .select(fd, what)
            .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }

    pub fn deselect(&self, state: &State, what: Readiness) {
        if let Some(fd) = &state.fd {
            self.selection.deselect(fd.as_fd().as_raw_fd(), what);
        }
    }

    /// Takes the socket from the poller, and tells whoever waits.
    pub fn stop(&self, state: &mut State) {
        self.deselect(state, Readiness::BOTH);
        let told = |wait: Option<Wait>| wait.is_some();
        let (write, read) = (told(state.write_wait.take()), told(state.read_wait.take()));
        let connector = state.connector.take();
        for (requests, selected) in [
            (std::mem::take(&mut state.writers), write),
            (Requests::of(connector), write),
            (std::mem::take(&mut state.readers), read),
            (std::mem::take(&mut state.acceptors), read),
        ] {
            requests.abort_all(self, selected, atom("closed"));
        }
    }

    /// Takes the descriptor out, to be closed by the caller.
    fn end(&self, state: &mut State) -> Option<Arc<Descriptor>> {
        let fd = state.fd.take()?;
        state.read.closed = true;
        state.write.closed = true;
        info::socket_ended(self.facts);
        state.meta = OwnedTerm::immediate(atom("undefined"));
        if state.settings.registered {
            self.tell_registry("del");
        }
        Some(fd)
    }

    /// Closes the socket of a process that is dead. What may wait is done by another thread.
    pub fn end_orphaned(&self, state: &mut State) {
        let file = state.sendfile.take();
        if let Some(fd) = self.end(state) {
            if lingers(&fd) {
                dirty::detach(dirty::Kind::Io, move || drop(fd));
            } else {
                drop(fd);
            }
        }
        drop(file);
    }
}

/// Whether closing a descriptor may wait for its data to be sent.
fn lingers(fd: &Descriptor) -> bool {
    fd.close && matches!(rustix::net::sockopt::socket_linger(fd), Ok(Some(time)) if !time.is_zero())
}

impl Selector for Socket {
    fn ready(&self, what: Readiness) {
        let mut state = self.lock();
        let read = what.read.then(|| state.read_wait.take()).flatten();
        let write = what.write.then(|| state.write_wait.take()).flatten();
        drop(state);
        for wait in [read, write].into_iter().flatten() {
            wait.tell();
        }
    }
}

impl Owned for Socket {
    fn owner_died(&self, process: Pid) {
        let mut state = self.lock();
        let state = &mut *state;
        let owner = state.owner.as_ref().is_some_and(|(pid, _)| *pid == process);
        if owner {
            state.owner = None;
        }
        if state
            .closer
            .as_ref()
            .is_some_and(|(pid, _)| *pid == process)
        {
            state.closer = None;
            self.end_orphaned(state);
        } else if owner && state.read.is_open() {
            self.stop(state);
            state.read.closing = true;
            state.write.closing = true;
            self.end_orphaned(state);
        } else if !state.read.closed {
            self.forget(state, process);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if let Some(fd) = state.fd.take() {
            self.selection
                .deselect(fd.as_fd().as_raw_fd(), Readiness::BOTH);
            info::socket_ended(self.facts);
        }
    }
}

pub(super) fn close_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let socket = socket(call)?;
    let mut state = socket.lock();
    if !state.read.is_open() {
        return Ok(closed(call.heap));
    }
    let closer = caller(call);
    let is_owner = state.owner.as_ref().is_some_and(|(pid, _)| *pid == closer);
    let watch = (!is_owner).then(|| socket.watch(closer));
    state.closer = Some((closer, watch));
    state.read.closing = true;
    state.write.closing = true;
    socket.stop(&mut state);
    Ok(Term::OK)
}

pub(super) fn finalize_close_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let socket = socket(call)?;
    let mut state = socket.lock();
    if state.read.closed {
        return Ok(closed(call.heap));
    }
    let is_closer = state
        .closer
        .as_ref()
        .is_some_and(|(pid, _)| *pid == caller(call));
    if !state.read.closing || !is_closer {
        return Err(raise_invalid(call.heap, atom("state")));
    }
    state.closer = None;
    state.owner = None;
    let file = state.sendfile.take();
    let fd = socket.end(&mut state);
    drop(state);
    drop(file);
    match fd {
        Some(fd) if lingers(&fd) => blocking::start(call, move || -> Reply {
            drop(fd);
            Box::new(|_| Ok(Term::OK))
        }),
        fd => {
            drop(fd);
            Ok(Term::OK)
        }
    }
}
