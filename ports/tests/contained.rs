//! A driver that misbehaves harms its own port only.

use bytes::Bytes;
use ports::testing::{Bench, OWNER, Upcall};
use ports::{
    BadArg, CloseReason, Driver, DriverFactory, IoVec, OpenRequest, PortHandle, StartError,
    Started, TermSpec,
};
use std::time::Duration;

/// Does what it is told.
struct Odd;
struct OddPort(PortHandle);

impl DriverFactory for Odd {
    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        match request.command.line() {
            b"panic" => panic!("in start"),
            b"refuse" => Err(StartError::Posix(libc::EMFILE)),
            _ => Ok(Started::new(OddPort(port))),
        }
    }
}

impl Driver for OddPort {
    fn output(&mut self, data: IoVec) {
        match &data.into_bytes()[..] {
            b"panic" => panic!("in output"),
            b"later" => self.0.async_work(
                || 20 + 1,
                |driver: &mut Self, n| driver.0.output_data(vec![n * 2]),
            ),
            b"later panic" => self
                .0
                .async_work(|| (), |_: &mut Self, ()| panic!("in completion")),
            b"block" => self.0.async_work(
                || std::thread::sleep(Duration::from_secs(60)),
                |_: &mut Self, ()| {},
            ),
            b"timer" => self.0.set_timer(Duration::from_millis(10)),
            b"watch" => drop(self.0.monitor(OWNER)),
            b"stop" => self.0.exit("because"),
            other => self.0.output_data(Bytes::copy_from_slice(other)),
        }
    }

    fn control(&mut self, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        match command {
            0 => panic!("in control"),
            1 => Ok(Bytes::copy_from_slice(data)),
            _ => Err(BadArg),
        }
    }

    fn timeout(&mut self) {
        self.0.output_term(TermSpec::atom("timeout"));
    }

    fn stop(&mut self) {
        // Also a panic here is nobody else's.
        panic!("in stop");
    }
}

fn quietly(test: impl FnOnce()) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let text = info
                .payload()
                .downcast_ref::<&str>()
                .copied()
                .unwrap_or_default();
            if !text.starts_with("in ") {
                usual(info);
            }
        }));
    });
    test();
}

#[test]
fn panics_end_the_port() {
    quietly(|| {
        let mut bench = Bench::new();
        assert_eq!(
            bench.open(&Odd, &OpenRequest::spawn("panic")),
            Err(StartError::General)
        );
        assert_eq!(
            bench
                .open(&Odd, &OpenRequest::spawn("refuse"))
                .unwrap_err()
                .reason(),
            "emfile"
        );
        let other = bench.open(&Odd, &OpenRequest::spawn("odd")).unwrap();
        let crashed = [Upcall::Closed(CloseReason::Atom("driver_crashed".into()))];
        for command in ["panic", "later panic"] {
            let port = bench.open(&Odd, &OpenRequest::spawn("odd")).unwrap();
            bench.command(port, command);
            assert!(bench.run_until(|bench| !bench.is_open(port)));
            assert_eq!(bench.take_log(port), crashed);
        }
        let port = bench.open(&Odd, &OpenRequest::spawn("odd")).unwrap();
        assert_eq!(bench.control(port, 0, b""), Err(BadArg));
        assert_eq!(bench.take_log(port), crashed);
        assert_eq!(bench.request(other, "still here").unwrap(), b"still here");
        bench.close(other);
        assert!(!bench.is_open(other));
    });
}

#[test]
fn blocking_blocks_its_own_port() {
    quietly(|| {
        let mut bench = Bench::new();
        let blocked = bench.open(&Odd, &OpenRequest::spawn("odd")).unwrap();
        bench.command(blocked, "block");
        let port = bench.open(&Odd, &OpenRequest::spawn("odd")).unwrap();
        assert_eq!(bench.request(port, "later").unwrap(), [42]);
        assert_eq!(bench.request(blocked, "awake").unwrap(), b"awake");
    });
}

#[test]
fn what_a_driver_can_do() {
    quietly(|| {
        let mut bench = Bench::new();
        let port = bench.open(&Odd, &OpenRequest::spawn("odd")).unwrap();
        assert_eq!(bench.control(port, 1, b"data").unwrap(), "data");
        assert_eq!(bench.control(port, 2, b"data"), Err(BadArg));
        assert_eq!(bench.call(port, 1, b"data"), Err(BadArg));
        bench.command(port, "timer");
        assert!(
            bench.run_until(|bench| bench.log(port) == [Upcall::Term(TermSpec::atom("timeout"))])
        );
        bench.command(port, "stop");
        assert!(!bench.is_open(port));
        assert_eq!(
            bench.log(port).last(),
            Some(&Upcall::Closed(CloseReason::Atom("because".into())))
        );
    });
}
