//! Files whose content is computed when they are opened, and open directories.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::file::{Entry, File, Stat};
use super::io::Sink;
use super::node::{Kind, Node, S_IFDIR};
use super::tree;
use crate::arch::sync::SpinLock;
use crate::sys::errno::{EISDIR, Result};

/// A generated file, as it was when it was opened.
pub struct Snapshot {
    node: Arc<Node>,
    bytes: Vec<u8>,
}

impl Snapshot {
    /// A file with these bytes.
    pub fn new(node: Arc<Node>, bytes: Vec<u8>) -> Arc<Snapshot> {
        Arc::new(Snapshot { node, bytes })
    }
}

impl File for Snapshot {
    fn read(&self, sink: &mut Sink<'_>, at: u64) -> Result<usize> {
        let at = (at as usize).min(self.bytes.len());
        sink.put(&self.bytes[at..])
    }

    fn seekable(&self) -> bool {
        true
    }

    fn size(&self) -> Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn stat(&self) -> Stat {
        self.node.stat()
    }

    fn node(&self) -> Option<&Arc<Node>> {
        Some(&self.node)
    }
}

enum Cursor {
    Dot,
    DotDot,
    After(Vec<u8>),
}

/// An open directory. It remembers the last name it gave, so that removals do not disturb it.
pub struct OpenDir {
    node: Arc<Node>,
    cursor: SpinLock<Cursor>,
}

impl OpenDir {
    /// An open directory at its start.
    pub fn new(node: Arc<Node>) -> Arc<OpenDir> {
        Arc::new(OpenDir {
            node,
            cursor: SpinLock::new(Cursor::Dot),
        })
    }

    fn names_after(&self, last: &[u8]) -> Result<Vec<Entry>> {
        const BATCH: usize = 64;
        if let Kind::Dynamic(dynamic) = &self.node.kind {
            let mut names: Vec<Vec<u8>> = (dynamic.list)()
                .into_iter()
                .filter(|n| n.as_slice() > last)
                .collect();
            names.sort_unstable();
            let entry = |name: Vec<u8>| {
                (dynamic.find)(&name).map(|n| Entry {
                    ino: n.ino,
                    mode: n.mode(),
                    name,
                })
            };
            return Ok(names.into_iter().take(BATCH).filter_map(entry).collect());
        }
        let dir = self.node.dir()?;
        Ok(dir
            .after(last)
            .take(BATCH)
            .map(|(name, n)| Entry {
                name: name.to_vec(),
                ino: n.ino,
                mode: n.mode(),
            })
            .collect())
    }
}

impl File for OpenDir {
    fn read(&self, _sink: &mut Sink<'_>, _at: u64) -> Result<usize> {
        Err(EISDIR)
    }

    fn entries(&self, f: &mut dyn FnMut(&Entry) -> bool) -> Result<()> {
        loop {
            let last = match &*self.cursor.lock() {
                Cursor::Dot => None,
                Cursor::DotDot => Some(None),
                Cursor::After(name) => Some(Some(name.clone())),
            };
            match last {
                None => {
                    if !f(&Entry {
                        name: b".".to_vec(),
                        ino: self.node.ino,
                        mode: S_IFDIR,
                    }) {
                        return Ok(());
                    }
                    *self.cursor.lock() = Cursor::DotDot;
                }
                Some(None) => {
                    let parent = match &self.node.kind {
                        Kind::Directory(inner) => inner.lock().parent.upgrade(),
                        _ => None,
                    };
                    let ino = parent.map_or(tree::root().ino, |p| p.ino);
                    if !f(&Entry {
                        name: b"..".to_vec(),
                        ino,
                        mode: S_IFDIR,
                    }) {
                        return Ok(());
                    }
                    *self.cursor.lock() = Cursor::After(Vec::new());
                }
                Some(Some(last)) => {
                    let batch = self.names_after(&last)?;
                    if batch.is_empty() {
                        return Ok(());
                    }
                    for entry in batch {
                        if !f(&entry) {
                            return Ok(());
                        }
                        *self.cursor.lock() = Cursor::After(entry.name);
                    }
                }
            }
        }
    }

    fn rewind(&self) {
        *self.cursor.lock() = Cursor::Dot;
    }

    fn seekable(&self) -> bool {
        true
    }

    fn size(&self) -> Result<u64> {
        Ok(0)
    }

    fn stat(&self) -> Stat {
        self.node.stat()
    }

    fn node(&self) -> Option<&Arc<Node>> {
        Some(&self.node)
    }
}
