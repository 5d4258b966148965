//! The tree as a whole: its root, the image beneath it, and changes of its structure.
//!
//! One lock, [`CHANGE`], is held through every change, so that a rename sees a stable tree; look-ups take
//! only the directories' own locks.

use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;

use super::node::{Directory, Kind, Node};
use super::path::Place;
use super::regular::Data;
use crate::arch::DIRECT;
use crate::arch::sync::{Once, SpinLock};
use crate::sys::errno::{EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, EPERM, EXDEV, Result};
use imagefs::{Image, Kind as ImageKind};

static ROOT: Once<Arc<Node>> = Once::new();
static IMAGE: Once<Image<'static>> = Once::new();
static CHANGE: SpinLock<()> = SpinLock::new(());

/// The root directory.
pub fn root() -> &'static Arc<Node> {
    ROOT.get()
        .expect("the tree is planted before anything runs")
}

/// Makes the tree: the image's, or an empty one.
pub fn plant(image: Option<Image<'static>>) {
    let node = match image {
        Some(image) => {
            IMAGE.set(image);
            super::regular::init();
            let root = image.node(0);
            let children = match root.kind {
                ImageKind::Directory { first, count } => Some((first, count)),
                _ => None,
            };
            let kind = Kind::Directory(SpinLock::new(Directory::new(Weak::new(), children)));
            Node::with_time(root.mode, kind, (root.mtime, 0))
        }
        None => Node::directory(0o755, Weak::new()),
    };
    if let Ok(mut dir) = node.dir() {
        dir.parent = Arc::downgrade(&node);
    }
    ROOT.set(node);
}

/// Makes the nodes of an image directory's children.
pub fn image_children(first: u32, count: u32, parent: &Arc<Node>) -> Vec<(Box<[u8]>, Arc<Node>)> {
    let Some(image) = IMAGE.get() else {
        return Vec::new();
    };
    let base = image.bytes().as_ptr() as u64 - DIRECT;
    (first..first + count)
        .map(|n| {
            let node = image.node(n);
            let kind = match node.kind {
                ImageKind::Directory { first, count } => Kind::Directory(SpinLock::new(
                    Directory::new(Arc::downgrade(parent), Some((first, count))),
                )),
                ImageKind::File { offset, bytes } => Kind::Regular(SpinLock::new(Data::in_image(
                    base + offset as u64,
                    bytes.len() as u64,
                ))),
                ImageKind::Packed(packed) => Kind::Regular(SpinLock::new(Data::packed(packed))),
                ImageKind::Symlink(target) => Kind::Symlink(target.into()),
            };
            (
                node.name.into(),
                Node::with_time(node.mode, kind, (node.mtime, 0)),
            )
        })
        .collect()
}

/// Puts a new node at a place where nothing is.
pub fn link(place: &Place, node: &Arc<Node>) -> Result<()> {
    let _change = CHANGE.lock();
    if place.dir_wanted && !node.is_dir() {
        return Err(ENOENT);
    }
    if matches!(place.parent.kind, Kind::Dynamic(_)) {
        return Err(EPERM);
    }
    let mut dir = place.parent.dir()?;
    if dir.removed {
        return Err(ENOENT);
    }
    if dir.get(&place.name).is_some() {
        return Err(EEXIST);
    }
    dir.insert(&place.name, node.clone());
    drop(dir);
    if let Kind::Directory(inner) = &node.kind {
        inner.lock().parent = Arc::downgrade(&place.parent);
        place.parent.meta.lock().nlink += 1;
    }
    place.parent.touch_modified();
    Ok(())
}

/// Gives an existing node another name.
pub fn hard_link(place: &Place, node: &Arc<Node>) -> Result<()> {
    if node.is_dir() {
        return Err(EPERM);
    }
    if matches!(node.kind, Kind::Generated(_) | Kind::Computed(_)) {
        return Err(EXDEV);
    }
    link(place, node)?;
    node.meta.lock().nlink += 1;
    node.touch_changed();
    Ok(())
}

/// Removes a name; `directory`: of an empty directory, else of anything but a directory.
pub fn unlink(place: &Place, directory: bool) -> Result<()> {
    let _change = CHANGE.lock();
    let node = place.parent.find(&place.name)?;
    if directory && !node.is_dir() {
        return Err(ENOTDIR);
    }
    if !directory && node.is_dir() {
        return Err(EISDIR);
    }
    if !directory && place.dir_wanted {
        return Err(ENOTDIR);
    }
    if matches!(place.parent.kind, Kind::Dynamic(_)) {
        return Err(EPERM);
    }
    if directory {
        let mut inner = node.dir()?;
        if !inner.is_empty() {
            return Err(ENOTEMPTY);
        }
        inner.removed = true;
    }
    place.parent.dir()?.remove(&place.name);
    let mut meta = node.meta.lock();
    meta.nlink = if directory {
        0
    } else {
        meta.nlink.saturating_sub(1)
    };
    drop(meta);
    node.touch_changed();
    if directory {
        place.parent.meta.lock().nlink -= 1;
    }
    place.parent.touch_modified();
    Ok(())
}

/// Moves a name.
pub fn rename(from: &Place, to: &Place, no_replace: bool) -> Result<()> {
    let _change = CHANGE.lock();
    let node = from.parent.find(&from.name)?;
    if (from.dir_wanted || to.dir_wanted) && !node.is_dir() {
        return Err(ENOTDIR);
    }
    let target = to.parent.find(&to.name).ok();
    if let Some(target) = &target {
        if no_replace {
            return Err(EEXIST);
        }
        if Arc::ptr_eq(target, &node) {
            return Ok(());
        }
    }
    if node.is_dir() && is_below(&to.parent, &node) {
        return Err(EINVAL);
    }
    if to.parent.dir()?.removed {
        return Err(ENOENT);
    }
    if let Some(target) = &target {
        match (node.is_dir(), target.is_dir()) {
            (true, false) => return Err(ENOTDIR),
            (false, true) => return Err(EISDIR),
            (true, true) => {
                let mut inner = target.dir()?;
                if !inner.is_empty() {
                    return Err(ENOTEMPTY);
                }
                inner.removed = true;
            }
            (false, false) => {}
        }
        let mut meta = target.meta.lock();
        meta.nlink = if target.is_dir() {
            0
        } else {
            meta.nlink.saturating_sub(1)
        };
    }
    to.parent.dir()?.insert(&to.name, node.clone());
    from.parent.dir()?.remove(&from.name);
    if let Kind::Directory(inner) = &node.kind {
        inner.lock().parent = Arc::downgrade(&to.parent);
        from.parent.meta.lock().nlink -= 1;
        if target.is_none() {
            to.parent.meta.lock().nlink += 1;
        }
    }
    node.touch_changed();
    from.parent.touch_modified();
    to.parent.touch_modified();
    Ok(())
}

/// Whether `node` is `above` or lies below it.
fn is_below(node: &Arc<Node>, above: &Arc<Node>) -> bool {
    let mut here = node.clone();
    loop {
        if Arc::ptr_eq(&here, above) {
            return true;
        }
        let parent = match here.dir() {
            Ok(dir) => dir.parent.upgrade(),
            Err(_) => None,
        };
        match parent {
            Some(parent) if !Arc::ptr_eq(&parent, &here) => here = parent,
            _ => return false,
        }
    }
}

/// The path of a directory, or ENOENT if it was removed.
pub fn path_of(node: &Arc<Node>) -> Result<Vec<u8>> {
    let mut names = Vec::new();
    let mut here = node.clone();
    while !Arc::ptr_eq(&here, root()) {
        let parent = match &here.kind {
            Kind::Directory(inner) => inner.lock().parent.upgrade(),
            _ => None,
        };
        let Some(parent) = parent else {
            return Err(ENOENT);
        };
        names.push(parent.dir()?.name_of(&here).ok_or(ENOENT)?);
        here = parent;
    }
    let mut path = Vec::new();
    for name in names.iter().rev() {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    if path.is_empty() {
        path.push(b'/');
    }
    Ok(path)
}

/// Whether a node may be changed by `chmod` and the like: those of `/proc` may not.
pub fn check_changeable(node: &Node) -> Result<()> {
    match node.kind {
        Kind::Generated(_) | Kind::Computed(_) | Kind::Dynamic(_) => Err(EPERM),
        _ => Ok(()),
    }
}
