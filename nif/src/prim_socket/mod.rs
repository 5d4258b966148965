//! The native half of module `prim_socket`: sockets of the operating system, as OTP 25 has them.
//!
//! A socket is a magic reference to a [`socket::Socket`]. No call waits: what the system cannot do yet is
//! answered by `select`, and the caller gets `{'$socket', Socket, select, Ref}` when it may try again
//! ([`request`] says who is told when several processes ask for the same). Files:
//!
//! | file | subject |
//! |---|---|
//! | [`socket`] | a socket: its state, its owner, how it ends |
//! | [`request`] | processes that wait for a socket |
//! | [`open`], [`connect`], [`accept`] | making sockets, naming them, connecting them |
//! | [`send`], [`sendfile`], [`receive`] | data out and in |
//! | [`control`] | control messages |
//! | [`table`], [`set`], [`get`], [`otp`], [`value`] | options |
//! | [`ioctl`] | interfaces |
//! | [`info`] | what is supported; what a socket is; counters |
//! | [`system`] | the calls of the C library |

mod accept;
mod connect;
mod control;
mod get;
mod info;
mod ioctl;
mod open;
mod otp;
mod receive;
mod request;
mod send;
mod sendfile;
mod set;
mod socket;
#[allow(unsafe_code, reason = "calls the C library")]
mod system;
mod table;
mod value;

use rustix::io::Errno;
use vm::atom::{Atom, well_known};
use vm::bif::{BifResult, Call, Stop, badarg, error_term};
use vm::heap::Heap;
use vm::map;
use vm::term::{Kind, Pid, Term};

use crate::errno;
pub use info::load;
use socket::Socket;

vm::bifs! { "prim_socket":
    "nif_info"/0 Plain info::info_0;
    "nif_info"/1 Plain info::info_1;
    "nif_supports"/0 Plain info::supports_0;
    "nif_supports"/1 Plain info::supports_1;
    "nif_command"/1 Plain info::command_1;
    "nif_open"/2 Plain open::open_2;
    "nif_open"/4 Heavy open::open_4;
    "nif_bind"/2 Plain open::bind_2;
    "nif_connect"/1 Plain connect::connect_1;
    "nif_connect"/3 Plain connect::connect_3;
    "nif_listen"/2 Plain open::listen_2;
    "nif_accept"/2 Plain accept::accept_2;
    "nif_send"/4 Plain send::send_4;
    "nif_sendto"/5 Plain send::sendto_5;
    "nif_sendmsg"/5 Plain send::sendmsg_5;
    "nif_sendfile"/5 Heavy sendfile::sendfile_5;
    "nif_sendfile"/4 Heavy sendfile::sendfile_4;
    "nif_sendfile"/1 Plain sendfile::sendfile_1;
    "nif_recv"/4 Plain receive::recv_4;
    "nif_recvfrom"/4 Plain receive::recvfrom_4;
    "nif_recvmsg"/5 Plain receive::recvmsg_5;
    "nif_close"/1 Plain socket::close_1;
    "nif_finalize_close"/1 Heavy socket::finalize_close_1;
    "nif_shutdown"/2 Plain open::shutdown_2;
    "nif_setopt"/5 Plain set::setopt_5;
    "nif_getopt"/3 Plain get::getopt_3;
    "nif_getopt"/4 Plain get::getopt_4;
    "nif_sockname"/1 Plain open::sockname_1;
    "nif_peername"/1 Plain open::peername_1;
    "nif_ioctl"/2 Plain ioctl::ioctl_2;
    "nif_ioctl"/3 Plain ioctl::ioctl_3;
    "nif_ioctl"/4 Plain ioctl::ioctl_4;
    "nif_cancel"/3 Plain request::cancel_3;
}

fn atom<'h>(name: &'static str) -> Term<'h> {
    Term::atom(Atom::from_static(name))
}

/// The socket of the first argument.
fn socket<'p>(call: Call<'p>) -> Result<&'p Socket, Stop<'p>> {
    call.arg(0).resource::<Socket>().ok_or_else(badarg)
}

/// `{ok, Value}`.
fn ok<'h>(heap: Heap<'h>, value: Term<'h>) -> Term<'h> {
    heap.tuple(&[Term::OK, value])
}

/// `{error, Reason}`.
fn refused<'h>(heap: Heap<'h>, reason: Term<'h>) -> Term<'h> {
    heap.tuple(&[Term::atom(well_known::ERROR), reason])
}

/// An error number's atom.
fn reason<'h>(error: Errno) -> Term<'h> {
    atom(errno::name(error.raw_os_error()))
}

/// `{error, Posix}`.
fn posix<'h>(heap: Heap<'h>, error: Errno) -> Term<'h> {
    refused(heap, reason(error))
}

/// `{error, closed}`.
fn closed<'h>(heap: Heap<'h>) -> Term<'h> {
    refused(heap, atom("closed"))
}

/// `{invalid, What}`, which the Erlang half turns into an error.
fn invalid<'h>(heap: Heap<'h>, what: Term<'h>) -> Term<'h> {
    heap.tuple(&[atom("invalid"), what])
}

/// `{error, {invalid, What}}`.
fn refused_invalid<'h>(heap: Heap<'h>, what: Term<'h>) -> Term<'h> {
    refused(heap, invalid(heap, what))
}

/// Raises `{invalid, What}`.
fn raise_invalid<'h>(heap: Heap<'h>, what: Term<'h>) -> Stop<'h> {
    error_term(invalid(heap, what))
}

/// `{invalid, {integer_range, Term}}`.
fn out_of_range<'h>(heap: Heap<'h>, term: Term<'h>) -> Term<'h> {
    invalid(heap, heap.tuple(&[atom("integer_range"), term]))
}

/// C's `int`.
fn int(term: Term<'_>) -> Option<i32> {
    i32::try_from(term.as_i64()?).ok()
}

/// C's `unsigned int`.
fn uint(term: Term<'_>) -> Option<u32> {
    u32::try_from(term.as_u64()?).ok()
}

/// An argument that must be C's `int`; the answer for one that is a larger integer.
fn int_argument<'p>(call: Call<'p>, index: usize) -> Result<i32, BifResult<'p>> {
    let term = call.arg(index);
    int(term).ok_or_else(|| match term.is_integer() {
        true => Ok(out_of_range(call.heap, term)),
        false => Err(badarg()),
    })
}

/// An argument that must be a size in memory; the answer for one that is another integer.
fn size_argument<'p>(call: Call<'p>, index: usize) -> Result<usize, BifResult<'p>> {
    let term = call.arg(index);
    let size = term
        .as_u64()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|&size| isize::try_from(size).is_ok());
    size.ok_or_else(|| match term.is_integer() {
        true => Ok(out_of_range(call.heap, term)),
        false => Err(badarg()),
    })
}

fn is_ref(term: Term<'_>) -> bool {
    matches!(term.kind(), Kind::Ref(_) | Kind::ExternalRef(_))
}

/// A key of a map.
fn field<'h>(term: Term<'h>, key: &'static str) -> Option<Term<'h>> {
    map::get(term.as_map()?, atom(key))
}

/// A map's key that is a truth value, or what it is without.
fn flag(term: Term<'_>, key: &'static str, otherwise: bool) -> bool {
    field(term, key)
        .and_then(Term::as_bool)
        .unwrap_or(otherwise)
}

fn map_of<'h>(heap: Heap<'h>, pairs: &[(&'static str, Term<'h>)]) -> Term<'h> {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|&(key, value)| (atom(key), value))
        .collect();
    map::from_pairs(heap, &pairs)
}

fn caller(call: Call<'_>) -> Pid {
    call.process().pid()
}
