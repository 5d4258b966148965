//! Where, in the order of terms, the keys lie that a pattern with variables can match.
//!
//! A key pattern such as `{a, '$1'}` is compared with keys from left to right up to its first variable. Keys that do
//! not differ before it lie next to each other in an ordered table, and only they can match.

use std::cmp::Ordering;

use super::run::term;
use super::{MatchOp, MatchSpec};
use crate::term::{Kind, Term};

/// A key of which the beginning is known: steps of a head, from the key on.
#[derive(Clone, Copy)]
pub struct KeyRange<'s>(&'s [MatchOp]);

impl MatchSpec {
    /// The range of the keys that can match, where a pattern for one at `position` (from 0) narrows it.
    pub fn key_range(&self, position: usize) -> Option<KeyRange<'_>> {
        let steps = self.key_steps(position)?;
        let narrows = matches!(
            steps.first()?,
            MatchOp::Equal(_) | MatchOp::Tuple(_) | MatchOp::Cons
        );
        narrows.then_some(KeyRange(steps))
    }
}

impl KeyRange<'_> {
    /// How the range lies to a key: equal where it holds it.
    pub fn compare(&self, key: Term<'_>) -> Ordering {
        let mut open = vec![key];
        for step in self.0 {
            let Some(part) = open.pop() else {
                break;
            };
            let order = match step {
                MatchOp::Equal(constant) => term(*constant).compare(part),
                MatchOp::Tuple(arity) => match part.kind() {
                    Kind::Tuple(tuple) => {
                        open.extend(tuple.elements().iter().rev());
                        arity.cmp(&tuple.arity())
                    }
                    Kind::Map(_) | Kind::Nil | Kind::Cons(_) | Kind::Bits(_) => Ordering::Less,
                    _ => Ordering::Greater,
                },
                MatchOp::Cons => match part.kind() {
                    Kind::Cons(cell) => {
                        open.extend([cell.tail(), cell.head()]);
                        Ordering::Equal
                    }
                    Kind::Bits(_) => Ordering::Less,
                    _ => Ordering::Greater,
                },
                // A variable: what follows decides nothing. A map may be any that has more in it.
                MatchOp::Any | MatchOp::Bind(_) | MatchOp::Same(_) | MatchOp::Map(_) => break,
            };
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}
