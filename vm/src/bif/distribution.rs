//! BIFs of the distribution, as they are on a node without connections. It can have a name, by which programs of
//! the machine find it; but every handshake ends before a connection comes about ([`NOT_OFFERED`]). What a
//! connection would be (a channel, its options, data, statistics) is refused as the stock VM refuses what is no
//! handle of a connection.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use super::{BifResult, Call, Stop, badarg, error};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::node_name;
use crate::process::{node_monitors, registry};
use crate::term::{Kind, Term};

crate::bifs! {
    "erlang" {
        "dist_ctrl_get_data"/1              Plain dist_ctrl_notsup;
        "dist_ctrl_get_data_notification"/1 Plain dist_ctrl_notsup;
        "dist_ctrl_get_opt"/2               Plain dist_ctrl_notsup;
        "dist_ctrl_set_opt"/3               Plain dist_ctrl_notsup;
        "dist_ctrl_input_handler"/2         Plain dist_ctrl_notsup;
        "dist_ctrl_put_data"/2              Plain dist_ctrl_badarg;
        "dist_get_stat"/1                   Plain dist_ctrl_badarg;
        "setnode"/2                         Plain setnode_2;
    }
    "erts_internal" {
        "abort_pending_connection"/2        Plain abort_pending_connection_2;
        "create_dist_channel"/3             Plain create_dist_channel_3;
        "get_creation"/0                    Plain get_creation_0;
        "get_dflags"/0                      Plain get_dflags_0;
        "new_connection"/1                  Plain new_connection_1;
    }
}

/// A caller that is not the controller of a connection.
fn dist_ctrl_notsup<'p>(_call: Call<'p>) -> BifResult<'p> {
    Err(error(atom!("notsup")))
}

/// What is no handle of a connection.
fn dist_ctrl_badarg<'p>(_call: Call<'p>) -> BifResult<'p> {
    Err(badarg())
}

/// Gives the node its name, for as long as `net_kernel` runs.
fn setnode_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let name = call.arg(0).as_atom().filter(|name| is_node_name(*name));
    let creation = call
        .arg(1)
        .as_u64()
        .and_then(|number| u32::try_from(number).ok());
    let net_kernel = registry::whereis_process(atom!("net_kernel"));
    match (name, creation, net_kernel) {
        (Some(name), Some(creation), Some(net_kernel))
            if name != w::NONODE_NOHOST
                && node_monitors::node_begins(name, creation, net_kernel) =>
        {
            Ok(Term::TRUE)
        }
        _ => Err(badarg()),
    }
}

/// `name@host`, with something on both sides and one `@`.
fn is_node_name(atom: Atom) -> bool {
    atom.name()
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

/// Only a node that is alive has channels.
fn create_dist_channel_3<'p>(_call: Call<'p>) -> BifResult<'p> {
    Ok(Term::atom(w::BADARG))
}

fn get_creation_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(match node_name::this() {
        (w::NONODE_NOHOST, _) => Term::UNDEFINED,
        (_, creation) => call.heap.unsigned(creation.into()),
    })
}

/// Flags that both sides of a connection agree on (OTP 25, `dist.h`): what is offered, what must be there,
/// what a node may add or reject, and what asks for strict order.
const FLAGS: [u64; 5] = [
    55_966_662_588,
    17_239_956 | NOT_OFFERED,
    55_966_662_588,
    8_396_866,
    8192,
];

/// A flag that no node has, demanded of all: so that a handshake is broken off, whoever begins it, before either
/// side takes the other for connected.
const NOT_OFFERED: u64 = 1 << 48;

fn get_dflags_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut elements = vec![Term::atom(atom!("erts_dflags"))];
    elements.extend(FLAGS.map(|flags| call.heap.unsigned(flags)));
    Ok(call.heap.tuple(&elements))
}

// Connections that are being set up ------------------------------------------------------------------

/// The largest number of a connection.
const LAST_CONNECTION: u32 = (1 << 24) - 1;

/// What the handle of a connection stands for.
struct Handle;

struct Pending {
    number: u32,
    reference: [u64; 2],
    handle: Arc<Handle>,
}

#[derive(Default)]
struct Connections {
    last: u32,
    pending: HashMap<Atom, Pending>,
}

static CONNECTIONS: LazyLock<Mutex<Connections>> = LazyLock::new(Default::default);

/// `{Number, Handle}` of the connection that is going to be set up to a node.
fn new_connection_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let node = call.arg(0).as_atom().ok_or_else(badarg)?;
    if node == node_name::this().0 {
        return Err(badarg());
    }
    let mut connections = CONNECTIONS.lock();
    let next = (connections.last + 1) & LAST_CONNECTION;
    let pending = connections.pending.entry(node).or_insert_with(|| Pending {
        number: next,
        reference: crate::reference::next(),
        handle: Arc::new(Handle),
    });
    let (number, reference, handle) = (pending.number, pending.reference, pending.handle.clone());
    connections.last = number.max(connections.last);
    let handle = call.heap.magic_ref(handle, reference);
    Ok(call
        .heap
        .tuple(&[call.heap.unsigned(number.into()), handle]))
}

/// Whether a connection was being set up under this number and handle; it is not any more.
fn abort_pending_connection_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (node, number, reference) = connection(call.arg(0), call.arg(1))?;
    if node == node_name::this().0 {
        return Err(badarg());
    }
    let mut connections = CONNECTIONS.lock();
    let is_it = connections.pending.get(&node).is_some_and(|pending| {
        i64::from(pending.number) == number && pending.reference == reference
    });
    if is_it {
        connections.pending.remove(&node);
    }
    Ok(Term::bool(is_it))
}

fn connection<'p>(node: Term<'p>, id: Term<'p>) -> Result<(Atom, i64, [u64; 2]), Stop<'p>> {
    let parsed = (|| {
        let [number, handle] = id.as_tuple_of::<2>()?;
        match handle.kind() {
            Kind::Ref(reference) => Some((node.as_atom()?, number.as_small()?, reference.number())),
            _ => None,
        }
    })();
    parsed.ok_or_else(badarg)
}
