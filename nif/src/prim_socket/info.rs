//! What is supported, what a socket is, and counters.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use vm::atom::Atom;
use vm::bif::{BifResult, Call, badarg};
use vm::heap::Heap;
use vm::map;
use vm::term::{Pid, Term};

use super::socket::{Facts, Flags};
use super::{atom, field, flag, map_of, raise_invalid, socket, table, value};
use crate::prim_net::system;
use crate::sockaddr;

/// The process that keeps a list of all sockets.
static REGISTRY: OnceLock<Pid> = OnceLock::new();
/// Whether new sockets are told to it.
static USE_REGISTRY: AtomicBool = AtomicBool::new(true);
/// Whether new sockets are to tell of counters that wrap.
static TELL_WRAPS: AtomicBool = AtomicBool::new(false);
/// Debug output that was asked for. It is told, there is none.
static DEBUG: AtomicBool = AtomicBool::new(false);
static SOCKET_DEBUG: AtomicBool = AtomicBool::new(false);

/// The most binaries that one call sends: `IOV_MAX`.
pub(super) const VECTOR: usize = 1024;

/// Takes what `prim_socket:on_load` gives; false where it has no registry.
pub fn load(info: Term<'_>) -> bool {
    let Some(registry) = field(info, "registry").and_then(Term::as_pid) else {
        return false;
    };
    // Loaded again, the module has the same registry.
    let _ = REGISTRY.set(registry);
    USE_REGISTRY.store(flag(info, "use_registry", true), Ordering::Relaxed);
    TELL_WRAPS.store(flag(info, "iow", false), Ordering::Relaxed);
    DEBUG.store(flag(info, "debug", false), Ordering::Relaxed);
    SOCKET_DEBUG.store(flag(info, "socket_debug", false), Ordering::Relaxed);
    true
}

pub(super) fn registry() -> Option<Pid> {
    REGISTRY.get().copied()
}

pub(super) fn use_registry() -> bool {
    USE_REGISTRY.load(Ordering::Relaxed)
}

pub(super) fn socket_debug() -> bool {
    SOCKET_DEBUG.load(Ordering::Relaxed)
}

/// How many sockets there are, in all and of each sort.
#[derive(Clone, Copy, Default)]
struct Sockets {
    all: u64,
    datagram: u64,
    stream: u64,
    packets: u64,
    local: u64,
    inet: u64,
    inet6: u64,
    ip: u64,
    tcp: u64,
    udp: u64,
    sctp: u64,
}

static SOCKETS: Mutex<Sockets> = Mutex::new(Sockets {
    all: 0,
    datagram: 0,
    stream: 0,
    packets: 0,
    local: 0,
    inet: 0,
    inet6: 0,
    ip: 0,
    tcp: 0,
    udp: 0,
    sctp: 0,
});

impl Sockets {
    /// Changes all that count a socket.
    fn change(&mut self, facts: Facts, change: fn(&mut u64)) {
        change(&mut self.all);
        match facts.domain {
            libc::AF_INET => change(&mut self.inet),
            // OTP 25 counts local sockets here.
            libc::AF_INET6 | libc::AF_UNIX => change(&mut self.inet6),
            _ => {}
        }
        match facts.kind {
            libc::SOCK_STREAM => change(&mut self.stream),
            libc::SOCK_DGRAM => change(&mut self.datagram),
            libc::SOCK_SEQPACKET => change(&mut self.packets),
            _ => {}
        }
        match facts.protocol {
            libc::IPPROTO_IP => change(&mut self.ip),
            libc::IPPROTO_TCP => change(&mut self.tcp),
            libc::IPPROTO_UDP => change(&mut self.udp),
            libc::IPPROTO_SCTP => change(&mut self.sctp),
            _ => {}
        }
    }
}

/// Counts a new socket.
pub(super) fn socket_began(facts: Facts) {
    SOCKETS.lock().change(facts, |count| *count += 1);
}

/// Counts one less. The protocol may be another than at its beginning, as in OTP 25: nothing falls below 0.
pub(super) fn socket_ended(facts: Facts) {
    SOCKETS
        .lock()
        .change(facts, |count| *count = count.saturating_sub(1));
}

/// Counters of a socket.
#[derive(Clone, Copy, Default)]
pub(super) struct Counters {
    pub read: Traffic,
    pub write: Traffic,
    pub accepted: u64,
    pub accept_fails: u64,
    pub accept_tries: u64,
    pub accept_waits: u64,
}

/// Counters of a direction.
#[derive(Clone, Copy, Default)]
pub(super) struct Traffic {
    pub bytes: u64,
    pub fails: u64,
    pub packets: u64,
    /// The largest packet, in bytes.
    pub largest: u64,
    pub tries: u64,
    pub waits: u64,
    /// Bytes of the packet that is not whole yet.
    pub packet: u64,
}

impl Traffic {
    /// Counts bytes that end a packet.
    pub fn end_packet(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
        self.packet += bytes as u64;
        self.largest = self.largest.max(std::mem::take(&mut self.packet));
    }
}

/// Counters of `sendfile`.
#[derive(Clone, Copy, Default)]
pub(super) struct SendfileCounters {
    pub calls: u64,
    pub bytes: u64,
    pub fails: u64,
    /// The most bytes of one file.
    pub largest: u64,
    pub packets: u64,
    pub largest_packet: u64,
    pub tries: u64,
    pub waits: u64,
    /// Bytes of the file that is being sent.
    pub file: u64,
}

fn bool_term<'h>(value: &AtomicBool) -> Term<'h> {
    Term::bool(value.load(Ordering::Relaxed))
}

pub(super) fn info_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let sockets = *SOCKETS.lock();
    let counters = map_of(
        heap,
        &[
            ("num_cnt_bits", Term::int(64)),
            ("num_sockets", heap.unsigned(sockets.all)),
            ("num_tdgrams", heap.unsigned(sockets.datagram)),
            ("num_tstreams", heap.unsigned(sockets.stream)),
            ("num_tseqpkgs", heap.unsigned(sockets.packets)),
            ("num_dlocal", heap.unsigned(sockets.local)),
            ("num_dinet", heap.unsigned(sockets.inet)),
            ("num_dinet6", heap.unsigned(sockets.inet6)),
            ("num_pip", heap.unsigned(sockets.ip)),
            ("num_ptcp", heap.unsigned(sockets.tcp)),
            ("num_pudp", heap.unsigned(sockets.udp)),
            ("num_psctp", heap.unsigned(sockets.sctp)),
        ],
    );
    Ok(map_of(
        heap,
        &[
            ("debug", bool_term(&DEBUG)),
            ("socket_debug", bool_term(&SOCKET_DEBUG)),
            ("use_registry", bool_term(&USE_REGISTRY)),
            ("iow", bool_term(&TELL_WRAPS)),
            ("counters", counters),
            ("iov_max", Term::size(VECTOR)),
        ],
    ))
}

pub(super) fn info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let socket = socket(call)?;
    let facts = socket.facts;
    let state = socket.lock();
    let creation = match facts.original {
        Some(fd) if fd > 0 && facts.close => heap.tuple(&[atom("fromfd"), Term::int(fd)]),
        Some(fd) if fd > 0 => atom("fromfd"),
        _ => atom("normal"),
    };
    let owner = state.owner.as_ref();
    Ok(map_of(
        heap,
        &[
            ("domain", value::encode_domain(facts.domain)),
            ("type", sockaddr::encode_type(facts.kind)),
            ("protocol", Term::int(facts.protocol)),
            (
                "owner",
                owner.map_or(atom("undefined"), |(pid, _)| Term::pid(*pid)),
            ),
            ("rstates", states(heap, state.read)),
            ("wstates", states(heap, state.write)),
            ("ctype", creation),
            (
                "counters",
                counters(heap, &state.counters, state.sendfile_counters),
            ),
            ("num_readers", Term::size(state.readers.len())),
            ("num_writers", Term::size(state.writers.len())),
            ("num_acceptors", Term::size(state.acceptors.len())),
        ],
    ))
}

fn states<'h>(heap: Heap<'h>, flags: Flags) -> Term<'h> {
    let all = [
        (flags.bound, "bound"),
        (flags.listening, "listening"),
        (flags.accepting, "accepting"),
        (flags.connecting, "connecting"),
        (flags.connected, "connected"),
        (flags.selected, "selected"),
        (flags.closing, "closing"),
        (flags.closed, "closed"),
    ];
    let set: Vec<_> = all
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, name)| atom(name))
        .collect();
    heap.list(&set)
}

fn counters<'h>(
    heap: Heap<'h>,
    counters: &Counters,
    sendfile: Option<SendfileCounters>,
) -> Term<'h> {
    let (read, write) = (&counters.read, &counters.write);
    let mut all = vec![
        ("read_byte", read.bytes),
        ("read_fails", read.fails),
        ("read_pkg", read.packets),
        ("read_pkg_max", read.largest),
        ("read_tries", read.tries),
        ("read_waits", read.waits),
        ("write_byte", write.bytes),
        ("write_fails", write.fails),
        ("write_pkg", write.packets),
        ("write_pkg_max", write.largest),
        ("write_tries", write.tries),
        ("write_waits", write.waits),
        ("acc_success", counters.accepted),
        ("acc_fails", counters.accept_fails),
        ("acc_tries", counters.accept_tries),
        ("acc_waits", counters.accept_waits),
    ];
    if let Some(file) = sendfile {
        all.extend([
            ("sendfile", file.calls),
            ("sendfile_byte", file.bytes),
            ("sendfile_fails", file.fails),
            ("sendfile_max", file.largest),
            ("sendfile_pkg", file.packets),
            ("sendfile_pkg_max", file.largest_packet),
            ("sendfile_tries", file.tries),
            ("sendfile_waits", file.waits),
        ]);
    }
    let pairs: Vec<_> = all
        .into_iter()
        .map(|(key, count)| (atom(key), heap.unsigned(count)))
        .collect();
    map::from_pairs(heap, &pairs)
}

pub(super) fn command_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let command = field(call.arg(0), "command").ok_or_else(badarg)?;
    let data = field(call.arg(0), "data").ok_or_else(badarg)?;
    let setting = match command.as_atom().map(|name| name.name()) {
        Some("debug") => &DEBUG,
        Some("socket_debug") => &SOCKET_DEBUG,
        Some("use_registry") => &USE_REGISTRY,
        _ => {
            let what = heap.tuple(&[atom("command"), command]);
            return Err(raise_invalid(heap, what));
        }
    };
    match data.as_bool() {
        Some(value) => {
            setting.store(value, Ordering::Relaxed);
            Ok(Term::OK)
        }
        None => Err(raise_invalid(heap, heap.tuple(&[atom("data"), data]))),
    }
}

pub(super) fn supports_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let all = ["sctp", "ipv6", "local", "netns", "sendfile"]
        .map(|name| call.heap.tuple(&[atom(name), Term::bool(true)]));
    Ok(call.heap.list(&all))
}

pub(super) fn supports_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    Ok(match call.arg(0).as_atom().map(|name| name.name()) {
        Some("msg_flags") => numbers(heap, table::MESSAGE_FLAGS),
        Some("protocols") => protocols(heap),
        Some("ioctl_requests") => numbers(heap, table::IOCTL_REQUESTS),
        Some("ioctl_flags") => numbers(heap, table::INTERFACE_FLAGS),
        Some("options") => table::supported(heap),
        _ => Term::NIL,
    })
}

/// `[{Name, Number}]`, in reverse order.
fn numbers<'h>(heap: Heap<'h>, table: &[(&'static str, i32)]) -> Term<'h> {
    let all: Vec<_> = table
        .iter()
        .rev()
        .map(|&(name, number)| heap.tuple(&[atom(name), Term::int(number)]))
        .collect();
    heap.list(&all)
}

/// Protocols that are known also where the system has no table. Others with their numbers come after them and
/// take precedence. OTP 25, prim_socket_nif.c.
const ALWAYS: [(&str, i32); 5] = [
    ("sctp", libc::IPPROTO_SCTP),
    ("udp", libc::IPPROTO_UDP),
    ("tcp", libc::IPPROTO_TCP),
    ("ipv6", libc::IPPROTO_IPV6),
    ("ip", libc::IPPROTO_IP),
];

/// `[{[Name | Aliases], Number}]`, the system's in reverse order.
fn protocols<'h>(heap: Heap<'h>) -> Term<'h> {
    let entry = |names: &[Term<'h>], number| heap.tuple(&[heap.list(names), Term::int(number)]);
    let mut all: Vec<_> = ALWAYS
        .iter()
        .map(|&(name, number)| entry(&[atom(name)], number))
        .collect();
    for protocol in system::protocols().iter().rev() {
        // A name that is no atom is left out; the aliases come in reverse.
        let mut names: Vec<_> = protocol
            .names
            .iter()
            .filter_map(|name| Atom::new(name.to_str().ok()?).ok())
            .map(Term::atom)
            .collect();
        if let Some((_, aliases)) = names.split_first_mut() {
            aliases.reverse();
            all.push(entry(&names, protocol.number));
        }
    }
    heap.list(&all)
}
