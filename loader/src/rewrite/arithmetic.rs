//! Operators, guard BIFs and floats.

use vm::code::export::Mfa;
use vm::code::instr::{IN_PLACE, Instr, Jump, NOT_LIVE, Reg};
use vm::term::Kind;
use vm::term::word::{self, Word};

use super::{Imported, Rewriter, Rewritten, Source, address};
use crate::opcodes::GenericOp as G;
use crate::operand::Operand;

/// The guard functions that have instructions of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Guard {
    Plus,
    Minus,
    Times,
    Div,
    Rem,
    Band,
    Bor,
    Bxor,
    Bsl,
    Bsr,
    UnaryPlus,
    SelfPid,
    Hd,
    Tl,
    Element,
    TupleSize,
    Length,
    ByteSize,
    MapSize,
    MapGet,
    IsMapKey,
    /// A comparison by its number in `BifCompare`, and whether the operands are exchanged.
    Compare(u16, bool),
    /// Any other, called as a BIF.
    Other,
}

impl Guard {
    pub fn of(mfa: Mfa) -> Guard {
        if mfa.module != vm::atom::well_known::ERLANG {
            return Guard::Other;
        }
        match (mfa.function.name(), mfa.arity) {
            ("+", 2) => Guard::Plus,
            ("-", 2) => Guard::Minus,
            ("*", 2) => Guard::Times,
            ("div", 2) => Guard::Div,
            ("rem", 2) => Guard::Rem,
            ("band", 2) => Guard::Band,
            ("bor", 2) => Guard::Bor,
            ("bxor", 2) => Guard::Bxor,
            ("bsl", 2) => Guard::Bsl,
            ("bsr", 2) => Guard::Bsr,
            ("+", 1) => Guard::UnaryPlus,
            ("self", 0) => Guard::SelfPid,
            ("hd", 1) => Guard::Hd,
            ("tl", 1) => Guard::Tl,
            ("element", 2) => Guard::Element,
            ("tuple_size", 1) => Guard::TupleSize,
            ("length", 1) => Guard::Length,
            ("byte_size", 1) => Guard::ByteSize,
            ("map_size", 1) => Guard::MapSize,
            ("map_get", 2) => Guard::MapGet,
            ("is_map_key", 2) => Guard::IsMapKey,
            ("=:=", 2) => Guard::Compare(0, false),
            ("=/=", 2) => Guard::Compare(1, false),
            ("==", 2) => Guard::Compare(2, false),
            ("/=", 2) => Guard::Compare(3, false),
            ("<", 2) => Guard::Compare(4, false),
            (">=", 2) => Guard::Compare(5, false),
            (">", 2) => Guard::Compare(4, true),
            ("=<", 2) => Guard::Compare(5, true),
            _ => Guard::Other,
        }
    }
}

/// The least integer that takes no memory in the stock VM.
const STOCK_LEAST: i64 = -(1 << 59);

/// A call of a guard function.
struct GuardCall {
    fail: Jump,
    live: u64,
    imported: Imported,
    dst: Reg,
}

impl Rewriter<'_> {
    pub(super) fn arithmetic(&mut self) -> Rewritten {
        let args = self.op.args;
        match (self.op.op, args) {
            (G::Bif0, [import, destination]) => {
                self.guard(Operand::NoLabel, NOT_LIVE, *import, &[], *destination)
            }
            (G::Bif1 | G::Bif2 | G::Bif3, [fail, import, sources @ .., destination]) => {
                self.guard(*fail, NOT_LIVE, *import, sources, *destination)
            }
            (
                G::GcBif1 | G::GcBif2 | G::GcBif3,
                [fail, live, import, sources @ .., destination],
            ) => self.guard(*fail, self.number(*live), *import, sources, *destination),
            _ => self.floats(),
        }
    }

    fn guard(
        &mut self,
        fail: Operand,
        live: u64,
        import: Operand,
        sources: &[Operand],
        destination: Operand,
    ) -> Rewritten {
        let imported = self.context.imports[self.number(import) as usize];
        let call = GuardCall {
            fail: self.jump(fail),
            live,
            imported,
            dst: self.reg(destination),
        };
        let instruction = match *sources {
            [] if imported.guard == Guard::SelfPid => Some(Instr::SelfPid { dst: call.dst }),
            [source] => self.guard_1(&call, source),
            [left, right] => self.guard_2(&call, left, right),
            _ => None,
        };
        let instruction = match instruction {
            Some(instruction) => instruction,
            None => {
                let bif = imported
                    .bif
                    .ok_or_else(|| self.bad("there is no such guard function"))?;
                let table = self.table();
                self.push(address(bif));
                self.push(call.live);
                self.push(sources.len() as u64);
                for source in sources {
                    self.push(self.encoded(*source));
                }
                Instr::GuardBif {
                    dst: call.dst,
                    fail: call.fail,
                    table,
                }
            }
        };
        self.emit(instruction);
        Ok(())
    }

    fn guard_1(&mut self, call: &GuardCall, source: Operand) -> Option<Instr> {
        let (fail, dst, live) = (call.fail, call.dst, call.live as u16);
        // Those that may collect are only written as `gc_bif`, where `live` is known.
        let collects = call.live != NOT_LIVE;
        let guard = call.imported.guard;
        let is_known = match guard {
            Guard::Hd | Guard::Tl | Guard::TupleSize => true,
            Guard::UnaryPlus | Guard::Length | Guard::ByteSize | Guard::MapSize => collects,
            _ => false,
        };
        if !is_known {
            return None;
        }
        if guard == Guard::UnaryPlus && call.fail.0 == 0 && !source.is_register() {
            // As in the stock VM this is an addition, which is in the trace when it fails.
            return self.operator(Guard::Plus, call, source, Operand::Integer(0));
        }
        let src = self.in_register(source);
        Some(match guard {
            Guard::Hd => Instr::BifHd { src, fail, dst },
            Guard::Tl => Instr::BifTl { src, fail, dst },
            Guard::TupleSize => Instr::BifTupleSize { src, fail, dst },
            Guard::UnaryPlus => Instr::AddC {
                a: src,
                fail,
                dst,
                live,
                word: 0,
            },
            Guard::Length => Instr::BifLength {
                src,
                fail,
                dst,
                live,
            },
            Guard::ByteSize => Instr::BifByteSize {
                src,
                fail,
                dst,
                live,
            },
            _ => Instr::BifMapSize {
                src,
                fail,
                dst,
                live,
            },
        })
    }

    fn guard_2(&mut self, call: &GuardCall, left: Operand, right: Operand) -> Option<Instr> {
        let (fail, dst) = (call.fail, call.dst);
        match call.imported.guard {
            Guard::Element => {
                let src = self.in_register(right);
                Some(match left {
                    Operand::Integer(index @ 1..=0xffff) => Instr::BifElementC {
                        src,
                        fail,
                        dst,
                        index: index as u16,
                    },
                    _ => Instr::BifElement {
                        index: self.in_register(left),
                        fail,
                        src,
                        dst,
                    },
                })
            }
            Guard::MapGet => {
                let (key, map) = (self.in_register(left), self.in_register(right));
                Some(Instr::BifMapGet {
                    key,
                    fail,
                    map,
                    dst,
                })
            }
            Guard::IsMapKey => {
                let (key, map) = (self.in_register(left), self.in_register(right));
                Some(Instr::BifIsMapKey {
                    key,
                    fail,
                    map,
                    dst,
                })
            }
            Guard::Compare(op, exchanged) => {
                let (a, b) = (self.in_register(left), self.in_register(right));
                let (a, b) = if exchanged { (b, a) } else { (a, b) };
                Some(Instr::BifCompare { a, b, dst, op })
            }
            _ if call.live == NOT_LIVE => None,
            guard => self.operator(guard, call, left, right),
        }
    }

    /// Whether an operand is an integer that takes no memory in the stock VM.
    fn is_stock_small(&self, operand: Operand) -> bool {
        match self.source(operand) {
            Source::Const(word) => {
                word::is_small(word)
                    && (STOCK_LEAST..-STOCK_LEAST).contains(&word::small_value(word))
            }
            _ => false,
        }
    }

    fn operator(
        &mut self,
        guard: Guard,
        call: &GuardCall,
        left: Operand,
        right: Operand,
    ) -> Option<Instr> {
        use Guard::*;
        let (fail, dst, live) = (call.fail, call.dst, call.live as u16);
        if !matches!(
            guard,
            Plus | Minus | Times | Div | Rem | Band | Bor | Bxor | Bsl | Bsr
        ) {
            return None;
        }
        // In a guard nobody sees the order of operands that commute, nor where the operator is not in the trace.
        let adds_in_place = guard == Plus && self.is_stock_small(left) && right.is_register();
        let commutes = (fail.0 != 0 && matches!(guard, Plus | Times | Band)) || adds_in_place;
        let (left, right) = if commutes && !left.is_register() {
            (right, left)
        } else {
            (left, right)
        };
        let a = self.in_register(left);
        // The stock VM adds in place to registers only, and only then leaves the operator out of the trace.
        let in_place = left.is_register() || fail.0 != 0 || !matches!(guard, Plus | Minus);
        if let Source::Const(word) = self.source(right)
            && let Some(word) = small_word(word)
            && in_place
        {
            let fused = match guard {
                Plus => Some(Instr::AddC {
                    a,
                    fail,
                    dst,
                    live,
                    word,
                }),
                Minus => Some(Instr::SubC {
                    a,
                    fail,
                    dst,
                    live,
                    word,
                }),
                _ => None,
            };
            if fused.is_some() {
                return fused;
            }
        }
        if let Source::Const(word) = self.source(right)
            && let Some(value) = small_constant(word)
            && in_place
        {
            let fused = match (guard, value) {
                (Times, _) => Some(Instr::MulC {
                    a,
                    fail,
                    dst,
                    live,
                    value,
                }),
                (Div, ..-1 | 1..) => Some(Instr::IntDivC {
                    a,
                    fail,
                    dst,
                    live,
                    value,
                }),
                (Rem, ..-1 | 1..) => Some(Instr::RemC {
                    a,
                    fail,
                    dst,
                    live,
                    value,
                }),
                (Band, _) => Some(Instr::BandC {
                    a,
                    fail,
                    dst,
                    live,
                    value,
                }),
                (Bsl, 0..60) => Some(Instr::BslC {
                    a,
                    fail,
                    dst,
                    live,
                    value,
                }),
                (Bsr, 0..64) => Some(Instr::BsrC {
                    a,
                    fail,
                    dst,
                    live,
                    value,
                }),
                _ => None,
            };
            if fused.is_some() {
                return fused;
            }
        }
        let is_small = match guard {
            Plus => self.is_stock_small(right),
            // It adds the negation.
            Minus => self.is_stock_small(right) && !matches!(right, Operand::Integer(STOCK_LEAST)),
            _ => false,
        };
        let live = if is_small && in_place && fail.0 == 0 {
            live | IN_PLACE
        } else {
            live
        };
        let b = self.in_register(right);
        Some(match guard {
            Plus => Instr::Add {
                a,
                fail,
                b,
                dst,
                live,
            },
            Minus => Instr::Sub {
                a,
                fail,
                b,
                dst,
                live,
            },
            Times => Instr::Mul {
                a,
                fail,
                b,
                dst,
                live,
            },
            Div => Instr::IntDiv {
                a,
                fail,
                b,
                dst,
                live,
            },
            Rem => Instr::Rem {
                a,
                fail,
                b,
                dst,
                live,
            },
            Band => Instr::Band {
                a,
                fail,
                b,
                dst,
                live,
            },
            Bor => Instr::Bor {
                a,
                fail,
                b,
                dst,
                live,
            },
            Bxor => Instr::Bxor {
                a,
                fail,
                b,
                dst,
                live,
            },
            Bsl => Instr::Bsl {
                a,
                fail,
                b,
                dst,
                live,
            },
            _ => Instr::Bsr {
                a,
                fail,
                b,
                dst,
                live,
            },
        })
    }

    fn floats(&mut self) -> Rewritten {
        let args = self.op.args;
        let float = |operand: Operand| match operand {
            Operand::Float(index) => index,
            _ => 0,
        };
        let instruction = match (self.op.op, args) {
            // Both did nothing of use since OTP 21.
            (G::Fclearerror | G::Fcheckerror, _) => return Ok(()),
            (G::Fmove, &[Operand::Float(src), destination]) => Instr::FloatStore {
                src,
                dst: self.reg(destination),
            },
            (G::Fmove, &[source, Operand::Float(dst)]) => match self.source(source) {
                Source::Reg(src) => Instr::FloatLoad { src, dst },
                Source::Const(word) => match self.float_constant(source, word) {
                    Some(value) => Instr::FloatLoadC {
                        dst,
                        value: value.to_bits(),
                    },
                    None => return Err(self.bad("not a float")),
                },
            },
            (G::Fconv, &[source, Operand::Float(dst)]) => match self.source(source) {
                Source::Reg(src) => Instr::FloatConvert { src, dst },
                Source::Const(word) => match self.float_constant(source, word) {
                    Some(value) => Instr::FloatLoadC {
                        dst,
                        value: value.to_bits(),
                    },
                    None => Instr::FloatConvert {
                        src: self.load(word),
                        dst,
                    },
                },
            },
            (G::Fnegate, [_, source, dst]) => Instr::FloatNegate {
                src: float(*source),
                dst: float(*dst),
            },
            (op, [_, left, right, dst]) => {
                let (a, b, dst) = (float(*left), float(*right), float(*dst));
                match op {
                    G::Fadd => Instr::FloatAdd { a, b, dst },
                    G::Fsub => Instr::FloatSub { a, b, dst },
                    G::Fmul => Instr::FloatMul { a, b, dst },
                    G::Fdiv => Instr::FloatDiv { a, b, dst },
                    _ => return Err(self.unsupported()),
                }
            }
            _ => return Err(self.unsupported()),
        };
        self.emit(instruction);
        Ok(())
    }

    /// The value of a constant that is a float or a small integer.
    fn float_constant(&self, operand: Operand, word: Word) -> Option<f64> {
        if word::is_small(word) {
            return Some(word::small_value(word) as f64);
        }
        match operand {
            Operand::Literal(literal) => match self.literal(literal).kind() {
                Kind::Float(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A small integer that fits an instruction.
/// The word of a small integer, where it is one that fits.
fn small_word(word: Word) -> Option<i32> {
    word::is_small(word)
        .then(|| i32::try_from(word as i64).ok())
        .flatten()
}

/// The value of a small integer, where it is one that fits.
fn small_constant(word: Word) -> Option<i32> {
    word::is_small(word)
        .then(|| i32::try_from(word::small_value(word)).ok())
        .flatten()
}
