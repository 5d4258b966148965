//! `process_flag(save_calls, N)`: the last calls by name of a process, its sends, receives and timeouts.
//!
//! While any process asks for it, all calls by name and of BIFs lead to the tracing first ([`Diversion`]), as those of
//! traced functions do, so that others pay nothing at all while nobody asks. When the last of them has ended or has
//! stopped asking, the first call that is still led there puts everything back: an ending process cannot wait for the
//! right to write code.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{flags, points};
use crate::code::Mfa;
use crate::code::table::Writer;
use crate::process::Process;
use crate::process::flags::Flag;

/// An entry of `process_info(Pid, last_calls)`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SavedCall {
    /// A call of an exported function.
    Call(Mfa),
    /// `send`.
    Send,
    /// `receive`.
    Receive,
    /// `timeout`.
    Timeout,
}

/// How many diversions there are.
static USERS: AtomicUsize = AtomicUsize::new(0);
/// Whether calls by name lead to the tracing.
static DIVERTED: AtomicBool = AtomicBool::new(false);

/// As long as one lives, calls by name lead to the tracing.
pub struct Diversion(());

impl Diversion {
    /// Leads calls by name to the tracing.
    pub fn new(writer: &Writer) -> Diversion {
        USERS.fetch_add(1, Ordering::SeqCst);
        if !DIVERTED.swap(true, Ordering::SeqCst) {
            points::divert_all(writer);
        }
        Diversion(())
    }
}

impl Drop for Diversion {
    fn drop(&mut self) {
        USERS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether calls by name lead to the tracing, also where no point asks for it.
pub fn diverted() -> bool {
    DIVERTED.load(Ordering::SeqCst)
}

/// Puts calls by name back if nobody asks for them any more.
#[cold]
pub fn put_back() {
    if USERS.load(Ordering::SeqCst) > 0 {
        return;
    }
    // Who has the right to write code now may need long; another call will come.
    let Some(writer) = Writer::try_seize() else {
        return;
    };
    // Diversions are made under the same right.
    if USERS.load(Ordering::SeqCst) == 0 && DIVERTED.swap(false, Ordering::SeqCst) {
        points::divert_all(&writer);
    }
}

/// The buffer of a process.
pub(crate) struct SavedCalls {
    limit: usize,
    /// The oldest first.
    calls: VecDeque<SavedCall>,
    _diversion: Diversion,
}

impl Process {
    /// Notes a call where `process_flag(save_calls, N)` asks for it.
    #[inline]
    pub fn save_call(&self, call: SavedCall) {
        if self.has_flag(Flag::SavesCalls) {
            self.push_saved_call(call);
        }
    }

    #[cold]
    fn push_saved_call(&self, call: SavedCall) {
        if self.shared().tracee().flags() & flags::SENSITIVE != 0 {
            return;
        }
        self.with_extras(|extras| {
            if let Some(saved) = &mut extras.saved_calls {
                if saved.calls.len() >= saved.limit {
                    saved.calls.pop_front();
                }
                saved.calls.push_back(call);
            }
        });
    }

    /// Sets how many calls are noted (`save_calls`), none without a diversion; how many were.
    pub fn set_save_calls(&self, limit: usize, diversion: Option<Diversion>) -> usize {
        let saved = diversion.map(|diversion| SavedCalls {
            limit,
            calls: VecDeque::new(),
            _diversion: diversion,
        });
        self.set_flag(Flag::SavesCalls, saved.is_some());
        self.with_extras(|extras| std::mem::replace(&mut extras.saved_calls, saved))
            .map_or(0, |saved| saved.limit)
    }

    /// The noted calls, oldest first; none where calls are not noted.
    pub fn saved_calls(&self) -> Option<Vec<SavedCall>> {
        self.with_extras(|extras| {
            let saved = extras.saved_calls.as_ref()?;
            Some(saved.calls.iter().copied().collect())
        })
    }
}
