//! Timers that send a message: `start_timer`, `send_after`, `cancel_timer`, `read_timer`.

use vm::atom::well_known as w;
use vm::bif::{BifResult, Call, badarg, badarg_because};
use vm::heap::OwnedTerm;
use vm::process::signal;
use vm::term::{Kind, Pid, Term};
use vm::{atom, bifs};

use crate::clock;
use crate::timeouts::{MILLISECOND, tick_at_or_after};
use crate::timers::{self, Receiver};

bifs! { "erlang":
    "start_timer"/3  Plain start_timer;
    "start_timer"/4  Plain start_timer;
    "send_after"/3   Plain send_after;
    "send_after"/4   Plain send_after;
    "cancel_timer"/1 Plain cancel_timer;
    "cancel_timer"/2 Plain cancel_timer;
    "read_timer"/1   Plain read_timer;
    "read_timer"/2   Plain read_timer;
}

/// The latest time that a timer can be set for (over 500 years from the start).
const LAST: i64 = i64::MAX / 2;

/// Options as given.
struct Options {
    asynchronous: bool,
    info: bool,
    absolute: bool,
}

/// Parses options; of those not named in `allowed` there may be none.
fn options(list: Option<Term<'_>>, allowed: &[&str]) -> Option<Options> {
    let mut options = Options {
        asynchronous: false,
        info: true,
        absolute: false,
    };
    let Some(list) = list else {
        return Some(options);
    };
    for option in list.proper_list()? {
        let [key, value] = option.as_tuple_of::<2>()?;
        let name = key.as_atom()?.name();
        let value = value.as_bool();
        match name {
            _ if !allowed.contains(&name) => return None,
            "async" => options.asynchronous = value?,
            "info" => options.info = value?,
            "abs" => options.absolute = value?,
            _ => return None,
        }
    }
    Some(options)
}

/// The tick at which a timer is due; none where the time makes no sense.
fn due(time: Term<'_>, absolute: bool) -> Option<u64> {
    let milliseconds = time.as_i64()?;
    let at = if absolute {
        milliseconds.checked_mul(MILLISECOND)?
    } else {
        if milliseconds < 0 {
            return None;
        }
        let after = milliseconds.checked_mul(MILLISECOND)?;
        clock::monotonic().checked_add(after)?
    };
    (clock::START..LAST)
        .contains(&at)
        .then(|| tick_at_or_after(at))
}

fn start_timer<'p>(call: Call<'p>) -> BifResult<'p> {
    start(call, true)
}

fn send_after<'p>(call: Call<'p>) -> BifResult<'p> {
    start(call, false)
}

fn start<'p>(call: Call<'p>, wrapped: bool) -> BifResult<'p> {
    let options = options(call.args().get(3).copied(), &["abs"]);
    let options = options.ok_or_else(|| badarg_because(w::BADOPT))?;
    let due = due(call.arg(0), options.absolute).ok_or_else(|| badarg_because(atom!("time")))?;
    let receiver = match call.arg(1).kind() {
        Kind::Pid(pid) => Receiver::Process(pid),
        Kind::Atom(name) => Receiver::Name(name),
        _ => return Err(badarg()),
    };
    let reference = vm::reference::next();
    let message = OwnedTerm::build(|heap| {
        let message = heap.copy(call.arg(2));
        if !wrapped {
            return message;
        }
        let reference = heap.reference(reference);
        heap.tuple(&[Term::atom(w::TIMEOUT), reference, message])
    });
    timers::start(reference, due, receiver, message);
    Ok(call.heap.reference(reference))
}

fn cancel_timer<'p>(call: Call<'p>) -> BifResult<'p> {
    let options = options(call.args().get(1).copied(), &["async", "info"]).ok_or_else(badarg)?;
    access(call, &options, "cancel_timer", timers::cancel)
}

fn read_timer<'p>(call: Call<'p>) -> BifResult<'p> {
    let options = options(call.args().get(1).copied(), &["async"]).ok_or_else(badarg)?;
    access(call, &options, "read_timer", timers::read)
}

/// Looks at a timer: the milliseconds that were left, `false` for no timer; as a message where the caller
/// does not want to wait.
fn access<'p>(
    call: Call<'p>,
    options: &Options,
    what: &'static str,
    look: fn(signal::RefNumber) -> Option<u64>,
) -> BifResult<'p> {
    let left = match call.arg(0).kind() {
        Kind::Ref(reference) => look(reference.number()),
        Kind::ExternalRef(_) => None,
        _ => return Err(badarg()),
    };
    let result = left.map_or(Term::FALSE, |left| call.heap.unsigned(left));
    if options.asynchronous {
        if options.info {
            tell(call.process().pid(), what, call.arg(0), result);
        }
        return Ok(Term::OK);
    }
    Ok(if options.info { result } else { Term::OK })
}

fn tell(to: Pid, what: &'static str, reference: Term<'_>, result: Term<'_>) {
    let message = OwnedTerm::build(|heap| {
        heap.tuple(&[
            Term::atom(vm::atom::Atom::from_static(what)),
            heap.copy(reference),
            heap.copy(result),
        ])
    });
    signal::send_message(to, message);
}
