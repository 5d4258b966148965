//! The order of terms.
//!
//! ```text
//! number < atom < reference < fun < port < pid < tuple < map < nil < list < bit string
//! ```
//!
//! There are two orders: that of `<` and `==`, in which integers and floats compare by value, and the exact
//! one of map keys and `=:=`, in which every integer comes before every float. [`order`](super::order) walks
//! terms in either, [`equal`](super::equal) only looks for a difference. Neither recurses.

use std::cmp::Ordering;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

use super::word;
use super::{Fun, Kind, Term};
use crate::atom::Atom;
use crate::code::Export;
use crate::node_name::{self, Node};
use crate::numeric::big;

/// Whether `0.0 =:= -0.0` is false.
static ZEROS_DIFFER: AtomicBool = AtomicBool::new(false);

/// Says whether `0.0` and `-0.0` are exactly equal (up to OTP 26) or not (from OTP 27 on). To be called before
/// any map is made.
pub fn set_zeros_differ(differ: bool) {
    ZEROS_DIFFER.store(differ, Memory::Relaxed);
}

/// Whether `0.0` and `-0.0` are different to `=:=`.
pub(crate) fn zeros_differ() -> bool {
    ZEROS_DIFFER.load(Memory::Relaxed)
}

impl Term<'_> {
    /// How it compares by `<`, `==` and so on.
    #[inline]
    pub fn compare(self, other: Term<'_>) -> Ordering {
        if word::both_small(self.word(), other.word()) {
            return (self.word() as i64).cmp(&(other.word() as i64));
        }
        if self.same(other) {
            return Ordering::Equal;
        }
        super::order::compare(self, other, false)
    }

    /// How it compares as a key of a map: as [`compare`](Term::compare), but integers before floats.
    #[inline]
    pub fn compare_keys(self, other: Term<'_>) -> Ordering {
        if word::both_small(self.word(), other.word()) {
            return (self.word() as i64).cmp(&(other.word() as i64));
        }
        if self.same(other) {
            return Ordering::Equal;
        }
        super::order::compare(self, other, true)
    }

    /// `==`.
    #[inline]
    pub fn equals(self, other: Term<'_>) -> bool {
        if self.same(other) {
            return true;
        }
        // Numbers that are equal but not the same are not both immediates.
        if word::is_immediate(self.word()) && word::is_immediate(other.word()) {
            return false;
        }
        super::equal::equal::<false>(self, other)
    }

    /// `=:=`.
    #[inline]
    pub fn exactly_equals(self, other: Term<'_>) -> bool {
        if self.same(other) {
            return true;
        }
        if word::is_immediate(self.word()) || word::is_immediate(other.word()) {
            return false;
        }
        super::equal::equal::<true>(self, other)
    }
}

/// Where a kind stands in the order of terms.
pub(super) fn rank(kind: &Kind<'_>) -> u8 {
    match kind {
        Kind::Small(_) | Kind::Big(_) => 0,
        Kind::Float(_) => 1,
        Kind::Atom(_) => 2,
        Kind::Ref(_) | Kind::ExternalRef(_) => 3,
        Kind::Fun(_) | Kind::Export(_) => 4,
        Kind::Port(_) | Kind::ExternalPort(_) => 5,
        Kind::Pid(_) | Kind::ExternalPid(_) => 6,
        Kind::Tuple(_) => 7,
        Kind::Map(_) => 8,
        Kind::Nil => 9,
        Kind::Cons(_) => 10,
        Kind::Bits(_) => 11,
    }
}

/// Floats in the exact order.
pub(super) fn floats_exactly(a: f64, b: f64) -> Ordering {
    if a == 0.0 && b == 0.0 && zeros_differ() {
        return b.is_sign_negative().cmp(&a.is_sign_negative());
    }
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Two numbers; none if one is no number.
pub(super) fn numbers(a: &Kind<'_>, b: &Kind<'_>, exact: bool) -> Option<Ordering> {
    Some(match (*a, *b) {
        (Kind::Small(a), Kind::Small(b)) => a.cmp(&b),
        (Kind::Small(_), Kind::Big(b)) if b.negative => Ordering::Greater,
        (Kind::Small(_), Kind::Big(_)) => Ordering::Less,
        (Kind::Big(a), Kind::Small(_)) if a.negative => Ordering::Less,
        (Kind::Big(_), Kind::Small(_)) => Ordering::Greater,
        (Kind::Big(a), Kind::Big(b)) => a.cmp(&b),
        (Kind::Float(a), Kind::Float(b)) if exact => floats_exactly(a, b),
        (Kind::Float(a), Kind::Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (Kind::Small(_) | Kind::Big(_), Kind::Float(_)) if exact => Ordering::Less,
        (Kind::Float(_), Kind::Small(_) | Kind::Big(_)) if exact => Ordering::Greater,
        (Kind::Small(a), Kind::Float(b)) => big::cmp_i64_f64(a, b),
        (Kind::Big(a), Kind::Float(b)) => big::cmp_f64(a, b),
        (Kind::Float(a), Kind::Small(b)) => big::cmp_i64_f64(b, a).reverse(),
        (Kind::Float(a), Kind::Big(b)) => big::cmp_f64(b, a).reverse(),
        _ => return None,
    })
}

/// Everything about two funs of modules but their environments (OTP compares module, index, old unique number,
/// and number of free variables).
pub(super) fn fun_entries(a: Fun<'_>, b: Fun<'_>) -> Ordering {
    let (x, y) = (&a.entry().id, &b.entry().id);
    x.module
        .compare(y.module)
        .then(x.new_index.cmp(&y.new_index))
        .then(x.uniq.cmp(&y.uniq))
        .then(a.env().len().cmp(&b.env().len()))
}

/// Two funs of the form `fun M:F/A`.
pub(super) fn exports(a: &Export, b: &Export) -> Ordering {
    let (x, y) = (&a.mfa, &b.mfa);
    x.module
        .compare(y.module)
        .then_with(|| x.function.compare(y.function))
        .then(x.arity.cmp(&y.arity))
}

/// A node in the order of pids, ports and references.
struct NodeKey {
    name: Atom,
    creation: u32,
}

impl NodeKey {
    fn this() -> NodeKey {
        let (name, creation) = node_name::this();
        NodeKey { name, creation }
    }

    fn of(node: &Node) -> NodeKey {
        NodeKey {
            name: node.name,
            creation: node.creation,
        }
    }

    fn compare(&self, other: &NodeKey) -> Ordering {
        self.name
            .compare(other.name)
            .then(self.creation.cmp(&other.creation))
    }
}

/// The nodes of two identifiers, none standing for this one.
fn nodes(a: Option<&'static Node>, b: Option<&'static Node>) -> Ordering {
    let key = |node: Option<&Node>| node.map_or_else(NodeKey::this, NodeKey::of);
    match (a, b) {
        (None, None) => Ordering::Equal,
        (Some(a), Some(b)) if std::ptr::eq(a, b) => Ordering::Equal,
        _ => key(a).compare(&key(b)),
    }
}

/// Two pids: serial, then number, then node.
pub(super) fn pids(a: &Kind<'_>, b: &Kind<'_>) -> Ordering {
    let parts = |kind: &Kind<'_>| match *kind {
        Kind::Pid(pid) => (pid.serial(), pid.number(), None),
        Kind::ExternalPid(id) => {
            let (number, serial) = id.pid_parts();
            (serial, number, Some(id.node()))
        }
        _ => unreachable!("two pids are compared"),
    };
    let (x, y) = (parts(a), parts(b));
    (x.0, x.1).cmp(&(y.0, y.1)).then_with(|| nodes(x.2, y.2))
}

/// Two ports: node, then number.
pub(super) fn ports(a: &Kind<'_>, b: &Kind<'_>) -> Ordering {
    let parts = |kind: &Kind<'_>| match *kind {
        Kind::Port(port) => (None, port.0),
        Kind::ExternalPort(id) => (Some(id.node()), id.data()[0]),
        _ => unreachable!("two ports are compared"),
    };
    let (x, y) = (parts(a), parts(b));
    nodes(x.0, y.0).then(x.1.cmp(&y.1))
}

/// Two references: node, then the numbers from the last to the first; none if one is no reference.
pub(super) fn references(a: Term<'_>, b: Term<'_>) -> Option<Ordering> {
    let (x, y) = (reference_parts(a)?, reference_parts(b)?);
    Some(nodes(x.0, y.0).then_with(|| x.1.iter().rev().cmp(y.1.iter().rev())))
}

/// A reference's node (none for this one) and numbers, in the order of the external format.
pub(super) fn reference_parts(term: Term<'_>) -> Option<(Option<&'static Node>, [u64; 5])> {
    let mut numbers = [0; 5];
    Some(match term.kind() {
        Kind::Ref(reference) => {
            let [high, low] = reference.number();
            numbers[..3].copy_from_slice(&[low, high & 0xffff_ffff, high >> 32]);
            (None, numbers)
        }
        Kind::ExternalRef(id) => {
            let words = id.reference_words();
            numbers[..words.len()].copy_from_slice(words);
            (Some(id.node()), numbers)
        }
        _ => return None,
    })
}
