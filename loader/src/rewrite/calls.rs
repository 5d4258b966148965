//! Calls, frames, exceptions and messages.

use vm::code::instr::{Const, Instr, Reg};

use super::{Imported, Rewriter, Rewritten, Source, address};
use crate::opcodes::GenericOp as G;
use crate::operand::Operand;

impl Rewriter<'_> {
    /// `at` is the operation's index.
    pub(super) fn calls(&mut self, at: usize) -> Rewritten {
        let args = self.op.args;
        let instruction = match (self.op.op, args) {
            (G::Call, [_, function]) => Instr::Call {
                target: self.jump(*function),
            },
            (G::CallLast, [_, function, words]) => Instr::CallLast {
                words: self.small_number(*words),
                target: self.jump(*function),
            },
            (G::CallOnly, [_, function]) => Instr::CallOnly {
                target: self.jump(*function),
            },
            (G::CallExt, [_, import]) => self.call_ext(*import),
            (G::CallExtLast, [_, import, words]) => {
                let words = self.small_number(*words);
                let call = self.call_ext_last(*import, words);
                if let Instr::CallBifLast { .. } = call {
                    self.emit(call);
                    Instr::DeallocateReturn { words }
                } else {
                    call
                }
            }
            (G::CallExtOnly, [_, import]) => {
                let call = self.call_ext_only(*import);
                if let Instr::CallBifOnly { .. } = call {
                    self.emit(call);
                    Instr::Return
                } else {
                    call
                }
            }
            (G::CallFun, [arity]) => Instr::CallFun {
                arity: self.small_number(*arity),
            },
            (G::CallFun2, [_, arity, fun]) => {
                self.call_fun(at, self.small_number(*arity), self.reg(*fun));
                return Ok(());
            }
            (G::Apply, [arity]) => Instr::Apply {
                arity: self.small_number(*arity),
            },
            (G::ApplyLast, [arity, words]) => Instr::ApplyLast {
                arity: self.small_number(*arity),
                words: self.small_number(*words),
            },
            (G::Return, _) => Instr::Return,
            (G::Deallocate, [words]) => Instr::Deallocate {
                words: self.small_number(*words),
            },
            (G::Trim, [words, _]) => match self.small_number(*words) {
                0 => return Ok(()),
                words => Instr::Trim { words },
            },
            (G::Allocate, [words, live]) => Instr::Allocate {
                words: self.small_number(*words),
                live: self.small_number(*live),
            },
            (G::AllocateHeap, [words, heap, live]) => Instr::AllocateHeap {
                words: self.small_number(*words),
                need: self.heap_words(*heap),
                live: self.small_number(*live),
            },
            (G::AllocateZero, [words, live]) => Instr::AllocateZero {
                words: self.small_number(*words),
                need: 0,
                live: self.small_number(*live),
            },
            (G::AllocateHeapZero, [words, heap, live]) => Instr::AllocateZero {
                words: self.small_number(*words),
                need: self.heap_words(*heap),
                live: self.small_number(*live),
            },
            (G::TestHeap, [heap, live]) => Instr::TestHeap {
                live: self.small_number(*live),
                need: self.heap_words(*heap),
            },
            (G::Init, [slot]) => Instr::InitY {
                reg: self.reg(*slot),
            },
            (G::InitYregs, [_, slots @ ..]) => self.init_slots(slots),
            (G::Jump, [target]) => Instr::Jump {
                target: self.jump(*target),
            },
            (G::Catch | G::Try, [slot, handler]) => Instr::Catch {
                slot: self.reg(*slot),
                handler: self.jump(*handler),
            },
            (G::CatchEnd, [slot]) => Instr::CatchEnd {
                slot: self.reg(*slot),
            },
            (G::TryEnd, [slot]) => Instr::TryEnd {
                slot: self.reg(*slot),
            },
            (G::TryCase, [slot]) => Instr::TryCase {
                slot: self.reg(*slot),
            },
            (G::TryCaseEnd, [value]) => Instr::TryCaseEnd {
                src: self.in_register(*value),
            },
            (G::Badmatch, [value]) => match self.source(*value) {
                Source::Reg(src) => Instr::Badmatch { src },
                Source::Const(word) => Instr::BadmatchC { value: Const(word) },
            },
            (G::CaseEnd, [value]) => match self.source(*value) {
                Source::Reg(src) => Instr::CaseEnd { src },
                Source::Const(word) => Instr::CaseEndC { value: Const(word) },
            },
            (G::IfEnd, _) => Instr::IfEnd,
            (G::Badrecord, [value]) => Instr::Badrecord {
                src: self.in_register(*value),
            },
            (G::Raise, [trace, value]) => Instr::Raise {
                trace: self.in_register(*trace),
                value: self.in_register(*value),
            },
            (G::RawRaise, _) => Instr::RawRaise,
            (G::BuildStacktrace, _) => Instr::BuildStacktrace,
            (G::Send, _) => Instr::Send,
            (G::LoopRec, [wait, _]) => Instr::LoopRec {
                fail: self.jump(*wait),
            },
            (G::LoopRecEnd, [again]) => Instr::LoopRecEnd {
                target: self.jump(*again),
            },
            (G::RemoveMessage, _) => Instr::RemoveMessage,
            (G::Timeout, _) => Instr::Timeout,
            (G::Wait, [again]) => Instr::Wait {
                target: self.jump(*again),
            },
            (G::WaitTimeout, [again, time]) => Instr::WaitTimeout {
                target: self.jump(*again),
                time: self.encoded(*time),
            },
            // The marks of OTP 23 and earlier only made receives faster.
            (G::RecvMark | G::RecvSet, _) => return Ok(()),
            (G::RecvMarkerReserve, [marker]) => Instr::RecvMarkerReserve {
                dst: self.reg(*marker),
            },
            (G::RecvMarkerBind, [marker, reference]) => Instr::RecvMarkerBind {
                marker: self.reg(*marker),
                reference: self.reg(*reference),
            },
            (G::RecvMarkerClear, [reference]) => Instr::RecvMarkerClear {
                reference: self.reg(*reference),
            },
            (G::RecvMarkerUse, [reference]) => Instr::RecvMarkerUse {
                reference: self.reg(*reference),
            },
            _ => return Err(self.unsupported()),
        };
        self.emit(instruction);
        Ok(())
    }

    fn imported(&self, import: Operand) -> Imported {
        self.context.imports[self.number(import) as usize]
    }

    fn call_ext(&self, import: Operand) -> Instr {
        let Imported {
            export,
            bif,
            is_apply,
            ..
        } = self.imported(import);
        match export.mfa.arity {
            3 if is_apply => return Instr::CallApplyArgs,
            2 if is_apply => return Instr::CallApplyFunArgs,
            _ => {}
        }
        let export = address(export);
        match bif {
            Some(_) => Instr::CallBif { export },
            None => Instr::CallExt { export },
        }
    }

    fn call_ext_last(&self, import: Operand, words: u16) -> Instr {
        let Imported {
            export,
            bif,
            is_apply,
            ..
        } = self.imported(import);
        match export.mfa.arity {
            3 if is_apply => return Instr::ApplyArgsLast { words },
            2 if is_apply => return Instr::ApplyFunArgsLast { words },
            _ => {}
        }
        let export = address(export);
        match bif {
            Some(_) => Instr::CallBifLast { words, export },
            None => Instr::CallExtLast { words, export },
        }
    }

    fn call_ext_only(&self, import: Operand) -> Instr {
        let Imported {
            export,
            bif,
            is_apply,
            ..
        } = self.imported(import);
        match export.mfa.arity {
            3 if is_apply => return Instr::ApplyArgs,
            2 if is_apply => return Instr::ApplyFunArgs,
            _ => {}
        }
        let export = address(export);
        match bif {
            Some(_) => Instr::CallBifOnly { export },
            None => Instr::CallExtOnly { export },
        }
    }

    /// A call of the fun in any register. As a last call it must not leave a frame behind, so it is then
    /// made one with the fun in its usual place, which fuses with what follows.
    fn call_fun(&mut self, at: usize, arity: u16, fun: Reg) {
        let usual = Reg::x(arity);
        let code = self.context.file.code();
        let is_last = at + 2 < code.len()
            && code.op(at + 1).op == G::Deallocate
            && code.op(at + 2).op == G::Return;
        if fun == usual {
            self.emit(Instr::CallFun { arity });
        } else if is_last {
            self.emit(Instr::Move {
                src: fun,
                dst: usual,
            });
            self.emit(Instr::CallFun { arity });
        } else {
            self.emit(Instr::CallFunReg { arity, fun });
        }
    }

    fn init_slots(&mut self, slots: &[Operand]) -> Instr {
        match *slots {
            [slot] => Instr::InitY {
                reg: self.reg(slot),
            },
            [a, b] => Instr::InitY2 {
                a: self.reg(a),
                b: self.reg(b),
            },
            _ => {
                let table = self.table();
                self.push(slots.len() as u64);
                for slot in slots {
                    self.push(self.reg(*slot).0.into());
                }
                Instr::InitYs { table }
            }
        }
    }
}
