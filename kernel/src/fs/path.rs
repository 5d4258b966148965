//! Paths: from a start directory and a text to a node, or to the place where one would be.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::node::{Kind, Node};
use super::tree;
use crate::sys::errno::{EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, Result};
use crate::task::process::CWD;

const LINKS_MAX: u32 = 40;
const NAME_MAX: usize = 255;
/// Longest path, with its zero byte.
pub const PATH_MAX: usize = 4096;

/// A name in a directory, whether or not something is there.
pub struct Place {
    /// The directory.
    pub parent: Arc<Node>,
    /// The name in it.
    pub name: Vec<u8>,
    /// What is there.
    pub node: Option<Arc<Node>>,
    /// The path ended with a slash: only a directory will do.
    pub dir_wanted: bool,
}

enum End {
    Node(Arc<Node>),
    Place(Place),
}

/// The current directory.
pub fn cwd() -> Arc<Node> {
    CWD.lock().clone().unwrap_or_else(|| tree::root().clone())
}

/// The node that a path names; `follow` the last name if it is a link.
pub fn resolve(start: &Arc<Node>, path: &[u8], follow: bool) -> Result<Arc<Node>> {
    match walk(start, path, follow, 0)? {
        End::Node(node) => Ok(node),
        End::Place(place) => place.node.ok_or(ENOENT),
    }
}

/// The place that a path names, for creating, removing and renaming. `last` is the error for a path that
/// ends in `.`, `..` or is the root.
pub fn place(
    start: &Arc<Node>,
    path: &[u8],
    follow: bool,
    last: crate::sys::errno::Errno,
) -> Result<Place> {
    match walk(start, path, follow, 0)? {
        End::Node(_) => Err(last),
        End::Place(place) => Ok(place),
    }
}

fn parent_of(node: &Arc<Node>) -> Arc<Node> {
    let parent = match &node.kind {
        Kind::Directory(inner) => inner.lock().parent.upgrade(),
        _ => None,
    };
    parent.unwrap_or_else(|| tree::root().clone())
}

/// A link's target.
pub fn target(node: &Node) -> Result<Vec<u8>> {
    match &node.kind {
        Kind::Symlink(target) => Ok(target.to_vec()),
        Kind::Computed(f) => f(),
        _ => Err(EINVAL),
    }
}

fn walk(start: &Arc<Node>, path: &[u8], follow: bool, links: u32) -> Result<End> {
    if path.is_empty() {
        return Err(ENOENT);
    }
    if path.len() >= PATH_MAX {
        return Err(ENAMETOOLONG);
    }
    let mut here = if path[0] == b'/' {
        tree::root().clone()
    } else {
        start.clone()
    };
    let dir_wanted = path.ends_with(b"/");
    let mut names = path
        .split(|&b| b == b'/')
        .filter(|n| !n.is_empty())
        .peekable();
    let mut end = End::Node(here.clone());
    while let Some(name) = names.next() {
        if name.len() > NAME_MAX {
            return Err(ENAMETOOLONG);
        }
        if !here.is_dir() {
            return Err(ENOTDIR);
        }
        if name == b"." || name == b".." {
            if name == b".." {
                here = parent_of(&here);
            }
            end = End::Node(here.clone());
            continue;
        }
        let last = names.peek().is_none();
        let node = match here.find(name) {
            Ok(node) => Some(node),
            Err(ENOENT) if last => None,
            Err(e) => return Err(e),
        };
        let is_link = node
            .as_ref()
            .is_some_and(|n| matches!(n.kind, Kind::Symlink(_) | Kind::Computed(_)));
        if let Some(link) = &node
            && is_link
            && (!last || follow || dir_wanted)
        {
            if links >= LINKS_MAX {
                return Err(ELOOP);
            }
            let mut text = target(link)?;
            if last && dir_wanted {
                text.push(b'/');
            }
            match walk(&here, &text, true, links + 1)? {
                found if last => return Ok(found),
                End::Node(node) => here = node,
                End::Place(place) => here = place.node.ok_or(ENOENT)?,
            }
            continue;
        }
        if dir_wanted && last && node.as_ref().is_some_and(|n| !n.is_dir()) {
            return Err(ENOTDIR);
        }
        if let (Some(node), false) = (&node, last) {
            here = node.clone();
            continue;
        }
        end = End::Place(Place {
            parent: here.clone(),
            name: name.to_vec(),
            node,
            dir_wanted,
        });
    }
    Ok(end)
}
