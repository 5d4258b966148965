//! Reading an image in place.

use crate::{CHUNK, DIRECTORY, MAGIC, RECORD, REGULAR, SYMLINK, TYPE, VERSION};

/// Why bytes are no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The first bytes are not an image's.
    Magic,
    /// Another version of the layout.
    Version(u32),
    /// The bytes end before the tables do.
    Truncated,
    /// A node refers to something outside the image, or has no known type.
    Node(u32),
}

/// A checked image.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    bytes: &'a [u8],
    nodes: usize,
    names: usize,
    count: u32,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A directory: its children are the nodes `first..first + count`.
    Directory {
        /// Index of the first child.
        first: u32,
        /// How many there are.
        count: u32,
    },
    /// A file's contents and where they start in the image.
    File {
        /// Offset in the image.
        offset: usize,
        /// Contents.
        bytes: &'a [u8],
    },
    /// A file's packed contents.
    Packed(Packed<'a>),
    /// A symbolic link's target.
    Symlink(&'a [u8]),
}

/// A packed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed<'a> {
    /// Unpacked length; never 0.
    pub len: u64,
    /// Table and chunks.
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    /// Checks that the table fits the length and the bytes.
    fn open(bytes: &'a [u8], len: u64) -> Option<Packed<'a>> {
        let packed = Packed { len, bytes };
        let count = packed.count();
        let data = bytes.len().checked_sub(count.checked_mul(4)?)?;
        let mut last = 0;
        for n in 0..count {
            let end = u32_at(bytes, n * 4)?;
            if end < last || end as usize > data {
                return None;
            }
            last = end;
        }
        Some(packed)
    }

    /// How many chunks there are.
    pub fn count(&self) -> usize {
        usize::try_from(self.len.div_ceil(CHUNK as u64)).unwrap_or(usize::MAX)
    }

    /// A chunk's bytes, and its unpacked length: equal to that of the bytes when it is not packed.
    ///
    /// # Panics
    /// If there is no such chunk.
    pub fn chunk(&self, n: usize) -> (&'a [u8], usize) {
        let table = self.count() * 4;
        let end = |n: usize| u32_at(self.bytes, n * 4).map_or(0, |end| table + end as usize);
        let start = if n == 0 { table } else { end(n - 1) };
        let len = (self.len - (n * CHUNK) as u64).min(CHUNK as u64);
        (&self.bytes[start..end(n)], len as usize)
    }

    /// Bytes that it takes in the image.
    pub fn stored(&self) -> usize {
        self.bytes.len()
    }
}

/// A node's description.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// Its name in its directory.
    pub name: &'a [u8],
    /// Type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Seconds of the last change.
    pub mtime: i64,
    /// What it is.
    pub kind: Kind<'a>,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn part(bytes: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at..at.checked_add(usize::try_from(len).ok()?)?)
}

impl<'a> Image<'a> {
    /// Checks an image whole.
    pub fn open(bytes: &'a [u8]) -> Result<Image<'a>, Error> {
        if bytes.get(..8) != Some(MAGIC) {
            return Err(Error::Magic);
        }
        let version = u32_at(bytes, 8).ok_or(Error::Truncated)?;
        if version != VERSION {
            return Err(Error::Version(version));
        }
        let count = u32_at(bytes, 12).ok_or(Error::Truncated)?;
        let total = u64_at(bytes, 16).ok_or(Error::Truncated)?;
        let bytes = part(bytes, 0, total).ok_or(Error::Truncated)?;
        let names = RECORD + count as usize * RECORD;
        if count == 0 || bytes.len() < names {
            return Err(Error::Truncated);
        }
        let image = Image {
            bytes,
            nodes: RECORD,
            names,
            count,
        };
        for n in 0..count {
            let node = image.parse(n).ok_or(Error::Node(n))?;
            if let Kind::Packed(packed) = node.kind {
                Packed::open(packed.bytes, packed.len).ok_or(Error::Node(n))?;
            }
            if let Kind::Directory {
                first,
                count: children,
            } = node.kind
                && (children > 0 && first <= n
                    || first.checked_add(children).is_none_or(|end| end > count))
            {
                return Err(Error::Node(n));
            }
        }
        Ok(image)
    }

    fn parse(&self, n: u32) -> Option<Node<'a>> {
        let at = self.nodes + n as usize * RECORD;
        let word = |offset| u32_at(self.bytes, at + offset);
        let long = |offset| u64_at(self.bytes, at + offset);
        let text =
            |offset: u64, len: u64| part(self.bytes, (self.names as u64).checked_add(offset)?, len);
        let mode = word(0)?;
        let (a, b) = (long(24)?, long(32)?);
        let kind = match mode & TYPE {
            DIRECTORY => Kind::Directory {
                first: u32::try_from(a).ok()?,
                count: u32::try_from(b).ok()?,
            },
            REGULAR => match long(48)? {
                0 => Kind::File {
                    offset: usize::try_from(a).ok()?,
                    bytes: part(self.bytes, a, b)?,
                },
                // `open` checks the table; afterwards it need not be read again.
                len => Kind::Packed(Packed {
                    len,
                    bytes: part(self.bytes, a, b)?,
                }),
            },
            SYMLINK => Kind::Symlink(text(a, b)?),
            _ => return None,
        };
        Some(Node {
            name: text(u64::from(word(40)?), u64::from(word(44)?))?,
            mode,
            uid: word(4)?,
            gid: word(8)?,
            mtime: long(16)? as i64,
            kind,
        })
    }

    /// A node by index; the root is node 0.
    ///
    /// # Panics
    /// If the index is not one that the image gave.
    pub fn node(&self, n: u32) -> Node<'a> {
        self.parse(n).expect("`open` checked every node")
    }

    /// How many nodes there are.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Never: there is a root.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Follows names from the root; no symbolic links, `.` or `..`.
    pub fn find(&self, path: &[u8]) -> Option<u32> {
        let mut at = 0;
        for name in path.split(|&b| b == b'/').filter(|n| !n.is_empty()) {
            let Kind::Directory { first, count } = self.node(at).kind else {
                return None;
            };
            let (mut low, mut high) = (first, first + count);
            loop {
                if low == high {
                    return None;
                }
                let middle = u32::midpoint(low, high);
                match self.node(middle).name.cmp(name) {
                    core::cmp::Ordering::Less => low = middle + 1,
                    core::cmp::Ordering::Greater => high = middle,
                    core::cmp::Ordering::Equal => {
                        at = middle;
                        break;
                    }
                }
            }
        }
        Some(at)
    }

    /// All bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
