//! Sending data to ports and asking their drivers: `port_command`, `port_control`, `port_call`,
//! `port_connect`, `port_close`, and the data that a program keeps with a port.

#![forbid(unsafe_code)]

use super::lookup;
use crate::beside;
use vm::atom;
use vm::atom::well_known as w;
use vm::bif::{BifResult, Call, Trap, badarg, iolist};
use vm::etf::{decode, encode};
use vm::heap::OwnedTerm;
use vm::term::Term;

vm::bifs! {
    "erts_internal" {
        "port_command"/3 Heavy port_command_3;
        "port_control"/3 Heavy port_control_3;
        "port_call"/3 Heavy port_call_3;
        "port_connect"/2 Heavy port_connect_2;
        "port_close"/1 Heavy port_close_1;
    }
    "erlang" {
        "port_get_data"/1 Plain port_get_data_1;
        "port_set_data"/2 Plain port_set_data_2;
    }
}

/// What using a driver costs, in reductions.
const COST: usize = 200;

const BADARG: Term<'static> = Term::atom(w::BADARG);

#[derive(Default)]
struct CommandOptions {
    force: bool,
    nosuspend: bool,
}

fn command_options(mut list: Term<'_>) -> Option<CommandOptions> {
    let mut options = CommandOptions::default();
    while let Some(cell) = list.as_cons() {
        if cell.head().is_atom(atom!("force")) {
            options.force = true;
        } else if cell.head().is_atom(atom!("nosuspend")) {
            options.nosuspend = true;
        } else {
            return None;
        }
        list = cell.tail();
    }
    list.is_nil().then_some(options)
}

/// `erts_internal:port_command/3`: `true`, `false` (busy, with `nosuspend`), or an error.
fn port_command_3<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = beside::resumed(call) {
        return result;
    }
    call.process().set_waits_for_port(false);
    let Some(options) = command_options(call.arg(2)) else {
        return Ok(Term::atom(atom!("badopt")));
    };
    let Some(port) = lookup(call.arg(0)) else {
        return Ok(BADARG);
    };
    if options.force && !port.facts.get().is_some_and(|facts| facts.soft_busy) {
        return Ok(Term::atom(atom!("notsup")));
    }
    let me = call.process().pid();
    if port.is_busy() && !options.force {
        if options.nosuspend {
            return Ok(Term::FALSE);
        }
        if port.wait_while_busy(me) {
            call.process().set_waits_for_port(true);
            let args = call.args().iter().copied().collect();
            return Err(Trap::Wait { args }.into());
        }
    }
    let Ok(data) = iolist::to_iovec(call.arg(1)) else {
        port.log_bad_output();
        return Ok(BADARG);
    };
    call.charge(COST);
    beside::using(
        call,
        &port,
        move |driver| driver.command(me, data.into_iter().collect()),
        |_, sent| Ok(if sent.is_ok() { Term::TRUE } else { BADARG }),
    )
}

/// The number of a `control` or `call`.
fn operation(term: Term<'_>) -> Option<u32> {
    u32::try_from(term.as_u64()?).ok()
}

/// `erts_internal:port_control/3`.
fn port_control_3<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = beside::resumed(call) {
        return result;
    }
    let (Some(port), Some(operation)) = (lookup(call.arg(0)), operation(call.arg(1))) else {
        return Ok(BADARG);
    };
    let Ok(data) = iolist::to_vec(call.arg(2)) else {
        return Ok(BADARG);
    };
    call.charge(COST);
    let me = call.process().pid();
    beside::using(
        call,
        &port,
        move |driver| {
            let answer = driver.control(me, operation, &data);
            answer.map(|bytes| (bytes, driver.answers_binaries()))
        },
        |call, answer| {
            Ok(match answer {
                Err(_) => BADARG,
                Ok((bytes, true)) => call.heap.binary_from(bytes),
                Ok((bytes, false)) => call.heap.byte_list(&bytes, Term::NIL),
            })
        },
    )
}

/// `erts_internal:port_call/3`: `{ok, Answer}` or `badarg`.
fn port_call_3<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = beside::resumed(call) {
        return result;
    }
    let (Some(port), Some(operation)) = (lookup(call.arg(0)), operation(call.arg(1))) else {
        return Ok(BADARG);
    };
    let Ok(data) = encode::encode(call.arg(2), &encode::EncodeOptions::default()) else {
        return Ok(BADARG);
    };
    call.charge(COST);
    let me = call.process().pid();
    beside::using(
        call,
        &port,
        move |driver| driver.call(me, operation, &data),
        |call, answer| {
            let Ok(answer) = answer else {
                return Ok(BADARG);
            };
            let decoded = decode::decode(call.heap, &answer, &decode::Options::default());
            Ok(match decoded {
                Ok((term, _)) => call.heap.tuple(&[Term::OK, term]),
                Err(_) => BADARG,
            })
        },
    )
}

/// `erts_internal:port_connect/2`.
fn port_connect_2<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = beside::resumed(call) {
        return result;
    }
    let (Some(port), Some(to)) = (lookup(call.arg(0)), call.arg(1).as_pid()) else {
        return Ok(BADARG);
    };
    call.charge(COST);
    beside::using(
        call,
        &port,
        move |driver| driver.connect(to),
        |_, connected| {
            Ok(if connected.is_ok() {
                Term::TRUE
            } else {
                BADARG
            })
        },
    )
}

/// `erts_internal:port_close/1`.
fn port_close_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(result) = beside::resumed(call) {
        return result;
    }
    let Some(port) = lookup(call.arg(0)) else {
        return Ok(BADARG);
    };
    call.charge(COST);
    beside::using(
        call,
        &port,
        |driver| driver.close(),
        |_, closed| Ok(if closed.is_ok() { Term::TRUE } else { BADARG }),
    )
}

/// `erlang:port_get_data/1`.
fn port_get_data_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let port = lookup(call.arg(0)).ok_or_else(badarg)?;
    let value = port.value().map_err(|_| badarg())?;
    Ok(value.map_or(Term::UNDEFINED, |value| call.heap.copy(value.term())))
}

/// `erlang:port_set_data/2`.
fn port_set_data_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let port = lookup(call.arg(0)).ok_or_else(badarg)?;
    let value = OwnedTerm::copy_of(call.arg(1));
    port.set_value(value).map_err(|_| badarg())?;
    Ok(Term::TRUE)
}
