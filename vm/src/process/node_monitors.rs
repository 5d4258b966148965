//! Who wants to hear of nodes that come up and go down (`net_kernel:monitor_nodes/1,2`).
//!
//! A process subscribes with a set of options, as often as it likes for each set; it gets as many messages
//! as it has subscriptions. The node's own coming and going is told here ([`node_begins`], and at the end of the
//! process that named it); of others the distribution tells ([`announce`]).

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use super::flags::Flag;
use super::{Process, signal};
use crate::atom;
use crate::atom::{Atom, well_known as w};
use crate::heap::{Heap, OwnedTerm};
use crate::map;
use crate::node_name;
use crate::term::{Pid, Term};

/// What a subscription asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Options {
    /// Nodes of type `visible`.
    pub visible: bool,
    /// Nodes of type `hidden`.
    pub hidden: bool,
    /// Why a node went down.
    pub down_reason: bool,
    /// Information comes as a map, not a list.
    pub info_map: bool,
    /// The connection's number.
    pub connection_id: bool,
}

static SUBSCRIPTIONS: Mutex<HashMap<(Pid, Options), u64, FxBuildHasher>> =
    Mutex::new(HashMap::with_hasher(FxBuildHasher));

impl Options {
    /// From what `process_flag({monitor_nodes, Options}, …)` gets: `[]`, or a map.
    pub fn parse(term: Term<'_>) -> Option<Options> {
        let mut options = Options::default();
        if term.is_nil() {
            return Some(options);
        }
        let given = term.as_map()?;
        options.info_map = true;
        let mut known = 0;
        let mut get = |key: crate::atom::Atom| {
            let value = map::get(given, Term::atom(key));
            known += usize::from(value.is_some());
            value
        };
        if let Some(list) = get(w::LIST) {
            if list.as_bool() != Some(true) {
                return None;
            }
            options.info_map = false;
        }
        if let Some(wanted) = get(atom!("connection_id")) {
            options.connection_id = wanted.as_bool()?;
        }
        if let Some(kind) = get(w::NODE_TYPE) {
            let (visible, hidden) = match kind.as_atom()? {
                w::VISIBLE => (true, false),
                w::HIDDEN => (false, true),
                w::ALL => (true, true),
                _ => return None,
            };
            (options.visible, options.hidden) = (visible, hidden);
        }
        if let Some(wanted) = get(atom!("nodedown_reason")) {
            options.down_reason = wanted.as_bool()?;
        }
        (known == given.len()).then_some(options)
    }
}

/// What happened to a node.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// Its name.
    pub node: Atom,
    /// `visible` or `hidden`.
    pub kind: Atom,
    /// The number of its connection; this node has none.
    pub connection: Option<u64>,
    /// Why it went down; none where it came up.
    pub down: Option<Term<'a>>,
}

impl Change<'_> {
    fn interests(&self, options: Options) -> bool {
        if self.kind == w::VISIBLE {
            options.visible || !options.hidden
        } else {
            options.hidden
        }
    }

    /// What is told beside the name, in the order of the keys of a map.
    fn details<'h>(&self, heap: Heap<'h>, options: Options) -> Vec<(Term<'h>, Term<'h>)> {
        let mut details = Vec::new();
        if options.connection_id {
            let number = self
                .connection
                .map_or(Term::UNDEFINED, |number| heap.unsigned(number));
            details.push((Term::atom(atom!("connection_id")), number));
        }
        if options.visible || options.hidden {
            details.push((Term::atom(w::NODE_TYPE), Term::atom(self.kind)));
        }
        if let Some(reason) = self.down
            && options.down_reason
        {
            let reason = heap.copy(reason);
            details.push((Term::atom(atom!("nodedown_reason")), reason));
        }
        details
    }

    fn message(&self, options: Options) -> OwnedTerm {
        let what = match self.down {
            None => atom!("nodeup"),
            Some(_) => atom!("nodedown"),
        };
        OwnedTerm::build(|heap| {
            let (what, node) = (Term::atom(what), Term::atom(self.node));
            if options == Options::default() {
                return heap.tuple(&[what, node]);
            }
            let details = self.details(heap, options);
            let details = if options.info_map {
                map::from_pairs(heap, &details)
            } else {
                // OTP 25: the connection, the reason, the type.
                let order = |key: Term<'_>| match key.as_atom() {
                    Some(key) if key == w::NODE_TYPE => 2,
                    Some(key) if key == atom!("nodedown_reason") => 1,
                    _ => 0,
                };
                let mut details = details;
                details.sort_by_key(|(key, _)| order(*key));
                let tuples: Vec<_> = details
                    .into_iter()
                    .map(|(key, value)| heap.tuple(&[key, value]))
                    .collect();
                heap.list_from(tuples.into_iter())
            };
            heap.tuple(&[what, node, details])
        })
    }
}

/// Tells all who want to hear of it, as often as each wants to.
pub fn announce(change: Change<'_>) {
    for (pid, options, count) in subscriptions() {
        if change.interests(options) {
            for _ in 0..count {
                signal::send_message(pid, change.message(options));
            }
        }
    }
}

/// The process whose end takes the node's name away (`net_kernel`), or [`NOBODY`].
static NAMED_BY: AtomicU64 = AtomicU64::new(NOBODY);
const NOBODY: u64 = u64::MAX;

/// The node gets a name, for as long as a process lives; false where it has one.
pub fn node_begins(name: Atom, creation: u32, net_kernel: Pid) -> bool {
    if !node_name::set_this(name, creation) {
        return false;
    }
    NAMED_BY.store(net_kernel.0, Ordering::Release);
    announce(Change {
        node: name,
        kind: w::VISIBLE,
        connection: None,
        down: None,
    });
    true
}

/// Who hears, and how often.
pub fn subscriptions() -> Vec<(Pid, Options, u64)> {
    SUBSCRIPTIONS
        .lock()
        .iter()
        .map(|((pid, options), count)| (*pid, *options, *count))
        .collect()
}

impl Process {
    /// Subscribes once more, or ends all subscriptions with these options; how many there were.
    pub fn monitor_nodes(&self, on: bool, options: Options) -> u64 {
        let key = (self.pid, options);
        let mut all = SUBSCRIPTIONS.lock();
        if on {
            self.flags.set(Flag::MonitorsNodes, true);
            let count = all.entry(key).or_insert(0);
            *count += 1;
            *count - 1
        } else {
            all.remove(&key).unwrap_or(0)
        }
    }

    /// The end of a process's subscriptions; and of the node's name, if it is the one that it came with.
    pub(super) fn end_node_monitors(&self) {
        let mine = self.pid.0;
        if NAMED_BY
            .compare_exchange(mine, NOBODY, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            self.end_of_name();
        }
        if self.flags.has(Flag::MonitorsNodes) {
            SUBSCRIPTIONS.lock().retain(|(pid, _), _| *pid != self.pid);
        }
    }
    fn end_of_name(&self) {
        let Some(name) = node_name::clear_this() else {
            return;
        };
        let no_network = atom!("no_network");
        let given = self.exit_reason().and_then(|reason| reason.as_atom());
        let reason = match given {
            Some(reason) if reason == no_network => no_network,
            _ => atom!("net_kernel_terminated"),
        };
        announce(Change {
            node: name,
            kind: w::VISIBLE,
            connection: None,
            down: Some(Term::atom(reason)),
        });
    }
}
