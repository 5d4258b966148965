//! Receiving.

use std::cell::RefCell;
use std::os::fd::AsFd;

use ports::{Readiness, socket as native};
use rustix::io::Errno;
use vm::bif::{BifResult, Call, badarg};
use vm::heap::Heap;
use vm::term::Term;

use super::request::{Role, not_selected};
use super::socket::{Descriptor, Socket, State};
use super::{
    atom, caller, closed, control, int_argument, is_ref, map_of, ok, posix, reason, refused,
    refused_invalid, size_argument, socket, table,
};
use crate::sockaddr;

/// Up to this size of a call, what is received is copied out of a buffer that each thread keeps.
const KEPT: usize = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Lets a call fill a buffer of this size; what it is given of that becomes a binary.
fn fill<'h, T>(
    heap: Heap<'h>,
    size: usize,
    receive: impl FnOnce(&mut [u8]) -> Result<(usize, T), Errno>,
) -> Result<(Term<'h>, usize, T), Errno> {
    if size <= KEPT {
        return BUFFER.with_borrow_mut(|buffer| {
            if buffer.len() < size {
                buffer.resize(size, 0);
            }
            let (count, other) = receive(&mut buffer[..size])?;
            Ok((heap.binary(&buffer[..count]), count, other))
        });
    }
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(size).map_err(|_| Errno::NOMEM)?;
    buffer.resize(size, 0);
    let (count, other) = receive(&mut buffer)?;
    // Much room that is not needed is given back.
    let data = match count < size / 2 {
        true => heap.binary(&buffer[..count]),
        false => {
            buffer.truncate(count);
            heap.binary_from(buffer.into())
        }
    };
    Ok((data, count, other))
}

/// Runs a call that receives, if the socket is open and nobody else is receiving.
fn with_reader<'p>(
    call: Call<'p>,
    reference: Term<'p>,
    run: impl FnOnce(&Socket, &mut State, &Descriptor) -> BifResult<'p>,
) -> BifResult<'p> {
    let socket = socket(call)?;
    let mut state = socket.lock();
    let Some(fd) = state.fd.clone().filter(|_| state.read.is_open()) else {
        return Ok(closed(call.heap));
    };
    // Who accepts and who reads wait for the same.
    if state.acceptors.current.is_some() {
        return Ok(refused_invalid(call.heap, atom("state")));
    }
    match socket.check(call, &mut state, Role::Reader, reference) {
        Some(result) => result,
        None => run(socket, &mut state, &fd),
    }
}

/// A reference, or `zero`: for a call that does not wait.
fn reference<'p>(call: Call<'p>, index: usize) -> Result<Term<'p>, vm::bif::Stop<'p>> {
    let reference = call.arg(index);
    match is_ref(reference) || is_zero(reference) {
        true => Ok(reference),
        false => Err(badarg()),
    }
}

fn is_zero(reference: Term<'_>) -> bool {
    reference.is_atom(vm::atom!("zero"))
}

/// Sizes from the first argument on, then flags; the arguments' types are looked at before their range.
fn sizes<'p, const N: usize>(call: Call<'p>) -> Result<([usize; N], i32), BifResult<'p>> {
    if !(1..=N + 1).all(|index| call.arg(index).is_integer()) {
        return Err(Err(badarg()));
    }
    let mut sizes = [0; N];
    for (index, size) in sizes.iter_mut().enumerate() {
        *size = size_argument(call, index + 1)?;
    }
    Ok((sizes, int_argument(call, N + 1)?))
}

pub(super) fn recv_4<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    let reference = reference(call, 3)?;
    let ([wanted], flags) = match sizes(call) {
        Ok(sizes) => sizes,
        Err(result) => return result,
    };
    with_reader(call, reference, |socket, state, fd| {
        let size = match wanted {
            0 => state.settings.receive,
            wanted => wanted,
        };
        state.counters.read.tries += 1;
        let received = fill(call.heap, size, |buffer| {
            Ok((native::receive(fd.as_fd(), buffer, flags)?, ()))
        });
        match received {
            Ok((data, count, ())) => {
                let received = Received {
                    data,
                    count,
                    size,
                    wanted,
                };
                received.answer(call, socket, state, reference)
            }
            Err(error) => failed(call, socket, state, error, reference),
        }
    })
}

/// What `recv` got.
struct Received<'p> {
    data: Term<'p>,
    count: usize,
    /// The buffer's size.
    size: usize,
    /// How much was asked for; 0 for what there is.
    wanted: usize,
}

impl<'p> Received<'p> {
    fn answer(
        self,
        call: Call<'p>,
        socket: &Socket,
        state: &mut State,
        reference: Term<'p>,
    ) -> BifResult<'p> {
        let heap = call.heap;
        let stream = socket.facts.kind == libc::SOCK_STREAM;
        if self.count == 0 && stream {
            state.counters.read.fails += 1;
            if state.readers.current.is_some() {
                socket.fail(state, Role::Reader, atom("closed"));
            }
            return Ok(closed(heap));
        }
        if self.count == self.size {
            if self.wanted == 0 && stream {
                return Ok(self.full_buffer(call, socket, state, reference));
            }
            state.counters.read.end_packet(self.count);
            update_reader(socket, state);
            return Ok(ok(heap, self.data));
        }
        if self.wanted == 0 || !stream || is_zero(reference) {
            state.full_buffers = 0;
            state.counters.read.end_packet(self.count);
            update_reader(socket, state);
            return Ok(ok(heap, self.data));
        }
        // Part of what was asked for.
        state.counters.read.bytes += self.count as u64;
        let me = caller(call);
        socket.make_current(state, Role::Reader, me, reference);
        match socket.wait(state, Readiness::READ, me, reference) {
            Ok(()) => Ok(heap.tuple(&[atom("select"), self.data])),
            Err(error) => {
                update_reader(socket, state);
                Err(not_selected(heap, "select_read", error))
            }
        }
    }

    /// A stream filled the buffer: the caller is to go on reading, if not too often in a row.
    fn full_buffer(
        self,
        call: Call<'p>,
        socket: &Socket,
        state: &mut State,
        reference: Term<'p>,
    ) -> Term<'p> {
        state.full_buffers += 1;
        if state.full_buffers >= state.settings.receive_count {
            state.full_buffers = 0;
            state.counters.read.end_packet(self.count);
            update_reader(socket, state);
            return ok(call.heap, self.data);
        }
        state.counters.read.bytes += self.count as u64;
        state.counters.read.packet += self.count as u64;
        socket.make_current(state, Role::Reader, caller(call), reference);
        call.heap.tuple(&[atom("more"), self.data])
    }
}

/// The current reader is done.
fn update_reader(socket: &Socket, state: &mut State) {
    if state.readers.current.is_some() {
        socket.next(state, Role::Reader);
    }
}

fn failed<'p>(
    call: Call<'p>,
    socket: &Socket,
    state: &mut State,
    error: Errno,
    reference: Term<'p>,
) -> BifResult<'p> {
    let heap = call.heap;
    if error != Errno::AGAIN {
        state.counters.read.fails += 1;
        if state.readers.current.is_some() {
            socket.fail(state, Role::Reader, reason(error));
        }
        return Ok(posix(heap, error));
    }
    if is_zero(reference) {
        return Ok(Term::OK);
    }
    state.full_buffers = 0;
    let me = caller(call);
    socket.make_current(state, Role::Reader, me, reference);
    match socket.wait(state, Readiness::READ, me, reference) {
        Ok(()) => Ok(atom("select")),
        Err(error) => {
            update_reader(socket, state);
            Err(not_selected(heap, "select_read", error))
        }
    }
}

pub(super) fn recvfrom_4<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    let reference = reference(call, 3)?;
    let ([wanted], flags) = match sizes(call) {
        Ok(sizes) => sizes,
        Err(result) => return result,
    };
    with_reader(call, reference, |socket, state, fd| {
        message(
            call,
            socket,
            state,
            fd,
            reference,
            [wanted, 0],
            flags,
            false,
        )
    })
}

pub(super) fn recvmsg_5<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    let reference = reference(call, 4)?;
    let (wanted, flags) = match sizes::<2>(call) {
        Ok(sizes) => sizes,
        Err(result) => return result,
    };
    with_reader(call, reference, |socket, state, fd| {
        message(call, socket, state, fd, reference, wanted, flags, true)
    })
}

/// Receives a message with its sender's address; `{Address, Data}`, or a map with all there is to it.
#[allow(
    clippy::too_many_arguments,
    reason = "what two functions have in common"
)]
fn message<'p>(
    call: Call<'p>,
    socket: &Socket,
    state: &mut State,
    fd: &Descriptor,
    reference: Term<'p>,
    [wanted, wanted_control]: [usize; 2],
    flags: i32,
    whole: bool,
) -> BifResult<'p> {
    let heap = call.heap;
    let or = |wanted, otherwise| if wanted == 0 { otherwise } else { wanted };
    let size = or(wanted, state.settings.receive);
    let room = match whole {
        true => or(wanted_control, state.settings.receive_control),
        false => 0,
    };
    state.counters.read.tries += 1;
    let received = fill(heap, size, |buffer| {
        let received = native::receive_message(fd.as_fd(), buffer, room, flags)?;
        Ok((received.len, received))
    });
    let (data, count, received) = match received {
        Ok(received) => received,
        Err(error) => return failed(call, socket, state, error, reference),
    };
    if count == 0 && socket.facts.kind == libc::SOCK_STREAM {
        state.counters.read.fails += 1;
        return Ok(refused(heap, atom("closed")));
    }
    state.counters.read.packets += 1;
    state.counters.read.bytes += count as u64;
    update_reader(socket, state);
    let address = sockaddr::encode_received(heap, &received.address);
    if !whole {
        return Ok(ok(heap, heap.tuple(&[address, data])));
    }
    let control = control::encode(heap, &received.control);
    let flags = table::encode_flags(heap, table::MESSAGE_FLAGS, received.flags);
    let mut pairs = vec![
        ("iov", heap.list(&[data])),
        ("ctrl", control),
        ("flags", flags),
    ];
    if !received.address.is_empty() {
        pairs.push(("addr", address));
    }
    Ok(ok(heap, map_of(heap, &pairs)))
}
