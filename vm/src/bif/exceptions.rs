//! Raising exceptions.

use super::{BifResult, Call, Class, Exception};
use crate::atom::well_known as w;
use crate::heap::Heap;
use crate::process::backtrace_depth;
use crate::term::{Kind, Term};

crate::bifs! { "erlang":
    "error"/1     Plain error_1;
    "error"/2     Plain error_2;
    "error"/3     Plain error_3;
    "exit"/1      Plain exit_1;
    "throw"/1     Plain throw_1;
    "raise"/3     Plain raise_3;
    "nif_error"/1 Plain error_1;
    "nif_error"/2 Plain error_2;
}

fn error_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Err(Exception::error(call.arg(0)).into())
}

fn error_2<'p>(call: Call<'p>) -> BifResult<'p> {
    Err(Exception {
        args: Some(call.arg(1)),
        ..Exception::error(call.arg(0))
    }
    .into())
}

/// With `[{error_info, Map}]`; any other options are as good as none.
fn error_3<'p>(call: Call<'p>) -> BifResult<'p> {
    Err(Exception {
        args: Some(call.arg(1)),
        error_info: error_info(call.arg(2)),
        ..Exception::error(call.arg(0))
    }
    .into())
}

fn error_info<'p>(options: Term<'p>) -> Option<Term<'p>> {
    let mut info = None;
    for option in options.proper_list()? {
        let [key, value] = option.as_tuple_of::<2>()?;
        if !key.is_atom(w::ERROR_INFO) || value.as_map().is_none() {
            return None;
        }
        info = Some(value);
    }
    info
}

fn of_class<'p>(class: Class, reason: Term<'p>) -> Exception<'p> {
    Exception {
        class,
        ..Exception::error(reason)
    }
}

fn exit_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Err(of_class(Class::Exit, call.arg(0)).into())
}

fn throw_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Err(of_class(Class::Throw, call.arg(0)).into())
}

/// Raises with a stack trace of the caller's; `badarg` is returned, not raised, where it is none.
fn raise_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let class = match call.arg(0).as_atom() {
        Some(w::ERROR) => Class::Error,
        Some(w::EXIT) => Class::Exit,
        Some(w::THROW) => Class::Throw,
        _ => return Ok(Term::atom(w::BADARG)),
    };
    match stacktrace(call.heap, call.arg(2)) {
        Some(trace) => Err(Exception {
            stacktrace: Some(trace),
            ..of_class(class, call.arg(1))
        }
        .into()),
        None => Ok(Term::atom(w::BADARG)),
    }
}

/// A stack trace in today's form, cut to the depth that traces have; none where it is malformed.
fn stacktrace<'p>(heap: Heap<'p>, given: Term<'p>) -> Option<Term<'p>> {
    let entries = given.proper_list()?;
    let depth = backtrace_depth().max(1);
    let mut changed = entries.len() > depth;
    let mut trace = Vec::with_capacity(entries.len().min(depth));
    for entry in entries {
        let (entry, renewed) = stacktrace_entry(heap, entry)?;
        changed |= renewed;
        if trace.len() < depth {
            trace.push(entry);
        }
    }
    Some(if changed { heap.list(&trace) } else { given })
}

/// An entry, and whether it had to be brought into today's form.
fn stacktrace_entry<'p>(heap: Heap<'p>, entry: Term<'p>) -> Option<(Term<'p>, bool)> {
    let is_fun = |term: Term<'_>| matches!(term.kind(), Kind::Fun(_) | Kind::Export(_));
    let is_location = |term: Term<'_>| term.is_nil() || term.as_cons().is_some();
    match *entry.as_tuple()?.elements() {
        [fun, args] if is_fun(fun) => Some((heap.tuple(&[fun, args, Term::NIL]), true)),
        [fun, _, location] if is_fun(fun) => is_location(location).then_some((entry, false)),
        [module, function, args] if module.as_atom().is_some() && function.as_atom().is_some() => {
            Some((heap.tuple(&[module, function, args, Term::NIL]), true))
        }
        [module, function, _, location]
            if module.as_atom().is_some() && function.as_atom().is_some() =>
        {
            is_location(location).then_some((entry, false))
        }
        _ => None,
    }
}
