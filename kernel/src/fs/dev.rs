//! The devices of `/dev` that are no hardware.

use alloc::sync::Arc;

use super::file::{File, Stat};
use super::io::{Feed, Sink};
use super::node::S_IFCHR;
use crate::random;
use crate::sys::errno::{ENOSPC, Result};

fn stat(minor: u64) -> Stat {
    Stat {
        mode: S_IFCHR | 0o666,
        nlink: 1,
        rdev: 1 << 8 | minor,
        ..Stat::default()
    }
}

/// Takes a feed to its end.
fn swallow(feed: &mut Feed<'_>) -> usize {
    let all = feed.left();
    match feed {
        Feed::User(list, n, offset) => (*n, *offset) = (list.len(), 0),
        Feed::Kernel(bytes, offset) => *offset = bytes.len(),
    }
    all
}

/// `/dev/null`.
pub struct Null;

impl File for Null {
    fn read(&self, _sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        Ok(0)
    }
    fn write(&self, feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        Ok((swallow(feed), 0))
    }
    fn stat(&self) -> Stat {
        stat(3)
    }
}

/// `/dev/zero`, and `/dev/full`, which takes nothing.
pub struct Zero {
    /// Takes nothing.
    pub full: bool,
}

impl File for Zero {
    fn read(&self, sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        let zeros = [0u8; 1024];
        let mut done = 0;
        while sink.room() > 0 {
            done += sink.put(&zeros)?;
        }
        Ok(done)
    }
    fn write(&self, feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        if self.full {
            Err(ENOSPC)
        } else {
            Ok((swallow(feed), 0))
        }
    }
    fn stat(&self) -> Stat {
        stat(if self.full { 7 } else { 5 })
    }
}

/// `/dev/random` and `/dev/urandom`.
pub struct Random;

impl File for Random {
    fn read(&self, sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        let mut done = 0;
        while sink.room() > 0 && done < 32 << 20 {
            let mut bytes = [0; 256];
            random::fill(&mut bytes);
            done += sink.put(&bytes)?;
        }
        Ok(done)
    }
    fn write(&self, feed: &mut Feed<'_>, _at: Option<u64>) -> Result<(usize, u64)> {
        let mut done = 0;
        let mut bytes = [0; 64];
        while feed.left() > 0 {
            let n = feed.take(&mut bytes)?;
            random::stir(&bytes[..n]);
            done += n;
        }
        Ok((done, 0))
    }
    fn stat(&self) -> Stat {
        stat(9)
    }
}

/// Makes `/dev/null`.
pub fn null() -> Arc<dyn File> {
    Arc::new(Null)
}

/// Makes `/dev/zero`.
pub fn zero() -> Arc<dyn File> {
    Arc::new(Zero { full: false })
}

/// Makes `/dev/full`.
pub fn full() -> Arc<dyn File> {
    Arc::new(Zero { full: true })
}

/// Makes `/dev/random`.
pub fn random() -> Arc<dyn File> {
    Arc::new(Random)
}
