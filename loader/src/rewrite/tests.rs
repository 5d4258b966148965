//! Comparisons, type tests and selects.

use vm::code::instr::{Const, Instr, Jump, Reg, Table};
use vm::term::word::{self, Word};

use super::{Rewriter, Rewritten, Source, is_immediate};
use crate::opcodes::GenericOp as G;
use crate::operand::Operand;

/// Up to so many values are tried in turn, not searched for.
const FEW: usize = 3;

impl Rewriter<'_> {
    pub(super) fn tests(&mut self) -> Rewritten {
        let args = self.op.args;
        match (self.op.op, args) {
            (
                G::IsLt | G::IsGe | G::IsEq | G::IsNe | G::IsEqExact | G::IsNeExact,
                [fail, left, right],
            ) => {
                self.comparison(self.jump(*fail), *left, *right);
            }
            (G::SelectVal, [source, fail, _, choices @ ..]) => {
                let src = self.in_register(*source);
                self.select_value(src, self.jump(*fail), choices);
            }
            (G::SelectTupleArity, [source, fail, _, choices @ ..]) => {
                let choices: Vec<_> = choices
                    .chunks_exact(2)
                    .map(|pair| (self.number(pair[0]), self.jump(pair[1])))
                    .collect();
                let table = self.choices(&choices);
                self.emit(Instr::SelectArity {
                    src: self.reg(*source),
                    fail: self.jump(*fail),
                    table,
                });
            }
            (_, [fail, source, rest @ ..]) => {
                let src = self.in_register(*source);
                self.type_test(self.jump(*fail), src, rest)?;
            }
            _ => return Err(self.unsupported()),
        }
        Ok(())
    }

    fn comparison(&mut self, fail: Jump, left: Operand, right: Operand) {
        use Source::{Const as C, Reg as R};
        let op = self.op.op;
        let is_symmetric = !matches!(op, G::IsLt | G::IsGe);
        let (left, right) = match (self.source(left), self.source(right)) {
            (C(left), right @ C(_)) => (R(self.load(left)), right),
            (left @ C(_), right) if is_symmetric => (right, left),
            sources => sources,
        };
        let instruction = match (op, left, right) {
            (G::IsLt, R(a), R(b)) => Instr::IsLt { a, fail, b },
            (G::IsLt, R(a), C(value)) => Instr::IsLtRC {
                a,
                fail,
                value: Const(value),
            },
            (G::IsLt, C(value), R(b)) => Instr::IsLtCR {
                b,
                fail,
                value: Const(value),
            },
            (G::IsGe, R(a), R(b)) => Instr::IsGe { a, fail, b },
            (G::IsGe, R(a), C(value)) => Instr::IsGeRC {
                a,
                fail,
                value: Const(value),
            },
            (G::IsGe, C(value), R(b)) => Instr::IsGeCR {
                b,
                fail,
                value: Const(value),
            },
            (G::IsEq, R(a), R(b)) => Instr::IsEq { a, fail, b },
            (G::IsEq, R(a), C(value)) => Instr::IsEqC {
                a,
                fail,
                value: Const(value),
            },
            (G::IsNe, R(a), R(b)) => Instr::IsNe { a, fail, b },
            (G::IsNe, R(a), C(value)) => Instr::IsNeC {
                a,
                fail,
                value: Const(value),
            },
            (G::IsEqExact, R(a), R(b)) => Instr::IsEqExact { a, fail, b },
            (G::IsEqExact, R(a), C(value)) if is_immediate(value) => Instr::IsEqExactImm {
                a,
                fail,
                value: Const(value),
            },
            (G::IsEqExact, R(a), C(value)) => Instr::IsEqExactC {
                a,
                fail,
                value: Const(value),
            },
            (_, R(a), R(b)) => Instr::IsNeExact { a, fail, b },
            (_, R(a), C(value)) if is_immediate(value) => Instr::IsNeExactImm {
                a,
                fail,
                value: Const(value),
            },
            (_, R(a), C(value)) => Instr::IsNeExactC {
                a,
                fail,
                value: Const(value),
            },
            (_, C(_), _) => {
                unreachable!("a constant on the left of a symmetric comparison was exchanged")
            }
        };
        self.emit(instruction);
    }

    fn type_test(&mut self, fail: Jump, src: Reg, rest: &[Operand]) -> Rewritten {
        let instruction = match (self.op.op, rest) {
            (G::IsInteger, _) => Instr::IsInteger { src, fail },
            (G::IsFloat, _) => Instr::IsFloat { src, fail },
            (G::IsNumber, _) => Instr::IsNumber { src, fail },
            (G::IsAtom, _) => Instr::IsAtom { src, fail },
            (G::IsBoolean, _) => Instr::IsBoolean { src, fail },
            (G::IsPid, _) => Instr::IsPid { src, fail },
            (G::IsPort, _) => Instr::IsPort { src, fail },
            (G::IsReference, _) => Instr::IsReference { src, fail },
            (G::IsBinary, _) => Instr::IsBinary { src, fail },
            (G::IsBitstr, _) => Instr::IsBitstr { src, fail },
            (G::IsNil, _) => Instr::IsNil { src, fail },
            (G::IsList, _) => Instr::IsList { src, fail },
            (G::IsNonemptyList, _) => Instr::IsNonemptyList { src, fail },
            (G::IsTuple, _) => Instr::IsTuple { src, fail },
            (G::TestArity, [arity]) => Instr::TestArity {
                src,
                fail,
                arity: self.number(*arity) as u32,
            },
            (G::IsTaggedTuple, [arity, Operand::Atom(tag)]) => Instr::IsTaggedTuple {
                src,
                fail,
                arity: self.number(*arity) as u32,
                tag: self.context.atoms[tag.0 as usize].index(),
            },
            (G::IsMap, _) => Instr::IsMap { src, fail },
            (G::IsFunction, _) => Instr::IsFunction { src, fail },
            (G::IsFunction2, [Operand::Integer(arity @ 0..=255)]) => Instr::IsFunctionOfC {
                src,
                fail,
                arity: *arity as u32,
            },
            (G::IsFunction2, [arity]) => Instr::IsFunctionOf {
                src,
                fail,
                arity: self.in_register(*arity),
            },
            _ => return Err(self.unsupported()),
        };
        self.emit(instruction);
        Ok(())
    }

    fn select_value(&mut self, src: Reg, fail: Jump, choices: &[Operand]) {
        let mut choices: Vec<(Word, Jump)> = choices
            .chunks_exact(2)
            .map(|pair| (self.constant(pair[0]), self.jump(pair[1])))
            .collect();
        if !choices.iter().all(|(value, _)| is_immediate(*value)) {
            let table = self.choices(&choices);
            self.emit(Instr::SelectTerm { src, fail, table });
            return;
        }
        if choices.is_empty() {
            self.emit(Instr::Jump { target: fail });
        } else if choices.len() <= FEW {
            let table = self.choices(&choices);
            self.emit(Instr::SelectImmFew { src, fail, table });
        } else {
            // Of equal values the first counts.
            choices.sort_by_key(|(value, _)| *value);
            choices.dedup_by_key(|(value, _)| *value);
            let instruction = match self.range(&choices) {
                Some(table) => Instr::SelectRange { src, fail, table },
                None => Instr::SelectImm {
                    src,
                    fail,
                    table: self.choices(&choices),
                },
            };
            self.emit(instruction);
        }
    }

    /// Values, then jumps.
    fn choices(&mut self, choices: &[(Word, Jump)]) -> Table {
        let table = self.table();
        self.push(choices.len() as u64);
        self.draft
            .data
            .extend(choices.iter().map(|(value, _)| value));
        self.draft
            .data
            .extend(choices.iter().map(|(_, jump)| jump.0 as Word));
        table
    }

    /// A table indexed by the value, where all are small integers and at least half of the places are used.
    fn range(&mut self, choices: &[(Word, Jump)]) -> Option<Table> {
        if !choices.iter().all(|(value, _)| word::is_small(*value)) {
            return None;
        }
        let values = || choices.iter().map(|(value, _)| word::small_value(*value));
        let (min, max) = (values().min()?, values().max()?);
        let span = max.abs_diff(min) as usize + 1;
        if span > choices.len() * 2 {
            return None;
        }
        let table = self.table();
        self.push(min as Word);
        self.push(span as Word);
        let first = self.draft.data.len();
        self.draft.data.resize(first + span, 0);
        for (value, jump) in choices {
            let place = word::small_value(*value).abs_diff(min) as usize;
            self.draft.data[first + place] = jump.0 as Word;
        }
        Some(table)
    }
}
