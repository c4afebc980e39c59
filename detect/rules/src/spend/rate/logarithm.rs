//! Logarithms and powers of two of additions, multiplications and divisions only, which IEEE 754 defines to the last bit: the
//! functions of the platform may differ by one. Nothing here knows money.

/// The logarithm of a number to the base 2; of what is below 1, nothing.
pub fn log2(number: f64) -> f64 {
    if number.is_nan() || number <= 1.0 {
        return 0.0;
    }
    let bits = number.to_bits();
    let exponent = ((bits >> 52) as i64 - 1_023) as f64;
    let mantissa = f64::from_bits(bits & ((1 << 52) - 1) | 1_023 << 52);
    // From half the root of 2 to the root of 2, where the series is short.
    let (exponent, mantissa) =
        if mantissa > std::f64::consts::SQRT_2 { (exponent + 1.0, mantissa / 2.0) } else { (exponent, mantissa) };
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0].iter().fold(0.0, |sum, odd| sum * square + 1.0 / odd);
    exponent + 2.0 * ratio * series / std::f64::consts::LN_2
}

/// 2 to this power, as far as money goes.
pub fn exp2(power: f64) -> f64 {
    let power = power.clamp(-64.0, 64.0);
    let whole = power.round();
    let rest = (power - whole) * std::f64::consts::LN_2;
    let series = (1..=12).rev().fold(1.0, |sum, term| 1.0 + sum * rest / f64::from(term));
    let scale = f64::from_bits(((whole as i64 + 1_023) as u64) << 52);
    series * scale
}

/// By how many standard deviations a normal value is exceeded with this chance (Abramowitz and Stegun 26.2.23, to 0.003).
pub fn deviations(chance: f64) -> f64 {
    let root = (2.0 * std::f64::consts::LN_2 * log2(1.0 / chance.clamp(1e-12, 0.5))).sqrt();
    root - (2.307_53 + 0.270_61 * root) / (1.0 + root * (0.992_29 + 0.044_81 * root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_platform_as_far_as_it_matters() {
        for step in 0..4_000 {
            let number = 1.0 + f64::from(step * step) * 17.3;
            assert!((log2(number) - number.log2()).abs() < 1e-9, "{number}");
            let power = f64::from(step) / 100.0 - 20.0;
            assert!((exp2(power) / power.exp2() - 1.0).abs() < 1e-12, "{power}");
        }
        for number in [f64::NAN, -3.0, 0.0, 1.0] {
            assert!(log2(number).abs() < 1e-12);
        }
        let check = |chance: f64, expected: f64| assert!((deviations(chance) - expected).abs() < 0.004, "{chance}");
        check(0.158_655, 1.0);
        check(1.35e-3, 3.0);
        check(3.167e-5, 4.0);
    }
}
