//! The native half of module `prim_socket`, so far as it is not about sockets: the table of protocols, which
//! `net:getaddrinfo` needs for their names. All else raises `notsup`, as in a VM built without sockets.

use vm::atom::Atom;
use vm::bif::{BifResult, Call, error_term};
use vm::heap::Heap;
use vm::term::Term;

use crate::prim_net::system;

vm::bifs! { "prim_socket":
    "nif_supports"/1 Plain supports_1;
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

fn supports_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if call.arg(0).is_atom(Atom::from_static("protocols")) {
        Ok(protocols(call.heap))
    } else {
        Err(error_term(Term::atom(Atom::from_static("notsup"))))
    }
}

/// `[{[Name | Aliases], Number}]`, the system's in reverse order.
fn protocols<'h>(heap: Heap<'h>) -> Term<'h> {
    let entry = |names: &[Term<'h>], number| heap.tuple(&[heap.list(names), Term::int(number)]);
    let mut all: Vec<_> = ALWAYS
        .iter()
        .map(|&(name, number)| entry(&[Term::atom(Atom::from_static(name))], number))
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
