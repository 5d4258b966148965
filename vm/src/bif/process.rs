//! What a program can ask of processes and do to them: identity, life, group leaders, suspension,
//! hibernation, collection on request.

use super::{BifResult, Call, Stop, Trap, badarg, system_limit};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::code::{Export, Mfa};
use crate::heap::OwnedTerm;
use crate::node_name;
use crate::process::suspend::Suspended;
use crate::process::task::{Reply, Task, Work};
use crate::process::{Peer, Priority, Process, hooks, signal, table};
use crate::term::{Kind, Pid, Term};

crate::bifs! {
    "erlang" {
        "self"/0             Guard self_0;
        "processes"/0        Heavy processes_0;
        "is_process_alive"/1 Heavy is_process_alive_1;
        "group_leader"/0     Plain group_leader_0;
        "hibernate"/3        Heavy hibernate_3;
        "resume_process"/1   Heavy resume_process_1;
        "bump_reductions"/1  Plain bump_reductions_1;
    }
    "erts_internal" {
        "is_process_alive"/2             Heavy is_process_alive_2;
        "is_system_process"/1            Plain is_system_process_1;
        "is_process_executing_dirty"/1   Plain is_process_executing_dirty_1;
        "dirty_process_handle_signals"/1 Plain dirty_process_handle_signals_1;
        "group_leader"/2                 Heavy group_leader_2;
        "group_leader"/3                 Heavy group_leader_3;
        "suspend_process"/2              Heavy suspend_process_2;
        "process_display"/2              Heavy process_display_2;
        "garbage_collect"/1              Heavy garbage_collect_1;
        "request_system_task"/3          Heavy request_system_task_3;
        "request_system_task"/4          Heavy request_system_task_4;
    }
    "erts_literal_area_collector" {
        "send_copy_request"/3            Heavy send_copy_request_3;
    }
}

/// Sends `{Ref, Result}`.
pub(super) fn answer(to: Pid, reference: crate::process::RefNumber, result: Term<'_>) {
    let message = OwnedTerm::build(|heap| {
        heap.tuple(&[heap.reference(reference), heap.copy_message(result)])
    });
    signal::send_message(to, message);
}

/// A call of one of OTP's own functions in `erts_internal`.
pub(super) fn internal<'p>(function: Atom, args: &[Term<'p>]) -> Stop<'p> {
    let export = Export::of(Mfa {
        module: w::ERTS_INTERNAL,
        function,
        arity: args.len() as u32,
    });
    Trap::Call {
        export,
        args: args.iter().copied().collect(),
    }
    .into()
}

fn self_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::pid(call.process().pid()))
}

fn processes_0<'p>(call: Call<'p>) -> BifResult<'p> {
    let pids = table::all();
    call.charge(pids.len() / 16);
    Ok(call.heap.list_from(pids.into_iter().map(Term::pid)))
}

/// Whether a process that belongs to an earlier life of this node is meant.
fn is_stale(term: Term<'_>) -> bool {
    match term.kind() {
        Kind::ExternalPid(id) => id.node().name == node_name::this().0,
        _ => false,
    }
}

fn is_process_alive_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let Some(pid) = call.arg(0).as_pid() else {
        return if is_stale(call.arg(0)) {
            Ok(Term::FALSE)
        } else {
            Err(badarg())
        };
    };
    if pid == call.process().pid() {
        return Ok(Term::TRUE);
    }
    match table::get(pid, &crossbeam_epoch::pin()).map(|shared| shared.is_quiet()) {
        None => Ok(Term::FALSE),
        Some(true) => Ok(Term::TRUE),
        // Signals sent to it before may end it: it must answer itself.
        Some(false) => Err(internal(atom!("is_process_alive"), &[call.arg(0)])),
    }
}

fn is_process_alive_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (Some(pid), Kind::Ref(reference)) = (call.arg(0).as_pid(), call.arg(1).kind()) else {
        return Err(badarg());
    };
    let (requester, reference) = (call.process().pid(), reference.number());
    signal::rpc(pid, move |process| {
        answer(requester, reference, Term::bool(process.is_some()));
    });
    Ok(Term::OK)
}

fn is_system_process_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let pid = call.arg(0).as_pid().ok_or_else(badarg)?;
    let system = table::get(pid, &crossbeam_epoch::pin()).is_some_and(|shared| shared.is_system());
    Ok(Term::bool(system))
}

/// Native functions that take long do so beside their process, never as it.
fn is_process_executing_dirty_1<'p>(call: Call<'p>) -> BifResult<'p> {
    call.arg(0).as_pid().ok_or_else(badarg)?;
    Ok(Term::FALSE)
}

/// A process always handles its signals itself.
fn dirty_process_handle_signals_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).as_pid() {
        None => Ok(Term::FALSE),
        Some(pid) if table::exists(pid) => Ok(Term::atom(w::NORMAL)),
        Some(_) => Ok(Term::atom(w::NOPROC)),
    }
}

fn group_leader_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.process().group_leader())
}

/// `true`, `badarg`, or `false` where the process must be asked by a signal.
fn group_leader_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let is_pid = matches!(call.arg(0).kind(), Kind::Pid(_) | Kind::ExternalPid(_));
    if !is_pid {
        return Ok(Term::atom(w::BADARG));
    }
    match Peer::of(call.arg(1)) {
        Some(Peer::Process(pid)) if pid == call.process().pid() => {
            call.process().set_group_leader(call.arg(0));
            Ok(Term::TRUE)
        }
        Some(Peer::Process(pid)) if table::exists(pid) => Ok(Term::FALSE),
        Some(Peer::Remote(node, _)) if node.name == node_name::this().0 => Err(badarg()),
        Some(Peer::Remote(node, number)) => {
            if let Some(distribution) = hooks::distribution() {
                let me = call.process().pid();
                distribution.group_leader(node, number, me, call.arg(0));
            }
            Ok(Term::TRUE)
        }
        _ => Ok(Term::atom(w::BADARG)),
    }
}

fn group_leader_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let leader = matches!(call.arg(0).kind(), Kind::Pid(_) | Kind::ExternalPid(_));
    let (true, Some(pid), Kind::Ref(reference)) =
        (leader, call.arg(1).as_pid(), call.arg(2).kind())
    else {
        return Err(badarg());
    };
    let (requester, reference) = (call.process().pid(), reference.number());
    let leader = OwnedTerm::copy_of(call.arg(0));
    signal::rpc(pid, move |process| {
        let result = match process {
            Some(process) => {
                process.set_group_leader(leader.adopt(process.heap()));
                Term::TRUE
            }
            None => Term::atom(w::BADARG),
        };
        answer(requester, reference, result);
    });
    Ok(Term::OK)
}

fn hibernate_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let (module, function) = (call.arg(0).as_atom(), call.arg(1).as_atom());
    let (Some(module), Some(function), Some(args)) = (module, function, call.arg(2).proper_list())
    else {
        return Err(badarg());
    };
    let arity = u32::try_from(args.len()).map_err(|_| badarg())?;
    if arity > 255 {
        return Err(system_limit());
    }
    let export = Export::of(Mfa {
        module,
        function,
        arity,
    });
    Err(Trap::Hibernate {
        export,
        args: args.into_iter().collect(),
    }
    .into())
}

struct SuspendOptions<'p> {
    unless_suspending: bool,
    asynchronous: bool,
    reply_tag: Option<Term<'p>>,
}

fn suspend_options<'p>(list: Term<'p>) -> Option<SuspendOptions<'p>> {
    let mut options = SuspendOptions {
        unless_suspending: false,
        asynchronous: false,
        reply_tag: None,
    };
    for option in list.proper_list()? {
        if option.is_atom(atom!("unless_suspending")) {
            options.unless_suspending = true;
        } else if option.is_atom(atom!("asynchronous")) {
            options.asynchronous = true;
        } else {
            let [key, tag] = option.as_tuple_of::<2>()?;
            if !key.is_atom(atom!("asynchronous")) {
                return None;
            }
            options.asynchronous = true;
            options.reply_tag = Some(tag);
        }
    }
    Some(options)
}

/// The answer is a value, or a reference by which the answer comes as a message.
fn suspend_process_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let process = call.process();
    let Some(pid) = call.arg(0).as_pid().filter(|&pid| pid != process.pid()) else {
        return Ok(Term::atom(w::BADARG));
    };
    let Some(options) = suspend_options(call.arg(1)) else {
        return Ok(Term::atom(w::BADOPT));
    };
    let again = process.suspends(pid);
    let (result, asked) = if options.unless_suspending && again {
        (Term::FALSE, !process.suspension_is_active(pid))
    } else {
        match process.suspend(pid) {
            Suspended::NoProcess if options.asynchronous => (Term::TRUE, false),
            Suspended::NoProcess => return Ok(Term::atom(w::BADARG)),
            Suspended::Active => (Term::TRUE, false),
            Suspended::Asked => (Term::TRUE, true),
        }
    };
    if let Some(tag) = options.reply_tag {
        tell_when_suspended(process, pid, OwnedTerm::copy_of(tag));
        return Ok(result);
    }
    if options.asynchronous || !asked {
        return Ok(result);
    }
    // A signal sent after the suspension: when it is handled that has taken effect.
    let (requester, reference) = (process.pid(), crate::reference::next());
    let value = result.as_bool() == Some(true);
    signal::rpc(pid, move |process| {
        let result = match process {
            Some(_) => Term::bool(value),
            None => Term::atom(w::BADARG),
        };
        answer(requester, reference, result);
    });
    Ok(call.heap.reference(reference))
}

/// `{Tag, suspended | not_suspended | exited}` when the suspension has taken effect.
fn tell_when_suspended(process: &Process, pid: Pid, tag: OwnedTerm) {
    let requester = process.pid();
    signal::rpc(pid, move |process| {
        let state = match process {
            None => atom!("exited"),
            Some(process) if process.is_suspended() => w::SUSPENDED,
            Some(_) => atom!("not_suspended"),
        };
        let message = OwnedTerm::build(|heap| heap.tuple(&[tag.adopt(heap), Term::atom(state)]));
        signal::send_message(requester, message);
    });
}

fn resume_process_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let pid = call.arg(0).as_pid().ok_or_else(badarg)?;
    if call.process().resume_other(pid) {
        Ok(Term::TRUE)
    } else {
        Err(badarg())
    }
}

fn bump_reductions_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let reductions = call.arg(0).as_usize().filter(|&count| count > 0);
    let reductions = reductions.ok_or_else(badarg)?;
    call.charge(reductions.min(crate::process::REDUCTIONS as usize));
    Ok(Term::TRUE)
}

/// Prints a process's stack on the standard error stream.
fn process_display_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if !call.arg(1).is_atom(w::BACKTRACE) {
        return Ok(Term::atom(w::BADOPT));
    }
    let Some(pid) = call.arg(0).as_pid() else {
        return Ok(Term::atom(w::BADARG));
    };
    if pid == call.process().pid() {
        display(call.process());
        return Ok(Term::TRUE);
    }
    if !table::exists(pid) {
        return Ok(Term::atom(w::BADARG));
    }
    let (requester, reference) = (call.process().pid(), crate::reference::next());
    signal::rpc(pid, move |process| {
        let result = match process {
            Some(process) => {
                display(process);
                Term::TRUE
            }
            None => Term::atom(w::BADARG),
        };
        answer(requester, reference, result);
    });
    Ok(call.heap.reference(reference))
}

fn display(process: &Process) {
    if let Some(stacks) = hooks::stacks() {
        eprint!("{}", stacks.backtrace(process));
    }
}

fn garbage_collect_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let full = match call.arg(0).as_atom() {
        Some(w::MAJOR) => true,
        Some(w::MINOR) => false,
        _ => return Err(badarg()),
    };
    call.process().add_task(Task {
        work: Work::Collect { full },
        priority: Priority::Max,
        reply: None,
    });
    Err(Trap::YieldReturn(Term::TRUE).into())
}

fn request_system_task_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let requester = call.process().pid();
    let asking = call.process().shared().priority();
    request(asking, requester, call.arg(0), call.arg(1), call.arg(2))
}

fn request_system_task_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let requester = call.arg(0).as_pid().ok_or_else(badarg)?;
    let asking = call.process().shared().priority();
    request(asking, requester, call.arg(1), call.arg(2), call.arg(3))
}

/// Asks a process to collect, or to check for old code; the answer is a message `{Request, Id, Result}`.
fn request<'p>(
    asking: Priority,
    requester: Pid,
    target: Term<'p>,
    priority: Term<'p>,
    operation: Term<'p>,
) -> BifResult<'p> {
    let priority = match priority.as_atom() {
        Some(w::INHERIT) => asking,
        Some(atom) => Priority::of(atom).ok_or_else(badarg)?,
        None => return Err(badarg()),
    };
    let (tag, id, work) = operation_of(operation).ok_or_else(badarg)?;
    let reply = Reply::new(requester, tag, id);
    let Some(pid) = target.as_pid() else {
        if !is_stale(target) {
            return Err(badarg());
        }
        reply.send(Term::FALSE);
        return Ok(Term::OK);
    };
    let task = Task {
        work,
        priority,
        reply: Some(reply),
    };
    signal::rpc_urgent(pid, priority, move |process| match process {
        Some(process) => process.add_task(task),
        None => task.refuse(),
    });
    Ok(Term::OK)
}

fn operation_of<'p>(operation: Term<'p>) -> Option<(Atom, Term<'p>, Work)> {
    let elements = operation.as_tuple()?.elements();
    let tag = elements.first()?.as_atom()?;
    let work = match (tag, elements) {
        (w::GARBAGE_COLLECT, [_, _, kind]) => match kind.as_atom()? {
            w::MAJOR => Work::Collect { full: true },
            w::MINOR => Work::Collect { full: false },
            _ => return None,
        },
        (w::CHECK_PROCESS_CODE, [_, _, module]) => Work::CheckCode(module.as_atom()?),
        (tag, [_, _]) if tag == atom!("system_task_test") => Work::Nothing,
        _ => return None,
    };
    Some((tag, elements[1], work))
}

/// `send_copy_request(Pid, Area, How)`: asks a process to copy the literals being released; the answer is
/// a message `{copy_literals, {Area, How, Pid}, ok}`.
fn send_copy_request_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let pid = call.arg(0).as_pid().ok_or_else(badarg)?;
    let how = [w::INIT, atom!("check_gc"), atom!("need_gc")];
    if !call
        .arg(2)
        .as_atom()
        .is_some_and(|atom| how.contains(&atom))
    {
        return Err(badarg());
    }
    let id = call.heap.tuple(&[call.arg(1), call.arg(2), call.arg(0)]);
    let task = Task {
        work: Work::CopyLiterals,
        priority: call.process().shared().priority(),
        reply: Some(Reply::new(call.process().pid(), w::COPY_LITERALS, id)),
    };
    signal::rpc(pid, move |process| match process {
        Some(process) => process.add_task(task),
        None => task.refuse(),
    });
    Ok(Term::OK)
}
