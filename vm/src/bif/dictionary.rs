//! The process dictionary.

use super::{BifResult, Call};
use crate::term::Term;

crate::bifs! { "erlang":
    "put"/2      Plain put_2;
    "get"/0      Plain get_0;
    "get"/1      Plain get_1;
    "get_keys"/0 Plain get_keys_0;
    "get_keys"/1 Plain get_keys_1;
    "erase"/0    Plain erase_0;
    "erase"/1    Plain erase_1;
}

fn put_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let old = call.process().dictionary_put(call.arg(0), call.arg(1));
    Ok(old.unwrap_or(Term::UNDEFINED))
}

fn get_0<'p>(call: Call<'p>) -> BifResult<'p> {
    call.charge(call.process().dictionary_len());
    Ok(call.process().dictionary_list(call.heap))
}

fn get_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let value = call.process().dictionary_get(call.arg(0));
    Ok(value.unwrap_or(Term::UNDEFINED))
}

fn get_keys_0<'p>(call: Call<'p>) -> BifResult<'p> {
    call.charge(call.process().dictionary_len());
    Ok(call.process().dictionary_keys(call.heap, None))
}

fn get_keys_1<'p>(call: Call<'p>) -> BifResult<'p> {
    call.charge(call.process().dictionary_len());
    Ok(call.process().dictionary_keys(call.heap, Some(call.arg(0))))
}

fn erase_0<'p>(call: Call<'p>) -> BifResult<'p> {
    call.charge(call.process().dictionary_len());
    Ok(call.process().dictionary_clear())
}

fn erase_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let old = call.process().dictionary_erase(call.arg(0));
    Ok(old.unwrap_or(Term::UNDEFINED))
}
