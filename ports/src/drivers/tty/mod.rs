//! `tty_sl`: the terminal with a line that can be edited, for OTP 25's `user_drv`.
//!
//! Each command is one message, its first byte the operation; keys come back as bytes, in UTF-8
//! whatever the terminal speaks. The terminal is in raw mode while the port is open and is set back
//! when it closes, when the driver crashes, and when the program exits ([`restore`]).
//! OTP 25, ttsl_drv.c and user_drv.erl.

mod capabilities;
mod line;
mod utf8;

use super::fd::{GET_WINSIZE, TTYSL_MAGIC, winsize_answer};
use crate::driver::{BadArg, Driver, DriverFactory, StartError, Started};
use crate::handle::{PortHandle, Readiness, TermSpec};
use crate::io_queue::IoQueue;
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use crate::sys::terminal;
use bytes::Bytes;
use line::{Characters, Line};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, isatty,
    tcgetattr, tcgetwinsize, tcsetattr,
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use utf8::Next;

const PUTC: u8 = 0;
const MOVE: u8 = 1;
const INSC: u8 = 2;
const DELC: u8 = 3;
const BEEP: u8 = 4;
const PUTC_SYNC: u8 = 5;

const GET_UNICODE_STATE: u32 = 101;
const SET_UNICODE_STATE: u32 = 102;

/// The acknowledgement of `PUTC_SYNC` waits while more than this is unwritten. Bytes.
const SYNC_LIMIT: usize = 1024;
/// How much is read at once. Bytes.
const READ_BYTES: usize = 1024;

const DEFAULT_COLUMNS: u32 = 80;
const DEFAULT_ROWS: u32 = 24;

/// There is one terminal.
static OPEN: AtomicBool = AtomicBool::new(false);

/// Sets the terminal back to the mode it had before. For the ways out of the program that run no
/// destructors; `exit` does it by itself.
pub fn restore() {
    terminal::restore();
}

/// Whether the port to the terminal is open (the break handler asks).
#[must_use]
pub fn is_open() -> bool {
    OPEN.load(SeqCst)
}

/// Opens the terminal; the stock VM's `einval` when standard input or output is none.
pub struct TtyDriver;

impl DriverFactory for TtyDriver {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, request: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        let guard = OpenGuard::take()?;
        let standard = [0, 1].map(terminal::borrow);
        if !standard.iter().all(isatty) {
            return Err(StartError::General);
        }
        let flags = Flags::parse(request.command.words().get(1..).unwrap_or_default());
        let device = Device::open(flags.path)?;
        let term = std::env::var("TERM").unwrap_or_default();
        let capabilities = capabilities::find(&term).ok_or(StartError::General)?;
        device.make_raw(&flags)?;
        // From here on dropping the guard sets the terminal back.
        let utf8 = terminal::take_locale();
        let columns = first_columns(&device);
        port.select(device.fd().as_raw_fd(), Readiness::READ, true)?;
        Ok(Started::new(TtyPort {
            line: Line::new(Locale, capabilities, columns, utf8),
            queue: IoQueue::new(port.clone(), None),
            device,
            cut: Vec::new(),
            unacknowledged: false,
            port,
            _guard: guard,
        }))
    }
}

/// Holding it means having the terminal.
struct OpenGuard;

impl OpenGuard {
    fn take() -> Result<Self, StartError> {
        if OPEN.swap(true, SeqCst) {
            Err(StartError::General)
        } else {
            Ok(Self)
        }
    }
}

impl Drop for OpenGuard {
    fn drop(&mut self) {
        terminal::release();
        OPEN.store(false, SeqCst);
    }
}

/// The words after the driver's name: `+` turns on, `-` off, what is not named stays.
#[derive(Default)]
struct Flags<'a> {
    canonical: Option<bool>,
    echo: Option<bool>,
    signals: Option<bool>,
    path: Option<&'a [u8]>,
}

impl<'a> Flags<'a> {
    fn parse(words: &[&'a [u8]]) -> Self {
        let mut flags = Self::default();
        for &word in words {
            let on = match word.first() {
                Some(b'+') => true,
                Some(b'-') => false,
                _ => {
                    flags.path = Some(word);
                    continue;
                }
            };
            match word.get(1) {
                Some(b'c') => flags.canonical = Some(on),
                Some(b'e') => flags.echo = Some(on),
                Some(b's') => flags.signals = Some(on),
                _ => {}
            }
        }
        flags
    }

    fn apply(&self, mode: &mut Termios) {
        mode.input_modes -= InputModes::ISTRIP;
        if let Some(on) = self.canonical {
            mode.input_modes.set(InputModes::ICRNL, on);
            mode.local_modes.set(LocalModes::ICANON, on);
            mode.output_modes.set(OutputModes::OPOST, on);
            if !on {
                mode.special_codes[SpecialCodeIndex::VMIN] = 1;
                mode.special_codes[SpecialCodeIndex::VTIME] = 0;
            }
        }
        if let Some(on) = self.echo {
            mode.local_modes.set(LocalModes::ECHO, on);
        }
        if let Some(on) = self.signals {
            let input = InputModes::BRKINT
                | InputModes::IGNPAR
                | InputModes::ICRNL
                | InputModes::IXON
                | InputModes::IXANY;
            mode.input_modes.set(input, on);
            mode.local_modes
                .set(LocalModes::ISIG | LocalModes::IEXTEN, on);
        }
    }
}

/// The terminal's descriptor.
enum Device {
    Standard,
    Opened(OwnedFd),
}

impl Device {
    fn open(path: Option<&[u8]>) -> Result<Self, StartError> {
        match path {
            None => Ok(Self::Standard),
            Some(path) => rustix::fs::open(
                path,
                OFlags::RDWR | OFlags::CLOEXEC,
                rustix::fs::Mode::empty(),
            )
            .map(Self::Opened)
            .map_err(|_| StartError::General),
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Standard => terminal::borrow(0),
            Self::Opened(fd) => fd.as_fd(),
        }
    }

    fn make_raw(&self, flags: &Flags<'_>) -> Result<(), StartError> {
        let general = |_| StartError::General;
        let original = tcgetattr(self.fd()).map_err(general)?;
        let mut raw = original.clone();
        flags.apply(&mut raw);
        terminal::keep(self.fd().as_raw_fd(), &original, &raw).map_err(|_| StartError::General)?;
        tcsetattr(self.fd(), OptionalActions::Now, &raw).map_err(general)?;
        self.set_nonblocking(true).map_err(general)
    }

    fn set_nonblocking(&self, on: bool) -> rustix::io::Result<()> {
        let mut flags = rustix::fs::fcntl_getfl(self.fd())?;
        flags.set(OFlags::NONBLOCK, on);
        rustix::fs::fcntl_setfl(self.fd(), flags)
    }

    /// Columns and rows.
    fn window(&self) -> (u32, u32) {
        let or = |size: u16, default: u32| if size == 0 { default } else { size.into() };
        match tcgetwinsize(self.fd()) {
            Ok(size) => (
                or(size.ws_col, DEFAULT_COLUMNS),
                or(size.ws_row, DEFAULT_ROWS),
            ),
            Err(_) => (DEFAULT_COLUMNS, DEFAULT_ROWS),
        }
    }
}

/// At first a number in `COLUMNS` counts, as with the terminfo library.
fn first_columns(device: &Device) -> usize {
    let set = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|&n: &usize| n > 0);
    set.unwrap_or_else(|| device.window().0 as usize)
}

/// The C library's locale.
struct Locale;

impl Characters for Locale {
    fn width(&self, character: u32) -> i32 {
        terminal::width(character)
    }

    fn is_printable(&self, byte: u8) -> bool {
        terminal::is_printable(byte)
    }
}

struct TtyPort {
    port: PortHandle,
    device: Device,
    line: Line<Locale>,
    queue: IoQueue,
    /// The start of a character whose end has not been read.
    cut: Vec<u8>,
    /// A `PUTC_SYNC` is to be acknowledged when the queue is short.
    unacknowledged: bool,
    _guard: OpenGuard,
}

impl TtyPort {
    fn acknowledge(&self) {
        self.port
            .output_term(TermSpec::Tuple(vec![TermSpec::Port, TermSpec::atom("ok")]));
    }

    fn run(&mut self, operation: u8, arguments: &[u8]) {
        let line = &mut self.line;
        if terminal::take_resized() {
            line.set_columns(self.device.window().0 as usize);
        }
        line.limit();
        match (operation, arguments) {
            (PUTC | PUTC_SYNC, text) => line.put(text),
            (MOVE, [high, low, ..]) => line.step(i16::from_be_bytes([*high, *low]).into()),
            (INSC, text) => line.insert(text),
            (DELC, [high, low, ..]) => line.delete(i16::from_be_bytes([*high, *low]).into()),
            (BEEP, _) => line.beep(),
            _ => {}
        }
    }

    /// What was read, as UTF-8.
    fn keys(&mut self, read: &[u8]) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.cut);
        bytes.extend_from_slice(read);
        let mut keys = Vec::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        while self.line.utf8() && !rest.is_empty() {
            match utf8::next(rest) {
                Next::Char(_, len) => {
                    keys.extend_from_slice(&rest[..len]);
                    rest = &rest[len..];
                }
                Next::Cut => {
                    self.cut = rest.to_vec();
                    return keys;
                }
                // It does not speak UTF-8 after all.
                Next::Invalid => self.line.set_utf8(false),
            }
        }
        for &byte in rest {
            utf8::put(byte.into(), &mut keys);
        }
        keys
    }
}

impl Driver for TtyPort {
    fn output(&mut self, data: IoVec) {
        let data = data.into_bytes();
        let Some((&operation, arguments)) = data.split_first() else {
            return;
        };
        self.run(operation, arguments);
        let output = self.line.take_output();
        if let Err(error) = self.queue.write(self.device.fd(), output.into()) {
            self.port.failure_posix(error.raw_os_error());
            return;
        }
        if operation == PUTC_SYNC {
            if self.queue.len() > SYNC_LIMIT {
                self.unacknowledged = true;
            } else {
                self.acknowledge();
            }
        }
    }

    fn control(&mut self, command: u32, data: &[u8]) -> Result<Bytes, BadArg> {
        let before = Bytes::from(vec![u8::from(self.line.utf8())]);
        match command.wrapping_sub(TTYSL_MAGIC) {
            GET_WINSIZE => {
                let (columns, rows) = self.device.window();
                Ok(winsize_answer(columns, rows))
            }
            GET_UNICODE_STATE => Ok(before),
            SET_UNICODE_STATE => match data.first() {
                None => Ok(Bytes::new()),
                Some(&on) => {
                    self.line.set_utf8(on != 0);
                    Ok(before)
                }
            },
            _ => Err(BadArg),
        }
    }

    fn ready_input(&mut self, _: RawFd) {
        let mut buffer = [0; READ_BYTES];
        match rustix::io::read(self.device.fd(), &mut buffer) {
            // The terminal was hung up.
            Ok(0) => {
                let fd = self.device.fd().as_raw_fd();
                let _ = self.port.select(fd, Readiness::READ, false);
                self.port.failure_eof();
            }
            Ok(count) => {
                let keys = self.keys(&buffer[..count]);
                if !keys.is_empty() {
                    self.port.output_data(keys);
                }
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => self.port.failure_posix(error.raw_os_error()),
        }
    }

    fn ready_output(&mut self, _: RawFd) {
        if let Err(error) = self.queue.drain(self.device.fd()) {
            self.port.failure_posix(error.raw_os_error());
        } else if self.unacknowledged && self.queue.len() < SYNC_LIMIT {
            self.unacknowledged = false;
            self.acknowledge();
        }
    }

    fn queued(&self) -> usize {
        self.queue.len()
    }

    fn stop(&mut self) {
        let _ = self
            .port
            .select(self.device.fd().as_raw_fd(), Readiness::BOTH, false);
    }
}

impl Drop for TtyPort {
    fn drop(&mut self) {
        let _ = self.device.set_nonblocking(false);
    }
}
