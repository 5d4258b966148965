//! Module `erts_debug`: sizes of terms, and functions that OTP's tests use.

#![forbid(unsafe_code)]

use smallvec::smallvec;

use crate::atom::{Atom, well_known};
use crate::bif::progress::{resumed, wait};
use crate::bif::{BifResult, Call, Exception, Stop, badarg, badarith, error, long_work};
use crate::process::send;
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

    /// Where `reschedule` goes on.
    fn next(self, left: i64) -> Kind {
        match self {
            same if left % 4 != 0 => same,
            Kind::Cpu => Kind::Io,
            Kind::Io => Kind::Normal,
            Kind::Normal => Kind::Cpu,
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
        .find(|kind| call.arg(0).is_atom(kind.atom()))
        .ok_or_else(badarg)?;
    dirty(call, kind, call.arg(1), call.arg(2))
}

/// A wait on another thread.
struct Sleeping(std::sync::Arc<long_work::Job<()>>);

fn dirty<'p>(call: Call<'p>, kind: Kind, what: Term<'p>, argument: Term<'p>) -> BifResult<'p> {
    if let Some((Sleeping(job), _)) = resumed::<Sleeping>(call) {
        return match job.take() {
            Some(()) => Ok(Term::OK),
            None => Err(wait(call, Sleeping(job), &[])),
        };
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
            let job = long_work::start(call.process().pid(), move || std::thread::sleep(time));
            Err(wait(call, Sleeping(job), &[]))
        }
        Some("reschedule") => reschedule(call, kind, what, argument),
        Some("alive_waitexiting") => Ok(Term::OK),
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

/// Goes from one kind of scheduler to another until the number is 0; it goes down by two.
fn reschedule<'p>(call: Call<'p>, kind: Kind, what: Term<'p>, left: Term<'p>) -> BifResult<'p> {
    let count = left
        .as_small()
        .filter(|&count| count >= 0)
        .ok_or_else(badarg)?;
    if count == 0 {
        return Ok(Term::OK);
    }
    let next = kind.next(count);
    let function = match next {
        Kind::Normal => "dirty",
        Kind::Cpu => "dirty_cpu",
        Kind::Io => "dirty_io",
    };
    let left = call.heap.integer(count - 2);
    let args = match next {
        Kind::Normal => smallvec![Term::atom(next.atom()), what, left],
        _ => smallvec![what, left],
    };
    let mfa = crate::code::Mfa {
        module: crate::atom!("erts_debug"),
        function: Atom::from_static(function),
        arity: args.len() as u32,
    };
    Err(crate::bif::Trap::Call {
        export: crate::code::Export::of(mfa),
        args,
    }
    .into())
}
