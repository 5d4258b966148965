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
//! gives `<<"HELLO">>` back, and then how many bytes there were. A second driver, `sleeper`, does what a driver
//! had better not do.

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
    /// So the schedulers themselves call it, which is fast.
    fn never_blocks(&self) -> bool {
        true
    }

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

/// Sleeps for as many milliseconds as it is told, also when it is started, by `sleeper 100`. A thread beside the
/// schedulers calls it: who uses its port waits, and nobody else.
fn sleeper(request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
    if let Some(text) = request.command.words().get(1) {
        sleep(text);
    }
    Ok(Started::new(Sleeper(port)))
}

struct Sleeper(PortHandle);

impl Driver for Sleeper {
    fn output(&mut self, data: IoVec) {
        let text = data.into_bytes();
        sleep(&text);
        self.0.output_data(text);
    }
}

fn sleep(milliseconds: &[u8]) {
    let number = std::str::from_utf8(milliseconds).ok();
    let number = number.and_then(|text| text.parse().ok()).unwrap_or(0);
    std::thread::sleep(Duration::from_millis(number));
}

fn main() -> ExitCode {
    lintel::main_with(|drivers| {
        drivers.add_driver("counting_echo", Arc::new(CountingEcho));
        drivers.add_driver("sleeper", Arc::new(sleeper));
    })
}
