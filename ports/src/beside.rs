//! Drivers that may block: a driver thread runs their callbacks, one at a time for each port, and no scheduler
//! ever does.
//!
//! What is only told to such a port waits in its queue as ever. A process that asks it something waits as it
//! would for a message: [`using`] hands the question over, and the BIF, called again, gives the answer. So a
//! driver that blocks for a minute keeps those waiting who ask that port, and nobody else.

#![forbid(unsafe_code)]

use crate::node::node;
use crate::port::{Op, Port, PortGuard};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use vm::bif::{BifResult, Call, error, progress};
use vm::process::signal::{self, Signal};
use vm::term::Pid;

/// Keys of driver threads below this are ports' own work and that of drivers.
const STARTS: u64 = 0b11 << 62;

/// What turns an answer into the result of the call.
type Reply = Box<dyn for<'p> FnOnce(Call<'p>) -> BifResult<'p> + Send>;

/// Where the answer comes to.
struct Awaited {
    for_whom: Pid,
    reply: Mutex<Option<Reply>>,
    done: AtomicBool,
}

/// The duty to answer: whatever becomes of it, the process goes on.
struct Duty(Arc<Awaited>);

impl Duty {
    fn answer<T: Send + 'static>(
        self,
        answer: T,
        reply: impl for<'p> FnOnce(Call<'p>, T) -> BifResult<'p> + Send + 'static,
    ) {
        *self.0.reply.lock() = Some(Box::new(move |call| reply(call, answer)));
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::Release);
        // A process that is gone does not wait.
        let _ = signal::send(self.0.for_whom, Signal::Poke);
    }
}

fn duty(call: Call<'_>) -> Duty {
    Duty(Arc::new(Awaited {
        for_whom: call.process().pid(),
        reply: Mutex::new(None),
        done: AtomicBool::new(false),
    }))
}

/// The result of a call whose question was handed over before; none in a first call.
pub(crate) fn resumed<'p>(call: Call<'p>) -> Option<BifResult<'p>> {
    let (awaited, _) = progress::resumed::<Arc<Awaited>>(call)?;
    // Asked first: it may get done between two questions.
    let done = awaited.done.load(Ordering::Acquire);
    let reply = awaited.reply.lock().take();
    Some(match reply {
        Some(reply) => reply(call),
        // Whoever had to answer panicked, which was reported.
        None if done => Err(error(vm::atom!("internal_error"))),
        None => Err(progress::wait(call, awaited, &[])),
    })
}

/// Asks a port's driver: at once where that returns at once, else by its thread while the process waits. A BIF
/// that ends with this begins with [`resumed`].
pub(crate) fn using<'p, T: Send + 'static>(
    call: Call<'p>,
    port: &Arc<Port>,
    ask: impl FnOnce(&mut PortGuard<'_>) -> T + Send + 'static,
    reply: impl for<'q> FnOnce(Call<'q>, T) -> BifResult<'q> + Send + 'static,
) -> BifResult<'p> {
    if !port.settings.beside {
        let answer = port.with_driver(ask);
        return reply(call, answer);
    }
    let duty = duty(call);
    let awaited = Arc::clone(&duty.0);
    port.submit(Op::Ask(Box::new(move |driver| {
        let answer = ask(driver);
        duty.answer(answer, reply);
    })));
    Err(progress::wait(call, awaited, &[]))
}

/// Has a driver thread do something that belongs to no port yet, while the process waits.
pub(crate) fn elsewhere<'p, T: Send + 'static>(
    call: Call<'p>,
    work: impl FnOnce() -> T + Send + 'static,
    reply: impl for<'q> FnOnce(Call<'q>, T) -> BifResult<'q> + Send + 'static,
) -> BifResult<'p> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let duty = duty(call);
    let awaited = Arc::clone(&duty.0);
    let key = STARTS | NEXT.fetch_add(1, Ordering::Relaxed);
    node().pool().submit(
        key,
        Box::new(move || {
            let answer = work();
            duty.answer(answer, reply);
        }),
    );
    Err(progress::wait(call, awaited, &[]))
}
