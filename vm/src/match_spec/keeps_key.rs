//! Whether the results of a specification have the keys of the objects that they replace.
//!
//! `ets:select_replace/2` demands that this can be seen from the specification alone. OTP 25: a result is `'$_'`, or
//! a tuple or constant whose key is written as the head's key is, or is `{element, KeyPosition, '$_'}`.

use super::MatchSpec;
use super::compile::variable;
use crate::atom::Atom;
use crate::term::Term;

impl MatchSpec {
    /// Whether every clause gives an object with the key of the one that matched. `position`: of the key, from 0.
    pub fn keeps_key(&self, position: usize) -> bool {
        let Some(clauses) = self.source().proper_list() else {
            return false;
        };
        clauses.into_iter().all(|clause| {
            clause
                .as_tuple_of::<3>()
                .is_some_and(|[head, _, body]| clause_keeps_key(head, body, position))
        })
    }
}

fn clause_keeps_key(head: Term<'_>, body: Term<'_>, position: usize) -> bool {
    let Some([result]) = body
        .proper_list()
        .as_deref()
        .map(|list| <[Term<'_>; 1]>::try_from(list).ok())
        .unwrap_or_default()
    else {
        return false;
    };
    if is_whole(result) {
        return true;
    }
    let (constant, built) = match result.as_tuple().map(|tuple| tuple.elements()) {
        Some(&[word, built]) if word.is_atom(crate::atom!("const")) => (true, built),
        Some(&[built]) => (false, built),
        _ => return false,
    };
    let (Some(matched), Some(new)) = (element(head, position), element(built, position)) else {
        return false;
    };
    if writes_what_matched(matched, new, constant) {
        return true;
    }
    let is_element = new
        .as_tuple_of::<3>()
        .is_some_and(|[function, at, object]| {
            function.is_atom(crate::atom!("element"))
                && at.as_usize() == Some(position + 1)
                && is_whole(object)
        });
    !constant && is_element
}

/// An element of a tuple, from 0.
fn element(tuple: Term<'_>, position: usize) -> Option<Term<'_>> {
    tuple.as_tuple()?.elements().get(position).copied()
}

/// Whether an expression of a body gives the very term that a pattern matched. `constant`: it stands for itself.
fn writes_what_matched(pattern: Term<'_>, expression: Term<'_>, constant: bool) -> bool {
    let mut open = vec![(pattern, expression, constant)];
    while let Some((pattern, expression, constant)) = open.pop() {
        if let Some(cell) = expression.as_cons() {
            let Some(matched) = pattern.as_cons() else {
                return false;
            };
            open.push((matched.tail(), cell.tail(), constant));
            open.push((matched.head(), cell.head(), constant));
        } else if let Some(tuple) = expression.as_tuple() {
            let elements = match (constant, tuple.elements()) {
                (true, elements) => elements,
                (false, &[word, inner]) if word.is_atom(crate::atom!("const")) => {
                    open.push((pattern, inner, true));
                    continue;
                }
                (false, &[inner]) if inner.as_tuple().is_some() => {
                    inner.as_tuple().expect("it was seen to be one").elements()
                }
                // A call of a function.
                _ => return false,
            };
            let Some(matched) = pattern.as_tuple().map(|tuple| tuple.elements()) else {
                return false;
            };
            if matched.len() != elements.len() {
                return false;
            }
            open.extend(
                matched
                    .iter()
                    .zip(elements)
                    .map(|(&pattern, &element)| (pattern, element, constant)),
            );
        } else if expression.as_map().is_some() || !pattern.exactly_equals(expression) {
            // A map in a pattern matches maps with more in them.
            return false;
        } else if let Some(atom) = pattern.as_atom()
            && (stands_for_several(atom) || (constant && variable(atom).is_some()))
        {
            return false;
        }
    }
    true
}

fn is_whole(term: Term<'_>) -> bool {
    term.is_atom(crate::atom!("$_"))
}

/// Atoms that are no variable and still stand for something else in heads or bodies.
fn stands_for_several(atom: Atom) -> bool {
    matches!(atom.name(), "_" | "$$" | "$_")
}
