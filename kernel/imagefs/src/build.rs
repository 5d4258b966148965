//! Building an image from a tree of entries.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::{CHUNK, DIRECTORY, MAGIC, PAGE, PAGED, RECORD, REGULAR, SYMLINK, VERSION};

/// A directory's entries.
type Names = BTreeMap<Vec<u8>, Entry>;

struct Entry {
    mode: u32,
    mtime: i64,
    content: Content,
}

enum Content {
    Directory(Names),
    Bytes(Vec<u8>),
    /// Unpacked length, table and chunks.
    Packed(u64, Vec<u8>),
    Target(Vec<u8>),
}

/// A tree that grows by paths. Missing parents are made; an entry added again replaces the first.
pub struct Builder {
    root: Entry,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// A tree of the root alone.
    pub fn new() -> Builder {
        Builder {
            root: directory(0o755, 0),
        }
    }

    fn parent(&mut self, path: &[u8]) -> Option<(&mut Names, Vec<u8>)> {
        let mut names: Vec<&[u8]> = path
            .split(|&b| b == b'/')
            .filter(|n| !n.is_empty())
            .collect();
        let last = names.pop()?.to_vec();
        let mut here = &mut self.root;
        for name in names {
            if !matches!(here.content, Content::Directory(_)) {
                *here = directory(0o755, 0);
            }
            let Content::Directory(children) = &mut here.content else {
                return None;
            };
            here = children
                .entry(name.to_vec())
                .or_insert_with(|| directory(0o755, 0));
        }
        if !matches!(here.content, Content::Directory(_)) {
            *here = directory(0o755, 0);
        }
        match &mut here.content {
            Content::Directory(children) => Some((children, last)),
            _ => None,
        }
    }

    /// Adds a directory, or sets the mode of one that is there.
    pub fn directory(&mut self, path: &[u8], permissions: u32, mtime: i64) {
        let Some((children, name)) = self.parent(path) else {
            return;
        };
        let entry = children
            .entry(name)
            .or_insert_with(|| directory(permissions, mtime));
        (entry.mode, entry.mtime) = (DIRECTORY | permissions, mtime);
    }

    /// Adds a file.
    pub fn file(&mut self, path: &[u8], permissions: u32, mtime: i64, bytes: Vec<u8>) {
        let Some((children, name)) = self.parent(path) else {
            return;
        };
        children.insert(
            name,
            Entry {
                mode: REGULAR | permissions,
                mtime,
                content: Content::Bytes(bytes),
            },
        );
    }

    /// Adds a file in packed form: its length, and what `pack` makes of each of its chunks (an LZ4 block that is
    /// shorter than the chunk, or nothing).
    pub fn packed_file(
        &mut self,
        path: &[u8],
        permissions: u32,
        mtime: i64,
        bytes: &[u8],
        pack: &mut dyn FnMut(&[u8]) -> Option<Vec<u8>>,
    ) {
        let count = bytes.len().div_ceil(CHUNK);
        let mut table = Vec::with_capacity(count * 4);
        let mut data = Vec::new();
        for chunk in bytes.chunks(CHUNK) {
            match pack(chunk).filter(|packed| packed.len() < chunk.len()) {
                Some(packed) => data.extend_from_slice(&packed),
                None => data.extend_from_slice(chunk),
            }
            table.extend_from_slice(&(data.len() as u32).to_le_bytes());
        }
        table.append(&mut data);
        if table.len() >= bytes.len() || u32::try_from(table.len()).is_err() {
            return self.file(path, permissions, mtime, bytes.to_vec());
        }
        let Some((children, name)) = self.parent(path) else {
            return;
        };
        children.insert(
            name,
            Entry {
                mode: REGULAR | permissions,
                mtime,
                content: Content::Packed(bytes.len() as u64, table),
            },
        );
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, path: &[u8], target: &[u8], mtime: i64) {
        let Some((children, name)) = self.parent(path) else {
            return;
        };
        children.insert(
            name,
            Entry {
                mode: SYMLINK | 0o777,
                mtime,
                content: Content::Target(target.to_vec()),
            },
        );
    }

    /// The image's bytes.
    pub fn finish(self) -> Vec<u8> {
        // Breadth first: the children of a directory become neighbours, behind it.
        let mut nodes: Vec<[u8; RECORD]> = Vec::new();
        let mut names: Vec<u8> = Vec::new();
        let mut contents: Vec<(usize, Vec<u8>, bool)> = Vec::new();
        let mut queue = VecDeque::from([(Vec::new(), self.root)]);
        let mut next = 1u32;
        while let Some((name, entry)) = queue.pop_front() {
            let mut record = [0u8; RECORD];
            let mut put =
                |at: usize, bytes: &[u8]| record[at..at + bytes.len()].copy_from_slice(bytes);
            put(0, &entry.mode.to_le_bytes());
            put(16, &entry.mtime.to_le_bytes());
            put(40, &(names.len() as u32).to_le_bytes());
            put(44, &(name.len() as u32).to_le_bytes());
            names.extend_from_slice(&name);
            match entry.content {
                Content::Directory(children) => {
                    put(24, &u64::from(next).to_le_bytes());
                    put(32, &(children.len() as u64).to_le_bytes());
                    next += children.len() as u32;
                    queue.extend(children);
                }
                Content::Bytes(bytes) => {
                    put(32, &(bytes.len() as u64).to_le_bytes());
                    contents.push((nodes.len(), bytes, false));
                }
                Content::Packed(len, table) => {
                    put(32, &(table.len() as u64).to_le_bytes());
                    put(48, &len.to_le_bytes());
                    contents.push((nodes.len(), table, true));
                }
                Content::Target(target) => {
                    put(24, &(names.len() as u64).to_le_bytes());
                    put(32, &(target.len() as u64).to_le_bytes());
                    names.extend_from_slice(&target);
                }
            }
            nodes.push(record);
        }
        // Small contents first, packed; then the large ones, each on its pages.
        let mut data = Vec::new();
        let base = RECORD + nodes.len() * RECORD + names.len();
        let paged = |bytes: &[u8], packed: bool| !packed && bytes.len() >= PAGED;
        contents.sort_by_key(|(_, bytes, packed)| paged(bytes, *packed));
        for (node, bytes, packed) in contents {
            let align = if paged(&bytes, packed) { PAGE } else { 16 };
            data.resize((base + data.len()).next_multiple_of(align) - base, 0);
            nodes[node][24..32].copy_from_slice(&((base + data.len()) as u64).to_le_bytes());
            data.extend_from_slice(&bytes);
        }
        data.resize((base + data.len()).next_multiple_of(PAGE) - base, 0);
        let mut image = Vec::with_capacity(base + data.len());
        image.extend_from_slice(MAGIC);
        image.extend_from_slice(&VERSION.to_le_bytes());
        image.extend_from_slice(&(nodes.len() as u32).to_le_bytes());
        image.extend_from_slice(&((base + data.len()) as u64).to_le_bytes());
        image.resize(RECORD, 0);
        nodes.iter().for_each(|n| image.extend_from_slice(n));
        image.extend_from_slice(&names);
        image.extend_from_slice(&data);
        image
    }
}

fn directory(permissions: u32, mtime: i64) -> Entry {
    Entry {
        mode: DIRECTORY | permissions,
        mtime,
        content: Content::Directory(BTreeMap::new()),
    }
}
