//! What a port says to processes: what its driver has for them, and that a message to it is none.

use super::{Phase, Port};
use crate::framing::Framing;
use crate::handle::{CloseReason, TermSpec};
use crate::iovec::IoVec;
use crate::messages;
use std::sync::atomic::Ordering;
use vm::atom::well_known as w;
use vm::process::crash;
use vm::process::signal::{self, ExitKind, Peer};
use vm::term::{Pid, Term};

impl Port {
    /// Sends data to the owner.
    pub fn deliver(&self, header: &[u8], bytes: Option<IoVec>) {
        if !self.speaks() {
            return;
        }
        let len = header.len() + bytes.as_ref().map_or(0, IoVec::len);
        self.input.fetch_add(len as u64, Ordering::Relaxed);
        let whole = self.framed_by_driver() && !matches!(self.settings.framing, Framing::Line(_));
        let owner = self.owner();
        if whole {
            messages::send_data(self.id, owner, self.settings.binary, header, bytes);
        } else {
            let frames = self
                .deframer
                .lock()
                .push(bytes.unwrap_or_default().into_bytes());
            for frame in frames {
                messages::send_frame(self.id, owner, self.settings.binary, header, frame);
            }
        }
    }

    /// Sends a term to a process, or to the owner.
    pub fn deliver_term(&self, to: Option<Pid>, term: TermSpec) {
        // A driver that is being closed still answers those who asked it something.
        if to.is_some() || self.speaks() {
            let to = to.unwrap_or_else(|| self.owner());
            if let Some(message) = messages::build(self.term(), &term) {
                signal::send_message(to, message);
            }
        }
    }

    /// Sends the exit status of the program, if that is wanted.
    pub fn deliver_exit_status(&self, status: i32) {
        if self.settings.exit_status && self.speaks() {
            let message = messages::from_port(self.term(), |heap| {
                heap.tuple(&[Term::atom(vm::atom!("exit_status")), Term::int(status)])
            });
            signal::send_message(self.owner(), message);
        }
    }

    /// Ends the port after the current callback; at the end of input only if no message is wanted instead.
    pub fn close(&self, reason: CloseReason) {
        if reason == CloseReason::Eof && self.speaks() {
            let owner = self.owner();
            let frames = self.deframer.lock().finish();
            for frame in frames {
                messages::send_frame(self.id, owner, self.settings.binary, &[], frame);
            }
            if self.settings.soft_eof {
                let message = messages::from_port(self.term(), |_| Term::atom(vm::atom!("eof")));
                signal::send_message(owner, message);
                return;
            }
        }
        let mut data = self.data.lock();
        if data.phase != Phase::Closed {
            data.ending.get_or_insert(reason);
            self.note_state(&data);
        }
    }

    /// Whether what the driver says still reaches somebody. A port that waits for its queue says nothing.
    pub(super) fn speaks(&self) -> bool {
        let state = self.state.load(Ordering::Acquire);
        state == Phase::Open as u8 || state == Phase::Opening as u8
    }

    pub(super) fn connect_by_message(&self, claimed: Pid, to: Option<Pid>) {
        let mut data = self.data.lock();
        if data.phase != Phase::Open {
            return;
        }
        match to {
            Some(to) if claimed == data.owner => {
                data.owner = to;
                drop(data);
                let connected =
                    messages::from_port(self.term(), |_| Term::atom(vm::atom!("connected")));
                signal::send_message(claimed, connected);
            }
            _ => {
                drop(data);
                self.bad_signal();
            }
        }
    }

    pub(super) fn bad_message(&self, bad_output: bool) {
        if !self.is_open() {
            return;
        }
        if bad_output {
            self.log_bad_output();
        }
        self.bad_signal();
    }

    /// Tells the log that a port was sent what is no data.
    pub fn log_bad_output(&self) {
        let name = String::from_utf8_lossy(&self.settings.name);
        let text = format!("Bad value on output port '{name}'\n");
        crash::log_text(w::ERROR, Term::NIL, None, &text);
    }

    /// Whoever sent it: it is the owner that is at fault.
    pub(super) fn bad_signal(&self) {
        let owner = Peer::Process(self.owner());
        signal::send_exit(
            owner,
            self.peer(),
            ExitKind::Exit,
            Term::atom(vm::atom!("badsig")),
        );
    }
}
