//! Sending a file. The file may be slow, so that a dirty I/O thread does it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ports::Readiness;
use rustix::io::Errno;
use vm::bif::{BifResult, Call, badarg};
use vm::term::Term;

use super::info::SendfileCounters;
use super::request::{Role, not_selected};
use super::socket::{Socket, State};
use super::{
    atom, caller, closed, is_ref, ok, out_of_range, posix, raise_invalid, reason, refused,
    refused_invalid, size_argument, socket,
};
use crate::blocking::{self, Reply};
use crate::prim_file;

/// Bytes that the system is asked to send at once.
const CHUNK: usize = 0x2000_0000;

/// What one call sent.
struct Progress {
    bytes: u64,
    calls: u64,
    packets: u64,
    end: End,
}

/// Why it went no further.
enum End {
    /// All that was asked for, or the end of the file.
    Done,
    /// The system takes no more at present.
    Full,
    /// An error.
    Failed(Errno),
}

/// Sends as much as the system takes; all of the file where the count is 0.
fn send(socket: BorrowedFd<'_>, file: &OwnedFd, offset: u64, count: usize) -> Progress {
    let mut offset = offset;
    let mut progress = Progress {
        bytes: 0,
        calls: 0,
        packets: 0,
        end: End::Done,
    };
    loop {
        let left = count.saturating_sub(progress.bytes as usize);
        if count > 0 && left == 0 {
            return progress;
        }
        let chunk = if count > 0 { left.min(CHUNK) } else { CHUNK };
        progress.calls += 1;
        match rustix::fs::sendfile(socket, file, Some(&mut offset), chunk) {
            Ok(0) => return progress,
            Ok(sent) => {
                progress.bytes += sent as u64;
                progress.packets += 1;
            }
            Err(Errno::INTR) => {}
            Err(error) => {
                progress.end = match error {
                    Errno::AGAIN => End::Full,
                    error => End::Failed(error),
                };
                return progress;
            }
        }
    }
}

/// Where to begin and how much: arguments 2 and 3.
fn range<'p>(call: Call<'p>) -> Result<(u64, usize), BifResult<'p>> {
    let offset = call.arg(2);
    let Some(start) = offset.as_i64() else {
        return Err(match offset.is_integer() {
            true => Ok(out_of_range(call.heap, offset)),
            false => Err(badarg()),
        });
    };
    let count = size_argument(call, 3)?;
    match u64::try_from(start) {
        Ok(start) => Ok((start, count)),
        // The system refuses it.
        Err(_) => Err(Ok(posix(call.heap, Errno::INVAL))),
    }
}

/// Begins to send a file.
pub(super) fn sendfile_5<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let heap = call.heap;
    let socket = socket(call)?;
    let (reference, file) = (call.arg(1), call.arg(4));
    if !is_ref(reference) {
        return Err(badarg());
    }
    let (offset, count) = match range(call) {
        Ok(range) => range,
        Err(result) => return result,
    };
    if !is_ref(file) {
        return Err(badarg());
    }
    let mut state = socket.lock();
    if !state.write.is_open() {
        return Ok(closed(heap));
    }
    if state.connector.is_some() {
        return Ok(refused_invalid(heap, atom("state")));
    }
    if let Some(result) = socket.check(call, &mut state, Role::Writer, reference) {
        return result;
    }
    if state.sendfile.is_some() {
        return Ok(refused_invalid(heap, atom("state")));
    }
    let file = match prim_file::duplicate(file) {
        Some(Ok(file)) => file,
        Some(Err(error)) => return Ok(failed(call, socket, &mut state, reason(error))),
        None => {
            let what = heap.tuple(&[atom("invalid"), atom("efile")]);
            return Ok(failed(call, socket, &mut state, what));
        }
    };
    state.sendfile = Some(file);
    let counters = state.sendfile_counters.get_or_insert_default();
    counters.tries += 1;
    counters.file = 0;
    start(call, socket, &mut state, offset, count)
}

/// Goes on sending the file.
pub(super) fn sendfile_4<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = blocking::resumed(call) {
        return result;
    }
    let heap = call.heap;
    let socket = socket(call)?;
    if !is_ref(call.arg(1)) {
        return Err(badarg());
    }
    let (offset, count) = match range(call) {
        Ok(range) => range,
        Err(result) => return result,
    };
    let mut state = socket.lock();
    if !state.write.is_open() {
        return Ok(closed(heap));
    }
    if state.connector.is_some() {
        return Ok(refused_invalid(heap, atom("state")));
    }
    let current = state.writers.current.as_ref().map(|current| current.pid);
    if state.sendfile.is_none() || current != Some(caller(call)) {
        return Err(raise_invalid(heap, atom("state")));
    }
    start(call, socket, &mut state, offset, count)
}

/// Closes the file of a process that is dead.
pub(super) fn sendfile_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let socket = socket(call)?;
    let file = socket.lock().sendfile.take();
    Ok(match file {
        Some(file) => {
            drop(file);
            Term::OK
        }
        None => refused_invalid(call.heap, atom("state")),
    })
}

/// Hands the work over. The caller is current meanwhile, so that others queue.
fn start<'p>(
    call: Call<'p>,
    socket: &Socket,
    state: &mut State,
    offset: u64,
    count: usize,
) -> BifResult<'p> {
    let copy = state.sendfile.as_ref().map(|file| file.try_clone());
    let (Some(fd), Some(Ok(file))) = (state.fd.clone(), copy) else {
        state.sendfile = None;
        return Ok(failed(call, socket, state, reason(Errno::MFILE)));
    };
    socket.make_current(state, Role::Writer, caller(call), call.arg(1));
    let shared = socket.shared();
    blocking::start(call, move || -> Reply {
        let progress = send(fd.as_fd(), &file, offset, count);
        Box::new(move |call| match &shared {
            Some(socket) => answer(call, socket, progress),
            // The caller holds its reference.
            None => Ok(closed(call.heap)),
        })
    })
}

/// The result of the function.
fn answer<'p>(call: Call<'p>, socket: &Socket, progress: Progress) -> BifResult<'p> {
    let heap = call.heap;
    let mut state = socket.lock();
    let state = &mut *state;
    count_progress(state.sendfile_counters.get_or_insert_default(), &progress);
    if !state.write.is_open() {
        return Ok(closed(heap));
    }
    let bytes = heap.unsigned(progress.bytes);
    match progress.end {
        End::Done => {
            state.sendfile = None;
            socket.next(state, Role::Writer);
            state.counters.write.packet = 0;
            Ok(ok(heap, bytes))
        }
        End::Failed(error) => {
            state.sendfile = None;
            Ok(failed(call, socket, state, reason(error)))
        }
        End::Full => {
            if let Err(error) = socket.wait(state, Readiness::WRITE, caller(call), call.arg(1)) {
                state.sendfile = None;
                socket.fail(state, Role::Writer, reason(error));
                return Err(not_selected(heap, "select_write", error));
            }
            if let Some(counters) = &mut state.sendfile_counters {
                counters.waits += 1;
            }
            Ok(heap.tuple(&[atom("select"), bytes]))
        }
    }
}

fn count_progress(counters: &mut SendfileCounters, progress: &Progress) {
    counters.calls += progress.calls;
    counters.packets += progress.packets;
    counters.bytes += progress.bytes;
    counters.largest_packet = counters.largest_packet.max(progress.bytes);
    counters.file += progress.bytes;
    counters.largest = counters.largest.max(counters.file);
}

/// `{error, Reason}`, which whoever waits to send is told too.
fn failed<'p>(call: Call<'p>, socket: &Socket, state: &mut State, reason: Term<'p>) -> Term<'p> {
    state.sendfile_counters.get_or_insert_default().fails += 1;
    if state.writers.current.is_some() {
        socket.fail(state, Role::Writer, reason);
    }
    refused(call.heap, reason)
}
