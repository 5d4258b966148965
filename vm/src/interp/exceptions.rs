//! Exceptions: raising, finding the handler, stack traces.
//!
//! An exception on its way is a class, a reason and a *raw trace*: a term that holds code addresses, cheap
//! to make, from which [`build_stacktrace`] makes the list that programs see. Where a handler stands, x0 is
//! [`NO_VALUE`], x1 the class, x2 the reason, x3 the raw trace.
//!
//! The raw trace is a tuple: class; frames (a non-negative large integer whose limbs are addresses, the
//! first that of the raising instruction) or a finished list; the topmost entry's function (`M`, `F`) and
//! arguments where it is not the raising instruction's own function; the `error_info` map or `[]`.

use std::sync::Arc;

use smallvec::SmallVec;

use super::arith::Op;
use super::{Flow, Registers, code_address};
use crate::atom;
use crate::atom::{Atom, well_known};
use crate::bif::{BifEntry, Class, Exception};
use crate::code::export::Mfa;
use crate::code::instr::IN_PLACE;
use crate::code::{Instr, module};
use crate::heap::Heap;
use crate::process::flags::Flag;
use crate::process::{Outcome, Process};
use crate::term::word::{self, IMM_CATCH, IMM_RETURN, NIL, NO_VALUE, Word};
use crate::term::{Kind, Term};

/// An exception about to be raised, before its trace is taken.
pub(crate) struct Raised {
    class: Class,
    reason: Word,
    top: Top,
    /// The `cause` in `error_info`.
    cause: Option<Word>,
    /// A whole `error_info` map.
    error_info: Option<Word>,
}

/// What the first entry of the trace is.
enum Top {
    /// The function that raises.
    Here,
    /// The same, with its arguments instead of its arity: the first so many X registers.
    HereWithArguments(usize),
    /// A BIF with its arguments.
    Function(Mfa, SmallVec<[Word; 4]>),
    /// The function that raises, with a list of arguments given (`erlang:error/2`).
    HereWithList(Word),
    /// A finished trace.
    Given(Word),
    /// A raw trace taken earlier.
    Raw(Word),
    /// The same, whose exception a program raises anew with a reason of its own.
    RawAnew(Word),
}

impl Raised {
    fn new(class: Class, reason: Word, top: Top) -> Raised {
        Raised {
            class,
            reason,
            top,
            cause: None,
            error_info: None,
        }
    }

    /// `error:Reason`.
    pub fn error(reason: Atom) -> Raised {
        Raised::new(Class::Error, Term::atom(reason).word(), Top::Here)
    }

    /// `error:Reason` for a term of the process's heap.
    pub fn error_word(reason: Word) -> Raised {
        Raised::new(Class::Error, reason, Top::Here)
    }

    /// The same with a whole `error_info` map.
    pub fn with_error_info(mut self, info: Word) -> Raised {
        self.error_info = Some(info);
        self
    }

    /// `error:{Tag, Value}`.
    pub fn tagged(process: &Process, tag: Atom, value: Word) -> Raised {
        let heap = Heap::new(&process.heap);
        // SAFETY: the value is a term of this process, and nothing is collected while the tuple is made.
        let reason = heap.tuple(&[Term::atom(tag), unsafe { Term::from_word(value) }]);
        Raised::new(Class::Error, reason.word(), Top::Here)
    }

    /// `error:function_clause` with the first `arity` X registers as arguments.
    pub fn function_clause(arity: u16) -> Raised {
        Raised::new(
            Class::Error,
            Term::atom(well_known::FUNCTION_CLAUSE).word(),
            Top::HereWithArguments(arity.into()),
        )
    }

    /// A BIF's exception.
    pub fn from_bif(mfa: Mfa, args: &[Word], exception: Exception<'_>) -> Raised {
        let top = match (exception.stacktrace, exception.args) {
            (Some(trace), _) => Top::Given(trace.word()),
            // `none` is no list of arguments: the arity is shown.
            (None, Some(args)) if args.is_atom(well_known::NONE) => Top::Here,
            (None, Some(args)) => Top::HereWithList(args.word()),
            (None, None) if is_raising_bif(mfa) => Top::Here,
            (None, None) => Top::Function(mfa, as_given(args)),
        };
        Raised {
            class: exception.class,
            reason: exception.reason.word(),
            top,
            cause: exception.cause.map(Term::word),
            error_info: exception.error_info.map(Term::word),
        }
    }

    /// A guard BIF or operator that failed with `reason`.
    pub fn of_function(mfa: Mfa, args: &[Word], reason: Word) -> Raised {
        Raised::new(
            Class::Error,
            reason,
            Top::Function(mfa, SmallVec::from_slice(args)),
        )
    }

    /// An operator's failure. The stock VM adds and subtracts small constants in place, so that the operator
    /// itself is not in the trace then.
    pub fn operator(instruction: &Instr, op: Op, args: &[Word], reason: Atom) -> Raised {
        if matches!(
            instruction,
            Instr::AddC { .. }
                | Instr::SubC { .. }
                | Instr::AddCX { .. }
                | Instr::SubCX { .. }
                | Instr::AddCYX { .. }
                | Instr::SubCYX { .. }
        ) || is_in_place(instruction)
        {
            return Raised::error(reason);
        }
        let mfa = Mfa {
            module: well_known::ERLANG,
            function: op.atom(),
            arity: args.len() as u32,
        };
        Raised::of_function(mfa, args, Term::atom(reason).word())
    }

    /// A failure of an instruction on floats, in whose trace the stock VM has no operator.
    pub fn float() -> Raised {
        Raised::error(well_known::BADARITH)
    }

    /// What `raw_raise` does; none if the class is no class.
    pub fn raw(class: Word, reason: Word, trace: Word) -> Option<Raised> {
        // SAFETY: an atom or not, no memory is read.
        let class = match unsafe { Term::from_word(class) }.as_atom()? {
            well_known::ERROR => Class::Error,
            well_known::EXIT => Class::Exit,
            well_known::THROW => Class::Throw,
            _ => return None,
        };
        Some(Raised::new(class, reason, Top::RawAnew(trace)))
    }

    /// Whether `erlang:apply` itself is the function that failed.
    pub fn by_apply(&self) -> bool {
        matches!(&self.top, Top::Function(mfa, _)
            if mfa.module == well_known::ERLANG && mfa.function == well_known::APPLY)
    }
}

/// Whether the stock VM adds or subtracts in place here, though the constant is too large for that in this one.
fn is_in_place(instruction: &Instr) -> bool {
    match *instruction {
        Instr::Add { live, .. }
        | Instr::AddX { live, .. }
        | Instr::AddYX { live, .. }
        | Instr::Sub { live, .. }
        | Instr::SubX { live, .. } => live & IN_PLACE != 0,
        _ => false,
    }
}

/// BIFs that exist to raise: the trace begins with their caller.
pub(crate) fn is_raising_bif(mfa: Mfa) -> bool {
    mfa.module == well_known::ERLANG
        && matches!(
            mfa.function,
            well_known::ERROR | well_known::EXIT | well_known::THROW
        )
        && !(mfa.function == well_known::EXIT && mfa.arity == 2)
}

const RAW_CLASS: usize = 0;
const RAW_FRAMES: usize = 1;
const RAW_TOP: usize = 2;
const RAW_ARGS: usize = 3;
const RAW_INFO: usize = 4;

/// In `RAW_TOP`: the function that raises, with arguments; where in it is not known any more.
const NOWHERE: Term<'static> = Term::FALSE;

fn raw_class(trace: Word) -> Option<Class> {
    if !word::is_boxed(trace) {
        return None;
    }
    // SAFETY: a boxed word of the running process.
    let raw = unsafe { Term::<'_>::from_word(trace) }.as_tuple_of::<5>()?;
    match raw[RAW_CLASS].as_atom()? {
        well_known::EXIT => Some(Class::Exit),
        well_known::THROW => Some(Class::Throw),
        _ => Some(Class::Error),
    }
}

/// Raises what a helper left in the registers. The state was written back.
#[cold]
#[inline(never)]
pub(crate) fn handle_waiting(process: &mut Process, registers: &mut Registers) -> Flow {
    let raised = registers.take_raised();
    handle(process, registers, raised)
}

/// `raw_raise` with class x0, reason x1, raw trace x2: whether the class is one and an exception waits.
#[cold]
pub(crate) fn raw_raise(registers: &mut Registers) -> bool {
    let [class, reason, trace] = [0, 1, 2].map(|index| registers.x[index]);
    match Raised::raw(class, reason, trace) {
        Some(raised) => registers.raise::<()>(raised).is_none(),
        None => false,
    }
}

/// Whether a raw trace is that of a `function_clause` error.
fn is_of_clauses(trace: Word) -> bool {
    // SAFETY: a term of the running process, and nothing is collected here.
    let raw =
        raw_class(trace).and_then(|_| unsafe { Term::<'_>::from_word(trace) }.as_tuple_of::<5>());
    raw.is_some_and(|raw| raw[RAW_TOP].is_atom(well_known::FUNCTION_CLAUSE))
}

/// Raises: takes the trace, finds the handler, and goes there; without one the process ends.
#[cold]
#[inline(never)]
pub(crate) fn handle(process: &mut Process, registers: &mut Registers, raised: Raised) -> Flow {
    let ip = process.ip.get();
    let trace = take_trace(process, registers, ip, &raised);
    deliver(process, registers, raised.class, raised.reason, trace)
}

/// What `raise` does: raises a reason again with its raw trace, or what a program made of it.
#[cold]
#[inline(never)]
pub(crate) fn handle_again(
    process: &mut Process,
    registers: &mut Registers,
    trace: Word,
    reason: Word,
) -> Flow {
    match raw_class(trace) {
        Some(class) => deliver(process, registers, class, reason, trace),
        None => {
            let raised = Raised::new(Class::Error, reason, Top::Raw(trace));
            handle(process, registers, raised)
        }
    }
}

/// Finds the handler and goes there; without one the process ends.
#[inline]
fn deliver(
    process: &mut Process,
    registers: &mut Registers,
    class: Class,
    reason: Word,
    trace: Word,
) -> Flow {
    let handler = (process.catches.get() > 0).then(|| find_handler(process));
    if process.flags.has(Flag::TraceFrames) {
        unwound(process, class, reason, handler);
    }
    if let Some((handler, frame)) = handler {
        process.heap.stack_top.set(frame);
        registers.x[0] = NO_VALUE;
        registers.x[1] = Term::atom(class.atom()).word();
        registers.x[2] = reason;
        registers.x[3] = trace;
        // The handler's first instruction never yields before it has moved these.
        if process.heap.wants_collection() && process.collect(&mut registers.x[1..4], 0).is_err() {
            return Flow::Leave(killed_by_heap_size());
        }
        return Flow::At(handler);
    }
    let heap = Heap::new(&process.heap);
    // SAFETY: reason and trace are terms of this process; nothing is collected until it ends.
    let (reason, trace) = unsafe { (Term::from_word(reason), Term::from_word(trace)) };
    let (reason, crashed) = match class {
        Class::Exit => (reason, false),
        Class::Error => (heap.tuple(&[reason, stacktrace_list(heap, trace)]), true),
        Class::Throw => {
            let uncaught = heap.tuple(&[Term::atom(well_known::NOCATCH), reason]);
            (heap.tuple(&[uncaught, stacktrace_list(heap, trace)]), true)
        }
    };
    Flow::Leave(Outcome::Exited {
        reason: reason.word(),
        crashed,
    })
}

/// Tells of functions that an exception goes through.
#[cold]
fn unwound(
    process: &Process,
    class: Class,
    reason: Word,
    handler: Option<(*const Instr, *mut Word)>,
) {
    let to = handler.map_or(process.heap.end.get(), |(_, frame)| frame);
    let (class, reason) = match (class, handler) {
        (Class::Throw, None) => {
            let heap = Heap::new(&process.heap);
            // SAFETY: a term of this process, and nothing is collected here.
            let reason = unsafe { Term::from_word(reason) };
            let uncaught = heap.tuple(&[Term::atom(well_known::NOCATCH), reason]);
            (Class::Error, uncaught.word())
        }
        (class, _) => (class, reason),
    };
    let handler = handler.map(|(handler, _)| handler);
    crate::trace::call::unwinding(process, to, handler, class.atom(), reason);
}

/// The arguments as a BIF's caller gave them: one that gave way has its state in the first.
fn as_given<A: smallvec::Array<Item = Word>>(args: &[Word]) -> SmallVec<A> {
    let mut args = SmallVec::from_slice(args);
    if let Some(first) = args.first_mut() {
        // SAFETY: an argument of a BIF is a term of its process, and nothing was collected since the call.
        *first = crate::bif::progress::as_given(unsafe { Term::from_word(*first) }).word();
    }
    args
}

/// How a process ends that has exceeded its `max_heap_size`.
pub(crate) fn killed_by_heap_size() -> Outcome {
    Outcome::Exited {
        reason: Term::atom(well_known::KILLED).word(),
        crashed: false,
    }
}

/// The innermost handler and the frame it stands in.
fn find_handler(process: &Process) -> (*const Instr, *mut Word) {
    let mut at = process.heap.stack_top.get();
    let end = process.heap.end.get();
    let mut frame = at;
    while at < end {
        // SAFETY: between the stack's top and the block's end every word is initialised.
        let word = unsafe { *at };
        match word & word::IMMEDIATE_MASK {
            IMM_CATCH => return (code_address(word), frame),
            // SAFETY: still within the stack or one past it.
            IMM_RETURN => frame = unsafe { at.add(1) },
            _ => {}
        }
        // SAFETY: as above.
        at = unsafe { at.add(1) };
    }
    unreachable!("`catches` counts the handlers on the stack")
}

/// The raw trace of an exception raised at `ip`.
fn take_trace(process: &Process, registers: &Registers, ip: *const Instr, raised: &Raised) -> Word {
    let heap = Heap::new(&process.heap);
    // SAFETY: all words are terms of this process, and nothing is collected here.
    let term = |word: Word| unsafe { Term::from_word(word) };
    let class = Term::atom(raised.class.atom());
    if let Top::Raw(trace) | Top::RawAnew(trace) = raised.top {
        // OTP 25: only where the class of the error says `function_clause` is the place of the clauses known.
        let is_lost = matches!(raised.top, Top::RawAnew(_)) && is_of_clauses(trace);
        // A raw trace of the same class is used again; a list that a program made is wrapped.
        if raw_class(trace) == Some(raised.class) && !is_lost {
            return trace;
        }
        let (frames, top, args, info) =
            match raw_class(trace).and_then(|_| term(trace).as_tuple_of::<5>()) {
                Some(raw) => (raw[RAW_FRAMES], raw[RAW_TOP], raw[RAW_ARGS], raw[RAW_INFO]),
                None => (term(trace), Term::NIL, Term::NIL, Term::NIL),
            };
        let top = if is_lost { NOWHERE } else { top };
        return heap.tuple(&[class, frames, top, args, info]).word();
    }
    if let Top::Given(list) = raised.top {
        return heap
            .tuple(&[class, term(list), Term::NIL, Term::NIL, Term::NIL])
            .word();
    }
    let depth = crate::process::backtrace_depth();
    use crate::trace::call::{Caller, caller_at};
    // The first limb is no address: it keeps the integer from being a small one.
    let mut addresses: SmallVec<[u64; 16]> = SmallVec::new();
    addresses.push(u64::MAX);
    // SAFETY: an exception is raised by the instruction at `ip`.
    let is_native = matches!(unsafe { &*ip }, Instr::CallNative { .. });
    if !is_native {
        // A native function stands in place of its own code: it is named by `top` already.
        addresses.push(ip as u64);
    }
    let mut at = process.heap.stack_top.get();
    let end = process.heap.end.get();
    while at < end && addresses.len() < depth.max(1) + 2 {
        // SAFETY: between the stack's top and the block's end every word is initialised.
        let word = unsafe { *at };
        if word & word::IMMEDIATE_MASK == IMM_RETURN {
            // The call stands before the instruction that it returns to. A place that calls itself over and
            // over is listed once (OTP 25, `gather_stacktrace`).
            // SAFETY: a return address of the stack.
            let call = match unsafe { caller_at(at) } {
                Caller::Before(next) => Some(next.wrapping_sub(1)),
                Caller::At(call) => Some(call),
                Caller::None => None,
            };
            if let Some(call) = call.map(|call| call as u64)
                && (addresses.len() <= 2 || addresses.last() != Some(&call))
            {
                addresses.push(call);
            }
        }
        // SAFETY: as above.
        at = unsafe { at.add(1) };
    }
    // The last limb must not be zero for this to be a well-formed integer; addresses never are.
    let frames = heap.big(false, &addresses);
    let (top, args) = match &raised.top {
        Top::Function(mfa, args) => {
            let function = heap.tuple(&[Term::atom(mfa.module), Term::atom(mfa.function)]);
            let args: SmallVec<[Term<'_>; 4]> = args.iter().map(|&word| term(word)).collect();
            (function, heap.list(&args))
        }
        Top::HereWithArguments(arity) => {
            let args: SmallVec<[Term<'_>; 8]> = registers.x[..*arity]
                .iter()
                .map(|&word| term(word))
                .collect();
            (Term::atom(well_known::FUNCTION_CLAUSE), heap.list(&args))
        }
        Top::HereWithList(list) => (Term::TRUE, term(*list)),
        _ => (Term::NIL, Term::NIL),
    };
    let info = match (raised.error_info, raised.cause, &raised.top) {
        (Some(info), ..) => term(info),
        // Nobody explains the errors of native functions.
        (None, cause, Top::Function(mfa, _)) if raised.class == Class::Error && !is_native => {
            error_info(heap, *mfa, cause.map(term))
        }
        _ => Term::NIL,
    };
    heap.tuple(&[class, frames, top, args, info]).word()
}

/// The `error_info` of a BIF's error: who can explain it, and the cause if the BIF said one.
fn error_info<'h>(heap: Heap<'h>, mfa: Mfa, cause: Option<Term<'h>>) -> Term<'h> {
    let explainer = match mfa.module {
        m if m == well_known::ERLANG => atom!("erl_erts_errors"),
        m if has_kernel_explainer(m) => atom!("erl_kernel_errors"),
        m if has_stdlib_explainer(m) => atom!("erl_stdlib_errors"),
        _ => atom!("erl_erts_errors"),
    };
    let module = Term::atom(well_known::MODULE);
    match cause {
        None => heap.flat_map(&[module], &[Term::atom(explainer)]),
        Some(cause) => heap.flat_map(
            &[Term::atom(well_known::CAUSE), module],
            &[cause, Term::atom(explainer)],
        ),
    }
}

fn has_kernel_explainer(module: Atom) -> bool {
    matches!(module.name(), "os")
}

fn has_stdlib_explainer(module: Atom) -> bool {
    matches!(
        module.name(),
        "binary" | "ets" | "lists" | "maps" | "math" | "re" | "unicode"
    )
}

/// What `catch Expr` returns for the exception in x1…x3.
#[cold]
pub(crate) fn caught(process: &Process, registers: &Registers) -> Word {
    let heap = Heap::new(&process.heap);
    // SAFETY: x1…x3 are terms of this process, and nothing is collected here.
    let [class, reason, trace] =
        [1, 2, 3].map(|index| unsafe { Term::from_word(registers.x[index]) });
    match class.as_atom() {
        Some(well_known::THROW) => reason.word(),
        Some(well_known::EXIT) => heap
            .tuple(&[Term::atom(well_known::EXIT_SIGNAL), reason])
            .word(),
        _ => {
            let reason = heap.tuple(&[reason, stacktrace_list(heap, trace)]);
            heap.tuple(&[Term::atom(well_known::EXIT_SIGNAL), reason])
                .word()
        }
    }
}

/// The list that programs see, of the raw trace in `raw` (anything else is returned as it is).
#[cold]
pub(crate) fn build_stacktrace(process: &Process, raw: Word) -> Word {
    let heap = Heap::new(&process.heap);
    // SAFETY: a term of this process, and nothing is collected here.
    stacktrace_list(heap, unsafe { Term::from_word(raw) }).word()
}

fn stacktrace_list<'h>(heap: Heap<'h>, raw: Term<'h>) -> Term<'h> {
    if raw_class(raw.word()).is_none() {
        return raw;
    }
    let Some(raw) = raw.as_tuple_of::<5>() else {
        return raw;
    };
    let Kind::Big(frames) = raw[RAW_FRAMES].kind() else {
        return raw[RAW_FRAMES];
    };
    let mut entries: SmallVec<[Term<'h>; 10]> = SmallVec::new();
    let mut names = FileNames::default();
    let mut addresses = frames.limbs[1..].iter().map(|&limb| limb as *const Instr);
    let info_entry = match raw[RAW_INFO].is_nil() {
        true => Term::NIL,
        false => heap.list(&[heap.tuple(&[Term::atom(well_known::ERROR_INFO), raw[RAW_INFO]])]),
    };
    if let Some([module, function]) = raw[RAW_TOP].as_tuple_of::<2>() {
        entries.push(heap.tuple(&[module, function, raw[RAW_ARGS], info_entry]));
    } else if let Some(here) = addresses.find_map(module::find) {
        // A BIF reached by `apply` was raised by its stub, which is of no module.
        let top = raw[RAW_TOP];
        let arity = if top.is_nil() {
            Term::int(here.mfa.arity as i32)
        } else {
            raw[RAW_ARGS]
        };
        let place = here.location.filter(|_| !top.same(NOWHERE));
        let location = names.location(heap, place, info_entry);
        entries.push(heap.tuple(&[
            Term::atom(here.mfa.module),
            Term::atom(here.mfa.function),
            arity,
            location,
        ]));
    }
    let depth = crate::process::backtrace_depth();
    for at in addresses {
        if entries.len() >= depth {
            break;
        }
        // Addresses outside any module are those of `snippets`.
        let Some(found) = module::find(at) else {
            continue;
        };
        let arity = Term::int(found.mfa.arity as i32);
        let location = names.location(heap, found.location, Term::NIL);
        entries.push(heap.tuple(&[
            Term::atom(found.mfa.module),
            Term::atom(found.mfa.function),
            arity,
            location,
        ]));
    }
    heap.list(&entries)
}

/// The name of the file that the last entry of a trace was in: the next is mostly in the same.
#[derive(Default)]
struct FileNames<'h>(Option<(Arc<str>, Term<'h>)>);

impl<'h> FileNames<'h> {
    fn name(&mut self, heap: Heap<'h>, file: Arc<str>) -> Term<'h> {
        match &self.0 {
            Some((last, name)) if Arc::ptr_eq(last, &file) => *name,
            _ => {
                let name = heap.tuple(&[Term::atom(well_known::FILE), heap.string(&file)]);
                self.0 = Some((file, name));
                name
            }
        }
    }

    /// `[{file, File}, {line, Line} | More]`.
    fn location(
        &mut self,
        heap: Heap<'h>,
        location: Option<module::SourceLocation>,
        more: Term<'h>,
    ) -> Term<'h> {
        let Some(location) = location else {
            return more;
        };
        let file = self.name(heap, location.file);
        let line = heap.tuple(&[
            Term::atom(well_known::LINE),
            Term::int(location.line as i32),
        ]);
        heap.list_with_tail(&[file, line], more)
    }
}

/// The module, function and arity of a BIF's row.
pub(crate) fn mfa_of(bif: &BifEntry) -> Mfa {
    Mfa {
        module: match bif.module {
            "erlang" => well_known::ERLANG,
            other => Atom::from_static(other),
        },
        function: Atom::from_static(bif.function),
        arity: u32::from(bif.arity),
    }
}

const _: () = assert!(NIL != NO_VALUE);
