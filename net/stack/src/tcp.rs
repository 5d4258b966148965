//! TCP sockets: connecting, listening with a backlog, sending and receiving.
//!
//! smoltcp's sockets have no backlog: a listener keeps a pool of listening sockets, and each that a
//! connection has taken goes to the accept queue and is replaced.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::Duration;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use crate::changes::waker;
use crate::link::Nic;
use crate::stack::{Id, Protocol, Ready, Socket, Stack};
use crate::{Error, Result};

/// A TCP socket of the program.
pub(crate) struct Tcp {
    v6: bool,
    v6_only: bool,
    reuse: bool,
    local: IpListenEndpoint,
    role: Role,
    no_delay: bool,
    keep_alive: Option<Duration>,
    hop_limit: Option<u8>,
    user_timeout: Option<Duration>,
}

enum Role {
    Idle,
    Listener(Listener),
    Connecting(SocketHandle),
    Connected(Connection),
    /// A connection that failed, with the error to tell once.
    Failed(Option<Error>),
}

struct Connection {
    handle: SocketHandle,
    sent_fin: bool,
    read_shut: bool,
    told_reset: bool,
    peer: Option<IpEndpoint>,
    own: Option<IpEndpoint>,
}

struct Listener {
    pool: Vec<SocketHandle>,
    queue: VecDeque<SocketHandle>,
    backlog: usize,
}

/// Listening sockets that wait for a first packet, at most.
const POOL_MAX: usize = 8;
/// How long a connection attempt goes on.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(127);
/// Closed connections that are remembered, at most.
const ORPHANS_MAX: usize = 512;

/// A setting of a TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// Send small segments at once.
    NoDelay(bool),
    /// Probe an idle peer, with this interval in seconds.
    KeepAlive(Option<u32>),
    /// Hop limit.
    HopLimit(Option<u8>),
    /// Bind to a port that is in use.
    Reuse(bool),
    /// An IPv6 socket takes no IPv4 connections.
    V6Only(bool),
    /// Give up on an unanswering peer after milliseconds.
    UserTimeout(Option<u32>),
}

impl<N: Nic> Stack<N> {
    /// A new socket.
    pub fn tcp_open(&mut self, v6: bool) -> Result<Id> {
        self.insert(Socket::Tcp(Tcp {
            v6,
            v6_only: false,
            reuse: false,
            local: IpListenEndpoint {
                addr: None,
                port: 0,
            },
            role: Role::Idle,
            no_delay: false,
            keep_alive: None,
            hop_limit: None,
            user_timeout: None,
        }))
    }

    pub(crate) fn tcp(&mut self, id: Id) -> Result<&mut Tcp> {
        match self.sockets.get_mut(id) {
            Some(Some(Socket::Tcp(tcp))) => Ok(tcp),
            _ => Err(Error::Invalid),
        }
    }

    fn raw(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.set.get_mut::<tcp::Socket<'static>>(handle)
    }

    fn new_raw(&mut self) -> SocketHandle {
        let mut receive = self.settings.receive_buffer;
        let mut send = self.settings.send_buffer;
        if self.sockets.len() > 1024 {
            (receive, send) = (receive.min(16 << 10), send.min(16 << 10));
        }
        let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
        self.set
            .add(tcp::Socket::new(buffer(receive), buffer(send)))
    }

    fn apply_options(&mut self, id: Id, handle: SocketHandle) -> Result<()> {
        let tcp = self.tcp(id)?;
        let (no_delay, keep_alive, hops, timeout) = (
            tcp.no_delay,
            tcp.keep_alive,
            tcp.hop_limit,
            tcp.user_timeout,
        );
        let raw = self.raw(handle);
        raw.set_nagle_enabled(!no_delay);
        raw.set_keep_alive(keep_alive);
        raw.set_hop_limit(hops);
        raw.set_timeout(timeout.or(Some(CONNECT_TIMEOUT)));
        raw.set_ack_delay(Some(Duration::from_millis(10)));
        Ok(())
    }

    /// Sets an option.
    pub fn tcp_set(&mut self, id: Id, option: TcpOption) -> Result<()> {
        let tcp = self.tcp(id)?;
        match option {
            TcpOption::NoDelay(on) => tcp.no_delay = on,
            TcpOption::KeepAlive(seconds) => {
                tcp.keep_alive = seconds.map(|s| Duration::from_secs(u64::from(s.max(1))))
            }
            TcpOption::HopLimit(hops) => tcp.hop_limit = hops,
            TcpOption::Reuse(on) => tcp.reuse = on,
            TcpOption::V6Only(on) => tcp.v6_only = on,
            TcpOption::UserTimeout(ms) => {
                tcp.user_timeout = ms.map(|ms| Duration::from_millis(u64::from(ms)))
            }
        }
        let handle = match &tcp.role {
            Role::Connecting(handle) => Some(*handle),
            Role::Connected(c) => Some(c.handle),
            _ => None,
        };
        match handle {
            Some(handle) => self.apply_options(id, handle),
            None => Ok(()),
        }
    }

    /// Binds to an address.
    pub fn tcp_bind(&mut self, id: Id, at: IpListenEndpoint) -> Result<()> {
        let tcp = self.tcp(id)?;
        if tcp.local.port != 0 {
            return Err(Error::Invalid);
        }
        let reuse = tcp.reuse;
        // Reuse is for ports whose connections linger, not for two listeners.
        let listened = reuse && self.is_listened(at);
        let local = self.claim(Protocol::Tcp, at, reuse && !listened, id)?;
        self.tcp(id)?.local = local;
        Ok(())
    }

    fn is_listened(&self, at: IpListenEndpoint) -> bool {
        self.sockets.iter().flatten().any(|s| match s {
            Socket::Tcp(Tcp {
                role: Role::Listener(_),
                local,
                ..
            }) => {
                local.port == at.port
                    && (local.addr.is_none() || at.addr.is_none() || local.addr == at.addr)
            }
            _ => false,
        })
    }

    /// Starts to listen, or changes the backlog.
    pub fn tcp_listen(&mut self, id: Id, backlog: usize) -> Result<()> {
        let backlog = backlog.clamp(1, 4096);
        match &mut self.tcp(id)?.role {
            Role::Listener(listener) => {
                listener.backlog = backlog;
                return Ok(());
            }
            Role::Idle => {}
            _ => return Err(Error::Invalid),
        }
        if self.tcp(id)?.local.port == 0 {
            self.tcp_bind(
                id,
                IpListenEndpoint {
                    addr: None,
                    port: 0,
                },
            )?;
        } else if self.is_listened(self.sockets.get(id).and_then(Option::as_ref).map_or(
            IpListenEndpoint {
                addr: None,
                port: 0,
            },
            local_of,
        )) {
            return Err(Error::AddressInUse);
        }
        self.tcp(id)?.role = Role::Listener(Listener {
            pool: Vec::new(),
            queue: VecDeque::new(),
            backlog,
        });
        self.refill(id)
    }

    /// Tops the listener's pool up.
    fn refill(&mut self, id: Id) -> Result<()> {
        loop {
            let tcp = self.tcp(id)?;
            let local = tcp.local;
            let Role::Listener(listener) = &tcp.role else {
                return Ok(());
            };
            let waiting = listener.pool.len() + listener.queue.len();
            if listener.pool.len() >= POOL_MAX.min(listener.backlog.max(2))
                || waiting > listener.backlog
            {
                return Ok(());
            }
            let handle = self.new_raw();
            self.apply_options(id, handle)?;
            let waker = waker(&self.changes, id);
            let raw = self.raw(handle);
            let listening = raw.listen(local);
            raw.register_recv_waker(&waker);
            raw.register_send_waker(&waker);
            if listening.is_err() {
                self.set.remove(handle);
                return Err(Error::Invalid);
            }
            if let Role::Listener(listener) = &mut self.tcp(id)?.role {
                listener.pool.push(handle);
            }
        }
    }

    /// Moves taken sockets of all listeners' pools to their accept queues.
    pub(crate) fn serve_listeners(&mut self) {
        let listeners: Vec<Id> = self
            .bound
            .iter()
            .filter(|(_, _, id)| {
                matches!(
                    self.sockets.get(*id),
                    Some(Some(Socket::Tcp(Tcp {
                        role: Role::Listener(_),
                        ..
                    })))
                )
            })
            .map(|b| b.2)
            .collect();
        for id in listeners {
            self.serve_listener(id);
        }
    }

    fn serve_listener(&mut self, id: Id) {
        let Ok(tcp) = self.tcp(id) else { return };
        let (v6, v6_only) = (tcp.v6, tcp.v6_only);
        let Role::Listener(listener) = &mut tcp.role else {
            return;
        };
        let pool = core::mem::take(&mut listener.pool);
        let (mut keep, mut taken, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for handle in pool {
            let raw = self.raw(handle);
            match raw.state() {
                State::Listen | State::SynReceived => keep.push(handle),
                State::Closed => gone.push(handle),
                _ => {
                    let peer_v6 = raw
                        .remote_endpoint()
                        .is_some_and(|e| matches!(e.addr, IpAddress::Ipv6(_)));
                    if (peer_v6 && !v6) || (!peer_v6 && v6_only) {
                        raw.abort();
                        self.orphans.push(handle);
                    } else {
                        taken.push(handle);
                    }
                }
            }
        }
        for handle in gone {
            self.set.remove(handle);
        }
        let any = !taken.is_empty();
        if let Ok(Tcp {
            role: Role::Listener(listener),
            ..
        }) = self.tcp(id)
        {
            listener.pool = keep;
            listener.queue.extend(taken);
        }
        if any {
            self.changes.add(id);
        }
        // Without memory for more sockets the pool stays as it is.
        let _ = self.refill(id);
    }

    /// Takes a connection: a new socket.
    pub fn tcp_accept(&mut self, id: Id) -> Result<Id> {
        let Role::Listener(listener) = &mut self.tcp(id)?.role else {
            return Err(Error::Invalid);
        };
        let handle = listener.queue.pop_front().ok_or(Error::Again)?;
        let (v6, local) = {
            let tcp = self.tcp(id)?;
            (tcp.v6, tcp.local)
        };
        let raw = self.raw(handle);
        let (peer, own) = (raw.remote_endpoint(), raw.local_endpoint());
        let new = self.tcp_open(v6)?;
        let (no_delay, keep_alive) = {
            let tcp = self.tcp(id)?;
            (tcp.no_delay, tcp.keep_alive)
        };
        let tcp = self.tcp(new)?;
        (tcp.no_delay, tcp.keep_alive) = (no_delay, keep_alive);
        tcp.local = IpListenEndpoint {
            addr: own.map(|e| e.addr),
            port: local.port,
        };
        tcp.role = Role::Connected(Connection {
            handle,
            sent_fin: false,
            read_shut: false,
            told_reset: false,
            peer,
            own,
        });
        self.apply_options(new, handle)?;
        self.watch(new);
        self.refill(id)?;
        Ok(new)
    }

    /// Starts to connect. `Error::InProgress` is the normal answer.
    pub fn tcp_connect(&mut self, id: Id, to: IpEndpoint) -> Result<()> {
        match &self.tcp(id)?.role {
            Role::Idle | Role::Failed(None) => {}
            Role::Connecting(_) => return Err(Error::InProgress),
            Role::Failed(Some(_)) => return Err(self.tcp_take_error(id).unwrap_or(Error::Refused)),
            Role::Connected(_) | Role::Listener(_) => return Err(Error::Connected),
        }
        if to.port == 0 {
            return Err(Error::Refused);
        }
        let addr = match to.addr {
            a if !a.is_unspecified() => a,
            IpAddress::Ipv4(_) => IpAddress::v4(127, 0, 0, 1),
            IpAddress::Ipv6(_) => IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1),
        };
        let source = self.source_for(addr)?;
        let local = self.tcp(id)?.local;
        let local = if local.port == 0 {
            let claimed = self.claim(
                Protocol::Tcp,
                IpListenEndpoint {
                    addr: local.addr,
                    port: 0,
                },
                false,
                id,
            )?;
            self.tcp(id)?.local = claimed;
            claimed
        } else {
            local
        };
        let own = IpEndpoint::new(local.addr.unwrap_or(source), local.port);
        let handle = self.new_raw();
        self.apply_options(id, handle)?;
        let raw = self.set.get_mut::<tcp::Socket<'static>>(handle);
        if raw
            .connect(
                self.interface.context(),
                IpEndpoint::new(addr, to.port),
                own,
            )
            .is_err()
        {
            self.set.remove(handle);
            return Err(Error::Unreachable);
        }
        self.tcp(id)?.role = Role::Connecting(handle);
        self.watch(id);
        Err(Error::InProgress)
    }

    /// Notes the end of a connection attempt, one way or the other.
    fn settle(&mut self, id: Id) -> Result<()> {
        let Role::Connecting(handle) = self.tcp(id)?.role else {
            return Ok(());
        };
        let raw = self.raw(handle);
        match raw.state() {
            State::SynSent | State::SynReceived => {}
            State::Closed => {
                self.set.remove(handle);
                self.tcp(id)?.role = Role::Failed(Some(Error::Refused));
            }
            _ => {
                let (peer, own) = (raw.remote_endpoint(), raw.local_endpoint());
                self.tcp(id)?.role = Role::Connected(Connection {
                    handle,
                    sent_fin: false,
                    read_shut: false,
                    told_reset: false,
                    peer,
                    own,
                });
            }
        }
        Ok(())
    }

    fn connection(&mut self, id: Id) -> Result<&mut Connection> {
        self.settle(id)?;
        match &mut self.tcp(id)?.role {
            Role::Connected(c) => Ok(c),
            Role::Connecting(_) => Err(Error::Again),
            Role::Failed(error) => Err(error.take().unwrap_or(Error::NotConnected)),
            Role::Idle | Role::Listener(_) => Err(Error::NotConnected),
        }
    }

    /// The error of a connection attempt, once.
    pub fn tcp_take_error(&mut self, id: Id) -> Option<Error> {
        self.settle(id).ok()?;
        if let Role::Failed(error) = &mut self.tcp(id).ok()?.role {
            return error.take();
        }
        None
    }

    /// Whether the connection was cut by the other side.
    fn was_reset(&mut self, id: Id) -> bool {
        let Ok(c) = self.connection(id) else {
            return false;
        };
        let (handle, sent_fin) = (c.handle, c.sent_fin);
        !sent_fin && self.raw(handle).state() == State::Closed
    }

    /// Sends bytes; how many were taken.
    pub fn tcp_send(&mut self, id: Id, bytes: &[u8]) -> Result<usize> {
        let c = self.connection(id)?;
        let (handle, sent_fin, told) = (c.handle, c.sent_fin, c.told_reset);
        if sent_fin {
            return Err(Error::Closed);
        }
        if self.was_reset(id) {
            self.connection(id)?.told_reset = true;
            return Err(if told { Error::Closed } else { Error::Reset });
        }
        let raw = self.raw(handle);
        if !raw.may_send() {
            return Err(Error::Closed);
        }
        match raw.send_slice(bytes) {
            Ok(0) if !bytes.is_empty() => Err(Error::Again),
            Ok(n) => Ok(n),
            Err(_) => Err(Error::Closed),
        }
    }

    /// How many bytes a send would take now.
    pub fn tcp_room(&mut self, id: Id) -> Result<usize> {
        let handle = self.connection(id)?.handle;
        let raw = self.raw(handle);
        Ok(raw.send_capacity() - raw.send_queue())
    }

    /// Receives up to `max` bytes; none at the end of the stream. `peek` leaves them.
    pub fn tcp_receive(&mut self, id: Id, max: usize, peek: bool) -> Result<Vec<u8>> {
        let c = self.connection(id)?;
        let (handle, read_shut, told) = (c.handle, c.read_shut, c.told_reset);
        let raw = self.raw(handle);
        let waiting = raw.recv_queue();
        if waiting == 0 {
            if read_shut {
                return Ok(Vec::new());
            }
            // A peer's FIN leaves the socket in a state that is not `Closed` until we close too.
            if self.was_reset(id) && !told {
                self.connection(id)?.told_reset = true;
                return Err(Error::Reset);
            }
            return if self.raw(handle).may_recv() {
                Err(Error::Again)
            } else {
                Ok(Vec::new())
            };
        }
        let mut bytes = vec![0; waiting.min(max)];
        let mut got = 0;
        if peek {
            got = raw.peek_slice(&mut bytes).unwrap_or(0);
        } else {
            // The buffer is a ring: two parts at most.
            while got < bytes.len() {
                match raw.recv_slice(&mut bytes[got..]) {
                    Ok(n) if n > 0 => got += n,
                    _ => break,
                }
            }
        }
        bytes.truncate(got);
        Ok(bytes)
    }

    /// Ends a direction, or both.
    pub fn tcp_shutdown(&mut self, id: Id, read: bool, write: bool) -> Result<()> {
        if let Role::Listener(_) = self.tcp(id)?.role {
            self.drop_role(id);
            self.tcp(id)?.role = Role::Idle;
            self.changes.add(id);
            return Ok(());
        }
        let c = self.connection(id).map_err(|_| Error::NotConnected)?;
        c.read_shut |= read;
        c.sent_fin |= write;
        let handle = c.handle;
        if write {
            self.raw(handle).close();
        }
        self.changes.add(id);
        Ok(())
    }

    /// Closes a socket. What was sent still goes out; `abort` cuts the connection.
    pub fn tcp_close(&mut self, id: Id, abort: bool) {
        if let Ok(Tcp {
            role: Role::Connected(c),
            ..
        }) = self.tcp(id)
        {
            let handle = c.handle;
            let raw = self.raw(handle);
            // Unread data means that the other side was not heard out.
            if abort || raw.recv_queue() > 0 {
                raw.abort();
            }
        }
        self.drop_role(id);
        self.remove(id);
    }

    fn drop_role(&mut self, id: Id) {
        let Ok(tcp) = self.tcp(id) else { return };
        match core::mem::replace(&mut tcp.role, Role::Idle) {
            Role::Idle | Role::Failed(_) => {}
            Role::Connecting(handle) => {
                self.raw(handle).abort();
                self.orphans.push(handle);
            }
            Role::Connected(c) => {
                let raw = self.raw(c.handle);
                raw.close();
                raw.set_timeout(Some(Duration::from_secs(60)));
                self.orphans.push(c.handle);
            }
            Role::Listener(listener) => {
                for handle in listener.pool.into_iter().chain(listener.queue) {
                    self.raw(handle).abort();
                    self.orphans.push(handle);
                }
            }
        }
    }

    /// Frees closed connections that nobody owns.
    pub(crate) fn reap_orphans(&mut self) {
        let mut waiting = self.orphans.len().saturating_sub(ORPHANS_MAX);
        let orphans = core::mem::take(&mut self.orphans);
        for handle in orphans {
            let state = self.raw(handle).state();
            let forget = state == State::TimeWait && waiting > 0;
            // A reset is sent by the next poll, after which the socket has no remote end any more.
            let done = state == State::Closed && self.raw(handle).remote_endpoint().is_none();
            if done || forget {
                waiting = waiting.saturating_sub(usize::from(forget));
                self.set.remove(handle);
            } else {
                self.orphans.push(handle);
            }
        }
    }

    /// What the socket is ready for.
    pub fn tcp_ready(&mut self, id: Id) -> Ready {
        if self.settle(id).is_err() {
            return Ready::default();
        }
        let Ok(tcp) = self.tcp(id) else {
            return Ready::default();
        };
        match &tcp.role {
            Role::Idle => Ready {
                write: true,
                closed: true,
                ..Ready::default()
            },
            Role::Listener(listener) => Ready {
                read: !listener.queue.is_empty(),
                ..Ready::default()
            },
            Role::Connecting(_) => Ready::default(),
            Role::Failed(error) => Ready {
                read: true,
                write: true,
                read_closed: true,
                closed: true,
                error: error.is_some(),
            },
            Role::Connected(c) => {
                let (handle, sent_fin, read_shut, told) =
                    (c.handle, c.sent_fin, c.read_shut, c.told_reset);
                let reset = self.was_reset(id);
                let raw = self.raw(handle);
                let ended = !raw.may_recv() || read_shut;
                Ready {
                    read: raw.can_recv() || ended,
                    write: sent_fin || raw.can_send() || !raw.may_send(),
                    read_closed: ended,
                    closed: ended && (sent_fin || reset),
                    error: reset && !told,
                }
            }
        }
    }

    pub(crate) fn watch_tcp(&mut self, id: Id) {
        let Ok(tcp) = self.tcp(id) else { return };
        let handles: Vec<SocketHandle> = match &tcp.role {
            Role::Connecting(handle) => vec![*handle],
            Role::Connected(c) => vec![c.handle],
            Role::Listener(listener) => listener.pool.clone(),
            _ => return,
        };
        let waker = waker(&self.changes, id);
        for handle in handles {
            let raw = self.raw(handle);
            raw.register_recv_waker(&waker);
            raw.register_send_waker(&waker);
        }
    }

    /// Our own end, and the other.
    pub fn tcp_names(&mut self, id: Id) -> Result<(IpListenEndpoint, Option<IpEndpoint>)> {
        let _ = self.settle(id);
        let tcp = self.tcp(id)?;
        match &tcp.role {
            Role::Connected(c) => {
                let own = c.own.map_or(tcp.local, |e| IpListenEndpoint {
                    addr: Some(e.addr),
                    port: e.port,
                });
                Ok((own, c.peer))
            }
            _ => Ok((tcp.local, None)),
        }
    }

    /// Whether the socket listens.
    pub fn tcp_is_listening(&mut self, id: Id) -> bool {
        matches!(
            self.tcp(id),
            Ok(Tcp {
                role: Role::Listener(_),
                ..
            })
        )
    }

    /// Bytes that wait to be read, and to be acknowledged by the other side.
    pub fn tcp_queues(&mut self, id: Id) -> (usize, usize) {
        match self.connection(id) {
            Ok(c) => {
                let handle = c.handle;
                let raw = self.raw(handle);
                (raw.recv_queue(), raw.send_queue())
            }
            Err(_) => (0, 0),
        }
    }
}

fn local_of(socket: &Socket) -> IpListenEndpoint {
    match socket {
        Socket::Tcp(tcp) => tcp.local,
        Socket::Udp(_) => IpListenEndpoint {
            addr: None,
            port: 0,
        },
    }
}
