//! The descriptor table.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::file::{File, Open};
use crate::sys::errno::{EBADF, EMFILE, Result};
use crate::task::process::FDS;

/// A slot's content.
#[derive(Clone)]
pub struct Descriptor {
    /// The description.
    pub open: Arc<Open>,
    /// Closed at `execve`.
    pub close_on_exec: bool,
}

/// Descriptors by number.
pub struct FdTable {
    slots: Vec<Option<Descriptor>>,
    limit: usize,
    /// No number below is free.
    low: usize,
}

/// How many descriptors a program may have, unless it changes the limit.
pub const DEFAULT_LIMIT: usize = 65536;

impl FdTable {
    /// An empty table.
    pub const fn new() -> FdTable {
        FdTable {
            slots: Vec::new(),
            limit: DEFAULT_LIMIT,
            low: 0,
        }
    }

    /// The limit of numbers.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Sets the limit.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(1 << 20);
    }

    /// Puts a description at the lowest free number from `from` on.
    pub fn insert(&mut self, open: Arc<Open>, close_on_exec: bool, from: usize) -> Result<usize> {
        let start = from.max(self.low);
        let n = (start..self.slots.len())
            .find(|&n| self.slots[n].is_none())
            .unwrap_or(self.slots.len().max(start));
        if n >= self.limit {
            return Err(EMFILE);
        }
        if n >= self.slots.len() {
            self.slots.resize(n + 1, None);
        }
        self.slots[n] = Some(Descriptor {
            open,
            close_on_exec,
        });
        if from <= self.low {
            self.low = n + 1;
        }
        Ok(n)
    }

    /// Puts a description at a number; what was there is given back, to be dropped without the lock.
    pub fn replace(
        &mut self,
        n: usize,
        open: Arc<Open>,
        close_on_exec: bool,
    ) -> Result<Option<Descriptor>> {
        if n >= self.limit {
            return Err(EBADF);
        }
        if n >= self.slots.len() {
            self.slots.resize(n + 1, None);
        }
        Ok(self.slots[n].replace(Descriptor {
            open,
            close_on_exec,
        }))
    }

    /// The slot of a number.
    pub fn get(&mut self, fd: u64) -> Result<&mut Descriptor> {
        let n = usize::try_from(fd as u32 as i32).map_err(|_| EBADF)?;
        self.slots.get_mut(n).and_then(Option::as_mut).ok_or(EBADF)
    }

    /// Takes a descriptor out.
    pub fn remove(&mut self, fd: u64) -> Result<Descriptor> {
        let n = usize::try_from(fd as u32 as i32).map_err(|_| EBADF)?;
        let taken = self.slots.get_mut(n).and_then(Option::take).ok_or(EBADF)?;
        self.low = self.low.min(n);
        Ok(taken)
    }

    /// The descriptions of all.
    pub fn all(&self) -> Vec<Arc<Open>> {
        self.slots
            .iter()
            .flatten()
            .map(|d| d.open.clone())
            .collect()
    }

    /// The numbers in use.
    pub fn numbers(&self) -> Vec<usize> {
        (0..self.slots.len())
            .filter(|&n| self.slots[n].is_some())
            .collect()
    }
}

impl Default for FdTable {
    fn default() -> Self {
        FdTable::new()
    }
}

/// The description behind a number.
pub fn get(fd: u64) -> Result<Arc<Open>> {
    Ok(FDS.lock().get(fd)?.open.clone())
}

/// Opens a description under the lowest free number.
pub fn install(open: Arc<Open>, close_on_exec: bool) -> Result<usize> {
    FDS.lock().insert(open, close_on_exec, 0)
}

/// Opens an object under the lowest free number.
pub fn install_file(
    file: Arc<dyn File>,
    flags: u32,
    close_on_exec: bool,
    path: &[u8],
) -> Result<usize> {
    install(Open::new(file, flags, path), close_on_exec)
}

/// Closes a number. Watchers of the description (`epoll`) forget it when its last reference goes.
pub fn close(fd: u64) -> Result<()> {
    let taken = FDS.lock().remove(fd)?;
    drop(taken);
    Ok(())
}
