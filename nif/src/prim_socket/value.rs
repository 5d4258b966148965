//! Values of options and control messages, as terms and as the system has them.

use std::net::{Ipv4Addr, Ipv6Addr};

use vm::heap::Heap;
use vm::term::Term;

use super::{atom, field, int, map_of};

/// Names and numbers, of which a term may be either.
type Names = &'static [(&'static str, i32)];

fn encode_named<'h>(names: Names, number: i32) -> Term<'h> {
    match names.iter().find(|(_, named)| *named == number) {
        Some((name, _)) => atom(name),
        None => Term::int(number),
    }
}

fn decode_named(names: Names, term: Term<'_>) -> Option<i32> {
    match term.as_atom() {
        Some(name) => names
            .iter()
            .find(|(known, _)| *known == name.name())
            .map(|&(_, number)| number),
        None => int(term),
    }
}

const DOMAINS: Names = &[
    ("inet", libc::AF_INET),
    ("inet6", libc::AF_INET6),
    ("local", libc::AF_UNIX),
    ("unspec", libc::AF_UNSPEC),
];

/// An address family.
pub(super) fn encode_domain<'h>(domain: i32) -> Term<'h> {
    encode_named(DOMAINS, domain)
}

/// An address family, and whether it was named.
pub(super) fn decode_domain(term: Term<'_>) -> Option<(i32, bool)> {
    Some((decode_named(DOMAINS, term)?, term.as_atom().is_some()))
}

const TYPES: Names = &[
    ("stream", libc::SOCK_STREAM),
    ("dgram", libc::SOCK_DGRAM),
    ("raw", libc::SOCK_RAW),
    ("seqpacket", libc::SOCK_SEQPACKET),
];

/// A socket's type.
pub(super) fn encode_type<'h>(kind: i32) -> Term<'h> {
    encode_named(TYPES, kind)
}

/// A socket's type.
pub(super) fn decode_type(term: Term<'_>) -> Option<i32> {
    decode_named(TYPES, term)
}

const LEVELS: Names = &[("socket", libc::SOL_SOCKET)];

/// The level of an option or a control message.
pub(super) fn encode_level<'h>(level: i32) -> Term<'h> {
    encode_named(LEVELS, level)
}

/// The level of an option or a control message.
pub(super) fn decode_level(term: Term<'_>) -> Option<i32> {
    decode_named(LEVELS, term)
}

/// `IPTOS_…` (`netinet/ip.h`).
const SERVICES: Names = &[
    ("lowdelay", 0x10),
    ("throughput", 0x08),
    ("reliability", 0x04),
    ("mincost", 0x02),
];
/// The bits of a type of service that have names.
const SERVICE_MASK: i32 = 0x1e;

/// A type of service: named by some of its bits, else as it is.
pub(super) fn encode_service<'h>(service: i32) -> Term<'h> {
    match SERVICES
        .iter()
        .find(|(_, bits)| *bits == service & SERVICE_MASK)
    {
        Some((name, _)) => atom(name),
        None => Term::int(service),
    }
}

/// A type of service.
pub(super) fn decode_service(term: Term<'_>) -> Option<i32> {
    decode_named(SERVICES, term)
}

/// `IP_PMTUDISC_…`, the same for IPv6.
const DISCOVERIES: Names = &[
    ("want", libc::IP_PMTUDISC_WANT),
    ("dont", libc::IP_PMTUDISC_DONT),
    ("do", libc::IP_PMTUDISC_DO),
    ("probe", libc::IP_PMTUDISC_PROBE),
];

/// How a path's largest packet is found out.
pub(super) fn encode_discovery<'h>(discovery: i32) -> Term<'h> {
    encode_named(DISCOVERIES, discovery)
}

/// How a path's largest packet is found out.
pub(super) fn decode_discovery(term: Term<'_>) -> Option<i32> {
    decode_named(DISCOVERIES, term)
}

/// `{A, B, C, D}`.
pub(super) fn encode_ip4<'h>(heap: Heap<'h>, address: Ipv4Addr) -> Term<'h> {
    let parts = address.octets().map(|part| Term::int(i32::from(part)));
    heap.tuple(&parts)
}

/// `{A, B, C, D, E, F, G, H}`.
pub(super) fn encode_ip6<'h>(heap: Heap<'h>, address: Ipv6Addr) -> Term<'h> {
    let parts = address.segments().map(|part| Term::int(i32::from(part)));
    heap.tuple(&parts)
}

/// C's `struct timeval`, of at least 16 bytes, as `#{sec, usec}`.
pub(super) fn encode_time<'h>(heap: Heap<'h>, data: &[u8]) -> Term<'h> {
    let part = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&data[at..at + 8]);
        heap.integer(i64::from_ne_bytes(bytes))
    };
    map_of(heap, &[("sec", part(0)), ("usec", part(8))])
}

/// C's `struct timeval`.
pub(super) fn decode_time(term: Term<'_>) -> Option<Vec<u8>> {
    let part = |name| Some(field(term, name)?.as_i64()?.to_ne_bytes());
    Some([part("sec")?, part("usec")?].concat())
}
