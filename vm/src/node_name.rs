//! The names of nodes: what pids, ports and references of other nodes point to. Entries are interned and
//! live as long as the node.

use crate::atom::{Atom, well_known};
use parking_lot::{Mutex, RwLock};

/// A node's name in one of its lives.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// `name@host`.
    pub name: Atom,
    /// Which of its lives.
    pub creation: u32,
}

static NODES: Mutex<Vec<&'static Node>> = Mutex::new(Vec::new());
static THIS: RwLock<Option<(Atom, u32)>> = RwLock::new(None);

/// The entry of a node's name and creation.
pub fn intern(name: Atom, creation: u32) -> &'static Node {
    let mut nodes = NODES.lock();
    if let Some(node) = nodes
        .iter()
        .find(|node| node.name == name && node.creation == creation)
    {
        return node;
    }
    let node: &'static Node = Box::leak(Box::new(Node { name, creation }));
    nodes.push(node);
    node
}

/// This node's name and creation: `nonode@nohost` and 0 until distribution starts.
pub fn this() -> (Atom, u32) {
    THIS.read().unwrap_or((well_known::NONODE_NOHOST, 0))
}

/// Names this node (`erlang:setnode/2`); false where it has a name already.
pub fn set_this(name: Atom, creation: u32) -> bool {
    let mut this = THIS.write();
    let free = this.is_none();
    if free {
        *this = Some((name, creation));
    }
    free
}

/// Takes the node's name away, and returns it.
pub fn clear_this() -> Option<Atom> {
    THIS.write().take().map(|(name, _)| name)
}

/// Whether this node has a name by which others can reach it.
pub fn is_alive() -> bool {
    this().0 != well_known::NONODE_NOHOST
}
