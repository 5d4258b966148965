//! System calls that may block: done by a dirty I/O thread while the process waits.
//!
//! A function that begins with [`resumed`] may end with [`start`]: it is then called again when the work is
//! done, and gives the work's reply.

use std::sync::Arc;

use scheduler::dirty::{self, Job, Kind};
use vm::bif::progress;
use vm::bif::{BifResult, Call, error};

/// What turns the result of the work into the result of the call.
pub type Reply = Box<dyn for<'p> FnOnce(Call<'p>) -> BifResult<'p> + Send>;

/// Hands work over and lets the caller wait.
pub fn start<'p>(call: Call<'p>, work: impl FnOnce() -> Reply + Send + 'static) -> BifResult<'p> {
    let job = dirty::spawn(call.process().pid(), Kind::Io, work);
    Err(progress::wait(call, job, &[]))
}

/// The result of a call whose work was handed over before; none in a first call.
pub fn resumed<'p>(call: Call<'p>) -> Option<BifResult<'p>> {
    let (job, _) = progress::resumed::<Arc<Job<Reply>>>(call)?;
    // Asked first: it may get done between two questions.
    let done = job.is_done();
    Some(match job.take() {
        Some(reply) => reply(call),
        // The work panicked, which was reported.
        None if done => Err(error(vm::atom!("internal_error"))),
        None => Err(progress::wait(call, job, &[])),
    })
}
