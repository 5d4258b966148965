//! Work in progress: how a long BIF gives way and goes on.
//!
//! A BIF whose slice is used up yields ([`Trap::Yield`]) and is called again with its first argument replaced
//! by a tuple: a magic reference to Rust state that only this module can make, the argument as the caller
//! gave it, and terms that are still needed. [`resumed`] takes such a tuple apart again, and [`as_given`] lets
//! exceptions show the caller's argument.

#![forbid(unsafe_code)]

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::bif::{Call, Stop, Trap};
use crate::process::flags::Flag;
use crate::reference;
use crate::term::Term;

/// State that is taken out when the BIF goes on.
struct Parked<S>(Mutex<Option<S>>);

/// What a first argument that stands for work in progress is made of.
fn parked(first: Term<'_>) -> Option<&[Term<'_>]> {
    let elements = first.as_tuple()?.elements();
    (elements.len() >= 2 && elements[0].resource::<Mark>().is_some()).then_some(elements)
}

/// What the first element of the tuple refers to: the state, behind a type that all kinds of it share.
struct Mark(Box<dyn std::any::Any + Send + Sync>);

/// Gives way; the BIF is called again with `state` and `terms` in its first argument.
#[cold]
pub fn give_way<'p, S: Send + 'static>(call: Call<'p>, state: S, terms: &[Term<'p>]) -> Stop<'p> {
    Trap::Yield {
        args: park(call, state, terms),
    }
    .into()
}

/// Waits for a signal; then the BIF is called again as after [`give_way`].
#[cold]
pub fn wait<'p, S: Send + 'static>(call: Call<'p>, state: S, terms: &[Term<'p>]) -> Stop<'p> {
    call.process().flags.set(Flag::Works, true);
    Trap::Wait {
        args: park(call, state, terms),
    }
    .into()
}

/// The arguments of the next call.
fn park<'p, S: Send + 'static>(
    call: Call<'p>,
    state: S,
    terms: &[Term<'p>],
) -> SmallVec<[Term<'p>; 4]> {
    let state = Mark(Box::new(Parked(Mutex::new(Some(state)))));
    let reference = call
        .heap
        .magic_ref(std::sync::Arc::new(state), reference::next());
    let mut elements: SmallVec<[Term<'p>; 8]> = SmallVec::new();
    elements.push(reference);
    elements.push(original(call));
    elements.extend_from_slice(terms);
    let mut args: SmallVec<[Term<'p>; 4]> = SmallVec::from_slice(call.args());
    args[0] = call.heap.tuple(&elements);
    args
}

/// The state and the terms of a call that gave way before; none in a first call.
#[inline]
pub fn resumed<'p, S: Send + 'static>(call: Call<'p>) -> Option<(S, &'p [Term<'p>])> {
    let elements = parked(*call.args().first()?)?;
    let state = elements[0]
        .resource::<Mark>()?
        .0
        .downcast_ref::<Parked<S>>()?
        .0
        .lock()
        .take()?;
    call.process().flags.set(Flag::Works, false);
    Some((state, &elements[2..]))
}

/// The first argument as the caller gave it.
pub fn original<'p>(call: Call<'p>) -> Term<'p> {
    as_given(call.arg(0))
}

/// A first argument as the caller gave it: for the stack trace of an exception.
pub fn as_given(first: Term<'_>) -> Term<'_> {
    parked(first).map_or(first, |elements| elements[1])
}
