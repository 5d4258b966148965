//! Nodes: which there are, and whose an identifier is. Who is connected is known to the distribution, which
//! registers itself ([`set_table`]); without it this node is alone.

#![forbid(unsafe_code)]

use std::sync::OnceLock;

use crate::atom::{Atom, well_known};
use crate::bif::{BifResult, Call, Stop, badarg};
use crate::map;
use crate::node_name::{self, Node};
use crate::term::{Kind, Term};

crate::bifs! {
    "erlang" {
        "node"/0 Guard node_0;
        "node"/1 Guard node_1;
        "nodes"/0 Plain nodes_0;
        "nodes"/1 Plain nodes_1;
        "nodes"/2 Plain nodes_2;
    }
}

/// How another node is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeType {
    /// Connected, and shown by `nodes()`.
    Visible,
    /// Connected, and not shown.
    Hidden,
    /// Not connected, or not yet.
    Known,
}

/// Another node.
#[derive(Clone, Copy, Debug)]
pub struct OtherNode {
    /// Its name.
    pub name: Atom,
    /// How it is known.
    pub kind: NodeType,
    /// The number of the connection; none without one.
    pub connection_id: Option<u64>,
    /// The creation of the life that the connection is with.
    pub creation: u32,
}

/// All other nodes, as the distribution knows them now.
pub type NodeTable = fn() -> Vec<OtherNode>;

static TABLE: OnceLock<NodeTable> = OnceLock::new();

/// Sets who knows the other nodes (once).
pub fn set_table(table: NodeTable) {
    let _ = TABLE.set(table);
}

/// All other nodes that are known.
pub fn others() -> Vec<OtherNode> {
    TABLE.get().map_or_else(Vec::new, |table| table())
}

/// The connected node whose identifiers are printed with this number.
pub fn connected_by_number(number: u32) -> Option<&'static Node> {
    let name = Atom::at(number)?;
    others()
        .iter()
        .find(|node| node.name == name && node.kind != NodeType::Known)
        .map(|node| node_name::intern(name, node.creation))
}

fn node_0<'p>(_: Call<'p>) -> BifResult<'p> {
    Ok(Term::atom(node_name::this().0))
}

fn node_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Pid(_) | Kind::Port(_) | Kind::Ref(_) => node_0(call),
        Kind::ExternalPid(id) | Kind::ExternalPort(id) | Kind::ExternalRef(id) => {
            Ok(Term::atom(id.node().name))
        }
        _ => Err(badarg()),
    }
}

/// Which nodes are asked for.
#[derive(Default)]
struct Wanted {
    visible: bool,
    hidden: bool,
    known: bool,
    this: bool,
}

impl Wanted {
    fn of<'p>(types: Term<'p>) -> Result<Wanted, Stop<'p>> {
        let mut wanted = Wanted::default();
        match types.as_atom() {
            Some(one) => wanted.add(one).ok_or_else(badarg)?,
            None => {
                for one in types.proper_list().ok_or_else(badarg)? {
                    one.as_atom()
                        .and_then(|one| wanted.add(one))
                        .ok_or_else(badarg)?;
                }
            }
        }
        Ok(wanted)
    }

    fn add(&mut self, one: Atom) -> Option<()> {
        match one.name() {
            "visible" => self.visible = true,
            "hidden" => self.hidden = true,
            "this" => self.this = true,
            "connected" => (self.visible, self.hidden) = (true, true),
            "known" => {
                (self.visible, self.hidden, self.known, self.this) = (true, true, true, true)
            }
            _ => return None,
        }
        Some(())
    }

    fn includes(&self, kind: NodeType) -> bool {
        match kind {
            NodeType::Visible => self.visible,
            NodeType::Hidden => self.hidden,
            NodeType::Known => self.known,
        }
    }

    /// Name, type and connection of each node that is asked for, in the order of the stock VM's list.
    fn nodes(&self) -> Vec<(Atom, Atom, Option<u64>)> {
        let others = others();
        let mut nodes = Vec::new();
        if self.this {
            nodes.push((node_name::this().0, well_known::THIS, None));
        }
        for kind in [NodeType::Visible, NodeType::Hidden, NodeType::Known] {
            let atom = match kind {
                NodeType::Visible => well_known::VISIBLE,
                NodeType::Hidden => well_known::HIDDEN,
                NodeType::Known => well_known::KNOWN,
            };
            nodes.extend(
                others
                    .iter()
                    .filter(|node| node.kind == kind && self.includes(kind))
                    .map(|node| (node.name, atom, node.connection_id)),
            );
        }
        nodes.reverse();
        nodes
    }
}

fn names<'p>(call: Call<'p>, wanted: &Wanted) -> Term<'p> {
    call.heap.list_from(
        wanted
            .nodes()
            .into_iter()
            .map(|(name, ..)| Term::atom(name)),
    )
}

fn nodes_0<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(names(
        call,
        &Wanted {
            visible: true,
            ..Wanted::default()
        },
    ))
}

fn nodes_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(names(call, &Wanted::of(call.arg(0))?))
}

fn nodes_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let wanted = Wanted::of(call.arg(0))?;
    let options = call.arg(1).as_map().ok_or_else(badarg)?;
    let (id_key, type_key) = (crate::atom!("connection_id"), well_known::NODE_TYPE);
    let mut known = 0;
    let mut option = |key: Atom| match map::get(options, Term::atom(key)) {
        None => Ok(false),
        Some(value) => {
            known += 1;
            value.as_bool().ok_or_else(badarg)
        }
    };
    let (with_id, with_type) = (option(id_key)?, option(type_key)?);
    if known != options.len() {
        return Err(badarg());
    }
    let nodes = wanted.nodes().into_iter().map(|(name, kind, connection)| {
        let mut pairs = Vec::new();
        if with_id {
            let id = connection.map_or(Term::UNDEFINED, |id| call.heap.unsigned(id));
            pairs.push((Term::atom(id_key), id));
        }
        if with_type {
            pairs.push((Term::atom(type_key), Term::atom(kind)));
        }
        let info = map::from_pairs(call.heap, &pairs);
        call.heap.tuple(&[Term::atom(name), info])
    });
    Ok(call.heap.list_from(nodes))
}
