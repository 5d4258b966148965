//! `=:=` and `==`, without an order.
//!
//! Whatever is not decided by a word or an object's own data are pairs of words that must be equal in their
//! turn; these wait on a stack. Equal maps have the same form (their tries are over the hashes of their
//! keys), so that they too are compared piece by piece; only keys whose hashes are equal to the last bit may
//! stand in any order.

use smallvec::SmallVec;

use super::compare;
use super::views::terms;
use super::word::{self, BoxedKind};
use super::{Kind, Term};
use crate::numeric::big;

/// Whether two terms are exactly equal, where their own words or tuples of immediates tell.
#[inline(always)]
fn at_a_glance(a: Term<'_>, b: Term<'_>) -> Option<bool> {
    if a.same(b) {
        return Some(true);
    }
    if (a.word() ^ b.word()) & word::TAG_MASK != 0 {
        return Some(false);
    }
    if !word::is_boxed(a.word()) {
        return word::is_immediate(a.word()).then_some(false);
    }
    let header = a.header();
    if word::header_kind(header) != BoxedKind::Tuple {
        return None;
    }
    if header != b.header() {
        return Some(false);
    }
    for (x, y) in a.payload().iter().zip(b.payload()) {
        if x != y {
            return (word::is_immediate(*x) || word::is_immediate(*y)).then_some(false);
        }
    }
    Some(true)
}

/// What is still to be compared.
enum Pending<'x> {
    /// Terms, pairwise.
    Terms(&'x [Term<'x>], &'x [Term<'x>]),
    /// Children of nodes of hash maps, whose keys must be exactly equal (for `==` only).
    Children(&'x [Term<'x>], &'x [Term<'x>]),
}

/// What a look at two objects told.
enum Verdict<'x> {
    Equal,
    Unequal,
    If(Pending<'x>),
}

impl Verdict<'_> {
    fn of(equal: bool) -> Self {
        if equal {
            Verdict::Equal
        } else {
            Verdict::Unequal
        }
    }
}

/// Whether two terms are equal: `=:=` if `EXACT`, else `==`.
pub(super) fn equal<'x, const EXACT: bool>(mut a: Term<'x>, mut b: Term<'x>) -> bool {
    if EXACT && let Some(equal) = at_a_glance(a, b) {
        return equal;
    }
    let mut pending: SmallVec<[Pending<'x>; 8]> = SmallVec::new();
    loop {
        if !a.same(b) {
            match look::<EXACT>(a, b) {
                Verdict::Equal => {}
                Verdict::Unequal => return false,
                Verdict::If(more) => pending.push(more),
            }
        }
        (a, b) = loop {
            match pending.last_mut() {
                None => return true,
                Some(Pending::Terms(xs, ys)) => match next_different(xs, ys) {
                    Some(pair) => {
                        // The last pair needs no place on the stack: lists of any length do with one.
                        if xs.is_empty() {
                            pending.pop();
                        }
                        break pair;
                    }
                    None => {
                        pending.pop();
                    }
                },
                Some(Pending::Children(xs, ys)) => match next_different(xs, ys) {
                    None => {
                        pending.pop();
                    }
                    Some((x, y)) => match (x.as_cons(), y.as_cons()) {
                        (Some(x), Some(y)) => {
                            if !x.head().exactly_equals(y.head()) {
                                return false;
                            }
                            break (x.tail(), y.tail());
                        }
                        (None, None) => break (x, y),
                        _ => return false,
                    },
                },
            }
        };
    }
}

/// Takes pairs off both slices up to the first whose words differ.
#[inline(always)]
fn next_different<'x>(
    xs: &mut &'x [Term<'x>],
    ys: &mut &'x [Term<'x>],
) -> Option<(Term<'x>, Term<'x>)> {
    while let (Some((&x, rest)), Some((&y, others))) = (xs.split_first(), ys.split_first()) {
        (*xs, *ys) = (rest, others);
        if !x.same(y) {
            return Some((x, y));
        }
    }
    None
}

/// Compares two terms whose words differ, as far as their own words tell.
#[inline]
fn look<'x, const EXACT: bool>(a: Term<'x>, b: Term<'x>) -> Verdict<'x> {
    if word::is_cons(a.word()) && word::is_cons(b.word()) {
        return Verdict::If(Pending::Terms(a.cell(), b.cell()));
    }
    if !word::is_boxed(a.word()) || !word::is_boxed(b.word()) {
        return Verdict::of(!EXACT && numbers_equal(a, b));
    }
    let (header, other) = (a.header(), b.header());
    let (xs, ys) = (a.payload(), b.payload());
    match word::header_kind(header) {
        BoxedKind::Tuple => match header == other {
            true => Verdict::If(Pending::Terms(terms(xs), terms(ys))),
            false => Verdict::Unequal,
        },
        BoxedKind::BigPositive | BoxedKind::BigNegative => Verdict::of(if header == other {
            xs == ys
        } else {
            !EXACT && numbers_equal(a, b)
        }),
        BoxedKind::Float => Verdict::of(if header == other {
            let (x, y) = (f64::from_bits(xs[0]), f64::from_bits(ys[0]));
            if EXACT {
                compare::floats_exactly(x, y).is_eq()
            } else {
                x == y
            }
        } else {
            !EXACT && numbers_equal(a, b)
        }),
        BoxedKind::FlatMap | BoxedKind::HashMap | BoxedKind::HashNode if header != other => {
            Verdict::Unequal
        }
        BoxedKind::FlatMap => maps_of_one_size::<EXACT>(terms(xs), terms(ys)),
        BoxedKind::HashMap => match xs[..2] == ys[..2] {
            true => children::<EXACT>(terms(&xs[2..]), terms(&ys[2..])),
            false => Verdict::Unequal,
        },
        BoxedKind::HashNode if xs[0] != ys[0] => Verdict::Unequal,
        BoxedKind::HashNode => {
            let (xs, ys) = (terms(xs), terms(ys));
            if xs[0].same(Term::int(0)) {
                Verdict::of(buckets_equal::<EXACT>(&xs[1..], &ys[1..]))
            } else {
                children::<EXACT>(&xs[1..], &ys[1..])
            }
        }
        BoxedKind::HeapBits | BoxedKind::RefBin | BoxedKind::SubBits | BoxedKind::MatchContext => {
            Verdict::of(match (a.as_bits(), b.as_bits()) {
                (Some(x), Some(y)) => x.same_bits(y),
                _ => false,
            })
        }
        BoxedKind::Fun => match (a.kind(), b.kind()) {
            (Kind::Fun(x), Kind::Fun(y)) if compare::fun_entries(x, y).is_eq() => {
                Verdict::If(Pending::Terms(x.env(), y.env()))
            }
            _ => Verdict::Unequal,
        },
        BoxedKind::ExportFun | BoxedKind::ExternalPid | BoxedKind::ExternalPort => {
            Verdict::of(header == other && xs == ys)
        }
        BoxedKind::Ref | BoxedKind::MagicRef | BoxedKind::ExternalRef => {
            Verdict::of(compare::references(a, b).is_some_and(std::cmp::Ordering::is_eq))
        }
    }
}

/// The keys' tuple and the values of both.
fn maps_of_one_size<'x, const EXACT: bool>(xs: &'x [Term<'x>], ys: &'x [Term<'x>]) -> Verdict<'x> {
    if EXACT {
        return Verdict::If(Pending::Terms(xs, ys));
    }
    match xs[0].exactly_equals(ys[0]) {
        true => Verdict::If(Pending::Terms(&xs[1..], &ys[1..])),
        false => Verdict::Unequal,
    }
}

fn children<'x, const EXACT: bool>(xs: &'x [Term<'x>], ys: &'x [Term<'x>]) -> Verdict<'x> {
    // With `=:=` keys and values are compared alike, so a leaf is a cell as any other.
    Verdict::If(if EXACT {
        Pending::Terms(xs, ys)
    } else {
        Pending::Children(xs, ys)
    })
}

/// Leaves whose keys have the same hash, in any order: too rare and too few to be clever about.
#[cold]
fn buckets_equal<const EXACT: bool>(xs: &[Term<'_>], ys: &[Term<'_>]) -> bool {
    xs.iter().filter_map(|x| x.as_cons()).all(|x| {
        ys.iter()
            .filter_map(|y| y.as_cons())
            .find(|y| x.head().exactly_equals(y.head()))
            .is_some_and(|y| {
                if EXACT {
                    x.tail().exactly_equals(y.tail())
                } else {
                    x.tail().equals(y.tail())
                }
            })
    })
}

/// Whether both are numbers, of which one is a float, and equal.
fn numbers_equal(a: Term<'_>, b: Term<'_>) -> bool {
    match (a.kind(), b.kind()) {
        (Kind::Small(a), Kind::Float(b)) | (Kind::Float(b), Kind::Small(a)) => {
            big::cmp_i64_f64(a, b).is_eq()
        }
        (Kind::Big(a), Kind::Float(b)) | (Kind::Float(b), Kind::Big(a)) => {
            big::cmp_f64(a, b).is_eq()
        }
        _ => false,
    }
}
