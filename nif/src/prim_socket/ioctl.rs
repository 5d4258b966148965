//! Questions about interfaces.

use std::os::fd::AsFd;

use rustix::io::Errno;
use vm::bif::{BifResult, Call, badarg};
use vm::heap::Heap;
use vm::map;
use vm::term::Term;

use super::open::open_socket;
use super::socket::Descriptor;
use super::system::{self, REQUEST};
use super::{atom, closed, int, invalid, map_of, ok, posix, socket, table};
use crate::sockaddr;

/// Bytes of an interface's name in a request; the answer is behind it.
const NAME: usize = libc::IFNAMSIZ;
/// Bytes of an address in a request.
const ADDRESS: usize = 16;

/// A request about an interface.
type Request = [u8; REQUEST];

/// The request's name, and the open socket.
fn request<'p>(
    call: Call<'p>,
) -> Result<(std::sync::Arc<Descriptor>, i32, Option<&'static str>), BifResult<'p>> {
    let socket = socket(call).map_err(Err)?;
    let number = call.arg(1).as_u64().ok_or_else(|| Err(badarg()))?;
    let fd = open_socket(socket).ok_or_else(|| Ok(closed(call.heap)))?;
    let found = table::IOCTL_REQUESTS
        .iter()
        .find(|(_, known)| u64::try_from(*known) == Ok(number));
    Ok(match found {
        Some(&(name, number)) => (fd, number, Some(name)),
        None => (fd, 0, None),
    })
}

fn not_supported<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(posix(call.heap, Errno::OPNOTSUPP))
}

/// A request that says an interface's name: a list of Latin-1 characters, cut to what fits.
fn named<'p>(call: Call<'p>) -> Result<Request, BifResult<'p>> {
    let characters = call.arg(2).proper_list();
    let name: Option<Vec<u8>> = characters
        .ok_or_else(|| Err(badarg()))?
        .into_iter()
        .map(|character| u8::try_from(character.as_small()?).ok())
        .collect();
    let name = name.ok_or_else(|| Err(badarg()))?;
    let mut request = [0; REQUEST];
    let length = name.len().min(NAME - 1);
    request[..length].copy_from_slice(&name[..length]);
    Ok(request)
}

/// All interfaces with IPv4 addresses.
pub(super) fn ioctl_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let (fd, _, name) = match request(call) {
        Ok(request) => request,
        Err(result) => return result,
    };
    if name != Some("gifconf") {
        return not_supported(call);
    }
    Ok(match system::interfaces(fd.as_fd()) {
        Ok(bytes) => {
            let all: Vec<_> = bytes
                .chunks_exact(REQUEST)
                .map(|entry| {
                    let address = sockaddr::encode(heap, &entry[NAME..NAME + ADDRESS]);
                    map_of(heap, &[("name", name_term(heap, entry)), ("addr", address)])
                })
                .collect();
            ok(heap, heap.list(&all))
        }
        Err(error) => posix(heap, error),
    })
}

fn name_term<'h>(heap: Heap<'h>, request: &[u8]) -> Term<'h> {
    let name = &request[..NAME];
    let end = name.iter().position(|&byte| byte == 0).unwrap_or(NAME);
    heap.byte_list(&name[..end], Term::NIL)
}

fn int_at(request: &[u8], at: usize) -> i32 {
    let at = NAME + at;
    let bytes = [
        request[at],
        request[at + 1],
        request[at + 2],
        request[at + 3],
    ];
    i32::from_ne_bytes(bytes)
}

/// A question about one interface.
pub(super) fn ioctl_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let (fd, number, name) = match request(call) {
        Ok(request) => request,
        Err(result) => return result,
    };
    let Some(encode) = name.and_then(answer) else {
        return not_supported(call);
    };
    let mut request = if name == Some("gifname") {
        let index = int(call.arg(2)).ok_or_else(badarg)?;
        let mut request = [0; REQUEST];
        request[NAME..NAME + 4].copy_from_slice(&index.to_ne_bytes());
        request
    } else {
        match named(call) {
            Ok(request) => request,
            Err(result) => return result,
        }
    };
    Ok(match system::interface(fd.as_fd(), number, &mut request) {
        Ok(()) => ok(heap, encode(heap, &request)),
        Err(error) => posix(heap, error),
    })
}

type Answer = for<'h> fn(Heap<'h>, &Request) -> Term<'h>;

/// How a request's answer is written as a term; none for what asks nothing about one interface.
fn answer(name: &str) -> Option<Answer> {
    Some(match name {
        "gifname" => |heap, request| name_term(heap, request),
        "gifindex" | "gifmtu" | "giftxqlen" => |_, request| Term::int(int_at(request, 0)),
        "gifflags" => |heap, request| {
            let flags = i16::from_ne_bytes([request[NAME], request[NAME + 1]]);
            table::encode_flags(heap, table::INTERFACE_FLAGS, flags.into())
        },
        "gifaddr" | "gifdstaddr" | "gifbrdaddr" | "gifnetmask" => {
            |heap, request| sockaddr::encode(heap, &request[NAME..NAME + ADDRESS])
        }
        "gifhwaddr" => |heap, request| hardware(heap, request),
        "gifmap" => |heap, request| memory(heap, request),
        _ => return None,
    })
}

/// A hardware address: `family` is what sort of hardware it is.
fn hardware<'h>(heap: Heap<'h>, request: &Request) -> Term<'h> {
    let kind = u16::from_ne_bytes([request[NAME], request[NAME + 1]]);
    let family = match kind {
        libc::ARPHRD_NETROM => atom("netrom"),
        libc::ARPHRD_ETHER => atom("ether"),
        libc::ARPHRD_IEEE802 => atom("ieee802"),
        libc::ARPHRD_DLCI => atom("dlci"),
        libc::ARPHRD_FRAD => Term::int(i32::from(kind)),
        libc::ARPHRD_IEEE1394 => atom("ieee1394"),
        libc::ARPHRD_LOOPBACK => atom("loopback"),
        libc::ARPHRD_NONE => atom("none"),
        kind => Term::int(i32::from(kind)),
    };
    let address = heap.binary(&request[NAME + 2..NAME + ADDRESS]);
    map_of(heap, &[("family", family), ("addr", address)])
}

/// C's `struct ifmap`.
fn memory<'h>(heap: Heap<'h>, request: &Request) -> Term<'h> {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&request[NAME + at..NAME + at + 8]);
        heap.unsigned(u64::from_ne_bytes(bytes))
    };
    let byte = |at: usize| Term::int(i32::from(request[NAME + at]));
    let base = u16::from_ne_bytes([request[NAME + 16], request[NAME + 17]]);
    map_of(
        heap,
        &[
            ("mem_start", word(0)),
            ("mem_end", word(8)),
            ("base_addr", Term::int(i32::from(base))),
            ("irq", byte(18)),
            ("dma", byte(19)),
            ("port", byte(20)),
        ],
    )
}

/// Sets something of one interface.
pub(super) fn ioctl_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let (fd, number, name) = match request(call) {
        Ok(request) => request,
        Err(result) => return result,
    };
    let value = call.arg(3);
    let Some(name) = name.filter(|name| name.starts_with('s')) else {
        return not_supported(call);
    };
    let mut request = match named(call) {
        Ok(request) => request,
        Err(result) => return result,
    };
    match name {
        "sifflags" => {
            // What is not said stays as it is.
            let get = libc::SIOCGIFFLAGS as i32;
            if let Err(error) = system::interface(fd.as_fd(), get, &mut request) {
                return Ok(posix(heap, error));
            }
            change_flags(value, &mut request).ok_or_else(badarg)?;
        }
        "sifmtu" | "siftxqlen" => {
            let Some(number) = int(value) else {
                let what = if name == "sifmtu" { "mtu" } else { "txqlen" };
                return Ok(invalid(heap, atom(what)));
            };
            request[NAME..NAME + 4].copy_from_slice(&number.to_ne_bytes());
        }
        _ => {
            let Some(address) = sockaddr::decode(value) else {
                return Ok(invalid(heap, atom("sockaddr")));
            };
            let length = address.len().min(REQUEST - NAME);
            request[NAME..NAME + length].copy_from_slice(&address[..length]);
        }
    }
    Ok(match system::interface(fd.as_fd(), number, &mut request) {
        Ok(()) => Term::OK,
        Err(error) => posix(heap, error),
    })
}

/// Sets and resets flags by a map from numbers to truth values.
fn change_flags(value: Term<'_>, request: &mut Request) -> Option<()> {
    let mut flags = i32::from(i16::from_ne_bytes([request[NAME], request[NAME + 1]]));
    for (flag, set) in map::iter(value.as_map()?) {
        let flag = int(flag)?;
        match set.as_bool() {
            Some(true) => flags |= flag,
            _ => flags &= !flag,
        }
    }
    request[NAME..NAME + 2].copy_from_slice(&(flags as i16).to_ne_bytes());
    Some(())
}
