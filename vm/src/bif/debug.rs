//! Module `erts_debug`: sizes of terms, and functions that OTP's tests use.

#![forbid(unsafe_code)]

use crate::atom::{Atom, well_known};
use crate::bif::progress::{give_way, original, resumed, wait};
use crate::bif::{BifResult, Call, Exception, Stop, badarg, badarith, error, long_work};
use crate::process::{send, table};
use crate::term::Term;

crate::bifs! { "erts_debug":
    "same"/2 Plain same_2;
    "flat_size"/1 Plain flat_size_1;
    "size_shared"/1 Plain size_shared_1;
    "copy_shared"/2 Plain copy_shared_2;
    "interpreter_size"/0 Plain interpreter_size_0;
    "lcnt_clear"/0 Plain lcnt_error_0;
    "lcnt_collect"/0 Plain lcnt_error_0;
    "lcnt_control"/1 Plain lcnt_badarg;
    "lcnt_control"/2 Plain lcnt_badarg;
    "dirty_cpu"/2 Heavy dirty_cpu_2;
    "dirty_io"/2 Heavy dirty_io_2;
    "dirty"/3 Heavy dirty_3;
}

fn same_2<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::bool(call.arg(0).same(call.arg(1))))
}

/// Words of a copy, as many as in the stock VM.
fn flat_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let size = call.arg(0).stock_flat_size();
    call.charge(size / 64);
    Ok(Term::size(size))
}

/// Words of the term's objects, each counted once, as many as in the stock VM.
fn size_shared_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let size = call.arg(0).stock_shared_size();
    call.charge(size / 32);
    Ok(Term::size(size))
}

/// A copy that shares what the term shares; literals are copied, too, if the second argument is `true`.
fn copy_shared_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let literals = call.arg(1).as_bool().ok_or_else(badarg)?;
    call.charge(call.arg(0).shared_words() / 32);
    Ok(call.heap.copy_sharing(call.arg(0), literals))
}

/// The size of the interpreter's code, which is not told apart from the rest.
fn interpreter_size_0<'p>(_: Call<'p>) -> BifResult<'p> {
    Ok(Term::int(0))
}

/// Locks are not counted.
fn lcnt_error_0<'p>(_: Call<'p>) -> BifResult<'p> {
    Ok(Term::atom(well_known::ERROR))
}

fn lcnt_badarg<'p>(_: Call<'p>) -> BifResult<'p> {
    Err(badarg())
}

// Dirty schedulers -----------------------------------------------------------------------------------

/// The kinds of schedulers that a test can run on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Normal,
    Cpu,
    Io,
}

impl Kind {
    fn atom(self) -> Atom {
        match self {
            Kind::Normal => crate::atom!("normal"),
            Kind::Cpu => crate::atom!("dirty_cpu"),
            Kind::Io => crate::atom!("dirty_io"),
        }
    }

    /// The threads on which it may wait.
    fn beside(self) -> long_work::Kind {
        match self {
            Kind::Normal | Kind::Cpu => long_work::Kind::Cpu,
            Kind::Io => long_work::Kind::Io,
        }
    }
}

fn dirty_cpu_2<'p>(call: Call<'p>) -> BifResult<'p> {
    dirty(call, Kind::Cpu, call.arg(0), call.arg(1))
}

fn dirty_io_2<'p>(call: Call<'p>) -> BifResult<'p> {
    dirty(call, Kind::Io, call.arg(0), call.arg(1))
}

fn dirty_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let kind = [Kind::Normal, Kind::Cpu, Kind::Io]
        .into_iter()
        .find(|kind| original(call).is_atom(kind.atom()))
        .ok_or_else(badarg)?;
    dirty(call, kind, call.arg(1), call.arg(2))
}

/// How often a process that waits for its end looks whether that has come.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(10);

/// How often a call still gives way.
struct Rescheduled(i64);

/// A wait on another thread.
struct Sleeping(std::sync::Arc<long_work::Job<()>>);

fn dirty<'p>(call: Call<'p>, kind: Kind, what: Term<'p>, argument: Term<'p>) -> BifResult<'p> {
    if let Some((Sleeping(job), _)) = resumed::<Sleeping>(call) {
        return match job.take() {
            Some(()) => Ok(Term::OK),
            None => Err(wait(call, Sleeping(job), &[])),
        };
    }
    if let Some((Rescheduled(left), _)) = resumed::<Rescheduled>(call) {
        return reschedule(call, left);
    }
    match what.as_atom().map(|atom| atom.name()) {
        Some("scheduler") if argument.is_atom(crate::atom!("type")) => Ok(Term::atom(kind.atom())),
        Some("error") => Err(failure(argument)),
        Some("copy") => {
            let copies = (0..1000).map(|_| call.heap.copy(argument));
            Ok(call.heap.list_from(copies))
        }
        Some("send") => {
            send::send(call, argument, Term::OK)?;
            Ok(Term::OK)
        }
        Some("wait") => {
            let ms = argument.as_usize().ok_or_else(badarg)?;
            let time = std::time::Duration::from_millis(ms as u64);
            let pid = call.process().pid();
            let job = long_work::start_on(kind.beside(), pid, move || std::thread::sleep(time));
            Err(wait(call, Sleeping(job), &[]))
        }
        Some("reschedule") => reschedule(call, argument.as_small().ok_or_else(badarg)?),
        Some("alive_waitexiting") => {
            let pid = call.process().pid();
            let alive = Term::atom(crate::atom!("alive"));
            send::send(call, argument, call.heap.tuple(&[alive, Term::pid(pid)]))?;
            let job = long_work::start_on(kind.beside(), pid, move || {
                while table::find(pid).is_some_and(|process| !process.is_exiting()) {
                    std::thread::sleep(LOOK_AGAIN);
                }
            });
            Err(wait(call, Sleeping(job), &[]))
        }
        _ => Err(badarg()),
    }
}

fn failure<'p>(which: Term<'p>) -> Stop<'p> {
    match which.as_atom().map(|atom| atom.name()) {
        Some("badarith") => badarith(),
        Some(name @ ("notsup" | "undef" | "noproc" | "system_limit")) => {
            let reason = Atom::new(name).map_or(Term::UNDEFINED, Term::atom);
            Exception::error(reason).into()
        }
        _ => error(well_known::BADARG),
    }
}

/// Gives way until the number, which goes down by two, is 0.
fn reschedule<'p>(call: Call<'p>, left: i64) -> BifResult<'p> {
    match left {
        ..0 => Err(badarg()),
        0 => Ok(Term::OK),
        _ => Err(give_way(call, Rescheduled(left - 2), &[])),
    }
}
