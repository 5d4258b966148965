//! Opening sockets; their names; listening and shutting down.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use ports::socket as native;
use rustix::io::Errno;
use vm::bif::{BifResult, Call, badarg};
use vm::heap::Heap;
use vm::term::{Bits, Term};

use super::socket::{Descriptor, Facts, Settings, Socket, create};
use super::{
    atom, closed, field, flag, info, int, int_argument, invalid, ok, posix, raise_invalid, socket,
    system, value,
};
use crate::blocking::{self, Reply};
use crate::sockaddr;

/// How the options of a new socket say that it is to be.
fn settings(options: Term<'_>) -> Settings {
    Settings {
        debug: flag(options, "debug", info::socket_debug()),
        registered: flag(options, "use_registry", info::use_registry()),
        ..Settings::default()
    }
}

/// Which option the system is asked for, where it knows.
fn fact(fd: &OwnedFd, option: i32) -> Option<i32> {
    native::number_option(Some(fd.as_fd()), libc::SOL_SOCKET, option).ok()
}

/// A socket of a descriptor that is open already.
pub(super) fn open_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let number = match int_argument(call, 0) {
        Ok(number) => number,
        Err(result) => return result,
    };
    let options = call.arg(1);
    options.as_map().ok_or_else(badarg)?;
    let given = system::lent(number);
    let known = |option| match &given {
        Ok(fd) => native::number_option(Some(fd.as_fd()), libc::SOL_SOCKET, option).ok(),
        Err(_) => None,
    };
    let domain = known(libc::SO_DOMAIN)
        .or_else(|| value::decode_domain(field(options, "domain")?).map(|(domain, _)| domain));
    let Some(domain) = domain else {
        return Ok(invalid(call.heap, atom("domain")));
    };
    let kind = known(libc::SO_TYPE).or_else(|| value::decode_type(field(options, "type")?));
    let Some(kind) = kind else {
        return Ok(invalid(call.heap, atom("type")));
    };
    let protocol = known(libc::SO_PROTOCOL)
        .or_else(|| int(field(options, "protocol")?))
        .unwrap_or(0);
    let duplicate = flag(options, "dup", true);
    let descriptor = match given {
        // A copy is closed with the socket; what is taken as it is stays open.
        Ok(fd) if duplicate => match rustix::io::fcntl_dupfd_cloexec(fd.as_fd(), 0) {
            Ok(copy) => Descriptor::new(copy, true),
            Err(error) => return Ok(posix(call.heap, error)),
        },
        Ok(fd) => fd,
        Err(error) => return Ok(posix(call.heap, error)),
    };
    // A descriptor that cannot be set is found out by the first use.
    let _ = rustix::io::ioctl_fionbio(&descriptor, true);
    let connected = native::peer(Some(descriptor.as_fd())).is_ok();
    let facts = Facts {
        domain,
        kind,
        protocol,
        original: Some(number),
        close: duplicate,
    };
    info::socket_began(facts);
    let socket = create(call, descriptor, facts, settings(options), connected);
    Ok(ok(call.heap, socket))
}

pub(super) fn open_4<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let protocol = match int_argument(call, 2) {
        Ok(protocol) => protocol,
        Err(result) => return result,
    };
    let options = call.arg(3);
    options.as_map().ok_or_else(badarg)?;
    let Some((domain, _)) = value::decode_domain(call.arg(0)) else {
        return Ok(invalid(call.heap, atom("domain")));
    };
    let Some(kind) = value::decode_type(call.arg(1)) else {
        return Ok(invalid(call.heap, atom("type")));
    };
    let space = field(options, "netns").and_then(|space| space.as_bits().and_then(Bits::binary));
    let facts = Facts {
        domain,
        kind,
        protocol,
        original: None,
        close: true,
    };
    let Some(space) = space else {
        return opened(call, native::open(domain, kind, protocol), facts);
    };
    // A thread is in one name space: the switch is made by another than the scheduler's.
    let space = OsStr::from_bytes(&space).to_owned();
    blocking::start(call, move || -> Reply {
        let result =
            native::in_namespace(space.as_bytes(), || native::open(domain, kind, protocol));
        Box::new(move |call| opened(call, result, facts))
    })
}

fn opened<'p>(call: Call<'p>, result: Result<OwnedFd, Errno>, facts: Facts) -> BifResult<'p> {
    let fd = match result {
        Ok(fd) => fd,
        Err(error) => return Ok(posix(call.heap, error)),
    };
    info::socket_began(facts);
    let protocol = match facts.protocol {
        0 => fact(&fd, libc::SO_PROTOCOL).unwrap_or(0),
        protocol => protocol,
    };
    let facts = Facts { protocol, ..facts };
    let descriptor = Descriptor::new(fd, true);
    let socket = create(call, descriptor, facts, settings(call.arg(3)), false);
    Ok(ok(call.heap, socket))
}

/// Does something with the descriptor of an open socket.
fn with_open<'p>(
    call: Call<'p>,
    run: impl FnOnce(&mut super::socket::State, &Descriptor) -> Result<Term<'p>, Errno>,
) -> BifResult<'p> {
    let socket = socket(call)?;
    let mut state = socket.lock();
    let fd = state.fd.clone().filter(|_| state.read.is_open());
    Ok(match fd {
        Some(fd) => run(&mut state, &fd).unwrap_or_else(|error| posix(call.heap, error)),
        None => closed(call.heap),
    })
}

pub(super) fn bind_2<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    let Some(address) = sockaddr::decode(call.arg(1)) else {
        return Ok(invalid(call.heap, atom("sockaddr")));
    };
    with_open(call, |state, fd| {
        native::bind(fd.as_fd(), &address)?;
        state.read.bound = true;
        Ok(Term::OK)
    })
}

pub(super) fn listen_2<'p>(call: Call<'p>) -> BifResult<'p> {
    socket(call)?;
    let backlog = match int_argument(call, 1) {
        Ok(backlog) => backlog,
        Err(result) => return result,
    };
    with_open(call, |state, fd| {
        rustix::net::listen(fd, backlog)?;
        state.read.listening = true;
        Ok(Term::OK)
    })
}

pub(super) fn shutdown_2<'p>(call: Call<'p>) -> BifResult<'p> {
    use rustix::net::Shutdown;
    socket(call)?;
    let how = match call.arg(1).as_atom().map(|how| how.name()) {
        Some("read") => Shutdown::Read,
        Some("write") => Shutdown::Write,
        Some("read_write") => Shutdown::Both,
        _ => {
            let what = call.heap.tuple(&[atom("how"), call.arg(1)]);
            return Err(raise_invalid(call.heap, what));
        }
    };
    with_open(call, |_, fd| {
        rustix::net::shutdown(fd, how)?;
        Ok(Term::OK)
    })
}

fn address<'h>(heap: Heap<'h>, bytes: Vec<u8>) -> Term<'h> {
    ok(heap, sockaddr::encode(heap, &bytes))
}

pub(super) fn sockname_1<'p>(call: Call<'p>) -> BifResult<'p> {
    with_open(call, |_, fd| {
        Ok(address(call.heap, native::name(Some(fd.as_fd()))?))
    })
}

pub(super) fn peername_1<'p>(call: Call<'p>) -> BifResult<'p> {
    with_open(call, |_, fd| {
        Ok(address(call.heap, native::peer(Some(fd.as_fd()))?))
    })
}

/// The descriptor of an open socket, and its state.
pub(super) fn open_socket(socket: &Socket) -> Option<std::sync::Arc<Descriptor>> {
    let state = socket.lock();
    state.fd.clone().filter(|_| state.read.is_open())
}
