//! Sending messages and exit signals.

use super::{BifResult, Call, Trap, badarg, badarg_because};
use crate::atom::well_known as w;
use crate::node_name;
use crate::process::send::{self, SendOptions, Sent};
use crate::process::{ExitKind, Peer, Process, signal};
use crate::term::{Kind, Term};

crate::bifs! { "erlang":
    "!"/2           Heavy send_2;
    "send"/2        Heavy send_2;
    "send"/3        Heavy send_3;
    "exit"/2        Heavy exit_2;
    "exit_signal"/2 Heavy exit_signal_2;
}

fn send_2<'p>(call: Call<'p>) -> BifResult<'p> {
    send::send(call, call.arg(0), call.arg(1))
}

fn options(list: Term<'_>) -> Option<SendOptions> {
    let mut options = send::PLAIN;
    for option in list.proper_list()? {
        match option.as_atom() {
            Some(w::NOCONNECT) => options.connect = false,
            Some(w::NOSUSPEND) => options.suspend = false,
            _ => return None,
        }
    }
    Some(options)
}

fn send_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let options = options(call.arg(2)).ok_or_else(|| badarg_because(w::BADOPT))?;
    call.charge(4);
    let sent = send::deliver(call.process(), call.arg(0), call.arg(1), options)?;
    match sent {
        Sent::NoConnection if !options.connect => Ok(Term::atom(w::NOCONNECT)),
        Sent::Done | Sent::NoConnection => Ok(Term::OK),
        Sent::Busy if !options.suspend => Ok(Term::atom(w::NOSUSPEND)),
        Sent::Busy => Err(Trap::Wait {
            args: call.args().iter().copied().collect(),
        }
        .into()),
    }
}

/// `exit/2` of oneself takes effect before it returns: signals sent before count first.
fn exit_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (process, reason) = (call.process(), call.arg(1));
    let suicide = call.arg(0).as_pid() == Some(process.pid())
        && (reason.is_atom(w::KILL) || !process.traps_exits());
    if !suicide {
        return exit_signal_2(call);
    }
    let me = Peer::Process(process.pid());
    signal::send_exit_of(process, me, ExitKind::Suicide, reason);
    die(process)
}

/// Handles signals until the one that ends the process.
fn die<'p>(process: &'p Process) -> BifResult<'p> {
    while !process.must_leave() {
        process.handle_signals();
    }
    let reason = process
        .exit_reason()
        .expect("a process that must leave has a reason");
    Err(Trap::Exit(reason).into())
}

fn exit_signal_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let to = match call.arg(0).kind() {
        Kind::ExternalPort(id) if id.node().name == node_name::this().0 => return Ok(Term::TRUE),
        _ => Peer::of(call.arg(0)).ok_or_else(badarg)?,
    };
    // What belongs to an earlier life of this node is gone.
    if !matches!(to, Peer::Remote(node, _) if node.name == node_name::this().0) {
        signal::send_exit_of(call.process(), to, ExitKind::Exit, call.arg(1));
    }
    Ok(Term::TRUE)
}
