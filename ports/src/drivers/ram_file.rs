//! `ram_file_drv`: a file in memory, for `file:open(_, [ram])`.
//!
//! The first byte of a command says what to do; every known command is answered by one message:
//! code byte, then contents. OTP 25, ram_file_drv.c and ram_file.erl: unknown commands get no answer.

use crate::driver::{Driver, DriverFactory, StartError, Started};
use crate::handle::PortHandle;
use crate::iovec::IoVec;
use crate::open::OpenRequest;
use bytes::Bytes;

const OPEN: u8 = 1;
const READ: u8 = 2;
const LSEEK: u8 = 3;
const WRITE: u8 = 4;
const FSYNC: u8 = 9;
const TRUNCATE: u8 = 14;
const PREAD: u8 = 17;
const PWRITE: u8 = 18;
const FDATASYNC: u8 = 19;
const GET: u8 = 30;
const SIZE: u8 = 37;
const ADVISE: u8 = 38;
const ALLOCATE: u8 = 39;

const MODE_READ: i32 = 1;
const MODE_WRITE: i32 = 2;

const ANSWER_OK: u8 = 0;
const ANSWER_ERROR: u8 = 1;
const ANSWER_DATA: u8 = 2;
const ANSWER_NUMBER: u8 = 3;

/// Makes a file for each port, not yet open.
pub struct RamFileDriver;

impl DriverFactory for RamFileDriver {
    fn never_blocks(&self) -> bool {
        true
    }

    fn start(&self, _: &OpenRequest, port: PortHandle) -> Result<Started, StartError> {
        Ok(Started::new(RamFilePort {
            port,
            file: RamFile::default(),
        }))
    }
}

struct RamFilePort {
    port: PortHandle,
    file: RamFile,
}

#[derive(Default)]
struct RamFile {
    mode: i32,
    contents: Vec<u8>,
    position: i64,
}

/// What a command is answered with.
enum Answer {
    Ok,
    Number(i64),
    Data(Bytes),
}

/// An error number.
type Errno = i32;

impl Driver for RamFilePort {
    fn output(&mut self, data: IoVec) {
        let data = data.into_bytes();
        let Some((&command, arguments)) = data.split_first() else {
            return;
        };
        match self.file.command(command, arguments) {
            None => {}
            Some(Ok(Answer::Ok)) => self.port.output_list(&[ANSWER_OK]),
            Some(Ok(Answer::Number(number))) => {
                // The answer has room for 32 bits only.
                let number = (number as i32).to_be_bytes();
                self.port
                    .output_list(&[&[ANSWER_NUMBER][..], &number].concat());
            }
            Some(Ok(Answer::Data(contents))) => {
                let length = (contents.len() as u32).to_be_bytes();
                self.port
                    .output_vec(&[&[ANSWER_DATA][..], &length].concat(), contents.into());
            }
            Some(Err(errno)) => {
                let name = crate::errno::name(errno).as_bytes();
                self.port.output_list(&[&[ANSWER_ERROR], name].concat());
            }
        }
    }
}

impl RamFile {
    /// Runs a command; `None` when it is unknown.
    fn command(&mut self, command: u8, arguments: &[u8]) -> Option<Result<Answer, Errno>> {
        let mut rest = arguments;
        Some(match command {
            OPEN => integer(&mut rest).and_then(|mode| {
                self.mode = mode;
                self.contents.clear();
                append(&mut self.contents, 0, rest)?;
                self.position = 0;
                Ok(Answer::Number(0))
            }),
            FSYNC | FDATASYNC | ADVISE | ALLOCATE => self.open().map(|()| Answer::Ok),
            WRITE => self.write(self.position, rest).inspect(|_| {
                self.position += rest.len() as i64;
            }),
            PWRITE => integer(&mut rest).and_then(|at| {
                if at < 0 {
                    Err(libc::EINVAL)
                } else {
                    self.write(at.into(), rest)
                }
            }),
            LSEEK => integer(&mut rest).and_then(|offset| {
                integer(&mut rest).and_then(|origin| self.seek(offset.into(), origin))
            }),
            PREAD => integer(&mut rest).and_then(|at| {
                if at < 0 {
                    Err(libc::EINVAL)
                } else {
                    self.read(at.into(), integer(&mut rest)?)
                }
            }),
            READ => integer(&mut rest).and_then(|count| {
                let answer = self.read(self.position, count)?;
                if let Answer::Data(data) = &answer {
                    self.position += data.len() as i64;
                }
                Ok(answer)
            }),
            TRUNCATE => self.truncate(),
            GET => Ok(Answer::Data(Bytes::copy_from_slice(&self.contents))),
            SIZE => Ok(Answer::Number(self.contents.len() as i64)),
            _ => return None,
        })
    }

    fn open(&self) -> Result<(), Errno> {
        if self.mode == 0 {
            Err(libc::EBADF)
        } else {
            Ok(())
        }
    }

    fn write(&mut self, at: i64, data: &[u8]) -> Result<Answer, Errno> {
        if self.mode & MODE_WRITE == 0 {
            return Err(libc::EBADF);
        }
        append(
            &mut self.contents,
            usize::try_from(at).map_err(|_| libc::EINVAL)?,
            data,
        )?;
        Ok(Answer::Number(data.len() as i64))
    }

    fn read(&self, at: i64, count: i32) -> Result<Answer, Errno> {
        if self.mode & MODE_READ == 0 {
            return Err(libc::EBADF);
        }
        let at = usize::try_from(at)
            .map_err(|_| libc::EINVAL)?
            .min(self.contents.len());
        let count = usize::try_from(count)
            .map_err(|_| libc::EINVAL)?
            .min(self.contents.len() - at);
        Ok(Answer::Data(Bytes::copy_from_slice(
            &self.contents[at..at + count],
        )))
    }

    fn seek(&mut self, offset: i64, origin: i32) -> Result<Answer, Errno> {
        self.open()?;
        let base = match origin {
            0 => 0,
            1 => self.position,
            2 => self.contents.len() as i64,
            _ => return Err(libc::EINVAL),
        };
        let position = base + offset;
        if position < 0 {
            return Err(libc::EINVAL);
        }
        self.position = position;
        Ok(Answer::Number(position))
    }

    /// Ends the file at the position: also later than it ended, as the stock driver does.
    fn truncate(&mut self) -> Result<Answer, Errno> {
        if self.mode & MODE_WRITE == 0 {
            return Err(libc::EACCES);
        }
        let end = usize::try_from(self.position).map_err(|_| libc::EINVAL)?;
        grow(&mut self.contents, end)?;
        self.contents.truncate(end);
        Ok(Answer::Ok)
    }
}

/// Writes over and beyond the end; a gap is filled with zeros.
fn append(contents: &mut Vec<u8>, at: usize, data: &[u8]) -> Result<(), Errno> {
    let end = at.checked_add(data.len()).ok_or(libc::EINVAL)?;
    grow(contents, end)?;
    contents[at..end].copy_from_slice(data);
    Ok(())
}

fn grow(contents: &mut Vec<u8>, len: usize) -> Result<(), Errno> {
    if len > contents.len() {
        contents
            .try_reserve(len - contents.len())
            .map_err(|_| libc::ENOMEM)?;
        contents.resize(len, 0);
    }
    Ok(())
}

/// Takes a 32-bit integer off the arguments.
fn integer(rest: &mut &[u8]) -> Result<i32, Errno> {
    let (number, after) = rest.split_first_chunk().ok_or(libc::EINVAL)?;
    *rest = after;
    Ok(i32::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Bench;

    /// Runs commands and compares each answer.
    fn check(steps: &[(&[u8], &[u8])]) {
        let mut bench = Bench::new();
        let port = bench
            .open(&RamFileDriver, &OpenRequest::spawn("ram_file_drv"))
            .unwrap();
        for (step, (command, answer)) in steps.iter().enumerate() {
            bench.command(port, *command);
            assert_eq!(bench.take_data(port), *answer, "step {step}: {command:?}");
        }
    }

    #[test]
    fn reads_and_writes() {
        check(&[
            (b"\x01\0\0\0\x03hello", b"\x03\0\0\0\0"),
            (b"\x25", b"\x03\0\0\0\x05"),
            (b"\x02\0\0\0\x02", b"\x02\0\0\0\x02he"),
            (b"\x02\0\0\0\x09", b"\x02\0\0\0\x03llo"),
            (b"\x02\0\0\0\x09", b"\x02\0\0\0\0"),
            (b"\x04!!", b"\x03\0\0\0\x02"),
            (b"\x11\0\0\0\x04\0\0\0\x09", b"\x02\0\0\0\x03o!!"),
            (b"\x12\0\0\0\x0aZ", b"\x03\0\0\0\x01"),
            (b"\x1e", b"\x02\0\0\0\x0bhello!!\0\0\0Z"),
            (b"\x03\xff\xff\xff\xfe\0\0\0\x02", b"\x03\0\0\0\x09"),
            (b"\x0e", b"\x00"),
            (b"\x25", b"\x03\0\0\0\x09"),
            (b"\x09", b"\x00"),
            (b"\x13", b"\x00"),
            (b"\x26", b"\x00"),
            (b"\x27", b"\x00"),
        ]);
    }

    #[test]
    fn refuses() {
        check(&[
            (b"\x09", b"\x01ebadf"),
            (b"\x02\0\0\0\x01", b"\x01ebadf"),
            (b"\x04x", b"\x01ebadf"),
            (b"\x0e", b"\x01eacces"),
            (b"\x01\0\0\0\x01abc", b"\x03\0\0\0\0"),
            (b"\x04x", b"\x01ebadf"),
            (b"\x11\xff\xff\xff\xff\0\0\0\x01", b"\x01einval"),
            (b"\x02\xff\xff\xff\xff", b"\x01einval"),
            (b"\x03\xff\xff\xff\xff\0\0\0\0", b"\x01einval"),
            (b"\x03\0\0\0\0\0\0\0\x07", b"\x01einval"),
            (b"\x63", b""),
            (b"", b""),
        ]);
    }
}
