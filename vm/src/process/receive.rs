//! `receive`, as the interpreter's instructions need it.
//!
//! [`Process::peek_message`] gives the message that the receive in progress looks at, fetching signals when
//! the mailbox is at its end. A receive with a time limit is armed by the scheduler when the process first
//! waits in it, and disarmed when a message is accepted; the limit's signal carries a number, so that one
//! that comes too late for its receive is not taken for the next one's.

use std::time::Duration;

use super::hooks;
use super::mailbox::Removed;
use super::signal::RefNumber;
use super::{Process, Wait};
use crate::term::word::{self, Word};
use crate::term::{Kind, Term};
use crate::trace::saved_calls::SavedCall;
use crate::trace::{events, sequential};

/// The time limit of the receive in progress.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timeout {
    /// There is none, or it is not armed.
    None,
    /// The signal of this number ends the wait.
    Armed { number: u64, timer: u64 },
    /// The time is up.
    Fired,
}

/// The time limit of a receive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TimeLimit {
    /// It has none yet.
    None,
    /// It is running.
    Running,
    /// It is up.
    Up,
}

impl Process {
    /// The message that the receive in progress looks at, as a word of this heap; none when it has seen all,
    /// or a signal [interrupts](Process::is_interrupted) the process.
    #[inline]
    pub fn peek_message(&mut self) -> Option<Word> {
        if !self.mailbox.has_current() {
            self.fetch_signals();
            if self.is_interrupted() {
                return None;
            }
        }
        self.mailbox.current(self.heap()).map(Term::word)
    }

    /// The current message is received: takes it out, and ends the receive.
    pub fn accept_message(&mut self) {
        match self.mailbox.remove_current() {
            Removed::WithoutToken if self.seq_token().is_nil() => {}
            Removed::WithoutToken => self.receive_token(None),
            Removed::Notice => {}
            Removed::Pair(pair) => self.receive_token(Some(pair)),
        }
        self.disarm_timeout();
        self.save_call(SavedCall::Receive);
    }

    /// The message that is received brought a token, or none where the process has one.
    #[cold]
    fn receive_token(&self, pair: Option<Word>) {
        // SAFETY: a word of this heap, and nothing was collected since it was taken from the mailbox.
        let pair = pair.and_then(|pair| unsafe { Term::from_word(pair) }.as_cons());
        match pair {
            Some(cell) if !cell.tail().is_nil() => {
                sequential::receive(self, Some(cell.tail()), cell.head());
            }
            _ => sequential::receive(self, None, Term::NIL),
        }
    }

    /// The current message does not match: goes on to the next.
    pub fn next_message(&mut self) {
        self.mailbox.advance();
    }

    /// The receive ended without a message: the next begins with the first, without a time limit.
    pub fn restart_receive(&mut self) {
        self.mailbox.restart();
        self.disarm_timeout();
        self.save_call(SavedCall::Timeout);
        events::timeout(self);
    }

    /// The next receive starts with the messages that come after those that are there.
    pub fn skip_messages(&self) {
        self.mailbox.skip_all();
    }

    /// Remembers where the mailbox ends now; the answer is an integer's word for
    /// [`recv_marker_bind`](Process::recv_marker_bind).
    pub fn recv_marker_reserve(&mut self) -> Word {
        word::small(i64::from(self.mailbox.reserve_marker()))
    }

    /// Binds a remembered place to a reference that was made after it.
    pub fn recv_marker_bind(&mut self, marker: Word, reference: Word) {
        if word::is_small(marker)
            && let Some(reference) = self.reference_number(reference)
        {
            self.mailbox
                .bind_marker(word::small_value(marker) as u32, reference);
        }
    }

    /// Forgets a remembered place: by the reference that it is bound to, or by itself.
    pub fn recv_marker_clear(&mut self, reference: Word) {
        if word::is_small(reference) {
            self.mailbox
                .clear_marker_number(word::small_value(reference) as u32);
        } else if let Some(reference) = self.reference_number(reference) {
            self.mailbox.clear_marker(reference);
        }
    }

    /// Starts the receive at the place bound to a reference, if one is.
    pub fn recv_marker_use(&mut self, reference: Word) {
        if let Some(reference) = self.reference_number(reference) {
            self.mailbox.use_marker(reference);
        }
    }

    fn reference_number(&self, word: Word) -> Option<RefNumber> {
        // SAFETY: the interpreter hands over a register's term, which is of this heap.
        let term: Term<'_> = unsafe { Term::from_word(word) };
        match term.kind() {
            Kind::Ref(reference) => Some(reference.number()),
            _ => None,
        }
    }

    /// The process wants to wait for a message or signal, at most `milliseconds`. True when it may sleep;
    /// else it has something to do already.
    pub fn wait(&mut self, milliseconds: Option<u64>) -> bool {
        if self.wait.get() == Wait::Turn {
            self.wait.set(Wait::Signal);
        }
        self.signalled.set(false);
        if let Some(milliseconds) = milliseconds
            && self.timeout.get() == Timeout::None
        {
            self.arm_timeout(milliseconds);
        }
        !self.is_ready()
    }

    /// Whether a waiting process has a reason to run. Signals must have been handled before.
    pub fn is_ready(&self) -> bool {
        match self.wait.get() {
            Wait::Turn => true,
            Wait::Message => self.mailbox.has_current(),
            Wait::Signal => self.signalled.get() || self.timeout.get() == Timeout::Fired,
        }
    }

    /// Whether it waits, and nothing but a signal that is no message could wake it.
    pub fn is_idle(&self) -> bool {
        self.wait.get() != Wait::Turn
            && !self.mailbox.has_current()
            && self.timeout.get() != Timeout::Fired
    }

    /// It is going to run: it does not wait any more, and if its time was up it goes on there.
    pub fn resume(&mut self) {
        self.wait.set(Wait::Turn);
        if self.timeout.get() == Timeout::Fired {
            self.timeout.set(Timeout::None);
            self.ip.set(self.timeout_ip.get());
        }
    }

    /// Where the time limit of the current receive stands; asking when it is up ends it.
    pub(crate) fn time_limit(&self) -> TimeLimit {
        match self.timeout.get() {
            Timeout::None => TimeLimit::None,
            Timeout::Armed { .. } => TimeLimit::Running,
            Timeout::Fired => {
                self.timeout.set(Timeout::None);
                TimeLimit::Up
            }
        }
    }

    fn arm_timeout(&self, milliseconds: u64) {
        let Some(schedulers) = hooks::schedulers() else {
            return;
        };
        let number = self.timeout_number.get() + 1;
        self.timeout_number.set(number);
        let timer = schedulers.set_timeout(self.pid, number, Duration::from_millis(milliseconds));
        self.timeout.set(Timeout::Armed { number, timer });
    }

    pub(super) fn disarm_timeout(&self) {
        if let Timeout::Armed { timer, .. } = self.timeout.replace(Timeout::None)
            && let Some(schedulers) = hooks::schedulers()
        {
            schedulers.cancel_timeout(timer);
        }
    }

    /// The signal of a time limit came.
    pub(super) fn timeout_fired(&self, fired: u64) {
        if let Timeout::Armed { number, .. } = self.timeout.get()
            && number == fired
        {
            self.timeout.set(Timeout::Fired);
        }
    }
}
