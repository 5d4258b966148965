//! The functions that guards and bodies may call, and where.

use super::{Dialect, TraceFunction};
use crate::atom::{Atom, well_known};
use crate::bif::BifEntry;
use crate::code::{Export, Mfa};

/// What a call compiles to.
pub(super) enum Function {
    /// `self()`.
    Own,
    /// A BIF of module `erlang`.
    Bif(&'static BifEntry),
    /// A function of tracing.
    Trace(TraceFunction),
}

/// Why something cannot be called.
pub(super) enum TraceFault {
    /// A special form with other arguments than it takes; which ones, in words.
    Arguments(&'static str),
    /// Anything else.
    Text(String),
}

/// BIFs with the numbers of arguments that they may have here: fewer than in guards of programs.
const BIFS: &[(&str, &[usize])] = &[
    ("is_atom", &[1]),
    ("is_float", &[1]),
    ("is_integer", &[1]),
    ("is_list", &[1]),
    ("is_number", &[1]),
    ("is_pid", &[1]),
    ("is_port", &[1]),
    ("is_reference", &[1]),
    ("is_tuple", &[1]),
    ("is_map", &[1]),
    ("is_binary", &[1]),
    ("is_function", &[1]),
    ("is_record", &[3]),
    ("abs", &[1]),
    ("element", &[2]),
    ("hd", &[1]),
    ("length", &[1]),
    ("node", &[0, 1]),
    ("round", &[1]),
    ("size", &[1]),
    ("map_size", &[1]),
    ("map_get", &[2]),
    ("is_map_key", &[2]),
    ("bit_size", &[1]),
    ("byte_size", &[1]),
    ("binary_part", &[2, 3]),
    ("tl", &[1]),
    ("trunc", &[1]),
    ("float", &[1]),
    ("+", &[1, 2]),
    ("-", &[1, 2]),
    ("*", &[2]),
    ("/", &[2]),
    ("div", &[2]),
    ("rem", &[2]),
    ("band", &[2]),
    ("bor", &[2]),
    ("bxor", &[2]),
    ("bnot", &[1]),
    ("bsl", &[2]),
    ("bsr", &[2]),
    (">", &[2]),
    (">=", &[2]),
    ("<", &[2]),
    ("=<", &[2]),
    ("=:=", &[2]),
    ("==", &[2]),
    ("=/=", &[2]),
    ("/=", &[2]),
    ("not", &[1]),
    ("xor", &[2]),
];

/// Where a special form of tracing may stand.
struct Special {
    function: TraceFunction,
    arities: &'static [usize],
    /// Which arguments a wrong call had, in words.
    wrong: &'static str,
    in_guards: bool,
    events: Events,
    /// The name in messages about the place.
    called: &'static str,
}

/// The events whose specifications have a form.
#[derive(Clone, Copy, PartialEq)]
enum Events {
    Any,
    /// Not `receive`.
    Own,
    /// Calls only.
    Calls,
}

impl Events {
    fn has(self, dialect: Dialect) -> bool {
        match self {
            Events::Any => true,
            Events::Own => dialect != Dialect::Receive,
            Events::Calls => dialect == Dialect::Call,
        }
    }
}

const NONE: &str = "arguments";
const NUMBER: &str = "wrong number of arguments";

fn special(name: &'static str) -> Option<Special> {
    use Events::{Any, Calls, Own};
    use TraceFunction as F;
    let (function, arities, wrong, in_guards, events): (_, &'static [usize], _, _, _) = match name {
        "message" => (F::Message, &[1], NUMBER, false, Any),
        "return_trace" => (F::ReturnTrace, &[0], NONE, false, Any),
        "exception_trace" => (F::ExceptionTrace, &[0], NONE, false, Any),
        "display" => (F::Display, &[1], NUMBER, false, Any),
        "is_seq_trace" => (F::IsSeqTrace, &[0], NONE, true, Own),
        "set_seq_token" => (F::SetSeqToken, &[2], NUMBER, false, Own),
        "get_seq_token" => (F::GetSeqToken, &[0], NONE, false, Own),
        "process_dump" => (F::ProcessDump, &[0], NONE, false, Own),
        "enable_trace" => (F::EnableTrace, &[1, 2], NUMBER, false, Own),
        "disable_trace" => (F::DisableTrace, &[1, 2], NUMBER, false, Own),
        "trace" => (F::Trace, &[2, 3], NUMBER, false, Own),
        "caller" => (F::Caller, &[0], NONE, false, Calls),
        "caller_line" => (F::CallerLine, &[0], NONE, false, Calls),
        "silent" => (F::Silent, &[1], NUMBER, false, Own),
        _ => return None,
    };
    // OTP 25 calls it by another name where it may not stand.
    let called = if name == "set_seq_token" {
        "set_seq_trace"
    } else {
        name
    };
    Some(Special {
        function,
        arities,
        wrong,
        in_guards,
        events,
        called,
    })
}

/// What `name` with so many arguments is in a guard or body of a dialect.
pub(super) fn function(
    name: Atom,
    arity: usize,
    dialect: Dialect,
    guard: bool,
) -> Result<Function, TraceFault> {
    if name == well_known::SELF {
        return if arity == 0 {
            Ok(Function::Own)
        } else {
            Err(TraceFault::Arguments(NONE))
        };
    }
    if let Some(form) = special(name.name()) {
        let called = form.called;
        let misplaced = if !dialect.is_trace() {
            Some("used in wrong dialect")
        } else if !form.events.has(dialect) {
            Some("not allow for this trace event")
        } else if guard && !form.in_guards {
            Some("called in guard context")
        } else {
            None
        };
        return match misplaced {
            Some(where_) => Err(TraceFault::Text(format!(
                "Special form '{called}' {where_}."
            ))),
            None if form.arities.contains(&arity) => Ok(Function::Trace(form.function)),
            None => Err(TraceFault::Arguments(form.wrong)),
        };
    }
    let word = match (name.name(), arity) {
        ("get_tcw", 0) => Some((TraceFunction::GetTcw, true)),
        ("set_tcw", 1) => Some((TraceFunction::SetTcw, false)),
        // What `set_tcw` is in a test.
        ("set_tcw_fake", 1) => Some((TraceFunction::GetTcw, false)),
        _ => None,
    };
    if let Some((function, in_guards)) = word {
        return if dialect.is_trace() && (in_guards || !guard) {
            Ok(Function::Trace(function))
        } else {
            Err(TraceFault::Text(format!(
                "Function {name}/{arity} cannot be called in this context."
            )))
        };
    }
    bif(name, arity).map(Function::Bif).ok_or_else(|| {
        TraceFault::Text(format!(
            "Function {}/{arity} does_not_exist.",
            crate::process::hooks::print(crate::term::Term::atom(name))
        ))
    })
}

fn bif(name: Atom, arity: usize) -> Option<&'static BifEntry> {
    BIFS.iter()
        .find(|(known, arities)| *known == name.name() && arities.contains(&arity))?;
    let export = Export::existing(Mfa {
        module: well_known::ERLANG,
        function: name,
        arity: arity as u32,
    })?;
    export.bif()
}
