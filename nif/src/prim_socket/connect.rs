//! Connecting.

use std::os::fd::AsFd;

use ports::{Readiness, socket as native};
use rustix::io::Errno;
use vm::bif::{BifResult, Call, badarg};
use vm::term::Term;

use super::request::{Requestor, not_selected};
use super::{
    atom, caller, closed, invalid, is_ref, posix, raise_invalid, refused, refused_invalid, socket,
};
use crate::sockaddr;

/// What became of a connection that was begun before.
pub(super) fn connect_1<'p>(call: Call<'p>) -> BifResult<'p> {
    connect(call, None)
}

pub(super) fn connect_3<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    if !is_ref(call.arg(1)) {
        return Err(badarg());
    }
    match sockaddr::decode(call.arg(2)) {
        Some(address) => connect(call, Some((call.arg(1), address))),
        None => Ok(invalid(call.heap, atom("sockaddr"))),
    }
}

fn connect<'p>(call: Call<'p>, to: Option<(Term<'p>, Vec<u8>)>) -> BifResult<'p> {
    let heap = call.heap;
    let socket = socket(call)?;
    let mut state = socket.lock();
    let state = &mut *state;
    let Some(fd) = state.fd.clone().filter(|_| state.write.is_open()) else {
        return Ok(closed(heap));
    };
    let fd = fd.as_fd();
    let me = caller(call);
    // Who connects and who writes wait for the same.
    if state.writers.current.is_some() {
        return Ok(refused_invalid(heap, atom("state")));
    }
    if let Some(connector) = &state.connector {
        if connector.pid != me {
            return match to {
                Some(_) => Ok(refused(heap, atom("already"))),
                None => Err(raise_invalid(heap, atom("state"))),
            };
        }
        state.connector = None;
        state.write.connecting = false;
        let result = native::number_option(Some(fd), libc::SOL_SOCKET, libc::SO_ERROR);
        return Ok(match result {
            Ok(0) => {
                state.write.connected = true;
                Term::OK
            }
            Ok(number) => posix(heap, Errno::from_raw_os_error(number)),
            Err(error) => posix(heap, error),
        });
    }
    let Some((reference, address)) = to else {
        return Err(raise_invalid(heap, atom("state")));
    };
    match native::connect(fd, &address) {
        Ok(()) => {
            state.write.connected = true;
            Ok(Term::OK)
        }
        Err(Errno::INPROGRESS | Errno::AGAIN) => {
            socket
                .wait(state, Readiness::WRITE, me, reference)
                .map_err(|error| not_selected(heap, "select_write", error))?;
            state.connector = Some(Requestor::new(socket, state, me, reference));
            state.write.connecting = true;
            Ok(atom("select"))
        }
        Err(error) => Ok(posix(heap, error)),
    }
}
