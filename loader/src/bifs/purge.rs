//! Purging, which `erts_code_purger` drives.

use vm::bif::{BifResult, Call, Stop, badarg, error};
use vm::code::purge::{self, Prepared};
use vm::process::suspend;
use vm::term::{Pid, Term};
use vm::{atom, bifs};

use super::{atom, seize};

bifs! {
    "erts_internal" {
        "purge_module"/2                Heavy   purge_module_2;
        "check_process_code"/1          Heavy   check_process_code_1;
        "check_dirty_process_code"/2    Plain   check_dirty_process_code_2;
    }
}

/// Only the purger may purge, once it is known who that is.
fn must_be_purger(call: Call<'_>) -> Result<(), Stop<'_>> {
    match purge::purger() {
        Some(purger) if purger != call.process().pid() => Err(error(atom!("notsup"))),
        _ => Ok(()),
    }
}

/// OTP 25, `erts_internal:purge_module/2`: `prepare`, `prepare_on_load`, `abort` or `complete`.
fn purge_module_2(call: Call<'_>) -> BifResult<'_> {
    must_be_purger(call)?;
    let name = atom(call, 0)?;
    match atom(call, 1)?.name() {
        step @ ("prepare" | "prepare_on_load") => {
            let writer = seize(call)?;
            match purge::prepare(&writer, name, step == "prepare_on_load") {
                Prepared::Ready => Ok(Term::TRUE),
                Prepared::Nothing => Ok(Term::FALSE),
                Prepared::Busy => Err(badarg()),
            }
        }
        "abort" => {
            resume(purge::abort(name).ok_or_else(badarg)?);
            Ok(Term::FALSE)
        }
        "complete" => {
            let writer = seize(call)?;
            let purged = purge::complete(&writer, name).ok_or_else(badarg)?;
            resume(purged.waiting);
            Ok(Term::bool(purged.removed))
        }
        _ => Err(badarg()),
    }
}

/// Lets processes that waited for the end of a purge look again.
fn resume(waiting: Vec<Pid>) {
    waiting.into_iter().for_each(suspend::purge_ended);
}

fn check_process_code_1(call: Call<'_>) -> BifResult<'_> {
    let name = atom(call, 0)?;
    call.charge(1 + call.process().stack_words() / 32);
    Ok(Term::bool(purge::runs_old_code(call.process(), name)))
}

/// A process in a dirty native function could not be asked by a signal. Here none is ever run where it cannot
/// take signals, so the answer is always to ask it as any other (`normal`).
fn check_dirty_process_code_2(call: Call<'_>) -> BifResult<'_> {
    let pid = call.arg(0).as_pid().ok_or_else(badarg)?;
    atom(call, 1)?;
    if vm::process::table::exists(pid) {
        Ok(Term::atom(atom!("normal")))
    } else {
        Ok(Term::FALSE)
    }
}
