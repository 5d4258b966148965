//! BIFs: Erlang functions written in Rust.
//!
//! A file of BIFs is one Erlang module and begins with its table ([`bifs!`](crate::bifs)). A BIF gets a
//! [`Call`] and returns a term or a [`Stop`]: an exception, or a [`Trap`] that continues elsewhere or later.
//! During a call nothing is collected, so all its terms stay valid; the collection that large results make
//! necessary follows the call. A BIF that may run long charges reductions ([`Call::charge`]) and, when they
//! are used up, traps with what it has done so far; it never holds a scheduler for more than about a
//! millisecond.

#[cfg(test)]
pub(crate) mod testing;

mod re_capture;
mod re_options;
mod re_pattern;

pub mod atomics;
pub mod binary;
pub mod binary_module;
pub mod characters;
pub mod checksum;
pub mod connections;
pub mod convert;
pub mod cpu_topology;
pub mod debug;
mod debug_relations;
pub mod debug_state;
pub mod dictionary;
pub mod display;
pub mod distribution;
pub mod etf;
pub mod ets;
mod ets_options;
pub mod ets_select;
pub mod exceptions;
pub mod funs;
pub mod hash;
pub mod iolist;
pub mod link_monitor;
pub mod lists;
pub mod long_work;
pub mod maps;
pub mod math;
pub mod memory;
pub mod misc;
pub mod nodes;
pub mod operators;
pub mod os;
pub mod output;
pub mod packet;
pub mod persistent_term;
pub mod process;
pub mod process_flag;
pub mod process_info;
pub mod process_options;
pub mod progress;
pub mod re;
pub mod registry;
pub mod send;
pub mod seq_trace;
pub mod settings;
pub mod spawn;
pub mod system_info;
pub mod system_monitor;
pub mod system_text;
pub mod trace;
pub mod trace_info;
pub mod tuple;
pub mod unicode;
pub mod unique;

use smallvec::SmallVec;

use crate::atom::{Atom, well_known};
use crate::code::Export;
use crate::heap::Heap;
use crate::process::Process;
use crate::term::Term;

/// How a BIF may be used and what it may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BifKind {
    /// Returns or raises; neither traps nor suspends.
    Plain,
    /// As `Plain`, and allowed in guards (a failure there only fails the guard).
    Guard,
    /// May trap, yield, or change how the process goes on.
    Heavy,
}

/// A function that implements a BIF.
pub type BifFn = for<'p> fn(Call<'p>) -> BifResult<'p>;

/// A row of a BIF table.
pub struct BifEntry {
    /// The Erlang module.
    pub module: &'static str,
    /// The function's name.
    pub function: &'static str,
    /// How many arguments it takes.
    pub arity: u8,
    /// How it may be used.
    pub kind: BifKind,
    /// What runs.
    pub run: BifFn,
}

/// The table of a file of BIFs, `pub static BIFS`: `bifs! { "lists": "reverse"/2 Heavy reverse_2; }`, or for
/// several modules `bifs! { "lists" { "reverse"/2 Heavy reverse_2; } "erlang" { … } }`.
#[macro_export]
macro_rules! bifs {
    ($module:literal : $($function:literal / $arity:literal $kind:ident $run:path;)*) => {
        $crate::bifs! { $module { $($function / $arity $kind $run;)* } }
    };
    ($($module:literal { $($function:literal / $arity:literal $kind:ident $run:path;)* })+) => {
        /// The BIFs of this file.
        pub static BIFS: &[$crate::bif::BifEntry] = &[$($($crate::bif::BifEntry {
            module: $module,
            function: $function,
            arity: $arity,
            kind: $crate::bif::BifKind::$kind,
            run: $run,
        },)*)+];
    };
}

/// The tables of the files here.
pub fn tables() -> Vec<&'static [BifEntry]> {
    vec![
        atomics::BIFS,
        binary::BIFS,
        debug::BIFS,
        debug_state::BIFS,
        hash::BIFS,
        memory::BIFS,
        binary_module::BIFS,
        checksum::BIFS,
        connections::BIFS,
        convert::BIFS,
        dictionary::BIFS,
        display::BIFS,
        distribution::BIFS,
        etf::BIFS,
        ets::BIFS,
        ets_select::BIFS,
        exceptions::BIFS,
        funs::BIFS,
        link_monitor::BIFS,
        lists::BIFS,
        maps::BIFS,
        math::BIFS,
        misc::BIFS,
        nodes::BIFS,
        operators::BIFS,
        os::BIFS,
        packet::BIFS,
        persistent_term::BIFS,
        process::BIFS,
        process_flag::BIFS,
        process_info::BIFS,
        re::BIFS,
        registry::BIFS,
        send::BIFS,
        spawn::BIFS,
        seq_trace::BIFS,
        system_info::BIFS,
        system_monitor::BIFS,
        trace::BIFS,
        trace_info::BIFS,
        tuple::BIFS,
        unicode::BIFS,
        unique::BIFS,
    ]
}

/// What a BIF returns.
pub type BifResult<'p> = Result<Term<'p>, Stop<'p>>;

/// Why a BIF did not return a term.
pub enum Stop<'p> {
    /// It raised an exception.
    Raise(Box<Exception<'p>>),
    /// It goes on elsewhere, or later.
    Trap(Box<Trap<'p>>),
}

/// An exception's class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// `error`.
    Error,
    /// `exit`.
    Exit,
    /// `throw`.
    Throw,
}

impl Class {
    /// Its atom.
    pub const fn atom(self) -> Atom {
        match self {
            Class::Error => well_known::ERROR,
            Class::Exit => well_known::EXIT,
            Class::Throw => well_known::THROW,
        }
    }
}

/// An exception as a BIF raises it.
pub struct Exception<'p> {
    /// Its class.
    pub class: Class,
    /// Its reason.
    pub reason: Term<'p>,
    /// Goes into `error_info` as `cause` (what `erl_erts_errors` reads), where the stock VM says one.
    pub cause: Option<Term<'p>>,
    /// The module of the `error_info` if it is not `erl_erts_errors` (`erlang:error/3`'s options).
    pub error_info: Option<Term<'p>>,
    /// The stack trace to use instead of the current one (`erlang:raise/3`).
    pub stacktrace: Option<Term<'p>>,
    /// Arguments to show in the topmost entry (`erlang:error/2`).
    pub args: Option<Term<'p>>,
}

/// How a BIF goes on.
pub enum Trap<'p> {
    /// The call is replaced by a call of another function, which may be a BIF that no program can name.
    Call {
        /// What is called.
        export: &'static Export,
        /// With what.
        args: SmallVec<[Term<'p>; 4]>,
    },
    /// The process gives way to others, then the same BIF is called again with these arguments.
    Yield {
        /// The arguments of the next call.
        args: SmallVec<[Term<'p>; 4]>,
    },
    /// The process waits; after its next signal was handled the same BIF is called again with these arguments.
    Wait {
        /// The arguments of the next call.
        args: SmallVec<[Term<'p>; 4]>,
    },
    /// The process empties its stack, waits for a message, and goes on by a call (`erlang:hibernate/3`).
    Hibernate {
        /// What is called then.
        export: &'static Export,
        /// With what.
        args: SmallVec<[Term<'p>; 4]>,
    },
    /// Return this term, but give way first (`erlang:yield/0`).
    YieldReturn(Term<'p>),
    /// The process ends here with this reason, whatever it catches (killed by itself).
    Exit(Term<'p>),
    /// The BIF is traced: what stands in its place in the export table.
    Breakpoint,
}

impl<'p> From<Exception<'p>> for Stop<'p> {
    #[cold]
    fn from(exception: Exception<'p>) -> Self {
        Stop::Raise(Box::new(exception))
    }
}

impl<'p> From<Trap<'p>> for Stop<'p> {
    #[cold]
    fn from(trap: Trap<'p>) -> Self {
        Stop::Trap(Box::new(trap))
    }
}

impl<'p> Exception<'p> {
    /// An exception of class `error`.
    pub fn error(reason: Term<'p>) -> Exception<'p> {
        Exception {
            class: Class::Error,
            reason,
            cause: None,
            error_info: None,
            stacktrace: None,
            args: None,
        }
    }
}

/// `error:Reason`, for an atom.
#[cold]
pub fn error<'p>(reason: Atom) -> Stop<'p> {
    Exception::error(Term::atom(reason)).into()
}

/// `error:badarg`.
#[cold]
pub fn badarg<'p>() -> Stop<'p> {
    error(well_known::BADARG)
}

/// `error:badarg` with a cause that `erl_erts_errors` explains.
#[cold]
pub fn badarg_because<'p>(cause: Atom) -> Stop<'p> {
    Exception {
        cause: Some(Term::atom(cause)),
        ..Exception::error(Term::atom(well_known::BADARG))
    }
    .into()
}

/// `error:badarith`.
#[cold]
pub fn badarith<'p>() -> Stop<'p> {
    error(well_known::BADARITH)
}

/// `error:system_limit`.
#[cold]
pub fn system_limit<'p>() -> Stop<'p> {
    error(well_known::SYSTEM_LIMIT)
}

/// `error:Reason` for any term, such as `{badmap, M}`.
#[cold]
pub fn error_term<'p>(reason: Term<'p>) -> Stop<'p> {
    Exception::error(reason).into()
}

/// A call of a BIF: the process that makes it, the arguments, and where the result is built.
#[derive(Clone, Copy)]
pub struct Call<'p> {
    process: &'p Process,
    args: &'p [Term<'p>],
    /// Where results are built.
    pub heap: Heap<'p>,
}

impl<'p> Call<'p> {
    /// A call by `process`, which stays borrowed until it ends.
    #[inline(always)]
    pub fn new(process: &'p Process, args: &'p [Term<'p>]) -> Call<'p> {
        Call {
            process,
            args,
            heap: Heap::new(&process.heap),
        }
    }

    /// The argument at `index`, from 0.
    #[inline(always)]
    pub fn arg(self, index: usize) -> Term<'p> {
        self.args[index]
    }

    /// All arguments.
    #[inline(always)]
    pub fn args(self) -> &'p [Term<'p>] {
        self.args
    }

    /// The process that calls.
    #[inline(always)]
    pub fn process(self) -> &'p Process {
        self.process
    }

    /// Charges for work done; true when the slice is used up and a long BIF should trap.
    #[inline]
    pub fn charge(self, reductions: usize) -> bool {
        self.process.charge(reductions)
    }
}
