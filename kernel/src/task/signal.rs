//! Signals: sending, masks, what happens to a signal nobody handles, and the way out of the kernel, where
//! they are delivered.
//!
//! Ranks: a thread's signals come before the actions' lock, and both before run queues.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::thread::{self, THREADS, Thread};
use super::{process, sched, sigframe};
use crate::arch::current;
use crate::arch::entry::{SYSCALL, TrapFrame};
use crate::arch::sync::SpinLock;
use crate::mm::space::Fault;
use crate::println;
use crate::sys::errno::{EINTR, ERESTART};

/// Signal numbers that the kernel itself raises or treats specially.
#[allow(missing_docs, reason = "the names are Linux's")]
pub mod num {
    pub const SIGILL: u32 = 4;
    pub const SIGTRAP: u32 = 5;
    pub const SIGBUS: u32 = 7;
    pub const SIGFPE: u32 = 8;
    pub const SIGKILL: u32 = 9;
    pub const SIGSEGV: u32 = 11;
    pub const SIGPIPE: u32 = 13;
    pub const SIGALRM: u32 = 14;
    pub const SIGCHLD: u32 = 17;
    pub const SIGCONT: u32 = 18;
    pub const SIGSTOP: u32 = 19;
    pub const SIGTSTP: u32 = 20;
    pub const SIGTTIN: u32 = 21;
    pub const SIGTTOU: u32 = 22;
    pub const SIGURG: u32 = 23;
    pub const SIGWINCH: u32 = 28;
    pub const SIGINT: u32 = 2;
    pub const SIGQUIT: u32 = 3;
}

/// Highest signal number.
pub const MAX: u32 = 64;

/// A signal with what goes with it.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// Its number.
    pub number: u32,
    /// Why: `SI_USER`, `SEGV_MAPERR`, …
    pub code: i32,
    /// Sender's process number, or the fault's address.
    pub address_or_pid: u64,
    /// `si_value` of a queued signal.
    pub value: u64,
}

impl Info {
    /// Sent by `kill` or the kernel.
    pub fn user(number: u32, code: i32) -> Info {
        Info {
            number,
            code,
            address_or_pid: u64::from(process::pid()),
            value: 0,
        }
    }
}

/// What the program wants done with a signal.
#[derive(Clone, Copy)]
pub struct Action {
    /// 0 default, 1 ignore, else the handler's address.
    pub handler: u64,
    /// `SA_*`.
    pub flags: u64,
    /// Where the handler returns to.
    pub restorer: u64,
    /// Signals blocked meanwhile.
    pub mask: u64,
}

/// Actions by signal number.
pub static ACTIONS: SpinLock<[Action; MAX as usize + 1]> = SpinLock::new(
    [Action {
        handler: 0,
        flags: 0,
        restorer: 0,
        mask: 0,
    }; MAX as usize + 1],
);
/// Signals for the process that no thread has taken.
static SHARED: SpinLock<Vec<Info>> = SpinLock::new(Vec::new());
static SHARED_SET: AtomicU64 = AtomicU64::new(0);

/// `SA_RESTART`.
pub const SA_RESTART: u64 = 0x1000_0000;
/// `SA_NODEFER`.
pub const SA_NODEFER: u64 = 0x4000_0000;
/// `SA_RESETHAND`.
pub const SA_RESETHAND: u64 = 0x8000_0000;
/// `SA_ONSTACK`.
pub const SA_ONSTACK: u64 = 0x0800_0000;

/// A thread's signal state.
pub struct Signals {
    /// Blocked signals.
    pub mask: u64,
    /// The mask to restore after the handler, set by `sigsuspend` and `ppoll`.
    pub saved_mask: Option<u64>,
    pending: Vec<Info>,
    set: u64,
    /// Alternate stack: base, size, flags (`SS_DISABLE` is 2).
    pub alternate: (u64, u64, u32),
}

impl Signals {
    /// Nothing blocked, nothing pending.
    pub const fn new() -> Signals {
        Signals::with_mask(0)
    }

    /// Nothing pending.
    pub const fn with_mask(mask: u64) -> Signals {
        Signals {
            mask,
            saved_mask: None,
            pending: Vec::new(),
            set: 0,
            alternate: (0, 0, 2),
        }
    }
}

impl Default for Signals {
    fn default() -> Self {
        Signals::new()
    }
}

/// A signal's bit in a set.
pub fn bit(number: u32) -> u64 {
    1 << (number - 1)
}

const UNBLOCKABLE: u64 = 1 << (num::SIGKILL - 1) | 1 << (num::SIGSTOP - 1);

/// A mask without the signals that cannot be blocked.
pub fn maskable(mask: u64) -> u64 {
    mask & !UNBLOCKABLE
}

fn ignored_by_default(number: u32) -> bool {
    matches!(
        number,
        num::SIGCHLD
            | num::SIGCONT
            | num::SIGURG
            | num::SIGWINCH
            | num::SIGTSTP
            | num::SIGTTIN
            | num::SIGTTOU
            | num::SIGSTOP
    )
}

fn is_ignored(number: u32) -> bool {
    match ACTIONS.lock()[number as usize].handler {
        0 => ignored_by_default(number),
        handler => handler == 1,
    }
}

/// Sends a signal to one thread.
pub fn send_thread(thread: &Arc<Thread>, info: Info) {
    let deliverable = {
        let mut signals = thread.signals.lock();
        let bit = bit(info.number);
        if signals.mask & bit == 0 && is_ignored(info.number) {
            return;
        }
        if info.number < 32 && signals.set & bit != 0 {
            return;
        }
        signals.set |= bit;
        signals.pending.push(info);
        signals.mask & bit == 0
    };
    if deliverable {
        thread.attention.store(true, Ordering::SeqCst);
        poke(thread);
    } else {
        // It may wait for this very signal.
        sched::wake(thread);
    }
}

/// Sends a signal to the process: any thread that does not block it takes it.
pub fn send_process(info: Info) {
    let bit = bit(info.number);
    let threads: Vec<_> = THREADS.lock().values().cloned().collect();
    let taker = threads.iter().find(|t| t.signals.lock().mask & bit == 0);
    if taker.is_some() && is_ignored(info.number) {
        return;
    }
    {
        let mut shared = SHARED.lock();
        if info.number < 32 && SHARED_SET.load(Ordering::Relaxed) & bit != 0 {
            return;
        }
        shared.push(info);
        SHARED_SET.fetch_or(bit, Ordering::SeqCst);
    }
    // A thread that waits for a blocked signal must look too.
    for thread in &threads {
        if taker.is_some_and(|t| Arc::ptr_eq(t, thread)) {
            thread.attention.store(true, Ordering::SeqCst);
            poke(thread);
        } else if taker.is_none() {
            sched::wake(thread);
        }
    }
}

/// Makes a thread look at its signals soon: wakes it, or interrupts the processor it runs on.
fn poke(thread: &Arc<Thread>) {
    sched::wake(thread);
    if thread.on_cpu.load(Ordering::SeqCst)
        && let Some(cpu) = crate::arch::percpu::get(thread.cpu.load(Ordering::Relaxed) as usize)
        && cpu.index != crate::arch::percpu::index()
    {
        crate::arch::apic::send(cpu, crate::arch::apic::WAKE);
    }
}

/// Makes a thread end without running the program again.
pub fn kill_thread(thread: &Arc<Thread>) {
    thread.killed.store(true, Ordering::SeqCst);
    thread.attention.store(true, Ordering::SeqCst);
    poke(thread);
}

/// Whether the running thread has a signal to take, or is to end.
pub fn is_pending() -> bool {
    let me = current::get();
    if !me.attention.load(Ordering::SeqCst) {
        return false;
    }
    if me.killed.load(Ordering::Relaxed) {
        return true;
    }
    let signals = me.signals.lock();
    let pending = (signals.set | SHARED_SET.load(Ordering::SeqCst)) & !signals.mask != 0;
    if !pending {
        me.attention.store(false, Ordering::SeqCst);
        // A signal that came between the look and the store must not be forgotten.
        if SHARED_SET.load(Ordering::SeqCst) & !signals.mask != 0 {
            me.attention.store(true, Ordering::SeqCst);
        }
    }
    pending
}

/// The signals that wait for the running thread or the process.
pub fn pending_set() -> u64 {
    current::get().signals.lock().set | SHARED_SET.load(Ordering::Relaxed)
}

/// Takes a pending signal out of `wanted`.
pub fn take(wanted: u64) -> Option<Info> {
    let mut signals = current::get().signals.lock();
    if let Some(n) = first(&signals.pending, wanted) {
        let info = signals.pending.remove(n);
        signals.set = set_of(&signals.pending);
        return Some(info);
    }
    let mut shared = SHARED.lock();
    let n = first(&shared, wanted)?;
    let info = shared.remove(n);
    SHARED_SET.store(set_of(&shared), Ordering::SeqCst);
    Some(info)
}

fn first(pending: &[Info], wanted: u64) -> Option<usize> {
    let hits = pending
        .iter()
        .enumerate()
        .filter(|(_, i)| wanted & bit(i.number) != 0);
    hits.min_by_key(|(_, i)| {
        if matches!(
            i.number,
            num::SIGSEGV | num::SIGBUS | num::SIGILL | num::SIGFPE
        ) {
            0
        } else {
            i.number
        }
    })
    .map(|(n, _)| n)
}

fn set_of(pending: &[Info]) -> u64 {
    pending.iter().fold(0, |set, i| set | bit(i.number))
}

/// Replaces the running thread's mask.
pub fn set_mask(mask: u64) {
    let me = current::get();
    me.signals.lock().mask = maskable(mask);
    me.attention.store(true, Ordering::SeqCst);
}

/// A page fault of the program that could not be resolved.
pub fn fault(frame: &mut TrapFrame, at: u64, reason: Fault) {
    let (number, code) = match reason {
        Fault::Unmapped => (num::SIGSEGV, 1),
        Fault::Denied => (num::SIGSEGV, 2),
        Fault::BehindEnd => (num::SIGBUS, 2),
        Fault::NoMemory => {
            report(frame, "is out of memory", Some(at));
            process::exit_group(128 + num::SIGKILL as i32);
        }
    };
    force(
        frame,
        Info {
            number,
            code,
            address_or_pid: at,
            value: 0,
        },
    );
}

/// An exception of the program.
pub fn exception(frame: &mut TrapFrame) {
    let (number, code) = match frame.vector {
        0 => (num::SIGFPE, 1),
        1 => (num::SIGTRAP, 2),
        3 => (num::SIGTRAP, 0x80),
        6 => (num::SIGILL, 2),
        16 | 19 => (num::SIGFPE, 3),
        17 => (num::SIGBUS, 1),
        _ => (num::SIGSEGV, 0x80),
    };
    let address_or_pid = if number == num::SIGSEGV { 0 } else { frame.rip };
    force(
        frame,
        Info {
            number,
            code,
            address_or_pid,
            value: 0,
        },
    );
}

/// Raises a signal that cannot wait: without a handler, or blocked, it ends the program.
fn force(frame: &TrapFrame, info: Info) {
    let me = current::arc();
    let handler = ACTIONS.lock()[info.number as usize].handler;
    let blocked = me.signals.lock().mask & bit(info.number) != 0;
    if handler < 2 || blocked {
        die(frame, info);
    }
    send_thread(&me, info);
}

fn name(number: u32) -> &'static str {
    match number {
        2 => "interrupted",
        3 => "quit",
        num::SIGILL => "executed an illegal instruction",
        num::SIGTRAP => "hit a trap",
        6 => "aborted",
        num::SIGBUS => "accessed memory behind a file's end (bus error)",
        num::SIGFPE => "failed in arithmetic",
        num::SIGKILL => "was killed",
        num::SIGSEGV => "accessed memory it may not (segmentation fault)",
        num::SIGPIPE => "wrote to a broken pipe",
        15 => "was terminated",
        _ => "was ended by a signal",
    }
}

fn report(frame: &TrapFrame, what: &str, address: Option<u64>) {
    // A program's last word is said where the kernel's others are not wanted, too.
    crate::console::set_quiet(false);
    let me = current::get();
    let name = *me.name.lock();
    let name = core::str::from_utf8(&name)
        .unwrap_or("?")
        .trim_end_matches('\0');
    match address {
        Some(at) => println!(
            "thread {} ({name}) {what}: address {at:#x}, instruction {:#x}, stack {:#x}",
            me.tid, frame.rip, frame.rsp
        ),
        None => println!("thread {} ({name}) {what}", me.tid),
    }
}

/// The default action of a signal that ends the program.
fn die(frame: &TrapFrame, info: Info) -> ! {
    let fault = matches!(
        info.number,
        num::SIGSEGV | num::SIGBUS | num::SIGILL | num::SIGFPE
    ) && info.code > 0;
    if info.number != num::SIGPIPE && info.number != 15 && info.number != num::SIGINT {
        report(
            frame,
            name(info.number),
            fault.then_some(info.address_or_pid),
        );
    }
    process::exit_group(128 + info.number as i32)
}

/// The way out of the kernel: gives way, ends the thread, delivers signals. True if the registers must be
/// restored completely.
pub fn leave(frame: &mut TrapFrame) -> bool {
    sched::check_slice();
    let me = current::get();
    let interrupted = frame.vector == SYSCALL && frame.rax == (ERESTART.0 as u64).wrapping_neg();
    if !me.attention.load(Ordering::Relaxed) && !interrupted {
        return frame.vector != SYSCALL;
    }
    let handled = deliver(frame, me, interrupted);
    if interrupted && !handled {
        restart(frame);
    }
    handled || frame.vector != SYSCALL
}

/// Lets the program make the system call again.
fn restart(frame: &mut TrapFrame) {
    frame.rax = frame.error;
    frame.rip -= 2;
}

/// Delivers all pending signals: pushes a frame for each.
fn deliver(frame: &mut TrapFrame, me: &'static Thread, mut interrupted: bool) -> bool {
    let mut handled = false;
    loop {
        if me.killed.load(Ordering::Relaxed) {
            process::exit_thread(0);
        }
        if !is_pending() {
            if !handled {
                restore_mask(me);
            }
            return handled;
        }
        let mask = me.signals.lock().mask;
        let Some(info) = take(!mask) else { continue };
        let action = {
            let mut actions = ACTIONS.lock();
            let action = actions[info.number as usize];
            if action.flags & SA_RESETHAND != 0 {
                actions[info.number as usize].handler = 0;
            }
            action
        };
        match action.handler {
            0 if ignored_by_default(info.number) => {}
            0 => die(frame, info),
            1 => {}
            _ => {
                if interrupted {
                    if action.flags & SA_RESTART != 0 {
                        restart(frame);
                    } else {
                        frame.rax = (EINTR.0 as u64).wrapping_neg();
                    }
                }
                if sigframe::push(frame, me, &info, &action).is_err() {
                    println!("thread {}: no stack for signal {}", me.tid, info.number);
                    die(frame, Info::user(num::SIGSEGV, 0x80));
                }
                (handled, interrupted) = (true, false);
            }
        }
    }
}

/// Ends the temporary mask of `sigsuspend` and `ppoll`, no handler having run.
fn restore_mask(me: &Thread) {
    let mut signals = me.signals.lock();
    if let Some(mask) = signals.saved_mask.take() {
        signals.mask = mask;
    }
}

/// Sends a signal to a thread by number.
pub fn send_tid(tid: u32, info: Option<Info>) -> bool {
    match thread::find(tid) {
        Some(thread) => {
            if let Some(info) = info {
                send_thread(&thread, info);
            }
            true
        }
        None => false,
    }
}
