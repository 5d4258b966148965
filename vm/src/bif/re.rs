//! Module `re`: regular expressions.
//!
//! A match is tried with as many steps as fit a slice. If that is not enough it goes on, from its beginning, on
//! a thread beside the schedulers ([`long_work`]), as the library cannot be interrupted.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use crate::atom::{Atom, well_known};
use crate::bif::long_work::{self, Job};
use crate::bif::progress::{original, resumed, wait};
use crate::bif::re_capture::{Capture, Subject};
use crate::bif::re_options::Options;
use crate::bif::re_pattern::{self, Recipe};
use crate::bif::{BifResult, Call, Stop, Trap, badarg, badarg_because, error, iolist};
use crate::code::{Export, Mfa};
use crate::regex::{self, CompileError, Limits, Newline, Outcome, Regex};
use crate::term::{Term, Tuple};

crate::bifs! { "re":
    "version"/0 Plain version_0;
    "compile"/1 Heavy compile_1;
    "compile"/2 Heavy compile_2;
    "run"/2 Heavy run_2;
    "run"/3 Heavy run_3;
    "internal_run"/4 Heavy internal_run_4;
    "inspect"/2 Plain inspect_2;
}

fn version_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.binary(regex::VERSION))
}

/// Steps for one reduction (OTP: `LOOP_FACTOR`).
const STEPS_PER_REDUCTION: u32 = 10;

/// The most steps of a first try.
static FIRST_STEPS: AtomicU32 =
    AtomicU32::new(crate::process::REDUCTIONS as u32 * STEPS_PER_REDUCTION);

/// Sets the most steps of a first try, 0 for as many as fit a slice; returns what it was. For tests
/// (`erts_debug:set_internal_state(re_loop_limit, N)`).
pub fn set_first_steps(steps: u32) -> u32 {
    let steps = match steps {
        0 => crate::process::REDUCTIONS as u32 * STEPS_PER_REDUCTION,
        steps => steps,
    };
    FIRST_STEPS.swap(steps, Ordering::Relaxed)
}

// Compilation ----------------------------------------------------------------------------------------

fn trap<'p>(function: Atom, args: SmallVec<[Term<'p>; 4]>) -> Stop<'p> {
    let mfa = Mfa {
        module: crate::atom!("re"),
        function,
        arity: args.len() as u32,
    };
    Trap::Call {
        export: Export::of(mfa),
        args,
    }
    .into()
}

/// `{Text, Offset}`.
fn compile_error<'p>(call: Call<'p>, failure: CompileError, pattern: &[u8]) -> Term<'p> {
    let (text, offset) = regex::explain(failure, pattern);
    call.heap
        .tuple(&[call.heap.string(&text), Term::size(offset)])
}

/// "inconsistent NEWLINE options": what PCRE 8 says of options that contradict each other.
fn inconsistent<'p>(call: Call<'p>) -> Term<'p> {
    call.heap.tuple(&[
        call.heap.string("inconsistent NEWLINE options"),
        Term::int(0),
    ])
}

fn error_tuple<'p>(call: Call<'p>, reason: Term<'p>) -> Term<'p> {
    call.heap.tuple(&[Term::atom(well_known::ERROR), reason])
}

/// The recipe of a pattern given as text; what is wrong with it as a term.
fn recipe<'p>(
    call: Call<'p>,
    text: Term<'p>,
    options: &Options<'p>,
) -> Result<Result<Recipe, Term<'p>>, Stop<'p>> {
    let mut pattern = iolist::to_vec(text).map_err(|_| badarg())?;
    // The stock VM hands the pattern over as a string of C.
    if let Some(end) = pattern.iter().position(|&byte| byte == 0) {
        pattern.truncate(end);
    }
    call.charge(pattern.len() / 16 + 1);
    let (Some(newline), Some(bsr)) = (options.newline(), options.bsr()) else {
        return Ok(Err(inconsistent(call)));
    };
    Ok(Ok(Recipe {
        options: options.compile,
        newline,
        bsr,
        pattern,
    }))
}

fn compile<'p>(call: Call<'p>, options: Term<'p>) -> BifResult<'p> {
    let parsed = Options::of(options).filter(|options| !options.only_run);
    let parsed = parsed.ok_or_else(|| badarg_because(well_known::BADOPT))?;
    if parsed.unicode && call.arg(0).as_bits().is_none() {
        return Err(trap(
            crate::atom!("ucompile"),
            smallvec![call.arg(0), options],
        ));
    }
    let recipe = match recipe(call, call.arg(0), &parsed)? {
        Ok(recipe) => recipe,
        Err(wrong) => return Ok(error_tuple(call, wrong)),
    };
    Ok(match recipe.compile() {
        Ok(regex) => {
            let compiled = re_pattern::term(call.heap, &recipe, &regex, parsed.unicode);
            call.heap.tuple(&[Term::OK, compiled])
        }
        Err(failure) => error_tuple(call, compile_error(call, failure, &recipe.pattern)),
    })
}

fn compile_1<'p>(call: Call<'p>) -> BifResult<'p> {
    compile(call, Term::NIL)
}

fn compile_2<'p>(call: Call<'p>) -> BifResult<'p> {
    compile(call, call.arg(1))
}

/// The parts of a compiled pattern: whether it is in Unicode, and its code.
fn compiled<'p>(tuple: Tuple<'p>) -> Option<(bool, Cow<'p, [u8]>)> {
    let &[tag, groups, unicode, crlf, code] = tuple.elements() else {
        return None;
    };
    (tag.is_atom(crate::atom!("re_pattern"))
        && groups.as_small().is_some()
        && crlf.as_small().is_some())
    .then_some(())?;
    Some((unicode.as_small()? != 0, code.as_bits()?.binary()?))
}

fn inspect_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let (_, code) = call
        .arg(0)
        .as_tuple()
        .and_then(compiled)
        .ok_or_else(badarg)?;
    if !call.arg(1).is_atom(crate::atom!("namelist")) {
        return Err(badarg());
    }
    let regex = re_pattern::load(&code).ok_or_else(badarg)?;
    let mut names: Vec<&[u8]> = regex.names().iter().map(|(name, _)| &name[..]).collect();
    names.dedup();
    let names = call
        .heap
        .list_from(names.into_iter().map(|name| call.heap.binary(name)));
    Ok(call.heap.tuple(&[call.arg(1), names]))
}

// Matching -------------------------------------------------------------------------------------------

fn run_2<'p>(call: Call<'p>) -> BifResult<'p> {
    run(call, Term::NIL, true)
}

fn run_3<'p>(call: Call<'p>) -> BifResult<'p> {
    run(call, call.arg(2), true)
}

/// `internal_run(Subject, RE, Options, First)`: what `re:run/3` with `global` calls again and again.
fn internal_run_4<'p>(call: Call<'p>) -> BifResult<'p> {
    let first = call.arg(3).as_bool().ok_or_else(badarg)?;
    run(call, call.arg(2), first)
}

/// What to match with, or what to do instead.
enum Plan<'p> {
    Match(Arc<Regex>),
    /// The pattern is wrong, and the caller wants to know why.
    Return(Term<'p>),
}

/// Whether the result depends on code points, so that Erlang code must do it.
fn is_for_unicode_lists<'p>(call: Call<'p>, options: &Options<'p>) -> bool {
    let as_list = options
        .capture
        .is_some_and(|(_, kind)| kind.is_atom(crate::atom!("list")));
    original(call).as_bits().is_none() || as_list && !options.global
}

fn plan<'p>(call: Call<'p>, list: Term<'p>, options: &Options<'p>) -> Result<Plan<'p>, Stop<'p>> {
    let (subject, pattern) = (original(call), call.arg(1));
    match pattern.as_tuple().filter(|tuple| tuple.arity() == 5) {
        None => plan_text(call, list, options),
        Some(tuple) => {
            if options.only_compile {
                return Err(badarg());
            }
            let (unicode, code) = compiled(tuple).ok_or_else(badarg)?;
            if unicode && is_for_unicode_lists(call, options) {
                return Err(trap(
                    crate::atom!("urun"),
                    smallvec![subject, pattern, list],
                ));
            }
            if options.global {
                let how = call.heap.tuple(&[list, Term::FALSE]);
                return Err(trap(crate::atom!("grun"), smallvec![subject, pattern, how]));
            }
            let (newline, bsr) = (
                options.newline().ok_or_else(badarg)?,
                options.bsr().ok_or_else(badarg)?,
            );
            let regex = if newline == Newline::Default && bsr == regex::Bsr::Default {
                re_pattern::load(&code)
            } else {
                Recipe::of_code(&code)
                    .and_then(|recipe| recipe.with_line_ends(newline, bsr).compile().ok())
            };
            Ok(Plan::Match(regex.ok_or_else(badarg)?))
        }
    }
}

fn plan_text<'p>(
    call: Call<'p>,
    list: Term<'p>,
    options: &Options<'p>,
) -> Result<Plan<'p>, Stop<'p>> {
    let (subject, pattern) = (original(call), call.arg(1));
    if pattern.as_bits().is_none() && pattern.as_cons().is_none() && !pattern.is_nil() {
        return Err(badarg());
    }
    if options.unicode && (pattern.as_bits().is_none() || is_for_unicode_lists(call, options)) {
        return Err(trap(
            crate::atom!("urun"),
            smallvec![subject, pattern, list],
        ));
    }
    let failed = |wrong: Term<'p>| {
        if !options.report_errors {
            return Err(badarg());
        }
        let reason = call
            .heap
            .tuple(&[Term::atom(crate::atom!("compile")), wrong]);
        Ok(Plan::Return(error_tuple(call, reason)))
    };
    let recipe = match recipe(call, pattern, options)? {
        Ok(recipe) => recipe,
        Err(wrong) => return failed(wrong),
    };
    let regex = match recipe.compile() {
        Ok(regex) => regex,
        Err(failure) => return failed(compile_error(call, failure, &recipe.pattern)),
    };
    if options.global {
        let compiled = re_pattern::term(call.heap, &recipe, &regex, options.unicode);
        let how = call
            .heap
            .tuple(&[list, Term::bool(options.only_compile), pattern]);
        return Err(trap(
            crate::atom!("grun"),
            smallvec![subject, compiled, how],
        ));
    }
    Ok(Plan::Match(regex))
}

/// A match that goes on beside the schedulers.
struct Matching {
    job: Arc<Job<Outcome>>,
    regex: Arc<Regex>,
}

fn run<'p>(call: Call<'p>, list: Term<'p>, first: bool) -> BifResult<'p> {
    let options = Options::of(list).ok_or_else(|| badarg_because(well_known::BADOPT))?;
    let (regex, job) = match resumed::<Matching>(call) {
        Some((state, _)) => (state.regex, Some(state.job)),
        None => match plan(call, list, &options)? {
            Plan::Match(regex) => (regex, None),
            Plan::Return(result) => return Ok(result),
        },
    };
    let capture = match options.capture {
        None => Capture::DEFAULT,
        Some((values, kind)) => Capture::of(values, kind, &regex).ok_or_else(badarg)?,
    };
    let subject = original(call);
    let bits = subject.as_bits();
    let bytes: Cow<'p, [u8]> = match bits {
        Some(bits) => bits.binary().ok_or_else(badarg)?,
        None => Cow::Owned(iolist::to_vec(subject).map_err(|_| badarg())?),
    };
    let outcome = match job {
        Some(job) => match job.take() {
            Some(outcome) => outcome,
            None => return Err(wait(call, Matching { job, regex }, &[])),
        },
        None => {
            call.charge(bytes.len() / 256);
            if first && regex.is_utf() && std::str::from_utf8(&bytes).is_err() {
                return Err(badarg());
            }
            match first_try(call, &regex, &bytes, &options) {
                Some(outcome) => outcome,
                None => return Err(go_on_beside(call, regex, &bytes, &options)),
            }
        }
    };
    let nomatch = Term::atom(crate::atom!("nomatch"));
    let limit = |name: Atom| {
        if options.report_errors {
            error_tuple(call, Term::atom(name))
        } else {
            nomatch
        }
    };
    match outcome {
        Outcome::Match(found) => {
            let shared = bits.filter(|_| bytes.len() > crate::binary::HEAP_LIMIT);
            Ok(capture.result(
                call.heap,
                &Subject {
                    bytes: &bytes,
                    shared,
                },
                &found,
            ))
        }
        Outcome::NoMatch => Ok(nomatch),
        Outcome::MatchLimit => Ok(limit(crate::atom!("match_limit"))),
        Outcome::DepthLimit => Ok(limit(crate::atom!("match_limit_recursion"))),
        Outcome::BadOffset if regex.is_utf() && options.offset <= bytes.len() => Err(badarg()),
        Outcome::BadOffset | Outcome::Failed(_) => Err(error(crate::atom!("internal_error"))),
    }
}

/// Matches with the steps of a slice; none if they were too few, but the program allows more.
fn first_try<'p>(
    call: Call<'p>,
    regex: &Regex,
    bytes: &[u8],
    options: &Options<'p>,
) -> Option<Outcome> {
    let slice = FIRST_STEPS.load(Ordering::Relaxed);
    let allowed = options.match_limit.unwrap_or(regex::DEFAULT_STEPS);
    let limits = Limits {
        steps: Some(allowed.min(slice)),
        depth: options.match_limit_recursion,
    };
    match regex.run(bytes, options.offset, options.run, limits) {
        Outcome::MatchLimit if allowed > slice => {
            call.charge((slice / STEPS_PER_REDUCTION) as usize);
            None
        }
        outcome => Some(outcome),
    }
}

#[cold]
fn go_on_beside<'p>(
    call: Call<'p>,
    regex: Arc<Regex>,
    bytes: &[u8],
    options: &Options<'p>,
) -> Stop<'p> {
    let shared = original(call).as_bits().and_then(iolist::shared);
    let subject = shared.unwrap_or_else(|| Bytes::copy_from_slice(bytes));
    let limits = Limits {
        steps: options.match_limit,
        depth: options.match_limit_recursion,
    };
    let (start, run) = (options.offset, options.run);
    let by = Arc::clone(&regex);
    let job = long_work::start(call.process().pid(), move || {
        by.run(&subject, start, run, limits)
    });
    wait(call, Matching { job, regex }, &[])
}

#[cfg(test)]
#[path = "re_tests.rs"]
mod tests;
