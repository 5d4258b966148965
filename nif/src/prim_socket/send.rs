//! Sending.

use std::borrow::Cow;
use std::io::IoSlice;
use std::os::fd::AsFd;

use ports::{Readiness, socket as native};
use rustix::io::Errno;
use vm::bif::{BifResult, Call, badarg};
use vm::term::{Bits, Term};

use super::info::VECTOR;
use super::request::{Role, not_selected};
use super::socket::{Descriptor, Socket, State};
use super::{
    atom, caller, closed, control, field, int_argument, invalid, is_ref, posix, reason,
    refused_invalid, socket,
};
use crate::sockaddr;

fn binary(term: Term<'_>) -> Option<Cow<'_, [u8]>> {
    term.as_bits().and_then(Bits::binary)
}

/// Runs a call that sends, if the socket is open and nobody else is sending.
fn with_writer<'p>(
    call: Call<'p>,
    reference: Term<'p>,
    run: impl FnOnce(&Socket, &mut State, &Descriptor) -> BifResult<'p>,
) -> BifResult<'p> {
    let socket = socket(call)?;
    let mut state = socket.lock();
    let Some(fd) = state.fd.clone().filter(|_| state.write.is_open()) else {
        return Ok(closed(call.heap));
    };
    // Who connects and who writes wait for the same.
    if state.connector.is_some() {
        return Ok(refused_invalid(call.heap, atom("state")));
    }
    match socket.check(call, &mut state, Role::Writer, reference) {
        Some(result) => result,
        None => run(socket, &mut state, &fd),
    }
}

pub(super) fn send_4<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    let reference = call.arg(3);
    let data = binary(call.arg(1)).filter(|_| is_ref(reference));
    let data = data.ok_or_else(badarg)?;
    let flags = match int_argument(call, 2) {
        Ok(flags) => flags,
        Err(result) => return result,
    };
    with_writer(call, reference, |socket, state, fd| {
        state.counters.write.tries += 1;
        let result = native::send_message(fd.as_fd(), None, &[], &[IoSlice::new(&data)], flags);
        let sent = Sent {
            result,
            size: data.len(),
            more: false,
        };
        sent.answer(call, socket, state, reference)
    })
}

pub(super) fn sendto_5<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    let reference = call.arg(4);
    let data = binary(call.arg(1)).filter(|_| is_ref(reference));
    let data = data.ok_or_else(badarg)?;
    let flags = match int_argument(call, 3) {
        Ok(flags) => flags,
        Err(result) => return result,
    };
    let Some(address) = sockaddr::decode(call.arg(2)) else {
        return Ok(invalid(call.heap, atom("sockaddr")));
    };
    with_writer(call, reference, |socket, state, fd| {
        state.counters.write.tries += 1;
        let data = [IoSlice::new(&data)];
        let result = native::send_message(fd.as_fd(), Some(&address), &[], &data, flags);
        let sent = Sent {
            result,
            size: data[0].len(),
            more: false,
        };
        sent.answer(call, socket, state, reference)
    })
}

pub(super) fn sendmsg_5<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    let (message, reference, vector) = (call.arg(1), call.arg(3), call.arg(4));
    if !is_ref(reference) || message.as_map().is_none() {
        return Err(badarg());
    }
    let flags = match int_argument(call, 2) {
        Ok(flags) => flags,
        Err(result) => return result,
    };
    with_writer(call, reference, |socket, state, fd| {
        let wrong = |what| Ok(invalid(call.heap, atom(what)));
        let address = match field(message, "addr").map(sockaddr::decode) {
            Some(None) => return wrong("addr"),
            address => address.flatten(),
        };
        let stream = socket.facts.kind == libc::SOCK_STREAM;
        let Some((data, more)) = io_vector(vector) else {
            return wrong("iov");
        };
        // A datagram goes in one call or not at all.
        if more && !stream {
            return wrong("iov");
        }
        let control = match field(message, "ctrl") {
            None => Some(Vec::new()),
            Some(control) => control::decode(control, state.settings.send_control),
        };
        let Some(control) = control else {
            return wrong("ctrl");
        };
        state.counters.write.tries += 1;
        let slices: Vec<_> = data.iter().map(|data| IoSlice::new(data)).collect();
        let result = native::send_message(fd.as_fd(), address.as_deref(), &control, &slices, flags);
        let sent = Sent {
            result,
            size: data.iter().map(|data| data.len()).sum(),
            more,
        };
        sent.answer(call, socket, state, reference)
    })
}

/// As much of a list of binaries as one call sends, and whether more than empty ones follow; none where it
/// is no such list.
fn io_vector<'p>(list: Term<'p>) -> Option<(Vec<Cow<'p, [u8]>>, bool)> {
    let mut elements = list.list();
    let mut vector = Vec::new();
    while vector.len() < VECTOR {
        let Some(element) = elements.next() else {
            break;
        };
        vector.push(binary(element)?);
    }
    let rest = elements.rest();
    let empty = rest
        .list()
        .take_while(|element| binary(*element).is_some_and(|data| data.is_empty()))
        .count();
    let left = rest.list().nth(empty).is_some();
    match rest.is_nil() || rest.as_cons().is_some() {
        true => Some((vector, left)),
        false => None,
    }
}

/// What a call of the system sent.
struct Sent {
    result: Result<usize, Errno>,
    /// How much there was.
    size: usize,
    /// Whether there is more than one call sends.
    more: bool,
}

impl Sent {
    /// The result of the function.
    fn answer<'p>(
        self,
        call: Call<'p>,
        socket: &Socket,
        state: &mut State,
        reference: Term<'p>,
    ) -> BifResult<'p> {
        match self.result {
            Ok(sent) if sent >= self.size && !self.more => {
                state.counters.write.end_packet(sent);
                socket.next(state, Role::Writer);
                Ok(Term::OK)
            }
            Ok(sent) if sent >= self.size => retry(call, socket, state, Some(sent), None),
            Ok(sent) => retry(call, socket, state, Some(sent), Some(reference)),
            Err(Errno::AGAIN | Errno::INTR) => retry(call, socket, state, None, Some(reference)),
            Err(error) => {
                state.counters.write.fails += 1;
                if error != Errno::INVAL && state.writers.current.is_some() {
                    socket.fail(state, Role::Writer, reason(error));
                }
                Ok(posix(call.heap, error))
            }
        }
    }
}

/// What is left is sent later: by the caller at once where there is no reference, else when it is told to.
fn retry<'p>(
    call: Call<'p>,
    socket: &Socket,
    state: &mut State,
    sent: Option<usize>,
    reference: Option<Term<'p>>,
) -> BifResult<'p> {
    let heap = call.heap;
    let count = |sent: usize| heap.unsigned(sent as u64);
    if let Some(sent) = sent {
        if socket.facts.kind != libc::SOCK_STREAM {
            state.counters.write.end_packet(sent);
            socket.next(state, Role::Writer);
            return Ok(super::ok(heap, count(sent)));
        }
        state.counters.write.packet += sent as u64;
    }
    let iov = atom("iov");
    let me = caller(call);
    socket.make_current(state, Role::Writer, me, reference.unwrap_or(iov));
    let Some(reference) = reference else {
        return Ok(heap.tuple(&[iov, count(sent.unwrap_or(0))]));
    };
    if let Err(error) = socket.wait(state, Readiness::WRITE, me, reference) {
        socket.fail(state, Role::Writer, reason(error));
        return Err(not_selected(heap, "select_write", error));
    }
    state.counters.write.waits += 1;
    Ok(match sent {
        Some(sent) => heap.tuple(&[atom("select"), count(sent)]),
        None => atom("select"),
    })
}
