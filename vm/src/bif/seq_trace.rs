//! `erlang:seq_trace/2` and its relatives: what module `seq_trace` is made of.

use super::{BifResult, Call, badarg};
use crate::term::Term;
use crate::trace::sequential;

crate::bifs! { "erlang":
    "seq_trace"/2       Plain seq_trace_2;
    "seq_trace_info"/1  Plain seq_trace_info_1;
    "seq_trace_print"/1 Plain seq_trace_print_1;
    "seq_trace_print"/2 Plain seq_trace_print_2;
}

fn seq_trace_2<'p>(call: Call<'p>) -> BifResult<'p> {
    sequential::set(call.process(), call.arg(0), call.arg(1), true).ok_or_else(badarg)
}

fn seq_trace_info_1<'p>(call: Call<'p>) -> BifResult<'p> {
    sequential::info(call.process(), call.arg(0)).ok_or_else(badarg)
}

fn seq_trace_print_1<'p>(call: Call<'p>) -> BifResult<'p> {
    let printed = sequential::print(call.process(), None, call.arg(0));
    Ok(Term::bool(printed))
}

fn seq_trace_print_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let printed = sequential::print(call.process(), Some(call.arg(0)), call.arg(1));
    Ok(Term::bool(printed))
}
