//! DynamoDB's numbers: what is one, and how many bytes it takes.
//!
//! Knows text only; must not know where numbers come from.

use super::NumberSizeRule;

/// The longest number: 38 significant digits that straddle pairs, or a sign. `[NUM]`, measured.
const NUMBER_BYTES_MAX: u64 = 21;

/// Bytes of a number, 1–21, whatever its spelling: significant digits in base 100, aligned on
/// the decimal point, `[NUM]` (measured; the rule `base100_aligned`).
///
/// The embedded emulator's store has the other rule that fits what was measured: it counts the
/// digits before and behind the point apart, which takes a byte less for numbers such as 120. A
/// read that sums up many of them may therefore declare a block less there.
///
/// `literal` is what DynamoDB accepts as a number: an optional sign, digits with at most one
/// point, an optional exponent. Other characters are passed over, so the result for text that
/// is no number means nothing.
#[must_use]
pub fn number_size(literal: &str) -> u64 {
    number_size_by(literal, NumberSizeRule::Base100Aligned)
}

/// The same by either rule that fits what was measured.
#[must_use]
pub fn number_size_by(literal: &str, rule: NumberSizeRule) -> u64 {
    let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
        None => (literal, 0_i64),
    };
    let negative = mantissa.trim_start().starts_with('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || {
        let all = whole.bytes().chain(fraction.bytes());
        all.filter(u8::is_ascii_digit).zip(0_i64..)
    };
    let significant = || digits().filter(|&(digit, _)| digit != b'0');
    let (Some((_, first)), Some((_, last))) = (significant().next(), significant().last()) else {
        return 1;
    };
    let whole_digits = length(whole.bytes().filter(u8::is_ascii_digit).count());
    // |x| = 0.s × 10^point, with s = digits first..=last.
    let point = whole_digits.cast_signed() - first + (exponent % 2);
    let digits = last - first + 1;
    let pairs = match rule {
        NumberSizeRule::Base100Aligned => {
            (digits + point.rem_euclid(2)).cast_unsigned().div_ceil(2)
        }
        NumberSizeRule::SplitDigits => {
            let point = whole_digits.cast_signed() - first + exponent;
            let whole = point.clamp(0, digits);
            let halved = |digits: i64| digits.cast_unsigned().div_ceil(2);
            halved(whole) + halved(digits - whole)
        }
    };
    (1 + pairs + u64::from(negative)).min(NUMBER_BYTES_MAX)
}

/// Significant digits, and powers of ten beyond which DynamoDB has no numbers. `[NUM]`.
const DIGITS_MAX: i64 = 38;
const EXPONENT_MAX: i64 = 125;
const EXPONENT_MIN: i64 = -130;

/// Whether DynamoDB takes `literal` as a number: up to 38 significant digits, 0 or a magnitude
/// from 10^-130 to below 10^126.
#[must_use]
pub fn is_number(literal: &str) -> bool {
    let (mantissa, exponent) = match literal.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (literal, Some(0)),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = || whole.bytes().chain(fraction.bytes());
    let Some(exponent) = exponent.filter(|exponent| exponent.abs() < 10_000) else {
        return false;
    };
    let digits = || all().zip(0_i64..);
    if digits().next().is_none() || !all().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let significant = || digits().filter(|(digit, _)| *digit != b'0');
    let (Some((_, first)), Some((_, last))) = (significant().next(), significant().last()) else {
        return true;
    };
    // The first significant digit stands for this power of ten.
    let power = length(whole.len()).cast_signed() - 1 - first + exponent;
    last - first < DIGITS_MAX && (EXPONENT_MIN..=EXPONENT_MAX).contains(&power)
}

/// `usize` has at most 64 bits on every platform that Rust knows.
const fn length(bytes: usize) -> u64 {
    bytes as u64
}
