//! SCTP: there is none, as in the stock VM on a system whose kernel has none.

use super::request::{self, Refusal};
use crate::driver::{BadArg, Driver, DriverFactory, StartError, Started};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use bytes::Bytes;

/// Makes sockets that cannot be opened.
pub struct SctpDriver;

struct Refusing;

impl DriverFactory for SctpDriver {
    fn start(&self, _: &OpenRequest, _: PortHandle) -> Result<Started, StartError> {
        Ok(Started::new(Refusing))
    }
}

impl Driver for Refusing {
    /// A socket that is not open takes no data.
    fn output(&mut self, _: IoVec) {}

    fn control(&mut self, command: u32, _: &[u8]) -> Result<Bytes, BadArg> {
        Ok(request::reply(match request::number(command) {
            request::OPEN | request::FDOPEN => Err(Refusal::Word("esocktnosupport")),
            // Options are set before the socket is opened.
            request::SETOPTS | request::CLOSE => Ok(Vec::new()),
            _ => Err(Refusal::BAD_PORT),
        }))
    }
}
