//! Options of level `otp`: what the VM itself keeps of a socket.

use std::os::fd::{AsFd, AsRawFd};

use vm::bif::{BifResult, Call};
use vm::heap::OwnedTerm;
use vm::process::table;
use vm::term::Term;

use super::socket::{Settings, Socket, State};
use super::{atom, caller, closed, invalid, ok, raise_invalid, refused_invalid, uint, value};
use crate::sockaddr;

/// Numbers that the Erlang half gives (prim_socket.erl).
mod number {
    pub const DEBUG: i32 = 1001;
    pub const IOW: i32 = 1002;
    pub const CONTROLLING_PROCESS: i32 = 1003;
    pub const RCVBUF: i32 = 1004;
    pub const RCVCTRLBUF: i32 = 1006;
    pub const SNDCTRLBUF: i32 = 1007;
    pub const FD: i32 = 1008;
    pub const META: i32 = 1009;
    pub const USE_REGISTRY: i32 = 1010;
    pub const DTP: i32 = 1996;
    pub const PROTOCOL: i32 = 1997;
    pub const TYPE: i32 = 1998;
    pub const DOMAIN: i32 = 1999;
}

/// Raised for a number that the Erlang half does not have.
fn unknown<'p>(call: Call<'p>, option: i32) -> BifResult<'p> {
    let what = [atom("otp_socket_option"), Term::int(option)];
    Err(raise_invalid(call.heap, call.heap.tuple(&what)))
}

/// Sets an option.
pub(super) fn set<'p>(
    call: Call<'p>,
    socket: &Socket,
    option: i32,
    value: Term<'p>,
) -> BifResult<'p> {
    let heap = call.heap;
    let mut state = socket.lock();
    let state = &mut *state;
    let known = matches!(
        option,
        number::DEBUG
            ..=number::RCVBUF
                | number::RCVCTRLBUF
                | number::SNDCTRLBUF
                | number::META
                | number::USE_REGISTRY
    );
    if !known {
        return unknown(call, option);
    }
    if !state.write.is_open() {
        return Ok(closed(heap));
    }
    let owner = state.owner.as_ref().map(|(pid, _)| *pid);
    if matches!(option, number::CONTROLLING_PROCESS | number::META) && owner != Some(caller(call)) {
        return Ok(refused_invalid(heap, atom("not_owner")));
    }
    let done = match option {
        number::CONTROLLING_PROCESS => set_owner(socket, state, value),
        number::META => {
            state.meta = OwnedTerm::copy_of(value);
            Some(())
        }
        number::USE_REGISTRY => value.as_bool().filter(|on| *on).map(|_| {
            if !std::mem::replace(&mut state.settings.registered, true) {
                socket.tell_registry("add");
            }
        }),
        option => setting(&mut state.settings, option, value),
    };
    Ok(match done {
        Some(()) => Term::OK,
        None => invalid(heap, atom("value")),
    })
}

fn setting(settings: &mut Settings, option: i32, value: Term<'_>) -> Option<()> {
    let default = Settings::default();
    match option {
        number::DEBUG => settings.debug = value.as_bool()?,
        number::IOW => settings.tell_wraps = value.as_bool()?,
        number::RCVCTRLBUF => settings.receive_control = size(value, default.receive_control)?,
        number::SNDCTRLBUF => settings.send_control = size(value, default.send_control)?,
        _ => {
            (settings.receive_count, settings.receive) = match size(value, default.receive) {
                Some(size) => (0, size),
                None => {
                    let [count, bytes] = value.as_tuple_of::<2>()?;
                    let count = uint(count).filter(|&count| count > 0)?;
                    (count, size(bytes, default.receive)?)
                }
            }
        }
    }
    Some(())
}

/// A size in bytes, more than 0, or `default`.
fn size(value: Term<'_>, default: usize) -> Option<usize> {
    if value.is_atom(vm::atom!("default")) {
        return Some(default);
    }
    let size = value.as_usize().filter(|&size| size > 0)?;
    isize::try_from(size).is_ok().then_some(size)
}

/// Gives a socket to another process. If that is dead, the socket ends as if it died now.
fn set_owner(socket: &Socket, state: &mut State, value: Term<'_>) -> Option<()> {
    let owner = value.as_pid()?;
    let watch = socket.watch(owner);
    if let Some((old, _)) = state.owner.replace((owner, watch)) {
        socket.watch_requests(state, old);
    }
    if !table::exists(owner) {
        state.owner = None;
        socket.stop(state);
        state.read.closing = true;
        state.write.closing = true;
        socket.end_orphaned(state);
    }
    Some(())
}

/// `{ok, Value}` of an option.
pub(super) fn get<'p>(call: Call<'p>, socket: &Socket, option: i32) -> BifResult<'p> {
    let heap = call.heap;
    let state = socket.lock();
    let settings = &state.settings;
    if option == number::USE_REGISTRY {
        return Ok(ok(heap, Term::bool(settings.registered)));
    }
    let facts = socket.facts;
    let domain = || value::encode_domain(facts.domain);
    let kind = || sockaddr::encode_type(facts.kind);
    let protocol = || Term::int(facts.protocol);
    let value = match option {
        number::DEBUG => Term::bool(settings.debug),
        number::IOW => Term::bool(settings.tell_wraps),
        number::CONTROLLING_PROCESS => match &state.owner {
            Some((pid, _)) => Term::pid(*pid),
            None => atom("undefined"),
        },
        number::RCVBUF => match settings.receive_count {
            0 => Term::size(settings.receive),
            count => heap.tuple(&[Term::size(count as usize), Term::size(settings.receive)]),
        },
        number::RCVCTRLBUF => Term::size(settings.receive_control),
        number::SNDCTRLBUF => Term::size(settings.send_control),
        number::FD => match &state.fd {
            Some(fd) => Term::int(fd.as_fd().as_raw_fd()),
            None => Term::int(-1),
        },
        number::META => heap.copy_message(state.meta.term()),
        number::DOMAIN => domain(),
        number::TYPE => kind(),
        number::PROTOCOL => protocol(),
        number::DTP => heap.tuple(&[domain(), kind(), protocol()]),
        option => return unknown(call, option),
    };
    Ok(match state.read.is_open() {
        true => ok(heap, value),
        false => closed(heap),
    })
}
