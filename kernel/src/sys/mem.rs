//! System calls on memory.

use alloc::sync::Arc;

use super::errno::{EACCES, EBADF, EINVAL, ENODEV, ENOMEM, ENOSYS, Result};
use super::table::calls;
use crate::arch::PAGE;
use crate::arch::user;
use crate::fs::fd;
use crate::fs::file::O_RDWR;
use crate::fs::node::Kind;
use crate::fs::regular::Mapped;
use crate::mm::space::{self, Place, Request};
use crate::mm::vma::Source;
use alloc::string::String;

calls! {
    9 mmap(at, len, prot, flags, fd, offset) = mmap;
    10 mprotect(at, len, prot) = mprotect;
    11 munmap(at, len) = munmap;
    12 brk(to) = brk;
    25 mremap(at, old, new, flags, to) = mremap;
    26 msync(at, len, flags) = msync;
    27 mincore(at, len, vector) = mincore;
    28 madvise(at, len, advice) = madvise;
    149 mlock(at, len) = mlock;
    150 munlock(at, len) = mlock;
    151 mlockall(flags) = mlockall;
    152 munlockall() = munlockall;
    239 get_mempolicy(mode, nodes, max, at, flags) = get_mempolicy;
    324 membarrier(command, flags, cpu) = membarrier;
    325 mlock2(at, len, flags) = mlock2;
}

const MAP_SHARED: u64 = 1;
const MAP_PRIVATE: u64 = 2;
const MAP_SHARED_VALIDATE: u64 = 3;
const MAP_FIXED: u64 = 0x10;
const MAP_ANONYMOUS: u64 = 0x20;
const MAP_32BIT: u64 = 0x40;
const MAP_POPULATE: u64 = 0x8000;
const MAP_HUGETLB: u64 = 0x40000;
const MAP_FIXED_NOREPLACE: u64 = 0x10_0000;

fn mmap(at: u64, len: u64, prot: u64, flags: u64, fd: u64, offset: u64) -> Result<usize> {
    if len == 0 || !offset.is_multiple_of(PAGE) {
        return Err(EINVAL);
    }
    let len = len.checked_next_multiple_of(PAGE).ok_or(ENOMEM)?;
    let shared = match flags & 15 {
        MAP_SHARED | MAP_SHARED_VALIDATE => true,
        MAP_PRIVATE => false,
        _ => return Err(EINVAL),
    };
    if flags & MAP_HUGETLB != 0 {
        return Err(ENOMEM);
    }
    let source = if flags & MAP_ANONYMOUS != 0 {
        Source::Anonymous
    } else {
        file_source(fd, offset, prot, shared)?
    };
    let place = if flags & MAP_FIXED_NOREPLACE != 0 {
        Place::FixedNoReplace
    } else if flags & MAP_FIXED != 0 {
        Place::Fixed
    } else if flags & MAP_32BIT != 0 {
        Place::Low
    } else {
        Place::Hint
    };
    let populate = flags & MAP_POPULATE != 0;
    let at = space::map(Request {
        at,
        len,
        rights: prot as u8 & 7,
        source,
        place,
        populate,
    })?;
    Ok(at as usize)
}

fn file_source(fd: u64, offset: u64, prot: u64, shared: bool) -> Result<Source> {
    let open = fd::get(fd)?;
    if !open.readable() {
        return Err(if open.flags() & crate::fs::file::O_PATH != 0 {
            EBADF
        } else {
            EACCES
        });
    }
    if shared && prot & 2 != 0 && open.flags() & 3 != O_RDWR {
        return Err(EACCES);
    }
    let node = open.file.node().ok_or(ENODEV)?.clone();
    match node.kind {
        Kind::Regular(_) => {}
        Kind::Device(_) if node.meta.lock().rdev == (1 << 8 | 5) => return Ok(Source::Anonymous),
        _ => return Err(ENODEV),
    }
    let path = String::from_utf8_lossy(&open.path).into_owned();
    Ok(Source::File {
        backing: Arc::new(Mapped { node, path }),
        first: offset / PAGE,
        shared,
    })
}

fn mprotect(at: u64, len: u64, prot: u64) -> Result<usize> {
    if prot & !0x0300_000f != 0 {
        return Err(EINVAL);
    }
    if len == 0 {
        return if at.is_multiple_of(PAGE) {
            Ok(0)
        } else {
            Err(EINVAL)
        };
    }
    space::protect(at, len, prot as u8 & 7).map(|()| 0)
}

fn munmap(at: u64, len: u64) -> Result<usize> {
    space::unmap(at, len).map(|()| 0)
}

fn brk(to: u64) -> Result<usize> {
    Ok(space::move_break(to) as usize)
}

fn mremap(at: u64, old: u64, new: u64, flags: u64, to: u64) -> Result<usize> {
    if flags & !3 != 0 || flags == 2 {
        return Err(EINVAL);
    }
    space::remap(at, old, new, flags & 1 != 0, (flags & 2 != 0).then_some(to)).map(|at| at as usize)
}

fn msync(at: u64, len: u64, flags: u64) -> Result<usize> {
    if !at.is_multiple_of(PAGE) || flags & !7 != 0 || flags & 5 == 5 {
        return Err(EINVAL);
    }
    if len > 0 {
        space::resident(at, len.div_ceil(PAGE) as usize)?;
    }
    Ok(0)
}

fn mincore(at: u64, len: u64, vector: u64) -> Result<usize> {
    if !at.is_multiple_of(PAGE) {
        return Err(EINVAL);
    }
    let pages = space::resident(at, len.div_ceil(PAGE) as usize)?;
    user::write_bytes(vector, &pages).map(|()| 0)
}

fn madvise(at: u64, len: u64, advice: u64) -> Result<usize> {
    if !at.is_multiple_of(PAGE) {
        return Err(EINVAL);
    }
    if len == 0 {
        return Ok(0);
    }
    match advice {
        0..=3 | 10..=13 | 16 | 17 | 20 | 21 => Ok(0),
        4 | 8 | 9 => space::discard(at, len).map(|()| 0),
        14 | 15 => space::allow_large(at, len, advice == 14).map(|()| 0),
        18 | 19 => Ok(0),
        22 | 23 => Ok(0),
        _ => Err(EINVAL),
    }
}

/// Nothing is ever swapped: all that is touched stays.
fn mlock(_at: u64, _len: u64) -> Result<usize> {
    Ok(0)
}

fn mlock2(_at: u64, _len: u64, _flags: u64) -> Result<usize> {
    Ok(0)
}

fn mlockall(_flags: u64) -> Result<usize> {
    Ok(0)
}

fn munlockall() -> Result<usize> {
    Ok(0)
}

fn get_mempolicy(_mode: u64, _nodes: u64, _max: u64, _at: u64, _flags: u64) -> Result<usize> {
    Err(ENOSYS)
}

fn membarrier(command: u64, _flags: u64, _cpu: u64) -> Result<usize> {
    match command {
        // QUERY: global, private expedited and its registration.
        0 => Ok(1 | 8 | 16),
        // A flush is answered by every processor that runs the program: a full barrier on each.
        1 | 8 => {
            crate::mm::tlb::flush(0, crate::arch::USER_END);
            Ok(0)
        }
        16 => Ok(0),
        _ => Err(EINVAL),
    }
}
