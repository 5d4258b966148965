//! The terminal: a line discipline over the console.
//!
//! Canonical and raw mode, echo, signals of control characters, newline translation, window size.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use super::file::{File, Stat, again};
use super::io::{Feed, Sink};
use super::node::S_IFCHR;
use crate::arch::sync::SpinLock;
use crate::arch::user::{self, plain};
use crate::sys::errno::{EINVAL, ENOTTY, Result};
use crate::task::process;
use crate::task::signal::{self, Info, num};
use crate::task::wait::{IN, OUT, Source};
use crate::{console, timeline};

#[repr(C)]
#[derive(Clone, Copy)]
struct Termios {
    input: u32,
    output: u32,
    control: u32,
    local: u32,
    line: u8,
    chars: [u8; 19],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct WindowSize {
    rows: u16,
    columns: u16,
    pixels: [u16; 2],
}

plain!(Termios, WindowSize);

const ICRNL: u32 = 0o400;
const INLCR: u32 = 0o100;
const IGNCR: u32 = 0o200;
const OPOST: u32 = 1;
const ONLCR: u32 = 4;
const ISIG: u32 = 1;
const ICANON: u32 = 2;
const ECHO: u32 = 0o10;
const ECHOE: u32 = 0o20;
const ECHONL: u32 = 0o100;
const VINTR: usize = 0;
const VQUIT: usize = 1;
const VERASE: usize = 2;
const VKILL: usize = 3;
const VEOF: usize = 4;
const VMIN: usize = 6;
const VEOL: usize = 11;
const VWERASE: usize = 14;

const QUEUE_MAX: usize = 65536;

struct State {
    termios: Termios,
    size: WindowSize,
    /// Bytes that a read may take.
    ready: VecDeque<u8>,
    /// The line being edited.
    line: Vec<u8>,
    /// Lines (or ends of input) in `ready`; canonical reads stop at each.
    ends: VecDeque<usize>,
}

/// The terminal of the console.
pub struct Tty {
    state: SpinLock<State>,
    source: Source,
    group: AtomicU32,
}

static TTY: Tty = Tty {
    state: SpinLock::new(State {
        termios: Termios {
            input: ICRNL | 0o2000 | 0o40000,
            output: OPOST | ONLCR,
            control: 0o60 | 0o200 | 0o17 | 0o2000,
            local: ISIG | ICANON | ECHO | ECHOE | 0o40 | 0o1000 | 0o4000 | 0o100_000,
            line: 0,
            chars: [
                3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0,
            ],
        },
        size: WindowSize {
            rows: 24,
            columns: 80,
            pixels: [0, 0],
        },
        ready: VecDeque::new(),
        line: Vec::new(),
        ends: VecDeque::new(),
    }),
    source: Source::new(),
    group: AtomicU32::new(1),
};

/// Takes bytes from the console's input.
pub fn input(bytes: &[u8]) {
    let mut signals = Vec::new();
    {
        let mut state = TTY.state.lock();
        for &byte in bytes {
            if let Some(number) = state.take(byte) {
                signals.push(number);
            }
        }
    }
    for number in signals {
        signal::send_process(Info::user(number, 0x80));
    }
    TTY.source.notify(IN);
}

/// Sets the window's size, as the console's device tells it.
pub fn resize(columns: u16, rows: u16) {
    let mut state = TTY.state.lock();
    if columns != 0 && rows != 0 && (state.size.columns, state.size.rows) != (columns, rows) {
        (state.size.columns, state.size.rows) = (columns, rows);
        drop(state);
        signal::send_process(Info::user(num::SIGWINCH, 0x80));
    }
}

impl State {
    fn echo(&self, byte: u8) {
        match byte {
            b'\n' => self.output(b"\n"),
            0x20.. | b'\t' => self.output(&[byte]),
            _ => self.output(&[b'^', byte ^ 0x40]),
        }
    }

    fn output(&self, bytes: &[u8]) {
        timeline::see(bytes);
        if self.termios.output & OPOST == 0 || self.termios.output & ONLCR == 0 {
            console::write(bytes);
            return;
        }
        let mut rest = bytes;
        while let Some(n) = rest.iter().position(|&b| b == b'\n') {
            console::write(&rest[..n]);
            console::write(b"\r\n");
            rest = &rest[n + 1..];
        }
        console::write(rest);
    }

    fn erase(&mut self) -> bool {
        // A character may have several bytes.
        loop {
            match self.line.pop() {
                None => return false,
                Some(byte) if byte & 0xc0 == 0x80 => {}
                Some(_) => break,
            }
        }
        if self.termios.local & (ECHO | ECHOE) == ECHO | ECHOE {
            self.output(b"\x08 \x08");
        }
        true
    }

    fn finish_line(&mut self) {
        let line = core::mem::take(&mut self.line);
        self.ends.push_back(line.len());
        self.ready.extend(line);
    }

    /// Takes a byte of input; a signal number if it was a control character.
    fn take(&mut self, mut byte: u8) -> Option<u32> {
        let t = self.termios;
        match byte {
            b'\r' if t.input & IGNCR != 0 => return None,
            b'\r' if t.input & ICRNL != 0 => byte = b'\n',
            b'\n' if t.input & INLCR != 0 => byte = b'\r',
            _ => {}
        }
        if t.local & ISIG != 0 && byte != 0 {
            let number = [(VINTR, num::SIGINT), (VQUIT, num::SIGQUIT)]
                .iter()
                .find(|(c, _)| t.chars[*c] == byte)
                .map(|(_, n)| *n);
            if let Some(number) = number {
                self.line.clear();
                self.ready.clear();
                self.ends.clear();
                if t.local & ECHO != 0 {
                    self.echo(byte);
                }
                return Some(number);
            }
        }
        if self.ready.len() + self.line.len() >= QUEUE_MAX {
            return None;
        }
        if t.local & ICANON == 0 {
            self.ready.push_back(byte);
            if t.local & ECHO != 0 {
                self.echo(byte);
            }
            return None;
        }
        if byte == t.chars[VERASE] || byte == 8 {
            self.erase();
        } else if byte == t.chars[VKILL] {
            while self.erase() {}
        } else if byte == t.chars[VWERASE] {
            while self.line.last() == Some(&b' ') && self.erase() {}
            while self.line.last().is_some_and(|&b| b != b' ') && self.erase() {}
        } else if byte == t.chars[VEOF] {
            self.finish_line();
        } else {
            if t.local & ECHO != 0 || (byte == b'\n' && t.local & ECHONL != 0) {
                self.echo(byte);
            }
            self.line.push(byte);
            if byte == b'\n' || (byte != 0 && byte == t.chars[VEOL]) {
                self.finish_line();
            }
        }
        None
    }

    fn readable(&self) -> bool {
        if self.termios.local & ICANON != 0 {
            !self.ends.is_empty()
        } else {
            !self.ready.is_empty() && self.ready.len() >= usize::from(self.termios.chars[VMIN])
        }
    }
}

/// An open terminal.
pub struct OpenTty;

/// Opens the console's terminal.
pub fn open() -> Arc<dyn File> {
    Arc::new(OpenTty)
}

impl File for OpenTty {
    fn read(&self, sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        let taken: Vec<u8> = {
            let mut state = TTY.state.lock();
            let room = sink.room();
            if room == 0 {
                return Ok(0);
            }
            if !state.readable() {
                let polls = state.termios.local & ICANON == 0 && state.termios.chars[VMIN] == 0;
                return if polls { Ok(0) } else { again() };
            }
            let n = if state.termios.local & ICANON != 0 {
                let line = state.ends.pop_front().unwrap_or(0);
                if line > room {
                    state.ends.push_front(line - room);
                }
                line.min(room)
            } else {
                state.ends.clear();
                state.ready.len().min(room)
            };
            state.ready.drain(..n).collect()
        };
        sink.put(&taken)
    }

    fn write(&self, feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        let mut done = 0;
        let mut bytes = [0u8; 512];
        while feed.left() > 0 {
            let n = match feed.take(&mut bytes) {
                Ok(n) => n,
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            };
            TTY.state.lock().output(&bytes[..n]);
            done += n;
        }
        console::flush();
        Ok((done, 0))
    }

    fn ready(&self) -> u32 {
        OUT | if TTY.state.lock().readable() { IN } else { 0 }
    }

    fn source(&self) -> Option<&Source> {
        Some(&TTY.source)
    }

    fn ioctl(&self, command: u32, argument: u64) -> Result<usize> {
        match command {
            0x5401 => {
                let termios = TTY.state.lock().termios;
                user::write(argument, &termios)?;
            }
            0x5402..=0x5404 => {
                let new: Termios = user::read(argument)?;
                let mut state = TTY.state.lock();
                if command == 0x5404 {
                    state.ready.clear();
                    state.ends.clear();
                    state.line.clear();
                }
                let was_canonical = state.termios.local & ICANON != 0;
                state.termios = new;
                if was_canonical && new.local & ICANON == 0 {
                    // What was typed of a line becomes readable.
                    let line = core::mem::take(&mut state.line);
                    state.ready.extend(line);
                    state.ends.clear();
                } else if !was_canonical && new.local & ICANON != 0 && !state.ready.is_empty() {
                    let len = state.ready.len();
                    state.ends.push_back(len);
                }
                drop(state);
                TTY.source.notify(IN);
            }
            0x5409 | 0x540a => {}
            0x540b => {
                let mut state = TTY.state.lock();
                match argument {
                    0 | 2 => {
                        state.ready.clear();
                        state.ends.clear();
                        state.line.clear();
                    }
                    1 => {}
                    _ => return Err(EINVAL),
                }
            }
            0x540e | 0x5422 => {}
            0x540f => user::write(argument, &TTY.group.load(Ordering::Relaxed))?,
            0x5410 => TTY.group.store(user::read(argument)?, Ordering::Relaxed),
            0x5413 => {
                let size = TTY.state.lock().size;
                user::write(argument, &size)?;
            }
            0x5414 => {
                let size: WindowSize = user::read(argument)?;
                resize(size.columns, size.rows);
            }
            0x541b => {
                let n = TTY.state.lock().ready.len() as u32;
                user::write(argument, &n)?;
            }
            0x5429 => user::write(argument, &process::pid())?,
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }

    fn stat(&self) -> Stat {
        Stat {
            mode: S_IFCHR | 0o620,
            nlink: 1,
            rdev: 5 << 8 | 1,
            ..Stat::default()
        }
    }
}
