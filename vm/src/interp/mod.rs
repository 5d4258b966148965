//! The interpreter: runs one process until it gives way, waits or ends.
//!
//! [`run`] holds the machine's state in local variables (`ip`, `x`, `e`, `hp`, `reds`) and writes them back
//! to the process before anything else may look ([`sync!`]). What is not on the fast path of an instruction
//! stands in the neighbours: [`exceptions`], [`calls`], [`arith`], [`maps`], [`bits`].
//!
//! Frames: `call` pushes the return address, `allocate n` makes room for n slots below it, so that y0 is
//! `e[0]` and the return address `e[n]`. At least [`STACK_SLACK`] words stay free between heap and stack, so
//! a call can push without a check; every function that calls in a body checks when it makes its frame.
//!
//! Reductions are charged at calls; a process out of them gives way at the callee's entry, where exactly
//! the arguments are alive.

pub mod arith;
pub mod bits;
pub mod calls;
pub mod exceptions;
pub mod maps;
pub mod registers;

pub use registers::Registers;

use crate::bif::{BifEntry, Call, Stop, Trap};
use crate::code::instr::{Jump, NOT_LIVE, Operand, Reg, Register};
use crate::code::{Export, Instr};
use crate::process::receive::TimeLimit;
use crate::process::{Outcome, Process, Runner};
use crate::term::Term;
use crate::term::word::{self, BoxedKind, IMM_CATCH, IMM_RETURN, NIL, NO_VALUE, Word};
use crate::trace;
use exceptions::Raised;
use std::hint::cold_path;

pub use crate::heap::raw::STACK_SLACK;

/// What a scheduler runs processes with.
pub struct Interpreter {
    registers: Box<Registers>,
}

impl Interpreter {
    /// An interpreter with registers of its own, one a scheduler.
    #[allow(
        clippy::new_without_default,
        reason = "registers take much memory: nobody should make them in passing"
    )]
    pub fn new() -> Interpreter {
        Interpreter {
            registers: Registers::new(),
        }
    }
}

// SAFETY: `run` leaves with a reason that was just made or found on the process's heap.
unsafe impl Runner for Interpreter {
    fn run(&mut self, process: &mut Process) -> Outcome {
        // SAFETY: the scheduler hands over processes as `spawn` or an earlier `run` left them.
        unsafe { run(process, &mut self.registers) }
    }
}

/// What an instruction that left the fast path says about how to go on.
pub(crate) enum Flow {
    /// Go on at the given instruction; the state was written back.
    At(*const Instr),
    /// Leave the interpreter.
    Leave(Outcome),
}

/// The word of a return address or catch handler.
#[inline(always)]
pub(crate) fn code_word(tag: Word, at: *const Instr) -> Word {
    word::immediate(tag, at as Word)
}

/// The instruction a return address or catch handler names.
#[inline(always)]
pub(crate) fn code_address(word: Word) -> *const Instr {
    word::payload(word) as *const Instr
}

/// Code that is not of any module.
pub mod snippets {
    use crate::code::Instr;

    /// Where the lowest frame of every process returns to: the process ends with reason `normal`.
    pub static END: [Instr; 1] = [Instr::EndProcess];
    /// `erlang:apply/3`: what a new process starts with.
    pub static APPLY_3: [Instr; 1] = [Instr::ApplyArgs];
    /// `erlang:apply/2`.
    pub static APPLY_2: [Instr; 1] = [Instr::ApplyFunArgs];
    /// `erlang:yield/0`.
    pub static YIELD: [Instr; 1] = [Instr::Yield];
    /// What traced functions return to.
    pub static RETURN_TRACE: [Instr; 1] = [Instr::ReturnTrace];
    /// The same, where exceptions are told, too.
    pub static EXCEPTION_TRACE: [Instr; 1] = [Instr::ExceptionTrace];
    /// What functions traced with `return_to` return to.
    pub static RETURN_TO_TRACE: [Instr; 1] = [Instr::ReturnToTrace];
    /// What functions whose time is taken return to.
    pub static RETURN_TIME_TRACE: [Instr; 1] = [Instr::ReturnTimeTrace];
    /// What a traced BIF returns to that was the last call of its caller: a frame that names the caller.
    pub static LAST_CALL_TRACE: [Instr; 1] = [Instr::ReturnToTrace];
}

macro_rules! instr_fn {
    ($at:expr) => {
        // SAFETY: code addresses in instructions, frames and exports point to instructions of loaded code.
        unsafe { &*$at }
    };
}
pub(crate) use instr_fn;

/// Ends a path to the next instruction that LLVM must not join with another. Where two ways lead there (a
/// test that holds or fails, a call that may give way), each then jumps to the next instruction by itself,
/// which takes fewer instructions and is predicted apart.
#[inline(always)]
fn path_of_its_own() {
    #[cfg(not(miri))]
    // SAFETY: no code, no effect.
    unsafe {
        std::arch::asm!("", options(nomem, nostack, preserves_flags))
    }
}

/// Runs a process.
///
/// # Safety
/// The process's `ip`, saved registers, heap and stack are consistent: as [`run`] or spawn left them, and
/// moved or updated only by the collector.
#[allow(
    clippy::cognitive_complexity,
    clippy::undocumented_unsafe_blocks,
    unused_unsafe,
    reason = "one arm an instruction, and the arms are short; one proof at the head holds for all of them; the macro that reads a register is used in unsafe blocks, too"
)]
pub unsafe fn run(process: &mut Process, registers: &mut Registers) -> Outcome {
    registers.restore(process);
    let x: *mut Word = registers.x.as_mut_ptr();
    let mut ip: *const Instr = process.ip.get();
    let mut e: *mut Word = process.heap.stack_top.get();
    let mut hp: *mut Word = process.heap.top.get();
    let mut reds: i32 = process.reductions.get();
    registers.running = process;
    // What is on a fast path has a machine register; the process has none, but a place where the X registers are.
    macro_rules! process {
        () => {{
            let running = registers.running;
            // SAFETY: set above; this call has the process for itself, and nothing else holds a reference to it
            // where an instruction uses this.
            unsafe { &mut *running }
        }};
    }

    // SAFETY (for all unsafe operations below):
    // 1. Code was checked by the loader: registers, slots, tables and jumps of an instruction are valid, and
    //    what an instruction assumes about a term ("a known tuple") was tested before, or the compiler proved
    //    it and the loader's checks keep the access inside the object's header count where they cannot.
    // 2. `hp` and `e` bound the free part of the block; instructions that build without a check were
    //    preceded by one that reserved (`test_heap`), and `STACK_SLACK` words stay free for calls.
    // 3. Terms in registers and slots are valid until the next collection, which updates them.
    macro_rules! get {
        ($reg:expr) => {
            unsafe { *Register::at($reg, x, e) }
        };
    }
    macro_rules! set {
        ($reg:expr, $value:expr) => {{
            let value: Word = $value;
            unsafe { *Register::at($reg, x, e) = value }
        }};
    }
    macro_rules! operand {
        ($word:expr) => {
            match Operand::decode($word) {
                Operand::Const(word) => word,
                Operand::Reg(reg) => get!(reg),
            }
        };
    }
    macro_rules! sync {
        () => {{
            process!().heap.top.set(hp);
            process!().heap.stack_top.set(e);
            process!().reductions.set(reds);
            process!().ip.set(ip);
        }};
    }
    macro_rules! reload {
        () => {{
            hp = process!().heap.top.get();
            e = process!().heap.stack_top.get();
            reds = process!().reductions.get();
        }};
    }
    /// The result of something that does not look at the process's state, called with that written back all
    /// the same: what is not alive over any call has machine registers of its own everywhere else.
    macro_rules! aside {
        ($call:expr) => {{
            sync!();
            let result = $call;
            reload!();
            ip = process!().ip.get();
            result
        }};
    }
    /// Goes on with the instruction at `ip`.
    macro_rules! dispatch {
        () => {{
            path_of_its_own();
            continue;
        }};
    }
    macro_rules! next {
        () => {{
            ip = unsafe { ip.add(1) };
            dispatch!();
        }};
    }
    macro_rules! jump {
        ($jump:expr) => {{
            ip = unsafe { $jump.from(ip) };
            dispatch!();
        }};
    }
    macro_rules! flow {
        ($flow:expr) => {
            match $flow {
                Flow::At(at) => {
                    reload!();
                    ip = at;
                    dispatch!();
                }
                Flow::Leave(outcome) => return outcome,
            }
        };
    }
    macro_rules! raise {
        ($raised:expr) => {{
            sync!();
            let raised = $raised;
            flow!(exceptions::handle(process!(), registers, raised))
        }};
    }
    /// Raises what waits in the registers, built since the state was written back: the local state is out of
    /// date.
    macro_rules! raise_waiting {
        () => {{
            cold_path();
            reload!();
            sync!();
            flow!(exceptions::handle_waiting(process!(), registers))
        }};
    }
    macro_rules! fail_or_raise_waiting {
        ($fail:expr) => {{
            if $fail.0 != 0 {
                reload!();
                jump!($fail)
            } else {
                raise_waiting!()
            }
        }};
    }
    macro_rules! fail_or_raise {
        ($fail:expr, $raised:expr) => {{
            if $fail.0 != 0 {
                jump!($fail)
            } else {
                raise!($raised)
            }
        }};
    }
    /// Leaves with the arguments of the function at `ip` saved.
    macro_rules! leave {
        ($outcome:expr, $live:expr) => {{
            sync!();
            registers.save(process!(), $live);
            return $outcome;
        }};
    }
    /// Collects so that `need` words are free, `live` X registers being alive.
    macro_rules! collect {
        ($need:expr, $live:expr) => {{
            sync!();
            if process!()
                .collect(
                    &mut registers.x[..$live as usize],
                    $need as usize + STACK_SLACK,
                )
                .is_err()
            {
                return exceptions::killed_by_heap_size();
            }
            reload!();
        }};
    }
    macro_rules! test_heap {
        ($need:expr, $live:expr) => {
            if (e as usize).wrapping_sub(hp as usize) < ($need as usize + STACK_SLACK) * 8
                || cfg!(feature = "zeal")
            {
                cold_path();
                collect!($need, $live);
            }
        };
    }
    /// After something that may have built in fragments.
    macro_rules! collect_if_wanted {
        ($live:expr) => {
            if process!().heap.wants_collection() {
                cold_path();
                collect!(0, $live);
            }
        };
    }
    macro_rules! count_catches {
        ($sign:tt) => {{
            let catches = &process!().catches;
            catches.set(catches.get() $sign 1);
        }};
    }
    macro_rules! push {
        ($word:expr) => {{
            e = unsafe { e.sub(1) };
            unsafe { *e = $word };
        }};
    }
    macro_rules! pop {
        ($words:expr) => {
            e = unsafe { e.add($words as usize) }
        };
    }
    macro_rules! return_to_caller {
        () => {{
            ip = code_address(unsafe { *e });
            pop!(1);
            dispatch!();
        }};
    }
    macro_rules! charge_call {
        () => {
            // SAFETY: a process that has none left gives way before it comes here again: `reds` stays far
            // above the smallest number, and what charges more at once saturates.
            reds = unsafe { reds.unchecked_sub(1) }
        };
    }
    /// Goes to the entry of a function of `arity`, giving way if the slice is used up.
    macro_rules! enter {
        ($target:expr, $arity:expr) => {{
            ip = $target;
            charge_call!();
            if reds <= 0 || cfg!(feature = "zeal") {
                cold_path();
                let arity = $arity as usize;
                return give_way(process!(), registers, ip, e, hp, reds, arity);
            }
            dispatch!();
        }};
    }
    /// If `apply` as the last call of a frame of `words` found a BIF, runs it while the frame still stands, so
    /// that an exception's stack trace shows the caller.
    macro_rules! apply_bif_last {
        ($export:expr, $words:expr) => {{
            if let Some(bif) = $export.active_bif() {
                reds -= 1;
                sync!();
                match call_bif(process!(), bif, x) {
                    Ok(result) => {
                        reload!();
                        unsafe { *x = result };
                        pop!($words);
                        collect_if_wanted!(1);
                        return_to_caller!()
                    }
                    Err(stop) => {
                        let traced = matches!(&stop, Stop::Trap(trap) if matches!(**trap, Trap::Breakpoint));
                        if traced && $words > 0 {
                            flow!(calls::stopped(
                                process,
                                registers,
                                bif,
                                stop,
                                calls::Position::Last($words)
                            ))
                        }
                        if matches!(stop, Stop::Trap(_)) && !traced {
                            // It may be called again, by what needs no more than its arguments.
                            reload!();
                            pop!($words);
                            ip = $export.bif_stub();
                            sync!();
                        }
                        flow!(calls::stopped(
                            process!(),
                            registers,
                            bif,
                            stop,
                            calls::Position::Tail
                        ))
                    }
                }
            }
        }};
    }
    macro_rules! enter_local {
        ($jump:expr) => {{
            ip = unsafe { $jump.from(ip) };
            charge_call!();
            if reds <= 0 || cfg!(feature = "zeal") {
                cold_path();
                return give_way_at_entry(process!(), registers, ip, e, hp, reds);
            }
            dispatch!();
        }};
    }
    macro_rules! enter_export {
        ($export:expr) => {{
            let export = unsafe { &*($export as *const Export) };
            enter!(export.address(), export.mfa.arity)
        }};
    }
    macro_rules! test {
        ($holds:expr, $fail:expr) => {
            if $holds { next!() } else { jump!($fail) }
        };
    }
    /// The header of a boxed word, 0 for anything else.
    macro_rules! header_of {
        ($word:expr) => {{
            let word: Word = $word;
            if word::is_boxed_term(word) {
                unsafe { *word::pointer(word) }
            } else {
                0
            }
        }};
    }
    macro_rules! is_boxed_kind {
        ($word:expr, $($kind:ident)|+) => {{
            let header = header_of!($word);
            header != 0 && matches!(word::header_kind(header), $(BoxedKind::$kind)|+)
        }};
    }
    macro_rules! element {
        ($tuple:expr, $index:expr) => {
            unsafe { *word::pointer($tuple).add(1 + $index as usize) }
        };
    }
    macro_rules! build_cons {
        ($head:expr, $tail:expr) => {{
            let (head, tail): (Word, Word) = ($head, $tail);
            let at = hp;
            unsafe {
                *at = head;
                *at.add(1) = tail;
                hp = hp.add(2);
            }
            word::cons(at)
        }};
    }
    macro_rules! exactly_equal {
        ($a:expr, $b:expr) => {{
            let (a, b): (Word, Word) = ($a, $b);
            a == b
                || (!word::is_immediate(a) && !word::is_immediate(b) && {
                    cold_path();
                    aside!(arith::exactly_equal(a, b))
                })
        }};
    }
    macro_rules! less {
        ($a:expr, $b:expr) => {{
            let (a, b): (Word, Word) = ($a, $b);
            if word::both_small(a, b) {
                (a as i64) < (b as i64)
            } else {
                cold_path();
                aside!(arith::less(a, b))
            }
        }};
    }
    macro_rules! equal {
        ($a:expr, $b:expr) => {{
            let (a, b): (Word, Word) = ($a, $b);
            a == b
                || (!word::both_small(a, b) && {
                    cold_path();
                    aside!(arith::equal(a, b))
                })
        }};
    }
    /// Puts what an instruction built into `dst`; collects if it went to fragments.
    macro_rules! deliver {
        ($dst:expr, $live:expr, $result:expr) => {{
            let (live, result): (usize, Word) = ($live as usize, $result);
            set!($dst, result);
            if process!().heap.wants_collection() {
                // x(live) is dead: it keeps the result alive and is updated with the others.
                unsafe { *x.add(live) = result };
                collect!(0, live + 1);
                set!($dst, unsafe { *x.add(live) });
            }
            next!()
        }};
    }
    /// An arithmetic instruction: `fast` gives a word where both are small and the result fits. What the
    /// instruction says beside is only looked at off the fast path, which keeps that short.
    macro_rules! arithmetic {
        ($op:ident, $a:expr, $b:expr, $dst:expr, |$left:ident, $right:ident| $fast:expr) => {{
            let ($left, $right): (Word, Word) = ($a, $b);
            if word::both_small($left, $right) {
                if let Some(result) = $fast {
                    set!($dst, result);
                    next!();
                }
            }
            cold_path();
            sync!();
            flow!(arith::off_the_fast_path(
                process!(),
                registers,
                arith::Op::$op,
                $left,
                $right
            ))
        }};
    }
    /// The same with a constant, given as the small integer's word.
    macro_rules! arithmetic_c {
        ($op:ident, $a:expr, $word:ident, $dst:expr, $checked:ident) => {{
            let (a, b) = ($a, i64::from($word));
            if word::is_small(a) {
                if let Some(result) = (a as i64).$checked(b) {
                    set!($dst, result as Word);
                    next!();
                }
            }
            cold_path();
            sync!();
            flow!(arith::off_the_fast_path(
                process!(),
                registers,
                arith::Op::$op,
                a,
                b as Word
            ))
        }};
    }
    /// A guard BIF written out: a term, or a failure that names the BIF.
    macro_rules! guard {
        ($value:expr, $fail:expr, $dst:expr, $function:literal, [$($arg:expr),+]) => {
            match $value {
                Some(word) => {
                    set!($dst, word);
                    next!()
                }
                None => fail_or_raise!($fail, calls::guard_failure($function, &[$($arg),+])),
            }
        };
    }
    macro_rules! float {
        ($index:expr) => {
            registers.f[$index as usize]
        };
    }
    macro_rules! float_result {
        ($dst:expr, $value:expr) => {{
            let value: f64 = $value;
            if value.is_finite() {
                float!($dst) = value;
                next!()
            }
            raise!(Raised::float())
        }};
    }

    /// An instruction of the bit syntax off the fast path.
    macro_rules! bits {
        () => {{
            sync!();
            flow!(bits::off_the_fast_path(process!(), registers))
        }};
    }

    macro_rules! map_get {
        ($map:expr, $key:expr) => {{
            let (map, key): (Word, Word) = ($map, $key);
            match maps::quick_get(map, key) {
                Some(value) => value,
                None => aside!(maps::get(map, key)),
            }
        }};
    }

    // What several instructions do that differ in where their registers are.
    macro_rules! move2 {
        ($src1:ident, $dst1:ident, $src2:ident, $dst2:ident) => {{
            set!($dst1, get!($src1));
            set!($dst2, get!($src2));
            next!()
        }};
    }
    macro_rules! move3 {
        ($src1:ident, $dst1:ident, $src2:ident, $dst2:ident, $src3:ident, $dst3:ident) => {{
            set!($dst1, get!($src1));
            set!($dst2, get!($src2));
            set!($dst3, get!($src3));
            next!()
        }};
    }
    macro_rules! move2_call {
        ($src1:ident, $dst1:ident, $src2:ident, $dst2:ident, $target:ident) => {{
            set!($dst1, get!($src1));
            set!($dst2, get!($src2));
            push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
            enter_local!($target)
        }};
    }
    macro_rules! swap {
        ($a:ident, $b:ident) => {{
            let (left, right) = (get!($a), get!($b));
            set!($a, right);
            set!($b, left);
            next!()
        }};
    }
    macro_rules! test_heap_put_list_return {
        ($live:ident, $head:ident, $tail:ident, $words:ident) => {{
            test_heap!(2, $live);
            let cell = build_cons!(get!($head), get!($tail));
            unsafe { *x = cell };
            pop!($words);
            return_to_caller!()
        }};
    }
    macro_rules! test_heap_put_list {
        ($live:ident, $head:ident, $tail:ident, $dst:ident) => {{
            test_heap!(2, $live);
            let cell = build_cons!(get!($head), get!($tail));
            set!($dst, cell);
            next!()
        }};
    }
    macro_rules! is_tuple_of_arity_get2 {
        ($src:ident, $fail:ident, $arity:ident, $dst1:ident, $dst2:ident, $index1:ident, $index2:ident) => {{
            let tuple = get!($src);
            if header_of!(tuple) != word::header(BoxedKind::Tuple, $arity as usize) {
                jump!($fail)
            }
            let (first, second) = (element!(tuple, $index1), element!(tuple, $index2));
            set!($dst1, first);
            set!($dst2, second);
            next!()
        }};
    }
    macro_rules! get_list {
        ($src:ident, $head:ident, $tail:ident) => {{
            let cell = word::pointer(get!($src));
            let (first, rest) = unsafe { (*cell, *cell.add(1)) };
            set!($head, first);
            set!($tail, rest);
            next!()
        }};
    }
    macro_rules! is_nonempty_list_get_list {
        ($src:ident, $fail:ident, $head:ident, $tail:ident) => {{
            let list = get!($src);
            if !word::is_cons_term(list) {
                jump!($fail)
            }
            let cell = word::pointer(list);
            let (first, rest) = unsafe { (*cell, *cell.add(1)) };
            set!($head, first);
            set!($tail, rest);
            next!()
        }};
    }
    macro_rules! get_tuple_element2 {
        ($src:ident, $dst1:ident, $index1:ident, $dst2:ident, $index2:ident) => {{
            let tuple = get!($src);
            let (first, second) = (element!(tuple, $index1), element!(tuple, $index2));
            set!($dst1, first);
            set!($dst2, second);
            next!()
        }};
    }
    macro_rules! get_tuple_element3 {
        ($src:ident, $index:ident, $dst1:ident, $dst2:ident, $dst3:ident) => {{
            let tuple = get!($src);
            let (first, second, third) = (
                element!(tuple, $index),
                element!(tuple, $index + 1),
                element!(tuple, $index + 2),
            );
            set!($dst1, first);
            set!($dst2, second);
            set!($dst3, third);
            next!()
        }};
    }
    /// A tuple of these words, all read before it is written.
    macro_rules! put_tuple {
        ($dst:ident, $($word:expr),+) => {{
            let at = hp;
            let words = [$($word),+];
            unsafe {
                *at = word::header(BoxedKind::Tuple, words.len());
                at.add(1).copy_from_nonoverlapping(words.as_ptr(), words.len());
                hp = hp.add(1 + words.len());
            }
            set!($dst, word::boxed(at));
            next!()
        }};
    }
    macro_rules! is_tuple_of_arity {
        ($src:ident, $fail:ident, $arity:ident) => {{
            test!(
                header_of!(get!($src)) == word::header(BoxedKind::Tuple, $arity as usize),
                $fail
            )
        }};
    }
    macro_rules! is_tagged_tuple {
        ($src:ident, $fail:ident, $arity:ident, $tag:ident) => {{
            let term = get!($src);
            test!(
                header_of!(term) == word::header(BoxedKind::Tuple, $arity as usize)
                    && element!(term, 0) == word::immediate(word::IMM_ATOM, u64::from($tag)),
                $fail
            )
        }};
    }
    macro_rules! is_integer {
        ($src:ident, $fail:ident) => {{
            let term = get!($src);
            test!(
                word::is_small(term) || is_boxed_kind!(term, BigPositive | BigNegative),
                $fail
            )
        }};
    }
    macro_rules! select_imm {
        ($src:ident, $fail:ident, $table:ident) => {{
            let value = get!($src);
            let count = unsafe { $table.word(0) } as usize;
            // SAFETY: the loader made a $table of `count` values and as many jumps.
            let values = unsafe { std::slice::from_raw_parts($table.0.add(1), count) };
            match values.binary_search(&value) {
                Ok(index) => jump!(Jump(unsafe { $table.word(1 + count + index) } as i32)),
                Err(_) => jump!($fail),
            }
        }};
    }
    macro_rules! select_imm_few {
        ($src:ident, $fail:ident, $table:ident) => {{
            let value = get!($src);
            let count = unsafe { $table.word(0) } as usize;
            let mut target = $fail;
            for index in 1..=count {
                if unsafe { $table.word(index) } == value {
                    target = Jump(unsafe { $table.word(count + index) } as i32);
                    break;
                }
            }
            jump!(target)
        }};
    }
    macro_rules! select_range {
        ($src:ident, $fail:ident, $table:ident) => {{
            let value = get!($src);
            if word::is_small(value) {
                let index =
                    word::small_value(value).wrapping_sub(unsafe { $table.word(0) } as i64) as u64;
                if index < unsafe { $table.word(1) } {
                    let target = Jump(unsafe { $table.word(2 + index as usize) } as i32);
                    if target.0 != 0 {
                        jump!(target)
                    }
                }
            }
            jump!($fail)
        }};
    }

    loop {
        match *instr_fn!(ip) {
            Instr::NotLinked => unreachable!("an instruction that was never linked"),
            Instr::Breakpoint => {
                sync!();
                flow!(trace::call::breakpoint(process!(), registers))
            }
            Instr::ExportTraced { export } => {
                sync!();
                let export = unsafe { &*(export as *const Export) };
                flow!(trace::call::export(process!(), registers, export))
            }
            Instr::ReturnTrace
            | Instr::ExceptionTrace
            | Instr::ReturnToTrace
            | Instr::ReturnTimeTrace => {
                sync!();
                flow!(trace::call::returned(process!(), registers))
            }

            // Functions and calls
            Instr::ExportUndefined { export } => {
                sync!();
                flow!(calls::undefined(process!(), registers, unsafe {
                    &*(export as *const Export)
                }))
            }
            Instr::ExportBif { export } => {
                let export = unsafe { &*(export as *const Export) };
                let bif = export.active_bif().expect("the stub of a BIF");
                reds -= 1;
                sync!();
                match call_bif(process!(), bif, x) {
                    Ok(result) => {
                        reload!();
                        unsafe { *x = result };
                        collect_if_wanted!(1);
                        return_to_caller!()
                    }
                    Err(stop) => flow!(calls::stopped(
                        process!(),
                        registers,
                        bif,
                        stop,
                        calls::Position::Tail
                    )),
                }
            }
            Instr::CallNative { native } => {
                let bif = unsafe { &*(native as *const BifEntry) };
                reds -= 1;
                sync!();
                match call_bif(process!(), bif, x) {
                    Ok(result) => {
                        reload!();
                        unsafe { *x = result };
                        collect_if_wanted!(1);
                        return_to_caller!()
                    }
                    Err(stop) => flow!(calls::stopped(
                        process!(),
                        registers,
                        bif,
                        stop,
                        calls::Position::Tail
                    )),
                }
            }
            Instr::CallBif { export } => {
                let export = unsafe { &*(export as *const Export) };
                let bif = export.active_bif().expect("a call linked to a BIF");
                reds -= 1;
                sync!();
                match call_bif(process!(), bif, x) {
                    Ok(result) => {
                        reload!();
                        unsafe { *x = result };
                        collect_if_wanted!(1);
                        next!()
                    }
                    Err(stop) => flow!(calls::stopped(
                        process!(),
                        registers,
                        bif,
                        stop,
                        calls::Position::Body
                    )),
                }
            }
            Instr::CallBifOnly { export } => {
                let export = unsafe { &*(export as *const Export) };
                let bif = export.active_bif().expect("a call linked to a BIF");
                reds -= 1;
                sync!();
                match call_bif(process, bif, x) {
                    Ok(result) => {
                        reload!();
                        unsafe { *x = result };
                        collect_if_wanted!(1);
                        return_to_caller!()
                    }
                    Err(stop) => flow!(calls::stopped(
                        process,
                        registers,
                        bif,
                        stop,
                        calls::Position::Body
                    )),
                }
            }
            Instr::CallBifLast { words, export } => {
                let export = unsafe { &*(export as *const Export) };
                let bif = export.active_bif().expect("a call linked to a BIF");
                reds -= 1;
                sync!();
                match call_bif(process!(), bif, x) {
                    Ok(result) => {
                        reload!();
                        unsafe { *x = result };
                        pop!(words);
                        collect_if_wanted!(1);
                        return_to_caller!()
                    }
                    Err(stop) => flow!(calls::stopped(
                        process!(),
                        registers,
                        bif,
                        stop,
                        calls::Position::Body
                    )),
                }
            }
            Instr::FuncInfo { arity, .. } => raise!(Raised::function_clause(arity)),
            Instr::Call { target } => {
                push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                enter_local!(target)
            }
            Instr::MoveCall { src, dst, target } => {
                set!(dst, get!(src));
                push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                enter_local!(target)
            }
            Instr::MoveCallX { src, dst, target } => {
                set!(dst, get!(src));
                push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                enter_local!(target)
            }
            Instr::Move2Call {
                src1,
                dst1,
                src2,
                dst2,
                target,
            } => move2_call!(src1, dst1, src2, dst2, target),
            Instr::Move2CallX {
                src1,
                dst1,
                src2,
                dst2,
                target,
            } => move2_call!(src1, dst1, src2, dst2, target),
            Instr::Move2CallYX {
                src1,
                dst1,
                src2,
                dst2,
                target,
            } => move2_call!(src1, dst1, src2, dst2, target),
            Instr::Move2CallXYX {
                src1,
                dst1,
                src2,
                dst2,
                target,
            } => move2_call!(src1, dst1, src2, dst2, target),
            Instr::Move2CallYXThenX {
                src1,
                dst1,
                src2,
                dst2,
                target,
            } => move2_call!(src1, dst1, src2, dst2, target),
            Instr::Move2CallXThenYX {
                src1,
                dst1,
                src2,
                dst2,
                target,
            } => move2_call!(src1, dst1, src2, dst2, target),
            Instr::CallLast { words, target } => {
                pop!(words);
                enter_local!(target)
            }
            Instr::CallOnly { target } => enter_local!(target),
            Instr::CallExt { export } => {
                push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                enter_export!(export)
            }
            Instr::CallExtLast { words, export } => {
                pop!(words);
                enter_export!(export)
            }
            Instr::CallExtOnly { export } => enter_export!(export),
            Instr::Apply { arity } => {
                sync!();
                match calls::apply(process!(), registers, arity as usize) {
                    Some(export) => {
                        push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                        enter!(export.address(), arity)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::ApplyLast { arity, words } => {
                sync!();
                match calls::apply(process!(), registers, arity as usize) {
                    Some(export) => {
                        apply_bif_last!(export, words);
                        pop!(words);
                        enter!(export.address(), arity)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::ApplyArgs => {
                sync!();
                match calls::apply_args(registers) {
                    Some(export) => {
                        apply_bif_last!(export, 0);
                        enter!(export.address(), export.mfa.arity)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::ApplyFunArgs => {
                sync!();
                match calls::apply_fun_args(process!(), registers) {
                    Some((target, live)) => {
                        reload!();
                        enter!(target, live)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::CallApplyArgs => {
                sync!();
                match calls::apply_args(registers) {
                    Some(export) => {
                        push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                        enter!(export.address(), export.mfa.arity)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::ApplyArgsLast { words } => {
                sync!();
                match calls::apply_args(registers) {
                    Some(export) => {
                        apply_bif_last!(export, words);
                        pop!(words);
                        enter!(export.address(), export.mfa.arity)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::CallApplyFunArgs => {
                sync!();
                match calls::apply_fun_args(process!(), registers) {
                    Some((target, live)) => {
                        reload!();
                        push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                        enter!(target, live)
                    }
                    None if registers.raised_by_apply() => raise_waiting!(),
                    None => {
                        reload!();
                        push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                        sync!();
                        flow!(exceptions::handle_waiting(process!(), registers))
                    }
                }
            }
            Instr::ApplyFunArgsLast { words } => {
                sync!();
                match calls::apply_fun_args(process!(), registers) {
                    Some((target, live)) => {
                        reload!();
                        pop!(words);
                        enter!(target, live)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::CallFun { arity } => {
                sync!();
                let fun = unsafe { *x.add(arity as usize) };
                match calls::fun_target(process!(), registers, fun, arity as usize) {
                    Some((target, live)) => {
                        reload!();
                        push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                        enter!(target, live)
                    }
                    None => {
                        reload!();
                        // The stock VM has pushed it when it finds that there is no such fun.
                        push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                        sync!();
                        flow!(exceptions::handle_waiting(process!(), registers))
                    }
                }
            }
            Instr::CallFunReg { arity, fun } => {
                sync!();
                match calls::fun_target(process!(), registers, get!(fun), arity as usize) {
                    Some((target, live)) => {
                        reload!();
                        push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                        enter!(target, live)
                    }
                    None => {
                        reload!();
                        // The stock VM has pushed it when it finds that there is no such fun.
                        push!(code_word(IMM_RETURN, unsafe { ip.add(1) }));
                        sync!();
                        flow!(exceptions::handle_waiting(process!(), registers))
                    }
                }
            }
            Instr::CallFunLast { arity, words } => {
                sync!();
                let fun = unsafe { *x.add(arity as usize) };
                match calls::fun_target(process!(), registers, fun, arity as usize) {
                    Some((target, live)) => {
                        reload!();
                        pop!(words);
                        enter!(target, live)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::Return => return_to_caller!(),
            Instr::MoveReturn { src } => {
                unsafe { *x = get!(src) };
                return_to_caller!()
            }
            Instr::MoveReturnX { src } => {
                unsafe { *x = get!(src) };
                return_to_caller!()
            }
            Instr::MoveCReturn { value } => {
                unsafe { *x = value.0 };
                return_to_caller!()
            }
            Instr::MoveDeallocateReturn { src, words } => {
                unsafe { *x = get!(src) };
                pop!(words);
                return_to_caller!()
            }
            Instr::DeallocateReturn { words } => {
                pop!(words);
                return_to_caller!()
            }
            Instr::Allocate { words, live } => {
                test_heap!(words, live);
                e = unsafe { e.sub(words as usize) };
                next!()
            }
            Instr::AllocateHeap { words, need, live } => {
                test_heap!(words as usize + need as usize, live);
                e = unsafe { e.sub(words as usize) };
                next!()
            }
            Instr::AllocateZero { words, need, live } => {
                test_heap!(words as usize + need as usize, live);
                for _ in 0..words {
                    push!(NIL);
                }
                next!()
            }
            Instr::TestHeap { live, need } => {
                test_heap!(need, live);
                next!()
            }
            Instr::Deallocate { words } | Instr::Trim { words } => {
                pop!(words);
                next!()
            }
            Instr::InitY { reg } => {
                set!(reg, NIL);
                next!()
            }
            Instr::InitY2 { a, b } => {
                set!(a, NIL);
                set!(b, NIL);
                next!()
            }
            Instr::InitYs { table } => {
                let count = unsafe { table.word(0) } as usize;
                for index in 1..=count {
                    set!(Reg(unsafe { table.word(index) } as u16), NIL);
                }
                next!()
            }
            Instr::OnLoad | Instr::NifStart => next!(),
            Instr::Yield => {
                unsafe { *x = Term::TRUE.word() };
                ip = code_address(unsafe { *e });
                pop!(1);
                leave!(Outcome::Yielded, 1)
            }
            Instr::EndProcess => {
                sync!();
                return Outcome::Exited {
                    reason: Term::atom(crate::atom::well_known::NORMAL).word(),
                    crashed: false,
                };
            }

            // Moves
            Instr::Move { src, dst } => {
                set!(dst, get!(src));
                next!()
            }
            Instr::MoveYX { src, dst } => {
                set!(dst, get!(src));
                next!()
            }
            Instr::MoveXY { src, dst } => {
                set!(dst, get!(src));
                next!()
            }
            Instr::MoveX { src, dst } => {
                set!(dst, get!(src));
                next!()
            }
            Instr::MoveC { dst, value } => {
                set!(dst, value.0);
                next!()
            }
            Instr::MoveCX { dst, value } => {
                set!(dst, value.0);
                next!()
            }
            Instr::Move2 {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2XYX {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2XYThenYX {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2YXThenXY {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2YXThenX {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2XThenYX {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2XThenXY {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2YX {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2XY {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move2X {
                src1,
                dst1,
                src2,
                dst2,
            } => move2!(src1, dst1, src2, dst2),
            Instr::Move3 {
                src1,
                dst1,
                src2,
                dst2,
                src3,
                dst3,
            } => move3!(src1, dst1, src2, dst2, src3, dst3),
            Instr::Move3YX {
                src1,
                dst1,
                src2,
                dst2,
                src3,
                dst3,
            } => move3!(src1, dst1, src2, dst2, src3, dst3),
            Instr::Move3XY {
                src1,
                dst1,
                src2,
                dst2,
                src3,
                dst3,
            } => move3!(src1, dst1, src2, dst2, src3, dst3),
            Instr::Move3X {
                src1,
                dst1,
                src2,
                dst2,
                src3,
                dst3,
            } => move3!(src1, dst1, src2, dst2, src3, dst3),
            Instr::Swap { a, b } => swap!(a, b),
            Instr::SwapX { a, b } => swap!(a, b),
            Instr::MoveJump { src, dst, target } => {
                set!(dst, get!(src));
                jump!(target)
            }
            Instr::Jump { target } => jump!(target),

            // Lists and tuples
            Instr::GetList { src, head, tail } => get_list!(src, head, tail),
            Instr::GetListXYX { src, head, tail } => get_list!(src, head, tail),
            Instr::GetListX { src, head, tail } => get_list!(src, head, tail),
            Instr::GetHd { src, dst } => {
                set!(dst, unsafe { *word::pointer(get!(src)) });
                next!()
            }
            Instr::GetHdX { src, dst } => {
                set!(dst, unsafe { *word::pointer(get!(src)) });
                next!()
            }
            Instr::GetTl { src, dst } => {
                set!(dst, unsafe { *word::pointer(get!(src)).add(1) });
                next!()
            }
            Instr::GetTlX { src, dst } => {
                set!(dst, unsafe { *word::pointer(get!(src)).add(1) });
                next!()
            }
            Instr::PutList { head, tail, dst } => {
                let cell = build_cons!(get!(head), get!(tail));
                set!(dst, cell);
                next!()
            }
            Instr::PutListX { head, tail, dst } => {
                let cell = build_cons!(get!(head), get!(tail));
                set!(dst, cell);
                next!()
            }
            Instr::TestHeapPutList {
                live,
                head,
                tail,
                dst,
            } => test_heap_put_list!(live, head, tail, dst),
            Instr::TestHeapPutListX {
                live,
                head,
                tail,
                dst,
            } => test_heap_put_list!(live, head, tail, dst),
            Instr::TestHeapPutListReturn {
                live,
                head,
                tail,
                words,
            } => test_heap_put_list_return!(live, head, tail, words),
            Instr::TestHeapPutListReturnYX {
                live,
                head,
                tail,
                words,
            } => test_heap_put_list_return!(live, head, tail, words),
            Instr::PutListCR { tail, dst, head } => {
                let cell = build_cons!(head.0, get!(tail));
                set!(dst, cell);
                next!()
            }
            Instr::PutListRC { head, dst, tail } => {
                let cell = build_cons!(get!(head), tail.0);
                set!(dst, cell);
                next!()
            }
            Instr::PutListRCX { head, dst, tail } => {
                let cell = build_cons!(get!(head), tail.0);
                set!(dst, cell);
                next!()
            }
            Instr::IsNonemptyListGetList {
                src,
                fail,
                head,
                tail,
            } => is_nonempty_list_get_list!(src, fail, head, tail),
            Instr::IsNonemptyListGetListX {
                src,
                fail,
                head,
                tail,
            } => is_nonempty_list_get_list!(src, fail, head, tail),
            Instr::IsNonemptyListGetHd { src, fail, dst } => {
                let list = get!(src);
                if !word::is_cons_term(list) {
                    jump!(fail)
                }
                set!(dst, unsafe { *word::pointer(list) });
                next!()
            }
            Instr::IsNonemptyListGetTl { src, fail, dst } => {
                let list = get!(src);
                if !word::is_cons_term(list) {
                    jump!(fail)
                }
                set!(dst, unsafe { *word::pointer(list).add(1) });
                next!()
            }
            Instr::GetTupleElement { src, dst, index } => {
                set!(dst, element!(get!(src), index));
                next!()
            }
            Instr::GetTupleElementX { src, dst, index } => {
                set!(dst, element!(get!(src), index));
                next!()
            }
            Instr::GetTupleElement2 {
                src,
                dst1,
                index1,
                dst2,
                index2,
            } => get_tuple_element2!(src, dst1, index1, dst2, index2),
            Instr::GetTupleElement2X {
                src,
                dst1,
                index1,
                dst2,
                index2,
            } => get_tuple_element2!(src, dst1, index1, dst2, index2),
            Instr::GetTupleElement3 {
                src,
                index,
                dst1,
                dst2,
                dst3,
            } => get_tuple_element3!(src, index, dst1, dst2, dst3),
            Instr::GetTupleElement3X {
                src,
                index,
                dst1,
                dst2,
                dst3,
            } => get_tuple_element3!(src, index, dst1, dst2, dst3),
            Instr::SetTupleElement {
                tuple,
                value,
                index,
            } => {
                unsafe { *word::pointer(get!(tuple)).add(1 + index as usize) = get!(value) };
                next!()
            }
            Instr::SetTupleElementC {
                tuple,
                index,
                value,
            } => {
                unsafe { *word::pointer(get!(tuple)).add(1 + index as usize) = value.0 };
                next!()
            }
            Instr::UpdateTuple { src, dst, table } => {
                let (size, count) = unsafe { (table.word(0) as usize, table.word(1) as usize) };
                let (from, at) = (word::pointer(get!(src)), hp);
                unsafe {
                    std::ptr::copy_nonoverlapping(from, at, size + 1);
                    for pair in (0..count).step_by(2) {
                        *at.add(table.word(2 + pair) as usize) = operand!(table.word(3 + pair));
                    }
                    hp = hp.add(size + 1);
                }
                set!(dst, word::boxed(at));
                next!()
            }
            Instr::PutTuple { dst, table } => {
                let count = unsafe { table.word(0) } as usize;
                let at = hp;
                unsafe {
                    *at = word::header(BoxedKind::Tuple, count);
                    for index in 1..=count {
                        *at.add(index) = operand!(table.word(index));
                    }
                    hp = hp.add(count + 1);
                }
                set!(dst, word::boxed(at));
                next!()
            }
            Instr::PutTuple2 { dst, a, b } => put_tuple!(dst, get!(a), get!(b)),
            Instr::PutTuple2X { dst, a, b } => put_tuple!(dst, get!(a), get!(b)),
            Instr::PutTuple3 { dst, a, b, c } => put_tuple!(dst, get!(a), get!(b), get!(c)),
            Instr::PutTuple3X { dst, a, b, c } => put_tuple!(dst, get!(a), get!(b), get!(c)),
            Instr::PutTagged2 { dst, a, tag } => put_tuple!(dst, tag.0, get!(a)),
            Instr::PutTagged2X { dst, a, tag } => put_tuple!(dst, tag.0, get!(a)),
            Instr::PutTagged3 { dst, a, b, tag } => put_tuple!(dst, tag.0, get!(a), get!(b)),
            Instr::PutTagged3X { dst, a, b, tag } => put_tuple!(dst, tag.0, get!(a), get!(b)),

            // Comparisons
            Instr::IsLt { a, fail, b } => test!(less!(get!(a), get!(b)), fail),
            Instr::IsLtX { a, fail, b } => test!(less!(get!(a), get!(b)), fail),
            Instr::IsLtRC { a, fail, value } => test!(less!(get!(a), value.0), fail),
            Instr::IsLtRCX { a, fail, value } => test!(less!(get!(a), value.0), fail),
            Instr::IsLtCR { b, fail, value } => test!(less!(value.0, get!(b)), fail),
            Instr::IsGe { a, fail, b } => test!(!less!(get!(a), get!(b)), fail),
            Instr::IsGeX { a, fail, b } => test!(!less!(get!(a), get!(b)), fail),
            Instr::IsGeRC { a, fail, value } => test!(!less!(get!(a), value.0), fail),
            Instr::IsGeRCX { a, fail, value } => test!(!less!(get!(a), value.0), fail),
            Instr::IsGeCR { b, fail, value } => test!(!less!(value.0, get!(b)), fail),
            Instr::IsGeCRX { b, fail, value } => test!(!less!(value.0, get!(b)), fail),
            Instr::IsEq { a, fail, b } => test!(equal!(get!(a), get!(b)), fail),
            Instr::IsEqC { a, fail, value } => test!(equal!(get!(a), value.0), fail),
            Instr::IsNe { a, fail, b } => test!(!equal!(get!(a), get!(b)), fail),
            Instr::IsNeC { a, fail, value } => test!(!equal!(get!(a), value.0), fail),
            Instr::IsEqExact { a, fail, b } => test!(exactly_equal!(get!(a), get!(b)), fail),
            Instr::IsEqExactX { a, fail, b } => test!(exactly_equal!(get!(a), get!(b)), fail),
            Instr::IsEqExactImm { a, fail, value } => test!(get!(a) == value.0, fail),
            Instr::IsEqExactImmX { a, fail, value } => test!(get!(a) == value.0, fail),
            Instr::IsEqExactC { a, fail, value } => test!(exactly_equal!(get!(a), value.0), fail),
            Instr::IsNeExact { a, fail, b } => test!(!exactly_equal!(get!(a), get!(b)), fail),
            Instr::IsNeExactX { a, fail, b } => test!(!exactly_equal!(get!(a), get!(b)), fail),
            Instr::IsNeExactImm { a, fail, value } => test!(get!(a) != value.0, fail),
            Instr::IsNeExactImmX { a, fail, value } => test!(get!(a) != value.0, fail),
            Instr::IsNeExactC { a, fail, value } => test!(!exactly_equal!(get!(a), value.0), fail),

            // Type tests
            Instr::IsInteger { src, fail } => is_integer!(src, fail),
            Instr::IsIntegerX { src, fail } => is_integer!(src, fail),
            Instr::IsFloat { src, fail } => test!(is_boxed_kind!(get!(src), Float), fail),
            Instr::IsNumber { src, fail } => {
                let term = get!(src);
                test!(
                    word::is_small(term) || is_boxed_kind!(term, BigPositive | BigNegative | Float),
                    fail
                )
            }
            Instr::IsAtom { src, fail } => test!(word::is_atom(get!(src)), fail),
            Instr::IsAtomX { src, fail } => test!(word::is_atom(get!(src)), fail),
            Instr::IsBoolean { src, fail } => {
                let term = get!(src);
                test!(
                    term == Term::TRUE.word() || term == Term::FALSE.word(),
                    fail
                )
            }
            Instr::IsPid { src, fail } => {
                let term = get!(src);
                test!(
                    term & word::IMMEDIATE_MASK == word::IMM_PID
                        || is_boxed_kind!(term, ExternalPid),
                    fail
                )
            }
            Instr::IsPort { src, fail } => {
                let term = get!(src);
                test!(
                    term & word::IMMEDIATE_MASK == word::IMM_PORT
                        || is_boxed_kind!(term, ExternalPort),
                    fail
                )
            }
            Instr::IsReference { src, fail } => test!(
                is_boxed_kind!(get!(src), Ref | MagicRef | ExternalRef),
                fail
            ),
            Instr::IsBinary { src, fail } => test!(aside!(bits::is_binary(get!(src))), fail),
            Instr::IsBitstr { src, fail } => {
                test!(
                    is_boxed_kind!(get!(src), HeapBits | RefBin | SubBits | MatchContext),
                    fail
                )
            }
            Instr::IsNil { src, fail } => test!(get!(src) == NIL, fail),
            Instr::IsNilX { src, fail } => test!(get!(src) == NIL, fail),
            Instr::IsList { src, fail } => {
                let term = get!(src);
                test!(word::is_cons_term(term) || term == NIL, fail)
            }
            Instr::IsNonemptyList { src, fail } => test!(word::is_cons_term(get!(src)), fail),
            Instr::IsNonemptyListX { src, fail } => test!(word::is_cons_term(get!(src)), fail),
            Instr::IsTuple { src, fail } => test!(is_boxed_kind!(get!(src), Tuple), fail),
            Instr::TestArity { src, fail, arity } => {
                test!(
                    unsafe { *word::pointer(get!(src)) }
                        == word::header(BoxedKind::Tuple, arity as usize),
                    fail
                )
            }
            Instr::IsTupleOfArityGet2 {
                src,
                fail,
                arity,
                dst1,
                dst2,
                index1,
                index2,
            } => is_tuple_of_arity_get2!(src, fail, arity, dst1, dst2, index1, index2),
            Instr::IsTupleOfArityGet2X {
                src,
                fail,
                arity,
                dst1,
                dst2,
                index1,
                index2,
            } => is_tuple_of_arity_get2!(src, fail, arity, dst1, dst2, index1, index2),
            Instr::IsTupleOfArity { src, fail, arity } => is_tuple_of_arity!(src, fail, arity),
            Instr::IsTupleOfArityX { src, fail, arity } => is_tuple_of_arity!(src, fail, arity),
            Instr::IsTaggedTuple {
                src,
                fail,
                arity,
                tag,
            } => is_tagged_tuple!(src, fail, arity, tag),
            Instr::IsTaggedTupleX {
                src,
                fail,
                arity,
                tag,
            } => is_tagged_tuple!(src, fail, arity, tag),
            Instr::IsMap { src, fail } => test!(is_boxed_kind!(get!(src), FlatMap | HashMap), fail),
            Instr::IsFunction { src, fail } => {
                test!(is_boxed_kind!(get!(src), Fun | ExportFun), fail)
            }
            Instr::IsFunctionOf { src, fail, arity } => {
                match aside!(calls::is_function(get!(src), get!(arity))) {
                    Some(holds) => test!(holds, fail),
                    None => jump!(fail),
                }
            }
            Instr::IsFunctionOfC { src, fail, arity } => {
                test!(
                    aside!(calls::is_function(get!(src), word::small(i64::from(arity))))
                        == Some(true),
                    fail
                )
            }

            // Selects
            Instr::SelectImm { src, fail, table } => select_imm!(src, fail, table),
            Instr::SelectImmX { src, fail, table } => select_imm!(src, fail, table),
            Instr::SelectImmFew { src, fail, table } => select_imm_few!(src, fail, table),
            Instr::SelectImmFewX { src, fail, table } => select_imm_few!(src, fail, table),
            Instr::SelectRange { src, fail, table } => select_range!(src, fail, table),
            Instr::SelectRangeX { src, fail, table } => select_range!(src, fail, table),
            Instr::SelectTerm { src, fail, table } => {
                let value = get!(src);
                let count = unsafe { table.word(0) } as usize;
                let mut target = fail;
                for index in 1..=count {
                    if exactly_equal!(unsafe { table.word(index) }, value) {
                        target = Jump(unsafe { table.word(count + index) } as i32);
                        break;
                    }
                }
                jump!(target)
            }
            Instr::SelectArity { src, fail, table } => {
                let arity = word::header_words(unsafe { *word::pointer(get!(src)) }) as Word;
                let count = unsafe { table.word(0) } as usize;
                let mut target = fail;
                for index in 1..=count {
                    if unsafe { table.word(index) } == arity {
                        target = Jump(unsafe { table.word(count + index) } as i32);
                        break;
                    }
                }
                jump!(target)
            }

            // Arithmetic
            Instr::Add { a, b, dst, .. } => arithmetic!(Add, get!(a), get!(b), dst, |a, b| (a
                as i64)
                .checked_add(b as i64)
                .map(|sum| sum as Word)),
            Instr::AddX { a, b, dst, .. } => arithmetic!(Add, get!(a), get!(b), dst, |a, b| (a
                as i64)
                .checked_add(b as i64)
                .map(|sum| sum as Word)),
            Instr::AddYX { a, b, dst, .. } => arithmetic!(Add, get!(a), get!(b), dst, |a, b| (a
                as i64)
                .checked_add(b as i64)
                .map(|sum| sum as Word)),
            Instr::AddC { a, dst, word, .. } => arithmetic_c!(Add, get!(a), word, dst, checked_add),
            Instr::AddCX { a, dst, word, .. } => {
                arithmetic_c!(Add, get!(a), word, dst, checked_add)
            }
            Instr::AddCYX { a, dst, word, .. } => {
                arithmetic_c!(Add, get!(a), word, dst, checked_add)
            }
            Instr::Sub { a, b, dst, .. } => arithmetic!(Sub, get!(a), get!(b), dst, |a, b| (a
                as i64)
                .checked_sub(b as i64)
                .map(|rest| rest as Word)),
            Instr::SubX { a, b, dst, .. } => arithmetic!(Sub, get!(a), get!(b), dst, |a, b| (a
                as i64)
                .checked_sub(b as i64)
                .map(|rest| rest as Word)),
            Instr::SubC { a, dst, word, .. } => arithmetic_c!(Sub, get!(a), word, dst, checked_sub),
            Instr::SubCX { a, dst, word, .. } => {
                arithmetic_c!(Sub, get!(a), word, dst, checked_sub)
            }
            Instr::SubCYX { a, dst, word, .. } => {
                arithmetic_c!(Sub, get!(a), word, dst, checked_sub)
            }
            Instr::Mul { a, b, dst, .. } => arithmetic!(Mul, get!(a), get!(b), dst, |a, b| (a
                as i64)
                .checked_mul((b as i64) >> 3)
                .map(|product| product as Word)),
            Instr::MulX { a, b, dst, .. } => arithmetic!(Mul, get!(a), get!(b), dst, |a, b| (a
                as i64)
                .checked_mul((b as i64) >> 3)
                .map(|product| product as Word)),
            Instr::MulC { a, dst, value, .. } => {
                arithmetic!(Mul, get!(a), word::small(i64::from(value)), dst, |a, b| (a
                    as i64)
                    .checked_mul((b as i64) >> 3)
                    .map(|product| product as Word))
            }
            Instr::IntDiv { a, b, dst, .. } => arithmetic!(Div, get!(a), get!(b), dst, |a, b| (b
                != 0
                && b != word::small(-1))
            .then(|| (((a as i64) / (b as i64)) << 3) as Word)),
            Instr::IntDivC { a, dst, value, .. } => {
                arithmetic!(Div, get!(a), word::small(i64::from(value)), dst, |a, b| (b
                    != 0
                    && b != word::small(-1))
                .then(|| (((a as i64) / (b as i64)) << 3) as Word))
            }
            Instr::Rem { a, b, dst, .. } => arithmetic!(Rem, get!(a), get!(b), dst, |a, b| (b
                != 0
                && b != word::small(-1))
            .then(|| ((a as i64) % (b as i64)) as Word)),
            Instr::RemC { a, dst, value, .. } => {
                arithmetic!(Rem, get!(a), word::small(i64::from(value)), dst, |a, b| (b
                    != 0
                    && b != word::small(-1))
                .then(|| ((a as i64) % (b as i64)) as Word))
            }
            Instr::Band { a, b, dst, .. } => {
                arithmetic!(Band, get!(a), get!(b), dst, |a, b| Some(a & b))
            }
            Instr::BandC { a, dst, value, .. } => {
                arithmetic!(Band, get!(a), word::small(i64::from(value)), dst, |a, b| {
                    Some(a & b)
                })
            }
            Instr::BandCX { a, dst, value, .. } => {
                arithmetic!(Band, get!(a), word::small(i64::from(value)), dst, |a, b| {
                    Some(a & b)
                })
            }
            Instr::Bor { a, b, dst, .. } => {
                arithmetic!(Bor, get!(a), get!(b), dst, |a, b| Some(a | b))
            }
            Instr::Bxor { a, b, dst, .. } => {
                arithmetic!(Bxor, get!(a), get!(b), dst, |a, b| Some(a ^ b))
            }
            Instr::BxorX { a, b, dst, .. } => {
                arithmetic!(Bxor, get!(a), get!(b), dst, |a, b| Some(a ^ b))
            }
            Instr::Bsl { a, b, dst, .. } => {
                arithmetic!(Bsl, get!(a), get!(b), dst, |a, b| arith::shift_left(
                    a,
                    word::small_value(b)
                ))
            }
            Instr::BslC { a, dst, value, .. } => {
                arithmetic!(Bsl, get!(a), word::small(i64::from(value)), dst, |a, b| {
                    arith::shift_left(a, word::small_value(b))
                })
            }
            Instr::Bsr { a, b, dst, .. } => {
                arithmetic!(Bsr, get!(a), get!(b), dst, |a, b| arith::shift_right(
                    a,
                    word::small_value(b)
                ))
            }
            Instr::BsrC { a, dst, value, .. } => {
                arithmetic!(Bsr, get!(a), word::small(i64::from(value)), dst, |a, b| {
                    arith::shift_right(a, word::small_value(b))
                })
            }
            Instr::BsrCX { a, dst, value, .. } => {
                arithmetic!(Bsr, get!(a), word::small(i64::from(value)), dst, |a, b| {
                    arith::shift_right(a, word::small_value(b))
                })
            }
            Instr::GuardBif { dst, fail, table } => {
                let (bif, live, count) = unsafe {
                    (
                        &*(table.word(0) as *const BifEntry),
                        table.word(1) as usize,
                        table.word(2) as usize,
                    )
                };
                let mut args = [NIL; 4];
                for (index, arg) in args.iter_mut().enumerate().take(count) {
                    *arg = operand!(unsafe { table.word(3 + index) });
                }
                sync!();
                match calls::guard_bif(process!(), registers, bif, &args[..count]) {
                    Some(result) => {
                        reload!();
                        if live == NOT_LIVE as usize {
                            set!(dst, result);
                            next!()
                        }
                        deliver!(dst, live, result)
                    }
                    None => fail_or_raise_waiting!(fail),
                }
            }
            Instr::SelfPid { dst } => {
                set!(dst, Term::pid(process!().pid()).word());
                next!()
            }
            Instr::BifHd { src, fail, dst } => {
                let list = get!(src);
                guard!(
                    word::is_cons_term(list).then(|| unsafe { *word::pointer(list) }),
                    fail,
                    dst,
                    "hd",
                    [list]
                )
            }
            Instr::BifTl { src, fail, dst } => {
                let list = get!(src);
                guard!(
                    word::is_cons_term(list).then(|| unsafe { *word::pointer(list).add(1) }),
                    fail,
                    dst,
                    "tl",
                    [list]
                )
            }
            Instr::BifElement {
                index,
                fail,
                src,
                dst,
            } => {
                let (index, tuple) = (get!(index), get!(src));
                guard!(
                    calls::element(index, tuple),
                    fail,
                    dst,
                    "element",
                    [index, tuple]
                )
            }
            Instr::BifElementC {
                src,
                fail,
                dst,
                index,
            } => {
                let (index, tuple) = (word::small(i64::from(index)), get!(src));
                guard!(
                    calls::element(index, tuple),
                    fail,
                    dst,
                    "element",
                    [index, tuple]
                )
            }
            Instr::BifTupleSize { src, fail, dst } => {
                let tuple = get!(src);
                let header = header_of!(tuple);
                let size = (header != 0 && word::header_kind(header) == BoxedKind::Tuple)
                    .then(|| word::small(word::header_words(header) as i64));
                guard!(size, fail, dst, "tuple_size", [tuple])
            }
            Instr::BifLength { src, fail, dst, .. } => {
                let list = get!(src);
                match aside!(calls::length(list)) {
                    Some(len) => {
                        reds -= (len / 64) as i32;
                        set!(dst, word::small(len as i64));
                        next!()
                    }
                    None => fail_or_raise!(fail, calls::guard_failure("length", &[list])),
                }
            }
            Instr::BifByteSize { src, fail, dst, .. } => {
                let term = get!(src);
                guard!(
                    aside!(calls::byte_size(term)),
                    fail,
                    dst,
                    "byte_size",
                    [term]
                )
            }
            Instr::BifMapSize { src, fail, dst, .. } => {
                let term = get!(src);
                match aside!(maps::size(term)) {
                    Some(size) => {
                        set!(dst, size);
                        next!()
                    }
                    None => fail_or_raise!(fail, maps::badmap(process!(), "map_size", &[term])),
                }
            }
            Instr::BifMapGet {
                key,
                fail,
                map,
                dst,
            } => {
                let (key, map) = (get!(key), get!(map));
                match map_get!(map, key) {
                    Some(value) => {
                        set!(dst, value);
                        next!()
                    }
                    None => fail_or_raise!(fail, maps::get_failure(process!(), key, map)),
                }
            }
            Instr::BifIsMapKey {
                key,
                fail,
                map,
                dst,
            } => {
                let (key, map) = (get!(key), get!(map));
                if aside!(maps::size(map)).is_none() {
                    fail_or_raise!(fail, maps::badmap(process!(), "is_map_key", &[key, map]))
                }
                set!(dst, Term::bool(map_get!(map, key).is_some()).word());
                next!()
            }
            Instr::BifCompare { a, b, dst, op } => {
                let (a, b) = (get!(a), get!(b));
                let holds = match op {
                    0 => exactly_equal!(a, b),
                    1 => !exactly_equal!(a, b),
                    2 => equal!(a, b),
                    3 => !equal!(a, b),
                    4 => less!(a, b),
                    _ => !less!(a, b),
                };
                set!(dst, Term::bool(holds).word());
                next!()
            }

            // Floats
            Instr::FloatStore { src, dst } => {
                let at = hp;
                unsafe {
                    *at = word::header(BoxedKind::Float, 1);
                    *at.add(1) = float!(src).to_bits();
                    hp = hp.add(2);
                }
                set!(dst, word::boxed(at));
                next!()
            }
            Instr::FloatLoad { src, dst } => {
                float!(dst) = f64::from_bits(element!(get!(src), 0));
                next!()
            }
            Instr::FloatLoad2 {
                src1,
                dst1,
                src2,
                dst2,
            } => {
                float!(dst1) = f64::from_bits(element!(get!(src1), 0));
                float!(dst2) = f64::from_bits(element!(get!(src2), 0));
                next!()
            }
            Instr::FloatLoadC { dst, value } => {
                float!(dst) = f64::from_bits(value);
                next!()
            }
            Instr::FloatConvert { src, dst } => {
                let term = get!(src);
                if word::is_small(term) {
                    float!(dst) = word::small_value(term) as f64;
                    next!()
                }
                match aside!(arith::to_float(term)) {
                    Some(value) => {
                        float!(dst) = value;
                        next!()
                    }
                    None => raise!(Raised::float()),
                }
            }
            Instr::FloatAdd { a, b, dst } => float_result!(dst, float!(a) + float!(b)),
            Instr::FloatSub { a, b, dst } => float_result!(dst, float!(a) - float!(b)),
            Instr::FloatMul { a, b, dst } => float_result!(dst, float!(a) * float!(b)),
            Instr::FloatDiv { a, b, dst } => float_result!(dst, float!(a) / float!(b)),
            Instr::FloatNegate { src, dst } => {
                float!(dst) = -float!(src);
                next!()
            }

            // Exceptions
            Instr::Catch { slot, handler } => {
                count_catches!(+);
                set!(slot, code_word(IMM_CATCH, unsafe { handler.from(ip) }));
                next!()
            }
            Instr::CatchEnd { slot } => {
                count_catches!(-);
                set!(slot, NIL);
                if unsafe { *x } == NO_VALUE {
                    sync!();
                    let caught = exceptions::caught(process!(), registers);
                    reload!();
                    unsafe { *x = caught };
                    collect_if_wanted!(1);
                }
                next!()
            }
            Instr::TryEnd { slot } => {
                count_catches!(-);
                set!(slot, NIL);
                if unsafe { *x } == NO_VALUE {
                    unsafe {
                        *x = *x.add(1);
                        *x.add(1) = *x.add(2);
                        *x.add(2) = *x.add(3);
                    }
                }
                next!()
            }
            Instr::TryCase { slot } => {
                count_catches!(-);
                set!(slot, NIL);
                unsafe {
                    *x = *x.add(1);
                    *x.add(1) = *x.add(2);
                    *x.add(2) = *x.add(3);
                }
                next!()
            }
            Instr::TryCaseEnd { src } => raise!(Raised::tagged(
                process!(),
                crate::atom::well_known::TRY_CLAUSE,
                get!(src)
            )),
            Instr::Badmatch { src } => {
                let value = get!(src);
                sync!();
                raise!(Raised::tagged(
                    process!(),
                    crate::atom::well_known::BADMATCH,
                    value
                ))
            }
            Instr::BadmatchC { value } => raise!(Raised::tagged(
                process!(),
                crate::atom::well_known::BADMATCH,
                value.0
            )),
            Instr::CaseEnd { src } => raise!(Raised::tagged(
                process!(),
                crate::atom::well_known::CASE_CLAUSE,
                get!(src)
            )),
            Instr::CaseEndC { value } => {
                raise!(Raised::tagged(
                    process!(),
                    crate::atom::well_known::CASE_CLAUSE,
                    value.0
                ))
            }
            Instr::IfEnd => raise!(Raised::error(crate::atom::well_known::IF_CLAUSE)),
            Instr::Badrecord { src } => raise!(Raised::tagged(
                process!(),
                crate::atom::well_known::BADRECORD,
                get!(src)
            )),
            Instr::Raise { trace, value } => {
                let (trace, reason) = (get!(trace), get!(value));
                sync!();
                flow!(exceptions::handle_again(
                    process!(),
                    registers,
                    trace,
                    reason
                ))
            }
            Instr::RawRaise => {
                if exceptions::raw_raise(registers) {
                    sync!();
                    flow!(exceptions::handle_waiting(process!(), registers))
                }
                unsafe { *x = Term::atom(crate::atom::well_known::BADARG).word() };
                next!()
            }
            Instr::BuildStacktrace => {
                sync!();
                let trace = exceptions::build_stacktrace(process!(), unsafe { *x });
                reload!();
                unsafe { *x = trace };
                collect_if_wanted!(1);
                next!()
            }

            // Messages
            Instr::Send => {
                reds -= 1;
                sync!();
                match calls::send(process!(), x) {
                    Ok(message) => {
                        reload!();
                        unsafe { *x = message };
                        next!()
                    }
                    Err(stop) => flow!(calls::send_stopped(process!(), registers, stop)),
                }
            }
            Instr::LoopRec { fail } => {
                sync!();
                match process!().peek_message() {
                    Some(message) => {
                        reload!();
                        unsafe { *x = message };
                        next!()
                    }
                    None => {
                        reload!();
                        if process!().is_interrupted() {
                            leave!(Outcome::Yielded, 0);
                        }
                        jump!(fail)
                    }
                }
            }
            Instr::LoopRecEnd { target } => {
                aside!(process!().next_message());
                reds -= 1;
                ip = unsafe { target.from(ip) };
                if reds <= 0 {
                    leave!(Outcome::Yielded, 0);
                }
                dispatch!();
            }
            Instr::RemoveMessage => {
                sync!();
                process!().accept_message();
                reload!();
                next!()
            }
            Instr::Timeout => {
                aside!(process!().restart_receive());
                next!()
            }
            Instr::Wait { target } => {
                ip = unsafe { target.from(ip) };
                leave!(Outcome::Waiting(None), 0)
            }
            // The time is looked at once: where the receive goes round, its register may hold something else.
            Instr::WaitTimeout { target, time } => match aside!(process!().time_limit()) {
                TimeLimit::Up => next!(),
                TimeLimit::Running => {
                    ip = unsafe { target.from(ip) };
                    leave!(Outcome::Waiting(None), 0)
                }
                TimeLimit::None => match aside!(calls::timeout(operand!(time))) {
                    calls::Timeout::Now => next!(),
                    calls::Timeout::Never => {
                        // Nothing is alive while it waits, so the time must be found again: keep it.
                        if target.0 == 0 {
                            leave!(Outcome::Waiting(None), waiting_live(time))
                        }
                        ip = unsafe { target.from(ip) };
                        leave!(Outcome::Waiting(None), 0)
                    }
                    calls::Timeout::After(milliseconds) => {
                        process!().timeout_ip.set(unsafe { ip.add(1) });
                        ip = unsafe { target.from(ip) };
                        leave!(Outcome::Waiting(Some(milliseconds)), 0)
                    }
                    calls::Timeout::Bad => {
                        // The receive ends here: the next one begins with the first message.
                        aside!(process!().restart_receive());
                        raise!(Raised::error(crate::atom::well_known::TIMEOUT_VALUE))
                    }
                },
            },
            Instr::RecvMarkerReserve { dst } => {
                set!(dst, aside!(process!().recv_marker_reserve()));
                next!()
            }
            Instr::RecvMarkerBind { marker, reference } => {
                aside!(process!().recv_marker_bind(get!(marker), get!(reference)));
                next!()
            }
            Instr::RecvMarkerClear { reference } => {
                aside!(process!().recv_marker_clear(get!(reference)));
                next!()
            }
            Instr::RecvMarkerUse { reference } => {
                aside!(process!().recv_marker_use(get!(reference)));
                next!()
            }

            // Funs and maps
            Instr::MakeFun { dst, table } => {
                sync!();
                let fun = calls::make_fun(process!(), registers, table);
                reload!();
                set!(dst, fun);
                next!()
            }
            Instr::NewMap { dst, table } => {
                sync!();
                let map = maps::create(process!(), registers, table);
                reload!();
                deliver!(dst, unsafe { table.word(0) }, map)
            }
            Instr::PutMapAssoc {
                dst,
                fail: _,
                table,
            } => {
                sync!();
                match maps::put_assoc(process!(), registers, table) {
                    Some(map) => {
                        reload!();
                        deliver!(dst, unsafe { table.word(1) }, map)
                    }
                    None => raise_waiting!(),
                }
            }
            Instr::PutMapExact { dst, fail, table } => {
                sync!();
                match maps::put_exact(process!(), registers, table) {
                    Some(map) => {
                        reload!();
                        deliver!(dst, unsafe { table.word(1) }, map)
                    }
                    None => fail_or_raise_waiting!(fail),
                }
            }
            Instr::HasMapFields { src, fail, table } => {
                let map = get!(src);
                let count = unsafe { table.word(0) } as usize;
                let mut has_all = true;
                for index in 1..=count {
                    has_all &= map_get!(map, operand!(unsafe { table.word(index) })).is_some();
                }
                test!(has_all, fail)
            }
            Instr::GetMapElements { src, fail, table } => {
                let map = get!(src);
                let count = unsafe { table.word(0) } as usize;
                let mut index = 1;
                let found = loop {
                    if index > count {
                        break true;
                    }
                    match map_get!(map, operand!(unsafe { table.word(index) })) {
                        Some(value) => set!(Reg(unsafe { table.word(index + 1) } as u16), value),
                        None => break false,
                    }
                    index += 2;
                };
                test!(found, fail)
            }
            Instr::GetMapElement {
                src,
                fail,
                key,
                dst,
            } => match map_get!(get!(src), get!(key)) {
                Some(value) => {
                    set!(dst, value);
                    next!()
                }
                None => jump!(fail),
            },

            // Bit syntax
            Instr::BsStartMatch { src, dst, .. } => {
                match bits::fast::start(get!(src), &mut hp, e) {
                    Some(context) => {
                        set!(dst, context);
                        next!()
                    }
                    None => bits!(),
                }
            }
            Instr::BsGetSmallInteger {
                context,
                dst,
                bits,
                signed,
                ..
            } => match bits::fast::integer(get!(context), bits as usize, signed) {
                Some(value) => {
                    set!(dst, word::small(value));
                    next!()
                }
                None => bits!(),
            },
            Instr::BsGetBinary { dst, table, .. } => {
                let (size, unit) = unsafe { (operand!(table.word(2)), table.word(3)) };
                let part = bits::fast::size(size, unit).and_then(|bits| {
                    bits::fast::part(operand!(unsafe { table.word(0) }), bits, &mut hp, e)
                });
                match part {
                    Some(part) => {
                        set!(dst, part);
                        next!()
                    }
                    None => bits!(),
                }
            }
            Instr::BsGetTail { context, dst, .. } => {
                match bits::fast::rest(get!(context), &mut hp, e) {
                    Some(rest) => {
                        set!(dst, rest);
                        next!()
                    }
                    None => bits!(),
                }
            }
            Instr::BsSkipBits { fail, table } => {
                let (size, unit) = unsafe { (operand!(table.word(1)), table.word(2)) };
                let skipped = bits::fast::size(size, unit)
                    .and_then(|bits| bits::fast::skip(operand!(unsafe { table.word(0) }), bits));
                match skipped {
                    Some(enough) => test!(enough, fail),
                    None => bits!(),
                }
            }
            Instr::BsTestTail {
                context,
                fail,
                bits,
            } => match bits::fast::left(get!(context)) {
                Some(left) => test!(left as u64 == bits, fail),
                None => bits!(),
            },
            Instr::BsTestUnit {
                context,
                fail,
                unit,
            } => match bits::fast::left(get!(context)) {
                Some(left) if unit == 8 => test!(left % 8 == 0, fail),
                _ => bits!(),
            },
            Instr::BsMatchString { fail, table } => {
                let (context, bits) = unsafe { (operand!(table.word(0)), table.word(1) as usize) };
                // SAFETY: the bytes of the literal follow in the table.
                let bytes =
                    unsafe { std::slice::from_raw_parts(table.0.add(2).cast::<u8>(), bits / 8) };
                // What is matched is read: the part of a byte at its end must not come afterwards.
                let whole = bits.is_multiple_of(8);
                match whole.then(|| bits::fast::literal(context, bytes)) {
                    Some(Some(holds)) => test!(holds, fail),
                    _ => bits!(),
                }
            }
            Instr::BsGetPosition { context, dst, .. } => {
                match bits::fast::position(get!(context)) {
                    Some(position) => {
                        set!(dst, position);
                        next!()
                    }
                    None => bits!(),
                }
            }
            Instr::BsSetPosition { context, position } => {
                match bits::fast::set_position(get!(context), get!(position)) {
                    Some(()) => next!(),
                    None => bits!(),
                }
            }
            Instr::BsGetUtf8 {
                context, dst, skip, ..
            } => match bits::fast::ascii(get!(context)) {
                Some(character) => {
                    if skip == 0 {
                        set!(dst, character);
                    }
                    next!()
                }
                None => bits!(),
            },
            Instr::BsGetInteger { .. }
            | Instr::BsGetFloat { .. }
            | Instr::BsEnsure { .. }
            | Instr::BsGetUtf16 { .. }
            | Instr::BsGetUtf32 { .. }
            | Instr::BsCreateBin { .. }
            | Instr::BsOld { .. }
            | Instr::BsInitWritable => bits!(),
        }
    }
}

/// How many X registers a waiting instruction that is run again needs: up to the one that holds its time.
fn waiting_live(time: Word) -> usize {
    match Operand::decode(time) {
        Operand::Reg(reg) if !reg.is_y() => reg.index() + 1,
        _ => 0,
    }
}

/// Leaves at the entry of a function of `arity`, the slice being used up.
#[cold]
#[inline(never)]
fn give_way(
    process: &mut Process,
    registers: &mut Registers,
    ip: *const Instr,
    e: *mut Word,
    hp: *mut Word,
    reds: i32,
    arity: usize,
) -> Outcome {
    process.heap.top.set(hp);
    process.heap.stack_top.set(e);
    process.reductions.set(reds);
    process.ip.set(ip);
    registers.save(process, arity);
    Outcome::Yielded
}

/// The same where the arity stands before the entry.
#[cold]
#[inline(never)]
fn give_way_at_entry(
    process: &mut Process,
    registers: &mut Registers,
    ip: *const Instr,
    e: *mut Word,
    hp: *mut Word,
    reds: i32,
) -> Outcome {
    give_way(process, registers, ip, e, hp, reds, calls::arity_at(ip))
}

/// Calls a BIF with its arguments in the first registers.
#[inline(always)]
fn call_bif(
    process: &Process,
    bif: &'static BifEntry,
    x: *const Word,
) -> Result<Word, calls::ErasedStop> {
    // SAFETY:
    // 1. The first `arity` registers are terms of the process; `Term` is a transparent word.
    // 2. The lifetime is that of the call in truth: the result and what is in the stop are stored into roots
    //    or acted on before anything is collected.
    let (process, args): (&'static Process, &'static [Term<'static>]) = unsafe {
        (
            &*std::ptr::from_ref(process),
            std::slice::from_raw_parts(x.cast(), bif.arity as usize),
        )
    };
    (bif.run)(Call::new(process, args)).map(Term::word)
}
