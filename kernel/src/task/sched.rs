//! The scheduler: a run queue per processor, round robin, idle processors steal and then halt.
//!
//! Ranks: a run queue's lock is a leaf; no other lock is taken under it.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::signal::Signals;
use super::thread::{Thread, Woken};
use super::timer;
use crate::arch::context::{self, Context};
use crate::arch::percpu::{self, MAX_CPUS, PerCpu};
use crate::arch::sync::SpinLock;
use crate::arch::{apic, cpu, current, tsc};
use crate::mm::stacks::KernelStack;
use crate::mm::tlb;

/// How long a thread runs while others wait.
const SLICE_NS: u64 = 4_000_000;

struct Queue {
    threads: SpinLock<VecDeque<Arc<Thread>>>,
    len: AtomicUsize,
    idle: SpinLock<Option<Arc<Thread>>>,
}

static QUEUES: [Queue; MAX_CPUS] = [const {
    Queue {
        threads: SpinLock::new(VecDeque::new()),
        len: AtomicUsize::new(0),
        idle: SpinLock::new(None),
    }
}; MAX_CPUS];

/// When this processor's present slice began.
static SLICE_START: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(0) }; MAX_CPUS];

fn queue(cpu: &PerCpu) -> &'static Queue {
    &QUEUES[cpu.index as usize]
}

/// Wakes a thread, wherever it waits.
pub fn wake(thread: &Arc<Thread>) {
    if thread.state.wake() == Woken::Enqueue {
        enqueue(thread.clone());
    }
}

/// Lets a new thread run.
pub fn start(thread: Arc<Thread>) {
    thread.cpu.store(percpu::index(), Ordering::Relaxed);
    enqueue(thread);
}

/// The processor a woken thread should run on: its last one if idle, any idle one, else its last one.
fn choose(thread: &Thread) -> &'static PerCpu {
    let allowed = thread.affinity.load(Ordering::Relaxed);
    let may = |c: &PerCpu| allowed >> c.index & 1 != 0;
    let free =
        |c: &PerCpu| c.idle.load(Ordering::SeqCst) && queue(c).len.load(Ordering::SeqCst) == 0;
    let last = percpu::get(thread.cpu.load(Ordering::Relaxed) as usize).filter(|c| may(c));
    if let Some(last) = last
        && free(last)
    {
        return last;
    }
    percpu::all()
        .find(|c| may(c) && free(c))
        .or(last)
        .or_else(|| {
            percpu::all()
                .filter(|c| may(c))
                .min_by_key(|c| queue(c).len.load(Ordering::Relaxed))
        })
        .unwrap_or_else(percpu::this)
}

fn enqueue(thread: Arc<Thread>) {
    let target = choose(&thread);
    let q = queue(target);
    {
        let mut threads = q.threads.lock();
        threads.push_back(thread);
        q.len.store(threads.len(), Ordering::SeqCst);
    }
    let me = percpu::this();
    if target.index == me.index {
        if !me.idle.load(Ordering::Relaxed) {
            arm(me);
        }
    } else if target.idle.load(Ordering::SeqCst)
        || target.timer_armed.load(Ordering::Relaxed) > tsc::now() + SLICE_NS
    {
        apic::send(target, apic::WAKE);
    }
}

/// Sets the local timer for the next timeout, or the end of the slice if others wait here.
pub fn arm(cpu: &PerCpu) {
    let mut at = timer::next(cpu.index);
    if !cpu.idle.load(Ordering::Relaxed) && queue(cpu).len.load(Ordering::Relaxed) > 0 {
        let end = SLICE_START[cpu.index as usize].load(Ordering::Relaxed) + SLICE_NS;
        at = Some(at.map_or(end, |a| a.min(end)));
    }
    if let Some(at) = at
        && at < cpu.timer_armed.load(Ordering::Relaxed)
    {
        cpu.timer_armed.store(at, Ordering::Relaxed);
        apic::set_timer(Some(at));
    }
}

/// The local timer fired.
pub fn timer_interrupt() {
    let cpu = percpu::this();
    cpu.timer_armed.store(u64::MAX, Ordering::Relaxed);
    let now = tsc::now();
    timer::expire(cpu.index, now);
    if now >= SLICE_START[cpu.index as usize].load(Ordering::Relaxed) + SLICE_NS {
        cpu.reschedule.store(true, Ordering::Relaxed);
    }
    arm(cpu);
}

/// Before the program runs on: gives way if the slice has ended.
pub fn check_slice() {
    let cpu = percpu::this();
    if cpu.reschedule.load(Ordering::Relaxed) {
        cpu.reschedule.store(false, Ordering::Relaxed);
        if queue(cpu).len.load(Ordering::Relaxed) > 0 {
            yield_now();
        } else {
            SLICE_START[cpu.index as usize].store(tsc::now(), Ordering::Relaxed);
        }
    } else if queue(cpu).len.load(Ordering::Relaxed) > 0 {
        arm(cpu);
    }
}

/// Waits until the thread is woken or the deadline (nanoseconds since start) has passed. May return early;
/// callers look at what they wait for in a loop.
pub fn block(deadline: Option<u64>) {
    let thread = current::get();
    let key = deadline.map(|at| timer::add(at, timer::Action::Wake(current::arc())));
    if thread.state.block() {
        switch_away();
    }
    if let Some(key) = key {
        timer::cancel(key);
    }
}

/// Lets other threads of this processor run first.
pub fn yield_now() {
    let cpu = percpu::this();
    let q = queue(cpu);
    if q.len.load(Ordering::Relaxed) == 0 {
        return;
    }
    let me = current::arc();
    me.state.requeue();
    {
        let mut threads = q.threads.lock();
        threads.push_back(me);
        q.len.store(threads.len(), Ordering::SeqCst);
    }
    switch_away();
}

/// Ends the running thread.
pub fn exit() -> ! {
    current::get().state.die();
    switch_away();
    unreachable!("a dead thread was scheduled")
}

/// Takes the first thread of a queue that may run on `cpu` and whose stack is free.
fn take(q: &Queue, cpu: &PerCpu) -> Option<Arc<Thread>> {
    let mut threads = q.threads.lock();
    let me = cpu.current.load(Ordering::Relaxed).cast_const();
    let n = threads.iter().position(|t| {
        (!t.on_cpu.load(Ordering::Acquire) || Arc::as_ptr(t) == me)
            && t.affinity.load(Ordering::Relaxed) >> cpu.index & 1 != 0
    })?;
    let thread = threads.remove(n);
    q.len.store(threads.len(), Ordering::SeqCst);
    thread
}

fn pick(cpu: &PerCpu) -> Option<Arc<Thread>> {
    let own = queue(cpu);
    if own.len.load(Ordering::SeqCst) > 0
        && let Some(thread) = take(own, cpu)
    {
        return Some(thread);
    }
    let n = percpu::count();
    (1..n)
        .map(|i| &QUEUES[(cpu.index as usize + i) % n])
        .filter(|q| q.len.load(Ordering::SeqCst) > 0)
        .find_map(|q| take(q, cpu))
}

/// Runs the next thread, or the idle loop. Returns when the caller's thread is chosen again.
fn switch_away() {
    let cpu = percpu::this();
    let Some(next) = pick(cpu).or_else(|| queue(cpu).idle.lock().clone()) else {
        return;
    };
    let now = tsc::now();
    SLICE_START[cpu.index as usize].store(now, Ordering::Relaxed);
    let previous = current::get();
    next.state.run();
    if Arc::as_ptr(&next) == core::ptr::from_ref(previous) {
        return;
    }
    cpu.switches.fetch_add(1, Ordering::Relaxed);
    previous.used.fetch_add(
        now - previous.since.load(Ordering::Relaxed),
        Ordering::Relaxed,
    );
    next.since.store(now, Ordering::Relaxed);
    next.on_cpu.store(true, Ordering::Relaxed);
    next.cpu.store(cpu.index, Ordering::Relaxed);
    let to: &Context = current::install(next);
    if queue(cpu).len.load(Ordering::Relaxed) > 0 {
        arm(cpu);
    }
    context::switch(&previous.context, to);
    current::release_previous();
}

/// First steps of a new thread, on its own stack.
#[allow(unsafe_code, reason = "a name for the entry code")]
#[unsafe(no_mangle)]
extern "C" fn finish_first_switch() {
    current::release_previous();
}

/// Makes this processor's idle thread and continues as it, calling `ready` first.
pub fn start_processor(ready: impl FnOnce()) -> ! {
    let cpu = percpu::this();
    let stack = KernelStack::new().expect("memory for the idle thread");
    let context = Context::kernel(stack, idle_main);
    let thread = Thread::new(
        0,
        context,
        1 << cpu.index,
        *b"idle\0\0\0\0\0\0\0\0\0\0\0\0",
        Signals::new(),
    );
    thread.on_cpu.store(true, Ordering::Relaxed);
    thread.state.run();
    *queue(cpu).idle.lock() = Some(thread.clone());
    let context: &Context = current::install(thread);
    ready();
    context::enter(context)
}

/// The idle loop: runs what there is, else halts until an interrupt.
extern "C" fn idle_main() -> ! {
    let cpu = percpu::this();
    cpu.use_idle_stack();
    loop {
        cpu.idle_since.store(tsc::now(), Ordering::Relaxed);
        // From here on others skip flushes here and send wake-ups. SeqCst: see `tlb` and `enqueue`.
        cpu.idle.swap(true, Ordering::SeqCst);
        arm(cpu);
        if !has_work(cpu) {
            cpu::wait_for_interrupt();
        }
        cpu.idle.swap(false, Ordering::SeqCst);
        tlb::answer();
        cpu.idle_ns.fetch_add(
            tsc::now() - cpu.idle_since.load(Ordering::Relaxed),
            Ordering::Relaxed,
        );
        current::get().state.requeue();
        switch_away();
        cpu.use_idle_stack();
    }
}

/// Whether any queue holds a thread that this processor may run.
fn has_work(cpu: &PerCpu) -> bool {
    let may = |t: &Arc<Thread>| t.affinity.load(Ordering::Relaxed) >> cpu.index & 1 != 0;
    QUEUES[..percpu::count()]
        .iter()
        .any(|q| q.len.load(Ordering::SeqCst) > 0 && q.threads.lock().iter().any(may))
}

/// Changes the processors a thread may run on; one that waits in a queue is put where it may run.
pub fn set_affinity(thread: &Arc<Thread>, mask: u64) {
    thread.affinity.store(mask, Ordering::SeqCst);
    for q in &QUEUES[..percpu::count()] {
        let found = {
            let mut threads = q.threads.lock();
            let n = threads.iter().position(|t| Arc::ptr_eq(t, thread));
            let found = n.and_then(|n| threads.remove(n));
            q.len.store(threads.len(), Ordering::SeqCst);
            found
        };
        if let Some(thread) = found {
            enqueue(thread);
        }
    }
    if Arc::as_ptr(thread) == core::ptr::from_ref(current::get())
        && mask >> percpu::index() & 1 == 0
    {
        let me = current::arc();
        me.state.requeue();
        enqueue(me);
        switch_away();
    }
}

/// Threads that wait in queues.
pub fn runnable() -> usize {
    QUEUES.iter().map(|q| q.len.load(Ordering::Relaxed)).sum()
}
