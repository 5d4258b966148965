//! The native half of module `prim_net`: names and addresses of hosts and network interfaces.
//!
//! What may block runs on a dirty I/O thread while the process waits. Results and errors are those of OTP 25,
//! prim_net_nif.c; what exists on Windows only raises `notsup`, as there.

pub mod address;

use std::ffi::CString;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::thread::LinkNameSpaceType;
use scheduler::dirty::{self, Job, Kind};
use vm::atom::{Atom, well_known};
use vm::bif::{BifResult, Call, Stop, badarg, error_term, progress};
use vm::heap::Heap;
use vm::map;
use vm::term::Term;

use crate::errno;
use crate::sys::net::{self, AddressInfo, Interface};
use address::map_of;

vm::bifs! { "prim_net":
    "nif_info"/0 Plain info_0;
    "nif_command"/1 Plain command_1;
    "nif_gethostname"/0 Plain gethostname_0;
    "nif_getnameinfo"/2 Heavy getnameinfo_2;
    "nif_getaddrinfo"/3 Heavy getaddrinfo_3;
    "nif_getifaddrs"/1 Heavy getifaddrs_1;
    "nif_get_adapters_addresses"/1 Plain not_here;
    "nif_get_if_entry"/1 Plain not_here;
    "nif_get_interface_info"/1 Plain not_here;
    "nif_get_ip_address_table"/1 Plain not_here;
    "nif_if_name2index"/1 Plain if_name2index_1;
    "nif_if_index2name"/1 Plain if_index2name_1;
    "nif_if_names"/0 Plain if_names_0;
}

/// Where named network name spaces stand.
const NAME_SPACES: &str = "/var/run/netns";

/// The most bytes of an interface's name, without its zero byte; OTP 25, prim_net_nif.c.
const INTERFACE_NAME: usize = libc::IF_NAMESIZE;

/// What `prim_net:command({debug, Bool})` says.
static DEBUG: AtomicBool = AtomicBool::new(false);

/// `{error, Reason}`.
fn failed<'p>(call: Call<'p>, reason: &'static str) -> BifResult<'p> {
    let reason = Term::atom(Atom::from_static(reason));
    Ok(call.heap.tuple(&[Term::atom(well_known::ERROR), reason]))
}

/// `{error, Posix}`.
fn refused<'p>(call: Call<'p>, error: &io::Error) -> BifResult<'p> {
    failed(call, errno::name(error.raw_os_error().unwrap_or_default()))
}

/// `{ok, Value}`.
fn ok<'p>(call: Call<'p>, value: Term<'p>) -> BifResult<'p> {
    Ok(call.heap.tuple(&[Term::OK, value]))
}

/// A string of Latin-1 characters; a C string ends at the first zero.
fn c_string(term: Term<'_>) -> Option<CString> {
    let characters = term.proper_list()?;
    let bytes: Option<Vec<u8>> = characters
        .iter()
        .map(|character| u8::try_from(character.as_small()?).ok())
        .collect();
    let bytes = bytes?;
    let end = bytes.iter().position(|&byte| byte == 0);
    CString::new(&bytes[..end.unwrap_or(bytes.len())]).ok()
}

fn characters<'h>(heap: Heap<'h>, bytes: &[u8]) -> Term<'h> {
    heap.byte_list(bytes, Term::NIL)
}

/// Has work done beside the schedulers. On the first call this starts it, and on the last it gives the result.
fn beside<'p, R: Send + 'static>(
    call: Call<'p>,
    work: impl FnOnce() -> Result<Box<dyn FnOnce() -> R + Send>, Stop<'p>>,
) -> Result<R, Stop<'p>> {
    let job: Arc<Job<R>> = match progress::resumed::<Arc<Job<R>>>(call) {
        Some((job, _)) => job,
        None => dirty::spawn(call.process().pid(), Kind::Io, work()?),
    };
    if let Some(result) = job.take() {
        return Ok(result);
    }
    if job.is_done() {
        // The work panicked.
        return Err(badarg());
    }
    Err(progress::wait(call, job, &[]))
}

fn info_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let debug = if DEBUG.load(Ordering::Relaxed) {
        Term::TRUE
    } else {
        Term::FALSE
    };
    Ok(map_of(call.heap, &[("debug", debug)]))
}

fn command_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let debug = call
        .arg(0)
        .as_tuple_of::<2>()
        .filter(|[command, _]| command.is_atom(Atom::from_static("debug")))
        .and_then(|[_, value]| value.as_bool());
    let Some(debug) = debug else {
        return failed(call, "einval");
    };
    DEBUG.store(debug, Ordering::Relaxed);
    Ok(Term::OK)
}

fn gethostname_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let system = rustix::system::uname();
    ok(call, characters(call.heap, system.nodename().to_bytes()))
}

/// `notsup`: what exists on Windows only.
fn not_here<'p>(_: Call<'p>) -> BifResult<'p> {
    Err(error_term(Term::atom(Atom::from_static("notsup"))))
}

/// The reason for an `EAI_` number; the last system error's, where it says that.
fn resolver_error(error: i32) -> &'static str {
    match error {
        libc::EAI_AGAIN => "eagain",
        libc::EAI_BADFLAGS => "ebadflags",
        libc::EAI_FAIL => "efail",
        libc::EAI_FAMILY => "efamily",
        libc::EAI_MEMORY => "emem",
        libc::EAI_NONAME => "enoname",
        _ => "einval",
    }
}

fn getnameinfo_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let address = match address::decode(progress::original(call)) {
        Some(address) => address,
        None => return failed(call, "einval"),
    };
    let flags = name_flags(call.arg(1)).ok_or_else(badarg)?;
    let names = beside(call, || {
        Ok(Box::new(move || {
            net::name_info(&address, flags)
                // The system's error belongs to the thread that met it.
                .map_err(|error| (error, errno_of_last_error()))
        }))
    })?;
    match names {
        Ok((host, service)) => {
            let pairs = [
                ("host", characters(call.heap, &host)),
                ("service", characters(call.heap, &service)),
            ];
            ok(call, map_of(call.heap, &pairs))
        }
        Err((libc::EAI_OVERFLOW, _)) => failed(call, "eoverflow"),
        Err((libc::EAI_SYSTEM, number)) => failed(call, errno::name(number)),
        Err((error, _)) => failed(call, resolver_error(error)),
    }
}

fn errno_of_last_error() -> i32 {
    io::Error::last_os_error()
        .raw_os_error()
        .unwrap_or_default()
}

/// `undefined`, or a list of flags.
fn name_flags(term: Term<'_>) -> Option<i32> {
    if let Some(atom) = term.as_atom() {
        return (atom.name() == "undefined").then_some(0);
    }
    if !term.is_nil() && term.as_cons().is_none() {
        return None;
    }
    let mut flags = 0;
    let mut rest = term;
    while let Some(cell) = rest.as_cons() {
        flags |= match cell.head().as_atom()?.name() {
            "namereqd" => libc::NI_NAMEREQD,
            "dgram" => libc::NI_DGRAM,
            "nofqdn" => libc::NI_NOFQDN,
            "numerichost" => libc::NI_NUMERICHOST,
            "numericserv" => libc::NI_NUMERICSERV,
            "idn" => libc::NI_IDN,
            _ => return None,
        };
        rest = cell.tail();
    }
    Some(flags)
}

/// `undefined`, or a name.
fn optional_name(term: Term<'_>) -> Option<Option<CString>> {
    match term.as_atom() {
        Some(atom) => (atom.name() == "undefined").then_some(None),
        None => c_string(term).map(Some),
    }
}

fn getaddrinfo_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let found = beside(call, || {
        let host = optional_name(call.arg(0)).ok_or_else(badarg)?;
        let service = optional_name(call.arg(1)).ok_or_else(badarg)?;
        if host.is_none() && service.is_none() {
            return Err(badarg());
        }
        Ok(Box::new(move || {
            net::address_info(host.as_deref(), service.as_deref())
        }))
    })?;
    match found {
        Ok(found) => {
            let found: Vec<_> = found
                .iter()
                .map(|info| encode_info(call.heap, info))
                .collect();
            ok(call, call.heap.list(&found))
        }
        Err(libc::EAI_NODATA) => failed(call, "enodata"),
        Err(libc::EAI_SERVICE) => failed(call, "eservice"),
        Err(libc::EAI_SOCKTYPE) => failed(call, "esocktype"),
        Err(libc::EAI_SYSTEM) => failed(call, "esystem"),
        // glibc's `EAI_ADDRFAMILY`, which the crate `libc` does not name.
        Err(-9) => failed(call, "eaddrfamily"),
        Err(error) => failed(call, resolver_error(error)),
    }
}

fn encode_info<'h>(heap: Heap<'h>, info: &AddressInfo) -> Term<'h> {
    let name = |text| Term::atom(Atom::from_static(text));
    let socket_type = match info.socket_type {
        libc::SOCK_STREAM => name("stream"),
        libc::SOCK_DGRAM => name("dgram"),
        libc::SOCK_RAW => name("raw"),
        libc::SOCK_RDM => name("rdm"),
        libc::SOCK_SEQPACKET => name("seqpacket"),
        other => Term::int(other),
    };
    let pairs = [
        ("family", address::family_term(info.family)),
        ("type", socket_type),
        ("protocol", Term::int(info.protocol)),
        ("addr", address::encode(heap, &info.address)),
    ];
    map_of(heap, &pairs)
}

fn getifaddrs_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let found = beside(call, || {
        let name_space = name_space(call.arg(0)).ok_or_else(badarg)?;
        Ok(Box::new(move || match name_space {
            None => net::interfaces(),
            Some(name) => interfaces_of(&name),
        }))
    })?;
    match found {
        Ok(all) => {
            let all: Vec<_> = all
                .iter()
                .map(|entry| encode_interface(call.heap, entry))
                .collect();
            ok(call, call.heap.list(&all))
        }
        Err(error) => refused(call, &error),
    }
}

/// What `#{netns => Name}` names; a map that says anything besides, or nothing, names none.
fn name_space(extra: Term<'_>) -> Option<Option<CString>> {
    let extra = extra.as_map()?;
    let name = Term::atom(Atom::from_static("netns"));
    match map::get(extra, name).filter(|_| extra.len() == 1) {
        None => Some(None),
        Some(name) => c_string(name).map(Some),
    }
}

/// The interfaces of another network name space. A thread enters it that ends then, so that no other work is
/// ever done there.
fn interfaces_of(name_space: &CString) -> io::Result<Vec<Interface>> {
    use std::os::fd::AsFd;
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(name_space.as_bytes());
    let space = std::fs::File::open(std::path::Path::new(NAME_SPACES).join(name))?;
    let thread = std::thread::Builder::new().spawn(move || {
        rustix::thread::move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))?;
        net::interfaces()
    })?;
    thread
        .join()
        .unwrap_or_else(|_| Err(io::Error::from_raw_os_error(libc::EINVAL)))
}

/// `IFF_…` with their names, in the order of the stock library.
const FLAGS: &[(i32, &str)] = &[
    (libc::IFF_UP, "up"),
    (libc::IFF_BROADCAST, "broadcast"),
    (libc::IFF_DEBUG, "debug"),
    (libc::IFF_LOOPBACK, "loopback"),
    (libc::IFF_POINTOPOINT, "pointopoint"),
    (libc::IFF_NOTRAILERS, "notrailers"),
    (libc::IFF_RUNNING, "running"),
    (libc::IFF_NOARP, "noarp"),
    (libc::IFF_PROMISC, "promisc"),
    (libc::IFF_MASTER, "master"),
    (libc::IFF_SLAVE, "slave"),
    (libc::IFF_MULTICAST, "multicast"),
    (libc::IFF_PORTSEL, "portsel"),
    (libc::IFF_AUTOMEDIA, "automedia"),
    (libc::IFF_DYNAMIC, "dynamic"),
];

fn encode_interface<'h>(heap: Heap<'h>, entry: &Interface) -> Term<'h> {
    let has = |flag: i32| entry.flags & flag.cast_unsigned() != 0;
    let flags: Vec<_> = FLAGS
        .iter()
        .filter(|(flag, _)| has(*flag))
        .map(|(_, name)| Term::atom(Atom::from_static(name)))
        .collect();
    let mut pairs = vec![
        ("name", characters(heap, &entry.name)),
        ("flags", heap.list(&flags)),
    ];
    let other = if has(libc::IFF_POINTOPOINT) {
        Some("dstaddr")
    } else {
        has(libc::IFF_BROADCAST).then_some("broadaddr")
    };
    let addresses = [
        (Some("addr"), &entry.address),
        (Some("netmask"), &entry.netmask),
        (other, &entry.other),
    ];
    for (key, value) in addresses {
        if let (Some(key), Some(value)) = (key, value) {
            pairs.push((key, address::encode(heap, value)));
        }
    }
    map_of(heap, &pairs)
}

fn if_name2index_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let fits = |list: &Vec<Term<'_>>| list.len() <= INTERFACE_NAME;
    let name = call
        .arg(0)
        .proper_list()
        .filter(fits)
        .and_then(|_| c_string(call.arg(0)));
    let Some(name) = name else {
        return failed(call, "einval");
    };
    match net::interface_index(&name) {
        Ok(index) => ok(call, call.heap.unsigned(index.into())),
        Err(error) => refused(call, &error),
    }
}

fn if_index2name_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let index = call
        .arg(0)
        .as_u64()
        .and_then(|index| u32::try_from(index).ok())
        .ok_or_else(badarg)?;
    match net::interface_name(index) {
        Some(name) => ok(call, characters(call.heap, &name)),
        None => failed(call, "enxio"),
    }
}

fn if_names_0<'p>(call: Call<'p>) -> BifResult<'p> {
    match net::interface_names() {
        Ok(all) => {
            let all: Vec<_> = all
                .iter()
                .map(|(index, name)| {
                    let name = characters(call.heap, name);
                    call.heap
                        .tuple(&[call.heap.unsigned((*index).into()), name])
                })
                .collect();
            ok(call, call.heap.list(&all))
        }
        Err(error) => refused(call, &error),
    }
}
