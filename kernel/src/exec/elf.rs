//! ELF files: checked headers, and the mapping of their segments.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::arch::{PAGE, user};
use crate::fs::file::File;
use crate::fs::io::Sink;
use crate::fs::node::Node;
use crate::fs::regular::{Mapped, Regular};
use crate::mm::space::{self, Place, Request};
use crate::mm::vma::{EXEC, READ, Source, WRITE};
use crate::sys::errno::{EINVAL, ENOEXEC, ENOMEM, Result};

const LOAD: u32 = 1;
const INTERP: u32 = 3;

/// A program header.
#[derive(Clone, Copy)]
struct Segment {
    kind: u32,
    flags: u32,
    offset: u64,
    at: u64,
    file_len: u64,
    len: u64,
}

/// A checked file.
pub struct Elf {
    node: Arc<Node>,
    /// Entry, before relocation.
    entry: u64,
    /// May be placed anywhere.
    movable: bool,
    segments: Vec<Segment>,
    headers_at: u64,
    /// Path of the interpreter that the file asks for.
    pub interpreter: Option<Vec<u8>>,
}

/// A mapped file.
pub struct Loaded {
    /// What was added to all addresses.
    pub base: u64,
    /// Where to start.
    pub entry: u64,
    /// Address of the program headers.
    pub headers: u64,
    /// How many there are.
    pub header_count: u64,
    /// Byte behind the last segment.
    pub end: u64,
}

/// Reads a piece of a file.
pub fn read_at(node: &Arc<Node>, at: u64, len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Regular(node.clone()).read(&mut Sink::Kernel(&mut bytes, len), at)?;
    Ok(bytes)
}

fn u16_at(b: &[u8], at: usize) -> Result<u16> {
    Ok(u16::from_le_bytes(
        *b.get(at..).and_then(|b| b.first_chunk()).ok_or(ENOEXEC)?,
    ))
}

fn u32_at(b: &[u8], at: usize) -> Result<u32> {
    Ok(u32::from_le_bytes(
        *b.get(at..).and_then(|b| b.first_chunk()).ok_or(ENOEXEC)?,
    ))
}

fn u64_at(b: &[u8], at: usize) -> Result<u64> {
    Ok(u64::from_le_bytes(
        *b.get(at..).and_then(|b| b.first_chunk()).ok_or(ENOEXEC)?,
    ))
}

impl Elf {
    /// Checks a file's headers.
    pub fn open(node: Arc<Node>) -> Result<Elf> {
        let header = read_at(&node, 0, 64)?;
        if !header.starts_with(b"\x7fELF\x02\x01") || u16_at(&header, 18)? != 62 {
            return Err(ENOEXEC);
        }
        let kind = u16_at(&header, 16)?;
        let (offset, size, count) = (
            u64_at(&header, 32)?,
            u16_at(&header, 54)?,
            u16_at(&header, 56)?,
        );
        if !matches!(kind, 2 | 3) || size != 56 || count == 0 || count > 512 {
            return Err(ENOEXEC);
        }
        let table = read_at(&node, offset, usize::from(count) * 56)?;
        let mut elf = Elf {
            node,
            entry: u64_at(&header, 24)?,
            movable: kind == 3,
            segments: Vec::new(),
            headers_at: 0,
            interpreter: None,
        };
        for h in table.chunks(56) {
            let s = Segment {
                kind: u32_at(h, 0)?,
                flags: u32_at(h, 4)?,
                offset: u64_at(h, 8)?,
                at: u64_at(h, 16)?,
                file_len: u64_at(h, 32)?,
                len: u64_at(h, 40)?,
            };
            if s.kind == INTERP && s.file_len < 4096 {
                let mut path = read_at(&elf.node, s.offset, s.file_len as usize)?;
                path.truncate(path.iter().position(|&b| b == 0).unwrap_or(path.len()));
                elf.interpreter = Some(path);
            }
            if s.kind == LOAD {
                let ok = s.file_len <= s.len
                    && s.at.checked_add(s.len).is_some()
                    && s.offset % PAGE == s.at % PAGE;
                if !ok {
                    return Err(ENOEXEC);
                }
                if (s.offset..s.offset + s.file_len).contains(&offset) {
                    elf.headers_at = s.at + (offset - s.offset);
                }
            }
            elf.segments.push(s);
        }
        Ok(elf)
    }

    fn loads(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|s| s.kind == LOAD && s.len > 0)
    }

    /// Maps the segments.
    pub fn load(&self, hint: u64, path: &str) -> Result<Loaded> {
        let low = self
            .loads()
            .map(|s| s.at & !(PAGE - 1))
            .min()
            .ok_or(ENOEXEC)?;
        let high = self
            .loads()
            .map(|s| s.at + s.len)
            .max()
            .ok_or(ENOEXEC)?
            .next_multiple_of(PAGE);
        let place = if self.movable {
            Place::Hint
        } else {
            Place::FixedNoReplace
        };
        let at = if self.movable { hint } else { low };
        // Reserve the whole range first, so that the parts come to lie together.
        let request = Request {
            at,
            len: high - low,
            rights: 0,
            source: Source::Anonymous,
            place,
            populate: false,
        };
        let got = space::map(request).map_err(|e| if e == EINVAL { ENOEXEC } else { ENOMEM })?;
        let base = got.wrapping_sub(low);
        let backing = Arc::new(Mapped {
            node: self.node.clone(),
            path: path.into(),
        });
        for s in self.loads() {
            self.load_segment(s, base, backing.clone())?;
        }
        Ok(Loaded {
            base,
            entry: base.wrapping_add(self.entry),
            headers: base.wrapping_add(self.headers_at),
            header_count: self.segments.len() as u64,
            end: base.wrapping_add(high),
        })
    }

    fn load_segment(&self, s: &Segment, base: u64, backing: Arc<Mapped>) -> Result<()> {
        let right = |bit, right| if s.flags & bit != 0 { right } else { 0 };
        let rights = right(4, READ) | right(2, WRITE) | right(1, EXEC);
        let start = base.wrapping_add(s.at) & !(PAGE - 1);
        let file_end = base.wrapping_add(s.at + s.file_len);
        let end = base.wrapping_add(s.at + s.len).next_multiple_of(PAGE);
        let file_top = if s.file_len == 0 {
            start
        } else {
            file_end.next_multiple_of(PAGE)
        };
        if file_top > start {
            let first = (s.offset & !(PAGE - 1)) / PAGE;
            let source = Source::File {
                backing,
                first,
                shared: false,
            };
            let len = file_top - start;
            space::map(Request {
                at: start,
                len,
                rights,
                source,
                place: Place::Fixed,
                populate: false,
            })?;
        }
        if end > file_top {
            let len = end - file_top;
            let source = Source::Anonymous;
            space::map(Request {
                at: file_top,
                len,
                rights,
                source,
                place: Place::Fixed,
                populate: false,
            })?;
        }
        // What follows the file's bytes in their last page is zero by contract.
        if s.len > s.file_len && file_end < file_top && rights & WRITE != 0 {
            let zeros = alloc::vec![0; (file_top - file_end) as usize];
            user::write_bytes(file_end, &zeros)?;
        }
        Ok(())
    }
}
