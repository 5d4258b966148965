//! Calls: BIFs and how they go on, funs, `apply`, undefined functions, the guard BIFs written out.

use std::ptr::NonNull;

use smallvec::SmallVec;

use super::exceptions::{self, Raised};
use super::{Flow, Registers, code_word};
use crate::atom;
use crate::atom::{Atom, well_known};
use crate::bif::{BifEntry, Call, Stop, Trap};
use crate::code::export::Mfa;
use crate::code::instr::{Operand, Table, X_REGISTERS};
use crate::code::{Export, FunEntry, Instr};
use crate::heap::Heap;
use crate::process::{Outcome, Process};
use crate::term::word::{self, BoxedKind, IMM_RETURN, Word};
use crate::term::{Kind, Term};

fn term<'h>(word: Word) -> Term<'h> {
    // SAFETY: a term of the running process; nothing is collected before the caller here returns, and the
    // lifetime does not leave it.
    unsafe { Term::from_word(word) }
}

/// Where a BIF was called from.
#[derive(Clone, Copy)]
pub(crate) enum Position {
    /// In a body: it returns to the next instruction.
    Body,
    /// In place of a return: the return address stands on the stack.
    Tail,
    /// As the last call of a frame of so many words.
    Last(u16),
}

impl Position {
    /// Whether the caller has nothing left to do.
    pub(crate) fn is_last(self) -> bool {
        !matches!(self, Position::Body)
    }
}

/// The arity of the function whose entry is at `ip`: its `FuncInfo` stands before it.
#[inline]
pub(crate) fn arity_at(ip: *const Instr) -> usize {
    // SAFETY: the loader puts a `FuncInfo` before every entry that a call can reach.
    match unsafe { *ip.sub(1) } {
        Instr::FuncInfo { arity, .. } => arity as usize,
        other => unreachable!("{} before a function's entry", other.name()),
    }
}

/// A BIF did not return a term: raises, or goes on as its trap says. The state was written back.
#[cold]
#[inline(never)]
pub(crate) fn stopped(
    process: &mut Process,
    registers: &mut Registers,
    bif: &'static BifEntry,
    stop: ErasedStop,
    position: Position,
) -> Flow {
    if let Stop::Trap(trap) = &stop
        && matches!(**trap, Trap::Breakpoint)
    {
        return crate::trace::call::bif(process, registers, bif, position);
    }
    let args: SmallVec<[Word; 8]> = SmallVec::from_slice(&registers.x[..bif.arity as usize]);
    match stop {
        ErasedStop::Raise(exception) => exceptions::handle(
            process,
            registers,
            Raised::from_bif(exceptions::mfa_of(bif), &args, *exception),
        ),
        ErasedStop::Trap(trap) => go_on(process, registers, *trap, position),
    }
}

/// A [`Stop`] of the running process, until it is acted on: nothing is collected in between.
pub(crate) type ErasedStop = Stop<'static>;

fn go_on(
    process: &mut Process,
    registers: &mut Registers,
    trap: Trap<'static>,
    position: Position,
) -> Flow {
    let again = process.ip.get();
    match trap {
        Trap::Call { export, args } => {
            load_args(registers, &args);
            before_call(process, position);
            enter(process, registers, export)
        }
        Trap::Yield { args } => {
            load_args(registers, &args);
            registers.save(process, args.len());
            process.ip.set(again);
            Flow::Leave(Outcome::Yielded)
        }
        Trap::Wait { args } => {
            load_args(registers, &args);
            registers.save(process, args.len());
            process.ip.set(again);
            Flow::Leave(Outcome::Waiting(None))
        }
        Trap::YieldReturn(result) => {
            registers.x[0] = result.word();
            let next = after(process, position);
            process.ip.set(next);
            registers.save(process, 1);
            Flow::Leave(Outcome::Yielded)
        }
        Trap::Hibernate { export, args } => {
            load_args(registers, &args);
            // The stack is emptied but for the end of the process.
            // SAFETY: a process's block has room for at least one word of stack.
            unsafe {
                let bottom = process.heap.end.get().sub(1);
                bottom.write(code_word(IMM_RETURN, super::snippets::END.as_ptr()));
                process.heap.stack_top.set(bottom);
            }
            process.catches.set(0);
            process.ip.set(export.address());
            registers.save(process, args.len());
            process.hibernate();
            Flow::Leave(Outcome::Waiting(None))
        }
        Trap::Exit(reason) => Flow::Leave(Outcome::Exited {
            reason: reason.word(),
            crashed: false,
        }),
        Trap::Breakpoint => unreachable!("told before"),
    }
}

fn load_args(registers: &mut Registers, args: &[Term<'_>]) {
    for (register, arg) in registers.x.iter_mut().zip(args) {
        *register = arg.word();
    }
}

/// Prepares the stack so that a function entered next returns to where the BIF would have.
pub(crate) fn before_call(process: &Process, position: Position) {
    match position {
        Position::Body => {
            // SAFETY: `STACK_SLACK` words are free below the stack's top.
            unsafe {
                let top = process.heap.stack_top.get().sub(1);
                top.write(code_word(IMM_RETURN, process.ip.get().add(1)));
                process.heap.stack_top.set(top);
            }
        }
        Position::Tail => {}
        Position::Last(words) => {
            // SAFETY: the frame has that many words.
            process
                .heap
                .stack_top
                .set(unsafe { process.heap.stack_top.get().add(words as usize) });
        }
    }
}

/// Where a BIF at `position` returns to; pops what has to be popped.
pub(crate) fn after(process: &Process, position: Position) -> *const Instr {
    if let Position::Body = position {
        // SAFETY: an instruction follows every call in a body.
        return unsafe { process.ip.get().add(1) };
    }
    before_call(process, position);
    let top = process.heap.stack_top.get();
    // SAFETY: the return address stands on top of the stack.
    unsafe {
        process.heap.stack_top.set(top.add(1));
        super::code_address(*top)
    }
}

/// Enters a function with its arguments in place, giving way if the slice is used up.
fn enter(process: &mut Process, registers: &mut Registers, export: &Export) -> Flow {
    let reductions = process.reductions.get() - 1;
    process.reductions.set(reductions);
    process.ip.set(export.address());
    if reductions <= 0 {
        registers.save(process, export.mfa.arity as usize);
        return Flow::Leave(Outcome::Yielded);
    }
    if process.heap.wants_collection() {
        let live = export.mfa.arity as usize;
        if process.collect(&mut registers.x[..live], 0).is_err() {
            return Flow::Leave(exceptions::killed_by_heap_size());
        }
    }
    Flow::At(export.address())
}

/// The code of an export that has none: the error handler's turn.
#[cold]
#[inline(never)]
pub(crate) fn undefined(
    process: &mut Process,
    registers: &mut Registers,
    export: &'static Export,
) -> Flow {
    let arity = export.mfa.arity as usize;
    let handler = Export::existing(Mfa {
        module: process.error_handler(),
        function: well_known::UNDEFINED_FUNCTION,
        arity: 3,
    });
    let Some(handler) = handler.filter(|handler| handler.is_defined()) else {
        let args: SmallVec<[Word; 8]> = SmallVec::from_slice(&registers.x[..arity]);
        // Nobody explains a function that is not there.
        let raised = Raised::of_function(export.mfa, &args, Term::atom(well_known::UNDEF).word())
            .with_error_info(word::NIL);
        return exceptions::handle(process, registers, raised);
    };
    let heap = Heap::new(&process.heap);
    let args: SmallVec<[Term<'_>; 8]> = registers.x[..arity]
        .iter()
        .map(|&word| term(word))
        .collect();
    let list = heap.list(&args).word();
    registers.x[0] = Term::atom(export.mfa.module).word();
    registers.x[1] = Term::atom(export.mfa.function).word();
    registers.x[2] = list;
    enter(process, registers, handler)
}

/// `apply` with the arguments in place: the function named by the two registers after them.
#[inline]
pub(crate) fn apply(
    process: &Process,
    registers: &mut Registers,
    arity: usize,
) -> Option<&'static Export> {
    let (module, function) = (term(registers.x[arity]), term(registers.x[arity + 1]));
    match (module.as_atom(), function.as_atom()) {
        (Some(well_known::ERLANG), Some(well_known::APPLY)) if arity == 3 => apply_args(registers),
        (Some(module), Some(function)) => Some(Export::of(Mfa {
            module,
            function,
            arity: arity as u32,
        })),
        _ => {
            let args: SmallVec<[Term<'_>; 8]> = registers.x[..arity]
                .iter()
                .map(|&word| term(word))
                .collect();
            let list = Heap::new(&process.heap).list(&args);
            let mfa = Mfa {
                module: well_known::ERLANG,
                function: well_known::APPLY,
                arity: 3,
            };
            let words = [module.word(), function.word(), list.word()];
            registers.raise(Raised::of_function(
                mfa,
                &words,
                Term::atom(well_known::BADARG).word(),
            ))
        }
    }
}

/// Unpacks a list of arguments into x0…; none if it is no proper list or too long.
fn unpack(registers: &mut Registers, list: Term<'_>) -> Option<Result<usize, ()>> {
    let mut elements = list.list();
    let mut count = 0;
    for element in elements.by_ref() {
        if count >= X_REGISTERS - 1 {
            return Some(Err(()));
        }
        registers.x[count] = element.word();
        count += 1;
    }
    elements.rest().is_nil().then_some(Ok(count))
}

/// `erlang:apply/3` with its three arguments in x0…x2. What it calls is never itself: the calls that it stands for are
/// gone through at once.
pub(crate) fn apply_args(registers: &mut Registers) -> Option<&'static Export> {
    loop {
        let export = apply_args_once(registers)?;
        let Mfa {
            module,
            function,
            arity,
        } = export.mfa;
        if (module, function, arity) != (well_known::ERLANG, well_known::APPLY, 3) {
            return Some(export);
        }
    }
}

fn apply_args_once(registers: &mut Registers) -> Option<&'static Export> {
    let [module, function, list] = [0, 1, 2].map(|index| term(registers.x[index]));
    let mfa = Mfa {
        module: well_known::ERLANG,
        function: well_known::APPLY,
        arity: 3,
    };
    let words = [module.word(), function.word(), list.word()];
    let bad = |reason: Atom| Raised::of_function(mfa, &words, Term::atom(reason).word());
    let (Some(module), Some(function)) = (module.as_atom(), function.as_atom()) else {
        return registers.raise(bad(well_known::BADARG));
    };
    match unpack(registers, list) {
        Some(Ok(arity)) => Some(Export::of(Mfa {
            module,
            function,
            arity: arity as u32,
        })),
        Some(Err(())) => registers.raise(bad(well_known::SYSTEM_LIMIT)),
        None => registers.raise(bad(well_known::BADARG)),
    }
}

/// `erlang:apply/2` with its two arguments in x0 and x1: where to go, and how many registers are alive.
pub(crate) fn apply_fun_args(
    process: &mut Process,
    registers: &mut Registers,
) -> Option<(*const Instr, usize)> {
    let (fun, list) = (registers.x[0], term(registers.x[1]));
    let mfa = Mfa {
        module: well_known::ERLANG,
        function: well_known::APPLY,
        arity: 2,
    };
    let bad =
        |reason: Atom| Raised::of_function(mfa, &[fun, list.word()], Term::atom(reason).word());
    match unpack(registers, list) {
        Some(Ok(arity)) => fun_target(process, registers, fun, arity)
            .map(|(target, live)| (target.as_ptr().cast_const(), live)),
        Some(Err(())) => registers.raise(bad(well_known::SYSTEM_LIMIT)),
        None => registers.raise(bad(well_known::BADARG)),
    }
}

/// Where a call of `fun` with `arity` arguments in x0… goes, and how many registers are alive there: the
/// values of its free variables were put after the arguments. The address is never null, so that the answer fits two of
/// the machine's registers.
#[inline]
pub(crate) fn fun_target(
    process: &mut Process,
    registers: &mut Registers,
    fun: Word,
    arity: usize,
) -> Option<(NonNull<Instr>, usize)> {
    if let Some(fun) = term(fun).as_closure() {
        let entry = fun.entry();
        if entry.id.arity as usize != arity {
            return badarity(process, registers, fun.term().word(), arity);
        }
        let address = entry.address();
        let address = match NonNull::new(address.cast_mut()) {
            Some(address) => address,
            None => match without_code(process, registers, entry, fun.term().word(), arity)? {
                CodeOfFun::Here(address) => address_of_code(address),
                CodeOfFun::Asked(handler) => return Some((address_of_code(handler), 3)),
            },
        };
        let env = fun.env();
        let live = arity + env.len();
        if live > X_REGISTERS {
            unreachable!("the code of a fun has its free variables as arguments");
        }
        for (index, value) in env.iter().enumerate() {
            // SAFETY: checked above.
            unsafe { *registers.x.get_unchecked_mut(arity + index) = value.word() };
        }
        return Some((address, live));
    }
    match term(fun).kind_if_boxed() {
        Some(Kind::Export(export)) => {
            if export.mfa.arity as usize != arity {
                return badarity(process, registers, fun, arity);
            }
            Some((address_of_code(export.address()), arity))
        }
        _ => badfun(process, registers, fun),
    }
}

#[inline]
fn address_of_code(address: *const Instr) -> NonNull<Instr> {
    NonNull::new(address.cast_mut()).expect("code has an address")
}

#[cold]
fn badfun<T>(process: &Process, registers: &mut Registers, fun: Word) -> Option<T> {
    registers.raise(Raised::tagged(process, well_known::BADFUN, fun))
}

#[cold]
fn badarity<T>(process: &Process, registers: &mut Registers, fun: Word, arity: usize) -> Option<T> {
    let heap = Heap::new(&process.heap);
    let args: SmallVec<[Term<'_>; 8]> = registers.x[..arity]
        .iter()
        .map(|&word| term(word))
        .collect();
    let call = heap.tuple(&[term(fun), heap.list(&args)]);
    registers.raise(Raised::tagged(process, well_known::BADARITY, call.word()))
}

/// What a fun without code came to.
enum CodeOfFun {
    /// Its code is there again.
    Here(*const Instr),
    /// A function of three arguments, which are in place, sees to it.
    Asked(*const Instr),
}

/// A fun whose module is not loaded: `error_handler:undefined_lambda(Module, Fun, Args)` loads it and tries again.
/// Where the code is being purged, the process is suspended until that has come to an end, and then tries again by
/// `erts_code_purger:pending_purge_lambda(Module, Fun, Args)`.
#[cold]
fn without_code(
    process: &mut Process,
    registers: &mut Registers,
    entry: &FunEntry,
    fun: Word,
    arity: usize,
) -> Option<CodeOfFun> {
    let waits = entry.is_purged() && crate::code::purge::wait(process.pid(), entry);
    let address = entry.address();
    if !waits && !address.is_null() {
        return Some(CodeOfFun::Here(address));
    }
    let (module, function) = if waits {
        (atom!("erts_code_purger"), atom!("pending_purge_lambda"))
    } else {
        (process.error_handler(), well_known::UNDEFINED_LAMBDA)
    };
    let handler = Export::existing(Mfa {
        module,
        function,
        arity: 3,
    });
    let Some(handler) = handler.filter(|handler| handler.is_defined()) else {
        return registers.raise(Raised::error(well_known::UNDEF));
    };
    if waits {
        process.suspend_until_purged();
        // It gives way at the handler's entry.
        process.reductions.set(0);
    }
    let heap = Heap::new(&process.heap);
    let args: SmallVec<[Term<'_>; 8]> = registers.x[..arity]
        .iter()
        .map(|&word| term(word))
        .collect();
    let list = heap.list(&args).word();
    registers.x[0] = Term::atom(entry.id.module).word();
    registers.x[1] = fun;
    registers.x[2] = list;
    Some(CodeOfFun::Asked(handler.address()))
}

/// `is_function(term, arity)`; none if the arity is no arity.
pub(crate) fn is_function(fun: Word, arity: Word) -> Option<bool> {
    let arity = match term(arity).kind() {
        Kind::Small(arity) if arity >= 0 => arity as u64,
        Kind::Big(big) if !big.negative => u64::MAX,
        _ => return None,
    };
    Some(match term(fun).kind_if_boxed() {
        Some(Kind::Fun(fun)) => u64::from(fun.entry().id.arity) == arity,
        Some(Kind::Export(export)) => u64::from(export.mfa.arity) == arity,
        _ => false,
    })
}

/// A fun of the operands in a table.
pub(crate) fn make_fun(process: &Process, registers: &Registers, table: Table) -> Word {
    // SAFETY: the loader made the table for `MakeFun`: the entry, a count, and as many operands.
    unsafe {
        let entry = &*(table.word(0) as *const FunEntry);
        let count = table.word(1) as usize;
        let env: SmallVec<[Term<'_>; 8]> = (0..count)
            .map(|index| match Operand::decode(table.word(2 + index)) {
                Operand::Const(word) => term(word),
                Operand::Reg(reg) => term(registers.read(process, reg)),
            })
            .collect();
        Heap::new(&process.heap)
            .fun(entry, Term::pid(process.pid()), &env)
            .word()
    }
}

/// Runs a guard BIF.
#[inline]
pub(crate) fn guard_bif(
    process: &Process,
    registers: &mut Registers,
    bif: &'static BifEntry,
    args: &[Word],
) -> Option<Word> {
    // SAFETY: the words are terms of the process; `Term` is a transparent word.
    let terms = unsafe { std::slice::from_raw_parts(args.as_ptr().cast::<Term<'_>>(), args.len()) };
    match (bif.run)(Call::new(process, terms)) {
        Ok(result) => Some(result.word()),
        Err(stop) => guard_bif_stopped(registers, bif, args, stop),
    }
}

#[cold]
#[inline(never)]
fn guard_bif_stopped(
    registers: &mut Registers,
    bif: &'static BifEntry,
    args: &[Word],
    stop: Stop<'_>,
) -> Option<Word> {
    match stop {
        Stop::Raise(exception) => {
            registers.raise(Raised::from_bif(exceptions::mfa_of(bif), args, *exception))
        }
        Stop::Trap(_) => unreachable!(
            "{}:{}/{} in a guard cannot trap",
            bif.module, bif.function, bif.arity
        ),
    }
}

/// A guard BIF written out in the interpreter failed: `badarg`.
#[cold]
pub(crate) fn guard_failure(function: &str, args: &[Word]) -> Raised {
    let function = Atom::existing(function).expect("the name of a BIF that the loader linked");
    let mfa = Mfa {
        module: well_known::ERLANG,
        function,
        arity: args.len() as u32,
    };
    Raised::of_function(mfa, args, Term::atom(well_known::BADARG).word())
}

/// `element(Index, Tuple)`.
#[inline]
pub(crate) fn element(index: Word, tuple: Word) -> Option<Word> {
    if !word::is_boxed(tuple) || !word::is_small(index) {
        return None;
    }
    // SAFETY: a boxed term points to its header, followed by as many words as it says.
    unsafe {
        let header = *word::pointer(tuple);
        let index = word::small_value(index);
        let fits = index >= 1 && index as u64 <= word::header_words(header) as u64;
        (fits && word::header_kind(header) == BoxedKind::Tuple)
            .then(|| *word::pointer(tuple).add(index as usize))
    }
}

/// `length(List)`.
pub(crate) fn length(list: Word) -> Option<usize> {
    term(list).list_len()
}

/// `byte_size(Bitstring)`.
pub(crate) fn byte_size(bits: Word) -> Option<Word> {
    term(bits)
        .as_bits()
        .map(|bits| word::small(bits.bit_len().div_ceil(8) as i64))
}

/// `x0 ! x1`.
#[inline]
pub(crate) fn send(process: &Process, x: *mut Word) -> Result<Word, ErasedStop> {
    // SAFETY: x0 and x1 are terms of the process.
    let args = unsafe { std::slice::from_raw_parts(x.cast::<Term<'static>>(), 2) };
    // SAFETY: the process outlives the call, and what it returns is acted on before anything is collected.
    let process: &'static Process = unsafe { &*std::ptr::from_ref(process) };
    crate::process::send::send(Call::new(process, args), args[0], args[1]).map(Term::word)
}

/// A send that did not return a term.
#[cold]
pub(crate) fn send_stopped(
    process: &mut Process,
    registers: &mut Registers,
    stop: ErasedStop,
) -> Flow {
    match stop {
        Stop::Raise(exception) => {
            let args = [registers.x[0], registers.x[1]];
            let mfa = Mfa {
                module: well_known::ERLANG,
                function: well_known::SEND,
                arity: 2,
            };
            exceptions::handle(process, registers, Raised::from_bif(mfa, &args, *exception))
        }
        Stop::Trap(trap) => go_on(process, registers, *trap, Position::Body),
    }
}

/// How long a receive waits.
pub(crate) enum Timeout {
    Now,
    Never,
    /// Milliseconds.
    After(u64),
    /// It is no time.
    Bad,
}

/// The time of `receive … after`.
pub(crate) fn timeout(time: Word) -> Timeout {
    match term(time).kind() {
        Kind::Small(0) => Timeout::Now,
        Kind::Small(milliseconds) if (1..=i64::from(u32::MAX)).contains(&milliseconds) => {
            Timeout::After(milliseconds as u64)
        }
        Kind::Atom(well_known::INFINITY) => Timeout::Never,
        _ => Timeout::Bad,
    }
}
