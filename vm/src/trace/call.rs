//! What happens where a traced function is called, and when it returns.
//!
//! A function whose return is to be told gets a frame of the tracing's own below it: the address of an
//! instruction that tells, and two slots (the function, as the address of its export in a small integer,
//! and the tracer: `true` for the process's own).

use std::sync::Arc;

use smallvec::SmallVec;

use super::actions::Actions;
use super::flags;
use super::points::{Meta, Point, Spec, Times, of, of_export};
use super::saved_calls::{self, SavedCall};
use super::tracer::{Event, Tracer, Wants};
use crate::atom;
use crate::atom::Atom;
use crate::bif::{BifEntry, Call, Stop, Trap};
use crate::code::{Export, Instr, Mfa, module, table};
use crate::heap::Heap;
use crate::heap::raw::STACK_SLACK;
use crate::interp::calls::{self, Position};
use crate::interp::{Flow, Registers, code_address, code_word, exceptions, snippets};
use crate::process::flags::Flag;
use crate::process::{Process, hooks};
use crate::term::Term;
use crate::term::word::{self, BoxedKind, IMM_RETURN, Word};

/// A frame of the tracing's own.
enum Frame {
    /// The return is told, to whom; exceptions, too, where that is said.
    Return {
        mfa: &'static Export,
        tracer: Word,
        exceptions: bool,
    },
    /// Where it returns to is told.
    ReturnTo,
    /// A BIF called last: its caller, by the instruction that calls. The stock VM gives such calls a frame, so the
    /// caller is one that the BIF returns to, and stands in stack traces.
    LastCall { at: *const Instr },
    /// Its time is taken; what was timed before it.
    Time { before: Option<&'static Export> },
}

type Frames = SmallVec<[Frame; 2]>;

/// The most words of all frames of one call.
const FRAME_WORDS: usize = 2 + 3 + 3 + 1 + 2;

fn term<'p>(word: Word) -> Term<'p> {
    // SAFETY: a term of the running process; nothing is collected while it is looked at here.
    unsafe { Term::from_word(word) }
}

/// The process has come to a function that has a breakpoint, in the module's code or its copy.
#[cold]
pub(crate) fn breakpoint(process: &mut Process, registers: &mut Registers) -> Flow {
    let at = process.ip.get();
    let module = table::find_module(at).expect("a breakpoint stands in a module's code");
    let number = module
        .function_number(at)
        .expect("a breakpoint stands at a function's entry");
    let shadow = module
        .shadow()
        .expect("a module with breakpoints has the copy");
    let body = shadow.body(number);
    if let Some(point) = shadow.point(number) {
        let arity = point.mfa.arity as usize;
        let frames = called(process, registers, &point);
        if let Err(flow) = push(process, registers, arity, &frames) {
            return flow;
        }
        if point.debug
            && let Some(flow) = debug(process, registers, &point)
        {
            return flow;
        }
    }
    Flow::At(body)
}

/// A call goes to the debugger: `breakpoint(Module, Function, Args)` of the process's error handler.
fn debug(process: &Process, registers: &mut Registers, point: &Point) -> Option<Flow> {
    let handler = Export::existing(Mfa {
        module: process.error_handler(),
        function: crate::atom::well_known::BREAKPOINT,
        arity: 3,
    })?;
    if !handler.is_defined() {
        return None;
    }
    let args = arguments(process, registers, point.mfa.arity as usize);
    let list = process.heap().list(&args).word();
    registers.x[0] = Term::atom(point.mfa.module).word();
    registers.x[1] = Term::atom(point.mfa.function).word();
    registers.x[2] = list;
    Some(Flow::At(handler.address()))
}

/// A call by name of an export that is traced.
#[cold]
pub(crate) fn export(
    process: &mut Process,
    registers: &mut Registers,
    export: &'static Export,
) -> Flow {
    if saved_calls::diverted() {
        saved_calls::put_back();
        process.save_call(SavedCall::Call(export.mfa));
    }
    if let Some(point) = of_export(export) {
        let frames = called(process, registers, &point);
        if let Err(flow) = push(process, registers, export.mfa.arity as usize, &frames) {
            return flow;
        }
    }
    Flow::At(export.untraced_address())
}

/// A call of a BIF that is traced.
#[cold]
pub(crate) fn bif(
    process: &mut Process,
    registers: &mut Registers,
    traced: &'static BifEntry,
    position: Position,
) -> Flow {
    let export = Export::of(exceptions::mfa_of(traced));
    let original = export.bif().expect("what is traced as a BIF is one");
    let resumed = process.take_resumed_bif() == Some(std::ptr::from_ref(original) as usize);
    let point = of_export(export);
    if saved_calls::diverted() {
        saved_calls::put_back();
        if !resumed {
            process.save_call(SavedCall::Call(export.mfa));
        }
    }
    let Some(point) = point else {
        return bif_without_point(process, registers, export, original, position);
    };
    // From here on it is a last call: what it returns to stands on the stack.
    let at = process.ip.get();
    calls::before_call(process, position);
    // SAFETY: the process is at this instruction.
    let by_name = matches!(
        unsafe { &*at },
        Instr::CallBifOnly { .. } | Instr::CallBifLast { .. }
    );
    // One reached by `apply` is called last indeed, but if it can only raise.
    let last = by_name
        || (position.is_last()
            && exceptions::is_raising_bif(export.mfa)
            && !std::ptr::eq(at, export.bif_stub()));
    process.ip.set(export.bif_stub());
    let arity = original.arity as usize;
    if last {
        let frame = Frames::from_iter([Frame::LastCall { at }]);
        if let Err(flow) = push(process, registers, arity, &frame) {
            return flow;
        }
    }
    if !resumed {
        let frames = called(process, registers, &point);
        if let Err(flow) = push(process, registers, arity, &frames) {
            return flow;
        }
    }
    match run_bif(process, registers, original) {
        Ok(result) => {
            registers.x[0] = result;
            go_back(process, registers)
        }
        Err(stop) => calls::stopped(process, registers, original, stop, Position::Tail),
    }
}

/// Runs a BIF whose arguments are in the registers; notes it where it gives way.
fn run_bif(
    process: &Process,
    registers: &Registers,
    bif: &'static BifEntry,
) -> Result<Word, calls::ErasedStop> {
    let args: SmallVec<[Term<'_>; 8]> = registers.x[..bif.arity as usize]
        .iter()
        .map(|&word| term(word))
        .collect();
    // SAFETY: the process does not move, and nothing is collected before the result is in a register.
    let process: &'static Process = unsafe { &*std::ptr::from_ref(process) };
    let args = process
        .heap()
        .tuple(&args)
        .as_tuple()
        .map_or(&[][..], |tuple| tuple.elements());
    let result = (bif.run)(Call::new(process, args)).map(Term::word);
    if let Err(Stop::Trap(trap)) = &result
        && matches!(**trap, Trap::Yield { .. } | Trap::Wait { .. })
    {
        process.set_resumed_bif(std::ptr::from_ref(bif) as usize);
    }
    result
}

/// A call of a BIF that is led to the tracing though nobody traces it: it goes on as the call that it is.
fn bif_without_point(
    process: &mut Process,
    registers: &mut Registers,
    export: &'static Export,
    bif: &'static BifEntry,
    position: Position,
) -> Flow {
    match (run_bif(process, registers, bif), position) {
        (Ok(result), Position::Body) => {
            registers.x[0] = result;
            if process.heap.wants_collection() && process.collect(&mut registers.x[..1], 0).is_err()
            {
                return Flow::Leave(exceptions::killed_by_heap_size());
            }
            Flow::At(calls::after(process, position))
        }
        (Ok(result), Position::Tail | Position::Last(_)) => {
            registers.x[0] = result;
            calls::before_call(process, position);
            go_back(process, registers)
        }
        (Err(stop), Position::Body) => calls::stopped(process, registers, bif, stop, position),
        (Err(stop), Position::Tail | Position::Last(_)) => {
            if let Stop::Trap(_) = stop {
                // It may be called again, by what needs no more than its arguments.
                calls::before_call(process, position);
                process.ip.set(export.bif_stub());
            }
            calls::stopped(process, registers, bif, stop, Position::Tail)
        }
    }
}

/// Returns to what stands on the stack, x0 being alive.
fn go_back(process: &mut Process, registers: &mut Registers) -> Flow {
    if process.heap.wants_collection() && process.collect(&mut registers.x[..1], 0).is_err() {
        return Flow::Leave(exceptions::killed_by_heap_size());
    }
    let top = process.heap.stack_top.get();
    // SAFETY: a return address stands on top of the stack.
    unsafe {
        process.heap.stack_top.set(top.add(1));
        Flow::At(code_address(*top))
    }
}

/// Pushes frames; collects for room, and where the tracing has built much, with `arity` registers alive.
fn push(
    process: &mut Process,
    registers: &mut Registers,
    arity: usize,
    frames: &Frames,
) -> Result<(), Flow> {
    // Tracers in frames must survive the collection.
    let tracers: SmallVec<[Word; 2]> = frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Return { tracer, .. } => Some(*tracer),
            _ => None,
        })
        .collect();
    registers.x[arity..arity + tracers.len()].copy_from_slice(&tracers);
    let live = arity + tracers.len();
    let short = !frames.is_empty() && process.heap.free_words() < FRAME_WORDS + STACK_SLACK;
    if (short || process.heap.wants_collection())
        && process
            .collect(&mut registers.x[..live], FRAME_WORDS + STACK_SLACK)
            .is_err()
    {
        return Err(Flow::Leave(exceptions::killed_by_heap_size()));
    }
    let mut next_tracer = arity;
    for frame in frames {
        process.flags.set(Flag::TraceFrames, true);
        let export = |export: &'static Export| word::small(std::ptr::from_ref(export) as i64);
        let (words, code): (SmallVec<[Word; 2]>, _) = match frame {
            Frame::Return {
                mfa, exceptions, ..
            } => {
                let tracer = registers.x[next_tracer];
                next_tracer += 1;
                let code = if *exceptions {
                    &snippets::EXCEPTION_TRACE
                } else {
                    &snippets::RETURN_TRACE
                };
                ([tracer, export(mfa)].into_iter().collect(), code)
            }
            Frame::ReturnTo => (SmallVec::new(), &snippets::RETURN_TO_TRACE),
            Frame::LastCall { at } => (
                std::iter::once(word::small(*at as i64)).collect(),
                &snippets::LAST_CALL_TRACE,
            ),
            Frame::Time { before } => {
                let before = before.map_or(word::small(0), export);
                (
                    std::iter::once(before).collect(),
                    &snippets::RETURN_TIME_TRACE,
                )
            }
        };
        let mut top = process.heap.stack_top.get();
        for word in words
            .into_iter()
            .chain([code_word(IMM_RETURN, code.as_ptr())])
        {
            // SAFETY: room was made above, beside the slack.
            unsafe {
                top = top.sub(1);
                top.write(word);
            }
        }
        process.heap.stack_top.set(top);
    }
    Ok(())
}

/// The export of an address in a frame.
fn export_at(word: Word) -> Option<&'static Export> {
    let address = word::small_value(word) as usize;
    // SAFETY: 0, or the address of an export, which is never freed (`push`).
    unsafe { (address as *const Export).as_ref() }
}

/// What stands on the stack above what the program itself has put there.
fn is(word: Word, code: &'static [Instr; 1]) -> bool {
    std::ptr::eq(code_address(word), code.as_ptr())
}

/// What a return address on the stack says of the call that it belongs to.
pub(crate) enum Caller {
    /// The call stands before the instruction there.
    Before(*const Instr),
    /// The call stands there.
    At(*const Instr),
    /// It is the tracing's own, and of no call.
    None,
}

/// What the return address at `place` on a process's stack says.
///
/// # Safety
/// A return address stands there, above what belongs to it.
pub(crate) unsafe fn caller_at(place: *const Word) -> Caller {
    // SAFETY: by contract; the slot of the tracing's frame follows (`push`).
    let (word, slot) = unsafe { (*place, place.add(1)) };
    if is(word, &snippets::LAST_CALL_TRACE) {
        // SAFETY: as above.
        Caller::At(word::small_value(unsafe { *slot }) as *const Instr)
    } else if is_trace_frame(word) {
        Caller::None
    } else {
        Caller::Before(code_address(word))
    }
}

/// The first return address on the stack that is not the tracing's own; whether `return_to` is told before.
fn caller(process: &Process) -> (Option<*const Instr>, bool) {
    let (mut at, end) = (process.heap.stack_top.get(), process.heap.end.get());
    let mut return_to = false;
    while at < end {
        // SAFETY: within the stack, whose words are initialised.
        let word = unsafe { *at };
        if word & word::IMMEDIATE_MASK != IMM_RETURN {
            return (None, return_to);
        }
        if is(word, &snippets::RETURN_TRACE) || is(word, &snippets::EXCEPTION_TRACE) {
            at = at.wrapping_add(3);
        } else if is(word, &snippets::RETURN_TIME_TRACE) {
            at = at.wrapping_add(2);
        } else if is(word, &snippets::RETURN_TO_TRACE) {
            return_to = true;
            at = at.wrapping_add(1);
        } else {
            // SAFETY: a return address of the stack.
            let caller = match unsafe { caller_at(at) } {
                Caller::At(call) => Some(call.wrapping_add(1)),
                Caller::Before(next) => Some(next),
                Caller::None => None,
            };
            return (caller, return_to);
        }
    }
    (None, return_to)
}

/// Where the function that is being entered was called from.
pub(super) fn calling(process: &Process) -> Option<module::CodeLocation> {
    let at = caller(process).0?;
    module::find(at.wrapping_sub(1))
}

/// Does what a point says; the frames that are to be pushed, the last one on top.
fn called(process: &Process, registers: &Registers, point: &Point) -> Frames {
    let mut frames = Frames::new();
    let tracee = process.shared().tracee();
    let traced = tracee.has(flags::CALL);
    if traced {
        if let Some(spec) = &point.local {
            tell(process, registers, point, spec, true, None, &mut frames);
        } else if let Some(spec) = &point.global {
            tell(process, registers, point, spec, false, None, &mut frames);
        }
    }
    if let Some(meta) = &point.meta
        && tracee.flags() & flags::SENSITIVE == 0
    {
        let spec = &meta.spec;
        tell(
            process,
            registers,
            point,
            spec,
            true,
            Some(meta),
            &mut frames,
        );
    }
    if point.counts
        && let Some(count) = &point.count
    {
        count.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    if traced
        && point.takes_time
        && let Some(times) = &point.times
    {
        let before = time_call(process, point.mfa, times);
        // A frame that is there already will do.
        let (top, end) = (process.heap.stack_top.get(), process.heap.end.get());
        // SAFETY: within the stack.
        let timed = frames.is_empty()
            && top < end
            && unsafe { *top } & word::IMMEDIATE_MASK == IMM_RETURN
            && is_trace_frame(unsafe { *top });
        if frames.is_empty() && !timed {
            frames.push(Frame::Time { before });
        }
    }
    frames
}

fn is_trace_frame(word: Word) -> bool {
    is(word, &snippets::RETURN_TRACE)
        || is(word, &snippets::EXCEPTION_TRACE)
        || is(word, &snippets::RETURN_TO_TRACE)
        || is(word, &snippets::RETURN_TIME_TRACE)
}

/// The arguments in the registers; a match context is shown as what is left of its binary.
fn arguments<'p>(process: &'p Process, registers: &Registers, arity: usize) -> Vec<Term<'p>> {
    registers.x[..arity]
        .iter()
        .map(|&word| argument(process.heap(), word))
        .collect()
}

fn argument(heap: Heap<'_>, word: Word) -> Term<'_> {
    if word::is_boxed(word) {
        let object: *const Word = word::pointer(word);
        // SAFETY: a boxed word points to a complete object; a match context has position, end and holder
        // after its header.
        unsafe {
            if word::header_kind(*object) == BoxedKind::MatchContext {
                let (position, end) = (*object.add(1) as usize, *object.add(2) as usize);
                let holder = term(*object.add(3));
                return heap.sub_bits(holder, position, end - position);
            }
        }
    }
    term(word)
}

/// Tells of a call, and notes the frames that are wanted.
fn tell(
    process: &Process,
    registers: &Registers,
    point: &Point,
    spec: &Spec,
    local: bool,
    meta: Option<&Meta>,
    frames: &mut Frames,
) {
    let heap = process.heap();
    let id = Term::pid(process.pid());
    let tracee = process.shared().tracee();
    let tracer = match meta {
        None => tracee.check(Some(process), id),
        Some(meta) => {
            let tracer = meta.tracer.read().clone();
            tracer.filter(|tracer| {
                let wants = tracer.wants(Some(process), atom!("trace_status"), id);
                if wants == Wants::Remove {
                    *meta.tracer.write() = None;
                }
                wants == Wants::Trace
            })
        }
    };
    let Some(tracer) = tracer else {
        return;
    };
    let tag = atom!("call");
    if tracer.wants(Some(process), tag, id) != Wants::Trace {
        return;
    }
    let args = arguments(process, registers, point.mfa.arity as usize);
    let list = heap.list(&args);
    let actions = Actions::new(process);
    let result = match spec {
        None => Term::TRUE,
        Some(spec) => match spec.run_trace(process, list, &actions) {
            false => Term::FALSE,
            true => actions.message().unwrap_or(Term::TRUE),
        },
    };
    let matched = !result.same(Term::FALSE);
    let told_flags = if meta.is_some() {
        flags::CALL | flags::NOW_TIMESTAMP
    } else {
        tracee.flags()
    };
    if meta.is_none() {
        if told_flags & flags::SILENT != 0 {
            return;
        }
        let return_to = local && matched && told_flags & flags::RETURN_TO != 0;
        if return_to && !caller(process).1 {
            frames.push(Frame::ReturnTo);
        }
    }
    if actions.returns() {
        frames.push(Frame::Return {
            mfa: Export::of(point.mfa),
            tracer: match meta {
                None => Term::TRUE.word(),
                Some(_) => tracer.term(heap).word(),
            },
            exceptions: actions.exceptions(),
        });
    }
    if !matched {
        return;
    }
    let shown = if told_flags & flags::ARITY != 0 {
        Term::int(point.mfa.arity as i32)
    } else {
        list
    };
    let function = function(heap, point.mfa, shown);
    let event = Event {
        result: (!result.same(Term::TRUE)).then_some(result),
        ..Event::new(tag, function)
    };
    tracer.tell(Some(process), told_flags, id, &event);
}

fn function<'h>(heap: Heap<'h>, mfa: Mfa, args: Term<'h>) -> Term<'h> {
    heap.tuple(&[Term::atom(mfa.module), Term::atom(mfa.function), args])
}

/// `{Module, Function, Arity}`.
pub(super) fn mfa_term(heap: Heap<'_>, mfa: Mfa) -> Term<'_> {
    function(heap, mfa, Term::int(mfa.arity as i32))
}

/// A traced function returns: the process is at the instruction of the tracing's frame.
#[cold]
pub(crate) fn returned(process: &mut Process, registers: &mut Registers) -> Flow {
    let at = process.ip.get();
    let top = process.heap.stack_top.get();
    // SAFETY: the slots of the frame, which `push` made.
    let slot = |index: usize| unsafe { *top.add(index) };
    let words = if std::ptr::eq(at, snippets::RETURN_TO_TRACE.as_ptr()) {
        if process.shared().tracee().has(flags::RETURN_TO) {
            return_to(process, caller(process).0);
        }
        0
    } else if std::ptr::eq(at, snippets::RETURN_TIME_TRACE.as_ptr()) {
        time_return(process, export_at(slot(0)));
        1
    } else if std::ptr::eq(at, snippets::LAST_CALL_TRACE.as_ptr()) {
        1
    } else {
        let value = term(registers.x[0]);
        tell_return(process, slot(0), slot(1), atom!("return_from"), value);
        2
    };
    // SAFETY: the frame has that many slots.
    process.heap.stack_top.set(unsafe { top.add(words) });
    go_back(process, registers)
}

fn return_to(process: &Process, at: Option<*const Instr>) {
    let heap = process.heap();
    let place = at.and_then(|at| module::find(at.wrapping_sub(1)));
    let place = place.map_or(Term::UNDEFINED, |place| mfa_term(heap, place.mfa));
    let event = Event::new(atom!("return_to"), place);
    let id = Term::pid(process.pid());
    process.shared().tracee().tell(Some(process), id, &event);
}

fn tell_return(process: &Process, export: Word, tracer: Word, tag: Atom, value: Term<'_>) {
    let heap = process.heap();
    let Some(export) = export_at(export) else {
        return;
    };
    let event = Event::new(tag, mfa_term(heap, export.mfa)).with(value);
    let id = Term::pid(process.pid());
    let tracee = process.shared().tracee();
    let tracer = term(tracer);
    if tracer.same(Term::TRUE) {
        if tracee.has(flags::CALL)
            && let Some(tracer) = tracee.tracer()
        {
            tracer.tell(Some(process), tracee.flags(), id, &event);
        }
    } else if let Some(tracer) = Tracer::of_shown(tracer) {
        let flags = flags::CALL | flags::NOW_TIMESTAMP;
        tracer.tell(Some(process), flags, id, &event);
    }
}

/// An exception goes through the frames from the top of the stack to `to`, which is its handler's or the end;
/// `handler` is where it is caught.
#[cold]
pub(crate) fn unwinding(
    process: &Process,
    to: *mut Word,
    handler: Option<*const Instr>,
    class: Atom,
    reason: Word,
) {
    let mut at = process.heap.stack_top.get();
    let mut returns = false;
    while at < to {
        // SAFETY: within the stack; what stands after the address of a frame of the tracing is its slots.
        unsafe {
            let word = *at;
            if word & word::IMMEDIATE_MASK == IMM_RETURN {
                if is(word, &snippets::EXCEPTION_TRACE) {
                    let heap = process.heap();
                    let value = heap.tuple(&[Term::atom(class), term(reason)]);
                    tell_return(
                        process,
                        *at.add(1),
                        *at.add(2),
                        atom!("exception_from"),
                        value,
                    );
                } else if is(word, &snippets::RETURN_TIME_TRACE) {
                    time_return(process, export_at(*at.add(1)));
                } else if is(word, &snippets::RETURN_TO_TRACE) {
                    returns = true;
                }
            }
            at = at.add(1);
        }
    }
    if returns
        && let Some(handler) = handler
        && process.shared().tracee().has(flags::RETURN_TO)
    {
        return_to(process, Some(handler.wrapping_add(1)));
    }
}

// Time -----------------------------------------------------------------------------------------------

/// What of a process's time is being taken.
pub struct Timed {
    /// The function that runs.
    function: Option<&'static Export>,
    /// Since when.
    since: i64,
}

fn now() -> i64 {
    hooks::schedulers().map_or(0, |clock| clock.monotonic_time())
}

fn times_of(export: &Export) -> Option<Arc<Times>> {
    of(export.mfa)??.times.clone()
}

/// Adds the time since the last look to the function that runs.
fn settle(process: &Process, timed: &mut Timed, now: i64) {
    if let Some(function) = timed.function
        && let Some(times) = times_of(function)
    {
        times.add(process.pid(), 0, now - timed.since);
    }
    timed.since = now;
}

fn time_call(process: &Process, mfa: Mfa, times: &Times) -> Option<&'static Export> {
    let now = now();
    times.add(process.pid(), 1, 0);
    process.with_extras(|extras| {
        let timed = extras.timed.get_or_insert(Timed {
            function: None,
            since: now,
        });
        settle(process, timed, now);
        timed.function.replace(Export::of(mfa))
    })
}

fn time_return(process: &Process, before: Option<&'static Export>) {
    let now = now();
    process.with_extras(|extras| {
        if let Some(timed) = &mut extras.timed {
            settle(process, timed, now);
            timed.function = before;
        }
    });
}

/// A process stops running, or runs again: only the time that it runs counts.
pub(crate) fn time_slice(process: &Process, runs: bool) {
    let now = now();
    process.with_extras(|extras| {
        if let Some(timed) = &mut extras.timed {
            if runs {
                timed.since = now;
            } else {
                settle(process, timed, now);
            }
        }
    });
}
