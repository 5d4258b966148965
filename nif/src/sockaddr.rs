//! Socket addresses: the maps of module `socket` to and from the system's form.
//!
//! The system's form is a run of bytes that begins with the family in the machine's byte order; all else in
//! it is in the network's, but for what Linux keeps of interfaces.

use vm::atom::Atom;
use vm::heap::Heap;
use vm::map;
use vm::term::{Bits, Kind, Term};

/// The most that `sun_path` holds.
const PATH: usize = 108;
/// The offset of the path in a local address, and of the data in any.
const DATA: usize = 2;
const IN4: usize = size_of::<libc::sockaddr_in>();
const IN6: usize = size_of::<libc::sockaddr_in6>();
const LINK: usize = size_of::<libc::sockaddr_ll>();

fn atom<'h>(name: &'static str) -> Term<'h> {
    Term::atom(Atom::from_static(name))
}

/// The family's name, or its number where it has none.
pub fn encode_family<'h>(family: i32) -> Term<'h> {
    match family {
        libc::AF_UNSPEC => atom("unspec"),
        libc::AF_INET => atom("inet"),
        libc::AF_INET6 => atom("inet6"),
        libc::AF_UNIX => atom("local"),
        libc::AF_PACKET => atom("packet"),
        other => Term::int(other),
    }
}

/// A socket type's name, or its number where it has none.
pub fn encode_type<'h>(kind: i32) -> Term<'h> {
    match kind {
        libc::SOCK_STREAM => atom("stream"),
        libc::SOCK_DGRAM => atom("dgram"),
        libc::SOCK_RAW => atom("raw"),
        libc::SOCK_RDM => atom("rdm"),
        libc::SOCK_SEQPACKET => atom("seqpacket"),
        other => Term::int(other),
    }
}

fn map_of<'h>(heap: Heap<'h>, pairs: &[(&'static str, Term<'h>)]) -> Term<'h> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|&(key, value)| (atom(key), value))
        .collect();
    map::from_pairs(heap, &pairs)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn u32_native(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// An address as a map; one too short for its family keeps its bytes as they are.
pub fn encode<'h>(heap: Heap<'h>, bytes: &[u8]) -> Term<'h> {
    let Some(family) = bytes.first_chunk::<2>() else {
        return heap.binary(bytes);
    };
    let family = i32::from(u16::from_ne_bytes(*family));
    match family {
        libc::AF_INET if bytes.len() >= IN4 => {
            let parts: Vec<_> = bytes[4..8]
                .iter()
                .map(|&byte| Term::int(i32::from(byte)))
                .collect();
            map_of(
                heap,
                &[
                    ("family", atom("inet")),
                    ("port", Term::int(i32::from(u16_at(bytes, 2)))),
                    ("addr", heap.tuple(&parts)),
                ],
            )
        }
        libc::AF_INET6 if bytes.len() >= IN6 => {
            let parts: Vec<_> = (0..8)
                .map(|part| Term::int(i32::from(u16_at(bytes, 8 + 2 * part))))
                .collect();
            map_of(
                heap,
                &[
                    ("family", atom("inet6")),
                    ("port", Term::int(i32::from(u16_at(bytes, 2)))),
                    ("flowinfo", Term::size(u32_native(bytes, 4) as usize)),
                    ("scope_id", Term::size(u32_native(bytes, 24) as usize)),
                    ("addr", heap.tuple(&parts)),
                ],
            )
        }
        libc::AF_UNIX => {
            let path = &bytes[DATA..];
            // An abstract name begins with a zero and is as long as the address says.
            let end = match path.iter().position(|&byte| byte == 0) {
                Some(end) if end > 0 => end,
                _ => path.len(),
            };
            let path = heap.binary(&path[..end]);
            map_of(heap, &[("family", atom("local")), ("path", path)])
        }
        libc::AF_PACKET if bytes.len() >= LINK => encode_link(heap, bytes),
        other => map_of(
            heap,
            &[
                ("family", encode_family(other)),
                ("addr", heap.binary(&bytes[DATA..])),
            ],
        ),
    }
}

/// The address that a message came from; `unspec` where it came without.
pub fn encode_received<'h>(heap: Heap<'h>, bytes: &[u8]) -> Term<'h> {
    match bytes {
        [] => encode(heap, &(libc::AF_UNSPEC as u16).to_ne_bytes()),
        bytes => encode(heap, bytes),
    }
}

/// An address of the link layer (`packet(7)`).
fn encode_link<'h>(heap: Heap<'h>, bytes: &[u8]) -> Term<'h> {
    let hardware = u16::from_ne_bytes([bytes[8], bytes[9]]);
    let hardware = match hardware {
        libc::ARPHRD_NETROM => atom("netrom"),
        libc::ARPHRD_ETHER => atom("ether"),
        libc::ARPHRD_EETHER => atom("eether"),
        libc::ARPHRD_AX25 => atom("ax25"),
        libc::ARPHRD_PRONET => atom("pronet"),
        libc::ARPHRD_CHAOS => atom("chaos"),
        libc::ARPHRD_IEEE802 => atom("ieee802"),
        libc::ARPHRD_ARCNET => atom("arcnet"),
        libc::ARPHRD_APPLETLK => atom("appletlk"),
        libc::ARPHRD_DLCI => atom("dlci"),
        libc::ARPHRD_ATM => atom("atm"),
        libc::ARPHRD_METRICOM => atom("metricom"),
        libc::ARPHRD_IEEE1394 => atom("ieee1394"),
        libc::ARPHRD_EUI64 => atom("eui64"),
        libc::ARPHRD_INFINIBAND => atom("infiniband"),
        libc::ARPHRD_TUNNEL => atom("tunnel"),
        libc::ARPHRD_TUNNEL6 => atom("tunnel6"),
        libc::ARPHRD_LOOPBACK => atom("loopback"),
        libc::ARPHRD_LOCALTLK => atom("localtlk"),
        libc::ARPHRD_NONE => atom("none"),
        libc::ARPHRD_VOID => atom("void"),
        other => Term::int(i32::from(other)),
    };
    let kind = match bytes[10] {
        libc::PACKET_HOST => atom("host"),
        libc::PACKET_BROADCAST => atom("broadcast"),
        libc::PACKET_MULTICAST => atom("multicast"),
        libc::PACKET_OTHERHOST => atom("otherhost"),
        libc::PACKET_OUTGOING => atom("outgoing"),
        libc::PACKET_LOOPBACK => atom("loopback"),
        libc::PACKET_USER => atom("user"),
        libc::PACKET_KERNEL => atom("kernel"),
        other => Term::int(i32::from(other)),
    };
    let length = usize::from(bytes[11]).min(8);
    map_of(
        heap,
        &[
            ("family", atom("packet")),
            ("protocol", Term::int(i32::from(u16_at(bytes, 2)))),
            ("ifindex", Term::size(u32_native(bytes, 4) as usize)),
            ("hatype", hardware),
            ("pkttype", kind),
            ("addr", heap.binary(&bytes[12..12 + length])),
        ],
    )
}

/// The system's form of a map; none for what is no address.
pub fn decode(term: Term<'_>) -> Option<Vec<u8>> {
    let Kind::Map(map) = term.kind() else {
        return None;
    };
    let get = |key: &'static str| map::get(map, atom(key));
    let family = get("family")?;
    let number = match family.as_atom().map(|name| name.name()) {
        Some("inet") => libc::AF_INET,
        Some("inet6") => libc::AF_INET6,
        Some("local") => libc::AF_UNIX,
        Some("unspec") => libc::AF_UNSPEC,
        Some(_) => return None,
        None => i32::try_from(family.as_small()?).ok()?,
    };
    let mut bytes = u16::try_from(number).ok()?.to_ne_bytes().to_vec();
    let named = family.as_atom().is_some();
    // C takes what a port's two bytes hold of an `int`.
    let port = || Some((i32::try_from(get("port")?.as_small()?).ok()? as u16).to_be_bytes());
    let word = |key| u32::try_from(get(key)?.as_small()?).ok();
    match number {
        libc::AF_INET if named => {
            bytes.extend(port()?);
            bytes.extend(decode_ip4(get("addr")?)?);
            bytes.resize(IN4, 0);
        }
        libc::AF_INET6 if named => {
            bytes.extend(port()?);
            bytes.extend(word("flowinfo")?.to_ne_bytes());
            bytes.extend(decode_ip6(get("addr")?)?);
            bytes.extend(word("scope_id")?.to_ne_bytes());
        }
        libc::AF_UNIX if named => {
            let path = get("path")?.as_bits().and_then(Bits::binary)?;
            let zero = usize::from(path.first() != Some(&0));
            if path.len() + zero > PATH {
                return None;
            }
            bytes.extend_from_slice(&path);
        }
        _ => {
            let data = get("addr")?.as_bits().and_then(Bits::binary)?;
            if DATA + data.len() > size_of::<libc::sockaddr_storage>() {
                return None;
            }
            bytes.extend_from_slice(&data);
        }
    }
    Some(bytes)
}

/// `{A, B, C, D}` or a name.
pub(crate) fn decode_ip4(term: Term<'_>) -> Option<[u8; 4]> {
    if let Some(name) = term.as_atom() {
        return match name.name() {
            "any" => Some([0; 4]),
            "loopback" => Some([127, 0, 0, 1]),
            "broadcast" => Some([255; 4]),
            _ => None,
        };
    }
    let parts: Option<Vec<u8>> = term
        .as_tuple()?
        .elements()
        .iter()
        .map(|part| u8::try_from(part.as_small()?).ok())
        .collect();
    parts?.try_into().ok()
}

/// `{A, …, H}` or a name.
pub(crate) fn decode_ip6(term: Term<'_>) -> Option<[u8; 16]> {
    if let Some(name) = term.as_atom() {
        return match name.name() {
            "any" => Some([0; 16]),
            "loopback" => Some(std::net::Ipv6Addr::LOCALHOST.octets()),
            _ => None,
        };
    }
    let parts: Option<Vec<[u8; 2]>> = term
        .as_tuple()?
        .elements()
        .iter()
        .map(|part| Some(u16::try_from(part.as_small()?).ok()?.to_be_bytes()))
        .collect();
    parts?.concat().try_into().ok()
}
