//! Regular files: pages in memory over the image's bytes. Where those lie in the image as they are, a page is
//! copied when it is first written; packed ones are unpacked, a chunk at a time, when they are first touched.

use crate::map::Map;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::file::{File, Stat};
use super::io::{Feed, Sink};
use super::node::{Kind, Node};
use crate::arch::PAGE;
use crate::arch::phys;
use crate::arch::sync::SpinLock;
use crate::mm::frames;
use crate::mm::page::{Page, Run};
use crate::mm::vma::{Backing, NoPage};
use crate::sys::errno::{EFBIG, EINVAL, ENOMEM, ENOSPC, ESPIPE, Result};
use imagefs::{CHUNK, Packed};

/// Largest file.
pub const SIZE_MAX: u64 = i64::MAX as u64;

/// A file's content.
pub struct Data {
    size: u64,
    pages: Map<u64, Page>,
    /// The image's bytes that are still valid: physical address and length.
    base: (u64, u64),
    /// Where those bytes come from instead, when they are packed.
    packed: Option<Packed<'static>>,
}

/// Pages of a chunk.
const CHUNK_PAGES: u64 = CHUNK as u64 / PAGE;

/// Where a piece of a file is.
enum Piece {
    Zeros,
    Image(&'static [u8]),
    Page(Page),
}

impl Data {
    /// Nothing.
    pub fn empty() -> Data {
        Data {
            size: 0,
            pages: Map::new(),
            base: (0, 0),
            packed: None,
        }
    }

    /// A file of the image.
    pub fn in_image(at: u64, len: u64) -> Data {
        Data {
            size: len,
            pages: Map::new(),
            base: (at, len),
            packed: None,
        }
    }

    /// A packed file of the image.
    pub fn packed(packed: Packed<'static>) -> Data {
        Data {
            size: packed.len,
            pages: Map::new(),
            base: (0, packed.len),
            packed: Some(packed),
        }
    }

    /// Makes sure that the image's bytes at an offset can be had. False: memory is exhausted.
    fn unpack(&mut self, at: u64) -> bool {
        let Some(packed) = &self.packed else {
            return true;
        };
        let valid = self.base.1;
        if at >= valid || self.pages.contains_key(&(at / PAGE)) {
            return true;
        }
        let number = at / CHUNK as u64;
        let (bytes, len) = packed.chunk(number as usize);
        let Some(pages) = unpacked(bytes, len) else {
            return false;
        };
        for (n, mut page) in pages.into_iter().enumerate() {
            let index = number * CHUNK_PAGES + n as u64;
            let left = valid.saturating_sub(index * PAGE);
            if left > 0 && !self.pages.contains_key(&index) {
                if left < PAGE {
                    page.bytes_mut()[left as usize..].fill(0);
                }
                self.pages.insert(index, page);
            }
        }
        true
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Blocks of 512 bytes in use.
    pub fn blocks(&self) -> u64 {
        let stored = match &self.packed {
            Some(packed) => packed.stored() as u64,
            None => self.base.1,
        };
        self.pages.len() as u64 * 8 + stored.div_ceil(512)
    }

    /// The longest piece at an offset that lies in one place, at most `max` bytes.
    fn piece(&mut self, at: u64, max: u64) -> Option<(Piece, u64)> {
        if !self.unpack(at) {
            return None;
        }
        let in_page = (PAGE - at % PAGE).min(max);
        if let Some(page) = self.pages.get(&(at / PAGE)) {
            return Some((Piece::Page(page.clone()), in_page));
        }
        if at >= self.base.1 {
            return Some((Piece::Zeros, in_page));
        }
        // Up to the next page that was written.
        let until = self
            .pages
            .range(at / PAGE..)
            .next()
            .map_or(self.base.1, |(&n, _)| (n * PAGE).min(self.base.1));
        let len = (until - at).min(max);
        Some((
            Piece::Image(phys::bytes(self.base.0 + at, len as usize)),
            len,
        ))
    }

    /// The page at an index, made if it is not there.
    fn page_mut(&mut self, index: u64) -> Option<&mut Page> {
        if !self.unpack(index * PAGE) {
            return None;
        }
        if !self.pages.contains_key(&index) {
            let (free, total) = frames::counts();
            if free < total / 64 {
                return None;
            }
            let mut page = Page::zeroed()?;
            let at = index * PAGE;
            if at < self.base.1 {
                let len = (self.base.1 - at).min(PAGE) as usize;
                page.bytes_mut()[..len].copy_from_slice(phys::bytes(self.base.0 + at, len));
            }
            self.pages.insert(index, page);
        }
        self.pages.get_mut(&index)
    }

    /// Writes bytes at an offset; how many found room.
    fn write(&mut self, at: u64, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let here = at + done as u64;
            let offset = (here % PAGE) as usize;
            let part = (PAGE as usize - offset).min(bytes.len() - done);
            let Some(page) = self.page_mut(here / PAGE) else {
                break;
            };
            page.bytes_mut()[offset..offset + part].copy_from_slice(&bytes[done..done + part]);
            done += part;
        }
        self.size = self.size.max(at + done as u64);
        done
    }

    /// Sets the length.
    fn truncate(&mut self, size: u64) {
        if size < self.size {
            self.pages.truncate(&size.div_ceil(PAGE));
            self.base.1 = self.base.1.min(size);
            if let Some(page) = self.pages.get_mut(&(size / PAGE)) {
                page.bytes_mut()[(size % PAGE) as usize..].fill(0);
            }
        }
        self.size = size;
    }
}

/// Room for a chunk, used where memory has no piece of that size any more.
static RESERVE: SpinLock<Option<Run>> = SpinLock::new(None);

/// Takes the reserve, while there is memory: if any file is packed, one will be unpacked.
pub fn init() {
    *RESERVE.lock() = Run::new(CHUNK);
}

/// A chunk's bytes in pages of their own.
fn unpacked(bytes: &[u8], len: usize) -> Option<Vec<Page>> {
    crate::timeline::unpacked(len);
    if let Some(mut run) = Run::new(len) {
        unpack_into(run.bytes_mut(), bytes, len)?;
        return Some(run.into_pages().collect());
    }
    let mut reserve = RESERVE.lock();
    let room = reserve.as_mut()?.bytes_mut();
    unpack_into(room, bytes, len)?;
    room.chunks(PAGE as usize)
        .take(len.div_ceil(PAGE as usize))
        .map(|part| {
            let mut page = Page::zeroed()?;
            page.bytes_mut().copy_from_slice(part);
            Some(page)
        })
        .collect()
}

/// Unpacks a chunk into room that is as large or larger, and clears the rest.
fn unpack_into(room: &mut [u8], bytes: &[u8], len: usize) -> Option<()> {
    let (room, rest) = room.split_at_mut(len);
    if bytes.len() == len {
        room.copy_from_slice(bytes);
    } else if !imagefs::unpack(bytes, room) {
        crate::println!("a packed file of the image is damaged");
        return None;
    }
    rest.fill(0);
    Some(())
}

/// Sets a file's length.
pub fn truncate(node: &Node, size: u64) -> Result<()> {
    let Kind::Regular(data) = &node.kind else {
        return Err(EINVAL);
    };
    if size > SIZE_MAX {
        return Err(EFBIG);
    }
    data.lock().truncate(size);
    node.touch_modified();
    Ok(())
}

/// `fallocate`: makes room (`keep`: without changing the length), or a hole.
pub fn allocate(node: &Node, at: u64, len: u64, keep: bool, hole: bool) -> Result<()> {
    let Kind::Regular(data) = &node.kind else {
        return Err(ESPIPE);
    };
    let end = at
        .checked_add(len)
        .filter(|&e| e <= SIZE_MAX)
        .ok_or(EFBIG)?;
    let mut data = data.lock();
    if hole {
        let end = end.min(data.size);
        let mut here = at;
        while here < end {
            let part = (PAGE - here % PAGE).min(end - here) as usize;
            let offset = (here % PAGE) as usize;
            data.page_mut(here / PAGE).ok_or(ENOSPC)?.bytes_mut()[offset..offset + part].fill(0);
            here += part as u64;
        }
    } else if len / PAGE > frames::counts().0 {
        return Err(ENOSPC);
    } else if !keep {
        data.size = data.size.max(end);
    }
    drop(data);
    node.touch_modified();
    Ok(())
}

/// An open regular file.
pub struct Regular(pub Arc<Node>);

impl Regular {
    fn data(&self) -> Result<&SpinLock<Data>> {
        match &self.0.kind {
            Kind::Regular(data) => Ok(data),
            _ => Err(EINVAL),
        }
    }
}

impl File for Regular {
    fn read(&self, sink: &mut Sink<'_>, at: u64) -> Result<usize> {
        static ZEROS: [u8; 256] = [0; 256];
        let data = self.data()?;
        let mut done = 0;
        loop {
            let here = at + done as u64;
            let (piece, len) = {
                let mut data = data.lock();
                let max = data.size.saturating_sub(here).min(sink.room() as u64);
                if max == 0 {
                    break;
                }
                match data.piece(here, max) {
                    Some(found) => found,
                    None if done == 0 => return Err(ENOMEM),
                    None => break,
                }
            };
            let len = len as usize;
            let put = match &piece {
                Piece::Zeros => sink.put(&ZEROS[..len.min(ZEROS.len())]),
                Piece::Image(bytes) => sink.put(&bytes[..len]),
                Piece::Page(page) => {
                    let offset = (here % PAGE) as usize;
                    sink.put(&page.bytes()[offset..offset + len])
                }
            };
            match put {
                Ok(n) => done += n,
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    fn write(&self, feed: &mut Feed<'_>, at: Option<u64>) -> Result<(usize, u64)> {
        const CHUNK: usize = 64 << 10;
        let data = self.data()?;
        let mut at = at;
        let mut done = 0;
        let mut small = [0u8; 512];
        while feed.left() > 0 {
            let large;
            let bytes: &[u8] = if feed.left() <= small.len() {
                let got = feed.take(&mut small)?;
                &small[..got]
            } else {
                match feed.take_vec(CHUNK) {
                    Ok(bytes) => large = bytes,
                    Err(e) if done == 0 => return Err(e),
                    Err(_) => break,
                }
                &large
            };
            let mut data = data.lock();
            let here = at.unwrap_or(data.size);
            if here + bytes.len() as u64 > SIZE_MAX {
                return Err(EFBIG);
            }
            let written = data.write(here, bytes);
            done += written;
            at = Some(here + written as u64);
            if written < bytes.len() {
                if done == 0 {
                    return Err(ENOSPC);
                }
                break;
            }
        }
        self.0.touch_modified();
        let end = at.unwrap_or_else(|| data.lock().size);
        Ok((done, end))
    }

    fn seekable(&self) -> bool {
        true
    }

    fn size(&self) -> Result<u64> {
        Ok(self.data()?.lock().size)
    }

    fn stat(&self) -> Stat {
        self.0.stat()
    }

    fn node(&self) -> Option<&Arc<Node>> {
        Some(&self.0)
    }
}

/// A file as the memory layer maps it.
pub struct Mapped {
    /// The file.
    pub node: Arc<Node>,
    /// The path it was opened by.
    pub path: String,
}

impl Backing for Mapped {
    fn page(&self, index: u64, write: bool) -> core::result::Result<Page, NoPage> {
        let Kind::Regular(data) = &self.node.kind else {
            return Err(NoPage::BehindEnd);
        };
        let mut data = data.lock();
        if index * PAGE >= data.size {
            return Err(NoPage::BehindEnd);
        }
        let (base, len) = data.base;
        // A whole page of the image can be mapped where it lies: what follows the last byte is zeros.
        let in_place = data.packed.is_none()
            && base.is_multiple_of(PAGE)
            && index * PAGE < len
            && len == data.size;
        if !write && in_place && !data.pages.contains_key(&index) {
            return Ok(Page::from_frame(base + index * PAGE));
        }
        data.page_mut(index)
            .map(|page| page.clone())
            .ok_or(NoPage::NoMemory)
    }

    fn name(&self) -> String {
        self.path.clone()
    }
}
