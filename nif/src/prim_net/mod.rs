//! The native half of module `prim_net`: names of hosts, services and interfaces.
//!
//! What asks the resolver is done by a dirty I/O thread. [`system`] is the only place that calls the C
//! library. The functions that exist on Windows only raise `notsup`, as in the stock library.

#[allow(unsafe_code, reason = "calls the C library")]
mod system;

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use vm::atom::{Atom, well_known};
use vm::bif::{BifResult, Call, Stop, badarg, error};
use vm::map;
use vm::term::{Kind, Term};

use crate::blocking::{self, Reply};
use crate::{errno, sockaddr};
use system::{Interface, NoName};

vm::bifs! { "prim_net":
    "nif_info"/0 Plain info_0;
    "nif_command"/1 Plain command_1;
    "nif_gethostname"/0 Plain gethostname_0;
    "nif_getnameinfo"/2 Heavy getnameinfo_2;
    "nif_getaddrinfo"/3 Heavy getaddrinfo_3;
    "nif_getifaddrs"/1 Heavy getifaddrs_1;
    "nif_get_adapters_addresses"/1 Plain not_supported_1;
    "nif_get_if_entry"/1 Plain not_supported_1;
    "nif_get_interface_info"/1 Plain not_supported_1;
    "nif_get_ip_address_table"/1 Plain not_supported_1;
    "nif_if_name2index"/1 Plain if_name2index_1;
    "nif_if_index2name"/1 Plain if_index2name_1;
    "nif_if_names"/0 Plain if_names_0;
}

/// Whether debug output was asked for: told by `nif_info`, there is none.
static DEBUG: AtomicBool = AtomicBool::new(false);

fn atom<'p>(name: &'static str) -> Term<'p> {
    Term::atom(Atom::from_static(name))
}

fn ok<'p>(call: Call<'p>, value: Term<'p>) -> BifResult<'p> {
    Ok(call.heap.tuple(&[Term::OK, value]))
}

/// `{error, Reason}`.
fn refused<'p>(call: Call<'p>, reason: &'static str) -> BifResult<'p> {
    Ok(call
        .heap
        .tuple(&[Term::atom(well_known::ERROR), atom(reason)]))
}

fn refused_by_system<'p>(call: Call<'p>, error: Errno) -> BifResult<'p> {
    refused(call, errno::name(error.raw_os_error()))
}

/// A list of the bytes as characters.
fn string<'p>(call: Call<'p>, bytes: &[u8]) -> Term<'p> {
    let characters: Vec<_> = bytes
        .iter()
        .map(|&byte| Term::int(i32::from(byte)))
        .collect();
    call.heap.list(&characters)
}

/// The text of a list of Latin-1 characters.
fn text<'p>(term: Term<'p>) -> Result<CString, Stop<'p>> {
    let bytes: Option<Vec<u8>> = term
        .proper_list()
        .ok_or_else(badarg)?
        .into_iter()
        .map(|character| u8::try_from(character.as_small()?).ok())
        .collect();
    CString::new(bytes.ok_or_else(badarg)?).map_err(|_| badarg())
}

fn info_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let debug = Term::atom(match DEBUG.load(Ordering::Relaxed) {
        true => well_known::TRUE,
        false => well_known::FALSE,
    });
    Ok(map::from_pairs(call.heap, &[(atom("debug"), debug)]))
}

/// `{debug, boolean()}`.
fn command_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let elements = call
        .arg(0)
        .as_tuple()
        .map_or(&[][..], |tuple| tuple.elements());
    let name = |term: &Term<'_>| term.as_atom().map(|name| name.name());
    match elements {
        [what, value] if name(what) == Some("debug") => {
            let debug = match name(value) {
                Some("true") => true,
                Some("false") => false,
                _ => return refused(call, "einval"),
            };
            DEBUG.store(debug, Ordering::Relaxed);
            Ok(Term::OK)
        }
        _ => refused(call, "einval"),
    }
}

fn gethostname_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = rustix::system::uname().nodename().to_bytes().to_vec();
    ok(call, string(call, &name))
}

fn getnameinfo_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let Some(address) = sockaddr::decode(call.arg(0)) else {
        return refused(call, "einval");
    };
    let flags = name_flags(call.arg(1)).ok_or_else(badarg)?;
    blocking::start(call, move || -> Reply {
        let found = system::name_info(&address, flags);
        Box::new(move |call| match found {
            Ok((host, service)) => {
                let pairs = [
                    (atom("host"), string(call, &host)),
                    (atom("service"), string(call, &service)),
                ];
                ok(call, map::from_pairs(call.heap, &pairs))
            }
            Err(NoName::System(error)) => refused_by_system(call, error),
            Err(NoName::Code(code)) => refused(
                call,
                match code {
                    libc::EAI_AGAIN => "eagain",
                    libc::EAI_BADFLAGS => "ebadflags",
                    libc::EAI_FAIL => "efail",
                    libc::EAI_FAMILY => "efamily",
                    libc::EAI_MEMORY => "emem",
                    libc::EAI_NONAME => "enoname",
                    libc::EAI_OVERFLOW => "eoverflow",
                    _ => "einval",
                },
            ),
        })
    })
}

fn name_flags(term: Term<'_>) -> Option<i32> {
    if term.as_atom() == Some(vm::atom!("undefined")) {
        return Some(0);
    }
    let mut flags = 0;
    for flag in term.proper_list()? {
        flags |= match flag.as_atom()?.name() {
            "namereqd" => libc::NI_NAMEREQD,
            "dgram" => libc::NI_DGRAM,
            "nofqdn" => libc::NI_NOFQDN,
            "numerichost" => libc::NI_NUMERICHOST,
            "numericserv" => libc::NI_NUMERICSERV,
            "idn" => libc::NI_IDN,
            _ => return None,
        };
    }
    Some(flags)
}

fn getaddrinfo_3<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let optional = |term: Term<'p>| match term.as_atom() {
        Some(name) if name == vm::atom!("undefined") => Ok(None),
        Some(_) => Err(badarg()),
        None => text(term).map(Some),
    };
    let (host, service) = (optional(call.arg(0))?, optional(call.arg(1))?);
    if host.is_none() && service.is_none() {
        return Err(badarg());
    }
    blocking::start(call, move || -> Reply {
        let found = system::address_info(host.as_deref(), service.as_deref());
        Box::new(move |call| match found {
            Ok(found) => {
                let found: Vec<_> = found.iter().map(|info| address_info(call, info)).collect();
                ok(call, call.heap.list(&found))
            }
            Err(code) => refused(
                call,
                match code {
                    system::EAI_ADDRFAMILY => "eaddrfamily",
                    libc::EAI_AGAIN => "eagain",
                    libc::EAI_BADFLAGS => "ebadflags",
                    libc::EAI_FAIL => "efail",
                    libc::EAI_FAMILY => "efamily",
                    libc::EAI_MEMORY => "emem",
                    libc::EAI_NODATA => "enodata",
                    libc::EAI_NONAME => "enoname",
                    libc::EAI_SERVICE => "eservice",
                    libc::EAI_SOCKTYPE => "esocktype",
                    libc::EAI_SYSTEM => "esystem",
                    _ => "einval",
                },
            ),
        })
    })
}

fn address_info<'p>(call: Call<'p>, info: &system::AddressInfo) -> Term<'p> {
    map::from_pairs(
        call.heap,
        &[
            (atom("family"), sockaddr::encode_family(info.family)),
            (atom("type"), sockaddr::encode_type(info.kind)),
            (atom("protocol"), Term::int(info.protocol)),
            (atom("addr"), sockaddr::encode(call.heap, &info.address)),
        ],
    )
}

/// The addresses of all interfaces, of another network namespace with `#{netns => Path}`.
fn getifaddrs_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let Kind::Map(extra) = call.arg(0).kind() else {
        return Err(badarg());
    };
    match map::get(extra, atom("netns")) {
        None => interfaces(call, system::interfaces()),
        Some(space) => {
            let space = text(space)?;
            blocking::start(call, move || -> Reply {
                let found = in_name_space(&space, system::interfaces);
                Box::new(move |call| interfaces(call, found))
            })
        }
    }
}

/// Does something in another network namespace. Threads have each their own: this one comes back.
fn in_name_space<T>(path: &CString, work: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    use std::os::fd::AsFd;
    let open = |path: &std::ffi::CStr| {
        rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
    };
    let own = open(c"/proc/thread-self/ns/net")?;
    let other = open(path)?;
    let enter = |space: &std::os::fd::OwnedFd| {
        move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
    };
    enter(&other)?;
    let result = work();
    enter(&own)?;
    result
}

fn interfaces<'p>(call: Call<'p>, found: Result<Vec<Interface>, Errno>) -> BifResult<'p> {
    match found {
        Ok(found) => {
            let found: Vec<_> = found.iter().map(|entry| interface(call, entry)).collect();
            ok(call, call.heap.list(&found))
        }
        Err(error) => refused_by_system(call, error),
    }
}

/// The flags of an interface in the order in which they are listed.
const INTERFACE_FLAGS: &[(i32, &str)] = &[
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

fn interface<'p>(call: Call<'p>, entry: &Interface) -> Term<'p> {
    let has = |flag: i32| entry.flags & flag as u32 != 0;
    let flags: Vec<_> = INTERFACE_FLAGS
        .iter()
        .filter(|(flag, _)| has(*flag))
        .map(|&(_, name)| atom(name))
        .collect();
    let name = entry
        .name
        .as_ref()
        .map_or(atom("undefined"), |name| string(call, name));
    let mut pairs = vec![
        (atom("name"), name),
        (atom("flags"), call.heap.list(&flags)),
    ];
    let other = match has(libc::IFF_POINTOPOINT) {
        true => Some("dstaddr"),
        false => has(libc::IFF_BROADCAST).then_some("broadaddr"),
    };
    let addresses = [
        (Some("addr"), &entry.address),
        (Some("netmask"), &entry.mask),
        (other, &entry.other),
    ];
    for (key, address) in addresses {
        if let (Some(key), Some(address)) = (key, address) {
            pairs.push((atom(key), sockaddr::encode(call.heap, address)));
        }
    }
    map::from_pairs(call.heap, &pairs)
}

fn not_supported_1<'p>(_: Call<'p>) -> BifResult<'p> {
    Err(error(vm::atom!("notsup")))
}

fn if_name2index_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match system::index_of(&text(call.arg(0))?) {
        Ok(index) => ok(call, Term::size(index as usize)),
        Err(error) => refused_by_system(call, error),
    }
}

fn if_index2name_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let index = call
        .arg(0)
        .as_small()
        .and_then(|index| u32::try_from(index).ok());
    match system::name_of(index.ok_or_else(badarg)?) {
        Some(name) => ok(call, string(call, name.to_bytes())),
        None => refused(call, "enxio"),
    }
}

fn if_names_0<'p>(call: Call<'p>) -> BifResult<'p> {
    match system::names() {
        Ok(names) => {
            let names: Vec<_> = names
                .iter()
                .map(|(index, name)| {
                    let index = Term::size(*index as usize);
                    call.heap.tuple(&[index, string(call, name.to_bytes())])
                })
                .collect();
            ok(call, call.heap.list(&names))
        }
        Err(error) => refused_by_system(call, error),
    }
}
