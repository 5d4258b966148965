//! A Lintel with a driver of the user's own.
//!
//! `cargo run --example echo_driver -- erl` starts the shell. There,
//!
//! ```erlang
//! P = open_port({spawn_driver, "counting_echo"}, [binary]),
//! port_command(P, <<"hello">>), receive {P, {data, Text}} -> Text end,
//! port_control(P, 1, "").
//! ```
//!
//! gives `<<"HELLO">>` back, and then how many bytes there were.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lintel::ports::{
    BadArg, Driver, DriverFactory, IoVec, OpenRequest, PortHandle, StartError, Started,
};

/// Makes the drivers: one for each port.
struct CountingEcho;

/// A port's driver: sends back in capitals what it gets.
struct Echo {
    port: PortHandle,
    bytes: usize,
}

impl DriverFactory for CountingEcho {
    fn start(&self, _: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        Ok(Started::new(Echo { port, bytes: 0 }))
    }
}

impl Driver for Echo {
    fn output(&mut self, data: IoVec) {
        self.bytes += data.len();
        let text = data.into_bytes().to_ascii_uppercase();
        if text.starts_with(b"SLOWLY") {
            // What takes long is done by a thread beside the schedulers, and told when it is done.
            let work = || std::thread::sleep(Duration::from_millis(50));
            self.port
                .async_work(work, |echo: &mut Self, ()| echo.port.output_data(text));
        } else {
            self.port.output_data(text);
        }
    }

    fn control(&mut self, command: u32, _: &[u8]) -> Result<bytes::Bytes, BadArg> {
        match command {
            1 => Ok(self.bytes.to_string().into()),
            _ => Err(BadArg),
        }
    }
}

fn main() -> ExitCode {
    lintel::main_with(|drivers| drivers.add_driver("counting_echo", Arc::new(CountingEcho)))
}
