//! Purging: making sure that nobody runs the old code of a module, and removing it.
//!
//! `erts_code_purger` drives it: it *prepares* (funs of the old code lead to a waiting room), asks every
//! process whether it runs the code ([`runs_old_code`]), and then *completes*, or *aborts* a soft purge.
//! The literals of a purged module outlive it in a queue, until `erts_literal_area_collector` has seen to it
//! that every process has copied those that it holds.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::module::Module;
use super::table::{self, Writer};
use super::{FunEntry, Instr};
use crate::atom::Atom;
use crate::heap::literal::LiteralArea;
use crate::process::Process;
use crate::term::Pid;
use crate::term::word::{self, IMM_CATCH, IMM_RETURN};

struct Purge {
    module: Atom,
    /// Funs of the old code, which nobody can call meanwhile.
    funs: Vec<&'static FunEntry>,
    /// Processes that tried to.
    waiting: Vec<Pid>,
    /// The old code proper, while a module whose `on_load` function failed takes its place.
    saved: Option<Arc<Module>>,
}

/// Rank: after the right to write code, before the table of modules.
static PURGE: Mutex<Option<Purge>> = Mutex::new(None);

static PURGER: OnceLock<Pid> = OnceLock::new();

/// Says which process is `erts_code_purger`. Once; false the second time.
pub fn set_purger(pid: Pid) -> bool {
    PURGER.set(pid).is_ok()
}

/// The process that purges, if it is known.
pub fn purger() -> Option<Pid> {
    PURGER.get().copied()
}

/// What preparing came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prepared {
    /// Processes can be checked now.
    Ready,
    /// There is no old code.
    Nothing,
    /// Another module is being purged.
    Busy,
}

/// Begins to purge the old code of a module, or the one whose `on_load` function failed.
pub fn prepare(writer: &Writer, name: Atom, on_load: bool) -> Prepared {
    let mut purge = PURGE.lock();
    if purge.is_some() {
        return Prepared::Busy;
    }
    if on_load && table::generations(name).pending.is_none() {
        return Prepared::Nothing;
    }
    let saved = if on_load {
        writer.pending_to_old(name)
    } else {
        None
    };
    let Some(old) = table::old(name) else {
        return Prepared::Nothing;
    };
    let is_old = |fun: &&FunEntry| old.contains(fun.address());
    let funs: Vec<_> = old
        .funs()
        .iter()
        .map(|&(fun, _)| fun)
        .filter(is_old)
        .collect();
    funs.iter().for_each(|fun| fun.begin_purge());
    *purge = Some(Purge {
        module: name,
        funs,
        waiting: Vec::new(),
        saved,
    });
    Prepared::Ready
}

/// Gives up a purge that was prepared: funs can be called again. The processes that waited are to be
/// resumed; none if this module is not being purged.
pub fn abort(name: Atom) -> Option<Vec<Pid>> {
    let purge = take(name)?;
    purge.funs.iter().for_each(|fun| fun.abort_purge());
    Some(purge.waiting)
}

/// What was purged.
pub struct Purged {
    /// Whether there was code to remove.
    pub removed: bool,
    /// The processes to resume.
    pub waiting: Vec<Pid>,
    /// The module, for those who have to unload what belonged to it.
    pub module: Option<Arc<Module>>,
}

/// Removes the old code: nobody runs it. None if this module is not being purged.
pub fn complete(writer: &Writer, name: Atom) -> Option<Purged> {
    let purge = take(name)?;
    purge.funs.iter().for_each(|fun| fun.finish_purge());
    let module = writer.remove_old(name, purge.saved);
    if let Some(literals) = module.as_ref().and_then(|module| module.take_literals()) {
        release_literals(literals);
    }
    Some(Purged {
        removed: module.is_some(),
        waiting: purge.waiting,
        module,
    })
}

fn take(name: Atom) -> Option<Purge> {
    let mut purge = PURGE.lock();
    purge.take_if(|purge| purge.module == name)
}

/// A process called a fun of code that is being purged: it is to be suspended, and to call
/// `erts_code_purger:pending_purge_lambda/3` when it is resumed. False if the purge has ended meanwhile, so
/// that it can call at once.
pub fn wait(pid: Pid, fun: &FunEntry) -> bool {
    match &mut *PURGE.lock() {
        Some(purge) if purge.module == fun.id.module => {
            purge.waiting.push(pid);
            true
        }
        _ => false,
    }
}

/// Whether a process that does not run now is somewhere in the old code of a module: where it goes on, or a
/// return address or handler on its stack, lies there. Funs and literals do not count (OTP 25,
/// `erts_internal:check_process_code/1`).
pub fn runs_old_code(process: &Process, name: Atom) -> bool {
    table::old(name).is_some_and(|old| runs(process, &old))
}

/// Whether a process that does not run now is somewhere in the code of a module.
pub fn runs(process: &Process, module: &Module) -> bool {
    if module.contains(process.ip.get()) {
        return true;
    }
    let heap = &process.heap;
    let (mut at, end) = (heap.stack_top.get(), heap.end.get());
    while at < end {
        // SAFETY: every word between the top of the stack and the end of the block is initialised, and the
        // process does not run.
        let word = unsafe { *at };
        if matches!(word & word::IMMEDIATE_MASK, IMM_RETURN | IMM_CATCH)
            && module.contains(word::payload(word) as *const Instr)
        {
            return true;
        }
        at = at.wrapping_add(1);
    }
    false
}

impl Process {
    /// How many words its stack takes.
    pub fn stack_words(&self) -> usize {
        self.heap.stack_words()
    }
}

/// Literals of purged modules: the one that processes are asked about, and those after it.
struct Releases {
    current: Option<LiteralArea>,
    later: VecDeque<LiteralArea>,
    wake: Option<fn()>,
}

/// Rank: the last to be taken of all locks of `code`.
static RELEASES: Mutex<Releases> = Mutex::new(Releases {
    current: None,
    later: VecDeque::new(),
    wake: None,
});

/// Registers what tells `erts_literal_area_collector` that there is work (a message `copy_literals`).
pub fn set_literals_waker(wake: fn()) {
    RELEASES.lock().wake = Some(wake);
}

/// Queues literals that nothing refers to any more but what processes hold.
pub fn release_literals(literals: LiteralArea) {
    if literals.words() == 0 {
        return;
    }
    let wake = {
        let mut releases = RELEASES.lock();
        releases.later.push_back(literals);
        releases.wake
    };
    if let Some(wake) = wake {
        wake();
    }
}

/// Frees the literals that all processes have answered for, and goes on to the next. False if there are none
/// (`erts_literal_area_collector:release_area_switch/0`).
pub fn next_literals() -> bool {
    let before = {
        let mut releases = RELEASES.lock();
        let next = releases.later.pop_front();
        std::mem::replace(&mut releases.current, next)
    };
    drop(before);
    RELEASES.lock().current.is_some()
}

/// Gives `look` the literals that processes are asked about now.
pub fn with_released_literals<R>(look: impl FnOnce(&LiteralArea) -> R) -> Option<R> {
    RELEASES.lock().current.as_ref().map(look)
}
