//! The messages of ports, as terms with memory of their own.

#![forbid(unsafe_code)]

use crate::errno;
use crate::framing::Frame;
use crate::handle::{CloseReason, PortId, TermSpec};
use crate::iovec::IoVec;
use crate::port::Monitored;
use bytes::Bytes;
use vm::atom;
use vm::atom::{Atom, well_known as w};
use vm::etf::decode;
use vm::heap::{Heap, OwnedTerm};
use vm::map;
use vm::process::signal::{self, RefNumber, Signal};
use vm::term::{Pid, Term};

/// `{Port, What}`.
pub(crate) fn from_port(
    port: Term<'_>,
    what: impl for<'h> FnOnce(Heap<'h>) -> Term<'h>,
) -> OwnedTerm {
    OwnedTerm::build(|heap| {
        let port = heap.copy(port);
        heap.tuple(&[port, what(heap)])
    })
}

fn port_term<'h>(port: PortId) -> Term<'h> {
    Term::port(vm::term::PortId(port.0))
}

/// Bytes as a binary or a list, after a header that is always a list.
fn data<'h>(heap: Heap<'h>, binary: bool, header: &[u8], bytes: Option<Bytes>) -> Term<'h> {
    let tail = match bytes {
        Some(bytes) if binary => heap.binary_from(bytes),
        Some(bytes) => heap.byte_list(&bytes, Term::NIL),
        None => Term::NIL,
    };
    heap.byte_list(header, tail)
}

/// Sends `{Port, {data, Data}}`.
pub(crate) fn send_data(port: PortId, to: Pid, binary: bool, header: &[u8], bytes: Option<IoVec>) {
    let message = from_port(port_term(port), |heap| {
        let data = data(heap, binary, header, bytes.map(IoVec::into_bytes));
        heap.tuple(&[Term::atom(atom!("data")), data])
    });
    signal::send_message(to, message);
}

/// Sends what was cut from the driver's bytes: `{Port, {data, …}}`.
pub(crate) fn send_frame(port: PortId, to: Pid, binary: bool, header: &[u8], frame: Frame) {
    let (tag, bytes) = match frame {
        Frame::Data(bytes) => return send_data(port, to, binary, header, Some(bytes.into())),
        Frame::Eol(bytes) => (atom!("eol"), bytes),
        Frame::NoEol(bytes) => (atom!("noeol"), bytes),
    };
    let message = from_port(port_term(port), |heap| {
        let line = heap.tuple(&[Term::atom(tag), data(heap, binary, header, Some(bytes))]);
        heap.tuple(&[Term::atom(atom!("data")), line])
    });
    signal::send_message(to, message);
}

/// Sends `{'DOWN', Ref, port, Object, Reason}`.
pub(crate) fn send_down(
    port: PortId,
    reference: RefNumber,
    monitored: &Monitored,
    reason: Term<'_>,
) {
    let name = monitored.name;
    let message = signal::down_message(
        reference,
        atom!("port"),
        |heap| match name {
            None => port_term(port),
            Some(name) => heap.tuple(&[Term::atom(name), Term::atom(vm::node_name::this().0)]),
        },
        reason,
    );
    let _ = signal::send(monitored.by, Signal::Down { reference, message });
}

/// The exit reason of a port that its driver ends.
pub(crate) fn close_reason(reason: &CloseReason) -> Term<'static> {
    Term::atom(match reason {
        CloseReason::Eof => w::NORMAL,
        CloseReason::Posix(number) => Atom::from_static(errno::name(*number)),
        CloseReason::Atom(name) => Atom::new(name).unwrap_or(w::ERROR),
    })
}

/// What a driver described; none if it is no term (an atom that is too long, bytes in no format).
pub(crate) fn build(port: Term<'_>, spec: &TermSpec) -> Option<OwnedTerm> {
    OwnedTerm::try_build(|heap| term(heap, port, spec).ok_or(())).ok()
}

fn all<'h>(heap: Heap<'h>, port: Term<'_>, specs: &[TermSpec]) -> Option<Vec<Term<'h>>> {
    specs.iter().map(|spec| term(heap, port, spec)).collect()
}

/// Drivers are the node's own code, and nest no deeper than their source does.
fn term<'h>(heap: Heap<'h>, port: Term<'_>, spec: &TermSpec) -> Option<Term<'h>> {
    Some(match spec {
        TermSpec::Atom(name) => Term::atom(Atom::new(name).ok()?),
        TermSpec::Int(value) => heap.integer(*value),
        TermSpec::Uint(value) => heap.unsigned(*value),
        TermSpec::Float(value) => heap.float(Some(*value).filter(|value| value.is_finite())?),
        TermSpec::Binary(bytes) => heap.binary_from(bytes.clone()),
        TermSpec::String(bytes) => heap.byte_list(bytes, Term::NIL),
        TermSpec::List(specs) => heap.list(&all(heap, port, specs)?),
        TermSpec::ImproperList(specs, tail) => {
            heap.list_with_tail(&all(heap, port, specs)?, term(heap, port, tail)?)
        }
        TermSpec::Tuple(specs) => heap.tuple(&all(heap, port, specs)?),
        TermSpec::Map(pairs) => {
            let pairs: Option<Vec<_>> = pairs
                .iter()
                .map(|(key, value)| Some((term(heap, port, key)?, term(heap, port, value)?)))
                .collect();
            map::from_pairs(heap, &pairs?)
        }
        TermSpec::Port => heap.copy(port),
        TermSpec::OtherPort(port) => port_term(*port),
        TermSpec::Pid(pid) => Term::pid(Pid(pid.0)),
        TermSpec::External(bytes) => {
            decode::decode(heap, bytes, &decode::Options::default())
                .ok()?
                .0
        }
    })
}
