//! What match specifications of traces can do beside matching.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::call::{calling, mfa_term};
use super::flags::{self, Flags};
use super::tracee::Tracee;
use super::tracer::Tracer;
use super::{control_word, sequential};
use crate::atom;
use crate::heap::Heap;
use crate::match_spec::TraceFunction;
use crate::process::{Process, hooks, table};
use crate::term::Term;

/// What a specification has asked for while it ran.
pub struct Actions<'p> {
    process: &'p Process,
    message: Cell<Option<Term<'p>>>,
    returns: Cell<bool>,
    exceptions: Cell<bool>,
    /// Whether flags and words are left alone (`erlang:match_spec_test/3`).
    test: bool,
}

impl<'p> Actions<'p> {
    /// For a call by a process.
    pub fn new(process: &'p Process) -> Actions<'p> {
        Actions {
            process,
            message: Cell::new(None),
            returns: Cell::new(false),
            exceptions: Cell::new(false),
            test: false,
        }
    }

    /// For a test, which leaves `silent` alone.
    pub fn for_test(process: &'p Process) -> Actions<'p> {
        Actions {
            test: true,
            ..Actions::new(process)
        }
    }

    /// Forgets everything: a clause failed after it had begun.
    pub fn reset(&self) {
        self.message.set(None);
        self.returns.set(false);
        self.exceptions.set(false);
    }

    /// What is to be told with the call, where `message/1` said.
    pub fn message(&self) -> Option<Term<'p>> {
        self.message.get()
    }

    /// Whether the return is to be told: exceptions are told with it.
    pub fn returns(&self) -> bool {
        self.returns.get() || self.exceptions.get()
    }

    /// Whether `return_trace` was called.
    pub fn asked_returns(&self) -> bool {
        self.returns.get()
    }

    /// Whether exceptions are to be told, too.
    pub fn exceptions(&self) -> bool {
        self.exceptions.get()
    }

    /// Runs a function; none if it fails.
    pub fn call(&self, function: TraceFunction, args: &[Term<'p>]) -> Option<Term<'p>> {
        let process = self.process;
        let heap = process.heap();
        Some(match function {
            TraceFunction::Message => {
                self.message.set(Some(args[0]));
                Term::TRUE
            }
            TraceFunction::ReturnTrace => {
                self.returns.set(true);
                Term::TRUE
            }
            TraceFunction::ExceptionTrace => {
                self.exceptions.set(true);
                Term::TRUE
            }
            TraceFunction::ProcessDump => {
                let text = super::events::process_dump(process);
                heap.binary(text.as_bytes())
            }
            TraceFunction::Display => {
                println!("{}", hooks::print(args[0]));
                Term::TRUE
            }
            // A test is a BIF: it has no caller.
            TraceFunction::Caller | TraceFunction::CallerLine if self.test => Term::UNDEFINED,
            TraceFunction::Caller => {
                calling(process).map_or(Term::UNDEFINED, |place| mfa_term(heap, place.mfa))
            }
            TraceFunction::CallerLine => caller_line(process, heap),
            TraceFunction::GetSeqToken => process.seq_token(),
            // A test changes nothing.
            TraceFunction::SetSeqToken if self.test => sequential::info(process, args[0])?,
            TraceFunction::SetSeqToken => sequential::set(process, args[0], args[1], false)?,
            TraceFunction::IsSeqTrace => Term::bool(!process.seq_token().is_nil()),
            TraceFunction::GetTcw => heap.unsigned(control_word().load(Ordering::SeqCst).into()),
            TraceFunction::SetTcw => {
                let word = u32::try_from(args[0].as_u64()?).ok()?;
                let before = if self.test {
                    control_word().load(Ordering::SeqCst)
                } else {
                    control_word().swap(word, Ordering::SeqCst)
                };
                heap.unsigned(before.into())
            }
            TraceFunction::EnableTrace | TraceFunction::DisableTrace => {
                self.switch(function == TraceFunction::EnableTrace, args)?
            }
            TraceFunction::Trace => self.trace(args)?,
            TraceFunction::Silent => {
                let tracee = process.shared().tracee();
                match args[0].as_bool() {
                    Some(true) if !self.test => tracee.switch(flags::SILENT, 0),
                    Some(false) if !self.test => tracee.switch(0, flags::SILENT),
                    _ => {}
                }
                args[0]
            }
        })
    }

    /// `enable_trace` and `disable_trace`, of oneself or (two arguments) another.
    fn switch(&self, on: bool, args: &[Term<'p>]) -> Option<Term<'p>> {
        let (who, flag) = match args {
            [flag] => (None, *flag),
            [who, flag] => (Some(*who), *flag),
            _ => return None,
        };
        let flag = flags::of(flag.as_atom()?)?;
        let tracer = self.process.shared().tracee().tracer();
        let (off, on) = if on { (0, flag) } else { (flag, 0) };
        match who {
            None => self.process.shared().tracee().set(tracer, off, on),
            Some(who) => with_tracee(who, |tracee| tracee.set(tracer, off, on))?,
        };
        Some(Term::TRUE)
    }

    /// `trace(Disable, Enable)` and `trace(Who, Disable, Enable)`.
    fn trace(&self, args: &[Term<'p>]) -> Option<Term<'p>> {
        let (who, off, on) = match args {
            [off, on] => (None, *off, *on),
            [who, off, on] => (Some(*who), *off, *on),
            _ => return None,
        };
        let mut tracer = self.process.shared().tracee().tracer();
        let off = flag_list(off, &mut tracer)?;
        let on = flag_list(on, &mut tracer)?;
        let changed = match who {
            None => self.process.shared().tracee().set(tracer, off, on),
            Some(who) => with_tracee(who, |tracee| tracee.set(tracer, off, on))?,
        };
        Some(Term::bool(changed))
    }
}

/// The flags of a list, and the tracer in it.
fn flag_list(list: Term<'_>, tracer: &mut Option<Arc<Tracer>>) -> Option<Flags> {
    let mut found = 0;
    for item in list.proper_list()? {
        match item.as_atom() {
            Some(atom) => found |= flags::of(atom)?,
            None => *tracer = Tracer::of_option(atom!("tracer"), item)?.map(Arc::new),
        }
    }
    Some(found)
}

/// The tracee that a pid or registered name stands for.
fn with_tracee<R>(who: Term<'_>, run: impl FnOnce(&Tracee) -> R) -> Option<R> {
    let pid = match who.as_atom() {
        Some(name) => crate::process::registry::whereis_process(name)?,
        None => who.as_pid()?,
    };
    let process = table::find(pid)?;
    Some(run(process.tracee()))
}

/// `{Module, Function, Arity, {File, Line}}`.
fn caller_line<'h>(process: &Process, heap: Heap<'h>) -> Term<'h> {
    let Some(place) = calling(process) else {
        return Term::UNDEFINED;
    };
    let location = match place.location {
        None => Term::UNDEFINED,
        Some(location) => heap.tuple(&[
            heap.string(&location.file),
            Term::size(location.line as usize),
        ]),
    };
    heap.tuple(&[
        Term::atom(place.mfa.module),
        Term::atom(place.mfa.function),
        Term::int(place.mfa.arity as i32),
        location,
    ])
}
