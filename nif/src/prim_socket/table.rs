//! The options that are known, and other numbers with names.
//!
//! Module `socket` shows what is here as supported, so that an option that the stock VM does not know on
//! Linux is here too, without a number.

use vm::heap::Heap;
use vm::term::Term;

use super::{atom, value};

/// How an option's value is written as a term.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Bool,
    Int,
    /// The name of an interface; C's string.
    Device,
    /// A name of the system's.
    Congestion,
    Linger,
    Domain,
    Type,
    Protocol,
    Service,
    Discovery,
    /// An interface by its IPv4 address.
    Interface,
    Membership,
    Membership6,
    SourceMembership,
    SourceFilter,
    /// Control messages.
    Messages,
    AddressForm,
    /// 0 to 255, or `default`.
    Hops,
    /// A structure of numbers.
    Record(&'static [(&'static str, Width)]),
    /// A structure of truth values, a byte each.
    Flags(&'static [&'static str]),
}

/// How wide a number of a structure is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Two,
    Four,
}

/// What can be done with an option.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Get,
    Set,
    Both,
}

/// An option.
pub(super) struct Row {
    pub level: i32,
    pub name: &'static str,
    /// Its number and more, where the system has it.
    pub known: Option<(i32, Codec, Access)>,
}

const fn row(level: i32, name: &'static str, number: i32, codec: Codec, access: Access) -> Row {
    Row {
        level,
        name,
        known: Some((number, codec, access)),
    }
}

const fn unknown(level: i32, name: &'static str) -> Row {
    Row {
        level,
        name,
        known: None,
    }
}

use Access::{Both, Get, Set};
use Codec::{Bool, Int};
use Width::{Four, Two};
use libc::{
    IPPROTO_IP as IP, IPPROTO_IPV6 as IPV6, IPPROTO_SCTP as SCTP, IPPROTO_TCP as TCP,
    IPPROTO_UDP as UDP, SOL_SOCKET as SOCKET,
};

/// Not in the bindings (`linux/in.h`, `linux/in6.h`, `linux/udp.h`).
mod number {
    pub const IP_ROUTER_ALERT: i32 = 5;
    pub const IP_RECVOPTS: i32 = 6;
    pub const IP_RETOPTS: i32 = 7;
    pub const IP_PKTOPTIONS: i32 = 9;
    pub const IP_MTU: i32 = 14;
    pub const IP_FREEBIND: i32 = 15;
    pub const IP_MINTTL: i32 = 21;
    pub const IP_NODEFRAG: i32 = 22;
    pub const IP_UNBLOCK_SOURCE: i32 = 37;
    pub const IP_BLOCK_SOURCE: i32 = 38;
    pub const IP_MSFILTER: i32 = 41;
    pub const IP_MULTICAST_ALL: i32 = 49;
    pub const IPV6_ADDRFORM: i32 = 1;
    pub const IPV6_AUTHHDR: i32 = 10;
    pub const IPV6_FLOWINFO: i32 = 11;
    pub const UDP_CORK: i32 = 1;
    pub const SCTP_RTOINFO: i32 = 0;
    pub const SCTP_ASSOCINFO: i32 = 1;
    pub const SCTP_INITMSG: i32 = 2;
    pub const SCTP_NODELAY: i32 = 3;
    pub const SCTP_AUTOCLOSE: i32 = 4;
    pub const SCTP_DISABLE_FRAGMENTS: i32 = 8;
    pub const SCTP_EVENTS: i32 = 11;
    pub const SCTP_MAXSEG: i32 = 13;
}

/// All options.
#[rustfmt::skip]
pub(super) static OPTIONS: &[Row] = &[
    row(SOCKET, "acceptconn", libc::SO_ACCEPTCONN, Bool, Both),
    unknown(SOCKET, "acceptfilter"),
    row(SOCKET, "bindtodevice", libc::SO_BINDTODEVICE, Codec::Device, Both),
    row(SOCKET, "broadcast", libc::SO_BROADCAST, Bool, Both),
    unknown(SOCKET, "busy_poll"),
    row(SOCKET, "debug", libc::SO_DEBUG, Int, Both),
    row(SOCKET, "domain", libc::SO_DOMAIN, Codec::Domain, Get),
    row(SOCKET, "dontroute", libc::SO_DONTROUTE, Bool, Both),
    unknown(SOCKET, "error"),
    row(SOCKET, "keepalive", libc::SO_KEEPALIVE, Bool, Both),
    row(SOCKET, "linger", libc::SO_LINGER, Codec::Linger, Both),
    unknown(SOCKET, "mark"),
    row(SOCKET, "oobinline", libc::SO_OOBINLINE, Bool, Both),
    row(SOCKET, "passcred", libc::SO_PASSCRED, Bool, Both),
    row(SOCKET, "peek_off", libc::SO_PEEK_OFF, Int, Both),
    unknown(SOCKET, "peercred"),
    row(SOCKET, "priority", libc::SO_PRIORITY, Int, Both),
    row(SOCKET, "protocol", libc::SO_PROTOCOL, Codec::Protocol, Get),
    row(SOCKET, "rcvbuf", libc::SO_RCVBUF, Int, Both),
    unknown(SOCKET, "rcvbufforce"),
    row(SOCKET, "rcvlowat", libc::SO_RCVLOWAT, Int, Both),
    unknown(SOCKET, "rcvtimeo"),
    row(SOCKET, "reuseaddr", libc::SO_REUSEADDR, Bool, Both),
    row(SOCKET, "reuseport", libc::SO_REUSEPORT, Bool, Both),
    unknown(SOCKET, "rxq_ovfl"),
    unknown(SOCKET, "setfib"),
    row(SOCKET, "sndbuf", libc::SO_SNDBUF, Int, Both),
    unknown(SOCKET, "sndbufforce"),
    row(SOCKET, "sndlowat", libc::SO_SNDLOWAT, Int, Both),
    unknown(SOCKET, "sndtimeo"),
    row(SOCKET, "timestamp", libc::SO_TIMESTAMP, Bool, Both),
    row(SOCKET, "type", libc::SO_TYPE, Codec::Type, Get),

    row(IP, "add_membership", libc::IP_ADD_MEMBERSHIP, Codec::Membership, Set),
    row(IP, "add_source_membership", libc::IP_ADD_SOURCE_MEMBERSHIP, Codec::SourceMembership, Set),
    row(IP, "block_source", number::IP_BLOCK_SOURCE, Codec::SourceMembership, Set),
    unknown(IP, "dontfrag"),
    row(IP, "drop_membership", libc::IP_DROP_MEMBERSHIP, Codec::Membership, Set),
    row(IP, "drop_source_membership", libc::IP_DROP_SOURCE_MEMBERSHIP, Codec::SourceMembership, Set),
    row(IP, "freebind", number::IP_FREEBIND, Bool, Both),
    row(IP, "hdrincl", libc::IP_HDRINCL, Bool, Both),
    row(IP, "minttl", number::IP_MINTTL, Int, Both),
    row(IP, "msfilter", number::IP_MSFILTER, Codec::SourceFilter, Set),
    row(IP, "mtu", number::IP_MTU, Int, Get),
    row(IP, "mtu_discover", libc::IP_MTU_DISCOVER, Codec::Discovery, Both),
    row(IP, "multicast_all", number::IP_MULTICAST_ALL, Bool, Both),
    row(IP, "multicast_if", libc::IP_MULTICAST_IF, Codec::Interface, Both),
    row(IP, "multicast_loop", libc::IP_MULTICAST_LOOP, Bool, Both),
    row(IP, "multicast_ttl", libc::IP_MULTICAST_TTL, Int, Both),
    row(IP, "nodefrag", number::IP_NODEFRAG, Bool, Both),
    unknown(IP, "options"),
    row(IP, "pktinfo", libc::IP_PKTINFO, Bool, Both),
    row(IP, "pktoptions", number::IP_PKTOPTIONS, Codec::Messages, Get),
    unknown(IP, "recvdstaddr"),
    row(IP, "recverr", libc::IP_RECVERR, Bool, Both),
    unknown(IP, "recvif"),
    row(IP, "recvopts", number::IP_RECVOPTS, Bool, Both),
    row(IP, "recvorigdstaddr", libc::IP_RECVORIGDSTADDR, Bool, Both),
    row(IP, "recvtos", libc::IP_RECVTOS, Bool, Both),
    row(IP, "recvttl", libc::IP_RECVTTL, Bool, Both),
    row(IP, "retopts", number::IP_RETOPTS, Bool, Both),
    row(IP, "router_alert", number::IP_ROUTER_ALERT, Int, Both),
    unknown(IP, "sendsrcaddr"),
    row(IP, "tos", libc::IP_TOS, Codec::Service, Both),
    row(IP, "transparent", libc::IP_TRANSPARENT, Bool, Both),
    row(IP, "ttl", libc::IP_TTL, Int, Both),
    row(IP, "unblock_source", number::IP_UNBLOCK_SOURCE, Codec::SourceMembership, Set),

    row(IPV6, "addrform", number::IPV6_ADDRFORM, Codec::AddressForm, Set),
    row(IPV6, "add_membership", libc::IPV6_ADD_MEMBERSHIP, Codec::Membership6, Set),
    row(IPV6, "authhdr", number::IPV6_AUTHHDR, Bool, Both),
    unknown(IPV6, "auth_level"),
    unknown(IPV6, "checksum"),
    row(IPV6, "drop_membership", libc::IPV6_DROP_MEMBERSHIP, Codec::Membership6, Set),
    row(IPV6, "dstopts", libc::IPV6_DSTOPTS, Bool, Both),
    unknown(IPV6, "esp_network_level"),
    unknown(IPV6, "esp_trans_level"),
    unknown(IPV6, "faith"),
    row(IPV6, "flowinfo", number::IPV6_FLOWINFO, Bool, Both),
    row(IPV6, "hoplimit", libc::IPV6_HOPLIMIT, Bool, Both),
    row(IPV6, "hopopts", libc::IPV6_HOPOPTS, Bool, Both),
    unknown(IPV6, "ipcomp_level"),
    unknown(IPV6, "join_group"),
    unknown(IPV6, "leave_group"),
    row(IPV6, "mtu", libc::IPV6_MTU, Int, Both),
    row(IPV6, "mtu_discover", libc::IPV6_MTU_DISCOVER, Codec::Discovery, Both),
    row(IPV6, "multicast_hops", libc::IPV6_MULTICAST_HOPS, Codec::Hops, Both),
    row(IPV6, "multicast_if", libc::IPV6_MULTICAST_IF, Int, Both),
    row(IPV6, "multicast_loop", libc::IPV6_MULTICAST_LOOP, Bool, Both),
    unknown(IPV6, "pktoptions"),
    unknown(IPV6, "portrange"),
    row(IPV6, "recverr", libc::IPV6_RECVERR, Bool, Both),
    row(IPV6, "recvhoplimit", libc::IPV6_RECVHOPLIMIT, Bool, Both),
    row(IPV6, "recvpktinfo", libc::IPV6_RECVPKTINFO, Bool, Both),
    row(IPV6, "recvtclass", libc::IPV6_RECVTCLASS, Bool, Both),
    row(IPV6, "router_alert", libc::IPV6_ROUTER_ALERT, Int, Both),
    row(IPV6, "rthdr", libc::IPV6_RTHDR, Bool, Both),
    row(IPV6, "tclass", libc::IPV6_TCLASS, Int, Both),
    row(IPV6, "unicast_hops", libc::IPV6_UNICAST_HOPS, Codec::Hops, Both),
    unknown(IPV6, "use_min_mtu"),
    row(IPV6, "v6only", libc::IPV6_V6ONLY, Bool, Both),

    row(UDP, "cork", number::UDP_CORK, Bool, Both),

    row(TCP, "congestion", libc::TCP_CONGESTION, Codec::Congestion, Both),
    row(TCP, "cork", libc::TCP_CORK, Bool, Both),
    unknown(TCP, "info"),
    unknown(TCP, "keepcnt"),
    unknown(TCP, "keepidle"),
    unknown(TCP, "keepintvl"),
    row(TCP, "maxseg", libc::TCP_MAXSEG, Int, Both),
    unknown(TCP, "md5sig"),
    row(TCP, "nodelay", libc::TCP_NODELAY, Bool, Both),
    unknown(TCP, "noopt"),
    unknown(TCP, "nopush"),
    unknown(TCP, "syncnt"),
    unknown(TCP, "user_timeout"),

    unknown(SCTP, "adaption_layer"),
    row(SCTP, "associnfo", number::SCTP_ASSOCINFO, Codec::Record(ASSOCIATION), Both),
    unknown(SCTP, "auth_active_key"),
    unknown(SCTP, "auth_chunk"),
    unknown(SCTP, "auth_delete_key"),
    unknown(SCTP, "auth_key"),
    row(SCTP, "autoclose", number::SCTP_AUTOCLOSE, Int, Both),
    unknown(SCTP, "context"),
    unknown(SCTP, "default_send_params"),
    unknown(SCTP, "delayed_ack_time"),
    row(SCTP, "disable_fragments", number::SCTP_DISABLE_FRAGMENTS, Bool, Both),
    unknown(SCTP, "hmac_ident"),
    row(SCTP, "events", number::SCTP_EVENTS, Codec::Flags(EVENTS), Set),
    unknown(SCTP, "explicit_eor"),
    unknown(SCTP, "fragment_interleave"),
    unknown(SCTP, "get_peer_addr_info"),
    row(SCTP, "initmsg", number::SCTP_INITMSG, Codec::Record(INITIATION), Both),
    unknown(SCTP, "i_want_mapped_v4_addr"),
    unknown(SCTP, "local_auth_chunks"),
    row(SCTP, "maxseg", number::SCTP_MAXSEG, Int, Both),
    unknown(SCTP, "maxburst"),
    row(SCTP, "nodelay", number::SCTP_NODELAY, Bool, Both),
    unknown(SCTP, "partial_delivery_point"),
    unknown(SCTP, "peer_addr_params"),
    unknown(SCTP, "peer_auth_chunks"),
    unknown(SCTP, "primary_addr"),
    unknown(SCTP, "reset_streams"),
    row(SCTP, "rtoinfo", number::SCTP_RTOINFO, Codec::Record(RETRANSMISSION), Both),
    unknown(SCTP, "set_peer_primary_addr"),
    unknown(SCTP, "status"),
    unknown(SCTP, "use_ext_recvinfo"),
];

/// C's `struct sctp_assocparams`.
const ASSOCIATION: &[(&str, Width)] = &[
    ("assoc_id", Four),
    ("asocmaxrxt", Two),
    ("number_peer_destinations", Two),
    ("peer_rwnd", Four),
    ("local_rwnd", Four),
    ("cookie_life", Four),
];
/// C's `struct sctp_initmsg`.
const INITIATION: &[(&str, Width)] = &[
    ("num_outstreams", Two),
    ("max_instreams", Two),
    ("max_attempts", Two),
    ("max_init_timeo", Two),
];
/// C's `struct sctp_rtoinfo`.
const RETRANSMISSION: &[(&str, Width)] = &[
    ("assoc_id", Four),
    ("initial", Four),
    ("max", Four),
    ("min", Four),
];
/// C's `struct sctp_event_subscribe`.
const EVENTS: &[&str] = &[
    "data_io",
    "association",
    "address",
    "send_failure",
    "peer_error",
    "shutdown",
    "partial_delivery",
    "adaptation_layer",
    "authentication",
    "sender_dry",
];

/// The option of a number.
pub(super) fn find(level: i32, number: i32) -> Option<(Codec, Access)> {
    OPTIONS
        .iter()
        .filter(|row| row.level == level)
        .find_map(|row| {
            let (known, codec, access) = row.known?;
            (known == number).then_some((codec, access))
        })
}

/// `[{Level, [{Name, Number} | Name]}]`.
pub(super) fn supported<'h>(heap: Heap<'h>) -> Term<'h> {
    let level = |level: i32| {
        let options: Vec<_> = OPTIONS
            .iter()
            .filter(|row| row.level == level)
            .map(|row| match row.known {
                Some((number, ..)) => heap.tuple(&[atom(row.name), Term::int(number)]),
                None => atom(row.name),
            })
            .collect();
        heap.tuple(&[value::encode_level(level), heap.list(&options)])
    };
    let levels = [SCTP, IPV6, UDP, TCP, SOCKET, IP].map(level);
    heap.list(&levels)
}

/// Flags of messages, in the order in which they are listed.
pub(super) const MESSAGE_FLAGS: &[(&str, i32)] = &[
    ("cmsg_cloexec", libc::MSG_CMSG_CLOEXEC),
    ("confirm", libc::MSG_CONFIRM),
    ("ctrunc", libc::MSG_CTRUNC),
    ("dontroute", libc::MSG_DONTROUTE),
    ("eor", libc::MSG_EOR),
    ("errqueue", libc::MSG_ERRQUEUE),
    ("more", libc::MSG_MORE),
    ("nosignal", libc::MSG_NOSIGNAL),
    ("oob", libc::MSG_OOB),
    ("peek", libc::MSG_PEEK),
    ("trunc", libc::MSG_TRUNC),
];

/// Flags of interfaces, in the order in which they are listed; 0 for those of other systems.
pub(super) const INTERFACE_FLAGS: &[(&str, i32)] = &[
    ("up", libc::IFF_UP),
    ("broadcast", libc::IFF_BROADCAST),
    ("debug", libc::IFF_DEBUG),
    ("loopback", libc::IFF_LOOPBACK),
    ("pointopoint", libc::IFF_POINTOPOINT),
    ("notrailers", libc::IFF_NOTRAILERS),
    ("knowsepoch", 0),
    ("running", libc::IFF_RUNNING),
    ("noarp", libc::IFF_NOARP),
    ("promisc", libc::IFF_PROMISC),
    ("allmulti", libc::IFF_ALLMULTI),
    ("master", libc::IFF_MASTER),
    ("slave", libc::IFF_SLAVE),
    ("multicast", libc::IFF_MULTICAST),
    ("portsel", libc::IFF_PORTSEL),
    ("automedia", libc::IFF_AUTOMEDIA),
    ("dynamic", libc::IFF_DYNAMIC),
    ("lower_up", libc::IFF_LOWER_UP),
    ("dormant", libc::IFF_DORMANT),
    ("echo", libc::IFF_ECHO),
    ("oactive", 0),
    ("simplex", 0),
    ("link0", 0),
    ("link1", 0),
    ("link2", 0),
    ("monitor", 0),
    ("ppromisc", 0),
    ("staticarp", 0),
    ("dying", 0),
    ("renaming", 0),
    ("nogroup", 0),
    ("cantconfig", 0),
];

/// Requests about interfaces (`linux/sockios.h`).
pub(super) const IOCTL_REQUESTS: &[(&str, i32)] = &[
    ("gifname", 0x8910),
    ("gifconf", 0x8912),
    ("gifflags", 0x8913),
    ("sifflags", 0x8914),
    ("gifaddr", 0x8915),
    ("sifaddr", 0x8916),
    ("gifdstaddr", 0x8917),
    ("sifdstaddr", 0x8918),
    ("gifbrdaddr", 0x8919),
    ("sifbrdaddr", 0x891a),
    ("gifnetmask", 0x891b),
    ("gifmtu", 0x8921),
    ("sifmtu", 0x8922),
    ("gifhwaddr", 0x8927),
    ("gifindex", 0x8933),
    ("giftxqlen", 0x8942),
    ("siftxqlen", 0x8943),
    ("gifmap", 0x8970),
];

/// The names of the flags that are set, and what has no name as a number.
pub(super) fn encode_flags<'h>(
    heap: Heap<'h>,
    names: &[(&'static str, i32)],
    flags: i32,
) -> Term<'h> {
    let mut left = flags;
    let mut set = Vec::new();
    for &(name, flag) in names {
        if flag != 0 && left & flag == flag {
            left &= !flag;
            set.push(atom(name));
        }
    }
    if left != 0 {
        set.push(Term::int(left));
    }
    heap.list(&set)
}
