//! The operators and type tests of module `erlang` as functions: what `apply` and guards without an
//! instruction of their own reach.

#![forbid(unsafe_code)]

use crate::arithmetic;
use crate::atom::{Atom, well_known};
use crate::bif::{BifResult, Call, Stop, badarg, badarith, error};
use crate::numeric::big::ArithError;
use crate::term::{Kind, Term};

crate::bifs! { "erlang":
    "+"/1 Guard plus_1;
    "+"/2 Guard add_2;
    "-"/1 Guard negate_1;
    "-"/2 Guard sub_2;
    "*"/2 Guard mul_2;
    "/"/2 Guard divide_2;
    "div"/2 Guard div_2;
    "rem"/2 Guard rem_2;
    "band"/2 Guard band_2;
    "bor"/2 Guard bor_2;
    "bxor"/2 Guard bxor_2;
    "bsl"/2 Guard bsl_2;
    "bsr"/2 Guard bsr_2;
    "bnot"/1 Guard bnot_1;
    "abs"/1 Guard abs_1;
    "and"/2 Guard and_2;
    "or"/2 Guard or_2;
    "xor"/2 Guard xor_2;
    "not"/1 Guard not_1;
    "<"/2 Guard less_2;
    "=<"/2 Guard at_most_2;
    ">"/2 Guard greater_2;
    ">="/2 Guard at_least_2;
    "=="/2 Guard equal_2;
    "/="/2 Guard different_2;
    "=:="/2 Guard exactly_equal_2;
    "=/="/2 Guard exactly_different_2;
    "is_atom"/1 Guard is_atom_1;
    "is_binary"/1 Guard is_binary_1;
    "is_bitstring"/1 Guard is_bitstring_1;
    "is_boolean"/1 Guard is_boolean_1;
    "is_float"/1 Guard is_float_1;
    "is_function"/1 Guard is_function_1;
    "is_function"/2 Guard is_function_2;
    "is_integer"/1 Guard is_integer_1;
    "is_list"/1 Guard is_list_1;
    "is_map"/1 Guard is_map_1;
    "is_number"/1 Guard is_number_1;
    "is_pid"/1 Guard is_pid_1;
    "is_port"/1 Guard is_port_1;
    "is_record"/2 Guard is_record_2;
    "is_record"/3 Guard is_record_3;
    "is_reference"/1 Guard is_reference_1;
    "is_tuple"/1 Guard is_tuple_1;
}

fn computed<'p>(result: Result<Term<'p>, ArithError>) -> BifResult<'p> {
    result.map_err(|fault| match fault {
        ArithError::Badarith => badarith(),
        ArithError::SystemLimit => error(well_known::SYSTEM_LIMIT),
    })
}

macro_rules! binary_operators {
    ($($name:ident $operation:ident;)*) => {
        $(fn $name<'p>(call: Call<'p>) -> BifResult<'p> {
            computed(arithmetic::$operation(call.heap, call.arg(0), call.arg(1)))
        })*
    };
}

binary_operators! {
    add_2 add;
    sub_2 sub;
    mul_2 mul;
    divide_2 divide;
    div_2 div;
    rem_2 rem;
    band_2 band;
    bor_2 bor;
    bxor_2 bxor;
    bsl_2 bsl;
    bsr_2 bsr;
}

fn plus_1<'p>(call: Call<'p>) -> BifResult<'p> {
    match call.arg(0).kind() {
        Kind::Small(_) | Kind::Big(_) | Kind::Float(_) => Ok(call.arg(0)),
        _ => Err(badarith()),
    }
}

fn negate_1<'p>(call: Call<'p>) -> BifResult<'p> {
    computed(arithmetic::negate(call.heap, call.arg(0)))
}

fn bnot_1<'p>(call: Call<'p>) -> BifResult<'p> {
    computed(arithmetic::bnot(call.heap, call.arg(0)))
}

fn abs_1<'p>(call: Call<'p>) -> BifResult<'p> {
    arithmetic::abs(call.heap, call.arg(0)).map_err(|_| badarg())
}

fn booleans<'p>(call: Call<'p>) -> Result<(bool, bool), Stop<'p>> {
    Ok((
        call.arg(0).as_bool().ok_or_else(badarg)?,
        call.arg(1).as_bool().ok_or_else(badarg)?,
    ))
}

fn and_2<'p>(call: Call<'p>) -> BifResult<'p> {
    booleans(call).map(|(a, b)| Term::bool(a && b))
}

fn or_2<'p>(call: Call<'p>) -> BifResult<'p> {
    booleans(call).map(|(a, b)| Term::bool(a || b))
}

fn xor_2<'p>(call: Call<'p>) -> BifResult<'p> {
    booleans(call).map(|(a, b)| Term::bool(a != b))
}

fn not_1<'p>(call: Call<'p>) -> BifResult<'p> {
    call.arg(0)
        .as_bool()
        .map(|value| Term::bool(!value))
        .ok_or_else(badarg)
}

macro_rules! comparisons {
    ($($name:ident |$a:ident, $b:ident| $holds:expr;)*) => {
        $(fn $name<'p>(call: Call<'p>) -> BifResult<'p> {
            let ($a, $b) = (call.arg(0), call.arg(1));
            Ok(Term::bool($holds))
        })*
    };
}

comparisons! {
    less_2 |a, b| a.compare(b).is_lt();
    at_most_2 |a, b| a.compare(b).is_le();
    greater_2 |a, b| a.compare(b).is_gt();
    at_least_2 |a, b| a.compare(b).is_ge();
    equal_2 |a, b| a.equals(b);
    different_2 |a, b| !a.equals(b);
    exactly_equal_2 |a, b| a.exactly_equals(b);
    exactly_different_2 |a, b| !a.exactly_equals(b);
}

macro_rules! type_tests {
    ($($name:ident => $pattern:pat,)*) => {
        $(fn $name<'p>(call: Call<'p>) -> BifResult<'p> {
            Ok(Term::bool(matches!(call.arg(0).kind(), $pattern)))
        })*
    };
}

type_tests! {
    is_atom_1 => Kind::Atom(_),
    is_bitstring_1 => Kind::Bits(_),
    is_float_1 => Kind::Float(_),
    is_function_1 => Kind::Fun(_) | Kind::Export(_),
    is_integer_1 => Kind::Small(_) | Kind::Big(_),
    is_list_1 => Kind::Nil | Kind::Cons(_),
    is_map_1 => Kind::Map(_),
    is_number_1 => Kind::Small(_) | Kind::Big(_) | Kind::Float(_),
    is_pid_1 => Kind::Pid(_) | Kind::ExternalPid(_),
    is_port_1 => Kind::Port(_) | Kind::ExternalPort(_),
    is_reference_1 => Kind::Ref(_) | Kind::ExternalRef(_),
    is_tuple_1 => Kind::Tuple(_),
}

fn is_binary_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::bool(
        call.arg(0).as_bits().is_some_and(|bits| bits.is_binary()),
    ))
}

fn is_boolean_1<'p>(call: Call<'p>) -> BifResult<'p> {
    Ok(Term::bool(call.arg(0).as_bool().is_some()))
}

fn is_function_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let arity = match call.arg(1).kind() {
        Kind::Small(arity) => u64::try_from(arity).map_err(|_| badarg())?,
        Kind::Big(big) if !big.negative => u64::MAX,
        _ => return Err(badarg()),
    };
    let holds = match call.arg(0).kind() {
        Kind::Fun(fun) => u64::from(fun.entry().id.arity) == arity,
        Kind::Export(export) => u64::from(export.mfa.arity) == arity,
        _ => false,
    };
    Ok(Term::bool(holds))
}

fn is_tagged(tuple: Term<'_>, tag: Atom) -> bool {
    tuple.as_tuple().is_some_and(|tuple| {
        tuple
            .elements()
            .first()
            .is_some_and(|first| first.is_atom(tag))
    })
}

fn is_record_2<'p>(call: Call<'p>) -> BifResult<'p> {
    let tag = call.arg(1).as_atom().ok_or_else(badarg)?;
    Ok(Term::bool(is_tagged(call.arg(0), tag)))
}

fn is_record_3<'p>(call: Call<'p>) -> BifResult<'p> {
    let tag = call.arg(1).as_atom().ok_or_else(badarg)?;
    let Kind::Small(arity) = call.arg(2).kind() else {
        return Err(badarg());
    };
    let arity = usize::try_from(arity).map_err(|_| badarg())?;
    let has_arity = call
        .arg(0)
        .as_tuple()
        .is_some_and(|tuple| tuple.arity() == arity);
    Ok(Term::bool(has_arity && is_tagged(call.arg(0), tag)))
}
