//! Match specifications: compiled once, run on many terms.
//!
//! A specification is a list of clauses `{Head, Guards, Body}`. [`compile()`] turns each into two linear
//! programs: one that takes a term apart and binds variables ([`MatchOp`]), one that evaluates guards and
//! body on a stack ([`ExprOp`]). Neither compiling nor running recurses on the depth of a term.
//!
//! Two dialects: ETS matches one object; tracing matches the list of a call's arguments and has functions
//! that change how the call is traced.

pub mod compile;
mod expression;
mod functions;
mod keeps_key;
pub mod key_range;
pub mod run;

pub use compile::{Fault, compile, compile_pattern};
pub use run::Outcome;

use crate::bif::BifEntry;
use crate::heap::OwnedTerm;

/// What a specification is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// ETS, `ets:match_spec_run`: objects.
    Table,
    /// Tracing of calls: the list of arguments.
    Call,
    /// Tracing of what is sent: receiver and message.
    Send,
    /// Tracing of what is received: node, sender and message. What acts on the tracee is not allowed.
    Receive,
}

impl Dialect {
    /// Whether it is one of tracing.
    pub fn is_trace(self) -> bool {
        self != Dialect::Table
    }
}

/// A compiled specification.
pub struct MatchSpec {
    /// What it is for.
    pub dialect: Dialect,
    pub(crate) clauses: Vec<Clause>,
    /// The source; constants of the programs are parts of it.
    pub(crate) source: OwnedTerm,
}

pub(crate) struct Clause {
    pub(crate) head: Vec<MatchOp>,
    pub(crate) guards: Vec<ExprOp>,
    pub(crate) body: Vec<ExprOp>,
    /// How many variables there are.
    pub(crate) slots: usize,
    /// The numbers `N` of the variables `$N`, ascending, with their slots: what `$$` lists.
    pub(crate) variables: Vec<(u32, usize)>,
}

/// An index of a constant: a subterm of the source, as the word of its term there.
#[derive(Clone, Copy)]
pub(crate) struct Constant(pub(crate) crate::term::word::Word);

/// A step of matching: takes the next term from the stack of those to be looked at.
pub(crate) enum MatchOp {
    /// Anything.
    Any,
    /// Binds a variable.
    Bind(usize),
    /// A variable bound before: the same term.
    Same(usize),
    /// A constant.
    Equal(Constant),
    /// A tuple of so many elements, which are looked at next, first to last.
    Tuple(usize),
    /// A cell: its head, then its tail are looked at next.
    Cons,
    /// A map with these keys, whose values are looked at next.
    Map(Vec<Constant>),
}

/// A step of evaluation on a stack of values.
pub(crate) enum ExprOp {
    /// Pushes a constant.
    Constant(Constant),
    /// Pushes a variable's value.
    Variable(usize),
    /// Pushes the whole object (`$_`).
    Whole,
    /// Pushes the list of all variables' values (`$$`).
    AllVariables,
    /// A tuple of the last values, of which the very last is its first element.
    Tuple(usize),
    /// A cell of the last two.
    Cons,
    /// A map of the last values: so many values, then as many keys.
    Map(usize),
    /// `self()`.
    Own,
    /// A guard BIF applied to the last values; the first argument is the very last.
    Call(&'static BifEntry),
    /// `and` or `or` of the last values, all of which were evaluated.
    Junction { and: bool, count: usize },
    /// `andalso` and `orelse`: if the last value is `until`, jumps; if it is the other boolean, drops it and goes on;
    /// else fails.
    ShortCircuit { until: bool, target: usize },
    /// Drops the last value.
    Drop,
    /// The guards fail unless the last value, which is dropped, is `true`.
    Require,
    /// A function of tracing.
    Trace(TraceFunction, usize),
}

/// Functions of the tracing dialect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceFunction {
    /// `message/1`.
    Message,
    /// `return_trace/0`.
    ReturnTrace,
    /// `exception_trace/0`.
    ExceptionTrace,
    /// `process_dump/0`.
    ProcessDump,
    /// `display/1`.
    Display,
    /// `caller/0`.
    Caller,
    /// `caller_line/0`.
    CallerLine,
    /// `get_seq_token/0`.
    GetSeqToken,
    /// `set_seq_token/2`.
    SetSeqToken,
    /// `is_seq_trace/0`.
    IsSeqTrace,
    /// `get_tcw/0`.
    GetTcw,
    /// `set_tcw/1`.
    SetTcw,
    /// `enable_trace/1,2`.
    EnableTrace,
    /// `disable_trace/1,2`.
    DisableTrace,
    /// `trace/2,3`.
    Trace,
    /// `silent/1`.
    Silent,
}

impl MatchSpec {
    /// The source, a list of clauses.
    pub fn source(&self) -> crate::term::Term<'_> {
        self.source.term()
    }
}

// SAFETY: constants are words of terms of `source`, which this value owns and nothing writes to.
unsafe impl Send for MatchSpec {}
// SAFETY: as for `Send`.
unsafe impl Sync for MatchSpec {}
