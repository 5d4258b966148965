//! Compiling: checks a specification and writes its programs.
//!
//! A specification with faults is not run, but `erlang:match_spec_test/3` shows them. Which ones, with which words and
//! in which order is OTP 25's: the form of all clauses is judged first and the first fault is the only one; then clause
//! after clause is compiled, up to the first one with faults, all of which are told (`expression`).

use std::collections::HashMap;

use super::expression::Expressions;
use super::{Clause, Constant, Dialect, ExprOp, MatchOp, MatchSpec};
use crate::atom::{Atom, well_known};
use crate::heap::OwnedTerm;
use crate::map;
use crate::process::hooks;
use crate::term::{Kind, Term};

/// Bytes of a fault's text that are shown.
const FAULT_BYTES: usize = 99;

/// Why a specification is none. The text is what `ets:test_ms/2` and `erlang:match_spec_test/3` show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(String);

impl Fault {
    /// A fault in words.
    pub(super) fn new(text: impl Into<String>) -> Fault {
        Fault(text.into())
    }

    /// The bytes that are shown: a long text is cut.
    pub fn text(&self) -> &[u8] {
        let bytes = self.0.as_bytes();
        &bytes[..bytes.len().min(FAULT_BYTES)]
    }
}

fn fault<T>(text: impl Into<String>) -> Result<T, Vec<Fault>> {
    Err(vec![Fault::new(text)])
}

/// The number `N` of a variable `$N`, which has no zeroes in front. OTP 25: it wraps as a C `int` does.
pub(crate) fn variable(atom: Atom) -> Option<u32> {
    let digits = atom.name().strip_prefix('$')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    let number = digits.bytes().fold(0i32, |number, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(i32::from(digit - b'0'))
    });
    u32::try_from(number).ok()
}

/// Compiles a list of clauses.
pub fn compile(source: Term<'_>, dialect: Dialect) -> Result<MatchSpec, Vec<Fault>> {
    let source = OwnedTerm::copy_of(source);
    let clauses = {
        if source.term().as_cons().is_none() {
            return fault("Match programs are not in a list.");
        }
        let Some(list) = source.term().proper_list() else {
            return fault("Match programs are not in a proper list.");
        };
        let parts = list
            .into_iter()
            .map(|clause| well_formed(clause, dialect))
            .collect::<Result<Vec<_>, _>>()?;
        parts
            .into_iter()
            .map(|parts| compile_clause(parts, dialect))
            .collect::<Result<Vec<_>, _>>()?
    };
    Ok(MatchSpec {
        dialect,
        clauses,
        source,
    })
}

/// Compiles a single pattern of ETS (`ets:match`, `ets:match_object`): the result is `$$` or `$_`.
pub fn compile_pattern(pattern: Term<'_>, whole: bool) -> Result<MatchSpec, Vec<Fault>> {
    let source = OwnedTerm::copy_of(pattern);
    let head = Head::compile(source.term())?;
    let result = if whole {
        ExprOp::Whole
    } else {
        ExprOp::AllVariables
    };
    let clause = head.with(Vec::new(), vec![result]);
    Ok(MatchSpec {
        dialect: Dialect::Table,
        clauses: vec![clause],
        source,
    })
}

/// Head, guards and body of a clause.
fn well_formed(clause: Term<'_>, dialect: Dialect) -> Result<[Term<'_>; 3], Vec<Fault>> {
    let Some(parts) = clause.as_tuple_of::<3>() else {
        return fault("Match program part is not a tuple of arity 3.");
    };
    let head = parts[0];
    if dialect.is_trace() && head.as_cons().is_some() && head.proper_list().is_none() {
        return fault(format!(
            "Match expression part {} is not a proper list.",
            hooks::print(head)
        ));
    }
    Ok(parts)
}

fn compile_clause(
    [head, guards, body]: [Term<'_>; 3],
    dialect: Dialect,
) -> Result<Clause, Vec<Fault>> {
    let head = if dialect.is_trace() {
        Head::of_arguments(head)?
    } else {
        Head::compile(head)?
    };
    let by_number: HashMap<u32, usize> = head.variables.iter().copied().collect();
    let mut expressions = Expressions::new(&by_number, dialect);
    let guards = expressions.guards(guards);
    if !dialect.is_trace() && body.as_cons().is_none() {
        expressions.fault("Body clause does not return anything.");
        return Err(expressions.faults());
    }
    let body = expressions.body(body);
    match expressions.faults() {
        faults if faults.is_empty() => Ok(head.with(guards, body)),
        faults => Err(faults),
    }
}

pub(super) fn constant(term: Term<'_>) -> Constant {
    Constant(term.word())
}

/// Whether a pattern is compared as a whole: it has no variable or wildcard in it, and no map, which matches those that
/// have more keys.
fn is_constant(term: Term<'_>) -> bool {
    !any_part(term, |part| {
        is_variable(part) || matches!(part.kind(), Kind::Map(_))
    })
}

fn is_variable(term: Term<'_>) -> bool {
    term.as_atom()
        .is_some_and(|atom| atom == well_known::WILDCARD || variable(atom).is_some())
}

fn any_part(term: Term<'_>, mut test: impl FnMut(Term<'_>) -> bool) -> bool {
    let mut pending = vec![term];
    while let Some(term) = pending.pop() {
        if test(term) {
            return true;
        }
        match term.kind() {
            Kind::Cons(cell) => pending.extend([cell.tail(), cell.head()]),
            Kind::Tuple(tuple) => pending.extend(tuple.elements()),
            Kind::Map(found) => {
                for (key, value) in map::iter(found) {
                    pending.extend([value, key]);
                }
            }
            _ => {}
        }
    }
    false
}

/// The program of a pattern.
#[derive(Default)]
struct Head {
    ops: Vec<MatchOp>,
    slots: HashMap<u32, usize>,
    /// The numbers of the variables, ascending, with their slots.
    variables: Vec<(u32, usize)>,
}

impl Head {
    fn compile(pattern: Term<'_>) -> Result<Head, Vec<Fault>> {
        let mut head = Head::default();
        head.add(pattern)?;
        Ok(head.finish())
    }

    /// The pattern of a call's arguments: a list, a tuple of as many, or a variable for the whole.
    fn of_arguments(pattern: Term<'_>) -> Result<Head, Vec<Fault>> {
        let mut head = Head::default();
        if let Some(tuple) = pattern.as_tuple() {
            for &element in tuple.elements() {
                head.ops.push(MatchOp::Cons);
                head.add(element)?;
            }
            head.ops.push(MatchOp::Equal(constant(Term::NIL)));
            return Ok(head.finish());
        }
        head.add(pattern)?;
        if pattern.is_nil() || pattern.as_cons().is_some() || is_variable(pattern) {
            return Ok(head.finish());
        }
        fault("Match head is invalid in this context.")
    }

    fn finish(mut self) -> Head {
        self.variables = self.slots.iter().map(|(&n, &slot)| (n, slot)).collect();
        self.variables.sort_unstable();
        self
    }

    fn with(self, guards: Vec<ExprOp>, body: Vec<ExprOp>) -> Clause {
        Clause {
            head: self.ops,
            guards,
            body,
            slots: self.variables.len(),
            variables: self.variables,
        }
    }

    /// Adds the steps that match a pattern.
    fn add(&mut self, pattern: Term<'_>) -> Result<(), Vec<Fault>> {
        let ops = &mut self.ops;
        let mut pending = vec![pattern];
        while let Some(term) = pending.pop() {
            match term.kind() {
                Kind::Atom(well_known::WILDCARD) => ops.push(MatchOp::Any),
                Kind::Atom(atom) => match variable(atom) {
                    Some(number) => {
                        let next = self.slots.len();
                        let slot = *self.slots.entry(number).or_insert(next);
                        ops.push(if slot == next {
                            MatchOp::Bind(slot)
                        } else {
                            MatchOp::Same(slot)
                        });
                    }
                    None => ops.push(MatchOp::Equal(constant(term))),
                },
                Kind::Tuple(tuple) if !is_constant(term) => {
                    ops.push(MatchOp::Tuple(tuple.arity()));
                    pending.extend(tuple.elements().iter().rev());
                }
                Kind::Cons(cell) if !is_constant(term) => {
                    ops.push(MatchOp::Cons);
                    pending.extend([cell.tail(), cell.head()]);
                }
                Kind::Map(found) => {
                    let pairs: Vec<(Term<'_>, Term<'_>)> = map::iter(found).collect();
                    // A variable within a key is none.
                    if let Some(&(key, _)) = pairs.iter().find(|&&(key, _)| is_variable(key)) {
                        return fault(if key.is_atom(well_known::WILDCARD) {
                            "Underscore found in map key."
                        } else {
                            "Variable found in map key."
                        });
                    }
                    ops.push(MatchOp::Map(
                        pairs.iter().map(|&(key, _)| constant(key)).collect(),
                    ));
                    pending.extend(pairs.iter().rev().map(|&(_, value)| value));
                }
                _ => ops.push(MatchOp::Equal(constant(term))),
            }
        }
        Ok(())
    }
}
