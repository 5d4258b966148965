//! Times of the arithmetic, hashing and text beneath the BIFs, against `dashu-int` where it does the same.
//!
//! `cargo bench -p vm --bench numbers` prints nanoseconds for one operation (the best of several runs).

use dashu_int::UBig;
use std::hint::black_box;
use std::time::Instant;
use vm::numeric::big::{self, BigBuf, BigRef};
use vm::numeric::float::{self, Format};
use vm::numeric::hash::{checksum, fast, md5, phash2::Phash2};

/// Nanoseconds for one call.
fn time<R>(mut operation: impl FnMut() -> R) -> f64 {
    let mut rounds = 1u32;
    loop {
        let start = Instant::now();
        (0..rounds).for_each(|_| drop(black_box(operation())));
        if start.elapsed().as_micros() > 2_000 {
            break;
        }
        rounds *= 2;
    }
    (0..5)
        .map(|_| {
            let start = Instant::now();
            (0..rounds).for_each(|_| drop(black_box(operation())));
            start.elapsed().as_nanos() as f64 / f64::from(rounds)
        })
        .fold(f64::INFINITY, f64::min)
}

fn random(limbs: usize, seed: u64) -> Vec<u64> {
    let mut state = seed | 1;
    (0..limbs)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.wrapping_mul(0x2545_F491_4F6C_DD1D) | 1
        })
        .collect()
}

fn text(number: BigRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    big::print(number, 10, &mut out);
    out
}

fn integers() {
    println!("limbs |    add |  mul (dashu) |  div (dashu) | print (dashu) | parse (dashu)");
    for limbs in [1, 2, 4, 8, 16, 20, 24, 28, 32, 40, 48, 64, 128, 520] {
        let (x, y, z) = (random(limbs, 3), random(limbs, 5), random(2 * limbs, 7));
        let (a, b, c) = (
            BigRef::new(false, &x),
            BigRef::new(false, &y),
            BigRef::new(false, &z),
        );
        let (p, q, r) = (
            UBig::from_words(&x),
            UBig::from_words(&y),
            UBig::from_words(&z),
        );
        let digits = text(a);
        let string = String::from_utf8(digits.clone()).expect("digits are ASCII");
        println!(
            "{limbs:5} | {:6.0} | {:6.0} {:6.0} | {:6.0} {:6.0} | {:6.0} {:6.0} | {:6.0} {:6.0}",
            time(|| big::add(a, b)),
            time(|| big::mul(a, b)),
            time(|| &p * &q),
            time(|| big::div_rem(c, b)),
            time(|| &r / &q),
            time(|| text(a)),
            time(|| p.to_string()),
            time(|| big::parse(&digits, 10)),
            time(|| UBig::from_str_radix(&string, 10)),
        );
    }
}

/// Gibbons' spigot: additions, products with small numbers and divisions of growing ones.
fn pidigits(count: u32) -> u32 {
    let small = |value: u32| BigBuf::from(u64::from(value));
    let sum = |x: &BigBuf, y: &BigBuf| big::add(x.view(), y.view()).expect("far from the limit");
    let product =
        |x: &BigBuf, y: u32| big::mul(x.view(), small(y).view()).expect("far from the limit");
    let digit =
        |x: &BigBuf, y: &BigBuf| big::div(x.view(), y.view()).expect("the divisor grows from one");
    let (mut rest, mut below, mut above) = (small(0), small(1), small(1));
    let (mut found, mut term, mut check) = (0, 0, 0u32);
    while found < count {
        term += 1;
        let odd = 2 * term + 1;
        rest = product(&sum(&rest, &product(&above, 2)), odd);
        (below, above) = (product(&below, odd), product(&above, term));
        if above.view() > rest.view() {
            continue;
        }
        let third = digit(&sum(&product(&above, 3), &rest), &below);
        if third != digit(&sum(&product(&above, 4), &rest), &below) {
            continue;
        }
        found += 1;
        let value = third.to_small().unwrap_or(0) as u32;
        check = check.wrapping_mul(31).wrapping_add(value);
        let used = big::mul(below.view(), third.view()).expect("far from the limit");
        rest = product(
            &big::sub(rest.view(), used.view()).expect("far from the limit"),
            10,
        );
        above = product(&above, 10);
    }
    check
}

fn main() {
    // Cargo's test runner starts benches, too, and only wants to see them pass.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    integers();
    println!("pidigits 1000: {:.1} ms", time(|| pidigits(1000)) / 1e6);
    let mut out = Vec::with_capacity(64);
    for (name, format) in [("short", Format::Short), ("default", Format::DEFAULT)] {
        let printed = time(|| {
            out.clear();
            float::print(black_box(1234.5678e-3), format, &mut out)
        });
        println!("float, {name}: {printed:.0} ns");
    }
    println!(
        "float, parse: {:.0} ns",
        time(|| float::parse(black_box(b"1.2345678")))
    );
    let bytes = vec![b'x'; 1 << 20];
    let rate = |name: &str, nanoseconds: f64| {
        println!("{name}: {:.2} GB/s", bytes.len() as f64 / nanoseconds)
    };
    rate("md5", time(|| md5::md5(&bytes)));
    rate("crc32", time(|| checksum::crc32(0, &bytes)));
    rate("adler32", time(|| checksum::adler32(1, &bytes)));
    rate("fast hash", time(|| fast::bytes(&bytes, 1)));
    rate("phash2", time(|| Phash2::new().binary(&bytes, None)));
}
