//! SCTP: there is none, as in the stock VM on a system whose kernel has none.

use super::options::name::NETNS;
use super::request::{self, Answer, Refusal, take, take_u32};
use crate::driver::{BadArg, Driver, DriverFactory, StartError, Started};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use crate::sys::socket as native;
use bytes::Bytes;

/// Makes sockets that cannot be opened.
pub struct SctpDriver;

/// Remembers in which network namespace a socket is to be opened: where that cannot be entered, it is the
/// error.
#[derive(Default)]
struct Refusing {
    namespace: Option<Vec<u8>>,
}

impl DriverFactory for SctpDriver {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, _: &OpenRequest, _: PortHandle) -> Result<Started, StartError> {
        Ok(Started::new(Refusing::default()))
    }
}

impl Driver for Refusing {
    /// A socket that is not open takes no data.
    fn output(&mut self, _: IoVec) {}

    fn control(&mut self, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        Ok(request::reply(match request::number(command) {
            request::OPEN => self.open(),
            request::FDOPEN => Err(NO_SUCH_SOCKETS),
            // Options are set before the socket is opened.
            request::SETOPTS => {
                self.set_namespace(data);
                Ok(Vec::new())
            }
            request::CLOSE => Ok(Vec::new()),
            _ => Err(Refusal::BAD_PORT),
        }))
    }
}

const NO_SUCH_SOCKETS: Refusal = Refusal::Word("esocktnosupport");

impl Refusing {
    /// The namespace is set alone, before all other options.
    fn set_namespace(&mut self, mut options: &[u8]) {
        let file = (|| {
            let [NETNS] = take(&mut options, 1)? else {
                return None;
            };
            let length = take_u32(&mut options)?;
            take(&mut options, usize::try_from(length).ok()?)
        })();
        if let Some(file) = file {
            self.namespace = Some(file.to_vec());
        }
    }

    fn open(&self) -> Answer {
        if let Some(namespace) = &self.namespace {
            native::in_namespace(namespace, || Ok(()))?;
        }
        Err(NO_SUCH_SOCKETS)
    }
}
