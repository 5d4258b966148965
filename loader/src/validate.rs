//! The structural check of the code: stricter than the stock VM, which crashes on code that its compiler
//! would never make.
//!
//! What holds afterwards, for every instruction that can be reached:
//! - every label that an operand names is defined; calls, exports and lambdas name entries of functions
//!   of the arity that they give; every other label stands in the same function;
//! - control cannot run from one function into the next or off the end of the code;
//! - the frame is known where it matters: it is made only where there is none, freed and trimmed by its
//!   true size, absent at `return` and at tail calls without a frame, and has every slot that is named.
//!   Tail calls of functions that always raise ([`raises_always`]) are free of this: they must be
//!   made before the frame is freed.
//!
//! Where paths with different frames meet (as they do before an exception is raised) only the slots that all of
//! them have may be named. Not checked: that registers were written before they are
//! read, that reserved heap space suffices, and the kinds of terms.

use std::borrow::Cow;

use crate::chunks::{AtomIndex, Export, Import, Lambda};
use crate::code::{Code, Function, Op};
use crate::error::LoadError;
use crate::opcodes::{Flow, GenericOp};
use crate::operand::Label;

/// What is known of the frame at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// Control does not get here, as far as has been seen.
    Unreached,
    /// There is no frame.
    None,
    /// There is one of so many slots.
    Slots(u16),
    /// Its size depends on the way here, but it has at least so many slots.
    AtLeast(u16),
    /// Whether there is one depends on the way here.
    Mixed,
}

impl Frame {
    /// Whether so many slots may be named.
    fn has(self, slots: u16) -> bool {
        slots == 0 || matches!(self, Self::Slots(there) | Self::AtLeast(there) if slots <= there)
    }

    /// What is known where two ways meet.
    fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unreached, frame) | (frame, Self::Unreached) => frame,
            _ if self == other => self,
            (Self::Slots(a) | Self::AtLeast(a), Self::Slots(b) | Self::AtLeast(b)) => {
                Self::AtLeast(a.min(b))
            }
            _ => Self::Mixed,
        }
    }
}

/// What the code refers to.
pub(crate) struct Context<'a, 't> {
    pub atoms: &'t [Cow<'a, str>],
    pub imports: &'t [Import],
    pub exports: &'t [Export],
    pub lambdas: &'t [Lambda],
}

/// Checks all of the code, and the tables that point into it.
pub(crate) fn validate(code: &Code<'_>, context: &Context<'_, '_>) -> Result<(), LoadError> {
    check_entries(code, context)?;
    let mut checker = Checker {
        code,
        context,
        at_label: vec![Frame::Unreached; code.label_limit() as usize],
        to_walk: Vec::new(),
        steps_left: code.len().saturating_mul(MOST_WALKS),
    };
    code.functions()
        .iter()
        .try_for_each(|function| checker.check_function(function))
}

fn check_entries(code: &Code<'_>, context: &Context<'_, '_>) -> Result<(), LoadError> {
    let is_entry = |label, arity| {
        code.function_of_entry(label)
            .is_some_and(|function| function.arity == arity)
    };
    let what = "the label is not the entry of a function of that arity";
    if let Some(export) = context
        .exports
        .iter()
        .find(|export| !is_entry(export.label, export.arity))
    {
        return Err(LoadError::BadEntry {
            chunk: "ExpT",
            at: export.at,
            what,
        });
    }
    if let Some(lambda) = context
        .lambdas
        .iter()
        .find(|lambda| !is_entry(lambda.label, lambda.arity))
    {
        return Err(LoadError::BadEntry {
            chunk: "FunT",
            at: lambda.at,
            what,
        });
    }
    Ok(())
}

struct Checker<'c, 'a, 't> {
    code: &'c Code<'a>,
    context: &'c Context<'a, 't>,
    at_label: Vec<Frame>,
    /// Indexes of labels of which less is known than when they were last walked from.
    to_walk: Vec<usize>,
    /// So many instructions may still be walked over.
    steps_left: usize,
}

/// How often an instruction may be walked over, on average. Compiled code needs less than two walks; code that is
/// made to need many, by frames of a thousand sizes that meet one after the other, is refused.
const MOST_WALKS: usize = 64;

impl Checker<'_, '_, '_> {
    fn check_function(&mut self, function: &Function) -> Result<(), LoadError> {
        // Dead code is not run, but is translated: its labels must be good all the same.
        for index in function.first_op..function.end_op {
            if !self.code.needs(index).2 {
                continue;
            }
            let op = self.code.op(index);
            for label in op.args.iter().filter_map(|operand| operand.label()) {
                match is_call(op.op) {
                    true => self.check_call(op, label)?,
                    false => self.check_target(function, op, label)?,
                }
            }
        }
        self.reach(function.entry, Frame::None);
        while let Some(index) = self.to_walk.pop() {
            self.walk(index, function.end_op)?;
        }
        Ok(())
    }

    /// Control may get to `label` with `frame`. A walk can only find that less is known than was thought, so
    /// what one walk refuses a later one would refuse too.
    fn reach(&mut self, label: Label, frame: Frame) {
        let known = &mut self.at_label[label.0 as usize];
        let met = known.meet(frame);
        if met != *known {
            *known = met;
            self.to_walk.extend(self.code.label(label));
        }
    }

    /// Walks from the label at `start` until control stops or comes to a label about which it tells nothing new.
    fn walk(&mut self, start: usize, end: usize) -> Result<(), LoadError> {
        let mut frame = Frame::Unreached;
        for index in start..end {
            self.steps_left = self.steps_left.checked_sub(1).ok_or(LoadError::BadCode {
                at: self.code.op(index).at,
                what: "frames of too many sizes meet",
            })?;
            let (op, slots, has_label) = self.code.needs(index);
            if op == GenericOp::Label {
                let number = self.code.op(index).args[0].unsigned();
                let known = &mut self.at_label[number as usize];
                let met = known.meet(frame);
                if met == *known && index != start {
                    return Ok(());
                }
                *known = met;
                frame = met;
                continue;
            }
            if !frame.has(slots) {
                return Err(bad(self.code.op(index), "the frame has no such slot"));
            }
            if has_label && !is_call(op) {
                for label in self
                    .code
                    .op(index)
                    .args
                    .iter()
                    .filter_map(|operand| operand.label())
                {
                    self.reach(label, frame);
                }
            }
            frame = self.after(op, index, frame)?;
            if frame == Frame::Unreached {
                return Ok(());
            }
        }
        let at = self.code.op(end - 1).at;
        Err(LoadError::BadCode {
            at,
            what: "control can leave the function at its end",
        })
    }

    fn check_call(&self, op: Op<'_>, label: Label) -> Result<(), LoadError> {
        match self.code.function_of_entry(label) {
            Some(function) if u64::from(function.arity) == op.args[0].unsigned() => Ok(()),
            Some(_) => Err(bad(op, "the function called has another arity")),
            None => Err(bad(op, "no function begins at the label called")),
        }
    }

    fn check_target(&self, function: &Function, op: Op<'_>, label: Label) -> Result<(), LoadError> {
        match self.code.label(label) {
            Some(target) if (function.first_op..function.end_op).contains(&target) => Ok(()),
            Some(_) => Err(bad(op, "the label is in another function")),
            None => Err(bad(op, "the label is not defined")),
        }
    }

    /// The frame after `op`.
    #[inline]
    fn after(&self, op: GenericOp, index: usize, frame: Frame) -> Result<Frame, LoadError> {
        use GenericOp as G;
        let slots = |operand: usize| self.code.op(index).args[operand].unsigned() as u16;
        let needs = |needed: Frame| match frame == needed {
            true => Ok(()),
            false => Err(bad(self.code.op(index), "the frame has another size")),
        };
        match op {
            G::Allocate | G::AllocateHeap | G::AllocateZero | G::AllocateHeapZero => {
                needs(Frame::None)?;
                return Ok(Frame::Slots(slots(0)));
            }
            // Whatever stands after such a call, and whatever frame a tail call would free, is of no
            // consequence: OTP 25 ships modules where that frame's size is wrong.
            G::CallExt | G::CallExtLast | G::CallExtOnly
                if self.never_returns(self.code.op(index)) =>
            {
                return Ok(Frame::Unreached);
            }
            G::Deallocate => {
                needs(Frame::Slots(slots(0)))?;
                return Ok(Frame::None);
            }
            G::Trim => {
                needs(Frame::Slots(slots(0).saturating_add(slots(1))))?;
                return Ok(Frame::Slots(slots(1)));
            }
            G::CallLast | G::CallExtLast => needs(Frame::Slots(slots(2)))?,
            G::ApplyLast => needs(Frame::Slots(slots(1)))?,
            G::CallOnly | G::CallExtOnly | G::Return => needs(Frame::None)?,
            _ => {}
        }
        Ok(if op.flow() == Flow::Stop {
            Frame::Unreached
        } else {
            frame
        })
    }

    fn never_returns(&self, op: Op<'_>) -> bool {
        let import = self.context.imports[op.args[1].unsigned() as usize];
        let text = |atom: AtomIndex| &*self.context.atoms[atom.0 as usize];
        raises_always(text(import.module), text(import.function), import.arity)
    }
}

/// Whether a function is a BIF that never returns, so that compilers let the code end after a call of it.
pub fn raises_always(module: &str, function: &str, arity: u8) -> bool {
    module == "erlang"
        && matches!(
            (function, arity),
            ("error", 1..=3) | ("exit" | "throw", 1) | ("nif_error", 1..=2)
        )
}

/// Whether the label of `op` is a function's entry, not a place in the same function.
fn is_call(op: GenericOp) -> bool {
    matches!(
        op,
        GenericOp::Call | GenericOp::CallLast | GenericOp::CallOnly
    )
}

#[cold]
fn bad(op: Op<'_>, what: &'static str) -> LoadError {
    LoadError::BadOperand {
        at: op.at,
        op: op.op,
        what,
    }
}
