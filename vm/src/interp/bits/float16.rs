//! IEEE 754 half precision, which Rust has no stable type for.

/// The value of 16 bits.
pub(crate) fn decode(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2f64.powi(-24),
        0x1f if fraction == 0.0 => sign * f64::INFINITY,
        0x1f => f64::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

/// The nearest 16 bits, ties to even; infinity beyond the range.
pub(crate) fn encode(value: f64) -> u16 {
    let sign = if value.is_sign_negative() { 1 << 15 } else { 0 };
    let magnitude = value.abs();
    // Half of the last step above the largest number still rounds to it.
    if magnitude >= 65520.0 {
        return sign | 0x7c00;
    }
    if magnitude < 2f64.powi(-14) {
        return sign | (magnitude * 2f64.powi(24)).round_ties_even() as u16;
    }
    let exponent = ((magnitude.to_bits() >> 52) as i32) - 1023;
    let scaled = (magnitude * 2f64.powi(10 - exponent)).round_ties_even() as u32;
    // 1024 ≤ scaled ≤ 2048; 2048 carries into the exponent by plain addition.
    sign | (((exponent + 15) as u32 * 1024) + (scaled - 1024)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives() {
        for bits in 0..=u16::MAX {
            let value = decode(bits);
            if value.is_finite() {
                assert_eq!(encode(value), bits, "{value}");
            }
        }
        assert_eq!(encode(65519.9), 0x7bff);
        assert_eq!(encode(1e9), 0x7c00);
    }
}
