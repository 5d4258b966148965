//! Sending a file: `sendfile(2)`, after what waits already.

use super::{Tcp, messages};
use crate::drivers::inet::request::{Answer, Refusal};
use crate::handle::{PidToken, Readiness, TermSpec};
use crate::sys::terminal;
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// The most that is asked for at once, in bytes.
const CHUNK: u64 = (1 << 30) - 1;

/// A file that is being sent.
pub struct SendFile {
    file: OwnedFd,
    offset: u64,
    left: u64,
    sent: u64,
    /// How much of the queue goes first.
    before: usize,
    owner: PidToken,
}

impl Tcp {
    /// A descriptor, as the machine's own integer, offset and length.
    pub(super) fn start_file(&mut self, arguments: &[u8]) -> Answer {
        let Ok(arguments) = <&[u8; 20]>::try_from(arguments) else {
            return Err(Refusal::INVALID);
        };
        if !self.socket.is_connected() {
            return Err(Errno::NOTCONN.into());
        }
        if self.file.is_some() {
            return Err(Refusal::INVALID);
        }
        let (fd, numbers) = arguments.split_at(4);
        let fd = i32::from_ne_bytes(fd.try_into().map_err(|_| Refusal::INVALID)?);
        let number = |at: usize| {
            let bytes = numbers[at..at + 8]
                .try_into()
                .map_err(|_| Refusal::INVALID)?;
            Ok::<_, Refusal>(u64::from_be_bytes(bytes))
        };
        if fd < 0 {
            return Err(Errno::BADF.into());
        }
        let file = rustix::io::fcntl_dupfd_cloexec(terminal::borrow(fd), 0)?;
        self.file = Some(SendFile {
            file,
            offset: number(0)?,
            left: number(8)?,
            sent: 0,
            before: self.output.len(),
            owner: self.socket.port.caller(),
        });
        self.write_file();
        Ok(Vec::new())
    }

    /// Goes on with the file.
    pub(super) fn write_file(&mut self) {
        match self.write_file_some() {
            Ok(true) => self.file_sent(),
            Ok(false) => self.socket.select(Readiness::WRITE, true),
            Err(error) => {
                self.tell_file_failed(error);
                self.send_failed(error, None);
            }
        }
    }

    /// Whether all of it is sent.
    fn write_file_some(&mut self) -> Result<bool, Errno> {
        while let Some(before) = self
            .file
            .as_ref()
            .map(|file| file.before)
            .filter(|&n| n > 0)
        {
            match self.write_front(before) {
                Ok(sent) => {
                    if let Some(file) = &mut self.file {
                        file.before -= sent;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        let (Some(fd), Some(file)) = (self.socket.fd(), &mut self.file) else {
            return Err(Errno::BADF);
        };
        while file.left > 0 {
            let most = usize::try_from(file.left.min(CHUNK)).unwrap_or(usize::MAX);
            match rustix::fs::sendfile(fd, &file.file, Some(&mut file.offset), most) {
                Ok(0) => break,
                Ok(sent) => {
                    file.sent += sent as u64;
                    file.left -= sent as u64;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn file_sent(&mut self) {
        let Some(file) = self.file.take() else { return };
        // What came meanwhile goes after it.
        self.write();
        let number = |value: u64| TermSpec::Int(i64::from(value as u32));
        let result = vec![messages::OK, number(file.sent), number(file.sent >> 32)];
        self.tell_file(file.owner, TermSpec::Tuple(result));
    }

    fn tell_file(&self, owner: PidToken, result: TermSpec) {
        let parts = vec![TermSpec::atom("sendfile"), TermSpec::Port, result];
        self.socket.port.send_term(owner, TermSpec::Tuple(parts));
    }

    fn tell_file_failed(&self, error: Errno) {
        let reason = match error {
            Errno::CONNRESET | Errno::NOTCONN | Errno::PIPE => "closed",
            other => messages::name(other),
        };
        if let Some(file) = &self.file {
            self.tell_file(file.owner, messages::error(reason));
        }
    }

    /// The connection has ended before the file.
    pub(super) fn file_failed(&mut self, error: Errno) {
        self.tell_file_failed(error);
        self.file = None;
    }
}
