//! Accepting connections.

use std::os::fd::{AsFd, OwnedFd};

use ports::{Readiness, socket as native};
use rustix::io::Errno;
use vm::bif::{BifResult, Call};
use vm::term::Term;

use super::request::{Role, not_selected};
use super::socket::{Descriptor, Facts, Socket, State, create};
use super::{atom, caller, closed, info, ok, posix, reason, refused_invalid, socket};

pub(super) fn accept_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let heap = call.heap;
    let socket = socket(call)?;
    let reference = call.arg(1);
    let mut state = socket.lock();
    let Some(fd) = state.fd.clone().filter(|_| state.read.is_open()) else {
        return Ok(closed(heap));
    };
    // Who accepts and who reads wait for the same.
    if state.readers.current.is_some() {
        return Ok(refused_invalid(heap, atom("state")));
    }
    if let Some(result) = socket.check(call, &mut state, Role::Acceptor, reference) {
        return result;
    }
    state.counters.accept_tries += 1;
    match native::accept(fd.as_fd()) {
        Ok(fd) => {
            state.counters.accepted += 1;
            if state.acceptors.current.is_some() {
                socket.next(&mut state, Role::Acceptor);
            }
            let accepted = accepted(call, socket, &state, fd);
            state.write.connected = true;
            Ok(accepted)
        }
        Err(Errno::AGAIN) => {
            if state.acceptors.current.is_some() {
                state.counters.accept_waits += 1;
            }
            socket.make_current(&mut state, Role::Acceptor, caller(call), reference);
            match socket.wait(&mut state, Readiness::READ, caller(call), reference) {
                Ok(()) => {
                    state.read.accepting = true;
                    Ok(atom("select"))
                }
                Err(error) => {
                    socket.next(&mut state, Role::Acceptor);
                    Err(not_selected(heap, "select_read", error))
                }
            }
        }
        Err(error) => {
            state.counters.accept_fails += 1;
            if state.acceptors.current.is_some() {
                socket.fail(&mut state, Role::Acceptor, reason(error));
            }
            Ok(posix(heap, error))
        }
    }
}

/// `{ok, Ref}` of a connection.
fn accepted<'p>(call: Call<'p>, listener: &Socket, state: &State, fd: OwnedFd) -> Term<'p> {
    let facts = Facts {
        original: None,
        close: true,
        ..listener.facts
    };
    info::socket_began(facts);
    let descriptor = Descriptor::new(fd, true);
    // It starts connected, though no state says so: as in OTP 25.
    let socket = create(call, descriptor, facts, state.settings.clone(), false);
    ok(call.heap, socket)
}
