//! Addresses of sockets as maps, and as the kernel's structures. OTP 25, socket_util.c.

use vm::atom::Atom;
use vm::heap::Heap;
use vm::map;
use vm::term::{Map, Term};

use crate::sys::net::HARDWARE_ADDRESS_AT;

/// Where the contents begin, after the family. Bytes.
const CONTENTS_AT: usize = 2;
/// The room for a path in `sockaddr_un`. Bytes.
const PATH_ROOM: usize = 108;
/// The room after the family in the largest address. Bytes.
const LARGEST_CONTENTS: usize = 126;

fn name(text: &'static str) -> Term<'static> {
    Term::atom(Atom::from_static(text))
}

fn get<'h>(map: Map<'h>, key: &'static str) -> Option<Term<'h>> {
    map::get(map, name(key))
}

/// The kernel's form of an address; none for what is no address.
pub fn decode(address: Term<'_>) -> Option<Vec<u8>> {
    let map = address.as_map()?;
    let family = get(map, "family")?;
    let Some(atom) = family.as_atom() else {
        return native(map, i32::try_from(family.as_small()?).ok()?);
    };
    match atom.name() {
        "inet" => inet(map),
        "inet6" => inet6(map),
        "local" => local(map),
        "unspec" => native(map, libc::AF_UNSPEC),
        _ => None,
    }
}

fn begin(family: i32) -> Vec<u8> {
    (family as libc::sa_family_t).to_ne_bytes().to_vec()
}

/// A port as the stock library takes it: an `int`, of which two bytes are used.
fn port(map: Map<'_>) -> Option<[u8; 2]> {
    let port = i32::try_from(get(map, "port")?.as_small()?).ok()?;
    Some((port as u16).to_be_bytes())
}

/// The elements of a tuple, each within a limit.
fn parts<const N: usize>(term: Term<'_>, limit: u16) -> Option<[u16; N]> {
    let mut parts = [0; N];
    for (part, element) in parts.iter_mut().zip(term.as_tuple_of::<N>()?) {
        *part = u16::try_from(element.as_small()?)
            .ok()
            .filter(|&value| value <= limit)?;
    }
    Some(parts)
}

fn inet(map: Map<'_>) -> Option<Vec<u8>> {
    let address = get(map, "addr")?;
    let octets = match address.as_atom() {
        Some(atom) => match atom.name() {
            "any" => [0; 4],
            "loopback" => [127, 0, 0, 1],
            "broadcast" => [255; 4],
            _ => return None,
        },
        None => parts::<4>(address, 255)?.map(|part| part as u8),
    };
    let mut bytes = begin(libc::AF_INET);
    bytes.extend(port(map)?);
    bytes.extend(octets);
    bytes.extend([0; 8]);
    Some(bytes)
}

fn inet6(map: Map<'_>) -> Option<Vec<u8>> {
    let number = |key| u32::try_from(get(map, key)?.as_small()?).ok();
    let address = get(map, "addr")?;
    let parts = match address.as_atom() {
        Some(atom) => match atom.name() {
            "any" => [0; 8],
            "loopback" => [0, 0, 0, 0, 0, 0, 0, 1],
            _ => return None,
        },
        None => parts::<8>(address, u16::MAX)?,
    };
    let mut bytes = begin(libc::AF_INET6);
    bytes.extend(port(map)?);
    bytes.extend(number("flowinfo")?.to_ne_bytes());
    bytes.extend(parts.iter().flat_map(|part| part.to_be_bytes()));
    bytes.extend(number("scope_id")?.to_ne_bytes());
    Some(bytes)
}

fn local(map: Map<'_>) -> Option<Vec<u8>> {
    let path = get(map, "path")?.as_bits()?.binary()?;
    // A path needs its zero byte; an abstract name begins with one and needs no other.
    let terminated = path.first() != Some(&0);
    if path.len() + usize::from(terminated) > PATH_ROOM {
        return None;
    }
    let mut bytes = begin(libc::AF_UNIX);
    bytes.extend_from_slice(&path);
    Some(bytes)
}

fn native(map: Map<'_>, family: i32) -> Option<Vec<u8>> {
    let contents = get(map, "addr")?.as_bits()?.binary()?;
    if contents.len() > LARGEST_CONTENTS {
        return None;
    }
    let mut bytes = begin(family);
    bytes.extend_from_slice(&contents);
    Some(bytes)
}

/// A map of atoms to terms.
pub fn map_of<'h>(heap: Heap<'h>, pairs: &[(&'static str, Term<'h>)]) -> Term<'h> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|&(key, value)| (name(key), value))
        .collect();
    map::from_pairs(heap, &pairs)
}

/// The map of an address; one that is shorter than its family asks for shows its bytes.
pub fn encode<'h>(heap: Heap<'h>, address: &[u8]) -> Term<'h> {
    let Some((family, contents)) = address.split_first_chunk::<CONTENTS_AT>() else {
        return map_of(heap, &[("addr", heap.binary(address))]);
    };
    let family = i32::from(libc::sa_family_t::from_ne_bytes(*family));
    let whole = match family {
        libc::AF_INET => encode_inet(heap, contents),
        libc::AF_INET6 => encode_inet6(heap, contents),
        libc::AF_PACKET => encode_packet(heap, address),
        libc::AF_UNIX => Some(encode_local(heap, contents)),
        _ => None,
    };
    whole.unwrap_or_else(|| {
        let shown = [
            ("family", family_term(family)),
            ("addr", heap.binary(contents)),
        ];
        map_of(heap, &shown)
    })
}

/// A family's name, or its number.
pub fn family_term(family: i32) -> Term<'static> {
    match family {
        libc::AF_UNSPEC => name("unspec"),
        libc::AF_INET => name("inet"),
        libc::AF_INET6 => name("inet6"),
        libc::AF_UNIX => name("local"),
        libc::AF_PACKET => name("packet"),
        _ => Term::int(family),
    }
}

fn encode_inet<'h>(heap: Heap<'h>, contents: &[u8]) -> Option<Term<'h>> {
    let (port, rest) = contents.split_first_chunk()?;
    let octets = rest.first_chunk::<4>()?;
    let pairs = [
        ("family", name("inet")),
        ("port", Term::int(u16::from_be_bytes(*port).into())),
        (
            "addr",
            heap.tuple(&octets.map(|octet| Term::int(octet.into()))),
        ),
    ];
    Some(map_of(heap, &pairs))
}

fn encode_inet6<'h>(heap: Heap<'h>, contents: &[u8]) -> Option<Term<'h>> {
    let (port, rest) = contents.split_first_chunk()?;
    let (flowinfo, rest) = rest.split_first_chunk()?;
    let (octets, rest) = rest.split_first_chunk::<16>()?;
    let scope = rest.first_chunk()?;
    let parts: Vec<_> = octets
        .chunks_exact(2)
        .map(|part| Term::int(u16::from_be_bytes([part[0], part[1]]).into()))
        .collect();
    // The stock library gives these two as C's `int`.
    let number = |bytes: &[u8; 4]| Term::int(i32::from_ne_bytes(*bytes));
    let pairs = [
        ("family", name("inet6")),
        ("port", Term::int(u16::from_be_bytes(*port).into())),
        ("addr", heap.tuple(&parts)),
        ("flowinfo", number(flowinfo)),
        ("scope_id", number(scope)),
    ];
    Some(map_of(heap, &pairs))
}

fn encode_local<'h>(heap: Heap<'h>, contents: &[u8]) -> Term<'h> {
    let end = contents.iter().position(|&byte| byte == 0);
    // Of an abstract name, which begins with a zero byte, everything counts.
    let path = &contents[..end.filter(|&at| at > 0).unwrap_or(contents.len())];
    map_of(
        heap,
        &[("family", name("local")), ("path", heap.binary(path))],
    )
}

/// `sockaddr_ll`: protocol, interface, hardware type, packet type, length, address.
fn encode_packet<'h>(heap: Heap<'h>, address: &[u8]) -> Option<Term<'h>> {
    let contents = address.get(CONTENTS_AT..HARDWARE_ADDRESS_AT)?;
    let (protocol, rest) = contents.split_first_chunk()?;
    let (index, rest) = rest.split_first_chunk()?;
    let (hardware, rest) = rest.split_first_chunk()?;
    let &[packet, len] = rest else { return None };
    let end = HARDWARE_ADDRESS_AT + usize::from(len);
    let hardware_address = address.get(HARDWARE_ADDRESS_AT..end.min(address.len()))?;
    let pairs = [
        ("family", name("packet")),
        ("protocol", Term::int(u16::from_be_bytes(*protocol).into())),
        ("ifindex", Term::int(i32::from_ne_bytes(*index))),
        ("hatype", hardware_type(u16::from_ne_bytes(*hardware))),
        ("pkttype", packet_type(packet)),
        ("addr", heap.binary(hardware_address)),
    ];
    Some(map_of(heap, &pairs))
}

fn hardware_type(number: u16) -> Term<'static> {
    name(match number {
        libc::ARPHRD_NETROM => "netrom",
        libc::ARPHRD_ETHER => "ether",
        libc::ARPHRD_EETHER => "eether",
        libc::ARPHRD_AX25 => "ax25",
        libc::ARPHRD_PRONET => "pronet",
        libc::ARPHRD_CHAOS => "chaos",
        libc::ARPHRD_IEEE802 => "ieee802",
        libc::ARPHRD_ARCNET => "arcnet",
        libc::ARPHRD_APPLETLK => "appletlk",
        libc::ARPHRD_DLCI => "dlci",
        libc::ARPHRD_ATM => "atm",
        libc::ARPHRD_METRICOM => "metricom",
        libc::ARPHRD_IEEE1394 => "ieee1394",
        libc::ARPHRD_EUI64 => "eui64",
        libc::ARPHRD_INFINIBAND => "infiniband",
        libc::ARPHRD_TUNNEL => "tunnel",
        libc::ARPHRD_TUNNEL6 => "tunnel6",
        libc::ARPHRD_LOOPBACK => "loopback",
        libc::ARPHRD_LOCALTLK => "localtlk",
        libc::ARPHRD_NONE => "none",
        libc::ARPHRD_VOID => "void",
        _ => return Term::int(number.into()),
    })
}

/// `PACKET_…` of `linux/if_packet.h`.
fn packet_type(number: u8) -> Term<'static> {
    name(match number {
        0 => "host",
        1 => "broadcast",
        2 => "multicast",
        3 => "otherhost",
        4 => "outgoing",
        5 => "loopback",
        _ => return Term::int(number.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm::heap::OwnedTerm;

    /// Whether an address survives being a map.
    fn check(bytes: &[u8]) {
        let term = OwnedTerm::build(|heap| encode(heap, bytes));
        assert_eq!(decode(term.term()).as_deref(), Some(bytes));
    }

    #[test]
    fn there_and_back() {
        check(&[2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut v6 = vec![10, 0, 1, 2, 0, 0, 0, 0];
        v6.extend(1..=16);
        v6.extend([4, 0, 0, 0]);
        check(&v6);
        check(b"\x01\x00/tmp/x");
        check(b"\x01\x00\x00abstract");
        check(&[0, 0, 9, 9]);
        check(&[99, 0, 1]);
    }

    #[test]
    fn what_is_no_address() {
        for term in [Term::NIL, Term::int(1), Term::atom(vm::atom!("inet"))] {
            assert_eq!(decode(term), None);
        }
        let empty = OwnedTerm::build(map::empty);
        assert_eq!(decode(empty.term()), None);
    }
}
