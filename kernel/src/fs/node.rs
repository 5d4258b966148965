//! Nodes of the tree: directories, files, links, devices. All live in memory; those of an image are made
//! when their directory is first looked at, and refer to their contents in place.

use crate::map::Map;
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use super::file::{File, Stat, Time};
use super::pipe::Pipe;
use super::regular::Data;
use super::tree;
use crate::arch::sync::{Guard, SpinLock};
use crate::sys::errno::{ENOENT, ENOTDIR, Result};
use crate::time;

/// A directory's type bits.
pub const S_IFDIR: u32 = 0o040_000;
/// A file's type bits.
pub const S_IFREG: u32 = 0o100_000;
/// A symbolic link's type bits.
pub const S_IFLNK: u32 = 0o120_000;
/// A character device's type bits.
pub const S_IFCHR: u32 = 0o020_000;
/// A pipe's type bits.
pub const S_IFIFO: u32 = 0o010_000;
/// A socket's type bits.
pub const S_IFSOCK: u32 = 0o140_000;
/// The mask of the type bits.
pub const S_IFMT: u32 = 0o170_000;

/// Owner, permissions, times.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "the fields of `struct stat`")]
pub struct Meta {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub nlink: u32,
    pub rdev: u64,
    pub atime: Time,
    pub mtime: Time,
    pub ctime: Time,
}

/// A directory's content.
pub struct Directory {
    entries: Map<Box<[u8]>, Arc<Node>>,
    /// The directory above.
    pub parent: Weak<Node>,
    /// The image's children that have not been made into nodes yet (first, count).
    image: Option<(u32, u32)>,
    /// Removed from the tree: nothing can be added.
    pub removed: bool,
}

/// A directory whose entries are computed.
pub struct Dynamic {
    /// Finds an entry.
    pub find: fn(&[u8]) -> Option<Arc<Node>>,
    /// Lists the names.
    pub list: fn() -> Vec<Vec<u8>>,
}

/// What a node is.
pub enum Kind {
    /// A directory.
    Directory(SpinLock<Directory>),
    /// A directory whose entries are computed.
    Dynamic(Dynamic),
    /// A regular file.
    Regular(SpinLock<Data>),
    /// A symbolic link.
    Symlink(Box<[u8]>),
    /// A link whose target is computed.
    Computed(Box<dyn Fn() -> Result<Vec<u8>> + Send + Sync>),
    /// A file whose content is computed when it is opened.
    Generated(fn() -> Vec<u8>),
    /// A device: makes the file when it is opened.
    Device(fn() -> Arc<dyn File>),
    /// A named pipe.
    Fifo(Arc<Pipe>),
    /// A socket's name.
    Socket,
}

/// A node.
pub struct Node {
    /// Its number.
    pub ino: u64,
    /// What it is.
    pub kind: Kind,
    /// Owner, permissions, times.
    pub meta: SpinLock<Meta>,
}

static INO: AtomicU64 = AtomicU64::new(1);

impl Node {
    /// A node with a mode, owned by root, its times now.
    pub fn new(mode: u32, kind: Kind) -> Arc<Node> {
        Node::with_time(mode, kind, time::realtime())
    }

    /// A node with given times.
    pub fn with_time(mode: u32, kind: Kind, at: Time) -> Arc<Node> {
        let nlink = if mode & S_IFMT == S_IFDIR { 2 } else { 1 };
        let meta = Meta {
            mode,
            uid: 0,
            gid: 0,
            nlink,
            rdev: 0,
            atime: at,
            mtime: at,
            ctime: at,
        };
        Arc::new(Node {
            ino: INO.fetch_add(1, Ordering::Relaxed),
            kind,
            meta: SpinLock::new(meta),
        })
    }

    /// An empty directory.
    pub fn directory(permissions: u32, parent: Weak<Node>) -> Arc<Node> {
        Node::new(
            S_IFDIR | permissions,
            Kind::Directory(SpinLock::new(Directory::new(parent, None))),
        )
    }

    /// An empty file.
    pub fn regular(permissions: u32) -> Arc<Node> {
        Node::new(
            S_IFREG | permissions,
            Kind::Regular(SpinLock::new(Data::empty())),
        )
    }

    /// Whether it is a directory of any kind.
    pub fn is_dir(&self) -> bool {
        matches!(self.kind, Kind::Directory(_) | Kind::Dynamic(_))
    }

    /// The mode.
    pub fn mode(&self) -> u32 {
        self.meta.lock().mode
    }

    /// The directory's content, made from the image if that has not happened yet.
    pub fn dir(self: &Arc<Node>) -> Result<Guard<'_, Directory>> {
        let Kind::Directory(directory) = &self.kind else {
            return Err(ENOTDIR);
        };
        let mut guard = directory.lock();
        if let Some((first, count)) = guard.image.take() {
            for (name, node) in tree::image_children(first, count, self) {
                guard.entries.insert(name, node);
            }
        }
        Ok(guard)
    }

    /// The entry of a name.
    pub fn find(self: &Arc<Node>, name: &[u8]) -> Result<Arc<Node>> {
        match &self.kind {
            Kind::Dynamic(dynamic) => (dynamic.find)(name).ok_or(ENOENT),
            _ => self.dir()?.get(name).ok_or(ENOENT),
        }
    }

    /// What `stat` tells.
    pub fn stat(&self) -> Stat {
        let size = match &self.kind {
            Kind::Regular(data) => data.lock().size(),
            Kind::Symlink(target) => target.len() as u64,
            Kind::Directory(_) => 4096,
            _ => 0,
        };
        let blocks = match &self.kind {
            Kind::Regular(data) => data.lock().blocks(),
            _ => 0,
        };
        let m = *self.meta.lock();
        Stat {
            dev: 1,
            ino: self.ino,
            mode: m.mode,
            nlink: m.nlink,
            uid: m.uid,
            gid: m.gid,
            rdev: m.rdev,
            size,
            blocks,
            atime: m.atime,
            mtime: m.mtime,
            ctime: m.ctime,
        }
    }

    /// Notes a change of the content.
    pub fn touch_modified(&self) {
        let now = time::realtime();
        let mut m = self.meta.lock();
        (m.mtime, m.ctime) = (now, now);
    }

    /// Notes a change of the description.
    pub fn touch_changed(&self) {
        self.meta.lock().ctime = time::realtime();
    }
}

impl Directory {
    /// An empty directory, or one of the image.
    pub fn new(parent: Weak<Node>, image: Option<(u32, u32)>) -> Directory {
        Directory {
            entries: Map::new(),
            parent,
            image,
            removed: false,
        }
    }

    /// The entry of a name.
    pub fn get(&self, name: &[u8]) -> Option<Arc<Node>> {
        self.entries.get(name).cloned()
    }

    /// Puts an entry; the one before is given back.
    pub fn insert(&mut self, name: &[u8], node: Arc<Node>) -> Option<Arc<Node>> {
        self.entries.insert(name.into(), node)
    }

    /// Takes an entry out.
    pub fn remove(&mut self, name: &[u8]) -> Option<Arc<Node>> {
        self.entries.remove(name)
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Entries after a name.
    pub fn after(&self, name: &[u8]) -> impl Iterator<Item = (&[u8], &Arc<Node>)> {
        use core::ops::Bound::{Excluded, Unbounded};
        self.entries
            .range::<[u8]>((Excluded(name), Unbounded))
            .map(|(k, v)| (&**k, v))
    }

    /// The name of a node in this directory.
    pub fn name_of(&self, node: &Arc<Node>) -> Option<Vec<u8>> {
        self.entries
            .iter()
            .find(|(_, n)| Arc::ptr_eq(n, node))
            .map(|(k, _)| k.to_vec())
    }
}
