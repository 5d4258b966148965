//! BIFs that print on their own, and those that turn identifiers and funs into text and back.

#![forbid(unsafe_code)]

use crate::bif::nodes;
use crate::bif::output::{self, Stream};
use crate::bif::{BifResult, Call, badarg};
use crate::node_name;
use crate::process::table::{NUMBER_BITS, SERIAL_BITS};
use crate::term::{Kind, Pid, PortId, Term};
use crate::text::utf8;

crate::bifs! {
    "erlang" {
        "display"/1 Plain display_1;
        "display_string"/1 Plain display_string_1;
        "display_nl"/0 Plain display_nl_0;
        "pid_to_list"/1 Plain pid_to_list_1;
        "port_to_list"/1 Plain port_to_list_1;
        "ref_to_list"/1 Plain ref_to_list_1;
        "fun_to_list"/1 Plain fun_to_list_1;
        "list_to_pid"/1 Plain list_to_pid_1;
        "list_to_port"/1 Plain list_to_port_1;
        "list_to_ref"/1 Plain list_to_ref_1;
    }
    "erts_debug" {
        "display"/1 Plain debug_display_1;
    }
}

// Printing -------------------------------------------------------------------------------------------

/// A term as the machine prints it.
pub fn to_bytes(term: Term<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    term.print(&mut text);
    text
}

fn printed_line(term: Term<'_>) -> Vec<u8> {
    let mut text = to_bytes(term);
    text.push(b'\n');
    text
}

fn display_1<'p>(call: Call<'p>) -> BifResult<'p> {
    output::write(Stream::Out, &printed_line(call.arg(0)));
    Ok(Term::TRUE)
}

/// Prints, and gives what it printed as a list of bytes.
fn debug_display_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let text = printed_line(call.arg(0));
    output::write(Stream::Out, &text);
    Ok(call.heap.byte_list(&text, Term::NIL))
}

/// Prints a flat list of characters (on standard error, as the stock VM does).
fn display_string_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut text = Vec::new();
    for character in call.arg(0).proper_list().ok_or_else(badarg)? {
        let value = character
            .as_small()
            .and_then(|value| u32::try_from(value).ok());
        if !value.is_some_and(|value| utf8::encode(value, &mut text)) {
            return Err(badarg());
        }
    }
    output::write(Stream::Err, &text);
    Ok(Term::TRUE)
}

fn display_nl_0<'p>(_: Call<'p>) -> BifResult<'p> {
    output::write(Stream::Err, b"\n");
    Ok(Term::TRUE)
}

// To text --------------------------------------------------------------------------------------------

fn printed<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(call.heap.byte_list(&to_bytes(call.arg(0)), Term::NIL))
}

fn pid_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Pid(_) | Kind::ExternalPid(_) => printed(call),
        _ => Err(badarg()),
    }
}

fn port_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Port(_) | Kind::ExternalPort(_) => printed(call),
        _ => Err(badarg()),
    }
}

fn ref_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Ref(_) | Kind::ExternalRef(_) => printed(call),
        _ => Err(badarg()),
    }
}

fn fun_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Fun(_) | Kind::Export(_) => {
            let text = to_bytes(call.arg(0));
            let text = std::str::from_utf8(&text).map_err(|_| badarg())?;
            Ok(call.heap.string(text))
        }
        _ => Err(badarg()),
    }
}

// From text ------------------------------------------------------------------------------------------

/// The numbers between `prefix` and `>`, separated by points. They wrap as C's do.
fn numbers(text: Term<'_>, prefix: &[u8], longest: usize) -> Option<Vec<u64>> {
    let mut list = text.list();
    let bytes: Vec<u8> = list
        .by_ref()
        .take(longest + 1)
        .map(|element| {
            element
                .as_small()
                .and_then(|value| u8::try_from(value).ok())
        })
        .collect::<Option<_>>()?;
    if bytes.len() > longest || !list.rest().is_nil() {
        return None;
    }
    let body = bytes.strip_prefix(prefix)?.strip_suffix(b">")?;
    body.split(|&byte| byte == b'.')
        .map(|digits| {
            let valid = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
            valid.then(|| {
                digits.iter().fold(0u64, |value, &digit| {
                    value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
                })
            })
        })
        .collect()
}

/// Whose identifier it is.
enum Owner {
    This,
    Other(&'static node_name::Node),
}

/// The node of the number that pids are printed with; none if there is no connection to it.
fn owner(number: u64) -> Option<Owner> {
    match u32::try_from(number).ok()? {
        0 => Some(Owner::This),
        number => nodes::connected_by_number(number).map(Owner::Other),
    }
}

fn pid<'p>(call: Call<'p>) -> Option<Term<'p>> {
    let &[node, number, serial] = &numbers(call.arg(0), b"<", 64)?[..] else {
        return None;
    };
    match owner(node)? {
        Owner::This => (number >> NUMBER_BITS == 0 && serial >> SERIAL_BITS == 0)
            .then(|| Term::pid(Pid(serial << NUMBER_BITS | number))),
        Owner::Other(node) => {
            let number = u64::from(number as u32) | u64::from(serial as u32) << 32;
            Some(call.heap.external_pid(node, number))
        }
    }
}

fn list_to_pid_1<'p>(call: Call<'p>) -> BifResult<'p> {
    pid(call).ok_or_else(badarg)
}

/// A local port's number is below this (OTP 25: 28 bits).
const PORT_LIMIT: u64 = 1 << 28;

fn port<'p>(call: Call<'p>) -> Option<Term<'p>> {
    let &[node, number] = &numbers(call.arg(0), b"#Port<", 38)?[..] else {
        return None;
    };
    match owner(u64::from(node as u32))? {
        Owner::This => (number < PORT_LIMIT).then(|| Term::port(PortId(number))),
        Owner::Other(node) => Some(call.heap.external_port(node, number)),
    }
}

fn list_to_port_1<'p>(call: Call<'p>) -> BifResult<'p> {
    port(call).ok_or_else(badarg)
}

/// The third word of a local reference is below this.
const REFERENCE_LIMIT: u32 = 1 << 18;

fn reference<'p>(call: Call<'p>) -> Option<Term<'p>> {
    let numbers = numbers(call.arg(0), b"#Ref<", 5 + 6 * 11)?;
    if !(2..=6).contains(&numbers.len()) {
        return None;
    }
    let numbers: Vec<u32> = numbers
        .into_iter()
        .map(|number| u32::try_from(number).ok())
        .collect::<Option<_>>()?;
    match owner(u64::from(numbers[0]))? {
        Owner::This => {
            let &[_, first, second, third] = &numbers[..] else {
                return None;
            };
            let number = [u64::from(first) << 32 | u64::from(second), u64::from(third)];
            (third < REFERENCE_LIMIT).then(|| call.heap.read_reference(number))
        }
        Owner::Other(node) => {
            let words: Vec<u32> = numbers[1..].iter().rev().copied().collect();
            Some(call.heap.external_ref(node, &words))
        }
    }
}

fn list_to_ref_1<'p>(call: Call<'p>) -> BifResult<'p> {
    reference(call).ok_or_else(badarg)
}
