//! Arithmetic on terms: what the operators of the language do with integers of any size and floats.
//!
//! Both the instructions and the BIFs of module `erlang` end here when an operand or the result is not a
//! small integer.

use crate::heap::Heap;
use crate::numeric::big::{self, ArithError, BigBuf, BigRef, SmallLimb};
use crate::term::{Kind, Term};

/// An operand, taken apart.
#[derive(Clone, Copy)]
enum Number<'h> {
    Small(SmallLimb),
    Big(BigRef<'h>),
    Float(f64),
}

/// An integer operand of either size.
#[derive(Clone, Copy)]
pub enum Integer<'h> {
    /// It fits a limb.
    Small(SmallLimb),
    /// It does not.
    Big(BigRef<'h>),
}

impl<'h> Integer<'h> {
    /// The integer, if the term is one.
    pub fn of(term: Term<'h>) -> Option<Integer<'h>> {
        match term.kind() {
            Kind::Small(value) => Some(Integer::Small(SmallLimb::new(value))),
            Kind::Big(big) => Some(Integer::Big(big)),
            _ => None,
        }
    }

    /// Its limbs.
    pub fn view(&self) -> BigRef<'_> {
        match self {
            Integer::Small(limb) => limb.view(),
            Integer::Big(big) => *big,
        }
    }
}

fn number(term: Term<'_>) -> Option<Number<'_>> {
    match term.kind() {
        Kind::Small(value) => Some(Number::Small(SmallLimb::new(value))),
        Kind::Big(big) => Some(Number::Big(big)),
        Kind::Float(float) => Some(Number::Float(float)),
        _ => None,
    }
}

impl Number<'_> {
    fn view(&self) -> Option<BigRef<'_>> {
        match self {
            Number::Small(limb) => Some(limb.view()),
            Number::Big(big) => Some(*big),
            Number::Float(_) => None,
        }
    }

    fn to_float(self) -> Option<f64> {
        match self {
            Number::Small(limb) => big::to_f64(limb.view()),
            Number::Big(big) => big::to_f64(big),
            Number::Float(float) => Some(float),
        }
    }
}

/// The term of an integer that was computed.
pub fn integer<'h>(heap: Heap<'h>, value: &BigBuf) -> Term<'h> {
    let view = value.view();
    heap.big(view.negative, view.limbs)
}

fn finite<'h>(heap: Heap<'h>, value: f64) -> Result<Term<'h>, ArithError> {
    if value.is_finite() {
        Ok(heap.float(value))
    } else {
        Err(ArithError::Badarith)
    }
}

/// A number's value as a float; none if it is no number or too large.
pub fn to_float(term: Term<'_>) -> Option<f64> {
    number(term)?.to_float()
}

fn mixed<'h>(
    heap: Heap<'h>,
    a: Term<'h>,
    b: Term<'h>,
    integers: impl FnOnce(BigRef<'_>, BigRef<'_>) -> Result<BigBuf, ArithError>,
    floats: impl FnOnce(f64, f64) -> f64,
) -> Result<Term<'h>, ArithError> {
    let (a, b) = (
        number(a).ok_or(ArithError::Badarith)?,
        number(b).ok_or(ArithError::Badarith)?,
    );
    if let (Some(left), Some(right)) = (a.view(), b.view()) {
        return integers(left, right).map(|value| integer(heap, &value));
    }
    let left = a.to_float().ok_or(ArithError::Badarith)?;
    let right = b.to_float().ok_or(ArithError::Badarith)?;
    finite(heap, floats(left, right))
}

/// `a + b`.
pub fn add<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    if let (Some(left), Some(right)) = (a.as_small(), b.as_small()) {
        return Ok(heap.integer(left + right));
    }
    mixed(heap, a, b, big::add, |a, b| a + b)
}

/// `a - b`.
pub fn sub<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    if let (Some(left), Some(right)) = (a.as_small(), b.as_small()) {
        return Ok(heap.integer(left - right));
    }
    mixed(heap, a, b, big::sub, |a, b| a - b)
}

/// `a * b`.
pub fn mul<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    if let (Some(left), Some(right)) = (a.as_small(), b.as_small())
        && let Some(product) = left.checked_mul(right)
    {
        return Ok(heap.integer(product));
    }
    mixed(heap, a, b, big::mul, |a, b| a * b)
}

/// `a / b`.
pub fn divide<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    let left = to_float(a).ok_or(ArithError::Badarith)?;
    let right = to_float(b).ok_or(ArithError::Badarith)?;
    if right == 0.0 {
        return Err(ArithError::Badarith);
    }
    finite(heap, left / right)
}

fn integers<'h>(
    heap: Heap<'h>,
    a: Term<'h>,
    b: Term<'h>,
    compute: impl FnOnce(BigRef<'_>, BigRef<'_>) -> Result<BigBuf, ArithError>,
) -> Result<Term<'h>, ArithError> {
    let (a, b) = (
        Integer::of(a).ok_or(ArithError::Badarith)?,
        Integer::of(b).ok_or(ArithError::Badarith)?,
    );
    compute(a.view(), b.view()).map(|value| integer(heap, &value))
}

/// `a div b`.
pub fn div<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    integers(heap, a, b, big::div)
}

/// `a rem b`.
pub fn rem<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    integers(heap, a, b, big::rem)
}

/// `a band b`.
pub fn band<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    integers(heap, a, b, big::band)
}

/// `a bor b`.
pub fn bor<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    integers(heap, a, b, big::bor)
}

/// `a bxor b`.
pub fn bxor<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    integers(heap, a, b, big::bxor)
}

/// `a bsl b`.
pub fn bsl<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    integers(heap, a, b, |a, b| big::bsl(a, big::shift_count(b)))
}

/// `a bsr b`.
pub fn bsr<'h>(heap: Heap<'h>, a: Term<'h>, b: Term<'h>) -> Result<Term<'h>, ArithError> {
    integers(heap, a, b, |a, b| big::bsr(a, big::shift_count(b)))
}

/// `bnot a`.
pub fn bnot<'h>(heap: Heap<'h>, a: Term<'h>) -> Result<Term<'h>, ArithError> {
    let a = Integer::of(a).ok_or(ArithError::Badarith)?;
    big::bnot(a.view()).map(|value| integer(heap, &value))
}

/// `-a`.
pub fn negate<'h>(heap: Heap<'h>, a: Term<'h>) -> Result<Term<'h>, ArithError> {
    match a.kind() {
        Kind::Small(value) => Ok(heap.integer(-value)),
        Kind::Big(big) => Ok(heap.big(!big.negative, big.limbs)),
        Kind::Float(value) => Ok(heap.float(-value)),
        _ => Err(ArithError::Badarith),
    }
}

/// `abs(a)`; an error if it is no number.
pub fn abs<'h>(heap: Heap<'h>, a: Term<'h>) -> Result<Term<'h>, ArithError> {
    match a.kind() {
        Kind::Small(value) => Ok(heap.integer(value.abs())),
        Kind::Big(big) if big.negative => Ok(heap.big(false, big.limbs)),
        // OTP 25: the negative zero is not less than zero.
        Kind::Float(value) if value < 0.0 => Ok(heap.float(-value)),
        Kind::Float(_) | Kind::Big(_) => Ok(a),
        _ => Err(ArithError::Badarith),
    }
}
