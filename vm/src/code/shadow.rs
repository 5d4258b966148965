//! The traceable copy of a module's code.
//!
//! A function gets a breakpoint by overwriting the number of its entry's instruction by that of
//! [`Instr::Breakpoint`], which has no operands: one store of two bytes, so that a scheduler that reads the
//! entry meanwhile sees either instruction whole. What stood there must still run, but jumps are relative
//! and local calls go straight to entries; so a module that gets its first breakpoint gets a copy of its
//! code, too, with two instructions more before each function:
//!
//! ```text
//!     FuncInfo      names the function, as before every place that is called
//!     Breakpoint    what calls within the copy go to
//!     FuncInfo      the function's own, where its clauses fail to
//!     …             its code
//! ```
//!
//! Who meets a breakpoint, in the code or the copy, goes on in the copy. Nobody is ever in danger of running
//! half a change, and a module that was never traced pays nothing. The copy stays as long as the module.

use std::sync::Arc;

use parking_lot::RwLock;

use super::Instr;
use super::instr::{Jump, Links, Table};
use super::module::Function;
use crate::trace::points::Point;

/// How many instructions a function has more in the copy.
const MORE: u32 = 2;

/// The copy, and the breakpoints of the module's functions.
pub struct Shadow {
    code: Box<[Instr]>,
    /// For each function, where its part of the copy begins.
    starts: Box<[u32]>,
    points: Box<[RwLock<Option<Arc<Point>>>]>,
}

/// Moves the jumps of an instruction to where their targets are in the copy.
struct Move<'m> {
    functions: &'m [Function],
    from: u32,
    calls: bool,
}

/// How many functions begin at or before an instruction.
fn functions_before(functions: &[Function], index: u32) -> u32 {
    functions.partition_point(|function| function.entry - 1 <= index) as u32
}

fn moved(functions: &[Function], index: u32) -> u32 {
    index + MORE * functions_before(functions, index)
}

impl Links for Move<'_> {
    fn jump(&mut self, jump: &mut Jump) {
        if jump.0 == 0 && !self.calls {
            return;
        }
        let target = self.from.wrapping_add_signed(jump.instructions());
        let place = if self.calls {
            // The breakpoint stands before the function's own `FuncInfo`.
            moved(self.functions, target - 1) - 1
        } else {
            moved(self.functions, target)
        };
        *jump = Jump::over(place.wrapping_sub(moved(self.functions, self.from)) as i32);
    }

    fn table(&mut self, _table: &mut Table) {}
}

/// Whether the jump of an instruction is a call of a function.
fn calls(instruction: &Instr) -> bool {
    instruction.name().contains("Call")
}

impl Shadow {
    /// The copy of code whose functions are these, in the order of their entries.
    pub(super) fn new(
        code: impl ExactSizeIterator<Item = Instr>,
        functions: &[Function],
    ) -> Shadow {
        let mut copy = Vec::with_capacity(code.len() + MORE as usize * functions.len());
        let mut starts = Vec::with_capacity(functions.len());
        for (index, mut instruction) in code.enumerate() {
            let index = index as u32;
            if functions
                .get(starts.len())
                .is_some_and(|function| function.entry - 1 == index)
            {
                starts.push(copy.len() as u32);
                copy.extend([instruction, Instr::Breakpoint]);
            }
            let calls = calls(&instruction);
            instruction.link(&mut Move {
                functions,
                from: index,
                calls,
            });
            copy.push(instruction);
        }
        Shadow {
            code: copy.into_boxed_slice(),
            points: starts.iter().map(|_| RwLock::new(None)).collect(),
            starts: starts.into_boxed_slice(),
        }
    }

    /// The addresses of the copy.
    pub fn range(&self) -> std::ops::Range<*const Instr> {
        self.code.as_ptr_range()
    }

    /// The index in the module's own code of what stands at an address of the copy.
    pub(super) fn original(&self, at: *const Instr) -> u32 {
        let index = ((at as usize - self.code.as_ptr() as usize) / size_of::<Instr>()) as u32;
        let function = self.starts.partition_point(|&start| start <= index);
        match function.checked_sub(1) {
            None => index,
            Some(last) => {
                let start = self.starts[last];
                let shift = MORE * function as u32;
                // The first two stand for the function's own `FuncInfo` and entry.
                if index < start + MORE {
                    index + MORE - shift
                } else {
                    index - shift
                }
            }
        }
    }

    /// Where a function goes on after its breakpoint.
    pub fn body(&self, function: usize) -> *const Instr {
        &self.code[self.starts[function] as usize + MORE as usize + 1]
    }

    /// The breakpoint of a function.
    pub fn point(&self, function: usize) -> Option<Arc<Point>> {
        self.points[function].read().clone()
    }

    /// Sets the breakpoint of a function.
    pub fn set_point(&self, function: usize, point: Option<Arc<Point>>) {
        *self.points[function].write() = point;
    }
}
