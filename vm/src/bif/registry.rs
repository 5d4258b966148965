//! Registered names.

use super::{BifResult, Call, badarg, badarg_because};
use crate::atom::well_known as w;
use crate::process::{Peer, registry};
use crate::term::Term;
use crate::trace::events;

crate::bifs! { "erlang":
    "register"/2   Plain register_2;
    "unregister"/1 Plain unregister_1;
    "whereis"/1    Plain whereis_1;
    "registered"/0 Plain registered_0;
}

fn register_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let peer = match Peer::of(call.arg(1)) {
        Some(Peer::Remote(..)) | None => None,
        local => local,
    };
    let (Some(name), Some(peer)) = (call.arg(0).as_atom(), peer) else {
        return Err(badarg_because(w::NONE));
    };
    match registry::register(name, peer) {
        Ok(()) => {
            if let Peer::Process(pid) = peer {
                events::other_process(pid, Some(call.process()), w::REGISTER, call.arg(0));
            }
            Ok(Term::TRUE)
        }
        Err(error) => Err(badarg_because(error.cause().unwrap_or(w::NONE))),
    }
}

fn unregister_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = call.arg(0).as_atom().ok_or_else(badarg)?;
    let peer = registry::unregister(name).ok_or_else(badarg)?;
    if let Peer::Process(pid) = peer {
        events::other_process(pid, Some(call.process()), w::UNREGISTER, call.arg(0));
    }
    Ok(Term::TRUE)
}

fn whereis_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = call.arg(0).as_atom().ok_or_else(badarg)?;
    Ok(registry::whereis(name).map_or(Term::UNDEFINED, |peer| peer.term(call.heap)))
}

fn registered_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let names = registry::registered();
    call.charge(names.len() / 8);
    Ok(call.heap.list_from(names.into_iter().map(Term::atom)))
}
