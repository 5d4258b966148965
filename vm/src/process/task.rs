//! Tasks that others ask of a process and that need its heap to itself: collections, copying literals,
//! checking for old code.
//!
//! A signal brings a task; it is done before the process next runs code, when all its registers are saved.

use std::collections::VecDeque;

use super::flags::Flag;
use super::signal;
use super::{Priority, Process};
use crate::atom::{Atom, well_known as w};
use crate::code::purge;
use crate::heap::OwnedTerm;
use crate::term::{Pid, Term};

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Collect, everything or what is young.
    Collect {
        /// Everything.
        full: bool,
    },
    /// Say whether old code of a module is still used.
    CheckCode(Atom),
    /// Copy the literals that are being released.
    CopyLiterals,
    /// Only answer.
    Nothing,
}

/// A task.
pub struct Task {
    /// What is to be done.
    pub work: Work,
    /// Which of several is done first.
    pub priority: Priority,
    /// Who is told.
    pub reply: Option<Reply>,
}

/// Who is told of a task's end: `{Tag, Id, Result}`.
pub struct Reply {
    to: Pid,
    tag: Atom,
    id: OwnedTerm,
}

impl Reply {
    /// To `to`, with the requester's own id.
    pub fn new(to: Pid, tag: Atom, id: Term<'_>) -> Reply {
        Reply {
            to,
            tag,
            id: OwnedTerm::copy_of(id),
        }
    }

    /// Sends it.
    pub fn send(self, result: Term<'_>) {
        let message = OwnedTerm::build(|heap| {
            heap.tuple(&[Term::atom(self.tag), self.id.adopt(heap), heap.copy(result)])
        });
        signal::send_message(self.to, message);
    }
}

impl Task {
    /// Answers for a process that is gone.
    pub fn refuse(self) {
        let result = match self.work {
            Work::CopyLiterals => Term::OK,
            Work::Collect { .. } | Work::CheckCode(_) | Work::Nothing => Term::FALSE,
        };
        if let Some(reply) = self.reply {
            reply.send(result);
        }
    }
}

/// Tasks of `normal` priority for one of `low` (OTP: `RESCHEDULE_LOW`).
const NORMAL_PER_LOW: u32 = 8;

/// What a process has yet to do.
#[derive(Default)]
pub(super) struct Tasks {
    by_priority: [VecDeque<Task>; Priority::COUNT],
    /// Tasks of `normal` since the last of `low`.
    since_low: u32,
    /// Collections that wait until they are switched on.
    later: Vec<Task>,
}

impl Tasks {
    fn push(&mut self, task: Task) {
        self.by_priority[task.priority as usize].push_back(task);
    }

    fn is_empty(&self) -> bool {
        self.by_priority.iter().all(VecDeque::is_empty)
    }

    fn next(&mut self) -> Option<Task> {
        let has = |priority: Priority| !self.by_priority[priority as usize].is_empty();
        let (normal, low) = (has(Priority::Normal), has(Priority::Low));
        let next = if has(Priority::Max) {
            Priority::Max
        } else if has(Priority::High) {
            Priority::High
        } else if normal && !(low && self.since_low >= NORMAL_PER_LOW) {
            self.since_low += u32::from(low);
            Priority::Normal
        } else {
            self.since_low = 0;
            Priority::Low
        };
        self.by_priority[next as usize].pop_front()
    }
}

impl Process {
    /// Adds a task, to be done before the process next runs code.
    pub fn add_task(&self, task: Task) {
        self.with_extras(|extras| extras.tasks.get_or_insert_default().push(task));
    }

    /// Whether collections that others ask for are done, or wait; how it was.
    pub(crate) fn set_collects(&self, on: bool) -> bool {
        let before = !self.set_flag(Flag::CollectsLater, !on);
        if on {
            self.with_extras(|extras| {
                if let Some(tasks) = &mut extras.tasks {
                    for task in std::mem::take(&mut tasks.later) {
                        tasks.push(task);
                    }
                }
            });
        }
        before
    }

    /// Whether there are tasks to be done.
    pub(super) fn has_tasks(&self) -> bool {
        let extras = self.extras.borrow();
        let tasks = extras.as_ref().and_then(|extras| extras.tasks.as_ref());
        tasks.is_some_and(|tasks| !tasks.is_empty())
    }

    /// Whether a signal that was handled while the process ran keeps it from running on: it ends, is
    /// suspended, or has tasks.
    pub fn is_interrupted(&self) -> bool {
        self.must_leave() || self.is_suspended() || self.has_tasks()
    }

    fn next_task(&self) -> Option<Task> {
        self.extras.borrow_mut().as_mut()?.tasks.as_mut()?.next()
    }

    fn put_off(&self, task: Task) {
        self.with_extras(|extras| extras.tasks.get_or_insert_default().later.push(task));
    }

    /// Does all tasks. Called when the process's registers are saved.
    pub(super) fn do_tasks(&mut self) {
        while let Some(task) = self.next_task() {
            if matches!(task.work, Work::Collect { .. }) && self.has_flag(Flag::CollectsLater) {
                self.put_off(task);
                continue;
            }
            let result = match task.work {
                Work::Collect { full } => {
                    self.collect_on_request(full);
                    Term::TRUE
                }
                Work::CheckCode(module) => Term::bool(purge::runs_old_code(self, module)),
                Work::CopyLiterals => {
                    if let Some(area) = purge::with_released_literals(|area| area.range()) {
                        self.copy_literals(area);
                    }
                    Term::atom(w::OK)
                }
                Work::Nothing => Term::TRUE,
            };
            if let Some(reply) = task.reply {
                reply.send(result);
            }
            if self.must_leave() {
                return;
            }
        }
    }

    /// Answers the tasks of a process that ends.
    pub(super) fn refuse_tasks(&self) {
        if self.has_flag(Flag::CollectsLater) {
            self.set_collects(true);
        }
        while let Some(task) = self.next_task() {
            task.refuse();
        }
    }

    fn collect_on_request(&mut self, full: bool) {
        let collected = if full {
            self.collect_all(&mut [])
        } else {
            self.collect(&mut [], 0)
        };
        if collected.is_err() {
            self.begin_exit(Term::atom(w::KILLED));
        }
    }
}
