//! Maps.
use crate::heap::Heap;
use crate::term::{Map, Term};
/// The value of a key.
pub fn get<'h>(map: Map<'h>, key: Term<'_>) -> Option<Term<'h>> {
    let _ = (map, key);
    None
}
/// A map with associations added or replaced.
pub fn put_many<'h>(heap: Heap<'h>, map: Map<'h>, pairs: &[(Term<'h>, Term<'h>)]) -> Term<'h> {
    let _ = (heap, pairs);
    map.term()
}
/// A map with associations replaced; the key that is absent otherwise.
pub fn update_many<'h>(
    heap: Heap<'h>,
    map: Map<'h>,
    pairs: &[(Term<'h>, Term<'h>)],
) -> Result<Term<'h>, Term<'h>> {
    let _ = (heap, pairs);
    Ok(map.term())
}
