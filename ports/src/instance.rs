//! A running driver, its panics contained.
//!
//! [`Instance`] is what a host keeps per port, inside the port's lock. Every way into the driver goes
//! through it and catches a panic; afterwards the driver is gone and every call answers [`Crash`].

use crate::driver::{BadArg, Driver, DriverFactory, FramedBy, StartError, Started};
use crate::handle::{Event, PortHandle};
use crate::open::OpenRequest;
use bytes::Bytes;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use vm::microstate::{State, during};

/// The exit reason of a port whose driver panicked.
pub const CRASH_REASON: &str = "driver_crashed";

/// The driver panicked: its port must exit with [`CRASH_REASON`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// What it said.
    pub message: String,
}

impl std::fmt::Display for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "driver panicked: {}", self.message)
    }
}

impl std::error::Error for Crash {}

/// A started driver in its port.
pub struct Instance {
    /// `None` after a crash or [`Instance::stop`].
    driver: Option<Box<dyn Driver>>,
    framing: FramedBy,
    os_pid: Option<u32>,
    soft_busy: bool,
}

impl Instance {
    /// Starts a driver. A panic in `start` is `StartError::General`.
    ///
    /// # Errors
    /// What `open_port` raises.
    pub fn start(
        factory: &dyn DriverFactory,
        request: &OpenRequest,
        port: PortHandle,
    ) -> Result<Self, StartError> {
        let started = catch_unwind(AssertUnwindSafe(|| factory.start(request, port)));
        started
            .unwrap_or(Err(StartError::General))
            .map(Self::from_started)
    }

    /// Holds a driver that has started.
    #[must_use]
    pub fn from_started(started: Started) -> Self {
        Self {
            driver: Some(started.driver),
            framing: started.framing,
            os_pid: started.os_pid,
            soft_busy: started.soft_busy,
        }
    }

    /// Who frames this port's messages.
    #[must_use]
    pub fn framing(&self) -> FramedBy {
        self.framing
    }

    /// The operating-system process behind the port.
    #[must_use]
    pub fn os_pid(&self) -> Option<u32> {
        self.os_pid
    }

    /// Whether data may be forced on the driver while it is busy.
    #[must_use]
    pub fn soft_busy(&self) -> bool {
        self.soft_busy
    }

    /// Brings an event to the driver. Nothing happens when it is stopped or crashed.
    ///
    /// # Errors
    /// It panicked now.
    pub fn dispatch(&mut self, event: Event) -> Result<(), Crash> {
        self.enter((), |driver| match event {
            Event::Output(data) => driver.output(data),
            Event::ReadyInput(fd) => driver.ready_input(fd),
            Event::ReadyOutput(fd) => driver.ready_output(fd),
            Event::Timeout => driver.timeout(),
            Event::ProcessExit(monitor) => driver.process_exit(monitor),
            Event::Run(what) => what(driver),
            Event::Flush => driver.flush(),
        })
    }

    /// `port_control/3`.
    ///
    /// # Errors
    /// It panicked now.
    pub fn control(&mut self, command: u32, data: &[u8]) -> Result<Result<Bytes, BadArg>, Crash> {
        self.enter(Err(BadArg), |driver| driver.control(command, data))
    }

    /// `port_call/3`.
    ///
    /// # Errors
    /// It panicked now.
    pub fn call(&mut self, command: u32, data: &[u8]) -> Result<Result<Bytes, BadArg>, Crash> {
        self.enter(Err(BadArg), |driver| driver.call(command, data))
    }

    /// How many bytes of output the driver still holds; none, if it panics over the question.
    pub fn queued(&mut self) -> usize {
        self.enter(0, |driver| driver.queued()).unwrap_or(0)
    }

    /// Stops the driver and drops it.
    ///
    /// # Errors
    /// It panicked while stopping; it is gone all the same.
    pub fn stop(&mut self) -> Result<(), Crash> {
        let Some(mut driver) = self.driver.take() else {
            return Ok(());
        };
        catch_unwind(AssertUnwindSafe(move || {
            driver.stop();
            drop(driver);
        }))
        .map_err(crash)
    }

    /// Whether there is a driver still.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.driver.is_some()
    }

    /// Runs one callback. Unwind safety: a driver that panicked is never entered again.
    fn enter<R>(
        &mut self,
        absent: R,
        callback: impl FnOnce(&mut dyn Driver) -> R,
    ) -> Result<R, Crash> {
        let Some(driver) = self.driver.as_deref_mut() else {
            return Ok(absent);
        };
        let run = || catch_unwind(AssertUnwindSafe(|| callback(driver)));
        during(State::Port, run).map_err(|payload| {
            let driver = self.driver.take();
            // Dropping what has panicked may panic again.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(driver)));
            crash(payload)
        })
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// What a panic said.
fn crash(payload: Box<dyn Any + Send>) -> Crash {
    let message = match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload
            .downcast::<&str>()
            .map_or_else(|_| "?".to_owned(), |m| (*m).to_owned()),
    };
    Crash { message }
}
