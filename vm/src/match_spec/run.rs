//! Running a compiled specification on a term.

use smallvec::SmallVec;

use super::{Clause, Constant, ExprOp, MatchOp, MatchSpec};
use crate::bif::{Call, Stop};
use crate::map;
use crate::process::Process;
use crate::term::Term;
use crate::trace::actions::Actions;

/// What a specification says about a term.
pub enum Outcome<'p> {
    /// No clause matches.
    NoMatch,
    /// The value of the first matching clause's body.
    Match(Term<'p>),
}

/// The variables of a clause while it runs.
type Bindings<'p> = SmallVec<[Term<'p>; 8]>;

impl MatchSpec {
    /// Runs a specification of the tracing dialect on the list of a call's arguments; whether it matches.
    pub fn run_trace<'p>(
        &self,
        process: &'p Process,
        args: Term<'p>,
        actions: &Actions<'p>,
    ) -> bool {
        match self.run_with(process, args, Some(actions), |term| term) {
            Outcome::NoMatch => {
                actions.reset();
                false
            }
            Outcome::Match(_) => true,
        }
    }

    /// The same for an event that is no call: what is to be told with it, or none if it is not to be told.
    pub fn run_event<'p>(&self, process: &'p Process, args: Term<'p>) -> Option<Term<'p>> {
        let actions = Actions::new(process);
        let said = self
            .run_trace(process, args, &actions)
            .then(|| actions.message().unwrap_or(Term::TRUE));
        said.filter(|said| !said.same(Term::FALSE))
    }

    /// Runs the specification on a term. Values are built in the heap of `process`.
    ///
    /// `whole` may belong to a table: parts of it that get into the result are copied.
    pub fn run<'p>(&self, process: &'p Process, whole: Term<'_>) -> Outcome<'p> {
        let heap = process.heap();
        self.run_with(process, whole, None, |term| heap.copy(term))
    }

    fn run_with<'p, 'a>(
        &self,
        process: &'p Process,
        whole: Term<'a>,
        actions: Option<&Actions<'p>>,
        keep: impl Fn(Term<'a>) -> Term<'p> + Copy,
    ) -> Outcome<'p> {
        for clause in &self.clauses {
            if let Some(actions) = actions {
                actions.reset();
            }
            let mut bindings: SmallVec<[Term<'_>; 8]> =
                SmallVec::from_elem(Term::NIL, clause.slots);
            if !matches(&clause.head, whole, &mut bindings) {
                continue;
            }
            // Most bodies return parts of the object: what is built lives in the process's heap.
            let mut copied: Bindings<'p> = SmallVec::new();
            copied.extend(bindings.iter().map(|&value| keep(value)));
            let mut state = State {
                process,
                whole,
                copied_whole: None,
                bindings: copied,
                clause,
                actions,
                keep,
            };
            if !clause.guards.is_empty() && state.evaluate(&clause.guards, false).is_none() {
                continue;
            }
            let value = state.evaluate(&clause.body, true);
            return Outcome::Match(
                value.unwrap_or(Term::atom(crate::atom::well_known::EXIT_SIGNAL)),
            );
        }
        Outcome::NoMatch
    }

    /// Whether the only clause's head is bound to one key: the element at `position` (from 0) of the tuple
    /// pattern, if it has no variables.
    pub fn key(&self, position: usize) -> Option<Term<'_>> {
        if let [clause] = self.clauses.as_slice()
            && let MatchOp::Equal(constant) = clause.head.first()?
        {
            let whole = term(*constant).as_tuple()?;
            return whole.elements().get(position).copied();
        }
        match self.key_steps(position)?.first()? {
            MatchOp::Equal(constant) => Some(term(*constant)),
            _ => None,
        }
    }

    /// The steps of the only clause's head from the key on: the element at `position` (from 0) of a tuple.
    pub(super) fn key_steps(&self, position: usize) -> Option<&[MatchOp]> {
        let [clause] = self.clauses.as_slice() else {
            return None;
        };
        let mut skip = match clause.head.first()? {
            MatchOp::Tuple(arity) if position < *arity => position,
            _ => return None,
        };
        // Elements before the key take as many steps as they have parts.
        let mut at = 1;
        while skip > 0 {
            let mut open = 1;
            while open > 0 {
                open += match &clause.head[at] {
                    MatchOp::Tuple(arity) => *arity,
                    MatchOp::Cons => 2,
                    MatchOp::Map(keys) => keys.len(),
                    _ => 0,
                };
                open -= 1;
                at += 1;
            }
            skip -= 1;
        }
        Some(&clause.head[at..])
    }

    /// Whether every object matches and the result is `true` (`ets:select_delete` of a whole table), or the
    /// object itself.
    pub fn matches_everything(&self) -> bool {
        let [clause] = self.clauses.as_slice() else {
            return false;
        };
        clause.guards.is_empty()
            && matches!(clause.head.as_slice(), [MatchOp::Any | MatchOp::Bind(_)])
    }
}

pub(super) fn term<'a>(constant: Constant) -> Term<'a> {
    // SAFETY: a constant is a subterm of the specification's source, which outlives every run of it; the
    // callers' results do not leave a run without being copied.
    unsafe { Term::from_word(constant.0) }
}

/// Takes a term apart; binds variables.
fn matches<'t>(head: &[MatchOp], whole: Term<'t>, bindings: &mut SmallVec<[Term<'t>; 8]>) -> bool {
    let mut pending: SmallVec<[Term<'t>; 16]> = SmallVec::new();
    pending.push(whole);
    for op in head {
        let Some(next) = pending.pop() else {
            return false;
        };
        let holds = match op {
            MatchOp::Any => true,
            MatchOp::Bind(slot) => {
                bindings[*slot] = next;
                true
            }
            MatchOp::Same(slot) => bindings[*slot].exactly_equals(next),
            MatchOp::Equal(constant) => term(*constant).exactly_equals(next),
            MatchOp::Tuple(arity) => match next.as_tuple() {
                Some(tuple) if tuple.arity() == *arity => {
                    pending.extend(tuple.elements().iter().rev().copied());
                    true
                }
                _ => false,
            },
            MatchOp::Cons => match next.as_cons() {
                Some(cell) => {
                    pending.extend([cell.tail(), cell.head()]);
                    true
                }
                None => false,
            },
            MatchOp::Map(keys) => match next.as_map() {
                Some(found) => keys
                    .iter()
                    .rev()
                    .all(|&key| match map::get(found, term(key)) {
                        Some(value) => {
                            pending.push(value);
                            true
                        }
                        None => false,
                    }),
                None => false,
            },
        };
        if !holds {
            return false;
        }
    }
    true
}

struct State<'p, 'a, 's, K> {
    process: &'p Process,
    whole: Term<'a>,
    /// The whole object in the process's heap, once it was needed.
    copied_whole: Option<Term<'p>>,
    bindings: Bindings<'p>,
    clause: &'s Clause,
    actions: Option<&'s Actions<'p>>,
    keep: K,
}

/// What stands for the value of a call that failed in a body.
const FAILED: Term<'static> = Term::atom(crate::atom::well_known::EXIT_SIGNAL);

impl<'p, 'a, K: Fn(Term<'a>) -> Term<'p>> State<'p, 'a, '_, K> {
    /// The value of the last expression; none if something failed, or a guard is not `true`. In a body a call
    /// that fails has the value `'EXIT'`.
    fn evaluate(&mut self, ops: &[ExprOp], body: bool) -> Option<Term<'p>> {
        let heap = self.process.heap();
        let mut stack: SmallVec<[Term<'p>; 16]> = SmallVec::new();
        let mut at = 0;
        while let Some(op) = ops.get(at) {
            at += 1;
            match op {
                ExprOp::Constant(constant) => stack.push(heap.copy(term(*constant))),
                ExprOp::Variable(slot) => stack.push(self.bindings[*slot]),
                ExprOp::Whole => {
                    let whole = self.whole;
                    stack.push(*self.copied_whole.get_or_insert_with(|| (self.keep)(whole)));
                }
                ExprOp::AllVariables => {
                    let values: SmallVec<[Term<'p>; 8]> = self
                        .clause
                        .variables
                        .iter()
                        .map(|&(_, slot)| self.bindings[slot])
                        .collect();
                    stack.push(heap.list(&values));
                }
                ExprOp::Tuple(count) => {
                    let from = stack.len() - count;
                    stack[from..].reverse();
                    let tuple = heap.tuple(&stack[from..]);
                    stack.truncate(from);
                    stack.push(tuple);
                }
                ExprOp::Cons => {
                    // The head was evaluated first.
                    let (tail, head) = (stack.pop()?, stack.pop()?);
                    stack.push(heap.cons(head, tail));
                }
                ExprOp::Map(count) => {
                    let from = stack.len() - 2 * count;
                    let (values, keys) = stack[from..].split_at(*count);
                    let pairs: Vec<(Term<'p>, Term<'p>)> = keys
                        .iter()
                        .rev()
                        .copied()
                        .zip(values.iter().rev().copied())
                        .collect();
                    let empty = heap.flat_map(&[], &[]).as_map()?;
                    stack.truncate(from);
                    stack.push(map::put_many(heap, empty, &pairs));
                }
                ExprOp::Own => stack.push(Term::pid(self.process.pid())),
                ExprOp::Call(bif) => {
                    let from = stack.len() - bif.arity as usize;
                    stack[from..].reverse();
                    // A tuple of them is a slice that stays for the call.
                    let args = heap.tuple(&stack[from..]).as_tuple()?.elements();
                    stack.truncate(from);
                    match (bif.run)(Call::new(self.process, args)) {
                        Ok(value) => stack.push(value),
                        Err(Stop::Raise(_) | Stop::Trap(_)) if body => stack.push(FAILED),
                        Err(Stop::Raise(_) | Stop::Trap(_)) => return None,
                    }
                }
                ExprOp::Junction { and, count } => {
                    let from = stack.len() - count;
                    let mut value = Some(*and);
                    for &operand in &stack[from..] {
                        value = match (value, operand.as_bool()) {
                            (Some(value), Some(operand)) if *and => Some(value && operand),
                            (Some(value), Some(operand)) => Some(value || operand),
                            _ => None,
                        };
                    }
                    stack.truncate(from);
                    match value {
                        Some(value) => stack.push(Term::bool(value)),
                        None if body => stack.push(FAILED),
                        None => return None,
                    }
                }
                ExprOp::ShortCircuit { until, target } => match stack.last()?.as_bool() {
                    Some(value) if value == *until => at = *target,
                    Some(_) => {
                        stack.pop();
                    }
                    None if body => {
                        stack.pop();
                        stack.push(FAILED);
                        at = *target;
                    }
                    None => return None,
                },
                ExprOp::Drop => {
                    stack.pop();
                }
                ExprOp::Require => {
                    if !stack.pop()?.same(Term::TRUE) {
                        return None;
                    }
                }
                ExprOp::Trace(function, count) => {
                    let from = stack.len() - count;
                    stack[from..].reverse();
                    let value = self.actions?.call(*function, &stack[from..]);
                    stack.truncate(from);
                    match value {
                        Some(value) => stack.push(value),
                        None if body => stack.push(FAILED),
                        None => return None,
                    }
                }
            }
        }
        Some(stack.pop().unwrap_or(Term::TRUE))
    }
}
