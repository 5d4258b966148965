//! Floats as text: `float_to_list/1,2`, `float_to_binary/1,2` and their inverses.
//!
//! The forms are those of OTP 25, with the oddities that programs can see: see [`Format`].

use std::io::Write;

/// The longest text that the stock VM gives in the forms that go through the C library.
const MAX_TEXT: usize = 255;
/// 2^53: integers from here on are not all floats, and the shortest form writes them with an exponent.
const EXACT: u64 = 1 << 53;

/// How a float is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `{scientific, Decimals}`, and with 20 decimals what is done without options: `1.00000e+00`.
    /// Decimals below zero stand for six, as in C.
    Scientific {
        /// Digits after the point.
        decimals: i32,
    },
    /// `{decimals, Decimals}`: `1.0000`, zeros at the end dropped if compact (but one digit kept).
    Fixed {
        /// Digits after the point.
        decimals: i32,
        /// Whether `compact` was asked for; only this form heeds it.
        compact: bool,
    },
    /// `short`: as few digits as give the same float back.
    Short,
}

impl Format {
    /// The form of `float_to_list/1`.
    pub const DEFAULT: Format = Format::Scientific { decimals: 20 };
}

/// The text would be too long, or there is none: `badarg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoText;

/// Appends `value`, which is finite, to `out`; nothing is appended on an error.
pub fn print(value: f64, format: Format, out: &mut Vec<u8>) -> Result<(), NoText> {
    match format {
        Format::Short => print_short(value, out),
        Format::Scientific { decimals } => return print_scientific(value, decimals, out),
        Format::Fixed { decimals, compact } => return print_fixed(value, decimals, compact, out),
    }
    Ok(())
}

fn print_scientific(value: f64, decimals: i32, out: &mut Vec<u8>) -> Result<(), NoText> {
    let decimals = usize::try_from(decimals).unwrap_or(6);
    if decimals > MAX_TEXT {
        return Err(NoText);
    }
    let text = format!("{value:.decimals$e}");
    let (mantissa, exponent) = text.split_once('e').ok_or(NoText)?;
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let text = format!("{mantissa}e{sign}{exponent:0>2}");
    if text.len() > MAX_TEXT {
        return Err(NoText);
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn print_fixed(value: f64, decimals: i32, compact: bool, out: &mut Vec<u8>) -> Result<(), NoText> {
    let decimals = usize::try_from(decimals).map_err(|_| NoText)?;
    if value.abs() > EXACT as f64 || decimals > 18 {
        return print_fixed_exact(value, decimals, compact, out);
    }
    let start = out.len();
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let magnitude = value.abs();
    if decimals == 0 {
        push(out, format_args!("{}", magnitude.round() as u64));
        return Ok(());
    }
    // The fraction is scaled in floating point: not always what exact rounding would give.
    let scale = 10f64.powi(decimals as i32);
    let (mut whole, fraction) = (
        magnitude.floor(),
        ((magnitude - magnitude.floor()) * scale).round(),
    );
    let mut digits = fraction as u64;
    if fraction >= scale {
        (whole, digits) = (whole + 1.0, 0);
    }
    push(out, format_args!("{}.{digits:0decimals$}", whole as u64));
    if compact {
        drop_zeros(out, start);
    }
    Ok(())
}

fn print_fixed_exact(
    value: f64,
    decimals: usize,
    compact: bool,
    out: &mut Vec<u8>,
) -> Result<(), NoText> {
    if decimals > MAX_TEXT {
        return Err(NoText);
    }
    let start = out.len();
    push(out, format_args!("{value:.decimals$}"));
    if out.len() - start > MAX_TEXT {
        out.truncate(start);
        return Err(NoText);
    }
    if compact {
        // With no decimals this eats the zeros of a whole number, as the stock VM does.
        drop_zeros(out, start);
    }
    Ok(())
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to memory does not fail");
}

/// Drops zeros at the end of what follows `start`, but leaves a digit after the point.
fn drop_zeros(out: &mut Vec<u8>, start: usize) {
    let kept = out[start..]
        .iter()
        .rposition(|&byte| byte != b'0')
        .map_or(0, |last| last + 1);
    let kept = start + kept;
    let point = out[..kept].ends_with(b".");
    out.truncate(kept + usize::from(point));
}

/// The shortest digits of a positive float or zero, and the power of ten that they are multiplied by.
fn shortest(value: f64) -> (u64, i32) {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let mut exponent: i32 = exponent.parse().unwrap_or(0);
    let (mut digits, mut after_point) = (0u64, false);
    for byte in mantissa.bytes() {
        if byte == b'.' {
            after_point = true;
        } else {
            digits = digits * 10 + u64::from(byte - b'0');
            exponent -= i32::from(after_point);
        }
    }
    while digits != 0 && digits.is_multiple_of(10) {
        (digits, exponent) = (digits / 10, exponent + 1);
    }
    (digits, if digits == 0 { 0 } else { exponent })
}

/// Whether the shortest form of `digits · 10^exponent` (`length` digits) has no exponent: where that is not
/// longer, and the number is no integer that floats cannot tell from its neighbours.
fn is_plain(digits: u64, exponent: i32, length: i32) -> bool {
    let (lowest, highest) = match length {
        1 => (-4, 2),
        _ if exponent + length > 10 => (-(length + 2), 2),
        _ => (-(length + 2), 1),
    };
    let exact = || exponent < 0 || digits * 10u64.pow(exponent as u32) < EXACT;
    (lowest..=highest).contains(&exponent) && exact()
}

fn print_short(value: f64, out: &mut Vec<u8>) {
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let (number, exponent) = shortest(value.abs());
    let digits = number.to_string().into_bytes();
    let length = digits.len() as i32;
    if !is_plain(number, exponent, length) {
        out.push(digits[0]);
        out.push(b'.');
        out.extend_from_slice(if length == 1 { b"0" } else { &digits[1..] });
        push(out, format_args!("e{}", exponent + length - 1));
        return;
    }
    let whole = length + exponent;
    if exponent >= 0 {
        out.extend_from_slice(&digits);
        out.resize(out.len() + exponent as usize, b'0');
        out.extend_from_slice(b".0");
    } else if whole > 0 {
        let (before, after) = digits.split_at(whole as usize);
        out.extend_from_slice(before);
        out.push(b'.');
        out.extend_from_slice(after);
    } else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + whole.unsigned_abs() as usize, b'0');
        out.extend_from_slice(&digits);
    }
}

/// Reads a float as `list_to_float/1` and `binary_to_float/1` do: sign or none, digits, a point (or comma),
/// digits, perhaps an exponent. What follows a zero byte is not seen. None if it is no float, or too large.
pub fn parse(text: &[u8]) -> Option<f64> {
    let text = text.split(|&byte| byte == 0).next()?;
    let unsigned = text
        .strip_prefix(b"+")
        .or_else(|| text.strip_prefix(b"-"))
        .unwrap_or(text);
    let rest = skip_digits(unsigned)?;
    let rest = skip_digits(
        rest.strip_prefix(b".")
            .or_else(|| rest.strip_prefix(b","))?,
    )?;
    let rest = match rest {
        [b'e' | b'E', b'+' | b'-', exponent @ ..] | [b'e' | b'E', exponent @ ..] => {
            skip_digits(exponent)?
        }
        rest => rest,
    };
    if !rest.is_empty() {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = if text.contains(',') {
        text.replace(',', ".").parse().ok()?
    } else {
        text.parse().ok()?
    };
    value.is_finite().then_some(value)
}

/// What follows one digit or more.
fn skip_digits(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then(|| &text[digits..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::oracle::{Dice, erl};

    fn show(value: f64, format: Format) -> String {
        let mut out = Vec::new();
        match print(value, format, &mut out) {
            Ok(()) => String::from_utf8(out).unwrap(),
            Err(NoText) => "badarg".to_owned(),
        }
    }

    fn columns() -> Vec<(&'static str, Format)> {
        let fixed = |decimals, compact| Format::Fixed { decimals, compact };
        vec![
            ("[short]", Format::Short),
            ("[]", Format::DEFAULT),
            ("[{decimals,0}]", fixed(0, false)),
            ("[{decimals,2}]", fixed(2, false)),
            ("[{decimals,4},compact]", fixed(4, true)),
            ("[{decimals,18}]", fixed(18, false)),
            ("[{decimals,25}]", fixed(25, false)),
            ("[{decimals,30},compact]", fixed(30, true)),
            ("[{scientific,0}]", Format::Scientific { decimals: 0 }),
            ("[{scientific,3}]", Format::Scientific { decimals: 3 }),
            ("[{scientific,30}]", Format::Scientific { decimals: 30 }),
        ]
    }

    #[test]
    fn printing_equals_the_samples() {
        let rows = include_str!("float_samples.tsv")
            .lines()
            .filter(|line| !line.starts_with('#'));
        let mut count = 0;
        for row in rows {
            let mut cells = row.split('\t');
            let value = f64::from_bits(u64::from_str_radix(cells.next().unwrap(), 16).unwrap());
            for ((options, format), expected) in columns().into_iter().zip(cells) {
                assert_eq!(
                    show(value, format),
                    expected,
                    "float_to_list({value:e}, {options})"
                );
                if options == "[short]" || options == "[]" {
                    assert_eq!(
                        parse(expected.as_bytes()).map(f64::to_bits),
                        Some(value.to_bits()),
                        "{expected}"
                    );
                }
            }
            count += 1;
        }
        assert!(count >= 200);
    }

    #[test]
    fn the_stock_vm_prints_the_same() {
        let mut dice = Dice::new(7);
        let (mut expressions, mut expected) = (Vec::new(), Vec::new());
        while expressions.len() < 2000 {
            let value = match dice.below(4) {
                0 => f64::from_bits(dice.next()),
                1 => {
                    (dice.next() >> dice.below(60)) as f64 * 10f64.powi(dice.below(30) as i32 - 20)
                }
                2 => dice.below(10_000) as f64 / 8.0 * 10f64.powi(dice.below(16) as i32 - 3),
                _ => {
                    (EXACT - 2000 + dice.next() % 4000) as f64
                        * [0.1, 1.0, 10.0, 100.0][dice.below(4)]
                }
            };
            if !value.is_finite() {
                continue;
            }
            let columns = columns();
            let (options, format) = columns[if dice.below(2) == 0 {
                0
            } else {
                dice.below(columns.len())
            }];
            expressions.push(format!(
                "<<F/float>> = <<{}:64>>, catch list_to_atom(float_to_list(F,{options}))",
                value.to_bits()
            ));
            expected.push(show(value, format));
        }
        let Some(answers) = erl(&expressions) else {
            return;
        };
        for ((expression, expected), answer) in expressions.iter().zip(&expected).zip(&answers) {
            let answer = if answer.contains("badarg") {
                "badarg"
            } else {
                answer.trim_matches('\'')
            };
            assert_eq!(answer, expected, "{expression}");
        }
        assert_eq!(answers.len(), expected.len());
    }

    #[test]
    fn the_limits_are_those_of_the_stock_vm() {
        let fixed = |value, decimals, compact| show(value, Format::Fixed { decimals, compact });
        assert_eq!(fixed(1.0e22, 0, true), "1");
        assert_eq!(fixed(1.0e22, 25, true), "10000000000000000000000.0");
        assert_eq!(fixed(-0.0, 0, false), "-0");
        assert_eq!(fixed(0.5, 253, false).len(), 255);
        assert_eq!(fixed(0.5, 254, false), "badarg");
        assert_eq!(fixed(-0.5, 253, false), "badarg");
        assert_eq!(fixed(0.5, i32::MAX, false), "badarg");
        assert_eq!(fixed(0.5, -1, false), "badarg");
        let scientific = |value, decimals| show(value, Format::Scientific { decimals });
        assert_eq!(scientific(2.5, -2), "2.500000e+00");
        assert_eq!(scientific(2.5, 249).len(), 255);
        assert_eq!(scientific(2.5, 250), "badarg");
        assert_eq!(scientific(-1.0e300, 248), "badarg");
    }

    #[test]
    fn only_whole_floats_are_read() {
        for (text, value) in [
            ("1.0", 1.0),
            ("1,5", 1.5),
            ("-1.5e-3", -0.0015),
            ("1.0E+5", 1.0e5),
            ("+1.0", 1.0),
            ("1.0e-400", 0.0),
            ("0.0e99999999999999", 0.0),
            ("4.9e-324", 5.0e-324),
            ("1.0\0x", 1.0),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text:?}");
        }
        for text in [
            "", "1", "1e5", ".5", "5.", "1.0e", "1.0e+", "1.0e400", " 1.0", "1.0 ", "inf", "nan",
            "1.0e5.0", "-",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
