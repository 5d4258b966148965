//! A program on a pseudo-terminal: what a user at a terminal types and sees.
//!
//! [`Terminal::expect`] waits for text that has not been seen yet, with escape sequences taken out; nothing
//! sleeps for a fixed time. A wait that fails shows the whole conversation.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(40);

/// A running program and its terminal.
pub struct Terminal {
    child: Child,
    dir: PathBuf,
    master: File,
    output: Receiver<Vec<u8>>,
    /// All that came, without escape sequences.
    text: String,
    /// Where in `text` the next wait begins.
    seen: usize,
    escape: Escape,
    /// Bytes of a character that has not come whole.
    partial: Vec<u8>,
}

/// Where in an escape sequence the output stands.
#[derive(Clone, Copy, PartialEq)]
enum Escape {
    None,
    Begun,
    /// After `ESC [`: ends at a letter.
    Csi,
    /// After `ESC (` and its like: one more character.
    Charset,
}

impl Terminal {
    /// Starts a program in a folder, in a session of its own with the terminal as controlling terminal.
    pub fn start(program: &[String], arguments: &[&str], dir: &Path) -> Terminal {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("the system has pseudo-terminals");
        grantpt(&master).expect("the new terminal is ours");
        unlockpt(&master).expect("the new terminal is ours");
        let name = ptsname(&master, Vec::new()).expect("the new terminal has a name");
        resize(&master, 80, 24);
        let path = PathBuf::from(name.into_string().expect("the name is plain"));
        let slave = File::options()
            .read(true)
            .write(true)
            .open(path)
            .expect("the terminal opens");
        let stdio = || Stdio::from(slave.try_clone().expect("a descriptor can be duplicated"));
        let mut command = Command::new("setsid");
        command
            .args(["--ctty", "--wait"])
            .args(program)
            .args(arguments)
            .current_dir(dir);
        command
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("ERL_FLAGS")
            .env_remove("ERL_AFLAGS");
        command.env("HOME", dir);
        let child = command
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .expect("setsid runs");
        let master = File::from(master);
        let output = reader(master.try_clone().expect("a descriptor can be duplicated"));
        let (text, partial) = (String::new(), Vec::new());
        Terminal {
            child,
            dir: dir.to_path_buf(),
            master,
            output,
            text,
            seen: 0,
            escape: Escape::None,
            partial,
        }
    }

    /// Sends keys.
    pub fn keys(&mut self, keys: &str) {
        self.master
            .write_all(keys.as_bytes())
            .expect("the terminal takes input");
    }

    /// Types a line and the return key.
    pub fn line(&mut self, line: &str) {
        self.keys(line);
        self.keys("\r");
    }

    /// Waits for text after what the last wait found. Returns what came before it.
    #[track_caller]
    pub fn expect(&mut self, wanted: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.text[self.seen..].find(wanted) {
                let before = self.text[self.seen..self.seen + at].to_string();
                self.seen += at + wanted.len();
                return before;
            }
            if !self.more(deadline) {
                panic!(
                    "{wanted:?} did not come. The conversation:\n{}\n[here begins what was searched]\n{}",
                    &self.text[..self.seen],
                    &self.text[self.seen..]
                );
            }
        }
    }

    /// Sends keys again and again until text comes: for moments that show nothing when the program is ready.
    #[track_caller]
    pub fn repeat(&mut self, keys: &str, wanted: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.text[self.seen..].contains(wanted) && Instant::now() < deadline {
            self.keys(keys);
            self.more(Instant::now() + Duration::from_millis(300));
        }
        self.expect(wanted);
    }

    /// Types a line and waits for its answer and the next prompt, `N> `.
    #[track_caller]
    pub fn ask(&mut self, line: &str, answer: &str, prompt: u32) {
        self.line(line);
        self.expect("\n");
        self.expect(answer);
        self.prompt(prompt);
    }

    /// Waits for the shell's prompt.
    #[track_caller]
    pub fn prompt(&mut self, number: u32) {
        self.expect(&format!("{number}> "));
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn exit(&mut self) -> ExitStatus {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "still running. The conversation:\n{}",
                self.text
            );
            self.more(Instant::now() + Duration::from_millis(20));
        }
    }

    /// The folder that the program was started in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The process id of the program: `setsid` becomes it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Changes the window's size.
    pub fn resize(&self, columns: u16, rows: u16) {
        resize(&self.master, columns, rows);
    }

    /// Takes what has come; false when nothing more will come before the deadline.
    fn more(&mut self, deadline: Instant) -> bool {
        match self
            .output
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            Ok(bytes) => {
                self.take(&bytes);
                true
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.partial) {
            Ok(_) => self.partial.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            // Not UTF-8 at all: shown as it can be.
            Err(_) => self.partial.len(),
        };
        let rest = self.partial.split_off(whole);
        let piece =
            String::from_utf8_lossy(&std::mem::replace(&mut self.partial, rest)).into_owned();
        for char in piece.chars() {
            self.escape = match (self.escape, char) {
                (Escape::None, '\x1b') => Escape::Begun,
                (Escape::None, '\r') => Escape::None,
                (Escape::None, _) => {
                    self.text.push(char);
                    Escape::None
                }
                (Escape::Begun, '[') => Escape::Csi,
                (Escape::Begun, '(' | ')' | '#') => Escape::Charset,
                (Escape::Csi, '0'..='9' | ';' | '?' | '>') => Escape::Csi,
                (Escape::Begun | Escape::Csi | Escape::Charset, _) => Escape::None,
            };
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has gone already where the test waited for its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn resize(terminal: impl std::os::fd::AsFd, columns: u16, rows: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("a terminal has a size");
}

fn reader(mut master: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // The end of the program shows as an error (EIO) or as an empty read.
        while let Ok(count @ 1..) = master.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}
