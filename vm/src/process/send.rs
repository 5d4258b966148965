//! Sending messages.

use super::registry;
use super::signal::{self, Peer};
use crate::bif::{BifResult, Call, badarg};
use crate::heap::OwnedTerm;
use crate::term::{Kind, Term};

/// `To ! Message`.
pub fn send<'p>(_call: Call<'p>, to: Term<'p>, message: Term<'p>) -> BifResult<'p> {
    match to.kind() {
        Kind::Pid(pid) => {
            let _ = signal::send_message(pid, OwnedTerm::message_of(message));
        }
        Kind::Atom(name) => match registry::whereis(name) {
            Some(Peer::Process(pid)) => {
                let _ = signal::send_message(pid, OwnedTerm::message_of(message));
            }
            _ => return Err(badarg()),
        },
        _ => return Err(badarg()),
    }
    Ok(message)
}
