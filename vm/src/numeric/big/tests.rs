//! The operations against another implementation, and against the stock VM where there is one.

use super::*;
use crate::numeric::oracle::{Dice, erl};
use dashu_int::{IBig, Sign, UBig};

/// A number of up to `limbs` limbs, with many runs of ones and zeros, near the borders.
fn number(dice: &mut Dice, limbs: usize) -> BigBuf {
    let len = dice.below(limbs + 1);
    let digits = (0..len)
        .map(|_| match dice.below(5) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << dice.below(64),
            _ => dice.next(),
        })
        .collect();
    BigBuf::from_limbs(dice.below(2) == 0, digits)
}

fn reference(a: &BigBuf) -> IBig {
    IBig::from_parts(
        if a.negative {
            Sign::Negative
        } else {
            Sign::Positive
        },
        UBig::from_words(a.limbs()),
    )
}

fn check(what: &str, ours: &BigBuf, theirs: &IBig) {
    assert_eq!(&reference(ours), theirs, "{what}");
    assert_ne!(ours.limbs().last(), Some(&0), "{what}: normalised");
}

#[test]
fn operations_equal_another_implementation() {
    let mut dice = Dice::new(1);
    for round in 0..6000 {
        let limbs = if round % 100 == 0 { 120 } else { 9 };
        let (a, b) = (number(&mut dice, limbs), number(&mut dice, limbs));
        let (x, y) = (reference(&a), reference(&b));
        check("+", &add(a.view(), b.view()).unwrap(), &(&x + &y));
        check("-", &sub(a.view(), b.view()).unwrap(), &(&x - &y));
        check("*", &mul(a.view(), b.view()).unwrap(), &(&x * &y));
        check("band", &band(a.view(), b.view()).unwrap(), &(&x & &y));
        check("bor", &bor(a.view(), b.view()).unwrap(), &(&x | &y));
        check("bxor", &bxor(a.view(), b.view()).unwrap(), &(&x ^ &y));
        check("bnot", &bnot(a.view()).unwrap(), &!&x);
        check("neg", &neg(a.view()), &-&x);
        assert_eq!(a.view().cmp(&b.view()), x.cmp(&y));
        if b.view().is_zero() {
            assert_eq!(div_rem(a.view(), b.view()), Err(ArithError::Badarith));
        } else {
            let (quotient, rest) = div_rem(a.view(), b.view()).unwrap();
            check("div", &quotient, &(&x / &y));
            check("rem", &rest, &(&x % &y));
            let product = mul(a.view(), b.view()).unwrap();
            check("exact", &div(product.view(), b.view()).unwrap(), &x);
        }
        let count = dice.below(300);
        check("bsl", &bsl(a.view(), count as i64).unwrap(), &(&x << count));
        check("bsr", &bsr(a.view(), count as i64).unwrap(), &(&x >> count));
    }
}

#[test]
fn text_goes_both_ways_in_every_radix() {
    let mut dice = Dice::new(2);
    for round in 0..700 {
        let a = number(&mut dice, if round % 10 == 0 { 90 } else { 6 });
        let radix = 2 + (round % 35) as u32;
        let mut text = Vec::new();
        print(a.view(), radix, &mut text);
        let expected = reference(&a)
            .in_radix(radix as u8)
            .to_string()
            .to_uppercase();
        assert_eq!(
            String::from_utf8(text.clone()).unwrap(),
            expected,
            "radix {radix}"
        );
        assert_eq!(parse(&text, radix).as_ref(), Ok(&a));
        assert_eq!(parse(&text.to_ascii_lowercase(), radix), Ok(a));
    }
    for bad in [
        "",
        "-",
        "+",
        "--1",
        "1_0",
        "12a",
        " 1",
        "1 ",
        "+-1",
        &format!("{}x", "9".repeat(900)),
    ] {
        assert_eq!(
            parse(bad.as_bytes(), 10),
            Err(ParseError::NoInteger),
            "{bad:?}"
        );
    }
    for (good, value) in [
        ("-0", 0i64),
        ("+0007", 7),
        (&"0".repeat(2000), 0),
        ("-1152921504606846976", MIN_SMALL),
    ] {
        assert_eq!(
            parse(good.as_bytes(), 10),
            Ok(BigBuf::from(value)),
            "{good:?}"
        );
    }
}

#[test]
fn small_integers_have_61_bits() {
    let rows = [
        (MAX_SMALL, true),
        (MIN_SMALL, true),
        (MAX_SMALL + 1, false),
        (MIN_SMALL - 1, false),
        (0, true),
    ];
    for (value, small) in rows {
        assert_eq!(BigBuf::from(value).to_small(), small.then_some(value));
        assert_eq!(BigBuf::from(value).view().to_i64(), Some(value));
    }
    assert_eq!(BigBuf::from(i64::MIN).view().to_i64(), Some(i64::MIN));
    assert_eq!(BigBuf::from(-(1i128 << 64)).view().to_i64(), None);
}

#[test]
fn results_beyond_the_limit_are_refused() {
    let largest = BigBuf::from_limbs(false, smallvec::smallvec![u64::MAX; MAX_LIMBS]);
    let one = SmallLimb::new(1);
    assert_eq!(
        add(largest.view(), one.view()),
        Err(ArithError::SystemLimit)
    );
    assert_eq!(
        mul(largest.view(), largest.view()),
        Err(ArithError::SystemLimit)
    );
    assert_eq!(bsl(largest.view(), 1), Err(ArithError::SystemLimit));
    assert_eq!(bnot(largest.view()), Err(ArithError::SystemLimit));
    assert!(bsl(one.view(), 64 * MAX_LIMBS as i64 - 1).is_ok());
    assert_eq!(
        bsl(one.view(), 64 * MAX_LIMBS as i64),
        Err(ArithError::SystemLimit)
    );
    assert_eq!(bsl(one.view(), i64::MAX), Err(ArithError::SystemLimit));
    assert_eq!(bsr(one.view(), i64::MIN), Err(ArithError::SystemLimit));
    assert_eq!(bsl(BigBuf::zero().view(), i64::MAX), Ok(BigBuf::zero()));
    assert_eq!(
        bsr(SmallLimb::new(-5).view(), i64::MAX),
        Ok(BigBuf::from(-1i64))
    );
    assert_eq!(
        parse("1".repeat(11_000_000).as_bytes(), 10),
        Err(ParseError::SystemLimit)
    );
}

#[test]
fn floats_round_and_compare_exactly() {
    let mut dice = Dice::new(3);
    for _ in 0..4000 {
        let a = number(&mut dice, 16);
        let x = reference(&a);
        let nearest = x.to_f64().value();
        assert_eq!(
            to_f64_nearest(a.view()),
            nearest.is_finite().then_some(nearest)
        );
        let Some(value) = to_f64(a.view()) else {
            continue;
        };
        let whole = trunc(value).unwrap();
        assert_eq!(cmp_f64(a.view(), value), x.cmp(&reference(&whole)));
        assert_eq!(
            to_f64(whole.view()),
            Some(value),
            "a float of no fraction comes back"
        );
        let random = f64::from_bits(dice.next());
        if random.is_finite() {
            let floor = floor(random).unwrap();
            let expected = a.view().cmp(&floor.view()).then(if random.fract() == 0.0 {
                Ordering::Equal
            } else {
                Ordering::Less
            });
            assert_eq!(cmp_f64(a.view(), random), expected, "{a:?} {random}");
        }
    }
    for (value, truncated, rounded, floored, ceiled) in [
        (2.5, 2i64, 3i64, 2i64, 3i64),
        (-2.5, -2, -3, -3, -2),
        (0.49999999999999994, 0, 0, 0, 1),
        (-0.0, 0, 0, 0, 0),
    ] {
        assert_eq!(trunc(value), Some(BigBuf::from(truncated)));
        assert_eq!(round(value), Some(BigBuf::from(rounded)));
        assert_eq!(floor(value), Some(BigBuf::from(floored)));
        assert_eq!(ceil(value), Some(BigBuf::from(ceiled)));
    }
    assert_eq!(trunc(f64::INFINITY), None);
    assert_eq!(
        cmp_i64_f64(i64::MAX, 9_223_372_036_854_775_808.0),
        Ordering::Less
    );
    assert_eq!(
        cmp_i64_f64(i64::MIN, -9_223_372_036_854_775_808.0),
        Ordering::Equal
    );
    assert_eq!(cmp_i64_f64(0, -0.5), Ordering::Greater);
    assert_eq!(cmp_i64_f64(0, -0.0), Ordering::Equal);
}

#[test]
fn a_float_of_many_limbs_is_the_stock_one() {
    // Correctly rounded, this would be 2^127 + 2^75.
    let a = BigBuf::from((1i128 << 126) + (1 << 73) + 1);
    let a = bsl(a.view(), 1).unwrap();
    let a = add(a.view(), SmallLimb::new(1).view()).unwrap();
    assert_eq!(to_f64(a.view()), Some(2f64.powi(127)));
    assert_eq!(
        to_f64_nearest(a.view()),
        Some(2f64.powi(127) + 2f64.powi(75))
    );
    let top = bsl(SmallLimb::new(1).view(), 1024).unwrap();
    assert_eq!(to_f64(top.view()), None);
}

#[test]
fn bit_fields_go_both_ways() {
    let mut dice = Dice::new(4);
    for _ in 0..4000 {
        let (offset, bits) = (dice.below(17), 1 + dice.below(300));
        let original: Vec<u8> = (0..(offset + bits).div_ceil(8) + 1)
            .map(|_| dice.next() as u8)
            .collect();
        for endian in [Endian::Big, Endian::Little] {
            for signed in [false, true] {
                let value = from_bits(&original, offset, bits, endian, signed).unwrap();
                let mut copy = original.clone();
                for bit in offset..offset + bits {
                    copy[bit / 8] ^= 0x80 >> (bit % 8);
                }
                to_bits(value.view(), &mut copy, offset, bits, endian);
                assert_eq!(copy, original);
            }
        }
    }
    let bytes = [0x01, 0x02, 0xf0];
    let read = |bits, endian, signed| {
        from_bits(&bytes, 0, bits, endian, signed)
            .unwrap()
            .to_small()
    };
    assert_eq!(read(20, Endian::Big, false), Some(0x0102f));
    assert_eq!(read(20, Endian::Little, false), Some(0xf0201));
    assert_eq!(read(20, Endian::Little, true), Some(0xf0201 - (1 << 20)));
    assert_eq!(read(0, Endian::Big, true), Some(0));
    assert_eq!(
        from_le_bytes(true, &[0, 1, 0, 0]),
        Ok(BigBuf::from(-256i64))
    );
    assert_eq!(
        BigBuf::from(-0x1_0203i64)
            .view()
            .le_bytes()
            .collect::<Vec<_>>(),
        [3, 2, 1]
    );
}

#[test]
fn the_stock_vm_agrees() {
    let mut dice = Dice::new(5);
    let (mut expressions, mut expected) = (Vec::new(), Vec::new());
    let show = |number: &BigBuf| {
        let mut text = Vec::new();
        print(number.view(), 10, &mut text);
        String::from_utf8(text).unwrap()
    };
    for _ in 0..150 {
        let (a, b) = (number(&mut dice, 6), number(&mut dice, 6));
        let (x, y) = (show(&a), show(&b));
        let quotient = div(a.view(), b.view()).map_or("badarith".to_owned(), |value| show(&value));
        let rest = rem(a.view(), b.view()).map_or("badarith".to_owned(), |value| show(&value));
        let count = dice.below(200);
        let rows = [
            (
                format!("({x}) * ({y})"),
                show(&mul(a.view(), b.view()).unwrap()),
            ),
            (format!("({x}) div ({y})"), quotient),
            (format!("({x}) rem ({y})"), rest),
            (
                format!("({x}) bxor ({y})"),
                show(&bxor(a.view(), b.view()).unwrap()),
            ),
            (
                format!("({x}) bsr {count}"),
                show(&bsr(a.view(), count as i64).unwrap()),
            ),
            (
                format!("trunc(float({x}))"),
                show(&trunc(to_f64(a.view()).unwrap()).unwrap()),
            ),
            (format!("<<({x}):{count}/little>>"), {
                let mut field = vec![0; count.div_ceil(8)];
                to_bits(a.view(), &mut field, 0, count, Endian::Little);
                bit_string(&field, count)
            }),
        ];
        for (expression, value) in rows {
            expressions.push(expression);
            expected.push(value);
        }
    }
    let Some(answers) = erl(&expressions) else {
        return;
    };
    for ((expression, value), answer) in expressions.iter().zip(&expected).zip(&answers) {
        assert_eq!(value, answer, "{expression}");
    }
    assert_eq!(answers.len(), expected.len());
}

/// A bit string as `~w` prints it.
fn bit_string(bytes: &[u8], bits: usize) -> String {
    let mut parts: Vec<String> = bytes.iter().map(u8::to_string).collect();
    if !bits.is_multiple_of(8) {
        let last = bytes[bytes.len() - 1] >> (8 - bits % 8);
        let at = parts.len() - 1;
        parts[at] = format!("{last}:{}", bits % 8);
    }
    format!("<<{}>>", parts.join(","))
}
