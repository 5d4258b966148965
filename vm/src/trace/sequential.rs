//! Sequential tracing: a token travels with messages, and what happens to them is told to one tracer for the
//! whole node (`seq_trace`).
//!
//! A token is `{Flags, Label, Serial, From, Last}`. A process counts how often its token was used (`clock`),
//! and remembers the serial of the last message that brought one (`last`).

use std::sync::Arc;

use parking_lot::RwLock;

use super::flags as trace_flags;
use super::tracer::{Event, Tracer, Wants};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::heap::{Heap, OwnedTerm};
use crate::process::signal::{self, Signal};
use crate::process::{Process, table};
use crate::term::{Pid, Term};

/// Flags of tokens.
const SEND: i64 = 1;
const RECEIVE: i64 = 1 << 1;
const PRINT: i64 = 1 << 2;
const NOW_TIMESTAMP: i64 = 1 << 3;
const STRICT_TIMESTAMP: i64 = 1 << 4;
const MONOTONIC_TIMESTAMP: i64 = 1 << 5;

/// What happens to a message, or is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// It is sent.
    Send,
    /// It is received.
    Receive,
    /// A program prints.
    Print,
}

static TRACER: RwLock<Option<Arc<Tracer>>> = RwLock::new(None);

/// Who is told (`system_info(sequential_tracer)`). A process that has ended is not any more.
pub fn tracer() -> Option<Arc<Tracer>> {
    let tracer = TRACER.read().clone()?;
    match &*tracer {
        Tracer::Process(pid) if !table::exists(*pid) => None,
        _ => Some(tracer),
    }
}

/// A process has no token and has never had one (`seq_trace:reset_trace/0`).
pub fn reset(process: &Process) {
    process.set_seq_token(Term::NIL);
    process.set_sequential_counts(0, 0);
}

/// Sets who is told; who was before.
pub fn set_tracer(new: Option<Tracer>) -> Option<Arc<Tracer>> {
    let mut place = TRACER.write();
    std::mem::replace(&mut *place, new.map(Arc::new))
}

fn flag(item: Atom) -> Option<i64> {
    Some(match item.name() {
        "send" => SEND,
        "receive" => RECEIVE,
        "print" => PRINT,
        "timestamp" => NOW_TIMESTAMP,
        "strict_monotonic_timestamp" => STRICT_TIMESTAMP,
        "monotonic_timestamp" => MONOTONIC_TIMESTAMP,
        _ => return None,
    })
}

/// The token of a process, a new one where it has none.
fn token_or_new(process: &Process) -> [Term<'_>; 5] {
    process.seq_token().as_tuple_of::<5>().unwrap_or_else(|| {
        [
            Term::int(0),
            Term::int(0),
            Term::int(0),
            Term::pid(process.pid()),
            process.heap().unsigned(process.sequential_counts().1),
        ]
    })
}

fn store<'p>(process: &'p Process, token: &[Term<'p>; 5]) {
    process.set_seq_token(process.heap().tuple(token));
}

/// `erlang:seq_trace/2`: sets a part of the token; what it was. None for what is no part or value.
pub fn set<'p>(
    process: &'p Process,
    item: Term<'p>,
    value: Term<'p>,
    result: bool,
) -> Option<Term<'p>> {
    let heap = process.heap();
    let item = item.as_atom()?;
    if let (Some(flag), Some(on)) = (flag(item), value.as_bool()) {
        let mut token = token_or_new(process);
        let flags = token[0].as_small()?;
        token[0] = Term::small(if on { flags | flag } else { flags & !flag })?;
        store(process, &token);
        return Some(Term::bool(!result || flags & flag != 0));
    }
    match item.name() {
        "label" => {
            let mut token = token_or_new(process);
            let old = std::mem::replace(&mut token[1], value);
            store(process, &token);
            Some(if result { old } else { Term::TRUE })
        }
        "serial" => {
            let [last, serial] = value.as_tuple_of::<2>()?;
            let (last_number, number) = (last.as_small()?, serial.as_small()?);
            let mut token = token_or_new(process);
            let old = heap.tuple(&[token[4], token[2]]);
            (token[2], token[4]) = (serial, last);
            store(process, &token);
            process.set_sequential_counts(number as u64, last_number as u64);
            Some(if result { old } else { Term::TRUE })
        }
        "sequential_trace_token" => {
            if !value.is_nil() {
                return None;
            }
            let old = process.seq_token();
            process.set_seq_token(Term::NIL);
            Some(if result { old } else { Term::TRUE })
        }
        _ => None,
    }
}

/// `erlang:seq_trace_info/1`. None for what is no part of a token.
pub fn info<'p>(process: &'p Process, item: Term<'p>) -> Option<Term<'p>> {
    let heap = process.heap();
    let name = item.as_atom()?;
    let Some(token) = process.seq_token().as_tuple_of::<5>() else {
        return match name.name() {
            "label" | "serial" => Some(Term::NIL),
            "spawn" => Some(heap.tuple(&[item, Term::FALSE])),
            _ => flag(name).map(|_| heap.tuple(&[item, Term::FALSE])),
        };
    };
    let value = match name.name() {
        "label" => token[1],
        "serial" => heap.tuple(&[token[4], token[2]]),
        _ => Term::bool(token[0].as_small()? & flag(name)? != 0),
    };
    Some(heap.tuple(&[item, value]))
}

/// Whether the tracer wants to hear of a process.
fn wants(tracer: &Tracer, process: &Process) -> bool {
    let id = Term::pid(process.pid());
    tracer.wants(Some(process), atom!("seq_trace"), id) == Wants::Trace
}

/// The token is going to be used: counts. False where there is none.
pub fn update_serial(process: &Process) -> bool {
    let Some(mut token) = process.seq_token().as_tuple_of::<5>() else {
        return false;
    };
    if let Some(tracer) = tracer()
        && !wants(&tracer, process)
    {
        return false;
    }
    let heap = process.heap();
    let (clock, last) = process.sequential_counts();
    process.set_sequential_counts(clock + 1, last);
    token[2] = heap.unsigned(clock + 1);
    token[3] = Term::pid(process.pid());
    token[4] = heap.unsigned(last);
    store(process, &token);
    true
}

/// Tells the tracer of something that a token has part in, unless the process is sensitive.
pub fn output(
    process: &Process,
    token: Term<'_>,
    what: What,
    receiver: Term<'_>,
    message: Term<'_>,
) {
    if process.shared().tracee().flags() & trace_flags::SENSITIVE == 0 {
        tell(process, token, what, receiver, message);
    }
}

fn tell(process: &Process, token: Term<'_>, what: What, receiver: Term<'_>, message: Term<'_>) {
    let Some([flags, label, serial, sender, last]) = token.as_tuple_of::<5>() else {
        return;
    };
    let (flag, tag) = match what {
        What::Send => (SEND, w::SEND),
        What::Receive => (RECEIVE, w::RECEIVE),
        What::Print => (PRINT, atom!("print")),
    };
    let flags = flags.as_small().unwrap_or(0);
    if flags & flag == 0 {
        return;
    }
    let Some(tracer) = tracer() else {
        return;
    };
    if !wants(&tracer, process) {
        return;
    }
    let heap = process.heap();
    let copy = |term: Term<'_>| heap.copy(term);
    let serial = heap.tuple(&[copy(last), copy(serial)]);
    let message = heap.tuple(&[
        Term::atom(tag),
        serial,
        copy(sender),
        copy(receiver),
        copy(message),
    ]);
    let event = Event::new(atom!("seq_trace"), message);
    tracer.tell(Some(process), timestamps(flags), label, &event);
}

fn timestamps(flags: i64) -> trace_flags::Flags {
    [
        (NOW_TIMESTAMP, trace_flags::NOW_TIMESTAMP),
        (STRICT_TIMESTAMP, trace_flags::STRICT_TIMESTAMP),
        (MONOTONIC_TIMESTAMP, trace_flags::MONOTONIC_TIMESTAMP),
    ]
    .into_iter()
    .filter(|(flag, _)| flags & flag != 0)
    .fold(0, |all, (_, flag)| all | flag)
}

/// `erlang:seq_trace_print/1,2`.
pub fn print<'p>(process: &'p Process, label: Option<Term<'p>>, message: Term<'p>) -> bool {
    let Some(token) = process.seq_token().as_tuple_of::<5>() else {
        return false;
    };
    if label.is_some_and(|label| !label.exactly_equals(token[1])) {
        return false;
    }
    update_serial(process);
    output(
        process,
        process.seq_token(),
        What::Print,
        Term::NIL,
        message,
    );
    true
}

/// A message is sent by a process that has a token; the token that goes with it.
#[cold]
pub fn send<'p>(process: &'p Process, receiver: Term<'p>, message: Term<'p>) -> Term<'p> {
    update_serial(process);
    let token = process.seq_token();
    output(process, token, What::Send, receiver, message);
    token
}

/// An exit signal is sent by a process that has a token; the token that goes with it. Nobody is told where the receiver
/// is gone or sensitive.
#[cold]
pub fn exit<'p>(process: &'p Process, to: Pid, message: Term<'_>) -> Term<'p> {
    update_serial(process);
    let token = process.seq_token();
    // It is the receiver whose being sensitive counts.
    let receiver = table::find(to);
    if receiver.is_some_and(|shared| shared.tracee().flags() & trace_flags::SENSITIVE == 0) {
        tell(process, token, What::Send, Term::pid(to), message);
    }
    token
}

/// A message is received that brought a token, or none where the process has one.
#[cold]
pub fn receive<'p>(process: &'p Process, token: Option<Term<'p>>, message: Term<'p>) {
    let Some(token) = token else {
        process.set_seq_token(Term::NIL);
        return;
    };
    process.set_seq_token(token);
    let serial = token
        .as_tuple_of::<5>()
        .and_then(|token| token[2].as_u64())
        .unwrap_or(0);
    let (clock, _) = process.sequential_counts();
    process.set_sequential_counts(clock.max(serial), serial);
    let me = Term::pid(process.pid());
    output(process, token, What::Receive, me, message);
}

/// A process with a token spawns: the child has it, too. What is told is a request and a reply (`{Tag, Reference, ok,
/// Pid}`), the latter as sent and received at once; it is none where it goes as a message.
#[cold]
pub fn spawn(
    parent: &Process,
    child: &Process,
    message: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>,
    reply: Option<Term<'_>>,
) {
    update_serial(parent);
    let token = parent.seq_token();
    child.set_seq_token(child.heap().copy(token));
    let to = Term::pid(child.pid());
    let message = message(parent.heap());
    output(parent, token, What::Send, to, message);
    output(parent, token, What::Receive, to, message);
    let serial = token
        .as_tuple_of::<5>()
        .and_then(|token| token[2].as_u64())
        .unwrap_or(0);
    child.set_sequential_counts(serial, serial);
    update_serial(child);
    let token = child.seq_token();
    if let Some(reply) = reply {
        let me = Term::pid(parent.pid());
        output(parent, token, What::Send, me, reply);
        let serial = token.as_tuple_of::<5>().and_then(|token| token[2].as_u64());
        // The stock VM takes the serial's tagged word for its value here, and programs see where the count goes on.
        let tagged = serial.unwrap_or(0) << 4 | 0b1111;
        parent.set_sequential_counts(tagged, tagged);
        output(parent, token, What::Receive, me, reply);
    }
}

/// The reply to a request to spawn goes to the parent, with the child's token.
#[cold]
pub fn spawn_reply(child: Pid, parent: &Process, token: &OwnedTerm, reply: &OwnedTerm) {
    let me = Term::pid(parent.pid());
    output(parent, token.term(), What::Send, me, reply.term());
    let pair = OwnedTerm::build(|heap| {
        heap.cons(heap.copy_message(reply.term()), heap.copy(token.term()))
    });
    let from = Some(child);
    // The parent is there: it runs.
    let _ = signal::send(parent.pid(), Signal::Traced { from, pair });
}
