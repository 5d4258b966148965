//! Tasks that others ask of a process and that need its heap to itself: collections, copying literals,
//! checking for old code.
//!
//! A signal brings a task; it is done before the process next runs code, when all its registers are saved.

use super::Process;
use super::signal;
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

impl Process {
    /// Adds a task, to be done before the process next runs code.
    pub fn add_task(&self, task: Task) {
        self.with_extras(|extras| extras.tasks.push_back(task));
    }

    /// Whether there are tasks to be done.
    pub(super) fn has_tasks(&self) -> bool {
        let extras = self.extras.borrow();
        extras
            .as_ref()
            .is_some_and(|extras| !extras.tasks.is_empty())
    }

    /// Whether a signal that was handled while the process ran keeps it from running on: it ends, is
    /// suspended, or has tasks.
    pub fn is_interrupted(&self) -> bool {
        self.must_leave() || self.is_suspended() || self.has_tasks()
    }

    fn next_task(&self) -> Option<Task> {
        self.extras.borrow_mut().as_mut()?.tasks.pop_front()
    }

    /// Does all tasks. Called when the process's registers are saved.
    pub(super) fn do_tasks(&mut self) {
        while let Some(task) = self.next_task() {
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
