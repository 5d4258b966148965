//! Compiling: checks a specification and writes its programs.

use std::collections::HashMap;

use super::{Clause, Constant, Dialect, ExprOp, MatchOp, MatchSpec, TraceFunction};
use crate::atom::{Atom, well_known};
use crate::bif::{BifEntry, BifKind};
use crate::heap::OwnedTerm;
use crate::map;
use crate::term::{Kind, Term};

/// Why a specification is none. The text is what `ets:test_ms/2` and `erlang:match_spec_test/3` show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(pub String);

fn fault<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(text.into()))
}

/// The number `N` of a variable `$N`.
pub(crate) fn variable(atom: Atom) -> Option<u32> {
    let digits = atom.name().strip_prefix('$')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .parse()
        .ok()
        .filter(|&number| plain && number <= 100_000_000)
}

/// Compiles a list of clauses.
pub fn compile(source: Term<'_>, dialect: Dialect) -> Result<MatchSpec, Fault> {
    let source = OwnedTerm::copy_of(source);
    let clauses = {
        let Some(list) = source.term().proper_list() else {
            return fault("Match expression is not a list.");
        };
        if list.is_empty() {
            return fault("The match expression is empty.");
        }
        list.into_iter()
            .map(|clause| compile_clause(clause, dialect))
            .collect::<Result<Vec<_>, _>>()?
    };
    Ok(MatchSpec {
        dialect,
        clauses,
        source,
    })
}

/// Compiles a single pattern of ETS (`ets:match`, `ets:match_object`): the result is `$$` or `$_`.
pub fn compile_pattern(pattern: Term<'_>, whole: bool) -> Result<MatchSpec, Fault> {
    let source = OwnedTerm::copy_of(pattern);
    let (head, slots, variables) = compile_head(source.term())?;
    let result = if whole {
        ExprOp::Whole
    } else {
        ExprOp::AllVariables
    };
    let clause = Clause {
        head,
        guards: Vec::new(),
        body: vec![result],
        slots,
        variables,
    };
    Ok(MatchSpec {
        dialect: Dialect::Table,
        clauses: vec![clause],
        source,
    })
}

fn compile_clause(clause: Term<'_>, dialect: Dialect) -> Result<Clause, Fault> {
    let Some([head, guards, body]) = clause.as_tuple_of::<3>() else {
        return fault("Match specification clause is not a tuple of arity 3");
    };
    let guards = expressions(guards)?;
    if dialect == Dialect::Table && body.as_cons().is_none() {
        return fault("Body clause does not return anything.");
    }
    // When calls are traced, an empty body says no more than that the call matches.
    let body = expressions(body)?;
    if dialect == Dialect::Trace {
        let is_list = head.is_nil() || head.proper_list().is_some();
        if !is_list
            && head
                .as_atom()
                .is_none_or(|atom| atom != well_known::WILDCARD && variable(atom).is_none())
        {
            return fault("Match head is no list");
        }
    }
    let (head, slots, variables) = compile_head(head)?;
    let by_number: HashMap<u32, usize> = variables.iter().copied().collect();
    let mut guard_ops = Vec::new();
    for guard in guards {
        compile_expression(guard, &by_number, dialect, true, &mut guard_ops)?;
        guard_ops.push(ExprOp::Require);
    }
    let mut body_ops = Vec::new();
    for (index, expression) in body.into_iter().enumerate() {
        if index > 0 {
            body_ops.push(ExprOp::Drop);
        }
        compile_expression(expression, &by_number, dialect, false, &mut body_ops)?;
    }
    Ok(Clause {
        head,
        guards: guard_ops,
        body: body_ops,
        slots,
        variables,
    })
}

/// The list of guards, or of the expressions of a body.
fn expressions(list: Term<'_>) -> Result<Vec<Term<'_>>, Fault> {
    match list.proper_list() {
        Some(list) => Ok(list),
        None if list.as_cons().is_some() => fault("Match expression is not a proper list."),
        None => fault("Match expression is not a list."),
    }
}

fn constant(term: Term<'_>) -> Constant {
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

/// Whether a key of a map has a variable in it: none is bound there.
fn has_variable(key: Term<'_>) -> bool {
    any_part(key, is_variable)
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

/// The program of a pattern, how many slots it binds, and which variables are in them.
type Head = (Vec<MatchOp>, usize, Vec<(u32, usize)>);

fn compile_head(head: Term<'_>) -> Result<Head, Fault> {
    let mut ops = Vec::new();
    let mut slots: HashMap<u32, usize> = HashMap::new();
    let mut pending = vec![head];
    while let Some(term) = pending.pop() {
        match term.kind() {
            Kind::Atom(well_known::WILDCARD) => ops.push(MatchOp::Any),
            Kind::Atom(atom) => match variable(atom) {
                Some(number) => {
                    let next = slots.len();
                    let slot = *slots.entry(number).or_insert(next);
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
                if pairs.iter().any(|&(key, _)| has_variable(key)) {
                    return fault("Variable found in map key");
                }
                ops.push(MatchOp::Map(
                    pairs.iter().map(|&(key, _)| constant(key)).collect(),
                ));
                pending.extend(pairs.iter().rev().map(|&(_, value)| value));
            }
            _ => ops.push(MatchOp::Equal(constant(term))),
        }
    }
    let mut variables: Vec<(u32, usize)> = slots.into_iter().collect();
    variables.sort_unstable();
    Ok((ops, variables.len(), variables))
}

/// What is still to be compiled of an expression.
enum Task<'t> {
    Expression(Term<'t>),
    Emit(ExprOp),
    /// A `ShortCircuit` whose target is the end of the whole junction with this number.
    Circuit {
        until: bool,
        junction: usize,
    },
    /// Where a junction ends.
    End(usize),
}

fn compile_expression(
    expression: Term<'_>,
    variables: &HashMap<u32, usize>,
    dialect: Dialect,
    guard: bool,
    ops: &mut Vec<ExprOp>,
) -> Result<(), Fault> {
    let mut pending = vec![Task::Expression(expression)];
    let mut junctions: Vec<Vec<usize>> = Vec::new();
    while let Some(task) = pending.pop() {
        let term = match task {
            Task::Expression(term) => term,
            Task::Emit(op) => {
                ops.push(op);
                continue;
            }
            Task::Circuit { until, junction } => {
                junctions[junction].push(ops.len());
                ops.push(ExprOp::ShortCircuit { until, target: 0 });
                continue;
            }
            Task::End(junction) => {
                for &at in &junctions[junction] {
                    if let ExprOp::ShortCircuit { until, .. } = ops[at] {
                        ops[at] = ExprOp::ShortCircuit {
                            until,
                            target: ops.len(),
                        };
                    }
                }
                continue;
            }
        };
        match term.kind() {
            Kind::Atom(well_known::WHOLE_OBJECT) => ops.push(ExprOp::Whole),
            Kind::Atom(well_known::ALL_VARIABLES) => ops.push(ExprOp::AllVariables),
            Kind::Atom(atom) => match variable(atom) {
                Some(number) => match variables.get(&number) {
                    Some(&slot) => ops.push(ExprOp::Variable(slot)),
                    None => return fault(format!("Variable ${number} is unbound.")),
                },
                None => ops.push(ExprOp::Constant(constant(term))),
            },
            Kind::Cons(cell) => {
                pending.push(Task::Emit(ExprOp::Cons));
                pending.extend([Task::Expression(cell.tail()), Task::Expression(cell.head())]);
            }
            Kind::Map(found) => {
                let pairs: Vec<(Term<'_>, Term<'_>)> = map::iter(found).collect();
                pending.push(Task::Emit(ExprOp::Map(pairs.len())));
                for (key, value) in pairs.into_iter().rev() {
                    pending.extend([Task::Expression(value), Task::Expression(key)]);
                }
            }
            Kind::Tuple(tuple) => compile_tuple(
                tuple.elements(),
                dialect,
                guard,
                &mut pending,
                &mut junctions,
                ops,
            )?,
            _ => ops.push(ExprOp::Constant(constant(term))),
        }
    }
    Ok(())
}

fn compile_tuple<'t>(
    elements: &'t [Term<'t>],
    dialect: Dialect,
    guard: bool,
    pending: &mut Vec<Task<'t>>,
    junctions: &mut Vec<Vec<usize>>,
    ops: &mut Vec<ExprOp>,
) -> Result<(), Fault> {
    let (Some(&first), args) = (elements.first(), elements.get(1..).unwrap_or_default()) else {
        return fault("Function call without function name (empty tuple) in match specification.");
    };
    if let (Some(tuple), true) = (first.as_tuple(), elements.len() == 1) {
        pending.push(Task::Emit(ExprOp::Tuple(tuple.arity())));
        pending.extend(
            tuple
                .elements()
                .iter()
                .rev()
                .map(|&element| Task::Expression(element)),
        );
        return Ok(());
    }
    let Some(function) = first.as_atom() else {
        return fault("Function name is not an atom in match specification.");
    };
    let arguments = |pending: &mut Vec<Task<'t>>, op: ExprOp| {
        pending.push(Task::Emit(op));
        pending.extend(args.iter().rev().map(|&arg| Task::Expression(arg)));
    };
    match function {
        well_known::CONST => match args {
            &[value] => ops.push(ExprOp::Constant(constant(value))),
            _ => return fault("Special form 'const' called with wrong number of arguments."),
        },
        well_known::AND | well_known::OR if !args.is_empty() => {
            arguments(
                pending,
                ExprOp::Junction {
                    and: function == well_known::AND,
                    count: args.len(),
                },
            );
        }
        well_known::ANDALSO | well_known::ORELSE if !args.is_empty() => {
            let junction = junctions.len();
            junctions.push(Vec::new());
            pending.push(Task::End(junction));
            for (index, &arg) in args.iter().enumerate().rev() {
                pending.push(Task::Emit(ExprOp::Boolean));
                pending.push(Task::Expression(arg));
                if index > 0 {
                    pending.push(Task::Circuit {
                        until: function == well_known::ORELSE,
                        junction,
                    });
                }
            }
        }
        well_known::AND | well_known::OR | well_known::ANDALSO | well_known::ORELSE => {
            return fault(format!(
                "Special form '{function}' called without arguments in match specification."
            ));
        }
        _ => {
            if let Some(op) = trace_function(function, args.len()) {
                if dialect == Dialect::Table {
                    return fault(format!(
                        "Function {function}/{} does_not_exist or is not allowed in match specification.",
                        args.len()
                    ));
                }
                let _ = guard;
                arguments(pending, ExprOp::Trace(op, args.len()));
                return Ok(());
            }
            match guard_bif(function, args.len()) {
                Some(bif) => arguments(pending, ExprOp::Call(bif)),
                None => {
                    return fault(format!(
                        "Function {function}/{} does_not_exist.",
                        args.len()
                    ));
                }
            }
        }
    }
    Ok(())
}

fn trace_function(function: Atom, arity: usize) -> Option<TraceFunction> {
    Some(match (function.name(), arity) {
        ("message", 1) => TraceFunction::Message,
        ("return_trace", 0) => TraceFunction::ReturnTrace,
        ("exception_trace", 0) => TraceFunction::ExceptionTrace,
        ("process_dump", 0) => TraceFunction::ProcessDump,
        ("display", 1) => TraceFunction::Display,
        ("caller", 0) => TraceFunction::Caller,
        ("caller_line", 0) => TraceFunction::CallerLine,
        ("current_stacktrace", 0 | 1) => TraceFunction::CurrentStacktrace,
        ("get_seq_token", 0) => TraceFunction::GetSeqToken,
        ("set_seq_token", 2) => TraceFunction::SetSeqToken,
        ("is_seq_trace", 0) => TraceFunction::IsSeqTrace,
        ("get_tcw", 0) => TraceFunction::GetTcw,
        ("set_tcw", 1) => TraceFunction::SetTcw,
        ("enable_trace", 1 | 2) => TraceFunction::EnableTrace,
        ("disable_trace", 1 | 2) => TraceFunction::DisableTrace,
        ("trace", 2 | 3) => TraceFunction::Trace,
        ("silent", 1) => TraceFunction::Silent,
        _ => return None,
    })
}

/// The BIF of module `erlang` that guards may call.
fn guard_bif(function: Atom, arity: usize) -> Option<&'static BifEntry> {
    use crate::code::{Export, Mfa};
    let export = Export::existing(Mfa {
        module: well_known::ERLANG,
        function,
        arity: arity as u32,
    })?;
    export.bif().filter(|bif| bif.kind == BifKind::Guard)
}
