//! Links, monitors and aliases.

use super::{BifResult, Call, Stop, Trap, badarg, badarg_because, error};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::code::{Export, Mfa};
use crate::heap::OwnedTerm;
use crate::node_name;
use crate::process::hooks::{self, RemoteTo};
use crate::process::relations::{AliasKind, LinkAdded, Monitor, Target};
use crate::process::signal::{self, Signal};
use crate::process::spawn::MonitorOptions;
use crate::process::{ExitKind, Origin, Peer, Process, RefNumber, registry, send};
use crate::term::{Kind, Term};
use crate::trace::events;

crate::bifs! { "erlang":
    "link"/1      Plain link_1;
    "unlink"/1    Plain unlink_1;
    "monitor"/2   Plain monitor_2;
    "monitor"/3   Plain monitor_3;
    "demonitor"/1 Plain demonitor_1;
    "demonitor"/2 Heavy demonitor_2;
    "alias"/1     Plain alias_1;
    "unalias"/1   Plain unalias_1;
}

/// Whether an identifier is of an earlier life of this node.
fn is_stale(peer: Peer) -> bool {
    matches!(peer, Peer::Remote(node, _) if node.name == node_name::this().0)
}

fn link_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let process = call.process();
    let peer = match call.arg(0).kind() {
        Kind::ExternalPort(id) if id.node().name == node_name::this().0 => {
            return no_process(call);
        }
        _ => Peer::of(call.arg(0)).ok_or_else(badarg)?,
    };
    if peer == Peer::Process(process.pid()) {
        return Ok(Term::TRUE);
    }
    if is_stale(peer) {
        return no_process(call);
    }
    events::process(process, w::LINK, call.arg(0));
    if process.relations().add_link(peer) == LinkAdded::Present {
        return Ok(Term::TRUE);
    }
    let me = process.pid();
    let linked = match peer {
        Peer::Process(pid) => signal::send(
            pid,
            Signal::Link {
                from: Peer::Process(me),
            },
        )
        .is_ok(),
        Peer::Port(port) => hooks::ports().is_some_and(|ports| ports.link(port, me)),
        Peer::Remote(node, number) => {
            let linked = hooks::distribution()
                .is_some_and(|distribution| distribution.link(node, number, me));
            if !linked {
                let reason = Term::atom(w::NOCONNECTION);
                signal::send_exit(Peer::Process(me), peer, ExitKind::Link, reason);
            }
            true
        }
    };
    if linked {
        return Ok(Term::TRUE);
    }
    process.relations().forget_link(peer);
    no_process(call)
}

/// There is nothing to link to: an exit message for who traps exits, an exception for who does not.
fn no_process<'p>(call: Call<'p>) -> BifResult<'p> {
    let process = call.process();
    if !process.traps_exits() {
        return Err(error(w::NOPROC));
    }
    let message = OwnedTerm::build(|heap| {
        heap.tuple(&[
            Term::atom(w::EXIT_SIGNAL),
            heap.copy(call.arg(0)),
            Term::atom(w::NOPROC),
        ])
    });
    signal::send_message(process.pid(), message);
    Ok(Term::TRUE)
}

fn unlink_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let process = call.process();
    let peer = match call.arg(0).kind() {
        Kind::ExternalPort(id) if id.node().name == node_name::this().0 => return Ok(Term::TRUE),
        _ => Peer::of(call.arg(0)).ok_or_else(badarg)?,
    };
    events::process(process, atom!("unlink"), call.arg(0));
    let Some(id) = process.relations().begin_unlink(peer) else {
        return Ok(Term::TRUE);
    };
    let me = process.pid();
    let told = match peer {
        Peer::Process(pid) => {
            let from = Peer::Process(me);
            signal::send(pid, Signal::Unlink { from, id }).is_ok()
        }
        Peer::Port(port) => hooks::ports().is_some_and(|ports| ports.unlink(port, me, id)),
        Peer::Remote(node, number) => hooks::distribution().is_some_and(|distribution| {
            distribution.unlink(node, number, me, id);
            true
        }),
    };
    if !told {
        process.relations().forget_link(peer);
    }
    Ok(Term::TRUE)
}

/// The options of a monitor; none where they are bad.
pub(super) fn monitor_options(options: Term<'_>) -> Option<MonitorOptions> {
    let mut parsed = MonitorOptions::default();
    for option in options.proper_list()? {
        let [key, value] = option.as_tuple_of::<2>()?;
        match key.as_atom()? {
            w::ALIAS => parsed.alias = Some(alias_kind(value)?),
            w::TAG => parsed.tag = Some(OwnedTerm::copy_of(value)),
            _ => return None,
        }
    }
    Some(parsed)
}

fn alias_kind(term: Term<'_>) -> Option<AliasKind> {
    match term.as_atom()? {
        w::EXPLICIT_UNALIAS => Some(AliasKind::Explicit),
        w::DEMONITOR => Some(AliasKind::Demonitor),
        w::REPLY_DEMONITOR => Some(AliasKind::Reply),
        _ => None,
    }
}

fn monitor_2<'p>(call: Call<'p>) -> BifResult<'p> {
    monitor(call, MonitorOptions::default())
}

fn monitor_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let options = monitor_options(call.arg(2)).ok_or_else(|| badarg_because(w::BADOPT))?;
    monitor(call, options)
}

fn monitor<'p>(call: Call<'p>, options: MonitorOptions) -> BifResult<'p> {
    let target = match call.arg(0).as_atom() {
        Some(w::PROCESS) => process_target(call.arg(1)),
        Some(w::PORT) => port_target(call.arg(1)),
        Some(w::TIME_OFFSET) if call.arg(1).is_atom(atom!("clock_service")) => {
            Some(Target::TimeOffset)
        }
        Some(w::TIME_OFFSET) => None,
        _ => return Err(badarg_because(atom!("badtype"))),
    };
    let target = target.ok_or_else(badarg)?;
    let process = call.process();
    // A process that monitors itself gets a reference and nothing else.
    if matches!(target, Target::Process(Some(pid), _) if pid == process.pid()) {
        return Ok(call.heap.reference(crate::reference::next()));
    }
    let reference = match options.alias {
        Some(_) => process.new_alias_reference(),
        None => crate::reference::next(),
    };
    process.relations().add_monitor(
        reference,
        Monitor {
            target,
            alias: options.alias,
            tag: options.tag.map(Box::new),
        },
    );
    set_up(process, reference, target, call.arg(1));
    Ok(call.heap.reference(reference))
}

fn process_target(term: Term<'_>) -> Option<Target> {
    match term.kind() {
        Kind::Pid(pid) => Some(Target::Process(Some(pid), None)),
        Kind::Atom(name) => Some(named_process(name)),
        Kind::ExternalPid(id) => Some(Target::Remote(id.node(), id.data()[0])),
        Kind::Tuple(_) => {
            let (name, node) = send::name_at_node(term)?;
            if node == node_name::this().0 {
                return Some(named_process(name));
            }
            node_name::is_alive().then_some(Target::RemoteName(name, node))
        }
        _ => None,
    }
}

fn named_process(name: Atom) -> Target {
    Target::Process(registry::whereis_process(name), Some(name))
}

fn port_target(term: Term<'_>) -> Option<Target> {
    match term.kind() {
        Kind::Port(port) => Some(Target::Port(Some(port), None)),
        Kind::Atom(name) => Some(named_port(name)),
        Kind::ExternalPort(id) if id.node().name == node_name::this().0 => {
            Some(Target::Port(None, None))
        }
        Kind::Tuple(_) => {
            let (name, node) = send::name_at_node(term)?;
            (node == node_name::this().0).then(|| named_port(name))
        }
        _ => None,
    }
}

fn named_port(name: Atom) -> Target {
    match registry::whereis(name) {
        Some(Peer::Port(port)) => Target::Port(Some(port), Some(name)),
        _ => Target::Port(None, Some(name)),
    }
}

/// Tells the other side of a monitor, or at once answers that there is none.
fn set_up(process: &Process, reference: RefNumber, target: Target, object: Term<'_>) {
    let me = process.pid();
    let failed = match target {
        Target::Process(pid, name) => {
            let monitor = Signal::Monitor {
                reference,
                origin: Origin::Process(me),
                name,
            };
            let sent = pid.is_some_and(|pid| signal::send(pid, monitor).is_ok());
            (!sent).then_some((w::PROCESS, w::NOPROC, name))
        }
        Target::Port(port, name) => {
            let set = port.zip(hooks::ports());
            let set = set.is_some_and(|(port, ports)| ports.monitor(port, me, reference, name));
            (!set).then_some((w::PORT, w::NOPROC, name))
        }
        // Of an earlier life of this node.
        Target::Remote(node, _) if node.name == node_name::this().0 => {
            Some((w::PROCESS, w::NOPROC, None))
        }
        Target::Remote(node, number) => {
            let set = remote(me, reference, node.name, RemoteTo::Number(number));
            (!set).then_some((w::PROCESS, w::NOCONNECTION, None))
        }
        Target::RemoteName(name, node) => {
            let set = remote(me, reference, node, RemoteTo::Name(name));
            (!set).then_some((w::PROCESS, w::NOCONNECTION, None))
        }
        Target::TimeOffset => {
            if let Some(schedulers) = hooks::schedulers() {
                schedulers.monitor_time_offset(me, reference);
            }
            None
        }
        Target::Alias | Target::SpawnRequest => None,
    };
    if let Some((kind, reason, name)) = failed {
        let message = signal::down_message(
            reference,
            kind,
            |heap| match name {
                Some(name) => heap.tuple(&[Term::atom(name), Term::atom(node_name::this().0)]),
                None => heap.copy(object),
            },
            Term::atom(reason),
        );
        // The process itself is here to get it.
        let _ = signal::send(me, Signal::Down { reference, message });
    }
}

fn remote(me: crate::term::Pid, reference: RefNumber, node: Atom, to: RemoteTo<'_>) -> bool {
    hooks::distribution().is_some_and(|distribution| distribution.monitor(node, to, me, reference))
}

/// Takes a monitor away: whether there was one.
fn demonitor<'p>(call: Call<'p>) -> Result<bool, Stop<'p>> {
    let reference = match call.arg(0).kind() {
        Kind::Ref(reference) => reference.number(),
        Kind::ExternalRef(id) if id.node().name == node_name::this().0 => return Ok(false),
        _ => return Err(badarg()),
    };
    let process = call.process();
    let found = process
        .relations()
        .with_monitor(reference, |monitor| (monitor.target, monitor.alias));
    match found {
        None | Some((Target::Alias | Target::SpawnRequest, _)) => Ok(false),
        Some((target, alias)) => {
            process.end_monitor(reference, alias);
            process.tell_demonitor(reference, target);
            Ok(true)
        }
    }
}

fn demonitor_1<'p>(call: Call<'p>) -> BifResult<'p> {
    demonitor(call)?;
    Ok(Term::TRUE)
}

fn demonitor_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (mut flush, mut info) = (false, false);
    for option in call.arg(1).proper_list().ok_or_else(badarg)? {
        match option.as_atom() {
            Some(w::FLUSH) => flush = true,
            Some(w::INFO) => info = true,
            _ => return Err(badarg()),
        }
    }
    let many = is_persistent(call);
    let found = demonitor(call)?;
    let result = Term::bool(found || !info);
    if flush && (!found || many) {
        let export = Export::of(Mfa {
            module: w::ERTS_INTERNAL,
            function: atom!("flush_monitor_messages"),
            arity: 3,
        });
        let args = [call.arg(0), Term::bool(many), result];
        return Err(Trap::Call {
            export,
            args: args.into_iter().collect(),
        }
        .into());
    }
    Ok(result)
}

/// Whether a monitor may have sent several messages.
fn is_persistent(call: Call<'_>) -> bool {
    let Kind::Ref(reference) = call.arg(0).kind() else {
        return false;
    };
    let target = call
        .process()
        .relations()
        .with_monitor(reference.number(), |monitor| monitor.target);
    target == Some(Target::TimeOffset)
}

fn alias_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut kind = AliasKind::Explicit;
    for option in call.arg(0).proper_list().ok_or_else(badarg)? {
        match option.as_atom() {
            Some(w::EXPLICIT_UNALIAS) => kind = AliasKind::Explicit,
            Some(w::REPLY) => kind = AliasKind::Reply,
            _ => return Err(badarg()),
        }
    }
    Ok(call.heap.reference(call.process().new_alias(kind)))
}

fn unalias_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Ref(reference) => Ok(Term::bool(call.process().unalias(reference.number()))),
        Kind::ExternalRef(_) => Ok(Term::FALSE),
        _ => Err(badarg()),
    }
}
