//! Comparison and hashing until `term` has them; methods of the type itself take precedence over these.
#![allow(missing_docs, reason = "goes away")]
use crate::term::{Kind, Term};
use std::cmp::Ordering;

pub trait Standin<'h>: Copy {
    fn compare_keys(self, other: Term<'_>) -> Ordering;
    fn exactly_equals(self, other: Term<'_>) -> bool;
    fn internal_hash(self) -> u64;
}

fn rank(kind: &Kind<'_>) -> u8 {
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

impl<'h> Standin<'h> for Term<'h> {
    fn compare_keys(self, other: Term<'_>) -> Ordering {
        let (a, b) = (self.kind(), other.kind());
        rank(&a).cmp(&rank(&b)).then_with(|| match (a, b) {
            (Kind::Small(a), Kind::Small(b)) => a.cmp(&b),
            (Kind::Small(_), Kind::Big(b)) => {
                if b.negative {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (Kind::Big(b), Kind::Small(_)) => {
                if b.negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (Kind::Big(a), Kind::Big(b)) => match (a.negative, b.negative) {
                (false, true) => Ordering::Greater,
                (true, false) => Ordering::Less,
                (negative, _) => {
                    let by = a
                        .limbs
                        .len()
                        .cmp(&b.limbs.len())
                        .then_with(|| a.limbs.iter().rev().cmp(b.limbs.iter().rev()));
                    if negative { by.reverse() } else { by }
                }
            },
            (Kind::Float(a), Kind::Float(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Kind::Atom(a), Kind::Atom(b)) => a.compare(b),
            (Kind::Pid(a), Kind::Pid(b)) => a.cmp(&b),
            (Kind::Bits(a), Kind::Bits(b)) => a
                .aligned()
                .cmp(&b.aligned())
                .then(a.bit_len().cmp(&b.bit_len())),
            (Kind::Tuple(a), Kind::Tuple(b)) => a.arity().cmp(&b.arity()).then_with(|| {
                a.elements()
                    .iter()
                    .zip(b.elements())
                    .map(|(a, b)| a.compare_keys(*b))
                    .find(|o| o.is_ne())
                    .unwrap_or(Ordering::Equal)
            }),
            (Kind::Cons(a), Kind::Cons(b)) => a
                .head()
                .compare_keys(b.head())
                .then_with(|| a.tail().compare_keys(b.tail())),
            (Kind::Map(a), Kind::Map(b)) => a.len().cmp(&b.len()).then_with(|| {
                super::iter(a)
                    .zip(super::iter(b))
                    .map(|((ka, va), (kb, vb))| ka.compare_keys(kb).then(va.compare_keys(vb)))
                    .find(|o| o.is_ne())
                    .unwrap_or(Ordering::Equal)
            }),
            _ => self.word().cmp(&other.word()),
        })
    }
    fn exactly_equals(self, other: Term<'_>) -> bool {
        self.compare_keys(other).is_eq()
    }
    fn internal_hash(self) -> u64 {
        match self.kind() {
            Kind::Small(_) | Kind::Atom(_) | Kind::Pid(_) | Kind::Nil => {
                crate::numeric::hash::fast::word(self.word(), 7)
            }
            Kind::Bits(bits) => crate::numeric::hash::fast::bytes(&bits.aligned(), 9),
            Kind::Big(big) => crate::numeric::hash::fast::words(big.limbs, 3),
            other => crate::numeric::hash::fast::word(u64::from(rank(&other)), 1),
        }
    }
}
