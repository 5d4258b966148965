//! BIFs on tuples.

#![forbid(unsafe_code)]

use crate::bif::{BifResult, Call, Stop, badarg};
use crate::term::{Term, Tuple};

crate::bifs! { "erlang":
    "element"/2 Guard element_2;
    "setelement"/3 Plain setelement_3;
    "tuple_size"/1 Guard tuple_size_1;
    "size"/1 Guard size_1;
    "append_element"/2 Plain append_element_2;
    "delete_element"/2 Plain delete_element_2;
    "insert_element"/3 Plain insert_element_3;
    "make_tuple"/2 Plain make_tuple_2;
    "make_tuple"/3 Plain make_tuple_3;
    "tuple_to_list"/1 Plain tuple_to_list_1;
    "list_to_tuple"/1 Plain list_to_tuple_1;
}

/// The most elements a tuple can have (OTP: `MAX_ARITYVAL`).
const MAX_ARITY: usize = (1 << 24) - 1;

fn tuple<'p>(term: Term<'p>) -> Result<Tuple<'p>, Stop<'p>> {
    term.as_tuple().ok_or_else(badarg)
}

/// A position from 1 to `last`, as an index from 0.
fn index<'p>(term: Term<'p>, last: usize) -> Result<usize, Stop<'p>> {
    term.as_usize()
        .filter(|&index| (1..=last).contains(&index))
        .map(|index| index - 1)
        .ok_or_else(badarg)
}

fn element_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let elements = tuple(call.arg(1))?.elements();
    Ok(elements[index(call.arg(0), elements.len())?])
}

fn setelement_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let elements = tuple(call.arg(1))?.elements();
    let at = index(call.arg(0), elements.len())?;
    Ok(call.heap.tuple_with(elements, at, call.arg(2)))
}

fn tuple_size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    tuple(call.arg(0)).map(|tuple| Term::size(tuple.arity()))
}

fn size_1<'p>(call: Call<'p>) -> BifResult<'p> {
    if let Some(tuple) = call.arg(0).as_tuple() {
        return Ok(Term::size(tuple.arity()));
    }
    call.arg(0)
        .as_bits()
        .map(|bits| Term::size(bits.bit_len() / 8))
        .ok_or_else(badarg)
}

fn append_element_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut elements = tuple(call.arg(0))?.elements().to_vec();
    if elements.len() >= MAX_ARITY {
        return Err(badarg());
    }
    elements.push(call.arg(1));
    Ok(call.heap.tuple(&elements))
}

fn delete_element_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut elements = tuple(call.arg(1))?.elements().to_vec();
    let at = index(call.arg(0), elements.len())?;
    elements.remove(at);
    Ok(call.heap.tuple(&elements))
}

fn insert_element_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let mut elements = tuple(call.arg(1))?.elements().to_vec();
    let at = index(call.arg(0), elements.len() + 1)?;
    if elements.len() >= MAX_ARITY {
        return Err(badarg());
    }
    elements.insert(at, call.arg(2));
    Ok(call.heap.tuple(&elements))
}

fn arity<'p>(term: Term<'p>) -> Result<usize, Stop<'p>> {
    term.as_usize()
        .filter(|&arity| arity <= MAX_ARITY)
        .ok_or_else(badarg)
}

fn make_tuple_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let arity = arity(call.arg(0))?;
    call.charge(arity / 100);
    Ok(call.heap.tuple(&vec![call.arg(1); arity]))
}

fn make_tuple_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let arity = arity(call.arg(0))?;
    let mut elements = vec![call.arg(1); arity];
    for pair in call.arg(2).proper_list().ok_or_else(badarg)? {
        let [position, value] = pair.as_tuple_of().ok_or_else(badarg)?;
        elements[index(position, arity)?] = value;
    }
    call.charge(arity / 100);
    Ok(call.heap.tuple(&elements))
}

fn tuple_to_list_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let elements = tuple(call.arg(0))?.elements();
    call.charge(elements.len() / 100);
    Ok(call.heap.list(elements))
}

fn list_to_tuple_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let elements = call.arg(0).proper_list().ok_or_else(badarg)?;
    if elements.len() > MAX_ARITY {
        return Err(badarg());
    }
    call.charge(elements.len() / 100);
    Ok(call.heap.tuple(&elements))
}
