//! Where bytes come from and go to: the program's buffers, or the kernel's.

use alloc::vec::Vec;

use crate::arch::user;
use crate::sys::errno::{EFAULT, EINVAL, Result};

/// A list of the program's buffers (address, length).
pub type Buffers = Vec<(u64, usize)>;

/// Most buffers in a list.
const IOV_MAX: usize = 1024;
/// Most bytes in one transfer, as on Linux.
pub const TRANSFER_MAX: usize = 0x7fff_f000;

/// Reads an `iovec` array of the program.
pub fn buffers(at: u64, count: u64) -> Result<Buffers> {
    if count > IOV_MAX as u64 {
        return Err(EINVAL);
    }
    let mut list = Vec::with_capacity(count as usize);
    let mut total = 0usize;
    for n in 0..count {
        let [base, len] = user::read::<[u64; 2]>(at + 16 * n)?;
        if len > i64::MAX as u64 {
            return Err(EINVAL);
        }
        let len = (len as usize).min(TRANSFER_MAX - total);
        total += len;
        list.push((base, len));
    }
    Ok(list)
}

/// A single buffer as a list.
pub fn buffer(at: u64, len: u64) -> Buffers {
    alloc::vec![(at, (len as usize).min(TRANSFER_MAX))]
}

/// The target of a read.
pub enum Sink<'a> {
    /// The program's buffers, and how far they are filled (buffer, offset).
    User(&'a [(u64, usize)], usize, usize),
    /// The kernel's, up to a length.
    Kernel(&'a mut Vec<u8>, usize),
}

impl<'a> Sink<'a> {
    /// Fills the program's buffers.
    pub fn user(list: &'a [(u64, usize)]) -> Sink<'a> {
        Sink::User(list, 0, 0)
    }

    /// How many bytes still fit.
    pub fn room(&self) -> usize {
        match self {
            Sink::User(list, n, offset) => list[*n..].iter().map(|b| b.1).sum::<usize>() - offset,
            Sink::Kernel(v, limit) => limit.saturating_sub(v.len()),
        }
    }

    /// Takes bytes, as many as fit. EFAULT only if not one could be stored.
    pub fn put(&mut self, mut bytes: &[u8]) -> Result<usize> {
        let mut done = 0;
        match self {
            Sink::Kernel(v, limit) => {
                done = bytes.len().min(limit.saturating_sub(v.len()));
                v.extend_from_slice(&bytes[..done]);
            }
            Sink::User(list, n, offset) => {
                while !bytes.is_empty() && *n < list.len() {
                    let (base, len) = list[*n];
                    let part = bytes.len().min(len - *offset);
                    let stored = user::write_some(base + *offset as u64, &bytes[..part]);
                    done += stored;
                    *offset += stored;
                    if stored < part {
                        return if done == 0 { Err(EFAULT) } else { Ok(done) };
                    }
                    bytes = &bytes[part..];
                    if *offset == len {
                        (*n, *offset) = (*n + 1, 0);
                    }
                }
            }
        }
        Ok(done)
    }
}

/// The source of a write.
pub enum Feed<'a> {
    /// The program's buffers, and how far they are read (buffer, offset).
    User(&'a [(u64, usize)], usize, usize),
    /// The kernel's, and how far it is read.
    Kernel(&'a [u8], usize),
}

impl<'a> Feed<'a> {
    /// Reads the program's buffers.
    pub fn user(list: &'a [(u64, usize)]) -> Feed<'a> {
        Feed::User(list, 0, 0)
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        match self {
            Feed::User(list, n, offset) => list[*n..].iter().map(|b| b.1).sum::<usize>() - offset,
            Feed::Kernel(v, offset) => v.len() - offset,
        }
    }

    /// Gives bytes, as many as there are. EFAULT only if not one could be read.
    pub fn take(&mut self, mut to: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        match self {
            Feed::Kernel(v, offset) => {
                done = to.len().min(v.len() - *offset);
                to[..done].copy_from_slice(&v[*offset..*offset + done]);
                *offset += done;
            }
            Feed::User(list, n, offset) => {
                while !to.is_empty() && *n < list.len() {
                    let (base, len) = list[*n];
                    let part = to.len().min(len - *offset);
                    let got = user::read_some(base + *offset as u64, &mut to[..part]);
                    done += got;
                    *offset += got;
                    if got < part {
                        return if done == 0 { Err(EFAULT) } else { Ok(done) };
                    }
                    to = &mut to[part..];
                    if *offset == len {
                        (*n, *offset) = (*n + 1, 0);
                    }
                }
            }
        }
        Ok(done)
    }

    /// All that is left, at most `max` bytes.
    pub fn take_vec(&mut self, max: usize) -> Result<Vec<u8>> {
        let mut bytes = alloc::vec![0; self.left().min(max)];
        let got = self.take(&mut bytes)?;
        bytes.truncate(got);
        Ok(bytes)
    }

    /// Puts the last `count` bytes back: they were not wanted.
    pub fn give_back(&mut self, mut count: usize) {
        match self {
            Feed::Kernel(_, offset) => *offset -= count,
            Feed::User(list, n, offset) => {
                while count > 0 {
                    if *offset == 0 {
                        *n -= 1;
                        *offset = list[*n].1;
                    }
                    let part = count.min(*offset);
                    *offset -= part;
                    count -= part;
                }
            }
        }
    }
}
