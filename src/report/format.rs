//! Numbers as every report writes them: three significant digits, units, thousands apart.
//!
//! Spaces inside a number and before its unit never break a line: a narrow one (U+202F)
//! between thousands, U+00A0 before units. Where only ASCII spaces are wanted, [`plain`]
//! makes them so.

/// Between thousands.
pub const THIN: char = '\u{202f}';
/// Between a number and its unit.
pub const NO_BREAK: char = '\u{a0}';
/// Where there is nothing to show.
pub const NO_DATA: &str = "–";

/// `4 210`, `61.3`, `0.5`: three significant digits without trailing zeros. Not for counts.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return NO_DATA.into();
    }
    let rounded = round_to_three_digits(value);
    if rounded == 0.0 {
        return "0".into();
    }
    let decimals = usize::try_from((2 - magnitude(rounded)).clamp(0, 9)).unwrap_or(0);
    let digits = format!("{:.decimals$}", rounded.abs());
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        &digits
    };
    let sign = if rounded < 0.0 { "−" } else { "" };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", grouped(whole))
}

/// `1 234 567`: every digit.
#[must_use]
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// Capacity units, whole where they are: `3 000`, `0.5`.
#[must_use]
pub fn units(value: f64) -> String {
    if value.is_finite() && value.fract() == 0.0 && value.abs() < 1e15 {
        let sign = if value < 0.0 { "−" } else { "" };
        format!("{sign}{}", grouped(&format!("{:.0}", value.abs())))
    } else {
        number(value)
    }
}

/// A part of a whole in percent: `61.3 %`. Reads `100 %` only when it is all, and `0 %` only
/// when it is nothing.
#[must_use]
pub fn percent(fraction: f64) -> String {
    let percent = fraction * 100.0;
    if percent < 100.0 && round_to_three_digits(percent) >= 100.0 {
        return format!(">99.9{NO_BREAK}%");
    }
    if percent > 0.0 && percent < 0.001 {
        return format!("<0.001{NO_BREAK}%");
    }
    format!("{}{NO_BREAK}%", number(percent))
}

/// Nanoseconds in the unit that suits them: `842 µs`, `7.9 ms`, `1.81 s`.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "three digits are shown of at most twenty"
)]
pub fn duration(nanos: u64) -> String {
    let (value, unit) = duration_parts(nanos as f64);
    format!("{value}{NO_BREAK}{unit}")
}

/// The same for a difference of durations, which may be negative.
#[must_use]
pub fn duration_difference(nanos: f64) -> String {
    let (value, unit) = duration_parts(nanos);
    format!("{value}{NO_BREAK}{unit}")
}

fn duration_parts(nanos: f64) -> (String, &'static str) {
    let rounded = round_to_three_digits(nanos);
    let (scale, unit) = match rounded.abs() {
        size if size >= 1e9 => (1e9, "s"),
        size if size >= 1e6 => (1e6, "ms"),
        0.0 => (1e6, "ms"),
        _ => (1e3, "µs"),
    };
    (number(rounded / scale), unit)
}

/// The length of a run: `45 s`, `10m00s`, `8h05m`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates where a run would be longer than the universe is old"
)]
pub fn length(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{}{NO_BREAK}s", number(seconds));
    }
    let whole = seconds.round() as u64;
    if whole < 3600 {
        format!("{}m{:02}s", whole / 60, whole % 60)
    } else {
        format!("{}h{:02}m", whole / 3600, whole % 3600 / 60)
    }
}

/// `name`, or where it is too long to be repeated, its beginning and its end.
#[must_use]
pub fn shortened(name: &str, most: usize) -> String {
    let count = name.chars().count();
    if count <= most {
        return name.to_owned();
    }
    let tail = most / 3;
    let head = most - tail - 1;
    let chars = name.chars();
    let begin: String = chars.clone().take(head).collect();
    let end: String = chars.skip(count - tail).collect();
    format!("{begin}…{end}")
}

/// With plain spaces only.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace([THIN, NO_BREAK], " ")
}

/// Lines of plain text, each ended by a newline.
#[must_use]
pub fn joined(lines: impl IntoIterator<Item = String>) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(plain(&line).trim_end());
        text.push('\n');
    }
    text
}

fn grouped(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(THIN);
        }
        grouped.push(digit);
    }
    grouped
}

/// The power of ten of the first digit: 0 for 1 to 9.99, −1 for 0.1.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a double's exponent has three digits"
)]
fn magnitude(value: f64) -> i32 {
    value.abs().log10().floor() as i32
}

fn round_to_three_digits(value: f64) -> f64 {
    // Decimal formatting rounds the shortest way; scaling by powers of ten would not.
    format!("{value:.2e}").parse().unwrap_or(value)
}
