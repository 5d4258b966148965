//! Module `math`: the functions of C's library, with `badarith` where a result is no finite number.
//!
//! Programs see every bit of a result, so it is the very library that the stock VM calls: those functions that
//! Rust computes by itself or does not have are called by name.

use crate::arithmetic::to_float;
use crate::bif::{BifResult, Call, badarg, badarith};
use crate::term::Kind;

crate::bifs! { "math":
    "acos"/1 Plain acos_1;
    "acosh"/1 Plain acosh_1;
    "asin"/1 Plain asin_1;
    "asinh"/1 Plain asinh_1;
    "atan"/1 Plain atan_1;
    "atan2"/2 Plain atan2_2;
    "atanh"/1 Plain atanh_1;
    "ceil"/1 Plain ceil_1;
    "cos"/1 Plain cos_1;
    "cosh"/1 Plain cosh_1;
    "erf"/1 Plain erf_1;
    "erfc"/1 Plain erfc_1;
    "exp"/1 Plain exp_1;
    "floor"/1 Plain floor_1;
    "fmod"/2 Plain fmod_2;
    "log"/1 Plain log_1;
    "log10"/1 Plain log10_1;
    "log2"/1 Plain log2_1;
    "pow"/2 Plain pow_2;
    "sin"/1 Plain sin_1;
    "sinh"/1 Plain sinh_1;
    "sqrt"/1 Plain sqrt_1;
    "tan"/1 Plain tan_1;
    "tanh"/1 Plain tanh_1;
}

// SAFETY: functions of C's mathematical library take numbers, return numbers, and touch nothing but `errno`.
unsafe extern "C" {
    safe fn acosh(value: f64) -> f64;
    safe fn asinh(value: f64) -> f64;
    safe fn atanh(value: f64) -> f64;
    safe fn erf(value: f64) -> f64;
    safe fn erfc(value: f64) -> f64;
}

fn finite<'p>(call: Call<'p>, value: f64) -> BifResult<'p> {
    if value.is_finite() {
        Ok(call.heap.float(value))
    } else {
        Err(badarith())
    }
}

/// The value of an argument: `badarg` for what is no number, `badarith` for one too large.
fn argument<'p>(call: Call<'p>, index: usize) -> Result<f64, crate::bif::Stop<'p>> {
    let term = call.arg(index);
    match term.kind() {
        Kind::Small(_) | Kind::Float(_) | Kind::Big(_) => to_float(term).ok_or_else(badarith),
        _ => Err(badarg()),
    }
}

macro_rules! functions {
    ($($name:ident |$value:ident| $result:expr;)*) => {
        $(fn $name<'p>(call: Call<'p>) -> BifResult<'p> {
            let $value = argument(call, 0)?;
            finite(call, $result)
        })*
    };
}

functions! {
    acos_1 |x| x.acos();
    acosh_1 |x| acosh(x);
    asin_1 |x| x.asin();
    asinh_1 |x| asinh(x);
    atan_1 |x| x.atan();
    atanh_1 |x| atanh(x);
    cos_1 |x| x.cos();
    cosh_1 |x| x.cosh();
    erf_1 |x| erf(x);
    erfc_1 |x| erfc(x);
    exp_1 |x| x.exp();
    log_1 |x| x.ln();
    log10_1 |x| x.log10();
    log2_1 |x| x.log2();
    sin_1 |x| x.sin();
    sinh_1 |x| x.sinh();
    sqrt_1 |x| x.sqrt();
    tan_1 |x| x.tan();
    tanh_1 |x| x.tanh();
    ceil_1 |x| x.ceil();
    floor_1 |x| x.floor();
}

fn atan2_2<'p>(call: Call<'p>) -> BifResult<'p> {
    finite(call, argument(call, 0)?.atan2(argument(call, 1)?))
}

fn fmod_2<'p>(call: Call<'p>) -> BifResult<'p> {
    finite(call, argument(call, 0)? % argument(call, 1)?)
}

fn pow_2<'p>(call: Call<'p>) -> BifResult<'p> {
    finite(call, argument(call, 0)?.powf(argument(call, 1)?))
}

#[cfg(test)]
mod tests {
    use crate::bif::testing::compare;
    use crate::numeric::oracle::Dice;

    #[test]
    fn functions_are_those_of_the_stock_vm() {
        let mut dice = Dice::new(8);
        let names = [
            "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "erf",
            "erfc", "exp", "floor", "log", "log10", "log2", "sin", "sinh", "sqrt", "tan", "tanh",
        ];
        let special = [
            "0", "0.0", "1", "-1", "1.0", "-1.0", "0.5", "2", "1000", "-1000.0", "a", "[]",
            "1.0e300",
        ];
        let mut calls = Vec::new();
        for name in names {
            for value in special {
                calls.push(format!("math:{name}({value})"));
            }
            for _ in 0..40 {
                let scale = [1.0, 10.0, 0.001][dice.below(3)];
                let value = (dice.below(2_000_001) as f64 / 1e6 - 1.0) * scale;
                calls.push(format!("math:{name}({value:?})"));
            }
        }
        for name in ["atan2", "fmod", "pow"] {
            for a in special {
                for b in special {
                    calls.push(format!("math:{name}({a},{b})"));
                }
            }
        }
        compare(&calls);
    }
}
