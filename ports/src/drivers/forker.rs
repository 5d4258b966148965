//! The port `forker`, which every node has: it stands for the helper that starts programs in the stock
//! VM. Nothing is to be done with it.

use crate::driver::{Driver, DriverFactory, StartError, Started};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenRequest;

/// Makes the driver.
pub struct Forker;

impl DriverFactory for Forker {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, _: &OpenRequest, _: PortHandle) -> Result<Started, StartError> {
        Ok(Started::new(Forker))
    }
}

impl Driver for Forker {
    fn output(&mut self, _: IoVec) {}
}
