//! What processes are sent by sockets.

use super::request::Refusal;
use crate::handle::{PidToken, PortHandle, TermSpec};
use rustix::io::Errno;

/// `ok`.
pub const OK: TermSpec = TermSpec::atom("ok");

/// `{error, Reason}`.
pub fn error(reason: &'static str) -> TermSpec {
    TermSpec::Tuple(vec![TermSpec::atom("error"), TermSpec::atom(reason)])
}

/// `{ok, What}`.
pub fn ok(what: TermSpec) -> TermSpec {
    TermSpec::Tuple(vec![OK, what])
}

/// An error number's name.
pub fn name(error: Errno) -> &'static str {
    Refusal::Posix(error).name()
}

/// `{inet_async, S, Ref, Result}`: the end of an operation.
pub fn send_async(port: &PortHandle, to: PidToken, number: u16, result: TermSpec) {
    let parts = vec![
        TermSpec::atom("inet_async"),
        TermSpec::Port,
        TermSpec::Int(number.into()),
        result,
    ];
    port.send_term(to, TermSpec::Tuple(parts));
}

/// `{inet_reply, S, Result}`: the answer to data.
pub fn send_reply(port: &PortHandle, to: PidToken, result: TermSpec) {
    let parts = vec![TermSpec::atom("inet_reply"), TermSpec::Port, result];
    port.send_term(to, TermSpec::Tuple(parts));
}

/// `{Tag, S}` for the owner.
pub fn tell(port: &PortHandle, tag: &'static str) {
    port.output_term(TermSpec::Tuple(vec![TermSpec::atom(tag), TermSpec::Port]));
}

/// `{Tag, S, What}` for the owner.
pub fn tell_what(port: &PortHandle, tag: &'static str, what: TermSpec) {
    port.output_term(TermSpec::Tuple(vec![
        TermSpec::atom(tag),
        TermSpec::Port,
        what,
    ]));
}
