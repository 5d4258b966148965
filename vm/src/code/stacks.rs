//! What a process's stack says: where it is, and who called.
//!
//! [`STACKS`] is what [`hooks::set_stacks`](crate::process::hooks::set_stacks) wants. The process looked at
//! does not run, or is the one that asks, with its state written back.

use std::fmt::Write;

use super::module::{self, CodeLocation};
use super::{Export, Instr, Mfa, purge};
use crate::atom;
use crate::atom::{Atom, well_known};
use crate::heap::Heap;
use crate::interp::snippets;
use crate::process::Process;
use crate::process::flags::Flag;
use crate::process::hooks::{self, Stacks};
use crate::term::Term;
use crate::term::word::{self, IMM_CATCH, IMM_RETURN, Word};
use crate::trace::call::{Caller, caller_at};

/// Reads stacks by the tables of loaded code.
pub struct CodeStacks;

/// The one of it.
pub static STACKS: CodeStacks = CodeStacks;

impl Stacks for CodeStacks {
    fn current_function(&self, process: &Process) -> Option<Mfa> {
        Some(current(process)?.mfa)
    }

    fn asking_function(&self, process: &Process) -> Option<Mfa> {
        let here = module::find(process.ip.get());
        let found = here.or_else(|| callers(process).find_map(module::find));
        Some(found.or_else(|| current(process))?.mfa)
    }

    fn turn_function(&self, process: &Process) -> Option<Mfa> {
        bif_under_way(process).or_else(|| self.current_function(process))
    }

    fn current_location<'p>(&self, process: &'p Process, heap: Heap<'p>) -> Term<'p> {
        current(process).map_or(Term::UNDEFINED, |location| entry(heap, &location))
    }

    fn stacktrace<'p>(&self, process: &'p Process, heap: Heap<'p>, depth: usize) -> Term<'p> {
        let callers = callers(process).filter_map(module::find);
        let trace = current(process).into_iter().chain(callers).take(depth);
        heap.list_from(trace.map(|location| entry(heap, &location)))
    }

    fn backtrace(&self, process: &Process) -> String {
        let mut text = format!("Program counter: {}\n", place(process.ip.get()));
        let mut number = 0;
        slots(process, |at, slot| {
            let name = format!("y({number})");
            let _ = match &slot {
                Slot::Return(place) => write!(text, "\n{at:#018x} Return addr {place}\n"),
                Slot::Catch(place) => writeln!(text, "{name:<8} Catch {place}"),
                Slot::Value(value) => writeln!(text, "{name:<8} {}", hooks::print(*value)),
            };
            number = match slot {
                Slot::Return(_) => 0,
                _ => number + 1,
            };
        });
        text
    }

    fn uses_old_code(&self, process: &Process, module: Atom) -> bool {
        purge::runs_old_code(process, module)
    }
}

/// What stands in a word of a stack.
pub enum Slot<'p> {
    /// Where a call returns to.
    Return(String),
    /// Where an exception is caught.
    Catch(String),
    /// A term.
    Value(Term<'p>),
}

/// Shows the words of a process's stack, from its top, with their addresses.
pub fn slots<'p>(process: &'p Process, mut visit: impl FnMut(usize, Slot<'p>)) {
    let top = process.heap.stack_top.get() as usize;
    for (index, word) in words(process).enumerate() {
        let slot = if is_return(word) {
            Slot::Return(place(address(word)))
        } else if word & word::IMMEDIATE_MASK == IMM_CATCH {
            Slot::Catch(place(address(word)))
        } else {
            // SAFETY: a slot that is no handler and no return address is a term of the process, which does not run.
            Slot::Value(unsafe { Term::from_word(word) })
        };
        visit(top + index * size_of::<Word>(), slot);
    }
}

/// The words of a process's stack, from its top.
fn words(process: &Process) -> impl Iterator<Item = Word> {
    let (top, end) = (process.heap.stack_top.get(), process.heap.end.get());
    let count = (end as usize).saturating_sub(top as usize) / size_of::<Word>();
    // SAFETY: every word between the top of the stack and the end of the block is initialised, and nothing
    // writes there while the process is looked at.
    (0..count).map(move |index| unsafe { *top.add(index) })
}

/// The calls that a process's frames wait for, the innermost first.
fn callers(process: &Process) -> impl Iterator<Item = *const Instr> {
    let top = process.heap.stack_top.get();
    words(process)
        .enumerate()
        .filter(|&(_, word)| is_return(word))
        .filter_map(move |(index, _)| {
            // SAFETY: a return address stands there, above what belongs to it.
            match unsafe { caller_at(top.wrapping_add(index)) } {
                // The call stands before the instruction that it returns to.
                Caller::Before(next) => Some(next.wrapping_sub(1)),
                Caller::At(call) => Some(call),
                Caller::None => None,
            }
        })
}

fn is_return(word: Word) -> bool {
    word & word::IMMEDIATE_MASK == IMM_RETURN
}

fn address(word: Word) -> *const Instr {
    word::payload(word) as *const Instr
}

/// Where a process is. A BIF called by name has no code but the stub of its export.
/// The BIF whose call a process that does not run is to repeat. At a function's entry it has given way before it called
/// anything.
fn bif_under_way(process: &Process) -> Option<Mfa> {
    let at = process.ip.get();
    module::find(at)?;
    // SAFETY: an address of loaded code, where an instruction stands before every other but a module's first, a
    // `FuncInfo`, at which no process goes on.
    let (before, instruction) = unsafe { (&*at.sub(1), &*at) };
    let export = match *instruction {
        _ if matches!(before, Instr::FuncInfo { .. }) => return None,
        Instr::CallBif { export }
        | Instr::CallBifOnly { export }
        | Instr::CallBifLast { export, .. } => export,
        _ => return None,
    };
    // SAFETY: the loader put the address of an export there, which lives as long as the program.
    Some(unsafe { &*(export as *const Export) }.mfa)
}

fn current(process: &Process) -> Option<CodeLocation> {
    let at = process.ip.get();
    if at.is_null() {
        return None;
    }
    if process.is_hibernating() {
        return Some(CodeLocation {
            mfa: Mfa {
                module: well_known::ERLANG,
                function: atom!("hibernate"),
                arity: 3,
            },
            location: None,
        });
    }
    if let Some(mfa) = working_bif(process, at) {
        return Some(CodeLocation {
            mfa,
            location: None,
        });
    }
    module::find(at).or_else(|| {
        // SAFETY: where a process goes on is an instruction: of a module, which was not found, or of the
        // VM's own, which is never freed.
        match unsafe { *at } {
            Instr::ExportBif { export } | Instr::ExportUndefined { export } => {
                // SAFETY: the field of these holds a `&'static Export`.
                let export = unsafe { &*(export as *const Export) };
                Some(CodeLocation {
                    mfa: export.mfa,
                    location: None,
                })
            }
            _ => None,
        }
    })
}

/// The BIF that a process is in while its work is done beside the schedulers.
fn working_bif(process: &Process, at: *const Instr) -> Option<Mfa> {
    if !process.has_flag(Flag::Works) {
        return None;
    }
    // SAFETY: the process is at this instruction.
    match unsafe { *at } {
        Instr::CallBif { export }
        | Instr::CallBifOnly { export }
        | Instr::CallBifLast { export, .. } => {
            // SAFETY: the field of these holds a `&'static Export`.
            Some(unsafe { &*(export as *const Export) }.mfa)
        }
        _ => None,
    }
}

/// `{Module, Function, Arity, [{file, File}, {line, Line}]}`.
fn entry<'h>(heap: Heap<'h>, found: &CodeLocation) -> Term<'h> {
    let location = match &found.location {
        None => Term::NIL,
        Some(location) => {
            let file = heap.tuple(&[Term::atom(well_known::FILE), heap.string(&location.file)]);
            let line = Term::size(location.line as usize);
            heap.list(&[file, heap.tuple(&[Term::atom(well_known::LINE), line])])
        }
    };
    let Mfa {
        module,
        function,
        arity,
    } = found.mfa;
    heap.tuple(&[
        Term::atom(module),
        Term::atom(function),
        Term::size(arity as usize),
        location,
    ])
}

/// An address with the function that it lies in, as the stock VM prints it.
fn place(at: *const Instr) -> String {
    let function = match module::find_module(at) {
        Some(module) => match module.function_at(at) {
            Some(function) => {
                let start = module.address(function.entry - 1);
                let offset = at as usize - start as usize;
                format!(
                    "{}:{}/{} + {offset}",
                    hooks::print(Term::atom(module.name)),
                    hooks::print(Term::atom(function.name)),
                    function.arity
                )
            }
            None => "unknown function".to_owned(),
        },
        None if std::ptr::eq(at, &snippets::END[0]) => "<terminate process normally>".to_owned(),
        None if at.is_null() => "invalid".to_owned(),
        None => "unknown function".to_owned(),
    };
    format!("{:#018x} ({function})", at as usize)
}
