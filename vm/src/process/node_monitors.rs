//! Who wants to hear of nodes that come up and go down (`net_kernel:monitor_nodes/1,2`).
//!
//! A process subscribes with a set of options, as often as it likes for each set; it gets as many messages
//! as it has subscriptions. The messages are the distribution's to send ([`subscriptions`]).

use hashbrown::HashMap;
use parking_lot::Mutex;
use rustc_hash::FxBuildHasher;

use super::Process;
use super::flags::Flag;
use crate::atom;
use crate::atom::well_known as w;
use crate::map;
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

    /// The end of a process's subscriptions.
    pub(super) fn end_node_monitors(&self) {
        if self.flags.has(Flag::MonitorsNodes) {
            SUBSCRIPTIONS.lock().retain(|(pid, _), _| *pid != self.pid);
        }
    }
}
