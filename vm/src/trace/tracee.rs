//! What a process or port knows of being traced: flags and tracer.
//!
//! Any thread may look and change. The flags are one word, read without a lock where things happen; the
//! tracer stands behind a lock that is taken when there is something to tell.
//!
//! Lock rank: the tracer's lock is taken last; nothing is called under it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::RwLock;

use super::flags::{self, Flags};
use super::tracer::{Event, Tracer, Wants};
use crate::atom;
use crate::process::Process;
use crate::term::Term;

/// What a process or port knows of being traced.
pub struct Tracee {
    flags: AtomicU32,
    tracer: RwLock<Option<Arc<Tracer>>>,
}

/// Another tracer is at work already.
pub struct AlreadyTraced;

/// What new processes and ports begin with.
pub struct Defaults {
    /// For processes.
    pub processes: Tracee,
    /// For ports.
    pub ports: Tracee,
}

/// What new processes and ports begin with (`erlang:trace(new, …)`).
pub static NEW: Defaults = Defaults {
    processes: Tracee::new(),
    ports: Tracee::new(),
};

impl Tracee {
    /// Not traced.
    pub const fn new() -> Tracee {
        Tracee {
            flags: AtomicU32::new(0),
            tracer: RwLock::new(None),
        }
    }

    /// Its flags.
    #[inline(always)]
    pub fn flags(&self) -> Flags {
        self.flags.load(Ordering::Relaxed)
    }

    /// Whether one of some flags is on, and the tracee is not sensitive.
    #[inline(always)]
    pub fn has(&self, mask: Flags) -> bool {
        let flags = self.flags();
        flags & mask != 0 && flags & flags::SENSITIVE == 0
    }

    /// Its tracer.
    pub fn tracer(&self) -> Option<Arc<Tracer>> {
        self.tracer.read().clone()
    }

    /// Begins with what new ones begin with.
    pub fn begin_as(&self, default: &Tracee) {
        if default.flags() != 0 {
            let tracer = default.tracer();
            let flags = default.flags();
            *self.tracer.write() = tracer;
            self.flags.fetch_or(flags, Ordering::Relaxed);
        }
    }

    /// Takes flags and tracer of another over (`set_on_spawn`).
    pub fn inherit(&self, other: &Tracee) {
        let tracer = other.tracer();
        *self.tracer.write() = tracer;
        self.flags
            .fetch_or(other.flags() & flags::ALL, Ordering::Relaxed);
    }

    /// Switches flags on and off; nothing else changes.
    pub fn switch(&self, on: Flags, off: Flags) {
        self.flags.fetch_and(!off, Ordering::Relaxed);
        self.flags.fetch_or(on, Ordering::Relaxed);
    }

    /// Nobody traces it any more.
    pub fn clear(&self) {
        *self.tracer.write() = None;
        self.flags.fetch_and(flags::SENSITIVE, Ordering::Relaxed);
    }

    /// Switches flags as `erlang:trace/3` does. `id` is the tracee's own.
    pub fn change(
        &self,
        process: Option<&Process>,
        id: Term<'_>,
        tracer: Option<&Arc<Tracer>>,
        on: bool,
        mask: Flags,
    ) -> Result<(), AlreadyTraced> {
        if let (Some(new), Some(old)) = (tracer, self.tracer())
            && self.flags() & flags::ALL != 0
            && !old.is(new)
            && old.wants(process, atom!("trace_status"), id) != Wants::Remove
        {
            return Err(AlreadyTraced);
        }
        let mut place = self.tracer.write();
        if on {
            self.flags.fetch_or(mask, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!mask, Ordering::Relaxed);
        }
        if self.flags() & flags::ALL == 0 {
            *place = None;
        } else if let Some(tracer) = tracer {
            *place = Some(tracer.clone());
        }
        Ok(())
    }

    /// Switches flags as match specifications do; whether that changed anything.
    pub fn set(&self, tracer: Option<Arc<Tracer>>, off: Flags, on: Flags) -> bool {
        let old = self.flags();
        let mut place = self.tracer.write();
        let new = match tracer {
            Some(_) => (old & !off) | on,
            None => old & flags::SENSITIVE,
        };
        let same_tracer = match (&*place, &tracer) {
            (Some(a), Some(b)) => a.is(b),
            (None, None) => true,
            _ => false,
        };
        self.flags.store(new, Ordering::Relaxed);
        if new & flags::ALL == 0 {
            *place = None;
        } else {
            *place = tracer;
        }
        new != old || !same_tracer
    }

    /// Forgets a tracer that is gone; whether there is one that is not.
    pub fn check(&self, process: Option<&Process>, id: Term<'_>) -> Option<Arc<Tracer>> {
        let tracer = self.tracer()?;
        match tracer.wants(process, atom!("trace_status"), id) {
            Wants::Remove => {
                self.clear();
                None
            }
            Wants::Trace | Wants::Discard => Some(tracer),
        }
    }

    /// Tells the tracer of an event, if it wants to hear of it. `id` is the tracee's own.
    #[cold]
    pub fn tell(&self, process: Option<&Process>, id: Term<'_>, event: &Event<'_>) {
        let Some(tracer) = self.tracer() else {
            return;
        };
        match tracer.wants(process, event.tag, id) {
            Wants::Trace => tracer.tell(process, self.flags(), id, event),
            Wants::Discard => {}
            Wants::Remove => self.clear(),
        }
    }
}

impl Default for Tracee {
    fn default() -> Tracee {
        Tracee::new()
    }
}
