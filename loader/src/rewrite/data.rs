//! Moves, lists, tuples, funs and maps.

use vm::code::instr::{Const, Instr, Operand as Encoded, Reg};
use vm::term::Term;
use vm::term::word::{self, Word};

use super::{Rewriter, Rewritten, Source, address};
use crate::opcodes::GenericOp as G;
use crate::operand::Operand;

impl Rewriter<'_> {
    pub(super) fn data(&mut self) -> Rewritten {
        let args = self.op.args;
        let instruction = match (self.op.op, args) {
            (G::Move, [source, destination]) => {
                let dst = self.reg(*destination);
                match self.source(*source) {
                    Source::Reg(src) if src == dst => return Ok(()),
                    Source::Reg(src) => Instr::Move { src, dst },
                    Source::Const(word) => Instr::MoveC {
                        dst,
                        value: Const(word),
                    },
                }
            }
            (G::Swap, [a, b]) => Instr::Swap {
                a: self.reg(*a),
                b: self.reg(*b),
            },
            (G::GetList, [source, head, tail]) => Instr::GetList {
                src: self.reg(*source),
                head: self.reg(*head),
                tail: self.reg(*tail),
            },
            (G::GetHd, [source, head]) => Instr::GetHd {
                src: self.reg(*source),
                dst: self.reg(*head),
            },
            (G::GetTl, [source, tail]) => Instr::GetTl {
                src: self.reg(*source),
                dst: self.reg(*tail),
            },
            (G::GetTupleElement, [source, element, destination]) => Instr::GetTupleElement {
                src: self.reg(*source),
                dst: self.reg(*destination),
                index: self.number(*element) as u32,
            },
            (G::SetTupleElement, [value, tuple, element]) => {
                let (tuple, index) = (self.reg(*tuple), self.number(*element) as u32);
                match self.source(*value) {
                    Source::Reg(value) => Instr::SetTupleElement {
                        tuple,
                        value,
                        index,
                    },
                    Source::Const(word) => Instr::SetTupleElementC {
                        tuple,
                        index,
                        value: Const(word),
                    },
                }
            }
            (G::PutList, [head, tail, destination]) => {
                self.put_list(*head, *tail, self.reg(*destination))
            }
            (G::PutTuple2, [destination, _, elements @ ..]) => {
                self.put_tuple(self.reg(*destination), elements)
            }
            (G::UpdateRecord, [_, size, source, destination, _, updates @ ..]) => {
                let src = self.in_register(*source);
                let table = self.table();
                self.push(self.number(*size));
                self.push(updates.len() as u64);
                for pair in updates.chunks_exact(2) {
                    self.push(self.number(pair[0]));
                    self.push(self.encoded(pair[1]));
                }
                Instr::UpdateTuple {
                    src,
                    dst: self.reg(*destination),
                    table,
                }
            }
            (G::MakeFun2, [lambda]) => {
                let free = self.context.file.lambdas()[self.number(*lambda) as usize].num_free;
                let env: Vec<_> = (0..u16::from(free)).map(Operand::X).collect();
                self.emit(Instr::TestHeap {
                    live: free.into(),
                    need: 3 + u32::from(free),
                });
                self.make_fun(*lambda, Reg::x(0), &env)
            }
            (G::MakeFun3, [lambda, destination, _, env @ ..]) => {
                self.make_fun(*lambda, self.reg(*destination), env)
            }
            (G::PutMapAssoc, [_, source, destination, live, _, pairs @ ..])
                if let Some(pairs) = self.new_map(*source, pairs) =>
            {
                let table = self.table();
                self.push(self.number(*live));
                self.push(pairs.len() as u64);
                for (key, value) in pairs {
                    self.push(key);
                    self.push(value);
                }
                Instr::NewMap {
                    dst: self.reg(*destination),
                    table,
                }
            }
            (G::PutMapAssoc | G::PutMapExact, [fail, source, destination, live, _, pairs @ ..]) => {
                let table = self.table();
                self.push(self.encoded(*source));
                self.push(self.number(*live));
                self.push(pairs.len() as u64);
                for operand in pairs {
                    self.push(self.encoded(*operand));
                }
                let (dst, fail) = (self.reg(*destination), self.jump(*fail));
                if self.op.op == G::PutMapAssoc {
                    Instr::PutMapAssoc { dst, fail, table }
                } else {
                    Instr::PutMapExact { dst, fail, table }
                }
            }
            (G::HasMapFields, [fail, source, _, keys @ ..]) => {
                let src = self.in_register(*source);
                let table = self.table();
                self.push(keys.len() as u64);
                for key in keys {
                    self.push(self.encoded(*key));
                }
                Instr::HasMapFields {
                    src,
                    fail: self.jump(*fail),
                    table,
                }
            }
            (G::GetMapElements, [fail, source, _, pairs @ ..]) => {
                let (src, fail) = (self.in_register(*source), self.jump(*fail));
                if let &[key, destination] = pairs
                    && let Source::Reg(key) = self.source(key)
                {
                    Instr::GetMapElement {
                        src,
                        fail,
                        key,
                        dst: self.reg(destination),
                    }
                } else {
                    let table = self.table();
                    self.push(pairs.len() as u64);
                    for pair in pairs.chunks_exact(2) {
                        self.push(self.encoded(pair[0]));
                        self.push(self.reg(pair[1]).0.into());
                    }
                    Instr::GetMapElements { src, fail, table }
                }
            }
            _ => return Err(self.unsupported()),
        };
        self.emit(instruction);
        Ok(())
    }

    /// All keys of a literal map that is given more with constant keys, in their order, and the encoded values;
    /// none if the source is no literal, a key is a variable or occurs twice, or there are too many.
    fn new_map(&self, source: Operand, pairs: &[Operand]) -> Option<Vec<(Word, Word)>> {
        let given = self.term(source)?.as_map()?;
        if given.len() + pairs.len() / 2 > vm::map::FLAT_LIMIT {
            return None;
        }
        let mut sorted = Vec::with_capacity(given.len() + pairs.len() / 2);
        for pair in pairs.chunks_exact(2) {
            sorted.push((self.term(pair[0])?, self.encoded(pair[1])));
        }
        let is_new = |key: Term<'_>| sorted.iter().all(|pair| !pair.0.exactly_equals(key));
        let rest: Vec<_> = vm::map::iter(given).filter(|pair| is_new(pair.0)).collect();
        // Whatever stands in a table must be a literal of its own, or no address.
        if rest
            .iter()
            .any(|(key, value)| !key.is_immediate() || !value.is_immediate())
        {
            return None;
        }
        sorted.extend(rest.into_iter().map(|(key, value)| (key, value.word())));
        sorted.sort_by(|(a, _), (b, _)| a.compare_keys(*b));
        let distinct = sorted
            .windows(2)
            .all(|pair| pair[0].0.compare_keys(pair[1].0).is_lt());
        distinct.then(|| {
            let word = |(key, value): (Term<'_>, Word)| (key.word(), value);
            sorted.into_iter().map(word).collect()
        })
    }

    /// A constant as a term, if it is an atom, a small integer or a literal.
    fn term(&self, operand: Operand) -> Option<Term<'_>> {
        match operand {
            Operand::Integer(value) => Term::small(value),
            Operand::Atom(atom) => Some(Term::atom(self.context.atoms[atom.0 as usize])),
            Operand::Literal(literal) => Some(self.literal(literal)),
            _ => None,
        }
    }

    fn put_list(&mut self, head: Operand, tail: Operand, dst: Reg) -> Instr {
        match (self.source(head), self.source(tail)) {
            (Source::Reg(head), Source::Reg(tail)) => Instr::PutList { head, tail, dst },
            (Source::Const(head), Source::Reg(tail)) => Instr::PutListCR {
                tail,
                dst,
                head: Const(head),
            },
            (Source::Reg(head), Source::Const(tail)) => Instr::PutListRC {
                head,
                dst,
                tail: Const(tail),
            },
            (Source::Const(head), Source::Const(tail)) => Instr::PutListRC {
                head: self.load(head),
                dst,
                tail: Const(tail),
            },
        }
    }

    fn put_tuple(&mut self, dst: Reg, elements: &[Operand]) -> Instr {
        let source = |index: usize| elements.get(index).map(|element| self.source(*element));
        match (elements.len(), source(0), source(1), source(2)) {
            (2, Some(Source::Reg(a)), Some(Source::Reg(b)), _) => Instr::PutTuple2 { dst, a, b },
            (3, Some(Source::Reg(a)), Some(Source::Reg(b)), Some(Source::Reg(c))) => {
                Instr::PutTuple3 { dst, a, b, c }
            }
            (2, Some(Source::Const(tag)), Some(Source::Reg(a)), _) => Instr::PutTagged2 {
                dst,
                a,
                tag: Const(tag),
            },
            (3, Some(Source::Const(tag)), Some(Source::Reg(a)), Some(Source::Reg(b))) => {
                Instr::PutTagged3 {
                    dst,
                    a,
                    b,
                    tag: Const(tag),
                }
            }
            _ => {
                let table = self.table();
                self.push(elements.len() as u64);
                for element in elements {
                    self.push(self.encoded(*element));
                }
                Instr::PutTuple { dst, table }
            }
        }
    }

    fn make_fun(&mut self, lambda: Operand, dst: Reg, env: &[Operand]) -> Instr {
        let table = self.table();
        self.push(address(self.context.funs[self.number(lambda) as usize]));
        self.push(env.len() as u64);
        for value in env {
            self.push(self.encoded(*value));
        }
        Instr::MakeFun { dst, table }
    }
}

const _: () = {
    // A table tells registers from constants by the tag of a header, which no term has.
    assert!(word::is_header(Encoded::Reg(Reg::y(3)).encode()));
};
