//! Control messages: the maps of module `socket` to and from the system's form.
//!
//! In the system's form each has a header (its whole length, level and type) and data, and begins at a
//! multiple of eight bytes (`cmsg(3)`).

use std::net::{Ipv4Addr, Ipv6Addr};

use vm::heap::Heap;
use vm::term::{Bits, Term};

use super::{atom, field, int, map_of, value};
use crate::{errno, sockaddr};

/// Bytes of a header.
const HEADER: usize = 16;
/// Bytes that a message's beginning is a multiple of.
const ALIGNMENT: usize = 8;

/// How the data of a type is written as a term.
type Encode = for<'h> fn(Heap<'h>, &[u8]) -> Option<Term<'h>>;
/// How a term is written as data.
type Decode = fn(Term<'_>) -> Option<Vec<u8>>;

/// A type of control messages.
struct Type {
    level: i32,
    name: &'static str,
    number: i32,
    encode: Option<Encode>,
    decode: Option<Decode>,
}

const fn row(
    level: i32,
    name: &'static str,
    number: i32,
    encode: Option<Encode>,
    decode: Option<Decode>,
) -> Type {
    Type {
        level,
        name,
        number,
        encode,
        decode,
    }
}

/// The types that have a name.
#[rustfmt::skip]
static TYPES: &[Type] = &[
    row(libc::SOL_SOCKET, "credentials", libc::SCM_CREDENTIALS, None, None),
    row(libc::SOL_SOCKET, "rights", libc::SCM_RIGHTS, None, None),
    row(libc::SOL_SOCKET, "timestamp", libc::SCM_TIMESTAMP, Some(encode_time), Some(value::decode_time)),
    row(libc::IPPROTO_IP, "tos", libc::IP_TOS, Some(encode_service), Some(decode_service)),
    row(libc::IPPROTO_IP, "ttl", libc::IP_TTL, Some(encode_int), Some(decode_int)),
    row(libc::IPPROTO_IP, "recvttl", libc::IP_RECVTTL, Some(encode_byte), None),
    row(libc::IPPROTO_IP, "pktinfo", libc::IP_PKTINFO, Some(encode_packet_info), None),
    row(libc::IPPROTO_IP, "origdstaddr", libc::IP_ORIGDSTADDR, Some(encode_address), None),
    row(libc::IPPROTO_IP, "recvtos", libc::IP_RECVTOS, Some(encode_service), None),
    row(libc::IPPROTO_IP, "recverr", libc::IP_RECVERR, Some(encode_error), None),
    row(libc::IPPROTO_IPV6, "pktinfo", libc::IPV6_PKTINFO, Some(encode_packet_info6), None),
    row(libc::IPPROTO_IPV6, "hoplimit", libc::IPV6_HOPLIMIT, Some(encode_int), Some(decode_int)),
    row(libc::IPPROTO_IPV6, "tclass", libc::IPV6_TCLASS, Some(encode_int), Some(decode_int)),
    row(libc::IPPROTO_IPV6, "recvtclass", libc::IPV6_RECVTCLASS, Some(encode_int), None),
    row(libc::IPPROTO_IPV6, "recverr", libc::IPV6_RECVERR, Some(encode_error), None),
];

/// Received messages as a list of maps.
pub(super) fn encode<'h>(heap: Heap<'h>, bytes: &[u8]) -> Term<'h> {
    let whole = heap.binary(bytes);
    let mut messages = Vec::new();
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + HEADER) {
        let (length, rest) = header.split_at(8);
        let length = usize::try_from(u64_at(length, 0)).unwrap_or(usize::MAX);
        if length < HEADER {
            break;
        }
        // What the system cut off has its whole length still.
        let Some(data) = bytes.get(at + HEADER..at.saturating_add(length)) else {
            messages.push(atom("bad_data"));
            break;
        };
        let part = whole
            .as_bits()
            .map(|bits| heap.part(bits, 8 * (at + HEADER), 8 * data.len()));
        let (level, kind) = (i32_at(rest, 0), i32_at(rest, 4));
        messages.push(message(heap, level, kind, data, part));
        at = at.saturating_add(length.next_multiple_of(ALIGNMENT));
    }
    heap.list(&messages)
}

fn message<'h>(
    heap: Heap<'h>,
    level: i32,
    kind: i32,
    data: &[u8],
    part: Option<Term<'h>>,
) -> Term<'h> {
    let found = TYPES
        .iter()
        .find(|row| row.level == level && row.number == kind);
    let name = found.map_or(Term::int(kind), |row| atom(row.name));
    let mut pairs = vec![
        ("level", value::encode_level(level)),
        ("type", name),
        ("data", part.unwrap_or_else(|| heap.binary(data))),
    ];
    if let Some(value) = found
        .and_then(|row| row.encode)
        .and_then(|encode| encode(heap, data))
    {
        pairs.push(("value", value));
    }
    map_of(heap, &pairs)
}

/// The system's form of a list of maps; none where one is not right or they need more than this room.
pub(super) fn decode(list: Term<'_>, room: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for message in list.proper_list()? {
        decode_message(message, &mut bytes)?;
        if bytes.len() > room {
            return None;
        }
    }
    Some(bytes)
}

fn decode_message(message: Term<'_>, bytes: &mut Vec<u8>) -> Option<()> {
    let level = value::decode_level(field(message, "level")?)?;
    let kind = field(message, "type")?;
    let named = || {
        let name = kind.as_atom()?;
        TYPES
            .iter()
            .find(|row| row.level == level && row.name == name.name())
    };
    let (number, data) = match (field(message, "data"), field(message, "value")) {
        (Some(_), Some(_)) | (None, None) => return None,
        (None, Some(value)) => {
            let row = named()?;
            (row.number, (row.decode?)(value)?)
        }
        (Some(data), None) => {
            let number = match int(kind) {
                Some(number) => number,
                None => named()?.number,
            };
            (number, decode_data(data)?)
        }
    };
    bytes.extend(((HEADER + data.len()) as u64).to_ne_bytes());
    bytes.extend(level.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    bytes.extend(&data);
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    Some(())
}

/// Data of any type: a binary as it is, a number or a truth value as C's `int`.
fn decode_data(data: Term<'_>) -> Option<Vec<u8>> {
    match data.as_bits().and_then(Bits::binary) {
        Some(data) => Some(data.into_owned()),
        None => decode_int(data).or_else(|| {
            let value = i32::from(data.as_bool()?);
            Some(value.to_ne_bytes().to_vec())
        }),
    }
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut value = [0; 8];
    value.copy_from_slice(&bytes[at..at + 8]);
    u64::from_ne_bytes(value)
}

fn encode_int<'h>(_: Heap<'h>, data: &[u8]) -> Option<Term<'h>> {
    (data.len() >= 4).then(|| Term::int(i32_at(data, 0)))
}

fn decode_int(value: Term<'_>) -> Option<Vec<u8>> {
    Some(int(value)?.to_ne_bytes().to_vec())
}

fn encode_byte<'h>(_: Heap<'h>, data: &[u8]) -> Option<Term<'h>> {
    data.first().map(|&byte| Term::int(i32::from(byte)))
}

fn encode_service<'h>(_: Heap<'h>, data: &[u8]) -> Option<Term<'h>> {
    data.first()
        .map(|&byte| value::encode_service(i32::from(byte)))
}

fn decode_service(value: Term<'_>) -> Option<Vec<u8>> {
    Some(value::decode_service(value)?.to_ne_bytes().to_vec())
}

fn encode_time<'h>(heap: Heap<'h>, data: &[u8]) -> Option<Term<'h>> {
    (data.len() >= 16).then(|| value::encode_time(heap, data))
}

fn encode_address<'h>(heap: Heap<'h>, data: &[u8]) -> Option<Term<'h>> {
    Some(sockaddr::encode(heap, data))
}

/// C's `struct in_pktinfo`.
fn encode_packet_info<'h>(heap: Heap<'h>, data: &[u8]) -> Option<Term<'h>> {
    let data: &[u8; 12] = data.first_chunk()?;
    let address = |at: usize| {
        let bytes = [data[at], data[at + 1], data[at + 2], data[at + 3]];
        value::encode_ip4(heap, Ipv4Addr::from(bytes))
    };
    Some(map_of(
        heap,
        &[
            ("ifindex", heap.unsigned(u64::from(i32_at(data, 0) as u32))),
            ("spec_dst", address(4)),
            ("addr", address(8)),
        ],
    ))
}

/// C's `struct in6_pktinfo`.
fn encode_packet_info6<'h>(heap: Heap<'h>, data: &[u8]) -> Option<Term<'h>> {
    let data: &[u8; 20] = data.first_chunk()?;
    let address: &[u8; 16] = data.first_chunk()?;
    Some(map_of(
        heap,
        &[
            ("addr", value::encode_ip6(heap, Ipv6Addr::from(*address))),
            ("ifindex", Term::int(i32_at(data, 16))),
        ],
    ))
}

/// Bytes of C's `struct sock_extended_err`, behind which is the address of who answered so.
const EXTENDED_ERROR: usize = 16;

/// C's `struct sock_extended_err`.
fn encode_error<'h>(heap: Heap<'h>, data: &[u8]) -> Option<Term<'h>> {
    let (error, offender) = data.split_at_checked(EXTENDED_ERROR)?;
    let [origin, kind, code] = [error[4], error[5], error[6]];
    let origin_term = match origin {
        libc::SO_EE_ORIGIN_NONE => atom("none"),
        libc::SO_EE_ORIGIN_LOCAL => atom("local"),
        libc::SO_EE_ORIGIN_ICMP => atom("icmp"),
        libc::SO_EE_ORIGIN_ICMP6 => atom("icmp6"),
        libc::SO_EE_ORIGIN_TXSTATUS => atom("txstatus"),
        SO_EE_ORIGIN_ZEROCOPY => atom("zerocopy"),
        SO_EE_ORIGIN_TXTIME => atom("txtime"),
        origin => Term::int(i32::from(origin)),
    };
    let (kind_name, code_name) = match origin {
        libc::SO_EE_ORIGIN_ICMP => icmp(kind, code),
        libc::SO_EE_ORIGIN_ICMP6 => icmp6(kind, code),
        _ => (None, None),
    };
    let named =
        |name: Option<&'static str>, number: u8| name.map_or(Term::int(i32::from(number)), atom);
    let mut pairs = vec![
        ("error", atom(errno::name(i32_at(error, 0)))),
        ("origin", origin_term),
        ("type", named(kind_name, kind)),
        ("code", named(code_name, code)),
        ("info", Term::int(i32_at(error, 8))),
        ("data", Term::int(i32_at(error, 12))),
    ];
    if !offender.is_empty() {
        pairs.push(("offender", sockaddr::encode(heap, offender)));
    }
    Some(map_of(heap, &pairs))
}

/// Not in the bindings (`linux/errqueue.h`).
const SO_EE_ORIGIN_ZEROCOPY: u8 = 5;
const SO_EE_ORIGIN_TXTIME: u8 = 6;

/// Names of an ICMP message's type and code (RFC 792).
fn icmp(kind: u8, code: u8) -> (Option<&'static str>, Option<&'static str>) {
    match kind {
        3 => (
            Some("dest_unreach"),
            match code {
                0 => Some("net_unreach"),
                1 => Some("host_unreach"),
                3 => Some("port_unreach"),
                4 => Some("frag_needed"),
                6 => Some("net_unknown"),
                7 => Some("host_unknown"),
                _ => None,
            },
        ),
        11 => (Some("time_exceeded"), None),
        _ => (None, None),
    }
}

/// Names of an ICMPv6 message's type and code (RFC 4443).
fn icmp6(kind: u8, code: u8) -> (Option<&'static str>, Option<&'static str>) {
    match kind {
        1 => (
            Some("dest_unreach"),
            match code {
                0 => Some("noroute"),
                1 => Some("adm_prohibited"),
                2 => Some("not_neighbour"),
                3 => Some("addr_unreach"),
                4 => Some("port_unreach"),
                5 => Some("policy_fail"),
                6 => Some("reject_route"),
                _ => None,
            },
        ),
        2 => (Some("pkt_toobig"), None),
        3 => (Some("time_exceeded"), None),
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vm::heap::OwnedTerm;

    /// A received message of one header.
    fn received(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER + data.len()) as u64).to_ne_bytes().to_vec();
        bytes.extend(level.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn what_is_sent_is_what_is_received() {
        let mut bytes = received(libc::IPPROTO_IP, libc::IP_TTL, &7_i32.to_ne_bytes());
        let list = OwnedTerm::build(|heap| encode(heap, &bytes));
        let message = list.term().list().next().expect("one message");
        assert_eq!(field(message, "value").and_then(int), Some(7));
        // With both data and value it is no message to send.
        assert_eq!(decode(list.term(), 1024), None);
        let sent = OwnedTerm::build(|heap| {
            let message = map_of(
                heap,
                &[
                    ("level", Term::int(libc::IPPROTO_IP)),
                    ("type", atom("ttl")),
                    ("value", Term::int(7)),
                ],
            );
            heap.list(&[message])
        });
        bytes.resize(24, 0);
        assert_eq!(decode(sent.term(), 1024), Some(bytes));
        assert_eq!(decode(sent.term(), 16), None);
    }

    #[test]
    fn a_message_cut_off_is_bad_data() {
        let mut bytes = received(libc::SOL_SOCKET, libc::SCM_RIGHTS, &[0; 8]);
        bytes.truncate(20);
        let list = OwnedTerm::build(|heap| encode(heap, &bytes));
        assert!(
            list.term()
                .list()
                .next()
                .is_some_and(|term| term.is_atom(vm::atom!("bad_data")))
        );
    }
}
