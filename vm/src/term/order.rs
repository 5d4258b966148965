//! Walking two terms to find which comes first.
//!
//! Pairs of terms that are compared later wait on a stack. Flat maps compare as their keys (in the exact order)
//! and then their values. Hash maps hold their keys in no order: of two with equally many keys, the smallest
//! key decides that only one has, or else the smallest whose values differ ([`Maps`]).

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::compare;
use super::views::{Map, MapForm, terms};
use super::word;
use super::{Kind, Term};

/// What is still to be done.
enum Pending<'x> {
    /// Compare terms pairwise.
    Terms(&'x [Term<'x>], &'x [Term<'x>]),
    /// Go on in this order (exact or not).
    Order(bool),
    /// Go on with the innermost pair of hash maps.
    Maps,
}

struct Walk<'x> {
    pending: SmallVec<[Pending<'x>; 8]>,
    maps: Vec<Maps<'x>>,
    exact: bool,
}

/// How two terms compare, in the exact order or not.
#[inline(never)]
pub(super) fn compare<'x>(mut a: Term<'x>, mut b: Term<'x>, exact: bool) -> Ordering {
    if let Some(order) = at_a_glance(a, b) {
        return order;
    }
    let mut walk = Walk {
        pending: SmallVec::new(),
        maps: Vec::new(),
        exact,
    };
    loop {
        let order = if a.same(b) {
            Ordering::Equal
        } else {
            walk.look(a, b)
        };
        match walk.next(order) {
            Next::Compare(x, y) => (a, b) = (x, y),
            Next::Done(order) => return order,
        }
    }
}

/// How two tuples of one size compare whose first elements that differ are small integers.
#[inline(always)]
fn at_a_glance(a: Term<'_>, b: Term<'_>) -> Option<Ordering> {
    if !word::is_boxed(a.word()) || !word::is_boxed(b.word()) {
        return None;
    }
    let header = a.header();
    if header != b.header() || word::header_kind(header) != word::BoxedKind::Tuple {
        return None;
    }
    let (xs, ys) = (a.payload(), b.payload());
    let (x, y) = xs.iter().zip(ys).find(|(x, y)| x != y)?;
    word::both_small(*x, *y).then(|| (*x as i64).cmp(&(*y as i64)))
}

enum Next<'x> {
    Compare(Term<'x>, Term<'x>),
    Done(Ordering),
}

impl<'x> Walk<'x> {
    /// Compares two terms as far as their own words tell; what remains is left for later.
    fn look(&mut self, a: Term<'x>, b: Term<'x>) -> Ordering {
        if word::is_cons(a.word()) && word::is_cons(b.word()) {
            self.pending.push(Pending::Terms(a.cell(), b.cell()));
            return Ordering::Equal;
        }
        // The kinds that are compared most, without taking the others into account.
        if let (Some(x), Some(y)) = (a.as_small(), b.as_small()) {
            return x.cmp(&y);
        }
        if let (Some(x), Some(y)) = (a.as_atom(), b.as_atom()) {
            return x.compare(y);
        }
        if let (Some(x), Some(y)) = (a.as_tuple(), b.as_tuple()) {
            let (xs, ys) = (x.elements(), y.elements());
            if xs.len() == ys.len() {
                self.pending.push(Pending::Terms(xs, ys));
            }
            return xs.len().cmp(&ys.len());
        }
        let (x, y) = (a.kind(), b.kind());
        if let Some(order) = compare::numbers(&x, &y, self.exact) {
            return order;
        }
        match (x, y) {
            (Kind::Bits(x), Kind::Bits(y)) => x.compare(y),
            (Kind::Map(x), Kind::Map(y)) => self.look_at_maps(x, y),
            (Kind::Fun(x), Kind::Fun(y)) => {
                let order = compare::fun_entries(x, y);
                if order.is_eq() {
                    self.pending.push(Pending::Terms(x.env(), y.env()));
                }
                order
            }
            (Kind::Export(x), Kind::Export(y)) => compare::exports(x, y),
            (Kind::Fun(_), Kind::Export(_)) => Ordering::Less,
            (Kind::Export(_), Kind::Fun(_)) => Ordering::Greater,
            (Kind::Pid(_) | Kind::ExternalPid(_), Kind::Pid(_) | Kind::ExternalPid(_)) => {
                compare::pids(&x, &y)
            }
            (Kind::Port(_) | Kind::ExternalPort(_), Kind::Port(_) | Kind::ExternalPort(_)) => {
                compare::ports(&x, &y)
            }
            _ => compare::references(a, b)
                .unwrap_or_else(|| compare::rank(&x).cmp(&compare::rank(&y))),
        }
    }

    fn look_at_maps(&mut self, x: Map<'x>, y: Map<'x>) -> Ordering {
        let sizes = x.len().cmp(&y.len());
        if sizes.is_ne() {
            return sizes;
        }
        let (xs, ys) = (terms(x.term().payload()), terms(y.term().payload()));
        if let (MapForm::Flat { .. }, MapForm::Flat { .. }) = (x.form(), y.form()) {
            if self.exact {
                self.pending.push(Pending::Terms(xs, ys));
            } else {
                self.pending.push(Pending::Terms(&xs[1..], &ys[1..]));
                self.pending.push(Pending::Order(false));
                self.pending.push(Pending::Terms(&xs[..1], &ys[..1]));
                self.exact = true;
            }
        } else {
            self.pending.push(Pending::Maps);
            self.maps
                .push(Maps::new(x, y, self.exact, self.pending.len()));
        }
        Ordering::Equal
    }

    /// What follows on a comparison with this result.
    fn next(&mut self, mut order: Ordering) -> Next<'x> {
        loop {
            if order.is_ne() {
                // Only a pair of hash maps looks further; what waits above it is decided.
                match self.maps.last() {
                    None => return Next::Done(order),
                    Some(maps) => self.pending.truncate(maps.depth),
                }
            }
            match self.pending.last_mut() {
                None => return Next::Done(order),
                Some(Pending::Terms(xs, ys)) => {
                    let (Some((&x, rest)), Some((&y, others))) =
                        (xs.split_first(), ys.split_first())
                    else {
                        self.pending.pop();
                        continue;
                    };
                    (*xs, *ys) = (rest, others);
                    if xs.is_empty() {
                        self.pending.pop();
                    }
                    if !x.same(y) {
                        return Next::Compare(x, y);
                    }
                }
                Some(&mut Pending::Order(exact)) => {
                    self.exact = exact;
                    self.pending.pop();
                }
                Some(Pending::Maps) => {
                    let maps = self
                        .maps
                        .last_mut()
                        .expect("a pair of maps for each such entry");
                    match maps.next(order) {
                        MapsNext::Compare(x, y, exact) => {
                            self.exact = exact;
                            return Next::Compare(x, y);
                        }
                        MapsNext::Done(result) => {
                            self.exact = maps.exact;
                            self.maps.pop();
                            self.pending.pop();
                            order = result;
                        }
                    }
                }
            }
        }
    }
}

/// Two hash maps of one size.
struct Maps<'x> {
    /// The order in which values are compared.
    exact: bool,
    /// How many entries the stack has with that of this pair on its top.
    depth: usize,
    /// Where all keys occur in both: keys and both values. Else keys that only one has, and how the maps
    /// compare if that is the smallest.
    contest: Contest<'x>,
    /// The next entry, and what was asked about the one before.
    at: usize,
    asked: Asked,
    /// The entry that decides so far, and how.
    best: usize,
    result: Ordering,
}

enum Contest<'x> {
    Values(Vec<(Term<'x>, Term<'x>, Term<'x>)>),
    Keys(Vec<(Term<'x>, Ordering)>),
}

enum Asked {
    Nothing,
    /// How its key compares with the best one's.
    Key,
    /// How its values compare.
    Values,
}

enum MapsNext<'x> {
    Compare(Term<'x>, Term<'x>, bool),
    Done(Ordering),
}

impl<'x> Maps<'x> {
    fn new(x: Map<'x>, y: Map<'x>, exact: bool, depth: usize) -> Maps<'x> {
        Maps {
            exact,
            depth,
            contest: Contest::of(&pairs(x), &pairs(y)),
            at: 0,
            asked: Asked::Nothing,
            best: 0,
            result: Ordering::Equal,
        }
    }

    /// Takes the answer to what was asked, and asks the next question.
    fn next(&mut self, answer: Ordering) -> MapsNext<'x> {
        match (
            std::mem::replace(&mut self.asked, Asked::Nothing),
            &self.contest,
        ) {
            (Asked::Nothing, _) => {}
            (Asked::Key, Contest::Values(entries)) => {
                let at = self.at - 1;
                if answer.is_lt() {
                    let (_, left, right) = entries[at];
                    self.asked = Asked::Values;
                    return MapsNext::Compare(left, right, self.exact);
                }
            }
            (Asked::Key, Contest::Keys(entries)) => {
                if answer.is_lt() {
                    self.best = self.at - 1;
                    self.result = entries[self.best].1;
                }
            }
            (Asked::Values, _) => {
                if answer.is_ne() {
                    self.best = self.at - 1;
                    self.result = answer;
                }
            }
        }
        let at = self.at;
        self.at += 1;
        match &self.contest {
            Contest::Values(entries) => match entries.get(at) {
                None => MapsNext::Done(self.result),
                Some(&(_, left, right)) if self.result.is_eq() => {
                    self.asked = Asked::Values;
                    MapsNext::Compare(left, right, self.exact)
                }
                Some(&(key, ..)) => {
                    self.asked = Asked::Key;
                    MapsNext::Compare(key, entries[self.best].0, true)
                }
            },
            Contest::Keys(entries) => match entries.get(at) {
                None => MapsNext::Done(self.result),
                Some(&(_, result)) if self.result.is_eq() => {
                    self.best = at;
                    self.result = result;
                    self.next(Ordering::Equal)
                }
                Some(&(key, _)) => {
                    self.asked = Asked::Key;
                    MapsNext::Compare(key, entries[self.best].0, true)
                }
            },
        }
    }
}

type Leaf<'x> = (Term<'x>, Term<'x>);

/// The associations `[Key|Value]` of a hash map, in the order of the keys' hashes.
pub(crate) fn leaves<'x>(map: Term<'x>) -> Vec<Term<'x>> {
    let Some(MapForm::Hash { size, children, .. }) = map.as_map().map(Map::form) else {
        unreachable!("maps of more than 32 keys are hash maps");
    };
    let mut leaves = Vec::with_capacity(size);
    let mut path: SmallVec<[&'x [Term<'x>]; 17]> = SmallVec::new();
    path.push(children);
    while let Some(top) = path.last_mut() {
        match top.split_first() {
            None => {
                path.pop();
            }
            Some((&first, rest)) => {
                *top = rest;
                match first.map_node() {
                    Some((_, below)) => path.push(below),
                    None => leaves.push(first),
                }
            }
        }
    }
    leaves
}

fn pairs<'x>(map: Map<'x>) -> Vec<Leaf<'x>> {
    leaves(map.term())
        .into_iter()
        .map(|leaf| (leaf.cell()[0], leaf.cell()[1]))
        .collect()
}

impl<'x> Contest<'x> {
    fn of(xs: &[Leaf<'x>], ys: &[Leaf<'x>]) -> Contest<'x> {
        let same = xs
            .iter()
            .zip(ys)
            .take_while(|(x, y)| x.0.exactly_equals(y.0))
            .count();
        let mut entries: Vec<_> = xs[..same]
            .iter()
            .zip(ys)
            .map(|(x, y)| (x.0, x.1, y.1))
            .collect();
        if same == xs.len() {
            return Contest::Values(entries);
        }
        let mut alone = Vec::new();
        join(&xs[same..], &ys[same..], &mut entries, &mut alone);
        if alone.is_empty() {
            Contest::Values(entries)
        } else {
            Contest::Keys(alone)
        }
    }
}

/// Finds which keys occur in both sequences, which are in the order of their keys' hashes.
fn join<'x>(
    xs: &[Leaf<'x>],
    ys: &[Leaf<'x>],
    both: &mut Vec<(Term<'x>, Term<'x>, Term<'x>)>,
    alone: &mut Vec<(Term<'x>, Ordering)>,
) {
    let with_hashes = |leaves: &[Leaf<'x>]| -> Vec<(u64, Leaf<'x>)> {
        leaves
            .iter()
            .map(|&leaf| (leaf.0.internal_hash(), leaf))
            .collect()
    };
    let (xs, ys) = (with_hashes(xs), with_hashes(ys));
    let (mut xs, mut ys) = (&xs[..], &ys[..]);
    while let Some(hash) = xs
        .first()
        .into_iter()
        .chain(ys.first())
        .map(|leaf| leaf.0)
        .min()
    {
        let group =
            |leaves: &[(u64, Leaf<'x>)]| leaves.iter().take_while(|leaf| leaf.0 == hash).count();
        let (of_x, of_y) = (group(xs), group(ys));
        let mut rest: SmallVec<[Leaf<'x>; 2]> = ys[..of_y].iter().map(|leaf| leaf.1).collect();
        for &(_, (key, value)) in &xs[..of_x] {
            match rest.iter().position(|other| other.0.exactly_equals(key)) {
                Some(at) => both.push((key, value, rest.swap_remove(at).1)),
                // A map with a smaller key comes first.
                None => alone.push((key, Ordering::Less)),
            }
        }
        alone.extend(rest.iter().map(|&(key, _)| (key, Ordering::Greater)));
        (xs, ys) = (&xs[of_x..], &ys[of_y..]);
    }
}
