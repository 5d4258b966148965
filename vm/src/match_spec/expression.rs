//! Compiling the expressions of guards and bodies.
//!
//! Operands are evaluated from the last to the first, as in OTP 25: functions of tracing have effects. Faults are
//! collected in that order, too. A map whose program is written twice there tells its faults twice here.

use std::collections::HashMap;

use super::compile::{Fault, constant, variable};
use super::functions::{Function, TraceFault, function};
use super::{Dialect, ExprOp};
use crate::atom;
use crate::atom::{Atom, well_known};
use crate::map;
use crate::process::hooks;
use crate::term::{Kind, Map, MapForm, Term};

/// Compiles the expressions of a clause.
pub(super) struct Expressions<'v> {
    variables: &'v HashMap<u32, usize>,
    dialect: Dialect,
    guard: bool,
    faults: Vec<Fault>,
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
    /// What was written from here on is dropped: it was written to find its faults.
    Truncate(usize),
}

/// The program of an expression while it is written.
#[derive(Default)]
struct Program<'t> {
    ops: Vec<ExprOp>,
    pending: Vec<Task<'t>>,
    junctions: Vec<Vec<usize>>,
}

impl<'t> Program<'t> {
    /// Writes `op` after its operands, the last of which comes first.
    fn apply(&mut self, op: ExprOp, operands: impl Iterator<Item = Term<'t>>) {
        self.pending.push(Task::Emit(op));
        self.pending.extend(operands.map(Task::Expression));
    }
}

impl<'v> Expressions<'v> {
    /// For a head that binds these variables to slots.
    pub(super) fn new(variables: &'v HashMap<u32, usize>, dialect: Dialect) -> Expressions<'v> {
        Expressions {
            variables,
            dialect,
            guard: false,
            faults: Vec::new(),
        }
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, text: impl Into<String>) {
        self.faults.push(Fault::new(text));
    }

    /// What was found; the programs are good when that is nothing.
    pub(super) fn faults(self) -> Vec<Fault> {
        self.faults
    }

    /// The program of the guards, each of which must be `true`.
    pub(super) fn guards(&mut self, list: Term<'_>) -> Vec<ExprOp> {
        self.guard = true;
        self.list(list, |_| Some(ExprOp::Require))
    }

    /// The program of the body: the last expression's value remains.
    pub(super) fn body(&mut self, list: Term<'_>) -> Vec<ExprOp> {
        self.guard = false;
        self.list(list, |is_last| (!is_last).then_some(ExprOp::Drop))
    }

    /// The expressions of a list; what follows each depends on whether it is the last.
    fn list<'t>(&mut self, list: Term<'t>, after: impl Fn(bool) -> Option<ExprOp>) -> Vec<ExprOp> {
        let mut program = Program::default();
        let mut rest = list;
        while let Some(cell) = rest.as_cons() {
            self.expression(cell.head(), &mut program);
            rest = cell.tail();
            program.ops.extend(after(rest.as_cons().is_none()));
        }
        if !rest.is_nil() {
            self.fault(if list.as_cons().is_some() {
                "Match expression is not a proper list."
            } else {
                "Match expression is not a list."
            });
        }
        program.ops
    }

    fn expression<'t>(&mut self, expression: Term<'t>, program: &mut Program<'t>) {
        program.pending.push(Task::Expression(expression));
        while let Some(task) = program.pending.pop() {
            match task {
                Task::Expression(term) => self.term(term, program),
                Task::Emit(op) => program.ops.push(op),
                Task::Truncate(length) => program.ops.truncate(length),
                Task::Circuit { until, junction } => {
                    program.junctions[junction].push(program.ops.len());
                    program.ops.push(ExprOp::ShortCircuit { until, target: 0 });
                }
                Task::End(junction) => {
                    let end = program.ops.len();
                    for &at in &program.junctions[junction] {
                        if let ExprOp::ShortCircuit { target, .. } = &mut program.ops[at] {
                            *target = end;
                        }
                    }
                }
            }
        }
    }

    fn term<'t>(&mut self, term: Term<'t>, program: &mut Program<'t>) {
        match term.kind() {
            Kind::Atom(well_known::WHOLE_OBJECT) => program.ops.push(ExprOp::Whole),
            Kind::Atom(well_known::ALL_VARIABLES) => program.ops.push(ExprOp::AllVariables),
            Kind::Atom(atom) => match variable(atom) {
                Some(number) => match self.variables.get(&number) {
                    Some(&slot) => program.ops.push(ExprOp::Variable(slot)),
                    None => self.fault(format!("Variable ${number} is unbound.")),
                },
                None => program.ops.push(ExprOp::Constant(constant(term))),
            },
            Kind::Cons(cell) => {
                program.pending.extend([
                    Task::Emit(ExprOp::Cons),
                    Task::Expression(cell.tail()),
                    Task::Expression(cell.head()),
                ]);
            }
            Kind::Map(found) => map(found, program),
            Kind::Tuple(tuple) => match tuple.elements() {
                [inner] if inner.as_tuple().is_some() => {
                    let elements = inner.as_tuple().map_or(&[][..], |inner| inner.elements());
                    program.apply(ExprOp::Tuple(elements.len()), elements.iter().copied());
                }
                [name, args @ ..] => {
                    match name.as_atom().filter(|&name| variable(name).is_none()) {
                        Some(name) => self.call(term, name, args, program),
                        None => self.no_call(term),
                    }
                }
                [] => self.no_call(term),
            },
            _ => program.ops.push(ExprOp::Constant(constant(term))),
        }
    }

    fn no_call(&mut self, term: Term<'_>) {
        self.fault(format!(
            "{} is neither a function call, nor a tuple (tuples are written {{{{ ... }}}}).",
            hooks::print(term)
        ));
    }

    fn call<'t>(
        &mut self,
        term: Term<'t>,
        name: Atom,
        args: &'t [Term<'t>],
        program: &mut Program<'t>,
    ) {
        match name {
            well_known::CONST => match args {
                &[value] => program.ops.push(ExprOp::Constant(constant(value))),
                _ => self.special(term, name, "more than one argument"),
            },
            well_known::AND | well_known::OR if !args.is_empty() => {
                let op = ExprOp::Junction {
                    and: name == well_known::AND,
                    count: args.len(),
                };
                program.apply(op, args.iter().copied());
            }
            well_known::ANDALSO | well_known::ORELSE if !args.is_empty() => {
                short_circuit(name == well_known::ORELSE, args, program);
            }
            _ if name == atom!("andthen") && !args.is_empty() => {
                short_circuit(false, args, program);
            }
            well_known::AND | well_known::OR | well_known::ANDALSO | well_known::ORELSE => {
                self.without_arguments(term, name);
            }
            _ if name == atom!("andthen") => self.without_arguments(term, well_known::ANDALSO),
            _ => match function(name, args.len(), self.dialect, self.guard) {
                Ok(Function::Own) => program.ops.push(ExprOp::Own),
                Ok(Function::Bif(bif)) => program.apply(ExprOp::Call(bif), args.iter().copied()),
                Ok(Function::Trace(op)) => {
                    program.apply(ExprOp::Trace(op, args.len()), args.iter().copied());
                }
                Err(TraceFault::Arguments(what)) => self.special(term, name, what),
                Err(TraceFault::Text(text)) => self.fault(text),
            },
        }
    }

    fn special(&mut self, term: Term<'_>, name: Atom, what: &str) {
        self.fault(format!(
            "Special form '{name}' called with {what} in {}.",
            hooks::print(term)
        ));
    }

    fn without_arguments(&mut self, term: Term<'_>, name: Atom) {
        self.fault(format!(
            "Special form '{name}' called without arguments in {}.",
            hooks::print(term)
        ));
    }
}

/// Each operand but the last decides whether the rest is evaluated; the last may be anything.
fn short_circuit<'t>(until: bool, args: &'t [Term<'t>], program: &mut Program<'t>) {
    let junction = program.junctions.len();
    program.junctions.push(Vec::new());
    program.pending.push(Task::End(junction));
    for (index, &arg) in args.iter().enumerate().rev() {
        program.pending.push(Task::Expression(arg));
        if index > 0 {
            program.pending.push(Task::Circuit { until, junction });
        }
    }
}

/// Small maps evaluate all values, then all keys.
fn map<'t>(found: Map<'t>, program: &mut Program<'t>) {
    let pairs: Vec<(Term<'t>, Term<'t>)> = map::iter(found).collect();
    let mark = program.ops.len();
    let keys = || pairs.iter().map(|&(key, _)| Task::Expression(key));
    let values = || pairs.iter().map(|&(_, value)| Task::Expression(value));
    program.pending.push(Task::Emit(ExprOp::Map(pairs.len())));
    if matches!(found.form(), MapForm::Flat { .. }) {
        program.pending.extend(keys());
        program.pending.extend(values());
        let constant = pairs.iter().all(|&(_, value)| is_constant(value));
        if constant && !pairs.iter().all(|&(key, _)| is_constant(key)) {
            program.pending.push(Task::Truncate(mark));
            program.pending.extend(keys());
        }
        return;
    }
    program.pending.extend(keys());
    program.pending.extend(values());
    // The last pair that is not constant is where the first try ends.
    let end = pairs
        .iter()
        .rposition(|&(key, value)| !is_constant(key) || !is_constant(value));
    if let Some(end) = end {
        program.pending.push(Task::Truncate(mark));
        for &(key, value) in &pairs[end..] {
            program
                .pending
                .extend([Task::Expression(value), Task::Expression(key)]);
        }
    }
}

/// Whether an expression has the same value for every object, without calling anything.
fn is_constant(expression: Term<'_>) -> bool {
    let mut pending = vec![expression];
    while let Some(term) = pending.pop() {
        match term.kind() {
            Kind::Atom(well_known::WHOLE_OBJECT | well_known::ALL_VARIABLES) => return false,
            Kind::Atom(atom) if variable(atom).is_some() => return false,
            Kind::Cons(cell) => pending.extend([cell.tail(), cell.head()]),
            Kind::Map(found) => {
                for (key, value) in map::iter(found) {
                    pending.extend([value, key]);
                }
            }
            Kind::Tuple(tuple) => match tuple.elements() {
                [inner] => match inner.as_tuple() {
                    Some(inner) => pending.extend(inner.elements()),
                    None => return false,
                },
                [name, _] if name.is_atom(well_known::CONST) => {}
                _ => return false,
            },
            _ => {}
        }
    }
    true
}
